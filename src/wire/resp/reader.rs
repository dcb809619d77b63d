//! Finds whole replies in what was received, however it is cut. It must not hold memory that was announced but not received, nor
//! look twice at what it has seen.

use super::reply::{Kind, Reply, Token, first, newline, short_text, token};
use super::{Fault, MAX_DEPTH, MAX_LINE};
use std::ops::Range;

/// Room for replies is given back down to this.
const KEEP: usize = 256 * 1024;

/// The receiving side of one connection.
#[derive(Debug)]
pub struct Reader {
    bytes: Vec<u8>,
    /// The reply that was found last. The next one begins where it ends.
    found: Range<usize>,
    /// Where in the next one the first line begins of which nothing is known yet.
    at: usize,
    /// That line does not end before this.
    searched: usize,
    /// The arrays that `at` is in, each with the number of elements to come.
    open: [(Kind, usize); MAX_DEPTH],
    depth: usize,
    /// Bytes of one reply.
    bound: usize,
    refused: Option<Fault>,
}

impl Reader {
    /// A reader at the start of a connection. `bound`: of the bytes of one reply, with all that is within.
    pub fn new(bound: usize) -> Self {
        Self {
            bytes: Vec::new(),
            found: 0..0,
            at: 0,
            searched: 0,
            open: [(Kind::List, 0); MAX_DEPTH],
            depth: 0,
            bound,
            refused: None,
        }
    }

    /// Takes in what was received. What [`advance`](Self::advance) has found before is not there any more.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.refused.is_some() {
            return;
        }
        let done = self.found.end;
        if done == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(KEEP);
        } else if done > self.bytes.len() / 2 {
            // What moves is less than what goes, which has been paid for.
            self.bytes.drain(..done);
        } else {
            self.bytes.extend_from_slice(bytes);
            return;
        }
        self.found = 0..0;
        self.at = self.at.saturating_sub(done);
        self.searched = self.searched.saturating_sub(done);
        self.bytes.extend_from_slice(bytes);
    }

    /// Goes to the next reply, if it is there whole. After a fault every later call has the same one.
    pub fn advance(&mut self) -> Result<bool, Fault> {
        if let Some(fault) = self.refused {
            return Err(fault);
        }
        let found = self.find();
        if let Err(fault) = found {
            *self = Self { refused: Some(fault), ..Self::new(self.bound) };
        }
        found
    }

    /// The reply to which [`advance`](Self::advance) went last; [`Reply::Null`] if there was none.
    pub fn reply(&self) -> Reply<'_> {
        self.bytes.get(self.found.clone()).and_then(first).map_or(Reply::Null, |(reply, _)| reply)
    }

    /// Bytes that [`advance`](Self::advance) has not gone past.
    pub fn buffered(&self) -> usize {
        self.bytes.len().saturating_sub(self.found.end)
    }

    /// The memory it occupies besides itself.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn find(&mut self) -> Result<bool, Fault> {
        let begin = self.found.end;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let within = self.at.saturating_sub(begin);
            if let Some((_, used)) = short_text(rest)
                && within.saturating_add(used) <= self.bound
            {
                if self.pass(used, begin) {
                    return Ok(true);
                }
                continue;
            }
            let known = self.searched.saturating_sub(self.at);
            let newline = newline(rest.get(known..).unwrap_or_default());
            let line = newline.map_or(rest.len(), |newline| newline.saturating_add(known));
            if line > MAX_LINE || within.saturating_add(line) >= self.bound {
                return Err(Fault::TooBig);
            }
            self.searched = self.at.saturating_add(line);
            if newline.is_none() {
                return Ok(false);
            }
            let (token, used) = token(rest, line, self.bound.saturating_sub(within))?;
            let Some(token) = token else { return Ok(false) };
            let done = match token {
                Token::Open(..) if self.depth == MAX_DEPTH => return Err(Fault::TooDeep),
                // It stands by itself.
                Token::Open(Kind::Push, _) if self.depth > 0 => return Err(Fault::Protocol),
                Token::Whole(_) | Token::Open(Kind::List | Kind::Map | Kind::Push, 0) => true,
                Token::Open(Kind::Attribute, 0) => false,
                Token::Open(kind, count) => {
                    *self.open.get_mut(self.depth).ok_or(Fault::TooDeep)? = (kind, count);
                    self.depth = self.depth.saturating_add(1);
                    false
                }
            };
            if done {
                if self.pass(used, begin) {
                    return Ok(true);
                }
            } else {
                self.at = self.at.saturating_add(used);
                self.searched = self.at;
            }
        }
    }

    /// Goes behind an element that is whole. Whether the reply is, which begins there.
    fn pass(&mut self, used: usize, begin: usize) -> bool {
        self.at = self.at.saturating_add(used);
        self.searched = self.at;
        let whole = self.close();
        if whole {
            self.found = begin..self.at;
        }
        whole
    }

    /// Counts an element that is whole, and what ends with it. Whether that is the reply.
    fn close(&mut self) -> bool {
        loop {
            let Some(innermost) = self.depth.checked_sub(1) else { return true };
            let Some((kind, left)) = self.open.get_mut(innermost) else { return true };
            *left = left.saturating_sub(1);
            if *left > 0 {
                return false;
            }
            self.depth = innermost;
            if *kind == Kind::Attribute {
                // What it is about is still to come.
                return false;
            }
        }
    }
}

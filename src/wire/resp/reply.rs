//! A whole reply, looked at where it lies. It must not copy, nor recurse: who sends it chooses how it is nested.

use super::{Fault, MAX_ELEMENTS};
use memchr::memchr;

/// What a Redis has said. Kinds that differ only in how they are sent are one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply<'a> {
    /// Nothing: of any of the kinds it has.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, also an infinite one or none.
    Double(f64),
    /// A number of more digits than an integer holds, as its text.
    Number(&'a [u8]),
    /// A text or bytes; a status as well.
    Text(&'a [u8]),
    /// A refusal: a code, and words behind it.
    Error(&'a [u8]),
    /// Elements in their order; a set as well.
    List(Items<'a>),
    /// Keys, each with its value behind it.
    Map(Items<'a>),
    /// What was not asked for: a message to a subscriber.
    Push(Items<'a>),
}

/// The elements of a reply, one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Items<'a> {
    /// Begins with the first of them and may go on behind the last one.
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Reply<'a>;

    fn next(&mut self) -> Option<Reply<'a>> {
        self.left = self.left.checked_sub(1)?;
        // The reader has found it whole.
        let (reply, rest) = first(self.rest)?;
        self.rest = match reply {
            // What lies within it is passed over only if there is more behind.
            Reply::List(_) | Reply::Map(_) | Reply::Push(_) if self.left > 0 => behind(self.rest)?,
            _ => rest,
        };
        Some(reply)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The reply that these bytes begin with, and what lies behind its first line.
pub(super) fn first(mut bytes: &[u8]) -> Option<(Reply<'_>, &[u8])> {
    loop {
        let (token, rest) = whole(bytes)?;
        let reply = match token {
            Token::Whole(reply) => reply,
            Token::Open(kind, left) => {
                let items = Items { rest, left };
                match kind {
                    Kind::List => Reply::List(items),
                    Kind::Map => Reply::Map(items),
                    Kind::Push => Reply::Push(items),
                    Kind::Attribute => {
                        bytes = (0..left).try_fold(rest, |rest, _| behind(rest))?;
                        continue;
                    }
                }
            }
        };
        return Some((reply, rest));
    }
}

/// What lies behind the reply that these bytes begin with.
fn behind(mut bytes: &[u8]) -> Option<&[u8]> {
    let mut left: usize = 1;
    while left > 0 {
        let (token, rest) = whole(bytes)?;
        bytes = rest;
        left = match token {
            Token::Whole(_) => left.saturating_sub(1),
            // It stands before what is counted.
            Token::Open(Kind::Attribute, more) => left.saturating_add(more),
            Token::Open(_, more) => left.saturating_sub(1).saturating_add(more),
        };
    }
    Some(bytes)
}

/// Where the first line ends. Nearly all are short, and a search made for long ones costs more than they do.
pub(super) fn newline(bytes: &[u8]) -> Option<usize> {
    const SHORT: usize = 16;
    let short = bytes.get(..SHORT).unwrap_or(bytes);
    short.iter().position(|&byte| byte == b'\n').or_else(|| {
        let rest = bytes.get(SHORT..)?;
        memchr(b'\n', rest)?.checked_add(SHORT)
    })
}

fn whole(bytes: &[u8]) -> Option<(Token<'_>, &[u8])> {
    if let Some((text, used)) = short_text(bytes) {
        return Some((Token::Whole(Reply::Text(text)), bytes.get(used..)?));
    }
    match token(bytes, newline(bytes)?, usize::MAX) {
        Ok((Some(token), used)) => Some((token, bytes.get(used..)?)),
        Ok((None, _)) | Err(_) => None,
    }
}

/// What a line begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'a> {
    /// A reply that is whole by itself.
    Whole(Reply<'a>),
    /// One of so many elements, which follow. Those of a map are counted as keys and values.
    Open(Kind, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Map,
    Push,
    /// Something about the reply behind it. Nobody has asked for it.
    Attribute,
}

/// A text that these bytes begin with, as nearly all are sent, and how many bytes of them it takes: [`token`] would find the same. `None`
/// for all else.
#[inline]
#[expect(
    clippy::arithmetic_side_effects,
    reason = "a number of nine digits at most, and places that are no larger"
)]
pub(super) fn short_text(bytes: &[u8]) -> Option<(&[u8], usize)> {
    const DIGITS: usize = 9;
    let (b'$', behind) = bytes.split_first()? else { return None };
    let (mut length, mut digits) = (0, 0);
    while let Some(&digit @ b'0'..=b'9') = behind.get(digits) {
        // Ten digits may be more than fit where addresses have 32 bits.
        if digits == DIGITS {
            return None;
        }
        length = length * 10 + usize::from(digit - b'0');
        digits += 1;
    }
    let begin = 1 + digits + 2;
    let end = begin + length;
    let (text, tail) = (bytes.get(begin..end)?, bytes.get(end..end + 2)?);
    (digits > 0 && bytes.get(begin - 2..begin)? == b"\r\n" && tail == b"\r\n").then_some((text, end + 2))
}

/// What these bytes begin with, whose first line ends at `newline`, and how many bytes of them it takes. `None` if that are
/// more than there are. They may be `bound`.
pub(super) fn token(bytes: &[u8], newline: usize, bound: usize) -> Result<(Option<Token<'_>>, usize), Fault> {
    let line = bytes.get(..newline).and_then(|line| line.strip_suffix(b"\r")).ok_or(Fault::Protocol)?;
    let (&kind, text) = line.split_first().ok_or(Fault::Protocol)?;
    let used = newline.saturating_add(1);
    let open = |kind, each: i64| Ok((Some(Token::Open(kind, elements(integer(text)?, each)?)), used));
    let reply = match kind {
        b'+' | b'-' if text.contains(&b'\r') => return Err(Fault::Protocol),
        b'+' => Reply::Text(text),
        b'-' => Reply::Error(text),
        b':' => Reply::Integer(integer(text)?),
        b'_' if text.is_empty() => Reply::Null,
        b'#' if text == b"t" => Reply::Boolean(true),
        b'#' if text == b"f" => Reply::Boolean(false),
        b',' => Reply::Double(number(text)?),
        b'(' => {
            let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return Err(Fault::Protocol);
            }
            Reply::Number(text)
        }
        b'$' | b'*' if text == b"-1" => Reply::Null,
        b'$' | b'!' | b'=' => return blob(bytes, kind, used, integer(text)?, bound),
        b'*' | b'~' => return open(Kind::List, 1),
        b'>' => return open(Kind::Push, 1),
        b'%' => return open(Kind::Map, 2),
        b'|' => return open(Kind::Attribute, 2),
        _ => return Err(Fault::Protocol),
    };
    Ok((Some(Token::Whole(reply)), used))
}

/// Bytes whose length is known. `begin` is where they begin.
fn blob(
    bytes: &[u8],
    kind: u8,
    begin: usize,
    length: i64,
    bound: usize,
) -> Result<(Option<Token<'_>>, usize), Fault> {
    let length = usize::try_from(length).map_err(|_| Fault::Protocol)?;
    let end = begin.checked_add(length).ok_or(Fault::TooBig)?;
    let used = end.checked_add(2).filter(|&used| used <= bound).ok_or(Fault::TooBig)?;
    let Some(tail) = bytes.get(end..used) else { return Ok((None, used)) };
    let text = bytes.get(begin..end).unwrap_or_default();
    let reply = match (kind, text) {
        _ if tail != b"\r\n" => return Err(Fault::Protocol),
        (b'!', _) => Reply::Error(text),
        // Three letters say what kind of text it is.
        (b'=', [_, _, _, b':', text @ ..]) => Reply::Text(text),
        (b'=', _) => return Err(Fault::Protocol),
        _ => Reply::Text(text),
    };
    Ok((Some(Token::Whole(reply)), used))
}

#[expect(clippy::arithmetic_side_effects, reason = "eighteen digits at most")]
fn integer(text: &[u8]) -> Result<i64, Fault> {
    // As every length is, and every count.
    if let 1..=18 = text.len()
        && text.iter().all(u8::is_ascii_digit)
    {
        return Ok(text.iter().fold(0, |number: i64, digit| number * 10 + i64::from(digit - b'0')));
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Fault::Protocol)
}

fn number(text: &[u8]) -> Result<f64, Fault> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Fault::Protocol)
}

fn elements(count: i64, each: i64) -> Result<usize, Fault> {
    let count = count.checked_mul(each).ok_or(Fault::TooBig)?;
    match usize::try_from(count) {
        Ok(count) if count <= MAX_ELEMENTS => Ok(count),
        Ok(_) => Err(Fault::TooBig),
        Err(_) => Err(Fault::Protocol),
    }
}

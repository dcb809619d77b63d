//! The one reader of JSON: it checks the grammar and reports what comes by. It must not recurse.

use super::Malformed;
use super::text::plain_run;

/// What a walk over a JSON text reports. `raw` texts are tokens as they stand.
pub(in crate::wire) trait Visit {
    /// An array or object begins, with this bracket.
    fn open(&mut self, _bracket: u8) {}
    /// The innermost array or object ends.
    fn close(&mut self) -> Result<(), Malformed> {
        Ok(())
    }
    /// The key of an object's next value, with its quotes.
    fn key(&mut self, _raw: &str) {}
    /// A value that is neither array nor object.
    fn scalar(&mut self, _raw: &str) {}
}

/// Tells nobody.
pub(super) struct Nothing;

impl Visit for Nothing {}

/// Reads one JSON value and nothing after it, telling `visit` what comes by.
pub(in crate::wire) fn walk(text: &str, max_depth: u32, visit: &mut impl Visit) -> Result<(), Malformed> {
    read(&mut start(text), max_depth, visit)
}

pub(super) fn start(text: &str) -> Scan<'_> {
    Scan { text, at: 0 }
}

/// The same by a scan, which stands where the text goes wrong if it does.
pub(super) fn read(scan: &mut Scan<'_>, max_depth: u32, visit: &mut impl Visit) -> Result<(), Malformed> {
    read_value(scan, Stack::new(), max_depth, visit)
}

/// Reads an array that begins with a string or a number. Returns that, and where what follows its comma begins, if there is one.
pub(super) fn read_headed<'a>(
    scan: &mut Scan<'a>,
    max_depth: u32,
) -> Result<(&'a str, Option<usize>), Malformed> {
    scan.space();
    if max_depth == 0 || scan.next()? != b'[' {
        return Err(Malformed);
    }
    scan.space();
    let start = scan.at;
    match scan.next()? {
        b'"' => scan.string()?,
        first @ (b'-' | b'0'..=b'9') => scan.number(first)?,
        _ => return Err(Malformed),
    }
    let head = scan.token(start);
    scan.space();
    match scan.next()? {
        b',' => {
            let behind = scan.at;
            let mut open = Stack::new();
            open.push(b']');
            read_value(scan, open, max_depth, &mut Nothing)?;
            Ok((head, Some(behind)))
        }
        b']' => {
            scan.space();
            if scan.at == scan.text.len() { Ok((head, None)) } else { Err(Malformed) }
        }
        _ => Err(Malformed),
    }
}

/// Reads a value, and all that follows it where these containers are open.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "the two characters that open, and what is two behind them"
)]
fn read_value(
    scan: &mut Scan<'_>,
    mut open: Stack,
    max_depth: u32,
    visit: &mut impl Visit,
) -> Result<(), Malformed> {
    loop {
        scan.space();
        let start = scan.at;
        let first = scan.next()?;
        if let b'[' | b'{' = first {
            if open.len() >= max_depth as usize {
                return Err(scan.wrong());
            }
            // What closes this container; in ASCII both are two after what opens it.
            open.push(first + 2);
            visit.open(first);
            scan.space();
            if scan.peek() != Some(first + 2) {
                if first == b'{' {
                    scan.key(visit)?;
                }
                continue;
            }
        } else {
            match first {
                b'"' => scan.string()?,
                b'-' | b'0'..=b'9' => scan.number(first)?,
                b't' => scan.literal("rue")?,
                b'f' => scan.literal("alse")?,
                b'n' => scan.literal("ull")?,
                _ => return Err(scan.wrong()),
            }
            visit.scalar(scan.token(start));
        }
        loop {
            scan.space();
            let Some(closer) = open.last() else {
                return if scan.at == scan.text.len() { Ok(()) } else { Err(Malformed) };
            };
            let next = scan.next()?;
            if next == b',' {
                if closer == b'}' {
                    scan.space();
                    scan.key(visit)?;
                }
                break;
            }
            if next != closer {
                return Err(scan.wrong());
            }
            visit.close()?;
            open.pop();
        }
    }
}

pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a place in a text, which moves only past what was seen there: never behind its end"
)]
impl<'a> Scan<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Result<u8, Malformed> {
        let byte = self.peek().ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    /// How far it has come.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// The byte that was just taken is wrong.
    #[cold]
    fn wrong(&mut self) -> Malformed {
        self.at -= 1;
        Malformed
    }

    /// The text from `start` to here; tokens begin and end at ASCII characters.
    #[inline]
    fn token(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn key(&mut self, visit: &mut impl Visit) -> Result<(), Malformed> {
        let start = self.at;
        if self.next()? != b'"' {
            return Err(self.wrong());
        }
        self.string()?;
        visit.key(self.token(start));
        self.space();
        if self.next()? == b':' { Ok(()) } else { Err(self.wrong()) }
    }

    /// The rest of a string whose opening quote is taken.
    #[inline]
    fn string(&mut self) -> Result<(), Malformed> {
        loop {
            self.at += plain_run(&self.text.as_bytes()[self.at..]);
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => return Err(self.wrong()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let behind = self.text.as_bytes()[self.at..].iter().take(4);
                let digits = behind.take_while(|byte| byte.is_ascii_hexdigit()).count();
                self.at += digits;
                if digits == 4 { Ok(()) } else { Err(Malformed) }
            }
            _ => Err(self.wrong()),
        }
    }

    /// The rest of a number whose first character is taken.
    #[inline]
    fn number(&mut self, first: u8) -> Result<(), Malformed> {
        let leading = if first == b'-' { self.next()? } else { first };
        match leading {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(self.wrong()),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.digits();
        if self.at > start { Ok(()) } else { Err(Malformed) }
    }

    #[inline]
    fn literal(&mut self, rest: &str) -> Result<(), Malformed> {
        let behind = &self.text.as_bytes()[self.at..];
        if !behind.starts_with(rest.as_bytes()) {
            self.at += behind.iter().zip(rest.as_bytes()).take_while(|(is, due)| is == due).count();
            return Err(Malformed);
        }
        self.at += rest.len();
        Ok(())
    }
}

/// What is known of each open array or object, in place for the depths that honest messages have.
pub(in crate::wire) struct Stack<T = u8> {
    inline: [T; 64],
    spill: Vec<T>,
    len: usize,
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "one for each byte of a message at most, and none is popped of nothing"
)]
impl<T: Copy + Default> Stack<T> {
    pub(in crate::wire) fn new() -> Self {
        Self { inline: [T::default(); 64], spill: Vec::new(), len: 0 }
    }

    pub(in crate::wire) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(in crate::wire) fn push(&mut self, known: T) {
        match self.inline.get_mut(self.len) {
            Some(slot) => *slot = known,
            None => self.spill.push(known),
        }
        self.len += 1;
    }

    #[inline]
    pub(in crate::wire) fn last(&self) -> Option<T> {
        let top = self.len.checked_sub(1)?;
        self.inline.get(top).or_else(|| self.spill.last()).copied()
    }

    #[inline]
    pub(in crate::wire) fn pop(&mut self) -> Option<T> {
        let top = self.last()?;
        self.len -= 1;
        self.spill.truncate(self.len.saturating_sub(self.inline.len()));
        Some(top)
    }
}

//! JSON as bytes: checking, slicing, escaping. It must not build values, recurse, or know what the JSON is for.

use std::borrow::Cow;

#[cfg(test)]
pub(super) mod tests;

/// The text breaks the format; the connection it came from is closed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Whether `text` is exactly one JSON value as `JSON.parse` takes it, with arrays and objects at most
/// `max_depth` deep.
pub fn validate(text: &str, max_depth: u32) -> Result<(), Malformed> {
    walk(text, max_depth, &mut Nothing)
}

/// Without the white space that JSON allows around a value.
pub fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Whether valid JSON is an object.
pub fn is_object(json: &str) -> bool {
    trim(json).starts_with('{')
}

/// Whether valid JSON is an array.
pub fn is_array(json: &str) -> bool {
    trim(json).starts_with('[')
}

/// Whether valid JSON is a string.
pub fn is_string(json: &str) -> bool {
    trim(json).starts_with('"')
}

/// The raw elements of a valid JSON array, without the white space around them.
///
/// Of anything else there are none.
pub fn elements(array: &str) -> Elements<'_> {
    let inside = trim(array).strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    Elements { rest: trim(inside.unwrap_or_default()) }
}

/// Iterator over the raw elements of an array.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a str,
}

impl<'a> Elements<'a> {
    /// The elements not yet taken, with their commas, as they stand in the array.
    pub fn rest(&self) -> &'a str {
        self.rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = element_end(self.rest.as_bytes());
        // Always char boundaries: `end` is the text's end or at a comma.
        let element = self.rest.get(..end).unwrap_or_default();
        self.rest = trim(self.rest.get(end + 1..).unwrap_or_default());
        Some(trim(element))
    }
}

/// Where the first element of a valid, comma-separated list ends.
fn element_end(bytes: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The position of the quote that ends a valid string whose first character is at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

/// The text that a valid JSON string (with its quotes) stands for.
///
/// A surrogate without its partner, which UTF-8 cannot carry, becomes U+FFFD.
pub fn unescape(string: &str) -> Cow<'_, str> {
    let string = trim(string);
    let text = string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(string);
    let Some(mut escape) = memchr::memchr(b'\\', text.as_bytes()) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        out.push_str(rest.get(..escape).unwrap_or_default());
        rest = rest.get(escape + 1..).unwrap_or_default();
        let length = unescape_one(rest, &mut out);
        rest = rest.get(length..).unwrap_or_default();
        match memchr::memchr(b'\\', rest.as_bytes()) {
            Some(next) => escape = next,
            None => break,
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Appends what the escape in front of `rest` (its backslash taken) stands for; returns its length.
fn unescape_one(rest: &str, out: &mut String) -> usize {
    let Some(byte) = rest.bytes().next() else { return 0 };
    let (char, length) = match byte {
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => unicode_escape(rest),
        other => (char::from(other), 1),
    };
    out.push(char);
    length
}

/// The character of `uXXXX`, or of the pair `uXXXX\uXXXX`, and the length of that text.
fn unicode_escape(rest: &str) -> (char, usize) {
    let hex = |at: usize| rest.get(at..at + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(first) = hex(1) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if let 0xd800..0xdc00 = first
        && rest.get(5..7) == Some("\\u")
        && let Some(second @ 0xdc00..0xe000) = hex(7)
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

/// Appends `text` as a JSON string with its quotes, escaping exactly what `JSON.stringify` escapes.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_run(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(&byte) = rest.get(plain) else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

/// A valid JSON number as JavaScript prints it: what becomes of `1e2` or `-0` when it is made a string.
pub fn number_text(number: &str) -> Cow<'_, str> {
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.len() <= 15 && digits.bytes().all(|b| b.is_ascii_digit()) && number != "-0" {
        return Cow::Borrowed(number);
    }
    let value: f64 = number.parse().unwrap_or(f64::NAN);
    if value == 0.0 {
        return Cow::Borrowed("0");
    }
    let sign = if value < 0.0 { "-" } else { "" };
    if !value.is_finite() {
        return Cow::Owned(format!("{sign}Infinity"));
    }
    // ECMA-262, Number::toString: the shortest digits that read back as the same number, then one of four layouts.
    // Formatted twice, because between two equally near the shortest form rounds up and JavaScript to even.
    let shortest = format!("{:e}", value.abs());
    let precision = shortest.find('e').unwrap_or(0).saturating_sub("1.".len());
    let shortest = format!("{:.*e}", precision, value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits: String = mantissa.chars().filter(|&c| c != '.').collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (count, point) = (digits.len(), exponent + 1);
    Cow::Owned(match point {
        1..=21 if count <= point as usize => format!("{sign}{digits:0<width$}", width = point as usize),
        1..=21 => format!("{sign}{}.{}", &digits[..point as usize], &digits[point as usize..]),
        -5..=0 => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        _ if count == 1 => format!("{sign}{digits}e{exponent:+}"),
        _ => format!("{sign}{}.{}e{exponent:+}", &digits[..1], &digits[1..]),
    })
}

/// What a walk over a JSON text reports. `raw` texts are tokens as they stand.
pub(crate) trait Visit {
    /// An array or object begins.
    fn open(&mut self) {}
    /// The innermost array or object ends.
    fn close(&mut self) -> Result<(), Malformed> {
        Ok(())
    }
    /// The key of an object's next value, with its quotes.
    fn key(&mut self, _raw: &str) {}
    /// A value that is neither array nor object.
    fn scalar(&mut self, _raw: &str) {}
}

struct Nothing;

impl Visit for Nothing {}

/// Reads one JSON value and nothing after it, telling `visit` what comes by.
pub(crate) fn walk(text: &str, max_depth: u32, visit: &mut impl Visit) -> Result<(), Malformed> {
    let mut scan = Scan { text, at: 0 };
    let mut open = Stack::new();
    loop {
        scan.space();
        let start = scan.at;
        let first = scan.next()?;
        if let b'[' | b'{' = first {
            if open.len() >= max_depth as usize {
                return Err(Malformed);
            }
            // What closes this container; in ASCII both are two after what opens it.
            open.push(first + 2);
            visit.open();
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
                _ => return Err(Malformed),
            }
            visit.scalar(scan.token(start));
        }
        loop {
            scan.space();
            let Some(closer) = open.last() else {
                return if scan.at == text.len() { Ok(()) } else { Err(Malformed) };
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
                return Err(Malformed);
            }
            visit.close()?;
            open.pop();
        }
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

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
            return Err(Malformed);
        }
        self.string()?;
        visit.key(self.token(start));
        self.space();
        if self.next()? == b':' { Ok(()) } else { Err(Malformed) }
    }

    /// The rest of a string whose opening quote is taken.
    #[inline]
    fn string(&mut self) -> Result<(), Malformed> {
        loop {
            self.at += plain_run(&self.text.as_bytes()[self.at..]);
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                _ => return Err(Malformed),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(Malformed)?;
                self.at += 4;
                if digits.iter().all(u8::is_ascii_hexdigit) { Ok(()) } else { Err(Malformed) }
            }
            _ => Err(Malformed),
        }
    }

    /// The rest of a number whose first character is taken.
    #[inline]
    fn number(&mut self, first: u8) -> Result<(), Malformed> {
        let leading = if first == b'-' { self.next()? } else { first };
        match leading {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(Malformed),
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
        if !self.text.as_bytes()[self.at..].starts_with(rest.as_bytes()) {
            return Err(Malformed);
        }
        self.at += rest.len();
        Ok(())
    }
}

/// How many bytes from the start can stand in a JSON string as they are: no quote, backslash or control
/// character.
///
/// Eight bytes at a time, because strings in messages are short: a call into a wider search costs more.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
        // A borrow can only mark bytes behind the first true one, so the lowest mark is exact.
        let found = below(word, 0x20) | below(quote, 1) | below(backslash, 1);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = bytes.get(at)
        && byte >= 0x20
        && byte != b'"'
        && byte != b'\\'
    {
        at += 1;
    }
    at
}

/// One byte for each open array or object, in place for the depths that honest messages have.
pub(crate) struct Stack {
    inline: [u8; 64],
    spill: Vec<u8>,
    len: usize,
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self { inline: [0; 64], spill: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        match self.inline.get_mut(self.len) {
            Some(slot) => *slot = byte,
            None => self.spill.push(byte),
        }
        self.len += 1;
    }

    #[inline]
    pub(crate) fn last(&self) -> Option<u8> {
        let top = self.len.checked_sub(1)?;
        self.inline.get(top).or_else(|| self.spill.last()).copied()
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u8> {
        let top = self.last()?;
        self.len -= 1;
        self.spill.truncate(self.len.saturating_sub(self.inline.len()));
        Some(top)
    }
}

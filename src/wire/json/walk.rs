//! The one reader of JSON: it checks the grammar and reports what comes by. It must not recurse.

use super::Malformed;
use super::text::plain_run;

/// A key or a value as it stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Token<'a> {
    text: &'a str,
    /// Where it begins in the text, and where it ends.
    pub(in crate::wire) place: (usize, usize),
    /// There are escapes in it.
    pub(in crate::wire) escaped: bool,
}

impl<'a> Token<'a> {
    /// All of it: tokens begin and end at ASCII characters.
    #[inline]
    pub(in crate::wire) fn raw(&self) -> &'a str {
        let (start, end) = self.place;
        self.text.get(start..end).unwrap_or_default()
    }

    /// Of a string what is between its quotes.
    #[inline]
    pub(in crate::wire) fn inside(&self) -> &'a str {
        let (start, end) = self.place;
        self.text.get(start.saturating_add(1)..end.saturating_sub(1)).unwrap_or_default()
    }
}

/// What a walk over a JSON text reports.
pub(in crate::wire) trait Visit {
    /// An array or object begins, with this bracket, at this place.
    fn open(&mut self, _bracket: u8, _start: usize) {}
    /// The innermost array or object ends, before this place.
    fn close(&mut self, _behind: usize) -> Result<(), Malformed> {
        Ok(())
    }
    /// The key of an object's next value.
    fn key(&mut self, _key: Token<'_>) {}
    /// A value that is a string.
    fn string(&mut self, string: Token<'_>) {
        self.scalar(string);
    }
    /// A value that is neither array nor object; nor a string, for those who are told of strings.
    fn scalar(&mut self, _scalar: Token<'_>) {}
}

/// Tells nobody.
pub(super) struct Nothing;

impl Visit for Nothing {}

/// The place where a text goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrong(pub(super) usize);

/// Reads one JSON value and nothing after it, telling `visit` what comes by.
pub(in crate::wire) fn walk(text: &str, max_depth: u32, visit: &mut impl Visit) -> Result<(), Malformed> {
    read(text, max_depth, visit).map_err(|Wrong(_)| Malformed)
}

/// The same, and says where the text goes wrong.
pub(super) fn read(text: &str, max_depth: u32, visit: &mut impl Visit) -> Result<(), Wrong> {
    read_value(text, 0, Open::new(), max_depth, visit)
}

/// Reads an array that begins with a string or a number. Returns that, and where what follows its comma begins, if there is one.
#[expect(clippy::arithmetic_side_effects, reason = "places in a text")]
pub(super) fn read_headed(text: &str, max_depth: u32) -> Result<(&str, Option<usize>), Wrong> {
    let bytes = text.as_bytes();
    let bracket = space(bytes, 0);
    if max_depth == 0 || bytes.get(bracket) != Some(&b'[') {
        return Err(Wrong(bracket));
    }
    let start = space(bytes, bracket + 1);
    let end = match bytes.get(start) {
        Some(b'"') => string(bytes, start + 1)?.0,
        Some(&first @ (b'-' | b'0'..=b'9')) => number(bytes, start + 1, first)?,
        _ => return Err(Wrong(start)),
    };
    let head = text.get(start..end).unwrap_or_default();
    let at = space(bytes, end);
    match bytes.get(at) {
        Some(b',') => {
            let mut open = Open::new();
            open.push(b']');
            read_value(text, at + 1, open, max_depth, &mut Nothing)?;
            Ok((head, Some(at + 1)))
        }
        Some(b']') => {
            let end = space(bytes, at + 1);
            if end == bytes.len() { Ok((head, None)) } else { Err(Wrong(end)) }
        }
        _ => Err(Wrong(at)),
    }
}

/// What closes each array and object that is open. In ASCII both brackets that close are two behind those that open.
struct Open {
    innermost: u8,
    outer: Stack,
}

/// What stands for a bracket around the whole: no text has this byte.
const NOTHING: u8 = 0xff;

impl Open {
    fn new() -> Self {
        Self { innermost: NOTHING, outer: Stack::new() }
    }

    #[inline]
    fn push(&mut self, closer: u8) {
        self.outer.push(std::mem::replace(&mut self.innermost, closer));
    }

    #[inline]
    fn pop(&mut self) {
        self.innermost = self.outer.pop().unwrap_or(NOTHING);
    }
}

/// Reads a value, and all that follows it where these arrays and objects are open.
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, and what is two behind a bracket")]
fn read_value(
    text: &str,
    mut at: usize,
    mut open: Open,
    max_depth: u32,
    visit: &mut impl Visit,
) -> Result<(), Wrong> {
    let bytes = text.as_bytes();
    'values: loop {
        at = space(bytes, at);
        if open.innermost == b'}' {
            at = space(bytes, key(text, at, visit)?);
        }
        let start = at;
        let first = *bytes.get(at).ok_or(Wrong(at))?;
        at += 1;
        match first {
            b'"' => {
                let (end, escaped) = string(bytes, at)?;
                at = end;
                visit.string(Token { text, place: (start, at), escaped });
            }
            b'-' | b'0'..=b'9' => {
                at = number(bytes, at, first)?;
                visit.scalar(Token { text, place: (start, at), escaped: false });
            }
            b'[' | b'{' => {
                if open.outer.len() >= max_depth as usize {
                    return Err(Wrong(start));
                }
                open.push(first + 2);
                visit.open(first, start);
                at = space(bytes, at);
                if bytes.get(at) != Some(&open.innermost) {
                    continue;
                }
            }
            b't' | b'f' | b'n' => {
                at = literal(bytes, at, first)?;
                visit.scalar(Token { text, place: (start, at), escaped: false });
            }
            _ => return Err(Wrong(start)),
        }
        loop {
            at = space(bytes, at);
            match bytes.get(at) {
                None if open.innermost == NOTHING => return Ok(()),
                Some(b',') if open.innermost != NOTHING => {
                    at += 1;
                    continue 'values;
                }
                Some(&closer) if closer == open.innermost => {
                    at += 1;
                    visit.close(at).map_err(|Malformed| Wrong(at))?;
                    open.pop();
                }
                _ => return Err(Wrong(at)),
            }
        }
    }
}

// Each of these goes on at a place, and says where what it reads ends, or where it goes wrong.

#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "a place in a text, behind what was seen there")]
fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// A key, and the colon behind it.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, behind what was seen there")]
fn key(text: &str, start: usize, visit: &mut impl Visit) -> Result<usize, Wrong> {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'"') {
        return Err(Wrong(start));
    }
    let (end, escaped) = string(bytes, start + 1)?;
    visit.key(Token { text, place: (start, end), escaped });
    let colon = space(bytes, end);
    if bytes.get(colon) == Some(&b':') { Ok(colon + 1) } else { Err(Wrong(colon)) }
}

/// A string behind its opening quote, and whether there are escapes in it.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, behind what was seen there")]
fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), Wrong> {
    let end = at + plain_run(bytes.get(at..).unwrap_or_default());
    if bytes.get(end) == Some(&b'"') { Ok((end + 1, false)) } else { Ok((escaped(bytes, end)?, true)) }
}

/// The rest of a string, from its first escape on.
#[inline(never)]
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, behind what was seen there")]
fn escaped(bytes: &[u8], mut at: usize) -> Result<usize, Wrong> {
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(bytes, at + 1)?,
            _ => return Err(Wrong(at)),
        }
        at += plain_run(bytes.get(at..).unwrap_or_default());
    }
}

/// An escape behind its backslash.
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, behind what was seen there")]
fn escape(bytes: &[u8], at: usize) -> Result<usize, Wrong> {
    match bytes.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let behind = bytes.get(at + 1..).unwrap_or_default().iter().take(4);
            let digits = behind.take_while(|byte| byte.is_ascii_hexdigit()).count();
            if digits == 4 { Ok(at + 5) } else { Err(Wrong(at + 1 + digits)) }
        }
        _ => Err(Wrong(at)),
    }
}

/// A number behind its first character.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, behind what was seen there")]
fn number(bytes: &[u8], mut at: usize, first: u8) -> Result<usize, Wrong> {
    let mut leading = first;
    if first == b'-' {
        leading = *bytes.get(at).ok_or(Wrong(at))?;
        at += 1;
    }
    match leading {
        b'0' => {}
        b'1'..=b'9' => at = digits(bytes, at),
        _ => return Err(Wrong(at - 1)),
    }
    if bytes.get(at) == Some(&b'.') {
        at = some_digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = some_digits(bytes, at)?;
    }
    Ok(at)
}

#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "a place in a text, behind what was seen there")]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    at
}

#[inline]
fn some_digits(bytes: &[u8], at: usize) -> Result<usize, Wrong> {
    let end = digits(bytes, at);
    if end > at { Ok(end) } else { Err(Wrong(end)) }
}

/// `true`, `false` or `null` behind its first letter.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, behind what was seen there")]
fn literal(bytes: &[u8], at: usize, first: u8) -> Result<usize, Wrong> {
    let rest: &[u8] = match first {
        b't' => b"rue",
        b'f' => b"alse",
        _ => b"ull",
    };
    let behind = bytes.get(at..).unwrap_or_default();
    if behind.starts_with(rest) {
        return Ok(at + rest.len());
    }
    Err(Wrong(at + behind.iter().zip(rest).take_while(|(is, due)| is == due).count()))
}

/// As deep as honest messages are.
const DEPTH: usize = 16;

/// What is known of each open array or object, in place for the depths that honest messages have.
pub(in crate::wire) struct Stack<T = u8> {
    inline: [T; DEPTH],
    spill: Vec<T>,
    len: usize,
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "one for each byte of a message at most, and none is popped of nothing"
)]
impl<T: Copy + Default> Stack<T> {
    pub(in crate::wire) fn new() -> Self {
        Self { inline: [T::default(); DEPTH], spill: Vec::new(), len: 0 }
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

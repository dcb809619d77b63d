//! JSON with attachments to msgpack, in one pass, and the few values that messages are made of otherwise. It must not build values, nor
//! recurse.

use super::{MAX_DEPTH, Malformed};
use crate::wire::json::{self, Stack, Visit};
use crate::wire::socketio::placeholders::{self, MARKED, NUMBERED};
use rmp::encode;
use std::borrow::Cow;

/// What an array or a map begins with whose count is not known yet: its marker, and four bytes for the count.
const OPENING: usize = 5;

/// Appends valid JSON to `out` as msgpack, with the attachments in the place of their placeholders. Without attachments there are no
/// placeholders: what looks like one is an object.
///
/// # Errors
/// [`Malformed`] if it is no JSON of at most [`MAX_DEPTH`], or `out` were to be longer than `max`: a placeholder can stand for an
/// attachment many times. What was appended is of no use then.
pub fn from_json(
    json: &str,
    attachments: &[Cow<'_, [u8]>],
    out: &mut Vec<u8>,
    max: usize,
) -> Result<(), Malformed> {
    append(json, None, attachments, out, max)
}

/// The same with an event: `args` is an array, and what is appended one with the name in front.
///
/// # Errors
/// As [`from_json`], and if `args` is no array.
pub(in crate::wire) fn from_event(
    name: &str,
    args: &str,
    attachments: &[Cow<'_, [u8]>],
    out: &mut Vec<u8>,
    max: usize,
) -> Result<(), Malformed> {
    if !json::is_array(args) || u32::try_from(name.len()).is_err() {
        return Err(Malformed);
    }
    append(args, Some(name), attachments, out, max)
}

fn append(
    json: &str,
    first: Option<&str>,
    attachments: &[Cow<'_, [u8]>],
    out: &mut Vec<u8>,
    max: usize,
) -> Result<(), Malformed> {
    // Longer texts have no length in msgpack.
    if u32::try_from(json.len()).is_err() {
        return Err(Malformed);
    }
    let known = u32::try_from(attachments.len()).map_err(|_| Malformed)?;
    let here = Open::default();
    let mut writer = Writer { out, attachments, known, max, first, outer: Stack::new(), here, key: 0 };
    json::walk(json, MAX_DEPTH, &mut writer)?;
    if out.len() <= max { Ok(()) } else { Err(Malformed) }
}

/// An array or an object that is open, or what is around the whole.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Where it begins in what is written.
    start: usize,
    values: u32,
    /// Of an object: whether it is a placeholder, as far as is known, and of which attachment.
    facts: u8,
    attachment: usize,
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    attachments: &'o [Cow<'o, [u8]>],
    known: u32,
    max: usize,
    /// What the outermost array has in front of what the JSON says.
    first: Option<&'o str>,
    outer: Stack<Open>,
    here: Open,
    /// Which fact about the object the next value decides, if any.
    key: u8,
}

impl Writer<'_> {
    /// A value begins.
    fn begin(&mut self, is: u8) {
        self.here.values = self.here.values.saturating_add(1);
        if self.key != 0 {
            self.here.facts = self.here.facts & !self.key | is;
            self.key = 0;
        }
    }
}

impl Visit for Writer<'_> {
    fn open(&mut self, bracket: u8) {
        self.begin(0);
        self.outer.push(self.here);
        self.here = Open { start: self.out.len(), ..Open::default() };
        self.out.extend_from_slice(if bracket == b'{' { b"\xdf\0\0\0\0" } else { b"\xdd\0\0\0\0" });
        if let Some(first) = self.first.take() {
            text(self.out, first);
            self.here.values = 1;
        }
    }

    fn close(&mut self) -> Result<(), Malformed> {
        let Open { start, values, facts, attachment } = self.here;
        if facts == MARKED | NUMBERED {
            let bytes = self.attachments.get(attachment).ok_or(Malformed)?;
            self.out.truncate(start);
            if bytes.len() > self.max.saturating_sub(start) {
                return Err(Malformed);
            }
            binary(self.out, bytes);
        } else {
            let count = self.out.get_mut(start.saturating_add(1)..start.saturating_add(OPENING));
            count.ok_or(Malformed)?.copy_from_slice(&values.to_be_bytes());
        }
        self.here = self.outer.pop().unwrap_or_default();
        Ok(())
    }

    fn key(&mut self, raw: &str) {
        string(self.out, raw);
        if self.known > 0 {
            self.key = placeholders::fact(raw);
        }
    }

    fn scalar(&mut self, raw: &str) {
        let is = match self.key {
            MARKED if raw == "true" => MARKED,
            NUMBERED => match placeholders::attachment(raw, self.known) {
                Some(attachment) => {
                    self.here.attachment = attachment;
                    NUMBERED
                }
                None => 0,
            },
            _ => 0,
        };
        self.begin(is);
        match raw.as_bytes().first() {
            Some(b'"') => string(self.out, raw),
            Some(b't') => flag(self.out, true),
            Some(b'f') => flag(self.out, false),
            Some(b'n') => nil(self.out),
            _ => json_number(self.out, raw),
        }
    }
}

/// A raw string with its quotes.
fn string(out: &mut Vec<u8>, raw: &str) {
    let inside = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return text(out, inside);
    }
    // Twice, so that its length comes first without a buffer between.
    let mut length = 0usize;
    json::unescaped(inside, |piece| length = length.saturating_add(piece.len()));
    text_length(out, length);
    json::unescaped(inside, |piece| out.extend_from_slice(piece.as_bytes()));
}

fn json_number(out: &mut Vec<u8>, raw: &str) {
    /// Whole numbers up to here are exact in JavaScript.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(number) = raw.parse::<i64>() {
        return integer(out, number);
    }
    if let Ok(above) = raw.parse::<u64>() {
        return number(out, above);
    }
    let value = raw.parse::<f64>().unwrap_or(f64::NAN);
    if value.fract() == 0.0 && value.abs() <= EXACT {
        integer(out, value as i64);
    } else {
        wrote(encode::write_f64(out, value));
    }
}

/// Writing to a Vec cannot fail.
fn wrote<T, E>(_: Result<T, E>) {}

fn integer(out: &mut Vec<u8>, number: i64) {
    wrote(encode::write_sint(out, number));
}

/// Appends an integer.
pub(in crate::wire) fn number(out: &mut Vec<u8>, number: u64) {
    wrote(encode::write_uint(out, number));
}

/// Appends a boolean.
pub(in crate::wire) fn flag(out: &mut Vec<u8>, flag: bool) {
    wrote(encode::write_bool(out, flag));
}

fn nil(out: &mut Vec<u8>) {
    wrote(encode::write_nil(out));
}

/// Appends a text.
pub(in crate::wire) fn text(out: &mut Vec<u8>, text: &str) {
    text_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn text_length(out: &mut Vec<u8>, length: usize) {
    // Longer ones would be longer than any message.
    wrote(encode::write_str_len(out, length as u32));
}

fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    wrote(encode::write_bin(out, bytes));
}

/// Begins an array of so many values.
pub(in crate::wire) fn list(out: &mut Vec<u8>, count: u32) {
    wrote(encode::write_array_len(out, count));
}

/// Begins a map of so many keys and values.
pub(in crate::wire) fn map(out: &mut Vec<u8>, count: u32) {
    wrote(encode::write_map_len(out, count));
}

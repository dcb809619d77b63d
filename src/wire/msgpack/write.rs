//! JSON with attachments to msgpack, in one pass, and the few values that messages are made of otherwise. It must not build values, nor
//! recurse.

use super::{MAX_DEPTH, Malformed};
use crate::wire::json::{self, Stack, Token, Visit};
use crate::wire::socketio::placeholders::{self, MARKED, NUMBERED};
use rmp::{Marker, encode};
use std::borrow::Cow;

/// An array or a map of as many values has its count in its marker.
const SHORT: u32 = 15;

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
    append(json, None, attachments, out, MAX_DEPTH, max)
}

/// The same with JSON that is as deep as it may be, and of which nothing is too long.
pub(super) fn from_own(
    json: &str,
    attachments: &[Cow<'_, [u8]>],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    append(json, None, attachments, out, u32::MAX, usize::MAX)
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
    append(args, Some(name), attachments, out, MAX_DEPTH, max)
}

fn append(
    json: &str,
    first: Option<&str>,
    attachments: &[Cow<'_, [u8]>],
    out: &mut Vec<u8>,
    depth: u32,
    max: usize,
) -> Result<(), Malformed> {
    // Longer texts have no length in msgpack.
    if u32::try_from(json.len()).is_err() {
        return Err(Malformed);
    }
    let known = u32::try_from(attachments.len()).map_err(|_| Malformed)?;
    let here = Open::default();
    let long = Vec::new();
    let mut writer = Writer { out, attachments, known, max, first, outer: Stack::new(), here, key: 0, long };
    json::walk(json, depth, &mut writer)?;
    let long = writer.long;
    widen(out, long);
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
    /// The arrays and maps whose counts have no room yet: where each begins, and its count. They stand in the order in which they end.
    long: Vec<(usize, u32)>,
}

/// Makes room for the counts that none was left for, and writes them: from the last one on, so that each byte moves once.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "places in what is written, and at most four bytes for each of them"
)]
#[expect(clippy::indexing_slicing, reason = "each begins at a byte that is there")]
fn widen(out: &mut Vec<u8>, mut long: Vec<(usize, u32)>) {
    let room = |count: u32| if count <= u16::MAX.into() { 2 } else { 4 };
    long.sort_unstable_by_key(|&(start, _)| start);
    let mut end = out.len();
    let mut more: usize = long.iter().map(|&(_, count)| room(count)).sum();
    out.resize(end + more, 0);
    for &(start, count) in long.iter().rev() {
        out.copy_within(start + 1..end, start + 1 + more);
        let (bytes, room) = (count.to_be_bytes(), room(count));
        out[start + 1 + more - room..start + 1 + more].copy_from_slice(&bytes[bytes.len() - room..]);
        // What has 16 bits for its count, or 32.
        let (array, map) = if room == 2 { (0xdc, 0xde) } else { (0xdd, 0xdf) };
        out[start] = if out[start] & 0xf0 == 0x80 { map } else { array };
        (end, more) = (start + 1, more - room);
    }
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
    fn open(&mut self, bracket: u8, _: usize) {
        self.begin(0);
        self.outer.push(self.here);
        self.here = Open { start: self.out.len(), ..Open::default() };
        // With its count, if that turns out to have room here.
        self.out.push(if bracket == b'{' { 0x80 } else { 0x90 });
        if let Some(first) = self.first.take() {
            text(self.out, first);
            self.here.values = 1;
        }
    }

    fn close(&mut self, _: usize) -> Result<(), Malformed> {
        let Open { start, values, facts, attachment } = self.here;
        if facts == MARKED | NUMBERED {
            let bytes = self.attachments.get(attachment).ok_or(Malformed)?;
            self.out.truncate(start);
            while self.long.last().is_some_and(|&(inside, _)| inside > start) {
                self.long.pop();
            }
            if bytes.len() > self.max.saturating_sub(start) {
                return Err(Malformed);
            }
            binary(self.out, bytes);
        } else if values <= SHORT {
            *self.out.get_mut(start).ok_or(Malformed)? |= values as u8;
        } else {
            self.long.push((start, values));
        }
        self.here = self.outer.pop().unwrap_or_default();
        Ok(())
    }

    fn key(&mut self, key: Token<'_>) {
        string(self.out, key);
        if self.known > 0 {
            self.key = placeholders::fact(key.raw());
        }
    }

    fn string(&mut self, token: Token<'_>) {
        self.begin(0);
        string(self.out, token);
    }

    fn scalar(&mut self, scalar: Token<'_>) {
        let raw = scalar.raw();
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
            Some(b't') => flag(self.out, true),
            Some(b'f') => flag(self.out, false),
            Some(b'n') => nil(self.out),
            _ => json_number(self.out, raw),
        }
    }
}

/// A string of JSON.
fn string(out: &mut Vec<u8>, string: Token<'_>) {
    let inside = string.inside();
    if !string.escaped {
        return text(out, inside);
    }
    // Twice, so that its length comes first without a buffer between.
    let mut length = 0usize;
    json::unescaped(inside, |piece| length = length.saturating_add(piece.len()));
    text_length(out, length);
    json::unescaped(inside, |piece| out.extend_from_slice(piece.as_bytes()));
}

fn json_number(out: &mut Vec<u8>, raw: &str) {
    if !raw.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        if let Ok(number) = raw.parse::<i64>() {
            return integer(out, number);
        }
        if let Ok(above) = raw.parse::<u64>() {
            return number(out, above);
        }
    }
    let value = raw.parse::<f64>().unwrap_or(f64::NAN);
    // As what JavaScript takes for whole.
    const END: f64 = 18_446_744_073_709_551_616.0;
    if value.fract() == 0.0 && (0.0..END).contains(&value) {
        number(out, value as u64);
    } else if value.fract() == 0.0 && (-END / 2.0..0.0).contains(&value) {
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
    /// The longest that has its length in its marker, as nearly all have.
    const SHORT: usize = 31;
    if length <= SHORT {
        return out.push(Marker::FixStr(length as u8).to_u8());
    }
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

//! msgpack to JSON text and attachments, in one pass. It must not build values, nor recurse.

use super::read::{Head, Reader};
use super::{MAX_ATTACHMENTS, MAX_DEPTH, Malformed, time};
use crate::wire::decimal;
use crate::wire::json::{self, Stack};
use std::borrow::Cow;
use std::io::Write as _;

/// An array or a map that is open.
#[derive(Clone, Copy, Default)]
struct Open {
    /// Values that it has yet to get.
    due: u32,
    is_map: bool,
}

/// What a value may be, at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Arrays and maps in one another.
    pub(super) depth: u32,
    pub(super) attachments: usize,
    /// Bytes of JSON and attachments.
    pub(super) bytes: usize,
}

const ANY: Bounds = Bounds { depth: MAX_DEPTH, attachments: MAX_ATTACHMENTS, bytes: usize::MAX };

/// Appends one value of msgpack, and nothing after it, to `out` as JSON. Each of its `bin` becomes a placeholder for what is appended to
/// `attachments`.
///
/// What is appended is text if the value's texts are: whoever makes one of it, checks them all at once.
pub fn to_json<'a>(
    value: &'a [u8],
    out: &mut Vec<u8>,
    attachments: &mut Vec<Cow<'a, [u8]>>,
) -> Result<(), Malformed> {
    let mut reader = Reader(value);
    append_within(&mut reader, out, attachments, ANY)?;
    if reader.0.is_empty() { Ok(()) } else { Err(Malformed) }
}

/// The same with what comes next, which is one of several arguments.
pub(in crate::wire) fn append_argument<'a>(
    reader: &mut Reader<'a>,
    out: &mut Vec<u8>,
    attachments: &mut Vec<Cow<'a, [u8]>>,
) -> Result<(), Malformed> {
    // Their array is around it.
    append_within(reader, out, attachments, Bounds { depth: MAX_DEPTH - 1, ..ANY })
}

/// The same with what comes next, within bounds: one that passes them is malformed.
pub(super) fn append_within<'a>(
    reader: &mut Reader<'a>,
    out: &mut Vec<u8>,
    attachments: &mut Vec<Cow<'a, [u8]>>,
    bounds: Bounds,
) -> Result<(), Malformed> {
    let mut left = bounds.bytes;
    let mut outer = Stack::<Open>::new();
    // Around the value, as if it were an array's only one.
    let mut here = Open { due: 1, is_map: false };
    loop {
        let head = reader.head()?;
        if out.len() > left {
            return Err(Malformed);
        }
        if let Head::Array(due) | Head::Map(due) = head {
            if outer.len() >= bounds.depth as usize {
                return Err(Malformed);
            }
            let is_map = matches!(head, Head::Map(_));
            out.push(if is_map { b'{' } else { b'[' });
            if due > 0 {
                outer.push(here);
                here = Open { due, is_map };
                if is_map {
                    write_key(out, reader.head()?)?;
                }
                continue;
            }
            out.push(if is_map { b'}' } else { b']' });
        } else {
            let bytes = match head {
                Head::Binary(bytes) => Some((None, bytes)),
                Head::Extension(kind, bytes) => time::unknown(kind, bytes).then_some((Some(kind), bytes)),
                _ => None,
            };
            match bytes {
                Some((kind, bytes)) => {
                    let deep = kind.is_some() && outer.len() >= bounds.depth as usize;
                    if deep || attachments.len() >= bounds.attachments {
                        return Err(Malformed);
                    }
                    left = left.checked_sub(bytes.len()).ok_or(Malformed)?;
                    write_binary(out, kind, bytes, attachments);
                }
                None => write_scalar(out, head)?,
            }
        }
        loop {
            here.due = here.due.saturating_sub(1);
            if here.due > 0 {
                out.push(b',');
                if here.is_map {
                    write_key(out, reader.head()?)?;
                }
                break;
            }
            let Some(around) = outer.pop() else { return Ok(()) };
            out.push(if here.is_map { b'}' } else { b']' });
            here = around;
        }
    }
}

fn write_key(out: &mut Vec<u8>, key: Head<'_>) -> Result<(), Malformed> {
    // Writing to a Vec cannot fail.
    match key {
        Head::Text(text) => json::write_unchecked(out, text),
        Head::Unsigned(number) => _ = write!(out, "\"{number}\""),
        Head::Signed(number) => _ = write!(out, "\"{number}\""),
        _ => return Err(Malformed),
    }
    out.push(b':');
    Ok(())
}

/// Bytes, or those of an extension behind its type, as JavaScript gives them.
fn write_binary<'a>(
    out: &mut Vec<u8>,
    kind: Option<i8>,
    bytes: &'a [u8],
    attachments: &mut Vec<Cow<'a, [u8]>>,
) {
    // Writing to a Vec cannot fail.
    if let Some(kind) = kind {
        let _ = write!(out, "[{kind},");
    }
    let _ = write!(out, "{{\"_placeholder\":true,\"num\":{}}}", attachments.len());
    if kind.is_some() {
        out.push(b']');
    }
    attachments.push(Cow::Borrowed(bytes));
}

fn write_scalar(out: &mut Vec<u8>, scalar: Head<'_>) -> Result<(), Malformed> {
    match scalar {
        Head::Text(text) => json::write_unchecked(out, text),
        Head::Unsigned(number) => decimal::write(out, number),
        Head::Signed(number) => _ = write!(out, "{number}"),
        Head::Float(number) => write_float(out, number),
        Head::Bool(true) => out.extend_from_slice(b"true"),
        Head::Bool(false) => out.extend_from_slice(b"false"),
        Head::Extension(kind, bytes) => match time::millis(kind, bytes) {
            Some(millis) => time::write(out, millis),
            None => out.extend_from_slice(b"null"),
        },
        Head::Nil => out.extend_from_slice(b"null"),
        Head::Array(_) | Head::Map(_) | Head::Binary(_) => return Err(Malformed),
    }
    Ok(())
}

fn write_float(out: &mut Vec<u8>, number: f64) {
    let _ = if !number.is_finite() {
        out.write_all(b"null")
    } else if number == 0.0 {
        out.write_all(b"0")
    } else if write_short(out, number) {
        Ok(())
    } else if (1e-6..1e21).contains(&number.abs()) {
        write!(out, "{number}")
    } else {
        // Without this, hundreds of digits.
        write!(out, "{number:e}")
    };
}

/// Writes a number of at most three digits behind its point, as most are that programs make: no other text of at most fifteen digits is
/// read as the same number, so that this is its shortest. False for others.
#[expect(clippy::arithmetic_side_effects, reason = "numbers of fifteen digits at most, and no scale is 0")]
fn write_short(out: &mut Vec<u8>, number: f64) -> bool {
    const BOUND: f64 = 1e12;
    let size = number.abs();
    if size >= BOUND {
        return false;
    }
    for scale in [1, 10, 100, 1_000] {
        let scaled = (size * scale as f64 + 0.5) as u64;
        if scaled as f64 / scale as f64 == size {
            if number < 0.0 {
                out.push(b'-');
            }
            decimal::write(out, scaled / scale);
            if scale > 1 {
                out.push(b'.');
            }
            let mut unit = scale / 10;
            while unit > 0 {
                out.push(b'0' + (scaled / unit % 10) as u8);
                unit /= 10;
            }
            return true;
        }
    }
    false
}

//! JSON strings and numbers and what they stand for. It must not check the grammar: the walk has.

use std::borrow::Cow;

use super::trim;

/// The text that a valid JSON string (with its quotes) stands for.
///
/// A surrogate without its partner, which UTF-8 cannot carry, becomes U+FFFD.
pub fn unescape(string: &str) -> Cow<'_, str> {
    let string = trim(string);
    let text = string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(string);
    if plain_run(text.as_bytes()) == text.len() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    unescaped(text, |piece| out.push_str(piece));
    Cow::Owned(out)
}

/// Gives `put` what the inside of a valid JSON string stands for, piece by piece.
pub(in crate::wire) fn unescaped(text: &str, mut put: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(escape) = memchr::memchr(b'\\', rest.as_bytes()) {
        put(rest.get(..escape).unwrap_or_default());
        rest = rest.get(escape.saturating_add(1)..).unwrap_or_default();
        let Some(byte) = rest.bytes().next() else { return };
        let (char, length) = escaped(byte, rest);
        put(char.encode_utf8(&mut [0; 4]));
        rest = rest.get(length..).unwrap_or_default();
    }
    put(rest);
}

/// What the escape in front of `rest` (its backslash taken) stands for, and its length.
fn escaped(byte: u8, rest: &str) -> (char, usize) {
    match byte {
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => unicode_escape(rest),
        other => (char::from(other), 1),
    }
}

/// The character of `uXXXX`, or of the pair `uXXXX\uXXXX`, and the length of that text.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "small constants; surrogates, whose range the patterns give"
)]
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
    write_unchecked(out, text.as_bytes());
}

/// As [`write_string`]. What comes out is text if `text` is.
pub(in crate::wire) fn write_unchecked(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(text.len().saturating_add(2));
    out.push(b'"');
    let mut rest = text;
    loop {
        let plain = plain_run(rest);
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
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
                let digit = |number: u8| HEX.get(usize::from(number)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
        }
        rest = rest.get(plain.saturating_add(1)..).unwrap_or_default();
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
    let (count, point) = (digits.len(), exponent.saturating_add(1));
    Cow::Owned(match point {
        1..=21 if count <= point as usize => format!("{sign}{digits:0<width$}", width = point as usize),
        1..=21 => {
            let (whole, fraction) = digits.split_at_checked(point as usize).unwrap_or((&digits, ""));
            format!("{sign}{whole}.{fraction}")
        }
        -5..=0 => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        _ if count == 1 => format!("{sign}{digits}e{exponent:+}"),
        _ => {
            let (first, fraction) = digits.split_at_checked(1).unwrap_or((&digits, ""));
            format!("{sign}{first}.{fraction}e{exponent:+}")
        }
    })
}

/// How many bytes from the start can stand in a JSON string as they are: no quote, backslash or control
/// character.
///
/// Eight bytes at a time, because strings in messages are short: a call into a wider search costs more.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "constants, and places in a slice")]
pub(super) fn plain_run(bytes: &[u8]) -> usize {
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

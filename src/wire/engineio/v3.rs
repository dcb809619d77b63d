//! What Engine.IO 3, the protocol of Socket.IO 2 clients, has otherwise than 4: payloads with lengths, text or binary, and binary
//! messages that say that they are one. It must not know what a packet leads to.

use memchr::memchr;

use super::{Malformed, Packet, PacketType, decode_base64, decode_text};

#[cfg(test)]
mod tests;

/// The byte a binary message begins with.
pub(crate) const MESSAGE: u8 = PacketType::Message as u8 - b'0';

/// What ends the length of a packet in a binary payload.
const END_OF_LENGTH: u8 = 255;

/// Digits of a length. No body has more bytes than nine digits can say, or it was refused.
const MAX_DIGITS: usize = 9;

/// Reads a packet in its text form: a text frame, or one packet of a payload.
///
/// In the reference `b` may stand before any type; here it is a message, as every client's is.
pub fn text_packet(text: &str) -> Result<Packet<'_>, Malformed> {
    match text.strip_prefix('b') {
        Some(binary) => Ok(Packet::Binary(decode_base64(binary.strip_prefix('4').ok_or(Malformed)?)?)),
        None => decode_text(text),
    }
}

/// Reads a binary packet, a frame or one of a payload: the message in it. The reference passes over types of no meaning here.
pub fn binary_packet(bytes: &[u8]) -> Result<&[u8], Malformed> {
    match bytes.split_first() {
        Some((&MESSAGE, message)) => Ok(message),
        _ => Err(Malformed),
    }
}

/// The first packet of a text payload, `<length>:<packet>` by UTF-16 code units, and what is behind it. An empty packet is
/// none, as in the reference: `""`.
pub fn first_packet(body: &str) -> Result<(&str, &str), Malformed> {
    let colon =
        body.bytes().take(MAX_DIGITS.saturating_add(1)).position(|byte| byte == b':').ok_or(Malformed)?;
    let (digits, rest) = body.split_at_checked(colon).ok_or(Malformed)?;
    let rest = rest.get(1..).ok_or(Malformed)?;
    let length = length(digits.bytes().map(|byte| byte.wrapping_sub(b'0')))?;
    rest.split_at_checked(units_end(rest, length)?).ok_or(Malformed)
}

/// Where so many UTF-16 code units of a text end. Not in the middle of a character, and not behind its end.
fn units_end(text: &str, units: usize) -> Result<usize, Malformed> {
    // As with most: a code unit is a byte.
    let ascii = text.as_bytes().get(..units).ok_or(Malformed)?;
    if ascii.is_ascii() {
        return Ok(units);
    }
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Ok(at);
        }
        left = left.checked_sub(character.len_utf16()).ok_or(Malformed)?;
    }
    if left == 0 { Ok(text.len()) } else { Err(Malformed) }
}

/// The length that decimal digits say.
fn length(digits: impl Iterator<Item = u8>) -> Result<usize, Malformed> {
    let mut length = None;
    for digit in digits {
        if digit > 9 {
            return Err(Malformed);
        }
        length = Some(length.unwrap_or(0_usize).saturating_mul(10).saturating_add(digit.into()));
    }
    length.ok_or(Malformed)
}

/// One packet of a binary payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// In its text form.
    Text(&'a str),
    /// In its binary form.
    Binary(&'a [u8]),
}

/// The first packet of a binary payload, `<0 or 1><digits as bytes><255><packet>` by bytes, and what is behind it.
///
/// The reference takes a packet that is shorter than it says; here it is malformed, so that nothing is lost unseen.
pub fn first_part(body: &[u8]) -> Result<(Part<'_>, &[u8]), Malformed> {
    let (kind, rest) = body.split_first().ok_or(Malformed)?;
    let near = rest.get(..MAX_DIGITS.saturating_add(1)).unwrap_or(rest);
    let (digits, _) =
        near.split_at_checked(memchr(END_OF_LENGTH, near).ok_or(Malformed)?).ok_or(Malformed)?;
    let rest = rest.get(digits.len().saturating_add(1)..).ok_or(Malformed)?;
    let (packet, behind) = rest.split_at_checked(length(digits.iter().copied())?).ok_or(Malformed)?;
    let part = match kind {
        0 => Part::Text(std::str::from_utf8(packet).map_err(|_| Malformed)?),
        1 => Part::Binary(packet),
        _ => return Err(Malformed),
    };
    Ok((part, behind))
}

/// How many UTF-16 code units a text has.
#[expect(clippy::arithmetic_side_effects, reason = "two for each byte of a text in memory, at most")]
pub fn units(text: &[u8]) -> usize {
    // As many as there are characters, and one more for each of four bytes.
    text.iter().map(|&byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum()
}

/// Appends what stands before a packet of so many code units in a text payload.
pub fn text_header(out: &mut Vec<u8>, units: usize) {
    digits(out, units, b'0');
    out.push(b':');
}

/// Appends what stands before a packet in a binary payload.
pub fn part_header(out: &mut Vec<u8>, is_text: bool, length: usize) {
    out.push(if is_text { 0 } else { 1 });
    digits(out, length, 0);
    out.push(END_OF_LENGTH);
}

/// Appends a number's decimal digits, counted from `zero`.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "digits of a number that gets shorter, and their sum with a small byte"
)]
fn digits(out: &mut Vec<u8>, mut number: usize, zero: u8) {
    let start = out.len();
    loop {
        out.push((number % 10) as u8 + zero);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.get_mut(start..).unwrap_or_default().reverse();
}

/// How many bytes [`write_base64`] appends.
pub fn base64_len(bytes: &[u8]) -> usize {
    super::base64_len(bytes).saturating_add(1)
}

/// Appends a binary message in its text form.
pub fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(b"b4");
    super::append_base64(out, bytes);
}

//! Engine.IO packets and polling payloads, of version 4 but for what [`v3`] has otherwise. It must not know what a message contains.

use std::io::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD as PADDED};
use memchr::memchr;

use super::json;
pub use super::json::Malformed;

pub mod jsonp;
#[cfg(test)]
mod tests;
pub mod v3;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// That of Socket.IO 1 and 2 clients: they send the pings.
    V3,
    /// That of Socket.IO 3 and 4 clients.
    V4,
}

impl Version {
    /// What the `EIO` of a query says. The reference takes all else for 3, also if it is missing.
    pub fn of_query(value: &str) -> Self {
        if value == "4" { Self::V4 } else { Self::V3 }
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }

    /// A payload that is a noop.
    pub const fn noop(self) -> &'static [u8] {
        match self {
            Self::V3 => b"1:6",
            Self::V4 => b"6",
        }
    }

    /// A payload that is the end of the session.
    pub const fn close(self) -> &'static [u8] {
        match self {
            Self::V3 => b"1:1",
            Self::V4 => b"1",
        }
    }

    /// The same behind a noop.
    pub const fn noop_and_close(self) -> &'static [u8] {
        match self {
            Self::V3 => b"1:61:1",
            Self::V4 => b"6\x1e1",
        }
    }
}

/// What stands between the packets of a polling payload.
pub const SEPARATOR: u8 = 0x1e;

/// The digit a text packet begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PacketType {
    /// The handshake, from the server.
    Open = b'0',
    /// The end of the session.
    Close = b'1',
    /// The heartbeat from the server, or a probe from the client.
    Ping = b'2',
    /// The answer to a ping.
    Pong = b'3',
    /// A message.
    Message = b'4',
    /// The client's last step of an upgrade.
    Upgrade = b'5',
    /// Nothing; it ends a poll.
    Noop = b'6',
}

impl PacketType {
    /// The packet without data, as it goes over the wire.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Open => "0",
            Self::Close => "1",
            Self::Ping => "2",
            Self::Pong => "3",
            Self::Message => "4",
            Self::Upgrade => "5",
            Self::Noop => "6",
        }
    }
}

/// One packet from the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The handshake with its JSON; no client sends it.
    Open(&'a str),
    /// The sender ends the session.
    Close,
    /// A heartbeat or, with `probe`, the first step of an upgrade.
    Ping(&'a str),
    /// The answer to a ping.
    Pong(&'a str),
    /// A text message.
    Message(&'a str),
    /// The last step of an upgrade.
    Upgrade,
    /// Nothing.
    Noop,
    /// A binary message that came as base64.
    Binary(Vec<u8>),
}

/// Reads a packet in the text form of a version: a text frame, or one packet of a payload.
pub fn decode(version: Version, text: &str) -> Result<Packet<'_>, Malformed> {
    match version {
        Version::V3 => v3::text_packet(text),
        Version::V4 => decode_text(text),
    }
}

/// Appends the open packet, its keys in the reference's order.
pub fn open_packet(
    out: &mut Vec<u8>,
    sid: &str,
    upgrades: &[&str],
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: usize,
) {
    out.extend_from_slice(b"0{\"sid\":");
    json::write_string(out, sid);
    out.extend_from_slice(b",\"upgrades\":[");
    for (i, upgrade) in upgrades.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::write_string(out, upgrade);
    }
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "],\"pingInterval\":{ping_interval},\"pingTimeout\":{ping_timeout},\"maxPayload\":{max_payload}}}"
    );
}

/// Reads a packet in its text form: a text frame, or one packet of a payload.
///
/// As in the reference, data behind a type that has none is ignored.
pub fn decode_text(text: &str) -> Result<Packet<'_>, Malformed> {
    let kind = text.as_bytes().first().ok_or(Malformed)?;
    // A char boundary, if the first byte is one of those below.
    let data = text.get(1..).unwrap_or_default();
    Ok(match kind {
        b'0' => Packet::Open(data),
        b'1' => Packet::Close,
        b'2' => Packet::Ping(data),
        b'3' => Packet::Pong(data),
        b'4' => Packet::Message(data),
        b'5' => Packet::Upgrade,
        b'6' => Packet::Noop,
        b'b' => Packet::Binary(decode_base64(data)?),
        _ => return Err(Malformed),
    })
}

/// Reads base64 in what clients write: either alphabet, padding or none, lines broken or not.
///
/// The reference also skips any other character; here such a packet is malformed, so that nothing is lost unseen.
fn decode_base64(text: &str) -> Result<Vec<u8>, Malformed> {
    const LENIENT: GeneralPurpose =
        GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));
    if let Ok(bytes) = PADDED.decode(text) {
        return Ok(bytes);
    }
    // engine.io-client-java breaks lines every 76 characters; others use the URL-safe alphabet or no padding.
    let plain: Vec<u8> = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| match b {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    let unpadded = plain.strip_suffix(b"==").or_else(|| plain.strip_suffix(b"=")).unwrap_or(&plain);
    LENIENT.decode(unpadded).map_err(|_| Malformed)
}

/// Bytes of a short packet.
const SHORT: usize = 16;

/// The first packet of a polling payload in its text form, and what is behind it if there is more.
pub fn first_packet(body: &str) -> (&str, Option<&str>) {
    // Most are short, and a search that is made for long ones costs more than they do.
    let (near, far) = body.as_bytes().split_at_checked(SHORT).unwrap_or((body.as_bytes(), &[]));
    let at = near.iter().position(|&byte| byte == SEPARATOR);
    let at = at.or_else(|| memchr(SEPARATOR, far).map(|at| at.saturating_add(SHORT)));
    let parts = at.and_then(|at| Some((body.get(..at)?, body.get(at.saturating_add(1)..)?)));
    parts.map_or((body, None), |(packet, behind)| (packet, Some(behind)))
}

/// The packets of a polling payload, up to and with the first malformed one.
pub fn payload(body: &str) -> impl Iterator<Item = Result<Packet<'_>, Malformed>> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let (packet, tail) = first_packet(rest?);
        let packet = decode_text(packet);
        rest = if packet.is_ok() { tail } else { None };
        Some(packet)
    })
}

/// Appends a binary message in the form it has in a payload.
pub fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'b');
    append_base64(out, bytes);
}

fn append_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start.saturating_add(bytes.len().div_ceil(3).saturating_mul(4)), 0);
    // The slice has exactly the length that padded base64 takes, so this cannot fail.
    let room = out.get_mut(start..).unwrap_or_default();
    let written = PADDED.encode_slice(bytes, room).unwrap_or(0);
    out.truncate(start.saturating_add(written));
}

/// How many bytes [`write_base64`] appends.
pub fn base64_len(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(3).saturating_mul(4).saturating_add(1)
}

//! What a client reads: responses, frames, packets. Written from the specifications, apart from the broker's own code.

use crate::client::Out;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use std::io::Read;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

/// Takes a response off the front of `bytes`, if it is whole.
pub(crate) fn response(bytes: &mut Vec<u8>) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head in ASCII");
    let status: u16 = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    let mut response = Response { status, head, body: Vec::new() };
    let length = if status == 101 || status == 204 || status == 100 {
        0
    } else {
        response.header("content-length").expect("a length").parse().expect("a number")
    };
    let whole = end + 4 + length;
    if bytes.len() < whole {
        return None;
    }
    response.body = bytes[end + 4..whole].to_vec();
    if let Some(coding) = response.header("content-encoding") {
        assert_eq!(coding, "gzip");
        let mut plain = Vec::new();
        GzDecoder::new(&*response.body).read_to_end(&mut plain).expect("gzip");
        response.body = plain;
    }
    bytes.drain(..whole);
    Some(response)
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Close(Option<u16>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// Takes a frame off the front of `bytes[at..]`; moves `at`. It may be compressed if that was agreed on.
pub(crate) fn frame(bytes: &[u8], at: &mut usize, agreed: bool) -> Option<Frame> {
    let rest = &bytes[*at..];
    let (&first, &second) = (rest.first()?, rest.get(1)?);
    assert_eq!(first & 0x80, 0x80, "the broker does not fragment");
    let compressed = first & 0x70 == 0x40;
    assert!(first & 0x70 == 0 || (compressed && agreed && first & 8 == 0), "{first:x} was not agreed on");
    assert_eq!(second & 0x80, 0, "a server does not mask");
    let (head, length) = match second {
        126 => (4, usize::from(u16::from_be_bytes(rest.get(2..4)?.try_into().unwrap()))),
        127 => (10, u64::from_be_bytes(rest.get(2..10)?.try_into().unwrap()) as usize),
        short => (2, usize::from(short)),
    };
    let body: Range<usize> = head..head + length;
    let payload = rest.get(body)?.to_vec();
    *at += head + length;
    let payload = if compressed { inflated(&payload) } else { payload };
    Some(match first & 15 {
        1 => Frame::Text(String::from_utf8(payload).expect("UTF-8")),
        2 => Frame::Binary(payload),
        8 if payload.is_empty() => Frame::Close(None),
        8 => Frame::Close(Some(u16::from_be_bytes([payload[0], payload[1]]))),
        9 => Frame::Ping(payload),
        10 => Frame::Pong(payload),
        other => panic!("opcode {other}"),
    })
}

/// What a compressed message stands for (RFC 7692, 7.2.2), to one that has read nothing before.
pub(crate) fn inflated(message: &[u8]) -> Vec<u8> {
    let message = [message, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(1 << 21);
    let mut state = Decompress::new(false);
    state.decompress_vec(&message, &mut out, FlushDecompress::Sync).expect("a compressed message");
    assert_eq!(state.total_in(), message.len() as u64, "a compressed message, and no more");
    out
}

/// A message compressed by itself (RFC 7692, 7.2.1).
pub(crate) fn deflated(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let mut state = Compress::new(Compression::new(6), false);
    state.compress_vec(message, &mut out, FlushCompress::Sync).expect("room for it");
    assert_eq!(state.total_in(), message.len() as u64);
    out.truncate(out.len() - 4);
    out
}

/// A masked client frame of a compressed message.
pub(crate) fn masked_deflated(opcode: u8, message: &[u8], out: &mut Vec<u8>) {
    masked(0x40 | opcode, &deflated(message), out);
}

/// A masked client frame.
pub(crate) fn masked(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// Appends a packet to a payload of Engine.IO 3, a text one or one of octets.
pub(crate) fn write_old(out: &Out, octets: bool, body: &mut Vec<u8>) {
    let length = |length: usize, zero: u8| -> Vec<u8> {
        length.to_string().bytes().map(|digit| digit - b'0' + zero).collect()
    };
    match (out, octets) {
        (Out::Text(text), false) => {
            body.extend(length(text.encode_utf16().count(), b'0'));
            body.push(b':');
            body.extend(text.as_bytes());
        }
        (Out::Binary(bytes), false) => {
            let text = format!("b4{}", STANDARD.encode(bytes));
            body.extend(format!("{}:{text}", text.len()).as_bytes());
        }
        (Out::Text(text), true) => {
            body.push(0);
            body.extend(length(text.len(), 0));
            body.push(255);
            body.extend(text.as_bytes());
        }
        (Out::Binary(bytes), true) => {
            body.push(1);
            body.extend(length(bytes.len() + 1, 0));
            body.extend([255, 4]);
            body.extend(bytes);
        }
    }
}

/// The packets of a payload of Engine.IO 3: as text, binary messages without what says that they are.
pub(crate) fn old_payload(body: &[u8], octets: bool) -> Vec<Out> {
    let mut packets = Vec::new();
    if octets {
        let mut rest = body;
        while let Some((kind, more)) = rest.split_first() {
            let end = more.iter().position(|&byte| byte == 255).expect("an end of the length");
            let length = more[..end].iter().fold(0, |length, &digit| length * 10 + usize::from(digit));
            let packet = &more[end + 1..end + 1 + length];
            rest = &more[end + 1 + length..];
            packets.push(match kind {
                0 => Out::Text(String::from_utf8(packet.to_vec()).expect("UTF-8")),
                1 => Out::Binary(packet.strip_prefix(b"\x04").expect("a message").to_vec()),
                other => panic!("a packet of kind {other}"),
            });
        }
        return packets;
    }
    let units: Vec<u16> = std::str::from_utf8(body).expect("UTF-8").encode_utf16().collect();
    let mut rest = &units[..];
    while !rest.is_empty() {
        let colon = rest.iter().position(|&unit| unit == u16::from(b':')).expect("a colon");
        let length: usize = String::from_utf16(&rest[..colon]).unwrap().parse().expect("a length");
        let packet = String::from_utf16(&rest[colon + 1..colon + 1 + length]).expect("whole characters");
        rest = &rest[colon + 1 + length..];
        packets.push(match packet.strip_prefix("b4") {
            Some(coded) => Out::Binary(STANDARD.decode(coded).expect("base64")),
            None => Out::Text(packet),
        });
    }
    packets
}

/// A Socket.IO packet with its attachments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) kind: char,
    pub(crate) nsp: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: String,
    /// Attachments still to come.
    pub(crate) missing: usize,
    pub(crate) attachments: Vec<Vec<u8>>,
}

impl Packet {
    pub(crate) fn parse(text: &str) -> Self {
        let mut chars = text.chars();
        let kind = chars.next().expect("a type");
        assert!(('0'..='6').contains(&kind), "{text}");
        let mut rest = chars.as_str();
        let mut missing = 0;
        if kind == '5' || kind == '6' {
            let (count, after) = rest.split_once('-').expect("a count");
            missing = count.parse().expect("a number");
            rest = after;
        }
        let mut nsp = "/".to_owned();
        if rest.starts_with('/') {
            let (name, after) = rest.split_once(',').expect("a comma");
            nsp = name.to_owned();
            rest = after;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let id = rest[..digits].parse().ok();
        Self { kind, nsp, id, data: rest[digits..].to_owned(), missing, attachments: Vec::new() }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or(serde_json::Value::Null)
    }
}

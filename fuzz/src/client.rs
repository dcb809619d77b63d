//! A client at the other end of a real socket: frames that it writes, and those that it has read. It must not choose anything.

use std::io::{ErrorKind, Read, Write};

/// A WebSocket's handshake.
pub(crate) const HELLO: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A frame with this payload, masked with zeros.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
    out
}

/// Writes as much as the kernel takes; the peer may have gone.
pub(crate) fn write(stream: &mut impl Write, mut bytes: &[u8]) {
    while let Ok(count @ 1..) = stream.write(bytes) {
        bytes = &bytes[count..];
    }
}

/// Reads all that is there. False when nothing will come any more.
pub(crate) fn read(stream: &mut impl Read, into: &mut Vec<u8>) -> bool {
    let mut piece = [0; 4_096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return false,
            Ok(count) => into.extend_from_slice(&piece[..count]),
            Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}

/// Takes the texts of whole frames from what was read, which begins with the head of a handshake's answer.
pub(crate) fn texts(read: &mut Vec<u8>) -> Vec<String> {
    let mut at = match read.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(end) if read.starts_with(b"HTTP") => end + 4,
        None if read.starts_with(b"HTTP") => return Vec::new(),
        _ => 0,
    };
    let mut texts = Vec::new();
    while let [opcode, short, rest @ ..] = &read[at..] {
        let (header, length) = match (short, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (127, [eight @ .., _]) if eight.len() >= 8 => {
                (10, u64::from_be_bytes(eight[..8].try_into().expect("eight")) as usize)
            }
            (126 | 127, _) => break,
            (length, _) => (2, usize::from(*length)),
        };
        let Some(payload) = read.get(at + header..at + header + length) else { break };
        if *opcode == 0x81 {
            texts.push(String::from_utf8(payload.to_vec()).expect("a text is UTF-8"));
        }
        at += header + length;
    }
    read.drain(..at);
    texts
}

//! What a client of the core says: packets, payloads, frames. It must not know what becomes of them.

use super::input::Input;
use flate2::{Compress, Compression, FlushCompress};

/// An Engine.IO packet.
fn packet(input: &mut Input<'_>, pids: &[String]) -> Vec<u8> {
    const COMMON: [&str; 36] = [
        "40",
        "40/open,",
        "40/guarded,{\"a\":1}",
        "40/t-1,",
        "40/t-2,",
        "40/q-1,",
        "40/nowhere,",
        "41",
        "41/open,",
        "41/t-1,",
        "42[\"e\",1]",
        "42/open,[\"e\"]",
        "42/t-1,7[\"e\",\"\\u00e9\"]",
        "421[\"e\"]",
        "43[]",
        "430[1]",
        "431[2]",
        "43/open,1[]",
        "451-[\"b\",{\"_placeholder\":true,\"num\":0}]",
        "452-/open,3[\"b\",{\"_placeholder\":true,\"num\":1}]",
        "461-1[{\"_placeholder\":true,\"num\":0}]",
        "bAQID",
        "b",
        "2",
        "2probe",
        "3",
        "3probe",
        "5",
        "6",
        "1",
        "4",
        "0",
        "44",
        "42[\"connect\"]",
        "42[",
        "9",
    ];
    match input.below(40) {
        at if at < COMMON.len() => COMMON[at].as_bytes().to_vec(),
        36 => [b"4".as_slice(), input.bytes()].concat(),
        37 => [b"42[\"big\",\"", "x".repeat(input.below(3_000)).as_bytes(), b"\"]"].concat(),
        38 if !pids.is_empty() => {
            let (namespace, pid) = (input.pick(&["t-1", "t-2"]), &pids[input.below(pids.len())]);
            let offset = input.pick(&["", ",\"offset\":\"\"", ",\"offset\":7"]);
            format!("40/{namespace},{{\"pid\":\"{pid}\"{offset}}}").into_bytes()
        }
        _ => input.bytes().to_vec(),
    }
}

/// A polling payload.
pub(crate) fn payload(input: &mut Input<'_>, pids: &[String]) -> Vec<u8> {
    let mut body = packet(input, pids);
    for _ in 0..input.below(3) {
        body.push(0x1e);
        body.extend(packet(input, pids));
    }
    body
}

/// WebSocket frames from a client; some are compressed, if it may.
pub(crate) fn frames(input: &mut Input<'_>, pids: &[String], deflate: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..1 + input.below(3) {
        let opcode = input.pick(&[0x81u8, 0x81, 0x81, 0x81, 0x82, 0x89, 0x8a, 0x88, 0x01, 0x80, 0x00]);
        let mut payload = match opcode {
            0x81 | 0x01 => packet(input, pids),
            0x88 if input.flag() => 1000u16.to_be_bytes().to_vec(),
            _ => input.bytes().to_vec(),
        };
        let mask = input.pick(&[0u8, 0, 0x55]);
        let is_compressed = deflate && input.byte() > 100;
        if is_compressed {
            payload = deflated(&payload);
        }
        out.push(opcode | if is_compressed { 0x40 } else { 0 });
        match payload.len() {
            length @ 0..126 => out.push(0x80 | length as u8),
            length => {
                out.push(0x80 | 126);
                out.extend((length as u16).to_be_bytes());
            }
        }
        out.extend([mask; 4]);
        out.extend(payload.iter().map(|byte| byte ^ mask));
    }
    out
}

/// As a client compresses a message (RFC 7692, 7.2.1).
fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 100);
    let mut deflate = Compress::new(Compression::fast(), false);
    deflate.compress_vec(payload, &mut out, FlushCompress::Sync).expect("there is room");
    out.truncate(out.len() - 4);
    out
}

//! Engine.IO 3 against the parser that the reference keeps for it, as recorded.

use super::super::super::json::tests::{Random, rows, table};
use super::super::Packet;
use super::*;
use serde_json::Value;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// What a packet says, as the tables have it.
fn describe(packet: &Packet<'_>) -> (&'static str, String) {
    match packet {
        Packet::Open(data) => ("open", data.to_string()),
        Packet::Close => ("close", String::new()),
        Packet::Ping(data) => ("ping", data.to_string()),
        Packet::Pong(data) => ("pong", data.to_string()),
        Packet::Message(data) => ("message", data.to_string()),
        Packet::Upgrade => ("upgrade", String::new()),
        Packet::Noop => ("noop", String::new()),
        Packet::Binary(bytes) => ("binary", hex(bytes)),
    }
}

const ERROR: (&str, String) = ("error", String::new());

fn text_payload(body: &str) -> Vec<(&'static str, String)> {
    let mut seen = Vec::new();
    if body.is_empty() {
        seen.push(ERROR);
    }
    let mut rest = body;
    while !rest.is_empty() {
        let Ok((packet, behind)) = first_packet(rest) else {
            seen.push(ERROR);
            break;
        };
        rest = behind;
        if packet.is_empty() {
            continue;
        }
        match text_packet(packet) {
            Ok(packet) => seen.push(describe(&packet)),
            Err(Malformed) => {
                seen.push(ERROR);
                break;
            }
        }
    }
    seen
}

fn binary_payload(body: &[u8]) -> Vec<(&'static str, String)> {
    let mut seen = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let read = first_part(rest).and_then(|(part, behind)| {
            rest = behind;
            match part {
                Part::Text(text) => text_packet(text).map(|packet| describe(&packet)),
                Part::Binary(bytes) => binary_packet(bytes).map(|message| ("binary", hex(message))),
            }
        });
        let failed = read.is_err();
        seen.push(read.unwrap_or(ERROR));
        if failed {
            break;
        }
    }
    seen
}

/// What was recorded is what is read; where it is not, ours is an error, and `why` names what the reference takes there.
fn compare(ours: &[(&str, String)], theirs: &Value, why: impl Fn(&Value) -> bool, shown: &str) -> bool {
    let theirs = theirs.as_array().unwrap();
    for (at, (kind, data)) in ours.iter().enumerate() {
        let their = theirs.get(at).unwrap_or(&Value::Null);
        if *kind == "error" && their[0] != "error" {
            assert!(why(their), "{shown}: {ours:?}");
            return true;
        }
        assert_eq!(their[0], *kind, "{shown}");
        if !matches!(*kind, "close" | "upgrade" | "noop" | "error") {
            assert_eq!(their[1].as_str().unwrap(), data, "{shown}");
        }
        if *kind == "binary" {
            assert_eq!(their[2], "message", "{shown}");
        }
    }
    assert_eq!(ours.len(), theirs.len(), "{shown}");
    false
}

#[test]
fn payloads_as_recorded() {
    let (mut read, mut stricter, mut written) = (0, 0, 0);
    for row in rows(&table!("engineio3.jsonl")) {
        let given = row[1].as_str().unwrap_or_default();
        match row[0].as_str().unwrap() {
            "text" => {
                // Half a character, white space in a length, a binary packet of another type, or base64 that only Node takes.
                let why = |their: &Value| {
                    their[0] == "binary"
                        || given.contains(char::is_whitespace)
                        || their[1].as_str().is_some_and(|data| data.contains('\u{fffd}'))
                };
                stricter += usize::from(compare(&text_payload(given), &row[2], why, given));
                read += 1;
            }
            "binary" => {
                // Lengths that are none, or more than there is, types that are none, and binary packets of another type than a message.
                let ours = binary_payload(&unhex(given));
                if row[2] == serde_json::json!([["error", ""]]) {
                    // The reference takes a payload apart before it reads the first packet.
                    assert_eq!(ours.last(), Some(&ERROR), "{given}");
                } else {
                    stricter += usize::from(compare(&ours, &row[2], |_| true, given));
                }
                read += 1;
            }
            _ => {
                let (mut text, mut binary) = (Vec::new(), Vec::new());
                for packet in row[1].as_array().unwrap() {
                    match packet.as_str() {
                        Some(message) => {
                            let packet = format!("4{message}");
                            text_header(&mut text, units(packet.as_bytes()));
                            text.extend_from_slice(packet.as_bytes());
                            part_header(&mut binary, true, packet.len());
                            binary.extend_from_slice(packet.as_bytes());
                        }
                        None => {
                            let message = unhex(packet[0].as_str().unwrap());
                            text_header(&mut text, base64_len(&message));
                            write_base64(&mut text, &message);
                            part_header(&mut binary, false, message.len() + 1);
                            binary.push(MESSAGE);
                            binary.extend_from_slice(&message);
                        }
                    }
                }
                assert_eq!(String::from_utf8(text).unwrap(), row[2].as_str().unwrap());
                // Theirs ends with the packet that makes it binary.
                assert_eq!(hex(&binary) + "0101ff04", row[3].as_str().unwrap());
                written += 1;
            }
        }
    }
    assert!(read > 300 && written > 100 && stricter < read / 4, "{read}, {written}, {stricter}");
}

#[test]
fn lengths_are_of_plain_digits_and_no_more_than_nine() {
    for body in ["1e0:4", "+1:4", " 1:4", "1 :4", "0x1:4", "0000000001:4", "１:4"] {
        assert_eq!(first_packet(body), Err(Malformed), "{body}");
    }
    assert_eq!(first_packet("000000001:4x"), Ok(("4", "x")));
    for body in [
        &b"\x00\xff4"[..],
        b"\x00\x0a\xff4",
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff4",
        b"\x02\x01\xff4",
    ] {
        assert_eq!(first_part(body), Err(Malformed), "{body:?}");
    }
    assert_eq!(
        first_part(b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff4x"),
        Ok((Part::Text("4"), &b"x"[..]))
    );
}

#[test]
fn characters_are_counted_as_javascript_counts_them() {
    let mut random = Random(0x5eed_2003);
    for _ in 0..crate::base::rounds(2_000) {
        let text: String =
            (0..random.below(12)).map(|_| random.pick(&["a", "é", "€", "😀", "\u{7ff}"])).collect();
        let length = text.encode_utf16().count();
        assert_eq!(units(text.as_bytes()), length);
        let behind = random.pick(&["", "b", "😀"]);
        assert_eq!(first_packet(&format!("{length}:{text}{behind}")), Ok((&*text, behind)));
    }
}

#[test]
fn nothing_panics_on_anything() {
    let mut random = Random(0x5eed_2004);
    for _ in 0..crate::base::rounds(20_000) {
        let alphabet = [b'0', b'1', b'9', b':', b'4', b'b', 0xff, 0, 1, 2, 0xc3, 0xa9, 0xf0];
        let bytes: Vec<u8> = (0..random.below(30)).map(|_| alphabet[random.below(alphabet.len())]).collect();
        binary_payload(&bytes);
        text_payload(&String::from_utf8_lossy(&bytes));
    }
}

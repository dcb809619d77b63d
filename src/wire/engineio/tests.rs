//! Engine.IO packets against recorded engine.io-parser.

use super::super::json::tests::{Random, rows, table};
use super::*;

fn describe(packet: &Result<Packet<'_>, Malformed>) -> (&'static str, String) {
    match packet {
        Ok(Packet::Open(data)) => ("open", data.to_string()),
        Ok(Packet::Close) => ("close", String::new()),
        Ok(Packet::Ping(data)) => ("ping", data.to_string()),
        Ok(Packet::Pong(data)) => ("pong", data.to_string()),
        Ok(Packet::Message(data)) => ("message", data.to_string()),
        Ok(Packet::Upgrade) => ("upgrade", String::new()),
        Ok(Packet::Noop) => ("noop", String::new()),
        Ok(Packet::Binary(bytes)) => ("binary", bytes.iter().map(|b| format!("{b:02x}")).collect()),
        Err(Malformed) => ("error", String::new()),
    }
}

/// Base64 that only Node takes: it skips what it does not know and stops at the first `=`.
fn is_stray_base64(packet: &str) -> bool {
    let Some(data) = packet.strip_prefix('b') else { return false };
    let data: String = data.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let digits = data.trim_end_matches('=');
    let known = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    !digits.chars().all(known) || digits.len() % 4 == 1 || data.len() - digits.len() > 2
}

#[test]
fn payloads_as_recorded() {
    let mut stray = 0;
    for row in rows(&table!("engineio.jsonl")) {
        let body = row[0].as_str().unwrap();
        let ours: Vec<_> = payload(body).map(|packet| describe(&packet)).collect();
        let theirs = row[1].as_array().unwrap();
        for (i, (kind, data)) in ours.iter().enumerate() {
            let text = body.split('\u{1e}').nth(i).unwrap();
            if is_stray_base64(text) {
                assert_eq!(*kind, "error", "{body:?}");
                stray += 1;
                break;
            }
            assert_eq!(theirs[i][0], *kind, "{body:?}");
            if !matches!(*kind, "close" | "upgrade" | "noop") {
                assert_eq!(theirs[i][1].as_str().unwrap(), data, "{body:?}");
            }
        }
        if !body.split('\u{1e}').any(is_stray_base64) {
            assert_eq!(ours.len(), theirs.len(), "{body:?}");
        }
    }
    assert!(stray > 5);
}

#[test]
fn base64_round_trips_at_every_length() {
    let mut random = Random(0x5eed_2001);
    for length in 0..200 {
        let bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        let mut out = b"x".to_vec();
        write_base64(&mut out, &bytes);
        let text = std::str::from_utf8(&out[1..]).unwrap();
        assert_eq!(decode_text(text), Ok(Packet::Binary(bytes)));
    }
}

#[test]
fn open_packet_as_the_reference_writes_it() {
    let mut out = Vec::new();
    open_packet(&mut out, "abc", &["websocket"], 25_000, 20_000, 1_000_000);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
    let mut out = Vec::new();
    open_packet(&mut out, "\"", &[], 1, 2, 3);
    assert_eq!(out, br#"0{"sid":"\"","upgrades":[],"pingInterval":1,"pingTimeout":2,"maxPayload":3}"#);
}

#[test]
fn types_are_what_decode_reads() {
    use PacketType::*;
    for kind in [Open, Close, Ping, Pong, Message, Upgrade, Noop] {
        assert_eq!(kind.text().as_bytes(), [kind as u8]);
        assert!(decode_text(kind.text()).is_ok());
    }
}

#[test]
fn nothing_panics_on_anything() {
    let mut random = Random(0x5eed_2002);
    for _ in 0..crate::base::rounds(20_000) {
        let bytes: Vec<u8> = (0..random.below(30)).map(|_| random.below(256) as u8).collect();
        payload(&String::from_utf8_lossy(&bytes)).for_each(drop);
        let ascii: String = bytes.iter().map(|b| char::from(b & 0x7f)).collect();
        payload(&format!("b{ascii}")).for_each(drop);
    }
}

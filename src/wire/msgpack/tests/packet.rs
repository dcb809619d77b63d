//! Packets of the msgpack parser against recorded socket.io-msgpack-parser, and what hostile clients send.

use super::super::packet::{Received, decode, encode, repeated};
use super::super::{MAX_DEPTH, Malformed};
use crate::base::limits::Limits;
use crate::base::seeds::for_seeds;
use crate::wire::json;
use crate::wire::json::tests::{rows, table};
use crate::wire::socketio::{self, Kind, Packet};
use serde_json::Value;
use std::borrow::Cow;

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn packed(text: &str, attachments: &[Vec<u8>]) -> Vec<u8> {
    let attachments: Vec<Cow<'_, [u8]>> = attachments.iter().map(Into::into).collect();
    let mut out = Vec::new();
    encode(text, &attachments, &mut out).unwrap_or_else(|_| panic!("{text}"));
    out
}

#[test]
#[cfg_attr(miri, ignore = "a long table of recorded texts, which is itself JSON to be read")]
fn encodes_as_recorded() {
    for row in rows(&table!("msgpack_encoded.jsonl")) {
        let text = row[0].as_str().unwrap();
        let attachments: Vec<Vec<u8>> =
            row[1].as_array().unwrap().iter().map(|hex| unhex(hex.as_str().unwrap())).collect();
        let expected = unhex(row[2].as_str().unwrap());
        let ours = packed(text, &attachments);
        assert!(ours == expected, "{text}\n{ours:02x?}\n{expected:02x?}");
        // What was written is read as what it was made of.
        let limits = Limits { max_attachments: 1_000, max_event_size: 1 << 30, ..Limits::default() };
        let received = decode(&ours, &limits).unwrap_or_else(|_| panic!("{text}"));
        assert!(
            received.attachments.iter().map(|it| &**it).eq(attachments.iter().map(Vec::as_slice)),
            "{text}"
        );
        let (back, packet) = (received.packet(&limits).unwrap(), socketio::decode(text, &limits).unwrap());
        assert_eq!((back.kind, back.nsp, back.id), (packet.kind, packet.nsp, packet.id), "{text}");
        assert!(same(back.data, packet.data), "{}\n{text}", back.data);
    }
}

/// Whether two texts of JSON are the same to JavaScript: its numbers are floats, and -0 is as good as 0.
fn same(one: &str, other: &str) -> bool {
    fn values(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| values(one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| values(one, other)))
            }
            (one, other) => one == other,
        }
    }
    (one.is_empty() && other.is_empty())
        || values(&serde_json::from_str(one).unwrap(), &serde_json::from_str(other).unwrap())
}

#[test]
#[cfg_attr(miri, ignore = "a long table of recorded texts, which is itself JSON to be read")]
fn decodes_as_recorded() {
    let limits = Limits::default();
    for row in rows(&table!("msgpack_decoded.jsonl")) {
        let hex = row[0].as_str().unwrap();
        let bytes = unhex(hex);
        let received = decode(&bytes, &limits);
        let packet = received.as_ref().map_err(|&malformed| malformed).and_then(|it| it.packet(&limits));
        let (Ok(received), Ok(packet)) = (&received, packet) else {
            // What the reference takes is refused for a reason of those that are documented.
            assert!(row[1].is_null() || row[2] != "", "{hex}: {}", row[1]);
            continue;
        };
        assert_eq!(row[2], "", "{hex}");
        assert!(!row[1].is_null(), "{hex}: {packet:?}");
        let kind = match packet.kind {
            Kind::Connect => 0,
            Kind::Disconnect => 1,
            Kind::Event | Kind::BinaryEvent => 2,
            Kind::Ack | Kind::BinaryAck => 3,
            Kind::ConnectError => 4,
        };
        assert_eq!((&row[1]["type"], row[1]["nsp"].as_str()), (&kind.into(), Some(packet.nsp)), "{hex}");
        assert_eq!(row[1]["id"].as_u64(), packet.id, "{hex}");
        let theirs = row[1]["attachments"].as_array().unwrap().iter().map(|hex| unhex(hex.as_str().unwrap()));
        assert!(received.attachments.iter().map(|it| it.to_vec()).eq(theirs), "{hex}");
        let data = row[1]["data"].as_str().unwrap();
        assert!(same(packet.data, data), "{}\n{data}", packet.data);
    }
}

/// A packet of these fields, each a key of one byte of length and a value as it stands.
fn fields(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = vec![0x80 | fields.len() as u8];
    for (key, value) in fields {
        out.push(0xa0 | key.len() as u8);
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(value);
    }
    out
}

fn event(data: &[u8]) -> Vec<u8> {
    fields(&[("type", b"\x02"), ("data", data), ("nsp", b"\xa1/")])
}

fn taken(bytes: &[u8], limits: &Limits) -> Option<(Kind, String, Vec<Vec<u8>>)> {
    let received = decode(bytes, limits).ok()?;
    let packet = received.packet(limits).ok()?;
    let attachments = received.attachments.iter().map(|it| it.to_vec()).collect();
    Some((packet.kind, packet.data.to_owned(), attachments))
}

#[test]
fn what_others_write_is_read() {
    let limits = Limits::default();
    // Python's client, which says `nil` where it has no data.
    let goodbye = fields(&[("type", b"\x01"), ("data", b"\xc0"), ("nsp", b"\xa1/")]);
    assert_eq!(taken(&goodbye, &limits), Some((Kind::Disconnect, String::new(), Vec::new())));
    let nil = fields(&[("type", b"\x02"), ("data", b"\x91\xa1a"), ("nsp", b"\xa1/"), ("id", b"\xc0")]);
    assert_eq!(taken(&nil, &limits), Some((Kind::Event, "[\"a\"]".into(), Vec::new())));
    let nothing = fields(&[("type", b"\x02"), ("data", b"\xc0"), ("nsp", b"\xa1/")]);
    assert_eq!(taken(&nothing, &limits), None);
    // Whole floats are integers, as in JavaScript.
    let float = fields(&[("type", b"\xcb\x40\0\0\0\0\0\0\0"), ("data", b"\x91\xa1a"), ("nsp", b"\xa1/")]);
    assert_eq!(taken(&float, &limits), Some((Kind::Event, "[\"a\"]".into(), Vec::new())));
    // A time of today's encoders is the text that Node's JSON has for it.
    let time = event(b"\x92\xa1a\xd6\xff\0\0\0\0");
    assert_eq!(taken(&time, &limits).unwrap().1, "[\"a\",\"1970-01-01T00:00:00.000Z\"]");
    assert_eq!(taken(&event(b"\x92\xa1a\xa1\xff"), &limits), None, "no UTF-8");
    assert_eq!(taken(&event(b"\x92\xa1a\x81\xc0\x01"), &limits), None, "a key that is no text");
}

#[test]
fn a_look_alike_of_a_placeholder_is_no_attachment() {
    let limits = Limits::default();
    let alike = b"\x82\xac_placeholder\xc3\xa3num\x00";
    // Without bytes it is an object like others ...
    let alone = event(&[&b"\x92\xa1a"[..], alike].concat());
    let (kind, data, attachments) = taken(&alone, &limits).unwrap();
    assert_eq!((kind, attachments.len()), (Kind::Event, 0));
    assert_eq!(
        packed(&format!("2{data}"), &[]),
        fields(&[("type", b"\x02"), ("data", &[&b"\x92\xa1a"[..], alike].concat()), ("nsp", b"\xa1/")])
    );
    // ... and beside bytes nobody could tell.
    assert_eq!(taken(&event(&[&b"\x93\xa1a\xc4\x01x"[..], alike].concat()), &limits), None);
    let wrong = b"\x82\xac_placeholder\xc3\xa3num\x05";
    assert_eq!(taken(&event(&[&b"\x93\xa1a\xc4\x01x"[..], wrong].concat()), &limits), None);
    let half = b"\x81\xac_placeholder\xc2";
    assert!(taken(&event(&[&b"\x93\xa1a\xc4\x01x"[..], half].concat()), &limits).is_some());
}

#[test]
fn what_a_client_may_say_is_bounded() {
    let deep = |depth: usize| event(&[&b"\x92\xa1a"[..], &vec![0x91; depth], b"\x01"].concat());
    let limits = Limits::default();
    assert!(taken(&deep(MAX_DEPTH as usize - 1), &limits).is_some());
    assert_eq!(taken(&deep(MAX_DEPTH as usize), &limits), None);
    let shallow = Limits { max_json_depth: 8, ..Limits::default() };
    assert!(taken(&deep(7), &shallow).is_some());
    assert_eq!(taken(&deep(8), &shallow), None);
    let deeper = Limits { max_json_depth: 2_000, ..Limits::default() };
    let bytes = deep(1_999);
    let (_, data, _) = taken(&bytes, &deeper).unwrap();
    assert_eq!(
        packed(&format!("2{data}"), &[]),
        bytes,
        "what is deeper by the host's wish goes out as it came in"
    );
    assert_eq!(taken(&event(&vec![0x91; 1 << 20]), &deeper), None);

    let binary = |count: u8| {
        event(&[&[0xdc, 0, count + 1, 0xa1, b'a'][..], &b"\xc4\x00".repeat(count.into())].concat())
    };
    assert_eq!(taken(&binary(10), &limits).unwrap().2.len(), 10);
    assert_eq!(taken(&binary(11), &limits), None);

    // As JSON it would be six times as much.
    let small = Limits { max_event_size: 10_000, ..Limits::default() };
    let zeros =
        |count: u16| event(&[&b"\x92\xa1a\xda"[..], &count.to_be_bytes(), &vec![0; count.into()]].concat());
    assert!(taken(&zeros(1_600), &small).is_some());
    assert_eq!(taken(&zeros(1_700), &small), None);
    let bytes =
        |count: u16| event(&[&b"\x92\xa1a\xc5"[..], &count.to_be_bytes(), &vec![0; count.into()]].concat());
    assert!(taken(&bytes(9_900), &small).is_some());
    assert_eq!(taken(&bytes(10_000), &small), None);
    assert_eq!(taken(&event(&[&b"\xdd\x00\x00\xff\xff\xa1a"[..], &[0xc0; 65_534]].concat()), &small), None);
}

#[test]
fn what_is_named_again_is_counted() {
    let holder = |number: usize| format!("{{\"_placeholder\":true,\"num\":{number}}}");
    let attachments: [&[u8]; 2] = [&[0; 100], &[0; 7]];
    let args = |numbers: &[usize]| {
        format!("[{}]", numbers.iter().map(|&it| holder(it)).collect::<Vec<_>>().join(","))
    };
    assert_eq!(repeated(&args(&[0, 1]), &attachments), 0);
    assert_eq!(repeated(&args(&[0]), &attachments), 0);
    assert_eq!(repeated(&args(&[0, 1, 0, 0]), &attachments), 200);
    assert_eq!(repeated("[]", &attachments), 0);
}

/// What hostile clients send: nothing panics, what is taken is within its bounds, and says the same when it is written again.
#[test]
fn any_bytes() {
    let base: Vec<Vec<u8>> =
        rows(&table!("msgpack_decoded.jsonl")).map(|row| unhex(row[0].as_str().unwrap())).collect();
    let limits = Limits { max_event_size: 4_000, max_json_depth: 20, ..Limits::default() };
    let mut known = 0;
    for_seeds(if cfg!(miri) { 2 } else { 3_000 }, |rng| {
        let mut bytes = rng.choice(&base).unwrap().clone();
        for _ in 0..rng.usize(..6) {
            let at = rng.usize(..=bytes.len());
            match rng.u8(..5) {
                0 if at < bytes.len() => bytes[at] = rng.u8(..),
                1 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
                2 => bytes.insert(at, rng.u8(..)),
                3 => bytes.truncate(at),
                _ => {
                    let other = rng.choice(&base).unwrap();
                    let from = rng.usize(..=other.len());
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
        known += usize::from(check(&bytes, &limits));
    });
    assert!(cfg!(miri) || known > 100, "{known}");
}

fn check(bytes: &[u8], limits: &Limits) -> bool {
    let Ok(received) = decode(bytes, limits) else { return false };
    let Ok(packet) = received.packet(limits) else { return false };
    let size: usize = received.attachments.iter().map(|it| it.len()).sum();
    assert!(packet.data.len() + size <= limits.max_event_size, "{bytes:02x?}");
    assert!(
        packet.data.is_empty() || json::validate(packet.data, limits.max_json_depth).is_ok(),
        "{bytes:02x?}"
    );
    again(&received, &packet, limits);
    true
}

fn again(received: &Received<'_>, packet: &Packet<'_>, limits: &Limits) {
    let digit = packet.kind as u8;
    let count = received.attachments.len();
    let counted = if count > 0 { format!("{count}-") } else { String::new() };
    let id = packet.id.map(|id| id.to_string()).unwrap_or_default();
    let text = format!("{digit}{counted}{},{id}{}", packet.nsp, packet.data);
    let mut out = Vec::new();
    assert_eq!(encode(&text, &received.attachments, &mut out), Ok(()), "{text}");
    let back = decode(&out, limits).unwrap_or_else(|Malformed| panic!("{text}"));
    assert_eq!(back.attachments, received.attachments, "{text}");
    let back = back.packet(limits).unwrap_or_else(|Malformed| panic!("{text}"));
    assert_eq!((back.kind, back.nsp, back.id), (packet.kind, packet.nsp, packet.id), "{text}");
    // Floats that are whole are integers now.
    assert!(back.data == packet.data || same(back.data, packet.data), "{}\n{}", back.data, packet.data);
}

//! Socket.IO packets against recorded socket.io-parser.

use serde_json::Value;

use super::super::json::tests::{Random, rows, table};
use super::*;

/// Where we differ from the reference on purpose, for a text that it accepts.
///
/// All of it is outside the protocol's grammar and written by no client: the reference converts with JavaScript's
/// `Number`, which takes white space for 0, and `1e1`, `0x1`, `+1` for attachment counts.
fn refused_on_purpose(text: &str, theirs: &Value) -> bool {
    let attachments = |text: &str| text[1..].split('-').next().unwrap().bytes().all(|b| b.is_ascii_digit());
    let binary = text.starts_with(['5', '6']);
    text.is_empty()
        || text.starts_with(' ')
        || (binary && !attachments(text))
        // An event with no name: the reference emits `undefined`.
        || (theirs["name"].is_null() && matches!(theirs["type"].as_u64(), Some(2 | 5)))
        // More than 64 bits; and white space before or between the digits, which makes no number of it.
        || theirs["id"] == "NaN"
        || theirs["id"].as_f64().is_some_and(|id| id > u64::MAX as f64 - 1e6)
        || theirs["id"].as_f64().is_some() && text.split_whitespace().count() > 1
}

fn number(kind: Kind) -> u64 {
    kind as u64
}

#[test]
fn packets_as_recorded() {
    let limits = Limits::default();
    let mut counts = [0; 3];
    for row in rows(&table!("socketio.jsonl")) {
        let (text, theirs) = (row[0].as_str().unwrap(), &row[1]);
        let ours = match decode(text, &limits) {
            Ok(packet) => packet,
            Err(Malformed) => {
                counts[theirs.is_object() as usize] += 1;
                assert!(theirs.is_null() || refused_on_purpose(text, theirs), "{text:?}");
                continue;
            }
        };
        counts[2] += 1;
        assert!(theirs.is_object(), "{text:?}");
        assert_eq!(number(ours.kind), theirs["type"].as_u64().unwrap(), "{text:?}");
        assert_eq!(ours.nsp, theirs["nsp"].as_str().unwrap(), "{text:?}");
        assert_eq!(u64::from(ours.attachments), theirs["attachments"].as_u64().unwrap(), "{text:?}");
        let data = theirs["data"].as_str().unwrap();
        let absent = matches!(ours.kind, Kind::Ack | Kind::BinaryAck) && data.is_empty();
        assert_eq!(ours.data, if absent { "[]" } else { data }, "{text:?}");
        // White space where the id would be: 0 for the reference, none for us.
        match (ours.id, theirs["id"].as_f64()) {
            (None, Some(0.0)) => assert!(text.contains([' ', '\n', '\t']), "{text:?}"),
            (id, theirs) => assert_eq!(id.map(|id| id as f64), theirs, "{text:?}"),
        }
        if let Some(name) = theirs["name"].as_str() {
            assert_eq!(ours.event().0, name, "{text:?}");
        }
    }
    assert!(counts[0] > 100 && counts[1] > 10 && counts[2] > 100, "{counts:?}");
}

#[test]
fn placeholders_as_recorded() {
    for row in rows(&table!("placeholders.jsonl")) {
        let (json, count, theirs) =
            (row[0].as_str().unwrap(), row[1].as_u64().unwrap(), row[2].as_bool().unwrap());
        let ours = placeholders(json, count as u32).is_ok();
        // Stricter than the reference: a fraction is no number of an attachment, and a bad placeholder counts
        // even where a placeholder or an equal key around it hides it.
        let stricter = [":0.5}", r#""num":0,"x":{"#, r#"},"x":1}"#].iter().any(|part| json.contains(part));
        assert_eq!(ours, theirs && !stricter, "{json:?} {count}");
    }
}

#[test]
fn encodes_as_recorded() {
    for row in rows(&table!("encoded.jsonl")) {
        let nsp = row[1].as_str().unwrap();
        let attachments = row[2].as_u64().unwrap() as usize;
        let id = row[3].as_u64();
        let data = row[4].as_str().unwrap();
        let mut out = b"kept".to_vec();
        let value: Value = serde_json::from_str(data).unwrap();
        match row[0].as_u64().unwrap() {
            0 => write_connect(&mut out, nsp, value["sid"].as_str().unwrap(), value["pid"].as_str()),
            1 => write_disconnect(&mut out, nsp),
            2 => {
                let mut items = json::elements(data);
                let name = json::unescape(items.next().unwrap());
                for args in [format!("[{}]", items.rest()), format!(" [ {} ]\n", items.rest())] {
                    out.truncate(4);
                    write_event(&mut out, nsp, attachments, id, &name, &args);
                    assert_eq!(std::str::from_utf8(&out[4..]).unwrap().trim(), row[5].as_str().unwrap());
                }
            }
            3 => write_ack(&mut out, nsp, attachments, id.unwrap(), data),
            _ => {
                let extra = value.get("data").map(|data| data.to_string());
                write_connect_error(&mut out, nsp, value["message"].as_str().unwrap(), extra.as_deref());
            }
        }
        assert_eq!(std::str::from_utf8(&out).unwrap(), format!("kept{}", row[5].as_str().unwrap()));
    }
}

#[test]
fn what_is_encoded_decodes() {
    let mut out = Vec::new();
    let args = r#"[{"_placeholder":true,"num":0},"\u001e"]"#;
    write_event(&mut out, "/a", 1, Some(u64::MAX), "n\"1", args);
    let packet = decode(std::str::from_utf8(&out).unwrap(), &Limits::default()).unwrap();
    assert_eq!(
        (packet.kind, packet.nsp, packet.id, packet.attachments),
        (Kind::BinaryEvent, "/a", Some(u64::MAX), 1)
    );
    let (name, rest) = packet.event();
    assert_eq!((name, rest), ("n\"1", &args[1..args.len() - 1]));
}

#[test]
fn limits_pass_exactly() {
    let limits = Limits::default();
    let ok = |text: String| decode(&text, &limits).is_ok();
    let depth = limits.max_json_depth as usize;
    let nested = |n: usize| format!("2[\"a\",{}{}]", "[".repeat(n), "]".repeat(n));
    assert!(ok(nested(depth - 1)) && !ok(nested(depth)));
    let none = Limits { max_attachments: 0, ..Limits::default() };
    assert!(decode("51-[\"a\"]", &none).is_err());
}

#[test]
fn every_truncation_is_an_answer() {
    let limits = Limits::default();
    for row in rows(&table!("socketio.jsonl")).step_by(if cfg!(miri) { 20 } else { 1 }) {
        let text = row[0].as_str().unwrap();
        for (end, _) in text.char_indices() {
            if let Ok(packet) = decode(&text[..end], &limits) {
                let _ = packet.event();
            }
        }
    }
}

#[test]
fn nothing_panics_on_anything() {
    let limits = Limits { max_json_depth: 8, ..Limits::default() };
    let mut random = Random(0x5eed_3001);
    let alphabet =
        ["0", "1", "5", "-", "/a", ",", "[", "]", "{", "}", "\"", "\\", "a", "é", " ", ":", "true", "\u{1e}"];
    for _ in 0..crate::base::rounds(50_000) {
        let mut text: String = (0..random.below(12)).map(|_| random.pick(&alphabet)).collect();
        if random.below(2) == 0 {
            text = random.mutate(r#"51-/a,7["ab\n",{"_placeholder":true,"num":0},[1]]"#, &alphabet) + &text;
        }
        if let Ok(packet) = decode(&text, &limits) {
            let _ = packet.event();
        }
        let _ = placeholders(&text, 1);
        let mut items = json::elements(&text);
        let _ = items.next();
        let _ = items.rest();
    }
}

//! Engine.IO payloads and Socket.IO packets: what was read and written again is the same.

use super::input::Input;
use roomcast::Limits;
use roomcast::wire::engineio::v3::{self, Part};
use roomcast::wire::engineio::{self, Packet, SEPARATOR, jsonp};
use roomcast::wire::json;
use roomcast::wire::msgpack::packet;
use roomcast::wire::socketio::{self, Kind};

/// A payload is its packets one by one, up to the first bad one; and any bytes survive base64.
pub(crate) fn engineio(input: &[u8]) {
    let mut encoded = Vec::new();
    engineio::write_base64(&mut encoded, input);
    let encoded = String::from_utf8(encoded).expect("base64 is ASCII");
    assert_eq!(engineio::decode_text(&encoded), Ok(Packet::Binary(input.to_vec())));

    let Ok(body) = std::str::from_utf8(input) else { return };
    let whole: Vec<_> = engineio::payload(body).collect();
    let mut one_by_one = Vec::new();
    for packet in body.split(char::from(SEPARATOR)) {
        one_by_one.push(engineio::decode_text(packet));
        if one_by_one.last().is_some_and(Result::is_err) {
            break;
        }
    }
    assert_eq!(whole, one_by_one, "{body:?}");
}

/// Payloads of Engine.IO 3, text and binary: what was read, written again, is read as the same, and is as long as it says; forms too.
pub(crate) fn engineio3(input: &[u8]) {
    let mut rest = input;
    while let Ok((part, behind)) = v3::first_part(rest) {
        let (is_text, packet) = match part {
            Part::Text(text) => (true, text.as_bytes()),
            Part::Binary(bytes) => (false, bytes),
        };
        assert!(packet.len() + behind.len() < rest.len(), "each has a length");
        let mut again = Vec::new();
        v3::part_header(&mut again, is_text, packet.len());
        again.extend_from_slice(packet);
        assert_eq!(v3::first_part(&again), Ok((part, &[][..])));
        if let Part::Text(text) = part {
            let _ = v3::text_packet(text);
        }
        rest = behind;
    }
    let mut encoded = Vec::new();
    v3::write_base64(&mut encoded, input);
    assert_eq!(encoded.len(), v3::base64_len(input));
    let encoded = String::from_utf8(encoded).expect("base64 is ASCII");
    assert_eq!(v3::text_packet(&encoded), Ok(Packet::Binary(input.to_vec())));

    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut rest = text;
    while let Ok((packet, behind)) = v3::first_packet(rest) {
        assert!(packet.len() + behind.len() < rest.len(), "each has a length");
        assert_eq!(v3::units(packet.as_bytes()), packet.encode_utf16().count());
        let mut again = Vec::new();
        v3::text_header(&mut again, v3::units(packet.as_bytes()));
        again.extend_from_slice(packet.as_bytes());
        assert_eq!(v3::first_packet(std::str::from_utf8(&again).expect("text")), Ok((packet, "")));
        let _ = v3::text_packet(packet);
        rest = behind;
    }
    let mut call = Vec::new();
    jsonp::write_call(&mut call, &jsonp::callback(text), text);
    let call = String::from_utf8(call).expect("text stays text");
    assert!(!call.contains(['\u{2028}', '\u{2029}']));
    let (_, script) = call.split_once('(').expect("a call");
    assert_eq!(json::unescape(script.strip_suffix(");").expect("a call")), text);
    if let Ok(payload) = jsonp::read_form(text) {
        assert!(payload.len() <= 3 * text.len(), "what is not UTF-8 may grow");
    }
}

/// A packet that was taken, written as the server writes it, is the same packet.
pub(crate) fn socketio(input: &[u8]) {
    let mut input = Input(input);
    let limits = Limits {
        max_json_depth: 8 + u32::from(input.byte()),
        max_attachments: input.pick(&[10, 0, 1, u32::MAX]),
        ..Limits::default()
    };
    // Bytes that once chose a bound on names: the corpus goes on meaning what it meant.
    input.byte();
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    let Ok(packet) = socketio::decode(text, &limits) else { return };
    assert!(packet.nsp.starts_with('/'));
    assert!(packet.attachments <= limits.max_attachments);
    if packet.attachments > 0 {
        assert!(socketio::placeholders(packet.data, packet.attachments).is_ok());
    }
    let mut out = Vec::new();
    let many = packet.attachments as usize;
    match packet.kind {
        Kind::Event | Kind::BinaryEvent if !packet.data.is_empty() => {
            let (name, args) = packet.event();
            assert!(!socketio::is_reserved(name));
            let args = format!("[{args}]");
            assert!(json::validate(&args, limits.max_json_depth).is_ok(), "{args:?} of {text:?}");
            socketio::write_event(&mut out, packet.nsp, many, packet.id, name, &args);
            let out = String::from_utf8(out).expect("text stays text");
            let again = socketio::decode(&out, &limits).unwrap_or_else(|_| panic!("{out:?} of {text:?}"));
            assert_eq!((again.kind, again.nsp, again.id), (packet.kind, packet.nsp, packet.id));
            assert_eq!(again.attachments, packet.attachments);
            let (name_again, args_again) = again.event();
            assert_eq!((name_again, format!("[{args_again}]")), (name, args));
        }
        Kind::Ack | Kind::BinaryAck => {
            let id = packet.id.unwrap_or_default();
            socketio::write_ack(&mut out, packet.nsp, many, id, packet.data);
            let out = String::from_utf8(out).expect("text stays text");
            let again = socketio::decode(&out, &limits).unwrap_or_else(|_| panic!("{out:?} of {text:?}"));
            let mut expected = packet.clone();
            expected.id = Some(id);
            assert_eq!(again, expected);
        }
        _ => {}
    }
}

/// A packet of the msgpack parser that was taken is within its bounds, and written as the server writes it, it is the same packet.
pub(crate) fn packed(input: &[u8]) {
    let mut input = Input(input);
    let limits = Limits {
        max_json_depth: 8 + u32::from(input.byte()),
        max_attachments: input.pick(&[10, 0, 1, u32::MAX]),
        max_event_size: input.pick(&[4_000_000, 100, 1_000]),
        ..Limits::default()
    };
    let Ok(received) = packet::decode(input.0, &limits) else { return };
    let Ok(packet) = received.packet(&limits) else { return };
    assert!(packet.nsp.starts_with('/') && !packet.nsp.contains(','));
    assert!(received.attachments.len() <= limits.max_attachments as usize);
    let bytes: usize = received.attachments.iter().map(|bytes| bytes.len()).sum();
    assert!(packet.data.len() + bytes <= limits.max_event_size);
    let count = match received.attachments.len() {
        0 => String::new(),
        count => format!("{count}-"),
    };
    let id = packet.id.map(|id| id.to_string()).unwrap_or_default();
    let text = format!("{}{count}{},{id}{}", packet.kind as u8, packet.nsp, packet.data);
    let mut out = Vec::new();
    packet::encode(&text, &received.attachments, &mut out).expect("what was read");
    let back = packet::decode(&out, &limits).expect("what was written");
    assert_eq!(back.attachments, received.attachments);
    let back = back.packet(&limits).expect("what was written");
    assert_eq!((back.kind, back.nsp, back.id), (packet.kind, packet.nsp, packet.id));
    // In text it is the same packet, with the same event.
    let text = socketio::decode(&text, &limits).expect("a packet in text");
    assert_eq!(
        (text.kind, text.nsp, text.id, text.event()),
        (packet.kind, packet.nsp, packet.id, packet.event())
    );
}

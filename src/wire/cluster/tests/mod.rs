//! What Node's packages publish, read; and what we say in its place, which `tests/interop/cluster/golden.mjs` has them read.

use super::nodes::Format;
use super::*;
use crate::wire::json::tests::rows;
use serde_json::{Value as Tree, json};
use std::path::Path;

mod nodes;
mod pubsub;
mod python;

const MAX: usize = 1 << 20;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A recorded payload as bytes, and bytes as a payload.
fn bytes(payload: &str) -> Vec<u8> {
    if payload.starts_with('{') { payload.as_bytes().to_vec() } else { unhex(payload) }
}

fn payload(bytes: &[u8]) -> String {
    if bytes.starts_with(b"{") { std::str::from_utf8(bytes).unwrap().to_owned() } else { hex(bytes) }
}

fn names(list: &[&'static str]) -> Vec<Cow<'static, str>> {
    list.iter().map(|&name| Cow::Borrowed(name)).collect()
}

fn whom(rooms: &[&'static str], except: &[&'static str]) -> Opts<'static> {
    Opts { rooms: names(rooms), except: names(except), flags: Flags::default() }
}

fn event(name: &'static str, args: &'static str, attachments: &[&'static [u8]]) -> Packet<'static> {
    let attachments = attachments.iter().map(|&bytes| Cow::Borrowed(bytes)).collect();
    Packet { name: name.into(), args: args.into(), attachments }
}

fn value(json: &'static str, attachments: &[&'static [u8]]) -> Value<'static> {
    Value { json: json.into(), attachments: attachments.iter().map(|&bytes| Cow::Borrowed(bytes)).collect() }
}

/// What a recorded message is read as.
fn read(row: &[Tree]) -> Heard<'static> {
    let [format, name, channel, said, ..] = row else { panic!("{row:?}") };
    let (format, channel) = (format.as_str().unwrap(), channel.as_str().unwrap());
    let namespace = if name == "to another namespace" { "/chat" } else { "/" };
    let heard = match format {
        "pubsub" | "emitter" => {
            let said = bytes(said.as_str().unwrap());
            if channel.contains("-request#") {
                super::pubsub::decode_request(&said, namespace).map(Heard::into_owned)
            } else if channel.contains("-response#") {
                super::pubsub::decode_response(&said, namespace).map(Heard::into_owned)
            } else {
                super::pubsub::decode_broadcast(&said).map(Heard::into_owned)
            }
        }
        _ => match said.as_str() {
            Some(said) => super::nodes::decode(&bytes(said)).map(Heard::into_owned),
            None => entry(said),
        },
    };
    let heard = heard.unwrap_or_else(|_| panic!("{format}: {name}: {said}"));
    assert_eq!(heard.namespace, namespace);
    heard
}

/// An entry of a stream.
fn entry(fields: &Tree) -> Result<Heard<'static>, Malformed> {
    let field = |name: &str| fields[name].as_str().unwrap().as_bytes();
    let (uid, nsp, kind, data) = (field("uid"), field("nsp"), field("type"), field("data"));
    super::nodes::decode_entry(uid, nsp, kind, Some(data), &mut Vec::new()).map(Heard::into_owned)
}

/// The same message as we say it.
fn say(row: &[Tree], heard: &Heard<'_>) -> Tree {
    let [format, name, channel, ..] = row else { panic!("{row:?}") };
    let uid = heard.from.as_deref().unwrap_or("emitter");
    let (mut out, nsp, message) = (Vec::new(), &*heard.namespace, &heard.message);
    if format == "streams" && super::nodes::goes_to_stream(message) {
        let kind = super::nodes::encode_entry(&mut out, message, MAX).unwrap();
        let fields = json!({"uid": uid, "nsp": nsp, "type": kind.to_string(), "data": String::from_utf8(out).unwrap()});
        return json!([format, name, channel, fields]);
    }
    match format.as_str().unwrap() {
        "sharded" => super::nodes::encode(&mut out, Format::Sharded, uid, nsp, message, MAX),
        "streams" => super::nodes::encode(&mut out, Format::Streams, uid, nsp, message, MAX),
        _ => super::pubsub::encode(&mut out, uid, nsp, message, MAX),
    }
    .unwrap();
    json!([format, name, channel, payload(&out)])
}

fn recorded() -> Vec<Vec<Tree>> {
    rows(include_str!("../../../../tests/recorded/cluster.jsonl")).collect()
}

/// Of what was recorded from one package, the names of the messages with what they are read as.
fn heard(format: &str) -> Vec<(String, Heard<'static>)> {
    let of_it = recorded().into_iter().filter(|row| row[0] == format);
    of_it.map(|row| (row[1].as_str().unwrap().to_owned(), read(&row))).collect()
}

/// As socket.io-parser has it.
#[test]
fn clients_get_of_another_nodes_emit_what_nodes_clients_get() {
    let mut emits = 0;
    for row in recorded() {
        if let (Some(client), Message::Broadcast { packet, .. }) = (row.get(4), read(&row).message) {
            let attachments: Vec<String> = packet.attachments.iter().map(|bytes| hex(bytes)).collect();
            assert_eq!(json!([packet.name, packet.args, attachments]), *client, "{row:?}");
            emits += 1;
        }
    }
    assert!(emits > 50, "{emits}");
}

#[test]
fn what_we_say_is_what_the_packages_have_read() {
    let ours: String = recorded().iter().map(|row| format!("{}\n", say(row, &read(row)))).collect();
    committed("cluster_ours.jsonl", &ours);
}

/// What we say stands in a file that the packages read. `ROOMCAST_WRITE_RECORDED=1` writes it.
fn committed(file: &str, ours: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(file);
    if std::env::var_os("ROOMCAST_WRITE_RECORDED").is_some() {
        std::fs::write(&path, ours).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let differs = ours.lines().zip(written.lines()).find(|(is, was)| is != was);
    assert_eq!(differs, None, "write {file} anew, and have the packages read it: tests/interop/cluster");
    assert_eq!(ours.lines().count(), written.lines().count());
}

/// What is said is read as it was meant, whatever form it has taken.
#[test]
fn what_we_say_is_read_as_it_was_meant() {
    for row in recorded() {
        let heard = read(&row);
        let said = say(&row, &heard);
        let again = read(said.as_array().unwrap());
        // What is none becomes one beside one that is, to clients of Node as well.
        if row[1] == "what looks like a placeholder, beside bytes" {
            continue;
        }
        assert_eq!(again.message, heard.message, "{row:?}");
    }
}

/// Whom an emit is for, and how it is delivered.
#[test]
fn emits_are_for_whom_they_were_made() {
    let flags = |flags: Flags| Opts { flags, ..Opts::default() };
    let expected = [
        ("to a room", whom(&["r1"], &[])),
        ("to two rooms but one", whom(&["r1", "r2"], &["r3"])),
        ("to all but two", whom(&[], &["r3", "\u{e9}\""])),
        ("to a room that is a number", whom(&["42"], &[])),
        ("to a room of 20 characters", whom(&["abcdefghijklmnopqrst"], &[])),
        ("volatile", flags(Flags { volatile: true, ..Flags::default() })),
        ("compressed", flags(Flags { compress: Some(true), ..Flags::default() })),
        (
            "not compressed",
            Opts { flags: Flags { compress: Some(false), ..Flags::default() }, ..whom(&["r1"], &[]) },
        ),
        ("to another namespace", whom(&["r1"], &[])),
        ("no arguments", Opts::default()),
    ];
    for format in FORMATS {
        let heard = heard(format);
        for (name, opts) in &expected {
            let (_, heard) = heard.iter().find(|(known, _)| known == name).unwrap();
            let Message::Broadcast { opts: is, request: None, .. } = &heard.message else {
                panic!("{heard:?}")
            };
            assert_eq!(is, opts, "{format}: {name}");
        }
    }
}

const FORMATS: [&str; 4] = ["pubsub", "emitter", "sharded", "streams"];

/// Orders, questions and answers, by the names of their recordings.
fn expected(format: &str) -> Vec<(&'static str, Message<'static>)> {
    let request = || Cow::Borrowed("asked1");
    let answer = |value: Option<Value<'static>>| Message::ServerEmitReply { request: request(), value };
    let ack = |value: Option<Value<'static>>| Message::AckReply { request: request(), value };
    let counted = || Message::AckCount { request: request(), clients: 1 };
    let orders = vec![
        ("join", Message::Join { opts: whom(&["r1"], &["r2"]), rooms: names(&["r3", "r4"]) }),
        ("leave", Message::Leave { opts: whom(&["r1"], &[]), rooms: names(&["r3"]) }),
        ("disconnect", Message::Disconnect { opts: whom(&["r1"], &[]), close: false }),
        ("disconnect with the connection", Message::Disconnect { opts: whom(&[], &["r1"]), close: true }),
        (
            "to hosts",
            Message::ServerEmit { packet: event("ev", "[\"x\",1,{\"a\":[2]}]", &[]), request: None },
        ),
    ];
    match format {
        "emitter" => return orders,
        "pubsub" => {}
        _ => return orders.into_iter().chain(nodes::expected(format)).collect(),
    }
    let timeout = Flags { timeout: Some(1234), ..Flags::default() };
    let questions = [
        (
            "bytes to hosts",
            Message::ServerEmit {
                packet: event("ev", "[{\"type\":\"Buffer\",\"data\":[1,2,3]}]", &[]),
                request: None,
            },
        ),
        (
            "to hosts, to be answered",
            Message::ServerEmit { packet: event("ev", "[\"x\"]", &[]), request: Some("DDDDDD".into()) },
        ),
        ("fetch", Message::Fetch { request: "EEEEEE".into(), opts: whom(&["r1"], &["r2"]) }),
        (
            "acknowledged",
            Message::Broadcast {
                packet: event("ev", "[\"x\"]", &[]),
                opts: Opts { flags: timeout, ..whom(&["r1"], &[]) },
                request: Some("FFFFFF".into()),
            },
        ),
        (
            "acknowledged, bytes",
            Message::Broadcast {
                packet: event("ev", "[{\"_placeholder\":true,\"num\":0}]", &[&[1]]),
                opts: Opts { flags: timeout, ..Opts::default() },
                request: Some("GGGGGG".into()),
            },
        ),
        ("all rooms", Message::AllRooms { request: "HHHHHH".into() }),
        ("a host answers: one value", answer(Some(value("1", &[])))),
        ("a host answers: two values", answer(Some(value("1", &[])))),
        ("a host answers: no value", answer(None)),
        ("a host answers: nothing", answer(Some(value("null", &[])))),
        ("a host answers: bytes", answer(Some(value("{\"type\":\"Buffer\",\"data\":[1,2]}", &[])))),
        (
            "sockets",
            Message::FetchReply {
                request: request(),
                sockets: vec![
                    remote("sid1", &["sid1", "r1"], value("{\"name\":\"n\"}", &[])),
                    remote("sid2", &["sid2"], value("{}", &[])),
                ],
            },
        ),
        ("no sockets", Message::FetchReply { request: request(), sockets: Vec::new() }),
        ("rooms", Message::AllRoomsReply { request: request(), rooms: names(&["sid1", "r1", "sid2"]) }),
        ("ids", Message::IdsReply { request: request(), ids: names(&["sid1", "sid2"]) }),
        ("no ids", Message::FetchReply { request: request(), sockets: Vec::new() }),
        ("done", Message::Done { request: request() }),
        ("a client answers: one value", counted()),
        ("a client answers: one value", ack(Some(value("1", &[])))),
        ("a client answers: two values", counted()),
        ("a client answers: two values", ack(Some(value("1", &[])))),
        ("a client answers: no value", counted()),
        ("a client answers: no value", ack(None)),
        ("a client answers: nothing", counted()),
        ("a client answers: nothing", ack(Some(value("null", &[])))),
        ("a client answers: bytes", counted()),
        ("a client answers: bytes", ack(Some(value("{\"_placeholder\":true,\"num\":0}", &[&[1, 2]])))),
    ];
    orders.into_iter().chain(questions).collect()
}

/// A socket as the recorder has them.
fn remote(id: &'static str, rooms: &[&'static str], data: Value<'static>) -> RemoteSocket<'static> {
    let handshake = concat!(
        r#"{"headers":{"host":"localhost"},"time":"Fri Nov 27 2026 12:00:00 GMT+0000 (Coordinated Universal Time)","#,
        r#""address":"127.0.0.1","xdomain":false,"secure":false,"issued":1795780800000,"url":"/socket.io/?EIO=4","#,
        r#""query":{"EIO":"4"},"auth":{"token":"t"}}"#
    );
    RemoteSocket { id: id.into(), handshake: handshake.into(), rooms: names(rooms), data }
}

#[test]
fn orders_questions_and_answers_are_what_they_were_meant_to_be() {
    for format in FORMATS {
        let heard = heard(format);
        let heard =
            heard.iter().filter(|(_, it)| !matches!(it.message, Message::Broadcast { request: None, .. }));
        let heard: Vec<(&str, &Message<'_>)> = heard.map(|(name, it)| (&**name, &it.message)).collect();
        let expected = expected(format);
        let expected: Vec<_> = expected.iter().map(|(name, message)| (*name, message)).collect();
        assert_eq!(heard, expected, "{format}");
    }
}

#[test]
fn nodes_and_emitters_say_who_they_are() {
    let from = |format: &str, name: &str| {
        let heard = heard(format).into_iter().find(|(known, _)| known == name).unwrap().1;
        heard.from.map(Cow::into_owned)
    };
    assert_eq!(from("pubsub", "a text").as_deref(), Some("BBBBBB"));
    assert_eq!(from("pubsub", "join").as_deref(), Some("BBBBBB"));
    assert_eq!(from("pubsub", "sockets"), None);
    assert_eq!(from("emitter", "a text").as_deref(), Some("emitter"));
    assert_eq!(from("emitter", "join"), None);
    for format in ["sharded", "streams"] {
        for name in ["a text", "join", "fetch", "sockets", "bytes"] {
            assert_eq!(from(format, name).as_deref(), Some("0101010101010101"), "{format}: {name}");
        }
    }
}

/// Whoever emits what was heard need not check it again.
#[test]
fn arguments_are_no_deeper_than_those_of_a_host() {
    let most = crate::wire::msgpack::MAX_DEPTH as usize;
    let nested = |depth: usize| [&"[".repeat(depth)[..], &"]".repeat(depth)].concat();
    let args = |heard: Result<Heard<'_>, Malformed>| match heard?.message {
        Message::Broadcast { packet, .. } => Ok(packet.args.into_owned()),
        other => panic!("{other:?}"),
    };
    for depth in [1, 2, most - 1, most, most + 1, most + 4] {
        let due = if depth > most { Err(Malformed) } else { Ok(nested(depth)) };
        let inside = nested(depth - 1);
        let opts = r#""opts":{"rooms":[],"except":[],"flags":{}}"#;
        let data = format!(r#"{{"packet":{{"type":2,"data":["e",{inside}]}},{opts}}}"#);
        let data = if depth == 1 { data.replace(",]}", "]}") } else { data };
        let sharded = format!(r#"{{"type":3,"data":{data},"uid":"u","nsp":"/"}}"#);
        assert_eq!(args(super::nodes::decode(sharded.as_bytes())), due, "{depth}");
        let mut scratch = Vec::new();
        let streams = super::nodes::decode_entry(b"u", b"/", b"3", Some(data.as_bytes()), &mut scratch);
        assert_eq!(args(streams), due, "{depth}");
        let python = format!(r#"{{"method":"emit","event":"e","data":{},"namespace":"/"}}"#, nested(depth));
        assert_eq!(super::python::decode(python.as_bytes(), "n").and_then(|it| args(Ok(it.unwrap()))), due);
        let arrays = [&vec![0x91; depth.saturating_sub(2)][..], &[0x90][..usize::from(depth > 1)]].concat();
        let head = [0x90 | if depth > 1 { 2 } else { 1 }, 0xa1, b'e'];
        let packet = [&b"\x83\xa4type\x02\xa4data"[..], &head, &arrays, b"\xa3nsp\xa1/"].concat();
        let pubsub = [&b"\x93\xa1u"[..], &packet, b"\x80"].concat();
        assert_eq!(args(super::pubsub::decode_broadcast(&pubsub)), due, "{depth}");
    }
}

//! What Node's packages publish, read; and what we say in its place, which `tests/interop/cluster/golden.mjs` has them read.

use super::*;
use crate::wire::json::tests::rows;
use serde_json::{Value as Tree, json};
use std::path::Path;

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
    let namespace = if channel.contains("/chat") { "/chat" } else { "/" };
    let heard = match format {
        "pubsub" | "emitter" => {
            let said = bytes(said.as_str().unwrap());
            if channel.contains("-request#") {
                pubsub::decode_request(&said, namespace).map(Heard::into_owned)
            } else if channel.contains("-response#") {
                pubsub::decode_response(&said, namespace).map(Heard::into_owned)
            } else {
                pubsub::decode_broadcast(&said).map(Heard::into_owned)
            }
        }
        _ => panic!("{format}"),
    };
    let heard = heard.unwrap_or_else(|_| panic!("{format}: {name}: {said}"));
    assert_eq!(heard.namespace, namespace);
    heard
}

/// The same message as we say it.
fn say(row: &[Tree], heard: &Heard<'_>) -> Tree {
    let [format, name, channel, ..] = row else { panic!("{row:?}") };
    let uid = heard.from.as_deref().unwrap_or("emitter");
    let mut out = Vec::new();
    pubsub::encode(&mut out, uid, &heard.namespace, &heard.message, MAX).unwrap();
    json!([format, name, channel, payload(&out)])
}

fn recorded() -> Vec<Vec<Tree>> {
    let rows = rows(include_str!("../../../tests/recorded/cluster.jsonl"));
    rows.filter(|row| FORMATS.iter().any(|format| row[0] == *format)).collect()
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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/cluster_ours.jsonl");
    if std::env::var_os("ROOMCAST_WRITE_RECORDED").is_some() {
        std::fs::write(&file, &ours).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    let differs = ours.lines().zip(written.lines()).find(|(is, was)| is != was);
    assert_eq!(differs, None, "write them anew with ROOMCAST_WRITE_RECORDED=1, and run golden.mjs");
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

const FORMATS: [&str; 2] = ["pubsub", "emitter"];

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
    if format == "emitter" {
        return orders;
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
}

#[test]
fn orders_about_one_socket_are_as_old_nodes_give_them() {
    let read = |json: &'static str| pubsub::decode_request(json.as_bytes(), "/");
    let join = Message::Join { opts: whom(&["s"], &[]), rooms: names(&["r"]) };
    let heard = read(r#"{"type":2,"requestId":"q","sid":"s","room":"r"}"#).unwrap();
    assert_eq!((heard.message, heard.done.as_deref()), (join, Some("q")));
    let heard = read(r#"{"type":4,"requestId":"q","sid":"s","close":true}"#).unwrap();
    assert_eq!(heard.message, Message::Disconnect { opts: whom(&["s"], &[]), close: true });
    assert_eq!(heard.done.as_deref(), Some("q"));
    // A target that is not said is not everybody.
    for order in
        [r#"{"type":2,"rooms":["r"]}"#, r#"{"type":4,"close":true}"#, r#"{"type":5,"requestId":"q"}"#]
    {
        assert_eq!(read(order), Err(Malformed), "{order}");
    }
}

#[test]
fn what_is_no_message_is_malformed() {
    let request =
        |json: &str| pubsub::decode_request(json.as_bytes(), "/").map(|heard| heard.message).is_err();
    assert!(request(""));
    assert!(request("{}"));
    assert!(request(r#"{"type":2"#));
    assert!(request(r#"{"type":"2","opts":{},"rooms":[]}"#));
    assert!(request(r#"{"type":-2}"#));
    assert!(request(r#"{"type":2,"opts":{"rooms":"r"},"rooms":["r"]}"#));
    assert!(request(r#"{"type":2,"opts":{"rooms":[null]},"rooms":["r"]}"#));
    assert!(request(r#"{"type":2,"opts":{},"rooms":"r"}"#));
    assert!(request(r#"{"type":4,"opts":{},"close":"yes"}"#));
    assert!(request(r#"{"type":5,"requestId":5,"opts":{}}"#));
    assert!(request(r#"{"type":6,"data":[]}"#));
    assert!(request(r#"{"type":6,"data":[{}]}"#));
    assert!(request("{\"type\":1,\"requestId\":\"\u{1}\"}"));
    assert_eq!(pubsub::decode_request(br#"{"type":77,"x":1}"#, "/").unwrap().message, Message::Other);
    let response = |json: &str| pubsub::decode_response(json.as_bytes(), "/").is_err();
    assert!(response(r#"{"sockets":[]}"#));
    assert!(response(r#"{"requestId":"q","sockets":{}}"#));
    assert!(response(r#"{"requestId":"q","sockets":[{"id":5}]}"#));
    assert!(response(r#"{"requestId":"q","sockets":[{"id":"s","handshake":[]}]}"#));
    assert!(response(r#"{"requestId":"q","sockets":[{"id":"s"},"t"]}"#));
    assert!(response(r#"{"requestId":"q","type":8,"clientCount":-1}"#));
    for broadcast in [
        // Nothing; an empty array; one value too few; bytes behind the message; a packet that is no event; no packet.
        "",
        "90",
        "92c080",
        "93a17582a474797065 02a46461746191a161 80c0",
        "93a17582a47479706503a46461746191a161 80",
        "93a175c080",
        "93a17582a47479706502a464617461c080",
        // A name that is none, a text that is not UTF-8, a target that is none, one that says nothing.
        "93a17582a47479706502a46461746191c080",
        "93a17582a47479706502a46461746192a161a1ff80",
        "93a17582a47479706502a46461746191a161c0",
        "93a17582a47479706502a46461746191a16181a5726f6f6d73a161",
        // 2^32 arguments.
        "93a17582a47479706502a464617461ddffffffffa16180",
    ] {
        let bytes = unhex(&broadcast.replace(' ', ""));
        assert_eq!(pubsub::decode_broadcast(&bytes), Err(Malformed), "{broadcast}");
    }
    let good = unhex("93c082a47479706502a46461746191a16180");
    let heard = pubsub::decode_broadcast(&good).unwrap();
    assert_eq!((heard.from, &*heard.namespace), (None, "/"));
    assert_eq!(
        heard.message,
        Message::Broadcast { packet: event("a", "[]", &[]), opts: Opts::default(), request: None }
    );
}

#[test]
fn messages_are_bounded() {
    let mut many = b"{\"type\":1,\"requestId\":\"q\",\"rooms\":[".to_vec();
    many.extend("\"r\",".repeat(MAX_ROOMS).bytes());
    let rooms = |mut text: Vec<u8>, end: &str| {
        text.extend(end.bytes());
        text[8] = b'0';
        pubsub::decode_request(&text, "/").map(Heard::into_owned)
    };
    assert_eq!(rooms(many.clone(), "\"r\"]}"), Err(Malformed));
    many.truncate(many.len() - 1);
    let Message::Ids { rooms, .. } = rooms(many, "]}").unwrap().message else { panic!() };
    assert_eq!(rooms.len(), MAX_ROOMS);

    // Each attachment is within its own bound, and all together are not.
    let data = [&b"\x81\xa1b\xdc"[..], &2_000u16.to_be_bytes(), &b"\xc4\x00".repeat(2_000)].concat();
    let socket = [&b"\x82\xa2id\xa1s\xa4data"[..], &data].concat();
    let reply = |count: u8| {
        [&b"\x82\xa9requestId\xa1q\xa7sockets"[..], &[0x90 | count], &socket.repeat(count.into())].concat()
    };
    assert!(pubsub::decode_response(&reply(2), "/").is_ok());
    assert_eq!(pubsub::decode_response(&reply(3), "/"), Err(Malformed));
}

#[test]
fn what_is_too_long_or_no_json_is_not_said() {
    let say = |message: Message<'_>, max| pubsub::encode(&mut b"before".to_vec(), "uid", "/", &message, max);
    let emit = |args: &'static str, attachments: &[&'static [u8]]| Message::Broadcast {
        packet: event("ev", args, attachments),
        opts: Opts::default(),
        request: None,
    };
    let mut out = Vec::new();
    pubsub::encode(&mut out, "uid", "/", &emit("[1]", &[]), MAX).unwrap();
    assert_eq!(say(emit("[1]", &[]), out.len()), Ok(()));
    assert_eq!(say(emit("[1]", &[]), out.len() - 1), Err(Untold));
    for args in ["", "1", "[", "[1", "{}", "[1]]", "[nan]"] {
        assert_eq!(say(emit(args, &[]), MAX), Err(Untold), "{args}");
    }
    // One attachment, time and again.
    const ATTACHMENT: &[u8] = &[7; 10_000];
    let args = format!("[{}0]", "{\"_placeholder\":true,\"num\":0},".repeat(1_000)).leak();
    let mut out = Vec::new();
    let message = emit(args, &[ATTACHMENT]);
    assert_eq!(pubsub::encode(&mut out, "uid", "/", &message, 100_000), Err(Untold));
    assert!(out.len() < 110_000);
    assert_eq!(say(Message::Other, MAX), Err(Untold));
}

#[test]
fn channels_are_named_as_nodes_name_them() {
    let channel = |purpose, of: Option<&str>| {
        let mut name = String::new();
        match of {
            Some(of) => pubsub::channel_of(&mut name, "socket.io", purpose, "/chat", of),
            None => pubsub::channel(&mut name, "socket.io", purpose, "/chat"),
        }
        name
    };
    use pubsub::{Purpose, room_of};
    assert_eq!(channel(Purpose::Broadcasts, None), "socket.io#/chat#");
    assert_eq!(channel(Purpose::Broadcasts, Some("r#1")), "socket.io#/chat#r#1#");
    assert_eq!(channel(Purpose::Requests, None), "socket.io-request#/chat#");
    assert_eq!(channel(Purpose::Responses, Some("uid123")), "socket.io-response#/chat#uid123#");
    let stem = channel(Purpose::Broadcasts, None).len();
    assert_eq!(room_of(b"socket.io#/chat#r#1#", stem), Some("r#1"));
    assert_eq!(room_of(b"socket.io#/chat#", stem), None);
    assert_eq!(room_of(b"socket.io#/chat##", stem), None);
    assert_eq!(room_of(b"socket.io#/chat#r", stem), None);
    assert_eq!(room_of(b"socket.io#/chat#\xff#", stem), None);
    assert_eq!(room_of(b"so", stem), None);
}

//! The messages of sharded and streams: what was recorded of both, and what no package sends.

use super::super::nodes::{self, goes_to_stream, room_channel};
use super::*;

/// Questions and answers, by the names of their recordings.
pub(super) fn expected(format: &str) -> Vec<(&'static str, Message<'static>)> {
    let request = || Cow::Borrowed("0123456789abcdef");
    let answer = |value: Option<Value<'static>>| Message::ServerEmitReply { request: request(), value };
    let ack = |value: Option<Value<'static>>| Message::AckReply { request: request(), value };
    let counted = || Message::AckCount { request: request(), clients: 1 };
    let timeout = Flags { timeout: Some(1234), ..Flags::default() };
    const PLACEHOLDER: &str = "{\"_placeholder\":true,\"num\":0}";
    // @msgpack/msgpack writes nil where there is nothing.
    let none = || (format == "streams").then(|| value("null", &[]));
    let bytes = |name, args, attachments: &[&'static [u8]]| event(name, args, attachments);
    let emit = |packet, opts, request: &'static str| Message::Broadcast {
        packet,
        opts,
        request: Some(request.into()),
    };
    let sid1 = || remote("sid1", &["sid1", "r1"], value("{\"name\":\"n\"}", &[]));
    let sid2 = |data| remote("sid2", &["sid2"], data);
    let sockets = |sockets| Message::FetchReply { request: request(), sockets };
    vec![
        (
            "bytes to hosts",
            Message::ServerEmit {
                packet: bytes("ev", "[{\"_placeholder\":true,\"num\":0}]", &[&[1, 2, 3]]),
                request: None,
            },
        ),
        (
            "to hosts, to be answered",
            Message::ServerEmit {
                packet: event("ev", "[\"x\"]", &[]),
                request: Some("0303030303030303".into()),
            },
        ),
        ("fetch", Message::Fetch { request: "0404040404040404".into(), opts: whom(&["r1"], &["r2"]) }),
        (
            "acknowledged",
            emit(
                event("ev", "[\"x\"]", &[]),
                Opts { flags: timeout, ..whom(&["r1"], &[]) },
                "0505050505050505",
            ),
        ),
        (
            "acknowledged, bytes",
            emit(
                bytes("ev", "[{\"_placeholder\":true,\"num\":0}]", &[&[1]]),
                Opts { flags: timeout, ..Opts::default() },
                "0606060606060606",
            ),
        ),
        ("a host answers: one value", answer(Some(value("1", &[])))),
        ("a host answers: two values", answer(Some(value("1", &[])))),
        ("a host answers: no value", answer(none())),
        ("a host answers: nothing", answer(Some(value("null", &[])))),
        ("a host answers: bytes", answer(Some(value(PLACEHOLDER, &[&[1, 2]])))),
        ("sockets", sockets(vec![sid1(), sid2(value("{}", &[]))])),
        ("no sockets", sockets(Vec::new())),
        (
            "sockets with bytes",
            sockets(vec![
                sid1(),
                sid2(value("{\"bytes\":{\"_placeholder\":true,\"num\":0}}", &[&[1, 2, 3]])),
            ]),
        ),
        ("a client answers: one value", counted()),
        ("a client answers: one value", ack(Some(value("1", &[])))),
        ("a client answers: two values", counted()),
        ("a client answers: two values", ack(Some(value("1", &[])))),
        ("a client answers: no value", counted()),
        ("a client answers: no value", ack(none())),
        ("a client answers: nothing", counted()),
        ("a client answers: nothing", ack(Some(value("null", &[])))),
        ("a client answers: bytes", counted()),
        ("a client answers: bytes", ack(Some(value(PLACEHOLDER, &[&[1, 2]])))),
    ]
}

/// Where Node's packages have sent each of them.
#[test]
fn messages_go_where_nodes_send_them() {
    for row in recorded() {
        let message = read(&row).message;
        let channel = row[2].as_str().unwrap();
        if row[0] == "streams" {
            assert_eq!(goes_to_stream(&message), channel.starts_with("XADD"), "{row:?}");
        } else if row[0] == "sharded" && matches!(message, Message::Broadcast { .. }) {
            let room = channel.rsplit('#').nth(1).filter(|room| !room.is_empty() && !room.starts_with('/'));
            assert_eq!(room_channel(&message, false), room, "{row:?}");
        }
    }
    let to = |room: &'static str| Message::Broadcast {
        packet: event("ev", "[]", &[]),
        opts: whom(&[room], &[]),
        request: None,
    };
    // Twenty units of UTF-16, in ten characters.
    let faces = "\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}";
    assert_eq!(room_channel(&to(faces), false), None);
    assert_eq!(room_channel(&to(faces), true), Some(faces));
}

/// By the package's own `hashCode(name) % count`.
#[test]
fn namespaces_have_the_streams_that_nodes_write_them_to() {
    for (namespace, count, number) in
        [("/", 4, 3), ("/chat", 4, 3), ("/notifications", 4, -3), ("/\u{1f600}", 7, 5)]
    {
        assert_eq!(nodes::stream_number(namespace, count), number, "{namespace}");
    }
}

#[test]
fn heartbeats_and_what_is_to_come_are_known_and_nothing() {
    for kind in [0, 1, 2, 13, 14, 4_000_000_000u64] {
        let text = format!(r#"{{"type":{kind},"uid":"u","nsp":"/"}}"#);
        assert_eq!(nodes::decode(text.as_bytes()).unwrap().message, Message::Other, "{kind}");
        let kind = kind.to_string();
        let entry =
            nodes::decode_entry(b"u", b"/", kind.as_bytes(), None, &mut Vec::new()).unwrap().into_owned();
        assert_eq!(entry.message, Message::Other, "{kind}");
    }
    for message in [Message::Other, Message::AllRooms { request: "q".into() }] {
        assert_eq!(nodes::encode(&mut Vec::new(), Format::Sharded, "u", "/", &message, MAX), Err(Untold));
        assert_eq!(nodes::encode_entry(&mut Vec::new(), &message, MAX), Err(Untold));
    }
}

#[test]
fn what_is_no_message_is_malformed() {
    for text in [
        "",
        "{}",
        "[]",
        r#"{"type":3}"#,
        r#"{"type":3,"nsp":"/"}"#,
        r#"{"type":3,"nsp":"/","data":{}}"#,
        r#"{"type":3,"nsp":7,"data":{"packet":{"type":2,"data":["ev"]},"opts":{}}}"#,
        r#"{"type":3,"nsp":"/","data":{"packet":{"type":2,"data":["ev"]}}}"#,
        r#"{"type":3,"nsp":"/","data":{"packet":{"type":2,"data":"ev"},"opts":{}}}"#,
        r#"{"type":3,"nsp":"/","data":{"packet":{"type":0,"data":["ev"]},"opts":{}}}"#,
        r#"{"type":4,"nsp":"/","data":{"opts":{}}}"#,
        r#"{"type":7,"nsp":"/","data":{"opts":{}}}"#,
        r#"{"type":11,"nsp":"/","data":{"requestId":"q"}}"#,
        r#"{"type":3,"nsp":"/","data":[]}"#,
        r#"{"type":"3","nsp":"/","data":{"packet":{"type":2,"data":["ev"]},"opts":{}}}"#,
    ] {
        assert_eq!(nodes::decode(text.as_bytes()), Err(Malformed), "{text}");
    }
    let good = br#"{"packet":{"type":2,"data":["ev"]},"opts":{}}"#;
    let entry = |kind: &[u8], data: &[u8]| {
        nodes::decode_entry(b"u", b"/", kind, Some(data), &mut Vec::new()).map(Heard::into_owned)
    };
    assert!(entry(b"3", good).is_ok());
    for (kind, data) in [
        (&b"3"[..], &b""[..]),
        (b"3", b"{"),
        (b"3", b"[1]"),
        (b"3", b"gA=="),
        (b"3", b"gA"),
        (b"3", b"\xff"),
        (b"", good),
        (b"-3", good),
        (b"3.0", good),
        (b"\xff", good),
    ] {
        assert_eq!(entry(kind, data), Err(Malformed), "{kind:?} {data:?}");
    }
    assert_eq!(nodes::decode_entry(b"\xff", b"/", b"3", Some(good), &mut Vec::new()), Err(Malformed));
    assert_eq!(nodes::decode_entry(b"u", b"\xff", b"3", Some(good), &mut Vec::new()), Err(Malformed));
}

#[test]
fn what_is_too_long_is_not_said() {
    let message = Message::Broadcast {
        packet: event("ev", "[{\"_placeholder\":true,\"num\":0}]", &[&[7; 1000]]),
        opts: Opts::default(),
        request: None,
    };
    let entry = |max| nodes::encode_entry(&mut Vec::new(), &message, max);
    let mut out = Vec::new();
    nodes::encode_entry(&mut out, &message, MAX).unwrap();
    assert_eq!(entry(out.len()), Ok(3));
    assert_eq!(entry(out.len() - 1), Err(Untold));
    // In base64 it is too long, and was not before.
    assert!(out.len() - 1 > 1_100);
    let mut out = Vec::new();
    nodes::encode(&mut out, Format::Sharded, "u", "/", &message, MAX).unwrap();
    assert_eq!(nodes::encode(&mut Vec::new(), Format::Sharded, "u", "/", &message, out.len()), Ok(()));
    assert_eq!(
        nodes::encode(&mut Vec::new(), Format::Sharded, "u", "/", &message, out.len() - 1),
        Err(Untold)
    );
}

#[test]
fn an_answer_knows_whom_it_is_for_and_does_not_say_it() {
    let fetch = |request: &'static str| Message::Fetch { request: request.into(), opts: Opts::default() };
    let mut heard =
        Heard { from: Some("asker".into()), namespace: "/".into(), message: fetch("a#1"), done: None };
    nodes::keep_asker(&mut heard);
    assert_eq!(heard.message, fetch("asker#a#1"));
    let reply = |request: &'static str| Message::FetchReply { request: request.into(), sockets: Vec::new() };
    assert_eq!(nodes::asker(&reply("asker#a#1")), Some("asker"));
    let say = |request| {
        let mut out = Vec::new();
        nodes::encode(&mut out, nodes::Format::Sharded, "own", "/", &reply(request), MAX).unwrap();
        nodes::decode(&out).unwrap().into_owned().message
    };
    assert_eq!((say("asker#a#1"), say("1")), (reply("a#1"), reply("1")));
    // Whoever does not say who they are is answered where all listen, by the whole name of the question.
    let mut nobody = Heard { from: None, namespace: "/".into(), message: fetch("a#1"), done: None };
    nodes::keep_asker(&mut nobody);
    assert_eq!(
        (nobody.message, nodes::asker(&reply("#a#1")), say("#a#1")),
        (fetch("#a#1"), None, reply("a#1"))
    );
}

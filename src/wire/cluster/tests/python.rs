//! The messages of python-socketio: what was recorded of it, and what it does not send.

use super::super::python;
use super::*;

const HOST: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

/// To a node that has asked what the answers among them answer.
fn recorded() -> Vec<(String, Heard<'static>)> {
    let rows = rows(include_str!("../../../../tests/recorded/cluster_python.jsonl"));
    let read = |row: Vec<Tree>| {
        let (name, text) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
        let heard = python::decode(text.as_bytes(), OTHER).unwrap().unwrap_or_else(|| panic!("{name}"));
        (name.to_owned(), heard.into_owned())
    };
    rows.map(read).collect()
}

#[test]
fn what_python_nodes_say_is_read() {
    let emit = |name, args, attachments: &[&'static [u8]], opts| Message::Broadcast {
        packet: event(name, args, attachments),
        opts,
        request: None,
    };
    let all = Opts::default;
    let asked = format!("[\"{HOST}\",\"sid1\", \"/\", 1]");
    let expected = [
        ("a text", emit("ev", "[\"x\"]", &[], all())),
        ("several arguments", emit("ev", "[\"x\", 1, 1.5, null, true, {\"a\": [2]}]", &[], all())),
        ("a list is one argument", emit("ev", "[[1, 2]]", &[], all())),
        ("nothing", emit("ev", "[]", &[], all())),
        ("no arguments", emit("ev", "[]", &[], all())),
        ("escapes", emit("\u{e9}\"", "[\"\\u20ac\\ud83d\\ude00\\n\"]", &[], all())),
        ("bytes", emit("ev", "[{\"_placeholder\": true, \"num\": 0}]", &[b"\x01\x02\x03"], all())),
        (
            "bytes within",
            emit(
                "ev",
                concat!(
                    r#"[{"a": [{"_placeholder": true, "num": 0}, {"_placeholder": true, "num": 1}]}, "x", "#,
                    r#"{"_placeholder": true, "num": 2}]"#
                ),
                &[b"", b"\xff", b"z"],
                all(),
            ),
        ),
        ("to a room", emit("ev", "[\"x\"]", &[], whom(&["r1"], &[]))),
        ("to two rooms but one socket", emit("ev", "[\"x\"]", &[], whom(&["r1", "r2"], &["sid1"]))),
        ("to all but two sockets", emit("ev", "[\"x\"]", &[], whom(&[], &["sid1", "sid2"]))),
        ("to another namespace", emit("ev", "[\"x\"]", &[], whom(&["r1"], &[]))),
        (
            "acknowledged",
            Message::Broadcast {
                packet: event("ev", "[\"x\"]", &[]),
                opts: whom(&["sid1"], &[]),
                request: Some(asked.into()),
            },
        ),
        ("disconnect", Message::Disconnect { opts: whom(&["sid1"], &[]), close: false }),
        ("enter", Message::Join { opts: whom(&["sid1"], &[]), rooms: names(&["r1"]) }),
        ("leave", Message::Leave { opts: whom(&["sid1"], &[]), rooms: names(&["r1"]) }),
        ("close", Message::Leave { opts: whom(&["r1"], &[]), rooms: names(&["r1"]) }),
        ("an answer", Message::AckReply { request: "7".into(), value: Some(value("\"v\"", &[])) }),
        ("an answer without a value", Message::AckReply { request: "7".into(), value: None }),
    ];
    let recorded = recorded();
    let heard: Vec<(&str, &Message<'_>)> =
        recorded.iter().map(|(name, heard)| (&**name, &heard.message)).collect();
    let expected: Vec<(&str, &Message<'_>)> =
        expected.iter().map(|(name, message)| (*name, message)).collect();
    assert_eq!(heard, expected);
    for (name, heard) in &recorded {
        let chat = ["to another namespace", "disconnect", "close"].contains(&&**name);
        assert_eq!(heard.namespace, if chat { "/chat" } else { "/" }, "{name}");
    }
}

#[test]
fn what_we_say_is_what_python_nodes_read() {
    let mut ours = String::new();
    for (name, heard) in recorded() {
        let mut out = Vec::new();
        let message = match heard.message {
            Message::AckReply { value, .. } => {
                Message::AckReply { request: format!("[\"{OTHER}\",\"sid1\",\"/\",7]").into(), value }
            }
            message => message,
        };
        python::encode(&mut out, HOST, &heard.namespace, &message, MAX).unwrap();
        let mut again = python::decode(&out, OTHER).unwrap().unwrap().into_owned();
        match (&mut again.message, &message) {
            // Its number has become part of another.
            (Message::Broadcast { request: again, .. }, Message::Broadcast { request, .. })
                if request.is_some() =>
            {
                assert!(again.is_some());
                again.clone_from(request);
            }
            (Message::AckReply { request, .. }, _) => {
                *request = format!("[\"{OTHER}\",\"sid1\",\"/\",{request}]").into()
            }
            _ => {}
        }
        assert_eq!(again.message, message, "{name}");
        ours += &format!("{}\n", json!([name, String::from_utf8(out).unwrap()]));
    }
    committed("cluster_python_ours.jsonl", &ours);
}

#[test]
fn only_answers_to_this_node_are_read_and_nothing_else_of_its_own() {
    let read = |text: &str, own| python::decode(text.as_bytes(), own).unwrap().is_some();
    let emit = r#"{"method":"emit","event":"ev","data":[],"host_id":"a"}"#;
    let answer = r#"{"method":"callback","id":1,"args":[],"host_id":"a"}"#;
    assert!(!read(emit, "a") && read(emit, "b"));
    assert!(read(answer, "a") && !read(answer, "b"));
    let heard = python::decode(br#"{"method":"what is to come"}"#, "a").unwrap().unwrap();
    assert_eq!((heard.message, &*heard.namespace), (Message::Other, "/"));
}

#[test]
fn what_is_no_message_is_malformed() {
    for text in [
        "",
        "[]",
        "{}",
        // A pickle.
        "\u{80}\u{4}",
        r#"{"method":5}"#,
        r#"{"method":"emit","data":[]}"#,
        r#"{"method":"emit","event":"ev"}"#,
        r#"{"method":"emit","event":"ev","data":"x"}"#,
        r#"{"method":"emit","event":"ev","data":[NaN]}"#,
        r#"{"method":"emit","event":"ev","data":[],"room":[]}"#,
        r#"{"method":"emit","event":"ev","data":[],"room":{}}"#,
        r#"{"method":"emit","event":"ev","data":[],"room":[[]]}"#,
        r#"{"method":"emit","event":"ev","data":[],"callback":["r","/"],"host_id":"h"}"#,
        r#"{"method":"emit","event":"ev","data":[],"callback":["r","/",1]}"#,
        r#"{"method":"emit","event":"ev","data":[],"binary":true}"#,
        r#"{"method":"emit","event":"ev","data":[[],"?"],"binary":true}"#,
        r#"{"method":"emit","event":"ev","data":[[],7],"binary":true}"#,
        r#"{"method":"emit","event":"ev","data":[[{"_placeholder":true,"num":1}],""],"binary":true}"#,
        r#"{"method":"disconnect"}"#,
        r#"{"method":"enter_room","sid":"s"}"#,
        r#"{"method":"close_room"}"#,
    ] {
        assert_eq!(python::decode(text.as_bytes(), "own"), Err(Malformed), "{text}");
    }
    let one = ",\"\"";
    let many = |count: usize| {
        format!(r#"{{"method":"emit","event":"ev","data":[[]{}],"binary":true}}"#, one.repeat(count))
    };
    let most = crate::wire::msgpack::MAX_ATTACHMENTS;
    assert!(python::decode(many(most).as_bytes(), "own").is_ok());
    assert_eq!(python::decode(many(most + 1).as_bytes(), "own"), Err(Malformed));
}

#[test]
fn what_the_format_has_no_message_for_is_not_said() {
    let say = |message: &Message<'_>, max| python::encode(&mut Vec::new(), "own", "/", message, max);
    let join = |opts, rooms: &[&'static str]| say(&Message::Join { opts, rooms: names(rooms) }, MAX);
    assert_eq!(join(whom(&["s"], &[]), &["r"]), Ok(()));
    assert_eq!(join(whom(&["s", "t"], &[]), &["r"]), Err(Untold));
    assert_eq!(join(whom(&["s"], &["t"]), &["r"]), Err(Untold));
    assert_eq!(join(whom(&["s"], &[]), &["r", "q"]), Err(Untold));
    assert_eq!(join(whom(&[], &[]), &["r"]), Err(Untold));
    for rooms in [&["r"][..], &[], &["r", "q"]] {
        let message = Message::Broadcast {
            packet: event("ev", "[]", &[]),
            opts: whom(rooms, &[]),
            request: Some("1".into()),
        };
        assert_eq!(say(&message, MAX).is_ok(), rooms.len() == 1, "{rooms:?}");
    }
    let reply =
        |request: &'static str, value| say(&Message::AckReply { request: request.into(), value }, MAX);
    assert_eq!(reply("[\"h\",\"s\",\"/\",1]", None), Ok(()));
    assert_eq!(reply("[\"h\",\"s\",\"/\"]", None), Err(Untold));
    assert_eq!(
        reply("[\"h\",\"s\",\"/\",1]", Some(value("{\"_placeholder\":true,\"num\":0}", &[b"x"]))),
        Err(Untold)
    );
    assert_eq!(say(&Message::Fetch { request: "q".into(), opts: Opts::default() }, MAX), Err(Untold));
    let leave = Message::Leave { opts: whom(&["s"], &[]), rooms: names(&["r"]) };
    let mut out = Vec::new();
    python::encode(&mut out, "own", "/", &leave, MAX).unwrap();
    assert_eq!(say(&leave, out.len()), Ok(()));
    assert_eq!(say(&leave, out.len() - 1), Err(Untold));
}

#[test]
fn what_is_about_many_is_said_of_each() {
    let said = |message: Message<'_>| {
        let mut said = Vec::new();
        python::each(&message, |part| {
            let mut out = Vec::new();
            let told = python::encode(&mut out, "own", "/", part, MAX);
            let heard = told.map(|()| python::decode(&out, "other").unwrap().unwrap().message.into_owned());
            said.push(heard);
        });
        said
    };
    let (sockets, rooms) = (whom(&["s", "t"], &[]), names(&["q", "r"]));
    let about = |name| whom(&[name], &[]);
    let each = |make: fn(Opts<'static>, Vec<Cow<'static, str>>) -> Message<'static>| {
        [("s", "q"), ("s", "r"), ("t", "q"), ("t", "r")]
            .map(|(who, room)| Ok(make(about(who), names(&[room]))))
    };
    let join = |opts, rooms| Message::Join { opts, rooms };
    let leave = |opts, rooms| Message::Leave { opts, rooms };
    assert_eq!(said(join(sockets.clone(), rooms.clone())), each(join));
    assert_eq!(said(leave(sockets.clone(), rooms.clone())), each(leave));
    let closed = ["q", "r"].map(|room| Ok(leave(about(room), names(&[room]))));
    assert_eq!(said(leave(whom(&["q", "r"], &[]), rooms.clone())), closed);
    let gone = ["s", "t"].map(|who| Ok(Message::Disconnect { opts: about(who), close: false }));
    assert_eq!(said(Message::Disconnect { opts: sockets, close: false }), gone);
    // Everybody, and all but some, cannot be said.
    assert_eq!(said(join(Opts::default(), rooms.clone())), [Err(Untold)]);
    assert_eq!(said(join(whom(&["s"], &["t"]), rooms)), [Err(Untold)]);
    assert_eq!(said(Message::AckCount { request: "q".into(), clients: 1 }), []);
}

//! Requests, responses and broadcasts that no package of today sends, and their channels.

use super::super::pubsub;
use super::*;

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
    let more = unhex("94c082a47479706502a46461746191a1618001");
    assert!(pubsub::decode_broadcast(&more).is_ok());
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

    // An answer lists more: with the least that names take, as many as there may be, and one more.
    let listed = |count: usize| {
        let names = [&b"\xdd"[..], &(count as u32).to_be_bytes(), &b"\xa0".repeat(count)].concat();
        let answer = [&b"\x82\xa9requestId\xa1q\xa5rooms"[..], &names].concat();
        pubsub::decode_response(&answer, "/").map(Heard::into_owned)
    };
    assert!(listed(MAX_LISTED).is_ok());
    assert_eq!(listed(MAX_LISTED + 1), Err(Malformed));

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
    use pubsub::{Purpose, room_of};
    let channel = |purpose, of: Option<&str>| {
        let mut name = String::new();
        match of {
            Some(of) => pubsub::channel_of(&mut name, "socket.io", purpose, "/chat", of),
            None => pubsub::channel(&mut name, "socket.io", purpose, "/chat"),
        }
        name
    };
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

//! What a host can choose and hook into: cookies, headers, ids, handshakes, refusals, rooms, Engine.IO alone.

use super::support::{Client, HANDSHAKE, Host, get, header, post, request, serve};
use roomcast::{Config, Cookie, Event, Level, NamespaceOptions, PatternOptions, RoomChange};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A WebSocket's handshake without its key.
const NO_KEY: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn a_cookie_comes_with_the_handshake_and_no_later() {
    let config = Config { cookie: Some(Cookie::default()), ..Config::default() };
    let answer = serve(config, |_, _| {}, |address| get(address, HANDSHAKE));
    let sid = answer.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let cookie = format!("io={sid}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(header(&answer, "Set-Cookie"), Some(&*cookie));

    let cookie =
        Cookie { name: "sticky".into(), path: None, http_only: false, same_site: None, ..Cookie::default() };
    let config = Config { cookie: Some(cookie), ..Config::default() };
    let (first, second) = serve(
        config,
        |_, _| {},
        |address| {
            let first = get(address, HANDSHAKE);
            let sid = first.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            // A method that is not served is answered at once.
            (first, get(address, &format!("{HANDSHAKE}&sid={sid}x")))
        },
    );
    assert!(header(&first, "Set-Cookie").unwrap().starts_with("sticky="));
    assert_eq!(header(&first, "Set-Cookie").unwrap().len(), "sticky=".len() + 20);
    assert_eq!(header(&second, "Set-Cookie"), None);
}

#[test]
fn fixed_headers_are_on_every_answer() {
    let config = Config { headers: vec![("X-Served-By".into(), "roomcast".into())], ..Config::default() };
    let answers = serve(config, |_, _| {}, |address| [get(address, HANDSHAKE), get(address, "/socket.io/")]);
    for answer in answers {
        assert_eq!(header(&answer, "X-Served-By"), Some("roomcast"), "{answer}");
    }
    let bad = Config { headers: vec![("X-Bad".into(), "a\r\nb".into())], ..Config::default() };
    assert!(roomcast::Broker::new(bad).is_err());
}

#[test]
fn an_initial_packet_follows_the_open_packet() {
    let config = Config { initial_packet: Some("hello".into()), ..Config::default() };
    let answer = serve(config, |_, _| {}, |address| get(address, HANDSHAKE));
    assert!(answer.ends_with("}\u{1e}4hello"), "{answer}");
}

#[test]
fn ids_of_the_hosts_own_making() {
    let mut number = 0;
    let generator = move || {
        number += 1;
        (number < 3).then(|| format!("conn-{number}"))
    };
    let config = Config { id_generator: Some(Box::new(generator)), ..Config::default() };
    let answers = serve(
        config,
        |_, _| {},
        |address| {
            let first = get(address, HANDSHAKE);
            let poll = get(address, &format!("{HANDSHAKE}&sid=conn-9"));
            [first, poll, get(address, HANDSHAKE), get(address, HANDSHAKE)]
        },
    );
    assert!(answers[0].contains("\"sid\":\"conn-1\"") && answers[2].contains("\"sid\":\"conn-2\""));
    assert!(answers[1].ends_with(r#"{"code":1,"message":"Session ID unknown"}"#));
    assert!(answers[3].ends_with(r#"{"code":3,"message":"Bad request"}"#), "no id, no session");
}

#[test]
fn refusals_are_reported_with_their_context() {
    let mut seen = Vec::new();
    let config = Config { refusal_events: true, ..Config::default() };
    let on = |_: &mut roomcast::Broker, event: &Event<'_>| {
        if let Event::Refused { code, message, context } = *event {
            seen.push((code, message.to_owned(), context.to_owned()));
        }
    };
    serve(config, on, |address| {
        for query in
            ["transport=tcp", "transport=polling&sid=xyz", "transport=websocket&EIO=4", "transport=polling"]
        {
            get(address, &format!("/socket.io/?{query}"));
        }
        request(address, NO_KEY);
    });
    let seen: Vec<_> = seen.iter().map(|(code, message, context)| (*code, &**message, &**context)).collect();
    assert_eq!(
        seen,
        [
            (0, "Transport unknown", "tcp"),
            (1, "Session ID unknown", "xyz"),
            (3, "Bad request", "TRANSPORT_HANDSHAKE_ERROR"),
            (5, "Unsupported protocol version", "3"),
            (3, "Bad request", "Missing or invalid Sec-WebSocket-Key header"),
        ]
    );
}

#[test]
fn rooms_report_each_change_once() {
    let mut host = Host::new(Config { room_events: true, ..Config::default() });
    let (socket, client) = host.join(|mut client| client.read());
    host.broker.change_rooms(socket, &[], &["a", "b"]).unwrap();
    host.broker.join(socket, "a").unwrap();
    host.broker.leave(socket, "b").unwrap();
    host.broker.leave(socket, "b").unwrap();
    host.broker.disconnect(socket, true).unwrap();
    let mut seen = Vec::new();
    host.until(|_, events| {
        for event in events.iter() {
            if let Event::Room { change, room, .. } = event {
                seen.push((change, room.to_owned()));
            }
        }
        client.is_finished()
    });
    use RoomChange::{Created, Deleted, Joined, Left};
    let expected = [
        (Created, "a"),
        (Joined(socket), "a"),
        (Created, "b"),
        (Joined(socket), "b"),
        (Left(socket), "b"),
        (Deleted, "b"),
        (Left(socket), "a"),
        (Deleted, "a"),
    ];
    assert_eq!(seen, expected.map(|(change, room)| (change, room.to_owned())));
}

#[test]
fn namespaces_are_reported_as_they_come_and_go() {
    let mut host = Host::new(Config::default());
    let fleeting = PatternOptions { guarded: false, remove_when_empty: true, ..PatternOptions::default() };
    host.broker.add_pattern("/tenant-*", fleeting).unwrap();
    let fixed = host.broker.add_namespace("news", NamespaceOptions::default()).unwrap();
    assert_eq!(host.broker.namespace_name(fixed).unwrap(), "/news");
    assert_eq!(host.broker.add_namespace("/news", NamespaceOptions::default()), Ok(fixed));
    assert!(
        host.broker
            .add_namespace("/news", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })
            .is_err()
    );
    let (_, client) = host.join(|mut client| {
        client.send("40/tenant-1,");
        assert!(client.read().starts_with("40/tenant-1,{\"sid\":"));
        client.send("41/tenant-1,");
    });
    let mut seen = Vec::new();
    host.until(|broker, events| {
        for event in events.iter() {
            match event {
                Event::NamespaceCreated { name, .. } => seen.push(format!("+{name}")),
                Event::NamespaceRemoved { namespace, name } => {
                    assert!(broker.namespace_name(namespace).is_err());
                    seen.push(format!("-{name}"));
                }
                _ => {}
            }
        }
        client.is_finished() && seen.len() > 1
    });
    assert_eq!(seen[seen.len() - 2..], ["+/tenant-1", "-/tenant-1"]);
}

#[test]
fn engine_io_alone_carries_messages_as_they_are() {
    let mut seen = Vec::new();
    let on = |broker: &mut roomcast::Broker, event: &Event<'_>| match *event {
        Event::Open { conn } => {
            assert_eq!(broker.is_websocket(conn), Ok(false));
            broker.send_message(conn, "text").unwrap();
            broker.send_binary(conn, b"\x01\x02\x03").unwrap();
        }
        Event::Text { conn, text } => {
            assert_eq!(text, "bye");
            broker.close_connection(conn).unwrap();
            assert!(broker.send_message(conn, "late").is_err());
        }
        Event::Close { reason, .. } => seen.push(reason.text()),
        _ => {}
    };
    let config = Config { engine_only: true, path: "/engine.io".into(), ..Config::default() };
    let polls = serve(config, on, |address| {
        let open = get(address, "/engine.io/?EIO=4&transport=polling");
        let sid = open.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
        let session = format!("/engine.io/?EIO=4&transport=polling&sid={sid}");
        let messages = get(address, &session);
        post(address, &session, "4bye");
        [messages, get(address, &session), get(address, &session)]
    });
    assert!(polls[0].ends_with("4text\u{1e}bAQID"), "{}", polls[0]);
    assert!(polls[1].ends_with("6\u{1e}1"), "{}", polls[1]);
    assert!(polls[2].ends_with(r#"{"code":1,"message":"Session ID unknown"}"#), "{}", polls[2]);
    assert_eq!(seen, ["forced close"]);
}

#[test]
fn a_pattern_makes_a_namespace_with_the_first_client_that_is_let_in() {
    let mut host = Host::new(Config::default());
    host.broker
        .add_pattern(
            "/tenant-*",
            PatternOptions { guarded: true, remove_when_empty: false, ..PatternOptions::default() },
        )
        .unwrap();
    let (_, client) = host.join(|mut client| {
        client.send("40/tenant-1,");
        assert_eq!(client.read(), "44/tenant-1,{\"message\":\"no\"}");
        client.send("40/tenant-2,");
        assert!(client.read().starts_with("40/tenant-2,{\"sid\":"));
    });
    let mut removed = Vec::new();
    host.until(|broker, events| {
        for event in events.iter() {
            match event {
                Event::ConnectRequest { socket, namespace, .. } => {
                    match broker.namespace_name(namespace).as_deref() {
                        Ok("/tenant-1") => broker.reject(socket, "no", None).unwrap(),
                        _ => broker.accept(socket).unwrap(),
                    }
                }
                Event::NamespaceRemoved { name, .. } => removed.push(name.to_owned()),
                _ => {}
            }
        }
        client.is_finished() && broker.stats().sockets == 0
    });
    assert_eq!(removed, ["/tenant-1"]);
    assert!(host.broker.find_namespace("/tenant-1").is_none());
    assert!(host.broker.find_namespace("/tenant-2").is_some(), "it was not asked to go");
}

/// What a log got, of a host that lets in whoever asks for `/`, and turns away whoever asks for `/staff`.
fn logged(loops: usize, level: Level) -> (Vec<(Level, String)>, SocketAddr, [String; 2]) {
    let mut host = Host::new(Config { loops, ..Config::default() });
    let lines = Arc::<Mutex<Vec<(Level, String)>>>::default();
    let log = lines.clone();
    host.broker.set_log(level, move |level, line| log.lock().unwrap().push((level, line.to_owned())));
    let guarded = NamespaceOptions { guarded: true, ..NamespaceOptions::default() };
    for name in ["/", "/staff"] {
        host.broker.add_namespace(name, guarded).unwrap();
    }
    let staff = host.broker.find_namespace("/staff").unwrap();
    let address = host.address;
    let client = std::thread::spawn(move || {
        let mut client = Client::connect(address);
        client.send("40/staff,");
        assert_eq!(client.read(), "44/staff,{\"message\":\"not you\\n\"}");
        client.send("40/none\u{2028},");
        assert!(client.read().starts_with("44/none"));
        get(address, "/socket.io/?EIO=4&transport=pigeon");
        request(address, NO_KEY);
        request(address, "no HTTP at all\r\n\r\n");
        request(address, &format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(20_000)));
        for body in ["Content-Length: 1000001", "Transfer-Encoding: chunked"] {
            let open = get(address, "/socket.io/?EIO=4&transport=polling");
            let sid = open.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
            let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
            request(address, &format!("POST {target} HTTP/1.1\r\nHost: x\r\n{body}\r\n\r\nx\r\n"));
        }
        request(address, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
        client.send("41");
        client.peer()
    });
    let mut ids = [const { String::new() }; 2];
    let mut left = false;
    host.until(|broker, events| {
        for event in events.iter() {
            match event {
                Event::ConnectRequest { socket, namespace, id, .. } if namespace == staff => {
                    ids[1] = id.to_owned();
                    broker.reject(socket, "not you\n", None).unwrap();
                }
                Event::ConnectRequest { socket, id, .. } => {
                    ids[0] = id.to_owned();
                    broker.accept(socket).unwrap();
                }
                Event::Disconnect { .. } => left = true,
                Event::Refused { .. } => panic!("nobody asked for it"),
                _ => {}
            }
        }
        left && client.is_finished()
    });
    host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
    host.broker.close(&mut host.events, Duration::ZERO).unwrap();
    let lines = lines.lock().unwrap().clone();
    (lines, client.join().unwrap(), ids)
}

#[test]
fn the_log_says_who_came_in_who_was_turned_away_and_from_where() {
    for loops in [0, 2] {
        let (lines, peer, [sid, other]) = logged(loops, Level::Debug);
        let texts: Vec<&str> = lines.iter().map(|(_, text)| &**text).collect();
        for (level, line) in [
            (Level::Debug, format!("{sid} in \"/\" from {peer}: connected")),
            (Level::Debug, format!("{other} in \"/staff\" from {peer}: rejected: \"not you\\n\"")),
            (
                Level::Debug,
                format!("a request for \"/none\\u{{2028}}\" from {peer}: rejected: Invalid namespace"),
            ),
            (Level::Debug, format!("{sid} in \"/\" from {peer}: disconnected: client namespace disconnect")),
            (Level::Info, "closed".to_owned()),
        ] {
            let said = lines.iter().filter(|(at, text)| *at == level && *text == line).count();
            assert_eq!(said, 1, "{loops} loops: {line}: {texts:?}");
        }
        for why in [
            "0 Transport unknown (\"pigeon\")",
            "3 Bad request (\"Missing or invalid Sec-WebSocket-Key header\")",
            "HTTP 400, neither HTTP/1.1 nor HTTP/1.0",
            "HTTP 431, the head has more bytes or headers than it may",
            "HTTP 413, the body has more bytes than it may",
            "HTTP 400, the body is not in chunks as announced",
        ] {
            let (level, text) = lines
                .iter()
                .find(|(_, text)| text.ends_with(why))
                .unwrap_or_else(|| panic!("{why}: {texts:?}"));
            assert!(*level == Level::Warn && text.starts_with("request refused from 127.0.0.1:"), "{text}");
        }
        let unread = |line: &&(Level, String)| {
            line.1.starts_with("a request from 127.0.0.1:")
                && line.1.ends_with(": closed behind its answer: the body is not in chunks as announced")
        };
        let said: Vec<_> = lines.iter().filter(unread).map(|(level, _)| *level).collect();
        assert_eq!((said, lines.len()), (vec![Level::Warn], 12), "{texts:?}");
    }
}

#[test]
fn a_log_has_the_lines_up_to_its_level_and_no_others() {
    let (lines, ..) = logged(0, Level::Warn);
    let refusals =
        |(level, text): &(Level, String)| *level == Level::Warn && text.starts_with("request refused");
    assert!(lines.len() == 7 && lines.iter().filter(|line| refusals(line)).count() == 6, "{lines:?}");
    assert!(logged(0, Level::Error).0.is_empty());
}

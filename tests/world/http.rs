//! HTTP links: what is read when, how answers look, and in which order they come. What a session is told stands elsewhere.

use crate::client::Wire;
use crate::net::End;
use crate::parse::{self, Response};
use crate::world::{Seen, World};
use roomcast::cors::{Cors, Origin};
use roomcast::service::Service;
use roomcast::{Config, Core, Limits, Message, Reason, Resource, SocketId};

impl World {
    /// Every whole response that this wire has got.
    fn answers(&mut self, wire: &mut Wire) -> Vec<Response> {
        self.settle();
        self.net.read(wire.id, usize::MAX, &mut wire.input);
        std::iter::from_fn(|| parse::response(&mut wire.input)).collect()
    }
}

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

#[test]
fn a_protocol_that_nobody_speaks_is_offered_in_vain() {
    let config = || Config {
        health_path: Some("/health".into()),
        metrics_path: Some("/metrics".into()),
        ..Config::default()
    };
    let offers = [
        // curl --http2 and Java's HttpClient, the first with a list that is cut differently.
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
        "Connection: upgrade\r\nConnection: http2-settings\r\nUpgrade: h2c, TLS/1.0\r\nHTTP2-Settings:\r\n",
        "Connection: upgrade\r\nUpgrade:\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: websocket\r\n",
    ];
    for offer in offers {
        let mut world = World::new(config());
        world.core.serve("/page", Resource::new("text/html", "hello")).unwrap();
        let mut wire = world.raw(b"");
        for target in [HANDSHAKE, "/health", "/metrics", "/page"] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{offer}\r\n");
            world.net.write(wire.id, request.as_bytes());
            let answers = world.answers(&mut wire);
            assert_eq!(
                answers.iter().map(|answer| answer.status).collect::<Vec<_>>(),
                [200],
                "{offer} {target}"
            );
            assert_eq!(answers[0].header("connection"), Some("keep-alive"));
        }
        // A session's requests too, with a body.
        let mut polling = world.raw(format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: x\r\n{offer}\r\n").as_bytes());
        let open = world.answers(&mut polling).remove(0);
        let sid = serde_json::from_str::<serde_json::Value>(&open.text()[1..]).unwrap()["sid"].clone();
        let post = format!(
            "POST {HANDSHAKE}&sid={} HTTP/1.1\r\nHost: x\r\n{offer}Content-Length: 2\r\n\r\n40",
            sid.as_str().unwrap()
        );
        world.net.write(polling.id, post.as_bytes());
        assert_eq!(world.answers(&mut polling)[0].text(), "ok", "{offer}");
    }
    // With WebSocket among the offers, that is what is chosen.
    let mut world = World::new(config());
    let mut wire = world.raw(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
          Upgrade: h2c, websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let answer = world.answers(&mut wire).remove(0);
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")));
}

#[test]
fn a_websocket_handshake_that_is_none_is_told_as_a_refusal() {
    let mut world = World::new(Config { refusal_events: true, ..Config::default() });
    let (sid, ..) = polling(&mut world);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let subprotocols = format!("{key}{version}Sec-WebSocket-Protocol: a, a\r\n");
    // The method of a new client's is looked at before its WebSocket is.
    for (method, lines, [new, upgrade]) in [
        ("GET", version, [(400, 3); 2]),
        ("GET", key, [(400, 3); 2]),
        ("GET", &subprotocols, [(400, 3); 2]),
        ("PUT", &format!("{key}{version}"), [(400, 2), (405, 3)]),
    ] {
        for (session, (status, code)) in [(String::new(), new), (format!("&sid={sid}"), upgrade)] {
            world.take_seen();
            let before = world.core.stats().counters.requests_refused;
            let request = format!(
                "{method} /socket.io/?EIO=4&transport=websocket{session} HTTP/1.1\r\nHost: x\r\n\
                 Connection: Upgrade\r\nUpgrade: websocket\r\n{lines}\r\n"
            );
            let mut wire = world.raw(request.as_bytes());
            assert_eq!(world.answers(&mut wire)[0].status, status, "{request}");
            assert_eq!(world.take_seen(), [Seen::Refused(code)], "{request}");
            assert_eq!(world.core.stats().counters.requests_refused, before + 1, "{request}");
        }
    }
}

/// A polling session in the namespace `/`, and a connection of its own with its poll on it.
fn polling(world: &mut World) -> (String, SocketId, Wire) {
    let (at, socket) = world.joined(false);
    let sid = world.clients[at].sid.clone().expect("a session");
    let wire = world.clients[at].poll.take().expect("a link");
    // The client has asked for more already.
    assert!(wire.busy);
    world.clients.clear();
    (sid, socket, wire)
}

fn post(sid: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {HANDSHAKE}&sid={sid} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {length}\r\n\r\n{body}")
}

fn poll(sid: &str) -> String {
    format!("GET {HANDSHAKE}&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn names(world: &mut World) -> Vec<String> {
    let seen = world.take_seen().into_iter();
    seen.filter_map(|seen| match seen {
        Seen::Message { name, .. } => Some(name),
        _ => None,
    })
    .collect()
}

fn texts(answers: &[Response]) -> Vec<(u16, &str)> {
    answers.iter().map(|answer| (answer.status, answer.text())).collect()
}

#[test]
fn a_post_behind_a_waiting_poll_is_heard_at_once_and_answered_after_it() {
    let mut world = World::new(Config::default());
    let (sid, socket, mut wire) = polling(&mut world);
    for round in ["a", "b"] {
        world.take_seen();
        // In pieces, and two at once.
        let requests =
            post(&sid, "", &format!("42[\"{round}1\"]")) + &post(&sid, "", &format!("42[\"{round}2\"]"));
        for piece in requests.as_bytes().chunks(7) {
            world.net.write(wire.id, piece);
            world.settle();
        }
        assert_eq!(names(&mut world), [format!("{round}1"), format!("{round}2")]);
        assert!(world.answers(&mut wire).is_empty(), "nothing overtakes the poll's answer");
        // What the host says to it is what the poll waited for.
        world.core.send(socket, Message::new("reply", "[]")).unwrap();
        assert_eq!(texts(&world.answers(&mut wire)), [(200, "42[\"reply\"]"), (200, "ok"), (200, "ok")]);
        world.net.write(wire.id, poll(&sid).as_bytes());
        world.settle();
    }
    // A poll behind a poll waits its turn, and so does what stands behind it; then all goes on.
    world.net.write(wire.id, (poll(&sid) + &post(&sid, "", "42[\"c\"]")).as_bytes());
    assert!(world.answers(&mut wire).is_empty());
    assert!(names(&mut world).is_empty());
    world.core.send(socket, Message::new("reply", "[]")).unwrap();
    assert_eq!(texts(&world.answers(&mut wire)), [(200, "42[\"reply\"]")]);
    assert_eq!(names(&mut world), ["c"]);
    world.net.end(wire.id, End::Fin);
    world.run(120_000);
    world.assert_empty(1);
}

#[test]
fn what_goes_wrong_behind_a_waiting_poll_is_said_after_it() {
    let big = "x".repeat(100_000);
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        (post("nobody", "", "40"), 400),
        (format!("POST {HANDSHAKE}&sid=SID HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"), 413),
        (post("SID", "Expect: 100-continue\r\n", &format!("42[\"{big}\"]")), 100),
        (post("SID", "Connection: close\r\n", "42[\"x\"]"), 200),
        // A body that does not end: 408 at its time.
        (post("SID", "", "42[\"x\"]").replace("\"]", ""), 408),
    ] {
        let mut world = World::new(Config::default());
        let (sid, socket, mut wire) = polling(&mut world);
        world.net.write(wire.id, request.replace("SID", &sid).as_bytes());
        assert!(world.answers(&mut wire).is_empty(), "{status}");
        if status == 408 {
            // Before a ping could answer the poll: the body's time is up 30 s later, the ping comes after 25.
            world.run(30_000);
        } else {
            world.core.send(socket, Message::new("reply", "[]")).unwrap();
        }
        let answers = world.answers(&mut wire);
        assert_eq!(answers[0].status, 200, "{status}: the poll's own answer comes first");
        assert_eq!(answers[1].status, status, "{:?}", texts(&answers));
    }
}

#[test]
fn what_is_sent_behind_a_waiting_poll_is_bounded() {
    let most = Limits::default().max_head_bytes;
    let mut world = World::new(Config::default());
    let (sid, socket, mut wire) = polling(&mut world);
    let one = post(&sid, "", "42[\"x\"]");
    world.net.write(wire.id, one.repeat(10_000).as_bytes());
    world.settle();
    let heard = names(&mut world).len();
    assert!((1..200).contains(&heard), "{heard}");
    let unread = world.net.pipes[wire.id].up.len();
    assert!(unread > 10_000 * one.len() - 400 * 1024, "the rest waits in the kernel: {unread}");
    // It goes on when the poll is answered.
    world.core.send(socket, Message::new("reply", "[]")).unwrap();
    let mut answers = world.answers(&mut wire);
    while let more @ [_, ..] = &mut world.answers(&mut wire)[..] {
        answers.extend_from_slice(more);
    }
    assert_eq!((answers.len(), names(&mut world).len() + heard), (10_001, 10_000));
    assert!(answers[..heard].iter().map(|answer| answer.head.len()).sum::<usize>() < 2 * most);
}

/// Keep-alive connections stay as their clients leave them: the server has to end them.
#[test]
fn shutting_down_ends_kept_alive_connections_at_once() {
    for queued in [false, true] {
        let mut world = World::new(Config { health_path: Some("/health".into()), ..Config::default() });
        let (sid, socket, mut wire) = polling(&mut world);
        let page = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut health = world.raw(page.as_bytes());
        assert_eq!(world.answers(&mut health).len(), 1);
        let unused = world.raw(b"");
        world.settle();
        if queued {
            world.core.send(socket, Message::new("last", "[]")).unwrap();
        }
        world.core.shut_down();
        let mut answers = world.answers(&mut wire);
        if queued {
            // What was queued is read before the close: one poll more, on the same connection.
            assert_eq!(texts(&answers), [(200, "42[\"last\"]")]);
            assert_eq!(answers[0].header("connection"), Some("keep-alive"));
            world.net.write(health.id, page.as_bytes());
            assert_eq!(world.answers(&mut health)[0].status, 200);
            world.net.write(wire.id, poll(&sid).as_bytes());
            answers = world.answers(&mut wire);
        }
        assert_eq!(texts(&answers), [(200, if queued { "6\u{1e}1" } else { "1" })]);
        assert_eq!(answers[0].header("connection"), Some("close"));
        for id in [wire.id, health.id, unused.id] {
            assert_eq!(world.net.pipes[id].server_end, Some(End::Fin));
        }
        assert_eq!(world.now, 0, "no time has passed");
        world.assert_empty(1);
    }
}

#[test]
fn sessions_that_are_given_up_end_for_the_servers_reason() {
    let mut world = World::new(Config::default());
    let (_, socket, _) = polling(&mut world);
    world.core.abandon_links();
    world.settle();
    let reasons: Vec<_> = world
        .take_seen()
        .into_iter()
        .filter_map(|seen| match seen {
            Seen::Disconnect { socket, reason, .. } => Some((socket, reason)),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [(socket, Reason::ServerShuttingDown)]);
}

#[test]
fn the_host_sees_one_header_of_each_name() {
    let mut world = World::new(Config::default());
    let request = format!(
        "GET {HANDSHAKE} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\nCookie: a=1\r\nUser-Agent: one\r\n\
         x-forwarded-for: 2.2.2.2\r\ncookie: b=2\r\nuser-agent: two\r\n\r\n"
    );
    let mut wire = world.raw(request.as_bytes());
    let open = world.answers(&mut wire).remove(0);
    let sid = serde_json::from_str::<serde_json::Value>(&open.text()[1..]).unwrap()["sid"].clone();
    world.net.write(wire.id, post(sid.as_str().unwrap(), "", "40").as_bytes());
    world.settle();
    let socket = world.take_seen().into_iter().find_map(|seen| match seen {
        Seen::Connect { socket, .. } => Some(socket),
        _ => None,
    });
    let shake = world.core.handshake(socket.unwrap()).unwrap();
    let headers: Vec<_> =
        shake.headers().map(|(name, value)| (name, std::str::from_utf8(value).unwrap())).collect();
    assert_eq!(
        headers,
        [
            ("Host", "x"),
            ("X-Forwarded-For", "1.1.1.1, 2.2.2.2"),
            ("Cookie", "a=1; b=2"),
            ("User-Agent", "one")
        ]
    );
    assert_eq!(shake.header("cookie"), Some(&b"a=1; b=2"[..]));
}

/// RFC 9110, 6.6.1.
#[test]
fn every_answer_says_when_it_was_given() {
    let config = Config {
        health_path: Some("/health".into()),
        cors: Some(Cors { origin: Origin::Reflect, ..Cors::default() }),
        ..Config::default()
    };
    let mut world = World::new(config);
    world.core.serve("/page", Resource::new("text/html", "hello")).unwrap();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let requests = [
        (200, format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: x\r\n\r\n")),
        (200, "GET /page HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        (200, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        (204, format!("OPTIONS {HANDSHAKE} HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n")),
        (400, poll("unknown")),
        (
            400,
            format!("GET {} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n", HANDSHAKE.replace("polling", "websocket")),
        ),
        (400, "nonsense\r\n\r\n".to_owned()),
        (404, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        (405, "PUT /page HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
    ];
    let dates = |answer: &Response| -> Vec<String> {
        answer.head.lines().filter_map(|line| line.strip_prefix("Date: ")).map(str::to_owned).collect()
    };
    for (status, request) in requests {
        let mut wire = world.raw(request.as_bytes());
        world.settle();
        world.net.read(wire.id, usize::MAX, &mut wire.input);
        let head = String::from_utf8(std::mem::take(&mut wire.input)).unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
        let answer = Response { status, head, body: Vec::new() };
        assert_eq!(dates(&answer), ["Tue, 14 Nov 2023 22:13:20 GMT"], "{request}");
    }
    // It goes on with the clock, and also when the clock has stood still because the host was away.
    let mut wire = world.raw(b"POST /page HTTP/1.1\r\nHost: x");
    world.run(10_000);
    assert_eq!(dates(&world.answers(&mut wire)[0]), ["Tue, 14 Nov 2023 22:13:30 GMT"]);
    world.core.slept_through(3_600_000);
    let mut wire = world.raw(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(dates(&world.answers(&mut wire)[0]), ["Tue, 14 Nov 2023 23:13:30 GMT"]);
}

#[test]
fn a_clock_at_its_end_breaks_nothing() {
    for (epoch, now) in [(u64::MAX, 0), (u64::MAX, u64::MAX), (0, u64::MAX)] {
        let mut world = World::new(Config::default());
        world.core = Core::new(Config::default(), epoch).unwrap();
        world.now = now;
        let mut wire = world.raw(format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        world.core.slept_through(u64::MAX);
        world.turn();
        world.turn();
        world.net.read(wire.id, usize::MAX, &mut wire.input);
        let answer = parse::response(&mut wire.input).expect("an answer");
        assert_eq!((answer.status, answer.header("date")), (200, Some("Fri, 31 Dec 9999 23:59:59 GMT")));
    }
}

//! Pages of other origins: who is let in with `check_origin`, and what the others are told. Cross-origin headers stand elsewhere.

use crate::parse::{self, Response};
use crate::world::{Seen, World};
use roomcast::cors::{Cors, Origin};
use roomcast::{Config, Core, Error};

/// The first answer to a request on a connection of its own.
fn answer_to(world: &mut World, request: &str) -> Response {
    let mut wire = world.raw(request.as_bytes());
    world.settle();
    world.net.read(wire.id, usize::MAX, &mut wire.input);
    parse::response(&mut wire.input).expect("an answer")
}

/// Every request that a page of this origin could make, with the host it would name: the status and body of the answer to
/// a handshake by polling, to one by WebSocket, and to a poll of a session that is there.
fn asked_from(world: &mut World, sid: &str, lines: &str) -> [(u16, String); 3] {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let base = "GET /socket.io/?EIO=4&transport=";
    [
        format!("{base}polling HTTP/1.1\r\n{lines}\r\n"),
        format!("{base}websocket HTTP/1.1\r\n{upgrade}{lines}\r\n"),
        format!(
            "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\n{lines}Content-Length: 1\r\n\r\n3"
        ),
    ]
    .map(|request| {
        let answer = answer_to(world, &request);
        (answer.status, answer.text().to_owned())
    })
}

#[test]
fn with_check_origin_pages_of_other_origins_get_nothing_over_either_transport() {
    const OWN: &str = "Host: chat.example\r\n";
    let list = Origin::List(vec!["https://*.friends.example".into(), "http://other.example:8080".into()]);
    let with = |origin, check_origin| Config {
        cors: Some(Cors { origin, ..Cors::default() }),
        check_origin,
        ..Config::default()
    };
    let none = |check_origin| Config { check_origin, ..Config::default() };
    let all = [
        "http://chat.example",
        "https://chat.example",
        "https://a.b.friends.example",
        "https://evil.example",
        "null",
    ];
    let cases: [(Config, &[&str]); 7] = [
        (none(false), &all),
        (none(true), &all[..2]),
        (with(list.clone(), true), &all[..3]),
        (with(list, false), &all),
        (with(Origin::Fixed("https://evil.example".into()), true), &[all[0], all[1], all[3]]),
        (with(Origin::Any, true), &all),
        (with(Origin::Reflect, true), &all),
    ];
    for (case, (config, welcome)) in cases.into_iter().enumerate() {
        let mut world = World::new(Config { refusal_events: true, ..config });
        let (a, _) = world.joined(false);
        let sid = world.clients[a].sid.clone().expect("a session");
        // A program says no origin.
        for origin in all.into_iter().chain([""]) {
            world.take_seen();
            let line = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
            let answers = asked_from(&mut world, &sid, &format!("{OWN}{line}"));
            let statuses = answers.each_ref().map(|(status, _)| *status);
            if origin.is_empty() || welcome.contains(&origin) {
                assert_eq!(statuses, [200, 101, 200], "{case}: {origin:?} {answers:?}");
                continue;
            }
            assert_eq!(statuses, [403; 3], "{case}: {origin:?} {answers:?}");
            assert_eq!(answers[0].1, r#"{"code":4,"message":"Forbidden"}"#);
            assert_eq!(answers[1].1, "Forbidden");
            assert_eq!(answers[2].1, answers[0].1);
            let told = world.take_seen();
            assert_eq!(told, [const { Seen::Refused(4) }; 3], "{told:?}");
        }
        // The session is as it was.
        assert_eq!(world.core.stats().sockets, 1, "{case}");
    }
}

#[test]
fn what_a_proxy_says_of_the_host_is_not_believed_and_two_origins_are_both_looked_at() {
    let mut world = World::new(Config { check_origin: true, ..Config::default() });
    for lines in [
        "Host: x\r\nX-Forwarded-Host: evil.example\r\nOrigin: https://evil.example\r\n",
        "Host: x\r\nOrigin: http://x\r\nOrigin: https://evil.example\r\n",
        "Host: x\r\nOrigin: https://evil.example\r\norigin: http://x\r\n",
        "Host: x:81\r\nOrigin: http://x\r\n",
    ] {
        let request = format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(answer_to(&mut world, &request).status, 403, "{lines}");
    }
}

#[test]
fn what_a_trusted_proxy_says_of_the_host_is_believed() {
    let trusted_proxies = vec!["10.0.0.0/8".into()];
    let mut world = World::new(Config { check_origin: true, trusted_proxies, ..Config::default() });
    for (peer, forwarded, status) in [
        ("10.1.2.3", "X-Forwarded-Host: chat.example\r\n", 200),
        ("::ffff:10.1.2.3", "x-forwarded-host: chat.example:443\r\n", 200),
        ("10.1.2.3", "X-Forwarded-Host: chat.example, inner:80\r\n", 200),
        ("10.1.2.3", "X-Forwarded-Host: other.example\r\n", 403),
        ("10.1.2.3", "", 403),
        ("192.0.2.1", "X-Forwarded-Host: chat.example\r\n", 403),
    ] {
        world.peer = Some(peer.parse().unwrap());
        let lines = format!("Host: inner:3000\r\n{forwarded}Origin: https://chat.example\r\n");
        let request = format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(answer_to(&mut world, &request).status, status, "{peer} {forwarded}");
    }
}

#[test]
fn origins_that_are_none_are_refused_by_name() {
    for origin in [
        Origin::List(vec!["https://a.example/".into()]),
        Origin::List(vec!["*".into()]),
        Origin::Fixed("https://*.a.example".into()),
    ] {
        let config = Config { cors: Some(Cors { origin, ..Cors::default() }), ..Config::default() };
        let Err(Error::BadConfig(error)) = Core::new(config, 0) else { panic!("it was taken") };
        assert_eq!(error.field(), "cors_origins");
    }
}

//! Clients of Engine.IO 3: their heartbeat to the millisecond, and bodies that are no payloads.

use crate::world::{Seen, World};
use roomcast::{Config, Reason};

fn world() -> World {
    World::new(Config { allow_eio3: true, ..Config::default() })
}

/// A client that is in `/`.
fn old(world: &mut World, websocket: bool) -> usize {
    let at = world.client();
    world.clients[at].old = true;
    if websocket {
        world.open_websocket(at);
    } else {
        world.open_polling(at);
    }
    world.settle();
    assert!(world.socket(at, "/").is_some(), "it is there without having asked");
    at
}

fn reasons(world: &mut World) -> Vec<Reason> {
    let reason = |seen| match seen {
        Seen::Disconnect { reason, .. } => Some(reason),
        _ => None,
    };
    world.take_seen().into_iter().filter_map(reason).collect()
}

#[test]
fn who_pings_stays_and_who_does_not_ends_after_interval_and_timeout() {
    for websocket in [true, false] {
        let mut world = world();
        let at = old(&mut world, websocket);
        let Config { ping_interval, ping_timeout, .. } = Config::default();
        let patience = ping_interval + ping_timeout;
        for _ in 0..3 {
            world.run(patience - 1);
            world.text(at, "2");
            world.settle();
            assert_eq!(world.clients[at].engine.pop().as_deref(), Some("3"));
        }
        // Whatever else it says is no ping.
        world.run(patience / 2);
        world.text(at, "42[\"hello\"]");
        world.run(patience - patience / 2 - 1);
        assert_eq!(reasons(&mut world), []);
        assert!(world.clients[at].engine.iter().all(|packet| packet != "2"), "the server sends none");
        world.run(1);
        assert_eq!(reasons(&mut world), [Reason::PingTimeout]);
        assert_eq!(world.core.stats().counters.ping_timeouts, 1);
    }
}

#[test]
fn a_body_that_is_no_payload_ends_its_session_and_is_counted() {
    let long = format!("{}:4", "9".repeat(5_000));
    let many = "0:".repeat(10_000) + "x";
    let bodies: [(&str, &[u8]); 9] = [
        ("", b""),
        ("", b"4294967297:4"),
        ("", long.as_bytes()),
        ("", many.as_bytes()),
        ("", b"18446744073709551617:4"),
        ("application/octet-stream", &[0; 5_000]),
        ("application/octet-stream", &[9; 5_000]),
        ("application/octet-stream", b"\x00\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff4"),
        ("application/octet-stream", b"\x01\x01\xff\x02"),
    ];
    for (kind, body) in bodies {
        let mut world = world();
        let at = old(&mut world, false);
        let sid = world.clients[at].sid.clone().unwrap();
        let head = format!(
            "POST /socket.io/?EIO=3&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        world.raw(&[head.as_bytes(), body].concat());
        world.settle();
        assert_eq!(reasons(&mut world), [Reason::ParseError], "{kind}");
        assert_eq!(world.core.stats().counters.bad_packets, 1, "{kind}");
    }
}

#[test]
fn without_the_option_they_are_refused() {
    let mut world = World::new(Config::default());
    let at = world.client();
    world.clients[at].old = true;
    world.open_polling(at);
    world.settle();
    assert_eq!(
        world.clients[at].responses[0].text(),
        "{\"code\":5,\"message\":\"Unsupported protocol version\"}"
    );
}

#[test]
fn a_script_of_a_page_is_let_in_only_where_pages_are_not_asked_for_their_origin() {
    for (check_origin, status) in [(false, 200), (true, 403)] {
        let mut world = World::new(Config { allow_eio3: true, check_origin, ..Config::default() });
        let mut wire = world.raw(b"GET /socket.io/?EIO=3&transport=polling&j=0 HTTP/1.1\r\nHost: x\r\n\r\n");
        world.settle();
        world.net.read(wire.id, usize::MAX, &mut wire.input);
        let response = crate::parse::response(&mut wire.input).unwrap();
        assert_eq!(response.status, status);
        assert_eq!(response.text().starts_with("___eio[0](\"118:0{"), !check_origin, "{}", response.text());
    }
}

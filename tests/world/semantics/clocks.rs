//! What ends at its time, and not before.

use super::*;

#[test]
fn a_connection_without_a_namespace_is_closed_at_its_time() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let a = world.client();
        if websocket {
            world.open_websocket(a)
        } else {
            world.open_polling(a)
        }
        world.text(a, "40/unknown,");
        world.run(44_999);
        assert!(!world.clients[a].over);
        world.run(1);
        assert!(world.clients[a].over);
        assert_eq!(world.core.stats().counters.connect_timeouts, 1);
        world.clients[a].leave(&mut world.net, Some(End::Fin));
        world.run(1);
        world.assert_empty(1);
        // Leaving the last namespace does not start it again.
        let (b, _) = world.joined(websocket);
        world.text(b, "41");
        world.run(200_000);
        assert!(!world.clients[b].over);
    }
}

#[test]
fn a_silent_client_is_closed_at_interval_plus_timeout() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let a = world.client();
        if websocket {
            world.open_websocket(a)
        } else {
            world.open_polling(a)
        }
        world.clients[a].answers_pings = false;
        world.text(a, "40");
        world.run(24_999);
        assert!(!world.clients[a].engine.iter().any(|packet| packet == "2"));
        world.run(1);
        assert!(world.clients[a].engine.iter().any(|packet| packet == "2"));
        world.run(19_999);
        assert!(!world.clients[a].over);
        world.run(1);
        assert!(world.clients[a].over);
        let ends: Vec<_> = world.disconnects().into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(ends, [Reason::PingTimeout]);
        world.run(Limits::default().idle_timeout);
        world.assert_empty(1);
    }
}

#[test]
fn in_the_turn_in_which_a_session_ends_its_pong_still_counts_and_its_poll_is_too_late() {
    for pong in [false, true] {
        let mut world = World::new(Config::default());
        let (a, socket) = world.joined(false);
        world.clients[a].polls = false;
        world.clients[a].answers_pings = false;
        // This takes the open poll, so that the ping waits.
        world.tell(socket, "1");
        world.run(25_000 + 19_999);
        world.now += 1;
        world.clients[a].ask(&mut world.net);
        if pong {
            world.text(a, "3");
        }
        world.settle();
        let statuses: Vec<u16> = world.clients[a].responses.iter().map(|response| response.status).collect();
        assert_eq!(statuses.contains(&400), !pong, "{statuses:?}");
        assert_eq!(world.disconnects().is_empty(), pong);
    }
}

#[test]
fn traffic_extends_the_wait_for_a_pong_once() {
    let mut world = World::new(Config::default());
    let (a, _) = world.joined(true);
    world.clients[a].answers_pings = false;
    world.run(25_000 + 15_000);
    for _ in 0..10 {
        world.text(a, "42[\"alive\"]");
        world.settle();
    }
    // From the first packet on, and only once.
    world.run(10_000);
    world.text(a, "42[\"alive\"]");
    world.run(9_999);
    assert!(!world.clients[a].over);
    world.run(1);
    assert!(world.clients[a].over);
    assert_eq!(world.now, 25_000 + 15_000 + 20_000);
}

#[test]
fn a_pong_starts_the_interval_anew_and_each_wait_may_be_extended() {
    let mut world = World::new(Config::default());
    let (a, _) = world.joined(true);
    world.clients[a].answers_pings = false;
    for _ in 0..3 {
        world.run(25_000 + 19_000);
        world.text(a, "42[\"alive\"]");
        world.run(19_000);
        world.text(a, "3");
        world.settle();
        assert!(!world.clients[a].over);
    }
    assert_eq!(world.core.stats().counters.ping_timeouts, 0);
}

#[test]
fn slow_requests_end_at_their_time() {
    let head = b"GET /socket.io/?EIO=4".as_slice();
    let body = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc".as_slice();
    let abandoned = b"GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for (bytes, time) in [(b"".as_slice(), 75_000), (head, 10_000), (abandoned, 1_000)] {
        let mut world = World::new(Config::default());
        let wire = world.raw(bytes);
        world.run(time - 1);
        assert_eq!(world.net.pipes[wire.id].server_end, None);
        world.run(1);
        assert!(world.net.pipes[wire.id].server_end.is_some());
        world.net.end(wire.id, End::Fin);
        world.run(0);
        world.assert_empty(1);
    }
    // A body for nobody is read past, for as long as any.
    let mut world = World::new(Config::default());
    let wire = world.raw(body);
    world.run(29_999);
    assert_eq!(world.net.pipes[wire.id].server_end, None);
    world.run(1);
    assert!(world.net.pipes[wire.id].server_end.is_some());
}

#[test]
fn a_body_that_does_not_end_ends_its_session_at_its_time() {
    let mut world = World::new(Config::default());
    let (a, socket) = world.joined(false);
    let sid = world.clients[a].sid.clone().unwrap();
    let post = world.clients[a].post.as_ref().unwrap().id;
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n42"
    );
    world.net.write(post, head.as_bytes());
    world.clients[a].answers_pings = false;
    let start = world.now;
    world.run(29_000);
    // A byte now and then does not help.
    world.net.write(post, b"[");
    world.run(start + 29_999 - world.now);
    assert!(world.disconnects().is_empty());
    world.run(1);
    assert_eq!(world.disconnects(), [(socket, Reason::TransportError)]);
    assert_eq!(world.core.stats().counters.requests_timed_out, 1);
}

#[test]
fn an_answer_nobody_reads_does_not_hold_its_link_for_ever() {
    // The session of a poll that is never read ends by its heartbeat; the link has to go too.
    let mut world = World::new(Config::default());
    let (a, socket) = world.joined(false);
    stall(&mut world, a);
    world.tell(socket, &"x".repeat(1_000));
    world.run(300_000);
    assert_eq!(world.core.stats().connections, 0);
    assert_eq!(world.core.stats().links, 0, "{:?}", world.core.stats());
    world.assert_empty(1);
    // The same for an answer on the way out.
    let config = Config { health_path: Some("/health".into()), ..Config::default() };
    let mut world = World::new(config);
    let wire = world.dial(10).unwrap();
    world.net.write(wire.id, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    world.run(300_000);
    world.assert_empty(1);
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut world = World::new(limits(|limits| {
        (limits.max_handshakes_per_second, limits.handshake_burst) = (10, 4);
    }));
    world.now = 10_000;
    let (a, _) = world.joined(true);
    world.now = 5;
    // The rate of admission and a drain count from before.
    let b = world.client();
    world.open_polling(b);
    world.settle();
    world.core.drain(1, "bye").unwrap();
    world.settle();
    world.now = 10_000;
    world.run(200_000);
    assert!(world.clients[a].over && world.clients[b].over);
    world.assert_empty(1);
}

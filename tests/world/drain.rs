//! The drain: its pace, its end, and what clients are told. Figures are in `benches/storms`.

use crate::overload::{POLLING, UPGRADE};
use crate::parse::{self, Frame};
use crate::world::{Seen, World, root};
use roomcast::{Config, Error, Message, Reason, Target};

/// What the drain has done so far: close frames of WebSockets, and how many sockets are left.
fn drained(world: &World) -> (usize, usize) {
    let closed = world.clients.iter().filter(|client| client.close_frame == Some(Some(1012))).count();
    (closed, world.core.stats().sockets)
}

#[test]
fn a_drain_goes_at_its_pace_and_tells_when_it_is_done() {
    let config = Config { health_path: Some("/health".into()), ..Config::default() };
    let mut world = World::new(config);
    for _ in 0..20 {
        world.joined(true);
    }
    world.take_seen();
    assert_eq!(world.core.drain(0, "x"), Err(Error::BadValue("per_second: it is 1 or more")));
    assert_eq!(
        world.core.drain(1, &"x".repeat(124)),
        Err(Error::TooLarge("reason: it is at most 123 bytes"))
    );
    assert!(!world.core.is_draining());
    let ns = root(&world);
    world.core.emit(Target::all(ns), Message::new("before", "[]")).unwrap();
    world.core.drain(4, "deploy").unwrap();
    world.settle();
    assert_eq!(drained(&world), (1, 19), "the first goes at once");
    world.run(1_000);
    assert_eq!(drained(&world), (5, 15));
    // Those that are left go on as ever.
    world.core.emit(Target::all(ns), Message::new("while", "[]")).unwrap();
    world.settle();
    assert_eq!(world.clients.iter().filter(|client| client.events().len() == 2).count(), 15);
    // Nobody comes in, and a balancer sees why.
    let refused = world.ask(POLLING);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(world.ask(UPGRADE).status, 503);
    let health = world.ask("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(health.status, 503);
    assert!(health.text().contains(r#""status":"draining""#), "{}", health.text());
    // A second call changes the pace: two at once and then ten in each second.
    world.core.drain(10, "deploy").unwrap();
    world.run(500);
    assert_eq!(drained(&world), (11, 9));
    assert!(!world.seen.contains(&Seen::Drained));
    world.run(1_000);
    assert_eq!(drained(&world), (20, 0));
    let seen = world.take_seen();
    let ends = seen
        .iter()
        .filter(|event| matches!(event, Seen::Disconnect { reason: Reason::ServerShuttingDown, .. }));
    assert_eq!(ends.count(), 20);
    assert_eq!(seen.iter().filter(|event| **event == Seen::Drained).count(), 1);
    assert_eq!(seen.last(), Some(&Seen::Drained));
    assert!(world.clients.iter().all(|client| client.events()[0].1 == r#"["before"]"#));
    let counters = world.core.stats().counters;
    assert_eq!((counters.drained, counters.handshakes_while_draining), (20, 2));
    // It stays so, and says so once; whoever drains again is told again.
    world.run(10_000);
    assert!(world.take_seen().is_empty());
    world.core.drain(100, "again").unwrap();
    world.run(10_000);
    assert_eq!(world.take_seen(), [Seen::Drained]);
    assert_eq!(world.ask(UPGRADE).status, 503);
    world.core.stop_draining();
    world.joined(true);
    assert!(!world.core.stats().draining);
}

#[test]
fn a_drain_over_polling_is_a_close_packet_in_the_next_poll() {
    let mut world = World::new(Config::default());
    let (waits, _) = world.joined(false);
    let (between, socket) = world.joined(false);
    world.clients[between].polls = false;
    // It takes the poll that is open, so this client is between two polls when its turn comes.
    world.core.send(socket, Message::new("m", "[]")).unwrap();
    world.settle();
    world.core.drain(1_000, "").unwrap();
    world.run(100);
    assert_eq!(world.clients[waits].engine.last().unwrap(), "1");
    assert!(!world.seen.contains(&Seen::Drained), "the other has yet to be told");
    world.clients[between].ask(&mut world.net);
    world.settle();
    assert_eq!(world.clients[between].engine.last().unwrap(), "1");
    assert_eq!(world.seen.last(), Some(&Seen::Drained));
    // No disconnect packet: after one of those a stock client would not come again.
    let told = world.clients.iter().flat_map(|client| &client.inbox).filter(|packet| packet.kind == '1');
    assert_eq!(told.count(), 0);
}

#[test]
fn a_drain_that_is_stopped_keeps_those_that_are_left() {
    let mut world = World::new(Config { guard_handshakes: true, ..Config::default() });
    let allow = |world: &mut World| {
        for event in world.take_seen() {
            if let Seen::Handshake(conn) = event {
                world.core.allow(conn).unwrap();
            }
        }
        world.settle();
    };
    for _ in 0..10 {
        let at = world.client();
        world.open_websocket(at);
        world.settle();
        allow(&mut world);
        world.join_namespace(at, "/");
    }
    world.core.drain(10, "").unwrap();
    world.run(300);
    world.core.stop_draining();
    world.run(60_000);
    assert_eq!(drained(&world), (4, 6));
    assert!(!world.seen.contains(&Seen::Drained));
}

#[test]
fn who_waits_for_the_hosts_decision_when_a_drain_begins_is_told_to_look_elsewhere() {
    let config = Config { guard_handshakes: true, refusal_events: true, ..Config::default() };
    let mut world = World::new(config);
    let there = world.client();
    world.open_websocket(there);
    world.settle();
    let asked = |world: &mut World| {
        let seen = world.take_seen().into_iter();
        seen.filter_map(|event| if let Seen::Handshake(conn) = event { Some(conn) } else { None }).collect()
    };
    let first: Vec<_> = asked(&mut world);
    world.core.allow(first[0]).unwrap();
    world.settle();
    let mut waiting = [POLLING, UPGRADE].map(|request| world.raw(request.as_bytes()));
    world.settle();
    let undecided: Vec<_> = asked(&mut world);
    assert_eq!(undecided.len(), 2);
    // What the host has said of its answer goes with the handshake.
    world.core.add_header(undecided[0], "Set-Cookie", "a=1").unwrap();
    world.core.drain(1_000, "").unwrap();
    world.settle();
    for wire in &mut waiting {
        let refused = world.answer(wire);
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        assert_eq!((refused.header("connection"), refused.header("set-cookie")), (Some("close"), None));
    }
    for conn in undecided {
        assert_eq!(world.core.allow(conn), Err(Error::Gone));
    }
    world.run(1_000);
    let seen = world.take_seen();
    assert_eq!(seen.iter().filter(|event| **event == Seen::Refused(6)).count(), 2);
    assert_eq!(seen.last(), Some(&Seen::Drained));
    assert_eq!(world.core.stats().counters.handshakes_while_draining, 2);
}

#[test]
fn each_drain_is_told_of_once_and_a_change_of_pace_is_none() {
    let mut world = World::new(Config::default());
    for _ in 0..2 {
        for _ in 0..10 {
            world.joined(true);
        }
        world.core.drain(1, "").unwrap();
        world.settle();
        world.core.drain(1_000, "").unwrap();
        world.run(1_000);
        let told = |seen: &[Seen]| seen.iter().filter(|event| **event == Seen::Drained).count();
        assert_eq!(told(&world.take_seen()), 1);
        world.core.drain(1, "").unwrap();
        world.run(1_000);
        assert_eq!(world.take_seen(), [Seen::Drained]);
        world.core.stop_draining();
        world.core.drain(1, "").unwrap();
        world.core.stop_draining();
        world.settle();
        assert_eq!(world.take_seen(), []);
    }
}

#[test]
fn an_empty_broker_is_drained_at_once_and_a_shut_down_one_does_not_drain() {
    let mut world = World::new(Config::default());
    world.core.drain(1, "").unwrap();
    world.settle();
    assert_eq!(world.take_seen(), [Seen::Drained]);
    world.core.shut_down();
    assert!(!world.core.is_draining());
    world.core.reopen();
    world.joined(true);
    world.core.stop_draining();
}

#[test]
fn the_reason_is_in_the_close_frame() {
    let mut world = World::new(Config::default());
    let wire = world.raw(UPGRADE.as_bytes());
    world.settle();
    world.core.drain(1, "deploy 7").unwrap();
    world.settle();
    let mut bytes = Vec::new();
    world.net.read(wire.id, usize::MAX, &mut bytes);
    assert!(bytes.ends_with(b"\x88\x0a\x03\xf4deploy 7"));
    let mut at = bytes.len() - 12;
    assert_eq!(parse::frame(&bytes, &mut at, false), Some(Frame::Close(Some(1012))));
}

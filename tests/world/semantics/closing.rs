//! Every end of a connection, and what it leaves: nothing.

use super::*;
use crate::overload::{POLLING, UPGRADE};

#[test]
fn every_way_to_end_leaves_nothing() {
    for websocket in BOTH {
        for way in 0..12 {
            let mut world = World::new(Config::default());
            world
                .core
                .add_pattern(
                    "/t-*",
                    PatternOptions { guarded: false, remove_when_empty: true, ..PatternOptions::default() },
                )
                .unwrap();
            let (a, socket) = world.joined(websocket);
            let inner = world.join_namespace(a, "/t-1");
            let ns = root(&world);
            world.core.join(socket, "r").unwrap();
            world.core.join(inner, "r").unwrap();
            world.core.emit_with_ack(Target::all(ns), Message::new("q", "[]"), Some(1 << 40), 0).unwrap();
            world.settle();
            world.take_seen();
            let reason = match way {
                0 | 1 => {
                    let end = if way == 0 { End::Fin } else { End::Reset };
                    world.clients[a].leave(&mut world.net, Some(end));
                    if websocket { Reason::TransportClose } else { Reason::TransportError }
                }
                2 => {
                    world.clients[a].leave(&mut world.net, None);
                    Reason::PingTimeout
                }
                3 => {
                    world.text(a, "1");
                    Reason::TransportClose
                }
                4 => {
                    world.text(a, "abc");
                    Reason::ParseError
                }
                5 => {
                    world.text(a, "42[");
                    Reason::ForcedClose
                }
                6 => {
                    world.text(a, "42/elsewhere,[\"x\"]");
                    Reason::ForcedServerClose
                }
                7 => {
                    world.clients[a].send(&mut world.net, Out::Binary(vec![1]));
                    Reason::ForcedClose
                }
                8 => {
                    world.core.disconnect(inner, true).unwrap();
                    Reason::ServerNamespaceDisconnect
                }
                9 => {
                    let conn = world.core.conn_of(socket).unwrap();
                    world.core.close_connection(conn).unwrap();
                    Reason::ForcedClose
                }
                10 => {
                    world.core.shut_down();
                    Reason::ServerShuttingDown
                }
                _ => {
                    world.text(a, "2");
                    Reason::TransportError
                }
            };
            world.run(100_000);
            let got = world.take_seen();
            let ends: Vec<Reason> = got
                .iter()
                .filter_map(|event| match event {
                    Seen::Disconnect { reason, rooms, .. } => {
                        assert_eq!(rooms, &["r"]);
                        Some(*reason)
                    }
                    _ => None,
                })
                .collect();
            let seen_reason = |reason: Reason| match reason {
                // A violation may be called either.
                Reason::ForcedServerClose => Reason::ForcedClose,
                other => other,
            };
            let ends: Vec<_> = ends.into_iter().map(seen_reason).collect();
            assert_eq!(ends, [seen_reason(reason); 2], "way {way} websocket {websocket}");
            assert!(got.contains(&Seen::Removed("/t-1".into())), "way {way} websocket {websocket}");
            assert!(
                got.iter().any(|event| matches!(event, Seen::AckEnd { missing: 1, timed_out: false, .. }))
            );
            world.clients[a].leave(&mut world.net, Some(End::Fin));
            world.run(200_000);
            world.assert_empty(1);
        }
    }
}

#[test]
fn closing_waits_for_the_close_handshake_and_not_longer_than_its_time() {
    let mut world = World::new(Config::default());
    let (a, socket) = world.joined(true);
    stall(&mut world, a);
    world.tell(socket, &"x".repeat(1_000));
    world.core.disconnect(socket, true).unwrap();
    let start = world.now;
    world.run(4_999);
    assert_eq!(world.core.stats().connections, 1);
    world.run(start + 5_000 - world.now);
    assert_eq!((world.core.stats().connections, world.core.stats().links), (0, 0));
    // One that reads but does not answer the close frame.
    let (b, socket) = world.joined(true);
    world.core.disconnect(socket, true).unwrap();
    world.turn();
    assert_eq!(world.core.stats().connections, 0);
    world.now += 5_000;
    world.turn();
    assert_eq!(world.core.stats().links, 0);
    world.clients[b].pump(&mut world.net, usize::MAX);
    assert_eq!(world.clients[b].close_frame, Some(None));
}

#[test]
fn a_polling_client_between_two_polls_is_told_by_the_next_and_not_after_thirty_seconds() {
    for late in [false, true] {
        let mut world = World::new(Config::default());
        let (a, socket) = world.joined(false);
        world.clients[a].polls = false;
        world.tell(socket, "1");
        world.settle();
        world.tell(socket, "2");
        world.core.disconnect(socket, true).unwrap();
        world.run(29_999);
        assert_eq!(world.core.stats().connections, 1);
        if late {
            world.run(1);
        }
        // What was queued comes first, and the end with the poll after it.
        for _ in 0..2 {
            world.clients[a].ask(&mut world.net);
            world.settle();
        }
        assert_eq!(world.words(a), if late { "1" } else { "1 2" });
        assert!(world.clients[a].over);
        assert_eq!(world.core.stats().connections, 0);
    }
}

#[test]
fn shutting_down_tells_everyone_and_frees_the_links() {
    let mut world = World::new(Config { guard_handshakes: true, ..Config::default() });
    let mut sessions = Vec::new();
    for websocket in [true, false, true, false] {
        let a = world.client();
        if websocket {
            world.open_websocket(a)
        } else {
            world.open_polling(a)
        }
        world.settle();
        let conn = world.take_seen().into_iter().find_map(|event| match event {
            Seen::Handshake(conn) => Some(conn),
            _ => None,
        });
        sessions.push((a, conn.unwrap()));
    }
    // Two are let in, two wait for the host.
    for &(a, conn) in &sessions[..2] {
        world.core.allow(conn).unwrap();
        world.settle();
        let socket = world.join_namespace(a, "/");
        world.tell(socket, "last");
    }
    let mut asking = [POLLING, UPGRADE].map(|request| world.raw(request.as_bytes()));
    world.settle();
    world.core.shut_down();
    world.settle();
    for &(a, _) in &sessions[..2] {
        assert_eq!(world.words(a), "last");
        assert!(world.clients[a].over);
    }
    // Who waits is told that nobody is let in any more, as one who comes while the broker drains.
    for wire in &mut asking {
        let refused = world.answer(wire);
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    }
    assert_eq!(world.core.stats().counters.handshakes_while_draining, 4);
    for &(_, conn) in &sessions[2..] {
        assert_eq!(world.core.allow(conn), Err(Error::Gone));
    }
    assert_eq!(world.core.stats().links, 0, "{:?}", world.core.stats());
    world.assert_empty(1);
    let wire = world.dial(ROOM);
    assert!(wire.is_none(), "nobody is let in any more");
    world.core.reopen();
    assert!(world.dial(ROOM).is_some());
}

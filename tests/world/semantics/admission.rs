//! Handshakes and namespaces that a host lets in, and a client that asks twice.

use super::*;

#[test]
fn a_namespace_asked_for_twice_is_answered_once_and_nothing_ends() {
    for websocket in BOTH {
        for settles in BOTH {
            let mut world = World::new(Config::default());
            world.core.add_namespace("/x", NamespaceOptions::default()).unwrap();
            let (a, _) = world.joined(websocket);
            world.take_seen();
            for connect in ["40/x,", "40/x,{\"again\":true}", "42/x,[\"on\"]"] {
                world.text(a, connect);
                if settles {
                    world.settle();
                }
            }
            world.settle();
            let answers = world.clients[a].inbox.iter().filter(|packet| packet.nsp == "/x").count();
            let seen = world.take_seen();
            let connects = seen.iter().filter(|event| matches!(event, Seen::Connect { .. })).count();
            let messages = seen.iter().filter(|event| matches!(event, Seen::Message { .. })).count();
            assert_eq!((answers, connects, messages, seen.len()), (1, 1, 1, 2), "{seen:?}");
            assert!(!world.clients[a].over);
        }
    }
}

#[test]
fn a_guarded_handshake_over_websocket_goes_on_once_it_is_allowed() {
    let mut world = World::new(Config { guard_handshakes: true, ..Config::default() });
    let a = world.client();
    world.open_websocket(a);
    // Frames that came with the request are not lost.
    world.text(a, "40");
    world.text(a, &format!("42[\"{}\"]", "n".repeat(1_000)));
    for _ in 0..20 {
        world.text(a, &format!("42[\"e\",\"{}\"]", "x".repeat(2_000)));
    }
    world.settle();
    let seen = world.take_seen();
    let [.., Seen::Handshake(conn)] = seen[..] else { panic!("{seen:?}") };
    world.core.allow(conn).unwrap();
    world.settle();
    assert_eq!(world.clients[a].inbox.len(), 1);
    let messages = world.take_seen().iter().filter(|event| matches!(event, Seen::Message { .. })).count();
    assert_eq!(messages, 21);
    world.text(a, "42[\"later\"]");
    world.settle();
    assert_eq!(world.take_seen().len(), 1);
}

#[test]
fn a_guarded_handshake_may_be_refused_or_left() {
    for websocket in BOTH {
        let mut world = World::new(Config { guard_handshakes: true, ..Config::default() });
        for way in 0..3 {
            let a = world.client();
            if websocket {
                world.open_websocket(a)
            } else {
                world.open_polling(a)
            }
            world.settle();
            let conn = world.take_seen().into_iter().rev().find_map(|event| match event {
                Seen::Handshake(conn) => Some(conn),
                _ => None,
            });
            let conn = conn.unwrap();
            match way {
                0 => world.core.refuse(conn, "go away").unwrap(),
                1 => world.clients[a].leave(&mut world.net, Some(End::Fin)),
                _ => world.run(45_000),
            }
            world.settle();
            let responses = &world.clients[a].responses;
            match way {
                0 => {
                    let [response] = &responses[..] else { panic!() };
                    // The reference ends each upgrade that it refuses with 400.
                    assert_eq!(response.status, if websocket { 400 } else { 403 });
                    assert!(response.text().contains("go away"));
                }
                1 => assert!(responses.is_empty()),
                _ => {
                    let [response] = &responses[..] else { panic!() };
                    assert_eq!((response.status, response.header("Retry-After")), (503, Some("1")));
                }
            }
            assert_eq!(world.core.stats().counters.handshakes_undecided, u64::from(way == 2));
            assert_eq!(world.core.allow(conn), Err(Error::Gone));
            world.clients[a].leave(&mut world.net, Some(End::Fin));
            world.run(1);
            world.assert_empty(1);
        }
    }
}

#[test]
fn a_namespace_by_pattern_lives_as_long_as_it_is_needed() {
    let mut world = World::new(limits(|limits| limits.max_namespaces_per_connection = 2));
    world
        .core
        .add_pattern(
            "/g-*",
            PatternOptions { guarded: true, remove_when_empty: true, ..PatternOptions::default() },
        )
        .unwrap();
    let kept = PatternOptions { remove_when_empty: false, ..PatternOptions::default() };
    world.core.add_pattern("/s-*", kept).unwrap();
    let (a, _) = world.joined(true);
    world.take_seen();
    // Rejected: gone again.
    world.text(a, "40/g-1,");
    world.settle();
    let request = |world: &mut World| {
        let socket = world.take_seen().into_iter().find_map(|event| match event {
            Seen::Request { socket, .. } => Some(socket),
            _ => None,
        });
        socket.unwrap()
    };
    let socket = request(&mut world);
    world.core.reject(socket, "no", Some("{\"why\":1}")).unwrap();
    world.settle();
    assert_eq!(world.clients[a].heard("/g-1"), ["4{\"message\":\"no\",\"data\":{\"why\":1}}"]);
    assert_eq!(world.take_seen(), [Seen::Removed("/g-1".into())]);
    // Left while undecided: gone again.
    let (b, _) = world.joined(false);
    world.text(b, "40/g-2,");
    world.settle();
    assert!(world.core.find_namespace("/g-2").is_some());
    world.clients[b].leave(&mut world.net, Some(End::Fin));
    world.settle();
    assert!(world.core.find_namespace("/g-2").is_none());
    // Accepted, left, and made again with nothing of the old.
    world.take_seen();
    for _ in 0..2 {
        world.text(a, "40/g-3,");
        world.settle();
        let socket = request(&mut world);
        world.core.accept(socket).unwrap();
        let ns = world.core.find_namespace("/g-3").unwrap();
        assert_eq!(world.core.rooms_in(ns).unwrap().count(), 0);
        world.core.join(socket, "r").unwrap();
        world.settle();
        world.text(a, "41/g-3,");
        world.settle();
        assert_eq!(world.core.emit(Target::all(ns), Message::new("m", "[]")), Err(Error::Gone));
    }
    // One that is not to go stays.
    world.join_namespace(a, "/s-1");
    // One namespace too many is refused, and leaves no namespace behind.
    world.text(a, "40/g-4,");
    world.settle();
    assert_eq!(world.clients[a].heard("/g-4"), ["4{\"message\":\"Too many namespaces\"}"]);
    assert!(world.core.find_namespace("/g-4").is_none(), "nobody is in it");
    world.clients[a].leave(&mut world.net, Some(End::Fin));
    world.run(1);
    world.assert_empty(2);
}

#[test]
fn binary_goes_both_ways_with_acks() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let ns = root(&world);
        let (a, socket) = world.joined(websocket);
        world.take_seen();
        world.text(a, "452-7[\"b\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]");
        world.clients[a].send(&mut world.net, Out::Binary(vec![]));
        world.clients[a].send(&mut world.net, Out::Binary(vec![0, 255, 0x1e]));
        world.settle();
        let seen = world.take_seen();
        let [Seen::Message { attachments, ack: Some(7), .. }] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(attachments, &[vec![], vec![0, 255, 0x1e]]);
        let args = "[{\"_placeholder\":true,\"num\":0}]";
        world.core.ack(socket, 7, args, &[&[1, 2]]).unwrap();
        world.core.emit(Target::all(ns), Message::new("m", args).attach(&[&[9; 300]])).unwrap();
        assert_eq!(
            world.core.emit(
                Target::all(ns),
                Message::new("m", "[{\"_placeholder\":true,\"num\":1}]").attach(&[b""])
            ),
            Err(Error::BadAttachments)
        );
        world.settle();
        let [ack, event] = &world.clients[a].inbox[1..] else { panic!() };
        assert_eq!((ack.kind, ack.id, &ack.attachments[..]), ('6', Some(7), &[vec![1, 2]][..]));
        assert_eq!((event.kind, &event.attachments[..]), ('5', &[vec![9; 300]][..]));
        // Half a binary event dies with its socket.
        world.text(a, "451-[\"b\",{\"_placeholder\":true,\"num\":0}]");
        world.settle();
        world.clients[a].leave(&mut world.net, Some(End::Reset));
        world.run(1);
        world.assert_empty(1);
    }
}

//! Sockets that the host has yet to let in: what is emitted to them waits.

use super::*;

/// A client that asks to be let into the guarded namespace `/g`.
fn asking(websocket: bool, config: Config) -> (World, usize, NamespaceId, SocketId) {
    let mut world = World::new(config);
    let options = NamespaceOptions { guarded: true, ..NamespaceOptions::default() };
    let ns = world.core.add_namespace("/g", options).unwrap();
    let a = world.client();
    if websocket {
        world.open_websocket(a)
    } else {
        world.open_polling(a)
    }
    world.settle();
    world.text(a, "40/g,{\"token\":1}");
    world.settle();
    let seen = world.take_seen();
    let [Seen::Request { socket, auth, .. }] = &seen[1..] else {
        // The namespace's own creation comes first.
        panic!("{seen:?}")
    };
    assert_eq!(auth, "{\"token\":1}");
    let socket = *socket;
    (world, a, ns, socket)
}

#[test]
fn what_is_emitted_to_a_socket_that_is_asking_waits_until_it_is_let_in() {
    for websocket in BOTH {
        let (mut world, a, ns, socket) = asking(websocket, Config::default());
        assert!(world.core.join(socket, "r").unwrap());
        assert!(world.core.join(socket, "s").unwrap());
        assert!(world.core.leave(socket, "s").unwrap());
        assert_eq!(world.core.is_member(socket, "r"), Ok(true));
        assert_eq!(world.core.is_member(socket, "s"), Ok(false));
        let own = world.core.socket_sid(socket).unwrap().to_owned();
        assert_eq!(world.core.rooms_of(socket).unwrap().collect::<Vec<_>>(), [&*own, "r"]);
        let to = |world: &mut World, target: Target<'_>, word: &str| {
            world.say(target, word, Delivery::Reliable).recipients
        };
        assert_eq!(to(&mut world, Target::rooms(ns, &["r"]), "room"), 1);
        assert_eq!(to(&mut world, Target::rooms(ns, &["r", &own]), "twice"), 1);
        assert_eq!(to(&mut world, Target::rooms(ns, &["s"]), "never"), 0);
        assert_eq!(to(&mut world, Target::all(ns), "all"), 1);
        assert_eq!(to(&mut world, Target::all(ns).except(&[socket]), "never"), 0);
        assert_eq!(to(&mut world, Target::all(ns).except_rooms(&["r"]), "never"), 0);
        assert_eq!(to(&mut world, Target::sockets(ns, &[]), "never"), 0);
        world.core.send(socket, Message::new("m", "[\"sent\"]")).unwrap();
        world.settle();
        assert_eq!(world.words(a), "", "before the CONNECT");
        assert!(world.core.queued_bytes(socket).unwrap() > 0);
        // It has not sent anything that could be acknowledged.
        assert_eq!(world.core.ack(socket, 1, "[]", &[]), Err(Error::WrongState));
        world.core.accept(socket).unwrap();
        assert_eq!(world.core.queued_bytes(socket), Ok(0));
        assert_eq!(world.core.accept(socket), Err(Error::WrongState));
        assert_eq!(world.core.reject(socket, "no", None), Err(Error::WrongState));
        assert_eq!(world.core.is_member(socket, "r"), Ok(true));
        assert_eq!(world.core.is_member(socket, "s"), Ok(false));
        assert_eq!(to(&mut world, Target::rooms(ns, &["r"]), "late"), 1);
        world.settle();
        assert_eq!(world.words(a), "room twice all sent late");
        assert_eq!(world.clients[a].inbox[0].kind, '0', "the CONNECT comes first");
        assert_eq!(world.core.stats().queued_bytes, 0);
    }
}

#[test]
fn what_waits_for_a_socket_goes_by_its_class_and_with_the_socket() {
    let config = || {
        let mut config = Config::default();
        config.limits.max_backlog = 1_000;
        config
    };
    let (mut world, a, ns, socket) = asking(true, config());
    let all = Target::all(ns);
    assert_eq!(world.say(all, "volatile", Delivery::Volatile).skipped, 1);
    for (word, delivery) in [
        ("old", Delivery::Latest(7)),
        ("first", Delivery::DropOldest),
        ("new", Delivery::Latest(7)),
        ("other", Delivery::Latest(8)),
    ] {
        world.say(all, word, delivery);
    }
    for _ in 0..20 {
        world.say(all, &"d".repeat(100), Delivery::DropOldest);
    }
    world.core.accept(socket).unwrap();
    // Of a key there is one at most, also between what waited and what comes in the same tick.
    world.say(all, "newer", Delivery::Latest(8));
    world.settle();
    let words = world.words(a);
    let words: Vec<&str> = words.split(' ').collect();
    assert_eq!((words[0], *words.last().unwrap()), ("new", "newer"));
    assert!(words.len() > 3 && !words.contains(&"first") && !words.contains(&"other"), "{words:?}");
    let counters = world.core.stats().counters;
    assert_eq!((counters.dropped_volatile, counters.replaced_latest), (1, 2));
    assert!(counters.dropped_oldest > 10);
    // The one that the newer one replaced was on its way already.
    assert_eq!(counters.deliveries, words.len() as u64 + 1);

    // Past the bound the connection goes, as with any other that does not take what it gets.
    let (mut world, a, ns, _) = asking(true, config());
    for _ in 0..12 {
        world.say(Target::all(ns), &"r".repeat(100), Delivery::Reliable);
    }
    world.settle();
    assert!(matches!(&world.take_seen()[..], [Seen::Disconnect { reason: Reason::SlowConsumer, .. }]));
    assert_eq!(world.core.stats().counters.slow_consumers, 1);
    assert_eq!(world.core.stats().queued_bytes, 0);
    assert_eq!(world.words(a), "");

    // One that is turned away hears nothing, and a question to it ends.
    let (mut world, a, ns, socket) = asking(true, config());
    world.say(Target::all(ns), "secret", Delivery::Reliable);
    let (_, ack) = world.core.emit_with_ack(Target::all(ns), Message::new("q", "[]"), None, 0).unwrap();
    world.core.reject(socket, "no", None).unwrap();
    world.settle();
    assert!(
        matches!(&world.take_seen()[..], [Seen::AckEnd { ack: ended, missing: 1, .. }] if Some(*ended) == ack)
    );
    let stats = world.core.stats();
    assert_eq!((world.words(a), stats.queued_bytes, stats.counters.deliveries), (String::new(), 0, 0));
}

#[test]
fn what_waits_for_all_sockets_of_one_connection_has_one_bound() {
    let asking_in_six = || {
        let (mut world, a, first, _) = asking(true, small_backlog());
        let mut all = vec![first];
        for name in ["/g1", "/g2", "/g3", "/g4", "/g5"] {
            let options = NamespaceOptions { guarded: true, ..NamespaceOptions::default() };
            all.push(world.core.add_namespace(name, options).unwrap());
            world.text(a, &format!("40{name},"));
        }
        world.settle();
        world.take_seen();
        (world, all)
    };
    let text = "x".repeat(600);

    // Two are the bound and one message; there is no room for more, in whichever namespace.
    let (mut world, all) = asking_in_six();
    for &ns in &all {
        world.say(Target::all(ns), &text, Delivery::DropOldest);
    }
    let queued = world.core.stats().queued_bytes;
    assert!((1_200..1_600 + 20).contains(&queued), "{queued}");
    assert_eq!(world.core.stats().counters.dropped_oldest, 4);

    // What must not be dropped ends the connection, as anywhere past the bound.
    for delivery in [Delivery::Reliable, Delivery::Latest(3)] {
        let (mut world, all) = asking_in_six();
        for &ns in &all[..2] {
            world.say(Target::all(ns), &text, delivery);
        }
        // The newest of a key takes the place of the one before, however full it is.
        if delivery != Delivery::Reliable {
            world.say(Target::all(all[1]), &text, delivery);
            assert_eq!(world.core.stats().counters.replaced_latest, 1);
        }
        world.settle();
        assert_eq!(world.disconnects(), []);
        world.say(Target::all(all[2]), "one more", delivery);
        world.settle();
        let ends = world.disconnects();
        assert_eq!(ends.len(), 6);
        assert!(ends.iter().all(|(_, reason)| *reason == Reason::SlowConsumer), "{ends:?}");
        assert_eq!(world.core.stats().counters.slow_consumers, 1);
        assert_eq!(world.core.stats().queued_bytes, 0);
    }
}

#[test]
fn a_question_to_a_socket_that_is_asking_is_answered_by_it_when_it_is_in() {
    let (mut world, a, ns, socket) = asking(true, Config::default());
    world.clients[a].acks = true;
    let message = Message::new("q", "[1,{\"_placeholder\":true,\"num\":0}]").attach(&[b"bytes"]);
    let (receipt, ack) = world.core.emit_with_ack(Target::all(ns), message, None, 0).unwrap();
    assert_eq!(receipt.recipients, 1);
    world.core.accept(socket).unwrap();
    world.settle();
    let answered = |seen: &Seen| matches!(seen, Seen::Ack { ack: it, remaining: 0, .. } if Some(*it) == ack);
    assert!(world.take_seen().iter().any(answered));
}

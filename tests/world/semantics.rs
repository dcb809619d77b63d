//! What an operation means: section 2 of the design, at the core, one test for each sentence.

use crate::client::{Carrier, Out};
use crate::limits::reached;
use crate::net::End;
use crate::world::{ROOM, Seen, World};
use roomcast::{
    Config, Delivery, Error, Limits, Message, NamespaceId, NamespaceOptions, PatternOptions, Reason,
    RoomChange, SocketId, Target,
};

fn limits(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

/// A bound of 1,000 bytes.
fn small_backlog() -> Config {
    limits(|limits| limits.max_backlog = 1_000)
}

fn root(world: &World) -> NamespaceId {
    world.core.find_namespace("/").unwrap()
}

impl World {
    fn say(&mut self, target: Target<'_>, text: &str, delivery: Delivery) -> roomcast::Receipt {
        self.core.emit(target, Message::new("m", &format!("[\"{text}\"]")).delivery(delivery)).unwrap()
    }

    fn tell(&mut self, socket: SocketId, text: &str) {
        let ns = self.core.namespace_of(socket).unwrap();
        self.say(Target::sockets(ns, &[socket]), text, Delivery::Reliable);
    }

    fn words(&self, at: usize) -> String {
        let words = self.clients[at].events().into_iter().map(|(_, data)| {
            let value: serde_json::Value = serde_json::from_str(data).unwrap();
            value[1].as_str().unwrap().chars().take(12).collect::<String>()
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn disconnects(&mut self) -> Vec<(SocketId, Reason)> {
        let seen = self.take_seen().into_iter();
        let ends = seen.filter_map(|event| match event {
            Seen::Disconnect { socket, reason, .. } => Some((socket, reason)),
            _ => None,
        });
        ends.collect()
    }
}

const BOTH: [bool; 2] = [true, false];

// ---- at call time, in one order ----

#[test]
fn an_emit_reaches_those_who_were_members_when_it_was_called() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let ns = root(&world);
        let (a, sa) = world.joined(websocket);
        let (b, sb) = world.joined(websocket);
        world.core.join(sa, "r").unwrap();
        world.say(Target::rooms(ns, &["r"]), "1", Delivery::Reliable);
        world.core.join(sb, "r").unwrap();
        world.say(Target::rooms(ns, &["r"]), "2", Delivery::Reliable);
        world.core.leave(sa, "r").unwrap();
        world.say(Target::rooms(ns, &["r"]), "3", Delivery::Reliable);
        world.core.leave_all(sb).unwrap();
        let receipt = world.say(Target::rooms(ns, &["r"]), "4", Delivery::Reliable);
        assert_eq!(receipt.recipients, 0);
        assert_eq!(world.core.rooms_in(ns).unwrap().count(), 0);
        world.settle();
        assert_eq!((world.words(a), world.words(b)), ("1 2".into(), "2 3".into()));
    }
}

#[test]
fn direct_emits_room_emits_acks_and_disconnects_keep_their_order() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let ns = root(&world);
        let (a, socket) = world.joined(websocket);
        world.core.join(socket, "r").unwrap();
        world.text(a, "425[\"q\"]");
        world.settle();
        world.tell(socket, "1");
        world.say(Target::rooms(ns, &["r"]), "2", Delivery::Reliable);
        world.core.ack(socket, 5, "[\"3\"]", &[]).unwrap();
        world.say(Target::all(ns), "4", Delivery::Reliable);
        world.core.disconnect(socket, false).unwrap();
        assert_eq!(world.core.join(socket, "r"), Err(Error::Gone));
        world.settle();
        let heard = world.clients[a].heard("/");
        assert_eq!(heard, ["2[\"m\",\"1\"]", "2[\"m\",\"2\"]", "3[\"3\"]", "2[\"m\",\"4\"]", "1"]);
        assert_eq!(world.disconnects(), [(socket, Reason::ServerNamespaceDisconnect)]);
        assert!(!world.clients[a].over);
    }
}

#[test]
fn what_was_emitted_before_a_disconnect_with_close_still_arrives() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        world.core.add_namespace("/n", NamespaceOptions::default()).unwrap();
        let (a, socket) = world.joined(websocket);
        let other = world.join_namespace(a, "/n");
        world.tell(socket, "bye");
        world.core.disconnect(socket, true).unwrap();
        world.settle();
        assert_eq!(world.clients[a].heard("/"), ["2[\"m\",\"bye\"]", "1"]);
        assert_eq!(world.clients[a].heard("/n"), ["1"]);
        assert!(world.clients[a].over);
        let reason = Reason::ServerNamespaceDisconnect;
        assert_eq!(world.disconnects(), [(socket, reason), (other, reason)]);
        world.clients[a].leave(&mut world.net, Some(End::Fin));
        world.run(40_000);
        world.assert_empty(2);
    }
}

// ---- targets ----

#[test]
fn a_target_is_a_union_minus_exceptions_and_each_gets_one_copy() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let joined: Vec<_> = (0..6).map(|at| world.joined(at % 2 == 0)).collect();
    let sockets: Vec<_> = joined.iter().map(|&(_, socket)| socket).collect();
    for &socket in &sockets[..4] {
        world.core.join(socket, "x").unwrap();
    }
    for &socket in &sockets[2..] {
        world.core.join(socket, "y").unwrap();
    }
    let own: Vec<String> =
        sockets.iter().map(|&socket| world.core.socket_sid(socket).unwrap().to_owned()).collect();
    let (x, y, xy) = (["x"], ["y"], ["x", "y"]);
    let (twice, mixed, of_1) = (["x", "x", "y", "x"], ["x", &own[5], &own[0]], [&*own[1]]);
    let dead = world.joined(true);
    world.core.disconnect(dead.1, true).unwrap();
    let (first_two, doubled) = ([sockets[0], sockets[1]], [sockets[3], sockets[3], dead.1]);
    let cases: [(Target<'_>, &[usize]); 14] = [
        (Target::all(ns), &[0, 1, 2, 3, 4, 5]),
        (Target::rooms(ns, &x), &[0, 1, 2, 3]),
        (Target::rooms(ns, &xy), &[0, 1, 2, 3, 4, 5]),
        (Target::rooms(ns, &twice), &[0, 1, 2, 3, 4, 5]),
        (Target::rooms(ns, &xy).except(&first_two), &[2, 3, 4, 5]),
        (Target::rooms(ns, &x).except_rooms(&y), &[0, 1]),
        (Target::rooms(ns, &x).except_rooms(&x), &[]),
        (Target::rooms(ns, &x).except_rooms(&of_1), &[0, 2, 3]),
        (Target::rooms(ns, &of_1), &[1]),
        (Target::rooms(ns, &mixed), &[0, 1, 2, 3, 5]),
        (Target::all(ns).except_rooms(&y).except(&first_two), &[]),
        (Target::sockets(ns, &doubled), &[3]),
        (Target::sockets(ns, &doubled).except_rooms(&x), &[]),
        (Target::rooms(ns, &["nobody", ""]), &[]),
    ];
    for (number, (target, expected)) in cases.iter().enumerate() {
        let receipt = world.say(*target, &number.to_string(), Delivery::Reliable);
        assert_eq!(receipt.recipients, expected.len(), "case {number}");
    }
    assert_eq!(world.say(Target::sockets(ns, &[]), "no", Delivery::Reliable).recipients, 0);
    assert_eq!(world.say(Target::rooms(ns, &[]), "no", Delivery::Reliable).recipients, 0);
    world.settle();
    for (at, &(client, _)) in joined.iter().enumerate() {
        let due: Vec<String> =
            (0..cases.len()).filter(|&case| cases[case].1.contains(&at)).map(|n| n.to_string()).collect();
        assert_eq!(world.words(client), due.join(" "), "client {at}");
    }
}

#[test]
fn a_target_of_one_namespace_reaches_nobody_in_another() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let other = world.core.add_namespace("/n", NamespaceOptions::default()).unwrap();
    let (a, socket) = world.joined(true);
    let inner = world.join_namespace(a, "/n");
    world.core.join(socket, "r").unwrap();
    world.core.join(inner, "r").unwrap();
    let own = world.core.socket_sid(inner).unwrap().to_owned();
    assert_eq!(world.say(Target::sockets(ns, &[inner]), "x", Delivery::Reliable).recipients, 0);
    assert_eq!(world.say(Target::rooms(ns, &[&own]), "x", Delivery::Reliable).recipients, 0);
    assert_eq!(world.say(Target::rooms(ns, &["r"]).except(&[inner]), "1", Delivery::Reliable).recipients, 1);
    assert_eq!(
        world.say(Target::rooms(other, &["r"]).except_rooms(&["q"]), "2", Delivery::Reliable).recipients,
        1
    );
    world.settle();
    assert_eq!(world.clients[a].heard("/"), ["2[\"m\",\"1\"]"]);
    assert_eq!(world.clients[a].heard("/n"), ["2[\"m\",\"2\"]"]);
    assert_eq!(world.core.members(ns, &own).unwrap().count(), 0);
    assert_eq!(world.core.members(other, &own).unwrap().collect::<Vec<_>>(), [inner]);
}

#[test]
fn somebody_elses_own_room_becomes_a_room_with_its_owner_in_it() {
    let mut world = World::new(Config { room_events: true, ..Config::default() });
    let ns = root(&world);
    let (a, sa) = world.joined(true);
    let (b, sb) = world.joined(true);
    let own = world.core.socket_sid(sa).unwrap().to_owned();
    world.core.join(sb, &own).unwrap();
    assert!(!world.core.leave(sa, "elsewhere").unwrap());
    assert_eq!(world.core.members(ns, &own).unwrap().count(), 2);
    world.say(Target::rooms(ns, &[&own]), "both", Delivery::Reliable);
    world.say(Target::all(ns).except_rooms(&[&own]), "none", Delivery::Reliable);
    world.settle();
    assert_eq!((world.words(a), world.words(b)), ("both".into(), "both".into()));
    world.take_seen();
    world.core.disconnect(sa, true).unwrap();
    world.turn();
    let seen = world.take_seen();
    let rooms = seen.iter().find_map(|event| match event {
        Seen::Disconnect { rooms, .. } => Some(rooms.clone()),
        _ => None,
    });
    assert_eq!(rooms, Some(vec![]), "its own room is not among them");
    assert!(seen.contains(&Seen::Room(RoomChange::Left(sa), own.clone())));
    assert_eq!(world.core.members(ns, &own).unwrap().collect::<Vec<_>>(), [sb]);
    world.core.disconnect(sb, true).unwrap();
    world.turn();
    assert!(world.take_seen().contains(&Seen::Room(RoomChange::Deleted, own)));
}

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
    assert_eq!((world.words(a), world.core.stats().queued_bytes), (String::new(), 0));
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

// ---- delivery classes ----

/// A client whose kernel takes 64 more bytes and which does not read; then it has something in its backlog.
fn stalled(websocket: bool, config: Config) -> (World, usize, SocketId) {
    let mut world = World::new(config);
    let (a, socket) = world.joined(websocket);
    stall(&mut world, a);
    (world, a, socket)
}

fn stall(world: &mut World, at: usize) {
    let client = &mut world.clients[at];
    client.reads = false;
    let full: Vec<usize> = client.wires().map(|wire| wire.id).collect();
    for id in full {
        world.net.pipes[id].room = 64;
    }
}

fn go_on(world: &mut World, at: usize) {
    world.clients[at].reads = true;
    let ids: Vec<usize> = world.clients[at].wires().map(|wire| wire.id).collect();
    for id in ids {
        world.net.pipes[id].room = ROOM;
        world.net.busy.push(id);
    }
    for _ in 0..4 {
        world.pump();
        world.settle();
    }
}

#[test]
fn a_volatile_in_the_tick_of_a_reliable_is_not_lost() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let (a, socket) = world.joined(websocket);
        let ns = root(&world);
        world.tell(socket, "1");
        world.say(Target::all(ns), "2", Delivery::Volatile);
        world.say(Target::all(ns), "3", Delivery::Volatile);
        world.settle();
        assert_eq!(world.words(a), "1 2 3");
        assert_eq!(world.core.stats().counters.dropped_volatile, 0);
    }
}

#[test]
fn a_volatile_behind_a_backlog_is_skipped_and_counted() {
    let (mut world, a, socket) = stalled(true, Config::default());
    let ns = root(&world);
    world.tell(socket, &format!("1{}", "x".repeat(200)));
    world.settle();
    let receipt = world.say(Target::all(ns), "2", Delivery::Volatile);
    assert_eq!((receipt.recipients, receipt.skipped), (1, 1));
    let message = Message::new("m", "[\"2\"]").volatile();
    let (receipt, ack) = world.core.emit_with_ack(Target::all(ns), message, Some(10), 0).unwrap();
    assert_eq!((receipt.skipped, ack), (1, None));
    world.tell(socket, "3");
    go_on(&mut world, a);
    world.say(Target::all(ns), "4", Delivery::Volatile);
    world.settle();
    assert!(world.words(a).starts_with("1xxx"));
    assert!(world.words(a).ends_with(" 3 4"), "{}", world.words(a));
    assert_eq!(world.core.stats().counters.dropped_volatile, 2);
}

#[test]
fn over_polling_a_volatile_waits_for_a_poll_but_not_behind_other_output() {
    let mut world = World::new(Config::default());
    let (a, socket) = world.joined(false);
    let ns = root(&world);
    world.clients[a].polls = false;
    world.tell(socket, "1");
    world.settle();
    world.tell(socket, "2");
    world.settle();
    assert_eq!(world.say(Target::all(ns), "3", Delivery::Volatile).skipped, 1);
    world.clients[a].polls = true;
    world.pump();
    world.settle();
    assert_eq!(world.say(Target::all(ns), "4", Delivery::Volatile).skipped, 0);
    world.settle();
    assert_eq!(world.words(a), "1 2 4");
}

#[test]
fn latest_is_replaced_within_a_tick_and_across_ticks() {
    for websocket in BOTH {
        let (mut world, a, socket) = {
            let mut world = World::new(Config::default());
            let (a, socket) = world.joined(websocket);
            (world, a, socket)
        };
        let ns = root(&world);
        for text in ["a1", "b1", "a2"] {
            let key = u64::from(text.as_bytes()[0]);
            world.say(Target::all(ns), text, Delivery::Latest(key));
        }
        world.tell(socket, "r");
        world.say(Target::all(ns), "a3", Delivery::Latest(97));
        world.settle();
        assert_eq!(world.words(a), "b1 r a3");
        assert_eq!(world.core.stats().counters.replaced_latest, 2);
        // Across ticks.
        if websocket {
            stall(&mut world, a);
        } else {
            world.clients[a].polls = false;
            world.tell(socket, "p");
            world.settle();
        }
        world.tell(socket, &"x".repeat(100));
        for round in 0..50 {
            world.say(Target::all(ns), &format!("a{round}"), Delivery::Latest(97));
            world.settle();
            world.say(Target::all(ns), &format!("b{round}"), Delivery::Latest(98));
            world.settle();
        }
        world.tell(socket, "end");
        world.clients[a].polls = true;
        go_on(&mut world, a);
        assert!(world.words(a).ends_with(" a49 b49 end"), "{}", world.words(a));
        let counters = world.core.stats().counters;
        assert_eq!(counters.replaced_latest, 2 + 98, "websocket {websocket}");
    }
}

#[test]
fn the_newest_of_a_key_arrives_even_past_the_bound() {
    let (mut world, a, socket) = stalled(true, small_backlog());
    let ns = root(&world);
    world.tell(socket, &"f".repeat(100));
    world.settle();
    world.say(Target::all(ns), "old", Delivery::Latest(1));
    world.settle();
    world.say(Target::all(ns), "mid", Delivery::Latest(1));
    // One message of any size fits, and then the bound is passed.
    world.tell(socket, &"x".repeat(2_000));
    world.settle();
    world.say(Target::all(ns), "new", Delivery::Latest(1));
    world.settle();
    assert!(world.disconnects().is_empty());
    go_on(&mut world, a);
    assert_eq!(world.words(a), "ffffffffffff xxxxxxxxxxxx new");
    assert_eq!(world.core.stats().counters.replaced_latest, 2);
}

#[test]
fn drop_oldest_makes_room_by_its_own_class_only() {
    let (mut world, a, socket) = stalled(true, small_backlog());
    let ns = root(&world);
    world.tell(socket, &format!("keep{}", "k".repeat(100)));
    world.settle();
    for number in 0..40 {
        world.say(Target::all(ns), &format!("n{number:02}{}", "x".repeat(90)), Delivery::DropOldest);
        world.settle();
        assert!(world.core.queued_bytes(socket).unwrap() < 1_120);
    }
    world.tell(socket, &"y".repeat(90));
    world.settle();
    let dropped = world.core.stats().counters.dropped_oldest;
    go_on(&mut world, a);
    let words = world.words(a);
    let words: Vec<&str> = words.split(' ').collect();
    assert_eq!(words.len() as u64, 42 - dropped);
    assert!(words[0].starts_with("keep") && words[1].starts_with(&format!("n{dropped:02}")), "{words:?}");
    assert!(words[words.len() - 2].starts_with("n39"));
    assert!(world.disconnects().is_empty());
}

#[test]
fn what_is_half_on_the_wire_is_neither_replaced_nor_dropped() {
    for delivery in [Delivery::Latest(1), Delivery::DropOldest] {
        let (mut world, a, socket) = stalled(true, small_backlog());
        let ns = root(&world);
        world.tell(socket, &"f".repeat(100));
        world.settle();
        for round in 0..60 {
            world.say(Target::all(ns), &format!("{round:02}{}", "x".repeat(150)), delivery);
            world.turn();
            // The kernel takes a few bytes at a time, so that a frame is cut at every place.
            world.clients[a].reads = true;
            world.clients[a].pump(&mut world.net, 7 + round % 5);
            world.clients[a].reads = false;
            world.turn();
        }
        go_on(&mut world, a);
        // Frames are whole, or the client could not read them; rounds only ever go up, and the last one is there.
        let words = world.words(a);
        let rounds: Vec<&str> = words.split(' ').skip(1).map(|word| &word[..2]).collect();
        assert!(rounds.is_sorted() && rounds.last() == Some(&"59") && rounds.len() > 3, "{rounds:?}");
        let counters = world.core.stats().counters;
        assert_eq!(counters.replaced_latest + counters.dropped_oldest, 60 - rounds.len() as u64);
    }
}

#[test]
fn a_websocket_that_takes_no_binary_frames_gets_attachments_as_text_over_any_split() {
    let mut world = World::new(Config::default());
    for upgrades in BOTH {
        let a = world.client();
        world.clients[a].base64 = true;
        if upgrades {
            world.open_polling(a);
        } else {
            world.open_websocket(a);
        }
        world.settle();
        let socket = world.join_namespace(a, "/");
        let mut sent = Vec::new();
        let mut tell = |world: &mut World| {
            let n = sent.len();
            let attachments = [vec![n as u8; n * 7], vec![1; n % 4]];
            let args = format!(r#"[{n},{{"_placeholder":true,"num":0}},{{"_placeholder":true,"num":1}}]"#);
            let parts: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
            let message = Message::new("n", &args).attach(&parts);
            world.core.send(socket, message).unwrap();
            sent.push(attachments.to_vec());
        };
        if upgrades {
            // What waited over polling goes out on the WebSocket, in its form.
            world.open_probe(a);
            world.clients[a].finishes_upgrade = false;
            world.settle();
            (0..20).for_each(|_| tell(&mut world));
            world.turn();
            world.clients[a].finishes_upgrade = true;
        }
        for round in 0..60 {
            tell(&mut world);
            world.turn();
            world.clients[a].pump(&mut world.net, 5 + round % 11);
            world.turn();
            if round == 2 {
                stall(&mut world, a);
                world.clients[a].reads = true;
            }
        }
        go_on(&mut world, a);
        let got: Vec<_> = world.clients[a].inbox.iter().filter(|packet| packet.kind == '5').collect();
        assert_eq!(got.len(), sent.len(), "upgrades: {upgrades}");
        for (n, (packet, sent)) in got.iter().zip(&sent).enumerate() {
            assert_eq!((packet.json()[1].as_u64(), &packet.attachments), (Some(n as u64), sent));
        }
    }
}

#[test]
fn a_slow_consumer_is_closed_at_the_bound_and_not_before() {
    for websocket in BOTH {
        let (mut world, a, socket) = stalled(websocket, small_backlog());
        let (b, _) = world.joined(true);
        let ns = root(&world);
        world.clients[a].polls = false;
        if !websocket {
            // The poll that is open takes the first one.
            world.tell(socket, "poll");
        }
        world.settle();
        // Queued one by one up to the bound: the message that is accepted last finds 999 bytes or less.
        let mut sent = 0;
        while world.core.queued_bytes(socket).unwrap() < 1_000 {
            world.say(Target::all(ns), &"x".repeat(85), Delivery::Reliable);
            world.settle();
            assert!(world.disconnects().is_empty());
            sent += 1;
        }
        assert_eq!(sent, 11);
        world.say(Target::all(ns), "over", Delivery::Reliable);
        world.settle();
        assert_eq!(world.disconnects(), [(socket, Reason::SlowConsumer)], "websocket {websocket}");
        assert_eq!(world.core.stats().counters.slow_consumers, 1);
        assert!(world.words(b).ends_with(" over"));
    }
}

#[test]
fn one_message_of_any_size_is_taken_by_an_empty_backlog() {
    for websocket in BOTH {
        let (mut world, a, socket) = stalled(websocket, small_backlog());
        world.tell(socket, &format!("1{}", "x".repeat(100_000)));
        world.settle();
        assert!(world.disconnects().is_empty());
        go_on(&mut world, a);
        world.tell(socket, "2");
        world.settle();
        assert!(world.words(a).starts_with("1xxx") && world.words(a).ends_with(" 2"));
    }
}

#[test]
fn many_small_messages_of_one_tick_are_judged_one_by_one() {
    let (mut world, a, socket) = stalled(true, small_backlog());
    for number in 0..12 {
        world.tell(socket, &format!("{number:02}{}", "x".repeat(78)));
    }
    world.settle();
    assert!(world.disconnects().is_empty(), "twelve messages of 90 bytes: the last found 990 before it");
    go_on(&mut world, a);
    assert_eq!(world.clients[a].events().len(), 12);
    stall(&mut world, a);
    for number in 0..14 {
        world.tell(socket, &format!("{number:02}{}", "x".repeat(78)));
    }
    world.settle();
    assert_eq!(world.disconnects(), [(socket, Reason::SlowConsumer)]);
}

#[test]
fn a_short_stretch_behind_a_full_backlog_is_judged_one_by_one_too() {
    let (mut world, a, socket) = stalled(true, small_backlog());
    for number in 0..11 {
        world.tell(socket, &format!("{number:02}{}", "x".repeat(78)));
        world.settle();
    }
    assert!(world.disconnects().is_empty());
    // The first of these finds 900 to 999 bytes, the next ones more than the bound.
    for _ in 0..3 {
        world.tell(socket, &"x".repeat(80));
    }
    world.settle();
    assert_eq!(world.disconnects(), [(socket, Reason::SlowConsumer)]);
    assert!(world.clients[a].events().len() < 11);
}

#[test]
fn a_key_of_a_namespace_that_is_gone_is_not_that_of_the_next_one() {
    let mut world = World::new(Config::default());
    let fleeting = PatternOptions { guarded: false, remove_when_empty: true, ..PatternOptions::default() };
    world.core.add_pattern("/t-*", fleeting).unwrap();
    let (a, socket) = world.joined(true);
    let inner = world.join_namespace(a, "/t-1");
    stall(&mut world, a);
    world.tell(socket, &"x".repeat(100));
    for name in ["/t-1", "/t-2"] {
        let ns = world.core.find_namespace(name).unwrap();
        world.say(Target::all(ns), name, Delivery::Latest(7));
        world.settle();
        if name == "/t-1" {
            world.core.disconnect(inner, false).unwrap();
            world.text(a, "40/t-2,");
            world.settle();
        }
    }
    go_on(&mut world, a);
    assert_eq!(world.clients[a].heard("/t-1"), [r#"2["m","/t-1"]"#, "1"]);
    assert_eq!(world.clients[a].heard("/t-2"), [r#"2["m","/t-2"]"#]);
}

// ---- namespaces ----

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

// ---- upgrade ----

/// Emits a numbered message at step `at` and lets the world go on in steps; an upgrade is under way.
#[test]
fn order_holds_across_an_upgrade_at_every_interleaving() {
    for gap in 0..24 {
        for (seed, from_client) in [(1, false), (2, true)] {
            let mut world = World::seeded(Config::default(), seed);
            let ns = root(&world);
            let (a, socket) = world.joined(false);
            let mut sent = 0;
            let mut say = |world: &mut World| {
                world.say(Target::all(ns), &sent.to_string(), Delivery::Reliable);
                if from_client {
                    world.text(a, &format!("42[\"c\",{sent}]"));
                }
                sent += 1;
            };
            let mut started = false;
            for step in 0..60 {
                if step == 5 {
                    world.open_probe(a);
                    started = true;
                }
                // Something is said at one step, at every step, and at every third.
                if step == gap + 5 || (gap > 20 && step % (gap - 20) == 0) {
                    say(&mut world);
                }
                match step % 3 {
                    0 => world.turn(),
                    1 => world.clients[a].pump(&mut world.net, if gap % 2 == 0 { usize::MAX } else { 7 }),
                    _ => world.now += u64::from(started) * 10,
                }
            }
            say(&mut world);
            world.run(1_000);
            assert_eq!(world.clients[a].carrier, Carrier::WebSocket, "gap {gap}");
            let due: Vec<String> = (0..sent).map(|number| number.to_string()).collect();
            assert_eq!(world.words(a), due.join(" "), "gap {gap}");
            let from: Vec<String> = world
                .take_seen()
                .into_iter()
                .filter_map(|event| match event {
                    Seen::Message { args, .. } => Some(args),
                    _ => None,
                })
                .collect();
            let due: Vec<String> = (0..sent).map(|number| format!("[{number}]")).collect();
            assert_eq!(from, if from_client { due } else { vec![] }, "gap {gap}");
            assert_eq!(world.core.is_websocket(world.core.conn_of(socket).unwrap()), Ok(true));
            world.clients[a].leave(&mut world.net, Some(End::Fin));
            world.run(60_000);
            world.assert_empty(1);
        }
    }
}

#[test]
fn polls_are_answered_while_an_upgrade_lasts_and_it_ends_at_its_time() {
    let mut world = World::new(Config::default());
    let (a, socket) = world.joined(false);
    world.clients[a].finishes_upgrade = false;
    world.settle();
    let start = world.now;
    world.open_probe(a);
    world.clients[a].upgrading = false;
    world.run(350);
    let noops = world.clients[a].engine.iter().filter(|packet| *packet == "6").count();
    assert_eq!(noops, 4, "at once and every 100 ms");
    world.run(start + 9_999 - world.now);
    assert_eq!(world.clients[a].close_frame, None);
    world.run(1);
    assert_eq!(world.clients[a].close_frame, Some(None));
    assert_eq!(world.core.stats().counters.upgrades_failed, 1);
    world.tell(socket, "still here");
    world.settle();
    assert_eq!(world.words(a), "still here");
    // The next attempt may succeed.
    world.clients[a].probed = false;
    world.clients[a].close_frame = None;
    world.clients[a].finishes_upgrade = true;
    world.open_probe(a);
    world.run(200);
    assert_eq!(world.clients[a].carrier, Carrier::WebSocket);
}

// ---- acks ----

fn acks(seen: Vec<Seen>) -> Vec<String> {
    let line = |event| match event {
        Seen::Ack { args, remaining, .. } => Some(format!("{args} {remaining}")),
        Seen::AckEnd { missing, timed_out, .. } => Some(format!("end {missing} {timed_out}")),
        _ => None,
    };
    seen.into_iter().filter_map(line).collect()
}

#[test]
fn acks_one_many_late_forged_and_never() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let joined: Vec<_> = (0..3).map(|at| world.joined(at != 1)).collect();
    world.take_seen();
    let ask = |world: &mut World, target: Target<'_>, timeout| {
        let (receipt, ack) = world.core.emit_with_ack(target, Message::new("q", "[]"), timeout, 0).unwrap();
        world.settle();
        (receipt.recipients, ack)
    };
    let answer = |world: &mut World, at: usize, text: &str| {
        let id = world.clients[joined[at].0].inbox.last().unwrap().id.unwrap();
        world.text(joined[at].0, &format!("43{id}[\"{text}\"]"));
        world.settle();
    };
    // One.
    ask(&mut world, Target::sockets(ns, &[joined[0].1]), None);
    answer(&mut world, 0, "a");
    answer(&mut world, 0, "again");
    assert_eq!(acks(world.take_seen()), ["[\"a\"] 0"]);
    // Forged: nobody asked this one, or not this number.
    ask(&mut world, Target::sockets(ns, &[joined[0].1]), None);
    let id = world.clients[joined[0].0].inbox.last().unwrap().id.unwrap();
    world.text(joined[1].0, &format!("43{id}[\"forged\"]"));
    world.text(joined[0].0, "4318446744073709551615[]");
    world.text(joined[0].0, "43[]");
    world.settle();
    assert_eq!(acks(world.take_seen()), [""; 0]);
    assert_eq!(world.core.stats().counters.unknown_acks, 4);
    answer(&mut world, 0, "b");
    assert_eq!(acks(world.take_seen()), ["[\"b\"] 0"]);
    // Many, and then the time is up exactly.
    let (count, ack) = ask(&mut world, Target::all(ns), Some(500));
    assert_eq!((count, ack.is_some()), (3, true));
    answer(&mut world, 1, "1");
    answer(&mut world, 0, "0");
    world.run(499);
    assert_eq!(acks(world.take_seen()), ["[\"1\"] 2", "[\"0\"] 1"]);
    world.run(1);
    assert_eq!(acks(world.take_seen()), ["end 1 true"]);
    answer(&mut world, 2, "late");
    assert_eq!(acks(world.take_seen()), [""; 0]);
    assert_eq!(world.core.stats().pending_acks, 0);
    // A timeout of 0 ends at once, nobody is asked in vain.
    ask(&mut world, Target::all(ns), Some(0));
    assert_eq!(acks(world.take_seen()), ["end 3 true"]);
    assert_eq!(ask(&mut world, Target::rooms(ns, &["nobody"]), None), (0, None));
    // Who disconnects is missing, and ends it.
    ask(&mut world, Target::all(ns), None);
    answer(&mut world, 0, "x");
    world.text(joined[1].0, "41");
    world.settle();
    world.core.disconnect(joined[2].1, true).unwrap();
    world.settle();
    assert_eq!(acks(world.take_seen()), ["[\"x\"] 2", "end 2 false"]);
    assert_eq!(world.core.stats().pending_acks, 0);
}

#[test]
fn what_the_host_gave_with_a_question_comes_back_with_each_answer_and_its_end() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let [a, b, c] = [true, false, true].map(|websocket| world.joined(websocket));
    world.take_seen();
    let ask = |world: &mut World, target: Target<'_>, timeout, context| {
        world.core.emit_with_ack(target, Message::new("q", "[]"), timeout, context).unwrap();
        world.settle();
    };
    ask(&mut world, Target::all(ns), Some(500), u64::MAX);
    ask(&mut world, Target::sockets(ns, &[c.1]), None, 7);
    ask(&mut world, Target::sockets(ns, &[b.1]), Some(0), 8);
    for (client, _) in [a, b] {
        let id = world.clients[client].inbox.iter().find_map(|packet| packet.id).unwrap();
        world.text(client, &format!("43{id}[]"));
    }
    world.run(500);
    world.text(c.0, "41");
    world.settle();
    let contexts = |seen: Vec<Seen>| {
        let of = |event| match event {
            Seen::Ack { context, .. } | Seen::AckEnd { context, .. } => Some(context),
            _ => None,
        };
        seen.into_iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(contexts(world.take_seen()), [8, u64::MAX, u64::MAX, u64::MAX, 7]);
}

#[test]
fn no_ack_number_is_used_twice_in_whatever_namespace() {
    let mut world = World::new(Config::default());
    let options = PatternOptions { remove_when_empty: true, ..PatternOptions::default() };
    world.core.add_pattern("/room-*", options).unwrap();
    let (a, _) = world.joined(true);
    let mut numbers = Vec::new();
    for nsp in ["/", "/room-1", "/room-2", "/room-1"] {
        let socket = if nsp == "/" { world.socket(a, "/").unwrap() } else { world.join_namespace(a, nsp) };
        let ns = world.core.namespace_of(socket).unwrap();
        world.core.emit_with_ack(Target::sockets(ns, &[socket]), Message::new("q", "[]"), None, 0).unwrap();
        world.settle();
        numbers.push(world.clients[a].inbox.last().unwrap().id.unwrap());
        world.take_seen();
        // What was asked before, and in another namespace, is not this question.
        for number in &numbers[..numbers.len() - 1] {
            let at = if nsp == "/" { "".into() } else { format!("{nsp},") };
            world.text(a, &format!("43{at}{number}[\"late\"]"));
        }
        world.settle();
        assert_eq!(acks(world.take_seen()), [""; 0], "{nsp}");
        if nsp != "/" {
            world.text(a, &format!("41{nsp},"));
            world.settle();
        }
    }
    assert_eq!(numbers.iter().collect::<std::collections::HashSet<_>>().len(), 4, "{numbers:?}");
}

#[test]
fn the_bound_on_pending_acks_is_that_of_the_recipients() {
    let mut world = World::new(limits(|limits| limits.max_pending_acks = 3));
    let ns = root(&world);
    let (_, sa) = world.joined(true);
    let (b, sb) = world.joined(true);
    world.core.join(sa, "a").unwrap();
    world.core.join(sb, "b").unwrap();
    let ask = |world: &mut World, room: &str| {
        world.core.emit_with_ack(Target::rooms(ns, &[room]), Message::new("q", "[]"), None, 0).map(|_| ())
    };
    for _ in 0..3 {
        ask(&mut world, "a").unwrap();
    }
    assert_eq!(reached(ask(&mut world, "a")), ("max_pending_acks", 3));
    ask(&mut world, "b").unwrap();
    world.settle();
    assert_eq!(world.clients[b].events().len(), 1);
    // Nobody gets what one of them may not be asked.
    let all = world.core.emit_with_ack(Target::all(ns), Message::new("q", "[]"), None, 0);
    assert_eq!(reached(all), ("max_pending_acks", 3));
    world.settle();
    assert_eq!(world.clients[b].events().len(), 1);
    let not_a = Target::all(ns).except_rooms(&["a"]);
    assert!(world.core.emit_with_ack(not_a, Message::new("q", "[]"), None, 0).is_ok());
    assert_eq!(world.core.stats().pending_acks, 5);
}

// ---- clocks ----

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

// ---- closing ----

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
    world.core.shut_down();
    world.settle();
    for &(a, _) in &sessions[..2] {
        assert_eq!(world.words(a), "last");
        assert!(world.clients[a].over);
    }
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

// ---- admission ----

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
            if way == 0 {
                let [response] = &world.clients[a].responses[..] else { panic!() };
                assert_eq!(response.status, 403);
                assert!(response.text().contains("go away"));
            }
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

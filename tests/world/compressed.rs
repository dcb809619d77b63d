//! Compressed messages beside plain ones: what stands for much is read in its sender's turns, in order, and keeps nobody else waiting.

use crate::client::Out;
use crate::net::End;
use crate::parse;
use crate::world::{ROOM, Seen, World, limits, root};
use roomcast::{Config, Limits, Message, Target};

/// Inflated bytes of one client in one turn.
const SHARE: usize = 10_000;

fn world(change: impl FnOnce(&mut Limits)) -> World {
    let config = limits(|limits| {
        limits.read_budget = SHARE;
        change(limits);
    });
    World::new(Config { per_message_deflate: true, compression_threshold: 100, ..config })
}

/// A client that has agreed to compress.
fn joined(world: &mut World) -> usize {
    let at = world.client();
    world.clients[at].deflates = Some(false);
    world.open_websocket(at);
    world.settle();
    world.join_namespace(at, "/");
    assert!(world.clients[at].agreed);
    world.take_seen();
    at
}

/// Frames of so many messages, each of which stands for 1,000 bytes; every third is not compressed.
fn flood(count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..count {
        let text = format!("42[\"flood\",{number},\"{}\"]", "0".repeat(985));
        match number % 3 {
            0 => parse::masked(1, text.as_bytes(), &mut bytes),
            _ => parse::masked_deflated(1, text.as_bytes(), &mut bytes),
        }
    }
    bytes
}

fn write(world: &mut World, at: usize, bytes: &[u8]) {
    let wire = world.clients[at].ws.as_ref().unwrap().id;
    world.net.write(wire, bytes);
}

/// It is not read until what it has sent was looked at.
fn is_paused(world: &World, at: usize) -> bool {
    world.net.pipes[world.clients[at].ws.as_ref().unwrap().id].paused
}

/// The numbers of the messages that the host has got.
fn numbers(seen: &[Seen]) -> Vec<usize> {
    let number = |seen: &Seen| match seen {
        Seen::Message { name, args, .. } if name == "flood" => {
            Some(args[1..].split(',').next().unwrap().parse().unwrap())
        }
        _ => None,
    };
    seen.iter().filter_map(number).collect()
}

#[test]
fn what_stands_for_much_is_read_in_parts_and_in_order() {
    let mut world = world(|_| {});
    world.splits = true;
    let at = joined(&mut world);
    write(&mut world, at, &flood(200));
    // And what it says next comes behind all that.
    world.text(at, "42[\"flood\",200,\"\"]");
    let mut all = Vec::new();
    let mut turns = 0;
    while all.len() <= 200 {
        world.turn();
        let seen = numbers(&world.take_seen());
        assert!(seen.len() <= 2 * SHARE / 1_000 + 2, "{} messages in a turn", seen.len());
        assert!(turns < 200, "{} messages in {turns} turns", all.len());
        all.extend(seen);
        turns += 1;
    }
    assert_eq!(all, (0..=200).collect::<Vec<_>>());
    assert!(turns >= 5, "{turns}");
    world.settle();
    assert!(!world.core.has_output(), "nothing is left to do");
}

#[test]
fn a_hundred_that_send_much_in_little_keep_nobody_waiting() {
    let mut world = world(|_| {});
    let good = joined(&mut world);
    let plain = world.joined(true).0;
    let bad: Vec<usize> = (0..100).map(|_| joined(&mut world)).collect();
    let bomb = {
        let mut bytes = Vec::new();
        parse::masked_deflated(1, format!("42[\"bomb\",\"{}\"]", "0".repeat(900_000)).as_bytes(), &mut bytes);
        bytes
    };
    assert!(bomb.len() < 2_000, "{}", bomb.len());
    for &at in &bad {
        write(&mut world, at, &bomb.repeat(8));
    }
    let first = world.core.stats().counters;
    // Until each has brought one: from then on they wait for each other.
    while bad.iter().any(|&at| !is_paused(&world, at)) {
        world.turn();
    }
    world.take_seen();
    let before = world.core.stats().counters;
    for number in 0..20 {
        for at in [good, plain] {
            world.text(at, &format!("42[\"flood\",{number},1]"));
        }
        world.turn();
        assert_eq!(numbers(&world.take_seen()), [number, number], "in the same turn");
    }
    let inflated = world.core.stats().counters.inflated_bytes - before.inflated_bytes;
    // A turn flushes twice, and each lets one of them go on.
    assert!(inflated <= 41 * 910_000, "{inflated} bytes in 20 turns");
    world.take_seen();
    while world.core.has_output() {
        world.turn();
        world.take_seen();
    }
    assert_eq!(world.core.stats().counters.inflated_messages - first.inflated_messages, 800 + 20);
}

#[test]
fn nothing_is_read_while_the_host_is_away() {
    let mut world = world(|limits| limits.max_events = 4);
    let at = joined(&mut world);
    world.drains = false;
    write(&mut world, at, &flood(100));
    world.turn();
    let held = world.core.stats().counters.messages_in;
    assert!(!world.core.has_output(), "nothing may be read, so there is nothing to do");
    for _ in 0..10 {
        world.turn();
    }
    assert_eq!(world.core.stats().counters.messages_in, held);
    world.drains = true;
    world.settle();
    assert_eq!(numbers(&world.take_seen()), (0..100).collect::<Vec<_>>());
}

#[test]
fn what_is_unread_ends_with_its_link() {
    for end in [End::Reset, End::Fin] {
        let mut world = world(|_| {});
        // Others take the places of those that went, and read nothing that was theirs.
        for round in 0..50 {
            let at = joined(&mut world);
            write(&mut world, at, &flood(40));
            world.turn();
            let mut all = numbers(&world.take_seen());
            assert!(!all.is_empty() && all.len() < 40);
            if end == End::Fin || round % 2 == 0 {
                // One that has ended its side in good order was read to the end first.
                world.clients[at].leave(&mut world.net, Some(end));
                world.settle();
                all.extend(numbers(&world.take_seen()));
                assert_eq!(all, (0..all.len()).collect::<Vec<_>>());
                assert!(end == End::Reset || all.len() == 40, "{} of 40", all.len());
            } else {
                let socket = world.socket(at, "/").unwrap();
                world.core.disconnect(socket, true).unwrap();
                world.settle();
                assert!(world.clients[at].over);
                world.clients[at].leave(&mut world.net, Some(End::Fin));
            }
        }
        world.run(100_000);
        assert!(!world.core.has_output());
        world.assert_empty(1);
    }
}

#[test]
fn who_takes_it_and_who_does_not_hear_the_same() {
    let mut world = world(|_| {});
    let kinds = [None, Some(false), Some(true)];
    let clients: Vec<usize> = kinds
        .iter()
        .flat_map(|&deflates| [(deflates, true), (deflates, false)])
        .map(|(deflates, websocket)| {
            let at = world.client();
            world.clients[at].deflates = deflates;
            if websocket {
                world.open_websocket(at)
            } else {
                world.open_polling(at)
            }
            world.settle();
            world.join_namespace(at, "/");
            at
        })
        .collect();
    let ns = root(&world);
    let mut expected = Vec::new();
    for round in 0..30 {
        // Those that poll go on over a WebSocket in the middle of it.
        if round == 10 {
            for &at in clients.iter().filter(|&&at| world.clients[at].may_upgrade()).collect::<Vec<_>>() {
                world.open_probe(at);
            }
        }
        let text = format!("[{round},\"{}\"]", "ab".repeat(if round % 3 == 0 { 20 } else { 300 }));
        let message = Message::new("m", &text);
        let message = if round % 4 == 3 { message.uncompressed() } else { message };
        world.core.emit(Target::all(ns), message).unwrap();
        expected.push(format!("2[\"m\",{}", &text[1..]));
        if round % 2 == 0 {
            world.turn();
            world.pump();
        }
    }
    world.settle();
    for &at in &clients {
        let client = &world.clients[at];
        assert_eq!(client.heard("/"), expected, "{:?}", client.deflates);
        assert_eq!(client.carrier, crate::client::Carrier::WebSocket);
        assert_eq!(client.agreed, client.deflates.is_some());
        assert_eq!(client.room, ROOM);
    }
    // Each was compressed once for each size of window, whoever got it so.
    let counters = world.core.stats().counters;
    assert_eq!(counters.deflated_messages, 2 * 16, "{counters:?}");
    for &at in &clients {
        world.clients[at].send(&mut world.net, Out::Text("42[\"flood\",1,2]".into()));
    }
    world.settle();
    assert_eq!(numbers(&world.take_seen()), [1; 6]);
}

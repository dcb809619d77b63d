//! The delivery classes, and what becomes of output that waits.

use super::*;

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
fn a_message_with_its_attachments_fits_an_empty_queue_whatever_its_size() {
    const ARGS: &str =
        r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]"#;
    // The kernel takes a part of it, or nothing.
    for room in [64, 0] {
        for delivery in [Delivery::Reliable, Delivery::DropOldest, Delivery::Latest(1)] {
            let (mut world, a, socket) = stalled(true, small_backlog());
            world.net.pipes[world.clients[a].ws.as_ref().unwrap().id].room = room;
            world.take_seen();
            let files = [&[7; 600][..]; 3];
            let message = Message::new("files", ARGS).attach(&files).delivery(delivery);
            world.core.send(socket, message).unwrap();
            world.settle();
            go_on(&mut world, a);
            assert_eq!(world.take_seen(), [], "{delivery:?}");
            let got = &world.clients[a].inbox.last().unwrap().attachments;
            assert_eq!(got.iter().map(Vec::len).collect::<Vec<_>>(), [600; 3], "{delivery:?}");
        }
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
fn what_a_poll_has_taken_is_not_sent_again_after_the_upgrade() {
    for base64 in BOTH {
        let mut world = World::new(Config::default());
        let (a, socket) = world.joined(false);
        world.clients[a].base64 = base64;
        world.clients[a].polls = false;
        // The poll that is open takes the first, and the next one a part of the rest.
        world.tell(socket, "0");
        world.settle();
        (1..=20).for_each(|n| world.tell(socket, &n.to_string()));
        world.settle();
        let World { clients, net, .. } = &mut world;
        clients[a].ask(net);
        world.settle();
        assert_eq!(world.words(a).split(' ').count(), 17);
        world.open_probe(a);
        world.settle();
        let World { clients, net, .. } = &mut world;
        clients[a].finish_upgrade(net);
        world.settle();
        let all: Vec<String> = (0..=20).map(|n| n.to_string()).collect();
        assert_eq!(world.words(a), all.join(" "), "base64: {base64}");
        assert_eq!(world.core.stats().queued_bytes, 0);
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

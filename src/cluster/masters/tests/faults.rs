//! Slots that move and servers that go, and what comes of each.

use super::scout::{PATIENCE, PERIOD};
use super::*;

const BAR: u16 = 5_061;

/// What was published to a channel, as it was carried out.
fn carried_out(world: &World, channel: &str) -> Vec<String> {
    let of = world.servers.carried_out.iter().filter(|(name, _)| name == channel);
    of.map(|(_, payload)| payload.clone()).collect()
}

#[test]
fn a_slot_moves_and_all_of_it_goes_along() {
    let mut world = World::up();
    world.listen("bar");
    world.listen("{bar}2");
    world.listen("foo");
    world.run();
    // What is under way when it moves comes back, and is sent again in its order.
    world.publish("bar", "0");
    world.run();
    for number in ["1", "2", "3"] {
        world.publish("bar", number);
    }
    world.move_slot(BAR, "c");
    world.run();
    for number in ["4", "5"] {
        world.publish("bar", number);
    }
    world.run();
    assert_eq!(carried_out(&world, "bar"), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(world.listening("b"), [""; 0]);
    let mut listening = world.listening("c");
    listening.sort();
    assert_eq!(listening, ["bar", "foo", "{bar}2"]);
    let heard = world.heard();
    assert_eq!(heard[0], "bar: 0");
    assert_eq!(heard[1], "down: b:1: it has ended a subscription", "{heard:?}");
    assert_eq!(heard.iter().filter(|heard| *heard == "up again").count(), 1, "{heard:?}");
    let counters = world.masters.counters();
    assert_eq!((counters.published, counters.dropped, counters.refused, counters.lost), (6, 0, 0, 0));
}

#[test]
fn who_is_told_where_a_slot_has_gone_asks_there() {
    let mut world = World::up();
    world.servers.replace("b", "d");
    world.publish("bar", "1");
    // `d` was not known. What waits is sent as soon as it is there.
    world.run();
    assert_eq!(carried_out(&world, "bar"), ["1"]);
    world.run_for(1_000);
    assert!(world.servers.commands.iter().any(|it| it == "d CLUSTER SLOTS"), "{:?}", world.servers.commands);
    assert!(world.open.values().all(|connection| connection.place != "b"), "it is left");
    assert_eq!(world.heard(), [""; 0], "nothing was missed");
}

#[test]
fn a_master_dies_and_its_replica_takes_over() {
    let mut world = World::up();
    world.listen("bar");
    world.listen("foo");
    world.masters.subscribe(Subscription::Channel, b"all");
    world.run();
    world.kill("b");
    world.run();
    assert_eq!(world.heard(), ["down: b:1: cut"]);
    assert_eq!(world.publish("bar", "early"), Published::Queued);
    assert_eq!(
        world.masters.publish(Subscription::Shard, b"bar", b"volatile", true),
        Published::Dropped,
        "it does not wait"
    );
    // The other masters are spoken to all the time, and what all of them hear goes to one of those.
    assert_eq!(world.publish("foo", "1"), Published::Sent);
    world.masters.publish(Subscription::Channel, b"all", b"2", false);
    world.run();
    let heard = world.heard();
    assert!(heard.contains(&"foo: 1".to_owned()) && heard.contains(&"all: 2".to_owned()), "{heard:?}");
    world.run_for(1_500);
    assert_eq!(world.masters.counters().dropped, 2, "it has waited for a second");
    world.publish("bar", "late");
    let before = world.servers.commands.iter().filter(|it| it.ends_with("CLUSTER SLOTS")).count();
    world.servers.replace("b", "d");
    world.run_for(1_000);
    let asked = world.servers.commands.iter().filter(|it| it.ends_with("CLUSTER SLOTS")).count() - before;
    assert!((1..5).contains(&asked), "{asked}");
    let heard = world.heard();
    assert_eq!(heard.last().unwrap(), "up again", "{heard:?}");
    assert_eq!(world.listening("d"), ["bar"]);
    world.publish("bar", "later");
    world.run();
    assert_eq!(world.heard(), ["bar: later"]);
    assert_eq!(carried_out(&world, "bar"), ["late", "later"]);
    assert!(world.masters.counters().failed >= 2);
}

#[test]
fn what_all_masters_hear_is_heard_once_whoever_says_it() {
    let mut world = World::up();
    world.masters.subscribe(Subscription::Channel, b"all");
    world.run();
    let at = |world: &World| ["a", "b", "c"].into_iter().find(|place| !world.listening(place).is_empty());
    let home = at(&world).unwrap();
    let (&commands, _) =
        world.open.iter().find(|(number, it)| it.place == home && **number % 4 == 0 && **number > 0).unwrap();
    // Where it published it cannot, and where it listens it still does.
    world.open.remove(&commands);
    world.masters.closed(commands, "cut");
    while world.hear_one() {}
    let numbers: Vec<usize> = world.open.keys().copied().collect();
    world.masters.publish(Subscription::Channel, b"all", b"1", false);
    for &number in numbers.iter().rev().chain(&numbers) {
        world.pass(0);
        world.send(number, usize::MAX);
        world.deliver(number, usize::MAX);
    }
    world.run();
    let heard: Vec<_> = world.heard().into_iter().filter(|heard| heard.starts_with("all")).collect();
    assert!(heard.len() <= 1, "{heard:?}");
    world.run_for(500);
    assert_ne!(at(&world), Some(home));
}

#[test]
fn a_cluster_that_is_not_well_is_told_and_asked() {
    let mut world = World::up();
    world.servers.ill = true;
    world.publish("bar", "1");
    world.run();
    assert_eq!(world.heard(), ["down: CLUSTERDOWN The cluster is down"]);
    world.listen("bar");
    world.publish("bar", "2");
    world.run_for(400);
    assert!(!world.masters.is_up());
    assert!(world.servers.commands.iter().any(|it| it.ends_with("CLUSTER INFO")));
    world.servers.ill = false;
    world.run_for(1_000);
    assert_eq!(world.heard().last().unwrap(), "up again");
    assert_eq!(carried_out(&world, "bar"), ["1", "2"]);
    assert_eq!(world.listening("b"), ["bar"]);
    // One that stays so keeps nothing for longer than a second.
    world.servers.ill = true;
    world.publish("bar", "3");
    world.run_for(3_000);
    assert_eq!(world.masters.counters().dropped, 1);
    let tries = world.servers.commands.iter().filter(|it| it.contains("SPUBLISH bar 3")).count();
    assert!((1..15).contains(&tries), "{tries}");
}

#[test]
fn a_stream_moves_and_is_read_on() {
    let mut world = World::up();
    world.masters.read_stream(b"bar");
    world.run();
    let append = |world: &mut World, value: &str| {
        world.masters.append(b"bar", 10, &[b"k", value.as_bytes()], false);
    };
    append(&mut world, "1");
    world.run();
    append(&mut world, "2");
    world.move_slot(BAR, "a");
    append(&mut world, "3");
    world.run();
    append(&mut world, "4");
    world.run_for(500);
    let heard: Vec<_> = world.heard().into_iter().filter(|heard| heard.starts_with("entry")).collect();
    assert_eq!(heard, ["entry: 1", "entry: 2", "entry: 3", "entry: 4"]);
    // And after its master is gone.
    world.kill("a");
    world.run();
    world.servers.replace("a", "d");
    append(&mut world, "5");
    world.run_for(1_000);
    let heard: Vec<_> = world.heard().into_iter().filter(|heard| heard.starts_with("entry")).collect();
    assert_eq!(heard, ["entry: 5"]);
    assert!(world.masters.is_up());
}

#[test]
fn a_server_that_does_not_say_who_has_which_slot_is_not_waited_for() {
    let mut world = World::up();
    let place = |world: &World| world.open[&0].place.clone();
    let first = place(&world);
    world.listen("bar");
    world.run();
    world.pass(PERIOD);
    assert!(!world.masters.output(0).is_empty());
    // It takes the question, and is silent.
    let length = world.masters.output(0).len();
    world.masters.sent(0, length);
    world.pass(PATIENCE - 1);
    assert!(world.open.contains_key(&0));
    world.pass(1);
    world.run_for(500);
    assert_ne!(place(&world), first);
    assert_eq!(world.heard(), [""; 0]);
}

#[test]
fn a_server_that_is_cut_off_from_the_others_is_not_believed() {
    for place in ["a", "b", "c"] {
        let mut world = World::up();
        let channel =
            [("a", "user1000"), ("b", "bar"), ("c", "foo")].iter().find(|(of, _)| *of == place).unwrap().1;
        world.listen(channel);
        world.run();
        world.servers.cut_off(place, "d");
        // It takes connections, and nobody publishes there.
        world.run_for(PERIOD * 2);
        assert_eq!(world.listening("d"), [channel], "{place}");
        assert_eq!(world.heard(), ["down: slots have moved to other masters", "up again"]);
        world.publish(channel, "1");
        world.run_for(PERIOD * 4);
        assert_eq!(world.heard(), [format!("{channel}: 1")]);
    }
    // Nor is it if it is the first that is asked.
    let mut world = World::new("b:1,c:1", 1);
    world.listen("bar");
    world.servers.cut_off("b", "d");
    world.run_for(3_000);
    assert_eq!(world.heard().last().unwrap(), "up");
    assert_eq!(world.listening("d"), ["bar"]);
}

#[test]
fn what_nobody_has_is_waited_for() {
    let mut world = World::up();
    let says =
        "*2\r\n*3\r\n:0\r\n:4999\r\n*2\r\n$1\r\na\r\n:1\r\n*3\r\n:10000\r\n:16383\r\n*2\r\n$1\r\nc\r\n:1\r\n";
    world.servers.says = Some(says.into());
    world.run_for(PERIOD * 2);
    assert_eq!(world.heard(), [""; 0], "nothing of it is needed");
    world.listen("bar");
    assert_eq!(world.publish("bar", "1"), Published::Queued);
    world.masters.ask(&[b"PUBSUB", b"SHARDNUMSUB", b"bar"], 5);
    world.run();
    let heard = world.heard();
    assert!(
        heard[0].starts_with("5 failed") && heard[1] == "down: no master has a slot that is needed",
        "{heard:?}"
    );
    world.servers.says = None;
    world.run_for(PERIOD * 2);
    assert_eq!(world.heard(), ["up again"]);
    assert_eq!(world.listening("b"), ["bar"]);
}

#[test]
fn there_are_no_more_masters_than_may_be() {
    let mut world = World::new("a:1", 1);
    let range = |slot: usize| format!("*3\r\n:{slot}\r\n:{slot}\r\n*2\r\n$4\r\nm{slot:03}\r\n:1\r\n");
    let says = format!("*100\r\n{}", (0..100).map(range).collect::<String>());
    world.servers.says = Some(says);
    world.run_for(PERIOD * 3);
    assert_eq!(world.heard(), ["down: it has more than 32 masters"]);
    assert_eq!(world.open.len(), 1 + MOST);
    world.servers.says = None;
    world.run_for(PERIOD * 3);
    assert_eq!(world.heard(), ["up"]);
    assert_eq!(world.open.len(), 1 + 3);
    // Nor does a server bring about any number of them.
    for slot in 0..200 {
        let why = format!("MOVED {slot} x{slot}:1");
        let to = Some((slot, Endpoint::Tcp(format!("x{slot}"), 1)));
        world.masters.go_astray(0, crate::cluster::redis::Astray::Left { post: None, to, why });
    }
    assert!(world.masters.servers.len() <= 2 * MOST);
    world.run_for(PERIOD * 3);
    assert_eq!(world.open.len(), 1 + 3);
    assert!(world.masters.is_up());
}

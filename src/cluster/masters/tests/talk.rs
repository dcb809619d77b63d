//! What a node and a Redis Cluster say to each other while nothing goes wrong.

use super::*;

/// Channels of each of the masters: `foo` is of slot 12,182, `bar` of 5,061, `user1000` of 3,443.
const OF: [(&str, &str); 3] = [("user1000", "a"), ("bar", "b"), ("foo", "c")];

#[test]
fn each_master_has_what_is_of_its_slots() {
    let mut world = World::new("b:1", 1);
    for (channel, _) in OF {
        world.listen(channel);
        assert_eq!(world.publish(channel, "early"), Published::Queued);
    }
    world.run();
    for (channel, place) in OF {
        assert_eq!(world.listening(place), [channel]);
        assert_eq!(world.publish(channel, "later"), Published::Sent);
        let moved = format!("{{{channel}}}.x");
        world.listen(&moved);
        assert_eq!(world.publish(&moved, "1"), Published::Sent);
    }
    world.run();
    let heard = world.heard();
    assert_eq!(heard.iter().filter(|heard| *heard == "up").count(), 1, "{heard:?}");
    for (channel, _) in OF {
        assert!(heard.contains(&format!("{channel}: later")), "{heard:?}");
    }
    let carried_out: Vec<_> = world.servers.carried_out.iter().map(|(_, payload)| &**payload).collect();
    assert_eq!(carried_out.iter().filter(|payload| **payload == "early").count(), 3);
    world.masters.unsubscribe(Subscription::Shard, b"bar");
    world.run();
    assert_eq!(world.listening("b"), ["{bar}.x"]);
    let counters = world.masters.counters();
    assert_eq!((counters.published, counters.dropped, counters.lost, counters.refused), (9, 0, 0, 0));
    assert!(!world.masters.owes());
}

#[test]
fn what_all_masters_hear_goes_to_one_of_them() {
    let mut world = World::up();
    world.masters.subscribe(Subscription::Channel, b"c");
    world.masters.subscribe(Subscription::Pattern, b"p*");
    for payload in ["1", "2"] {
        world.masters.publish(Subscription::Channel, b"c", payload.as_bytes(), false);
    }
    world.run();
    assert_eq!(world.listening("a").len() + world.listening("b").len() + world.listening("c").len(), 2);
    world.masters.publish(Subscription::Channel, b"c", b"3", false);
    world.run();
    assert_eq!(world.heard().last().unwrap(), "c: 3");
    // How many listen is known of all together.
    world.masters.ask(&[b"PUBSUB", b"NUMSUB", b"c"], 7);
    world.listen("foo");
    world.run();
    assert_eq!(world.heard(), ["7 = Integer(1)"]);
    let asked = |world: &World| world.servers.commands.iter().filter(|it| it.contains("NUMSUB")).count();
    assert_eq!(asked(&world), 3);
    world.masters.ask(&[b"PUBSUB", b"SHARDNUMSUB", b"foo"], 8);
    world.run();
    assert_eq!(world.heard(), ["8 = Integer(1)"]);
    assert_eq!(asked(&world), 4);
    // Any other question goes to who has its key, also if that is found out by it.
    world.masters.ask(&[b"XREVRANGE", b"bar", b"+", b"-", b"COUNT", b"1"], 9);
    world.run();
    assert_eq!(world.heard(), ["9 = None"]);
    world.servers.replace("b", "d");
    for (token, expected) in [(10, "10 failed: MOVED 5061 d:1"), (11, "11 = None")] {
        world.masters.ask(&[b"XREVRANGE", b"bar", b"+", b"-", b"COUNT", b"1"], token);
        world.run();
        assert_eq!(world.heard(), [expected]);
    }
}

#[test]
fn a_stream_is_read_and_written_at_its_master() {
    let mut world = World::up();
    world.masters.read_stream(b"foo");
    world.run();
    world.masters.append(b"foo", 10, &[b"k", b"1"], false);
    world.run();
    assert_eq!(world.heard(), ["entry: 1"]);
    assert!(world.servers.commands.iter().any(|it| it.starts_with("c XREAD")));
}

#[test]
fn a_server_that_leaves_its_host_out_is_where_it_was_asked() {
    let mut world = World::new("b:1", 1);
    world.servers.nameless = true;
    world.run();
    assert_eq!(world.heard(), ["up"]);
    world.listen("bar");
    world.run();
    assert_eq!(world.listening("b"), ["bar"]);
}

#[test]
fn a_seed_that_is_gone_is_passed_over() {
    let mut world = World::new("x:1,y:1,c:1", 1);
    world.servers.gone.extend(["x".into(), "y".into()]);
    world.run_for(1_000);
    let heard = world.heard();
    assert_eq!(heard.last().unwrap(), "up");
    assert!(heard.iter().all(|heard| heard == "up" || heard.ends_with(":1: it is gone")), "{heard:?}");
}

#[test]
fn who_has_which_slot_is_asked_from_time_to_time() {
    let mut world = World::up();
    let asked =
        |world: &World| world.servers.commands.iter().filter(|it| it.ends_with("CLUSTER SLOTS")).count();
    assert_eq!(asked(&world), 1);
    world.run_for(60_000);
    assert!((10..=26).contains(&asked(&world)), "{}", asked(&world));
    assert_eq!(world.heard(), [""; 0]);
    assert_eq!(world.masters.counters().connected, 4, "over the same connection");
    // A failover without a word: the old master serves as a replica.
    world.listen("bar");
    world.run();
    world.servers.replace("b", "d");
    world.run_for(6_000);
    assert_eq!(world.listening("d"), ["bar"]);
    assert_eq!(world.listening("b"), [""; 0]);
    assert_eq!(world.heard(), ["down: slots have moved to other masters", "up again"]);
    // The scout may still ask it, as it knows.
    assert!(world.open.iter().all(|(&number, it)| number == 0 || it.place != "b"), "it is left");
}

#[test]
fn nothing_is_to_be_up_for_longer_than_it_takes() {
    let mut world = World::new("a:1", 1);
    world.servers.says = Some("*0\r\n".into());
    world.run();
    assert_eq!(world.heard(), ["down: a:1: it knows of no master"]);
    world.masters.ask(&[b"PUBSUB", b"NUMSUB", b"c"], 1);
    world.run_for(3_000);
    assert_eq!(world.heard(), ["1 failed: a:1: it knows of no master"]);
    assert!(world.masters.counters().failed < 20, "{:?}", world.masters.counters());
    world.servers.says = Some("-ERR This instance has cluster support disabled\r\n".into());
    world.run_for(3_000);
    assert_eq!(world.heard(), ["down: a:1: ERR This instance has cluster support disabled"]);
    world.servers.says = None;
    world.run_for(3_000);
    assert_eq!(world.heard(), ["up"]);
}

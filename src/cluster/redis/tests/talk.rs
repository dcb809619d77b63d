//! What is said to a Redis where all goes well, and what is heard.

use super::*;

#[test]
fn it_greets_subscribes_and_is_up() {
    let mut world = World::new("redis://h:7");
    world.redis.subscribe(Subscription::Pattern, b"p*");
    world.redis.subscribe(Subscription::Channel, b"c");
    world.redis.tick(0);
    assert_eq!(world.redis.dial(), Some((COMMANDS, Endpoint::Tcp("h".into(), 7))));
    world.redis.connected(COMMANDS);
    world.open[COMMANDS] = Some(Reader::new(1_000));
    assert_eq!(world.open(), [LISTENER]);
    world.welcome();
    assert_eq!(world.heard(), [""; 0], "the subscriptions are not confirmed");
    assert_eq!(world.said(LISTENER), ["SUBSCRIBE c", "PSUBSCRIBE p*"]);
    world.say(LISTENER, ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    assert_eq!(world.heard(), [""; 0]);
    world.say(LISTENER, ">3\r\n$10\r\npsubscribe\r\n$2\r\np*\r\n:2\r\n");
    assert_eq!(world.heard(), ["up"]);
    world.say(LISTENER, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n>4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\npq\r\n$0\r\n\r\n");
    world.say(LISTENER, ">3\r\n$8\r\nsmessage\r\n$1\r\ns\r\n$1\r\nx\r\n>2\r\n$10\r\ninvalidate\r\n*0\r\n");
    assert_eq!(world.heard(), ["c: hi", "pq (p*): ", "s: x"]);
    assert_eq!(world.redis.counters().heard, 3);
    assert_eq!(world.redis.counters().connected, 2);
}

#[test]
fn a_login_and_a_database_are_part_of_the_greeting() {
    let mut world = World::new("redis://alice:pw@h/3");
    assert_eq!(world.open(), [COMMANDS], "there is nothing to listen to");
    assert_eq!(world.said(COMMANDS), ["HELLO 3 AUTH alice pw SETNAME roomcast"]);
    world.say_at_once(COMMANDS, WELCOME);
    assert_eq!(world.said(COMMANDS), ["SELECT 3"]);
    assert_eq!(world.heard(), [""; 0]);
    world.say(COMMANDS, "+OK\r\n");
    assert_eq!(world.heard(), ["up"]);

    let mut world = World::new("redis://:pw@h");
    world.open();
    assert_eq!(world.said(COMMANDS), ["HELLO 3 AUTH default pw SETNAME roomcast"]);
}

#[test]
fn an_old_redis_is_spoken_to_as_it_can() {
    for refusal in [
        "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n",
        "-NOPROTO unsupported protocol version\r\n",
        "-NOPERM this user has no permissions to run the 'hello' command\r\n",
    ] {
        let mut world = World::new("redis://:pw@h/2");
        world.redis.subscribe(Subscription::Channel, b"c");
        world.open();
        for connection in [COMMANDS, LISTENER] {
            assert_eq!(world.said(connection), ["HELLO 3 AUTH default pw SETNAME roomcast"]);
            world.redis.received(connection, refusal.as_bytes());
        }
        assert_eq!(world.heard(), [""; 0]);
        for connection in [COMMANDS, LISTENER] {
            assert_eq!(world.said(connection), ["AUTH pw", "CLIENT SETNAME roomcast", "SELECT 2"]);
            // A name is not needed.
            world.redis.received(connection, b"+OK\r\n-ERR unknown subcommand\r\n+OK\r\n");
        }
        assert_eq!(world.heard(), [""; 0]);
        assert_eq!(world.said(LISTENER), ["SUBSCRIBE c"]);
        world.say(
            LISTENER,
            "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n",
        );
        assert_eq!(world.heard(), ["up", "c: hi"]);
        world.pass(connection::IDLE);
        assert_eq!(world.said(LISTENER), ["PING"]);
        world.say(LISTENER, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
        assert_eq!(world.heard(), [""; 0]);
    }
}

#[test]
fn what_is_published_goes_in_its_order() {
    let mut world = World::up();
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"1", false), Published::Sent);
    assert_eq!(world.redis.publish(Subscription::Channel, b"b", b"2", true), Published::Sent);
    world.redis.ask(&[b"PUBSUB", b"NUMSUB", b"c"], 7);
    assert_eq!(world.redis.post(&[b"SPUBLISH", b"s", b"3"], false), Published::Sent);
    assert_eq!(world.said(COMMANDS), ["PUBLISH a 1", "PUBLISH b 2", "PUBSUB NUMSUB c", "SPUBLISH s 3"]);
    world.redis.received(COMMANDS, b":1\r\n:1\r\n*2\r\n$1\r\nc\r\n:4\r\n:0\r\n");
    assert_eq!(world.heard(), ["7 = [c 4]"]);
    assert!(world.redis.commands.awaited.is_empty());
    assert_eq!(world.redis.counters().published, 3);
}

#[test]
fn what_is_published_while_it_is_down_waits_for_a_moment() {
    let mut world = World::new("redis://h");
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"old", false), Published::Queued);
    world.pass(0);
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"volatile", true), Published::Dropped);
    world.pass(500);
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"1", false), Published::Queued);
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"2", false), Published::Queued);
    world.pass(500);
    assert_eq!(world.redis.counters().dropped, 2, "a second has passed for the first");
    world.open();
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"3", false), Published::Queued);
    world.welcome();
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"4", false), Published::Sent);
    assert_eq!(world.said(COMMANDS), ["PUBLISH a 1", "PUBLISH a 2", "PUBLISH a 3", "PUBLISH a 4"]);
    assert_eq!(world.redis.counters().published, 4);
}

#[test]
fn subscriptions_come_and_go_while_it_is_up() {
    let mut world = World::up();
    world.redis.subscribe(Subscription::Shard, b"s");
    world.redis.unsubscribe(Subscription::Channel, b"c");
    assert_eq!(world.said(LISTENER), ["SSUBSCRIBE s", "UNSUBSCRIBE c"]);
    // Meanwhile it is wanted again.
    world.redis.subscribe(Subscription::Channel, b"c");
    assert_eq!(world.said(LISTENER), [""; 0]);
    world.say(
        LISTENER,
        ">3\r\n$10\r\nssubscribe\r\n$1\r\ns\r\n:1\r\n>3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n",
    );
    assert_eq!(world.heard(), [""; 0]);
    assert_eq!(world.said(LISTENER), ["SUBSCRIBE c"]);
    // The Redis ends one by itself, as when its slot moves to another shard.
    world.say(
        LISTENER,
        ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n>3\r\n$12\r\nsunsubscribe\r\n$1\r\ns\r\n:0\r\n",
    );
    assert_eq!(world.heard(), [""; 0]);
    assert_eq!(world.said(LISTENER), ["SSUBSCRIBE s"]);
}

#[test]
fn a_listener_is_opened_when_there_is_something_to_hear() {
    let mut world = World::new("redis://h");
    world.open();
    world.welcome();
    assert_eq!(world.heard(), ["up"]);
    world.redis.subscribe(Subscription::Channel, b"c");
    assert_eq!(world.open(), [LISTENER]);
    world.welcome();
    assert_eq!(world.heard(), [""; 0]);
    assert_eq!(world.said(LISTENER), ["SUBSCRIBE c"]);
    world.close(LISTENER, "cut");
    assert_eq!(world.heard(), ["down: cut"]);
    world.pass(10);
    world.redis.unsubscribe(Subscription::Channel, b"c");
    assert_eq!(world.heard(), ["up after 10"], "nothing is missing any more");
}

#[test]
fn names_in_patterns_mean_themselves() {
    assert_eq!(escape_glob("socket.io#/a[1]*?\\#"), "socket.io#/a\\[1\\]\\*\\?\\\\#");
    assert_eq!(escape_glob("/ä^-"), "/ä^-");
}

/// What answers a read with one entry of the stream `s`.
fn entry(id: &str, value: &str) -> String {
    format!("%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n{id}\r\n*2\r\n$1\r\nk\r\n$1\r\n{value}\r\n")
}

#[test]
fn a_stream_is_read_on_where_it_was_whatever_comes_between() {
    let mut world = World::new("redis://h");
    world.redis.read_stream(b"s");
    assert_eq!(world.open(), [COMMANDS, READER]);
    world.welcome();
    assert_eq!(world.heard(), [""; 0], "it is not known where it begins");
    assert_eq!(world.said(READER), ["XREVRANGE s + - COUNT 1"]);
    world.say(READER, "*1\r\n*2\r\n$3\r\n5-0\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    assert_eq!(world.heard(), ["up"]);
    assert_eq!(world.said(READER), ["XREAD COUNT 256 BLOCK 5000 STREAMS s 5-0"]);
    world.say(READER, "_\r\n");
    assert_eq!(world.heard(), [""; 0]);
    assert_eq!(world.said(READER), ["XREAD COUNT 256 BLOCK 5000 STREAMS s 5-0"]);
    world.say(READER, &entry("6-0", "a"));
    assert_eq!(world.heard(), ["entry: a"]);
    assert_eq!(world.said(READER), ["XREAD COUNT 256 BLOCK 5000 STREAMS s 6-0"]);
    // Half of an answer is none.
    world.say(READER, &entry("7-0", "b")[..20]);
    world.close(READER, "cut");
    assert_eq!(world.heard(), ["down: cut"]);
    assert_eq!(world.reopen(), [READER]);
    world.welcome();
    assert_eq!(world.said(READER), ["XREAD COUNT 256 BLOCK 5000 STREAMS s 6-0"]);
    assert!(world.heard()[0].starts_with("up after"));
    world.say(READER, &entry("7-0", "b"));
    assert_eq!(world.heard(), ["entry: b"]);
}

#[test]
fn a_stream_that_may_not_be_read_is_asked_for_later() {
    let mut world = World::new("redis://h");
    world.redis.read_stream(b"s");
    world.open();
    world.welcome();
    world.say(READER, "-NOPERM no keys for you\r\n");
    assert_eq!(world.heard(), ["down: NOPERM no keys for you"]);
    assert!(world.pass_until_due() >= connection::LONG_WAIT / 2);
    assert_eq!(world.open(), [READER]);
}

#[test]
fn entries_too_large_for_one_answer_come_one_by_one() {
    let mut world = World::new("redis://h");
    world.redis.read_stream(b"s");
    for (count, behind) in [(256, "0-0"), (1, "0-0")] {
        world.reopen();
        world.welcome();
        if count == 256 {
            assert_eq!(world.said(READER), ["XREVRANGE s + - COUNT 1"]);
            world.say(READER, "*0\r\n");
            world.heard();
        }
        assert_eq!(world.said(READER), [format!("XREAD COUNT {count} BLOCK 5000 STREAMS s {behind}")]);
        world.say(READER, "$99999999\r\n");
        assert!(world.heard().iter().any(|heard| heard.starts_with("down")));
    }
    // It is larger than may be: what comes after it is heard.
    world.reopen();
    world.welcome();
    assert_eq!(world.said(READER), ["XREVRANGE s + - COUNT 1"]);
    assert_eq!(world.redis.counters().passed_over, 1);
}

/// What a sentinel answers.
const PLACE: &str = "*2\r\n$4\r\nhere\r\n$4\r\n7000\r\n";

/// The place that is dialled next.
fn dialled(world: &mut World) -> (usize, String) {
    loop {
        world.pass(0);
        if let Some((connection, place)) = world.redis.dial() {
            assert!(world.open[connection].replace(Reader::new(1 << 20)).is_none());
            world.redis.connected(connection);
            return (connection, place.to_string());
        }
        world.pass_until_due();
    }
}

#[test]
fn sentinels_say_where_it_is_each_time_that_a_connection_is_lost() {
    let mut world = World::new("redis+sentinel://u:p@a:1,b:2/0/mine");
    world.redis.subscribe(Subscription::Channel, b"c");
    assert_eq!(dialled(&mut world), (SENTINEL, "a:1".into()));
    world.welcome();
    assert_eq!(world.said(SENTINEL), ["SENTINEL GET-MASTER-ADDR-BY-NAME mine"]);
    world.say_at_once(SENTINEL, PLACE);
    assert_eq!(dialled(&mut world), (COMMANDS, "here:7000".into()));
    assert!(world.open[SENTINEL].is_none(), "it is needed no more");
    assert_eq!(dialled(&mut world), (LISTENER, "here:7000".into()));
    for connection in [COMMANDS, LISTENER] {
        assert_eq!(world.said(connection), ["HELLO 3 AUTH u p SETNAME roomcast"]);
        world.say_at_once(connection, WELCOME);
    }
    world.say(LISTENER, ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    assert_eq!(world.heard(), ["up"]);
    // The Redis is gone; the first sentinel knows no other, and the second does not answer.
    world.close(COMMANDS, "cut");
    assert_eq!(world.heard(), ["down: cut"]);
    assert_eq!(dialled(&mut world), (SENTINEL, "a:1".into()));
    world.welcome();
    world.say_at_once(SENTINEL, "_\r\n");
    world.pass(0);
    assert_eq!(world.heard(), ["down: the sentinel does not know the service"]);
    assert_eq!(dialled(&mut world), (SENTINEL, "b:2".into()));
    world.close(SENTINEL, "refused");
    assert_eq!(dialled(&mut world), (SENTINEL, "a:1".into()));
    world.welcome();
    world.say_at_once(SENTINEL, PLACE);
    assert_eq!(dialled(&mut world), (COMMANDS, "here:7000".into()));
    // It has not heard yet that it is a master no more.
    world.say_at_once(COMMANDS, "%1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n");
    world.pass(0);
    assert!(world.open[COMMANDS].is_none());
    assert_eq!(dialled(&mut world), (SENTINEL, "a:1".into()));
}

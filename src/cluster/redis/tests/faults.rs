//! What can go wrong with a Redis, and what comes of each.

use super::connection::{ANSWER_TIMEOUT, BACK_OFF, IDLE, LONG_WAIT, OPEN_TIMEOUT, STOOD};
use super::*;

#[test]
fn a_lost_connection_is_opened_again_and_subscribes_again() {
    let mut world = World::up();
    world.redis.subscribe(Subscription::Pattern, b"p*");
    world.pass(5_000);
    world.close(LISTENER, "reset");
    assert_eq!(world.heard(), ["down: reset"]);
    assert_eq!(
        world.redis.publish(Subscription::Channel, b"a", b"1", false),
        Published::Sent,
        "commands are heard nevertheless"
    );
    let before = world.now;
    assert_eq!(world.reopen(), [LISTENER]);
    assert_eq!(world.now, before, "it stood: mostly it was cut alone");
    world.welcome();
    assert_eq!(world.heard(), [""; 0]);
    assert_eq!(world.said(LISTENER), ["SUBSCRIBE c", "PSUBSCRIBE p*"]);
    world.say(
        LISTENER,
        ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n>3\r\n$10\r\npsubscribe\r\n$2\r\np*\r\n:2\r\n",
    );
    assert_eq!(world.heard(), [format!("up after {}", world.now - before)]);
    assert_eq!(world.redis.counters().connected, 3);
    assert_eq!(world.redis.counters().failed, 1);
}

#[test]
fn attempts_become_rarer_and_are_spread() {
    let mut world = World::new("redis://h");
    let mut waits = Vec::new();
    for _ in 0..12 {
        world.redis.tick(world.now);
        assert!(world.redis.dial().is_some());
        world.redis.closed(COMMANDS, "refused");
        waits.push(world.pass_until_due());
    }
    for (number, &wait) in waits.iter().enumerate() {
        let whole = (BACK_OFF.0 << number).min(BACK_OFF.1);
        assert!((whole / 2..=whole).contains(&wait), "{number}: {waits:?}");
    }
    assert!(waits[6..].iter().any(|wait| *wait != waits[6]), "{waits:?}");
    // The reason is told once.
    assert_eq!(world.heard(), ["down: refused"]);
    // One that stood for a while is opened again at once, and if that is no use, later; one that did not, later.
    world.reopen();
    world.welcome();
    assert_eq!(world.heard(), ["up"]);
    world.pass(STOOD);
    world.close(COMMANDS, "cut");
    assert_eq!(world.pass_until_due(), 0);
    assert_eq!(world.heard().len(), 1);
    assert!(world.redis.dial().is_some());
    world.redis.closed(COMMANDS, "refused");
    assert!((BACK_OFF.0 / 2..=BACK_OFF.0).contains(&world.pass_until_due()));
    world.heard();
    world.reopen();
    world.welcome();
    assert_eq!(world.heard().len(), 1);
    world.close(COMMANDS, "cut");
    assert!(world.pass_until_due() >= BACK_OFF.0);
}

#[test]
fn a_password_that_is_wrong_is_told_and_tried_again_later() {
    for (url, answer) in [
        ("redis://:pw@h", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
        ("redis://h", "-NOAUTH HELLO must be called with the client already authenticated\r\n"),
    ] {
        let mut world = World::new(url);
        world.open();
        world.redis.received(COMMANDS, answer.as_bytes());
        let heard = world.heard();
        assert_eq!(heard.len(), 1);
        assert!(heard[0].starts_with("down: ") && heard[0].contains(answer.trim()[1..].trim()), "{heard:?}");
        assert!(world.open[COMMANDS].is_none(), "it is hung up");
        let wait = world.pass_until_due();
        assert!((LONG_WAIT / 2..=LONG_WAIT).contains(&wait), "{wait}");
        assert_eq!(world.open(), [COMMANDS]);
    }
}

#[test]
fn a_redis_that_is_busy_with_itself_is_asked_again_soon() {
    for answer in
        ["-LOADING Redis is loading the dataset in memory\r\n", "-ERR max number of clients reached\r\n"]
    {
        let mut world = World::new("redis://h");
        world.open();
        // The error and the end come together.
        world.redis.received(COMMANDS, answer.as_bytes());
        world.close(COMMANDS, "closed");
        let heard = world.heard();
        assert_eq!(heard, [format!("down: {}", answer.trim()[1..].trim())]);
        assert!(world.pass_until_due() <= BACK_OFF.0);
    }
}

#[test]
fn a_refused_database_is_told() {
    let mut world = World::new("redis://h/99");
    world.open();
    world.say_at_once(COMMANDS, WELCOME);
    world.redis.received(COMMANDS, b"-ERR DB index is out of range\r\n");
    assert_eq!(world.heard(), ["down: ERR DB index is out of range"]);
    assert!(world.pass_until_due() >= LONG_WAIT / 2);
}

#[test]
fn a_refused_subscription_is_told_and_the_rest_is_up() {
    let mut world = World::new("redis://h");
    world.redis.subscribe(Subscription::Channel, b"c");
    world.redis.subscribe(Subscription::Pattern, b"p*");
    world.open();
    world.welcome();
    assert_eq!(world.heard(), [""; 0]);
    world.said(LISTENER);
    world.say(LISTENER, ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n-NOPERM no channels\r\n");
    assert_eq!(world.heard(), ["Pattern p* refused: NOPERM no channels", "up"]);
    // A rule may change.
    world.pass(LONG_WAIT - 1);
    assert_eq!(world.said(LISTENER), [""; 0]);
    world.pass(1);
    assert_eq!(world.said(LISTENER), ["PSUBSCRIBE p*"]);
    world.say(LISTENER, "-ERR unknown command 'psubscribe'\r\n");
    assert_eq!(world.heard(), [""; 0], "it is told once");
    // The other way is gone.
    world.redis.unsubscribe(Subscription::Pattern, b"p*");
    world.pass(2 * LONG_WAIT);
    assert_eq!(world.said(LISTENER), ["PING"]);
}

#[test]
fn a_refused_publish_is_told_once_and_counted() {
    let mut world = World::up();
    for payload in ["1", "2", "3"] {
        world.redis.publish(Subscription::Channel, b"a", payload.as_bytes(), false);
    }
    world.redis.received(COMMANDS, b"-NOPERM no channels\r\n:1\r\n-MOVED 3999 10.0.0.1:6379\r\n");
    assert_eq!(world.heard(), ["unpublished: NOPERM no channels"]);
    assert_eq!(world.redis.counters().refused, 2);
}

#[test]
fn one_that_is_no_master_any_more_is_left() {
    for answer in ["-READONLY You can't write against a read only replica.\r\n", "-MASTERDOWN Link\r\n"] {
        let mut world = World::up();
        world.redis.ask(&[b"XADD"], 1);
        world.redis.ask(&[b"XADD"], 2);
        world.redis.post(&[b"XADD"], false);
        world.redis.received(COMMANDS, answer.as_bytes());
        let why = answer.trim()[1..].trim();
        assert_eq!(
            world.heard(),
            [format!("1 failed: {why}"), format!("2 failed: {why}"), format!("down: {why}")]
        );
        assert!(world.open[COMMANDS].is_none());
        assert_eq!(world.redis.counters().lost, 1);
        world.redis.ask(&[b"XADD"], 3);
        assert_eq!(world.heard(), [format!("3 failed: {why}")]);
    }
}

#[test]
fn a_question_may_fail_alone() {
    let mut world = World::up();
    world.redis.ask(&[b"XREAD"], 1);
    world.redis.ask(&[b"GET"], 2);
    world.redis.received(COMMANDS, b"-ERR syntax error\r\n$1\r\nx\r\n");
    assert_eq!(world.heard(), ["1 failed: ERR syntax error", "2 = x"]);
    for token in 0..MAX_ASKED as u64 + 1 {
        world.redis.ask(&[b"GET"], token);
    }
    assert_eq!(world.heard(), [format!("{MAX_ASKED} failed: too many questions wait for their answers")]);
}

#[test]
fn silence_is_asked_about_and_then_given_up() {
    let mut world = World::up();
    world.pass(IDLE - 1);
    assert_eq!((world.said(COMMANDS), world.said(LISTENER)), (vec![], vec![]));
    world.pass(1);
    assert_eq!(world.said(COMMANDS), ["PING"]);
    assert_eq!(world.said(LISTENER), ["PING"]);
    world.say_at_once(COMMANDS, "+PONG\r\n");
    world.pass(ANSWER_TIMEOUT - 1);
    assert!(world.open[LISTENER].is_some());
    world.pass(1);
    assert!(world.open[LISTENER].is_none());
    assert_eq!(world.heard(), ["down: it has not answered for 10 seconds"]);
    // An answer is owed to a command as well.
    world.redis.publish(Subscription::Channel, b"a", b"1", false);
    world.pass(0);
    world.pass(ANSWER_TIMEOUT);
    assert!(world.open[COMMANDS].is_none());
    assert_eq!(world.redis.counters().lost, 1);
}

#[test]
fn one_that_goes_on_talking_is_not_given_up() {
    let mut world = World::up();
    for _ in 0..100 {
        world.redis.publish(Subscription::Channel, b"a", b"1", false);
    }
    for _ in 0..99 {
        world.pass(ANSWER_TIMEOUT - 1);
        world.say(COMMANDS, ":1\r\n");
        world.say(LISTENER, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n");
        assert_eq!(world.heard(), ["c: x"]);
        assert!(world.open[..=LISTENER].iter().all(Option::is_some));
    }
}

#[test]
fn who_does_not_look_hears_of_no_silence() {
    let mut world = World::up();
    world.say(LISTENER, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n");
    // More may be waiting in the kernel.
    world.pass(10 * IDLE);
    assert_eq!(world.said(LISTENER), [""; 0]);
    assert_eq!(world.heard(), ["c: x"]);
    world.pass(IDLE);
    assert_eq!(world.said(LISTENER), ["PING"]);
}

#[test]
fn a_connection_that_does_not_come_about_is_given_up() {
    let mut world = World::new("redis://h");
    world.redis.tick(0);
    assert!(world.redis.dial().is_some());
    assert_eq!(world.pass_until_due(), OPEN_TIMEOUT);
    assert_eq!(world.heard(), ["down: it takes no connection within 5 seconds"]);
    // It comes about when nobody wants it any more.
    world.redis.connected(COMMANDS);
    assert_eq!(world.redis.output(COMMANDS), b"");
    world.reopen();
    world.pass(ANSWER_TIMEOUT);
    assert_eq!(world.heard(), ["down: it has not answered for 10 seconds"], "nor is it greeted back");
}

#[test]
fn what_came_before_the_end_is_heard_before_it() {
    let mut world = World::up();
    world.redis.ask(&[b"GET"], 1);
    world.redis.publish(Subscription::Channel, b"a", b"1", false);
    world.redis.received(COMMANDS, b"$1\r\nx\r\n");
    world.say(LISTENER, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n>3\r\n$7\r\nmess");
    world.close(COMMANDS, "cut");
    world.close(LISTENER, "cut as well");
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", b"2", false), Published::Queued);
    assert_eq!(world.heard(), ["1 = x", "down: cut", "c: x", "down: cut as well"]);
    assert_eq!(world.redis.counters().lost, 1);
}

#[test]
fn what_is_no_reply_ends_the_connection() {
    for (connection, bytes, why) in [
        (COMMANDS, "HTTP/1.1 400 Bad Request\r\n", "what it sends is no RESP"),
        (COMMANDS, ":1\r\n", "it answers what it was not asked"),
        (COMMANDS, "-ERR out of memory\r\n", "ERR out of memory"),
        (LISTENER, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "a reply is nested too deep"),
        (LISTENER, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$99999999\r\n", "a reply is too long"),
        (LISTENER, "+OK\r\n", "it answers what it was not asked"),
        (LISTENER, ">1\r\n$7\r\nmessage\r\n", "it answers what it was not asked"),
    ] {
        let mut world = World::up();
        world.redis.received(connection, bytes.as_bytes());
        assert_eq!(world.heard(), [format!("down: {why}")], "{bytes:?}");
        assert!(world.open[connection].is_none());
        assert_eq!(world.reopen(), [connection]);
    }
    // Pushes that nobody knows are passed over, and may be of any shape.
    let mut world = World::up();
    world.say(LISTENER, ">0\r\n>1\r\n:1\r\n>1\r\n$3\r\nnew\r\n>2\r\n$11\r\nunsubscribe\r\n_\r\n");
    world.redis.received(COMMANDS, b">1\r\n$10\r\ninvalidate\r\n");
    assert_eq!(world.heard(), [""; 0]);
}

#[test]
fn an_answer_to_another_question_is_not_taken_for_a_confirmation() {
    let mut world = World::up();
    world.redis.subscribe(Subscription::Channel, b"d");
    world.say(LISTENER, "+PONG\r\n");
    assert_eq!(world.heard(), ["down: it answers what it was not asked"]);
}

#[test]
fn output_that_is_not_taken_is_bounded() {
    let mut world = World::up();
    let payload = vec![b'x'; 1 << 20];
    let results: Vec<_> =
        (0..20).map(|_| world.redis.publish(Subscription::Channel, b"a", &payload, false)).collect();
    let sent = results.iter().take_while(|result| **result == Published::Sent).count();
    assert_eq!(sent, 16);
    assert!(results[sent..].iter().all(|result| *result == Published::Dropped));
    assert_eq!(world.redis.counters().dropped, 4);
    world.redis.ask(&[b"GET"], 1);
    assert_eq!(world.heard(), ["1 failed: too many questions wait for their answers"]);
    // It is taken in parts.
    while !world.redis.output(COMMANDS).is_empty() {
        world.redis.sent(COMMANDS, 300_001);
    }
    assert_eq!(world.redis.publish(Subscription::Channel, b"a", &payload, false), Published::Sent);
}

#[test]
fn what_is_not_wanted_any_more_is_not_waited_for() {
    let mut world = World::new("redis://h");
    world.redis.subscribe(Subscription::Channel, b"c");
    world.open();
    world.welcome();
    assert_eq!(world.said(LISTENER), ["SUBSCRIBE c"]);
    // The command is under way; then nothing is listened to.
    world.redis.unsubscribe(Subscription::Channel, b"c");
    assert_eq!(world.heard(), [""; 0]);
    world.close(LISTENER, "cut");
    assert_eq!(world.heard(), ["up"]);
}

//! A small Redis that does what it is told, with connections that are cut at any moment: whatever is done in any order, its
//! subscriptions come to be those that are wanted, and nothing that is published is doubled, put in another order or lost uncounted.

use super::*;
use crate::base::rounds;
use crate::base::seeds::for_seeds;
use fastrand::Rng;
use std::collections::BTreeSet;

/// One connection as the Redis has it.
#[derive(Default)]
struct Side {
    /// What has come, and what is still to be delivered of its answers.
    received: Vec<u8>,
    answers: Vec<u8>,
    subscribed: BTreeSet<Vec<u8>>,
}

struct Model {
    redis: Redis,
    rng: Rng,
    now: Millis,
    sides: [Option<Side>; 2],
    wanted: BTreeSet<Vec<u8>>,
    /// The numbers that were published, as the Redis has carried them out.
    carried_out: Vec<u64>,
    /// The numbers that were to be published.
    published: u64,
    /// Numbers that the Redis sends to a subscriber, and those that came.
    told: u64,
    heard: Vec<u64>,
    up: bool,
}

impl Model {
    fn new(rng: &mut Rng) -> Self {
        let options = RedisOptions::parse("redis://h").unwrap();
        Self {
            redis: Redis::new(&options, rng.u64(..)),
            rng: rng.fork(),
            now: 0,
            sides: [None, None],
            wanted: BTreeSet::new(),
            carried_out: Vec::new(),
            published: 0,
            told: 0,
            heard: Vec::new(),
            up: false,
        }
    }

    /// One thing happens.
    fn step(&mut self) {
        let connection = self.rng.usize(0..2);
        match self.rng.u8(0..16) {
            0..=2 => {
                self.redis.publish(Subscription::Channel, b"n", self.published.to_string().as_bytes(), false);
                self.published += 1;
            }
            3 => {
                let name = vec![b'a' + self.rng.u8(0..6)];
                let wanted = self.rng.bool();
                if wanted {
                    self.redis.subscribe(Subscription::Channel, &name);
                    self.wanted.insert(name);
                } else {
                    self.redis.unsubscribe(Subscription::Channel, &name);
                    self.wanted.remove(&name);
                }
            }
            4 if self.rng.u8(0..4) == 0 => self.cut(connection),
            5 => {
                let time = self.rng.u64(0..300);
                self.pass(time);
            }
            6 => self.tell(),
            7..=9 => self.send(connection),
            10..=13 => self.deliver(connection),
            _ => self.hear(),
        }
    }

    fn pass(&mut self, time: Millis) {
        self.now += time;
        self.redis.tick(self.now);
        while let Some(connection) = self.redis.hung_up() {
            self.sides[connection] = None;
        }
        while let Some((connection, _)) = self.redis.dial() {
            assert!(self.sides[connection].is_none(), "it is open");
            if self.rng.u8(0..4) == 0 {
                self.redis.closed(connection, "refused");
            } else {
                self.sides[connection] = Some(Side::default());
                self.redis.connected(connection);
            }
        }
    }

    fn cut(&mut self, connection: usize) {
        if self.sides[connection].take().is_some() {
            self.redis.closed(connection, "cut");
        }
    }

    /// The kernel takes a part of the output, and the Redis carries out what it has whole.
    fn send(&mut self, connection: usize) {
        let Some(side) = &mut self.sides[connection] else { return };
        let output = self.redis.output(connection);
        let count = self.rng.usize(0..=output.len());
        side.received.extend_from_slice(&output[..count]);
        self.redis.sent(connection, count);
        let mut reader = Reader::new(1 << 20);
        reader.feed(&side.received);
        while reader.advance().unwrap() {
            let Reply::List(words) = reader.reply() else { panic!("no command") };
            let words: Vec<Vec<u8>> = words
                .map(|word| match word {
                    Reply::Text(word) => word.to_vec(),
                    other => panic!("{other:?}"),
                })
                .collect();
            let confirm = |side: &mut Side, word: &str, name: &[u8]| {
                side.answers.extend(format!(">3\r\n+{word}\r\n${}\r\n", name.len()).as_bytes());
                side.answers
                    .extend([name, format!("\r\n:{}\r\n", side.subscribed.len()).as_bytes()].concat());
            };
            match (&*words[0], words.get(1)) {
                (b"HELLO", _) => side.answers.extend(WELCOME.as_bytes()),
                (b"PING", _) => side.answers.extend(b"+PONG\r\n"),
                (b"PUBLISH", _) => {
                    self.carried_out.push(String::from_utf8(words[2].clone()).unwrap().parse().unwrap());
                    side.answers.extend(b":0\r\n");
                }
                (b"SUBSCRIBE", Some(name)) => {
                    assert!(side.subscribed.insert(name.clone()), "subscribed twice");
                    confirm(side, "subscribe", name);
                }
                (b"UNSUBSCRIBE", Some(name)) => {
                    assert!(side.subscribed.remove(name), "it was not subscribed");
                    confirm(side, "unsubscribe", name);
                }
                other => panic!("{other:?}"),
            }
        }
        let left = reader.buffered();
        side.received.drain(..side.received.len() - left);
    }

    /// A message for one that listens.
    fn tell(&mut self) {
        let Some(side) = &mut self.sides[LISTENER] else { return };
        if let Some(name) = side.subscribed.first() {
            let number = self.told.to_string();
            side.answers.extend(format!(">3\r\n+message\r\n${}\r\n", name.len()).as_bytes());
            side.answers
                .extend([&name[..], format!("\r\n${}\r\n{number}\r\n", number.len()).as_bytes()].concat());
            self.told += 1;
        }
    }

    /// A part of the answers arrives.
    fn deliver(&mut self, connection: usize) {
        let Some(side) = &mut self.sides[connection] else { return };
        let count = self.rng.usize(0..=side.answers.len());
        let part: Vec<u8> = side.answers.drain(..count).collect();
        self.redis.received(connection, &part);
    }

    fn hear(&mut self) {
        while let Some(event) = self.redis.next() {
            match event {
                RedisEvent::Up { .. } => {
                    assert!(!self.up);
                    self.up = true;
                }
                RedisEvent::Down { .. } => self.up = false,
                RedisEvent::Message { payload, .. } => {
                    self.heard.push(std::str::from_utf8(payload).unwrap().parse().unwrap());
                }
                other => panic!("{other:?}"),
            }
            if self.rng.u8(0..8) == 0 {
                return;
            }
        }
    }

    /// From now on nothing goes wrong, until all is quiet.
    fn heal(&mut self) {
        for _ in 0..1_000 {
            self.pass(100);
            for connection in [COMMANDS, LISTENER] {
                self.send(connection);
                self.deliver(connection);
            }
            self.hear();
        }
    }
}

#[test]
fn whatever_is_cut_it_comes_to_what_is_wanted() {
    for_seeds(rounds(300) as u64, |rng| {
        let mut model = Model::new(rng);
        for _ in 0..rng.usize(1..400) {
            model.step();
        }
        model.heal();
        let Model { redis, sides, wanted, carried_out, published, told, heard, up, .. } = &model;
        assert!(up);
        let subscribed = sides[LISTENER].as_ref().map(|side| side.subscribed.clone()).unwrap_or_default();
        assert_eq!(subscribed, *wanted);
        assert!(carried_out.is_sorted_by(|one, next| one < next), "{carried_out:?}");
        assert!(heard.is_sorted_by(|one, next| one < next), "{heard:?}");
        assert!(heard.len() as u64 <= *told);
        // Of those that are lost nobody knows whether they were carried out.
        let counters = redis.counters();
        let missing = published - carried_out.len() as u64;
        assert_eq!(counters.published + counters.dropped, *published);
        assert!(counters.dropped <= missing && missing <= counters.dropped + counters.lost);
    });
}

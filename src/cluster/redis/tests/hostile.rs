//! A Redis that says anything at any time: nothing panics, nothing grows, and what it owes does not keep the node from trying again.

use super::connection::{ANSWER_TIMEOUT, IDLE, LONG_WAIT, OPEN_TIMEOUT};
use super::replies::Which;
use super::*;
use crate::base::rounds;
use crate::base::seeds::for_seeds;
use fastrand::Rng;

/// What it may say, to be cut and put together.
const WORDS: &[&str] = &[
    WELCOME,
    "+OK\r\n",
    "+PONG\r\n",
    ":1\r\n",
    "_\r\n",
    "*0\r\n",
    ">0\r\n",
    "*1\r\n*0\r\n",
    "$3\r\nabc\r\n",
    "-ERR unknown command\r\n",
    "-NOPERM no\r\n",
    "-LOADING wait\r\n",
    "-WRONGPASS no\r\n",
    "-MOVED 1 a:1\r\n",
    "-READONLY no\r\n",
    "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
    ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
    ">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:1\r\n",
    ">3\r\n$9\r\nsubscribe\r\n$3\r\nxyz\r\n:1\r\n",
    "*3\r\n$10\r\npsubscribe\r\n$1\r\na\r\n:1\r\n",
    ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n",
    ">3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n",
    ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n",
    ">2\r\n$7\r\nmessage\r\n$1\r\na\r\n",
    ">4\r\n$8\r\npmessage\r\n$1\r\na\r\n$1\r\na\r\n$1\r\nx\r\n",
    ">1\r\n*1\r\n:1\r\n",
    "|1\r\n+a\r\n+b\r\n",
    "%1\r\n$1\r\na\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n",
    "*1\r\n*2\r\n$1\r\nb\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*1\r\n$1\r\nk\r\n",
    "*1\r\n*2\r\n$3\r\n1-1\r\n_\r\n",
    "*2\r\n$1\r\nh\r\n$4\r\n6379\r\n",
    "*2\r\n$1\r\nh\r\n$4\r\nport\r\n",
    "$99999999999\r\n",
    "?\r\n",
];

fn saying(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let word = WORDS[rng.usize(..WORDS.len())].as_bytes();
        // Most are whole: else it would not come far.
        let end = if rng.u8(0..30) == 0 { rng.usize(0..=word.len()) } else { word.len() };
        bytes.extend_from_slice(&word[..end]);
    }
    bytes
}

struct Wild {
    redis: Redis,
    now: Millis,
    open: [bool; 4],
    asked: u64,
    answered: u64,
}

impl Wild {
    fn step(&mut self, rng: &mut Rng) {
        let connection = rng.usize(0..4);
        let name = [b'a' + rng.u8(0..3)];
        let kind = if rng.bool() { Subscription::Channel } else { Subscription::Pattern };
        match rng.u8(0..16) {
            0..=6 if self.open[connection] => {
                self.redis.received(connection, &saying(rng));
                let Connection { awaited, .. } = self.redis.connection(Which::Listener);
                assert!(awaited.len() < 16, "of each of six names one command is under way");
            }
            7 if self.open[connection] => {
                self.open[connection] = false;
                self.redis.closed(connection, "cut");
            }
            8 => self.redis.subscribe(kind, &name),
            9 => self.redis.unsubscribe(kind, &name),
            10 => drop(self.redis.publish(Subscription::Channel, &name, b"x", rng.bool())),
            11 => {
                self.redis.ask(&[b"GET", &name], self.asked);
                self.asked += 1;
            }
            12 => {
                let count = rng.usize(0..=self.redis.output(connection).len());
                self.redis.sent(connection, count);
            }
            13 => self.pass(rng.u64(0..ANSWER_TIMEOUT)),
            14 if rng.u8(0..20) == 0 => self.redis.read_stream(&name),
            _ => self.listen(),
        }
        // No more is taken in while there is something to be told.
        assert!(self.redis.told.len() < 80 + 2 * self.asked as usize, "{:?}", self.redis.told);
    }

    fn pass(&mut self, time: Millis) {
        self.now += time;
        self.redis.tick(self.now);
        while let Some(connection) = self.redis.hung_up() {
            self.open[connection] = false;
        }
        while let Some((connection, _)) = self.redis.dial() {
            assert!(!std::mem::replace(&mut self.open[connection], true), "it is open");
            self.redis.connected(connection);
        }
    }

    fn listen(&mut self) {
        while let Some(event) = self.redis.next() {
            if let RedisEvent::Reply { token, .. } | RedisEvent::Failed { token, .. } = event {
                assert!(token < self.asked);
                self.answered += 1;
            }
        }
    }
}

#[test]
fn whatever_a_redis_says_it_is_left_or_gone_on_with() {
    let mut up = 0;
    for_seeds(rounds(2_000) as u64, |rng| {
        let url = if rng.u8(..4) > 0 { "redis://u:p@h/1" } else { "redis+sentinel://a,b/1/s" };
        let options = RedisOptions::parse(url).unwrap();
        let redis = Redis::new(&options, rng.u64(..));
        let mut wild = Wild { redis, now: 0, open: [false; 4], asked: 0, answered: 0 };
        wild.pass(0);
        for _ in 0..rng.usize(1..300) {
            wild.step(rng);
            up += u64::from(wild.redis.is_up());
        }
        // It says nothing any more: whatever it owed, each connection is opened anew, and each question has had its one answer.
        wild.listen();
        let before = wild.redis.counters().connected;
        for _ in 0..8 {
            wild.pass(IDLE.max(LONG_WAIT).max(OPEN_TIMEOUT));
            wild.listen();
        }
        assert!(wild.redis.counters().connected > before, "it has not been tried again");
        assert_eq!(wild.answered, wild.asked);
    });
    assert!(cfg!(miri) || up > rounds(2_000) as u64, "it is hardly ever up: {up}");
}

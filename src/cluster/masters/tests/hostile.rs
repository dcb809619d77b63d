//! Servers that say anything at any time: nothing panics, nothing grows, and the node goes on trying.

use super::*;
use crate::base::rounds;
use crate::base::seeds::for_seeds;
use fastrand::Rng;

/// What they may say, to be put together.
const WORDS: &[&str] = &[
    "%1\r\n$5\r\nproto\r\n:3\r\n",
    "+OK\r\n",
    ":1\r\n",
    "_\r\n",
    "*0\r\n",
    ">0\r\n",
    "-MOVED 5061 c:1\r\n",
    "-MOVED 5061 z:1\r\n",
    "-MOVED 5061 :1\r\n",
    "-MOVED 99999 c:1\r\n",
    "-MOVED 1 c:0\r\n",
    "-MOVED x\r\n",
    "-MOVED\r\n",
    "-ASK 5061 c:1\r\n",
    "-TRYAGAIN\r\n",
    "-CLUSTERDOWN The cluster is down\r\n",
    "-CLUSTERDOWN Hash slot not served\r\n",
    "-NOPERM no\r\n",
    "-LOADING wait\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\na\r\n:1\r\n",
    "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
    "*1\r\n*3\r\n:9\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
    "*1\r\n*3\r\n:5061\r\n:5061\r\n*2\r\n_\r\n:1\r\n",
    "*2\r\n*3\r\n:0\r\n:5061\r\n*2\r\n$1\r\nb\r\n:1\r\n*3\r\n:5000\r\n:16383\r\n*2\r\n$1\r\nd\r\n:1\r\n",
    "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:65535\r\n",
    "$16\r\ncluster_state:ok\r\n",
    "$18\r\ncluster_state:fail\r\n",
    ">3\r\n$12\r\nsunsubscribe\r\n$3\r\nbar\r\n:0\r\n",
    ">3\r\n$10\r\nssubscribe\r\n$3\r\nbar\r\n:1\r\n",
    ">3\r\n$9\r\nsubscribe\r\n$3\r\nbar\r\n:1\r\n",
    ">3\r\n$8\r\nsmessage\r\n$3\r\nbar\r\n$1\r\nx\r\n",
    ">3\r\n$7\r\nmessage\r\n$3\r\nbar\r\n$1\r\nx\r\n",
    "*2\r\n$3\r\nbar\r\n:9223372036854775807\r\n",
    "*2\r\n$3\r\nbar\r\n:-1\r\n",
    "%1\r\n$3\r\nfoo\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n",
    "?\r\n",
];

struct Wild {
    world: World,
    asked: u64,
}

impl Wild {
    fn step(&mut self, rng: &mut Rng) {
        let Self { world, asked } = self;
        let numbers: Vec<usize> = world.open.keys().copied().collect();
        let number = rng.choice(&numbers).copied().unwrap_or(0);
        let channel: &[u8] = if rng.bool() { b"bar" } else { b"foo" };
        let kind = if rng.bool() { Subscription::Shard } else { Subscription::Channel };
        match rng.u8(0..24) {
            0..=1 if world.open.contains_key(&number) => {
                for _ in 0..rng.usize(1..4) {
                    world.masters.received(number, WORDS[rng.usize(..WORDS.len())].as_bytes());
                }
            }
            // Or in place of an answer.
            2..=3 if world.open.contains_key(&number) => {
                let length = world.masters.output(number).len();
                world.masters.sent(number, length);
                world.masters.received(number, WORDS[rng.usize(..WORDS.len())].as_bytes());
            }
            4 if world.open.remove(&number).is_some() => world.masters.closed(number, "cut"),
            5 => world.masters.subscribe(kind, channel),
            6 => world.masters.unsubscribe(kind, channel),
            7..=8 => drop(world.masters.publish(kind, channel, b"x", rng.bool())),
            9 => {
                let how: &[u8] = if rng.bool() { b"NUMSUB" } else { b"SHARDNUMSUB" };
                world.masters.ask(&[b"PUBSUB", how, channel], *asked);
                *asked += 1;
            }
            10 => world.pass(rng.u64(0..3_000)),
            11 if rng.u8(..20) == 0 => world.masters.read_stream(b"foo"),
            12..=16 => world.send(number, usize::MAX),
            17..=21 => world.deliver(number, usize::MAX),
            22 => world.pass(0),
            _ => self.listen(),
        }
        assert!(self.world.masters.servers.len() <= 2 * MOST);
    }

    fn listen(&mut self) {
        let before = self.world.heard.len();
        while self.world.hear_one() {
            assert!(self.world.heard.len() < before + 100_000, "it never ends");
        }
    }
}

#[test]
fn whatever_servers_say_they_are_left_or_gone_on_with() {
    let mut up = 0;
    for_seeds(rounds(2_000) as u64, |rng| {
        let mut wild = Wild { world: World::new("u:p@a:1,b:1", rng.u64(..)), asked: 0 };
        wild.world.pass(0);
        if rng.bool() {
            wild.world.run();
        }
        for _ in 0..rng.usize(1..500) {
            wild.step(rng);
            up += u64::from(wild.world.masters.is_up());
        }
        // Nobody says anything any more: each question has had its one answer, and it is tried again.
        wild.listen();
        let before = wild.world.masters.counters().connected;
        for _ in 0..12 {
            wild.world.pass(20_000);
            wild.listen();
        }
        let Wild { world, asked } = &wild;
        assert!(world.masters.counters().connected > before, "it has not been tried again");
        let answers = world.heard.iter().filter(|heard| heard.contains(" = ") || heard.contains(" failed: "));
        assert_eq!(answers.count() as u64, *asked);
        assert!(world.masters.asked.is_empty() && world.masters.waiting.is_empty());
        assert!(world.open.keys().all(|&number| number < crate::engine::bus::MOST));
    });
    assert!(up > rounds(2_000) as u64, "it is hardly ever up: {up}");
}

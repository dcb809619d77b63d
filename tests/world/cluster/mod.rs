//! Five nodes of one cluster, their Redis and their clients under one clock: what one node says reaches whom the others' naive model
//! says, once and in order; and whatever is lost, late or doubled on the way, never anybody else.

mod model;
mod redis;
mod sessions;

use crate::world::World;
use fastrand::Rng;
use redis::{Number, Redis};
use roomcast::service::Service;
use roomcast::{Cluster, ClusterFormat, Config};
use std::collections::BTreeMap;

const NODES: usize = 5;

/// The nodes, and what is between them.
struct Nodes {
    worlds: Vec<World>,
    redis: Redis,
    now: u64,
    rng: Rng,
    /// Bytes come and go in pieces of random size.
    splits: bool,
    /// One that stands still.
    frozen: Option<usize>,
    /// Connections on which nothing moves before a time.
    held: BTreeMap<Number, u64>,
}

impl Nodes {
    fn new(format: ClusterFormat, room_channels: bool, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let cluster = Cluster { format, room_channels, request_timeout: 1_000, ..Cluster::default() };
        let config = || Config { cluster: Some(cluster.clone()), ..Config::default() };
        let worlds = (0..NODES).map(|_| World::seeded(config(), rng.u64(..))).collect();
        let redis = Redis::new(rng.bool());
        let splits = rng.bool();
        Self { worlds, redis, now: 0, rng, splits, frozen: None, held: BTreeMap::new() }
    }

    fn is_held(&self, at: Number) -> bool {
        self.frozen == Some(at.0) || self.held.get(&at).is_some_and(|&until| until > self.now)
    }

    /// A connection is cut, with what is on its way, whichever side that comes from.
    fn cut(&mut self, at: Number) {
        if self.redis.close(at)
            && let Some(bus) = self.worlds[at.0].core.bus_mut()
        {
            bus.closed(at.1, "cut");
        }
    }

    /// Redis is gone, and another one, with nothing in it, comes when it is told to.
    fn crash(&mut self) {
        for at in self.redis.open_ones() {
            self.cut(at);
        }
        self.redis.crash();
    }

    /// How much of so many bytes goes at once.
    fn piece(&mut self, len: usize) -> usize {
        if self.splits && self.rng.bool() { self.rng.usize(0..=len.min(100)) } else { len }
    }

    /// One node does what its loop does at this time.
    fn turn(&mut self, node: usize) {
        self.worlds[node].now = self.now;
        let bus = self.worlds[node].core.bus_mut().expect("a node");
        bus.tick(self.now);
        while let Some(number) = bus.hung_up() {
            self.redis.close((node, number));
        }
        while let Some((number, _)) = bus.dial() {
            if self.redis.runs {
                self.redis.open((node, number));
                bus.connected(number);
            } else {
                bus.closed(number, "refused");
            }
        }
        for at in self.redis.open_ones().into_iter().filter(|at| at.0 == node) {
            if self.is_held(at) {
                continue;
            }
            let waiting = self.worlds[node].core.bus().expect("a node").output(at.1).to_vec();
            let count = self.piece(waiting.len());
            self.redis.received(at, &waiting[..count]);
            let room = self.redis.output(at).len();
            let comes = self.piece(room);
            let bytes: Vec<u8> = self.redis.output(at).drain(..comes).collect();
            let bus = self.worlds[node].core.bus_mut().expect("a node");
            bus.sent(at.1, count);
            if !bytes.is_empty() {
                bus.received(at.1, &bytes);
            }
        }
        let core = &mut self.worlds[node].core;
        if core.bus().expect("a node").has_news() && core.wants_input() {
            core.bus_received(self.now);
        }
        self.worlds[node].settle();
    }

    fn is_at_rest(&mut self) -> bool {
        let moves = |this: &mut Self, at: Number| {
            let owes = !this.worlds[at.0].core.bus().expect("a node").output(at.1).is_empty();
            !this.is_held(at) && (owes || !this.redis.output(at).is_empty())
        };
        let news = |world: &World| world.core.bus().expect("a node").has_news();
        let stirs = self.redis.open_ones().into_iter().any(|at| moves(self, at));
        let frozen = self.frozen;
        !stirs && !self.worlds.iter().enumerate().any(|(node, world)| Some(node) != frozen && news(world))
    }

    /// Turns until nobody has anything to say at this time.
    fn settle(&mut self) {
        self.redis.now = self.now;
        for _ in 0..5_000 {
            self.redis.answer_reads();
            for node in (0..NODES).filter(|&node| self.frozen != Some(node)).collect::<Vec<_>>() {
                self.turn(node);
            }
            if self.is_at_rest() {
                return;
            }
        }
        panic!("the cluster does not come to rest");
    }

    fn run(&mut self, time: u64) {
        for _ in 0..time.div_ceil(50) {
            self.now += 50;
            self.settle();
        }
    }
}

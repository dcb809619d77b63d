//! A node's connections to a Redis Cluster, without I/O: a [`Redis`] for each of its masters, and who has which slot. What belongs to
//! another master than before is brought there. It must not know what messages mean.

mod bus;
mod hearing;
mod places;
mod placing;
mod scout;
mod slots;
#[cfg(test)]
mod tests;
mod waiting;

use crate::base::Millis;
use crate::cluster::redis::{
    Post, Published, Random, Redis, RedisCounters, RedisEvent, RedisOptions, Standing, Subscription, Told,
    append,
};
use crate::engine::bus::Endpoint;
use crate::wire::cluster::session::EntryId;
use crate::wire::resp::Reader;
use hearing::Seen;
use places::{ANY, Places};
use scout::Scout;
use slots::Slots;
use std::collections::{BTreeMap, VecDeque};
use waiting::Waiting;

/// Masters of one cluster.
const MOST: usize = 32;

/// One server that is, or was, a master.
#[derive(Debug)]
struct Server {
    redis: Redis,
    place: Endpoint,
    /// It has slots, as far as is known. One that has none is left as soon as it owes nothing.
    listed: bool,
    /// Why it is not up, as it has told.
    why: String,
}

/// A question.
#[derive(Debug)]
struct Asked {
    /// What all say is added up.
    adds: bool,
    /// So many have yet to answer.
    left: usize,
    so_far: i64,
}

/// A node's connections to a Redis Cluster. [`Bus`](crate::engine::bus::Bus) is what drives them.
#[derive(Debug)]
pub(crate) struct Masters {
    options: RedisOptions,
    /// By their numbers, which slots and places name.
    servers: Vec<Option<Server>>,
    slots: Slots,
    /// Who has which slot has been said.
    known: bool,
    /// Why what was said is not good enough.
    lacks: &'static str,
    /// A server has said that the cluster as a whole is not well.
    ill: String,
    /// The scout's last server has said so.
    doubts: bool,
    /// The server that is told what all of them hear.
    any: Option<usize>,
    places: Places,
    waiting: Waiting,
    /// The number of the next command that is published.
    next_post: u64,
    /// Servers with the number of the last command before a slot moved: what they have of those may come back.
    draining: Vec<(usize, u64)>,
    asked: BTreeMap<u64, Asked>,
    /// The answer to one that several were asked.
    sum: Reader,
    scout: Scout,
    /// Connections of servers that were left, which are to be closed.
    hang_ups: VecDeque<usize>,
    standing: Standing,
    told: VecDeque<Told>,
    /// The one of them that is lent out.
    lent: Option<Told>,
    random: Random,
    now: Millis,
    /// Those of servers that were left, and of what was dropped here.
    counters: RedisCounters,
}

impl Masters {
    /// Nothing is opened yet. `seeds`: servers by which the others are found. `seed`: of the times between two attempts, which should not
    /// be the same for all nodes.
    pub(crate) fn new(options: &RedisOptions, seeds: &[Endpoint], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let first = usize::try_from(random.next()).unwrap_or(0).checked_rem(seeds.len()).unwrap_or(0);
        let first = seeds.get(first).cloned().unwrap_or(Endpoint::Tcp(String::new(), 0));
        Self {
            scout: Scout::new(options, first, &mut random),
            options: options.clone(),
            servers: Vec::new(),
            slots: Slots::new(),
            known: false,
            lacks: "",
            ill: String::new(),
            doubts: false,
            any: None,
            places: Places::default(),
            waiting: Waiting::default(),
            next_post: 0,
            draining: Vec::new(),
            asked: BTreeMap::new(),
            sum: Reader::new(1_024),
            hang_ups: VecDeque::new(),
            standing: Standing::default(),
            told: VecDeque::new(),
            lent: None,
            random,
            now: 0,
            counters: RedisCounters::default(),
        }
    }

    fn server(&mut self, at: usize) -> Option<&mut Server> {
        self.servers.get_mut(at)?.as_mut()
    }

    /// All of them, with their numbers.
    fn servers(&self) -> impl Iterator<Item = (usize, &Server)> {
        self.servers.iter().enumerate().filter_map(|(at, server)| Some((at, server.as_ref()?)))
    }

    /// Who is told what is in a lane.
    fn owner(&self, lane: u16) -> Option<usize> {
        if lane == ANY { self.any } else { self.slots.owner(lane) }
    }

    /// Listens to a channel, or to all of a pattern, from now on, over all connections to come.
    pub(crate) fn subscribe(&mut self, kind: Subscription, name: &[u8]) {
        let lane = places::lane(kind, name);
        let at = self.owner(lane);
        if self.places.want(kind, name, lane, at)
            && let Some(server) = at.and_then(|at| self.server(at))
        {
            server.redis.subscribe(kind, name);
        }
    }

    /// Listens to it no more.
    pub(crate) fn unsubscribe(&mut self, kind: Subscription, name: &[u8]) {
        let at = self.places.forget(kind, name);
        if let Some(server) = at.and_then(|at| self.server(at)) {
            server.redis.unsubscribe(kind, name);
        }
    }

    /// Publishes to a channel, which is heard by those who subscribe to it in the same way. What is `volatile` does not wait for a
    /// connection.
    pub(crate) fn publish(
        &mut self,
        kind: Subscription,
        channel: &[u8],
        payload: &[u8],
        volatile: bool,
    ) -> Published {
        self.post(places::lane(kind, channel), &[kind.publishes(), channel, payload], volatile)
    }

    /// Reads a stream from now on, over all connections to come: what it has since then, and what it had while there was none.
    pub(crate) fn read_stream(&mut self, name: &[u8]) {
        let at = self.owner(slots::slot(name));
        if self.places.read(name, at)
            && let Some(server) = at.and_then(|at| self.server(at))
        {
            server.redis.read_stream(name);
        }
    }

    /// Appends an entry to a stream, which keeps the last `keep` or some more. What is `volatile` does not wait for a connection.
    pub(crate) fn append(&mut self, stream: &[u8], keep: u32, fields: &[&[u8]], volatile: bool) -> Published {
        let keep = keep.to_string();
        self.post(slots::slot(stream), &append(stream, keep.as_bytes(), fields), volatile)
    }

    /// The place up to which all entries of a stream have been handed out, if that is known.
    pub(crate) fn stream_position(&self, name: &[u8]) -> Option<EntryId> {
        let owner = self.owner(slots::slot(name))?;
        self.servers.get(owner)?.as_ref()?.redis.stream_position(name)
    }

    /// A command about a key, the word behind its name, whose answer is of no interest but for its errors.
    pub(crate) fn post_about(&mut self, command: &[&[u8]]) -> Published {
        let key = command.get(1).copied().unwrap_or_default();
        self.post(slots::slot(key), command, false)
    }

    fn post(&mut self, lane: u16, command: &[&[u8]], is_volatile: bool) -> Published {
        let post = Post::new(self.next_post, lane, command, is_volatile);
        self.next_post = self.next_post.saturating_add(1);
        // What came before it in its lane goes before it.
        let (behind, drains) = (self.waiting.has(lane), !self.draining.is_empty());
        let owner = self.owner(lane).and_then(|at| self.server(at));
        let published = match owner.and_then(|server| Some((server.redis.takes_posts()?, server))) {
            Some((true, server)) if !behind && !drains => {
                server.redis.hand_over(post);
                Published::Sent
            }
            Some((false, _)) => Published::Dropped,
            Some(_) if !behind => self.wait(post, false),
            _ if is_volatile => Published::Dropped,
            _ => self.wait(post, false),
        };
        if published == Published::Dropped {
            self.count_dropped(1);
        }
        published
    }

    fn count_dropped(&mut self, count: usize) {
        self.counters.dropped = self.counters.dropped.saturating_add(count as u64);
    }

    /// A command whose answer is wanted: [`RedisEvent::Reply`] or [`RedisEvent::Failed`] comes with the same `token`. `PUBSUB NUMSUB` is
    /// asked of all masters, whose numbers are added up, and others of the master that has what they are about.
    pub(crate) fn ask(&mut self, command: &[&[u8]], token: u64) {
        let (adds, owner) = match command {
            [b"PUBSUB", b"NUMSUB", ..] => (true, None),
            [b"PUBSUB", _, name, ..] | [_, name, ..] => (false, self.slots.owner(slots::slot(name))),
            _ => (false, self.any),
        };
        let mut left: usize = 0;
        for (at, server) in self.servers.iter_mut().enumerate() {
            let asked = adds || owner == Some(at);
            if let Some(server) = server.as_mut().filter(|server| asked && server.listed) {
                server.redis.ask(command, token);
                left = left.saturating_add(1);
            }
        }
        if left > 0 {
            self.asked.insert(token, Asked { adds, left, so_far: 0 });
        } else {
            self.told.push_back(Told::Failed(token, self.standing.why().to_owned()));
        }
    }

    /// The next thing that was heard. What it lends lies where it was received.
    pub(crate) fn next(&mut self) -> Option<RedisEvent<'_>> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Some(self.lent.insert(told).lend());
            }
            match self.look() {
                Seen::Nothing => return None,
                Seen::Again => {}
                Seen::Message(at) => {
                    return self.servers.get(at)?.as_ref().map(|server| server.redis.message());
                }
                Seen::Reply(at, token) => {
                    let server = self.servers.get(at)?.as_ref()?;
                    return Some(RedisEvent::Reply { token, reply: server.redis.reply() });
                }
                Seen::Sum(token) => return Some(RedisEvent::Reply { token, reply: self.sum.reply() }),
            }
        }
    }

    /// Whether commands are heard by all masters, and all subscriptions stand that are allowed.
    pub(crate) fn is_up(&self) -> bool {
        self.standing.is_up()
    }

    /// What has come and gone so far. What the scout opened and lost is among it.
    pub(crate) fn counters(&self) -> RedisCounters {
        let servers = self.servers().map(|(_, server)| server.redis.counters());
        servers.chain([self.scout.counters()]).fold(self.counters, |sum, counters| sum.and(&counters))
    }
}

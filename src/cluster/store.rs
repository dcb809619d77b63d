//! The Redis of a node, be it one server or a Redis Cluster. It must not know more of either than that they are spoken to alike.

use super::masters::Masters;
use super::redis::{Published, Redis, RedisCounters, RedisEvent, RedisOptions, Subscription};
use crate::engine::bus::Bus;
use crate::wire::cluster::session::EntryId;

/// One of them.
#[derive(Debug)]
pub(super) enum Store {
    One(Box<Redis>),
    Cluster(Box<Masters>),
}

/// Has whichever it is do something.
macro_rules! either {
    ($store:expr, $it:ident => $act:expr) => {
        match $store {
            Store::One($it) => $act,
            Store::Cluster($it) => $act,
        }
    };
}

impl Store {
    /// Nothing is opened yet. `seed`: of the times between two attempts, which should not be the same for all nodes.
    pub(super) fn new(options: &RedisOptions, seed: u64) -> Self {
        match options.seeds() {
            None => Self::One(Redis::new(options, seed).into()),
            Some(seeds) => Self::Cluster(Masters::new(options, seeds, seed).into()),
        }
    }

    /// Listens to a channel, or to all of a pattern, from now on, over all connections to come.
    pub(super) fn subscribe(&mut self, kind: Subscription, name: &[u8]) {
        either!(self, it => it.subscribe(kind, name));
    }

    /// Listens to it no more.
    pub(super) fn unsubscribe(&mut self, kind: Subscription, name: &[u8]) {
        either!(self, it => it.unsubscribe(kind, name));
    }

    /// Publishes to a channel. What is `volatile` does not wait for a connection.
    pub(super) fn publish(
        &mut self,
        kind: Subscription,
        channel: &[u8],
        payload: &[u8],
        volatile: bool,
    ) -> Published {
        either!(self, it => it.publish(kind, channel, payload, volatile))
    }

    /// Reads a stream from now on.
    pub(super) fn read_stream(&mut self, name: &[u8]) {
        either!(self, it => it.read_stream(name));
    }

    /// Appends an entry to a stream, which keeps the last `keep` or some more.
    pub(super) fn append(&mut self, stream: &[u8], keep: u32, fields: &[&[u8]], volatile: bool) -> Published {
        either!(self, it => it.append(stream, keep, fields, volatile))
    }

    /// The place up to which all entries of a stream have been handed out, if that is known.
    pub(super) fn stream_position(&self, name: &[u8]) -> Option<EntryId> {
        either!(self, it => it.stream_position(name))
    }

    /// A command about a key, the word behind its name, whose answer is of no interest but for its errors.
    pub(super) fn post(&mut self, command: &[&[u8]]) -> Published {
        match self {
            Self::One(redis) => redis.post(command, false),
            Self::Cluster(masters) => masters.post_about(command),
        }
    }

    /// A command whose answer is wanted, which comes with the same `token`.
    pub(super) fn ask(&mut self, command: &[&[u8]], token: u64) {
        either!(self, it => it.ask(command, token));
    }

    /// The next thing that was heard.
    pub(super) fn next(&mut self) -> Option<RedisEvent<'_>> {
        either!(self, it => it.next())
    }

    /// Whether commands are heard, and all subscriptions stand that are allowed.
    pub(super) fn is_up(&self) -> bool {
        either!(self, it => it.is_up())
    }

    /// What has come and gone so far.
    pub(super) fn counters(&self) -> RedisCounters {
        either!(self, it => it.counters())
    }

    /// Its connections, for whoever drives them.
    pub(super) fn bus(&self) -> &dyn Bus {
        either!(self, it => &**it)
    }

    /// The same, to be driven.
    pub(super) fn bus_mut(&mut self) -> &mut dyn Bus {
        either!(self, it => &mut **it)
    }
}

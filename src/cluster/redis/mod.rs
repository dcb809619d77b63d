//! A node's connections to one Redis, without I/O: one for commands, one that listens, and one that reads streams. They are opened again
//! when they are lost, subscribe again to all that they did, and read on where they were. It must not know what messages mean.

mod backlog;
mod bus;
mod connection;
mod options;
mod refusal;
mod replies;
mod secured;
mod sentinels;
mod streams;
mod subscriptions;
#[cfg(test)]
mod tests;

use crate::base::Millis;
use crate::engine::bus::Endpoint;
use crate::wire::resp::{self, Reply};
use backlog::Backlog;
use connection::{Awaited, Connection};
use replies::Found;
use std::collections::VecDeque;
use std::sync::Arc;
use streams::Streams;
use subscriptions::{Change, Subscriptions};

pub(crate) use options::RedisOptions;
pub(crate) use streams::Entry;
pub(crate) use subscriptions::Subscription;

/// Bytes that the kernel has not taken: what is published beyond is dropped.
const MAX_OUTPUT: usize = 16 << 20;
/// Questions that wait for their answers.
const MAX_ASKED: usize = 1_024;

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// It is on its way.
    Sent,
    /// It waits for a connection, for a second at most.
    Queued,
    /// Nobody hears it.
    Dropped,
}

/// What is heard from a Redis.
#[derive(Debug, PartialEq)]
pub(crate) enum RedisEvent<'a> {
    /// Commands are heard, and all subscriptions stand that are allowed. `lost`: for how long that was not so, if it had been before.
    Up { lost: Option<Millis> },
    /// It is not so any more; or it still is not, for another reason than before.
    Down { why: &'a str },
    /// A subscription has heard something.
    Message { channel: &'a [u8], pattern: Option<&'a [u8]>, payload: &'a [u8] },
    /// An answer.
    Reply { token: u64, reply: Reply<'a> },
    /// No answer comes, or it is a refusal.
    Failed { token: u64, why: &'a str },
    /// An entry of a stream.
    Entry(&'a Entry),
    /// The Redis does not allow a subscription: told once for each connection, while it is asked again every ten seconds.
    Refused { kind: Subscription, name: &'a [u8], why: &'a str },
    /// The Redis does not allow what was published: told once for each connection, and counted each time.
    Unpublished { why: &'a str },
}

/// An event that is not lent from what was received.
#[derive(Debug)]
enum Told {
    Up(Option<Millis>),
    Down(String),
    Failed(u64, String),
    Refused(Change, String),
    Unpublished(String),
    Entry(Entry),
}

impl Told {
    fn lend(&self) -> RedisEvent<'_> {
        match self {
            Self::Up(lost) => RedisEvent::Up { lost: *lost },
            Self::Down(why) => RedisEvent::Down { why },
            Self::Failed(token, why) => RedisEvent::Failed { token: *token, why },
            Self::Refused(change, why) => RedisEvent::Refused { kind: change.kind, name: &change.name, why },
            Self::Unpublished(why) => RedisEvent::Unpublished { why },
            Self::Entry(entry) => RedisEvent::Entry(entry),
        }
    }
}

/// What has come and gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RedisCounters {
    /// Commands handed over to the connection.
    pub(crate) published: u64,
    /// Those that were dropped before: there was no connection, or no room.
    pub(crate) dropped: u64,
    /// Those of the published ones of which nobody knows whether they were carried out: the connection was lost before the answer.
    pub(crate) lost: u64,
    /// Those that the Redis refused.
    pub(crate) refused: u64,
    /// Messages to subscriptions, and entries of streams.
    pub(crate) heard: u64,
    /// Times that a stream was passed over up to its end, as an entry was too large.
    pub(crate) passed_over: u64,
    /// Connections that were opened.
    pub(crate) connected: u64,
    /// Connections that were lost, or could not be opened.
    pub(crate) failed: u64,
}

/// A node's connections to one Redis. [`Bus`](crate::engine::bus::Bus) is what drives them.
#[derive(Debug)]
pub(crate) struct Redis {
    options: Arc<RedisOptions>,
    commands: Connection,
    /// Opened when there is something to listen to. A connection of its own: if the Redis cuts it for being slow, commands are heard
    /// nevertheless.
    listener: Connection,
    /// Opened when there is a stream to read: whoever waits for entries can say nothing else.
    reader: Connection,
    sentinel: Connection,
    /// Which of the sentinels is asked next.
    next_sentinel: usize,
    /// Where the Redis is. With sentinels it has to be asked, each time that a connection is lost.
    place: Option<Endpoint>,
    streams: Streams,
    subscriptions: Subscriptions,
    /// When those that were refused are asked for again.
    ask_again: Option<Millis>,
    backlog: Backlog,
    up: bool,
    down_since: Option<Millis>,
    /// Why it is down, as it was told.
    why: String,
    /// That the Redis refuses what is published has been told.
    unpublished_told: bool,
    told: VecDeque<Told>,
    /// The one of them that is lent out.
    lent: Option<Told>,
    random: u64,
    now: Millis,
    counters: RedisCounters,
}

impl Redis {
    /// Nothing is opened yet. `seed`: of the times between two attempts, which should not be the same for all nodes.
    pub(crate) fn new(options: &RedisOptions, seed: u64) -> Self {
        Self {
            commands: Connection::new(options),
            listener: Connection::new(options),
            reader: Connection::new(options),
            sentinel: Connection::new(options),
            next_sentinel: 0,
            place: options.sentinels.is_none().then(|| options.endpoint.clone()),
            streams: Streams::default(),
            options: Arc::new(options.clone()),
            subscriptions: Subscriptions::default(),
            ask_again: None,
            backlog: Backlog::default(),
            up: false,
            down_since: None,
            why: String::new(),
            unpublished_told: false,
            told: VecDeque::new(),
            lent: None,
            random: seed,
            now: 0,
            counters: RedisCounters::default(),
        }
    }

    /// Listens to a channel, or to all of a pattern, from now on, over all connections to come.
    pub(crate) fn subscribe(&mut self, kind: Subscription, name: &[u8]) {
        self.want(kind, name, true);
    }

    /// Listens to it no more. What is on its way is still heard.
    pub(crate) fn unsubscribe(&mut self, kind: Subscription, name: &[u8]) {
        self.want(kind, name, false);
    }

    fn want(&mut self, kind: Subscription, name: &[u8], wanted: bool) {
        let ready = self.listener.is_ready();
        if let Some(change) = self.subscriptions.want(kind, name, wanted, ready) {
            self.send_change(change);
        }
        self.come_up();
    }

    fn send_change(&mut self, change: Change) {
        // One name for each command: in a Redis Cluster names of two shards may not stand in one.
        let words = [change.kind.command(change.on), &*change.name.clone()];
        self.listener.command(&words, Awaited::Change(change));
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
        let command: &[u8] = if kind == Subscription::Shard { b"SPUBLISH" } else { b"PUBLISH" };
        self.post(&[command, channel, payload], volatile)
    }

    /// Reads a stream from now on, over all connections to come: what it has since then, and what it had while there was none.
    pub(crate) fn read_stream(&mut self, name: &[u8]) {
        self.streams.add(name);
    }

    /// Appends an entry to a stream, which keeps the last `keep` or some more. What is `volatile` does not wait for a connection.
    pub(crate) fn append(&mut self, stream: &[u8], keep: u32, fields: &[&[u8]], volatile: bool) -> Published {
        let keep = keep.to_string();
        let head: [&[u8]; 6] = [b"XADD", stream, b"MAXLEN", b"~", keep.as_bytes(), b"*"];
        self.post(&[&head, fields].concat(), volatile)
    }

    /// A command whose answer is of no interest but for its errors.
    pub(crate) fn post(&mut self, command: &[&[u8]], volatile: bool) -> Published {
        let published = if self.commands.is_ready() {
            if self.commands.output().len() < MAX_OUTPUT {
                self.commands.command(command, Awaited::Posts(1));
                Published::Sent
            } else {
                Published::Dropped
            }
        } else if volatile {
            Published::Dropped
        } else {
            let mut bytes = Vec::new();
            resp::command(&mut bytes, command);
            match self.backlog.push(bytes) {
                Some(others) => {
                    self.count_dropped(others);
                    Published::Queued
                }
                None => Published::Dropped,
            }
        };
        match published {
            Published::Sent => self.counters.published = self.counters.published.saturating_add(1),
            Published::Dropped => self.count_dropped(1),
            Published::Queued => {}
        }
        published
    }

    fn count_dropped(&mut self, count: usize) {
        self.counters.dropped = self.counters.dropped.saturating_add(count as u64);
    }

    /// A command whose answer is wanted: [`RedisEvent::Reply`] or [`RedisEvent::Failed`] comes with the same `token`, in the order of the
    /// questions.
    pub(crate) fn ask(&mut self, command: &[&[u8]], token: u64) {
        let full = self.commands.asked >= MAX_ASKED || self.commands.output().len() >= MAX_OUTPUT;
        if !self.commands.is_ready() {
            let why = if self.why.is_empty() { "there is no connection yet" } else { &*self.why };
            self.told.push_back(Told::Failed(token, why.to_owned()));
        } else if full {
            self.told.push_back(Told::Failed(token, "too many questions wait for their answers".to_owned()));
        } else {
            self.commands.command(command, Awaited::Ask(token));
        }
    }

    /// The next thing that was heard. What it lends lies where it was received.
    pub(crate) fn next(&mut self) -> Option<RedisEvent<'_>> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Some(self.lent.insert(told).lend());
            }
            match self.look() {
                Found::Nothing => return None,
                Found::Told => {}
                Found::Reply(token) => {
                    return Some(RedisEvent::Reply { token, reply: self.commands.reader.reply() });
                }
                Found::Message => return Some(replies::message(self.listener.reader.reply())),
            }
        }
    }

    /// Whether commands are heard, and all subscriptions stand that are allowed.
    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    /// What has come and gone so far.
    pub(crate) fn counters(&self) -> RedisCounters {
        self.counters
    }
}

/// A name as a part of a pattern that matches it and nothing else.
pub(crate) fn escape_glob(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

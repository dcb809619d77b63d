//! A node's connections to one Redis, without I/O: one for commands, one that listens, and one that reads streams. They are opened again
//! when they are lost, subscribe again to all that they did, and read on where they were. It must not know what messages mean.

mod astray;
mod backlog;
mod bus;
mod connection;
mod options;
mod post;
mod random;
mod refusal;
mod replies;
mod secured;
mod sentinels;
mod standing;
mod streams;
mod subscriptions;
#[cfg(test)]
mod tests;

use crate::base::Millis;
use crate::engine::bus::Endpoint;
use crate::wire::cluster::session::EntryId;
use crate::wire::resp::{self, Reply};
use backlog::Backlog;
use connection::{Awaited, Connection};
use replies::Found;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use streams::Streams;
use subscriptions::Subscriptions;

pub(crate) use astray::Astray;
pub(crate) use options::RedisOptions;
pub(crate) use post::Post;
pub(crate) use random::Random;
pub(crate) use standing::Standing;
pub(crate) use streams::{Entry, append};
pub(crate) use subscriptions::{Change, Subscription};

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
pub(crate) enum Told {
    Up(Option<Millis>),
    Down(String),
    Failed(u64, String),
    Refused(Change, String),
    Unpublished(String),
    Entry(Entry),
}

/// What was heard, where it is not lent yet.
#[derive(Debug)]
pub(crate) enum Step {
    Nothing,
    Told(Told),
    /// The answer to a question: [`Redis::reply`] lends it.
    Reply(u64),
    /// [`Redis::message`] lends it.
    Message,
}

impl Told {
    pub(crate) fn lend(&self) -> RedisEvent<'_> {
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

impl RedisCounters {
    /// The sum of both.
    pub(crate) fn and(self, other: &Self) -> Self {
        Self {
            published: self.published.saturating_add(other.published),
            dropped: self.dropped.saturating_add(other.dropped),
            lost: self.lost.saturating_add(other.lost),
            refused: self.refused.saturating_add(other.refused),
            heard: self.heard.saturating_add(other.heard),
            passed_over: self.passed_over.saturating_add(other.passed_over),
            connected: self.connected.saturating_add(other.connected),
            failed: self.failed.saturating_add(other.failed),
        }
    }
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
    standing: Standing,
    /// That the Redis refuses what is published has been told.
    unpublished_told: bool,
    told: VecDeque<Told>,
    /// What it has not taken, as one server of several.
    astray: VecDeque<Astray>,
    /// Of which lanes something came back, and nothing was taken since.
    lanes_astray: BTreeSet<u16>,
    /// The one of them that is lent out.
    lent: Option<Told>,
    random: Random,
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
            standing: Standing::default(),
            unpublished_told: false,
            told: VecDeque::new(),
            astray: VecDeque::new(),
            lanes_astray: BTreeSet::new(),
            lent: None,
            random: Random::new(seed),
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
        self.post(&[kind.publishes(), channel, payload], volatile)
    }

    /// Reads a stream from now on, over all connections to come: what it has since then, and what it had while there was none.
    pub(crate) fn read_stream(&mut self, name: &[u8]) {
        self.streams.add(name, None);
    }

    /// The place up to which all entries of a stream have been handed out. `None` while some wait, and while it is not known.
    pub(crate) fn stream_position(&self, name: &[u8]) -> Option<EntryId> {
        self.streams.position(name).filter(|_| self.told.is_empty())
    }

    /// Appends an entry to a stream, which keeps the last `keep` or some more. What is `volatile` does not wait for a connection.
    pub(crate) fn append(&mut self, stream: &[u8], keep: u32, fields: &[&[u8]], volatile: bool) -> Published {
        self.post(&append(stream, keep.to_string().as_bytes(), fields), volatile)
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
            self.told.push_back(Told::Failed(token, self.standing.why().to_owned()));
        } else if full {
            self.told.push_back(Told::Failed(token, "too many questions wait for their answers".to_owned()));
        } else {
            self.commands.command(command, Awaited::Ask(token));
        }
    }

    /// The next thing that was heard. What it lends lies where it was received.
    pub(crate) fn next(&mut self) -> Option<RedisEvent<'_>> {
        match self.step() {
            Step::Nothing => None,
            Step::Told(told) => Some(self.lent.insert(told).lend()),
            Step::Reply(token) => Some(RedisEvent::Reply { token, reply: self.reply() }),
            Step::Message => Some(self.message()),
        }
    }

    /// The same, not lent yet.
    pub(crate) fn step(&mut self) -> Step {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Step::Told(told);
            }
            match self.look() {
                Found::Nothing => return Step::Nothing,
                Found::Told => {}
                Found::Reply(token) => return Step::Reply(token),
                Found::Message => return Step::Message,
            }
        }
    }

    /// The answer that was found last.
    pub(crate) fn reply(&self) -> Reply<'_> {
        self.commands.reader.reply()
    }

    /// The message that was found last.
    pub(crate) fn message(&self) -> RedisEvent<'_> {
        replies::message(self.listener.reader.reply())
    }

    /// Whether all that is wanted by now stands, be it told or not.
    pub(crate) fn stands(&self) -> bool {
        let listens = self.listener.is_ready() && self.subscriptions.are_settled();
        let reads = self.reader.is_ready() && self.streams.unknown().is_none();
        let all = (listens || self.subscriptions.is_empty()) && (reads || self.streams.is_empty());
        self.commands.is_ready() && all
    }

    /// Whether commands are heard, and all subscriptions stand that are allowed.
    pub(crate) fn is_up(&self) -> bool {
        self.standing.is_up()
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

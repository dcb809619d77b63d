//! One connection to a Redis: what is sent, what is awaited, and since when. It must not know what a reply is good for.

use super::options::RedisOptions;
use super::post::Post;
use super::random::Random;
use super::subscriptions::Change;
use crate::base::Millis;
use crate::wire::resp::{self, Reader};
use std::collections::VecDeque;

/// How long it may take to open one, in milliseconds.
pub(super) const OPEN_TIMEOUT: Millis = 5_000;
/// A connection on which nothing has come for so long is asked whether it is there.
pub(super) const IDLE: Millis = 15_000;
/// One that owes an answer for so long, and says nothing else, is given up.
pub(super) const ANSWER_TIMEOUT: Millis = 10_000;
/// The first wait before it is opened again, and the longest.
pub(super) const BACK_OFF: (Millis, Millis) = (50, 2_000);
/// One that was of use for so long is opened again at once, the first time.
pub(super) const STOOD: Millis = 250;
/// The wait before it is opened again where somebody has to change something first.
pub(super) const LONG_WAIT: Millis = 10_000;
/// Bytes behind a message's own: its channel, and how they are told apart.
const OVERHEAD: usize = 64 * 1024;
/// Bytes that are kept until they are answered; what is posted beyond is not brought elsewhere.
const MAX_KEPT: usize = 1 << 20;
/// Room for output is given back down to this.
const KEEP: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is not open, and not to be opened before this.
    Waiting(Millis),
    /// It is being opened, since then.
    Opening(Millis),
    /// It is open; who speaks, and to which database, is not settled.
    Greeting,
    /// Commands may be sent, since then.
    Ready(Millis),
    /// It is closed, and what came before that is not all looked at.
    Ending { since: Millis, why: String },
}

/// What an answer will be about. They come in the order of the commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Hello,
    Auth,
    Name,
    Select,
    Ping,
    /// So many commands one after the other whose answers nobody asks for.
    Posts(u64),
    /// One of those that is brought elsewhere if it does not belong here.
    Kept(Post),
    /// One with the number of who asks.
    Ask(u64),
    Change(Change),
    /// The last entry of a stream.
    Newest(Box<[u8]>),
    /// Entries of streams.
    Read,
    /// Where a sentinel's Redis is.
    Master,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: State,
    pub(super) reader: Reader,
    output: Vec<u8>,
    /// How much of it is gone.
    sent: usize,
    pub(super) awaited: VecDeque<Awaited>,
    /// How many of those are asked for by somebody.
    pub(super) asked: usize,
    /// Bytes of those that are kept.
    kept: usize,
    /// Since when an answer has been awaited without a break, if that is known.
    owed_since: Option<Millis>,
    /// When bytes came last.
    heard: Millis,
    /// What has come is all looked at, but for a part of a reply.
    pub(super) dry: bool,
    /// Times in a row that it was lost soon, or not opened.
    attempts: u32,
    /// Whoever opened it is to close it.
    pub(super) hang_up: bool,
    /// It speaks RESP3.
    pub(super) pushes: bool,
}

impl Connection {
    pub(super) fn new(options: &RedisOptions) -> Self {
        Self {
            state: State::Waiting(0),
            reader: Reader::new(options.max_message.saturating_add(OVERHEAD)),
            output: Vec::new(),
            sent: 0,
            awaited: VecDeque::new(),
            asked: 0,
            kept: 0,
            owed_since: None,
            heard: 0,
            dry: true,
            attempts: 0,
            hang_up: false,
            pushes: false,
        }
    }

    /// Whether answers are to come.
    pub(super) fn is_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// Whether bytes may come and go.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Greeting | State::Ready(_))
    }

    pub(super) fn begin(&mut self, options: &RedisOptions, now: Millis) {
        *self = Self { state: State::Greeting, attempts: self.attempts, heard: now, ..Self::new(options) };
        let mut words: Vec<&[u8]> = vec![b"HELLO", b"3"];
        if let Some(login) = &options.login {
            words.extend([b"AUTH", login.user.as_deref().unwrap_or(b"default"), &login.password]);
        }
        words.extend([&b"SETNAME"[..], NAME]);
        self.command(&words, Awaited::Hello);
        self.owed_since = Some(now);
    }

    /// The same for a Redis that does not know `HELLO`, or does not let everybody say it.
    pub(super) fn begin_plainly(&mut self, options: &RedisOptions) {
        if let Some(login) = &options.login {
            let words = [Some(&b"AUTH"[..]), login.user.as_deref(), Some(&login.password)];
            self.command(&words.into_iter().flatten().collect::<Vec<_>>(), Awaited::Auth);
        }
        self.command(&[b"CLIENT", b"SETNAME", NAME], Awaited::Name);
        self.select(options);
    }

    pub(super) fn select(&mut self, options: &RedisOptions) {
        if options.database > 0 {
            self.command(&[b"SELECT", options.database.to_string().as_bytes()], Awaited::Select);
        }
    }

    pub(super) fn command(&mut self, words: &[&[u8]], awaited: Awaited) {
        resp::command(&mut self.output, words);
        self.expect(awaited);
    }

    /// A command whose answer nobody asks for, written before.
    pub(super) fn post(&mut self, command: &[u8]) {
        self.output.extend_from_slice(command);
        self.expect(Awaited::Posts(1));
    }

    /// The same, and keeps it until it is answered, if not too much is kept already.
    pub(super) fn post_and_keep(&mut self, post: Post) {
        self.output.extend_from_slice(post.bytes());
        let kept = self.kept.saturating_add(post.size());
        if kept > MAX_KEPT {
            return self.expect(Awaited::Posts(1));
        }
        self.kept = kept;
        self.expect(Awaited::Kept(post));
    }

    fn expect(&mut self, awaited: Awaited) {
        self.asked = self.asked.saturating_add(usize::from(matches!(awaited, Awaited::Ask(_))));
        match (self.awaited.back_mut(), &awaited) {
            // However many there are, they take no more room.
            (Some(Awaited::Posts(count)), Awaited::Posts(more)) => *count = count.saturating_add(*more),
            _ => self.awaited.push_back(awaited),
        }
    }

    /// An answer has come. `None` if there is nothing that it could be about.
    pub(super) fn answered(&mut self) -> Option<Awaited> {
        // Every answer is a sign of life, and who has many to give may take the time for each.
        self.owed_since = None;
        if let Some(Awaited::Posts(count)) = self.awaited.front_mut()
            && *count > 1
        {
            *count = count.saturating_sub(1);
            return Some(Awaited::Posts(1));
        }
        let awaited = self.awaited.pop_front()?;
        match &awaited {
            Awaited::Ask(_) => self.asked = self.asked.saturating_sub(1),
            Awaited::Kept(post) => self.kept = self.kept.saturating_sub(post.size()),
            _ => {}
        }
        Some(awaited)
    }

    pub(super) fn output(&self) -> &[u8] {
        if self.is_open() { self.output.get(self.sent..).unwrap_or_default() } else { &[] }
    }

    pub(super) fn sent(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count).min(self.output.len());
        if self.sent == self.output.len() {
            self.output.clear();
            self.output.shrink_to(KEEP);
        } else if self.sent > self.output.len() / 2 {
            // What moves is less than what goes.
            self.output.drain(..self.sent);
        } else {
            return;
        }
        self.sent = 0;
    }

    pub(super) fn heard(&mut self, now: Millis) {
        self.heard = self.heard.max(now);
        self.owed_since = None;
    }

    /// Time has passed. Says what it is to be given up for.
    pub(super) fn tick(&mut self, now: Millis) -> Option<&'static str> {
        if self.owed_since.is_none() && !self.awaited.is_empty() {
            self.owed_since = Some(now);
        }
        if self.next_timeout().is_none_or(|due| due > now) {
            return None;
        }
        match self.state {
            State::Opening(_) => Some("it takes no connection within 5 seconds"),
            _ if !self.awaited.is_empty() => Some("it has not answered for 10 seconds"),
            State::Ready(_) => {
                self.command(&[b"PING"], Awaited::Ping);
                self.owed_since = Some(now);
                None
            }
            _ => None,
        }
    }

    /// When [`tick`](Self::tick) has something to say or to ask. Not while nobody looks at what has come: more of it may be
    /// waiting outside.
    pub(super) fn next_timeout(&self) -> Option<Millis> {
        match self.state {
            State::Opening(since) => Some(since.saturating_add(OPEN_TIMEOUT)),
            State::Greeting | State::Ready(_) if self.dry => match self.owed_since {
                Some(since) => Some(since.saturating_add(ANSWER_TIMEOUT)),
                None if self.awaited.is_empty() => Some(self.heard.saturating_add(IDLE)),
                None => None,
            },
            _ => None,
        }
    }

    /// It is gone, and waits to be opened again: for `LONG_WAIT`, or for a while that grows each time. One that stood is opened again at
    /// once, the first time: mostly it was cut alone, and the Redis is there. `random` spreads those who have lost the same Redis.
    pub(super) fn lose(&mut self, options: &RedisOptions, random: &mut Random, long: bool, now: Millis) {
        let stood = match self.state {
            State::Ready(since) | State::Ending { since, .. } => now.saturating_sub(since) >= STOOD,
            _ => false,
        };
        let whole = match self.attempts {
            _ if long => LONG_WAIT,
            _ if stood => 0,
            before => BACK_OFF.0.checked_shl(before.min(16)).unwrap_or(BACK_OFF.1).min(BACK_OFF.1),
        };
        let wait = random.around(whole);
        *self = Self {
            state: State::Waiting(now.saturating_add(wait)),
            attempts: if stood { 0 } else { self.attempts.saturating_add(1) },
            hang_up: self.hang_up,
            ..Self::new(options)
        };
    }
}

/// What the Redis lists this program's connections by.
const NAME: &[u8] = b"roomcast";

//! This node's place in a cluster: what it publishes, which channels it listens to, and what the others say. It must not carry out
//! anything.

use super::channels::{Channels, Content, MOVED, TICKET, Ticket, Way};
use super::incoming::{ClientsStep, ForHost, Incoming, Unread, counted, nodes_in, take};
use super::listening::{Channel, Listening};
use super::redis::{Published, RedisCounters, RedisEvent, RedisOptions};
use super::requests::{Asked, Over, Question, Requests};
use super::sessions::{self, Answer, Asker as SessionAsker, Heard as HeardByCore, Sessions, Wanted};
use super::store::Store;
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::unfit::Field;
use crate::engine::bus::Bus;
use crate::host::cluster::{Cluster, OwnChannels};
use crate::host::stats::{Counters, count};
use crate::wire::cluster::pubsub::{self, Purpose};
use crate::wire::cluster::{Message, Opts, Packet, Untold, Value};
use std::borrow::Cow;
use std::collections::VecDeque;

static URL: Field =
    Field::words("cluster_url", "it is no address of a Redis, such as redis://127.0.0.1:6379");

/// Room for a message is given back down to this.
const KEEP: usize = 64 * 1024;

/// Numbers of questions from here on are those of acknowledgements: handles, whose kind is in their upper bits.
const FOR_CLIENTS: u64 = 1 << 60;

/// What waits to be told although Redis has nothing more to say about it.
#[derive(Debug)]
enum Pending {
    Over(Over),
    /// Of a question to clients: so many nodes will say whom they ask.
    Nodes(u64, u32),
    /// One of them asks so many.
    Count(u64, u32),
}

/// A node of a cluster.
pub(crate) struct Node {
    redis: Store,
    options: Cluster,
    channels: Channels,
    listening: Listening,
    requests: Requests,
    asked: Asked,
    pending: VecDeque<Pending>,
    sessions: Sessions,
    /// Reused by every message: the channel's name, and what it says.
    name: String,
    payload: Vec<u8>,
    /// Reused by every entry of a stream that is not text.
    scratch: Vec<u8>,
    /// Those of a cluster; the others stay 0.
    counters: Counters,
}

impl Node {
    /// # Errors
    /// [`Error::BadConfig`] for an address that is none, [`Error::NoEntropy`].
    pub(crate) fn new(options: &Cluster) -> Result<Self> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|_| Error::NoEntropy)?;
        let redis = RedisOptions::parse(&options.url).map_err(|why| URL.refuses_as(why))?;
        let channels = Channels::new(options)?;
        // What is not text takes a third more in a stream.
        let factor = if channels.stream().is_some() { 2 } else { 1 };
        let redis = redis.with_max_message(options.max_message.saturating_mul(factor));
        let mut redis = Store::new(&redis, u64::from_ne_bytes(seed));
        if let Some(stream) = channels.stream().filter(|_| !options.write_only) {
            redis.read_stream(stream.as_bytes());
        }
        Ok(Self {
            redis,
            options: options.clone(),
            channels,
            listening: Listening::default(),
            requests: Requests::default(),
            asked: Asked::default(),
            pending: VecDeque::new(),
            sessions: Sessions::default(),
            name: String::new(),
            payload: Vec::new(),
            scratch: Vec::new(),
            counters: Counters::default(),
        })
    }

    /// What it has counted: a broker's counters, of which only those of a cluster are not 0.
    pub(crate) fn counters(&self) -> Counters {
        let RedisCounters { published, dropped, lost, refused, connected, failed, passed_over, .. } =
            self.redis.counters();
        Counters {
            cluster_published: published,
            cluster_dropped: self.counters.cluster_dropped.saturating_add(dropped).saturating_add(refused),
            cluster_malformed: self.counters.cluster_malformed.saturating_add(passed_over),
            cluster_lost: lost,
            cluster_connects: connected,
            cluster_failures: failed,
            ..self.counters
        }
    }

    /// Its connections, for whoever drives them.
    pub(crate) fn bus(&self) -> &dyn Bus {
        self.redis.bus()
    }

    /// The same, to be driven.
    pub(crate) fn bus_mut(&mut self) -> &mut dyn Bus {
        self.redis.bus_mut()
    }

    /// There is a namespace of this name from now on.
    pub(crate) fn namespace_made(&mut self, namespace: &str) {
        if !self.options.write_only {
            self.listening.namespace_made(&mut self.redis, &self.channels, namespace);
        }
    }

    /// The namespace is gone.
    pub(crate) fn namespace_gone(&mut self, namespace: &str) {
        self.listening.namespace_gone(&mut self.redis, &self.channels, namespace);
    }

    /// Which rooms it is to be told of by [`rooms_changed`](Self::rooms_changed).
    pub(crate) fn follows(&self) -> OwnChannels {
        if self.options.write_only { OwnChannels::None } else { self.channels.own_channels() }
    }

    /// Rooms have come, or gone: a namespace, a room, and whether it has come.
    pub(crate) fn rooms_changed<'a>(
        &mut self,
        changes: impl Iterator<Item = (&'a str, &'a str, bool)> + Clone,
    ) {
        self.listening.rooms_changed(&mut self.redis, &self.channels, changes);
    }

    /// Tells the other nodes something about a namespace.
    pub(crate) fn publish(&mut self, namespace: &str, message: &Message<'_>) {
        self.send(namespace, message, false, None);
    }

    /// The same; what is `volatile` does not wait for Redis to be there. With a ticket, its place in the stream is told. Whether it is on
    /// its way.
    pub(crate) fn send(
        &mut self,
        namespace: &str,
        message: &Message<'_>,
        volatile: bool,
        ticket: Option<Ticket>,
    ) -> bool {
        let ticket = ticket.map(|ticket| ticket.to_string());
        self.send_with(
            namespace,
            message,
            volatile,
            ticket.as_ref().map(|ticket| (TICKET, ticket.as_bytes())),
        )
    }

    /// Tells the other nodes that a session is with this one from now on.
    pub(crate) fn publish_moved(&mut self, namespace: &str, sid: &str) {
        let opts = Opts { rooms: vec![sid.into()], ..Opts::default() };
        let message = Message::Disconnect { opts, close: false };
        self.send_with(namespace, &message, false, Some((MOVED, b"1")));
    }

    /// Where the format has a stream, with one field more.
    fn send_with(
        &mut self,
        namespace: &str,
        message: &Message<'_>,
        volatile: bool,
        more: Option<(&[u8], &[u8])>,
    ) -> bool {
        let Self { redis, options, channels, name, payload, counters, .. } = self;
        let mut sent = true;
        channels.each(message, |message| {
            name.clear();
            payload.clear();
            match channels.write(name, payload, namespace, message) {
                // It counts what it drops.
                Ok(Way::Channel(kind)) => {
                    redis.publish(kind, name.as_bytes(), payload, volatile);
                }
                Ok(Way::Stream(kind)) => {
                    let (uid, nsp) = (channels.uid.as_bytes(), namespace.as_bytes());
                    let kind = kind.to_string();
                    let mut fields: Vec<&[u8]> =
                        vec![b"uid", uid, b"nsp", nsp, b"type", kind.as_bytes(), b"data", payload];
                    fields.extend(more.iter().flat_map(|&(name, value)| [name, value]));
                    let published = redis.append(name.as_bytes(), options.stream_max_len, &fields, volatile);
                    sent &= published == Published::Sent;
                }
                Err(Untold) => {
                    count(&mut counters.cluster_dropped, 1);
                    sent = false;
                }
            }
        });
        self.payload.shrink_to(KEEP);
        sent
    }

    /// Asks the other nodes which of their sockets a target selects. `context` is the host's number for it.
    pub(crate) fn fetch(
        &mut self,
        namespace: &str,
        opts: Opts<'_>,
        context: u64,
        now: Millis,
        timeout: Millis,
    ) {
        let due = self.due(now, timeout);
        let say = |request| Message::Fetch { request, opts };
        self.ask(Question::Sockets, namespace, context, due, say);
    }

    /// Asks the hosts of the other nodes.
    pub(crate) fn ask_hosts(
        &mut self,
        namespace: &str,
        packet: Packet<'_>,
        context: u64,
        now: Millis,
        timeout: Millis,
    ) {
        let due = self.due(now, timeout);
        let say = |request| Message::ServerEmit { request: Some(request), packet };
        self.ask(Question::Hosts, namespace, context, due, say);
    }

    /// Asks how many nodes there are.
    pub(crate) fn count_nodes(&mut self, namespace: &str, context: u64, now: Millis) {
        let due = self.due(now, 0);
        let number = self.requests.ask(Question::Nodes, context, due);
        self.ask_count(namespace, number);
    }

    /// Ends a question that nobody else is asked.
    pub(crate) fn end(&mut self, context: u64) {
        self.pending.push_back(Pending::Over(Over { context, missing: Some(0) }));
    }

    /// Emits an event to clients of other nodes and asks them for acknowledgements. The number is that of the question. `here` is whether
    /// this node has some of them.
    pub(crate) fn ask_clients(
        &mut self,
        namespace: &str,
        packet: Packet<'_>,
        opts: Opts<'_>,
        number: u64,
        here: bool,
    ) {
        let request = self.name_of(number).into();
        match self.channels.count(namespace) {
            Some(count) => self.ask_redis(&count, number),
            // Nobody says whom they ask: a room is taken for one client.
            None => {
                let nodes = u32::from(opts.rooms.len() == 1 && !here);
                self.pending.push_back(Pending::Nodes(number, nodes));
                if nodes > 0 {
                    self.pending.push_back(Pending::Count(number, 1));
                }
            }
        }
        self.publish(namespace, &Message::Broadcast { packet, opts, request: Some(request) });
    }

    /// Asks for a session that another node may have left.
    pub(crate) fn fetch_session(&mut self, asker: SessionAsker, wanted: Wanted, now: Millis) {
        let due = now.saturating_add(self.options.request_timeout);
        let Self { sessions, redis, channels, .. } = self;
        if let Some(stream) = channels.stream() {
            sessions.fetch(redis, stream, asker, wanted, due);
        }
    }

    /// The core that has asked for a session has it, and what comes from now on.
    pub(crate) fn session_taken(&mut self, asker: SessionAsker, heard: HeardByCore) {
        let Self { sessions, redis, channels, .. } = self;
        sessions.taken(redis, channels.stream().unwrap_or_default(), asker, heard);
    }

    /// The core that has asked for a session cannot have it.
    pub(crate) fn session_refused(&mut self, asker: SessionAsker) {
        let Self { sessions, redis, channels, .. } = self;
        sessions.refused(redis, channels.stream().unwrap_or_default(), asker);
    }

    /// Leaves a session for other nodes, for so long.
    pub(crate) fn save_session(&mut self, pid: &str, value: &[u8], window: Millis) {
        sessions::save(&mut self.redis, pid, value, window);
    }

    /// No other node is to have a session.
    pub(crate) fn forget_session(&mut self, pid: &str) {
        sessions::forget(&mut self.redis, pid);
    }

    /// Whether other nodes can be asked, and can answer.
    pub(crate) fn can_ask(&self) -> bool {
        !self.options.write_only && self.redis.is_up()
    }

    /// Answers the question of another node's host that has this number.
    ///
    /// # Errors
    /// [`Error::Gone`] if it has been answered, or so many came since that it is forgotten.
    pub(crate) fn answer(&mut self, number: u64, value: Value<'_>) -> Result<()> {
        let (namespace, request) = self.asked.take(number).ok_or(Error::Gone)?;
        let request = String::from(request).into();
        self.publish(&namespace, &Message::ServerEmitReply { request, value: Some(value) });
        Ok(())
    }

    /// When the time of a question is up that may take this long, or as long as is usual.
    fn due(&self, now: Millis, timeout: Millis) -> Millis {
        now.saturating_add(if timeout == 0 { self.options.request_timeout } else { timeout })
    }

    fn ask<'a>(
        &mut self,
        question: Question,
        namespace: &str,
        context: u64,
        due: Millis,
        say: impl FnOnce(Cow<'a, str>) -> Message<'a>,
    ) {
        let number = self.requests.ask(question, context, due);
        let request = self.name_of(number);
        if self.ask_count(namespace, number) {
            self.publish(namespace, &say(request.into()));
        }
    }

    /// What the others call a question of this node's.
    fn name_of(&self, number: u64) -> String {
        format!("{}{number}", self.channels.uid)
    }

    /// How many nodes listen to a namespace: so many are to answer. False if nobody will.
    fn ask_count(&mut self, namespace: &str, number: u64) -> bool {
        match self.channels.count(namespace).filter(|_| self.can_ask()) {
            Some(count) => {
                self.ask_redis(&count, number);
                true
            }
            None => {
                self.pending.extend(self.requests.give_up(number).map(Pending::Over));
                false
            }
        }
    }

    fn ask_redis(&mut self, [command, how, channel]: &[Vec<u8>; 3], number: u64) {
        self.redis.ask(&[command, how, channel], number);
    }

    /// When a question is over, whatever comes.
    pub(crate) fn next_timeout(&self) -> Option<Millis> {
        let pending = (!self.pending.is_empty() || self.sessions.has_news()).then_some(0);
        let due = [self.requests.next_timeout(), self.sessions.next_timeout()];
        pending.into_iter().chain(due.into_iter().flatten()).min()
    }

    /// Has `act` look at what was heard next. False if there is nothing.
    pub(crate) fn hear(&mut self, now: Millis, mut act: impl FnMut(Incoming<'_>)) -> bool {
        if let Some(pending) =
            self.pending.pop_front().or_else(|| self.requests.expire(now).map(Pending::Over))
        {
            act(match pending {
                Pending::Over(over) => Incoming::ForHost(ForHost::Over(over)),
                Pending::Nodes(question, nodes) => {
                    Incoming::Clients { question, step: ClientsStep::Nodes(nodes) }
                }
                Pending::Count(question, count) => {
                    Incoming::Clients { question, step: ClientsStep::Count(count) }
                }
            });
            return true;
        }
        self.scratch.clear();
        self.scratch.shrink_to(KEEP);
        let Self { redis, channels, listening, requests, asked, counters, scratch, sessions, .. } = self;
        let stream = channels.stream().unwrap_or_default();
        sessions.expire(redis, stream, now);
        sessions.reached(redis.stream_position(stream.as_bytes()));
        if let Some(outcome) = sessions.outcome() {
            act(Incoming::Session(outcome));
            return true;
        }
        let mut tell = |news: ForHost<'_>| act(Incoming::ForHost(news));
        let Some(event) = redis.next() else { return false };
        match event {
            RedisEvent::Up { lost } => tell(ForHost::Up { lost }),
            RedisEvent::Down { why } => tell(ForHost::Down { reason: why }),
            RedisEvent::Refused { kind, name, why } => {
                let name = String::from_utf8_lossy(name);
                if channels.give_rooms_channels(kind) {
                    let reason =
                        format!("to listen to {name}, in place of which each room has a channel now: {why}");
                    tell(ForHost::Refused { reason: &reason });
                    listening.leave_patterns(redis, channels);
                } else {
                    tell(ForHost::Refused { reason: &format!("to listen to {name}: {why}") });
                }
            }
            RedisEvent::Unpublished { why } => {
                tell(ForHost::Refused { reason: &format!("to publish: {why}") });
            }
            RedisEvent::Message { channel, pattern, payload } => {
                // Of a namespace that is gone, Redis has yet to hear.
                let Some(listened) = listening.channel(pattern.unwrap_or(channel)) else { return true };
                let Channel { namespace, content, stem, .. } = listened;
                let broadcasts = *content == Content::PubSub(Purpose::Broadcasts);
                let room = pubsub::room_of(channel, *stem).filter(|_| broadcasts);
                let unread = Unread { namespace, room, content: *content, payload, channels, counters };
                if broadcasts {
                    act(Incoming::Broadcast(unread));
                } else if let Some(heard) = unread.read() {
                    take(requests, asked, &channels.uid, heard, None, act);
                }
            }
            RedisEvent::Entry(entry) => {
                let (at, own) = (entry.id, channels.is_own(entry));
                let moved = entry.field(MOVED).is_some();
                let known = entry.field(b"nsp").is_some_and(|name| listening.has_namespace(name));
                let read = if known && own.is_none() {
                    channels.decode_entry(entry, scratch).map(Some)
                } else {
                    Ok(None)
                };
                if let Some(heard) = counted(read, counters) {
                    match &heard.message {
                        Message::Disconnect { opts, .. } if moved => {
                            opts.rooms.iter().for_each(|sid| act(Incoming::Moved { sid }));
                        }
                        _ => take(requests, asked, &channels.uid, heard, Some(at), act),
                    }
                } else if let Some(Some(ticket)) = own {
                    act(Incoming::Returned { ticket, at });
                }
                sessions.reached(Some(at));
            }
            RedisEvent::Reply { token, reply } if (sessions::FROM..FOR_CLIENTS).contains(&token) => {
                let answer = Answer::of(reply);
                sessions.answered(redis, channels, token, answer);
            }
            RedisEvent::Failed { token, .. } if (sessions::FROM..FOR_CLIENTS).contains(&token) => {
                sessions.answered(redis, channels, token, None);
            }
            RedisEvent::Reply { token, reply } if token >= FOR_CLIENTS => {
                let step = ClientsStep::Nodes(nodes_in(reply).unwrap_or(1).saturating_sub(1));
                act(Incoming::Clients { question: token, step });
            }
            RedisEvent::Reply { token, reply } => {
                let over = match (nodes_in(reply), requests.question(token)) {
                    (Some(count), Some((Question::Nodes, context))) => {
                        tell(ForHost::Nodes { context, count });
                        requests.give_up(token);
                        return true;
                    }
                    (Some(nodes), _) => requests.expect(token, nodes.saturating_sub(1)),
                    (None, _) => requests.give_up(token),
                };
                over.into_iter().for_each(|over| tell(ForHost::Over(over)));
            }
            // Its time limit ends it.
            RedisEvent::Failed { token, .. } if token >= FOR_CLIENTS => {}
            RedisEvent::Failed { token, .. } => {
                requests.give_up(token).into_iter().for_each(|over| tell(ForHost::Over(over)));
            }
        }
        true
    }
}

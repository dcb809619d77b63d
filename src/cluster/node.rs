//! This node's place in a cluster: what it publishes, which channels it listens to, and what the others say. It must not carry out
//! anything.

use super::redis::{Redis, RedisCounters, RedisEvent, RedisOptions, Subscription, escape_glob};
use super::requests::{Asked, Over, Question, Requests};
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::unfit::Field;
use crate::engine::bus::Bus;
use crate::host::cluster::Cluster;
use crate::host::stats::{Counters, count};
use crate::wire::cluster::pubsub::{self, Purpose};
use crate::wire::cluster::{Heard, Message, Opts, Packet, RemoteSocket, Value};
use crate::wire::resp::Reply;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

static URL: Field =
    Field::words("cluster_url", "it is no address of a Redis, such as redis://127.0.0.1:6379");

/// What this node hears, by whom it concerns.
pub(crate) enum Incoming<'a> {
    /// Another node emits something, which has yet to be read.
    Broadcast(Unread<'a>),
    /// Another node orders something, or asks.
    Order(Heard<'a>),
    /// What becomes known of clients that an emit asks for acknowledgements, by the number of the question.
    Clients {
        question: u64,
        step: ClientsStep<'a>,
    },
    ForHost(ForHost<'a>),
}

/// What the host is to be told. `context` is its own number for what it has asked.
pub(crate) enum ForHost<'a> {
    /// The others can be heard, and hear this node. `lost` is for how long they could not, if they could before.
    Up { lost: Option<Millis> },
    /// Nobody hears this node until it is up again.
    Down { reason: &'a str },
    /// Redis does not allow this node something.
    Refused { reason: &'a str },
    /// The host of another node says this; with a number, it waits for an answer.
    Said { namespace: &'a str, packet: &'a Packet<'a>, answer: Option<u64> },
    /// So many nodes there are, this one among them.
    Nodes { context: u64, count: u32 },
    /// A socket of another node.
    Socket { context: u64, socket: &'a RemoteSocket<'a> },
    /// What the host of another node answers; `None` if there is no value in it.
    Answer { context: u64, value: Option<&'a Value<'a>> },
    /// A question is over.
    Over(Over),
}

/// What becomes known of clients of other nodes that are asked for acknowledgements.
pub(crate) enum ClientsStep<'a> {
    /// So many nodes will say whom they ask.
    Nodes(u32),
    /// One of them asks so many.
    Count(u32),
    /// One of these has answered; `None` if there is no value in it.
    Answer(Option<&'a Value<'a>>),
}

/// What another node says to a namespace. Most of it may be for nobody here, and need not be read then.
pub(crate) struct Unread<'a> {
    pub(crate) namespace: &'a str,
    /// The room it is about, if the channel says so.
    pub(crate) room: Option<&'a str>,
    purpose: Purpose,
    payload: &'a [u8],
    uid: &'a str,
    counters: &'a mut Counters,
}

impl<'a> Unread<'a> {
    /// It is for nobody here.
    pub(crate) fn ignore(self) {
        count(&mut self.counters.cluster_ignored, 1);
    }

    /// What it says. `None` if it cannot be read, or is this node's own.
    pub(crate) fn read(self) -> Option<Heard<'a>> {
        let read = match self.purpose {
            Purpose::Broadcasts => pubsub::decode_broadcast(self.payload),
            Purpose::Requests => pubsub::decode_request(self.payload, self.namespace),
            Purpose::Responses => pubsub::decode_response(self.payload, self.namespace),
        };
        let Ok(heard) = read else {
            count(&mut self.counters.cluster_malformed, 1);
            return None;
        };
        let foreign = heard.namespace != self.namespace || heard.from.as_deref() == Some(self.uid);
        let Counters { cluster_ignored, cluster_heard, .. } = self.counters;
        count(if foreign { cluster_ignored } else { cluster_heard }, 1);
        (!foreign).then_some(heard)
    }
}

/// Random bytes of which the others know this node: six characters.
const UID: usize = 4;

/// Room for a message is given back down to this.
const KEEP: usize = 64 * 1024;

/// Numbers of questions from here on are those of acknowledgements: handles, whose kind is in their upper bits.
const FOR_CLIENTS: u64 = 1 << 60;

/// A channel this node listens to, or a pattern of channels.
#[derive(Debug)]
struct Channel {
    namespace: Box<str>,
    purpose: Purpose,
    /// What stands before the name of a room.
    stem: usize,
}

/// A node of a cluster.
pub(crate) struct Node {
    redis: Redis,
    options: Cluster,
    /// What the others know this node by.
    uid: String,
    /// By what was subscribed to.
    channels: HashMap<Box<[u8]>, Channel>,
    requests: Requests,
    asked: Asked,
    /// Questions that were over as soon as they were asked, or whose time is up.
    over: VecDeque<Over>,
    /// Reused by every message: the channel's name, and what it says.
    name: String,
    payload: Vec<u8>,
    /// Those of a cluster; the others stay 0.
    counters: Counters,
}

impl Node {
    /// # Errors
    /// [`Error::BadConfig`] for an address that is none, [`Error::NoEntropy`].
    pub(crate) fn new(options: &Cluster) -> Result<Self> {
        let mut random = [0; 12];
        getrandom::fill(&mut random).map_err(|_| Error::NoEntropy)?;
        let (uid, seed) = random.split_at(UID);
        let redis = RedisOptions::parse(&options.url).map_err(|why| URL.refuses_as(why))?;
        let redis = redis.with_max_message(options.max_message);
        Ok(Self {
            redis: Redis::new(&redis, seed.iter().fold(0, |seed, &byte| seed << 8 | u64::from(byte))),
            options: options.clone(),
            uid: if options.write_only { "emitter".into() } else { URL_SAFE_NO_PAD.encode(uid) },
            channels: HashMap::new(),
            requests: Requests::default(),
            asked: Asked::default(),
            over: VecDeque::new(),
            name: String::new(),
            payload: Vec::new(),
            counters: Counters::default(),
        })
    }

    /// What it has counted: a broker's counters, of which only those of a cluster are not 0.
    pub(crate) fn counters(&self) -> Counters {
        let RedisCounters { published, dropped, lost, refused, connected, failed, .. } =
            self.redis.counters();
        Counters {
            cluster_published: published,
            cluster_dropped: self.counters.cluster_dropped.saturating_add(dropped).saturating_add(refused),
            cluster_lost: lost,
            cluster_connects: connected,
            cluster_failures: failed,
            ..self.counters
        }
    }

    /// Its connections, for whoever drives them.
    pub(crate) fn bus(&self) -> &dyn Bus {
        &self.redis
    }

    /// The same, to be driven.
    pub(crate) fn bus_mut(&mut self) -> &mut dyn Bus {
        &mut self.redis
    }

    /// There is a namespace of this name from now on.
    pub(crate) fn namespace_made(&mut self, namespace: &str) {
        if self.options.write_only {
            return;
        }
        for (kind, name, purpose) in self.subscriptions(namespace) {
            let mut stem = String::new();
            pubsub::channel(&mut stem, &self.options.prefix, purpose, namespace);
            self.redis.subscribe(kind, name.as_bytes());
            let channel = Channel { namespace: namespace.into(), purpose, stem: stem.len() };
            self.channels.insert(name.into_bytes().into(), channel);
        }
    }

    /// The namespace is gone.
    pub(crate) fn namespace_gone(&mut self, namespace: &str) {
        for (kind, name, _) in self.subscriptions(namespace) {
            self.redis.unsubscribe(kind, name.as_bytes());
            self.channels.remove(name.as_bytes());
        }
    }

    fn subscriptions(&self, namespace: &str) -> [(Subscription, String, Purpose); 4] {
        let channel = |purpose| {
            let mut name = String::new();
            pubsub::channel(&mut name, &self.options.prefix, purpose, namespace);
            name
        };
        let mut own = String::new();
        pubsub::channel_of(&mut own, &self.options.prefix, Purpose::Responses, namespace, &self.uid);
        let rooms = escape_glob(&channel(Purpose::Broadcasts)) + "*";
        [
            (Subscription::Pattern, rooms, Purpose::Broadcasts),
            (Subscription::Channel, channel(Purpose::Requests), Purpose::Requests),
            (Subscription::Channel, channel(Purpose::Responses), Purpose::Responses),
            (Subscription::Channel, own, Purpose::Responses),
        ]
    }

    /// Tells the other nodes something about a namespace.
    pub(crate) fn publish(&mut self, namespace: &str, message: &Message<'_>) {
        let Self { redis, options: Cluster { prefix, max_message, .. }, uid, name, payload, .. } = self;
        payload.clear();
        let told = pubsub::encode(payload, uid, namespace, message, *max_message).is_ok();
        name.clear();
        let volatile = match message {
            Message::Broadcast { opts, request: None, .. } => {
                // Nodes that have nobody in its one room need not read the rest.
                match &opts.rooms[..] {
                    [room] => pubsub::channel_of(name, prefix, Purpose::Broadcasts, namespace, room),
                    _ => pubsub::channel(name, prefix, Purpose::Broadcasts, namespace),
                }
                opts.flags.volatile
            }
            _ => {
                pubsub::channel(name, prefix, pubsub::purpose(message), namespace);
                false
            }
        };
        if told {
            // It counts what it drops.
            redis.publish(name.as_bytes(), payload, volatile);
        } else {
            count(&mut self.counters.cluster_dropped, 1);
        }
        self.payload.shrink_to(KEEP);
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
        self.over.push_back(Over { context, missing: Some(0) });
    }

    /// Emits an event to clients of other nodes and asks them for acknowledgements. The number is that of the question.
    pub(crate) fn ask_clients(&mut self, namespace: &str, packet: Packet<'_>, opts: Opts<'_>, number: u64) {
        let request = format!("{}{number}", self.uid).into();
        self.ask_count(namespace, number);
        self.publish(namespace, &Message::Broadcast { packet, opts, request: Some(request) });
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
        let request = format!("{}{number}", self.uid);
        self.ask_count(namespace, number);
        self.publish(namespace, &say(request.into()));
    }

    /// How many nodes listen to the requests of a namespace: so many are to answer.
    fn ask_count(&mut self, namespace: &str, number: u64) {
        if !self.can_ask() {
            return self.over.extend(self.requests.give_up(number));
        }
        let mut channel = String::new();
        pubsub::channel(&mut channel, &self.options.prefix, Purpose::Requests, namespace);
        self.redis.ask(&[b"PUBSUB", b"NUMSUB", channel.as_bytes()], number);
    }

    /// When a question is over, whatever comes.
    pub(crate) fn next_timeout(&self) -> Option<Millis> {
        let over = (!self.over.is_empty()).then_some(0);
        over.into_iter().chain(self.requests.next_timeout()).min()
    }

    /// Has `act` look at what was heard next. False if there is nothing.
    pub(crate) fn hear(&mut self, now: Millis, mut act: impl FnMut(Incoming<'_>)) -> bool {
        let Self { redis, channels, uid, requests, asked, over, counters, .. } = self;
        let mut tell = |news: ForHost<'_>| act(Incoming::ForHost(news));
        if let Some(over) = over.pop_front().or_else(|| requests.expire(now)) {
            tell(ForHost::Over(over));
            return true;
        }
        let Some(event) = redis.next() else { return false };
        match event {
            RedisEvent::Up { lost } => tell(ForHost::Up { lost }),
            RedisEvent::Down { why } => tell(ForHost::Down { reason: why }),
            RedisEvent::Refused { name, why, .. } => {
                let name = String::from_utf8_lossy(name);
                tell(ForHost::Refused { reason: &format!("to listen to {name}: {why}") });
            }
            RedisEvent::Unpublished { why } => {
                tell(ForHost::Refused { reason: &format!("to publish: {why}") });
            }
            RedisEvent::Message { channel, pattern, payload } => {
                // Of a namespace that is gone, Redis has yet to hear.
                let Some(listened) = channels.get(pattern.unwrap_or(channel)) else { return true };
                let Channel { namespace, purpose, stem } = listened;
                let room = pubsub::room_of(channel, *stem).filter(|_| *purpose == Purpose::Broadcasts);
                let unread = Unread { namespace, room, purpose: *purpose, payload, uid, counters };
                match purpose {
                    Purpose::Broadcasts => act(Incoming::Broadcast(unread)),
                    Purpose::Requests => request(asked, unread, act),
                    Purpose::Responses => answer(requests, unread, act),
                }
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

/// How many nodes there are, by the answer to `PUBSUB NUMSUB` of one channel.
fn nodes_in(reply: Reply<'_>) -> Option<u32> {
    let Reply::List(mut items) = reply else { return None };
    let Some(Reply::Integer(count)) = items.nth(1) else { return None };
    u32::try_from(count).ok()
}

/// Another node orders something, or asks.
fn request(asked: &mut Asked, unread: Unread<'_>, act: impl FnOnce(Incoming<'_>)) {
    let namespace = unread.namespace;
    let Some(heard) = unread.read() else { return };
    match &heard.message {
        Message::ServerEmit { packet, request } => {
            let answer = request.as_ref().map(|request| asked.add(namespace, request));
            act(Incoming::ForHost(ForHost::Said { namespace, packet, answer }));
        }
        _ => act(Incoming::Order(heard)),
    }
}

/// Another node answers a question of this one, or of a third.
fn answer(requests: &mut Requests, unread: Unread<'_>, mut act: impl FnMut(Incoming<'_>)) {
    let uid = unread.uid;
    let Some(heard) = unread.read() else { return };
    let (Message::FetchReply { request, .. }
    | Message::ServerEmitReply { request, .. }
    | Message::AckCount { request, .. }
    | Message::AckReply { request, .. }) = &heard.message
    else {
        return;
    };
    let Some(number) = request.strip_prefix(uid).and_then(|number| number.parse().ok()) else { return };
    let clients = |step| Incoming::Clients { question: number, step };
    match (&heard.message, requests.question(number)) {
        (Message::AckCount { clients: count, .. }, None) => {
            return act(clients(ClientsStep::Count(u32::try_from(*count).unwrap_or(u32::MAX))));
        }
        (Message::AckReply { value, .. }, None) => return act(clients(ClientsStep::Answer(value.as_ref()))),
        (Message::FetchReply { sockets, .. }, Some((Question::Sockets, context))) => {
            sockets.iter().for_each(|socket| act(Incoming::ForHost(ForHost::Socket { context, socket })));
        }
        (Message::ServerEmitReply { value, .. }, Some((Question::Hosts, context))) => {
            act(Incoming::ForHost(ForHost::Answer { context, value: value.as_ref() }));
        }
        _ => return,
    }
    requests.answered(number).into_iter().for_each(|over| act(Incoming::ForHost(ForHost::Over(over))));
}

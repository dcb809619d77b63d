//! Events on their way to the host: flat records over one byte buffer, drained in batches. Nothing here is allocated or
//! freed for one event once the buffers are warm.

use super::descriptor::Descriptor;
use super::reason::Reason;
use super::sights::Sights;
use crate::base::Millis;
use crate::base::ids::{AckId, ConnId, NamespaceId, SocketId};

/// One thing that happened. Texts and bytes are borrowed from the batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A client asks to join a guarded namespace: answer with `accept` or `reject`. If it leaves before you do,
    /// [`Disconnect`](Event::Disconnect) says so, and the answer is [`Error::Gone`](crate::Error::Gone). With several loops a client
    /// that comes back may go to the one of its sessions before you answer: that is told in the same way, and it is asked about again.
    ConnectRequest {
        /// The socket to be.
        socket: SocketId,
        /// The namespace it asks for.
        namespace: NamespaceId,
        /// The socket's id as the client will know it, and the name of its own room.
        id: &'a str,
        /// The client's auth object, as JSON; `{}` when it sent none.
        auth: &'a str,
        /// What the host has set by `set_tag`; 0 until then.
        tag: u64,
        /// It asks for the session that it has, where [`ask_again`](crate::NamespaceOptions::ask_again) says so; `id` and `tag` are
        /// that session's. Once you accept it this handle is dead, and [`Connect`](Event::Connect) has the one that it had.
        recovered: bool,
    },
    /// A socket has joined its namespace.
    Connect {
        /// The socket.
        socket: SocketId,
        /// Its namespace.
        namespace: NamespaceId,
        /// Its id as the client knows it, and the name of its own room.
        id: &'a str,
        /// The client's auth object, as JSON; `{}` when it sent none.
        auth: &'a str,
        /// What the host has set by `set_tag`; 0 until then.
        tag: u64,
        /// It was away and is back, in the rooms that it is in by now; what it missed is sent before anything else.
        recovered: bool,
    },
    /// A client emitted an event.
    Message {
        /// Who emitted it.
        socket: SocketId,
        /// Its namespace.
        namespace: NamespaceId,
        /// The event's name.
        name: &'a str,
        /// The arguments after the name: a JSON array, byte for byte as the client sent them.
        args: &'a str,
        /// What the placeholders in the arguments stand for.
        attachments: Attachments<'a>,
        /// Set when the client waits for an acknowledgement: pass it to `ack`.
        ack: Option<u64>,
        /// What the host has set by `set_tag`; 0 until then.
        tag: u64,
    },
    /// A client acknowledged something the host emitted.
    Ack {
        /// What `emit_with_ack` returned.
        ack: AckId,
        /// Who answered.
        socket: SocketId,
        /// The arguments: a JSON array, as sent.
        args: &'a str,
        /// What the placeholders in the arguments stand for.
        attachments: Attachments<'a>,
        /// How many have still to answer; 0 ends this acknowledgement.
        remaining: u32,
        /// What the host has set by `set_tag`; 0 until then.
        tag: u64,
        /// What the host has given to `emit_with_ack`.
        context: u64,
    },
    /// Only with `Config::cluster`: a client of another node acknowledged something the host emitted.
    RemoteAck {
        /// What `emit_with_ack` returned.
        ack: AckId,
        /// The arguments: a JSON array, of the first alone, which is all that nodes tell each other.
        args: &'a str,
        /// What the placeholders in the arguments stand for.
        attachments: Attachments<'a>,
        /// As with [`Ack`](Event::Ack). Other nodes count for one while they have yet to say whom they have asked.
        remaining: u32,
        /// What the host has given to `emit_with_ack`.
        context: u64,
    },
    /// An acknowledgement ended with answers missing. In a cluster also one that ended as it turned out that other nodes had nobody
    /// left to ask.
    AckEnd {
        /// What `emit_with_ack` returned.
        ack: AckId,
        /// How many never answered.
        missing: u32,
        /// True when the time was up, false when those that were missing disconnected.
        timed_out: bool,
        /// What the host has given to `emit_with_ack`.
        context: u64,
    },
    /// A socket is gone. Its handle is dead already, unless it is `recoverable`.
    Disconnect {
        /// The socket.
        socket: SocketId,
        /// Its namespace.
        namespace: NamespaceId,
        /// Why.
        reason: Reason,
        /// The rooms it was in until now, its own not among them.
        rooms: Rooms<'a>,
        /// What the host has set by `set_tag`; 0 until then.
        tag: u64,
        /// It is away, and its client may come back: its handle lives until its [`Connect`](Event::Connect), which says
        /// `recovered`, or its [`SessionExpired`](Event::SessionExpired).
        recoverable: bool,
    },
    /// A socket that was away did not come back in time, or could not be told all that it had missed, or was disconnected by the
    /// host. Its handle is dead already.
    SessionExpired {
        /// The socket.
        socket: SocketId,
        /// Its namespace.
        namespace: NamespaceId,
        /// Its id, as its client knew it.
        id: &'a str,
        /// What the host has set by `set_tag`; 0 until then.
        tag: u64,
    },
    /// A packet from this socket's connection could not be parsed; its disconnect follows.
    ProtocolError {
        /// The socket.
        socket: SocketId,
        /// Its namespace.
        namespace: NamespaceId,
        /// What the host has set by `set_tag`; 0 until then.
        tag: u64,
    },
    /// A namespace was made, by the host or from a pattern.
    NamespaceCreated {
        /// The namespace.
        namespace: NamespaceId,
        /// Its name.
        name: &'a str,
    },
    /// A namespace made from a pattern is gone with its last socket.
    NamespaceRemoved {
        /// The namespace; its handle is dead already.
        namespace: NamespaceId,
        /// Its name.
        name: &'a str,
    },
    /// Only with `Config::room_events`: a room changed.
    Room {
        /// What happened to it.
        change: RoomChange,
        /// Its namespace.
        namespace: NamespaceId,
        /// The room's name.
        room: &'a str,
        /// The tag of the socket that joined or left; 0 where there is none.
        tag: u64,
    },
    /// Only with `Config::guard_handshakes`: a client opens a connection: answer with `allow`, `refuse` or `refuse_with`.
    Handshake {
        /// The connection to be.
        conn: ConnId,
    },
    /// Only with `Config::refusal_events`: a request was refused.
    Refused {
        /// The reference's error code, 0 to 5; 6 for a handshake that was answered with 503, 7 for one with 429.
        code: u8,
        /// The text that goes with it.
        message: &'a str,
        /// What was wrong, as in the reference: the transport, the sid, the method, or a name such as `INVALID_ORIGIN`; for a
        /// WebSocket's handshake that is none the text of its answer, with code 3;
        /// with code 6 `RATE`, `CONNECTIONS` or `DRAINING`; with code 7 `ADDRESS_CONNECTIONS` or `ADDRESS_RATE`.
        context: &'a str,
    },
    /// Only with `Config::engine_only`: a connection opened.
    Open {
        /// The connection.
        conn: ConnId,
    },
    /// Only with `Config::engine_only`: a text message.
    Text {
        /// The connection.
        conn: ConnId,
        /// The message.
        text: &'a str,
    },
    /// Only with `Config::engine_only`: a binary message.
    Binary {
        /// The connection.
        conn: ConnId,
        /// The message.
        bytes: &'a [u8],
    },
    /// Only with `Config::engine_only`: a connection closed. Its handle is dead already.
    Close {
        /// The connection.
        conn: ConnId,
        /// Why.
        reason: Reason,
    },
    /// Only with `Config::cluster`: the other nodes hear this one, and it hears them.
    ClusterUp {
        /// For how many milliseconds they could not, if they could before: what they said meanwhile is lost here.
        lost: Option<Millis>,
    },
    /// Only with `Config::cluster`: this node is on its own until [`ClusterUp`](Event::ClusterUp). What concerns its own sockets goes on
    /// as ever.
    ClusterDown {
        /// Why.
        reason: &'a str,
    },
    /// Only with `Config::cluster`: Redis does not allow this node something it needs, and the other nodes hear or are heard in part
    /// only. It is asked again every ten seconds.
    ClusterRefused {
        /// What, and the rule that is missing.
        reason: &'a str,
    },
    /// Only with `Config::cluster`: the host of another node says this, by its `server_emit` or `ask_nodes`.
    ServerEvent {
        /// The namespace.
        namespace: NamespaceId,
        /// What it says.
        name: &'a str,
        /// The arguments: a JSON array.
        args: &'a str,
        /// What the placeholders in the arguments stand for.
        attachments: Attachments<'a>,
        /// Set when it waits for an answer: pass it to `answer_node`.
        answer: Option<u64>,
    },
    /// Only with `Config::cluster`: the host of another node has answered `ask_nodes`.
    NodeAnswer {
        /// Its answer, one JSON value; empty if there is none in it.
        value: &'a str,
        /// What the placeholders in the value stand for.
        attachments: Attachments<'a>,
        /// What the host has given to `ask_nodes`.
        context: u64,
    },
    /// Only with `Config::cluster`: a socket of another node, as `fetch_remote_sockets` has asked for.
    RemoteSocket {
        /// Its id, which is the name of its own room.
        id: &'a str,
        /// What its client's first request said, as a JSON object: the reference's `socket.handshake`.
        handshake: &'a str,
        /// What the host of its node keeps with it, as JSON: the reference's `socket.data`.
        data: &'a str,
        /// The rooms it is in, its own among them.
        rooms: Rooms<'a>,
        /// What the host has given to `fetch_remote_sockets`.
        context: u64,
    },
    /// Only with `Config::cluster`: no other answer comes to `ask_nodes`, `fetch_remote_sockets` or `count_nodes`.
    AnswersEnd {
        /// How many nodes have not answered. `None` if it is not known how many there are, as Redis could not be asked.
        missing: Option<u32>,
        /// What the host has given with the question.
        context: u64,
    },
    /// Only with `Config::cluster`: the answer to `count_nodes`.
    Nodes {
        /// How many have the namespace, this one among them.
        count: u32,
        /// What the host has given to `count_nodes`.
        context: u64,
    },
    /// Only with `Config::hand_back`: a client asks for a path that is not the broker's, and its connection is for the host to go on with.
    /// No answer is owed on it, and the broker is done with it. Whoever takes no descriptor of it has it closed.
    Foreign {
        /// To be [cloned](Descriptor::try_clone), until the batch is filled anew or dropped, which closes it.
        descriptor: &'a Descriptor,
        /// What was read and nobody has used: the request's head, and what came behind it.
        bytes: &'a [u8],
        /// Where it comes from, as [`Peer`](crate::Peer) has it as text.
        peer: &'a str,
    },
    /// After [`Core::drain`](crate::Core::drain): no connection is left. Links may still be open for their close
    /// handshakes, which [`Broker::close`](crate::Broker::close) waits for.
    Drained,
}

/// What happened to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// It has its first member.
    Created,
    /// This socket joined.
    Joined(SocketId),
    /// This socket left.
    Left(SocketId),
    /// Its last member left.
    Deleted,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Whether it asks for its session.
    ConnectRequest(SocketId, NamespaceId, bool),
    /// Whether it was away before.
    Connect(SocketId, NamespaceId, bool),
    Message(SocketId, NamespaceId, Option<u64>),
    Ack(AckId, SocketId, u32),
    RemoteAck(AckId, u32),
    AckEnd(AckId, u32, bool),
    /// Whether it is away now.
    Disconnect(SocketId, NamespaceId, Reason, bool),
    SessionExpired(SocketId, NamespaceId),
    ProtocolError(SocketId, NamespaceId),
    NamespaceCreated(NamespaceId),
    NamespaceRemoved(NamespaceId),
    Room(RoomChange, NamespaceId),
    Handshake(ConnId),
    Refused(u8),
    Open(ConnId),
    Text(ConnId),
    Binary(ConnId),
    Close(ConnId, Reason),
    ClusterUp(Option<Millis>),
    ClusterDown,
    ClusterRefused,
    ServerEvent(NamespaceId, Option<u64>),
    NodeAnswer,
    RemoteSocket,
    AnswersEnd(Option<u32>),
    Nodes(u32),
    /// The place of its descriptor in the batch.
    Foreign(u32),
    /// The end of so many drains.
    Drained(u64),
}

impl Kind {
    /// How many pieces of such an event are text; those behind them are bytes.
    fn texts(self) -> usize {
        match self {
            Kind::Message(..) | Kind::ServerEvent(..) => 2,
            Kind::Ack(..) | Kind::RemoteAck(..) | Kind::NodeAnswer | Kind::Foreign(_) => 1,
            Kind::Binary(_) => 0,
            _ => usize::MAX,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Record {
    kind: Kind,
    /// Of the socket that it is about.
    tag: u64,
    /// Of the question that it is about.
    context: u64,
    /// The first of this event's spans, and where they end.
    span: u32,
    end: u32,
}

/// A batch of events, reused from poll to poll like mio's.
///
/// [`Broker::poll`](crate::Broker::poll) empties it and fills it anew; what it held before is gone then.
#[derive(Debug, Default)]
pub struct Events {
    records: Vec<Record>,
    /// Each piece, by where it lies in `text` or in `bytes`.
    spans: Vec<(u32, u32)>,
    text: String,
    bytes: Vec<u8>,
    descriptors: Vec<Descriptor>,
    /// For an observer, who takes them before the host sees the batch.
    pub(crate) sights: Sights,
}

/// Buffers that grew in a burst are given back down to this.
const KEEP: usize = 256 * 1024;

impl Events {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether there is nothing in it, for an observer neither.
    pub(crate) fn has_nothing(&self) -> bool {
        self.records.is_empty() && self.sights.is_empty()
    }

    /// The events, in the order in which they happened.
    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        self.iter_from(0)
    }

    /// The events without the first so many.
    pub(crate) fn iter_from(&self, at: usize) -> impl Iterator<Item = Event<'_>> {
        self.records.get(at..).unwrap_or_default().iter().map(|record| self.event(record))
    }

    pub(crate) fn byte_len(&self) -> usize {
        self.text.len().saturating_add(self.bytes.len())
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.spans.clear();
        self.text.clear();
        self.bytes.clear();
        self.descriptors.clear();
        self.sights.take();
        self.descriptors.shrink_to(KEEP / 16);
        self.text.shrink_to(KEEP);
        self.bytes.shrink_to(KEEP);
        self.spans.shrink_to(KEEP / 16);
        self.records.shrink_to(KEEP / 16);
    }

    /// Begins an event; its pieces follow.
    pub(crate) fn push(&mut self, kind: Kind) -> &mut Self {
        let at = place(self.spans.len());
        self.records.push(Record { kind, tag: 0, context: 0, span: at, end: at });
        self
    }

    /// A connection of this peer is for the host, with what was read of it.
    pub(crate) fn push_foreign(&mut self, descriptor: Descriptor, peer: &str, bytes: &[u8]) {
        self.push(Kind::Foreign(place(self.descriptors.len()))).text(&[peer]).bytes(bytes);
        self.descriptors.push(descriptor);
    }

    /// The connections that are for the host.
    #[cfg(all(unix, feature = "capi"))]
    pub(crate) fn descriptors(&mut self) -> &mut [Descriptor] {
        &mut self.descriptors
    }

    /// The tag of the socket that the newest event is about.
    pub(crate) fn tag(&mut self, tag: u64) -> &mut Self {
        if let Some(record) = self.records.last_mut() {
            record.tag = tag;
        }
        self
    }

    /// The context of the question that the newest event is about.
    pub(crate) fn context(&mut self, context: u64) -> &mut Self {
        if let Some(record) = self.records.last_mut() {
            record.context = context;
        }
        self
    }

    /// The next piece of the newest event, put together from parts.
    pub(crate) fn text(&mut self, parts: &[&str]) -> &mut Self {
        let start = place(self.text.len());
        for part in parts {
            self.text.push_str(part);
        }
        self.piece(start, place(self.text.len()))
    }

    /// The next piece of the newest event: an attachment.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let start = place(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        self.piece(start, place(self.bytes.len()))
    }

    fn piece(&mut self, start: u32, end: u32) -> &mut Self {
        self.spans.push((start, end));
        if let Some(record) = self.records.last_mut() {
            record.end = place(self.spans.len());
        }
        self
    }

    /// Rewrites each event's handles, or takes the event out. The text is its first piece, mostly a name; the number is its context.
    pub(crate) fn rewrite(&mut self, mut f: impl FnMut(Kind, &str, u64) -> Option<Kind>) {
        let Self { records, spans, text, .. } = self;
        records.retain_mut(|record| {
            let has_text = record.kind.texts() > 0 && record.end > record.span;
            let span = spans.get(record.span as usize).filter(|_| has_text);
            let piece = span.and_then(|&(start, end)| text.get(start as usize..end as usize)).unwrap_or("");
            f(record.kind, piece, record.context).map(|kind| record.kind = kind).is_some()
        });
    }

    /// Puts another batch behind this one.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let (text, bytes) = (place(self.text.len()), place(self.bytes.len()));
        for record in &other.records {
            let texts = record.kind.texts();
            let pieces = other.spans.get(record.span as usize..record.end as usize).unwrap_or_default();
            let kind = match record.kind {
                Kind::Foreign(at) => Kind::Foreign(at.saturating_add(place(self.descriptors.len()))),
                kind => kind,
            };
            self.records.push(Record { kind, span: place(self.spans.len()), end: 0, ..*record });
            for (at, &(start, end)) in pieces.iter().enumerate() {
                let by = if at < texts { text } else { bytes };
                self.spans.push((start.saturating_add(by), end.saturating_add(by)));
            }
            if let Some(record) = self.records.last_mut() {
                record.end = place(self.spans.len());
            }
        }
        self.text.push_str(&other.text);
        self.bytes.extend_from_slice(&other.bytes);
        self.descriptors.extend_from_slice(&other.descriptors);
        self.sights.append(&mut other.sights);
    }

    fn event(&self, record: &Record) -> Event<'_> {
        let spans = Spans { events: self, from: record.span as usize, to: record.end as usize };
        let (tag, context) = (record.tag, record.context);
        match record.kind {
            Kind::ConnectRequest(socket, namespace, recovered) => {
                let (id, auth) = (spans.text(0), spans.text(1));
                Event::ConnectRequest { socket, namespace, id, auth, tag, recovered }
            }
            Kind::Connect(socket, namespace, recovered) => {
                let (id, auth) = (spans.text(0), spans.text(1));
                Event::Connect { socket, namespace, id, auth, tag, recovered }
            }
            Kind::Message(socket, namespace, ack) => Event::Message {
                socket,
                namespace,
                name: spans.text(0),
                args: spans.text(1),
                attachments: Attachments(spans.skip(2)),
                ack,
                tag,
            },
            Kind::Ack(ack, socket, remaining) => Event::Ack {
                ack,
                socket,
                args: spans.text(0),
                attachments: Attachments(spans.skip(1)),
                remaining,
                tag,
                context,
            },
            Kind::RemoteAck(ack, remaining) => Event::RemoteAck {
                ack,
                args: spans.text(0),
                attachments: Attachments(spans.skip(1)),
                remaining,
                context,
            },
            Kind::AckEnd(ack, missing, timed_out) => Event::AckEnd { ack, missing, timed_out, context },
            Kind::Disconnect(socket, namespace, reason, recoverable) => {
                Event::Disconnect { socket, namespace, reason, rooms: Rooms(spans), tag, recoverable }
            }
            Kind::SessionExpired(socket, namespace) => {
                Event::SessionExpired { socket, namespace, id: spans.text(0), tag }
            }
            Kind::ProtocolError(socket, namespace) => Event::ProtocolError { socket, namespace, tag },
            Kind::NamespaceCreated(namespace) => Event::NamespaceCreated { namespace, name: spans.text(0) },
            Kind::NamespaceRemoved(namespace) => Event::NamespaceRemoved { namespace, name: spans.text(0) },
            Kind::Room(change, namespace) => Event::Room { change, namespace, room: spans.text(0), tag },
            Kind::Handshake(conn) => Event::Handshake { conn },
            Kind::Refused(code) => Event::Refused { code, message: spans.text(0), context: spans.text(1) },
            Kind::Open(conn) => Event::Open { conn },
            Kind::Text(conn) => Event::Text { conn, text: spans.text(0) },
            Kind::Binary(conn) => Event::Binary { conn, bytes: spans.bytes(0) },
            Kind::Close(conn, reason) => Event::Close { conn, reason },
            Kind::ClusterUp(lost) => Event::ClusterUp { lost },
            Kind::ClusterDown => Event::ClusterDown { reason: spans.text(0) },
            Kind::ClusterRefused => Event::ClusterRefused { reason: spans.text(0) },
            Kind::ServerEvent(namespace, answer) => Event::ServerEvent {
                namespace,
                name: spans.text(0),
                args: spans.text(1),
                attachments: Attachments(spans.skip(2)),
                answer,
            },
            Kind::NodeAnswer => {
                Event::NodeAnswer { value: spans.text(0), attachments: Attachments(spans.skip(1)), context }
            }
            Kind::RemoteSocket => Event::RemoteSocket {
                id: spans.text(0),
                handshake: spans.text(1),
                data: spans.text(2),
                rooms: Rooms(spans.skip(3)),
                context,
            },
            Kind::AnswersEnd(missing) => Event::AnswersEnd { missing, context },
            Kind::Nodes(count) => Event::Nodes { count, context },
            Kind::Foreign(at) => match self.descriptors.get(at as usize) {
                Some(descriptor) => Event::Foreign { descriptor, bytes: spans.bytes(1), peer: spans.text(0) },
                // Behind 4,000 millions of them.
                None => Event::Drained,
            },
            Kind::Drained(_) => Event::Drained,
        }
    }
}

/// A place in a batch. What lies behind 4 GiB of it is read as nothing.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy)]
struct Spans<'a> {
    events: &'a Events,
    from: usize,
    to: usize,
}

impl<'a> Spans<'a> {
    fn len(&self) -> usize {
        self.to.saturating_sub(self.from)
    }

    fn skip(self, count: usize) -> Self {
        Self { from: self.from.saturating_add(count).min(self.to), ..self }
    }

    fn span(&self, at: usize) -> Option<std::ops::Range<usize>> {
        let spans = self.events.spans.get(self.from..self.to)?;
        spans.get(at).map(|&(start, end)| start as usize..end as usize)
    }

    fn bytes(&self, at: usize) -> &'a [u8] {
        self.span(at).and_then(|span| self.events.bytes.get(span)).unwrap_or(&[])
    }

    fn text(&self, at: usize) -> &'a str {
        self.span(at).and_then(|span| self.events.text.get(span)).unwrap_or("")
    }
}

/// The binary attachments of an event, in the order of their placeholders.
#[derive(Clone, Copy)]
pub struct Attachments<'a>(Spans<'a>);

impl<'a> Attachments<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attachment that the placeholder of this number stands for.
    pub fn get(&self, num: usize) -> Option<&'a [u8]> {
        (num < self.len()).then(|| self.0.bytes(num))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let spans = self.0;
        (0..spans.len()).map(move |at| spans.bytes(at))
    }
}

impl std::fmt::Debug for Attachments<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::len)).finish()
    }
}

/// Names of rooms.
#[derive(Clone, Copy)]
pub struct Rooms<'a>(Spans<'a>);

impl<'a> Rooms<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let spans = self.0;
        (0..spans.len()).map(move |at| spans.text(at))
    }
}

impl std::fmt::Debug for Rooms<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

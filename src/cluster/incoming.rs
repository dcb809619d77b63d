//! What a node of a cluster hears, by whom it concerns. It must not carry it out.

use super::channels::{Channels, Content, Ticket};
use super::requests::{Asked, Over, Question, Requests};
use super::sessions::Outcome;
use crate::base::Millis;
use crate::host::stats::{Counters, count};
use crate::wire::cluster::session::EntryId;
use crate::wire::cluster::{Heard, Malformed, Message, Packet, RemoteSocket, Value};
use crate::wire::resp::Reply;

/// What this node hears, by whom it concerns.
pub(crate) enum Incoming<'a> {
    /// Another node emits something, which has yet to be read.
    Broadcast(Unread<'a>),
    /// Another node orders something, or asks; where that stands in a stream, if it does.
    Order {
        heard: Heard<'a>,
        at: Option<EntryId>,
    },
    /// What this node has left in the stream is there, at this place.
    Returned {
        ticket: Ticket,
        at: EntryId,
    },
    /// A session is with another node from now on.
    Moved {
        sid: &'a str,
    },
    /// What has become of a session that a client has asked for.
    Session(Outcome),
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
    pub(super) content: Content,
    pub(super) payload: &'a [u8],
    pub(super) channels: &'a Channels,
    pub(super) counters: &'a mut Counters,
}

impl<'a> Unread<'a> {
    /// It is for nobody here.
    pub(crate) fn ignore(self) {
        count(&mut self.counters.cluster_ignored, 1);
    }

    /// What it says. `None` if it cannot be read, or is this node's own.
    pub(crate) fn read(self) -> Option<Heard<'a>> {
        counted(self.channels.read(self.content, self.payload, self.namespace), self.counters)
    }
}

/// Counts what was read, and gives it if it is for this node.
pub(super) fn counted<'a>(
    read: Result<Option<Heard<'a>>, Malformed>,
    counters: &mut Counters,
) -> Option<Heard<'a>> {
    let counter = match read {
        Ok(Some(_)) => &mut counters.cluster_heard,
        Ok(None) => &mut counters.cluster_ignored,
        Err(Malformed) => &mut counters.cluster_malformed,
    };
    count(counter, 1);
    read.ok().flatten()
}

/// How many nodes there are, by the answer to `PUBSUB NUMSUB` of one channel.
pub(super) fn nodes_in(reply: Reply<'_>) -> Option<u32> {
    let Reply::List(mut items) = reply else { return None };
    let Some(Reply::Integer(count)) = items.nth(1) else { return None };
    u32::try_from(count).ok()
}

/// Another node orders something or asks, or it answers a question of this node or of a third.
pub(super) fn take(
    requests: &mut Requests,
    asked: &mut Asked,
    uid: &str,
    heard: Heard<'_>,
    at: Option<EntryId>,
    mut act: impl FnMut(Incoming<'_>),
) {
    let (Message::FetchReply { request, .. }
    | Message::ServerEmitReply { request, .. }
    | Message::AckCount { request, .. }
    | Message::AckReply { request, .. }) = &heard.message
    else {
        return match &heard.message {
            Message::ServerEmit { packet, request } => {
                let namespace = &*heard.namespace;
                let answer = request.as_ref().map(|request| asked.add(namespace, request));
                act(Incoming::ForHost(ForHost::Said { namespace, packet, answer }));
            }
            _ => act(Incoming::Order { heard, at }),
        };
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

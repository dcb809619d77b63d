//! What the nodes of a Socket.IO cluster tell each other, as bytes: one set of messages, and a file for each format. It must not know who
//! is connected, nor what is done about a message.
//!
//! Nodes are trusted more than clients, and not with this one's life: whatever comes is read without recursion, in time and memory that
//! grow as the bytes do, and what is no message of the format is [`Malformed`].

/// Sharded and streams.
pub mod nodes;
mod own;
/// `createAdapter`, and emitters.
pub mod pubsub;
/// python-socketio.
pub mod python;
mod raw;
mod read;
/// What is kept in Redis of clients that may come back to another node.
pub mod session;
#[cfg(test)]
mod tests;
mod write;

pub use super::json::Malformed;
use std::borrow::Cow;

/// Rooms that a message can name to say whom it is about, or what they are to join or leave.
pub const MAX_ROOMS: usize = 65_536;

/// Rooms or ids of sockets that one answer can list: all that a node has.
pub const MAX_LISTED: usize = 1_048_576;

/// Sockets that one answer can tell of.
pub const MAX_SOCKETS: usize = 131_072;

/// How an emit is delivered, as far as its message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Whoever does not keep up may miss it.
    pub volatile: bool,
    /// Whether it may be compressed, if that was said.
    pub compress: Option<bool>,
    /// Milliseconds in which acknowledgements are awaited.
    pub timeout: Option<u64>,
    /// The only answer that is awaited is that of one client.
    pub expect_single_response: bool,
}

/// Whom a message is about: everybody if it names no room, and then without those of `except`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opts<'a> {
    /// Rooms, and ids of sockets.
    pub rooms: Vec<Cow<'a, str>>,
    /// The same.
    pub except: Vec<Cow<'a, str>>,
    /// How it is delivered.
    pub flags: Flags,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its name; one that was a number is as JavaScript prints it.
    pub name: Cow<'a, str>,
    /// Its arguments without the name: a JSON array.
    pub args: Cow<'a, str>,
    /// What its placeholders stand for. That each names one is not checked.
    pub attachments: Vec<Cow<'a, [u8]>>,
}

impl Packet<'_> {
    /// How many bytes it has.
    pub fn size(&self) -> usize {
        let attachments = self.attachments.iter().map(|bytes| bytes.len());
        attachments.fold(self.name.len().saturating_add(self.args.len()), usize::saturating_add)
    }
}

/// An answer: one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value<'a> {
    /// JSON.
    pub json: Cow<'a, str>,
    /// What its placeholders stand for.
    pub attachments: Vec<Cow<'a, [u8]>>,
}

impl Value<'_> {
    /// Whether it is JSON and nothing else.
    pub fn is_plain(&self) -> bool {
        self.attachments.is_empty()
    }
}

/// A socket of another node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteSocket<'a> {
    /// Its id.
    pub id: Cow<'a, str>,
    /// What is known of its handshake: a JSON object.
    pub handshake: Cow<'a, str>,
    /// The rooms it is in.
    pub rooms: Vec<Cow<'a, str>>,
    /// What its host keeps with it.
    pub data: Value<'a>,
}

/// What nodes tell each other, whatever the format. `request` is the number by which an answer finds who has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// An event to clients; with a number, their acknowledgements are wanted.
    Broadcast {
        /// The event.
        packet: Packet<'a>,
        /// To whom.
        opts: Opts<'a>,
        /// Whom the acknowledgements are for.
        request: Option<Cow<'a, str>>,
    },
    /// Sockets join rooms.
    Join {
        /// Which.
        opts: Opts<'a>,
        /// These.
        rooms: Vec<Cow<'a, str>>,
    },
    /// Sockets leave rooms.
    Leave {
        /// Which.
        opts: Opts<'a>,
        /// These.
        rooms: Vec<Cow<'a, str>>,
    },
    /// Sockets are disconnected.
    Disconnect {
        /// Which.
        opts: Opts<'a>,
        /// With their connection.
        close: bool,
    },
    /// Which sockets are there?
    Fetch {
        /// The question.
        request: Cow<'a, str>,
        /// Which are meant.
        opts: Opts<'a>,
    },
    /// These are.
    FetchReply {
        /// The question.
        request: Cow<'a, str>,
        /// Those of one node.
        sockets: Vec<RemoteSocket<'a>>,
    },
    /// What are the ids of the sockets in these rooms? Old nodes ask.
    Ids {
        /// The question.
        request: Cow<'a, str>,
        /// Everybody's if there are none.
        rooms: Vec<Cow<'a, str>>,
    },
    /// These. An answer without any is read as a [`FetchReply`](Message::FetchReply).
    IdsReply {
        /// The question.
        request: Cow<'a, str>,
        /// Those of one node.
        ids: Vec<Cow<'a, str>>,
    },
    /// Which rooms are there?
    AllRooms {
        /// The question.
        request: Cow<'a, str>,
    },
    /// These are, ids of sockets among them.
    AllRoomsReply {
        /// The question.
        request: Cow<'a, str>,
        /// Those of one node.
        rooms: Vec<Cow<'a, str>>,
    },
    /// An event to the hosts of the other nodes.
    ServerEmit {
        /// The event.
        packet: Packet<'a>,
        /// If an answer is wanted.
        request: Option<Cow<'a, str>>,
    },
    /// What a host has answered.
    ServerEmitReply {
        /// The event's number.
        request: Cow<'a, str>,
        /// `None` for an answer without a value.
        value: Option<Value<'a>>,
    },
    /// So many clients have been asked for an acknowledgement.
    AckCount {
        /// The broadcast's number.
        request: Cow<'a, str>,
        /// Those of one node.
        clients: u64,
    },
    /// What one of them has answered.
    AckReply {
        /// The broadcast's number.
        request: Cow<'a, str>,
        /// Its first value; `None` if it has none.
        value: Option<Value<'a>>,
    },
    /// It is done: the answer to [`Heard::done`].
    Done {
        /// The order's number.
        request: Cow<'a, str>,
    },
    /// That another node is there or goes, or something that nodes of today do not say: nothing is to be done.
    Other,
}

/// A message, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard<'a> {
    /// The node that has sent it, if it says so: emitters and answers may not.
    pub from: Option<Cow<'a, str>>,
    /// Which namespace it is about.
    pub namespace: Cow<'a, str>,
    /// What it says.
    pub message: Message<'a>,
    /// The number of an order of an old form, about one socket: the node that has this socket answers with [`Message::Done`].
    pub done: Option<Cow<'a, str>>,
}

/// A message cannot be told: it would be too long, or what it carries is no JSON, or too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untold;

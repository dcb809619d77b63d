//! The format of `@socket.io/redis-adapter`'s `createAdapter`, and of `@socket.io/redis-emitter`: broadcasts, requests and responses on
//! channels of their own. It must not subscribe to any.
//!
//! | channel | what comes on it |
//! |---|---|
//! | `PREFIX#NAMESPACE#`, `PREFIX#NAMESPACE#ROOM#` | broadcasts |
//! | `PREFIX-request#NAMESPACE#` | requests |
//! | `PREFIX-response#NAMESPACE#`, `PREFIX-response#NAMESPACE#UID#` | responses |

use super::raw::{Checked, Raw};
use super::read::{self, Fields};
use super::write::Writer;
use super::{Heard, Malformed, Message, Opts, Untold, Value};
use crate::wire::msgpack::{Head, Reader};
use std::borrow::Cow;

/// Types of requests, and of those responses that have one.
mod kind {
    pub(super) const IDS: u64 = 0;
    pub(super) const ALL_ROOMS: u64 = 1;
    pub(super) const JOIN: u64 = 2;
    pub(super) const LEAVE: u64 = 3;
    pub(super) const DISCONNECT: u64 = 4;
    pub(super) const FETCH: u64 = 5;
    pub(super) const SERVER_EMIT: u64 = 6;
    pub(super) const BROADCAST: u64 = 7;
    pub(super) const ACK_COUNT: u64 = 8;
    pub(super) const ACK_REPLY: u64 = 9;
}

/// What a channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// [`decode_broadcast`].
    Broadcasts,
    /// [`decode_request`].
    Requests,
    /// [`decode_response`].
    Responses,
}

impl Purpose {
    fn suffix(self) -> &'static str {
        match self {
            Self::Broadcasts => "#",
            Self::Requests => "-request#",
            Self::Responses => "-response#",
        }
    }
}

/// Appends the name of the channel of a namespace, up to the `#` after it.
pub fn channel(out: &mut String, prefix: &str, purpose: Purpose, namespace: &str) {
    out.extend([prefix, purpose.suffix(), namespace, "#"]);
}

/// Appends the name of a channel of one room's broadcasts, or of one node's responses.
pub fn channel_of(out: &mut String, prefix: &str, purpose: Purpose, namespace: &str, of: &str) {
    channel(out, prefix, purpose, namespace);
    out.extend([of, "#"]);
}

/// The room, or the node, of a channel whose name begins as [`channel`] says, for `stem` bytes: `None` if it is of none.
pub fn room_of(channel: &[u8], stem: usize) -> Option<&str> {
    let room = channel.get(stem..)?.strip_suffix(b"#")?;
    std::str::from_utf8(room).ok().filter(|room| !room.is_empty())
}

/// The message of an emit, which says of what namespace it is: `/` if it does not.
pub fn decode_broadcast(bytes: &[u8]) -> Result<Heard<'_>, Malformed> {
    /// Of those that are read; more are for nodes that are to come.
    const PARTS: u32 = 3;
    // Each part is read as it comes: once less than if the whole were checked before.
    let mut reader = Reader(bytes);
    let Head::Array(count @ PARTS..) = reader.head()? else { return Err(Malformed) };
    let uid = Raw::Msgpack(reader.value()?);
    let from = if uid.is_nothing() { None } else { Some(uid.text()?) };
    let (packet, namespace) = read::next_packet(&mut reader)?;
    let opts = read::next_opts(&mut reader)?;
    for _ in PARTS..count {
        reader.value()?;
    }
    if !reader.0.is_empty() {
        return Err(Malformed);
    }
    let namespace = namespace.unwrap_or(Cow::Borrowed("/"));
    let message = Message::Broadcast { packet, opts, request: None };
    Ok(Heard { from, namespace, message, done: None })
}

/// What another node asks or orders on the channel of `namespace`.
pub fn decode_request<'a>(bytes: &'a [u8], namespace: &'a str) -> Result<Heard<'a>, Malformed> {
    let message = Checked::message(bytes)?;
    let fields = Fields::of(message.raw())?;
    let kind = fields.kind.ok_or(Malformed)?.number()?;
    let from = fields.uid.map(Raw::text).transpose()?;
    let mut done = None;
    let message = match kind {
        kind::IDS => Message::Ids { request: fields.request()?, rooms: fields.rooms()? },
        kind::ALL_ROOMS => Message::AllRooms { request: fields.request()? },
        kind::JOIN | kind::LEAVE | kind::DISCONNECT => {
            let (opts, rooms) = if fields.opts.is_some() {
                (fields.opts()?, if kind == kind::DISCONNECT { Vec::new() } else { fields.rooms()? })
            } else {
                // Of one socket, as nodes of socket.io 3 and before say it.
                done = fields.maybe_request()?;
                let rooms = vec![fields.sid.ok_or(Malformed)?.text()?];
                (
                    Opts { rooms, ..Opts::default() },
                    fields.room.map(Raw::name).transpose()?.into_iter().collect(),
                )
            };
            match kind {
                kind::JOIN => Message::Join { opts, rooms },
                kind::LEAVE => Message::Leave { opts, rooms },
                _ => Message::Disconnect { opts, close: fields.close()? },
            }
        }
        kind::FETCH => Message::Fetch { request: fields.request()?, opts: fields.opts()? },
        kind::SERVER_EMIT => Message::ServerEmit {
            packet: read::event(fields.data.ok_or(Malformed)?)?,
            request: fields.maybe_request()?,
        },
        kind::BROADCAST => Message::Broadcast {
            packet: fields.packet()?.0,
            opts: fields.opts()?,
            request: Some(fields.request()?),
        },
        _ => Message::Other,
    };
    Ok(Heard { from, namespace: Cow::Borrowed(namespace), message, done })
}

/// What another node answers on the channel of `namespace`.
pub fn decode_response<'a>(bytes: &'a [u8], namespace: &'a str) -> Result<Heard<'a>, Malformed> {
    let message = Checked::message(bytes)?;
    let fields = Fields::of(message.raw())?;
    let request = fields.request()?;
    let value = |raw: Option<Raw<'_, 'a>>| raw.map(Raw::value).transpose();
    let message = match fields.kind.map(Raw::number).transpose()? {
        Some(kind::SERVER_EMIT) => Message::ServerEmitReply { request, value: value(fields.data)? },
        Some(kind::ACK_COUNT) => Message::AckCount { request, clients: fields.clients()? },
        Some(kind::ACK_REPLY) => Message::AckReply { request, value: value(fields.packet)? },
        Some(_) => Message::Other,
        // Which question it answers shows in what it has.
        None => match (fields.sockets, fields.rooms) {
            (Some(sockets), _) if sockets.items()?.next().is_some_and(Raw::is_text) => {
                Message::IdsReply { request, ids: read::listed(sockets)? }
            }
            (Some(_), _) => Message::FetchReply { request, sockets: fields.sockets()? },
            (None, Some(rooms)) => Message::AllRoomsReply { request, rooms: read::listed(rooms)? },
            (None, None) => Message::Done { request },
        },
    };
    Ok(Heard { from: None, namespace: Cow::Borrowed(namespace), message, done: None })
}

/// Which channel a message is for, of its namespace, or of its only room if it is a broadcast to one.
pub fn purpose(message: &Message<'_>) -> Purpose {
    match message {
        Message::Broadcast { request: None, .. } => Purpose::Broadcasts,
        Message::FetchReply { .. }
        | Message::IdsReply { .. }
        | Message::AllRoomsReply { .. }
        | Message::ServerEmitReply { .. }
        | Message::AckCount { .. }
        | Message::AckReply { .. }
        | Message::Done { .. } => Purpose::Responses,
        _ => Purpose::Requests,
    }
}

/// Appends a message as the node `uid` says it about `namespace`: broadcasts and what has attachments in msgpack, all else in JSON.
/// [`Message::Other`] is not said.
///
/// # Errors
/// [`Untold`] if it would be longer than `max`, or its JSON is none. What was appended is of no use then.
pub fn encode(
    out: &mut Vec<u8>,
    uid: &str,
    namespace: &str,
    message: &Message<'_>,
    max: usize,
) -> Result<(), Untold> {
    let in_json = match message {
        Message::Broadcast { .. } | Message::AckReply { .. } => false,
        Message::ServerEmit { packet, .. } => packet.attachments.is_empty(),
        Message::ServerEmitReply { value, .. } => value.as_ref().is_none_or(Value::is_plain),
        Message::FetchReply { sockets, .. } => sockets.iter().all(|socket| socket.data.is_plain()),
        _ => true,
    };
    let mut writer = Writer::new(out, in_json, max);
    match message {
        Message::Broadcast { packet, opts, request: None } => {
            writer.list(3);
            writer.text(uid);
            writer.packet(packet, Some(namespace))?;
            writer.opts(opts);
        }
        Message::Broadcast { packet, opts, request: Some(request) } => {
            writer.object(5);
            asked(&mut writer, uid, Some(request), kind::BROADCAST);
            writer.key("packet").packet(packet, Some(namespace))?;
            writer.key("opts").opts(opts);
        }
        Message::Ids { request, rooms } => {
            writer.object(4);
            asked(&mut writer, uid, Some(request), kind::IDS);
            writer.key("rooms").names(rooms);
        }
        Message::AllRooms { request } => {
            writer.object(3);
            asked(&mut writer, uid, Some(request), kind::ALL_ROOMS);
        }
        Message::Join { opts, rooms } | Message::Leave { opts, rooms } => {
            let kind = if matches!(message, Message::Join { .. }) { kind::JOIN } else { kind::LEAVE };
            writer.object(4);
            asked(&mut writer, uid, None, kind);
            writer.key("opts").whom(opts);
            writer.key("rooms").names(rooms);
        }
        Message::Disconnect { opts, close } => {
            writer.object(4);
            asked(&mut writer, uid, None, kind::DISCONNECT);
            writer.key("opts").whom(opts);
            writer.key("close").flag(*close);
        }
        Message::Fetch { request, opts } => {
            writer.object(4);
            asked(&mut writer, uid, Some(request), kind::FETCH);
            writer.key("opts").whom(opts);
        }
        Message::ServerEmit { packet, request } => {
            writer.object(if request.is_some() { 4 } else { 3 });
            asked(&mut writer, uid, request.as_deref(), kind::SERVER_EMIT);
            writer.key("data").event(packet)?;
        }
        Message::FetchReply { request, sockets } => {
            writer.object(2);
            writer.key("requestId").text(request);
            writer.key("sockets").sockets(sockets)?;
        }
        Message::IdsReply { request, ids } => {
            writer.object(2);
            writer.key("requestId").text(request);
            writer.key("sockets").names(ids);
        }
        Message::AllRoomsReply { request, rooms } => {
            writer.object(2);
            writer.key("requestId").text(request);
            writer.key("rooms").names(rooms);
        }
        Message::ServerEmitReply { request, value } => {
            answered(&mut writer, request, kind::SERVER_EMIT, "data", value.as_ref())?;
        }
        Message::AckReply { request, value } => {
            answered(&mut writer, request, kind::ACK_REPLY, "packet", value.as_ref())?;
        }
        Message::AckCount { request, clients } => {
            writer.object(3);
            writer.key("type").number(kind::ACK_COUNT);
            writer.key("requestId").text(request);
            writer.key("clientCount").number(*clients);
        }
        Message::Done { request } => {
            writer.object(1);
            writer.key("requestId").text(request);
        }
        Message::Other => return Err(Untold),
    }
    if !matches!(message, Message::Broadcast { request: None, .. }) {
        writer.end_object();
    }
    writer.end()
}

/// What every request begins with.
fn asked(writer: &mut Writer<'_>, uid: &str, request: Option<&str>, kind: u64) {
    writer.key("uid").text(uid);
    if let Some(request) = request {
        writer.key("requestId").text(request);
    }
    writer.key("type").number(kind);
}

/// An answer of one value, or of none.
fn answered(
    writer: &mut Writer<'_>,
    request: &str,
    kind: u64,
    key: &str,
    value: Option<&Value<'_>>,
) -> Result<(), Untold> {
    writer.object(if value.is_some() { 3 } else { 2 });
    writer.key("type").number(kind);
    writer.key("requestId").text(request);
    match value {
        Some(value) => writer.key(key).value(value),
        None => Ok(()),
    }
}

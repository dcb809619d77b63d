//! The messages of `createShardedAdapter`, in JSON or msgpack, and of `@socket.io/redis-streams-adapter`, which are the same in the fields
//! of a stream. It must not know to whom a message goes.
//!
//! | format | where a message goes |
//! |---|---|
//! | sharded | the channel `PREFIX#NAMESPACE#`; a [broadcast to one room](room_channel) that room's, if the cluster's nodes agree on it; an answer the asker's |
//! | streams | the stream, but for questions: those and their answers go to the channels as above, always in msgpack |

use super::raw::{Checked, Raw};
use super::read::{self, Fields};
use super::write::Writer;
use super::{Heard, Malformed, Message, Untold, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::io::Write as _;

/// Types of messages. Those that are not here say that a node is there, or that it goes.
mod kind {
    pub(super) const BROADCAST: u64 = 3;
    pub(super) const JOIN: u64 = 4;
    pub(super) const LEAVE: u64 = 5;
    pub(super) const DISCONNECT: u64 = 6;
    pub(super) const FETCH: u64 = 7;
    pub(super) const FETCH_REPLY: u64 = 8;
    pub(super) const SERVER_EMIT: u64 = 9;
    pub(super) const SERVER_EMIT_REPLY: u64 = 10;
    pub(super) const ACK_COUNT: u64 = 11;
    pub(super) const ACK_REPLY: u64 = 12;
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, unless there are attachments: msgpack then.
    Sharded,
    /// msgpack.
    Streams,
}

/// Whether a message of the streams format goes to the stream. Otherwise it goes to a channel.
pub fn goes_to_stream(message: &Message<'_>) -> bool {
    matches!(
        message,
        Message::Broadcast { request: None, .. }
            | Message::Join { .. }
            | Message::Leave { .. }
            | Message::Disconnect { .. }
    )
}

/// The room whose channel a message of the sharded format goes to, if rooms have channels: those that may be sockets' ids only if
/// `private`.
pub fn room_channel<'m>(message: &'m Message<'_>, private: bool) -> Option<&'m str> {
    /// The ids that Node gives are so long, and so it takes rooms of that length for sockets.
    const SOCKET_ID: usize = 20;
    let Message::Broadcast { opts, request: None, .. } = message else { return None };
    let [room] = &opts.rooms[..] else { return None };
    (private || room.encode_utf16().count() != SOCKET_ID).then_some(room)
}

/// Adds to the name of a question who asks, whose channel the answer goes to, if that was said: [`encode`] takes it off an answer.
pub fn keep_asker(heard: &mut Heard<'_>) {
    let Heard { from, message, .. } = heard;
    let from = from.as_deref().unwrap_or_default();
    if let Message::Broadcast { request: Some(request), .. }
    | Message::Fetch { request, .. }
    | Message::ServerEmit { request: Some(request), .. } = message
    {
        *request = Cow::Owned(format!("{from}#{request}"));
    }
}

/// The node that an answer is for, if its question was [told so](keep_asker).
pub fn asker<'m>(message: &'m Message<'_>) -> Option<&'m str> {
    match message {
        Message::FetchReply { request, .. }
        | Message::ServerEmitReply { request, .. }
        | Message::AckCount { request, .. }
        | Message::AckReply { request, .. } => {
            request.split_once('#').map(|(asker, _)| asker).filter(|asker| !asker.is_empty())
        }
        _ => None,
    }
}

/// Behind `STREAM-`, where there are several streams: that to which nodes write what is about a namespace. For about half of all names
/// it is below 0, and of those streams nodes read none.
pub fn stream_number(namespace: &str, count: u32) -> i64 {
    let hash =
        namespace.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    i64::from(hash).checked_rem(count.into()).unwrap_or(0)
}

/// A message on a channel.
pub fn decode(bytes: &[u8]) -> Result<Heard<'_>, Malformed> {
    let message = Checked::message(bytes)?;
    let fields = Fields::of(message.raw())?;
    let kind = fields.kind.ok_or(Malformed)?.number()?;
    let from = fields.uid.map(Raw::text).transpose()?;
    let namespace = fields.namespace.ok_or(Malformed)?.text()?;
    Ok(Heard { from, namespace, message: read_data(kind, fields.data)?, done: None })
}

/// An entry of a stream: the values of its fields `uid`, `nsp`, `type` and `data`. `scratch` has what the message borrows, if it is in
/// base64.
pub fn decode_entry<'a>(
    uid: &'a [u8],
    nsp: &'a [u8],
    kind: &[u8],
    data: Option<&'a [u8]>,
    scratch: &'a mut Vec<u8>,
) -> Result<Heard<'a>, Malformed> {
    let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).map_err(|_| Malformed);
    let kind = std::str::from_utf8(kind).ok().and_then(|kind| kind.parse().ok()).ok_or(Malformed)?;
    let data = match data {
        None | Some([]) => None,
        Some(json @ [b'{', ..]) => Some(Checked::json(text(json)?)?),
        Some(base64) => {
            scratch.clear();
            STANDARD.decode_vec(base64, scratch).map_err(|_| Malformed)?;
            Some(Checked::msgpack(scratch)?)
        }
    };
    let (from, namespace) = (Some(Cow::Borrowed(text(uid)?)), Cow::Borrowed(text(nsp)?));
    let data = data.as_ref().map(Checked::raw);
    Ok(Heard { from, namespace, message: read_data(kind, data)?, done: None })
}

fn read_data<'a>(kind: u64, data: Option<Raw<'_, 'a>>) -> Result<Message<'a>, Malformed> {
    if !(kind::BROADCAST..=kind::ACK_REPLY).contains(&kind) {
        return Ok(Message::Other);
    }
    let fields = Fields::of(data.ok_or(Malformed)?)?;
    let value = |raw: Option<Raw<'_, 'a>>| raw.map(Raw::value).transpose();
    Ok(match kind {
        kind::BROADCAST => Message::Broadcast {
            packet: fields.packet()?.0,
            opts: fields.opts()?,
            request: fields.maybe_request()?,
        },
        kind::JOIN => Message::Join { opts: fields.opts()?, rooms: fields.rooms()? },
        kind::LEAVE => Message::Leave { opts: fields.opts()?, rooms: fields.rooms()? },
        kind::DISCONNECT => Message::Disconnect { opts: fields.opts()?, close: fields.close()? },
        kind::FETCH => Message::Fetch { request: fields.request()?, opts: fields.opts()? },
        kind::FETCH_REPLY => Message::FetchReply { request: fields.request()?, sockets: fields.sockets()? },
        kind::SERVER_EMIT => Message::ServerEmit {
            packet: read::event(fields.packet.ok_or(Malformed)?)?,
            request: fields.maybe_request()?,
        },
        kind::SERVER_EMIT_REPLY => {
            Message::ServerEmitReply { request: fields.request()?, value: value(fields.packet)? }
        }
        kind::ACK_COUNT => Message::AckCount { request: fields.request()?, clients: fields.clients()? },
        _ => Message::AckReply { request: fields.request()?, value: value(fields.packet)? },
    })
}

/// The number of a message's type. Those that only the format of pub/sub has are not said here.
fn kind_of(message: &Message<'_>) -> Result<u64, Untold> {
    Ok(match message {
        Message::Broadcast { .. } => kind::BROADCAST,
        Message::Join { .. } => kind::JOIN,
        Message::Leave { .. } => kind::LEAVE,
        Message::Disconnect { .. } => kind::DISCONNECT,
        Message::Fetch { .. } => kind::FETCH,
        Message::FetchReply { .. } => kind::FETCH_REPLY,
        Message::ServerEmit { .. } => kind::SERVER_EMIT,
        Message::ServerEmitReply { .. } => kind::SERVER_EMIT_REPLY,
        Message::AckCount { .. } => kind::ACK_COUNT,
        Message::AckReply { .. } => kind::ACK_REPLY,
        Message::Ids { .. }
        | Message::IdsReply { .. }
        | Message::AllRooms { .. }
        | Message::AllRoomsReply { .. }
        | Message::Done { .. }
        | Message::Other => return Err(Untold),
    })
}

fn is_plain(message: &Message<'_>) -> bool {
    match message {
        Message::Broadcast { packet, .. } | Message::ServerEmit { packet, .. } => {
            packet.attachments.is_empty()
        }
        Message::FetchReply { sockets, .. } => sockets.iter().all(|socket| socket.data.is_plain()),
        Message::ServerEmitReply { value, .. } | Message::AckReply { value, .. } => {
            value.as_ref().is_none_or(Value::is_plain)
        }
        _ => true,
    }
}

/// Appends a message for a channel, as the node `uid` says it about `namespace`.
///
/// # Errors
/// [`Untold`] if it would be longer than `max`, its JSON is none, or these formats have no such message. What was appended is of no use
/// then.
pub fn encode(
    out: &mut Vec<u8>,
    format: Format,
    uid: &str,
    namespace: &str,
    message: &Message<'_>,
    max: usize,
) -> Result<(), Untold> {
    let kind = kind_of(message)?;
    let mut writer = Writer::new(out, format == Format::Sharded && is_plain(message), max);
    writer.object(4);
    writer.key("type").number(kind);
    write_data(writer.key("data"), message)?;
    writer.key("uid").text(uid);
    writer.key("nsp").text(namespace);
    writer.end_object();
    writer.end()
}

/// Appends what an entry of a stream has in its field `data`, and gives what it has in `type`.
///
/// # Errors
/// As [`encode`].
pub fn encode_entry(out: &mut Vec<u8>, message: &Message<'_>, max: usize) -> Result<u64, Untold> {
    let kind = kind_of(message)?;
    if is_plain(message) {
        let mut writer = Writer::new(out, true, max);
        write_data(&mut writer, message)?;
        return writer.end().map(|()| kind);
    }
    let mut packed = Vec::new();
    let mut writer = Writer::new(&mut packed, false, max);
    write_data(&mut writer, message)?;
    writer.end()?;
    if base64::encoded_len(packed.len(), true).is_none_or(|length| length > max) {
        return Err(Untold);
    }
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}", base64::display::Base64Display::new(&packed, &STANDARD));
    Ok(kind)
}

fn write_data(writer: &mut Writer<'_>, message: &Message<'_>) -> Result<(), Untold> {
    match message {
        Message::Broadcast { packet, opts, request } => {
            writer.object(if request.is_some() { 3 } else { 2 });
            writer.key("packet").packet(packet, None)?;
            asked(writer, request.as_deref());
            writer.key("opts").opts(opts);
        }
        Message::Join { opts, rooms } | Message::Leave { opts, rooms } => {
            writer.object(2);
            writer.key("opts").opts(opts);
            writer.key("rooms").names(rooms);
        }
        Message::Disconnect { opts, close } => {
            writer.object(2);
            writer.key("opts").opts(opts);
            writer.key("close").flag(*close);
        }
        Message::Fetch { request, opts } => {
            writer.object(2);
            writer.key("opts").opts(opts);
            asked(writer, Some(request));
        }
        Message::FetchReply { request, sockets } => {
            writer.object(2);
            answered(writer, request);
            writer.key("sockets").sockets(sockets)?;
        }
        Message::ServerEmit { packet, request } => {
            writer.object(if request.is_some() { 2 } else { 1 });
            asked(writer, request.as_deref());
            writer.key("packet").event(packet)?;
        }
        Message::AckCount { request, clients } => {
            writer.object(2);
            answered(writer, request);
            writer.key("clientCount").number(*clients);
        }
        Message::ServerEmitReply { request, value } | Message::AckReply { request, value } => {
            writer.object(if value.is_some() { 2 } else { 1 });
            answered(writer, request);
            if let Some(value) = value {
                writer.key("packet").value(value)?;
            }
        }
        _ => return Err(Untold),
    }
    writer.end_object();
    Ok(())
}

/// The question that is answered, without who has asked it.
fn answered(writer: &mut Writer<'_>, request: &str) {
    asked(writer, Some(request.split_once('#').map_or(request, |(_, request)| request)));
}

fn asked(writer: &mut Writer<'_>, request: Option<&str>) {
    if let Some(request) = request {
        writer.key("requestId").text(request);
    }
}

//! Events as C structs, and their numbers. It must not copy what an event carries.

use super::broker::{Host, roomcast_broker};
use super::convert::address;
use super::frozen::Grows;
use super::given::Given;
use super::guard::Fault;
use super::types::*;
use crate::base::errors::Error;
use crate::host::events::{Event, RoomChange};
use crate::host::reason::Reason;
use std::ffi::c_char;

/// A socket has joined its namespace. Sets `socket`, `ns`, `name` to its id as the client knows it, and `data` to the
/// client's auth object as JSON ("{}" when it sent none). With the flag ROOMCAST_FLAG_RECOVERED it was away and is back.
pub const ROOMCAST_EVENT_CONNECT: u32 = 1;
/// A client emitted an event. Sets `socket`, `ns`, `name`, `data` to its arguments (a JSON array, as the client sent it),
/// `parts` to the attachments that the placeholders in it stand for, and `ack`.
pub const ROOMCAST_EVENT_MESSAGE: u32 = 2;
/// A socket is gone; its handle is dead already, unless the flag ROOMCAST_FLAG_RECOVERABLE is set. Sets `socket`, `ns`, `code` to a
/// ROOMCAST_REASON_ number, and `parts` to the rooms it was in until now, its own not among them.
pub const ROOMCAST_EVENT_DISCONNECT: u32 = 3;
/// A client asks to join a guarded namespace: answer with roomcast_accept or roomcast_reject. Sets `socket`, `ns`,
/// `name` to its id to be, and `data` to the auth object as JSON. If it leaves before you answer, ROOMCAST_EVENT_DISCONNECT
/// says so, and the answer is ROOMCAST_ERROR_GONE. With the flag ROOMCAST_FLAG_RECOVERED (ROOMCAST_NAMESPACE_ASK_AGAIN) it asks for the
/// session whose id and tag these are.
pub const ROOMCAST_EVENT_CONNECT_REQUEST: u32 = 4;
/// A client acknowledged an emit. Sets `ack` to what roomcast_emit_with_ack gave and `context` to what it was given, `socket`,
/// `data` to the arguments (a JSON array), `parts` to the attachments, `code` to how many have still to answer: 0 ends this
/// acknowledgement.
pub const ROOMCAST_EVENT_ACK: u32 = 5;
/// An acknowledgement ended with answers missing. Sets `ack`, `context`, `code` to how many never answered, and the flag
/// ROOMCAST_FLAG_TIMED_OUT if the time was up; without it, those that were missing disconnected.
pub const ROOMCAST_EVENT_ACK_END: u32 = 6;
/// A packet of this socket's client could not be parsed; its disconnect follows. Sets `socket`, `ns`.
pub const ROOMCAST_EVENT_PROTOCOL_ERROR: u32 = 7;
/// A namespace was made, by the host or from a pattern. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_NAMESPACE_CREATED: u32 = 8;
/// A namespace made from a pattern is gone with its last socket; its handle is dead already. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_NAMESPACE_REMOVED: u32 = 9;
/// Only with room_events: a room has its first member. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_CREATED: u32 = 10;
/// Only with room_events: a socket joined a room. Sets `socket`, `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_JOINED: u32 = 11;
/// Only with room_events: a socket left a room. Sets `socket`, `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_LEFT: u32 = 12;
/// Only with room_events: a room's last member left. Sets `ns`, `name`.
pub const ROOMCAST_EVENT_ROOM_DELETED: u32 = 13;
/// Only with guard_handshakes: a client opens a connection: answer with roomcast_allow, roomcast_refuse or roomcast_refuse_with. Sets
/// `connection`.
pub const ROOMCAST_EVENT_HANDSHAKE: u32 = 14;
/// Only with refusal_events: a request was refused. Sets `code` to Engine.IO's error code (0 to 5; 6 for a
/// handshake that was answered with 503), `name` to its text,
/// `data` to what was wrong: the transport, the sid, the method, or a name such as INVALID_ORIGIN; for a WebSocket's
/// handshake that is none the text of its answer, with code 3;
/// with code 6 RATE, CONNECTIONS, DRAINING or UNDECIDED; with code 7 ADDRESS_CONNECTIONS or ADDRESS_RATE.
pub const ROOMCAST_EVENT_REFUSED: u32 = 15;
/// Only with engine_only: a connection opened. Sets `connection`.
pub const ROOMCAST_EVENT_OPEN: u32 = 16;
/// Only with engine_only: a text message. Sets `connection`, `data`.
pub const ROOMCAST_EVENT_TEXT: u32 = 17;
/// Only with engine_only: a binary message. Sets `connection`, `data`.
pub const ROOMCAST_EVENT_BINARY: u32 = 18;
/// Only with engine_only: a connection closed; its handle is dead already. Sets `connection`, `code` to a ROOMCAST_REASON_
/// number.
pub const ROOMCAST_EVENT_CLOSE: u32 = 19;
/// After roomcast_drain: no connection is left.
pub const ROOMCAST_EVENT_DRAINED: u32 = 20;
/// A socket that was away did not come back in time, or could not be told all that it had missed, or was disconnected by the host.
/// Its handle is dead already. Sets `socket`, `ns`, and `name` to its id.
pub const ROOMCAST_EVENT_SESSION_EXPIRED: u32 = 21;
/// Only with cluster_url: the other nodes hear this one, and it hears them. Sets `context` to the milliseconds for which they could not,
/// if they could before: what they said meanwhile is lost here. 0 the first time.
pub const ROOMCAST_EVENT_CLUSTER_UP: u32 = 22;
/// Only with cluster_url: this node is on its own until ROOMCAST_EVENT_CLUSTER_UP; what concerns its own sockets goes on as ever.
/// Sets `name` to the reason.
pub const ROOMCAST_EVENT_CLUSTER_DOWN: u32 = 23;
/// Only with cluster_url: the host of another node says this, by roomcast_server_emit or roomcast_ask_nodes. Sets `ns`, `name`, `data` to
/// the arguments (a JSON array), `parts` to the attachments, and `ack` if it waits for an answer: pass it to roomcast_answer_node.
pub const ROOMCAST_EVENT_SERVER_EVENT: u32 = 24;
/// Only with cluster_url: the host of another node has answered roomcast_ask_nodes. Sets `data` to its answer, one JSON value, or to
/// nothing, `parts` to the attachments, `context` to what it was given.
pub const ROOMCAST_EVENT_NODE_ANSWER: u32 = 25;
/// Only with cluster_url: a socket of another node, as roomcast_fetch_remote_sockets has asked for. Sets `name` to its id, `data` to a
/// JSON object with what its client's first request said (headers, time, address, xdomain, secure, issued, url, query, auth), `parts` to
/// the rooms it is in, its own among them, and behind them what the host of its node keeps with it, as JSON; `context` to what it was given.
pub const ROOMCAST_EVENT_REMOTE_SOCKET: u32 = 26;
/// Only with cluster_url: no other answer comes to roomcast_ask_nodes, roomcast_fetch_remote_sockets or roomcast_count_nodes. Sets
/// `context`, and `code` to how many nodes have not answered; ROOMCAST_UNKNOWN_NODES if it is not known how many there are.
pub const ROOMCAST_EVENT_ANSWERS_END: u32 = 27;
/// Only with cluster_url: a client of another node acknowledged an emit. As ROOMCAST_EVENT_ACK, but that `socket` is 0, and that `data`
/// has the first argument alone, which is all that nodes tell each other. For `code`, other nodes count for one while they have yet to say
/// whom they have asked.
pub const ROOMCAST_EVENT_REMOTE_ACK: u32 = 29;
/// Only with cluster_url: Redis does not allow this node something it needs, and the other nodes hear or are heard in part only. It is
/// asked again every ten seconds. Sets `name` to what it is, and the rule that is missing.
pub const ROOMCAST_EVENT_CLUSTER_REFUSED: u32 = 30;
/// Only with cluster_url: the answer to roomcast_count_nodes. Sets `code` to how many nodes have the namespace, this one among them, and
/// `context`.
pub const ROOMCAST_EVENT_NODES: u32 = 28;
/// Only with hand_back: a client asks for a path that is not the broker's, and its connection is for you to go on with. No answer is owed on
/// it, and the broker is done with it. Sets `context` to the number of its descriptor, a stream socket in non-blocking mode, which
/// roomcast_take_descriptor makes yours; without that it is closed with the batch. `data` is what was read and nobody has used, the
/// request's head and what came behind it, as bytes; `name` is where it comes from, as `address` of a roomcast_handshake.
pub const ROOMCAST_EVENT_FOREIGN: u32 = 31;

/// On ROOMCAST_EVENT_ANSWERS_END: it is not known how many nodes there are, as Redis could not be asked.
pub const ROOMCAST_UNKNOWN_NODES: u32 = u32::MAX;

/// On ROOMCAST_EVENT_ACK_END: the time was up.
pub const ROOMCAST_FLAG_TIMED_OUT: u32 = 1;
/// On ROOMCAST_EVENT_CONNECT: the socket was away and is back, with its handle, its tag and the rooms that it is in by now. What it
/// missed is sent before anything else. On ROOMCAST_EVENT_CONNECT_REQUEST: its client asks for that.
pub const ROOMCAST_FLAG_RECOVERED: u32 = 2;
/// On ROOMCAST_EVENT_DISCONNECT: the socket is away, and its client may come back. Its handle lives until its
/// ROOMCAST_EVENT_CONNECT with ROOMCAST_FLAG_RECOVERED, or its ROOMCAST_EVENT_SESSION_EXPIRED.
pub const ROOMCAST_FLAG_RECOVERABLE: u32 = 4;

/// The client closed the transport, or the network did.
pub const ROOMCAST_REASON_TRANSPORT_CLOSE: u32 = 1;
/// The transport failed: a broken frame, overlapping or dropped requests.
pub const ROOMCAST_REASON_TRANSPORT_ERROR: u32 = 2;
/// No pong within ping_timeout.
pub const ROOMCAST_REASON_PING_TIMEOUT: u32 = 3;
/// A packet could not be parsed.
pub const ROOMCAST_REASON_PARSE_ERROR: u32 = 4;
/// The host closed the connection by roomcast_close_connection.
pub const ROOMCAST_REASON_FORCED_CLOSE: u32 = 5;
/// The client left the namespace.
pub const ROOMCAST_REASON_CLIENT_NAMESPACE_DISCONNECT: u32 = 6;
/// The host disconnected the socket from its namespace.
pub const ROOMCAST_REASON_SERVER_NAMESPACE_DISCONNECT: u32 = 7;
/// The host closed the connection, the client broke the protocol, or it joined no namespace in time.
pub const ROOMCAST_REASON_FORCED_SERVER_CLOSE: u32 = 8;
/// The broker is closing.
pub const ROOMCAST_REASON_SERVER_SHUTTING_DOWN: u32 = 9;
/// The client did not read and its backlog was full.
pub const ROOMCAST_REASON_SLOW_CONSUMER: u32 = 10;

/// One thing that happened. Which fields are set depends on `kind`; the others are 0 or NULL. Kinds that are not known must
/// be skipped: later versions add some. What the pointers point to is lent until the next roomcast_poll, roomcast_close or
/// roomcast_free of the broker. Texts are UTF-8 and not terminated by a NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_event {
    /// A ROOMCAST_EVENT_ number.
    pub kind: u32,
    /// ROOMCAST_FLAG_ bits.
    pub flags: u32,
    /// A number whose meaning depends on `kind`: a reason, an error code, how many acknowledgements are missing.
    pub code: u32,
    /// 0.
    pub reserved: u32,
    /// The socket it is about.
    pub socket: roomcast_socket,
    /// The connection it is about, where there is no socket.
    pub connection: roomcast_connection,
    /// The namespace it is about.
    pub ns: roomcast_namespace,
    /// On ROOMCAST_EVENT_MESSAGE what to pass to roomcast_ack, 0 if the client does not wait for an acknowledgement; on
    /// ROOMCAST_EVENT_ACK and ROOMCAST_EVENT_ACK_END the roomcast_ack_id.
    pub ack: u64,
    /// The event's name, or a name that depends on `kind`.
    pub name: *const c_char,
    /// Bytes of `name`.
    pub name_len: usize,
    /// Arguments or other data, depending on `kind`. Those of ROOMCAST_EVENT_BINARY and
    /// ROOMCAST_EVENT_FOREIGN are not UTF-8.
    pub data: *const c_char,
    /// Bytes of `data`.
    pub data_len: usize,
    /// Attachments or rooms, depending on `kind`.
    pub parts: *const roomcast_slice,
    /// How many `parts` there are.
    pub part_count: usize,
    /// What roomcast_set_tag has put on `socket`; 0 where nothing was.
    pub tag: u64,
    /// On ROOMCAST_EVENT_ACK and ROOMCAST_EVENT_ACK_END the `context` that was given to roomcast_emit_with_ack; on ROOMCAST_EVENT_FOREIGN
    /// the number of a descriptor.
    pub context: u64,
}

/// Drains events of the last roomcast_poll, in the order in which they happened.
///
/// Up to `cap` of them are written to `events`, and their number to `count`: 0 when there are no more. A batch may be
/// drained in several calls. `event_size` is sizeof(roomcast_event): a later library's event may be longer than yours, and this is
/// how far apart yours lie. It tells the past: the socket of an event may be gone by now, and its
/// ROOMCAST_EVENT_DISCONNECT is further down.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE.
/// Ownership: `events` is the caller's; what they point to is the broker's, until the next roomcast_poll or roomcast_close.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_events(
    broker: *mut roomcast_broker,
    events: *mut roomcast_event,
    event_size: usize,
    cap: usize,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let count = given.out(count, "count")?;
        if cap > 0 && events.is_null() {
            return Err(Fault::of(Error::Null, "events"));
        }
        if event_size < roomcast_event::FROZEN {
            return Err(Fault::of(Error::BadSize, "event_size"));
        }
        let Host { events: batch, drained, parts, parts_ready, parts_drained, .. } = host;
        if !std::mem::replace(parts_ready, true) {
            // All at once, so that the array never moves while it is lent.
            parts.clear();
            batch.iter().for_each(|event| each_part(&event, |part| parts.push(roomcast_slice::lend(part))));
        }
        let mut written = 0;
        for event in batch.iter_from(*drained).take(cap) {
            let count = part_count(&event);
            let lent = &parts[*parts_drained..*parts_drained + count];
            let array = if count == 0 { std::ptr::null() } else { lent.as_ptr() };
            let out = roomcast_event { parts: array, part_count: count, ..plain(&event) };
            // Less than `cap`, and as many of this size are there; they need not be aligned.
            given.write_nth(events, written, event_size, &out);
            *parts_drained += count;
            written += 1;
        }
        *drained += written;
        count.set(written);
        Ok(())
    };
    given.host(broker, "roomcast_events", body)
}

/// How many attachments or rooms an event has.
pub(super) fn part_count(event: &Event<'_>) -> usize {
    match event {
        Event::Message { attachments, .. }
        | Event::Ack { attachments, .. }
        | Event::RemoteAck { attachments, .. }
        | Event::ServerEvent { attachments, .. }
        | Event::NodeAnswer { attachments, .. } => attachments.len(),
        Event::Disconnect { rooms, .. } => rooms.len(),
        Event::RemoteSocket { rooms, .. } => rooms.len() + 1,
        _ => 0,
    }
}

/// Shows the attachments or rooms of an event.
pub(super) fn each_part(event: &Event<'_>, mut f: impl FnMut(&[u8])) {
    match event {
        Event::Message { attachments, .. }
        | Event::Ack { attachments, .. }
        | Event::RemoteAck { attachments, .. }
        | Event::ServerEvent { attachments, .. }
        | Event::NodeAnswer { attachments, .. } => {
            attachments.iter().for_each(f);
        }
        Event::Disconnect { rooms, .. } => rooms.iter().for_each(|room| f(room.as_bytes())),
        Event::RemoteSocket { rooms, data, .. } => {
            rooms.iter().chain([*data]).for_each(|part| f(part.as_bytes()));
        }
        _ => {}
    }
}

const NOTHING: roomcast_event = roomcast_event {
    kind: 0,
    flags: 0,
    code: 0,
    reserved: 0,
    socket: 0,
    connection: 0,
    ns: 0,
    ack: 0,
    name: std::ptr::null(),
    name_len: 0,
    data: std::ptr::null(),
    data_len: 0,
    parts: std::ptr::null(),
    part_count: 0,
    tag: 0,
    context: 0,
};

/// An event without its parts.
fn plain(event: &Event<'_>) -> roomcast_event {
    let place = |bytes: Option<&[u8]>| bytes.map_or((std::ptr::null(), 0), |it| (address(it), it.len()));
    let (name, data) = texts(event);
    let ((name, name_len), (data, data_len)) = (place(name), place(data));
    roomcast_event { name, name_len, data, data_len, ..numbers(event) }
}

/// What an event lends as its name and as its data.
pub(super) fn texts<'a>(event: &Event<'a>) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    match *event {
        Event::ConnectRequest { id, auth, .. } | Event::Connect { id, auth, .. } => {
            (Some(id.as_bytes()), Some(auth.as_bytes()))
        }
        Event::Message { name, args, .. } | Event::ServerEvent { name, args, .. } => {
            (Some(name.as_bytes()), Some(args.as_bytes()))
        }
        Event::Refused { message, context, .. } => (Some(message.as_bytes()), Some(context.as_bytes())),
        Event::NamespaceCreated { name, .. }
        | Event::NamespaceRemoved { name, .. }
        | Event::SessionExpired { id: name, .. }
        | Event::ClusterDown { reason: name }
        | Event::ClusterRefused { reason: name }
        | Event::Room { room: name, .. } => (Some(name.as_bytes()), None),
        Event::RemoteSocket { id, handshake, .. } => (Some(id.as_bytes()), Some(handshake.as_bytes())),
        Event::Ack { args: text, .. }
        | Event::RemoteAck { args: text, .. }
        | Event::Text { text, .. }
        | Event::NodeAnswer { value: text, .. } => (None, Some(text.as_bytes())),
        Event::Binary { bytes, .. } => (None, Some(bytes)),
        Event::Foreign { peer, bytes, .. } => (Some(peer.as_bytes()), Some(bytes)),
        Event::AckEnd { .. }
        | Event::Disconnect { .. }
        | Event::ProtocolError { .. }
        | Event::Handshake { .. }
        | Event::Open { .. }
        | Event::Close { .. }
        | Event::ClusterUp { .. }
        | Event::AnswersEnd { .. }
        | Event::Nodes { .. }
        | Event::Drained => (None, None),
    }
}

/// An event without anything that it lends.
pub(super) fn numbers(event: &Event<'_>) -> roomcast_event {
    match *event {
        Event::ConnectRequest { socket, namespace, tag, recovered, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_CONNECT_REQUEST,
            flags: if recovered { ROOMCAST_FLAG_RECOVERED } else { 0 },
            socket: socket.to_bits(),
            ns: namespace.to_bits(),
            tag,
            ..NOTHING
        },
        Event::Connect { socket, namespace, tag, recovered, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_CONNECT,
            flags: if recovered { ROOMCAST_FLAG_RECOVERED } else { 0 },
            socket: socket.to_bits(),
            ns: namespace.to_bits(),
            tag,
            ..NOTHING
        },
        Event::Message { socket, namespace, ack, tag, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_MESSAGE,
            socket: socket.to_bits(),
            ns: namespace.to_bits(),
            ack: ack.map_or(0, ack_token),
            tag,
            ..NOTHING
        },
        Event::Ack { ack, socket, remaining, tag, context, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_ACK,
            code: remaining,
            socket: socket.to_bits(),
            ack: ack.to_bits(),
            tag,
            context,
            ..NOTHING
        },
        Event::RemoteAck { ack, remaining, context, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_REMOTE_ACK,
            code: remaining,
            ack: ack.to_bits(),
            context,
            ..NOTHING
        },
        Event::AckEnd { ack, missing, timed_out, context } => roomcast_event {
            kind: ROOMCAST_EVENT_ACK_END,
            flags: if timed_out { ROOMCAST_FLAG_TIMED_OUT } else { 0 },
            code: missing,
            ack: ack.to_bits(),
            context,
            ..NOTHING
        },
        Event::SessionExpired { socket, namespace, tag, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_SESSION_EXPIRED,
            socket: socket.to_bits(),
            ns: namespace.to_bits(),
            tag,
            ..NOTHING
        },
        Event::Disconnect { socket, namespace, reason, tag, recoverable, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_DISCONNECT,
            flags: if recoverable { ROOMCAST_FLAG_RECOVERABLE } else { 0 },
            code: reason_code(reason),
            socket: socket.to_bits(),
            ns: namespace.to_bits(),
            tag,
            ..NOTHING
        },
        Event::ProtocolError { socket, namespace, tag } => roomcast_event {
            kind: ROOMCAST_EVENT_PROTOCOL_ERROR,
            socket: socket.to_bits(),
            ns: namespace.to_bits(),
            tag,
            ..NOTHING
        },
        Event::NamespaceCreated { namespace, .. } => {
            roomcast_event { kind: ROOMCAST_EVENT_NAMESPACE_CREATED, ns: namespace.to_bits(), ..NOTHING }
        }
        Event::NamespaceRemoved { namespace, .. } => {
            roomcast_event { kind: ROOMCAST_EVENT_NAMESPACE_REMOVED, ns: namespace.to_bits(), ..NOTHING }
        }
        Event::Room { change, namespace, tag, .. } => {
            let (kind, socket) = match change {
                RoomChange::Created => (ROOMCAST_EVENT_ROOM_CREATED, 0),
                RoomChange::Joined(socket) => (ROOMCAST_EVENT_ROOM_JOINED, socket.to_bits()),
                RoomChange::Left(socket) => (ROOMCAST_EVENT_ROOM_LEFT, socket.to_bits()),
                RoomChange::Deleted => (ROOMCAST_EVENT_ROOM_DELETED, 0),
            };
            roomcast_event { kind, socket, ns: namespace.to_bits(), tag, ..NOTHING }
        }
        Event::Handshake { conn } => on_connection(ROOMCAST_EVENT_HANDSHAKE, conn.to_bits()),
        Event::Refused { code, .. } => {
            roomcast_event { kind: ROOMCAST_EVENT_REFUSED, code: code.into(), ..NOTHING }
        }
        Event::Open { conn } => on_connection(ROOMCAST_EVENT_OPEN, conn.to_bits()),
        Event::Text { conn, .. } => on_connection(ROOMCAST_EVENT_TEXT, conn.to_bits()),
        Event::Binary { conn, .. } => on_connection(ROOMCAST_EVENT_BINARY, conn.to_bits()),
        Event::ClusterUp { lost } => {
            roomcast_event { kind: ROOMCAST_EVENT_CLUSTER_UP, context: lost.unwrap_or_default(), ..NOTHING }
        }
        Event::ServerEvent { namespace, answer, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_SERVER_EVENT,
            ns: namespace.to_bits(),
            ack: answer.unwrap_or_default(),
            ..NOTHING
        },
        Event::NodeAnswer { context, .. } => {
            roomcast_event { kind: ROOMCAST_EVENT_NODE_ANSWER, context, ..NOTHING }
        }
        Event::RemoteSocket { context, .. } => {
            roomcast_event { kind: ROOMCAST_EVENT_REMOTE_SOCKET, context, ..NOTHING }
        }
        Event::AnswersEnd { missing, context } => roomcast_event {
            kind: ROOMCAST_EVENT_ANSWERS_END,
            code: missing.unwrap_or(ROOMCAST_UNKNOWN_NODES),
            context,
            ..NOTHING
        },
        Event::Nodes { count, context } => {
            roomcast_event { kind: ROOMCAST_EVENT_NODES, code: count, context, ..NOTHING }
        }
        Event::ClusterRefused { .. } => roomcast_event { kind: ROOMCAST_EVENT_CLUSTER_REFUSED, ..NOTHING },
        Event::ClusterDown { .. } => roomcast_event { kind: ROOMCAST_EVENT_CLUSTER_DOWN, ..NOTHING },
        Event::Foreign { descriptor, .. } => {
            roomcast_event { kind: ROOMCAST_EVENT_FOREIGN, context: descriptor.number() as u64, ..NOTHING }
        }
        Event::Drained => roomcast_event { kind: ROOMCAST_EVENT_DRAINED, ..NOTHING },
        Event::Close { conn, reason } => roomcast_event {
            code: reason_code(reason),
            ..on_connection(ROOMCAST_EVENT_CLOSE, conn.to_bits())
        },
    }
}

fn on_connection(kind: u32, connection: u64) -> roomcast_event {
    roomcast_event { kind, connection, ..NOTHING }
}

/// The number of a reason: its place in the list, from 1.
fn reason_code(reason: Reason) -> u32 {
    Reason::ALL.iter().position(|&other| other == reason).map_or(0, |at| at as u32 + 1)
}

/// The number of an acknowledgement as C has it, in which 0 means none. A client that counts to 2^64 - 1 gets none.
fn ack_token(number: u64) -> u64 {
    number.wrapping_add(1)
}

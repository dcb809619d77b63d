//! Events as C structs. It must not copy what an event carries.

use super::broker::{Host, roomcast_broker};
use super::convert::address;
use super::frozen::Grows;
use super::given::Given;
use super::guard::Fault;
use super::types::*;
use crate::base::errors::Error;
use crate::host::events::{Event, RoomChange};
use crate::host::reason::Reason;

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
        Event::Message { attachments, .. } | Event::Ack { attachments, .. } => attachments.len(),
        Event::Disconnect { rooms, .. } => rooms.len(),
        _ => 0,
    }
}

/// Shows the attachments or rooms of an event.
pub(super) fn each_part(event: &Event<'_>, mut f: impl FnMut(&[u8])) {
    match event {
        Event::Message { attachments, .. } | Event::Ack { attachments, .. } => {
            attachments.iter().for_each(f);
        }
        Event::Disconnect { rooms, .. } => rooms.iter().for_each(|room| f(room.as_bytes())),
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
        Event::Message { name, args, .. } => (Some(name.as_bytes()), Some(args.as_bytes())),
        Event::Refused { message, context, .. } => (Some(message.as_bytes()), Some(context.as_bytes())),
        Event::NamespaceCreated { name, .. }
        | Event::NamespaceRemoved { name, .. }
        | Event::SessionExpired { id: name, .. }
        | Event::Room { room: name, .. } => (Some(name.as_bytes()), None),
        Event::Ack { args: text, .. } | Event::Text { text, .. } => (None, Some(text.as_bytes())),
        Event::Binary { bytes, .. } => (None, Some(bytes)),
        Event::AckEnd { .. }
        | Event::Disconnect { .. }
        | Event::ProtocolError { .. }
        | Event::Handshake { .. }
        | Event::Open { .. }
        | Event::Close { .. }
        | Event::Drained => (None, None),
    }
}

/// An event without anything that it lends.
pub(super) fn numbers(event: &Event<'_>) -> roomcast_event {
    match *event {
        Event::ConnectRequest { socket, namespace, tag, .. } => roomcast_event {
            kind: ROOMCAST_EVENT_CONNECT_REQUEST,
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

//! The operations of the table whose arguments are plain, in C: for the broker, then for other threads. Made from
//! `src/broker/operations/table.rs` by `make header`: do not edit.

use super::broker::{Host, roomcast_broker};
use super::convert;
use super::given::Given;
use super::guard::Fault;
use super::query::{answer_handles, answer_texts};
use super::remote::roomcast_remote;
use super::types::*;
use crate::base::errors::Error;
use crate::base::ids::SocketId;
use crate::net::Remote;
use std::ffi::{c_char, c_void};

/// Acknowledges an event that came with an ack number. The number is good for one answer; a client ignores more.
///
/// `ack` is that of the ROOMCAST_EVENT_MESSAGE. `args_json` is a JSON array; nothing at all means "[]".
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_BAD_VALUE if `ack` is 0, ROOMCAST_ERROR_GONE if the socket is, ROOMCAST_ERROR_BAD_JSON,
/// ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_ack from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_ack(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    ack: u64,
    args_json: *const c_char,
    args_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        let ack = convert::ack_number(ack)?;
        let args = given.args(args_json, args_len, "args_json")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(host.broker.ack(socket, ack, args, &attachments)?)
    };
    given.host(broker, "roomcast_ack", body)
}

/// Sends a text message over a connection as it is. For engine_only.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
/// if the connection is, ROOMCAST_ERROR_WRONG_STATE if the broker speaks Socket.IO.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_send_text from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_send_text(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
    message: *const c_char,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = convert::connection(connection)?;
        let message = given.text(message, message_len, "message")?;
        Ok(host.broker.send_message(connection, message)?)
    };
    given.host(broker, "roomcast_send_text", body)
}

/// Sends a binary message over a connection as it is. For engine_only.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL; otherwise as roomcast_send_text.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_send_binary from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_send_binary(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
    message: *const c_void,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = convert::connection(connection)?;
        let message = given.list(message.cast::<u8>(), message_len, "message")?;
        Ok(host.broker.send_binary(connection, message)?)
    };
    given.host(broker, "roomcast_send_binary", body)
}

/// Puts a socket into a room, which begins to exist with its first member; joining twice is no error.
///
/// A socket that waits for the host's decision is in the room at once: what is emitted to it waits until the socket is let in.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE,
/// ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_TOO_MANY past max_rooms_per_socket or max_room_bytes.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_join from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_join(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        let room = given.text(room, room_len, "room")?;
        host.broker.join(socket, room)?;
        Ok(())
    };
    given.host(broker, "roomcast_join", body)
}

/// Takes a socket out of a room; the room ends with its last member. Its own room cannot be left. Leaving a room that it is not in
/// is no error.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_leave from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_leave(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        let room = given.text(room, room_len, "room")?;
        host.broker.leave(socket, room)?;
        Ok(())
    };
    given.host(broker, "roomcast_leave", body)
}

/// Takes a socket out of all rooms but its own.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_leave_all from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_leave_all(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        Ok(host.broker.leave_all(socket)?)
    };
    given.host(broker, "roomcast_leave_all", body)
}

/// Leaves and joins many rooms at once, as a player who moves does. A room in both lists is kept.
///
/// `changed` may be NULL; it is set to how many memberships changed, SIZE_MAX where that is not known yet (`loops`).
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE,
/// ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_TOO_MANY; then nothing has changed.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_change_rooms from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_change_rooms(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    leave: *const roomcast_slice,
    leave_count: usize,
    join: *const roomcast_slice,
    join_count: usize,
    changed: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let changed = given.nullable(changed, "changed")?;
        let socket = convert::socket(socket)?;
        let leave = given.texts(leave, leave_count, "leave")?;
        let join = given.texts(join, join_count, "join")?;
        changed.set(host.broker.change_rooms(socket, &leave, &join)?.unwrap_or(usize::MAX));
        Ok(())
    };
    given.host(broker, "roomcast_change_rooms", body)
}

/// Lends out the members of a room, in a stable order; for a socket's own room that socket.
///
/// `sockets` is set to an array of `count` sockets.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
/// if the namespace is.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_members(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    room: *const c_char,
    room_len: usize,
    sockets: *mut *const roomcast_socket,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let sockets = given.out(sockets, "sockets")?;
        let count = given.out(count, "count")?;
        let ns = convert::namespace(ns, "ns")?;
        let room = given.text(room, room_len, "room")?;
        let found = host.broker.members(ns, room)?.map(SocketId::to_bits);
        answer_handles(sockets, count, &mut host.answers.handles, found);
        Ok(())
    };
    given.host(broker, "roomcast_members", body)
}

/// Tells whether a socket is in a room; its own is one of them.
///
/// `is_member` is set to 1 or 0.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
/// if the socket is.
/// Ownership: what it is given is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_is_member(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    room: *const c_char,
    room_len: usize,
    is_member: *mut u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let is_member = given.out(is_member, "is_member")?;
        let socket = convert::socket(socket)?;
        let room = given.text(room, room_len, "room")?;
        is_member.set(host.broker.is_member(socket, room)?.into());
        Ok(())
    };
    given.host(broker, "roomcast_is_member", body)
}

/// Lends out the rooms of a namespace, in a stable order; sockets' own rooms are not among them.
///
/// `rooms` is set to an array of `count` names.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_rooms_in(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    rooms: *mut *const roomcast_slice,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let Host { broker, answers, .. } = host;
        let ns = convert::namespace(ns, "ns")?;
        answer_texts(&given, rooms, count, answers, || Ok(broker.rooms_in(ns)?))
    };
    given.host(broker, "roomcast_rooms_in", body)
}

/// Lends out the rooms a socket is in: its own first, then the others in a stable order.
///
/// `rooms` is set to an array of `count` names.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_rooms_of(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    rooms: *mut *const roomcast_slice,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let Host { broker, answers, .. } = host;
        let socket = convert::socket(socket)?;
        answer_texts(&given, rooms, count, answers, || Ok(broker.rooms_of(socket)?))
    };
    given.host(broker, "roomcast_rooms_of", body)
}

/// Lends out the sockets of a namespace, in a stable order.
///
/// `sockets` is set to an array of `count` sockets.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_sockets_in(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    sockets: *mut *const roomcast_socket,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let sockets = given.out(sockets, "sockets")?;
        let count = given.out(count, "count")?;
        let ns = convert::namespace(ns, "ns")?;
        let found = host.broker.sockets_in(ns)?.map(SocketId::to_bits);
        answer_handles(sockets, count, &mut host.answers.handles, found);
        Ok(())
    };
    given.host(broker, "roomcast_sockets_in", body)
}

/// Lets a socket in that a ROOMCAST_EVENT_CONNECT_REQUEST asked for. It is connected when this returns; no ROOMCAST_EVENT_CONNECT
/// follows. What was emitted to it before leaves now, behind the answer to its request.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the client left
/// meanwhile, which ROOMCAST_EVENT_DISCONNECT tells as well, ROOMCAST_ERROR_WRONG_STATE if the answer was given before.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_accept from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_accept(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        Ok(host.broker.accept(socket)?)
    };
    given.host(broker, "roomcast_accept", body)
}

/// Turns a socket away that a ROOMCAST_EVENT_CONNECT_REQUEST asked for. The client gets `message`, and `data` if there is any: a
/// JSON value. The handle is dead when this returns.
///
/// `data_json` is a JSON value, or nothing (length 0).
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
/// if the client left meanwhile, ROOMCAST_ERROR_WRONG_STATE if it was accepted before, ROOMCAST_ERROR_BAD_DATA if `data` is not
/// JSON.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_reject from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_reject(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    message: *const c_char,
    message_len: usize,
    data_json: *const c_char,
    data_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        let message = given.text(message, message_len, "message")?;
        let data = given.text(data_json, data_len, "data_json")?;
        let data = Some(data).filter(|data| !data.is_empty());
        Ok(host.broker.reject(socket, message, data)?)
    };
    given.host(broker, "roomcast_reject", body)
}

/// Takes a socket out of its namespace. The client gets a disconnect packet; with `close`, its whole connection ends and with it
/// its sockets in other namespaces. What was emitted to it before still goes out. Its ROOMCAST_EVENT_DISCONNECT comes with the next
/// poll.
///
/// `close` is 1 or 0.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE
/// if the socket is.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_disconnect from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_disconnect(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    close: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        let close = convert::flag(close, "close")?;
        Ok(host.broker.disconnect(socket, close)?)
    };
    given.host(broker, "roomcast_disconnect", body)
}

/// Lets a connection open that a ROOMCAST_EVENT_HANDSHAKE asked for.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the client left
/// meanwhile, ROOMCAST_ERROR_WRONG_STATE if the answer was given before.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_allow from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_allow(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = convert::connection(connection)?;
        Ok(host.broker.allow(connection)?)
    };
    given.host(broker, "roomcast_allow", body)
}

/// Adds a header to the answer of a handshake that a ROOMCAST_EVENT_HANDSHAKE asked about: the answer that lets it in, over either
/// transport, or that turns it away. This is how a host sets a cookie of its own, with any attributes. A name may be added more
/// than once.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL; otherwise as
/// roomcast_allow, ROOMCAST_ERROR_BAD_VALUE if the name or the value cannot be sent, or the answer has a header of that name by
/// itself (`Content-Length`, `Connection` and others), ROOMCAST_ERROR_TOO_LARGE past 8,192 bytes for one answer.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_add_header from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_add_header(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = convert::connection(connection)?;
        let name = given.text(name, name_len, "name")?;
        let value = given.text(value, value_len, "value")?;
        Ok(host.broker.add_header(connection, name, value)?)
    };
    given.host(broker, "roomcast_add_header", body)
}

/// Turns a connection away that a ROOMCAST_EVENT_HANDSHAKE asked for, as the reference's `allowRequest` does: 403 with code 4 and
/// `message`, or `Forbidden` if that is empty; over WebSocket 400 with the message alone. The handle is dead when this returns.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL; otherwise as
/// roomcast_allow.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_refuse from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_refuse(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
    message: *const c_char,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = convert::connection(connection)?;
        let message = given.text(message, message_len, "message")?;
        Ok(host.broker.refuse(connection, message)?)
    };
    given.host(broker, "roomcast_refuse", body)
}

/// The same with an answer of the host's own: a status from 400 to 599 and a body, without a `Content-Type` if `content_type` is
/// empty. In a browser a page's script sees the status over polling, and over WebSocket only that it failed.
///
/// `http_status` is 400 to 599.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE,
/// ROOMCAST_ERROR_NULL; otherwise as roomcast_allow, ROOMCAST_ERROR_BAD_VALUE if the status is none of those, or the content type
/// cannot be sent.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_refuse_with from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_refuse_with(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
    http_status: u32,
    content_type: *const c_char,
    content_type_len: usize,
    body: *const c_void,
    body_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = convert::connection(connection)?;
        let http_status = convert::http_status(http_status.into(), "http_status")?;
        let content_type = given.text(content_type, content_type_len, "content_type")?;
        let body = given.list(body.cast::<u8>(), body_len, "body")?;
        Ok(host.broker.refuse_with(connection, http_status, content_type, body)?)
    };
    given.host(broker, "roomcast_refuse_with", body)
}

/// Whether the host is asked about each handshake from now on, as guard_handshakes says for the beginning. What was asked before is
/// answered all the same.
///
/// `on` is 1 or 0.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_guard_handshakes from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_guard_handshakes(broker: *mut roomcast_broker, on: u32) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let on = convert::flag(on, "on")?;
        host.broker.guard_handshakes(on);
        Ok(())
    };
    given.host(broker, "roomcast_guard_handshakes", body)
}

/// Closes a connection and all its sockets, after what is queued for it has gone out.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the connection is.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_close_connection from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_close_connection(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = convert::connection(connection)?;
        Ok(host.broker.close_connection(connection)?)
    };
    given.host(broker, "roomcast_close_connection", body)
}

/// Lends out everybody who would get what is emitted to `target`, in a stable order: Socket.IO's `fetchSockets`. Each one's rooms
/// and handshake are there for the asking.
///
/// `sockets` is set to an array of `count` sockets.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_fetch_sockets(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    sockets: *mut *const roomcast_socket,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let sockets = given.out(sockets, "sockets")?;
        let count = given.out(count, "count")?;
        given.target(target, |target| {
            let found = host.broker.fetch_sockets(target)?.map(SocketId::to_bits);
            answer_handles(sockets, count, &mut host.answers.handles, found);
            Ok(())
        })
    };
    given.host(broker, "roomcast_fetch_sockets", body)
}

/// Puts everybody whom `target` selects into these rooms: Socket.IO's `socketsJoin`. Those who wait for the host's decision are
/// selected as all others are.
///
/// `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`).
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_BAD_ROOM,
/// ROOMCAST_ERROR_TOO_MANY if one of them would be in too many rooms; then nothing has changed (with loops of its own: on the loop
/// of that one).
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_sockets_join from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_sockets_join(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    room_count: usize,
    selected: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let selected = given.nullable(selected, "selected")?;
        let rooms = given.texts(rooms, room_count, "rooms")?;
        given.target(target, |target| {
            selected.set(host.broker.sockets_join(target, &rooms)?.unwrap_or(usize::MAX));
            Ok(())
        })
    };
    given.host(broker, "roomcast_sockets_join", body)
}

/// Takes everybody whom `target` selects out of these rooms: Socket.IO's `socketsLeave`.
///
/// `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`).
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_sockets_leave from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_sockets_leave(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    room_count: usize,
    selected: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let selected = given.nullable(selected, "selected")?;
        let rooms = given.texts(rooms, room_count, "rooms")?;
        given.target(target, |target| {
            selected.set(host.broker.sockets_leave(target, &rooms)?.unwrap_or(usize::MAX));
            Ok(())
        })
    };
    given.host(broker, "roomcast_sockets_leave", body)
}

/// Disconnects everybody whom `target` selects, as roomcast_disconnect does: Socket.IO's `disconnectSockets`.
///
/// `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`). `close` is 1 or
/// 0.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the namespace is.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_disconnect_sockets from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_disconnect_sockets(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    close: u32,
    selected: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let selected = given.nullable(selected, "selected")?;
        let close = convert::flag(close, "close")?;
        given.target(target, |target| {
            selected.set(host.broker.disconnect_sockets(target, close)?.unwrap_or(usize::MAX));
            Ok(())
        })
    };
    given.host(broker, "roomcast_disconnect_sockets", body)
}

/// Lends out a socket's id as its client knows it; also the name of its own room.
///
/// `text` is set to it.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_socket_id(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    text: *mut roomcast_slice,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let text = given.out(text, "text")?;
        let socket = convert::socket(socket)?;
        host.answers.clear();
        text.set(host.answers.keep(host.broker.socket_sid(socket)?.as_bytes()));
        Ok(())
    };
    given.host(broker, "roomcast_socket_id", body)
}

/// Puts a number of the host's own on a socket, for example its player's place in an array: each later event of that socket carries
/// it, its connect and its disconnect included. A socket that waits for the host's decision can have one already. It is 0 until
/// then, and in events that were waiting already.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_set_tag from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_set_tag(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    tag: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let socket = convert::socket(socket)?;
        Ok(host.broker.set_tag(socket, tag)?)
    };
    given.host(broker, "roomcast_set_tag", body)
}

/// Gives what roomcast_set_tag has put on a socket; 0 where nothing was.
///
/// `tag` is set to it.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_get_tag(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    tag: *mut u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let tag = given.out(tag, "tag")?;
        let socket = convert::socket(socket)?;
        tag.set(host.broker.tag(socket)?);
        Ok(())
    };
    given.host(broker, "roomcast_get_tag", body)
}

/// Finds the connected socket with this id, in whichever namespace it is.
///
/// `found` is set to it.
///
/// Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NOT_FOUND.
/// Ownership: what it is given is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_find_socket(
    broker: *mut roomcast_broker,
    id: *const c_char,
    id_len: usize,
    found: *mut roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let found = given.out(found, "found")?;
        let id = given.text(id, id_len, "id")?;
        found.set(host.broker.find_socket(id).ok_or(Fault::of(Error::NotFound, "id"))?.to_bits());
        Ok(())
    };
    given.host(broker, "roomcast_find_socket", body)
}

/// Gives the namespace a socket is in.
///
/// `ns` is set to it.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_namespace_of(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    ns: *mut roomcast_namespace,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let ns = given.out(ns, "ns")?;
        let socket = convert::socket(socket)?;
        ns.set(host.broker.namespace_of(socket)?.to_bits());
        Ok(())
    };
    given.host(broker, "roomcast_namespace_of", body)
}

/// Gives the connection a socket lives on; a client has one socket on it for each namespace it joined.
///
/// `connection` is set to it.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_connection_of(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    connection: *mut roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let connection = given.out(connection, "connection")?;
        let socket = convert::socket(socket)?;
        connection.set(host.broker.conn_of(socket)?.to_bits());
        Ok(())
    };
    given.host(broker, "roomcast_connection_of", body)
}

/// Tells whether a connection is carried by a WebSocket by now.
///
/// `is_websocket` is set to 1 or 0.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the connection is.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_is_websocket(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
    is_websocket: *mut u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let is_websocket = given.out(is_websocket, "is_websocket")?;
        let connection = convert::connection(connection)?;
        is_websocket.set(host.broker.is_websocket(connection)?.into());
        Ok(())
    };
    given.host(broker, "roomcast_is_websocket", body)
}

/// Tells whether the client of a connection has the msgpack parser: known from when it asks for its first namespace. For msgpack.
///
/// `is_msgpack` is set to 1 or 0.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the connection is.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_is_msgpack(
    broker: *mut roomcast_broker,
    connection: roomcast_connection,
    is_msgpack: *mut u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let is_msgpack = given.out(is_msgpack, "is_msgpack")?;
        let connection = convert::connection(connection)?;
        is_msgpack.set(host.broker.is_msgpack(connection)?.into());
        Ok(())
    };
    given.host(broker, "roomcast_is_msgpack", body)
}

/// Gives the bytes queued for a socket's connection that the kernel, or a poll, has not taken. What was emitted since the last
/// flush does not count. A message of class latest or drop-oldest counts for at least 32 bytes.
///
/// `queued_bytes` is set to it.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_GONE if the socket is.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_queued_bytes(
    broker: *mut roomcast_broker,
    socket: roomcast_socket,
    queued_bytes: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let queued_bytes = given.out(queued_bytes, "queued_bytes")?;
        let socket = convert::socket(socket)?;
        queued_bytes.set(host.broker.queued_bytes(socket)?);
        Ok(())
    };
    given.host(broker, "roomcast_queued_bytes", body)
}

/// Tells the hosts of the other nodes that have this namespace: they get a ROOMCAST_EVENT_SERVER_EVENT. Clients hear nothing of it.
///
/// `args_json` is a JSON array; nothing at all means "[]".
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_server_emit from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_server_emit(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let ns = convert::namespace(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(host.broker.server_emit(ns, name, args, &attachments)?)
    };
    given.host(broker, "roomcast_server_emit", body)
}

/// The same, and asks them for an answer, which come as ROOMCAST_EVENT_NODE_ANSWER, with a ROOMCAST_EVENT_ANSWERS_END behind them
/// that says how many nodes have not answered. Both carry `context`, any number of the host's own. `timeout` is in milliseconds; 0
/// is request_timeout.
///
/// `args_json` is a JSON array; nothing at all means "[]".
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, Those of
/// roomcast_server_emit.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_ask_nodes from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_ask_nodes(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
    timeout: u64,
    context: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let ns = convert::namespace(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(host.broker.ask_nodes(ns, name, args, &attachments, timeout, context)?)
    };
    given.host(broker, "roomcast_ask_nodes", body)
}

/// Answers a ROOMCAST_EVENT_SERVER_EVENT that came with a number: with one value, as JSON.
///
/// Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE if it has been answered, or
/// is forgotten: the last 4,096 are kept. ROOMCAST_ERROR_BAD_DATA if the value is no JSON.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_answer_node from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_answer_node(
    broker: *mut roomcast_broker,
    answer: u64,
    value: *const c_char,
    value_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let value = given.text(value, value_len, "value")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(host.broker.answer_node(answer, value, &attachments)?)
    };
    given.host(broker, "roomcast_answer_node", body)
}

/// Asks the other nodes for those of their sockets that a target selects. Each comes as a ROOMCAST_EVENT_REMOTE_SOCKET, and behind
/// them a ROOMCAST_EVENT_ANSWERS_END; this node's own are those of roomcast_fetch_sockets. `timeout` and `context` are as with
/// roomcast_ask_nodes.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE if the namespace is.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_fetch_remote_sockets from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_fetch_remote_sockets(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    timeout: u64,
    context: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        given.target(target, |target| Ok(host.broker.fetch_remote_sockets(target, timeout, context)?))
    };
    given.host(broker, "roomcast_fetch_remote_sockets", body)
}

/// Asks how many nodes there are that have this namespace, this one among them: a ROOMCAST_EVENT_NODES says so, or a
/// ROOMCAST_EVENT_ANSWERS_END that it cannot be known now.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_GONE
/// if the namespace is.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_count_nodes from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_count_nodes(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    context: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let ns = convert::namespace(ns, "ns")?;
        Ok(host.broker.count_nodes(ns, context)?)
    };
    given.host(broker, "roomcast_count_nodes", body)
}

/// Lends out all that is kept for clients that may come back, as bytes for the process that comes after this one: the sessions of
/// who is away or connected in a namespace with recovery, and what was emitted there. The next broker takes them over with
/// roomcast_import_recovery, and clients find their sessions there.
///
/// It belongs behind the end of all connections: what is emitted later is not in it, and clients that have heard that get new
/// sessions. Who is still connected is exported as if the connection ended now. Nothing changes here.
///
/// With these bytes one can have the sessions, so nobody else may read the file that they are in. They are some 110 for each
/// session, 12 for each room it is in, and the logs.
///
/// `bytes` is set to it.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_PANIC if a loop of the broker's own has ended in one.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_export_recovery(
    broker: *mut roomcast_broker,
    bytes: *mut roomcast_slice,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let bytes = given.out(bytes, "bytes")?;
        host.answers.clear();
        bytes.set(host.answers.keep_all(host.broker.export_recovery()?));
        Ok(())
    };
    given.host(broker, "roomcast_export_recovery", body)
}

/// Takes over the sessions that another process has exported with roomcast_export_recovery, before anybody has connected.
///
/// Their sockets are away here, with the ids, tags and rooms that they had, until their clients come back or recovery_window is up,
/// of which the time between both processes is a part, by the wall clock. No event tells of them; each has its
/// ROOMCAST_EVENT_CONNECT that is recovered, or its ROOMCAST_EVENT_SESSION_EXPIRED: also if its time was up before it came here, or
/// limits do not allow it here. Logs are held to recovery_log_bytes.
///
/// Namespaces and patterns with recovery are added first. One export is for one broker: of two that have it, each would tell a
/// client what it has missed.
///
/// `sessions` is set to how many are waited for.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_IMPORT, which says why, and ROOMCAST_ERROR_TOO_MANY past max_namespaces; then
/// nothing was taken over.
/// Ownership: what it is given is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_import_recovery(
    broker: *mut roomcast_broker,
    data: *const c_void,
    data_len: usize,
    sessions: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let sessions = given.out(sessions, "sessions")?;
        let data = given.list(data.cast::<u8>(), data_len, "data")?;
        sessions.set(host.broker.import_recovery(data)?);
        Ok(())
    };
    given.host(broker, "roomcast_import_recovery", body)
}

/// Serves what is served at a path in another coding as well, for clients that take it: `br`, `gzip`, `zstd` or `deflate`. Of those
/// that a client likes best it gets the shortest. Without `gzip` that is made when a client asks for it first, unless
/// `http_compression` is off.
///
/// Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_PATH if nothing is served there,
/// ROOMCAST_ERROR_BAD_VALUE for a coding that is none of these, or if the body itself has a `Content-Encoding`.
/// Ownership: what it is given is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_serve_encoded(
    broker: *mut roomcast_broker,
    path: *const c_char,
    path_len: usize,
    coding: *const c_char,
    coding_len: usize,
    body: *const c_void,
    body_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let path = given.text(path, path_len, "path")?;
        let coding = given.text(coding, coding_len, "coding")?;
        let body = given.list(body.cast::<u8>(), body_len, "body")?;
        Ok(host.broker.serve_encoded(path, coding, body)?)
    };
    given.host(broker, "roomcast_serve_encoded", body)
}

/// Sends all clients away, `per_second` of them each second, and takes no new ones: handshakes are answered with 503 and
/// `Retry-After`, and so is health_path, so that a balancer looks elsewhere. When no connection is left, ROOMCAST_EVENT_DRAINED
/// comes, once for each drain. A handshake that the host has not decided about by then is answered with 503 as well, and its handle
/// is dead.
///
/// A client's transport is closed, over WebSocket with code 1012 and `reason` (at most 123 bytes), after what is queued for it has
/// gone out. Stock clients see `transport close` and connect anew by themselves, which they would not do after a
/// roomcast_disconnect; the reason is in their event's details. The host gets a ROOMCAST_EVENT_DISCONNECT with
/// ROOMCAST_REASON_SERVER_SHUTTING_DOWN for each socket.
///
/// Called again before that it changes pace and reason; afterwards it is another drain. roomcast_stop_draining ends it.
///
/// Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_VALUE if `per_second` is 0, ROOMCAST_ERROR_TOO_LARGE
/// for a longer reason.
/// Ownership: what it is given is copied.
/// Threads: the broker's; roomcast_remote_drain from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_drain(
    broker: *mut roomcast_broker,
    per_second: u32,
    reason: *const c_char,
    reason_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let reason = given.text(reason, reason_len, "reason")?;
        Ok(host.broker.drain(per_second, reason)?)
    };
    given.host(broker, "roomcast_drain", body)
}

/// Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_stop_draining from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_stop_draining(broker: *mut roomcast_broker) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        host.broker.stop_draining();
        Ok(())
    };
    given.host(broker, "roomcast_stop_draining", body)
}

/// As roomcast_ack, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_BAD_VALUE if `ack` is 0, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE,
/// ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later,
/// in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_ack(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
    ack: u64,
    args_json: *const c_char,
    args_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        let ack = convert::ack_number(ack)?;
        let args = given.args(args_json, args_len, "args_json")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(remote.ack(socket, ack, args, &attachments)?)
    };
    given.remote(remote, "roomcast_remote_ack", body)
}

/// As roomcast_send_text, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_WRONG_STATE, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
/// may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_send_text(
    remote: *const roomcast_remote,
    connection: roomcast_connection,
    message: *const c_char,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let connection = convert::connection(connection)?;
        let message = given.text(message, message_len, "message")?;
        Ok(remote.send_message(connection, message)?)
    };
    given.remote(remote, "roomcast_remote_send_text", body)
}

/// As roomcast_send_binary, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_WRONG_STATE,
/// ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later,
/// in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_send_binary(
    remote: *const roomcast_remote,
    connection: roomcast_connection,
    message: *const c_void,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let connection = convert::connection(connection)?;
        let message = given.list(message.cast::<u8>(), message_len, "message")?;
        Ok(remote.send_binary(connection, message)?)
    };
    given.remote(remote, "roomcast_remote_send_binary", body)
}

/// As roomcast_join, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
/// may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_join(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        let room = given.text(room, room_len, "room")?;
        Ok(remote.join(socket, room)?)
    };
    given.remote(remote, "roomcast_remote_join", body)
}

/// As roomcast_leave, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL,
/// ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and
/// the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_leave(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        let room = given.text(room, room_len, "room")?;
        Ok(remote.leave(socket, room)?)
    };
    given.remote(remote, "roomcast_remote_leave", body)
}

/// As roomcast_leave_all, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
/// ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_leave_all(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        Ok(remote.leave_all(socket)?)
    };
    given.remote(remote, "roomcast_remote_leave_all", body)
}

/// As roomcast_change_rooms, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
/// may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_change_rooms(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
    leave: *const roomcast_slice,
    leave_count: usize,
    join: *const roomcast_slice,
    join_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        let leave = given.texts(leave, leave_count, "leave")?;
        let join = given.texts(join, join_count, "join")?;
        Ok(remote.change_rooms(socket, &leave, &join)?)
    };
    given.remote(remote, "roomcast_remote_change_rooms", body)
}

/// As roomcast_accept, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
/// ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_accept(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        Ok(remote.accept(socket)?)
    };
    given.remote(remote, "roomcast_remote_accept", body)
}

/// As roomcast_reject, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_BAD_DATA, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else
/// may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_reject(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
    message: *const c_char,
    message_len: usize,
    data_json: *const c_char,
    data_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        let message = given.text(message, message_len, "message")?;
        let data = given.text(data_json, data_len, "data_json")?;
        let data = Some(data).filter(|data| !data.is_empty());
        Ok(remote.reject(socket, message, data)?)
    };
    given.remote(remote, "roomcast_remote_reject", body)
}

/// As roomcast_disconnect, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL,
/// ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and
/// the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_disconnect(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
    close: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        let close = convert::flag(close, "close")?;
        Ok(remote.disconnect(socket, close)?)
    };
    given.remote(remote, "roomcast_remote_disconnect", body)
}

/// As roomcast_allow, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
/// ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_allow(
    remote: *const roomcast_remote,
    connection: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let connection = convert::connection(connection)?;
        Ok(remote.allow(connection)?)
    };
    given.remote(remote, "roomcast_remote_allow", body)
}

/// As roomcast_add_header, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the
/// handle was made up. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_add_header(
    remote: *const roomcast_remote,
    connection: roomcast_connection,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let connection = convert::connection(connection)?;
        let name = given.text(name, name_len, "name")?;
        let value = given.text(value, value_len, "value")?;
        Ok(remote.add_header(connection, name, value)?)
    };
    given.remote(remote, "roomcast_remote_add_header", body)
}

/// As roomcast_refuse, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL,
/// ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and
/// the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_refuse(
    remote: *const roomcast_remote,
    connection: roomcast_connection,
    message: *const c_char,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let connection = convert::connection(connection)?;
        let message = given.text(message, message_len, "message")?;
        Ok(remote.refuse(connection, message)?)
    };
    given.remote(remote, "roomcast_remote_refuse", body)
}

/// As roomcast_refuse_with, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE,
/// ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_GONE if the handle was
/// made up. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_refuse_with(
    remote: *const roomcast_remote,
    connection: roomcast_connection,
    http_status: u32,
    content_type: *const c_char,
    content_type_len: usize,
    body: *const c_void,
    body_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let connection = convert::connection(connection)?;
        let http_status = convert::http_status(http_status.into(), "http_status")?;
        let content_type = given.text(content_type, content_type_len, "content_type")?;
        let body = given.list(body.cast::<u8>(), body_len, "body")?;
        Ok(remote.refuse_with(connection, http_status, content_type, body)?)
    };
    given.remote(remote, "roomcast_remote_refuse_with", body)
}

/// As roomcast_guard_handshakes, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_guard_handshakes(
    remote: *const roomcast_remote,
    on: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let on = convert::flag(on, "on")?;
        Ok(remote.guard_handshakes(on)?)
    };
    given.remote(remote, "roomcast_remote_guard_handshakes", body)
}

/// As roomcast_close_connection, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
/// ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_close_connection(
    remote: *const roomcast_remote,
    connection: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let connection = convert::connection(connection)?;
        Ok(remote.close_connection(connection)?)
    };
    given.remote(remote, "roomcast_remote_close_connection", body)
}

/// As roomcast_sockets_join, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else
/// may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_sockets_join(
    remote: *const roomcast_remote,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    room_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let rooms = given.texts(rooms, room_count, "rooms")?;
        given.target(target, |target| Ok(remote.sockets_join(target, &rooms)?))
    };
    given.remote(remote, "roomcast_remote_sockets_join", body)
}

/// As roomcast_sockets_leave, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later,
/// in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_sockets_leave(
    remote: *const roomcast_remote,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    room_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let rooms = given.texts(rooms, room_count, "rooms")?;
        given.target(target, |target| Ok(remote.sockets_leave(target, &rooms)?))
    };
    given.remote(remote, "roomcast_remote_sockets_leave", body)
}

/// As roomcast_disconnect_sockets, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later,
/// in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_disconnect_sockets(
    remote: *const roomcast_remote,
    target: *const roomcast_target,
    close: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let close = convert::flag(close, "close")?;
        given.target(target, |target| Ok(remote.disconnect_sockets(target, close)?))
    };
    given.remote(remote, "roomcast_remote_disconnect_sockets", body)
}

/// As roomcast_set_tag, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED,
/// ROOMCAST_ERROR_GONE if the handle was made up. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_set_tag(
    remote: *const roomcast_remote,
    socket: roomcast_socket,
    tag: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let socket = convert::socket(socket)?;
        Ok(remote.set_tag(socket, tag)?)
    };
    given.remote(remote, "roomcast_remote_set_tag", body)
}

/// As roomcast_server_emit, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE,
/// ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_server_emit(
    remote: *const roomcast_remote,
    ns: roomcast_namespace,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let ns = convert::namespace(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(remote.server_emit(ns, name, args, &attachments)?)
    };
    given.remote(remote, "roomcast_remote_server_emit", body)
}

/// As roomcast_ask_nodes, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_TOO_LARGE,
/// ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_ask_nodes(
    remote: *const roomcast_remote,
    ns: roomcast_namespace,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
    timeout: u64,
    context: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let ns = convert::namespace(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(remote.ask_nodes(ns, name, args, &attachments, timeout, context)?)
    };
    given.remote(remote, "roomcast_remote_ask_nodes", body)
}

/// As roomcast_answer_node, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_BAD_DATA, ROOMCAST_ERROR_FULL,
/// ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_answer_node(
    remote: *const roomcast_remote,
    answer: u64,
    value: *const c_char,
    value_len: usize,
    attachments: *const roomcast_slice,
    attachment_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let value = given.text(value, value_len, "value")?;
        let attachments = given.byte_strings(attachments, attachment_count, "attachments")?;
        Ok(remote.answer_node(answer, value, &attachments)?)
    };
    given.remote(remote, "roomcast_remote_answer_node", body)
}

/// As roomcast_fetch_remote_sockets, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_SIZE,
/// ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else
/// may be wrong shows later, in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_fetch_remote_sockets(
    remote: *const roomcast_remote,
    target: *const roomcast_target,
    timeout: u64,
    context: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        given.target(target, |target| Ok(remote.fetch_remote_sockets(target, timeout, context)?))
    };
    given.remote(remote, "roomcast_remote_fetch_remote_sockets", body)
}

/// As roomcast_count_nodes, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_NO_CLUSTER,
/// ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_count_nodes(
    remote: *const roomcast_remote,
    ns: roomcast_namespace,
    context: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let ns = convert::namespace(ns, "ns")?;
        Ok(remote.count_nodes(ns, context)?)
    };
    given.remote(remote, "roomcast_remote_count_nodes", body)
}

/// As roomcast_drain, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_TOO_LARGE, ROOMCAST_ERROR_FULL,
/// ROOMCAST_ERROR_CLOSED. What else may be wrong shows later, in remote_failures and the log.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_drain(
    remote: *const roomcast_remote,
    per_second: u32,
    reason: *const c_char,
    reason_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let reason = given.text(reason, reason_len, "reason")?;
        Ok(remote.drain(per_second, reason)?)
    };
    given.remote(remote, "roomcast_remote_drain", body)
}

/// As roomcast_stop_draining, from any thread: the broker carries it out in its next poll, in the order of the calls.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_stop_draining(remote: *const roomcast_remote) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| Ok(remote.stop_draining()?);
    given.remote(remote, "roomcast_remote_stop_draining", body)
}

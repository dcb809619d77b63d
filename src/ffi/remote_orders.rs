//! What other threads order about rooms, sockets and connections, in C. Nothing here waits.

use super::convert::{flag, socket};
use super::emit::connection;
use super::given::Given;
use super::remote::roomcast_remote;
use super::types::*;
use crate::net::Remote;
use std::ffi::c_char;

/// As roomcast_join, from any thread.
///
/// Errors: ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL,
/// ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED; ROOMCAST_ERROR_GONE if the handle was made up. That the socket has gone, or is in too many
/// rooms, shows later.
/// Ownership: the name is copied.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_join(
    remote: *const roomcast_remote,
    member: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let room = given.text(room, room_len, "room")?;
        Ok(remote.join(socket(member)?, room)?)
    };
    given.remote(remote, "roomcast_remote_join", body)
}

/// As roomcast_leave, from any thread.
///
/// Errors: ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL,
/// ROOMCAST_ERROR_CLOSED; ROOMCAST_ERROR_GONE if the handle was made up. That the socket has gone shows later.
/// Ownership: the name is copied.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_leave(
    remote: *const roomcast_remote,
    member: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let room = given.text(room, room_len, "room")?;
        Ok(remote.leave(socket(member)?, room)?)
    };
    given.remote(remote, "roomcast_remote_leave", body)
}

/// As roomcast_leave_all, from any thread.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED;
/// ROOMCAST_ERROR_GONE if the handle was made up. That the socket has gone shows later.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_leave_all(
    remote: *const roomcast_remote,
    member: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| Ok(remote.leave_all(socket(member)?)?);
    given.remote(remote, "roomcast_remote_leave_all", body)
}

/// As roomcast_change_rooms, from any thread.
///
/// Errors: as roomcast_remote_join.
/// Ownership: the names are copied.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_change_rooms(
    remote: *const roomcast_remote,
    member: roomcast_socket,
    leave: *const roomcast_slice,
    leave_count: usize,
    join: *const roomcast_slice,
    join_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let member = socket(member)?;
        let leave = given.texts(leave, leave_count, "leave")?;
        let join = given.texts(join, join_count, "join")?;
        Ok(remote.change_rooms(member, &leave, &join)?)
    };
    given.remote(remote, "roomcast_remote_change_rooms", body)
}

/// As roomcast_accept, from any thread: one that looks a token up, say. The socket is connected when the broker has carried
/// it out, and no ROOMCAST_EVENT_CONNECT tells of it: what is queued behind this finds it connected.
///
/// Errors: as roomcast_remote_leave_all. That the client left meanwhile, or the answer was given before, shows later.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_accept(
    remote: *const roomcast_remote,
    who: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| Ok(remote.accept(socket(who)?)?);
    given.remote(remote, "roomcast_remote_accept", body)
}

/// As roomcast_reject, from any thread.
///
/// Errors: as roomcast_remote_accept, and ROOMCAST_ERROR_BAD_DATA, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the texts are copied.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_reject(
    remote: *const roomcast_remote,
    who: roomcast_socket,
    message: *const c_char,
    message_len: usize,
    data_json: *const c_char,
    data_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let who = socket(who)?;
        let message = given.text(message, message_len, "message")?;
        let data = given.text(data_json, data_len, "data_json")?;
        Ok(remote.reject(who, message, Some(data).filter(|data| !data.is_empty()))?)
    };
    given.remote(remote, "roomcast_remote_reject", body)
}

/// As roomcast_disconnect, from any thread.
///
/// Errors: as roomcast_remote_leave, and ROOMCAST_ERROR_BAD_VALUE for another `close`.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_disconnect(
    remote: *const roomcast_remote,
    who: roomcast_socket,
    close: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| Ok(remote.disconnect(socket(who)?, flag(close, "close")?)?);
    given.remote(remote, "roomcast_remote_disconnect", body)
}

/// As roomcast_set_tag, from any thread. Events that were waiting when the broker carries it out keep the old one.
///
/// Errors: as roomcast_remote_leave_all.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_set_tag(
    remote: *const roomcast_remote,
    who: roomcast_socket,
    tag: u64,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| Ok(remote.set_tag(socket(who)?, tag)?);
    given.remote(remote, "roomcast_remote_set_tag", body)
}

/// As roomcast_allow, from any thread.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED;
/// ROOMCAST_ERROR_GONE if the handle was made up. That the client left meanwhile, or the answer was given before, shows later.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_allow(
    remote: *const roomcast_remote,
    who: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| Ok(remote.allow(connection(who)?)?);
    given.remote(remote, "roomcast_remote_allow", body)
}

/// As roomcast_refuse, from any thread.
///
/// Errors: as roomcast_remote_allow, and ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the text is copied.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_refuse(
    remote: *const roomcast_remote,
    who: roomcast_connection,
    message: *const c_char,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let who = connection(who)?;
        let message = given.text(message, message_len, "message")?;
        Ok(remote.refuse(who, message)?)
    };
    given.remote(remote, "roomcast_remote_refuse", body)
}

/// As roomcast_close_connection, from any thread.
///
/// Errors: as roomcast_remote_allow. That the connection has gone shows later.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_close_connection(
    remote: *const roomcast_remote,
    who: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| Ok(remote.close_connection(connection(who)?)?);
    given.remote(remote, "roomcast_remote_close_connection", body)
}

/// As roomcast_drain, from any thread.
///
/// Errors: those of roomcast_drain, and ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED.
/// Ownership: the reason is copied.
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

/// As roomcast_stop_draining, from any thread.
///
/// Errors: ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED, ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_stop_draining(remote: *const roomcast_remote) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    given.remote(remote, "roomcast_remote_stop_draining", |remote| Ok(remote.stop_draining()?))
}

//! Joining and leaving in C.

use super::broker::{Host, roomcast_broker};
use super::convert::socket;
use super::given::Given;
use super::types::*;
use std::ffi::c_char;

/// Puts a socket into a room, which begins to exist with its first member. A socket that waits for the host's decision
/// is in it at once: what is emitted to the room waits for it until it is accepted. Joining twice is no error.
///
/// Errors: ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_BAD_UTF8,
/// ROOMCAST_ERROR_TOO_MANY past max_rooms_per_socket or max_room_bytes.
/// Ownership: the name is copied.
/// Threads: the broker's; roomcast_remote_join from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_join(
    broker: *mut roomcast_broker,
    member: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let member = socket(member)?;
        let room = given.text(room, room_len, "room")?;
        host.broker.join(member, room)?;
        Ok(())
    };
    given.host(broker, "roomcast_join", body)
}

/// Takes a socket out of a room; the room ends with its last member. Its own room cannot be left. Leaving a room that it is
/// not in is no error.
///
/// Errors: ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the name is copied.
/// Threads: the broker's; roomcast_remote_leave from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_leave(
    broker: *mut roomcast_broker,
    member: roomcast_socket,
    room: *const c_char,
    room_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let member = socket(member)?;
        let room = given.text(room, room_len, "room")?;
        host.broker.leave(member, room)?;
        Ok(())
    };
    given.host(broker, "roomcast_leave", body)
}

/// Takes a socket out of all rooms but its own.
///
/// Errors: ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_leave_all from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_leave_all(
    broker: *mut roomcast_broker,
    member: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| Ok(host.broker.leave_all(socket(member)?)?);
    given.host(broker, "roomcast_leave_all", body)
}

/// Leaves and joins many rooms at once, as a player who moves does. A room in both lists is kept.
///
/// `changed` may be NULL; it is set to how many memberships changed, SIZE_MAX where that is not known yet (`loops`).
///
/// Errors: those of roomcast_join; then nothing has changed.
/// Ownership: the names are copied.
/// Threads: the broker's; roomcast_remote_change_rooms from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_change_rooms(
    broker: *mut roomcast_broker,
    member: roomcast_socket,
    leave: *const roomcast_slice,
    leave_count: usize,
    join: *const roomcast_slice,
    join_count: usize,
    changed: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let member = socket(member)?;
        let out = given.nullable(changed, "changed")?;
        let leave = given.texts(leave, leave_count, "leave")?;
        let join = given.texts(join, join_count, "join")?;
        out.set(host.broker.change_rooms(member, &leave, &join)?.unwrap_or(usize::MAX));
        Ok(())
    };
    given.host(broker, "roomcast_change_rooms", body)
}

//! Joining, leaving, disconnecting and finding everybody whom a target selects, in C.

use super::broker::{Host, roomcast_broker};
use super::convert::flag;
use super::given::Given;
use super::guard::Outcome;
use super::query::answer_handles;
use super::remote::roomcast_remote;
use super::types::*;
use crate::base::errors::Result;
use crate::base::ids::SocketId;
use crate::hub::message::Target;
use crate::net::Remote;

/// Lends out everybody whom a target selects, in a stable order: those who would get what is emitted to it.
///
/// `sockets` is set to an array of `count` sockets. What their rooms and handshakes are, roomcast_rooms_of and roomcast_get_handshake
/// tell of each.
///
/// Errors: ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE,
/// ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: the array is the broker's, until the next question that lends.
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
        let out = given.out(sockets, "sockets")?;
        let count = given.out(count, "count")?;
        given.target(target, |target| {
            let found = host.broker.fetch_sockets(target)?.map(SocketId::to_bits);
            answer_handles(out, count, &mut host.answers.handles, found);
            Ok(())
        })
    };
    given.host(broker, "roomcast_fetch_sockets", body)
}

/// Has something done to everybody whom a target selects, and says how many sockets that are.
fn each(
    given: &Given,
    target: *const roomcast_target,
    selected: *mut usize,
    act: impl FnOnce(Target<'_>) -> Result<Option<usize>>,
) -> Outcome {
    let selected = given.nullable(selected, "selected")?;
    let count = given.target(target, |target| Ok(act(target)?))?;
    selected.set(count.unwrap_or(usize::MAX));
    Ok(())
}

/// Puts everybody whom a target selects into these rooms, `count` of them. Sockets that wait for the host's decision are
/// selected as all others are.
///
/// `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`).
///
/// Errors: ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_TOO_MANY if one of them would be in more than
/// max_rooms_per_socket, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND,
/// ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE; then nothing has changed. With `loops` too many rooms show later, in remote_failures
/// and the log: of the sockets on the loop of that one nobody has joined then, of the others everybody.
/// Ownership: the names are copied.
/// Threads: the broker's; roomcast_remote_sockets_join from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_sockets_join(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    count: usize,
    selected: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let rooms = given.texts(rooms, count, "rooms")?;
        each(&given, target, selected, |target| host.broker.sockets_join(target, &rooms))
    };
    given.host(broker, "roomcast_sockets_join", body)
}

/// Takes everybody whom a target selects out of these rooms, `count` of them.
///
/// `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`).
///
/// Errors: ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE,
/// ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: the names are copied.
/// Threads: the broker's; roomcast_remote_sockets_leave from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_sockets_leave(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    count: usize,
    selected: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let rooms = given.texts(rooms, count, "rooms")?;
        each(&given, target, selected, |target| host.broker.sockets_leave(target, &rooms))
    };
    given.host(broker, "roomcast_sockets_leave", body)
}

/// Disconnects everybody whom a target selects, as roomcast_disconnect does. With `close` 1, their whole connections end.
///
/// `selected` may be NULL; it is set to how many sockets that are, SIZE_MAX where that is not known yet (`loops`).
///
/// Errors: ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE,
/// ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE.
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
        let close = flag(close, "close")?;
        each(&given, target, selected, |target| host.broker.disconnect_sockets(target, close))
    };
    given.host(broker, "roomcast_disconnect_sockets", body)
}

/// As roomcast_sockets_join, from any thread.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_ROOM, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8,
/// ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE; ROOMCAST_ERROR_FULL, ROOMCAST_ERROR_CLOSED as of roomcast_remote_emit. That the
/// namespace has gone, or one of the sockets is in too many rooms, shows later.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_sockets_join(
    remote: *const roomcast_remote,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let rooms = given.texts(rooms, count, "rooms")?;
        given.target(target, |target| Ok(remote.sockets_join(target, &rooms)?))
    };
    given.remote(remote, "roomcast_remote_sockets_join", body)
}

/// As roomcast_sockets_leave, from any thread.
///
/// Errors: as roomcast_remote_sockets_join.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_sockets_leave(
    remote: *const roomcast_remote,
    target: *const roomcast_target,
    rooms: *const roomcast_slice,
    count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let rooms = given.texts(rooms, count, "rooms")?;
        given.target(target, |target| Ok(remote.sockets_leave(target, &rooms)?))
    };
    given.remote(remote, "roomcast_remote_sockets_leave", body)
}

/// As roomcast_disconnect_sockets, from any thread.
///
/// Errors: as roomcast_remote_sockets_join.
/// Ownership: everything is copied before it returns.
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
        let close = flag(close, "close")?;
        given.target(target, |target| Ok(remote.disconnect_sockets(target, close)?))
    };
    given.remote(remote, "roomcast_remote_disconnect_sockets", body)
}

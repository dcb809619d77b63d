//! Emits and acknowledgements in C. It must not encode anything itself.

use super::broker::{Host, roomcast_broker};
use super::convert::{excepted, namespace, socket};
use super::given::Given;
use super::message::roomcast_message;
use super::types::*;
use crate::hub::message::{Message, Receipt, Target};
use std::ffi::c_char;

impl From<Option<Receipt>> for roomcast_receipt {
    fn from(receipt: Option<Receipt>) -> Self {
        let known =
            |count: fn(&Receipt) -> usize| receipt.as_ref().map_or(ROOMCAST_UNKNOWN, |it| count(it) as u64);
        Self { recipients: known(|it| it.recipients), skipped: known(|it| it.skipped) }
    }
}

/// Emits an event to a room, but not to the socket it comes from. It reaches those who are members when it is called, and
/// leaves with the next roomcast_poll or roomcast_flush. To a socket that waits for the host's decision it leaves when that is
/// accepted, behind the answer to its request; until then it waits, up to max_backlog for its connection, past which that is closed as
/// a slow consumer. What is volatile is skipped, and one that is rejected gets nothing.
///
/// `room` may be any text: nobody is in a room without a name (length 0); roomcast_emit_all is for everybody. `except` is a
/// socket to leave out, or 0. `args` is the JSON array of the arguments; nothing at all means "[]".
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE if the namespace is, ROOMCAST_ERROR_RESERVED_EVENT,
/// ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_TOO_LARGE; then nobody gets it.
/// Ownership: everything is copied or encoded before it returns.
/// Threads: the broker's; roomcast_remote_emit from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_emit(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    room: *const c_char,
    room_len: usize,
    except: roomcast_socket,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let ns = namespace(ns, "ns")?;
        let room = [given.text(room, room_len, "room")?];
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let except = excepted(except)?;
        host.broker.emit(Target::rooms(ns, &room).except(except.as_slice()), Message::new(name, args))?;
        Ok(())
    };
    given.host(broker, "roomcast_emit", body)
}

/// Emits an event to a whole namespace, but not to the socket it comes from; otherwise as roomcast_emit.
///
/// `except` is a socket to leave out, or 0.
///
/// Errors: as roomcast_emit.
/// Ownership: everything is copied or encoded before it returns.
/// Threads: the broker's; roomcast_remote_emit_all from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_emit_all(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    except: roomcast_socket,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let ns = namespace(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let except = excepted(except)?;
        host.broker.emit(Target::all(ns).except(except.as_slice()), Message::new(name, args))?;
        Ok(())
    };
    given.host(broker, "roomcast_emit_all", body)
}

/// Emits an event to one socket, in its own namespace. To one that is being let in it waits, as every emit does.
///
/// `args` is the JSON array of the arguments; nothing at all means "[]".
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE if the socket is, and those of roomcast_emit.
/// Ownership: everything is copied or encoded before it returns.
/// Threads: the broker's; roomcast_remote_send from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_send(
    broker: *mut roomcast_broker,
    to: roomcast_socket,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let to = socket(to)?;
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        host.broker.send(to, Message::new(name, args))?;
        Ok(())
    };
    given.host(broker, "roomcast_send", body)
}

/// Emits an event with everything an emit can have: several rooms and sockets, several exceptions, attachments, a delivery
/// class.
///
/// `receipt` may be NULL; it is set to how many sockets were addressed and skipped.
///
/// Errors: those of roomcast_emit, ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_NULL;
/// then nobody gets it.
/// Ownership: everything is copied or encoded before it returns.
/// Threads: the broker's; roomcast_remote_emit_to from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_emit_to(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    message: *const roomcast_message,
    receipt: *mut roomcast_receipt,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.nullable(receipt, "receipt")?;
        let emit = |target: Target<'_>| {
            let emit = |message: Message<'_>| Ok(host.broker.emit(target, message)?);
            given.message(message, emit)
        };
        out.set(given.target(target, emit)?.into());
        Ok(())
    };
    given.host(broker, "roomcast_emit_to", body)
}

/// Emits an event and asks everyone who gets it for an acknowledgement. The answers come as ROOMCAST_EVENT_ACK; if some
/// never come, ROOMCAST_EVENT_ACK_END ends it.
///
/// `timeout_ms` is how long to wait for answers: -1 waits until the socket disconnects, 0 times out at once. `context` is any
/// number of yours, for example the place of what you asked for in an array, or a pointer: each answer and the end of the
/// question carry it. `ack` is set to the handle that they carry too, 0 if nobody was addressed: then there is nothing to wait
/// for, and nothing brings `context` back. `receipt` may be NULL.
///
/// In a cluster the sockets of other nodes are asked as well; their answers come as ROOMCAST_EVENT_REMOTE_ACK, and whether there are any
/// such sockets is not known when the call returns. With a `timeout_ms` of -1 they have cluster_request_timeout.
///
/// Errors: those of roomcast_emit_to, and ROOMCAST_ERROR_TOO_MANY if a recipient owes max_pending_acks already; then nobody
/// gets it.
/// Ownership: everything is copied or encoded before it returns.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_emit_with_ack(
    broker: *mut roomcast_broker,
    target: *const roomcast_target,
    message: *const roomcast_message,
    timeout_ms: i64,
    context: u64,
    ack: *mut roomcast_ack_id,
    receipt: *mut roomcast_receipt,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let ack = given.out(ack, "ack")?;
        let receipt = given.nullable(receipt, "receipt")?;
        let timeout = u64::try_from(timeout_ms).ok();
        let emit = |target: Target<'_>| {
            let emit =
                |message: Message<'_>| Ok(host.broker.emit_with_ack(target, message, timeout, context)?);
            given.message(message, emit)
        };
        let (done, id) = given.target(target, emit)?;
        receipt.set(Some(done).into());
        ack.set(id.map_or(0, |id| id.to_bits()));
        Ok(())
    };
    given.host(broker, "roomcast_emit_with_ack", body)
}

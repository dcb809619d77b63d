//! The remote in C: the one way in for threads that do not have the broker, and what they send through it. Nothing here waits.

use super::broker::{Host, roomcast_broker};
use super::convert::{excepted, namespace, socket};
use super::given::Given;
use super::guard::unguarded;
use super::message::roomcast_message;
use super::types::*;
use crate::base::errors::Error;
use crate::hub::message::{Message, Target};
use crate::net::Remote;
use std::ffi::c_char;

/// What other threads hold to reach a broker. Any number of threads may use one remote at the same time. A call returns as
/// soon as it is queued; the broker carries it out in its next roomcast_poll, which it is woken for. The order of one caller
/// is kept.
///
/// What is wrong with a call whatever the state of the broker is its error. What shows only when it is carried out (the socket
/// or the namespace is gone, a limit was reached) cannot be returned any more: it is counted in remote_failures, and a warning
/// in the log. An emit to rooms in which nobody is, or to sockets that are gone, is no failure.
pub struct roomcast_remote(Remote);

impl roomcast_remote {
    pub(super) fn inner(&self) -> &Remote {
        &self.0
    }
}

/// Makes a remote for a broker.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the caller frees it by roomcast_remote_free, before the broker or after it.
/// Threads: the broker's; the remote it makes is for any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_new(
    broker: *mut roomcast_broker,
    remote: *mut *mut roomcast_remote,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(remote, "remote")?;
        out.set(Box::into_raw(Box::new(roomcast_remote(host.broker.remote()))));
        Ok(())
    };
    given.host(broker, "roomcast_remote_new", body)
}

/// Makes another remote for the same broker, for an owner with a life of its own.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the caller frees it by roomcast_remote_free.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_clone(
    remote: *const roomcast_remote,
    clone: *mut *mut roomcast_remote,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let out = given.out(clone, "clone")?;
        out.set(Box::into_raw(Box::new(roomcast_remote(remote.clone()))));
        Ok(())
    };
    given.remote(remote, "roomcast_remote_clone", body)
}

/// Frees a remote. NULL is allowed. What it has queued is still carried out.
///
/// Ownership: the remote is gone; no thread may use it any more.
/// Threads: any, but not while another one uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_free(remote: *mut roomcast_remote) {
    if !remote.is_null() {
        unguarded("roomcast_remote_free", || {
            // SAFETY: it came from a box; the rest the caller promises.
            drop(unsafe { Box::from_raw(remote) });
            Ok(())
        });
    }
}

/// As roomcast_emit, from any thread.
///
/// Errors: ROOMCAST_ERROR_RESERVED_EVENT, ROOMCAST_ERROR_BAD_JSON, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_NO_HANDLE,
/// ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL; ROOMCAST_ERROR_FULL if the broker was not polled for a while, ROOMCAST_ERROR_CLOSED if
/// it is gone. Too large a message, and a namespace that is gone, show later.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_emit(
    remote: *const roomcast_remote,
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
    let body = |remote: &Remote| {
        let ns = namespace(ns, "ns")?;
        let room = [given.text(room, room_len, "room")?];
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let except = excepted(except)?;
        let target = Target::rooms(ns, &room).except(except.as_slice());
        Ok(remote.emit(target, Message::new(name, args))?)
    };
    given.remote(remote, "roomcast_remote_emit", body)
}

/// As roomcast_emit_all, from any thread.
///
/// Errors: as roomcast_remote_emit.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_emit_all(
    remote: *const roomcast_remote,
    ns: roomcast_namespace,
    except: roomcast_socket,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let ns = namespace(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        let except = excepted(except)?;
        Ok(remote.emit(Target::all(ns).except(except.as_slice()), Message::new(name, args))?)
    };
    given.remote(remote, "roomcast_remote_emit_all", body)
}

/// As roomcast_send, from any thread.
///
/// `ns` is the socket's namespace.
///
/// Errors: as roomcast_remote_emit.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_send(
    remote: *const roomcast_remote,
    ns: roomcast_namespace,
    to: roomcast_socket,
    name: *const c_char,
    name_len: usize,
    args_json: *const c_char,
    args_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let (ns, to) = (namespace(ns, "ns")?, [socket(to)?]);
        let name = given.text(name, name_len, "name")?;
        let args = given.args(args_json, args_len, "args_json")?;
        Ok(remote.emit(Target::sockets(ns, &to), Message::new(name, args))?)
    };
    given.remote(remote, "roomcast_remote_send", body)
}

/// As roomcast_emit_to, from any thread, without a receipt.
///
/// Errors: as roomcast_remote_emit, and ROOMCAST_ERROR_BAD_ATTACHMENTS, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: everything is copied before it returns.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_emit_to(
    remote: *const roomcast_remote,
    target: *const roomcast_target,
    message: *const roomcast_message,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        given.target(target, |target| given.message(message, |message| Ok(remote.emit(target, message)?)))
    };
    given.remote(remote, "roomcast_remote_emit_to", body)
}

/// Ends the broker's wait in roomcast_poll, or makes its descriptor readable: a host's own signal to itself. Any number of
/// calls before the next poll are one.
///
/// Safe in signal handlers: it takes no lock, allocates nothing and makes one system call at most, so a handler that sets a
/// flag and calls it ends a roomcast_poll that has not begun to wait yet, too. (Where the system has neither epoll nor kqueue,
/// it is not.) It leaves roomcast_last_error as it was.
///
/// Errors: ROOMCAST_ERROR_CLOSED if the broker is gone, ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_wake(remote: *const roomcast_remote) -> roomcast_status {
    // No guard: the text of an error may be half written where a handler interrupts. Nothing here can panic.
    // SAFETY: what the caller promises.
    let Some(remote) = (unsafe { remote.as_ref() }) else { return Error::Null.code() };
    remote.0.wake().map_or_else(Error::code, |()| ROOMCAST_OK)
}

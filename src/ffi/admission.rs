//! Who gets in, and who has to go, in C: namespaces, decisions, disconnects.

use super::broker::{Host, roomcast_broker};
use super::convert::{flag, namespace, socket};
use super::emit::connection;
use super::given::Given;
use super::guard::Fault;
use super::types::*;
use crate::base::errors::Error;
use crate::base::open::Open;
use crate::hub::namespaces::{NamespaceOptions, PatternOptions};
use std::ffi::c_char;

/// Makes a namespace, or finds it. "abc" and "/abc" are the same; "/" is there from the beginning.
///
/// `guarded` is 1 to be asked about each connect with ROOMCAST_EVENT_CONNECT_REQUEST, 0 to let everybody in. `ns` is set to
/// the namespace.
///
/// Errors: ROOMCAST_ERROR_BAD_NAMESPACE, ROOMCAST_ERROR_EXISTS if it is there and guarded otherwise ("/" takes whatever it is given while
/// it is empty), ROOMCAST_ERROR_TOO_MANY, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: the name is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_add_namespace(
    broker: *mut roomcast_broker,
    name: *const c_char,
    name_len: usize,
    guarded: u32,
    ns: *mut roomcast_namespace,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let options = NamespaceOptions { guarded: flag(guarded, "guarded")?, open: Open::default() };
        out.set(host.broker.add_namespace(name, options)?.to_bits());
        Ok(())
    };
    given.host(broker, "roomcast_add_namespace", body)
}

/// Lets clients bring namespaces to life whose names fit `glob`, in which each '*' stands for any characters. Of several
/// patterns that fit, the first one added counts.
///
/// `guarded` is as for roomcast_add_namespace. `remove_when_empty` is 1 to remove a namespace with its last socket, which
/// is the one to choose; 0 keeps it, and then clients decide how many there are, up to max_namespaces, past which no other can be
/// made. One in which nobody was ever let in goes in any case.
///
/// Errors: ROOMCAST_ERROR_BAD_NAMESPACE for a glob that no name can fit, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: the glob is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_add_pattern(
    broker: *mut roomcast_broker,
    glob: *const c_char,
    glob_len: usize,
    guarded: u32,
    remove_when_empty: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let glob = given.text(glob, glob_len, "glob")?;
        let guarded = flag(guarded, "guarded")?;
        let remove_when_empty = flag(remove_when_empty, "remove_when_empty")?;
        host.broker
            .add_pattern(glob, PatternOptions { guarded, remove_when_empty, open: Open::default() })?;
        Ok(())
    };
    given.host(broker, "roomcast_add_pattern", body)
}

/// Finds a namespace by its name.
///
/// Errors: ROOMCAST_ERROR_NOT_FOUND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_find_namespace(
    broker: *mut roomcast_broker,
    name: *const c_char,
    name_len: usize,
    ns: *mut roomcast_namespace,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(ns, "ns")?;
        let name = given.text(name, name_len, "name")?;
        let found = host.broker.find_namespace(name).ok_or(Fault::of(Error::NotFound, "name"))?;
        out.set(found.to_bits());
        Ok(())
    };
    given.host(broker, "roomcast_find_namespace", body)
}

/// Lets a socket in that a ROOMCAST_EVENT_CONNECT_REQUEST asked for. It is connected when this returns; no
/// ROOMCAST_EVENT_CONNECT follows. What was emitted to it before leaves now, behind the answer to its request.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE if the client left meanwhile,
/// ROOMCAST_ERROR_WRONG_STATE if the answer was given before.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_accept from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_accept(
    broker: *mut roomcast_broker,
    who: roomcast_socket,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| Ok(host.broker.accept(socket(who)?)?);
    given.host(broker, "roomcast_accept", body)
}

/// Turns a socket away that a ROOMCAST_EVENT_CONNECT_REQUEST asked for. The handle is dead when this returns.
///
/// The client gets `message`, and `data`, which is a JSON value, or nothing (length 0).
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE if the client left meanwhile,
/// ROOMCAST_ERROR_WRONG_STATE if it was accepted before, ROOMCAST_ERROR_BAD_DATA, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the texts are copied.
/// Threads: the broker's; roomcast_remote_reject from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_reject(
    broker: *mut roomcast_broker,
    who: roomcast_socket,
    message: *const c_char,
    message_len: usize,
    data_json: *const c_char,
    data_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let who = socket(who)?;
        let message = given.text(message, message_len, "message")?;
        let data = given.text(data_json, data_len, "data_json")?;
        host.broker.reject(who, message, Some(data).filter(|data| !data.is_empty()))?;
        Ok(())
    };
    given.host(broker, "roomcast_reject", body)
}

/// Takes a socket out of its namespace: the client gets a disconnect packet. What was emitted to it before still goes out.
///
/// `close` is 1 to end its whole connection, and with it its sockets in other namespaces; else 0.
///
/// Errors: ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_BAD_VALUE.
/// Ownership: nothing changes hands. Its ROOMCAST_EVENT_DISCONNECT comes with the next roomcast_poll.
/// Threads: the broker's; roomcast_remote_disconnect from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_disconnect(
    broker: *mut roomcast_broker,
    who: roomcast_socket,
    close: u32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| Ok(host.broker.disconnect(socket(who)?, flag(close, "close")?)?);
    given.host(broker, "roomcast_disconnect", body)
}

/// Lets a connection open that a ROOMCAST_EVENT_HANDSHAKE asked for.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE if the client left meanwhile,
/// ROOMCAST_ERROR_WRONG_STATE if the answer was given before.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_allow from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_allow(
    broker: *mut roomcast_broker,
    who: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| Ok(host.broker.allow(connection(who)?)?);
    given.host(broker, "roomcast_allow", body)
}

/// Turns a connection away that a ROOMCAST_EVENT_HANDSHAKE asked for: 403 with code 4 and `message`, or "Forbidden" if that
/// is nothing. The handle is dead when this returns.
///
/// Errors: as roomcast_allow, and ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: the text is copied.
/// Threads: the broker's; roomcast_remote_refuse from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_refuse(
    broker: *mut roomcast_broker,
    who: roomcast_connection,
    message: *const c_char,
    message_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let who = connection(who)?;
        let message = given.text(message, message_len, "message")?;
        host.broker.refuse(who, message)?;
        Ok(())
    };
    given.host(broker, "roomcast_refuse", body)
}

/// Closes a connection and all its sockets, after what is queued for it has gone out.
///
/// Errors: ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND.
/// Ownership: nothing changes hands.
/// Threads: the broker's; roomcast_remote_close_connection from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_close_connection(
    broker: *mut roomcast_broker,
    who: roomcast_connection,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| Ok(host.broker.close_connection(connection(who)?)?);
    given.host(broker, "roomcast_close_connection", body)
}

/// Lends out a namespace's name, with its slash.
///
/// `name` is set to it.
///
/// Errors: ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NULL.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_namespace_name(
    broker: *mut roomcast_broker,
    ns: roomcast_namespace,
    name: *mut roomcast_slice,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(name, "name")?;
        host.answers.clear();
        out.set(host.answers.keep(host.broker.namespace_name(namespace(ns, "ns")?)?.as_bytes()));
        Ok(())
    };
    given.host(broker, "roomcast_namespace_name", body)
}

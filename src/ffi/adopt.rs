//! Connections that the host has accepted, in C. It must not decide what a descriptor is.

use super::broker::{Host, roomcast_broker};
use super::given::Given;
use super::guard::{Fault, Outcome};
use super::remote::roomcast_remote;
use super::types::*;
use crate::base::errors::Error;
use crate::base::limits::Limits;
use crate::host::peer::Peer;
use crate::host::request::ParsedRequest;
use crate::net::Remote;
use std::ffi::{c_char, c_void};

/// What was read of a connection, and where it comes from, if that is not its other end.
type Before = (Vec<u8>, Option<Peer>);

fn peer(given: &Given, peer: *const c_char, peer_len: usize) -> Outcome<Option<Peer>> {
    match given.text(peer, peer_len, "peer")? {
        "" => Ok(None),
        text => Ok(Some(text.parse()?)),
    }
}

fn parsed(given: &Given, request: *const roomcast_request, limits: &Limits) -> Outcome<Before> {
    let asked = given.sized(request, "request")?;
    let pairs = given.list(asked.headers, asked.header_count, "request.headers")?;
    let bytes = |piece: roomcast_slice, name| given.list(piece.ptr.cast::<u8>(), piece.len, name);
    let header = |pair: &roomcast_pair| {
        Ok((given.piece(pair.name, "request.headers")?, bytes(pair.value, "request.headers")?))
    };
    let headers = pairs.iter().map(header).collect::<Outcome<Vec<_>>>()?;
    let request = ParsedRequest {
        method: given.piece(asked.method, "request.method")?,
        target: given.piece(asked.target, "request.target")?,
        headers: &headers,
        rest: bytes(asked.rest, "request.rest")?,
    };
    Ok((request.bytes(limits)?, peer(given, asked.peer.ptr.cast(), asked.peer.len)?))
}

/// Goes on with a connection that you have accepted: a stream socket of TCP or a Unix socket. `prefix` is what you have read of it,
/// mostly the head of a request; it comes before what is still to be read. `peer` is where it comes from, as an address and a port
/// ("192.0.2.1:40332", "[::1]:40332") or "unix:", where that is not the socket's other end; nothing: the other end.
///
/// The broker need not listen for it. With `loops` the connection goes to the one with the fewest. A request that is not for the broker
/// is answered with 404, or handed back (`hand_back`). Not for what is over TLS in your program: its keys are there.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE for what is no stream socket that is connected, or a peer that is none, ROOMCAST_ERROR_TOO_MANY
/// (`max_links`), ROOMCAST_ERROR_TOO_LARGE for a prefix of more than `max_head_bytes` and `max_payload` together, ROOMCAST_ERROR_CLOSED after
/// roomcast_close, ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_UNSUPPORTED on Windows, and those of the system.
/// Ownership: on success the descriptor is the broker's, which closes it; on failure it stays the caller's, as it was. The rest is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_adopt(
    broker: *mut roomcast_broker,
    fd: i32,
    prefix: *const c_void,
    prefix_len: usize,
    peer: *const c_char,
    peer_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let prefix = given.list(prefix.cast::<u8>(), prefix_len, "prefix")?.to_vec();
        adopt(&given, host, fd, (prefix, self::peer(&given, peer, peer_len)?))
    };
    given.host(broker, "roomcast_adopt", body)
}

/// The same for a connection of which you have parsed the head of a request: the broker answers that request itself, be it with the 101
/// of a WebSocket or with HTTP, and then goes on with the connection. It counts as one of HTTP/1.1; where the connection is to end
/// behind the answer, a header "Connection" with "close" says so.
///
/// Errors: as those of roomcast_adopt, ROOMCAST_ERROR_BAD_SIZE, and ROOMCAST_ERROR_BAD_VALUE for a method, a target or a header that is
/// none.
/// Ownership: as roomcast_adopt.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_adopt_request(
    broker: *mut roomcast_broker,
    fd: i32,
    request: *const roomcast_request,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let before = parsed(&given, request, host.broker.limits())?;
        adopt(&given, host, fd, before)
    };
    given.host(broker, "roomcast_adopt_request", body)
}

/// As roomcast_adopt, from any thread. What shows only when the connection is taken in (there are `max_links`, the broker is closed)
/// closes it, and is counted in remote_failures.
///
/// Errors: as those of roomcast_adopt; ROOMCAST_ERROR_FULL if the broker was not polled for a while, ROOMCAST_ERROR_CLOSED if it is gone.
/// Ownership: as roomcast_adopt.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_adopt(
    remote: *const roomcast_remote,
    fd: i32,
    prefix: *const c_void,
    prefix_len: usize,
    peer: *const c_char,
    peer_len: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let prefix = given.list(prefix.cast::<u8>(), prefix_len, "prefix")?.to_vec();
        adopt_there(&given, remote, fd, (prefix, self::peer(&given, peer, peer_len)?))
    };
    given.remote(remote, "roomcast_remote_adopt", body)
}

/// As roomcast_adopt_request, from any thread.
///
/// Errors: as those of roomcast_adopt_request and roomcast_remote_adopt.
/// Ownership: as roomcast_adopt.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_remote_adopt_request(
    remote: *const roomcast_remote,
    fd: i32,
    request: *const roomcast_request,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |remote: &Remote| {
        let before = parsed(&given, request, remote.limits())?;
        adopt_there(&given, remote, fd, before)
    };
    given.remote(remote, "roomcast_remote_adopt_request", body)
}

/// Takes connections by roomcast_adopt and roomcast_adopt_request again after roomcast_close, though the broker listens nowhere. To listen
/// does the same.
///
/// Errors: ROOMCAST_ERROR_UNSUPPORTED on Windows.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_reopen(broker: *mut roomcast_broker) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    given.host(broker, "roomcast_reopen", reopen)
}

#[cfg(unix)]
fn reopen(host: &mut Host) -> Outcome {
    Ok(host.broker.reopen()?)
}

#[cfg(not(unix))]
fn reopen(_: &mut Host) -> Outcome {
    Err(Error::Unsupported.into())
}

/// Has connections handed back from now on, if `on` is 1, or not, if it is 0, as `hand_back` of the configuration has it from the
/// beginning.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE for another number, ROOMCAST_ERROR_UNSUPPORTED on Windows.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_set_hand_back(broker: *mut roomcast_broker, on: u32) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    given.host(broker, "roomcast_set_hand_back", |host| match on {
        0 | 1 => set_hand_back(host, on == 1),
        _ => Err(Fault::value("on", "it is 0 or 1")),
    })
}

#[cfg(unix)]
fn set_hand_back(host: &mut Host, on: bool) -> Outcome {
    Ok(host.broker.set_hand_back(on)?)
}

#[cfg(not(unix))]
fn set_hand_back(_: &mut Host, _: bool) -> Outcome {
    Err(Error::Unsupported.into())
}

/// Makes the descriptor of a ROOMCAST_EVENT_FOREIGN yours, which is its number, until the next roomcast_poll or roomcast_close. It is closed
/// then, if nobody has taken it.
///
/// Errors: ROOMCAST_ERROR_GONE if no event of the last batch has it, or it was taken before, ROOMCAST_ERROR_UNSUPPORTED on Windows.
/// Ownership: on success the descriptor is the caller's, who closes it.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_take_descriptor(broker: *mut roomcast_broker, fd: i32) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    given.host(broker, "roomcast_take_descriptor", |host| take_descriptor(host, fd))
}

#[cfg(unix)]
fn take_descriptor(host: &mut Host, fd: i32) -> Outcome {
    let all = host.events.descriptors();
    let from = host.descriptor.min(all.len());
    let found = (from..all.len()).chain(0..from).find(|&at| all[at].number() == fd);
    let at = found.ok_or(Fault::of(Error::Gone, "fd"))?;
    let owned = all[at].take().ok_or(Fault::of(Error::Gone, "fd"))?;
    // The caller's from here on.
    let _ = std::os::fd::IntoRawFd::into_raw_fd(owned);
    host.descriptor = at + 1;
    Ok(())
}

#[cfg(not(unix))]
fn take_descriptor(_: &mut Host, _: i32) -> Outcome {
    Err(Error::Unsupported.into())
}

#[cfg(unix)]
fn adopt(given: &Given, host: &mut Host, fd: i32, (prefix, peer): Before) -> Outcome {
    let borrowed = given.descriptor(fd, "fd")?;
    host.broker.adopt_borrowed(borrowed, prefix, peer).map_err(|error| named(error, fd))?;
    // The broker has one of its own.
    given.close(fd);
    Ok(())
}

#[cfg(unix)]
fn adopt_there(given: &Given, remote: &Remote, fd: i32, (prefix, peer): Before) -> Outcome {
    let borrowed = given.descriptor(fd, "fd")?;
    remote.adopt_borrowed(borrowed, prefix, peer).map_err(|error| named(error, fd))?;
    given.close(fd);
    Ok(())
}

#[cfg(unix)]
fn named(error: std::io::Error, fd: i32) -> Fault {
    Fault::from(crate::net::ListenError::name(format_args!("descriptor {fd}"), error))
}

#[cfg(not(unix))]
fn adopt(_: &Given, _: &mut Host, _: i32, _: Before) -> Outcome {
    Err(Error::Unsupported.into())
}

#[cfg(not(unix))]
fn adopt_there(_: &Given, _: &Remote, _: i32, _: Before) -> Outcome {
    Err(Error::Unsupported.into())
}

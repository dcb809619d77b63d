//! Where a broker listens, in C. It must not decide what a descriptor is.

use super::broker::{Host, roomcast_broker};
use super::given::Given;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::errors::Error;
use crate::net::ListenOptions;
use std::ffi::c_char;

const FLAGS: u32 = ROOMCAST_LISTEN_V6_ONLY
    | ROOMCAST_LISTEN_BOTH
    | ROOMCAST_LISTEN_REUSE_PORT
    | ROOMCAST_LISTEN_ONE_ACCEPTOR
    | ROOMCAST_LISTEN_KEEP_STALE
    | ROOMCAST_LISTEN_PROXY_PROTOCOL;

pub(super) fn options(given: &Given, options: *const roomcast_listen_options) -> Outcome<ListenOptions> {
    let preset = ListenOptions::default();
    if options.is_null() {
        return Ok(preset);
    }
    let asked = given.sized(options, "options")?;
    let has = |flag| asked.flags & flag != 0;
    if asked.flags & !FLAGS != 0 || (has(ROOMCAST_LISTEN_V6_ONLY) && has(ROOMCAST_LISTEN_BOTH)) {
        return Err(Fault::value("options.flags", FLAGS_TAKEN));
    }
    if asked.mode > 0o777 {
        return Err(Fault::value("options.mode", "it is 0 to 0777"));
    }
    Ok(ListenOptions {
        backlog: if asked.backlog == 0 { preset.backlog } else { asked.backlog },
        v6_only: (has(ROOMCAST_LISTEN_V6_ONLY) || has(ROOMCAST_LISTEN_BOTH))
            .then(|| has(ROOMCAST_LISTEN_V6_ONLY)),
        reuse_port: has(ROOMCAST_LISTEN_REUSE_PORT),
        one_acceptor: has(ROOMCAST_LISTEN_ONE_ACCEPTOR),
        mode: (asked.mode != 0).then_some(asked.mode),
        replace_stale: !has(ROOMCAST_LISTEN_KEEP_STALE),
        proxy_protocol: has(ROOMCAST_LISTEN_PROXY_PROTOCOL),
        ..preset
    })
}

const FLAGS_TAKEN: &str = "they are ROOMCAST_LISTEN_ flags, and not V6_ONLY and BOTH at once";

/// Listens on an address and a port, for example "127.0.0.1" and 3000, or "::" for all; a name is resolved. Port 0 takes a
/// free one. May be called for several addresses.
///
/// `bound` may be NULL; it is set to the port it got.
///
/// Errors: ROOMCAST_ERROR_BAD_ADDRESS, ROOMCAST_ERROR_BAD_UTF8, and those of the system, for example that the address is in
/// use; the last error names it.
/// Ownership: the text is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_listen(
    broker: *mut roomcast_broker,
    host: *const c_char,
    host_len: usize,
    port: u16,
    bound: *mut u16,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body =
        |state: &mut Host| listen(&given, state, (host, host_len, port), &ListenOptions::default(), bound);
    given.host(broker, "roomcast_listen", body)
}

/// Listens on an address and a port as roomcast_listen does, with options. NULL is all defaults.
///
/// Errors: as those of roomcast_listen, ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE for flags that do not exist or
/// exclude each other, and ROOMCAST_ERROR_UNSUPPORTED for what the system does not have.
/// Ownership: text and options are copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_listen_with(
    broker: *mut roomcast_broker,
    host: *const c_char,
    host_len: usize,
    port: u16,
    options: *const roomcast_listen_options,
    bound: *mut u16,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |state: &mut Host| {
        let options = self::options(&given, options)?;
        listen(&given, state, (host, host_len, port), &options, bound)
    };
    given.host(broker, "roomcast_listen_with", body)
}

fn listen(
    given: &Given,
    state: &mut Host,
    (host, host_len, port): (*const c_char, usize, u16),
    options: &ListenOptions,
    bound: *mut u16,
) -> Outcome {
    let bound = given.nullable(bound, "bound")?;
    let host = given.text(host, host_len, "host")?;
    if host.is_empty() {
        return Err(Fault::of(Error::BadAddress, "host"));
    }
    let address =
        state.broker.listen_with((host, port), options).map_err(|error| Fault::from(error).about(host))?;
    bound.set(address.port());
    Ok(())
}

/// Listens on a Unix socket: for a proxy on the same machine, or for other local programs. On Linux a path that begins with
/// a NUL is an abstract name, which has no file. `options` may be NULL: all defaults.
///
/// A socket of this path on which nobody listens any more is replaced, unless ROOMCAST_LISTEN_KEEP_STALE is set; anything else
/// at the path stays, and is an error. The file is removed when the broker closes or is freed, if it is still its own. Of two
/// brokers that begin to listen on one path in the same moment one is refused: a file ".lock" is beside it meanwhile.
///
/// The peers have no address: as text they are "unix:". Name "unix:" in trusted_proxies if a proxy comes over it and limits go
/// by address.
///
/// Errors: ROOMCAST_ERROR_BAD_ADDRESS for a path that is empty, too long (107 bytes on Linux) or has a NUL elsewhere,
/// ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE, ROOMCAST_ERROR_UNSUPPORTED on Windows, and those of the system, for example
/// that somebody listens there; the last error names the path.
/// Ownership: path and options are copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_listen_unix(
    broker: *mut roomcast_broker,
    path: *const c_char,
    path_len: usize,
    options: *const roomcast_listen_options,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |state: &mut Host| {
        let options = self::options(&given, options)?;
        let path = given.list(path.cast::<u8>(), path_len, "path")?;
        listen_unix(state, path, &options)
    };
    given.host(broker, "roomcast_listen_unix", body)
}

#[cfg(unix)]
fn listen_unix(state: &mut Host, path: &[u8], options: &ListenOptions) -> Outcome {
    let path = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path);
    Ok(state.broker.listen_unix(path, options)?)
}

#[cfg(not(unix))]
fn listen_unix(_: &mut Host, _: &[u8], _: &ListenOptions) -> Outcome {
    Err(Error::Unsupported.into())
}

/// Goes on with a stream socket that listens already, of TCP or a Unix socket: one that systemd made, or that was inherited.
/// It is made non-blocking, and closed when another program is executed. A Unix socket's file stays when the broker closes.
///
/// What systemd hands over begins with descriptor 3, if LISTEN_PID is this process' number, and there are LISTEN_FDS of
/// them.
///
/// Errors: ROOMCAST_ERROR_BAD_VALUE for a negative number, ROOMCAST_ERROR_BAD_ADDRESS for what does not listen or is no stream,
/// ROOMCAST_ERROR_UNSUPPORTED on Windows, and those of the system; the last error names the descriptor.
/// Ownership: on success the descriptor is the broker's, which closes it; on failure it stays the caller's.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_listen_fd(broker: *mut roomcast_broker, fd: i32) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |state: &mut Host| listen_fd(&given, state, fd, &ListenOptions::default());
    given.host(broker, "roomcast_listen_fd", body)
}

/// Goes on with a socket that listens already as roomcast_listen_fd does, with options; NULL is all defaults. Those that come before
/// a socket listens have no effect any more, which leaves ROOMCAST_LISTEN_PROXY_PROTOCOL.
///
/// Errors: as those of roomcast_listen_fd, ROOMCAST_ERROR_BAD_SIZE, and ROOMCAST_ERROR_BAD_VALUE for flags that do not exist or
/// exclude each other.
/// Ownership: as roomcast_listen_fd; the options are copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_listen_fd_with(
    broker: *mut roomcast_broker,
    fd: i32,
    options: *const roomcast_listen_options,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |state: &mut Host| {
        let options = self::options(&given, options)?;
        listen_fd(&given, state, fd, &options)
    };
    given.host(broker, "roomcast_listen_fd_with", body)
}

/// Accepts nobody any more. Whoever is connected stays, and is answered as before; the broker may listen again. For a process that
/// another one replaces: with roomcast_listen_fd both have one socket, and once the new one accepts, the old one stops, and lets
/// its clients go by roomcast_drain. So nobody new comes to the one that takes nobody in.
///
/// Clients that the system has connected, and that were not accepted yet, wait for whoever else has the socket; where nobody has,
/// they are reset. A Unix socket's file is removed if it is the broker's own.
///
/// Errors: those of the system.
/// Ownership: descriptors given to roomcast_listen_fd are closed.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_stop_listening(broker: *mut roomcast_broker) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    given.host(broker, "roomcast_stop_listening", |state| Ok(state.broker.stop_listening()?))
}

#[cfg(unix)]
fn listen_fd(given: &Given, state: &mut Host, fd: i32, options: &ListenOptions) -> Outcome {
    state.broker.listen_borrowed(given.descriptor(fd, "fd")?, options)?;
    // The broker has one of its own.
    given.close(fd);
    Ok(())
}

#[cfg(not(unix))]
fn listen_fd(_: &Given, _: &mut Host, _: i32, _: &ListenOptions) -> Outcome {
    Err(Error::Unsupported.into())
}

//! A broker's life in C: configuration, creation, the loop, the end. It must not hold state that the broker has.

use super::config::{configure, defaults, pairs, roomcast_config};
use super::convert::terminated;
use super::frozen::Grows;
use super::given::Given;
use super::guard::{Exclusive, Fault, Object, Outcome, unguarded, with_last_error};
use super::log;
use super::operate::Figures;
use super::pack::Packed;
use super::query::Answers;
use super::types::*;
use crate::base::errors::Error;
use crate::broker::Resource;
use crate::host::events::Events;
use crate::host::log::Level;
use crate::host::reason::Reason;
use crate::net::Broker;
use std::ffi::{c_char, c_void};
use std::fmt;
use std::time::Duration;

/// A Socket.IO server inside your program.
///
/// It belongs to one thread at a time: any thread may use it, but not two at once, which gets ROOMCAST_ERROR_BUSY. A
/// roomcast_remote is for all other threads.
pub struct roomcast_broker(Exclusive<Host>);

/// A broker and what its C host has been lent.
pub(super) struct Host {
    pub(super) broker: Broker,
    /// The batch of the last poll.
    pub(super) events: Events,
    /// How many of them the host has drained.
    pub(super) drained: usize,
    /// What the structs of the drained events point to: the attachments and rooms of all of them.
    pub(super) parts: Vec<roomcast_slice>,
    /// Whether `parts` is that of this batch.
    pub(super) parts_ready: bool,
    /// How many of these belong to drained events.
    pub(super) parts_drained: usize,
    /// The descriptor of this batch to look at first: they are mostly taken in their order.
    pub(super) descriptor: usize,
    pub(super) packed: Packed,
    pub(super) answers: Answers,
    pub(super) figures: Figures,
}

impl Object for Host {
    const NAME: &'static str = "broker";

    fn log(&mut self, level: Level, text: fmt::Arguments<'_>) {
        self.broker.log(level, text);
    }

    fn check(&self) -> Result<(), Error> {
        self.broker.check_process()
    }

    fn bug(&self) -> Option<&str> {
        self.broker.bug()
    }
}

impl Host {
    /// Enters a broker.
    ///
    /// # Safety
    /// `broker` is NULL, or comes from `roomcast_new` and was not freed.
    pub(super) unsafe fn enter(
        broker: *const roomcast_broker,
        call: &'static str,
        body: impl FnOnce(&mut Host) -> Outcome,
    ) -> roomcast_status {
        // SAFETY: what the caller promises.
        Exclusive::enter(unsafe { broker.as_ref() }.map(|broker| &broker.0), call, body)
    }

    /// Fetches a new batch, unless the last one still has events for the host.
    fn fetch(&mut self) {
        if self.drained < self.events.len() {
            return;
        }
        self.drained = 0;
        self.parts_ready = false;
        self.parts_drained = 0;
        self.descriptor = 0;
        self.broker.take_events(&mut self.events);
    }

    /// The host has events to drain.
    fn has_events(&self) -> bool {
        self.drained < self.events.len()
    }
}

/// Returns the version of the interface that this library has: ROOMCAST_ABI_VERSION of its own header.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn roomcast_abi_version() -> u32 {
    ROOMCAST_ABI_VERSION
}

/// Returns the version of the library, for example "0.1.0".
///
/// Ownership: the text ends in a NUL and lives as long as the library is loaded.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn roomcast_version() -> *const c_char {
    terminated(concat!(env!("CARGO_PKG_VERSION"), "\0"))
}

/// Returns one sentence about a status, for a person. roomcast_last_error says more.
///
/// Ownership: the text ends in a NUL and lives as long as the library is loaded.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn roomcast_status_text(status: roomcast_status) -> *const c_char {
    if status == ROOMCAST_OK {
        return terminated("no error\0");
    }
    if status <= ROOMCAST_ERROR_SYSTEM {
        return terminated("the operating system refused; roomcast_last_error has its text\0");
    }
    match Error::ALL.iter().find(|error| error.code() == status) {
        Some(error) => terminated(error.text_with_nul()),
        None => terminated("an error that this version does not know\0"),
    }
}

/// Writes the text of the last error that a call on this thread returned to `out`: the call, the argument and what is wrong
/// with it. Ends it with a NUL and cuts it to fit into `cap` bytes. Returns the bytes of the whole text without its NUL;
/// 0 if no call has failed on this thread. A call that succeeds does not change it.
///
/// Ownership: `out` is the caller's; it may be NULL if `cap` is 0.
/// Threads: any; each has its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_last_error(out: *mut c_char, cap: usize) -> usize {
    with_last_error(|text| {
        if cap > 0 && !out.is_null() {
            let fits = text.len().min(cap - 1);
            let out = out.cast::<u8>();
            // SAFETY: the caller promises `cap` bytes, and `fits` is less; the text is ours.
            unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), out, fits) };
            // SAFETY: as above.
            let end = unsafe { out.add(fits) };
            // SAFETY: as above.
            unsafe { end.write(0) };
        }
        text.len()
    })
}

/// Returns a reason as Socket.IO spells it, for example "transport close"; "unknown" for a number that is none.
///
/// Ownership: the text ends in a NUL and lives as long as the library is loaded.
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn roomcast_reason_text(reason: u32) -> *const c_char {
    let known = (reason as usize).checked_sub(1).and_then(|at| Reason::ALL.get(at));
    terminated(known.map_or("unknown\0", |reason| reason.text_with_nul()))
}

/// Fills a configuration with the defaults.
///
/// `size` is sizeof(roomcast_config). It becomes the `struct_size`, and no more than that is written.
///
/// Errors: ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE.
/// Ownership: the texts it points to are the library's, for as long as it is loaded.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_config_init(config: *mut roomcast_config, size: usize) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    unguarded("roomcast_config_init", || {
        if config.is_null() {
            return Err(Fault::of(Error::Null, "config"));
        }
        let whole = u32::try_from(size).ok().filter(|_| size >= roomcast_config::FROZEN);
        let struct_size = whole.ok_or(Fault::of(Error::BadSize, "size"))?;
        given.write_nth(config, 0, size, &roomcast_config { struct_size, ..defaults() });
        Ok(())
    })
}

/// Makes a broker that listens nowhere yet.
///
/// `abi_version` is ROOMCAST_ABI_VERSION. `config` may be NULL: all defaults.
///
/// Errors: ROOMCAST_ERROR_ABI_VERSION, ROOMCAST_ERROR_NULL (`broker`), ROOMCAST_ERROR_BAD_SIZE, ROOMCAST_ERROR_BAD_VALUE,
/// ROOMCAST_ERROR_BAD_UTF8, ROOMCAST_ERROR_BAD_CONFIG (the last error names the field and what it takes), and those of the system when it has
/// no descriptors left.
/// Ownership: the caller frees the broker by roomcast_free; on failure there is nothing to free. `config` is copied.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_new(
    abi_version: u32,
    config: *const roomcast_config,
    broker: *mut *mut roomcast_broker,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    unguarded("roomcast_new", || {
        if abi_version != ROOMCAST_ABI_VERSION {
            return Err(Fault::of(Error::AbiVersion, "abi_version"));
        }
        let out = given.out(broker, "broker")?;
        let asked = if config.is_null() { defaults() } else { given.sized(config, "config")? };
        let mut made = Broker::new(configure(&given, &asked)?)?;
        log::attach(&asked, &mut made)?;
        let host = Host {
            broker: made,
            events: Events::new(),
            drained: 0,
            parts: Vec::new(),
            parts_ready: false,
            parts_drained: 0,
            descriptor: 0,
            packed: Packed::default(),
            answers: Answers::default(),
            figures: Figures::default(),
        };
        out.set(Box::into_raw(Box::new(roomcast_broker(Exclusive::new(host)))));
        Ok(())
    })
}

/// Frees a broker and closes its connections at once; roomcast_close comes before it where clients are to be told. NULL is
/// allowed. If another call on the broker is running, nothing is freed and the last error says so.
///
/// It returns, too, in the child of a fork, where nothing is closed but the child's own descriptors, and if all descriptors were
/// closed behind it, as a daemon does: then loops that wait stay behind, asleep.
///
/// Ownership: the broker, and everything it has lent, is gone. Its remotes stay valid, and are freed by their owners.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_free(broker: *mut roomcast_broker) {
    // SAFETY: what the caller promises.
    unsafe { Exclusive::free(broker, |broker| &broker.0, "roomcast_free") }
}

/// One turn of the loop: sends what is due, waits for something to happen, reads, runs timers, sends again. What happened
/// is then to be had from roomcast_events or roomcast_events_packed.
///
/// `timeout_ms` is the longest wait in milliseconds: 0 returns at once, as a game loop wants it; -1 waits as long as it
/// takes. While events of an earlier turn are left undrained the call does not wait and fetches no new ones: they stay where
/// they are, and when max_events or max_event_bytes wait behind them, the broker stops reading. Nothing is lost.
///
/// Errors: those of the system; a peer can cause none. A signal ends the wait early and is no error. With loops,
/// ROOMCAST_ERROR_PANIC when one of their threads has ended in a bug of the library: the last error has its text.
/// Ownership: what earlier events point to is gone, unless some were left undrained.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_poll(broker: *mut roomcast_broker, timeout_ms: i32) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let timeout = match timeout_ms {
            _ if host.has_events() => Some(Duration::ZERO),
            milliseconds => u64::try_from(milliseconds).ok().map(Duration::from_millis),
        };
        host.broker.turn(timeout, host.has_events())?;
        host.fetch();
        Ok(())
    };
    given.host(broker, "roomcast_poll", body)
}

/// Sends what was emitted since the last poll or flush, now. A game server calls it once at the end of each tick.
///
/// Much for many goes out in parts: past about 8 MiB of one call, connections that have 16 KiB or more to get are put off, and
/// the next polls and flushes serve them in their order, with reading and timers in between. While somebody is put off,
/// roomcast_poll does not wait, and roomcast_next_timeout is 0. What was put off counts as queued (roomcast_queued_bytes), and as
/// earlier output for ROOMCAST_VOLATILE; nobody is closed and nothing else is dropped for it: past max_backlog it is sent at once.
///
/// Errors: none of its own.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_flush(broker: *mut roomcast_broker) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        host.broker.flush();
        Ok(())
    };
    given.host(broker, "roomcast_flush", body)
}

/// Gives a descriptor for your own loop (epoll, poll, libuv, GLib, asyncio): it is readable as long as roomcast_poll has
/// something to do. Together with it ask roomcast_next_timeout before every wait: it makes the descriptor readable for events
/// that are left undrained. Windows has none: there a thread waits in roomcast_poll and sets an event, for which your loop waits, as
/// examples/windows/pump.c does.
///
/// Errors: ROOMCAST_ERROR_UNSUPPORTED on Windows, and wherever else there is neither epoll nor kqueue.
/// Ownership: the broker's: watch it, never read, write or close it. It stays the same until roomcast_free.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_fd(broker: *mut roomcast_broker, fd: *mut i32) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(fd, "fd")?;
        out.set(host.broker.descriptor().ok_or(Error::Unsupported)?);
        if host.has_events() {
            host.broker.arm();
        }
        Ok(())
    };
    given.host(broker, "roomcast_fd", body)
}

/// Gives the milliseconds after which roomcast_poll is due although the descriptor is silent: 0 while work or events are
/// left, -1 if it can wait for as long as it likes. Ask before every wait: a call may have made it shorter.
///
/// Ask when what you drained is handled. As roomcast_poll, this tells the broker so, which then lets connections go whose clients have
/// ended their side behind what they said.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_next_timeout(
    broker: *mut roomcast_broker,
    timeout_ms: *mut i32,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(timeout_ms, "timeout_ms")?;
        // Asked in any case: the broker's clock counts the time that a host sleeps as told.
        let next = host.broker.due(host.has_events());
        out.set(match next {
            _ if host.has_events() => {
                host.broker.arm();
                0
            }
            // Rounded up: a loop that wakes too early has nothing to do, and spins until it is time.
            Some(time) => i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
            None => -1,
        });
        Ok(())
    };
    given.host(broker, "roomcast_next_timeout", body)
}

/// Ends all connections in good order and stops listening: sockets are disconnected with ROOMCAST_REASON_SERVER_SHUTTING_DOWN,
/// what is queued goes out, for at most `grace_ms` milliseconds. Drain the events before and after it. The broker may listen
/// again afterwards. A client that waits for an answer of the host's does not get it any more: roomcast_drain first lets clients go
/// with all they were owed. A handshake that is not decided is answered with 503 and Retry-After.
///
/// Errors: those of the system.
/// Ownership: as roomcast_poll.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_close(broker: *mut roomcast_broker, grace_ms: u32) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        host.broker.wind_down(Duration::from_millis(grace_ms.into()))?;
        host.fetch();
        if host.has_events() {
            host.broker.arm();
        }
        Ok(())
    };
    given.host(broker, "roomcast_close", body)
}

/// Answers GET and HEAD requests for exactly this path with a response held in memory, for example a page. A second call
/// replaces the first.
///
/// What lies under the Socket.IO path is served as well, such as the client's bundle at "/socket.io/socket.io.js", and then with the
/// headers that the endpoint's answers have.
/// Clients ask again for what they have kept: an answer has an ETag made of its body, unless `headers` have one, and who shows that it has
/// it (If-None-Match) gets 304 and no body. Ranges are not served.
///
/// `headers` are further headers, `header_count` of them, such as Cache-Control.
///
/// Errors: ROOMCAST_ERROR_BAD_PATH if it does not begin with a slash or is the Socket.IO path itself,
/// ROOMCAST_ERROR_BAD_VALUE for a header that cannot be sent, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_UTF8.
/// Ownership: everything is copied.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_serve(
    broker: *mut roomcast_broker,
    path: *const c_char,
    path_len: usize,
    content_type: *const c_char,
    content_type_len: usize,
    body: *const c_void,
    body_len: usize,
    headers: *const roomcast_pair,
    header_count: usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let serve = |host: &mut Host| {
        let path = given.text(path, path_len, "path")?;
        let content_type = given.text(content_type, content_type_len, "content_type")?;
        let body = given.list(body.cast::<u8>(), body_len, "body")?;
        let headers = pairs(&given, headers, header_count, "headers")?;
        host.broker.serve(path, Resource { headers, ..Resource::new(content_type, body) })?;
        Ok(())
    };
    given.host(broker, "roomcast_serve", serve)
}

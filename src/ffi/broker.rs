//! A broker's life in C: configuration, creation, the loop, the end. It must not hold state that the broker has.

use super::calm::Figures;
use super::convert::{Out, flag, list, sized, terminated, text, write_prefix};
use super::frozen::Grows;
use super::guard::{Door, Fault, Inside, Outcome, unguarded, with_last_error};
use super::log;
use super::pack::Packed;
use super::query::Answers;
use super::types::*;
use crate::base::errors::Error;
use crate::base::limits::{Limits, fields as limit};
use crate::base::open::Open;
use crate::base::unfit::Field;
use crate::broker::Resource;
use crate::broker::config::{Config, Cookie, IdGenerator, fields};
use crate::broker::events::Events;
use crate::broker::log::Level;
use crate::net::Broker;
use crate::session::reason::Reason;
use crate::wire::cors::{Cors, Origin};
use std::ffi::{c_char, c_void};
use std::fmt;
use std::time::Duration;

/// A Socket.IO server inside your program.
///
/// It belongs to one thread at a time: any thread may use it, but not two at once, which gets ROOMCAST_ERROR_BUSY. A
/// roomcast_remote is for all other threads.
pub struct roomcast_broker(Door<Host>);

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
    pub(super) packed: Packed,
    pub(super) answers: Answers,
    pub(super) figures: Figures,
}

impl Inside for Host {
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
        Door::enter(unsafe { broker.as_ref() }.map(|broker| &broker.0), call, body)
    }

    /// Fetches a new batch, unless the last one still has events for the host.
    fn fetch(&mut self) {
        if self.drained < self.events.len() {
            return;
        }
        self.drained = 0;
        self.parts_ready = false;
        self.parts_drained = 0;
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
    unguarded("roomcast_config_init", || {
        if config.is_null() {
            return Err(Fault::Known(Error::Null, "config"));
        }
        let whole = u32::try_from(size).ok().filter(|_| size >= roomcast_config::FROZEN);
        let struct_size = whole.ok_or(Fault::Known(Error::BadSize, "size"))?;
        // SAFETY: the caller promises that many bytes.
        unsafe { write_prefix(config, size, &roomcast_config { struct_size, ..defaults() }) };
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
    unguarded("roomcast_new", || {
        if abi_version != ROOMCAST_ABI_VERSION {
            return Err(Fault::Known(Error::AbiVersion, "abi_version"));
        }
        // SAFETY: what the caller promises, here and below.
        let out = unsafe { Out::new(broker, "broker") }?;
        let given = if config.is_null() {
            defaults()
        } else {
            // SAFETY: as above.
            unsafe { sized(config, "config") }?
        };
        // SAFETY: as above.
        let config = unsafe { configure(&given) }?;
        let mut made = Broker::new(config)?;
        log::attach(&given, &mut made)?;
        let host = Host {
            broker: made,
            events: Events::new(),
            drained: 0,
            parts: Vec::new(),
            parts_ready: false,
            parts_drained: 0,
            packed: Packed::default(),
            answers: Answers::default(),
            figures: Figures::default(),
        };
        out.set(Box::into_raw(Box::new(roomcast_broker(Door::new(host)))));
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
    unsafe { Door::free(broker, |broker| &broker.0, "roomcast_free") }
}

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
    let body = |state: &mut Host| {
        // SAFETY: what the caller promises, here and below.
        let bound = unsafe { Out::nullable(bound, "bound") }?;
        // SAFETY: as above.
        let host = unsafe { text(host, host_len, "host") }?;
        if host.is_empty() {
            return Err(Fault::Known(Error::BadAddress, "host"));
        }
        let address = state.broker.listen((host, port)).map_err(|error| Fault::from(error).about(host))?;
        bound.set(address.port());
        Ok(())
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_listen", body) }
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
    let body = |host: &mut Host| {
        let timeout = match timeout_ms {
            _ if host.has_events() => Some(Duration::ZERO),
            milliseconds => u64::try_from(milliseconds).ok().map(Duration::from_millis),
        };
        host.broker.turn(timeout)?;
        host.fetch();
        Ok(())
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_poll", body) }
}

/// Sends what was emitted since the last poll or flush, now. A game server calls it once at the end of each tick.
///
/// Errors: none of its own.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_flush(broker: *mut roomcast_broker) -> roomcast_status {
    let body = |host: &mut Host| {
        host.broker.flush();
        Ok(())
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_flush", body) }
}

/// Gives a descriptor for your own loop (epoll, poll, libuv, GLib, asyncio): it is readable as long as roomcast_poll has
/// something to do. Together with it ask roomcast_next_timeout before every wait: it makes the descriptor readable for events
/// that are left undrained.
///
/// Errors: ROOMCAST_ERROR_UNSUPPORTED on Windows, and wherever else there is neither epoll nor kqueue.
/// Ownership: the broker's: watch it, never read, write or close it. It stays the same until roomcast_free.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_fd(broker: *mut roomcast_broker, fd: *mut i32) -> roomcast_status {
    let body = |host: &mut Host| {
        // SAFETY: what the caller promises.
        let out = unsafe { Out::new(fd, "fd") }?;
        out.set(host.broker.descriptor().ok_or(Error::Unsupported)?);
        if host.has_events() {
            host.broker.arm();
        }
        Ok(())
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_fd", body) }
}

/// Gives the milliseconds after which roomcast_poll is due although the descriptor is silent: 0 while work or events are
/// left, -1 if it can wait for as long as it likes. Ask before every wait: a call may have made it shorter.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: nothing changes hands.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_next_timeout(
    broker: *mut roomcast_broker,
    timeout_ms: *mut i32,
) -> roomcast_status {
    let body = |host: &mut Host| {
        // SAFETY: what the caller promises.
        let out = unsafe { Out::new(timeout_ms, "timeout_ms") }?;
        // Asked in any case: the broker's clock counts the time that a host sleeps as told.
        let next = host.broker.next_timeout();
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
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_next_timeout", body) }
}

/// Ends all connections in good order and stops listening: sockets are disconnected with ROOMCAST_REASON_SERVER_SHUTTING_DOWN,
/// what is queued goes out, for at most `grace_ms` milliseconds. Drain the events before and after it. The broker may listen
/// again afterwards.
///
/// Errors: those of the system.
/// Ownership: as roomcast_poll.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_close(broker: *mut roomcast_broker, grace_ms: u32) -> roomcast_status {
    let body = |host: &mut Host| {
        host.broker.wind_down(Duration::from_millis(grace_ms.into()))?;
        host.fetch();
        if host.has_events() {
            host.broker.arm();
        }
        Ok(())
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_close", body) }
}

/// Answers GET and HEAD requests for exactly this path with a response held in memory, for example a page. A second call
/// replaces the first.
///
/// `headers` are further headers, `header_count` of them.
///
/// Errors: ROOMCAST_ERROR_BAD_PATH if it does not begin with a slash or lies under the Socket.IO path,
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
    let serve = |host: &mut Host| {
        // SAFETY: what the caller promises, here and below.
        let path = unsafe { text(path, path_len, "path") }?;
        // SAFETY: as above.
        let content_type = unsafe { text(content_type, content_type_len, "content_type") }?;
        // SAFETY: as above.
        let body = unsafe { list(body.cast::<u8>(), body_len, "body") }?;
        // SAFETY: as above.
        let headers = unsafe { pairs(headers, header_count, "headers") }?;
        host.broker.serve(path, Resource { headers, ..Resource::new(content_type, body) })?;
        Ok(())
    };
    // SAFETY: what the caller promises.
    unsafe { Host::enter(broker, "roomcast_serve", serve) }
}

/// # Safety
/// As [`list`], for the list and for each text.
unsafe fn pairs(at: *const roomcast_pair, len: usize, name: &'static str) -> Outcome<Vec<(String, String)>> {
    // SAFETY: what the caller promises, here and below.
    let pairs = unsafe { list(at, len, name) }?;
    pairs
        .iter()
        .map(|pair| {
            // SAFETY: as above.
            let key = unsafe { pair.name.text(name) }?;
            // SAFETY: as above.
            let value = unsafe { pair.value.text(name) }?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

const NOTHING: roomcast_slice = roomcast_slice { ptr: std::ptr::null(), len: 0 };

const fn fixed(text: &'static str) -> roomcast_slice {
    roomcast_slice { ptr: text.as_ptr().cast(), len: text.len() }
}

pub(super) fn defaults() -> roomcast_config {
    let Config { ping_interval, ping_timeout, upgrade_timeout, connect_timeout, limits, .. } =
        Config::default();
    roomcast_config {
        struct_size: size_of::<roomcast_config>() as u32,
        add_trailing_slash: 1,
        polling: 1,
        websocket: 1,
        allow_upgrades: 1,
        guard_handshakes: 0,
        room_events: 0,
        refusal_events: 0,
        engine_only: 0,
        quiet_descriptor: 0,
        cors: ROOMCAST_CORS_OFF,
        cors_credentials: 0,
        cors_status: 204,
        check_origin: 0,
        cors_max_age: -1,
        cors_origins: std::ptr::null(),
        cors_origin_count: 0,
        cors_methods: fixed("GET,HEAD,PUT,PATCH,POST,DELETE"),
        cors_allowed_headers: NOTHING,
        cors_exposed_headers: NOTHING,
        path: fixed("/socket.io/"),
        health_path: NOTHING,
        initial_packet: NOTHING,
        cookie_name: NOTHING,
        cookie_path: fixed("/"),
        cookie_same_site: fixed("Lax"),
        cookie_http_only: 1,
        log_level: ROOMCAST_LOG_WARN,
        log: None,
        log_data: std::ptr::null_mut(),
        id_generator: None,
        id_generator_data: std::ptr::null_mut(),
        headers: std::ptr::null(),
        header_count: 0,
        ping_interval,
        ping_timeout,
        upgrade_timeout,
        connect_timeout,
        max_payload: limits.max_payload as u64,
        max_head_bytes: limits.max_head_bytes as u64,
        max_headers: limits.max_headers as u64,
        head_timeout: limits.head_timeout,
        body_timeout: limits.body_timeout,
        answer_timeout: limits.answer_timeout,
        idle_timeout: limits.idle_timeout,
        destroy_upgrade_timeout: limits.destroy_upgrade_timeout,
        close_timeout: limits.close_timeout,
        max_fragments: limits.max_fragments.into(),
        max_attachments: limits.max_attachments.into(),
        max_json_depth: limits.max_json_depth.into(),
        max_namespace_name: limits.max_namespace_name as u64,
        max_namespaces_per_connection: limits.max_namespaces_per_connection.into(),
        max_namespaces: limits.max_namespaces.into(),
        max_room_name: limits.max_room_name as u64,
        max_rooms_per_socket: limits.max_rooms_per_socket.into(),
        max_room_bytes: limits.max_room_bytes as u64,
        max_pending_acks: limits.max_pending_acks.into(),
        max_links: limits.max_links.into(),
        max_backlog: limits.max_backlog as u64,
        max_poll_packets: limits.max_poll_packets as u64,
        max_tick_bytes: limits.max_tick_bytes as u64,
        max_event_bytes: limits.max_event_bytes as u64,
        max_events: limits.max_events as u64,
        read_budget: limits.read_budget as u64,
        accept_budget: limits.accept_budget.into(),
        remote_queue: limits.remote_queue as u64,
        step_time: limits.step_time,
        max_handshakes_per_second: limits.max_handshakes_per_second.into(),
        handshake_burst: limits.handshake_burst.into(),
        max_new_namespaces_per_minute: limits.max_new_namespaces_per_minute.into(),
        max_event_size: limits.max_event_size as u64,
        attachment_timeout: limits.attachment_timeout,
        max_connections: limits.max_connections.into(),
        max_connections_per_address: limits.max_connections_per_address.into(),
        max_handshakes_per_address: limits.max_handshakes_per_address.into(),
        trusted_proxies: std::ptr::null(),
        trusted_proxy_count: 0,
        metrics_path: NOTHING,
        loops: 0,
        cookie_secure: 0,
        cookie_partitioned: 0,
        cookie_max_age: -1,
        cookie_domain: NOTHING,
    }
}

fn number<T: TryFrom<u64>>(value: u64, field: &'static Field) -> Outcome<T> {
    T::try_from(value).map_err(|_| Error::from(field.refuses(value)).into())
}

/// # Safety
/// As [`list`], for every text and list of the configuration.
unsafe fn configure(given: &roomcast_config) -> Outcome<Config> {
    // SAFETY: what the caller promises, here and below.
    let owned = |text: roomcast_slice, name| unsafe { text.text(name) }.map(str::to_owned);
    let some =
        |text: roomcast_slice, name| owned(text, name).map(|text| Some(text).filter(|text| !text.is_empty()));
    let cookie = match some(given.cookie_name, "config.cookie_name")? {
        Some(name) => Some(Cookie {
            name,
            path: some(given.cookie_path, "config.cookie_path")?,
            http_only: flag(given.cookie_http_only, "config.cookie_http_only")?,
            same_site: some(given.cookie_same_site, "config.cookie_same_site")?,
            secure: flag(given.cookie_secure, "config.cookie_secure")?,
            max_age: u64::try_from(given.cookie_max_age).ok(),
            domain: some(given.cookie_domain, "config.cookie_domain")?,
            partitioned: flag(given.cookie_partitioned, "config.cookie_partitioned")?,
            open: Open::default(),
        }),
        None => None,
    };
    let limits = Limits {
        max_payload: number(given.max_payload, &limit::max_payload)?,
        max_head_bytes: number(given.max_head_bytes, &limit::max_head_bytes)?,
        max_headers: number(given.max_headers, &limit::max_headers)?,
        head_timeout: given.head_timeout,
        body_timeout: given.body_timeout,
        answer_timeout: given.answer_timeout,
        idle_timeout: given.idle_timeout,
        destroy_upgrade_timeout: given.destroy_upgrade_timeout,
        close_timeout: given.close_timeout,
        max_fragments: number(given.max_fragments, &limit::max_fragments)?,
        max_attachments: number(given.max_attachments, &limit::max_attachments)?,
        max_json_depth: number(given.max_json_depth, &limit::max_json_depth)?,
        max_namespace_name: number(given.max_namespace_name, &limit::max_namespace_name)?,
        max_namespaces_per_connection: number(
            given.max_namespaces_per_connection,
            &limit::max_namespaces_per_connection,
        )?,
        max_namespaces: number(given.max_namespaces, &limit::max_namespaces)?,
        max_room_name: number(given.max_room_name, &limit::max_room_name)?,
        max_rooms_per_socket: number(given.max_rooms_per_socket, &limit::max_rooms_per_socket)?,
        max_room_bytes: number(given.max_room_bytes, &limit::max_room_bytes)?,
        max_pending_acks: number(given.max_pending_acks, &limit::max_pending_acks)?,
        max_links: number(given.max_links, &limit::max_links)?,
        max_backlog: number(given.max_backlog, &limit::max_backlog)?,
        max_poll_packets: number(given.max_poll_packets, &limit::max_poll_packets)?,
        max_tick_bytes: number(given.max_tick_bytes, &limit::max_tick_bytes)?,
        max_event_bytes: number(given.max_event_bytes, &limit::max_event_bytes)?,
        max_events: number(given.max_events, &limit::max_events)?,
        read_budget: number(given.read_budget, &limit::read_budget)?,
        accept_budget: number(given.accept_budget, &limit::accept_budget)?,
        remote_queue: number(given.remote_queue, &limit::remote_queue)?,
        step_time: given.step_time,
        max_handshakes_per_second: number(
            given.max_handshakes_per_second,
            &limit::max_handshakes_per_second,
        )?,
        handshake_burst: number(given.handshake_burst, &limit::handshake_burst)?,
        max_new_namespaces_per_minute: number(
            given.max_new_namespaces_per_minute,
            &limit::max_new_namespaces_per_minute,
        )?,
        max_event_size: number(given.max_event_size, &limit::max_event_size)?,
        attachment_timeout: given.attachment_timeout,
        max_connections: number(given.max_connections, &limit::max_connections)?,
        max_connections_per_address: number(
            given.max_connections_per_address,
            &limit::max_connections_per_address,
        )?,
        max_handshakes_per_address: number(
            given.max_handshakes_per_address,
            &limit::max_handshakes_per_address,
        )?,
        open: Open::default(),
    };
    let config = Config {
        path: owned(given.path, "config.path")?,
        add_trailing_slash: flag(given.add_trailing_slash, "config.add_trailing_slash")?,
        polling: flag(given.polling, "config.polling")?,
        websocket: flag(given.websocket, "config.websocket")?,
        allow_upgrades: flag(given.allow_upgrades, "config.allow_upgrades")?,
        ping_interval: given.ping_interval,
        ping_timeout: given.ping_timeout,
        upgrade_timeout: given.upgrade_timeout,
        connect_timeout: given.connect_timeout,
        // SAFETY: as above.
        cors: unsafe { cors(given) }?,
        check_origin: flag(given.check_origin, "config.check_origin")?,
        cookie,
        // SAFETY: as above.
        headers: unsafe { pairs(given.headers, given.header_count, "config.headers") }?,
        // SAFETY: as above.
        trusted_proxies: unsafe {
            texts(given.trusted_proxies, given.trusted_proxy_count, "config.trusted_proxies")
        }?,
        initial_packet: some(given.initial_packet, "config.initial_packet")?,
        health_path: some(given.health_path, "config.health_path")?,
        metrics_path: some(given.metrics_path, "config.metrics_path")?,
        guard_handshakes: flag(given.guard_handshakes, "config.guard_handshakes")?,
        room_events: flag(given.room_events, "config.room_events")?,
        refusal_events: flag(given.refusal_events, "config.refusal_events")?,
        engine_only: flag(given.engine_only, "config.engine_only")?,
        quiet_descriptor: flag(given.quiet_descriptor, "config.quiet_descriptor")?,
        id_generator: id_generator(given),
        loops: number(given.loops, &fields::LOOPS)?,
        limits,
        open: Open::default(),
    };
    config.check()?;
    Ok(config)
}

/// # Safety
/// As [`configure`].
unsafe fn cors(given: &roomcast_config) -> Outcome<Option<Cors>> {
    // SAFETY: what the caller promises, here and below.
    let owned = |text: roomcast_slice, name| unsafe { text.text(name) }.map(str::to_owned);
    let origin = match given.cors {
        ROOMCAST_CORS_OFF => return Ok(None),
        ROOMCAST_CORS_ANY => Origin::Any,
        ROOMCAST_CORS_REFLECT => Origin::Reflect,
        ROOMCAST_CORS_LIST => {
            // SAFETY: as above.
            Origin::List(unsafe {
                texts(given.cors_origins, given.cors_origin_count, "config.cors_origins")
            }?)
        }
        _ => return Err(Fault::Known(Error::BadValue, "config.cors")),
    };
    let allowed = owned(given.cors_allowed_headers, "config.cors_allowed_headers")?;
    Ok(Some(Cors {
        origin,
        methods: owned(given.cors_methods, "config.cors_methods")?,
        allowed_headers: Some(allowed).filter(|headers| !headers.is_empty()),
        exposed_headers: owned(given.cors_exposed_headers, "config.cors_exposed_headers")?,
        credentials: flag(given.cors_credentials, "config.cors_credentials")?,
        max_age: u64::try_from(given.cors_max_age).ok(),
        options_success_status: number(given.cors_status.into(), &fields::CORS_STATUS)?,
        open: Open::default(),
    }))
}

/// # Safety
/// As [`list`], for the texts too.
unsafe fn texts(from: *const roomcast_slice, count: usize, name: &'static str) -> Outcome<Vec<String>> {
    // SAFETY: what the caller promises.
    let list = unsafe { list(from, count, name) }?;
    // SAFETY: as above.
    let owned = |text: &roomcast_slice| unsafe { text.text(name) }.map(str::to_owned);
    list.iter().map(owned).collect()
}

/// A pointer of the host's that goes with a callback.
#[derive(Clone, Copy)]
pub(super) struct HostData(pub(super) *mut c_void);

// SAFETY: the header says that a callback runs on whichever thread calls the broker, so what it points to is fit for that.
unsafe impl Send for HostData {}

fn id_generator(given: &roomcast_config) -> Option<IdGenerator> {
    /// The room for an id.
    const CAP: usize = 64;
    let generate = given.id_generator?;
    let data = HostData(given.id_generator_data);
    Some(Box::new(move || {
        let data = data;
        let mut id = [0u8; CAP];
        // SAFETY: the header tells the host what it is called with.
        let len = unsafe { generate(data.0, id.as_mut_ptr().cast(), CAP) };
        let id = id.get(..len).filter(|id| !id.is_empty())?;
        let plain = id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        plain.then(|| String::from_utf8_lossy(id).into_owned())
    }))
}

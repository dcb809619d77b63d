//! A panic under every exported function: it comes out as a number, poisons the object, and leaves it to be freed.

use super::{ask_for_panic, asked_in_vain};
use crate::ffi::broker::Host;
use crate::ffi::*;
use std::collections::BTreeSet;
use std::ffi::CStr;

/// How to reach a function's guard. Nothing behind the guard runs, so the other arguments are nothing.
enum Call {
    /// It belongs to no object.
    Alone(fn() -> roomcast_status),
    Broker(fn(*mut roomcast_broker) -> roomcast_status),
    Remote(fn(*mut roomcast_remote) -> roomcast_status),
    Router(fn(*mut roomcast_router) -> roomcast_status),
}

fn null<T>() -> *mut T {
    std::ptr::null_mut()
}

macro_rules! calls {
    ($($on:ident: $name:ident($($argument:expr),*);)*) => {
        &[$((stringify!($name), calls!(@$on $name($($argument),*))),)*]
    };
    (@Alone $name:ident($($argument:expr),*)) => {
        Call::Alone(|| {
            // SAFETY: NULL is allowed everywhere.
            unsafe { $name($($argument),*) }
        })
    };
    (@$on:ident $name:ident($($argument:expr),*)) => {
        Call::$on(|at| {
            // SAFETY: `at` is alive; NULL is allowed everywhere else.
            unsafe { $name(at, $($argument),*) }
        })
    };
}

const CALLS: &[(&str, Call)] = calls! {
    Alone: roomcast_config_init(null(), 0);
    Alone: roomcast_new(0, null(), null());
    Alone: roomcast_json_escape(null(), 0, null(), 0, null());
    Alone: roomcast_json_unescape(null(), 0, null(), 0, null());
    Broker: roomcast_listen(null(), 0, 0, null());
    Broker: roomcast_listen_with(null(), 0, 0, null(), null());
    Broker: roomcast_listen_unix(null(), 0, null());
    Broker: roomcast_listen_fd(0);
    Broker: roomcast_listen_fd_with(0, null());
    Broker: roomcast_stop_listening();
    Broker: roomcast_adopt(0, null(), 0, null(), 0);
    Broker: roomcast_adopt_request(0, null());
    Broker: roomcast_take_descriptor(0);
    Broker: roomcast_set_hand_back(0);
    Broker: roomcast_reopen();
    Remote: roomcast_remote_adopt(0, null(), 0, null(), 0);
    Remote: roomcast_remote_adopt_request(0, null());
    Broker: roomcast_listen_tls(null(), 0, 0, null(), null(), null());
    Broker: roomcast_set_tls(0, null());
    Broker: roomcast_instrument(null());
    Broker: roomcast_poll(0);
    Broker: roomcast_flush();
    Broker: roomcast_fd(null());
    Broker: roomcast_next_timeout(null());
    Broker: roomcast_close(0);
    Broker: roomcast_serve(null(), 0, null(), 0, null(), 0, null(), 0);
    Broker: roomcast_serve_encoded(null(), 0, null(), 0, null(), 0);
    Broker: roomcast_add_namespace(null(), 0, 0, null());
    Broker: roomcast_add_pattern(null(), 0, 0, 0);
    Broker: roomcast_find_namespace(null(), 0, null());
    Broker: roomcast_accept(0);
    Broker: roomcast_reject(0, null(), 0, null(), 0);
    Broker: roomcast_disconnect(0, 0);
    Broker: roomcast_allow(0);
    Broker: roomcast_refuse(0, null(), 0);
    Broker: roomcast_refuse_with(0, 400, null(), 0, null(), 0);
    Broker: roomcast_add_header(0, null(), 0, null(), 0);
    Broker: roomcast_guard_handshakes(0);
    Broker: roomcast_close_connection(0);
    Broker: roomcast_namespace_name(0, null());
    Broker: roomcast_emit(0, null(), 0, 0, null(), 0, null(), 0);
    Broker: roomcast_export_recovery(null());
    Broker: roomcast_import_recovery(null(), 0, null());
    Broker: roomcast_set_tag(0, 0);
    Broker: roomcast_get_tag(0, null());
    Broker: roomcast_emit_all(0, 0, null(), 0, null(), 0);
    Broker: roomcast_send(0, null(), 0, null(), 0);
    Broker: roomcast_emit_to(null(), null(), null());
    Broker: roomcast_emit_with_ack(null(), null(), 0, 0, null(), null());
    Broker: roomcast_ack(0, 0, null(), 0, null(), 0);
    Broker: roomcast_send_text(0, null(), 0);
    Broker: roomcast_send_binary(0, null(), 0);
    Broker: roomcast_events(null(), 0, 0, null());
    Broker: roomcast_events_packed(0, null(), null());
    Broker: roomcast_emit_packed(null(), 0, null());
    Broker: roomcast_orders_packed(null(), 0, null());
    Broker: roomcast_members(0, null(), 0, null(), null());
    Broker: roomcast_sockets_in(0, null(), null());
    Broker: roomcast_namespaces(null(), null());
    Broker: roomcast_rooms_of(0, null(), null());
    Broker: roomcast_is_member(0, null(), 0, null());
    Broker: roomcast_rooms_in(0, null(), null());
    Broker: roomcast_socket_id(0, null());
    Broker: roomcast_find_socket(null(), 0, null());
    Broker: roomcast_namespace_of(0, null());
    Broker: roomcast_connection_of(0, null());
    Broker: roomcast_queued_bytes(0, null());
    Broker: roomcast_get_handshake(0, null());
    Broker: roomcast_stats(null(), null());
    Broker: roomcast_metrics(null());
    Broker: roomcast_times(0, null());
    Broker: roomcast_drain(0, null(), 0);
    Broker: roomcast_stop_draining();
    Broker: roomcast_is_websocket(0, null());
    Broker: roomcast_is_msgpack(0, null());
    Broker: roomcast_remote_new(null());
    Remote: roomcast_remote_clone(null());
    Remote: roomcast_remote_emit(0, null(), 0, 0, null(), 0, null(), 0);
    Remote: roomcast_remote_emit_all(0, 0, null(), 0, null(), 0);
    Remote: roomcast_remote_send(0, 0, null(), 0, null(), 0);
    Remote: roomcast_remote_emit_to(null(), null());
    Remote: roomcast_remote_join(0, null(), 0);
    Remote: roomcast_remote_leave(0, null(), 0);
    Remote: roomcast_remote_change_rooms(0, null(), 0, null(), 0);
    Remote: roomcast_remote_disconnect(0, 0);
    Remote: roomcast_remote_drain(0, null(), 0);
    Remote: roomcast_remote_stop_draining();
    Remote: roomcast_remote_ack(0, 0, null(), 0, null(), 0);
    Remote: roomcast_remote_send_text(0, null(), 0);
    Remote: roomcast_remote_send_binary(0, null(), 0);
    Remote: roomcast_remote_leave_all(0);
    Remote: roomcast_remote_accept(0);
    Remote: roomcast_remote_reject(0, null(), 0, null(), 0);
    Remote: roomcast_remote_set_tag(0, 0);
    Remote: roomcast_remote_allow(0);
    Remote: roomcast_remote_refuse(0, null(), 0);
    Remote: roomcast_remote_refuse_with(0, 400, null(), 0, null(), 0);
    Remote: roomcast_remote_add_header(0, null(), 0, null(), 0);
    Remote: roomcast_remote_guard_handshakes(0);
    Remote: roomcast_remote_close_connection(0);
    Broker: roomcast_join(0, null(), 0);
    Broker: roomcast_leave(0, null(), 0);
    Broker: roomcast_leave_all(0);
    Broker: roomcast_change_rooms(0, null(), 0, null(), 0, null());
    Broker: roomcast_fetch_sockets(null(), null(), null());
    Broker: roomcast_sockets_join(null(), null(), 0, null());
    Broker: roomcast_sockets_leave(null(), null(), 0, null());
    Broker: roomcast_disconnect_sockets(null(), 0, null());
    Broker: roomcast_server_emit(0, null(), 0, null(), 0, null(), 0);
    Broker: roomcast_ask_nodes(0, null(), 0, null(), 0, null(), 0, 0, 0);
    Broker: roomcast_answer_node(0, null(), 0, null(), 0);
    Broker: roomcast_fetch_remote_sockets(null(), 0, 0);
    Broker: roomcast_count_nodes(0, 0);
    Remote: roomcast_remote_server_emit(0, null(), 0, null(), 0, null(), 0);
    Remote: roomcast_remote_ask_nodes(0, null(), 0, null(), 0, null(), 0, 0, 0);
    Remote: roomcast_remote_answer_node(0, null(), 0, null(), 0);
    Remote: roomcast_remote_fetch_remote_sockets(null(), 0, 0);
    Remote: roomcast_remote_count_nodes(0, 0);
    Remote: roomcast_remote_sockets_join(null(), null(), 0);
    Remote: roomcast_remote_sockets_leave(null(), null(), 0);
    Remote: roomcast_remote_disconnect_sockets(null(), 0);
    Alone: roomcast_router_new(0, null());
    Router: roomcast_router_add_namespace(null());
    Router: roomcast_router_remove_namespace(0);
    Router: roomcast_router_add(0, 0, 0);
    Router: roomcast_router_remove(0);
    Router: roomcast_router_join(0, null(), 0);
    Router: roomcast_router_leave(0, null(), 0);
    Router: roomcast_router_leave_all(0);
    Router: roomcast_router_change_rooms(0, null(), 0, null(), 0);
    Router: roomcast_router_emit(null(), null(), 0, null());
    Router: roomcast_router_next(null(), null(), null());
    Router: roomcast_router_take(0, null(), null());
    Router: roomcast_router_end_tick();
    Router: roomcast_router_forget(0);
    Router: roomcast_router_members(0, null(), 0, null(), null());
    Router: roomcast_router_everyone(0, null(), null());
    Router: roomcast_router_rooms_of(0, null(), null());
    Router: roomcast_router_rooms_in(0, null(), null());
    Router: roomcast_router_is_member(0, null(), 0, null());
};

/// They return nothing that could say so; the last error does.
const FREES: &[&str] = &["roomcast_free", "roomcast_remote_free", "roomcast_router_free"];

/// They look something up in a constant table, copy a text, or are for signal handlers: there is nothing that could panic, and
/// no guard.
const PLAIN: &[&str] = &[
    "roomcast_abi_version",
    "roomcast_version",
    "roomcast_status_text",
    "roomcast_reason_text",
    "roomcast_last_error",
    "roomcast_remote_wake",
];

#[test]
fn every_exported_function_is_here() {
    let exported: BTreeSet<&str> = include_str!("../../../include/roomcast.symbols").lines().collect();
    let here = CALLS.iter().map(|(name, _)| name).chain(FREES).chain(PLAIN).copied().collect();
    assert_eq!(exported, here);
}

fn broker() -> *mut roomcast_broker {
    let mut broker = null();
    // SAFETY: the place is there.
    let status = unsafe { roomcast_new(ROOMCAST_ABI_VERSION, null(), &mut broker) };
    assert_eq!(status, ROOMCAST_OK, "{}", last_error());
    broker
}

fn remote(broker: *mut roomcast_broker) -> *mut roomcast_remote {
    let mut remote = null();
    // SAFETY: the broker is alive, the place is there.
    assert_eq!(unsafe { roomcast_remote_new(broker, &mut remote) }, ROOMCAST_OK);
    remote
}

fn router() -> *mut roomcast_router {
    let mut router = null();
    // SAFETY: the place is there.
    assert_eq!(unsafe { roomcast_router_new(ROOMCAST_ABI_VERSION, &mut router) }, ROOMCAST_OK);
    router
}

fn last_error() -> String {
    let mut text = [0u8; 256];
    // SAFETY: as long as it says.
    unsafe { roomcast_last_error(text.as_mut_ptr().cast(), text.len()) };
    CStr::from_bytes_until_nul(&text).unwrap().to_str().unwrap().to_owned()
}

/// Calls with a panic inside: that is what it says, and the guard was reached.
fn panics(name: &str, call: impl FnOnce() -> roomcast_status) {
    ask_for_panic();
    assert_eq!(call(), ROOMCAST_ERROR_PANIC, "{name}");
    assert!(!asked_in_vain(), "{name}");
    assert!(last_error().starts_with(&format!("{name}: ")), "{name}: {}", last_error());
}

#[test]
fn a_panic_under_any_of_them_is_a_status_and_then_poison() {
    // Under Miri each broker takes seconds.
    for (name, call) in CALLS.iter().step_by(if cfg!(miri) { 47 } else { 1 }) {
        match call {
            Call::Alone(call) => {
                panics(name, call);
                let next = call();
                assert!(next != ROOMCAST_ERROR_POISONED && next != ROOMCAST_ERROR_PANIC, "{name}: {next}");
            }
            Call::Broker(call) => {
                let broker = broker();
                let remote = remote(broker);
                panics(name, || call(broker));
                assert_eq!(call(broker), ROOMCAST_ERROR_POISONED, "{name}");
                // SAFETY: alive until here.
                unsafe { roomcast_free(broker) };
                // SAFETY: a remote outlives its broker.
                let left = unsafe { roomcast_remote_wake(remote) };
                assert_eq!(left, ROOMCAST_ERROR_CLOSED, "{name}: not freed");
                // SAFETY: alive until here.
                unsafe { roomcast_remote_free(remote) };
            }
            Call::Remote(call) => {
                let broker = broker();
                let remote = remote(broker);
                panics(name, || call(remote));
                // It has nothing that could be half done: the others go on.
                // SAFETY: alive.
                let next = unsafe { roomcast_remote_wake(remote) };
                assert_eq!(next, ROOMCAST_OK, "{name}");
                // SAFETY: alive until here.
                unsafe { roomcast_remote_free(remote) };
                // SAFETY: alive until here.
                unsafe { roomcast_free(broker) };
            }
            Call::Router(call) => {
                let router = router();
                panics(name, || call(router));
                assert_eq!(call(router), ROOMCAST_ERROR_POISONED, "{name}");
                // SAFETY: alive until here.
                unsafe { roomcast_router_free(router) };
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "it leaks, as it says")]
fn a_panic_under_a_free_leaks_and_says_so() {
    let free = |name: &str, free: &dyn Fn()| {
        panics(name, || {
            free();
            if last_error().contains("a bug in the library") { ROOMCAST_ERROR_PANIC } else { ROOMCAST_OK }
        });
    };
    let broker = broker();
    let remote = remote(broker);
    let router = router();
    // SAFETY: alive; used no more but to see that it is locked.
    free("roomcast_free", &|| unsafe { roomcast_free(broker) });
    // SAFETY: it was not freed.
    assert_eq!(unsafe { roomcast_poll(broker, 0) }, ROOMCAST_ERROR_BUSY);
    // SAFETY: alive.
    free("roomcast_remote_free", &|| unsafe { roomcast_remote_free(remote) });
    // SAFETY: alive.
    free("roomcast_router_free", &|| unsafe { roomcast_router_free(router) });
}

/// A panic on a thread of the broker's own is the next poll's.
#[test]
#[cfg_attr(miri, ignore = "a loop's thread blocks signals, which Miri does not know")]
fn a_panic_of_a_loop_is_a_status_and_then_poison() {
    let mut config = std::mem::MaybeUninit::<roomcast_config>::uninit();
    // SAFETY: there is room for one.
    unsafe { roomcast_config_init(config.as_mut_ptr(), size_of::<roomcast_config>()) };
    // SAFETY: filled.
    let mut config = unsafe { config.assume_init() };
    config.loops = 2;
    let mut broker = null();
    // SAFETY: both are there.
    assert_eq!(unsafe { roomcast_new(ROOMCAST_ABI_VERSION, &config, &mut broker) }, ROOMCAST_OK);
    let break_loop = |host: &mut Host| {
        host.broker.break_loop("asked to, in a loop");
        Ok(())
    };
    // SAFETY: alive.
    assert_eq!(unsafe { Host::enter(broker, "break_loop", break_loop) }, ROOMCAST_OK);
    let poll = || {
        // SAFETY: alive.
        unsafe { roomcast_poll(broker, -1) }
    };
    // A signal may end a wait early.
    let status = std::iter::repeat_with(poll).find(|&status| status != ROOMCAST_OK);
    assert_eq!(status, Some(ROOMCAST_ERROR_PANIC), "{}", last_error());
    assert!(last_error().contains("asked to, in a loop"), "{}", last_error());
    assert_eq!(poll(), ROOMCAST_ERROR_POISONED);
    // SAFETY: alive until here.
    unsafe { roomcast_free(broker) };
}

/// The host's log hears of it, with the text of the panic.
#[test]
fn a_panic_is_logged() {
    unsafe extern "C" fn log(
        data: *mut std::ffi::c_void,
        level: u32,
        text: *const std::ffi::c_char,
        len: usize,
    ) {
        // SAFETY: the test passes a vector, which is not used elsewhere meanwhile.
        let lines = unsafe { &mut *data.cast::<Vec<(u32, String)>>() };
        // SAFETY: what the header promises.
        let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) };
        lines.push((level, String::from_utf8(text.to_vec()).unwrap()));
    }
    let mut lines: Vec<(u32, String)> = Vec::new();
    let mut config = std::mem::MaybeUninit::<roomcast_config>::uninit();
    // SAFETY: there is room for one.
    unsafe { roomcast_config_init(config.as_mut_ptr(), size_of::<roomcast_config>()) };
    // SAFETY: filled.
    let mut config = unsafe { config.assume_init() };
    config.log = Some(log);
    config.log_data = (&raw mut lines).cast();
    let mut broker = null();
    // SAFETY: both are there.
    assert_eq!(unsafe { roomcast_new(ROOMCAST_ABI_VERSION, &config, &mut broker) }, ROOMCAST_OK);
    // SAFETY: alive.
    panics("roomcast_flush", || unsafe { roomcast_flush(broker) });
    // SAFETY: alive until here.
    unsafe { roomcast_free(broker) };
    assert_eq!(lines, [(ROOMCAST_LOG_ERROR, "roomcast_flush: panic: asked to".to_owned())]);
}

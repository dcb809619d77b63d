//! The configuration as C has it: its defaults, and what a broker is made from. It must not decide what a value may be.

use super::convert::flag;
use super::given::Given;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::errors::Error;
use crate::base::limits::{Limits, fields as limit, limits};
use crate::base::open::Open;
use crate::base::unfit::Field;
use crate::host::config::{Config, Cookie, IdGenerator, fields};
use crate::wire::cors::{Cors, Origin};
use std::ffi::c_void;

/// Names and values, copied.
pub(super) fn pairs(
    given: &Given,
    at: *const roomcast_pair,
    len: usize,
    name: &'static str,
) -> Outcome<Vec<(String, String)>> {
    let owned = |text| given.piece(text, name).map(str::to_owned);
    given.list(at, len, name)?.iter().map(|pair| Ok((owned(pair.name)?, owned(pair.value)?))).collect()
}

const NOTHING: roomcast_slice = roomcast_slice { ptr: std::ptr::null(), len: 0 };

const fn fixed(text: &'static str) -> roomcast_slice {
    roomcast_slice { ptr: text.as_ptr().cast(), len: text.len() }
}

/// What is made from the table of limits.
macro_rules! with_limits {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:expr, $min:expr $(, $max:expr)?;)*) => {
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
                $($name: limits.$name as u64,)*
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

        /// The limits that a caller asks for.
        fn asked_limits(asked: &roomcast_config) -> Outcome<Limits> {
            Ok(Limits { $($name: number(asked.$name, &limit::$name)?,)* open: Open::default() })
        }
    };
}

limits!(with_limits);

fn number<T: TryFrom<u64>>(value: u64, field: &'static Field) -> Outcome<T> {
    T::try_from(value).map_err(|_| Error::from(field.refuses(value)).into())
}

/// The configuration of a broker that a caller asks for.
pub(super) fn configure(given: &Given, asked: &roomcast_config) -> Outcome<Config> {
    let owned = |text, name| given.piece(text, name).map(str::to_owned);
    let some =
        |text: roomcast_slice, name| owned(text, name).map(|text| Some(text).filter(|text| !text.is_empty()));
    let cookie = match some(asked.cookie_name, "config.cookie_name")? {
        Some(name) => Some(Cookie {
            name,
            path: some(asked.cookie_path, "config.cookie_path")?,
            http_only: flag(asked.cookie_http_only, "config.cookie_http_only")?,
            same_site: some(asked.cookie_same_site, "config.cookie_same_site")?,
            secure: flag(asked.cookie_secure, "config.cookie_secure")?,
            max_age: u64::try_from(asked.cookie_max_age).ok(),
            domain: some(asked.cookie_domain, "config.cookie_domain")?,
            partitioned: flag(asked.cookie_partitioned, "config.cookie_partitioned")?,
            open: Open::default(),
        }),
        None => None,
    };
    let config = Config {
        path: owned(asked.path, "config.path")?,
        add_trailing_slash: flag(asked.add_trailing_slash, "config.add_trailing_slash")?,
        polling: flag(asked.polling, "config.polling")?,
        websocket: flag(asked.websocket, "config.websocket")?,
        allow_upgrades: flag(asked.allow_upgrades, "config.allow_upgrades")?,
        ping_interval: asked.ping_interval,
        ping_timeout: asked.ping_timeout,
        upgrade_timeout: asked.upgrade_timeout,
        connect_timeout: asked.connect_timeout,
        cors: cors(given, asked)?,
        check_origin: flag(asked.check_origin, "config.check_origin")?,
        cookie,
        headers: pairs(given, asked.headers, asked.header_count, "config.headers")?,
        trusted_proxies: texts(
            given,
            asked.trusted_proxies,
            asked.trusted_proxy_count,
            "config.trusted_proxies",
        )?,
        initial_packet: some(asked.initial_packet, "config.initial_packet")?,
        health_path: some(asked.health_path, "config.health_path")?,
        metrics_path: some(asked.metrics_path, "config.metrics_path")?,
        guard_handshakes: flag(asked.guard_handshakes, "config.guard_handshakes")?,
        room_events: flag(asked.room_events, "config.room_events")?,
        refusal_events: flag(asked.refusal_events, "config.refusal_events")?,
        engine_only: flag(asked.engine_only, "config.engine_only")?,
        quiet_descriptor: flag(asked.quiet_descriptor, "config.quiet_descriptor")?,
        id_generator: id_generator(asked),
        loops: number(asked.loops, &fields::LOOPS)?,
        limits: asked_limits(asked)?,
        open: Open::default(),
    };
    config.check()?;
    Ok(config)
}

fn cors(given: &Given, asked: &roomcast_config) -> Outcome<Option<Cors>> {
    let owned = |text, name| given.piece(text, name).map(str::to_owned);
    let origin = match asked.cors {
        ROOMCAST_CORS_OFF => return Ok(None),
        ROOMCAST_CORS_ANY => Origin::Any,
        ROOMCAST_CORS_REFLECT => Origin::Reflect,
        ROOMCAST_CORS_LIST => {
            Origin::List(texts(given, asked.cors_origins, asked.cors_origin_count, "config.cors_origins")?)
        }
        _ => return Err(Fault::value("config.cors", "it is one of ROOMCAST_CORS_")),
    };
    let allowed = owned(asked.cors_allowed_headers, "config.cors_allowed_headers")?;
    Ok(Some(Cors {
        origin,
        methods: owned(asked.cors_methods, "config.cors_methods")?,
        allowed_headers: Some(allowed).filter(|headers| !headers.is_empty()),
        exposed_headers: owned(asked.cors_exposed_headers, "config.cors_exposed_headers")?,
        credentials: flag(asked.cors_credentials, "config.cors_credentials")?,
        max_age: u64::try_from(asked.cors_max_age).ok(),
        options_success_status: number(asked.cors_status.into(), &fields::CORS_STATUS)?,
        open: Open::default(),
    }))
}

/// Texts, copied.
fn texts(given: &Given, at: *const roomcast_slice, len: usize, name: &'static str) -> Outcome<Vec<String>> {
    given.list(at, len, name)?.iter().map(|&text| given.piece(text, name).map(str::to_owned)).collect()
}

/// A pointer of the host's that goes with a callback.
#[derive(Clone, Copy)]
pub(super) struct HostData(pub(super) *mut c_void);

// SAFETY: the header says that a callback runs on whichever thread calls the broker, so what it points to is fit for that.
unsafe impl Send for HostData {}

fn id_generator(asked: &roomcast_config) -> Option<IdGenerator> {
    /// The room for an id.
    const CAP: usize = 64;
    let generate = asked.id_generator?;
    let data = HostData(asked.id_generator_data);
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

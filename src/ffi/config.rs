//! The configuration as C has it, its defaults, and what a broker is made from. It must not decide what a value may be.

use super::cluster::{ROOMCAST_CLUSTER_PUBSUB, ROOMCAST_CLUSTER_PUBSUB_ROOMS, format};
use super::convert::flag;
use super::given::Given;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::errors::Error;
use crate::base::limits::{Limits, fields as limit, limits};
use crate::base::open::Open;
use crate::base::unfit::Field;
use crate::host::config::{Cluster, Config, Cookie, IdGenerator, fields};
use crate::wire::cors::{Cors, Origin};
use std::ffi::{c_char, c_void};

/// No Access-Control header is sent: browsers keep the answers to polls from pages of other origins. They let such pages open a
/// WebSocket all the same, unless check_origin is on. This is the default.
pub const ROOMCAST_CORS_OFF: u32 = 0;
/// Everybody: "*". Browsers refuse it together with credentials.
pub const ROOMCAST_CORS_ANY: u32 = 1;
/// The origins in cors_origins; each is told only of itself.
pub const ROOMCAST_CORS_LIST: u32 = 2;
/// Whoever asks.
pub const ROOMCAST_CORS_REFLECT: u32 = 3;

/// A bug in the library, or a lasting failure of the system.
pub const ROOMCAST_LOG_ERROR: u32 = 1;
/// A peer broke the protocol, did not keep up, or was refused.
pub const ROOMCAST_LOG_WARN: u32 = 2;
/// The broker listens, or closes.
pub const ROOMCAST_LOG_INFO: u32 = 3;
/// A socket connected, was rejected or disconnected.
pub const ROOMCAST_LOG_DEBUG: u32 = 4;

/// Takes one line of the log. It is called from within a call on the broker, on that call's thread: it must not call the
/// broker (it would get ROOMCAST_ERROR_BUSY), and must return normally. `text` is UTF-8 without a control character, at most 515 bytes,
/// lent for the call: what a client sent in it is escaped and cut. A line about a socket begins with its id, its namespace and
/// its peer's address (a proxy's, behind one). Of each kind of line there are at most 100 a second, and 1,000 wait for a host
/// that does not poll; the number of those that were left out follows with the first roomcast_poll after it.
pub type roomcast_log =
    Option<unsafe extern "C" fn(data: *mut c_void, level: u32, text: *const c_char, text_len: usize)>;

/// Writes a connection's id of up to `cap` bytes (64) of ASCII letters, digits, '-' and '_' to `out` and returns its length;
/// 0 refuses the handshake. Ids must be unguessable and unique. The rules of roomcast_log hold for it too.
pub type roomcast_id_generator =
    Option<unsafe extern "C" fn(data: *mut c_void, out: *mut c_char, cap: usize) -> usize>;

/// How a broker behaves. Fill it by roomcast_config_init and change what you know better. Times are in milliseconds, at most
/// 2,147,483,647 (some 24 days). Texts and lists are copied by roomcast_new. Flags are 0 or 1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_config {
    /// sizeof(roomcast_config), set by roomcast_config_init.
    pub struct_size: u32,
    /// Whether the path ends in a slash, so that "/socket.io" alone is not served. On by default.
    pub add_trailing_slash: u32,
    /// Whether a handshake may name the transport polling. On by default.
    pub polling: u32,
    /// Whether a handshake may name the transport WebSocket. On by default.
    pub websocket: u32,
    /// Whether a polling connection may become a WebSocket. On by default.
    pub allow_upgrades: u32,
    /// Asks the host about every handshake, with ROOMCAST_EVENT_HANDSHAKE. What it does not decide within `connect_timeout` gets 503.
    /// Off by default; roomcast_guard_handshakes changes it.
    pub guard_handshakes: u32,
    /// Reports rooms that begin and end, and who joins and leaves them. Off by default.
    pub room_events: u32,
    /// Reports refused requests. Off by default.
    pub refusal_events: u32,
    /// Speaks Engine.IO alone: messages go to the host as they are, with no namespaces. Off by default.
    pub engine_only: u32,
    /// You ask roomcast_next_timeout before every wait for roomcast_fd, or flush what you changed. Then a change between two
    /// polls does not make the descriptor readable, which would cost a system call and a turn of the loop. Off by default: any
    /// loop will do.
    pub quiet_descriptor: u32,
    /// Cross-origin rules: a ROOMCAST_CORS_ number. ROOMCAST_CORS_OFF by default.
    pub cors: u32,
    /// Whether cookies and authorisation may be sent along by pages of other origins. Off by default.
    pub cors_credentials: u32,
    /// The status that answers a preflight request. 204 by default.
    pub cors_status: u32,
    /// Refuses requests whose Origin is neither the host they are for, by their Host, nor allowed by `cors`: with 403, code 4
    /// "Forbidden", over both transports. Requests without an Origin, as programs send them, pass; whoever is no browser can
    /// send any. ROOMCAST_CORS_ANY and ROOMCAST_CORS_REFLECT let everybody in. A proxy has to pass Host on, or to be
    /// one of trusted_proxies, whose X-Forwarded-Host is believed. Off by default, as in the reference; turn it on if a cookie
    /// tells you who a user is.
    pub check_origin: u32,
    /// Seconds for which a browser may remember the answer to a preflight request; -1, the default, says nothing.
    pub cors_max_age: i64,
    /// For ROOMCAST_CORS_LIST: the origins, as a browser writes them: "https://example.com", with the port unless it is the
    /// scheme's own, and without a slash at the end. A name may begin with "*.", which stands for every name below it, however
    /// deep, but not for the name itself. What can be no origin: ROOMCAST_ERROR_BAD_CONFIG.
    pub cors_origins: *const roomcast_slice,
    /// How many origins.
    pub cors_origin_count: usize,
    /// Methods that pages of other origins may use, separated by commas. "GET,HEAD,PUT,PATCH,POST,DELETE" by default.
    pub cors_methods: roomcast_slice,
    /// Headers that requests of such pages may have, separated by commas. Empty, the default: those they ask for.
    pub cors_allowed_headers: roomcast_slice,
    /// Headers of the response that such pages may see, separated by commas. Empty by default.
    pub cors_exposed_headers: roomcast_slice,
    /// Path of the Socket.IO endpoint, matched as a prefix. "/socket.io/" by default.
    pub path: roomcast_slice,
    /// Path that answers with a health report as JSON. Empty, the default: none. With `loops` the one that answers adds what
    /// the others said of themselves within the last second.
    pub health_path: roomcast_slice,
    /// A message sent right behind the open packet. Empty, the default: none.
    pub initial_packet: roomcast_slice,
    /// Name of a cookie that carries the connection's id, sent with the handshake by polling. Empty, the default: no cookie.
    pub cookie_name: roomcast_slice,
    /// The cookie's Path. "/" by default; empty leaves it out.
    pub cookie_path: roomcast_slice,
    /// The cookie's SameSite: "Strict", "Lax" or "None". "Lax" by default; empty leaves it out. "None" needs cookie_secure.
    pub cookie_same_site: roomcast_slice,
    /// Whether the cookie is HttpOnly. On by default.
    pub cookie_http_only: u32,
    /// Lines of the log up to this level, a ROOMCAST_LOG_ number, go to `log`. ROOMCAST_LOG_WARN by default.
    pub log_level: u32,
    /// Where the log goes. NULL, the default: nowhere.
    pub log: roomcast_log,
    /// Passed to `log`. It must live as long as the broker, and so must what it points to.
    pub log_data: *mut c_void,
    /// Makes connection ids instead of the broker. NULL by default.
    pub id_generator: roomcast_id_generator,
    /// Passed to `id_generator`, under the rules of log_data.
    pub id_generator_data: *mut c_void,
    /// Headers added to every response of the endpoint, the 101 included.
    pub headers: *const roomcast_pair,
    /// How many headers.
    pub header_count: usize,
    /// Time between a pong and the next ping. 25,000 by default.
    pub ping_interval: u64,
    /// Time a client has to answer a ping. 20,000 by default. A client waits for ping_interval and this together, which is at
    /// most 2,147,483,647.
    pub ping_timeout: u64,
    /// Time a WebSocket has to take over from polling. 10,000 by default.
    pub upgrade_timeout: u64,
    /// Time a connection may stay in no namespace at all, and time the host has to decide about a guarded handshake. 45,000 by default.
    pub connect_timeout: u64,
    /// Bytes of one message from a client: a POST body, or a WebSocket message however fragmented. 1,000,000 by default.
    pub max_payload: u64,
    /// Bytes of a request's head: request line and headers together. 16,384 by default.
    pub max_head_bytes: u64,
    /// Headers of one request. 100 by default.
    pub max_headers: u64,
    /// Time from the first byte of a request to the end of its head. 10,000 by default.
    pub head_timeout: u64,
    /// Time from the end of a request's head to the end of its body. 30,000 by default.
    pub body_timeout: u64,
    /// Time a client may leave an answer unread, counted anew whenever it reads some of it. 30,000 by default.
    pub answer_timeout: u64,
    /// Time an HTTP connection may be open with no request on it: longer than a proxy in front keeps its own. 75,000 by default.
    pub idle_timeout: u64,
    /// Time a WebSocket upgrade for a path nobody serves is left open. 1,000 by default.
    pub destroy_upgrade_timeout: u64,
    /// Time a closing connection may take for its last bytes and its close handshake. 5,000 by default.
    pub close_timeout: u64,
    /// Fragments of one WebSocket message. 1,024 by default, or one for each 1,000 bytes of max_payload if that is more.
    pub max_fragments: u64,
    /// Attachments of one binary event. 10 by default.
    pub max_attachments: u64,
    /// Depth of nested arrays and objects in a client's JSON. 512 by default.
    pub max_json_depth: u64,
    /// Bytes of a namespace name from a client. 512 by default.
    pub max_namespace_name: u64,
    /// Namespaces one connection may be in, or wait for, at a time. 64 by default.
    pub max_namespaces_per_connection: u64,
    /// Namespaces in all, those made from patterns included. 100,000 by default.
    pub max_namespaces: u64,
    /// Bytes of a room name. 16,384 by default.
    pub max_room_name: u64,
    /// Rooms one socket may be in. 65,536 by default.
    pub max_rooms_per_socket: u64,
    /// Bytes of the names of all rooms that one socket is in. 4 MiB by default.
    pub max_room_bytes: u64,
    /// Acknowledgements the host may wait for from one socket. 4,096 by default.
    pub max_pending_acks: u64,
    /// TCP connections at a time; more are closed as they are accepted, and counted. 1,000,000 by default.
    pub max_links: u64,
    /// Bytes queued for one connection that the kernel has not taken, past which a message's delivery class decides.
    /// 4 MiB by default; left alone it grows to four times max_payload.
    pub max_backlog: u64,
    /// Packets of one poll response. 16 by default.
    pub max_poll_packets: u64,
    /// Bytes the output of one tick may reach before it is flushed early. 1 MiB by default.
    pub max_tick_bytes: u64,
    /// Bytes of events waiting for the host; past that the broker stops reading until they are drained. 4 MiB by default.
    pub max_event_bytes: u64,
    /// Events waiting for the host; past that the broker stops reading until they are drained. 16,384 by default.
    pub max_events: u64,
    /// Bytes read from one connection in one turn of the loop. 262,144 by default.
    pub read_budget: u64,
    /// TCP connections accepted in one turn of the loop. 256 by default.
    pub accept_budget: u64,
    /// Commands from other threads that may wait for the next poll. 16,384 by default.
    pub remote_queue: u64,
    /// Milliseconds of one turn of the loop that go to reading; what is left is read first in the next. 10 by default.
    pub step_time: u64,
    /// New sessions let in each second; more are answered with 503 and Retry-After. 0, the default, sets no bound.
    pub max_handshakes_per_second: u64,
    /// New sessions that may come at once, ahead of max_handshakes_per_second. 0, the default, is one second's worth.
    pub handshake_burst: u64,
    /// Namespaces that one connection may bring to life by patterns within a minute; one more is refused with "Too many
    /// namespaces". 100 by default, 0 sets no bound.
    pub max_new_namespaces_per_minute: u64,
    /// Bytes of one event from a client with its attachments; a larger one ends its connection as one that cannot be parsed does.
    /// 4,000,000 by default, and at least four times max_payload.
    pub max_event_size: u64,
    /// Time from an event that has attachments to the last of them; then its connection ends as above. 60,000 by default.
    pub attachment_timeout: u64,
    /// Connections at a time, over all loops; more handshakes are answered with 503. 1,000,000 by default.
    pub max_connections: u64,
    /// Connections at a time from one address; more handshakes are answered with 429. 0, the default, sets no bound. Of IPv6 a
    /// network of 64 bits is one address. Behind proxies it needs trusted_proxies.
    pub max_connections_per_address: u64,
    /// New sessions from one address let in each second; more are answered with 429 and Retry-After. 0, the default, sets no
    /// bound. Addresses are as for max_connections_per_address.
    pub max_handshakes_per_address: u64,
    /// Proxies whose X-Forwarded-For is believed where limits go by address, and X-Forwarded-Host for check_origin: addresses
    /// ("10.0.0.1"), networks ("10.0.0.0/8", "fd00::/8"), or "unix:" for whoever comes over a Unix socket; without it they
    /// all count as one address. A client's address is the first one from the right that is none of
    /// these. None by default.
    pub trusted_proxies: *const roomcast_slice,
    /// How many proxies.
    pub trusted_proxy_count: usize,
    /// Path that answers with what roomcast_metrics gives, for whoever can reach it. Empty, the default: none. With `loops` as
    /// health_path.
    pub metrics_path: roomcast_slice,
    /// Threads that the library runs, each with a loop of its own; clients and the members of rooms are spread over them.
    /// 0 by default: none, your thread does everything. At most 64; with an id_generator at most 1.
    ///
    /// The calls are the same then, and still belong to one thread of yours at a time. roomcast_poll waits for events.
    /// Calls that change something are queued in their order, for each loop; what they find out only later (a socket is
    /// gone) is counted in remote_failures and logged as a warning, and what an emit
    /// did is ROOMCAST_UNKNOWN. Questions, roomcast_fetch_sockets and roomcast_emit_with_ack wait for each loop's current step. A bug in the library that ends such a thread shows in roomcast_poll at the latest:
    /// ROOMCAST_ERROR_PANIC, and ROOMCAST_ERROR_POISONED after it.
    pub loops: u64,
    /// Whether the cookie is Secure: browsers send it over TLS alone. Off by default.
    pub cookie_secure: u32,
    /// Whether the cookie is Partitioned: one for each page that embeds this one. Needs cookie_secure. Off by default.
    pub cookie_partitioned: u32,
    /// The cookie's Max-Age, in seconds; -1, the default, leaves it out, and the cookie goes with the browser's session.
    pub cookie_max_age: i64,
    /// The cookie's Domain, the name below which it is sent too. Empty, the default: it is the host's alone.
    pub cookie_domain: roomcast_slice,
    /// For how long a socket of a namespace with recovery is waited for after its connection has ended. 120,000 by default.
    pub recovery_window: u64,
    /// Bytes that each namespace with recovery keeps of what was emitted in it, for those who come back; the oldest goes first.
    /// 16 MiB by default.
    pub recovery_log_bytes: u64,
    /// Sockets that may be away at a time, over all namespaces; past that the one that has been away the longest is waited for no
    /// more. 65,536 by default; 0: none.
    pub recovery_sessions: u64,
    /// Makes the broker a node of a Socket.IO cluster over Redis, which is at `redis://user:password@host:port/database` or
    /// `unix:///path`, over TLS `rediss://host:port?ssl_ca_certs=/path` (or `ssl_ca_data=` with the PEM, `ssl_cert_reqs=none`, `ssl_certfile=`,
    /// `ssl_keyfile=`), or where sentinels say (`redis+sentinel://host:port,host:port/database/service`), or is a Redis Cluster of which some
    /// servers are known (`redis+cluster://user:password@host:port,host:port`). Emits, and what is ordered for everybody whom a target selects, then reach the sockets of all nodes, be they
    /// roomcast's or Node's with an adapter of the same format. Nothing waits for Redis. Empty, the default: the broker is alone.
    pub cluster_url: roomcast_slice,
    /// What the names of all channels begin with, the same on every node. Empty, the default: "socket.io" as in Node, or "socketio" where
    /// the format is ROOMCAST_CLUSTER_PYTHON, whose one channel has this name.
    pub cluster_prefix: roomcast_slice,
    /// What nodes say to each other: a ROOMCAST_CLUSTER_ value, the same on every node. ROOMCAST_CLUSTER_PUBSUB by default.
    pub cluster_format: u32,
    /// Whether the broker says what it has to say to the cluster and hears nothing: for a program that has no clients of its own, such as
    /// a worker that emits to those of others. With `loops` 1 nobody needs to poll it. Off by default.
    pub cluster_write_only: u32,
    /// How long answers of other nodes are waited for. 5,000 by default.
    pub cluster_request_timeout: u64,
    /// The largest message that is published or heard, in bytes. 8 MiB by default.
    pub cluster_max_message: u64,
    /// With ROOMCAST_CLUSTER_STREAMS, how many of the last entries the stream keeps; it may be some more. 10,000 by default. A node that is
    /// behind by more misses what came before.
    pub cluster_stream_max_len: u64,
    /// Milliseconds from accepting a TCP connection to the end of its TLS handshake, if there is one. 10,000 by default.
    pub tls_handshake_timeout: u64,
    /// Reads from TCP connections whose TLS handshake is not over, in one turn of the loop: each may cost a tenth of a
    /// millisecond. 32 by default.
    pub tls_handshake_budget: u64,
    /// Compresses messages over WebSocket for clients that offer it (permessage-deflate, RFC 7692), as browsers do: each message by
    /// itself and once for all of its recipients, so that a connection takes no memory for it. Off by default, as in the reference.
    /// A message in which a secret stands beside text that another chooses should not be compressed
    /// (ROOMCAST_MESSAGE_UNCOMPRESSED): its length tells how alike they are.
    pub per_message_deflate: u32,
    /// Compresses answers to polls and what is served by roomcast_serve, for clients that take gzip or deflate. On by default, as in
    /// the reference.
    pub http_compression: u32,
    /// Bytes of the shortest message, or answer, that is compressed. 1,024 by default; from some 256 on there is something to gain.
    /// What does not get a tenth shorter is sent as it is.
    pub compression_threshold: u64,
    /// How well is compressed: from 1, the fastest, to 9. 3 by default.
    pub compression_level: u32,
    /// Compresses attachments over WebSocket, too. Off by default: most that is binary is compressed already.
    pub compress_binary: u32,
    /// A request for a path that is neither the endpoint's nor one that the broker answers (roomcast_serve, health, metrics) is not answered
    /// with 404: its connection goes back to you, by ROOMCAST_EVENT_FOREIGN, for a server of your own, before which the broker listens on
    /// the same port. So does an upgrade for such a path. roomcast_adopt takes it again where a client's next request is for the broker.
    /// Not for connections over TLS, whose keys are the broker's: there it is 404. Off by default; of Unix alone.
    pub hand_back: u32,
    /// Lets clients of Engine.IO 3 in as well, which are those of Socket.IO 1 and 2, over polling, JSONP and WebSocket. They send the
    /// pings, are in "/" at once, and their sessions cannot be recovered. JSONP has no origin that check_origin could see: with that
    /// it is refused. Off by default: their handshakes are refused.
    pub allow_eio3: u32,
    /// Takes clients with the msgpack parser (socket.io-msgpack-parser; serializer="msgpack" in Python) beside those with the default one:
    /// whoever asks for its first namespace with a binary message is one. Calls and events stay the same, JSON with attachments; a message
    /// that such clients get is encoded once more, for all of them. Off by default: their connections end then, as with the
    /// reference's default parser.
    pub msgpack: u32,
    /// 0.
    pub reserved: u32,
}

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
            let Config {
                ping_interval,
                ping_timeout,
                upgrade_timeout,
                connect_timeout,
                per_message_deflate,
                http_compression,
                compression_threshold,
                compression_level,
                compress_binary,
                limits,
                ..
            } = Config::default();
            let cluster = Cluster::default();
            roomcast_config {
                struct_size: size_of::<roomcast_config>() as u32,
                add_trailing_slash: 1,
                polling: 1,
                websocket: 1,
                allow_upgrades: 1,
                guard_handshakes: 0,
                room_events: 0,
                refusal_events: 0,
                hand_back: 0,
                msgpack: 0,
                reserved: 0,
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
                cluster_url: NOTHING,
                cluster_prefix: NOTHING,
                cluster_format: ROOMCAST_CLUSTER_PUBSUB,
                cluster_write_only: 0,
                cluster_request_timeout: cluster.request_timeout,
                cluster_max_message: cluster.max_message as u64,
                cluster_stream_max_len: cluster.stream_max_len.into(),
                per_message_deflate: per_message_deflate.into(),
                http_compression: http_compression.into(),
                compression_threshold: compression_threshold as u64,
                compression_level: compression_level.into(),
                compress_binary: compress_binary.into(),
                allow_eio3: 0,
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
        allow_eio3: flag(asked.allow_eio3, "config.allow_eio3")?,
        ping_interval: asked.ping_interval,
        ping_timeout: asked.ping_timeout,
        upgrade_timeout: asked.upgrade_timeout,
        connect_timeout: asked.connect_timeout,
        cors: cors(given, asked)?,
        check_origin: flag(asked.check_origin, "config.check_origin")?,
        cookie,
        per_message_deflate: flag(asked.per_message_deflate, "config.per_message_deflate")?,
        http_compression: flag(asked.http_compression, "config.http_compression")?,
        compression_threshold: number(asked.compression_threshold, &fields::COMPRESSION_THRESHOLD)?,
        compression_level: number(asked.compression_level.into(), &fields::COMPRESSION_LEVEL)?,
        compress_binary: flag(asked.compress_binary, "config.compress_binary")?,
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
        hand_back: flag(asked.hand_back, "config.hand_back")?,
        engine_only: flag(asked.engine_only, "config.engine_only")?,
        quiet_descriptor: flag(asked.quiet_descriptor, "config.quiet_descriptor")?,
        msgpack: flag(asked.msgpack, "config.msgpack")?,
        cluster: cluster(given, asked)?,
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

fn cluster(given: &Given, asked: &roomcast_config) -> Outcome<Option<Cluster>> {
    let owned = |text, name| given.piece(text, name).map(str::to_owned);
    let url = owned(asked.cluster_url, "config.cluster_url")?;
    if url.is_empty() {
        return Ok(None);
    }
    Ok(Some(Cluster {
        url,
        prefix: owned(asked.cluster_prefix, "config.cluster_prefix")?,
        format: format(asked.cluster_format)?,
        room_channels: asked.cluster_format == ROOMCAST_CLUSTER_PUBSUB_ROOMS,
        write_only: flag(asked.cluster_write_only, "config.cluster_write_only")?,
        request_timeout: asked.cluster_request_timeout,
        max_message: number(asked.cluster_max_message, &fields::CLUSTER_MAX_MESSAGE)?,
        stream_max_len: number(asked.cluster_stream_max_len, &fields::CLUSTER_STREAM_MAX_LEN)?,
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

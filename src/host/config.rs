//! What the host chooses when it makes a broker. Defaults are the reference's.

use super::proxies::Proxies;
use crate::base::errors::Result;
use crate::base::ids::MAX_LOOPS;
use crate::base::limits::{Limits, MAX_TIME};
use crate::base::open::Open;
use crate::base::unfit::{ConfigError, Field};
use crate::wire::cors::Cors;
use crate::wire::deflate;
use crate::wire::http;

pub use super::cluster::{Cluster, ClusterFormat, SubscriptionMode};
pub use super::cookie::Cookie;

/// Makes a connection's id; `None` refuses the handshake with code 3.
pub type IdGenerator = Box<dyn FnMut() -> Option<String> + Send>;

/// How a broker behaves. Times are milliseconds, at most 2,147,483,647: some 24 days.
pub struct Config {
    /// Path of the Socket.IO endpoint, matched as a prefix. `/socket.io/` by default.
    pub path: String,
    /// Whether the path ends in a slash, so that `/socket.io` alone is not served. On by default.
    pub add_trailing_slash: bool,
    /// Which transports a handshake may name: polling.
    pub polling: bool,
    /// Which transports a handshake may name: WebSocket.
    pub websocket: bool,
    /// Whether a polling connection may become a WebSocket. On by default.
    pub allow_upgrades: bool,
    /// Lets clients of Engine.IO 3 in as well, which are those of Socket.IO 1 and 2, over polling, JSONP and WebSocket: what their
    /// requests name, or what names nothing. They send the pings, are in `/` at once, and their sessions cannot be recovered. JSONP has
    /// no origin that `check_origin` could see: with that it is refused. Off by default: their handshakes are refused.
    pub allow_eio3: bool,
    /// Time between a pong and the next ping. 25,000 by default.
    pub ping_interval: u64,
    /// Time a client has to answer a ping. 20,000 by default. A client waits for `ping_interval` and this together, which is at
    /// most 2,147,483,647.
    pub ping_timeout: u64,
    /// Time a WebSocket has to take over from polling. 10,000 by default.
    pub upgrade_timeout: u64,
    /// Time a connection may stay in no namespace at all, and time the host has to decide about a guarded handshake. 45,000 by default.
    pub connect_timeout: u64,
    /// Cross-origin rules. `None`, the default, sends no `Access-Control` header, so that a browser keeps the answers to polls
    /// from pages of other origins. It does not keep such a page from opening a WebSocket, with its user's cookies:
    /// `check_origin` does.
    pub cors: Option<Cors>,
    /// Refuses requests whose `Origin` is neither the host they are for, by their `Host`, nor one of `cors`: with 403, code 4
    /// `Forbidden`, over both transports. Requests without an `Origin`, as programs send them, pass; whoever is no browser can
    /// send any. [`Origin::Any`](crate::cors::Origin::Any) and
    /// [`Origin::Reflect`](crate::cors::Origin::Reflect) let everybody in. A proxy has to pass `Host` on, or
    /// to be one of `trusted_proxies`, whose `X-Forwarded-Host` is believed. Off by default, as in the reference; turn it on if
    /// a cookie tells you who a user is.
    pub check_origin: bool,
    /// Sends the connection's id as a cookie with the handshake by polling, as the reference does. Off by default.
    pub cookie: Option<Cookie>,
    /// Compresses messages over WebSocket for clients that offer it (permessage-deflate, RFC 7692), as browsers do: each message by
    /// itself and once for all of its recipients, so that a connection takes no memory for it. Off by default, as in the reference. It
    /// needs the feature `compression`. A message in which a secret stands beside text that another chooses should not be compressed
    /// ([`Message::uncompressed`](crate::Message::uncompressed)): its length tells how alike they are.
    pub per_message_deflate: bool,
    /// Compresses answers to polls and what is [served](crate::Broker::serve), for clients that take gzip or deflate. On by default, as in
    /// the reference. Without the feature `compression` nothing is.
    pub http_compression: bool,
    /// Bytes of the shortest message, or answer, that is compressed. 1,024 by default, as in the reference; from some 256 bytes on
    /// there is something to gain. What does not get a tenth shorter is sent as it is.
    pub compression_threshold: usize,
    /// How well is compressed: from 1, the fastest, to 9. 3 by default.
    pub compression_level: u8,
    /// Compresses attachments over WebSocket, too. Off by default: most that is binary is compressed already.
    pub compress_binary: bool,
    /// Headers added to every response of the endpoint, the 101 included; none of those that answers have by themselves (`Content-Length`,
    /// `Content-Type`, `Connection` and others). [`Broker::add_header`](crate::Broker::add_header) adds one to a single answer.
    pub headers: Vec<(String, String)>,
    /// A message sent right behind the open packet.
    pub initial_packet: Option<String>,
    /// Path that answers with uptime, connections, sockets, rooms and counters as JSON. Off by default. With `loops` the one
    /// that answers adds what the others said of themselves within the last second.
    pub health_path: Option<String>,
    /// Path that answers with [`Metrics`](crate::Metrics) in Prometheus' text format, for whoever can reach it. Off by
    /// default. With `loops` as `health_path`.
    pub metrics_path: Option<String>,
    /// Asks the host about every handshake, with [`Event::Handshake`](crate::Event::Handshake). What it does not decide within
    /// `connect_timeout` gets 503. Off by default; [`Broker::guard_handshakes`](crate::Broker::guard_handshakes) changes it.
    pub guard_handshakes: bool,
    /// Reports rooms that begin and end, and who joins and leaves them, as events. Off by default.
    pub room_events: bool,
    /// Reports refused requests as events. Off by default.
    pub refusal_events: bool,
    /// A request for a path that is neither the endpoint's nor one that the broker answers (a resource, health, metrics) is not answered
    /// with 404: its connection goes back to the host, by [`Event::Foreign`](crate::Event::Foreign), for a server of the host's own, before
    /// which the broker listens on the same port. So does an upgrade for such a path. Where a client's next request is for the broker again, the
    /// host may give the connection back by [`Broker::adopt`](crate::Broker::adopt). Off by default. Not for connections over TLS, whose keys are the
    /// broker's: there it is 404. Of Unix alone: [`Error::BadConfig`](crate::Error::BadConfig) elsewhere.
    pub hand_back: bool,
    /// Proxies whose `X-Forwarded-For` and, for `check_origin`, `X-Forwarded-Host` are believed, as addresses (`10.0.0.1`),
    /// networks (`10.0.0.0/8`, `fd00::/8`), or `unix:` for whoever comes over a Unix socket: without it they all count as one
    /// address. None by default. For limits by address alone: a client's is then the first one from the right that is none of these, read over
    /// all header lines of that name. [`Handshake::address`](crate::Handshake::address) stays the peer's.
    pub trusted_proxies: Vec<String>,
    /// Takes clients with the msgpack parser (`socket.io-msgpack-parser`; `serializer="msgpack"` in Python) beside those with the default
    /// one: whoever asks for its first namespace with a binary message is one. The host's calls and events stay the same, JSON with
    /// attachments; a message that such clients get is encoded once more, for all of them. Off by default: their connections end then,
    /// as with the reference's default parser.
    pub msgpack: bool,
    /// Makes the broker a node of a cluster. `None`, the default: it is alone.
    pub cluster: Option<Cluster>,
    /// Speaks Engine.IO alone: messages go to the host as they are, with no namespaces. Off by default.
    pub engine_only: bool,
    /// The host asks [`Broker::next_timeout`](crate::Broker::next_timeout) before every wait for the descriptor, or flushes
    /// what it changed. Then a change between two polls does not make the descriptor readable, which would cost a system call
    /// and a turn of the loop. Off by default: any loop will do.
    pub quiet_descriptor: bool,
    /// Makes connection ids instead of the broker; they must be unguessable and unique.
    pub id_generator: Option<IdGenerator>,
    /// How many threads of its own the broker runs, each with a loop. 0, the default: none, the host's thread drives it.
    /// At most 64; an `id_generator` needs 0 or 1.
    ///
    /// With loops the calls are the same, and each caller's order is kept; those that change something are queued, and take
    /// effect when the loops come to them, so that an emit to all also reaches who connects in between. What such a call did is
    /// not known when it returns, and is `None`; a socket that is gone is counted in
    /// [`Counters::remote_failures`](crate::Counters::remote_failures) and logged.
    /// Questions, [`emit_with_ack`](crate::Broker::emit_with_ack) among them, wait for each loop's current step.
    ///
    /// A bug in the library ends the loop that it is found in, not the host's thread: [`poll`](crate::Broker::poll), and every
    /// call that needs that loop, answers [`Error::Panic`](crate::Error::Panic) from then on, and the broker can only be
    /// dropped.
    pub loops: usize,
    /// What a peer may make the broker hold, over all loops.
    pub limits: Limits,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: "/socket.io/".into(),
            add_trailing_slash: true,
            polling: true,
            websocket: true,
            allow_upgrades: true,
            allow_eio3: false,
            ping_interval: 25_000,
            ping_timeout: 20_000,
            upgrade_timeout: 10_000,
            connect_timeout: 45_000,
            cors: None,
            check_origin: false,
            cookie: None,
            per_message_deflate: false,
            http_compression: true,
            compression_threshold: 1024,
            compression_level: 3,
            compress_binary: false,
            headers: Vec::new(),
            initial_packet: None,
            health_path: None,
            metrics_path: None,
            guard_handshakes: false,
            room_events: false,
            refusal_events: false,
            hand_back: false,
            trusted_proxies: Vec::new(),
            msgpack: false,
            cluster: None,
            engine_only: false,
            quiet_descriptor: false,
            id_generator: None,
            loops: 0,
            limits: Limits::default(),
            open: Open::default(),
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("path", &self.path)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The share of one of its loops.
    pub(crate) fn share(&mut self) -> Self {
        let many = self.loops.max(1);
        let mut limits = self.limits.clone();
        limits.max_links = limits.max_links.div_ceil(many as u32);
        limits.max_handshakes_per_second = limits.max_handshakes_per_second.div_ceil(many as u32);
        limits.handshake_burst = limits.handshake_burst.div_ceil(many as u32);
        limits.max_events = limits.max_events.div_ceil(many);
        limits.recovery_sessions = limits.recovery_sessions.div_ceil(many as u32);
        limits.max_event_bytes = limits.max_event_bytes.div_ceil(many);
        Self {
            path: self.path.clone(),
            cors: self.cors.clone(),
            cookie: self.cookie.clone(),
            headers: self.headers.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            initial_packet: self.initial_packet.clone(),
            health_path: self.health_path.clone(),
            metrics_path: self.metrics_path.clone(),
            cluster: self.cluster.clone(),
            id_generator: self.id_generator.take(),
            limits,
            ..*self
        }
    }

    /// Refuses the first field with a value that cannot be worked with.
    pub(crate) fn check(&self) -> Result<()> {
        let absolute = |path: &str| path.starts_with('/');
        fields::LOOPS.takes(self.loops as u64)?;
        fields::HAND_BACK.is(cfg!(unix) || !self.hand_back)?;
        fields::LOOPS_WITH_IDS.is(self.loops < 2 || self.id_generator.is_none())?;
        if let Some(cors) = &self.cors {
            fields::CORS_ORIGINS.is(cors.origin.is_sound())?;
            fields::CORS_STATUS.takes(cors.options_success_status.into())?;
        }
        if let Some(cluster) = &self.cluster {
            fields::CLUSTER.is(!self.engine_only)?;
            fields::CLUSTER_REQUEST_TIMEOUT.takes(cluster.request_timeout)?;
            fields::CLUSTER_MAX_MESSAGE.takes(cluster.max_message as u64)?;
            fields::CLUSTER_STREAM_MAX_LEN.takes(cluster.stream_max_len.into())?;
        }
        fields::PING_INTERVAL.takes(self.ping_interval)?;
        fields::PING_TIMEOUT.takes(self.ping_timeout)?;
        // A client gives up after this; its timer would be due at once if it held less.
        fields::SILENCE.is(self.ping_interval.saturating_add(self.ping_timeout) <= MAX_TIME)?;
        fields::UPGRADE_TIMEOUT.takes(self.upgrade_timeout)?;
        fields::CONNECT_TIMEOUT.takes(self.connect_timeout)?;
        fields::POLLING.is(self.polling || self.websocket)?;
        fields::PATH.is(absolute(&self.path))?;
        fields::HEALTH_PATH.is(self.health_path.as_deref().is_none_or(absolute))?;
        fields::METRICS_PATH.is(self.metrics_path.as_deref().is_none_or(absolute))?;
        self.proxies()?;
        fields::PER_MESSAGE_DEFLATE.is(deflate::AVAILABLE || !self.per_message_deflate)?;
        fields::COMPRESSION_LEVEL.takes(self.compression_level.into())?;
        fields::HEADERS.is(self.headers.iter().all(|(name, value)| http::is_header(name, value)))?;
        self.cookie.as_ref().map_or(Ok(()), Cookie::check)?;
        Ok(self.limits.check()?)
    }

    /// The proxies whose word on a client's address is taken.
    pub(crate) fn proxies(&self) -> Result<Proxies, ConfigError> {
        Proxies::parse(&self.trusted_proxies).ok_or(fields::TRUSTED_PROXIES.refuses(0))
    }
}

/// What each field takes.
pub(crate) mod fields {
    use super::*;

    const SLASH: &str = "it does not begin with a slash";
    pub(crate) static LOOPS: Field = Field::range("loops", 0, MAX_LOOPS as u64);
    pub(crate) static LOOPS_WITH_IDS: Field = Field::words("loops", "with an id_generator it is 0 or 1");
    pub(crate) static HAND_BACK: Field = Field::words("hand_back", "only Unix has descriptors to hand back");
    pub(crate) static CORS_ORIGINS: Field = Field::words(
        "cors_origins",
        "one is no origin, such as https://example.com, and no pattern, such as https://*.example.com",
    );
    pub(crate) static CORS_STATUS: Field = Field::range("cors_status", 200, 599);
    pub(crate) static CLUSTER: Field = Field::words("cluster_url", "with engine_only there is no cluster");
    pub(crate) static CLUSTER_REQUEST_TIMEOUT: Field = Field::range("cluster_request_timeout", 1, MAX_TIME);
    pub(crate) static CLUSTER_STREAM_MAX_LEN: Field =
        Field::range("cluster_stream_max_len", 1, u32::MAX as u64);
    pub(crate) static CLUSTER_MAX_MESSAGE: Field = Field::range("cluster_max_message", 1_024, 512 << 20);
    pub(crate) static PING_INTERVAL: Field = Field::range("ping_interval", 1, MAX_TIME);
    pub(crate) static PING_TIMEOUT: Field = Field::range("ping_timeout", 1, MAX_TIME);
    pub(crate) static SILENCE: Field = Field::words(
        "ping_timeout",
        "with ping_interval it is more than the 2147483647 ms that a client's timer holds",
    );
    pub(crate) static UPGRADE_TIMEOUT: Field = Field::range("upgrade_timeout", 1, MAX_TIME);
    pub(crate) static CONNECT_TIMEOUT: Field = Field::range("connect_timeout", 1, MAX_TIME);
    pub(crate) static POLLING: Field = Field::words("polling", "neither it nor websocket is on");
    pub(crate) static PATH: Field = Field::words("path", SLASH);
    pub(crate) static HEALTH_PATH: Field = Field::words("health_path", SLASH);
    pub(crate) static METRICS_PATH: Field = Field::words("metrics_path", SLASH);
    pub(crate) static TRUSTED_PROXIES: Field =
        Field::words("trusted_proxies", "one is no address, no network such as 10.0.0.0/8, and not unix:");
    pub(crate) static PER_MESSAGE_DEFLATE: Field =
        Field::words("per_message_deflate", "this build is without compression");
    #[cfg(feature = "capi")]
    pub(crate) static COMPRESSION_THRESHOLD: Field =
        Field::range("compression_threshold", 0, usize::MAX as u64);
    pub(crate) static COMPRESSION_LEVEL: Field = Field::range("compression_level", 1, 9);
    pub(crate) static HEADERS: Field = Field::words(
        "headers",
        "one cannot be sent (a name is a token, a value is one line), or is the answer's own",
    );
}

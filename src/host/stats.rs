//! What the broker counts. Numbers only; it must not decide anything.

/// Adds to a count. 64 bits hold what a process counts in its life.
pub(crate) fn count(counter: &mut u64, more: u64) {
    *counter = counter.wrapping_add(more);
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// Totals since the broker was made.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters { $($(#[doc = $doc])* pub $name: u64,)* }

        impl Counters {
            /// What each of them counts, in the same order.
            pub(crate) const HELP: &'static [&'static str] = &[$(concat!($($doc),*),)*];

            /// All counters by name, in the order of their table.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }

            /// The sum of both.
            pub(crate) fn plus(&self, other: &Self) -> Self {
                Self { $($name: self.$name + other.$name,)* }
            }

            /// The same with names that have a NUL behind them, for C.
            #[cfg(feature = "capi")]
            pub(crate) fn with_nul(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((concat!(stringify!($name), "\0"), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// TCP connections accepted.
    links_opened,
    /// TCP connections that the host had accepted, and gave to the broker.
    links_adopted,
    /// TCP connections that went back to the host, as a request on them was for a path that is not the broker's.
    links_handed_back,
    /// TCP connections closed as they came, because `max_links` were open.
    links_refused,
    /// TCP connections of which a proxy has said whose they are, by the PROXY protocol.
    proxy_headers,
    /// TCP connections that were to begin with the header of the PROXY protocol, and began with something else, or with too long a one.
    proxy_headers_malformed,
    /// TCP connections on which that header was not whole within `head_timeout`.
    proxy_headers_timed_out,
    /// TCP connections that ended before that header was whole.
    proxy_headers_abandoned,
    /// TLS handshakes completed.
    tls_handshakes,
    /// TLS handshakes that failed, as there is no version, cipher or protocol that both sides know.
    tls_incompatible,
    /// TLS handshakes that failed, as the client's certificate was missing or not trusted.
    tls_untrusted,
    /// TCP connections on which a client refused TLS: most do not trust the certificate.
    tls_refused,
    /// TCP connections on which something came that is no TLS, a plain HTTP request for example.
    tls_malformed,
    /// TLS handshakes that took longer than `tls_handshake_timeout`.
    tls_timed_out,
    /// TLS handshakes in which the client left.
    tls_abandoned,
    /// Engine.IO handshakes completed.
    connections_opened,
    /// Connections that ended, for whatever reason.
    connections_closed,
    /// Connections that went from polling to WebSocket.
    upgrades,
    /// WebSockets that opened for an upgrade and did not finish it.
    upgrades_failed,
    /// HTTP requests, upgrades included.
    requests,
    /// Requests answered with an error status.
    requests_refused,
    /// Handshakes answered with 503, because there were more than `max_handshakes_per_second`.
    handshakes_over_rate,
    /// Handshakes answered with 503, because the broker was draining.
    handshakes_while_draining,
    /// Handshakes answered with 503, because there were `max_connections`.
    handshakes_over_connections,
    /// Handshakes answered with 429, because their address had `max_connections_per_address`, or had used up its
    /// `max_handshakes_per_address`.
    handshakes_over_address,
    /// Handshakes answered with 503, because the host had not decided about them within `connect_timeout` (`guard_handshakes`).
    handshakes_undecided,
    /// Connections that a drain sent away.
    drained,
    /// Requests and bodies that took longer than their limit.
    requests_timed_out,
    /// Messages from clients: events, acknowledgements, and in `engine_only` mode whatever comes.
    messages_in,
    /// Bytes from clients, protocol included.
    bytes_in,
    /// Emits by the host.
    emits,
    /// Copies of messages handed to connections.
    deliveries,
    /// Bytes handed to the kernel.
    bytes_out,
    /// Messages compressed for clients over WebSocket, each once for all of them.
    deflated_messages,
    /// Their bytes before.
    deflated_bytes_before,
    /// Their bytes after.
    deflated_bytes_after,
    /// Compressed messages from clients.
    inflated_messages,
    /// Bytes that they stood for.
    inflated_bytes,
    /// Answers to HTTP requests that went out compressed.
    compressed_answers,
    /// Volatile messages skipped for a connection that did not keep up.
    dropped_volatile,
    /// Messages replaced by a newer one of their key before they were sent.
    replaced_latest,
    /// Messages that made room, or were not queued, because a backlog was full.
    dropped_oldest,
    /// Connections closed because their backlog was full.
    slow_consumers,
    /// Connections closed because a client broke the WebSocket protocol.
    bad_frames,
    /// Connections closed because a packet could not be parsed or did not fit the state.
    bad_packets,
    /// Messages larger than `max_payload`.
    oversized,
    /// Connections closed because a pong did not come.
    ping_timeouts,
    /// Connections closed because they joined no namespace in time.
    connect_timeouts,
    /// CONNECT packets answered with an error.
    connects_refused,
    /// Acknowledgements from clients that nobody waits for.
    unknown_acks,
    /// Acknowledgements that did not come in time.
    ack_timeouts,
    /// Clients that came back to their session.
    sessions_recovered,
    /// Sessions of sockets that were away and did not come back: their time was up, there were more than `recovery_sessions`, the host
    /// ended them, or what they had missed could not be told.
    sessions_expired,
    /// Clients that asked for a session nobody has, or has any more.
    recoveries_unknown,
    /// Clients that asked for a session on another loop, with a connection that had a socket on this one already, or had gone from
    /// loop to loop before.
    recoveries_elsewhere,
    /// Clients that came back with an offset that names no emit there was.
    recoveries_foreign,
    /// Clients that came back and had missed something that was not kept, or more than `max_backlog`.
    recoveries_overrun,
    /// Messages that were sent again to clients that came back.
    messages_replayed,
    /// Calls that were queued, from other threads or for loops of the broker's own, and could not be carried out: their socket
    /// was gone, or a limit was reached.
    remote_failures,
    /// Messages for the other nodes of a cluster that were handed to a connection to Redis.
    cluster_published,
    /// Messages for the other nodes that were not: Redis was away for too long, they were volatile while it was, were too large,
    /// or Redis does not allow them.
    cluster_dropped,
    /// Messages for the other nodes of which nobody knows whether they were heard: the connection ended before Redis had said so.
    cluster_lost,
    /// Messages that left before the stream had said which place they have in it, as Redis did not answer in time: whose client goes to
    /// another node next may hear them twice.
    cluster_unplaced,
    /// Connections to Redis that were opened.
    cluster_connects,
    /// Connections to Redis that ended, or could not be opened.
    cluster_failures,
    /// Messages of other nodes that were for somebody, or some namespace, here.
    cluster_heard,
    /// Messages of other nodes that were for nobody here, and this node's own.
    cluster_ignored,
    /// Messages of other nodes that could not be read.
    cluster_malformed,
    /// Orders of other nodes that were read and refused here, for a limit of this node's.
    cluster_refused,
    /// Logins and commands of the admin interface that were refused, or could not be read.
    admin_refused,
    /// What happened and was not told to the admin interface, as it was too much at once.
    admin_unseen,
}

/// What there is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// TCP connections.
    pub links: usize,
    /// Engine.IO connections, those being closed included.
    pub connections: usize,
    /// Sockets in their namespaces.
    pub sockets: usize,
    /// Sockets that are away, and whose clients may come back.
    pub away: usize,
    /// Bytes of what is kept for them, and for those who may be gone without anybody's knowing.
    pub recovery_bytes: usize,
    /// Namespaces.
    pub namespaces: usize,
    /// Rooms that the host made, over all namespaces; a socket's own room is not counted. With several loops, a room counts
    /// once on each loop that has members of it.
    pub rooms: usize,
    /// Acknowledgements the host waits for.
    pub pending_acks: usize,
    /// Armed timers.
    pub timers: usize,
    /// Bytes that wait for kernels or polls.
    pub queued_bytes: usize,
    /// Clients are sent away and no new ones taken.
    pub draining: bool,
    /// Totals since the broker was made.
    pub counters: Counters,
}

impl Stats {
    /// What there is now, for monitors: each with its name, which has a NUL behind it for C, and with what it is.
    pub(crate) fn gauges(&self) -> [(&'static str, &'static str, usize); 11] {
        [
            ("links\0", "TCP connections.", self.links),
            ("connections\0", "Engine.IO connections, those being closed included.", self.connections),
            ("sockets\0", "Sockets in their namespaces.", self.sockets),
            ("away\0", "Sockets whose clients may come back.", self.away),
            ("recovery_bytes\0", "Bytes kept for clients that may come back.", self.recovery_bytes),
            ("namespaces\0", "Namespaces.", self.namespaces),
            ("rooms\0", "Rooms that the host made, over all namespaces.", self.rooms),
            ("pending_acks\0", "Acknowledgements the host waits for.", self.pending_acks),
            ("timers\0", "Armed timers.", self.timers),
            ("queued_bytes\0", "Bytes that wait for kernels or polls.", self.queued_bytes),
            (
                "draining\0",
                "1 while clients are sent away and no new ones taken, else 0.",
                self.draining.into(),
            ),
        ]
    }

    /// What two loops have together. Namespaces are those of the larger; a room counts once on each.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "both are in one memory, and so is what they have together"
    )]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            links: self.links + other.links,
            connections: self.connections + other.connections,
            sockets: self.sockets + other.sockets,
            away: self.away + other.away,
            recovery_bytes: self.recovery_bytes + other.recovery_bytes,
            namespaces: self.namespaces.max(other.namespaces),
            rooms: self.rooms + other.rooms,
            pending_acks: self.pending_acks + other.pending_acks,
            timers: self.timers + other.timers,
            queued_bytes: self.queued_bytes + other.queued_bytes,
            draining: self.draining || other.draining,
            counters: self.counters.plus(&other.counters),
        }
    }
}

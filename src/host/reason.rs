//! Why a socket was disconnected, spelled as the reference spells it.

/// Why a socket is gone. [`Reason::text`] is the string that Socket.IO's own server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The client closed the transport, or the network did.
    TransportClose,
    /// The transport failed: a broken frame, overlapping or dropped requests.
    TransportError,
    /// No pong within `ping_timeout`.
    PingTimeout,
    /// A packet could not be parsed.
    ParseError,
    /// The connection was closed after a malformed Socket.IO packet.
    ForcedClose,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The host disconnected the socket from its namespace.
    ServerNamespaceDisconnect,
    /// The host closed the connection, the client broke the protocol, or it joined no namespace in time.
    ForcedServerClose,
    /// The broker is closing.
    ServerShuttingDown,
    /// The client did not read and its backlog was full. Not in the reference, which queues without bound.
    SlowConsumer,
}

impl Reason {
    /// All reasons.
    pub const ALL: &'static [Reason] = &[
        Reason::TransportClose,
        Reason::TransportError,
        Reason::PingTimeout,
        Reason::ParseError,
        Reason::ForcedClose,
        Reason::ClientNamespaceDisconnect,
        Reason::ServerNamespaceDisconnect,
        Reason::ForcedServerClose,
        Reason::ServerShuttingDown,
        Reason::SlowConsumer,
    ];

    /// Whether a client that comes back after this may have its session again, where its namespace has recovery. As in the
    /// reference, which has no slow consumers.
    pub(crate) const fn is_recoverable(self) -> bool {
        match self {
            Reason::TransportClose
            | Reason::TransportError
            | Reason::PingTimeout
            | Reason::ForcedClose
            | Reason::ForcedServerClose
            | Reason::ServerShuttingDown
            | Reason::SlowConsumer => true,
            Reason::ParseError | Reason::ClientNamespaceDisconnect | Reason::ServerNamespaceDisconnect => {
                false
            }
        }
    }

    /// The reference's spelling.
    pub const fn text(self) -> &'static str {
        let text = self.text_with_nul();
        text.split_at(text.len().saturating_sub(1)).0
    }

    /// The same with a NUL behind it, for C.
    pub(crate) const fn text_with_nul(self) -> &'static str {
        match self {
            Reason::TransportClose => "transport close\0",
            Reason::TransportError => "transport error\0",
            Reason::PingTimeout => "ping timeout\0",
            Reason::ParseError => "parse error\0",
            Reason::ForcedClose => "forced close\0",
            Reason::ClientNamespaceDisconnect => "client namespace disconnect\0",
            Reason::ServerNamespaceDisconnect => "server namespace disconnect\0",
            Reason::ForcedServerClose => "forced server close\0",
            Reason::ServerShuttingDown => "server shutting down\0",
            Reason::SlowConsumer => "slow consumer\0",
        }
    }
}

/// How many connections have ended for each reason.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Endings([u64; Reason::ALL.len()]);

impl Endings {
    pub(crate) fn count(&mut self, reason: Reason) {
        self.add(reason, 1);
    }

    fn add(&mut self, reason: Reason, more: u64) {
        let at = Reason::ALL.iter().position(|one| *one == reason);
        if let Some(count) = at.and_then(|at| self.0.get_mut(at)) {
            *count = count.wrapping_add(more);
        }
    }

    /// These and those.
    pub(crate) fn and(mut self, those: &Self) -> Self {
        for (count, more) in self.0.iter_mut().zip(those.0) {
            *count = count.wrapping_add(more);
        }
        self
    }

    /// Those since `last`, as the reference's transports have them: there the server's close is one, whatever it was for.
    pub(crate) fn since(&self, last: &Self) -> Vec<(&'static str, u64)> {
        let mut ended = Self::default();
        for (reason, (now, last)) in Reason::ALL.iter().zip(self.0.iter().zip(last.0)) {
            let transports = match reason {
                Reason::ForcedServerClose | Reason::ServerShuttingDown => Reason::ForcedClose,
                other => *other,
            };
            ended.add(transports, now.wrapping_sub(last));
        }
        let counts = Reason::ALL.iter().zip(ended.0).filter(|&(_, count)| count > 0);
        counts.map(|(reason, count)| (reason.text(), count)).collect()
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

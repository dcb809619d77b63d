//! Lines of the log about sockets, and about those that were not to be. It must not say a connection's id.

use super::Hub;
use crate::base::ids::Key;
use crate::engine::Engine;
use crate::host::log::{FromPeer, Kind, Quote, is_fault};
use crate::host::peer::Peer;
use crate::host::reason::Reason;
use std::fmt;

impl Hub {
    /// A line about a socket: its id, its namespace and its peer, and what happened.
    fn log_socket(
        &self,
        engine: &Engine,
        kind: Kind,
        key: Key,
        peer: Option<&Peer>,
        what: fmt::Arguments<'_>,
    ) {
        if !engine.log.wants(kind.level()) {
            return;
        }
        let Some(socket) = self.sockets.get(key) else { return };
        let namespace = self.namespaces.get(socket.namespace).map_or("", |namespace| &namespace.name);
        let (id, peer) = (self.id_of(key, socket), FromPeer(peer.or_else(|| engine.peer(socket.conn))));
        engine.log.add(kind, format_args!("{id} in {}{peer}: {what}", Quote(namespace)), engine.now);
    }

    pub(super) fn log_connected(&self, engine: &Engine, key: Key) {
        self.log_socket(engine, Kind::Connected, key, None, format_args!("connected"));
    }

    /// The host has turned it away.
    pub(super) fn log_rejected(&self, engine: &Engine, key: Key, message: &str) {
        self.log_socket(engine, Kind::Rejected, key, None, format_args!("rejected: {}", Quote(message)));
    }

    /// The hub itself has turned it away, before it was a socket.
    pub(super) fn log_unwelcome(&self, engine: &Engine, conn: Key, namespace: &str, message: &str) {
        let (peer, namespace) = (FromPeer(engine.peer(conn)), Quote(namespace));
        let text = format_args!("a request for {namespace}{peer}: rejected: {message}");
        engine.log.add(Kind::Rejected, text, engine.now);
    }

    /// `peer` is where it came from, if its connection may be gone already.
    pub(super) fn log_disconnected(&self, engine: &Engine, key: Key, reason: Reason, peer: Option<&Peer>) {
        let kind = if is_fault(reason) { Kind::DisconnectedByAFault } else { Kind::Disconnected };
        self.log_socket(engine, kind, key, peer, format_args!("disconnected: {reason}"));
    }

    pub(super) fn log_unparsable(&self, engine: &Engine, key: Key) {
        let what = format_args!("a packet that cannot be parsed");
        self.log_socket(engine, Kind::Unparsable, key, None, what);
    }
}

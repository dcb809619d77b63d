//! What an observer asks of the engine. It must not cost anything while nobody looks.

use super::Engine;
use super::conn::Transport;

impl Engine {
    /// Whether somebody looks at what happens.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.all)
    }

    /// Connections that poll. Each there is is looked at.
    pub(crate) fn polling_connections(&self) -> usize {
        let polls = |conn: &super::Conn| matches!(conn.transport, Transport::Polling { .. });
        self.conns.keys().filter(|&key| self.conns.get(key).is_some_and(polls)).count()
    }
}

//! Peers that have ended their side and may read on: what they have still to get, and how far the host is with what they said. It
//! must not end a link.

use super::Engine;
use super::conn::{Conn, Transport};
use super::link::{Link, Role, WebSocket};
use super::service::Owed;
use crate::base::ids::Key;
use crate::host::events::Events;

/// How far the host is. It takes events in batches, and has handled one when it comes back.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// The number of the batch that the next events will be.
    pub(super) next: u64,
    /// The host has handled the batches below this one.
    handled: u64,
}

impl Engine {
    /// Hands over the events since the last call.
    pub(crate) fn take_events(&mut self, events: &mut Events) {
        events.clear();
        std::mem::swap(events, &mut self.events);
        self.batches.next = self.batches.next.wrapping_add(1);
        if self.config.loops == 0 {
            // It is at them when it flushes, and done with them when it calls for a turn.
            self.batches.handled = self.batches.next;
        }
    }

    /// The host has handled all batches below this one.
    pub(crate) fn set_handled(&mut self, batch: u64) {
        self.batches.handled = batch;
    }

    pub(crate) fn handled(&self) -> u64 {
        self.batches.handled
    }

    /// The number of the batch that the next events will be.
    pub(crate) fn batch(&self) -> u64 {
        self.batches.next
    }

    /// The host calls for a turn although it is not done with the batch that it took last, or is done with it now.
    pub(crate) fn set_busy(&mut self, busy: bool) {
        self.batches.handled = self.batches.next.saturating_sub(u64::from(busy));
    }

    pub(crate) fn half_closed(&mut self, link: usize) {
        match self.link(link as u32) {
            Link::Http(http) => http.half_closed = true,
            Link::WebSocket(websocket) => websocket.half_closed = true,
            Link::Free => {}
        }
    }

    /// As a [`Service`](super::service::Service) is asked.
    pub(crate) fn owed(&self, link: usize) -> Owed {
        let (conn, output) = match self.links.get(link) {
            Some(Link::Http(http)) => (http.conn(), !http.unsent().is_empty()),
            Some(Link::WebSocket(WebSocket { conn, role: Role::Main, output, .. })) => {
                (Some(*conn), !output.is_empty() || self.outbox.is_congested(conn.slot))
            }
            Some(Link::WebSocket(websocket)) => (None, !websocket.output.is_empty()),
            Some(Link::Free) | None => return Owed::Nothing,
        };
        match conn.and_then(|conn| self.conns.get(conn)) {
            Some(conn) if self.is_unhandled(conn) => Owed::Answers,
            // Bounded in time by the answer's clock, or by the ping's as long as the peer takes nothing.
            _ if output => Owed::Output,
            _ => Owed::Nothing,
        }
    }

    /// The host has yet to answer a client that has ended its side of the link on which it is answered.
    pub(super) fn is_awaited(&self, conn: &Conn) -> bool {
        let link = match conn.transport {
            Transport::WebSocket { link } => Some(link),
            Transport::Polling { poll, .. } => poll,
        };
        let half_closed = match link.and_then(|link| self.links.get(link as usize)) {
            Some(Link::Http(http)) => http.half_closed,
            Some(Link::WebSocket(websocket)) => websocket.half_closed,
            Some(Link::Free) | None => false,
        };
        half_closed && self.is_unhandled(conn)
    }

    /// Whether the host has yet to handle something that came from a connection.
    fn is_unhandled(&self, conn: &Conn) -> bool {
        let waits = conn.said < self.batches.next || !self.events.is_empty();
        !conn.is_closing() && conn.said >= self.batches.handled && waits
    }

    /// Whether the client has ended its side, and has taken some of what waited since the last time. Such a one can say nothing
    /// any more, and goes when it has all of it.
    pub(super) fn reads_on(&mut self, key: Key) -> bool {
        let Some(Transport::WebSocket { link }) = self.conns.get(key).map(|conn| conn.transport) else {
            return false;
        };
        match self.link(link) {
            Link::WebSocket(websocket) => std::mem::take(&mut websocket.moves) && websocket.half_closed,
            _ => false,
        }
    }
}

//! Frames from WebSocket links, on their way to the connection they belong to. It must not know what a packet means.

use super::conn::{Probe, Timer, Transport};
use super::endpoint::Accepted;
use super::link::{Link, Role, WebSocket};
use super::{Ending, Engine, Upper};
use crate::base::ids::Key;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::out::Form;
use crate::wire::deflate::{Inflated, Inflater};
use crate::wire::ws::{self, Decoder, Fault, Message, Opcode};

/// What a probe may leave unread: a few control frames.
const MAX_OWN_OUTPUT: usize = 4096;

impl Engine {
    /// Makes a link a WebSocket of this connection, as its client was told.
    pub(super) fn start_websocket(&mut self, link: u32, conn: Key, role: Role, accepted: Accepted) {
        self.timers.cancel(Timer::Link(link));
        let decoder = Decoder::new();
        let half_closed = matches!(self.link(link), Link::Http(http) if http.half_closed);
        *self.link(link) = Link::WebSocket(WebSocket {
            conn,
            decoder,
            role,
            output: accepted.answer,
            close: Box::default(),
            peer_closed: false,
            half_closed,
            moves: false,
            held: false,
            deflate: accepted.deflation.is_some(),
            unread: None,
        });
        self.ready_links.push(link);
    }

    /// Makes a link the WebSocket that may take over from polling.
    pub(super) fn start_probe(&mut self, link: u32, conn: Key, form: Form, accepted: Accepted) {
        self.start_websocket(link, conn, Role::Probe, accepted);
        let at = self.after(self.config.upgrade_timeout);
        if let Some(state) = self.conns.get_mut(conn) {
            state.probe = Some(Probe { link, answered: false, form });
            self.timers.arm(Timer::Upgrade(conn.slot), at);
        }
    }

    /// Sends frames of the link's own, ahead of what its connection has queued.
    pub(super) fn websocket_output(&mut self, link: u32, write: impl FnOnce(&mut Vec<u8>)) {
        if let Link::WebSocket(websocket) = self.link(link) {
            write(&mut websocket.output);
            if websocket.output.len() > MAX_OWN_OUTPUT {
                let conn = websocket.conn;
                self.doom(link, true);
                return self.end_probe(conn);
            }
            self.ready_links.push(link);
        }
    }

    /// Bytes from a WebSocket link.
    pub(super) fn websocket_received(&mut self, link: u32, bytes: &mut [u8], upper: &mut impl Upper) {
        let Link::WebSocket(websocket) = self.link(link) else { return };
        if websocket.unread.is_some() {
            return self.leave_unread(link, bytes);
        }
        let mut decoder = std::mem::take(&mut websocket.decoder);
        let may_deflate = websocket.deflate;
        let mut inflater = may_deflate.then(|| self.inflater.take().unwrap_or_default());
        // What compressed messages may stand for in one turn.
        let mut share = self.config.limits.read_budget;
        let mut at = 0;
        // What is handled may end the link, or be the peer's last word; then the rest is of no interest. Or it leads the connection to
        // another loop.
        while let Link::WebSocket(WebSocket { conn, role, peer_closed: false, held: false, .. }) =
            *self.link(link)
        {
            let Some(unread) = bytes.get_mut(at..) else { break };
            if share == 0 {
                self.leave_unread(link, unread);
                break;
            }
            match decoder.read_deflated(unread, &self.config.limits, inflater.as_deref_mut()) {
                Ok((used, Some(message))) => {
                    at = at.saturating_add(used);
                    if may_deflate {
                        share = share.saturating_sub(message.len().max(used));
                    }
                    self.websocket_message(link, conn, role, message, upper);
                }
                Ok((_, None)) => break,
                Err(fault) => {
                    self.websocket_fault(link, conn, role, fault);
                    break;
                }
            }
        }
        if let Some(inflater) = inflater {
            self.keep_inflater(inflater);
        }
        if let Link::WebSocket(websocket) = self.link(link) {
            websocket.decoder = decoder;
            if websocket.held {
                let conn = websocket.conn;
                self.hold_input(conn, bytes.get(at..).unwrap_or_default());
            }
        }
    }

    fn keep_inflater(&mut self, mut inflater: Box<Inflater>) {
        let Inflated { messages, bytes } = inflater.take_inflated();
        count(&mut self.counters.inflated_messages, messages);
        count(&mut self.counters.inflated_bytes, bytes);
        self.inflater = Some(inflater);
    }

    fn websocket_message(
        &mut self,
        link: u32,
        conn: Key,
        role: Role,
        message: Message<'_>,
        upper: &mut impl Upper,
    ) {
        match (role, message) {
            (Role::Closing, Message::Close(..)) => self.doom(link, false),
            (Role::Closing, _) | (_, Message::Pong(_)) => {}
            (_, Message::Close(code, reason)) => {
                self.websocket_closed_by_peer(link, conn, role, code, reason)
            }
            (Role::Main, Message::Text(text)) => self.text_packet(conn, text, upper),
            (Role::Main, Message::Binary(bytes)) => self.binary_packet(conn, bytes, upper),
            (Role::Main, Message::Ping(payload)) => {
                self.outbox.send(conn.slot, |out| out.frame(Opcode::Pong, payload));
            }
            (Role::Probe, Message::Text(text)) => self.probe_text(conn, link, text),
            (Role::Probe, Message::Binary(_)) => self.end_probe(conn),
            (Role::Probe, Message::Ping(payload)) => {
                self.websocket_output(link, |out| ws::frame(out, Opcode::Pong, payload));
            }
        }
    }

    fn websocket_closed_by_peer(
        &mut self,
        link: u32,
        conn: Key,
        role: Role,
        code: Option<u16>,
        reason: &str,
    ) {
        if let Link::WebSocket(websocket) = self.link(link) {
            websocket.peer_closed = true;
            if let Some(code) = code {
                websocket.close = [&code.to_be_bytes(), reason.as_bytes()].concat().into();
            }
        }
        match role {
            Role::Main => self.close_conn(conn, Reason::TransportClose, Ending::Final),
            Role::Probe => self.end_probe(conn),
            Role::Closing => {}
        }
    }

    fn websocket_fault(&mut self, link: u32, conn: Key, role: Role, fault: Fault) {
        match fault {
            Fault::TooBig => count(&mut self.counters.oversized, 1),
            Fault::Protocol | Fault::InvalidPayload => count(&mut self.counters.bad_frames, 1),
        }
        if let Link::WebSocket(websocket) = self.link(link) {
            // After a fault nothing more can be read, so the peer's close frame is not waited for.
            websocket.peer_closed = true;
            websocket.close = fault.close_code().to_be_bytes().into();
        }
        match role {
            Role::Main => self.close_conn(conn, Reason::TransportError, Ending::Final),
            Role::Probe => self.end_probe(conn),
            Role::Closing => self.doom(link, true),
        }
    }

    /// A WebSocket link is gone.
    pub(super) fn websocket_lost(&mut self, conn: Key, role: Role) {
        match role {
            Role::Main => {
                let carried = self.conns.get(conn).map(|conn| conn.transport);
                if let Some(Transport::WebSocket { .. }) = carried {
                    self.close_conn(conn, Reason::TransportClose, Ending::Abrupt);
                }
            }
            Role::Probe => self.end_probe(conn),
            Role::Closing => {}
        }
    }
}

//! Clients whose session is on another loop of their broker: how they are told on which they are, and that they go there. It must not
//! know what carries them.

use super::Hub;
use super::clients::Client;
use super::recovery::Session;
use super::restore::text_in;
use crate::base::ids::Key;
use crate::engine::Engine;
use crate::host::reason::Reason;
use crate::wire::socketio::Packet;

impl Hub {
    /// A client that has no socket here, and asks for one with a private id of another loop, goes there, and with it the message
    /// that says so. Sockets that wait to be let in are none yet: to the host they end, and their client asks for them there. Whether
    /// it goes.
    pub(super) fn goes_elsewhere(&mut self, engine: &mut Engine, conn: Key, packet: &Packet<'_>) -> bool {
        if engine.config.loops < 2 {
            return false;
        }
        if !self.clients.get(conn).is_some_and(Client::only_asks) || !engine.may_leave(conn) {
            return false;
        }
        let pid = text_in(packet.data, "pid");
        let Some(number) = pid.and_then(|pid| self.recovery.pids.elsewhere(&pid)) else { return false };
        let asks = self.clients.get_mut(conn).map(|client| std::mem::take(&mut client.asks));
        let mut messages = Vec::new();
        for (socket, request) in asks.into_iter().flatten() {
            self.remove_socket(engine, socket, Reason::TransportClose, None);
            messages.push(request);
        }
        messages.push(format!("0{},{}", packet.nsp, packet.data).into());
        self.forget_client(conn);
        engine.send_away(conn, number, messages);
        true
    }

    /// Keeps by what a client asks for a socket that waits, if another loop may yet have to hear of it: as many bytes as one message of
    /// it may have. Past that it stays here.
    pub(super) fn keep_ask(&mut self, engine: &Engine, conn: Key, socket: Key, auth: &str) {
        if !self.recovery.spread || !engine.may_leave(conn) {
            return;
        }
        let Some(client) = self.clients.get_mut(conn) else { return };
        if client.sockets.len() > client.asks.len().saturating_add(1) {
            return;
        }
        let home = self.sockets.get(socket).and_then(|socket| self.namespaces.get(socket.namespace));
        let Some(home) = home else { return };
        let request = format!("0{},{auth}", home.name);
        let kept = client.asks.iter().map(|(_, request)| request.len());
        if kept.fold(request.len(), usize::saturating_add) <= engine.config.limits.max_payload {
            client.asks.push((socket, request.into()));
        }
    }

    /// The private id that a client is told. Where a session may be on one of several loops there is one in every namespace: whichever
    /// its client asks for first when it comes back, it says where the others are.
    pub(super) fn pid_for(&self, session: Option<&Session>) -> Option<String> {
        match session {
            Some(session) => Some(session.pid.text()),
            // Without the system's random numbers it is told none.
            None if self.recovery.spread => self.recovery.pids.place().ok(),
            None => None,
        }
    }
}

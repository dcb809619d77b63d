//! Clients whose session is on another loop of their broker: how they are told on which they are, and that they go there. It must not
//! know what carries them.

use super::Hub;
use super::clients::Client;
use super::recovery::Session;
use super::restore::text_in;
use crate::base::ids::Key;
use crate::engine::Engine;
use crate::wire::socketio::{Kind, Packet};

impl Hub {
    /// A client that has had no socket here, and asks for one with a private id of another loop, goes there, and with it the message
    /// that says so. Whether it does.
    pub(super) fn goes_elsewhere(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        packet: &Packet<'_>,
        message: &str,
    ) -> bool {
        if engine.config.loops < 2 || packet.kind != Kind::Connect {
            return false;
        }
        if !self.clients.get(conn).is_some_and(Client::is_new) {
            return false;
        }
        let pid = text_in(packet.data, "pid");
        let Some(number) = pid.and_then(|pid| self.recovery.pids.elsewhere(&pid)) else { return false };
        let goes = engine.send_away(conn, number, message);
        if goes {
            self.forget_client(conn);
        }
        goes
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

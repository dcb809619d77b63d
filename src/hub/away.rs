//! Sockets that are away: their connection has ended, and their client may come back. It must not say anything to anybody but the
//! host.

use super::Hub;
use super::recovery::Session;
use super::sockets::Life;
use crate::base::errors::Result;
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::sid;
use crate::engine::Engine;
use crate::host::events::Kind;
use crate::host::stats::count;

impl Hub {
    /// The session of the socket to be, if its namespace has recovery.
    pub(super) fn begin_session(&mut self, namespace: Key) -> Result<Option<Session>> {
        let Some(log) = self.namespaces.get_mut(namespace).and_then(|home| home.log.as_deref_mut()) else {
            return Ok(None);
        };
        let pid = self.recovery.pids.make(self.sockets.next_key())?;
        Ok(Some(log.begin_session(pid, self.recovery.now())))
    }

    /// The end of a session, whatever has ended it.
    pub(super) fn end_session(&mut self, namespace: Key, session: Session) {
        self.recovery.pids.forget(session.pid);
        if let Some(log) = self.namespaces.get_mut(namespace).and_then(|home| home.log.as_deref_mut()) {
            log.end_session(session);
        }
    }

    /// The connection of a socket has ended, of which the host knows already: from now on it is away.
    pub(super) fn park(&mut self, engine: &mut Engine, key: Key) {
        self.detach(engine, key);
        let until = engine.after(engine.config.limits.recovery_window);
        let rooms: Vec<String> = self.router.rooms_of(key.slot).map(str::to_owned).collect();
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let (tag, namespace) = (socket.tag, socket.namespace);
        let acks = std::mem::take(&mut socket.acks);
        socket.life = Life::Away(until);
        self.recovery.expiry.add(key.slot, until);
        self.leave_router(engine, key, tag, NamespaceId::new(namespace));
        if let Some(home) = self.namespaces.get(namespace) {
            self.away.add(key.slot, home.away, 0);
        }
        for room in &rooms {
            self.away.join(key.slot, room, |_| {});
        }
        self.abandon_acks(engine, key.slot, acks);
        self.save_session(engine, key);
    }

    /// One more has gone away and stays so: there may be one too many.
    pub(super) fn hold_to_sessions(&mut self, engine: &mut Engine) {
        if self.recovery.expiry.len() > engine.config.limits.recovery_sessions as usize {
            self.expire_first(engine);
        }
    }

    /// The one that has been away the longest is waited for no more.
    pub(super) fn expire_first(&mut self, engine: &mut Engine) {
        if let Some(key) = self.recovery.expiry.first().and_then(|slot| self.sockets.key_at(slot)) {
            self.expire(engine, key);
        }
    }

    /// A socket that is away is waited for no more, by no node.
    pub(super) fn expire(&mut self, engine: &mut Engine, key: Key) {
        self.unsave_session(key);
        self.end_away(engine, key);
    }

    /// A socket that is away is waited for no more here.
    pub(super) fn end_away(&mut self, engine: &mut Engine, key: Key) {
        let Some(socket) = self.sockets.get(key) else { return };
        count(&mut engine.counters.sessions_expired, 1);
        let kind = Kind::SessionExpired(SocketId::new(key), NamespaceId::new(socket.namespace));
        engine.events.push(kind).tag(socket.tag).text(&[sid::text(&socket.sid)]);
        self.forget_socket(engine, key);
    }
}

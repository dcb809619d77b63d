//! Who gets in: connects to namespaces, open and guarded, and the host's answers. It must not deliver anything to a
//! socket that is not connected yet.

use super::Hub;
use super::Timer;
use super::acks::Owed;
use super::delivery::check_data;
use super::place::Place;
use super::restore::Return;
use super::sockets::{Life, Socket};
use crate::base::errors::{Error, Result};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::sid;
use crate::engine::{Ending, Engine};
use crate::host::events::Kind;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::engineio::Version;
use crate::wire::socketio;

impl Hub {
    /// A client asks to join a namespace.
    pub(super) fn connect(&mut self, engine: &mut Engine, conn: Key, name: &str, auth: &str) {
        // Checked first, so that no namespace is made for nobody.
        let limits = &engine.config.limits;
        if name.len() > limits.max_namespace_name {
            return self.refuse_client(engine, conn, name, "Invalid namespace");
        }
        let waiting =
            self.clients.get(conn).map_or(0, |conn| conn.sockets.len().saturating_add(conn.abroad.len()));
        if waiting >= limits.max_namespaces_per_connection as usize {
            return self.refuse_client(engine, conn, name, "Too many namespaces");
        }
        let namespace = match self.namespace_for_client(engine, conn, name) {
            Ok(namespace) => namespace,
            Err(why) => return self.refuse_client(engine, conn, name, why),
        };
        // It stays while somebody asks for it, whatever becomes of the session that it had.
        if let Some(home) = self.namespaces.get_mut(namespace) {
            home.enter();
        }
        match self.recover(engine, conn, namespace, auth) {
            Return::Recovered => self.leave_namespace(engine, namespace),
            Return::Asked => {}
            Return::Anew => self.connect_anew(engine, conn, namespace, auth),
        }
    }

    /// A client without a session asks to join a namespace, which counts it already.
    pub(super) fn connect_anew(&mut self, engine: &mut Engine, conn: Key, namespace: Key, auth: &str) {
        let slot = self.sockets.next_key().slot;
        let session = match engine.version(conn) {
            Version::V3 => Ok(None),
            Version::V4 => self.begin_session(namespace),
        };
        let (Ok(sid), Ok(session)) = (self.sids.make(slot), session) else {
            self.leave_namespace(engine, namespace);
            return engine.close_conn(conn, Reason::ForcedServerClose, Ending::Orderly);
        };
        let key = self.sockets.insert(Socket {
            sid,
            namespace,
            conn,
            life: Life::Asking(None),
            room_bytes: 0,
            acks: Owed::default(),
            tag: 0,
            session: session.map(Box::new),
            returns: None,
        });
        self.note_old_id(engine, key);
        self.note_own_room(key, true);
        self.keep_auth(engine, key, auth);
        let (Some(state), Some(home)) = (self.clients.get_mut(conn), self.namespaces.get(namespace)) else {
            return;
        };
        state.sockets.push(key);
        let guarded = home.guarded;
        let asking = home.asking;
        if guarded {
            self.asking.add(key.slot, asking, key.slot);
            self.keep_ask(engine, conn, key, auth);
            let kind = Kind::ConnectRequest(SocketId::new(key), NamespaceId::new(namespace), false);
            self.tell_id(engine, kind, key, auth);
        } else {
            self.complete_connect(engine, key);
            let kind = Kind::Connect(SocketId::new(key), NamespaceId::new(namespace), false);
            self.tell_id(engine, kind, key, auth);
        }
    }

    /// Tells the host of a socket that it does not know yet.
    fn tell_id(&self, engine: &mut Engine, kind: Kind, key: Key, auth: &str) {
        let id = self.sockets.get(key).map_or("", |socket| self.id_of(key, socket));
        engine.events.push(kind).text(&[id]).text(&[auth]);
    }

    fn complete_connect(&mut self, engine: &mut Engine, key: Key) {
        self.enter(engine, key);
        self.log_connected(engine, key);
    }

    /// Makes a socket that was asking, or away, one of its namespace, in the rooms that it has by now, and tells its client.
    pub(super) fn enter(&mut self, engine: &mut Engine, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let life = std::mem::replace(&mut socket.life, Life::Connected);
        let (conn, sid, home) = (socket.conn, socket.sid, socket.namespace);
        socket.room_bytes = 0;
        // Set aside: it knows since when the socket is in these rooms.
        let session = socket.session.take();
        let pid = self.pid_for(session.as_deref());
        let Some(namespace) = self.namespaces.get_mut(home) else { return };
        namespace.fleeting &= !namespace.settles;
        self.router.add(key.slot, namespace.route, conn.slot);
        engine.scratch.clear();
        engine.scratch.push(b'4');
        match engine.version(conn) {
            Version::V3 => socketio::write_old_connect(&mut engine.scratch, &namespace.name),
            Version::V4 => {
                socketio::write_connect(&mut engine.scratch, &namespace.name, sid::text(&sid), pid.as_deref())
            }
        }
        engine.send_scratch(conn);
        self.timers.cancel(Timer::Connect(conn.slot));
        if let Some(client) = self.clients.get_mut(conn) {
            // From now on it stays on this loop.
            client.asks = Vec::new();
        }
        if let Life::Away(until) = life {
            self.recovery.expiry.remove(key.slot, until);
        }
        let Self { router, asking, away, .. } = self;
        let before = life.place().of(router, asking, away);
        let rooms: Vec<String> = before.rooms_of(key.slot).map(str::to_owned).collect();
        before.remove(key.slot, |_| {});
        for room in &rooms {
            // It was checked when the host named it.
            let _ = self.join(engine, SocketId::new(key), room);
        }
        if let Some(socket) = self.sockets.get_mut(key) {
            socket.session = session;
        }
        if engine.watch.is_some() {
            self.see_entered(engine, key);
        }
        if let Life::Asking(Some(held)) = life {
            Self::release(engine, conn, &held);
        }
    }

    /// The broker itself turns a client away; what else the client has goes on.
    fn refuse_client(&mut self, engine: &mut Engine, conn: Key, name: &str, message: &str) {
        count(&mut engine.counters.connects_refused, 1);
        self.log_unwelcome(engine, conn, name, message);
        self.refuse_connect(engine, conn, name, message, None);
    }

    fn refuse_connect(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        name: &str,
        message: &str,
        data: Option<&str>,
    ) {
        engine.scratch.clear();
        engine.scratch.push(b'4');
        socketio::write_connect_error(&mut engine.scratch, name, message, data);
        engine.send_scratch(conn);
    }

    /// Lets a socket in that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for.
    pub(crate) fn accept(&mut self, engine: &mut Engine, socket: SocketId) -> Result<()> {
        let key = socket.key();
        let state = self.sockets.get_mut(key).ok_or(Error::Gone)?;
        if state.life.place() != Place::Asking {
            return Err(Error::WrongState);
        }
        match state.returns.take() {
            Some(returns) => self.let_back(engine, key, *returns),
            None => self.complete_connect(engine, key),
        }
        Ok(())
    }

    /// Turns a socket away that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for.
    pub(crate) fn reject(
        &mut self,
        engine: &mut Engine,
        socket: SocketId,
        message: &str,
        data: Option<&str>,
    ) -> Result<()> {
        let state = self.socket(socket)?;
        if state.life.place() != Place::Asking {
            return Err(Error::WrongState);
        }
        if let Some(data) = data {
            check_data(data, &engine.config.limits)?;
        }
        let (conn, namespace) = (state.conn, state.namespace);
        let name = self.namespaces.get(namespace).map(|namespace| namespace.name.clone()).unwrap_or_default();
        count(&mut engine.counters.connects_refused, 1);
        match engine.version(conn) {
            Version::V3 => {
                engine.scratch.clear();
                engine.scratch.push(b'4');
                socketio::write_old_error(&mut engine.scratch, &name, message, data);
                engine.send_scratch(conn);
            }
            Version::V4 => self.refuse_connect(engine, conn, &name, message, data),
        }
        self.log_rejected(engine, socket.key(), message);
        self.forget_socket(engine, socket.key());
        Ok(())
    }

    /// Takes a socket out of its namespace.
    pub(crate) fn disconnect(&mut self, engine: &mut Engine, socket: SocketId, close: bool) -> Result<()> {
        let key = socket.key();
        let state = self.socket(socket)?;
        let conn = state.conn;
        if let Life::Away(_) = state.life {
            self.expire(engine, key);
        } else if close {
            let sockets = self.clients.get(conn).map(|conn| conn.sockets.clone()).unwrap_or_default();
            for other in sockets {
                self.end_socket(engine, other);
            }
            engine.close_conn(conn, Reason::ForcedServerClose, Ending::Orderly);
        } else {
            self.end_socket(engine, key);
        }
        Ok(())
    }

    /// Says goodbye to one socket and removes it.
    fn end_socket(&mut self, engine: &mut Engine, key: Key) {
        let Some(socket) = self.sockets.get(key) else { return };
        let conn = socket.conn;
        if let Some(namespace) = self.namespaces.get(socket.namespace) {
            engine.scratch.clear();
            engine.scratch.push(b'4');
            socketio::write_disconnect(&mut engine.scratch, &namespace.name);
            engine.send_scratch(conn);
        }
        self.remove_socket(engine, key, Reason::ServerNamespaceDisconnect, None);
    }
}

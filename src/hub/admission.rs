//! Who gets in: connects to namespaces, open and guarded, and the host's answers. It must not deliver anything to a
//! socket that is not connected yet.

use super::Hub;
use super::Timer;
use super::acks::Owed;
use super::delivery::check_data;
use super::sockets::{Life, Socket};
use crate::base::errors::{Error, Result};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::sid;
use crate::engine::{Ending, Engine};
use crate::host::events::Kind;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::socketio;

impl Hub {
    /// A client asks to join a namespace.
    pub(super) fn connect(&mut self, engine: &mut Engine, conn: Key, name: &str, auth: &str) {
        // Checked first, so that no namespace is made for nobody.
        let limits = &engine.config.limits;
        if name.len() > limits.max_namespace_name {
            return self.refuse_client(engine, conn, name, "Invalid namespace");
        }
        let waiting = self.clients.get(conn).map_or(0, |conn| conn.sockets.len());
        if waiting >= limits.max_namespaces_per_connection as usize {
            return self.refuse_client(engine, conn, name, "Too many namespaces");
        }
        let slot = self.sockets.next_key().slot;
        let Ok(sid) = self.sids.make(slot) else {
            return engine.close_conn(conn, Reason::ForcedServerClose, Ending::Orderly);
        };
        let namespace = match self.namespace_for_client(engine, conn, name) {
            Ok(namespace) => namespace,
            Err(why) => return self.refuse_client(engine, conn, name, why),
        };
        let key = self.sockets.insert(Socket {
            sid,
            namespace,
            conn,
            life: Life::Asking(None),
            room_bytes: 0,
            acks: Owed::default(),
            tag: 0,
        });
        let (Some(state), Some(home)) = (self.clients.get_mut(conn), self.namespaces.get_mut(namespace))
        else {
            return;
        };
        state.sockets.push(key);
        home.enter();
        let id = sid::text(&sid);
        if home.guarded {
            self.asking.add(key.slot, home.asking, key.slot);
            let kind = Kind::ConnectRequest(SocketId::new(key), NamespaceId::new(namespace));
            engine.events.push(kind).text(&[id]).text(&[auth]);
        } else {
            self.complete_connect(engine, key);
            let kind = Kind::Connect(SocketId::new(key), NamespaceId::new(namespace));
            engine.events.push(kind).text(&[id]).text(&[auth]);
        }
    }

    fn complete_connect(&mut self, engine: &mut Engine, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        let held = match std::mem::replace(&mut socket.life, Life::Connected) {
            Life::Asking(held) => held,
            Life::Connected => None,
        };
        let (conn, sid) = (socket.conn, socket.sid);
        socket.room_bytes = 0;
        let Some(namespace) = self.namespaces.get_mut(socket.namespace) else { return };
        namespace.fleeting &= !namespace.settles;
        self.router.add(key.slot, namespace.route, conn.slot);
        engine.scratch.clear();
        engine.scratch.push(b'4');
        socketio::write_connect(&mut engine.scratch, &namespace.name, sid::text(&sid));
        engine.send_scratch(conn);
        self.timers.cancel(Timer::Connect(conn.slot));
        let rooms: Vec<String> = self.asking.rooms_of(key.slot).map(str::to_owned).collect();
        self.asking.remove(key.slot, |_| {});
        for room in &rooms {
            // It was checked when the host named it.
            let _ = self.join(engine, SocketId::new(key), room);
        }
        if let Some(held) = held {
            Self::release(engine, conn, &held);
        }
        self.log_connected(engine, key);
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
        if self.socket(socket)?.is_connected() {
            return Err(Error::WrongState);
        }
        self.complete_connect(engine, socket.key());
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
        if state.is_connected() {
            return Err(Error::WrongState);
        }
        if let Some(data) = data {
            check_data(data, &engine.config.limits)?;
        }
        let (conn, namespace) = (state.conn, state.namespace);
        let name = self.namespaces.get(namespace).map(|namespace| namespace.name.clone()).unwrap_or_default();
        count(&mut engine.counters.connects_refused, 1);
        self.refuse_connect(engine, conn, &name, message, data);
        self.log_rejected(engine, socket.key(), message);
        self.forget_socket(engine, socket.key());
        Ok(())
    }

    /// Takes a socket out of its namespace.
    pub(crate) fn disconnect(&mut self, engine: &mut Engine, socket: SocketId, close: bool) -> Result<()> {
        let key = socket.key();
        let state = self.socket(socket)?;
        let conn = state.conn;
        if close {
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

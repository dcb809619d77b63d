//! Who gets in: connects to namespaces, open and guarded, and the host's answers. It must not deliver anything to a
//! socket that is not connected yet.

use super::acks::Owed;
use super::core::{Core, Ending, Socket};
use super::delivery::check_data;
use super::early::EarlyRooms;
use super::events::Kind;
use super::stats::count;
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, Key, NamespaceId, SocketId};
use crate::session::link::Link;
use crate::session::reason::Reason;
use crate::session::sid;
use crate::session::timers::Timer;
use crate::wire::socketio;
use crate::wire::ws::{self, Opcode};

impl Core {
    /// A client asks to join a namespace.
    pub(super) fn connect(&mut self, conn: Key, name: &str, auth: &str) {
        // Checked first, so that no namespace is made for nobody.
        let limits = &self.config.limits;
        if name.len() > limits.max_namespace_name {
            return self.refuse_client(conn, name, "Invalid namespace");
        }
        let waiting = self.conns.get(conn).map_or(0, |conn| conn.sockets.len());
        if waiting >= limits.max_namespaces_per_connection as usize {
            return self.refuse_client(conn, name, "Too many namespaces");
        }
        let slot = self.sockets.next_key().slot;
        let Ok(sid) = self.sids.make(slot) else {
            return self.close_conn(conn, Reason::ForcedServerClose, Ending::Orderly);
        };
        let namespace = match self.namespace_for_client(conn, name) {
            Ok(namespace) => namespace,
            Err(why) => return self.refuse_client(conn, name, why),
        };
        let key = self.sockets.insert(Socket {
            sid,
            namespace,
            conn,
            connected: false,
            early_rooms: EarlyRooms::default(),
            room_bytes: 0,
            acks: Owed::default(),
            tag: 0,
        });
        let (Some(state), Some(home)) = (self.conns.get_mut(conn), self.namespaces.get_mut(namespace)) else {
            return;
        };
        state.sockets.push(key);
        home.enter();
        let id = sid::text(&sid);
        if home.guarded {
            let kind = Kind::ConnectRequest(SocketId::new(key), NamespaceId::new(namespace));
            self.events.push(kind).text(&[id]).text(&[auth]);
        } else {
            self.complete_connect(key);
            let kind = Kind::Connect(SocketId::new(key), NamespaceId::new(namespace));
            self.events.push(kind).text(&[id]).text(&[auth]);
        }
    }

    fn complete_connect(&mut self, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else { return };
        socket.connected = true;
        let (conn, sid) = (socket.conn, socket.sid);
        let early_rooms = std::mem::take(&mut socket.early_rooms);
        socket.room_bytes = 0;
        let Some(namespace) = self.namespaces.get_mut(socket.namespace) else { return };
        namespace.fleeting &= !namespace.settles;
        self.router.add(key.slot, namespace.route, conn.slot);
        self.scratch.clear();
        self.scratch.push(b'4');
        socketio::write_connect(&mut self.scratch, &namespace.name, sid::text(&sid));
        self.send_scratch(conn);
        self.timers.cancel(Timer::Connect(conn.slot));
        for room in early_rooms.in_order() {
            // It was checked when the host named it.
            let _ = self.join(SocketId::new(key), room);
        }
        self.log_connected(key);
    }

    /// The broker itself turns a client away; what else the client has goes on.
    fn refuse_client(&mut self, conn: Key, name: &str, message: &str) {
        count(&mut self.counters.connects_refused, 1);
        self.log_unwelcome(conn, name, message);
        self.refuse_connect(conn, name, message, None);
    }

    fn refuse_connect(&mut self, conn: Key, name: &str, message: &str, data: Option<&str>) {
        self.scratch.clear();
        self.scratch.push(b'4');
        socketio::write_connect_error(&mut self.scratch, name, message, data);
        self.send_scratch(conn);
    }

    /// Sends the packet in `scratch` to one connection.
    pub(super) fn send_scratch(&mut self, conn: Key) {
        let scratch = std::mem::take(&mut self.scratch);
        self.send_frames(conn, |out| ws::frame(out, Opcode::Text, &scratch));
        self.scratch = scratch;
    }

    /// Lets a socket in that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for. It is connected when
    /// this returns; no [`Event::Connect`](crate::Event::Connect) follows.
    ///
    /// # Errors
    /// [`Error::Gone`] if the client left meanwhile, [`Error::WrongState`] if the answer was given before.
    pub fn accept(&mut self, socket: SocketId) -> Result<()> {
        if self.socket(socket)?.connected {
            return Err(Error::WrongState);
        }
        self.complete_connect(socket.key());
        Ok(())
    }

    /// Turns a socket away that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for. The client gets
    /// `message`, and `data` if there is any: a JSON value. The handle is dead when this returns.
    ///
    /// # Errors
    /// [`Error::Gone`] if the client left meanwhile, [`Error::WrongState`] if it was accepted before,
    /// [`Error::BadData`] if `data` is not JSON.
    pub fn reject(&mut self, socket: SocketId, message: &str, data: Option<&str>) -> Result<()> {
        let state = self.socket(socket)?;
        if state.connected {
            return Err(Error::WrongState);
        }
        if let Some(data) = data {
            check_data(data, &self.config.limits)?;
        }
        let (conn, namespace) = (state.conn, state.namespace);
        let name = self.namespaces.get(namespace).map(|namespace| namespace.name.clone()).unwrap_or_default();
        count(&mut self.counters.connects_refused, 1);
        self.refuse_connect(conn, &name, message, data);
        self.log_rejected(socket.key(), message);
        self.forget_socket(socket.key());
        Ok(())
    }

    /// Takes a socket out of its namespace. The client gets a disconnect packet; with `close`, its whole connection ends
    /// and with it its sockets in other namespaces. What was emitted to it before still goes out.
    ///
    /// # Errors
    /// [`Error::Gone`] if the socket is.
    pub fn disconnect(&mut self, socket: SocketId, close: bool) -> Result<()> {
        let key = socket.key();
        let state = self.socket(socket)?;
        let conn = state.conn;
        if close {
            let sockets = self.conns.get(conn).map(|conn| conn.sockets.clone()).unwrap_or_default();
            for other in sockets {
                self.end_socket(other);
            }
            self.close_conn(conn, Reason::ForcedServerClose, Ending::Orderly);
        } else {
            self.end_socket(key);
        }
        Ok(())
    }

    /// Says goodbye to one socket and removes it.
    fn end_socket(&mut self, key: Key) {
        let Some(socket) = self.sockets.get(key) else { return };
        let conn = socket.conn;
        if let Some(namespace) = self.namespaces.get(socket.namespace) {
            self.scratch.clear();
            self.scratch.push(b'4');
            socketio::write_disconnect(&mut self.scratch, &namespace.name);
            self.send_scratch(conn);
        }
        self.remove_socket(key, Reason::ServerNamespaceDisconnect);
    }

    /// Closes a connection and all its sockets, after what is queued for it has gone out.
    ///
    /// # Errors
    /// [`Error::Gone`] if the connection is.
    pub fn close_connection(&mut self, conn: ConnId) -> Result<()> {
        let key = conn.key();
        if !self.conns.get(key).is_some_and(|conn| conn.is_open()) {
            return Err(Error::Gone);
        }
        self.close_conn(key, Reason::ForcedClose, Ending::Orderly);
        Ok(())
    }

    /// Takes connections again after [`Core::shut_down`].
    pub fn reopen(&mut self) {
        self.shutting_down = false;
    }

    /// Forgets all links and connections without a word: the loop has closed them.
    pub fn abandon_links(&mut self) {
        for key in self.conns.keys().collect::<Vec<_>>() {
            self.close_conn(key, Reason::ServerShuttingDown, Ending::Abrupt);
        }
        for link in 0..self.links.len() as u32 {
            self.doom(link, true);
        }
        self.doomed.clear();
        self.ready_links.clear();
        self.put_off.clear();
    }

    /// Ends every connection, with the reason `server shutting down`; new ones are refused. What is queued still goes
    /// out, as far as clients take it: flush until [`Core::has_output`] is false or your patience ends.
    pub fn shut_down(&mut self) {
        self.shutting_down = true;
        self.stop_draining();
        for key in self.conns.keys().collect::<Vec<_>>() {
            self.close_conn(key, Reason::ServerShuttingDown, Ending::Orderly);
        }
        self.end_idle_links();
    }

    /// Whether a link ends as soon as no request is under way on it: the broker is shutting down, and no connection is
    /// left. Until then any may bring the poll by which a client learns of the end.
    pub(super) fn ends_idle_links(&self) -> bool {
        self.shutting_down && self.conns.len() == 0
    }

    /// Looks at all links in the next flush, if those that are idle have to end now.
    pub(super) fn end_idle_links(&mut self) {
        if self.ends_idle_links() {
            let links = self.links.iter().zip(0..).filter(|(link, _)| matches!(link, Link::Http(_)));
            self.ready_links.extend(links.map(|(_, number)| number));
        }
    }
}

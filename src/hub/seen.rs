//! What those are told who look at the admin interface: sockets, rooms and events, as the interface's protocol has them. It must not
//! change anything, and nothing here runs while nobody looks.

use super::Hub;
use super::message::Message;
use crate::base::date;
use crate::base::ids::{ConnId, Key, NamespaceId, SocketId};
use crate::engine::Engine;
use crate::host::reason::Reason;
use crate::host::sights::{event, strings};
use crate::host::stats::count;
use crate::route::{Change, Member};
use std::fmt::Write;

impl Hub {
    fn namespace_text(&self, namespace: Key) -> &str {
        self.namespaces.get(namespace).map_or("", |namespace| &namespace.name)
    }

    /// A socket joined and left rooms, which are kept while the router is at it.
    pub(super) fn see_rooms(&self, engine: &mut Engine, key: Key, changes: &[(bool, String)]) {
        let Some(socket) = self.sockets.get(key).filter(|socket| socket.is_connected()) else { return };
        let (namespace, id) = (self.namespace_text(socket.namespace), self.id_of(key, socket));
        for (joined, room) in changes {
            let name = if *joined { "room_joined" } else { "room_left" };
            tell(engine, name, &strings(&[namespace, room, id]));
        }
    }

    /// A socket is in its namespace and its own room, and by now in others.
    pub(super) fn see_entered(&self, engine: &mut Engine, key: Key) {
        let Some(watch) = &engine.watch else { return };
        let Some(socket) = self.sockets.get(key) else { return };
        let namespace = self.namespace_text(socket.namespace);
        let looks = *watch.namespace == *namespace;
        if watch.all {
            let id = self.id_of(key, socket);
            tell(engine, "room_joined", &strings(&[namespace, id, id]));
            if let Some(view) = self.view(engine, key) {
                tell(engine, "socket_connected", &view);
            }
        }
        if looks {
            engine.events.sights.entered(SocketId::new(key));
        }
    }

    /// A socket has left its namespace, and with it its rooms.
    pub(super) fn see_gone(&self, engine: &mut Engine, key: Key, reason: Reason) {
        let Some(socket) = self.sockets.get(key).filter(|socket| socket.is_connected()) else { return };
        let (namespace, id) = (self.namespace_text(socket.namespace), self.id_of(key, socket));
        tell(engine, "socket_disconnected", &strings(&[namespace, id, reason.text()]));
        tell(engine, "room_left", &strings(&[namespace, id, id]));
        for room in self.router_of(socket).rooms_of(key.slot).filter(|&room| room != id) {
            tell(engine, "room_left", &strings(&[namespace, room, id]));
        }
    }

    /// A client emitted an event.
    pub(super) fn see_received(&self, engine: &mut Engine, key: Key, name: &str, rest: &str) {
        let Some(socket) = self.sockets.get(key) else { return };
        let namespace = self.namespace_text(socket.namespace);
        if engine.watch.as_ref().is_some_and(|watch| *watch.namespace != *namespace) {
            let event = event(name, &format!("[{rest}]"));
            let whom = strings(&[namespace, self.id_of(key, socket)]);
            tell(engine, "event_received", &format!("{whom},{event}"));
        }
    }

    /// The host emitted an event to these.
    pub(super) fn see_sent(
        &self,
        engine: &mut Engine,
        namespace: NamespaceId,
        message: &Message<'_>,
        members: &[Member],
    ) {
        let namespace = self.namespace_text(namespace.key());
        if engine.watch.as_ref().is_none_or(|watch| *watch.namespace == *namespace) {
            return;
        }
        let event = event(message.name, message.args);
        for (at, &member) in members.iter().enumerate() {
            if !engine.events.sights.has_room() {
                let left = members.len().saturating_sub(at);
                return count(&mut engine.counters.admin_unseen, left as u64);
            }
            let Some(key) = self.sockets.key_at(member) else { continue };
            let id = self.sockets.get(key).map_or("", |socket| self.id_of(key, socket));
            tell(engine, "event_sent", &format!("{},{event}", strings(&[namespace, id])));
        }
    }

    /// A connection is carried by a WebSocket from now on.
    pub(crate) fn see_upgraded(&self, engine: &mut Engine, conn: Key) {
        let sockets = self.clients.get(conn).map(|client| client.sockets.clone()).unwrap_or_default();
        for key in sockets {
            let Some(socket) = self.sockets.get(key).filter(|socket| socket.is_connected()) else { continue };
            let (id, nsp) =
                (strings(&[self.id_of(key, socket)]), strings(&[self.namespace_text(socket.namespace)]));
            let told = format!(r#"[{{"id":{id},"nsp":{nsp},"transport":"websocket"}}]"#);
            if !engine.events.sights.tell("socket_updated", told) {
                count(&mut engine.counters.admin_unseen, 1);
            }
        }
    }

    /// All sockets as the interface shows them, but no more than fit into so many bytes; and how many did not.
    pub(crate) fn survey(&self, engine: &Engine, most: usize) -> (Vec<String>, u64) {
        let (mut views, mut left) = (Vec::new(), most);
        let mut out = 0_u64;
        for (namespace, _) in self.namespaces() {
            for socket in self.sockets_in(namespace).into_iter().flatten() {
                match self.view(engine, socket.key()) {
                    Some(view) if view.len() <= left => {
                        left = left.saturating_sub(view.len());
                        views.push(view);
                    }
                    Some(_) => out = out.saturating_add(1),
                    None => {}
                }
            }
        }
        (views, out)
    }

    /// Each namespace with the number of its sockets.
    pub(crate) fn census(&self) -> Vec<(String, usize)> {
        let sockets = |namespace| self.sockets_in(namespace).map_or(0, |sockets| sockets.count());
        self.namespaces().map(|(namespace, name)| (name.to_owned(), sockets(namespace))).collect()
    }

    /// A socket as the interface shows it, an object of JSON. Its client is named by the handle of its connection: with the id of a
    /// session somebody else could speak for it.
    fn view(&self, engine: &Engine, key: Key) -> Option<String> {
        let socket = self.sockets.get(key).filter(|socket| socket.is_connected())?;
        let conn = ConnId::new(socket.conn);
        let transport = if engine.is_websocket(conn).ok()? { "websocket" } else { "polling" };
        let client = conn.on_loop(self.core()).to_bits();
        let mut view = String::new();
        // To write into a text does not fail.
        let _ = write!(
            view,
            r#"{{"id":{},"clientId":"{client:x}","transport":"{transport}","nsp":{},"data":{{}},"handshake":{},"rooms":[{}]}}"#,
            strings(&[self.id_of(key, socket)]),
            strings(&[self.namespace_text(socket.namespace)]),
            engine.conn_handshake(conn).ok()?.to_json(None),
            strings(&self.rooms_of(SocketId::new(key)).ok()?.collect::<Vec<_>>()),
        );
        Some(view)
    }
}

/// Tells of what happened now.
fn tell(engine: &mut Engine, name: &'static str, args: &str) {
    let time = date::iso(engine.wall_clock());
    if !engine.events.sights.tell(name, format!("[{args},\"{time}\"]")) {
        count(&mut engine.counters.admin_unseen, 1);
    }
}

/// Keeps what changed in the rooms of one socket.
pub(super) fn keep_change(changes: &mut Vec<(bool, String)>, change: &Change<'_>) {
    match change {
        Change::Joined(_, room) => changes.push((true, (*room).to_owned())),
        Change::Left(_, room) => changes.push((false, (*room).to_owned())),
        Change::RoomCreated(_) | Change::RoomDeleted(_) => {}
    }
}

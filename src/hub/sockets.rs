//! Sockets: what is known of each, and how it goes. It must not say anything to its client.

use super::Hub;
use super::acks::Owed;
use super::place::Place;
use super::recovery::{Caught, Session};
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, Key, NamespaceId, SocketId};
use crate::base::sid::{self, Sid};
use crate::base::slots::Slots;
use crate::engine::Engine;
use crate::host::events::{Events, Kind, RoomChange};
use crate::host::peer::Peer;
use crate::host::reason::Reason;
use crate::out::backlog::Backlog;
use crate::route::{Change, Router};

/// Bytes of an auth object that is kept.
const MAX_AUTH: usize = 8 * 1024;

/// A client's presence in one namespace.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) sid: Sid,
    pub(super) namespace: Key,
    pub(super) conn: Key,
    pub(super) life: Life,
    /// Of the names of all its rooms.
    pub(super) room_bytes: usize,
    /// Acknowledgements the host waits for from it.
    pub(super) acks: Owed,
    /// The host's own, on each of its events.
    pub(super) tag: u64,
    /// In a namespace with recovery.
    pub(super) session: Option<Box<Session>>,
    /// It asks for a session, which another socket has.
    pub(super) returns: Option<Box<Returns>>,
}

/// What a socket asks for that is to come back to its session.
#[derive(Debug)]
pub(super) struct Returns {
    /// The socket that has the session.
    pub(super) to: Key,
    pub(super) auth: Box<str>,
    /// If it was left to all nodes.
    pub(super) caught: Option<Caught>,
}

/// Where a socket is in its life.
#[derive(Debug)]
pub(super) enum Life {
    /// The host has yet to let it in: its rooms are those of [`Hub::asking`], and what is emitted to it waits here.
    Asking(Option<Box<Backlog>>),
    Connected,
    /// Its connection has ended, and until then its client may come back: its rooms are those of [`Hub::away`].
    Away(Millis),
}

impl Life {
    pub(super) fn place(&self) -> Place {
        match self {
            Life::Asking(_) => Place::Asking,
            Life::Connected => Place::Connected,
            Life::Away(_) => Place::Away,
        }
    }
}

impl Socket {
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.life, Life::Connected)
    }

    /// Bytes that wait until it is let in.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.life {
            Life::Asking(Some(held)) => held.len(),
            Life::Asking(None) | Life::Connected | Life::Away(_) => 0,
        }
    }
}

impl Hub {
    /// The router that knows a socket's rooms.
    pub(super) fn router_of(&self, socket: &Socket) -> &Router {
        self.router_at(socket.life.place())
    }

    pub(super) fn router_at(&self, place: Place) -> &Router {
        match place {
            Place::Connected => &self.router,
            Place::Asking => &self.asking,
            Place::Away => &self.away,
        }
    }

    /// A socket's id as its client knows it; also the name of its own room.
    pub(crate) fn socket_sid(&self, socket: SocketId) -> Result<&str> {
        Ok(self.id_of(socket.key(), self.socket(socket)?))
    }

    /// Puts a number of the host's own on a socket, for example its player's place in an array: each later event of
    /// that socket carries it, its connect and its disconnect included. A socket that waits for the host's decision
    /// can have one already. It is 0 until then, and in events that were waiting already.
    pub(crate) fn set_tag(&mut self, _: &mut Engine, socket: SocketId, tag: u64) -> Result<()> {
        self.sockets.get_mut(socket.key()).ok_or(Error::Gone)?.tag = tag;
        Ok(())
    }

    /// What [`set_tag`](Self::set_tag) has put on a socket.
    pub(crate) fn tag(&self, socket: SocketId) -> Result<u64> {
        Ok(self.socket(socket)?.tag)
    }

    /// The socket with this id that is connected or away, in whichever namespace it is.
    pub(crate) fn find_socket(&self, id: &str) -> Option<SocketId> {
        let key = self.owner(id)?;
        let known = self.sockets.get(key).is_some_and(|socket| socket.life.place() != Place::Asking);
        known.then(|| SocketId::new(key))
    }

    /// In a cluster, keeps the auth object of a socket's client for other nodes, unless it is larger than any that is meant for them.
    pub(super) fn keep_auth(&mut self, engine: &Engine, key: Key, auth: &str) {
        if engine.config.cluster.is_some() && auth.len() <= MAX_AUTH {
            self.auths.insert(key.slot, auth.into());
        } else {
            self.auths.remove(&key.slot);
        }
    }

    /// In a cluster, the auth object of a socket's client.
    pub(crate) fn auth(&self, socket: SocketId) -> &str {
        self.auths.get(&socket.key().slot).map_or("{}", |auth| auth)
    }

    /// The socket with this id, whatever its life.
    pub(super) fn owner(&self, id: &str) -> Option<Key> {
        self.owner_by_own_id(id).or_else(|| self.old_ids.owner(id))
    }

    fn owner_by_own_id(&self, id: &str) -> Option<Key> {
        let id: &Sid = id.as_bytes().try_into().ok()?;
        let slot = self.sids.slot(sid::text(id));
        let found = slot.filter(|&slot| self.sockets.at(slot).is_some_and(|socket| socket.sid == *id));
        match found {
            Some(slot) => self.sockets.key_at(slot),
            None => self.recovery.sids.get(id).copied(),
        }
    }

    /// Bytes that wait until a socket is let in.
    pub(crate) fn held_bytes(&self, socket: SocketId) -> Result<usize> {
        Ok(self.socket(socket)?.held_bytes())
    }

    /// The connection a socket lives on.
    pub(crate) fn conn_of(&self, socket: SocketId) -> Result<ConnId> {
        match self.socket(socket)? {
            Socket { life: Life::Away(_), .. } => Err(Error::Gone),
            socket => Ok(ConnId::new(socket.conn)),
        }
    }

    /// The namespace a socket is in.
    pub(crate) fn namespace_of(&self, socket: SocketId) -> Result<NamespaceId> {
        Ok(NamespaceId::new(self.socket(socket)?.namespace))
    }

    /// Takes a socket out of its rooms and its namespace and tells the host, also of one that it has not let in yet: with
    /// loops it cannot know whether its `accept` came in time. `peer` is where it came from, if its connection may be gone already.
    pub(super) fn remove_socket(
        &mut self,
        engine: &mut Engine,
        key: Key,
        reason: Reason,
        peer: Option<&Peer>,
    ) {
        let Some(socket) = self.sockets.get(key) else { return };
        let recoverable = reason.is_recoverable()
            && socket.is_connected()
            && socket.session.is_some()
            && engine.config.limits.recovery_sessions > 0;
        self.say_disconnected(engine, key, reason, peer, recoverable);
        if recoverable {
            self.park(engine, key);
            self.hold_to_sessions(engine);
        } else {
            self.forget_socket(engine, key);
        }
    }

    /// Tells the host that a socket's connection to its namespace has ended.
    pub(super) fn say_disconnected(
        &self,
        engine: &mut Engine,
        key: Key,
        reason: Reason,
        peer: Option<&Peer>,
        recoverable: bool,
    ) {
        let Some(socket) = self.sockets.get(key) else { return };
        self.log_disconnected(engine, key, reason, peer);
        if engine.is_watched() {
            self.see_gone(engine, key, reason);
        }
        let kind =
            Kind::Disconnect(SocketId::new(key), NamespaceId::new(socket.namespace), reason, recoverable);
        engine.events.push(kind).tag(socket.tag);
        let own = self.id_of(key, socket);
        for room in self.router_of(socket).rooms_of(key.slot).filter(|&room| room != own) {
            engine.events.text(&[room]);
        }
    }

    /// The same without a word to the host, which has turned the socket away itself.
    pub(super) fn forget_socket(&mut self, engine: &mut Engine, key: Key) {
        self.detach(engine, key);
        self.note_own_room(key, false);
        let Some(mut socket) = self.sockets.remove(key) else { return };
        match socket.life {
            Life::Connected => self.leave_router(engine, key, socket.tag, NamespaceId::new(socket.namespace)),
            Life::Asking(_) => drop(self.asking.remove(key.slot, |_| {})),
            Life::Away(until) => {
                self.recovery.expiry.remove(key.slot, until);
                self.away.remove(key.slot, |_| {});
            }
        }
        if let Some(session) = socket.session.take() {
            self.recovery.sids.remove(&socket.sid);
            self.end_session(socket.namespace, *session);
        }
        self.auths.remove(&key.slot);
        self.old_ids.remove(key);
        self.abandon_acks(engine, key.slot, socket.acks);
        self.leave_namespace(engine, socket.namespace);
    }

    /// Takes a socket off its connection.
    pub(super) fn detach(&mut self, engine: &Engine, key: Key) {
        let Some(socket) = self.sockets.get(key) else { return };
        if let Some(conn) = self.clients.get_mut(socket.conn) {
            conn.sockets.retain(|&other| other != key);
            conn.asks.retain(|&(other, _)| other != key);
            if let Some(home) = self.namespaces.get(socket.namespace).filter(|_| socket.is_connected()) {
                conn.left.retain(|name| *name != home.name);
                if conn.left.len() == engine.config.limits.max_namespaces_per_connection as usize {
                    conn.left.remove(0);
                }
                conn.left.push(home.name.clone());
            }
        }
    }

    pub(super) fn leave_router(&mut self, engine: &mut Engine, key: Key, tag: u64, namespace: NamespaceId) {
        let Self { router, sockets, .. } = self;
        let Engine { events, config, .. } = engine;
        let report = config.room_events;
        router.remove(key.slot, |change| {
            if report {
                push_change(events, sockets, Some((key, tag)), namespace, change);
            }
        });
    }
}

/// Tells the host of a change in a room.
pub(super) fn push_change(
    events: &mut Events,
    sockets: &Slots<Socket>,
    leaver: Option<(Key, u64)>,
    namespace: NamespaceId,
    change: Change<'_>,
) {
    let find = |member| match sockets.key_at(member) {
        Some(key) => Some((SocketId::new(key), sockets.get(key).map_or(0, |socket| socket.tag))),
        None => leaver.filter(|(key, _)| key.slot == member).map(|(key, tag)| (SocketId::new(key), tag)),
    };
    let (change, room, tag) = match change {
        Change::RoomCreated(room) => (RoomChange::Created, room, 0),
        Change::RoomDeleted(room) => (RoomChange::Deleted, room, 0),
        Change::Joined(member, room) => match find(member) {
            Some((socket, tag)) => (RoomChange::Joined(socket), room, tag),
            None => return,
        },
        Change::Left(member, room) => match find(member) {
            Some((socket, tag)) => (RoomChange::Left(socket), room, tag),
            None => return,
        },
    };
    events.push(Kind::Room(change, namespace)).tag(tag).text(&[room]);
}

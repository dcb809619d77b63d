//! Clients that come back: whose session they ask for, what they have missed, and the replay. It must not send anything before it is
//! sure.

use super::Hub;
use super::acks::Owed;
use super::recovery::{Refusal, record};
use super::sockets::{Life, Returns, Socket};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::sid;
use crate::engine::{Ending, Engine};
use crate::host::events::Kind;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::{json, socketio};
use std::borrow::Cow;

/// A text that a client says when it asks to join a namespace.
pub(super) fn text_in<'a>(auth: &'a str, name: &str) -> Option<Cow<'a, str>> {
    json::member(auth, name).filter(|value| json::is_string(value)).map(json::unescape)
}

impl Hub {
    /// A client that asks to join a namespace may have a session there. Whether it has it back; otherwise it gets a new one.
    pub(super) fn recover(&mut self, engine: &mut Engine, conn: Key, namespace: Key, auth: &str) -> bool {
        if self.namespaces.get(namespace).is_none_or(|home| home.log.is_none()) {
            return false;
        }
        let Some(pid) = text_in(auth, "pid") else { return false };
        let key = self.recovery.pids.find(&pid);
        let Some(key) = key.filter(|&key| self.is_recoverable(engine, key, namespace, conn)) else {
            let counters = &mut engine.counters;
            count(
                match self.recovery.pids.elsewhere(&pid) {
                    Some(_) => &mut counters.recoveries_elsewhere,
                    None => &mut counters.recoveries_unknown,
                },
                1,
            );
            return false;
        };
        if self.namespaces.get(namespace).is_some_and(|home| home.guarded && home.returning.is_some()) {
            return self.ask_for_session(engine, conn, namespace, key, auth);
        }
        let tag = self.sockets.get(key).map_or(0, |socket| socket.tag);
        self.take_back(engine, conn, key, auth, tag)
    }

    /// A client has the session of a socket back, wherever that was, or the session ends. Whether it has it.
    fn take_back(&mut self, engine: &mut Engine, conn: Key, key: Key, auth: &str, tag: u64) -> bool {
        match self.replay(engine, conn, key, text_in(auth, "offset").as_deref()) {
            Ok(()) => {
                self.part_from_client(engine, key);
                if let Some(socket) = self.sockets.get_mut(key) {
                    (socket.conn, socket.tag) = (conn, tag);
                }
                self.come_back(engine, key, auth);
                true
            }
            Err(refusal) => {
                let counters = &mut engine.counters;
                count(
                    match refusal {
                        Refusal::Foreign => &mut counters.recoveries_foreign,
                        Refusal::Overrun => &mut counters.recoveries_overrun,
                    },
                    1,
                );
                // Its client is here, and goes on without it.
                self.part_from_client(engine, key);
                self.expire(engine, key);
                false
            }
        }
    }

    /// The host is asked about a client that asks for the session of `to`, which goes on meanwhile. Whether it is: what such clients say is
    /// kept until then, as many bytes for each connection as one message may have.
    fn ask_for_session(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        namespace: Key,
        to: Key,
        auth: &str,
    ) -> bool {
        let Self { clients, sockets, namespaces, .. } = self;
        let (Some(client), Some(owner)) = (clients.get_mut(conn), sockets.get(to)) else { return false };
        let kept = client.sockets.iter().filter_map(|&key| sockets.get(key)?.returns.as_deref());
        let bytes = kept.fold(auth.len(), |bytes, returns| bytes.saturating_add(returns.auth.len()));
        let returning = namespaces.get(namespace).and_then(|home| home.returning);
        let Some(returning) = returning.filter(|_| bytes <= engine.config.limits.max_payload) else {
            return false;
        };
        let (known, tag) = (owner.sid, owner.tag);
        let Ok(sid) = self.sids.make(sockets.next_key().slot) else { return false };
        let key = sockets.insert(Socket {
            sid,
            namespace,
            conn,
            life: Life::Asking(None),
            room_bytes: 0,
            acks: Owed::default(),
            tag,
            session: None,
            returns: Some(Box::new(Returns { to, auth: auth.into() })),
        });
        client.sockets.push(key);
        if let Some(home) = namespaces.get_mut(namespace) {
            home.enter();
        }
        self.asking.add(key.slot, returning, key.slot);
        self.note_own_room(key, true);
        let kind = Kind::ConnectRequest(SocketId::new(key), NamespaceId::new(namespace), true);
        engine.events.push(kind).tag(tag).text(&[sid::text(&known)]).text(&[auth]);
        true
    }

    /// The host lets a client have its session back, for which `key` has asked. If it has ended meanwhile, the client is asked about
    /// anew.
    pub(super) fn let_back(&mut self, engine: &mut Engine, key: Key, returns: Returns) {
        let Some(socket) = self.sockets.get(key) else { return };
        let (conn, namespace, own, tag) = (socket.conn, socket.namespace, socket.sid, socket.tag);
        let Returns { to, auth } = returns;
        // It stays, whatever goes.
        if let Some(home) = self.namespaces.get_mut(namespace) {
            home.enter();
        }
        let rooms = self.asking.rooms_of(key.slot).filter(|&room| room != sid::text(&own));
        let rooms: Vec<String> = rooms.map(str::to_owned).collect();
        if !self.is_recoverable(engine, to, namespace, conn) {
            count(&mut engine.counters.recoveries_unknown, 1);
        } else if self.take_back(engine, conn, to, &auth, tag) {
            self.forget_socket(engine, key);
            for room in &rooms {
                // It was checked when the host named it, but the session may have its fill of rooms.
                let _ = self.join(engine, SocketId::new(to), room);
            }
            return self.leave_namespace(engine, namespace);
        }
        self.say_disconnected(engine, key, Reason::TransportClose, None, false);
        self.forget_socket(engine, key);
        self.connect_anew(engine, conn, namespace, &auth);
    }

    /// Whether a connection may have the session of a socket. It stays with one that was opened later: what its client has said over an
    /// older one, which it has left, may be read after that.
    fn is_recoverable(&self, engine: &Engine, key: Key, namespace: Key, conn: Key) -> bool {
        let Some(socket) = self.sockets.get(key).filter(|socket| socket.namespace == namespace) else {
            return false;
        };
        match socket.life {
            Life::Asking(_) => false,
            Life::Connected => !engine.is_older(conn, socket.conn),
            Life::Away(_) => true,
        }
    }

    /// Sends a socket what it has missed behind an offset, or nothing.
    fn replay(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        key: Key,
        offset: Option<&str>,
    ) -> Result<(), Refusal> {
        let socket = self.sockets.get(key).ok_or(Refusal::Foreign)?;
        let log = self.namespaces.get(socket.namespace).and_then(|home| home.log.as_deref());
        let (log, session) = log.zip(socket.session.as_deref()).ok_or(Refusal::Foreign)?;
        let heard = offset.map_or(Some(0), |offset| self.recovery.offsets.heard(offset, session));
        let start = heard.ok_or(Refusal::Foreign)?.saturating_add(1);
        // All that a connection is told again may have to wait at once, whatever namespaces it is of: past `max_backlog` its client would
        // be a slow consumer, and come back for more.
        let client = self.clients.get_mut(conn).ok_or(Refusal::Foreign)?;
        let most = engine.config.limits.max_backlog.saturating_sub(client.replayed);
        let missed = log.missed(session, start, most)?;
        let bytes = missed.iter().map(|message| message.len()).sum();
        client.replayed = client.replayed.saturating_add(bytes);
        // A client that has got a part of it, and not the CONNECT behind, gets that part again on its next connection: so a poll takes
        // all. Python's client, for which polls are short, has no session to come back to.
        engine.lift_poll_limit(conn);
        count(&mut engine.counters.messages_replayed, missed.len() as u64);
        count(&mut engine.counters.deliveries, missed.len() as u64);
        for message in missed {
            let mut parts = record::parts(message);
            engine.scratch.clear();
            engine.scratch.extend_from_slice(parts.next().unwrap_or_default());
            let attachments: Vec<&[u8]> = parts.collect();
            // As with all that is sent, only a log of 2 GiB refuses.
            if let Ok(frame) = engine.append(&attachments) {
                engine.outbox.log.deliver(conn.slot, frame);
            }
        }
        Ok(())
    }

    /// Takes a socket away from a connection that seems to be open still. If its client is there, and not the one that has come back,
    /// it is told, and does not come back by itself: a session has one owner, the last to prove it.
    fn part_from_client(&mut self, engine: &mut Engine, key: Key) {
        let Some(socket) = self.sockets.get(key).filter(|socket| socket.is_connected()) else { return };
        let conn = socket.conn;
        if let Some(home) = self.namespaces.get(socket.namespace) {
            engine.scratch.clear();
            engine.scratch.push(b'4');
            socketio::write_disconnect(&mut engine.scratch, &home.name);
            engine.send_scratch(conn);
        }
        self.say_disconnected(engine, key, Reason::TransportClose, None, true);
        self.park(engine, key);
        if self.clients.get(conn).is_some_and(|client| client.sockets.is_empty()) {
            // What it has not taken by now is told to the one that has come back.
            let stuck = engine.queued_bytes(conn) > 0;
            engine.close_conn(
                conn,
                Reason::TransportClose,
                if stuck { Ending::Abrupt } else { Ending::Final },
            );
        }
    }

    /// A socket that is away is back, on another connection.
    fn come_back(&mut self, engine: &mut Engine, key: Key, auth: &str) {
        count(&mut engine.counters.sessions_recovered, 1);
        self.keep_auth(engine, key, auth);
        let Some(socket) = self.sockets.get(key) else { return };
        if let Some(client) = self.clients.get_mut(socket.conn) {
            client.sockets.push(key);
        }
        let kind = Kind::Connect(SocketId::new(key), NamespaceId::new(socket.namespace), true);
        engine.events.push(kind).tag(socket.tag).text(&[sid::text(&socket.sid)]).text(&[auth]);
        self.enter(engine, key);
    }
}

//! Clients that come back: whose session they ask for, what they have missed, and the replay. It must not send anything before it is
//! sure.

use super::Hub;
use super::acks::Owed;
use super::kept::packet_end;
use super::namespaces::Namespace;
use super::recovery::{self, Caught, Log, Missed, Refusal, Session, Stream, record};
use super::sockets::{Life, Returns, Socket};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::sid;
use crate::base::slots::Slots;
use crate::engine::{Ending, Engine};
use crate::host::events::Kind;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::out::Frame;
use crate::wire::cluster::Packet;
use crate::wire::cluster::session::EntryId;
use crate::wire::engineio::Version;
use crate::wire::{json, socketio};
use std::borrow::Cow;

/// A text that a client says when it asks to join a namespace.
pub(super) fn text_in<'a>(auth: &'a str, name: &str) -> Option<Cow<'a, str>> {
    json::member(auth, name).filter(|value| json::is_string(value)).map(json::unescape)
}

/// What becomes of a client that asks to join a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    /// It has its session back, or the host is asked whether it may.
    Recovered,
    /// The cluster is asked for its session.
    Asked,
    /// It gets a new one.
    Anew,
}

impl Hub {
    /// A client that asks to join a namespace may have a session there, or at another node.
    pub(super) fn recover(&mut self, engine: &mut Engine, conn: Key, namespace: Key, auth: &str) -> Return {
        if self.namespaces.get(namespace).is_none_or(|home| home.log.is_none())
            || engine.version(conn) == Version::V3
        {
            return Return::Anew;
        }
        let Some(pid) = text_in(auth, "pid") else { return Return::Anew };
        let key = self.recovery.pids.find(&pid);
        // While a client is connected here, as far as is known, its session is with no other node.
        let connected = key.is_some_and(|key| self.sockets.get(key).is_some_and(Socket::is_connected));
        if !connected && self.asks_abroad(conn, namespace, &pid, auth) {
            return Return::Asked;
        }
        let Some(key) = key.filter(|&key| self.is_recoverable(engine, key, namespace, conn)) else {
            let counters = &mut engine.counters;
            count(
                match self.recovery.pids.elsewhere(&pid) {
                    Some(_) => &mut counters.recoveries_elsewhere,
                    None => &mut counters.recoveries_unknown,
                },
                1,
            );
            return Return::Anew;
        };
        if self.return_to(engine, conn, namespace, key, auth, None) {
            Return::Recovered
        } else {
            Return::Anew
        }
    }

    /// A client gets the session of a socket that it may have, or the host is asked whether it does. Whether one of both.
    pub(super) fn return_to(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        namespace: Key,
        key: Key,
        auth: &str,
        caught: Option<Caught>,
    ) -> bool {
        if self.namespaces.get(namespace).is_some_and(|home| home.guarded && home.returning.is_some()) {
            return self.ask_for_session(engine, conn, namespace, key, auth, caught);
        }
        let tag = self.sockets.get(key).map_or(0, |socket| socket.tag);
        self.take_back(engine, conn, key, auth, tag, caught.as_ref())
    }

    /// A client has the session of a socket back, wherever that was, or the session ends. Whether it has it.
    fn take_back(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        key: Key,
        auth: &str,
        tag: u64,
        caught: Option<&Caught>,
    ) -> bool {
        let replayed = match caught {
            Some(caught) => self.replay_caught(engine, conn, key, caught),
            None => self.replay(engine, conn, key, text_in(auth, "offset").as_deref()),
        };
        match replayed {
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
        caught: Option<Caught>,
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
            returns: Some(Box::new(Returns { to, auth: auth.into(), caught })),
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
        let Returns { to, auth, caught } = returns;
        // It stays, whatever goes.
        if let Some(home) = self.namespaces.get_mut(namespace) {
            home.enter();
        }
        let rooms = self.asking.rooms_of(key.slot).filter(|&room| room != sid::text(&own));
        let rooms: Vec<String> = rooms.map(str::to_owned).collect();
        if !self.is_recoverable(engine, to, namespace, conn) {
            count(&mut engine.counters.recoveries_unknown, 1);
        } else if self.take_back(engine, conn, to, &auth, tag, caught.as_ref()) {
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
        let most = self.may_be_replayed(engine, conn);
        let Self { sockets, namespaces, recovery, .. } = self;
        let (_, log, session) = story(sockets, namespaces, key).ok_or(Refusal::Foreign)?;
        let (start, heard) = recovery.heard(offset, log, session).ok_or(Refusal::Foreign)?;
        let missed = log.missed(session, start, heard, most)?;
        let bytes = missed.iter().map(|missed| missed.record.len()).sum();
        begin_replay(engine, conn, missed.len());
        for message in missed {
            send_logged(engine, recovery.stream.as_deref_mut(), conn, message);
        }
        self.note_replayed(conn, bytes);
        Ok(())
    }

    /// The same where all that it has missed is known from the stream.
    fn replay_caught(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        key: Key,
        caught: &Caught,
    ) -> Result<(), Refusal> {
        let before = caught.missed.iter().map(|(_, packet)| packet.size()).fold(0, usize::saturating_add);
        let most = self.may_be_replayed(engine, conn).checked_sub(before).ok_or(Refusal::Overrun)?;
        let Self { sockets, namespaces, recovery, .. } = self;
        let (home, log, session) = story(sockets, namespaces, key).ok_or(Refusal::Foreign)?;
        let since = log.missed(session, caught.next, EntryId::NONE, most)?;
        begin_replay(engine, conn, caught.missed.len().saturating_add(since.len()));
        for (place, Packet { name, args, attachments }) in &caught.missed {
            engine.scratch.clear();
            engine.scratch.push(b'4');
            socketio::write_event(&mut engine.scratch, &home.name, attachments.len(), None, name, args);
            recovery.append_next(&mut engine.scratch);
            recovery::replace(&mut engine.scratch, *place);
            let attachments: Vec<&[u8]> = attachments.iter().map(|bytes| &**bytes).collect();
            send_scratch(engine, conn, &attachments);
        }
        let bytes = since.iter().fold(before, |bytes, missed| bytes.saturating_add(missed.record.len()));
        for message in since {
            send_logged(engine, recovery.stream.as_deref_mut(), conn, message);
        }
        self.note_replayed(conn, bytes);
        Ok(())
    }

    /// All that a connection is told again may have to wait at once, whatever namespaces it is of: past `max_backlog` its client would be a
    /// slow consumer, and come back for more.
    fn may_be_replayed(&self, engine: &Engine, conn: Key) -> usize {
        let replayed = self.clients.get(conn).map_or(usize::MAX, |client| client.replayed);
        engine.config.limits.max_backlog.saturating_sub(replayed)
    }

    fn note_replayed(&mut self, conn: Key, bytes: usize) {
        if let Some(client) = self.clients.get_mut(conn) {
            client.replayed = client.replayed.saturating_add(bytes);
        }
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

/// A client is about to be told so many messages again.
fn begin_replay(engine: &mut Engine, conn: Key, messages: usize) {
    // A client that has got a part of it, and not the CONNECT behind, gets that part again on its next connection: so a poll takes all.
    // Python's client, for which polls are short, has no session to come back to.
    engine.lift_poll_limit(conn);
    count(&mut engine.counters.messages_replayed, messages as u64);
    count(&mut engine.counters.deliveries, messages as u64);
}

/// A socket's namespace, and what its log knows of the socket.
fn story<'a>(
    sockets: &'a Slots<Socket>,
    namespaces: &'a Slots<Namespace>,
    key: Key,
) -> Option<(&'a Namespace, &'a Log, &'a Session)> {
    let socket = sockets.get(key)?;
    let home = namespaces.get(socket.namespace)?;
    Some((home, home.log.as_deref()?, socket.session.as_deref()?))
}

/// Sends a message of the log again, with its place in the stream if there is one, as soon as that is known.
fn send_logged(engine: &mut Engine, stream: Option<&mut Stream>, conn: Key, message: Missed<'_>) {
    let Missed { number, place, record } = message;
    let mut parts = record::parts(record);
    engine.scratch.clear();
    engine.scratch.extend_from_slice(parts.next().unwrap_or_default());
    if let Some(place) = place {
        recovery::replace(&mut engine.scratch, place);
    }
    let attachments: Vec<&[u8]> = parts.collect();
    let length = engine.scratch.len();
    let frame = send_scratch(engine, conn, &attachments);
    if let (Some(stream), None, Some(frame)) = (stream, place, frame) {
        stream.note_again(packet_end(frame, length), number);
    }
}

fn send_scratch(engine: &mut Engine, conn: Key, attachments: &[&[u8]]) -> Option<Frame> {
    // As with all that is sent, only a log of 2 GiB refuses.
    // Nor is it compressed, being for one.
    let frame = engine.append(attachments, true).ok()?;
    engine.outbox.log.deliver(conn.slot, frame);
    Some(frame)
}

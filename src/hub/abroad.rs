//! Sessions of clients that may come back to any node of a cluster: what is left for the others, and clients that wait until it is
//! known what those have left. It must not know where that is.

use super::Hub;
use super::recovery::{Caught, Logged, Pid, Seq, Stays, Stream};
use super::restore::text_in;
use super::sockets::Life;
use crate::base::Millis;
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::sid;
use crate::engine::Engine;
use crate::host::stats::count;
use crate::wire::cluster::Packet;
use crate::wire::cluster::session::{EntryId, SavedSession};
use std::collections::HashMap;

/// What is to be done with the sessions that all nodes know.
#[derive(Debug)]
pub(crate) enum SessionOrder {
    /// One is left, for so long.
    Save { pid: String, value: Vec<u8>, window: Millis },
    /// It is over.
    Forget { pid: String },
    /// A client asks for one, which is nobody else's from then on. With the hub's own number for it, and up to where the client has
    /// heard all, if it says so.
    Fetch { number: u64, namespace: String, pid: String, heard: Option<EntryId> },
    /// What was asked for is here, with all that this hub has handed out since the operation with this number, and since this place in
    /// the stream.
    Taken { number: u64, ticket: u64, place: EntryId },
    /// It cannot be here.
    Refused { number: u64 },
}

/// A client that asks for a session that another node may have.
#[derive(Debug)]
struct Asking {
    conn: Key,
    namespace: Key,
    pid: String,
    auth: Box<str>,
    /// The socket that has it, which is away, since the emit with this number.
    taken: Option<(Key, Seq)>,
}

/// What a hub has to do with the sessions of other nodes.
#[derive(Debug, Default)]
pub(super) struct Abroad {
    orders: Vec<SessionOrder>,
    asking: HashMap<u64, Asking>,
    last: u64,
}

impl Hub {
    /// Where offsets are places in a stream, what is known of it.
    pub(crate) fn stream(&mut self) -> Option<&mut Stream> {
        self.recovery.stream.as_deref_mut()
    }

    /// The number of the operation that is carried out, if what it emits in a namespace has a place in the stream.
    pub(crate) fn ticket(&self, namespace: NamespaceId) -> Option<u64> {
        let logged = self.namespaces.get(namespace.key()).is_some_and(|home| home.log.is_some());
        self.recovery.stream.as_ref().filter(|_| logged)?.ticket()
    }

    /// The sockets that a target names by their handles, those that it excepts among them, by the names by which other nodes know them.
    pub(crate) fn sids_of<'a>(&'a self, sockets: &'a [SocketId]) -> impl Iterator<Item = &'a str> {
        sockets.iter().filter_map(|&socket| self.socket_sid(socket).ok())
    }

    /// Until when the output of this tick waits for its places in the stream.
    pub(crate) fn withheld_until(&self) -> Option<Millis> {
        self.recovery.stream.as_ref()?.waits_until()
    }

    /// The output of this tick is about to leave: its messages get their offsets.
    pub(crate) fn end_tick(&mut self, engine: &mut Engine, now: Millis) {
        let Some(stream) = &mut self.recovery.stream else { return };
        stream.end_tick(now, |at, offset| engine.outbox.log.overwrite(at, offset));
        count(&mut engine.counters.cluster_unplaced, std::mem::take(&mut stream.unplaced));
    }

    /// What this node has emitted has its place in the stream.
    pub(crate) fn returned(&mut self, ticket: u64, at: EntryId) {
        let Some(Logged { namespace, number }) = self.stream().and_then(|stream| stream.returned(ticket, at))
        else {
            return;
        };
        if let Some(log) = self.namespaces.get_mut(namespace).and_then(|home| home.log.as_deref_mut()) {
            log.place(number, at);
        }
    }

    /// What is emitted gets into the stream from now on, as far as is known; or does not.
    pub(crate) fn set_stream_up(&mut self, engine: &Engine, up: bool) {
        let Some(stream) = self.stream() else { return };
        stream.set_up(up);
        if up {
            // What was left meanwhile may not have got there.
            let away: Vec<Key> = self.sockets.keys().collect();
            away.into_iter().for_each(|key| self.save_session(engine, key));
        }
    }

    /// What is to be done with the sessions that all nodes know, since the last time.
    pub(crate) fn session_orders(&mut self) -> Vec<SessionOrder> {
        std::mem::take(&mut self.abroad.orders)
    }

    /// Leaves the session of a socket that is away to all nodes, as it is now.
    pub(super) fn save_session(&mut self, engine: &Engine, key: Key) {
        if self.recovery.stream.is_none() {
            return;
        }
        let Some(socket) = self.sockets.get(key) else { return };
        let (Life::Away(until), Some(session)) = (&socket.life, socket.session.as_deref()) else { return };
        let Some(stays) = session.stays.as_deref() else { return };
        let (own, pid) = (sid::text(&socket.sid), session.pid.text());
        let rooms = std::iter::once(own).chain(stays.rooms()).map(Into::into).collect();
        let saved = SavedSession {
            sid: own.into(),
            pid: pid.as_str().into(),
            rooms,
            stays: stays.list(own),
            tag: socket.tag,
        };
        let max = engine.config.cluster.as_ref().map_or(0, |cluster| cluster.max_message);
        let mut value = Vec::new();
        let window = until.saturating_sub(engine.now).max(1);
        if saved.encode(&mut value, max).is_ok() {
            self.abroad.orders.push(SessionOrder::Save { pid, value, window });
        }
    }

    /// The session of a socket that is away is over, for all nodes.
    pub(super) fn unsave_session(&mut self, key: Key) {
        let session = self.sockets.get(key).and_then(|socket| socket.session.as_deref());
        if let (Some(session), true) = (session, self.recovery.stream.is_some()) {
            self.abroad.orders.push(SessionOrder::Forget { pid: session.pid.text() });
        }
    }

    /// A client may ask for a session that another node has, or has had since it was here: whether the nodes are asked. It waits
    /// meanwhile.
    pub(super) fn asks_abroad(&mut self, conn: Key, namespace: Key, pid: &str, auth: &str) -> bool {
        if !self.recovery.stream.as_ref().is_some_and(|stream| stream.is_up()) {
            return false;
        }
        let heard = match text_in(auth, "offset") {
            None => None,
            Some(offset) => match EntryId::parse(offset.as_bytes()) {
                None => return false,
                heard => heard,
            },
        };
        if Pid::parse(pid).is_none() {
            return false;
        }
        let (Some(home), Some(client)) = (self.namespaces.get(namespace), self.clients.get_mut(conn)) else {
            return false;
        };
        client.abroad.push(namespace);
        let Abroad { orders, asking, last } = &mut self.abroad;
        *last = last.wrapping_add(1);
        asking.insert(*last, Asking { conn, namespace, pid: pid.to_owned(), auth: auth.into(), taken: None });
        let (number, namespace) = (*last, home.name.to_string());
        orders.push(SessionOrder::Fetch { number, namespace, pid: pid.to_owned(), heard });
        true
    }

    /// What was asked for was left like this. It is away here from now on, and its client waits for what it has missed until now.
    pub(crate) fn session_left(&mut self, engine: &mut Engine, number: u64, session: &SavedSession<'_>) {
        let Some(Asking { namespace, pid, .. }) = self.abroad.asking.get(&number) else { return };
        let (namespace, pid) = (*namespace, pid.clone());
        let known = self.recovery.pids.find(&pid);
        let key = match known {
            Some(key) if self.is_away(key) => {
                self.resume(engine, key, session);
                Some(key)
            }
            Some(_) => None,
            None => self.adopt(engine, namespace, &pid, session),
        };
        let order = match (key, self.recovery.stream.as_deref(), self.abroad.asking.get_mut(&number)) {
            (Some(key), Some(stream), Some(asking)) => {
                asking.taken = Some((key, self.recovery.offsets.next()));
                SessionOrder::Taken { number, ticket: stream.last_ticket(), place: stream.position() }
            }
            _ => SessionOrder::Refused { number },
        };
        self.abroad.orders.push(order);
    }

    /// What its client has missed up to then; or nobody has left it, or that cannot be told.
    pub(crate) fn session_missed(
        &mut self,
        engine: &mut Engine,
        number: u64,
        missed: Option<&[(EntryId, Packet<'static>)]>,
    ) {
        let Some(asking) = self.abroad.asking.remove(&number) else { return };
        let Asking { conn, namespace, pid, auth, taken } = asking;
        let client = self.clients.get_mut(conn);
        let waits = client.map(|client| client.abroad.retain(|&other| other != namespace)).is_some();
        let taken = taken.filter(|&(key, _)| self.is_away(key));
        let known = self.recovery.pids.find(&pid).filter(|&key| self.is_away(key));
        let back = match (taken, missed) {
            (Some((key, next)), Some(missed)) if waits => {
                let caught = Caught { missed: missed.to_vec(), next };
                self.return_to(engine, conn, namespace, key, &auth, Some(caught))
            }
            (Some((key, _)), _) => {
                // Its client has gone again, or begins anew: it is left to all.
                self.save_session(engine, key);
                false
            }
            (None, _) => {
                // Whoever asks for it and does not find it there: it is another node's by now, or over.
                known.into_iter().for_each(|key| self.end_away(engine, key));
                count(&mut engine.counters.recoveries_unknown, 1);
                false
            }
        };
        if waits && !back {
            self.connect_anew(engine, conn, namespace, &auth);
        } else {
            self.leave_namespace(engine, namespace);
        }
    }

    /// A session has gone to another node, or to another of the broker's cores.
    pub(crate) fn session_moved(&mut self, engine: &mut Engine, sid: &str) {
        if let Some(key) = self.owner(sid).filter(|&key| self.is_away(key)) {
            self.end_away(engine, key);
        }
    }

    fn is_away(&self, key: Key) -> bool {
        self.sockets.get(key).is_some_and(|socket| matches!(socket.life, Life::Away(_)))
    }

    /// A session that was another node's is one that is away here. `None` if it cannot be.
    fn adopt(
        &mut self,
        engine: &mut Engine,
        namespace: Key,
        pid: &str,
        saved: &SavedSession<'_>,
    ) -> Option<Key> {
        let own = sid::foreign(saved.sid.as_bytes())?;
        if self.owner(&saved.sid).is_some() {
            return None;
        }
        let (pid, now) = (Pid::parse(pid)?, self.recovery.now());
        let home = self.namespaces.get_mut(namespace)?;
        let log = home.log.as_deref_mut()?;
        let mut session = log.begin_session(pid, now);
        let rooms: Vec<&str> =
            saved.rooms.iter().map(|room| &**room).filter(|&room| room != saved.sid).collect();
        for room in &rooms {
            log.join(&mut session, room, now);
        }
        session.stays =
            Some(Box::new(Stays::of(&saved.stays, &saved.sid, saved.born().unwrap_or(EntryId::NONE))));
        if let (Some(stays), true) = (&mut session.stays, saved.stays.is_empty()) {
            // Node does not say since when.
            rooms.iter().for_each(|room| stays.joined(room, EntryId::NONE));
        }
        self.recovery.pids.take(pid, self.sockets.next_key());
        self.put_away(engine, namespace, (own, saved.tag), session, &rooms)
    }

    /// A session that is away here was with another node since: its rooms are those that it has by now.
    fn resume(&mut self, engine: &mut Engine, key: Key, saved: &SavedSession<'_>) {
        let own = SocketId::new(key);
        let now: Vec<&str> =
            saved.rooms.iter().map(|room| &**room).filter(|&room| room != saved.sid).collect();
        let before: Vec<String> = self.away.rooms_of(key.slot).map(str::to_owned).collect();
        let left: Vec<&str> = before.iter().map(String::as_str).filter(|room| !now.contains(room)).collect();
        let joined: Vec<&str> = now.into_iter().filter(|room| !before.iter().any(|it| it == room)).collect();
        // What limits do not allow, it goes without.
        let _ = self.change_rooms(engine, own, &left, &joined);
        let session = self.sockets.get_mut(key).and_then(|socket| socket.session.as_deref_mut());
        if let (Some(session), Some(born)) = (session, saved.born()) {
            session.stays = Some(Box::new(Stays::of(&saved.stays, &saved.sid, born)));
        }
    }
}

//! Handles on their way into a loop and out of it: what a loop calls its things, and what its host calls them. It must not
//! change what a handle names.

use super::names::Names;
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, NamespaceId, SocketId};
use crate::broker::Core;
use crate::broker::operations::Handles;
use crate::broker::operations::arguments::Pace;
use crate::host::events::{Events, Kind, RoomChange};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One loop's view. A loop that has no others calls everything what its host calls it.
#[derive(Debug, Default)]
pub(in crate::net) struct Ids(Option<Among>);

#[derive(Debug)]
struct Among {
    number: usize,
    count: usize,
    names: Arc<Names>,
    outside: HashMap<NamespaceId, NamespaceId>,
    inside: HashMap<NamespaceId, NamespaceId>,
    /// Drains whose end this loop has yet to tell of, by the number that its core gives to that end.
    drains: BTreeMap<u64, Arc<AtomicU64>>,
}

/// A loop has come to the end of what all of them do. Whether it is the last one to do so.
fn is_last(done: &AtomicU64, number: usize, count: usize) -> bool {
    let bit = 1 << number;
    let before = done.fetch_or(bit, Ordering::AcqRel);
    before & bit == 0 && (before | bit).count_ones() as usize == count
}

impl Among {
    fn remember(&mut self, local: NamespaceId, global: NamespaceId) {
        self.outside.insert(local, global);
        self.inside.insert(global, local);
    }

    fn seen(&self, local: NamespaceId) -> NamespaceId {
        // Its creation was reported before anything that happened in it.
        self.outside.get(&local).copied().unwrap_or(local)
    }

    fn rewrite(&mut self, kind: Kind, name: &str) -> Option<Kind> {
        let number = self.number;
        let out = |socket: SocketId| socket.on_loop(number);
        Some(match kind {
            Kind::ConnectRequest(socket, ns, recovered) => {
                Kind::ConnectRequest(out(socket), self.seen(ns), recovered)
            }
            Kind::Connect(socket, ns, recovered) => Kind::Connect(out(socket), self.seen(ns), recovered),
            Kind::Message(socket, ns, ack) => Kind::Message(out(socket), self.seen(ns), ack),
            Kind::Ack(ack, socket, left) => Kind::Ack(ack.on_loop(number), out(socket), left),
            Kind::RemoteAck(ack, left) => Kind::RemoteAck(ack.on_loop(number), left),
            Kind::AckEnd(ack, missing, timed_out) => Kind::AckEnd(ack.on_loop(number), missing, timed_out),
            Kind::Disconnect(socket, ns, reason, recoverable) => {
                Kind::Disconnect(out(socket), self.seen(ns), reason, recoverable)
            }
            Kind::SessionExpired(socket, ns) => Kind::SessionExpired(out(socket), self.seen(ns)),
            Kind::ProtocolError(socket, ns) => Kind::ProtocolError(out(socket), self.seen(ns)),
            Kind::NamespaceCreated(local) => {
                let (global, new) = self.names.announce(name, number);
                self.remember(local, global);
                return new.then_some(Kind::NamespaceCreated(global));
            }
            Kind::NamespaceRemoved(local) => {
                let global = self.outside.remove(&local)?;
                self.inside.remove(&global);
                return self.names.leave(global, number).then_some(Kind::NamespaceRemoved(global));
            }
            Kind::Room(change, local) => {
                let ns = self.seen(local);
                let change = match change {
                    RoomChange::Created if !self.names.room_begins(ns, name, number) => return None,
                    RoomChange::Deleted if !self.names.room_ends(ns, name, number) => return None,
                    RoomChange::Joined(socket) => RoomChange::Joined(out(socket)),
                    RoomChange::Left(socket) => RoomChange::Left(out(socket)),
                    change => change,
                };
                Kind::Room(change, ns)
            }
            Kind::Handshake(conn) => Kind::Handshake(conn.on_loop(number)),
            Kind::Refused(code) => Kind::Refused(code),
            Kind::Foreign(at) => Kind::Foreign(at),
            Kind::Open(conn) => Kind::Open(conn.on_loop(number)),
            Kind::Text(conn) => Kind::Text(conn.on_loop(number)),
            Kind::Binary(conn) => Kind::Binary(conn.on_loop(number)),
            Kind::Close(conn, reason) => Kind::Close(conn.on_loop(number), reason),
            Kind::ServerEvent(ns, answer) => Kind::ServerEvent(self.seen(ns), answer),
            Kind::ClusterUp(_)
            | Kind::ClusterDown
            | Kind::ClusterRefused
            | Kind::NodeAnswer
            | Kind::RemoteSocket
            | Kind::AnswersEnd(_)
            | Kind::Nodes(_) => kind,
            Kind::Drained(which) => {
                let done = self.drains.remove(&which)?;
                return is_last(&done, number, self.count).then_some(kind);
            }
        })
    }
}

impl Ids {
    /// The view of one of several loops, whose core is new.
    pub(super) fn among(number: usize, count: usize, names: Arc<Names>, core: &Core) -> Self {
        let (outside, inside) = Default::default();
        let mut among = Among { number, count, names, outside, inside, drains: BTreeMap::new() };
        // The host has always known of these.
        for (local, name) in core.namespaces() {
            let (global, _) = among.names.announce(name, number);
            among.remember(local, global);
        }
        Self(Some(among))
    }

    /// Rewrites a batch for the host, and leaves out what it has heard from another loop.
    pub(in crate::net) fn outward(&mut self, events: &mut Events) {
        if let Some(among) = &mut self.0 {
            events.rewrite(|kind, name, _| among.rewrite(kind, name));
            let number = among.number;
            events.sights.rewrite(|socket| socket.on_loop(number));
        }
    }
}

impl Handles for Ids {
    fn number(&self) -> usize {
        self.0.as_ref().map_or(0, |among| among.number)
    }

    fn socket(&self, socket: SocketId) -> Option<SocketId> {
        (socket.loop_number() == self.number()).then(|| socket.local())
    }

    fn conn(&self, conn: ConnId) -> Option<ConnId> {
        (conn.loop_number() == self.number()).then(|| conn.local())
    }

    fn namespace(&mut self, core: &Core, id: NamespaceId) -> Result<Option<NamespaceId>> {
        let Some(among) = &mut self.0 else { return Ok(Some(id)) };
        if let Some(&local) = among.inside.get(&id) {
            return Ok(Some(local));
        }
        let name = among.names.name(id).ok_or(Error::Gone)?;
        Ok(core.find_namespace(&name).inspect(|&local| {
            among.names.enter(&name, among.number);
            among.remember(local, id);
        }))
    }

    fn namespace_out(&mut self, core: &Core, local: NamespaceId) -> Result<NamespaceId> {
        let Some(among) = &mut self.0 else { return Ok(local) };
        if let Some(&global) = among.outside.get(&local) {
            return Ok(global);
        }
        let global = among.names.enter(core.namespace_name(local)?, among.number);
        among.remember(local, global);
        Ok(global)
    }

    fn namespace_count(&self, core: &Core) -> usize {
        self.0.as_ref().map_or_else(|| core.namespaces().count(), |among| among.names.count())
    }

    /// At least 1 of it, unless it is 0. The drain that begins with it takes the place of one that has not come to its end.
    fn share(&mut self, core: &Core, pace: &Pace) -> u32 {
        let (total, number) = (pace.total, self.number() as u32);
        let Some(among) = &mut self.0 else { return total };
        among.drains.insert(core.drained() + 1, pace.done.clone());
        let count = among.count as u32;
        let share = total / count + u32::from(number < total % count);
        share.max(total.min(1))
    }
}

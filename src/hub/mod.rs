//! Floor 4: Socket.IO on top of an Engine.IO server. Namespaces, sockets, rooms, acknowledgements, and who gets in. It must not
//! know what carries a connection.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod abroad;
pub(crate) mod acks;
mod admission;
mod away;
mod clients;
pub(crate) mod delivery;
mod eio3;
mod elsewhere;
mod followed;
mod held;
mod kept;
mod lines;
pub(crate) mod message;
pub(crate) mod namespaces;
mod packets;
mod place;
mod recovery;
mod restart;
mod restore;
pub(crate) mod rooms;
#[cfg(test)]
mod routing_tests;
mod seen;
mod sockets;
mod targets;

use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::sid::{IdSpace, SidSource};
use crate::base::slots::Slots;
use crate::base::timers::Timers;
use crate::engine::Engine;
use crate::host::stats::Stats;
use crate::route::{Followed, Member, Router};
use abroad::Abroad;
use acks::{AckNumbers, AnswerAbroad, PendingAck};
use clients::Clients;
use eio3::OldIds;
use namespaces::{Namespace, NamespaceChange, NamespaceOptions, Pattern};
use recovery::Recovery;
use sockets::Socket;
use std::collections::HashMap;

/// What has a time limit, by the slot of what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    /// A connection that has joined no namespace yet.
    Connect(u32),
    /// A connection's event whose attachments have not all come.
    Assembly(u32),
    /// An acknowledgement the host waits for.
    Ack(u32),
    /// The oldest entry of a namespace's log.
    Log(u32),
}

/// Everybody who speaks Socket.IO over the sessions of an engine.
pub(crate) struct Hub {
    clients: Clients,
    sockets: Slots<Socket>,
    sids: SidSource,
    namespaces: Slots<Namespace>,
    names: HashMap<Box<str>, Key>,
    patterns: Vec<Pattern>,
    /// Namespaces that came and went, for whoever follows them.
    changes: Option<Vec<NamespaceChange>>,
    /// The rooms that sockets are by themselves, which came and went, for whoever follows them.
    own_rooms: Option<Vec<Followed>>,
    router: Router,
    /// The rooms of those whom the host has yet to let in, in the same namespaces.
    asking: Router,
    /// The rooms of those who are away, in the same namespaces.
    away: Router,
    recovery: Recovery,
    /// In a cluster, where other nodes ask for them: the auth objects of clients, by the slot of their socket.
    auths: HashMap<u32, Box<str>>,
    /// The ids of sockets whose clients make them up.
    old_ids: OldIds,
    acks: Slots<PendingAck>,
    ack_numbers: AckNumbers,
    /// In a cluster that keeps sessions for all nodes.
    abroad: Abroad,
    /// What clients have answered to the hosts of other nodes.
    answers_abroad: Vec<AnswerAbroad>,
    timers: Timers<Timer>,
    /// Reused by every emit: the members that its target names, and those that it excepts.
    named: (Vec<Member>, Vec<Member>),
}

impl Hub {
    /// With its namespace `/`, which is open unless the host makes it guarded. `space` is where its sockets live among several
    /// loops.
    pub(crate) fn new(engine: &mut Engine, space: IdSpace) -> Result<Self> {
        let mut hub = Self {
            clients: Clients::default(),
            sockets: Slots::default(),
            namespaces: Slots::default(),
            names: HashMap::new(),
            patterns: Vec::new(),
            changes: None,
            own_rooms: None,
            router: Router::new(),
            asking: Router::new(),
            away: Router::new(),
            recovery: Recovery::new(engine, &space)?,
            auths: HashMap::new(),
            old_ids: OldIds::default(),
            acks: Slots::default(),
            ack_numbers: AckNumbers::new(&space),
            abroad: Abroad::default(),
            answers_abroad: Vec::new(),
            sids: SidSource::new(space),
            timers: Timers::default(),
            named: Default::default(),
        };
        hub.make_namespace(engine, "/", NamespaceOptions::default(), false)?;
        engine.events.clear();
        Ok(hub)
    }

    /// The number of its core among those of its broker.
    pub(crate) fn core(&self) -> usize {
        self.sids.space().number() as usize
    }

    /// Adds what it has to what an engine has.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        stats.sockets = self.router.total_members();
        stats.namespaces = self.namespaces.len();
        stats.rooms = self.router.total_rooms();
        stats.pending_acks = self.acks.len();
        stats.away = self.recovery.expiry.len();
        stats.recovery_bytes = self.recovery.bytes;
        stats.timers = stats.timers.saturating_add(self.timers.len()).saturating_add(stats.away);
    }

    /// When the first of its timers is due.
    pub(crate) fn next_timeout(&self) -> Option<Millis> {
        self.timers.next().into_iter().chain(self.recovery.expiry.next()).min()
    }

    /// Runs the first of what is due.
    pub(crate) fn run_timer(&mut self, engine: &mut Engine) {
        if self.recovery.expiry.next() == self.next_timeout() {
            return self.expire_first(engine);
        }
        match self.timers.pop_due(engine.now) {
            Some((_, Timer::Connect(slot))) => self.connect_timed_out(engine, slot),
            Some((_, Timer::Assembly(slot))) => self.assembly_timed_out(engine, slot),
            Some((_, Timer::Ack(slot))) => self.ack_timed_out(engine, slot),
            Some((_, Timer::Log(slot))) => self.log_is_due(engine, slot),
            None => {}
        }
    }

    fn socket(&self, id: SocketId) -> Result<&Socket> {
        self.sockets.get(id.key()).ok_or(Error::Gone)
    }

    fn namespace(&self, id: NamespaceId) -> Result<&Namespace> {
        self.namespaces.get(id.key()).ok_or(Error::Gone)
    }
}

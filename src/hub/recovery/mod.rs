//! Connection state recovery: what is kept so that a client that comes back is told what it has missed, and no more. It must not
//! know what carries a connection.
//!
//! Each namespace that has it keeps a [`log`](log::Log) of what was emitted, with a number for each emit and the rooms it was for.
//! Each of its sockets has a [`Session`], which knows from which number to which it was in a room. Together they say
//! what a socket would have got from a number on.

mod audience;
mod expiry;
mod frames;
mod latest;
mod log;
mod offset;
mod pids;
pub(super) mod record;
mod rooms;
mod saved;
mod session;
mod stays;
mod stream;
#[cfg(test)]
mod tests;

use crate::base::errors::Result;
use crate::base::ids::Key;
use crate::base::sid::{IdSpace, Sid};
use crate::engine::Engine;
use crate::host::cluster::Cluster;
use crate::wire::cluster::Packet;
use crate::wire::cluster::session::EntryId;
pub(super) use audience::Audience;
use expiry::Expiry;
use log::Bounds;
pub(super) use log::{Log, Missed};
use offset::Offsets;
pub(super) use pids::Pid;
use pids::Pids;
pub(super) use saved::{Owner, Saved, SavedLog};
pub(super) use session::Session;
pub(super) use stays::Stays;
use std::collections::HashMap;
pub(crate) use stream::Stream;
pub(super) use stream::{Logged, replace};

/// The place of an emit among all of its hub, whatever its namespace: one that is gone and comes again gives out no offset twice. 0 is
/// before all of them.
pub(super) type Seq = u64;

/// Where everything stands at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// The number that the next emit gets.
    pub(super) next: Seq,
    /// In a stream, the place up to which all has been handed out.
    pub(super) place: Option<EntryId>,
}

/// Why a client that asks for its session gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its offset is of no emit that there was.
    Foreign,
    /// Something it missed is in the log no more, or it is more than its connection may be owed.
    Overrun,
}

/// What a client has missed of a session that was left to all nodes, up to the number that the next emit got here then.
#[derive(Debug)]
pub(super) struct Caught {
    pub(super) missed: Vec<(EntryId, Packet<'static>)>,
    pub(super) next: Seq,
}

/// What all namespaces with recovery have together.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) offsets: Offsets,
    pub(super) pids: Pids,
    /// The ids that sockets have from another process, which do not lead to their slots.
    pub(super) sids: HashMap<Sid, Key>,
    /// Some namespace has recovery, or may come to have it, and there are several loops.
    pub(super) spread: bool,
    pub(super) expiry: Expiry,
    /// Reused by every emit.
    pub(super) audience: Audience,
    /// The same for what it keeps.
    pub(super) record: Vec<u8>,
    /// Bytes of all logs.
    pub(super) bytes: usize,
    /// In a cluster whose nodes have a stream: there are the offsets.
    pub(super) stream: Option<Box<Stream>>,
}

impl Recovery {
    pub(super) fn new(engine: &Engine, space: &IdSpace) -> Result<Self> {
        let streamed = engine.config.cluster.as_ref().is_some_and(Cluster::has_sessions);
        Ok(Self {
            offsets: Offsets::new()?,
            pids: Pids::new(space),
            sids: HashMap::new(),
            spread: false,
            expiry: Expiry::default(),
            audience: Audience::default(),
            record: Vec::new(),
            bytes: 0,
            stream: streamed.then(Box::default),
        })
    }

    /// Puts the offset of the next emit behind the arguments of the event that `packet` ends with.
    pub(super) fn append_next(&self, packet: &mut Vec<u8>) {
        match &self.stream {
            Some(stream) => stream.append(packet),
            None => self.offsets.append(packet, self.offsets.next()),
        }
    }

    /// The same with the last offset that there was.
    pub(super) fn append_last(&self, packet: &mut Vec<u8>) {
        match &self.stream {
            Some(stream) => stream.append(packet),
            None => self.offsets.append(packet, self.offsets.next().saturating_sub(1)),
        }
    }

    /// What the client of a session has heard, by its offset: all before a number, and what is up to a place in the stream. `None` if it
    /// may have heard what is not known here.
    pub(super) fn heard(&self, offset: Option<&str>, log: &Log, session: &Session) -> Option<(Seq, EntryId)> {
        match (offset, &self.stream) {
            (None, _) => Some((1, EntryId::NONE)),
            (Some(offset), Some(_)) => {
                let heard = EntryId::parse(offset.as_bytes())?;
                Some((log.first_behind(heard), heard))
            }
            (Some(offset), None) => {
                let heard = self.offsets.heard(offset, session)?;
                Some((heard.saturating_add(1), EntryId::NONE))
            }
        }
    }

    /// Where everything stands now.
    pub(super) fn now(&self) -> Point {
        Point { next: self.offsets.next(), place: self.stream.as_ref().map(|stream| stream.position()) }
    }
}

/// The log for a new namespace.
pub(super) fn new_log(engine: &Engine) -> Box<Log> {
    Box::new(Log::new(bounds(engine)))
}

/// How much a log keeps.
pub(super) fn bounds(engine: &Engine) -> Bounds {
    let config = &engine.config;
    // A client may be gone for as long as this before anybody knows.
    let unnoticed = config.ping_interval.saturating_add(config.ping_timeout);
    let time = config.limits.recovery_window.saturating_add(unnoticed);
    let streamed = config.cluster.as_ref().is_some_and(Cluster::has_sessions);
    Bounds { time, bytes: config.limits.recovery_log_bytes, streamed }
}

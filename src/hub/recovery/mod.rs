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
#[cfg(test)]
mod tests;

use crate::base::errors::Result;
use crate::base::ids::Key;
use crate::base::sid::{IdSpace, Sid};
use crate::engine::Engine;
pub(super) use audience::Audience;
use expiry::Expiry;
use log::Bounds;
pub(super) use log::Log;
use offset::Offsets;
use pids::Pids;
pub(super) use saved::{Owner, Saved, SavedLog};
pub(super) use session::Session;
use std::collections::HashMap;

/// The place of an emit among all of its hub, whatever its namespace: one that is gone and comes again gives out no offset twice. 0 is
/// before all of them.
pub(super) type Seq = u64;

/// Why a client that asks for its session gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its offset is of no emit that there was.
    Foreign,
    /// Something it missed is in the log no more, or it is more than its connection may be owed.
    Overrun,
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
}

impl Recovery {
    pub(super) fn new(space: &IdSpace) -> Result<Self> {
        Ok(Self {
            offsets: Offsets::new()?,
            pids: Pids::new(space),
            sids: HashMap::new(),
            spread: false,
            expiry: Expiry::default(),
            audience: Audience::default(),
            record: Vec::new(),
            bytes: 0,
        })
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
    Bounds { time, bytes: config.limits.recovery_log_bytes }
}

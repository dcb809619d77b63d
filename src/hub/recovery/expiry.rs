//! Until when each socket that is away is waited for. It must not know anything else of them.

use crate::base::Millis;
use std::collections::BTreeSet;

/// Until when each of them is waited for, by slot; the first to end first.
#[derive(Debug, Default)]
pub(in crate::hub) struct Expiry(BTreeSet<(Millis, u32)>);

impl Expiry {
    pub(in crate::hub) fn len(&self) -> usize {
        self.0.len()
    }

    /// When the first of them ends.
    pub(in crate::hub) fn next(&self) -> Option<Millis> {
        self.0.first().map(|&(until, _)| until)
    }

    pub(in crate::hub) fn first(&self) -> Option<u32> {
        self.0.first().map(|&(_, slot)| slot)
    }

    pub(in crate::hub) fn add(&mut self, slot: u32, until: Millis) {
        self.0.insert((until, slot));
    }

    pub(in crate::hub) fn remove(&mut self, slot: u32, until: Millis) {
        self.0.remove(&(until, slot));
    }
}

//! What the cores of one broker have together, and its owner with them: each thing behind a lock. A core knows it by a trait
//! alone. It must not be held locked for longer than one look or one entry.

use crate::base::Millis;
use crate::base::limits::Limits;
use crate::broker::reporter::Others;
use crate::engine::admission::Busy;
use crate::engine::quotas::{Counts, Quotas};
use crate::host::log::{self, Kind, Level, Lines};
use crate::host::metrics::Metrics;
use crate::host::peer::Address;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The lines of all cores, which wait for the broker's owner. Without a log it costs one look at the level.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    /// Of the lines up to this level; 0 is none.
    level: AtomicU8,
    lines: Mutex<Lines>,
}

impl Log {
    pub(super) fn set_level(&self, level: Level) {
        self.0.level.store(level as u8, Ordering::Relaxed);
    }

    /// The lines since the last time.
    pub(super) fn take(&self, now: Millis) -> Vec<(Level, String)> {
        self.0.lines.lock().take(now)
    }
}

impl log::Log for Log {
    fn wants(&self, level: Level) -> bool {
        level as u8 <= self.0.level.load(Ordering::Relaxed)
    }

    fn add(&self, kind: Kind, text: fmt::Arguments<'_>, now: Millis) {
        if self.wants(kind.level()) {
            self.0.lines.lock().add(kind, text, now);
        }
    }
}

/// The connections of all cores, and of each address.
#[derive(Clone, Default)]
pub(super) struct SharedCounts(Arc<Mutex<Counts>>);

impl Quotas for SharedCounts {
    fn enter(&mut self, address: Option<Address>, limits: &Limits, now: Millis) -> Result<u64, Busy> {
        self.0.lock().enter(address, limits, now)
    }

    fn leave(&mut self, address: Option<Address>) {
        self.0.lock().leave(address);
    }
}

/// The figures that each core last reported, and the number of the one that has this.
pub(super) struct Figures {
    of_all: Arc<[Mutex<Metrics>]>,
    number: usize,
}

impl Figures {
    /// One for each core.
    pub(super) fn of(count: usize) -> impl Iterator<Item = Self> {
        let of_all: Arc<[_]> = (0..count).map(|_| Mutex::default()).collect();
        (0..count).map(move |number| Self { of_all: of_all.clone(), number })
    }
}

impl Others for Figures {
    fn report(&mut self, own: Metrics) {
        if let Some(place) = self.of_all.get(self.number) {
            *place.lock() = own;
        }
    }

    fn added_to(&self, own: Metrics) -> Metrics {
        let others = self.of_all.iter().enumerate().filter(|&(number, _)| number != self.number);
        others.fold(own, |total, (_, metrics)| total.plus(&metrics.lock()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::log::Log as _;

    #[test]
    fn a_line_above_the_level_is_neither_said_nor_counted() {
        let log = Log::default();
        let add = || (0..200).for_each(|_| log.add(Kind::Refused, format_args!("it"), 0));
        assert!(!log.wants(Level::Error));
        log.set_level(Level::Error);
        add();
        assert_eq!(log.take(2_000), []);
        assert!(log.wants(Level::Error) && !log.wants(Level::Info));
        log.set_level(Level::Warn);
        add();
        assert_eq!(log.take(0).len(), 100);
        assert_eq!(log.take(2_000).len(), 1);
    }
}

//! What each loop of a broker last said of itself, so that any of them can answer a monitor for all. It must not make one
//! loop wait for another.

use crate::base::Millis;
use crate::host::metrics::Metrics;
use parking_lot::Mutex;
use std::sync::Arc;

/// How often a loop says it.
const INTERVAL: Millis = 1_000;

/// The figures of all loops.
#[derive(Debug)]
pub(crate) struct SharedMetrics(Box<[Mutex<Metrics>]>);

impl SharedMetrics {
    pub(crate) fn new(loops: usize) -> Self {
        Self((0..loops).map(|_| Mutex::default()).collect())
    }
}

/// One loop's part in them.
pub(super) struct Reporter {
    shared: Arc<SharedMetrics>,
    number: usize,
    /// When it says again what it has.
    pub(super) due: Millis,
}

impl Reporter {
    pub(super) fn new(shared: Arc<SharedMetrics>, number: usize) -> Self {
        Self { shared, number, due: 0 }
    }

    pub(super) fn report(&mut self, own: Metrics, now: Millis) {
        if let Some(place) = self.shared.0.get(self.number) {
            *place.lock() = own;
        }
        self.due = now.saturating_add(INTERVAL);
    }

    /// The figures of the whole broker: its own as they are now, those of other loops as they last said.
    pub(super) fn of_all(&self, own: Metrics) -> Metrics {
        let others = self.shared.0.iter().enumerate().filter(|&(number, _)| number != self.number);
        others.fold(own, |total, (_, metrics)| total.plus(&metrics.lock()))
    }
}

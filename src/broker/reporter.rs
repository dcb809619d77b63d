//! What a core tells the other cores of its broker about itself, and what it knows of them, so that any of them can answer a
//! monitor for all. How they hear of it is for whoever made them.

use crate::base::Millis;
use crate::host::metrics::Metrics;

/// How often a core says it.
const INTERVAL: Millis = 1_000;

/// The other cores of a broker.
pub(crate) trait Others: Send {
    /// What this core has now.
    fn report(&mut self, own: Metrics);

    /// `own`, and what all others last said.
    fn added_to(&self, own: Metrics) -> Metrics;
}

/// One core's part in what all have.
pub(super) struct Reporter {
    others: Box<dyn Others>,
    /// When it says again what it has.
    pub(super) due: Millis,
}

impl Reporter {
    pub(super) fn new(others: Box<dyn Others>) -> Self {
        Self { others, due: 0 }
    }

    pub(super) fn report(&mut self, own: Metrics, now: Millis) {
        self.others.report(own);
        self.due = now.saturating_add(INTERVAL);
    }

    /// The figures of the whole broker: its own as they are now, those of others as they last said.
    pub(super) fn of_all(&self, own: Metrics) -> Metrics {
        self.others.added_to(own)
    }
}

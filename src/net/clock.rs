//! The listening clock: it counts the time in which peers could have been heard. It must not read the system's clock: the loop
//! passes instants in.

use crate::base::Millis;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long the host may be away before the clock stops for it. A frame of a game or a slow handler is well
/// below; a debugger's breakpoint is above.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    /// When the loop last listened.
    heard: Instant,
    /// Time that does not count, up to `heard`.
    lost: Duration,
    /// How long after `heard` the clock runs on. A foreign loop listens while it sleeps, as long as it was told
    /// to (`None`: for ever).
    allowance: Cell<Option<Duration>>,
}

impl Clock {
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, heard: origin, lost: Duration::ZERO, allowance: Cell::new(Some(GRACE)) }
    }

    /// The time at an instant not before the last one passed to the methods below.
    pub(super) fn at(&self, instant: Instant) -> Millis {
        let away = instant.saturating_duration_since(self.heard);
        let counted = self.allowance.get().map_or(away, |allowance| away.min(allowance));
        (self.heard + counted).saturating_duration_since(self.origin).saturating_sub(self.lost).as_millis()
            as Millis
    }

    /// A foreign loop will sleep for up to `sleep` and listen on the descriptor meanwhile.
    pub(super) fn promise(&self, sleep: Option<Duration>) {
        self.allowance.set(sleep.and_then(|sleep| sleep.checked_add(GRACE)));
    }

    /// How long ago the loop last listened.
    pub(super) fn silence(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.heard)
    }

    /// The loop begins to listen: what the host was away beyond the allowance is lost. Returns it.
    pub(super) fn back(&mut self, instant: Instant) -> Duration {
        let away = instant.saturating_duration_since(self.heard);
        let allowance = self.allowance.replace(Some(GRACE)).unwrap_or(Duration::MAX);
        let lost = away.saturating_sub(allowance);
        self.lost += lost;
        self.heard = self.heard.max(instant);
        lost
    }

    /// The loop has listened since the last call of this or of `back`: all of that time counts.
    pub(super) fn listened(&mut self, instant: Instant) {
        self.heard = self.heard.max(instant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waiting_counts_and_absence_counts_a_second() {
        let start = Instant::now();
        let mut clock = Clock::new(start);
        clock.back(start);
        clock.listened(start + 30 * SECOND);
        assert_eq!(clock.at(start + 30 * SECOND), 30_000);
        assert_eq!(clock.at(start + 30 * SECOND + SECOND / 2), 30_500);
        assert_eq!(clock.at(start + 90 * SECOND), 31_000);
        assert_eq!(clock.back(start + 90 * SECOND), 59 * SECOND);
        assert_eq!(clock.at(start + 90 * SECOND), 31_000);
        clock.listened(start + 91 * SECOND);
        assert_eq!(clock.at(start + 91 * SECOND), 32_000);
    }

    #[test]
    fn short_absences_count_in_full() {
        let start = Instant::now();
        let mut clock = Clock::new(start);
        for frame in 1..=1_000 {
            clock.back(start + frame * SECOND);
        }
        assert_eq!(clock.at(start + 1_000 * SECOND), 1_000_000);
    }

    #[test]
    fn a_foreign_loop_listens_while_it_sleeps_as_it_was_told() {
        let start = Instant::now();
        let mut clock = Clock::new(start);
        clock.promise(Some(25 * SECOND));
        clock.back(start + 25 * SECOND);
        assert_eq!(clock.at(start + 25 * SECOND), 25_000);
        clock.promise(Some(25 * SECOND));
        clock.back(start + 100 * SECOND);
        assert_eq!(clock.at(start + 100 * SECOND), 51_000);
        clock.promise(None);
        clock.back(start + 200 * SECOND);
        assert_eq!(clock.at(start + 200 * SECOND), 151_000);
    }
}

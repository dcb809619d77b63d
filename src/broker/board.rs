//! What each loop of a broker last said of itself, so that any of them can answer a monitor for all. It must not make one
//! loop wait for another.

use super::core::Core;
use super::metrics::Metrics;
use crate::base::Millis;
use crate::session::timers::Timer;
use parking_lot::Mutex;
use std::sync::Arc;

/// How often a loop says it.
const INTERVAL: Millis = 1_000;

/// The figures of all loops.
#[derive(Debug)]
pub(crate) struct Board(Box<[Mutex<Metrics>]>);

impl Board {
    pub(crate) fn new(loops: usize) -> Self {
        Self((0..loops).map(|_| Mutex::default()).collect())
    }
}

/// A loop's place on the board.
pub(super) struct Place {
    board: Arc<Board>,
    number: usize,
}

impl Core {
    /// From now on this core, the one of loop `number`, says there what it has, and answers for all.
    pub(crate) fn report_to(&mut self, board: Arc<Board>, number: usize) {
        self.place = Some(Place { board, number });
        self.report();
    }

    pub(super) fn report(&mut self) {
        if let Some(place) = &self.place {
            if let Some(own) = place.board.0.get(place.number) {
                *own.lock() = self.metrics();
            }
            self.timers.arm(Timer::Report, self.after(INTERVAL));
        }
    }

    /// The figures of the whole broker: its own as they are now, those of other loops as they last said.
    pub(super) fn reported(&self) -> Metrics {
        let own = self.metrics();
        let Some(place) = &self.place else { return own };
        let others = place.board.0.iter().enumerate().filter(|&(number, _)| number != place.number);
        others.fold(own, |total, (_, metrics)| total.plus(&metrics.lock()))
    }
}

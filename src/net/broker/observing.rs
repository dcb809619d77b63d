//! Who sees each batch before the host does, and what it may ask of all cores. It must not know what for.

use super::{Broker, Driver};
use crate::base::errors::Result;
use crate::broker::Core;
use crate::broker::operations::Loops;
use crate::host::events::Events;
use std::time::{Duration, Instant};

/// Sees each batch before the host does. It is called from within the calls that hand out a batch, on their thread.
pub(crate) trait Observer: Send {
    /// The host is about to get these.
    fn observe(&mut self, broker: &mut Broker, events: &mut Events);

    /// When it has something to do by itself, if it has.
    fn due(&self) -> Option<Instant>;
}

impl Broker {
    /// From now on this one sees each batch. There is one at most.
    pub(crate) fn set_observer(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    pub(crate) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// For how long the broker is there.
    pub(crate) fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Does this on each core of these loops, and waits for what comes of it.
    pub(crate) fn on_cores<R: Send + 'static>(
        &mut self,
        loops: Loops,
        act: impl Fn(&mut Core) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        match &mut self.driver {
            Driver::Host(shard, _) => Ok(vec![act(&mut shard.core)]),
            Driver::Threads(threads) => threads.ask_each(loops, move |shard| act(&mut shard.core)),
        }
    }

    pub(super) fn let_observe(&mut self, events: &mut Events) {
        if let Some(mut observer) = self.observer.take() {
            observer.observe(self, events);
            self.observer = Some(observer);
        }
    }

    /// The time until the observer has something to do, if that is shorter.
    pub(super) fn until_observer(&self, timeout: Option<Duration>) -> Option<Duration> {
        let due = self.observer.as_ref().and_then(|observer| observer.due());
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        timeout.into_iter().chain(left).min()
    }
}

//! Links whose peer has ended its side, until the service is told. A peer may end it right behind its last words and still read,
//! so what is owed to it goes out first. It must not keep one that nothing is owed to.

use super::{Links, State};
use crate::base::Millis;
use crate::engine::service::{Owed, Service};
use mio::Registry;

impl Links {
    /// Some link's end is still to be told to the service.
    pub(in crate::net) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Some link waits for the host.
    pub(in crate::net) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Some link waits for the host no longer: a turn will tell the service.
    pub(in crate::net) fn has_handled(&self, service: &impl Service) -> bool {
        self.held.iter().any(|&key| self.is_ended(key) && service.owed(key) != Owed::Answers)
    }

    fn is_ended(&self, key: usize) -> bool {
        self.slab.get(key).is_some_and(|link| link.state == State::Ended)
    }

    /// Looks again, after the next flush, at the links that waited for the host.
    pub(in crate::net) fn look_again(&mut self) {
        // What is sent to one that is held names it once more.
        self.held.sort_unstable();
        self.held.dedup();
        self.ended.append(&mut self.held);
    }

    /// Tells the service of the links that ended and forgets them. While the host is `busy` with its events, those to which
    /// something may be owed stay.
    pub(in crate::net) fn tell_ended<S: Service>(
        &mut self,
        service: &mut S,
        busy: bool,
        now: Millis,
        registry: &Registry,
    ) {
        for index in 0..self.ended.len() {
            let Some(&key) = self.ended.get(index) else { break };
            let reset = match self.slab.get(key).map(|link| link.state) {
                Some(State::Broken) => true,
                Some(State::Ended) => match service.owed(key) {
                    Owed::Nothing if !busy => false,
                    // The send that takes the last of it brings the link back here.
                    Owed::Output if !busy => continue,
                    _ => {
                        self.held.push(key);
                        continue;
                    }
                },
                _ => continue,
            };
            #[cfg(feature = "tls")]
            if !reset {
                self.seal_end(key);
            }
            self.bury(key, registry);
            service.closed(key, reset, now);
        }
        self.ended.clear();
    }
}

//! Links that are closed and linger: what their peers still send is read and dropped, for a while. It must not tell the service of them.

use super::{Lingering, Links, State};
use mio::Registry;
use std::io::ErrorKind;
use std::time::Instant;

impl Links {
    /// Reads the lingering links alone: the others wait where they are, in their order.
    pub(super) fn discard_ready(&mut self, buffer: &mut [u8], budget: usize, registry: &Registry) {
        if self.lingering.is_empty() {
            return;
        }
        for key in std::mem::take(&mut self.ready) {
            if self.is_lingering(key) {
                if let Some(link) = self.slab.get_mut(key) {
                    link.queued = false;
                }
                self.discard(key, buffer, budget, registry);
                self.queue(key);
            } else {
                self.ready.push_back(key);
            }
        }
    }

    pub(super) fn is_lingering(&self, key: usize) -> bool {
        self.slab.get(key).is_some_and(|link| link.state == State::Lingering)
    }

    pub(super) fn discard(&mut self, key: usize, buffer: &mut [u8], mut budget: usize, registry: &Registry) {
        let Some(link) = self.slab.get_mut(key) else { return };
        let Some(stream) = &mut link.stream else { return };
        while budget > 0 {
            match stream.read(buffer) {
                Ok(count) if count > 0 => budget = budget.saturating_sub(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    link.readable = false;
                    return;
                }
                Ok(_) | Err(_) => return self.bury(key, registry),
            }
        }
    }

    /// Gives up on lingering links whose peer does not end.
    pub(in crate::net) fn expire(&mut self, now: Instant, registry: &Registry) {
        while let Some(first) = self.lingering.front() {
            let &Lingering { until, key, serial } = first;
            let lingers = self.lingers(key, serial);
            if lingers && until > now {
                break;
            }
            self.lingering.pop_front();
            if lingers {
                self.bury(key, registry);
            }
        }
    }

    pub(super) fn lingers(&self, key: usize, serial: u32) -> bool {
        self.slab.get(key).is_some_and(|link| link.state == State::Lingering && link.serial == serial)
    }

    /// When `expire` has something to do.
    pub(in crate::net) fn next_expiry(&self) -> Option<Instant> {
        self.lingering.front().map(|first| first.until)
    }
}

//! Links that have some time for what comes first on them, a header or a handshake, in the order in which it ends. It must not read either.

use super::Links;
use crate::base::Millis;
use crate::engine::service::Service;
use crate::net::stream::Stream;
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Deadlines {
    /// Those that are long done with it included.
    list: VecDeque<Deadline>,
    timeout: Millis,
}

#[derive(Debug)]
struct Deadline {
    until: Millis,
    key: usize,
    serial: u32,
}

impl Deadlines {
    pub(super) fn new(timeout: Millis) -> Self {
        Self { list: VecDeque::new(), timeout }
    }

    pub(super) fn begin(&mut self, key: usize, serial: u32, now: Millis) {
        self.list.push_back(Deadline { until: now.saturating_add(self.timeout), key, serial });
    }

    /// When the next one ends.
    pub(super) fn next(&self) -> Option<Millis> {
        self.list.front().map(|first| first.until)
    }

    /// Takes out the next link whose time is up and that `is_at_it` still.
    pub(super) fn take_late(&mut self, now: Millis, is_at_it: impl Fn(usize, u32) -> bool) -> Option<usize> {
        while let Some(&Deadline { until, key, serial }) = self.list.front() {
            let late = is_at_it(key, serial);
            if late && until > now {
                break;
            }
            self.list.pop_front();
            if late {
                return Some(key);
            }
        }
        None
    }
}

impl Links {
    /// A link is new: for what comes first on some it has some time.
    pub(super) fn await_first(&mut self, key: usize, now: Millis) {
        let Some(link) = self.slab.get_mut(key) else { return };
        if matches!(link.stream, Some(Stream::Proxied(_))) {
            self.serial = self.serial.wrapping_add(1);
            link.serial = self.serial;
            self.headers.begin(key, link.serial, now);
        } else {
            #[cfg(feature = "tls")]
            self.await_handshake(key, now);
        }
    }

    /// When the time of the next link is up that has yet to bring what comes first.
    pub(in crate::net) fn next_deadline(&self) -> Option<Millis> {
        let header = self.headers.next();
        #[cfg(feature = "tls")]
        let header = header.into_iter().chain(self.next_handshake()).min();
        header
    }

    /// Gives up on links that did not bring in time what comes first.
    pub(in crate::net) fn end_late(&mut self, service: &mut impl Service, now: Millis) {
        self.end_late_headers(service, now);
        #[cfg(feature = "tls")]
        self.end_late_handshakes(service, now);
    }
}

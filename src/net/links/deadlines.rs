//! Links that have some time for what they do first, in the order in which it ends. It must not know what that is.

use crate::base::Millis;
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

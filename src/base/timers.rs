//! Deadlines of everything that has one, exact and cancellable. It must not read a clock.

use super::Millis;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// All armed deadlines; at most one for each `T`, which says by slot what it belongs to. A slot that is freed cancels its timers
/// first.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    by_time: BTreeSet<(Millis, T)>,
    by_timer: HashMap<T, Millis, BuildHasherDefault<SlotHasher>>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_timer: HashMap::default() }
    }
}

/// For small numbers that no peer chooses: SipHash would be a good part of what a timer costs.
#[derive(Debug, Default)]
struct SlotHasher(u64);

impl Hasher for SlotHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        // The constant is Fibonacci hashing's.
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<T: Copy + Ord + Hash> Timers<T> {
    /// Arms a timer, or moves it.
    pub(crate) fn arm(&mut self, timer: T, at: Millis) {
        if let Some(old) = self.by_timer.insert(timer, at) {
            self.by_time.remove(&(old, timer));
        }
        self.by_time.insert((at, timer));
    }

    /// Makes an armed timer due so much earlier.
    pub(crate) fn hasten(&mut self, timer: T, by: Millis) {
        if let Some(&at) = self.by_timer.get(&timer) {
            self.arm(timer, at.saturating_sub(by));
        }
    }

    /// Disarms a timer. When it was due, if it was armed.
    pub(crate) fn cancel(&mut self, timer: T) -> Option<Millis> {
        let due = self.by_timer.remove(&timer)?;
        self.by_time.remove(&(due, timer));
        Some(due)
    }

    pub(crate) fn next(&self) -> Option<Millis> {
        self.by_time.first().map(|&(at, _)| at)
    }

    /// Takes one timer that is due, earliest first, and when it was.
    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<(Millis, T)> {
        let &(at, timer) = self.by_time.first()?;
        if at > now {
            return None;
        }
        self.by_time.pop_first();
        self.by_timer.remove(&timer);
        Some((at, timer))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    enum Timer {
        Link(u32),
        Heartbeat(u32),
        Ack(u32),
    }

    #[test]
    fn timers_fire_in_order_and_move_and_cancel() {
        let mut timers = Timers::default();
        timers.arm(Timer::Ack(1), 30);
        timers.arm(Timer::Link(1), 10);
        timers.arm(Timer::Heartbeat(1), 20);
        timers.arm(Timer::Link(1), 40);
        timers.cancel(Timer::Ack(1));
        timers.hasten(Timer::Link(1), 5);
        timers.hasten(Timer::Ack(1), 5);
        assert_eq!(timers.next(), Some(20));
        assert_eq!(timers.pop_due(19), None);
        assert_eq!(timers.pop_due(50), Some((20, Timer::Heartbeat(1))));
        assert_eq!(timers.pop_due(50), Some((35, Timer::Link(1))));
        assert_eq!(timers.pop_due(50), None);
        assert_eq!(timers.len(), 0);
    }
}

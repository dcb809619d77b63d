//! What was to be published while nobody could hear it: the latest of it, for a moment. It must not send it.

use crate::base::Millis;
use std::collections::VecDeque;

/// Bytes of all that waits.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// What waits longer than this is dropped, in milliseconds.
pub(super) const MAX_AGE: Millis = 1_000;
/// What one command costs besides its bytes.
const OVERHEAD: usize = 64;

/// Commands that wait, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Each with the time since when it waits, which may not be known yet.
    waiting: VecDeque<(Option<Millis>, Vec<u8>)>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Has a command wait, if there is room for it alone. Returns how many others had to go; `None` if it is too long.
    pub(super) fn push(&mut self, command: Vec<u8>) -> Option<usize> {
        let size = command.len().checked_add(OVERHEAD).filter(|&size| size <= MAX_BYTES)?;
        let mut dropped: usize = 0;
        while self.bytes.saturating_add(size) > MAX_BYTES && self.drop_first() {
            dropped = dropped.saturating_add(1);
        }
        self.bytes = self.bytes.saturating_add(size);
        self.waiting.push_back((None, command));
        Some(dropped)
    }

    /// Time has passed. Returns how many have waited too long.
    pub(super) fn tick(&mut self, now: Millis) -> usize {
        // Those of no time are the last ones.
        self.waiting.iter_mut().rev().map_while(|(since, _)| since.is_none().then_some(since)).for_each(
            |since| {
                *since = Some(now);
            },
        );
        let mut dropped: usize = 0;
        while self.next_timeout().is_some_and(|due| due <= now) && self.drop_first() {
            dropped = dropped.saturating_add(1);
        }
        dropped
    }

    /// When [`tick`](Self::tick) has something to drop.
    pub(super) fn next_timeout(&self) -> Option<Millis> {
        let (since, _) = self.waiting.front()?;
        Some((*since)?.saturating_add(MAX_AGE))
    }

    fn drop_first(&mut self) -> bool {
        let Some((_, command)) = self.waiting.pop_front() else { return false };
        self.bytes = self.bytes.saturating_sub(command.len().saturating_add(OVERHEAD));
        true
    }

    /// All that waits, to be sent now.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting).into_iter().map(|(_, command)| command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_nothing_stays_long() {
        let mut backlog = Backlog::default();
        let most = MAX_BYTES / 4 - OVERHEAD;
        for number in 0..6 {
            let dropped = backlog.push(vec![number; most]);
            assert_eq!(dropped, Some(usize::from(number >= 4)), "{number}");
        }
        assert_eq!(backlog.next_timeout(), None, "nobody has said what time it is");
        assert_eq!(backlog.tick(500), 0);
        assert_eq!(backlog.push(vec![6]), Some(1));
        assert_eq!(backlog.tick(600), 0);
        assert_eq!(backlog.next_timeout(), Some(1_500));
        assert_eq!(backlog.tick(1_499), 0);
        assert_eq!(backlog.tick(1_500), 3);
        assert_eq!(backlog.next_timeout(), Some(1_600));
        assert_eq!(backlog.push(vec![7]), Some(0));
        assert_eq!(backlog.take().collect::<Vec<_>>(), [[6], [7]]);
        assert_eq!((backlog.next_timeout(), backlog.bytes), (None, 0));
    }

    #[test]
    fn what_is_longer_than_all_of_it_drops_nothing_else() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.push(vec![1]), Some(0));
        assert_eq!(backlog.push(vec![0; MAX_BYTES - OVERHEAD + 1]), None);
        assert_eq!(backlog.push(vec![0; MAX_BYTES - OVERHEAD]), Some(1));
        assert_eq!(backlog.take().count(), 1);
    }
}

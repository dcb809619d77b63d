//! What was to be published and cannot be sent now: there is no connection, or it has come back from a server to which it does not
//! belong. The latest of it, for a moment. It must not send it.

use crate::base::Millis;
use crate::cluster::redis::Post;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Bytes of all that waits.
const MAX_BYTES: usize = 1 << 20;
/// What waits longer than this is dropped, in milliseconds.
const MAX_AGE: Millis = 1_000;

/// Commands that wait, by their numbers: those of one lane go in this order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    posts: BTreeMap<u64, Post>,
    /// How many are of each lane.
    lanes: HashMap<u16, usize>,
    /// Those that came back, until it may be better known where they belong.
    held: BTreeSet<u64>,
    bytes: usize,
    /// Of some it is not known since when they wait.
    untimed: bool,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.posts.is_empty()
    }

    /// Whether something of this lane waits, which goes before what comes.
    pub(super) fn has(&self, lane: u16) -> bool {
        self.lanes.contains_key(&lane)
    }

    /// Has a command wait, if there is room for it alone. Returns how many others had to go; `None` if it is too long. `held`: it came
    /// back, and waits at least until [`release`](Self::release).
    pub(super) fn push(&mut self, post: Post, held: bool) -> Option<usize> {
        let size = post.size();
        if size > MAX_BYTES {
            return None;
        }
        let mut dropped: usize = 0;
        while self.bytes.saturating_add(size) > MAX_BYTES && self.drop_first() {
            dropped = dropped.saturating_add(1);
        }
        self.bytes = self.bytes.saturating_add(size);
        let lane = self.lanes.entry(post.lane).or_default();
        *lane = lane.saturating_add(1);
        self.untimed |= post.since.is_none();
        if held {
            self.held.insert(post.number);
        }
        self.posts.insert(post.number, post);
        Some(dropped)
    }

    /// It may be known by now where those of a lane belong, or of all lanes.
    pub(super) fn release(&mut self, lane: Option<u16>) {
        match lane {
            None => self.held.clear(),
            Some(lane) => {
                let Self { held, posts, .. } = self;
                held.retain(|number| posts.get(number).is_none_or(|post| post.lane != lane));
            }
        }
    }

    /// Time has passed. Returns how many have waited too long.
    pub(super) fn tick(&mut self, now: Millis) -> usize {
        if std::mem::take(&mut self.untimed) {
            self.posts.values_mut().for_each(|post| post.since = post.since.or(Some(now)));
        }
        let mut dropped: usize = 0;
        while self.next_timeout().is_some_and(|due| due <= now) && self.drop_first() {
            dropped = dropped.saturating_add(1);
        }
        dropped
    }

    /// When [`tick`](Self::tick) has something to drop.
    pub(super) fn next_timeout(&self) -> Option<Millis> {
        let (_, first) = self.posts.first_key_value()?;
        Some(first.since?.saturating_add(MAX_AGE))
    }

    fn drop_first(&mut self) -> bool {
        let first = self.posts.first_key_value().map(|(&number, _)| number);
        first.and_then(|number| self.take(number)).is_some()
    }

    /// A later command of a lane has been carried out: what waits of those before it comes too late. How many those are.
    pub(super) fn drop_before(&mut self, lane: u16, number: u64) -> usize {
        if !self.has(lane) {
            return 0;
        }
        let before = self.posts.range(..number).filter(|(_, post)| post.lane == lane);
        let late: Vec<u64> = before.map(|(&number, _)| number).collect();
        late.into_iter().filter_map(|number| self.take(number)).count()
    }

    fn take(&mut self, number: u64) -> Option<Post> {
        let post = self.posts.remove(&number)?;
        self.held.remove(&number);
        self.bytes = self.bytes.saturating_sub(post.size());
        if let Some(count) = self.lanes.get_mut(&post.lane) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.lanes.remove(&post.lane);
            }
        }
        Some(post)
    }

    /// Gives each command to `send` that may go, in their order: nothing of its lane is held before it, and `send` takes it. What it does
    /// not take it returns, and all of its lane waits.
    pub(super) fn send(&mut self, mut send: impl FnMut(Post) -> Option<Post>) {
        let numbers: Vec<u64> = self.posts.keys().copied().collect();
        let mut blocked = BTreeSet::new();
        for number in numbers {
            let lane = self.posts.get(&number).map(|post| post.lane);
            if lane.is_none_or(|lane| blocked.contains(&lane)) {
                continue;
            }
            let held = self.held.contains(&number);
            let returned = if held { None } else { self.take(number).and_then(&mut send) };
            if held || returned.is_some() {
                blocked.extend(lane);
            }
            if let Some(post) = returned {
                // It was there before: there is room for it.
                self.push(post, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(number: u64, lane: u16, size: usize) -> Post {
        Post::new(number, lane, &[&vec![b'x'; size]], false)
    }

    fn sent(waiting: &mut Waiting, takes: impl Fn(&Post) -> bool) -> Vec<u64> {
        let mut sent = Vec::new();
        waiting.send(|post| {
            if !takes(&post) {
                return Some(post);
            }
            sent.push(post.number);
            None
        });
        sent
    }

    #[test]
    fn those_of_a_lane_go_in_their_order() {
        let mut waiting = Waiting::default();
        for (number, lane, held) in [(5, 1, false), (2, 1, true), (3, 2, false), (4, 2, false), (7, 3, false)]
        {
            assert_eq!(waiting.push(post(number, lane, 1), held), Some(0));
        }
        assert!(waiting.has(1) && !waiting.has(4));
        assert_eq!(sent(&mut waiting, |post| post.lane != 3), [3, 4]);
        assert!(waiting.has(1) && !waiting.has(2));
        waiting.release(Some(3));
        assert_eq!(sent(&mut waiting, |_| true), [7]);
        waiting.release(Some(1));
        assert_eq!(sent(&mut waiting, |_| true), [2, 5]);
        assert!(waiting.is_empty() && !waiting.has(1) && waiting.bytes == 0);
        for number in [8, 9, 11] {
            waiting.push(post(number, 1, 1), true);
        }
        waiting.push(post(7, 2, 1), true);
        assert_eq!((waiting.drop_before(1, 10), waiting.drop_before(3, 10)), (2, 0));
        waiting.release(None);
        assert_eq!(sent(&mut waiting, |_| true), [7, 11]);
    }

    #[test]
    fn the_latest_wait_for_a_moment() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.push(post(1, 1, MAX_BYTES), false), None);
        waiting.push(post(2, 1, 10), false);
        assert_eq!((waiting.tick(100), waiting.next_timeout()), (0, Some(1_100)));
        waiting.push(post(3, 2, 10), false);
        assert_eq!(waiting.tick(500), 0);
        // One that came back has its time.
        let mut first = post(1, 3, 10);
        first.since = Some(50);
        waiting.push(first, true);
        assert_eq!(waiting.next_timeout(), Some(1_050));
        assert_eq!((waiting.tick(1_050), waiting.next_timeout()), (1, Some(1_100)));
        assert_eq!((waiting.tick(1_100), waiting.next_timeout()), (1, Some(1_500)));
        assert_eq!(waiting.push(post(9, 1, MAX_BYTES - 200), false), Some(0));
        assert_eq!(waiting.push(post(10, 1, 200), false), Some(2));
        assert!(!waiting.has(2));
        assert_eq!(sent(&mut waiting, |_| true), [10]);
    }
}

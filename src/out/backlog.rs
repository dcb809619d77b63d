//! What the kernel has not taken from one connection, in order, with its bound and its delivery classes. It must not
//! grow past the bound by more than one message, nor lose a message without counting it.

use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of one tick, kept alive by the backlogs that hold a part of them.
pub(crate) type Segment = Arc<Vec<u8>>;

/// What may become of a message while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Stays until it is sent.
    Keep,
    /// Goes when a newer message of the same namespace, by its generation, and key comes.
    Latest { namespace: u32, key: u64 },
    /// Goes, oldest first, when room is needed.
    DropOldest,
}

/// What became of a message that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Older messages of the same key that made room.
    pub(crate) replaced: u32,
    /// Messages dropped because the bound was reached, the pushed one perhaps among them.
    pub(crate) dropped: u32,
    /// The bound was reached by a message that must not be dropped.
    pub(crate) overflow: bool,
}

#[derive(Debug)]
enum Bytes {
    Own(Vec<u8>),
    Shared(Segment, u32, u32),
}

impl Bytes {
    #[expect(
        clippy::indexing_slicing,
        reason = "the range lay in the segment when it was pushed, and neither changes"
    )]
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Own(bytes) => bytes,
            Bytes::Shared(segment, start, end) => &segment[*start as usize..*end as usize],
        }
    }
}

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    class: Class,
}

/// A queue of whole WebSocket frames, of which the first may be partly sent.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    chunks: VecDeque<Chunk>,
    /// Number of the first chunk; the queue's chunks are numbered in a row.
    first: u64,
    /// The chunk that holds the newest message of a key.
    latest: HashMap<(u32, u64), u64>,
    /// The chunks that may be dropped for room, oldest first.
    droppable: VecDeque<u64>,
    /// Bytes of the first chunk that are gone.
    sent: usize,
    bytes: usize,
    /// What small messages that may go are counted for above their bytes.
    padding: usize,
    /// Chunks that were emptied in the middle of the queue.
    holes: usize,
    /// The kernel was not asked: it is another connection's turn. What waits so shares its segments however little it is, as
    /// it does not wait long.
    put_off: bool,
    /// It waits as it was emitted: a client that takes no binary frames is sent another form of it.
    raw: bool,
    counted: Counted,
    /// Chunks that were looked at to drop one or to close holes.
    #[cfg(test)]
    steps: usize,
}

/// What waits in all backlogs that were made with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total(Arc<AtomicUsize>);

impl Total {
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A backlog's part of the total, which goes with the backlog.
#[derive(Debug, Default)]
struct Counted {
    bytes: usize,
    total: Total,
}

impl Counted {
    fn set(&mut self, bytes: usize) {
        self.total.0.fetch_add(bytes.wrapping_sub(self.bytes), Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Below this a chunk is copied: it is cheaper than holding a segment.
const SMALL: usize = 512;
/// A part is shared when it is at least this part of its segment. With what the queue itself takes, a backlog that counts n
/// bytes holds at most 8n ...
const SHARE: usize = 7;
/// ... or when it is this large, or the rest of one that was: a copy for each of thousands of stalled readers would be
/// worse.
const LARGE: usize = 128 * 1024;
/// A message that may be dropped or replaced is a chunk of its own, and counts for at least this: about an eighth of what the
/// queue's tables take for it when they have just grown.
const LEAST: usize = 32;
/// Copies are put together up to this, so that little is held for a rest of which most was sent.
const MERGED: usize = 64 * 1024;
/// Tables of fewer chunks are left as they are.
const KEPT: usize = 64;
/// Chunks of one system call.
const MAX_SLICES: usize = 64;

/// Whether a part is too little of its segment to hold all of it.
fn takes_too_much(part: usize, segment: &Segment) -> bool {
    part.saturating_mul(SHARE) < segment.len()
}

impl Chunk {
    fn padding(&self) -> usize {
        let len = self.bytes.as_slice().len();
        if self.class == Class::Keep || len == 0 { 0 } else { LEAST.saturating_sub(len) }
    }
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "lengths that are in memory and numbers of chunks that were queued one by one; what is taken off was added before"
)]
impl Backlog {
    pub(crate) fn new(total: Total) -> Self {
        Self { counted: Counted { bytes: 0, total }, ..Self::default() }
    }

    /// Bytes that wait, those counted for the bookkeeping of small messages included.
    pub(crate) fn len(&self) -> usize {
        self.bytes + self.padding
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Takes `segment[at]` but for its first `sent` bytes, which the kernel has. `last` is where its last message begins,
    /// counted from what is taken: the bound is judged by what is queued before each message, so that one message of any
    /// size fits an empty queue, unless the bound is 0.
    pub(crate) fn push(
        &mut self,
        segment: &Segment,
        at: Range<u32>,
        sent: usize,
        last: usize,
        class: Class,
        bound: usize,
    ) -> Pushed {
        let pushed = self.make_room_and_append(segment, at, sent, last, class, bound);
        self.counted.set(self.len());
        pushed
    }

    fn make_room_and_append(
        &mut self,
        segment: &Segment,
        at: Range<u32>,
        sent: usize,
        last: usize,
        class: Class,
        bound: usize,
    ) -> Pushed {
        let mut pushed = Pushed { replaced: 0, dropped: 0, overflow: false };
        if let Class::Latest { namespace, key } = class
            && let Some(&number) = self.latest.get(&(namespace, key))
        {
            pushed.replaced += u32::from(self.empty_chunk(number));
        }
        while self.len() + last >= bound && (self.bytes > 0 || bound == 0) {
            // Where there is no room at all, dropping makes none.
            if bound > 0 && self.drop_oldest() {
                pushed.dropped += 1;
                continue;
            }
            match class {
                // It takes the place of the one it replaced.
                Class::Latest { .. } if pushed.replaced > 0 => break,
                Class::Keep | Class::Latest { .. } => pushed.overflow = true,
                Class::DropOldest => pushed.dropped += 1,
            }
            return pushed;
        }
        if last >= bound && class == Class::Keep {
            pushed.overflow = true;
            return pushed;
        }
        self.append(segment, at, sent, class);
        pushed
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "`at` lies in its segment, and so many bytes of it were sent"
    )]
    fn append(&mut self, segment: &Segment, at: Range<u32>, sent: usize, class: Class) {
        let (start, end) = (at.start + sent as u32, at.end);
        let slice = &segment[start as usize..end as usize];
        self.bytes += slice.len();
        // Only the first part of an empty queue can be a rest, so a queue holds at most one segment for so little.
        let whole = if sent > 0 { at.len() } else { slice.len() };
        let copy =
            whole < LARGE && (slice.len() < SMALL || (!self.put_off && takes_too_much(slice.len(), segment)));
        if copy
            && class == Class::Keep
            && let Some(Chunk { bytes: Bytes::Own(own), class: Class::Keep }) = self.chunks.back_mut()
            && !own.is_empty()
            && own.len() + slice.len() <= MERGED
        {
            own.extend_from_slice(slice);
            return;
        }
        let bytes =
            if copy { Bytes::Own(slice.to_vec()) } else { Bytes::Shared(segment.clone(), start, end) };
        let number = self.first + self.chunks.len() as u64;
        match class {
            Class::Keep => {}
            Class::Latest { namespace, key } => drop(self.latest.insert((namespace, key), number)),
            Class::DropOldest => self.droppable.push_back(number),
        }
        let chunk = Chunk { bytes, class };
        self.padding += chunk.padding();
        self.chunks.push_back(chunk);
    }

    /// The slices of the next system call, oldest first; returns how many there are.
    pub(crate) fn slices<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) {
        let mut sent = self.sent;
        for chunk in &self.chunks {
            let bytes = chunk.bytes.as_slice();
            if !bytes.is_empty() {
                out.push(IoSlice::new(bytes.get(sent..).unwrap_or_default()));
            }
            sent = 0;
            if out.len() == MAX_SLICES {
                break;
            }
        }
    }

    /// The waiting messages as stretches of whole frames. Only right when no frame was partly sent, as with polling.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let mut sent = self.sent;
        self.chunks
            .iter()
            .map(move |chunk| chunk.bytes.as_slice().get(std::mem::take(&mut sent)..).unwrap_or_default())
    }

    /// What waits, oldest first, with the class of each: one message where it may go, else any number of them.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (&[u8], Class)> {
        self.chunks
            .iter()
            .map(|chunk| (chunk.bytes.as_slice(), chunk.class))
            .filter(|(bytes, _)| !bytes.is_empty())
    }

    /// Writes all that waits anew, in another form. Only right when no frame was partly sent.
    pub(crate) fn rewrite(&mut self, form: impl Fn(&[u8], &mut Vec<u8>)) {
        (self.bytes, self.padding) = (0, 0);
        for chunk in &mut self.chunks {
            let old = chunk.bytes.as_slice();
            let mut new = Vec::with_capacity(old.len());
            form(old.get(std::mem::take(&mut self.sent)..).unwrap_or_default(), &mut new);
            self.bytes += new.len();
            // What is the same in both forms stays shared.
            if new != old {
                chunk.bytes = Bytes::Own(new);
            }
            self.padding += chunk.padding();
        }
        self.counted.set(self.len());
    }

    pub(crate) fn is_put_off(&self) -> bool {
        self.put_off
    }

    /// What comes from now on waits for the connection's turn. False if it does already.
    pub(crate) fn begin_put_off(&mut self) -> bool {
        self.raw |= self.is_empty();
        !std::mem::replace(&mut self.put_off, true)
    }

    pub(crate) fn is_raw(&self) -> bool {
        self.raw
    }

    /// It is about to be sent, in its last form from now on. Whether it was raw.
    pub(crate) fn take_raw(&mut self) -> bool {
        std::mem::take(&mut self.raw)
    }

    /// The turn has come, and what is left waits for the client.
    pub(crate) fn end_put_off(&mut self) {
        if !std::mem::take(&mut self.put_off) {
            return;
        }
        for chunk in &mut self.chunks {
            let slice = chunk.bytes.as_slice();
            if let Bytes::Shared(segment, ..) = &chunk.bytes
                && slice.len() < LARGE
                && takes_too_much(slice.len(), segment)
            {
                chunk.bytes = Bytes::Own(slice.to_vec());
            }
        }
    }

    /// Forgets the first `count` bytes: the kernel has them.
    pub(crate) fn advance(&mut self, count: usize) {
        self.forget(count);
        self.counted.set(self.len());
    }

    fn forget(&mut self, mut count: usize) {
        while count > 0 {
            let Some(chunk) = self.chunks.front() else { return };
            let left = chunk.bytes.as_slice().len() - self.sent;
            if count < left {
                self.sent += count;
                self.bytes -= count;
                return;
            }
            count -= left;
            self.bytes -= left;
            self.pop_front();
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.chunks.front().is_some_and(|chunk| chunk.bytes.as_slice().is_empty()) {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        let Some(chunk) = self.chunks.pop_front() else { return };
        self.padding -= chunk.padding();
        if chunk.bytes.as_slice().is_empty() {
            self.holes -= 1;
        }
        if let Class::Latest { namespace, key } = chunk.class
            && self.latest.get(&(namespace, key)) == Some(&self.first)
        {
            self.latest.remove(&(namespace, key));
        }
        if self.droppable.front() == Some(&self.first) {
            self.droppable.pop_front();
        }
        self.first += 1;
        self.sent = 0;
        self.shrink();
    }

    fn drop_oldest(&mut self) -> bool {
        // The first bytes of the first chunk may be on the wire; then the next one is the oldest that can go.
        let at = usize::from(self.sent > 0 && self.droppable.front() == Some(&self.first));
        self.step();
        self.droppable.remove(at).is_some_and(|number| self.empty_chunk(number))
    }

    /// Takes the bytes out of a chunk that is not on the wire yet. The hole is closed when holes are many.
    fn empty_chunk(&mut self, number: u64) -> bool {
        let at = (number - self.first) as usize;
        if at == 0 && self.sent > 0 {
            return false;
        }
        let Some(chunk) = self.chunks.get_mut(at) else { return false };
        self.bytes -= chunk.bytes.as_slice().len();
        self.padding -= chunk.padding();
        chunk.bytes = Bytes::Own(Vec::new());
        let class = std::mem::replace(&mut chunk.class, Class::Keep);
        if let Class::Latest { namespace, key } = class {
            self.latest.remove(&(namespace, key));
        }
        self.holes += 1;
        self.trim();
        if self.holes > 32 && self.holes * 4 > self.chunks.len() {
            self.close_holes();
        }
        true
    }

    #[expect(clippy::indexing_slicing, reason = "each place is one of those there are")]
    fn close_holes(&mut self) {
        self.chunks.retain(|chunk| !chunk.bytes.as_slice().is_empty());
        self.holes = 0;
        self.latest.clear();
        self.droppable.clear();
        for at in 0..self.chunks.len() {
            self.step();
            let number = self.first + at as u64;
            match self.chunks[at].class {
                Class::Keep => {}
                Class::Latest { namespace, key } => drop(self.latest.insert((namespace, key), number)),
                Class::DropOldest => self.droppable.push_back(number),
            }
        }
    }

    /// Gives back what tables keep that were much larger.
    fn shrink(&mut self) {
        let len = self.chunks.len();
        if self.chunks.capacity() > KEPT && len * 4 < self.chunks.capacity() {
            self.chunks.shrink_to(len * 2);
            self.droppable.shrink_to(self.droppable.len() * 2);
            self.latest.shrink_to(self.latest.len() * 2);
        }
    }

    fn step(&mut self) {
        #[cfg(test)]
        {
            self.steps += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str) -> Segment {
        Arc::new(text.as_bytes().to_vec())
    }

    fn push(backlog: &mut Backlog, text: &str, class: Class, bound: usize) -> Pushed {
        let segment = segment(text);
        backlog.push(&segment, 0..segment.len() as u32, 0, 0, class, bound)
    }

    fn text(backlog: &Backlog) -> String {
        let mut slices = Vec::new();
        backlog.slices(&mut slices);
        slices.iter().map(|slice| String::from_utf8_lossy(slice)).collect()
    }

    /// Texts that count for what they are.
    fn word(text: &str) -> String {
        format!("{text:.<32}")
    }

    fn words(backlog: &Backlog) -> String {
        text(backlog).replace('.', "")
    }

    const LATEST: Class = Class::Latest { namespace: 1, key: 9 };

    #[test]
    fn bytes_leave_in_order_over_any_split() {
        let mut backlog = Backlog::default();
        for word in ["one", "two", "three"] {
            push(&mut backlog, word, Class::DropOldest, 100);
        }
        backlog.advance(4);
        assert_eq!(text(&backlog), "wothree");
        backlog.advance(7);
        assert!(backlog.is_empty());
        assert_eq!(text(&backlog), "");
    }

    #[test]
    fn the_newest_of_a_key_replaces_the_one_that_waits() {
        let mut backlog = Backlog::default();
        push(&mut backlog, "a1", LATEST, 100);
        push(&mut backlog, "keep", Class::Keep, 100);
        assert_eq!(push(&mut backlog, "a2", LATEST, 100).replaced, 1);
        assert_eq!(text(&backlog), "keepa2");
        backlog.advance(5);
        assert_eq!(push(&mut backlog, "a3", LATEST, 100).replaced, 0);
        assert_eq!(text(&backlog), "2a3");
    }

    #[test]
    #[cfg_attr(miri, ignore = "it counts; a few replacements are made by its neighbours")]
    fn ten_thousand_replacements_leave_no_trace() {
        let mut backlog = Backlog::default();
        push(&mut backlog, "head", Class::Keep, 100);
        for _ in 0..10_000 {
            push(&mut backlog, "xy", LATEST, 100);
        }
        assert_eq!(text(&backlog), "headxy");
        assert!(backlog.chunks.len() < 200);
    }

    #[test]
    #[cfg_attr(miri, ignore = "150,000 drops, whose cost is counted")]
    fn a_drop_costs_the_same_however_much_waits_before_it() {
        for kept in [0, 10, 10_000] {
            let mut backlog = Backlog::default();
            // Each key is a chunk of its own, so these are really that many.
            for key in 0..kept {
                push(&mut backlog, "head", Class::Latest { namespace: 1, key }, usize::MAX);
            }
            let bound = backlog.len() + 16_000;
            for number in 0..50_000_u32 {
                let dropped = push(&mut backlog, &format!("{number:032}"), Class::DropOldest, bound).dropped;
                assert_eq!(dropped, u32::from(number >= 500), "{kept} {number}");
            }
            assert!(backlog.frames().last().unwrap().ends_with(b"00049999"));
            assert_eq!(backlog.len(), bound);
            // What is kept is looked at once for as many drops as there are chunks, when the holes are closed.
            assert!(backlog.steps < 4 * 50_000, "{} for {kept}", backlog.steps);
        }
    }

    #[test]
    fn the_total_is_what_waits_in_all_and_goes_with_them() {
        let total = Total::default();
        let mut backlogs: Vec<_> = (0..3).map(|_| Backlog::new(total.clone())).collect();
        for step in 0..300_u64 {
            let backlog = &mut backlogs[step as usize % 3];
            let class = match step % 4 {
                0 => Class::Keep,
                1 => Class::Latest { namespace: 1, key: step % 7 },
                _ => Class::DropOldest,
            };
            push(backlog, &step.to_string(), class, 500);
            match step % 11 {
                3 => backlog.advance(5),
                7 => backlog.rewrite(|old, new| new.extend(old.iter().chain(old))),
                _ => {}
            }
            assert_eq!(total.bytes(), backlogs.iter().map(Backlog::len).sum::<usize>(), "{step}");
        }
        for backlog in &mut backlogs {
            backlog.advance(backlog.bytes);
            assert_eq!(backlog.len(), 0);
            push(backlog, "rest", Class::Keep, 500);
        }
        assert_eq!(total.bytes(), 12);
        drop(backlogs);
        assert_eq!(total.bytes(), 0);
    }

    #[test]
    fn what_is_partly_sent_is_not_dropped_and_the_next_is() {
        let mut backlog = Backlog::default();
        for text in ["one", "two", "three"] {
            push(&mut backlog, &word(text), Class::DropOldest, 97);
        }
        backlog.advance(1);
        assert_eq!(push(&mut backlog, &word("four"), Class::DropOldest, 95).dropped, 1);
        assert_eq!(words(&backlog), "nethreefour");
        backlog.advance(31);
        assert_eq!(push(&mut backlog, &word("five"), Class::DropOldest, 64).dropped, 1);
        assert_eq!(words(&backlog), "fourfive");
        push(&mut backlog, &word("keep"), Class::Keep, 64);
        push(&mut backlog, &word("keep"), Class::Keep, 64);
        assert_eq!((words(&backlog).as_str(), backlog.droppable.len()), ("keepkeep", 0));
    }

    #[test]
    fn the_bound_closes_drops_or_makes_room_by_class() {
        let mut backlog = Backlog::default();
        push(&mut backlog, &word("old1"), Class::DropOldest, 64);
        push(&mut backlog, &word("old2"), Class::DropOldest, 64);
        let pushed = push(&mut backlog, &word("old3"), Class::DropOldest, 64);
        assert_eq!((pushed.dropped, pushed.overflow), (1, false));
        assert_eq!(words(&backlog), "old2old3");
        assert_eq!(push(&mut backlog, &word("kept"), Class::Keep, 64).dropped, 1);
        assert_eq!(words(&backlog), "old3kept");
        push(&mut backlog, &word("more"), Class::Keep, 64);
        assert!(push(&mut backlog, &word("over"), Class::Keep, 64).overflow);
        assert_eq!(push(&mut backlog, &word("gone"), Class::DropOldest, 64).dropped, 1);
    }

    #[test]
    fn past_the_bound_the_newest_of_a_key_replaces_or_overflows() {
        let mut backlog = Backlog::default();
        push(&mut backlog, "a1", LATEST, 40);
        push(&mut backlog, &word("keep keep keep keep keep keep keep keep keep"), Class::Keep, 40);
        let pushed = push(&mut backlog, "a2", LATEST, 40);
        assert_eq!((pushed.replaced, pushed.dropped, pushed.overflow), (1, 0, false));
        assert!(text(&backlog).ends_with("keepa2"));
        assert!(push(&mut backlog, "b1", Class::Latest { namespace: 1, key: 8 }, 40).overflow);
    }

    #[test]
    fn a_small_message_that_may_go_counts_for_more_until_it_has_gone() {
        for class in [Class::DropOldest, LATEST] {
            let mut backlog = Backlog::default();
            push(&mut backlog, "small", class, 1_000);
            push(&mut backlog, "kept", Class::Keep, 1_000);
            assert_eq!(backlog.len(), 36);
            backlog.advance(2);
            assert_eq!(backlog.len(), 34);
            backlog.advance(3);
            assert_eq!(backlog.len(), 4);
        }
    }

    #[test]
    fn one_message_of_any_size_fits_an_empty_queue() {
        let mut backlog = Backlog::default();
        assert!(!push(&mut backlog, &"x".repeat(1_000), Class::Keep, 10).overflow);
        assert!(push(&mut backlog, "y", Class::Keep, 10).overflow);
    }

    #[test]
    fn large_parts_share_their_segment_and_small_ones_do_not() {
        let big = segment(&"x".repeat(8_000));
        let mut backlog = Backlog::default();
        backlog.push(&big, 0..4_000, 0, 0, Class::Keep, 100_000);
        assert_eq!(Arc::strong_count(&big), 2);
        backlog.push(&big, 4_000..4_600, 0, 0, Class::Keep, 100_000);
        assert_eq!(Arc::strong_count(&big), 2);
        assert_eq!(backlog.len(), 4_600);
        backlog.advance(4_600);
        assert_eq!(Arc::strong_count(&big), 1);
    }

    #[test]
    fn the_rest_of_a_large_part_is_shared_however_little_is_left() {
        let big = segment(&"x".repeat(1_000_000));
        for sent in [0, 10, 970_000, 999_999] {
            let mut backlog = Backlog::default();
            backlog.push(&big, 0..1_000_000, sent, 0, Class::Keep, 2_000_000);
            assert_eq!((backlog.len(), Arc::strong_count(&big)), (1_000_000 - sent, 2), "{sent}");
        }
        let mut backlog = Backlog::default();
        backlog.push(&big, 0..40_000, 100, 0, Class::Keep, 2_000_000);
        assert_eq!(Arc::strong_count(&big), 1);
    }
}

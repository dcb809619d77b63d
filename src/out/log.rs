//! The tick log: what was emitted since the last flush, once, and which of it each connection gets. It must not
//! hold a copy, a count or an allocation for each recipient.

use std::fmt;
use std::sync::Arc;

use super::Conn;
use crate::base::errors::{Error, Result};

/// A stretch of the log. From [`TickLog::append`] it is one message; from [`TickLog::ranges`] it may be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Frame {
    /// How many bytes it has.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether it has no bytes.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// The bytes of one tick, shared with connections that could not be sent all of theirs.
pub type Segment = Arc<Vec<u8>>;

/// All that one connection is to get this tick, in 8 bytes. Mostly it is one stretch, from `head` to `end`. If
/// it is several, `head` is a link to where the last of them starts and to what came before it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pending {
    head: u32,
    end: u32,
}

/// Set in a `head` that is a link's index. So the log ends where this bit begins.
const LINK: u32 = 1 << 31;

/// Not in the dirty list. No frame starts at its `end`, so it cannot be mistaken for something to extend.
const IDLE: Pending = Pending { head: u32::MAX, end: u32::MAX };

/// In the dirty list, but with nothing to get; any other `head` that is the `end` means the same.
const NOTHING: Pending = Pending { head: 0, end: 0 };

/// Links are never changed, so that connections with the same past share them: when a message goes to a room
/// after another that went elsewhere, it takes one link for all who got the same before, not one for each.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link {
    start: u32,
    earlier: Pending,
}

/// What a connection was to get before a frame, and what it is with it.
struct Step {
    before: Pending,
    frame: Frame,
    after: Pending,
}

/// No connection that gets something was idle before.
const NO_STEP: Step = Step { before: IDLE, frame: Frame { start: 0, end: 0 }, after: IDLE };

/// How many links are remembered, by hash, to be shared.
const RECENT: usize = 256;

/// What a log keeps allocated from one tick to the next, at most.
const KEPT_BYTES: usize = 2 * 1024 * 1024;
const KEPT_LINKS: usize = 64 * 1024;

/// The messages of one tick and the ranges of them that each connection is to be sent.
pub struct TickLog {
    bytes: Segment,
    pending: Vec<Pending>,
    /// Connections in the order in which they first got something. One that was forgotten is still here.
    dirty: Vec<Conn>,
    /// How many of `dirty` were popped.
    popped: usize,
    links: Vec<Link>,
    recent: [u32; RECENT],
    /// The last delivery that did not extend a range: the next connection often has the same past.
    last: Step,
    /// What was last taken, and its ranges.
    taken: Pending,
    ranges: Vec<Frame>,
    /// The ranges behind the one that is cut, last first.
    behind: Vec<Frame>,
}

impl TickLog {
    /// An empty log.
    pub fn new() -> Self {
        Self {
            bytes: Segment::default(),
            pending: Vec::new(),
            dirty: Vec::new(),
            popped: 0,
            links: Vec::new(),
            recent: [0; RECENT],
            last: NO_STEP,
            taken: IDLE,
            ranges: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// Appends what `write` writes at the end of the log. [`Error::TooLarge`] if the log would pass 2 GiB, and
    /// then nothing is appended.
    ///
    /// If the log was shared in this tick, its bytes are copied first.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<Frame> {
        let bytes = Arc::make_mut(&mut self.bytes);
        let start = bytes.len();
        write(bytes);
        match u32::try_from(bytes.len()) {
            Ok(end) if end < LINK => Ok(Frame { start: start as u32, end }),
            _ => {
                bytes.truncate(start);
                bytes.shrink_to(KEPT_BYTES);
                Err(Error::TooLarge(""))
            }
        }
    }

    /// Adds a frame of this tick to what a connection is to get.
    #[inline]
    pub fn deliver(&mut self, conn: Conn, frame: Frame) {
        match self.pending.get_mut(conn as usize) {
            Some(pending) if pending.end == frame.start => pending.end = frame.end,
            Some(pending) if pending.end == IDLE.end => {
                *pending = Pending { head: frame.start, end: frame.end };
                self.dirty.push(conn);
            }
            Some(pending) if (*pending, frame) == (self.last.before, self.last.frame) => {
                *pending = self.last.after;
            }
            Some(&mut pending) => self.deliver_apart(conn, pending, frame),
            None => self.deliver_first(conn, frame),
        }
    }

    #[inline(never)]
    fn deliver_apart(&mut self, conn: Conn, pending: Pending, frame: Frame) {
        let after = self.followed(pending, frame);
        self.last = Step { before: pending, frame, after };
        if let Some(slot) = self.pending.get_mut(conn as usize) {
            *slot = after;
        }
    }

    #[cold]
    fn deliver_first(&mut self, conn: Conn, frame: Frame) {
        self.pending.resize((conn as usize).saturating_add(1), IDLE);
        self.deliver(conn, frame);
    }

    /// Takes a frame back from what a connection is to get; what it got before and after stays. False if the
    /// frame is not among it. Of several copies the last is taken.
    pub fn cut(&mut self, conn: Conn, frame: Frame) -> bool {
        let Some(&all) = self.pending.get(conn as usize) else { return false };
        if all == IDLE || frame.is_empty() {
            return false;
        }
        self.behind.clear();
        let mut pending = all;
        loop {
            let link = self.link(pending);
            let (start, earlier) = link.map_or((pending.head, NOTHING), |link| (link.start, link.earlier));
            if start <= frame.start && frame.end <= pending.end {
                let mut kept = self.followed(earlier, Frame { start, end: frame.start });
                kept = self.followed(kept, Frame { start: frame.end, end: pending.end });
                while let Some(range) = self.behind.pop() {
                    kept = self.followed(kept, range);
                }
                if let Some(slot) = self.pending.get_mut(conn as usize) {
                    *slot = kept;
                }
                return true;
            }
            if link.is_none() {
                return false;
            }
            self.behind.push(Frame { start, end: pending.end });
            pending = earlier;
        }
    }

    /// The next connection that is to get something; [`ranges`](Self::ranges) says what, and the log forgets it.
    /// None when all were taken. What is delivered after that can be taken again.
    ///
    /// The order is that of the first delivery to each.
    #[inline]
    pub fn pop_dirty(&mut self) -> Option<Conn> {
        loop {
            let &conn = self.dirty.get(self.popped)?;
            self.popped = self.popped.saturating_add(1);
            if self.take(conn) {
                return Some(conn);
            }
        }
    }

    /// Whether a connection may be left for [`pop_dirty`](Self::pop_dirty).
    pub fn has_dirty(&self) -> bool {
        self.popped < self.dirty.len()
    }

    /// Takes a connection out of turn, as [`pop_dirty`](Self::pop_dirty) would. False if it is to get nothing.
    #[inline]
    pub fn take(&mut self, conn: Conn) -> bool {
        let Some(slot) = self.pending.get_mut(conn as usize) else { return false };
        let pending = std::mem::replace(slot, IDLE);
        if pending.head == pending.end {
            return false;
        }
        // The next connection often gets the same as the one before.
        if pending != self.taken {
            self.unroll(pending);
        }
        true
    }

    /// What the connection that was last taken is to get, in order.
    #[inline]
    pub fn ranges(&self) -> &[Frame] {
        &self.ranges
    }

    /// Drops what a connection was to get: it is closed, or was served otherwise. Its key may be used again.
    pub fn forget(&mut self, conn: Conn) {
        if let Some(pending) = self.pending.get_mut(conn as usize) {
            *pending = IDLE;
        }
    }

    /// The bytes of a frame of this tick.
    #[inline]
    pub fn bytes(&self, frame: Frame) -> &[u8] {
        self.bytes.get(frame.start as usize..frame.end as usize).unwrap_or_default()
    }

    /// Puts other bytes where there are some, from the byte `at` on. Nobody has been sent them yet.
    pub(crate) fn overwrite(&mut self, at: u32, bytes: &[u8]) {
        let at = at as usize;
        if let Some(place) = Arc::make_mut(&mut self.bytes).get_mut(at..at.saturating_add(bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }

    /// All bytes of this tick.
    #[inline]
    pub(super) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes were appended this tick.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was appended this tick.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes the ranges take that do not follow on one another. Like [`len`](Self::len) it grows until
    /// the tick ends, so a bound on a tick's memory counts both.
    pub fn link_bytes(&self) -> usize {
        self.links.len().saturating_mul(size_of::<Link>())
    }

    /// The log's bytes, to outlive the tick; frames of this tick are ranges of them.
    pub fn share(&self) -> Segment {
        Arc::clone(&self.bytes)
    }

    /// Begins the next tick. What was not taken is dropped. The buffer is used again, unless somebody shares it.
    pub fn restart(&mut self) {
        for &conn in self.dirty.get(self.popped..).unwrap_or_default() {
            if let Some(pending) = self.pending.get_mut(conn as usize) {
                *pending = IDLE;
            }
        }
        self.dirty.clear();
        self.popped = 0;
        self.links.clear();
        self.links.shrink_to(KEPT_LINKS);
        self.last = NO_STEP;
        self.taken = IDLE;
        self.ranges.clear();
        self.ranges.shrink_to(KEPT_LINKS);
        restart(&mut self.bytes, KEPT_BYTES);
    }

    /// What a connection is to get when `frame` follows on `pending`.
    fn followed(&mut self, pending: Pending, frame: Frame) -> Pending {
        if frame.is_empty() {
            pending
        } else if pending.end == frame.start {
            Pending { end: frame.end, ..pending }
        } else if pending.head == pending.end {
            Pending { head: frame.start, end: frame.end }
        } else {
            let head = self.link_to(Link { start: frame.start, earlier: pending });
            Pending { head, end: frame.end }
        }
    }

    /// The `head` for a link: that of an equal one, if it is remembered.
    #[expect(clippy::indexing_slicing, reason = "a rest is smaller than what divided")]
    fn link_to(&mut self, link: Link) -> u32 {
        // Within one emit only what came before differs. The constant is Fibonacci hashing's.
        let hash = (link.earlier.head ^ link.earlier.end.rotate_left(16)).wrapping_mul(0x9E37_79B1) >> 24;
        let recent = &mut self.recent[hash as usize % RECENT];
        // Memory of an earlier tick does no harm: it is compared with what is there now.
        if self.links.get(*recent as usize) != Some(&link) {
            *recent = self.links.len() as u32;
            self.links.push(link);
        }
        *recent | LINK
    }

    fn link(&self, pending: Pending) -> Option<Link> {
        if pending.head & LINK == 0 { None } else { self.links.get((pending.head & !LINK) as usize).copied() }
    }

    #[inline(never)]
    fn unroll(&mut self, mut pending: Pending) {
        self.taken = pending;
        self.ranges.clear();
        while let Some(link) = self.link(pending) {
            self.ranges.push(Frame { start: link.start, end: pending.end });
            pending = link.earlier;
        }
        self.ranges.push(Frame { start: pending.head, end: pending.end });
        self.ranges.reverse();
    }
}

/// Empties what a tick has filled, for the next one to use again, unless somebody shares it.
pub(super) fn restart<T>(filled: &mut Arc<Vec<T>>, kept: usize) {
    match Arc::get_mut(filled) {
        Some(items) => {
            items.clear();
            items.shrink_to(kept);
        }
        None => *filled = Arc::new(Vec::with_capacity(filled.len().min(kept))),
    }
}

impl Default for TickLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TickLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickLog")
            .field("len", &self.len())
            .field("links", &self.links.len())
            .finish_non_exhaustive()
    }
}

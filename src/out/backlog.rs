//! What the kernel has not taken from one connection, in order, with its bound and its delivery classes. It must not
//! grow past the bound by more than one message, nor lose a message without counting it.

use super::Frame;
use super::form::Form;
use super::packets::{Packet, Place, Run, SharedPackets, Writer};
use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(test)]
mod tests;

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

/// Packets that wait together.
#[derive(Debug)]
enum Packets {
    Own(Vec<u8>, Vec<Place>),
    Shared(SharedPackets, Frame),
}

impl Packets {
    /// A copy of what lies elsewhere.
    fn copy(run: Run<'_>) -> Self {
        let (mut bytes, mut places) = (Vec::with_capacity(run.bytes.len()), Vec::with_capacity(run.count()));
        Writer::new(&mut bytes, &mut places).run(run);
        Packets::Own(bytes, places)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Packets::Own(bytes, _) => bytes,
            Packets::Shared(segment, range) => segment.bytes(*range),
        }
    }

    /// Those behind the first `sent` bytes.
    fn run(&self, sent: usize) -> Run<'_> {
        match self {
            Packets::Own(bytes, places) => {
                Run::new(bytes, places, Frame { start: sent as u32, end: bytes.len() as u32 })
            }
            Packets::Shared(segment, range) => {
                segment.run(Frame { start: range.start.saturating_add(sent as u32), ..*range })
            }
        }
    }
}

#[derive(Debug)]
struct Chunk {
    packets: Packets,
    class: Class,
}

/// A queue of packets, of which the first may be partly sent.
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
fn takes_too_much(part: usize, segment: &SharedPackets) -> bool {
    part.saturating_mul(SHARE) < segment.weight()
}

impl Chunk {
    fn padding(&self) -> usize {
        let len = self.packets.bytes().len();
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

    /// Takes `range` of `segment` but for its first `sent` bytes, which the kernel has. `last` is where its last message begins,
    /// counted from what is taken: the bound is judged by what is queued before each message, so that one message of any
    /// size fits an empty queue, unless the bound is 0.
    pub(crate) fn push(
        &mut self,
        segment: &SharedPackets,
        range: Frame,
        sent: usize,
        last: usize,
        class: Class,
        bound: usize,
    ) -> Pushed {
        let pushed = self.make_room_and_append(segment, range, sent, last, class, bound);
        self.counted.set(self.len());
        pushed
    }

    fn make_room_and_append(
        &mut self,
        segment: &SharedPackets,
        range: Frame,
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
        self.append(segment, range, sent, class);
        pushed
    }

    fn append(&mut self, segment: &SharedPackets, range: Frame, sent: usize, class: Class) {
        let rest = Frame { start: range.start + sent as u32, ..range };
        self.bytes += rest.len();
        // Only the first part of an empty queue can be a rest, so a queue holds at most one segment for so little.
        let whole = if sent > 0 { range.len() } else { rest.len() };
        let copy =
            whole < LARGE && (rest.len() < SMALL || (!self.put_off && takes_too_much(rest.len(), segment)));
        if copy
            && class == Class::Keep
            && let Some(Chunk { packets: Packets::Own(bytes, places), class: Class::Keep }) =
                self.chunks.back_mut()
            && !bytes.is_empty()
            && bytes.len() + rest.len() <= MERGED
        {
            return Writer::new(bytes, places).run(segment.run(rest));
        }
        let packets =
            if copy { Packets::copy(segment.run(rest)) } else { Packets::Shared(segment.clone(), rest) };
        let number = self.first + self.chunks.len() as u64;
        match class {
            Class::Keep => {}
            Class::Latest { namespace, key } => drop(self.latest.insert((namespace, key), number)),
            Class::DropOldest => self.droppable.push_back(number),
        }
        let chunk = Chunk { packets, class };
        self.padding += chunk.padding();
        self.chunks.push_back(chunk);
    }

    /// The slices of the next system call, oldest first; returns how many there are.
    pub(crate) fn slices<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) {
        let mut sent = self.sent;
        for chunk in &self.chunks {
            let bytes = chunk.packets.bytes();
            if !bytes.is_empty() {
                out.push(IoSlice::new(bytes.get(sent..).unwrap_or_default()));
            }
            sent = 0;
            if out.len() == MAX_SLICES {
                break;
            }
        }
    }

    /// Takes all that waits, as it would go out.
    pub(crate) fn take_bytes(&mut self, out: &mut Vec<u8>) {
        while !self.is_empty() {
            let mut slices = Vec::new();
            self.slices(&mut slices);
            slices.iter().for_each(|slice| out.extend_from_slice(slice));
            let taken = slices.iter().map(|slice| slice.len()).sum();
            self.advance(taken);
        }
    }

    /// The packets that wait. Only right when none was partly sent, as with polling.
    pub(crate) fn packets(&self) -> impl Iterator<Item = Packet<'_>> {
        let mut sent = self.sent;
        let all =
            self.chunks.iter().flat_map(move |chunk| chunk.packets.run(std::mem::take(&mut sent)).packets());
        // Not those that are within others.
        all.filter(|packet| !packet.bytes.is_empty())
    }

    /// What waits, oldest first, with the class of each: one message where it may go, else any number of them.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (Run<'_>, Class)> {
        self.chunks
            .iter()
            .map(|chunk| (chunk.packets.run(0), chunk.class))
            .filter(|(run, _)| !run.bytes.is_empty())
    }

    /// Puts all that waits in another form. Only right when no packet was partly sent.
    pub(crate) fn rewrite(&mut self, form: Form) {
        (self.bytes, self.padding) = (0, 0);
        for chunk in &mut self.chunks {
            let gone = std::mem::take(&mut self.sent);
            let old = chunk.packets.run(gone);
            let (mut bytes, mut places) = (Vec::new(), Vec::new());
            for packet in old.packets() {
                form.append(packet, &mut Writer::new(&mut bytes, &mut places));
            }
            self.bytes += bytes.len();
            // What is the same in both forms stays shared, unless the chunk has a part that is gone.
            if gone > 0 || bytes != old.bytes {
                chunk.packets = Packets::Own(bytes, places);
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
        !std::mem::replace(&mut self.put_off, true)
    }

    /// The turn has come, and what is left waits for the client.
    pub(crate) fn end_put_off(&mut self) {
        if !std::mem::take(&mut self.put_off) {
            return;
        }
        for chunk in &mut self.chunks {
            if let Packets::Shared(segment, range) = &chunk.packets
                && range.len() < LARGE
                && takes_too_much(range.len(), segment)
            {
                chunk.packets = Packets::copy(segment.run(*range));
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
            let left = chunk.packets.bytes().len() - self.sent;
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
        while self.chunks.front().is_some_and(|chunk| chunk.packets.bytes().is_empty()) {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        let Some(chunk) = self.chunks.pop_front() else { return };
        self.padding -= chunk.padding();
        if chunk.packets.bytes().is_empty() {
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
        self.bytes -= chunk.packets.bytes().len();
        self.padding -= chunk.padding();
        chunk.packets = Packets::Own(Vec::new(), Vec::new());
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
        self.chunks.retain(|chunk| !chunk.packets.bytes().is_empty());
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

//! All that connections are to get and have not got: this tick's messages, and what has waited since before. It must not know
//! what carries a connection.

use super::backlog::{Backlog, Class, Total};
use super::deflated::{Compressed, Compression};
use super::form::{Form, Forms};
use super::log::restart;
use super::packed::Packed;
use super::packets::{KEPT_PLACES, Place, Run, SharedPackets, Writer};
use super::tags::Tags;
use super::{Conn, Frame, TickLog};
use crate::base::errors::Result;
use crate::wire::socketio::Parser;
use crate::wire::ws::Opcode;
use std::sync::Arc;

/// What every connection of a broker has coming.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// The tick's packets as WebSocket frames.
    pub(crate) log: TickLog,
    /// Where they lie.
    places: Arc<Vec<Place>>,
    forms: Forms,
    packed: Packed,
    /// What was last asked for in one of the other forms.
    ranges: Vec<Frame>,
    tags: Tags,
    /// By connection: what its kernel, or its poll, has not taken. While there is some, the connection is congested.
    backlogs: Vec<Option<Box<Backlog>>>,
    queued: Total,
}

/// What one connection is to get of a tick, in its form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share<'a> {
    /// The whole tick.
    bytes: &'a [u8],
    /// What of it.
    pub(crate) ranges: &'a [Frame],
}

impl<'a> Share<'a> {
    /// How many bytes it is.
    pub(crate) fn len(self) -> usize {
        match self.ranges {
            // As with most.
            [only] => only.len(),
            several => several.iter().map(|range| range.len()).sum(),
        }
    }

    /// The bytes of one of the ranges.
    #[inline]
    pub(crate) fn bytes(self, range: Frame) -> &'a [u8] {
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// Appends all of it.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        for &range in self.ranges {
            out.extend_from_slice(self.bytes(range));
        }
    }
}

/// How a connection takes what has to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) parser: Parser,
    pub(crate) form: Form,
    /// On its way out: it still gets its last packets, past any bound and whatever their class.
    pub(crate) closing: bool,
    /// `Limits::max_backlog`.
    pub(crate) bound: usize,
}

/// What became of messages that had to wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    /// Older ones of the same key made room.
    pub(crate) replaced: u64,
    /// Some were dropped, as the bound was reached.
    pub(crate) dropped: u64,
    /// The bound was reached by one that must not be dropped.
    pub(crate) overflow: bool,
}

impl Outbox {
    pub(crate) fn new(compression: Compression) -> Self {
        Self { forms: Forms::new(compression), packed: Packed::new(compression), ..Self::default() }
    }

    /// Puts packets at the end of the tick, for whoever is to get them.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Writer<'_>)) -> Result<Frame> {
        let places = Arc::make_mut(&mut self.places);
        let before = places.len();
        let frame = self.log.append(|bytes| write(&mut Writer::new(bytes, places)));
        if frame.is_err() {
            places.truncate(before);
        }
        frame
    }

    /// Puts packets behind everything a connection is to get.
    pub(crate) fn send(&mut self, conn: Conn, write: impl FnOnce(&mut Writer<'_>)) {
        // Only a log of 2 GiB refuses, and it is flushed long before.
        if let Ok(frame) = self.append(write) {
            self.log.deliver(conn, frame);
        }
    }

    /// A copy of a message of this tick, to outlive it.
    pub(crate) fn copy(&self, frame: Frame) -> SharedPackets {
        SharedPackets::of(self.run(frame))
    }

    /// From now on this message of the tick may be dropped or replaced.
    pub(crate) fn tag(&mut self, frame: Frame, class: Class) {
        self.tags.add(frame, class);
    }

    /// Takes this tick's older message of a key back from a connection. Whether there was one.
    pub(crate) fn cut_older(&mut self, conn: Conn, namespace: u32, key: u64) -> bool {
        let Self { log, tags, .. } = self;
        // At most one of them is there, and mostly the newest.
        tags.of_key(namespace, key).any(|older| log.cut(conn, older))
    }

    /// What the tick takes in memory. It grows until the tick ends.
    pub(crate) fn tick_bytes(&self) -> usize {
        let places = self.places.len().saturating_mul(size_of::<Place>());
        self.log.len().saturating_add(self.log.link_bytes()).saturating_add(places)
    }

    /// What was compressed since this was asked last.
    pub(crate) fn take_compressed(&mut self) -> Compressed {
        self.forms.take_compressed().plus(self.packed.take_compressed())
    }

    /// The end of a tick.
    pub(crate) fn restart(&mut self) {
        self.log.restart();
        restart(&mut self.places, KEPT_PLACES);
        self.forms.restart();
        self.packed.restart();
        self.ranges.clear();
        self.ranges.shrink_to(KEPT_PLACES);
        self.tags.clear();
    }

    /// What was encoded for clients with the msgpack parser in this tick, as WebSocket frames.
    #[cfg(test)]
    pub(crate) fn packed_bytes(&self) -> usize {
        self.packed.bytes()
    }

    /// Forgets what a connection that is gone had coming.
    pub(crate) fn forget(&mut self, conn: Conn) {
        self.log.forget(conn);
        self.close_backlog(conn);
    }

    // ---- the tick, in each form ----

    /// This tick's `ranges` in a form, which is made if nobody has needed it yet.
    #[inline]
    pub(crate) fn in_form<'a>(&'a mut self, parser: Parser, form: Form, ranges: &'a [Frame]) -> Share<'a> {
        if (form == Form::WebSocket && parser == Parser::Text) || ranges.is_empty() {
            return Share { bytes: self.log.all(), ranges };
        }
        self.in_other_form(parser, form, ranges)
    }

    fn in_other_form<'a>(&'a mut self, parser: Parser, form: Form, ranges: &'a [Frame]) -> Share<'a> {
        let Self { log, places, forms, packed, ranges: own, .. } = self;
        let Some(made) = made(parser, form, forms, packed, log, places) else {
            return Share { bytes: log.all(), ranges };
        };
        own.clear();
        own.extend(ranges.iter().map(|&range| made.range(places, range)));
        Share { bytes: &made.bytes, ranges: own }
    }

    /// The tick in a form, to outlive it.
    fn segment(&mut self, parser: Parser, form: Form) -> SharedPackets {
        let Self { log, places, forms, packed, .. } = self;
        match made(parser, form, forms, packed, log, places) {
            Some(made) => made.clone(),
            None => SharedPackets { bytes: log.share(), places: Arc::clone(places) },
        }
    }

    fn run(&self, range: Frame) -> Run<'_> {
        Run::new(self.log.all(), &self.places, range)
    }

    /// Whether a connection is to get more than so many packets, of what has waited and of this tick's `ranges`. Only right when none
    /// was partly sent, as with polling.
    pub(crate) fn exceeds(&self, conn: Conn, ranges: &[Frame], most: usize) -> bool {
        let fresh = ranges.iter().map(|&range| self.run(range).count()).sum();
        let Some(left) = most.checked_sub(fresh) else { return true };
        self.backlog(conn).is_some_and(|backlog| backlog.packets().nth(left).is_some())
    }

    /// Whether nothing of what a connection is to get, of what has waited and of this tick's `ranges`, is to be compressed.
    pub(crate) fn is_plain(&self, conn: Conn, ranges: &[Frame]) -> bool {
        let waits = self.backlog(conn).into_iter().flat_map(Backlog::packets);
        let fresh = ranges.iter().flat_map(|&range| self.run(range).packets());
        waits.chain(fresh).all(|packet| packet.plain)
    }

    /// Whether a packet is binary of the oldest `most` that have waited, or of this tick's `ranges`. Only right when none was partly
    /// sent, as with polling.
    pub(crate) fn has_binary(&self, conn: Conn, ranges: &[Frame], most: usize) -> bool {
        let mut waiting = self.backlog(conn).into_iter().flat_map(Backlog::packets).take(most);
        waiting.any(|packet| packet.opcode == Opcode::Binary)
            || ranges.iter().any(|&range| self.run(range).has_binary())
    }

    // ---- what waits ----

    /// Whether output of a connection waits for its kernel, or for its poll.
    #[inline]
    pub(crate) fn is_congested(&self, conn: Conn) -> bool {
        self.backlog(conn).is_some()
    }

    #[inline]
    pub(crate) fn backlog(&self, conn: Conn) -> Option<&Backlog> {
        self.backlogs.get(conn as usize)?.as_deref()
    }

    pub(crate) fn backlog_mut(&mut self, conn: Conn) -> Option<&mut Backlog> {
        self.backlogs.get_mut(conn as usize)?.as_deref_mut()
    }

    /// A backlog that belongs to no connection yet.
    pub(crate) fn new_backlog(&self) -> Backlog {
        Backlog::new(self.queued.clone())
    }

    /// What waits for a connection waits in another form from now on. No packet of it is partly sent, as with polling.
    pub(crate) fn change_form(&mut self, conn: Conn, from: Form, to: Form) {
        if let Some(backlog) = self.backlog_mut(conn).filter(|_| !to.takes(from)) {
            backlog.rewrite(to.waiting());
        }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many as that when one is taken")]
    fn open_backlog(&mut self, conn: Conn) -> &mut Backlog {
        let at = conn as usize;
        if self.backlogs.len() <= at {
            self.backlogs.resize_with(at.saturating_add(1), || None);
        }
        self.backlogs[at].get_or_insert_with(|| Box::new(Backlog::new(self.queued.clone())))
    }

    /// Nothing waits any more.
    pub(crate) fn close_backlog(&mut self, conn: Conn) {
        if let Some(place) = self.backlogs.get_mut(conn as usize) {
            *place = None;
        }
    }

    /// Bytes that wait for one connection.
    pub(crate) fn queued(&self, conn: Conn) -> usize {
        self.backlog(conn).map_or(0, Backlog::len)
    }

    /// Bytes that wait for all of them.
    pub(crate) fn queued_in_all(&self) -> usize {
        self.queued.bytes()
    }

    /// Whether what waits has not been offered to the kernel: the broker has put it off.
    pub(crate) fn is_put_off(&self, conn: Conn) -> bool {
        self.backlog(conn).is_some_and(Backlog::is_put_off)
    }

    /// What a connection has coming waits for its turn. False if it did already.
    pub(crate) fn begin_put_off(&mut self, conn: Conn) -> bool {
        self.open_backlog(conn).begin_put_off()
    }

    /// Whether this tick's `ranges` may wait for a connection's turn, behind what waits already: past the bound they are sent
    /// now, so that nobody loses for the broker's slowness what a bound takes from slow clients.
    pub(crate) fn fits(&mut self, conn: Conn, ranges: &[Frame], terms: Terms) -> bool {
        let Terms { parser, form, bound, .. } = terms;
        let segment = self.segment(parser, form.waiting());
        let waiting = |&range: &Frame| segment.range(&self.places, range);
        let fresh: usize = ranges.iter().map(|range| waiting(range).len()).sum();
        let all = self.queued(conn).saturating_add(fresh);
        let newest = || {
            ranges
                .last()
                .map(waiting)
                .map_or(0, |range| range.len().saturating_sub(segment.run(range).last_message()))
        };
        // As in a backlog: one message of any size fits.
        fresh == 0 || all < bound || all.saturating_sub(newest()) < bound
    }

    /// Keeps what a connection did not take of `ranges`, from byte `skip` on; a message that no longer fits goes by its class.
    pub(crate) fn keep(&mut self, conn: Conn, ranges: &[Frame], mut skip: usize, terms: Terms) -> Kept {
        let mut kept = Kept::default();
        let segment = self.segment(terms.parser, terms.form.waiting());
        let bound = if terms.closing { usize::MAX } else { terms.bound };
        self.open_backlog(conn);
        let Self { places, tags, backlogs, .. } = self;
        let Some(backlog) = backlogs.get_mut(conn as usize).and_then(Option::as_mut) else { return kept };
        for (piece, class) in ranges.iter().flat_map(|&range| tags.pieces(range)) {
            let range = segment.range(places, piece);
            if let Some(rest) = skip.checked_sub(range.len()) {
                skip = rest;
                continue;
            }
            // What is half on the wire has to follow whole.
            let class = if skip > 0 || terms.closing { Class::Keep } else { class };
            let last = segment.run(range).last_message().saturating_sub(skip);
            let pushed = backlog.push(&segment, range, std::mem::take(&mut skip), last, class, bound);
            kept.replaced = kept.replaced.saturating_add(pushed.replaced.into());
            kept.dropped = kept.dropped.saturating_add(pushed.dropped.into());
            kept.overflow |= pushed.overflow;
        }
        kept
    }
}

/// A tick as a parser has it, in a form. None if it is the log's own.
fn made<'a>(
    parser: Parser,
    form: Form,
    forms: &'a mut Forms,
    packed: &'a mut Packed,
    log: &TickLog,
    places: &[Place],
) -> Option<&'a SharedPackets> {
    match parser {
        Parser::Text => forms.of(form, log.all(), places),
        Parser::Msgpack => Some(packed.of(form, log.all(), places)),
    }
}

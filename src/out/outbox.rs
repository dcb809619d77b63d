//! All that connections are to get and have not got: this tick's messages, and what has waited since before. It must not know
//! what carries a connection.

use super::backlog::{Backlog, Class, Segment, Total};
use super::polling::PollingLog;
use super::tags::Tags;
use super::{Conn, Frame, TickLog};
use crate::wire::{engineio, ws};

/// What every connection of a broker has coming.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) log: TickLog,
    polling: PollingLog,
    tags: Tags,
    /// By connection: what its kernel, or its poll, has not taken. While there is some, the connection is congested.
    backlogs: Vec<Option<Box<Backlog>>>,
    queued: Total,
}

/// How a connection takes what has to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Without binary frames.
    pub(crate) base64: bool,
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
    /// Puts frames behind everything a connection is to get.
    pub(crate) fn send(&mut self, conn: Conn, write: impl FnOnce(&mut Vec<u8>)) {
        // Only a log of 2 GiB refuses, and it is flushed long before.
        if let Ok(frame) = self.log.append(write) {
            self.log.deliver(conn, frame);
        }
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

    /// This tick's messages in `range`, in their polling form.
    pub(crate) fn packets(&mut self, range: Frame) -> &[u8] {
        self.polling.packets(&self.log, range)
    }

    /// The end of a tick.
    pub(crate) fn restart(&mut self) {
        self.log.restart();
        self.polling.restart();
        self.tags.clear();
    }

    /// Forgets what a connection that is gone had coming.
    pub(crate) fn forget(&mut self, conn: Conn) {
        self.log.forget(conn);
        self.close_backlog(conn);
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
    pub(crate) fn fits(&self, conn: Conn, ranges: &[Frame], bound: usize) -> bool {
        let fresh: usize = ranges.iter().map(|range| range.len()).sum();
        let all = self.queued(conn).saturating_add(fresh);
        let newest = || {
            ranges.last().map_or(0, |&range| range.len().saturating_sub(last_message(self.log.bytes(range))))
        };
        // As in a backlog: one message of any size fits.
        fresh == 0 || all < bound || all.saturating_sub(newest()) < bound
    }

    /// Keeps what a connection did not take of `ranges`, from byte `skip` on; a message that no longer fits goes by its class.
    pub(crate) fn keep(&mut self, conn: Conn, ranges: &[Frame], mut skip: usize, terms: Terms) -> Kept {
        let mut kept = Kept::default();
        let segment = self.log.share();
        // What is put off gets its last form when its turn has come.
        let base64 = terms.base64 && !self.backlog(conn).is_some_and(Backlog::is_raw);
        let bound = if terms.closing { usize::MAX } else { terms.bound };
        self.open_backlog(conn);
        let Self { log, tags, backlogs, .. } = self;
        let Some(backlog) = backlogs.get_mut(conn as usize).and_then(Option::as_mut) else { return kept };
        for &range in ranges {
            for (piece, class) in tags.pieces(range) {
                let own;
                let (segment, at) = if base64 {
                    let mut form = Vec::new();
                    engineio::without_binary(log.bytes(piece), &mut form);
                    let Ok(end) = u32::try_from(form.len()) else {
                        kept.overflow = true;
                        continue;
                    };
                    own = Segment::new(form);
                    (&own, 0..end)
                } else {
                    (&segment, piece.start..piece.end)
                };
                if let Some(rest) = skip.checked_sub(at.len()) {
                    skip = rest;
                    continue;
                }
                // What is half on the wire has to follow whole.
                let class = if skip > 0 || terms.closing { Class::Keep } else { class };
                let bytes = segment.get(at.start as usize..at.end as usize).unwrap_or_default();
                let fits = backlog.len().saturating_add(bytes.len()) < terms.bound;
                let last = if fits { 0 } else { last_message(bytes).saturating_sub(skip) };
                let sent = std::mem::take(&mut skip);
                let pushed = backlog.push(segment, at, sent, last, class, bound);
                kept.replaced = kept.replaced.saturating_add(pushed.replaced.into());
                kept.dropped = kept.dropped.saturating_add(pushed.dropped.into());
                kept.overflow |= pushed.overflow;
            }
        }
        kept
    }
}

/// Where the last message of a stretch begins.
fn last_message(bytes: &[u8]) -> usize {
    ws::frames(bytes).last().map_or(0, |(range, _, _)| range.start)
}

//! The polling form of a tick: every frame of the tick log, encoded once for all pollers, and only when one needs it.

use super::{Frame, TickLog};
use crate::wire::{engineio, ws};

/// The tick log as polling packets, each with the separator before it.
#[derive(Debug, Default)]
pub(crate) struct PollingLog {
    bytes: Vec<u8>,
    /// Where each frame begins in the log, and where its packet begins here; rising.
    index: Vec<(u32, usize)>,
    /// How much of the log is encoded.
    until: u32,
}

impl PollingLog {
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "frames of the log, whose places are 32 bits; packets begin one behind the other, and ranges rise"
    )]
    /// The packets of `range`, which consists of whole frames of `log`.
    pub(crate) fn packets(&mut self, log: &TickLog, range: Frame) -> &[u8] {
        let fresh = log.bytes(Frame { start: self.until, end: log.len() as u32 });
        for (at, ..) in ws::frames(fresh) {
            self.index.push((self.until, self.bytes.len()));
            self.until += at.len() as u32;
            engineio::transcode_frames(&fresh[at], &mut self.bytes);
        }
        &self.bytes[self.offset(range.start)..self.offset(range.end)]
    }

    fn offset(&self, at: u32) -> usize {
        let found = self.index.binary_search_by_key(&at, |&(start, _)| start);
        found.ok().and_then(|found| self.index.get(found)).map_or(self.bytes.len(), |&(_, offset)| offset)
    }

    /// A new tick begins.
    pub(crate) fn restart(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(256 * 1024);
        self.index.clear();
        self.until = 0;
    }
}

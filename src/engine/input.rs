//! What a link has sent and no request has used yet. Taking from its front must not cost what is behind.

use crate::base::limits::Limits;
use crate::wire::http::HeadScan;

/// An empty buffer keeps so much.
const KEEP: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    /// How much of `bytes` is used.
    used: usize,
    scan: HeadScan,
}

impl Input {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // What is used goes when it is the greater part: moving the rest costs no more than what came.
        if self.used > self.bytes.len() / 2 {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    pub(crate) fn unread_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unread().is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.unread().len()
    }

    /// So many bytes of the front are used.
    pub(crate) fn advance(&mut self, count: usize) {
        self.used = self.used.saturating_add(count).min(self.bytes.len());
        self.scan = HeadScan::default();
        if self.is_empty() {
            self.used = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEEP);
        }
    }

    /// Whether it is worth while to parse a head at the front.
    pub(crate) fn may_hold_head(&mut self, limits: &Limits) -> bool {
        self.scan.is_due(self.bytes.get(self.used..).unwrap_or_default(), limits)
    }

    /// The rest, for somebody else.
    pub(crate) fn into_unread(mut self) -> Vec<u8> {
        self.bytes.drain(..self.used);
        self.bytes
    }
}

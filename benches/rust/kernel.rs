//! A kernel that takes everything, for a core that is measured. It must not do more than it has to: what it does is measured as well.

use roomcast::service::{Output, Sent};
use std::hint::black_box;
use std::io::IoSlice;

/// It keeps the first `MOST` bytes, and what comes in one call with the last of them.
#[derive(Default)]
pub(crate) struct Kernel<const MOST: usize> {
    /// The calls so far.
    #[allow(dead_code, reason = "for benches/rust; benches/cost shares this file")]
    pub(crate) sends: usize,
    pub(crate) heard: Vec<u8>,
}

impl<const MOST: usize> Kernel<MOST> {
    fn take(&mut self, bytes: &[u8]) {
        if self.heard.len() < MOST {
            self.heard.extend_from_slice(bytes);
        }
        black_box(bytes);
    }
}

impl<const MOST: usize> Output for Kernel<MOST> {
    fn send(&mut self, _: usize, bytes: &[u8]) -> Sent {
        self.sends += 1;
        self.take(bytes);
        Sent::All
    }

    fn send_vectored(&mut self, _: usize, slices: &[IoSlice<'_>]) -> Sent {
        self.sends += 1;
        slices.iter().for_each(|slice| self.take(slice));
        Sent::All
    }

    fn close(&mut self, _: usize) {}

    fn abort(&mut self, _: usize) {}

    fn pause(&mut self, _: usize) {}

    fn resume(&mut self, _: usize) {}
}

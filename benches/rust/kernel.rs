//! A kernel that takes everything, for a core that is measured. It must not do more than it has to: what it does is measured as well.

use roomcast::service::{Output, Sent};
use std::hint::black_box;
use std::io::IoSlice;

pub(crate) struct Kernel {
    /// The calls so far.
    #[allow(dead_code, reason = "for benches/rust; benches/cost shares this file")]
    pub(crate) sends: usize,
    /// The first of the bytes, up to so many.
    pub(crate) heard: Vec<u8>,
    most: usize,
}

impl Kernel {
    pub(crate) fn hearing(most: usize) -> Self {
        Self { sends: 0, heard: Vec::new(), most }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.heard.len() < self.most {
            self.heard.extend_from_slice(bytes);
        }
        black_box(bytes);
    }
}

impl Output for Kernel {
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

//! Bodies of answers, compressed for the clients that take it. It must not compress a body anew that the last client got as well.

use crate::wire::deflate::{Coding, Deflater};

/// What is kept allocated from one flush to the next, at most.
const KEPT: usize = 256 * 1024;

/// Compresses bodies, and remembers the last one within a flush.
#[derive(Debug, Default)]
pub(super) struct Packer {
    level: u8,
    /// None until somebody takes it: 270 KB each.
    gzip: Option<Box<Deflater>>,
    zlib: Option<Box<Deflater>>,
    last: Option<Coding>,
    body: Vec<u8>,
    packed: Option<Vec<u8>>,
}

impl Packer {
    pub(super) fn new(level: u8) -> Self {
        Self { level, ..Self::default() }
    }

    /// A body in a coding, if it gains by it.
    pub(super) fn pack(&mut self, coding: Coding, body: &[u8]) -> Option<&[u8]> {
        if self.last != Some(coding) || self.body != body {
            let place = if coding == Coding::Gzip { &mut self.gzip } else { &mut self.zlib };
            let deflater = place.get_or_insert_with(|| Box::new(Deflater::new(coding, self.level)));
            self.packed = deflater.compress(body).map(<[u8]>::to_vec);
            self.body.clear();
            self.body.extend_from_slice(body);
            self.last = Some(coding);
        }
        self.packed.as_deref()
    }

    /// The end of a flush: who comes next gets something else.
    pub(super) fn forget(&mut self) {
        if self.last.take().is_some() {
            self.packed = None;
            self.body.clear();
            self.body.shrink_to(KEPT);
        }
    }
}

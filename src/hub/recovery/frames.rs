//! The bytes of logged messages, packed into chunks. It must not know what they say, nor whose they are.

use slab::Slab;

/// Small frames share chunks that grow to this.
const CHUNK: usize = 64 * 1024;
/// A frame from here on has a chunk of its own, so that at most an eighth of a chunk is left over.
const LARGE: usize = CHUNK / 8;

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    frames: usize,
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    chunk: usize,
    start: u32,
    end: u32,
}

impl Place {
    #[expect(clippy::arithmetic_side_effects, reason = "the end is not before the start")]
    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// Frames, which are let go mostly in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Frames {
    chunks: Slab<Chunk>,
    /// The chunk that small frames go to.
    open: Option<usize>,
}

impl Frames {
    /// Keeps a copy.
    #[expect(clippy::arithmetic_side_effects, reason = "a chunk's frames are in memory")]
    pub(super) fn push(&mut self, frame: &[u8]) -> Place {
        if frame.len() >= LARGE {
            // A frame is a part of the tick log, whose places are of 32 bits.
            let end = frame.len() as u32;
            return Place {
                chunk: self.chunks.insert(Chunk { bytes: frame.into(), frames: 1 }),
                start: 0,
                end,
            };
        }
        let fits = |chunk: &Chunk| chunk.bytes.len() + frame.len() <= CHUNK;
        let open = self.open.filter(|&open| self.chunks.get(open).is_some_and(fits));
        let at = open.unwrap_or_else(|| self.chunks.insert(Chunk::default()));
        self.open = Some(at);
        let Some(chunk) = self.chunks.get_mut(at) else { return Place { chunk: at, start: 0, end: 0 } };
        let start = chunk.bytes.len() as u32;
        let (room, needed) = (chunk.bytes.capacity(), chunk.bytes.len() + frame.len());
        if room < needed {
            // Twice as large as before, but no larger than it may get.
            chunk.bytes.reserve_exact((2 * room).clamp(needed, CHUNK) - chunk.bytes.len());
        }
        chunk.bytes.extend_from_slice(frame);
        chunk.frames += 1;
        Place { chunk: at, start, end: chunk.bytes.len() as u32 }
    }

    pub(super) fn get(&self, place: Place) -> &[u8] {
        let chunk = self.chunks.get(place.chunk);
        chunk.and_then(|chunk| chunk.bytes.get(place.start as usize..place.end as usize)).unwrap_or_default()
    }

    /// Lets a frame go. A chunk's memory is given back with its last one, or used again if it is the open one.
    pub(super) fn release(&mut self, place: Place) {
        let Some(chunk) = self.chunks.get_mut(place.chunk) else { return };
        chunk.frames = chunk.frames.saturating_sub(1);
        if chunk.frames > 0 {
            return;
        }
        if self.open == Some(place.chunk) {
            chunk.bytes.clear();
        } else {
            self.chunks.remove(place.chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_given_back_with_their_last_frame() {
        let mut frames = Frames::default();
        let places: Vec<_> =
            (0..200_u8).map(|byte| frames.push(&vec![byte; 1 + 60 * usize::from(byte)])).collect();
        for (byte, &place) in (0..200).zip(&places) {
            assert_eq!(frames.get(place), vec![byte; place.len()]);
        }
        let many = frames.chunks.len();
        places[..150].iter().for_each(|&place| frames.release(place));
        assert!(frames.chunks.len() < many);
        assert_eq!(frames.get(places[150])[0], 150);
        places[150..].iter().for_each(|&place| frames.release(place));
        assert_eq!(frames.chunks.len(), 1, "the open one");
        assert!(frames.chunks.iter().all(|(_, chunk)| chunk.bytes.is_empty()));
    }
}

//! The work, by zlib-rs. It must not take more memory for what comes in than what comes out of it.

use super::{Coding, InflateError, Inflated};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// What ends each message of permessage-deflate, and is left out (RFC 7692, 7.2.1).
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];
/// The same, and an end, which is found if nothing of the message is missing.
const END: &[u8] = &[0x00, 0x00, 0xff, 0xff, 0x03, 0x00];
/// An empty message: one block of nothing.
const EMPTY: &[u8] = &[0x00];
/// What is made for one message is given back down to this.
const KEPT: usize = 256 * 1024;
/// What comes out is first thought to be this long.
const FIRST: usize = 4096;
/// A message may end and begin anew inside (RFC 7692, 7.2.3.5), so often. Nobody does it more than once, and each costs.
const MAX_ENDS: u32 = 16;

/// Compresses messages, or bodies, each by itself. It takes 380 KB, and one for each size of window is enough for all links of a thread.
#[derive(Debug)]
pub struct Deflater {
    coding: Coding,
    level: Compression,
    state: Compress,
    out: Vec<u8>,
}

impl Deflater {
    /// `level` is from 1, the fastest, to 9.
    pub(crate) fn new(coding: Coding, level: u8) -> Self {
        let level = Compression::new(level.clamp(1, 9).into());
        Self { coding, level, state: begin(coding, level), out: Vec::new() }
    }

    /// What `bytes` are compressed, if that is a tenth less at least.
    pub(crate) fn compress(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        let Self { coding, level, state, out } = self;
        let (flush, tail) = match coding {
            Coding::Message(_) => (FlushCompress::Sync, TAIL),
            Coding::Gzip | Coding::Zlib => (FlushCompress::Finish, &[][..]),
        };
        if bytes.is_empty() {
            return None;
        }
        let most = bytes.len().saturating_sub(bytes.len().div_ceil(10));
        out.clear();
        out.shrink_to(KEPT.max(most));
        // What does not fit is not worth it. One byte more shows that it was all.
        out.reserve_exact(most.saturating_add(tail.len()).saturating_add(1));
        let status = state.compress_vec(bytes, out, flush).ok()?;
        let whole = out.len() < out.capacity()
            && state.total_in() == bytes.len() as u64
            && (tail.is_empty() == (status == Status::StreamEnd));
        if whole {
            state.reset();
        } else {
            // zlib-rs 0.6 does not forget, at level 1, that it was in the middle of a block.
            *state = begin(*coding, *level);
        }
        let made = out.strip_suffix(tail).filter(|_| whole)?;
        (made.len() <= most).then_some(made)
    }
}

fn begin(coding: Coding, level: Compression) -> Compress {
    match coding {
        Coding::Message(bits) => Compress::new_with_window_bits(level, false, bits.clamp(9, 15)),
        Coding::Gzip => Compress::new_gzip(level, 15),
        Coding::Zlib => Compress::new(level, true),
    }
}

/// Reads compressed messages. It takes 48 KB, and what the last message took.
#[derive(Debug)]
pub struct Inflater {
    state: Decompress,
    out: Vec<u8>,
    inflated: Inflated,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { state: Decompress::new(false), out: Vec::new(), inflated: Inflated::default() }
    }
}

impl Inflater {
    /// What a message of permessage-deflate stands for, if that is at most so many bytes. It takes no more memory than that. One of which the
    /// end is missing is none.
    pub(crate) fn message(&mut self, bytes: &[u8], most: usize) -> Result<&[u8], InflateError> {
        let Self { state, out, inflated } = self;
        out.clear();
        out.shrink_to(KEPT);
        state.reset(false);
        let (mut ends, mut is_whole) = (0_u32, false);
        // An empty message lacks the block that its one byte stands for.
        let bytes = if bytes.is_empty() { EMPTY } else { bytes };
        for part in [bytes, END] {
            // It ends with a final block, and without the byte that would have to follow.
            if is_whole {
                break;
            }
            let mut rest = part;
            loop {
                if out.len() == out.capacity() {
                    let more = out.len().max(FIRST).min(most.saturating_sub(out.len()).saturating_add(1));
                    out.reserve_exact(more);
                }
                let (read, made) = (state.total_in(), out.len());
                let status = state
                    .decompress_vec(rest, out, FlushDecompress::Sync)
                    .map_err(|_| InflateError::Invalid)?;
                let used = usize::try_from(state.total_in().saturating_sub(read)).unwrap_or(usize::MAX);
                rest = rest.get(used..).unwrap_or_default();
                if out.len() > most {
                    return Err(InflateError::TooBig);
                }
                is_whole = status == Status::StreamEnd && rest.is_empty();
                if status == Status::StreamEnd {
                    ends = ends.saturating_add(1);
                    if ends > MAX_ENDS {
                        return Err(InflateError::Invalid);
                    }
                    state.reset(false);
                }
                match rest.is_empty() {
                    true if is_whole || out.len() < out.capacity() => break,
                    false if used == 0 && out.len() == made && out.len() < out.capacity() => {
                        return Err(InflateError::Invalid);
                    }
                    _ => {}
                }
            }
        }
        if !is_whole {
            return Err(InflateError::Invalid);
        }
        inflated.messages = inflated.messages.saturating_add(1);
        inflated.bytes = inflated.bytes.saturating_add(out.len() as u64);
        Ok(out)
    }

    /// What it holds for messages.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.out.capacity()
    }

    /// What was read since this was asked last.
    pub(crate) fn take_inflated(&mut self) -> Inflated {
        std::mem::take(&mut self.inflated)
    }
}

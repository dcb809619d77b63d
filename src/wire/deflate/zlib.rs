//! The work, by zlib-rs. It must not take more memory for what comes in than what comes out of it.

use super::{Coding, InflateError, Inflated};
use std::fmt;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Inflate, InflateFlush, Status};

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

/// Symbols before a block of its own codes begins: 2,047. What is kept for them is cleared with each message, and few messages have so many.
const MEM_LEVEL: i32 = 5;

/// Compresses messages, or bodies, each by itself. It takes 270 KB, and one for each size of window is enough for all links of a thread.
pub struct Deflater {
    coding: Coding,
    level: u8,
    state: Deflate,
    /// As long as it has been for any of the last, at most [`KEPT`] or what the last one needed.
    out: Vec<u8>,
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("coding", &self.coding)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl Deflater {
    /// `level` is from 1, the fastest, to 9.
    pub(crate) fn new(coding: Coding, level: u8) -> Self {
        let level = level.clamp(1, 9);
        Self { coding, level, state: begin(coding, level), out: Vec::new() }
    }

    /// What `bytes` are compressed, if that is a tenth less at least.
    pub(crate) fn compress(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        let Self { coding, level, state, out } = self;
        let (flush, tail) = match coding {
            Coding::Message(_) => (DeflateFlush::SyncFlush, TAIL),
            Coding::Gzip | Coding::Zlib => (DeflateFlush::Finish, &[][..]),
        };
        if bytes.is_empty() {
            return None;
        }
        let most = bytes.len().saturating_sub(bytes.len().div_ceil(10));
        // What does not fit is not worth it. One byte more shows that it was all.
        let room = most.saturating_add(tail.len()).saturating_add(1);
        out.truncate(KEPT.max(room));
        out.shrink_to(KEPT.max(room));
        if out.len() < room {
            out.resize(room, 0);
        }
        let status = state.compress(bytes, out.get_mut(..room)?, flush);
        let made = usize::try_from(state.total_out()).unwrap_or(usize::MAX);
        let whole = made < room
            && state.total_in() == bytes.len() as u64
            && status == Ok(if tail.is_empty() { Status::StreamEnd } else { Status::Ok });
        if whole {
            state.reset();
        } else {
            // zlib-rs 0.6 does not forget, at level 1, that it was in the middle of a block.
            *state = begin(*coding, *level);
        }
        let made = out.get(..made)?.strip_suffix(tail).filter(|_| whole)?;
        (made.len() <= most).then_some(made)
    }
}

fn begin(coding: Coding, level: u8) -> Deflate {
    // Below 0 there is no frame around it; above it is zlib's, and with 16 more gzip's.
    let window_bits = match coding {
        Coding::Message(bits) => i32::from(bits.clamp(9, 15)).saturating_neg(),
        Coding::Zlib => 15,
        Coding::Gzip => 31,
    };
    Deflate::new_with_config(DeflateConfig {
        window_bits,
        level: level.into(),
        mem_level: MEM_LEVEL,
        ..DeflateConfig::default()
    })
}

/// Reads compressed messages. It takes 48 KB, and what the last message took.
pub struct Inflater {
    state: Inflate,
    /// As long as it has been for any of the last, at most [`KEPT`].
    out: Vec<u8>,
    inflated: Inflated,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { state: Inflate::new(false, 15), out: Vec::new(), inflated: Inflated::default() }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").field("inflated", &self.inflated).finish_non_exhaustive()
    }
}

impl Inflater {
    /// What a message of permessage-deflate stands for, if that is at most so many bytes. It takes no more memory than that. One of which the
    /// end is missing is none.
    pub(crate) fn message(&mut self, bytes: &[u8], most: usize) -> Result<&[u8], InflateError> {
        let Self { state, out, inflated } = self;
        out.truncate(KEPT);
        out.shrink_to(KEPT);
        state.reset(false);
        let (mut made, mut ends, mut is_whole) = (0_usize, 0_u32, false);
        // An empty message lacks the block that its one byte stands for.
        let bytes = if bytes.is_empty() { EMPTY } else { bytes };
        for part in [bytes, END] {
            // It ends with a final block, and without the byte that would have to follow.
            if is_whole {
                break;
            }
            let mut rest = part;
            loop {
                if made == out.len() {
                    let more = made.max(FIRST).min(most.saturating_sub(made).saturating_add(1));
                    out.reserve_exact(more);
                    out.resize(made.saturating_add(more), 0);
                }
                let before = (state.total_in(), state.total_out());
                let room = out.get_mut(made..).unwrap_or_default();
                let status = state
                    .decompress(rest, room, InflateFlush::SyncFlush)
                    .map_err(|_| InflateError::Invalid)?;
                let since =
                    |total: u64, before| usize::try_from(total.saturating_sub(before)).unwrap_or(usize::MAX);
                let (used, came) = (since(state.total_in(), before.0), since(state.total_out(), before.1));
                rest = rest.get(used..).unwrap_or_default();
                made = made.saturating_add(came);
                if made > most {
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
                    true if is_whole || made < out.len() => break,
                    false if used == 0 && came == 0 && made < out.len() => return Err(InflateError::Invalid),
                    _ => {}
                }
            }
        }
        if !is_whole {
            return Err(InflateError::Invalid);
        }
        inflated.messages = inflated.messages.saturating_add(1);
        inflated.bytes = inflated.bytes.saturating_add(made as u64);
        Ok(out.get(..made).unwrap_or_default())
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

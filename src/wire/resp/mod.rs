//! RESP2 and RESP3, what a Redis speaks: replies, read where they were received, and commands. It must not know what a command means,
//! and does no I/O.
//!
//! It is code of our own and not the crate `redis-protocol` (6.0), the only codec without I/O and without a runtime, since that one
//! has no bound that can be given to it: 400 kB of `*1` end the process by its stack. It also reads an incomplete reply again from
//! its start with every piece (an array of 3.3 MB in pieces of 1,448 bytes: 1.7 s of one core). Tests and the fuzz target
//! `resp` compare both.

mod command;
mod reader;
mod reply;
#[cfg(test)]
mod tests;

pub use command::command;
pub use reader::Reader;
pub use reply::{Items, Reply};

/// Arrays within arrays. Redis nests four at most, in its answer to `XREAD`, and a script may nest more.
pub const MAX_DEPTH: usize = 8;
/// Elements of one array; a map has twice as many as entries.
pub const MAX_ELEMENTS: usize = 1 << 20;
/// Bytes of one line: a status, an error, a number.
pub const MAX_LINE: usize = 64 * 1024;

/// Why what was received cannot be gone on with. The connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes are no reply.
    Protocol,
    /// Arrays are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A reply, a line or an array is longer than its bound.
    TooBig,
}

impl Fault {
    /// The fault as words for a log.
    pub fn text(self) -> &'static str {
        match self {
            Fault::Protocol => "what it sends is no RESP",
            Fault::TooDeep => "a reply is nested too deep",
            Fault::TooBig => "a reply is too long",
        }
    }
}

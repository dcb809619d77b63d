//! DEFLATE (RFC 1951) of whole messages and bodies: each is compressed by itself, from an empty window, so that any reader takes it,
//! whatever it has read before. It must not remember one for the next.

#[cfg(feature = "compression")]
mod zlib;
#[cfg(feature = "compression")]
pub use zlib::{Deflater, Inflater};

#[cfg(not(feature = "compression"))]
mod none;
#[cfg(not(feature = "compression"))]
pub use none::{Deflater, Inflater};

#[cfg(all(test, feature = "compression"))]
mod tests;

/// Whether this build can compress.
pub(crate) const AVAILABLE: bool = cfg!(feature = "compression");

/// What a compressed message or body lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Nothing, up to a byte boundary, without the four bytes that end there: a message of permessage-deflate (RFC 7692, 7.2.1), with a
    /// window of so many bits, from 9 to 15.
    Message(u8),
    /// gzip (RFC 1952).
    Gzip,
    /// zlib (RFC 1950), which HTTP calls `deflate`.
    Zlib,
}

impl Coding {
    /// What HTTP calls it. A message of permessage-deflate is none of HTTP's.
    pub(crate) fn name(self) -> &'static str {
        if self == Coding::Gzip { "gzip" } else { "deflate" }
    }
}

/// Why what was to be compressed bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "compression"), expect(dead_code))]
pub(crate) enum InflateError {
    /// They are none.
    Invalid,
    /// They stand for more than is taken.
    TooBig,
}

/// How much came compressed and was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inflated {
    pub(crate) messages: u64,
    /// What they stood for.
    pub(crate) bytes: u64,
}

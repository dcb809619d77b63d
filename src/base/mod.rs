//! Floor 0: what every other floor stands on. Errors, handles, slots, limits; no protocol, no I/O, no clock.

// Handles and dates come from outside: an index or a sum that could go wrong gives its bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod date;
pub(crate) mod errors;
pub(crate) mod ids;
pub(crate) mod limits;
pub(crate) mod open;
pub(crate) mod panics;
pub(crate) mod refused;
#[cfg(test)]
pub(crate) mod seeds;
pub(crate) mod sid;
pub(crate) mod slots;
pub(crate) mod timers;
pub(crate) mod unfit;
pub(crate) mod unimported;

/// Milliseconds on the broker's own clock.
///
/// The clock starts at zero when the broker is made and stands still while the host does not call
/// `poll`, so that a host that was busy for a minute does not find every client timed out.
pub type Millis = u64;

/// So many rounds of a test; under Miri, which is a thousand times slower, a few.
#[cfg(test)]
pub(crate) const fn rounds(of: usize) -> usize {
    if cfg!(miri) { of.div_ceil(500) } else { of }
}

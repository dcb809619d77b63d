//! Floor 2, beside `route`: the outgoing side. What connections are to get, encoded once for all of them, and what waits until
//! they take it. It must not send anything, nor know who is in which room.

// Peers choose what they take, and hosts how much there is: every index and every sum that could overflow is written so that it
// cannot, or gives its bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod backlog;
mod deflated;
mod form;
mod log;
mod outbox;
mod packed;
mod packets;
pub(crate) mod tags;
#[cfg(test)]
mod tests;

pub(crate) use deflated::{Compressed, Compression};
pub(crate) use form::Form;
pub use log::{Frame, Segment, TickLog};
pub(crate) use outbox::{Outbox, Terms};
pub(crate) use packets::Run;

/// One connection. The caller allocates the keys, densely from zero.
pub(crate) type Conn = u32;

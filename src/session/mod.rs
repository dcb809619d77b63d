//! Floor 3: the state of one connection, as plain data with its own rules. No I/O and no clock; it knows of no other
//! connection.

// What is kept here grows and shrinks as peers will: every index and every sum that could overflow is written so that it
// cannot, or gives its bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod backlog;
pub(crate) mod conn;
pub(crate) mod handshake;
pub(crate) mod input;
pub(crate) mod link;
pub(crate) mod payload;
pub(crate) mod reason;
pub(crate) mod sid;
pub(crate) mod timers;

//! Floor 4: a node's side of a message bus, beside the hub and without I/O. Bytes and the time go in; bytes, and what other nodes
//! have said, come out. It must not know a socket, nor carry anything out.

// Who is on the bus chooses what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod channels;
mod incoming;
mod listening;
mod masters;
mod node;
pub(crate) mod redis;
mod requests;
mod sessions;
mod store;

pub(crate) use channels::Ticket;
pub(crate) use incoming::{ClientsStep, ForHost, Incoming};
pub(crate) use node::Node;
pub(crate) use requests::Over;
pub(crate) use sessions::{Asker, Heard as HeardByCore, Missed, Outcome, Wanted};

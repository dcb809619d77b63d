//! Floor 2: who gets a message. No bytes, no protocol, no I/O, no clock.
//!
//! Members, connections and namespaces are small dense integers: the tables grow to the largest key in use.

// How many there are of each is a host's and its peers' choice: every index and every sum that could overflow is written so
// that it cannot, or gives its bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod graph;
mod router;
mod select;
#[cfg(test)]
mod tests;

pub(crate) use router::Followed;
pub use router::{Change, Router};
pub use select::{Selection, Whom};

/// One socket: a client's presence in one namespace. The caller allocates the keys, densely from zero.
pub type Member = u32;
/// One connection, which several members may share. The caller allocates the keys, densely from zero.
pub type Conn = u32;
/// A namespace, as [`Router::add_namespace`] named it.
pub type Namespace = u32;

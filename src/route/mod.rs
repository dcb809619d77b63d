//! Floor 2: who gets a message, and which bytes each connection is owed. No protocol, no I/O, no clock.
//!
//! The [`Router`] knows namespaces, rooms and their members, and turns a [`Selection`] into recipients. The
//! [`TickLog`] holds what was emitted since the last flush, once, and for each connection the ranges of it that
//! are that connection's output. Together they are all that stands between an emit and its system calls:
//!
//! ```
//! use roomcast::route::{Router, Selection, TickLog};
//!
//! let (mut router, mut log) = (Router::new(), TickLog::new());
//! let ns = router.add_namespace();
//! for member in 0..3 {
//!     let conn = member;
//!     router.add(member, ns, conn);
//!     router.join(member, "lobby", |_| {});
//! }
//!
//! let frame = log.append(|bytes| bytes.extend_from_slice(b"hello"))?;
//! let target = Selection { except_members: &[1], ..Selection::union(ns, &["lobby"], &[]) };
//! let reached = router.select(&target, |_member, conn| log.deliver(conn, frame));
//! assert_eq!(reached, 2);
//!
//! let mut sent = Vec::new();
//! while let Some(conn) = log.pop_dirty() {
//!     for &range in log.ranges() {
//!         sent.push((conn, log.bytes(range).to_vec()));
//!     }
//! }
//! log.restart();
//! assert_eq!(sent, [(0, b"hello".to_vec()), (2, b"hello".to_vec())]);
//! # Ok::<(), roomcast::base::errors::Error>(())
//! ```
//!
//! Members, connections and namespaces are small dense integers: the tables grow to the largest key in use, so
//! that the way from a member to its connection's output is two array reads.

// How many there are of each is a host's and its peers' choice: every index and every sum that could overflow is written so
// that it cannot, or gives its bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod graph;
mod log;
mod router;
mod select;
#[cfg(test)]
mod tests;

pub use log::{Frame, Segment, TickLog};
pub use router::{Change, Router};
pub use select::{Selection, Whom};

/// One socket: a client's presence in one namespace. The caller allocates the keys, densely from zero.
pub type Member = u32;
/// One connection, which several members may share. The caller allocates the keys, densely from zero.
pub type Conn = u32;
/// A namespace, as [`Router::add_namespace`] named it.
pub type Namespace = u32;

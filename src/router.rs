//! The router alone, for a host with its own transport: UDP, ENet, shared memory. It must not add anything to what it shows.
//!
//! The [`Router`] knows namespaces, rooms and their members, and turns a [`Selection`] into recipients. With a
//! [`TickLog`] beside it, which holds what was emitted since the last flush and for each connection the ranges of
//! it that it is to get, that is all that stands between an emit and its system calls:
//!
//! ```
//! use roomcast::router::{Router, Selection, TickLog};
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
//! # Ok::<(), roomcast::Error>(())
//! ```
//!
//! Members, connections and namespaces are small dense integers: the tables grow to the largest key in use, so
//! that the way from a member to its connection's output is two array reads.

pub use crate::out::{Frame, Segment, TickLog};
pub use crate::route::{Change, Conn, Member, Namespace, Router, Selection, Whom};

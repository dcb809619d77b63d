//! Floor 5: the whole broker without I/O. An engine and what sits on it, and the operations of a host as data. It must not open a
//! socket, read a clock or start a thread.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod among_cores;
mod calls;
mod cluster;
mod core;
pub(crate) mod operations;
pub(crate) mod pages;
pub(crate) mod reporter;
mod top;

pub use self::core::Core;
pub(crate) use self::core::Shared;
pub(crate) use among_cores::{News, Part};
pub use pages::Resource;

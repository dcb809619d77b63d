//! Floor 4: the whole protocol without I/O. Bytes and the time go in; events for the host and bytes for the links come
//! out. It must not open a socket, read a clock or start a thread.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod acks;
mod admission;
pub(crate) mod board;
pub mod config;
mod cookie;
mod core;
pub(crate) mod delivery;
mod early;
mod engine;
pub mod events;
mod flush;
pub(crate) mod gate;
mod http;
pub(crate) mod log;
pub mod message;
pub mod metrics;
pub(crate) mod namespaces;
pub(crate) mod operations;
mod origins;
mod packets;
mod polling;
mod put_off;
pub(crate) mod rooms;
pub(crate) mod serve;
pub mod service;
pub mod stats;
mod tags;
mod targets;
pub(crate) mod visitors;
mod websocket;

pub use self::core::Core;
pub use namespaces::{NamespaceOptions, PatternOptions};
pub use serve::Resource;

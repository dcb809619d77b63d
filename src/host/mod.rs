//! Floor 2: what the host says and hears. Its choices, the events it is told of, counters, and lines for its log. It must not
//! decide what any of them leads to.

// What peers do is told here: every index and every sum that could overflow is written so that it cannot, or gives its bound.
// Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod cluster;
pub(crate) mod config;
mod cookie;
pub(crate) mod descriptor;
pub(crate) mod events;
pub(crate) mod handshake;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod peer;
pub(crate) mod proxies;
pub(crate) mod reason;
pub(crate) mod request;
pub(crate) mod sights;
pub(crate) mod stats;
pub(crate) mod tls;

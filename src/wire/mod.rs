//! Floor 1: bytes to packets and back. Pure functions; no I/O, no clock, no state beyond one decoder's.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

/// What the nodes of a cluster tell each other.
pub mod cluster;
/// Cross-origin response headers, as the reference's `cors` package writes them.
pub mod cors;
/// Whole numbers as text.
mod decimal;
/// DEFLATE, a message or a body at a time.
pub(crate) mod deflate;
/// Engine.IO packets and polling payloads.
pub mod engineio;
/// HTTP/1.1 as far as Engine.IO needs it.
pub mod http;
/// JSON: checking, slicing and escaping.
pub mod json;
/// msgpack, as the nodes of a cluster speak it.
pub mod msgpack;
/// What a broker exports: parts with a checksum, and what they are made of.
pub mod parts;
/// The header that a proxy puts before a connection, to say whose it is.
pub mod proxy;
/// What a Redis speaks.
pub mod resp;
/// Socket.IO packets.
pub mod socketio;
/// WebSocket frames, the server's side.
pub mod ws;

//! Floor 1: bytes to packets and back. Pure functions: no I/O, no clock, nothing remembered between calls
//! but by the decoders that say so.

/// Engine.IO packets and polling payloads.
pub mod engineio;
/// JSON: checking, slicing and escaping.
pub mod json;
/// Socket.IO packets.
pub mod socketio;

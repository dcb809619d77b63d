//! The core under a virtual clock: no sockets, no sleeps, and every failure prints the seed that repeats it.

mod big;
mod bursts;
mod client;
mod cluster;
mod compressed;
mod drain;
mod eio3;
mod ends;
mod halves;
mod heard;
mod http;
mod limits;
mod msgpack;
mod net;
mod origins;
mod overload;
mod packing;
mod parse;
mod recovery;
mod recovery_asked;
mod recovery_ends;
mod recovery_model;
mod restart;
mod room_limits;
mod semantics;
#[allow(dead_code, reason = "tests/world_memory uses all of it")]
mod storm;
mod world;

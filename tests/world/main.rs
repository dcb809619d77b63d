//! The core under a virtual clock: no sockets, no sleeps, and every failure prints the seed that repeats it.

mod big;
mod client;
mod net;
mod parse;
mod semantics;
mod storm;
mod world;

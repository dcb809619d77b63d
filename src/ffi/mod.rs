//! Floor 8: the C ABI. Conversion and guards, and nothing else: it must not know anything that a Rust host could not have
//! known.
//!
//! cbindgen turns this folder into `include/roomcast.h`, whose comments are those of this folder; they are written for a
//! reader of C. `include/roomcast.symbols` lists what the shared library exports.
//!
//! Every function is `unsafe` for the same reason: it trusts the pointers that the header asks for. They are checked for
//! NULL, lengths are checked before they are used, handles may be stale or made up. A pointer that is not NULL and
//! points nowhere cannot be found out.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc, clippy::too_many_arguments)]

#[cfg(not(panic = "unwind"))]
compile_error!("with panic = \"abort\" a bug in the library would end the host's process");

mod admin;
mod admission;
mod adopt;
mod broker;
mod cluster;
mod config;
mod convert;
mod emit;
mod events;
mod frozen;
mod given;
mod guard;
mod json;
mod listen;
mod log;
mod message;
mod operate;
mod operations;
mod orders_packed;
mod pack;
mod query;
mod reader;
mod remote;
mod router;
#[cfg(test)]
mod tests;
mod tls;
mod types;

pub use admin::*;
pub use admission::*;
pub use adopt::*;
pub use broker::*;
pub use cluster::*;
pub use config::*;
pub use emit::*;
pub use events::*;
pub use json::*;
pub use listen::*;
pub use message::*;
pub use operate::*;
pub use operations::*;
pub use orders_packed::*;
pub use pack::*;
pub use query::*;
pub use remote::*;
pub use router::*;
pub use tls::*;
pub use types::*;

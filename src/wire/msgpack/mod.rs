//! msgpack, as the nodes of a cluster and clients with the msgpack parser speak it, from and to JSON with attachments. It must not build
//! values, recurse, or know what a message means.
//!
//! | msgpack | JSON |
//! |---|---|
//! | integers | their digits, all 64 bits: JavaScript rounds past 2^53 wherever it reads them |
//! | floats | the shortest digits that read back as the same; NaN and infinities are `null`, -0 is `0`, as `JSON.stringify` has it |
//! | `bin`, and `ext` of type 0, an `ArrayBuffer` of old encoders | a placeholder, and an attachment |
//! | `ext` of type -1, and of type 0 with 8 bytes: a time | the text of `Date.toISOString`; `null` if JavaScript has no such date |
//! | `ext` of type 0 with one byte: `undefined` of old encoders | `null` |
//! | other `ext` | an array of its type and a placeholder, and an attachment, as JavaScript has it |
//! | keys | texts, or integers, which become texts; others are refused. Equal keys all stay: whoever reads takes the last |
//!
//! Back again a whole number of 64 bits is an integer in its shortest form; others are floats of 64 bits. Half a
//! surrogate pair, for which UTF-8 has nothing, becomes U+FFFD.

pub mod packet;
mod read;
#[cfg(test)]
mod tests;
mod time;
mod to_json;
mod write;

pub use super::json::Malformed;
pub(super) use read::{Head, Reader};
pub(super) use to_json::append_argument;
pub use to_json::to_json;
pub use write::from_json;
pub(super) use write::{flag, from_event, list, map, number, text};

/// Arrays and objects in one another: what a client's JSON may have unless its host says otherwise.
pub const MAX_DEPTH: u32 = 512;

/// Attachments of one value. Each is worth many times its bytes to whoever reads it.
pub const MAX_ATTACHMENTS: usize = 4_096;

//! What is emitted, as C has it: its struct and its options, which are fields of that and stand behind a packed message. It must not
//! follow a pointer.

use super::guard::{Fault, Named, Outcome};
use super::reader::Reader;
use super::types::roomcast_slice;
use crate::hub::message::{Delivery, Message};
use std::ffi::c_char;

/// Queued up to max_backlog, past which the connection is closed as a slow consumer.
pub const ROOMCAST_RELIABLE: u32 = 0;
/// Skipped for a connection whose earlier output the kernel, or a poll, has not taken yet.
pub const ROOMCAST_VOLATILE: u32 = 1;
/// At most one unsent message of this `key` waits for a connection in this namespace: the newest.
pub const ROOMCAST_LATEST: u32 = 2;
/// Queued up to max_backlog; then the oldest message of this class goes.
pub const ROOMCAST_DROP_OLDEST: u32 = 3;

// ---- made of the options of a message: make header ----
/// In a cluster it is for the sockets of this node alone.
pub const ROOMCAST_MESSAGE_LOCAL: u64 = 1;
/// It is sent as it is to clients that take compressed messages, for example as a secret stands in it beside what others wrote.
pub const ROOMCAST_MESSAGE_UNCOMPRESSED: u64 = 2;
// ---- made until here ----

/// An event to emit. Set `struct_size` to sizeof(roomcast_message) and what is not needed to 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct roomcast_message {
    /// sizeof(roomcast_message).
    pub struct_size: u32,
    /// What may become of it when a client does not keep up: ROOMCAST_RELIABLE, which is 0, or another delivery class.
    pub delivery: u32,
    /// For ROOMCAST_LATEST: the key, any number.
    pub key: u64,
    /// The event's name.
    pub name: *const c_char,
    /// Bytes of `name`.
    pub name_len: usize,
    /// The arguments: a JSON array. Nothing at all means "[]".
    pub args: *const c_char,
    /// Bytes of `args`.
    pub args_len: usize,
    /// Binary attachments: `args` holds {"_placeholder":true,"num":N} where attachment N belongs.
    pub attachments: *const roomcast_slice,
    /// How many attachments.
    pub attachment_count: usize,
    /// ROOMCAST_MESSAGE_ values, added up, or 0.
    pub flags: u64,
}

impl roomcast_message {
    /// Gives a message what is asked for here.
    pub(super) fn with_manner<'a>(&self, message: Message<'a>) -> Outcome<Message<'a>> {
        with_manner(message, self.delivery, self.key, self.flags)
    }
}

/// Gives a message what a record asks for.
pub(super) fn with_packed_manner<'a>(record: &mut Reader<'_>, message: Message<'a>) -> Outcome<Message<'a>> {
    let class = record.u32().named("message.delivery")? as u32;
    let flags = record.u32().named("message.flags")? as u64;
    with_manner(message, class, record.u64().named("message.key")?, flags)
}

/// Gives a message its class and its options.
pub(super) fn with_manner(message: Message<'_>, class: u32, key: u64, flags: u64) -> Outcome<Message<'_>> {
    let message = u32::try_from(flags).ok().and_then(|flags| message.with_options(flags));
    let message =
        message.ok_or_else(|| Fault::value("message.flags", "it is a sum of ROOMCAST_MESSAGE_ values"))?;
    Ok(message.delivery(match class {
        ROOMCAST_RELIABLE => Delivery::Reliable,
        ROOMCAST_VOLATILE => Delivery::Volatile,
        ROOMCAST_LATEST => Delivery::Latest(key),
        ROOMCAST_DROP_OLDEST => Delivery::DropOldest,
        _ => {
            let takes = "it is one of the delivery classes, such as ROOMCAST_VOLATILE";
            return Err(Fault::value("message.delivery", takes));
        }
    }))
}

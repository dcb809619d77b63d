//! Floor 3: the state of one connection, as plain data with its own rules. No I/O and no clock; it knows of no other
//! connection.

pub(crate) mod backlog;
pub(crate) mod conn;
pub(crate) mod handshake;
pub(crate) mod link;
pub(crate) mod payload;
pub(crate) mod reason;
pub(crate) mod sid;
pub(crate) mod timers;

//! An embeddable event broker that speaks Socket.IO.

pub mod base;
pub mod net;
pub mod route;
pub mod wire;
mod session;
mod broker;

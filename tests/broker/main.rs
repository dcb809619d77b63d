//! The broker over real sockets, as a host drives it and sets it up.

mod driving;
mod hooks;
mod proxied;
mod support;

//! The broker over real sockets, as a host drives it and sets it up.

#[cfg(unix)]
mod adopting;
mod driving;
#[cfg(unix)]
mod handing_back;
mod handshakes;
mod hooks;
mod proxied;
mod support;

//! The event loop on real sockets, driven by a service that writes down what it hears. No test sleeps or measures
//! time: each turns the loop until something has happened.

mod fair;
// On poll(2) there is no descriptor for another loop.
#[cfg(poll_descriptor)]
mod foreign;
mod halves;
mod input;
mod output;
mod probe;
#[cfg(unix)]
mod process;
mod proxied;
mod storm;
#[cfg(unix)]
mod unix;
mod wakes;

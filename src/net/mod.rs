//! Floor 6: sockets. An event loop on mio that drives any [`Service`](crate::service::Service); it must know nothing of a protocol.
//!
//! Every descriptor is registered once, edge-triggered, for reading and writing; what an edge announced is
//! remembered until it has been read, so a turn may stop anywhere without losing anything.

/// Whether mio tells of a descriptor again only when an operation on it has ended in `WouldBlock`, as its contract allows.
/// Epoll and kqueue tell of each edge by themselves: there a short read or send has seen the end, and the system call that
/// would say so once more is saved.
const REARMED_BY_WOULD_BLOCK: bool = cfg!(not(poll_descriptor));

mod acceptor;
#[cfg(unix)]
mod adopted;
mod bind;
mod broker;
mod bus;
mod clock;
mod deal;
mod event_loop;
mod failures;
mod links;
mod listener;
#[cfg(test)]
mod moves_tests;
mod others;
mod process;
mod queues;
mod refused;
mod remote;
#[cfg(feature = "tls")]
mod session;
mod shard;
mod shared;
#[cfg(feature = "tls")]
mod shown;
#[cfg(unix)]
mod socket_file;
mod stream;
mod threads;
mod waker;

#[cfg(unix)]
pub use adopted::NotAdopted;
pub use bind::ListenOptions;
pub use broker::Broker;
pub(crate) use broker::Observer;
pub use event_loop::{Loop, LoopOptions};
pub use refused::ListenError;
pub use remote::Remote;
pub use waker::Waker;

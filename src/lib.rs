//! An embeddable event broker: Socket.IO's server model (namespaces, rooms, emits, acknowledgements) as a synchronous
//! library. No async runtime, no process of its own; stock Socket.IO clients connect to it.
//!
//! # The model
//!
//! - A [`Broker`] is a server inside your program. One thread drives it; other threads reach it through a [`Remote`].
//! - A *connection* is one client's Engine.IO session, over HTTP long-polling or a WebSocket.
//! - A *socket* is that client's presence in one *namespace*. Namespaces share nothing: not sockets, not rooms, not events.
//! - A *room* is a set of sockets of one namespace. It exists while it has members.
//! - A [`Target`] says whom an emit reaches: rooms, sockets or a whole namespace, minus rooms and sockets.
//! - A [`Message`] says what: an event name and its arguments, a JSON array that travels as it is, and its [`Delivery`] class.
//! - Every call takes effect at once: an emit reaches exactly those who are members when it is made, and what a socket
//!   gets, it gets in the order of the calls.
//! - The bytes leave with the next [`poll`](Broker::poll) or [`flush`](Broker::flush): one system call per connection,
//!   however many messages there are.
//! - Handles such as [`SocketId`] carry a generation: a call with a dead one changes nothing and says [`Error::Gone`].
//! - Everything a peer can make the broker hold is bounded by [`Limits`]; what is dropped is counted in [`Counters`].
//!
//! # The loop
//!
//! There are no callbacks. A turn of the loop fills a batch of [`Events`]; the host goes through it and calls the broker.
//!
//! ```no_run
//! use roomcast::{Broker, Config, Event, Events, Message, Target};
//!
//! let mut broker = Broker::new(Config::default())?;
//! broker.listen("127.0.0.1:3000")?;
//! let mut events = Events::new();
//! loop {
//!     broker.poll(&mut events, None)?;
//!     for event in events.iter() {
//!         if let Event::Message { socket, namespace, name, args, .. } = event {
//!             let message = Message::new(name, args);
//!             if let Err(error) = broker.emit(Target::all(namespace).except(&[socket]), message) {
//!                 eprintln!("{name}: {error}");
//!             }
//!         }
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A batch tells the past: a socket whose message is read may be gone by then, and its [`Event::Disconnect`] is further
//! down. Calls answer [`Error::Gone`], which can be ignored. A host that does not drain its events stops the reading, so
//! memory stays bounded and nothing is lost.
//!
//! # Options
//!
//! [`Config`], [`Limits`], [`Cors`], [`Cookie`], [`NamespaceOptions`] and [`PatternOptions`] are written with what differs from
//! their defaults:
//!
//! ```
//! use roomcast::{Config, Limits};
//!
//! let limits = Limits { max_payload: 64 * 1024, ..Limits::default() };
//! let config = Config { health_path: Some("/health".into()), limits, ..Config::default() };
//! ```
//!
//! Without the `..Config::default()` they do not compile, even with all fields there are, since a later version may have more:
//!
//! ```compile_fail,E0063
//! let options = roomcast::NamespaceOptions { guarded: true };
//! ```
//!
//! # The floors
//!
//! A module uses only what lies on floors below its own. `tests/floors.rs` reads the sources and fails otherwise.
//!
//! | floor | module | what |
//! |---|---|---|
//! | 0 | [`base`] | errors, handles, slots, limits |
//! | 1 | [`wire`] | bytes and packets: HTTP, WebSocket, Engine.IO, Socket.IO, JSON slices. Pure functions |
//! | 2 | [`route`] | who is in which room, whom an emit selects, and the log of a tick's output. Beside `wire`, not above it |
//! | 3 | `session` | one connection as a state machine: its links, timers, queues |
//! | 4 | [`broker`] | all of it together, without I/O: bytes and the time go in, events and bytes come out |
//! | 5 | [`net`] | sockets: event loops on mio, the broker over one or several of them, the remote's inbox |
//! | 6 | `ffi` | the C interface, behind the feature `capi`: conversion and guards |
//!
//! Floors 0 to 4 open no socket and read no clock, so [`Core`] runs under a virtual clock in tests, and any transport can
//! drive it through [`broker::service::Service`].
//!
//! # What the compiler is asked to refuse
//!
//! `Cargo.toml` denies `unsafe_code`, `unsafe_op_in_unsafe_fn`, `missing_docs`, and clippy's `undocumented_unsafe_blocks`
//! and `multiple_unsafe_ops_per_block`; `make test` turns every other warning into an error.

pub mod base;
pub mod broker;
#[cfg(feature = "capi")]
pub mod ffi;
pub mod net;
pub mod route;
mod session;
pub mod wire;

#[doc(inline)]
pub use base::errors::{Error, Result};
#[doc(inline)]
pub use base::ids::{AckId, ConnId, NamespaceId, SocketId};
#[doc(inline)]
pub use base::limits::Limits;
#[doc(inline)]
pub use base::unfit::ConfigError;
#[doc(inline)]
pub use broker::config::{Config, Cookie};
#[doc(inline)]
pub use broker::events::{Attachments, Event, Events, RoomChange, Rooms};
#[doc(inline)]
pub use broker::log::Level;
#[doc(inline)]
pub use broker::message::{Delivery, Message, Receipt, Target};
#[doc(inline)]
pub use broker::metrics::{Histogram, Metrics};
#[doc(inline)]
pub use broker::stats::{Counters, Stats};
#[doc(inline)]
pub use broker::{Core, NamespaceOptions, PatternOptions, Resource};
#[doc(inline)]
pub use net::{Broker, ListenError, Remote};
#[doc(inline)]
pub use route::Whom;
#[doc(inline)]
pub use session::handshake::Handshake;
#[doc(inline)]
pub use session::reason::Reason;
#[doc(inline)]
pub use wire::cors::Cors;

/// The README's programs, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

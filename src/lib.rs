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
//! # Where to go on
//!
//! The [`guide`] has a page for each subject, with programs: a [conversation](guide::conversation), [whom](guide::whom) a call is about,
//! [admission](guide::admission), [delivery](guide::delivery) to clients that do not keep up, [driving](guide::driving) it from your own
//! loop or many threads, and the parts [without I/O](guide::without_io). [`Broker`] documents every call.
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
//! [`Config`], [`Limits`], [`Cluster`], [`Cors`], [`Cookie`], [`NamespaceOptions`] and [`PatternOptions`] are written with what differs from
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
//! A module uses only what lies on floors below its own. `tests/floors` reads the sources and fails otherwise.
//!
//! | floor | module | what |
//! |---|---|---|
//! | 0 | `base` | errors, handles, slots, limits |
//! | 1 | `wire` | bytes and packets: HTTP, WebSocket, Engine.IO, Socket.IO, JSON slices. Pure functions |
//! | 2 | `route` | who is in which room, and whom an emit selects |
//! | 2 | `out` | what connections are to get, encoded once for all, and what waits until they take it |
//! | 2 | `host` | what the host says and hears: its choices, events, counters, lines for its log |
//! | 3 | `engine` | an Engine.IO server without I/O: links, sessions, timers, who may open one |
//! | 4 | `hub` | Socket.IO on top of it: namespaces, sockets, rooms, acknowledgements |
//! | 4 | `cluster` | a node's side of a message bus: its connections to it, and what the nodes of a cluster say to each other |
//! | 5 | `broker` | both together, and the operations of a host as data |
//! | 6 | `net` | sockets: event loops on mio, the broker over one or several of them, the remote's inbox |
//! | 7 | `admin` | the admin interface's protocol, on top of the broker's calls |
//! | 8 | `ffi` | the C interface, behind the feature `capi`: conversion and guards |
//!
//! Those of one number stand side by side, with walls between. Floors 0 to 5 open no socket and read no clock, so [`Core`] runs under a virtual clock in tests, and any transport can
//! drive it through [`service::Service`].
//!
//! # What the compiler is asked to refuse
//!
//! `Cargo.toml` denies `unsafe_code`, `unsafe_op_in_unsafe_fn`, `missing_docs`, and clippy's `undocumented_unsafe_blocks`
//! and `multiple_unsafe_ops_per_block`; `make test` turns every other warning into an error.

mod admin;
mod base;
mod broker;
mod cluster;
mod engine;
#[cfg(feature = "capi")]
pub mod ffi;
pub mod guide;
mod host;
mod hub;
mod net;
mod out;
mod route;
pub mod router;
pub mod service;
/// Open for fuzz targets and measurements alone: it may change with any version.
#[doc(hidden)]
pub mod wire;

#[doc(inline)]
pub use admin::{AdminAuth, AdminMode, AdminOptions};
#[doc(inline)]
pub use base::Millis;
#[doc(inline)]
pub use base::errors::{Error, Result};
#[doc(inline)]
pub use base::ids::{AckId, ConnId, NamespaceId, SocketId};
#[doc(inline)]
pub use base::limits::Limits;
#[doc(inline)]
pub use base::refused::{LimitError, RoomError};
#[doc(inline)]
pub use base::unfit::ConfigError;
#[doc(inline)]
pub use base::unimported::ImportError;
#[doc(inline)]
pub use broker::{Core, Resource};
#[doc(inline)]
pub use host::config::{Cluster, ClusterFormat, Config, Cookie, IdGenerator, SubscriptionMode};
#[doc(inline)]
pub use host::descriptor::Descriptor;

pub use host::events::{Attachments, Event, Events, RoomChange, Rooms};
#[doc(inline)]
pub use host::handshake::Handshake;
#[doc(inline)]
pub use host::log::Level;
#[doc(inline)]
pub use host::metrics::{Histogram, Metrics};
#[doc(inline)]
pub use host::peer::Peer;
#[doc(inline)]
pub use host::reason::Reason;

pub use host::request::ParsedRequest;
#[doc(inline)]
pub use host::stats::{Counters, Stats};
#[cfg(feature = "tls")]
#[doc(inline)]
pub use host::tls::TlsConfig;
#[doc(inline)]
pub use host::tls::TlsInfo;
#[doc(inline)]
pub use hub::message::{Delivery, Message, Receipt, Target};
#[doc(inline)]
pub use hub::namespaces::{NamespaceOptions, PatternOptions};
#[cfg(unix)]
pub use net::NotAdopted;
#[doc(inline)]
pub use net::{Broker, ListenError, ListenOptions, Remote};
#[doc(inline)]
pub use wire::cors::{self, Cors};

/// The README's programs, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/CLUSTER.md")]
struct Clusters;

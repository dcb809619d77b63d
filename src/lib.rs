//! An embeddable event broker that speaks Socket.IO.

pub mod base;
pub mod broker;
pub mod net;
pub mod route;
mod session;
pub mod wire;

pub use base::errors::{Error, Result};
pub use base::ids::{AckId, ConnId, NamespaceId, SocketId};
pub use base::limits::Limits;
pub use broker::config::{Config, Cookie};
pub use broker::events::{Attachments, Event, Events, RoomChange, Rooms};
pub use broker::message::{Delivery, Message, Receipt, Target};
pub use broker::stats::{Counters, Stats};
pub use broker::{Core, NamespaceOptions, PatternOptions, Resource};
pub use net::{Broker, OwnedTarget, Remote};
pub use session::handshake::Handshake;
pub use session::reason::Reason;

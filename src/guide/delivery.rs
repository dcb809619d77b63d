//! What becomes of a message for a client that does not keep up. It must not hold code.
//!
//! A client that reads slower than it is sent to has a backlog. Each message says what may become of it there:
//!
//! | class | while the client does not keep up |
//! |---|---|
//! | [`Reliable`](crate::Delivery::Reliable), the default | waits, up to `Limits::max_backlog`; past it the connection is closed as a slow consumer |
//! | [`Volatile`](crate::Delivery::Volatile) | is skipped |
//! | [`Latest`](crate::Delivery::Latest) | waits, and replaces the one of the same key that waits |
//! | [`DropOldest`](crate::Delivery::DropOldest) | waits; past the bound the oldest of this class go |
//!
//! ```
//! # use roomcast::*;
//! # fn example(broker: &mut Broker, ns: NamespaceId, player: u64) -> Result<()> {
//! let players = Target::rooms(ns, &["match 7"]);
//! broker.emit(players, Message::new("goal", "[2,1]"))?;
//! broker.emit(players, Message::new("at", "[4.5,7.25]").latest(player))?;
//! broker.emit(players, Message::new("spark", "[]").volatile())?;
//! broker.emit(players, Message::new("log", r#"["kicked off"]"#).delivery(Delivery::DropOldest))?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing is lost without a trace: a [`Receipt`](crate::Receipt) says how many were skipped, [`Counters`](crate::Counters) how much went by
//! each cause, [`queued_bytes`](crate::Broker::queued_bytes) what waits for one socket, and a slow consumer's end is an event with that reason.
//!
//! The other direction has its bound, too: while the host does not drain its events, the broker does not read.

//! Rooms and targets. It must not hold code.
//!
//! A room is a set of sockets of one namespace, named by a text. It begins with its first member and ends with its last; nothing is
//! declared. Each socket is in a room of its own, named by its id ([`socket_sid`](crate::Broker::socket_sid)).
//!
//! A [`Target`](crate::Target) selects: everybody in a namespace, *or* a union of rooms and sockets, minus rooms and sockets.
//!
//! ```
//! # use roomcast::*;
//! # fn example(broker: &mut Broker, ns: NamespaceId, sender: SocketId, friend: SocketId) -> Result<()> {
//! let news = Message::new("news", "[1]");
//! broker.emit(Target::all(ns), news)?;
//! broker.emit(Target::all(ns).except(&[sender]), news)?;
//! broker.emit(Target::rooms(ns, &["red", "blue"]).except_rooms(&["dead"]), news)?;
//! broker.emit(Target::union(ns, &["red"], &[friend]), news)?; // who is in it twice gets it once
//! # Ok(())
//! # }
//! ```
//!
//! A union of nothing is nobody: a list of rooms that turned out empty never means everybody.
//!
//! The same targets select for more than emits:
//!
//! ```
//! # use roomcast::*;
//! # fn example(broker: &mut Broker, ns: NamespaceId) -> Result<()> {
//! broker.sockets_join(Target::rooms(ns, &["lobby"]), &["match 7"])?;
//! broker.sockets_leave(Target::rooms(ns, &["match 7"]), &["lobby"])?;
//! let players: Vec<SocketId> = broker.fetch_sockets(Target::rooms(ns, &["match 7"]))?.collect();
//! for socket in players {
//!     println!("{} plays", broker.socket_sid(socket)?);
//! }
//! broker.disconnect_sockets(Target::rooms(ns, &["match 7"]), false)?;
//! # Ok(())
//! # }
//! ```
//!
//! A player who moves leaves and joins in one call ([`change_rooms`](crate::Broker::change_rooms)). All of it takes effect when the call
//! returns: an emit reaches exactly those who are members then, and what a socket gets, it gets in the order of the calls.

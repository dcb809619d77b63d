//! Namespaces, and who is let into them. It must not hold code.
//!
//! Namespaces share nothing: not sockets, not rooms, not events. A tenant with a namespace of its own cannot be reached from another, whatever
//! the rooms are called. `/` is always there; others are made by name, or by the first client that asks for one that a pattern allows.
//!
//! ```
//! # use roomcast::*;
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! # let mut broker = Broker::new(Config::default())?;
//! broker.add_namespace("/status", NamespaceOptions::default())?;
//! broker.add_pattern("/tenant-*", PatternOptions { guarded: true, ..PatternOptions::default() })?;
//! # Ok(())
//! # }
//! ```
//!
//! A *guarded* namespace asks the host about each client, with the object that it sent along (`io("/tenant-7", { auth: … })`) and its
//! first request: address, headers, query.
//!
//! ```
//! # use roomcast::*;
//! # fn player_of(token: &str) -> Option<u64> { token.parse().ok() }
//! # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
//! if let Event::ConnectRequest { socket, auth, .. } = event {
//!     match player_of(auth) {
//!         Some(player) => {
//!             broker.set_tag(socket, player)?;
//!             broker.join(socket, "lobby")?;
//!             broker.accept(socket)?;
//!         }
//!         None => broker.reject(socket, "who are you?", Some(r#"{"retry": false}"#))?,
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The answer may take its time: a look into a database, by another thread that answers through a [`Remote`](crate::Remote). Meanwhile the
//! socket has its rooms, and what is emitted to it, directly, by a room or to everybody, waits, and comes right behind the answer to its
//! request. One that is turned away hears nothing of it. A client that goes before the answer, or goes to the loop on which its other
//! sessions are, has a [`Disconnect`](crate::Event::Disconnect); who has only moved asks again.
//!
//! Before that there is the connection itself: `check_origin`, limits by address, and
//! [`guard_handshakes`](crate::Config::guard_handshakes) in [`Config`](crate::Config), with which the host is asked about each one, and
//! answers with [`allow`](crate::Broker::allow), [`refuse`](crate::Broker::refuse) or [`refuse_with`](crate::Broker::refuse_with).
//! [`add_header`](crate::Broker::add_header) adds to that answer, a cookie for example.

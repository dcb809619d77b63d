//! Everything a host can say to sockets and rooms, or ask about them. It must not decide anything: the core does, or the loops.

use super::{Broker, Driver};
use crate::base::Millis;
use crate::base::errors::Result;
use crate::base::ids::{AckId, ConnId, NamespaceId, SocketId};
use crate::broker::config::Config;
use crate::broker::message::{Message, Receipt, Target};
use crate::broker::metrics::Metrics;
use crate::broker::stats::Stats;
use crate::broker::{Core, NamespaceOptions, PatternOptions, Resource};
use crate::net::seat::Seat;
use crate::session::handshake::Handshake;
use std::borrow::Cow;

/// One of two iterators over the same things.
enum Either<A, B> {
    One(A),
    Other(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Either<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Either::One(one) => one.next(),
            Either::Other(other) => other.next(),
        }
    }
}

/// Where every change on the host's own loop passes: here the tick ends early when its output grows too large, and a foreign
/// loop learns that there will be something to send.
fn changing(seat: &mut Seat) -> &mut Core {
    seat.flush_if_due();
    if !seat.core.config().quiet_descriptor {
        seat.io.arm();
    }
    &mut seat.core
}

/// Passes a change on.
macro_rules! change {
    ($broker:ident, $call:ident($($arg:expr),*)) => {
        change!($broker, $call($($arg),*), $call)
    };
    ($broker:ident, $call:ident($($arg:expr),*), $told:ident) => {
        match &mut $broker.driver {
            Driver::Host(seat, _) => changing(seat).$call($($arg),*),
            Driver::Threads(fleet) => fleet.$told($($arg),*),
        }
    };
}

/// Passes a question on.
macro_rules! ask {
    ($broker:ident, $call:ident($($arg:expr),*)) => {
        match &$broker.driver {
            Driver::Host(seat, _) => seat.core.$call($($arg),*),
            Driver::Threads(fleet) => fleet.$call($($arg),*),
        }
    };
}

/// # Emits
impl Broker {
    /// Emits an event to everyone in `target`, who are those that are in it now.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let news = Message::new("news", r#"["it rains", {"since": 12}]"#);
    /// broker.emit(Target::all(ns), news)?;
    /// broker.emit(Target::rooms(ns, &["lobby", "music"]).except_rooms(&["muted"]), news.volatile())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is, [`Error::ReservedEvent`](crate::Error::ReservedEvent),
    /// [`Error::BadJson`](crate::Error::BadJson), [`Error::BadAttachments`](crate::Error::BadAttachments),
    /// [`Error::TooLarge`](crate::Error::TooLarge); then nobody gets it.
    pub fn emit(&mut self, target: Target<'_>, message: Message<'_>) -> Result<Receipt> {
        change!(self, emit(target, message))
    }

    /// Emits an event to one socket, in its own namespace.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, socket: SocketId) -> Result<()> {
    /// broker.send(socket, Message::new("welcome", r#"["Ann"]"#))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is, [`Error::WrongState`](crate::Error::WrongState) if the host has
    /// yet to accept it, and those of [`emit`](Self::emit).
    pub fn send(&mut self, socket: SocketId, message: Message<'_>) -> Result<Receipt> {
        change!(self, send(socket, message), send_to)
    }

    /// Emits an event and asks everyone who gets it for an acknowledgement, which come as
    /// [`Event::Ack`](crate::Event::Ack); if some never answer, [`Event::AckEnd`](crate::Event::AckEnd) ends it.
    ///
    /// `timeout` is in milliseconds; without one, an answer is awaited until its socket disconnects. 0 times out at
    /// once. Without recipients the result is `None`: there is nothing to wait for.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let question = Message::new("ready?", "[]");
    /// let (_, ack) = broker.emit_with_ack(Target::rooms(ns, &["match 7"]), question, Some(5_000))?;
    /// assert!(ack.is_none(), "nobody is in that room");
    /// // Otherwise: Event::Ack for each who answers, with this id, and Event::AckEnd if some do not.
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`emit`](Self::emit), and [`Error::TooMany`](crate::Error::TooMany) if a recipient owes
    /// `Limits::max_pending_acks` already; then nobody gets it.
    pub fn emit_with_ack(
        &mut self,
        target: Target<'_>,
        message: Message<'_>,
        timeout: Option<Millis>,
    ) -> Result<(Receipt, Option<AckId>)> {
        change!(self, emit_with_ack(target, message, timeout))
    }

    /// Acknowledges an event that came with an ack number. The number is good for one answer; a client ignores more.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::Message { socket, name: "say", ack: Some(ack), .. } = event {
    ///     broker.ack(socket, ack, r#"["ok"]"#, &[])?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is, [`Error::BadJson`](crate::Error::BadJson),
    /// [`Error::BadAttachments`](crate::Error::BadAttachments), [`Error::TooLarge`](crate::Error::TooLarge).
    pub fn ack(&mut self, socket: SocketId, ack: u64, args: &str, attachments: &[&[u8]]) -> Result<()> {
        change!(self, ack(socket, ack, args, attachments))
    }

    /// Sends a text message over a connection as it is. For [`Config::engine_only`].
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is, [`Error::WrongState`](crate::Error::WrongState) if the
    /// broker speaks Socket.IO.
    pub fn send_message(&mut self, conn: ConnId, text: &str) -> Result<()> {
        change!(self, send_message(conn, text))
    }

    /// Sends a binary message over a connection as it is. For [`Config::engine_only`].
    ///
    /// # Errors
    /// As [`send_message`](Self::send_message).
    pub fn send_binary(&mut self, conn: ConnId, bytes: &[u8]) -> Result<()> {
        change!(self, send_binary(conn, bytes))
    }
}

/// # Rooms
impl Broker {
    /// Puts a socket into a room. Returns whether it was not in it before.
    ///
    /// A socket that waits for the host's decision enters the room when it is accepted.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::Connect { socket, .. } = event {
    ///     broker.join(socket, "lobby")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone), [`Error::BadRoom`](crate::Error::BadRoom),
    /// [`Error::TooMany`](crate::Error::TooMany) past `Limits::max_rooms_per_socket` or
    /// [`Limits::max_room_bytes`](crate::Limits::max_room_bytes).
    pub fn join(&mut self, socket: SocketId, room: &str) -> Result<bool> {
        self.change_rooms(socket, &[], &[room]).map(|changed| changed > 0)
    }

    /// Takes a socket out of a room. Returns whether it was in it. Its own room cannot be left.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone).
    pub fn leave(&mut self, socket: SocketId, room: &str) -> Result<bool> {
        self.change_rooms(socket, &[room], &[]).map(|changed| changed > 0)
    }

    /// Takes a socket out of all rooms but its own.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone).
    pub fn leave_all(&mut self, socket: SocketId) -> Result<()> {
        change!(self, leave_all(socket))
    }

    /// Leaves and joins many rooms at once, as a player who moves does. A room in both lists is kept. Returns how many
    /// memberships changed; with loops of its own, 0.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, player: SocketId) -> Result<()> {
    /// broker.change_rooms(player, &["cell 4:7"], &["cell 5:7", "cell 5:8"])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone), [`Error::BadRoom`](crate::Error::BadRoom),
    /// [`Error::TooMany`](crate::Error::TooMany); then nothing has changed.
    pub fn change_rooms(&mut self, socket: SocketId, leave: &[&str], join: &[&str]) -> Result<usize> {
        change!(self, change_rooms(socket, leave, join))
    }

    /// The members of a room, in a stable order; for a socket's own room that socket.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let lobby: Vec<SocketId> = broker.members(ns, "lobby")?.collect();
    /// assert_eq!(lobby, []);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    pub fn members(
        &self,
        namespace: NamespaceId,
        room: &str,
    ) -> Result<impl Iterator<Item = SocketId> + use<'_>> {
        Ok(match &self.driver {
            Driver::Host(seat, _) => Either::One(seat.core.members(namespace, room)?),
            Driver::Threads(fleet) => Either::Other(fleet.members(namespace, room)?.into_iter()),
        })
    }

    /// Whether a socket is in a room; its own is one of them.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn is_member(&self, socket: SocketId, room: &str) -> Result<bool> {
        ask!(self, is_member(socket, room))
    }

    /// The rooms of a namespace, in a stable order; sockets' own rooms are not among them.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    pub fn rooms_in(&self, namespace: NamespaceId) -> Result<impl Iterator<Item = Cow<'_, str>>> {
        Ok(match &self.driver {
            Driver::Host(seat, _) => Either::One(seat.core.rooms_in(namespace)?.map(Cow::Borrowed)),
            Driver::Threads(fleet) => Either::Other(fleet.rooms_in(namespace)?.into_iter().map(Cow::Owned)),
        })
    }

    /// The rooms a socket is in: its own first, then the others in a stable order.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn rooms_of(&self, socket: SocketId) -> Result<impl Iterator<Item = Cow<'_, str>>> {
        Ok(match &self.driver {
            Driver::Host(seat, _) => Either::One(seat.core.rooms_of(socket)?.map(Cow::Borrowed)),
            Driver::Threads(fleet) => Either::Other(fleet.rooms_of(socket)?.into_iter().map(Cow::Owned)),
        })
    }
}

/// # Namespaces, and who gets in
impl Broker {
    /// Makes a namespace, or finds it: `of("abc")` and `of("/abc")` are the same.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let staff = broker.add_namespace("/staff", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })?;
    /// assert_eq!(broker.namespace_name(staff)?, "/staff");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadNamespace`](crate::Error::BadNamespace) for a name no packet can carry,
    /// [`Error::Exists`](crate::Error::Exists) if it is there and guarded otherwise (`/` takes whatever it is given first),
    /// [`Error::TooMany`](crate::Error::TooMany).
    pub fn add_namespace(&mut self, name: &str, options: NamespaceOptions) -> Result<NamespaceId> {
        change!(self, add_namespace(name, options))
    }

    /// Lets clients bring namespaces to life whose names fit `glob`, in which each `*` stands for any characters. Of
    /// several patterns that fit, the first one added counts.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let options = PatternOptions { remove_when_empty: true, ..PatternOptions::default() };
    /// broker.add_pattern("/match-*", options)?; // a client that connects to /match-7 makes it
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadNamespace`](crate::Error::BadNamespace) for a glob no name can fit.
    pub fn add_pattern(&mut self, glob: &str, options: PatternOptions) -> Result<()> {
        change!(self, add_pattern(glob, options))
    }

    /// The namespace of this name, if it is there.
    pub fn find_namespace(&self, name: &str) -> Option<NamespaceId> {
        match &self.driver {
            Driver::Host(seat, _) => seat.core.find_namespace(name),
            Driver::Threads(fleet) => fleet.find_namespace(name),
        }
    }

    /// A namespace's name, with its slash.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    pub fn namespace_name(&self, namespace: NamespaceId) -> Result<Cow<'_, str>> {
        match &self.driver {
            Driver::Host(seat, _) => seat.core.namespace_name(namespace).map(Cow::Borrowed),
            Driver::Threads(fleet) => fleet.namespace_name(namespace).map(Cow::Owned),
        }
    }

    /// All namespaces with their names, in a stable order.
    pub fn namespaces(&self) -> impl Iterator<Item = (NamespaceId, Cow<'_, str>)> {
        match &self.driver {
            Driver::Host(seat, _) => {
                Either::One(seat.core.namespaces().map(|(id, name)| (id, Cow::Borrowed(name))))
            }
            Driver::Threads(fleet) => {
                Either::Other(fleet.namespaces().into_iter().map(|(id, name)| (id, Cow::Owned(name))))
            }
        }
    }

    /// The sockets of a namespace, in a stable order.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    pub fn sockets_in(&self, namespace: NamespaceId) -> Result<impl Iterator<Item = SocketId> + use<'_>> {
        Ok(match &self.driver {
            Driver::Host(seat, _) => Either::One(seat.core.sockets_in(namespace)?),
            Driver::Threads(fleet) => Either::Other(fleet.sockets_in(namespace)?.into_iter()),
        })
    }

    /// Lets a socket in that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for. It is connected when
    /// this returns; no [`Event::Connect`](crate::Event::Connect) follows.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn example(broker: &mut Broker, event: Event<'_>) -> Result<()> {
    /// if let Event::ConnectRequest { socket, auth, .. } = event {
    ///     if auth.contains("let me in") {
    ///         broker.accept(socket)?;
    ///     } else {
    ///         broker.reject(socket, "Wrong token", Some(r#"{"hint": "ask somebody"}"#))?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the client left meanwhile, which [`Event::Disconnect`](crate::Event::Disconnect)
    /// tells as well, [`Error::WrongState`](crate::Error::WrongState) if the answer was given before.
    pub fn accept(&mut self, socket: SocketId) -> Result<()> {
        change!(self, accept(socket))
    }

    /// Turns a socket away that an [`Event::ConnectRequest`](crate::Event::ConnectRequest) asked for. The client gets
    /// `message`, and `data` if there is any: a JSON value. The handle is dead when this returns.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the client left meanwhile, [`Error::WrongState`](crate::Error::WrongState) if it
    /// was accepted before, [`Error::BadData`](crate::Error::BadData) if `data` is not JSON.
    pub fn reject(&mut self, socket: SocketId, message: &str, data: Option<&str>) -> Result<()> {
        change!(self, reject(socket, message, data))
    }

    /// Takes a socket out of its namespace. The client gets a disconnect packet; with `close`, its whole connection ends
    /// and with it its sockets in other namespaces. What was emitted to it before still goes out.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn disconnect(&mut self, socket: SocketId, close: bool) -> Result<()> {
        change!(self, disconnect(socket, close))
    }

    /// Lets a connection open that an [`Event::Handshake`](crate::Event::Handshake) asked for.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the client left meanwhile, [`Error::WrongState`](crate::Error::WrongState) if
    /// the answer was given before.
    pub fn allow(&mut self, conn: ConnId) -> Result<()> {
        change!(self, allow(conn))
    }

    /// Turns a connection away that an [`Event::Handshake`](crate::Event::Handshake) asked for: 403 with code 4 and
    /// `message`, or `Forbidden` if that is empty. The handle is dead when this returns.
    ///
    /// # Errors
    /// As [`allow`](Self::allow).
    pub fn refuse(&mut self, conn: ConnId, message: &str) -> Result<()> {
        change!(self, refuse(conn, message))
    }

    /// Closes a connection and all its sockets, after what is queued for it has gone out.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is.
    pub fn close_connection(&mut self, conn: ConnId) -> Result<()> {
        change!(self, close_connection(conn))
    }
}

/// # Clients
impl Broker {
    /// A socket's id as its client knows it; also the name of its own room.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn socket_sid(&self, socket: SocketId) -> Result<Cow<'_, str>> {
        match &self.driver {
            Driver::Host(seat, _) => seat.core.socket_sid(socket).map(Cow::Borrowed),
            Driver::Threads(fleet) => fleet.socket_sid(socket).map(Cow::Owned),
        }
    }

    /// Puts a number of the host's own on a socket, for example its player's place in an array: each later event of that socket
    /// carries it, its connect and its disconnect included. A socket that waits for the host's decision can have one already.
    /// It is 0 until then, and in events that were waiting already.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn set_tag(&mut self, socket: SocketId, tag: u64) -> Result<()> {
        change!(self, set_tag(socket, tag))
    }

    /// What [`set_tag`](Self::set_tag) has put on a socket.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn tag(&self, socket: SocketId) -> Result<u64> {
        ask!(self, tag(socket))
    }

    /// The connected socket with this id, in whichever namespace it is.
    pub fn find_socket(&self, id: &str) -> Option<SocketId> {
        ask!(self, find_socket(id))
    }

    /// The namespace a socket is in.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn namespace_of(&self, socket: SocketId) -> Result<NamespaceId> {
        ask!(self, namespace_of(socket))
    }

    /// The connection a socket lives on; a client has one socket on it for each namespace it joined.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn conn_of(&self, socket: SocketId) -> Result<ConnId> {
        ask!(self, conn_of(socket))
    }

    /// What the first request of a socket's client said.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn handshake(&self, socket: SocketId) -> Result<Handshake<'_>> {
        let conn = self.conn_of(socket)?;
        self.conn_handshake(conn)
    }

    /// What the first request of a connection said.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is.
    pub fn conn_handshake(&self, conn: ConnId) -> Result<Handshake<'_>> {
        ask!(self, conn_handshake(conn))
    }

    /// Whether a connection is carried by a WebSocket by now.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the connection is.
    pub fn is_websocket(&self, conn: ConnId) -> Result<bool> {
        ask!(self, is_websocket(conn))
    }

    /// Bytes queued for a socket's connection that the kernel, or a poll, has not taken. What was emitted since the last
    /// flush does not count. A message of class latest or drop-oldest counts for at least 32 bytes.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn queued_bytes(&self, socket: SocketId) -> Result<usize> {
        ask!(self, queued_bytes(socket))
    }
}

/// # The rest
impl Broker {
    /// Answers GET and HEAD for exactly this path. A second call replaces the first.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// broker.serve("/", Resource::new("text/html; charset=utf-8", "<!doctype html><title>Hello</title>"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadPath`](crate::Error::BadPath) if it does not begin with a slash or lies under the Socket.IO path,
    /// [`Error::BadConfig`](crate::Error::BadConfig) for a header that cannot be sent.
    pub fn serve(&mut self, path: &str, resource: Resource) -> Result<()> {
        change!(self, serve(path, resource))
    }

    /// Sends all clients away, `per_second` of them each second, and takes no new ones: handshakes are answered with
    /// 503 and `Retry-After`, and so is `Config::health_path`, so that a balancer looks elsewhere. When no connection is
    /// left, [`Event::Drained`](crate::Event::Drained) comes, once for each drain.
    ///
    /// A client's transport is closed, over WebSocket with code 1012 and `reason` (at most 123 bytes), after what is
    /// queued for it has gone out. Stock clients see `transport close` and connect anew by themselves, which they would
    /// not do after a [`disconnect`](Core::disconnect); the reason is in their event's details. The host gets a
    /// [`Disconnect`](crate::Event::Disconnect) with `server shutting down` for each socket.
    ///
    /// Called again before that it changes pace and reason; afterwards it is another drain.
    /// [`stop_draining`](Self::stop_draining) ends it.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// broker.drain(500, "the server restarts")?; // then poll until Event::Drained
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::BadValue`](crate::Error::BadValue) if `per_second` is 0, [`Error::TooLarge`](crate::Error::TooLarge) for a longer reason.
    pub fn drain(&mut self, per_second: u32, reason: &str) -> Result<()> {
        change!(self, drain(per_second, reason))
    }

    /// Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining.
    pub fn stop_draining(&mut self) {
        change!(self, stop_draining())
    }

    /// Whether [`drain`](Self::drain) was called, and clients are not taken in. How many are left is in
    /// [`Stats::connections`].
    pub fn is_draining(&self) -> bool {
        ask!(self, is_draining())
    }

    /// All figures at this moment. Copies its histograms: meant for a monitor that asks every few seconds.
    pub fn metrics(&self) -> Metrics {
        ask!(self, metrics())
    }

    /// What there is now, and totals. All of it is kept as it changes: asking costs the same however much there is, and
    /// with loops a question to each of them.
    pub fn stats(&self) -> Stats {
        match &self.driver {
            Driver::Host(seat, _) => seat.core.stats(),
            Driver::Threads(fleet) => fleet.stats(),
        }
    }

    /// The limits and choices the broker was made with.
    pub fn config(&self) -> &Config {
        match &self.driver {
            Driver::Host(seat, _) => seat.core.config(),
            Driver::Threads(fleet) => &fleet.config,
        }
    }
}

//! The broker's state and its life: links, connections and sockets come and go here. What they say is read elsewhere.

use super::acks::{AckNumbers, Owed, PendingAck};
use super::board::Place;
use super::config::Config;
use super::early::EarlyRooms;
use super::events::{Events, Kind};
use super::gate::Gate;
use super::log::Book;
use super::metrics::Histogram;
use super::namespaces::{Namespace, Pattern};
use super::put_off::PutOff;
use super::serve::{Mount, Resources};
use super::stats::{Counters, Stats, count};
use super::tags::Tags;
use super::visitors::{Proxies, Visitors};
use crate::base::Millis;
use crate::base::date::{HttpDate, LAST};
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, Key, NamespaceId, SocketId};
use crate::base::slots::Slots;
use crate::route::{Change, Frame, Member, Router, TickLog};
use crate::session::backlog::Total;
use crate::session::conn::{Conn, Life, Transport};
use crate::session::handshake::{Address, Handshake, Origin};
use crate::session::link::{Link, Role};
use crate::session::payload::PollingLog;
use crate::session::reason::Reason;
use crate::session::sid::{Home, Sid, SidSource};
use crate::session::timers::{Timer, Timers};
use crate::wire::ws::{self, Opcode};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A client's presence in one namespace.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) sid: Sid,
    pub(super) namespace: Key,
    pub(super) conn: Key,
    /// False while the host has yet to accept it.
    pub(super) connected: bool,
    /// Rooms the host joined it to before it accepted it.
    pub(super) early_rooms: EarlyRooms,
    /// Of the names of all its rooms, early or not.
    pub(super) room_bytes: usize,
    /// Acknowledgements the host waits for from it.
    pub(super) acks: Owed,
    /// The host's own, on each of its events.
    pub(super) tag: u64,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// What is queued goes out first, then the close. Between two polls the next one is waited for.
    Orderly,
    /// The same, but nothing is waited for.
    Final,
    /// At once: the transport is gone or not to be trusted.
    Abrupt,
}

/// The broker without I/O, to be driven by [`net`](crate::net) or by any other loop, through
/// [`Service`](super::service::Service).
///
/// Its calls take effect at once; the bytes leave with the next flush.
pub struct Core {
    pub(super) config: Config,
    pub(super) mount: Mount,
    pub(super) resources: Resources,
    pub(super) links: Vec<Link>,
    pub(super) open_links: usize,
    pub(super) conns: Slots<Conn>,
    pub(super) sockets: Slots<Socket>,
    pub(super) namespaces: Slots<Namespace>,
    pub(super) names: HashMap<Box<str>, Key>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) acks: Slots<PendingAck>,
    pub(super) ack_numbers: AckNumbers,
    pub(super) router: Router,
    pub(super) log: TickLog,
    pub(super) polling_log: PollingLog,
    /// What waits in the backlogs of all connections.
    pub(super) queued: Total,
    pub(super) tags: Tags,
    pub(super) timers: Timers,
    pub(super) sids: SidSource,
    /// Connections whose id the host made; the broker's own ids need no table.
    pub(super) custom_sids: HashMap<Box<str>, Key>,
    pub(super) events: Events,
    /// By connection slot: earlier output waits, so volatile messages are skipped.
    pub(super) congested: Vec<bool>,
    /// Connections to look at in the next flush although nothing was delivered to them.
    pub(super) ready: Vec<Key>,
    /// Links to look at in the next flush.
    pub(super) ready_links: Vec<u32>,
    pub(super) put_off: PutOff,
    /// Links to close in the next flush; true drops what the kernel has not sent.
    pub(super) doomed: Vec<(u32, bool)>,
    pub(super) counters: Counters,
    /// Lines for the host's log.
    pub(super) book: Arc<Book>,
    pub(super) gate: Gate,
    pub(super) visitors: Arc<Visitors>,
    pub(super) proxies: Proxies,
    pub(super) steps: Histogram,
    pub(super) flushes: Histogram,
    /// A flush had something to send, and its time is not known yet.
    pub(super) flushed: bool,
    pub(super) now: Millis,
    /// Wall clock at time zero, in milliseconds since 1970.
    pub(super) epoch: u64,
    pub(super) date: HttpDate,
    pub(super) shutting_down: bool,
    /// Where it says what it has, if there are other loops.
    pub(super) place: Option<Place>,
    /// Reused by whatever encodes a packet.
    pub(super) scratch: Vec<u8>,
    pub(super) ranges: Vec<Frame>,
    /// Reused by every emit: the members that its target names, and those that it excepts.
    pub(super) named: (Vec<Member>, Vec<Member>),
}

impl Core {
    /// A broker with its namespace `/`, which is open unless the host makes it guarded. `epoch` is the wall clock at the
    /// broker's time zero, in milliseconds since 1970; what is later than the year 9999 counts as its end.
    ///
    /// # Errors
    /// [`Error::BadConfig`] if a value cannot be worked with.
    pub fn new(config: Config, epoch: u64) -> Result<Self> {
        Self::at_home(config, epoch, Home::alone(), Arc::default())
    }

    /// The same for one of several loops, which count their connections together.
    pub(crate) fn at_home(
        mut config: Config,
        epoch: u64,
        home: Home,
        visitors: Arc<Visitors>,
    ) -> Result<Self> {
        config.check()?;
        let proxies = config.proxies()?;
        config.limits.settle();
        let mut core = Self {
            mount: Mount::new(&config.path, config.add_trailing_slash),
            config,
            resources: HashMap::new(),
            links: Vec::new(),
            open_links: 0,
            conns: Slots::default(),
            sockets: Slots::default(),
            namespaces: Slots::default(),
            names: HashMap::new(),
            patterns: Vec::new(),
            acks: Slots::default(),
            ack_numbers: AckNumbers::new(&home),
            router: Router::new(),
            log: TickLog::new(),
            polling_log: PollingLog::default(),
            queued: Total::default(),
            tags: Tags::default(),
            timers: Timers::default(),
            sids: SidSource::new(home),
            custom_sids: HashMap::new(),
            events: Events::new(),
            congested: Vec::new(),
            ready: Vec::new(),
            ready_links: Vec::new(),
            put_off: PutOff::default(),
            doomed: Vec::new(),
            counters: Counters::default(),
            book: Arc::default(),
            gate: Gate::default(),
            visitors,
            proxies,
            steps: Histogram::default(),
            flushes: Histogram::default(),
            flushed: false,
            now: 0,
            epoch: epoch.min(LAST),
            date: HttpDate::default(),
            shutting_down: false,
            place: None,
            scratch: Vec::new(),
            ranges: Vec::new(),
            named: Default::default(),
        };
        core.make_namespace("/", false, false)?;
        core.events.clear();
        Ok(core)
    }

    /// Hands over the events since the last call: `events` is emptied first and its buffers are used for the next ones.
    pub fn take_events(&mut self, events: &mut Events) {
        events.clear();
        std::mem::swap(events, &mut self.events);
    }

    /// Whether there are events to take.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// TCP connections that are open.
    pub(crate) fn link_count(&self) -> usize {
        self.open_links
    }

    /// What there is now, and totals. All of it is kept as it changes: asking costs the same however much there is.
    pub fn stats(&self) -> Stats {
        Stats {
            links: self.open_links,
            connections: self.conns.len(),
            sockets: self.router.total_members(),
            namespaces: self.namespaces.len(),
            rooms: self.router.total_rooms(),
            pending_acks: self.acks.len(),
            timers: self.timers.len(),
            queued_bytes: self.queued.bytes(),
            draining: self.is_draining(),
            counters: self.counters,
        }
    }

    /// A command from another thread could not be carried out.
    pub(crate) fn count_remote_failure(&mut self) {
        count(&mut self.counters.remote_failures, 1);
    }

    /// How many emits were counted; a loop that is not the first one an emit concerns does not count it again.
    pub(crate) fn emits(&mut self) -> &mut u64 {
        &mut self.counters.emits
    }

    /// Output of this tick has reached `Limits::max_tick_bytes`: time to flush.
    pub fn wants_flush(&self) -> bool {
        self.log.len().saturating_add(self.log.link_bytes()) >= self.config.limits.max_tick_bytes
    }

    /// Whether a flush has anything to do.
    pub fn has_output(&self) -> bool {
        !(self.log.is_empty()
            && self.ready.is_empty()
            && self.ready_links.is_empty()
            && self.put_off.is_empty()
            && self.doomed.is_empty())
    }

    /// The limits and choices the broker was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    // ---- look-ups ----

    pub(super) fn socket(&self, id: SocketId) -> Result<&Socket> {
        self.sockets.get(id.key()).ok_or(Error::Gone)
    }

    pub(super) fn namespace(&self, id: NamespaceId) -> Result<&Namespace> {
        self.namespaces.get(id.key()).ok_or(Error::Gone)
    }

    /// What the first request of a socket's client said.
    ///
    /// # Errors
    /// [`Error::Gone`] if the socket is.
    pub fn handshake(&self, socket: SocketId) -> Result<Handshake<'_>> {
        let conn = self.conns.get(self.socket(socket)?.conn).ok_or(Error::Gone)?;
        Ok(Handshake::new(Cow::Borrowed(&conn.origin), &self.config.limits))
    }

    /// What the first request of a connection said.
    ///
    /// # Errors
    /// [`Error::Gone`] if the connection is.
    pub fn conn_handshake(&self, conn: ConnId) -> Result<Handshake<'_>> {
        let conn = self.conns.get(conn.key()).ok_or(Error::Gone)?;
        Ok(Handshake::new(Cow::Borrowed(&conn.origin), &self.config.limits))
    }

    /// The connection a socket lives on; a client has one socket on it for each namespace it joined.
    ///
    /// # Errors
    /// [`Error::Gone`] if the socket is.
    pub fn conn_of(&self, socket: SocketId) -> Result<ConnId> {
        Ok(ConnId::new(self.socket(socket)?.conn))
    }

    /// Whether a connection is carried by a WebSocket by now.
    ///
    /// # Errors
    /// [`Error::Gone`] if the connection is.
    pub fn is_websocket(&self, conn: ConnId) -> Result<bool> {
        let conn = self.conns.get(conn.key()).ok_or(Error::Gone)?;
        Ok(matches!(conn.transport, Transport::WebSocket { .. }))
    }

    /// Bytes queued for a socket's connection that the kernel, or a poll, has not taken. What was emitted since the last
    /// flush does not count. A message of class latest or drop-oldest counts for at least 32 bytes.
    ///
    /// # Errors
    /// [`Error::Gone`] if the socket is.
    pub fn queued_bytes(&self, socket: SocketId) -> Result<usize> {
        let key = self.socket(socket)?.conn;
        Ok(self.conns.get(key).map_or(0, Conn::queued))
    }

    // ---- connections ----

    /// Finds a connection by the id a client names.
    pub(super) fn find_conn(&self, sid: &str) -> Option<Key> {
        let key = match self.sids.slot(sid).and_then(|slot| self.conns.key_at(slot)) {
            Some(key) => key,
            None => *self.custom_sids.get(sid)?,
        };
        match self.conns.get(key) {
            Some(conn) if &*conn.sid == sid && conn.life != Life::Deciding => Some(key),
            _ => self.custom_sids.get(sid).copied(),
        }
    }

    /// `address` is what it was admitted by.
    pub(super) fn add_conn(
        &mut self,
        origin: Origin,
        transport: Transport,
        address: Option<Address>,
    ) -> Result<Key> {
        let next = self.conns.next_key();
        let (sid, custom): (Box<str>, bool) = match &mut self.config.id_generator {
            Some(generate) => (generate().ok_or(Error::BadId)?.into(), true),
            None => (crate::session::sid::text(&self.sids.make(next.slot)?).into(), false),
        };
        if custom && (sid.is_empty() || self.custom_sids.contains_key(&sid)) {
            return Err(Error::BadId);
        }
        let key = self.conns.insert(Conn::new(
            sid.clone(),
            Box::new(origin),
            address,
            transport,
            self.queued.clone(),
        ));
        if custom {
            self.custom_sids.insert(sid, key);
        }
        self.set_congested(key, false);
        Ok(key)
    }

    /// Whether output of a connection waits for its kernel.
    pub(super) fn set_congested(&mut self, key: Key, congested: bool) {
        let at = key.slot as usize;
        if self.congested.len() <= at {
            self.congested.resize(at.saturating_add(1), false);
        }
        if let Some(place) = self.congested.get_mut(at) {
            *place = congested;
        }
    }

    /// The time in so many milliseconds.
    pub(super) fn after(&self, time: Millis) -> Millis {
        self.now.saturating_add(time)
    }

    /// Now, in milliseconds since 1970.
    pub(super) fn wall_clock(&self) -> Millis {
        self.epoch.saturating_add(self.now)
    }

    /// Ends a connection: its sockets first, then what carries it.
    pub(super) fn close_conn(&mut self, key: Key, reason: Reason, ending: Ending) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        match conn.life {
            Life::Deciding => return self.drop_conn(key, Ending::Abrupt),
            Life::Closing if ending == Ending::Abrupt => return self.drop_conn(key, ending),
            Life::Closing if conn.is_stranded() => return self.drop_conn(key, Ending::Final),
            Life::Closing => return,
            Life::Open => {}
        }
        conn.life = Life::Closing;
        conn.assembly = None;
        let probe = conn.probe.take();
        let sockets = std::mem::take(&mut conn.sockets);
        let timers = [Timer::Heartbeat, Timer::Connect, Timer::Upgrade, Timer::UpgradePoll, Timer::Assembly];
        for timer in timers {
            self.timers.cancel(timer(key.slot));
        }
        if let Some(probe) = probe {
            count(&mut self.counters.upgrades_failed, 1);
            self.end_websocket(probe.link);
        }
        for socket in sockets {
            self.remove_socket(socket, reason);
        }
        count(&mut self.counters.connections_closed, 1);
        if self.config.engine_only {
            self.log_closed(key, reason);
            self.events.push(Kind::Close(ConnId::new(key), reason));
        }
        if ending == Ending::Abrupt {
            return self.drop_conn(key, ending);
        }
        let Some(conn) = self.conns.get(key) else { return };
        match conn.transport {
            Transport::WebSocket { link } => {
                let payload = match self.link(link) {
                    Link::WebSocket(websocket) => std::mem::take(&mut websocket.close),
                    _ => Vec::new(),
                };
                self.send_frames(key, |out| ws::frame(out, Opcode::Close, &payload));
                self.timers.arm(Timer::Linger(key.slot), self.after(self.config.limits.close_timeout));
            }
            Transport::Polling { poll, post } => {
                if let Some(link) = post {
                    self.abandon_post(key, link);
                }
                // They may have shared a link.
                if poll.is_none() || poll == post {
                    if ending == Ending::Final {
                        return self.drop_conn(key, ending);
                    }
                    self.linger(key);
                }
            }
        }
        self.ready.push(key);
    }

    /// Keeps a closed polling connection for the poll by which its client learns of the end.
    pub(super) fn linger(&mut self, key: Key) {
        if let Some(conn) = self.conns.get_mut(key) {
            conn.lingers = true;
            self.timers.arm(Timer::Linger(key.slot), self.after(LINGER));
        }
    }

    /// Takes a connection out of the tables.
    pub(super) fn forget_conn(&mut self, key: Key) -> Option<Conn> {
        let conn = self.conns.remove(key)?;
        self.visitors.leave(conn.address);
        self.custom_sids.remove(&conn.sid);
        self.tell_if_drained();
        Some(conn)
    }

    /// Forgets a connection; its links end with what they have in hand.
    pub(super) fn drop_conn(&mut self, key: Key, ending: Ending) {
        let Some(conn) = self.forget_conn(key) else { return };
        self.end_idle_links();
        self.log.forget(key.slot);
        self.timers.cancel(Timer::Linger(key.slot));
        match conn.transport {
            Transport::WebSocket { link } => match ending {
                Ending::Orderly | Ending::Final => self.await_close(link),
                Ending::Abrupt => self.doom(link, true),
            },
            Transport::Polling { poll, post } => {
                for link in [poll, post].into_iter().flatten() {
                    self.doom(link, ending == Ending::Abrupt);
                }
            }
        }
    }

    /// Puts frames behind everything the connection is to get.
    pub(super) fn send_frames(&mut self, key: Key, write: impl FnOnce(&mut Vec<u8>)) {
        // Only a log of 2 GiB refuses, and `wants_flush` is true long before.
        if let Ok(frame) = self.log.append(write) {
            self.log.deliver(key.slot, frame);
        }
    }

    /// Sends an Engine.IO text packet.
    pub(super) fn send_text(&mut self, key: Key, packet: &str) {
        self.send_frames(key, |out| ws::frame(out, Opcode::Text, packet.as_bytes()));
    }

    // ---- sockets ----

    /// Takes a socket out of its rooms and its namespace and tells the host, also of one that it has not let in yet: with
    /// loops it cannot know whether its `accept` came in time.
    pub(super) fn remove_socket(&mut self, key: Key, reason: Reason) {
        let Some(socket) = self.sockets.get(key) else { return };
        self.log_disconnected(key, reason);
        let kind = Kind::Disconnect(SocketId::new(key), NamespaceId::new(socket.namespace), reason);
        self.events.push(kind).tag(socket.tag);
        if socket.connected {
            let own = crate::session::sid::text(&socket.sid);
            for room in self.router.rooms_of(key.slot).filter(|&room| room != own) {
                self.events.text(&[room]);
            }
        } else {
            for room in socket.early_rooms.in_order() {
                self.events.text(&[room]);
            }
        }
        self.forget_socket(key);
    }

    /// The same without a word to the host, which has turned the socket away itself.
    pub(super) fn forget_socket(&mut self, key: Key) {
        let Some(socket) = self.sockets.remove(key) else { return };
        if let Some(conn) = self.conns.get_mut(socket.conn) {
            conn.sockets.retain(|&other| other != key);
            if let Some(home) = self.namespaces.get(socket.namespace).filter(|_| socket.connected) {
                conn.left.retain(|name| *name != home.name);
                if conn.left.len() == self.config.limits.max_namespaces_per_connection as usize {
                    conn.left.remove(0);
                }
                conn.left.push(home.name.clone());
            }
        }
        if socket.connected {
            self.leave_router(key, socket.tag, NamespaceId::new(socket.namespace));
            self.abandon_acks(key.slot, socket.acks);
        }
        if let Some(namespace) = self.namespaces.get_mut(socket.namespace) {
            namespace.leave();
        }
        self.collect_namespace(socket.namespace);
    }

    fn leave_router(&mut self, key: Key, tag: u64, namespace: NamespaceId) {
        let Self { router, events, sockets, config, .. } = self;
        let report = config.room_events;
        router.remove(key.slot, |change| {
            if report {
                push_change(events, sockets, Some((key, tag)), namespace, change);
            }
        });
    }

    // ---- links ----

    #[expect(clippy::indexing_slicing, reason = "there are as many as that when one is taken")]
    pub(super) fn link(&mut self, link: u32) -> &mut Link {
        let at = link as usize;
        if self.links.len() <= at {
            self.links.resize_with(at.saturating_add(1), Link::default);
        }
        &mut self.links[at]
    }

    #[expect(clippy::arithmetic_side_effects, reason = "it was counted as it opened")]
    pub(super) fn link_is_gone(&mut self) {
        self.open_links -= 1;
    }

    /// Closes a link with the next flush. Its state goes at once.
    pub(super) fn doom(&mut self, link: u32, abort: bool) {
        let state = std::mem::take(self.link(link));
        if matches!(state, Link::Free) {
            return;
        }
        self.timers.cancel(Timer::Link(link));
        self.link_is_gone();
        self.doomed.push((link, abort));
        // It may have carried more than what it is closed for.
        if let Link::Http(http) = state {
            self.http_lost(link, *http);
        }
    }

    /// A WebSocket whose connection is done: the peer's close frame is awaited for a while.
    fn await_close(&mut self, link: u32) {
        if let Link::WebSocket(websocket) = self.link(link) {
            if websocket.peer_closed && websocket.output.is_empty() {
                return self.doom(link, false);
            }
            websocket.role = Role::Closing;
            let at = self.after(self.config.limits.close_timeout);
            self.timers.arm(Timer::Link(link), at);
        }
    }

    /// Ends a WebSocket that does not carry a connection, or no longer can: a close frame of its own, then the end.
    pub(super) fn end_websocket(&mut self, link: u32) {
        if let Link::WebSocket(websocket) = self.link(link) {
            ws::frame(&mut websocket.output, Opcode::Close, &websocket.close);
            self.await_close(link);
            self.ready_links.push(link);
        }
    }
}

/// How long a connection closed between two polls is kept for the next one. The reference's `closeTimeout`.
const LINGER: Millis = 30_000;

/// Tells the host of a change in a room.
pub(super) fn push_change(
    events: &mut Events,
    sockets: &Slots<Socket>,
    leaver: Option<(Key, u64)>,
    namespace: NamespaceId,
    change: Change<'_>,
) {
    use super::events::RoomChange;
    let find = |member| match sockets.key_at(member) {
        Some(key) => Some((SocketId::new(key), sockets.get(key).map_or(0, |socket| socket.tag))),
        None => leaver.filter(|(key, _)| key.slot == member).map(|(key, tag)| (SocketId::new(key), tag)),
    };
    let (change, room, tag) = match change {
        Change::RoomCreated(room) => (RoomChange::Created, room, 0),
        Change::RoomDeleted(room) => (RoomChange::Deleted, room, 0),
        Change::Joined(member, room) => match find(member) {
            Some((socket, tag)) => (RoomChange::Joined(socket), room, tag),
            None => return,
        },
        Change::Left(member, room) => match find(member) {
            Some((socket, tag)) => (RoomChange::Left(socket), room, tag),
            None => return,
        },
    };
    events.push(Kind::Room(change, namespace)).tag(tag).text(&[room]);
}

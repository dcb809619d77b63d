//! Floor 3: an Engine.IO server without I/O. Bytes of links and the time go in; messages of sessions go up, and bytes for the
//! links come out. It must not know of namespaces, nor open a socket, read a clock or start a thread.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub(crate) mod admission;
pub(crate) mod bus;
pub(crate) mod conn;
pub(crate) mod decisions;
mod drive;
mod eio3;
mod endpoint;
mod ends;
mod flush;
mod halves;
mod http;
mod input;
mod lines;
mod link;
mod moves;
mod origins;
pub(crate) mod packed;
mod parcel;
mod paths;
mod put_off;
pub(crate) mod quotas;
pub(crate) mod service;
mod session;
mod unread;
mod watched;
mod websocket;

use crate::base::Millis;
use crate::base::date::{HttpDate, LAST};
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, Key};
use crate::base::sid::{self, IdSpace, SidSource};
use crate::base::slots::Slots;
use crate::base::timers::Timers;
use crate::host::config::Config;
use crate::host::events::{Events, Kind};
use crate::host::handshake::{Handshake, Origin};
use crate::host::log::Log;
use crate::host::metrics::Histogram;
use crate::host::peer::{Address, Peer};
use crate::host::proxies::Proxies;
use crate::host::reason::{Endings, Reason};
use crate::host::sights::Watch;
use crate::host::stats::Counters;
use crate::out::backlog::Class;
use crate::out::{Compression, Frame, Outbox, Run};
use crate::wire::deflate::Inflater;
use crate::wire::engineio::Version;
use crate::wire::http::Request;
use crate::wire::socketio::Parser;
use crate::wire::ws::Opcode;
use admission::Admission;
use conn::{Conn, State, Timer, Transport};
use halves::Batches;
use link::Link;
use packed::Packer;
use paths::Path;
use put_off::PutOff;
use quotas::Quotas;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

pub(crate) use ends::Ending;

/// What sits on an Engine.IO server: Socket.IO's hub, or a host that wants messages as they are.
///
/// It may call the engine in each of these; what it is told of next comes after that.
pub(crate) trait Upper {
    /// A session has opened.
    fn opened(&mut self, engine: &mut Engine, conn: Key);

    /// An open session brought a text message.
    fn text(&mut self, engine: &mut Engine, conn: Key, text: &str);

    /// An open session brought a binary message.
    fn binary(&mut self, engine: &mut Engine, conn: Key, bytes: &[u8]);

    /// A session is over, whoever has ended it. Nothing comes from it any more, and what is sent to it goes nowhere.
    fn closed(&mut self, engine: &mut Engine, end: End);

    /// A session is carried by a WebSocket from now on. Told only while [`Engine::is_watched`].
    fn upgraded(&mut self, _: &mut Engine, _: Key) {}

    /// Whether a request for this path, which is not the engine's, gets more than a 404.
    fn answers(&self, engine: &Engine, path: &str) -> bool;

    /// A request for a path that is not the engine's: [`Engine::respond`] answers it.
    fn request(&mut self, engine: &mut Engine, link: u32, request: &Request<'_>);
}

/// How a session came to its end.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) conn: Key,
    pub(crate) peer: Peer,
    pub(crate) reason: Reason,
}

/// What is above the engine has yet to be told this.
#[derive(Clone, Debug)]
enum Notice {
    Opened(Key),
    Closed(End),
    /// It is carried by a WebSocket now; told while somebody looks.
    Upgraded(Key),
    /// So many drains have come to their end.
    Drained(u64),
}

/// An Engine.IO server: its links, its sessions, and what they have coming.
pub(crate) struct Engine {
    pub(crate) config: Config,
    pub(crate) counters: Counters,
    pub(crate) endings: Endings,
    /// For the host.
    pub(crate) events: Events,
    /// What is told beside the host, if anything is.
    pub(crate) watch: Option<Watch>,
    /// How many of these the host has had, and has handled.
    batches: Batches,
    pub(crate) outbox: Outbox,
    /// Links that have sent what was left unread, in their order. Some may be gone.
    unread: VecDeque<u32>,
    /// Links that the next flush gives to the host, each with an event.
    handing_back: usize,
    /// Reads compressed messages. None until one comes.
    inflater: Option<Box<Inflater>>,
    packer: Packer,
    /// Reused by whatever encodes a packet.
    pub(crate) scratch: Vec<u8>,
    /// Lines for the host's log.
    pub(crate) log: Box<dyn Log>,
    pub(crate) now: Millis,
    /// Wall clock at time zero, in milliseconds since 1970.
    epoch: u64,
    date: HttpDate,
    path: Path,
    links: Vec<Link>,
    open_links: usize,
    conns: Slots<Conn>,
    sids: SidSource,
    /// Connections whose id the host made, or another loop from which they came; the engine's own ids need no table.
    other_sids: HashMap<Box<str>, Key>,
    /// Connections that go to another loop with the next flush.
    leaving: Vec<Key>,
    /// The loops of those that have gone, or are about to, until they end.
    gone: HashMap<Box<str>, usize>,
    /// Those that came from another loop and have ended, which that loop has yet to hear.
    ended: Vec<(usize, Box<str>)>,
    timers: Timers<Timer>,
    notices: VecDeque<Notice>,
    /// Connections to look at in the next flush although nothing was delivered to them.
    ready: Vec<Key>,
    /// Links to look at in the next flush.
    ready_links: Vec<u32>,
    /// HTTP links whose answers have all left in this flush: their next requests may be read.
    answered: Vec<u32>,
    put_off: PutOff,
    /// Links to close in the next flush; true drops what the kernel has not sent.
    doomed: Vec<(u32, bool)>,
    /// Reused by every flush.
    ranges: Vec<Frame>,
    admission: Admission,
    quotas: Box<dyn Quotas>,
    proxies: Proxies,
    steps: Histogram,
    flushes: Histogram,
    /// A flush had something to send, and its time is not known yet.
    flushed: bool,
    shutting_down: bool,
}

impl Engine {
    /// `space` is what it makes its ids of. Connections are counted in `quotas`, and lines go to `log`.
    pub(crate) fn new(
        mut config: Config,
        epoch: u64,
        space: IdSpace,
        quotas: Box<dyn Quotas>,
        log: Box<dyn Log>,
    ) -> Result<Self> {
        config.check()?;
        let proxies = config.proxies()?;
        config.limits.settle();
        let compression = Compression {
            level: config.compression_level,
            threshold: config.compression_threshold,
            binary: config.compress_binary,
        };
        Ok(Self {
            path: Path::new(&config.path, config.add_trailing_slash),
            packer: Packer::new(config.compression_level),
            config,
            counters: Counters::default(),
            endings: Endings::default(),
            events: Events::new(),
            watch: None,
            batches: Batches::default(),
            outbox: Outbox::new(compression),
            unread: VecDeque::new(),
            handing_back: 0,
            inflater: None,
            scratch: Vec::new(),
            log,
            now: 0,
            epoch: epoch.min(LAST),
            date: HttpDate::default(),
            links: Vec::new(),
            open_links: 0,
            conns: Slots::default(),
            sids: SidSource::new(space),
            other_sids: HashMap::new(),
            leaving: Vec::new(),
            gone: HashMap::new(),
            ended: Vec::new(),
            timers: Timers::default(),
            notices: VecDeque::new(),
            ready: Vec::new(),
            ready_links: Vec::new(),
            answered: Vec::new(),
            put_off: PutOff::default(),
            doomed: Vec::new(),
            ranges: Vec::new(),
            admission: Admission::default(),
            quotas,
            proxies,
            steps: Histogram::default(),
            flushes: Histogram::default(),
            flushed: false,
            shutting_down: false,
        })
    }

    /// Tells what is above what it has not heard yet. Whoever calls the engine calls this afterwards.
    #[inline]
    pub(crate) fn tell(&mut self, upper: &mut impl Upper) {
        if !self.notices.is_empty() {
            self.tell_all(upper);
        }
    }

    #[cold]
    fn tell_all(&mut self, upper: &mut impl Upper) {
        while let Some(notice) = self.notices.pop_front() {
            match notice {
                Notice::Opened(conn) => upper.opened(self, conn),
                Notice::Closed(end) => upper.closed(self, end),
                Notice::Upgraded(conn) => upper.upgraded(self, conn),
                Notice::Drained(number) => drop(self.events.push(Kind::Drained(number))),
            }
        }
    }

    // ---- what there is ----

    pub(crate) fn open_links(&self) -> usize {
        self.open_links
    }

    /// Those being closed included.
    pub(crate) fn connections(&self) -> usize {
        self.conns.len()
    }

    pub(crate) fn armed_timers(&self) -> usize {
        self.timers.len()
    }

    /// Turns of the loop and flushes, by how long they took.
    pub(crate) fn times(&self) -> (&Histogram, &Histogram) {
        (&self.steps, &self.flushes)
    }

    /// Output of this tick has reached `Limits::max_tick_bytes`: time to flush.
    pub(crate) fn wants_flush(&self) -> bool {
        self.outbox.tick_bytes() >= self.config.limits.max_tick_bytes
    }

    /// Whether a flush has anything to do.
    pub(crate) fn has_output(&self) -> bool {
        !(self.outbox.log.is_empty()
            && self.ready.is_empty()
            && self.ready_links.is_empty()
            && self.put_off.is_empty()
            && self.leaving.is_empty()
            && !self.has_unread()
            && self.ended.is_empty()
            && self.doomed.is_empty())
    }

    /// The time in so many milliseconds.
    pub(crate) fn after(&self, time: Millis) -> Millis {
        self.now.saturating_add(time)
    }

    /// Now, in milliseconds since 1970.
    pub(crate) fn wall_clock(&self) -> Millis {
        self.epoch.saturating_add(self.now)
    }

    // ---- sessions ----

    /// What the first request of a connection said.
    pub(crate) fn conn_handshake(&self, conn: ConnId) -> Result<Handshake<'_>> {
        let conn = self.conns.get(conn.key()).ok_or(Error::Gone)?;
        Ok(Handshake::new(Cow::Borrowed(&conn.origin), &self.config.limits))
    }

    /// The version of Engine.IO that a connection speaks.
    pub(crate) fn version(&self, conn: Key) -> Version {
        self.conns.get(conn).map_or(Version::V4, |conn| conn.version)
    }

    /// A connection's own id.
    pub(crate) fn sid(&self, conn: Key) -> Option<&str> {
        self.conns.get(conn).map(|conn| &*conn.sid)
    }

    /// Whether a connection is carried by a WebSocket by now.
    pub(crate) fn is_websocket(&self, conn: ConnId) -> Result<bool> {
        let conn = self.conns.get(conn.key()).ok_or(Error::Gone)?;
        Ok(matches!(conn.transport, Transport::WebSocket { .. }))
    }

    /// Whether what is above a connection goes to it as the msgpack parser has it.
    pub(crate) fn is_msgpack(&self, conn: ConnId) -> Result<bool> {
        let conn = self.conns.get(conn.key()).ok_or(Error::Gone)?;
        Ok(conn.parser == Parser::Msgpack)
    }

    /// From this tick on a connection gets what is above it says as this parser has it.
    pub(crate) fn set_parser(&mut self, conn: Key, parser: Parser) {
        if let Some(conn) = self.conns.get_mut(conn) {
            conn.parser = parser;
        }
    }

    /// Whether a session is carried by polling, and no poll waits to be told anything.
    pub(crate) fn is_between_polls(&self, conn: Key) -> bool {
        self.conns
            .get(conn)
            .is_some_and(|conn| matches!(conn.transport, Transport::Polling { poll: None, .. }))
    }

    /// This connection's polls take any number of packets: `max_poll_packets` is for clients that do not.
    pub(crate) fn lift_poll_limit(&mut self, conn: Key) {
        if let Some(conn) = self.conns.get_mut(conn) {
            conn.takes_all = true;
        }
    }

    /// Bytes that wait for a connection's kernel, or its poll.
    pub(crate) fn queued_bytes(&self, conn: Key) -> usize {
        self.outbox.queued(conn.slot)
    }

    /// The connection in a slot now.
    pub(crate) fn conn_at(&self, slot: u32) -> Option<Key> {
        self.conns.key_at(slot)
    }

    /// Whether a connection was opened before another one, on whichever loop each was.
    pub(crate) fn is_older(&self, conn: Key, other: Key) -> bool {
        let number = |key| self.conns.get(key).map(|conn| conn.number);
        number(conn).zip(number(other)).is_some_and(|(number, other)| number < other)
    }

    /// Where a connection comes from.
    pub(crate) fn peer(&self, conn: Key) -> Option<&Peer> {
        self.conns.get(conn).map(|conn| &conn.origin.peer)
    }

    /// Sends a text message over a connection as it is.
    pub(crate) fn send_message(&mut self, conn: ConnId, text: &str) -> Result<()> {
        let key = self.engine_conn(conn)?;
        self.scratch.clear();
        self.scratch.push(b'4');
        self.scratch.extend_from_slice(text.as_bytes());
        self.send_scratch(key);
        Ok(())
    }

    /// Sends a binary message over a connection as it is.
    pub(crate) fn send_binary(&mut self, conn: ConnId, bytes: &[u8]) -> Result<()> {
        let key = self.engine_conn(conn)?;
        self.outbox.send(key.slot, |out| out.frame(Opcode::Binary, bytes));
        Ok(())
    }

    /// A connection that the host may speak to itself.
    fn engine_conn(&self, conn: ConnId) -> Result<Key> {
        if !self.config.engine_only {
            return Err(Error::WrongState);
        }
        match self.conns.get(conn.key()) {
            Some(state) if state.is_open() => Ok(conn.key()),
            _ => Err(Error::Gone),
        }
    }

    /// Sends the packet in `scratch` to one connection.
    pub(crate) fn send_scratch(&mut self, conn: Key) {
        let Self { outbox, scratch, .. } = self;
        outbox.send(conn.slot, |out| out.frame(Opcode::Text, scratch));
    }

    /// Writes the packet in `scratch` and its attachments, for whoever is to get them; `plain`, if they are not to be compressed.
    pub(crate) fn append(&mut self, attachments: &[&[u8]], plain: bool) -> Result<Frame> {
        let Self { outbox, scratch, .. } = self;
        let frame = outbox.append(|out| {
            out.plain = plain;
            out.frame(Opcode::Text, scratch);
            for attachment in attachments {
                out.attachment(attachment);
            }
        });
        if frame.is_err() {
            // No flush may follow that would give it back.
            self.scratch = Vec::new();
        }
        frame
    }

    /// Sends packets that were written before; of a class by which they may go, they are one message.
    pub(crate) fn send_run(&mut self, conn: Key, packets: Run<'_>, class: Class) {
        // As with all that is sent, only a log of 2 GiB refuses.
        let Ok(frame) = self.outbox.append(|out| out.run(packets)) else { return };
        self.outbox.log.deliver(conn.slot, frame);
        if class != Class::Keep {
            self.outbox.tag(frame, class);
        }
    }

    /// Sends an Engine.IO text packet.
    fn send_text(&mut self, conn: Key, packet: &str) {
        self.outbox.send(conn.slot, |out| out.frame(Opcode::Text, packet.as_bytes()));
    }

    /// Finds a connection by the id a client names.
    fn find_conn(&self, sid: &str) -> Option<Key> {
        let key = match self.sids.slot(sid).and_then(|slot| self.conns.key_at(slot)) {
            Some(key) => key,
            None => *self.other_sids.get(sid)?,
        };
        match self.conns.get(key) {
            Some(conn) if &*conn.sid == sid && conn.state != State::Deciding => Some(key),
            _ => self.other_sids.get(sid).copied(),
        }
    }

    /// `address` is what it was admitted by, and `number` what it was given then.
    fn add_conn(
        &mut self,
        origin: Origin,
        transport: Transport,
        address: Option<Address>,
        number: u64,
    ) -> Result<Key> {
        let next = self.conns.next_key();
        let (sid, custom): (Box<str>, bool) = match &mut self.config.id_generator {
            Some(generate) => (generate().ok_or(Error::BadId)?.into(), true),
            None => (sid::text(&self.sids.make(next.slot)?).into(), false),
        };
        if custom && (sid.is_empty() || self.other_sids.contains_key(&sid)) {
            return Err(Error::BadId);
        }
        let key = self.conns.insert(Conn::new(sid.clone(), Box::new(origin), address, number, transport));
        if custom {
            self.other_sids.insert(sid, key);
        }
        Ok(key)
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many as that when one is taken")]
    fn link(&mut self, link: u32) -> &mut Link {
        let at = link as usize;
        if self.links.len() <= at {
            self.links.resize_with(at.saturating_add(1), Link::default);
        }
        &mut self.links[at]
    }
}

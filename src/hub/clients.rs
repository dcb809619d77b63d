//! What the hub knows of each session: its sockets, and what it has said by half. It must not outlive the session.

use super::{Hub, Timer};
use crate::base::Millis;
use crate::base::ids::Key;
use crate::engine::{End, Ending, Engine};
use crate::host::reason::Reason;
use crate::host::stats::count;

/// A binary event whose attachments have not all come.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(crate) packet: String,
    pub(crate) missing: u32,
    /// Bytes of the packet and of the attachments so far.
    pub(crate) size: usize,
    /// Those that have come, in order. Each takes what it needs and no more.
    pub(crate) attachments: Vec<Box<[u8]>>,
}

/// What a binary message of a client is.
#[derive(Debug, Default)]
pub(super) enum Binary {
    /// Nothing that is due.
    #[default]
    Unexpected,
    /// An attachment of the event before it.
    Attachment(Box<Assembly>),
    /// A packet: its client has the msgpack parser.
    Packet,
}

/// What may be done so often in a minute.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// When the minute began.
    since: Millis,
    used: u32,
}

impl Share {
    /// Whether it may be done once more; 0 sets no bound.
    pub(crate) fn take(&mut self, most: u32, now: Millis) -> bool {
        if self.used == 0 || now.saturating_sub(self.since) >= 60_000 {
            (self.since, self.used) = (now, 0);
        }
        self.used = self.used.saturating_add(1);
        most == 0 || self.used <= most
    }
}

/// One session as the hub sees it.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// The sockets on it, joined or waiting for the host's decision, in the order they came.
    pub(super) sockets: Vec<Key>,
    /// Namespaces it was in and left: what its client had sent there before it knew is no offence.
    pub(super) left: Vec<Box<str>>,
    /// How many namespaces it has brought to life of late.
    pub(super) namespaces_made: Share,
    pub(super) binary: Binary,
    /// Bytes of what it was told again, in all its namespaces.
    pub(super) replayed: usize,
    /// The namespaces where it asks for a session that another node may have.
    pub(super) abroad: Vec<Key>,
    /// By what it asked for those of its sockets that wait, as long as it may yet go to another loop.
    pub(super) asks: Vec<(Key, Box<str>)>,
}

impl Client {
    /// It has been in no namespace yet, nor asked for one that it may be let into.
    pub(super) fn is_new(&self) -> bool {
        self.only_asks() && self.asks.is_empty()
    }

    /// It has had no socket but such as wait to be let in, and can ask for these again.
    pub(super) fn only_asks(&self) -> bool {
        self.sockets.len() == self.asks.len() && self.left.is_empty() && self.abroad.is_empty()
    }
}

/// All sessions that are open, by the slot of their connection.
#[derive(Debug, Default)]
pub(super) struct Clients(Vec<Option<Client>>);

impl Clients {
    pub(super) fn get(&self, conn: Key) -> Option<&Client> {
        self.0.get(conn.slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, conn: Key) -> Option<&mut Client> {
        self.0.get_mut(conn.slot as usize)?.as_mut()
    }

    fn open(&mut self, conn: Key) {
        let at = conn.slot as usize;
        if self.0.len() <= at {
            self.0.resize_with(at.saturating_add(1), || None);
        }
        if let Some(place) = self.0.get_mut(at) {
            *place = Some(Client::default());
        }
    }

    fn close(&mut self, conn: Key) -> Option<Client> {
        self.0.get_mut(conn.slot as usize)?.take()
    }
}

impl Hub {
    /// A session has opened: it has so long to join a namespace.
    pub(crate) fn opened(&mut self, engine: &mut Engine, conn: Key) {
        self.clients.open(conn);
        self.timers.arm(Timer::Connect(conn.slot), engine.after(engine.config.connect_timeout));
        self.connect_unasked(engine, conn);
    }

    /// A session is over, and so are its sockets.
    pub(crate) fn closed(&mut self, engine: &mut Engine, end: End) {
        let Some(client) = self.clients.close(end.conn) else { return };
        self.timers.cancel(Timer::Connect(end.conn.slot));
        self.timers.cancel(Timer::Assembly(end.conn.slot));
        for socket in client.sockets {
            self.remove_socket(engine, socket, end.reason, Some(&end.peer));
        }
    }

    /// A session that is open has gone to another loop.
    pub(super) fn forget_client(&mut self, conn: Key) {
        self.clients.close(conn);
        self.timers.cancel(Timer::Connect(conn.slot));
        self.timers.cancel(Timer::Assembly(conn.slot));
    }

    pub(super) fn connect_timed_out(&mut self, engine: &mut Engine, slot: u32) {
        if let Some(conn) = engine.conn_at(slot) {
            count(&mut engine.counters.connect_timeouts, 1);
            engine.close_conn(conn, Reason::ForcedServerClose, Ending::Orderly);
        }
    }

    pub(super) fn assembly_timed_out(&mut self, engine: &mut Engine, slot: u32) {
        if let Some(conn) = engine.conn_at(slot) {
            self.malformed(engine, conn);
        }
    }
}

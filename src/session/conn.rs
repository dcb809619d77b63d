//! One client's Engine.IO session: which transport carries it, what it waits for, which sockets live on it. It must not
//! know the link's bytes nor the router.

use super::backlog::{Backlog, Total};
use super::handshake::{Address, Origin};
use crate::base::Millis;
use crate::base::ids::Key;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The host has yet to allow the handshake.
    Deciding,
    Open,
    /// Its sockets are gone; what is queued goes out, then the close.
    Closing,
}

/// What carries the connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// The links of the open poll and of the POST that is being read.
    Polling {
        poll: Option<u32>,
        post: Option<u32>,
    },
    WebSocket {
        link: u32,
    },
}

/// A WebSocket that opened beside a polling connection to replace it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) link: u32,
    /// `2probe` came and `3probe` went back: polls are being answered with a noop.
    pub(crate) answered: bool,
    /// It takes no binary frames.
    pub(crate) base64: bool,
}

/// A binary event whose attachments have not all come.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) packet: String,
    pub(crate) missing: u32,
    /// Bytes of the packet and of the attachments so far.
    pub(crate) size: usize,
    /// Those that have come, in order. Each takes what it needs and no more.
    pub(crate) attachments: Vec<Box<[u8]>>,
}

/// What may be done so often in a minute.
#[derive(Debug, Default)]
pub(crate) struct Share {
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

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) sid: Box<str>,
    pub(crate) life: Life,
    pub(crate) transport: Transport,
    /// A connection upgrades once.
    pub(crate) upgraded: bool,
    /// Its WebSocket takes no binary frames (`b64=1`). What waits in the backlog has that form already.
    pub(crate) base64: bool,
    /// It was closed between two polls: the next poll is told.
    pub(crate) lingers: bool,
    pub(crate) probe: Option<Probe>,
    pub(crate) origin: Box<Origin>,
    /// What it is counted by, if addresses are.
    pub(crate) address: Option<Address>,
    /// The sockets on this connection, joined or waiting for the host's decision, in the order they came.
    pub(crate) sockets: Vec<Key>,
    /// Namespaces it was in and left: what its client had sent there before it knew is no offence.
    pub(crate) left: Vec<Box<str>>,
    /// How many namespaces it has brought to life of late.
    pub(crate) namespaces_made: Share,
    pub(crate) awaiting_pong: bool,
    /// The wait for the pong was extended once, as traffic came in meanwhile.
    pub(crate) extended: bool,
    pub(crate) assembly: Option<Box<Assembly>>,
    pub(crate) backlog: Option<Box<Backlog>>,
    /// What a backlog is counted in.
    queued: Total,
}

impl Conn {
    pub(crate) fn new(
        sid: Box<str>,
        origin: Box<Origin>,
        address: Option<Address>,
        transport: Transport,
        queued: Total,
    ) -> Self {
        Self {
            sid,
            life: Life::Open,
            transport,
            upgraded: false,
            base64: false,
            lingers: false,
            probe: None,
            origin,
            address,
            sockets: Vec::new(),
            left: Vec::new(),
            namespaces_made: Share::default(),
            awaiting_pong: false,
            extended: false,
            assembly: None,
            backlog: None,
            queued,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.life == Life::Open
    }

    /// Over polling, closed, and without the poll that was to say so, nor a time to wait for another.
    pub(crate) fn is_stranded(&self) -> bool {
        matches!(self.transport, Transport::Polling { poll: None, .. }) && !self.lingers
    }

    /// The link of the poll that waits.
    pub(crate) fn poll(&self) -> Option<u32> {
        match self.transport {
            Transport::Polling { poll, .. } => poll,
            Transport::WebSocket { .. } => None,
        }
    }

    /// The link of the POST that is being read.
    pub(crate) fn post(&self) -> Option<u32> {
        match self.transport {
            Transport::Polling { post, .. } => post,
            Transport::WebSocket { .. } => None,
        }
    }

    /// A POST over this link is done with.
    pub(crate) fn release_post(&mut self, link: u32) {
        if let Transport::Polling { post, .. } = &mut self.transport {
            post.take_if(|other| *other == link);
        }
    }

    pub(crate) fn backlog(&mut self) -> &mut Backlog {
        self.backlog.get_or_insert_with(|| Box::new(Backlog::new(self.queued.clone())))
    }

    /// Whether what waits has not been offered to the kernel: the broker has put it off.
    pub(crate) fn is_put_off(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.is_put_off())
    }

    /// Bytes the kernel has not taken, or that wait for a poll.
    pub(crate) fn queued(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.len())
    }
}

//! One client's Engine.IO session: which transport carries it, and what it waits for. It must not know the link's bytes, nor
//! what its messages mean.

use crate::host::handshake::Origin;
use crate::host::peer::Address;
use crate::out::{Form, Terms};
use crate::wire::engineio::Version;
use crate::wire::socketio::Parser;

/// What has a time limit, by the slot of what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    /// A TCP connection: a head, a body, an idle wait or a close that takes too long.
    Link(u32),
    /// A connection's next ping, or the pong that is due; or, from a client of Engine.IO 3, the ping.
    Heartbeat(u32),
    /// A WebSocket that opened for an upgrade and has not finished it.
    Upgrade(u32),
    /// The next forced answer to a poll while an upgrade is under way.
    UpgradePoll(u32),
    /// A polling connection that was closed while no poll was open.
    Linger(u32),
    /// The next clients that a drain sends away.
    Drain,
}

/// Where a session is in its life. It goes from one to the next, and never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The host has yet to allow the handshake.
    Deciding,
    Open(Heartbeat),
    /// It is over, and what is above is told: what is queued goes out, then the close.
    Closing,
    /// The same, between two polls: the next one is waited for, by which the client learns of it.
    Lingering,
}

/// What the timer of an open session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heartbeat {
    /// The client's ping, in Engine.IO 3.
    Pinged,
    /// The time of the next ping.
    Resting,
    /// The pong.
    Awaiting,
    /// The same, once longer, as traffic came in meanwhile: the client lives, its pong is behind what it sends.
    Extended,
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
    pub(crate) form: Form,
}

/// A connection that goes to another loop, and what its client has said that is for that loop to hear.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) number: usize,
    /// What its client has said that is to be heard there; the last of it is the message by which it goes.
    pub(crate) messages: Vec<Box<str>>,
    /// What came behind it in its POST.
    pub(crate) payload: Option<Box<str>>,
    /// What came behind it over its WebSocket.
    pub(crate) input: Vec<u8>,
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) sid: Box<str>,
    pub(crate) version: Version,
    pub(crate) state: State,
    pub(crate) transport: Transport,
    /// A connection upgrades once.
    pub(crate) upgraded: bool,
    /// It polls by `<script>` elements, and this callback.
    pub(crate) callback: Option<Box<str>>,
    /// A poll of it takes any number of packets.
    pub(crate) takes_all: bool,
    /// In what it gets the packets of whatever is above.
    pub(crate) parser: Parser,
    /// How packets look to it. What waits in its backlog has [`Form::waiting`].
    pub(crate) form: Form,
    pub(crate) probe: Option<Probe>,
    pub(crate) origin: Box<Origin>,
    /// What it is counted by, if addresses are.
    pub(crate) address: Option<Address>,
    /// Its place among all that were ever opened, on all loops.
    pub(crate) number: u64,
    /// The batch of events with the newest from this client.
    pub(crate) said: u64,
    pub(crate) leaving: Option<Box<Leaving>>,
}

impl Conn {
    pub(crate) fn new(
        sid: Box<str>,
        origin: Box<Origin>,
        address: Option<Address>,
        number: u64,
        transport: Transport,
    ) -> Self {
        Self {
            sid,
            version: Version::V4,
            state: State::Open(Heartbeat::Resting),
            transport,
            upgraded: false,
            callback: None,
            takes_all: false,
            parser: Parser::Text,
            form: Form::Polling,
            probe: None,
            origin,
            address,
            number,
            said: 0,
            leaving: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// It is over; it still gets what is queued.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing | State::Lingering)
    }

    /// A packet of its heartbeat is due from its client.
    pub(crate) fn awaits_beat(&self) -> bool {
        self.awaits_pong() || self.state == State::Open(Heartbeat::Pinged)
    }

    /// On which what it is to get may wait, up to `bound` bytes of it.
    pub(crate) fn terms(&self, bound: usize) -> Terms {
        Terms { parser: self.parser, form: self.form, closing: self.is_closing(), bound }
    }

    pub(crate) fn awaits_pong(&self) -> bool {
        matches!(self.state, State::Open(Heartbeat::Awaiting | Heartbeat::Extended))
    }

    /// Over polling, closed, and without the poll that was to say so, nor waiting for another.
    pub(crate) fn is_stranded(&self) -> bool {
        matches!(self.transport, Transport::Polling { poll: None, .. }) && self.state == State::Closing
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
}

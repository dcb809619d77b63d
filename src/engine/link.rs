//! One TCP connection as the broker sees it: requests and answers first, perhaps a WebSocket later. It must not know
//! what a request means.

use super::input::Input;
use crate::base::ids::Key;
use crate::host::peer::Peer;
use crate::host::tls::TlsInfo;
use crate::wire::deflate::Coding;
use crate::wire::http::{self, BodyDecoder, Response};
use crate::wire::ws::Decoder;
use std::sync::Arc;

/// What a link is at the moment.
#[derive(Debug, Default)]
pub(crate) enum Link {
    /// No such link, or one that the loop is about to forget.
    #[default]
    Free,
    Http(Box<Http>),
    WebSocket(WebSocket),
}

/// A link that carries HTTP.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) peer: Peer,
    /// If it is over TLS that ends here, and that is settled.
    pub(crate) tls: Option<Arc<TlsInfo>>,
    /// Bytes that no request has used yet.
    pub(crate) input: Input,
    /// Answers the kernel has not taken, from `sent` on.
    pub(crate) output: Vec<u8>,
    pub(crate) sent: usize,
    pub(crate) phase: Phase,
    /// A poll that waits for output, while what came behind it may be read already.
    pub(crate) poll: Option<Waiting>,
    pub(crate) reply: Reply,
    pub(crate) clock: Clock,
    /// What is left of a body that nobody wants; the next request comes after it.
    pub(crate) unwanted: Option<BodyDecoder>,
    /// The link ends when its output is sent.
    pub(crate) last: bool,
    /// The kernel is full; `writable` follows.
    pub(crate) blocked: bool,
    /// Its output waits for one of the next flushes.
    pub(crate) put_off: bool,
    /// The loop reads no more of it until the answer that is owed has gone out.
    pub(crate) paused: bool,
    /// The peer has ended its side, and may read on.
    pub(crate) half_closed: bool,
    /// Its next request is for somebody else: the link goes there once its output is sent.
    pub(crate) leaving: Option<Whither>,
}

/// Where a link goes whose next request is not for this loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whither {
    /// To the loop of this number, which has the session that the request names.
    Loop(usize),
    /// To the host: the path is not ours.
    Host,
}

/// Where a link is between two requests.
#[derive(Debug)]
pub(crate) enum Phase {
    /// A request's head is awaited.
    Head,
    /// The body of a POST for this connection is being read, which is text or, in Engine.IO 3, perhaps `binary`.
    Body { conn: Key, decoder: BodyDecoder, body: Vec<u8>, binary: bool },
    /// The host has yet to allow this connection's handshake. So far it has added these header lines to the answer.
    Deciding { conn: Key, headers: Vec<u8> },
    /// An upgrade for a path nobody serves, left open until its time is up.
    Abandoned,
}

/// A poll without its answer. The answers to later requests of its link are written, and follow it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) conn: Key,
    pub(crate) reply: Reply,
    pub(crate) behind: Vec<u8>,
    /// The next request has to wait until this one is answered.
    pub(crate) holds: bool,
}

/// What the link's timer is measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    None,
    /// No request is under way.
    Idle,
    /// A request's head has begun.
    Head,
    Body,
    /// An answer the peer does not read.
    Answer,
    /// What is left of an abandoned upgrade.
    Abandoned,
}

/// What the answer to the current request has to look like.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) keep_alive: bool,
    /// The request was HEAD: the answer has no body.
    pub(crate) head_only: bool,
    /// How the client takes a body compressed.
    pub(crate) coding: Option<Coding>,
    /// An old Internet Explorer asks, which needs a header of its own.
    pub(crate) explorer: bool,
    /// Header lines for this answer: cross-origin rules and the host's own.
    pub(crate) headers: Vec<u8>,
}

impl Http {
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            tls: None,
            input: Input::default(),
            output: Vec::new(),
            sent: 0,
            phase: Phase::Head,
            poll: None,
            reply: Reply::default(),
            clock: Clock::None,
            unwanted: None,
            last: false,
            blocked: false,
            put_off: false,
            paused: false,
            half_closed: false,
            leaving: None,
        }
    }

    pub(crate) fn unsent(&self) -> &[u8] {
        self.output.get(self.sent..).unwrap_or_default()
    }

    /// The poll of this connection waits here from now on; the request in hand was that poll.
    pub(crate) fn wait(&mut self, conn: Key) {
        let reply = std::mem::take(&mut self.reply);
        self.phase = Phase::Head;
        self.poll = Some(Waiting { conn, holds: !reply.keep_alive, reply, behind: Vec::new() });
    }

    /// The connection whose poll, or whose handshake, has no answer yet.
    pub(crate) fn conn(&self) -> Option<Key> {
        match (&self.poll, &self.phase) {
            (Some(poll), _) => Some(poll.conn),
            (None, Phase::Deciding { conn, .. }) => Some(*conn),
            (None, _) => None,
        }
    }

    /// Where answers to the request in hand go.
    pub(crate) fn answers(&mut self) -> &mut Vec<u8> {
        match &mut self.poll {
            Some(poll) => &mut poll.behind,
            None => &mut self.output,
        }
    }

    /// An answer is owed.
    pub(crate) fn is_busy(&self) -> bool {
        !self.unsent().is_empty() || self.poll.is_some() || matches!(self.phase, Phase::Deciding { .. })
    }

    /// While an answer is owed, so much may be sent ahead; more waits in the kernel. Not at once: a link that is not read
    /// does not show that its client has gone.
    pub(crate) fn is_ahead(&self, most: usize) -> bool {
        self.is_busy() && self.input.len() > most
    }
}

impl Reply {
    /// What the answer to a poll or a POST says besides.
    pub(crate) fn add_session_headers(&mut self) {
        if self.explorer {
            http::header(&mut self.headers, "X-XSS-Protection", "0");
        }
        http::header(&mut self.headers, "cache-control", "no-store");
    }

    /// Appends the whole answer; with an empty `content_type` that header is left out.
    pub(crate) fn write(
        &self,
        out: &mut Vec<u8>,
        date: &[u8; 29],
        status: u16,
        content_type: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) {
        let mut response = Response::new(out, status);
        if !content_type.is_empty() {
            response = response.header("Content-Type", content_type);
        }
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response = response.lines(|out| out.extend_from_slice(&self.headers)).header("Date", date);
        if status == 304 {
            // How long it is says the answer that the client has.
            response.bodiless(self.keep_alive);
        } else if self.head_only {
            response.head(body.len(), self.keep_alive);
        } else {
            response.body(body, self.keep_alive);
        }
    }
}

/// A link that carries a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(crate) conn: Key,
    pub(crate) decoder: Decoder,
    pub(crate) role: Role,
    /// What belongs to the link and not to its connection: the 101, a probe's pong, a close. Empty but for those.
    pub(crate) output: Vec<u8>,
    /// The payload of our close frame: what the peer said, or why it is closed. Mostly empty, as the reference's is.
    pub(crate) close: Box<[u8]>,
    /// The peer's close frame has come, or can no longer be read.
    pub(crate) peer_closed: bool,
    /// The peer has ended its side, and may read on: it can send no pong.
    pub(crate) half_closed: bool,
    /// The kernel has taken some of what waited, since this was looked at last.
    pub(crate) moves: bool,
    /// Its connection goes to another loop: what comes from now on is for that one.
    pub(crate) held: bool,
    /// Its messages may be compressed.
    pub(crate) deflate: bool,
    /// What it has sent and was left unread: nothing more is read before.
    pub(crate) unread: Option<Box<Unread>>,
}

/// What of a link is unread. It ends with the link, and moves with it. Boxed, as few have any.
#[derive(Debug)]
pub(crate) struct Unread(pub(crate) Vec<u8>);

/// What a WebSocket is to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It carries the connection.
    Main,
    /// It may come to carry the connection.
    Probe,
    /// Our close frame is on its way; the peer's, or the end of the stream, is awaited.
    Closing,
}

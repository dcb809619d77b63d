//! Handshakes about which the host decides: what it may say to them, and for how long. It must not judge a request, nor complete one that is
//! let in: `endpoint` does.

use super::Engine;
use super::admission::Busy;
use super::conn::{State, Transport};
use super::endpoint::{Code, Query};
use super::link::{Link, Phase};
use super::{Upper, conn::Timer};
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, Key};
use crate::host::stats::count;
use crate::wire::http;

/// Bytes of the header lines that the host may add to one answer. Clients bound the whole head, Node's to 16 KiB.
const MAX_ADDED: usize = 8192;
const TOO_LONG: Error =
    Error::TooLarge("value: with what was added to that answer before, it is longer than 8192 bytes");

/// What is wrong with a header for an answer, whatever state the broker is in.
pub(crate) fn check_header(name: &str, value: &str) -> Result<()> {
    if !http::is_header_name(name) {
        return Err(Error::BadValue("name: it is no token, which a header's name has to be"));
    }
    if http::is_own_header(name) {
        return Err(Error::BadValue("name: the answer has this header by itself"));
    }
    if !http::is_header_value(value) {
        return Err(Error::BadValue("value: it is not one line of text"));
    }
    if line_len(name, value) > MAX_ADDED { Err(TOO_LONG) } else { Ok(()) }
}

/// Bytes of a header's line.
fn line_len(name: &str, value: &str) -> usize {
    name.len().saturating_add(value.len()).saturating_add(": \r\n".len())
}

/// What is wrong with a refusal, whatever state the broker is in.
pub(crate) fn check_refusal(status: u16, content_type: &str) -> Result<()> {
    if !(400..=599).contains(&status) {
        return Err(Error::BadValue("http_status: it is 400 to 599"));
    }
    if !http::is_header_value(content_type) {
        return Err(Error::BadValue("content_type: it cannot be sent as a header"));
    }
    Ok(())
}

impl Engine {
    /// Has the host asked about handshakes from now on, or not.
    pub(crate) fn guard_handshakes(&mut self, on: bool) {
        self.config.guard_handshakes = on;
    }

    /// Adds a header to the answer that a handshake is about to have.
    pub(crate) fn add_header(&mut self, conn: ConnId, name: &str, value: &str) -> Result<()> {
        check_header(name, value)?;
        let (link, _) = self.deciding(conn)?;
        let Link::Http(http) = self.link(link) else { return Err(Error::Gone) };
        let Phase::Deciding { headers, .. } = &mut http.phase else { return Err(Error::WrongState) };
        if headers.len().saturating_add(line_len(name, value)) > MAX_ADDED {
            return Err(TOO_LONG);
        }
        http::header(headers, name, value);
        Ok(())
    }

    /// Lets a connection in that an [`Event::Handshake`](crate::Event::Handshake) asked for.
    pub(crate) fn allow(&mut self, conn: ConnId, upper: &mut impl Upper) -> Result<()> {
        let (link, upgrade) = self.deciding(conn)?;
        if !upgrade {
            self.resume_handshake(conn.key());
            return Ok(());
        }
        // Frames that were sent right behind the request have waited for this.
        let mut early = match self.link(link) {
            Link::Http(http) => std::mem::take(&mut http.input).into_unread(),
            Link::Free | Link::WebSocket(_) => Vec::new(),
        };
        self.resume_handshake(conn.key());
        self.websocket_received(link, &mut early, upper);
        Ok(())
    }

    /// Turns a connection away that an [`Event::Handshake`](crate::Event::Handshake) asked for: 403 with code 4 and
    /// this message, or `Forbidden` if it is empty; an upgrade with 400, as the reference does. The handle is dead when this returns.
    pub(crate) fn refuse(&mut self, conn: ConnId, message: &str) -> Result<()> {
        let (link, upgrade) = self.deciding(conn)?;
        self.add_headers(link);
        let said = Some(message).filter(|message| !message.is_empty());
        self.forget_handshake(conn.key());
        if upgrade {
            self.refusal(link, Code::Forbidden, said, message);
            self.refuse_plainly(link, 400, said.unwrap_or(Code::Forbidden.message()), &[]);
        } else {
            self.refuse_request(link, false, Code::Forbidden, said, message);
        }
        Ok(())
    }

    /// Turns it away with an answer of the host's own.
    pub(crate) fn refuse_with(
        &mut self,
        conn: ConnId,
        status: u16,
        content_type: &str,
        body: &[u8],
    ) -> Result<()> {
        check_refusal(status, content_type)?;
        let (link, upgrade) = self.deciding(conn)?;
        self.add_headers(link);
        self.forget_handshake(conn.key());
        self.refusal(link, Code::Forbidden, None, &format!("HTTP {status}"));
        if upgrade && let Link::Http(http) = self.link(link) {
            http.reply.keep_alive = false;
        }
        self.respond(link, status, content_type, body);
        Ok(())
    }

    /// The host has taken too long.
    pub(super) fn give_up_deciding(&mut self, key: Key) {
        count(&mut self.counters.handshakes_undecided, 1);
        self.turn_away(key, Busy::Undecided);
    }

    /// Nobody is let in any more: what the host has not decided about has the answer that a handshake has from now on.
    pub(super) fn refuse_undecided(&mut self) {
        for key in self.conns.keys().collect::<Vec<_>>() {
            if self.conns.get(key).is_some_and(|conn| conn.state == State::Deciding) {
                count(&mut self.counters.handshakes_while_draining, 1);
                self.turn_away(key, Busy::Draining);
            }
        }
    }

    fn turn_away(&mut self, key: Key, busy: Busy) {
        if let Some((link, upgrade)) = self.forget_handshake(key) {
            self.refuse_for_now(link, upgrade, busy);
        }
    }

    /// What the host has added to the answer of a handshake is in it from now on.
    pub(super) fn add_headers(&mut self, link: u32) {
        if let Link::Http(http) = self.link(link)
            && let Phase::Deciding { headers, .. } = &mut http.phase
        {
            let added = std::mem::take(headers);
            http.reply.headers.extend_from_slice(&added);
        }
    }

    /// The host has allowed a handshake: its request is read again.
    fn resume_handshake(&mut self, key: Key) {
        let Some(conn) = self.conns.get(key) else { return };
        let head = conn.origin.head.clone();
        let Ok(Some((request, _))) = http::parse_head(&head, &self.config.limits) else { return };
        let query = Query::new(request.query());
        if !self.speaks(&query) {
            if let Some((link, upgrade)) = self.forget_handshake(key) {
                self.refuse_request(link, upgrade, Code::UnsupportedVersion, None, "3");
            }
            return;
        }
        self.complete_handshake(key, &request, &query);
    }

    /// Forgets a handshake that comes to nothing: its connection never was. Returns the link on which its answer is due, and whether it
    /// asked for a WebSocket.
    fn forget_handshake(&mut self, key: Key) -> Option<(u32, bool)> {
        self.timers.cancel(Timer::Linger(key.slot));
        carrier(self.forget_conn(key)?.transport)
    }

    /// The link of a handshake about which the host is to decide, and whether it asks for a WebSocket.
    fn deciding(&self, conn: ConnId) -> Result<(u32, bool)> {
        let conn = self.conns.get(conn.key()).ok_or(Error::Gone)?;
        if conn.state != State::Deciding {
            return Err(Error::WrongState);
        }
        carrier(conn.transport).ok_or(Error::Gone)
    }
}

fn carrier(transport: Transport) -> Option<(u32, bool)> {
    match transport {
        Transport::WebSocket { link } => Some((link, true)),
        Transport::Polling { poll, .. } => poll.map(|link| (link, false)),
    }
}

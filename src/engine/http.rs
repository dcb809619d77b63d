//! Requests from HTTP links: framing, and the answers. What a request for the endpoint means is told in `polling`.

use super::conn::{Conn, Timer, Transport};
use super::link::{Clock, Http, Link, Phase, Reply, Waiting, Whither};
use super::service::Flow;
use super::{Ending, Engine, Upper};
use crate::base::ids::Key;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::http::{self, Body, BodyDecoder, BodyError, Request};

/// The content type of payloads that are text.
pub(super) const TEXT: &str = "text/plain; charset=UTF-8";
/// That of those that are binary, in Engine.IO 3.
pub(super) const OCTETS: &str = "application/octet-stream";

impl Engine {
    /// Bytes from an HTTP link.
    pub(super) fn http_received(&mut self, link: u32, bytes: &[u8], upper: &mut impl Upper) -> Flow {
        let Link::Http(http) = self.link(link) else { return Flow::Continue };
        if http.last || matches!(http.phase, Phase::Abandoned) {
            return Flow::Continue;
        }
        http.input.push(bytes);
        self.http_progress(link, upper);
        self.flow(link)
    }

    /// Whether a link may bring more.
    pub(super) fn flow(&mut self, link: u32) -> Flow {
        let ahead = self.config.limits.max_head_bytes;
        match self.link(link) {
            Link::Http(http) if http.is_ahead(ahead) => {
                http.paused = true;
                Flow::Pause
            }
            Link::WebSocket(websocket) if websocket.held || websocket.unread.is_some() => Flow::Pause,
            _ => Flow::Continue,
        }
    }

    /// Goes on with what a link has sent, until it has to wait: for more bytes, for an answer, or for the kernel.
    pub(super) fn http_progress(&mut self, link: u32, upper: &mut impl Upper) {
        loop {
            let Link::Http(http) = self.link(link) else { return };
            let held = http.poll.as_ref().is_some_and(|poll| poll.holds);
            if http.last || held || http.leaving.is_some() || !http.unsent().is_empty() {
                return;
            }
            let going = match http.phase {
                Phase::Head if http.unwanted.is_some() => self.read_unwanted(link),
                Phase::Head => self.read_head(link, upper),
                Phase::Body { .. } => self.read_body(link, upper),
                Phase::Deciding { .. } | Phase::Abandoned => false,
            };
            if !going {
                return;
            }
        }
    }

    fn read_head(&mut self, link: u32, upper: &mut impl Upper) -> bool {
        let ends = self.ends_idle_links();
        let Link::Http(http) = self.link(link) else { return false };
        if http.input.is_empty() {
            if ends && http.poll.is_none() {
                http.last = true;
                self.ready_links.push(link);
                return false;
            }
            let clock = if http.poll.is_some() { Clock::None } else { Clock::Idle };
            self.set_clock(link, clock);
            return false;
        }
        let mut input = std::mem::take(&mut http.input);
        let parsed = match input.may_hold_head(&self.config.limits) {
            true => http::parse_head(input.unread(), &self.config.limits),
            false => Ok(None),
        };
        match parsed {
            Ok(None) => {
                self.set_clock(link, Clock::Head);
                if let Link::Http(http) = self.link(link) {
                    http.input = input;
                }
                false
            }
            Ok(Some((request, _))) if !self.may_overtake(link, &request, upper) => {
                if let Link::Http(http) = self.link(link) {
                    http.input = input;
                }
                self.set_clock(link, Clock::None);
                false
            }
            Ok(Some((request, _))) if self.is_for_somebody_else(link, &request, upper) => {
                if let Link::Http(http) = self.link(link) {
                    http.input = input;
                }
                self.ready_links.push(link);
                false
            }
            Ok(Some((request, length))) => {
                count(&mut self.counters.requests, 1);
                self.set_clock(link, Clock::None);
                self.request(link, &request, input.unread().get(..length).unwrap_or_default(), upper);
                self.tell(upper);
                input.advance(length);
                match self.link(link) {
                    Link::Http(http) => http.input = input,
                    // What came with the upgrade request are frames already.
                    Link::WebSocket(_) => self.websocket_received(link, input.unread_mut(), upper),
                    Link::Free => return false,
                }
                true
            }
            Err(error) => {
                if let Link::Http(http) = self.link(link) {
                    http.reply = Reply::default();
                }
                self.refuse_unread(link, error.status(), error.text());
                false
            }
        }
    }

    /// Whether a request may be acted on before the poll that waits on its link is answered. A POST is: what it brings may be
    /// what the poll waits for. Of all others nobody can tell the difference.
    fn may_overtake(&mut self, link: u32, request: &Request<'_>, upper: &impl Upper) -> bool {
        let post = request.method == "POST" && self.whither(link, request, upper).is_none();
        let most = self.config.limits.max_head_bytes;
        let Link::Http(http) = self.link(link) else { return false };
        let Some(poll) = &mut http.poll else { return true };
        poll.holds = !post || request.is_upgrade() || poll.behind.len() > most;
        !poll.holds
    }

    /// The other loop on which the session lives that a request names.
    fn home(&self, request: &Request<'_>) -> Option<usize> {
        if self.config.loops < 2 {
            return None;
        }
        let (_, sid) = http::query_pairs(request.query()).find(|(name, _)| name == "sid")?;
        if self.other_sids.contains_key(&*sid) {
            return None;
        }
        self.gone.get(&*sid).copied().or_else(|| self.sids.elsewhere(&sid))
    }

    /// Who else a request is for, if it is not for this loop.
    fn whither(&self, link: u32, request: &Request<'_>, upper: &impl Upper) -> Option<Whither> {
        let path = request.path();
        if self.covers(path) {
            return self.home(request).map(Whither::Loop);
        }
        let over_tls = matches!(self.links.get(link as usize), Some(Link::Http(http)) if http.tls.is_some());
        let is_hosts =
            self.config.hand_back && !over_tls && !self.shutting_down && !upper.answers(self, path);
        is_hosts.then_some(Whither::Host)
    }

    /// Whether a request is for somebody else; then the link is to go there.
    fn is_for_somebody_else(&mut self, link: u32, request: &Request<'_>, upper: &impl Upper) -> bool {
        let whither = self.whither(link, request, upper);
        if let (Some(_), Link::Http(http)) = (whither, self.link(link)) {
            http.leaving = whither;
        }
        if whither == Some(Whither::Host) {
            self.handing_back = self.handing_back.saturating_add(1);
        }
        whither.is_some()
    }

    fn request(&mut self, link: u32, request: &Request<'_>, head: &[u8], upper: &mut impl Upper) {
        let last = self.ends_idle_links();
        let upgrade = request.is_upgrade();
        let coding = if self.config.http_compression { request.preferred_coding() } else { None };
        if let Link::Http(http) = self.link(link) {
            http.reply = Reply {
                keep_alive: request.keep_alive() && !last,
                head_only: request.method == "HEAD",
                coding,
                ..Reply::default()
            };
            http.unwanted = match request.body {
                Body::None => None,
                body => Some(BodyDecoder::new(body)),
            };
        }
        if self.covers(request.path()) {
            let path = request.path();
            let is_read = !upgrade && ["GET", "HEAD"].contains(&request.method);
            if is_read && !self.is_endpoint(path) && upper.answers(self, path) {
                // What cross-origin pages may do with the endpoint, they may with the client's files.
                self.answer_cors(link, request, false);
                upper.request(self, link, request);
            } else {
                self.endpoint_request(link, request, head);
            }
        } else if upgrade {
            if let Link::Http(http) = self.link(link) {
                http.phase = Phase::Abandoned;
            }
            self.set_clock(link, Clock::Abandoned);
        } else {
            upper.request(self, link, request);
        }
    }

    /// Begins to read the body of a POST.
    pub(super) fn begin_post(&mut self, link: u32, conn: Key, request: &Request<'_>, binary: bool) {
        if let Link::Http(http) = self.link(link) {
            http.unwanted = None;
            let decoder = BodyDecoder::new(request.body);
            http.phase = Phase::Body { conn, decoder, body: Vec::new(), binary };
            if request.expects_continue() {
                http.answers().extend_from_slice(http::CONTINUE);
                self.ready_links.push(link);
            }
        }
        self.set_clock(link, Clock::Body);
    }

    fn read_body(&mut self, link: u32, upper: &mut impl Upper) -> bool {
        let limits = &self.config.limits;
        let Some(Link::Http(http)) = self.links.get_mut(link as usize) else { return false };
        let Phase::Body { conn, decoder, body, binary } = &mut http.phase else { return false };
        let (conn, binary) = (*conn, *binary);
        match decoder.read(http.input.unread(), body, limits) {
            Ok((used, done)) => {
                http.input.advance(used);
                if !done {
                    return false;
                }
                let body = std::mem::take(body);
                http.phase = Phase::Head;
                self.set_clock(link, Clock::None);
                self.finish_post(link, conn, &body, binary, upper);
                true
            }
            Err(error) => {
                http.reply.keep_alive = false;
                self.set_clock(link, Clock::None);
                if let Some(state) = self.conns.get_mut(conn) {
                    state.release_post(link);
                }
                match error {
                    // The session goes on, as in the reference.
                    BodyError::TooLarge => count(&mut self.counters.oversized, 1),
                    BodyError::Malformed => self.close_conn(conn, Reason::TransportError, Ending::Final),
                }
                self.refuse_unread(link, error.status(), error.text());
                false
            }
        }
    }

    /// Refuses what is no whole request that a host could be told of.
    fn refuse_unread(&mut self, link: u32, status: u16, why: &str) {
        count(&mut self.counters.requests_refused, 1);
        if let Some(Link::Http(http)) = self.links.get(link as usize) {
            self.log_unread(&http.peer, status, why);
        }
        self.respond(link, status, "", b"");
    }

    /// Reads past the body of a request that was answered without it.
    fn read_unwanted(&mut self, link: u32) -> bool {
        self.set_clock(link, Clock::Body);
        let limits = &self.config.limits;
        let Some(Link::Http(http)) = self.links.get_mut(link as usize) else { return false };
        let Some(decoder) = &mut http.unwanted else { return false };
        let mut body = Vec::new();
        let done = match decoder.read(http.input.unread(), &mut body, limits) {
            Ok((used, done)) => {
                http.input.advance(used);
                done
            }
            Err(error) => {
                http.last = true;
                self.ready_links.push(link);
                if let Some(Link::Http(http)) = self.links.get(link as usize) {
                    self.log_unwanted(&http.peer, error.text());
                }
                return false;
            }
        };
        if done {
            http.unwanted = None;
            self.set_clock(link, Clock::None);
        }
        done
    }

    /// A POST ended before its body did.
    fn post_failed(&mut self, link: u32, conn: Key) {
        if let Some(state) = self.conns.get_mut(conn).filter(|conn| conn.post() == Some(link)) {
            state.release_post(link);
            self.close_conn(conn, Reason::TransportError, Ending::Final);
        }
    }

    /// An HTTP link is gone, and with it what it was to carry.
    pub(super) fn http_lost(&mut self, link: u32, http: Http) {
        if let Some(Waiting { conn, .. }) = http.poll
            && let Some(state) = self.conns.get_mut(conn).filter(|conn| conn.poll() == Some(link))
        {
            state.transport = Transport::Polling { poll: None, post: state.post() };
            self.close_conn(conn, Reason::TransportError, Ending::Final);
        }
        match http.phase {
            Phase::Body { conn, .. } => self.post_failed(link, conn),
            Phase::Deciding { conn, .. } => {
                if let Some(state) = self.conns.get_mut(conn) {
                    state.transport = Transport::Polling { poll: None, post: None };
                }
                self.drop_conn(conn, Ending::Final);
            }
            Phase::Head | Phase::Abandoned => {}
        }
    }

    /// What was begun on a link has taken too long.
    pub(super) fn http_timed_out(&mut self, link: u32) {
        let Link::Http(http) = self.link(link) else { return };
        let clock = std::mem::replace(&mut http.clock, Clock::None);
        match clock {
            Clock::Head | Clock::Body if http.unwanted.is_none() => {
                http.reply.keep_alive = false;
                let phase = std::mem::replace(&mut http.phase, Phase::Head);
                count(&mut self.counters.requests_timed_out, 1);
                self.respond(link, 408, "", b"");
                if let Phase::Body { conn, .. } = phase {
                    self.post_failed(link, conn);
                }
            }
            _ => self.doom(link, clock == Clock::Answer),
        }
    }

    // ---- answers ----

    /// Answers the request in hand; with an empty `content_type` that header is left out.
    pub(crate) fn respond(&mut self, link: u32, status: u16, content_type: &str, body: &[u8]) {
        self.respond_with(link, status, content_type, &[], body);
    }

    pub(crate) fn respond_with(
        &mut self,
        link: u32,
        status: u16,
        content_type: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) {
        let date = self.date.at(self.wall_clock());
        let Link::Http(http) = self.link(link) else { return };
        let reply = std::mem::take(&mut http.reply);
        reply.write(http.answers(), &date, status, content_type, headers, body);
        http.last |= !reply.keep_alive;
        http.phase = Phase::Head;
        self.ready_links.push(link);
    }

    /// Answers a POST.
    pub(super) fn respond_to_post(&mut self, link: u32) {
        if let Link::Http(http) = self.link(link) {
            http.reply.add_session_headers();
        }
        self.respond(link, 200, "text/html", b"ok");
    }

    /// Answers the open poll of a connection, with what is not worth compressing.
    pub(super) fn answer_poll(&mut self, conn: Key, payload: &[u8]) {
        self.answer_poll_as(conn, TEXT, payload, true);
    }

    /// Whether the client whose poll waits takes an answer compressed.
    pub(super) fn takes_packed(&self, conn: Key) -> bool {
        let link = self.conns.get(conn).and_then(Conn::poll);
        match link.and_then(|link| self.links.get(link as usize)) {
            Some(Link::Http(http)) => http.poll.as_ref().is_some_and(|poll| poll.reply.coding.is_some()),
            _ => false,
        }
    }

    /// The same with a content type; and compressed, unless it is to stay `plain`, if the client takes that and the payload gains by it.
    pub(super) fn answer_poll_as(&mut self, conn: Key, content_type: &str, payload: &[u8], plain: bool) {
        let script = self.script(conn, payload);
        let payload = script.as_deref().unwrap_or(payload);
        if !plain
            && let Some(link) = self.conns.get(conn).and_then(Conn::poll)
            && payload.len() >= self.config.compression_threshold
            && let Some(Link::Http(http)) = self.links.get_mut(link as usize)
            && let Some(Waiting { reply, .. }) = &mut http.poll
            && let Some(coding) = reply.coding
        {
            let mut packer = std::mem::take(&mut self.packer);
            if let Some(packed) = packer.pack(coding, payload) {
                count(&mut self.counters.compressed_answers, 1);
                http::header(&mut reply.headers, "Content-Encoding", coding.name());
                self.end_poll(conn, content_type, packed);
            } else {
                self.end_poll(conn, content_type, payload);
            }
            self.packer = packer;
            return;
        }
        self.end_poll(conn, content_type, payload);
    }

    /// Answers the open poll of a connection with these very bytes.
    fn end_poll(&mut self, conn: Key, content_type: &str, body: &[u8]) {
        let Some(state) = self.conns.get_mut(conn) else { return };
        let Transport::Polling { poll, .. } = &mut state.transport else { return };
        let Some(link) = poll.take() else { return };
        if let Link::Http(http) = self.link(link)
            && let Some(poll) = &mut http.poll
        {
            poll.reply.add_session_headers();
        }
        self.respond_to_poll(link, 200, content_type, body);
    }

    /// The next answer to a poll that waits on this link is its last.
    pub(super) fn end_with_answer(&mut self, link: Option<u32>) {
        if let Some(link) = link
            && let Link::Http(http) = self.link(link)
            && let Some(poll) = &mut http.poll
        {
            poll.reply.keep_alive = false;
        }
    }

    /// Answers the poll that waits on a link, and sends what was answered behind it.
    pub(super) fn respond_to_poll(&mut self, link: u32, status: u16, content_type: &str, body: &[u8]) {
        let date = self.date.at(self.wall_clock());
        let Link::Http(http) = self.link(link) else { return };
        let Some(Waiting { reply, behind, .. }) = http.poll.take() else { return };
        reply.write(&mut http.output, &date, status, content_type, &[], body);
        http.output.extend_from_slice(&behind);
        http.last |= !reply.keep_alive;
        self.ready_links.push(link);
    }

    /// A connection ends while a POST of it is being read: that link ends too, as in the reference.
    pub(super) fn abandon_post(&mut self, conn: Key, link: u32) {
        if let Some(state) = self.conns.get_mut(conn) {
            state.release_post(link);
        }
        self.doom(link, false);
    }

    /// Starts the time limit of what the link does now; one that runs already goes on.
    pub(super) fn set_clock(&mut self, link: u32, clock: Clock) {
        let limits = &self.config.limits;
        let time = match clock {
            Clock::None => None,
            Clock::Idle => Some(limits.idle_timeout),
            Clock::Head => Some(limits.head_timeout),
            Clock::Body => Some(limits.body_timeout),
            Clock::Answer => Some(limits.answer_timeout),
            Clock::Abandoned => Some(limits.destroy_upgrade_timeout),
        };
        let Link::Http(http) = self.link(link) else { return };
        if std::mem::replace(&mut http.clock, clock) == clock {
            return;
        }
        match time {
            Some(time) => self.timers.arm(Timer::Link(link), self.after(time)),
            None => drop(self.timers.cancel(Timer::Link(link))),
        }
    }
}

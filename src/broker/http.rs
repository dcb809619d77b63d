//! Requests from HTTP links: framing, and the answers. What a request for the endpoint means is told in `polling`.

use super::core::{Core, Ending};
use super::service::Flow;
use crate::base::ids::Key;
use crate::session::conn::Transport;
use crate::session::link::{Clock, Http, Link, Phase, Reply};
use crate::session::reason::Reason;
use crate::session::timers::Timer;
use crate::wire::http::{self, Body, BodyDecoder, BodyError, Request, Response};

impl Core {
    /// Bytes from an HTTP link.
    pub(super) fn http_received(&mut self, link: u32, bytes: &[u8]) -> Flow {
        let Link::Http(http) = self.link(link) else { return Flow::Continue };
        if http.last || matches!(http.phase, Phase::Abandoned) {
            return Flow::Continue;
        }
        http.input.extend_from_slice(bytes);
        self.http_progress(link);
        // While an answer is owed, some may be sent ahead; more waits in the kernel. Not at once: a link that is not read
        // does not show that its client has gone.
        let ahead = self.config.limits.max_head_bytes;
        match self.link(link) {
            Link::Http(http) if http.is_busy() && http.input.len() > ahead => {
                http.paused = true;
                Flow::Pause
            }
            _ => Flow::Continue,
        }
    }

    /// Goes on with what a link has sent, until it has to wait: for more bytes, for an answer, or for the kernel.
    pub(super) fn http_progress(&mut self, link: u32) {
        loop {
            let Link::Http(http) = self.link(link) else { return };
            if http.last || http.leaving.is_some() || !http.unsent().is_empty() {
                return;
            }
            let going = match http.phase {
                Phase::Head if http.unwanted.is_some() => self.read_unwanted(link),
                Phase::Head => self.read_head(link),
                Phase::Body { .. } => self.read_body(link),
                Phase::Poll { .. } | Phase::Deciding { .. } | Phase::Abandoned => false,
            };
            if !going {
                return;
            }
        }
    }

    fn read_head(&mut self, link: u32) -> bool {
        let Link::Http(http) = self.link(link) else { return false };
        if http.input.is_empty() {
            self.set_clock(link, Clock::Idle);
            return false;
        }
        let mut input = std::mem::take(&mut http.input);
        match http::parse_head(&input, &self.config.limits) {
            Ok(None) => {
                self.set_clock(link, Clock::Head);
                if let Link::Http(http) = self.link(link) {
                    http.input = input;
                }
                false
            }
            Ok(Some((request, _))) if self.is_for_another_loop(link, &request) => {
                if let Link::Http(http) = self.link(link) {
                    http.input = input;
                }
                self.ready_links.push(link);
                false
            }
            Ok(Some((request, length))) => {
                self.counters.requests += 1;
                self.set_clock(link, Clock::None);
                self.request(link, &request, &input[..length]);
                match self.link(link) {
                    Link::Http(http) => {
                        input.drain(..length);
                        http.input = input;
                    }
                    // What came with the upgrade request are frames already.
                    Link::WebSocket(_) => self.websocket_received(link, &mut input[length..]),
                    Link::Free => return false,
                }
                true
            }
            Err(error) => {
                self.counters.requests_refused += 1;
                if let Link::Http(http) = self.link(link) {
                    http.reply = Reply::default();
                }
                self.respond(link, error.status(), "", b"");
                false
            }
        }
    }

    /// Whether a request names a session that lives on another loop; then the link is to go there.
    fn is_for_another_loop(&mut self, link: u32, request: &Request<'_>) -> bool {
        if self.config.loops < 2 || !self.mount.covers(request.path()) {
            return false;
        }
        let sid = http::query_pairs(request.query()).find(|(name, _)| name == "sid");
        let home = sid.and_then(|(_, sid)| self.sids.elsewhere(&sid));
        if let (Some(_), Link::Http(http)) = (home, self.link(link)) {
            http.leaving = home;
        }
        home.is_some()
    }

    fn request(&mut self, link: u32, request: &Request<'_>, head: &[u8]) {
        let shutting_down = self.shutting_down;
        let upgrade = request.is_upgrade();
        if let Link::Http(http) = self.link(link) {
            http.reply = Reply {
                keep_alive: request.keep_alive() && !shutting_down,
                head_only: request.method == "HEAD",
                ..Reply::default()
            };
            http.unwanted = match request.body {
                Body::None => None,
                body => Some(BodyDecoder::new(body)),
            };
        }
        if self.mount.covers(request.path()) {
            self.endpoint_request(link, request, head);
        } else if upgrade {
            if let Link::Http(http) = self.link(link) {
                http.phase = Phase::Abandoned;
            }
            self.set_clock(link, Clock::Abandoned);
        } else {
            self.serve_request(link, request);
        }
    }

    /// Begins to read the body of a POST.
    pub(super) fn begin_post(&mut self, link: u32, conn: Key, request: &Request<'_>) {
        if let Link::Http(http) = self.link(link) {
            http.unwanted = None;
            http.phase = Phase::Body { conn, decoder: BodyDecoder::new(request.body), body: Vec::new() };
            if request.expects_continue() {
                http.output.extend_from_slice(http::CONTINUE);
                self.ready_links.push(link);
            }
        }
        self.set_clock(link, Clock::Body);
    }

    fn read_body(&mut self, link: u32) -> bool {
        let limits = self.config.limits.clone();
        let Link::Http(http) = self.link(link) else { return false };
        let Phase::Body { conn, decoder, body } = &mut http.phase else { return false };
        let conn = *conn;
        match decoder.read(&http.input, body, &limits) {
            Ok((used, done)) => {
                http.input.drain(..used);
                if !done {
                    return false;
                }
                let body = std::mem::take(body);
                http.phase = Phase::Head;
                self.set_clock(link, Clock::None);
                self.finish_post(link, conn, &body);
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
                    BodyError::TooLarge => self.counters.oversized += 1,
                    BodyError::Malformed => self.close_conn(conn, Reason::TransportError, Ending::Final),
                }
                self.counters.requests_refused += 1;
                self.respond(link, error.status(), "", b"");
                false
            }
        }
    }

    /// Reads past the body of a request that was answered without it.
    fn read_unwanted(&mut self, link: u32) -> bool {
        self.set_clock(link, Clock::Body);
        let limits = &self.config.limits;
        let Some(Link::Http(http)) = self.links.get_mut(link as usize) else { return false };
        let Some(decoder) = &mut http.unwanted else { return false };
        let mut body = Vec::new();
        let done = match decoder.read(&http.input, &mut body, limits) {
            Ok((used, done)) => {
                http.input.drain(..used);
                done
            }
            Err(_) => {
                http.last = true;
                self.ready_links.push(link);
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
    pub(super) fn post_failed(&mut self, conn: Key) {
        if let Some(Transport::Polling { post, .. }) =
            self.conns.get_mut(conn).map(|conn| &mut conn.transport)
        {
            *post = None;
            self.close_conn(conn, Reason::TransportError, Ending::Final);
        }
    }

    /// An HTTP link is gone.
    pub(super) fn http_lost(&mut self, phase: Phase) {
        match phase {
            Phase::Poll { conn } => {
                if let Some(state) = self.conns.get_mut(conn) {
                    state.transport = Transport::Polling { poll: None, post: state.post() };
                }
                self.close_conn(conn, Reason::TransportError, Ending::Final);
            }
            Phase::Body { conn, .. } => self.post_failed(conn),
            Phase::Deciding { conn } => {
                if let Some(state) = self.conns.get_mut(conn) {
                    state.transport = Transport::Polling { poll: None, post: None };
                }
                self.drop_conn(conn, Ending::Final);
            }
            Phase::Head | Phase::Abandoned => {}
        }
    }

    // ---- answers ----

    /// Answers the request in hand; with an empty `content_type` that header is left out.
    pub(super) fn respond(&mut self, link: u32, status: u16, content_type: &str, body: &[u8]) {
        self.respond_with(link, status, content_type, &[], body);
    }

    pub(super) fn respond_with(
        &mut self,
        link: u32,
        status: u16,
        content_type: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) {
        let Link::Http(http) = self.link(link) else { return };
        let Http { output, reply, .. } = &mut **http;
        let mut response = Response::new(output, status);
        if !content_type.is_empty() {
            response = response.header("Content-Type", content_type);
        }
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response = response.lines(|out| out.extend_from_slice(&reply.headers));
        if reply.head_only {
            response.head(body.len(), reply.keep_alive);
        } else {
            response.body(body, reply.keep_alive);
        }
        http.last |= !http.reply.keep_alive;
        http.phase = Phase::Head;
        self.ready_links.push(link);
    }

    /// Answers a poll or a POST.
    pub(super) fn respond_to_session(&mut self, link: u32, content_type: &str, body: &[u8]) {
        if let Link::Http(http) = self.link(link) {
            if http.reply.explorer {
                http::header(&mut http.reply.headers, "X-XSS-Protection", "0");
            }
            http::header(&mut http.reply.headers, "cache-control", "no-store");
        }
        self.respond(link, 200, content_type, body);
    }

    /// Answers the open poll of a connection.
    pub(super) fn answer_poll(&mut self, conn: Key, payload: &[u8]) {
        let Some(state) = self.conns.get_mut(conn) else { return };
        let Transport::Polling { poll, .. } = &mut state.transport else { return };
        if let Some(link) = poll.take() {
            self.respond_to_session(link, "text/plain; charset=UTF-8", payload);
        }
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
            Some(time) => self.timers.arm(Timer::Link(link), self.now + time),
            None => self.timers.cancel(Timer::Link(link)),
        }
    }
}

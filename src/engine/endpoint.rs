//! Requests for the endpoint: handshakes, polls, POSTs and upgrades, refused in the reference's order with the
//! reference's codes. It must not read the bytes of a link itself.

use super::admission::Busy;
use super::conn::{State, Timer, Transport};
use super::link::{Link, Phase, Role};
use super::{Ending, Engine, Upper};
use crate::base::ids::{ConnId, Key};
use crate::host::events::Kind;
use crate::host::handshake::Origin;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::out::Form;
use crate::wire::engineio::{Version, jsonp};
use crate::wire::http::{self, Request};
use crate::wire::json;
use crate::wire::ws::Deflation;

/// What the query of a request for the endpoint says.
#[derive(Debug, Default)]
pub(super) struct Query {
    transport: String,
    sid: String,
    pub(super) version: String,
    /// The client takes no binary frames and, in Engine.IO 3, no binary payloads.
    pub(super) base64: bool,
    /// The callback of a client that polls by `<script>` elements.
    pub(super) callback: Option<String>,
}

impl Query {
    pub(super) fn new(query: &str) -> Self {
        let mut this = Self::default();
        for (name, value) in http::query_pairs(query) {
            match &*name {
                "transport" => this.transport = value.into_owned(),
                "sid" => this.sid = value.into_owned(),
                "EIO" => this.version = value.into_owned(),
                "b64" => this.base64 = !value.is_empty(),
                "j" => this.callback = Some(jsonp::callback(&value)),
                _ => {}
            }
        }
        this
    }

    /// The form of the WebSocket that it asks for.
    fn websocket_form(&self, deflation: Option<Deflation>) -> Form {
        match (self.version(), deflation) {
            (Version::V3, _) if self.base64 => Form::TextFrames3,
            (Version::V3, _) => Form::WebSocket3,
            (Version::V4, _) if self.base64 => Form::TextFrames,
            (Version::V4, None) => Form::WebSocket,
            (Version::V4, Some(deflation)) if deflation.is_narrow() => Form::NarrowDeflated,
            (Version::V4, Some(_)) => Form::Deflated,
        }
    }
}

/// The answer to a client that asks for a WebSocket, and what it says.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The 101.
    pub(super) answer: Vec<u8>,
    pub(super) deflation: Option<Deflation>,
}

/// The reference's errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    UnknownTransport = 0,
    UnknownSid = 1,
    BadMethod = 2,
    BadRequest = 3,
    Forbidden = 4,
    UnsupportedVersion = 5,
    /// Not the reference's, which lets everybody in.
    Unavailable = 6,
    /// Nor this.
    TooMany = 7,
}

impl Code {
    pub(super) fn message(self) -> &'static str {
        match self {
            Code::UnknownTransport => "Transport unknown",
            Code::UnknownSid => "Session ID unknown",
            Code::BadMethod => "Bad handshake method",
            Code::BadRequest => "Bad request",
            Code::Forbidden => "Forbidden",
            Code::UnsupportedVersion => "Unsupported protocol version",
            Code::Unavailable => "Service unavailable",
            Code::TooMany => "Too many requests",
        }
    }
}

impl Engine {
    /// A request for the endpoint.
    pub(super) fn endpoint_request(&mut self, link: u32, request: &Request<'_>, head: &[u8]) {
        let upgrade = request.is_upgrade() && self.config.websocket;
        if self.answer_cors(link, request, upgrade) {
            return;
        }
        let query = Query::new(request.query());
        let websocket = query.transport == "websocket";
        let known = if websocket {
            self.config.websocket
        } else {
            query.transport == "polling" && self.config.polling
        };
        if !known {
            return self.refuse_request(link, upgrade, Code::UnknownTransport, None, &query.transport);
        }
        if let Some(origin) = self.unwanted_origin(link, request) {
            return self.refuse_request(link, upgrade, Code::Forbidden, None, &origin);
        }
        if !query.sid.is_empty() {
            let Some(key) = self.find_conn(&query.sid) else {
                return self.refuse_request(link, upgrade, Code::UnknownSid, None, &query.sid);
            };
            return self.session_request(link, request, &query, key, upgrade);
        }
        if request.method != "GET" {
            return self.refuse_request(link, upgrade, Code::BadMethod, None, request.method);
        }
        if websocket != upgrade {
            return self.refuse_request(link, upgrade, Code::BadRequest, None, "TRANSPORT_HANDSHAKE_ERROR");
        }
        if upgrade && let Err(error) = request.websocket_key() {
            return self.refuse_upgrade(link, error);
        }
        if self.has_no_origin(&query) {
            return self.refuse_request(link, upgrade, Code::Forbidden, None, "JSONP");
        }
        self.handshake_request(link, request, head, &query, upgrade);
    }

    /// Answers a preflight request, or notes what the answer to any other has to say. True if it is answered. With a refused upgrade
    /// nothing is said of origins, as in the reference; [`accept_upgrade`](Self::accept_upgrade) does.
    pub(super) fn answer_cors(&mut self, link: u32, request: &Request<'_>, upgrade: bool) -> bool {
        let mut headers = Vec::new();
        let mut preflight = None;
        if let Some(cors) = self.config.cors.as_ref().filter(|_| !upgrade) {
            let origin = request.header("origin");
            if request.method == "OPTIONS" {
                cors.preflight(&mut headers, origin, request.header("access-control-request-headers"));
                preflight = Some(cors.options_success_status);
            } else {
                cors.actual(&mut headers, origin);
            }
        }
        for (name, value) in &self.config.headers {
            http::header(&mut headers, name, value);
        }
        if let Link::Http(http) = self.link(link) {
            http.reply.headers = headers;
        }
        if let Some(status) = preflight {
            self.respond(link, status, "", b"");
        }
        preflight.is_some()
    }

    /// A request that names a session.
    fn session_request(&mut self, link: u32, request: &Request<'_>, query: &Query, key: Key, upgrade: bool) {
        let Some(conn) = self.conns.get(key) else { return };
        let polling = matches!(conn.transport, Transport::Polling { .. });
        if !upgrade && polling != (query.transport == "polling") {
            return self.refuse_request(link, upgrade, Code::BadRequest, None, "TRANSPORT_MISMATCH");
        }
        if query.version() != conn.version {
            return self.refuse_request(link, upgrade, Code::BadRequest, None, "PROTOCOL_MISMATCH");
        }
        if upgrade {
            return self.upgrade_request(link, request, query, key);
        }
        self.note_agent(link, request);
        match request.method {
            "GET" => self.poll_request(link, key),
            "POST" => self.post_request(link, request, key),
            _ => self.respond(link, 500, "", b""),
        }
    }

    /// Refuses the poll of a session whose time is up, if it came in this very turn, as output that waits beside it shows.
    pub(super) fn refuse_late_poll(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key).filter(|_| self.outbox.queued(key.slot) > 0) else { return };
        let Transport::Polling { poll, .. } = &mut conn.transport else { return };
        let Some(link) = poll.take() else { return };
        let sid = conn.sid.clone();
        let body = self.refusal(link, Code::UnknownSid, None, &sid);
        self.respond_to_poll(link, 400, "application/json", &body);
    }

    fn note_agent(&mut self, link: u32, request: &Request<'_>) {
        let agent = request.header("user-agent").unwrap_or_default();
        let explorer = memchr::memmem::find(agent, b";MSIE").is_some()
            || memchr::memmem::find(agent, b"Trident/").is_some();
        if let Link::Http(http) = self.link(link) {
            http.reply.explorer = explorer;
        }
    }

    // ---- handshake ----

    fn handshake_request(
        &mut self,
        link: u32,
        request: &Request<'_>,
        head: &[u8],
        query: &Query,
        upgrade: bool,
    ) {
        let Link::Http(http) = self.link(link) else { return };
        let (peer, tls) = (http.peer.clone(), http.tls.clone());
        let address = self.counted_address(&peer, request);
        let head = http::join_lines(head, request).into();
        let origin = Origin { head, peer, tls, issued: self.wall_clock() };
        if !self.config.guard_handshakes && !self.speaks(query) {
            return self.refuse_request(link, upgrade, Code::UnsupportedVersion, None, "3");
        }
        let number = match self.admit(address) {
            Ok(number) => number,
            Err(busy) => return self.refuse_for_now(link, upgrade, busy),
        };
        let transport = if upgrade {
            Transport::WebSocket { link }
        } else {
            Transport::Polling { poll: Some(link), post: None }
        };
        let Ok(key) = self.add_conn(origin, transport, address, number) else {
            self.quotas.leave(address);
            return self.refuse_request(link, upgrade, Code::BadRequest, None, "ID_GENERATION_ERROR");
        };
        if !self.config.guard_handshakes {
            return self.complete_handshake(key, request, query);
        }
        if let Some(conn) = self.conns.get_mut(key) {
            conn.state = State::Deciding;
            conn.said = self.batches.next;
        }
        if let Link::Http(http) = self.link(link) {
            http.phase = Phase::Deciding { conn: key, headers: Vec::new() };
        }
        self.timers.arm(Timer::Linger(key.slot), self.after(self.config.connect_timeout));
        self.events.push(Kind::Handshake(ConnId::new(key)));
    }

    /// The handshake is in order and, where that is asked, allowed.
    pub(super) fn complete_handshake(&mut self, key: Key, request: &Request<'_>, query: &Query) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.version = query.version();
        conn.form = query.polling_form();
        let (transport, sid) = (conn.transport, conn.sid.clone());
        let (link, upgrade) = match transport {
            Transport::WebSocket { link } => (link, true),
            Transport::Polling { poll: Some(link), .. } => (link, false),
            Transport::Polling { .. } => return,
        };
        self.timers.cancel(Timer::Linger(key.slot));
        // Not with a 101: whoever is there already need not find the way again.
        let cookie = self.config.cookie.as_ref().filter(|_| !upgrade).map(|cookie| cookie.line(&sid));
        if let (Some(cookie), Link::Http(http)) = (cookie, self.link(link)) {
            http::header(&mut http.reply.headers, "Set-Cookie", cookie);
        }
        self.add_headers(link);
        if upgrade {
            let accepted = self.accept_upgrade(link, request);
            if let Some(conn) = self.conns.get_mut(key) {
                conn.form = query.websocket_form(accepted.deflation);
            }
            self.start_websocket(link, key, Role::Main, accepted);
        } else {
            if let Some(conn) = self.conns.get_mut(key).filter(|conn| conn.version == Version::V3) {
                conn.callback = query.callback.as_deref().map(Box::from);
            }
            self.note_agent(link, request);
            if let Link::Http(http) = self.link(link) {
                http.wait(key);
            }
        }
        self.open(key);
    }

    // ---- polls and POSTs ----

    fn poll_request(&mut self, link: u32, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let Transport::Polling { poll, .. } = &mut conn.transport else { return };
        if poll.is_some() {
            self.close_conn(key, Reason::TransportError, Ending::Final);
            return self.refuse_bare(link);
        }
        *poll = Some(link);
        if let Link::Http(http) = self.link(link) {
            http.wait(key);
        }
        self.ready.push(key);
    }

    fn post_request(&mut self, link: u32, request: &Request<'_>, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let Transport::Polling { post, .. } = &mut conn.transport else { return };
        let binary = request.header("content-type") == Some(b"application/octet-stream");
        if post.is_some() || (binary && conn.version == Version::V4) {
            self.close_conn(key, Reason::TransportError, Ending::Final);
            return self.refuse_bare(link);
        }
        *post = Some(link);
        self.begin_post(link, key, request, binary);
    }

    /// A poll beside a poll, or a POST that cannot be: a bare 400.
    fn refuse_bare(&mut self, link: u32) {
        count(&mut self.counters.requests_refused, 1);
        self.respond(link, 400, "", b"");
    }

    /// The body of a POST is complete.
    pub(super) fn finish_post(
        &mut self,
        link: u32,
        key: Key,
        body: &[u8],
        binary: bool,
        upper: &mut impl Upper,
    ) {
        let Some(conn) = self.conns.get_mut(key) else { return self.respond_to_post(link) };
        conn.release_post(link);
        if conn.state == State::Lingering && conn.poll().is_none() && body == conn.version.close() {
            // Its client knows, and will not come for the poll that was to say so.
            self.drop_conn(key, Ending::Final);
            return self.respond_to_post(link);
        }
        match conn.version {
            Version::V3 => self.old_payload(key, body, binary, upper),
            // As in the reference, what is not UTF-8 is replaced, not refused.
            Version::V4 => self.payload(key, &String::from_utf8_lossy(body), upper),
        }
        self.respond_to_post(link);
    }

    // ---- upgrades ----

    fn upgrade_request(&mut self, link: u32, request: &Request<'_>, query: &Query, key: Key) {
        if query.transport != "websocket" {
            return self.refuse_request(link, true, Code::BadRequest, None, "TRANSPORT_MISMATCH");
        }
        if let Err(error) = request.websocket_key() {
            return self.refuse_upgrade(link, error);
        }
        let accepted = self.accept_upgrade(link, request);
        let Some(conn) = self.conns.get(key) else { return };
        let free = conn.is_open() && !conn.upgraded && conn.probe.is_none();
        if free && matches!(conn.transport, Transport::Polling { .. }) {
            self.start_probe(link, key, query.websocket_form(accepted.deflation), accepted);
        } else {
            // As the reference does it: accepted, and closed at once.
            self.start_websocket(link, key, Role::Closing, accepted);
            self.end_websocket(link);
        }
    }

    /// Writes the 101 for a request whose [`websocket_key`](Request::websocket_key) was checked.
    fn accept_upgrade(&mut self, link: u32, request: &Request<'_>) -> Accepted {
        let mut answer = Vec::with_capacity(256);
        let deflation = if self.config.per_message_deflate { request.deflation() } else { None };
        let client_key = request.header("sec-websocket-key").unwrap_or_default();
        let mut headers = Vec::new();
        if let Some(cors) = &self.config.cors {
            cors.actual(&mut headers, request.header("origin"));
        }
        let Link::Http(http) = self.link(link) else { return Accepted { answer, deflation: None } };
        headers.append(&mut http.reply.headers);
        let accept = http::accept_key(client_key);
        let mut response = http::switching_protocols(&mut answer, &accept);
        // The reference's WebSocket server takes the first subprotocol offered.
        if let Some(first) = request.subprotocol() {
            response = response.header("Sec-WebSocket-Protocol", first);
        }
        if let Some(deflation) = deflation {
            response = response.header("Sec-WebSocket-Extensions", deflation.answer());
        }
        response.lines(|out| out.append(&mut headers)).upgraded();
        Accepted { answer, deflation }
    }

    // ---- refusals ----

    pub(super) fn refuse_request(
        &mut self,
        link: u32,
        upgrade: bool,
        code: Code,
        message: Option<&str>,
        context: &str,
    ) {
        let body = self.refusal(link, code, message, context);
        let status = match code {
            Code::Forbidden => 403,
            Code::Unavailable => 503,
            Code::TooMany => 429,
            _ => 400,
        };
        if upgrade {
            return self.refuse_plainly(link, status, message.unwrap_or(code.message()), &[]);
        }
        self.respond(link, status, "application/json", &body);
    }

    /// Counts a refusal, tells the host if it asks to be told, and returns the body that says so.
    pub(super) fn refusal(&mut self, link: u32, code: Code, message: Option<&str>, context: &str) -> Vec<u8> {
        count(&mut self.counters.requests_refused, 1);
        let message = message.unwrap_or(code.message());
        let peer = match self.links.get(link as usize) {
            Some(Link::Http(http)) => Some(&http.peer),
            _ => None,
        };
        self.log_refused(peer, code as u8, message, context);
        if self.config.refusal_events {
            self.events.push(Kind::Refused(code as u8)).text(&[message]).text(&[context]);
        }
        let mut body = format!("{{\"code\":{},\"message\":", code as u8).into_bytes();
        json::write_string(&mut body, message);
        body.push(b'}');
        body
    }

    /// Turns a handshake away that may succeed later, or elsewhere.
    pub(super) fn refuse_for_now(&mut self, link: u32, upgrade: bool, busy: Busy) {
        if let Link::Http(http) = self.link(link) {
            http.reply.keep_alive = false;
            http::header(&mut http.reply.headers, "Retry-After", busy.retry_after().to_string());
        }
        let code = if busy.is_for_address() { Code::TooMany } else { Code::Unavailable };
        self.refuse_request(link, upgrade, code, None, busy.context());
    }

    /// Its answer is not the body that says so, but a bare text, as the reference's.
    fn refuse_upgrade(&mut self, link: u32, error: http::UpgradeError) {
        self.refusal(link, Code::BadRequest, None, error.text());
        let versions = [("Sec-WebSocket-Version".to_owned(), http::UpgradeError::VERSIONS.to_owned())];
        let headers = if error == http::UpgradeError::Version { &versions[..] } else { &[] };
        self.refuse_plainly(link, error.status(), error.text(), headers);
    }

    pub(super) fn refuse_plainly(
        &mut self,
        link: u32,
        status: u16,
        message: &str,
        headers: &[(String, String)],
    ) {
        if let Link::Http(http) = self.link(link) {
            http.reply.keep_alive = false;
        }
        self.respond_with(link, status, "text/html", headers, message.as_bytes());
    }
}

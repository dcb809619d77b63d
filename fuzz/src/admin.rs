//! The admin interface: logins and commands in any form, from several pages at once, on a broker with a client of its own. The host sees
//! nothing of it, who has not logged in changes nothing, and what pages are told can be read.

use super::client::{self, HELLO, frame};
use super::input::Input;
use roomcast::{
    AdminAuth, AdminMode, AdminOptions, Broker, Config, Event, Events, Limits, NamespaceId, SocketId,
};
use serde_json::Value;
use std::os::unix::net::UnixStream;
use std::time::Duration;

const MOST_PAGES: usize = 4;
/// Turns that a thing may take which has to come.
const PATIENCE: usize = 2_000;
const LOGIN: &str = r#"{"username":"admin","password":"secret"}"#;

struct Page {
    stream: UnixStream,
    read: Vec<u8>,
}

struct World {
    broker: Broker,
    events: Events,
    admin: NamespaceId,
    pages: Vec<Page>,
    sessions: Vec<String>,
    /// A client that minds its own business.
    client: SocketId,
    /// Somebody may have logged in, and may act.
    may_act: bool,
    read_only: bool,
}

pub(crate) fn commands(input: &[u8]) {
    let mut input = Input(input);
    let mut world = World::new(&mut input);
    while !input.is_empty() {
        world.step(&mut input);
        world.check();
    }
    world.end();
}

/// What a page says, and whether it may be a login that fits.
fn said(input: &mut Input<'_>, sessions: &[String]) -> (Vec<u8>, bool) {
    let session = match sessions {
        [] => "none",
        some => &some[input.below(some.len())],
    };
    let text = |input: &mut Input<'_>| -> String {
        match input.below(10) {
            0 => "null".into(),
            1 => "true".into(),
            2 => "\"\"".into(),
            3 => "\"/\"".into(),
            4 => "\"/admin\"".into(),
            5 => "\"a\"".into(),
            6 => "\"\\u0061\\\"\"".into(),
            7 => "{\"_placeholder\":true,\"num\":0}".into(),
            8 => String::from_utf8_lossy(input.bytes()).into_owned(),
            _ => "[1,{}]".into(),
        }
    };
    let kind = input.below(16);
    let text = match kind {
        0 => format!("40/admin,{LOGIN}"),
        1 => r#"40/admin,{"username":"admin","password":"secre"}"#.to_owned(),
        2 => format!(r#"40/admin,{{"sessionId":"{session}"}}"#),
        3 => format!(r#"40/admin,{{"username":{},"password":{}}}"#, text(input), text(input)),
        4 => "41/admin,".to_owned(),
        5 => "40".to_owned(),
        6 => format!("42[\"e\",{}]", text(input)),
        7 => "41".to_owned(),
        8 => String::from_utf8_lossy(input.bytes()).into_owned(),
        _ => {
            let name = input.pick(&["emit", "join", "leave", "_disconnect", "join", "_disconnect", "other"]);
            let mut args = vec![format!("\"{name}\""), "\"/\"".to_owned()];
            if kind == 9 {
                args.truncate(1);
            }
            args.extend((0..input.below(4)).map(|_| text(input)));
            let ack = input.pick(&["", "", "7"]);
            match input.below(4) {
                0 => {
                    let text = format!("451-/admin,{ack}[{}]", args.join(","));
                    return ([frame(1, text.as_bytes()), frame(2, b"attached")].concat(), false);
                }
                _ => format!("42/admin,{ack}[{}]", args.join(",")),
            }
        }
    };
    let fits = match kind {
        0 => true,
        2 => !sessions.is_empty(),
        3 | 8 => text.contains("secret") || text.contains('\\'),
        _ => false,
    };
    (frame(1, text.as_bytes()), fits)
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let flags = input.byte();
        let bit = |number: u8| flags >> number & 1 == 1;
        let limits = Limits { max_backlog: if bit(0) { 3_000 } else { 4 << 20 }, ..Limits::default() };
        let config = Config { limits, room_events: bit(1), msgpack: bit(2), ..Config::default() };
        let mut broker = Broker::new(config).expect("a good config");
        let auth = match bit(3) {
            true => AdminAuth::Nobody,
            false => AdminAuth::Logins(vec![("admin".into(), "secret".into()), ("b".into(), "\"".into())]),
        };
        let options = AdminOptions {
            mode: if bit(4) { AdminMode::Production } else { AdminMode::Development },
            read_only: bit(5),
            server_id: Some("\u{1}\"".into()),
            stats_interval: Duration::from_nanos(if bit(6) { 1 } else { 1_000_000_000 }),
            ..AdminOptions::default()
        };
        broker.instrument(auth, options).expect("good options");
        let admin = broker.find_namespace("/admin").expect("it is there");
        let mut events = Events::new();
        // The client stays for as long as its end of the socket is there, and is polled for.
        let mut page = dial(&mut broker);
        client::write(&mut page.stream, &frame(1, b"40"));
        let client = loop {
            broker.poll(&mut events, Some(Duration::ZERO)).expect("it goes on");
            let connected = events.iter().find_map(|event| match event {
                Event::Connect { socket, .. } => Some(socket),
                _ => None,
            });
            if let Some(socket) = connected {
                break socket;
            }
        };
        Self {
            broker,
            events,
            admin,
            pages: vec![page],
            sessions: Vec::new(),
            client,
            may_act: bit(3),
            read_only: bit(5),
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(12) {
            0 if self.pages.len() < MOST_PAGES => self.pages.push(dial(&mut self.broker)),
            1 if self.pages.len() > 1 => drop(self.pages.swap_remove(1 + input.below(self.pages.len() - 1))),
            0..=2 => self.turn(),
            3 => _ = self.broker.join(self.client, "room"),
            4 => _ = self.broker.leave(self.client, "room"),
            // The client itself says nothing.
            _ if self.pages.len() > 1 => {
                let (bytes, fits) = said(input, &self.sessions);
                self.may_act |= fits;
                let page = 1 + input.below(self.pages.len() - 1);
                client::write(&mut self.pages[page].stream, &bytes);
                if input.byte() < 200 {
                    self.turn();
                }
            }
            _ => self.pages.push(dial(&mut self.broker)),
        }
    }

    fn turn(&mut self) {
        self.broker.poll(&mut self.events, Some(Duration::ZERO)).expect("it goes on");
        for event in self.events.iter() {
            let of = match event {
                Event::ConnectRequest { namespace, .. }
                | Event::Connect { namespace, .. }
                | Event::Message { namespace, .. }
                | Event::Disconnect { namespace, .. }
                | Event::NamespaceCreated { namespace, .. } => namespace,
                _ => continue,
            };
            assert_ne!(of, self.admin, "the host is told {event:?}");
        }
        self.broker.flush();
        for page in &mut self.pages {
            client::read(&mut page.stream, &mut page.read);
            for text in client::texts(&mut page.read) {
                let Some(args) = text.strip_prefix("42/admin,") else { continue };
                let args: Vec<Value> = serde_json::from_str(args)
                    .unwrap_or_else(|error| panic!("a page is told {text}: {error}"));
                assert!(args[0].is_string(), "{text}");
                if args[0] == "session" {
                    self.sessions.extend(args[1].as_str().map(str::to_owned));
                }
            }
        }
    }

    fn check(&self) {
        if self.may_act && !self.read_only {
            return;
        }
        // Nobody has touched the client.
        let rooms = self.broker.rooms_of(self.client).expect("it is connected").count();
        assert!(rooms <= 2, "it was made to join");
        assert_eq!(self.broker.is_member(self.client, "a"), Ok(false));
    }

    fn end(mut self) {
        self.turn();
        self.check();
        self.pages.clear();
        for _ in 0..PATIENCE {
            if self.broker.stats().links == 0 {
                break;
            }
            self.broker.poll(&mut self.events, Some(Duration::from_millis(1))).expect("it goes on");
        }
        let stats = self.broker.stats();
        let left = [
            stats.links,
            stats.connections,
            stats.sockets,
            stats.rooms,
            stats.pending_acks,
            stats.queued_bytes,
        ];
        assert_eq!(left, [0; 6], "{stats:?}");
    }
}

/// One more connection, that has asked for a WebSocket.
fn dial(broker: &mut Broker) -> Page {
    let (own, other) = UnixStream::pair().expect("two descriptors");
    own.set_nonblocking(true).expect("a socket option");
    broker.adopt(other, HELLO.as_bytes(), None).expect("there is room");
    Page { stream: own, read: Vec::new() }
}

//! A stock client in the small that comes back to its session, over whatever carries it.

use super::support::{Host, PATIENCE, get, post};
use roomcast::{Config, ListenOptions, NamespaceOptions};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use tungstenite::{Message as Frame, WebSocket};

const SESSION: &str = "/socket.io/?EIO=4&transport=polling";

/// One loop accepts for all of these, and deals what it gets in turn: each new TCP connection is on another one.
pub(crate) const COUNTS: [usize; 2] = [2, 4];

pub(crate) fn recovering() -> NamespaceOptions {
    NamespaceOptions { recovery: true, ..NamespaceOptions::default() }
}

pub(crate) fn dealing(config: Config) -> Host {
    Host::listening(config, &ListenOptions { one_acceptor: true, ..ListenOptions::default() })
}

pub(crate) fn with_recovery(config: Config) -> Host {
    let mut host = dealing(config);
    host.broker.add_namespace("/", recovering()).unwrap();
    host
}

pub(crate) fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    json.split_once(&format!("\"{name}\":\""))?.1.split('"').next()
}

/// What carries a client.
pub(crate) enum Carrier {
    WebSocket(Box<WebSocket<TcpStream>>),
    /// By requests with a TCP connection each.
    Polling(SocketAddr, String),
}

/// A stock client in the small, of one namespace: it knows its session, and what it has heard last.
pub(crate) struct Client {
    pub(crate) carrier: Carrier,
    heard: VecDeque<String>,
}

fn websocket(address: SocketAddr, query: &str) -> Box<WebSocket<TcpStream>> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket{query}");
    Box::new(tungstenite::client(url, stream).unwrap().0)
}

fn body(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1
}

impl Client {
    pub(crate) fn over_websocket(address: SocketAddr) -> Self {
        let mut client = Self { carrier: Carrier::WebSocket(websocket(address, "")), heard: VecDeque::new() };
        assert!(client.read().starts_with("0{"));
        client
    }

    /// None if it is not let in.
    pub(crate) fn try_over_websocket(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let carrier = Carrier::WebSocket(Box::new(tungstenite::client(url, stream).ok()?.0));
        Some(Self { carrier, heard: VecDeque::new() })
    }

    pub(crate) fn over_polling(address: SocketAddr) -> Self {
        let answer = get(address, SESSION);
        let sid = member(body(&answer), "sid").unwrap();
        let carrier = Carrier::Polling(address, format!("{SESSION}&sid={sid}"));
        Self { carrier, heard: VecDeque::new() }
    }

    pub(crate) fn send(&mut self, packet: &str) {
        match &mut self.carrier {
            Carrier::WebSocket(socket) => socket.send(Frame::text(packet)).unwrap(),
            Carrier::Polling(address, session) => assert_eq!(body(&post(*address, session, packet)), "ok"),
        }
    }

    /// The next packet that is neither a ping nor nothing.
    pub(crate) fn read(&mut self) -> String {
        loop {
            match self.heard.pop_front() {
                Some(packet) if packet == "2" => self.send("3"),
                Some(packet) if packet == "6" => {}
                Some(packet) => return packet,
                None => self.listen(),
            }
        }
    }

    fn listen(&mut self) {
        match &mut self.carrier {
            Carrier::WebSocket(socket) => match socket.read().unwrap() {
                Frame::Text(text) => self.heard.push_back(text.to_string()),
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => self.heard.push_back(format!("{other:?}")),
            },
            Carrier::Polling(address, session) => {
                let answer = get(*address, session);
                self.heard.extend(body(&answer).split('\x1e').map(str::to_owned));
            }
        }
    }

    /// Goes over to a WebSocket in the middle of whatever it says in `between`: behind the probe, and in front of the end.
    pub(crate) fn upgrade(&mut self, between: impl FnOnce(&mut Self)) {
        let Carrier::Polling(address, session) = &self.carrier else { panic!("it has upgraded") };
        let sid = session.split_once("&sid=").unwrap().1;
        let mut probe = websocket(*address, &format!("&sid={sid}"));
        probe.send(Frame::text("2probe")).unwrap();
        assert_eq!(probe.read().unwrap(), Frame::text("3probe"));
        between(self);
        probe.send(Frame::text("5")).unwrap();
        self.carrier = Carrier::WebSocket(probe);
    }
}

/// What a client knows of its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) pid: String,
    pub(crate) offset: Option<String>,
}

impl Session {
    /// Asks for a namespace, with what is known of the session in it.
    pub(crate) fn ask(&self, prefix: &str) -> String {
        match (&*self.pid, &self.offset) {
            ("", _) => format!("40{prefix}"),
            (pid, None) => format!("40{prefix}{{\"pid\":\"{pid}\"}}"),
            (pid, Some(offset)) => format!("40{prefix}{{\"pid\":\"{pid}\",\"offset\":\"{offset}\"}}"),
        }
    }

    /// Reads up to the answer to it, and returns the events before.
    pub(crate) fn enter(&mut self, client: &mut Client, prefix: &str) -> Vec<String> {
        let mut missed: Vec<String> = Vec::new();
        loop {
            let packet = client.read();
            if let Some(answer) = packet.strip_prefix(&format!("40{prefix}{{")) {
                self.sid = member(answer, "sid").unwrap().to_owned();
                self.pid = member(answer, "pid").unwrap_or_default().to_owned();
                return missed.iter().map(|packet| self.take(packet)).collect();
            }
            missed.push(packet);
        }
    }

    pub(crate) fn hear(&mut self, client: &mut Client) -> String {
        let packet = client.read();
        self.take(&packet)
    }

    /// Notes the offset of an event, and returns the event without it.
    pub(crate) fn take(&mut self, packet: &str) -> String {
        let (event, offset) = packet.rsplit_once(",\"").unwrap_or_else(|| panic!("no offset: {packet}"));
        self.offset = Some(offset.strip_suffix("\"]").unwrap().to_owned());
        format!("{event}]")
    }
}

/// How a client comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    WebSocket,
    /// With a message behind its CONNECT in one piece.
    Hasty,
    Polling,
    /// It asks before it upgrades.
    Before,
    /// It asks behind the probe.
    Amid,
    After,
}

pub(crate) const WAYS: [Way; 6] =
    [Way::WebSocket, Way::Hasty, Way::Polling, Way::Before, Way::Amid, Way::After];

impl Way {
    /// Comes back by a new connection. Returns it, and what was missed.
    pub(crate) fn come(self, address: SocketAddr, session: &mut Session) -> (Client, Vec<String>) {
        let ask = session.ask("");
        let mut client = match self {
            Way::WebSocket | Way::Hasty => Client::over_websocket(address),
            _ => Client::over_polling(address),
        };
        match self {
            Way::WebSocket | Way::Polling => client.send(&ask),
            Way::Hasty => {
                let Carrier::WebSocket(socket) = &mut client.carrier else { unreachable!() };
                socket.write(Frame::text(&ask)).unwrap();
                for _ in 0..3 {
                    socket.write(Frame::text("42[\"hasty\"]")).unwrap();
                }
                socket.flush().unwrap();
            }
            Way::Before => {
                client.send(&ask);
                client.upgrade(|_| {});
            }
            Way::Amid => client.upgrade(|client| client.send(&ask)),
            Way::After => {
                client.upgrade(|_| {});
                client.send(&ask);
            }
        }
        let missed = session.enter(&mut client, "");
        (client, missed)
    }
}

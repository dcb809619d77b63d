//! A host to be driven step by step, and a client in the small.

use roomcast::{Broker, Config, Event, Events, ListenOptions, SocketId};
#[cfg(poll_descriptor)]
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tungstenite::{Message as Frame, WebSocket};

/// Nothing here takes this long; it is what a test waits before it gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A stock client in the small: Engine.IO over a WebSocket, one namespace.
pub(crate) struct Client(WebSocket<TcpStream>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Over a stream that is there.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = "ws://localhost/socket.io/?EIO=4&transport=websocket";
        let (socket, _) = tungstenite::client(url, stream).unwrap();
        let mut client = Self(socket);
        assert!(client.read().starts_with("0{"));
        client.send("40");
        let mut answer = client.read();
        while answer == "2" {
            client.send("3");
            answer = client.read();
        }
        assert!(answer.starts_with("40{"), "{answer}");
        client
    }

    #[allow(dead_code, reason = "for tests/loops, which shares this file")]
    pub(crate) fn peer(&self) -> SocketAddr {
        self.0.get_ref().local_addr().unwrap()
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.0.send(Frame::text(text)).unwrap();
    }

    /// Reads one frame; false when the connection has ended.
    #[allow(dead_code, reason = "for tests/loops, which shares this file")]
    pub(crate) fn is_there(&mut self) -> bool {
        self.0.read().is_ok()
    }

    pub(crate) fn read(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Frame::Text(text) => return text.to_string(),
                Frame::Ping(_) | Frame::Pong(_) => {}
                other => return format!("{other:?}"),
            }
        }
    }
}

pub(crate) struct Host {
    pub(crate) broker: Broker,
    pub(crate) events: Events,
    pub(crate) address: SocketAddr,
}

impl Host {
    /// One loop accepts for all if the environment says so, as where the kernel spreads no connections.
    pub(crate) fn new(config: Config) -> Self {
        let one_acceptor = std::env::var_os("ROOMCAST_TEST_ONE_ACCEPTOR").is_some();
        Self::listening(config, &ListenOptions { one_acceptor, ..ListenOptions::default() })
    }

    pub(crate) fn listening(config: Config, options: &ListenOptions) -> Self {
        let mut broker = Broker::new(config).unwrap();
        let address = broker.listen_with("127.0.0.1:0", options).unwrap();
        Self { broker, events: Events::new(), address }
    }

    /// Polls until `done` says so.
    pub(crate) fn until(&mut self, done: impl FnMut(&mut Broker, &Events) -> bool) {
        self.until_for(PATIENCE, done);
    }

    /// The same for what takes longer.
    pub(crate) fn until_for(
        &mut self,
        patience: Duration,
        mut done: impl FnMut(&mut Broker, &Events) -> bool,
    ) {
        let end = Instant::now() + patience;
        while !done(&mut self.broker, &self.events) {
            assert!(Instant::now() < end, "it never came");
            self.broker.poll(&mut self.events, Some(Duration::from_millis(50))).unwrap();
        }
    }

    /// Runs a client beside the broker and returns what it returns.
    pub(crate) fn with<T: Send + 'static>(
        &mut self,
        client: impl FnOnce(SocketAddr) -> T + Send + 'static,
    ) -> T {
        let address = self.address;
        let thread = thread::spawn(move || client(address));
        self.until(|_, _| thread.is_finished());
        thread.join().unwrap()
    }

    /// Starts a client and waits for its socket. The client begins when that was seen, so that nothing it says or does is in a
    /// batch of events that nobody looks at any more.
    pub(crate) fn join<T: Send + 'static>(
        &mut self,
        client: impl FnOnce(Client) -> T + Send + 'static,
    ) -> (SocketId, JoinHandle<T>) {
        // What the last poll brought is not this client's.
        self.events = Events::new();
        let address = self.address;
        let (begin, told) = channel();
        let thread = thread::spawn(move || {
            let connected = Client::connect(address);
            told.recv().expect("the host has seen it");
            client(connected)
        });
        let mut found = None;
        self.until(|_, events| {
            for event in events.iter() {
                if let Event::Connect { socket, .. } = event {
                    found = Some(socket);
                }
            }
            found.is_some()
        });
        begin.send(()).expect("it waits");
        (found.unwrap(), thread)
    }

    #[cfg(poll_descriptor)]
    pub(crate) fn readable(&self, wait: Duration) -> bool {
        let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
        poll(&mut [PollFd::new(&self.broker, PollFlags::IN)], Some(&wait)).unwrap() > 0
    }

    /// Polls until the descriptor falls silent.
    #[cfg(poll_descriptor)]
    pub(crate) fn settle(&mut self) {
        while self.readable(Duration::ZERO) {
            self.broker.poll(&mut self.events, Some(Duration::ZERO)).unwrap();
        }
    }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn post(address: SocketAddr, path: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}");
    request(address, &format!("{head}\r\n\r\n{body}"))
}

pub(crate) fn request(address: SocketAddr, request: &str) -> String {
    String::from_utf8(request_bytes(address, request)).unwrap()
}

pub(crate) fn request_bytes(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// What a client asks for who has no session yet.
#[allow(dead_code, reason = "for tests/loops, which shares this file")]
pub(crate) const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

/// Runs a client beside a host that deals with each event by `on`; returns what the client returns.
#[allow(dead_code, reason = "for tests/loops, which shares this file")]
pub(crate) fn serve<T: Send + 'static>(
    config: Config,
    mut on: impl FnMut(&mut roomcast::Broker, &Event<'_>),
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    let mut host = Host::new(config);
    let address = host.address;
    let thread = std::thread::spawn(move || client(address));
    host.until(|broker, events| {
        events.iter().for_each(|event| on(broker, &event));
        thread.is_finished()
    });
    thread.join().unwrap()
}

/// The first header of this name in an answer.
#[allow(dead_code, reason = "for tests/loops, which shares this file")]
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

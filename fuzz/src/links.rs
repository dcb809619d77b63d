//! Links before they are anybody's: over TLS, behind the PROXY protocol, adopted with what was read of them or with a request that was parsed,
//! and handed back. What comes is bytes that nobody chose, and such as a good client sends, cut anywhere, some changed. Nothing panics, each
//! end is counted once, what is handed back is what was sent, and when all have gone, nothing is left.

use super::client::{self, HELLO};
use super::input::Input;
use roomcast::wire::http;
use roomcast::{Broker, Config, Event, Events, Limits, ListenOptions, ParsedRequest, Peer, Resource};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const MOST_CLIENTS: usize = 4;
/// Turns that a thing may take which has to come.
const PATIENCE: usize = 4_000;

/// A client's end, of whatever kind.
enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Wire {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Tcp(stream) => stream.read(piece),
            Wire::Unix(stream) => stream.read(piece),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Tcp(stream) => stream.write(bytes),
            Wire::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    fn shut(&self) {
        _ = match self {
            Wire::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Wire::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

struct Client {
    wire: Wire,
    /// What it has to say that it has not sent.
    unsent: Vec<u8>,
    read: Vec<u8>,
    #[cfg(feature = "tls")]
    tls: Option<Box<rustls::ClientConnection>>,
}

struct World {
    broker: Broker,
    events: Events,
    /// Where it listens: plain, behind a proxy, over TLS, and both.
    addresses: Vec<SocketAddr>,
    clients: Vec<Client>,
    /// Requests that were adopted as parsed ones, by the ports of their peers.
    parsed: Vec<Parsed>,
    adopted: u64,
    refused: u64,
}

struct Parsed {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
}

pub(crate) fn links(input: &[u8]) {
    let mut input = Input(input);
    let mut world = World::new(&mut input);
    while !input.is_empty() {
        world.step(&mut input);
    }
    world.end();
}

/// The header of a proxy, good or not.
fn proxied(input: &mut Input<'_>) -> Vec<u8> {
    const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    match input.below(6) {
        0 | 1 => b"PROXY TCP4 192.0.2.1 198.51.100.7 40332 443\r\n".to_vec(),
        2 => b"PROXY UNKNOWN\r\n".to_vec(),
        3 => {
            let more = input.bytes();
            let length = (12 + more.len()) as u16;
            let addresses = [192, 0, 2, 1, 198, 51, 100, 7, 0x9d, 0x8c, 1, 0xbb];
            [BINARY, &[0x21, 0x11], &length.to_be_bytes(), &addresses, more].concat()
        }
        4 => [BINARY, &[0x20, 0, 0, 0]].concat(),
        _ => input.bytes().to_vec(),
    }
}

/// What is said over a link.
fn said(input: &mut Input<'_>) -> Vec<u8> {
    match input.below(8) {
        0 | 1 => b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        2 => [HELLO.as_bytes(), &client::frame(1, b"40"), &client::frame(1, b"42[\"e\"]")].concat(),
        3 => b"GET /foreign HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody".to_vec(),
        4 => b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        5 => client::frame(1, &[b"42[\"e\",\"", &vec![b'x'; input.below(4_000)][..], b"\"]"].concat()),
        _ => input.bytes().to_vec(),
    }
}

/// Some bytes in the place of others.
fn change(input: &mut Input<'_>, bytes: &mut Vec<u8>) {
    for _ in 0..input.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = input.below(bytes.len());
        match input.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, input.byte()),
            _ => bytes[at] ^= input.byte(),
        }
    }
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let flags = input.byte();
        let bit = |number: u8| flags >> number & 1 == 1;
        let limits = Limits {
            max_payload: 10_000,
            max_head_bytes: 1_024,
            max_links: 6,
            max_events: if bit(0) { 4 } else { 1_000 },
            ..Limits::default()
        };
        let (loops, hand_back) = (if bit(1) && bit(2) { 2 } else { 0 }, bit(3));
        let config = Config { limits, loops, hand_back, guard_handshakes: bit(4), ..Config::default() };
        let mut broker = Broker::new(config).expect("a good config");
        broker.serve("/page", Resource::new("text/plain", "page")).expect("a good path");
        let mut addresses = Vec::new();
        for proxy_protocol in [false, true] {
            let options = ListenOptions { proxy_protocol, ..ListenOptions::default() };
            addresses.push(broker.listen_with("127.0.0.1:0", &options).expect("a free port"));
            #[cfg(feature = "tls")]
            addresses
                .push(broker.listen_tls_with("127.0.0.1:0", tls::shown(), &options).expect("a free port"));
        }
        Self {
            broker,
            events: Events::new(),
            addresses,
            clients: Vec::new(),
            parsed: Vec::new(),
            adopted: 0,
            refused: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(12) {
            0 | 1 => self.dial(input),
            2 => self.adopt(input),
            3 => self.adopt_parsed(input),
            4..=6 => {
                if let Some(at) = self.one(input) {
                    let bytes = said(input);
                    self.clients[at].say(&bytes);
                    self.send(input, at);
                }
            }
            7 | 8 => {
                if let Some(at) = self.one(input) {
                    self.send(input, at);
                }
            }
            9 => {
                if let Some(at) = self.one(input) {
                    match input.below(3) {
                        0 => self.clients[at].wire.shut(),
                        1 => self.clients[at].end(),
                        _ => drop(self.clients.swap_remove(at)),
                    }
                }
            }
            _ => self.turn(0),
        }
    }

    fn one(&self, input: &mut Input<'_>) -> Option<usize> {
        (!self.clients.is_empty()).then(|| input.below(self.clients.len()))
    }

    /// Sends what a client has to say, or a part of it, or something like it.
    fn send(&mut self, input: &mut Input<'_>, at: usize) {
        let client = &mut self.clients[at];
        client.gather();
        let count = match input.below(4) {
            0 => input.below(client.unsent.len() + 1),
            _ => client.unsent.len(),
        };
        let mut bytes: Vec<u8> = client.unsent.drain(..count).collect();
        if input.byte() > 220 {
            change(input, &mut bytes);
        }
        client::write(&mut client.wire, &bytes);
        self.turn(0);
    }

    fn dial(&mut self, input: &mut Input<'_>) {
        if self.clients.len() >= MOST_CLIENTS {
            return;
        }
        let kind = input.below(self.addresses.len());
        let stream = TcpStream::connect(self.addresses[kind]).expect("the broker listens");
        // Thousands of ports would wait for stray packets otherwise.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket option");
        stream.set_nonblocking(true).expect("a socket option");
        let behind_proxy = kind >= self.addresses.len() / 2;
        let mut client = Client::over(Wire::Tcp(stream));
        if behind_proxy {
            client.unsent = proxied(input);
        }
        #[cfg(feature = "tls")]
        if kind % 2 == 1 && input.byte() < 200 {
            client.tls = Some(tls::client(input.flag()));
        }
        self.clients.push(client);
    }

    fn pair(&mut self) -> Option<UnixStream> {
        if self.clients.len() >= MOST_CLIENTS {
            return None;
        }
        let (own, other) = UnixStream::pair().expect("two descriptors");
        own.set_nonblocking(true).expect("a socket option");
        self.clients.push(Client::over(Wire::Unix(own)));
        Some(other)
    }

    fn adopt(&mut self, input: &mut Input<'_>) {
        let Some(stream) = self.pair() else { return };
        let prefix = said(input);
        match self.broker.adopt(stream, &prefix, None) {
            Ok(()) => self.adopted += 1,
            Err(_) => self.refused += 1,
        }
    }

    /// A request as a server of the host's own has it: with parts that a client chose.
    fn adopt_parsed(&mut self, input: &mut Input<'_>) {
        let Some(stream) = self.pair() else { return };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let method = match input.below(4) {
            0 => text(input.bytes()),
            _ => "GET".to_owned(),
        };
        let target = match input.below(4) {
            0 => text(input.bytes()),
            1 => format!("/foreign{}", text(input.bytes())),
            2 => "/page".to_owned(),
            _ => "/socket.io/?EIO=4&transport=polling".to_owned(),
        };
        let headers: Vec<(String, Vec<u8>)> = (0..input.below(4))
            .map(|_| match input.below(4) {
                0 => ("Host".to_owned(), b"x".to_vec()),
                1 => ("Connection".to_owned(), b"close".to_vec()),
                2 => ("X-Given".to_owned(), input.bytes().to_vec()),
                _ => (text(input.bytes()), input.bytes().to_vec()),
            })
            .collect();
        let given: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let rest = if input.flag() { said(input) } else { Vec::new() };
        let request = ParsedRequest { method: &method, target: &target, headers: &given, rest: &rest };
        let peer = Peer::from(([192, 0, 2, 9], self.parsed.len() as u16));
        match self.broker.adopt_request(stream, &request, Some(peer)) {
            Ok(()) => {
                self.adopted += 1;
                self.parsed.push(Parsed { method, target, headers });
            }
            Err(_) => self.refused += 1,
        }
        self.turn(0);
    }

    fn turn(&mut self, millis: u64) {
        self.broker.poll(&mut self.events, Some(Duration::from_millis(millis))).expect("no loop has ended");
        let mut back = Vec::new();
        for event in self.events.iter() {
            match event {
                Event::Handshake { conn } => back.push(Err(conn)),
                Event::Foreign { descriptor, bytes, peer } => {
                    let limits = Limits { max_head_bytes: 1 << 16, ..Limits::default() };
                    let Ok(Some((request, _))) = http::parse_head(bytes, &limits) else {
                        panic!("what is handed back is no request: {}", bytes.escape_ascii());
                    };
                    if let Some(port) = peer.strip_prefix("192.0.2.9:") {
                        self.parsed[port.parse::<usize>().expect("a port")].is(&request);
                    }
                    // Every other one comes again, for the broker to have it until it ends.
                    if bytes.len() % 2 == 0 {
                        back.push(Ok((descriptor.try_clone().expect("a descriptor"), bytes.to_vec())));
                    }
                }
                _ => {}
            }
        }
        for back in back {
            match back {
                // It may have gone.
                Err(conn) => _ = self.broker.allow(conn),
                Ok((descriptor, bytes)) => {
                    let bytes = [b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n", &bytes[..]].concat();
                    match self.broker.adopt(descriptor, &bytes, None) {
                        Ok(()) => self.adopted += 1,
                        Err(_) => self.refused += 1,
                    }
                }
            }
        }
        for client in &mut self.clients {
            client.hear();
        }
    }

    fn end(mut self) {
        self.turn(0);
        self.clients.clear();
        for _ in 0..PATIENCE {
            self.turn(0);
            if self.broker.stats().links == 0 {
                break;
            }
            self.turn(1);
        }
        self.broker.close(&mut self.events, Duration::from_secs(2)).expect("it closes");
        let stats = self.broker.stats();
        let left = [stats.links, stats.connections, stats.sockets, stats.queued_bytes];
        assert_eq!(left, [0; 4], "{stats:?}");
        assert_eq!(stats.counters.links_adopted, self.adopted, "{} were not taken: {stats:?}", self.refused);
    }
}

impl Parsed {
    /// What is handed back of it is the same request.
    fn is(&self, request: &http::Request<'_>) {
        if !self.target.starts_with("/foreign") {
            // The broker has answered that one itself, and this is one behind it.
            return;
        }
        assert_eq!((request.method, request.target), (&*self.method, &*self.target));
        for (name, _) in request.headers() {
            let values: Vec<&[u8]> = request.all(name).map(<[u8]>::trim_ascii).collect();
            let given = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
            let given: Vec<&[u8]> = given.map(|(_, value)| value.trim_ascii()).collect();
            assert_eq!(values, given, "{name}");
        }
        for (name, _) in &self.headers {
            assert!(request.header(name).is_some(), "{name} is missing");
        }
    }
}

impl Client {
    fn over(wire: Wire) -> Self {
        Self {
            wire,
            unsent: Vec::new(),
            read: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            // It keeps some of it until its handshake is over.
            _ = tls.writer().write(bytes);
            return;
        }
        self.unsent.extend_from_slice(bytes);
    }

    /// What its TLS has to say.
    fn gather(&mut self) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.unsent).expect("a vector takes all");
            }
        }
    }

    /// It says that nothing follows.
    fn end(&mut self) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        self.gather();
        let bytes = std::mem::take(&mut self.unsent);
        client::write(&mut self.wire, &bytes);
        self.wire.shut();
    }

    fn hear(&mut self) {
        self.read.clear();
        client::read(&mut self.wire, &mut self.read);
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let mut sealed = &self.read[..];
            while !sealed.is_empty() {
                // Where something was changed on its way it may understand nothing any more.
                if tls.read_tls(&mut sealed).is_err() || tls.process_new_packets().is_err() {
                    break;
                }
                let mut plain = Vec::new();
                client::read(&mut tls.reader(), &mut plain);
            }
        }
    }
}

#[cfg(feature = "tls")]
mod tls {
    use roomcast::TlsConfig;
    use rustls::crypto::ring;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, version};
    use std::sync::{Arc, LazyLock};

    struct Made {
        shown: TlsConfig,
        clients: [Arc<ClientConfig>; 2],
    }

    static MADE: LazyLock<Made> = LazyLock::new(|| {
        let made = rcgen::generate_simple_self_signed(["h".to_owned()]).expect("a certificate");
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a certificate");
        let clients = [&version::TLS13, &version::TLS12].map(|version| {
            let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[version])
                .expect("a version that it knows");
            Arc::new(builder.with_root_certificates(roots.clone()).with_no_client_auth())
        });
        Made { shown: TlsConfig::from_pem(chain.as_bytes(), key.as_bytes()).expect("good ones"), clients }
    });

    pub(super) fn shown() -> &'static TlsConfig {
        &MADE.shown
    }

    pub(super) fn client(old: bool) -> Box<ClientConnection> {
        let name = ServerName::try_from("h").expect("a name");
        Box::new(ClientConnection::new(MADE.clients[usize::from(old)].clone(), name).expect("a client"))
    }
}

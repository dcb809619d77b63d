//! Clients over TLS, with real sockets: rustls' and, where they are installed, openssl's and curl. What a host sees must be what it sees
//! without TLS, with loops of its own or without.

mod others;
mod slow;
#[allow(dead_code, unused_imports)]
#[path = "../broker/support.rs"]
mod support;

use roomcast::{Broker, Config, Counters, Event, Events, Limits, Message, Target, TlsConfig};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use support::{Host, PATIENCE};
use tungstenite::{Message as Frame, WebSocket};

const COUNTS: [usize; 3] = [0, 1, 3];

struct Made {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl Made {
    fn new(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self { certificate: made.cert, key: made.signing_key }
    }

    fn tls(&self) -> TlsConfig {
        TlsConfig::from_pem(self.certificate.pem().as_bytes(), self.key.serialize_pem().as_bytes()).unwrap()
    }
}

/// A client's configuration, which remembers its sessions.
fn trusting(made: &[&Made], identity: Option<&Made>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for made in made {
        roots.add(made.certificate.der().clone()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(made) => {
            let key = PrivateKeyDer::from_pem_slice(made.key.serialize_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![made.certificate.der().clone()], key).unwrap()
        }
    })
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn open(address: SocketAddr, config: &Arc<ClientConfig>) -> Stream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), stream)
}

/// A stock client in the small, over TLS.
struct Client(WebSocket<Stream>);

impl Client {
    fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let url = "ws://localhost/socket.io/?EIO=4&transport=websocket";
        let (socket, _) = tungstenite::client(url, open(address, config)).unwrap();
        let mut client = Self(socket);
        assert!(client.read().starts_with("0{"));
        client.send("40");
        assert!(client.read().starts_with("40{"));
        client
    }

    fn send(&mut self, text: &str) {
        self.0.send(Frame::text(text)).unwrap();
    }

    fn read(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Frame::Text(text) if text.as_str() == "2" => self.send("3"),
                Frame::Text(text) => return text.to_string(),
                other => return format!("{other:?}"),
            }
        }
    }

    fn kind(&self) -> Option<HandshakeKind> {
        self.0.get_ref().conn.handshake_kind()
    }
}

fn secured(config: Config, tls: &TlsConfig) -> Host {
    let mut broker = Broker::new(config).unwrap();
    let address = broker.listen_tls("127.0.0.1:0", tls).unwrap();
    Host { broker, events: Events::new(), address }
}

/// Its version of TLS, and its certificate.
type Came = (String, Option<Box<[u8]>>);

/// Runs a client beside the host, which sends every message back to its socket, and writes down how each came.
fn beside<T: Send + 'static>(
    host: &mut Host,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> (T, Vec<Came>) {
    let (address, mut came) = (host.address, Vec::new());
    // What the last poll brought is handled.
    host.events = Events::new();
    let client = thread::spawn(move || client(address));
    host.until(|broker, events| {
        for event in events.iter() {
            match event {
                Event::Message { socket, name, args, .. } => {
                    let _ = broker.send(socket, Message::new(name, args));
                }
                Event::Connect { socket, .. } => {
                    if let Ok(said) = broker.handshake(socket) {
                        let tls = said.tls().expect("it came over TLS");
                        came.push((tls.version.to_owned(), tls.certificate.clone()));
                    }
                }
                _ => {}
            }
        }
        client.is_finished()
    });
    (client.join().unwrap(), came)
}

fn until_counted(host: &mut Host, counted: impl Fn(&Counters) -> bool) {
    host.until(|broker, _| counted(&broker.stats().counters));
}

fn limited(loops: usize, limits: Limits) -> Config {
    Config { loops, limits, ..Config::default() }
}

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

fn request(address: SocketAddr, config: &Arc<ClientConfig>, method: &str, path: &str, body: &str) -> String {
    let mut stream = open(address, config);
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}"
    );
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    // Without the close of TLS before that of TCP it would be an error.
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

#[test]
fn websockets_and_polling() {
    let made = Made::new("localhost");
    for loops in COUNTS {
        let mut host = secured(Config { loops, ..Config::default() }, &made.tls());
        let trust = trusting(&[&made], None);
        let ((), came) = beside(&mut host, move |address| {
            let large = "x".repeat(200_000);
            let mut client = Client::connect(address, &trust);
            for text in ["hello", &large, "behind"] {
                client.send(&format!(r#"42["m","{text}"]"#));
                assert_eq!(client.read(), format!(r#"42["m","{text}"]"#));
            }
            // Each request comes over a link of its own, and so perhaps to another loop.
            for _ in 0..8 {
                let open = request(address, &trust, "GET", POLLING, "");
                let sid = open.split('"').nth(3).expect("an id").to_owned();
                let path = format!("{POLLING}&sid={sid}");
                assert_eq!(request(address, &trust, "POST", &path, "40\x1e42[\"m\",1]"), "ok");
                let mut heard = String::new();
                while !heard.contains(r#"42["m",1]"#) {
                    heard += &request(address, &trust, "GET", &path, "");
                }
            }
        });
        assert!(loops > 0 || came.iter().all(|(version, _)| version == "TLSv1.3"), "{came:?}");
        let counters = host.broker.stats().counters;
        assert!(counters.tls_handshakes >= 25, "{counters:?}");
        assert_eq!(counters.tls_malformed + counters.tls_abandoned + counters.tls_refused, 0);
    }
}

#[test]
fn who_comes_again_resumes_also_after_new_certificates() {
    let (made, newer) = (Made::new("localhost"), Made::new("localhost"));
    for loops in COUNTS {
        let mut host = secured(Config { loops, ..Config::default() }, &made.tls());
        let trust = trusting(&[&made, &newer], None);
        let connect = |host: &mut Host, trust: &Arc<ClientConfig>| {
            let trust = trust.clone();
            beside(host, move |address| {
                let mut client = Client::connect(address, &trust);
                client.send(r#"42["m"]"#);
                assert_eq!(client.read(), r#"42["m"]"#);
                let shown = client.0.get_ref().conn.peer_certificates().map(|chain| chain[0].to_vec());
                (client.kind().unwrap(), shown.unwrap(), client)
            })
            .0
        };
        let (kind, shown, _old) = connect(&mut host, &trust);
        assert_eq!((kind, &shown[..]), (HandshakeKind::Full, &made.certificate.der()[..]));
        assert_eq!(connect(&mut host, &trust).0, HandshakeKind::Resumed);
        // Nobody is disconnected, and who has a ticket needs no certificate.
        let (kind, shown, mut open) = connect(&mut host, &trust);
        assert_eq!((kind, &shown[..]), (HandshakeKind::Resumed, &made.certificate.der()[..]));
        let port = host.address.port();
        host.broker.set_tls(port, &newer.tls()).unwrap();
        assert_eq!(connect(&mut host, &trust).0, HandshakeKind::Resumed);
        let (kind, shown, _) = connect(&mut host, &trusting(&[&made, &newer], None));
        assert_eq!((kind, &shown[..]), (HandshakeKind::Full, &newer.certificate.der()[..]));
        beside(&mut host, move |_| {
            open.send(r#"42["still"]"#);
            assert_eq!(open.read(), r#"42["still"]"#);
        });
        // Where somebody is asked who he is, nobody gets around it by a ticket from before.
        let mut asking = newer.tls();
        asking.ask_clients(made.certificate.pem().as_bytes(), false).unwrap();
        host.broker.set_tls(port, &asking).unwrap();
        assert_eq!(connect(&mut host, &trust).0, HandshakeKind::Full);
        assert!(host.broker.set_tls(1, &asking).unwrap_err().to_string().contains("this port"));
    }
}

#[test]
fn certificates_of_clients_are_in_their_handshakes() {
    let (made, somebody, nobody) = (Made::new("localhost"), Made::new("somebody"), Made::new("nobody"));
    let mut tls = made.tls();
    tls.ask_clients(somebody.certificate.pem().as_bytes(), true).unwrap();
    let mut host = secured(Config::default(), &tls);
    let trust = trusting(&[&made], Some(&somebody));
    let (_, came) = beside(&mut host, move |address| Client::connect(address, &trust).send("1"));
    assert_eq!(came, [("TLSv1.3".to_owned(), Some(somebody.certificate.der()[..].into()))]);
    for identity in [None, Some(&nobody)] {
        let trust = trusting(&[&made], identity);
        let before = host.broker.stats().counters.tls_untrusted;
        beside(&mut host, move |address| {
            let mut stream = open(address, &trust);
            // In TLS 1.3 a client learns of it behind its own part.
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
            assert!(stream.read(&mut [0; 100]).is_err());
        });
        until_counted(&mut host, |counters| counters.tls_untrusted == before + 1);
    }
}

/// As many records as a client gets for many messages of one tick.
#[test]
fn what_is_said_in_one_tick_is_one_record() {
    let made = Made::new("localhost");
    let mut host = secured(Config::default(), &made.tls());
    let ns = host.broker.find_namespace("/").unwrap();
    let trust = trusting(&[&made], None);
    let address = host.address;
    let client = thread::spawn(move || {
        let mut client = Client::connect(address, &trust);
        client.send(r#"42["go"]"#);
        let mut heard = 0;
        while client.read() != r#"42["end"]"# {
            heard += 1;
        }
        heard
    });
    let mut said = false;
    host.until(|broker, events| {
        if !said && events.iter().any(|event| matches!(event, Event::Message { .. })) {
            said = true;
            broker.flush();
            let before = broker.stats().counters.bytes_out;
            for _ in 0..100 {
                broker.emit(Target::all(ns), Message::new("m", r#"["x"]"#)).unwrap();
            }
            broker.emit(Target::all(ns), Message::new("end", "[]")).unwrap();
            broker.flush();
            // Without TLS's own.
            assert_eq!(broker.stats().counters.bytes_out - before, 100 * 13 + 11);
        }
        client.is_finished()
    });
    assert_eq!(client.join().unwrap(), 100);
}

/// Certificates change all the while clients come, speak and go.
#[test]
fn new_certificates_under_load() {
    let (one, other) = (Made::new("localhost"), Made::new("localhost"));
    for loops in COUNTS {
        let mut host = secured(Config { loops, ..Config::default() }, &one.tls());
        let trust = trusting(&[&one, &other], None);
        let address = host.address;
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let trust = trust.clone();
                thread::spawn(move || {
                    let mut first = Client::connect(address, &trust);
                    for round in 0..20 {
                        let mut client = Client::connect(address, &trust);
                        for client in [&mut first, &mut client] {
                            client.send(&format!(r#"42["m",{round}]"#));
                            assert_eq!(client.read(), format!(r#"42["m",{round}]"#));
                        }
                    }
                })
            })
            .collect();
        let (port, mut shows) = (address.port(), [&one, &other].into_iter().cycle());
        host.until(|broker, events| {
            broker.set_tls(port, &shows.next().unwrap().tls()).unwrap();
            for event in events.iter() {
                if let Event::Message { socket, name, args, .. } = event {
                    let _ = broker.send(socket, Message::new(name, args));
                }
            }
            clients.iter().all(|client| client.is_finished())
        });
        for client in clients {
            client.join().unwrap();
        }
    }
}

#[test]
fn a_close_says_so() {
    let made = Made::new("localhost");
    let mut host = secured(Config::default(), &made.tls());
    let trust = trusting(&[&made], None);
    let address = host.address;
    let client = thread::spawn(move || {
        let mut client = Client::connect(address, &trust);
        client.send(r#"42["m"]"#);
        client.read();
        let mut heard = Vec::new();
        while let Ok(frame) = client.0.read() {
            heard.push(frame.to_string());
        }
        let mut rest = Vec::new();
        // It is an error if TCP ends before TLS does.
        client.0.get_mut().read_to_end(&mut rest).unwrap();
        heard
    });
    host.until(|broker, events| {
        let said = events.iter().any(|event| matches!(event, Event::Message { .. }));
        if said {
            let ns = broker.find_namespace("/").unwrap();
            broker.emit(Target::all(ns), Message::new("m", "[]")).unwrap();
        }
        said
    });
    let mut events = Events::new();
    host.broker.close(&mut events, Duration::from_secs(5)).unwrap();
    let heard = client.join().unwrap();
    assert_eq!(heard, [""], "the close of the WebSocket");
    assert!(host.broker.set_tls(address.port(), &made.tls()).is_err(), "nothing listens any more");
}

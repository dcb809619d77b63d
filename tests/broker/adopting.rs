//! Connections that the host has accepted: with what it has read of them, with a request that it has parsed, and such as cannot be taken.

use crate::support::{Client, Host, PATIENCE};
use roomcast::{Broker, Config, Error, Event, Events, Limits, Message, NotAdopted, ParsedRequest, Peer};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;

const SHAKE: &str = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";

/// A host that accepts by itself, and a broker that listens nowhere.
fn host(loops: usize, limits: Limits) -> (Host, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let broker = Broker::new(Config { loops, limits, ..Config::default() }).unwrap();
    (Host { broker, events: Events::new(), address }, listener)
}

/// One answer of a connection that stays open.
fn answer(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let before = head.len();
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
        if let Some(value) = head[before..].strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// Echoes until the client is done and so many sockets have come: with loops, a client may hear of it first. Returns where sockets said
/// they come from.
fn echo<T>(host: &mut Host, client: thread::JoinHandle<T>, comers: usize) -> (T, Vec<String>) {
    let mut said = Vec::new();
    host.events = Events::new();
    host.until(|broker, events| {
        for event in events.iter() {
            match event {
                Event::Connect { socket, .. } => {
                    said.extend(broker.handshake(socket).map(|it| it.address().to_string()));
                }
                Event::Message { socket, name, args, .. } => {
                    let _ = broker.send(socket, Message::new(name, args));
                }
                _ => {}
            }
        }
        client.is_finished() && said.len() >= comers
    });
    (client.join().unwrap(), said)
}

#[test]
fn what_was_read_comes_before_what_is_still_to_be_read() {
    for loops in [0, 1, 3] {
        let (mut host, listener) = host(loops, Limits::default());
        for count in (0..=SHAKE.len()).step_by(if loops == 0 { 1 } else { 9 }) {
            let client = TcpStream::connect(host.address).unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            let (mut accepted, _) = listener.accept().unwrap();
            let mut client = BufReader::new(client);
            client.get_mut().write_all(SHAKE.as_bytes()).unwrap();
            let mut prefix = vec![0; count];
            accepted.read_exact(&mut prefix).unwrap();
            host.broker.adopt(accepted, &prefix, None).unwrap();
            // The connection goes on: a poll of the session that the first request opened.
            let client = thread::spawn(move || {
                let (_, open) = answer(&mut client);
                let sid = open.split('"').nth(3).expect("a sid").to_owned();
                let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
                let post = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n40");
                client.get_mut().write_all(post.as_bytes()).unwrap();
                assert_eq!(answer(&mut client).1, "ok");
                let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
                client.get_mut().write_all(get.as_bytes()).unwrap();
                assert!(answer(&mut client).1.starts_with("40{"));
                client.get_ref().local_addr().unwrap().to_string()
            });
            let (own, said) = echo(&mut host, client, 1);
            assert_eq!(said, [own]);
        }
        assert!(host.broker.stats().counters.links_adopted > 5);
    }
}

struct Parsed {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    rest: Vec<u8>,
}

/// The head of a request as a server hands it to its handler, and what it has read behind it.
fn parse(accepted: &mut TcpStream) -> Parsed {
    let mut read = Vec::new();
    let end = loop {
        let mut piece = [0; 4096];
        let count = accepted.read(&mut piece).unwrap();
        read.extend_from_slice(&piece[..count]);
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let header =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.into())).unwrap();
    let headers = lines.map(header).collect();
    Parsed { method, target, headers, rest: read[end + 4..].to_vec() }
}

#[test]
fn a_request_that_the_host_has_parsed_is_answered() {
    for loops in [0, 3] {
        let (mut host, listener) = host(loops, Limits::default());
        let address = host.address;
        for by_remote in [false, true] {
            let websocket = thread::spawn(move || {
                let mut client = Client::connect(address);
                for text in ["hello", &"x".repeat(100_000)] {
                    client.send(&format!(r#"42["m","{text}"]"#));
                    assert_eq!(client.read(), format!(r#"42["m","{text}"]"#));
                }
            });
            let (mut accepted, _) = listener.accept().unwrap();
            let Parsed { method, target, headers, rest } = parse(&mut accepted);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            let request = ParsedRequest { method: &method, target: &target, headers: &headers, rest: &rest };
            let peer = Peer::from(([192, 0, 2, 1], 40332));
            if by_remote {
                host.broker.remote().adopt_request(accepted, &request, Some(peer)).unwrap();
            } else {
                host.broker.adopt_request(accepted, &request, Some(peer)).unwrap();
            }
            let ((), said) = echo(&mut host, websocket, 1);
            assert_eq!(said, ["192.0.2.1:40332"]);
        }
    }
}

#[test]
fn what_follows_on_the_same_connection_may_have_been_read_already() {
    let (mut host, listener) = host(0, Limits::default());
    let client = TcpStream::connect(host.address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    // Two requests, and half of a third.
    let read = [SHAKE, SHAKE, &SHAKE[..20]].concat();
    host.broker.adopt(accepted, read.as_bytes(), None).unwrap();
    let mut client = BufReader::new(client);
    client.get_mut().write_all(&SHAKE.as_bytes()[20..]).unwrap();
    let client = thread::spawn(move || [(); 3].map(|()| answer(&mut client).1));
    let (bodies, _) = echo(&mut host, client, 0);
    assert!(bodies.iter().all(|body| body.contains("\"sid\"")), "{bodies:?}");
}

#[test]
fn over_a_unix_socket() {
    let (mut host, _) = host(0, Limits::default());
    let (mut client, accepted) = UnixStream::pair().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    host.broker.adopt(accepted, SHAKE.as_bytes(), None).unwrap();
    let client = thread::spawn(move || {
        let mut start = [0; 15];
        client.read_exact(&mut start).unwrap();
        start
    });
    assert_eq!(&echo(&mut host, client, 0).0, b"HTTP/1.1 200 OK");
}

fn known(refused: &NotAdopted) -> Option<&Error> {
    refused.error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether it is what it was: open, and with reads that wait.
fn is_untouched(fd: &OwnedFd) -> bool {
    !rustix::fs::fcntl_getfl(fd).unwrap().contains(rustix::fs::OFlags::NONBLOCK)
}

#[test]
fn what_cannot_be_taken_stays_the_hosts() {
    for loops in [0, 2] {
        let (mut host, listener) = host(loops, Limits { max_links: 2, ..Limits::default() });
        let connect = |listener: &TcpListener| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        };
        let mut refused = |fd: OwnedFd, prefix: &[u8], says: &str| {
            let number = fd.as_raw_fd();
            let refused = host.broker.adopt(fd, prefix, None).unwrap_err();
            assert!(refused.error.to_string().contains(says), "{refused} {says}");
            assert_eq!(refused.fd.as_raw_fd(), number);
            assert!(is_untouched(&refused.fd));
            refused
        };
        refused(TcpListener::bind("127.0.0.1:0").unwrap().into(), b"", "fd: it listens");
        refused(UdpSocket::bind("127.0.0.1:0").unwrap().into(), b"", "fd: it is no stream socket");
        let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        refused(deaf.into(), b"", "fd: it is not connected");
        assert!(
            refused(std::fs::File::open("/dev/null").unwrap().into(), b"", "ocket")
                .error
                .raw_os_error()
                .is_some()
        );
        let (_client, accepted) = connect(&listener);
        let prefix = vec![b'x'; 1_020_000];
        let it = refused(accepted.into(), &prefix, "prefix: it is larger than");
        assert!(matches!(known(&it), Some(Error::TooLarge(_))));
        // What was refused goes on elsewhere.
        let (mut client, accepted) = connect(&listener);
        let it = refused(accepted.into(), &prefix, "prefix");
        client.write_all(b"still").unwrap();
        let mut still = [0; 5];
        TcpStream::from(it.fd).read_exact(&mut still).unwrap();
        assert_eq!(&still, b"still");
        for bad in [
            ParsedRequest { method: "GE T", target: "/", ..ParsedRequest::default() },
            ParsedRequest { method: "GET", target: "/ a", ..ParsedRequest::default() },
            ParsedRequest {
                method: "GET",
                target: "/",
                headers: &[("a", b"b\r\nc: d")],
                ..ParsedRequest::default()
            },
            ParsedRequest {
                method: "GET",
                target: "/",
                headers: &[("a:", b"b")],
                ..ParsedRequest::default()
            },
        ] {
            let refused = host.broker.adopt_request(connect(&listener).1, &bad, None).unwrap_err();
            assert!(matches!(known(&refused), Some(Error::BadValue(_))), "{refused}");
        }
        // With loops each of them has its share of the links.
        let mut kept = Vec::new();
        let last = loop {
            let (client, accepted) = connect(&listener);
            kept.push(client);
            if let Err(refused) = host.broker.adopt(accepted, b"", None) {
                break refused;
            }
        };
        assert!(matches!(known(&last), Some(Error::TooMany(it)) if it.limit() == "max_links"), "{last}");
        assert!(is_untouched(&last.fd));
        let (_client, accepted) = connect(&listener);
        // From elsewhere it shows later, and nobody is left waiting.
        host.broker.remote().adopt(accepted, b"", None).unwrap();
        host.until(|broker, _| broker.stats().counters.remote_failures == 1);
        host.broker.close(&mut host.events, PATIENCE).unwrap();
        let (_client, accepted) = connect(&listener);
        assert_eq!(known(&host.broker.adopt(accepted, b"", None).unwrap_err()), Some(&Error::Closed));
    }
}

#[test]
fn a_broker_that_listens_nowhere_takes_connections_again_after_its_end() {
    for loops in [0, 1, 3] {
        let (mut host, listener) = host(loops, Limits::default());
        for _ in 0..2 {
            let address = listener.local_addr().unwrap();
            let websocket = thread::spawn(move || {
                let mut client = Client::connect(address);
                client.send(r#"42["m",1]"#);
                assert_eq!(client.read(), r#"42["m",1]"#);
            });
            host.broker.adopt(listener.accept().unwrap().0, b"", None).unwrap();
            echo(&mut host, websocket, 1);
            host.broker.close(&mut host.events, PATIENCE).unwrap();
            host.broker.reopen().unwrap();
        }
    }
}

#[test]
fn a_remote_keeps_the_order_of_its_caller() {
    for loops in [0, 3] {
        let (mut host, listener) = host(loops, Limits::default());
        let client: SocketAddr = listener.local_addr().unwrap();
        let websocket = thread::spawn(move || {
            let mut client = Client::connect(client);
            client.send(r#"42["m",1]"#);
            assert_eq!(client.read(), r#"42["m",1]"#);
        });
        let (accepted, _) = listener.accept().unwrap();
        let remote = host.broker.remote();
        thread::spawn(move || remote.adopt(accepted, b"", None).unwrap()).join().unwrap();
        echo(&mut host, websocket, 1);
        let remote = host.broker.remote();
        drop(host);
        let (_client, accepted) = (TcpStream::connect(client).unwrap(), listener.accept().unwrap().0);
        let refused = remote.adopt(accepted, b"", None).unwrap_err();
        assert_eq!(known(&refused), Some(&Error::Closed));
    }
}

//! Connections that one loop accepts for all: over Unix sockets, from descriptors, and of TCP where it is asked for.

use super::support::{Host, PATIENCE, get};
use super::{COUNTS, MANY, config, limited};
use roomcast::{Broker, Config, Event, Level, ListenError, ListenOptions, Message, Peer};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use tungstenite::{Message as Frame, WebSocket};

const SESSION: &str = "/socket.io/?EIO=4&transport=polling";

/// A path of one test's own, at which there is nothing.
fn path(test: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("roomcast-{}-{test}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn over_unix(config: Config, path: &Path) -> Host {
    let mut broker = Broker::new(config).unwrap();
    broker.listen_unix(path, &ListenOptions::default()).unwrap();
    Host { broker, events: Default::default(), address: ([0, 0, 0, 0], 0).into() }
}

/// Runs a client beside the host, which sends every message back to its socket.
fn beside<T: Send + 'static>(host: &mut Host, client: impl FnOnce() -> T + Send + 'static) -> T {
    let client = thread::spawn(client);
    host.until(|broker, events| {
        for event in events.iter() {
            if let Event::Message { socket, name, args, .. } = event {
                broker.send(socket, Message::new(name, args)).unwrap();
            }
        }
        client.is_finished()
    });
    client.join().unwrap()
}

fn ask(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn request(path: &Path, method: &str, target: &str, headers: &str, body: &str) -> String {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n");
    ask(stream, &format!("{head}{headers}\r\n{body}"))
}

fn body(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1
}

fn websocket<S: Read + Write>(stream: S) -> WebSocket<S> {
    let url = "ws://localhost/socket.io/?EIO=4&transport=websocket";
    let Ok((mut socket, _)) = tungstenite::client(url, stream) else { panic!("it is not let in") };
    assert!(socket.read().unwrap().to_text().unwrap().starts_with("0{"));
    socket
}

fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn each_loop_has_its_turn() {
    for loops in [2, 4] {
        // No loop may have one more than its share.
        let full = || limited(loops, |limits| limits.max_links = MANY as u32);
        let one_acceptor = ListenOptions { one_acceptor: true, ..ListenOptions::default() };
        let mut host = Host::listening(full(), &one_acceptor);
        host.with(|address| drop((0..MANY).map(|_| websocket(tcp(address))).collect::<Vec<_>>()));

        let path = path(&format!("turns-{loops}"));
        let mut host = over_unix(full(), &path);
        let clients = move || {
            drop((0..MANY).map(|_| websocket(UnixStream::connect(&path).unwrap())).collect::<Vec<_>>())
        };
        beside(&mut host, clients);
        assert_eq!(host.broker.stats().counters.links_refused, 0);
    }
}

#[test]
fn a_session_over_a_unix_socket_is_as_any_other() {
    for loops in COUNTS {
        let path = path(&format!("session-{loops}"));
        let mut host = over_unix(config(loops), &path);
        beside(&mut host, move || {
            for _ in 0..MANY {
                let open = request(&path, "GET", SESSION, "", "");
                let sid = body(&open).split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
                let session = format!("{SESSION}&sid={sid}");
                assert_eq!(body(&request(&path, "POST", &session, "", "40")), "ok");
                assert!(body(&request(&path, "GET", &session, "", "")).starts_with("40{\"sid\":"));
                assert_eq!(body(&request(&path, "POST", &session, "", "42[\"n\",1]")), "ok");
                assert_eq!(body(&request(&path, "GET", &session, "", "")), "42[\"n\",1]");
                assert_eq!(body(&request(&path, "POST", &session, "", "1")), "ok");
                let mut socket = websocket(UnixStream::connect(&path).unwrap());
                socket.send(Frame::text("40")).unwrap();
                assert!(socket.read().unwrap().to_text().unwrap().starts_with("40{\"sid\":"));
                socket.send(Frame::text("42[\"n\",2]")).unwrap();
                assert_eq!(socket.read().unwrap(), Frame::text("42[\"n\",2]"));
            }
        });
        host.until(|broker, _| broker.stats().connections == 0);
        let counters = host.broker.stats().counters;
        assert_eq!(counters.links_opened, (MANY * 7) as u64, "with {loops} loops");
    }
}

#[test]
fn a_unix_socket_is_taken_away_at_the_end_and_may_come_again() {
    for loops in COUNTS {
        let path = path(&format!("again-{loops}"));
        let mut host = over_unix(config(loops), &path);
        for _ in 0..2 {
            assert_eq!(
                over_unix_error(&mut Broker::new(config(0)).unwrap(), &path),
                format!("{}: Address already in use (os error 98)", path.display())
            );
            let at = path.clone();
            beside(&mut host, move || drop(websocket(UnixStream::connect(at).unwrap())));
            host.broker.close(&mut host.events, PATIENCE).unwrap();
            assert!(!path.exists(), "with {loops} loops");
            host.broker.listen_unix(&path, &ListenOptions::default()).unwrap();
        }
        drop(host);
        assert!(!path.exists(), "with {loops} loops");
    }
}

fn over_unix_error(broker: &mut Broker, path: &Path) -> String {
    let error = broker.listen_unix(path, &ListenOptions::default()).unwrap_err();
    let inner = error.get_ref().unwrap().downcast_ref::<ListenError>().unwrap();
    assert_eq!(inner.address(), path.to_str().unwrap());
    error.to_string()
}

#[test]
fn what_listens_already_is_taken_over() {
    for loops in COUNTS {
        let path = path(&format!("fd-{loops}"));
        let (over_tcp, unix) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), UnixListener::bind(&path).unwrap());
        let address = over_tcp.local_addr().unwrap();
        let mut host = nowhere(loops);
        host.broker.listen_fd(over_tcp).unwrap();
        host.broker.listen_fd(unix).unwrap();
        let at = path.clone();
        beside(&mut host, move || {
            for _ in 0..MANY {
                let _sockets = (websocket(tcp(address)), websocket(UnixStream::connect(&at).unwrap()));
            }
            assert!(get(address, SESSION).starts_with("HTTP/1.1 200 "));
        });
        host.broker.close(&mut host.events, PATIENCE).unwrap();
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        // It is whoever made it that takes it away.
        std::fs::remove_file(&path).unwrap();
    }
}

/// The old process and the new one, in one: they have a socket together, and no client is reset or refused when the old one stops.
#[test]
fn a_socket_is_left_to_whoever_else_has_it() {
    for loops in COUNTS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (mut old, mut new) = (nowhere(loops), nowhere(loops));
        old.broker.listen_fd(listener.try_clone().unwrap()).unwrap();
        let mut client = beside(&mut old, move || {
            let mut client = websocket(tcp(address));
            client.send(Frame::text("40")).unwrap();
            assert!(client.read().unwrap().to_text().unwrap().starts_with("40{"));
            client
        });
        old.broker.stop_listening().unwrap();
        // They are connected before anybody else accepts.
        let waiting: Vec<_> = (0..MANY).map(|_| tcp(address)).collect();
        let opened = old.broker.stats().counters.links_opened;
        new.broker.listen_fd(listener).unwrap();
        beside(&mut new, move || waiting.into_iter().for_each(|stream| drop(websocket(stream))));
        beside(&mut old, move || {
            client.send(Frame::text("42[\"n\",1]")).unwrap();
            assert_eq!(client.read().unwrap(), Frame::text("42[\"n\",1]"));
        });
        assert_eq!(old.broker.stats().counters.links_opened, opened, "with {loops} loops");
        // Stopped twice is stopped; and it may begin again.
        old.broker.stop_listening().unwrap();
        let again = old.broker.listen("127.0.0.1:0").unwrap();
        beside(&mut old, move || drop(websocket(tcp(again))));
        old.broker.stop_listening().unwrap();
        assert_eq!(TcpStream::connect(again).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}

fn nowhere(loops: usize) -> Host {
    let broker = Broker::new(config(loops)).unwrap();
    Host { broker, events: Default::default(), address: ([0, 0, 0, 0], 0).into() }
}

#[test]
fn what_does_not_listen_is_refused_by_its_number() {
    use std::os::fd::AsRawFd;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    for fd in [OwnedFd::from(connected), datagrams.into()] {
        let number = fd.as_raw_fd();
        let error = Broker::new(config(0)).unwrap().listen_fd(fd).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(&format!("descriptor {number}: it is no stream")), "{error}");
    }
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = Broker::new(config(0)).unwrap().listen_fd(file).unwrap_err();
    assert!(error.to_string().contains("os error"), "{error}");
}

#[test]
fn peers_of_a_unix_socket_are_one_address_unless_a_proxy_is_believed() {
    for loops in COUNTS {
        for trusted in [false, true] {
            let path = path(&format!("address-{loops}"));
            let mut config = limited(loops, |limits| limits.max_connections_per_address = 2);
            if trusted {
                config.trusted_proxies = vec!["unix:".into()];
            }
            let mut host = over_unix(config, &path);
            let statuses = beside(&mut host, move || {
                let ask = |client| {
                    let header = format!("X-Forwarded-For: 192.0.2.{client}\r\n");
                    request(&path, "GET", SESSION, &header, "")[9..12].to_owned()
                };
                [1, 1, 1, 2, 2, 2].map(ask)
            });
            let expected = match trusted {
                false => ["200", "200", "429", "429", "429", "429"],
                true => ["200", "200", "429", "200", "200", "429"],
            };
            assert_eq!(statuses, expected, "with {loops} loops");
        }
    }
}

#[test]
fn a_peer_without_an_address_has_a_text() {
    let path = path("text");
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let log = lines.clone();
    let mut host = nowhere(0);
    host.broker.set_log(Level::Debug, move |_, line| log.lock().unwrap().push(line.to_owned()));
    host.broker.listen_unix(&path, &ListenOptions::default()).unwrap();
    let at = path.clone();
    let client = thread::spawn(move || {
        let mut socket = websocket(UnixStream::connect(at).unwrap());
        socket.send(Frame::text("40")).unwrap();
        socket.read().unwrap();
    });
    let mut peer = None;
    host.until(|broker, events| {
        for event in events.iter() {
            if let Event::Connect { socket, .. } = event {
                peer = Some(broker.handshake(socket).unwrap().address().clone());
            }
        }
        client.is_finished()
    });
    client.join().unwrap();
    assert_eq!(peer, Some(Peer::Unix(None)));
    let lines = lines.lock().unwrap();
    assert_eq!(lines[0], format!("listening on unix:{}", path.display()));
    assert!(lines.iter().any(|line| line.ends_with(" in \"/\" from a Unix socket: connected")), "{lines:?}");
}

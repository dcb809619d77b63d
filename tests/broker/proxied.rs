//! Listeners behind proxies that say whose each connection is, by the PROXY protocol: HAProxy's, and headers made here.

use crate::support::{Client, Host, PATIENCE, request};
use roomcast::{Config, Counters, Event, Events, Limits, ListenOptions, Message};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn listening() -> ListenOptions {
    ListenOptions { proxy_protocol: true, ..ListenOptions::default() }
}

/// Runs one client, which says something and hears it; returns the address that its host was told, and the bound of which it counts.
fn said_to_be(host: &mut Host, client: impl FnOnce(SocketAddr) -> Client + Send + 'static) -> String {
    let address = host.address;
    host.events = Events::new();
    let thread = std::thread::spawn(move || {
        let mut client = client(address);
        client.send(r#"42["hello"]"#);
        assert_eq!(client.read(), r#"42["hello"]"#);
    });
    let mut said = String::new();
    host.until(|broker, events| {
        for event in events.iter() {
            match event {
                Event::Connect { socket, .. } => {
                    said = broker.handshake(socket).unwrap().address().to_string();
                }
                Event::Message { socket, name, args, .. } => {
                    broker.send(socket, Message::new(name, args)).unwrap();
                }
                _ => {}
            }
        }
        thread.is_finished()
    });
    thread.join().unwrap();
    said
}

#[test]
fn the_address_in_the_header_is_the_peers() {
    for loops in [0, 1, 3] {
        for one_acceptor in [false, true] {
            let how = ListenOptions { one_acceptor, ..listening() };
            let limits = Limits { max_connections_per_address: 1, ..Limits::default() };
            let mut host = Host::listening(Config { loops, limits, ..Config::default() }, &how);
            for (header, said) in [
                (&b"PROXY TCP4 192.0.2.1 198.51.100.7 40332 443\r\n"[..], "192.0.2.1:40332"),
                (b"PROXY TCP6 2001:db8::1 2001:db8::2 40333 443\r\n", "[2001:db8::1]:40333"),
                (
                    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x02\xc6\x33\x64\x07\x9d\x8c\x01\xbb",
                    "192.0.2.2:40332",
                ),
                (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "127.0.0.1:"),
            ] {
                let told = said_to_be(&mut host, move |address| {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.write_all(header).unwrap();
                    Client::over(stream)
                });
                assert!(told.starts_with(said), "{told} {said}");
            }
            // Limits go by it.
            let shake =
                "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            let from = |ip: &str| format!("PROXY TCP4 {ip} 198.51.100.7 40332 443\r\n{shake}");
            let (one, other) = (from("192.0.2.9"), from("192.0.2.10"));
            host.with(move |address| {
                assert!(request(address, &one).starts_with("HTTP/1.1 200 "));
                assert!(request(address, &one).starts_with("HTTP/1.1 429 "));
                assert!(request(address, &other).starts_with("HTTP/1.1 200 "));
            });
        }
    }
}

#[test]
fn a_connection_without_a_header_is_closed_and_counted() {
    for loops in [0, 3] {
        let limits = Limits { head_timeout: 50, ..Limits::default() };
        let mut host = Host::listening(Config { loops, limits, ..Config::default() }, &listening());
        let mut late = TcpStream::connect(host.address).unwrap();
        late.write_all(b"PROXY ").unwrap();
        drop(TcpStream::connect(host.address).unwrap());
        host.with(|address| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            // Not a word, be it with or without a reset.
            assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
        });
        let done = |counters: &Counters| {
            counters.proxy_headers_malformed == 1
                && counters.proxy_headers_abandoned == 1
                && counters.proxy_headers_timed_out == 1
        };
        host.until(|broker, _| done(&broker.stats().counters));
        let stats = host.broker.stats();
        assert_eq!((stats.counters.proxy_headers, stats.counters.requests), (0, 0));
        host.until(|broker, _| broker.stats().links == 0);
    }
}

#[cfg(unix)]
#[test]
fn a_socket_that_listens_already() {
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = inherited.local_addr().unwrap();
    let mut broker = roomcast::Broker::new(Config::default()).unwrap();
    broker.listen_fd_with(inherited, &listening()).unwrap();
    let mut host = Host { broker, events: Events::new(), address };
    let told = said_to_be(&mut host, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"PROXY TCP4 192.0.2.1 198.51.100.7 40332 443\r\n").unwrap();
        Client::over(stream)
    });
    assert_eq!(told, "192.0.2.1:40332");
}

/// A proxy in front of a listener, by a program.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn behind_haproxy() {
    for (send, loops) in [("send-proxy", 0), ("send-proxy-v2", 3), ("send-proxy-v2-ssl", 0)] {
        let mut host = Host::listening(Config { loops, ..Config::default() }, &listening());
        // A port that was free just now.
        let front = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = std::env::temp_dir().join(format!("roomcast-{}-{send}.cfg", std::process::id()));
        let text = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
             listen chat\n bind {front}\n server one {} {send}\n",
            host.address
        );
        std::fs::write(&file, text).unwrap();
        let program = Command::new("haproxy").arg("-db").arg("-f").arg(&file).stderr(Stdio::null()).spawn();
        let Ok(program) = program else {
            // There is none for Windows.
            assert!(cfg!(windows) || std::env::var_os("CI").is_none(), "haproxy is not installed");
            eprintln!("NOT TESTED: haproxy is not installed");
            return;
        };
        let _proxy = Proxy(program);
        let told = said_to_be(&mut host, move |_| {
            let end = Instant::now() + PATIENCE;
            let stream = loop {
                match TcpStream::connect(front) {
                    Ok(stream) => break stream,
                    Err(error) => assert!(Instant::now() < end, "{error}"),
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            let client = Client::over(stream);
            assert_eq!(client.peer().ip(), front.ip());
            client
        });
        // The client's port, and not the proxy's.
        assert!(told.starts_with("127.0.0.1:"), "{told}");
        assert_eq!(host.broker.stats().counters.proxy_headers, 1);
        std::fs::remove_file(&file).unwrap();
    }
}

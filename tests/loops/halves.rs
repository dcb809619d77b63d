//! Clients that end their sending side right behind what they have to say, and read on: they are answered first. A client that
//! is gone looks the same, so nothing may wait for it.

use super::support::{Host, PATIENCE, get, post};
use super::{COUNTS, config, limited};
use roomcast::{Broker, Config, Event, Message, NamespaceOptions, Resource, SocketId, Target};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;
use tungstenite::{Message as Frame, WebSocket};

const SESSION: &str = "/socket.io/?EIO=4&transport=polling";

/// More than the kernels of both ends hold.
const BIG: usize = 12_000_000;

fn websocket(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let mut socket = tungstenite::client(url, stream).unwrap().0;
    assert!(socket.read().unwrap().to_text().unwrap().starts_with("0{"));
    socket
}

/// Sends these packets in one piece, and the end behind them.
fn last_words(socket: &mut WebSocket<TcpStream>, packets: &[&str]) {
    for packet in packets {
        socket.write(Frame::text(*packet)).unwrap();
    }
    socket.flush().unwrap();
    socket.get_ref().shutdown(Shutdown::Write).unwrap();
}

/// What still comes, up to an end in good order.
fn rest(mut socket: WebSocket<TcpStream>) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        match socket.read() {
            Ok(Frame::Text(text)) => texts.push(text.to_string()),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) => panic!("{error}, after {texts:?}"),
            Err(_) => return texts,
        }
    }
}

/// One connection, half closed behind these requests; everything that is answered.
fn exchange(address: SocketAddr, requests: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(requests).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
}

/// A polling session that is in the main namespace.
fn polling(address: SocketAddr) -> String {
    let open = get(address, SESSION);
    let sid = open.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let session = format!("{SESSION}&sid={sid}");
    assert!(post(address, &session, "40").ends_with("ok"));
    assert!(get(address, &session).contains("40{\"sid\":"));
    session
}

/// What a host does with an event.
fn answer(broker: &mut Broker, event: &Event<'_>) {
    match event {
        Event::Message { socket, name: "big", ack: Some(ack), .. } => {
            let args = format!("[\"{}\"]", "x".repeat(BIG));
            broker.ack(*socket, *ack, &args, &[]).unwrap();
        }
        Event::Message { socket, args, ack: Some(ack), .. } => {
            broker.ack(*socket, *ack, args, &[]).unwrap();
        }
        Event::Message { socket, namespace, .. } => {
            broker.join(*socket, "room").unwrap();
            broker.emit(Target::rooms(*namespace, &["room"]), Message::new("news", "[]")).unwrap();
        }
        Event::ConnectRequest { socket, .. } => {
            broker.accept(*socket).unwrap();
            broker.send(*socket, Message::new("welcome", "[]")).unwrap();
        }
        Event::Handshake { conn } => broker.allow(*conn).unwrap(),
        _ => {}
    }
}

/// Messages and ends, in a word.
fn shown(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Message { name, .. } => Some((*name).to_owned()),
        Event::Disconnect { reason, .. } => Some(reason.to_string()),
        _ => None,
    }
}

fn is_empty(broker: &Broker) -> bool {
    let stats = broker.stats();
    (stats.links, stats.connections, stats.queued_bytes) == (0, 0, 0)
}

/// Runs a client beside a host that answers, and then until nothing is left and this many sockets have gone. Returns what the
/// client returns, and what the host was told.
fn run<T: Send + 'static>(
    mut host: Host,
    sockets: usize,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> (T, Vec<String>) {
    let address = host.address;
    let client = std::thread::spawn(move || client(address));
    let (mut told, mut gone) = (Vec::new(), 0);
    host.until(|broker, events| {
        for event in events.iter() {
            answer(broker, &event);
            gone += usize::from(matches!(event, Event::Disconnect { .. }));
            told.extend(shown(&event));
        }
        client.is_finished() && gone == sockets && is_empty(broker)
    });
    (client.join().unwrap(), told)
}

#[test]
fn what_came_before_the_end_is_answered() {
    for loops in COUNTS {
        let (texts, told) = run(Host::new(config(loops)), 1, |address| {
            let mut socket = websocket(address);
            last_words(&mut socket, &["40", "427[\"say\",1]", "42[\"more\"]"]);
            rest(socket)
        });
        assert!(texts[0].starts_with("40{\"sid\":"), "{texts:?} with {loops} loops");
        assert_eq!(texts[1..], ["437[1]", "42[\"news\"]"], "with {loops} loops");
        assert_eq!(told, ["say", "more", "transport close"], "with {loops} loops");
    }
}

#[test]
fn who_has_to_be_let_in_is_answered() {
    for loops in COUNTS {
        let mut host = Host::new(Config { guard_handshakes: true, ..config(loops) });
        host.broker.add_namespace("/", NamespaceOptions { guarded: true, ..Default::default() }).unwrap();
        let (answer, told) = run(host, 1, |address| {
            // The handshake and the CONNECT wait for the host, one after the other.
            let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                 Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            exchange(address, &[request.as_bytes(), b"\x81\x82\0\0\0\0", b"40"].concat())
        });
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer} with {loops} loops");
        let at = ["0{\"sid\":", "40{\"sid\":", "42[\"welcome\"]"].map(|part| answer.find(part));
        assert!(at[0].is_some() && at.is_sorted(), "{answer} with {loops} loops");
        assert_eq!(told, ["transport close"], "with {loops} loops");
    }
}

#[test]
fn an_answer_that_the_kernel_cannot_take_at_once_arrives_whole() {
    for loops in COUNTS {
        let mut host = Host::new(limited(loops, |limits| limits.max_backlog = 1 << 30));
        host.broker.serve("/big", Resource::new("text/plain", vec![b'x'; BIG])).unwrap();
        let ((ack, page), _) = run(host, 1, |address| {
            let mut socket = websocket(address);
            last_words(&mut socket, &["40", "421[\"big\"]"]);
            // The broker is done with all of it but the end before anything is read.
            assert!(get(address, "/nothing").starts_with("HTTP/1.1 404 "));
            (rest(socket), exchange(address, &request("GET", "/big", "")))
        });
        assert_eq!(ack[1].len(), "431[\"\"]".len() + BIG, "with {loops} loops");
        assert_eq!(page.split_once("\r\n\r\n").unwrap().1.len(), BIG, "with {loops} loops");
    }
}

#[test]
fn polls_and_posts_are_answered() {
    for loops in COUNTS {
        let host = Host::new(Config { health_path: Some("/health".into()), ..config(loops) });
        let (answers, _) = run(host, 1, |address| {
            let mut answers = vec![exchange(address, &request("GET", "/health", ""))];
            let session = polling(address);
            answers.push(exchange(address, &request("POST", &session, "421[\"say\",1]")));
            answers.push(get(address, &session));
            // Both on one connection, which ends behind them.
            let both = [request("POST", &session, "422[\"say\",2]"), request("GET", &session, "")].concat();
            answers.push(exchange(address, &both));
            assert!(post(address, &session, "1").ends_with("ok"));
            answers
        });
        let with = format!("{answers:?} with {loops} loops");
        assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 200 ")), "{with}");
        assert!(answers[1].ends_with("ok"), "{with}");
        assert!(answers[2].ends_with("431[1]"), "{with}");
        assert!(answers[3].ends_with("432[2]"), "{with}");
    }
}

#[test]
fn a_poll_that_nothing_comes_for_ends_at_once() {
    for loops in COUNTS {
        let (answer, told) = run(Host::new(config(loops)), 1, |address| {
            let session = polling(address);
            exchange(address, &request("GET", &session, ""))
        });
        assert_eq!((answer.as_str(), told), ("", vec!["transport error".to_owned()]), "with {loops} loops");
    }
}

/// A client that has joined and then does this, with a host that has taken nothing of it.
fn unheard(loops: usize, client: impl FnOnce(WebSocket<TcpStream>) + Send + 'static) -> (Host, SocketId) {
    let mut host = Host::new(config(loops));
    let address = host.address;
    let (go, wait) = channel::<()>();
    let thread: JoinHandle<()> = std::thread::spawn(move || {
        let mut socket = websocket(address);
        socket.send(Frame::text("40")).unwrap();
        assert!(socket.read().unwrap().to_text().unwrap().starts_with("40{"));
        wait.recv().unwrap();
        client(socket);
    });
    let mut found = None;
    host.until(|_, events| {
        found = found.or(events.iter().find_map(|event| match event {
            Event::Connect { socket, .. } => Some(socket),
            _ => None,
        }));
        found.is_some()
    });
    go.send(()).unwrap();
    thread.join().unwrap();
    (host, found.unwrap())
}

#[test]
fn a_client_that_is_gone_is_noticed() {
    for loops in COUNTS {
        for reset in [false, true] {
            let (mut host, socket) = unheard(loops, move |mut client| {
                client.send(Frame::text("42[\"say\"]")).unwrap();
                if reset {
                    let stream = socket2::SockRef::from(client.get_ref());
                    stream.set_linger(Some(Duration::ZERO)).unwrap();
                }
            });
            let mut told = Vec::new();
            host.until(|broker, events| {
                for event in events.iter() {
                    if let Event::Message { .. } = event {
                        // It goes nowhere, and does no harm; after a reset the socket may be gone already.
                        let _ = broker.send(socket, Message::new("news", "[]"));
                    }
                    told.extend(shown(&event));
                }
                told.last().is_some_and(|last| last == "transport close") && is_empty(broker)
            });
            // The kernel drops what a reset overtakes.
            if !(reset && told.len() == 1) {
                assert_eq!(told, ["say", "transport close"], "reset {reset}, with {loops} loops");
            }
        }
    }
}

#[test]
fn one_that_never_reads_ends_with_its_ping() {
    for loops in COUNTS {
        let config = Config {
            ping_interval: 100,
            ping_timeout: 100,
            ..limited(loops, |limits| (limits.max_backlog, limits.close_timeout) = (1 << 30, 50))
        };
        let (done, wait) = channel::<()>();
        let mut host = Host::new(config);
        let address = host.address;
        let client = std::thread::spawn(move || {
            let mut socket = websocket(address);
            last_words(&mut socket, &["40", "421[\"big\"]"]);
            // It stays, and does nothing.
            wait.recv().unwrap();
        });
        let mut told = Vec::new();
        host.until(|broker, events| {
            for event in events.iter() {
                answer(broker, &event);
                told.extend(shown(&event));
            }
            told.len() == 2 && is_empty(broker)
        });
        assert_eq!(told, ["big", "ping timeout"], "with {loops} loops");
        done.send(()).unwrap();
        client.join().unwrap();
    }
}

#[test]
fn a_host_that_takes_nothing_can_still_close_and_drop_the_broker() {
    for loops in COUNTS {
        for closes in [false, true] {
            // Its connection stays.
            let (keep, _kept) = channel();
            let (mut host, _) = unheard(loops, move |mut client| {
                last_words(&mut client, &["42[\"say\"]"]);
                keep.send(client).unwrap();
            });
            if closes {
                host.broker.close(&mut host.events, Duration::from_secs(60)).unwrap();
                assert_eq!(host.broker.stats().links, 0, "with {loops} loops");
            }
        }
    }
}

/// A foreign loop: it polls when its descriptor is readable or the time has come that it was told, if it `asks` for one, and never
/// otherwise. Runs until `done` says so.
#[cfg(poll_descriptor)]
fn sleep_between(host: &mut Host, asks: bool, mut done: impl FnMut(&mut Broker, &roomcast::Events) -> bool) {
    use std::time::Instant;
    let end = Instant::now() + PATIENCE;
    host.events = roomcast::Events::new();
    while !done(&mut host.broker, &host.events) {
        let limit = end.saturating_duration_since(Instant::now());
        assert!(!limit.is_zero(), "it was never told");
        let due = if asks { host.broker.next_timeout() } else { None };
        host.readable(due.map_or(limit, |due| due.min(limit)));
        host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
    }
}

#[cfg(poll_descriptor)]
#[test]
fn a_host_that_sleeps_at_its_descriptor_hears_of_every_end() {
    for loops in COUNTS {
        for asks in [true, false] {
            let mut host = Host::new(config(loops));
            let address = host.address;
            // Four of each, so that with many loops some share one and some do not.
            for round in 0..12 {
                let client = std::thread::spawn(move || {
                    let mut socket = websocket(address);
                    let words = ["40", "427[\"say\",1]"];
                    match round % 3 {
                        // It says something and ends its side, or all of it, right behind.
                        0 => {
                            last_words(&mut socket, &words);
                            let texts = rest(socket);
                            assert_eq!(texts[1..], ["437[1]"]);
                        }
                        1 => last_words(&mut socket, &words),
                        // It goes when it has been answered.
                        _ => {
                            words.iter().for_each(|word| socket.send(Frame::text(*word)).unwrap());
                            while socket.read().unwrap() != Frame::text("437[1]") {}
                        }
                    }
                });
                let mut told = Vec::new();
                sleep_between(&mut host, asks, |broker, events| {
                    for event in events.iter() {
                        // Where the client does not wait for it the answer may go nowhere.
                        if let Event::Message { socket, args, ack: Some(ack), .. } = event {
                            let _ = broker.ack(socket, ack, args, &[]);
                        }
                        told.extend(shown(&event));
                    }
                    told.last().is_some_and(|last| last == "transport close")
                });
                assert_eq!(
                    told,
                    ["say", "transport close"],
                    "with {loops} loops, asks {asks}, round {round}"
                );
                client.join().unwrap();
            }
        }
    }
}

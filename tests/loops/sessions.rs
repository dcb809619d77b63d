//! Engine.IO sessions whose requests come in on any loop, and hosts that are slow to listen.

use super::support::{Client, Host, PATIENCE, get, post};
use super::{COUNTS, MANY, config, limited, poll_until};
use roomcast::{Config, Event, Events, Message};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Instant;
use tungstenite::{Message as Frame, WebSocket};

const SESSION: &str = "/socket.io/?EIO=4&transport=polling";

/// A WebSocket that has read its open packet, and not asked for a namespace.
pub(crate) struct Raw(WebSocket<TcpStream>);

impl Raw {
    pub(crate) fn send(&mut self, text: &str) {
        self.0.send(Frame::text(text)).unwrap();
    }

    pub(crate) fn read(&mut self) -> String {
        match self.0.read().unwrap() {
            Frame::Text(text) => text.to_string(),
            other => format!("{other:?}"),
        }
    }
}

fn websocket(address: SocketAddr, query: &str) -> Raw {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket{query}");
    Raw(tungstenite::client(url, stream).unwrap().0)
}

pub(crate) fn open(address: SocketAddr) -> Raw {
    let mut raw = websocket(address, "");
    assert!(raw.read().starts_with("0{"));
    raw
}

fn body(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1
}

fn sid(open: &str) -> String {
    open.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Sends every message back to its socket, until the client is done.
fn echo<T: Send + 'static>(
    config: Config,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> (Host, T) {
    let mut host = Host::new(config);
    let address = host.address;
    let thread = std::thread::spawn(move || client(address));
    poll_until(&mut host, |broker, events| {
        for event in events.iter() {
            if let Event::Message { socket, name, args, .. } = event {
                broker.send(socket, Message::new(name, args)).unwrap();
            }
        }
        thread.is_finished()
    });
    let outcome = thread.join().unwrap();
    (host, outcome)
}

#[test]
fn a_polling_session_goes_on_whichever_loop_its_requests_come_in_on() {
    for loops in COUNTS {
        // Each request is a TCP connection of its own, so with several loops most sessions have some that stray.
        let (mut host, ()) = echo(config(loops), |address| {
            for _ in 0..MANY {
                let session = format!("{SESSION}&sid={}", sid(body(&get(address, SESSION))));
                assert_eq!(body(&post(address, &session, "40")), "ok");
                assert!(body(&get(address, &session)).starts_with("40{\"sid\":"));
                for number in 0..4 {
                    let event = format!("42[\"n\",{number}]");
                    assert_eq!(body(&post(address, &session, &event)), "ok");
                    assert_eq!(body(&get(address, &session)), event);
                }
                assert_eq!(body(&post(address, &session, "1")), "ok");
            }
        });
        host.until(|broker, _| broker.stats().connections == 0);
        let counters = host.broker.stats().counters;
        assert_eq!(counters.connections_opened, MANY as u64);
        // Each request and each link is counted once, wherever it ended up.
        assert_eq!(counters.requests, (MANY * 12) as u64, "with {loops} loops");
        assert_eq!(counters.links_opened, (MANY * 12) as u64, "with {loops} loops");
        host.until(|broker, _| broker.stats().links == 0);
    }
}

#[test]
fn connections_are_counted_over_all_loops() {
    for loops in COUNTS {
        for per_address in [false, true] {
            let mut host = Host::new(limited(loops, |limits| {
                if per_address {
                    limits.max_connections_per_address = 5;
                } else {
                    limits.max_connections = 5;
                }
            }));
            let statuses = host.with(|address| {
                let ask = |_| get(address, SESSION)[9..12].to_owned();
                (0..2 * MANY).map(ask).collect::<Vec<_>>()
            });
            let refused = if per_address { "429" } else { "503" };
            let expected = [["200"; 5].to_vec(), vec![refused; 2 * MANY - 5]].concat();
            assert_eq!(statuses, expected, "with {loops} loops");
        }
    }
}

#[test]
fn requests_that_were_sent_ahead_move_together() {
    use std::io::{Read, Write};
    for loops in COUNTS {
        echo(config(loops), |address| {
            for _ in 0..MANY {
                let session = format!("{SESSION}&sid={}", sid(body(&get(address, SESSION))));
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                // An answer of any loop's first, then two requests of the session behind it, the second one cut in two.
                let first = format!("POST {session} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n40");
                let second = format!("GET {session} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                let (head, tail) = second.split_at(second.len() / 2);
                stream
                    .write_all(format!("GET /none HTTP/1.1\r\nHost: x\r\n\r\n{first}{head}").as_bytes())
                    .unwrap();
                stream.write_all(tail.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                let statuses: Vec<_> = answer.matches("HTTP/1.1 ").map(str::to_owned).collect();
                assert_eq!(statuses.len(), 3, "{answer}");
                assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("\r\n\r\nok"), "{answer}");
                assert!(answer.contains("\r\n\r\n40{\"sid\":"), "{answer}");
            }
        });
    }
}

#[test]
fn a_session_is_upgraded_wherever_its_websocket_comes_in() {
    for loops in COUNTS {
        let (host, ()) = echo(config(loops), |address| {
            for _ in 0..MANY {
                let id = sid(body(&get(address, SESSION)));
                let session = format!("{SESSION}&sid={id}");
                assert_eq!(body(&post(address, &session, "40")), "ok");
                let mut raw = websocket(address, &format!("&sid={id}"));
                raw.send("2probe");
                assert_eq!(raw.read(), "3probe");
                raw.send("5");
                assert!(raw.read().starts_with("40{\"sid\":"));
                raw.send("42[\"up\"]");
                assert_eq!(raw.read(), "42[\"up\"]");
                raw.send("1");
            }
        });
        assert_eq!(host.broker.stats().counters.upgrades, MANY as u64, "with {loops} loops");
    }
}

#[test]
fn an_id_that_nobody_has_is_unknown_on_every_loop() {
    for loops in COUNTS {
        echo(config(loops), |address| {
            let id = sid(body(&get(address, SESSION)));
            for _ in 0..MANY {
                for wrong in ["AAAAAAAAAAAAAAAAAAAA".to_owned(), format!("{id}x"), "x".to_owned()] {
                    let answer = get(address, &format!("{SESSION}&sid={wrong}"));
                    assert!(answer.ends_with(r#"{"code":1,"message":"Session ID unknown"}"#), "{answer}");
                }
            }
        });
    }
}

#[test]
fn whichever_loop_answers_a_monitor_has_the_figures_of_all() {
    for loops in COUNTS {
        let paths = |name: &str| Some(format!("/{name}"));
        let config = Config { health_path: paths("health"), metrics_path: paths("metrics"), ..config(loops) };
        let mut host = Host::new(config);
        let address = host.address;
        let said = move |path: &str, what: &str| get(address, path).contains(what);
        let monitor = std::thread::spawn({
            let clients: Vec<_> = (0..MANY).map(|_| host.join(|mut client| drop(client.read()))).collect();
            let sockets: Vec<_> = clients.iter().map(|&(socket, _)| socket).collect();
            host.broker.join(sockets[0], "hall").unwrap();
            let (text, json) = (format!("\nroomcast_sockets {MANY}\n"), format!("\"sockets\":{MANY},"));
            move || {
                // As many in a row as it takes to have asked every loop.
                for (path, what) in [("/metrics", text), ("/health", json)] {
                    let (mut row, end) = (0, Instant::now() + PATIENCE);
                    while row < MANY {
                        row = if said(path, &what) { row + 1 } else { 0 };
                        assert!(Instant::now() < end, "with {loops} loops: {}", get(address, path));
                    }
                }
                (sockets, clients)
            }
        });
        host.until(|_, _| monitor.is_finished());
        let (sockets, clients) = monitor.join().unwrap();
        for socket in sockets {
            host.broker.send(socket, Message::new("end", "[]")).unwrap();
        }
        host.until(|_, _| clients.iter().all(|(_, client)| client.is_finished()));
    }
}

/// A client gives up on a server from which no ping comes, also when it is its own input that nobody takes.
#[test]
fn pings_go_on_while_the_host_takes_nothing() {
    for loops in COUNTS.into_iter().filter(|&loops| loops > 0) {
        let mut config = limited(loops, |limits| limits.max_events = 1);
        config.ping_interval = 20;
        config.ping_timeout = 1_000;
        let mut host = Host::new(config);
        let address = host.address;
        let (told, pinged) = channel();
        let client = std::thread::spawn(move || {
            let mut client = Client::connect(address);
            for _ in 0..100 {
                client.send("42[\"n\"]");
            }
            while client.read() == "2" {
                client.send("3");
                let _ = told.send(());
            }
        });
        // For longer than a silent client would be kept.
        for _ in 0..60 {
            pinged.recv_timeout(PATIENCE).unwrap();
        }
        let mut messages = 0;
        poll_until(&mut host, |broker, events| {
            for event in events.iter() {
                match event {
                    Event::Message { socket, .. } => {
                        messages += 1;
                        if messages == 100 {
                            broker.send(socket, Message::new("end", "[]")).unwrap();
                        }
                    }
                    Event::Disconnect { reason, .. } => assert!(messages == 100, "{reason}"),
                    _ => {}
                }
            }
            client.is_finished()
        });
        client.join().unwrap();
    }
}

#[test]
fn a_host_that_does_not_poll_loses_nothing_and_the_reading_stops() {
    // Twenty megabytes each: more than the kernel keeps.
    const EACH: usize = 2_000;
    const SIZE: usize = 10_000;
    for loops in COUNTS {
        let mut host = Host::new(limited(loops, |limits| limits.max_events = 64));
        let address = host.address;
        let stuck = Arc::new(AtomicBool::new(false));
        let seen = stuck.clone();
        // Nobody sends while the host still polls for those who connect.
        let all_here = Arc::new(Barrier::new(5));
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let (seen, all_here) = (seen.clone(), all_here.clone());
                std::thread::spawn(move || {
                    let mut it = Client::connect(address);
                    all_here.wait();
                    let filler = "x".repeat(SIZE);
                    for number in 0..EACH {
                        it.send(&format!("42[\"n\",{client},{number},\"{filler}\"]"));
                    }
                    assert!(seen.load(Ordering::SeqCst), "all of it was taken although nobody polled");
                    it.read()
                })
            })
            .collect();
        let mut sockets = Vec::new();
        let mut next = [0; 4];
        let mut take = |events: &Events, sockets: &mut Vec<_>| {
            for event in events.iter() {
                match event {
                    Event::Connect { socket, .. } => sockets.push(socket),
                    Event::Message { args, .. } => {
                        let mut parts = args.trim_start_matches('[').split(',');
                        let client: usize = parts.next().unwrap().parse().unwrap();
                        assert_eq!(parts.next().unwrap().parse(), Ok(next[client]), "in order, none missing");
                        next[client] += 1;
                    }
                    _ => {}
                }
            }
            next.iter().sum::<usize>()
        };
        poll_until(&mut host, |_, events| {
            take(events, &mut sockets);
            sockets.len() == 4
        });
        all_here.wait();
        // It does not poll until the loops have stopped reading: what they count stands still.
        let mut last = (u64::MAX, 0);
        while loops > 0 && last.1 < 50 {
            let read = host.broker.stats().counters.messages_in;
            last = if read == last.0 { (read, last.1 + 1) } else { (read, 0) };
            std::thread::yield_now();
        }
        let limit = (4 * EACH) as u64;
        assert!(host.broker.stats().counters.messages_in < limit, "with {loops} loops the reading stopped");
        stuck.store(true, Ordering::SeqCst);
        // It is 80 MB, which slow machines take a while for.
        host.events = Events::new();
        host.until_for(6 * PATIENCE, |_, events| take(events, &mut sockets) == 4 * EACH);
        for socket in sockets {
            host.broker.send(socket, Message::new("end", "[]")).unwrap();
        }
        host.until(|_, _| clients.iter().all(|client| client.is_finished()));
        assert!(clients.into_iter().all(|client| client.join().unwrap() == "42[\"end\"]"));
    }
}

//! Clients over a restart: each hears what it was a member for, once and in order, from two processes as from one.

use super::support::PATIENCE;
use super::{MANY, config};
use roomcast::{Broker, Error, Event, Events, ImportError, Message, NamespaceId, NamespaceOptions, Target};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tungstenite::{Message as Frame, WebSocket};

/// What a stock client keeps over its connections.
#[derive(Default)]
struct Kept {
    pid: Option<String>,
    offset: Option<String>,
    /// The names of all events.
    heard: Vec<String>,
    recovered: bool,
}

impl Kept {
    fn connect(&mut self, address: SocketAddr) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (mut socket, _) = tungstenite::client(url, stream).unwrap();
        let auth = match (&self.pid, &self.offset) {
            (Some(pid), Some(offset)) => format!(r#"{{"pid":"{pid}","offset":"{offset}"}}"#),
            (Some(pid), None) => format!(r#"{{"pid":"{pid}"}}"#),
            (None, _) => String::new(),
        };
        socket.send(Frame::text(format!("40{auth}"))).unwrap();
        socket
    }

    /// Reads up to an event of this name, or the end of the connection.
    fn read(&mut self, socket: &mut WebSocket<TcpStream>, last: &str) {
        while let Ok(Frame::Text(text)) = socket.read() {
            if text == "2" {
                socket.send(Frame::text("3")).unwrap();
            } else if let Some(connect) = text.strip_prefix("40") {
                let connect: serde_json::Value = serde_json::from_str(connect).unwrap();
                let pid = connect["pid"].as_str().unwrap().to_owned();
                self.recovered = self.pid.replace(pid.clone()) == Some(pid);
            } else if let Some(event) = text.strip_prefix("42") {
                let event: serde_json::Value = serde_json::from_str(event).unwrap();
                self.offset = event.as_array().unwrap().last().unwrap().as_str().map(str::to_owned);
                self.heard.push(event[0].as_str().unwrap().to_owned());
                if event[0] == last {
                    return;
                }
            }
        }
    }
}

fn listening(loops: usize, kept: Option<&[u8]>) -> (Broker, NamespaceId, SocketAddr) {
    let mut broker = Broker::new(config(loops)).unwrap();
    let recovery = NamespaceOptions { recovery: true, ..NamespaceOptions::default() };
    let ns = broker.add_namespace("/", recovery).unwrap();
    if let Some(kept) = kept {
        assert_eq!(broker.import_recovery(kept), Ok(MANY));
    }
    let address = broker.listen("127.0.0.1:0").unwrap();
    (broker, ns, address)
}

/// A client whose address of the second process is told when there is one.
fn client(address: SocketAddr, second: Receiver<SocketAddr>, gone: Sender<()>) -> JoinHandle<Kept> {
    thread::spawn(move || {
        let mut kept = Kept::default();
        let mut socket = kept.connect(address);
        kept.read(&mut socket, "");
        drop(socket);
        gone.send(()).unwrap();
        let mut socket = kept.connect(second.recv().unwrap());
        kept.read(&mut socket, "end");
        kept
    })
}

fn poll_until(broker: &mut Broker, mut done: impl FnMut(&mut Broker, &Events) -> bool) {
    let (mut events, end) = (Events::new(), Instant::now() + PATIENCE);
    while !done(broker, &events) {
        assert!(Instant::now() < end, "it never came");
        broker.poll(&mut events, Some(Duration::from_millis(50))).unwrap();
    }
}

#[test]
fn clients_hear_all_of_it_once_from_two_processes() {
    for (before, after) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (4, 4)] {
        let (mut broker, ns, address) = listening(before, None);
        let (gone, is_gone) = channel();
        let clients: Vec<_> = (0..MANY)
            .map(|_| {
                let (second, told) = channel();
                (second, client(address, told, gone.clone()))
            })
            .collect();
        let mut joined = 0;
        poll_until(&mut broker, |broker, events| {
            for event in events.iter() {
                if let Event::Connect { socket, .. } = event {
                    broker.join(socket, if joined % 2 == 0 { "even" } else { "odd" }).unwrap();
                    broker.set_tag(socket, joined).unwrap();
                    joined += 1;
                }
            }
            joined == MANY as u64
        });
        let emit = |broker: &mut Broker, ns, number: usize| {
            let name = format!("n{number}");
            let message = Message::new(&name, r#"["x"]"#);
            match number % 3 {
                0 => broker.emit(Target::all(ns), message).unwrap(),
                1 => broker.emit(Target::rooms(ns, &["even"]), message).unwrap(),
                _ => broker.emit(Target::rooms(ns, &["odd"]), message).unwrap(),
            };
        };
        for number in 0..100 {
            emit(&mut broker, ns, number);
            if number % 10 == 0 {
                broker.poll(&mut Events::new(), Some(Duration::ZERO)).unwrap();
            }
        }
        let mut events = Events::new();
        broker.close(&mut events, PATIENCE).unwrap();
        let away = events.iter().filter(|it| matches!(it, Event::Disconnect { recoverable: true, .. }));
        assert_eq!(away.count(), MANY);
        // Of nobody's connection, and yet for all.
        (100..150).for_each(|number| emit(&mut broker, ns, number));
        let kept = broker.export_recovery().unwrap();
        drop(broker);
        (0..MANY).for_each(|_| is_gone.recv().unwrap());

        let (mut broker, ns, address) = listening(after, Some(&kept));
        assert_eq!(broker.stats().away, MANY);
        (150..200).for_each(|number| emit(&mut broker, ns, number));
        clients.iter().for_each(|(second, _)| second.send(address).unwrap());
        let mut tags = Vec::new();
        poll_until(&mut broker, |broker, events| {
            for event in events.iter() {
                if let Event::Connect { tag, recovered, .. } = event {
                    assert!(recovered);
                    tags.push(tag);
                    (200..210).for_each(|number| emit(broker, ns, number + 10 * tags.len()));
                }
            }
            tags.len() == MANY
        });
        broker.emit(Target::all(ns), Message::new("end", "[]")).unwrap();
        poll_until(&mut broker, |_, _| clients.iter().all(|(_, client)| client.is_finished()));
        tags.sort_unstable();
        assert_eq!(tags, (0..MANY as u64).collect::<Vec<_>>());
        let last = 210 + 10 * MANY;
        for kept in clients.into_iter().map(|(_, client)| client.join().unwrap()) {
            assert!(kept.recovered);
            let due = |even: bool| {
                let numbers = (0..200).chain(210..last).filter(|number| match number % 3 {
                    0 => true,
                    1 => even,
                    _ => !even,
                });
                numbers.map(|number| format!("n{number}")).chain(["end".to_owned()]).collect::<Vec<_>>()
            };
            assert!([due(true), due(false)].contains(&kept.heard), "{:?}", kept.heard);
        }
        let counters = broker.stats().counters;
        assert_eq!((counters.sessions_recovered, counters.sessions_expired), (MANY as u64, 0));
    }
}

#[test]
fn an_export_is_for_as_many_loops_as_it_is_of() {
    let export = |loops| Broker::new(config(loops)).unwrap().export_recovery().unwrap();
    let import = |loops, kept: &[u8]| Broker::new(config(loops)).unwrap().import_recovery(kept);
    for loops in [0, 1, 2, 4] {
        let kept = export(loops);
        for here in [0, 1, 2, 4] {
            let (exported, here_are) = (loops.max(1) as u32, here.max(1) as u32);
            let outcome = match exported == here_are {
                true => Ok(0),
                false => Err(Error::BadImport(ImportError::Loops { exported, here: here_are })),
            };
            assert_eq!(import(here, &kept), outcome);
        }
    }
    let mut parts = export(2);
    let second = parts.split_off(parts.len() / 2);
    assert_eq!(import(2, &[second, parts].concat()), Err(Error::BadImport(ImportError::Damaged)));
}

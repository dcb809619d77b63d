//! Clients that come back and ask first for a namespace in which nobody has decided about them yet: they go where their sessions are,
//! and what waits is asked again there.

use super::comer::{COUNTS, Client, Session, dealing, recovering};
use super::support::Host;
use super::{config, poll_until};
use roomcast::{Config, Event, NamespaceOptions, SocketId};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// `/` is guarded and `/chat` is not; both have recovery.
fn guarding(config: Config) -> Host {
    let mut host = dealing(config);
    host.broker.add_namespace("/", NamespaceOptions { guarded: true, ..recovering() }).unwrap();
    host.broker.add_namespace("/chat", recovering()).unwrap();
    host
}

/// A client that can wait until the host has been asked about it.
struct Comer {
    address: SocketAddr,
    asked: Receiver<String>,
}

impl Comer {
    fn connect(&self, over_polling: bool) -> Client {
        match over_polling {
            true => Client::over_polling(self.address),
            false => Client::over_websocket(self.address),
        }
    }

    /// Asks for `/`, about which the host decides when it is told to, and waits until it has heard of it.
    fn ask(&self, client: &mut Client, auth: &str) {
        client.send(&format!("40{auth}"));
        while self.asked.recv().unwrap() != auth {}
    }

    /// What is known after a connection that broke while nobody had decided about it in `/`: a session in `/chat`.
    fn undecided(&self) -> Session {
        let (mut client, mut chat) = (Client::over_websocket(self.address), Session::default());
        self.ask(&mut client, "{}");
        client.send("40/chat,");
        chat.enter(&mut client, "/chat,");
        chat
    }
}

/// Runs a client, and a host that lets in the newest who asks when it hears `decide`. Returns those who asked, in order, and those of
/// them who were not let in, of which it was told that they are gone.
fn run(host: &mut Host, client: impl FnOnce(Comer) + Send + 'static) -> (Vec<SocketId>, Vec<SocketId>) {
    let (tell, asked) = channel();
    let comer = Comer { address: host.address, asked };
    let client = thread::spawn(move || client(comer));
    let (mut all, mut waiting, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    poll_until(host, |broker, events| {
        for event in events.iter() {
            match event {
                Event::ConnectRequest { socket, auth, .. } => {
                    all.push(socket);
                    waiting.push(socket);
                    let _ = tell.send(auth.to_owned());
                }
                Event::Message { name: "decide", .. } => {
                    broker.accept(waiting.pop().unwrap()).unwrap();
                    // Of those it may have heard by now that they are gone.
                    for &old in &waiting {
                        let _ = broker.accept(old);
                    }
                }
                Event::Disconnect { socket, recoverable, .. } if waiting.contains(&socket) => {
                    assert!(!recoverable);
                    gone.push(socket);
                }
                _ => {}
            }
        }
        client.is_finished()
    });
    client.join().unwrap();
    host.until(|broker, events| {
        for event in events.iter() {
            if let Event::Disconnect { socket, .. } = event {
                gone.extend(waiting.contains(&socket).then_some(socket));
            }
        }
        // What a loop has counted may be known before what it tells.
        let told = waiting.iter().all(|socket| gone.contains(socket));
        told && broker.stats().links == 0 && broker.stats().connections == 0
    });
    gone.sort();
    gone.dedup();
    waiting.sort();
    assert_eq!(gone, waiting, "each who is not let in is known to be gone");
    (all, gone)
}

#[test]
fn about_whom_nobody_has_decided_is_asked_again_where_the_others_sessions_are() {
    for loops in COUNTS {
        for over_polling in [false, true] {
            let mut host = guarding(config(loops));
            let rounds = 2 * loops + 1;
            let (all, gone) = run(&mut host, move |comer| {
                let chat = comer.undecided();
                for round in 0..rounds {
                    let (mut root, mut again) = (Session::default(), chat.clone());
                    let mut client = comer.connect(over_polling);
                    comer.ask(&mut client, &format!("{{\"round\":{round}}}"));
                    client.send(&chat.ask("/chat,"));
                    again.enter(&mut client, "/chat,");
                    assert_eq!((&again.sid, &again.pid), (&chat.sid, &chat.pid), "{loops} loops");
                    client.send("42/chat,[\"decide\"]");
                    root.enter(&mut client, "");
                    client.send("1");
                }
            });
            let counters = host.broker.stats().counters;
            assert_eq!((counters.recoveries_elsewhere, counters.sessions_recovered), (0, rounds as u64));
            // One for each round, one for each that moved, and the first.
            assert_eq!(all.len() - rounds, gone.len());
            assert!(gone.len() > loops, "{} moved", gone.len() - 1);
        }
    }
}

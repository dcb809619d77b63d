//! Clients that come back, on whichever loop: each goes where its session is, and is told what it has missed, once and in order.

use super::comer::{COUNTS, Carrier, Client, Session, WAYS, Way, dealing, recovering, with_recovery};
use super::support::Host;
use super::{config, poll_until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use roomcast::{Broker, Config, Error, Event, Events, Message, NamespaceId, Target};
use std::net::SocketAddr;
use std::thread;

/// A host that puts everybody into the room `hall`, and does what it is told: `say` has it emit to its socket, the room and all,
/// `kick` sends the socket's connection away.
fn serve(broker: &mut Broker, events: &Events, home: NamespaceId) {
    for event in events.iter() {
        match event {
            Event::Connect { socket, namespace, recovered: false, .. } if namespace == home => {
                broker.join(socket, "hall").unwrap();
            }
            Event::Message { socket, namespace, name: "say", .. } => {
                broker.send(socket, Message::new("own", "[7]")).unwrap();
                broker.emit(Target::rooms(namespace, &["hall"]), Message::new("room", "[7]")).unwrap();
                broker.emit(Target::all(namespace), Message::new("all", "[7]")).unwrap();
            }
            Event::Message { socket, name: "ping", args, .. } => {
                broker.send(socket, Message::new("pong", args)).unwrap();
            }
            _ => {}
        }
    }
}

fn run<T: Send + 'static>(host: &mut Host, client: impl FnOnce(SocketAddr) -> T + Send + 'static) -> T {
    let address = host.address;
    let client = thread::spawn(move || client(address));
    let home = host.broker.find_namespace("/").unwrap();
    poll_until(host, |broker, events| {
        serve(broker, events, home);
        client.is_finished()
    });
    client.join().unwrap()
}

const SAID: [&str; 3] = ["42[\"own\",7]", "42[\"room\",7]", "42[\"all\",7]"];

/// Says something to all, and hears it.
fn say(session: &mut Session, client: &mut Client) {
    client.send("42[\"say\"]");
    assert_eq!([(); 3].map(|()| session.hear(client)), SAID);
}

fn is_alive(session: &mut Session, client: &mut Client, round: usize) {
    client.send(&format!("42[\"ping\",{round}]"));
    assert_eq!(session.hear(client), format!("42[\"pong\",{round}]"));
}

#[test]
fn who_comes_back_on_whichever_loop_is_who_it_was() {
    for loops in COUNTS {
        for way in WAYS {
            let mut host = with_recovery(config(loops));
            run(&mut host, move |address| {
                let (mut other, mut others) = fresh(address, "");
                let mut session = Session::default();
                let (mut client, _) = Way::WebSocket.come(address, &mut session);
                let before = session.clone();
                for round in 0..2 * loops + 1 {
                    is_alive(&mut session, &mut client, round);
                    drop(client);
                    say(&mut others, &mut other);
                    let mut heard;
                    (client, heard) = way.come(address, &mut session);
                    // Its loop may come to them only now.
                    while heard.len() < 2 {
                        heard.push(session.hear(&mut client));
                    }
                    assert_eq!(heard, SAID[1..], "{way:?}, round {round}, {loops} loops");
                    assert_eq!((&session.sid, &session.pid), (&before.sid, &before.pid), "{way:?}");
                }
                is_alive(&mut session, &mut client, 99);
                client.send("1");
            });
            host.until(|broker, _| broker.stats().links == 0 && broker.stats().connections == 0);
            let counters = host.broker.stats().counters;
            assert_eq!(counters.sessions_recovered, 2 * loops as u64 + 1);
            assert_eq!(counters.connections_opened, counters.connections_closed);
        }
    }
}

/// The loop that a private id names.
fn loop_of(pid: &str) -> usize {
    URL_SAFE_NO_PAD.decode(pid).unwrap()[16].into()
}

/// Asks for a namespace without a session in it, over a connection of its own; returns the client and the session.
fn fresh(address: SocketAddr, prefix: &str) -> (Client, Session) {
    let (mut client, mut session) = (Client::over_websocket(address), Session::default());
    client.send(&session.ask(prefix));
    session.enter(&mut client, prefix);
    (client, session)
}

#[test]
fn a_connection_that_only_seems_to_be_open_is_taken_over_from_another_loop() {
    for loops in COUNTS {
        for way in WAYS {
            let mut host = with_recovery(config(loops));
            let before = run(&mut host, move |address| {
                let mut session = Session::default();
                let (mut first, _) = Way::WebSocket.come(address, &mut session);
                is_alive(&mut session, &mut first, 0);
                let before = session.clone();
                let mut held = vec![first];
                for round in 1..=loops {
                    let (mut next, missed) = way.come(address, &mut session);
                    assert_eq!((&session.sid, missed.len()), (&before.sid, 0), "{way:?}, {loops} loops");
                    is_alive(&mut session, &mut next, round);
                    // The one before is told, unless it is between two polls, and ends.
                    let last = held.last_mut().unwrap();
                    if let Carrier::WebSocket(_) = last.carrier {
                        assert_eq!(last.read(), "41");
                    }
                    held.push(next);
                }
                held.last_mut().unwrap().send("1");
                session
            });
            assert_eq!(host.broker.stats().away, 1);
            host.until(|broker, _| broker.stats().links == 0 && broker.stats().connections == 0);
            assert_eq!(host.broker.stats().counters.sessions_recovered, loops as u64, "{before:?}");
        }
    }
}

#[test]
fn what_is_read_late_over_an_older_connection_does_not_take_the_session_back() {
    for loops in COUNTS {
        let mut host = with_recovery(config(loops));
        run(&mut host, move |address| {
            let mut session = Session::default();
            let (mut first, _) = Way::WebSocket.come(address, &mut session);
            is_alive(&mut session, &mut first, 0);
            // One on each loop.
            let older: Vec<_> = (0..loops).map(|_| Client::over_websocket(address)).collect();
            let (mut newest, _) = Way::WebSocket.come(address, &mut session);
            for mut late in older {
                let mut other = session.clone();
                late.send(&session.ask(""));
                other.enter(&mut late, "");
                assert_ne!(other.sid, session.sid, "{loops} loops");
            }
            is_alive(&mut session, &mut newest, 1);
        });
        assert_eq!(host.broker.stats().counters.sessions_recovered, 1);
    }
}

#[test]
fn whichever_namespace_comes_first_leads_to_the_others() {
    for loops in COUNTS {
        for over_polling in [false, true] {
            let mut host = dealing(config(loops));
            host.broker.add_namespace("/chat", recovering()).unwrap();
            let numbers = run(&mut host, move |address| {
                let (mut root, mut chat) = (Session::default(), Session::default());
                let mut numbers = Vec::new();
                for round in 0..2 * loops + 1 {
                    let before = (root.clone(), chat.clone());
                    let mut client = match over_polling {
                        true => Client::over_polling(address),
                        false => Client::over_websocket(address),
                    };
                    client.send(&root.ask(""));
                    client.send(&chat.ask("/chat,"));
                    root.enter(&mut client, "");
                    chat.enter(&mut client, "/chat,");
                    numbers.push(loop_of(&root.pid));
                    assert_eq!(loop_of(&root.pid), loop_of(&chat.pid));
                    assert!(
                        root.sid != before.0.sid && root.pid != before.0.pid,
                        "a socket of its own each time"
                    );
                    assert!(round == 0 || (&chat.sid, &chat.pid) == (&before.1.sid, &before.1.pid));
                    client.send("1");
                }
                numbers
            });
            assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
            let counters = host.broker.stats().counters;
            assert_eq!((counters.sessions_recovered, counters.recoveries_elsewhere), (2 * loops as u64, 0));
        }
    }
}

#[test]
fn a_text_at_the_end_is_not_what_a_client_sends_back() {
    for loops in [1, 2] {
        let mut host = dealing(config(loops));
        host.broker.add_namespace("/chat", recovering()).unwrap();
        let heard = run(&mut host, move |address| {
            let (mut client, session) = fresh(address, "");
            assert_eq!(session.pid.is_empty(), loops == 1);
            ["[1,\"long\"]", "[\"long\",1]", "[]"].map(|args| {
                client.send(&format!("42[\"ping\",{}", args.strip_prefix('[').unwrap()).replace(",]", "]"));
                client.read()
            })
        });
        let offset = heard[0].strip_prefix("42[\"pong\",1,\"long\"").unwrap();
        assert_eq!(offset == "]", loops == 1, "{heard:?}");
        assert_eq!(heard[1..], ["42[\"pong\",\"long\",1]", "42[\"pong\"]"]);
    }
}

#[test]
fn who_has_a_socket_here_gets_a_new_session_and_keeps_the_old_one_for_later() {
    for loops in COUNTS {
        let mut host = dealing(config(loops));
        host.broker.add_namespace("/chat", recovering()).unwrap();
        run(&mut host, move |address| {
            let (mut first, session) = fresh(address, "/chat,");
            first.send("1");
            let mut new = session.clone();
            let (mut second, _) = fresh(address, "");
            second.send(&session.ask("/chat,"));
            new.enter(&mut second, "/chat,");
            assert!(new.sid != session.sid && loop_of(&new.pid) != loop_of(&session.pid));
            let mut old = session.clone();
            let mut third = Client::over_websocket(address);
            third.send(&session.ask("/chat,"));
            old.enter(&mut third, "/chat,");
            assert_eq!(old.sid, session.sid);
        });
        let counters = host.broker.stats().counters;
        let counts =
            (counters.recoveries_elsewhere, counters.sessions_recovered, counters.recoveries_unknown);
        assert_eq!(counts, (1, 1, 0), "with {loops} loops");
    }
}

#[test]
fn a_connection_goes_to_another_loop_once() {
    let mut host = with_recovery(config(2));
    run(&mut host, |address| {
        // One session on each loop.
        let sessions = [(); 2].map(|()| fresh(address, "")).map(|(mut client, session)| {
            client.send("1");
            session
        });
        assert_ne!(loop_of(&sessions[0].pid), loop_of(&sessions[1].pid));
        // One connection from each loop, of which one has gone to the first already when it asks for the second.
        let came = [(); 2].map(|()| {
            let mut client = Client::over_websocket(address);
            client.send(&sessions[0].ask("/none,"));
            assert!(client.read().starts_with("44/none,"));
            client.send(&sessions[1].ask(""));
            let mut session = sessions[1].clone();
            session.enter(&mut client, "");
            client.send("1");
            session.sid == sessions[1].sid
        });
        assert_ne!(came[0], came[1]);
    });
    let counters = host.broker.stats().counters;
    assert_eq!((counters.recoveries_elsewhere, counters.sessions_recovered), (1, 1));
}

#[test]
fn the_handle_of_a_connection_that_has_gone_is_dead_and_its_socket_has_the_new_one() {
    for loops in COUNTS {
        let mut host = with_recovery(Config { guard_handshakes: true, ..config(loops) });
        let address = host.address;
        let client = thread::spawn(move || {
            let mut session = Session::default();
            for way in [Way::WebSocket, Way::Hasty, Way::WebSocket] {
                let (mut client, _) = way.come(address, &mut session);
                // Until the host has looked.
                assert_eq!(session.hear(&mut client), "42[\"seen\"]");
                client.send("1");
            }
        });
        let (mut asked, mut moves) = (None, 0);
        poll_until(&mut host, |broker, events| {
            for event in events.iter() {
                match event {
                    Event::Handshake { conn } => {
                        asked = Some(conn);
                        broker.allow(conn).unwrap();
                    }
                    Event::Connect { socket, .. } => {
                        let (old, new) = (asked.unwrap(), broker.conn_of(socket).unwrap());
                        let url = |conn| broker.conn_handshake(conn).map(|it| it.url().to_owned());
                        assert!(url(new).unwrap().starts_with("/socket.io/?EIO=4&transport=websocket"));
                        if old != new {
                            assert_eq!(url(old), Err(Error::Gone));
                            moves += 1;
                        }
                        broker.send(socket, Message::new("seen", "[]")).unwrap();
                    }
                    _ => {}
                }
            }
            client.is_finished()
        });
        client.join().unwrap();
        assert_eq!(moves, if loops == 2 { 1 } else { 2 });
    }
}

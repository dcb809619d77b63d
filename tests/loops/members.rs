//! Namespaces, rooms and sockets that span loops: each begins once, ends once, and says whose it is.

use super::support::{Host, PATIENCE};
use super::{COUNTS, END, MANY, config, crowd, finish, poll_until, until_end};
use roomcast::{Config, Error, Event, Events, Message, NamespaceOptions, PatternOptions, RoomChange, Target};
use std::collections::HashMap;
use std::time::Duration;

#[test]
fn a_namespace_from_a_pattern_is_reported_once_however_many_loops_have_it() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let options = PatternOptions { remove_when_empty: true, ..PatternOptions::default() };
        host.broker.add_pattern("/room-*", options).unwrap();
        let made = host.broker.add_namespace("/made", NamespaceOptions::default()).unwrap();
        assert_eq!(host.broker.find_namespace("/made"), Some(made));
        assert_eq!(host.broker.add_namespace("made", NamespaceOptions::default()), Ok(made));
        let guarded = NamespaceOptions { guarded: true, ..NamespaceOptions::default() };
        assert_eq!(host.broker.add_namespace("/made", guarded), Err(Error::Exists));
        let mut created = Vec::new();
        let mut removed = Vec::new();
        let mut inside = HashMap::new();
        let address = host.address;
        let clients: Vec<_> = (0..MANY)
            .map(|_| {
                std::thread::spawn(move || {
                    let mut client = super::Client::connect(address);
                    client.send("40/room-1,");
                    assert!(client.read().starts_with("40/room-1,{"));
                    assert_eq!(client.read(), "42/room-1,[\"end\"]");
                    client.send("41/room-1,");
                })
            })
            .collect();
        poll_until(&mut host, |broker, events| {
            for event in events.iter() {
                match event {
                    Event::NamespaceCreated { namespace, name } => created.push((namespace, name.to_owned())),
                    Event::NamespaceRemoved { namespace, name } => removed.push((namespace, name.to_owned())),
                    Event::Connect { socket, namespace, .. } => {
                        if broker.namespace_name(namespace).is_ok_and(|name| name == "/room-1") {
                            inside.insert(socket, namespace);
                        }
                        if inside.len() == MANY && broker.sockets_in(namespace).unwrap().count() == MANY {
                            broker.emit(Target::all(namespace), END).unwrap();
                        }
                    }
                    _ => {}
                }
            }
            !removed.is_empty()
        });
        clients.into_iter().for_each(|client| client.join().unwrap());
        let room = *inside.values().next().unwrap();
        assert!(inside.values().all(|&ns| ns == room), "one handle, on whichever loop");
        created.sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(created, [(made, "/made".to_owned()), (room, "/room-1".to_owned())], "with {loops} loops");
        assert_eq!(removed, [(room, "/room-1".to_owned())], "with {loops} loops");
        assert_eq!(host.broker.emit(Target::all(room), END), Err(Error::Gone));
        assert_eq!(host.broker.find_namespace("/room-1"), None);
    }
}

#[test]
fn a_room_that_spans_loops_begins_and_ends_once() {
    for loops in COUNTS {
        let mut host = Host::new(Config { room_events: true, ..config(loops) });
        let clients = crowd(&mut host, |_, mut client| until_end(&mut client));
        let ns = host.broker.find_namespace("/").unwrap();
        for &(socket, _) in &clients {
            host.broker.join(socket, "r").unwrap();
        }
        // What was joined before is left after: the loops have heard of all of it.
        assert_eq!(host.broker.members(ns, "r").unwrap().count(), MANY);
        for &(socket, _) in &clients {
            host.broker.leave(socket, "r").unwrap();
        }
        host.broker.join(clients[0].0, "last").unwrap();
        let mut seen = Vec::new();
        poll_until(&mut host, |_, events| {
            for event in events.iter() {
                if let Event::Room { change, room, namespace, .. } = event {
                    assert_eq!(namespace, ns);
                    seen.push((change, room.to_owned()));
                }
            }
            let ends = |change: &RoomChange| matches!(change, RoomChange::Left(_));
            seen.iter().filter(|(change, _)| ends(change)).count() == MANY
                && seen.iter().any(|(_, room)| room == "last")
                && seen.iter().any(|(change, room)| *change == RoomChange::Deleted && room == "r")
        });
        let of = |wanted: RoomChange| seen.iter().filter(|it| **it == (wanted, "r".to_owned())).count();
        assert_eq!(
            (of(RoomChange::Created), of(RoomChange::Deleted)),
            (1, 1),
            "with {loops} loops: {seen:?}"
        );
        for &(socket, _) in &clients {
            assert_eq!((of(RoomChange::Joined(socket)), of(RoomChange::Left(socket))), (1, 1));
        }
        host.broker.emit(Target::all(ns), END).unwrap();
        finish(&mut host, clients);
    }
}

#[test]
fn each_event_of_a_socket_carries_its_tag() {
    for loops in COUNTS {
        let mut host = Host::new(Config { room_events: true, ..config(loops) });
        let guarded = NamespaceOptions { guarded: true, ..NamespaceOptions::default() };
        host.broker.add_namespace("/inside", guarded).unwrap();
        let clients = crowd(&mut host, |number, mut client| {
            assert_eq!(client.read(), "42[\"go\"]");
            client.send("40/inside,");
            assert!(client.read().starts_with("40/inside,{"));
            client.send(&format!("42/inside,[\"{number}\"]"));
            let question = client.read();
            let ack =
                question.strip_prefix("42/inside,").and_then(|rest| rest.strip_suffix("[\"?\"]")).unwrap();
            client.send(&format!("43/inside,{ack}[]"));
            client.send("41/inside,");
            client.is_there();
        });
        let ns = host.broker.find_namespace("/").unwrap();
        host.broker.emit(Target::all(ns), Message::new("go", "[]")).unwrap();
        let (mut tags, mut gone) = (HashMap::new(), 0);
        poll_until(&mut host, |broker, events| {
            for event in events.iter() {
                match event {
                    Event::ConnectRequest { socket, tag, .. } => {
                        assert_eq!((tag, broker.tag(socket)), (0, Ok(0)));
                        tags.insert(socket, u64::MAX - tags.len() as u64);
                        broker.set_tag(socket, tags[&socket]).unwrap();
                        assert_eq!(broker.tag(socket), Ok(tags[&socket]));
                        broker.accept(socket).unwrap();
                        broker.join(socket, "r").unwrap();
                    }
                    Event::Message { socket, namespace, tag, .. } => {
                        assert_eq!(tag, tags[&socket]);
                        let target = [socket];
                        let target = Target::sockets(namespace, &target);
                        broker.emit_with_ack(target, Message::new("?", "[]"), None, 0).unwrap();
                    }
                    Event::Room {
                        change: RoomChange::Joined(socket) | RoomChange::Left(socket),
                        tag,
                        ..
                    }
                    | Event::Ack { socket, tag, .. } => assert_eq!(tag, tags[&socket]),
                    Event::Connect { socket, tag, .. } => {
                        assert_eq!(tag, tags.get(&socket).copied().unwrap_or(0));
                    }
                    Event::Disconnect { socket, tag, .. } => {
                        assert_eq!(tag, tags.get(&socket).copied().unwrap_or(0));
                        gone += u32::from(tag > 0);
                    }
                    _ => {}
                }
            }
            gone as usize == MANY
        });
        assert_eq!(host.broker.tag(*tags.keys().next().unwrap()), Err(Error::Gone));
        host.broker.close(&mut Events::new(), Duration::from_secs(1)).unwrap();
        finish(&mut host, clients);
    }
}

#[test]
fn guarded_clients_are_let_in_and_turned_away_on_every_loop() {
    for loops in COUNTS {
        let mut host = Host::new(Config { guard_handshakes: true, ..config(loops) });
        host.broker
            .add_namespace("/", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })
            .unwrap();
        let address = host.address;
        let clients: Vec<_> = (0..MANY)
            .map(|number| {
                std::thread::spawn(move || {
                    let mut client = super::sessions::open(address);
                    client.send(&format!("40{{\"number\":{number}}}"));
                    client.read()
                })
            })
            .collect();
        poll_until(&mut host, |broker, events| {
            for event in events.iter() {
                match event {
                    Event::Handshake { conn } => broker.allow(conn).unwrap(),
                    Event::ConnectRequest { socket, auth, .. } => {
                        let number: usize = auth["{\"number\":".len()..auth.len() - 1].parse().unwrap();
                        if number.is_multiple_of(2) {
                            broker.join(socket, "early").unwrap();
                            broker.accept(socket).unwrap();
                        } else {
                            broker.reject(socket, "odd", Some("{\"why\":1}")).unwrap();
                        }
                    }
                    _ => {}
                }
            }
            clients.iter().all(|client| client.is_finished())
        });
        let ns = host.broker.find_namespace("/").unwrap();
        for (number, client) in clients.into_iter().enumerate() {
            let heard = client.join().unwrap();
            if number % 2 == 0 {
                assert!(heard.starts_with("40{\"sid\":"), "{heard}");
            } else {
                assert_eq!(heard, "44{\"message\":\"odd\",\"data\":{\"why\":1}}");
            }
        }
        // They are gone by now, or about to be.
        assert!(host.broker.members(ns, "early").unwrap().count() <= MANY / 2);
    }
}

/// Whom the host has been asked about it is told of, whether its answer came in time or not.
#[test]
fn who_leaves_before_the_answer_is_told_of_once() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        host.broker
            .add_namespace("/", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })
            .unwrap();
        let address = host.address;
        let (leave, told) = std::sync::mpsc::channel::<()>();
        let clients = std::thread::spawn(move || {
            let clients: Vec<_> = (0..MANY)
                .map(|_| {
                    let mut client = super::sessions::open(address);
                    client.send("40");
                    client
                })
                .collect();
            // Each with its connection.
            for _ in clients {
                told.recv_timeout(PATIENCE).unwrap();
            }
        });
        let (mut asked, mut gone) = (Vec::new(), Vec::new());
        poll_until(&mut host, |broker, events| {
            for event in events.iter() {
                match event {
                    Event::ConnectRequest { socket, .. } => {
                        asked.push(socket);
                        broker.join(socket, "early").unwrap();
                        if asked.len() == MANY {
                            broker.stats(); // the answer of every loop: the joins are done
                            // Some answers come in time, some do not.
                            for &socket in &asked {
                                leave.send(()).unwrap();
                                assert!(matches!(broker.accept(socket), Ok(()) | Err(Error::Gone)));
                            }
                        }
                    }
                    Event::Disconnect { socket, rooms, .. } => {
                        assert_eq!(rooms.iter().collect::<Vec<_>>(), ["early"]);
                        gone.push(socket);
                    }
                    other => panic!("{other:?}"),
                }
            }
            gone.len() >= MANY
        });
        clients.join().unwrap();
        host.until(|broker, _| broker.stats().connections == 0);
        asked.sort();
        gone.sort();
        assert_eq!(asked, gone, "with {loops} loops");
        assert_eq!(host.broker.stats().rooms, 0, "with {loops} loops");
    }
}

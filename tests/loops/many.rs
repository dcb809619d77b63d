//! Rooms, namespaces, acknowledgements and questions that span loops.

use super::support::{Host, PATIENCE};
use super::{COUNTS, MANY, config, crowd, finish, limited, poll_until, until_end};
use roomcast::{
    Broker, Config, Error, Event, Events, Limits, Message, NamespaceId, NamespaceOptions, PatternOptions,
    RoomChange, SocketId, Target,
};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const END: Message<'static> = Message::new("end", "[]");

fn said<T: std::fmt::Debug>(result: roomcast::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn an_emit_reaches_exactly_the_members_wherever_they_are() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let clients = crowd(&mut host, |_, mut client| until_end(&mut client));
        let sockets: Vec<SocketId> = clients.iter().map(|(socket, _)| *socket).collect();
        let broker = &mut host.broker;
        let ns = broker.namespace_of(sockets[0]).unwrap();
        for (number, &socket) in sockets.iter().enumerate() {
            broker.join(socket, ["even", "odd"][number % 2]).unwrap();
            if number % 3 == 0 {
                broker.change_rooms(socket, &[], &["third", "all"]).unwrap();
            }
        }
        broker.emit(Target::rooms(ns, &["even"]).except(&[sockets[0]]), Message::new("a", "[]")).unwrap();
        // Some are in both rooms and get one copy.
        broker.emit(Target::rooms(ns, &["odd", "third"]), Message::new("b", "[]")).unwrap();
        broker.emit(Target::all(ns).except_rooms(&["even"]), Message::new("c", "[]")).unwrap();
        broker.emit(Target::sockets(ns, &[sockets[1], sockets[4]]), Message::new("d", "[]")).unwrap();
        broker.leave(sockets[2], "even").unwrap();
        broker.emit(Target::rooms(ns, &["even"]), Message::new("e", "[]")).unwrap();
        broker.send(sockets[5], Message::new("f", "[]")).unwrap();
        let own = broker.socket_sid(sockets[6]).unwrap().to_string();
        broker.emit(Target::rooms(ns, &[&own]), Message::new("g", "[]")).unwrap();
        broker.emit(Target::all(ns).except(&sockets[..8]), Message::new("h", "[]")).unwrap();
        broker.leave_all(sockets[3]).unwrap();
        broker.emit(Target::rooms(ns, &["odd", "third"]), Message::new("i", "[]")).unwrap();
        // A union of nothing is nobody, whoever emits it and wherever the members are.
        let remote = broker.remote();
        let dead = [SocketId::from_bits(sockets[1].to_bits() + (1 << 32)).unwrap()];
        for nobody in [
            Target::rooms(ns, &[]),
            Target::sockets(ns, &[]),
            Target::union(ns, &[], &[]),
            Target::rooms(ns, &[]).except(&[sockets[1]]),
            Target::rooms(ns, &["", "nobody's"]),
            Target::sockets(ns, &dead),
            Target::union(ns, &["nobody's"], &dead),
            Target::all(ns).except(&sockets),
            Target::rooms(ns, &["even"]).except_rooms(&["even"]),
        ] {
            broker.emit(nobody, Message::new("nobody", "[]")).unwrap();
            broker.emit_with_ack(nobody, Message::new("nobody", "[]"), Some(5_000), 0).unwrap();
            remote.emit(nobody, Message::new("nobody", "[]")).unwrap();
        }
        remote.emit(Target::all(ns), END).unwrap();
        for (n, heard) in finish(&mut host, clients).into_iter().enumerate() {
            let (even, third) = (n % 2 == 0, n % 3 == 0);
            let expected = [
                ("a", even && n != 0),
                ("b", !even || third),
                ("c", !even),
                ("d", n == 1 || n == 4),
                ("e", even && n != 2),
                ("f", n == 5),
                ("g", n == 6),
                ("h", n >= 8),
                ("i", (!even || third) && n != 3),
            ];
            let expected: Vec<_> =
                expected.iter().filter(|(_, it)| *it).map(|(name, _)| format!("42[\"{name}\"]")).collect();
            assert_eq!(heard, expected, "client {n} with {loops} loops");
        }
    }
}

#[test]
fn a_target_selects_the_same_for_every_operation_wherever_its_members_are() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let clients = crowd(&mut host, |_, mut client| client.read());
        let sockets: Vec<SocketId> = clients.iter().map(|(socket, _)| *socket).collect();
        let remote = host.broker.remote();
        let broker = &mut host.broker;
        let ns = broker.namespace_of(sockets[0]).unwrap();
        let known = |count| (loops == 0).then_some(count);
        let (even, odd): (Vec<_>, Vec<_>) =
            sockets.iter().enumerate().partition(|(number, _)| number % 2 == 0);
        let [even, odd]: [Vec<SocketId>; 2] =
            [even, odd].map(|some| some.into_iter().map(|(_, it)| *it).collect());
        let in_room = |broker: &Broker, room: &str| broker.members(ns, room).unwrap().collect::<HashSet<_>>();
        let set = |sockets: &[SocketId]| sockets.iter().copied().collect::<HashSet<_>>();

        let joined = broker.sockets_join(Target::sockets(ns, &even), &["even", "all"]).unwrap();
        assert_eq!(joined, known(even.len()), "what is not known yet says so, with {loops} loops");
        broker.sockets_join(Target::all(ns).except(&even), &["odd", "all"]).unwrap();
        assert_eq!(in_room(broker, "even"), set(&even), "with {loops} loops");
        assert_eq!(in_room(broker, "odd"), set(&odd));
        assert_eq!(in_room(broker, "all"), set(&sockets));
        let target = Target::union(ns, &["even"], &odd[..2]).except(&even[..1]).except_rooms(&["nobody's"]);
        let found: Vec<SocketId> = broker.fetch_sockets(target).unwrap().collect();
        assert_eq!(set(&found), &set(&even[1..]) | &set(&odd[..2]));
        assert_eq!(found.len(), even.len() + 1, "each once");
        assert_eq!(
            broker.sockets_leave(Target::rooms(ns, &["even"]), &["even", "all"]).unwrap(),
            known(even.len())
        );
        assert_eq!(
            in_room(broker, "even"),
            HashSet::new(),
            "the room itself can be left by all who are in it"
        );
        assert_eq!(in_room(broker, "all"), set(&odd));

        let dead = [SocketId::from_bits(sockets[1].to_bits() + (1 << 32)).unwrap()];
        for nobody in [
            Target::rooms(ns, &[]),
            Target::sockets(ns, &[]),
            Target::rooms(ns, &["nobody's"]),
            Target::sockets(ns, &dead),
            Target::all(ns).except(&sockets),
            Target::all(ns).except_rooms(&["odd"]).except(&even),
        ] {
            assert_eq!(broker.fetch_sockets(nobody).unwrap().count(), 0, "{nobody:?} with {loops} loops");
            assert_eq!(broker.sockets_join(nobody, &["r"]).unwrap(), known(0));
            assert_eq!(broker.sockets_leave(nobody, &["all"]).unwrap(), known(0));
            assert_eq!(broker.disconnect_sockets(nobody, true).unwrap(), known(0));
            remote.sockets_join(nobody, &["r"]).unwrap();
            remote.disconnect_sockets(nobody, true).unwrap();
        }
        assert_eq!(said(broker.sockets_join(Target::all(ns), &["fine", ""])), "rooms[1]: the name is empty");
        assert_eq!(said(remote.sockets_join(Target::all(ns), &[""])), "rooms[0]: the name is empty");

        remote.sockets_join(Target::rooms(ns, &["odd"]), &["by another thread"]).unwrap();
        remote.sockets_leave(Target::sockets(ns, &odd[..1]), &["by another thread"]).unwrap();
        remote.disconnect_sockets(Target::sockets(ns, &even[..2]), false).unwrap();
        remote.emit(Target::all(ns), END).unwrap();
        let gone = set(&even[..2]);
        let heard = finish(&mut host, clients);
        for (socket, heard) in sockets.iter().zip(heard) {
            let last = if gone.contains(socket) { "41" } else { "42[\"end\"]" };
            assert_eq!(heard, last, "with {loops} loops");
        }
    }
}

#[test]
fn questions_are_answered_over_all_loops_and_after_what_was_called_before() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let clients = crowd(&mut host, |_, mut client| client.read());
        let sockets: Vec<SocketId> = clients.iter().map(|(socket, _)| *socket).collect();
        let all: HashSet<_> = sockets.iter().copied().collect();
        assert_eq!(all.len(), MANY, "no two sockets have one handle");
        let broker = &mut host.broker;
        let ns = broker.find_namespace("/").unwrap();
        for &socket in &sockets {
            broker.join(socket, "everybody").unwrap();
            broker.join(socket, "left").unwrap();
            broker.leave(socket, "left").unwrap();
        }
        broker.join(sockets[7], "alone").unwrap();
        assert_eq!(broker.members(ns, "everybody").unwrap().collect::<HashSet<_>>(), all);
        assert_eq!(broker.members(ns, "alone").unwrap().collect::<Vec<_>>(), [sockets[7]]);
        assert_eq!(broker.members(ns, "left").unwrap().count(), 0);
        assert_eq!(broker.sockets_in(ns).unwrap().collect::<HashSet<_>>(), all);
        let mut rooms: Vec<_> = broker.rooms_in(ns).unwrap().map(|it| it.to_string()).collect();
        rooms.sort();
        assert_eq!(rooms, ["alone", "everybody"], "a room that spans loops is one room");
        let sids: Vec<String> =
            sockets.iter().map(|&it| broker.socket_sid(it).unwrap().to_string()).collect();
        assert_eq!(sids.iter().collect::<HashSet<_>>().len(), MANY);
        for (&socket, sid) in sockets.iter().zip(&sids) {
            assert_eq!(broker.find_socket(sid), Some(socket));
            assert_eq!(broker.namespace_of(socket), Ok(ns));
            let mut rooms: Vec<_> = broker.rooms_of(socket).unwrap().map(|it| it.to_string()).collect();
            assert_eq!(rooms.remove(0), *sid);
            assert!(rooms.contains(&"everybody".to_owned()), "{rooms:?}");
            assert_eq!(broker.members(ns, sid).unwrap().collect::<Vec<_>>(), [socket]);
            let conn = broker.conn_of(socket).unwrap();
            assert_eq!(broker.is_websocket(conn), Ok(true));
            assert!(broker.handshake(socket).unwrap().url().starts_with("/socket.io/?EIO=4"));
            assert!(broker.conn_handshake(conn).unwrap().header("upgrade").is_some());
        }
        assert_eq!(broker.find_socket("nobody's"), None);
        assert_eq!(broker.namespaces().map(|(_, name)| name.to_string()).collect::<Vec<_>>(), ["/"]);
        let stats = broker.stats();
        assert_eq!((stats.connections, stats.sockets, stats.namespaces), (MANY, MANY, 1));
        assert_eq!(stats.counters.connections_opened, MANY as u64);
        broker.disconnect(sockets[0], true).unwrap();
        assert_eq!(broker.socket_sid(sockets[0]).map(|it| it.to_string()), Err(Error::Gone));
        assert_eq!(broker.members(ns, "everybody").unwrap().count(), MANY - 1);
        broker.emit(Target::all(ns), END).unwrap();
        let heard = finish(&mut host, clients);
        assert_eq!(heard[0], "41");
        assert!(heard[1..].iter().all(|text| text == "42[\"end\"]"));
    }
}

#[test]
fn acknowledgements_from_many_loops_are_counted_together() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        // Client 0 leaves instead of answering, client 1 waits for the time to run out.
        let clients = crowd(&mut host, |number, mut client| {
            let question = client.read();
            let ack = question.strip_suffix("[\"q\"]").unwrap().strip_prefix("42").unwrap().to_owned();
            match number {
                0 => client.send("41"),
                1 => {
                    client.read();
                }
                _ => {
                    client.send(&format!("43{ack}[{number}]"));
                    client.read();
                }
            }
        });
        let ns = host.broker.find_namespace("/").unwrap();
        let question = Message::new("q", "[]");
        let (receipt, ack) = host.broker.emit_with_ack(Target::all(ns), question, Some(1_500), 77).unwrap();
        assert_eq!(receipt.recipients, MANY, "with {loops} loops");
        let ack = ack.unwrap();
        let (mut left, mut answers, mut ends) = (Vec::new(), HashSet::new(), Vec::new());
        poll_until(&mut host, |_, events| {
            for event in events.iter() {
                match event {
                    Event::Ack { ack: id, args, remaining, context: 77, .. } if id == ack => {
                        assert!(answers.insert(args.to_owned()), "{args} twice");
                        left.push(remaining);
                    }
                    Event::AckEnd { ack: id, missing, timed_out, context: 77 } if id == ack => {
                        ends.push((missing, timed_out))
                    }
                    _ => {}
                }
            }
            !ends.is_empty()
        });
        assert_eq!(left, (2..MANY as u32).rev().collect::<Vec<_>>(), "with {loops} loops");
        assert_eq!(ends, [(2, true)], "with {loops} loops");
        assert_eq!(host.broker.stats().pending_acks, 0);
        host.broker.emit(Target::all(ns), END).unwrap();
        finish(&mut host, clients);
        let nobody = Target::rooms(ns, &["nobody"]);
        assert_eq!(host.broker.emit_with_ack(nobody, question, None, 0).unwrap().1, None);
    }
}

#[test]
fn a_late_answer_over_a_new_connection_settles_no_other_question() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        // Everybody is asked its own question, and answers all the others' in the name of a client that came back.
        let (questions, asked) = (Arc::new(Mutex::new(HashSet::new())), Arc::new(Barrier::new(MANY)));
        let clients = crowd(&mut host, move |_, mut client| {
            let question = client.read();
            let own = question.strip_suffix("[\"q\"]").unwrap().strip_prefix("42").unwrap().to_owned();
            assert!(questions.lock().unwrap().insert(own.clone()), "{own} was asked twice");
            asked.wait();
            let all: Vec<String> = questions.lock().unwrap().iter().cloned().collect();
            for number in all.iter().filter(|number| **number != own) {
                client.send(&format!("43{number}[\"late\"]"));
            }
            client.send(&format!("43{own}[\"mine\"]"));
            client.read();
        });
        let ns = host.broker.find_namespace("/").unwrap();
        let mut waiting = HashMap::new();
        let question = Message::new("q", "[]");
        for &(socket, _) in &clients {
            let (to, context) = ([socket], socket.to_bits());
            let asked = host.broker.emit_with_ack(Target::sockets(ns, &to), question, None, context);
            let (_, ack) = asked.unwrap();
            waiting.insert(ack.unwrap(), socket);
        }
        poll_until(&mut host, |_, events| {
            for event in events.iter() {
                if let Event::Ack { ack, socket, args, context, .. } = event {
                    assert_eq!(context, socket.to_bits());
                    assert_eq!(args, "[\"mine\"]", "with {loops} loops");
                    assert_eq!(waiting.remove(&ack), Some(socket));
                }
            }
            waiting.is_empty()
        });
        assert_eq!(host.broker.stats().counters.unknown_acks, (MANY * (MANY - 1)) as u64);
        host.broker.emit(Target::all(ns), END).unwrap();
        finish(&mut host, clients);
    }
}

#[test]
fn an_acknowledgement_that_everybody_gives_ends_with_the_last_one() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let clients = crowd(&mut host, |_, mut client| {
            let ack = client.read().replace("[\"q\"]", "[]").replacen("42", "43", 1);
            client.send(&ack);
            client.read();
        });
        let ns = host.broker.find_namespace("/").unwrap();
        let (_, ack) = host.broker.emit_with_ack(Target::all(ns), Message::new("q", "[]"), None, 0).unwrap();
        let (mut left, mut ends) = (Vec::new(), 0);
        poll_until(&mut host, |_, events| {
            for event in events.iter() {
                match event {
                    Event::Ack { ack: id, remaining, .. } if Some(id) == ack => left.push(remaining),
                    Event::AckEnd { .. } => ends += 1,
                    _ => {}
                }
            }
            left.last() == Some(&0)
        });
        host.broker.emit(Target::all(ns), END).unwrap();
        finish(&mut host, clients);
        assert_eq!((left.len(), ends), (MANY, 0), "with {loops} loops");
    }
}

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
fn what_can_be_known_at_once_is_said_at_once() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let (socket, client) = host.join(|mut client| until_end(&mut client));
        let broker = &mut host.broker;
        let ns = broker.find_namespace("/").unwrap();
        let all = Target::all(ns);
        assert_eq!(broker.emit(all, Message::new("disconnect", "[]")), Err(Error::ReservedEvent));
        assert_eq!(broker.emit(all, Message::new("n", "{}")), Err(Error::BadJson(0)));
        assert_eq!(broker.emit(all, Message::new("n", "[")), Err(Error::BadJson(1)));
        let lost: &[&[u8]] = &[b"x"];
        assert_eq!(
            broker.emit(all, Message::new("n", "[{\"_placeholder\":true,\"num\":1}]").attach(lost)),
            Err(Error::BadAttachments)
        );
        assert_eq!(broker.send(socket, Message::new("connect", "[]")), Err(Error::ReservedEvent));
        assert_eq!(broker.ack(socket, 1, "nothing", &[]), Err(Error::BadJson(0)));
        assert_eq!(said(broker.join(socket, "")), "room: the name is empty");
        assert_eq!(broker.add_namespace("a,b", NamespaceOptions::default()), Err(Error::BadNamespace));
        assert_eq!(broker.add_pattern("", PatternOptions::default()), Err(Error::BadNamespace));
        broker.emit(all, END).unwrap();
        host.until(|_, _| client.is_finished());
        assert_eq!(client.join().unwrap(), [] as [&str; 0]);
    }
}

#[test]
fn what_shows_only_later_is_counted() {
    let mut host = Host::new(config(2));
    let clients = crowd(&mut host, |_, mut client| client.read());
    let ns = host.broker.find_namespace("/").unwrap();
    for &(socket, _) in &clients {
        host.broker.disconnect(socket, false).unwrap();
    }
    let before = host.broker.stats().counters.remote_failures;
    let dead = clients[3].0;
    let _ = host.broker.join(dead, "r");
    let _ = host.broker.disconnect(dead, false);
    let _ = host.broker.send(dead, Message::new("n", "[]"));
    assert_eq!(host.broker.stats().counters.remote_failures, before + 3);
    assert_eq!(host.broker.sockets_in(ns).unwrap().count(), 0);
    assert!(finish(&mut host, clients).iter().all(|text| text == "41"));
}

#[test]
fn an_emit_is_one_emit_and_a_bad_one_is_one_failure() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        host.broker.add_pattern("/born-*", PatternOptions::default()).unwrap();
        let clients = crowd(&mut host, |number, mut client| {
            // The last one, so that nobody's socket is taken for its second.
            if number == MANY - 1 {
                client.send("40/born-1,");
                assert!(client.read().starts_with("40/born-1,{"));
            }
            until_end(&mut client).len()
        });
        let mut born = None;
        poll_until(&mut host, |broker, _| {
            born = broker.find_namespace("/born-1");
            born.is_some()
        });
        let (ns, born) = (host.broker.find_namespace("/").unwrap(), born.unwrap());
        let sockets: Vec<_> = clients.iter().map(|(socket, _)| *socket).collect();
        let hello = Message::new("n", "[]");
        host.broker.emit(Target::all(ns), hello).unwrap();
        host.broker.emit(Target::rooms(ns, &["nobody's"]), hello).unwrap();
        host.broker.emit(Target::sockets(ns, &sockets), hello).unwrap();
        host.broker.send(sockets[5], hello).unwrap();
        // A namespace that only one loop has.
        host.broker.emit(Target::all(born), hello).unwrap();
        host.broker.emit_with_ack(Target::all(ns), hello, Some(0), 0).unwrap();
        let remote = host.broker.remote();
        let gone = NamespaceId::from_bits(born.to_bits() + (1 << 32)).unwrap();
        remote.emit(Target::all(gone), hello).unwrap();
        host.broker.emit(Target::all(ns), END).unwrap();
        let heard = finish(&mut host, clients);
        assert_eq!((heard[5], heard[6]), (4, 3), "with {loops} loops");
        let counters = host.broker.stats().counters;
        assert_eq!((counters.emits, counters.remote_failures), (7, 1), "with {loops} loops");
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
fn what_is_wrong_with_a_call_of_another_thread_is_its_error() {
    for loops in COUNTS {
        let limits = |limits: &mut Limits| (limits.max_room_name, limits.max_json_depth) = (8, 8);
        let mut host = Host::new(limited(loops, limits));
        let (socket, client) = host.join(|mut client| until_end(&mut client));
        let ns = host.broker.find_namespace("/").unwrap();
        let remote = host.broker.remote();
        let emit = |message| remote.emit(Target::all(ns), message);
        for (text, at) in [("no array", 0), ("{}", 0), ("[1", 2), ("[[[[[[[[[1]]]]]]]]]", 8), ("", 0)] {
            assert_eq!(emit(Message::new("n", text)), Err(Error::BadJson(at)), "{text}");
        }
        assert_eq!(emit(Message::new("disconnect", "[]")), Err(Error::ReservedEvent));
        let placeholder = r#"[{"_placeholder":true,"num":7}]"#;
        assert_eq!(emit(Message::new("n", placeholder).attach(&[b"x"])), Err(Error::BadAttachments));
        for room in ["", "far too long"] {
            assert!(matches!(remote.join(socket, room), Err(Error::BadRoom(at)) if at.position().is_none()));
            let moved = remote.change_rooms(socket, &[], &["a", room]);
            assert!(matches!(moved, Err(Error::BadRoom(at)) if at.position() == Some(1)));
            assert_eq!(remote.leave(socket, room), Ok(()));
        }
        assert_eq!(said(remote.drain(0, "")), "per_second: it is 1 or more");
        assert_eq!(said(remote.drain(1, &"x".repeat(124))), "reason: it is at most 123 bytes");
        emit(END).unwrap();
        client_ends(&mut host, client);
        assert_eq!(host.broker.stats().counters.remote_failures, 0);
    }
}

/// It has heard nothing but the end.
fn client_ends(host: &mut Host, client: JoinHandle<Vec<String>>) {
    host.until(|_, _| client.is_finished());
    assert_eq!(client.join().unwrap(), [""; 0]);
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

#[test]
fn an_address_in_use_is_refused_although_loops_share_one() {
    for loops in COUNTS {
        let mut first = Broker::new(config(loops)).unwrap();
        let address = first.listen("127.0.0.1:0").unwrap();
        for other in COUNTS {
            let mut second = Broker::new(config(other)).unwrap();
            let refused = second.listen(address).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse, "{loops} loops, then {other}");
            assert!(refused.to_string().starts_with(&format!("{address}: ")), "{refused}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_spread_is_refused() {
    let invalid = |config| Broker::new(config).map(drop).map_err(|error| error.kind());
    assert_eq!(invalid(config(65)), Err(std::io::ErrorKind::InvalidInput));
    let generator = || Some("id".to_owned());
    let custom = Config { id_generator: Some(Box::new(generator)), ..config(2) };
    assert_eq!(invalid(custom), Err(std::io::ErrorKind::InvalidInput));
}

#[test]
fn the_end_tells_everybody_on_every_loop_and_it_may_begin_again() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        for _ in 0..2 {
            let clients = crowd(&mut host, |_, mut client| [client.read(), client.read()]);
            let ns = host.broker.find_namespace("/").unwrap();
            host.broker.emit(Target::all(ns), Message::new("last", "[]")).unwrap();
            host.broker.close(&mut host.events, PATIENCE).unwrap();
            let told: HashSet<_> = host
                .events
                .iter()
                .filter_map(|event| match event {
                    Event::Disconnect { socket, reason, .. } => Some((socket, reason.text())),
                    _ => None,
                })
                .collect();
            let expected = clients.iter().map(|(socket, _)| (*socket, "server shutting down")).collect();
            assert_eq!(told, expected, "with {loops} loops");
            for (_, client) in clients {
                let [last, close] = client.join().unwrap();
                assert_eq!(last, "42[\"last\"]");
                assert!(close.starts_with("Close"), "{close}");
            }
            assert!(std::net::TcpStream::connect(host.address).is_err(), "it listens no more");
            let stats = host.broker.stats();
            assert_eq!((stats.links, stats.connections, stats.sockets), (0, 0, 0));
            assert_eq!(host.broker.listen(host.address).unwrap(), host.address);
        }
    }
}

// On poll(2) there is no descriptor for another loop.
#[cfg(poll_descriptor)]
#[test]
fn the_descriptor_tells_of_the_loops_events_and_then_rests() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let (socket, client) = host.join(|mut client| {
            client.send("42[\"hello\"]");
            client.read()
        });
        let mut heard = false;
        while !heard {
            assert!(host.readable(PATIENCE), "an event shows");
            host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
            heard = host.events.iter().any(|event| matches!(event, Event::Message { name: "hello", .. }));
        }
        host.settle();
        assert!(!host.readable(Duration::ZERO) && host.broker.next_timeout() != Some(Duration::ZERO));
        let remote = host.broker.remote();
        std::thread::spawn(move || remote.wake()).join().unwrap().unwrap();
        assert!(host.readable(PATIENCE), "another thread's call shows");
        host.settle();
        host.broker.send(socket, END).unwrap();
        host.until(|_, _| client.is_finished());
        assert_eq!(client.join().unwrap(), "42[\"end\"]");
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

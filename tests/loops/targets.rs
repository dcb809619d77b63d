//! Whom an emit, an order by target or a question reaches, wherever they are, and what it says of that.

use super::support::Host;
use super::{COUNTS, END, MANY, config, crowd, finish, poll_until, said, until_end};
use roomcast::{Broker, Error, Message, NamespaceId, NamespaceOptions, PatternOptions, SocketId, Target};
use std::collections::HashSet;

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

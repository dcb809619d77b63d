//! Connection state recovery: who comes back and who does not, what is bounded, and what the host can do with a socket that is
//! away.

use crate::recovery::{recovery, words, world, world_with};
use crate::world::{Seen, World};
use roomcast::{Config, Error, Limits, Message, NamespaceOptions, PatternOptions, Reason, SocketId, Target};

const WINDOW: u64 = 120_000;

#[test]
fn what_is_not_kept_any_more_is_not_passed_over() {
    let limits = Limits { recovery_log_bytes: 2_000, ..Limits::default() };
    let (mut world, ns) = world_with(Config { limits, ..Config::default() });
    let (at, socket) = world.joined(true);
    world.all(ns, "heard");
    world.settle();
    world.cut(at);
    for _ in 0..100 {
        world.all(ns, "missed");
    }
    world.told();
    let back = world.back(at);
    let (names, connected) = world.names(back);
    assert!(names.is_empty() && connected, "{names:?}");
    assert_ne!(world.pid(back, "/"), world.pid(at, "/"));
    assert_eq!(world.told(), ["expired", "connect false"], "the old one is over");
    assert_eq!(world.core.tag(socket), Err(Error::Gone));
    assert_eq!(world.core.stats().counters.recoveries_overrun, 1);
}

#[test]
fn what_is_read_late_over_an_older_connection_does_not_take_the_session_back() {
    let (mut world, ns) = world();
    let (at, socket) = world.joined(true);
    world.all(ns, "heard");
    world.settle();
    let auth = world.auth(at, "/");
    let late = world.client();
    world.open_websocket(late);
    world.settle();
    let back = world.back(at);
    assert_eq!(world.told(), ["connect false", "disconnect true", "connect true"]);
    world.text(late, &format!("40{auth}"));
    world.settle();
    assert_eq!(world.told(), ["connect false"], "it gets a new session");
    assert_eq!(world.core.stats().counters.recoveries_unknown, 1);
    world.all(ns, "live");
    world.settle();
    assert_eq!((world.names(back).0, world.socket(back, "/")), (words("live"), Some(socket)));
    // When it has ended, there is no other.
    world.cut(back);
    let again = world.client();
    world.open_websocket(again);
    world.settle();
    world.text(again, &format!("40{auth}"));
    world.settle();
    assert_eq!(world.socket(again, "/"), Some(socket));
}

#[test]
fn whoever_speaks_to_all_but_itself_has_lost_nothing_with_its_own_words() {
    let limits = Limits { recovery_log_bytes: 2_000, ..Limits::default() };
    let (mut world, ns) = world_with(Config { limits, ..Config::default() });
    let (at, socket) = world.joined(true);
    let (_, quiet) = world.joined(true);
    for id in [socket, quiet] {
        world.core.join(id, "red").unwrap();
    }
    world.all(ns, "heard");
    world.settle();
    for _ in 0..100 {
        for target in [Target::all(ns), Target::rooms(ns, &["red"])] {
            world.core.emit(target.except(&[socket]), Message::new("said", "[]")).unwrap();
            world.settle();
        }
    }
    world.cut(at);
    let back = world.back(at);
    assert_eq!((world.names(back), world.told().pop().unwrap()), ((vec![], true), "connect true".into()));
}

#[test]
fn a_replay_that_a_connection_may_not_be_owed_is_refused_before_anything_is_sent() {
    let limits = Limits { max_backlog: 10_000, ..Limits::default() };
    let (mut world, ns) = world_with(Config { limits, ..Config::default() });
    let (at, _) = world.joined(true);
    world.cut(at);
    let args = format!(r#"["{}"]"#, "x".repeat(1_000));
    for _ in 0..10 {
        world.core.emit(Target::all(ns), Message::new("long", &args)).unwrap();
    }
    let back = world.back(at);
    assert_eq!(world.names(back), (vec![], true));
    assert_eq!(world.told().pop().unwrap(), "connect false");
}

#[test]
fn what_a_connection_may_be_owed_is_for_all_its_namespaces_together() {
    let limits = Limits { max_backlog: 10_000, ..Limits::default() };
    let (mut world, ns) = world_with(Config { limits, ..Config::default() });
    let other = world.core.add_namespace("/other", recovery()).unwrap();
    let (at, _) = world.joined(true);
    world.join_namespace(at, "/other");
    world.cut(at);
    let args = format!(r#"["{}"]"#, "x".repeat(6_000));
    for ns in [ns, other] {
        world.core.emit(Target::all(ns), Message::new("long", &args)).unwrap();
    }
    let back = world.back(at);
    let auth = world.auth(at, "/other");
    world.text(back, &format!("40/other,{auth}"));
    world.settle();
    assert_eq!(world.pid(back, "/"), world.pid(at, "/"));
    assert_ne!(world.pid(back, "/other"), world.pid(at, "/other"), "else it could never come back");
    assert_eq!(world.core.stats().counters.recoveries_overrun, 1);
}

#[test]
fn strangers_get_new_sessions() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    let (other, _) = world.joined(true);
    world.all(ns, "heard");
    world.settle();
    let pid = world.pid(at, "/");
    world.cut(at);
    let guess = world.come(r#"{"pid":"AAAAAAAAAAAAAAAAAAAAAA","offset":"x"}"#);
    let reference = world.come(r#"{"pid":"HZEIhNlZ4a6uHdFbAAAB","offset":"Q8LOXuf"}"#);
    let odd = world.come(r#"{"pid":7,"offset":null}"#);
    let counters = world.core.stats().counters;
    assert_eq!((counters.recoveries_unknown, counters.recoveries_foreign), (2, 0));
    let offset = world.offset(at, "/").unwrap();
    let ahead = world.come(&format!(r#"{{"pid":"{pid}","offset":"{offset}zz"}}"#));
    let far = world.come(&world.auth(other, "/").replace("\"}", "zzzzzzzz\"}"));
    assert_eq!(world.core.stats().counters.recoveries_foreign, 2);
    let pids = [at, other, guess, reference, odd, ahead, far].map(|at| world.pid(at, "/"));
    assert_eq!(pids.iter().collect::<std::collections::HashSet<_>>().len(), pids.len());
    // The two whose clients have shown that they are here, and go on without them, are over.
    assert_eq!(world.core.stats().away, 0);
    assert_eq!(world.core.stats().counters.sessions_expired, 2);
}

#[test]
fn a_session_ends_with_an_event_when_its_time_is_up() {
    let (mut world, ns) = world();
    let (at, socket) = world.joined(true);
    world.core.set_tag(socket, 5).unwrap();
    world.cut(at);
    world.told();
    let away = world.core.stats();
    assert_eq!((away.away, away.sockets), (1, 0));
    world.run(WINDOW - 1);
    assert_eq!(world.told(), words(""));
    world.run(1);
    let expired = world.take_seen();
    assert_eq!(expired, [Seen::Expired { socket, tag: 5 }]);
    assert_eq!(world.core.tag(socket), Err(Error::Gone));
    let back = world.back(at);
    assert_ne!(world.pid(back, "/"), world.pid(at, "/"));
    world.cut(back);
    world.all(ns, "kept for nobody in the end");
    world.run(10 * WINDOW);
    world.assert_empty(1);
    assert_eq!((world.core.stats().away, world.core.stats().recovery_bytes), (0, 0));
}

#[test]
fn the_host_can_end_a_session_that_is_away() {
    let (mut world, ns) = world();
    let (at, one) = world.joined(true);
    let (other, two) = world.joined(true);
    world.core.join(two, "red").unwrap();
    world.cut(at);
    world.cut(other);
    world.told();
    world.core.disconnect(one, false).unwrap();
    assert_eq!(world.core.disconnect_sockets(Target::rooms(ns, &["red"]), true), Ok(1));
    world.settle();
    assert_eq!(world.told(), ["expired", "expired"]);
    assert_eq!(world.core.disconnect(one, false), Err(Error::Gone));
    let back = world.back(at);
    assert_ne!(world.pid(back, "/"), world.pid(at, "/"));
}

#[test]
fn whoever_leaves_or_is_sent_away_does_not_come_back() {
    let (mut world, ns) = world();
    let (leaver, _) = world.joined(true);
    let (kicked, one) = world.joined(true);
    let (closed, two) = world.joined(true);
    world.told();
    world.text(leaver, "41");
    world.settle();
    world.core.disconnect(one, false).unwrap();
    world.core.disconnect(two, true).unwrap();
    world.settle();
    assert_eq!(world.told(), ["disconnect false"; 3]);
    for at in [leaver, kicked, closed] {
        let back = world.back(at);
        assert_ne!(world.pid(back, "/"), world.pid(at, "/"));
    }
    assert_eq!(world.core.sockets_in(ns).unwrap().count(), 3);
    assert_eq!(world.core.stats().counters.recoveries_unknown, 3);
}

#[test]
fn the_reasons_after_which_a_client_may_come_back_are_the_references() {
    let (mut world, _) = world();
    type End = fn(&mut World, usize);
    let ends: [(End, Reason, bool); 4] = [
        (|world, at| world.text(at, "4nonsense"), Reason::ForcedClose, true),
        (|world, at| world.text(at, "x"), Reason::ParseError, false),
        (|world, at| world.text(at, "1"), Reason::TransportClose, true),
        (|world, at| world.clients[at].answers_pings = false, Reason::PingTimeout, true),
    ];
    for (end, reason, comes_back) in ends {
        let (at, _) = world.joined(true);
        world.take_seen();
        end(&mut world, at);
        world.run(60_000);
        let seen = world.take_seen();
        assert!(
            seen.iter().any(|seen| matches!(seen, Seen::Disconnect { reason: it, recoverable, .. }
                if *it == reason && *recoverable == comes_back)),
            "{reason}: {seen:?}"
        );
    }
}

#[test]
fn so_many_are_waited_for_and_the_oldest_goes_first() {
    let limits = Limits { recovery_sessions: 2, ..Limits::default() };
    let (mut world, _) = world_with(Config { limits, ..Config::default() });
    let clients: Vec<_> = (0..3).map(|_| world.joined(true)).collect();
    world.told();
    for &(at, _) in &clients {
        world.run(1);
        world.cut(at);
    }
    assert_eq!(world.told(), ["disconnect true", "disconnect true", "disconnect true", "expired"]);
    assert_eq!(world.core.tag(clients[0].1), Err(Error::Gone));
    assert_eq!(world.core.stats().away, 2);
    let limits = Limits { recovery_sessions: 0, ..Limits::default() };
    let (mut world, _) = world_with(Config { limits, ..Config::default() });
    let (at, _) = world.joined(true);
    world.cut(at);
    assert_eq!(world.told(), ["connect false", "disconnect false"]);
}

#[test]
fn a_takeover_is_not_one_more_who_is_away() {
    for sessions in [0, 1] {
        let limits = Limits { recovery_sessions: sessions, ..Limits::default() };
        let (mut world, _) = world_with(Config { limits, ..Config::default() });
        let (gone, _) = world.joined(true);
        world.cut(gone);
        let (at, socket) = world.joined(true);
        world.told();
        let back = world.back(at);
        assert_eq!(world.socket(back, "/"), Some(socket), "{sessions}");
        assert_eq!(world.told(), ["disconnect true", "connect true"], "{sessions}");
        assert_eq!(world.core.stats().away, sessions as usize, "the other one is waited for as before");
    }
}

#[test]
fn a_guarded_namespace_asks_once() {
    let mut world = World::new(Config::default());
    let options = NamespaceOptions { guarded: true, ..recovery() };
    let ns = world.core.add_namespace("/", options).unwrap();
    let at = world.client();
    world.open_websocket(at);
    world.settle();
    world.text(at, "40");
    world.settle();
    let socket = world
        .take_seen()
        .into_iter()
        .find_map(|seen| match seen {
            Seen::Request { socket, .. } => Some(socket),
            _ => None,
        })
        .unwrap();
    // What is emitted while it asks is its own already.
    world.core.join(socket, "red").unwrap();
    world.room(ns, "red", "early");
    world.core.accept(socket).unwrap();
    let pid_only = {
        world.settle();
        format!(r#"{{"pid":"{}"}}"#, world.pid(at, "/"))
    };
    assert_eq!(world.names(at).0, words("early"));
    world.cut(at);
    world.room(ns, "red", "late");
    assert_eq!(world.core.accept(socket), Err(Error::WrongState));
    world.told();
    // It has lost the first as well.
    let back = world.come(&pid_only);
    assert_eq!(world.names(back), (words("early late"), true));
    assert_eq!(world.told(), ["connect true"]);
    // Whoever is turned away leaves nothing.
    let other = world.come("");
    let Some(Seen::Request { socket, .. }) = world.take_seen().pop() else { panic!("no request") };
    world.core.reject(socket, "no", None).unwrap();
    world.cut(other);
    assert_eq!(world.core.stats().away, 0);
}

#[test]
fn a_namespace_of_a_pattern_stays_while_somebody_is_away() {
    let mut world = World::new(Config::default());
    world
        .core
        .add_pattern("/match-*", PatternOptions { recovery: true, ..PatternOptions::default() })
        .unwrap();
    let at = world.client();
    world.open_websocket(at);
    world.settle();
    world.join_namespace(at, "/match-7");
    let auth = world.auth(at, "/match-7");
    world.cut(at);
    let ns = world.core.find_namespace("/match-7").expect("somebody may come back");
    world.all(ns, "one");
    let back = world.come_to("/match-7", &auth, true);
    assert_eq!(world.clients[back].heard("/match-7").len(), 1);
    world.cut(back);
    // Refused, it makes place for the new one in the same namespace.
    let auth = auth.replace('}', r#","offset":"?"}"#);
    let back = world.come_to("/match-7", &auth, true);
    assert_eq!(world.core.find_namespace("/match-7"), Some(ns));
    world.cut(back);
    world.run(WINDOW);
    assert_eq!(world.core.find_namespace("/match-7"), None);
    world.run(WINDOW);
    world.assert_empty(1);
    assert_eq!(world.core.stats().recovery_bytes, 0);
}

#[test]
fn options_are_those_of_the_first_who_asks() {
    let mut world = World::new(Config::default());
    world.core.add_namespace("/plain", NamespaceOptions::default()).unwrap();
    assert_eq!(world.core.add_namespace("/plain", recovery()), Err(Error::Exists));
    world.core.add_namespace("/", recovery()).unwrap();
    world.core.add_namespace("/", recovery()).unwrap();
    let (at, _) = world.joined(true);
    world.cut(at);
    world.run(WINDOW - 1);
    world.core.emit(Target::all(world.core.find_namespace("/").unwrap()), Message::new("e", "[]")).unwrap();
    assert_eq!(
        world.core.add_namespace("/", NamespaceOptions::default()),
        Err(Error::Exists),
        "somebody is away"
    );
    world.run(1);
    assert!(world.core.stats().recovery_bytes > 0);
    world.core.add_namespace("/", NamespaceOptions::default()).unwrap();
    assert_eq!(world.core.stats().recovery_bytes, 0, "it went with its log");
    let (at, _) = world.joined(true);
    let connect = &world.clients[at].inbox[0];
    assert!(connect.json().get("pid").is_none(), "{connect:?}");
    world.core.emit(Target::all(world.core.find_namespace("/").unwrap()), Message::new("e", "[1]")).unwrap();
    world.settle();
    assert_eq!(world.clients[at].heard("/"), [r#"2["e",1]"#]);
}

#[test]
fn a_socket_that_is_away_is_addressed_as_ever() {
    let (mut world, ns) = world_with(Config { room_events: true, ..Config::default() });
    let (at, socket) = world.joined(true);
    let (_, there) = world.joined(true);
    world.core.join(socket, "red").unwrap();
    world.core.join(there, "red").unwrap();
    world.cut(at);
    let sid = world.core.socket_sid(socket).unwrap().to_owned();
    assert_eq!(world.core.find_socket(&sid), Some(socket));
    assert_eq!(world.core.conn_of(socket), Err(Error::Gone));
    assert_eq!(world.core.queued_bytes(socket), Err(Error::Gone));
    assert_eq!(world.core.ack(socket, 1, "[]", &[]), Err(Error::WrongState));
    assert_eq!(world.core.sockets_join(Target::sockets(ns, &[socket, there]), &["blue"]), Ok(2));
    assert_eq!(world.core.members(ns, "blue").unwrap().collect::<Vec<SocketId>>(), [there]);
    world.core.leave_all(socket).unwrap();
    world.core.change_rooms(socket, &[], &["green"]).unwrap();
    let receipt = world.core.send(socket, Message::new("later", "[]")).unwrap();
    assert_eq!(receipt.recipients, 0, "nobody has it yet");
    world.settle();
    world.take_seen();
    let back = world.back(at);
    assert_eq!(world.names(back), (words("later"), true));
    assert_eq!(world.core.rooms_of(socket).unwrap().collect::<Vec<_>>(), [&*sid, "green"]);
    let rooms = world.take_seen().into_iter().filter_map(|seen| match seen {
        Seen::Room(_, name) => Some(name),
        _ => None,
    });
    assert_eq!(rooms.collect::<Vec<_>>(), ["green", "green"], "made, and joined");
}

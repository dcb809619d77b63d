//! Connection state recovery where the host is asked about those who come back, too: nothing goes on before it has let them in.

use crate::recovery::{recovery, words};
use crate::world::{Seen, World};
use roomcast::{Config, Error, Limits, Message, NamespaceId, NamespaceOptions, SocketId, Target};

/// A world whose namespace `/` asks about everybody, with a client in it that has its tag and is in `red`.
fn world() -> (World, NamespaceId, usize, SocketId) {
    world_with(Config::default())
}

fn world_with(config: Config) -> (World, NamespaceId, usize, SocketId) {
    let mut world = World::new(config);
    let options = NamespaceOptions { guarded: true, ask_again: true, ..recovery() };
    let ns = world.core.add_namespace("/", options).unwrap();
    let at = world.come("{}");
    let (socket, _, recovered) = asked(&mut world);
    assert!(!recovered);
    world.core.accept(socket).unwrap();
    world.core.set_tag(socket, 7).unwrap();
    world.core.join(socket, "red").unwrap();
    world.all(ns, "heard");
    world.settle();
    world.told();
    (world, ns, at, socket)
}

/// The one request of late: its socket, the id that it tells, and whether it is for a session.
fn asked(world: &mut World) -> (SocketId, String, bool) {
    let requests: Vec<_> = world
        .take_seen()
        .into_iter()
        .filter_map(|seen| match seen {
            Seen::Request { socket, id, recovered, .. } => Some((socket, id, recovered)),
            _ => None,
        })
        .collect();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    request.clone()
}

#[test]
fn who_is_let_back_goes_on_and_was_told_nothing_before() {
    let (mut world, ns, at, socket) = world();
    let sid = world.core.socket_sid(socket).unwrap().to_owned();
    world.cut(at);
    world.room(ns, "red", "missed");
    world.told();
    let back = world.back(at);
    let (asking, id, recovered) = asked(&mut world);
    assert!(asking != socket && recovered);
    assert_eq!((&id, world.core.tag(asking)), (&sid, Ok(7)));
    world.all(ns, "meanwhile");
    // To the handle of the request itself nothing can be said.
    let own = world.core.send(asking, Message::new("nobody", "[]")).unwrap();
    assert_eq!(own.recipients, 0);
    world.core.join(asking, "blue").unwrap();
    world.core.set_tag(asking, 8).unwrap();
    world.settle();
    assert_eq!(world.clients[back].inbox.len(), 0, "it is told nothing");
    world.core.accept(asking).unwrap();
    world.room(ns, "blue", "live");
    world.settle();
    assert_eq!(world.names(back).0, words("missed meanwhile live"));
    assert_eq!(world.socket(back, "/"), Some(socket));
    assert_eq!(world.told(), ["connect true"]);
    let mut rooms: Vec<_> = world.core.rooms_of(socket).unwrap().filter(|room| *room != sid).collect();
    rooms.sort();
    assert_eq!((rooms, world.core.tag(socket)), (vec!["blue", "red"], Ok(8)));
    assert_eq!(world.core.accept(asking), Err(Error::Gone));
    assert_eq!((world.core.stats().sockets, world.core.stats().away), (1, 0));
}

#[test]
fn a_connection_that_seems_to_be_open_goes_on_until_the_host_has_decided() {
    let (mut world, ns, at, socket) = world();
    let back = world.back(at);
    let (refused, ..) = asked(&mut world);
    world.all(ns, "one");
    world.core.reject(refused, "no", None).unwrap();
    world.settle();
    assert_eq!(world.names(at).0, words("heard one"));
    assert_eq!(world.clients[back].inbox.last().unwrap().kind, '4');
    assert_eq!(world.told(), [""; 0], "nothing has happened to the session");
    let again = world.back(at);
    let (asking, ..) = asked(&mut world);
    world.core.accept(asking).unwrap();
    world.settle();
    assert_eq!(
        (world.socket(again, "/"), world.told()),
        (Some(socket), vec!["disconnect true".to_owned(), "connect true".to_owned()])
    );
}

#[test]
fn who_is_rejected_may_come_again_for_its_session() {
    let (mut world, ns, at, socket) = world();
    world.cut(at);
    world.all(ns, "missed");
    world.told();
    let back = world.back(at);
    let (asking, ..) = asked(&mut world);
    world.core.reject(asking, "no", None).unwrap();
    world.settle();
    assert_eq!(world.names(back).0, [""; 0], "whoever is not let in hears nothing");
    let again = world.back(at);
    let (asking, ..) = asked(&mut world);
    world.core.accept(asking).unwrap();
    world.settle();
    assert_eq!((world.names(again), world.socket(again, "/")), ((words("missed"), true), Some(socket)));
}

#[test]
fn who_leaves_before_the_host_has_decided_is_away_still() {
    let (mut world, _, at, socket) = world();
    world.cut(at);
    world.told();
    let back = world.back(at);
    let (asking, ..) = asked(&mut world);
    world.cut(back);
    assert_eq!(world.told(), ["disconnect false"]);
    assert_eq!(world.core.accept(asking), Err(Error::Gone));
    let again = world.back(at);
    let (asking, ..) = asked(&mut world);
    world.core.accept(asking).unwrap();
    world.settle();
    assert_eq!(world.socket(again, "/"), Some(socket));
}

#[test]
fn whose_session_ends_before_the_host_has_decided_is_asked_about_as_a_new_one() {
    for kicked in [true, false] {
        let limits = Limits { recovery_window: 1_000, ..Limits::default() };
        let (mut world, _, at, socket) = world_with(Config { limits, ..Config::default() });
        world.cut(at);
        let back = world.back(at);
        let (asking, ..) = asked(&mut world);
        if kicked {
            world.core.disconnect(socket, false).unwrap();
        } else {
            world.run(1_001);
        }
        world.settle();
        assert_eq!(world.told(), ["expired"]);
        world.core.accept(asking).unwrap();
        world.settle();
        let seen = world.take_seen();
        let [
            Seen::Disconnect { socket: gone, recoverable: false, .. },
            Seen::Request { socket: new, recovered: false, .. },
        ] = seen[..]
        else {
            panic!("{seen:?}")
        };
        assert!(gone == asking && new != asking);
        assert_eq!(world.clients[back].inbox.len(), 0);
        world.core.accept(new).unwrap();
        world.settle();
        assert_eq!(world.socket(back, "/"), Some(new));
        // Until it is waited for no more, nor what is kept.
        world.cut(back);
        world.run(100_000);
        world.assert_empty(1);
    }
}

#[test]
fn of_two_who_ask_for_one_session_the_newer_connection_has_it() {
    let (mut world, _, at, socket) = world();
    world.cut(at);
    world.told();
    let backs = [world.back(at), world.back(at)];
    let requests: Vec<_> = world.take_seen();
    let [Seen::Request { socket: first, .. }, Seen::Request { socket: second, .. }] = requests[..] else {
        panic!("{requests:?}")
    };
    world.core.accept(second).unwrap();
    world.core.accept(first).unwrap();
    world.settle();
    let seen = world.take_seen();
    assert!(
        matches!(seen[0], Seen::Connect { socket: back, recovered: true, .. } if back == socket),
        "{seen:?}"
    );
    assert!(matches!(seen[1], Seen::Disconnect { socket: gone, .. } if gone == first), "{seen:?}");
    assert!(matches!(seen[2], Seen::Request { recovered: false, .. }), "{seen:?}");
    assert_eq!(world.socket(backs[1], "/"), Some(socket));
}

#[test]
fn what_those_say_who_ask_for_sessions_is_bounded() {
    let limits = Limits { max_payload: 2_000, ..Limits::default() };
    let mut world = World::new(Config { limits, ..Config::default() });
    let options = NamespaceOptions { guarded: true, ask_again: true, ..recovery() };
    for nsp in ["/", "/b"] {
        world.core.add_namespace(nsp, options).unwrap();
    }
    let mut pids = Vec::new();
    for nsp in ["/", "/b"] {
        let at = world.come_to(nsp, "{}", true);
        let (socket, ..) = asked(&mut world);
        world.core.accept(socket).unwrap();
        world.settle();
        pids.push(world.pid(at, nsp));
        world.cut(at);
    }
    world.take_seen();
    let long = "x".repeat(1_500);
    let back = world.come(&format!(r#"{{"pid":"{}","long":"{long}"}}"#, pids[0]));
    assert!(asked(&mut world).2);
    world.text(back, &format!(r#"40/b,{{"pid":"{}","long":"{long}"}}"#, pids[1]));
    world.settle();
    assert!(!asked(&mut world).2, "it is asked about as a new one, and the session stays");
    assert_eq!(world.core.stats().away, 2);
}

#[test]
fn it_is_for_guarded_namespaces_with_recovery_alone() {
    let mut world = World::new(Config::default());
    let ns = world.core.add_namespace("/", NamespaceOptions { ask_again: true, ..recovery() }).unwrap();
    let (at, socket) = world.joined(true);
    world.all(ns, "heard");
    world.settle();
    world.cut(at);
    let back = world.back(at);
    assert_eq!(world.socket(back, "/"), Some(socket));
    for other in [NamespaceOptions { guarded: true, ..recovery() }, NamespaceOptions::default()] {
        assert_eq!(world.core.add_namespace("/", other), Err(Error::Exists));
    }
    assert_eq!(world.core.emit(Target::all(ns), Message::new("to all", "[]")).unwrap().recipients, 1);
}

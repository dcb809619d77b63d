//! The limits of what a socket holds of rooms, for `limits`: the same whether it is in or waits to be accepted.

use crate::limits::{reached, world};
use crate::world::{Seen, World};
use roomcast::{Limits, NamespaceOptions, SocketId, Target};
use std::fmt::Debug;

fn said<T: Debug>(result: roomcast::Result<T>) -> String {
    result.unwrap_err().to_string()
}

pub(crate) fn max_room_name(limits: Limits) {
    let too_long = |place: &str| format!("{place}: the name is longer than max_room_name, which is 5 bytes");
    let mut world = world(Limits { max_room_name: 5, ..limits });
    let (_, socket) = world.joined(true);
    assert_eq!(world.core.join(socket, "12345"), Ok(true));
    assert_eq!(said(world.core.join(socket, "123456")), too_long("room"));
    assert_eq!(said(world.core.join(socket, "")), "room: the name is empty");
    let change = world.core.change_rooms(socket, &["12345"], &["ok", "123456"]);
    assert_eq!(said(change), too_long("rooms[1]"));
    let all = Target::all(world.core.namespace_of(socket).unwrap());
    assert_eq!(said(world.core.sockets_join(all, &["ok", "fine", ""])), "rooms[2]: the name is empty");
    assert_eq!(world.core.rooms_of(socket).unwrap().skip(1).collect::<Vec<_>>(), ["12345"]);
}

/// A socket that waits to be accepted.
fn waiting(world: &mut World) -> SocketId {
    let options = NamespaceOptions { guarded: true, ..NamespaceOptions::default() };
    world.core.add_namespace("/g", options).unwrap();
    let a = world.client();
    world.open_websocket(a);
    world.text(a, "40/g,");
    world.settle();
    let asked = world.take_seen().into_iter().find_map(|event| match event {
        Seen::Request { socket, .. } => Some(socket),
        _ => None,
    });
    asked.unwrap()
}

pub(crate) fn max_rooms_per_socket(limits: Limits) {
    let mut world = world(Limits { max_rooms_per_socket: 3, ..limits.clone() });
    let (_, socket) = world.joined(true);
    assert_eq!(world.core.change_rooms(socket, &[], &["a", "b", "c"]), Ok(3));
    assert_eq!(world.core.join(socket, "a"), Ok(false));
    assert_eq!(reached(world.core.join(socket, "d")), ("max_rooms_per_socket", 3));
    // A move that leaves as many as it enters fits.
    assert_eq!(world.core.change_rooms(socket, &["a"], &["d"]), Ok(2));
    assert_eq!(reached(world.core.change_rooms(socket, &["nowhere"], &["e"])), ("max_rooms_per_socket", 3));
    assert_eq!(world.core.change_rooms(socket, &["b"], &["e", "e", "d"]), Ok(2));
    // The same for one that waits to be accepted.
    let waiting = waiting(&mut world);
    assert_eq!(world.core.change_rooms(waiting, &[], &["a", "b", "c"]), Ok(3));
    assert_eq!(world.core.join(waiting, "a"), Ok(false));
    assert_eq!(reached(world.core.join(waiting, "d")), ("max_rooms_per_socket", 3));
    assert_eq!(world.core.change_rooms(waiting, &["a"], &["d"]), Ok(2));
    // A client's own list that the host passes on costs what its length is, not the square of it: minutes here.
    let names: Vec<String> = (0..160_000).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for socket in [socket, waiting] {
        assert_eq!(
            reached(world.core.change_rooms(socket, &names[..80_000], &names)),
            ("max_rooms_per_socket", 3)
        );
    }
    world.core.accept(waiting).unwrap();
    assert_eq!(world.core.rooms_of(waiting).unwrap().count(), 1 + 3);
    // One room more than fits is refused without a walk over those there are: half a minute here.
    let mut world = self::world(limits);
    let (_, socket) = world.joined(true);
    assert_eq!(world.core.change_rooms(socket, &[], &names[..65_536]), Ok(65_536));
    for more in &names[65_536..85_536] {
        assert_eq!(reached(world.core.join(socket, more)), ("max_rooms_per_socket", 65_536));
    }
}

pub(crate) fn max_room_bytes(limits: Limits) {
    let mut world = world(Limits { max_room_bytes: 50, ..limits });
    let (_, socket) = world.joined(true);
    let waiting = waiting(&mut world);
    let (long, more) = ("l".repeat(30), "m".repeat(20));
    for socket in [socket, waiting] {
        let core = &mut world.core;
        assert_eq!(core.change_rooms(socket, &[], &[&more, &long, &long]), Ok(2));
        assert_eq!(core.join(socket, &long), Ok(false));
        assert_eq!(reached(core.join(socket, "x")), ("max_room_bytes", 50));
        assert_eq!(
            reached(core.change_rooms(socket, &["nowhere", &more], &["x", &more])),
            ("max_room_bytes", 50)
        );
        assert_eq!(core.change_rooms(socket, &[&long], &["b", "a", &more]), Ok(3));
        assert_eq!(reached(core.join(socket, &long)), ("max_room_bytes", 50));
        assert_eq!(core.leave(socket, &long), Ok(false));
        core.leave_all(socket).unwrap();
        assert_eq!(core.change_rooms(socket, &[], &[&long, &more]), Ok(2));
        assert_eq!(core.change_rooms(socket, &[&long, &more], &["c"]), Ok(3));
    }
    world.core.accept(waiting).unwrap();
    for socket in [socket, waiting] {
        assert_eq!(world.core.rooms_of(socket).unwrap().skip(1).collect::<Vec<_>>(), ["c"]);
        assert_eq!(world.core.join(socket, &"l".repeat(49)), Ok(true));
        assert_eq!(reached(world.core.join(socket, "x")), ("max_room_bytes", 50));
    }
    // What another's entry makes of somebody's own room counts, but is refused to nobody.
    let (_, other) = world.joined(true);
    let own = world.core.socket_sid(socket).unwrap().to_owned();
    assert_eq!(world.core.join(other, &own), Ok(true));
    assert_eq!(world.core.change_rooms(socket, &[], &["c"]), Ok(0));
    assert_eq!(reached(world.core.change_rooms(socket, &["c"], &["d"])), ("max_room_bytes", 50));
    assert_eq!(world.core.leave(socket, "c"), Ok(true));
}

//! The limits of what a socket holds of rooms, for `limits`: the same whether it is in or waits to be accepted.

use crate::limits::world;
use crate::world::{Seen, World};
use roomcast::{Error, Limits, NamespaceOptions, SocketId};

pub(crate) fn max_room_name(limits: Limits) {
    let mut world = world(Limits { max_room_name: 5, ..limits });
    let (_, socket) = world.joined(true);
    assert_eq!(world.core.join(socket, "12345"), Ok(true));
    assert_eq!(world.core.join(socket, "123456"), Err(Error::BadRoom));
    assert_eq!(world.core.join(socket, ""), Err(Error::BadRoom));
    assert_eq!(world.core.change_rooms(socket, &["12345"], &["ok", "123456"]), Err(Error::BadRoom));
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
    assert_eq!(world.core.join(socket, "d"), Err(Error::TooMany));
    // A move that leaves as many as it enters fits.
    assert_eq!(world.core.change_rooms(socket, &["a"], &["d"]), Ok(2));
    assert_eq!(world.core.change_rooms(socket, &["nowhere"], &["e"]), Err(Error::TooMany));
    assert_eq!(world.core.change_rooms(socket, &["b"], &["e", "e", "d"]), Ok(2));
    // The same for one that waits to be accepted.
    let waiting = waiting(&mut world);
    assert_eq!(world.core.change_rooms(waiting, &[], &["a", "b", "c"]), Ok(3));
    assert_eq!(world.core.join(waiting, "a"), Ok(false));
    assert_eq!(world.core.join(waiting, "d"), Err(Error::TooMany));
    assert_eq!(world.core.change_rooms(waiting, &["a"], &["d"]), Ok(2));
    // A client's own list that the host passes on costs what its length is, not the square of it: minutes here.
    let names: Vec<String> = (0..160_000).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for socket in [socket, waiting] {
        assert_eq!(world.core.change_rooms(socket, &names[..80_000], &names), Err(Error::TooMany));
    }
    world.core.accept(waiting).unwrap();
    assert_eq!(world.core.rooms_of(waiting).unwrap().count(), 1 + 3);
    // One room more than fits is refused without a walk over those there are: half a minute here.
    let mut world = self::world(limits);
    let (_, socket) = world.joined(true);
    assert_eq!(world.core.change_rooms(socket, &[], &names[..65_536]), Ok(65_536));
    for more in &names[65_536..85_536] {
        assert_eq!(world.core.join(socket, more), Err(Error::TooMany));
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
        assert_eq!(core.join(socket, "x"), Err(Error::TooMany));
        assert_eq!(core.change_rooms(socket, &["nowhere", &more], &["x", &more]), Err(Error::TooMany));
        assert_eq!(core.change_rooms(socket, &[&long], &["b", "a", &more]), Ok(3));
        assert_eq!(core.join(socket, &long), Err(Error::TooMany));
        assert_eq!(core.leave(socket, &long), Ok(false));
        core.leave_all(socket).unwrap();
        assert_eq!(core.change_rooms(socket, &[], &[&long, &more]), Ok(2));
        assert_eq!(core.change_rooms(socket, &[&long, &more], &["c"]), Ok(3));
    }
    world.core.accept(waiting).unwrap();
    for socket in [socket, waiting] {
        assert_eq!(world.core.rooms_of(socket).unwrap().skip(1).collect::<Vec<_>>(), ["c"]);
        assert_eq!(world.core.join(socket, &"l".repeat(49)), Ok(true));
        assert_eq!(world.core.join(socket, "x"), Err(Error::TooMany));
    }
    // What another's entry makes of somebody's own room counts, but is refused to nobody.
    let (_, other) = world.joined(true);
    let own = world.core.socket_sid(socket).unwrap().to_owned();
    assert_eq!(world.core.join(other, &own), Ok(true));
    assert_eq!(world.core.change_rooms(socket, &[], &["c"]), Ok(0));
    assert_eq!(world.core.change_rooms(socket, &["c"], &["d"]), Err(Error::TooMany));
    assert_eq!(world.core.leave(socket, "c"), Ok(true));
}

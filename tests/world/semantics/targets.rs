//! Whom a target selects.

use super::*;

#[test]
fn a_target_is_a_union_minus_exceptions_and_each_gets_one_copy() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let joined: Vec<_> = (0..6).map(|at| world.joined(at % 2 == 0)).collect();
    let sockets: Vec<_> = joined.iter().map(|&(_, socket)| socket).collect();
    for &socket in &sockets[..4] {
        world.core.join(socket, "x").unwrap();
    }
    for &socket in &sockets[2..] {
        world.core.join(socket, "y").unwrap();
    }
    let own: Vec<String> =
        sockets.iter().map(|&socket| world.core.socket_sid(socket).unwrap().to_owned()).collect();
    let (x, y, xy) = (["x"], ["y"], ["x", "y"]);
    let (twice, mixed, of_1) = (["x", "x", "y", "x"], ["x", &own[5], &own[0]], [&*own[1]]);
    let dead = world.joined(true);
    world.core.disconnect(dead.1, true).unwrap();
    let (first_two, doubled) = ([sockets[0], sockets[1]], [sockets[3], sockets[3], dead.1]);
    let cases: [(Target<'_>, &[usize]); 14] = [
        (Target::all(ns), &[0, 1, 2, 3, 4, 5]),
        (Target::rooms(ns, &x), &[0, 1, 2, 3]),
        (Target::rooms(ns, &xy), &[0, 1, 2, 3, 4, 5]),
        (Target::rooms(ns, &twice), &[0, 1, 2, 3, 4, 5]),
        (Target::rooms(ns, &xy).except(&first_two), &[2, 3, 4, 5]),
        (Target::rooms(ns, &x).except_rooms(&y), &[0, 1]),
        (Target::rooms(ns, &x).except_rooms(&x), &[]),
        (Target::rooms(ns, &x).except_rooms(&of_1), &[0, 2, 3]),
        (Target::rooms(ns, &of_1), &[1]),
        (Target::rooms(ns, &mixed), &[0, 1, 2, 3, 5]),
        (Target::all(ns).except_rooms(&y).except(&first_two), &[]),
        (Target::sockets(ns, &doubled), &[3]),
        (Target::sockets(ns, &doubled).except_rooms(&x), &[]),
        (Target::rooms(ns, &["nobody", ""]), &[]),
    ];
    for (number, (target, expected)) in cases.iter().enumerate() {
        let receipt = world.say(*target, &number.to_string(), Delivery::Reliable);
        assert_eq!(receipt.recipients, expected.len(), "case {number}");
    }
    assert_eq!(world.say(Target::sockets(ns, &[]), "no", Delivery::Reliable).recipients, 0);
    assert_eq!(world.say(Target::rooms(ns, &[]), "no", Delivery::Reliable).recipients, 0);
    world.settle();
    for (at, &(client, _)) in joined.iter().enumerate() {
        let due: Vec<String> =
            (0..cases.len()).filter(|&case| cases[case].1.contains(&at)).map(|n| n.to_string()).collect();
        assert_eq!(world.words(client), due.join(" "), "client {at}");
    }
}

#[test]
fn a_target_of_one_namespace_reaches_nobody_in_another() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let other = world.core.add_namespace("/n", NamespaceOptions::default()).unwrap();
    let (a, socket) = world.joined(true);
    let inner = world.join_namespace(a, "/n");
    world.core.join(socket, "r").unwrap();
    world.core.join(inner, "r").unwrap();
    let own = world.core.socket_sid(inner).unwrap().to_owned();
    assert_eq!(world.say(Target::sockets(ns, &[inner]), "x", Delivery::Reliable).recipients, 0);
    assert_eq!(world.say(Target::rooms(ns, &[&own]), "x", Delivery::Reliable).recipients, 0);
    assert_eq!(world.say(Target::rooms(ns, &["r"]).except(&[inner]), "1", Delivery::Reliable).recipients, 1);
    assert_eq!(
        world.say(Target::rooms(other, &["r"]).except_rooms(&["q"]), "2", Delivery::Reliable).recipients,
        1
    );
    world.settle();
    assert_eq!(world.clients[a].heard("/"), ["2[\"m\",\"1\"]"]);
    assert_eq!(world.clients[a].heard("/n"), ["2[\"m\",\"2\"]"]);
    assert_eq!(world.core.members(ns, &own).unwrap().count(), 0);
    assert_eq!(world.core.members(other, &own).unwrap().collect::<Vec<_>>(), [inner]);
}

#[test]
fn somebody_elses_own_room_becomes_a_room_with_its_owner_in_it() {
    let mut world = World::new(Config { room_events: true, ..Config::default() });
    let ns = root(&world);
    let (a, sa) = world.joined(true);
    let (b, sb) = world.joined(true);
    let own = world.core.socket_sid(sa).unwrap().to_owned();
    world.core.join(sb, &own).unwrap();
    assert!(!world.core.leave(sa, "elsewhere").unwrap());
    assert_eq!(world.core.members(ns, &own).unwrap().count(), 2);
    world.say(Target::rooms(ns, &[&own]), "both", Delivery::Reliable);
    world.say(Target::all(ns).except_rooms(&[&own]), "none", Delivery::Reliable);
    world.settle();
    assert_eq!((world.words(a), world.words(b)), ("both".into(), "both".into()));
    world.take_seen();
    world.core.disconnect(sa, true).unwrap();
    world.turn();
    let seen = world.take_seen();
    let rooms = seen.iter().find_map(|event| match event {
        Seen::Disconnect { rooms, .. } => Some(rooms.clone()),
        _ => None,
    });
    assert_eq!(rooms, Some(vec![]), "its own room is not among them");
    assert!(seen.contains(&Seen::Room(RoomChange::Left(sa), own.clone())));
    assert_eq!(world.core.members(ns, &own).unwrap().collect::<Vec<_>>(), [sb]);
    world.core.disconnect(sb, true).unwrap();
    world.turn();
    assert!(world.take_seen().contains(&Seen::Room(RoomChange::Deleted, own)));
}

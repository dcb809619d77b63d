//! When an operation takes effect, and in which order a socket gets what was called for.

use super::*;

#[test]
fn an_emit_reaches_those_who_were_members_when_it_was_called() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let ns = root(&world);
        let (a, sa) = world.joined(websocket);
        let (b, sb) = world.joined(websocket);
        world.core.join(sa, "r").unwrap();
        world.say(Target::rooms(ns, &["r"]), "1", Delivery::Reliable);
        world.core.join(sb, "r").unwrap();
        world.say(Target::rooms(ns, &["r"]), "2", Delivery::Reliable);
        world.core.leave(sa, "r").unwrap();
        world.say(Target::rooms(ns, &["r"]), "3", Delivery::Reliable);
        world.core.leave_all(sb).unwrap();
        let receipt = world.say(Target::rooms(ns, &["r"]), "4", Delivery::Reliable);
        assert_eq!(receipt.recipients, 0);
        assert_eq!(world.core.rooms_in(ns).unwrap().count(), 0);
        world.settle();
        assert_eq!((world.words(a), world.words(b)), ("1 2".into(), "2 3".into()));
    }
}

#[test]
fn direct_emits_room_emits_acks_and_disconnects_keep_their_order() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        let ns = root(&world);
        let (a, socket) = world.joined(websocket);
        world.core.join(socket, "r").unwrap();
        world.text(a, "425[\"q\"]");
        world.settle();
        world.tell(socket, "1");
        world.say(Target::rooms(ns, &["r"]), "2", Delivery::Reliable);
        world.core.ack(socket, 5, "[\"3\"]", &[]).unwrap();
        world.say(Target::all(ns), "4", Delivery::Reliable);
        world.core.disconnect(socket, false).unwrap();
        assert_eq!(world.core.join(socket, "r"), Err(Error::Gone));
        world.settle();
        let heard = world.clients[a].heard("/");
        assert_eq!(heard, ["2[\"m\",\"1\"]", "2[\"m\",\"2\"]", "3[\"3\"]", "2[\"m\",\"4\"]", "1"]);
        assert_eq!(world.disconnects(), [(socket, Reason::ServerNamespaceDisconnect)]);
        assert!(!world.clients[a].over);
    }
}

#[test]
fn what_was_emitted_before_a_disconnect_with_close_still_arrives() {
    for websocket in BOTH {
        let mut world = World::new(Config::default());
        world.core.add_namespace("/n", NamespaceOptions::default()).unwrap();
        let (a, socket) = world.joined(websocket);
        let other = world.join_namespace(a, "/n");
        world.tell(socket, "bye");
        world.core.disconnect(socket, true).unwrap();
        world.settle();
        assert_eq!(world.clients[a].heard("/"), ["2[\"m\",\"bye\"]", "1"]);
        assert_eq!(world.clients[a].heard("/n"), ["1"]);
        assert!(world.clients[a].over);
        let reason = Reason::ServerNamespaceDisconnect;
        assert_eq!(world.disconnects(), [(socket, reason), (other, reason)]);
        world.clients[a].leave(&mut world.net, Some(End::Fin));
        world.run(40_000);
        world.assert_empty(2);
    }
}

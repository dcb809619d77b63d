//! Sessions over a restart: the process ends, another one takes over what it exported, and stock clients find their sessions there.
//! All exports and imports of the core are tried here; random restarts are in `recovery_model`.

use crate::net::Net;
use crate::recovery::{recovery, words, world, world_with};
use crate::world::{Seen, World, limits};
use roomcast::{
    Config, Core, Delivery, Error, ImportError, Limits, Message, NamespaceId, PatternOptions, Target,
};

const WINDOW: u64 = 120_000;

impl World {
    /// The process ends in good order. Returns what it has exported.
    pub(crate) fn end_process(&mut self) -> Vec<u8> {
        self.core.shut_down();
        self.settle();
        self.core.abandon_links();
        self.turn();
        for client in &mut self.clients {
            client.leave(&mut self.net, None);
        }
        self.core.export_recovery().unwrap()
    }

    /// Another process begins so many milliseconds later.
    pub(crate) fn begin_process(&mut self, config: Config, later: u64) {
        self.epoch += self.now + later;
        self.now = 0;
        self.core = Core::new(config, self.epoch).unwrap();
        self.net = Net::default();
    }

    /// Both, at once, with the namespace `/`.
    fn restart(&mut self, later: u64) -> NamespaceId {
        let kept = self.end_process();
        self.begin_process(Config::default(), later);
        let ns = self.core.add_namespace("/", recovery()).unwrap();
        self.core.import_recovery(&kept).unwrap();
        ns
    }

    /// A broker that has imported `kept`.
    fn importing(config: Config, kept: &[u8]) -> (World, NamespaceId, roomcast::Result<usize>) {
        let (mut world, ns) = world_with(config);
        let waiting = world.core.import_recovery(kept);
        (world, ns, waiting)
    }
}

#[test]
fn a_client_finds_its_session_in_the_next_process() {
    for (before, behind) in [(true, true), (true, false), (false, true)] {
        let (mut world, ns) = world();
        let (at, socket) = world.joined(before);
        let (away, other) = world.joined(before);
        for (socket, room, tag) in [(socket, "red", 77), (other, "blue", 78)] {
            world.core.join(socket, room).unwrap();
            world.core.set_tag(socket, tag).unwrap();
        }
        world.all(ns, "heard");
        world.settle();
        world.cut(away);
        world.room(ns, "blue", "one");
        let binary = Message::new("two", r#"[{"_placeholder":true,"num":0},"x"]"#).attach(&[b"\x00\xff"]);
        world.core.emit(Target::rooms(ns, &["blue", "red"]), binary).unwrap();
        for name in ["old", "new"] {
            let latest = Message::new(name, "[]").delivery(Delivery::Latest(7));
            world.core.emit(Target::sockets(ns, &[other]), latest).unwrap();
        }
        world.settle();
        let sid = world.core.socket_sid(socket).unwrap().to_owned();
        world.told();
        let ns = world.restart(1_000);
        assert_eq!(world.told(), ["disconnect true"], "and nothing of them in the new one");
        let stats = world.core.stats();
        assert_eq!((stats.away, stats.sockets, stats.rooms), (2, 0, 0));
        assert!(stats.recovery_bytes > 0);
        world.room(ns, "red", "since");
        world.room(ns, "blue", "since");
        let auth = [world.auth(at, "/"), world.auth(away, "/")];
        let back = auth.map(|auth| world.come_to("/", &auth, behind));
        assert_eq!(world.names(back[0]), (words("since"), true));
        assert_eq!(world.names(back[1]), (words("one two new since"), true));
        assert_eq!(world.told(), ["connect true", "connect true"]);
        let socket = world.socket(back[0], "/").unwrap();
        assert_eq!(world.core.socket_sid(socket).unwrap(), sid);
        assert_eq!(world.pid(back[0], "/"), world.pid(at, "/"));
        assert_eq!(world.core.tag(socket), Ok(77));
        assert!(world.core.is_member(socket, "red").unwrap());
        assert!(!world.core.is_member(socket, "blue").unwrap());
        // Its id is a room of its own, as before.
        world.room(ns, &sid, "direct");
        world.settle();
        assert_eq!(world.names(back[0]).0, words("since direct"));
        assert_eq!(world.names(back[1]).0, words("one two new since"));
        let counters = world.core.stats().counters;
        assert_eq!((counters.sessions_recovered, counters.messages_replayed), (2, 5));
        back.into_iter().for_each(|at| world.cut(at));
        world.run(10 * WINDOW);
        world.assert_empty(1);
        assert_eq!((world.core.stats().away, world.core.stats().recovery_bytes), (0, 0));
    }
}

#[test]
fn a_client_that_heard_nothing_new_is_known_after_many_restarts() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    world.all(ns, "first");
    world.settle();
    let (pid, auth) = (world.pid(at, "/"), world.auth(at, "/"));
    for _ in 0..10 {
        let ns = world.restart(10);
        let back = world.come(&auth);
        assert_eq!((world.pid(back, "/"), world.names(back)), (pid.clone(), (words(""), true)));
        // Somebody else's does not move it on.
        let (_, other) = world.joined(true);
        world.core.emit(Target::sockets(ns, &[other]), Message::new("other", "[]")).unwrap();
        world.settle();
    }
    let ns = world.restart(10);
    world.all(ns, "second");
    let back = world.come(&auth);
    assert_eq!(world.names(back), (words("second"), true));
}

#[test]
fn the_window_goes_on_while_no_process_runs() {
    let (mut world, ns) = world();
    let (at, socket) = world.joined(true);
    world.core.set_tag(socket, 5).unwrap();
    world.all(ns, "to be heard");
    world.settle();
    world.cut(at);
    world.run(50_000);
    world.told();
    world.restart(60_000);
    world.run(WINDOW - 110_001);
    assert_eq!(world.told(), words(""));
    world.run(1);
    let expired = world.take_seen();
    assert!(matches!(expired[..], [Seen::Expired { tag: 5, .. }]), "{expired:?}");
    let back = world.back(at);
    assert_ne!(world.pid(back, "/"), world.pid(at, "/"));
    // One that was over before it came here.
    world.told();
    world.restart(WINDOW);
    assert_eq!(world.told(), ["disconnect true"]);
    world.settle();
    assert_eq!(world.told(), ["expired"]);
    world.run(2 * WINDOW);
    assert_eq!((world.core.stats().away, world.core.stats().recovery_bytes), (0, 0));
}

#[test]
fn a_log_grows_older_over_restarts() {
    let (mut world, ns) = world();
    let (_, _) = world.joined(true);
    world.all(ns, "kept");
    world.settle();
    // Its own window, and the time in which nobody may have noticed that a client was gone.
    for _ in 0..4 {
        assert!(world.core.stats().recovery_bytes > 0);
        world.run(20_000);
        world.restart(20_000);
        world.joined(true);
    }
    world.run(6_000);
    assert_eq!(world.core.stats().recovery_bytes, 0);
}

/// What a process with two clients and a message has exported.
fn kept() -> Vec<u8> {
    let (mut world, ns) = world();
    let (_, socket) = world.joined(true);
    world.joined(true);
    world.core.join(socket, "red").unwrap();
    world.all(ns, "one");
    world.room(ns, "red", "two");
    world.end_process()
}

#[test]
fn what_cannot_be_imported_is_refused_whole() {
    let kept = kept();
    let refused = |kept: &[u8]| {
        let (world, _, outcome) = World::importing(Config::default(), kept);
        let stats = world.core.stats();
        assert_eq!((stats.away, stats.recovery_bytes, stats.timers), (0, 0, 0));
        outcome.unwrap_err().to_string()
    };
    let damaged = "data: not a whole and unchanged export";
    for end in 0..kept.len() {
        assert_eq!(refused(&kept[..end]), damaged, "cut to {end} bytes");
    }
    for at in (0..kept.len()).filter(|at| !(8..12).contains(at)) {
        let mut other = kept.clone();
        other[at] ^= 4;
        assert_eq!(refused(&other), damaged, "byte {at} is another");
    }
    assert_eq!(refused(&[&kept[..], &kept].concat()), damaged);
    let mut later = kept.clone();
    later[8] = 2;
    assert_eq!(refused(&later), "data: an export in version 2 of its format, which is not known here");
    let (_, _, outcome) = World::importing(Config::default(), &kept);
    assert_eq!(outcome, Ok(2));
}

#[test]
fn it_is_for_a_broker_with_its_namespaces_that_nobody_has_been_to() {
    let kept = kept();
    let mut world = World::new(Config::default());
    let refused = |outcome: roomcast::Result<usize>| match outcome {
        Err(Error::BadImport(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(world.core.import_recovery(&kept)), ImportError::Namespace, "/ has no recovery");
    world.core.add_namespace("/", recovery()).unwrap();
    assert_eq!(world.core.import_recovery(&kept), Ok(2));
    assert_eq!(refused(world.core.import_recovery(&kept)), ImportError::Late);
    let (mut world, _) = world_with(Config::default());
    let (at, _) = world.joined(true);
    world.clients[at].leave(&mut world.net, None);
    world.core.shut_down();
    world.run(10 * WINDOW);
    world.core.reopen();
    assert_eq!(refused(world.core.import_recovery(&kept)), ImportError::Late);
}

#[test]
fn limits_hold_for_what_is_imported() {
    let (mut world, ns) = world();
    for (number, rooms) in [1, 2, 3].into_iter().enumerate() {
        let (at, socket) = world.joined(true);
        world.core.set_tag(socket, number as u64).unwrap();
        let rooms: Vec<String> = (0..rooms).map(|room| format!("room {room}")).collect();
        world.core.change_rooms(socket, &[], &rooms.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        if number == 1 {
            world.cut(at);
            world.run(1_000);
        }
    }
    world.core.emit(Target::all(ns), Message::new("x", &format!("[\"{}\"]", "x".repeat(3_000)))).unwrap();
    let kept = world.end_process();
    let expired = |world: &mut World| {
        world.settle();
        let tags = world.take_seen().into_iter().filter_map(|seen| match seen {
            Seen::Expired { tag, .. } => Some(tag),
            _ => None,
        });
        tags.collect::<Vec<_>>()
    };
    let with = |change: fn(&mut Limits)| World::importing(limits(change), &kept);
    let (mut world, _, outcome) = with(|limits| limits.recovery_sessions = 2);
    assert_eq!((outcome, expired(&mut world)), (Ok(2), vec![1]), "the one that has been away the longest");
    let (mut world, _, outcome) = with(|limits| limits.max_rooms_per_socket = 2);
    assert_eq!((outcome, expired(&mut world)), (Ok(2), vec![2]));
    let (mut world, _, outcome) = with(|limits| limits.max_room_name = 3);
    assert_eq!((outcome, expired(&mut world)), (Ok(0), vec![0, 1, 2]));
    let (mut world, _, outcome) = with(|limits| limits.recovery_sessions = 0);
    assert_eq!((outcome, expired(&mut world)), (Ok(0), vec![0, 1, 2]));
    let (mut world, _, outcome) = with(|limits| limits.recovery_window = 10);
    assert_eq!(outcome, Ok(3));
    world.run(10);
    assert_eq!(expired(&mut world).len(), 3);
    let (world, _, outcome) = with(|limits| limits.recovery_log_bytes = 1_000);
    assert_eq!((outcome, world.core.stats().recovery_bytes), (Ok(3), 0));
}

#[test]
fn what_the_log_holds_no_more_is_not_passed_over() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    world.cut(at);
    world.core.emit(Target::all(ns), Message::new("x", &format!("[\"{}\"]", "x".repeat(3_000)))).unwrap();
    let kept = world.end_process();
    world.begin_process(limits(|limits| limits.recovery_log_bytes = 1_000), 0);
    world.core.add_namespace("/", recovery()).unwrap();
    assert_eq!(world.core.import_recovery(&kept), Ok(1));
    // It is known over another restart, too.
    world.restart(0);
    let back = world.back(at);
    assert_ne!(world.pid(back, "/"), world.pid(at, "/"));
    assert_eq!(world.core.stats().counters.recoveries_overrun, 1);
}

fn pattern() -> PatternOptions {
    PatternOptions { recovery: true, ..PatternOptions::default() }
}

#[test]
fn namespaces_of_patterns_are_made_and_go_with_their_last_session() {
    let (mut world, _) = world();
    world.core.add_pattern("/match-*", pattern()).unwrap();
    let at = world.come_to("/match-1", "", true);
    let other = world.come_to("/match-2", "", true);
    let kept = world.end_process();
    world.take_seen();

    world.begin_process(Config::default(), 0);
    let missing = Err(Error::BadImport(ImportError::Namespace));
    assert_eq!(world.core.import_recovery(&kept), missing);
    world.core.add_pattern("/match-1", pattern()).unwrap();
    assert_eq!(world.core.import_recovery(&kept), missing, "/match-2 fits none");

    world.begin_process(limits(|limits| limits.max_namespaces = 2), 0);
    world.core.add_pattern("/match-*", pattern()).unwrap();
    assert!(matches!(world.core.import_recovery(&kept), Err(Error::TooMany(_))));
    assert_eq!(world.core.stats().namespaces, 1);

    world.begin_process(limits(|limits| limits.recovery_sessions = 1), 0);
    world.core.add_pattern("/match-*", pattern()).unwrap();
    assert_eq!(world.core.import_recovery(&kept), Ok(1));
    world.settle();
    let told = world.take_seen();
    let created = |name: &str| Seen::Created(name.to_owned());
    assert_eq!((&told[0], &told[1]), (&created("/match-1"), &created("/match-2")));
    assert_eq!(told[3], Seen::Removed("/match-1".to_owned()));

    world.begin_process(Config::default(), 0);
    world.core.add_pattern("/match-*", pattern()).unwrap();
    assert_eq!(world.core.import_recovery(&kept), Ok(2));
    let auth = world.auth(at, "/match-1");
    let back = world.come_to("/match-1", &auth, true);
    assert_eq!(world.pid(back, "/match-1"), world.pid(at, "/match-1"));
    // A session is good for its namespace alone.
    let auth = world.auth(other, "/match-2");
    let elsewhere = world.come_to("/match-1", &auth, true);
    assert_ne!(world.pid(elsewhere, "/match-1"), world.pid(other, "/match-2"));
    world.cut(back);
    world.cut(elsewhere);
    world.run(10 * WINDOW);
    world.assert_empty(1);
}

#[test]
fn what_went_out_behind_an_export_is_not_taken_for_something_else() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    let (other, _) = world.joined(true);
    world.all(ns, "kept");
    world.settle();
    let early = world.auth(other, "/");
    let kept = world.core.export_recovery().unwrap();
    world.all(ns, "not kept");
    world.settle();
    let late = world.auth(at, "/");
    world.end_process();
    world.begin_process(Config::default(), 0);
    let ns = world.core.add_namespace("/", recovery()).unwrap();
    assert_eq!(world.core.import_recovery(&kept), Ok(2));
    // It has the number that the lost one had.
    world.all(ns, "new");
    world.all(ns, "newer");
    let back = world.come(&late);
    assert_ne!(world.pid(back, "/"), world.pid(at, "/"), "else it would not hear of what is new");
    assert_eq!(world.core.stats().counters.recoveries_foreign, 1);
    // It is of no harm to the session that it has now.
    world.cut(back);
    world.all(ns, "newest");
    let offset = late.split_once("\"offset\"").unwrap().1;
    let again = world.come(&format!("{{\"pid\":\"{}\",\"offset\"{offset}", world.pid(back, "/")));
    assert_eq!(world.names(again), (words("newest"), true));
    let back = world.come(&early);
    assert_eq!(world.names(back), (words("new newer newest"), true));
}

#[test]
fn a_client_of_two_brokers_with_one_export_is_told_nothing_wrong() {
    let (mut world, _) = world();
    let (at, _) = world.joined(true);
    let pid = world.pid(at, "/");
    let kept = world.end_process();
    let (mut one, ns, _) = World::importing(Config::default(), &kept);
    let (mut other, elsewhere, _) = World::importing(Config::default(), &kept);
    let at = one.come(&format!(r#"{{"pid":"{pid}"}}"#));
    one.all(ns, "here");
    one.settle();
    let auth = one.auth(at, "/");
    other.all(elsewhere, "there");
    other.all(elsewhere, "there too");
    let back = other.come(&auth);
    assert_ne!(other.pid(back, "/"), pid);
    assert_eq!(other.core.stats().counters.recoveries_foreign, 1);
}

#[test]
fn a_namespace_that_comes_again_gives_out_no_offset_twice() {
    let mut world = World::new(Config::default());
    world.core.add_pattern("/match-*", pattern()).unwrap();
    let at = world.come_to("/match-1", "", true);
    let ns = world.core.find_namespace("/match-1").unwrap();
    for name in ["one", "two", "three"] {
        world.all(ns, name);
    }
    world.settle();
    let stale = world.offset(at, "/match-1").unwrap();
    // It leaves by itself, and the namespace with it; its client keeps the offset.
    world.text(at, "41/match-1,");
    world.settle();
    let at = world.come_to("/match-1", "", true);
    let pid = world.pid(at, "/match-1");
    world.cut(at);
    let ns = world.core.find_namespace("/match-1").unwrap();
    for name in ["four", "five", "six", "seven"] {
        world.all(ns, name);
    }
    let auth = format!(r#"{{"pid":"{pid}","offset":"{stale}"}}"#);
    let back = world.come_to("/match-1", &auth, true);
    assert_eq!(world.names(back), (words("four five six seven"), true));
}

//! Connection state recovery, as a stock client sees it: what the reference gets wrong, one by one. The client keeps what JavaScript's
//! keeps: its pid, and the last argument of any event if that is a text.

use crate::net::End;
use crate::world::{Seen, World};
use roomcast::{Config, Delivery, Limits, Message, NamespaceId, NamespaceOptions, Target};

pub(crate) fn recovery() -> NamespaceOptions {
    NamespaceOptions { recovery: true, ..NamespaceOptions::default() }
}

/// A world whose namespace `/` has recovery.
pub(crate) fn world_with(config: Config) -> (World, NamespaceId) {
    let mut world = World::new(config);
    let ns = world.core.add_namespace("/", recovery()).unwrap();
    (world, ns)
}

pub(crate) fn world() -> (World, NamespaceId) {
    world_with(Config::default())
}

impl World {
    /// The private id that a client was last given in a namespace.
    pub(crate) fn pid(&self, at: usize, nsp: &str) -> String {
        let connect = self.clients[at].inbox.iter().rfind(|packet| packet.kind == '0' && packet.nsp == nsp);
        connect.unwrap().json()["pid"].as_str().unwrap().to_owned()
    }

    /// What a client takes for its offset.
    pub(crate) fn offset(&self, at: usize, nsp: &str) -> Option<String> {
        let events = self.clients[at].inbox.iter().filter(|packet| matches!(packet.kind, '2' | '5'));
        // One with an acknowledgement has a function as its last argument.
        let mut texts = events
            .filter(|packet| packet.nsp == nsp && packet.id.is_none())
            .filter_map(|packet| packet.json().as_array()?.last()?.as_str().map(str::to_owned));
        texts.next_back()
    }

    /// A new connection that asks for a session in `/`.
    pub(crate) fn come(&mut self, auth: &str) -> usize {
        self.come_to("/", auth, true)
    }

    pub(crate) fn come_to(&mut self, nsp: &str, auth: &str, websocket: bool) -> usize {
        let at = self.client();
        if websocket {
            self.open_websocket(at);
        } else {
            self.open_polling(at);
        }
        self.settle();
        let prefix = if nsp == "/" { String::new() } else { format!("{nsp},") };
        self.text(at, &format!("40{prefix}{auth}"));
        self.settle();
        at
    }

    /// The client is back on a new connection, with what it has kept.
    pub(crate) fn back(&mut self, at: usize) -> usize {
        let auth = self.auth(at, "/");
        self.come(&auth)
    }

    pub(crate) fn auth(&self, at: usize, nsp: &str) -> String {
        match self.offset(at, nsp) {
            Some(offset) => format!(r#"{{"pid":"{}","offset":"{offset}"}}"#, self.pid(at, nsp)),
            None => format!(r#"{{"pid":"{}"}}"#, self.pid(at, nsp)),
        }
    }

    /// The network takes the client's connection away.
    pub(crate) fn cut(&mut self, at: usize) {
        self.clients[at].leave(&mut self.net, Some(End::Reset));
        self.settle();
    }

    /// The names of the events that a client got, and whether its CONNECT came behind all of them.
    pub(crate) fn names(&self, at: usize) -> (Vec<String>, bool) {
        let inbox = &self.clients[at].inbox;
        let name = |packet: &crate::parse::Packet| packet.json()[0].as_str().map(str::to_owned);
        let events: Vec<_> =
            inbox.iter().filter(|it| matches!(it.kind, '2' | '5')).filter_map(name).collect();
        (events, inbox.last().is_some_and(|packet| packet.kind == '0'))
    }

    pub(crate) fn all(&mut self, ns: NamespaceId, name: &str) {
        self.core.emit(Target::all(ns), Message::new(name, "[]")).unwrap();
    }

    pub(crate) fn room(&mut self, ns: NamespaceId, room: &str, name: &str) {
        self.core.emit(Target::rooms(ns, &[room]), Message::new(name, "[]")).unwrap();
    }

    /// The events about sockets since the last time, in short.
    pub(crate) fn told(&mut self) -> Vec<String> {
        let told = self.take_seen().into_iter().filter_map(|seen| match seen {
            Seen::Connect { recovered, .. } => Some(format!("connect {recovered}")),
            Seen::Disconnect { recoverable, .. } => Some(format!("disconnect {recoverable}")),
            Seen::Expired { .. } => Some("expired".to_owned()),
            _ => None,
        });
        told.collect()
    }
}

pub(crate) fn words(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_client_that_comes_back_is_told_what_it_missed_and_is_who_it_was() {
    for websocket in [true, false] {
        let (mut world, ns) = world();
        let (at, socket) = world.joined(true);
        world.core.join(socket, "red").unwrap();
        world.core.set_tag(socket, 77).unwrap();
        world.all(ns, "heard");
        world.settle();
        assert_eq!(world.told(), ["connect false"]);
        world.cut(at);
        assert_eq!(world.told(), ["disconnect true"]);
        world.room(ns, "red", "one");
        world.core.send(socket, Message::new("two", r#"["x"]"#)).unwrap();
        world.room(ns, "blue", "not for it");
        world.all(ns, "three");
        world.core.emit(Target::all(ns).except(&[socket]), Message::new("not for it", "[]")).unwrap();
        world.settle();
        let auth = world.auth(at, "/");
        let back = world.come_to("/", &auth, websocket);
        assert_eq!(world.names(back), (words("one two three"), true));
        assert_eq!(world.told(), ["connect true"]);
        assert_eq!(world.socket(back, "/"), Some(socket), "the same handle and the same id");
        assert_eq!((world.pid(back, "/"), world.core.tag(socket)), (world.pid(at, "/"), Ok(77)));
        assert!(world.core.is_member(socket, "red").unwrap());
        world.room(ns, "red", "four");
        world.settle();
        assert_eq!(world.names(back).0, words("one two three four"));
        let stats = world.core.stats();
        let counters = stats.counters;
        assert_eq!((counters.sessions_recovered, counters.messages_replayed, stats.away), (1, 3, 0));
    }
}

#[test]
fn a_connection_that_seems_open_is_taken_over_and_hears_of_it() {
    let (mut world, ns) = world();
    let (at, socket) = world.joined(true);
    world.all(ns, "heard");
    world.settle();
    // Nobody sees that the client is gone.
    let auth = world.auth(at, "/");
    world.clients[at].reads = false;
    world.all(ns, "one");
    world.settle();
    world.told();
    let back = world.come(&auth);
    assert_eq!(world.names(back), (words("one"), true));
    assert_eq!(world.told(), ["disconnect true", "connect true"]);
    assert_eq!(world.core.sockets_in(ns).unwrap().collect::<Vec<_>>(), [socket]);
    // The one that has lost it is told, so that it does not come back by itself, and its connection ends.
    world.clients[at].reads = true;
    world.pump();
    world.settle();
    assert_eq!(world.clients[at].heard("/").last().unwrap(), "1");
    assert_eq!(world.core.stats().connections, 1);
    world.all(ns, "two");
    world.settle();
    assert_eq!(world.names(back).0, words("one two"));
    assert!(!world.names(at).0.contains(&"two".to_owned()), "one owner at a time");
}

#[test]
fn a_takeover_leaves_other_namespaces_alone() {
    let (mut world, _) = world();
    world.core.add_namespace("/other", NamespaceOptions::default()).unwrap();
    let (at, socket) = world.joined(true);
    let other = world.join_namespace(at, "/other");
    let auth = world.auth(at, "/");
    world.come(&auth);
    assert_eq!(world.core.stats().connections, 2);
    world.core.send(other, Message::new("still", "[]")).unwrap();
    world.settle();
    assert_eq!(world.clients[at].heard("/other"), [r#"2["still"]"#]);
    assert_eq!(world.core.namespace_of(socket), Ok(world.core.find_namespace("/").unwrap()));
}

#[test]
fn a_client_that_heard_nothing_yet_has_no_offset_and_is_told_all_since_it_came() {
    let (mut world, ns) = world();
    world.joined(true);
    world.all(ns, "before");
    let (at, _) = world.joined(true);
    world.cut(at);
    world.all(ns, "one");
    let back = world.back(at);
    assert_eq!(world.names(back), (words("one"), true));
}

#[test]
fn an_offset_of_another_life_is_from_before_the_session_and_does_no_harm() {
    for offset in ["zzzzz-1", "Q8LOXuf", "a text of the host's"] {
        let (mut world, ns) = world();
        world.joined(true);
        world.all(ns, "before");
        let (at, _) = world.joined(true);
        // Of what ends in no text, or is a question, the client keeps nothing.
        world.core.emit(Target::all(ns), Message::new("volatile", "[1]").volatile()).unwrap();
        world.core.emit_with_ack(Target::all(ns), Message::new("question", r#"["?"]"#), None, 5).unwrap();
        world.settle();
        assert_eq!(world.offset(at, "/"), None);
        world.cut(at);
        world.all(ns, "one");
        let back = world.come(&format!(r#"{{"pid":"{}","offset":"{offset}"}}"#, world.pid(at, "/")));
        assert_eq!(world.names(back), (words("one"), true), "{offset}");
        assert_eq!(world.core.stats().counters.recoveries_foreign, 0);
    }
}

#[test]
fn an_old_offset_does_no_harm_when_nothing_was_missed() {
    let limits = Limits { recovery_log_bytes: 2_000, ..Limits::default() };
    let (mut world, ns) = world_with(Config { limits, ..Config::default() });
    let (at, _) = world.joined(true);
    let (_, talker) = world.joined(true);
    world.core.join(talker, "others").unwrap();
    world.all(ns, "heard");
    world.settle();
    world.cut(at);
    for _ in 0..100 {
        world.room(ns, "others", "talk");
        world.settle();
    }
    assert!(world.core.stats().recovery_bytes <= 2_000);
    // Of what was for all, only the one that it has heard is lost.
    let back = world.back(at);
    assert_eq!((world.names(back), world.told().pop().unwrap()), ((vec![], true), "connect true".into()));
}

#[test]
fn a_text_at_the_end_of_a_volatile_event_is_no_offset() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    world.all(ns, "heard");
    for args in [r#"["text"]"#, r#"[1,"é\"]" ]"#, "[]", "[1]", r#"[["text"]]"#] {
        world.core.emit(Target::all(ns), Message::new("v", args).volatile()).unwrap();
        world.settle();
    }
    let heard = world.clients[at].heard("/");
    let offset = world.offset(at, "/").unwrap();
    assert_eq!(heard[0], format!(r#"2["heard","{offset}"]"#));
    assert_eq!(heard[1], format!(r#"2["v","text","{offset}"]"#));
    assert_eq!(heard[2], format!(r#"2["v",1,"é\"]","{offset}"]"#));
    assert_eq!(heard[3], format!(r#"2["v","{offset}"]"#));
    assert_eq!(heard[4..], [r#"2["v",1]"#, r#"2["v",["text"]]"#], "handlers see what the reference gives");
    world.cut(at);
    world.core.emit(Target::all(ns), Message::new("volatile", "[]").volatile()).unwrap();
    world.all(ns, "one");
    let back = world.back(at);
    assert_eq!(world.names(back), (words("one"), true), "what is volatile is not sent again");
}

#[test]
fn an_offset_is_a_position_and_no_right_to_anything() {
    let (mut world, ns) = world();
    let (first, _) = world.joined(true);
    world.all(ns, "one");
    let (second, socket) = world.joined(true);
    world.core.join(socket, "red").unwrap();
    world.core.send(socket, Message::new("private", "[]")).unwrap();
    world.settle();
    let (old, private) = (world.offset(first, "/").unwrap(), world.offset(second, "/").unwrap());
    // A session that began after the offset that its client still holds.
    let (late, _) = world.joined(true);
    world.cut(late);
    world.all(ns, "two");
    let auth = format!(r#"{{"pid":"{}","offset":"{old}"}}"#, world.pid(late, "/"));
    let back = world.come(&auth);
    assert_eq!(world.names(back), (words("two"), true));
    // Somebody else's.
    world.cut(first);
    let auth = format!(r#"{{"pid":"{}","offset":"{private}"}}"#, world.pid(first, "/"));
    let back = world.come(&auth);
    assert_eq!(world.names(back), (words("two"), true));
}

#[test]
fn who_was_a_member_when_it_was_said_is_told() {
    let (mut world, ns) = world();
    let (at, socket) = world.joined(true);
    world.all(ns, "heard");
    world.settle();
    world.cut(at);
    world.room(ns, "red", "before it joins");
    world.core.join(socket, "red").unwrap();
    world.core.join(socket, "blue").unwrap();
    world.room(ns, "red", "one");
    world.room(ns, "blue", "two");
    assert_eq!(world.core.sockets_leave(Target::rooms(ns, &["red"]), &["red"]), Ok(1));
    world.room(ns, "red", "after it left");
    world.core.emit(Target::all(ns).except_rooms(&["blue"]), Message::new("but blue", "[]")).unwrap();
    let sid = world.core.socket_sid(socket).unwrap().to_owned();
    world.room(ns, &sid, "three");
    assert_eq!(world.core.rooms_of(socket).unwrap().collect::<Vec<_>>(), [&*sid, "blue"]);
    assert_eq!(world.core.fetch_sockets(Target::all(ns)).unwrap().count(), 0, "it is not there");
    assert_eq!(world.core.rooms_in(ns).unwrap().count(), 0);
    let back = world.back(at);
    assert_eq!(world.names(back), (words("one two three"), true));
    assert_eq!(world.core.rooms_of(socket).unwrap().collect::<Vec<_>>(), [&*sid, "blue"]);
    assert_eq!(world.core.members(ns, "red").unwrap().count(), 0);
}

#[test]
fn a_question_is_asked_once() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    world.core.emit_with_ack(Target::all(ns), Message::new("ready", r#"["?"]"#), None, 5).unwrap();
    world.settle();
    assert_eq!(world.clients[at].heard("/"), [r#"2["ready","?"]"#], "no offset");
    world.cut(at);
    assert!(world.take_seen().iter().any(|seen| matches!(seen, Seen::AckEnd { context: 5, .. })));
    let back = world.back(at);
    assert_eq!(world.names(back), (vec![], true));
}

#[test]
fn the_newest_of_a_key_is_enough() {
    let (mut world, ns) = world();
    let (at, socket) = world.joined(true);
    world.core.join(socket, "cell").unwrap();
    world.all(ns, "heard");
    world.settle();
    world.cut(at);
    for at in 0..10 {
        let name = format!("at {at}");
        world.core.emit(Target::rooms(ns, &["cell"]), Message::new(&name, "[]").latest(1)).unwrap();
        world.all(ns, "between");
    }
    world.core.emit(Target::all(ns), Message::new("other", "[]").delivery(Delivery::Latest(2))).unwrap();
    world.core.emit(Target::all(ns), Message::new("dropped", "[]").delivery(Delivery::DropOldest)).unwrap();
    let back = world.back(at);
    let (names, _) = world.names(back);
    assert_eq!(names.iter().filter(|name| *name == "between").count(), 10);
    let others: Vec<_> = names.iter().filter(|name| *name != "between").collect();
    assert_eq!(others, ["at 9", "other", "dropped"]);
}

#[test]
fn a_replay_over_polling_is_one_answer() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    world.cut(at);
    for _ in 0..40 {
        world.all(ns, "one");
    }
    let back = world.client();
    world.open_polling(back);
    world.settle();
    // A client that has got a part, and not its CONNECT, keeps that part, and would get it again on its next connection.
    world.clients[back].polls = false;
    let auth = world.auth(at, "/");
    world.text(back, &format!("40{auth}"));
    world.settle();
    let (names, has_joined) = world.names(back);
    assert_eq!((names.len(), has_joined), (40, true));
}

#[test]
fn attachments_come_again_too() {
    let (mut world, ns) = world();
    let (at, _) = world.joined(true);
    world.cut(at);
    let binary = Message::new("b", r#"[{"_placeholder":true,"num":0}]"#).attach(&[&[1, 2, 3]]);
    world.core.emit(Target::all(ns), binary).unwrap();
    let auth = world.auth(at, "/");
    for websocket in [false, true] {
        let back = world.come_to("/", &auth, websocket);
        assert_eq!(world.names(back), (words("b"), true));
        assert_eq!(world.clients[back].inbox[0].attachments, [[1, 2, 3]]);
        world.cut(back);
    }
}

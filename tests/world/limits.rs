//! Every limit of the one table is reached here: what fits exactly passes, what is one more does not.

use crate::client::Out;
use crate::net::End;
use crate::room_limits::{max_room_bytes, max_room_name, max_rooms_per_socket};
use crate::world::{ROOM, Seen, World};
use roomcast::{Broker, Config, Error, Limits, Message, NamespaceOptions, PatternOptions, Reason, Target};
use std::fmt::Debug;

/// These limits with another value for one of them.
macro_rules! with {
    ($limits:expr, $name:ident = $value:expr) => {{
        let mut limits = $limits.clone();
        limits.$name = $value;
        limits
    }};
}
enum Shown {
    By(fn(Limits)),
    /// A test of another floor, by its file and name.
    In(&'static str, &'static str),
}
use Shown::{By, In};

const CLOCKS: &str = include_str!("semantics/clocks.rs");
const CLOSING: &str = include_str!("semantics/closing.rs");
const ACKS: &str = include_str!("semantics/acks.rs");
const DELIVERY: &str = include_str!("semantics/delivery.rs");
const LOOP: &str = include_str!("../net/input.rs");
const TLS: &str = include_str!("../tls/others.rs");
const OVERLOAD: &str = include_str!("overload.rs");
const RECOVERY: &str = include_str!("recovery_ends.rs");

const TESTS: &[(&str, Shown)] = &[
    ("max_payload", By(max_payload)),
    ("max_head_bytes", By(max_head_bytes)),
    ("max_headers", By(max_headers)),
    ("head_timeout", In(CLOCKS, "slow_requests_end_at_their_time")),
    ("body_timeout", In(CLOCKS, "a_body_that_does_not_end_ends_its_session_at_its_time")),
    ("answer_timeout", By(answer_timeout)),
    ("idle_timeout", In(CLOCKS, "slow_requests_end_at_their_time")),
    ("destroy_upgrade_timeout", In(CLOCKS, "slow_requests_end_at_their_time")),
    ("close_timeout", In(CLOSING, "closing_waits_for_the_close_handshake_and_not_longer_than_its_time")),
    ("max_fragments", By(max_fragments)),
    ("max_attachments", By(max_attachments)),
    ("max_event_size", By(max_event_size)),
    ("attachment_timeout", By(attachment_timeout)),
    ("max_json_depth", By(max_json_depth)),
    ("max_namespace_name", By(max_namespace_name)),
    ("max_namespaces_per_connection", By(max_namespaces_per_connection)),
    ("max_new_namespaces_per_minute", By(max_new_namespaces_per_minute)),
    ("max_namespaces", By(max_namespaces)),
    ("max_room_name", By(max_room_name)),
    ("max_rooms_per_socket", By(max_rooms_per_socket)),
    ("max_room_bytes", By(max_room_bytes)),
    ("max_pending_acks", In(ACKS, "the_bound_on_pending_acks_is_that_of_the_recipients")),
    ("max_links", By(max_links)),
    ("tls_handshake_timeout", In(TLS, "handshakes_that_do_not_end_are_ended_and_keep_nobody_waiting")),
    ("tls_handshake_budget", In(TLS, "handshakes_that_do_not_end_are_ended_and_keep_nobody_waiting")),
    ("max_connections", In(OVERLOAD, "a_connection_more_than_there_may_be_is_told_to_come_again")),
    (
        "max_connections_per_address",
        In(OVERLOAD, "an_address_has_its_share_of_connections_and_of_handshakes"),
    ),
    ("max_backlog", In(DELIVERY, "a_slow_consumer_is_closed_at_the_bound_and_not_before")),
    ("max_poll_packets", By(max_poll_packets)),
    ("max_tick_bytes", By(max_tick_bytes)),
    ("max_event_bytes", By(max_event_bytes)),
    ("max_events", By(max_events)),
    ("read_budget", In(LOOP, "a_firehose_starves_nobody_and_nothing_is_forgotten")),
    ("accept_budget", In(LOOP, "serves_many_links_and_uses_their_keys_again")),
    ("remote_queue", By(remote_queue)),
    ("step_time", In(LOOP, "a_turn_whose_time_is_up_leaves_the_rest_to_the_next_and_timers_wait_for_it")),
    ("max_handshakes_per_second", In(OVERLOAD, "handshakes_past_the_rate_are_told_when_to_come_again")),
    ("handshake_burst", In(OVERLOAD, "handshakes_past_the_rate_are_told_when_to_come_again")),
    ("max_handshakes_per_address", In(OVERLOAD, "an_address_has_its_share_of_connections_and_of_handshakes")),
    ("recovery_window", In(RECOVERY, "a_session_ends_with_an_event_when_its_time_is_up")),
    ("recovery_log_bytes", In(RECOVERY, "what_is_not_kept_any_more_is_not_passed_over")),
    ("recovery_sessions", In(RECOVERY, "so_many_are_waited_for_and_the_oldest_goes_first")),
];

#[test]
fn every_limit_has_a_test_and_holds() {
    let table: Vec<&str> = Limits::TABLE.iter().map(|&(name, ..)| name).collect();
    let tested: Vec<&str> = TESTS.iter().map(|&(name, _)| name).collect();
    assert_eq!(tested, table, "the tests here are in the order of the table, one for each limit");
    for (name, shown) in TESTS {
        match shown {
            By(test) => test(Limits::default()),
            In(file, test) => assert!(file.contains(&format!("#[test]\nfn {test}()")), "{name}: {test}"),
        }
    }
}

/// The limit that a call was refused for, and what it is set to.
pub(crate) fn reached<T: Debug>(result: roomcast::Result<T>) -> (&'static str, u64) {
    match result {
        Err(Error::TooMany(error)) => (error.limit(), error.most()),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn world(limits: Limits) -> World {
    World::new(Config { limits, ..Config::default() })
}

const BOTH: [bool; 2] = [true, false];

impl World {
    /// What became of the client's sockets.
    fn fate(&mut self) -> Option<Reason> {
        self.settle();
        self.take_seen().into_iter().find_map(|event| match event {
            Seen::Disconnect { reason, .. } => Some(reason),
            _ => None,
        })
    }

    fn messages(&mut self) -> usize {
        self.settle();
        self.take_seen().iter().filter(|event| matches!(event, Seen::Message { .. })).count()
    }

    /// The status of the answer to a raw request.
    fn status(&mut self, request: &str) -> u16 {
        let wire = self.raw(request.as_bytes());
        self.settle();
        let mut bytes = Vec::new();
        self.net.read(wire.id, usize::MAX, &mut bytes);
        crate::parse::response(&mut bytes).expect("an answer").status
    }
}

/// Sends the text that fits and then the one that does not, over both transports.
fn texts(limits: &Limits, fits: &str, too_much: &str, reason: Reason) {
    for websocket in BOTH {
        let mut world = world(limits.clone());
        let (a, _) = world.joined(websocket);
        world.text(a, fits);
        assert_eq!(world.messages(), 1, "websocket {websocket}");
        world.text(a, too_much);
        assert_eq!(world.fate(), Some(reason), "websocket {websocket}");
    }
}

fn max_payload(limits: Limits) {
    let limits = with!(limits, max_payload = 100);
    let text = |length: usize| format!("42[\"{}\"]", "x".repeat(length - 6));
    for websocket in BOTH {
        let mut world = world(limits.clone());
        let (a, _) = world.joined(websocket);
        world.text(a, &text(100));
        assert_eq!(world.messages(), 1);
        world.text(a, &text(101));
        // The session survives a POST that is too large, as in the reference.
        assert_eq!(world.fate(), websocket.then_some(Reason::TransportError));
        assert_eq!(world.core.stats().counters.oversized, 1);
        if websocket {
            assert_eq!(world.clients[a].close_frame, Some(Some(1009)));
        } else {
            assert_eq!(world.clients[a].responses.last().unwrap().status, 413);
        }
    }
}

fn max_head_bytes(limits: Limits) {
    let mut world = world(with!(limits, max_head_bytes = 300));
    let request = |length: usize| {
        let bare = "GET /none HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n".len();
        format!("GET /none HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(length - bare))
    };
    assert_eq!(world.status(&request(300)), 404);
    assert_eq!(world.status(&request(301)), 431);
    // Without an end it is refused as well.
    assert_eq!(world.status(&request(400)[..350]), 431);
}

fn max_headers(limits: Limits) {
    let mut world = world(with!(limits, max_headers = 10));
    let request =
        |count: usize| format!("GET /none HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    assert_eq!(world.status(&request(10)), 404);
    assert_eq!(world.status(&request(11)), 431);
}

fn answer_timeout(limits: Limits) {
    let limits = with!(limits, answer_timeout = 700);
    let mut world = World::new(Config { health_path: Some("/health".into()), limits, ..Config::default() });
    let wire = world.dial(10).unwrap();
    world.net.write(wire.id, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    world.run(699);
    // A client that reads on, however slowly, has its time anew.
    world.net.read(wire.id, 1, &mut Vec::new());
    world.run(699);
    assert_eq!(world.net.pipes[wire.id].server_end, None);
    world.run(1);
    assert_eq!(world.net.pipes[wire.id].server_end, Some(End::Reset));
    world.assert_empty(1);
}

fn max_fragments(limits: Limits) {
    let limits = with!(limits, max_fragments = 4);
    for (count, reason) in [(4, None), (5, Some(Reason::TransportError))] {
        let mut world = world(limits.clone());
        let (a, _) = world.joined(true);
        let mut bytes = Vec::new();
        for at in 0..count {
            let text: &[u8] = if at == 0 { b"42[\"x\"]" } else { b"" };
            let start = bytes.len();
            crate::parse::masked(if at == 0 { 1 } else { 0 }, text, &mut bytes);
            if at + 1 < count {
                bytes[start] &= 0x7f;
            }
        }
        world.net.write(world.clients[a].ws.as_ref().unwrap().id, &bytes);
        assert_eq!(world.fate(), reason);
    }
}

fn max_attachments(limits: Limits) {
    let limits = with!(limits, max_attachments = 2);
    for websocket in BOTH {
        for (count, reason) in [(2, None), (3, Some(Reason::ForcedClose))] {
            let mut world = world(limits.clone());
            let (a, _) = world.joined(websocket);
            world.text(a, &format!("45{count}-[\"x\"]"));
            world.settle();
            for _ in 0..2 {
                world.clients[a].send(&mut world.net, Out::Binary(vec![1]));
            }
            assert_eq!(world.fate(), reason);
        }
    }
}

/// An event, and an acknowledgement, with two attachments.
const TWO: &str = "52-[\"x\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]";

fn max_event_size(limits: Limits) {
    let limits = with!(limits, max_event_size = TWO.len() + 30);
    for websocket in BOTH {
        for (last, messages, fate) in [(10, 1, None), (11, 0, Some(Reason::ForcedClose))] {
            let mut world = world(limits.clone());
            let (a, _) = world.joined(websocket);
            for packet in [TWO.to_owned(), TWO.replacen('5', "6", 1)] {
                world.text(a, &format!("4{packet}"));
                world.settle();
                for size in [20, last] {
                    world.clients[a].send(&mut world.net, Out::Binary(vec![1; size]));
                }
                world.settle();
            }
            let seen = world.take_seen();
            assert_eq!(seen.iter().filter(|it| matches!(it, Seen::Message { .. })).count(), messages);
            let end = seen.iter().find_map(|it| match it {
                Seen::Disconnect { reason, .. } => Some(*reason),
                _ => None,
            });
            assert_eq!(end, fate, "websocket {websocket}");
            assert_eq!(world.core.stats().counters.bad_packets, 1 - messages as u64);
        }
    }
    // The rest of an event that was too large is nobody's, and nothing of it is kept.
    let mut world = world(with!(limits, max_event_size = 10));
    let (a, _) = world.joined(true);
    world.text(a, &format!("4{TWO}"));
    assert_eq!(world.fate(), Some(Reason::ForcedClose));
    // It grows with the messages it is made of.
    let core =
        World::new(Config { limits: with!(Limits::default(), max_payload = 3_000_000), ..Config::default() })
            .core;
    assert_eq!(core.config().limits.max_event_size, 12_000_000);
}

fn attachment_timeout(limits: Limits) {
    let limits = with!(limits, attachment_timeout = 5_000);
    for websocket in BOTH {
        let mut world = world(limits.clone());
        let (a, _) = world.joined(websocket);
        let attach = |world: &mut World| world.clients[a].send(&mut world.net, Out::Binary(vec![1]));
        world.text(a, &format!("4{TWO}"));
        world.run(4_998);
        attach(&mut world);
        attach(&mut world);
        assert_eq!(world.messages(), 1);
        // A complete event has no time any more; what comes of the next one does not extend it.
        world.run(4_000);
        world.text(a, &format!("4{TWO}"));
        world.run(4_999);
        attach(&mut world);
        assert_eq!(world.fate(), None);
        world.run(1);
        let seen = world.take_seen();
        assert!(seen.iter().any(|it| matches!(it, Seen::ProtocolError { .. })), "{seen:?}");
        assert!(seen.iter().any(|it| matches!(it, Seen::Disconnect { reason: Reason::ForcedClose, .. })));
        world.run(Limits::default().idle_timeout);
        world.assert_empty(1);
    }
}

fn max_json_depth(limits: Limits) {
    let limits = with!(limits, max_json_depth = 8);
    let text = |depth: usize| format!("42[\"x\",{}{}]", "[".repeat(depth - 1), "]".repeat(depth - 1));
    texts(&limits, &text(8), &text(9), Reason::ForcedClose);
    let mut world = world(limits);
    let (_, socket) = world.joined(true);
    let target = Target::all(world.core.namespace_of(socket).unwrap());
    let args = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(world.core.emit(target, Message::new("m", &args(8))).is_ok());
    assert_eq!(world.core.emit(target, Message::new("m", &args(9))), Err(Error::BadJson(8)));
}

fn max_namespace_name(limits: Limits) {
    let mut world = world(with!(limits, max_namespace_name = 10));
    world.core.add_pattern("/*", PatternOptions::default()).unwrap();
    let (a, _) = world.joined(true);
    world.join_namespace(a, "/123456789");
    world.text(a, "40/1234567890,");
    assert_eq!(world.fate(), None);
    assert_eq!(world.clients[a].heard("/1234567890"), ["4{\"message\":\"Invalid namespace\"}"]);
    // Whatever else is for it is for a namespace the client is not in.
    world.text(a, "42/1234567890,[\"x\"]");
    assert_eq!(world.fate(), Some(Reason::ForcedClose));
}

fn max_namespaces_per_connection(limits: Limits) {
    for guarded in BOTH {
        let mut world = world(with!(limits, max_namespaces_per_connection = 3));
        world
            .core
            .add_pattern(
                "/n*",
                PatternOptions { guarded, remove_when_empty: true, ..PatternOptions::default() },
            )
            .unwrap();
        let (a, _) = world.joined(true);
        world.text(a, "40/n1,");
        world.text(a, "40/n2,");
        assert_eq!(world.fate(), None);
        // One that was left makes room.
        if !guarded {
            world.text(a, "41/n1,");
            world.text(a, "40/n3,");
            assert_eq!(world.fate(), Some(Reason::ClientNamespaceDisconnect));
        }
        world.text(a, "40/n4,");
        assert_eq!(world.fate(), None);
        assert_eq!(world.clients[a].heard("/n4"), ["4{\"message\":\"Too many namespaces\"}"]);
        assert_eq!(world.core.stats().namespaces, 3);
    }
    // A thousand on one connection.
    let mut world = world(limits);
    world
        .core
        .add_pattern(
            "/n*",
            PatternOptions { guarded: false, remove_when_empty: true, ..PatternOptions::default() },
        )
        .unwrap();
    let (a, _) = world.joined(true);
    for number in 0..1_000 {
        world.text(a, &format!("40/n{number},"));
    }
    assert_eq!(world.fate(), None);
    assert_eq!(world.core.stats().namespaces, 64);
    assert_eq!(world.core.stats().counters.connects_refused, 1_000 - 63);
}

fn max_new_namespaces_per_minute(limits: Limits) {
    let limits = with!(limits, max_new_namespaces_per_minute = 3);
    for (remove_when_empty, left) in [(true, 1), (false, 4)] {
        let mut world = world(limits.clone());
        let options = PatternOptions { remove_when_empty, ..PatternOptions::default() };
        world.core.add_pattern("/n*", options).unwrap();
        let (a, _) = world.joined(true);
        let made = |world: &mut World, at: usize, number: usize| {
            world.text(at, &format!("40/n{number},"));
            world.settle();
            let heard = world.clients[at].heard(&format!("/n{number}"));
            if heard == ["4{\"message\":\"Too many namespaces\"}"] {
                return 0;
            }
            world.text(at, &format!("41/n{number},"));
            world.settle();
            1
        };
        assert_eq!((0..100).map(|number| made(&mut world, a, number)).sum::<usize>(), 3);
        assert_eq!(world.core.stats().namespaces, left);
        // Another connection has its own share; this one has a new one a minute later.
        let (b, _) = world.joined(true);
        assert_eq!(made(&mut world, b, 100), 1);
        world.run(59_999);
        assert_eq!(made(&mut world, a, 101), 0);
        world.run(1);
        assert_eq!(made(&mut world, a, 102), 1);
    }
    // By default nothing is left of a hundred names, and the rest of the server has its namespaces.
    let mut world = world(with!(Limits::default(), max_namespaces = 10));
    world.core.add_pattern("/n*", PatternOptions::default()).unwrap();
    let (a, _) = world.joined(true);
    for number in 0..100 {
        world.text(a, &format!("40/n{number},"));
        world.text(a, &format!("41/n{number},"));
    }
    world.settle();
    assert_eq!(world.core.stats().namespaces, 1);
    assert!(world.core.add_namespace("/host", NamespaceOptions::default()).is_ok());
}

fn max_namespaces(limits: Limits) {
    let mut world = world(with!(limits, max_namespaces = 3));
    world
        .core
        .add_pattern(
            "/n*",
            PatternOptions { guarded: false, remove_when_empty: true, ..PatternOptions::default() },
        )
        .unwrap();
    let (a, _) = world.joined(true);
    world.join_namespace(a, "/n1");
    world.join_namespace(a, "/n2");
    world.text(a, "40/n3,");
    assert_eq!(world.fate(), None);
    assert_eq!(world.clients[a].heard("/n3"), ["4{\"message\":\"Invalid namespace\"}"]);
    let options = NamespaceOptions::default();
    assert_eq!(reached(world.core.add_namespace("/host", options)), ("max_namespaces", 3));
    world.text(a, "41/n1,");
    world.settle();
    assert!(world.core.add_namespace("/host", options).is_ok());
}

fn max_links(limits: Limits) {
    let mut world = world(with!(limits, max_links = 2));
    let first = world.dial(ROOM).unwrap();
    assert!(world.dial(ROOM).is_some());
    assert!(world.dial(ROOM).is_none());
    assert_eq!(world.core.stats().counters.links_refused, 1);
    world.net.end(first.id, End::Fin);
    world.settle();
    assert!(world.dial(ROOM).is_some());
}

fn max_poll_packets(limits: Limits) {
    for ticks in [1, 7, 50] {
        let mut world = world(with!(limits, max_poll_packets = 5));
        let (a, socket) = world.joined(false);
        let target = Target::all(world.core.namespace_of(socket).unwrap());
        world.clients[a].polls = false;
        for number in 0..50 {
            world.core.emit(target, Message::new("m", &format!("[\"{number}\"]"))).unwrap();
            if number % (50 / ticks) == 0 {
                world.settle();
            }
        }
        world.settle();
        // The poll that was open has taken what the first flush had; each of the others takes five.
        let mut got = world.clients[a].events().len();
        assert!(got <= 5);
        while got < 50 {
            world.clients[a].ask(&mut world.net);
            world.settle();
            let now = world.clients[a].events().len();
            assert_eq!(now, 50.min(got + 5), "ticks {ticks}");
            got = now;
        }
        let heard: Vec<String> = (0..50).map(|number| format!("[\"m\",\"{number}\"]")).collect();
        assert_eq!(world.clients[a].events().into_iter().map(|(_, data)| data).collect::<Vec<_>>(), heard);
    }
}

fn max_tick_bytes(limits: Limits) {
    let mut world = world(with!(limits, max_tick_bytes = 5_000));
    let (a, socket) = world.joined(true);
    let target = Target::all(world.core.namespace_of(socket).unwrap());
    let args = format!("[\"{}\"]", "x".repeat(100));
    let mut emits = 0;
    while !world.core.wants_flush() {
        world.core.emit(target, Message::new("m", &args)).unwrap();
        emits += 1;
    }
    assert!((40..50).contains(&emits));
    world.settle();
    assert!(!world.core.wants_flush());
    assert_eq!(world.clients[a].events().len(), emits);
}

/// A host that does not drain; then the broker stops reading, and nothing is lost.
fn undrained(limits: Limits) {
    let mut world = world(limits);
    let (a, _) = world.joined(true);
    world.take_seen();
    world.drains = false;
    for _ in 0..100 {
        world.text(a, "42[\"x\"]");
        world.settle();
    }
    assert!(!roomcast::service::Service::wants_input(&world.core));
    let id = world.clients[a].ws.as_ref().unwrap().id;
    assert!(!world.net.pipes[id].up.is_empty());
    world.drains = true;
    world.settle();
    assert_eq!(world.messages(), 100);
}

fn max_events(limits: Limits) {
    undrained(with!(limits, max_events = 10));
}

fn max_event_bytes(limits: Limits) {
    undrained(with!(limits, max_event_bytes = 50));
}

fn remote_queue(limits: Limits) {
    let limits = with!(limits, remote_queue = 3);
    let mut broker = Broker::new(Config { limits, ..Config::default() }).unwrap();
    let root = broker.find_namespace("/").unwrap();
    let remote = broker.remote();
    let emit = || remote.emit(Target::all(root), Message::new("m", "[]"));
    for _ in 0..3 {
        emit().unwrap();
    }
    assert_eq!(emit(), Err(Error::Full));
    let mut events = roomcast::Events::new();
    broker.poll(&mut events, Some(std::time::Duration::ZERO)).unwrap();
    emit().unwrap();
}

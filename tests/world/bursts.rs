//! Much for many at once: it goes out in parts, each in a turn of its own, and those who have little to get wait for none of it.
//! Nobody may lose anything by it, nor get it in another order.

use crate::client::Carrier;
use crate::world::{ROOM, Seen, World};
use roomcast::service::Service;
use roomcast::{Config, Delivery, Message, NamespaceId, SocketId, Target};

/// What one flush hands out; a turn has two.
const PART: usize = 8 * 1024 * 1024;
const MEGABYTE: usize = 1_000_000;
const READERS: usize = 40;

/// The readers' kernels: they take what they are given, as those of readers who keep up do.
const WIDE: usize = usize::MAX;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    WebSocket,
    Polling,
    /// A WebSocket that takes no binary frames.
    Base64,
    /// A WebSocket of a client with the msgpack parser.
    Msgpack,
}

struct Burst {
    world: World,
    ns: NamespaceId,
    readers: Vec<(usize, SocketId)>,
    /// A client that is sent little.
    good: (usize, SocketId),
}

impl Burst {
    fn new(kind: Kind, room: usize) -> Self {
        Self::with(Config { msgpack: true, ..Config::default() }, kind, room)
    }

    fn with(config: Config, kind: Kind, room: usize) -> Self {
        let mut world = World::new(config);
        let ns = world.core.find_namespace("/").unwrap();
        let readers: Vec<_> = (0..READERS).map(|_| reader(&mut world, kind, room)).collect();
        for &(_, socket) in &readers {
            world.core.join(socket, "readers").unwrap();
        }
        let good = world.joined(true);
        world.take_seen();
        Self { world, ns, readers, good }
    }

    fn emit(&mut self, name: &str, size: usize, delivery: Delivery) {
        let args = format!("[\"{}\"]", "x".repeat(size));
        let message = Message::new(name, &args).delivery(delivery);
        self.world.core.emit(Target::rooms(self.ns, &["readers"]), message).unwrap();
    }

    /// A turn in which the clients read.
    fn turn(&mut self) {
        self.world.turn();
        self.world.pump();
    }

    /// The good client asks, and has its answer within two turns: one hears it, one brings the answer.
    fn ask_and_answer(&mut self, number: u64) {
        let (at, socket) = self.good;
        self.world.text(at, &format!("42{number}[\"ask\"]"));
        self.turn();
        assert!(self.world.take_seen().iter().any(|seen| matches!(seen, Seen::Message { ack: Some(_), .. })));
        self.world.core.ack(socket, number, "[]", &[]).unwrap();
        self.turn();
        let heard = self.world.clients[at].heard("/");
        assert_eq!(heard.last().map(String::as_str), Some("3[]"), "after {number} questions");
    }

    /// The names of the events that a reader got.
    fn names(&self, reader: usize) -> Vec<String> {
        let name = |(_, data): (&str, &str)| data[2..].split('"').next().unwrap().to_owned();
        self.world.clients[self.readers[reader].0].events().into_iter().map(name).collect()
    }

    fn assert_all_got(&self, names: &[&str]) {
        for reader in 0..READERS {
            assert_eq!(self.names(reader), names, "reader {reader}");
        }
        assert_eq!(self.world.core.stats().queued_bytes, 0);
        assert!(!self.world.core.has_output());
    }

    fn bytes_out(&self) -> usize {
        self.world.core.stats().counters.bytes_out as usize
    }
}

fn reader(world: &mut World, kind: Kind, room: usize) -> (usize, SocketId) {
    let at = world.client();
    world.clients[at].room = room;
    world.clients[at].base64 = kind == Kind::Base64;
    world.clients[at].msgpack = kind == Kind::Msgpack;
    match kind {
        Kind::Polling => world.open_polling(at),
        Kind::WebSocket | Kind::Base64 | Kind::Msgpack => world.open_websocket(at),
    }
    world.settle();
    let socket = world.join_namespace(at, "/");
    world.settle();
    (at, socket)
}

#[test]
fn much_for_many_goes_out_in_parts_and_others_are_served_in_between() {
    for kind in [Kind::WebSocket, Kind::Base64, Kind::Msgpack, Kind::Polling] {
        let mut burst = Burst::new(kind, WIDE);
        burst.emit("big", MEGABYTE, Delivery::Reliable);
        let mut turns = 0;
        loop {
            let before = burst.bytes_out();
            burst.world.turn();
            let out = burst.bytes_out() - before;
            assert!(out <= 2 * (PART + MEGABYTE + ROOM), "{out} bytes in one turn");
            burst.world.pump();
            turns += 1;
            if !burst.world.core.has_output() {
                break;
            }
            let before = burst.bytes_out();
            burst.ask_and_answer(turns);
            assert!(burst.bytes_out() - before <= 4 * (PART + MEGABYTE + ROOM));
        }
        assert!(turns > 1, "in {turns} turns");
        burst.world.settle();
        burst.assert_all_got(&["big"]);
    }
}

#[test]
fn timers_run_between_the_parts() {
    let mut burst = Burst::new(Kind::WebSocket, WIDE);
    let ping = burst.world.core.next_timeout().unwrap();
    burst.emit("big", 2 * MEGABYTE, Delivery::Reliable);
    burst.turn();
    assert!(burst.world.core.has_output());
    burst.world.now = ping + 25_000;
    burst.turn();
    burst.turn();
    assert!(burst.world.core.has_output(), "it still goes on");
    let pings = burst.world.clients[burst.good.0].engine.iter().filter(|packet| *packet == "2").count();
    assert_eq!(pings, 1, "and the good one has had its ping");
}

#[test]
fn what_comes_later_comes_after_it() {
    for kind in [Kind::WebSocket, Kind::Base64, Kind::Msgpack, Kind::Polling] {
        let mut burst = Burst::new(kind, WIDE);
        let binary = [vec![7; 150_000], vec![8; 10]];
        let attachments: Vec<&[u8]> = binary.iter().map(Vec::as_slice).collect();
        let mut names: Vec<String> = Vec::new();
        for round in 0..8 {
            for (name, size) in [("first", 150_000), ("small", 10), ("little", 600), ("part", 50_000)] {
                names.push(format!("{name}{round}"));
                burst.emit(names.last().unwrap(), size, Delivery::Reliable);
            }
            names.push(format!("binary{round}"));
            let args = r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
            let message = Message::new(names.last().unwrap(), args).attach(&attachments);
            burst.world.core.emit(Target::rooms(burst.ns, &["readers"]), message).unwrap();
            assert!(burst.world.core.has_output());
            burst.world.turn();
            if round % 3 == 1 {
                burst.world.pump();
            }
        }
        for _ in 0..50 {
            burst.turn();
        }
        burst.world.settle();
        burst.assert_all_got(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let packets = &burst.world.clients[burst.readers[READERS - 1].0].inbox;
        let with_attachments = packets.iter().filter(|packet| packet.kind == '5');
        assert!(with_attachments.clone().all(|packet| packet.attachments == binary));
        assert_eq!(with_attachments.count(), 8);
    }
}

#[test]
fn nobody_is_closed_or_loses_anything_because_the_broker_put_it_off() {
    // Five of them are past the bound of 4 MiB that waits for one connection.
    for delivery in [Delivery::Reliable, Delivery::DropOldest] {
        for apart in [false, true] {
            let mut burst = Burst::new(Kind::WebSocket, WIDE);
            for number in 0..7 {
                burst.emit(&format!("{number}"), MEGABYTE, delivery);
                if apart {
                    burst.turn();
                }
            }
            for &(_, socket) in &burst.readers {
                assert!(burst.world.core.queued_bytes(socket).unwrap() < 4 * 1024 * 1024 + MEGABYTE);
            }
            burst.world.settle();
            let counters = burst.world.core.stats().counters;
            assert_eq!((counters.slow_consumers, counters.dropped_oldest), (0, 0));
            let names: Vec<String> = (0..7).map(|number| number.to_string()).collect();
            burst.assert_all_got(&names.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_waits_for_its_turn_waits_by_its_class() {
    let mut burst = Burst::new(Kind::WebSocket, WIDE);
    burst.emit("big", 2 * MEGABYTE, Delivery::Reliable);
    // Output of the same tick is not earlier output.
    burst.emit("same tick", 10, Delivery::Volatile);
    for number in 0..3 {
        burst.emit(&format!("latest{number}"), 10, Delivery::Latest(7));
        burst.world.turn();
    }
    let waits: Vec<bool> =
        burst.readers.iter().map(|&(_, socket)| burst.world.core.queued_bytes(socket).unwrap() > 0).collect();
    let waiting = waits.iter().filter(|waits| **waits).count();
    assert!(waiting > 0 && waiting < READERS, "{waiting}");
    // Earlier output that the kernel has not taken.
    burst.emit("volatile", 10, Delivery::Volatile);
    assert_eq!(burst.world.core.stats().counters.dropped_volatile, waiting as u64);
    for _ in 0..20 {
        burst.turn();
    }
    burst.world.settle();
    for (reader, waits) in waits.iter().enumerate() {
        let names = burst.names(reader);
        assert_eq!(names[..2], ["big", "same tick"]);
        assert!(names.iter().any(|name| name == "latest2"), "{names:?}");
        match waits {
            true => assert_eq!(names.len(), 3, "the newest of the key alone: {names:?}"),
            false => assert!(names.last().unwrap() == "volatile"),
        }
    }
}

#[test]
fn readers_that_read_again_all_at_once_are_served_in_parts_too() {
    let mut burst = Burst::new(Kind::WebSocket, ROOM);
    for &(at, _) in &burst.readers {
        burst.world.clients[at].reads = false;
    }
    burst.emit("big", MEGABYTE, Delivery::Reliable);
    burst.world.settle();
    assert!(burst.world.core.stats().queued_bytes > READERS * (MEGABYTE - ROOM));
    for &(at, _) in &burst.readers {
        burst.world.clients[at].reads = true;
        let id = burst.world.clients[at].ws.as_ref().unwrap().id;
        burst.world.net.pipes[id].room = WIDE;
    }
    burst.world.pump();
    while burst.world.core.stats().queued_bytes > 0 {
        let before = burst.bytes_out();
        burst.world.turn();
        let out = burst.bytes_out() - before;
        assert!(out <= 2 * (PART + MEGABYTE + ROOM), "{out} bytes in one turn");
        burst.world.pump();
    }
    burst.assert_all_got(&["big"]);
}

#[test]
fn who_is_closed_while_it_waits_gets_what_it_was_sent() {
    for kind in [Kind::WebSocket, Kind::Base64, Kind::Msgpack, Kind::Polling] {
        // By the host one by one, all together, and with time for more than a close takes.
        for way in 0..3 {
            let mut burst = Burst::new(kind, WIDE);
            burst.emit("big", MEGABYTE, Delivery::Reliable);
            burst.world.turn();
            burst.emit("last", 10, Delivery::Reliable);
            let sockets: Vec<SocketId> = burst.readers.iter().map(|&(_, socket)| socket).collect();
            match way {
                0 => sockets.iter().for_each(|&socket| burst.world.core.disconnect(socket, true).unwrap()),
                1 => burst.world.core.shut_down(),
                _ => {
                    sockets.iter().for_each(|&socket| burst.world.core.disconnect(socket, true).unwrap());
                    burst.world.turn();
                    assert!(burst.world.core.has_output());
                    burst.world.now += 6_000;
                }
            }
            burst.world.settle();
            for reader in 0..READERS {
                assert_eq!(burst.names(reader), ["big", "last"], "way {way}, reader {reader}");
                assert!(burst.world.clients[burst.readers[reader].0].over, "way {way}, reader {reader}");
            }
            burst.world.clients.iter_mut().for_each(|client| client.leave(&mut burst.world.net, None));
            burst.world.run(120_000);
            burst.world.core.shut_down();
            burst.world.run(120_000);
            burst.world.assert_empty(1);
        }
    }
}

#[test]
fn who_leaves_while_it_waits_leaves_nothing_behind() {
    for kind in [Kind::WebSocket, Kind::Base64, Kind::Msgpack, Kind::Polling] {
        let mut burst = Burst::new(kind, WIDE);
        burst.emit("big", MEGABYTE, Delivery::Reliable);
        burst.world.turn();
        for reader in (0..READERS).step_by(2) {
            let client = &mut burst.world.clients[burst.readers[reader].0];
            client.leave(&mut burst.world.net, Some(crate::net::End::Reset));
        }
        // Others take their places, and get nothing of it.
        let newcomers: Vec<usize> = (0..READERS).map(|_| burst.world.joined(true).0).collect();
        // Of a polling client without a poll only its silence tells.
        burst.world.run(60_000);
        for reader in (1..READERS).step_by(2) {
            assert_eq!(burst.names(reader), ["big"]);
        }
        assert!(newcomers.iter().all(|&at| burst.world.clients[at].events().is_empty()));
        assert_eq!(burst.world.core.stats().connections, READERS / 2 + READERS + 1);
        assert_eq!(burst.world.core.stats().queued_bytes, 0);
    }
}

#[test]
fn nobody_is_taken_for_dead_whose_ping_waits_for_its_turn() {
    let mut burst = Burst::new(Kind::WebSocket, WIDE);
    burst.emit("big", 3 * MEGABYTE, Delivery::Reliable);
    while burst.world.core.has_output() {
        burst.turn();
        burst.world.now += 20_000;
    }
    burst.world.settle();
    let ended = |seen: &Seen| matches!(seen, Seen::Disconnect { .. });
    assert_eq!(burst.world.take_seen().iter().filter(|seen| ended(seen)).count(), 0);
    burst.assert_all_got(&["big"]);
}

#[test]
fn a_polling_client_that_waits_may_upgrade() {
    for base64 in [false, true] {
        let mut burst = Burst::new(Kind::Polling, WIDE);
        burst.emit("big", 2 * MEGABYTE, Delivery::Reliable);
        burst.world.turn();
        for &(at, _) in &burst.readers {
            burst.world.clients[at].base64 = base64;
            burst.world.open_probe(at);
        }
        burst.turn();
        burst.emit("later", 100_000, Delivery::Reliable);
        burst.world.settle();
        burst.world.run(1_000);
        assert!(burst.readers.iter().all(|&(at, _)| burst.world.clients[at].carrier == Carrier::WebSocket));
        burst.assert_all_got(&["big", "later"]);
    }
}

#[test]
fn files_for_many_go_out_in_parts_too() {
    let mut burst = Burst::new(Kind::WebSocket, WIDE);
    let body = vec![b'x'; MEGABYTE];
    burst.world.core.serve("/big", roomcast::Resource::new("text/plain", body)).unwrap();
    let request = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut wires = Vec::new();
    for _ in 0..READERS {
        let wire = burst.world.dial(WIDE).unwrap();
        burst.world.net.write(wire.id, &request.repeat(2));
        wires.push(wire);
    }
    let mut turns = 0;
    while turns == 0 || burst.world.core.has_output() {
        let before = burst.bytes_out();
        burst.turn();
        let out = burst.bytes_out() - before;
        assert!(out <= 2 * (PART + MEGABYTE + ROOM), "{out} bytes in one turn");
        turns += 1;
        burst.ask_and_answer(turns);
    }
    for wire in &mut wires {
        burst.world.net.read(wire.id, usize::MAX, &mut wire.input);
        for _ in 0..2 {
            let answer = crate::parse::response(&mut wire.input).expect("an answer");
            assert_eq!((answer.status, answer.body.len()), (200, MEGABYTE));
        }
    }
}

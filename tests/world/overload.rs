//! Overload: the admission rate, readers that stop, clients that dawdle. Only what must hold at any
//! speed; `benches/storms` has the figures.

use crate::client::{Carrier, Client, Wire};
use crate::net::End;
use crate::parse::{self, Response};
use crate::world::{ROOM, Seen, World, limits, root};
use roomcast::{Config, Delivery, Message, Reason, SocketId, Target};

pub(crate) const POLLING: &str = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
pub(crate) const UPGRADE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

impl World {
    /// The answer to a request on a connection of its own.
    pub(crate) fn ask(&mut self, request: &str) -> Response {
        let mut wire = self.raw(request.as_bytes());
        self.settle();
        self.answer(&mut wire)
    }

    pub(crate) fn answer(&mut self, wire: &mut Wire) -> Response {
        self.net.read(wire.id, usize::MAX, &mut wire.input);
        parse::response(&mut wire.input).expect("an answer")
    }

    /// A polling session by hand; returns its connection and its id.
    fn session(&mut self) -> (Wire, String) {
        let mut wire = self.raw(POLLING.as_bytes());
        self.settle();
        let open: serde_json::Value = serde_json::from_str(&self.answer(&mut wire).text()[1..]).unwrap();
        (wire, open["sid"].as_str().unwrap().to_owned())
    }
}

// ---- who gets in ----

#[test]
fn handshakes_past_the_rate_are_told_when_to_come_again() {
    let mut world = World::new(Config {
        refusal_events: true,
        ..limits(|limits| (limits.max_handshakes_per_second, limits.handshake_burst) = (10, 4))
    });
    let polling = world.client();
    world.open_polling(polling);
    for _ in 0..3 {
        assert_eq!(world.ask(POLLING).status, 200);
    }
    world.take_seen();
    let refused = world.ask(POLLING);
    assert_eq!(refused.status, 503);
    assert_eq!(refused.text(), r#"{"code":6,"message":"Service unavailable"}"#);
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("connection"), Some("close"));
    let refused = world.ask(UPGRADE);
    assert_eq!((refused.status, refused.text()), (503, "Service unavailable"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(world.take_seen(), [Seen::Refused(6), Seen::Refused(6)]);
    // Eighteen more, and the last of them is told to let the others go first.
    let last = (0..18).map(|_| world.ask(POLLING)).last().unwrap();
    assert_eq!(last.header("retry-after"), Some("2"));
    assert_eq!(world.core.stats().counters.handshakes_over_rate, 20);
    assert_eq!(world.core.stats().connections, 4);
    // Who is in is not concerned: it joins, polls and upgrades.
    world.join_namespace(polling, "/");
    world.open_probe(polling);
    world.settle();
    assert_eq!(world.clients[polling].carrier, Carrier::WebSocket);
    // A tenth of a second is one place, an hour is no more than the burst.
    world.run(100);
    assert_eq!([world.ask(UPGRADE).status, world.ask(UPGRADE).status], [101, 503]);
    world.run(3_600_000);
    let again: Vec<u16> = (0..5).map(|_| world.ask(POLLING).status).collect();
    assert_eq!(again, [200, 200, 200, 200, 503]);
}

#[test]
fn a_connection_more_than_there_may_be_is_told_to_come_again() {
    let config = limits(|limits| limits.max_connections = 3);
    let mut world = World::new(Config { refusal_events: true, ..config });
    let (leaver, _) = world.joined(true);
    let (wire, sid) = world.session();
    // One TCP connection can ask for as many sessions as it likes.
    world.net.write(wire.id, POLLING.repeat(2_000).as_bytes());
    world.settle();
    let stats = world.core.stats();
    assert_eq!((stats.connections, stats.counters.handshakes_over_connections > 0), (3, true));
    world.take_seen();
    let refused = world.ask(POLLING);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    assert_eq!(refused.text(), r#"{"code":6,"message":"Service unavailable"}"#);
    assert_eq!(world.ask(UPGRADE).status, 503);
    assert_eq!(world.take_seen(), [Seen::Refused(6), Seen::Refused(6)]);
    // A place is free as soon as somebody has left, by whatever way.
    world.text(leaver, "41");
    world.clients[leaver].frame(&mut world.net, 8, &1000_u16.to_be_bytes());
    world.settle();
    assert_eq!(world.ask(UPGRADE).status, 101);
    assert_eq!(world.ask(UPGRADE).status, 503);
    let end = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
    );
    assert_eq!(world.ask(&end).status, 200);
    assert_eq!(world.ask(POLLING).status, 200);
    assert_eq!(world.core.stats().connections, 3);
}

#[test]
fn an_address_has_its_share_of_connections_and_of_handshakes() {
    let config = limits(|limits| {
        limits.max_connections_per_address = 2;
        limits.max_handshakes_per_address = 3;
    });
    let trusted_proxies = vec!["10.0.0.0/8".into()];
    let mut world = World::new(Config { refusal_events: true, trusted_proxies, ..config });
    let at = |world: &mut World, address: &str| {
        world.peer = Some(address.parse().unwrap());
        world.ask(POLLING)
    };
    let behind = |world: &mut World, headers: &str| {
        world.peer = Some("10.1.1.1".parse().unwrap());
        world.ask(&POLLING.replace("Host: x\r\n", &format!("Host: x\r\n{headers}"))).status
    };
    assert_eq!([at(&mut world, "192.0.2.1").status, at(&mut world, "192.0.2.1").status], [200, 200]);
    let refused = at(&mut world, "192.0.2.1");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("10")));
    assert_eq!(refused.text(), r#"{"code":7,"message":"Too many requests"}"#);
    assert_eq!(world.take_seen().last(), Some(&Seen::Refused(7)));
    // Others are not concerned, whether they come by themselves or through the proxy.
    assert_eq!(at(&mut world, "192.0.2.2").status, 200);
    assert_eq!(behind(&mut world, "X-Forwarded-For: 192.0.2.3\r\n"), 200);
    // What a client invents stands left of its address; who is no proxy of ours cannot say anything.
    let invented = "x-forwarded-for: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 192.0.2.1\r\n";
    assert_eq!(behind(&mut world, invented), 429);
    world.peer = Some("192.0.2.1".parse().unwrap());
    let lie = POLLING.replace("Host: x\r\n", "Host: x\r\nX-Forwarded-For: 3.3.3.3\r\n");
    assert_eq!(world.ask(&lie).status, 429);
    // Of IPv6 all of a network are one.
    assert_eq!([1, 2, 3].map(|host| at(&mut world, &format!("2001:db8::{host}")).status), [200, 200, 429]);
    assert_eq!(world.core.stats().counters.handshakes_over_address, 4);
    // Whoever opens and closes has so many in a second.
    let lives = |world: &mut World| {
        world.peer = Some("192.0.2.9".parse().unwrap());
        let mut wire = world.raw(UPGRADE.as_bytes());
        world.settle();
        let status = world.answer(&mut wire).status;
        world.net.end(wire.id, End::Reset);
        world.settle();
        status
    };
    assert_eq!([(); 5].map(|()| lives(&mut world)), [101, 101, 101, 429, 429]);
    world.run(1_000);
    assert_eq!(lives(&mut world), 101);
    // Who has gone leaves room.
    world.run(60_000);
    assert_eq!(at(&mut world, "192.0.2.1").status, 200);
}

#[test]
fn ten_thousand_come_back_at_once_and_all_are_let_in_in_their_turn() {
    const CLIENTS: usize = 10_000;
    let config = limits(|limits| limits.max_handshakes_per_second = 2_000);
    let mut world = World::new(config);
    let (watcher, _) = world.joined(true);
    let mut due = vec![0; CLIENTS];
    let first = world.clients.len();
    for _ in 0..CLIENTS {
        world.client();
    }
    let mut joined = 0;
    let begin = world.now;
    while joined < CLIENTS {
        let mut arrived = 0;
        for (at, due) in due.iter_mut().enumerate() {
            let at = first + at;
            if world.clients[at].carrier == Carrier::None && *due <= world.now {
                world.open_websocket(at);
                arrived += 1;
            }
        }
        world.settle();
        let mut admitted = 0;
        for (at, due) in due.iter_mut().enumerate() {
            let client = &mut world.clients[first + at];
            if let Some(refused) = client.responses.iter().find(|response| response.status == 503) {
                *due = world.now + 1_000 * refused.header("retry-after").unwrap().parse::<u64>().unwrap();
                client.leave(&mut world.net, Some(End::Fin));
                *client = Client::new(ROOM);
            } else if client.ws_open && client.outbox.is_empty() && client.inbox.is_empty() {
                client.send_text(&mut world.net, "40");
                admitted += 1;
            }
        }
        assert!(admitted <= 2_000, "{admitted} of {arrived} in one second");
        world.settle();
        let connects = world.take_seen().into_iter().filter_map(|event| match event {
            Seen::Connect { socket, .. } => Some(socket),
            _ => None,
        });
        for socket in connects.collect::<Vec<_>>() {
            world.core.join(socket, "lobby").unwrap();
            joined += 1;
        }
        // Those who are in hear each other meanwhile.
        let ns = root(&world);
        world.core.emit(Target::all(ns), Message::new("still", "[]")).unwrap();
        world.settle();
        world.run(1_000);
        assert!(world.now - begin <= 30_000, "{joined} of {CLIENTS} after {} ms", world.now - begin);
    }
    // No slower than the rate allows.
    assert!(world.now - begin <= 6_000, "{} ms", world.now - begin);
    let still = world.clients[watcher].events().len() as u64;
    assert_eq!(still, (world.now - begin) / 1_000);
    let ns = root(&world);
    assert_eq!(world.core.members(ns, "lobby").unwrap().count(), CLIENTS);
    world.core.emit(Target::rooms(ns, &["lobby"]), Message::new("welcome", "[]")).unwrap();
    world.settle();
    let welcomed = |client: &&Client| client.events().contains(&("/", r#"["welcome"]"#));
    assert_eq!(world.clients.iter().filter(welcomed).count(), CLIENTS);
}

// ---- readers that stop ----

/// A thousand members of which `stalled` stop reading; one message of a class in each of `ticks` turns. Returns the world,
/// the stalled ones, and how many messages each of the others got.
fn with_stalled(stalled: usize, delivery: Delivery, ticks: usize) -> (World, Vec<(usize, SocketId)>) {
    const BOUND: usize = 20_000;
    const MESSAGE: usize = 1_000;
    let mut world = World::new(limits(|limits| limits.max_backlog = BOUND));
    let all: Vec<(usize, SocketId)> = (0..1_000).map(|_| world.joined(true)).collect();
    let ns = root(&world);
    let asleep: Vec<(usize, SocketId)> = all.iter().copied().step_by(1_000 / stalled).collect();
    for &(at, _) in &asleep {
        world.clients[at].reads = false;
        world.net.pipes[world.clients[at].ws.as_ref().unwrap().id].room = 5_000;
    }
    world.take_seen();
    let args = format!("[\"{}\"]", "x".repeat(MESSAGE - 2));
    for tick in 1..=ticks {
        world.core.emit(Target::all(ns), Message::new("m", &args).delivery(delivery)).unwrap();
        let sends = world.net.sends;
        world.settle();
        let awake = || all.iter().filter(|one| !asleep.contains(one));
        assert!(awake().all(|&(at, _)| world.clients[at].events().len() == tick), "tick {tick}");
        // Whoever stalls costs no more calls than anybody else, however often the loop turns.
        assert!(world.net.sends - sends <= 1_000);
        let queued = world.core.stats().queued_bytes;
        assert!(queued <= stalled * (BOUND + MESSAGE + 20), "{queued} bytes for {stalled}");
    }
    (world, asleep)
}

/// How many messages the stalled ones get when they read again.
fn read_again(world: &mut World, stalled: &[(usize, SocketId)]) -> Vec<usize> {
    for &(at, _) in stalled {
        world.clients[at].reads = true;
    }
    for _ in 0..100 {
        world.settle();
    }
    stalled.iter().map(|&(at, _)| world.clients[at].events().len()).collect()
}

#[test]
fn those_who_stop_reading_hold_up_nobody_and_each_class_does_what_it_says() {
    for stalled in [1, 100] {
        let ends = |world: &mut World| {
            let seen = world.take_seen();
            let slow = |event: &&Seen| matches!(event, Seen::Disconnect { reason: Reason::SlowConsumer, .. });
            seen.iter().filter(slow).count()
        };
        // Closed at the bound: 4 messages are in the kernel, 20 fit, and the next is one too many.
        let (mut world, _) = with_stalled(stalled, Delivery::Reliable, 24);
        assert_eq!(ends(&mut world), 0);
        let (mut world, _) = with_stalled(stalled, Delivery::Reliable, 27);
        assert_eq!(ends(&mut world), stalled);
        assert_eq!(world.core.stats().counters.slow_consumers, stalled as u64);

        let (mut world, asleep) = with_stalled(stalled, Delivery::Volatile, 30);
        let got = read_again(&mut world, &asleep);
        assert!(got.iter().all(|&got| got == 5), "{got:?}");
        assert_eq!(world.core.stats().counters.dropped_volatile, 25 * stalled as u64);

        let (mut world, asleep) = with_stalled(stalled, Delivery::Latest(7), 30);
        let got = read_again(&mut world, &asleep);
        assert!(
            got.iter().all(|&got| got == 6),
            "what the kernel had, the one that was cut, the newest: {got:?}"
        );
        assert_eq!(world.core.stats().counters.replaced_latest, 24 * stalled as u64);

        let (mut world, asleep) = with_stalled(stalled, Delivery::DropOldest, 40);
        let got = read_again(&mut world, &asleep);
        let dropped = world.core.stats().counters.dropped_oldest;
        assert_eq!(got.iter().sum::<usize>() as u64 + dropped, 40 * stalled as u64);
        assert!(got.iter().all(|&got| got >= 20), "{got:?}");
        assert_eq!(ends(&mut world), 0);
    }
}

// ---- clients that dawdle ----

/// Sends a little more of `rest` on each wire that still goes, as slowly as it can.
fn trickle(world: &mut World, wires: &[Wire], rest: &[u8], round: usize) {
    for wire in wires {
        if world.net.pipes[wire.id].server_end.is_none() {
            world.net.write(wire.id, &rest[round % rest.len()..][..1]);
        }
    }
}

#[test]
fn a_thousand_slow_clients_in_each_phase_are_outlived_by_a_chat() {
    const EACH: usize = 1_000;
    let mut world = World::new(Config { connect_timeout: 30_000, ..Config::default() });
    let (a, _) = world.joined(true);
    let (b, _) = world.joined(false);
    let ns = root(&world);

    // Nothing at all; half a request; half a WebSocket's; half a body; an upgrade that goes no further; no namespace; half
    // a frame.
    let silent: Vec<Wire> = (0..EACH).map(|_| world.raw(b"")).collect();
    let head: Vec<Wire> = (0..EACH).map(|_| world.raw(b"GET /socket.io/?EIO=4")).collect();
    let upgrade: Vec<Wire> = (0..EACH).map(|_| world.raw(&UPGRADE.as_bytes()[..120])).collect();
    let sessions: Vec<(Wire, String)> = (0..2 * EACH).map(|_| world.session()).collect();
    let (posting, probing) = sessions.split_at(EACH);
    let body = posting.iter().map(|(_, sid)| {
        let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
        world.raw(format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n4").as_bytes())
    });
    let body: Vec<Wire> = body.collect();
    for (_, sid) in probing {
        world.raw(UPGRADE.replace("websocket HTTP", &format!("websocket&sid={sid} HTTP")).as_bytes());
    }
    let nowhere: Vec<Wire> = (0..EACH).map(|_| world.raw(UPGRADE.as_bytes())).collect();
    let framing: Vec<Wire> = (0..EACH)
        .map(|_| {
            let wire = world.raw(UPGRADE.as_bytes());
            let mut frames = Vec::new();
            parse::masked(1, b"40", &mut frames);
            frames.extend([0x81, 0xfe, 0x03, 0xe8, 1, 2, 3, 4]);
            world.net.write(wire.id, &frames);
            wire
        })
        .collect();
    world.settle();
    let stats = world.core.stats();
    assert_eq!(
        stats.links,
        9 * EACH + 3,
        "silent, head, upgrade, two of each session but one, and the chat's"
    );
    assert_eq!((stats.connections, stats.sockets), (4 * EACH + 2, EACH + 2));

    for second in 0..120 {
        world.run(1_000);
        if second % 5 == 0 {
            trickle(&mut world, &head, b"&transport=polling", second);
            trickle(&mut world, &upgrade, b"x", second);
            trickle(&mut world, &body, b"x", second);
            trickle(&mut world, &framing, b"x", second);
        }
        world.core.emit(Target::all(ns), Message::new("chat", "[]")).unwrap();
        world.settle();
        for at in [a, b] {
            assert_eq!(world.clients[at].events().len(), second + 1);
        }
    }
    let stats = world.core.stats();
    assert_eq!((stats.connections, stats.sockets), (2, 2));
    assert_eq!(stats.links, 3, "nothing is left but the chat");
    let counters = stats.counters;
    assert_eq!(counters.requests_timed_out, 3 * EACH as u64);
    assert_eq!(counters.upgrades_failed, EACH as u64);
    assert_eq!(
        counters.connect_timeouts,
        2 * EACH as u64,
        "those who are nowhere, and those whose upgrade came to nothing"
    );
    assert_eq!(counters.ping_timeouts, EACH as u64, "half a frame answers no ping");
    let ended = |wire: &Wire| world.net.pipes[wire.id].server_end.is_some();
    assert!([silent, head, upgrade, body, nowhere, framing].iter().flatten().all(ended));
}

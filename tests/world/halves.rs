//! Clients that end their sending side behind their last words, and read on: how long they may, and who may not end them.

use crate::world::{Seen, World};
use roomcast::{Config, Limits, Reason, SocketId};

const SECOND: u64 = 1_000;

/// A client whose kernel holds little, and which has asked for something and ended its side. The host has not been told.
fn asking(config: Config) -> (World, usize, SocketId) {
    let mut world = World::new(config);
    let (at, socket) = world.joined(true);
    world.clients[at].reads = false;
    let id = world.clients[at].ws.as_ref().expect("a WebSocket").id;
    world.net.pipes[id].room = 10_000;
    world.drains = false;
    world.text(at, "421[\"ask\"]");
    world.net.half_close(id);
    world.turn();
    world.turn();
    (world, id, socket)
}

/// The host handles what it was asked.
fn answer(world: &mut World, socket: SocketId, size: usize) {
    world.drains = true;
    world.turn();
    assert!(
        world.seen.iter().any(|seen| matches!(seen, Seen::Message { ack: Some(1), .. })),
        "{:?}",
        world.seen
    );
    world.core.ack(socket, 1, &format!("[\"{}\"]", "x".repeat(size)), &[]).expect("it is there");
    world.turn();
}

fn left(world: &World) -> Option<Reason> {
    world.seen.iter().find_map(|seen| match seen {
        Seen::Disconnect { reason, .. } => Some(*reason),
        _ => None,
    })
}

fn patient() -> Config {
    Config { limits: Limits { max_backlog: 1 << 30, ..Limits::default() }, ..Config::default() }
}

/// Reads a little every few seconds, until nothing comes any more.
fn read_slowly(world: &mut World, id: usize, most: usize) -> Vec<u8> {
    let mut got = Vec::new();
    loop {
        let before = got.len();
        world.net.read(id, 10_000, &mut got);
        if got.len() == before || got.len() >= most {
            return got;
        }
        world.run(5 * SECOND);
    }
}

#[test]
fn an_answer_takes_as_long_as_its_reader() {
    for drained in [false, true] {
        let (mut world, id, socket) = asking(patient());
        answer(&mut world, socket, 1_000_000);
        if drained {
            world.core.drain(1_000, "").expect("a good pace");
        }
        let got = read_slowly(&mut world, id, usize::MAX);
        assert!(got.len() > 1_000_000, "{} bytes, drained {drained}", got.len());
        let reason = if drained { Reason::ServerShuttingDown } else { Reason::TransportClose };
        assert_eq!(left(&world), Some(reason));
        world.net.end(id, crate::net::End::Fin);
        world.settle();
        world.assert_empty(1);
    }
}

#[test]
fn one_that_stops_reading_ends_in_time() {
    for drained in [false, true] {
        let config = patient();
        let patience =
            if drained { config.limits.close_timeout } else { config.ping_interval + config.ping_timeout };
        let (mut world, id, socket) = asking(config);
        answer(&mut world, socket, 1_000_000);
        if drained {
            world.core.drain(1_000, "").expect("a good pace");
        }
        read_slowly(&mut world, id, 300_000);
        // What it took last may have begun another round.
        world.run(2 * patience);
        let reason = if drained { Reason::ServerShuttingDown } else { Reason::PingTimeout };
        assert_eq!(left(&world), Some(reason));
        world.net.end(id, crate::net::End::Fin);
        world.run(Limits::default().close_timeout);
        world.assert_empty(1);
    }
}

#[test]
fn a_drain_waits_for_what_the_host_has_to_say() {
    let (mut world, id, socket) = asking(Config::default());
    world.core.drain(1_000, "").expect("a good pace");
    for _ in 0..3 {
        world.now += SECOND;
        world.turn();
    }
    answer(&mut world, socket, 1);
    world.run(SECOND);
    let mut got = Vec::new();
    world.net.read(id, usize::MAX, &mut got);
    assert!(got.ends_with(b"431[\"x\"]"), "{:?}", String::from_utf8_lossy(&got));
    assert_eq!(left(&world), Some(Reason::TransportClose));
    assert!(world.seen.contains(&Seen::Drained));
    world.assert_empty(1);
}

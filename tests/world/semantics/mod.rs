//! What an operation means: section 2 of the design, at the core, one test for each sentence.

use crate::client::{Carrier, Out};
use crate::limits::reached;
use crate::net::End;
use crate::world::{ROOM, Seen, World, limits, root};
use roomcast::{
    Config, Delivery, Error, Limits, Message, NamespaceId, NamespaceOptions, PatternOptions, Reason,
    RoomChange, SocketId, Target,
};

mod acks;
mod admission;
mod asking;
mod clocks;
mod closing;
mod delivery;
mod order;
mod targets;
mod upgrade;

/// A bound of 1,000 bytes.
fn small_backlog() -> Config {
    limits(|limits| limits.max_backlog = 1_000)
}

impl World {
    fn say(&mut self, target: Target<'_>, text: &str, delivery: Delivery) -> roomcast::Receipt {
        self.core.emit(target, Message::new("m", &format!("[\"{text}\"]")).delivery(delivery)).unwrap()
    }

    fn tell(&mut self, socket: SocketId, text: &str) {
        let ns = self.core.namespace_of(socket).unwrap();
        self.say(Target::sockets(ns, &[socket]), text, Delivery::Reliable);
    }

    fn words(&self, at: usize) -> String {
        let words = self.clients[at].events().into_iter().map(|(_, data)| {
            let value: serde_json::Value = serde_json::from_str(data).unwrap();
            value[1].as_str().unwrap().chars().take(12).collect::<String>()
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn disconnects(&mut self) -> Vec<(SocketId, Reason)> {
        let seen = self.take_seen().into_iter();
        let ends = seen.filter_map(|event| match event {
            Seen::Disconnect { socket, reason, .. } => Some((socket, reason)),
            _ => None,
        });
        ends.collect()
    }
}

const BOTH: [bool; 2] = [true, false];

/// A client whose kernel takes 64 more bytes and which does not read; then it has something in its backlog.
fn stalled(websocket: bool, config: Config) -> (World, usize, SocketId) {
    let mut world = World::new(config);
    let (a, socket) = world.joined(websocket);
    stall(&mut world, a);
    (world, a, socket)
}

fn stall(world: &mut World, at: usize) {
    let client = &mut world.clients[at];
    client.reads = false;
    let full: Vec<usize> = client.wires().map(|wire| wire.id).collect();
    for id in full {
        world.net.pipes[id].room = 64;
    }
}

fn go_on(world: &mut World, at: usize) {
    world.clients[at].reads = true;
    let ids: Vec<usize> = world.clients[at].wires().map(|wire| wire.id).collect();
    for id in ids {
        world.net.pipes[id].room = ROOM;
        world.net.busy.push(id);
    }
    for _ in 0..4 {
        world.pump();
        world.settle();
    }
}

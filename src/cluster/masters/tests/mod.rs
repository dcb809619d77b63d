//! A Redis Cluster in the test, under a clock of its own: it does what it is told, and slots move, servers go and connections are cut
//! when the test says so. It must not wait for anything.

mod faults;
mod hostile;
mod model;
mod server;
mod talk;

use super::*;
use crate::engine::bus::Bus;
use server::{Connection, Servers, parse};
use std::collections::BTreeMap;

struct World {
    masters: Masters,
    now: Millis,
    servers: Servers,
    /// Those that are open, by their numbers.
    open: BTreeMap<usize, Connection>,
    heard: Vec<String>,
}

impl World {
    fn new(seeds: &str, random: u64) -> Self {
        let options = RedisOptions::parse(&format!("redis+cluster://{seeds}")).unwrap();
        let masters = Masters::new(&options, options.seeds().unwrap(), random);
        let (servers, open) = (Servers::new(), BTreeMap::new());
        Self { masters, now: 1_000_000, servers, open, heard: Vec::new() }
    }

    /// One that is up, and whose scout has had its answer.
    fn up() -> Self {
        let mut world = Self::new("a:1,b:1", 1);
        world.run();
        assert_eq!(world.heard(), ["up"]);
        world
    }

    /// Time passes, and what is due is opened and closed.
    fn pass(&mut self, time: Millis) {
        self.now += time;
        self.masters.tick(self.now);
        self.hang_up();
        while let Some((number, Endpoint::Tcp(host, _))) = self.masters.dial() {
            assert!(!self.open.contains_key(&number), "it is open");
            if self.servers.gone.contains(&host) {
                self.masters.closed(number, "it is gone");
            } else {
                self.open.insert(number, Connection::to(&host));
                self.masters.connected(number);
            }
        }
    }

    fn hang_up(&mut self) {
        while let Some(number) = self.masters.hung_up() {
            self.open.remove(&number);
        }
    }

    /// A part of the output is taken, and the server carries out what it has whole.
    fn send(&mut self, number: usize, count: usize) {
        let Some(connection) = self.open.get_mut(&number) else { return };
        let output = self.masters.output(number);
        let count = count.min(output.len());
        connection.received.extend_from_slice(&output[..count]);
        self.masters.sent(number, count);
        for words in parse(&mut connection.received) {
            self.servers.carry_out(&mut self.open, number, &words);
        }
    }

    /// A part of the answers arrives.
    fn deliver(&mut self, number: usize, count: usize) {
        let Some(connection) = self.open.get_mut(&number) else { return };
        let count = count.min(connection.answers.len());
        let part: Vec<u8> = connection.answers.drain(..count).collect();
        if !part.is_empty() {
            self.masters.received(number, &part);
        }
    }

    /// The node looks at one thing that was heard.
    fn hear_one(&mut self) -> bool {
        let Some(event) = self.masters.next() else { return false };
        self.heard.push(text(&event));
        true
    }

    /// Goes on until nothing happens any more without time.
    fn run(&mut self) {
        for _ in 0..100 {
            self.pass(0);
            let numbers: Vec<usize> = self.open.keys().copied().collect();
            let mut quiet = true;
            for number in numbers {
                quiet &= self.masters.output(number).is_empty();
                self.send(number, usize::MAX);
            }
            let numbers: Vec<usize> = self.open.keys().copied().collect();
            for number in numbers {
                quiet &= self.open[&number].answers.is_empty();
                self.deliver(number, usize::MAX);
            }
            while self.hear_one() {}
            self.hang_up();
            assert!(!self.masters.has_news());
            if quiet {
                return;
            }
        }
        panic!("it never rests: {:?}", self.heard);
    }

    /// Lets so much time pass, in small steps.
    fn run_for(&mut self, time: Millis) {
        for _ in 0..time / 50 {
            self.pass(50);
            self.run();
        }
    }

    fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.heard)
    }

    /// All connections to a server are cut.
    fn cut(&mut self, place: &str) {
        let numbers: Vec<usize> =
            self.open.iter().filter(|(_, it)| it.place == place).map(|(&number, _)| number).collect();
        for number in numbers {
            self.open.remove(&number);
            self.masters.closed(number, "cut");
        }
    }

    /// A server dies.
    fn kill(&mut self, place: &str) {
        self.servers.gone.insert(place.into());
        self.cut(place);
    }

    /// A slot moves, as those who listen to it are told.
    fn move_slot(&mut self, slot: u16, to: &str) {
        self.servers.move_slots(&mut self.open, slot..=slot, to);
    }

    fn publish(&mut self, channel: &str, payload: &str) -> Published {
        self.masters.publish(Subscription::Shard, channel.as_bytes(), payload.as_bytes(), false)
    }

    fn listen(&mut self, channel: &str) {
        self.masters.subscribe(Subscription::Shard, channel.as_bytes());
    }

    /// Who listens at a server to what.
    fn listening(&self, place: &str) -> Vec<String> {
        let at = self.open.values().filter(|connection| connection.place == place);
        at.flat_map(|connection| connection.subscribed.iter().map(|(_, name)| name.clone())).collect()
    }
}

fn text(event: &RedisEvent<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match event {
        RedisEvent::Up { lost: None } => "up".into(),
        RedisEvent::Up { lost: Some(_) } => "up again".into(),
        RedisEvent::Down { why } => format!("down: {why}"),
        RedisEvent::Message { channel, pattern: None, payload } => {
            format!("{}: {}", text(channel), text(payload))
        }
        RedisEvent::Message { channel, payload, .. } => {
            format!("{} (pattern): {}", text(channel), text(payload))
        }
        RedisEvent::Reply { token, reply } => match reply {
            crate::wire::resp::Reply::List(items) => match items.clone().nth(1) {
                Some(number) => format!("{token} = {number:?}"),
                None => format!("{token} = None"),
            },
            other => format!("{token} = {other:?}"),
        },
        RedisEvent::Failed { token, why } => format!("{token} failed: {why}"),
        RedisEvent::Entry(entry) => format!("entry: {}", text(entry.field(b"k").unwrap_or_default())),
        RedisEvent::Refused { kind, name, why } => format!("{kind:?} {} refused: {why}", text(name)),
        RedisEvent::Unpublished { why } => format!("unpublished: {why}"),
    }
}

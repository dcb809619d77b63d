//! Who hears what, by the plainest means, against five nodes and a Redis that does not always do as it should.

use super::{NODES, Nodes};
use crate::world::{News, Seen, root};
use roomcast::{ClusterFormat, Message, NamespaceOptions, SubscriptionMode, Target};
use std::collections::{BTreeMap, BTreeSet};

/// Clients of each node.
const CLIENTS: usize = 3;
const ROOMS: [&str; 4] = ["a", "b*", "c#d", "12345678901234567890"];

struct Client {
    node: usize,
    /// In its world.
    at: usize,
    sid: String,
    rooms: BTreeSet<&'static str>,
    /// Events that were looked at.
    read: usize,
}

/// Something that was emitted.
struct Said {
    node: usize,
    to: BTreeSet<usize>,
    local: bool,
}

struct Model {
    nodes: Nodes,
    clients: Vec<Client>,
    said: Vec<Said>,
}

impl Model {
    fn new(format: ClusterFormat, room_channels: bool, seed: u64) -> Self {
        let mut nodes = Nodes::new(format, room_channels, seed);
        let mut clients = Vec::new();
        for node in 0..NODES {
            let world = &mut nodes.worlds[node];
            world.core.add_namespace("/", NamespaceOptions::default()).unwrap();
            for _ in 0..CLIENTS {
                let (at, socket) = world.joined(true);
                world.clients[at].acks = true;
                let sid = world.core.socket_sid(socket).unwrap().to_owned();
                clients.push(Client { node, at, sid, rooms: BTreeSet::new(), read: 0 });
            }
        }
        let mut model = Self { nodes, clients, said: Vec::new() };
        model.wait_until_up();
        model
    }

    fn wait_until_up(&mut self) {
        for _ in 0..600 {
            self.nodes.run(50);
            let down = |counters: roomcast::Counters| counters.cluster_connects == 0;
            if self.nodes.worlds.iter().all(|world| !down(world.core.stats().counters))
                && self.all_count_five()
            {
                return;
            }
        }
        panic!("the nodes do not find each other");
    }

    /// Each node knows of all, and hears all: what it asks is answered by everybody.
    fn all_count_five(&mut self) -> bool {
        (0..NODES).all(|node| {
            let ns = root(&self.nodes.worlds[node]);
            self.nodes.worlds[node].take_seen();
            self.nodes.worlds[node].core.fetch_remote_sockets(Target::all(ns), 0, 1).unwrap();
            self.nodes.settle();
            let seen = self.nodes.worlds[node].take_seen();
            let found = seen.iter().filter(|it| matches!(it, Seen::News(News::Socket(1, _)))).count();
            found == (NODES - 1) * CLIENTS && seen.contains(&Seen::News(News::End(1, Some(0))))
        })
    }

    fn members(&self, rooms: &[&'static str], except: &[&'static str]) -> BTreeSet<usize> {
        let is_in = |client: &Client, rooms: &[&str]| rooms.iter().any(|room| client.rooms.contains(room));
        let fits = |client: &Client| (rooms.is_empty() || is_in(client, rooms)) && !is_in(client, except);
        self.clients.iter().enumerate().filter(|(_, it)| fits(it)).map(|(number, _)| number).collect()
    }

    fn some_rooms(&mut self, most: usize) -> Vec<&'static str> {
        let count = self.nodes.rng.usize(0..=most);
        (0..count).map(|_| ROOMS[self.nodes.rng.usize(..ROOMS.len())]).collect()
    }

    /// Some node emits something to somebody.
    fn say(&mut self) {
        let node = self.nodes.rng.usize(..NODES);
        let (rooms, except) = (self.some_rooms(2), self.some_rooms(1));
        let (local, volatile) = (self.nodes.rng.u8(..4) == 0, self.nodes.rng.u8(..4) == 0);
        let mut to = self.members(&rooms, &except);
        if local {
            to.retain(|&client| self.clients[client].node == node);
        }
        let world = &mut self.nodes.worlds[node];
        let ns = root(world);
        let target = if rooms.is_empty() { Target::all(ns) } else { Target::rooms(ns, &rooms) };
        let args = format!("[{}]", self.said.len());
        let message = Message::new("n", &args);
        let message = if local { message.local() } else { message };
        let message = if volatile { message.volatile() } else { message };
        world.core.emit(target.except_rooms(&except), message).unwrap();
        self.said.push(Said { node, to, local });
    }

    /// Somebody joins or leaves a room, by a word of any node.
    fn move_somebody(&mut self) {
        let node = self.nodes.rng.usize(..NODES);
        let (number, room) =
            (self.nodes.rng.usize(..self.clients.len()), ROOMS[self.nodes.rng.usize(..ROOMS.len())]);
        let joins = self.nodes.rng.bool();
        let client = &mut self.clients[number];
        if joins {
            client.rooms.insert(room)
        } else {
            client.rooms.remove(room)
        };
        let world = &mut self.nodes.worlds[node];
        let (ns, sid) = (root(world), [&*client.sid]);
        let target = Target::rooms(ns, &sid);
        if joins {
            world.core.sockets_join(target, &[room])
        } else {
            world.core.sockets_leave(target, &[room])
        }
        .unwrap();
    }

    /// What each client has heard since the last look: the numbers of what was said.
    fn heard(&mut self) -> Vec<Vec<usize>> {
        let Self { nodes, clients, .. } = self;
        let of = |client: &mut Client| {
            let events = nodes.worlds[client.node].clients[client.at].events();
            let new = events[client.read..].iter().filter_map(|(_, data)| {
                let number = data.strip_prefix(r#"["n","#)?.strip_suffix(']')?;
                Some(number.parse().unwrap())
            });
            let new = new.collect();
            client.read = events.len();
            new
        };
        clients.iter_mut().map(of).collect()
    }

    /// All is well: everybody hears what is for them, once, and of each node in its order.
    fn in_peace(&mut self) {
        for _ in 0..self.nodes.rng.usize(0..4) {
            self.move_somebody();
            self.nodes.settle();
        }
        self.heard();
        let from = self.said.len();
        for _ in 0..self.nodes.rng.usize(1..12) {
            self.say();
        }
        self.nodes.settle();
        for (number, heard) in self.heard().into_iter().enumerate() {
            let mut sorted = heard.clone();
            sorted.sort_unstable();
            let wanted: Vec<_> =
                (from..self.said.len()).filter(|&n| self.said[n].to.contains(&number)).collect();
            assert_eq!(sorted, wanted, "client {number}");
            self.in_order(&heard, number);
        }
    }

    /// Of each node's words, and of each way that they can take, the later come later.
    fn in_order(&self, heard: &[usize], number: usize) {
        let mut last = BTreeMap::new();
        for &n in heard {
            let before = last.insert(self.said[n].node, n);
            assert!(before.is_none_or(|before| before <= n), "client {number} hears {n} behind {before:?}");
        }
    }

    /// Something goes wrong on the way.
    fn in_trouble(&mut self) {
        self.heard();
        let from = self.said.len();
        self.nodes.redis.doubles = self.nodes.rng.u8(..4) == 0;
        for _ in 0..self.nodes.rng.usize(5..30) {
            let open = self.nodes.redis.open_ones();
            match self.nodes.rng.u8(..8) {
                0 if !open.is_empty() => {
                    let at = self.nodes.rng.usize(..open.len());
                    self.nodes.cut(open[at]);
                }
                1 if !open.is_empty() => {
                    let until = self.nodes.now + self.nodes.rng.u64(..3_000);
                    let at = self.nodes.rng.usize(..open.len());
                    self.nodes.held.insert(open[at], until);
                }
                2 => self.nodes.frozen = self.nodes.rng.bool().then(|| self.nodes.rng.usize(..NODES)),
                3 if self.nodes.rng.u8(..4) == 0 => {
                    self.nodes.crash();
                    self.nodes.redis.runs = self.nodes.rng.bool();
                }
                4 => self.nodes.redis.runs = true,
                _ => {}
            }
            self.say();
            // Its own clients have it at once, whatever the others do.
            let said = self.said.len() - 1;
            let node = self.said[said].node;
            if self.nodes.frozen != Some(node) {
                self.nodes.worlds[node].settle();
                for number in self.said[said].to.clone() {
                    let client = &self.clients[number];
                    if client.node == node {
                        let events = self.nodes.worlds[node].clients[client.at].events();
                        let data = format!(r#"["n",{said}]"#);
                        assert_eq!(
                            events.iter().filter(|(_, it)| *it == data).count(),
                            1,
                            "{said} at client {number}"
                        );
                    }
                }
            }
            let time = self.nodes.rng.u64(..200);
            self.nodes.run(time);
        }
        self.questions_end();
        self.heal();
        for (number, heard) in self.heard().into_iter().enumerate() {
            let client = &self.clients[number];
            let mut count = BTreeMap::<usize, usize>::new();
            for &n in heard.iter().filter(|&&n| n >= from) {
                let said = &self.said[n];
                assert!(said.to.contains(&number), "client {number} hears {n}, which is not for it");
                assert!(!said.local || said.node == client.node);
                *count.entry(n).or_default() += 1;
            }
            for (n, times) in count {
                let own = self.said[n].node == client.node;
                assert!(times == 1 || (!own && times == 2), "client {number} hears {n} {times} times");
            }
            // Those of the own node go no way that could lose them.
            let own = |n: &usize| self.said[*n].node == client.node && self.said[*n].to.contains(&number);
            let wanted: Vec<_> = (from..self.said.len()).filter(own).collect();
            let heard: Vec<_> = heard.into_iter().filter(|n| *n >= from && own(n)).collect();
            assert_eq!(heard, wanted, "client {number}, of its own node");
        }
    }

    /// Whatever has become of the others, what a node asks is over when its time is.
    fn questions_end(&mut self) {
        let asks: Vec<usize> = (0..NODES).filter(|&node| self.nodes.frozen != Some(node)).collect();
        for &node in &asks {
            let world = &mut self.nodes.worlds[node];
            let ns = root(world);
            world.take_seen();
            world.core.fetch_remote_sockets(Target::all(ns), 0, 1).unwrap();
            world.core.ask_nodes(ns, "q", "[]", &[], 0, 2).unwrap();
            world.core.count_nodes(ns, 3).unwrap();
            world.core.emit_with_ack(Target::all(ns), Message::new("ask", "[]"), Some(1_000), 4).unwrap();
        }
        self.nodes.run(1_500);
        for node in asks {
            let seen = self.nodes.worlds[node].take_seen();
            let ends = |context| {
                let is_end = |it: &&Seen| match it {
                    Seen::News(News::End(of, _) | News::Nodes(of, _)) => *of == context,
                    Seen::AckEnd { context: of, .. } => *of == context,
                    _ => false,
                };
                seen.iter().filter(is_end).count()
            };
            let all_answered = |context| {
                seen.iter()
                    .any(|it| matches!(it, Seen::Ack { context: of, remaining: 0, .. } if *of == context))
                    || seen.iter().any(|it| matches!(it, Seen::News(News::Ack(of, 0)) if *of == context))
            };
            assert_eq!([ends(1), ends(2), ends(3)], [1, 1, 1], "node {node}: {seen:?}");
            assert!(ends(4) == 1 || all_answered(4), "node {node}: {seen:?}");
        }
    }

    /// All is well again: so are the nodes, soon.
    fn heal(&mut self) {
        self.nodes.frozen = None;
        self.nodes.held.clear();
        self.nodes.redis.runs = true;
        self.nodes.settle();
        self.nodes.redis.doubles = false;
        self.wait_until_up();
    }
}

/// Says which seed it was when a run fails.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with {}", self.0);
        }
    }
}

/// `WORLD_SEED` is the first seed and the only one, unless `WORLD_RUNS` says how many there are.
fn play(name: &str, format: ClusterFormat, room_channels: bool) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, runs) = (number("WORLD_SEED"), number("WORLD_RUNS"));
    let first_seed = first.unwrap_or(0);
    for seed in first_seed..first_seed + runs.unwrap_or(if first.is_some() { 1 } else { 6 }) {
        let _named = Named(format!("{name}, WORLD_SEED={seed}"));
        let mut model = Model::new(format, room_channels, seed);
        for _ in 0..4 {
            model.in_peace();
            model.in_trouble();
        }
        model.in_peace();
    }
}

#[test]
fn five_nodes_with_patterns() {
    play("patterns", ClusterFormat::PubSub, false);
}

#[test]
fn five_nodes_with_channels_for_rooms() {
    play("channels for rooms", ClusterFormat::PubSub, true);
}

#[test]
fn five_nodes_of_the_sharded_format() {
    for mode in [SubscriptionMode::Dynamic, SubscriptionMode::Static, SubscriptionMode::DynamicPrivate] {
        play(&format!("sharded, {mode:?}"), ClusterFormat::Sharded(mode), false);
    }
}

#[test]
fn five_nodes_of_the_streams_format() {
    play("streams", ClusterFormat::Streams, false);
}

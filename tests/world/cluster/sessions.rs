//! Clients that lose their connections and come back to any of five nodes, while all of these talk: everybody hears all that was for it,
//! and nothing again that is up to the place from which it goes on.

use super::{NODES, Nodes};
use crate::net::End;
use crate::world::root;
use roomcast::{ClusterFormat, Message, NamespaceOptions, Target};
use std::collections::{BTreeMap, BTreeSet};

const PLAYERS: usize = 8;
const ROOMS: [&str; 3] = ["a", "b", "c"];

/// One client, over all of its connections.
struct Player {
    node: usize,
    /// In its node's world.
    at: usize,
    sid: String,
    pid: String,
    rooms: BTreeSet<&'static str>,
    offset: Option<String>,
    /// Numbers of what it has heard, in order, each with the offset that it went on from before.
    heard: Vec<(usize, u64)>,
    /// What is for it.
    due: BTreeSet<usize>,
    gone: bool,
}

struct Run {
    nodes: Nodes,
    players: Vec<Player>,
    said: usize,
    /// Clients that came back, and messages that came twice.
    returns: usize,
    twice: usize,
}

/// The number of a place in the stream: in this Redis there is one in a millisecond.
fn place(offset: &str) -> u64 {
    offset.split('-').next().unwrap().parse().unwrap()
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut nodes = Nodes::new(ClusterFormat::Streams, false, seed);
        for world in &mut nodes.worlds {
            let options = NamespaceOptions { recovery: true, ..NamespaceOptions::default() };
            world.core.add_namespace("/", options).unwrap();
        }
        nodes.run(500);
        let mut run = Self { nodes, players: Vec::new(), said: 0, returns: 0, twice: 0 };
        for _ in 0..PLAYERS {
            let node = run.nodes.rng.usize(..NODES);
            let (at, sid, pid) = run.connect(node, "");
            let (rooms, heard, due) = Default::default();
            run.players.push(Player { node, at, sid, pid, rooms, offset: None, heard, due, gone: false });
        }
        run.nodes.settle();
        run
    }

    /// A client's CONNECT to a node, and its answer's ids, when that is there.
    fn connect(&mut self, node: usize, auth: &str) -> (usize, String, String) {
        let at = {
            let world = &mut self.nodes.worlds[node];
            world.now = self.nodes.now;
            let at = world.client();
            world.open_websocket(at);
            world.settle();
            world.text(at, &format!("40{auth}"));
            at
        };
        for _ in 0..200 {
            self.nodes.worlds[node].settle();
            let inbox = &self.nodes.worlds[node].clients[at].inbox;
            if let Some(connect) = inbox.iter().rfind(|packet| packet.kind == '0') {
                let text = |key: &str| connect.json()[key].as_str().expect("an id").to_owned();
                return (at, text("sid"), text("pid"));
            }
            // Others go on meanwhile.
            if self.nodes.rng.bool() {
                self.say();
            }
            let node = self.nodes.rng.usize(..NODES);
            self.nodes.turn(node);
            self.nodes.redis.answer_reads();
            if self.nodes.rng.u8(..4) == 0 {
                self.nodes.now += 1;
                self.nodes.redis.now = self.nodes.now;
            }
        }
        self.nodes.settle();
        let inbox = &self.nodes.worlds[node].clients[at].inbox;
        let connect = inbox.iter().rfind(|packet| packet.kind == '0').expect("an answer");
        let text = |key: &str| connect.json()[key].as_str().expect("an id").to_owned();
        (at, text("sid"), text("pid"))
    }

    fn say(&mut self) {
        let node = self.nodes.rng.usize(..NODES);
        let mut rooms: Vec<&str> = ROOMS.into_iter().filter(|_| self.nodes.rng.u8(..3) == 0).collect();
        let except: Vec<&str> = ROOMS.into_iter().filter(|_| self.nodes.rng.u8(..5) == 0).collect();
        let direct = self.players.get(self.nodes.rng.usize(..PLAYERS)).filter(|_| self.nodes.rng.bool());
        let direct = direct.map(|player| player.sid.clone());
        rooms.extend(direct.as_deref());
        for player in &mut self.players {
            let is_in =
                |rooms: &[&str]| rooms.iter().any(|room| player.rooms.contains(room) || *room == player.sid);
            if (rooms.is_empty() || is_in(&rooms)) && !is_in(&except) {
                player.due.insert(self.said);
            }
        }
        let world = &mut self.nodes.worlds[node];
        let ns = root(world);
        let target = if rooms.is_empty() { Target::all(ns) } else { Target::rooms(ns, &rooms) };
        let args = format!("[{}]", self.said);
        world.core.emit(target.except_rooms(&except), Message::new("n", &args)).unwrap();
        self.said += 1;
    }

    /// What a player's connection of now has brought so far.
    fn listen(&mut self, number: usize) {
        let player = &mut self.players[number];
        let from = player.offset.as_deref().map_or(0, place);
        let inbox = &self.nodes.worlds[player.node].clients[player.at].inbox;
        for packet in inbox.iter().filter(|packet| packet.kind == '2') {
            let event = packet.json();
            player.heard.push((event[1].as_u64().expect("a number") as usize, from));
            player.offset = event[2].as_str().map(str::to_owned).or(player.offset.take());
        }
    }

    fn lose(&mut self, number: usize) {
        if self.players[number].gone {
            return;
        }
        self.listen(number);
        let end = if self.nodes.rng.bool() { End::Reset } else { End::Fin };
        let player = &mut self.players[number];
        player.gone = true;
        let world = &mut self.nodes.worlds[player.node];
        let at = player.at;
        world.clients[at].leave(&mut world.net, Some(end));
        world.settle();
    }

    fn come_back(&mut self, number: usize) {
        if !self.players[number].gone {
            return;
        }
        // Its session is left before it is asked for.
        let left = self.players[number].node;
        for _ in 0..200 {
            self.nodes.turn(left);
        }
        let player = &self.players[number];
        let auth = match &player.offset {
            Some(offset) => format!(r#"{{"pid":"{}","offset":"{offset}"}}"#, player.pid),
            None => format!(r#"{{"pid":"{}"}}"#, player.pid),
        };
        let (sid, pid) = (player.sid.clone(), player.pid.clone());
        let node = self.nodes.rng.usize(..NODES);
        let (at, new_sid, new_pid) = self.connect(node, &auth);
        assert_eq!(
            (new_sid, new_pid),
            (sid, pid),
            "player {number} gets its session back, from {left} at {node}"
        );
        let player = &mut self.players[number];
        (player.node, player.at, player.gone) = (node, at, false);
        self.returns += 1;
    }

    /// Somebody joins or leaves, while nothing is on its way that could be before or behind it.
    fn move_somebody(&mut self) {
        self.nodes.settle();
        let (number, room) = (self.nodes.rng.usize(..PLAYERS), ROOMS[self.nodes.rng.usize(..ROOMS.len())]);
        let player = &mut self.players[number];
        let joins = player.rooms.insert(room);
        if !joins {
            player.rooms.remove(room);
        }
        let world = &mut self.nodes.worlds[self.nodes.rng.usize(..NODES)];
        let (ns, sid) = (root(world), [&*player.sid]);
        let target = Target::rooms(ns, &sid);
        if joins {
            world.core.sockets_join(target, &[room])
        } else {
            world.core.sockets_leave(target, &[room])
        }
        .unwrap();
        self.nodes.settle();
    }

    fn play(&mut self) {
        for _ in 0..250 {
            let number = self.nodes.rng.usize(..PLAYERS);
            match self.nodes.rng.u8(..16) {
                0 => self.move_somebody(),
                1 | 2 => self.lose(number),
                3..6 => self.come_back(number),
                6..9 => {
                    let node = self.nodes.rng.usize(..NODES);
                    self.nodes.turn(node);
                }
                9 => self.nodes.settle(),
                10 => {
                    let time = self.nodes.rng.u64(..100);
                    self.nodes.run(time);
                }
                _ => self.say(),
            }
        }
        self.nodes.settle();
        for number in 0..PLAYERS {
            self.come_back(number);
        }
        self.nodes.run(500);
        let places = self.nodes.redis.places();
        for number in 0..PLAYERS {
            self.listen(number);
            let player = &self.players[number];
            let mut times = BTreeMap::new();
            for &(n, from) in &player.heard {
                assert!(player.due.contains(&n), "player {number} hears {n}, which is not for it");
                assert!(places[&n] > from, "player {number} hears {n} again, which is before its offset");
                *times.entry(n).or_insert(0) += 1;
            }
            let heard: BTreeSet<usize> = times.keys().copied().collect();
            let missed: Vec<_> = player.due.difference(&heard).collect();
            assert!(missed.is_empty(), "player {number} misses {missed:?}");
            self.twice += times.values().filter(|&&times| times > 1).count();
        }
    }
}

#[test]
fn whoever_comes_back_to_another_node_misses_nothing() {
    struct Named(u64);
    impl Drop for Named {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with WORLD_SEED={}", self.0);
            }
        }
    }
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, runs) = (number("WORLD_SEED"), number("WORLD_RUNS"));
    let (mut returns, mut twice, mut said) = (0, 0, 0);
    let seeds = first.unwrap_or(0)..first.unwrap_or(0) + runs.unwrap_or(if first.is_some() { 1 } else { 20 });
    for seed in seeds {
        let _named = Named(seed);
        let mut run = Run::new(seed);
        run.play();
        (returns, twice, said) = (returns + run.returns, twice + run.twice, said + run.said);
    }
    println!("{returns} came back; of {said} messages {twice} came to somebody twice");
    assert!(returns > 0 && twice * 50 < said, "{twice} of {said} came twice");
}

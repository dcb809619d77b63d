//! Many clients doing random legal and illegal things while the host does what hosts do, for as long as you like. What
//! the well-behaved ones hear is compared with a naive model of rooms and emits.

use crate::client::{Carrier, Client, Out};
use crate::net::End;
use crate::world::{ROOM, Seen, World};
use fastrand::Rng;
use roomcast::{
    AckId, Config, Delivery, Error, Message, NamespaceId, NamespaceOptions, PatternOptions, Reason, SocketId,
    Target,
};
use std::collections::{BTreeSet, HashMap, HashSet};

/// How long one step is.
const STEP: u64 = 200;
/// Namespaces that stay.
pub(crate) const NAMESPACES: usize = 3;
const NAMES: [&str; 6] = ["/", "/open", "/guarded", "/t-1", "/t-2", "/q-1"];

/// What the model knows of one socket.
struct Member {
    namespace: NamespaceId,
    sid: String,
    rooms: BTreeSet<String>,
    good: bool,
    /// The host has yet to let it in: what is emitted to it waits.
    asking: bool,
    /// What was emitted to it, in order.
    due: Vec<(u64, Delivery)>,
    /// Its place among the living.
    place: usize,
}

#[derive(Default)]
struct Host {
    members: HashMap<SocketId, Member>,
    living: Vec<SocketId>,
    /// What the sockets of well-behaved clients were to get, by their ids, after their end.
    ended: HashMap<String, Vec<(u64, Delivery)>>,
    undecided: Vec<SocketId>,
    acks: HashMap<AckId, HashSet<SocketId>>,
    owed: Vec<(SocketId, u64)>,
    emits: u64,
    checked: u64,
}

/// Whom an operation is about.
#[derive(Debug)]
struct Choice {
    namespace: NamespaceId,
    /// Rooms and sockets; `None` is everybody.
    whom: Option<(Vec<String>, Vec<SocketId>)>,
    except: Vec<SocketId>,
    except_rooms: Vec<String>,
}

impl Choice {
    fn target<R>(&self, f: impl FnOnce(Target<'_>) -> R) -> R {
        fn names(rooms: &[String]) -> Vec<&str> {
            rooms.iter().map(String::as_str).collect()
        }
        let (rooms, except_rooms) = (
            self.whom.as_ref().map(|(rooms, _)| names(rooms)).unwrap_or_default(),
            names(&self.except_rooms),
        );
        let target = match &self.whom {
            None => Target::all(self.namespace),
            Some((_, sockets)) => Target::union(self.namespace, &rooms, sockets),
        };
        f(target.except(&self.except).except_rooms(&except_rooms))
    }

    /// Who that is, as the model has it.
    fn members(&self, host: &Host) -> HashSet<SocketId> {
        let selects = |(&socket, member): (&SocketId, &Member)| {
            let inside = |room: &String| member.rooms.contains(room) || member.sid == *room;
            let named = match &self.whom {
                None => true,
                Some((rooms, sockets)) => sockets.contains(&socket) || rooms.iter().any(inside),
            };
            let excepted = self.except.contains(&socket) || self.except_rooms.iter().any(inside);
            (member.namespace == self.namespace && named && !excepted).then_some(socket)
        };
        host.members.iter().filter_map(selects).collect()
    }
}

/// One client's habits.
#[derive(Clone, Copy)]
struct Agent {
    good: bool,
    next: u64,
    /// Goes on reading then.
    wakes: u64,
    joined: u8,
}

/// Whether a client says that it behaves; those of Engine.IO 3 say it in a query.
fn is_good(auth: &str) -> bool {
    auth == r#"{"good":1}"# || auth == r#"{"good":"1"}"#
}

pub(crate) struct Storm {
    pub(crate) world: World,
    host: Host,
    agents: Vec<Agent>,
    rng: Rng,
}

impl Storm {
    pub(crate) fn new(seed: u64, clients: usize) -> Self {
        let mut config = Config { room_events: true, allow_eio3: true, msgpack: true, ..Config::default() };
        config.limits.max_backlog = 4_000;
        config.limits.max_payload = 2_000;
        config.limits.max_events = 500;
        config.limits.max_namespaces_per_connection = 6;
        config.limits.max_pending_acks = 50;
        config.per_message_deflate = true;
        config.compression_threshold = 80;
        // What a few compressed messages stand for: more is read in the next turns.
        config.limits.read_budget = 4_096;
        let mut world = World::seeded(config, seed);
        world.splits = true;
        world.core.add_namespace("/open", NamespaceOptions::default()).unwrap();
        world
            .core
            .add_namespace("/guarded", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })
            .unwrap();
        world
            .core
            .add_pattern(
                "/t-*",
                PatternOptions { guarded: false, remove_when_empty: true, ..PatternOptions::default() },
            )
            .unwrap();
        world
            .core
            .add_pattern(
                "/q-*",
                PatternOptions { guarded: true, remove_when_empty: true, ..PatternOptions::default() },
            )
            .unwrap();
        let mut storm = Self { world, host: Host::default(), agents: Vec::new(), rng: Rng::with_seed(seed) };
        storm.populate(clients);
        storm
    }

    /// New clients in the place of those that left.
    pub(crate) fn populate(&mut self, clients: usize) {
        self.world.clients = (0..clients).map(|_| Client::new(ROOM)).collect();
        let now = self.world.now;
        let rng = &mut self.rng;
        let agent = |at| Agent { good: at % 3 == 0, next: now + rng.u64(0..20_000), wakes: 0, joined: 0 };
        self.agents = (0..clients).map(agent).collect();
    }

    /// The whole story; afterwards nothing may be left.
    pub(crate) fn play(&mut self, time: u64) {
        let end = self.world.now + time;
        while self.world.now < end {
            for at in 0..self.agents.len() {
                if self.agents[at].next <= self.world.now {
                    self.act(at);
                }
            }
            for _ in 0..self.rng.usize(0..4) {
                self.host_acts();
            }
            self.step();
        }
        // The host falls silent, and all that is on its way arrives.
        for at in 0..self.agents.len() {
            self.world.clients[at].reads = true;
            if self.agents[at].good {
                self.world.clients[at].polls = true;
            }
        }
        for step in 0..60_000 / STEP {
            if step % (10_000 / STEP) == 0 {
                (0..self.agents.len()).for_each(|at| self.beat(at));
            }
            self.step();
        }
        for at in 0..self.agents.len() {
            if self.agents[at].good {
                self.check(at, true);
            }
            self.leave(at);
        }
        for _ in 0..400_000 / STEP {
            self.step();
        }
        assert!(self.host.members.is_empty() && self.host.acks.is_empty());
        self.world.assert_empty(NAMESPACES);
        let counters = self.world.core.stats().counters;
        assert!(self.host.checked > 0, "{counters:?}");
    }

    /// Gives back all that it keeps for itself, as far as it can.
    pub(crate) fn forget(&mut self) {
        self.world.clients = Vec::new();
        self.world.net = Default::default();
        self.world.seen = Vec::new();
        self.host = Host { emits: self.host.emits, ..Host::default() };
    }

    pub(crate) fn checked(&self) -> u64 {
        self.host.checked
    }

    fn step(&mut self) {
        for (client, agent) in self.world.clients.iter_mut().zip(&self.agents) {
            if !client.reads && agent.wakes <= self.world.now && agent.wakes > 0 {
                client.reads = true;
                client.polls = true;
            }
            // Some read by spoonfuls.
            let count = if agent.good || self.rng.u8(..) < 250 { usize::MAX } else { self.rng.usize(1..100) };
            client.pump(&mut self.world.net, count);
        }
        self.world.turn();
        self.hear();
        self.world.now += STEP;
    }

    fn leave(&mut self, at: usize) {
        let end = match self.rng.u8(0..4) {
            0 => Some(End::Reset),
            1 if !self.agents[at].good => None,
            _ => Some(End::Fin),
        };
        self.world.clients[at].leave(&mut self.world.net, end);
    }

    // ---- clients ----

    fn act(&mut self, at: usize) {
        let now = self.world.now;
        self.agents[at].next = now + self.rng.u64(1_000..20_000);
        let fresh = self.world.clients[at].carrier == Carrier::None;
        if fresh || self.world.clients[at].over {
            if self.agents[at].good {
                self.check(at, false);
            }
            self.leave(at);
            self.arrive(at);
        } else if self.world.clients[at].sid.is_none() || !self.world.clients[at].reads {
            // Not there yet, or asleep.
        } else if self.agents[at].good || self.rng.bool() {
            self.beat(at);
            self.behave(at);
        } else {
            self.misbehave(at);
        }
    }

    /// A client of Engine.IO 3 sends its ping.
    fn beat(&mut self, at: usize) {
        let client = &self.world.clients[at];
        if client.old && client.sid.is_some() && !client.over {
            self.world.text(at, "2");
        }
    }

    fn arrive(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        agent.joined = 0;
        agent.wakes = 0;
        let room = if self.rng.bool() { ROOM } else { self.rng.usize(200..4_000) };
        self.world.clients[at] = Client::new(room);
        self.world.clients[at].acks = agent.good || self.rng.bool();
        self.world.clients[at].base64 = self.rng.u8(0..4) == 0;
        match self.rng.u8(0..8) {
            0 | 1 => {
                self.world.clients[at].old = true;
                agent.joined = 1;
            }
            2 | 3 => self.world.clients[at].msgpack = true,
            _ => {}
        }
        self.world.clients[at].deflates = *self.rng.choice(&[None, Some(false), Some(true)]).unwrap();
        if self.rng.bool() {
            self.world.open_websocket(at)
        } else {
            self.world.open_polling(at)
        }
        agent.next = self.world.now + 1_000;
    }

    fn behave(&mut self, at: usize) {
        let room = format!("r{}", self.rng.u8(0..40));
        let joined = self.agents[at].joined;
        let choice = if joined == 0 { 0 } else { self.rng.u8(0..16) };
        let nsp =
            |number: u8| if number == 0 { String::new() } else { format!("{},", NAMES[number as usize]) };
        // One of the namespaces it has asked for; the first is always "/".
        let number = (0..6).rfind(|bit| joined & 1 << bit != 0).unwrap_or(0);
        let number = if self.rng.bool() { number } else { 0 };
        let good = u8::from(self.agents[at].good);
        match choice {
            0 | 1 => {
                let number = if joined == 0 { 0 } else { self.rng.u8(1..6) };
                if joined & 1 << number == 0 {
                    self.agents[at].joined |= 1 << number;
                    let asks = match self.world.clients[at].old {
                        true => format!("40{}?good={good},", NAMES[number as usize]),
                        false => format!("40{}{{\"good\":{good}}}", nsp(number)),
                    };
                    self.world.text(at, &asks);
                }
            }
            2 | 3 if self.is_in(at, number) => {
                self.world.text(at, &format!("42{}[\"join\",\"{room}\"]", nsp(number)));
            }
            4 if self.is_in(at, number) => {
                self.world.text(at, &format!("42{}[\"leave\",\"{room}\"]", nsp(number)));
            }
            5 | 6 if self.is_in(at, number) => {
                self.world.text(at, &format!("42{}{}[\"echo\",1]", nsp(number), self.rng.u32(..)));
            }
            7 if self.is_in(at, number) => {
                let head = format!("451-{}[\"bin\",{{\"_placeholder\":true,\"num\":0}}]", nsp(number));
                let bytes = vec![7; self.rng.usize(0..500)];
                self.world.text(at, &head);
                self.world.clients[at].send(&mut self.world.net, Out::Binary(bytes));
            }
            8 | 9 if self.world.clients[at].may_upgrade() => self.world.open_probe(at),
            10 | 11 if good == 0 || !self.world.clients[at].upgrading => {
                // Busy with something else for a while.
                self.world.clients[at].reads = false;
                let most = if good == 1 { 8_000 } else { 300_000 };
                self.agents[at].wakes = self.world.now + self.rng.u64(1_000..most);
            }
            12 if number > 0 && self.is_in(at, number) => {
                self.world.text(at, &format!("41{}", nsp(number)));
                // It does not come back in this session: what it hears until then is one stretch.
            }
            13 if self.rng.u8(0..4) == 0 => self.world.clients[at].over = true,
            _ => {}
        }
    }

    /// The broker has said so, and has not taken it back.
    fn is_in(&self, at: usize, number: u8) -> bool {
        let nsp = NAMES[number as usize];
        let last =
            self.world.clients[at].inbox.iter().rfind(|packet| packet.nsp == nsp && packet.kind != '2');
        let ended = self.world.clients[at].inbox.iter().any(|packet| packet.nsp == nsp && packet.kind == '1');
        last.is_some() && !ended && self.world.socket(at, nsp).is_some()
    }

    fn misbehave(&mut self, at: usize) {
        let sid = self.world.clients[at].sid.clone().unwrap_or_default();
        let session = format!("/socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\n");
        let Self { world, rng, agents, .. } = self;
        let junk = [
            "42",
            "42[",
            "42[]",
            "4",
            "9",
            "",
            "2",
            "5",
            "40",
            "40/nowhere,",
            "41/open,",
            "44",
            "450-[\"x\"]",
            "4511-[\"x\"]",
            "42[\"connect\"]",
            "43[]",
            "4318446744073709551615[]",
            "4399999999999999999999[]",
            "42/t-1,[\"x\"]",
            "40/t-1,[]",
            "40/q-1,",
            "451-[\"x\",{\"_placeholder\":true,\"num\":5}]",
            "3",
            "6",
            "42[\"x\",\"\\ud800\"]",
            "451-[\"half\",{\"_placeholder\":true,\"num\":0}]",
        ];
        match rng.u8(0..17) {
            0..=3 => world.text(at, junk[rng.usize(..junk.len())]),
            4 => world.clients[at].send(&mut world.net, Out::Binary(vec![1, 2, 3])),
            5 => world.text(at, &format!("42[\"big\",\"{}\"]", "x".repeat(30_000))),
            6 => {
                // A second poll, and a POST that never ends.
                world.raw(format!("GET {session}\r\n").as_bytes());
                world.raw(format!("POST {session}Content-Length: 100\r\n\r\n42").as_bytes());
            }
            7 => world.clients[at].leave(&mut world.net, None),
            8 => {
                world.raw(b"GET /socket.io/?EI");
                world.raw(b"GET /else HTTP/1.1\r\nHost: x\r\n\r\n");
                world.raw(b"\x16\x03\x01garbage\r\n\r\n");
                world.raw(b"");
            }
            9 => {
                // A probe that is abandoned, or one that goes wrong.
                let request = world.clients[at].upgrade_request();
                let wire = world.raw(request.as_bytes());
                let frame: &[&[u8]] = &[b"2probe", b"5", b"wrong", b"2probe"];
                let mut bytes = Vec::new();
                crate::parse::masked(1, frame[rng.usize(..4)], &mut bytes);
                world.net.write(wire.id, &bytes);
                if rng.bool() {
                    world.net.end(wire.id, End::Fin);
                } else if rng.bool() {
                    world.net.vanish(wire.id);
                }
                world.clients[at].leave(&mut world.net, None);
            }
            10 => world.clients[at].answers_pings = false,
            11 => {
                world.clients[at].reads = false;
                agents[at].wakes = world.now + rng.u64(10_000..400_000);
            }
            12 => {
                // Broken frames.
                let frames: [&[u8]; 5] = [
                    &[0x81, 0x01, b'x'],
                    &[0xc1, 0x80, 0, 0, 0, 0],
                    &[0x01, 0x81, 0, 0, 0, 0, b'4'],
                    &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                    &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8],
                ];
                if let Some(ws) = &world.clients[at].ws {
                    world.net.write(ws.id, frames[rng.usize(..frames.len())]);
                }
            }
            15 => {
                // Much in little, more than it may send, or nothing that can be read; and perhaps it is gone before that is read.
                let mut bytes = Vec::new();
                for _ in 0..rng.usize(1..60) {
                    let zeros = "0".repeat(rng.usize(0..1_900));
                    crate::parse::masked_deflated(
                        1,
                        format!("42[\"flood\",\"{zeros}\"]").as_bytes(),
                        &mut bytes,
                    );
                }
                match rng.u8(0..4) {
                    0 => crate::parse::masked_deflated(1, &[b'4'; 200_000], &mut bytes),
                    1 => crate::parse::masked(0x41, b"\xff\xff\xff", &mut bytes),
                    _ => {}
                }
                if let Some(ws) = &world.clients[at].ws {
                    world.net.write(ws.id, &bytes);
                }
                if rng.u8(0..3) == 0 {
                    let end = if rng.bool() { End::Fin } else { End::Reset };
                    world.clients[at].leave(&mut world.net, Some(end));
                }
            }
            13 => {
                for _ in 0..10 {
                    world.text(at, "42[\"flood\",1]");
                }
            }
            14 => {
                for wire in world.clients[at].wires().map(|wire| wire.id).collect::<Vec<_>>() {
                    if rng.bool() {
                        world.net.write(wire, b"\r\nGET / HTTP/1.1\r\n");
                    }
                }
            }
            _ => {
                let end = if rng.bool() { End::Fin } else { End::Reset };
                world.clients[at].leave(&mut world.net, Some(end));
            }
        }
    }

    // ---- the host ----

    fn hear(&mut self) {
        for event in self.world.take_seen() {
            match event {
                Seen::Request { socket, namespace, auth, .. } => {
                    self.host.undecided.push(socket);
                    self.came(socket, namespace, is_good(&auth), true);
                }
                Seen::Connect { socket, namespace, auth, .. } => {
                    self.came(socket, namespace, is_good(&auth), false);
                }
                Seen::Message { socket, name, args, ack, attachments, .. } => {
                    self.message(socket, &name, &args, ack, &attachments);
                }
                Seen::Disconnect { socket, reason, rooms, .. } => self.went(socket, reason, rooms),
                Seen::Ack { ack, socket, remaining, .. } => {
                    let waiting = self.host.acks.get_mut(&ack).expect("an ack that is awaited");
                    assert!(waiting.remove(&socket), "one answer from each");
                    assert!(remaining as usize == waiting.len());
                    if remaining == 0 {
                        self.host.acks.remove(&ack);
                    }
                }
                Seen::AckEnd { ack, missing, .. } => {
                    let waiting = self.host.acks.remove(&ack).expect("an ack that is awaited");
                    assert_eq!(waiting.len(), missing as usize);
                }
                _ => {}
            }
        }
    }

    fn came(&mut self, socket: SocketId, namespace: NamespaceId, good: bool, asking: bool) {
        // It may be gone again within the same batch of events.
        let Ok(sid) = self.world.core.socket_sid(socket).map(str::to_owned) else { return };
        let place = self.host.living.len();
        self.host.living.push(socket);
        let member = Member { namespace, sid, rooms: BTreeSet::new(), good, asking, due: Vec::new(), place };
        assert!(self.host.members.insert(socket, member).is_none());
    }

    fn forget_member(&mut self, socket: SocketId) -> Option<Member> {
        let mut member = self.host.members.remove(&socket)?;
        self.host.living.swap_remove(member.place);
        if let Some(moved) = self.host.living.get(member.place) {
            self.host.members.get_mut(moved).expect("alive").place = member.place;
        }
        if member.asking {
            // Nothing of it was sent.
            member.due.clear();
        }
        Some(member)
    }

    fn went(&mut self, socket: SocketId, reason: Reason, rooms: Vec<String>) {
        let Some(member) = self.forget_member(socket) else { return };
        assert_eq!(rooms.into_iter().collect::<BTreeSet<_>>(), member.rooms);
        if member.good {
            let wrong =
                [Reason::PingTimeout, Reason::ParseError, Reason::ForcedClose, Reason::ForcedServerClose];
            // One that has left between two polls is noticed only by its silence.
            let here = || self.world.clients.iter().any(|client| client.has_sid(&member.sid) && !client.over);
            assert!(!wrong.contains(&reason) || !here(), "a good client was closed: {reason}");
            self.host.ended.insert(member.sid, member.due);
        }
    }

    fn message(
        &mut self,
        socket: SocketId,
        name: &str,
        args: &str,
        ack: Option<u64>,
        attachments: &[Vec<u8>],
    ) {
        // The client may be gone behind it already.
        let Some(member) = self.host.members.get_mut(&socket) else { return };
        let gone = self.world.core.namespace_of(socket).is_err();
        let room = args.trim_matches(['[', ']', '"']);
        match name {
            "join" if !gone => {
                let fresh = self.world.core.join(socket, room).unwrap();
                assert_eq!(fresh, member.rooms.insert(room.to_owned()));
            }
            "leave" if !gone => {
                let was = self.world.core.leave(socket, room).unwrap();
                assert_eq!(was, member.rooms.remove(room));
            }
            "bin" => assert!(attachments[0].iter().all(|&byte| byte == 7)),
            _ => {}
        }
        if let Some(ack) = ack {
            if self.rng.u8(0..4) == 0 {
                self.host.owed.push((socket, ack));
            } else {
                let _ = self.world.core.ack(socket, ack, "[1]", &[]);
            }
        }
    }

    fn host_acts(&mut self) {
        // What has happened since the last events is not known to the model yet.
        self.hear();
        let Some(&socket) = self.rng.choice(&self.host.living) else { return };
        let namespace = self.host.members[&socket].namespace;
        let alive = |storm: &Self, socket| storm.world.core.namespace_of(socket).is_ok();
        match self.rng.u8(0..24) {
            0 => {
                let Some(socket) = self.host.undecided.pop() else { return };
                if !alive(self, socket) {
                    return;
                }
                if self.rng.u8(0..4) == 0 {
                    self.world.core.reject(socket, "no", None).unwrap();
                    self.forget_member(socket);
                } else {
                    self.world.core.accept(socket).unwrap();
                    self.host.members.get_mut(&socket).expect("alive").asking = false;
                }
            }
            1 => {
                let at = self.rng.usize(..self.host.owed.len().max(1));
                if at < self.host.owed.len() {
                    let (socket, ack) = self.host.owed.swap_remove(at);
                    let _ = self.world.core.ack(socket, ack, "[2]", &[]);
                }
            }
            2 if self.rng.u8(0..3) == 0 => self.world.core.disconnect(socket, self.rng.bool()).unwrap(),
            3..=6 => {
                let rooms: Vec<String> = (0..4).map(|_| format!("r{}", self.rng.u8(0..40))).collect();
                let (leave, join) = ([&*rooms[0], &*rooms[1]], [&*rooms[1], &*rooms[2], &*rooms[3]]);
                self.world.core.change_rooms(socket, &leave, &join).unwrap();
                let member = self.host.members.get_mut(&socket).expect("alive");
                member.rooms.retain(|room| !leave.contains(&&**room));
                member.rooms.extend(join.iter().map(|&room| room.to_owned()));
            }
            7 if self.rng.u8(0..8) == 0 => {
                self.world.core.leave_all(socket).unwrap();
                self.host.members.get_mut(&socket).expect("alive").rooms.clear();
            }
            8 | 9 => self.emit(namespace, socket, true),
            10 | 11 => self.act_by_target(namespace, socket),
            _ => self.emit(namespace, socket, false),
        }
        // A disconnect of the host's is an event too, which comes with the next batch.
        self.world.turn();
    }

    /// A target as hosts make them, with `socket` in it or not.
    fn choose(&mut self, namespace: NamespaceId, socket: SocketId) -> Choice {
        let rng = &mut self.rng;
        let own = self.host.members[&socket].sid.clone();
        let some = |rng: &mut Rng| format!("r{}", rng.u8(0..40));
        let mut rooms: Vec<String> = (0..rng.usize(1..=3)).map(|_| some(rng)).collect();
        if rng.u8(0..4) == 0 {
            rooms.push(own.clone());
        }
        let others = [socket, *rng.choice(&self.host.living).expect("somebody")];
        let whom = match (rng.u8(0..20), rng.u8(0..4)) {
            (0, _) => None,
            (1, _) => Some((Vec::new(), Vec::new())),
            (2, _) => Some((rooms, others.to_vec())),
            (_, 0) => Some((Vec::new(), others.to_vec())),
            _ => Some((rooms, Vec::new())),
        };
        let except = if rng.bool() { others[..rng.usize(1..=2)].to_vec() } else { Vec::new() };
        let except_rooms = match rng.u8(0..6) {
            0 => vec![some(rng)],
            1 => vec![some(rng), own],
            _ => Vec::new(),
        };
        Choice { namespace, whom, except, except_rooms }
    }

    /// Has everybody whom a target selects join, leave, or go, and compares who that is.
    fn act_by_target(&mut self, namespace: NamespaceId, socket: SocketId) {
        let choice = self.choose(namespace, socket);
        let due = choice.members(&self.host);
        let room = format!("r{}", self.rng.u8(0..40));
        let core = &mut self.world.core;
        let selected = choice.target(|target| match self.rng.u8(0..16) {
            0..=5 => {
                for socket in &due {
                    self.host.members.get_mut(socket).expect("alive").rooms.insert(room.clone());
                }
                core.sockets_join(target, &[&room]).unwrap()
            }
            6..=11 => {
                for socket in &due {
                    self.host.members.get_mut(socket).expect("alive").rooms.remove(&room);
                }
                core.sockets_leave(target, &[&room]).unwrap()
            }
            12 if due.len() < 5 => core.disconnect_sockets(target, self.rng.bool()).unwrap(),
            _ => {
                let found: Vec<SocketId> = core.fetch_sockets(target).unwrap().collect();
                assert_eq!(found.iter().copied().collect::<HashSet<_>>(), due, "{target:?}");
                found.len()
            }
        });
        assert_eq!(selected, due.len(), "{choice:?}");
    }

    fn emit(&mut self, namespace: NamespaceId, socket: SocketId, ask: bool) {
        let choice = self.choose(namespace, socket);
        let due = choice.members(&self.host);
        let rng = &mut self.rng;
        let delivery = match rng.u8(0..8) {
            _ if ask => Delivery::Reliable,
            0 => Delivery::Volatile,
            1 => Delivery::DropOldest,
            2 | 3 => Delivery::Latest(rng.u64(0..3)),
            _ => Delivery::Reliable,
        };
        let id = self.host.emits;
        self.host.emits += 1;
        let pad = "p".repeat(if rng.u8(0..30) == 0 { rng.usize(0..8_000) } else { rng.usize(0..100) });
        let binary = rng.u8(0..8) == 0;
        let bytes = id.to_le_bytes();
        let args = match binary {
            true => format!("[{id},\"{pad}\",{{\"_placeholder\":true,\"num\":0}}]"),
            false => format!("[{id},\"{pad}\"]"),
        };
        let attachments: [&[u8]; 1] = [&bytes];
        let mut message = Message::new("m", &args).delivery(delivery);
        if binary {
            message = message.attach(&attachments);
        }
        let timeout = if self.rng.bool() { Some(self.rng.u64(0..30_000)) } else { None };
        let core = &mut self.world.core;
        let receipt = if ask {
            match choice.target(|target| core.emit_with_ack(target, message, timeout, 0)) {
                Ok((receipt, ack)) => {
                    assert_eq!(ack.is_some(), !due.is_empty());
                    if let Some(ack) = ack {
                        self.host.acks.insert(ack, due.clone());
                    }
                    receipt
                }
                Err(Error::TooMany(_)) => return,
                Err(error) => panic!("{error}"),
            }
        } else {
            choice.target(|target| core.emit(target, message)).unwrap()
        };
        assert_eq!(receipt.recipients, due.len(), "{choice:?}");
        for socket in due {
            let member = self.host.members.get_mut(&socket).expect("alive");
            if member.good {
                member.due.push((id, delivery));
            }
        }
    }

    // ---- the oracle ----

    /// Compares what a well-behaved client has heard in this session with what was emitted to it.
    fn check(&mut self, at: usize, settled: bool) {
        let client = &self.world.clients[at];
        let settled = settled && !client.over && client.carrier != Carrier::None;
        // One of Engine.IO 3 is in `/` without a word, so not as one that behaves.
        for nsp in NAMES.into_iter().filter(|&nsp| !client.old || nsp != "/") {
            let mut packets = client.inbox.iter().filter(|packet| packet.nsp == nsp);
            let Some(_) = packets.find(|packet| packet.kind == '0') else { continue };
            let sid = client.socket_id(nsp).expect("a sid");
            let mut heard = Vec::new();
            let mut kicked = false;
            for packet in packets {
                match packet.kind {
                    '2' | '5' => {
                        assert!(!kicked, "an event behind the disconnect");
                        let id = packet.json()[1].as_u64().expect("a number");
                        assert!(packet.attachments.iter().all(|bytes| **bytes == id.to_le_bytes()));
                        heard.push(id);
                    }
                    '1' => kicked = true,
                    _ => {}
                }
            }
            let alive = self.world.core.find_socket(&sid);
            let empty = Vec::new();
            let due = match alive.and_then(|socket| self.host.members.get(&socket)) {
                Some(member) => &member.due,
                None => self.host.ended.get(&sid).unwrap_or(&empty),
            };
            self.host.checked += compare(&heard, due, kicked || (settled && alive.is_some()));
            self.host.ended.remove(&sid);
        }
    }
}

/// What was heard is what was due, in its order, but for what its class allows to be missing. `whole` says that nothing
/// is on its way any more.
fn compare(heard: &[u64], due: &[(u64, Delivery)], whole: bool) -> u64 {
    let mut at = 0;
    let may_miss = |at: usize| match due[at].1 {
        Delivery::Reliable => false,
        Delivery::Volatile | Delivery::DropOldest => true,
        // Only a newer one may stand for it.
        latest @ Delivery::Latest(_) => due[at + 1..].iter().any(|&(_, class)| class == latest),
    };
    for &id in heard {
        while due.get(at).unwrap_or_else(|| panic!("{id} was not for it, came twice or too late")).0 != id {
            assert!(may_miss(at), "{:?} is missing before {id}", due[at]);
            at += 1;
        }
        at += 1;
    }
    while whole && at < due.len() {
        assert!(may_miss(at), "{:?} never came", due[at]);
        at += 1;
    }
    heard.len() as u64
}

//! Several cores between which connections move, under one virtual clock and in every order of what can happen to them meanwhile:
//! each client's messages arrive once and in order, what is said to it likewise, and in the end nothing is left. It must not open a
//! socket.

mod clients;
mod pipes;

use super::shared::SharedCounts;
use crate::base::ids::SocketId;
use crate::base::limits::Limits;
use crate::base::seeds::for_seeds;
use crate::base::sid::IdSpace;
use crate::broker::{Core, Shared};
use crate::engine::quotas::Quotas;
use crate::engine::service::{Flow, Owed, Service};
use crate::host::config::Config;
use crate::host::events::{Event, Events};
use crate::host::log::Silence;
use crate::hub::message::Message;
use crate::hub::namespaces::NamespaceOptions;
use clients::Client;
use fastrand::Rng;
use pipes::{Mail, Out, Pipe};
use std::collections::HashMap;

const CLIENTS: usize = 4;

struct World {
    rng: Rng,
    cores: Vec<Core>,
    closed: Vec<bool>,
    keys: Vec<HashMap<usize, usize>>,
    next_key: usize,
    /// By who sent it, and to whom.
    mail: Vec<Vec<Mail>>,
    pipes: Vec<Pipe>,
    clients: Vec<Client>,
    lines: usize,
    counts: SharedCounts,
    now: u64,
    /// What the host has told each session, and the newest message of each line.
    told: HashMap<String, Vec<String>>,
    newest: HashMap<usize, usize>,
    recovered: usize,
    /// Lets nobody into the guarded namespace until all is quiet.
    patient: bool,
    /// Those whom it has yet to let in there, and by which core.
    waiting: Vec<(usize, SocketId)>,
    /// How often it was asked about each line.
    asked: HashMap<usize, usize>,
}

fn config(loops: usize) -> Config {
    Config { loops, limits: Limits { max_connections: 64, ..Limits::default() }, ..Config::default() }
}

impl World {
    fn new(mut rng: Rng) -> Self {
        let loops = rng.usize(2..=3);
        let counts = SharedCounts::default();
        let cores: Vec<Core> = IdSpace::shares(loops)
            .map(|space| {
                let shared = Shared { space, quotas: Box::new(counts.clone()), log: Box::new(Silence) };
                let mut core = Core::sharing(config(loops), 0, shared).unwrap();
                core.add_namespace("/", NamespaceOptions { recovery: true, ..NamespaceOptions::default() })
                    .unwrap();
                core.add_namespace("/g", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })
                    .unwrap();
                core
            })
            .collect();
        Self {
            patient: rng.bool(),
            rng,
            closed: vec![false; loops],
            keys: vec![HashMap::new(); loops],
            next_key: 0,
            mail: (0..loops).map(|_| (0..loops).map(|_| Mail::new()).collect()).collect(),
            cores,
            pipes: Vec::new(),
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            lines: 0,
            counts,
            now: 1_000,
            told: HashMap::new(),
            newest: HashMap::new(),
            recovered: 0,
            waiting: Vec::new(),
            asked: HashMap::new(),
        }
    }

    /// Each core's clock is its own.
    fn now(&self, core: usize) -> u64 {
        self.now + 10_000 * core as u64
    }

    // ---- the broker's side ----

    fn connect(&mut self) -> usize {
        let pipe = self.pipes.len();
        self.pipes.push(Pipe::default());
        let core = self.rng.usize(..self.cores.len());
        let key = self.give(core, pipe);
        let now = self.now(core);
        if self.closed[core] || !self.cores[core].opened(key, ([127, 0, 0, 1], 1).into(), now) {
            self.take_away(core, key);
        }
        pipe
    }

    fn give(&mut self, core: usize, pipe: usize) -> usize {
        // Mostly a small number that is free.
        let key = (0..).find(|key| !self.keys[core].contains_key(key)).unwrap();
        self.next_key = self.next_key.max(key);
        self.keys[core].insert(key, pipe);
        self.pipes[pipe].at = Some((core, key));
        key
    }

    fn take_away(&mut self, core: usize, key: usize) {
        let pipe = self.keys[core].remove(&key).unwrap();
        (self.pipes[pipe].at, self.pipes[pipe].over) = (None, true);
    }

    fn receive(&mut self, pipe: usize) {
        let most = if self.rng.bool() { usize::MAX } else { self.rng.usize(1..60) };
        let it = &mut self.pipes[pipe];
        let Some((core, key)) = it.at else { return };
        if it.blocked {
            self.cores[core].writable(key);
        }
        // A connection that breaks shows although it is not read.
        if it.paused && !it.reset {
            return;
        }
        let mut bytes: Vec<u8> = it.up.drain(..most.min(it.up.len())).collect();
        let (reset, fin) = (it.reset, it.fin && it.up.is_empty());
        let now = self.now(core);
        if !bytes.is_empty() && !reset {
            let flow = self.cores[core].received(key, &mut bytes, now);
            self.pipes[pipe].paused = flow == Flow::Pause;
            return;
        }
        if !reset && fin {
            self.cores[core].half_closed(key);
        }
        if reset || fin {
            // As a loop does it: behind a flush, and while nothing is owed.
            self.flush(core);
            let is_owed =
                !reset && self.pipes[pipe].at.is_some() && self.cores[core].owed(key) != Owed::Nothing;
            if self.pipes[pipe].at == Some((core, key)) && !is_owed {
                self.take_away(core, key);
                self.cores[core].closed(key, reset, now);
            }
        }
    }

    fn flush(&mut self, core: usize) {
        let now = self.now(core);
        let Self { cores, pipes, keys, mail, rng, .. } = self;
        let mut out = Out { pipes, keys: &mut keys[core], mail: &mut mail[core], rng };
        cores[core].flush(&mut out, now);
    }

    /// A core has a turn: timers, and its host.
    fn turn(&mut self, core: usize) {
        let now = self.now(core);
        if self.cores[core].next_timeout().is_some_and(|due| due <= now) {
            self.cores[core].timeout(now);
        }
        let mut events = Events::new();
        self.cores[core].take_events(&mut events);
        let batch = self.cores[core].batch();
        for event in events.iter() {
            match event {
                Event::Connect { recovered, .. } => self.recovered += usize::from(recovered),
                Event::Message { socket, args, .. } => {
                    let (line, number) =
                        args.trim_matches(['[', ']']).split_once(',').expect("a line and a number");
                    let (line, number) = (line.parse().unwrap(), number.parse().unwrap());
                    let next = self.newest.get(&line).map_or(0, |newest| newest + 1);
                    assert_eq!(number, next, "each once, in order, none missing");
                    self.newest.insert(line, number);
                    let Ok(sid) = self.cores[core].socket_sid(socket).map(str::to_owned) else { continue };
                    self.cores[core].send(socket, Message::new("r", args)).unwrap();
                    self.told.entry(sid).or_default().push(args.to_owned());
                }
                Event::ConnectRequest { socket, auth, .. } => {
                    let line = auth.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
                    *self.asked.entry(line).or_default() += 1;
                    self.waiting.push((core, socket));
                }
                Event::Disconnect { socket, .. } => self.waiting.retain(|&it| it != (core, socket)),
                _ => {}
            }
        }
        if !self.patient && self.rng.bool() {
            self.let_in(core);
        }
        self.cores[core].set_handled(batch);
        self.flush(core);
    }

    /// Lets those in who wait at a core, of whose ends the host has heard all.
    fn let_in(&mut self, core: usize) {
        for (_, socket) in self.waiting.extract_if(.., |&mut (at, _)| at == core) {
            self.cores[core].accept(socket).unwrap();
        }
    }

    fn deliver(&mut self, from: usize, to: usize) {
        let Some((pipe, parcel)) = self.mail[from][to].pop_front() else { return };
        let key = pipe.map(|pipe| self.give(to, pipe));
        let now = self.now(to);
        let flow = self.cores[to].arrived(key, parcel, now);
        let Some((key, pipe)) = key.zip(pipe) else { return };
        match flow {
            None => self.take_away(to, key),
            Some(flow) => self.pipes[pipe].paused = flow == Flow::Pause,
        }
    }

    fn wind_down(&mut self, core: usize) {
        self.flush(core);
        self.cores[core].shut_down();
        self.flush(core);
        self.cores[core].abandon_links();
        for key in self.keys[core].keys().copied().collect::<Vec<_>>() {
            self.take_away(core, key);
        }
        self.closed[core] = true;
    }

    // ---- everything ----

    fn step(&mut self) {
        let (cores, client) = (self.cores.len(), self.rng.usize(..CLIENTS));
        let core = self.rng.usize(..cores);
        match self.rng.u8(..) {
            0..100 if !self.pipes.is_empty() => {
                let pipe = self.rng.usize(self.pipes.len().saturating_sub(12)..self.pipes.len());
                self.receive(pipe);
            }
            0..130 => self.flush(core),
            130..150 => self.turn(core),
            150..180 => {
                let from = self.rng.usize(..cores);
                self.deliver(from, core);
            }
            180..215 => drop(self.look(client)),
            215..235 => {
                if let Some(mut line) = self.clients[client].line.take() {
                    match line.asked {
                        true => self.speak(&mut line),
                        false => self.ask(client, &mut line),
                    }
                    self.clients[client].line = Some(line);
                } else {
                    self.come(client);
                }
            }
            235..242 => self.leave(client),
            242..246 => self.now += self.rng.u64(..200),
            246..248 => self.cores[core].drain(1_000, "").unwrap(),
            248..250 => self.cores[core].stop_draining(),
            250..252 if !self.closed[core] => self.wind_down(core),
            _ if self.closed[core] => {
                self.cores[core].reopen();
                self.closed[core] = false;
            }
            _ => {}
        }
    }

    /// All that is on its way to a core arrives.
    fn deliver_all(&mut self, core: usize) {
        for from in 0..self.cores.len() {
            while !self.mail[from][core].is_empty() {
                self.deliver(from, core);
            }
        }
    }

    /// Goes on until nothing more happens by itself.
    fn settle(&mut self) {
        for _ in 0..60 {
            self.now += 20;
            for pipe in 0..self.pipes.len() {
                self.receive(pipe);
            }
            for core in 0..self.cores.len() {
                self.turn(core);
                self.deliver_all(core);
                self.flush(core);
            }
            for client in 0..CLIENTS {
                if !self.look(client) || self.clients[client].line.is_none() {
                    self.come(client);
                }
                if let Some(mut line) = self.clients[client].line.take_if(|line| !line.asked) {
                    self.ask(client, &mut line);
                    self.clients[client].line = Some(line);
                }
            }
        }
    }

    /// All clients have what they are due.
    fn check(&mut self) {
        for core in 0..self.cores.len() {
            self.cores[core].stop_draining();
            self.cores[core].reopen();
            self.closed[core] = false;
        }
        self.settle();
        (0..self.cores.len()).for_each(|core| self.let_in(core));
        self.settle();
        for client in &self.clients {
            let line = client.line.as_ref().unwrap();
            assert!(line.joined, "it is let in");
            assert_eq!(line.guarded, Some(1).filter(|_| self.asked.contains_key(&line.number)).unwrap_or(0));
            assert_eq!(self.newest.get(&line.number).map_or(0, |newest| newest + 1), line.sent);
            assert_eq!(client.heard, self.told.get(&client.sid).cloned().unwrap_or_default());
        }
    }

    /// Everybody is gone, and nothing is left.
    fn end(&mut self) {
        for pipe in &mut self.pipes {
            pipe.reset = true;
        }
        for client in &mut self.clients {
            client.line = None;
        }
        for _ in 0..8 {
            self.now += 60_000;
            for pipe in 0..self.pipes.len() {
                self.pipes[pipe].paused = false;
                self.receive(pipe);
            }
            for core in 0..self.cores.len() {
                self.turn(core);
                self.deliver_all(core);
                self.turn(core);
            }
        }
        for core in &self.cores {
            let stats = core.stats();
            let left = (stats.links, stats.connections, stats.sockets, stats.away, stats.timers);
            assert_eq!((left, stats.queued_bytes, core.moves()), ((0, 0, 0, 0, 0), 0, 0));
        }
        assert_eq!(self.waiting, [], "who is gone does not wait");
        let elsewhere: u64 = self.cores.iter().map(|core| core.stats().counters.recoveries_elsewhere).sum();
        assert!(!self.patient || elsewhere == 0, "{elsewhere} did not find their sessions");
        let opened: u64 = self.cores.iter().map(|core| core.stats().counters.connections_opened).sum();
        let ended: u64 = self.cores.iter().map(|core| core.stats().counters.connections_closed).sum();
        assert_eq!(opened, ended);
        let limits = config(2).limits;
        for _ in 0..limits.max_connections {
            assert!(self.counts.enter(None, &limits, 0).is_ok(), "a place is lost");
        }
        assert!(self.counts.enter(None, &limits, 0).is_err(), "there is one place too many");
    }
}

#[test]
fn connections_that_move_lose_nothing_and_leave_nothing() {
    let (mut recovered, mut again) = (0, 0);
    for_seeds(crate::base::rounds(300) as u64, |rng| {
        let mut world = World::new(rng.fork());
        for _ in 0..crate::base::rounds(4) {
            (0..400).for_each(|_| world.step());
            world.check();
        }
        world.end();
        recovered += world.recovered;
        again += world.asked.values().filter(|times| **times > 1).count();
    });
    assert!(recovered > 100 && again > 10, "{recovered} recovered, {again} were asked for again");
}

//! Many clients that drop and come back at once, on loops of their broker's that go on: each gets what it is due, once, in order; and
//! ends in the middle of it leave nothing.

use super::comer::{COUNTS, Carrier, Client, Session, Way, with_recovery};
use super::support::{Host, PATIENCE};
use super::{config, poll_until};
use fastrand::Rng;
use roomcast::{Broker, Event, Message, NamespaceId, SocketId, Target};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use tungstenite::Message as Frame;

const CLIENTS: usize = 200;
const ROUNDS: usize = 5;
const ROOMS: usize = 8;

/// Numbered messages of one kind, as one client hears them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Heard {
    first: Option<usize>,
    last: Option<usize>,
}

impl Heard {
    fn hear(&mut self, number: usize) {
        if let Some(last) = self.last {
            assert_eq!(number, last + 1, "once each, in order, none missing");
        }
        self.first.get_or_insert(number);
        self.last = Some(number);
    }
}

/// What one client has heard: of what went to all, to its room, and to itself.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    all: Heard,
    room: Heard,
    own: Heard,
    ended: bool,
}

impl Told {
    fn hear(&mut self, event: &str) {
        let (name, number) = event.strip_prefix("42[\"").unwrap().split_once("\",").unwrap();
        let number = number.strip_suffix(']').unwrap().parse().unwrap();
        match name {
            "all" => self.all.hear(number),
            "room" => self.room.hear(number),
            "own" => self.own.hear(number),
            "end" => self.ended = true,
            other => panic!("{other}"),
        }
    }
}

/// Comes, hears a little, and is gone again; in the end it stays.
fn comes_and_goes(address: SocketAddr, seed: u64, done: &AtomicUsize) -> Told {
    let mut rng = Rng::with_seed(seed);
    let (mut session, mut told, mut sid) = (Session::default(), Told::default(), None);
    // Nobody tells the broker that these are gone.
    let mut left = Vec::new();
    let ways = [Way::WebSocket, Way::Polling, Way::Before, Way::Amid, Way::After];
    for _ in 0..ROUNDS {
        let (mut client, missed) = ways[rng.usize(..ways.len())].come(address, &mut session);
        assert_eq!(sid.get_or_insert(session.sid.clone()), &session.sid, "it has its session back");
        missed.iter().for_each(|event| told.hear(event));
        for _ in 0..rng.usize(..3) {
            told.hear(&session.hear(&mut client));
        }
        if rng.bool() {
            left.push(client);
        }
    }
    let (mut client, missed) = ways[rng.usize(..ways.len())].come(address, &mut session);
    assert_eq!(sid, Some(session.sid.clone()), "it has its session back");
    missed.iter().for_each(|event| told.hear(event));
    done.fetch_add(1, Ordering::SeqCst);
    while !told.ended {
        told.hear(&session.hear(&mut client));
    }
    client.send("1");
    told
}

/// What the host has said so far, and to whom.
struct Speaker {
    home: NamespaceId,
    rng: Rng,
    sockets: Vec<SocketId>,
    /// By socket: its room, and how much it was sent.
    members: HashMap<SocketId, (usize, usize)>,
    all: usize,
    rooms: [usize; ROOMS],
}

impl Speaker {
    fn say(&mut self, broker: &mut Broker) {
        let mut say = |target: Target<'_>, name: &str, number: usize| {
            broker.emit(target, Message::new(name, &format!("[{number}]"))).unwrap();
        };
        say(Target::all(self.home), "all", self.all);
        self.all += 1;
        let room = self.rng.usize(..ROOMS);
        say(Target::rooms(self.home, &[&room.to_string()]), "room", self.rooms[room]);
        self.rooms[room] += 1;
        if let Some(&socket) = self.rng.choice(&self.sockets) {
            let (_, sent) = self.members.get_mut(&socket).unwrap();
            say(Target::sockets(self.home, &[socket]), "own", *sent);
            *sent += 1;
        }
    }
}

#[test]
fn two_hundred_drop_and_come_back_while_the_host_goes_on() {
    for loops in COUNTS {
        let seed = fastrand::u64(..);
        println!("seed {seed}, {loops} loops");
        let mut host = with_recovery(config(loops));
        let (address, done) = (host.address, Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..CLIENTS as u64)
            .map(|client| {
                let done = done.clone();
                thread::spawn(move || comes_and_goes(address, seed.wrapping_add(client), &done))
            })
            .collect();
        let mut speaker = Speaker {
            home: host.broker.find_namespace("/").unwrap(),
            rng: Rng::with_seed(seed),
            sockets: Vec::new(),
            members: HashMap::new(),
            all: 0,
            rooms: [0; ROOMS],
        };
        let mut ended = false;
        host.events = roomcast::Events::new();
        host.until_for(15 * PATIENCE, |broker, events| {
            let mut comes = 0;
            for event in events.iter() {
                if let Event::Connect { socket, recovered, .. } = event {
                    comes += 1;
                    if !recovered {
                        let room = speaker.rng.usize(..ROOMS);
                        broker.join(socket, &room.to_string()).unwrap();
                        speaker.sockets.push(socket);
                        speaker.members.insert(socket, (room, 0));
                    }
                }
            }
            if done.load(Ordering::SeqCst) < CLIENTS {
                // Some for each who comes; and for those who wait for some, if nobody does.
                (0..comes.max(usize::from(events.is_empty()))).for_each(|_| speaker.say(broker));
            } else if !std::mem::replace(&mut ended, true) {
                broker.emit(Target::all(speaker.home), Message::new("end", "[0]")).unwrap();
            }
            clients.iter().all(|client| client.is_finished())
        });
        let told: Vec<Told> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        let last = |count: usize| count.checked_sub(1);
        assert!(told.iter().all(|told| told.all.last == last(speaker.all)));
        // Who is which client is not known, but so many heard so much.
        let mut own: Vec<_> = told.iter().map(|told| told.own.last.map_or(0, |last| last + 1)).collect();
        let mut sent: Vec<_> = speaker.members.values().map(|(_, sent)| *sent).collect();
        own.sort_unstable();
        sent.sort_unstable();
        assert_eq!(own, sent);
        assert!(told.iter().all(|told| told.own.first.is_none_or(|first| first == 0)));
        let mut rooms: Vec<_> = told.iter().filter_map(|told| told.room.last).collect();
        let mut ends: Vec<_> =
            speaker.members.values().filter_map(|(room, _)| last(speaker.rooms[*room])).collect();
        rooms.sort_unstable();
        ends.sort_unstable();
        // Who joined behind the last message of a room has heard none of it.
        assert!(rooms.iter().all(|last| ends.contains(last)) && rooms.len() <= ends.len());
        host.until(|broker, _| broker.stats().links == 0 && broker.stats().connections == 0);
        let stats = host.broker.stats();
        let counters = stats.counters;
        assert_eq!((counters.recoveries_overrun, counters.recoveries_foreign), (0, 0));
        assert_eq!((counters.recoveries_unknown, counters.recoveries_elsewhere), (0, 0));
        assert_eq!(counters.connections_opened, counters.connections_closed);
        assert_eq!(stats.away, CLIENTS);
        assert_eq!(counters.remote_failures, 0);
    }
}

/// Comes and goes until it is told to stop, whatever becomes of its connections.
fn insists(address: SocketAddr, seed: u64, stop: &AtomicBool) {
    let (mut rng, mut session) = (Rng::with_seed(seed), Session::default());
    while !stop.load(Ordering::SeqCst) {
        let Some(mut client) = Client::try_over_websocket(address) else {
            thread::yield_now();
            continue;
        };
        let Carrier::WebSocket(socket) = &mut client.carrier else { unreachable!() };
        // Some are gone before they are answered.
        if socket.send(Frame::text(session.ask(""))).is_err() || rng.u8(..4) == 0 {
            continue;
        }
        while let Ok(Frame::Text(text)) = socket.read() {
            if let Some(pid) = text.strip_prefix("40{").and_then(|answer| super::comer::member(answer, "pid"))
            {
                session.pid = pid.to_owned();
                // A few stay until they are sent away.
                if rng.u8(..16) > 0 {
                    break;
                }
            }
        }
    }
}

/// Clients come back over and over; each time that a hundred have, this is done to their host.
fn amid_those_who_come_back(mut act: impl FnMut(&mut Host, usize)) {
    for loops in COUNTS {
        let seed = fastrand::u64(..);
        println!("seed {seed}, {loops} loops");
        let mut host = with_recovery(config(loops));
        let (address, stop) = (host.address, Arc::new(AtomicBool::new(false)));
        let clients: Vec<_> = (0..32)
            .map(|client: u64| {
                let stop = stop.clone();
                thread::spawn(move || insists(address, seed.wrapping_add(client), &stop))
            })
            .collect();
        for _ in 0..10 {
            let mut comes = 0;
            poll_until(&mut host, |_, events| {
                comes += events.iter().filter(|event| matches!(event, Event::Connect { .. })).count();
                comes >= 100
            });
            act(&mut host, loops);
        }
        end(host, stop, clients);
    }
}

#[test]
fn a_drain_amid_those_who_come_back_is_told_of_once_when_nobody_is_left() {
    amid_those_who_come_back(|host, loops| {
        host.broker.drain(1_000_000, "").unwrap();
        let mut drained = 0;
        poll_until(host, |_, events| {
            drained += events.iter().filter(|event| matches!(event, Event::Drained)).count();
            drained > 0
        });
        assert_eq!((drained, host.broker.stats().connections), (1, 0), "with {loops} loops");
        host.broker.stop_draining();
    });
}

#[test]
fn a_close_amid_those_who_come_back_ends_all_and_it_may_begin_again() {
    amid_those_who_come_back(|host, loops| {
        host.broker.close(&mut host.events, PATIENCE).unwrap();
        host.until(|broker, _| broker.stats().connections == 0);
        assert_eq!(host.broker.stats().links, 0, "with {loops} loops");
        assert_eq!(host.broker.listen(host.address).unwrap(), host.address);
    });
}

fn end(mut host: Host, stop: Arc<AtomicBool>, clients: Vec<thread::JoinHandle<()>>) {
    stop.store(true, Ordering::SeqCst);
    // Those who wait to be told something are told that it is over.
    host.broker.close(&mut host.events, PATIENCE).unwrap();
    host.until(|_, _| clients.iter().all(|client| client.is_finished()));
    clients.into_iter().for_each(|client| client.join().unwrap());
    host.until(|broker, _| broker.stats().links == 0 && broker.stats().connections == 0);
    let counters = host.broker.stats().counters;
    assert_eq!(counters.connections_opened, counters.connections_closed);
    assert!(counters.sessions_recovered > 0);
}

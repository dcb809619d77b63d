//! A node of a Redis Cluster whose servers say anything of who has which slot: its connections are bounded and go where somebody has said;
//! and when all servers are good, it finds them and brings what it has to whom it belongs. It must not know how it looks for them.

use super::input::Input;
use super::redis::{Connection, Servers, World, bulk};
use roomcast::{ClusterFormat, SubscriptionMode};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

const SEEDS: [&str; 2] = ["a", "b"];
/// The masters in the end.
const GOOD: [&str; 3] = ["a", "b", "c"];
/// And the slots that each has. `socket.io`, a stream, is of slot 9,972, and `socket.io#/#`, a channel, of 13,868.
const PARTS: [(RangeInclusive<u16>, &str); 5] = [
    (0..=4_999, "a"),
    (5_000..=9_971, "b"),
    (9_972..=9_972, "a"),
    (9_973..=13_868, "b"),
    (13_869..=16_383, "c"),
];
const SLOTS: i64 = 16_384;
const HOSTS: [&str; 10] = ["a", "b", "c", "d", "", "?", "::1", "x y", "é", "a"];
const PORTS: [i64; 8] = [1, 2, 7_000, 65_535, 0, -1, 65_536, i64::MAX];

/// What all servers say, each of whatever it is asked.
#[derive(Default)]
struct Said {
    hello: Option<Vec<u8>>,
    slots: Vec<u8>,
    state: Vec<u8>,
    /// Of what is about a slot, in place of doing it.
    elsewhere: Option<Vec<u8>>,
    /// Places that take no connection, by their first byte.
    gone: Option<u8>,
    /// They are good ones from now on: `a`, `b` and `c`, each with its part of the slots.
    good: bool,
    /// All that was said, and whether some of it was of no form.
    told: BTreeSet<Vec<u8>>,
    formless: bool,
    /// What was published since then, and where.
    published: Vec<(String, Vec<u8>)>,
}

impl Servers for Said {
    fn takes(&mut self, host: &str, port: u16) -> bool {
        let said = |of: &str| {
            let in_it =
                |told: &Vec<u8>| of.is_empty() || told.windows(of.len()).any(|it| it == of.as_bytes());
            self.formless || self.told.iter().any(in_it)
        };
        assert!(SEEDS.contains(&host) || said(host), "nobody has told of {host}");
        assert!(port == 1 || said(&port.to_string()), "nobody has told of {port}");
        match self.good {
            true => port == 1 && GOOD.contains(&host),
            false => self.gone.is_none_or(|gone| host.bytes().next() != Some(gone)),
        }
    }

    fn answer(&mut self, on: &mut Connection, words: &[&[u8]]) -> Vec<u8> {
        let answer = match (words, &self.hello, &self.elsewhere) {
            ([b"HELLO", ..], Some(hello), _) => hello.clone(),
            ([b"CLUSTER", b"SLOTS"], ..) => self.slots.clone(),
            ([b"CLUSTER", ..], ..) => self.state.clone(),
            ([b"PUBSUB", b"NUMSUB", ..], ..) => on.obey(words),
            (_, _, Some(elsewhere)) if key(words).is_some() => elsewhere.clone(),
            _ if self.good => self.carry_out(on, words),
            _ => on.obey(words),
        };
        if !self.told.contains(&answer) {
            self.told.insert(answer.clone());
        }
        answer
    }
}

impl Said {
    fn carry_out(&mut self, on: &mut Connection, words: &[&[u8]]) -> Vec<u8> {
        if let Some(slot) = key(words).map(slot)
            && owner(slot) != on.host
        {
            return format!("-MOVED {slot} {}:1\r\n", owner(slot)).into_bytes();
        }
        if matches!(words[0], b"PUBLISH" | b"SPUBLISH" | b"XADD") {
            self.published.push((on.host.clone(), words[1].to_vec()));
        }
        on.obey(words)
    }
}

/// The first bytes choose what nodes say; the rest is what the servers do.
pub(crate) fn slots(input: &[u8]) {
    let mut input = Input(input);
    let format = input.pick(&[
        ClusterFormat::Sharded(SubscriptionMode::Dynamic),
        ClusterFormat::Streams,
        ClusterFormat::PubSub,
        ClusterFormat::Python,
    ]);
    let mut said = Said::default();
    said.be_good();
    said.good = false;
    let mut world = World::new("redis+cluster://a:1,b:1", format, said);
    world.play(&mut input, step);
    world.servers.be_good();
    world.comes_up();
    check(&mut world, format);
}

impl Said {
    fn be_good(&mut self) {
        let one = |&(ref slots, owner): &(RangeInclusive<u16>, &str)| {
            range((*slots.start()).into(), (*slots.end()).into(), &bulk(owner.as_bytes()), 1)
        };
        let ranges: Vec<u8> = PARTS.iter().flat_map(one).collect();
        let slots = [format!("*{}\r\n", PARTS.len()).as_bytes(), &ranges].concat();
        (self.slots, self.state, self.good) = (slots, bulk(b"cluster_state:ok"), true);
        (self.hello, self.elsewhere, self.gone) = (None, None, None);
    }
}

fn step(world: &mut World<Said>, input: &mut Input<'_>) {
    let servers = &mut world.servers;
    match input.below(16) {
        0 => {
            servers.slots = input.bytes().to_vec();
            servers.formless = true;
        }
        1 | 2 => servers.slots = composed(input),
        3 => {
            // So many masters, each with a part of the slots.
            let (count, width) = (input.below(100), [1, 5, 163][input.below(3)]);
            let one =
                |at: i64| range(at * width, (at + 1) * width - 1, &bulk(format!("m{at}").as_bytes()), 1);
            let ranges: Vec<u8> = (0..count as i64).flat_map(one).collect();
            servers.slots = [format!("*{count}\r\n").as_bytes(), &ranges].concat();
        }
        4 => {
            servers.state = match input.below(5) {
                0 => bulk(b"cluster_state:ok"),
                1 => bulk(b"cluster_state:fail"),
                2 => b"-ERR unknown command\r\n".to_vec(),
                3 => b"-LOADING\r\n".to_vec(),
                _ => input.bytes().to_vec(),
            }
        }
        5 => {
            let (slot, host, port) = (number(input), input.pick(&HOSTS), input.pick(&PORTS));
            servers.elsewhere = match input.below(7) {
                0 => None,
                1 | 2 => Some(format!("-MOVED {slot} {host}:{port}\r\n").into_bytes()),
                3 => Some(format!("-ASK {slot} {host}:{port}\r\n").into_bytes()),
                4 => Some(b"-CLUSTERDOWN The cluster is down\r\n".to_vec()),
                5 => Some(b"-TRYAGAIN\r\n".to_vec()),
                _ => {
                    servers.formless = true;
                    Some(input.bytes().to_vec())
                }
            };
        }
        6 => {
            servers.hello = input.flag().then(|| input.bytes().to_vec());
            servers.formless |= servers.hello.is_some();
        }
        7 => servers.gone = input.flag().then(|| input.byte()),
        8 => {
            let (which, bytes) = (input.below(256), input.bytes());
            world.servers.formless = true;
            world.receive(which, bytes);
        }
        9 => world.cut(input.below(256)),
        10 | 11 => world.emit(input.flag()),
        12 => world.ask(),
        _ => world.pass([0, 100, 1_000, 10_000][input.below(4)]),
    }
}

/// An answer of its form, with anything in it.
fn composed(input: &mut Input<'_>) -> Vec<u8> {
    let count = input.below(8);
    let mut reply = format!("*{count}\r\n").into_bytes();
    for _ in 0..count {
        let (first, last) = (number(input), number(input));
        let host = match input.below(12) {
            10 => b"_\r\n".to_vec(),
            11 => bulk(input.bytes()),
            at => bulk(HOSTS[at].as_bytes()),
        };
        reply.extend(range(first, last, &host, input.pick(&PORTS)));
    }
    reply
}

fn number(input: &mut Input<'_>) -> i64 {
    match input.below(8) {
        0 => 0,
        1 => SLOTS - 1,
        2 => SLOTS,
        3 => -1,
        _ => input.below(SLOTS as usize) as i64,
    }
}

fn range(first: i64, last: i64, host: &[u8], port: i64) -> Vec<u8> {
    let (head, tail) = (format!("*3\r\n:{first}\r\n:{last}\r\n*3\r\n"), format!(":{port}\r\n$2\r\nid\r\n"));
    [head.as_bytes(), host, tail.as_bytes()].concat()
}

/// What is there when all is well.
fn check(world: &mut World<Said>, format: ClusterFormat) {
    for connection in world.open.values() {
        let Connection { host, port, .. } = connection;
        assert!(GOOD.contains(&&**host) && *port == 1, "{host}:{port}");
        let shards = connection.listens.iter().filter(|(kind, _)| kind == "SSUBSCRIBE").map(|(_, name)| name);
        for name in shards.chain(&connection.reads) {
            assert_eq!(owner(slot(name)), connection.host, "{}", name.escape_ascii());
        }
    }
    // One that looks around, and of each server those for commands and for what it listens to.
    assert!(world.open.len() <= 1 + 3 * 3, "{} connections", world.open.len());
    let count = |kind: &str| {
        let all = world.open.values().flat_map(|connection| &connection.listens);
        all.filter(|(of, _)| of == kind).count()
    };
    let reads = world.open.values().filter(|connection| connection.reads.is_some()).count();
    let listens = [count("SUBSCRIBE"), count("PSUBSCRIBE"), count("SSUBSCRIBE"), reads];
    // A pattern that was refused is made up for by a channel.
    let expected = match format {
        ClusterFormat::Sharded(_) => &[[0, 0, 8, 0]][..],
        ClusterFormat::Streams => &[[8, 0, 0, 1]],
        ClusterFormat::Python => &[[1, 0, 0, 0]],
        _ => &[[12, 4, 0, 0], [16, 0, 0, 0]],
    };
    assert!(expected.contains(&listens), "{format:?}: {listens:?}");
    world.servers.published.clear();
    world.emit(false);
    world.turn();
    let published = &world.servers.published;
    assert_eq!(published.len(), 4, "what is said once is published once: {published:?}");
    for (place, name) in published {
        let is_of_a_slot = matches!(format, ClusterFormat::Sharded(_) | ClusterFormat::Streams);
        assert!(!is_of_a_slot || owner(slot(name)) == place, "{} at {place}", name.escape_ascii());
    }
}

fn owner(slot: u16) -> &'static str {
    PARTS.iter().find(|(slots, _)| slots.contains(&slot)).expect("it is somebody's").1
}

/// What a command is about, if one slot has it.
fn key<'a>(words: &[&'a [u8]]) -> Option<&'a [u8]> {
    match words {
        [b"SSUBSCRIBE" | b"SUNSUBSCRIBE" | b"SPUBLISH" | b"XADD" | b"XREVRANGE", name, ..] => Some(name),
        [b"XREAD", .., name, _] | [b"PUBSUB", b"SHARDNUMSUB", name] => Some(name),
        _ => None,
    }
}

/// The slot of a name, bit by bit.
fn slot(name: &[u8]) -> u16 {
    let open = name.iter().position(|&byte| byte == b'{').map(|open| &name[open + 1..]);
    let tag = open.and_then(|behind| Some(&behind[..behind.iter().position(|&byte| byte == b'}')?]));
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(name);
    let mut crc: u16 = 0;
    for byte in hashed {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 };
        }
    }
    crc % SLOTS as u16
}

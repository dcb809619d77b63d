//! The servers of a Redis Cluster as far as a node speaks to them: three masters, `a`, `b` and `c`, and whoever else gets slots. It must
//! not know how the node does its part.

use super::slots::{self, SLOTS};
use crate::wire::resp::{Reader, Reply};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// A connection as the server has it.
pub(super) struct Connection {
    pub(super) place: String,
    pub(super) received: Vec<u8>,
    pub(super) answers: Vec<u8>,
    /// How and to what it listens.
    pub(super) subscribed: BTreeSet<(&'static str, String)>,
    /// The stream that it waits for, and behind which entry.
    reads: Option<(String, usize)>,
}

impl Connection {
    pub(super) fn to(place: &str) -> Self {
        let (received, answers, subscribed) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { place: place.into(), received, answers, subscribed, reads: None }
    }

    pub(super) fn say(&mut self, what: &str) {
        self.answers.extend_from_slice(what.as_bytes());
    }

    fn push(&mut self, words: &[&str]) {
        let words: String = words.iter().map(|word| bulk(word)).collect();
        self.say(&format!(">3\r\n{words}"));
    }
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// The commands that are there whole, which are taken away.
pub(super) fn parse(received: &mut Vec<u8>) -> Vec<Vec<String>> {
    let mut reader = Reader::new(1 << 20);
    reader.feed(received);
    let mut commands = Vec::new();
    while reader.advance().unwrap() {
        let Reply::List(words) = reader.reply() else { panic!("no command") };
        let word = |word| match word {
            Reply::Text(word) => String::from_utf8_lossy(word).into_owned(),
            other => panic!("{other:?}"),
        };
        commands.push(words.map(word).collect());
    }
    received.drain(..received.len() - reader.buffered());
    commands
}

pub(super) struct Servers {
    owners: Vec<String>,
    /// Servers that take no connection.
    pub(super) gone: BTreeSet<String>,
    /// What everybody answers commands about slots with.
    pub(super) ill: bool,
    /// What is said of slots in place of the truth.
    pub(super) says: Option<String>,
    /// A server that the others do not reach, and what it still says of slots.
    pub(super) cut_off: Option<(String, String)>,
    /// Servers that leave their own host out.
    pub(super) nameless: bool,
    /// What was published or appended, and where.
    pub(super) carried_out: Vec<(String, String)>,
    pub(super) commands: Vec<String>,
    streams: BTreeMap<String, Vec<String>>,
}

impl Servers {
    pub(super) fn new() -> Self {
        let owner = |slot| {
            if slot < 5_000 {
                "a"
            } else if slot < 10_000 {
                "b"
            } else {
                "c"
            }
        };
        Self {
            owners: (0..SLOTS).map(|slot| owner(slot).to_owned()).collect(),
            gone: BTreeSet::new(),
            ill: false,
            says: None,
            cut_off: None,
            nameless: false,
            carried_out: Vec::new(),
            commands: Vec::new(),
            streams: BTreeMap::new(),
        }
    }

    pub(super) fn owner(&self, slot: u16) -> &str {
        &self.owners[usize::from(slot)]
    }

    /// All slots of one are another's from now on, and nobody is told.
    pub(super) fn replace(&mut self, old: &str, new: &str) {
        self.owners.iter_mut().filter(|owner| *owner == old).for_each(|owner| *owner = new.into());
    }

    pub(super) fn move_slots(
        &mut self,
        open: &mut BTreeMap<usize, Connection>,
        slots: RangeInclusive<u16>,
        to: &str,
    ) {
        for slot in slots.clone() {
            self.owners[usize::from(slot)] = to.into();
        }
        for connection in open.values_mut().filter(|connection| connection.place != to) {
            let moved = |(kind, name): &(&str, String)| {
                *kind == "SSUBSCRIBE" && slots.contains(&slots::slot(name.as_bytes()))
            };
            for gone in connection.subscribed.extract_if(.., |it| moved(it)).collect::<Vec<_>>() {
                connection.push(&["sunsubscribe", &gone.1, "0"]);
            }
            if let Some((name, _)) = &connection.reads
                && slots.contains(&slots::slot(name.as_bytes()))
            {
                let slot = slots::slot(name.as_bytes());
                connection.reads = None;
                connection.say(&format!("-MOVED {slot} {to}:1\r\n"));
            }
        }
    }

    /// The others do not reach it from now on, and its slots are another's.
    pub(super) fn cut_off(&mut self, place: &str, new: &str) {
        self.cut_off = Some((place.into(), self.slots(place)));
        self.replace(place, new);
    }

    fn is_cut_off(&self, place: &str) -> bool {
        self.cut_off.as_ref().is_some_and(|(cut_off, _)| cut_off == place)
    }

    fn slots(&self, asked: &str) -> String {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for (slot, owner) in self.owners.iter().enumerate() {
            match ranges.last_mut() {
                Some((first, last)) if self.owners[*first] == *owner => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        let range = |(first, last): &(usize, usize)| {
            let owner = &self.owners[*first];
            let host = if self.nameless && owner == asked { "" } else { owner };
            format!("*3\r\n:{first}\r\n:{last}\r\n*3\r\n{}:1\r\n$2\r\nid\r\n", bulk(host))
        };
        format!("*{}\r\n{}", ranges.len(), ranges.iter().map(range).collect::<String>())
    }

    fn entries(&self, name: &str, behind: usize) -> Option<String> {
        let all = self.streams.get(name).filter(|all| all.len() > behind)?;
        let entry = |(number, value): (usize, &String)| {
            format!("*2\r\n{}*2\r\n{}{}", bulk(&format!("{}-0", number + 1)), bulk("k"), bulk(value))
        };
        let entries: String = all.iter().enumerate().skip(behind).map(entry).collect();
        Some(format!("%1\r\n{}*{}\r\n{entries}", bulk(name), all.len() - behind))
    }

    /// What a server does about a command on one of the connections.
    pub(super) fn carry_out(
        &mut self,
        open: &mut BTreeMap<usize, Connection>,
        number: usize,
        words: &[String],
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let place = open[&number].place.clone();
        self.commands.push(format!("{place} {}", words.join(" ")));
        let key = match words[..] {
            ["SSUBSCRIBE" | "SPUBLISH" | "XADD" | "XREVRANGE", name, ..] => Some(name),
            ["XREAD", .., name, _] => Some(name),
            _ => None,
        };
        if let Some(key) = key {
            let slot = slots::slot(key.as_bytes());
            let owner = self.owner(slot);
            if self.ill || self.is_cut_off(&place) {
                return open.get_mut(&number).unwrap().say("-CLUSTERDOWN The cluster is down\r\n");
            }
            if owner != place {
                let moved = format!("-MOVED {slot} {owner}:1\r\n");
                return open.get_mut(&number).unwrap().say(&moved);
            }
        }
        let answer = match words[..] {
            ["HELLO", ..] => "%1\r\n$5\r\nproto\r\n:3\r\n".into(),
            ["PING"] => "+PONG\r\n".into(),
            ["AUTH" | "CLIENT", ..] => "+OK\r\n".into(),
            ["CLUSTER", "SLOTS"] if self.is_cut_off(&place) => self.cut_off.as_ref().unwrap().1.clone(),
            ["CLUSTER", "INFO"] if self.is_cut_off(&place) => bulk("cluster_state:fail"),
            ["CLUSTER", "SLOTS"] => self.says.clone().unwrap_or_else(|| self.slots(&place)),
            ["CLUSTER", "INFO"] => bulk(if self.ill { "cluster_state:fail" } else { "cluster_state:ok" }),
            ["SUBSCRIBE" | "SSUBSCRIBE" | "PSUBSCRIBE", name] => {
                let kind = match words[0] {
                    "SUBSCRIBE" => "SUBSCRIBE",
                    "SSUBSCRIBE" => "SSUBSCRIBE",
                    _ => "PSUBSCRIBE",
                };
                let connection = open.get_mut(&number).unwrap();
                // It may be there: what has ended and comes again may cross what the node has asked for.
                connection.subscribed.insert((kind, name.to_owned()));
                return connection.push(&[&kind.to_lowercase(), name, "1"]);
            }
            ["UNSUBSCRIBE" | "SUNSUBSCRIBE" | "PUNSUBSCRIBE", name] => {
                let connection = open.get_mut(&number).unwrap();
                connection
                    .subscribed
                    .retain(|(kind, of)| *kind != words[0].replace("UNS", "S") || of != name);
                return connection.push(&[&words[0].to_lowercase(), name, "0"]);
            }
            ["PUBLISH" | "SPUBLISH", channel, payload] => {
                self.carried_out.push((channel.into(), payload.into()));
                let sharded = words[0] == "SPUBLISH";
                for other in open.values_mut().filter(|other| !sharded || other.place == place) {
                    let (kind, said) =
                        if sharded { ("SSUBSCRIBE", "smessage") } else { ("SUBSCRIBE", "message") };
                    if other.subscribed.contains(&(kind, channel.to_owned())) {
                        other.push(&[said, channel, payload]);
                    }
                }
                ":0\r\n".into()
            }
            ["PUBSUB", how, channel] => {
                let kind = if how == "NUMSUB" { "SUBSCRIBE" } else { "SSUBSCRIBE" };
                let here = open.values().filter(|other| other.place == place);
                let count =
                    here.filter(|other| other.subscribed.contains(&(kind, channel.to_owned()))).count();
                format!("*2\r\n{}:{count}\r\n", bulk(channel))
            }
            ["XADD", stream, .., value] => {
                self.carried_out.push((stream.into(), value.into()));
                self.streams.entry(stream.into()).or_default().push(value.into());
                let there = open.values_mut().filter(|other| other.place == place);
                for other in there {
                    if let Some((name, behind)) = other.reads.take_if(|(name, _)| name == stream) {
                        other.say(&self.entries(&name, behind).unwrap());
                    }
                }
                "+1-0\r\n".into()
            }
            ["XREVRANGE", stream, ..] => match self.streams.get(stream) {
                Some(all) => format!("*1\r\n*2\r\n{}*0\r\n", bulk(&format!("{}-0", all.len()))),
                None => "*0\r\n".into(),
            },
            ["XREAD", .., stream, behind] => {
                let behind = behind.split('-').next().unwrap().parse().unwrap();
                match self.entries(stream, behind) {
                    Some(entries) => entries,
                    None => {
                        open.get_mut(&number).unwrap().reads = Some((stream.into(), behind));
                        return;
                    }
                }
            }
            ref other => panic!("{other:?}"),
        };
        open.get_mut(&number).unwrap().say(&answer);
    }
}

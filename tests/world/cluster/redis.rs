//! A Redis in memory, as far as nodes speak to one: pub/sub, shards and streams, in either protocol. It must not know what is published.

use roomcast::wire::resp::{Reader, Reply};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One of a node's connections.
pub(super) type Number = (usize, usize);

#[derive(Default)]
pub(super) struct Redis {
    conns: BTreeMap<Number, Conn>,
    streams: BTreeMap<Vec<u8>, VecDeque<Entry>>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    last: u64,
    /// It is there.
    pub(super) runs: bool,
    old: bool,
    /// Each message to a subscriber comes twice.
    pub(super) doubles: bool,
    pub(super) now: u64,
}

struct Entry {
    id: u64,
    fields: Vec<Vec<u8>>,
}

struct Conn {
    reader: Reader,
    /// What the node has yet to be given.
    out: Vec<u8>,
    pushes: bool,
    subscribed: BTreeSet<(&'static str, Vec<u8>)>,
    reads: Option<Read>,
}

/// A wait for entries of a stream.
struct Read {
    stream: Vec<u8>,
    behind: u64,
    most: usize,
    until: u64,
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(format!("${}\r\n", bytes.len()).bytes());
    out.extend(bytes);
    out.extend(b"\r\n");
}

fn list(out: &mut Vec<u8>, mark: char, count: usize) {
    out.extend(format!("{mark}{count}\r\n").bytes());
}

fn entry(out: &mut Vec<u8>, it: &Entry) {
    list(out, '*', 2);
    bulk(out, format!("{}-0", it.id).as_bytes());
    list(out, '*', it.fields.len());
    it.fields.iter().for_each(|field| bulk(out, field));
}

/// Whether a pattern that ends with a star, and has no other, fits.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let mut plain = Vec::new();
    let mut letters = pattern.strip_suffix(b"*").expect("a star").iter();
    while let Some(&letter) = letters.next() {
        plain.push(if letter == b'\\' { *letters.next().expect("a letter behind it") } else { letter });
    }
    name.starts_with(&plain)
}

impl Redis {
    /// `old`: it speaks the old protocol alone.
    pub(super) fn new(old: bool) -> Self {
        Self { runs: true, old, ..Self::default() }
    }

    pub(super) fn open(&mut self, at: Number) {
        let conn = Conn {
            reader: Reader::new(1 << 24),
            out: Vec::new(),
            pushes: false,
            subscribed: BTreeSet::new(),
            reads: None,
        };
        assert!(self.conns.insert(at, conn).is_none());
    }

    /// Whether it was open.
    pub(super) fn close(&mut self, at: Number) -> bool {
        self.conns.remove(&at).is_some()
    }

    pub(super) fn open_ones(&self) -> Vec<Number> {
        self.conns.keys().copied().collect()
    }

    /// It is gone, with all that it knew.
    pub(super) fn crash(&mut self) {
        *self =
            Self { old: self.old, doubles: self.doubles, now: self.now, last: self.last, ..Self::default() };
    }

    /// What a node is given next.
    pub(super) fn output(&mut self, at: Number) -> &mut Vec<u8> {
        &mut self.conns.get_mut(&at).expect("an open connection").out
    }

    pub(super) fn received(&mut self, at: Number, bytes: &[u8]) {
        self.conns.get_mut(&at).expect("an open connection").reader.feed(bytes);
        loop {
            let reader = &mut self.conns.get_mut(&at).expect("an open connection").reader;
            if !reader.advance().expect("a command") {
                return;
            }
            let Reply::List(words) = reader.reply() else { panic!("{:?}", reader.reply()) };
            let word = |word| match word {
                Reply::Text(text) => Vec::from(text),
                other => panic!("{other:?}"),
            };
            let words: Vec<Vec<u8>> = words.map(word).collect();
            self.command(at, &words.iter().map(|word| &**word).collect::<Vec<_>>());
        }
    }

    fn command(&mut self, at: Number, words: &[&[u8]]) {
        let mut out = Vec::new();
        match words {
            [b"HELLO", b"3", ..] if !self.old => {
                self.conns.get_mut(&at).unwrap().pushes = true;
                out.extend(b"%1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n");
            }
            [b"HELLO", ..] => out.extend(b"-ERR unknown command 'HELLO'\r\n"),
            [b"CLIENT", b"SETNAME", _] => out.extend(b"+OK\r\n"),
            [b"PING"] if self.conns[&at].pushes || self.conns[&at].subscribed.is_empty() => {
                out.extend(b"+PONG\r\n")
            }
            [b"PING"] => out.extend(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
            [b"SUBSCRIBE", name] => self.subscribe(at, "message", "subscribe", name, true),
            [b"PSUBSCRIBE", name] => self.subscribe(at, "pmessage", "psubscribe", name, true),
            [b"SSUBSCRIBE", name] => self.subscribe(at, "smessage", "ssubscribe", name, true),
            [b"UNSUBSCRIBE", name] => self.subscribe(at, "message", "unsubscribe", name, false),
            [b"PUNSUBSCRIBE", name] => self.subscribe(at, "pmessage", "punsubscribe", name, false),
            [b"SUNSUBSCRIBE", name] => self.subscribe(at, "smessage", "sunsubscribe", name, false),
            [b"PUBLISH", name, payload] => {
                let count = self.publish("message", name, payload) + self.publish("pmessage", name, payload);
                list(&mut out, ':', count);
            }
            [b"SPUBLISH", name, payload] => {
                let count = self.publish("smessage", name, payload);
                list(&mut out, ':', count);
            }
            [b"PUBSUB", how, name] => {
                let kind = if *how == b"NUMSUB" { "message" } else { "smessage" };
                let count =
                    self.conns.values().filter(|it| it.subscribed.contains(&(kind, name.to_vec()))).count();
                list(&mut out, '*', 2);
                bulk(&mut out, name);
                list(&mut out, ':', count);
            }
            [b"XADD", stream, b"MAXLEN", b"~", most, b"*", fields @ ..] => {
                self.last += 1;
                let entries = self.streams.entry(stream.to_vec()).or_default();
                entries.push_back(Entry {
                    id: self.last,
                    fields: fields.iter().map(|it| it.to_vec()).collect(),
                });
                let most: usize = std::str::from_utf8(most).unwrap().parse().unwrap();
                while entries.len() > most {
                    entries.pop_front();
                }
                bulk(&mut out, format!("{}-0", self.last).as_bytes());
            }
            [b"XREVRANGE", stream, b"+", b"-", b"COUNT", b"1"] => {
                let newest = self.streams.get(*stream).and_then(VecDeque::back);
                list(&mut out, '*', newest.iter().len());
                newest.iter().for_each(|it| entry(&mut out, it));
            }
            [b"XRANGE", stream, from, to, rest @ ..] => {
                let place = |text: &[u8]| match text {
                    b"+" => u64::MAX,
                    _ => {
                        let (time, number) = std::str::from_utf8(text).unwrap().split_once('-').unwrap();
                        // All of them are the first of their millisecond.
                        time.parse::<u64>().unwrap() + u64::from(number != "0")
                    }
                };
                let most = match rest {
                    [b"COUNT", most] => std::str::from_utf8(most).unwrap().parse().unwrap(),
                    _ => usize::MAX,
                };
                let within = place(from)..=place(to);
                let entries = self.streams.get(*stream).into_iter().flatten();
                let entries: Vec<_> = entries.filter(|it| within.contains(&it.id)).take(most).collect();
                list(&mut out, '*', entries.len());
                entries.iter().for_each(|it| entry(&mut out, it));
            }
            [b"SET", key, value, b"PX", _] => {
                self.values.insert(key.to_vec(), value.to_vec());
                out.extend_from_slice(b"+OK\r\n");
            }
            [b"GETDEL", key] => match self.values.remove(*key) {
                Some(value) => bulk(&mut out, &value),
                None => out.extend_from_slice(b"$-1\r\n"),
            },
            [b"DEL", key] => {
                let was = self.values.remove(*key).is_some();
                list(&mut out, ':', usize::from(was));
            }
            [b"XREAD", b"COUNT", most, b"BLOCK", time, b"STREAMS", stream, id] => {
                let number = |text: &[u8]| {
                    std::str::from_utf8(text).unwrap().split('-').next().unwrap().parse::<u64>().unwrap()
                };
                let (behind, most, until) = (number(id), number(most) as usize, self.now + number(time));
                let reads = Some(Read { stream: stream.to_vec(), behind, most, until });
                self.conns.get_mut(&at).unwrap().reads = reads;
            }
            other => {
                panic!("{:?}", other.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>())
            }
        }
        self.output(at).extend(out);
        self.answer_reads();
    }

    fn subscribe(&mut self, at: Number, kind: &'static str, said: &str, name: &[u8], on: bool) {
        let conn = self.conns.get_mut(&at).unwrap();
        let key = (kind, name.to_vec());
        if on {
            conn.subscribed.insert(key);
        } else {
            conn.subscribed.remove(&key);
        }
        let count = conn.subscribed.len();
        list(&mut conn.out, if conn.pushes { '>' } else { '*' }, 3);
        bulk(&mut conn.out, said.as_bytes());
        bulk(&mut conn.out, name);
        list(&mut conn.out, ':', count);
    }

    fn publish(&mut self, kind: &'static str, name: &[u8], payload: &[u8]) -> usize {
        let mut count = 0;
        for conn in self.conns.values_mut() {
            let Conn { subscribed, out, pushes, .. } = conn;
            let heard = |(of, what): &&(&str, Vec<u8>)| {
                *of == kind && if kind == "pmessage" { fits(what, name) } else { what == name }
            };
            for (_, what) in subscribed.iter().filter(heard) {
                count += 1;
                for _ in 0..if self.doubles { 2 } else { 1 } {
                    list(out, if *pushes { '>' } else { '*' }, if kind == "pmessage" { 4 } else { 3 });
                    bulk(out, kind.as_bytes());
                    if kind == "pmessage" {
                        bulk(out, what);
                    }
                    bulk(out, name);
                    bulk(out, payload);
                }
            }
        }
        count
    }

    /// Where each message stands in the stream, by the number that it says.
    pub(super) fn places(&self) -> BTreeMap<usize, u64> {
        let number = |entry: &Entry| {
            let data = entry.fields.chunks(2).find(|pair| pair[0] == b"data")?;
            let text = std::str::from_utf8(&data[1]).ok()?;
            let (number, _) = text.split_once("[\"n\",")?.1.split_once(']')?;
            Some((number.parse().ok()?, entry.id))
        };
        self.streams.values().flatten().filter_map(number).collect()
    }

    /// Gives those who wait for entries what there is, or nothing if their time is up.
    pub(super) fn answer_reads(&mut self) {
        for conn in self.conns.values_mut() {
            let Some(Read { stream, behind, most, until }) = &conn.reads else { continue };
            let entries = self.streams.get(stream).into_iter().flatten().filter(|it| it.id > *behind);
            let entries: Vec<&Entry> = entries.take(*most).collect();
            if !entries.is_empty() {
                match conn.pushes {
                    true => list(&mut conn.out, '%', 1),
                    false => {
                        list(&mut conn.out, '*', 1);
                        list(&mut conn.out, '*', 2);
                    }
                }
                bulk(&mut conn.out, stream);
                list(&mut conn.out, '*', entries.len());
                entries.iter().for_each(|it| entry(&mut conn.out, it));
                conn.reads = None;
            } else if *until <= self.now {
                conn.out.extend(if conn.pushes { &b"_\r\n"[..] } else { b"*-1\r\n" });
                conn.reads = None;
            }
        }
    }
}

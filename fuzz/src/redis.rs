//! A node, and the places where it looks for its Redis: connections that are opened and cut, the commands that come over them, and time. It
//! must not know what anybody answers.

use super::input::Input;
use roomcast::service::Service;
use roomcast::wire::resp::{Reader, Reply};
use roomcast::{
    Cluster, ClusterFormat, Config, Core, Event, Events, Message, NamespaceId, NamespaceOptions, Target,
};
use std::collections::{BTreeMap, BTreeSet};

/// As many connections as a loop has room for.
const MOST: usize = 260;
/// What a node lets wait for one Redis, and one message more.
const MOST_OUTPUT: usize = (16 << 20) + (1 << 20);
/// Within this the node is there again, when all servers are good.
const SOON: u64 = 120_000;
/// How long whoever reads a stream waits for what is new.
const BLOCK: u64 = 5_000;
/// Looks at what was received in one turn: there is an end to what comes of it.
const LOOKS: usize = 10_000;

/// The node's side of its connections.
macro_rules! bus {
    ($world:expr) => {
        $world.core.bus_mut().expect("a node")
    };
}

/// Who is at the places.
pub(crate) trait Servers {
    /// Whether a connection to a place comes about. It may be one that nobody has told of.
    fn takes(&mut self, host: &str, port: u16) -> bool;

    /// What it says to a command; nothing, if it does not.
    fn answer(&mut self, on: &mut Connection, words: &[&[u8]]) -> Vec<u8>;
}

/// A connection as its server has it.
pub(crate) struct Connection {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What it listens to, with the command that began it.
    pub(crate) listens: BTreeSet<(String, Vec<u8>)>,
    /// The stream of which it waits for entries, and until when it does if that is known.
    pub(crate) reads: Option<Vec<u8>>,
    until: Option<u64>,
    /// It was told that it speaks to no master.
    pub(crate) is_replica: bool,
    commands: Reader,
}

pub(crate) struct World<S> {
    core: Core,
    namespaces: Vec<NamespaceId>,
    now: u64,
    events: Events,
    pub(crate) open: BTreeMap<usize, Connection>,
    is_up: bool,
    pub(crate) servers: S,
}

impl<S: Servers> World<S> {
    pub(crate) fn new(url: &str, format: ClusterFormat, servers: S) -> Self {
        let cluster = Cluster { url: url.into(), format, max_message: 10_000, ..Cluster::default() };
        let config = Config { cluster: Some(cluster), ..Config::default() };
        let mut core = Core::new(config, 1_700_000_000_000).expect("a good config");
        let namespace = |name| core.add_namespace(name, NamespaceOptions::default()).expect("a good name");
        let namespaces = ["/", "/a", "/b", "/c"].map(namespace).into();
        let (events, open) = (Events::new(), BTreeMap::new());
        Self { core, namespaces, now: 0, events, open, is_up: false, servers }
    }

    /// Bytes that come over one of the open connections.
    pub(crate) fn receive(&mut self, which: usize, bytes: &[u8]) {
        if let Some(number) = self.nth(which) {
            bus!(self).received(number, bytes);
        }
    }

    /// One of the open connections is cut.
    pub(crate) fn cut(&mut self, which: usize) {
        if let Some(number) = self.nth(which) {
            self.open.remove(&number);
            bus!(self).closed(number, "cut");
        }
    }

    fn nth(&self, which: usize) -> Option<usize> {
        self.open.keys().nth(which.checked_rem(self.open.len())?).copied()
    }

    /// The host says something to all, which each of the namespaces has a channel for.
    pub(crate) fn emit(&mut self, volatile: bool) {
        for &namespace in &self.namespaces {
            let message = Message::new("n", "[1]");
            let message = if volatile { message.volatile() } else { message };
            self.core.emit(Target::all(namespace), message).expect("an emit");
        }
    }

    /// The host asks how many nodes there are.
    pub(crate) fn ask(&mut self) {
        self.core.count_nodes(self.namespaces[0], 0).expect("a question");
    }

    /// Time passes up to what is due next, but no more than this.
    pub(crate) fn pass(&mut self, most: u64) {
        let reads = self.open.values().filter_map(|connection| connection.until).min();
        // What it has to say comes first.
        let says = self.open.keys().any(|&number| !bus!(self).output(number).is_empty()).then_some(0);
        let due = [bus!(self).next_timeout(), reads, says].into_iter().flatten().min().unwrap_or(u64::MAX);
        self.now = due.clamp(self.now, self.now + most);
        self.turn();
    }

    /// All connections are cut; the servers that come up again are good ones.
    pub(crate) fn comes_up(&mut self) {
        while !self.open.is_empty() {
            self.cut(0);
        }
        let end = self.now + SOON;
        self.turn();
        while !self.is_up {
            assert!(self.now < end, "it does not find its Redis any more");
            self.pass(end - self.now);
        }
        // What was to go away is gone.
        for _ in 0..8 {
            self.pass(100);
        }
        self.turn();
        assert!(self.is_up, "it has lost its Redis");
    }

    /// Takes a step after the other until the input is over, and a turn behind each.
    pub(crate) fn play(&mut self, input: &mut Input<'_>, step: impl Fn(&mut Self, &mut Input<'_>)) {
        self.turn();
        while !input.is_empty() {
            step(self, input);
            self.turn();
        }
    }

    pub(crate) fn turn(&mut self) {
        let now = self.now;
        bus!(self).tick(now);
        while let Some(number) = bus!(self).hung_up() {
            self.open.remove(&number);
        }
        while let Some((number, place)) = bus!(self).dial() {
            assert!(number < MOST, "connection {number}");
            let (host, port) = place.to_string().rsplit_once(':').map(parts).expect("a host and a port");
            if self.servers.takes(&host, port) {
                let connection = Connection::to(host, port);
                assert!(self.open.insert(number, connection).is_none(), "{number} is open");
                bus!(self).connected(number);
            } else {
                assert!(!self.open.contains_key(&number), "{number} is open");
                bus!(self).closed(number, "refused");
            }
        }
        for number in self.open.keys().copied().collect::<Vec<_>>() {
            let output = bus!(self).output(number).to_vec();
            assert!(output.len() <= MOST_OUTPUT, "{} bytes wait", output.len());
            bus!(self).sent(number, output.len());
            let connection = self.open.get_mut(&number).expect("it is open");
            let mut answers = connection.wait(now);
            answers.extend(connection.hear(&output, &mut self.servers));
            if !answers.is_empty() {
                bus!(self).received(number, &answers);
            }
        }
        self.look();
        self.core.timeout(now);
        self.take();
    }

    fn look(&mut self) {
        let mut looks = 0;
        while self.core.bus().expect("a node").has_news() {
            looks += 1;
            assert!(looks < LOOKS, "there is no end to it");
            self.core.bus_received(self.now);
            self.take();
        }
    }

    fn take(&mut self) {
        self.core.take_events(&mut self.events);
        for event in self.events.iter() {
            match event {
                Event::ClusterUp { .. } => self.is_up = true,
                Event::ClusterDown { .. } => self.is_up = false,
                _ => {}
            }
        }
    }
}

impl Connection {
    fn to(host: String, port: u16) -> Self {
        let (listens, commands) = (BTreeSet::new(), Reader::new(MOST_OUTPUT));
        Self { host, port, listens, reads: None, until: None, is_replica: false, commands }
    }

    /// A stream that has nothing new says so after a while.
    fn wait(&mut self, now: u64) -> Vec<u8> {
        if self.reads.is_none() || *self.until.get_or_insert(now + BLOCK) > now {
            return Vec::new();
        }
        (self.reads, self.until) = (None, None);
        b"_\r\n".to_vec()
    }

    /// What is said to the commands that are there whole.
    fn hear(&mut self, bytes: &[u8], servers: &mut impl Servers) -> Vec<u8> {
        let mut commands = std::mem::replace(&mut self.commands, Reader::new(0));
        let mut answers = Vec::new();
        commands.feed(bytes);
        while commands.advance().expect("commands") {
            let Reply::List(words) = commands.reply() else { panic!("no command") };
            let word = |word| match word {
                Reply::Text(text) => text,
                other => panic!("{other:?}"),
            };
            let words: Vec<&[u8]> = words.map(word).collect();
            answers.extend(servers.answer(self, &words));
        }
        self.commands = commands;
        answers
    }

    /// What a Redis says that does as it is told.
    pub(crate) fn obey(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let command = String::from_utf8_lossy(words[0]).into_owned();
        match &*command {
            "HELLO" => hello("master"),
            "PING" => b"+PONG\r\n".to_vec(),
            "AUTH" | "CLIENT" | "SELECT" => b"+OK\r\n".to_vec(),
            "XADD" => b"+1-0\r\n".to_vec(),
            "XREVRANGE" => b"*0\r\n".to_vec(),
            "PUBLISH" | "SPUBLISH" => b":1\r\n".to_vec(),
            "PUBSUB" => [b"*2\r\n", &*bulk(words[2]), b":1\r\n"].concat(),
            "XREAD" => {
                self.reads = Some(words[words.len() - 2].to_vec());
                Vec::new()
            }
            "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" => {
                let answer = self.confirm(&command, words[1]);
                self.listens.insert((command, words[1].to_vec()));
                answer
            }
            "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" => {
                self.listens.remove(&(command.replace("UNS", "S"), words[1].to_vec()));
                self.confirm(&command, words[1])
            }
            other => panic!("{other}"),
        }
    }

    fn confirm(&self, command: &str, name: &[u8]) -> Vec<u8> {
        let command = command.to_ascii_lowercase();
        [b">3\r\n", &*bulk(command.as_bytes()), &bulk(name), b":1\r\n"].concat()
    }
}

/// An address without the brackets that it has when it is written.
fn parts((host, port): (&str, &str)) -> (String, u16) {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.filter(|bare| bare.contains(':')).unwrap_or(host);
    (host.to_owned(), port.parse().expect("a port"))
}

/// A text of a reply.
pub(crate) fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}

/// The answer to `HELLO` of a server with this role.
pub(crate) fn hello(role: &str) -> Vec<u8> {
    [b"%2\r\n", &*bulk(b"proto"), b":3\r\n", &bulk(b"role"), &bulk(role.as_bytes())].concat()
}

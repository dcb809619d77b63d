//! A node of a cluster whose Redis, and whose other nodes, say anything, while its host asks and emits: nothing panics, what waits is bounded,
//! and what the host has asked is over when its time is. It must not know what a message means.

use super::input::Input;
use roomcast::service::Service;
use roomcast::{
    Cluster, ClusterFormat, Config, Core, Event, Events, Message, NamespaceId, NamespaceOptions, SubscriptionMode,
    Target,
};

const CHANNELS: [&str; 8] = [
    "socket.io#/#",
    "socket.io#/#a#",
    "socket.io-request#/#",
    "socket.io-response#/#",
    "socket.io#/x#",
    "socketio",
    "socket.io#/#UID#",
    "socket.io-response#/#UID#",
];
const FIELDS: [&str; 4] = ["uid", "nsp", "type", "data"];
/// What a node lets wait for Redis, and one message more.
const MOST_OUTPUT: usize = (16 << 20) + (1 << 20);

struct Node {
    core: Core,
    ns: NamespaceId,
    now: u64,
    events: Events,
    open: [bool; 3],
    asked: u64,
    over: u64,
    /// Questions of other nodes' hosts.
    questions: Vec<u64>,
}

pub(crate) fn bus(input: &[u8]) {
    let mut input = Input(input);
    let mut node = Node::new(&mut input);
    while !input.is_empty() {
        node.step(&mut input);
        node.turn();
    }
    for _ in 0..4 {
        node.now += 10_000;
        node.turn();
    }
    assert_eq!(node.over, node.asked, "each question ends, once");
}

impl Node {
    fn new(input: &mut Input<'_>) -> Self {
        let format = input.pick(&[
            ClusterFormat::PubSub,
            ClusterFormat::Sharded(SubscriptionMode::Dynamic),
            ClusterFormat::Sharded(SubscriptionMode::DynamicPrivate),
            ClusterFormat::Streams,
            ClusterFormat::Python,
        ]);
        let room_channels = input.flag();
        let cluster = Cluster { format, room_channels, max_message: 10_000, ..Cluster::default() };
        let mut core = Core::new(Config { cluster: Some(cluster), ..Config::default() }, 1_700_000_000_000)
            .expect("a good config");
        let ns = core.add_namespace("/", NamespaceOptions::default()).expect("a good name");
        Self { core, ns, now: 0, events: Events::new(), open: [false; 3], asked: 0, over: 0, questions: Vec::new() }
    }

    fn receive(&mut self, number: usize, bytes: &[u8]) {
        if self.open[number]
            && let Some(bus) = self.core.bus_mut()
        {
            bus.received(number, bytes);
        }
    }

    /// Something that a Redis says in good form.
    fn say(&mut self, number: usize, mark: char, parts: &[&[u8]]) {
        let mut bytes = format!("{mark}{}\r\n", parts.len()).into_bytes();
        for part in parts {
            bytes.extend(format!("${}\r\n", part.len()).bytes());
            bytes.extend_from_slice(part);
            bytes.extend(b"\r\n");
        }
        self.receive(number, &bytes);
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let number = input.below(3);
        let (ns, asked) = (self.ns, self.asked);
        match input.below(12) {
            0 => self.receive(number, input.bytes()),
            1 => self.receive(number, input.pick(&["+OK\r\n", ":1\r\n", "_\r\n", "*0\r\n", "-ERR no\r\n", "-NOPERM no\r\n"]).as_bytes()),
            // It is up, sooner.
            2 => self.receive(number, b"%1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"),
            3 => {
                let kind = input.pick(&["subscribe", "psubscribe", "ssubscribe", "sunsubscribe"]);
                let channel = input.pick(&CHANNELS);
                self.say(1, '>', &[kind.as_bytes(), channel.as_bytes(), b"1"]);
            }
            4..=6 => {
                let (channel, payload) = (input.pick(&CHANNELS), input.bytes());
                let (kind, pattern) = (input.pick(&["message", "smessage", "pmessage"]), b"socket.io#/#*");
                match kind {
                    "pmessage" => self.say(1, '>', &[kind.as_bytes(), pattern, channel.as_bytes(), payload]),
                    _ => self.say(1, '>', &[kind.as_bytes(), channel.as_bytes(), payload]),
                }
            }
            7 => {
                let values = [b"u", b"/", input.pick(&["3", "4", "5", "6", "7", "9", "x"]).as_bytes(), input.bytes()];
                let mut bytes = b"%1\r\n$9\r\nsocket.io\r\n*1\r\n*2\r\n$3\r\n9-9\r\n*8\r\n".to_vec();
                for part in FIELDS.iter().zip(values).flat_map(|(name, value)| [name.as_bytes(), value]) {
                    bytes.extend(format!("${}\r\n", part.len()).bytes());
                    bytes.extend_from_slice(part);
                    bytes.extend(b"\r\n");
                }
                self.receive(2, &bytes);
            }
            8 => {
                self.asked += 1;
                let target = if input.flag() { Target::all(ns) } else { Target::rooms(ns, &["a"]) };
                match input.below(3) {
                    0 => self.core.fetch_remote_sockets(target, 0, asked),
                    1 => self.core.ask_nodes(ns, "q", "[1]", &[], 0, asked),
                    _ => self.core.count_nodes(ns, asked),
                }
                .expect("a good question");
            }
            9 => {
                let message = Message::new("n", "[1]");
                let target = if input.flag() { Target::all(ns) } else { Target::rooms(ns, &["a"]) };
                self.core.emit(target, if input.flag() { message.volatile() } else { message }).expect("an emit");
                self.core.sockets_join(target, &["b"]).expect("an order");
            }
            10 => {
                if let Some(question) = self.questions.pop() {
                    // The oldest are forgotten.
                    let _ = self.core.answer_node(question, "[1]", &[]);
                }
            }
            _ if input.flag() => {
                if std::mem::take(&mut self.open[number])
                    && let Some(bus) = self.core.bus_mut()
                {
                    bus.closed(number, "cut");
                }
            }
            _ => self.now += [1, 100, 5_000, 30_000][input.below(4)],
        }
    }

    fn turn(&mut self) {
        let bus = self.core.bus_mut().expect("a node");
        bus.tick(self.now);
        while let Some(number) = bus.hung_up() {
            self.open[number] = false;
        }
        while let Some((number, _)) = bus.dial() {
            assert!(!std::mem::replace(&mut self.open[number], true), "it is open");
            bus.connected(number);
        }
        for number in 0..3 {
            let waiting = bus.output(number).len();
            assert!(waiting <= MOST_OUTPUT, "{waiting} bytes wait");
            bus.sent(number, waiting);
        }
        for _ in 0..64 {
            if !self.core.bus().expect("a node").has_news() {
                break;
            }
            self.core.bus_received(self.now);
            self.take();
        }
        self.core.timeout(self.now);
        self.take();
    }

    fn take(&mut self) {
        self.core.take_events(&mut self.events);
        for event in self.events.iter() {
            match event {
                Event::AnswersEnd { .. } | Event::Nodes { .. } => self.over += 1,
                Event::ServerEvent { answer: Some(answer), .. } => self.questions.push(answer),
                _ => {}
            }
        }
        self.questions.truncate(64);
    }
}

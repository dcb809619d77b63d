//! A node of a cluster whose Redis, and whose other nodes, say anything, while its host asks and emits: nothing panics, what waits is bounded,
//! and what the host has asked is over when its time is. It must not know what a message means.

use super::input::Input;
use roomcast::service::Service;
use roomcast::wire::cluster::{self as other, Opts, Packet, nodes, pubsub, python};
use roomcast::wire::resp::{Reader, Reply};
use roomcast::{
    Cluster, ClusterFormat, Config, Core, Event, Events, Message, NamespaceId, NamespaceOptions,
    SubscriptionMode, Target,
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
    /// Redis answers what it is told, as a good one does.
    answers: bool,
    commands: [Reader; 3],
}

pub(crate) fn bus(input: &[u8]) {
    let mut input = Input(input);
    let mut node = Node::new(&mut input);
    node.turn();
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
        let (room_channels, answers) = (input.flag(), !input.flag());
        let cluster = Cluster { format, room_channels, max_message: 10_000, ..Cluster::default() };
        let mut core = Core::new(Config { cluster: Some(cluster), ..Config::default() }, 1_700_000_000_000)
            .expect("a good config");
        let ns = core.add_namespace("/", NamespaceOptions::default()).expect("a good name");
        Self {
            core,
            ns,
            now: 0,
            events: Events::new(),
            open: [false; 3],
            asked: 0,
            over: 0,
            questions: Vec::new(),
            answers,
            commands: std::array::from_fn(|_| Reader::new(MOST_OUTPUT)),
        }
    }

    /// What a good Redis says to these commands.
    fn answer(&mut self, number: usize, commands: &[u8]) {
        self.commands[number].feed(commands);
        while self.commands[number].advance().expect("commands") {
            let Reply::List(words) = self.commands[number].reply() else { panic!("no command") };
            let word = |word| match word {
                Reply::Text(text) => text.to_vec(),
                other => panic!("{other:?}"),
            };
            let words: Vec<Vec<u8>> = words.map(word).collect();
            match &*words[0] {
                b"HELLO" => self.receive(number, b"%1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"),
                b"XREVRANGE" => self.receive(number, b"*0\r\n"),
                b"PUBSUB" => self.say(number, '*', &[&words[2], b"x"]),
                // An answer comes with the next entry.
                b"XREAD" => {}
                name if name.ends_with(b"SUBSCRIBE") => {
                    self.say(number, '>', &[&name.to_ascii_lowercase(), &words[1], b"1"]);
                }
                _ => self.receive(number, b":1\r\n"),
            }
        }
    }

    /// Something that another node says in good form, in any format, on any channel.
    fn hear(&mut self, input: &mut Input<'_>) {
        let text = |input: &mut Input<'_>| input.pick(&["a", "b", "", "x"]);
        let packet = Packet { name: "n".into(), args: "[1,{}]".into(), attachments: Vec::new() };
        let opts = || Opts::default();
        let to = |room: &'static str| Opts { rooms: vec![room.into()], ..Opts::default() };
        let room = text(input);
        let opts = if room.is_empty() { opts() } else { to(room) };
        let request = input.pick(&["q", "uid1", "1"]);
        let message = match input.below(8) {
            0 => other::Message::Broadcast { packet, opts, request: None },
            1 => other::Message::Broadcast { packet, opts, request: Some(request.into()) },
            2 => other::Message::Join { opts, rooms: vec![text(input).into()] },
            3 => other::Message::Leave { opts, rooms: vec![text(input).into()] },
            4 => other::Message::Disconnect { opts, close: input.flag() },
            5 => other::Message::Fetch { request: request.into(), opts },
            6 => other::Message::ServerEmit { packet, request: input.flag().then(|| request.into()) },
            _ => other::Message::AckReply { request: request.into(), value: None },
        };
        let mut bytes = Vec::new();
        let uid = input.pick(&["u", "emitter", "0123456789abcdef"]);
        let told = match input.below(4) {
            0 => pubsub::encode(&mut bytes, uid, "/", &message, 10_000),
            1 => nodes::encode(&mut bytes, nodes::Format::Sharded, uid, "/", &message, 10_000),
            2 => nodes::encode(&mut bytes, nodes::Format::Streams, uid, "/", &message, 10_000),
            _ => python::encode(&mut bytes, uid, "/", &message, 10_000),
        };
        if told.is_ok() {
            let channel = input.pick(&CHANNELS).as_bytes();
            match input.below(3) {
                0 => self.say(1, '>', &[b"pmessage", b"socket.io#/#*", channel, &bytes]),
                1 => self.say(1, '>', &[b"smessage", channel, &bytes]),
                _ => self.say(1, '>', &[b"message", channel, &bytes]),
            }
        }
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
        match input.below(14) {
            0 => self.receive(number, input.bytes()),
            1 => self.receive(
                number,
                input
                    .pick(&["+OK\r\n", ":1\r\n", "_\r\n", "*0\r\n", "-ERR no\r\n", "-NOPERM no\r\n"])
                    .as_bytes(),
            ),
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
                let values =
                    [b"u", b"/", input.pick(&["3", "4", "5", "6", "7", "9", "x"]).as_bytes(), input.bytes()];
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
                self.core
                    .emit(target, if input.flag() { message.volatile() } else { message })
                    .expect("an emit");
                self.core.sockets_join(target, &["b"]).expect("an order");
            }
            10 => {
                if let Some(question) = self.questions.pop() {
                    // The oldest are forgotten.
                    let _ = self.core.answer_node(question, "[1]", &[]);
                }
            }
            11 | 12 => self.hear(input),
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
            self.commands[number] = Reader::new(MOST_OUTPUT);
            bus.connected(number);
        }
        for number in 0..3 {
            let bus = self.core.bus_mut().expect("a node");
            let output = bus.output(number).to_vec();
            assert!(output.len() <= MOST_OUTPUT, "{} bytes wait", output.len());
            bus.sent(number, output.len());
            if self.answers {
                self.answer(number, &output);
            }
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

//! The whole core: peers' bytes on many links, their ends, what the kernel takes, time, and a host's calls, in any order.
//! Nothing may panic, what waits for peers stays within its bound, and when all have gone and time has passed, nothing is
//! left of them.

use super::input::Input;
use super::net::{Asks, Net};
use super::peer::{frames, payload};
use roomcast::cors::{Cors, Origin};
use roomcast::service::{Flow, Owed, Service};
use roomcast::{
    AckId, Config, ConnId, Cookie, Core, Delivery, Event, Events, Limits, Message, NamespaceId,
    NamespaceOptions, PatternOptions, SocketId, Target,
};

const MAX_LINKS: usize = 24;
/// Bytes that wait for one connection; past that its delivery class decides.
const BACKLOG: usize = 4_000;
/// More than any one message here has, with its frame or in base64.
const MESSAGE: usize = 4_000;
const ROOMS: [&str; 6] = ["a", "b", "c", "", "r\u{e9}", "longer than the others"];

struct World {
    /// What its configuration was made of.
    choices: [u8; 3],
    core: Core,
    net: Net,
    now: u64,
    events: Events,
    /// Handles that were seen, dead ones too.
    sockets: Vec<SocketId>,
    conns: Vec<ConnId>,
    namespaces: Vec<NamespaceId>,
    acks: Vec<AckId>,
    /// What clients wait for.
    owed: Vec<(SocketId, u64)>,
    drained: bool,
    made: usize,
    /// Pages of other origins are not let in.
    own_origin: bool,
}

pub(crate) fn world(input: &[u8]) {
    let mut input = Input(input);
    let mut world = World::new(&mut input);
    while !input.is_empty() {
        world.step(&mut input);
        world.check();
    }
    world.end();
}

fn config(input: &mut Input<'_>) -> Config {
    let (one, two, three) = (input.byte(), input.byte(), input.byte());
    let bit = |byte: u8, number: u8| byte >> number & 1 == 1;
    let limits = Limits {
        max_backlog: BACKLOG,
        max_payload: if bit(one, 0) { 300 } else { 2_000 },
        max_events: if bit(one, 1) { 3 } else { 500 },
        max_namespaces_per_connection: 3,
        max_namespaces: 8,
        max_rooms_per_socket: 4,
        max_pending_acks: 4,
        max_poll_packets: if bit(one, 2) { 1 } else { 16 },
        max_links: MAX_LINKS as u32 - 4,
        max_head_bytes: 512,
        max_tick_bytes: 4_096,
        max_handshakes_per_second: if bit(one, 3) { 2 } else { 0 },
        max_connections_per_address: if bit(three, 4) { 2 } else { 0 },
        max_handshakes_per_address: if bit(three, 4) { 3 } else { 0 },
        ..Limits::default()
    };
    let origin = if bit(two, 6) { Origin::Reflect } else { Origin::Any };
    Config {
        guard_handshakes: bit(one, 4),
        engine_only: bit(one, 5) && bit(one, 6),
        room_events: bit(one, 7),
        allow_eio3: bit(one, 7),
        msgpack: bit(two, 6),
        refusal_events: bit(two, 0),
        cookie: bit(two, 1).then(Cookie::default),
        cors: bit(two, 2).then(|| Cors { origin, ..Cors::default() }),
        check_origin: bit(one, 6) && !bit(one, 5),
        initial_packet: bit(two, 3).then(|| "hello".to_owned()),
        health_path: Some("/health".to_owned()),
        metrics_path: Some("/metrics".to_owned()),
        allow_upgrades: !(bit(two, 4) && bit(two, 5)),
        id_generator: bit(two, 7).then(|| {
            let mut number = 0u32;
            Box::new(move || {
                number += 1;
                (!number.is_multiple_of(7)).then(|| format!("own{}", number % 5))
            }) as _
        }),
        per_message_deflate: bit(three, 0),
        compression_threshold: if bit(three, 1) { 0 } else { 100 },
        compression_level: if bit(three, 1) { 9 } else { 1 },
        compress_binary: bit(three, 2),
        trusted_proxies: if bit(three, 3) { vec!["10.0.0.0/8".into(), "unix:".into()] } else { Vec::new() },
        path: if bit(three, 5) { "/engine".into() } else { "/socket.io/".into() },
        add_trailing_slash: !bit(three, 5),
        limits,
        ..Config::default()
    }
}

/// A core with its namespaces.
fn core(config: Config) -> (Core, Vec<NamespaceId>) {
    let mut core = Core::new(config, 1_700_000_000_000).expect("a good config");
    let fleeting = |guarded| PatternOptions { guarded, recovery: !guarded, ..PatternOptions::default() };
    let namespaces = vec![
        core.find_namespace("/").expect("it is always there"),
        core.add_namespace("/open", NamespaceOptions::default()).expect("a good name"),
        core.add_namespace("/guarded", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })
            .expect("a good name"),
    ];
    core.add_pattern("/t-*", fleeting(false)).expect("a good pattern");
    core.add_pattern("/q-*", fleeting(true)).expect("a good pattern");
    (core, namespaces)
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let choices = [input.byte(), input.byte(), input.byte()];
        let config = config(&mut Input(&choices));
        let net = Net::new(config.per_message_deflate);
        let own_origin = config.check_origin && config.cors.is_none();
        let (core, namespaces) = core(config);
        let made = core.stats().namespaces;
        Self {
            choices,
            core,
            net,
            now: 0,
            events: Events::new(),
            sockets: Vec::new(),
            conns: Vec::new(),
            namespaces,
            acks: Vec::new(),
            owed: Vec::new(),
            drained: false,
            made,
            own_origin,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(20) {
            0 | 1 => self.dial(input),
            2..=5 => {
                let (request, asks) = self.request(input);
                self.write(input, &request, asks);
            }
            6..=9 => {
                let frames = frames(input, &self.net.pids, self.chosen(0));
                self.write(input, &frames, Asks::Frames);
            }
            10 => {
                let bytes = input.bytes().to_vec();
                self.write(input, &bytes, Asks::Unknown);
            }
            11 => {
                let reset = input.flag();
                if let Some(link) = self.link(input).and_then(|key| self.net.get(key)) {
                    if reset {
                        link.broken = true;
                    } else {
                        link.ended = true;
                    }
                }
            }
            12 => self.let_read(input),
            13 => self.turn(),
            14 => {
                let time = input.pick(&[1, 100, 1_000, 5_000, 10_000, 25_000, 60_000]);
                self.turn();
                self.pass(time);
            }
            15 | 16 => self.drain_events(input),
            _ => self.call(input),
        }
    }

    /// What the third byte has chosen.
    fn chosen(&self, bit: u8) -> bool {
        self.choices[2] >> bit & 1 == 1
    }

    // ---- the loop ----

    fn dial(&mut self, input: &mut Input<'_>) {
        if self.net.keys().len() >= MAX_LINKS {
            return;
        }
        let room = input.pick(&[usize::MAX, 0, 50, 1_000]);
        let key = self.net.open(room);
        if !self.core.wants_input() || !self.core.opened(key, ([10, 0, 0, 1], 4_000).into(), self.now) {
            self.net.release(key);
        }
    }

    fn link(&mut self, input: &mut Input<'_>) -> Option<usize> {
        let keys = self.net.keys();
        if keys.is_empty() { None } else { Some(input.pick(&keys)) }
    }

    /// A peer sends, in one piece or two.
    fn write(&mut self, input: &mut Input<'_>, bytes: &[u8], asks: Asks) {
        let Some(key) = self.link(input) else { return };
        if let Some(link) = self.net.get(key) {
            link.asks(asks);
        }
        let cut = if input.byte() > 200 { input.below(bytes.len().max(1)) } else { bytes.len() };
        let (first, second) = bytes.split_at(cut);
        for piece in [first, second] {
            if let Some(link) = self.net.get(key)
                && !link.ended
                && !link.broken
            {
                link.unread.extend_from_slice(piece);
                self.read(key);
            }
        }
    }

    fn read(&mut self, key: usize) {
        let wanted = self.core.wants_input();
        let Some(link) = self.net.get(key) else { return };
        if link.paused || link.broken || link.unread.is_empty() || !wanted {
            return;
        }
        let mut bytes = std::mem::take(&mut link.unread);
        let flow = self.core.received(key, &mut bytes, self.now);
        if let Some(link) = self.net.get(key) {
            link.paused = flow == Flow::Pause;
        }
    }

    fn let_read(&mut self, input: &mut Input<'_>) {
        let room = input.pick(&[usize::MAX, 1, 100, 2_000]);
        let Some(key) = self.link(input) else { return };
        if let Some(link) = self.net.get(key) {
            link.room = link.room.saturating_add(room);
            if std::mem::take(&mut link.blocked) && !link.broken {
                self.core.writable(key);
            }
        }
    }

    fn settle(&mut self) {
        loop {
            self.core.flush(&mut self.net, self.now);
            let mut ended = false;
            while let Some(key) = self.net.next_half() {
                self.core.half_closed(key);
            }
            while let Some((key, broken)) = self.net.next_end(|key| self.core.owed(key) != Owed::Nothing) {
                self.net.release(key);
                self.core.closed(key, broken, self.now);
                ended = true;
            }
            if !ended {
                break;
            }
        }
        self.net.recycle();
    }

    fn turn(&mut self) {
        self.settle();
        for key in self.net.keys() {
            self.read(key);
        }
        if self.core.wants_input() && self.core.next_timeout().is_some_and(|due| due <= self.now) {
            self.core.timeout(self.now);
        }
        self.settle();
    }

    /// Time passes, with a turn at each deadline.
    fn pass(&mut self, time: u64) {
        let end = self.now + time;
        if self.core.wants_input() {
            let mut turns = 0;
            while let Some(due) = self.core.next_timeout().filter(|&due| due <= end) {
                self.now = self.now.max(due);
                self.turn();
                turns += 1;
                assert!(turns < 10_000, "timers do not come to rest");
                if !self.core.wants_input() {
                    break;
                }
            }
        }
        self.now = end;
        self.turn();
    }

    // ---- peers ----

    fn request(&mut self, input: &mut Input<'_>) -> (Vec<u8>, Asks) {
        let kind = input.below(13);
        let query = match self.chosen(6) {
            false => input.pick(&["EIO=4", "EIO=4", "EIO=4", "EIO=3", "EIO=4&b64=1", "t=1&EIO=4"]),
            true => {
                input.pick(&["EIO=4", "EIO=3&j=0", "EIO=3&j=1", "EIO=3", "EIO=3&b64=1", "EIO=3&j=2&b64=1"])
            }
        };
        let path =
            if self.chosen(5) { input.pick(&["/engine", "/engine/", "/engine/more"]) } else { "/socket.io/" };
        let version = if input.byte() > 240 { "1.0" } else { "1.1" };
        let headers = input.pick(&[
            "",
            "Connection: close\r\n",
            "Origin: http://a\r\n",
            "Origin: http://x\r\n",
            "Origin: http://x\r\nOrigin: null\r\n",
            "Expect: 100-continue\r\n",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
        ]);
        let more = if self.chosen(7) { more_headers(input) } else { String::new() };
        let headers = format!("{headers}{more}");
        let sids = &self.net.sids;
        let sid = if sids.is_empty() { "none".to_owned() } else { sids[input.below(sids.len())].clone() };
        let session = format!("{path}?{query}&transport=polling&sid={sid}");
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let head = |method: &str, target: &str, more: &str| {
            format!("{method} {target} HTTP/{version}\r\nHost: x\r\n{headers}{more}\r\n").into_bytes()
        };
        let asks = match kind {
            // What follows a body that is shorter than it is said to be is not what it looks like.
            4..=7 => Asks::Unknown,
            _ => Asks::This {
                base64: query.contains("b64"),
                deflate: more.contains("permessage-deflate"),
                barred: self.own_origin && (headers.contains("//a") || headers.contains("null")),
            },
        };
        let bytes = match kind {
            0 | 1 => head("GET", &format!("{path}?{query}&transport=polling"), ""),
            2 | 3 => head("GET", &session, ""),
            4..=6 => {
                let mut body = payload(input, &self.net.pids);
                if query.contains("j=") {
                    body.splice(..0, *b"d=");
                }
                let length = match kind {
                    4 | 5 => format!("Content-Length: {}\r\n", body.len()),
                    _ => format!("Content-Length: {}\r\n", body.len() + input.below(5)),
                };
                [head("POST", &session, &length), body].concat()
            }
            7 => {
                let body = payload(input, &self.net.pids);
                let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat();
                let end: &[u8] = if input.flag() { b"0\r\n\r\n" } else { b"" };
                let chunk = if body.is_empty() { Vec::new() } else { chunk };
                [&head("POST", &session, "Transfer-Encoding: chunked\r\n"), &chunk[..], end].concat()
            }
            8 => head("GET", &format!("{path}?{query}&transport=websocket"), upgrade),
            9 | 10 => head("GET", &format!("{path}?{query}&transport=websocket&sid={sid}"), upgrade),
            11 => head("OPTIONS", &session, "Access-Control-Request-Method: POST\r\n"),
            _ => {
                let path =
                    input.pick(&["/health", "/metrics", "/nothing", "*", "/socket.io", "http://x/health"]);
                let method = input.pick(&["GET", "HEAD", "PUT"]);
                head(method, path, if input.flag() { upgrade } else { "" })
            }
        };
        (bytes, asks)
    }

    // ---- the host ----

    fn drain_events(&mut self, input: &mut Input<'_>) {
        let mut events = std::mem::take(&mut self.events);
        self.core.take_events(&mut events);
        for event in events.iter() {
            self.hear(input, event);
        }
        self.events = events;
        for list in [self.sockets.len(), self.conns.len(), self.owed.len(), self.acks.len()] {
            assert!(list < 100_000, "no input is that long");
        }
    }

    fn hear(&mut self, input: &mut Input<'_>, event: Event<'_>) {
        match event {
            Event::ConnectRequest { socket, namespace, .. } => {
                self.sockets.push(socket);
                self.namespaces.push(namespace);
                match input.below(4) {
                    0 | 1 => self.core.accept(socket).unwrap_or_default(),
                    2 => self.core.reject(socket, "no", Some("{\"why\":1}")).unwrap_or_default(),
                    _ => {}
                }
            }
            Event::Connect { socket, namespace, .. } => {
                self.sockets.push(socket);
                self.namespaces.push(namespace);
            }
            Event::Message { socket, args, attachments, ack, .. } => {
                assert!(args.starts_with('[') && attachments.len() <= 10);
                self.owed.extend(ack.map(|ack| (socket, ack)));
            }
            Event::Handshake { conn } => {
                self.conns.push(conn);
                match input.below(4) {
                    0 | 1 => self.core.allow(conn).unwrap_or_default(),
                    2 => self.core.refuse(conn, "no").unwrap_or_default(),
                    _ => {}
                }
            }
            Event::Open { conn } => self.conns.push(conn),
            Event::NamespaceCreated { namespace, .. } => self.namespaces.push(namespace),
            Event::Drained => self.drained = true,
            _ => {}
        }
    }

    /// A handle that was seen, or one that never was.
    fn socket(&self, input: &mut Input<'_>) -> SocketId {
        if self.sockets.is_empty() || input.byte() > 240 {
            let bits = 2u64 << 60 | u64::from(input.byte()) << 32 | u64::from(input.byte());
            return SocketId::from_bits(bits).expect("the kind is right");
        }
        input.pick(&self.sockets)
    }

    fn conn(&self, input: &mut Input<'_>) -> ConnId {
        let of_socket = self.core.conn_of(self.socket(input));
        match of_socket {
            Ok(conn) if input.flag() => conn,
            _ if self.conns.is_empty() => {
                ConnId::from_bits(1 << 60 | 1 << 32 | u64::from(input.byte())).expect("the kind is right")
            }
            _ => input.pick(&self.conns),
        }
    }

    fn call(&mut self, input: &mut Input<'_>) {
        let namespace = input.pick(&self.namespaces);
        let socket = self.socket(input);
        let room = input.pick(&ROOMS);
        // What comes of it is the host's to see; here only that nothing breaks.
        match input.below(20) {
            0..=3 => self.emit(input, namespace, socket, room),
            4 | 5 => _ = self.core.join(socket, room),
            6 => _ = self.core.leave(socket, room),
            7 => _ = self.core.leave_all(socket),
            8 => {
                let (one, two) = (input.pick(&ROOMS), input.pick(&ROOMS));
                _ = self.core.change_rooms(socket, &[room, one], &[two, room, one]);
            }
            9 => _ = self.core.disconnect(socket, input.flag()),
            10 => _ = self.core.close_connection(self.conn(input)),
            11 => _ = self.core.accept(socket),
            12 => _ = self.core.reject(socket, "refused", input.flag().then_some("nonsense")),
            13 => _ = self.core.allow(self.conn(input)),
            14 => _ = self.core.refuse(self.conn(input), ""),
            15 => {
                if let Some(at) = self.owed.len().checked_sub(1 + input.below(4)) {
                    let (socket, ack) = self.owed[at];
                    _ = self.core.ack(socket, ack, "[1]", &[]);
                }
            }
            16 => {
                let conn = self.conn(input);
                _ = self.core.send_message(conn, "text");
                _ = self.core.send_binary(conn, b"bytes");
            }
            17 => self.ask(namespace, socket, room),
            18 => match input.below(8) {
                0 => _ = self.core.drain(1 + u32::from(input.byte()), "restart"),
                1 => self.core.stop_draining(),
                2 => self.core.slept_through(u64::from(input.byte()) * 1_000),
                3 => _ = self.core.unheard(u64::from(input.byte()) * 1_000),
                4 => self.core.shut_down(),
                5 => self.core.reopen(),
                6 => {
                    self.core.abandon_links();
                    for key in self.net.keys() {
                        self.net.release(key);
                    }
                    self.net.recycle();
                }
                _ => _ = self.core.add_pattern("/w-*-z", PatternOptions::default()),
            },
            _ => self.settle(),
        }
    }

    fn emit(&mut self, input: &mut Input<'_>, namespace: NamespaceId, socket: SocketId, room: &str) {
        let others = [self.socket(input), socket];
        let rooms = [room, input.pick(&ROOMS)];
        let target = match input.below(6) {
            0 | 1 => Target::all(namespace),
            2 => Target::rooms(namespace, &rooms),
            3 => Target::sockets(namespace, &others),
            4 => Target::all(namespace).except(&others[..1]),
            _ => Target::rooms(namespace, &rooms[..1]).except_rooms(&rooms[1..]),
        };
        let bytes = input.pick(&[2usize, 2, 2, 600, 1_500]);
        let text = format!("[\"{}\"]", "x".repeat(bytes));
        let with_attachment = "[{\"_placeholder\":true,\"num\":0}]";
        let message = match input.below(5) {
            0 => Message::new("event", "[]"),
            1 | 2 => Message::new("event", &text),
            3 => Message::new("event", with_attachment).attach(&[b"attached"]),
            _ => Message::new("event", "[1"),
        };
        let delivery = match input.below(6) {
            0..=2 => Delivery::Reliable,
            3 => Delivery::Volatile,
            4 => Delivery::Latest(u64::from(input.byte() % 3)),
            _ => Delivery::DropOldest,
        };
        let message = message.delivery(delivery);
        match input.below(4) {
            0 => {
                let timeout = input.pick(&[None, Some(0), Some(1_000)]);
                if let Ok((_, Some(ack))) = self.core.emit_with_ack(target, message, timeout, 0) {
                    self.acks.push(ack);
                }
            }
            1 => _ = self.core.send(socket, message),
            _ => _ = self.core.emit(target, message),
        }
    }

    fn ask(&self, namespace: NamespaceId, socket: SocketId, room: &str) {
        let core = &self.core;
        let in_room = core.members(namespace, room).map(Iterator::count).unwrap_or_default();
        assert!(in_room <= core.stats().sockets);
        if let Ok(rooms) = core.rooms_of(socket) {
            let rooms: Vec<&str> = rooms.collect();
            for room in rooms {
                assert_eq!(core.is_member(socket, room), Ok(true), "{room:?}");
            }
        }
        if let Ok(sid) = core.socket_sid(socket)
            && let Some(found) = core.find_socket(sid)
        {
            assert_eq!(found, socket);
        }
        _ = core.handshake(socket).map(|handshake| format!("{handshake:?}"));
        _ = core.queued_bytes(socket);
        _ = core.namespace_of(socket).map(|namespace| core.namespace_name(namespace).map(str::to_owned));
        _ = core.rooms_in(namespace).map(Iterator::count);
    }

    // ---- what holds ----

    fn check(&self) {
        let stats = self.core.stats();
        let most = stats.connections * (BACKLOG + MESSAGE);
        assert!(
            stats.queued_bytes <= most,
            "{} bytes wait, {most} are the most: {stats:?}",
            stats.queued_bytes
        );
        assert!(stats.links <= MAX_LINKS, "{stats:?}");
    }

    /// All peers go, the host drains its events, and time passes.
    fn end(&mut self) {
        self.hand_over();
        let mut nothing = Input(&[3; 0]);
        self.core.reopen();
        self.drained = false;
        self.core.drain(1_000_000, "over").expect("a good rate");
        for key in self.net.keys() {
            if let Some(link) = self.net.get(key) {
                link.ended |= key % 2 == 0;
                link.broken |= key % 2 == 1;
            }
        }
        let mut turns = 0;
        loop {
            self.drain_silently(&mut nothing);
            self.turn();
            self.drain_silently(&mut nothing);
            match self.core.next_timeout() {
                None if !self.core.has_output() => break,
                due => self.now = self.now.max(due.unwrap_or(self.now)),
            }
            turns += 1;
            assert!(turns < 10_000, "it does not come to rest: {:?}", self.core.stats());
        }
        self.drain_silently(&mut nothing);
        let stats = self.core.stats();
        let left = [
            ("links", stats.links, 0),
            ("connections", stats.connections, 0),
            ("sockets", stats.sockets, 0),
            ("rooms", stats.rooms, 0),
            ("away", stats.away, 0),
            ("recovery bytes", stats.recovery_bytes, 0),
            ("pending acks", stats.pending_acks, 0),
            ("timers", stats.timers, 0),
            ("queued bytes", stats.queued_bytes, 0),
            ("links of the net", self.net.keys().len(), 0),
        ];
        for (what, count, expected) in left {
            assert_eq!(count, expected, "{what} are left: {stats:?}");
        }
        assert!(stats.namespaces >= self.made, "{stats:?}");
        assert_eq!(stats.counters.connections_opened, stats.counters.connections_closed, "{stats:?}");
        assert!(self.drained, "nothing says that the drain is over");
    }

    /// Whatever has become of them, another process can take its sessions over.
    fn hand_over(&mut self) {
        let kept = self.core.export_recovery().expect("there is one loop");
        let recovering = self.core.namespaces().filter(|(_, name)| name.starts_with("/t-"));
        // Those of Engine.IO 3 have none.
        let has_one = |socket: &SocketId| {
            let conn = self.core.conn_of(*socket).expect("it is connected");
            self.core.conn_handshake(conn).expect("it is there").protocol() == 4
        };
        let connected = recovering.map(|(namespace, _)| {
            self.core.sockets_in(namespace).map_or(0, |sockets| sockets.filter(has_one).count())
        });
        let sessions = connected.sum::<usize>() + self.core.stats().away;
        let (mut next, _) = core(config(&mut Input(&self.choices)));
        assert_eq!(next.import_recovery(&kept), Ok(sessions));
    }

    /// The host hears, and answers nothing any more.
    fn drain_silently(&mut self, _: &mut Input<'_>) {
        let mut events = std::mem::take(&mut self.events);
        self.core.take_events(&mut events);
        self.drained |= events.iter().any(|event| matches!(event, Event::Drained));
        self.events = events;
    }
}

/// What else may stand in the head of a request.
fn more_headers(input: &mut Input<'_>) -> String {
    const COMMON: [&str; 7] = [
        "Accept-Encoding: gzip, deflate;q=0.5\r\n",
        "Accept-Encoding: gzip;q=0, *\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n",
        "X-Forwarded-For: 1.1.1.1, 10.1.1.1\r\n",
        "X-Forwarded-For: [2001:db8::1]:1\r\nX-Forwarded-For: unix:,10.2.2.2\r\n",
        "X-Forwarded-For: ,\r\nX-Forwarded-Host: a\r\n",
    ];
    let kind = input.below(12);
    if let Some(common) = COMMON.get(kind) {
        return common.to_string();
    }
    let name = match kind {
        7 | 8 => "Accept-Encoding",
        9 => "X-Forwarded-For",
        10 => "Sec-WebSocket-Extensions",
        _ => return String::new(),
    };
    let value: String =
        input.bytes().iter().map(|byte| char::from(byte & 0x7f)).filter(|it| !it.is_control()).collect();
    format!("{name}: {value}\r\n")
}

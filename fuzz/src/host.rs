//! A host's calls in any order, on live, stale and forged handles, through the Rust face: on the host's own thread, with
//! loops, and from a second thread through a remote. It must not know what a call is good for: nothing may panic or hang,
//! a handle that never was is refused, and at the end the broker lets go of everything.

use super::input::Input;
use roomcast::{
    AckId, Broker, Config, ConnId, Delivery, Error, Event, Events, Limits, Message, NamespaceId,
    NamespaceOptions, PatternOptions, Remote, Resource, SocketId, Target,
};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const ROOMS: [&str; 5] = ["a", "b", "", "r\u{e9}", "\0"];
/// Turns that a thing may take which has to come.
const PATIENCE: usize = 4_000;

struct Host {
    broker: Broker,
    loops: usize,
    events: Events,
    clients: Vec<TcpStream>,
    address: SocketAddr,
    sockets: Vec<SocketId>,
    conns: Vec<ConnId>,
    namespaces: Vec<NamespaceId>,
    acks: Vec<AckId>,
    owed: Vec<(SocketId, u64)>,
    drained: bool,
}

pub(crate) fn operations(input: &[u8]) {
    let mut input = Input(input);
    let loops = input.pick(&[0, 0, 0, 1, 2]);
    let mut host = Host::new(&mut input, loops);
    host.dial();
    host.dial();
    let other = input.flag().then(|| {
        let bytes = input.bytes().to_vec();
        let (remote, sockets, namespaces) =
            (host.broker.remote(), host.sockets.clone(), host.namespaces.clone());
        std::thread::spawn(move || from_afar(&remote, &sockets, &namespaces, &mut Input(&bytes)))
    });
    while !input.is_empty() {
        host.step(&mut input);
    }
    let remote = host.broker.remote();
    if let Some(other) = other {
        other.join().expect("the other thread ends well");
    }
    host.end();
    assert_eq!(remote.wake(), Err(Error::Closed));
    assert_eq!(remote.stop_draining(), Err(Error::Closed));
}

impl Host {
    fn new(input: &mut Input<'_>, loops: usize) -> Self {
        let flags = input.byte();
        let limits = Limits {
            max_events: if flags & 1 == 1 { 16 } else { 4_096 },
            remote_queue: if flags & 2 == 2 { 2 } else { 256 },
            max_rooms_per_socket: 3,
            max_namespaces: 8,
            max_backlog: 10_000,
            ..Limits::default()
        };
        let room_events = flags & 4 == 4;
        let guard_handshakes = flags & 24 == 24;
        let mut broker =
            Broker::new(Config { loops, limits, room_events, guard_handshakes, ..Config::default() })
                .expect("a good config");
        let address = broker.listen("127.0.0.1:0").expect("a free port");
        let namespaces = vec![
            broker.find_namespace("/").expect("it is always there"),
            broker
                .add_namespace("/guarded", NamespaceOptions { guarded: true, ..NamespaceOptions::default() })
                .expect("a good name"),
        ];
        Self {
            broker,
            loops,
            events: Events::new(),
            clients: Vec::new(),
            address,
            sockets: Vec::new(),
            conns: Vec::new(),
            namespaces,
            acks: Vec::new(),
            owed: Vec::new(),
            drained: false,
        }
    }

    /// One more client, and a few turns for it to come in.
    fn dial(&mut self) {
        if self.clients.len() >= 4 {
            return;
        }
        let mut client = TcpStream::connect(self.address).expect("the broker listens");
        // Thousands of ports would wait for stray packets otherwise.
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).expect("a socket option");
        let mut hello = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            .to_vec();
        for packet in ["40", "40/guarded,", "421[\"hello\"]"] {
            hello.extend([0x81, 0x80 | packet.len() as u8, 0, 0, 0, 0]);
            hello.extend(packet.as_bytes());
        }
        // A broker that drains may have gone already.
        _ = client.write_all(&hello);
        client.set_nonblocking(true).expect("a socket option");
        self.clients.push(client);
        let before = self.sockets.len();
        for _ in 0..20 {
            self.poll(1);
            if self.sockets.len() > before {
                break;
            }
        }
    }

    fn poll(&mut self, millis: u64) {
        self.broker.poll(&mut self.events, Some(Duration::from_millis(millis))).expect("no loop has ended");
        for event in self.events.iter() {
            match event {
                Event::ConnectRequest { socket, .. } | Event::Connect { socket, .. } => {
                    self.sockets.push(socket)
                }
                Event::Message { socket, ack: Some(ack), .. } => self.owed.push((socket, ack)),
                Event::Handshake { conn } => self.conns.push(conn),
                Event::NamespaceCreated { namespace, .. } => self.namespaces.push(namespace),
                Event::Drained => self.drained = true,
                _ => {}
            }
        }
        for client in &mut self.clients {
            while client.read(&mut [0; 4_096]).is_ok_and(|count| count > 0) {}
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(30) {
            0 => self.dial(),
            1 => drop(if self.clients.is_empty() { None } else { Some(self.clients.swap_remove(0)) }),
            2..=4 => self.poll(0),
            5 => self.broker.flush(),
            6 => {
                if let Some(client) = self.clients.first_mut() {
                    _ = client.write_all(&[&[0x81, 0x82, 0, 0, 0, 0], &b"3\n"[..]].concat());
                }
            }
            _ => self.call(input),
        }
    }

    fn socket(&self, input: &mut Input<'_>) -> SocketId {
        if self.sockets.is_empty() || input.byte() > 200 {
            forged_socket(input)
        } else {
            input.pick(&self.sockets)
        }
    }

    fn conn(&self, input: &mut Input<'_>) -> ConnId {
        match self.broker.conn_of(self.socket(input)) {
            Ok(conn) if input.flag() => conn,
            _ if self.conns.is_empty() => forged_conn(input),
            _ => input.pick(&self.conns),
        }
    }

    fn call(&mut self, input: &mut Input<'_>) {
        let socket = self.socket(input);
        let namespace = namespace(&self.namespaces, input);
        let conn = self.conn(input);
        let room = input.pick(&ROOMS);
        let broker = &mut self.broker;
        // What comes of a call is the host's to see; here only that nothing breaks.
        match input.below(26) {
            0 => _ = broker.join(socket, room),
            1 => _ = broker.leave(socket, room),
            2 => _ = broker.leave_all(socket),
            3 => _ = broker.change_rooms(socket, &[room, "a"], &["b", room, room]),
            4 => _ = broker.accept(socket),
            5 => _ = broker.reject(socket, "no", input.flag().then_some("{")),
            6 => _ = broker.disconnect(socket, input.flag()),
            7 => _ = broker.allow(conn),
            8 => _ = broker.refuse(conn, "no"),
            9 => _ = broker.close_connection(conn),
            10 => _ = broker.send_message(conn, room),
            11 => _ = broker.send_binary(conn, room.as_bytes()),
            12 => {
                if let Some(at) = self.owed.len().checked_sub(1) {
                    let (socket, ack) = self.owed[input.below(at + 1)];
                    _ = broker.ack(socket, ack, "[]", &[]);
                }
                _ = broker.ack(socket, u64::from(input.byte()), "[1", &[]);
            }
            13 => _ = broker.add_namespace(input.pick(&["/x", "y", "", "/a,b"]), NamespaceOptions::default()),
            14 => {
                _ = broker.add_pattern(
                    "/t-*",
                    PatternOptions {
                        guarded: input.flag(),
                        remove_when_empty: true,
                        ..PatternOptions::default()
                    },
                )
            }
            15 => _ = broker.serve(input.pick(&["/page", "no slash"]), Resource::new("text/plain", "hello")),
            16 => _ = broker.drain(u32::from(input.byte()), room),
            17 => broker.stop_draining(),
            18 => self.ask(socket, namespace, conn, room),
            19 if input.byte() > 250 => {
                _ = broker.close(&mut self.events, Duration::from_millis(1));
                self.address = broker.listen("127.0.0.1:0").expect("a free port");
            }
            _ => emit(broker, &mut self.acks, socket, namespace, room, input),
        }
    }

    fn ask(&self, socket: SocketId, namespace: NamespaceId, conn: ConnId, room: &str) {
        let broker = &self.broker;
        _ = broker.members(namespace, room).map(Iterator::count);
        _ = broker.sockets_in(namespace).map(Iterator::count);
        _ = broker.rooms_in(namespace).map(Iterator::count);
        _ = broker.rooms_of(socket).map(Iterator::count);
        _ = broker.is_member(socket, room);
        _ = broker.namespace_name(namespace);
        _ = broker.namespaces().count();
        _ = broker.queued_bytes(socket);
        _ = broker.handshake(socket).map(|handshake| format!("{handshake:?}"));
        _ = broker.conn_handshake(conn).map(|handshake| format!("{handshake:?}"));
        _ = broker.is_websocket(conn);
        _ = broker.find_socket(room);
        _ = (broker.metrics().to_string().len(), broker.stats(), broker.is_draining(), broker.next_timeout());
        let never = forged_socket(&mut Input(&[250, 250]));
        assert_eq!(broker.namespace_of(never), Err(Error::Gone));
        assert_eq!(broker.is_member(never, "a"), Err(Error::Gone));
    }

    /// The clients go, and then the broker.
    fn end(mut self) {
        // What the other thread ordered comes first.
        self.poll(0);
        self.broker.stop_draining();
        self.drained = false;
        self.broker.drain(1_000_000, "over").expect("a good rate");
        for _ in 0..PATIENCE {
            if self.drained {
                break;
            }
            self.poll(1);
            // A handshake that the host does not answer is a connection all the same.
            for conn in std::mem::take(&mut self.conns) {
                _ = self.broker.refuse(conn, "");
            }
        }
        assert!(
            self.drained,
            "{} loops: nothing says that the drain is over: {:?}",
            self.loops,
            self.broker.stats()
        );
        self.clients.clear();
        self.broker.close(&mut self.events, Duration::from_secs(2)).expect("it closes");
        let stats = self.broker.stats();
        let left = [stats.connections, stats.sockets, stats.rooms, stats.pending_acks, stats.queued_bytes];
        assert_eq!(left, [0; 5], "{} loops: {stats:?}", self.loops);
    }
}

fn forged_socket(input: &mut Input<'_>) -> SocketId {
    let bits = 2u64 << 60 | u64::from(input.byte()) << 33 | u64::from(input.byte()) << 25 | 7;
    SocketId::from_bits(bits).expect("the kind is right")
}

fn forged_conn(input: &mut Input<'_>) -> ConnId {
    let bits = 1u64 << 60 | u64::from(input.byte()) << 33 | u64::from(input.byte()) << 25 | 3;
    ConnId::from_bits(bits).expect("the kind is right")
}

fn namespace(known: &[NamespaceId], input: &mut Input<'_>) -> NamespaceId {
    if input.byte() > 230 {
        return NamespaceId::from_bits(3 << 60 | u64::from(input.byte()) << 30).expect("the kind is right");
    }
    input.pick(known)
}

fn message<'a>(input: &mut Input<'_>, attachments: &'a [&'a [u8]]) -> Message<'a> {
    const LONG: &str =
        "[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]";
    let message = match input.below(6) {
        0 => Message::new("event", "[]"),
        1 => Message::new("event", LONG),
        2 => Message::new("e", "[{\"_placeholder\":true,\"num\":0}]").attach(attachments),
        3 => Message::new("e", "[").attach(attachments),
        4 => Message::new("connect", "[]"),
        _ => Message::new("", "[1,2]"),
    };
    message.delivery(match input.below(4) {
        0 => Delivery::Reliable,
        1 => Delivery::Volatile,
        2 => Delivery::Latest(1),
        _ => Delivery::DropOldest,
    })
}

fn emit(
    broker: &mut Broker,
    acks: &mut Vec<AckId>,
    socket: SocketId,
    namespace: NamespaceId,
    room: &str,
    input: &mut Input<'_>,
) {
    let (sockets, rooms) = ([socket, forged_socket(input)], [room, "a"]);
    let target = match input.below(5) {
        0 => Target::all(namespace),
        1 => Target::rooms(namespace, &rooms),
        2 => Target::sockets(namespace, &sockets),
        3 => Target::all(namespace).except(&sockets).except_rooms(&rooms[..1]),
        _ => Target::rooms(namespace, &[]),
    };
    let message = message(input, &[b"attached"]);
    match input.below(4) {
        0 => {
            let timeout = input.pick(&[None, Some(0), Some(10)]);
            if let Ok((_, Some(ack))) = broker.emit_with_ack(target, message, timeout, 0) {
                acks.push(ack);
            }
        }
        1 => _ = broker.send(socket, message),
        _ => _ = broker.emit(target, message),
    }
}

/// What another thread does meanwhile.
fn from_afar(remote: &Remote, sockets: &[SocketId], namespaces: &[NamespaceId], input: &mut Input<'_>) {
    while !input.is_empty() {
        let socket =
            if sockets.is_empty() || input.byte() > 200 { forged_socket(input) } else { input.pick(sockets) };
        let room = input.pick(&ROOMS);
        match input.below(12) {
            0 => _ = remote.join(socket, room),
            1 => _ = remote.leave(socket, room),
            2 => _ = remote.change_rooms(socket, &[room], &["a", room]),
            3 => _ = remote.disconnect(socket, input.flag()),
            4 => _ = remote.drain(u32::from(input.byte()), room),
            5 => _ = remote.stop_draining(),
            6 => _ = remote.wake(),
            _ => {
                let namespace = namespace(namespaces, input);
                let (rooms, sockets) = ([room], [socket]);
                let target = match input.below(3) {
                    0 => Target::all(namespace),
                    1 => Target::rooms(namespace, &rooms),
                    _ => Target::sockets(namespace, &sockets),
                };
                _ = remote.emit(target, message(input, &[b"attached"]));
            }
        }
    }
}

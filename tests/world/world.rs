//! The broker's core, a network, clients and a clock, all in one hand. A turn does what the loop does, in its order.

use crate::client::{Carrier, Client, Wire};
use crate::net::{End, Net};
use fastrand::Rng;
use roomcast::service::{Flow, Owed, Service};
use roomcast::{
    AckId, Config, ConnId, Core, Event, Events, Limits, NamespaceId, Reason, RoomChange, SocketId,
};

/// An event that outlives its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Request {
        socket: SocketId,
        namespace: NamespaceId,
        id: String,
        auth: String,
        recovered: bool,
    },
    Connect {
        socket: SocketId,
        namespace: NamespaceId,
        auth: String,
        recovered: bool,
    },
    Message {
        socket: SocketId,
        namespace: NamespaceId,
        name: String,
        args: String,
        attachments: Vec<Vec<u8>>,
        ack: Option<u64>,
    },
    Ack {
        ack: AckId,
        socket: SocketId,
        args: String,
        remaining: u32,
        context: u64,
    },
    AckEnd {
        ack: AckId,
        missing: u32,
        timed_out: bool,
        context: u64,
    },
    Disconnect {
        socket: SocketId,
        namespace: NamespaceId,
        reason: Reason,
        rooms: Vec<String>,
        recoverable: bool,
    },
    Expired {
        socket: SocketId,
        tag: u64,
    },
    ProtocolError {
        socket: SocketId,
    },
    Created(String),
    Removed(String),
    Room(RoomChange, String),
    Handshake(ConnId),
    Refused(u8),
    Drained,
    News(News),
    Other,
}

/// What is told of a cluster's other nodes, each with the host's number for what it has asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Socket(u64, String),
    Nodes(u64, u32),
    Ack(u64, u32),
    End(u64, Option<u32>),
}

impl Seen {
    fn new(event: Event<'_>) -> Self {
        match event {
            Event::ConnectRequest { socket, namespace, id, auth, recovered, .. } => {
                Seen::Request { socket, namespace, id: id.into(), auth: auth.into(), recovered }
            }
            Event::Connect { socket, namespace, auth, recovered, .. } => {
                Seen::Connect { socket, namespace, auth: auth.into(), recovered }
            }
            Event::Message { socket, namespace, name, args, attachments, ack, .. } => Seen::Message {
                socket,
                namespace,
                name: name.into(),
                args: args.into(),
                attachments: attachments.iter().map(<[u8]>::to_vec).collect(),
                ack,
            },
            Event::Ack { ack, socket, args, remaining, context, .. } => {
                Seen::Ack { ack, socket, args: args.into(), remaining, context }
            }
            Event::AckEnd { ack, missing, timed_out, context } => {
                Seen::AckEnd { ack, missing, timed_out, context }
            }
            Event::Disconnect { socket, namespace, reason, rooms, recoverable, .. } => Seen::Disconnect {
                socket,
                namespace,
                reason,
                rooms: rooms.iter().map(str::to_owned).collect(),
                recoverable,
            },
            Event::SessionExpired { socket, tag, .. } => Seen::Expired { socket, tag },
            Event::ProtocolError { socket, .. } => Seen::ProtocolError { socket },
            Event::NamespaceCreated { name, .. } => Seen::Created(name.into()),
            Event::NamespaceRemoved { name, .. } => Seen::Removed(name.into()),
            Event::Room { change, room, .. } => Seen::Room(change, room.into()),
            Event::Handshake { conn } => Seen::Handshake(conn),
            Event::Refused { code, .. } => Seen::Refused(code),
            Event::Drained => Seen::Drained,
            Event::RemoteSocket { id, context, .. } => Seen::News(News::Socket(context, id.into())),
            Event::Nodes { count, context } => Seen::News(News::Nodes(context, count)),
            Event::RemoteAck { remaining, context, .. } => Seen::News(News::Ack(context, remaining)),
            Event::AnswersEnd { missing, context } => Seen::News(News::End(context, missing)),
            _ => Seen::Other,
        }
    }
}

pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) net: Net,
    pub(crate) now: u64,
    /// The wall clock when `now` is 0.
    pub(crate) epoch: u64,
    pub(crate) clients: Vec<Client>,
    pub(crate) seen: Vec<Seen>,
    events: Events,
    pub(crate) rng: Rng,
    /// Input comes in pieces of random size.
    pub(crate) splits: bool,
    /// The host drains events.
    pub(crate) drains: bool,
    /// Where the next links come from, if not each from an address of its own.
    pub(crate) peer: Option<std::net::IpAddr>,
}

const EPOCH: u64 = 1_700_000_000_000;

/// What a client's kernel holds unless a test says otherwise.
pub(crate) const ROOM: usize = 64 * 1024;

impl World {
    pub(crate) fn new(config: Config) -> Self {
        Self::seeded(config, 1)
    }

    pub(crate) fn seeded(config: Config, seed: u64) -> Self {
        Self {
            core: Core::new(config, EPOCH).expect("a good config"),
            epoch: EPOCH,
            net: Net::default(),
            now: 0,
            clients: Vec::new(),
            seen: Vec::new(),
            events: Events::new(),
            rng: Rng::with_seed(seed),
            splits: false,
            drains: true,
            peer: None,
        }
    }

    // ---- links ----

    /// A TCP connection; `None` if the broker refuses it.
    pub(crate) fn dial(&mut self, room: usize) -> Option<Wire> {
        let (id, key) = self.net.open(room);
        let own = std::net::IpAddr::from([10, 0, (id >> 8) as u8, id as u8]);
        let peer = (self.peer.unwrap_or(own), 40_000);
        if self.core.opened(key, peer.into(), self.now) {
            return Some(Wire { id, ..Wire::default() });
        }
        self.net.refuse(id);
        self.net.end(id, End::Fin);
        None
    }

    /// A connection with nothing on it but what the test writes.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Wire {
        let wire = self.dial(ROOM).expect("room for a link");
        self.net.write(wire.id, bytes);
        wire
    }

    // ---- the loop ----

    fn flush(&mut self) {
        loop {
            self.core.flush(&mut self.net, self.now);
            let mut ended = false;
            for at in 0..self.net.busy.len() {
                let id = self.net.busy[at];
                if let Some((key, reset)) = self.net.take_end(id, |key| self.core.owed(key) != Owed::Nothing)
                {
                    self.core.closed(key, reset, self.now);
                    ended = true;
                }
            }
            if !ended {
                return;
            }
        }
    }

    /// One turn of the loop at the current time.
    pub(crate) fn turn(&mut self) {
        self.flush();
        let busy = std::mem::take(&mut self.net.busy);
        for &id in &busy {
            if let Some(key) = self.net.take_writable(id) {
                self.core.writable(key);
            }
        }
        for &id in &busy {
            self.deliver(id);
        }
        for id in busy {
            let pipe = &self.net.pipes[id];
            if pipe.key.is_some() && (!pipe.up.is_empty() || pipe.client_end.is_some()) && !pipe.paused {
                self.net.busy.push(id);
            }
        }
        self.net.busy.sort_unstable();
        self.net.busy.dedup();
        if self.core.next_timeout().is_some_and(|due| due <= self.now) && self.core.wants_input() {
            self.core.timeout(self.now);
        }
        self.flush();
        self.net.recycle();
        if self.drains {
            self.core.take_events(&mut self.events);
            self.seen.extend(self.events.iter().map(Seen::new));
        }
    }

    pub(crate) fn deliver(&mut self, id: usize) {
        let mut left = 256 * 1024;
        loop {
            let pipe = &mut self.net.pipes[id];
            let Some(key) = pipe.key else { return };
            if self.core.wants_input() && self.net.meets_end(id) {
                return self.core.half_closed(key);
            }
            let pipe = &mut self.net.pipes[id];
            if pipe.up.is_empty() || pipe.paused || left == 0 || !self.core.wants_input() {
                return;
            }
            let most = pipe.up.len().min(64 * 1024).min(left);
            let count =
                if self.splits && self.rng.u8(..) < 64 { self.rng.usize(1..=most.min(200)) } else { most };
            let mut bytes: Vec<u8> = pipe.up.drain(..count).collect();
            left -= count;
            if self.core.received(key, &mut bytes, self.now) == Flow::Pause {
                self.net.pipes[id].paused = true;
            }
        }
    }

    pub(crate) fn pump(&mut self) {
        for client in &mut self.clients {
            client.pump(&mut self.net, usize::MAX);
        }
    }

    /// Turns until nobody has anything to say at this time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..200 {
            let before = self.core.stats().counters;
            self.turn();
            self.pump();
            let after = self.core.stats().counters;
            let due = self.core.next_timeout().is_some_and(|due| due <= self.now) && self.core.wants_input();
            let moving = self.net.busy.iter().any(|&id| {
                let pipe = &self.net.pipes[id];
                let moves = pipe.client_end.is_some() || !pipe.up.is_empty();
                pipe.key.is_some() && !pipe.is_held() && moves && !pipe.paused
            });
            let busy = due || self.core.has_output() || (moving && self.core.wants_input());
            if before == after && !busy {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Lets time pass, with a stop at every deadline.
    pub(crate) fn run(&mut self, time: u64) {
        let end = self.now + time;
        self.settle();
        while let Some(due) = self.core.next_timeout().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    // ---- clients ----

    pub(crate) fn client(&mut self) -> usize {
        self.clients.push(Client::new(ROOM));
        self.clients.len() - 1
    }

    /// Opens a session over WebSocket.
    pub(crate) fn open_websocket(&mut self, at: usize) {
        let room = self.clients[at].room;
        let Some(wire) = self.dial(room) else { return };
        let client = &mut self.clients[at];
        client.carrier = Carrier::WebSocket;
        let request = client.upgrade_request();
        self.net.write(wire.id, request.as_bytes());
        client.ws = Some(wire);
    }

    /// Opens a session over polling.
    pub(crate) fn open_polling(&mut self, at: usize) {
        let room = self.clients[at].room;
        let Some(mut poll) = self.dial(room) else { return };
        let Some(post) = self.dial(room) else { return self.net.end(poll.id, End::Fin) };
        poll.busy = true;
        let version = self.clients[at].version();
        let get = format!("GET /socket.io/?{version}&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n");
        self.net.write(poll.id, get.as_bytes());
        let client = &mut self.clients[at];
        client.carrier = Carrier::Polling;
        client.poll = Some(poll);
        client.post = Some(post);
    }

    /// Opens the WebSocket beside polling, and sends the probe.
    pub(crate) fn open_probe(&mut self, at: usize) {
        let room = self.clients[at].room;
        let Some(wire) = self.dial(room) else { return };
        let client = &mut self.clients[at];
        self.net.write(wire.id, client.upgrade_request().as_bytes());
        client.ws = Some(wire);
        client.ws_open = false;
        client.upgrading = true;
        client.frame(&mut self.net, 1, b"2probe");
    }

    pub(crate) fn text(&mut self, at: usize, text: &str) {
        self.clients[at].send_text(&mut self.net, text);
    }

    /// A client in the namespace `/`; returns it and its socket.
    pub(crate) fn joined(&mut self, websocket: bool) -> (usize, SocketId) {
        let at = self.client();
        if websocket {
            self.open_websocket(at);
        } else {
            self.open_polling(at);
        }
        self.settle();
        (at, self.join_namespace(at, "/"))
    }

    pub(crate) fn join_namespace(&mut self, at: usize, nsp: &str) -> SocketId {
        let connect = if nsp == "/" { "40".to_owned() } else { format!("40{nsp},") };
        self.text(at, &connect);
        self.settle();
        self.socket(at, nsp).expect("the namespace took it")
    }

    /// The socket of a client in a namespace, by what the broker told the client.
    pub(crate) fn socket(&self, at: usize, nsp: &str) -> Option<SocketId> {
        self.core.find_socket(&self.clients[at].socket_id(nsp)?)
    }

    pub(crate) fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    /// Nothing of any client is left, but for `namespaces`.
    pub(crate) fn assert_empty(&self, namespaces: usize) {
        let stats = self.core.stats();
        let left = [
            ("links", stats.links),
            ("connections", stats.connections),
            ("sockets", stats.sockets),
            ("rooms", stats.rooms),
            ("pending acks", stats.pending_acks),
            ("timers", stats.timers),
            ("queued bytes", stats.queued_bytes),
        ];
        for (what, count) in left {
            assert_eq!(count, 0, "{what} are left: {stats:?}");
        }
        assert_eq!(stats.namespaces, namespaces, "namespaces");
        assert_eq!(stats.counters.connections_opened, stats.counters.connections_closed, "{stats:?}");
    }
}

/// The defaults with other limits.
pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = Config::default();
    change(&mut config.limits);
    config
}

pub(crate) fn root(world: &World) -> NamespaceId {
    world.core.find_namespace("/").unwrap()
}

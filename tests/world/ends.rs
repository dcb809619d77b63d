//! Every way in which what carries a session can end, in every order: nothing may stay behind, and no peer's bytes after its
//! end may matter. The model has no expectation but that.

use crate::net::End;
use crate::parse;
use crate::world::{Seen, World};
use roomcast::service::{Owed, Service};
use roomcast::{Config, Limits, Message, SocketId};

/// A client that reads nothing makes the server's goodbye wait; what it sends after a frame that was refused is not read.
#[test]
fn a_link_whose_close_frame_cannot_leave_is_not_read() {
    let mut world = World::new(Config::default());
    let (at, _) = world.joined(true);
    let id = world.clients[at].ws.as_ref().expect("a WebSocket").id;
    world.net.pipes[id].room = 0;
    let fault = world.core.stats().counters.bad_frames;
    for byte in [0x81, 0x00].into_iter().chain([0x55; 64]) {
        world.net.write(id, &[byte]);
        world.turn();
    }
    let stats = world.core.stats();
    assert_eq!(stats.counters.bad_frames, fault + 1, "one fault is counted once");
    assert_eq!(stats.sockets, 0, "the session is over");
    world.net.pipes[id].room = usize::MAX;
    world.net.busy.push(id);
    world.run(Limits::default().close_timeout + 1);
    world.assert_empty(1);
}

/// What carries the session when the ends begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Polling: a poll is open and half a POST has come.
    PollAndPost,
    /// The same on one connection, the POST behind the poll.
    PostBehindPoll,
    /// Polling: half a POST has come, on a connection where the poll of another session waits before it.
    PostBehindOther,
    /// Polling: between two polls, half a POST has come.
    Post,
    /// Polling: between two polls; the connections are kept alive.
    Idle,
    /// Polling: a poll is open beside a WebSocket that has just opened.
    Probe,
    /// The same after `2probe`.
    ProbeAnswered,
    WebSocket,
    /// A WebSocket whose client reads nothing, with output that waits.
    Stalled,
    /// The host has yet to allow the handshake: over polling, and over WebSocket.
    Deciding,
    DecidingWebSocket,
}

const STARTS: [Start; 11] = [
    Start::PollAndPost,
    Start::PostBehindPoll,
    Start::PostBehindOther,
    Start::Post,
    Start::Idle,
    Start::Probe,
    Start::ProbeAnswered,
    Start::WebSocket,
    Start::Stalled,
    Start::Deciding,
    Start::DecidingWebSocket,
];

/// What may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// The client ends one of its TCP connections, in the order in which they were opened.
    Fin(usize),
    Reset(usize),
    /// The host sends the socket away, alone or with its connection; closes the connection; answers a handshake.
    Disconnect,
    DisconnectAll,
    Close,
    Allow,
    Refuse,
    Emit,
    /// The client goes on: the rest of its POST, a close packet in a POST of its own, another poll, another POST, the upgrade, a
    /// close frame, a bad frame.
    RestOfPost,
    ClosePacket,
    Poll,
    HalfPost,
    Upgrade,
    CloseFrame,
    BadFrame,
    /// Every timer that is armed runs out, one after the other, for as long as a ping and its pong may take.
    Time,
    Drain,
}

const ACTS: [Act; 19] = [
    Act::Fin(0),
    Act::Fin(1),
    Act::Fin(2),
    Act::Reset(0),
    Act::Reset(1),
    Act::Disconnect,
    Act::DisconnectAll,
    Act::Close,
    Act::Allow,
    Act::Refuse,
    Act::Emit,
    Act::RestOfPost,
    Act::ClosePacket,
    Act::Poll,
    Act::HalfPost,
    Act::Upgrade,
    Act::CloseFrame,
    Act::BadFrame,
    Act::Time,
];

/// One session under way to its end.
struct Session {
    world: World,
    sid: String,
    socket: Option<SocketId>,
    /// The pipes of its links, in the order in which they were opened.
    links: Vec<usize>,
    /// The link on which half a POST was sent.
    posting: usize,
}

impl Session {
    fn new(start: Start) -> Self {
        let guard_handshakes = matches!(start, Start::Deciding | Start::DecidingWebSocket);
        let mut world = World::new(Config { guard_handshakes, ..Config::default() });
        match start {
            Start::Deciding | Start::DecidingWebSocket => {
                let at = world.client();
                if start == Start::Deciding {
                    world.open_polling(at);
                } else {
                    world.open_websocket(at);
                }
                world.turn();
                let links = world.clients[at].wires().map(|wire| wire.id).collect();
                world.clients.clear();
                Self { world, sid: String::new(), socket: None, links, posting: 1 }
            }
            _ => {
                let (at, socket) = world.joined(matches!(start, Start::WebSocket | Start::Stalled));
                let client = &mut world.clients[at];
                let sid = client.sid.clone().unwrap_or_default();
                let mut links: Vec<usize> = [&client.poll, &client.post, &client.ws]
                    .into_iter()
                    .flatten()
                    .map(|wire| wire.id)
                    .collect();
                if matches!(start, Start::Idle | Start::Post) {
                    client.polls = false;
                    world.core.send(socket, Message::new("news", "[]")).expect("a live socket");
                    world.settle();
                }
                if matches!(start, Start::Probe | Start::ProbeAnswered) {
                    let request = world.clients[at].upgrade_request();
                    let id = world.raw(request.as_bytes()).id;
                    links.push(id);
                    world.turn();
                    if start == Start::ProbeAnswered {
                        let mut probe = Vec::new();
                        parse::masked(1, b"2probe", &mut probe);
                        world.net.write(id, &probe);
                        world.turn();
                    }
                }
                world.clients.clear();
                let mut session = Self { world, sid, socket: Some(socket), links, posting: 1 };
                match start {
                    Start::PollAndPost | Start::Post => session.half_post(1),
                    Start::PostBehindPoll => session.half_post(0),
                    Start::PostBehindOther => {
                        let (other, _) = session.world.joined(false);
                        let client = &session.world.clients[other];
                        let wires = [&client.poll, &client.post].into_iter().flatten();
                        session.links.extend(wires.map(|wire| wire.id));
                        session.world.clients.clear();
                        session.half_post(2);
                    }
                    Start::Stalled => {
                        session.world.net.pipes[session.links[0]].room = 0;
                        session.act(Act::Emit);
                        session.world.turn();
                    }
                    _ => {}
                }
                session
            }
        }
    }

    /// Bytes from the client, heard at once, if the link still is.
    fn write(&mut self, link: usize, bytes: &[u8]) {
        let Some(&id) = self.links.get(link) else { return };
        self.world.net.write(id, bytes);
        self.world.deliver(id);
    }

    fn half_post(&mut self, link: usize) {
        let head = format!(
            "POST /socket.io/?EIO=4&transport=polling&sid={} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4",
            self.sid
        );
        self.posting = link;
        self.write(link, head.as_bytes());
    }

    fn new_link(&mut self) -> usize {
        let id = self.world.raw(b"").id;
        self.links.push(id);
        self.links.len() - 1
    }

    fn end(&mut self, link: usize, end: End) {
        let Some(&id) = self.links.get(link) else { return };
        if self.world.net.pipes[id].client_gone {
            return;
        }
        self.world.deliver(id);
        self.world.net.end(id, end);
        if let Some((key, reset)) =
            self.world.net.take_end(id, |key| self.world.core.owed(key) != Owed::Nothing)
        {
            self.world.core.closed(key, reset, self.world.now);
        }
    }

    fn act(&mut self, act: Act) {
        let now = self.world.now;
        let core = &mut self.world.core;
        let conn = self.socket.and_then(|socket| core.conn_of(socket).ok());
        let asking = self.world.seen.iter().find_map(|seen| match seen {
            Seen::Handshake(conn) => Some(*conn),
            _ => None,
        });
        match act {
            Act::Fin(link) => self.end(link, End::Fin),
            Act::Reset(link) => self.end(link, End::Reset),
            // What is gone already answers so, which is of no interest here.
            Act::Disconnect | Act::DisconnectAll => {
                let _ = self.socket.map(|socket| core.disconnect(socket, act == Act::DisconnectAll));
            }
            Act::Close => {
                let _ = conn.or(asking).map(|conn| core.close_connection(conn));
            }
            Act::Allow => {
                let _ = asking.map(|conn| core.allow(conn));
            }
            Act::Refuse => {
                let _ = asking.map(|conn| core.refuse(conn, ""));
            }
            Act::Emit => {
                let _ = self.socket.map(|socket| core.send(socket, Message::new("news", "[]")));
            }
            Act::RestOfPost => self.write(self.posting, b"3"),
            Act::ClosePacket => {
                let link = self.new_link();
                let sid = &self.sid;
                let post = format!(
                    "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
                );
                self.write(link, post.as_bytes());
            }
            Act::Poll => {
                let link = self.new_link();
                let sid = &self.sid;
                let get =
                    format!("GET /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n");
                self.write(link, get.as_bytes());
            }
            Act::HalfPost => {
                let link = self.new_link();
                self.half_post(link);
            }
            Act::Upgrade | Act::CloseFrame | Act::BadFrame => {
                let mut frame = Vec::new();
                match act {
                    Act::Upgrade => parse::masked(1, b"5", &mut frame),
                    Act::CloseFrame => parse::masked(8, b"", &mut frame),
                    _ => frame.push(0xff),
                }
                // The WebSocket, where there is one: the last link that was opened at the start.
                let link = if self.links.len() > 2 { 2 } else { 0 };
                self.write(link, &frame);
            }
            Act::Time => {
                let end = now + 46_000;
                while let Some(due) = self.world.core.next_timeout().filter(|&due| due <= end) {
                    self.world.now = self.world.now.max(due);
                    self.world.core.timeout(self.world.now);
                }
            }
            Act::Drain => core.drain(1_000, "").expect("a good rate"),
        }
    }

    /// The client is gone, whatever it had open; a minute and more later nothing is left, and the host has been told.
    fn finish(mut self, backwards: bool, flushes: bool) -> Result<(), String> {
        self.act(Act::Drain);
        let mut links: Vec<usize> = (0..self.links.len()).collect();
        if backwards {
            links.reverse();
        }
        for link in links {
            self.end(link, End::Fin);
            if flushes {
                self.world.core.flush(&mut self.world.net, self.world.now);
            }
        }
        self.world.run(120_000);
        let stats = self.world.core.stats();
        let left =
            [stats.links, stats.connections, stats.sockets, stats.rooms, stats.timers, stats.queued_bytes];
        if left != [0; 6] {
            return Err(format!("left: {stats:?}"));
        }
        match self.world.take_seen().iter().filter(|seen| **seen == Seen::Drained).count() {
            1 => Ok(()),
            told => Err(format!("drained was told {told} times")),
        }
    }
}

/// Runs one order of ends: a flush follows each act whose bit is set.
fn check(start: Start, acts: &[Act], flushes: u32) {
    for (backwards, between) in [(false, false), (true, false), (false, true)] {
        let mut session = Session::new(start);
        for (at, &act) in acts.iter().enumerate() {
            session.act(act);
            if flushes & 1 << at != 0 {
                session.world.core.flush(&mut session.world.net, session.world.now);
            }
        }
        if let Err(left) = session.finish(backwards, between) {
            panic!(
                "{start:?}, then {acts:?}, flushes {flushes:b}, ends backwards {backwards}, with flushes {between}: {left}"
            );
        }
    }
}

/// A killed tab: the poll and a POST that is under way end in the same turn.
#[test]
fn a_poll_and_a_post_that_end_in_one_turn_leave_nothing() {
    for acts in [
        [Act::Fin(0), Act::Fin(1)],
        [Act::Fin(1), Act::Fin(0)],
        [Act::Close, Act::Fin(0)],
        [Act::Reset(1), Act::Reset(0)],
    ] {
        for flushes in 0..4 {
            check(Start::PollAndPost, &acts, flushes);
        }
    }
}

#[test]
fn every_order_of_two_ends_leaves_nothing() {
    for start in STARTS {
        for first in ACTS {
            for second in ACTS {
                for flushes in 0..4 {
                    check(start, &[first, second], flushes);
                }
            }
        }
    }
}

#[test]
fn long_orders_of_ends_leave_nothing() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..4_000 {
        let acts: Vec<Act> = (0..rng.usize(3..8)).map(|_| ACTS[rng.usize(..ACTS.len())]).collect();
        check(STARTS[rng.usize(..STARTS.len())], &acts, rng.u32(..));
    }
}

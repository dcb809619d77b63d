//! A core with clients and a kernel that takes everything: what a flush costs for each connection, over a WebSocket and for an open
//! poll, a host that gets events for each event, an emit, and a client that comes back to its session for what it has missed. It checks
//! what it measures.

use crate::kernel::Kernel;
use roomcast::service::Service;
use roomcast::{Config, Core, Event, Events, Message, NamespaceOptions, Target};

const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const ARGS: &str = "[\"sixty-four bytes of arguments, as they come from a game's client\"]";

/// Clients in `/`, each on a WebSocket or polling over one link.
pub(crate) struct Clients {
    core: Core,
    kernel: Kernel<0>,
    events: Events,
    count: usize,
    /// Sixteen events of one client, as it sends them.
    burst: Vec<u8>,
    /// The poll of each polling client.
    polls: Vec<Vec<u8>>,
    /// With recovery, what each client says to come back.
    returns: Vec<Vec<u8>>,
}

/// A text frame of a client. A mask of zeros changes nothing.
fn frame(text: &str) -> Vec<u8> {
    // One that is long enough for a length of two bytes is not needed here.
    let length = u8::try_from(text.len()).ok().filter(|&length| length < 126).expect("a short packet");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

impl Clients {
    pub(crate) fn new(count: usize, polling: bool, recovery: bool) -> Self {
        let mut core = Core::new(Config::default(), 0).expect("a good config");
        core.add_namespace("/", NamespaceOptions { recovery, ..Default::default() }).expect("it is empty");
        let (mut events, mut polls, mut returns) = (Events::new(), Vec::new(), Vec::new());
        for link in 0..count {
            assert!(core.opened(link, ([127, 0, 0, 1], 1).into(), 0));
            let mut request = |mut bytes: Vec<u8>| {
                let mut kernel = Kernel::<{ usize::MAX }>::default();
                let _ = core.received(link, &mut bytes, 0);
                core.flush(&mut kernel, 0);
                core.take_events(&mut events);
                String::from_utf8_lossy(&kernel.heard).into_owned()
            };
            if polling {
                let opened =
                    request(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n".to_vec());
                let (_, sid) = opened.split_once("\"sid\":\"").expect("a session");
                let (sid, _) = sid.split_once('"').expect("its id");
                let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\n");
                request(format!("POST {target}Content-Length: 2\r\n\r\n40").into_bytes());
                let poll = format!("GET {target}\r\n").into_bytes();
                assert!(request(poll.clone()).contains("40{\"sid\""));
                polls.push(poll);
            } else {
                let opened = request([UPGRADE, &frame("40")].concat());
                let pid = opened.split_once("\"pid\":\"").and_then(|(_, rest)| rest.split('"').next());
                returns.extend(pid.map(|pid| frame(&format!("40{{\"pid\":\"{pid}\"}}"))));
            }
        }
        assert_eq!(core.stats().sockets, count);
        let mut burst = Vec::new();
        for _ in 0..16 {
            burst.extend(frame(&format!("42[\"move\",{}", &ARGS[1..])));
        }
        Self { core, kernel: Kernel::default(), events, count, burst, polls, returns }
    }

    /// Each polling client asks for what there is; there is nothing yet.
    pub(crate) fn poll(&mut self) {
        for (link, poll) in self.polls.iter().enumerate() {
            let _ = self.core.received(link, &mut poll.clone(), 0);
        }
        let before = self.kernel.sends;
        self.core.flush(&mut self.kernel, 0);
        assert_eq!(self.kernel.sends, before);
    }

    /// What `flush` is to find.
    pub(crate) fn emit(&mut self) {
        let root = self.core.find_namespace("/").expect("it is always there");
        self.core.emit(Target::all(root), Message::new("moved", ARGS)).expect("a good message");
    }

    /// All of them lose their connections, miss so many messages, and are connected anew.
    pub(crate) fn miss(&mut self, messages: usize) {
        for link in 0..self.count {
            self.core.closed(link, true, 0);
        }
        self.core.take_events(&mut self.events);
        (0..messages).for_each(|_| self.emit());
        for link in 0..self.count {
            assert!(self.core.opened(link, ([127, 0, 0, 1], 1).into(), 0));
            let _ = self.core.received(link, &mut UPGRADE.to_vec(), 0);
        }
        self.core.flush(&mut self.kernel, 0);
        assert_eq!(self.core.stats().away, self.count);
    }

    /// All of them ask for what they have missed; a turn reads as many connections as it accepts. Returns the bytes that were sent.
    pub(crate) fn come_back(&mut self) -> u64 {
        let before = self.core.stats().counters.bytes_out;
        for (link, asked) in self.returns.iter_mut().enumerate() {
            let _ = self.core.received(link, asked, 0);
            if link % 256 == 255 || link + 1 == self.count {
                self.core.flush(&mut self.kernel, 0);
                self.core.take_events(&mut self.events);
            }
        }
        while self.core.puts_off() {
            self.core.flush(&mut self.kernel, 0);
        }
        let counters = self.core.stats().counters;
        assert_eq!(counters.sessions_recovered, self.count as u64);
        counters.bytes_out - before
    }

    /// The system calls so far.
    pub(crate) fn sends(&self) -> usize {
        self.kernel.sends
    }

    /// One message for each connection, in a system call of its own. Returns the connections.
    pub(crate) fn flush(&mut self) -> usize {
        let before = self.kernel.sends;
        self.core.flush(&mut self.kernel, 0);
        assert_eq!(self.kernel.sends - before, self.count);
        self.count
    }

    /// What each client has sent is read, and the host looks at each event. Returns the events.
    pub(crate) fn events(&mut self) -> usize {
        let mut seen = 0;
        for link in 0..self.count {
            let _ = self.core.received(link, &mut self.burst, 0);
            self.core.take_events(&mut self.events);
            for event in self.events.iter() {
                if let Event::Message { name, args, .. } = event {
                    seen += usize::from(name == "move" && !args.is_empty());
                }
            }
        }
        assert_eq!(seen, self.count * 16);
        seen
    }
}

//! A core with clients and a kernel that takes everything: what a flush costs for each connection, over a WebSocket and for an open
//! poll, and a host that gets events for each event. It checks what it measures.

use crate::kernel::Kernel;
use roomcast::service::Service;
use roomcast::{Config, Core, Event, Events, Message, Target};

/// The upgrade of a WebSocket, and a CONNECT.
const HELLO: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x82\x00\x00\x00\x0040";
const ARGS: &str = "[\"sixty-four bytes of arguments, as they come from a game's client\"]";

/// Clients in `/`, each on a WebSocket or polling over one link.
pub(crate) struct Clients {
    core: Core,
    kernel: Kernel,
    events: Events,
    count: usize,
    /// Sixteen events of one client, as it sends them.
    burst: Vec<u8>,
    /// The poll of each polling client.
    polls: Vec<Vec<u8>>,
}

impl Clients {
    pub(crate) fn new(count: usize, polling: bool) -> Self {
        let mut core = Core::new(Config::default(), 0).expect("a good config");
        let (mut events, mut polls) = (Events::new(), Vec::new());
        for link in 0..count {
            assert!(core.opened(link, ([127, 0, 0, 1], 1).into(), 0));
            let mut request = |mut bytes: Vec<u8>| {
                let mut kernel = Kernel::hearing(usize::MAX);
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
                request(HELLO.to_vec());
            }
        }
        assert_eq!(core.stats().sockets, count);
        let mut burst = Vec::new();
        for _ in 0..16 {
            let packet = format!("42[\"move\",{}", &ARGS[1..]);
            // Long enough for a length of two bytes is no event here. A mask of zeros changes nothing.
            burst.extend([0x81, 0x80 | u8::try_from(packet.len()).expect("a short packet"), 0, 0, 0, 0]);
            burst.extend(packet.into_bytes());
        }
        Self { core, kernel: Kernel::hearing(0), events, count, burst, polls }
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

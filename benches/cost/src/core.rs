//! What a peer can ask the core for, through the core: with the events that come of it, and the output.

use super::kernel::Kernel;
use super::{Case, Work, frame, repeated};
use roomcast::service::Service;
use roomcast::{Config, Core, Events, NamespaceOptions, PatternOptions};

pub(super) const CASES: &[Case] = &[
    Case { name: "core: empty pings", make: |size| socket(&[], &frame(0x89, b""), size, 2_000), bound: 110 },
    Case { name: "core: the shortest events", make: |size| joined(&frame(0x81, b"42[1]"), size), bound: 340 },
    Case {
        name: "core: events byte by byte",
        make: |size| socket(&["40"], &frame(0x81, b"42[1]"), size, 1),
        bound: 1400,
    },
    Case {
        name: "core: events that ask for an answer",
        make: |size| joined(&frame(0x81, b"420[1]"), size),
        bound: 320,
    },
    Case {
        name: "core: answers that nobody waits for",
        make: |size| joined(&frame(0x81, b"431[]"), size),
        bound: 200,
    },
    Case {
        name: "core: events with an empty attachment",
        make: |size| joined(&[frame(0x81, b"451-[1]"), frame(0x82, b"")].concat(), size),
        bound: 500,
    },
    Case { name: "core: refused CONNECTs", make: |size| joined(&frame(0x81, b"40/a,"), size), bound: 370 },
    Case {
        name: "core: in and out of a namespace",
        make: |size| joined(&[frame(0x81, b"40/n,"), frame(0x81, b"41/n,")].concat(), size),
        bound: 500,
    },
    Case {
        name: "core: in and out of a namespace of a pattern",
        make: |size| joined(&[frame(0x81, b"40/t-1,"), frame(0x81, b"41/t-1,")].concat(), size),
        bound: 600,
    },
    Case {
        name: "core: requests for nothing",
        make: |size| link(b"GET / HTTP/1.1\r\nHost:\r\n\r\n", size, 2_000),
        bound: 280,
    },
    Case {
        name: "core: refused handshakes",
        make: |size| link(b"GET /socket.io/ HTTP/1.1\r\nHost:\r\n\r\n", size, 2_000),
        bound: 330,
    },
    Case {
        name: "core: handshakes",
        make: |size| link(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost:\r\n\r\n", size, 2_000),
        bound: 500,
    },
    Case { name: "core: POSTs of one packet", make: posts, bound: 240 },
    Case {
        name: "core: a head byte by byte",
        make: |size| {
            link(
                &[b"GET / HTTP/1.1\r\nHost:\r\nA: ".as_slice(), &[b'a'; 7_000], b"\r\n\r\n"].concat(),
                size,
                1,
            )
        },
        bound: 1200,
    },
];

struct World {
    core: Core,
    kernel: Kernel<1_000>,
    events: Events,
}

impl World {
    fn new() -> Self {
        let mut config = Config::default();
        config.limits.max_new_namespaces_per_minute = 0;
        let mut core = Core::new(config, 0).expect("a good config");
        core.add_namespace("/n", NamespaceOptions::default()).expect("a good name");
        core.add_pattern(
            "/t-*",
            PatternOptions { guarded: false, remove_when_empty: true, ..PatternOptions::default() },
        )
        .expect("a good pattern");
        assert!(core.opened(0, ([127, 0, 0, 1], 1).into(), 0));
        Self { core, kernel: Kernel::default(), events: Events::new() }
    }

    /// What the loop does with `step` bytes at a time, and a host that takes its events.
    fn receive(&mut self, bytes: &mut [u8], step: usize) {
        for piece in bytes.chunks_mut(step) {
            // A pause is over with the flush, as the kernel takes everything.
            let _ = self.core.received(0, piece, 0);
            self.core.flush(&mut self.kernel, 0);
            self.core.take_events(&mut self.events);
        }
    }
}

/// `part` over and over on a fresh link.
fn link(part: &[u8], size: usize, step: usize) -> (usize, Work) {
    let (mut input, mut world) = (repeated(part, size), World::new());
    (input.len(), Box::new(move || world.receive(&mut input, step)))
}

/// The same on a WebSocket that has sent these packets.
fn socket(packets: &[&str], part: &[u8], size: usize, step: usize) -> (usize, Work) {
    let (mut input, mut world) = (repeated(part, size), World::new());
    let mut hello = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    for packet in packets {
        hello.extend(frame(0x81, packet.as_bytes()));
    }
    world.receive(&mut hello, usize::MAX);
    let work = move || {
        world.receive(&mut input, step);
        let counters = world.core.stats().counters;
        assert_eq!(counters.bad_frames + counters.bad_packets, 0);
    };
    (size / part.len() * part.len(), Box::new(work))
}

fn joined(part: &[u8], size: usize) -> (usize, Work) {
    socket(&["40"], part, size, 2_000)
}

fn posts(size: usize) -> (usize, Work) {
    let mut world = World::new();
    world.receive(
        &mut b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost:\r\n\r\n".to_vec(),
        usize::MAX,
    );
    let answer = String::from_utf8_lossy(&world.kernel.heard).into_owned();
    let sid = answer.split("\"sid\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a handshake");
    let post = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost:\r\nContent-Length: 1\r\n\r\n6"
    );
    let mut input = repeated(post.as_bytes(), size);
    (input.len(), Box::new(move || world.receive(&mut input, 2_000)))
}

//! What the core keeps and what it asks the allocator for: a storm leaves no memory behind, and a warm emit takes none.
#![allow(unsafe_code, dead_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[path = "../world/client.rs"]
mod client;
#[path = "../world/heard.rs"]
mod heard;
#[path = "../world/net.rs"]
mod net;
#[path = "../world/packing.rs"]
mod packing;
#[path = "../world/parse.rs"]
mod parse;
#[path = "../world/storm.rs"]
mod storm;
#[path = "../world/world.rs"]
mod world;

use roomcast::service::{Output, Sent, Service};
use roomcast::{Config, Core, Delivery, Events, Limits, Message, NamespaceOptions, Target};
use std::collections::HashMap;
use std::io::IoSlice;
use storm::Storm;
use world::World;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

/// Counts this thread's calls for memory, and what of it is still held.
struct Counting;

fn count(calls: u64, bytes: isize) {
    CALLS.set(CALLS.get() + calls);
    BYTES.set(BYTES.get() + bytes);
}

// SAFETY: every call goes to the system's allocator with the arguments it came with. Counting neither allocates
// nor unwinds: the counters are const-initialised and have no destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: the block came from `System`, since all blocks do.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as isize - layout.size() as isize);
        // SAFETY: the block came from `System`, and the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is held when all clients have left, by the core and the little that the storm keeps for itself.
fn held(storm: &mut Storm) -> isize {
    storm.forget();
    BYTES.get()
}

#[test]
fn a_storm_leaves_no_memory_behind() {
    let before = BYTES.get();
    let mut storm = Storm::new(77, 300);
    storm.play(300_000);
    let first = held(&mut storm);
    for _ in 0..4 {
        storm.populate(300);
        storm.play(300_000);
    }
    let last = held(&mut storm);
    let (start, growth) = (first - before, last - first);
    println!("held after one storm: {start} bytes; after four more: {growth} more");
    assert!(start < 3 * 1024 * 1024, "{start} bytes are held by nobody's tables");
    // Tables grow to the largest crowd there was, and a larger one may come by chance.
    assert!(growth < 256 * 1024, "{growth} bytes more after four storms more");
}

/// Takes everything.
struct Sink;

impl Output for Sink {
    fn send(&mut self, _: usize, _: &[u8]) -> Sent {
        Sent::All
    }

    fn send_vectored(&mut self, _: usize, _: &[IoSlice<'_>]) -> Sent {
        Sent::All
    }

    fn close(&mut self, _: usize) {}
    fn abort(&mut self, _: usize) {}
    fn pause(&mut self, _: usize) {}
    fn resume(&mut self, _: usize) {}
}

/// Kernels that take so much of what each connection is sent, and then nothing.
struct Stalled {
    room: usize,
    taken: HashMap<usize, usize>,
}

impl Stalled {
    fn new(room: usize) -> Self {
        Self { room, taken: HashMap::new() }
    }

    fn take(&mut self, link: usize, bytes: usize) -> Sent {
        if self.room == 0 {
            return Sent::Part(0);
        }
        let taken = self.taken.entry(link).or_default();
        let count = bytes.saturating_sub(1).min(self.room - *taken);
        *taken += count;
        Sent::Part(count)
    }
}

impl Output for Stalled {
    fn send(&mut self, link: usize, bytes: &[u8]) -> Sent {
        self.take(link, bytes.len())
    }

    fn send_vectored(&mut self, link: usize, slices: &[IoSlice<'_>]) -> Sent {
        self.take(link, slices.iter().map(|slice| slice.len()).sum())
    }

    fn close(&mut self, _: usize) {}
    fn abort(&mut self, _: usize) {}
    fn pause(&mut self, _: usize) {}
    fn resume(&mut self, _: usize) {}
}

#[test]
fn a_megabyte_for_five_thousand_stalled_readers_is_held_once() {
    const READERS: usize = 5_000;
    const MEGABYTE: usize = 1_000_000;
    // Nothing of it in the kernel, some, and all but its end.
    for kernel in [0, 200_000, MEGABYTE - 50_000, MEGABYTE] {
        let mut world = World::new(Config::default());
        for _ in 0..READERS {
            let at = world.client();
            world.open_websocket(at);
            world.text(at, "40");
        }
        world.settle();
        let ns = world.core.find_namespace("/").unwrap();
        let args = format!("[\"{}\"]", "x".repeat(MEGABYTE));
        let before = BYTES.get();
        let receipt = world.core.emit(Target::all(ns), Message::new("m", &args)).unwrap();
        assert_eq!(receipt.recipients, READERS);
        let with_log = BYTES.get();
        let mut stalled = Stalled::new(kernel);
        stalled.taken.reserve(READERS);
        let before = before + BYTES.get() - with_log;
        let mut held = 0;
        // In parts: what waits for its turn shares the megabyte, too.
        while world.core.has_output() {
            world.core.flush(&mut stalled, 0);
            held = held.max(BYTES.get() - before);
        }
        println!("{kernel} bytes in each kernel: at most {held} bytes held for all");
        assert_eq!(world.core.stats().queued_bytes / READERS, (MEGABYTE + 20 - kernel.min(MEGABYTE + 19)));
        // One copy in the log that is shared, one in the buffer that encodes, each with room to grow, and a queue for each.
        assert!(held < 4 * MEGABYTE as isize + 512 * READERS as isize, "{held} bytes");
    }
}

#[test]
fn what_is_put_off_shares_its_tick_however_small_a_part_it_is() {
    const READERS: usize = 200;
    const MESSAGE: usize = 90_000;
    let mut world = World::new(Config::default());
    let sockets: Vec<_> = (0..READERS).map(|_| world.joined(true).1).collect();
    let ns = world.core.find_namespace("/").unwrap();
    let args = format!("[\"{}\"]", "x".repeat(MESSAGE));
    let before = BYTES.get();
    for &socket in &sockets {
        world.core.emit(Target::sockets(ns, &[socket]), Message::new("m", &args)).unwrap();
    }
    let log = BYTES.get() - before;
    // The first ninety take all that a flush hands out.
    let mut kernel = Stalled::new(MESSAGE - 10_000);
    kernel.taken.reserve(READERS);
    let before = BYTES.get();
    world.core.flush(&mut kernel, 0);
    assert!(world.core.has_output());
    let held = BYTES.get() - before;
    println!("{held} bytes besides a tick of {log}");
    assert!(held < 4 * 1024 * 1024, "{held} bytes");
    // When its turn has come, a stalled reader holds no more than its share.
    while world.core.has_output() {
        world.core.flush(&mut kernel, 0);
    }
    let queued = world.core.stats().queued_bytes;
    println!("{} bytes for {queued} that wait", BYTES.get() - before + log);
    assert!(BYTES.get() - before + log < 8 * queued as isize + BESIDES);
}

#[test]
fn an_unfinished_event_holds_what_came_of_it_and_no_more() {
    let mut config = Config::default();
    config.limits.max_attachments = 10_000;
    let mut world = World::new(config);
    let (a, _) = world.joined(true);
    let attach = |world: &mut World| {
        world.clients[a].send(&mut world.net, client::Out::Binary(vec![1; 1_000]));
        world.settle();
    };
    world.text(a, "45601-[\"x\"]");
    attach(&mut world);
    let before = BYTES.get();
    for _ in 1..600 {
        attach(&mut world);
    }
    let held = BYTES.get() - before;
    println!("{held} bytes are held for 599,000");
    assert!(held < 599_000 + 599 * 16 + 16_384, "{held} bytes");
    attach(&mut world);
    assert_eq!(world.core.stats().timers, 1, "the heartbeat alone");
    // Two batches later its bytes are gone, but for what the buffers of events keep.
    world.take_seen();
    world.turn();
    world.turn();
    assert!(BYTES.get() - before < 300_000, "{} bytes are left of it", BYTES.get() - before);
}

/// What a connection may hold besides eight times what it has queued: one tick, and the tables of an empty queue.
const BESIDES: isize = 1_024 * 1_024 + 65_536;

#[test]
fn what_waits_for_a_reader_takes_no_more_than_eight_times_its_bytes() {
    let classes = [Delivery::Reliable, Delivery::DropOldest, Delivery::Latest(0)];
    for delivery in classes {
        for size in [0, 20, 400, 511, 512, 60_000] {
            // What else the tick holds decides whether a message is copied or shares the tick.
            for others in [0, 6, 7, 30] {
                let mut world = World::new(Config::default());
                let (_, socket) = world.joined(true);
                let (_, other) = world.joined(true);
                let ns = world.core.namespace_of(socket).unwrap();
                let args = format!("[\"{}\"]", "x".repeat(size));
                world.core.flush(&mut Stalled::new(0), 0);
                let emit = |world: &mut World, to, key| {
                    let delivery =
                        if let Delivery::Latest(_) = delivery { Delivery::Latest(key) } else { delivery };
                    let message = Message::new("m", &args).delivery(delivery);
                    world.core.emit(Target::sockets(ns, &[to]), message).unwrap();
                };
                let before = BYTES.get();
                let ticks = (3_000_000 / (size + 20)).min(66_000) as u64;
                for tick in 0..ticks {
                    emit(&mut world, socket, tick);
                    for _ in 0..others {
                        let message = Message::new("m", &args).delivery(Delivery::Volatile);
                        world.core.emit(Target::sockets(ns, &[other]), message).unwrap();
                    }
                    world.core.flush(&mut Stalled::new(0), 0);
                }
                let held = BYTES.get() - before;
                let queued = world.core.queued_bytes(socket).unwrap() as isize;
                assert!(queued > 200_000, "{queued} bytes");
                assert!(
                    held - BESIDES < 8 * queued,
                    "{delivery:?} of {size} bytes among {others} others: {held} bytes for {queued}"
                );
            }
        }
    }
}

/// As many as there may be are away, in some rooms each, and as much is kept for them as may be.
#[test]
fn those_who_are_away_and_what_is_kept_for_them_take_what_is_promised() {
    const HELLO: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x82\x00\x00\x00\x0040";
    for rooms in [0, 8] {
        let limits = Limits::default();
        let (sessions, log) = (limits.recovery_sessions as usize, limits.recovery_log_bytes);
        let mut core = Core::new(Config::default(), 0).unwrap();
        let recovery = NamespaceOptions { recovery: true, ..NamespaceOptions::default() };
        let ns = core.add_namespace("/", recovery).unwrap();
        let mut events = Events::new();
        let before = BYTES.get();
        for n in 0..sessions {
            assert!(core.opened(0, ([127, 0, 0, 1], 1).into(), 0));
            let _ = core.received(0, &mut HELLO.to_vec(), 0);
            core.flush(&mut Sink, 0);
            let socket = core.sockets_in(ns).unwrap().next().unwrap();
            // Others are in them too.
            for room in 0..rooms {
                core.join(socket, &format!("room {}", (n + room) % 1_000)).unwrap();
            }
            core.closed(0, true, 0);
            core.take_events(&mut events);
        }
        drop(events);
        assert_eq!(core.stats().away, sessions);
        let each = (BYTES.get() - before) as usize / sessions;
        let before = BYTES.get();
        let args = format!("[\"{}\"]", "x".repeat(100));
        for target in [Target::all(ns), Target::rooms(ns, &["room 0"])].into_iter().cycle().take(250_000) {
            core.emit(target, Message::new("m", &args)).unwrap();
            core.flush(&mut Sink, 0);
        }
        let (counted, kept) = (core.stats().recovery_bytes, BYTES.get() - before);
        println!("{each} bytes for each who is away in {rooms} rooms; {kept} for a log of {counted}");
        assert!(each <= 750 + 60 * rooms, "{each} bytes for each of {sessions} in {rooms} rooms");
        assert!(counted <= log && counted > log - 1_000, "{counted}");
        assert!(kept as usize <= log + log / 4, "{kept} bytes");
    }
}

#[test]
fn a_warm_emit_allocates_nothing() {
    let mut world = World::new(Config::default());
    let sockets: Vec<_> = (0..500).map(|_| world.joined(true).1).collect();
    for (at, &socket) in sockets.iter().enumerate() {
        world.core.join(socket, ["even", "odd"][at % 2]).unwrap();
        world.core.join(socket, "all").unwrap();
    }
    let ns = world.core.namespace_of(sockets[0]).unwrap();
    let own: Vec<String> = (0..2).map(|at| world.core.socket_sid(sockets[at]).unwrap().to_owned()).collect();
    let (both, mixed, owns) = (["even", "odd"], ["odd", &own[0]], [&*own[0], &own[1]]);
    let targets = [
        (Target::all(ns), 500),
        (Target::rooms(ns, &["all"]), 500),
        (Target::rooms(ns, &["all"]).except(&sockets[..1]), 499),
        (Target::rooms(ns, &both).except(&sockets[..3]), 497),
        (Target::rooms(ns, &mixed).except_rooms(&["even"]), 250),
        (Target::all(ns).except_rooms(&owns), 498),
        (Target::sockets(ns, &sockets[..40]).except(&sockets[20..]), 20),
    ];
    let args = "[{\"_placeholder\":true,\"num\":0},\"some text\"]";
    let attachments: [&[u8]; 1] = [b"bytes"];
    let mut tick = || {
        for (target, recipients) in &targets {
            for delivery in
                [Delivery::Reliable, Delivery::Volatile, Delivery::DropOldest, Delivery::Latest(1)]
            {
                let plain = Message::new("m", "[1]").delivery(delivery);
                assert_eq!(world.core.emit(*target, plain).unwrap().recipients, *recipients);
                let binary = Message::new("m", args).attach(&attachments).delivery(delivery);
                assert_eq!(world.core.emit(*target, binary).unwrap().recipients, *recipients);
            }
        }
        world.core.flush(&mut Sink, 0);
    };
    tick();
    tick();
    let before = CALLS.get();
    for _ in 0..10 {
        tick();
    }
    assert_eq!(CALLS.get() - before, 0);
}

/// As many clients as this, of which a third takes messages as they are, a third compressed, and a third for a small window.
fn compressing(count: usize) -> World {
    let config = Config { per_message_deflate: true, compression_threshold: 200, ..Config::default() };
    let mut world = World::new(config);
    for at in 0..count {
        let client = world.client();
        world.clients[client].deflates = [None, Some(false), Some(true)][at % 3];
        world.open_websocket(client);
        world.settle();
        world.join_namespace(client, "/");
    }
    world.take_seen();
    world
}

#[test]
fn a_warm_emit_that_is_compressed_allocates_nothing() {
    let mut world = compressing(300);
    let ns = world.core.find_namespace("/").unwrap();
    let text = |size: usize| format!("[\"{}\"]", "to be or not ".repeat(size / 13));
    let texts = [text(20), text(250), text(1_000), text(5_000)];
    let mut tick = || {
        for text in &texts {
            let message = Message::new("m", text);
            world.core.emit(Target::all(ns), message).unwrap();
            world.core.emit(Target::all(ns), message.uncompressed()).unwrap();
        }
        world.core.flush(&mut Sink, 0);
    };
    tick();
    tick();
    let before = CALLS.get();
    for _ in 0..10 {
        tick();
    }
    assert_eq!(CALLS.get() - before, 0);
    assert_eq!(world.core.stats().counters.deflated_messages, 12 * 2 * 3, "once for each window");
}

/// What gains nothing leaves a compressor behind that has to be made anew: once for each window, whoever is there.
#[test]
fn what_gains_nothing_costs_as_much_for_three_as_for_three_hundred() {
    let mut rng = fastrand::Rng::with_seed(5);
    let noise: String = (0..5_000).map(|_| char::from(rng.u8(b'#'..b'['))).collect();
    let calls = [3, 300].map(|count| {
        let mut world = compressing(count);
        let ns = world.core.find_namespace("/").unwrap();
        let noise = format!("[\"{noise}\"]");
        let mut tick = || {
            world.core.emit(Target::all(ns), Message::new("m", &noise)).unwrap();
            world.core.flush(&mut Sink, 0);
        };
        tick();
        tick();
        let before = CALLS.get();
        tick();
        CALLS.get() - before
    });
    println!("{calls:?} calls for memory");
    assert_eq!(calls[0], calls[1]);
    assert!(calls[1] <= 2 * 4, "{calls:?}");
}

#[test]
fn reading_what_is_compressed_allocates_nothing_once_it_is_warm() {
    let mut world = compressing(2);
    let link = world.net.pipes[world.clients[1].ws.as_ref().unwrap().id].key.unwrap();
    let mut bytes = Vec::new();
    for size in [5, 300, 5_000, 100_000] {
        let text = format!("42[\"m\",\"{}\"]", "0".repeat(size));
        parse::masked_deflated(1, text.as_bytes(), &mut bytes);
    }
    // The broker takes the masks off where they lie.
    let mut copies: Vec<Vec<u8>> = vec![bytes; 14];
    let mut events = Events::new();
    let mut turn = |bytes: &mut [u8]| {
        let _ = world.core.received(link, bytes, 0);
        world.core.flush(&mut Sink, 0);
        world.core.take_events(&mut events);
        assert_eq!(events.iter().count(), 4);
    };
    copies.drain(..4).for_each(|mut bytes| turn(&mut bytes));
    let before = CALLS.get();
    copies.iter_mut().for_each(|bytes| turn(bytes));
    assert_eq!(CALLS.get() - before, 0);
}

/// Buffers that grew for something large are given back when it is over.
#[test]
fn a_large_request_or_emit_leaves_no_large_buffer_behind() {
    const LINKS: usize = 100;
    let mut world = World::new(Config::default());
    let (_, socket) = world.joined(true);
    let mut body =
        [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n".as_slice(), &[b'x'; 60_000]].concat();
    let before = BYTES.get();
    for link in 1_000..1_000 + LINKS {
        assert!(world.core.opened(link, ([10, 0, 0, 1], 4_000).into(), 0));
        let _ = world.core.received(link, &mut body, 0);
        world.core.flush(&mut Sink, 0);
    }
    let each = (BYTES.get() - before) / LINKS as isize;
    assert!(each < 10_000, "{each} bytes for an idle link");

    let before = BYTES.get();
    let large = format!("[\"{}\"]", "x".repeat(16_000_000));
    world.core.send(socket, Message::new("large", &large)).unwrap();
    world.core.flush(&mut Sink, 0);
    let grown = BYTES.get() - before - large.capacity() as isize;
    assert!(grown < 3_000_000, "{grown} bytes behind an emit of 16 MB");
}

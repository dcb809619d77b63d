//! What an emit may allocate: nothing, neither for it nor for its recipients, once the buffers have grown. And
//! what a member may take.
#![allow(unsafe_code)]

#[cfg(all(feature = "tls", feature = "compression"))]
mod sent;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use roomcast::router::{Router, Selection, TickLog};

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Counts this thread's calls for memory, and the bytes it holds. The test harness allocates on threads of its own.
struct Counting;

// SAFETY: every call goes to the system's allocator with the arguments it came with. Counting neither allocates
// nor unwinds: the counters are const-initialised and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        BYTES.set(BYTES.get().wrapping_add(layout.size()));
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get().wrapping_sub(layout.size()));
        // SAFETY: the block came from `System`, since all blocks do.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        BYTES.set(BYTES.get().wrapping_sub(layout.size()).wrapping_add(size));
        // SAFETY: the block came from `System`, and the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls for memory while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

const MEMBERS: u32 = 1_000;

/// `even` and `odd` have half of the members each, `all` has all of them.
fn populated() -> (Router, u32) {
    let mut router = Router::new();
    let ns = router.add_namespace();
    for member in 0..MEMBERS {
        router.add(member, ns, member);
        router.join(member, if member % 2 == 0 { "even" } else { "odd" }, |_| {});
        router.join(member, "all", |_| {});
    }
    (router, ns)
}

/// A tick with every kind of target, messages that follow on one another and such that do not, one that is
/// taken back, and the walk at its end. Returns the deliveries.
fn tick(router: &mut Router, log: &mut TickLog, ns: u32) -> usize {
    let base = Selection::everyone(ns);
    let all = Selection::union(ns, &["all"], &[]);
    let both = Selection::union(ns, &["even", "all"], &[]);
    let targets = [
        base,
        all,
        Selection { except_members: &[7], ..all },
        Selection::union(ns, &["even", "odd"], &[]),
        Selection { except_rooms: &["odd"], except_members: &[2, 4], ..both },
        Selection::union(ns, &["nobody"], &[1, 2, 3]),
    ];
    let mut deliveries = 0;
    for target in &targets {
        for _ in 0..8 {
            let frame = log.append(|bytes| bytes.extend_from_slice(&[b'x'; 100])).unwrap();
            deliveries += router.select(target, |_, conn| log.deliver(conn, frame));
        }
    }
    let older = log.append(|bytes| bytes.extend_from_slice(b"older")).unwrap();
    router.select(&base, |_, conn| log.deliver(conn, older));
    let newer = log.append(|bytes| bytes.extend_from_slice(b"newer")).unwrap();
    router.select(&base, |_, conn| {
        log.cut(conn, older);
        log.deliver(conn, newer);
    });
    let mut bytes = 0;
    while let Some(_conn) = log.pop_dirty() {
        bytes += log.ranges().iter().map(|&range| log.bytes(range).len()).sum::<usize>();
    }
    assert_eq!(bytes, deliveries * 100 + MEMBERS as usize * 5);
    log.restart();
    deliveries
}

#[test]
fn a_warm_tick_allocates_nothing() {
    let ((mut router, ns), mut log) = (populated(), TickLog::new());
    let deliveries = tick(&mut router, &mut log, ns);
    assert_eq!(deliveries, 8 * (1_000 + 1_000 + 999 + 1_000 + 498 + 3));
    let warm = allocations(|| {
        for _ in 0..10 {
            tick(&mut router, &mut log, ns);
        }
    });
    assert_eq!(warm, 0);
}

#[test]
fn a_cold_emit_allocates_for_the_tables_not_for_each_recipient() {
    let ((mut router, ns), mut log) = (populated(), TickLog::new());
    let cold = allocations(|| {
        let frame = log.append(|bytes| bytes.extend_from_slice(b"message")).unwrap();
        router.select(&Selection::everyone(ns), |_, conn| log.deliver(conn, frame));
    });
    // The log, and two tables that double until they hold a thousand connections.
    assert!(cold <= 24, "{cold} allocations");
}

#[test]
fn moving_between_rooms_that_exist_allocates_nothing() {
    let (mut router, _) = populated();
    let mut swap = |leave, join| {
        for member in 0..10 {
            router.change(member, &[leave], &[join], |_| {});
        }
    };
    swap("even", "odd");
    swap("odd", "even");
    assert_eq!(allocations(|| (0..10).for_each(|_| swap("even", "odd"))), 0);
}

#[test]
fn a_member_of_one_room_is_small() {
    // A power of two, so that no table has just doubled.
    let members = 1 << 14;
    let (mut router, mut log) = (Router::new(), TickLog::new());
    let ns = router.add_namespace();
    let before = BYTES.get();
    for member in 0..members {
        router.add(member, ns, member);
        router.join(member, "room", |_| {});
    }
    let routed = (BYTES.get() - before) / members as usize;
    let frame = log.append(|bytes| bytes.push(b'x')).unwrap();
    router.select(&Selection::everyone(ns), |_, conn| log.deliver(conn, frame));
    let all = (BYTES.get() - before) / members as usize;
    // A record of 32, a stamp of 4, places in two lists of 12 each, three places of 8 in its own; and in the log
    // a range of 8 and a place of 4.
    assert_eq!((routed, all), (84, 96));
}

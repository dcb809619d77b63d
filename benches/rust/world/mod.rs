//! The rooms that the router's benchmarks emit to, and a whole tick of emits. It checks what it measures.

use std::hint::black_box;

use roomcast::router::{Member, Namespace, Router, Selection, TickLog};

/// The order in which members joined, against the order of their keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// A room's array runs through all tables from front to back.
    Sorted,
    /// A room's array jumps about in all tables.
    Shuffled,
}

/// A namespace with rooms, one connection for each member.
pub(crate) struct World {
    /// With rooms `room` (everybody), `left` and `right` (three fifths each, everybody in one of them at least).
    pub(crate) router: Router,
    /// How many members there are.
    pub(crate) members: u32,
    /// The namespace.
    pub(crate) ns: Namespace,
    log: TickLog,
}

impl World {
    /// A world of `members` members.
    pub(crate) fn new(members: u32, order: Order) -> Self {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut router = Router::new();
        let ns = router.add_namespace();
        let mut keys: Vec<Member> = (0..members).collect();
        if order == Order::Shuffled {
            rng.shuffle(&mut keys);
        }
        for &member in &keys {
            router.add(member, ns, member);
            router.join(member, "room", |_| {});
        }
        for &member in &keys {
            let side = rng.u8(..5);
            if side <= 2 {
                router.join(member, "left", |_| {});
            }
            if side >= 2 {
                router.join(member, "right", |_| {});
            }
        }
        Self { router, members, ns, log: TickLog::new() }
    }

    /// One tick: `emits` messages of 100 bytes to `target`, then what each connection gets, and a new log.
    /// Returns the deliveries.
    #[inline(never)]
    pub(crate) fn tick(&mut self, target: &Selection<'_>, emits: u32) -> usize {
        let mut deliveries = 0;
        for _ in 0..emits {
            deliveries += self.emit(target);
        }
        self.flush();
        deliveries
    }

    /// As `tick`, but after each emit comes another to one member, as an answer or acknowledgement would be.
    #[inline(never)]
    pub(crate) fn mixed_tick(&mut self, target: &Selection<'_>, emits: u32) -> usize {
        let mut deliveries = 0;
        for emit in 0..emits {
            deliveries += self.emit(target);
            let asker = [emit % self.members];
            deliveries += self.emit(&Selection::union(self.ns, &[], &asker));
        }
        self.flush();
        deliveries
    }

    #[inline]
    fn emit(&mut self, target: &Selection<'_>) -> usize {
        let Ok(frame) = self.log.append(|bytes| bytes.extend_from_slice(&[b'x'; 100])) else { return 0 };
        let log = &mut self.log;
        self.router.select(black_box(target), |_, conn| log.deliver(conn, frame))
    }

    #[inline]
    fn flush(&mut self) {
        while let Some(conn) = self.log.pop_dirty() {
            for &range in self.log.ranges() {
                black_box((conn, self.log.bytes(range)));
            }
        }
        self.log.restart();
    }

    /// What a tick delivers, counted in bytes at its end.
    pub(crate) fn check(&mut self, target: &Selection<'_>, expected: u32) {
        assert_eq!(self.emit(target), expected as usize);
        let mut bytes = 0;
        while self.log.pop_dirty().is_some() {
            bytes += self.log.ranges().iter().map(|&range| self.log.bytes(range).len()).sum::<usize>();
        }
        self.log.restart();
        assert_eq!(bytes, expected as usize * 100);
    }
}

/// The targets that are measured: name, target, how many of `members` it reaches.
pub(crate) fn targets(ns: Namespace, members: u32) -> [(&'static str, Selection<'static>, u32); 3] {
    let room = Selection::union(ns, &["room"], &[]);
    [
        ("room", room, members),
        ("except_sender", Selection { except_members: &[50], ..room }, members - 1),
        ("union", Selection::union(ns, &["left", "right"], &[]), members),
    ]
}

//! The router, and what its emits leave in the log, against sets.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::seeds::for_seeds;
use crate::out::TickLog;
use crate::route::{Change, Conn, Member, Namespace, Router, Selection, Whom};

const NAMES: [&str; 6] = ["", "a", "b", "lobby", "game:1", "ü"];
const MEMBERS: u32 = 24;
const CONNS: u32 = 10;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Created(String),
    Joined(Member, String),
    Left(Member, String),
    Deleted(String),
}

fn seen(change: Change<'_>) -> Seen {
    match change {
        Change::RoomCreated(room) => Seen::Created(room.into()),
        Change::Joined(member, room) => Seen::Joined(member, room.into()),
        Change::Left(member, room) => Seen::Left(member, room.into()),
        Change::RoomDeleted(room) => Seen::Deleted(room.into()),
    }
}

#[derive(Default)]
struct Model {
    namespaces: BTreeSet<Namespace>,
    members: BTreeMap<Member, (Namespace, Conn, BTreeSet<String>)>,
    /// What each connection is owed.
    owed: BTreeMap<Conn, Vec<u8>>,
}

impl Model {
    fn room(&self, ns: Namespace, room: &str) -> BTreeSet<Member> {
        let inside = self.members.iter().filter(|(_, (n, _, rooms))| *n == ns && rooms.contains(room));
        inside.map(|(&member, _)| member).collect()
    }

    fn everyone(&self, ns: Namespace) -> BTreeSet<Member> {
        self.members.iter().filter(|(_, (n, ..))| *n == ns).map(|(&member, _)| member).collect()
    }

    fn rooms(&self, ns: Namespace) -> BTreeSet<String> {
        self.members.values().filter(|(n, ..)| *n == ns).flat_map(|(.., rooms)| rooms.clone()).collect()
    }

    fn join(&mut self, member: Member, room: &str, changes: &mut Vec<Seen>) -> bool {
        let Some(&(ns, ..)) = self.members.get(&member) else { return false };
        let new = self.room(ns, room).is_empty();
        if !self.members.get_mut(&member).unwrap().2.insert(room.into()) {
            return false;
        }
        if new {
            changes.push(Seen::Created(room.into()));
        }
        changes.push(Seen::Joined(member, room.into()));
        true
    }

    fn leave(&mut self, member: Member, room: &str, changes: &mut Vec<Seen>) -> bool {
        let Some((ns, _, rooms)) = self.members.get_mut(&member) else { return false };
        let ns = *ns;
        if !rooms.remove(room) {
            return false;
        }
        changes.push(Seen::Left(member, room.into()));
        if self.room(ns, room).is_empty() {
            changes.push(Seen::Deleted(room.into()));
        }
        true
    }

    fn leave_all(&mut self, member: Member, changes: &mut Vec<Seen>) {
        for room in self.members.get(&member).map(|m| m.2.clone()).unwrap_or_default() {
            self.leave(member, &room, changes);
        }
    }

    fn select(&self, target: &Selection<'_>) -> BTreeSet<Member> {
        let everyone = self.everyone(target.ns);
        let mut selected: BTreeSet<Member> = match target.whom {
            Whom::Everyone => everyone,
            Whom::Some { rooms, members } => {
                let named = members.iter().filter(|member| everyone.contains(member)).copied();
                rooms.iter().flat_map(|room| self.room(target.ns, room)).chain(named).collect()
            }
        };
        for room in target.except_rooms {
            selected = &selected - &self.room(target.ns, room);
        }
        selected.retain(|member| !target.except_members.contains(member));
        selected
    }
}

/// Up to `most` names, with repetitions.
fn names(rng: &mut fastrand::Rng, most: usize) -> Vec<&'static str> {
    (0..rng.usize(..=most)).map(|_| NAMES[rng.usize(..NAMES.len())]).collect()
}

fn keys(rng: &mut fastrand::Rng, most: usize) -> Vec<Member> {
    (0..rng.usize(..=most)).map(|_| rng.u32(..MEMBERS + 2)).collect()
}

fn check_changes(mut got: Vec<Seen>, mut expected: Vec<Seen>) {
    for pair in got.windows(2) {
        match &pair[0] {
            Seen::Created(room) => assert!(matches!(&pair[1], Seen::Joined(_, r) if r == room), "{got:?}"),
            _ => {
                if let Seen::Deleted(room) = &pair[1] {
                    assert!(matches!(&pair[0], Seen::Left(_, r) if r == room), "{got:?}");
                }
            }
        }
    }
    got.sort();
    expected.sort();
    assert_eq!(got, expected);
}

fn check_tables(router: &Router, model: &Model) {
    assert_eq!(router.total_members(), (0..5).map(|ns| router.member_count(ns)).sum::<usize>());
    assert_eq!(router.total_rooms(), (0..5).map(|ns| router.room_count(ns)).sum::<usize>());
    for ns in 0..5 {
        assert_eq!(router.everyone(ns).collect::<BTreeSet<_>>(), model.everyone(ns));
        assert_eq!(router.member_count(ns), model.everyone(ns).len());
        let rooms: Vec<String> = router.rooms(ns).map(Into::into).collect();
        assert_eq!(rooms.len(), router.room_count(ns));
        assert_eq!(rooms.len(), model.rooms(ns).len());
        assert_eq!(rooms.into_iter().collect::<BTreeSet<_>>(), model.rooms(ns));
        for name in NAMES {
            let members: Vec<Member> = router.members(ns, name).collect();
            assert_eq!(members.len(), model.room(ns, name).len());
            assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), model.room(ns, name));
        }
    }
    for member in 0..MEMBERS + 2 {
        let expected = model.members.get(&member).map(|m| m.2.clone()).unwrap_or_default();
        assert_eq!(router.rooms_of(member).len(), expected.len());
        assert_eq!(router.rooms_of(member).map(String::from).collect::<BTreeSet<_>>(), expected);
        for name in NAMES {
            assert_eq!(router.is_member(member, name), expected.contains(name));
        }
    }
}

fn emit(rng: &mut fastrand::Rng, router: &mut Router, log: &mut TickLog, model: &mut Model) {
    let (rooms, except_rooms) = (names(rng, 3), if rng.bool() { names(rng, 2) } else { vec![] });
    let members = if rng.u8(..3) == 0 { keys(rng, 3) } else { vec![] };
    let except_members = if rng.bool() { keys(rng, 2) } else { vec![] };
    let whom = if rng.u8(..6) == 0 {
        Whom::Everyone
    } else {
        Whom::Some { rooms: &rooms[..], members: &members[..] }
    };
    let target =
        Selection { ns: rng.u32(..4), whom, except_rooms: &except_rooms, except_members: &except_members };
    let text: Vec<u8> = (0..rng.usize(1..5)).map(|_| rng.alphanumeric() as u8).collect();
    let frame = log.append(|bytes| bytes.extend_from_slice(&text)).unwrap();
    let mut got = Vec::new();
    let count = router.select(&target, |member, conn| {
        got.push((member, conn));
        log.deliver(conn, frame);
    });
    assert_eq!(count, got.len());
    let expected = model.select(&target);
    assert_eq!(got.iter().map(|&(member, _)| member).collect::<BTreeSet<_>>(), expected, "{target:?}");
    assert_eq!(count, expected.len(), "somebody twice: {target:?}");
    for (member, conn) in got {
        assert_eq!(conn, model.members[&member].1);
        model.owed.entry(conn).or_default().extend_from_slice(&text);
    }
}

fn flush(log: &mut TickLog, model: &mut Model) {
    while let Some(conn) = log.pop_dirty() {
        let bytes: Vec<u8> = log.ranges().iter().flat_map(|&range| log.bytes(range).to_vec()).collect();
        assert_eq!(model.owed.remove(&conn), Some(bytes));
    }
    assert!(model.owed.is_empty());
    log.restart();
}

#[test]
fn random_calls_do_what_sets_do() {
    for_seeds(if cfg!(miri) { 1 } else { 60 }, |rng| {
        let (mut router, mut log, mut model) = (Router::new(), TickLog::new(), Model::default());
        for step in 0..if cfg!(miri) { 30 } else { 600 } {
            let (member, mut got, mut expected) = (rng.u32(..MEMBERS + 1), Vec::new(), Vec::new());
            let on = |change: Change<'_>| got.push(seen(change));
            let room = NAMES[rng.usize(..NAMES.len())];
            match rng.u8(..20) {
                0 if model.namespaces.len() < 4 => assert!(model.namespaces.insert(router.add_namespace())),
                1 => {
                    let ns = rng.u32(..4);
                    let empty = model.everyone(ns).is_empty();
                    assert_eq!(router.remove_namespace(ns), empty && model.namespaces.remove(&ns));
                }
                2..=4 => {
                    let (ns, conn) = (rng.u32(..4), rng.u32(..CONNS));
                    let free = model.namespaces.contains(&ns) && !model.members.contains_key(&member);
                    assert_eq!(router.add(member, ns, conn), free);
                    if free {
                        model.members.insert(member, (ns, conn, BTreeSet::new()));
                    }
                }
                5 => {
                    model.leave_all(member, &mut expected);
                    assert_eq!(router.remove(member, on), model.members.remove(&member).is_some());
                }
                6..=9 => assert_eq!(router.join(member, room, on), model.join(member, room, &mut expected)),
                10..=11 => {
                    assert_eq!(router.leave(member, room, on), model.leave(member, room, &mut expected));
                }
                12 => {
                    router.leave_all(member, on);
                    model.leave_all(member, &mut expected);
                }
                13..=14 => {
                    let (leave, join) = (names(rng, 4), names(rng, 4));
                    router.change(member, &leave, &join, on);
                    for room in leave.iter().filter(|room| !join.contains(room)) {
                        model.leave(member, room, &mut expected);
                    }
                    for room in &join {
                        model.join(member, room, &mut expected);
                    }
                }
                15 => flush(&mut log, &mut model),
                _ => emit(rng, &mut router, &mut log, &mut model),
            }
            check_changes(got, expected);
            if step % 20 == 0 {
                check_tables(&router, &model);
            }
        }
        flush(&mut log, &mut model);
    });
}

#[test]
fn the_same_calls_give_the_same_order() {
    let run = |seed| {
        let (mut rng, mut router) = (fastrand::Rng::with_seed(seed), Router::new());
        let ns = router.add_namespace();
        for member in 0..MEMBERS {
            router.add(member, ns, member);
        }
        for _ in 0..if cfg!(miri) { 40 } else { 400 } {
            let (member, room) = (rng.u32(..MEMBERS), format!("room {}", rng.u8(..30)));
            if rng.bool() {
                router.join(member, &room, |_| {})
            } else {
                router.leave(member, &room, |_| {})
            };
        }
        let rooms: Vec<String> = router.rooms(ns).map(Into::into).collect();
        let members: Vec<Vec<Member>> = rooms.iter().map(|room| router.members(ns, room).collect()).collect();
        (rooms, members)
    };
    assert_eq!(run(7), run(7));
}

#[test]
fn changes_are_reported_once_and_in_order() {
    let mut router = Router::new();
    let ns = router.add_namespace();
    router.add(0, ns, 0);
    router.add(1, ns, 1);
    let mut got = Vec::new();
    let mut on = |change: Change<'_>| got.push(seen(change));
    router.join(0, "a", &mut on);
    router.join(0, "a", &mut on);
    router.join(1, "a", &mut on);
    router.change(0, &["a", "b"], &["b", "c"], &mut on);
    router.change(0, &["b", "c"], &["c", "b"], &mut on);
    router.remove(1, &mut on);
    router.remove(0, &mut on);
    let name = String::from;
    let expected = [
        Seen::Created(name("a")),
        Seen::Joined(0, name("a")),
        Seen::Joined(1, name("a")),
        Seen::Left(0, name("a")),
        Seen::Created(name("b")),
        Seen::Joined(0, name("b")),
        Seen::Created(name("c")),
        Seen::Joined(0, name("c")),
        Seen::Left(1, name("a")),
        Seen::Deleted(name("a")),
        Seen::Left(0, name("b")),
        Seen::Deleted(name("b")),
        Seen::Left(0, name("c")),
        Seen::Deleted(name("c")),
    ];
    assert_eq!(got, expected);
}

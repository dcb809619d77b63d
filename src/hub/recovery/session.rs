//! What a socket of a namespace with recovery takes along: its private id, and from which number to which it was in each room. It
//! must not say whether the socket is there or away.

use super::pids::Pid;
use super::rooms::{RoomNo, Rooms};
use super::stays::{PAST, Stays};
use super::{Point, Seq};
use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};

/// A stay in a room that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay {
    pub(super) room: RoomNo,
    pub(super) since: Seq,
    pub(super) until: Seq,
}

/// The story of one socket, as far as the log is concerned.
#[derive(Debug)]
pub(in crate::hub) struct Session {
    pub(in crate::hub) pid: Pid,
    /// The number that came next when it began.
    pub(super) born: Seq,
    /// Stands for the socket itself.
    pub(in crate::hub) own: RoomNo,
    /// The rooms it is in, its own among them, each since when.
    pub(super) rooms: BTreeMap<RoomNo, Seq>,
    /// The rooms it has left, in that order.
    pub(super) past: VecDeque<Stay>,
    /// The newest that went to one of the stays that are forgotten.
    pub(super) lost: Option<Seq>,
    /// The same story for other nodes, where there is a stream.
    pub(in crate::hub) stays: Option<Box<Stays>>,
}

impl Session {
    pub(super) fn new(pid: Pid, born: Point, rooms: &mut Rooms) -> Self {
        let (own, past) = (rooms.add(), VecDeque::new());
        let stays = born.place.map(|place| Box::new(Stays::new(place)));
        Self { pid, born: born.next, own, rooms: [(own, born.next)].into(), past, lost: None, stays }
    }

    /// It has joined a room.
    pub(super) fn joined(&mut self, name: &str, at: Point, rooms: &mut Rooms) {
        if let (Some(stays), Some(place)) = (&mut self.stays, at.place) {
            stays.joined(name, place);
        }
        let room = rooms.hold(name);
        match self.rooms.entry(room) {
            Entry::Vacant(place) => drop(place.insert(at.next)),
            Entry::Occupied(_) => rooms.release(room),
        }
    }

    /// It has left a room; the log has nothing from before `oldest`.
    pub(super) fn left(&mut self, name: &str, at: Point, oldest: Seq, rooms: &mut Rooms) {
        if let (Some(stays), Some(place)) = (&mut self.stays, at.place) {
            stays.left(name, place);
        }
        // Held by this session, so it is there.
        let Some((room, since)) = rooms.find(name).and_then(|room| self.rooms.remove_entry(&room)) else {
            return;
        };
        self.past.push_back(Stay { room, since, until: at.next });
        while self.past.front().is_some_and(|stay| self.past.len() > PAST || is_over(*stay, oldest, rooms)) {
            let Some(stay) = self.past.pop_front() else { break };
            self.forget(stay, rooms);
        }
    }

    /// The end: the log need not know its rooms for its sake.
    pub(super) fn end(self, rooms: &mut Rooms) {
        let past = self.past.iter().map(|stay| stay.room);
        self.rooms.into_keys().chain(past).for_each(|room| rooms.release(room));
    }

    fn forget(&mut self, stay: Stay, rooms: &mut Rooms) {
        self.lost = self.lost.max(newest_of(stay, self.own, rooms));
        rooms.release(stay.room);
    }

    /// Whether it was in a room when this number was given.
    pub(super) fn was_in(&self, room: RoomNo, number: Seq) -> bool {
        self.rooms.get(&room).is_some_and(|&since| since <= number)
            || self.past.iter().any(|stay| stay.room == room && stay.since <= number && number < stay.until)
    }
}

/// Whether nothing in the log speaks of a stay any more.
fn is_over(stay: Stay, oldest: Seq, rooms: &Rooms) -> bool {
    stay.until <= oldest
        || rooms.index(stay.room).is_none_or(|index| {
            let aside = index.aside.is_some_and(|aside| aside >= stay.since);
            !aside && index.between(stay.since, stay.until).next().is_none()
        })
}

/// The newest number that may speak of a stay of the socket with this room of its own: none behind it does.
fn newest_of(stay: Stay, own: RoomNo, rooms: &Rooms) -> Option<Seq> {
    let index = rooms.index(stay.room)?;
    let kept = index.between(stay.since, stay.until).last();
    let within = |number: Option<Seq>| {
        number.map(|number| number.min(stay.until.saturating_sub(1))).filter(|&number| number >= stay.since)
    };
    kept.max(within(index.lost.of(own))).max(within(index.aside))
}

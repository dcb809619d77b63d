//! Rooms as the log knows them: by number, for as long as a session or an entry speaks of them, and with the entries that went to
//! each. It must not know who is in one now: the router does.

use super::Seq;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A room, or a socket's own, while somebody speaks of it.
pub(in crate::hub) type RoomNo = u32;

/// The entries that went to a room, or to everybody.
#[derive(Debug, Default)]
pub(super) struct Index {
    numbers: VecDeque<Seq>,
    pub(super) lost: Lost,
    /// The newest that speaks of it and is not in `numbers`: one of which only the newest counts, or that excepts it.
    pub(super) aside: Option<Seq>,
}

impl Index {
    /// False if it is there already: a room may be named twice.
    pub(super) fn push(&mut self, number: Seq) -> bool {
        let new = self.numbers.back() != Some(&number);
        if new {
            self.numbers.push_back(number);
        }
        new
    }

    /// An entry leaves the log. `except` is the first room that it excepts.
    pub(super) fn lose(&mut self, number: Seq, except: Option<RoomNo>) {
        if self.numbers.front() == Some(&number) {
            self.numbers.pop_front();
        }
        self.lost.add(number, except);
    }

    /// Those from one number on, and before another.
    pub(super) fn between(&self, from: Seq, until: Seq) -> impl Iterator<Item = Seq> + '_ {
        let first = self.numbers.partition_point(|&number| number < from);
        self.numbers.range(first..).copied().take_while(move |&number| number < until)
    }
}

/// The newest entries that are in the log no more: the last of all, and the last that does not except the same room. So whoever
/// emits to all but itself is known to have lost nothing with its own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    pub(super) newest: Option<Seq>,
    pub(super) except: Option<RoomNo>,
    /// The newest without that exception.
    pub(super) other: Option<Seq>,
}

impl Lost {
    fn add(&mut self, number: Seq, except: Option<RoomNo>) {
        let number = Some(number);
        if except.is_some() && except == self.except {
            self.newest = self.newest.max(number);
        } else if number > self.newest {
            *self = Self { newest: number, except, other: self.newest };
        } else {
            self.other = self.other.max(number);
        }
    }

    /// The newest that does not except a socket, by its own room.
    pub(super) fn of(self, own: RoomNo) -> Option<Seq> {
        if self.except == Some(own) { self.other } else { self.newest }
    }
}

#[derive(Debug)]
struct Room {
    /// None for a socket's own.
    name: Option<Arc<str>>,
    /// Sessions in whose story it is.
    sessions: usize,
    /// Entries whose target names it.
    entries: usize,
    index: Index,
}

/// All rooms that matter to a log.
#[derive(Debug, Default)]
pub(in crate::hub) struct Rooms {
    list: Slab<Room>,
    by_name: HashMap<Arc<str>, RoomNo>,
}

impl Rooms {
    /// The room of this name, if some session is or was in it.
    pub(in crate::hub) fn find(&self, name: &str) -> Option<RoomNo> {
        let number = *self.by_name.get(name)?;
        self.list.get(number as usize).filter(|room| room.sessions > 0).map(|_| number)
    }

    /// The name of a room that is not a socket's own.
    pub(super) fn name_of(&self, number: RoomNo) -> Option<&str> {
        self.list.get(number as usize)?.name.as_deref()
    }

    /// One that has no name, for a session.
    pub(super) fn add(&mut self) -> RoomNo {
        self.list.insert(Room { name: None, sessions: 1, entries: 0, index: Index::default() }) as RoomNo
    }

    /// The room of this name, for a session more.
    #[expect(clippy::arithmetic_side_effects, reason = "sessions in memory")]
    pub(super) fn hold(&mut self, name: &str) -> RoomNo {
        if let Some(&number) = self.by_name.get(name)
            && let Some(room) = self.list.get_mut(number as usize)
        {
            room.sessions += 1;
            return number;
        }
        let number = self.add();
        let name: Arc<str> = name.into();
        if let Some(room) = self.list.get_mut(number as usize) {
            room.name = Some(name.clone());
        }
        self.by_name.insert(name, number);
        number
    }

    /// A session speaks of it no more.
    pub(super) fn release(&mut self, number: RoomNo) {
        if let Some(room) = self.list.get_mut(number as usize) {
            room.sessions = room.sessions.saturating_sub(1);
        }
        self.collect(number);
    }

    /// An entry's target names it.
    #[expect(clippy::arithmetic_side_effects, reason = "entries in memory")]
    pub(super) fn name(&mut self, number: RoomNo) {
        if let Some(room) = self.list.get_mut(number as usize) {
            room.entries += 1;
        }
    }

    /// An entry that named it is in the log no more.
    pub(super) fn unname(&mut self, number: RoomNo) {
        if let Some(room) = self.list.get_mut(number as usize) {
            room.entries = room.entries.saturating_sub(1);
        }
        self.collect(number);
    }

    pub(super) fn index(&self, number: RoomNo) -> Option<&Index> {
        self.list.get(number as usize).map(|room| &room.index)
    }

    pub(super) fn index_mut(&mut self, number: RoomNo) -> Option<&mut Index> {
        self.list.get_mut(number as usize).map(|room| &mut room.index)
    }

    fn collect(&mut self, number: RoomNo) {
        if !self.list.get(number as usize).is_some_and(|room| room.sessions == 0 && room.entries == 0) {
            return;
        }
        if let Some(name) = self.list.remove(number as usize).name {
            self.by_name.remove(&name);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

//! When a session was in which room, by places in a stream: so another node knows what was meant for it. It must not know what is in
//! the stream.

use crate::wire::cluster::session::{EntryId, Stay};
use std::collections::{BTreeMap, VecDeque};

/// Rooms that a session has left and that are remembered: past this the oldest go, and whoever would have to be told of what went to
/// them cannot be recovered.
pub(super) const PAST: usize = 256;

/// All stays of a session that another node may have to know of.
#[derive(Debug)]
pub(in crate::hub) struct Stays {
    /// The last entry before it began.
    born: EntryId,
    /// The rooms it is in, but for its own, each with the last entry before.
    rooms: BTreeMap<Box<str>, EntryId>,
    /// The rooms it has left, in that order, and the last entry in each.
    past: VecDeque<(Box<str>, EntryId, EntryId)>,
}

impl Stays {
    pub(super) fn new(born: EntryId) -> Self {
        Self { born, rooms: BTreeMap::new(), past: VecDeque::new() }
    }

    /// Those of a session that was another node's.
    pub(in crate::hub) fn of(list: &[Stay<'_>], own: &str, born: EntryId) -> Self {
        let mut stays = Self::new(born);
        for Stay { room, from, until } in list.iter().filter(|stay| stay.room != own) {
            if *until == EntryId::END {
                stays.rooms.insert((**room).into(), *from);
            } else {
                stays.past.push_back(((**room).into(), *from, *until));
            }
        }
        stays.past.truncate(PAST);
        stays
    }

    pub(in crate::hub) fn joined(&mut self, room: &str, behind: EntryId) {
        if !self.rooms.contains_key(room) {
            self.rooms.insert(room.into(), behind);
        }
    }

    pub(super) fn left(&mut self, room: &str, until: EntryId) {
        let Some((room, from)) = self.rooms.remove_entry(room) else { return };
        if from < until {
            if self.past.len() == PAST {
                self.past.pop_front();
            }
            self.past.push_back((room, from, until));
        }
    }

    /// The rooms it is in, but for its own.
    pub(in crate::hub) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.keys().map(|room| &**room)
    }

    /// All of them, with its own room.
    pub(in crate::hub) fn list<'a>(&'a self, own: &'a str) -> Vec<Stay<'a>> {
        let stay = |room: &'a str, from, until| Stay { room: room.into(), from, until };
        let past = self.past.iter().map(|(room, from, until)| stay(room, *from, *until));
        let now = self.rooms.iter().map(|(room, from)| stay(room, *from, EntryId::END));
        std::iter::once(stay(own, self.born, EntryId::END)).chain(past).chain(now).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_are_told_and_taken_over() {
        let at = |number| EntryId { time: 1, number };
        let mut stays = Stays::new(at(1));
        stays.joined("a", at(2));
        stays.joined("a", at(3));
        stays.joined("b", at(3));
        stays.left("b", at(5));
        stays.left("b", at(6));
        // Nothing can have gone to it.
        stays.joined("c", at(6));
        stays.left("c", at(6));
        let list = stays.list("me");
        let told: Vec<_> = list.iter().map(|stay| (&*stay.room, stay.from, stay.until)).collect();
        assert_eq!(told, [("me", at(1), EntryId::END), ("b", at(3), at(5)), ("a", at(2), EntryId::END)]);
        let taken = Stays::of(&list, "me", at(1));
        assert_eq!((taken.list("me"), taken.rooms().collect::<Vec<_>>()), (list, vec!["a"]));
        for number in 0..2 * PAST as u64 {
            stays.joined("d", at(number));
            stays.left("d", at(number + 1));
        }
        assert_eq!(stays.list("me").len(), 1 + PAST + 1);
    }
}

//! From a target to its recipients, each once. It must not build a set for an emit.

use super::graph::{Entry, RoomKey};
use super::{Conn, Member, Namespace, Router};

/// Whom a message is for, before anybody is excepted.
///
/// "Everybody" is said and never implied: a union of nothing is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom<Rooms, Members> {
    /// The whole namespace.
    Everyone,
    /// The members of any of these rooms, and these members as well; each once.
    Some {
        /// The names of the rooms.
        rooms: Rooms,
        /// The members.
        members: Members,
    },
}

/// Who is to get a message: the union of rooms and members, or the whole namespace, less what is excepted.
///
/// A room without members adds nobody, and excepts nobody; so does a member that does not exist or is of another
/// namespace.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The namespace that all the rest is looked up in.
    pub ns: Namespace,
    /// Before anybody is excepted.
    pub whom: Whom<&'a [&'a str], &'a [Member]>,
    /// But no member of these rooms.
    pub except_rooms: &'a [&'a str],
    /// And none of these.
    pub except_members: &'a [Member],
}

impl<'a> Selection<'a> {
    /// The whole namespace.
    pub const fn everyone(ns: Namespace) -> Self {
        Self { ns, whom: Whom::Everyone, except_rooms: &[], except_members: &[] }
    }

    /// The members of these rooms, and these members; nobody if there are none of either.
    pub const fn union(ns: Namespace, rooms: &'a [&'a str], members: &'a [Member]) -> Self {
        Self { whom: Whom::Some { rooms, members }, ..Self::everyone(ns) }
    }
}

/// A mark for each member that an emit has passed, or leaves out. Each emit has an epoch of its own, so that no
/// emit has to clean up after the one before.
#[derive(Default)]
pub(super) struct Stamps {
    epoch: u32,
    members: Vec<u32>,
}

impl Stamps {
    /// Makes sure that the member can be marked.
    pub(super) fn cover(&mut self, member: Member) {
        let length = (member as usize).saturating_add(1);
        if length > self.members.len() {
            self.members.resize(length, 0);
        }
    }

    /// Begins an epoch, in which nothing is marked.
    fn advance(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.members.fill(0);
            self.epoch = 1;
        }
    }

    /// Leaves no epoch after the next.
    #[cfg(test)]
    pub(super) fn wear_out(&mut self) {
        self.epoch = u32::MAX - 1;
    }

    /// Marks a member. False if it was marked in this epoch, or is none.
    #[inline]
    fn mark(&mut self, member: Member) -> bool {
        match self.members.get_mut(member as usize) {
            Some(stamp) if *stamp != self.epoch => {
                *stamp = self.epoch;
                true
            }
            _ => false,
        }
    }
}

impl Router {
    /// Hands each selected member and its connection to `f`, once, and returns how many there were.
    #[inline]
    pub fn select(&mut self, target: &Selection<'_>, mut f: impl FnMut(Member, Conn)) -> usize {
        if let Some(stretches) = self.run(target) {
            for stretch in stretches {
                for entry in stretch {
                    f(entry.member, entry.conn);
                }
            }
            return stretches.iter().map(|stretch| stretch.len()).sum();
        }
        self.sift(target, f)
    }

    /// The recipients as two stretches of one room's array, if the target is as simple as that: one room or
    /// everyone, with at most one member excepted.
    fn run(&self, target: &Selection<'_>) -> Option<[&[Entry]; 2]> {
        let sole = match target.whom {
            Whom::Everyone => self.namespaces.get(target.ns as usize).map(|rooms| rooms.everyone),
            Whom::Some { rooms: [], members: [] } => None,
            Whom::Some { rooms: [name], members: [] } => self.room(target.ns, name),
            Whom::Some { .. } => return None,
        };
        let Some(key) = sole else { return Some([&[], &[]]) };
        let entries = &*self.graph.room(key).entries;
        let skip = match (target.except_members, target.except_rooms) {
            ([], []) => None,
            (&[member], []) => self.graph.position(member, key),
            _ => return None,
        };
        Some(match skip {
            Some(position) => {
                let (before, rest) = entries.split_at(position);
                [before, rest.get(1..).unwrap_or_default()]
            }
            None => [entries, &[]],
        })
    }

    /// The general case: who is excepted is marked first, and who is marked is passed over.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "each member counts once, and they are numbered in 32 bits"
    )]
    fn sift(&mut self, target: &Selection<'_>, mut f: impl FnMut(Member, Conn)) -> usize {
        let Some(rooms) = self.namespaces.get(target.ns as usize) else { return 0 };
        let stamps = &mut self.stamps;
        stamps.advance();
        for &member in target.except_members {
            stamps.mark(member);
        }
        for key in target.except_rooms.iter().filter_map(|name| rooms.named(name)) {
            for entry in &self.graph.room(key).entries {
                stamps.mark(entry.member);
            }
        }
        let mut count = 0;
        let (everyone, named, members) = match target.whom {
            Whom::Everyone => (Some(rooms.everyone), &[][..], &[][..]),
            Whom::Some { rooms, members } => (None, rooms, members),
        };
        for key in everyone.into_iter().chain(named.iter().filter_map(|name| rooms.named(name))) {
            for entry in &self.graph.room(key).entries {
                if stamps.mark(entry.member) {
                    f(entry.member, entry.conn);
                    count += 1;
                }
            }
        }
        for &member in members {
            if let Some((ns, conn)) = self.graph.member(member)
                && ns == target.ns
                && stamps.mark(member)
            {
                f(member, conn);
                count += 1;
            }
        }
        count
    }

    pub(super) fn room(&self, ns: Namespace, name: &str) -> Option<RoomKey> {
        self.namespaces.get(ns as usize)?.named(name)
    }
}

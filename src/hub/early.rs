//! The rooms that the host names for a socket before it lets it in. It must not touch the router: nobody is in them yet.

use crate::route::{Change, Member};
use std::collections::{BTreeMap, BTreeSet};

/// Names of rooms, in the order they were named in. However many there are, one more costs no walk over them.
#[derive(Debug, Default)]
pub(super) struct EarlyRooms {
    /// Each with its place in the order.
    names: BTreeMap<Box<str>, u64>,
    named: u64,
}

impl EarlyRooms {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn contains(&self, room: &str) -> bool {
        self.names.contains_key(room)
    }

    /// Leaves and joins as [`Router::change`](crate::route::Router::change) does.
    pub(super) fn change(
        &mut self,
        member: Member,
        leave: &[&str],
        join: &[&str],
        mut on: impl FnMut(Change<'_>),
    ) {
        let kept: BTreeSet<&str> = join.iter().copied().collect();
        for room in leave.iter().filter(|room| !kept.contains(*room)) {
            if self.names.remove(*room).is_some() {
                on(Change::Left(member, room));
            }
        }
        for &room in join {
            if !self.contains(room) {
                self.named = self.named.wrapping_add(1);
                self.names.insert(room.into(), self.named);
                on(Change::Joined(member, room));
            }
        }
    }

    pub(super) fn in_order(&self) -> Vec<&str> {
        let mut rooms: Vec<(u64, &str)> = self.names.iter().map(|(name, place)| (*place, &**name)).collect();
        rooms.sort_unstable();
        rooms.into_iter().map(|(_, name)| name).collect()
    }
}

//! The rooms that the host names for a socket before it lets it in. It must not touch the router: nobody is in them yet.

use crate::base::errors::{Error, Result};
use crate::base::limits::Limits;
use std::collections::{BTreeMap, BTreeSet};

/// Names of rooms, in the order they were named in. However many there are, one more costs no walk over them.
#[derive(Debug, Default)]
pub(super) struct EarlyRooms {
    /// Each with its place in the order.
    names: BTreeMap<Box<str>, u64>,
    named: u64,
    /// Of all names together.
    bytes: usize,
}

impl EarlyRooms {
    /// Leaves and joins as [`Core::change_rooms`](super::core::Core::change_rooms) does.
    pub(super) fn change(&mut self, leave: &[&str], join: &[&str], limits: &Limits) -> Result<usize> {
        let is_in = |room: &str| self.names.contains_key(room);
        let kept: BTreeSet<&str> = join.iter().copied().collect();
        let left: BTreeSet<&str> =
            leave.iter().copied().filter(|room| is_in(room) && !kept.contains(room)).collect();
        let new = kept.iter().filter(|room| !is_in(room));
        let (count, length) = new.fold((0, 0), |(count, length), room| (count + 1, length + room.len()));
        let bytes = self.bytes - left.iter().map(|room| room.len()).sum::<usize>() + length;
        let many = self.names.len() - left.len() + count > limits.max_rooms_per_socket as usize;
        // If it leaves before it is let in, one event tells the host of them all.
        if count > 0 && (many || bytes > limits.max_event_bytes) {
            return Err(Error::TooMany);
        }
        self.bytes = bytes;
        for room in &left {
            self.names.remove(*room);
        }
        for &room in join {
            if !self.names.contains_key(room) {
                self.named += 1;
                self.names.insert(room.into(), self.named);
            }
        }
        Ok(left.len() + count)
    }

    pub(super) fn in_order(&self) -> Vec<&str> {
        let mut rooms: Vec<(u64, &str)> = self.names.iter().map(|(name, place)| (*place, &**name)).collect();
        rooms.sort_unstable();
        rooms.into_iter().map(|(_, name)| name).collect()
    }
}

//! Who is in which room: two sets of arrays that point at each other. It must not know what a room is for.
//!
//! A room is a dense array, so that walking it is a linear read. Each side keeps the position of the other's
//! record, so that entering and leaving move one element and never search a large room.

use std::sync::Arc;

use slab::Slab;

use super::{Conn, Member, Namespace};

/// Names a room while it exists.
pub(super) type RoomKey = u32;

/// Memberships a member's list begins with: the namespace and two rooms are 24 bytes, which is what common
/// allocators hand out at the least.
const FIRST_MEMBERSHIPS: usize = 3;

/// A room with room for this many members never gives memory back.
const SMALL_ROOM: usize = 64;

/// A member, as its room sees it.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) member: Member,
    /// Kept here as well, so that a walk over the room reads nothing else.
    pub(super) conn: Conn,
    /// Where the member's list has this room.
    back: u32,
}

pub(super) struct Room {
    pub(super) name: Arc<str>,
    pub(super) ns: Namespace,
    /// Where the namespace's list of rooms has this one.
    pub(super) listed: u32,
    /// The last change of rooms that had this one among those to join.
    pub(super) kept_by: u64,
    pub(super) entries: Vec<Entry>,
}

/// A room, as its member sees it.
#[derive(Clone, Copy)]
struct Membership {
    room: RoomKey,
    /// Where the room's array has this member.
    position: u32,
}

/// A key that no member has now is a record without memberships.
#[derive(Default)]
struct Record {
    ns: Namespace,
    conn: Conn,
    /// The first is the namespace itself, from `add` to `remove`.
    memberships: Vec<Membership>,
}

#[derive(Default)]
pub(super) struct Graph {
    rooms: Slab<Room>,
    members: Vec<Record>,
}

#[expect(
    clippy::indexing_slicing,
    reason = "each side keeps the other's place, and both change together, here alone"
)]
impl Graph {
    /// How many rooms there are, those that stand for a namespace included.
    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn room(&self, key: RoomKey) -> &Room {
        &self.rooms[key as usize]
    }

    pub(super) fn room_mut(&mut self, key: RoomKey) -> &mut Room {
        &mut self.rooms[key as usize]
    }

    pub(super) fn open(&mut self, name: Arc<str>, ns: Namespace, listed: u32) -> RoomKey {
        self.rooms.insert(Room { name, ns, listed, kept_by: 0, entries: Vec::new() }) as RoomKey
    }

    /// Ends a room that nobody is in.
    pub(super) fn close(&mut self, key: RoomKey) -> Room {
        let room = self.rooms.remove(key as usize);
        debug_assert!(room.entries.is_empty());
        room
    }

    /// Makes a member whose first room is its whole namespace. False if the key is taken.
    pub(super) fn add(&mut self, member: Member, ns: Namespace, conn: Conn, everyone: RoomKey) -> bool {
        let index = member as usize;
        if index >= self.members.len() {
            self.members.resize_with(index.saturating_add(1), Record::default);
        }
        let record = &mut self.members[index];
        if !record.memberships.is_empty() {
            return false;
        }
        (record.ns, record.conn) = (ns, conn);
        record.memberships.reserve_exact(FIRST_MEMBERSHIPS);
        self.enter(member, everyone);
        true
    }

    /// The namespace and connection of a member that exists.
    pub(super) fn member(&self, member: Member) -> Option<(Namespace, Conn)> {
        let record = self.record(member)?;
        Some((record.ns, record.conn))
    }

    /// Where the member's list has the room. Reads the shorter of the two lists: at most `Limits::max_rooms_per_socket`
    /// of eight bytes each, and that only for a member of as many rooms and a room of as many members. Otherwise few, which
    /// costs less than an index of each membership would.
    pub(super) fn find(&self, member: Member, key: RoomKey) -> Option<usize> {
        let (record, room) = (self.record(member)?, self.room(key));
        if record.memberships.len() <= room.entries.len() {
            record.memberships.iter().position(|membership| membership.room == key)
        } else {
            room.entries.iter().find(|entry| entry.member == member).map(|entry| entry.back as usize)
        }
    }

    /// Where the room's array has the member.
    pub(super) fn position(&self, member: Member, key: RoomKey) -> Option<usize> {
        let index = self.find(member, key)?;
        Some(self.record(member)?.memberships[index].position as usize)
    }

    /// The rooms of a member, its namespace first; empty if there is no such member.
    pub(super) fn rooms_of(&self, member: Member) -> impl ExactSizeIterator<Item = RoomKey> {
        let memberships = self.record(member).map_or(&[][..], |record| &record.memberships);
        memberships.iter().map(|membership| membership.room)
    }

    /// Puts a member that exists into a room it is not in.
    pub(super) fn enter(&mut self, member: Member, key: RoomKey) {
        let record = &mut self.members[member as usize];
        let entries = &mut self.rooms[key as usize].entries;
        let back = record.memberships.len() as u32;
        record.memberships.push(Membership { room: key, position: entries.len() as u32 });
        entries.push(Entry { member, conn: record.conn, back });
    }

    /// Takes a member out of the room at `index` of its list; the last of the list takes that place.
    pub(super) fn exit(&mut self, member: Member, index: usize) {
        let memberships = &mut self.members[member as usize].memberships;
        let gone = memberships.swap_remove(index);
        if let Some(moved) = memberships.get(index) {
            self.rooms[moved.room as usize].entries[moved.position as usize].back = index as u32;
        }
        self.vacate(gone);
    }

    /// Takes a member out of the rooms from `index` of its list on, in the order of the list. `left` hears of
    /// each room when the member is out of it, and may close it.
    pub(super) fn exit_from(
        &mut self,
        member: Member,
        index: usize,
        mut left: impl FnMut(&mut Self, RoomKey),
    ) {
        let Some(record) = self.members.get_mut(member as usize) else { return };
        // The list is set aside, since others' records change meanwhile. Theirs only: a room has a member once.
        let mut memberships = std::mem::take(&mut record.memberships);
        for &gone in memberships.get(index..).unwrap_or_default() {
            self.vacate(gone);
            left(self, gone.room);
        }
        if index > 0 {
            memberships.truncate(index);
            self.members[member as usize].memberships = memberships;
        }
    }

    fn vacate(&mut self, gone: Membership) {
        let entries = &mut self.rooms[gone.room as usize].entries;
        entries.swap_remove(gone.position as usize);
        if let Some(moved) = entries.get(gone.position as usize) {
            let record = &mut self.members[moved.member as usize];
            record.memberships[moved.back as usize].position = gone.position;
        }
        if entries.capacity() > SMALL_ROOM && entries.len() < entries.capacity() / 4 {
            entries.shrink_to(entries.len().saturating_mul(2));
        }
    }

    fn record(&self, member: Member) -> Option<&Record> {
        self.members.get(member as usize).filter(|record| !record.memberships.is_empty())
    }
}

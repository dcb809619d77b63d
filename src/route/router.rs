//! Namespaces, rooms and their members, and what changes when one joins or leaves. No emits, no I/O, no clock.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use slab::Slab;

use super::graph::{Graph, RoomKey};
use super::select::Stamps;
use super::{Conn, Member, Namespace};

/// What joining and leaving did to the rooms of one namespace. Each is reported once, as it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change<'a> {
    /// The room had no members; its first [`Joined`](Change::Joined) follows.
    RoomCreated(&'a str),
    /// The member was not in the room before.
    Joined(Member, &'a str),
    /// The member was in the room before.
    Left(Member, &'a str),
    /// The last member has left the room.
    RoomDeleted(&'a str),
}

/// Namespaces and rooms, and which member is in which.
///
/// Keys that name nothing change nothing. The order in which members and rooms are handed out depends on the
/// calls made, never on chance; it is not the order of joining once somebody has left.
#[derive(Default)]
pub struct Router {
    pub(super) namespaces: Slab<Rooms>,
    pub(super) graph: Graph,
    pub(super) stamps: Stamps,
    /// Members of all namespaces.
    population: usize,
    /// Calls of `change` so far.
    changes: u64,
    /// Rooms that came and went, for whoever follows them.
    followed: Option<Vec<Followed>>,
}

/// A room that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    /// What its namespace was called when it was made.
    pub(crate) namespace: Arc<str>,
    pub(crate) room: Arc<str>,
    /// It came.
    pub(crate) made: bool,
}

impl Followed {
    /// Its namespace, its name, and whether it came.
    pub(crate) fn parts(&self) -> (&str, &str, bool) {
        (&self.namespace, &self.room, self.made)
    }
}

/// The rooms of one namespace.
pub(super) struct Rooms {
    /// For those who follow rooms.
    name: Arc<str>,
    /// All members: a room that has no name and outlives its members.
    pub(super) everyone: RoomKey,
    by_name: HashMap<Arc<str>, RoomKey>,
    /// The same rooms in an order that the hash does not decide.
    list: Vec<RoomKey>,
}

impl Rooms {
    pub(super) fn named(&self, name: &str) -> Option<RoomKey> {
        self.by_name.get(name).copied()
    }
}

impl Router {
    /// A router without namespaces.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a namespace. Keys of removed namespaces are given out again.
    pub fn add_namespace(&mut self) -> Namespace {
        self.add_named_namespace(Arc::default())
    }

    /// The same with a name, by which whoever follows rooms knows where they are.
    pub(crate) fn add_named_namespace(&mut self, name: Arc<str>) -> Namespace {
        let ns = self.namespaces.vacant_key() as Namespace;
        let everyone = self.graph.open(Arc::default(), ns, 0);
        self.namespaces.insert(Rooms { name, everyone, by_name: HashMap::new(), list: Vec::new() });
        ns
    }

    /// From now on [`followed`](Self::followed) tells of rooms, first of those that are there.
    pub(crate) fn follow(&mut self) {
        let of = |rooms: &Rooms| {
            let namespace = rooms.name.clone();
            rooms.by_name.keys().cloned().collect::<Vec<_>>().into_iter().map(move |room| Followed {
                namespace: namespace.clone(),
                room,
                made: true,
            })
        };
        self.followed = Some(self.namespaces.iter().flat_map(|(_, rooms)| of(rooms)).collect());
    }

    /// Which rooms came and went since the last time, in their order, if somebody follows them.
    pub(crate) fn followed(&mut self) -> Vec<Followed> {
        self.followed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Removes a namespace that has no members. False if it has some, or does not exist.
    pub fn remove_namespace(&mut self, ns: Namespace) -> bool {
        let Some(rooms) = self.namespaces.get(ns as usize) else { return false };
        if !self.graph.room(rooms.everyone).entries.is_empty() {
            return false;
        }
        self.graph.close(rooms.everyone);
        self.namespaces.remove(ns as usize);
        true
    }

    /// Makes a member of a namespace, in no room. False if the key is taken or there is no such namespace.
    pub fn add(&mut self, member: Member, ns: Namespace, conn: Conn) -> bool {
        let Some(rooms) = self.namespaces.get(ns as usize) else { return false };
        self.stamps.cover(member);
        let added = self.graph.add(member, ns, conn, rooms.everyone);
        self.population = self.population.saturating_add(added.into());
        added
    }

    /// Takes a member out of its rooms and its namespace; the key may be used again. False if there is none.
    #[expect(clippy::arithmetic_side_effects, reason = "it was counted as it was added")]
    pub fn remove(&mut self, member: Member, on: impl FnMut(Change<'_>)) -> bool {
        if self.graph.member(member).is_none() {
            return false;
        }
        self.leave_all(member, on);
        self.graph.exit_from(member, 0, |_, _| {});
        self.population -= 1;
        true
    }

    /// Puts a member into a room. False if it is there already, or there is no such member.
    pub fn join(&mut self, member: Member, room: &str, mut on: impl FnMut(Change<'_>)) -> bool {
        let Some((ns, _)) = self.graph.member(member) else { return false };
        let Some(rooms) = self.namespaces.get_mut(ns as usize) else { return false };
        let key = match rooms.named(room) {
            Some(key) if self.graph.find(member, key).is_some() => return false,
            Some(key) => key,
            None => {
                let name: Arc<str> = room.into();
                let key = self.graph.open(name.clone(), ns, rooms.list.len() as u32);
                rooms.list.push(key);
                if let Some(followed) = &mut self.followed {
                    followed.push(Followed { namespace: rooms.name.clone(), room: name.clone(), made: true });
                }
                rooms.by_name.insert(name, key);
                on(Change::RoomCreated(room));
                key
            }
        };
        self.graph.enter(member, key);
        on(Change::Joined(member, room));
        true
    }

    /// Takes a member out of a room. False if it is not there.
    pub fn leave(&mut self, member: Member, room: &str, mut on: impl FnMut(Change<'_>)) -> bool {
        let Some((ns, _)) = self.graph.member(member) else { return false };
        let Some(key) = self.room(ns, room) else { return false };
        let Some(index) = self.graph.find(member, key) else { return false };
        self.graph.exit(member, index);
        left(&mut self.graph, &mut self.namespaces, &mut self.followed, member, key, &mut on);
        true
    }

    /// Takes a member out of all its rooms; it stays in its namespace.
    pub fn leave_all(&mut self, member: Member, mut on: impl FnMut(Change<'_>)) {
        let Self { namespaces, followed, .. } = self;
        self.graph.exit_from(member, 1, |graph, key| left(graph, namespaces, followed, member, key, &mut on));
    }

    /// Takes a member out of the rooms `leave` and puts it into the rooms `join`, as one step: it stays in a
    /// room that is in both, and nothing is reported of that room.
    pub fn change(&mut self, member: Member, leave: &[&str], join: &[&str], mut on: impl FnMut(Change<'_>)) {
        let Some((ns, _)) = self.graph.member(member) else { return };
        self.changes = self.changes.wrapping_add(1);
        for name in join {
            if let Some(key) = self.room(ns, name) {
                self.graph.room_mut(key).kept_by = self.changes;
            }
        }
        for name in leave {
            let key = self.room(ns, name);
            if key.is_some_and(|key| self.graph.room(key).kept_by != self.changes) {
                self.leave(member, name, &mut on);
            }
        }
        for name in join {
            self.join(member, name, &mut on);
        }
    }

    /// The members of a room; none if there is no such room.
    pub fn members<'a>(
        &'a self,
        ns: Namespace,
        room: &str,
    ) -> impl ExactSizeIterator<Item = Member> + use<'a> {
        self.walk(self.namespaces.get(ns as usize).and_then(|rooms| rooms.named(room)))
    }

    /// The members of a namespace.
    pub fn everyone(&self, ns: Namespace) -> impl ExactSizeIterator<Item = Member> {
        self.walk(self.namespaces.get(ns as usize).map(|rooms| rooms.everyone))
    }

    /// The rooms a member is in.
    pub fn rooms_of(&self, member: Member) -> impl ExactSizeIterator<Item = &str> {
        self.graph.rooms_of(member).skip(1).map(|key| &*self.graph.room(key).name)
    }

    /// The rooms of a namespace.
    pub fn rooms(&self, ns: Namespace) -> impl ExactSizeIterator<Item = &str> {
        let list = self.namespaces.get(ns as usize).map_or(&[][..], |rooms| &rooms.list);
        list.iter().map(|&key| &*self.graph.room(key).name)
    }

    /// Whether a member is in a room.
    pub fn is_member(&self, member: Member, room: &str) -> bool {
        self.graph
            .member(member)
            .and_then(|(ns, _)| self.room(ns, room))
            .is_some_and(|key| self.graph.find(member, key).is_some())
    }

    /// Whether a room has members.
    pub(crate) fn has_room(&self, ns: Namespace, room: &str) -> bool {
        self.room(ns, room).is_some()
    }

    /// Whether there is such a namespace.
    pub fn has_namespace(&self, ns: Namespace) -> bool {
        self.namespaces.contains(ns as usize)
    }

    /// Whether there is such a member.
    pub fn has_member(&self, member: Member) -> bool {
        self.graph.member(member).is_some()
    }

    /// How many rooms a namespace has.
    pub fn room_count(&self, ns: Namespace) -> usize {
        self.rooms(ns).len()
    }

    /// How many members a namespace has.
    pub fn member_count(&self, ns: Namespace) -> usize {
        self.everyone(ns).len()
    }

    /// How many rooms there are in all namespaces.
    pub fn total_rooms(&self) -> usize {
        // Each namespace has one that is not a room of its own.
        self.graph.len().saturating_sub(self.namespaces.len())
    }

    /// How many members there are in all namespaces.
    pub fn total_members(&self) -> usize {
        self.population
    }

    fn walk(&self, key: Option<RoomKey>) -> impl ExactSizeIterator<Item = Member> {
        let entries = key.map_or(&[][..], |key| &self.graph.room(key).entries);
        entries.iter().map(|entry| entry.member)
    }
}

/// Reports that a member is out of a room, and ends the room if that was the last.
fn left(
    graph: &mut Graph,
    namespaces: &mut Slab<Rooms>,
    followed: &mut Option<Vec<Followed>>,
    member: Member,
    key: RoomKey,
    on: &mut impl FnMut(Change<'_>),
) {
    on(Change::Left(member, &graph.room(key).name));
    if !graph.room(key).entries.is_empty() {
        return;
    }
    let room = graph.close(key);
    let rooms = &mut namespaces[room.ns as usize];
    rooms.by_name.remove(&*room.name);
    rooms.list.swap_remove(room.listed as usize);
    if let Some(&moved) = rooms.list.get(room.listed as usize) {
        graph.room_mut(moved).listed = room.listed;
    }
    on(Change::RoomDeleted(&room.name));
    if let Some(followed) = followed {
        followed.push(Followed { namespace: rooms.name.clone(), room: room.name, made: false });
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("namespaces", &self.namespaces.len()).finish_non_exhaustive()
    }
}

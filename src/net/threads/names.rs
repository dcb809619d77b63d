//! What several loops must agree on: the handles of namespaces, and which rooms there are. It must not know a socket.

use crate::base::ids::{Key, NamespaceId};
use crate::base::slots::Slots;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Shared by all loops of a broker and its owner.
#[derive(Debug, Default)]
pub(in crate::net) struct Names(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    namespaces: Slots<Entry>,
    by_name: HashMap<Box<str>, Key>,
    /// The loops on which a room has members. Empty unless rooms are reported.
    rooms: HashMap<(NamespaceId, Box<str>), u64>,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    /// The loops that have it.
    loops: u64,
    /// The host has been told of it.
    announced: bool,
}

impl Tables {
    fn enter(&mut self, name: &str, number: usize) -> Key {
        let key = match self.by_name.get(name) {
            Some(&key) => key,
            None => {
                let key = self.namespaces.insert(Entry { name: name.into(), loops: 0, announced: false });
                self.by_name.insert(name.into(), key);
                key
            }
        };
        if let Some(entry) = self.namespaces.get_mut(key) {
            entry.loops |= 1 << number;
        }
        key
    }
}

impl Names {
    /// The handle of a namespace that a loop has.
    pub(super) fn enter(&self, name: &str, number: usize) -> NamespaceId {
        NamespaceId::new(self.0.lock().enter(name, number))
    }

    /// The same, and whether the host has yet to be told of the namespace.
    pub(super) fn announce(&self, name: &str, number: usize) -> (NamespaceId, bool) {
        let mut tables = self.0.lock();
        let key = tables.enter(name, number);
        let known = tables.namespaces.get_mut(key).map(|entry| std::mem::replace(&mut entry.announced, true));
        (NamespaceId::new(key), known == Some(false))
    }

    /// A loop has the namespace no more. Whether it was the last one that had.
    pub(super) fn leave(&self, id: NamespaceId, number: usize) -> bool {
        let mut tables = self.0.lock();
        let Some(entry) = tables.namespaces.get_mut(id.key()) else { return false };
        entry.loops &= !(1 << number);
        if entry.loops != 0 {
            return false;
        }
        if let Some(entry) = tables.namespaces.remove(id.key()) {
            tables.by_name.remove(&entry.name);
        }
        true
    }

    /// The handle of the namespace of this name, with its slash.
    pub(super) fn find(&self, name: &str) -> Option<NamespaceId> {
        self.0.lock().by_name.get(name).map(|&key| NamespaceId::new(key))
    }

    pub(super) fn has(&self, id: NamespaceId) -> bool {
        self.0.lock().namespaces.get(id.key()).is_some()
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().namespaces.len()
    }

    pub(super) fn name(&self, id: NamespaceId) -> Option<Box<str>> {
        self.0.lock().namespaces.get(id.key()).map(|entry| entry.name.clone())
    }

    pub(super) fn list(&self) -> Vec<(NamespaceId, Box<str>)> {
        let tables = self.0.lock();
        let entry = |key| Some((NamespaceId::new(key), tables.namespaces.get(key)?.name.clone()));
        tables.namespaces.keys().filter_map(entry).collect()
    }

    /// A room begins on a loop. Whether it is new to all of them.
    pub(super) fn room_begins(&self, namespace: NamespaceId, room: &str, number: usize) -> bool {
        let mut tables = self.0.lock();
        let loops = tables.rooms.entry((namespace, room.into())).or_default();
        let new = *loops == 0;
        *loops |= 1 << number;
        new
    }

    /// A room ends on a loop. Whether it is gone from all of them.
    pub(super) fn room_ends(&self, namespace: NamespaceId, room: &str, number: usize) -> bool {
        let mut tables = self.0.lock();
        let place = (namespace, room.into());
        let Some(loops) = tables.rooms.get_mut(&place) else { return false };
        *loops &= !(1 << number);
        let gone = *loops == 0;
        if gone {
            tables.rooms.remove(&place);
        }
        gone
    }
}

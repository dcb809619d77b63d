//! A slab whose keys carry a generation, so that a stale key finds nothing. It must not hand out references by slot alone
//! to anyone who holds a key.

use super::ids::Key;
use slab::Slab;

/// Dense storage: O(1) insert, remove and look-up, by key or by slot.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    entries: Slab<(u32, T)>,
    // One counter for all slots: a slot's own history need not be kept, and a key repeats only after
    // 2^28 inserts that end in the same slot.
    generation: u32,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { entries: Slab::new(), generation: 0 }
    }
}

impl<T> Slots<T> {
    pub(crate) fn insert(&mut self, value: T) -> Key {
        self.generation = Key::next_generation(self.generation);
        let slot = self.entries.insert((self.generation, value));
        Key { slot: slot as u32, generation: self.generation }
    }

    /// The key the next insert will return.
    pub(crate) fn next_key(&self) -> Key {
        Key { slot: self.entries.vacant_key() as u32, generation: Key::next_generation(self.generation) }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        match self.entries.get(key.slot as usize) {
            Some((generation, value)) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.entries.get_mut(key.slot as usize) {
            Some((generation, value)) if *generation == key.generation => Some(value),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        Some(self.entries.remove(key.slot as usize).1)
    }

    /// What lives in a slot now, whoever it is.
    pub(crate) fn at(&self, slot: u32) -> Option<&T> {
        self.entries.get(slot as usize).map(|(_, value)| value)
    }

    pub(crate) fn at_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entries.get_mut(slot as usize).map(|(_, value)| value)
    }

    /// The key of what lives in a slot now.
    pub(crate) fn key_at(&self, slot: u32) -> Option<Key> {
        self.entries.get(slot as usize).map(|(generation, _)| Key { slot, generation: *generation })
    }

    /// The first thing at or behind a slot, and the slot behind it. Free slots are passed one by one: a walk from 0 to the end
    /// looks once at as many as were ever in use together, so who walks begins anew only once in a while.
    pub(crate) fn next_from(&self, slot: u32) -> Option<(Key, u32)> {
        let taken =
            (slot as usize..self.entries.capacity()).find(|&slot| self.entries.contains(slot))? as u32;
        self.key_at(taken).map(|key| (key, taken.saturating_add(1)))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.entries.iter().map(|(slot, (generation, _))| Key { slot: slot as u32, generation: *generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing() {
        let mut slots = Slots::default();
        let first = slots.insert("a");
        assert_eq!(slots.remove(first), Some("a"));
        let second = slots.insert("b");
        assert_eq!(first.slot, second.slot);
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&"b"));
    }
}

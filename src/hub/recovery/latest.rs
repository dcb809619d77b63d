//! Messages of which only the newest of a key counts: one place for each key and audience, written over by the next. It must not keep
//! what is no longer true.

use super::Seq;
use super::audience::{Audience, selects};
use super::rooms::{Index, RoomNo, Rooms};
use super::saved::SavedEmit;
use super::session::Session;
use crate::base::Millis;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

#[derive(Debug)]
struct Newest {
    key: u64,
    hash: u64,
    number: Seq,
    /// When it is too old.
    until: Millis,
    audience: Audience,
    frame: Vec<u8>,
}

const NEWEST_BYTES: usize = size_of::<Newest>() + 3 * size_of::<u64>();

/// The newest message of each key, for each audience that it went to.
#[derive(Debug, Default)]
pub(super) struct Latest {
    list: Slab<Newest>,
    hashes: RandomState,
    places: HashMap<u64, usize>,
    /// All of them, each once, mostly in the order of their age: one that has become younger than it was when it came here
    /// goes to the end when its turn comes.
    ages: VecDeque<(Seq, usize)>,
    bytes: usize,
}

#[expect(clippy::arithmetic_side_effects, reason = "sizes of what is in memory")]
impl Latest {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn push(
        &mut self,
        key: u64,
        audience: &Audience,
        frame: &[u8],
        number: Seq,
        until: Millis,
        rooms: &mut Rooms,
    ) {
        let hash = self.hashes.hash_one((key, audience.everyone, &audience.rooms, &audience.except));
        if let Some(newest) = self.places.get(&hash).and_then(|&at| self.list.get_mut(at))
            && newest.key == key
            && newest.audience == *audience
        {
            self.bytes = self.bytes - newest.frame.len() + frame.len();
            newest.frame.clear();
            newest.frame.extend_from_slice(frame);
            // What a longer one took is not counted any more.
            newest.frame.shrink_to(frame.len() * 2);
            (newest.number, newest.until) = (number, until);
            mark(audience, number, rooms);
            return;
        }
        let newest = Newest { key, hash, number, until, audience: audience.clone(), frame: frame.into() };
        let at = self.insert(newest, rooms);
        self.places.insert(hash, at);
    }

    /// Keeps one of another process. None that comes takes its place: in its audience rooms may be missing that were nobody's any
    /// more, so that it is not known to whom it went.
    pub(super) fn restore(
        &mut self,
        key: u64,
        audience: Audience,
        frame: &[u8],
        number: Seq,
        until: Millis,
        rooms: &mut Rooms,
    ) {
        let newest = Newest { key, hash: 0, number, until, audience, frame: frame.into() };
        self.insert(newest, rooms);
    }

    fn insert(&mut self, newest: Newest, rooms: &mut Rooms) -> usize {
        let Newest { number, audience, .. } = &newest;
        audience.rooms.iter().chain(&audience.except).for_each(|&room| rooms.name(room));
        mark(audience, *number, rooms);
        self.bytes += bytes_of(&newest);
        let number = *number;
        let at = self.list.insert(newest);
        self.ages.push_back((number, at));
        at
    }

    /// All of them as they are saved, in their order.
    pub(super) fn save(&self, now: Millis) -> Vec<SavedEmit<'_>> {
        let all = self.list.iter().map(|(_, newest)| SavedEmit {
            number: newest.number,
            left: newest.until.saturating_sub(now),
            key: Some(newest.key),
            audience: newest.audience.clone(),
            record: &newest.frame,
        });
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by_key(|emit| emit.number);
        all
    }

    /// Bytes that the messages take, counted or not.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.list.iter().map(|(_, newest)| newest.frame.capacity()).sum()
    }

    /// When the oldest is too old, or one that is younger.
    pub(super) fn due(&self) -> Option<Millis> {
        let &(_, at) = self.ages.front()?;
        self.list.get(at).map(|newest| newest.until)
    }

    /// Whether the first to go is too old. Those that have been written over meanwhile go to the end.
    pub(super) fn is_over(&mut self, now: Millis) -> bool {
        self.refresh();
        self.due().is_some_and(|until| until <= now)
    }

    fn refresh(&mut self) {
        for _ in 0..self.ages.len() {
            let Some(&(number, at)) = self.ages.front() else { return };
            match self.list.get(at) {
                Some(newest) if newest.number == number => return,
                Some(newest) => self.ages.push_back((newest.number, at)),
                None => {}
            }
            self.ages.pop_front();
        }
    }

    /// Lets the oldest go.
    pub(super) fn drop_front(&mut self, everyone: &mut Index, rooms: &mut Rooms) {
        self.refresh();
        let Some((_, at)) = self.ages.pop_front() else { return };
        let Some(newest) = self.list.try_remove(at) else { return };
        self.bytes -= bytes_of(&newest);
        if self.places.get(&newest.hash) == Some(&at) {
            self.places.remove(&newest.hash);
        }
        let except = newest.audience.except.first().copied();
        if newest.audience.everyone {
            everyone.lose(newest.number, except);
        }
        for &room in &newest.audience.rooms {
            if let Some(index) = rooms.index_mut(room) {
                index.lose(newest.number, except);
            }
        }
        newest.audience.rooms.iter().chain(&newest.audience.except).for_each(|&room| rooms.unname(room));
    }

    /// The newest of each key that went to a session from a number on.
    pub(super) fn missed<'a>(
        &'a self,
        session: &Session,
        start: Seq,
    ) -> impl Iterator<Item = (Seq, &'a [u8])> + use<'a> {
        let mut found: HashMap<u64, &Newest> = HashMap::new();
        for (_, newest) in self.list.iter().filter(|(_, newest)| newest.number >= start) {
            let (rooms, except) =
                (newest.audience.rooms.iter().copied(), newest.audience.except.iter().copied());
            if selects(newest.audience.everyone, rooms, except, session, newest.number) {
                let kept = found.entry(newest.key).or_insert(newest);
                if newest.number > kept.number {
                    *kept = newest;
                }
            }
        }
        found.into_values().map(|newest| (newest.number, &*newest.frame))
    }
}

/// The rooms that an emit speaks of know of it.
fn mark(audience: &Audience, number: Seq, rooms: &mut Rooms) {
    for &room in audience.rooms.iter().chain(&audience.except) {
        if let Some(index) = rooms.index_mut(room) {
            index.aside = Some(number);
        }
    }
}

#[expect(clippy::arithmetic_side_effects, reason = "sizes of what is in memory")]
fn bytes_of(newest: &Newest) -> usize {
    let rooms = newest.audience.rooms.len() + newest.audience.except.len();
    NEWEST_BYTES + newest.frame.len() + rooms * size_of::<RoomNo>()
}

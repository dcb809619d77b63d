//! What a node listens to in a Redis Cluster, and at which server each of it is. It must not subscribe to anything.

use super::slots;
use crate::cluster::redis::Subscription;
use std::collections::{BTreeMap, HashMap};

/// What goes to any one server, as all of them hear it: behind the slots, each of which is a lane of its own.
pub(super) const ANY: u16 = slots::SLOTS;

/// Something that is to be at one server.
#[derive(Debug)]
struct Place {
    /// Whose owner it belongs to.
    lane: u16,
    at: Option<usize>,
}

/// A stream that is read.
#[derive(Debug)]
struct Stream {
    place: Place,
    /// The entry behind which it is read on, while nobody reads it.
    position: Option<Box<[u8]>>,
}

/// Where something was, and where it is to be from now on.
pub(super) struct Move<'a> {
    pub(super) what: Moved<'a>,
    pub(super) from: Option<usize>,
    pub(super) to: Option<usize>,
}

/// What moves.
pub(super) enum Moved<'a> {
    Subscription(Subscription, &'a [u8]),
    /// A stream, with what is kept of it while it is nowhere.
    Stream(&'a [u8], &'a mut Option<Box<[u8]>>),
}

/// All that is listened to.
#[derive(Debug, Default)]
pub(super) struct Places {
    channels: HashMap<Box<[u8]>, Place>,
    patterns: HashMap<Box<[u8]>, Place>,
    shards: HashMap<Box<[u8]>, Place>,
    streams: BTreeMap<Box<[u8]>, Stream>,
    /// How many are nowhere.
    nowhere: usize,
}

/// The lane of a channel, by how it is listened to.
pub(super) fn lane(kind: Subscription, name: &[u8]) -> u16 {
    if kind == Subscription::Shard { slots::slot(name) } else { ANY }
}

impl Places {
    fn names(&mut self, kind: Subscription) -> &mut HashMap<Box<[u8]>, Place> {
        match kind {
            Subscription::Channel => &mut self.channels,
            Subscription::Pattern => &mut self.patterns,
            Subscription::Shard => &mut self.shards,
        }
    }

    /// Wants one that is to be at this server. False if it is wanted already.
    pub(super) fn want(&mut self, kind: Subscription, name: &[u8], lane: u16, at: Option<usize>) -> bool {
        let names = self.names(kind);
        if names.contains_key(name) {
            return false;
        }
        names.insert(name.into(), Place { lane, at });
        self.nowhere = self.nowhere.saturating_add(usize::from(at.is_none()));
        true
    }

    /// Wants it no more. Where it is.
    pub(super) fn forget(&mut self, kind: Subscription, name: &[u8]) -> Option<usize> {
        let place = self.names(kind).remove(name)?;
        self.nowhere = self.nowhere.saturating_sub(usize::from(place.at.is_none()));
        place.at
    }

    /// Reads a stream that is at this server. False if it is read already.
    pub(super) fn read(&mut self, name: &[u8], at: Option<usize>) -> bool {
        if self.streams.contains_key(name) {
            return false;
        }
        let place = Place { lane: slots::slot(name), at };
        self.streams.insert(name.into(), Stream { place, position: None });
        self.nowhere = self.nowhere.saturating_add(usize::from(at.is_none()));
        true
    }

    /// Whether something is wanted that is at no server.
    pub(super) fn are_incomplete(&self) -> bool {
        self.nowhere > 0
    }

    /// Whether a message is one that is listened to at this server. What all servers hear may come twice while it moves.
    pub(super) fn hears(&self, at: usize, channel: &[u8], pattern: Option<&[u8]>) -> bool {
        let place = match pattern {
            Some(pattern) => self.patterns.get(pattern),
            None if self.shards.contains_key(channel) => return true,
            None => self.channels.get(channel),
        };
        place.is_some_and(|place| place.at == Some(at))
    }

    /// Moves all that is not with its owner. `of`: only what is in this lane.
    pub(super) fn settle(
        &mut self,
        of: Option<u16>,
        owner: impl Fn(u16) -> Option<usize>,
        mut each: impl FnMut(Move<'_>),
    ) {
        let Self { channels, patterns, shards, streams, nowhere } = self;
        let mut go = |place: &mut Place| {
            if of.is_some_and(|lane| lane != place.lane) {
                return None;
            }
            let (from, to) = (place.at, owner(place.lane));
            place.at = to;
            *nowhere = nowhere.saturating_add(usize::from(to.is_none()));
            *nowhere = nowhere.saturating_sub(usize::from(from.is_none()));
            (from != to).then_some((from, to))
        };
        let kinds = [
            (Subscription::Channel, channels),
            (Subscription::Pattern, patterns),
            (Subscription::Shard, shards),
        ];
        for (kind, names) in kinds {
            for (name, place) in names {
                if let Some((from, to)) = go(place) {
                    each(Move { what: Moved::Subscription(kind, name), from, to });
                }
            }
        }
        for (name, Stream { place, position }) in streams {
            if let Some((from, to)) = go(place) {
                each(Move { what: Moved::Stream(name, position), from, to });
            }
        }
    }
}

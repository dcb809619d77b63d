//! What was emitted in a namespace with recovery, and for whom: in order, within bounds of bytes and of time. It must not know a
//! socket, nor send anything.

use super::audience::{Audience, selects};
use super::frames::{Frames, Place};
use super::latest::Latest;
use super::rooms::{Index, RoomNo, Rooms};
use super::session::Session;
use super::{Point, Refusal, Seq};
use crate::base::Millis;
use crate::route::Change;
use crate::wire::cluster::session::EntryId;
use std::collections::VecDeque;

mod saving;

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: Seq,
    /// When it is too old.
    until: Millis,
    frame: Place,
    everyone: bool,
    /// Where its rooms begin, counted from the first that the log ever had: those it went to, then those it excepted.
    at: u64,
    rooms: u32,
    except: u32,
}

/// What an entry takes beside its frame, and each room of it: its number here and in the room's own list.
const ENTRY_BYTES: usize = size_of::<Entry>();
const ROOM_BYTES: usize = size_of::<RoomNo>() + size_of::<Seq>();

/// Entries that are looked at further back than one that was heard: what comes from other nodes crosses what goes to them.
const CROSSING: usize = 1_024;

/// A message that was missed.
#[derive(Clone, Copy, Debug)]
pub(in crate::hub) struct Missed<'a> {
    pub(in crate::hub) number: Seq,
    /// Its place in the stream, if it has one.
    pub(in crate::hub) place: Option<EntryId>,
    pub(in crate::hub) record: &'a [u8],
}

/// How much a log keeps.
#[derive(Clone, Copy, Debug)]
pub(in crate::hub) struct Bounds {
    /// Milliseconds for which an entry stays.
    pub(in crate::hub) time: Millis,
    pub(in crate::hub) bytes: usize,
    /// Its entries have places in a stream.
    pub(in crate::hub) streamed: bool,
}

impl Bounds {
    /// When something is too old that was emitted at `now`.
    fn until(self, now: Millis) -> Millis {
        now.saturating_add(self.time).saturating_add(1)
    }
}

/// The log of one namespace.
#[derive(Debug)]
pub(in crate::hub) struct Log {
    entries: VecDeque<Entry>,
    /// The rooms of all entries, one entry's behind the other's.
    audiences: VecDeque<RoomNo>,
    /// Of these, how many have gone.
    gone: u64,
    frames: Frames,
    /// Where the offsets are places in a stream, that of each entry; the end for one that has none, or none yet.
    places: Option<VecDeque<EntryId>>,
    pub(in crate::hub) rooms: Rooms,
    everyone: Index,
    latest: Latest,
    /// Sessions whose story the log keeps.
    sessions: usize,
    bytes: usize,
    bounds: Bounds,
    /// Its hub has a timer for it.
    pub(in crate::hub) armed: bool,
}

#[expect(clippy::arithmetic_side_effects, reason = "sizes and numbers of what is in memory")]
impl Log {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            entries: VecDeque::new(),
            audiences: VecDeque::new(),
            gone: 0,
            frames: Frames::default(),
            places: bounds.streamed.then(VecDeque::new),
            rooms: Rooms::default(),
            everyone: Index::default(),
            latest: Latest::default(),
            sessions: 0,
            bytes: 0,
            bounds,
            armed: false,
        }
    }

    /// Bytes that it takes.
    pub(in crate::hub) fn bytes(&self) -> usize {
        self.bytes + self.latest.bytes()
    }

    pub(in crate::hub) fn has_sessions(&self) -> bool {
        self.sessions > 0
    }

    /// A session begins.
    pub(in crate::hub) fn begin_session(&mut self, pid: super::pids::Pid, now: Point) -> Session {
        self.sessions += 1;
        Session::new(pid, now, &mut self.rooms)
    }

    /// A session is in a room that nobody has told the log of.
    pub(in crate::hub) fn join(&mut self, session: &mut Session, room: &str, now: Point) {
        session.joined(room, now, &mut self.rooms);
    }

    pub(in crate::hub) fn end_session(&mut self, session: Session) {
        self.sessions -= 1;
        session.end(&mut self.rooms);
    }

    /// A session has joined a room, or left one.
    pub(in crate::hub) fn note(&mut self, session: &mut Session, change: &Change<'_>, now: Point) {
        match change {
            Change::Joined(_, room) => session.joined(room, now, &mut self.rooms),
            Change::Left(_, room) => {
                let oldest = self.entries.front().map_or(now.next, |entry| entry.number);
                let oldest = if self.latest.is_empty() { oldest } else { 0 };
                session.left(room, now, oldest, &mut self.rooms);
            }
            Change::RoomCreated(_) | Change::RoomDeleted(_) => {}
        }
    }

    /// Keeps an emit, whose number is above all before it. With a key it takes the place of the one before it that went to the
    /// same.
    pub(in crate::hub) fn push(
        &mut self,
        audience: &Audience,
        frame: &[u8],
        key: Option<u64>,
        number: Seq,
        now: Millis,
    ) {
        let until = self.bounds.until(now);
        // Other nodes have all of what is in a stream.
        match key.filter(|_| self.places.is_none()) {
            Some(key) => self.latest.push(key, audience, frame, number, until, &mut self.rooms),
            None => self.push_entry(audience, frame, number, until),
        }
        self.prune(now, 64);
    }

    fn push_entry(&mut self, audience: &Audience, frame: &[u8], number: Seq, until: Millis) {
        let at = self.gone + self.audiences.len() as u64;
        if audience.everyone {
            self.everyone.push(number);
        }
        let mut rooms = 0;
        for &room in &audience.rooms {
            if self.rooms.index_mut(room).is_some_and(|index| index.push(number)) {
                self.rooms.name(room);
                self.audiences.push_back(room);
                rooms += 1;
            }
        }
        for &room in &audience.except {
            if let Some(index) = self.rooms.index_mut(room) {
                index.aside = Some(number);
            }
            self.rooms.name(room);
            self.audiences.push_back(room);
        }
        let except = audience.except.len() as u32;
        let (everyone, frame) = (audience.everyone, self.frames.push(frame));
        let entry = Entry { number, until, frame, everyone, at, rooms, except };
        self.bytes += self.bytes_of(&entry);
        self.entries.push_back(entry);
        if let Some(places) = &mut self.places {
            places.push_back(EntryId::END);
        }
    }

    /// The entry of this number has this place in the stream.
    pub(in crate::hub) fn place(&mut self, number: Seq, id: EntryId) {
        let found = self.entries.binary_search_by_key(&number, |entry| entry.number);
        if let (Ok(at), Some(places)) = (found, &mut self.places)
            && let Some(place) = places.get_mut(at)
        {
            *place = id;
        }
    }

    /// The number of the first entry that a client may not have heard, which has heard all up to a place in the stream.
    pub(in crate::hub) fn first_behind(&self, heard: EntryId) -> Seq {
        let Some(places) = &self.places else { return 0 };
        let all = self.entries.iter().zip(places);
        // What crosses on its way is near each other.
        let (mut first, mut before) = (Seq::MAX, 0);
        for (entry, &place) in all.rev() {
            if place > heard {
                (first, before) = (entry.number, 0);
            } else if before == CROSSING {
                return first;
            } else {
                before += 1;
            }
        }
        // Of what was here before all of it nothing is known.
        if before == 0 { 0 } else { first }
    }

    /// What an entry takes.
    fn bytes_of(&self, entry: &Entry) -> usize {
        let place = if self.places.is_some() { size_of::<EntryId>() } else { 0 };
        ENTRY_BYTES + place + entry.frame.len() + (entry.rooms + entry.except) as usize * ROOM_BYTES
    }

    /// The place of an entry in the stream, if it has one.
    fn place_of(&self, at: usize) -> Option<EntryId> {
        self.places.as_ref()?.get(at).copied().filter(|&place| place < EntryId::END)
    }

    /// Lets go what there is no room for, the oldest first, and of what is too old at most so much.
    pub(in crate::hub) fn prune(&mut self, now: Millis, most: usize) {
        let mut left = most;
        while let Some(entry) = self.entries.front()
            && (self.bytes() > self.bounds.bytes || (left > 0 && entry.until <= now))
        {
            left = left.saturating_sub(1);
            self.drop_front();
        }
        let Self { latest, rooms, everyone, .. } = self;
        while latest.bytes() > self.bounds.bytes || (left > 0 && latest.is_over(now)) {
            left = left.saturating_sub(1);
            latest.drop_front(everyone, rooms);
        }
        if self.entries.is_empty() {
            self.entries.shrink_to(1_024);
            self.audiences.shrink_to(1_024);
        }
    }

    /// When something in it is too old, if there is anything.
    pub(in crate::hub) fn due(&self) -> Option<Millis> {
        let first = self.entries.front().map(|entry| entry.until);
        first.into_iter().chain(self.latest.due()).min()
    }

    fn drop_front(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= self.bytes_of(&entry);
        self.frames.release(entry.frame);
        if let Some(places) = &mut self.places {
            places.pop_front();
        }
        let except = self.audience_of(&entry).1.next();
        if entry.everyone {
            self.everyone.lose(entry.number, except);
        }
        for place in 0..entry.rooms + entry.except {
            let Some(room) = self.audiences.pop_front() else { break };
            self.gone += 1;
            if place < entry.rooms
                && let Some(index) = self.rooms.index_mut(room)
            {
                index.lose(entry.number, except);
            }
            self.rooms.unname(room);
        }
    }

    /// What a session has missed from a number on, but for what is up to a place in the stream: each message once, in order, at most so
    /// many bytes. Where there is a stream, each with its place.
    ///
    /// # Errors
    /// If some of it is lost, or it is too much.
    pub(in crate::hub) fn missed(
        &self,
        session: &Session,
        start: Seq,
        heard: EntryId,
        most: usize,
    ) -> Result<Vec<Missed<'_>>, Refusal> {
        let start = start.max(session.born);
        if self.has_lost(session, start) {
            return Err(Refusal::Overrun);
        }
        let index = |room| self.rooms.index(room);
        let mut numbers: Vec<Seq> = self.everyone.between(start, Seq::MAX).collect();
        for (&room, &since) in &session.rooms {
            numbers.extend(index(room).into_iter().flat_map(|it| it.between(start.max(since), Seq::MAX)));
        }
        for stay in &session.past {
            let from = start.max(stay.since);
            numbers.extend(index(stay.room).into_iter().flat_map(|it| it.between(from, stay.until)));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let mut missed = Vec::with_capacity(numbers.len());
        for number in numbers {
            let found = self.entries.binary_search_by_key(&number, |entry| entry.number);
            let Some((at, entry)) = found.ok().and_then(|at| Some((at, self.entries.get(at)?))) else {
                continue;
            };
            let place = self.place_of(at);
            if place.is_some_and(|place| place <= heard) {
                continue;
            }
            let (rooms, except) = self.audience_of(entry);
            if selects(entry.everyone, rooms, except, session, number) {
                missed.push(Missed { number, place, record: self.frames.get(entry.frame) });
            }
        }
        let in_order = missed.len();
        let latest = self.latest.missed(session, start);
        missed.extend(latest.map(|(number, record)| Missed { number, place: None, record }));
        if missed.len() > in_order {
            missed.sort_unstable_by_key(|missed| missed.number);
        }
        if self.places.is_some() {
            // In the stream's order: its client may hear a part of it.
            missed.sort_by_key(|missed| missed.place.unwrap_or(EntryId::END));
        }
        let bytes: usize = missed.iter().map(|missed| missed.record.len()).sum();
        if bytes > most {
            return Err(Refusal::Overrun);
        }
        Ok(missed)
    }

    /// Whether something that went to a session from a number on is in the log no more. Where it is not known it is feared.
    fn has_lost(&self, session: &Session, start: Seq) -> bool {
        let lost = |room| self.rooms.index(room).and_then(|index| index.lost.of(session.own));
        self.everyone.lost.of(session.own).is_some_and(|lost| lost >= start)
            || session.lost.is_some_and(|lost| lost >= start)
            || session
                .rooms
                .iter()
                .any(|(&room, &since)| lost(room).is_some_and(|lost| lost >= start.max(since)))
            || session.past.iter().any(|stay| {
                lost(stay.room).is_some_and(|lost| lost.min(stay.until - 1) >= start.max(stay.since))
            })
    }

    fn audience_of(
        &self,
        entry: &Entry,
    ) -> (impl Iterator<Item = RoomNo> + '_, impl Iterator<Item = RoomNo> + '_) {
        let at = (entry.at - self.gone) as usize;
        let (rooms, except) = (entry.rooms as usize, entry.except as usize);
        let part = move |from: usize, count: usize| {
            // An entry's rooms are there as long as the entry is.
            self.audiences.range(from..from + count).copied()
        };
        (part(at, rooms), part(at + rooms, except))
    }

    #[cfg(test)]
    pub(super) fn latest(&self) -> &Latest {
        &self.latest
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

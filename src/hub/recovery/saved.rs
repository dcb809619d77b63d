//! What of a hub's sessions and logs goes into an export, as plain data and as bytes. It must not look at a hub, and believes nothing
//! that it reads.

use super::Seq;
use super::audience::Audience;
use super::offset::Incarnation;
use super::pids::Pid;
use super::record;
use super::rooms::{Lost, RoomNo};
use super::session::Stay;
use crate::base::Millis;
use crate::base::sid::{self, Sid};
use crate::wire::parts::{Reader, Writer};
use std::collections::HashSet;

/// Numbers of emits from here on are nobody's: a broker that gives out a million in a second gets here in 500 years.
const NUMBERS: Seq = 1 << 54;
/// Of an emit: it was for everybody; of its key only the newest counts.
const EVERYONE: u8 = 1;
const LATEST: u8 = 2;
/// Stands for no room.
const NO_ROOM: RoomNo = RoomNo::MAX;

/// All that one hub exports.
#[derive(Debug)]
pub(in crate::hub) struct Saved<'a> {
    /// When that was, in milliseconds since 1970.
    pub(in crate::hub) time: Millis,
    /// The lives whose offsets clients may have, the oldest first, each with the number at which it ended.
    pub(in crate::hub) lives: Vec<(Incarnation, Seq)>,
    pub(in crate::hub) namespaces: Vec<SavedLog<'a>>,
}

/// One namespace's log, with its sessions. A room is known by its place among `rooms`, and a session's own by that of the session,
/// counted on from there.
#[derive(Debug)]
pub(in crate::hub) struct SavedLog<'a> {
    pub(in crate::hub) name: &'a str,
    /// What of that for everybody is kept no more.
    pub(super) lost: Lost,
    pub(super) rooms: Vec<SavedRoom<'a>>,
    pub(in crate::hub) sessions: Vec<SavedSession>,
    /// In their order; then those of which only the newest counts.
    pub(super) emits: Vec<SavedEmit<'a>>,
}

#[derive(Debug)]
pub(super) struct SavedRoom<'a> {
    pub(super) name: &'a str,
    pub(super) marks: Marks,
}

/// What a room's index knows besides its entries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    pub(super) lost: Lost,
    pub(super) aside: Option<Seq>,
}

/// What is saved of a socket besides its story.
#[derive(Clone, Copy, Debug)]
pub(in crate::hub) struct Owner {
    pub(in crate::hub) sid: Sid,
    pub(in crate::hub) tag: u64,
    /// Milliseconds for which it is still waited for.
    pub(in crate::hub) left: Millis,
}

#[derive(Debug)]
pub(in crate::hub) struct SavedSession {
    pub(in crate::hub) owner: Owner,
    pub(super) pid: Pid,
    pub(super) born: Seq,
    pub(super) lost: Option<Seq>,
    /// Those of its own room.
    pub(super) marks: Marks,
    /// The other rooms that it is in, in the order of their numbers, each since when.
    pub(super) rooms: Vec<(RoomNo, Seq)>,
    pub(super) past: Vec<Stay>,
}

#[derive(Debug)]
pub(super) struct SavedEmit<'a> {
    pub(super) number: Seq,
    /// Milliseconds for which it is still kept.
    pub(super) left: Millis,
    pub(super) key: Option<u64>,
    pub(super) audience: Audience,
    pub(super) record: &'a [u8],
}

impl SavedLog<'_> {
    /// The names of the rooms that a session is in, but for its own.
    pub(in crate::hub) fn rooms_of(&self, session: &SavedSession) -> Vec<&str> {
        let name = |&(room, _): &(RoomNo, Seq)| self.rooms.get(room as usize).map(|room| room.name);
        session.rooms.iter().filter_map(name).collect()
    }
}

// ---- writing ----

impl Saved<'_> {
    pub(in crate::hub) fn write(&self) -> Writer {
        let mut out = Writer::default();
        out.number(self.time);
        out.list(&self.lives, |out, (life, end)| {
            out.raw(life.letters());
            out.number(*end);
        });
        out.list(&self.namespaces, |out, log| {
            out.bytes(log.name.as_bytes());
            write_lost(out, log.lost);
            out.list(&log.rooms, |out, room| {
                out.bytes(room.name.as_bytes());
                write_marks(out, room.marks);
            });
            out.list(&log.sessions, write_session);
            out.list(&log.emits, write_emit);
        });
        out
    }
}

/// 0 is no emit's number.
fn write_seq(out: &mut Writer, number: Option<Seq>) {
    out.number(number.unwrap_or_default());
}

fn write_lost(out: &mut Writer, lost: Lost) {
    write_seq(out, lost.newest);
    write_seq(out, lost.other);
    out.short(lost.except.unwrap_or(NO_ROOM));
}

fn write_marks(out: &mut Writer, marks: Marks) {
    write_lost(out, marks.lost);
    write_seq(out, marks.aside);
}

fn write_session(out: &mut Writer, session: &SavedSession) {
    let Owner { sid, tag, left } = &session.owner;
    out.raw(sid);
    out.raw(session.pid.secret());
    out.number(*tag);
    out.number(*left);
    out.number(session.born);
    write_seq(out, session.lost);
    write_marks(out, session.marks);
    out.list(&session.rooms, |out, &(room, since)| {
        out.short(room);
        out.number(since);
    });
    out.list(&session.past, |out, stay| {
        out.short(stay.room);
        out.number(stay.since);
        out.number(stay.until);
    });
}

fn write_emit(out: &mut Writer, emit: &SavedEmit<'_>) {
    let Audience { everyone, rooms, except } = &emit.audience;
    let everyone = if *everyone { EVERYONE } else { 0 };
    out.byte(everyone | if emit.key.is_some() { LATEST } else { 0 });
    out.number(emit.number);
    out.number(emit.left);
    out.number(emit.key.unwrap_or_default());
    out.list(rooms, |out, &room| out.short(room));
    out.list(except, |out, &room| out.short(room));
    out.bytes(emit.record);
}

// ---- reading ----

/// What is read twice or out of order is not what a hub has written.
#[derive(Default)]
struct Seen<'a> {
    end: Seq,
    namespaces: HashSet<&'a str>,
    sids: HashSet<Sid>,
    pids: HashSet<[u8; 16]>,
}

impl<'a> Saved<'a> {
    /// `None` if it is nothing that a hub has written.
    pub(in crate::hub) fn read(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let time = reader.number()?;
        let lives = reader.list(|reader| {
            Some((
                Incarnation::read(reader.raw()?)?,
                reader.number().filter(|end| (1..NUMBERS).contains(end))?,
            ))
        })?;
        let (_, end) = *lives.last()?;
        let mut seen = Seen { end, ..Seen::default() };
        let namespaces = reader.list(|reader| read_log(reader, &mut seen))?;
        reader.is_at_end().then_some(Self { time, lives, namespaces })
    }
}

fn read_log<'a>(reader: &mut Reader<'a>, seen: &mut Seen<'a>) -> Option<SavedLog<'a>> {
    let name = reader.text().filter(|name| name.starts_with('/') && !name.contains(','))?;
    if !seen.namespaces.insert(name) {
        return None;
    }
    let end = seen.end;
    let lost = read_lost(reader, end)?;
    let mut names = HashSet::new();
    let rooms = reader.list(|reader| {
        let name = reader.text().filter(|name| !name.is_empty() && names.insert(*name))?;
        Some(SavedRoom { name, marks: read_marks(reader, end)? })
    })?;
    let sessions = reader.list(|reader| read_session(reader, rooms.len(), seen))?;
    let all = rooms.len().checked_add(sessions.len())?;
    let (mut kept, mut latest) = (0, 0);
    let emits = reader.list(|reader| {
        let emit = read_emit(reader, all, end)?;
        // Those of which only the newest counts come last.
        let last = if emit.key.is_some() { &mut latest } else { &mut kept };
        let follows = emit.number > std::mem::replace(last, emit.number);
        (follows && (emit.key.is_some() || latest == 0)).then_some(emit)
    })?;
    Some(SavedLog { name, lost, rooms, sessions, emits })
}

fn read_seq(reader: &mut Reader<'_>, end: Seq) -> Option<Option<Seq>> {
    match reader.number()? {
        0 => Some(None),
        number => (number < end).then_some(Some(number)),
    }
}

/// A room that is not there is one that nobody of the sessions has.
fn read_lost(reader: &mut Reader<'_>, end: Seq) -> Option<Lost> {
    let (newest, other) = (read_seq(reader, end)?, read_seq(reader, end)?);
    let except = reader.short().map(|room| Some(room).filter(|&room| room != NO_ROOM))?;
    Some(Lost { newest, except, other })
}

fn read_marks(reader: &mut Reader<'_>, end: Seq) -> Option<Marks> {
    Some(Marks { lost: read_lost(reader, end)?, aside: read_seq(reader, end)? })
}

/// The number before which something begins or ends.
fn read_bound(reader: &mut Reader<'_>, end: Seq) -> Option<Seq> {
    reader.number().filter(|number| (1..=end).contains(number))
}

fn read_room(reader: &mut Reader<'_>, rooms: usize) -> Option<RoomNo> {
    reader.short().filter(|&room| (room as usize) < rooms)
}

fn read_session(reader: &mut Reader<'_>, rooms: usize, seen: &mut Seen<'_>) -> Option<SavedSession> {
    let end = seen.end;
    let (raw, pid): (Sid, _) = (reader.raw()?, reader.raw()?);
    let sid = sid::foreign(&raw)?;
    if !seen.sids.insert(sid) || !seen.pids.insert(pid) {
        return None;
    }
    let owner = Owner { sid, tag: reader.number()?, left: reader.number()? };
    let born = read_bound(reader, end)?;
    let (lost, marks) = (read_seq(reader, end)?, read_marks(reader, end)?);
    let mut least = 0;
    let in_now = reader.list(|reader| {
        let (room, since) = (read_room(reader, rooms)?, read_bound(reader, end)?);
        let follows = room >= std::mem::replace(&mut least, room.saturating_add(1));
        follows.then_some((room, since))
    })?;
    let past = reader.list(|reader| {
        let room = read_room(reader, rooms)?;
        let (since, until) = (read_bound(reader, end)?, read_bound(reader, end)?);
        (since <= until).then_some(Stay { room, since, until })
    })?;
    Some(SavedSession { owner, pid: Pid::of(pid), born, lost, marks, rooms: in_now, past })
}

fn read_emit<'a>(reader: &mut Reader<'a>, rooms: usize, end: Seq) -> Option<SavedEmit<'a>> {
    let flags = reader.byte().filter(|flags| flags & !(EVERYONE | LATEST) == 0)?;
    let number = read_seq(reader, end)??;
    let (left, key) = (reader.number()?, reader.number()?);
    let key = (flags & LATEST != 0).then_some(key);
    let everyone = flags & EVERYONE != 0;
    let (to, except) =
        (reader.list(|reader| read_room(reader, rooms))?, reader.list(|reader| read_room(reader, rooms))?);
    let record = reader.bytes().filter(|record| record::is_whole(record))?;
    Some(SavedEmit { number, left, key, audience: Audience { everyone, rooms: to, except }, record })
}

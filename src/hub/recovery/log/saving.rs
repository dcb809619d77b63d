//! A log as it goes into an export, and as it comes out of one. It must not know the bytes.

use super::{Bounds, Entry, Log};
use crate::base::Millis;
use crate::hub::recovery::Seq;
use crate::hub::recovery::audience::Audience;
use crate::hub::recovery::rooms::{Lost, RoomNo};
use crate::hub::recovery::saved::{Marks, Owner, SavedEmit, SavedLog, SavedRoom, SavedSession};
use crate::hub::recovery::session::{Session, Stay};
use std::collections::{BTreeMap, HashMap};

impl Log {
    /// What is saved of it for these sessions: rooms and emits that are nobody's are left out.
    pub(in crate::hub) fn save<'a>(
        &'a self,
        name: &'a str,
        owners: &[(Owner, &'a Session)],
        now: Millis,
    ) -> SavedLog<'a> {
        let mut numbers: HashMap<RoomNo, RoomNo> = HashMap::new();
        let mut named = Vec::new();
        for (_, session) in owners {
            for &room in session.rooms.keys().chain(session.past.iter().map(|stay| &stay.room)) {
                if let Some(name) = self.rooms.name_of(room) {
                    numbers.entry(room).or_insert_with(|| {
                        named.push((room, name));
                        named.len().saturating_sub(1) as RoomNo
                    });
                }
            }
        }
        let sessions = owners.iter().map(|(owner, session)| save_session(*owner, session, &numbers));
        let mut sessions: Vec<SavedSession> = sessions.collect();
        numbers.extend(owners.iter().map(|(_, session)| session.own).zip(named.len() as RoomNo..));
        let lost =
            |lost: Lost| Lost { except: lost.except.and_then(|room| numbers.get(&room).copied()), ..lost };
        let marks = |room: RoomNo| {
            let index = self.rooms.index(room);
            Marks {
                lost: lost(index.map(|index| index.lost).unwrap_or_default()),
                aside: index.and_then(|index| index.aside),
            }
        };
        let rooms = named.into_iter().map(|(room, name)| SavedRoom { name, marks: marks(room) }).collect();
        for (saved, (_, session)) in sessions.iter_mut().zip(owners) {
            saved.marks = marks(session.own);
        }
        let entries = self.entries.iter().map(|entry| self.save_entry(entry, now));
        let emits = entries.chain(self.latest.save(now));
        let known = |list: Vec<RoomNo>| list.iter().filter_map(|room| numbers.get(room).copied()).collect();
        let emits = emits.map(|emit| {
            let Audience { everyone, rooms, except } = emit.audience;
            SavedEmit { audience: Audience { everyone, rooms: known(rooms), except: known(except) }, ..emit }
        });
        let emits = emits.filter(|emit| emit.audience.is_somebody()).collect();
        SavedLog { name, lost: lost(self.everyone.lost), rooms, sessions, emits }
    }

    fn save_entry(&self, entry: &Entry, now: Millis) -> SavedEmit<'_> {
        let (rooms, except) = self.audience_of(entry);
        let audience =
            Audience { everyone: entry.everyone, rooms: rooms.collect(), except: except.collect() };
        SavedEmit {
            number: entry.number,
            left: entry.until.saturating_sub(now),
            key: None,
            audience,
            record: self.frames.get(entry.frame),
        }
    }

    /// The log that was saved so long before `now`, and the sessions in their order.
    pub(in crate::hub) fn load(
        bounds: Bounds,
        saved: &SavedLog<'_>,
        now: Millis,
        elapsed: Millis,
    ) -> (Self, Vec<Session>) {
        let mut log = Self::new(bounds);
        // Held while nobody else does.
        let named: Vec<RoomNo> = saved.rooms.iter().map(|room| log.rooms.hold(room.name)).collect();
        let own: Vec<RoomNo> = saved.sessions.iter().map(|_| log.rooms.add()).collect();
        let numbers = [&named[..], &own].concat();
        let here = |list: &[RoomNo]| -> Vec<RoomNo> {
            list.iter().filter_map(|&room| numbers.get(room as usize).copied()).collect()
        };
        for emit in &saved.emits {
            let left = emit.left.saturating_sub(elapsed).min(bounds.until(0));
            let until = now.saturating_add(left);
            let audience = Audience {
                everyone: emit.audience.everyone,
                rooms: here(&emit.audience.rooms),
                except: here(&emit.audience.except),
            };
            match emit.key {
                Some(key) => {
                    log.latest.restore(key, audience, emit.record, emit.number, until, &mut log.rooms)
                }
                None => log.push_entry(&audience, emit.record, emit.number, until),
            }
        }
        let lost = |lost: Lost| Lost {
            except: lost.except.and_then(|room| numbers.get(room as usize).copied()),
            ..lost
        };
        log.everyone.lost = lost(saved.lost);
        let marks = saved.rooms.iter().map(|room| room.marks).chain(saved.sessions.iter().map(|it| it.marks));
        for (&room, marks) in numbers.iter().zip(marks) {
            if let Some(index) = log.rooms.index_mut(room) {
                index.lost = lost(marks.lost);
                index.aside = index.aside.max(marks.aside);
            }
        }
        let sessions = saved.sessions.iter().zip(&own).map(|(session, &own)| {
            let mut held = |&room: &RoomNo| {
                let name = saved.rooms.get(room as usize)?.name;
                Some(log.rooms.hold(name))
            };
            let rooms = session.rooms.iter().filter_map(|(room, since)| Some((held(room)?, *since)));
            let mut rooms: BTreeMap<RoomNo, Seq> = rooms.collect();
            rooms.insert(own, session.born);
            let past = session.past.iter().filter_map(|stay| Some(Stay { room: held(&stay.room)?, ..*stay }));
            let past = past.collect();
            Session {
                pid: session.pid,
                born: session.born,
                own,
                rooms,
                past,
                lost: session.lost,
                stays: None,
            }
        });
        let sessions: Vec<Session> = sessions.collect();
        log.sessions = sessions.len();
        named.into_iter().for_each(|room| log.rooms.release(room));
        log.prune(now, usize::MAX);
        (log, sessions)
    }
}

/// Without the marks of its own room.
fn save_session(owner: Owner, session: &Session, numbers: &HashMap<RoomNo, RoomNo>) -> SavedSession {
    let named = |room: RoomNo| numbers.get(&room).copied();
    let rooms = session.rooms.iter().filter_map(|(&room, &since)| Some((named(room)?, since)));
    let mut rooms: Vec<(RoomNo, Seq)> = rooms.collect();
    rooms.sort_unstable();
    let past = session.past.iter().filter_map(|stay| Some(Stay { room: named(stay.room)?, ..*stay }));
    SavedSession {
        owner,
        pid: session.pid,
        born: session.born,
        lost: session.lost,
        marks: Marks::default(),
        rooms,
        past: past.collect(),
    }
}

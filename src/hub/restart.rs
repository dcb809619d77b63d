//! Sessions that outlive their process: what a hub exports of them, and what another one takes over before anybody has connected to
//! it. It must not say anything to a client.

use super::Hub;
use super::acks::Owed;
use super::recovery::{self, Log, Owner, Saved, SavedLog, Session};
use super::rooms::check_rooms;
use super::sockets::{Life, Socket};
use crate::base::Millis;
use crate::base::errors::Result;
use crate::base::ids::{Key, SocketId};
use crate::base::limits::fields;
use crate::base::refused::LimitError;
use crate::base::sid::Sid;
use crate::base::unimported::ImportError;
use crate::engine::Engine;
use crate::wire::parts;
use std::collections::BTreeMap;

/// The connection of a socket that has had none in this process.
const NOWHERE: Key = Key { slot: u32::MAX, generation: 0 };

impl Hub {
    /// All sessions that this hub waits for, or would if their connections ended now, with their namespaces' logs.
    pub(crate) fn export_recovery(&self, engine: &Engine) -> Vec<u8> {
        let mut sessions: BTreeMap<u32, Vec<(Owner, &Session)>> = BTreeMap::new();
        for key in self.sockets.keys() {
            let Some(socket) = self.sockets.get(key) else { continue };
            let left = match socket.life {
                Life::Asking(_) => continue,
                Life::Connected => engine.config.limits.recovery_window,
                Life::Away(until) => until.saturating_sub(engine.now),
            };
            // Where there is a stream, they are in Redis.
            if let Some(session) = socket.session.as_deref().filter(|session| session.stays.is_none()) {
                let owner = Owner { sid: socket.sid, tag: socket.tag, left };
                sessions.entry(socket.namespace.slot).or_default().push((owner, session));
            }
        }
        let namespaces = sessions.iter().filter_map(|(&slot, sessions)| {
            let home = self.namespaces.at(slot)?;
            Some(home.log.as_deref()?.save(&home.name, sessions, engine.now))
        });
        let saved = Saved {
            time: engine.wall_clock(),
            lives: self.recovery.offsets.lives(),
            namespaces: namespaces.collect(),
        };
        saved.write().part(self.place())
    }

    /// Which of the loops this is.
    fn place(&self) -> parts::Place {
        let space = self.sids.space();
        parts::Place { number: space.number() as u32, count: space.count() as u32 }
    }

    /// Takes over what another broker has exported. Returns how many sessions are waited for.
    pub(crate) fn import_recovery(&mut self, engine: &mut Engine, data: &[u8]) -> Result<usize> {
        if self.sockets.len() > 0 || engine.counters.connections_opened > 0 {
            return Err(ImportError::Late.into());
        }
        let place = self.place();
        let bodies = parts::bodies(data, place.count)?;
        // All of it is looked at on each loop, so that it is taken over by all of them, or by none.
        let mut own = None;
        for (number, body) in (0..).zip(bodies) {
            let saved = Saved::read(body).ok_or(ImportError::Damaged)?;
            self.check_namespaces(engine, &saved)?;
            if number == place.number {
                own = Some(saved);
            }
        }
        let saved = own.ok_or(ImportError::Damaged)?;
        self.recovery.offsets.go_on(&saved.lives)?;
        let elapsed = engine.wall_clock().saturating_sub(saved.time);
        for log in &saved.namespaces {
            self.import_namespace(engine, log, elapsed)?;
        }
        Ok(self.recovery.expiry.len())
    }

    /// Whether all that it names is here with recovery, or can be made.
    fn check_namespaces(&self, engine: &Engine, saved: &Saved<'_>) -> Result<()> {
        let mut count = self.namespaces.len();
        for log in &saved.namespaces {
            let recovery = match self.names.get(log.name) {
                Some(&key) => self.namespaces.get(key).is_some_and(|home| home.log.is_some()),
                None => {
                    count = count.saturating_add(1);
                    self.pattern_for(log.name).is_some_and(|options| options.recovery)
                }
            };
            if !recovery {
                return Err(ImportError::Namespace.into());
            }
        }
        let most = engine.config.limits.max_namespaces;
        if count > most as usize {
            Err(LimitError::new(&fields::max_namespaces, most.into()).into())
        } else {
            Ok(())
        }
    }

    fn import_namespace(&mut self, engine: &mut Engine, saved: &SavedLog<'_>, elapsed: Millis) -> Result<()> {
        let namespace = match self.names.get(saved.name) {
            Some(&key) => key,
            None => {
                let Some(options) = self.pattern_for(saved.name) else { return Ok(()) };
                self.make_of_pattern(engine, saved.name, options)?
            }
        };
        let (log, sessions) = Log::load(recovery::bounds(engine), saved, engine.now, elapsed);
        if let Some(home) = self.namespaces.get_mut(namespace) {
            // It stays while its sessions come, whatever becomes of the first of them.
            home.enter();
            home.fleeting &= !home.settles;
            self.recovery.bytes = self.recovery.bytes.saturating_add(log.bytes());
            let log = home.log.insert(Box::new(log));
            Self::arm_log(&mut self.timers, log, namespace.slot);
        }
        for (saved_session, session) in saved.sessions.iter().zip(sessions) {
            let rooms = saved.rooms_of(saved_session);
            let Owner { left, .. } = saved_session.owner;
            let owner = Owner { left: left.saturating_sub(elapsed), ..saved_session.owner };
            self.import_session(engine, namespace, owner, session, &rooms);
        }
        self.leave_namespace(engine, namespace);
        Ok(())
    }

    /// One more socket that is away. Who is in more rooms than limits allow here, or is one too many, is waited for no more.
    fn import_session(
        &mut self,
        engine: &mut Engine,
        namespace: Key,
        owner: Owner,
        mut session: Session,
        rooms: &[&str],
    ) {
        let Owner { sid, tag, left } = owner;
        session.pid = self.recovery.pids.adopt(session.pid, self.sockets.next_key());
        let left = left.min(engine.config.limits.recovery_window);
        self.put_away_for(engine, namespace, Owner { sid, tag, left }, session, rooms);
    }

    /// One more socket that is away, whose session was elsewhere until now. `None` if it may not be in its rooms.
    pub(super) fn put_away(
        &mut self,
        engine: &mut Engine,
        namespace: Key,
        (sid, tag): (Sid, u64),
        session: Session,
        rooms: &[&str],
    ) -> Option<Key> {
        let left = engine.config.limits.recovery_window;
        self.put_away_for(engine, namespace, Owner { sid, tag, left }, session, rooms)
    }

    fn put_away_for(
        &mut self,
        engine: &mut Engine,
        namespace: Key,
        owner: Owner,
        session: Session,
        rooms: &[&str],
    ) -> Option<Key> {
        let Owner { sid, tag, left } = owner;
        let until = engine.after(left);
        let key = self.sockets.insert(Socket {
            sid,
            namespace,
            conn: NOWHERE,
            life: Life::Away(until),
            room_bytes: 0,
            acks: Owed::default(),
            tag,
            session: Some(Box::new(session)),
            returns: None,
        });
        self.note_own_room(key, true);
        self.recovery.sids.insert(sid, key);
        self.recovery.expiry.add(key.slot, until);
        if let Some(home) = self.namespaces.get_mut(namespace) {
            home.enter();
            self.away.add(key.slot, home.away, 0);
        }
        match self.fits(engine, SocketId::new(key), rooms) {
            Ok(()) => self.put_back(key, rooms),
            Err(_) => self.expire(engine, key),
        }
        self.hold_to_sessions(engine);
        self.sockets.get(key).map(|_| key)
    }

    /// Whether a socket that is in no room yet may be in these.
    fn fits(&self, engine: &Engine, socket: SocketId, rooms: &[&str]) -> Result<()> {
        check_rooms(rooms, &engine.config.limits)?;
        self.check_change(engine, socket.key(), self.socket(socket)?, &[], rooms)
    }

    /// Puts a socket that is away into the rooms of which its session knows.
    fn put_back(&mut self, key: Key, rooms: &[&str]) {
        for room in rooms {
            self.away.join(key.slot, room, |_| {});
        }
        if let Some(socket) = self.sockets.get_mut(key) {
            socket.room_bytes = rooms.iter().map(|room| room.len()).sum();
        }
    }
}

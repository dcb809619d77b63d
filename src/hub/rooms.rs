//! Joining and leaving, and who is where. It must not send anything.

use super::Hub;
use super::place::Place;
use super::seen::keep_change;
use super::sockets::{Socket, push_change};
use crate::base::errors::{Error, Result};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::limits::{Limits, fields};
use crate::base::refused::{LimitError, RoomError};
use crate::engine::Engine;
use crate::route::Change;
use std::collections::HashSet;

impl Hub {
    /// The socket whose own room this is, in a namespace.
    pub(super) fn owner_of_room(&self, namespace: Key, room: &str, place: Place) -> Option<Key> {
        let fits = |socket: &Socket| socket.namespace == namespace && socket.life.place() == place;
        self.owner(room).filter(|&key| self.sockets.get(key).is_some_and(fits))
    }

    /// Whether what is for this room of a namespace may be for somebody here, who may be away.
    pub(crate) fn may_concern(&self, namespace: &str, room: &str) -> bool {
        let Some(namespace) = self.names.get(namespace).and_then(|&key| self.namespaces.get(key)) else {
            return false;
        };
        self.owner(room).is_some()
            || self.router.has_room(namespace.route, room)
            || self.asking.has_room(namespace.asking, room)
            || self.away.has_room(namespace.away, room)
    }

    /// Puts a socket into a room.
    pub(crate) fn join(&mut self, engine: &mut Engine, socket: SocketId, room: &str) -> Result<bool> {
        check_room(room, &engine.config.limits)?;
        self.change_rooms(engine, socket, &[], &[room]).map(|changed| changed > 0)
    }

    /// Takes a socket out of a room.
    pub(crate) fn leave(&mut self, engine: &mut Engine, socket: SocketId, room: &str) -> Result<bool> {
        self.change_rooms(engine, socket, &[room], &[]).map(|changed| changed > 0)
    }

    /// Takes a socket out of all rooms but its own.
    pub(crate) fn leave_all(&mut self, engine: &mut Engine, socket: SocketId) -> Result<()> {
        let state = self.sockets.get_mut(socket.key()).ok_or(Error::Gone)?;
        state.room_bytes = 0;
        let namespace = NamespaceId::new(state.namespace);
        let place = state.life.place();
        let mut session = state.session.take();
        let now = self.recovery.now();
        let Self { router, asking, away, sockets, namespaces, .. } = self;
        let mut log = namespaces.get_mut(namespace.key()).and_then(|home| home.log.as_deref_mut());
        let Engine { events, config, watch, .. } = engine;
        let report = place == Place::Connected && config.room_events;
        let (seen, mut changes) = (watch.as_ref().is_some_and(|watch| watch.all), Vec::new());
        place.of(router, asking, away).leave_all(socket.key().slot, |change| {
            if seen {
                keep_change(&mut changes, &change);
            }
            if let (Some(session), Some(log)) = (&mut session, &mut log) {
                log.note(session, &change, now);
            }
            if report {
                push_change(events, sockets, None, namespace, change);
            }
        });
        if let Some(state) = sockets.get_mut(socket.key()) {
            state.session = session;
        }
        self.see_rooms(engine, socket.key(), &changes);
        if place == Place::Away {
            self.save_session(engine, socket.key());
        }
        Ok(())
    }

    /// Leaves and joins many rooms at once, as a player who moves does.
    pub(crate) fn change_rooms(
        &mut self,
        engine: &mut Engine,
        socket: SocketId,
        leave: &[&str],
        join: &[&str],
    ) -> Result<usize> {
        check_rooms(join, &engine.config.limits)?;
        let key = socket.key();
        let state = self.socket(socket)?;
        let (connected, namespace) = (state.is_connected(), state.namespace);
        self.check_change(engine, key, state, leave, join)?;
        // Somebody else's own room becomes a room like any other, with its owner in it.
        for room in join.iter().filter(|_| connected) {
            if let Some(owner) = self.owner_of_room(namespace, room, Place::Connected) {
                if owner == key {
                    continue;
                }
                self.apply_rooms(engine, owner, namespace, &[], &[room]);
            }
        }
        Ok(self.apply_rooms(engine, key, namespace, leave, join))
    }

    /// Whether a socket may be in the rooms in which it is then.
    pub(super) fn check_change(
        &self,
        engine: &Engine,
        key: Key,
        state: &Socket,
        leave: &[&str],
        join: &[&str],
    ) -> Result<()> {
        let router = self.router_of(state);
        let now = (router.rooms_of(key.slot).len(), state.room_bytes);
        check_fit(now, leave, join, |room| router.is_member(key.slot, room), &engine.config.limits)
    }

    #[expect(
        clippy::arithmetic_side_effects,
        reason = "lengths of names in memory, and what is lost was gained before"
    )]
    fn apply_rooms(
        &mut self,
        engine: &mut Engine,
        key: Key,
        namespace: Key,
        leave: &[&str],
        join: &[&str],
    ) -> usize {
        let now = self.recovery.now();
        let Self { router, asking, away, sockets, namespaces, .. } = self;
        let Engine { events, config, watch, .. } = engine;
        let (mut changed, mut gained, mut lost) = (0, 0, 0);
        let mut count = |change: &Change<'_>| match change {
            Change::Joined(_, room) => (changed, gained) = (changed + 1, gained + room.len()),
            Change::Left(_, room) => (changed, lost) = (changed + 1, lost + room.len()),
            Change::RoomCreated(_) | Change::RoomDeleted(_) => {}
        };
        let Some(state) = sockets.get_mut(key) else { return 0 };
        let place = state.life.place();
        let mut session = state.session.take();
        let mut log = namespaces.get_mut(namespace).and_then(|home| home.log.as_deref_mut());
        let report = place == Place::Connected && config.room_events;
        let (seen, mut changes) = (watch.as_ref().is_some_and(|watch| watch.all), Vec::new());
        place.of(router, asking, away).change(key.slot, leave, join, |change| {
            count(&change);
            if seen {
                keep_change(&mut changes, &change);
            }
            if let (Some(session), Some(log)) = (&mut session, &mut log) {
                log.note(session, &change, now);
            }
            if report {
                push_change(events, sockets, None, NamespaceId::new(namespace), change);
            }
        });
        if let Some(state) = sockets.get_mut(key) {
            state.room_bytes = state.room_bytes + gained - lost;
            state.session = session;
        }
        self.see_rooms(engine, key, &changes);
        if changed > 0 && place == Place::Away {
            self.save_session(engine, key);
        }
        changed
    }

    /// The members of a room, in a stable order; for a socket's own room that socket.
    pub(crate) fn members<'a>(
        &'a self,
        namespace: NamespaceId,
        room: &str,
    ) -> Result<impl Iterator<Item = SocketId> + use<'a>> {
        let route = self.namespace(namespace)?.route;
        let owner = match self.router.members(route, room).len() {
            0 => self.owner_of_room(namespace.key(), room, Place::Connected),
            _ => None,
        };
        let members = self.router.members(route, room).filter_map(|member| self.sockets.key_at(member));
        Ok(members.chain(owner).map(SocketId::new))
    }

    /// The rooms of a namespace, in a stable order; sockets' own rooms are not among them.
    pub(crate) fn rooms_in(&self, namespace: NamespaceId) -> Result<impl Iterator<Item = &str> + '_> {
        Ok(self.router.rooms(self.namespace(namespace)?.route))
    }

    /// The rooms a socket is in: its own first, then the others in a stable order.
    pub(crate) fn rooms_of(&self, socket: SocketId) -> Result<impl Iterator<Item = &str> + '_> {
        let state = self.socket(socket)?;
        let own = self.id_of(socket.key(), state);
        let others = self.router_of(state).rooms_of(socket.key().slot).filter(move |room| *room != own);
        Ok(std::iter::once(own).chain(others))
    }

    /// Whether a socket is in a room; its own is one of them.
    pub(crate) fn is_member(&self, socket: SocketId, room: &str) -> Result<bool> {
        let state = self.socket(socket)?;
        Ok(self.id_of(socket.key(), state) == room
            || self.router_of(state).is_member(socket.key().slot, room))
    }
}

/// Whether a room may have this name.
pub(crate) fn check_room(room: &str, limits: &Limits) -> Result<(), RoomError> {
    match room.len() {
        0 => Err(RoomError::EMPTY),
        len if len > limits.max_room_name => Err(RoomError::too_long(limits.max_room_name as u64)),
        _ => Ok(()),
    }
}

/// Whether all rooms of a list may have their names.
pub(crate) fn check_rooms(rooms: &[&str], limits: &Limits) -> Result<(), RoomError> {
    let check =
        |(position, room): (usize, &&str)| check_room(room, limits).map_err(|error| error.at(position));
    rooms.iter().enumerate().try_for_each(check)
}

/// Whether a socket that has so many rooms, with so many bytes of names, may leave and join.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "lengths of names in memory, and what is left was held before"
)]
fn check_fit(
    (rooms, bytes): (usize, usize),
    leave: &[&str],
    join: &[&str],
    is_in: impl Fn(&str) -> bool,
    limits: &Limits,
) -> Result<()> {
    let fits = |rooms: usize, bytes: usize| {
        if rooms > limits.max_rooms_per_socket as usize {
            return Err(LimitError::new(&fields::max_rooms_per_socket, limits.max_rooms_per_socket.into()));
        }
        if bytes > limits.max_room_bytes {
            return Err(LimitError::new(&fields::max_room_bytes, limits.max_room_bytes as u64));
        }
        Ok(())
    };
    if fits(rooms + join.len(), bytes + length(join)).is_ok() {
        return Ok(());
    }
    // Both lists may be a client's own, passed on: each is walked once, and what the socket is in is not.
    let joined: HashSet<&str> = join.iter().copied().collect();
    let left: HashSet<&str> =
        leave.iter().copied().filter(|room| !joined.contains(room) && is_in(room)).collect();
    let new: HashSet<&str> = joined.into_iter().filter(|room| !is_in(room)).collect();
    let after = |now: usize, gained: usize, lost: usize| (now + gained) - lost;
    if new.is_empty() {
        return Ok(());
    }
    Ok(fits(after(rooms, new.len(), left.len()), after(bytes, length(&new), length(&left)))?)
}

fn length<'a>(rooms: impl IntoIterator<Item = &'a &'a str>) -> usize {
    rooms.into_iter().map(|room| room.len()).sum()
}

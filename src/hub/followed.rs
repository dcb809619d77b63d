//! Rooms that come and go, for a node of a cluster that listens for each of them. It must not know what is done about it.

use super::Hub;
use crate::base::ids::Key;
use crate::host::cluster::OwnChannels;
use crate::route::Followed;

impl Hub {
    /// From now on [`room_changes`](Self::room_changes) tells of rooms that have channels of their own, first of those that are there.
    pub(crate) fn follow_rooms(&mut self, own: OwnChannels) {
        self.router.follow();
        self.asking.follow();
        self.away.follow();
        self.own_rooms = (own == OwnChannels::RoomsAndSockets).then(Vec::new);
        let sockets: Vec<_> = self.sockets.keys().collect();
        sockets.into_iter().for_each(|key| self.note_own_room(key, true));
    }

    /// Which rooms came and went since the last time, if somebody follows them. One that those who are away leave, and others enter, comes
    /// once more than it goes.
    pub(crate) fn room_changes(&mut self) -> Vec<Followed> {
        let mut changes = self.own_rooms.as_mut().map(std::mem::take).unwrap_or_default();
        for router in [&mut self.router, &mut self.asking, &mut self.away] {
            changes.append(&mut router.followed());
        }
        changes
    }

    /// A socket has come, or is about to go.
    pub(super) fn note_own_room(&mut self, key: Key, made: bool) {
        let Self { sockets, namespaces, old_ids, own_rooms: Some(changes), .. } = self else { return };
        let Some(socket) = sockets.get(key) else { return };
        let Some(home) = namespaces.get(socket.namespace) else { return };
        let room = old_ids.id(key, socket).into();
        changes.push(Followed { namespace: (*home.name).into(), room, made });
    }
}

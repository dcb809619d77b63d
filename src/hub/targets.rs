//! Operations on everybody whom a target selects: joining, leaving, disconnecting, and who that is. It must not emit.

use super::Hub;
use super::message::Target;
use super::place::Place;
use super::rooms::check_rooms;
use crate::base::errors::{Error, Result};
use crate::base::ids::SocketId;
use crate::engine::Engine;

/// Who is away is joined, taken out and sent off as all others are.
const ALL: [Place; 3] = [Place::Connected, Place::Asking, Place::Away];

impl Hub {
    /// Who gets what is emitted to `target`, in a stable order.
    pub(crate) fn fetch_sockets(
        &mut self,
        _: &mut Engine,
        target: Target<'_>,
    ) -> Result<impl Iterator<Item = SocketId> + use<>> {
        Ok(self.selected(&target, &[Place::Connected, Place::Asking])?.into_iter())
    }

    /// Puts everybody whom `target` selects into these rooms.
    pub(crate) fn sockets_join(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        rooms: &[&str],
    ) -> Result<usize> {
        check_rooms(rooms, &engine.config.limits)?;
        let selected = self.selected(&target, &ALL)?;
        for &socket in &selected {
            self.check_change(engine, socket.key(), self.socket(socket)?, &[], rooms)?;
        }
        for &socket in &selected {
            self.change_rooms(engine, socket, &[], rooms)?;
        }
        Ok(selected.len())
    }

    /// Takes everybody whom `target` selects out of these rooms.
    pub(crate) fn sockets_leave(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        rooms: &[&str],
    ) -> Result<usize> {
        let selected = self.selected(&target, &ALL)?;
        for &socket in &selected {
            self.change_rooms(engine, socket, rooms, &[])?;
        }
        Ok(selected.len())
    }

    /// Disconnects everybody whom `target` selects, as [`disconnect`](Self::disconnect) does.
    pub(crate) fn disconnect_sockets(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        close: bool,
    ) -> Result<usize> {
        let selected = self.selected(&target, &ALL)?;
        for &socket in &selected {
            match self.disconnect(engine, socket, close) {
                // It was on the connection of one before it.
                Err(Error::Gone) => {}
                outcome => outcome?,
            }
        }
        Ok(selected.len())
    }

    fn selected(&mut self, target: &Target<'_>, places: &[Place]) -> Result<Vec<SocketId>> {
        let mut selected = Vec::new();
        self.select(target, places, |sockets, member| {
            selected.extend(sockets.key_at(member).map(SocketId::new));
        })?;
        Ok(selected)
    }
}

//! Whom an emit is for, in the log's terms, and whether a session was one of them. It must not look anything up.

use super::Seq;
use super::rooms::RoomNo;
use super::session::Session;

/// Whom an emit is for, in the log's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::hub) struct Audience {
    pub(in crate::hub) everyone: bool,
    pub(in crate::hub) rooms: Vec<RoomNo>,
    pub(in crate::hub) except: Vec<RoomNo>,
}

impl Audience {
    pub(in crate::hub) fn clear(&mut self) {
        self.everyone = false;
        self.rooms.clear();
        self.except.clear();
    }

    /// Whether it can be anybody.
    pub(in crate::hub) fn is_somebody(&self) -> bool {
        self.everyone || !self.rooms.is_empty()
    }
}

/// Whether an emit of this number was for a session.
pub(super) fn selects(
    everyone: bool,
    mut rooms: impl Iterator<Item = RoomNo>,
    mut except: impl Iterator<Item = RoomNo>,
    session: &Session,
    number: Seq,
) -> bool {
    let named = everyone && number >= session.born || rooms.any(|room| session.was_in(room, number));
    named && !except.any(|room| session.was_in(room, number))
}

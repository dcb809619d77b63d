//! Where a socket's rooms are kept, by where it is in its life. It must not know a socket.

use crate::route::Router;

/// The router that knows a socket's rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Connected,
    Asking,
    Away,
}

impl Place {
    /// The one of these that it stands for.
    pub(super) fn of<'a>(
        self,
        connected: &'a mut Router,
        asking: &'a mut Router,
        away: &'a mut Router,
    ) -> &'a mut Router {
        match self {
            Place::Connected => connected,
            Place::Asking => asking,
            Place::Away => away,
        }
    }
}

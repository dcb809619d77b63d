//! Which limit was reached, and which room's name cannot be used. It must not know a limit, and must not allocate.

use super::unfit::Field;
use std::fmt;

/// A limit of [`Limits`](crate::Limits) that a call would have passed.
///
/// ```
/// # use roomcast::*;
/// let limits = Limits { max_namespaces: 1, ..Limits::default() };
/// let mut core = Core::new(Config { limits, ..Config::default() }, 0)?;
/// let error = core.add_namespace("/more", NamespaceOptions::default()).err(); // `/` is there already
/// let Some(Error::TooMany(error)) = error else { panic!("{error:?}") };
/// assert_eq!((error.limit(), error.most()), ("max_namespaces", 1));
/// assert_eq!(Error::TooMany(error).to_string(), "a limit of the broker was reached: max_namespaces is 1");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitError {
    limit: &'static Field,
    most: u64,
}

impl LimitError {
    /// None.
    pub(crate) const NONE: Self = Self { limit: const { &Field::words("", "") }, most: 0 };

    pub(crate) const fn new(limit: &'static Field, most: u64) -> Self {
        Self { limit, most }
    }

    /// The limit's name, which is that of its field.
    pub const fn limit(&self) -> &'static str {
        self.limit.name()
    }

    /// What it is set to.
    pub const fn most(&self) -> u64 {
        self.most
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.limit(), self.most)
    }
}

impl fmt::Debug for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A room's name that cannot be used, and why.
///
/// ```
/// # use roomcast::*;
/// # fn example(broker: &mut Broker, socket: SocketId) {
/// let error = broker.change_rooms(socket, &[], &["lobby", ""]).err();
/// let Some(Error::BadRoom(error)) = error else { panic!("{error:?}") };
/// assert_eq!((error.position(), error.longest()), (Some(1), None));
/// assert_eq!(error.to_string(), "rooms[1]: the name is empty");
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoomError {
    /// In the list of rooms, `ALONE` where there is none.
    position: u32,
    /// 0 where the name is empty.
    longest: u64,
}

const ALONE: u32 = u32::MAX;

impl RoomError {
    pub(crate) const EMPTY: Self = Self { position: ALONE, longest: 0 };

    pub(crate) const fn too_long(longest: u64) -> Self {
        Self { position: ALONE, longest }
    }

    /// The same of a name in a list.
    pub(crate) fn at(self, position: usize) -> Self {
        Self { position: position.try_into().unwrap_or(ALONE), ..self }
    }

    /// Its place among the rooms to join, counted from 0. `None` for a call that names one room.
    pub const fn position(&self) -> Option<usize> {
        if self.position == ALONE { None } else { Some(self.position as usize) }
    }

    /// How many bytes it may have, if it is too long: [`Limits::max_room_name`](crate::Limits::max_room_name). `None` if it is empty.
    pub const fn longest(&self) -> Option<u64> {
        if self.longest == 0 { None } else { Some(self.longest) }
    }
}

impl fmt::Display for RoomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position() {
            Some(position) => write!(f, "rooms[{position}]: ")?,
            None => f.write_str("room: ")?,
        }
        match self.longest() {
            Some(longest) => write!(f, "the name is longer than max_room_name, which is {longest} bytes"),
            None => f.write_str("the name is empty"),
        }
    }
}

impl fmt::Debug for RoomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

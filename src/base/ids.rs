//! Handles: a `u64` of kind, generation and slot. They must never be pointers, and zero is never valid.

use super::errors::{Error, Result};

const SLOT_BITS: u32 = 32;
const GENERATION_BITS: u32 = 28;
/// The upper bits of a slot tell, outside of a loop, on which of several loops a thing lives.
const LOOP_BITS: u32 = 6;
const LOCAL_BITS: u32 = SLOT_BITS - LOOP_BITS;
const LOOP_MASK: u64 = (1 << SLOT_BITS) - (1 << LOCAL_BITS);

/// The most loops that handles can tell apart.
pub(crate) const MAX_LOOPS: usize = 1 << LOOP_BITS;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            pub(crate) fn new(key: Key) -> Self {
                let generation = u64::from(key.generation & GENERATION_MASK);
                Self($kind << (SLOT_BITS + GENERATION_BITS) | generation << SLOT_BITS | u64::from(key.slot))
            }

            pub(crate) fn key(self) -> Key {
                Key { slot: self.0 as u32, generation: (self.0 >> SLOT_BITS) as u32 & GENERATION_MASK }
            }

            /// The number behind the handle, for a foreign language or a log line.
            pub fn to_bits(self) -> u64 {
                self.0
            }

            /// The handle behind a number. A number of another kind is refused; a dead handle is found
            /// out by the call that uses it.
            pub fn from_bits(bits: u64) -> Result<Self> {
                match bits >> (SLOT_BITS + GENERATION_BITS) {
                    kind if kind == $kind => Ok(Self(bits)),
                    _ if bits == 0 => Err(Error::NoHandle),
                    _ => Err(Error::WrongKind),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let key = self.key();
                write!(f, "{}({}.{})", stringify!($name), key.slot, key.generation)
            }
        }
    )*};
}

handles! {
    /// One client's Engine.IO session, over polling or WebSocket.
    ConnId = 1u64;
    /// One client's presence in one namespace.
    SocketId = 2u64;
    /// A namespace.
    NamespaceId = 3u64;
    /// An acknowledgement that the host waits for.
    AckId = 4u64;
}

impl AckId {
    /// The handle as it is seen from outside of its loop.
    pub(crate) fn on_loop(self, number: usize) -> Self {
        Self(with_loop(self.0, number))
    }
}

macro_rules! on_a_loop {
    ($($name:ident)*) => {$(
        impl $name {
            /// The handle as it is seen from outside of its loop.
            pub(crate) fn on_loop(self, number: usize) -> Self {
                Self(with_loop(self.0, number))
            }

            /// The loop it lives on.
            pub(crate) fn loop_number(self) -> usize {
                ((self.0 & LOOP_MASK) >> LOCAL_BITS) as usize
            }

            /// The handle as its loop has it.
            pub(crate) fn local(self) -> Self {
                Self(self.0 & !LOOP_MASK)
            }
        }
    )*};
}

on_a_loop! { ConnId SocketId }

fn with_loop(bits: u64, number: usize) -> u64 {
    bits & !LOOP_MASK | (number as u64) << LOCAL_BITS & LOOP_MASK
}

/// Where a thing lives and which of the things that lived there it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl Key {
    /// The generation that follows; zero is skipped, so that no handle is ever zero.
    pub(crate) fn next_generation(generation: u32) -> u32 {
        match generation.wrapping_add(1) & GENERATION_MASK {
            0 => 1,
            next => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_gives_back_its_key_and_knows_its_kind() {
        let key = Key { slot: u32::MAX, generation: GENERATION_MASK };
        let socket = SocketId::new(key);
        assert_eq!(socket.key(), key);
        assert_eq!(SocketId::from_bits(socket.to_bits()), Ok(socket));
        assert_eq!(NamespaceId::from_bits(socket.to_bits()), Err(Error::WrongKind));
        assert_eq!(SocketId::from_bits(0), Err(Error::NoHandle));
    }

    #[test]
    fn a_handle_tells_its_loop_and_is_itself_again_there() {
        let local = SocketId::new(Key { slot: 12_345, generation: GENERATION_MASK });
        let seen = local.on_loop(MAX_LOOPS - 1);
        assert_eq!((seen.loop_number(), seen.local()), (MAX_LOOPS - 1, local));
        assert_eq!(local.on_loop(0), local);
    }

    #[test]
    fn generations_skip_zero() {
        assert_eq!(Key::next_generation(GENERATION_MASK), 1);
    }
}

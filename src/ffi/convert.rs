//! Between C's values and Rust's. It must not follow a pointer.

use super::guard::{Fault, Outcome};
use super::types::{ROOMCAST_TARGET_ALL, roomcast_slice};
use crate::base::errors::Error;
use crate::base::ids::{ConnId, NamespaceId, SocketId};
use std::ffi::{c_char, c_void};
use std::ops::Deref;

impl roomcast_slice {
    /// Lends out bytes.
    pub(super) fn lend(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }
}

/// How many borrowed things a call holds without an allocation.
const INLINE: usize = 16;

/// The pieces of a list, each turned from what C has into what Rust has.
pub(super) enum Pieces<T> {
    Few([T; INLINE], usize),
    Many(Vec<T>),
}

impl<T: Copy> Pieces<T> {
    pub(super) fn new<S: Copy>(list: &[S], empty: T, turn: impl Fn(S) -> Outcome<T>) -> Outcome<Self> {
        if list.len() > INLINE {
            let turn = |(nth, &piece): (usize, &S)| turn(piece).map_err(|fault| fault.nth(nth));
            return list.iter().enumerate().map(turn).collect::<Outcome<_>>().map(Self::Many);
        }
        let mut few = [empty; INLINE];
        for (nth, (turned, &piece)) in few.iter_mut().zip(list).enumerate() {
            *turned = turn(piece).map_err(|fault| fault.nth(nth))?;
        }
        Ok(Self::Few(few, list.len()))
    }
}

impl<T> Deref for Pieces<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Few(few, len) => &few[..*len],
            Self::Many(many) => many,
        }
    }
}

pub(super) fn namespace(bits: u64, name: &'static str) -> Outcome<NamespaceId> {
    NamespaceId::from_bits(bits).map_err(|error| Fault::of(error, name))
}

pub(super) fn socket(bits: u64) -> Outcome<SocketId> {
    SocketId::from_bits(bits).map_err(|error| Fault::of(error, "socket"))
}

/// The number by which a client knows its event: in C they begin with 1, and 0 is none.
pub(super) fn ack_number(ack: u64) -> Outcome<u64> {
    ack.checked_sub(1).ok_or(Fault::value("ack", "it is 1 or more, as the event has it"))
}

pub(super) fn connection(bits: u64) -> Outcome<ConnId> {
    ConnId::from_bits(bits).map_err(|error| Fault::of(error, "connection"))
}

pub(super) fn flag(value: u32, name: &'static str) -> Outcome<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Fault::value(name, "it is 0 or 1")),
    }
}

/// A status that HTTP knows; which ones fit is said by the call.
pub(super) fn http_status(value: u64, name: &'static str) -> Outcome<u16> {
    u16::try_from(value).map_err(|_| Fault::value(name, "it is 400 to 599"))
}

/// Whether a target is everybody, who are not to be named as well.
pub(super) fn is_all(flags: u32, named: usize, name: &'static str) -> Outcome<bool> {
    match (flags, named) {
        (0, _) => Ok(false),
        (ROOMCAST_TARGET_ALL, 0) => Ok(true),
        (ROOMCAST_TARGET_ALL, _) => {
            Err(Fault::value(name, "ROOMCAST_TARGET_ALL is everybody: no rooms or sockets go with it"))
        }
        _ => Err(Fault::value(name, "it is 0 or ROOMCAST_TARGET_ALL")),
    }
}

/// The socket that an emit leaves out, if it is to leave one out.
pub(super) fn excepted(bits: u64) -> Outcome<Option<SocketId>> {
    match bits {
        0 => Ok(None),
        _ => socket(bits).map(Some).map_err(|_| Fault::of(Error::WrongKind, "except")),
    }
}

/// A text of ours that ends in a NUL.
pub(super) fn terminated(text: &'static str) -> *const c_char {
    debug_assert!(text.ends_with('\0'));
    text.as_ptr().cast()
}

/// The address of what is lent, as a C pointer.
pub(super) fn address(bytes: &[u8]) -> *const c_char {
    bytes.as_ptr().cast::<c_void>().cast()
}

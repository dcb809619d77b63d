//! Between C's pointers and Rust's references. It must not trust a length, or a pointer that it can check.

use super::frozen::Grows;
use super::guard::{Fault, Outcome};
use super::types::{
    ROOMCAST_DROP_OLDEST, ROOMCAST_LATEST, ROOMCAST_RELIABLE, ROOMCAST_TARGET_ALL, ROOMCAST_VOLATILE,
    roomcast_message, roomcast_slice, roomcast_socket, roomcast_target,
};
use crate::base::errors::Error;
use crate::base::ids::{NamespaceId, SocketId};
use crate::hub::message::{Delivery, Message, Target};
use std::ffi::{c_char, c_void};
use std::ops::Deref;
use std::ptr;

/// `len` things at `at`, which may be anything if there are none.
///
/// # Safety
/// `at` is NULL, or that many things are there and stay as they are for `'a`.
pub(super) unsafe fn list<'a, T>(at: *const T, len: usize, name: &'static str) -> Outcome<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    if at.is_null() {
        return Err(Fault::Known(Error::Null, name));
    }
    if len > isize::MAX as usize / size_of::<T>() {
        return Err(Fault::Known(Error::TooLarge, name));
    }
    if !at.is_aligned() {
        return Err(Fault::Known(Error::BadValue, name));
    }
    // SAFETY: not NULL, aligned, no longer than an object can be; that it is there, the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(at, len) })
}

/// Text at `at`.
///
/// # Safety
/// As [`list`].
pub(super) unsafe fn text<'a>(at: *const c_char, len: usize, name: &'static str) -> Outcome<&'a str> {
    // SAFETY: what the caller promises.
    let bytes = unsafe { list(at.cast::<u8>(), len, name) }?;
    std::str::from_utf8(bytes).map_err(|_| Fault::Known(Error::BadUtf8, name))
}

impl roomcast_slice {
    /// Lends out bytes.
    pub(super) fn lend(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// # Safety
    /// As [`list`].
    pub(super) unsafe fn bytes<'a>(self, name: &'static str) -> Outcome<&'a [u8]> {
        // SAFETY: what the caller promises.
        unsafe { list(self.ptr.cast(), self.len, name) }
    }

    /// # Safety
    /// As [`list`].
    pub(super) unsafe fn text<'a>(self, name: &'static str) -> Outcome<&'a str> {
        // SAFETY: what the caller promises.
        unsafe { text(self.ptr.cast(), self.len, name) }
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
    fn new<S: Copy>(list: &[S], empty: T, turn: impl Fn(S) -> Outcome<T>) -> Outcome<Self> {
        if list.len() > INLINE {
            return list.iter().map(|&piece| turn(piece)).collect::<Outcome<_>>().map(Self::Many);
        }
        let mut few = [empty; INLINE];
        for (turned, &piece) in few.iter_mut().zip(list) {
            *turned = turn(piece)?;
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

/// A list of texts.
///
/// # Safety
/// As [`list`], for the list and for each text.
pub(super) unsafe fn texts<'a>(
    at: *const roomcast_slice,
    len: usize,
    name: &'static str,
) -> Outcome<Pieces<&'a str>> {
    // SAFETY: what the caller promises, here and below.
    let pieces = unsafe { list(at, len, name) }?;
    Pieces::new(pieces, "", |piece: roomcast_slice| {
        // SAFETY: as above.
        unsafe { piece.text(name) }
    })
}

/// A list of byte strings.
///
/// # Safety
/// As [`list`], for the list and for each string.
pub(super) unsafe fn byte_strings<'a>(
    at: *const roomcast_slice,
    len: usize,
    name: &'static str,
) -> Outcome<Pieces<&'a [u8]>> {
    // SAFETY: what the caller promises, here and below.
    let pieces = unsafe { list(at, len, name) }?;
    Pieces::new(pieces, &[][..], |piece: roomcast_slice| {
        // SAFETY: as above.
        unsafe { piece.bytes(name) }
    })
}

pub(super) fn namespace(bits: u64) -> Outcome<NamespaceId> {
    NamespaceId::from_bits(bits).map_err(|error| Fault::Known(error, "ns"))
}

pub(super) fn socket(bits: u64) -> Outcome<SocketId> {
    SocketId::from_bits(bits).map_err(|error| Fault::Known(error, "socket"))
}

pub(super) fn flag(value: u32, name: &'static str) -> Outcome<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Fault::Known(Error::BadValue, name)),
    }
}

/// A list of sockets.
///
/// # Safety
/// As [`list`].
unsafe fn sockets(at: *const roomcast_socket, len: usize, name: &'static str) -> Outcome<Vec<SocketId>> {
    // SAFETY: what the caller promises.
    let bits = unsafe { list(at, len, name) }?;
    bits.iter().map(|&bits| SocketId::from_bits(bits).map_err(|error| Fault::Known(error, name))).collect()
}

/// The size that a struct of the caller's says it has.
///
/// # Safety
/// `at` is NULL or points to as many bytes as its first field, a `u32`, says.
unsafe fn said<T: Grows>(at: *const T, name: &'static str) -> Outcome<u32> {
    if at.is_null() {
        return Err(Fault::Known(Error::Null, name));
    }
    if !at.is_aligned() {
        return Err(Fault::Known(Error::BadValue, name));
    }
    // SAFETY: the size is the first field.
    let size = unsafe { at.cast::<u32>().read() };
    if (size as usize) < T::FROZEN { Err(Fault::Known(Error::BadSize, name)) } else { Ok(size) }
}

/// A struct of the caller's, of which an older header may know less than we do: what it does not have is as preset. What a
/// newer one knows beyond us is left alone.
///
/// # Safety
/// `at` is NULL or points to as many bytes as its first field, a `u32`, says.
pub(super) unsafe fn sized<T: Grows>(at: *const T, name: &'static str) -> Outcome<T> {
    // SAFETY: what the caller promises.
    let size = unsafe { said(at, name) }? as usize;
    // All of them are known to callers of this version: no preset is made for nothing.
    if size >= size_of::<T>() {
        // SAFETY: aligned, and as long; any bytes are valid.
        return Ok(unsafe { at.read() });
    }
    let mut value = T::preset();
    // SAFETY: both are longer than what is copied, and they are different objects.
    unsafe { ptr::copy_nonoverlapping(at.cast::<u8>(), (&raw mut value).cast::<u8>(), size) };
    Ok(value)
}

/// Writes of `value` what a place of `size` bytes holds.
///
/// # Safety
/// As many bytes may be written at `at`, which need not be aligned.
pub(super) unsafe fn write_prefix<T: Grows>(at: *mut T, size: usize, value: &T) {
    let size = size.min(size_of::<T>());
    // SAFETY: both are as long as what is copied, and they are different objects.
    unsafe { ptr::copy_nonoverlapping(ptr::from_ref(value).cast::<u8>(), at.cast::<u8>(), size) };
}

/// A struct of the caller's that a call fills as far as its header knows it. Asked for before the call does anything.
#[derive(Clone, Copy)]
pub(super) struct Filled<T>(*mut T, u32);

impl<T: Grows> Filled<T> {
    /// # Safety
    /// `at` is NULL, or as many bytes as its first field says may be written until the call ends.
    pub(super) unsafe fn new(at: *mut T, name: &'static str) -> Outcome<Self> {
        // SAFETY: what the caller promises.
        Ok(Self(at, unsafe { said(at, name) }?))
    }

    /// What the caller says its size is, which stays as it is.
    pub(super) fn size(self) -> u32 {
        self.1
    }

    pub(super) fn fill(self, value: T) {
        // SAFETY: promised when it was made.
        unsafe { write_prefix(self.0, self.1 as usize, &value) };
    }
}

/// A place for a result. Asked for before the call does anything, so that a call fails whole.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// `at` is NULL or may be written until the call ends.
    pub(super) unsafe fn new(at: *mut T, name: &'static str) -> Outcome<Self> {
        if at.is_null() {
            return Err(Fault::Known(Error::Null, name));
        }
        // SAFETY: what the caller promises.
        unsafe { Self::nullable(at, name) }
    }

    /// The same where NULL means that nobody wants to know.
    ///
    /// # Safety
    /// As [`new`](Self::new).
    pub(super) unsafe fn nullable(at: *mut T, name: &'static str) -> Outcome<Self> {
        if at.is_aligned() { Ok(Self(at)) } else { Err(Fault::Known(Error::BadValue, name)) }
    }

    pub(super) fn set(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: promised when it was made.
            unsafe { self.0.write(value) };
        }
    }
}

/// Hands a target to `f`.
///
/// # Safety
/// `at` is NULL or points to a target whose pointers are as [`list`] asks.
pub(super) unsafe fn with_target<R>(
    at: *const roomcast_target,
    f: impl FnOnce(Target<'_>) -> Outcome<R>,
) -> Outcome<R> {
    // SAFETY: what the caller promises, here and below.
    let target = unsafe { sized(at, "target") }?;
    let ns = namespace(target.ns)?;
    // SAFETY: as above.
    let rooms = unsafe { texts(target.rooms, target.room_count, "target.rooms") }?;
    // SAFETY: as above.
    let among = unsafe { sockets(target.sockets, target.socket_count, "target.sockets") }?;
    // SAFETY: as above.
    let except_rooms =
        unsafe { texts(target.except_rooms, target.except_room_count, "target.except_rooms") }?;
    // SAFETY: as above.
    let except =
        unsafe { sockets(target.except_sockets, target.except_socket_count, "target.except_sockets") }?;
    let target = match is_all(target.flags, rooms.len() + among.len(), "target.flags")? {
        true => Target::all(ns),
        false => Target::union(ns, &rooms, &among),
    };
    f(target.except_rooms(&except_rooms).except(&except))
}

/// Whether a target is everybody, who are not to be named as well.
pub(super) fn is_all(flags: u32, named: usize, name: &'static str) -> Outcome<bool> {
    match (flags, named) {
        (0, _) => Ok(false),
        (ROOMCAST_TARGET_ALL, 0) => Ok(true),
        _ => Err(Fault::Known(Error::BadValue, name)),
    }
}

/// The socket that an emit leaves out, if it is to leave one out.
pub(super) fn excepted(bits: u64) -> Outcome<Option<SocketId>> {
    match bits {
        0 => Ok(None),
        _ => socket(bits).map(Some).map_err(|_| Fault::Known(Error::WrongKind, "except")),
    }
}

/// Hands a message to `f`.
///
/// # Safety
/// `at` is NULL or points to a message whose pointers are as [`list`] asks.
pub(super) unsafe fn with_message<R>(
    at: *const roomcast_message,
    f: impl FnOnce(Message<'_>) -> Outcome<R>,
) -> Outcome<R> {
    // SAFETY: what the caller promises, here and below.
    let message = unsafe { sized(at, "message") }?;
    let delivery = delivery(message.delivery, message.key)?;
    // SAFETY: as above.
    let name = unsafe { text(message.name, message.name_len, "message.name") }?;
    // SAFETY: as above.
    let args = unsafe { args(message.args, message.args_len, "message.args") }?;
    let (at, len) = (message.attachments, message.attachment_count);
    // SAFETY: as above.
    let attachments = unsafe { byte_strings(at, len, "message.attachments") }?;
    f(Message::new(name, args).attach(&attachments).delivery(delivery))
}

/// A JSON array, where nothing at all is an empty one.
///
/// # Safety
/// As [`list`].
pub(super) unsafe fn args<'a>(at: *const c_char, len: usize, name: &'static str) -> Outcome<&'a str> {
    // SAFETY: what the caller promises.
    Ok(match unsafe { text(at, len, name) }? {
        "" => "[]",
        args => args,
    })
}

pub(super) fn delivery(class: u32, key: u64) -> Outcome<Delivery> {
    Ok(match class {
        ROOMCAST_RELIABLE => Delivery::Reliable,
        ROOMCAST_VOLATILE => Delivery::Volatile,
        ROOMCAST_LATEST => Delivery::Latest(key),
        ROOMCAST_DROP_OLDEST => Delivery::DropOldest,
        _ => return Err(Fault::Known(Error::BadValue, "delivery")),
    })
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

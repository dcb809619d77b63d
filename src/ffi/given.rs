//! What a call was given, in one place: whether its pointers are good is promised once, where the call begins. It must not be
//! shown a pointer that did not come with the call.

use super::broker::{Host, roomcast_broker};
use super::convert::{Pieces, is_all, namespace};
use super::frozen::Grows;
use super::guard::{Fault, Outcome, unguarded};
use super::message::roomcast_message;
use super::remote::roomcast_remote;
use super::router::{Routing, roomcast_router};
use super::types::{roomcast_slice, roomcast_socket, roomcast_status, roomcast_target};
use crate::base::errors::Error;
use crate::base::ids::SocketId;
use crate::hub::message::{Message, Target};
use crate::net::Remote;
use std::ffi::c_char;
use std::marker::PhantomData;
#[cfg(unix)]
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

const MISALIGNED: &str = "the address is not a multiple of what its type needs";

/// The promise of a caller in C about the arguments of one call. It cannot be kept beyond that: what it makes of them ends with it.
pub(super) struct Given(());

impl Given {
    /// # Safety
    /// What the header asks of the caller holds for all arguments of the call until it returns: a pointer is NULL, or as many things as
    /// its length says are there, to read or to write as its type says; an object comes from us and was not freed; a struct
    /// is as long as it says. The methods are shown these arguments alone.
    pub(super) unsafe fn new() -> Self {
        Self(())
    }

    /// Enters a broker.
    #[inline]
    pub(super) fn host(
        &self,
        broker: *const roomcast_broker,
        call: &'static str,
        body: impl FnOnce(&mut Host) -> Outcome,
    ) -> roomcast_status {
        // SAFETY: promised when this was made.
        unsafe { Host::enter(broker, call, body) }
    }

    /// Enters a router.
    pub(super) fn router(
        &self,
        router: *const roomcast_router,
        call: &'static str,
        body: impl FnOnce(&mut Routing) -> Outcome,
    ) -> roomcast_status {
        // SAFETY: promised when this was made.
        unsafe { Routing::enter(router, call, body) }
    }

    /// Uses a remote.
    pub(super) fn remote(
        &self,
        remote: *const roomcast_remote,
        call: &'static str,
        body: impl FnOnce(&Remote) -> Outcome,
    ) -> roomcast_status {
        unguarded(call, || {
            // SAFETY: promised when this was made.
            let remote = unsafe { remote.as_ref() }.ok_or(Fault::of(Error::Null, "remote"))?;
            body(remote.inner())
        })
    }

    /// `len` things at `at`, which may be anything if there are none.
    #[inline]
    pub(super) fn list<T>(&self, at: *const T, len: usize, name: &'static str) -> Outcome<&[T]> {
        if len == 0 {
            return Ok(&[]);
        }
        if at.is_null() {
            return Err(Fault::of(Error::Null, name));
        }
        if len > isize::MAX as usize / size_of::<T>() {
            return Err(Fault::of(Error::TooLarge("it is longer than memory can be"), name));
        }
        if !at.is_aligned() {
            return Err(Fault::value(name, MISALIGNED));
        }
        // SAFETY: not NULL, aligned, no longer than an object can be; that it is there was promised when this was made.
        Ok(unsafe { std::slice::from_raw_parts(at, len) })
    }

    #[inline]
    pub(super) fn text(&self, at: *const c_char, len: usize, name: &'static str) -> Outcome<&str> {
        let bytes = self.list(at.cast::<u8>(), len, name)?;
        std::str::from_utf8(bytes).map_err(|_| Fault::of(Error::BadUtf8, name))
    }

    /// Text of which a struct of the caller's says where it is.
    pub(super) fn piece(&self, piece: roomcast_slice, name: &'static str) -> Outcome<&str> {
        self.text(piece.ptr.cast(), piece.len, name)
    }

    /// A JSON array, where nothing at all is an empty one.
    #[inline]
    pub(super) fn args(&self, at: *const c_char, len: usize, name: &'static str) -> Outcome<&str> {
        Ok(match self.text(at, len, name)? {
            "" => "[]",
            args => args,
        })
    }

    pub(super) fn texts(
        &self,
        at: *const roomcast_slice,
        len: usize,
        name: &'static str,
    ) -> Outcome<Pieces<&str>> {
        Pieces::new(self.list(at, len, name)?, "", |piece| self.piece(piece, name))
    }

    pub(super) fn byte_strings(
        &self,
        at: *const roomcast_slice,
        len: usize,
        name: &'static str,
    ) -> Outcome<Pieces<&[u8]>> {
        let bytes = |piece: roomcast_slice| self.list(piece.ptr.cast(), piece.len, name);
        Pieces::new(self.list(at, len, name)?, &[][..], bytes)
    }

    fn sockets(&self, at: *const roomcast_socket, len: usize, name: &'static str) -> Outcome<Vec<SocketId>> {
        let socket = |(nth, &bits): (usize, &u64)| {
            SocketId::from_bits(bits).map_err(|error| Fault::of(error, name).nth(nth))
        };
        self.list(at, len, name)?.iter().enumerate().map(socket).collect()
    }

    /// Hands a target to `f`.
    #[inline]
    pub(super) fn target<R>(
        &self,
        at: *const roomcast_target,
        f: impl FnOnce(Target<'_>) -> Outcome<R>,
    ) -> Outcome<R> {
        let target = self.sized(at, "target")?;
        let ns = namespace(target.ns, "target.ns")?;
        let rooms = self.texts(target.rooms, target.room_count, "target.rooms")?;
        let among = self.sockets(target.sockets, target.socket_count, "target.sockets")?;
        let except_rooms =
            self.texts(target.except_rooms, target.except_room_count, "target.except_rooms")?;
        let except =
            self.sockets(target.except_sockets, target.except_socket_count, "target.except_sockets")?;
        let target = match is_all(target.flags, rooms.len() + among.len(), "target.flags")? {
            true => Target::all(ns),
            false => Target::union(ns, &rooms, &among),
        };
        f(target.except_rooms(&except_rooms).except(&except))
    }

    /// Hands a message to `f`.
    #[inline]
    pub(super) fn message<R>(
        &self,
        at: *const roomcast_message,
        f: impl FnOnce(Message<'_>) -> Outcome<R>,
    ) -> Outcome<R> {
        let message = self.sized(at, "message")?;
        let name = self.text(message.name, message.name_len, "message.name")?;
        let args = self.args(message.args, message.args_len, "message.args")?;
        let attachments =
            self.byte_strings(message.attachments, message.attachment_count, "message.attachments")?;
        f(message.with_manner(Message::new(name, args).attach(&attachments))?)
    }

    /// A place for a result.
    #[inline]
    pub(super) fn out<T>(&self, at: *mut T, name: &'static str) -> Outcome<Out<'_, T>> {
        if at.is_null() { Err(Fault::of(Error::Null, name)) } else { self.nullable(at, name) }
    }

    /// The same where NULL means that nobody wants to know.
    #[inline]
    pub(super) fn nullable<T>(&self, at: *mut T, name: &'static str) -> Outcome<Out<'_, T>> {
        if at.is_aligned() { Ok(Out(at, PhantomData)) } else { Err(Fault::value(name, MISALIGNED)) }
    }

    /// A descriptor that stays the caller's.
    #[cfg(unix)]
    pub(super) fn descriptor(&self, fd: RawFd, name: &'static str) -> Outcome<BorrowedFd<'_>> {
        if fd < 0 {
            return Err(Fault::value(name, "it is negative"));
        }
        // SAFETY: not the -1 that is none. Whether it is open, the system says; that it stays so was promised when this was made.
        Ok(unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// Closes a descriptor that the caller has handed over, and of which nothing is borrowed.
    #[cfg(unix)]
    pub(super) fn close(&self, fd: RawFd) {
        // SAFETY: open, as it was used in this call; whose it is was promised when this was made.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }

    /// The size that a struct of the caller's says it has.
    fn said<T: Grows>(&self, at: *const T, name: &'static str) -> Outcome<u32> {
        if at.is_null() {
            return Err(Fault::of(Error::Null, name));
        }
        if !at.is_aligned() {
            return Err(Fault::value(name, MISALIGNED));
        }
        // SAFETY: the size is the first field; that it is there was promised when this was made.
        let size = unsafe { at.cast::<u32>().read() };
        if (size as usize) < T::FROZEN { Err(Fault::of(Error::BadSize, name)) } else { Ok(size) }
    }

    /// A struct of the caller's, of which an older header may know less than we do: what it does not have is as preset. What a
    /// newer one knows beyond us is left alone.
    pub(super) fn sized<T: Grows>(&self, at: *const T, name: &'static str) -> Outcome<T> {
        let size = self.said(at, name)? as usize;
        // All of them are known to callers of this version: no preset is made for nothing.
        if size >= size_of::<T>() {
            // SAFETY: aligned, and as long, as was promised when this was made; any bytes are valid.
            return Ok(unsafe { at.read() });
        }
        let mut value = T::preset();
        // SAFETY: both are longer than what is copied, and they are different objects.
        unsafe { ptr::copy_nonoverlapping(at.cast::<u8>(), (&raw mut value).cast::<u8>(), size) };
        Ok(value)
    }

    /// A struct to fill as far as the caller knows it.
    pub(super) fn filled<T: Grows>(&self, at: *mut T, name: &'static str) -> Outcome<Filled<'_, T>> {
        Ok(Filled(at, self.said(at, name)?, self))
    }

    /// Writes of `value` what a place of `size` bytes holds, the `nth` of those that lie so far apart from `at` on. They need not be
    /// aligned.
    #[inline]
    pub(super) fn write_nth<T: Grows>(&self, at: *mut T, nth: usize, size: usize, value: &T) {
        let place = at.wrapping_byte_add(nth * size);
        if size == size_of::<T>() {
            // SAFETY: promised when this was made. The usual case, without a copy of unknown length.
            return unsafe { place.write_unaligned(*value) };
        }
        let size = size.min(size_of::<T>());
        // SAFETY: both are as long as what is copied, and they are different objects.
        unsafe { ptr::copy_nonoverlapping(ptr::from_ref(value).cast::<u8>(), place.cast::<u8>(), size) };
    }

    /// Copies bytes of ours to a buffer of `cap` bytes, if they fit.
    pub(super) fn give(&self, bytes: &[u8], out: *mut c_char, cap: usize) -> Outcome {
        if bytes.len() > cap {
            return Err(Fault::of(Error::TooSmall, "out"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if out.is_null() {
            return Err(Fault::of(Error::Null, "out"));
        }
        // SAFETY: promised when this was made.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len()) };
        Ok(())
    }
}

/// A struct of the caller's that a call fills as far as its header knows it. Asked for before the call does anything.
#[derive(Clone, Copy)]
pub(super) struct Filled<'a, T>(*mut T, u32, &'a Given);

impl<T: Grows> Filled<'_, T> {
    /// What the caller says its size is, which stays as it is.
    pub(super) fn size(self) -> u32 {
        self.1
    }

    pub(super) fn fill(self, value: T) {
        self.2.write_nth(self.0, 0, self.1 as usize, &value);
    }
}

/// A place for a result. Asked for before the call does anything, so that a call fails whole.
pub(super) struct Out<'a, T>(*mut T, PhantomData<&'a Given>);

impl<T> Out<'_, T> {
    pub(super) fn set(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: promised when the call began.
            unsafe { self.0.write(value) };
        }
    }
}

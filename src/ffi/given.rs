//! What a call was given, in one place: whether its pointers are good is promised once, where the call begins. It must not be
//! shown a pointer that did not come with the call.

use super::broker::{Host, roomcast_broker};
use super::convert::{self, Filled, Out, Pieces, with_message, with_target};
use super::frozen::Grows;
use super::guard::{Fault, Outcome, unguarded};
use super::remote::roomcast_remote;
use super::router::{Routing, roomcast_router};
use super::types::{roomcast_message, roomcast_slice, roomcast_status, roomcast_target};
use crate::base::errors::Error;
use crate::hub::message::{Message, Target};
use crate::net::Remote;
use std::ffi::c_char;

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
            let remote = unsafe { remote.as_ref() }.ok_or(Fault::Known(Error::Null, "remote"))?;
            body(remote.inner())
        })
    }

    #[inline]
    pub(super) fn list<T>(&self, at: *const T, len: usize, name: &'static str) -> Outcome<&[T]> {
        // SAFETY: promised when this was made.
        unsafe { convert::list(at, len, name) }
    }

    #[inline]
    pub(super) fn text(&self, at: *const c_char, len: usize, name: &'static str) -> Outcome<&str> {
        // SAFETY: promised when this was made.
        unsafe { convert::text(at, len, name) }
    }

    /// Text of which a struct of the caller's says where it is.
    pub(super) fn piece(&self, piece: roomcast_slice, name: &'static str) -> Outcome<&str> {
        // SAFETY: promised when this was made.
        unsafe { piece.text(name) }
    }

    /// A JSON array, where nothing at all is an empty one.
    #[inline]
    pub(super) fn args(&self, at: *const c_char, len: usize, name: &'static str) -> Outcome<&str> {
        // SAFETY: promised when this was made.
        unsafe { convert::args(at, len, name) }
    }

    pub(super) fn texts(
        &self,
        at: *const roomcast_slice,
        len: usize,
        name: &'static str,
    ) -> Outcome<Pieces<&str>> {
        // SAFETY: promised when this was made.
        unsafe { convert::texts(at, len, name) }
    }

    pub(super) fn byte_strings(
        &self,
        at: *const roomcast_slice,
        len: usize,
        name: &'static str,
    ) -> Outcome<Pieces<&[u8]>> {
        // SAFETY: promised when this was made.
        unsafe { convert::byte_strings(at, len, name) }
    }

    /// Hands a target to `f`.
    #[inline]
    pub(super) fn target<R>(
        &self,
        at: *const roomcast_target,
        f: impl FnOnce(Target<'_>) -> Outcome<R>,
    ) -> Outcome<R> {
        // SAFETY: promised when this was made.
        unsafe { with_target(at, f) }
    }

    /// Hands a message to `f`.
    #[inline]
    pub(super) fn message<R>(
        &self,
        at: *const roomcast_message,
        f: impl FnOnce(Message<'_>) -> Outcome<R>,
    ) -> Outcome<R> {
        // SAFETY: promised when this was made.
        unsafe { with_message(at, f) }
    }

    /// A place for a result.
    #[inline]
    pub(super) fn out<T>(&self, at: *mut T, name: &'static str) -> Outcome<Out<T>> {
        // SAFETY: promised when this was made.
        unsafe { Out::new(at, name) }
    }

    /// The same where NULL means that nobody wants to know.
    #[inline]
    pub(super) fn nullable<T>(&self, at: *mut T, name: &'static str) -> Outcome<Out<T>> {
        // SAFETY: promised when this was made.
        unsafe { Out::nullable(at, name) }
    }

    /// A struct of the caller's.
    pub(super) fn sized<T: Grows>(&self, at: *const T, name: &'static str) -> Outcome<T> {
        // SAFETY: promised when this was made.
        unsafe { convert::sized(at, name) }
    }

    /// A struct to fill as far as the caller knows it.
    pub(super) fn filled<T: Grows>(&self, at: *mut T, name: &'static str) -> Outcome<Filled<T>> {
        // SAFETY: promised when this was made.
        unsafe { Filled::new(at, name) }
    }

    /// Copies bytes of ours to a buffer of `cap` bytes, if they fit.
    pub(super) fn give(&self, bytes: &[u8], out: *mut c_char, cap: usize) -> Outcome {
        if bytes.len() > cap {
            return Err(Fault::Known(Error::TooSmall, "out"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if out.is_null() {
            return Err(Fault::Known(Error::Null, "out"));
        }
        // SAFETY: promised when this was made.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len()) };
        Ok(())
    }
}

//! The boundary: one call at a time, no panic across it, and a text for what went wrong. It must not know what a call does.

use super::types::{ROOMCAST_ERROR_SYSTEM, ROOMCAST_OK, roomcast_status};
use crate::base::errors::Error;
use crate::base::panics::panic_text;
use crate::host::log::Level;
use crate::net::ListenError;
use std::cell::{RefCell, UnsafeCell};
use std::fmt::{self, Write};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// An error of the table, and what it is about.
    Known(Error, Place),
    /// What the operating system said.
    System(io::Error),
    /// A panic, and its text.
    Bug(String),
}

/// Which part of what a call was given is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the record in a batch.
    record: Option<usize>,
    /// The argument, or the field of one; empty where the error's text names it.
    argument: &'static str,
    /// The place in that, if it is a list.
    nth: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(record) = self.record {
            write!(f, "record {record}: ")?;
        }
        match (self.argument, self.nth) {
            ("", _) => Ok(()),
            (argument, Some(nth)) => write!(f, "{argument}[{nth}]: "),
            (argument, None) => write!(f, "{argument}: "),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::of(error, "")
    }
}

impl From<io::Error> for Fault {
    /// Errors of our own table travel in an `io::Error` where a call may also fail for the system's reasons.
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(&known) => known.into(),
            None => Fault::System(error),
        }
    }
}

/// What the operating system said, without what we have said to it.
fn system(error: &io::Error) -> &io::Error {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<ListenError>());
    ours.map_or(error, ListenError::system)
}

/// Whether it says already where.
fn is_named(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<ListenError>())
}

/// Whether a number is one by which Winsock's resolver says that it could make nothing of a name: elsewhere it has none.
fn is_resolvers(number: i32) -> bool {
    cfg!(windows) && (11_001..=11_004).contains(&number)
}

pub(super) type Outcome<T = ()> = Result<T, Fault>;

/// Says where in the arguments an outcome belongs.
pub(super) trait Named {
    /// A fault of it is in this argument, unless it is known to be in another.
    fn named(self, argument: &'static str) -> Self;
}

impl<T> Named for Outcome<T> {
    fn named(self, argument: &'static str) -> Self {
        self.map_err(|fault| fault.named(argument))
    }
}

impl Fault {
    /// An error about an argument.
    pub(super) const fn of(error: Error, argument: &'static str) -> Self {
        Fault::Known(error, Place { record: None, argument, nth: None })
    }

    /// An argument with a value that it does not take, and what it takes.
    pub(super) const fn value(argument: &'static str, takes: &'static str) -> Self {
        Fault::of(Error::BadValue(takes), argument)
    }

    /// With what else is known of where it is.
    fn at(mut self, add: impl FnOnce(&mut Place)) -> Self {
        if let Fault::Known(_, place) = &mut self {
            add(place);
        }
        self
    }

    /// In a list, which has its name already or is given it later.
    pub(super) fn nth(self, nth: usize) -> Self {
        self.at(|place| place.nth = Some(nth))
    }

    /// In an argument, unless it is known to be in another.
    fn named(self, argument: &'static str) -> Self {
        self.at(|place| {
            if place.argument.is_empty() {
                place.argument = argument;
            }
        })
    }

    /// In a record of a batch.
    pub(super) fn in_record(self, record: usize) -> Self {
        self.at(|place| place.record = Some(record))
    }

    /// With the name of which the resolver could make nothing: it does not say which.
    pub(super) fn about(self, name: &str) -> Self {
        match self {
            Fault::System(error) if error.raw_os_error().is_none_or(is_resolvers) && !is_named(&error) => {
                Fault::System(io::Error::other(format!("{name}: {error}")))
            }
            fault => fault,
        }
    }

    pub(super) fn code(&self) -> roomcast_status {
        match self {
            Fault::Known(error, _) => error.code(),
            Fault::Bug(_) => Error::Panic.code(),
            // Rust makes some errors itself, which have no errno.
            Fault::System(error) => match system(error).raw_os_error() {
                Some(number) => ROOMCAST_ERROR_SYSTEM.saturating_sub(number),
                None if error.kind() == io::ErrorKind::Unsupported => Error::Unsupported.code(),
                None => Error::BadAddress.code(),
            },
        }
    }

    /// Keeps the text for `roomcast_last_error` and returns the number.
    pub(super) fn report(&self, call: &'static str) -> roomcast_status {
        LAST.with_borrow_mut(|last| {
            last.len = 0;
            // A text that does not fit is cut.
            let _ = match self {
                Fault::Known(error, place) => write!(last, "{call}: {place}{error}"),
                Fault::System(error) => write!(last, "{call}: {error}"),
                Fault::Bug(text) => write!(last, "{call}: {}: {text}", Error::Panic),
            };
        });
        self.code()
    }
}

/// The text of this thread's last error. It has no destructor, so that a thread may end, and a library be unloaded,
/// without us.
struct LastError {
    text: [u8; 256],
    len: usize,
}

thread_local! {
    static LAST: RefCell<LastError> = const { RefCell::new(LastError { text: [0; 256], len: 0 }) };
}

impl Write for LastError {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // In C a NUL would be the end of it.
        let mut parts = text.split('\0');
        self.add(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| {
            self.add("\\0")?;
            self.add(part)
        })
    }
}

impl LastError {
    fn add(&mut self, text: &str) -> fmt::Result {
        let room = self.text.len() - self.len;
        let fits = text.len().min(room);
        let fits = (0..=fits).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        self.text[self.len..self.len + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Hands out the text of this thread's last error.
pub(super) fn with_last_error<R>(f: impl FnOnce(&[u8]) -> R) -> R {
    LAST.with_borrow(|last| f(&last.text[..last.len]))
}

const FREE: u8 = 0;
const BUSY: u8 = 1;
const POISONED: u8 = 2;

/// A value that one call at a time may use.
pub(super) struct Exclusive<T> {
    state: AtomicU8,
    value: UnsafeCell<T>,
}

/// What stands behind an opaque pointer.
pub(super) trait Object {
    /// What the C side calls it, for a text about NULL.
    const NAME: &'static str;

    /// Tells the host's log of a panic, if there is one.
    fn log(&mut self, _level: Level, _text: fmt::Arguments<'_>) {}

    /// Whether the value may be used, by this process.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The text of a panic on a thread of its own, if there was one.
    fn bug(&self) -> Option<&str> {
        None
    }
}

impl<T: Object> Exclusive<T> {
    pub(super) fn new(value: T) -> Self {
        Self { state: AtomicU8::new(FREE), value: UnsafeCell::new(value) }
    }

    /// Runs a call, alone.
    #[inline]
    pub(super) fn enter(
        object: Option<&Self>,
        call: &'static str,
        body: impl FnOnce(&mut T) -> Outcome,
    ) -> roomcast_status {
        let Some(object) = object else {
            return Fault::of(Error::Null, T::NAME).report(call);
        };
        if let Err(state) = object.lock() {
            return Fault::from(if state == BUSY { Error::Busy } else { Error::Poisoned }).report(call);
        }
        // SAFETY: the state was FREE and is BUSY now, so nobody else has the value until it is stored again.
        let value = unsafe { &mut *object.value.get() };
        let text = match catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            super::tests::panic_if_asked();
            value.check()?;
            body(value)
        })) {
            // One of its own threads has panicked.
            Ok(Err(Fault::Known(Error::Panic, _))) => None,
            Ok(outcome) => {
                object.state.store(FREE, Ordering::Release);
                return match outcome {
                    Ok(()) => ROOMCAST_OK,
                    Err(fault) => fault.report(call),
                };
            }
            Err(panic) => Some(panic_text(panic)),
        };
        // SAFETY: as above; the body is over. Nothing is read that it may have left half done.
        let value = unsafe { &mut *object.value.get() };
        let text = text.or_else(|| value.bug().map(str::to_owned)).unwrap_or_default();
        value.log(Level::Error, format_args!("{call}: panic: {text}"));
        object.state.store(POISONED, Ordering::Release);
        Fault::Bug(text).report(call)
    }

    fn lock(&self) -> Result<(), u8> {
        self.state.compare_exchange(FREE, BUSY, Ordering::Acquire, Ordering::Relaxed).map(drop)
    }

    /// Frees what a pointer stands for, unless a call is running in it: then nothing is freed.
    ///
    /// # Safety
    /// `object` is NULL, or comes from `Box::into_raw`, and this is its last use.
    pub(super) unsafe fn free<O>(object: *mut O, of: impl FnOnce(&O) -> &Self, call: &'static str) {
        // SAFETY: what the caller promises.
        let Some(shared) = (unsafe { object.as_ref() }) else { return };
        if of(shared).lock() == Err(BUSY) {
            // A leak is the lesser harm.
            Fault::from(Error::Busy).report(call);
            return;
        }
        unguarded(call, || {
            // SAFETY: it came from a box, and nobody else is in.
            drop(unsafe { Box::from_raw(object) });
            Ok(())
        });
    }
}

/// Runs a call that belongs to no object, or to one that any thread may use: no panic leaves it.
pub(super) fn unguarded(call: &'static str, body: impl FnOnce() -> Outcome) -> roomcast_status {
    match catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        super::tests::panic_if_asked();
        body()
    })) {
        Ok(Ok(())) => ROOMCAST_OK,
        Ok(Err(fault)) => fault.report(call),
        Err(panic) => Fault::Bug(panic_text(panic)).report(call),
    }
}

//! Calls a loop back from any thread. It must not carry data: that is the inbox's part.

use mio::{Registry, Token};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends a loop's wait from any thread. Cheap to clone; any number of calls before the next turn is one system
/// call and one wake.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    descriptor: mio::Waker,
    pending: AtomicBool,
}

impl Waker {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let descriptor = mio::Waker::new(registry, token)?;
        Ok(Self(Arc::new(Inner { descriptor, pending: AtomicBool::new(false) })))
    }

    /// Makes the loop take a turn. What the caller did before is visible to that turn. Does nothing if
    /// the loop is gone. Safe in signal handlers on epoll and kqueue, also if it interrupts itself: atomics, and one write.
    pub fn wake(&self) {
        self.try_wake();
    }

    /// The same. False if the system refuses, as it does when somebody has closed the descriptor behind it.
    pub(super) fn try_wake(&self) -> bool {
        // The swap orders the caller's work before the flag, for the turn that takes it back.
        if !self.0.pending.swap(true, Ordering::AcqRel) && self.0.descriptor.wake().is_err() {
            self.0.pending.store(false, Ordering::Release);
            return false;
        }
        true
    }

    /// Whether it was called since the last [`take`](Self::take).
    pub(super) fn is_called(&self) -> bool {
        self.0.pending.load(Ordering::Acquire)
    }

    /// Takes the wake back, so that the next call is heard again.
    pub(super) fn take(&self) -> bool {
        self.0.pending.swap(false, Ordering::AcqRel)
    }
}

//! What loops hand to their host: batches of events, and what wakes it. It must not block either side.

use crate::host::events::Events;
use crate::net::Waker;
use mio::{Poll, Token};
use parking_lot::Mutex;
use std::cell::Cell;
use std::io;
use std::time::Duration;

/// One loop's batch for the host. While the host has not taken it, the next one stays in the core, whose bounds stop the
/// reading.
#[derive(Debug, Default)]
pub(super) struct Mailbox(Mutex<Slot>);

#[derive(Debug, Default)]
struct Slot {
    batch: Events,
    /// The loop has another one.
    more: bool,
}

impl Mailbox {
    /// Lets the loop fill the slot if the host has emptied it. True if the host is to be woken.
    pub(super) fn fill(&self, fill: impl FnOnce(&mut Events)) -> bool {
        let mut slot = self.0.lock();
        if !slot.batch.is_empty() {
            slot.more = true;
            return false;
        }
        fill(&mut slot.batch);
        !slot.batch.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().batch.is_empty()
    }

    /// Puts the batch behind `events`. True if the loop has another one.
    pub(super) fn take(&self, events: &mut Events) -> bool {
        let mut slot = self.0.lock();
        if events.is_empty() {
            std::mem::swap(&mut slot.batch, events);
        } else {
            events.append(&slot.batch);
        }
        slot.batch.clear();
        std::mem::take(&mut slot.more)
    }
}

/// What the host waits at, and a descriptor for its own loop.
pub(super) struct HostWaker {
    poll: Poll,
    events: mio::Events,
    waker: Waker,
    /// The descriptor was handed out: another loop looks at it.
    foreign: Cell<bool>,
}

impl HostWaker {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), Token(0))?;
        Ok(Self { poll, events: mio::Events::with_capacity(4), waker, foreign: Cell::new(false) })
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Waits for a ring, at most this long. A signal ends the wait early.
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        self.waker.take();
        Ok(())
    }

    /// Makes the descriptor readable, if anybody looks at it.
    #[cfg(feature = "capi")]
    pub(super) fn arm(&self) {
        if self.foreign.get() {
            self.waker.wake();
        }
    }

    #[cfg(poll_descriptor)]
    pub(super) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        if !self.foreign.replace(true) {
            self.waker.wake();
        }
        std::os::fd::AsFd::as_fd(self.poll.registry())
    }
}

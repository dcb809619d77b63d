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
    /// The batches below this number have been put here, by the loop's own count; the host has taken those below the next one,
    /// and has handled those below the last.
    filled: u64,
    taken: u64,
    handled: u64,
    /// The loop waits for the host to handle more.
    asked: bool,
}

impl Mailbox {
    /// Lets the loop fill the slot, and number the batch behind, if the host has emptied it. True if the host is to be woken.
    pub(super) fn fill(&self, fill: impl FnOnce(&mut Events) -> u64) -> bool {
        let mut slot = self.0.lock();
        if !slot.batch.has_nothing() {
            slot.more = true;
            return false;
        }
        slot.filled = fill(&mut slot.batch);
        !slot.batch.has_nothing()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().batch.has_nothing()
    }

    /// Puts the batch behind `events`. True if the loop has another one.
    pub(super) fn take(&self, events: &mut Events) -> bool {
        let mut slot = self.0.lock();
        if events.has_nothing() {
            std::mem::swap(&mut slot.batch, events);
        } else {
            events.append(&mut slot.batch);
        }
        slot.batch.clear();
        slot.taken = slot.filled;
        std::mem::take(&mut slot.more)
    }

    /// The host has handled what it took. True if the loop is to be woken.
    pub(super) fn handled(&self) -> bool {
        let mut slot = self.0.lock();
        slot.handled = slot.taken;
        std::mem::take(&mut slot.asked)
    }

    /// The batches below this number are handled, if it is above the one that is `known`. If not, the loop is woken when it is;
    /// the flag is true if the host is to be woken, as it may wait elsewhere without having said that it is done.
    pub(super) fn ask(&self, known: u64) -> Result<u64, bool> {
        let mut slot = self.0.lock();
        if slot.handled > known {
            return Ok(slot.handled);
        }
        Err(!std::mem::replace(&mut slot.asked, true))
    }

    /// The loop waits for the host to handle what it took.
    pub(super) fn is_awaited(&self) -> bool {
        let slot = self.0.lock();
        slot.asked && slot.taken > slot.handled
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

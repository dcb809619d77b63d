//! One loop with the core it drives and the inbox of other threads: a broker has one of its own, or each of its threads has
//! one. It must not know which.

use super::others::Others;
use super::queues::{Command, Inbox};
#[cfg(unix)]
use super::stream::Stream;
use super::threads::ids::Ids;
use super::{Loop, Waker};
use crate::base::errors::Result;
use crate::broker::Core;
use crate::broker::operations::answers::Answer;
use crate::broker::operations::{Handles, Operation};
#[cfg(unix)]
use crate::engine::service::Parcel;
use crate::engine::service::Service;
use std::io;
use std::time::{Duration, Instant};

pub(super) struct Shard {
    pub(super) core: Core,
    pub(super) io: Loop,
    pub(super) inbox: Inbox,
    pub(super) ids: Ids,
    /// With other loops in a cluster, the way to them.
    pub(super) others: Option<Others>,
    /// Its thread is to end.
    pub(super) stopped: bool,
}

impl Shard {
    /// One turn of the loop, with what other threads asked for in it.
    pub(super) fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.io.turn(&mut self.core, timeout)?;
        self.give_away();
        let arrived = self.take_in();
        if self.run_commands() || arrived {
            self.io.release(&mut self.core);
        }
        self.give_away();
        self.inbox.set_links(self.io.links());
        Ok(())
    }

    /// Gives the other loops what is theirs.
    fn give_away(&mut self) {
        for (number, handover) in self.io.departed() {
            self.inbox.hand_over(number, handover);
        }
        if self.others.as_mut().is_some_and(|others| others.tell(&mut self.core)) {
            self.inbox.waker().wake();
        }
    }

    /// Takes in what the other loops have given to this one. Whether there was anything.
    fn take_in(&mut self) -> bool {
        let mut arrived = false;
        while let Some(handover) = self.inbox.arrival() {
            self.io.arrive(&mut self.core, handover);
            arrived = true;
        }
        arrived
    }

    /// Carries out what is queued now; what comes meanwhile waits for the next time. Returns whether there was anything.
    pub(super) fn run_commands(&mut self) -> bool {
        let queued = self.inbox.len();
        for _ in 0..queued {
            let Some(command) = self.inbox.next() else { break };
            // A caller that has gone on cannot be told what became of it; the counter and the log tell.
            let call = command.call();
            if let Err(error) = self.run(command) {
                self.core.count_remote_failure();
                self.inbox.failed(call, error);
            }
            self.flush_if_due();
        }
        if self.inbox.len() > 0 {
            self.inbox.waker().wake();
        }
        queued > 0
    }

    /// Takes in a connection that somebody else has accepted, if there is room for it.
    #[cfg(unix)]
    pub(super) fn adopt(&mut self, stream: Stream, parcel: Parcel) -> io::Result<()> {
        self.core.check_room()?;
        self.io.adopt(&mut self.core, stream, parcel)
    }

    /// Ends the tick early when its output has grown too large.
    pub(super) fn flush_if_due(&mut self) {
        if self.core.wants_flush() {
            self.io.flush(&mut self.core);
        }
    }

    fn run(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Order(order, number) => {
                self.core.set_ticket(number);
                order.run(self)
            }
            Command::Task(task) => {
                self.core.set_ticket(0);
                task(self);
                Ok(())
            }
            Command::Stop => {
                self.stopped = true;
                Ok(())
            }
        }
    }

    /// Carries out the part of an operation that is on this loop, if there is any. An emit is counted by the first loop that
    /// it concerns.
    pub(super) fn carry_out<O: Operation>(&mut self, operation: &O) -> Result<Option<O::Answer>> {
        let counts = operation.loops().is_led_by(self.ids.number());
        let before = *self.core.emits();
        let answer = operation.carry_out(&mut self.core, &mut self.ids);
        if !counts {
            *self.core.emits() = before;
        } else if O::Answer::OF_AN_EMIT && matches!(answer, Ok(None)) {
            *self.core.emits() += 1;
        }
        answer
    }

    pub(super) fn waker(&self) -> Waker {
        self.io.waker()
    }

    /// Takes connections again after [`wind_down`](Self::wind_down), and none from before.
    pub(super) fn reopen(&mut self) {
        self.take_in();
        self.core.reopen();
    }

    /// Ends all connections in good order and stops listening, for at most `grace`.
    pub(super) fn wind_down(&mut self, grace: Duration) -> io::Result<()> {
        // What is under way ends where it goes, and not after the others have ended.
        self.give_away();
        // A grace that no clock holds has no end.
        let end = Instant::now().checked_add(grace);
        self.io.close_listeners();
        self.core.shut_down();
        self.io.flush(&mut self.core);
        while self.core.link_count() > 0 || self.core.bus().is_some_and(|bus| bus.owes()) {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            self.io.turn(&mut self.core, Some(left.min(Duration::from_millis(100))))?;
            // Whoever gave something has woken this loop, and the turn above was told of it: nobody says so again.
            self.take_in();
        }
        self.core.abandon_links();
        self.io.close_all();
        Ok(())
    }
}

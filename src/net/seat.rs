//! One loop with the core it drives and the inbox of other threads: a broker has one of its own, or each of its threads has
//! one. It must not know which.

use super::fleet::ids::{Drain, Ids};
use super::links::Traveller;
use super::remote::{Command, Envelope, Inbox};
use super::{Loop, Waker};
use crate::base::errors::Result;
use crate::base::ids::SocketId;
use crate::broker::Core;
use crate::broker::message::Target;
use crate::route::Whom;
use std::io;
use std::time::{Duration, Instant};

pub(super) struct Seat {
    pub(super) core: Core,
    pub(super) io: Loop,
    pub(super) inbox: Inbox,
    pub(super) ids: Ids,
    /// Its thread is to end.
    pub(super) stopped: bool,
}

impl Seat {
    /// One turn of the loop, with what other threads asked for in it.
    pub(super) fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.io.turn(&mut self.core, timeout)?;
        let mut asked = false;
        while let Some(traveller) = self.inbox.arrival() {
            self.io.arrive(&mut self.core, traveller);
            asked = true;
        }
        if self.run_commands() || asked {
            self.io.flush(&mut self.core);
        }
        Ok(())
    }

    /// Carries out what is queued now; what comes meanwhile waits for the next time. Returns whether there was anything.
    fn run_commands(&mut self) -> bool {
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

    /// Ends the tick early when its output has grown too large.
    pub(super) fn flush_if_due(&mut self) {
        if self.core.wants_flush() {
            self.io.flush(&mut self.core);
        }
    }

    fn run(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Emit(envelope) => self.emit(&envelope),
            Command::ChangeRooms { socket, leave, join } => {
                self.core.change_rooms(socket.local(), &borrowed(&leave), &borrowed(&join)).map(drop)
            }
            Command::Disconnect { socket, close } => self.core.disconnect(socket.local(), close),
            Command::Drain { per_second, reason, drain } => self.drain(per_second, &reason, drain),
            Command::StopDraining => {
                self.core.stop_draining();
                Ok(())
            }
            Command::Task(_, task) => task(self),
            Command::Stop => {
                self.stopped = true;
                Ok(())
            }
        }
    }

    /// Begins to send this loop's share of the clients away.
    fn drain(&mut self, per_second: u32, reason: &str, drain: Drain) -> Result<()> {
        self.core.drain(self.ids.share(per_second), reason)?;
        self.ids.drain_begun(&self.core, drain);
        Ok(())
    }

    fn emit(&mut self, envelope: &Envelope) -> Result<()> {
        let message = &envelope.message;
        let attachments: Vec<&[u8]> = message.attachments.iter().map(Vec::as_slice).collect();
        let message = message.borrow(&attachments);
        match self.with_target(envelope, |core, target| core.emit(target, message).map(drop)) {
            // What is wrong with it is wrong on every loop, and counted once.
            Some(outcome) if envelope.target.loops().is_led_by(self.ids.number()) => outcome,
            _ => Ok(()),
        }
    }

    /// Hands out the part of a target that is on this loop, if there is any. An emit is counted by the first loop that it
    /// concerns.
    pub(super) fn with_target<R>(
        &mut self,
        envelope: &Envelope,
        f: impl FnOnce(&mut Core, Target<'_>) -> Result<R>,
    ) -> Option<Result<R>> {
        let target = &envelope.target;
        let counts = target.loops().is_led_by(self.ids.number());
        let namespace = match self.ids.namespace_in(&self.core, target.namespace) {
            Ok(Some(namespace)) => namespace,
            Ok(None) => {
                *self.core.emits() += u64::from(counts);
                return None;
            }
            Err(error) => return Some(Err(error)),
        };
        let here = |sockets: &[SocketId]| -> Vec<SocketId> {
            sockets.iter().filter_map(|&socket| self.ids.socket_in(socket)).collect()
        };
        let (rooms, sockets);
        let whom = match &target.whom {
            Whom::Everyone => Target::all(namespace),
            Whom::Some { rooms: named, members } => {
                sockets = here(members);
                if named.is_empty() && sockets.is_empty() && !members.is_empty() {
                    return None;
                }
                rooms = borrowed(named);
                Target::union(namespace, &rooms, &sockets)
            }
        };
        let (except, except_rooms) = (here(&target.except), borrowed(&target.except_rooms));
        let target = whom.except_rooms(&except_rooms).except(&except);
        let before = *self.core.emits();
        let outcome = f(&mut self.core, target);
        if !counts {
            *self.core.emits() = before;
        }
        Some(outcome)
    }

    /// The links that are to go on on another loop.
    pub(super) fn departures(&mut self) -> impl Iterator<Item = (usize, Traveller)> + '_ {
        self.io.departed()
    }

    pub(super) fn waker(&self) -> Waker {
        self.io.waker()
    }

    /// Ends all connections in good order and stops listening, for at most `grace`.
    pub(super) fn wind_down(&mut self, grace: Duration) -> io::Result<()> {
        // A grace that no clock holds has no end.
        let end = Instant::now().checked_add(grace);
        self.io.close_listeners();
        self.core.shut_down();
        self.io.flush(&mut self.core);
        while self.core.link_count() > 0 {
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            self.io.turn(&mut self.core, Some(left.min(Duration::from_millis(100))))?;
        }
        self.core.abandon_links();
        self.io.close_all();
        Ok(())
    }
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

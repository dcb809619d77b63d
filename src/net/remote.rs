//! The doors for other threads: operations as plain data, in a bounded queue for each loop. It must not touch a broker.

use super::Waker;
use super::failures::{Failure, Failures};
use super::links::Traveller;
use super::process::Process;
use super::seat::Seat;
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, SocketId};
use crate::broker::config::Config;
use crate::broker::operations::arguments::lent;
use crate::broker::operations::{self, Handles, Loops, Operation, Rules, operations};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// An operation that nobody waits for, whichever it is.
pub(super) trait Order: Send + Sync {
    /// The call that it comes from.
    fn call(&self) -> &'static str;

    /// Carries it out on one loop.
    ///
    /// # Errors
    /// Those of the call, from the first loop that it goes to: what is wrong with it is wrong on every loop, and counted once.
    fn run(&self, seat: &mut Seat) -> Result<()>;
}

impl<O: Operation> Order for O {
    fn call(&self) -> &'static str {
        O::CALL
    }

    fn run(&self, seat: &mut Seat) -> Result<()> {
        let outcome = seat.carry_out(self);
        if self.loops().is_led_by(seat.ids.number()) { outcome.map(drop) } else { Ok(()) }
    }
}

/// Something to be done on a loop's thread.
pub(super) type Task = Box<dyn FnOnce(&mut Seat) + Send>;

/// What a thread that is not the loop's can ask of it.
pub(super) enum Command {
    /// One for all loops.
    Order(Arc<dyn Order>),
    /// Whatever the owner of the loops has to ask or to say.
    Task(Task),
    /// The loop's thread is to end.
    Stop,
}

impl Command {
    /// The call that it comes from.
    pub(super) fn call(&self) -> &'static str {
        match self {
            Self::Order(order) => order.call(),
            Self::Task(_) => "a question",
            Self::Stop => "stop",
        }
    }
}

/// The queues of all loops of one broker.
#[derive(Debug)]
pub(super) struct Doors {
    list: Box<[Door]>,
    /// Where the loops are.
    process: Process,
    /// Held while a command is put into several queues: it gets into all of them or into none.
    several: Mutex<()>,
    /// By which operations are checked before they are queued.
    rules: Rules,
    failures: Arc<Failures>,
}

#[derive(Debug)]
struct Door {
    commands: Sender<Command>,
    /// Nobody takes commands out any more. A queue that was full then stays full, and would say so for ever.
    closed: Arc<AtomicBool>,
    travellers: Sender<Traveller>,
    waker: Waker,
}

impl Door {
    fn push(&self, command: Command) -> std::result::Result<(), (Error, Command)> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(command) => (Error::Full, command),
            TrySendError::Disconnected(command) => (Error::Closed, command),
        })?;
        self.waker.wake();
        Ok(())
    }
}

impl Doors {
    /// A queue for each waker's loop, and the other ends of them.
    pub(super) fn new(config: &Config, wakers: impl Iterator<Item = Waker>) -> (Arc<Self>, Vec<Inbox>) {
        let (mut list, mut inboxes) = (Vec::new(), Vec::new());
        let failures = Arc::<Failures>::default();
        for waker in wakers {
            let (sender, commands) = bounded(config.limits.remote_queue);
            let (departures, travellers) = unbounded();
            let closed = Arc::<AtomicBool>::default();
            let door = Door {
                commands: sender,
                closed: closed.clone(),
                travellers: departures,
                waker: waker.clone(),
            };
            list.push(door);
            inboxes.push(Inbox { commands, closed, travellers, waker, failures: failures.clone() });
        }
        let (list, several, rules) = (list.into(), Mutex::new(()), Rules::new(config));
        (Arc::new(Self { list, process: Process::current(), several, rules, failures }), inboxes)
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What could not be done since the last time.
    pub(super) fn failures(&self) -> Vec<Failure> {
        self.failures.take()
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// # Errors
    /// [`Error::Forked`] in a child of the process in which the loops are. Nothing else is to be touched there: a lock may be
    /// held for ever.
    #[inline]
    pub(super) fn check_process(&self) -> Result<()> {
        if self.process.is_here() { Ok(()) } else { Err(Error::Forked) }
    }

    /// Whether some loop has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.list.iter().any(|door| door.closed.load(Ordering::Acquire))
    }

    /// Turns everybody away from now on, but for what is put into one queue: a busy caller could keep that full.
    pub(super) fn close(&self) {
        self.list.iter().for_each(|door| door.closed.store(true, Ordering::Release));
    }

    /// Puts an order into the queues of its loops, or into none.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Closed`], [`Error::Gone`] if there is no such loop, [`Error::Forked`].
    pub(super) fn send(&self, loops: Loops, order: &Arc<dyn Order>) -> Result<()> {
        self.check_process()?;
        let _guard = (self.list.len() > 1).then(|| self.several.lock());
        let doors =
            || self.list.iter().enumerate().filter(|(number, _)| loops.has(*number)).map(|(_, door)| door);
        if doors().any(|door| door.closed.load(Ordering::Acquire)) {
            return Err(Error::Closed);
        }
        if doors().any(|door| door.commands.is_full()) {
            return Err(Error::Full);
        }
        let mut sent = Err(Error::Gone);
        for door in doors() {
            sent = Ok(door.push(Command::Order(order.clone())).map_err(|(error, _)| error)?);
        }
        sent
    }

    /// Puts a command into one queue, or gives it back.
    pub(super) fn send_one(
        &self,
        number: usize,
        command: Command,
    ) -> std::result::Result<(), (Error, Command)> {
        if let Err(error) = self.check_process() {
            return Err((error, command));
        }
        let _guard = (self.list.len() > 1).then(|| self.several.lock());
        match self.list.get(number) {
            Some(door) => door.push(command),
            None => Err((Error::Gone, command)),
        }
    }

    /// Gives a link to another loop.
    pub(super) fn hand_over(&self, number: usize, traveller: Traveller) {
        // A loop that has ended takes its links with it.
        let Some(door) = self.list.get(number) else { return };
        if door.travellers.send(traveller).is_ok() {
            door.waker.wake();
        }
    }

    /// False if the loop cannot be woken any more.
    pub(super) fn wake(&self, number: usize) -> bool {
        self.list.get(number).is_some_and(|door| door.waker.try_wake())
    }
}

/// A loop's end of its queue.
#[derive(Debug)]
pub(super) struct Inbox {
    commands: Receiver<Command>,
    closed: Arc<AtomicBool>,
    travellers: Receiver<Traveller>,
    waker: Waker,
    failures: Arc<Failures>,
}

impl Inbox {
    /// A command of this call could not be carried out.
    pub(super) fn failed(&self, call: &'static str, error: Error) {
        self.failures.note(call, error);
    }

    pub(super) fn len(&self) -> usize {
        self.commands.len()
    }

    pub(super) fn next(&self) -> Option<Command> {
        self.commands.try_recv().ok()
    }

    pub(super) fn arrival(&self) -> Option<Traveller> {
        self.travellers.try_recv().ok()
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// What other threads hold to reach a broker: clone it freely, send it anywhere.
///
/// A call returns as soon as it is queued; the broker carries it out in its next poll, which it is woken for, or its loops
/// do in their next turn. The order of one caller is kept.
///
/// What is wrong with a call whatever the state of the broker is its error: see each. What shows only when it is carried out
/// (the socket or the namespace is gone, a limit was reached) cannot be returned any more: it is counted in
/// [`Counters::remote_failures`](crate::Counters::remote_failures), and logged as a warning. An emit to rooms in which nobody
/// is, or to sockets that are gone, is no failure.
#[derive(Clone, Debug)]
pub struct Remote {
    doors: Arc<Doors>,
    /// Wakes the thread that polls the broker.
    waker: Waker,
    /// Whether the broker is there.
    broker: Weak<()>,
}

impl Remote {
    pub(super) fn new(doors: Arc<Doors>, waker: Waker, broker: Weak<()>) -> Self {
        Self { doors, waker, broker }
    }

    fn order<O: Operation>(&self, operation: Result<O>) -> Result<()> {
        let operation = operation?;
        let loops = operation.loops();
        let order: Arc<dyn Order> = Arc::new(operation);
        self.doors.send(loops, &order)
    }

    /// Ends the broker's wait, or the next one if it does not wait: the host's own signal to itself.
    ///
    /// Safe in signal handlers where the system has epoll or kqueue: it takes no lock, allocates nothing and makes one system
    /// call at most.
    ///
    /// # Errors
    /// [`Error::Closed`] if the broker is gone, [`Error::Forked`] in a child of its process.
    pub fn wake(&self) -> Result<()> {
        self.doors.check_process()?;
        if self.broker.strong_count() == 0 {
            return Err(Error::Closed);
        }
        self.waker.wake();
        Ok(())
    }
}

/// One row of the table as a call, if every thread may say it.
macro_rules! call {
    (order $Type:ident $call:ident($($given:ident: $kind:ident),*)) => {
        #[doc = concat!("As [`Broker::", stringify!($call), "`](crate::Broker::", stringify!($call), "), from any thread.")]
        ///
        /// # Errors
        /// What is wrong with the arguments whatever the broker's state; [`Error::Full`] if the broker was not polled for a while,
        /// [`Error::Closed`] if it is gone, [`Error::Gone`] if a handle was made up, [`Error::Forked`] in a child of its process.
        pub fn $call(&self $(, $given: lent!($kind))*) -> Result<()> {
            self.order(operations::$Type::new($($given,)* self.doors.rules()))
        }
    };
    ($mode:ident $($row:tt)*) => {};
}

macro_rules! calls {
    ($($section:literal $($(#[$doc:meta])* $Type:ident: $mode:ident $call:ident($($given:ident: $kind:ident),*)
        -> $shape:ident$(($answer:ty))?, to($whom:ident)$(, checked by $check:ident($($checked:ident),*))?;)*)*) => {
        /// # What every thread may order
        impl Remote {$($(
            call! { $mode $Type $call($($given: $kind),*) }
        )*)*}
    };
}

operations!(calls);

//! What other threads have for the loops: operations as plain data, in a bounded queue for each. It must not touch a broker.

use super::Waker;
use super::failures::{Failure, Failures};
use super::links::Handover;
use super::process::Process;
use super::shard::Shard;
use crate::base::errors::{Error, Result};
use crate::base::limits::Limits;
use crate::broker::operations::{Handles, Loops, Operation, Rules};
use crate::host::config::Config;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// An operation that nobody waits for, whichever it is.
pub(super) trait Order: Send + Sync {
    /// The call that it comes from.
    fn call(&self) -> &'static str;

    /// Carries it out on one loop.
    ///
    /// # Errors
    /// Those of the call, from the first loop that it goes to: what is wrong with it is wrong on every loop, and counted once.
    fn run(&self, shard: &mut Shard) -> Result<()>;
}

impl<O: Operation> Order for O {
    fn call(&self) -> &'static str {
        O::CALL
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        let outcome = shard.carry_out(self);
        if self.loops().is_led_by(shard.ids.number()) { outcome.map(drop) } else { Ok(()) }
    }
}

/// Something to be done on a loop's thread.
pub(super) type Task = Box<dyn FnOnce(&mut Shard) + Send>;

/// What a thread that is not the loop's can ask of it.
pub(super) enum Command {
    /// One for all loops, with a number that no other order has.
    Order(Arc<dyn Order>, u64),
    /// Whatever the owner of the loops has to ask or to say.
    Task(Task),
    /// The loop's thread is to end.
    Stop,
}

impl Command {
    /// The call that it comes from.
    pub(super) fn call(&self) -> &'static str {
        match self {
            Self::Order(order, _) => order.call(),
            Self::Task(_) => "a question",
            Self::Stop => "stop",
        }
    }
}

/// The queues of all loops of one broker.
#[derive(Debug)]
pub(super) struct Queues {
    list: Box<[Queue]>,
    /// Where the loops are.
    process: Process,
    /// Held while a command is put into several queues: it gets into all of them or into none.
    several: Mutex<()>,
    /// How many orders there were.
    orders: AtomicU64,
    /// By which operations are checked before they are queued.
    rules: Rules,
    limits: Limits,
    failures: Arc<Failures>,
}

#[derive(Debug)]
struct Queue {
    commands: Sender<Command>,
    /// Nobody takes commands out any more. A queue that was full then stays full, and would say so for ever.
    closed: Arc<AtomicBool>,
    /// How many links the loop has, as far as is known.
    links: Arc<AtomicUsize>,
    waker: Waker,
}

impl Queue {
    fn push(&self, command: Command) -> std::result::Result<(), (Error, Command)> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(command) => (Error::Full, command),
            TrySendError::Disconnected(command) => (Error::Closed, command),
        })?;
        self.waker.wake();
        Ok(())
    }
}

impl Queues {
    /// A queue for each waker's loop, and the other ends of them.
    pub(super) fn new(config: &Config, wakers: impl Iterator<Item = Waker>) -> (Arc<Self>, Vec<Inbox>) {
        let (mut list, mut inboxes) = (Vec::new(), Vec::new());
        let failures = Arc::<Failures>::default();
        let (doors, ends): (Vec<_>, Vec<_>) = wakers
            .map(|waker| {
                let (handovers, end) = unbounded();
                (Door { handovers, waker }, end)
            })
            .unzip();
        let doors: Arc<[Door]> = doors.into();
        for (door, handovers) in doors.iter().zip(ends) {
            let (sender, commands) = bounded(config.limits.remote_queue);
            let (closed, links) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
            let waker = door.waker.clone();
            let (known, of) = (closed.clone(), links.clone());
            list.push(Queue { commands: sender, closed: known, links: of, waker: waker.clone() });
            let (doors, failures) = (doors.clone(), failures.clone());
            inboxes.push(Inbox { commands, closed, links, doors, handovers, waker, failures });
        }
        let (list, several, rules) = (list.into(), Mutex::new(()), Rules::new(config));
        let limits = config.limits.clone();
        let orders = AtomicU64::new(0);
        (
            Arc::new(Self { list, process: Process::current(), several, orders, rules, limits, failures }),
            inboxes,
        )
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What may be read of a connection before it comes here.
    #[cfg_attr(not(any(unix, feature = "capi")), expect(dead_code, reason = "only descriptors are adopted"))]
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
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
        self.list.iter().any(|queue| queue.closed.load(Ordering::Acquire))
    }

    /// Turns everybody away from now on, but for what is put into one queue: a busy caller could keep that full.
    pub(super) fn close(&self) {
        self.list.iter().for_each(|queue| queue.closed.store(true, Ordering::Release));
    }

    /// Puts an order into the queues of its loops, or into none.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Closed`], [`Error::Gone`] if there is no such loop, [`Error::Forked`].
    pub(super) fn send(&self, loops: Loops, order: &Arc<dyn Order>) -> Result<()> {
        self.check_process()?;
        let _guard = (self.list.len() > 1).then(|| self.several.lock());
        let queues =
            || self.list.iter().enumerate().filter(|(number, _)| loops.has(*number)).map(|(_, queue)| queue);
        if queues().any(|queue| queue.closed.load(Ordering::Acquire)) {
            return Err(Error::Closed);
        }
        if queues().any(|queue| queue.commands.is_full()) {
            return Err(Error::Full);
        }
        let mut sent = Err(Error::Gone);
        let number = self.orders.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        for queue in queues() {
            sent = Ok(queue.push(Command::Order(order.clone(), number)).map_err(|(error, _)| error)?);
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
            Some(queue) => queue.push(command),
            None => Err((Error::Gone, command)),
        }
    }

    /// The loop that has the fewest links, to which one more is about to go. What others accept meanwhile is not known yet.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only adopted descriptors are dealt so"))]
    pub(super) fn with_fewest_links(&self) -> usize {
        let links = self.list.iter().map(|queue| &queue.links).enumerate();
        let Some((number, links)) = links.min_by_key(|(_, links)| links.load(Ordering::Relaxed)) else {
            return 0;
        };
        links.fetch_add(1, Ordering::Relaxed);
        number
    }

    /// False if the loop cannot be woken any more.
    pub(super) fn wake(&self, number: usize) -> bool {
        self.list.get(number).is_some_and(|queue| queue.waker.try_wake())
    }
}

/// Where a loop takes in what others give it.
#[derive(Debug)]
struct Door {
    handovers: Sender<Handover>,
    waker: Waker,
}

/// A loop's end of its queue.
#[derive(Debug)]
pub(super) struct Inbox {
    commands: Receiver<Command>,
    closed: Arc<AtomicBool>,
    links: Arc<AtomicUsize>,
    /// Those of all loops.
    doors: Arc<[Door]>,
    handovers: Receiver<Handover>,
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

    pub(super) fn arrival(&self) -> Option<Handover> {
        self.handovers.try_recv().ok()
    }

    /// Says how many links the loop has.
    pub(super) fn set_links(&self, links: usize) {
        self.links.store(links, Ordering::Relaxed);
    }

    /// Gives something to another loop.
    pub(super) fn hand_over(&self, number: usize, handover: Handover) {
        // A loop that has ended takes its links with it.
        let Some(door) = self.doors.get(number) else { return };
        if door.handovers.send(handover).is_ok() {
            door.waker.wake();
        }
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

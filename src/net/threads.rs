//! Many loops behind one handle, each on a thread of its own: an emit is one command to each, their events are one queue. It must
//! not touch what a loop owns but by asking it.

mod acks;
pub(super) mod ids;
mod mailbox;
mod names;
#[cfg(test)]
mod tests;

use super::acceptor::Acceptor;
use super::bind::{self, KERNEL_SPREADS, ListenOptions};
use super::failures::Failure;
use super::others::Others;
use super::queues::{Command, Order, Queues};
use super::remote::Remote;
use super::shard::Shard;
use super::shared::{Figures, Log, SharedCounts};
#[cfg(unix)]
use super::stream::Stream;
use super::{Loop, LoopOptions, Waker, process};
use crate::base::errors::{Error, Result};
use crate::base::ids::{AckId, NamespaceId};
use crate::base::panics::panic_text;
use crate::base::sid::IdSpace;
use crate::broker::operations::answers::{Answer, Asked};
use crate::broker::operations::{Handles, Loops, Operation, Rules};
use crate::broker::{Core, Shared};
#[cfg(unix)]
use crate::engine::service::Parcel;
use crate::host::config::Config;
use crate::host::events::Events;
use crate::hub::message::Receipt;
use crate::hub::namespaces::normal;
use acks::Acks;
use crossbeam_channel::{Receiver, bounded};
use ids::Ids;
use mailbox::{HostWaker, Mailbox};
use names::Names;
use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long the host sleeps between two tries when a loop's queue is full.
const RETRY: Duration = Duration::from_micros(100);

/// The text of the panic in which the first loop ended that did so.
type Bug = OnceLock<String>;

pub(super) struct Threads {
    queues: Arc<Queues>,
    mailboxes: Box<[Arc<Mailbox>]>,
    host_waker: HostWaker,
    names: Arc<Names>,
    acks: Acks,
    joins: Vec<JoinHandle<()>>,
    bug: Arc<Bug>,
    /// Events of loops that were wound down.
    last: Events,
    pub(super) config: Config,
}

impl Threads {
    pub(super) fn new(mut config: Config, epoch: u64, log: &Log) -> io::Result<Self> {
        config.check()?;
        let (count, clustered) = (config.loops, config.cluster.is_some());
        let mut options = LoopOptions::from(&config.limits);
        // Each has its share of the room for events.
        options.event_budget /= count;
        let ios = (0..count).map(|_| Loop::new(&options)).collect::<io::Result<Vec<_>>>()?;
        let (queues, inboxes) = Queues::new(&config, ios.iter().map(Loop::waker));
        let names = Arc::new(Names::default());
        let quotas = SharedCounts::default();
        let mut shards = Vec::new();
        let monitored = count > 1 && (config.health_path.is_some() || config.metrics_path.is_some());
        let mut figures = monitored.then(|| Figures::of(count)).into_iter().flatten();
        for (number, ((mut io, inbox), space)) in
            ios.into_iter().zip(inboxes).zip(IdSpace::shares(count)).enumerate()
        {
            let shared = Shared { space, quotas: Box::new(quotas.clone()), log: Box::new(log.clone()) };
            let mut core = Core::sharing(config.share(), epoch, shared)?;
            if let Some(figures) = figures.next() {
                core.report_to(Box::new(figures));
            }
            let ids = Ids::among(number, count, names.clone(), &core);
            io.deal_among(number, count);
            let others = (clustered && count > 1).then(|| Others::new(number, queues.clone()));
            shards.push(Shard { core, io, inbox, ids, others, stopped: false });
        }
        let mut made = Self {
            queues,
            mailboxes: (0..count).map(|_| Arc::default()).collect(),
            host_waker: HostWaker::new()?,
            names,
            acks: Acks::default(),
            joins: Vec::new(),
            bug: Arc::default(),
            last: Events::new(),
            config,
        };
        for (shard, mailbox) in shards.into_iter().zip(&made.mailboxes) {
            let (mailbox, host) = (mailbox.clone(), made.host_waker.waker().clone());
            let bug = made.bug.clone();
            let name = format!("roomcast {}", shard.ids.number());
            let run = move || run(shard, &mailbox, &host, &bug);
            // What has been started ends when this is dropped.
            made.joins.push(thread::Builder::new().name(name).spawn(run)?);
        }
        Ok(made)
    }

    pub(super) fn remote(&self, broker: Weak<()>) -> Remote {
        Remote::new(self.queues.clone(), self.host_waker.waker().clone(), broker)
    }

    /// Listens with every loop, and the kernel spreads the clients over them; or with one that deals them.
    pub(super) fn listen(
        &mut self,
        address: SocketAddr,
        options: &ListenOptions,
        made: &impl Fn(Acceptor) -> Acceptor,
    ) -> io::Result<SocketAddr> {
        let count = self.queues.count();
        if count == 1 || options.one_acceptor || !KERNEL_SPREADS {
            let (acceptor, bound) = bind::tcp(address, options)?;
            self.listen_on(made(acceptor))?;
            return Ok(bound);
        }
        if !options.reuse_port {
            bind::check_free(address)?;
        }
        let shared = ListenOptions { reuse_port: true, ..options.clone() };
        let (first, bound) = bind::tcp(address, &shared)?;
        let others = (1..count).map(|_| Ok(bind::tcp(bound, &shared)?.0));
        let all = std::iter::once(Ok(first)).chain(others).map(|acceptor| acceptor.map(made));
        self.give_out(all.collect::<io::Result<_>>()?)?;
        Ok(bound)
    }

    /// Listens on a socket with one loop, which deals what it accepts.
    pub(super) fn listen_on(&mut self, acceptor: Acceptor) -> io::Result<()> {
        self.give_out(vec![acceptor])
    }

    /// Gives a connection that somebody else has accepted to the loop that has the fewest, and waits until it has it.
    #[cfg(unix)]
    pub(super) fn adopt(&self, stream: Stream, parcel: Parcel) -> io::Result<()> {
        let it = Mutex::new(Some((stream, parcel)));
        let taken = self.ask_each(Loops::one(self.queues.with_fewest_links()), move |shard| {
            it.lock().take().map_or(Ok(()), |(stream, parcel)| shard.adopt(stream, parcel))
        })?;
        taken.into_iter().collect()
    }

    #[cfg(unix)]
    pub(super) fn set_hand_back(&self, on: bool) -> Result<()> {
        self.ask_each(Loops::ALL, move |shard| shard.core.set_hand_back(on)).map(drop)
    }

    pub(super) fn reopen(&self) -> Result<()> {
        self.ask_each(Loops::ALL, Shard::reopen).map(drop)
    }

    /// Gives each loop a socket to accept from; or all of them one, which is the first loop's.
    fn give_out(&self, acceptors: Vec<Acceptor>) -> io::Result<()> {
        let dealt = acceptors.len() < self.queues.count();
        let acceptors = Mutex::new(acceptors.into_iter().map(Some).collect::<Vec<_>>());
        // Each takes links in again before another may deal it any.
        self.reopen()?;
        let begun = self.ask_each(Loops::ALL, move |shard| {
            let own = acceptors.lock().get_mut(shard.ids.number()).and_then(Option::take);
            own.map_or(Ok(()), |acceptor| shard.io.accept_from(acceptor, dealt))
        })?;
        begun.into_iter().collect()
    }

    pub(super) fn stop_listening(&self) -> Result<()> {
        self.ask_each(Loops::ALL, |shard| shard.io.close_listeners()).map(drop)
    }

    /// # Errors
    /// As [`Queues::check_process`].
    pub(super) fn check_process(&self) -> Result<()> {
        self.queues.check_process()
    }

    /// Waits until there are events, at most for `timeout`.
    pub(super) fn turn(&mut self, timeout: Option<Duration>, busy: bool) -> io::Result<()> {
        if !busy {
            self.has_handled();
        }
        let timeout = if self.has_events() { Some(Duration::ZERO) } else { timeout };
        self.host_waker.wait(timeout)?;
        if self.queues.is_closed() {
            return Err(self.ended().into());
        }
        Ok(())
    }

    /// The text of the panic in which a loop has ended, if one has.
    #[cfg(feature = "capi")]
    pub(super) fn bug(&self) -> Option<&str> {
        self.bug.get().map(String::as_str)
    }

    #[cfg(all(test, feature = "capi"))]
    pub(super) fn break_loop(&self, text: &'static str) {
        let _ = self.send_one(0, Command::Task(Box::new(move |_| std::panic::panic_any(text))));
    }

    pub(super) fn failures(&self) -> Vec<Failure> {
        self.queues.failures()
    }

    /// Why a loop has ended, or is about to: its end of the queue closes last.
    fn ended(&self) -> Error {
        while !self.queues.is_closed() {
            thread::sleep(RETRY);
        }
        if self.bug.get().is_some() { Error::Panic } else { Error::Closed }
    }

    fn has_events(&self) -> bool {
        !self.last.has_nothing() || self.mailboxes.iter().any(|mailbox| !mailbox.is_empty())
    }

    pub(super) fn take_events(&mut self, events: &mut Events) {
        events.clear();
        self.collect(events);
        events.append(&mut self.last);
        self.last.clear();
        self.acks.rewrite(events);
        if self.is_awaited() {
            self.host_waker.arm();
        }
    }

    /// The host comes back, done with what it took: loops that wait for that are woken.
    fn has_handled(&self) {
        for (number, mailbox) in self.mailboxes.iter().enumerate() {
            if mailbox.handled() {
                self.queues.wake(number);
            }
        }
    }

    /// A loop waits for the host to come back, done with what it took.
    fn is_awaited(&self) -> bool {
        self.mailboxes.iter().any(|mailbox| mailbox.is_awaited())
    }

    fn collect(&self, events: &mut Events) {
        for (number, mailbox) in self.mailboxes.iter().enumerate() {
            if mailbox.take(events) {
                self.queues.wake(number);
            }
        }
    }

    #[cfg(feature = "capi")]
    pub(super) fn arm(&self) {
        self.host_waker.arm();
    }

    pub(super) fn next_timeout(&self, busy: bool) -> Option<Duration> {
        if !busy {
            self.has_handled();
        }
        self.has_events().then_some(Duration::ZERO)
    }

    #[cfg(poll_descriptor)]
    pub(super) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.host_waker.as_fd()
    }

    /// Winds all loops down; they can listen again afterwards.
    pub(super) fn wind_down(&mut self, grace: Duration) -> io::Result<()> {
        let ended = self.ask_each(Loops::ALL, move |shard| {
            let outcome = shard.wind_down(grace);
            let mut events = Events::new();
            shard.core.take_events(&mut events);
            shard.ids.outward(&mut events);
            (outcome, events)
        })?;
        let mut last = std::mem::take(&mut self.last);
        self.collect(&mut last);
        for (outcome, mut events) in ended {
            last.append(&mut events);
            outcome?;
        }
        self.last = last;
        Ok(())
    }

    // ---- operations ----

    pub(super) fn rules(&self) -> &Rules {
        self.queues.rules()
    }

    /// Has an operation carried out by the loops it goes to, when there is room in the queues of all of them. What shows only
    /// there is counted, and logged.
    pub(super) fn order<O: Operation>(&self, operation: Result<O>) -> Result<()> {
        let operation = self.known(operation)?;
        let loops = operation.loops();
        let order: Arc<dyn Order> = Arc::new(operation);
        loop {
            match self.queues.send(loops, &order) {
                Err(Error::Full) => thread::sleep(RETRY),
                Err(Error::Closed) => return Err(self.ended()),
                sent => return sent,
            }
        }
    }

    /// Has an operation carried out by the loops it goes to, and waits for what comes of it.
    pub(super) fn ask<O: Operation>(&self, operation: Result<O>) -> Result<O::Answer> {
        let operation = Arc::new(self.known(operation)?);
        let loops = operation.loops();
        let answers = self.ask_each(loops, move |shard| shard.carry_out(&*operation))?;
        if answers.is_empty() {
            return Err(Error::Gone);
        }
        O::Answer::gather(answers.into_iter().filter_map(Result::transpose).collect())
    }

    /// The handle of all acknowledgements that loops wait for after one emit.
    pub(super) fn asked(&mut self, asked: Asked) -> (Receipt, Option<AckId>) {
        (asked.receipt, self.acks.join(asked.parts))
    }

    fn known<O: Operation>(&self, operation: Result<O>) -> Result<O> {
        let operation = operation?;
        let known = operation.namespace().is_none_or(|namespace| self.names.has(namespace));
        if known { Ok(operation) } else { Err(Error::Gone) }
    }

    pub(super) fn find_namespace(&self, name: &str) -> Option<NamespaceId> {
        self.names.find(&normal(name).ok()?)
    }

    pub(super) fn namespace_name(&self, namespace: NamespaceId) -> Result<String> {
        self.names.name(namespace).map(String::from).ok_or(Error::Gone)
    }

    pub(super) fn namespaces(&self) -> Vec<(NamespaceId, String)> {
        self.names.list().into_iter().map(|(id, name)| (id, name.into())).collect()
    }

    // ---- what the owner of the loops has done on them ----

    fn send_one(&self, number: usize, mut command: Command) -> Result<()> {
        loop {
            match self.queues.send_one(number, command) {
                Ok(()) => return Ok(()),
                Err((Error::Full, back)) => command = back,
                Err((Error::Closed, _)) => return Err(self.ended()),
                Err((error, _)) => return Err(error),
            }
            thread::sleep(RETRY);
        }
    }

    /// Waits for what comes of something on these loops, in their order.
    pub(super) fn ask_each<R: Send + 'static>(
        &self,
        loops: Loops,
        act: impl Fn(&mut Shard) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        let act = Arc::new(act);
        let question = |number| {
            let ((reply, answer), act) = (bounded(1), act.clone());
            let task = move |shard: &mut Shard| {
                // Nobody waits any more: that is all right.
                let _ = reply.send(act(shard));
            };
            self.send_one(number, Command::Task(Box::new(task)))?;
            Ok(answer)
        };
        let numbers = (0..self.queues.count()).filter(|&number| loops.has(number));
        let answers = numbers.map(question).collect::<Result<Vec<Receiver<R>>>>()?;
        answers.into_iter().map(|answer| answer.recv().map_err(|_| self.ended())).collect()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if self.check_process().is_err() {
            // The threads are not here, and what they share stays as they left it: a lock may be held for ever.
            std::mem::forget((self.queues.clone(), self.names.clone(), self.bug.clone()));
            std::mem::forget((self.mailboxes.clone(), std::mem::take(&mut self.joins)));
            return;
        }
        self.queues.close();
        for number in 0..self.queues.count() {
            // One that has ended already needs no telling.
            let _ = self.send_one(number, Command::Stop);
        }
        for (number, thread) in std::mem::take(&mut self.joins).into_iter().enumerate() {
            // One that waits at a descriptor which was closed behind us waits for ever, and is left to it.
            if thread.is_finished() || self.queues.wake(number) {
                // A panic in what it drops last was reported when it happened.
                let _ = thread.join();
            }
        }
    }
}

/// A loop's thread.
fn run(shard: Shard, mailbox: &Mailbox, host: &Waker, bug: &Bug) {
    process::block_signals();
    let _last = LastWord(host);
    // Dropped before the last word, and with it its end of the queue, by which the host sees that it has ended.
    let mut shard = shard;
    let turns = AssertUnwindSafe(|| turns(&mut shard, mailbox, host));
    if let Err(panic) = catch_unwind(turns) {
        // Another loop's may be there already.
        let _ = bug.set(panic_text(panic));
    }
}

fn turns(shard: &mut Shard, mailbox: &Mailbox, host: &Waker) {
    // The kernel refuses to wait only if the descriptor is gone, which ends the loop.
    while !shard.stopped && shard.turn(None).is_ok() {
        let asks = release(shard, mailbox);
        let Shard { core, ids, .. } = &mut *shard;
        let filled = core.has_events()
            && mailbox.fill(|events| {
                core.take_events(events);
                ids.outward(events);
                core.batch()
            });
        if filled || asks {
            host.wake();
        }
    }
}

/// Lets links go that waited for the host, as far as it has handled what it took. True if it is to be woken for the others.
fn release(shard: &mut Shard, mailbox: &Mailbox) -> bool {
    while shard.io.holds() {
        match mailbox.ask(shard.core.handled()) {
            Ok(handled) => {
                // What the host has said to it is in the queue.
                shard.run_commands();
                shard.core.set_handled(handled);
                shard.io.release(&mut shard.core);
            }
            Err(asks) => return asks,
        }
    }
    false
}

/// Whether a loop ends well or in a panic, the host is to look.
struct LastWord<'a>(&'a Waker);

impl Drop for LastWord<'_> {
    fn drop(&mut self) {
        self.0.wake();
    }
}

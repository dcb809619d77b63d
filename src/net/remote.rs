//! The doors for other threads: commands as plain data, in a bounded queue for each loop. It must not touch a broker.

use super::Waker;
use super::failures::Failure;
use super::failures::Failures;
use super::fleet::ids::Drain;
use super::links::Traveller;
use super::process::Process;
use super::seat::Seat;
use crate::base::errors::{Error, Result};
use crate::base::ids::{NamespaceId, SocketId};
use crate::base::limits::Limits;
use crate::broker::delivery::check_message;
use crate::broker::gate::check_drain;
use crate::broker::message::{Delivery, Message, Target};
use crate::broker::rooms::check_room;
use crate::route::Whom;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// A [`Target`] that owns what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedTarget {
    /// The namespace.
    pub namespace: NamespaceId,
    /// Before anybody is excepted.
    pub whom: Whom<Vec<String>, Vec<SocketId>>,
    /// But no member of these rooms.
    pub except_rooms: Vec<String>,
    /// And none of these.
    pub except: Vec<SocketId>,
}

impl OwnedTarget {
    /// Every socket of a namespace.
    pub fn all(namespace: NamespaceId) -> Self {
        Self { namespace, whom: Whom::Everyone, except_rooms: Vec::new(), except: Vec::new() }
    }

    /// The members of one room.
    pub fn room(namespace: NamespaceId, room: &str) -> Self {
        Self { whom: Whom::Some { rooms: vec![room.into()], members: Vec::new() }, ..Self::all(namespace) }
    }

    /// One socket.
    pub fn socket(namespace: NamespaceId, socket: SocketId) -> Self {
        Self { whom: Whom::Some { rooms: Vec::new(), members: vec![socket] }, ..Self::all(namespace) }
    }

    /// The loops on which it may find somebody.
    pub(super) fn loops(&self) -> Loops {
        match &self.whom {
            Whom::Some { rooms, members } if rooms.is_empty() && !members.is_empty() => {
                members.iter().fold(Loops(0), |loops, socket| Loops(loops.0 | Loops::of(*socket).0))
            }
            _ => Loops::ALL,
        }
    }
}

impl From<Target<'_>> for OwnedTarget {
    fn from(target: Target<'_>) -> Self {
        Self {
            namespace: target.namespace,
            whom: match target.whom {
                Whom::Everyone => Whom::Everyone,
                Whom::Some { rooms, members } => {
                    Whom::Some { rooms: owned(rooms), members: members.to_vec() }
                }
            },
            except_rooms: owned(target.except_rooms),
            except: target.except.to_vec(),
        }
    }
}

pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[derive(Debug)]
pub(super) struct OwnedMessage {
    name: String,
    args: String,
    pub(super) attachments: Vec<Vec<u8>>,
    delivery: Delivery,
}

impl From<Message<'_>> for OwnedMessage {
    fn from(message: Message<'_>) -> Self {
        Self {
            name: message.name.into(),
            args: message.args.into(),
            attachments: message.attachments.iter().map(|bytes| bytes.to_vec()).collect(),
            delivery: message.delivery,
        }
    }
}

impl OwnedMessage {
    pub(super) fn borrow<'a>(&'a self, attachments: &'a [&'a [u8]]) -> Message<'a> {
        Message::new(&self.name, &self.args).attach(attachments).delivery(self.delivery)
    }
}

/// An emit: what, and to whom. One for all loops.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) target: OwnedTarget,
    pub(super) message: OwnedMessage,
}

/// Something to be done on a loop's thread.
pub(super) type Task = Box<dyn FnOnce(&mut Seat) -> Result<()> + Send>;

/// What a thread that is not the loop's can ask of it.
pub(super) enum Command {
    Emit(Arc<Envelope>),
    ChangeRooms {
        socket: SocketId,
        leave: Vec<String>,
        join: Vec<String>,
    },
    Disconnect {
        socket: SocketId,
        close: bool,
    },
    Drain {
        per_second: u32,
        reason: String,
        /// One for all loops.
        drain: Drain,
    },
    StopDraining,
    /// Whatever else the owner of the loops has to ask or to say: the name of the call, and what it does.
    Task(&'static str, Task),
    /// The loop's thread is to end.
    Stop,
}

impl Command {
    /// The call that it comes from.
    pub(super) fn call(&self) -> &'static str {
        match self {
            Self::Emit(_) => "emit",
            Self::ChangeRooms { .. } => "change_rooms",
            Self::Disconnect { .. } => "disconnect",
            Self::Drain { .. } => "drain",
            Self::StopDraining => "stop_draining",
            Self::Task(call, _) => call,
            Self::Stop => "stop",
        }
    }

    /// An emit, for the loops that its target may be on.
    ///
    /// # Errors
    /// What would be wrong with it on each of them.
    pub(super) fn emit(
        target: OwnedTarget,
        message: Message<'_>,
        limits: &Limits,
    ) -> Result<(Loops, impl FnMut() -> Self + use<>)> {
        check_message(&message, limits)?;
        let loops = target.loops();
        let envelope = Arc::new(Envelope { target, message: message.into() });
        Ok((loops, move || Self::Emit(envelope.clone())))
    }

    /// A change of rooms, for the socket's loop.
    ///
    /// # Errors
    /// What would be wrong with it whatever rooms the socket is in.
    pub(super) fn change_rooms(
        socket: SocketId,
        leave: &[&str],
        join: &[&str],
        limits: &Limits,
    ) -> Result<(Loops, impl FnMut() -> Self)> {
        join.iter().try_for_each(|room| check_room(room, limits))?;
        Ok((Loops::of(socket), move || Self::ChangeRooms { socket, leave: owned(leave), join: owned(join) }))
    }

    /// A drain, for all loops.
    ///
    /// # Errors
    /// What would be wrong with it on each of them.
    pub(super) fn drain(per_second: u32, reason: &str) -> Result<impl FnMut() -> Self> {
        check_drain(per_second, reason)?;
        let drain = Drain::default();
        Ok(move || Self::Drain { per_second, reason: reason.into(), drain: drain.clone() })
    }
}

/// A set of loops, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loops(u64);

impl Loops {
    pub(super) const ALL: Self = Self(u64::MAX);

    pub(super) fn one(number: usize) -> Self {
        Self(1 << number)
    }

    /// The loop of a socket.
    pub(super) fn of(socket: SocketId) -> Self {
        Self::one(socket.loop_number())
    }

    /// Whether this is the first of them, which counts for all of them.
    pub(super) fn is_led_by(self, number: usize) -> bool {
        self.0.trailing_zeros() as usize == number
    }

    fn has(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
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
    /// By which commands are checked before they are queued.
    limits: Limits,
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
    pub(super) fn new(limits: &Limits, wakers: impl Iterator<Item = Waker>) -> (Arc<Self>, Vec<Inbox>) {
        let (mut list, mut inboxes) = (Vec::new(), Vec::new());
        let failures = Arc::<Failures>::default();
        for waker in wakers {
            let (sender, commands) = bounded(limits.remote_queue);
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
        let (list, several, limits) = (list.into(), Mutex::new(()), limits.clone());
        (Arc::new(Self { list, process: Process::current(), several, limits, failures }), inboxes)
    }

    fn limits(&self) -> &Limits {
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
        self.list.iter().any(|door| door.closed.load(Ordering::Acquire))
    }

    /// Turns everybody away from now on, but for what is put into one queue: a busy caller could keep that full.
    pub(super) fn close(&self) {
        self.list.iter().for_each(|door| door.closed.store(true, Ordering::Release));
    }

    /// Puts a command into the queues of these loops, or into none.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Closed`], [`Error::Gone`] if there is no such loop, [`Error::Forked`].
    pub(super) fn send(&self, loops: Loops, mut command: impl FnMut() -> Command) -> Result<()> {
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
            sent = Ok(door.push(command()).map_err(|(error, _)| error)?);
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

    /// As [`Broker::emit`](crate::Broker::emit).
    ///
    /// # Errors
    /// [`Error::ReservedEvent`], [`Error::BadJson`], [`Error::BadAttachments`]; [`Error::Full`] if the broker was not polled
    /// for a while, [`Error::Closed`] if it is gone. Too large a message, and a namespace that is gone, show later.
    pub fn emit(&self, target: OwnedTarget, message: Message<'_>) -> Result<()> {
        let (loops, command) = Command::emit(target, message, self.doors.limits())?;
        self.doors.send(loops, command)
    }

    /// As [`Broker::join`](crate::Broker::join).
    ///
    /// # Errors
    /// [`Error::BadRoom`], and [`Error::Full`], [`Error::Closed`] as of [`Remote::emit`]. [`Error::Gone`] if the socket's handle was
    /// made up; that it has gone, or is in too many rooms, shows later.
    pub fn join(&self, socket: SocketId, room: &str) -> Result<()> {
        self.change_rooms(socket, &[], &[room])
    }

    /// As [`Broker::leave`](crate::Broker::leave).
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Closed`], [`Error::Gone`] as of [`Remote::join`].
    pub fn leave(&self, socket: SocketId, room: &str) -> Result<()> {
        self.change_rooms(socket, &[room], &[])
    }

    /// As [`Broker::change_rooms`](crate::Broker::change_rooms).
    ///
    /// # Errors
    /// As [`Remote::join`].
    pub fn change_rooms(&self, socket: SocketId, leave: &[&str], join: &[&str]) -> Result<()> {
        let (loops, command) = Command::change_rooms(socket, leave, join, self.doors.limits())?;
        self.doors.send(loops, command)
    }

    /// As [`Broker::disconnect`](crate::Broker::disconnect).
    ///
    /// # Errors
    /// As [`Remote::leave`].
    pub fn disconnect(&self, socket: SocketId, close: bool) -> Result<()> {
        self.doors.send(Loops::of(socket), || Command::Disconnect { socket, close })
    }

    /// As [`Broker::drain`](crate::Broker::drain).
    ///
    /// # Errors
    /// Those of [`Broker::drain`](crate::Broker::drain), and [`Error::Full`], [`Error::Closed`] as of [`Remote::emit`].
    pub fn drain(&self, per_second: u32, reason: &str) -> Result<()> {
        self.doors.send(Loops::ALL, Command::drain(per_second, reason)?)
    }

    /// As [`Broker::stop_draining`](crate::Broker::stop_draining).
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Closed`] as of [`Remote::emit`].
    pub fn stop_draining(&self) -> Result<()> {
        self.doors.send(Loops::ALL, || Command::StopDraining)
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

//! The one door for other threads: commands as plain data, in a bounded queue. It must not touch the broker.

use super::Waker;
use crate::base::errors::{Error, Result};
use crate::base::ids::{NamespaceId, SocketId};
use crate::broker::Core;
use crate::broker::message::{Delivery, Message, Target};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::sync::{Arc, Weak};

/// A [`Target`] that owns what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedTarget {
    /// The namespace.
    pub namespace: NamespaceId,
    /// Members of any of these rooms; with no sockets either, the whole namespace.
    pub rooms: Vec<String>,
    /// These sockets as well.
    pub sockets: Vec<SocketId>,
    /// But no member of these rooms.
    pub except_rooms: Vec<String>,
    /// And none of these.
    pub except: Vec<SocketId>,
}

impl OwnedTarget {
    /// Every socket of a namespace.
    pub fn all(namespace: NamespaceId) -> Self {
        Self {
            namespace,
            rooms: Vec::new(),
            sockets: Vec::new(),
            except_rooms: Vec::new(),
            except: Vec::new(),
        }
    }

    /// The members of one room.
    pub fn room(namespace: NamespaceId, room: &str) -> Self {
        Self { rooms: vec![room.into()], ..Self::all(namespace) }
    }

    /// One socket.
    pub fn socket(namespace: NamespaceId, socket: SocketId) -> Self {
        Self { sockets: vec![socket], ..Self::all(namespace) }
    }
}

impl From<Target<'_>> for OwnedTarget {
    fn from(target: Target<'_>) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            namespace: target.namespace,
            rooms: owned(target.rooms),
            sockets: target.sockets.to_vec(),
            except_rooms: owned(target.except_rooms),
            except: target.except.to_vec(),
        }
    }
}

#[derive(Debug)]
struct OwnedMessage {
    name: String,
    args: String,
    attachments: Vec<Vec<u8>>,
    delivery: Delivery,
}

#[derive(Debug)]
enum Command {
    Emit(OwnedTarget, OwnedMessage),
    ChangeRooms { socket: SocketId, leave: Vec<String>, join: Vec<String> },
    Disconnect { socket: SocketId, close: bool },
    Drain { per_second: u32, reason: String },
    StopDraining,
}

/// What other threads hold to reach a broker: clone it freely, send it anywhere.
///
/// A call returns as soon as it is queued; the broker carries it out in its next poll, which it is woken for. The order
/// of one caller is kept. What is wrong with a command shows only then: it is dropped and counted in
/// [`Counters::remote_failures`](crate::Counters::remote_failures).
#[derive(Clone, Debug)]
pub struct Remote {
    commands: Sender<Command>,
    waker: Waker,
    /// Whether the broker is there: its inbox holds the other end.
    broker: Weak<()>,
}

impl Remote {
    fn send(&self, command: Command) -> Result<()> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Error::Full,
            TrySendError::Disconnected(_) => Error::Closed,
        })?;
        self.waker.wake();
        Ok(())
    }

    /// As [`Core::emit`].
    ///
    /// # Errors
    /// [`Error::Full`] if the broker was not polled for a while, [`Error::Closed`] if it is gone.
    pub fn emit(&self, target: OwnedTarget, message: Message<'_>) -> Result<()> {
        let Message { name, args, attachments, delivery } = message;
        let attachments = attachments.iter().map(|bytes| bytes.to_vec()).collect();
        self.send(Command::Emit(
            target,
            OwnedMessage { name: name.into(), args: args.into(), attachments, delivery },
        ))
    }

    /// As [`Core::join`].
    ///
    /// # Errors
    /// As [`Remote::emit`].
    pub fn join(&self, socket: SocketId, room: &str) -> Result<()> {
        self.change_rooms(socket, &[], &[room])
    }

    /// As [`Core::leave`].
    ///
    /// # Errors
    /// As [`Remote::emit`].
    pub fn leave(&self, socket: SocketId, room: &str) -> Result<()> {
        self.change_rooms(socket, &[room], &[])
    }

    /// As [`Core::change_rooms`].
    ///
    /// # Errors
    /// As [`Remote::emit`].
    pub fn change_rooms(&self, socket: SocketId, leave: &[&str], join: &[&str]) -> Result<()> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.send(Command::ChangeRooms { socket, leave: owned(leave), join: owned(join) })
    }

    /// As [`Core::disconnect`].
    ///
    /// # Errors
    /// As [`Remote::emit`].
    pub fn disconnect(&self, socket: SocketId, close: bool) -> Result<()> {
        self.send(Command::Disconnect { socket, close })
    }

    /// As [`Core::drain`].
    ///
    /// # Errors
    /// As [`Remote::emit`].
    pub fn drain(&self, per_second: u32, reason: &str) -> Result<()> {
        self.send(Command::Drain { per_second, reason: reason.into() })
    }

    /// As [`Core::stop_draining`].
    ///
    /// # Errors
    /// As [`Remote::emit`].
    pub fn stop_draining(&self) -> Result<()> {
        self.send(Command::StopDraining)
    }

    /// Ends the broker's wait, as the host's own signal to itself.
    ///
    /// # Errors
    /// [`Error::Closed`] if the broker is gone.
    pub fn wake(&self) -> Result<()> {
        if self.broker.strong_count() == 0 {
            return Err(Error::Closed);
        }
        self.waker.wake();
        Ok(())
    }
}

/// The broker's end of the queue.
#[derive(Debug)]
pub(super) struct Inbox {
    commands: Receiver<Command>,
    remote: Remote,
    /// Tells the remotes that the broker is there.
    _alive: Arc<()>,
}

impl Inbox {
    pub(super) fn new(capacity: usize, waker: Waker) -> Self {
        let (sender, commands) = bounded(capacity);
        let alive = Arc::new(());
        let remote = Remote { commands: sender, waker, broker: Arc::downgrade(&alive) };
        Self { commands, remote, _alive: alive }
    }

    pub(super) fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Carries out what is queued now; what comes meanwhile waits for the next time.
    pub(super) fn run(&self, core: &mut Core, mut full: impl FnMut(&mut Core)) {
        for command in self.commands.try_iter().take(self.commands.len()) {
            // A caller on another thread cannot be told what became of it; the counter tells.
            if command.run(core).is_err() {
                core.count_remote_failure();
            }
            if core.wants_flush() {
                full(core);
            }
        }
        if !self.commands.is_empty() {
            self.remote.waker.wake();
        }
    }
}

impl Command {
    fn run(self, core: &mut Core) -> Result<()> {
        fn borrowed(names: &[String]) -> Vec<&str> {
            names.iter().map(String::as_str).collect()
        }
        match self {
            Command::Emit(target, message) => {
                let (rooms, except_rooms) = (borrowed(&target.rooms), borrowed(&target.except_rooms));
                let attachments: Vec<&[u8]> = message.attachments.iter().map(Vec::as_slice).collect();
                let target = Target::union(target.namespace, &rooms, &target.sockets)
                    .except_rooms(&except_rooms)
                    .except(&target.except);
                let message = Message {
                    name: &message.name,
                    args: &message.args,
                    attachments: &attachments,
                    delivery: message.delivery,
                };
                core.emit(target, message).map(drop)
            }
            Command::ChangeRooms { socket, leave, join } => {
                core.change_rooms(socket, &borrowed(&leave), &borrowed(&join)).map(drop)
            }
            Command::Disconnect { socket, close } => core.disconnect(socket, close),
            Command::Drain { per_second, reason } => core.drain(per_second, &reason),
            Command::StopDraining => {
                core.stop_draining();
                Ok(())
            }
        }
    }
}

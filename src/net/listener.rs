//! Listening sockets: accepting within a budget, and getting through a shortage of descriptors without spinning. It must not
//! know what becomes of a connection.

use super::acceptor::Acceptor;
use super::stream::Stream;
use crate::host::peer::Peer;
use mio::{Interest, Registry, Token};
use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

/// How long nothing is accepted after the process or the system ran out of something.
const BACKOFF: Duration = Duration::from_millis(50);
/// Connections refused in one turn for want of a descriptor; what is left waits for the next turn.
const REFUSALS: usize = 64;

#[derive(Debug)]
pub(super) struct Listeners {
    list: Vec<Listener>,
    /// The listener that is asked first, so that a busy one does not shut out the others.
    next: usize,
    /// A descriptor to give up when there is none left: with it the waiting connections can be taken and
    /// refused, where they would otherwise hang until their clients give up.
    reserve: Option<File>,
    backoff: Option<Instant>,
}

#[derive(Debug)]
struct Listener {
    acceptor: Acceptor,
    /// It accepts for all loops.
    dealt: bool,
    /// An edge announced connections that have not all been accepted.
    ready: bool,
}

/// A stream that was accepted.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    /// Each loop is to have its turn.
    pub(super) dealt: bool,
}

impl Listeners {
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), next: 0, reserve: reserve(), backoff: None }
    }

    /// Tokens of listeners count down from `last`. What it accepts is dealt to all loops, or is for this one.
    pub(super) fn add(
        &mut self,
        mut acceptor: Acceptor,
        dealt: bool,
        registry: &Registry,
        last: usize,
    ) -> io::Result<()> {
        registry.register(&mut acceptor, Token(last - self.list.len()), Interest::READABLE)?;
        self.list.push(Listener { acceptor, dealt, ready: false });
        Ok(())
    }

    /// An edge of the listener with this distance from the last token.
    pub(super) fn announce(&mut self, index: usize) {
        if let Some(listener) = self.list.get_mut(index) {
            listener.ready = true;
        }
    }

    /// Connections may be waiting, and may be accepted now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.backoff.is_none_or(|until| until <= now) && self.has_waiting()
    }

    /// When to try again after a shortage.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.backoff.filter(|_| self.has_waiting())
    }

    fn has_waiting(&self) -> bool {
        self.list.iter().any(|listener| listener.ready)
    }

    /// The next connection; `None` when no more can be had now, an error when one was lost on its way.
    pub(super) fn accept(&mut self, now: Instant) -> Option<io::Result<Accepted>> {
        if !self.is_ready(now) {
            return None;
        }
        self.backoff = None;
        for step in 0..self.list.len() {
            let index = (self.next + step) % self.list.len();
            let listener = &mut self.list[index];
            if !listener.ready {
                continue;
            }
            match listener.acceptor.accept() {
                Ok((stream, peer)) => {
                    self.next = index + 1;
                    return Some(Ok(Accepted { stream, peer, dealt: listener.dealt }));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => listener.ready = false,
                Err(error) if is_about_one_connection(&error) => return Some(Err(error)),
                Err(error) => {
                    if !is_out_of_descriptors(&error) || !self.refuse(index) {
                        self.backoff = Some(now + BACKOFF);
                    }
                    return None;
                }
            }
        }
        None
    }

    /// Takes those who wait, one after the other by the reserve, and closes them. False if it could not: another thread may
    /// be quicker to take the descriptor, and then it is to be tried later.
    fn refuse(&mut self, index: usize) -> bool {
        let listener = &mut self.list[index];
        let mut refused = self.reserve.take().is_some();
        for _ in 0..REFUSALS {
            if !refused {
                break;
            }
            match listener.acceptor.accept() {
                Ok(accepted) => drop(accepted),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    listener.ready = false;
                    break;
                }
                Err(error) => refused = is_about_one_connection(&error),
            }
        }
        self.reserve = reserve();
        refused
    }

    pub(super) fn close(&mut self, registry: &Registry) {
        for mut listener in self.list.drain(..) {
            // It fails only for what is not registered, and the descriptor is closed in any case.
            let _ = registry.deregister(&mut listener.acceptor);
        }
    }
}

fn reserve() -> Option<File> {
    File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

#[cfg(unix)]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(not(unix))]
fn is_out_of_descriptors(_: &io::Error) -> bool {
    false
}

/// Errors that concern the connection at the head of the queue, and not the listener: accept(2) passes on what the
/// network has to say about it.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let passing = matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::Interrupted
            | Kind::PermissionDenied
            | Kind::TimedOut
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::HostUnreachable
    );
    #[cfg(unix)]
    let passing = passing || matches!(error.raw_os_error(), Some(libc::EPROTO | libc::ENOPROTOOPT));
    passing
}

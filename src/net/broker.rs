//! The broker a host holds: the protocol core on an event loop, with the inbox of other threads. It must not add meaning
//! to either.

use super::remote::{Inbox, Remote};
use super::{Loop, LoopOptions};
use crate::broker::Core;
use crate::broker::config::Config;
use crate::broker::events::Events;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Connections the kernel queues before they are accepted.
const LISTEN_BACKLOG: u32 = 4096;

/// A Socket.IO server inside your program, on your thread.
///
/// One thread at a time drives it; [`Remote`] is for all others. Everything a host can say to sockets and rooms are the
/// methods of [`Core`], which it dereferences to. They take effect at once, and their bytes leave with the next
/// [`poll`](Broker::poll) or [`flush`](Broker::flush), or earlier when the tick's output passes `Limits::max_tick_bytes`.
pub struct Broker {
    core: Core,
    io: Loop,
    inbox: Inbox,
}

impl Broker {
    /// A broker that listens nowhere yet.
    ///
    /// # Errors
    /// [`Error::BadConfig`](crate::Error::BadConfig) (as `InvalidInput`) if a value of `config` cannot be worked with; what the system says when
    /// it has no descriptors left.
    pub fn new(config: Config) -> io::Result<Self> {
        let io = Loop::new(&LoopOptions::from(&config.limits))?;
        let inbox = Inbox::new(config.limits.remote_queue, io.waker());
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        let core = Core::new(config, epoch)?;
        Ok(Self { core, io, inbox })
    }

    /// Listens on an address, for example `"127.0.0.1:3000"`; port 0 takes a free one. May be called for several.
    /// Returns the address it got.
    ///
    /// # Errors
    /// What the system says, for example that the address is in use.
    pub fn listen(&mut self, address: impl ToSocketAddrs) -> io::Result<SocketAddr> {
        let mut last = io::Error::from(io::ErrorKind::InvalidInput);
        for address in address.to_socket_addrs()? {
            match self.io.listen(address, LISTEN_BACKLOG) {
                Ok(address) => {
                    self.core.reopen();
                    return Ok(address);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// One turn: sends what is due, waits for something to happen, at most for `timeout` (`None`: as long as it takes),
    /// reads, runs timers, sends again. `events` is emptied first and holds then what happened.
    ///
    /// With `Duration::ZERO` it returns at once: that is a game loop's frame.
    ///
    /// # Errors
    /// What the system says; a peer can cause none.
    pub fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        self.turn(timeout)?;
        self.core.take_events(events);
        Ok(())
    }

    /// The same, with the events left where they are, for [`Core::take_events`].
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.io.turn(&mut self.core, timeout)?;
        let Self { core, io, inbox } = self;
        inbox.run(core, |core| io.flush(core));
        io.flush(core);
        Ok(())
    }

    /// Fills a batch. It changes nothing that would have to be sent, so the descriptor stays silent, unlike by way of
    /// [`DerefMut`].
    #[cfg(feature = "capi")]
    pub(crate) fn fetch_events(&mut self, events: &mut Events) {
        self.core.take_events(events);
    }

    /// Makes the descriptor readable, for events that the host has not drained.
    #[cfg(feature = "capi")]
    pub(crate) fn arm(&self) {
        self.io.arm();
    }

    /// Sends what was emitted since the last poll or flush, now.
    pub fn flush(&mut self) {
        self.io.flush(&mut self.core);
    }

    /// How long a foreign loop may sleep before it calls [`poll`](Broker::poll) although the descriptor is silent: zero
    /// while work is left over, `None` for as long as it likes.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.io.next_timeout(&self.core)
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote {
        self.inbox.remote()
    }

    /// Ends all connections in good order and stops listening: sockets are disconnected with `server shutting down`,
    /// what is queued goes out, for at most `grace`. `events` holds the disconnects then. It may listen again afterwards.
    ///
    /// # Errors
    /// As [`poll`](Broker::poll).
    pub fn close(&mut self, events: &mut Events, grace: Duration) -> io::Result<()> {
        self.wind_down(grace)?;
        self.core.take_events(events);
        Ok(())
    }

    /// The same, with the events left where they are.
    pub(crate) fn wind_down(&mut self, grace: Duration) -> io::Result<()> {
        let end = Instant::now() + grace;
        self.io.close_listeners();
        self.core.shut_down();
        self.io.flush(&mut self.core);
        while self.core.stats().links > 0 {
            let left = end.saturating_duration_since(Instant::now());
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

impl Deref for Broker {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl DerefMut for Broker {
    /// Every change passes here, so here the tick ends early when its output grows too large, and a foreign loop learns
    /// that there will be something to send.
    fn deref_mut(&mut self) -> &mut Core {
        if self.core.wants_flush() {
            self.io.flush(&mut self.core);
        }
        self.io.arm();
        &mut self.core
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Broker {
    /// As [`as_raw_fd`](std::os::fd::AsRawFd::as_raw_fd).
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.io.as_fd()
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for Broker {
    /// A descriptor that is readable whenever [`poll`](Broker::poll) has something to do. Only poll it: never read it,
    /// write it or close it.
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.io.as_raw_fd()
    }
}

//! The broker a host holds: one loop on the host's thread, or several on threads of their own, behind the same calls. It must
//! not add meaning to them.

#[cfg(unix)]
mod adopting;
mod calls;
mod listening;
mod observing;
#[cfg(feature = "tls")]
mod secured;

use super::queues::Queues;
use super::remote::Remote;
use super::shard::Shard;
use super::shared::Log;
use super::threads::Threads;
use super::threads::ids::Ids;
use super::{Loop, LoopOptions};
use crate::base::errors::Error;
use crate::base::limits::Limits;
use crate::broker::{Core, Shared};
use crate::host::config::Config;
use crate::host::events::Events;
use crate::host::log::{self, Level, Log as _};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) use observing::Observer;

/// A Socket.IO server inside your program, on your thread, or on threads of its own if [`Config::loops`] asks for them.
///
/// One thread at a time drives it; [`Remote`] is for all others. What it calls for takes effect at once (with loops of its
/// own: in the order of the calls), and its bytes leave with the next [`poll`](Broker::poll) or [`flush`](Broker::flush), or
/// earlier when the tick's output passes `Limits::max_tick_bytes`.
///
/// It belongs to the process that made it. In a child of a fork `poll`, `listen`, `close` and, with loops of its own, all that
/// asks them, fail with [`Error::Forked`](crate::Error::Forked); nothing is sent, and to drop it there is allowed.
pub struct Broker {
    /// Tells the remotes that the broker is there. Dropped first: no remote says so while the loops are ending.
    alive: Arc<()>,
    driver: Driver,
    /// The lines that its loops have for the log.
    log: Log,
    sink: Option<Sink>,
    observer: Option<Box<dyn Observer>>,
    begun: Instant,
    /// What its listeners show of themselves over TLS, by their ports.
    #[cfg(feature = "tls")]
    shown: Vec<(u16, super::shown::Shown)>,
}

/// Where the log goes.
type Sink = Box<dyn FnMut(Level, &str) + Send>;

/// Who runs the loops.
enum Driver {
    /// The host, the only one.
    Host(Box<Shard>, Arc<Queues>),
    /// Threads.
    Threads(Box<Threads>),
}

impl Broker {
    /// A broker that listens nowhere yet.
    ///
    /// # Errors
    /// [`Error::BadConfig`](crate::Error::BadConfig) (as `InvalidInput`) if a value of `config` cannot be worked with; what the system says when
    /// it has no descriptors, or threads, left.
    pub fn new(config: Config) -> io::Result<Self> {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
        let begun = Instant::now();
        let log = Log::default();
        let driver = if config.loops > 0 {
            Driver::Threads(Box::new(Threads::new(config, epoch, &log)?))
        } else {
            let io = Loop::new(&LoopOptions::from(&config.limits))?;
            let (queues, inboxes) = Queues::new(&config, [io.waker()].into_iter());
            let shared = Shared { log: Box::new(log.clone()), ..Shared::default() };
            let core = Core::sharing(config, epoch, shared)?;
            let mut inboxes = inboxes.into_iter();
            let inbox = inboxes.next().ok_or(io::ErrorKind::Other)?;
            Driver::Host(
                Box::new(Shard { core, io, inbox, ids: Ids::default(), others: None, stopped: false }),
                queues,
            )
        };
        Ok(Self {
            driver,
            alive: Arc::new(()),
            log,
            sink: None,
            observer: None,
            begun,
            #[cfg(feature = "tls")]
            shown: Vec::new(),
        })
    }

    /// Has the lines of the log up to `level` given to `log`, instead of whatever had them before. Without this call there is
    /// no log, and it costs nothing.
    ///
    /// `log` is called from within [`listen`](Self::listen), [`poll`](Self::poll) and [`close`](Self::close), on their thread,
    /// also where the broker has loops of its own; a panic in it goes through them to the host. A line has no line break and no
    /// control character, whatever a client sent, and at most about 500 bytes. Those about a socket begin with its id, its
    /// namespace and its peer's address (a proxy's, behind one). Of each kind of line that clients can cause there are at most
    /// 100 a second, and one that says how many were left out; of those that wait for a host which does not poll, 1,000.
    /// The texts are for people, and change.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// broker.set_log(Level::Warn, |level, line| eprintln!("{level:?} {line}"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_log(&mut self, level: Level, log: impl FnMut(Level, &str) + Send + 'static) {
        self.log.set_level(level);
        self.sink = Some(Box::new(log));
    }

    pub(crate) fn limits(&self) -> &Limits {
        match &self.driver {
            Driver::Host(shard, _) => &shard.core.config().limits,
            Driver::Threads(threads) => &threads.config.limits,
        }
    }

    /// A line that no peer can cause at will.
    pub(crate) fn log(&mut self, level: Level, text: fmt::Arguments<'_>) {
        if let Some(sink) = self.sink.as_mut().filter(|_| self.log.wants(level)) {
            sink(level, &log::line(text));
        }
    }

    /// Gives the host the lines since the last time, and those about what could not be done for callers that had gone on.
    fn hand_over_log(&mut self) {
        let Some(sink) = &mut self.sink else { return };
        let now = self.begun.elapsed().as_millis() as u64;
        for (level, line) in self.log.take(now) {
            sink(level, &line);
        }
        let failures = match &self.driver {
            Driver::Host(_, queues) => queues.failures(),
            Driver::Threads(threads) => threads.failures(),
        };
        if self.log.wants(Level::Warn) {
            failures.iter().for_each(|it| sink(Level::Warn, &log::failure(it.call, it.error, it.times)));
        }
    }

    /// One turn: sends what is due, waits for something to happen, at most for `timeout` (`None`: as long as it takes),
    /// reads, runs timers, sends again. `events` is emptied first and holds then what happened.
    ///
    /// With `Duration::ZERO` it returns at once: that is a game loop's frame. With loops of its own the broker does the rest
    /// by itself, and this waits for events.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// use std::time::Duration;
    ///
    /// let mut events = Events::new();
    /// broker.poll(&mut events, Some(Duration::ZERO))?;
    /// for event in events.iter() {
    ///     println!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the system says; a peer can cause none. [`Error::Panic`](crate::Error::Panic) if a loop of the
    /// broker's own has ended in a bug of the library: drop the broker.
    pub fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        self.turn(timeout, false)?;
        self.take_events(events);
        Ok(())
    }

    /// The same, with the events left where they are, for [`take_events`](Self::take_events). The host may be `busy` with those
    /// that it took last.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>, busy: bool) -> io::Result<()> {
        self.check_process()?;
        let timeout = self.until_observer(timeout);
        match &mut self.driver {
            Driver::Host(shard, _) => {
                shard.core.set_busy(busy);
                let turned = shard.turn(timeout);
                shard.core.set_busy(false);
                turned
            }
            Driver::Threads(threads) => threads.turn(timeout, busy),
        }
    }

    /// Whether this is the process that made it: a child of a fork has neither its threads nor its connections.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked) if it is not.
    pub(crate) fn check_process(&self) -> Result<(), Error> {
        match &self.driver {
            Driver::Host(_, queues) => queues.check_process(),
            Driver::Threads(threads) => threads.check_process(),
        }
    }

    /// Takes what happened since the last time, and lets the log have its lines about it.
    pub(crate) fn take_events(&mut self, events: &mut Events) {
        match &mut self.driver {
            Driver::Host(shard, _) => {
                shard.core.take_events(events);
                if shard.io.holds() {
                    // When the host has handled them, a turn has something to do.
                    shard.io.arm();
                }
            }
            Driver::Threads(threads) => threads.take_events(events),
        }
        self.let_observe(events);
        self.hand_over_log();
    }

    /// Makes the descriptor readable, for events that the host has not drained.
    #[cfg(feature = "capi")]
    pub(crate) fn arm(&self) {
        match &self.driver {
            Driver::Host(shard, _) => shard.io.arm(),
            Driver::Threads(threads) => threads.arm(),
        }
    }

    /// The text of the panic in which a loop of the broker's own has ended, if one has.
    #[cfg(feature = "capi")]
    pub(crate) fn bug(&self) -> Option<&str> {
        match &self.driver {
            Driver::Host(..) => None,
            Driver::Threads(threads) => threads.bug(),
        }
    }

    /// Ends a loop of the broker's own in a panic.
    #[cfg(all(test, feature = "capi"))]
    pub(crate) fn break_loop(&self, text: &'static str) {
        if let Driver::Threads(threads) = &self.driver {
            threads.break_loop(text);
        }
    }

    /// Sends what was emitted since the last poll or flush, now. Loops of its own do that by themselves.
    ///
    /// Much for many goes out in parts: past about 8 MiB of one call, connections that have 16 KiB or more to get are put off, and
    /// the next polls and flushes serve them in their order, with reading and timers in between. While somebody is put off,
    /// [`poll`](Broker::poll) does not wait, and [`next_timeout`](Broker::next_timeout) is zero. What was put off counts as
    /// queued, and as earlier output for volatile messages; nobody is closed and nothing else is dropped for it: past
    /// `Limits::max_backlog` it is sent at once.
    pub fn flush(&mut self) {
        if self.check_process().is_ok()
            && let Driver::Host(shard, _) = &mut self.driver
        {
            shard.io.flush(&mut shard.core);
        }
    }

    /// How long a foreign loop may sleep before it calls [`poll`](Broker::poll) although the descriptor is silent: zero
    /// while work is left over, `None` for as long as it likes.
    ///
    /// Ask when the events of the last poll are handled: as a poll does, it tells the broker so, which then ends connections
    /// whose clients have ended their side behind what they said.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.due(false)
    }

    /// The same; the host may be `busy` with the events that it took last.
    pub(crate) fn due(&self, busy: bool) -> Option<Duration> {
        if self.check_process().is_err() {
            // For `poll` to say so.
            return Some(Duration::ZERO);
        }
        let due = match &self.driver {
            Driver::Host(shard, _) => shard.io.next_timeout(&shard.core),
            Driver::Threads(threads) => threads.next_timeout(busy),
        };
        self.until_observer(due)
    }

    /// A handle for other threads.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// use std::time::Duration;
    ///
    /// let ns = broker.find_namespace("/").expect("it is always there");
    /// let remote = broker.remote();
    /// let thread = std::thread::spawn(move || {
    ///     remote.emit(Target::all(ns), Message::new("news", r#"["from another thread"]"#))
    /// });
    /// thread.join().expect("no panic")?;
    /// broker.poll(&mut Events::new(), Some(Duration::ZERO))?; // carries it out
    /// # Ok(())
    /// # }
    /// ```
    pub fn remote(&self) -> Remote {
        let alive = Arc::downgrade(&self.alive);
        match &self.driver {
            Driver::Host(shard, queues) => Remote::new(queues.clone(), shard.waker(), alive),
            Driver::Threads(threads) => threads.remote(alive),
        }
    }

    /// Ends all connections in good order and stops listening: sockets are disconnected with `server shutting down`,
    /// what is queued goes out, for at most `grace`. `events` holds the disconnects then. It may listen again afterwards.
    /// In a cluster what was said to other nodes is waited for, too, until Redis has it.
    ///
    /// A client that waits for an answer of the host's does not get it any more: there is no turn in which it could be given.
    /// [`drain`](Broker::drain) first lets clients go with all they were owed. A handshake that is not decided is answered with 503 and
    /// `Retry-After`.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// use std::time::Duration;
    ///
    /// broker.close(&mut Events::new(), Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`poll`](Broker::poll).
    pub fn close(&mut self, events: &mut Events, grace: Duration) -> io::Result<()> {
        self.wind_down(grace)?;
        self.take_events(events);
        Ok(())
    }

    /// The same, with the events left where they are.
    pub(crate) fn wind_down(&mut self, grace: Duration) -> io::Result<()> {
        self.check_process()?;
        match &mut self.driver {
            Driver::Host(shard, _) => shard.wind_down(grace),
            Driver::Threads(threads) => threads.wind_down(grace),
        }?;
        #[cfg(feature = "tls")]
        self.shown.clear();
        self.log(Level::Info, format_args!("closed"));
        Ok(())
    }
}

#[cfg(poll_descriptor)]
impl std::os::fd::AsFd for Broker {
    /// As [`as_raw_fd`](std::os::fd::AsRawFd::as_raw_fd).
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match &self.driver {
            Driver::Host(shard, _) => std::os::fd::AsFd::as_fd(&shard.io),
            Driver::Threads(threads) => threads.as_fd(),
        }
    }
}

#[cfg(poll_descriptor)]
impl std::os::fd::AsRawFd for Broker {
    /// A descriptor that is readable whenever [`poll`](Broker::poll) has something to do. Only poll it: never read it,
    /// write it or close it. Where the system has no descriptor for several others, as epoll and kqueue are, the
    /// broker has none.
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        std::os::fd::AsFd::as_fd(self).as_raw_fd()
    }
}

#[cfg(feature = "capi")]
impl Broker {
    /// Its descriptor, where there is one.
    pub(crate) fn descriptor(&self) -> Option<i32> {
        #[cfg(poll_descriptor)]
        return Some(std::os::fd::AsRawFd::as_raw_fd(self));
        #[cfg(not(poll_descriptor))]
        None
    }
}

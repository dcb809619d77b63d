//! The event loop: one poll, and what it brings, in the order in which a service can rely on it. It must not block anywhere
//! but in that poll.

use super::acceptor::Acceptor;
use super::bind::{self, ListenOptions};
use super::bus::Connections;
use super::clock::Clock;
use super::deal::Deal;
use super::links::{Handover, Links, Outlet, Share};
use super::listener::{Accepted, Listeners};
#[cfg(unix)]
use super::stream::Stream;
use super::waker::Waker;
use crate::base::Millis;
use crate::base::limits::Limits;
use crate::base::open::Open;
use crate::engine::bus::MOST;
#[cfg(unix)]
use crate::engine::service::Parcel;
use crate::engine::service::Service;
use mio::{Events, Poll, Token};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::time::{Duration, Instant};

const WAKER: Token = Token(usize::MAX);
/// The first listener; the others count down from it. Links count up from zero.
const LAST_LISTENER: usize = usize::MAX - 1;
/// A link's key is a slot of memory, so no link can ever have a token above this.
const FIRST_LISTENER: usize = usize::MAX / 2;
/// The connections of a bus count up from this. There are not so many listeners.
const FIRST_OF_BUS: usize = FIRST_LISTENER + 1;
const LAST_OF_BUS: usize = FIRST_LISTENER + MOST;

/// One link may fill this part of the room for events in one turn.
const EVENT_SHARE: usize = 8;

/// How a loop shares its time and what it holds.
#[derive(Clone, Debug)]
pub struct LoopOptions {
    /// Bytes read from one link in one turn; what is left waits for the next turn, behind all other links.
    pub read_budget: usize,
    /// Events from one link in one turn, to about a sixteenth of the receive buffer; what is left waits as well.
    pub event_budget: usize,
    /// How long a turn reads; what is left is read first in the next turn.
    pub step_time: Duration,
    /// Connections accepted in one turn.
    pub accept_budget: u32,
    /// Bytes of the one receive buffer: the most that one [`Service::received`] brings.
    pub receive_buffer: usize,
    /// How long a closed link waits for the peer to end its side too.
    pub linger: Duration,
    /// Reads from links whose TLS is not settled, in one turn: each may cost a tenth of a millisecond.
    pub handshake_budget: u32,
    /// How long the TLS of a link may take to be settled.
    pub handshake_timeout: Duration,
    /// How long a proxy may take to say whose a link is, where it is to say so first.
    pub header_timeout: Duration,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for LoopOptions {
    fn from(limits: &Limits) -> Self {
        Self {
            read_budget: limits.read_budget,
            event_budget: limits.max_events / EVENT_SHARE,
            step_time: Duration::from_millis(limits.step_time),
            accept_budget: limits.accept_budget,
            receive_buffer: 64 * 1024,
            linger: Duration::from_millis(limits.close_timeout),
            handshake_budget: limits.tls_handshake_budget,
            handshake_timeout: Duration::from_millis(limits.tls_handshake_timeout),
            header_timeout: Duration::from_millis(limits.head_timeout),
            open: Open::default(),
        }
    }
}

/// An event loop for one thread at a time, driving one [`Service`]: always the same one.
pub struct Loop {
    poll: Poll,
    events: Events,
    waker: Waker,
    listeners: Listeners,
    deal: Deal,
    links: Links,
    bus: Connections,
    buffer: Box<[u8]>,
    options: LoopOptions,
    clock: Clock,
    /// The time up to which everything that peers sent has been received: timers run up to this.
    heard: Millis,
    /// How long the service has to want no input before it is told so, for the next time.
    unheard: Option<Duration>,
    /// The descriptor was handed out: another loop looks at it.
    foreign: Cell<bool>,
}

impl Loop {
    /// A loop with no listeners, whose clock stands at zero.
    pub fn new(options: &LoopOptions) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        Ok(Self {
            bus: Connections::new(waker.clone(), FIRST_OF_BUS),
            waker,
            poll,
            events: Events::with_capacity(1_024),
            listeners: Listeners::new(),
            deal: Deal::new(0, 1),
            links: Links::new(
                options.linger,
                options.header_timeout.as_millis() as Millis,
                options.handshake_timeout.as_millis() as Millis,
            ),
            buffer: vec![0; options.receive_buffer.max(1)].into_boxed_slice(),
            options: LoopOptions { read_budget: options.read_budget.max(1), ..options.clone() },
            clock: Clock::new(Instant::now()),
            heard: 0,
            unheard: Some(Duration::ZERO),
            foreign: Cell::new(false),
        })
    }

    /// Listens on one more address. Returns the one it got, which tells the port that replaced port 0.
    pub fn listen(&mut self, address: SocketAddr, options: &ListenOptions) -> io::Result<SocketAddr> {
        let (acceptor, bound) = bind::tcp(address, options)?;
        self.accept_from(acceptor, false)?;
        Ok(bound)
    }

    /// Listens on one more Unix socket, as [`Broker::listen_unix`](crate::Broker::listen_unix) does.
    #[cfg(unix)]
    pub fn listen_unix(&mut self, path: impl AsRef<Path>, options: &ListenOptions) -> io::Result<()> {
        self.accept_from(bind::unix(path.as_ref(), options)?, false)
    }

    /// Accepts from one more socket: for all loops, or for this one.
    pub(super) fn accept_from(&mut self, acceptor: Acceptor, dealt: bool) -> io::Result<()> {
        self.listeners.add(acceptor, dealt, self.poll.registry(), LAST_LISTENER)
    }

    /// It is one of so many loops, which may deal each other what they accept.
    pub(super) fn deal_among(&mut self, own: usize, count: usize) {
        self.deal = Deal::new(own, count);
    }

    /// Stops listening. Connections that were not accepted are reset.
    pub fn close_listeners(&mut self) {
        self.listeners.close(self.poll.registry());
    }

    /// Closes every link at once, without a word to the service, which must forget them too.
    pub fn close_all(&mut self) {
        self.links.close_all(self.poll.registry());
        self.bus.close_all(self.poll.registry());
    }

    /// What the service gave to other loops, each with the number of its loop.
    pub(super) fn departed(&mut self) -> impl Iterator<Item = (usize, Handover)> + '_ {
        self.links.departed()
    }

    /// Takes in what another loop gave away.
    pub(super) fn arrive(&mut self, service: &mut impl Service, handover: Handover) {
        let now = self.now();
        self.links.arrive(service, handover, now, self.poll.registry());
    }

    /// Takes in what somebody else has accepted.
    #[cfg(unix)]
    pub(super) fn adopt(
        &mut self,
        service: &mut impl Service,
        stream: Stream,
        parcel: Parcel,
    ) -> io::Result<()> {
        let now = self.now();
        self.links.adopt(service, stream, parcel, now, self.poll.registry())
    }

    /// The number of descriptors held for links, those that the service has closed but not the peer included.
    pub fn links(&self) -> usize {
        self.links.len()
    }

    /// Some peer has ended its side, and what it said last waits for the host.
    pub(super) fn holds(&self) -> bool {
        self.links.holds()
    }

    /// The listening clock: it stands still while the host is away for more than a second, so that no peer
    /// is held to a deadline that the host itself slept through.
    pub fn now(&self) -> Millis {
        self.clock.at(Instant::now())
    }

    /// Wakes this loop from other threads.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Makes the descriptor readable until the next turn, for output or other work that came up between turns. Costs
    /// next to nothing when repeated, or when nobody asked for the descriptor.
    pub fn arm(&self) {
        if self.foreign.get() {
            self.waker.wake();
        }
    }

    /// Hands the service's output to the kernel now.
    pub fn flush(&mut self, service: &mut impl Service) {
        self.flush_while(service, true);
    }

    /// The same, where the host is not in the middle of its events: links that waited for it are looked at again.
    pub(super) fn release(&mut self, service: &mut impl Service) {
        self.links.look_again();
        self.flush_while(service, false);
    }

    fn flush_while(&mut self, service: &mut impl Service, busy: bool) {
        let now = Instant::now();
        self.settle(service, busy, self.clock.at(now));
        service.flush_took(now.elapsed());
        if self.has_work(service, now) {
            self.arm();
        }
    }

    /// One turn: sends what is due, waits for events (at most for `timeout`, not at all while work is left over),
    /// accepts, reads from every ready link within its budget, runs timers and sends again.
    ///
    /// Returns early, and without an error, when a signal ends the wait.
    pub fn turn(&mut self, service: &mut impl Service, timeout: Option<Duration>) -> io::Result<()> {
        let entered = Instant::now();
        self.links.look_again();
        self.settle(service, false, self.clock.at(entered));
        let before = entered.elapsed();
        service.flush_took(before);
        let listens = service.wants_input();
        if listens {
            let lost = self.clock.back(entered).as_millis() as Millis;
            if lost > 0 {
                service.slept_through(lost);
            }
            self.unheard = Some(Duration::ZERO);
        } else {
            let silence = self.clock.silence(entered);
            if self.unheard.is_some_and(|due| silence >= due) {
                self.unheard = service.unheard(silence.as_millis() as Millis).map(Duration::from_millis);
            }
        }
        let own = self.sleep(service, entered);
        let timeout = timeout.map_or(own, |limit| Some(own.map_or(limit, |own| own.min(limit))));

        let (mut woken, mut count) = self.collect(service, timeout)?;
        let returned = Instant::now();
        if listens {
            self.clock.listened(returned);
        }
        let now = self.clock.at(returned);
        // More events than one call brings: each call returns other descriptors, so this many see them all.
        let mut calls = self.links.len() / self.events.capacity() + 1;
        while count == self.events.capacity() && calls > 0 {
            let (again, more) = self.collect(service, Some(Duration::ZERO))?;
            woken |= again;
            count = more;
            calls -= 1;
        }

        if woken {
            service.woken(now);
        }
        self.accept(service, returned, now);
        let Self { links, buffer, options, poll, .. } = self;
        let share = Share {
            bytes: options.read_budget,
            events: options.event_budget,
            handshakes: options.handshake_budget,
            until: returned + options.step_time,
        };
        if let Some(heard) = links.read_ready(service, buffer, share, now, poll.registry()) {
            self.heard = heard;
        }
        let Self { bus, buffer, options, poll, .. } = self;
        bus.read(service, buffer, options.read_budget, poll.registry(), now);
        if service.next_timeout().is_some_and(|due| due <= self.heard) {
            service.timeout(self.heard);
        }
        self.links.expire(returned, self.poll.registry());
        self.links.end_late(service, self.heard);
        let flushing = Instant::now();
        self.settle(service, false, now);
        let done = Instant::now();
        service.flush_took(done - flushing);
        service.step_took(before + (done - returned));
        if service.puts_off() || self.is_ready(service, returned) {
            self.arm();
        }
        Ok(())
    }

    /// How long a foreign loop may sleep until the next [`turn`](Self::turn) if the descriptor stays silent: zero while
    /// work is left over, `None` for as long as it likes. The clock counts the time it sleeps as told.
    pub fn next_timeout(&self, service: &impl Service) -> Option<Duration> {
        let sleep = self.sleep(service, Instant::now());
        if self.links.has_handled(service) {
            self.arm();
        }
        self.clock.promise(sleep);
        sleep
    }

    /// Waits once and notes what the events say. Returns whether the waker was called, and the number of events.
    fn collect(
        &mut self,
        service: &mut impl Service,
        timeout: Option<Duration>,
    ) -> io::Result<(bool, usize)> {
        // On poll(2), mio drops a wake that meets a registration of ours; our own flag stays. It registers nothing during the
        // wait, so looking before is enough.
        let called = cfg!(not(poll_descriptor)) && self.waker.is_called();
        match self.poll.poll(&mut self.events, if called { Some(Duration::ZERO) } else { timeout }) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let (mut woken, mut count) = (called && self.waker.take(), 0);
        for event in &self.events {
            count += 1;
            match event.token() {
                WAKER => woken |= self.waker.take(),
                Token(token @ FIRST_OF_BUS..=LAST_OF_BUS) => self.bus.announce(token - FIRST_OF_BUS, event),
                Token(token) if token > FIRST_LISTENER => self.listeners.announce(LAST_LISTENER - token),
                Token(key) => {
                    if self.links.announce(key, event) {
                        service.writable(key);
                    }
                }
            }
        }
        Ok((woken, count))
    }

    fn accept(&mut self, service: &mut impl Service, instant: Instant, now: Millis) {
        for _ in 0..self.options.accept_budget {
            if !service.wants_input() {
                break;
            }
            let Accepted { stream, peer, dealt } = match self.listeners.accept(instant) {
                None => break,
                Some(Err(_)) => continue,
                Some(Ok(accepted)) => accepted,
            };
            if let Some((number, under_way)) = dealt.then(|| self.deal.next()).flatten() {
                self.links.pass_on(number, stream, peer, under_way);
                continue;
            }
            // It can fail for a connection that is gone already, or when the kernel is out of memory: nobody
            // knows of it yet, so dropping it is all there is to do.
            let Ok(key) = self.links.insert(stream, now, self.poll.registry()) else { continue };
            if !service.opened(key, peer, now) {
                self.links.bury(key, self.poll.registry());
            }
        }
    }

    /// Flushes, tells the service which links ended, and flushes what it has to say to that. Links that end in this second
    /// flush wait for the next time: each flush may be long. The host may be `busy` with its events.
    fn settle(&mut self, service: &mut impl Service, busy: bool, now: Millis) {
        service.flush(&mut Outlet { links: &mut self.links, registry: self.poll.registry() }, now);
        if self.links.has_ended() {
            self.links.tell_ended(service, busy, now, self.poll.registry());
            service.flush(&mut Outlet { links: &mut self.links, registry: self.poll.registry() }, now);
        }
        self.links.recycle();
        self.bus.flush(service, self.poll.registry(), now);
    }

    /// Something can be done without waiting.
    fn has_work(&self, service: &impl Service, now: Instant) -> bool {
        service.has_work()
            || self.links.has_departed()
            || self.is_ready(service, now)
            || self.links.has_handled(service)
    }

    /// Something can be read, written or accepted, as far as the service wants it.
    fn is_ready(&self, service: &impl Service, now: Instant) -> bool {
        let wants_input = service.wants_input();
        self.links.has_ended()
            || self.links.has_ready(wants_input)
            || self.bus.is_ready(service)
            || (wants_input && self.listeners.is_ready(now))
    }

    /// How long there is nothing to do, if nothing comes in.
    fn sleep(&self, service: &impl Service, now: Instant) -> Option<Duration> {
        if self.has_work(service, now) {
            return Some(Duration::ZERO);
        }
        let wants_input = service.wants_input();
        let until = |instant: Instant| instant.saturating_duration_since(now);
        // Timers stand still while input waits for the service.
        let timer = service.next_timeout();
        let timer = timer.into_iter().chain(self.links.next_deadline()).min();
        let timer = timer.filter(|_| wants_input || !self.links.has_unread());
        let timer = timer.map(|due| Duration::from_millis(due.saturating_sub(self.clock.at(now))));
        let expiry = self.links.next_expiry().map(until);
        let accept = self.listeners.next_try().filter(|_| wants_input).map(until);
        let unheard = self.unheard.filter(|_| !wants_input);
        let unheard = unheard.map(|due| due.saturating_sub(self.clock.silence(now)));
        let bus = service.bus().and_then(|bus| bus.next_timeout());
        let bus = bus.map(|due| Duration::from_millis(due.saturating_sub(self.clock.at(now))));
        [timer, expiry, accept, unheard, bus].into_iter().flatten().min()
    }
}

#[cfg(poll_descriptor)]
impl std::os::fd::AsFd for Loop {
    /// The descriptor for another loop: readable, in the manner of level-triggered descriptors, as long as a
    /// [`turn`](Self::turn) has something to do. It must not be read. Together with it, ask for
    /// [`next_timeout`](Self::next_timeout) before every wait.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        if !self.foreign.replace(true) {
            // Work may be left from before anybody looked.
            self.waker.wake();
        }
        std::os::fd::AsFd::as_fd(self.poll.registry())
    }
}

#[cfg(poll_descriptor)]
impl std::os::fd::AsRawFd for Loop {
    /// The descriptor of [`as_fd`](std::os::fd::AsFd::as_fd).
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        std::os::fd::AsFd::as_fd(self).as_raw_fd()
    }
}

//! Links: what the edges announced, what has been read of it, and how links end. It must not wait, and must not
//! know of time beyond the deadlines of closing links.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod deadlines;
mod ended;
mod lingering;
mod outlet;
mod proxied;
#[cfg(feature = "tls")]
mod secured;
#[cfg(test)]
mod tests;

pub(super) use outlet::Outlet;

use super::REARMED_BY_WOULD_BLOCK;
use super::deal::UnderWay;
use super::stream::Stream;
use crate::base::Millis;
use crate::engine::service::{Flow, Parcel, Service};
use crate::host::peer::Peer;
use deadlines::Deadlines;
use mio::event::Event;
use mio::{Interest, Registry, Token};
use slab::Slab;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The peer ended its side; the service hears of it after the next flush behind which nothing is owed.
    Ended,
    /// The connection broke; the service hears of it after the next flush.
    Broken,
    /// The service closed it. Closing a socket with unread bytes would reset it and take the last output from
    /// the peer, so these are read and dropped until the peer ends too.
    Lingering,
    /// The descriptor is closed; the slot waits for the end of the turn.
    Dead,
}

/// Twenty bytes, all that an idle link costs here.
#[derive(Debug)]
struct Link {
    stream: Option<Stream>,
    /// Which of the lingering links of this slot it is.
    serial: u32,
    state: State,
    /// An edge announced input that has not been read to its end.
    readable: bool,
    /// The peer's end lies behind the input: a short read does not mean that it is drained.
    ending: bool,
    /// In the ready list.
    queued: bool,
    paused: bool,
    /// The kernel did not take all of the last send.
    blocked: bool,
    /// It brought more than its share of events when it was last read: it is read in smaller pieces.
    dense: bool,
}

/// What of a turn goes to reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Bytes from one link.
    pub(super) bytes: usize,
    /// Events from one link.
    pub(super) events: usize,
    /// Reads from links whose TLS is not settled.
    pub(super) handshakes: u32,
    /// When the rest is left to the next turn.
    pub(super) until: Instant,
}

/// The clock is read once for so many links ...
const LINKS_PER_LOOK: usize = 32;
/// ... or for so many bytes, where links bring more: the worst that they can ask for takes some 15 ms.
const BYTES_PER_LOOK: usize = 64 * 1024;
/// A link that brings too many events is read in pieces of this part of the buffer.
const DENSE: usize = 16;

/// Looks at the clock now and then, as reading it for each link would cost more than most links do.
struct Watch {
    links: usize,
    bytes: usize,
    until: Instant,
    over: bool,
}

impl Watch {
    fn new(until: Instant) -> Self {
        Self { links: 0, bytes: 0, until, over: false }
    }

    /// Whether the time is up, after so much more work.
    fn is_over_after(&mut self, links: usize, bytes: usize) -> bool {
        self.links = self.links.saturating_add(links);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.links >= LINKS_PER_LOOK || self.bytes >= BYTES_PER_LOOK {
            (self.links, self.bytes) = (0, 0);
            self.over |= Instant::now() >= self.until;
        }
        self.over
    }
}

#[derive(Debug)]
struct Lingering {
    until: Instant,
    key: usize,
    serial: u32,
}

#[derive(Debug)]
pub(super) struct Links {
    slab: Slab<Link>,
    /// Links with input left, in the order in which they are read.
    ready: VecDeque<usize>,
    /// How many of the ready links have to be read until everything that was there at a time has been heard.
    unheard: (usize, Millis),
    /// Links whose end the service has not heard of, to be looked at after the next flush.
    ended: Vec<usize>,
    /// Those of them that wait for the host.
    held: Vec<usize>,
    /// Slots to be used again. Not before the turn is over: until then lists and events may name them.
    dead: Vec<usize>,
    lingering: VecDeque<Lingering>,
    linger: Duration,
    serial: u32,
    /// What is on its way to other loops.
    departed: Vec<(usize, Handover)>,
    /// Those of which a proxy has yet to say whose they are.
    headers: Deadlines,
    #[cfg(feature = "tls")]
    secured: secured::Secured,
}

/// Something between two loops.
#[derive(Debug)]
pub(super) struct Handover {
    /// If it is a link, or a connection that has one.
    stream: Option<Stream>,
    parcel: Parcel,
    /// Held until it is taken in, if it was dealt.
    under_way: Option<UnderWay>,
}

impl Links {
    /// `header`: how long a proxy may take to say whose a link is. `handshake`: how long the TLS of one may take to be settled.
    pub(super) fn new(
        linger: Duration,
        header: Millis,
        #[cfg_attr(not(feature = "tls"), expect(unused))] handshake: Millis,
    ) -> Self {
        Self {
            #[cfg(feature = "tls")]
            secured: secured::Secured::new(handshake),
            headers: Deadlines::new(header),
            slab: Slab::new(),
            ready: VecDeque::new(),
            unheard: (0, 0),
            ended: Vec::new(),
            held: Vec::new(),
            dead: Vec::new(),
            lingering: VecDeque::new(),
            linger,
            serial: 0,
            departed: Vec::new(),
        }
    }

    /// Sends something away, to the loop of this number; with a link, or without one.
    pub(super) fn depart(&mut self, key: Option<usize>, number: usize, parcel: Parcel, registry: &Registry) {
        let stream = key.and_then(|key| self.take_stream(key, registry));
        self.departed.push((number, Handover { stream, parcel, under_way: None }));
    }

    /// Ends a link here, and leaves it as it is for its peer.
    fn take_stream(&mut self, key: usize, registry: &Registry) -> Option<Stream> {
        let link = self.slab.get_mut(key)?;
        let mut stream = link.stream.take()?;
        // It fails only for what is not registered.
        let _ = registry.deregister(&mut stream);
        link.state = State::Dead;
        self.dead.push(key);
        Some(stream)
    }

    /// Sends a stream away that was just accepted, to the loop of this number.
    pub(super) fn pass_on(&mut self, number: usize, stream: Stream, peer: Peer, under_way: UnderWay) {
        let parcel = Parcel::of_new_link(peer);
        self.departed.push((number, Handover { stream: Some(stream), parcel, under_way: Some(under_way) }));
    }

    /// Something was sent away that its loop has yet to get.
    pub(super) fn has_departed(&self) -> bool {
        !self.departed.is_empty()
    }

    /// What was sent away, each with the number of its loop.
    pub(super) fn departed(&mut self) -> impl Iterator<Item = (usize, Handover)> + '_ {
        self.departed.drain(..)
    }

    /// Takes in what another loop sent. A link goes if the kernel has no memory for it, of which the service hears.
    pub(super) fn arrive<S: Service>(
        &mut self,
        service: &mut S,
        handover: Handover,
        now: Millis,
        registry: &Registry,
    ) {
        let Handover { stream, parcel, under_way } = handover;
        drop(under_way);
        let key = stream.and_then(|stream| self.insert(stream, now, registry).ok());
        let flow = service.arrived(key, parcel, now);
        if let Some(key) = key {
            self.go_on(key, flow, registry);
        }
    }

    /// The same for what comes from elsewhere.
    #[cfg(unix)]
    pub(super) fn adopt<S: Service>(
        &mut self,
        service: &mut S,
        stream: Stream,
        parcel: Parcel,
        now: Millis,
        registry: &Registry,
    ) -> io::Result<()> {
        stream.prepare_adopted()?;
        let key = self.insert(stream, now, registry)?;
        let flow = service.arrived(Some(key), parcel, now);
        self.go_on(key, flow, registry);
        Ok(())
    }

    fn go_on(&mut self, key: usize, flow: Option<Flow>, registry: &Registry) {
        match flow {
            None => self.bury(key, registry),
            Some(flow) => {
                if let Some(link) = self.slab.get_mut(key) {
                    link.paused = flow == Flow::Pause;
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len().saturating_sub(self.dead.len())
    }

    pub(super) fn insert(
        &mut self,
        mut stream: Stream,
        now: Millis,
        registry: &Registry,
    ) -> io::Result<usize> {
        stream.prepare()?;
        let blocked = stream.has_sealed();
        let entry = self.slab.vacant_entry();
        let key = entry.key();
        registry.register(&mut stream, Token(key), Interest::READABLE | Interest::WRITABLE)?;
        entry.insert(Link {
            stream: Some(stream),
            serial: 0,
            state: State::Open,
            readable: false,
            ending: false,
            queued: false,
            paused: false,
            blocked,
            dense: false,
        });
        self.await_first(key, now);
        Ok(key)
    }

    /// Ends a link that has not ended yet as one that broke.
    fn break_off(&mut self, key: usize) {
        if let Some(link) = self.slab.get_mut(key)
            && matches!(link.state, State::Open | State::Ended)
        {
            link.state = State::Broken;
            self.ended.push(key);
        }
    }

    /// Notes what an edge says. True if the service waits to write to this link.
    pub(super) fn announce(&mut self, key: usize, event: &Event) -> bool {
        let Some(link) = self.slab.get_mut(key) else { return false };
        let ending = event.is_read_closed() || event.is_error();
        link.readable |= event.is_readable() || ending;
        link.ending |= ending;
        // Nobody reads it, and so sees the end by reading.
        let unread = link.state == State::Ended || (link.state == State::Open && link.paused);
        let keeps_words = link.state == State::Open && link.stream.as_ref().is_some_and(Stream::keeps_words);
        if unread && (event.is_error() || (event.is_write_closed() && !keeps_words)) {
            link.state = State::Broken;
            self.ended.push(key);
            return false;
        }
        let writable = link.blocked && event.is_writable();
        if writable {
            link.blocked = false;
        }
        let state = link.state;
        #[cfg(feature = "tls")]
        let writable = writable && self.send_what_is_sealed(key);
        let writable = writable && matches!(state, State::Open | State::Ended);
        self.queue(key);
        writable
    }

    /// Puts a link with input left on the ready list, unless it is there or nobody wants the input.
    fn queue(&mut self, key: usize) {
        let Some(link) = self.slab.get_mut(key) else { return };
        let wanted = matches!(link.state, State::Open | State::Lingering) && !link.paused;
        if link.readable && wanted && !link.queued {
            link.queued = true;
            self.ready.push_back(key);
        }
    }

    /// Input is left that can be read now.
    pub(super) fn has_ready(&self, wants_input: bool) -> bool {
        let lingering = || !self.lingering.is_empty() && self.ready.iter().any(|&key| self.is_lingering(key));
        if wants_input { !self.ready.is_empty() } else { lingering() }
    }

    /// Input is left that waits for the service.
    pub(super) fn has_unread(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Reads from the links on the ready list in turn, each within its share, as long as there is time and the service wants
    /// more; those that are not reached are first in the next turn. Returns the time up to which everything that peers had
    /// sent has been read, if that is known to have moved on.
    pub(super) fn read_ready<S: Service>(
        &mut self,
        service: &mut S,
        buffer: &mut [u8],
        share: Share,
        now: Millis,
        registry: &Registry,
    ) -> Option<Millis> {
        if self.unheard.0 == 0 {
            self.unheard = (self.ready.len(), now);
        }
        let mut watch = Watch::new(share.until);
        let mut handshakes = share.handshakes;
        for _ in 0..self.ready.len() {
            if !service.wants_input() {
                self.discard_ready(buffer, share.bytes, registry);
                break;
            }
            let Some(key) = self.ready.pop_front() else { break };
            self.unheard.0 = self.unheard.0.saturating_sub(1);
            let Some(link) = self.slab.get_mut(key) else { continue };
            link.queued = false;
            let is_shaking = link.stream.as_ref().is_some_and(Stream::is_shaking);
            match link.state {
                State::Open if link.paused => {}
                // It has its turn behind those who are in already.
                State::Open if is_shaking && handshakes == 0 => {}
                State::Open => {
                    handshakes = handshakes.saturating_sub(is_shaking.into());
                    self.read(key, service, buffer, share, &mut watch, now);
                }
                State::Lingering => self.discard(key, buffer, share.bytes, registry),
                State::Ended | State::Broken | State::Dead => {}
            }
            self.queue(key);
            if watch.is_over_after(1, 0) {
                break;
            }
        }
        // Dead links leave the list.
        self.unheard.0 = self.unheard.0.min(self.ready.len());
        (self.unheard.0 == 0).then_some(self.unheard.1)
    }

    /// Reads a link within its share.
    fn read<S: Service>(
        &mut self,
        key: usize,
        service: &mut S,
        buffer: &mut [u8],
        share: Share,
        watch: &mut Watch,
        now: Millis,
    ) {
        let Some(link) = self.slab.get_mut(key) else { return };
        match link.stream {
            #[cfg(feature = "tls")]
            Some(Stream::Tls(_)) => return self.read_sealed(key, service, buffer, share, watch, now),
            Some(Stream::Proxied(_)) => return self.read_header(key, service, buffer, share, watch, now),
            _ => {}
        }
        let Some(stream) = &mut link.stream else { return };
        let mut budget = share.bytes;
        let most = service.waiting().saturating_add(share.events);
        let piece = if std::mem::take(&mut link.dense) { buffer.len().div_ceil(DENSE) } else { buffer.len() };
        let end = loop {
            let room = piece.min(budget);
            let Some(read) = buffer.get_mut(..room) else { return };
            match stream.read(read) {
                Ok(0) => {
                    service.half_closed(key);
                    break State::Ended;
                }
                Ok(count) => {
                    link.readable = count == room || link.ending || REARMED_BY_WOULD_BLOCK;
                    let flow = service.received(key, read.get_mut(..count).unwrap_or_default(), now);
                    budget = budget.saturating_sub(count);
                    link.paused = flow == Flow::Pause;
                    link.dense = service.waiting() > most;
                    let late = watch.is_over_after(0, count);
                    if link.paused
                        || !link.readable
                        || link.dense
                        || late
                        || budget == 0
                        || !service.wants_input()
                    {
                        return;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        link.readable = false;
                        return;
                    }
                    ErrorKind::Interrupted => {}
                    _ => break State::Broken,
                },
            }
        };
        link.state = end;
        self.ended.push(key);
    }

    /// Closes the descriptor. The slot stays taken until `recycle`.
    pub(super) fn bury(&mut self, key: usize, registry: &Registry) {
        let Some(link) = self.slab.get_mut(key) else { return };
        if let Some(mut stream) = link.stream.take() {
            // Closing alone would leave the registration alive if the host has forked: the child holds the
            // descriptor, and this loop would get its events for ever.
            let _ = registry.deregister(&mut stream);
            link.state = State::Dead;
            self.dead.push(key);
        }
    }

    /// Lets the slots of dead links be used again. To be called when no event and no list names them.
    pub(super) fn recycle(&mut self) {
        if self.dead.is_empty() {
            return;
        }
        if self.dead.iter().any(|&key| self.slab.get(key).is_some_and(|link| link.queued)) {
            self.ready.retain(|&key| self.slab.get(key).is_some_and(|link| link.state != State::Dead));
        }
        for key in self.dead.drain(..) {
            self.slab.try_remove(key);
        }
    }

    /// Closes every link without a word.
    pub(super) fn close_all(&mut self, registry: &Registry) {
        for key in 0..self.slab.capacity() {
            self.bury(key, registry);
        }
        self.ready.clear();
        self.unheard = (0, 0);
        self.ended.clear();
        self.held.clear();
        self.lingering.clear();
        self.dead.clear();
        self.slab.clear();
    }
}

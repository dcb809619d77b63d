//! What an event loop and the protocol behind it ask of each other. It must not know of sockets or of a protocol.

use super::bus::Bus;
use crate::base::Millis;
use crate::host::descriptor::Descriptor;
use crate::host::peer::Peer;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

pub use super::parcel::Parcel;
pub use crate::host::proxies::ProxyFailure;
pub use crate::host::tls::{TlsFailure, TlsInfo};

/// A protocol on top of links, driven by a loop.
///
/// A *link* is one TCP connection, named by a dense key: small numbers, used again. A key is free when
/// [`closed`](Self::closed) has been called for it, or the service closed or aborted it; the loop may then hand it
/// out again by [`opened`](Self::opened), never within the call in which it became free.
pub trait Service {
    /// A connection was accepted. `false` refuses it: the loop closes it and says nothing more about it.
    fn opened(&mut self, link: usize, peer: Peer, now: Millis) -> bool;

    /// Another loop gave this away by [`Output::hand_over`]: with a link, or without one. `None` refuses the link, as `false` does in
    /// [`opened`](Self::opened); else it is whether the link may bring more. Called only where there are several loops.
    fn arrived(&mut self, link: Option<usize>, parcel: Parcel, now: Millis) -> Option<Flow> {
        let _ = (link, parcel, now);
        None
    }

    /// A proxy has said whose the link is, before anything is received on it; `None`: the proxy's own, or it does not say.
    fn proxied(&mut self, link: usize, peer: Option<Peer>) {
        let _ = (link, peer);
    }

    /// A proxy was to say whose the link is, and has not: [`closed`](Self::closed) follows.
    fn proxy_failed(&mut self, link: usize, cause: ProxyFailure) {
        let _ = (link, cause);
    }

    /// The link is over TLS, and that is settled: told before anything is received on it.
    fn secured(&mut self, link: usize, tls: Arc<TlsInfo>) {
        let _ = (link, tls);
    }

    /// The link's TLS has failed: [`closed`](Self::closed) follows.
    fn tls_failed(&mut self, link: usize, cause: TlsFailure) {
        let _ = (link, cause);
    }

    /// Bytes arrived. The service may change them in place; it takes them all, whatever it answers.
    fn received(&mut self, link: usize, bytes: &mut [u8], now: Millis) -> Flow;

    /// The peer ended its side (`reset` is false), after the answers to its last bytes were flushed and nothing was
    /// [`owed`](Self::owed) any more; or the connection broke. The loop has forgotten the link.
    fn closed(&mut self, link: usize, reset: bool, now: Millis);

    /// The peer has ended its side, and may read on: [`closed`](Self::closed) follows when nothing is owed to it any more.
    fn half_closed(&mut self, link: usize) {
        let _ = link;
    }

    /// What is still to be sent to a peer that has ended its side. Asked behind a flush, but for those that the host calls for
    /// between two turns: the host may be in the middle of its events there.
    fn owed(&self, link: usize) -> Owed {
        let _ = link;
        Owed::Nothing
    }

    /// The kernel takes bytes again, after a [`Sent::Part`].
    fn writable(&mut self, link: usize);

    /// Another thread called the loop's waker, once or more often since the last time.
    fn woken(&mut self, now: Millis) {
        let _ = now;
    }

    /// Hands the output that is due to `out`. Called often: it must cost nothing when there is none. Much may be handed out in
    /// parts: while some of it is left, [`has_work`](Self::has_work) is true.
    fn flush(&mut self, out: &mut impl Output, now: Millis);

    /// The time of [`next_timeout`](Self::next_timeout) has come, and everything that peers had sent by `now` has
    /// been received.
    fn timeout(&mut self, now: Millis);

    /// The loop's clock has stood still for this long, because the host was away; the peers' clocks went on.
    fn slept_through(&mut self, time: Millis) {
        let _ = time;
    }

    /// Peers have gone unheard for this long, as [`wants_input`](Self::wants_input) was `false`, and the clock stands still.
    /// Returns how long they are to go unheard before this is called again.
    fn unheard(&mut self, time: Millis) -> Option<Millis> {
        let _ = time;
        None
    }

    /// When [`timeout`](Self::timeout) is due, if ever. A time that has passed means at once.
    fn next_timeout(&self) -> Option<Millis>;

    /// How long the last flush, with what followed from it, took. For figures only.
    fn flush_took(&mut self, time: Duration) {
        let _ = time;
    }

    /// How long a turn of the loop took, its wait not counted. For figures only.
    fn step_took(&mut self, time: Duration) {
        let _ = time;
    }

    /// `false` while there is no room for more input: the loop neither reads nor accepts, and bytes stay in the
    /// kernel. Asked before every read, and again in every turn. Links that have waited are read first when there is room
    /// again; timers run up to the time until which everything that peers sent has been read.
    fn wants_input(&self) -> bool;

    /// How many events wait for the host: what a link brings in one turn is bounded by them, too.
    fn waiting(&self) -> usize {
        0
    }

    /// Something waits for the host, or for another turn: events that were not drained, work that was
    /// put off. While this is true the loop does not sleep and its descriptor is readable.
    fn has_work(&self) -> bool;

    /// The same behind a turn, without what the host takes before it waits again: that need not wake anybody.
    fn puts_off(&self) -> bool {
        self.has_work()
    }

    /// Connections that it wants opened, if it is on a bus.
    #[doc(hidden)]
    fn bus(&self) -> Option<&dyn Bus> {
        None
    }

    /// The same, for what comes over them.
    #[doc(hidden)]
    fn bus_mut(&mut self) -> Option<&mut dyn Bus> {
        None
    }

    /// The bus has news: does what they ask for, as far as there is room for what comes of it. What it leaves is offered again in
    /// each turn in which [`wants_input`](Self::wants_input).
    #[doc(hidden)]
    fn bus_received(&mut self, now: Millis) {
        let _ = now;
    }
}

/// Where a service's output goes during [`Service::flush`].
pub trait Output {
    /// Sends in one system call.
    fn send(&mut self, link: usize, bytes: &[u8]) -> Sent;

    /// Sends several slices as one, in one system call (one for each 1,024 slices).
    fn send_vectored(&mut self, link: usize, slices: &[IoSlice<'_>]) -> Sent;

    /// Closes the link in good order: what was sent still arrives. The service is done with the link.
    fn close(&mut self, link: usize);

    /// Closes the link at once and drops what the kernel has not sent. The service is done with the link.
    fn abort(&mut self, link: usize);

    /// Gives something to the loop of this number, where [`Service::arrived`] takes it in: with a link, with which the service is done,
    /// or without one. Called only where there are several loops.
    fn hand_over(&mut self, link: Option<usize>, number: usize, parcel: Parcel) {
        let _ = (number, parcel);
        if let Some(link) = link {
            self.abort(link);
        }
    }

    /// Gives a link up, with which the service is done, for whoever goes on with it; `None` if it is gone, or cannot be given up.
    fn hand_back(&mut self, link: usize) -> Option<Descriptor> {
        self.abort(link);
        None
    }

    /// Leaves what the peer sends in the kernel, until [`resume`](Self::resume). An orderly end of the peer is
    /// noticed only after that, a broken connection at once.
    fn pause(&mut self, link: usize);

    /// Reads the link again. Does nothing for a link that is not paused.
    fn resume(&mut self, link: usize);
}

/// What became of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// The kernel took everything.
    All,
    /// The kernel took this many bytes, all of them perhaps, and is full; [`Service::writable`] follows.
    Part(usize),
    /// The connection is gone. [`Service::closed`] follows, unless the service closes the link before.
    Broken,
}

/// What a peer that has ended its side, and may read on, has still to get. The service sees to it that it is not owed for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Nothing: the link can go.
    Nothing,
    /// Output that the kernel has not taken.
    Output,
    /// What the host says to what the peer said last, which it has not handled yet.
    Answers,
}

/// Whether a link may bring more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Read on.
    Continue,
    /// Pause this link, as [`Output::pause`] does.
    Pause,
}

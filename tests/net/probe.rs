//! A service that does as a test tells it and writes down what it hears, and a loop around it.

use roomcast::service::{Flow, Loop, LoopOptions, Output, Owed, ProxyFailure, Sent, Service};
use roomcast::{ListenOptions, Millis, Peer};
use socket2::SockRef;
use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Opened(usize),
    Received(usize, usize),
    Closed(usize, bool),
    Writable(usize),
    Woken,
    Timeout(Millis),
    Proxied(usize, Option<Peer>),
    ProxyFailed(usize, ProxyFailure),
}

#[derive(Debug)]
pub(crate) enum Order {
    Send(usize, Vec<u8>),
    Vectored(usize, Vec<Vec<u8>>),
    Close(usize),
    Abort(usize),
    Pause(usize),
    Resume(usize),
}

/// The service of the tests.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) heard: Vec<Heard>,
    pub(crate) got: BTreeMap<usize, Vec<u8>>,
    pub(crate) sent: Vec<(usize, Sent)>,
    pub(crate) open: BTreeSet<usize>,
    /// To be carried out by the next flush.
    pub(crate) orders: Vec<Order>,
    pub(crate) pending: BTreeMap<usize, Vec<u8>>,
    pub(crate) echo: bool,
    pub(crate) accepts: bool,
    pub(crate) flow: Flow,
    pub(crate) wants: bool,
    /// Wants nothing more once this many bytes have been received.
    pub(crate) enough: usize,
    /// How many bytes make an event that waits for the host; 0 makes none.
    pub(crate) event_bytes: usize,
    pub(crate) works: bool,
    /// What peers that have ended their side are to get.
    pub(crate) owed: BTreeMap<usize, Owed>,
    pub(crate) timer: Option<Millis>,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            heard: Vec::new(),
            got: BTreeMap::new(),
            sent: Vec::new(),
            open: BTreeSet::new(),
            orders: Vec::new(),
            pending: BTreeMap::new(),
            echo: false,
            accepts: true,
            flow: Flow::Continue,
            wants: true,
            enough: usize::MAX,
            event_bytes: 0,
            works: false,
            owed: BTreeMap::new(),
            timer: None,
        }
    }
}

impl Probe {
    pub(crate) fn has(&self, heard: Heard) -> bool {
        self.heard.contains(&heard)
    }

    pub(crate) fn received(&self, link: usize) -> usize {
        self.got.get(&link).map_or(0, Vec::len)
    }

    pub(crate) fn received_in_all(&self) -> usize {
        self.got.values().map(Vec::len).sum()
    }
}

impl Service for Probe {
    fn opened(&mut self, link: usize, peer: Peer, _: Millis) -> bool {
        assert!(peer.ip().is_none_or(|ip| ip.is_loopback()));
        assert!(!self.open.contains(&link), "a key is handed out twice");
        self.heard.push(Heard::Opened(link));
        self.got.remove(&link);
        if self.accepts {
            self.open.insert(link);
        }
        self.accepts
    }

    fn proxied(&mut self, link: usize, peer: Option<Peer>) {
        assert!(!self.got.contains_key(&link), "bytes before a proxy has said whose they are");
        self.heard.push(Heard::Proxied(link, peer));
    }

    fn proxy_failed(&mut self, link: usize, cause: ProxyFailure) {
        assert!(self.open.contains(&link), "the header of a link that is not open");
        self.heard.push(Heard::ProxyFailed(link, cause));
    }

    fn received(&mut self, link: usize, bytes: &mut [u8], _: Millis) -> Flow {
        assert!(self.open.contains(&link), "bytes of a link that is not open");
        self.heard.push(Heard::Received(link, bytes.len()));
        self.got.entry(link).or_default().extend_from_slice(bytes);
        if self.echo {
            self.orders.push(Order::Send(link, bytes.to_vec()));
        }
        self.flow
    }

    fn closed(&mut self, link: usize, reset: bool, _: Millis) {
        assert!(self.open.remove(&link), "the end of a link that is not open");
        self.pending.remove(&link);
        self.heard.push(Heard::Closed(link, reset));
    }

    fn owed(&self, link: usize) -> Owed {
        assert!(self.open.contains(&link), "asked of a link that is not open");
        match self.owed.get(&link) {
            Some(owed) => *owed,
            None if self.pending.contains_key(&link) => Owed::Output,
            None => Owed::Nothing,
        }
    }

    fn writable(&mut self, link: usize) {
        assert!(self.open.contains(&link), "writable, but not open");
        self.heard.push(Heard::Writable(link));
        if let Some(rest) = self.pending.remove(&link) {
            self.orders.push(Order::Send(link, rest));
        }
    }

    fn woken(&mut self, _: Millis) {
        self.heard.push(Heard::Woken);
    }

    fn flush(&mut self, out: &mut impl Output, _: Millis) {
        for order in std::mem::take(&mut self.orders) {
            let (link, sent, bytes) = match order {
                Order::Send(link, bytes) => match self.pending.get_mut(&link) {
                    Some(pending) => {
                        pending.extend_from_slice(&bytes);
                        continue;
                    }
                    None => (link, out.send(link, &bytes), bytes),
                },
                Order::Vectored(link, parts) => {
                    let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
                    (link, out.send_vectored(link, &slices), parts.concat())
                }
                Order::Close(link) => {
                    self.open.remove(&link);
                    out.close(link);
                    continue;
                }
                Order::Abort(link) => {
                    self.open.remove(&link);
                    out.abort(link);
                    continue;
                }
                Order::Pause(link) => {
                    out.pause(link);
                    continue;
                }
                Order::Resume(link) => {
                    out.resume(link);
                    continue;
                }
            };
            self.sent.push((link, sent));
            if let Sent::Part(count) = sent {
                self.pending.insert(link, bytes[count..].to_vec());
            }
        }
    }

    fn timeout(&mut self, now: Millis) {
        self.heard.push(Heard::Timeout(now));
        self.timer = None;
    }

    fn next_timeout(&self) -> Option<Millis> {
        self.timer
    }

    fn wants_input(&self) -> bool {
        self.wants && self.received_in_all() < self.enough
    }

    fn waiting(&self) -> usize {
        self.received_in_all().checked_div(self.event_bytes).unwrap_or(0)
    }

    fn has_work(&self) -> bool {
        self.works
    }
}

/// A loop that listens, and its service.
pub(crate) struct Bed {
    pub(crate) inner: Loop,
    pub(crate) probe: Probe,
    pub(crate) address: SocketAddr,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(&LoopOptions::default())
    }

    pub(crate) fn with(options: &LoopOptions) -> Self {
        Self::listening(options, &ListenOptions::default())
    }

    pub(crate) fn listening(options: &LoopOptions, how: &ListenOptions) -> Self {
        let mut inner = Loop::new(options).unwrap();
        let address = inner.listen("127.0.0.1:0".parse().unwrap(), how).unwrap();
        Self { inner, probe: Probe::default(), address }
    }

    /// One turn that does not wait.
    pub(crate) fn turn(&mut self) {
        self.inner.turn(&mut self.probe, Some(Duration::ZERO)).unwrap();
    }

    /// Turns until something is so. The limit only ends a test that has failed.
    pub(crate) fn until(&mut self, is_so: impl Fn(&Probe) -> bool) {
        let limit = Instant::now() + Duration::from_secs(60);
        while !is_so(&self.probe) {
            assert!(Instant::now() < limit, "it never comes: {:?}", self.probe);
            self.inner.turn(&mut self.probe, Some(Duration::from_secs(5))).unwrap();
        }
    }

    /// Turns until no descriptor is held for a link.
    pub(crate) fn until_empty(&mut self) {
        let limit = Instant::now() + Duration::from_secs(60);
        while self.inner.links() > 0 {
            assert!(Instant::now() < limit, "links stay: {:?}", self.probe);
            self.inner.turn(&mut self.probe, Some(Duration::from_secs(5))).unwrap();
        }
    }

    /// A new client and the key of its link.
    pub(crate) fn connect(&mut self) -> (TcpStream, usize) {
        let before = self.probe.heard.len();
        let client = TcpStream::connect(self.address).unwrap();
        let opened = |heard: &Heard| if let Heard::Opened(link) = heard { Some(*link) } else { None };
        self.until(|probe| probe.heard[before..].iter().any(|heard| opened(heard).is_some()));
        let link = self.probe.heard[before..].iter().find_map(opened).unwrap();
        (client, link)
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.probe.orders.push(order);
    }

    /// Carries out an order now, without a turn.
    pub(crate) fn do_now(&mut self, order: Order) {
        self.order(order);
        self.inner.flush(&mut self.probe);
    }
}

/// Ends a connection with a reset.
pub(crate) fn reset(client: TcpStream) {
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
}

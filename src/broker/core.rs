//! The broker without I/O: an engine, with the hub on it or the host itself, driven through [`Service`]. It must not do what
//! belongs to either.

use super::among_cores::{AmongCores, News, Part};
use super::pages::Pages;
use super::reporter::{Others, Reporter};
use super::top::Top;
use crate::base::Millis;
use crate::base::errors::Result;
use crate::base::ids::{NamespaceId, SocketId};
use crate::base::sid::IdSpace;
use crate::cluster::Node;
use crate::engine::Engine;
use crate::engine::bus::Bus;
use crate::engine::quotas::{Counts, Quotas};
use crate::engine::service::{Flow, Output, Owed, Parcel, Service};
use crate::host::cluster::OwnChannels;
use crate::host::config::Config;
use crate::host::events::Events;
use crate::host::handshake::Handshake;
use crate::host::log::{Log, Silence};
use crate::host::peer::Peer;
use crate::host::proxies::ProxyFailure;
use crate::host::reason::Endings;
use crate::host::sights::Watch;
use crate::host::stats::count;
use crate::host::tls::{TlsFailure, TlsInfo};
use crate::hub::Hub;
use crate::hub::namespaces::NamespaceChange;
use crate::route::Followed;
use std::sync::Arc;
use std::time::Duration;

/// The broker without I/O, to be driven by `net` or by any other loop, through [`Service`].
///
/// Its calls take effect at once; the bytes leave with the next flush. Those that [`Broker`](crate::Broker) has too do the same
/// here.
pub struct Core {
    pub(super) engine: Engine,
    pub(super) top: Top,
}

/// What a core may have together with others of its broker, or with its owner. By default it has all to itself, and no log.
pub(crate) struct Shared {
    pub(crate) space: IdSpace,
    pub(crate) quotas: Box<dyn Quotas>,
    pub(crate) log: Box<dyn Log>,
}

impl Default for Shared {
    fn default() -> Self {
        Self { space: IdSpace::whole(), quotas: Box::<Counts>::default(), log: Box::new(Silence) }
    }
}

impl Core {
    /// A broker with its namespace `/`, which is open unless the host makes it guarded. `epoch` is the wall clock at the
    /// broker's time zero, in milliseconds since 1970; what is later than the year 9999 counts as its end.
    ///
    /// # Errors
    /// [`Error::BadConfig`](crate::Error::BadConfig) if a value cannot be worked with.
    pub fn new(config: Config, epoch: u64) -> Result<Self> {
        Self::sharing(config, epoch, Shared::default())
    }

    /// The same for a core that has something together with others.
    pub(crate) fn sharing(config: Config, epoch: u64, shared: Shared) -> Result<Self> {
        let Shared { space, quotas, log } = shared;
        let (number, cluster) = (space.number(), config.cluster.clone());
        let mut engine = Engine::new(config, epoch, space.clone(), quotas, log)?;
        let mut hub = Hub::new(&mut engine, space)?;
        // All of them say which namespaces they have; the first speaks for all.
        if cluster.is_some() {
            hub.follow_namespaces();
        }
        let node = cluster.filter(|_| number == 0).map(|cluster| Node::new(&cluster)).transpose()?;
        let top = Top {
            hub,
            pages: Pages::default(),
            reporter: None,
            node: node.map(Box::new),
            among: AmongCores::default(),
        };
        let mut core = Self { engine, top };
        core.settle();
        Ok(core)
    }

    /// Tells the hub what has become of sessions by a call of the host's.
    pub(super) fn settle(&mut self) {
        self.engine.tell(&mut self.top);
        if self.engine.config.cluster.is_some() {
            self.top.follow();
            self.top.send_answers(&self.engine);
            self.top.send_session_orders(&self.engine);
        }
    }

    /// Which namespaces have come and gone since the last time, for the core that speaks for all in a cluster. That one has told its node.
    pub(crate) fn namespace_changes(&mut self) -> Vec<NamespaceChange> {
        self.top.hub.namespace_changes()
    }

    /// Another core of the broker has a namespace, or has it no more.
    pub(crate) fn note_namespace(&mut self, change: &NamespaceChange) {
        self.top.note_namespace(&mut self.engine, change);
        self.settle();
    }

    /// Which rooms have come and gone since the last time, for the core that speaks for all, if it has asked for them.
    pub(crate) fn room_changes(&mut self) -> Vec<Followed> {
        self.top.hub.room_changes()
    }

    /// Another core of the broker has rooms, or has them no more.
    pub(crate) fn note_rooms(&mut self, changes: &[Followed]) {
        self.top.note_rooms(changes);
    }

    /// Which rooms the other cores are to tell this one of from now on, if that has changed.
    pub(crate) fn take_follow(&mut self) -> Option<OwnChannels> {
        self.top.among.take_follow()
    }

    /// From now on [`room_changes`](Self::room_changes) tells of these, first of those that are there.
    pub(crate) fn follow_rooms(&mut self, own: OwnChannels) {
        self.top.hub.follow_rooms(own);
    }

    /// What other nodes of a cluster have said since the last time, for the broker's other cores.
    pub(crate) fn take_heard(&mut self) -> Vec<News> {
        std::mem::take(&mut self.top.among.heard)
    }

    /// Takes in what the core that speaks for all has heard.
    pub(crate) fn learn(&mut self, news: &News) {
        self.top.learn(&mut self.engine, news);
        self.settle();
    }

    /// What is carried out next has this number, which it has on all cores of the broker that carry it out; or none, which is 0.
    pub(crate) fn set_ticket(&mut self, ticket: u64) {
        if let Some(stream) = self.top.hub.stream() {
            stream.set_ticket(ticket);
        }
    }

    /// What this core has to say to other nodes since the last time, for the core that speaks for all.
    pub(crate) fn take_parts(&mut self) -> Vec<Part> {
        std::mem::take(&mut self.top.among.parts)
    }

    /// Another core of the broker has this to say to other nodes.
    pub(crate) fn say(&mut self, part: Part) {
        self.top.say(&self.engine, part);
    }

    /// From now on this core tells others what it has, and answers a monitor for all of them.
    pub(crate) fn report_to(&mut self, others: Box<dyn Others>) {
        self.top.reporter = Some(Reporter::new(others));
        self.top.report(&self.engine);
    }

    /// Hands over the events since the last call: `events` is emptied first and its buffers are used for the next ones.
    pub fn take_events(&mut self, events: &mut Events) {
        self.engine.take_events(events);
    }

    /// The host has handled all batches of events below this one.
    pub(crate) fn set_handled(&mut self, batch: u64) {
        self.engine.set_handled(batch);
    }

    pub(crate) fn handled(&self) -> u64 {
        self.engine.handled()
    }

    /// The number of the batch that the next events will be.
    pub(crate) fn batch(&self) -> u64 {
        self.engine.batch()
    }

    /// The host calls for a turn although it is not done with the batch that it took last, or is done with it now.
    pub(crate) fn set_busy(&mut self, busy: bool) {
        self.engine.set_busy(busy);
    }

    /// Whether there are events to take.
    pub(crate) fn has_events(&self) -> bool {
        !self.engine.events.has_nothing()
    }

    /// Connections that are known for having moved from loop to loop, or being about to.
    #[cfg(test)]
    pub(crate) fn moves(&self) -> usize {
        self.engine.moves()
    }

    /// From now on links go back to the host with requests that are not for the broker, or not.
    #[cfg(unix)]
    pub(crate) fn set_hand_back(&mut self, on: bool) {
        self.engine.config.hand_back = on;
    }

    /// Whether one more TCP connection is taken.
    #[cfg(unix)]
    pub(crate) fn check_room(&self) -> Result<()> {
        self.engine.check_room()
    }

    /// TCP connections that are open.
    pub(crate) fn link_count(&self) -> usize {
        self.engine.open_links()
    }

    /// A command from another thread could not be carried out.
    pub(crate) fn count_remote_failure(&mut self) {
        count(&mut self.engine.counters.remote_failures, 1);
    }

    /// From now on an observer is told of what happens, or not.
    pub(crate) fn set_watch(&mut self, watch: Option<Watch>) {
        self.engine.watch = watch;
    }

    /// All sockets as an observer is told of them, in so many bytes. What does not fit is counted.
    pub(crate) fn survey(&mut self, most: usize) -> Vec<String> {
        let (views, unseen) = self.top.hub.survey(&self.engine, most);
        count(&mut self.engine.counters.admin_unseen, unseen);
        views
    }

    /// Each namespace with the number of its sockets, and how many connections poll.
    pub(crate) fn census(&self) -> (Vec<(String, usize)>, usize) {
        (self.top.hub.census(), self.engine.polling_connections())
    }

    /// How many connections have ended for each reason.
    pub(crate) fn endings(&self) -> Endings {
        self.engine.endings
    }

    /// A login or a command of an observer's was refused.
    pub(crate) fn count_admin_refusal(&mut self) {
        count(&mut self.engine.counters.admin_refused, 1);
    }

    /// How many emits were counted; a loop that is not the first one an emit concerns does not count it again.
    pub(crate) fn emits(&mut self) -> &mut u64 {
        &mut self.engine.counters.emits
    }

    /// How many drains have come to their end, each of which has its number in its event.
    pub(crate) fn drained(&self) -> u64 {
        self.engine.drained()
    }

    /// Output of this tick has reached `Limits::max_tick_bytes`: time to flush.
    pub fn wants_flush(&self) -> bool {
        self.engine.wants_flush()
    }

    /// Whether a flush has anything to do.
    pub fn has_output(&self) -> bool {
        self.engine.has_output() && !self.withholds(self.engine.now)
    }

    /// The limits and choices the broker was made with.
    pub fn config(&self) -> &Config {
        &self.engine.config
    }

    /// The namespace of this name, if it is there.
    pub fn find_namespace(&self, name: &str) -> Option<NamespaceId> {
        self.top.hub.find_namespace(name)
    }

    /// A namespace's name, with its slash.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    pub fn namespace_name(&self, namespace: NamespaceId) -> Result<&str> {
        self.top.hub.namespace_name(namespace)
    }

    /// All namespaces with their names, in a stable order.
    pub fn namespaces(&self) -> impl Iterator<Item = (NamespaceId, &str)> + '_ {
        self.top.hub.namespaces()
    }

    /// What the first request of a socket's client said.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn handshake(&self, socket: SocketId) -> Result<Handshake<'_>> {
        self.engine.conn_handshake(self.top.hub.conn_of(socket)?)
    }

    /// Takes connections again after [`Core::shut_down`].
    pub fn reopen(&mut self) {
        self.engine.reopen();
    }

    /// Ends every connection, with the reason `server shutting down`; new ones are refused. What is queued still goes
    /// out, as far as clients take it: flush until [`Core::has_output`] is false or your patience ends.
    pub fn shut_down(&mut self) {
        self.engine.shut_down();
        self.settle();
    }

    /// Forgets all links and connections without a word: the loop has closed them.
    pub fn abandon_links(&mut self) {
        self.engine.abandon_links();
        self.settle();
    }
}

impl Core {
    /// When the node has something for the host by itself; while there is no room for it, it keeps it.
    fn node_timeout(&self) -> Option<Millis> {
        self.top.node.as_ref().filter(|_| self.engine.wants_input())?.next_timeout()
    }

    /// Whether what is to be sent waits for its places in a cluster's stream.
    fn withholds(&self, now: Millis) -> bool {
        self.top.hub.withheld_until().is_some_and(|until| now < until) && !self.engine.wants_flush()
    }

    /// When something is due that is not the node's.
    fn own_timeout(&self) -> Option<Millis> {
        let report = self.top.reporter.as_ref().map(|reporter| reporter.due);
        earlier(earlier(self.engine.next_timeout(), self.top.hub.next_timeout()), report)
    }
}

impl Service for Core {
    fn bus(&self) -> Option<&dyn Bus> {
        self.top.node.as_ref().map(|node| node.bus())
    }

    fn bus_mut(&mut self) -> Option<&mut dyn Bus> {
        self.top.node.as_mut().map(|node| node.bus_mut())
    }

    fn bus_received(&mut self, now: Millis) {
        self.engine.advance(now);
        self.top.hear(&mut self.engine);
        self.settle();
    }

    fn opened(&mut self, link: usize, peer: Peer, now: Millis) -> bool {
        self.engine.link_opened(link, peer, now, &mut self.top)
    }

    fn arrived(&mut self, link: Option<usize>, parcel: Parcel, now: Millis) -> Option<Flow> {
        let flow = self.engine.arrived(link, parcel, now, &mut self.top);
        self.settle();
        flow
    }

    fn proxied(&mut self, link: usize, peer: Option<Peer>) {
        self.engine.proxied(link, peer);
    }

    fn proxy_failed(&mut self, link: usize, cause: ProxyFailure) {
        self.engine.proxy_failed(link, cause);
    }

    fn secured(&mut self, link: usize, tls: Arc<TlsInfo>) {
        self.engine.secured(link, tls);
    }

    fn tls_failed(&mut self, link: usize, cause: TlsFailure) {
        self.engine.tls_failed(link, cause);
    }

    fn received(&mut self, link: usize, bytes: &mut [u8], now: Millis) -> Flow {
        let flow = self.engine.received(link, bytes, now, &mut self.top);
        self.settle();
        flow
    }

    fn closed(&mut self, link: usize, _reset: bool, now: Millis) {
        self.engine.link_closed(link, now);
        self.settle();
    }

    fn half_closed(&mut self, link: usize) {
        self.engine.half_closed(link);
    }

    fn owed(&self, link: usize) -> Owed {
        self.engine.owed(link)
    }

    fn writable(&mut self, link: usize) {
        self.engine.writable(link);
    }

    fn flush(&mut self, out: &mut impl Output, now: Millis) {
        if self.withholds(now) {
            if let Some(stream) = self.top.hub.stream() {
                stream.seal();
            }
            return;
        }
        self.top.hub.end_tick(&mut self.engine, now);
        self.engine.flush(out, now, &mut self.top);
        self.settle();
    }

    fn timeout(&mut self, now: Millis) {
        self.engine.advance(now);
        // Whatever is due first, wherever: an answer that did not come, then the end of who owed it.
        while let Some(due) = self.own_timeout().filter(|&due| due <= self.engine.now) {
            if self.engine.next_timeout() == Some(due) {
                self.engine.run_timer();
            } else if self.top.hub.next_timeout() == Some(due) {
                self.top.hub.run_timer(&mut self.engine);
            } else {
                self.top.report(&self.engine);
            }
            self.settle();
        }
        if self.node_timeout().is_some_and(|due| due <= now) {
            self.bus_received(now);
        }
    }

    fn slept_through(&mut self, time: Millis) {
        self.engine.slept_through(time);
    }

    fn unheard(&mut self, time: Millis) -> Option<Millis> {
        self.engine.unheard(time)
    }

    fn flush_took(&mut self, time: Duration) {
        self.engine.flush_took(time);
    }

    fn step_took(&mut self, time: Duration) {
        self.engine.step_took(time);
    }

    fn next_timeout(&self) -> Option<Millis> {
        earlier(earlier(self.own_timeout(), self.node_timeout()), self.top.hub.withheld_until())
    }

    fn wants_input(&self) -> bool {
        self.engine.wants_input()
    }

    fn waiting(&self) -> usize {
        self.engine.events.len()
    }

    fn has_work(&self) -> bool {
        // A loop with a thread of its own need not wait for its host to take them.
        (self.engine.config.loops == 0 && self.has_events()) || self.has_output()
    }

    fn puts_off(&self) -> bool {
        self.has_output()
    }
}

fn earlier(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

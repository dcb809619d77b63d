//! What a loop tells the engine: links that open and close, what they bring, and the time. It must not send anything.

use super::conn::Timer;
use super::link::{Http, Link};
use super::service::Flow;
use super::{Engine, Upper};
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::limits::fields;
use crate::base::refused::LimitError;
use crate::host::peer::Peer;
use crate::host::proxies::ProxyFailure;
use crate::host::stats::count;
use crate::host::tls::{TlsFailure, TlsInfo};
use std::sync::Arc;
use std::time::Duration;

/// # As a [`Service`](super::service::Service) is asked, with what sits above
impl Engine {
    pub(crate) fn link_opened(
        &mut self,
        link: usize,
        peer: Peer,
        now: Millis,
        upper: &mut impl Upper,
    ) -> bool {
        self.advance(now);
        if self.check_room().is_err() {
            count(&mut self.counters.links_refused, 1);
            return false;
        }
        *self.link(link as u32) = Link::Http(Box::new(Http::new(peer)));
        self.open_links = self.open_links.saturating_add(1);
        count(&mut self.counters.links_opened, 1);
        self.http_progress(link as u32, upper);
        true
    }

    /// Whether one more link is taken.
    pub(crate) fn check_room(&self) -> Result<()> {
        let most = self.config.limits.max_links;
        if self.shutting_down {
            Err(Error::Closed)
        } else if self.open_links >= most as usize {
            Err(LimitError::new(&fields::max_links, most.into()).into())
        } else {
            Ok(())
        }
    }

    /// A proxy has said whose a link is.
    pub(crate) fn proxied(&mut self, link: usize, peer: Option<Peer>) {
        count(&mut self.counters.proxy_headers, 1);
        if let (Link::Http(http), Some(peer)) = (self.link(link as u32), peer) {
            http.peer = peer;
        }
    }

    /// A proxy has not said whose a link is. That it ends, is told next.
    pub(crate) fn proxy_failed(&mut self, link: usize, cause: ProxyFailure) {
        let counters = &mut self.counters;
        let counter = match cause {
            ProxyFailure::Malformed => &mut counters.proxy_headers_malformed,
            ProxyFailure::Timeout => &mut counters.proxy_headers_timed_out,
            ProxyFailure::Closed => &mut counters.proxy_headers_abandoned,
        };
        count(counter, 1);
        if let Some(Link::Http(http)) = self.links.get(link) {
            self.log_no_header(&http.peer, cause);
        }
    }

    /// A link's TLS is settled, before it has brought anything.
    pub(crate) fn secured(&mut self, link: usize, tls: Arc<TlsInfo>) {
        if let Link::Http(http) = self.link(link as u32) {
            http.tls = Some(tls);
            count(&mut self.counters.tls_handshakes, 1);
        }
    }

    /// A link's TLS has failed. That it ends, is told next.
    pub(crate) fn tls_failed(&mut self, link: usize, cause: TlsFailure) {
        let counters = &mut self.counters;
        let counter = match cause {
            TlsFailure::Incompatible => &mut counters.tls_incompatible,
            TlsFailure::Untrusted => &mut counters.tls_untrusted,
            TlsFailure::Refused => &mut counters.tls_refused,
            TlsFailure::Malformed => &mut counters.tls_malformed,
            TlsFailure::Timeout => &mut counters.tls_timed_out,
            TlsFailure::Closed => &mut counters.tls_abandoned,
        };
        count(counter, 1);
        if let Some(Link::Http(http)) = self.links.get(link) {
            self.log_no_tls(&http.peer, cause);
        }
    }

    pub(crate) fn received(
        &mut self,
        link: usize,
        bytes: &mut [u8],
        now: Millis,
        upper: &mut impl Upper,
    ) -> Flow {
        self.advance(now);
        count(&mut self.counters.bytes_in, bytes.len() as u64);
        let link = link as u32;
        match self.link(link) {
            Link::Http(_) => self.http_received(link, bytes, upper),
            Link::WebSocket(_) => {
                self.websocket_received(link, bytes, upper);
                self.flow(link)
            }
            Link::Free => Flow::Continue,
        }
    }

    pub(crate) fn link_closed(&mut self, link: usize, now: Millis) {
        self.advance(now);
        let link = link as u32;
        let state = std::mem::take(self.link(link));
        if matches!(state, Link::Free) {
            return;
        }
        self.link_is_gone();
        self.timers.cancel(Timer::Link(link));
        match state {
            Link::Free => {}
            Link::Http(http) => self.http_lost(link, *http),
            Link::WebSocket(websocket) => self.websocket_lost(websocket.conn, websocket.role),
        }
    }

    pub(crate) fn writable(&mut self, link: usize) {
        let link = link as u32;
        match self.link(link) {
            Link::Free => {}
            Link::Http(http) => {
                if std::mem::take(&mut http.blocked) {
                    self.ready_links.push(link);
                }
            }
            Link::WebSocket(websocket) => {
                let conn = websocket.conn;
                let output = !websocket.output.is_empty();
                if output {
                    self.ready_links.push(link);
                }
                if output || self.outbox.is_congested(conn.slot) {
                    self.ready.push(conn);
                }
            }
        }
    }

    pub(crate) fn slept_through(&mut self, time: Millis) {
        self.epoch = self.epoch.saturating_add(time);
        self.hasten_pings(time);
    }

    pub(crate) fn unheard(&mut self, time: Millis) -> Option<Millis> {
        let patience = self.config.ping_timeout / 2;
        if time < patience {
            return Some(patience);
        }
        self.ping_unheard();
        Some(time.saturating_add(self.config.ping_interval))
    }

    pub(crate) fn flush_took(&mut self, time: Duration) {
        if std::mem::take(&mut self.flushed) {
            self.flushes.record(time);
        }
    }

    pub(crate) fn step_took(&mut self, time: Duration) {
        self.steps.record(time);
    }

    /// When the first of its timers is due.
    pub(crate) fn next_timeout(&self) -> Option<Millis> {
        self.timers.next()
    }

    pub(crate) fn wants_input(&self) -> bool {
        let limits = &self.config.limits;
        let waiting = self.events.len().saturating_add(self.handing_back);
        waiting < limits.max_events && self.events.byte_len() < limits.max_event_bytes
    }

    /// What goes back stands still: no time that is counted from now on is shorter than nothing.
    pub(crate) fn advance(&mut self, now: Millis) {
        self.now = self.now.max(now);
    }
}

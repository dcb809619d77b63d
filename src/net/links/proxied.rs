//! Links of proxies that say first whose connection it is, by the PROXY protocol. It must not let the service see a byte before that.

use super::{Links, Share, State, Watch};
use crate::base::Millis;
use crate::engine::service::{Flow, ProxyFailure, Service};
use crate::host::peer::Peer;
use crate::net::REARMED_BY_WOULD_BLOCK;
use crate::net::stream::{ProxiedStream, Stream};
use crate::wire::proxy;
use std::io::ErrorKind;

impl Links {
    /// Whether a header is awaited on it, and it is still the one that it was.
    fn is_headed(link: Option<&super::Link>, serial: u32) -> bool {
        link.is_some_and(|link| {
            let headed = matches!(link.stream, Some(Stream::Proxied(_)));
            link.state == State::Open && link.serial == serial && headed
        })
    }

    /// Gives up on links whose header is not whole in time.
    pub(super) fn end_late_headers(&mut self, service: &mut impl Service, now: Millis) {
        loop {
            let Self { headers, slab, .. } = &mut *self;
            let late = headers.take_late(now, |key, serial| Self::is_headed(slab.get(key), serial));
            let Some(key) = late else { break };
            service.proxy_failed(key, ProxyFailure::Timeout);
            self.break_off(key);
        }
    }

    /// Reads the header of a link, and tells the service of it, and of what came with it.
    pub(super) fn read_header<S: Service>(
        &mut self,
        key: usize,
        service: &mut S,
        buffer: &mut [u8],
        share: Share,
        watch: &mut Watch,
        now: Millis,
    ) {
        let room = buffer.len().min(proxy::MAX);
        let failure = loop {
            let Some(link) = self.slab.get_mut(key) else { return };
            let Some(Stream::Proxied(proxied)) = &mut link.stream else { return };
            let Some(piece) = buffer.get_mut(..room) else { return };
            let count = match proxied.stream.read(piece) {
                Ok(0) => break Some(ProxyFailure::Closed),
                Ok(count) => count,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        link.readable = false;
                        return;
                    }
                    ErrorKind::Interrupted => continue,
                    _ => break None,
                },
            };
            watch.is_over_after(0, count);
            link.readable = count == room || link.ending || REARMED_BY_WOULD_BLOCK;
            // At most one piece more than a header has: with that it is found, or refused.
            proxied.header.extend_from_slice(piece.get(..count).unwrap_or_default());
            match proxy::parse(&proxied.header) {
                Ok(None) if link.readable => {}
                Ok(None) => return,
                Ok(Some(header)) => {
                    let source = header.source.map(Peer::from);
                    return self.pass_header(key, source, header.length, service, share, watch, now);
                }
                Err(proxy::Malformed) => break Some(ProxyFailure::Malformed),
            }
        };
        if let Some(failure) = failure {
            service.proxy_failed(key, failure);
        }
        self.break_off(key);
    }

    /// The header is whole: the link is as any other from now on, and has brought what is behind the header.
    #[expect(clippy::too_many_arguments, reason = "those of a read, and what was read")]
    fn pass_header<S: Service>(
        &mut self,
        key: usize,
        source: Option<Peer>,
        length: usize,
        service: &mut S,
        share: Share,
        watch: &mut Watch,
        now: Millis,
    ) {
        let Some(link) = self.slab.get_mut(key) else { return };
        let Some(Stream::Proxied(proxied)) = link.stream.take() else { return };
        let ProxiedStream { stream, mut header } = *proxied;
        link.stream = Some(stream);
        service.proxied(key, source);
        #[cfg(feature = "tls")]
        self.await_handshake(key, now);
        let rest = header.get_mut(length..).unwrap_or_default();
        if rest.is_empty() {
            return;
        }
        #[cfg(feature = "tls")]
        if self.is_over_tls(key) {
            return self.read_first(key, service, rest, share, now);
        }
        let most = service.waiting().saturating_add(share.events);
        let flow = service.received(key, rest, now);
        watch.is_over_after(0, rest.len());
        if let Some(link) = self.slab.get_mut(key) {
            link.paused = flow == Flow::Pause;
            link.dense = service.waiting() > most;
        }
    }
}

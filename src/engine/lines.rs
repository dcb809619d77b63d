//! Lines of the log about requests, and about sessions without sockets. It must not say a connection's id: whoever has it can poll in the client's place.

use super::{End, Engine};
use crate::host::log::{FromPeer, Kind, Quote, is_fault};
use crate::host::peer::Peer;
use crate::host::proxies::ProxyFailure;
use crate::host::tls::TlsFailure;

impl Engine {
    pub(super) fn log_refused(&self, peer: Option<&Peer>, code: u8, message: &str, context: &str) {
        let (peer, context) = (FromPeer(peer), Quote(context));
        let text = format_args!("request refused{peer}: {code} {message} ({context})");
        self.log.add(Kind::Refused, text, self.now);
    }

    /// A request that could not be read to its end.
    pub(super) fn log_unread(&self, peer: &Peer, status: u16, why: &str) {
        let peer = FromPeer(Some(peer));
        self.log.add(Kind::Refused, format_args!("request refused{peer}: HTTP {status}, {why}"), self.now);
    }

    pub(super) fn log_no_header(&self, peer: &Peer, cause: ProxyFailure) {
        let text = format_args!("PROXY header{}: {}", FromPeer(Some(peer)), cause.text());
        self.log.add(Kind::NoProxyHeader, text, self.now);
    }

    /// What came behind an answer could not be read past, so that the link ends.
    pub(super) fn log_no_tls(&self, peer: &Peer, cause: TlsFailure) {
        let text = format_args!("TLS{} failed: {}", FromPeer(Some(peer)), cause.text());
        self.log.add(Kind::NoTls, text, self.now);
    }

    pub(super) fn log_unwanted(&self, peer: &Peer, why: &str) {
        let peer = FromPeer(Some(peer));
        let text = format_args!("a request{peer}: closed behind its answer: {why}");
        self.log.add(Kind::Refused, text, self.now);
    }

    /// A session that no hub knows of is over.
    pub(crate) fn log_closed(&self, end: &End) {
        let End { peer, reason, .. } = end;
        let kind = if is_fault(*reason) { Kind::ClosedByAFault } else { Kind::Closed };
        let peer = FromPeer(Some(peer));
        self.log.add(kind, format_args!("a connection{peer}: closed: {reason}"), self.now);
    }
}

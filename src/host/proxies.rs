//! Proxies whose word counts on where a request comes from. It must not take anybody else's.

use super::peer::Peer;
use crate::wire::http::Request;
use std::net::{IpAddr, SocketAddr};

/// Why a link ended whose proxy was to say first whose it is, by the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// It is no such header, or too long a one.
    Malformed,
    /// It was not whole in time.
    Timeout,
    /// The peer left before it was whole: so do balancers that look whether somebody listens.
    Closed,
}

impl ProxyFailure {
    /// For a line of the log.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "what came is none",
            Self::Timeout => "it did not come in time",
            Self::Closed => "the peer left before it",
        }
    }
}

/// Proxies whose word counts: on a client's address, and on the host that it asked for.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    networks: Vec<Network>,
    /// Those at the other end of a Unix socket.
    unix: bool,
}

/// How a list of proxies names those at the other end of a Unix socket.
const UNIX: &str = "unix:";

#[derive(Debug)]
struct Network {
    address: IpAddr,
    /// How many of its bits count.
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => prefix.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= bits).then_some(Self { address, prefix })
    }

    fn holds(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.prefix
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl Proxies {
    /// `None` if one of them is neither an address nor a network, nor `unix:`.
    pub(crate) fn parse(texts: &[String]) -> Option<Self> {
        let networks = texts.iter().filter(|text| *text != UNIX).map(|text| Network::parse(text));
        Some(Self { networks: networks.collect::<Option<_>>()?, unix: texts.iter().any(|text| text == UNIX) })
    }

    pub(crate) fn trust(&self, peer: &Peer) -> bool {
        self.trust_address(peer.ip())
    }

    /// Without an address it is a Unix socket's.
    fn trust_address(&self, address: Option<IpAddr>) -> bool {
        address.map_or(self.unix, |address| self.networks.iter().any(|network| network.holds(address)))
    }

    /// The address of the client behind a request: that of its peer, or what the trusted ones say. Each proxy adds the address it
    /// was called from on the right; what stands left of the first one that is not trusted may be a client's invention.
    /// `None`: a Unix socket's peer, of which nobody has said more.
    pub(crate) fn client(&self, peer: &Peer, request: &Request<'_>) -> Option<IpAddr> {
        let mut address = peer.ip();
        if !self.trust_address(address) {
            return address;
        }
        let lines: Vec<&[u8]> = request.all("x-forwarded-for").collect();
        for item in lines.iter().rev().flat_map(|line| line.rsplit(|&byte| byte == b',')) {
            let Some(next) = forwarded(item) else { break };
            address = next;
            if !self.trust_address(address) {
                break;
            }
        }
        address
    }
}

/// An address as proxies write it: also with a port, or in brackets. `Some(None)`, written `unix:` by nginx, is the peer of a
/// Unix socket.
fn forwarded(item: &[u8]) -> Option<Option<IpAddr>> {
    let text = std::str::from_utf8(item).ok()?.trim();
    if text == UNIX {
        return Some(None);
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: Option<IpAddr> = bare.parse().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|it| it.ip()))?;
    Some(Some(address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::Limits;
    use crate::wire::http;

    fn proxies(texts: &[&str]) -> Option<Proxies> {
        Proxies::parse(&texts.iter().map(|text| text.to_string()).collect::<Vec<_>>())
    }

    fn client(trusted: &[&str], peer: &str, headers: &[&str]) -> String {
        let lines: String = headers.iter().map(|value| format!("X-Forwarded-For: {value}\r\n")).collect();
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        let limits = Limits::default();
        let (request, _) = http::parse_head(head.as_bytes(), &limits).unwrap().unwrap();
        let peer = match peer {
            "unix:" => Peer::Unix(None),
            address => SocketAddr::new(address.parse().unwrap(), 1).into(),
        };
        let client = proxies(trusted).unwrap().client(&peer, &request);
        client.map_or("unix:".into(), |address| address.to_string())
    }

    #[test]
    fn the_first_address_from_the_right_that_no_trusted_proxy_has_is_the_client() {
        let ours = ["10.0.0.0/8", "::1", "fd00::/8"];
        for (peer, headers, expected) in [
            ("192.0.2.1", &["1.1.1.1"][..], "192.0.2.1"),
            ("10.1.2.3", &["1.1.1.1"], "1.1.1.1"),
            ("10.1.2.3", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.1.2.3", &["6.6.6.6", "1.1.1.1 , 10.9.9.9"], "1.1.1.1"),
            ("10.1.2.3", &["6.6.6.6,1.1.1.1", "10.9.9.9"], "1.1.1.1"),
            ("10.1.2.3", &["10.7.7.7, 10.9.9.9"], "10.7.7.7"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["1.1.1.1, nonsense"], "10.1.2.3"),
            ("10.1.2.3", &["1.1.1.1,,"], "10.1.2.3"),
            ("10.1.2.3", &["1.1.1.1:4711"], "1.1.1.1"),
            ("::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::5", &["[2001:db8::1]"], "2001:db8::1"),
            ("::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1"),
        ] {
            assert_eq!(client(&ours, peer, headers), expected, "{peer} {headers:?}");
        }
        assert_eq!(client(&[], "10.1.2.3", &["1.1.1.1"]), "10.1.2.3");
        assert_eq!(client(&["0.0.0.0/0"], "10.1.2.3", &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(client(&["0.0.0.0/0", "::/0"], "unix:", &["1.1.1.1"]), "unix:");
        assert_eq!(client(&["unix:"], "unix:", &["6.6.6.6, 1.1.1.1"]), "1.1.1.1");
        assert_eq!(client(&["unix:", "10.0.0.0/8"], "unix:", &["1.1.1.1, 10.9.9.9"]), "1.1.1.1");
        assert_eq!(client(&["unix:"], "unix:", &[]), "unix:");
        assert_eq!(client(&["unix:"], "unix:", &["1.1.1.1, unix:"]), "1.1.1.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &["1.1.1.1, unix:"]), "unix:");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            "localhost",
            "unix",
            "unix:/run/a.sock",
            "10.0.0.0/33",
            "::1/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "10.0",
        ] {
            assert!(proxies(&[bad]).is_none(), "{bad}");
        }
        assert!(proxies(&["10.0.0.0/0", "::/0", "::1/128"]).is_some());
    }
}

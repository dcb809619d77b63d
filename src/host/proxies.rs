//! Proxies whose word counts on where a request comes from. It must not take anybody else's.

use crate::wire::http::Request;
use std::net::{IpAddr, SocketAddr};

/// Proxies whose word counts: on a client's address, and on the host that it asked for.
#[derive(Debug, Default)]
pub(crate) struct Proxies(Vec<Network>);

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
    /// `None` if one of them is neither an address nor a network.
    pub(crate) fn parse(texts: &[String]) -> Option<Self> {
        texts.iter().map(|text| Network::parse(text)).collect::<Option<_>>().map(Self)
    }

    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// The address of the client behind a request: that of its peer, or what the trusted ones say. Each proxy adds the address it
    /// was called from on the right; what stands left of the first one that is not trusted may be a client's invention.
    pub(crate) fn client(&self, peer: SocketAddr, request: &Request<'_>) -> IpAddr {
        let mut address = peer.ip().to_canonical();
        if !self.trust(address) {
            return address;
        }
        let lines: Vec<&[u8]> = request.all("x-forwarded-for").collect();
        for item in lines.iter().rev().flat_map(|line| line.rsplit(|&byte| byte == b',')) {
            let Some(next) = forwarded(item) else { break };
            address = next;
            if !self.trust(address) {
                break;
            }
        }
        address
    }
}

/// An address as proxies write it: also with a port, or in brackets.
fn forwarded(item: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(item).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address: Option<IpAddr> = bare.parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|it| it.ip())).map(|it| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::Limits;
    use crate::host::handshake::Address;
    use crate::wire::http;

    fn proxies(texts: &[&str]) -> Option<Proxies> {
        Proxies::parse(&texts.iter().map(|text| text.to_string()).collect::<Vec<_>>())
    }

    fn client(trusted: &[&str], peer: &str, headers: &[&str]) -> String {
        let lines: String = headers.iter().map(|value| format!("X-Forwarded-For: {value}\r\n")).collect();
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        let limits = Limits::default();
        let (request, _) = http::parse_head(head.as_bytes(), &limits).unwrap().unwrap();
        proxies(trusted).unwrap().client(SocketAddr::new(peer.parse().unwrap(), 1), &request).to_string()
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
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in
            ["", "localhost", "10.0.0.0/33", "::1/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0"]
        {
            assert!(proxies(&[bad]).is_none(), "{bad}");
        }
        assert!(proxies(&["10.0.0.0/0", "::/0", "::1/128"]).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4() {
        let address = |text: &str| Address::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:1.2.3.4"), address("1.2.3.4"));
    }
}

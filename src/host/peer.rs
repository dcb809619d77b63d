//! Where a client's link comes from. It must not know who may be asked for it.

use crate::base::errors::{Error, Result};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// Where a link comes from: its other end, which behind a proxy is the proxy.
///
/// As text it is `127.0.0.1:40332` or `[::1]:40332`, and for a Unix socket `unix:`, with a path behind it if that end has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// An address and a port.
    Ip(SocketAddr),
    /// A Unix socket. Most clients give theirs no path. An abstract name of Linux begins with a NUL, and as text with `@`.
    Unix(Option<Arc<Path>>),
}

impl Peer {
    /// Its address, if it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address.ip().to_canonical()),
            Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

/// An address and a port, as [`SocketAddr`] takes them.
impl<I: Into<IpAddr>> From<(I, u16)> for Peer {
    fn from(address: (I, u16)) -> Self {
        Self::Ip(address.into())
    }
}

/// As it is as text; an address may have no port, which is 0 then.
impl FromStr for Peer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix('@').map_or_else(|| path.to_owned(), |name| format!("\0{name}"));
            return Ok(Self::Unix((!path.is_empty()).then(|| Path::new(&path).into())));
        }
        let address = text.parse::<SocketAddr>().or_else(|_| text.parse().map(|ip: IpAddr| (ip, 0).into()));
        address.map(Self::Ip).map_err(|_| Error::BadValue("peer: it is an address, or begins with unix:"))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(None) => f.write_str("unix:"),
            Self::Unix(Some(path)) => write!(f, "unix:{}", PathText(path)),
        }
    }
}

/// The path of a Unix socket as text: an abstract name begins with `@`.
pub(crate) struct PathText<'a>(pub(crate) &'a Path);

impl fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        match text.strip_prefix('\0') {
            Some(name) => write!(f, "@{name}"),
            None => f.write_str(&text),
        }
    }
}

/// By what limits per address count: of IPv6 the network, since whoever has one address there has all of it. All ends of Unix
/// sockets are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    V4(u32),
    V6(u64),
    Unix,
}

impl From<Option<IpAddr>> for Address {
    fn from(ip: Option<IpAddr>) -> Self {
        match ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => Address::V4(ip.to_bits()),
            Some(IpAddr::V6(ip)) => Address::V6((ip.to_bits() >> 64) as u64),
            None => Address::Unix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_a_path_and_an_abstract_name_have_a_text() {
        let unix = |path: &str| Peer::Unix(Some(Path::new(path).into())).to_string();
        let ip = |text: &str| Peer::from(text.parse::<SocketAddr>().unwrap());
        assert_eq!(ip("[::1]:40332").to_string(), "[::1]:40332");
        assert_eq!(Peer::Unix(None).to_string(), "unix:");
        assert_eq!((unix("/run/a.sock"), unix("\0a")), ("unix:/run/a.sock".into(), "unix:@a".into()));
        assert_eq!(ip("[::ffff:1.2.3.4]:5").ip(), Some([1, 2, 3, 4].into()));
        assert_eq!(Peer::Unix(None).ip(), None);
        for text in ["[::1]:40332", "1.2.3.4:5", "unix:", "unix:/run/a.sock", "unix:@a"] {
            assert_eq!(text.parse::<Peer>().unwrap().to_string(), text);
        }
        assert_eq!("::1".parse(), Ok(ip("[::1]:0")));
        assert!("localhost:1".parse::<Peer>().is_err());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4() {
        let address = |text: &str| Address::from(Some(text.parse::<IpAddr>().unwrap()));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:1.2.3.4"), address("1.2.3.4"));
    }
}

//! What an event loop and a bus behind it ask of each other: connections that the loop opens, where links are those it accepts. It
//! must not know of sockets, nor what goes over them.

use crate::base::Millis;
use crate::host::tls::Trust;
use std::fmt;
use std::path::PathBuf;

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A host's name or its address without brackets, and its port.
    Tcp(String, u16),
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// As many connections as a bus may have.
pub(crate) const MOST: usize = 260;

/// Some connections that are to be open, each with a number of its own, from 0 on and below [`MOST`].
pub trait Bus {
    /// Time has passed. To be called before the others wherever it has.
    fn tick(&mut self, now: Millis);

    /// When [`tick`](Self::tick) has something to do, if ever.
    fn next_timeout(&self) -> Option<Millis>;

    /// One that is to be closed at once, without another word about it. To be asked before [`dial`](Self::dial).
    fn hung_up(&mut self) -> Option<usize>;

    /// One that is to be opened now, and where it goes: what comes next about it is [`connected`](Self::connected) or
    /// [`closed`](Self::closed).
    fn dial(&mut self) -> Option<(usize, Endpoint)>;

    /// How its connections are secured, if they are: they are open then when that is settled.
    fn trust(&self) -> Option<&Trust> {
        None
    }

    /// It is open.
    fn connected(&mut self, connection: usize);

    /// It could not be opened, or is not open any more. `why` is for people.
    fn closed(&mut self, connection: usize, why: &str);

    /// Bytes have come. While [`has_news`](Self::has_news), there should be no more of them.
    fn received(&mut self, connection: usize, bytes: &[u8]);

    /// What is to be sent. It changes only by calls.
    fn output(&self, connection: usize) -> &[u8];

    /// So many bytes of the output are gone.
    fn sent(&mut self, connection: usize, count: usize);

    /// Something waits for a connection over which it could be sent, or has not been heard for certain.
    fn owes(&self) -> bool;

    /// Something has been heard that nobody has looked at.
    fn has_news(&self) -> bool;
}

//! Where an endpoint is: its name is looked up beside the loop, as that may take seconds. It must not look up more than one name at a
//! time for a connection.

use crate::engine::bus::Endpoint;
use crate::net::stream::Stream;
use crate::net::waker::Waker;
use mio::net::TcpStream;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::{fmt, io, thread};

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

impl Address {
    /// Begins to connect.
    pub(super) fn connect(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(address) => {
                let stream = Stream::Tcp(TcpStream::connect(*address)?);
                stream.prepare_outgoing()?;
                Ok(stream)
            }
            #[cfg(unix)]
            Self::Unix(path) => {
                let stream = Stream::Unix(mio::net::UnixStream::connect(path)?);
                stream.prepare_outgoing()?;
                Ok(stream)
            }
            #[cfg(not(unix))]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// The address of an endpoint that has no name.
pub(super) fn known(endpoint: &Endpoint) -> Option<Address> {
    match endpoint {
        Endpoint::Tcp(host, port) => {
            host.parse::<IpAddr>().ok().map(|address| Address::Tcp(SocketAddr::new(address, *port)))
        }
        Endpoint::Unix(path) => Some(Address::Unix(path.clone())),
    }
}

type Addresses = io::Result<VecDeque<Address>>;

/// A name that is being looked up, by a thread of its own that ends with it.
#[derive(Debug, Default)]
pub(super) struct LookUp(Option<(Endpoint, Receiver<Addresses>)>);

impl LookUp {
    /// Begins, unless the same has begun before and is not at its end. The result is there when the loop is woken.
    pub(super) fn begin(&mut self, endpoint: &Endpoint, waker: &Waker) -> io::Result<()> {
        let Endpoint::Tcp(host, port) = endpoint else { return Ok(()) };
        if self.0.as_ref().is_some_and(|(before, _)| before == endpoint) {
            return Ok(());
        }
        let (sender, receiver) = channel();
        let (host, port, waker) = (host.clone(), *port, waker.clone());
        thread::Builder::new().name("roomcast-dns".to_owned()).spawn(move || {
            let found = (&*host, port).to_socket_addrs();
            let found = found.map(|found| found.take(MOST_ADDRESSES).map(Address::Tcp).collect());
            // Nobody may wait for it any more.
            let _ = sender.send(found);
            waker.wake();
        })?;
        self.0 = Some((endpoint.clone(), receiver));
        Ok(())
    }

    /// What was found, once.
    pub(super) fn result(&mut self) -> Option<Addresses> {
        let (_, receiver) = self.0.as_ref()?;
        let result = match receiver.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(io::ErrorKind::Other.into()),
        };
        self.0 = None;
        Some(result)
    }
}

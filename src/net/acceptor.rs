//! A socket that listens: of TCP or a Unix socket. It must not know who takes in what it accepts.

#[cfg(feature = "tls")]
use super::session::Session;
#[cfg(feature = "tls")]
use super::shown::Shown;
#[cfg(unix)]
use super::socket_file::SocketFile;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::stream::TlsStream;
use crate::host::peer::Peer;
use mio::event::Source;
use mio::net::TcpListener;
#[cfg(unix)]
use mio::net::UnixListener;
use mio::{Interest, Registry, Token};
use std::io;

#[derive(Debug)]
pub(super) struct Acceptor {
    listening: Listening,
    /// A proxy says first whose each connection is.
    proxied: bool,
}

#[derive(Debug)]
pub(super) enum Listening {
    Tcp(TcpListener),
    #[cfg(feature = "tls")]
    Tls(TcpListener, Shown),
    /// The file is there if it is ours.
    #[cfg(unix)]
    Unix(UnixListener, #[expect(dead_code, reason = "it goes with the socket")] Option<SocketFile>),
}

impl Acceptor {
    pub(super) fn new(listening: Listening, proxied: bool) -> Self {
        Self { listening, proxied }
    }

    /// The same over TLS: of TCP alone.
    #[cfg(feature = "tls")]
    pub(super) fn over_tls(self, shown: &Shown) -> Self {
        let listening = match self.listening {
            Listening::Tcp(listener) => Listening::Tls(listener, shown.clone()),
            other => other,
        };
        Self { listening, ..self }
    }

    pub(super) fn accept(&self) -> io::Result<(Stream, Peer)> {
        let (stream, peer) = self.listening.accept()?;
        Ok((if self.proxied { Stream::proxied(stream) } else { stream }, peer))
    }
}

impl Listening {
    fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                Ok((Stream::Tcp(stream), address.into()))
            }
            #[cfg(feature = "tls")]
            Self::Tls(listener, shown) => {
                let (stream, address) = listener.accept()?;
                // It fails for no configuration that there is.
                let session = Session::new(shown.now()).map_err(|_| io::ErrorKind::ConnectionAborted)?;
                Ok((Stream::Tls(TlsStream { stream, session, ends: false }), address.into()))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let (stream, address) = listener.accept()?;
                Ok((Stream::Unix(stream), unix_peer(&address)))
            }
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(listener) => listener,
            #[cfg(feature = "tls")]
            Self::Tls(listener, _) => listener,
            #[cfg(unix)]
            Self::Unix(listener, _) => listener,
        }
    }
}

#[cfg(unix)]
fn unix_peer(address: &std::os::unix::net::SocketAddr) -> Peer {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        let path = [b"\0", name].concat();
        return Peer::Unix(Some(
            std::path::Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&path)).into(),
        ));
    }
    Peer::Unix(address.as_pathname().map(Into::into))
}

impl Source for Acceptor {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.listening.source().register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.listening.source().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.listening.source().deregister(registry)
    }
}

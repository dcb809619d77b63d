//! What a link is on the system's side: one stream, of TCP or of a Unix socket. It must not know what goes over it.

#[cfg(feature = "tls")]
use super::session::Session;
use mio::event::Source;
use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::time::Duration;

#[cfg(any(windows, target_vendor = "apple"))]
const NO_SIGNAL: i32 = 0;
#[cfg(not(any(windows, target_vendor = "apple")))]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
/// What is sent goes on its way with what is sent next, or when the kernel takes no more.
#[cfg(all(feature = "tls", target_os = "linux"))]
const MORE: i32 = NO_SIGNAL | libc::MSG_MORE;

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    /// The same with TLS, which is sealed and opened elsewhere: here the bytes are as they are on the wire.
    #[cfg(feature = "tls")]
    Tls(TlsStream),
    #[cfg(unix)]
    Unix(UnixStream),
    /// One of these, before which a proxy says whose it is.
    Proxied(Box<ProxiedStream>),
}

/// A stream, and what has come of the header before it.
#[derive(Debug)]
pub(super) struct ProxiedStream {
    pub(super) stream: Stream,
    pub(super) header: Vec<u8>,
}

/// A stream of TCP, and what is said of TLS over it.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(super) struct TlsStream {
    pub(super) stream: TcpStream,
    pub(super) session: Session,
    /// Our side is to end when all that is sealed is gone.
    pub(super) ends: bool,
}

#[cfg(feature = "tls")]
impl TlsStream {
    /// Sends what is sealed. `more` of it follows at once: where the kernel can be told so, packets are made for all of it together.
    pub(super) fn write(&mut self, sealed: &[u8], more: bool) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        if more {
            return self.stream.try_io(|| SockRef::from(&self.stream).send_with_flags(sealed, MORE));
        }
        #[cfg(not(target_os = "linux"))]
        let _ = more;
        self.stream.write(sealed)
    }
}

/// The same expression for whichever it is; for one with a header before it, what its own stream says.
macro_rules! either {
    ($stream:expr, $it:ident => $done:expr, $inner:ident => $said:expr) => {
        match $stream {
            Stream::Tcp($it) => $done,
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => {
                let $it = &tls.stream;
                $done
            }
            #[cfg(unix)]
            Stream::Unix($it) => $done,
            Stream::Proxied(proxied) => {
                let $inner = &proxied.stream;
                $said
            }
        }
    };
    (mut $stream:expr, $it:ident => $done:expr, $inner:ident => $said:expr) => {
        match $stream {
            Stream::Tcp($it) => $done,
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => {
                let $it = &mut tls.stream;
                $done
            }
            #[cfg(unix)]
            Stream::Unix($it) => $done,
            Stream::Proxied(proxied) => {
                let $inner = &mut proxied.stream;
                $said
            }
        }
    };
}

impl Stream {
    /// The same with the header of a proxy before it.
    pub(super) fn proxied(stream: Self) -> Self {
        Self::Proxied(Box::new(ProxiedStream { stream, header: Vec::new() }))
    }

    /// Sets what an accepted stream does not have from its listener.
    pub(super) fn prepare(&self) -> io::Result<()> {
        // Linux hands the listener's option down and saves a system call; others need not.
        #[cfg(not(target_os = "linux"))]
        if !self.keeps_words() {
            self.socket().set_tcp_nodelay(true)?;
        }
        #[cfg(target_vendor = "apple")]
        self.socket().set_nosigpipe(true)?;
        Ok(())
    }

    /// Sets what a stream needs that was accepted elsewhere. The connection has it then, and so whoever else has a descriptor of it.
    #[cfg(unix)]
    pub(super) fn prepare_adopted(&self) -> io::Result<()> {
        if let Self::Tcp(stream) = self {
            stream.set_nodelay(true)?;
        }
        self.socket().set_nonblocking(true)
    }

    /// Its descriptor, for somebody else. What is over TLS here is of no use elsewhere.
    #[cfg(unix)]
    pub(super) fn into_fd(self) -> Option<OwnedFd> {
        match self {
            Self::Tcp(stream) => Some(std::net::TcpStream::from(stream).into()),
            Self::Unix(stream) => Some(std::os::unix::net::UnixStream::from(stream).into()),
            #[cfg(feature = "tls")]
            Self::Tls(_) => None,
            Self::Proxied(_) => None,
        }
    }

    /// Sets what a stream that was opened here needs. A dead network is noticed though nothing is sent.
    pub(super) fn prepare_outgoing(&self) -> io::Result<()> {
        if let Self::Tcp(stream) = self {
            stream.set_nodelay(true)?;
            self.socket().set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(60)))?;
        }
        #[cfg(target_vendor = "apple")]
        self.socket().set_nosigpipe(true)?;
        Ok(())
    }

    /// Whether a stream that is being opened has come about. An error: it will not.
    pub(super) fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.socket().take_error()? {
            return Err(error);
        }
        match self.socket().peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(mut self, stream => stream.read(buffer), inner => inner.read(buffer))
    }

    /// Raises no SIGPIPE: a host with the default disposition of it lives on. Of TCP, std has it so; of Unix sockets not
    /// in all its versions.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_io(|| SockRef::from(&*stream).send_with_flags(bytes, NO_SIGNAL)),
            Self::Proxied(proxied) => proxied.stream.write(bytes),
        }
    }

    /// The same for several slices, as many as one system call takes. Not writev, as std has it: that one raises SIGPIPE.
    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(
            mut self,
            stream => stream.try_io(|| SockRef::from(&*stream).send_vectored_with_flags(slices, NO_SIGNAL)),
            inner => inner.write_vectored(slices)
        )
    }

    /// Tells mio that the kernel takes no more: one more call would only say so, which is what mio waits for.
    pub(super) fn note_full(&self) {
        let full = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        either!(self, stream => drop(stream.try_io(full)), inner => inner.note_full());
    }

    /// A peer that has closed cannot be sent anything, but what it said before is still to be read. Of TCP, only a broken
    /// connection is told so.
    pub(super) fn keeps_words(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(_) => false,
            #[cfg(unix)]
            Self::Unix(_) => true,
            Self::Proxied(proxied) => proxied.stream.keeps_words(),
        }
    }

    /// Ends our side: the peer reads what was sent, and then the end.
    pub(super) fn end(&self) -> io::Result<()> {
        either!(self, stream => stream.shutdown(Shutdown::Write), inner => inner.end())
    }

    /// Has the peer told of a broken connection when it is closed, and what was not sent dropped.
    pub(super) fn break_off(&self) -> io::Result<()> {
        self.socket().set_linger(Some(Duration::ZERO))
    }

    /// Its TLS is not settled yet.
    #[inline]
    pub(super) fn is_shaking(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.session.is_shaking(),
            Self::Proxied(proxied) => proxied.stream.is_shaking(),
            _ => false,
        }
    }

    /// Something that was sealed waits for the kernel.
    pub(super) fn has_sealed(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(tls) => !tls.session.sealed().is_empty(),
            _ => false,
        }
    }

    fn socket(&self) -> SockRef<'_> {
        either!(self, stream => SockRef::from(stream), inner => inner.socket())
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        either!(mut self, stream => stream.register(registry, token, interests), inner => inner.register(registry, token, interests))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        either!(mut self, stream => stream.reregister(registry, token, interests), inner => inner.reregister(registry, token, interests))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        either!(mut self, stream => stream.deregister(registry), inner => inner.deregister(registry))
    }
}

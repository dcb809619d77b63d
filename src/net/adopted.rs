//! Streams that somebody else has accepted, with what has been read of them. It must not take one that it cannot go on with, nor change
//! one that it does not take.

use super::stream::Stream;
use crate::base::errors::Error;
use crate::base::limits::Limits;
use crate::host::peer::Peer;
use mio::net::{TcpStream, UnixStream};
use socket2::{Socket, Type};
use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A descriptor that could not be adopted, which is the caller's still, and why.
#[derive(Debug)]
pub struct NotAdopted {
    /// The descriptor, as it was.
    pub fd: OwnedFd,
    /// Of the kind `InvalidInput` for what is no stream that goes on, and for what has been read of it; with an [`Error`] inside where a
    /// limit was reached or the broker is closed; else what the system says.
    pub error: io::Error,
}

impl fmt::Display for NotAdopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for NotAdopted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<NotAdopted> for io::Error {
    /// So that a host's `main` can use `?`. The descriptor is closed.
    fn from(it: NotAdopted) -> Self {
        it.error
    }
}

/// What has been read of a stream may be one request.
pub(super) fn check_prefix(prefix: &[u8], limits: &Limits) -> io::Result<()> {
    if prefix.len() > limits.max_head_bytes.saturating_add(limits.max_payload) {
        return Err(
            Error::TooLarge("prefix: it is larger than max_head_bytes and max_payload together").into()
        );
    }
    Ok(())
}

/// A stream of our own over the same connection, and its other end.
pub(super) fn stream(fd: BorrowedFd<'_>) -> io::Result<(Stream, Peer)> {
    let socket = Socket::from(fd.try_clone_to_owned()?);
    let refuse = |what| Err(Error::BadValue(what).into());
    let local = socket.local_addr()?;
    let inet = local.as_socket().is_some();
    if socket.r#type()? != Type::STREAM || !(inet || local.is_unix()) {
        return refuse("fd: it is no stream socket of TCP, and no Unix socket");
    }
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    if socket.is_listener()? {
        return refuse("fd: it listens, and is no connection");
    }
    let peer = match socket.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            return refuse("fd: it is not connected");
        }
        peer => peer?,
    };
    socket.set_cloexec(true)?;
    Ok(match peer.as_socket() {
        Some(address) if inet => (Stream::Tcp(TcpStream::from_std(socket.into())), address.into()),
        _ => {
            let path = peer.as_pathname().map(Into::into);
            (Stream::Unix(UnixStream::from_std(socket.into())), Peer::Unix(path))
        }
    })
}

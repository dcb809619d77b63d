//! Connections that the host has accepted, and goes on with here. It must not consume what it does not take.

use super::{Broker, Driver};
use crate::base::errors::Result;
use crate::engine::service::Parcel;
use crate::host::peer::Peer;
use crate::host::request::ParsedRequest;
use crate::net::adopted::{self, NotAdopted};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

impl Broker {
    /// Goes on with a connection that the host has accepted: a stream socket of TCP or a Unix socket. `prefix` is what the host has
    /// read of it, mostly the head of a request; its bytes come before what is still to be read. `peer` is where it comes from, where
    /// that is not the socket's other end: behind a proxy, or by a header of the PROXY protocol that the host has read.
    ///
    /// The broker need not listen for it. With several [`loops`](crate::Config::loops) the connection goes to the one with the fewest.
    /// A request that is not for the broker is answered with 404, or handed back, if [`Config::hand_back`](crate::Config::hand_back) is on.
    /// Not for what is over TLS in the host: its keys are there.
    ///
    /// ```
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let client = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let (stream, _) = listener.accept()?;
    /// let read = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n"; // by the host, from the stream
    /// broker.adopt(stream, read, None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotAdopted`], with the descriptor: it is no stream socket that is connected, there are
    /// [`Limits::max_links`](crate::Limits::max_links), the prefix is larger than [`Limits::max_head_bytes`](crate::Limits::max_head_bytes) and
    /// [`Limits::max_payload`](crate::Limits::max_payload) together, the broker is closed, or what the system says.
    pub fn adopt(
        &mut self,
        fd: impl Into<OwnedFd>,
        prefix: &[u8],
        peer: Option<Peer>,
    ) -> Result<(), NotAdopted> {
        let fd = fd.into();
        match self.adopt_borrowed(fd.as_fd(), prefix.to_vec(), peer) {
            Ok(()) => Ok(()),
            Err(error) => Err(NotAdopted { fd, error }),
        }
    }

    /// The same for a connection of which the host has parsed the head of a request: the broker answers that request itself, be it with
    /// the 101 of a WebSocket or with HTTP, and then goes on with the connection. For servers that give their handlers a request and its
    /// socket: WSGI's, Go's `Hijacker`. It counts as one of HTTP/1.1; where the host wants the connection to end behind the answer, a
    /// header `Connection: close` says so.
    ///
    /// # Errors
    /// As [`adopt`](Self::adopt), and [`Error::BadValue`](crate::Error::BadValue) (as `InvalidInput`) for a method, a target or a header
    /// that is none.
    pub fn adopt_request(
        &mut self,
        fd: impl Into<OwnedFd>,
        request: &ParsedRequest<'_>,
        peer: Option<Peer>,
    ) -> Result<(), NotAdopted> {
        let fd = fd.into();
        let read = request.bytes(self.limits());
        match read.map_err(io::Error::from).and_then(|read| self.adopt_borrowed(fd.as_fd(), read, peer)) {
            Ok(()) => Ok(()),
            Err(error) => Err(NotAdopted { fd, error }),
        }
    }

    /// Takes connections by [`adopt`](Self::adopt) again after [`close`](Self::close), though the broker listens nowhere. To listen does the
    /// same.
    ///
    /// # Errors
    /// [`Error::Panic`](crate::Error::Panic) if a loop of the broker's own has ended, [`Error::Forked`](crate::Error::Forked).
    pub fn reopen(&mut self) -> Result<()> {
        self.check_process()?;
        match &mut self.driver {
            Driver::Host(shard, _) => shard.reopen(),
            Driver::Threads(threads) => threads.reopen()?,
        }
        Ok(())
    }

    /// Has connections handed back from now on, or not, as [`Config::hand_back`](crate::Config::hand_back) has it from the beginning.
    ///
    /// # Errors
    /// [`Error::Panic`](crate::Error::Panic) if a loop of the broker's own has ended, [`Error::Forked`](crate::Error::Forked).
    pub fn set_hand_back(&mut self, on: bool) -> Result<()> {
        self.check_process()?;
        match &mut self.driver {
            Driver::Host(shard, _) => shard.core.set_hand_back(on),
            Driver::Threads(threads) => threads.set_hand_back(on)?,
        }
        Ok(())
    }

    /// The same with a descriptor of its own for the connection, so that the caller's is left in any case.
    pub(crate) fn adopt_borrowed(
        &mut self,
        fd: BorrowedFd<'_>,
        prefix: Vec<u8>,
        peer: Option<Peer>,
    ) -> io::Result<()> {
        self.check_process()?;
        adopted::check_prefix(&prefix, self.limits())?;
        // Before the connection is changed.
        if let Driver::Host(shard, _) = &self.driver {
            shard.core.check_room()?;
        }
        let (stream, other_end) = adopted::stream(fd)?;
        let parcel = Parcel::of_adopted(peer.unwrap_or(other_end), prefix);
        match &mut self.driver {
            Driver::Host(shard, _) => {
                shard.adopt(stream, parcel)?;
                shard.io.arm();
                Ok(())
            }
            Driver::Threads(threads) => threads.adopt(stream, parcel),
        }
    }
}

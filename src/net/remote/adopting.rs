//! Connections that any thread has accepted, on their way to a loop. It must not consume what is not queued.

use super::Remote;
use crate::base::errors::Error;
use crate::engine::service::Parcel;
use crate::host::peer::Peer;
use crate::host::request::ParsedRequest;
use crate::net::adopted::{self, NotAdopted};
use crate::net::queues::Command;
use crate::net::shard::Shard;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// # Connections
///
/// No rows of the table: a descriptor has one owner, and goes to one loop.
impl Remote {
    /// As [`Broker::adopt`](crate::Broker::adopt), from any thread: in the order of the caller's other calls.
    ///
    /// # Errors
    /// As there. What shows only when the connection is taken in closes it, and is counted as of the other calls: that there are
    /// [`Limits::max_links`](crate::Limits::max_links), or that the broker is closed. [`Error::Full`] and [`Error::Closed`] as of these.
    pub fn adopt(&self, fd: impl Into<OwnedFd>, prefix: &[u8], peer: Option<Peer>) -> Result<(), NotAdopted> {
        let fd = fd.into();
        match self.adopt_borrowed(fd.as_fd(), prefix.to_vec(), peer) {
            Ok(()) => Ok(()),
            Err(error) => Err(NotAdopted { fd, error }),
        }
    }

    /// As [`Broker::adopt_request`](crate::Broker::adopt_request), from any thread.
    ///
    /// # Errors
    /// As there, and as [`adopt`](Self::adopt).
    pub fn adopt_request(
        &self,
        fd: impl Into<OwnedFd>,
        request: &ParsedRequest<'_>,
        peer: Option<Peer>,
    ) -> Result<(), NotAdopted> {
        let fd = fd.into();
        let read = request.bytes(self.queues.limits());
        match read.map_err(io::Error::from).and_then(|read| self.adopt_borrowed(fd.as_fd(), read, peer)) {
            Ok(()) => Ok(()),
            Err(error) => Err(NotAdopted { fd, error }),
        }
    }

    /// With a descriptor of its own for the connection, so that the caller's is left in any case.
    pub(crate) fn adopt_borrowed(
        &self,
        fd: BorrowedFd<'_>,
        prefix: Vec<u8>,
        peer: Option<Peer>,
    ) -> io::Result<()> {
        self.queues.check_process()?;
        adopted::check_prefix(&prefix, self.queues.limits())?;
        let (stream, other_end) = adopted::stream(fd)?;
        let parcel = Parcel::of_adopted(peer.unwrap_or(other_end), prefix);
        let take_in = move |shard: &mut Shard| {
            if let Err(error) = shard.adopt(stream, parcel) {
                let known = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
                shard.core.count_remote_failure();
                shard.inbox.failed("adopt", known.copied().unwrap_or(Error::Unsupported));
            }
        };
        let number = self.queues.with_fewest_links();
        Ok(self.queues.send_one(number, Command::Task(Box::new(take_in))).map_err(|(error, _)| error)?)
    }
}

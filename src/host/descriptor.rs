//! A connection that goes back to the host, on its way there. It must not outlive the batch of events that it is in, unless the host has
//! taken it.

use std::sync::Arc;

/// What the system has for a connection. Only Unix has descriptors to hand on.
#[cfg(unix)]
pub(crate) type Owned = std::os::fd::OwnedFd;
#[cfg(not(unix))]
pub(crate) type Owned = std::convert::Infallible;

/// The descriptor of an [`Event::Foreign`](crate::Event::Foreign). It is closed with its batch; [`try_clone`](Self::try_clone) gives the host
/// one of its own.
#[derive(Clone, Debug)]
pub struct Descriptor {
    #[cfg(feature = "capi")]
    number: i32,
    /// Shared by the copies of its event, on its way from loop to host.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is none to take"))]
    owned: Option<Arc<Owned>>,
}

#[cfg(unix)]
impl Descriptor {
    pub(crate) fn new(fd: Owned) -> Self {
        Self {
            #[cfg(feature = "capi")]
            number: std::os::fd::AsRawFd::as_raw_fd(&fd),
            owned: Some(Arc::new(fd)),
        }
    }

    /// A descriptor of the caller's own for the connection: a stream socket in non-blocking mode, closed when another program is executed.
    ///
    /// # Errors
    /// What the system says when the process has no descriptor left.
    pub fn try_clone(&self) -> std::io::Result<std::os::fd::OwnedFd> {
        self.owned.as_ref().ok_or(std::io::ErrorKind::NotFound)?.try_clone()
    }

    /// Makes the one that it has the caller's, unless it was taken before.
    #[cfg(feature = "capi")]
    pub(crate) fn take(&mut self) -> Option<Owned> {
        Arc::into_inner(self.owned.take()?)
    }
}

#[cfg(feature = "capi")]
impl Descriptor {
    /// Its number.
    pub(crate) fn number(&self) -> i32 {
        self.number
    }
}

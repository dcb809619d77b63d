//! That an address could not be listened on. It must not hide what the system said.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why an address could not be listened on: what is inside the error of [`Broker::listen`](crate::Broker::listen), so that its
/// text names the address.
///
/// ```
/// # use roomcast::*;
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let mut broker = Broker::new(Config::default())?;
/// let taken = broker.listen("127.0.0.1:0")?;
/// let error = Broker::new(Config::default())?.listen(taken).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
/// assert!(error.to_string().starts_with(&format!("{taken}: ")));
/// let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ListenError>()).expect("the system refused");
/// assert_eq!(inner.address(), taken);
/// assert!(inner.system().raw_os_error().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ListenError {
    address: SocketAddr,
    system: io::Error,
}

impl ListenError {
    /// The same error of the same kind, with the address. What the system has not said stays as it is.
    pub(super) fn name(address: SocketAddr, error: io::Error) -> io::Error {
        match error.raw_os_error() {
            Some(_) => io::Error::new(error.kind(), Self { address, system: error }),
            None => error,
        }
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the system said.
    pub fn system(&self) -> &io::Error {
        &self.system
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.system)
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.system)
    }
}

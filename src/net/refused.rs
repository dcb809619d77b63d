//! That it could not be listened somewhere. It must not hide what the system said.

use crate::base::errors::Error;
use std::fmt;
use std::io;

/// Why an address, a path or a descriptor could not be listened on: what is inside the error of
/// [`Broker::listen`](crate::Broker::listen) and its like, so that their text names it.
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
/// assert_eq!(inner.address(), taken.to_string());
/// assert!(inner.system().raw_os_error().is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ListenError {
    address: String,
    system: io::Error,
}

impl ListenError {
    /// The same error of the same kind, with the address. One of our own table is not about the address.
    pub(crate) fn name(address: impl fmt::Display, error: io::Error) -> io::Error {
        if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
            return error;
        }
        io::Error::new(error.kind(), Self { address: address.to_string(), system: error })
    }

    /// The address, the path, or the descriptor's number, as text.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the system said, or what is wrong with it.
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

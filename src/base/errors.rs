//! Every error a host can be given: one table of variant, stable code and text. It must not allocate.

use super::refused::{LimitError, RoomError};
use super::unfit::ConfigError;
use super::unimported::ImportError;
use std::fmt;

macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident $(($of:ty = $nothing:expr))? = $code:literal, $text:literal;)*) => {
        /// What went wrong in a call the host made.
        ///
        /// Codes are stable: a number is never reused. -1 to -99 are the caller's mistakes, -100 to -199
        /// are limits that were reached, -200 and below come from inside or from the operating system.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Error { $($(#[$doc])* $variant $(($of))?,)* }

        impl Error {
            /// All errors, in the order of their table; those that say more say nothing here.
            pub const ALL: &'static [Error] = &[$(Error::$variant $(($nothing))?,)*];

            /// The stable number of this error, as the C ABI returns it.
            pub const fn code(self) -> i32 {
                match self { $(Error::$variant { .. } => $code,)* }
            }

            /// One sentence for a person. What `Display` writes says more, where there is more to say.
            pub const fn text(self) -> &'static str {
                match self { $(Error::$variant { .. } => $text,)* }
            }

            /// The same with a NUL behind it.
            #[cfg(feature = "capi")]
            pub(crate) const fn text_with_nul(self) -> &'static str {
                match self { $(Error::$variant { .. } => concat!($text, "\0"),)* }
            }
        }
    };
}

errors! {
    /// The handle names nothing that lives: it was closed, disconnected or never existed.
    Gone = -1, "the handle is dead or was never valid";
    /// A handle of another kind was passed, for example a namespace where a socket is due.
    WrongKind = -2, "the handle is of another kind";
    /// An event name that Socket.IO keeps for itself, such as `connect` or `disconnect`.
    ReservedEvent = -3, "event: the name is reserved by Socket.IO";
    /// The arguments are not a JSON array, or one that is nested too deep: from this byte on, counted from 0. A text that only
    /// ends too early goes wrong at its length.
    BadJson(u32 = 0) = -4, "args: not a JSON array";
    /// Attachments are given, and a placeholder in the arguments names none of them. One without a placeholder is no error.
    BadAttachments = -5, "attachments: a placeholder names none of them";
    /// A namespace name does not begin with a slash or has a character that packets cannot carry.
    BadNamespace = -6, "namespace: the name cannot be used";
    /// A room name is empty or too long, and which.
    BadRoom(RoomError = RoomError::EMPTY) = -7, "room: the name is empty or too long";
    /// The socket still waits for the host's decision, or has had it already.
    WrongState = -8, "the call does not fit the state of the socket";
    /// A field of the configuration has a value that cannot be worked with.
    BadConfig(ConfigError = ConfigError::NONE) = -9, "a value of the configuration is out of range";
    /// A namespace of this name exists with other options.
    Exists = -10, "namespace: already there with other options";
    /// The path of an HTTP response does not begin with a slash, or is the Socket.IO path itself; or nothing is served there.
    BadPath = -11, "path: it does not begin with a slash, or is the Socket.IO path itself; or nothing is served there";
    /// The data given to a reject is not JSON: from this byte on, as with `BadJson`.
    BadData(u32 = 0) = -12, "data: not JSON";
    /// Only through the C ABI: a pointer that is needed is NULL.
    Null = -13, "a pointer that must not be NULL is NULL";
    /// Only through the C ABI, where texts are bytes.
    BadUtf8 = -14, "not UTF-8";
    /// Only through the C ABI: a struct is smaller than it ever was.
    BadSize = -15, "the size is smaller than any version of the struct";
    /// Only through the C ABI: the host was compiled against a header that this library cannot serve.
    AbiVersion = -16, "the program was compiled against another version of the interface";
    /// A value that is not among those allowed, such as a drain of no clients a second, and what is; through the C ABI also a
    /// batch that cannot be read.
    BadValue(&'static str = "") = -17, "not one of the values allowed";
    /// Only through the C ABI: an address that cannot be understood or resolved.
    BadAddress = -18, "the address cannot be understood or resolved";
    /// Only through the C ABI: nothing has this name.
    NotFound = -19, "there is nothing of this name";
    /// Only through the C ABI: what the call writes does not fit into the caller's buffer.
    TooSmall = -20, "the buffer is too small";
    /// Only through the C ABI: 0 where a handle is due, for example from a variable that was never set.
    NoHandle = -21, "there is no handle: it is 0";
    /// What `import_recovery` was given cannot be imported here, and why.
    BadImport(ImportError = ImportError::Damaged) = -22, "data: it cannot be imported here";
    /// The broker is in no cluster: `Config::cluster` makes it one of its nodes.
    NoCluster = -23, "the broker is in no cluster";
    /// A limit was reached: which, and what it is set to.
    TooMany(LimitError = LimitError::NONE) = -100, "a limit of the broker was reached";
    /// The remote's queue is full: the broker has not been polled for a while.
    Full = -101, "the queue to the broker is full";
    /// One message is larger than the broker can hold, or what is named here is longer than it may be.
    TooLarge(&'static str = "") = -102, "the message is too large";
    /// The broker on the other side of a remote is gone.
    Closed = -200, "the broker is closed";
    /// The operating system's random generator failed.
    NoEntropy = -201, "the system's random generator failed";
    /// The host's id generator gave no id, or one that is in use.
    BadId = -207, "the id generator gave no id, or one that is in use";
    /// Only through the C ABI: another call on the same object is running.
    Busy = -202, "another call is running: an object belongs to one thread at a time";
    /// A bug in the library, by a panic: in a loop of the broker's own or, through the C ABI, in any call. The broker can only
    /// be dropped.
    Panic = -203, "a bug in the library; the object is poisoned and can only be freed";
    /// Only through the C ABI: an earlier call ended in a panic.
    Poisoned = -204, "an earlier call ended in a bug of the library; the object can only be freed";
    /// Only through the C ABI: the operating system does not have this.
    Unsupported = -205, "not supported by this operating system";
    /// The broker was made by another process, and this one is its child after a fork: the threads are not here, and the
    /// descriptors are the other's. The broker can only be dropped.
    Forked = -206, "it belongs to the process that made it, and this is a child after a fork: make one here";
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadJson(at) | Error::BadData(at) => write!(f, "{}: wrong at byte {at}", self.text()),
            Error::BadConfig(error) => error.fmt(f),
            Error::BadRoom(error) => error.fmt(f),
            Error::BadImport(error) => error.fmt(f),
            Error::TooMany(error) => write!(f, "{}: {error}", self.text()),
            Error::BadValue(words) | Error::TooLarge(words) if !words.is_empty() => f.write_str(words),
            _ => f.write_str(self.text()),
        }
    }
}

impl std::error::Error for Error {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Error::BadConfig(error)
    }
}

impl From<RoomError> for Error {
    fn from(error: RoomError) -> Self {
        Error::BadRoom(error)
    }
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        Error::BadImport(error)
    }
}

impl From<LimitError> for Error {
    fn from(error: LimitError) -> Self {
        Error::TooMany(error)
    }
}

impl From<Error> for std::io::Error {
    /// So that a host's `main` can use `?` on both.
    fn from(error: Error) -> Self {
        let kind = match error.code() {
            -99..0 => std::io::ErrorKind::InvalidInput,
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The result of a call on the broker.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_negative_and_distinct() {
        let mut codes: Vec<i32> = Error::ALL.iter().map(|e| e.code()).collect();
        assert!(codes.iter().all(|&c| c < 0));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Error::ALL.len());
        // It is returned by every call.
        assert!(size_of::<Error>() <= 24);
    }
}

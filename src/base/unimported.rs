//! Why an export cannot be imported. It must not know what is in one, and must not allocate.

use std::fmt;

/// Why [`import_recovery`](crate::Broker::import_recovery) has refused what it was given, of which nothing was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImportError {
    /// It is not what [`export_recovery`](crate::Broker::export_recovery) gave: it was cut, changed, or is something else.
    Damaged,
    /// It is of a version of the format that this library does not know.
    Version(u32),
    /// It is of a broker with another number of loops. 0 and 1 of [`Config::loops`](crate::Config::loops) are the same.
    Loops {
        /// How many the broker had that it is of.
        exported: u32,
        /// How many this one has.
        here: u32,
    },
    /// A namespace that is in it is not here, or has no recovery. Namespaces and patterns are added first.
    Namespace,
    /// Clients have been here already, or another import. It is for a broker that has not listened yet.
    Late,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data: ")?;
        match self {
            ImportError::Damaged => f.write_str("not a whole and unchanged export"),
            ImportError::Version(version) => {
                write!(f, "an export in version {version} of its format, which is not known here")
            }
            ImportError::Loops { exported, here } => {
                write!(f, "an export of a broker with loops = {exported}, and this one has {here}")
            }
            ImportError::Namespace => f.write_str(
                "a namespace of it is not here with recovery: add namespaces and patterns before the import",
            ),
            ImportError::Late => {
                f.write_str("too late: clients have been here, or another import; import before you listen")
            }
        }
    }
}

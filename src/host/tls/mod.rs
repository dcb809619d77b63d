//! What the host says of TLS: its certificates and keys, and whom it trusts. It must not speak TLS, and must leave the process' own provider
//! of ciphers alone.

#[cfg(feature = "tls")]
pub(crate) mod pem;
#[cfg(feature = "tls")]
mod trust;

#[cfg(feature = "tls")]
#[expect(unreachable_pub, reason = "the trait of a bus, which is hidden, names it")]
pub use trust::Trust;
#[cfg(feature = "tls")]
pub(crate) use trust::Whom;

/// There is none where TLS is not built in.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {}

/// What is wrong with a certificate, a key or what is said of them, in words.
pub(crate) type Why = &'static &'static str;

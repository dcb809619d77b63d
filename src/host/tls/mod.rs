//! What the host says of TLS: its certificates and keys, and whom it trusts; and the ciphers it is spoken with. It must not speak TLS, and
//! must leave the process' own provider of ciphers alone.

#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
pub(crate) mod pem;
#[cfg(feature = "tls")]
pub(crate) mod traffic;
#[cfg(feature = "tls")]
mod trust;

#[cfg(feature = "tls")]
pub use config::TlsConfig;
#[cfg(feature = "tls")]
#[expect(unreachable_pub, reason = "the trait of a bus, which is hidden, names it")]
pub use trust::Trust;
#[cfg(feature = "tls")]
pub(crate) use trust::Whom;

/// There is none where TLS is not built in.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {}

/// What is known of a link over TLS when its handshake is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The client's own certificate, as DER, if it was asked for one and has shown that it is its own.
    pub certificate: Option<Box<[u8]>>,
}

/// Why the TLS of a link has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// No version, cipher or protocol is known to both.
    Incompatible,
    /// The client has no certificate, or none that is trusted.
    Untrusted,
    /// The client has said that it does not want to go on: most do not trust our certificate.
    Refused,
    /// What came is no TLS, or breaks its rules.
    Malformed,
    /// The handshake was not over in time.
    Timeout,
    /// The client left during the handshake.
    Closed,
}

impl TlsFailure {
    /// For people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Incompatible => "no version, cipher or protocol that both know",
            Self::Untrusted => "its certificate is missing or not trusted",
            Self::Refused => "the client refused it",
            Self::Malformed => "what came is no TLS",
            Self::Timeout => "the handshake was not over in time",
            Self::Closed => "the client left during the handshake",
        }
    }
}

/// What is wrong with a certificate, a key or what is said of them, in words.
pub(crate) type Why = &'static &'static str;

//! What a host chooses of the admin interface. It must not decide what follows from it.

use crate::base::errors::{Error, Result};
use crate::base::open::Open;
use std::fmt;
use std::time::Duration;

/// Who may log in to the admin interface.
///
/// Its text for debugging has no password in it.
#[derive(Clone)]
#[non_exhaustive]
pub enum AdminAuth {
    /// Everybody. For a broker that nobody else reaches.
    Nobody,
    /// Whoever gives one of these names with its password, compared in a time that tells nothing of either.
    Logins(Vec<(String, String)>),
    /// The host decides: it gets the [`ConnectRequest`](crate::Event::ConnectRequest)s of the namespace, whose auth object is what was typed
    /// into the page (`username` and `password`), and answers each; and the [`Disconnect`](crate::Event::Disconnect)s.
    Host,
}

impl AdminAuth {
    pub(super) fn check(&self) -> Result<()> {
        match self {
            AdminAuth::Logins(logins) if logins.is_empty() => Err(Error::BadValue("auth: there is no login")),
            AdminAuth::Logins(logins)
                if logins.iter().any(|(name, word)| name.is_empty() || word.is_empty()) =>
            {
                Err(Error::BadValue("auth: a name or a password is empty"))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for AdminAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminAuth::Nobody => f.write_str("Nobody"),
            AdminAuth::Logins(logins) => f.debug_list().entries(logins.iter().map(|(name, _)| name)).finish(),
            AdminAuth::Host => f.write_str("Host"),
        }
    }
}

/// What the admin interface is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminMode {
    /// Everything: each socket, each change of rooms and each event, as it happens.
    #[default]
    Development,
    /// Figures alone.
    Production,
}

/// How the admin interface is served, for [`Broker::instrument`](crate::Broker::instrument).
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// The namespace of its own. `/admin` by default.
    pub namespace: String,
    /// What it is told. [`AdminMode::Development`] by default.
    pub mode: AdminMode,
    /// It may look, and not emit, join, leave or disconnect. Off by default.
    pub read_only: bool,
    /// What this server is called among those that the page shows. The machine's name by default.
    pub server_id: Option<String>,
    /// The time between two tellings of the figures, while somebody looks. 2 seconds by default.
    pub stats_interval: Duration,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for AdminOptions {
    fn default() -> Self {
        Self {
            namespace: "/admin".into(),
            mode: AdminMode::default(),
            read_only: false,
            server_id: None,
            stats_interval: Duration::from_secs(2),
            open: Open::default(),
        }
    }
}

impl AdminOptions {
    pub(super) fn check(&self) -> Result<()> {
        if self.stats_interval.is_zero() {
            return Err(Error::BadValue("stats_interval: it is more than 0"));
        }
        Ok(())
    }
}

//! Listening over TLS. It must not know a certificate.

use super::Broker;
use crate::base::errors::{Error, Result};
use crate::host::tls::TlsConfig;
use crate::net::bind::ListenOptions;
use crate::net::shown::Shown;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

impl Broker {
    /// Listens on an address as [`listen`](Self::listen) does, over TLS: for `wss://` and `https://`. Needs the crate's feature `tls`.
    ///
    /// What is not TLS is closed, and counted ([`Counters`](crate::Counters) has `tls_` rows by cause). A handshake has
    /// `Limits::tls_handshake_timeout`, and those of one turn `Limits::tls_handshake_budget`.
    /// [`Handshake::tls`](crate::Handshake::tls) says how a client came.
    ///
    /// ```no_run
    /// # use roomcast::*;
    /// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    /// # let mut broker = Broker::new(Config::default())?;
    /// let (chain, key) = (std::fs::read("fullchain.pem")?, std::fs::read("privkey.pem")?);
    /// broker.listen_tls("0.0.0.0:443", &TlsConfig::from_pem(&chain, &key)?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`listen`](Self::listen), and [`Error::BadValue`] (as `InvalidInput`) for a configuration that cannot be used.
    pub fn listen_tls(&mut self, address: impl ToSocketAddrs, config: &TlsConfig) -> io::Result<SocketAddr> {
        self.listen_tls_with(address, config, &ListenOptions::default())
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`listen_tls`](Self::listen_tls) and [`listen_with`](Self::listen_with).
    pub fn listen_tls_with(
        &mut self,
        address: impl ToSocketAddrs,
        config: &TlsConfig,
        options: &ListenOptions,
    ) -> io::Result<SocketAddr> {
        let shown = Shown::new(config)?;
        let bound = self.listen_as(address, options, " over TLS", |acceptor| acceptor.over_tls(&shown))?;
        self.shown.push((bound.port(), shown));
        Ok(bound)
    }

    /// Shows something else from now on, on this port: new certificates, mostly. Connections that are open stay as they are, and sessions from
    /// before can be resumed, unless clients are asked for certificates.
    ///
    /// # Errors
    /// [`Error::BadValue`] if nothing listens over TLS on this port, or for a configuration that cannot be used; then all is as before.
    pub fn set_tls(&mut self, port: u16, config: &TlsConfig) -> Result<()> {
        let mut found = false;
        for (_, shown) in self.shown.iter().filter(|(its, _)| *its == port) {
            shown.replace(config)?;
            found = true;
        }
        if found { Ok(()) } else { Err(Error::BadValue("nothing listens over TLS on this port")) }
    }
}

//! What listeners show of themselves over TLS: the same for all loops, and new from one handshake to the next. It must not know a
//! connection.

use crate::base::errors::Result;
use crate::host::tls::TlsConfig;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::server::ProducesTickets;
use std::sync::Arc;

/// Whoever has it, shows the same.
#[derive(Clone, Debug)]
pub(super) struct Shown(Arc<Mutex<Now>>);

#[derive(Debug)]
struct Now {
    config: Arc<ServerConfig>,
    tickets: Arc<dyn ProducesTickets>,
    /// Nobody is asked who he is.
    asks_nobody: bool,
}

impl Shown {
    pub(super) fn new(config: &TlsConfig) -> Result<Self> {
        let tickets = TlsConfig::tickets()?;
        let now = Now { config: config.build(tickets.clone())?, tickets, asks_nobody: config.asks_nobody() };
        Ok(Self(Arc::new(Mutex::new(now))))
    }

    /// For handshakes from now on. Sessions from before are resumed, unless somebody is asked who he is: who was not asked then would get
    /// around it.
    pub(super) fn replace(&self, config: &TlsConfig) -> Result<()> {
        let mut now = self.0.lock();
        let asks_nobody = config.asks_nobody();
        let goes_on = asks_nobody && now.asks_nobody;
        let tickets = if goes_on { now.tickets.clone() } else { TlsConfig::tickets()? };
        *now = Now { config: config.build(tickets.clone())?, tickets, asks_nobody };
        Ok(())
    }

    pub(super) fn now(&self) -> Arc<ServerConfig> {
        self.0.lock().config.clone()
    }
}

//! What a listener shows of itself over TLS: its certificates, and whose it asks for. It must not listen.

use super::{Why, pem, traffic};
use crate::base::errors::{Error, Result};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ParsedCertificate, ProducesTickets, ResolvesServerCert,
    WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::sync::Arc;

/// What a listener shows of itself over TLS: [`Broker::listen_tls`](crate::Broker::listen_tls) with the feature `tls`.
///
/// TLS 1.2 and 1.3, as rustls has them with ring; ALPN is `http/1.1`. Clients that come again resume their session by tickets, for which
/// nothing is kept here. With an ECDSA certificate a handshake costs a fraction of what one with RSA does.
///
/// ```no_run
/// # use roomcast::*;
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let (chain, key) = (std::fs::read("fullchain.pem")?, std::fs::read("privkey.pem")?);
/// let mut broker = Broker::new(Config::default())?;
/// let address = broker.listen_tls("0.0.0.0:443", &TlsConfig::from_pem(&chain, &key)?)?;
/// // Later, when the files are new: nobody is disconnected.
/// let (chain, key) = (std::fs::read("fullchain.pem")?, std::fs::read("privkey.pem")?);
/// broker.set_tls(address.port(), &TlsConfig::from_pem(&chain, &key)?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsConfig {
    provider: Arc<CryptoProvider>,
    identities: Vec<Arc<CertifiedKey>>,
    clients: Option<Clients>,
}

/// Whose certificates are asked for.
#[derive(Clone)]
struct Clients {
    roots: Arc<RootCertStore>,
    required: bool,
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are for nobody's log.
        f.debug_struct("TlsConfig").field("identities", &self.identities.len()).finish_non_exhaustive()
    }
}

impl TlsConfig {
    /// One certificate with those that lead to its authority, its own first, and its key: PKCS#8, PKCS#1 or SEC1, all as PEM.
    ///
    /// # Errors
    /// [`Error::BadValue`] with what is wrong: no certificate, no key, a key with a password, or one that is another certificate's.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self> {
        let mut made =
            Self { provider: Arc::new(traffic::provider()), identities: Vec::new(), clients: None };
        made.add_pem(chain, key)?;
        Ok(made)
    }

    /// One more certificate. A client gets the first that is for the name it asks for (`*.example.com` is for one label), and of the kind
    /// of key that it knows; if none is for that name, the very first.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn add_pem(&mut self, chain: &[u8], key: &[u8]) -> Result<()> {
        let made = self.identity(chain, key).map_err(|why| Error::BadValue(why))?;
        self.identities.push(Arc::new(made));
        Ok(())
    }

    fn identity(&self, chain: &[u8], key: &[u8]) -> Result<CertifiedKey, Why> {
        CertifiedKey::from_der(pem::certificates(chain)?, pem::key(key)?, &self.provider).map_err(|error| {
            match error {
                rustls::Error::InconsistentKeys(_) => &"the private key is not that of the certificate",
                rustls::Error::InvalidCertificate(_) => &"the first certificate is none for a server",
                _ => &"the private key is of a kind that is not supported",
            }
        })
    }

    /// Asks clients for certificates for which one of these authorities speaks. Those of a client are in its
    /// [`Handshake`](crate::Handshake::certificate); who has none is let in nevertheless, unless they are `required`.
    ///
    /// # Errors
    /// [`Error::BadValue`] if there is no certificate in it.
    pub fn ask_clients(&mut self, authorities: &[u8], required: bool) -> Result<()> {
        let mut roots = RootCertStore::empty();
        for certificate in pem::certificates(authorities).map_err(|why| Error::BadValue(why))? {
            roots.add(certificate).map_err(|_| Error::BadValue("an authority's certificate is none"))?;
        }
        self.clients = Some(Clients { roots: Arc::new(roots), required });
        Ok(())
    }

    /// Whether a session of one may be resumed under the other: who is not asked any more who he is must not have to say so.
    pub(crate) fn asks_nobody(&self) -> bool {
        self.clients.is_none()
    }

    /// For connections from now on.
    pub(crate) fn build(&self, tickets: Arc<dyn ProducesTickets>) -> Result<Arc<ServerConfig>> {
        let unusable = |_| Error::BadValue("these certificates cannot be used");
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(Clients { roots, required }) => {
                let asks = WebPkiClientVerifier::builder_with_provider(roots.clone(), self.provider.clone());
                let asks = if *required { asks } else { asks.allow_unauthenticated() };
                let asks = asks.build().map_err(|_| Error::BadValue("these authorities cannot be used"))?;
                builder.with_client_cert_verifier(asks)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(Identities(self.identities.clone())));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // What a client needs to come again is with the client; a browser opens one WebSocket.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = tickets;
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }

    /// Tickets for whoever shares them: their keys change every six hours.
    pub(crate) fn tickets() -> Result<Arc<dyn ProducesTickets>> {
        ring::Ticketer::new().map_err(|_| Error::NoEntropy)
    }
}

/// Certificates by the names they are for.
#[derive(Debug)]
struct Identities(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Self(all) = self;
        let first = all.first()?;
        if all.len() == 1 {
            return Some(first.clone());
        }
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let is_known =
            |identity: &&Arc<CertifiedKey>| identity.key.choose_scheme(hello.signature_schemes()).is_some();
        let is_meant = |identity: &&Arc<CertifiedKey>| {
            let parsed =
                identity.end_entity_cert().ok().and_then(|own| ParsedCertificate::try_from(own).ok());
            matches!((parsed, &name), (Some(own), Some(name)) if verify_server_name(&own, name).is_ok())
        };
        let found = all.iter().filter(is_known).find(is_meant);
        let found = found.or_else(|| all.iter().find(is_meant)).or_else(|| all.iter().find(is_known));
        Some(found.unwrap_or(first).clone())
    }
}

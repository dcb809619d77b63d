//! How a connection from here is secured: whom it trusts, and who it says it is. It must not open one.

use super::{Why, pem};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fmt;
use std::sync::Arc;

/// How a connection from here is secured.
#[derive(Clone)]
pub struct Trust(pub(crate) Arc<ClientConfig>);

/// Who may be at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Those for whom an authority speaks that the system trusts.
    #[default]
    System,
    /// Those for whom one of these speaks, as PEM, and nobody else.
    Authorities(Vec<u8>),
    /// Everybody, whoever he is.
    Anybody,
}

impl Trust {
    /// `identity` is a chain of certificates and the first one's key, as PEM, for those who ask for them.
    pub(crate) fn new(whom: &Whom, identity: Option<(&[u8], &[u8])>) -> Result<Self, Why> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|_| &"there is no version of TLS" as Why)?;
        let builder = match whom {
            Whom::System => builder.with_root_certificates(of_the_system()?),
            Whom::Authorities(pem) => builder.with_root_certificates(authorities(pem)?),
            Whom::Anybody => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            }
        };
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(pem::certificates(chain)?, pem::key(key)?)
                .map_err(|_| &"the private key is not that of the certificate" as Why)?,
        };
        Ok(Self(Arc::new(config)))
    }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, Why> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(pem)? {
        roots.add(certificate).map_err(|_| &"an authority's certificate is none" as Why)?;
    }
    Ok(roots)
}

fn of_the_system() -> Result<RootCertStore, Why> {
    let mut roots = RootCertStore::empty();
    // Some of those that a system has may be too old to be understood.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        Err(&"the system trusts no authority: name one by ssl_ca_certs")
    } else {
        Ok(roots)
    }
}

/// The same one, and not one that is alike.
impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Trust {}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are for nobody's log.
        f.write_str("Trust")
    }
}

/// Takes every certificate, but has its owner show that it is his.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

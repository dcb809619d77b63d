//! Certificates and keys from PEM. It must not judge whom they are from.

use super::Why;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;

/// The certificates of a text, in their order. There is one at least.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Why> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(&"there is no certificate in the PEM"),
        Err(_) => Err(&"the PEM of the certificates cannot be read"),
    }
}

/// The first private key of a text: PKCS#8, PKCS#1 or SEC1.
pub(crate) fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Why> {
    const SEALED: &[u8] = b"ENCRYPTED";
    if pem.windows(SEALED.len()).any(|found| found == SEALED) {
        return Err(&"the private key has a password: it is to be given without one");
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| &"there is no private key in the PEM" as Why)
}

/// A file's bytes.
pub(crate) fn file(path: impl AsRef<Path>) -> Result<Vec<u8>, Why> {
    std::fs::read(path).map_err(|_| &"the file of a certificate or a key cannot be read" as Why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_or_key_is_refused_in_words() {
        let made = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
        let (chain, own) = (made.cert.pem(), made.signing_key.serialize_pem());
        let both = format!("{own}\n{chain}\n{chain}");
        assert_eq!(certificates(both.as_bytes()).unwrap().len(), 2);
        key(both.as_bytes()).unwrap();
        for (bytes, word) in [
            (&b""[..], "no certificate"),
            (own.as_bytes(), "no certificate"),
            (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "cannot be read"),
            (b"-----BEGIN CERTIFICATE-----\nMIIB", "cannot be read"),
        ] {
            let why = certificates(bytes).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
        let sealed = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(key(sealed).unwrap_err().contains("password"));
        assert!(key(chain.as_bytes()).unwrap_err().contains("no private key"));
        assert!(file("/nowhere/at/all").unwrap_err().contains("file"));
    }
}

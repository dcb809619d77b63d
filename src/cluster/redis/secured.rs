//! What a `rediss://` URL says of TLS, by the names of Python's client. It must not connect.

use crate::host::tls::{Trust, Why};

/// What it has said so far.
#[cfg(feature = "tls")]
#[derive(Debug)]
pub(super) struct Secured {
    authorities: Option<Vec<u8>>,
    unverified: bool,
    chain: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

#[cfg(feature = "tls")]
impl Secured {
    pub(super) fn new() -> Result<Self, Why> {
        Ok(Self { authorities: None, unverified: false, chain: None, key: None })
    }

    /// One option more, its value decoded. Files are read now, so that one that is not there is told of at once.
    pub(super) fn take(&mut self, name: &str, value: Vec<u8>) -> Result<(), Why> {
        use crate::host::tls::pem;
        let path = || std::str::from_utf8(&value).map_err(|_| &"it is no UTF-8 behind its %" as Why);
        match name {
            "ssl_ca_certs" => self.authorities = Some(pem::file(path()?)?),
            "ssl_ca_data" => self.authorities = Some(value),
            "ssl_certfile" => self.chain = Some(pem::file(path()?)?),
            "ssl_keyfile" => self.key = Some(pem::file(path()?)?),
            "ssl_cert_reqs" => {
                self.unverified = match &*value {
                    b"none" => true,
                    b"required" => false,
                    _ => return Err(&"its ssl_cert_reqs is none or required"),
                }
            }
            _ => {
                return Err(
                    &"the options behind its ? are db, username, password, ssl_ca_certs, ssl_ca_data, ssl_certfile, ssl_keyfile and ssl_cert_reqs",
                );
            }
        }
        Ok(())
    }

    pub(super) fn trust(self) -> Result<Trust, Why> {
        use crate::host::tls::Whom;
        let whom = match self.authorities {
            _ if self.unverified => Whom::Anybody,
            Some(pem) => Whom::Authorities(pem),
            None => Whom::System,
        };
        let identity = match (&self.chain, &self.key) {
            (Some(chain), Some(key)) => Some((&**chain, &**key)),
            // As in Python: both may be in the one file.
            (Some(both), None) => Some((&**both, &**both)),
            (None, None) => None,
            (None, Some(_)) => return Err(&"its ssl_keyfile is for an ssl_certfile"),
        };
        Trust::new(&whom, identity)
    }
}

/// There is none where TLS is not built in.
#[cfg(not(feature = "tls"))]
#[derive(Debug)]
pub(super) enum Secured {}

#[cfg(not(feature = "tls"))]
impl Secured {
    pub(super) fn new() -> Result<Self, Why> {
        Err(&"TLS is not built in: rediss:// needs the crate's feature tls")
    }

    pub(super) fn take(&mut self, _: &str, _: Vec<u8>) -> Result<(), Why> {
        match *self {}
    }

    pub(super) fn trust(self) -> Result<Trust, Why> {
        match self {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::RedisOptions;

    #[cfg(not(feature = "tls"))]
    #[test]
    fn without_tls_it_is_refused_in_words() {
        for url in ["rediss://h", "valkeys://h", "rediss://h?ssl_cert_reqs=none"] {
            assert!(RedisOptions::parse(url).unwrap_err().contains("the crate's feature tls"));
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn what_it_says_of_tls() {
        let made = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let other = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap().signing_key.serialize_pem();
        let folder = std::env::temp_dir().join(format!("roomcast-secured-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in
            [("chain", &*chain), ("key", &*key), ("other", &*other), ("both", &format!("{chain}{key}"))]
        {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let at = folder.to_str().unwrap();
        let data: String = chain.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for (url, word) in [
            ("rediss://h?ssl_cert_reqs=none", ""),
            ("valkeys://u:p@h:1/2?ssl_cert_reqs=none&db=3", ""),
            (&format!("rediss://h?ssl_ca_certs={at}/chain"), ""),
            (&format!("rediss://h?ssl_ca_certs={at}/chain&ssl_cert_reqs=required"), ""),
            (&format!("rediss://h?ssl_ca_data={data}"), ""),
            (&format!("rediss://h?ssl_cert_reqs=none&ssl_certfile={at}/chain&ssl_keyfile={at}/key"), ""),
            (&format!("rediss://h?ssl_cert_reqs=none&ssl_certfile={at}/both"), ""),
            (&format!("rediss://h?ssl_ca_certs={at}/nothing"), "file"),
            (&format!("rediss://h?ssl_ca_certs={at}/key"), "no certificate"),
            ("rediss://h?ssl_ca_data=x", "no certificate"),
            (&format!("rediss://h?ssl_cert_reqs=none&ssl_certfile={at}/chain"), "no private key"),
            (
                &format!("rediss://h?ssl_cert_reqs=none&ssl_certfile={at}/chain&ssl_keyfile={at}/other"),
                "not that of",
            ),
            (&format!("rediss://h?ssl_keyfile={at}/key"), "ssl_certfile"),
            ("rediss://h?ssl_cert_reqs=optional", "none or required"),
            ("rediss://h?ssl_check_hostname=false", "the options"),
        ] {
            match RedisOptions::parse(url) {
                Ok(options) => assert!(word.is_empty() && options.trust.is_some(), "{url}"),
                Err(why) => assert!(!word.is_empty() && why.contains(word), "{url}: {why}"),
            }
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}

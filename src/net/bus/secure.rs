//! TLS over a connection of a bus, between the bytes of both sides. It must not touch a socket.

use crate::engine::bus::Endpoint;
use crate::host::tls::Trust;

#[cfg(not(feature = "tls"))]
pub(super) use without::Secure;

#[cfg(feature = "tls")]
mod with {
    use super::*;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConnection, Error};
    use std::io::{Read, Write};

    /// One connection's TLS. Its handshake comes first, of itself.
    #[derive(Debug)]
    pub(in crate::net::bus) struct Secure {
        session: ClientConnection,
        /// What is to be sent as it is, and how much of that is gone.
        sealed: Vec<u8>,
        gone: usize,
        /// What the other side has said.
        plain: Vec<u8>,
    }

    impl Secure {
        pub(in crate::net::bus) fn new(trust: &Trust, endpoint: &Endpoint) -> Result<Self, String> {
            let name = match endpoint {
                Endpoint::Tcp(host, _) => ServerName::try_from(host.clone()),
                Endpoint::Unix(_) => return Err("a Unix socket has no TLS".to_owned()),
            };
            let name = name.map_err(|_| format!("no certificate can be for {endpoint}"))?;
            let session = ClientConnection::new(trust.0.clone(), name).map_err(words)?;
            let mut secure = Self { session, sealed: Vec::new(), gone: 0, plain: Vec::new() };
            secure.say();
            Ok(secure)
        }

        /// Who is at the other end is not settled yet.
        pub(in crate::net::bus) fn is_shaking(&self) -> bool {
            self.session.is_handshaking()
        }

        /// Takes what was received; what it says is [`plain`](Self::plain). With an error, what is [`sealed`](Self::sealed) tells the other
        /// side.
        pub(in crate::net::bus) fn receive(&mut self, mut bytes: &[u8]) -> Result<(), String> {
            self.plain.clear();
            while !bytes.is_empty() {
                // Nothing can be wrong with reading from memory, and all is taken in as long as all is taken out.
                let taken = self.session.read_tls(&mut bytes).unwrap_or(0);
                let state = self.session.process_new_packets();
                self.say();
                let before = self.plain.len();
                let count = state.map_err(words)?.plaintext_bytes_to_read();
                self.plain.resize(before.saturating_add(count), 0);
                let room = self.plain.get_mut(before..).unwrap_or_default();
                let read = self.session.reader().read(room).unwrap_or(0);
                self.plain.truncate(before.saturating_add(read));
                if taken == 0 {
                    break;
                }
            }
            Ok(())
        }

        pub(in crate::net::bus) fn plain(&self) -> &[u8] {
            &self.plain
        }

        /// Seals what fits. To be called when nothing sealed is left.
        pub(in crate::net::bus) fn seal(&mut self, bytes: &[u8]) -> usize {
            let taken = self.session.writer().write(bytes).unwrap_or(0);
            self.say();
            taken
        }

        pub(in crate::net::bus) fn sealed(&self) -> &[u8] {
            self.sealed.get(self.gone..).unwrap_or_default()
        }

        pub(in crate::net::bus) fn sent(&mut self, count: usize) {
            self.gone = self.gone.saturating_add(count);
            if self.gone >= self.sealed.len() {
                self.sealed.clear();
                self.gone = 0;
            }
        }

        fn say(&mut self) {
            // Writing to memory goes well.
            while self.session.wants_write() && self.session.write_tls(&mut self.sealed).is_ok() {}
        }
    }

    fn words(error: Error) -> String {
        match error {
            Error::InvalidCertificate(why) => format!("its certificate is not trusted: {why}"),
            Error::InvalidMessage(_) => "it speaks no TLS".to_owned(),
            error => format!("TLS: {error}"),
        }
    }
}
#[cfg(feature = "tls")]
pub(super) use with::Secure;

/// There is none.
#[cfg(not(feature = "tls"))]
mod without {
    use super::*;

    #[derive(Debug)]
    pub(in crate::net::bus) enum Secure {}

    impl Secure {
        pub(in crate::net::bus) fn new(trust: &Trust, _: &Endpoint) -> Result<Self, String> {
            match *trust {}
        }

        pub(in crate::net::bus) fn is_shaking(&self) -> bool {
            match *self {}
        }

        pub(in crate::net::bus) fn receive(&mut self, _: &[u8]) -> Result<(), String> {
            match *self {}
        }

        pub(in crate::net::bus) fn plain(&self) -> &[u8] {
            match *self {}
        }

        pub(in crate::net::bus) fn seal(&mut self, _: &[u8]) -> usize {
            match *self {}
        }

        pub(in crate::net::bus) fn sealed(&self) -> &[u8] {
            match *self {}
        }

        pub(in crate::net::bus) fn sent(&mut self, _: usize) {
            match *self {}
        }
    }
}

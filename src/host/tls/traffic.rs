//! The keys that a server seals with over TLS 1.3. rustls derives, changes and drops them and seals with them what TLS itself has to say;
//! application data is sealed with the same ones in place, without rustls. It must not decide what is sealed, and keep none that rustls has
//! dropped in use.

use ring::aead;
use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, Nonce, OutboundOpaqueMessage, OutboundPlainMessage,
    PrefixedPayload, Tls13AeadAlgorithm, UnsupportedOperationError, make_tls13_aad,
};
use rustls::crypto::{CryptoProvider, ring as provided};
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion, SupportedCipherSuite,
    Tls13CipherSuite,
};
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes before what is sealed.
pub(crate) const HEADER: usize = 5;
/// Records that are sealed with one key. AES-GCM is good for 2^24 (RFC 8446 section 5.5); what is left of them is for what TLS itself says.
const MOST_RECORDS: u64 = if cfg!(test) { 50 } else { (1 << 24) - 256 };

/// The key and IV of one side of a connection (RFC 8446 section 7.3), and how many records are sealed with them: each number makes a
/// nonce, so whoever seals takes the next one from here.
pub(crate) struct TrafficKey {
    key: aead::LessSafeKey,
    iv: Iv,
    sealed: AtomicU64,
}

impl fmt::Debug for TrafficKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is for nobody's log.
        f.write_str("TrafficKey")
    }
}

impl TrafficKey {
    /// Seals in place what lies behind a header, with the header before and the tag behind it.
    pub(crate) fn seal_record(&self, record: &mut Vec<u8>) -> Result<(), Error> {
        record.push(ContentType::ApplicationData.into());
        let (header, inner) = record.split_first_chunk_mut::<HEADER>().ok_or(Error::EncryptError)?;
        let tag = self.seal(header, inner)?;
        record.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn seal(&self, header: &mut [u8; HEADER], inner: &mut [u8]) -> Result<aead::Tag, Error> {
        *header = make_tls13_aad(inner.len().saturating_add(self.key.algorithm().tag_len()));
        let number = self.sealed.fetch_add(1, Ordering::Relaxed);
        let nonce = aead::Nonce::assume_unique_for_key(Nonce::new(&self.iv, number).0);
        self.key
            .seal_in_place_separate_tag(nonce, aead::Aad::from(&*header), inner)
            .map_err(|_| Error::EncryptError)
    }

    /// rustls has it too, and so seals with no other. To be asked by the only one beside rustls.
    #[inline]
    pub(crate) fn is_current(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 2
    }

    /// Another one is due.
    #[inline]
    pub(crate) fn is_used_up(&self) -> bool {
        self.sealed.load(Ordering::Relaxed) >= MOST_RECORDS
    }
}

thread_local! {
    /// rustls has no place for what an encrypter knows, so it is handed over here within one call.
    static USED: Cell<Option<Arc<TrafficKey>>> = const { Cell::new(None) };
}

/// Has rustls seal, and says with which key it has sealed application data. With none of these if it is one of TLS 1.2.
pub(crate) fn key_used<T>(seal: impl FnOnce() -> T) -> (T, Option<Arc<TrafficKey>>) {
    // A thread that ends may have none any more, and goes on without.
    let take = || USED.try_with(Cell::take).ok().flatten();
    drop(take());
    let done = seal();
    (done, take())
}

/// ring's, with suites of TLS 1.3 whose keys are these.
pub(super) fn provider() -> CryptoProvider {
    let mut provider = provided::default_provider();
    for suite in &mut provider.cipher_suites {
        if let Some(&own) = SUITES.iter().find(|own| own.common.suite == suite.suite()) {
            *suite = own.into();
        }
    }
    provider
}

macro_rules! suite {
    ($name:ident, $algorithm:ident) => {{
        static AEAD: Aead = Aead::new(&provided::cipher_suite::$name, &aead::$algorithm);
        static SUITE: Tls13CipherSuite = AEAD.suite();
        &SUITE
    }};
}

static SUITES: [&Tls13CipherSuite; 3] = [
    suite!(TLS13_AES_256_GCM_SHA384, AES_256_GCM),
    suite!(TLS13_AES_128_GCM_SHA256, AES_128_GCM),
    suite!(TLS13_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305),
];

/// How a suite seals: as rustls' own of that name does.
struct Aead {
    own: &'static Tls13CipherSuite,
    algorithm: &'static aead::Algorithm,
}

impl Aead {
    const fn new(own: &'static SupportedCipherSuite, algorithm: &'static aead::Algorithm) -> Self {
        match own.tls13() {
            Some(own) => Self { own, algorithm },
            None => panic!("a suite of TLS 1.3"),
        }
    }

    const fn suite(&'static self) -> Tls13CipherSuite {
        let CipherSuiteCommon { suite, hash_provider, confidentiality_limit } = self.own.common;
        Tls13CipherSuite {
            common: CipherSuiteCommon { suite, hash_provider, confidentiality_limit },
            hkdf_provider: self.own.hkdf_provider,
            aead_alg: self,
            quic: None,
        }
    }
}

impl Tls13AeadAlgorithm for Aead {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        match aead::UnboundKey::new(self.algorithm, key.as_ref()) {
            Ok(key) => {
                let key = aead::LessSafeKey::new(key);
                Box::new(Encrypter(Arc::new(TrafficKey { key, iv, sealed: AtomicU64::new(0) })))
            }
            // None of another length is derived.
            Err(_) => self.own.aead_alg.encrypter(key, iv),
        }
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.own.aead_alg.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.own.aead_alg.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.own.aead_alg.extract_keys(key, iv)
    }
}

/// What rustls seals with.
struct Encrypter(Arc<TrafficKey>);

impl MessageEncrypter for Encrypter {
    /// The number is not what rustls says, as it knows only of its own records.
    fn encrypt(&mut self, message: OutboundPlainMessage<'_>, _: u64) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let Self(key) = self;
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&[message.typ.into()]);
        let tag = key.seal(&mut [0; HEADER], payload.as_mut())?;
        payload.extend_from_slice(tag.as_ref());
        if message.typ == ContentType::ApplicationData {
            let _ = USED.try_with(|used| used.set(Some(key.clone())));
        }
        // What kind of record it is, is sealed in it.
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        let Self(key) = self;
        length.saturating_add(1).saturating_add(key.key.algorithm().tag_len())
    }
}

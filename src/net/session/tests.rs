//! A session against rustls' client, in memory: in pieces of every size, and with bytes that are wrong.

use super::*;
use crate::base::seeds::for_seeds;
use crate::host::tls::TlsConfig;
use ::ring::aead::{self, AES_128_GCM, LessSafeKey, UnboundKey};
use rustls::crypto::cipher::{Nonce, make_tls13_aad};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, RootCertStore, SignatureAlgorithm,
    SupportedCipherSuite,
};
use std::io::{Read, Write};

fn configs(
    version: &'static rustls::SupportedProtocolVersion,
    cipher_suites: &[SupportedCipherSuite],
) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let config = TlsConfig::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = CryptoProvider { cipher_suites: cipher_suites.to_vec(), ..ring::default_provider() };
    let mut client = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.enable_secret_extraction = true;
    (config.build(TlsConfig::tickets().unwrap()).unwrap(), Arc::new(client))
}

struct Pair {
    server: Session,
    client: ClientConnection,
    /// What each of them has heard.
    plain: Vec<u8>,
    client_heard: Vec<u8>,
    secured: usize,
    ended: bool,
}

impl Pair {
    fn new(version: &'static rustls::SupportedProtocolVersion) -> Self {
        Self::with(version, ring::DEFAULT_CIPHER_SUITES)
    }

    fn with(version: &'static rustls::SupportedProtocolVersion, suites: &[SupportedCipherSuite]) -> Self {
        let (server, client) = configs(version, suites);
        Self {
            server: Session::new(server).unwrap(),
            client: ClientConnection::new(client, ServerName::try_from("h").unwrap()).unwrap(),
            plain: Vec::new(),
            client_heard: Vec::new(),
            secured: 0,
            ended: false,
        }
    }

    /// What the client has to send.
    fn flight(&mut self) -> Vec<u8> {
        let mut flight = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut flight).unwrap();
        }
        flight
    }

    fn hear(&mut self, piece: &[u8]) -> Result<(), TlsFailure> {
        match self.server.receive(&mut piece.to_vec(), &mut self.plain)? {
            Heard::On => {}
            Heard::Secured(_) => self.secured += 1,
            Heard::Ended => self.ended = true,
        }
        Ok(())
    }

    /// Lets the client have what the server says, in pieces of so many bytes.
    fn answer(&mut self, size: usize) {
        let sealed = self.server.sealed().to_vec();
        self.server.sent(sealed.len());
        for mut piece in sealed.chunks(size) {
            while !piece.is_empty() {
                self.client.read_tls(&mut piece).unwrap();
                let count = self.client.process_new_packets().unwrap().plaintext_bytes_to_read();
                let before = self.client_heard.len();
                self.client_heard.resize(before + count, 0);
                self.client.reader().read_exact(&mut self.client_heard[before..]).unwrap();
            }
        }
    }

    /// Until both have nothing to say, in pieces of so many bytes.
    fn settle(&mut self, size: usize) {
        loop {
            let flight = self.flight();
            if flight.is_empty() && self.server.sealed().is_empty() {
                return;
            }
            for piece in flight.chunks(size) {
                self.hear(piece).unwrap();
            }
            self.answer(size);
        }
    }

    fn say(&mut self, plain: &[u8]) {
        for piece in plain.chunks(RECORD) {
            let mut record = record(piece);
            let sealed = self.server.seal(&mut record).unwrap();
            self.server.keep(sealed);
        }
    }

    fn client_heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.client_heard)
    }
}

fn record(plain: &[u8]) -> Record {
    let mut record = Record::default();
    record.clear();
    record.push(plain);
    record
}

const VERSIONS: [&rustls::SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn pieces_of_every_size_say_the_same() {
    for version in VERSIONS {
        for size in (1..80).chain([100, 500, 1_000, 20_000]) {
            let mut pair = Pair::new(version);
            pair.settle(size);
            assert!(!pair.server.is_shaking() && pair.secured == 1, "{version:?} {size}");
            pair.client.writer().write_all(b"hello").unwrap();
            pair.settle(size);
            pair.client.writer().write_all(&[7; 40_000]).unwrap();
            pair.settle(size);
            assert_eq!(pair.plain, [b"hello", &[7; 40_000][..]].concat());
            pair.say(&[8; 40_000]);
            pair.answer(size);
            assert_eq!(pair.client_heard(), [8; 40_000]);
            assert!(
                pair.server.rest.unread.is_empty() && pair.server.rest.sealed.capacity() == 0,
                "nothing is kept"
            );
            pair.client.send_close_notify();
            pair.settle(size);
            assert!(pair.ended);
            pair.say(b"last words");
            pair.server.seal_end();
            pair.answer(size);
            assert_eq!(pair.client_heard(), b"last words");
            assert_eq!(pair.client.reader().read(&mut [0; 1]).unwrap(), 0, "and their end");
        }
    }
}

#[test]
fn each_flight_is_cut_at_each_byte() {
    for version in VERSIONS {
        let mut cut = 0;
        loop {
            let mut pair = Pair::new(version);
            let mut longest = 0;
            for _ in 0..4 {
                let flight = pair.flight();
                longest = longest.max(flight.len());
                let (head, rest) = flight.split_at(cut.min(flight.len()));
                for piece in [head, rest].into_iter().filter(|piece| !piece.is_empty()) {
                    pair.hear(piece).unwrap();
                    pair.answer(usize::MAX);
                }
            }
            assert!(!pair.server.is_shaking() && pair.secured == 1, "{version:?} {cut}");
            cut += 1;
            if cut > longest {
                break;
            }
        }
    }
}

#[test]
fn what_is_sealed_is_little_more_than_what_was_said() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.settle(usize::MAX);
        for size in [1, 64, 1_000, RECORD] {
            let mut record = record(&vec![1; size]);
            let sealed = pair.server.seal(&mut record).unwrap();
            assert!(sealed.len() <= size + 29, "{} for {size}", sealed.len());
        }
    }
}

#[test]
fn new_keys_are_taken_as_often_as_the_client_may_want_them() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    pair.settle(usize::MAX);
    for _ in 0..10 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client.writer().write_all(b"x").unwrap();
        pair.settle(usize::MAX);
        pair.say(b"y");
        pair.settle(usize::MAX);
        assert_eq!(pair.client_heard(), b"y");
    }
    assert_eq!(pair.plain, b"xxxxxxxxxx");
}

#[test]
fn keys_are_changed_before_they_are_used_up() {
    let fits =
        |suite: &&SupportedCipherSuite| suite.usable_for_signature_algorithm(SignatureAlgorithm::ECDSA);
    for suite in ring::ALL_CIPHER_SUITES.iter().filter(fits) {
        let mut pair = Pair::with(suite.version(), &[*suite]);
        pair.settle(usize::MAX);
        let (mut last, mut changes) = (None, 0);
        for at in 0..500_u32 {
            pair.say(&at.to_be_bytes());
            let told = pair.server.sealed().len() > HEADER + 4 + 1 + 16;
            pair.answer(usize::MAX);
            assert_eq!(pair.client_heard(), at.to_be_bytes(), "{suite:?}");
            // One whose place nobody else gets, and that does not keep it in use.
            let key = pair.server.key.as_ref().map(Arc::downgrade);
            let is_same = match (&key, &last) {
                (Some(key), Some(last)) => key.ptr_eq(last),
                (key, last) => key.is_none() && last.is_none(),
            };
            if !is_same && last.is_some() {
                changes += 1;
                assert!(told, "{suite:?}");
            }
            last = key;
        }
        let is_tls13 = suite.tls13().is_some();
        assert_eq!((last.is_some(), changes > 5), (is_tls13, is_tls13), "{suite:?}: {changes}");
        // The client's own are new too then, and its answer to each of ours is one.
        pair.client.writer().write_all(b"x").unwrap();
        pair.settle(usize::MAX);
        assert_eq!(pair.plain, b"x");
        pair.server.seal_end();
        pair.answer(usize::MAX);
        assert_eq!(pair.client.reader().read(&mut [0; 1]).unwrap(), 0, "the end goes with the same keys");
    }
}

#[test]
fn keys_of_both_are_changed_amid_what_is_said() {
    for_seeds(100, |rng| {
        let mut pair = Pair::new(&rustls::version::TLS13);
        pair.settle(usize::MAX);
        let (mut said, mut answered) = (Vec::new(), Vec::new());
        for at in 0..400_u32 {
            match rng.u8(..10) {
                0 => pair.client.refresh_traffic_keys().unwrap(),
                1 | 2 => {
                    pair.client.writer().write_all(&at.to_be_bytes()).unwrap();
                    answered.extend(at.to_be_bytes());
                }
                3 => pair.answer(rng.usize(1..100)),
                4 => pair.settle(rng.usize(1..100)),
                _ => {
                    let length = if rng.u8(..20) == 0 { rng.usize(..40_000) } else { rng.usize(1..200) };
                    let plain = vec![rng.u8(..); length];
                    pair.say(&plain);
                    said.extend(plain);
                }
            }
        }
        pair.settle(usize::MAX);
        assert!(pair.client_heard() == said && pair.plain == answered);
    });
}

/// Who has begun to say something about keys cannot be told of others.
#[test]
fn keys_that_cannot_be_changed_are_not_used_up() {
    let mut pair = Pair::with(&rustls::version::TLS13, &[ring::cipher_suite::TLS13_AES_128_GCM_SHA256]);
    pair.settle(usize::MAX);
    pair.say(b"x");
    let client = std::mem::replace(&mut pair.client, Pair::new(&rustls::version::TLS13).client);
    let (number, secrets) = client.dangerous_extract_secrets().unwrap().tx;
    let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else { panic!() };
    // The first bytes of a KeyUpdate, in a record of a handshake.
    let (mut record, head) = (vec![24, 0, 22], make_tls13_aad(3 + 16));
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_ref()).unwrap());
    let nonce = aead::Nonce::assume_unique_for_key(Nonce::new(&iv, number).0);
    key.seal_in_place_append_tag(nonce, aead::Aad::from(head), &mut record).unwrap();
    pair.hear(&[&head, &record[..]].concat()).unwrap();
    let mut sealed = 0;
    while pair.server.seal(&mut self::record(b"x")).is_some() {
        sealed += 1;
        assert!(sealed < 100);
    }
    assert!(sealed > 10);
}

#[test]
fn what_is_no_tls_is_refused_and_nothing_panics() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    assert_eq!(pair.hear(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap_err(), TlsFailure::Malformed);
    assert!(!pair.server.sealed().is_empty(), "the client is told");
    // Records that never end, within their bound.
    let mut pair = Pair::new(&rustls::version::TLS13);
    let head = [&[22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff][..], &[0; 0x3ffc]].concat();
    let failed = std::iter::repeat_n(&head, 8).any(|record| pair.hear(record).is_err());
    assert!(failed && pair.server.rest.unread.len() <= MOST_UNREAD);
}

fn spoil(flight: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    let at = rng.usize(..flight.len().max(1)).min(flight.len());
    match rng.u8(..6) {
        0 if at < flight.len() => flight[at] = rng.u8(..),
        1 => flight.truncate(at),
        2 => flight.extend_from_within(..),
        3 => {
            // A record of some kind that says something or nothing.
            let length = rng.u8(..20);
            let kind = rng.u8(19..26);
            let record: Vec<u8> = [kind, 3, rng.u8(..5), 0, length]
                .into_iter()
                .chain((0..length).map(|_| rng.u8(..)))
                .collect();
            let at = if rng.bool() { 0 } else { at };
            flight.splice(at..at, record);
        }
        4 => drop(flight.drain(at..(at + 7).min(flight.len()))),
        _ => flight.rotate_left(at),
    }
}

#[test]
fn bytes_that_are_changed_on_their_way() {
    for_seeds(5_000, |rng| {
        let version = VERSIONS[rng.usize(..2)];
        let mut pair = Pair::new(version);
        let turn = rng.usize(..4);
        for at in 0..6 {
            if at > 2 && !pair.client.is_handshaking() {
                pair.client.writer().write_all(&[1; 100]).unwrap();
            }
            let mut flight = pair.flight();
            if at >= turn && !flight.is_empty() {
                for _ in 0..rng.usize(1..4) {
                    spoil(&mut flight, rng);
                }
            }
            let size = rng.usize(1..400);
            if flight.chunks(size).any(|piece| pair.hear(piece).is_err()) {
                // Whatever is asked of it now, it goes on standing.
                assert!(pair.hear(b"more").is_err());
                assert_eq!(pair.server.seal(&mut record(b"x")), None);
                pair.server.seal_end();
                return;
            }
            let sealed = pair.server.sealed().to_vec();
            pair.server.sent(sealed.len());
            let mut sealed = &sealed[..];
            while !sealed.is_empty() {
                if pair.client.read_tls(&mut sealed).is_err() || pair.client.process_new_packets().is_err() {
                    return;
                }
            }
        }
    });
}

/// Who is shown, by the name that is asked for; and who may come.
#[test]
fn certificates_by_name_and_those_of_clients() {
    let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let (one, other, wild) = (made("one.example.org"), made("other.example.org"), made("*.example.org"));
    let pem =
        |made: &rcgen::CertifiedKey<rcgen::KeyPair>| (made.cert.pem(), made.signing_key.serialize_pem());
    let mut config = TlsConfig::from_pem(pem(&one).0.as_bytes(), pem(&one).1.as_bytes()).unwrap();
    for made in [&other, &wild] {
        config.add_pem(pem(made).0.as_bytes(), pem(made).1.as_bytes()).unwrap();
    }
    let shown = |config: &TlsConfig, name: &str, identity: Option<&rcgen::CertifiedKey<rcgen::KeyPair>>| {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for made in [&one, &other, &wild] {
            roots.add(made.cert.der().clone()).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let client = match identity {
            None => builder.with_no_client_auth(),
            Some(made) => {
                let key = crate::host::tls::pem::key(made.signing_key.serialize_pem().as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![made.cert.der().clone()], key).unwrap()
            }
        };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = Session::new(config.build(TlsConfig::tickets().unwrap()).unwrap()).unwrap();
        let mut info = None;
        for _ in 0..4 {
            let mut flight = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut flight).unwrap();
            }
            match server.receive(&mut flight, &mut Vec::new()) {
                Ok(Heard::Secured(secured)) => info = Some(secured),
                Ok(_) => {}
                Err(cause) => return Err(cause),
            }
            let sealed = server.sealed().to_vec();
            server.sent(sealed.len());
            let mut sealed = &sealed[..];
            while !sealed.is_empty() {
                client.read_tls(&mut sealed).unwrap();
                // It may not be trusted, which the server is told.
                let _ = client.process_new_packets();
            }
        }
        let certificate = client.peer_certificates().map(|chain| chain[0].clone());
        Ok((certificate, info.and_then(|info| info.certificate.clone())))
    };
    for (name, made) in [
        ("one.example.org", &one),
        ("ONE.example.org", &one),
        ("other.example.org", &other),
        ("third.example.org", &wild),
    ] {
        let (certificate, _) = shown(&config, name, None).unwrap();
        assert_eq!(certificate.as_ref(), Some(made.cert.der()), "{name}");
    }
    // The first is for whoever asks for nobody, and is not trusted for a name that is not its own.
    assert_eq!(shown(&config, "a.b.example.org", None), Err(TlsFailure::Refused));
    let somebody = made("somebody");
    let nobody = made("nobody");
    config.ask_clients(somebody.cert.pem().as_bytes(), false).unwrap();
    let (_, certificate) = shown(&config, "one.example.org", Some(&somebody)).unwrap();
    assert_eq!(certificate.as_deref(), Some(&**somebody.cert.der()));
    assert_eq!(shown(&config, "one.example.org", None).unwrap().1, None);
    assert_eq!(shown(&config, "one.example.org", Some(&nobody)), Err(TlsFailure::Untrusted));
    config.ask_clients(somebody.cert.pem().as_bytes(), true).unwrap();
    assert_eq!(shown(&config, "one.example.org", None), Err(TlsFailure::Untrusted));
}

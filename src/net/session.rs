//! One client's TLS, between the bytes of the wire and those of HTTP. It must not touch a socket, nor keep what is still to be sealed: that is
//! shared by many.

// Peers choose what comes in here: every index and every sum that could overflow is written so that it cannot, or gives its
// bound. Tests are not held to it.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::host::tls::traffic::{HEADER, TrafficKey, key_used};
use crate::host::tls::{TlsFailure, TlsInfo};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{AlertDescription, Error, ProtocolVersion, ServerConfig};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Bytes of the longest record that is sealed at once.
pub(super) const RECORD: usize = 16 * 1024;
/// More than a record has besides what is sealed in it, with a change of keys before it.
const OVERHEAD: usize = 64;
/// Bytes of a record, or of a flight of the handshake, that has yet to come to its end. Certificates of clients take the most of them.
const MOST_UNREAD: usize = RECORD + 2 * 1024;

/// What each flush looks at is small, and lies with the link; the rest is for what is read.
pub(super) struct Session {
    /// What rustls has sealed data with last, if that is a key of TLS 1.3.
    key: Option<Arc<TrafficKey>>,
    rest: Box<Rest>,
}

struct Rest {
    tls: UnbufferedServerConnection,
    /// What has come of a record that is not there in full.
    unread: Vec<u8>,
    /// What is sealed and has not gone: at most a record, and what TLS has to say besides.
    sealed: Vec<u8>,
    /// The peer has said that it ends its side.
    ended: bool,
    /// It is not to be asked anything more: rustls panics if it is, having told the peer why.
    failed: Option<TlsFailure>,
}

/// A record that is about to be sent, and that the next one takes the place of.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// What is to be sealed, behind room for a header; or what has been sealed.
    bytes: Vec<u8>,
    /// What rustls has sealed, with all that it has to say before.
    sealed: Vec<u8>,
}

impl Record {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER, 0);
    }

    /// How much more can be sealed in it.
    pub(super) fn room(&self) -> usize {
        RECORD.saturating_sub(self.plain().len())
    }

    pub(super) fn push(&mut self, plain: &[u8]) {
        self.bytes.extend_from_slice(plain);
    }

    /// What is to be sealed.
    pub(super) fn plain(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }
}

/// What became of bytes that were received.
#[derive(Debug)]
pub(super) enum Heard {
    /// The handshake is not over, or there is nothing new.
    On,
    /// The handshake is over, with these bytes.
    Secured(Arc<TlsInfo>),
    /// The peer has ended its side.
    Ended,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are for nobody's log.
        f.write_str("Session")
    }
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        let tls = UnbufferedServerConnection::new(config)?;
        let (unread, sealed) = (Vec::new(), Vec::new());
        Ok(Self { key: None, rest: Box::new(Rest { tls, unread, sealed, ended: false, failed: None }) })
    }

    /// Nothing of the protocol above comes or goes yet.
    pub(super) fn is_shaking(&self) -> bool {
        self.key.is_none() && self.rest.tls.is_handshaking()
    }

    /// Takes what was received, and appends what it says to `plain`. What TLS has to say itself is [`sealed`](Self::sealed) then, also when
    /// it fails.
    pub(super) fn receive(&mut self, bytes: &mut [u8], plain: &mut Vec<u8>) -> Result<Heard, TlsFailure> {
        if let Some(cause) = self.rest.failed {
            return Err(cause);
        }
        self.take(bytes, plain).inspect_err(|&cause| {
            self.rest.failed = Some(cause);
            self.key = None;
        })
    }

    fn take(&mut self, bytes: &mut [u8], plain: &mut Vec<u8>) -> Result<Heard, TlsFailure> {
        let (shook, had_ended) = (self.is_shaking(), self.rest.ended);
        let mut unread = std::mem::take(&mut self.rest.unread);
        if unread.is_empty() {
            let used = self.process(bytes, plain)?;
            unread.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            unread.extend_from_slice(bytes);
            let used = self.process(&mut unread, plain)?;
            unread.drain(..used.min(unread.len()));
        }
        if self.rest.ended {
            // Nothing that comes behind its end is heard.
            unread = Vec::new();
        }
        if unread.len() > MOST_UNREAD {
            return Err(TlsFailure::Malformed);
        }
        if unread.is_empty() {
            // Whoever sent one record in parts need not do so again.
            unread = Vec::new();
        }
        self.rest.unread = unread;
        Ok(match () {
            () if self.rest.ended && !had_ended => Heard::Ended,
            () if shook && !self.is_shaking() => Heard::Secured(self.secured()),
            () => Heard::On,
        })
    }

    /// How many of the bytes are done with.
    fn process(&mut self, bytes: &mut [u8], plain: &mut Vec<u8>) -> Result<usize, TlsFailure> {
        let mut used = 0_usize;
        loop {
            let rest = rest_of(bytes, used);
            let UnbufferedStatus { mut discard, state } = self.rest.tls.process_tls_records(rest);
            let more = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(|error| cause(&error))?;
                        discard = discard.saturating_add(record.discard);
                        plain.extend_from_slice(record.payload);
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(mut said)) => {
                    append(&mut self.rest.sealed, |room| said.encode(room).map_err(size_of_encoded));
                    true
                }
                Ok(ConnectionState::TransmitTlsData(said)) => {
                    said.done();
                    true
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.rest.ended = true;
                    true
                }
                Ok(_) => false,
                Err(error) => {
                    let rest = rest_of(bytes, used.saturating_add(discard));
                    self.say_why(rest);
                    return Err(cause(&error));
                }
            };
            used = used.saturating_add(discard);
            if !more {
                return Ok(used);
            }
        }
    }

    /// The alert about what is wrong. rustls has to see the same bytes as before, and must not be asked when it has nothing more to say: it
    /// would look at them again, and panic.
    fn say_why(&mut self, rest: &mut [u8]) {
        let mut used = 0_usize;
        while self.rest.tls.wants_write() {
            let UnbufferedStatus { discard, state } = self.rest.tls.process_tls_records(rest_of(rest, used));
            let Ok(ConnectionState::EncodeTlsData(mut said)) = state else { return };
            append(&mut self.rest.sealed, |room| said.encode(room).map_err(size_of_encoded));
            used = used.saturating_add(discard);
        }
    }

    /// Returns what is sealed; none if there is nothing to be sealed with any more.
    #[inline]
    pub(super) fn seal<'r>(&mut self, record: &'r mut Record) -> Option<&'r [u8]> {
        match &self.key {
            Some(key) if key.is_current() && !key.is_used_up() => {
                key.seal_record(&mut record.bytes).ok()?;
                Some(&record.bytes)
            }
            _ => self.seal_by_rustls(record),
        }
    }

    /// The same by rustls: with its first record under new keys, which says before that there are some, and with all of TLS 1.2.
    #[cold]
    fn seal_by_rustls<'r>(&mut self, record: &'r mut Record) -> Option<&'r [u8]> {
        if self.rest.failed.is_some() {
            return None;
        }
        if self.key.take().is_some_and(|key| key.is_current()) {
            // It is used up.
            self.change_keys()?;
        }
        let mut end = 0;
        let room = record.plain().len().saturating_add(OVERHEAD);
        let mut sealed = std::mem::take(&mut record.sealed);
        let (done, key) = key_used(|| {
            self.when_open(&mut sealed, &mut end, room, |open, room| open.encrypt(record.plain(), room))
        });
        self.key = key;
        record.sealed = sealed;
        record.sealed.get(..end).filter(|_| done)
    }

    /// Has rustls change its keys, and tell the peer with the next record. None if it cannot, as the peer is amid saying something.
    fn change_keys(&mut self) -> Option<()> {
        match self.rest.tls.process_tls_records(&mut self.rest.unread).state {
            Ok(ConnectionState::WriteTraffic(open)) => open.refresh_traffic_keys().ok(),
            _ => None,
        }
    }

    /// Says that nothing follows. What is sealed has gone before, or goes first.
    pub(super) fn seal_end(&mut self) {
        let mut sealed = std::mem::take(&mut self.rest.sealed);
        let mut end = sealed.len();
        self.when_open(&mut sealed, &mut end, OVERHEAD, |open, room| open.queue_close_notify(room));
        sealed.truncate(end);
        self.rest.sealed = sealed;
    }

    /// Writes behind the first `end` bytes of `out`.
    fn when_open(
        &mut self,
        out: &mut Vec<u8>,
        end: &mut usize,
        room: usize,
        mut write: impl FnMut(&mut Open<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> bool {
        if self.rest.failed.is_some() {
            return false;
        }
        loop {
            // What is unread is shown again, as what was made of it lies there.
            match self.rest.tls.process_tls_records(&mut self.rest.unread).state {
                Ok(ConnectionState::WriteTraffic(mut open)) => {
                    return put(out, end, room, |room| write(&mut open, room).map_err(size_of_sealed));
                }
                Ok(ConnectionState::EncodeTlsData(mut said)) => {
                    put(out, end, 0, |room| said.encode(room).map_err(size_of_encoded));
                }
                Ok(ConnectionState::TransmitTlsData(said)) => said.done(),
                // It can have ended, or failed.
                _ => return false,
            }
        }
    }

    pub(super) fn sealed(&self) -> &[u8] {
        &self.rest.sealed
    }

    /// So much of what is sealed has gone.
    pub(super) fn sent(&mut self, count: usize) {
        let sealed = &mut self.rest.sealed;
        if count < sealed.len() {
            sealed.drain(..count);
        } else {
            *sealed = Vec::new();
        }
    }

    /// Keeps what is sealed and did not go.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.rest.sealed.extend_from_slice(rest);
    }

    fn secured(&self) -> Arc<TlsInfo> {
        let tls = &self.rest.tls;
        let (version, anonymous) = match tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => ("TLSv1.2", &ANONYMOUS_12),
            _ => ("TLSv1.3", &ANONYMOUS_13),
        };
        match tls.peer_certificates().and_then(<[_]>::first) {
            None => anonymous.get_or_init(|| Arc::new(TlsInfo { version, certificate: None })).clone(),
            Some(der) => Arc::new(TlsInfo { version, certificate: Some(der.as_ref().into()) }),
        }
    }
}

/// What is known of all who have no certificate, once.
static ANONYMOUS_12: OnceLock<Arc<TlsInfo>> = OnceLock::new();
static ANONYMOUS_13: OnceLock<Arc<TlsInfo>> = OnceLock::new();

fn rest_of(bytes: &mut [u8], used: usize) -> &mut [u8] {
    bytes.get_mut(used..).unwrap_or_default()
}

type Open<'a> = rustls::unbuffered::WriteTraffic<'a, rustls::server::ServerConnectionData>;

/// Appends what is written, which says how much room it needs. False if it cannot be written at all.
fn append(out: &mut Vec<u8>, write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>) -> bool {
    let mut end = out.len();
    let done = put(out, &mut end, 0, write);
    out.truncate(end);
    done
}

/// Writes behind the first `end` bytes, which become more by it. `room` is how much is thought to be needed; `write` says if it is not enough.
fn put(
    out: &mut Vec<u8>,
    end: &mut usize,
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> bool {
    loop {
        let until = end.saturating_add(room);
        if out.len() < until {
            out.resize(until, 0);
        }
        match write(out.get_mut(*end..until).unwrap_or_default()) {
            Ok(count) => {
                *end = end.saturating_add(count);
                return true;
            }
            Err(Some(needed)) if needed > room => room = needed,
            Err(_) => return false,
        }
    }
}

fn size_of_encoded(error: EncodeError) -> Option<usize> {
    match error {
        EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => Some(required_size),
        EncodeError::AlreadyEncoded => None,
    }
}

fn size_of_sealed(error: EncryptError) -> Option<usize> {
    match error {
        EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => Some(required_size),
        EncryptError::EncryptExhausted => None,
    }
}

fn cause(error: &Error) -> TlsFailure {
    match error {
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => TlsFailure::Incompatible,
        Error::NoCertificatesPresented | Error::InvalidCertificate(_) => TlsFailure::Untrusted,
        Error::AlertReceived(alert) if *alert != AlertDescription::CloseNotify => TlsFailure::Refused,
        _ => TlsFailure::Malformed,
    }
}

#[cfg(test)]
mod tests;

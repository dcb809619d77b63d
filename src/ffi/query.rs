//! Questions to a broker in C. What they answer is a copy, lent until the next question that lends: no caller has to guess at
//! sizes, and none loses it to what it changes meanwhile. It must not lend what the broker itself holds.

use super::broker::{Host, roomcast_broker};
use super::given::Given;
use super::given::Out;
use super::guard::{Fault, Outcome};
use super::types::*;
use crate::base::ids::{ConnId, SocketId};
use crate::host::handshake::Handshake;
use std::borrow::Cow;

/// What the last question was answered with.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) handles: Vec<u64>,
    texts: Vec<roomcast_slice>,
    pairs: Vec<roomcast_pair>,
    stats: Vec<roomcast_stat>,
    /// What the slices point to.
    owned: Vec<Box<[u8]>>,
}

impl Answers {
    /// Keeps a copy and lends it out. What was kept before is to be cleared first.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> roomcast_slice {
        self.keep_all(bytes)
    }

    /// The same without a copy of what may be large.
    pub(super) fn keep_all(&mut self, bytes: impl Into<Box<[u8]>>) -> roomcast_slice {
        let kept: Box<[u8]> = bytes.into();
        // The box may move in its vector; its bytes do not.
        let slice = roomcast_slice::lend(&kept);
        self.owned.push(kept);
        slice
    }

    pub(super) fn clear(&mut self) {
        self.owned.clear();
    }
}

pub(super) fn answer_handles(
    out: Out<'_, *const u64>,
    count: Out<'_, usize>,
    answers: &mut Vec<u64>,
    handles: impl Iterator<Item = u64>,
) {
    answers.clear();
    answers.extend(handles);
    out.set(answers.as_ptr());
    count.set(answers.len());
}

/// Lends out all namespaces, in a stable order.
///
/// `namespaces` is set to an array of `count` namespaces.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_namespaces(
    broker: *mut roomcast_broker,
    namespaces: *mut *const roomcast_namespace,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(namespaces, "namespaces")?;
        let count = given.out(count, "count")?;
        let namespaces = host.broker.namespaces().map(|(ns, _)| ns.to_bits());
        answer_handles(out, count, &mut host.answers.handles, namespaces);
        Ok(())
    };
    given.host(broker, "roomcast_namespaces", body)
}

/// Keeps texts and lends them out.
pub(super) fn answer_texts<'a, T: Iterator<Item = Cow<'a, str>>>(
    given: &Given,
    rooms: *mut *const roomcast_slice,
    count: *mut usize,
    answers: &mut Answers,
    texts: impl FnOnce() -> Outcome<T>,
) -> Outcome {
    let out = given.out(rooms, "rooms")?;
    let count = given.out(count, "count")?;
    let texts = texts()?;
    answers.clear();
    answers.texts.clear();
    for text in texts {
        let lent = answers.keep(text.as_bytes());
        answers.texts.push(lent);
    }
    out.set(answers.texts.as_ptr());
    count.set(answers.texts.len());
    Ok(())
}

/// Lends out what a client's first request said.
///
/// `who` is a socket, or a connection.
///
/// Errors: ROOMCAST_ERROR_GONE, ROOMCAST_ERROR_NO_HANDLE, ROOMCAST_ERROR_WRONG_KIND, ROOMCAST_ERROR_NULL, ROOMCAST_ERROR_BAD_SIZE.
/// Ownership: `handshake` is the caller's; what it points to is the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_get_handshake(
    broker: *mut roomcast_broker,
    who: u64,
    handshake: *mut roomcast_handshake,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.filled(handshake, "handshake")?;
        let Host { broker, answers, .. } = host;
        let conn = match ConnId::from_bits(who) {
            Ok(conn) => conn,
            Err(_) => broker.conn_of(SocketId::from_bits(who).map_err(|error| Fault::of(error, "who"))?)?,
        };
        let websocket = broker.is_websocket(conn)?.into();
        let said = broker.conn_handshake(conn)?;
        answers.clear();
        let (query_count, header_count) = answers.fill(&said);
        out.fill(roomcast_handshake {
            struct_size: out.size(),
            websocket,
            issued: said.issued(),
            connection: conn.to_bits(),
            address: answers.keep(said.address().to_string().as_bytes()),
            url: answers.keep(said.url().as_bytes()),
            query: answers.pairs.as_ptr(),
            query_count,
            headers: answers.pairs[query_count..].as_ptr(),
            header_count,
            tls_version: answers.keep(said.tls().map_or("", |tls| tls.version).as_bytes()),
            certificate: answers
                .keep(said.tls().and_then(|tls| tls.certificate.as_deref()).unwrap_or_default()),
            protocol: said.protocol(),
            reserved: 0,
        });
        Ok(())
    };
    given.host(broker, "roomcast_get_handshake", body)
}

impl Answers {
    /// Puts the query and the headers into `pairs`. Returns how many of each.
    fn fill(&mut self, said: &Handshake<'_>) -> (usize, usize) {
        self.pairs.clear();
        for (name, value) in said.query() {
            self.pair(name.as_bytes(), value.as_bytes());
        }
        let query_count = self.pairs.len();
        for (name, value) in said.headers() {
            self.pair(name.as_bytes(), value);
        }
        (query_count, self.pairs.len() - query_count)
    }

    fn pair(&mut self, name: &[u8], value: &[u8]) {
        let (name, value) = (self.keep(name), self.keep(value));
        self.pairs.push(roomcast_pair { name, value });
    }
}

/// Lends out what the broker counts: what there is now (links, connections, sockets, away, recovery_bytes, namespaces, rooms,
/// pending_acks, timers, queued_bytes, draining), then totals since it was made. What it costs does not depend on how much there is; with loops it
/// asks each of them.
///
/// `stats` is set to an array of `count` numbers with their names. Later versions add some.
///
/// Errors: ROOMCAST_ERROR_NULL.
/// Ownership: the array is the broker's, until the next question that lends.
/// Threads: the broker's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn roomcast_stats(
    broker: *mut roomcast_broker,
    stats: *mut *const roomcast_stat,
    count: *mut usize,
) -> roomcast_status {
    // SAFETY: what the caller promises.
    let given = unsafe { Given::new() };
    let body = |host: &mut Host| {
        let out = given.out(stats, "stats")?;
        let count = given.out(count, "count")?;
        let Host { broker, answers: Answers { stats, .. }, .. } = host;
        let now = broker.stats();
        stats.clear();
        let named = |(name, value): (&'static str, u64)| roomcast_stat {
            name: super::convert::terminated(name),
            value,
        };
        stats.extend(now.gauges().map(|(name, _, value)| named((name, value as u64))));
        stats.extend(now.counters.with_nul().map(named));
        out.set(stats.as_ptr());
        count.set(stats.len());
        Ok(())
    };
    given.host(broker, "roomcast_stats", body)
}

//! Links over TLS: what they bring is opened before the service sees it, and what it says is sealed on its way to the kernel. It must not
//! seal more than one record ahead of what the kernel takes: a sealed one is for this peer alone, and what is not sealed yet is shared.

use super::deadlines::Deadlines;
use super::{DENSE, Links, Outlet, Share, State, Watch};
use crate::base::Millis;
use crate::engine::service::{Flow, Sent, Service};
use crate::host::tls::TlsFailure;
use crate::net::REARMED_BY_WOULD_BLOCK;
use crate::net::session::{Heard, Record};
use crate::net::stream::{Stream, TlsStream};
use std::io::{ErrorKind, IoSlice};

/// What links over TLS have together.
#[derive(Debug)]
pub(super) struct Secured {
    shaking: Deadlines,
    /// What was opened last.
    plain: Vec<u8>,
    record: Record,
}

impl Secured {
    pub(super) fn new(timeout: Millis) -> Self {
        Self { shaking: Deadlines::new(timeout), plain: Vec::new(), record: Record::default() }
    }
}

/// What is to become of a link that was read.
enum End {
    Ended,
    Broken,
}

impl Links {
    fn tls(&mut self, key: usize) -> Option<&mut TlsStream> {
        match self.slab.get_mut(key)?.stream.as_mut()? {
            Stream::Tls(tls) => Some(tls),
            _ => None,
        }
    }

    /// A link is new: if it is to settle its TLS, it has some time for it.
    pub(super) fn await_handshake(&mut self, key: usize, now: Millis) {
        let Some(link) = self.slab.get_mut(key) else { return };
        if link.stream.as_ref().is_some_and(Stream::is_shaking) {
            self.serial = self.serial.wrapping_add(1);
            link.serial = self.serial;
            self.secured.shaking.begin(key, link.serial, now);
        }
    }

    pub(super) fn is_over_tls(&self, key: usize) -> bool {
        self.slab.get(key).is_some_and(|link| matches!(link.stream, Some(Stream::Tls(_))))
    }

    /// When the next handshake is late.
    pub(super) fn next_handshake(&self) -> Option<Millis> {
        self.secured.shaking.next()
    }

    /// Gives up on links whose TLS is not settled in time.
    pub(super) fn end_late_handshakes(&mut self, service: &mut impl Service, now: Millis) {
        loop {
            let Self { secured, slab, .. } = &mut *self;
            let late = secured.shaking.take_late(now, |key, serial| {
                slab.get(key).is_some_and(|link| {
                    let is_shaking = link.stream.as_ref().is_some_and(Stream::is_shaking);
                    link.state == State::Open && link.serial == serial && is_shaking
                })
            });
            let Some(key) = late else { break };
            service.tls_failed(key, TlsFailure::Timeout);
            self.break_off(key);
        }
    }

    /// Reads a link within its share.
    pub(super) fn read_sealed<S: Service>(
        &mut self,
        key: usize,
        service: &mut S,
        buffer: &mut [u8],
        share: Share,
        watch: &mut Watch,
        now: Millis,
    ) {
        let mut plain = std::mem::take(&mut self.secured.plain);
        let end = self.read_records(key, service, (buffer, &mut plain), share, watch, now);
        self.secured.plain = plain;
        self.end_by(key, end);
    }

    /// The same with what has been read of it already.
    pub(super) fn read_first<S: Service>(
        &mut self,
        key: usize,
        service: &mut S,
        sealed: &mut [u8],
        share: Share,
        now: Millis,
    ) {
        let mut plain = std::mem::take(&mut self.secured.plain);
        let most = service.waiting().saturating_add(share.events);
        let end = self.open(key, service, sealed, &mut plain, most, now);
        self.secured.plain = plain;
        self.end_by(key, end);
    }

    fn end_by(&mut self, key: usize, end: Option<End>) {
        match end {
            None => {}
            Some(End::Broken) => self.break_off(key),
            Some(End::Ended) => {
                if let Some(link) = self.slab.get_mut(key)
                    && link.state == State::Open
                {
                    link.state = State::Ended;
                    self.ended.push(key);
                }
            }
        }
    }

    fn read_records<S: Service>(
        &mut self,
        key: usize,
        service: &mut S,
        (buffer, plain): (&mut [u8], &mut Vec<u8>),
        share: Share,
        watch: &mut Watch,
        now: Millis,
    ) -> Option<End> {
        let mut budget = share.bytes;
        let most = service.waiting().saturating_add(share.events);
        let link = self.slab.get_mut(key)?;
        let piece = if std::mem::take(&mut link.dense) { buffer.len().div_ceil(DENSE) } else { buffer.len() };
        loop {
            let room = piece.min(budget);
            let link = self.slab.get_mut(key)?;
            let Some(Stream::Tls(tls)) = &mut link.stream else { return None };
            let sealed = buffer.get_mut(..room)?;
            let count = match std::io::Read::read(&mut tls.stream, sealed) {
                Ok(0) if tls.session.is_shaking() => {
                    service.tls_failed(key, TlsFailure::Closed);
                    return Some(End::Broken);
                }
                Ok(0) => {
                    service.half_closed(key);
                    return Some(End::Ended);
                }
                Ok(count) => count,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        link.readable = false;
                        return None;
                    }
                    ErrorKind::Interrupted => continue,
                    _ => return Some(End::Broken),
                },
            };
            link.readable = count == room || link.ending || REARMED_BY_WOULD_BLOCK;
            budget = budget.saturating_sub(count);
            let sealed = sealed.get_mut(..count)?;
            let end = self.open(key, service, sealed, plain, most, now);
            if end.is_some() {
                return end;
            }
            let late = watch.is_over_after(0, count);
            let link = self.slab.get(key)?;
            if link.state != State::Open
                || link.paused
                || !link.readable
                || link.dense
                || late
                || budget == 0
                || !service.wants_input()
            {
                return None;
            }
        }
    }

    /// Opens what has come, and tells the service of it.
    fn open<S: Service>(
        &mut self,
        key: usize,
        service: &mut S,
        sealed: &mut [u8],
        plain: &mut Vec<u8>,
        most: usize,
        now: Millis,
    ) -> Option<End> {
        plain.clear();
        let heard = self.tls(key)?.session.receive(sealed, plain);
        if self.tls(key).is_some_and(|tls| !tls.session.sealed().is_empty()) {
            // What TLS has to say itself. That the link has broken is told next.
            let _ = self.send_sealed_rest(key);
        }
        if let Ok(Heard::Secured(info)) = &heard {
            service.secured(key, info.clone());
        }
        if !plain.is_empty() {
            let flow = service.received(key, plain, now);
            let link = self.slab.get_mut(key)?;
            link.paused = flow == Flow::Pause;
            link.dense = service.waiting() > most;
        }
        match heard {
            Ok(Heard::Ended) => {
                service.half_closed(key);
                Some(End::Ended)
            }
            Ok(Heard::On | Heard::Secured(_)) => None,
            Err(cause) => {
                service.tls_failed(key, cause);
                Some(End::Broken)
            }
        }
    }

    /// The kernel takes bytes again. Whether the service may go on, as all is gone that was sealed.
    pub(super) fn send_what_is_sealed(&mut self, key: usize) -> bool {
        if self.tls(key).is_none() {
            return true;
        }
        let gone = self.send_sealed_rest(key) == Sent::All;
        if let Some(link) = self.slab.get(key).filter(|_| gone) {
            match (&link.stream, link.state) {
                // Nothing may be left that would bring it back here.
                (_, State::Ended) => self.ended.push(key),
                (Some(Stream::Tls(tls)), State::Lingering) if tls.ends => {
                    // If it fails, the connection is broken already, which is read.
                    let _ = tls.stream.shutdown(std::net::Shutdown::Write);
                }
                _ => {}
            }
        }
        gone
    }

    /// Sends what is sealed.
    fn send_sealed_rest(&mut self, key: usize) -> Sent {
        loop {
            let Some(tls) = self.tls(key) else { return Sent::Broken };
            if tls.session.sealed().is_empty() {
                return Sent::All;
            }
            match std::io::Write::write(&mut tls.stream, tls.session.sealed()) {
                Ok(count) => tls.session.sent(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if let Some(link) = self.slab.get_mut(key) {
                        link.blocked = true;
                    }
                    return Sent::Part(0);
                }
                Err(_) => {
                    self.break_off(key);
                    return Sent::Broken;
                }
            }
        }
    }

    /// The service closes a link: the peer is told that nothing follows. What the kernel does not take now, it gets while the link lingers.
    pub(super) fn seal_end(&mut self, key: usize) {
        let Some(tls) = self.tls(key) else { return };
        if !std::mem::replace(&mut tls.ends, true) && !tls.session.is_shaking() {
            tls.session.seal_end();
            let _ = self.send_sealed_rest(key);
        }
    }
}

impl Outlet<'_> {
    /// Seals as many records as the kernel takes, and the one that it does not take in full. For a link that is not closed.
    pub(super) fn send_sealed(&mut self, key: usize, slices: &[IoSlice<'_>]) -> Sent {
        if self.links.tls(key).is_none_or(|tls| tls.session.is_shaking()) {
            self.links.break_off(key);
            return Sent::Broken;
        }
        // Nothing that is sealed is left, unless the kernel was full. Not asked of the session, as that is elsewhere in memory.
        if self.links.slab.get(key).is_some_and(|link| link.blocked) {
            match self.links.send_sealed_rest(key) {
                Sent::All => {}
                rest => return rest,
            }
        }
        let mut record = std::mem::take(&mut self.links.secured.record);
        let sent = self.send_records(key, slices, &mut record);
        self.links.secured.record = record;
        if sent == Sent::All
            && let Some(link) = self.links.slab.get(key)
            && link.state == State::Ended
        {
            self.links.ended.push(key);
        }
        sent
    }

    fn send_records(&mut self, key: usize, slices: &[IoSlice<'_>], record: &mut Record) -> Sent {
        let mut left: usize = slices.iter().map(|slice| slice.len()).sum();
        let (mut taken, mut slices) = (0_usize, slices.iter().map(|slice| &**slice));
        let mut slice: &[u8] = &[];
        while left > 0 {
            record.clear();
            while let Some(next) = if slice.is_empty() { slices.next() } else { Some(slice) } {
                let (head, rest) = next.split_at(next.len().min(record.room()));
                record.push(head);
                slice = rest;
                if !slice.is_empty() {
                    break;
                }
            }
            let length = record.plain().len();
            taken = taken.saturating_add(length);
            left = left.saturating_sub(length);
            let Some(tls) = self.links.tls(key) else { return Sent::Broken };
            let Some(sealed) = tls.session.seal(record) else {
                self.links.break_off(key);
                return Sent::Broken;
            };
            // It goes from where it was sealed, and only what the kernel leaves is kept.
            let gone = loop {
                match tls.write(sealed, left > 0) {
                    Ok(count) => break count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break 0,
                    Err(_) => {
                        self.links.break_off(key);
                        return Sent::Broken;
                    }
                }
            };
            if let Some(rest) = sealed.get(gone..).filter(|rest| !rest.is_empty()) {
                tls.session.keep(rest);
                // Once more, as the kernel has to say that it is full.
                match self.links.send_sealed_rest(key) {
                    Sent::All => {}
                    Sent::Part(_) => return Sent::Part(taken),
                    Sent::Broken => return Sent::Broken,
                }
            }
        }
        Sent::All
    }
}

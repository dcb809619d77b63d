//! Sending and closing, as a service does it in a flush. It must add nothing to the system call: this is where throughput
//! is decided.

use super::{Lingering, Links, State};
use crate::engine::service::{Output, Parcel, Sent};
#[cfg(unix)]
use crate::host::descriptor::Descriptor;
use crate::net::REARMED_BY_WOULD_BLOCK;
use crate::net::stream::Stream;
use mio::Registry;
use std::io::{self, ErrorKind, IoSlice};
use std::time::Instant;

/// The most slices one sendmsg takes: IOV_MAX of Linux and the BSDs.
const MAX_SLICES: usize = 1_024;

/// The links as a service writes to them.
#[derive(Debug)]
pub(in crate::net) struct Outlet<'a> {
    pub(in crate::net) links: &'a mut Links,
    pub(in crate::net) registry: &'a Registry,
}

impl Outlet<'_> {
    /// What is over TLS is sealed on its way, in `slices`.
    #[inline]
    fn send_with(
        &mut self,
        key: usize,
        #[cfg_attr(not(feature = "tls"), expect(unused))] slices: &[IoSlice<'_>],
        length: usize,
        mut send: impl FnMut(&mut Stream) -> io::Result<usize>,
    ) -> Sent {
        let Some(link) = self.links.slab.get_mut(key) else { return Sent::Broken };
        let (Some(stream), State::Open | State::Ended) = (&mut link.stream, link.state) else {
            return Sent::Broken;
        };
        #[cfg(feature = "tls")]
        if let Stream::Tls(_) = stream {
            return self.send_sealed(key, slices);
        }
        loop {
            match send(stream) {
                Ok(count) if count == length => {
                    if link.state == State::Ended {
                        self.links.ended.push(key);
                    }
                    return Sent::All;
                }
                Ok(count) => {
                    link.blocked = true;
                    if REARMED_BY_WOULD_BLOCK {
                        stream.note_full();
                    }
                    return Sent::Part(count);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        link.blocked = true;
                        return Sent::Part(0);
                    }
                    ErrorKind::Interrupted => {}
                    _ => break,
                },
            }
        }
        link.state = State::Broken;
        self.links.ended.push(key);
        Sent::Broken
    }
}

impl Output for Outlet<'_> {
    #[inline]
    fn send(&mut self, link: usize, bytes: &[u8]) -> Sent {
        self.send_with(link, &[IoSlice::new(bytes)], bytes.len(), |stream| stream.write(bytes))
    }

    fn send_vectored(&mut self, link: usize, slices: &[IoSlice<'_>]) -> Sent {
        let mut taken = 0_usize;
        for slices in slices.chunks(MAX_SLICES) {
            let length = slices.iter().map(|slice| slice.len()).sum();
            match self.send_with(link, slices, length, |stream| stream.write_vectored(slices)) {
                Sent::All => taken = taken.saturating_add(length),
                Sent::Part(count) => return Sent::Part(taken.saturating_add(count)),
                Sent::Broken => return Sent::Broken,
            }
        }
        Sent::All
    }

    fn close(&mut self, link: usize) {
        let key = link;
        #[cfg(feature = "tls")]
        self.links.seal_end(key);
        let Some(link) = self.links.slab.get_mut(key) else { return };
        let Some(stream) = &link.stream else { return };
        match link.state {
            State::Open if stream.has_sealed() || stream.end().is_ok() => {
                self.links.serial = self.links.serial.wrapping_add(1);
                link.serial = self.links.serial;
                link.state = State::Lingering;
                link.paused = false;
                #[expect(clippy::arithmetic_side_effects, reason = "`close_timeout` is 25 days at most")]
                let until = Instant::now() + self.links.linger;
                self.links.lingering.push_back(Lingering { until, key, serial: link.serial });
                self.links.queue(key);
            }
            State::Open | State::Ended | State::Broken => self.links.bury(key, self.registry),
            State::Lingering | State::Dead => {}
        }
    }

    fn abort(&mut self, link: usize) {
        let key = link;
        let Some(link) = self.links.slab.get_mut(key) else { return };
        let (Some(stream), State::Open | State::Ended | State::Broken) = (&link.stream, link.state) else {
            return;
        };
        // If it fails, the connection is broken already.
        let _ = stream.break_off();
        self.links.bury(key, self.registry);
    }

    fn hand_over(&mut self, link: Option<usize>, number: usize, parcel: Parcel) {
        self.links.depart(link, number, parcel, self.registry);
    }

    #[cfg(unix)]
    fn hand_back(&mut self, link: usize) -> Option<Descriptor> {
        let stream = self.links.take_stream(link, self.registry)?;
        stream.into_fd().map(Descriptor::new)
    }

    fn pause(&mut self, link: usize) {
        if let Some(link) = self.links.slab.get_mut(link) {
            link.paused = link.state == State::Open;
        }
    }

    fn resume(&mut self, link: usize) {
        if let Some(entry) = self.links.slab.get_mut(link) {
            entry.paused = false;
            self.links.queue(link);
        }
    }
}

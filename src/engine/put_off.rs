//! What waits to be sent: what the kernel did not take, and what a flush put off, so that much for many goes out in parts and
//! the loop's other work comes in between. It must not put off what is small, nor change the order in which one connection gets
//! what it gets.

use super::conn::{Timer, Transport};
use super::link::{Clock, Link};
use super::service::Output;
use super::{Ending, Engine};
use crate::base::ids::Key;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::out::Frame;
use std::collections::VecDeque;

/// What one flush hands to the kernel, about, in bytes: what takes it some milliseconds.
const PART: u64 = 8 * 1024 * 1024;
/// Who has less than this to get is served by every flush.
pub(super) const LITTLE: usize = 16 * 1024;

/// Who was put off.
#[derive(Clone, Copy, Debug)]
enum Waiter {
    Conn(Key),
    /// With an answer to an HTTP request.
    Link(u32),
}

/// What a flush may hand out, and whose turn is in one of the next.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    /// How many bytes have left in all when the part is full.
    until: u64,
    /// Those who have waited longest come first. Some may have gone, or been served otherwise.
    queue: VecDeque<Waiter>,
}

impl PutOff {
    /// A flush begins; so many bytes have left before.
    pub(super) fn begin(&mut self, bytes_out: u64) {
        self.until = bytes_out.saturating_add(PART);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }
}

impl Engine {
    /// Who has much to get has to wait.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.counters.bytes_out >= self.put_off.until
    }

    /// Serves those who were put off, in their order, as far as this flush goes: before others that have much to get.
    pub(super) fn flush_put_off(&mut self, ranges: &mut Vec<Frame>, out: &mut impl Output) {
        while !self.is_full()
            && let Some(waiter) = self.put_off.queue.pop_front()
        {
            match waiter {
                Waiter::Conn(key) => self.take_turn(key, ranges, out),
                Waiter::Link(link) => {
                    if let Link::Http(http) = self.link(link) {
                        http.put_off = false;
                        self.flush_http(link, out);
                    }
                }
            }
        }
    }

    fn take_turn(&mut self, key: Key, ranges: &mut Vec<Frame>, out: &mut impl Output) {
        if self.conns.get(key).is_none() || !self.outbox.is_put_off(key.slot) {
            return;
        }
        // With what has come meanwhile: a connection that was closed ends with this.
        ranges.clear();
        if self.outbox.log.take(key.slot) {
            ranges.extend_from_slice(self.outbox.log.ranges());
        }
        self.send_conn(key, ranges, out);
        let Some(conn) = self.conns.get(key) else { return };
        if let Some(backlog) = self.outbox.backlog_mut(key.slot) {
            backlog.end_put_off();
        }
        // Its ping, or its close, leaves only now.
        let awaiting_pong = conn.awaits_pong();
        let closing = conn.is_closing() && matches!(conn.transport, Transport::WebSocket { .. });
        if awaiting_pong {
            self.timers.arm(Timer::Heartbeat(key.slot), self.after(self.config.ping_timeout));
        }
        if closing {
            self.timers.arm(Timer::Linger(key.slot), self.after(self.config.limits.close_timeout));
        }
    }

    /// Whether it can wait for one of the next flushes what a connection is to get: there is much of it, and no more than may
    /// wait for it anyway. Past that it is sent now, so that nobody loses for the broker's slowness what a bound takes from
    /// slow clients.
    pub(super) fn can_wait(&mut self, key: Key, ranges: &[Frame]) -> bool {
        let Some(conn) = self.conns.get(key) else { return false };
        if matches!(conn.transport, Transport::Polling { poll: None, .. }) {
            return false;
        }
        let fresh: usize = ranges.iter().map(|range| range.len()).sum();
        let bound = self.config.limits.max_backlog;
        self.outbox.queued(key.slot).saturating_add(fresh) >= LITTLE
            && (conn.is_closing() || self.outbox.fits(key.slot, ranges, conn.terms(bound)))
    }

    /// Leaves what a connection is to get to one of the next flushes.
    pub(super) fn put_off(&mut self, key: Key, ranges: &[Frame]) {
        if self.outbox.begin_put_off(key.slot) {
            self.put_off.queue.push_back(Waiter::Conn(key));
        }
        self.keep(key, ranges, 0);
    }

    /// The same with the answer on an HTTP link. False if it is to be sent now.
    pub(super) fn put_off_link(&mut self, link: u32) -> bool {
        let full = self.is_full() || !self.put_off.is_empty();
        let Link::Http(http) = self.link(link) else { return false };
        if !full || http.blocked || http.unsent().len() < LITTLE {
            return false;
        }
        let waits = std::mem::replace(&mut http.put_off, true);
        // That it is not read is not its client's doing.
        if http.clock == Clock::Answer {
            self.set_clock(link, Clock::None);
        }
        if !waits {
            self.put_off.queue.push_back(Waiter::Link(link));
        }
        true
    }

    /// Keeps what the kernel did not take of `ranges`, from byte `skip` on; a message that no longer fits goes by its class.
    pub(super) fn keep(&mut self, key: Key, ranges: &[Frame], skip: usize) {
        if ranges.is_empty() {
            return;
        }
        let Some(conn) = self.conns.get(key) else { return };
        let kept = self.outbox.keep(key.slot, ranges, skip, conn.terms(self.config.limits.max_backlog));
        count(&mut self.counters.replaced_latest, kept.replaced);
        count(&mut self.counters.dropped_oldest, kept.dropped);
        if kept.overflow {
            count(&mut self.counters.slow_consumers, 1);
            self.close_conn(key, Reason::SlowConsumer, Ending::Abrupt);
        }
    }
}

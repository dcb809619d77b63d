//! The end of a tick: what was emitted goes to the links, one system call for each connection, and what the kernel does
//! not take is kept. Nothing here may depend on how many emits there were.

use super::core::{Core, Ending};
use super::put_off::LITTLE;
use super::service::{Flow, Output, Sent, Service};
use super::stats::count;
use crate::base::Millis;
use crate::base::ids::Key;
use crate::route::Frame;
use crate::session::conn::{Life, Transport};
use crate::session::link::{Clock, Http, Link, Role};
use crate::session::reason::Reason;
use crate::session::timers::Timer;
use crate::wire::{engineio, ws};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::time::Duration;

/// A stretch count up to which a connection's output is sent from where it lies; beyond, it is gathered first.
const MAX_SLICES: usize = 64;
/// Stretches that are on average shorter than this are gathered too: to copy so many bytes costs less than what the
/// kernel does for one slice more.
const SHORT: usize = 512;
/// Answers grew in a burst are given back down to this.
const KEEP_OUTPUT: usize = 4096;
/// What packets are encoded in, likewise, once for the broker.
pub(super) const KEEP_SCRATCH: usize = 256 * 1024;

impl Service for Core {
    fn opened(&mut self, link: usize, peer: SocketAddr, now: Millis) -> bool {
        self.advance(now);
        if self.shutting_down || self.open_links >= self.config.limits.max_links as usize {
            count(&mut self.counters.links_refused, 1);
            return false;
        }
        *self.link(link as u32) = Link::Http(Box::new(Http::new(peer)));
        self.open_links = self.open_links.saturating_add(1);
        count(&mut self.counters.links_opened, 1);
        self.http_progress(link as u32);
        true
    }

    fn received(&mut self, link: usize, bytes: &mut [u8], now: Millis) -> Flow {
        self.advance(now);
        count(&mut self.counters.bytes_in, bytes.len() as u64);
        let link = link as u32;
        match self.link(link) {
            Link::Http(_) => self.http_received(link, bytes),
            Link::WebSocket(_) => {
                self.websocket_received(link, bytes);
                Flow::Continue
            }
            Link::Free => Flow::Continue,
        }
    }

    fn closed(&mut self, link: usize, _reset: bool, now: Millis) {
        self.advance(now);
        let link = link as u32;
        let state = std::mem::take(self.link(link));
        if matches!(state, Link::Free) {
            return;
        }
        self.link_is_gone();
        self.timers.cancel(Timer::Link(link));
        match state {
            Link::Free => {}
            Link::Http(http) => self.http_lost(link, *http),
            Link::WebSocket(websocket) => self.websocket_lost(websocket.conn, websocket.role),
        }
    }

    fn writable(&mut self, link: usize) {
        let link = link as u32;
        match self.link(link) {
            Link::Free => {}
            Link::Http(http) => {
                if std::mem::take(&mut http.blocked) {
                    self.ready_links.push(link);
                }
            }
            Link::WebSocket(websocket) => {
                let conn = websocket.conn;
                let output = !websocket.output.is_empty();
                if output {
                    self.ready_links.push(link);
                }
                if output || self.congested.get(conn.slot as usize) == Some(&true) {
                    self.ready.push(conn);
                }
            }
        }
    }

    fn flush(&mut self, out: &mut impl Output, now: Millis) {
        self.advance(now);
        if !self.has_output() {
            return;
        }
        self.flushed = true;
        self.put_off.begin(self.counters.bytes_out);
        let mut links = std::mem::take(&mut self.ready_links);
        let mut ranges = std::mem::take(&mut self.ranges);
        loop {
            // A link's own output goes before what its connection has queued: the 101, a probe's pong.
            for link in links.drain(..) {
                self.flush_link(link, &mut ranges, out);
            }
            self.flush_put_off(&mut ranges, out);
            while let Some(conn) = self.log.pop_dirty() {
                if let Some(key) = self.conns.key_at(conn) {
                    let one;
                    let ranges = match self.log.ranges() {
                        // As with most.
                        &[range] => {
                            one = [range];
                            &one[..]
                        }
                        several => {
                            ranges.clear();
                            ranges.extend_from_slice(several);
                            &ranges
                        }
                    };
                    self.flush_conn(key, ranges, out);
                }
            }
            while let Some(key) = self.ready.pop() {
                self.flush_conn(key, &[], out);
            }
            std::mem::swap(&mut links, &mut self.ready_links);
            // An answer that went out may have let the next request in, and so new output.
            if links.is_empty() && self.ready.is_empty() && !self.log.has_dirty() {
                break;
            }
        }
        self.ready_links = links;
        self.ranges = ranges;
        for (link, abort) in self.doomed.drain(..) {
            if abort {
                out.abort(link as usize);
            } else {
                out.close(link as usize);
            }
        }
        self.log.restart();
        self.polling_log.restart();
        self.tags.clear();
        self.scratch.clear();
        self.scratch.shrink_to(KEEP_SCRATCH);
    }

    fn timeout(&mut self, now: Millis) {
        self.advance(now);
        self.run_timers();
    }

    fn slept_through(&mut self, time: Millis) {
        self.epoch = self.epoch.saturating_add(time);
        self.hasten_pings(time);
    }

    fn unheard(&mut self, time: Millis) -> Option<Millis> {
        let patience = self.config.ping_timeout / 2;
        if time < patience {
            return Some(patience);
        }
        self.ping_unheard();
        Some(time.saturating_add(self.config.ping_interval))
    }

    fn flush_took(&mut self, time: Duration) {
        if std::mem::take(&mut self.flushed) {
            self.flushes.record(time);
        }
    }

    fn step_took(&mut self, time: Duration) {
        self.steps.record(time);
    }

    fn next_timeout(&self) -> Option<Millis> {
        self.timers.next()
    }

    fn wants_input(&self) -> bool {
        let limits = &self.config.limits;
        self.events.len() < limits.max_events && self.events.byte_len() < limits.max_event_bytes
    }

    fn waiting(&self) -> usize {
        self.events.len()
    }

    fn has_work(&self) -> bool {
        // A loop with a thread of its own need not wait for its host to take them.
        (self.config.loops == 0 && !self.events.is_empty()) || self.has_output()
    }

    fn puts_off(&self) -> bool {
        self.has_output()
    }
}

impl Core {
    /// What goes back stands still: no time that is counted from now on is shorter than nothing.
    fn advance(&mut self, now: Millis) {
        self.now = self.now.max(now);
    }

    /// Gives a link to the loop that its next request is for. It is counted there.
    #[expect(clippy::arithmetic_side_effects, reason = "what is taken back was counted as it came")]
    fn hand_over(&mut self, link: u32, number: usize, out: &mut impl Output) {
        let Link::Http(http) = std::mem::take(self.link(link)) else { return };
        self.timers.cancel(Timer::Link(link));
        self.link_is_gone();
        self.counters.links_opened -= 1;
        self.counters.bytes_in -= http.input.len() as u64;
        out.hand_over(link as usize, number, http.peer, http.input.into_unread());
    }

    /// Sends a link's own output; goes on with its next request when all is out.
    fn flush_link(&mut self, link: u32, ranges: &mut Vec<Frame>, out: &mut impl Output) {
        let full = self.is_full();
        let Some(state) = self.links.get_mut(link as usize) else { return };
        match state {
            Link::Free => {}
            Link::WebSocket(websocket) => {
                if websocket.output.is_empty() {
                    return;
                }
                let mut output = std::mem::take(&mut websocket.output);
                let own = output.len();
                let conn = websocket.conn;
                // A session's first packets go out in one call with the 101.
                ranges.clear();
                if websocket.role == Role::Main
                    && !full
                    && let Some(state) = self.conns.get(conn).filter(|conn| conn.backlog.is_none())
                    && self.log.take(conn.slot)
                {
                    ranges.extend_from_slice(self.log.ranges());
                    for bytes in ranges.iter().map(|&range| self.log.bytes(range)) {
                        match state.base64 {
                            true => engineio::without_binary(bytes, &mut output),
                            false => output.extend_from_slice(bytes),
                        }
                    }
                }
                let sent = out.send(link as usize, &output);
                count(&mut self.counters.bytes_out, taken(sent, output.len()) as u64);
                if let Sent::Part(count) = sent {
                    let Some(skip) = count.checked_sub(own) else {
                        output.truncate(own);
                        websocket.output = output.split_off(count);
                        return self.keep(conn, ranges, 0);
                    };
                    self.keep(conn, ranges, skip);
                }
                // The link may have been paused as it was still HTTP.
                out.resume(link as usize);
                if !ranges.is_empty() {
                    match sent {
                        Sent::All => self.finish_if_closing(conn),
                        Sent::Part(_) => {}
                        Sent::Broken => self.close_conn(conn, Reason::TransportClose, Ending::Abrupt),
                    }
                }
                if let Some(Link::WebSocket(websocket)) = self.links.get(link as usize)
                    && websocket.peer_closed
                    && websocket.role == Role::Closing
                    && websocket.output.is_empty()
                {
                    self.doom(link, false);
                }
            }
            Link::Http(_) => {
                if !self.put_off_link(link) {
                    self.flush_http(link, out);
                }
            }
        }
    }

    /// Sends the answers on an HTTP link; goes on with its next request when all is out.
    pub(super) fn flush_http(&mut self, link: u32, out: &mut impl Output) {
        let Some(Link::Http(http)) = self.links.get_mut(link as usize) else { return };
        if http.blocked {
            // Something else was timed when the kernel became full, and that is over.
            if http.clock == Clock::None {
                self.set_clock(link, Clock::Answer);
            }
            return;
        }
        let sent = match http.unsent() {
            [] => Sent::All,
            unsent => out.send(link as usize, unsent),
        };
        count(&mut self.counters.bytes_out, taken(sent, http.unsent().len()) as u64);
        match sent {
            Sent::All => {
                http.sent = 0;
                http.output.clear();
                http.output.shrink_to(KEEP_OUTPUT);
                // A poll is answered before its link ends.
                let (last, leaving) = (http.last && http.poll.is_none(), http.leaving);
                let timed = http.clock == Clock::Answer;
                let ahead = self.config.limits.max_head_bytes;
                if timed {
                    self.set_clock(link, Clock::None);
                }
                if last {
                    return self.doom(link, false);
                }
                if let Some(number) = leaving {
                    return self.hand_over(link, number, out);
                }
                self.http_progress(link);
                if let Some(Link::Http(http)) = self.links.get_mut(link as usize) {
                    if http.paused && !http.is_ahead(ahead) {
                        http.paused = false;
                        out.resume(link as usize);
                    }
                } else {
                    out.resume(link as usize);
                }
            }
            Sent::Part(count) => {
                http.sent = http.sent.saturating_add(count);
                http.blocked = true;
                match http.clock {
                    // It goes on, if slowly.
                    Clock::Answer if count > 0 => self.set_clock(link, Clock::None),
                    Clock::None | Clock::Answer => {}
                    _ => return,
                }
                self.set_clock(link, Clock::Answer);
            }
            // `closed` follows.
            Sent::Broken => {}
        }
    }

    /// Sends what one connection is to get, or puts it off: what waited before, then this tick's `ranges`.
    fn flush_conn(&mut self, key: Key, ranges: &[Frame], out: &mut impl Output) {
        if self.is_full() && self.conns.get(key).is_some_and(|conn| self.can_wait(conn, ranges)) {
            return self.put_off(key, ranges);
        }
        self.send_conn(key, ranges, out);
    }

    pub(super) fn send_conn(&mut self, key: Key, ranges: &[Frame], out: &mut impl Output) {
        let Some(conn) = self.conns.get(key) else { return };
        match conn.transport {
            Transport::WebSocket { link } => self.flush_websocket(key, link, ranges, out),
            Transport::Polling { poll: Some(link), .. } => {
                self.flush_poll(key, ranges);
                // It counts before the next one is written.
                if matches!(self.link(link), Link::Http(http) if http.unsent().len() >= LITTLE) {
                    self.flush_http(link, out);
                }
            }
            Transport::Polling { poll: None, .. } => self.keep(key, ranges, 0),
        }
    }

    fn flush_websocket(&mut self, key: Key, link: u32, ranges: &[Frame], out: &mut impl Output) {
        let Some(conn) = self.conns.get(key) else { return };
        let (base64, waits, closing) = (conn.base64, conn.backlog.is_some(), conn.life == Life::Closing);
        // A link's own output and what waited go first.
        let own = matches!(self.links.get(link as usize), Some(Link::WebSocket(websocket)) if !websocket.output.is_empty());
        if own || (waits && !self.drain_backlog(key, link, out)) {
            return self.keep(key, ranges, 0);
        }
        let mut total: usize = ranges.iter().map(|range| range.len()).sum();
        let sent = match ranges {
            [] => Sent::All,
            ranges if base64 => {
                self.scratch.clear();
                for &range in ranges {
                    engineio::without_binary(self.log.bytes(range), &mut self.scratch);
                }
                total = self.scratch.len();
                out.send(link as usize, &self.scratch)
            }
            [range] => out.send(link as usize, self.log.bytes(*range)),
            ranges if ranges.len() <= MAX_SLICES && total / SHORT >= ranges.len() => {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                for (slice, range) in slices.iter_mut().zip(ranges) {
                    *slice = IoSlice::new(self.log.bytes(*range));
                }
                out.send_vectored(link as usize, slices.get(..ranges.len()).unwrap_or(&slices))
            }
            ranges => {
                self.scratch.clear();
                for range in ranges {
                    self.scratch.extend_from_slice(self.log.bytes(*range));
                }
                out.send(link as usize, &self.scratch)
            }
        };
        count(&mut self.counters.bytes_out, taken(sent, total) as u64);
        match sent {
            Sent::All if closing => self.drop_conn(key, Ending::Final),
            Sent::All => {}
            Sent::Part(count) => self.keep(key, ranges, count),
            Sent::Broken => self.close_conn(key, Reason::TransportClose, Ending::Abrupt),
        }
    }

    /// Sends what waited. False if some of it still waits, or the connection is gone.
    fn drain_backlog(&mut self, key: Key, link: u32, out: &mut impl Output) -> bool {
        let Some(conn) = self.conns.get_mut(key) else { return false };
        let Some(backlog) = &mut conn.backlog else { return true };
        if backlog.take_raw() && conn.base64 {
            backlog.rewrite(engineio::without_binary);
        }
        while !backlog.is_empty() {
            let mut slices = Vec::new();
            backlog.slices(&mut slices);
            let total = slices.iter().map(|slice| slice.len()).sum();
            let sent = out.send_vectored(link as usize, &slices);
            let gone = taken(sent, total);
            count(&mut self.counters.bytes_out, gone as u64);
            backlog.advance(gone);
            match sent {
                Sent::All => {}
                Sent::Part(_) => return false,
                Sent::Broken => {
                    self.close_conn(key, Reason::TransportClose, Ending::Abrupt);
                    return false;
                }
            }
        }
        conn.backlog = None;
        self.set_congested(key, false);
        true
    }

    /// Answers the open poll, if there is anything to say.
    fn flush_poll(&mut self, key: Key, ranges: &[Frame]) {
        let Some(conn) = self.conns.get(key) else { return };
        let most = self.config.limits.max_poll_packets;
        let tick = ranges.iter().map(|&range| self.log.bytes(range));
        let waiting = conn.backlog.iter().flat_map(|backlog| backlog.frames()).chain(tick);
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        if waiting.flat_map(ws::frames).nth(most).is_some() {
            self.keep(key, ranges, 0);
            self.take_packets(key, most, &mut payload);
        } else {
            self.take_packets(key, most, &mut payload);
            for &range in ranges {
                payload.extend_from_slice(self.polling_log.packets(&self.log, range));
            }
        }
        self.answer_poll_in_flush(key, &mut payload);
        self.scratch = payload;
    }

    /// Takes the oldest packets that wait, in their polling form.
    fn take_packets(&mut self, key: Key, most: usize, payload: &mut Vec<u8>) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let Some(backlog) = &mut conn.backlog else { return };
        let mut taken = 0_usize;
        for frame in backlog
            .frames()
            .flat_map(|bytes| ws::frames(bytes).filter_map(|(at, ..)| bytes.get(at)))
            .take(most)
        {
            engineio::transcode_frames(frame, payload);
            taken = taken.saturating_add(frame.len());
        }
        backlog.advance(taken);
        if backlog.is_empty() {
            conn.backlog = None;
            self.set_congested(key, false);
        }
    }

    /// Sends a payload whose packets each have their separator before them; for a connection on its way out, the end.
    fn answer_poll_in_flush(&mut self, key: Key, payload: &mut Vec<u8>) {
        let Some(conn) = self.conns.get(key) else { return };
        let closing = conn.life == Life::Closing;
        // Stock clients act on a close before they act on the packets ahead of it, which then are lost. So it waits for
        // the next poll, and there it follows a noop, as in the reference.
        let last = closing && payload.is_empty();
        if last {
            payload.extend_from_slice(if conn.lingers { b"\x1e6\x1e1" } else { b"\x1e1" });
        }
        if last && self.shutting_down {
            self.end_with_answer(conn.poll());
        }
        if let Some((_, packets)) = payload.split_first() {
            self.answer_poll(key, packets);
        }
        if last {
            self.drop_conn(key, Ending::Final);
        } else if closing {
            self.linger(key);
        }
    }

    /// A connection that was closed and has nothing left to send is done.
    fn finish_if_closing(&mut self, key: Key) {
        if self.conns.get(key).is_some_and(|conn| conn.life == Life::Closing) {
            self.drop_conn(key, Ending::Final);
        }
    }
}

fn taken(sent: Sent, total: usize) -> usize {
    match sent {
        Sent::All => total,
        Sent::Part(count) => count,
        Sent::Broken => 0,
    }
}

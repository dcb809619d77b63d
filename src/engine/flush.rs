//! The end of a tick: what was emitted goes to the links, one system call for each connection, and what the kernel does
//! not take is kept. Nothing here may depend on how many emits there were.

use super::conn::{Conn, State, Timer, Transport};
use super::http::{OCTETS, TEXT};
use super::link::{Clock, Http, Link, Role, Whither};
use super::parcel::{Given, Parcel};
use super::put_off::LITTLE;
use super::service::{Output, Sent};
use super::{Ending, Engine, Upper};
use crate::base::Millis;
use crate::base::ids::Key;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::out::{Compressed, Form, Frame};
use std::io::IoSlice;

/// A stretch count up to which a connection's output is sent from where it lies; beyond, it is gathered first.
const MAX_SLICES: usize = 64;
/// Stretches that are on average shorter than this are gathered too: to copy so many bytes costs less than what the
/// kernel does for one slice more.
const SHORT: usize = 512;
/// Answers grew in a burst are given back down to this.
const KEEP_OUTPUT: usize = 4096;
/// What packets are encoded in, likewise, once for the broker.
pub(super) const KEEP_SCRATCH: usize = 256 * 1024;

impl Engine {
    /// Hands the output that is due to `out`, with what sits above for whoever may go on once it is out.
    pub(crate) fn flush(&mut self, out: &mut impl Output, now: Millis, upper: &mut impl Upper) {
        self.advance(now);
        if !self.has_output() {
            return;
        }
        self.flushed = true;
        self.read_on(out, upper);
        self.put_off.begin(self.counters.bytes_out);
        let mut links = std::mem::take(&mut self.ready_links);
        let mut ranges = std::mem::take(&mut self.ranges);
        loop {
            self.depart(out, upper);
            // A link's own output goes before what its connection has queued: the 101, a probe's pong.
            for link in links.drain(..) {
                self.flush_link(link, &mut ranges, out);
            }
            self.flush_put_off(&mut ranges, out);
            while let Some(conn) = self.outbox.log.pop_dirty() {
                if let Some(key) = self.conns.key_at(conn) {
                    let one;
                    let ranges = match self.outbox.log.ranges() {
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
            // An answer that went out may let the next request in, and so new output.
            while let Some(link) = self.answered.pop() {
                self.go_on(link, out, upper);
            }
            std::mem::swap(&mut links, &mut self.ready_links);
            if links.is_empty()
                && self.ready.is_empty()
                && self.leaving.is_empty()
                && !self.outbox.log.has_dirty()
            {
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
        self.handing_back = 0;
        self.count_compressed();
        self.outbox.restart();
        self.packer.forget();
        self.scratch.clear();
        self.scratch.shrink_to(KEEP_SCRATCH);
    }

    /// Gives a link to the loop that its next request is for. It is counted there.
    #[expect(clippy::arithmetic_side_effects, reason = "what is taken back was counted as it came")]
    fn hand_over(&mut self, link: u32, number: usize, out: &mut impl Output) {
        let Link::Http(http) = std::mem::take(self.link(link)) else { return };
        self.timers.cancel(Timer::Link(link));
        self.link_is_gone();
        self.counters.links_opened -= 1;
        self.counters.bytes_in -= http.input.len() as u64;
        let Http { peer, tls, input, .. } = *http;
        let parcel = Parcel(Given::Link { peer, tls, input: input.into_unread(), adopted: false });
        out.hand_over(Some(link as usize), number, parcel);
    }

    /// Gives a link to the host, with the request that is not for us.
    fn hand_back(&mut self, link: u32, out: &mut impl Output) {
        let Link::Http(http) = std::mem::take(self.link(link)) else { return };
        self.timers.cancel(Timer::Link(link));
        self.link_is_gone();
        // If there is none, it has ended already.
        let Some(descriptor) = out.hand_back(link as usize) else { return };
        count(&mut self.counters.links_handed_back, 1);
        self.events.push_foreign(descriptor, &http.peer.to_string(), http.input.unread());
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
                    && let Some(state) = self.conns.get(conn).filter(|_| !self.outbox.is_congested(conn.slot))
                    && self.outbox.log.take(conn.slot)
                {
                    ranges.extend_from_slice(self.outbox.log.ranges());
                    self.outbox.in_form(state.parser, state.form, ranges).write(&mut output);
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
                if timed {
                    self.set_clock(link, Clock::None);
                }
                if last {
                    return self.doom(link, false);
                }
                match leaving {
                    Some(Whither::Loop(number)) => return self.hand_over(link, number, out),
                    Some(Whither::Host) => return self.hand_back(link, out),
                    None => {}
                }
                self.answered.push(link);
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

    /// Goes on with what a link has sent behind the request whose answer is out.
    fn go_on(&mut self, link: u32, out: &mut impl Output, upper: &mut impl Upper) {
        self.http_progress(link, upper);
        let ahead = self.config.limits.max_head_bytes;
        match self.links.get_mut(link as usize) {
            Some(Link::Http(http)) if !http.paused || http.is_ahead(ahead) => {}
            Some(Link::Http(http)) => {
                http.paused = false;
                out.resume(link as usize);
            }
            _ => out.resume(link as usize),
        }
    }

    /// Sends what one connection is to get, or puts it off: what waited before, then this tick's `ranges`.
    fn flush_conn(&mut self, key: Key, ranges: &[Frame], out: &mut impl Output) {
        if self.is_full() && self.can_wait(key, ranges) {
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
        let (parser, form) = (conn.parser, conn.form);
        let (waits, closing) = (self.outbox.is_congested(key.slot), conn.is_closing());
        // A link's own output and what waited go first.
        let own = matches!(self.links.get(link as usize), Some(Link::WebSocket(websocket)) if !websocket.output.is_empty());
        if own || (waits && !self.drain_backlog(key, link, out)) {
            return self.keep(key, ranges, 0);
        }
        let share = self.outbox.in_form(parser, form, ranges);
        let total = share.len();
        let sent = match share.ranges {
            [] => Sent::All,
            [range] => out.send(link as usize, share.bytes(*range)),
            ranges if ranges.len() <= MAX_SLICES && total / SHORT >= ranges.len() => {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                for (slice, range) in slices.iter_mut().zip(ranges) {
                    *slice = IoSlice::new(share.bytes(*range));
                }
                out.send_vectored(link as usize, slices.get(..ranges.len()).unwrap_or(&slices))
            }
            _ => {
                self.scratch.clear();
                share.write(&mut self.scratch);
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
        let Some(backlog) = self.outbox.backlog_mut(key.slot) else { return true };
        while !backlog.is_empty() {
            let mut slices = Vec::new();
            backlog.slices(&mut slices);
            let total = slices.iter().map(|slice| slice.len()).sum();
            let sent = match &*slices {
                // As with most: what a flush put off, or the kernel did not take.
                [only] => out.send(link as usize, only),
                several => out.send_vectored(link as usize, several),
            };
            let gone = taken(sent, total);
            count(&mut self.counters.bytes_out, gone as u64);
            backlog.advance(gone);
            if gone > 0
                && let Some(Link::WebSocket(websocket)) = self.links.get_mut(link as usize)
            {
                websocket.moves = true;
            }
            match sent {
                Sent::All => {}
                Sent::Part(_) => return false,
                Sent::Broken => {
                    self.close_conn(key, Reason::TransportClose, Ending::Abrupt);
                    return false;
                }
            }
        }
        self.outbox.close_backlog(key.slot);
        true
    }

    /// Answers the open poll, if there is anything to say.
    fn flush_poll(&mut self, key: Key, ranges: &[Frame]) {
        let Some(conn) = self.conns.get(key) else { return };
        let parser = conn.parser;
        let most = if conn.takes_all { usize::MAX } else { self.config.limits.max_poll_packets };
        let form = match conn.form {
            Form::BinaryPolling3 if !self.outbox.has_binary(key.slot, ranges, most) => Form::Polling3,
            form => form,
        };
        let mut payload = std::mem::take(&mut self.scratch);
        payload.clear();
        let plain = !self.takes_packed(key) || self.outbox.is_plain(key.slot, ranges);
        if self.outbox.exceeds(key.slot, ranges, most) {
            self.keep(key, ranges, 0);
            self.take_packets(key, form, most, &mut payload);
        } else {
            self.take_packets(key, form, most, &mut payload);
            self.outbox.in_form(parser, form, ranges).write(&mut payload);
        }
        self.answer_poll_in_flush(key, form, &payload, plain);
        self.scratch = payload;
    }

    fn count_compressed(&mut self) {
        let Compressed { messages, before, after } = self.outbox.take_compressed();
        count(&mut self.counters.deflated_messages, messages);
        count(&mut self.counters.deflated_bytes_before, before);
        count(&mut self.counters.deflated_bytes_after, after);
    }

    /// Takes the oldest packets that wait, in a form of polling.
    fn take_packets(&mut self, key: Key, form: Form, most: usize, payload: &mut Vec<u8>) {
        let Some(backlog) = self.outbox.backlog_mut(key.slot) else { return };
        let mut taken = 0_usize;
        for packet in backlog.packets().take(most) {
            form.write(packet, payload);
            taken = taken.saturating_add(packet.bytes.len());
        }
        backlog.advance(taken);
        if backlog.is_empty() {
            self.outbox.close_backlog(key.slot);
        }
    }

    /// Sends a payload in a form, in which its packets may each have a separator before them; for a connection on its way out, the end. It
    /// is not compressed if it is `plain`.
    fn answer_poll_in_flush(&mut self, key: Key, form: Form, payload: &[u8], plain: bool) {
        let Some(conn) = self.conns.get(key) else { return };
        let (closing, version) = (conn.is_closing(), conn.version);
        // Stock clients act on a close before they act on the packets ahead of it, which then are lost. So it waits for
        // the next poll, and there it follows a noop, as in the reference.
        let last = closing && payload.is_empty();
        let lingered = conn.state == State::Lingering;
        if last && self.shutting_down {
            self.end_with_answer(conn.poll());
        }
        match (form, payload.split_first()) {
            _ if last => {
                self.answer_poll(key, if lingered { version.noop_and_close() } else { version.close() })
            }
            (_, None) => {}
            (Form::Polling, Some((_, packets))) => self.answer_poll_as(key, TEXT, packets, plain),
            (Form::BinaryPolling3, _) => self.answer_poll_as(key, OCTETS, payload, plain),
            _ => self.answer_poll_as(key, TEXT, payload, plain),
        }
        if last {
            self.drop_conn(key, Ending::Final);
        } else if closing {
            self.linger(key);
        }
    }

    /// A connection that was closed and has nothing left to send is done.
    fn finish_if_closing(&mut self, key: Key) {
        if self.conns.get(key).is_some_and(Conn::is_closing) {
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

//! Engine.IO sessions: they open, beat, upgrade and end here. It must not know what a message contains.

use super::conn::{Heartbeat, State, Timer, Transport};
use super::link::{Link, Role};
use super::{Ending, Engine, Notice, Upper};
use crate::base::Millis;
use crate::base::ids::Key;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::engineio::{self, Packet, Version, v3};
use crate::wire::ws::{self, Opcode};

/// How often a poll is answered with a noop while an upgrade is under way.
const UPGRADE_POLL: Millis = 100;

/// By how much a loop wakes late when nothing keeps it busy.
const LATE: Millis = 5;

impl Engine {
    /// Sends the open packet and starts the session's clocks.
    pub(super) fn open(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let version = conn.version;
        conn.state = State::Open(match version {
            Version::V3 => Heartbeat::Pinged,
            Version::V4 => Heartbeat::Resting,
        });
        conn.said = self.batches.next;
        let config = &self.config;
        let polling = matches!(conn.transport, Transport::Polling { .. });
        let upgrades: &[&str] =
            if polling && config.websocket && config.allow_upgrades { &["websocket"] } else { &[] };
        self.scratch.clear();
        engineio::open_packet(
            &mut self.scratch,
            &conn.sid,
            upgrades,
            config.ping_interval,
            config.ping_timeout,
            config.limits.max_payload,
        );
        self.send_scratch(key);
        if let Some(packet) = &self.config.initial_packet {
            let packet = format!("4{packet}");
            self.send_text(key, &packet);
        }
        count(&mut self.counters.connections_opened, 1);
        let first = match version {
            Version::V3 => self.after_no_ping(),
            Version::V4 => self.after(self.config.ping_interval),
        };
        self.timers.arm(Timer::Heartbeat(key.slot), first);
        self.notices.push_back(Notice::Opened(key));
    }

    /// A text packet over the transport that carries the connection.
    pub(super) fn text_packet(&mut self, key: Key, text: &str, upper: &mut impl Upper) {
        let Some(conn) = self.conns.get(key) else { return };
        match engineio::decode(conn.version, text) {
            Ok(packet) => self.packet(key, packet, upper),
            Err(_) => self.unparsable(key),
        }
    }

    /// Packets that came in one POST. Behind one by which their connection leaves they are for another loop.
    pub(super) fn payload(&mut self, key: Key, body: &str, upper: &mut impl Upper) {
        let mut rest = Some(body);
        while let Some(body) = rest
            && let Some(conn) = self.conns.get_mut(key).filter(|conn| conn.is_open())
        {
            if let Some(leaving) = &mut conn.leaving {
                leaving.payload = Some(body.into());
                return;
            }
            let (packet, behind) = engineio::first_packet(body);
            self.text_packet(key, packet, upper);
            rest = behind;
        }
    }

    /// A binary message over a WebSocket.
    pub(super) fn binary_packet(&mut self, key: Key, bytes: &[u8], upper: &mut impl Upper) {
        let Some(conn) = self.conns.get(key).filter(|conn| conn.is_open()) else { return };
        let message = match conn.version {
            Version::V3 => v3::binary_packet(bytes),
            Version::V4 => Ok(bytes),
        };
        let Ok(message) = message else { return self.unparsable(key) };
        self.heard_from(key);
        self.tell(upper);
        upper.binary(self, key, message);
    }

    pub(super) fn unparsable(&mut self, key: Key) {
        count(&mut self.counters.bad_packets, 1);
        self.close_conn(key, Reason::ParseError, Ending::Final);
    }

    pub(super) fn packet(&mut self, key: Key, packet: Packet<'_>, upper: &mut impl Upper) {
        let Some(conn) = self.conns.get_mut(key).filter(|conn| conn.is_open()) else { return };
        if packet == Packet::Pong("") && conn.version == Version::V4 {
            if conn.awaits_pong() {
                conn.state = State::Open(Heartbeat::Resting);
                self.timers.arm(Timer::Heartbeat(key.slot), self.after(self.config.ping_interval));
            }
            return;
        }
        let is_old = conn.version == Version::V3;
        self.heard_from(key);
        match packet {
            Packet::Message(text) => {
                self.tell(upper);
                upper.text(self, key, text);
            }
            Packet::Binary(bytes) => {
                self.tell(upper);
                upper.binary(self, key, &bytes);
            }
            Packet::Close => self.client_closed(key),
            Packet::Ping(_) | Packet::Pong(_) if is_old => self.old_beat(key, &packet),
            // Heartbeats go the other way.
            Packet::Ping(_) => self.close_conn(key, Reason::TransportError, Ending::Final),
            Packet::Open(_) | Packet::Pong(_) | Packet::Upgrade | Packet::Noop => {}
        }
    }

    /// While a pong is due, the first packet of another kind extends the wait once: the client lives, its pong is behind
    /// what it sends.
    fn heard_from(&mut self, key: Key) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        conn.said = self.batches.next;
        if conn.state == State::Open(Heartbeat::Awaiting) {
            conn.state = State::Open(Heartbeat::Extended);
            self.timers.arm(Timer::Heartbeat(key.slot), self.after(self.config.ping_timeout));
        }
    }

    /// The client ends its session; over polling its open poll ends with a noop.
    fn client_closed(&mut self, key: Key) {
        if let Some(Transport::Polling { poll: Some(_), .. }) = self.conns.get(key).map(|conn| conn.transport)
        {
            self.answer_with_noop(key);
        }
        self.close_conn(key, Reason::TransportClose, Ending::Final);
    }

    // ---- upgrade ----

    /// The first frames on a WebSocket that opened beside a polling connection.
    pub(super) fn probe_text(&mut self, key: Key, link: u32, text: &str) {
        let Some(conn) = self.conns.get_mut(key) else { return self.end_websocket(link) };
        match (text, &mut conn.probe) {
            ("2probe", Some(probe)) => {
                probe.answered = true;
                self.websocket_output(link, |out| ws::frame(out, Opcode::Text, b"3probe"));
                self.force_poll(key);
            }
            ("5", Some(_)) => self.upgrade(key, link),
            _ => self.end_probe(key),
        }
    }

    /// A probe ends without an upgrade; the connection stays on polling.
    pub(super) fn end_probe(&mut self, key: Key) {
        let Some(probe) = self.conns.get_mut(key).and_then(|conn| conn.probe.take()) else { return };
        count(&mut self.counters.upgrades_failed, 1);
        self.timers.cancel(Timer::Upgrade(key.slot));
        self.timers.cancel(Timer::UpgradePoll(key.slot));
        self.end_websocket(probe.link);
    }

    /// Answers an open poll so that the client can move on, and does so again while the upgrade lasts.
    fn force_poll(&mut self, key: Key) {
        let Some(conn) = self.conns.get(key) else { return };
        if !conn.probe.is_some_and(|probe| probe.answered) {
            return;
        }
        if let Transport::Polling { poll: Some(_), .. } = conn.transport {
            self.answer_with_noop(key);
        }
        self.timers.arm(Timer::UpgradePoll(key.slot), self.after(UPGRADE_POLL));
    }

    /// The WebSocket takes over; what waits goes out on it.
    fn upgrade(&mut self, key: Key, link: u32) {
        if let Some(Transport::Polling { poll: Some(_), .. }) = self.conns.get(key).map(|conn| conn.transport)
        {
            self.answer_with_noop(key);
        }
        let Some(conn) = self.conns.get_mut(key) else { return };
        let post = match conn.transport {
            Transport::Polling { post, .. } => post,
            Transport::WebSocket { .. } => None,
        };
        let Some(probe) = conn.probe.take() else { return };
        let leaves = conn.leaving.is_some();
        self.outbox.change_form(key.slot, conn.form, probe.form);
        conn.form = probe.form;
        conn.upgraded = true;
        conn.transport = Transport::WebSocket { link };
        self.timers.cancel(Timer::Upgrade(key.slot));
        self.timers.cancel(Timer::UpgradePoll(key.slot));
        count(&mut self.counters.upgrades, 1);
        if self.is_watched() {
            self.notices.push_back(Notice::Upgraded(key));
        }
        if let Link::WebSocket(websocket) = self.link(link) {
            websocket.role = Role::Main;
            websocket.held = leaves;
        }
        if let Some(post) = post {
            self.doom(post, true);
        }
        if let Some(conn) = self.conns.get_mut(key).filter(|conn| conn.is_closing()) {
            conn.state = State::Closing;
            self.say_closed(key, link);
        }
        self.ready.push(key);
    }

    // ---- timers ----

    /// Runs the first of what is due. When that was, or will be.
    pub(crate) fn run_timer(&mut self) {
        if let Some((due, timer)) = self.timers.pop_due(self.now) {
            match timer {
                Timer::Link(link) => self.link_timed_out(link),
                Timer::Drain => self.drain_on(),
                Timer::Heartbeat(slot) => self.with_conn(slot, |engine, key| engine.heartbeat(key, due)),
                Timer::Upgrade(slot) => self.with_conn(slot, Self::end_probe),
                Timer::UpgradePoll(slot) => self.with_conn(slot, Self::force_poll),
                Timer::Linger(slot) => self.with_conn(slot, Self::lingered),
            }
        }
    }

    fn with_conn(&mut self, slot: u32, act: impl FnOnce(&mut Self, Key)) {
        if let Some(key) = self.conns.key_at(slot) {
            act(self, key);
        }
    }

    /// A connection's clock has run out: on the wait for a pong, or on the rest between two pings.
    fn heartbeat(&mut self, key: Key, due: Millis) {
        let reads_on = self.reads_on(key);
        let Some(conn) = self.conns.get_mut(key) else { return };
        if conn.awaits_beat() && (reads_on || self.outbox.is_put_off(key.slot)) {
            // It can send no pong, or may not have had the ping; or it can send no ping.
            return self.timers.arm(Timer::Heartbeat(key.slot), self.after(self.config.ping_timeout));
        }
        if conn.awaits_beat() {
            count(&mut self.counters.ping_timeouts, 1);
            self.refuse_late_poll(key);
            return self.close_conn(key, Reason::PingTimeout, Ending::Final);
        }
        conn.state = State::Open(Heartbeat::Awaiting);
        self.send_text(key, "2");
        // That the loop woke a moment late is not the client's: the wait ends when it would have ended in time.
        let sent = if self.now.saturating_sub(due) <= LATE { due } else { self.now };
        self.timers.arm(Timer::Heartbeat(key.slot), sent.saturating_add(self.config.ping_timeout));
    }

    /// A closed connection has had its time to take its last bytes, if they were sent; or the host has had its time to decide.
    fn lingered(&mut self, key: Key) {
        if self.conns.get(key).is_some_and(|conn| conn.state == State::Deciding) {
            return self.give_up_deciding(key);
        }
        if self.reads_on(key) || self.outbox.is_put_off(key.slot) {
            return self.timers.arm(Timer::Linger(key.slot), self.after(self.config.limits.close_timeout));
        }
        self.drop_conn(key, Ending::Abrupt);
    }

    /// Clients give up on a server from which no ping comes, by clocks that did not stand still for this long as ours did.
    pub(super) fn hasten_pings(&mut self, time: Millis) {
        for key in self.conns.keys() {
            if self.conns.get(key).is_some_and(|conn| !conn.awaits_beat()) {
                self.timers.hasten(Timer::Heartbeat(key.slot), time);
            }
        }
    }

    /// Clients give up on a server from which no ping comes, although it may be their own input that waits. These pings are
    /// outside the heartbeat: nothing can be heard now, so no pong is due for them.
    pub(super) fn ping_unheard(&mut self) {
        let open = |key: &Key| self.conns.get(*key).is_some_and(|conn| conn.is_open());
        let keys: Vec<Key> = self.conns.keys().filter(open).collect();
        for key in keys {
            let beat = match self.conns.get(key).map(|conn| conn.version) {
                // Whatever comes tells such a client that the server lives.
                Some(Version::V3) => "3",
                _ => "2",
            };
            self.send_text(key, beat);
        }
    }

    fn link_timed_out(&mut self, link: u32) {
        match self.link(link) {
            Link::Free => {}
            Link::WebSocket(_) => self.doom(link, true),
            Link::Http(_) => self.http_timed_out(link),
        }
    }
}

//! Connections that go to the loop on which their client's session is, with their WebSocket and with what the client has said there
//! first. Their id stays: the loop on which it was made sends on what comes for it, as long as they live. It must not move one twice.

use super::conn::{Leaving, Probe, Timer, Transport};
use super::link::{Link, WebSocket};
use super::parcel::{Given, Moving, Parcel};
use super::service::{Flow, Output};
use super::{Ending, Engine, Notice, Upper};
use crate::base::Millis;
use crate::base::ids::Key;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::engineio::{Packet, Version};

impl Engine {
    /// Whether a connection may go to another loop: not if it came from one, so that no two can go on sending it to each other.
    pub(crate) fn may_leave(&self, key: Key) -> bool {
        let conn = self.conns.get(key).filter(|conn| conn.is_open() && conn.leaving.is_none());
        // A client of Engine.IO 3 has no session elsewhere.
        let conn = conn.filter(|conn| conn.version == Version::V4);
        conn.is_some_and(|conn| self.sids.elsewhere(&conn.sid).is_none())
    }

    /// Has a connection that may leave go to the loop of this number, with messages of its client: they are handled there, and so is what
    /// comes behind them. What is above hears no more of it.
    pub(crate) fn send_away(&mut self, key: Key, number: usize, messages: Vec<Box<str>>) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let leaving = Leaving { number, messages, payload: None, input: Vec::new() };
        conn.leaving = Some(Box::new(leaving));
        self.gone.insert(conn.sid.clone(), number);
        if let Transport::WebSocket { link } = conn.transport
            && let Link::WebSocket(websocket) = self.link(link)
        {
            websocket.held = true;
            let unread = self.take_unread(link);
            self.hold_input(key, &unread);
        }
        self.leaving.push(key);
    }

    /// What came over a WebSocket behind the message with which its connection leaves.
    pub(super) fn hold_input(&mut self, key: Key, bytes: &[u8]) {
        if let Some(leaving) = self.conns.get_mut(key).and_then(|conn| conn.leaving.as_deref_mut()) {
            leaving.input.extend_from_slice(bytes);
        }
    }

    /// Hands over the connections that leave, before links whose requests follow them.
    pub(super) fn depart(&mut self, out: &mut impl Output, upper: &mut impl Upper) {
        for (number, sid) in self.ended.drain(..) {
            out.hand_over(None, number, Parcel(Given::Over(sid)));
        }
        while let Some(key) = self.leaving.pop() {
            match self.take_away(key) {
                Some((link, number, moving)) => {
                    out.hand_over(link, number, Parcel(Given::Conn(Box::new(moving))));
                }
                None => self.stay(key, out, upper),
            }
        }
    }

    /// A connection has ended before it left: its WebSocket is read on, up to the peer's close.
    fn stay(&mut self, key: Key, out: &mut impl Output, upper: &mut impl Upper) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        let Some(leaving) = conn.leaving.take() else { return };
        self.gone.remove(&conn.sid);
        if let Transport::WebSocket { link } = conn.transport
            && let Link::WebSocket(websocket) = self.link(link)
        {
            websocket.held = false;
            out.resume(link as usize);
            let mut input = leaving.input;
            self.websocket_received(link, &mut input, upper);
        }
    }

    /// Takes a connection that leaves out of the tables, with its WebSocket's link and the number of the loop it goes to. None if it has
    /// ended meanwhile.
    fn take_away(&mut self, key: Key) -> Option<(Option<usize>, usize, Moving)> {
        self.conns.get(key).filter(|conn| conn.is_open())?;
        // The client polls again, and that request follows the connection.
        self.answer_with_noop(key);
        if self.outbox.log.take(key.slot) {
            let ranges = self.outbox.log.ranges().to_vec();
            self.keep(key, &ranges, 0);
        }
        self.conns.get(key).filter(|conn| conn.is_open())?;
        let conn = self.conns.remove(key)?;
        let number = conn.leaving.as_ref()?.number;
        let link = match conn.transport {
            Transport::WebSocket { link } => Some(link),
            Transport::Polling { .. } => conn.probe.map(|probe| probe.link),
        };
        let mut websocket = link.and_then(|link| match std::mem::take(self.link(link)) {
            Link::WebSocket(websocket) => Some(websocket),
            Link::Free | Link::Http(_) => None,
        });
        if websocket.is_some() {
            self.link_is_gone();
        }
        let mut queued = Vec::new();
        if let Some(backlog) = self.outbox.backlog_mut(key.slot) {
            match (conn.transport, &mut websocket) {
                (Transport::WebSocket { .. }, Some(websocket)) => backlog.take_bytes(&mut websocket.output),
                _ => queued.extend(backlog.packets().map(|packet| (packet.opcode, packet.payload.into()))),
            }
        }
        self.outbox.forget(key.slot);
        let now = self.now;
        let mut left = |timer: fn(u32) -> Timer| {
            self.timers.cancel(timer(key.slot)).map(|due: Millis| due.saturating_sub(now))
        };
        let (heartbeat, upgrade) = (left(Timer::Heartbeat), left(Timer::Upgrade));
        let upgrade_poll = left(Timer::UpgradePoll);
        let moving = Moving { conn, websocket, queued, heartbeat, upgrade, upgrade_poll };
        Some((link.map(|link| link as usize), number, moving))
    }

    /// Connections that are known for having moved, or being about to.
    #[cfg(test)]
    pub(crate) fn moves(&self) -> usize {
        [self.leaving.len(), self.gone.len(), self.ended.len(), self.other_sids.len()].iter().sum()
    }

    /// As a [`Service`](super::service::Service) is asked.
    pub(crate) fn arrived(
        &mut self,
        link: Option<usize>,
        parcel: Parcel,
        now: Millis,
        upper: &mut impl Upper,
    ) -> Option<Flow> {
        self.advance(now);
        match (parcel.0, link) {
            (Given::Link { peer, tls, mut input, adopted }, Some(link)) => {
                let taken = self.link_opened(link, peer, now, upper);
                count(&mut self.counters.links_adopted, u64::from(taken && adopted));
                if let Link::Http(http) = self.link(link as u32) {
                    http.tls = tls;
                }
                taken.then(|| match input.is_empty() {
                    true => Flow::Continue,
                    false => self.received(link, &mut input, now, upper),
                })
            }
            (Given::Link { .. }, None) => None,
            (Given::Conn(moving), link) => self.take_in(*moving, link.map(|link| link as u32), upper),
            (Given::Over(sid), _) => {
                self.gone.remove(&sid);
                self.tell_if_drained();
                None
            }
        }
    }

    /// Takes a connection in, and what its client has said already; or ends it, if there is no place for it here.
    fn take_in(&mut self, moving: Moving, link: Option<u32>, upper: &mut impl Upper) -> Option<Flow> {
        let Moving { mut conn, websocket, queued, heartbeat, upgrade, upgrade_poll } = moving;
        let leaving = conn.leaving.take()?;
        let key = self.conns.next_key();
        let main = matches!(conn.transport, Transport::WebSocket { .. });
        let is_lost = websocket.is_some() && link.is_none();
        let link = websocket.zip(link).map(|(websocket, link)| {
            *self.link(link) = Link::WebSocket(WebSocket { conn: key, held: false, ..websocket });
            self.open_links = self.open_links.saturating_add(1);
            self.ready_links.push(link);
            self.go_on_with_unread(link);
            link
        });
        conn.transport = match link {
            Some(link) if main => Transport::WebSocket { link },
            _ => Transport::Polling { poll: None, post: None },
        };
        conn.probe = conn.probe.zip(link).map(|(probe, link)| Probe { link, ..probe });
        conn.said = self.batches.next;
        self.other_sids.insert(conn.sid.clone(), key);
        self.conns.insert(conn);
        for (opcode, payload) in queued {
            self.outbox.send(key.slot, |out| out.frame(opcode, &payload));
        }
        let timers = [
            (Timer::Heartbeat(key.slot), heartbeat),
            (Timer::Upgrade(key.slot), upgrade),
            (Timer::UpgradePoll(key.slot), upgrade_poll),
        ];
        for (timer, left) in timers {
            if let Some(left) = left {
                self.timers.arm(timer, self.after(left));
            }
        }
        if is_lost {
            self.close_conn(key, Reason::TransportClose, Ending::Abrupt);
        } else if self.shutting_down {
            self.close_conn(key, Reason::ServerShuttingDown, Ending::Abrupt);
        } else if self.open_links > self.config.limits.max_links as usize {
            count(&mut self.counters.links_refused, 1);
            self.close_conn(key, Reason::TransportClose, Ending::Abrupt);
        } else if self.is_draining() {
            self.drain_away(key);
        } else {
            self.notices.push_back(Notice::Opened(key));
            self.tell(upper);
            for message in &leaving.messages {
                self.packet(key, Packet::Message(message), upper);
            }
            if let Some(payload) = leaving.payload {
                self.payload(key, &payload, upper);
            }
            if let Some(link) = link.filter(|_| main) {
                let mut input = leaving.input;
                self.websocket_received(link, &mut input, upper);
            }
        }
        link.map(|link| self.flow(link))
    }
}

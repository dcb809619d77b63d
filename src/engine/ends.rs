//! How sessions and links end: in order, for good, or at once. Whatever ends first, nothing may be left.

use super::conn::{Conn, State, Timer, Transport};
use super::link::{Link, Role};
use super::{End, Engine, Notice};
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, Key};
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::ws::{self, Opcode};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What is queued goes out first, then the close. Between two polls the next one is waited for.
    Orderly,
    /// The same, but nothing is waited for.
    Final,
    /// At once: the transport is gone or not to be trusted.
    Abrupt,
}

/// How long a connection closed between two polls is kept for the next one. The reference's `closeTimeout`.
const LINGER: Millis = 30_000;

impl Engine {
    /// Ends a session, of which what is above is told, and then what carries it.
    pub(crate) fn close_conn(&mut self, key: Key, reason: Reason, ending: Ending) {
        let Some(conn) = self.conns.get_mut(key) else { return };
        match conn.state {
            State::Open(_) => {}
            State::Deciding => return self.drop_conn(key, Ending::Abrupt),
            State::Closing | State::Lingering if ending == Ending::Abrupt => {
                return self.drop_conn(key, ending);
            }
            State::Closing if conn.is_stranded() => return self.drop_conn(key, Ending::Final),
            State::Closing | State::Lingering => return,
        }
        conn.state = State::Closing;
        // A client that is about to move on polls no more: it is told on the WebSocket, as by the reference.
        let moves_on = ending == Ending::Orderly && conn.probe.is_some_and(|probe| probe.answered);
        let probe = conn.probe.take_if(|_| !moves_on);
        self.notices.push_back(Notice::Closed(End { conn: key, peer: conn.origin.peer.clone(), reason }));
        self.timers.cancel(Timer::Heartbeat(key.slot));
        self.timers.cancel(Timer::UpgradePoll(key.slot));
        if !moves_on {
            self.timers.cancel(Timer::Upgrade(key.slot));
        }
        if let Some(probe) = probe {
            count(&mut self.counters.upgrades_failed, 1);
            self.end_websocket(probe.link);
        }
        count(&mut self.counters.connections_closed, 1);
        self.endings.count(reason);
        if ending == Ending::Abrupt {
            return self.drop_conn(key, ending);
        }
        let Some(conn) = self.conns.get(key) else { return };
        match conn.transport {
            Transport::WebSocket { link } => self.say_closed(key, link),
            Transport::Polling { poll, post } => {
                if let Some(link) = post {
                    self.abandon_post(key, link);
                }
                // They may have shared a link.
                if poll.is_none() || poll == post {
                    if ending == Ending::Final {
                        return self.drop_conn(key, ending);
                    }
                    self.linger(key);
                }
            }
        }
        self.ready.push(key);
    }

    /// Ends what a WebSocket is to get with a close frame, and gives it some time to leave.
    pub(super) fn say_closed(&mut self, key: Key, link: u32) {
        let payload = match self.link(link) {
            Link::WebSocket(websocket) => std::mem::take(&mut websocket.close),
            _ => Box::default(),
        };
        self.outbox.send(key.slot, |out| out.frame(Opcode::Close, &payload));
        self.timers.arm(Timer::Linger(key.slot), self.after(self.config.limits.close_timeout));
    }

    /// Keeps a closed polling connection for the poll by which its client learns of the end.
    pub(super) fn linger(&mut self, key: Key) {
        if let Some(conn) = self.conns.get_mut(key) {
            conn.state = State::Lingering;
            self.timers.arm(Timer::Linger(key.slot), self.after(LINGER));
        }
    }

    /// Takes a connection out of the tables.
    pub(super) fn forget_conn(&mut self, key: Key) -> Option<Conn> {
        let conn = self.conns.remove(key)?;
        self.quotas.leave(conn.address);
        if self.other_sids.remove(&conn.sid).is_some()
            && let Some(origin) = self.sids.elsewhere(&conn.sid)
        {
            self.ended.push((origin, conn.sid.clone()));
        }
        if conn.leaving.is_some() {
            self.gone.remove(&conn.sid);
        }
        self.outbox.forget(key.slot);
        self.tell_if_drained();
        Some(conn)
    }

    /// Forgets a connection; its links end with what they have in hand.
    pub(super) fn drop_conn(&mut self, key: Key, ending: Ending) {
        let Some(conn) = self.forget_conn(key) else { return };
        self.end_idle_links();
        self.timers.cancel(Timer::Linger(key.slot));
        if let Some(probe) = conn.probe {
            count(&mut self.counters.upgrades_failed, 1);
            self.timers.cancel(Timer::Upgrade(key.slot));
            self.end_websocket(probe.link);
        }
        match conn.transport {
            Transport::WebSocket { link } => match ending {
                Ending::Orderly | Ending::Final => self.await_close(link),
                Ending::Abrupt => self.doom(link, true),
            },
            Transport::Polling { poll, post } => {
                for link in [poll, post].into_iter().flatten() {
                    self.doom(link, ending == Ending::Abrupt);
                }
            }
        }
    }

    // ---- links ----

    #[expect(clippy::arithmetic_side_effects, reason = "it was counted as it opened")]
    pub(super) fn link_is_gone(&mut self) {
        self.open_links -= 1;
    }

    /// Closes a link with the next flush. Its state goes at once.
    pub(super) fn doom(&mut self, link: u32, abort: bool) {
        let state = std::mem::take(self.link(link));
        if matches!(state, Link::Free) {
            return;
        }
        self.timers.cancel(Timer::Link(link));
        self.link_is_gone();
        self.doomed.push((link, abort));
        // It may have carried more than what it is closed for.
        if let Link::Http(http) = state {
            self.http_lost(link, *http);
        }
    }

    /// A WebSocket whose connection is done: the peer's close frame is awaited for a while.
    fn await_close(&mut self, link: u32) {
        if let Link::WebSocket(websocket) = self.link(link) {
            if websocket.peer_closed && websocket.output.is_empty() {
                return self.doom(link, false);
            }
            websocket.role = Role::Closing;
            let at = self.after(self.config.limits.close_timeout);
            self.timers.arm(Timer::Link(link), at);
        }
    }

    /// Ends a WebSocket that does not carry a connection, or no longer can: a close frame of its own, then the end.
    pub(super) fn end_websocket(&mut self, link: u32) {
        if let Link::WebSocket(websocket) = self.link(link) {
            ws::frame(&mut websocket.output, Opcode::Close, &websocket.close);
            self.await_close(link);
            self.ready_links.push(link);
        }
    }

    // ---- everything ----

    /// Closes a connection and all its sockets, after what is queued for it has gone out.
    pub(crate) fn close_connection(&mut self, conn: ConnId) -> Result<()> {
        let key = conn.key();
        if !self.conns.get(key).is_some_and(|conn| conn.is_open()) {
            return Err(Error::Gone);
        }
        self.close_conn(key, Reason::ForcedClose, Ending::Orderly);
        Ok(())
    }

    /// Takes connections again after [`Engine::shut_down`].
    pub(crate) fn reopen(&mut self) {
        self.shutting_down = false;
    }

    /// Forgets all links and connections without a word: the loop has closed them.
    pub(crate) fn abandon_links(&mut self) {
        for key in self.conns.keys().collect::<Vec<_>>() {
            self.close_conn(key, Reason::ServerShuttingDown, Ending::Abrupt);
        }
        for link in 0..self.links.len() as u32 {
            self.doom(link, true);
        }
        self.doomed.clear();
        self.ready_links.clear();
        self.put_off.clear();
    }

    /// Ends every connection, with the reason `server shutting down`; new ones are refused. What is queued still goes
    /// out, as far as clients take it: flush until [`Engine::has_output`] is false or your patience ends.
    pub(crate) fn shut_down(&mut self) {
        self.shutting_down = true;
        self.stop_draining();
        self.refuse_undecided();
        for key in self.conns.keys().collect::<Vec<_>>() {
            self.close_conn(key, Reason::ServerShuttingDown, Ending::Orderly);
        }
        self.end_idle_links();
    }

    /// Whether a link ends as soon as no request is under way on it: the broker is shutting down, and no connection is
    /// left. Until then any may bring the poll by which a client learns of the end.
    pub(super) fn ends_idle_links(&self) -> bool {
        self.shutting_down && self.conns.len() == 0
    }

    /// Looks at all links in the next flush, if those that are idle have to end now.
    pub(super) fn end_idle_links(&mut self) {
        if self.ends_idle_links() {
            let links = self.links.iter().zip(0..).filter(|(link, _)| matches!(link, Link::Http(_)));
            self.ready_links.extend(links.map(|(_, number)| number));
        }
    }
}

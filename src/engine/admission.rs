//! Whether new sessions are let in: the admission rate, and the drain that sends every client away at a pace of its own.
//! It must not end a session but by the drain.

use super::conn::Timer;
use super::conn::Transport;
use super::link::Link;
use super::{Ending, Engine, Notice};
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::ids::Key;
use crate::base::limits::Limits;
use crate::host::peer::Address;
use crate::host::reason::Reason;
use crate::host::stats::count;

/// The close code of a drained WebSocket: "Service Restart", which a client may answer by coming again.
const SERVICE_RESTART: u16 = 1012;
/// What a close frame holds besides its code.
const MAX_CLOSE_REASON: usize = 123;
const LONG_REASON: &str = "reason: it is at most 123 bytes";
/// The drain goes on this often, with as many clients as are due by then.
const DRAIN_STEP: Millis = 10;
/// Nobody is told to stay away for longer than this, in seconds.
const MAX_RETRY_AFTER: u64 = 30;
/// Where a place is free only when somebody leaves, one is to ask again in so many seconds.
const FULL_RETRY_AFTER: u64 = 10;

/// Lets handshakes in, or not.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// Handshakes that were let in, as thousandths, less those that time has made good: at most the burst.
    used: u64,
    /// Handshakes that were sent away and have yet to come again, as thousandths, by the same measure.
    away: u64,
    /// When both were last brought up to date.
    since: Millis,
    drain: Option<Drain>,
    /// How many drains the host has been told of.
    drained: u64,
}

#[derive(Debug)]
struct Drain {
    per_second: u32,
    /// Payload of the close frames.
    close: Box<[u8]>,
    /// When this pace began, and how many went since.
    begun: Millis,
    sent: u64,
    /// Connections below this slot have had their turn.
    cursor: u32,
    /// The host has its event.
    told: bool,
}

/// Why a handshake is answered with 503, or 429 where its address is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// There were too many of late; a place should be free in so many seconds.
    Rate(u64),
    Draining,
    /// There are `max_connections`.
    Full,
    /// The client's address has `max_connections_per_address`.
    AddressFull,
    /// The client's address has had its handshakes of this second.
    AddressRate,
    /// The host has not decided about it in time.
    Undecided,
}

impl Busy {
    /// Seconds for `Retry-After`. While this server drains another one is to be found, and soon.
    pub(super) fn retry_after(self) -> u64 {
        match self {
            Busy::Rate(seconds) => seconds,
            Busy::Draining | Busy::AddressRate | Busy::Undecided => 1,
            Busy::Full | Busy::AddressFull => FULL_RETRY_AFTER,
        }
    }

    /// What an [`Event::Refused`](crate::Event::Refused) says was wrong.
    pub(super) fn context(self) -> &'static str {
        match self {
            Busy::Rate(_) => "RATE",
            Busy::Draining => "DRAINING",
            Busy::Full => "CONNECTIONS",
            Busy::AddressFull => "ADDRESS_CONNECTIONS",
            Busy::AddressRate => "ADDRESS_RATE",
            Busy::Undecided => "UNDECIDED",
        }
    }

    /// Whether it is for what the client's address did, rather than for what the server can take.
    pub(super) fn is_for_address(self) -> bool {
        matches!(self, Busy::AddressFull | Busy::AddressRate)
    }
}

impl Admission {
    /// Takes one handshake in, if the rate allows it.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "64 bits hold thousandths of what has 32, and the clock stands still at worst"
    )]
    fn admit(&mut self, limits: &Limits, now: Millis) -> std::result::Result<(), Busy> {
        let rate = u64::from(limits.max_handshakes_per_second);
        if rate == 0 {
            return Ok(());
        }
        let passed = (now - self.since).saturating_mul(rate);
        self.since = now;
        self.used = self.used.saturating_sub(passed);
        self.away = self.away.saturating_sub(passed);
        let burst = match limits.handshake_burst {
            0 => rate,
            burst => burst.into(),
        };
        if self.used + 1_000 <= burst * 1_000 {
            self.used += 1_000;
            return Ok(());
        }
        // Whoever is sent away is told to come when those before have had their turn: else all would come at once again.
        self.away += 1_000;
        Err(Busy::Rate(self.away.div_ceil(rate * 1_000).clamp(1, MAX_RETRY_AFTER)))
    }
}

/// What is wrong with a drain, whatever state the broker is in.
pub(crate) fn check_drain(per_second: u32, reason: &str) -> Result<()> {
    if per_second == 0 {
        return Err(Error::BadValue("per_second: it is 1 or more"));
    }
    if reason.len() > MAX_CLOSE_REASON {
        return Err(Error::TooLarge(LONG_REASON));
    }
    Ok(())
}

impl Engine {
    /// Whether a new session of this address may begin now; counts those that may, until [`Engine::left`], and those that may not. Returns
    /// its number among all.
    pub(super) fn admit(&mut self, address: Option<Address>) -> std::result::Result<u64, Busy> {
        let limits = &self.config.limits;
        let entered = match self.admission.drain {
            Some(_) => Err(Busy::Draining),
            None => self.quotas.enter(address, limits, self.wall_clock()),
        };
        let answer = entered.and_then(|number| {
            let admitted = self.admission.admit(limits, self.now);
            admitted.inspect_err(|_| self.quotas.leave(address)).map(|()| number)
        });
        match answer {
            Ok(_) => {}
            Err(Busy::Full) => count(&mut self.counters.handshakes_over_connections, 1),
            Err(Busy::AddressFull | Busy::AddressRate) => {
                count(&mut self.counters.handshakes_over_address, 1)
            }
            Err(Busy::Rate(_)) => count(&mut self.counters.handshakes_over_rate, 1),
            Err(Busy::Draining) => count(&mut self.counters.handshakes_while_draining, 1),
            // That is found out later.
            Err(Busy::Undecided) => {}
        }
        answer
    }

    /// Sends all clients away, `per_second` of them each second, and takes no new ones: handshakes are answered with
    /// 503 and `Retry-After`, and so is `Config::health_path`, so that a balancer looks elsewhere. When no connection
    /// is left, [`Event::Drained`](crate::Event::Drained) comes, once for each drain.
    pub(crate) fn drain(&mut self, per_second: u32, reason: &str) -> Result<()> {
        check_drain(per_second, reason)?;
        let close = [&SERVICE_RESTART.to_be_bytes(), reason.as_bytes()].concat().into();
        let begun = self.now;
        self.admission.drain = Some(Drain { per_second, close, begun, sent: 0, cursor: 0, told: false });
        self.timers.arm(Timer::Drain, self.now);
        self.refuse_undecided();
        Ok(())
    }

    /// Takes clients in again. Those that are gone stay gone. Does nothing if the broker is not draining.
    pub(crate) fn stop_draining(&mut self) {
        self.admission.drain = None;
        self.timers.cancel(Timer::Drain);
    }

    /// Whether [`drain`](Engine::drain) was called, and clients are not taken in.
    pub(crate) fn is_draining(&self) -> bool {
        self.admission.drain.is_some()
    }

    /// How many drains have come to their end, each of which has its number in its event.
    pub(crate) fn drained(&self) -> u64 {
        self.admission.drained
    }

    /// Sends away as many clients as are due.
    pub(super) fn drain_on(&mut self) {
        let now = self.now;
        let Some(drain) = &mut self.admission.drain else { return };
        let per_second = u64::from(drain.per_second);
        // The first one goes at once.
        let due = (now.saturating_sub(drain.begun).saturating_mul(per_second) / 1_000).saturating_add(1);
        while let Some(drain) = &mut self.admission.drain {
            if drain.sent >= due {
                let next = drain.begun.saturating_add(drain.sent.saturating_mul(1_000).div_ceil(per_second));
                return self.timers.arm(Timer::Drain, next.max(now.saturating_add(DRAIN_STEP)));
            }
            let Some((key, next)) = self.conns.next_from(drain.cursor) else {
                // Those that move between loops, or are on their way to the end, get their turn later: all are walked at most once
                // in `DRAIN_STEP`.
                drain.cursor = 0;
                if self.conns.len() > 0 {
                    self.timers.arm(Timer::Drain, now.saturating_add(DRAIN_STEP));
                }
                break;
            };
            drain.cursor = next;
            let Some(conn) = self.conns.get(key).filter(|conn| conn.is_open()) else { continue };
            if self.is_awaited(conn) {
                // It goes by itself, when it has been answered.
                continue;
            }
            self.drain_away(key);
        }
        self.tell_if_drained();
    }

    /// Sends one client away.
    pub(super) fn drain_away(&mut self, key: Key) {
        let Some(conn) = self.conns.get(key) else { return };
        let transport = conn.transport;
        let Some(drain) = &mut self.admission.drain else { return };
        count(&mut drain.sent, 1);
        let close = drain.close.clone();
        if let Transport::WebSocket { link } = transport
            && let Link::WebSocket(websocket) = self.link(link)
        {
            websocket.close = close;
        }
        count(&mut self.counters.drained, 1);
        self.close_conn(key, Reason::ServerShuttingDown, Ending::Orderly);
    }

    /// Tells the host when the last connection of a drain is gone, wherever it lived.
    pub(super) fn tell_if_drained(&mut self) {
        if let Some(drain) = &mut self.admission.drain
            && self.conns.len() == 0
            && self.gone.is_empty()
            && !std::mem::replace(&mut drain.told, true)
        {
            self.timers.cancel(Timer::Drain);
            count(&mut self.admission.drained, 1);
            self.notices.push_back(Notice::Drained(self.admission.drained));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate_and_each_refused_is_told_a_time_of_its_own() {
        let limits = Limits { max_handshakes_per_second: 10, handshake_burst: 5, ..Limits::default() };
        let mut admission = Admission::default();
        let admitted = |admission: &mut Admission, now| {
            (0..100).filter(|_| admission.admit(&limits, now).is_ok()).count()
        };
        assert_eq!(admitted(&mut admission, 0), 5);
        assert_eq!(admission.admit(&limits, 0), Err(Busy::Rate(10)));
        assert_eq!(admitted(&mut admission, 99), 0);
        assert_eq!(admitted(&mut admission, 100), 1);
        assert_eq!(admitted(&mut admission, 400), 3);
        assert_eq!(admission.admit(&limits, 400), Err(Busy::Rate(30)));
        // An hour of rest is worth one burst.
        assert_eq!(admitted(&mut admission, 3_600_000), 5);
        assert_eq!(admission.admit(&limits, 3_600_000), Err(Busy::Rate(10)));
    }

    #[test]
    fn without_a_rate_everybody_comes_in() {
        let mut admission = Admission::default();
        assert!((0..crate::base::rounds(100_000)).all(|_| admission.admit(&Limits::default(), 0).is_ok()));
    }
}

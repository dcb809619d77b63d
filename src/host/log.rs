//! Lines for a host's log, made where things happen. What a peer sends must not break out of its line, make it long, or fill
//! the log, and no id may be in it by which somebody else could speak for a client.

use super::peer::Peer;
use super::reason::Reason;
use super::stats::count;
use crate::base::Millis;
use crate::base::errors::Error;
use std::fmt::{self, Write};

/// How much a line of the log matters, for [`Broker::set_log`](crate::Broker::set_log). Lower is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// A bug of the library.
    Error = 1,
    /// A client did what it should not, or a call from another thread came to nothing.
    Warn,
    /// What the broker itself does: it listens, it is closed.
    Info,
    /// Clients that come, are turned away, and go.
    Debug,
}

/// Lines of one kind in a second; what peers do more often than that is counted instead.
const LINES_PER_SECOND: u32 = 100;
/// Lines that wait for a host that does not poll.
const MAX_WAITING: usize = 1_000;
/// Bytes of a line, and of what a peer sent in it.
const MAX_LINE: usize = 512;
const MAX_QUOTE: usize = 100;

/// The kinds of lines that a peer can cause, each with its own share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Refused,
    NoTls,
    NoProxyHeader,
    Unparsable,
    DisconnectedByAFault,
    ClosedByAFault,
    Rejected,
    Disconnected,
    Closed,
    Connected,
}

/// In the order of [`Kind`].
const KINDS: [(&str, Level); 10] = [
    ("request refused", Level::Warn),
    ("TLS that failed", Level::Warn),
    ("a PROXY header that did not come", Level::Warn),
    ("a packet that cannot be parsed", Level::Warn),
    ("disconnected by a fault", Level::Warn),
    ("closed by a fault", Level::Warn),
    ("rejected", Level::Debug),
    ("disconnected", Level::Debug),
    ("closed", Level::Debug),
    ("connected", Level::Debug),
];

impl Kind {
    #[expect(clippy::indexing_slicing, reason = "one line of the table for each kind")]
    pub(crate) fn level(self) -> Level {
        KINDS[self as usize].1
    }
}

/// What one kind of line has used up of its second.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    since: Millis,
    told: u32,
    left_out: u64,
}

impl Share {
    /// Whether one more line may be said; not if there is no room for any.
    fn take(&mut self, now: Millis, full: bool) -> bool {
        let fits = self.told < LINES_PER_SECOND && !full;
        if self.told == 0 && self.left_out == 0 {
            self.since = now;
        }
        if fits {
            self.told = self.told.saturating_add(1);
        } else {
            count(&mut self.left_out, 1);
        }
        fits
    }

    /// Begins anew when the second is over; returns how many lines were left out in the last one.
    fn renew(&mut self, now: Millis) -> u64 {
        if now < self.since.saturating_add(1_000) {
            return 0;
        }
        std::mem::take(self).left_out
    }
}

/// Where a core's lines go. A core that nobody reads from has [`Silence`].
pub(crate) trait Log: Send {
    /// Whether lines of this level are said.
    fn wants(&self, level: Level) -> bool;

    /// Adds a line, if its level is wanted and there is room for one of its kind.
    fn add(&self, kind: Kind, text: fmt::Arguments<'_>, now: Millis);
}

/// No log.
pub(crate) struct Silence;

impl Log for Silence {
    fn wants(&self, _: Level) -> bool {
        false
    }

    fn add(&self, _: Kind, _: fmt::Arguments<'_>, _: Millis) {}
}

/// The lines that wait for the host.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    shares: [Share; KINDS.len()],
    waiting: Vec<(Level, String)>,
}

impl Lines {
    /// Adds a line, if there is room for one of its kind.
    pub(crate) fn add(&mut self, kind: Kind, text: fmt::Arguments<'_>, now: Millis) {
        let full = self.waiting.len() >= MAX_WAITING;
        if !full {
            self.catch_up(now);
        }
        if self.shares.get_mut(kind as usize).is_some_and(|share| share.take(now, full)) {
            self.waiting.push((kind.level(), line(text)));
        }
    }

    /// The lines since the last time.
    pub(crate) fn take(&mut self, now: Millis) -> Vec<(Level, String)> {
        self.catch_up(now);
        std::mem::take(&mut self.waiting)
    }

    /// Says how many lines were left out in a second that is over.
    fn catch_up(&mut self, now: Millis) {
        for (share, (name, level)) in self.shares.iter_mut().zip(KINDS) {
            let left_out = share.renew(now);
            if left_out > 0 {
                self.waiting.push((level, line(format_args!("{name}: {left_out} more in a second"))));
            }
        }
    }
}

/// The line about a call that was queued, and could not be carried out so many times.
pub(crate) fn failure(call: &str, error: Error, times: u64) -> String {
    match times {
        1 => line(format_args!("{call} failed after it was queued: {error}")),
        _ => line(format_args!("{call} failed after it was queued, {times} times: {error}")),
    }
}

/// Whether it is worth a warning that something ended for this reason.
pub(crate) fn is_fault(reason: Reason) -> bool {
    matches!(reason, Reason::SlowConsumer | Reason::ParseError | Reason::TransportError)
}

/// Where somebody speaks from, if that is known.
pub(crate) struct FromPeer<'a>(pub(crate) Option<&'a Peer>);

impl fmt::Display for FromPeer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            // As text it ends in the colon that follows in a line.
            Some(Peer::Unix(None)) => f.write_str(" from a Unix socket"),
            Some(peer) => write!(f, " from {peer}"),
        }
    }
}

/// What a peer sent, in quotes, escaped, and cut when it is long.
pub(crate) struct Quote<'a>(pub(crate) &'a str);

impl fmt::Display for Quote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().map(|(at, _)| at).take_while(|&at| at <= MAX_QUOTE).last();
        let shown = if self.0.len() > MAX_QUOTE { &self.0[..end.unwrap_or(0)] } else { self.0 };
        write!(f, "{shown:?}")?;
        if shown.len() < self.0.len() { write!(f, "... of {} bytes", self.0.len()) } else { Ok(()) }
    }
}

/// One line: without control characters, and not too long.
pub(crate) fn line(text: fmt::Arguments<'_>) -> String {
    let mut line = Line(String::new());
    // Only a full line refuses, and then it is cut.
    let _ = line.write_fmt(text);
    line.0
}

struct Line(String);

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            let breaks = char.is_control() || matches!(char, '\u{2028}' | '\u{2029}');
            let before = self.0.len();
            if breaks {
                self.0.extend(char.escape_default());
            } else {
                self.0.push(char);
            }
            if self.0.len() > MAX_LINE {
                self.0.truncate(before);
                self.0.push_str("...");
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(log: &mut Lines, message: &str, context: &str, now: Millis) -> Vec<String> {
        log.add(Kind::Refused, format_args!("request refused: {message} ({})", Quote(context)), now);
        lines(log, now)
    }

    fn lines(log: &mut Lines, now: Millis) -> Vec<String> {
        log.take(now).into_iter().map(|(level, text)| format!("{} {text}", level as u32)).collect()
    }

    #[test]
    fn what_a_peer_sends_stays_within_its_line() {
        let mut log = Lines::default();
        let forged = "x\") \n2026-01-01 admin logged in\u{1b}[2J\r\0\u{2028}\u{85}";
        let said = refused(&mut log, "Session ID unknown", forged, 0);
        let text = r#"2 request refused: Session ID unknown ("x\") \n2026-01-01 admin logged in\u{1b}[2J\r\0\u{2028}\u{85}")"#;
        assert_eq!(said, [text]);
        let long = "ä".repeat(8_000);
        let said = refused(&mut log, "a", &long, 0);
        assert!(said[0].len() < 200 && said[0].ends_with("\"... of 16000 bytes)"), "{said:?}");
        // What the host says of a refusal may be a client's words too.
        let said = refused(&mut log, &"\n\u{7f}".repeat(8_000), "", 0);
        assert!(said[0].len() < MAX_LINE + 10 && said[0].is_ascii() && !said[0].contains('\n'), "{said:?}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of lines, which are counted")]
    fn each_kind_has_so_many_lines_a_second_and_says_what_it_left_out() {
        let mut log = Lines::default();
        let count =
            |log: &mut Lines, now| -> usize { (0..2_000).map(|_| refused(log, "a", "b", now).len()).sum() };
        assert_eq!(count(&mut log, 5_000), 100);
        assert_eq!(count(&mut log, 5_999), 0);
        // Another kind has its own share.
        log.add(Kind::Unparsable, format_args!("it"), 5_999);
        assert_eq!(lines(&mut log, 5_999), ["2 it"]);
        assert_eq!(lines(&mut log, 5_999), [""; 0]);
        // Whether a line comes next, or nothing.
        assert_eq!(refused(&mut log, "a", "b", 6_000)[..1], ["2 request refused: 3900 more in a second"]);
        assert_eq!(count(&mut log, 6_500), 99);
        assert_eq!(lines(&mut log, 60_000), ["2 request refused: 1901 more in a second"]);
        assert_eq!(lines(&mut log, 90_000), [""; 0]);
        assert_eq!(count(&mut log, 90_000), 100);
    }

    #[test]
    #[cfg_attr(miri, ignore = "20,000 lines, which are counted")]
    fn lines_that_wait_for_a_host_are_so_many_and_the_others_are_counted() {
        let mut log = Lines::default();
        for now in (0..100_000).step_by(5) {
            log.add(Kind::Refused, format_args!("it"), now);
        }
        let said = lines(&mut log, 200_000).len();
        assert!((MAX_WAITING..MAX_WAITING + 2 * KINDS.len()).contains(&said), "{said}");
        log.add(Kind::Refused, format_args!("it"), 200_000);
        assert_eq!(lines(&mut log, 200_000), ["2 it"]);
    }
}

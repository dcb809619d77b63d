//! Lines for a host's log, made from what the broker reports. What a peer sends must not break out of its line, make it long,
//! or fill the log.

use super::events::Event;
use crate::base::Millis;
use crate::base::errors::Error;
use crate::session::reason::Reason;
use std::fmt::{self, Write};

/// How much a line matters. Lower is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error = 1,
    Warn,
    Info,
    Debug,
}

/// Lines of one kind in a second; what peers do more often than that is counted instead.
const LINES_PER_SECOND: u32 = 100;
/// Bytes of a line, and of what a peer sent in it.
const MAX_LINE: usize = 512;
const MAX_QUOTE: usize = 100;

/// The kinds of lines that a peer can cause, each with its own share.
const KINDS: [(&str, Level); 7] = [
    ("request refused", Level::Warn),
    ("a packet that cannot be parsed", Level::Warn),
    ("disconnected by a fault", Level::Warn),
    ("closed by a fault", Level::Warn),
    ("disconnected", Level::Debug),
    ("closed", Level::Debug),
    ("connected", Level::Debug),
];
const REFUSED: usize = 0;
const UNPARSABLE: usize = 1;
const DISCONNECTED_BY_A_FAULT: usize = 2;
const CLOSED_BY_A_FAULT: usize = 3;
const DISCONNECTED: usize = 4;
const CLOSED: usize = 5;
const CONNECTED: usize = 6;

/// What one kind of line has used up of its second.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    since: Millis,
    told: u32,
    left_out: u64,
}

impl Share {
    /// Whether one more line may be said.
    fn take(&mut self, now: Millis) -> bool {
        let fits = self.told < LINES_PER_SECOND;
        if self.told == 0 {
            self.since = now;
        }
        if fits {
            self.told += 1
        } else {
            self.left_out += 1
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

/// Which lines there are, and how many.
#[derive(Debug)]
pub(crate) struct Log {
    level: Level,
    shares: [Share; KINDS.len()],
}

impl Log {
    /// Of the lines up to this level.
    pub(crate) fn new(level: Level) -> Self {
        Self { level, shares: Default::default() }
    }

    /// The line about an event, if there is one and room for it.
    pub(crate) fn event(&mut self, event: &Event<'_>, now: Millis, say: &mut impl FnMut(Level, &str)) {
        let faulty = |reason: Reason| {
            matches!(reason, Reason::SlowConsumer | Reason::ParseError | Reason::TransportError)
        };
        match *event {
            Event::Refused { code, message, context } => {
                let text = format_args!("request refused: {code} {message} ({})", Quote(context));
                self.of_kind(REFUSED, text, now, say);
            }
            Event::ProtocolError { socket, .. } => {
                self.of_kind(
                    UNPARSABLE,
                    format_args!("{socket:?}: a packet that cannot be parsed"),
                    now,
                    say,
                );
            }
            Event::Disconnect { socket, reason, .. } => {
                let kind = if faulty(reason) { DISCONNECTED_BY_A_FAULT } else { DISCONNECTED };
                self.of_kind(kind, format_args!("{socket:?}: disconnected: {reason}"), now, say);
            }
            Event::Close { conn, reason } => {
                let kind = if faulty(reason) { CLOSED_BY_A_FAULT } else { CLOSED };
                self.of_kind(kind, format_args!("{conn:?}: closed: {reason}"), now, say);
            }
            Event::Connect { socket, .. } => {
                self.of_kind(CONNECTED, format_args!("{socket:?}: connected"), now, say);
            }
            _ => {}
        }
    }

    /// The line about a call that was queued, and could not be carried out so many times.
    pub(crate) fn failure(&self, call: &str, error: Error, times: u64, say: &mut impl FnMut(Level, &str)) {
        match times {
            1 => self.own(Level::Warn, format_args!("{call} failed after it was queued: {error}"), say),
            _ => self.own(
                Level::Warn,
                format_args!("{call} failed after it was queued, {times} times: {error}"),
                say,
            ),
        }
    }

    /// Says how many lines were left out in a second that is over. To be called with every turn.
    pub(crate) fn catch_up(&mut self, now: Millis, say: &mut impl FnMut(Level, &str)) {
        for (share, (name, level)) in self.shares.iter_mut().zip(KINDS) {
            let left_out = share.renew(now);
            if left_out > 0 {
                say(level, &line(format_args!("{name}: {left_out} more in a second")));
            }
        }
    }

    /// A line that no peer can cause at will.
    pub(crate) fn own(&self, level: Level, text: fmt::Arguments<'_>, say: &mut impl FnMut(Level, &str)) {
        if level <= self.level {
            say(level, &line(text));
        }
    }

    fn of_kind(
        &mut self,
        kind: usize,
        text: fmt::Arguments<'_>,
        now: Millis,
        say: &mut impl FnMut(Level, &str),
    ) {
        let level = KINDS[kind].1;
        if level > self.level {
            return;
        }
        self.catch_up(now, say);
        if self.shares[kind].take(now) {
            say(level, &line(text));
        }
    }
}

/// What a peer sent, in quotes, escaped, and cut when it is long.
struct Quote<'a>(&'a str);

impl fmt::Display for Quote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().map(|(at, _)| at).take_while(|&at| at <= MAX_QUOTE).last();
        let shown = if self.0.len() > MAX_QUOTE { &self.0[..end.unwrap_or(0)] } else { self.0 };
        write!(f, "{shown:?}")?;
        if shown.len() < self.0.len() { write!(f, "... of {} bytes", self.0.len()) } else { Ok(()) }
    }
}

/// One line: without control characters, and not too long.
fn line(text: fmt::Arguments<'_>) -> String {
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
    use crate::base::ids::{Key, NamespaceId, SocketId};

    fn refused<'a>(message: &'a str, context: &'a str) -> Event<'a> {
        Event::Refused { code: 1, message, context }
    }

    fn lines(log: &mut Log, event: &Event<'_>, now: Millis) -> Vec<String> {
        let mut lines = Vec::new();
        log.event(event, now, &mut |level, text| lines.push(format!("{} {text}", level as u32)));
        lines
    }

    #[test]
    fn what_a_peer_sends_stays_within_its_line() {
        let mut log = Log::new(Level::Warn);
        let forged = "x\") \n2026-01-01 admin logged in\u{1b}[2J\r\0\u{2028}\u{85}";
        let said = lines(&mut log, &refused("Session ID unknown", forged), 0);
        let text = r#"2 request refused: 1 Session ID unknown ("x\") \n2026-01-01 admin logged in\u{1b}[2J\r\0\u{2028}\u{85}")"#;
        assert_eq!(said, [text]);
        let long = "ä".repeat(8_000);
        let said = lines(&mut log, &refused("a", &long), 0);
        assert!(said[0].len() < 200 && said[0].ends_with("\"... of 16000 bytes)"), "{said:?}");
        // What the host says of a refusal may be a client's words too.
        let said = lines(&mut log, &refused(&"\n\u{7f}".repeat(8_000), ""), 0);
        assert!(said[0].len() < MAX_LINE + 10 && said[0].is_ascii() && !said[0].contains('\n'), "{said:?}");
    }

    #[test]
    fn each_kind_has_so_many_lines_a_second_and_says_what_it_left_out() {
        let mut log = Log::new(Level::Warn);
        let count = |log: &mut Log, now| -> usize {
            (0..2_000).map(|_| lines(log, &refused("a", "b"), now).len()).sum()
        };
        assert_eq!(count(&mut log, 5_000), 100);
        assert_eq!(count(&mut log, 5_999), 0);
        // Another kind has its own share.
        let key = Key { slot: 0, generation: 1 };
        let unparsable =
            Event::ProtocolError { socket: SocketId::new(key), namespace: NamespaceId::new(key), tag: 0 };
        assert_eq!(lines(&mut log, &unparsable, 5_999).len(), 1);
        let mut said = Vec::new();
        log.catch_up(5_999, &mut |_, text| said.push(text.to_owned()));
        assert_eq!(said, [""; 0]);
        // Whether a line comes next, or nothing.
        assert_eq!(
            lines(&mut log, &refused("a", "b"), 6_000)[..1],
            ["2 request refused: 3900 more in a second"]
        );
        assert_eq!(count(&mut log, 6_500), 99);
        log.catch_up(60_000, &mut |_, text| said.push(text.to_owned()));
        assert_eq!(said, ["request refused: 1901 more in a second"]);
        log.catch_up(90_000, &mut |_, text| said.push(text.to_owned()));
        assert_eq!(said.len(), 1);
        assert_eq!(count(&mut log, 90_000), 100);
    }

    #[test]
    fn a_line_above_the_level_is_neither_said_nor_counted() {
        let mut log = Log::new(Level::Error);
        assert_eq!(lines(&mut log, &refused("a", "b"), 0), [""; 0]);
        assert_eq!(log.shares[REFUSED].told, 0);
        let mut said = 0;
        log.own(Level::Info, format_args!("listening"), &mut |_, _| said += 1);
        log.own(Level::Error, format_args!("panic"), &mut |_, _| said += 1);
        assert_eq!(said, 1);
    }
}

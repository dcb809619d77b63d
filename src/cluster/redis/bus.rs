//! The connections for an event loop: time, bytes, and which of them are to be open. It must not look into replies.

use super::Redis;
use super::connection::State;
use super::replies::Which;
use crate::base::Millis;
use crate::engine::bus::{Bus, Endpoint};
use crate::host::tls::Trust;

impl Which {
    pub(super) const ALL: [Self; 4] = [Self::Commands, Self::Listener, Self::Reader, Self::Sentinel];

    fn number(self) -> usize {
        match self {
            Self::Commands => 0,
            Self::Listener => 1,
            Self::Reader => 2,
            Self::Sentinel => 3,
        }
    }

    fn of(number: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.number() == number)
    }
}

impl Redis {
    /// Whether a connection is good for anything.
    pub(super) fn needs(&self, which: Which) -> bool {
        match which {
            Which::Commands => true,
            Which::Listener => !self.subscriptions.is_empty(),
            Which::Reader => !self.streams.is_empty(),
            Which::Sentinel => self.place.is_none(),
        }
    }

    fn when_to_dial(&self, which: Which) -> Option<Millis> {
        let connection = self.connection_of(which);
        match connection.state {
            // Where it is, is known first.
            State::Waiting(_) if which != Which::Sentinel && self.place.is_none() => None,
            State::Waiting(until) if self.needs(which) && !connection.hang_up => Some(until),
            _ => None,
        }
    }
}

impl Bus for Redis {
    fn tick(&mut self, now: Millis) {
        self.now = self.now.max(now);
        let dropped = self.backlog.tick(self.now);
        self.count_dropped(dropped);
        for which in Which::ALL {
            let now = self.now;
            if let Some(why) = self.connection(which).tick(now) {
                self.give_up(which, why);
            }
        }
        if self.ask_again.is_some_and(|due| due <= self.now) {
            self.ask_again = None;
            for change in self.subscriptions.begin_refused() {
                self.send_change(change);
            }
        }
    }

    fn next_timeout(&self) -> Option<Millis> {
        let connections = Which::ALL.into_iter().flat_map(|which| {
            let connection = self.connection_of(which);
            [connection.next_timeout(), self.when_to_dial(which)]
        });
        let all = connections.chain([self.backlog.next_timeout(), self.ask_again]);
        // Whoever is never due is last.
        let first = all.map(|due| due.unwrap_or(Millis::MAX)).min();
        first.filter(|&due| due < Millis::MAX)
    }

    fn hung_up(&mut self) -> Option<usize> {
        let which = Which::ALL.into_iter().find(|&which| self.connection(which).hang_up)?;
        self.connection(which).hang_up = false;
        Some(which.number())
    }

    fn dial(&mut self) -> Option<(usize, Endpoint)> {
        let due = |which: &Which| self.when_to_dial(*which).is_some_and(|due| due <= self.now);
        let which = Which::ALL.into_iter().find(due)?;
        let now = self.now;
        self.connection(which).state = State::Opening(now);
        let place = self.place.clone().unwrap_or_else(|| self.sentinel_to_ask());
        Some((which.number(), place))
    }

    fn trust(&self) -> Option<&Trust> {
        self.options.trust.as_ref()
    }

    fn connected(&mut self, connection: usize) {
        let Some(which) = Which::of(connection) else { return };
        let (options, now) = (self.options_of(which), self.now);
        let connection = self.connection(which);
        if matches!(connection.state, State::Opening(_)) {
            connection.begin(&options, now);
            self.counters.connected = self.counters.connected.saturating_add(1);
        }
    }

    fn closed(&mut self, connection: usize, why: &str) {
        let Some(which) = Which::of(connection) else { return };
        let now = self.now;
        let connection = self.connection(which);
        match connection.state {
            State::Waiting(_) | State::Ending { .. } => {}
            // What came before is looked at first.
            State::Ready(since) if !connection.dry => {
                connection.state = State::Ending { since, why: why.to_owned() };
            }
            State::Greeting if !connection.dry => {
                connection.state = State::Ending { since: now, why: why.to_owned() };
            }
            _ => self.lose(which, why, false),
        }
    }

    fn received(&mut self, connection: usize, bytes: &[u8]) {
        let Some(which) = Which::of(connection) else { return };
        let now = self.now;
        let connection = self.connection(which);
        if !connection.is_open() {
            return;
        }
        connection.heard(now);
        connection.reader.feed(bytes);
        connection.dry = false;
    }

    fn output(&self, connection: usize) -> &[u8] {
        Which::of(connection).map_or(&[], |which| self.connection_of(which).output())
    }

    fn sent(&mut self, connection: usize, count: usize) {
        if let Some(which) = Which::of(connection) {
            self.connection(which).sent(count);
        }
    }

    fn owes(&self) -> bool {
        !self.backlog.is_empty() || self.commands.is_awaited()
    }

    fn has_news(&self) -> bool {
        !self.told.is_empty() || Which::ALL.into_iter().any(|which| !self.connection_of(which).dry)
    }
}

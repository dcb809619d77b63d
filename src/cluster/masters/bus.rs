//! The connections of all servers for an event loop: the scout's have the first numbers, and each server's those behind. It must not look
//! into replies.

use super::Masters;
use super::placing::CONNECTIONS;
use crate::base::Millis;
use crate::cluster::redis::Redis;
use crate::engine::bus::{Bus, Endpoint};
use crate::host::tls::Trust;

impl Masters {
    /// Whose connection it is, and which one of his.
    fn driven(&mut self, connection: usize) -> Option<(&mut Redis, usize)> {
        let which = connection % CONNECTIONS;
        match (connection / CONNECTIONS).checked_sub(1) {
            None => Some((&mut self.scout.redis, which)),
            Some(at) => Some((&mut self.server(at)?.redis, which)),
        }
    }

    /// All that are driven, with the number of the first connection of each.
    fn all(&self) -> impl Iterator<Item = &Redis> {
        self.servers().map(|(_, server)| &server.redis).chain([&self.scout.redis])
    }

    fn all_mut(&mut self) -> impl Iterator<Item = (usize, &mut Redis)> {
        let servers = self.servers.iter_mut().enumerate().filter_map(|(at, server)| {
            let first = at.saturating_add(1).saturating_mul(CONNECTIONS);
            Some((first, &mut server.as_mut()?.redis))
        });
        [(0, &mut self.scout.redis)].into_iter().chain(servers)
    }
}

impl Bus for Masters {
    fn trust(&self) -> Option<&Trust> {
        // All servers are known for who they are in one way.
        self.scout.redis.trust()
    }

    fn tick(&mut self, now: Millis) {
        self.now = self.now.max(now);
        let now = self.now;
        let dropped = self.waiting.tick(now);
        self.count_dropped(dropped);
        self.all_mut().for_each(|(_, redis)| redis.tick(now));
        if self.scout.tick(now) {
            self.ask_another("it does not say within 2 seconds who has which slot");
        }
        self.send_waiting();
        self.sweep();
    }

    fn next_timeout(&self) -> Option<Millis> {
        let all = self.all().map(Bus::next_timeout);
        let own = [self.waiting.next_timeout(), self.scout.next_timeout()];
        all.chain(own).flatten().min()
    }

    fn hung_up(&mut self) -> Option<usize> {
        if let Some(connection) = self.hang_ups.pop_front() {
            return Some(connection);
        }
        if std::mem::take(&mut self.scout.hang_up) {
            return Some(0);
        }
        self.all_mut().find_map(|(first, redis)| Some(first.saturating_add(redis.hung_up()?)))
    }

    fn dial(&mut self) -> Option<(usize, Endpoint)> {
        self.all_mut().find_map(|(first, redis)| {
            let (which, endpoint) = redis.dial()?;
            Some((first.saturating_add(which), endpoint))
        })
    }

    fn connected(&mut self, connection: usize) {
        if let Some((redis, which)) = self.driven(connection) {
            redis.connected(which);
        }
    }

    fn closed(&mut self, connection: usize, why: &str) {
        if let Some((redis, which)) = self.driven(connection) {
            redis.closed(which, why);
        }
    }

    fn received(&mut self, connection: usize, bytes: &[u8]) {
        if let Some((redis, which)) = self.driven(connection) {
            redis.received(which, bytes);
        }
    }

    fn output(&self, connection: usize) -> &[u8] {
        let which = connection % CONNECTIONS;
        match (connection / CONNECTIONS).checked_sub(1) {
            None => self.scout.redis.output(which),
            Some(at) => {
                let server = self.servers.get(at).and_then(Option::as_ref);
                server.map_or(&[], |server| server.redis.output(which))
            }
        }
    }

    fn sent(&mut self, connection: usize, count: usize) {
        if let Some((redis, which)) = self.driven(connection) {
            redis.sent(which, count);
        }
    }

    fn owes(&self) -> bool {
        !self.waiting.is_empty() || self.servers().any(|(_, server)| server.redis.owes())
    }

    fn has_news(&self) -> bool {
        !self.told.is_empty() || self.all().any(Bus::has_news)
    }
}

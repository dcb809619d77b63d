//! Sentinels, who know where a Redis is that may move: they are asked before it is spoken to, and again whenever a connection is lost. It
//! must not follow what they publish: a Redis that is a master no more ends its connections.

use super::Redis;
use super::connection::{Awaited, Connection, State};
use super::options::{RedisOptions, Sentinels};
use super::replies::{Found, Which};
use crate::engine::bus::Endpoint;
use crate::wire::resp::Reply;
use std::sync::Arc;

impl Redis {
    /// As whom a connection is greeted.
    pub(super) fn options_of(&self, which: Which) -> Arc<RedisOptions> {
        match which {
            Which::Sentinel => Arc::new(self.options.of_sentinel()),
            _ => self.options.clone(),
        }
    }

    /// The sentinel that is asked next.
    pub(super) fn sentinel_to_ask(&self) -> Endpoint {
        let hosts = self.options.sentinels.iter().flat_map(|sentinels| &sentinels.hosts);
        hosts.cycle().nth(self.next_sentinel).unwrap_or(&self.options.endpoint).clone()
    }

    /// A sentinel can be asked.
    pub(super) fn ask_sentinel(&mut self) {
        if let Some(Sentinels { service, .. }) = &self.options.clone().sentinels {
            self.sentinel.command(&[b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", service], Awaited::Master);
        }
    }

    /// A reply of a sentinel.
    pub(super) fn sentinel_reply(&mut self) -> Found {
        if matches!(self.sentinel.reader.reply(), Reply::Push(_)) {
            return Found::Told;
        }
        match self.answer(Which::Sentinel) {
            None | Some((Awaited::Ping, _)) => {}
            Some((Awaited::Master, Some((_, why)))) => self.give_up(Which::Sentinel, &why),
            Some((Awaited::Master, None)) => match place_in(self.sentinel.reader.reply()) {
                Some(place) => {
                    self.place = Some(place);
                    self.sentinel = Connection::new(&self.options);
                    self.sentinel.hang_up = true;
                }
                None => self.give_up(Which::Sentinel, "the sentinel does not know the service"),
            },
            Some((awaited, error)) => self.greeted(Which::Sentinel, &awaited, error),
        }
        Found::Told
    }

    /// Whether who has answered HELLO is one to speak to: the sentinels may not know yet that it is a master no more.
    pub(super) fn may_be_spoken_to(&self, which: Which) -> bool {
        if which == Which::Sentinel || self.options.sentinels.is_none() {
            return true;
        }
        let Reply::Map(mut items) = self.connection_of(which).reader.reply() else { return true };
        while let (Some(name), Some(value)) = (items.next(), items.next()) {
            if name == Reply::Text(b"role") {
                return value == Reply::Text(b"master");
            }
        }
        true
    }

    /// A connection is lost: the Redis may be elsewhere by now, and another sentinel may know.
    pub(super) fn look_for_another(&mut self, which: Which) {
        let Some(Sentinels { hosts, .. }) = &self.options.sentinels else { return };
        if which == Which::Sentinel {
            self.next_sentinel = self.next_sentinel.wrapping_add(1).checked_rem(hosts.len()).unwrap_or(0);
        } else if self.place.take().is_some() {
            self.sentinel.state = State::Waiting(self.now);
        }
    }
}

/// The address that a sentinel tells.
fn place_in(reply: Reply<'_>) -> Option<Endpoint> {
    let Reply::List(mut items) = reply else { return None };
    let (Reply::Text(host), Reply::Text(port)) = (items.next()?, items.next()?) else { return None };
    let port = std::str::from_utf8(port).ok()?.parse().ok()?;
    Some(Endpoint::Tcp(std::str::from_utf8(host).ok()?.to_owned(), port))
}

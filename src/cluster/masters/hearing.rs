//! What the servers of a Redis Cluster say, put together to what one would say. It must not decide where something belongs.

use super::scout::Scouted;
use super::slots;
use super::{Asked, Masters};
use crate::cluster::redis::{RedisEvent, Step, Told};
use crate::engine::bus::{Bus, Endpoint};
use crate::wire::resp::{Reader, Reply};

/// What came of looking at what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is no more.
    Nothing,
    /// Something was done, or is told.
    Again,
    /// A message, at the server of this number.
    Message(usize),
    /// The answer of the server of this number to a question, by that one's number.
    Reply(usize, u64),
    /// The answer to a question that several were asked.
    Sum(u64),
}

impl Masters {
    /// Looks at what was received, up to what is of interest to others. What masters have said is looked at before who they are: what
    /// came from where something was is heard before what comes from where it goes.
    pub(super) fn look(&mut self) -> Seen {
        for at in 0..self.servers.len() {
            let Some(server) = self.server(at) else { continue };
            let step = server.redis.step();
            let seen = match step {
                Step::Nothing => Seen::Nothing,
                Step::Told(told) => {
                    self.tell(at, told);
                    Seen::Again
                }
                Step::Reply(token) => self.add(at, token),
                Step::Message => self.message(at),
            };
            while let Some(astray) = self.server(at).and_then(|server| server.redis.take_astray()) {
                self.go_astray(at, astray);
            }
            if seen != Seen::Nothing {
                return seen;
            }
        }
        if self.look_around() {
            return Seen::Again;
        }
        self.send_waiting();
        self.sweep();
        self.settle();
        // What was done for one may have come of another that was looked at before.
        if self.has_news() { Seen::Again } else { Seen::Nothing }
    }

    fn message(&mut self, at: usize) -> Seen {
        let server = self.servers.get(at).and_then(Option::as_ref);
        let Some(RedisEvent::Message { channel, pattern, .. }) = server.map(|server| server.redis.message())
        else {
            return Seen::Again;
        };
        if self.places.hears(at, channel, pattern) { Seen::Message(at) } else { Seen::Again }
    }

    /// A server has told something.
    fn tell(&mut self, at: usize, told: Told) {
        let Some(server) = self.server(at) else { return };
        match told {
            Told::Up(_) => server.why.clear(),
            Told::Down(why) => {
                server.why = why;
                if server.listed {
                    self.settle();
                    self.choose_any();
                }
            }
            Told::Failed(token, _) if !self.asked.contains_key(&token) => {}
            Told::Failed(token, why) => {
                self.asked.remove(&token);
                self.told.push_back(Told::Failed(token, why));
            }
            Told::Refused(..) | Told::Unpublished(_) | Told::Entry(_) => self.told.push_back(told),
        }
    }

    /// A server has answered a question that others may still have to answer.
    fn add(&mut self, at: usize, token: u64) -> Seen {
        let Some(count) = self.server(at).map(|server| number_in(server.redis.reply())) else {
            return Seen::Again;
        };
        let Some(Asked { adds, left, so_far }) = self.asked.get_mut(&token) else { return Seen::Again };
        if !*adds {
            self.asked.remove(&token);
            return Seen::Reply(at, token);
        }
        let Some(count) = count else {
            self.asked.remove(&token);
            self.told.push_back(Told::Failed(token, "it answers with no number".to_owned()));
            return Seen::Again;
        };
        *left = left.saturating_sub(1);
        *so_far = so_far.saturating_add(count);
        if *left > 0 {
            return Seen::Again;
        }
        let reply = format!("*2\r\n$0\r\n\r\n:{so_far}\r\n");
        self.asked.remove(&token);
        self.sum = Reader::new(reply.len());
        self.sum.feed(reply.as_bytes());
        if self.sum.advance() == Ok(true) { Seen::Sum(token) } else { Seen::Again }
    }

    /// Whether there is news of who has which slot.
    fn look_around(&mut self) -> bool {
        let why = match self.scout.look() {
            Ok(Scouted::Nothing) => return false,
            Ok(Scouted::Again) => return true,
            Ok(Scouted::State(well)) => {
                self.note_state(well);
                return true;
            }
            Ok(Scouted::Slots) => match slots::ranges(self.scout.reply(), &self.scout.place) {
                Some(ranges) if !ranges.is_empty() => {
                    self.scout.answered(&mut self.random);
                    self.know(ranges);
                    if self.doubts {
                        self.scout.hurry(&mut self.random);
                    }
                    return true;
                }
                Some(_) => "it knows of no master".to_owned(),
                None => "what it says of slots is no answer".to_owned(),
            },
            Err(why) => why,
        };
        self.ask_another(&why);
        true
    }

    /// A server has said whether the cluster is well. One that says no may be cut off from the others, and know nothing new: what the next
    /// one says is believed.
    fn note_state(&mut self, well: bool) {
        if well {
            self.ill.clear();
            self.doubts = false;
            return;
        }
        if std::mem::replace(&mut self.doubts, true) && self.ill.is_empty() {
            "the cluster is down".clone_into(&mut self.ill);
        }
        // Who knows nothing else takes what it says of slots.
        if self.known {
            let all = self.to_ask();
            self.scout.doubt(&all, &mut self.random);
        }
    }

    /// The server that was asked who has which slot does not say.
    pub(super) fn ask_another(&mut self, why: &str) {
        let all = self.to_ask();
        let why = format!("{}: {why}", self.scout.place);
        self.scout.go_on(&all, &why, &mut self.random);
        if !self.known {
            self.settle();
        }
    }

    /// Servers that can be asked.
    fn to_ask(&self) -> Vec<Endpoint> {
        let mut all: Vec<Endpoint> = Vec::new();
        // Those that are there are first.
        let up = self.servers().filter(|(_, server)| server.redis.is_up()).map(|(_, server)| &server.place);
        let others = self.servers().map(|(_, server)| &server.place);
        for place in up.chain(self.options.seeds().into_iter().flatten()).chain(others) {
            if !all.contains(place) {
                all.push(place.clone());
            }
        }
        all
    }
}

/// The number in the answer to `PUBSUB NUMSUB` of one channel.
fn number_in(reply: Reply<'_>) -> Option<i64> {
    let Reply::List(mut items) = reply else { return None };
    match items.nth(1) {
        Some(Reply::Integer(count)) => Some(count),
        _ => None,
    }
}

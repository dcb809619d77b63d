//! Slots that move, and what is brought to their new masters: subscriptions, streams, and what was published and came back. It must not
//! look at what was received.

use super::places::{ANY, Move, Moved};
use super::slots::{self, Range, Slots};
use super::{MOST, Masters, Server};
use crate::cluster::redis::{Astray, Post, Published, Redis};
use crate::engine::bus::{Bus, Endpoint};
use std::collections::HashMap;

/// Connections of one server, by their numbers.
pub(super) const CONNECTIONS: usize = 4;
/// Servers at a time: while one of them is left another one may be there.
const MOST_SERVERS: usize = MOST.saturating_mul(2);

impl Masters {
    /// It has been said who has which slot.
    pub(super) fn know(&mut self, ranges: Vec<Range>) {
        let mut places: Vec<Endpoint> = Vec::new();
        self.lacks = "";
        for range in &ranges {
            if places.contains(&range.master) {
                continue;
            }
            if places.len() >= MOST {
                self.lacks = "it has more than 32 masters";
                break;
            }
            places.push(range.master.clone());
        }
        for server in self.servers.iter_mut().flatten() {
            server.listed = places.contains(&server.place);
        }
        let numbers: Vec<_> = places.into_iter().map(|place| (self.server_at(&place), place)).collect();
        let mut slots = Slots::new();
        for Range { first, last, master } in &ranges {
            let number = numbers.iter().find(|(_, place)| place == master).and_then(|(number, _)| *number);
            let Some(number) = number else { continue };
            (*first..=*last).for_each(|slot| slots.give(slot, number));
        }
        self.known = true;
        let changed = slots != self.slots;
        self.slots = slots;
        self.choose_any();
        if changed {
            self.settle_places(None);
        }
        for server in self.servers.iter_mut().flatten() {
            server.redis.subscribe_astray();
        }
        self.waiting.release(None);
    }

    /// The number of the server at a place, which may be new. `None` if there are too many.
    fn server_at(&mut self, place: &Endpoint) -> Option<usize> {
        let known = self.servers().find(|(_, server)| server.place == *place).map(|(at, _)| at);
        if let Some(at) = known {
            if let Some(server) = self.server(at) {
                server.listed = true;
            }
            return Some(at);
        }
        let free = self.servers.iter().position(Option::is_none);
        let at = free.unwrap_or(self.servers.len());
        if at >= MOST_SERVERS {
            self.lacks = "it has too many masters";
            return None;
        }
        if free.is_none() {
            self.servers.push(None);
        }
        let redis = Redis::new(&self.options.of_server(place.clone()), self.random.next());
        let server = Server { redis, place: place.clone(), listed: true, why: String::new() };
        *self.servers.get_mut(at)? = Some(server);
        Some(at)
    }

    /// Sees to it that there is a server for what all of them hear: the same one as long as it takes commands.
    pub(super) fn choose_any(&mut self) {
        // One that has not failed yet may come up.
        let good = |server: &Server| server.why.is_empty() || server.redis.takes_posts().is_some();
        let listed = || self.servers().filter(|(_, server)| server.listed);
        let mut among: Vec<usize> = listed().filter(|(_, server)| good(server)).map(|(at, _)| at).collect();
        if among.is_empty() {
            among.extend(listed().map(|(at, _)| at));
        }
        if self.any.is_some_and(|any| among.contains(&any)) {
            return;
        }
        // Nodes are not all to have the same.
        let turn = usize::try_from(self.random.next() >> 33).unwrap_or(0);
        self.any = among.get(turn.checked_rem(among.len()).unwrap_or(0)).copied();
        self.settle_places(Some(ANY));
    }

    /// Brings what is not with its owner there. `of`: only what is in this lane.
    fn settle_places(&mut self, of: Option<u16>) {
        self.drain();
        let Self { places, servers, slots, any, .. } = self;
        let owner = |lane| if lane == ANY { *any } else { slots.owner(lane) };
        let mut moved = false;
        places.settle(of, owner, |Move { what, from, to }| {
            moved |= from.is_some();
            let mut at = |at: Option<usize>, act: &mut dyn FnMut(&mut Redis)| {
                if let Some(server) = at.and_then(|at| servers.get_mut(at)).and_then(Option::as_mut) {
                    act(&mut server.redis);
                }
            };
            match what {
                Moved::Subscription(kind, name) => {
                    at(from, &mut |redis| redis.unsubscribe(kind, name));
                    at(to, &mut |redis| redis.subscribe(kind, name));
                }
                Moved::Stream(name, position) => {
                    at(from, &mut |redis| *position = redis.leave_stream(name));
                    at(to, &mut |redis| redis.read_stream_behind(name, position.take()));
                }
            }
        });
        if moved && self.standing.is_up() {
            self.fall("slots have moved to other masters");
        }
    }

    /// What is published from now on in lanes that have moved waits for what was published before.
    fn drain(&mut self) {
        let Some(last) = self.next_post.checked_sub(1) else { return };
        self.draining.clear();
        let owing = self.servers.iter().enumerate().filter_map(|(at, server)| {
            let owes = server.as_ref()?.redis.posted().next().is_some();
            owes.then_some((at, last))
        });
        self.draining.extend(owing);
    }

    /// A server has not taken something.
    pub(super) fn go_astray(&mut self, at: usize, astray: Astray) {
        let (post, to, why) = match astray {
            Astray::Left { post, to, why } => (post, to, why),
            Astray::Overtaken { lane, number } => {
                let late = self.waiting.drop_before(lane, number);
                return self.count_dropped(late);
            }
        };
        let Some(asked) = self.server(at).map(|server| server.place.clone()) else { return };
        if let Some(mut post) = post {
            post.since.get_or_insert(self.now);
            // It may be known by now that it belongs to another one.
            let held = self.owner(post.lane) == Some(at);
            if post.is_volatile || self.wait(post, held) == Published::Dropped {
                self.count_dropped(1);
            }
        }
        match to {
            Some((slot, Endpoint::Tcp(host, port))) if slot < slots::SLOTS && port > 0 => {
                let place = slots::beside(&asked, &host, port);
                // Who has it knows so.
                self.scout.go_to(&place, &mut self.random);
                if let Some(number) = self.server_at(&place).filter(|&number| number != at) {
                    if self.slots.owner(slot) != Some(number) {
                        self.slots.give(slot, number);
                        self.settle_places(Some(slot));
                    }
                    self.waiting.release(Some(slot));
                }
            }
            _ if why.starts_with("CLUSTERDOWN") => self.ill = why,
            _ => {}
        }
        self.scout.hurry(&mut self.random);
    }

    /// Has a command wait for its turn, or for a connection.
    pub(super) fn wait(&mut self, post: Post, held: bool) -> Published {
        match self.waiting.push(post, held) {
            Some(others) => {
                self.count_dropped(others);
                Published::Queued
            }
            None => Published::Dropped,
        }
    }

    /// Sends what may be sent of what waits.
    pub(super) fn send_waiting(&mut self) {
        let Self { draining, servers, waiting, slots, any, .. } = self;
        let server = |at: usize| servers.get(at).and_then(Option::as_ref);
        draining.retain(|&(at, last)| {
            let posted = server(at).into_iter().flat_map(|server| server.redis.posted());
            posted.into_iter().any(|post| post.is_none_or(|post| post.number <= last))
        });
        if waiting.is_empty() {
            return;
        }
        // The last command of each lane that each server has, and may send back. One that is not kept stands for all.
        let mut last: HashMap<u16, HashMap<usize, u64>> = HashMap::new();
        let mut all = Vec::new();
        for (at, server) in servers.iter().enumerate() {
            for post in server.iter().flat_map(|server| server.redis.posted()) {
                match post {
                    Some(post) => {
                        let number = last.entry(post.lane).or_default().entry(at).or_default();
                        *number = post.number.max(*number);
                    }
                    None if !all.contains(&at) => all.push(at),
                    None => {}
                }
            }
        }
        waiting.send(|post| {
            let owner = if post.lane == ANY { *any } else { slots.owner(post.lane) };
            let Some(owner) = owner else { return Some(post) };
            let mut before = last.get(&post.lane).into_iter().flatten();
            if all.iter().any(|&at| at != owner)
                || before.any(|(&at, &number)| at != owner || number > post.number)
            {
                return Some(post);
            }
            let server = servers.get_mut(owner).and_then(Option::as_mut);
            match server.filter(|server| server.redis.takes_posts() == Some(true)) {
                Some(server) => {
                    server.redis.hand_over(post);
                    None
                }
                None => Some(post),
            }
        });
    }

    /// Leaves servers that have no slots any more, and owe nothing.
    pub(super) fn sweep(&mut self) {
        for (at, place) in self.servers.iter_mut().enumerate() {
            let done =
                |server: &mut Server| !server.listed && !server.redis.owes() && !server.redis.has_news();
            if let Some(server) = place.take_if(done) {
                self.counters = self.counters.and(&server.redis.counters());
                let first = at.saturating_add(1).saturating_mul(CONNECTIONS);
                self.hang_ups.extend(first..first.saturating_add(CONNECTIONS));
            }
        }
    }

    /// Says whether all is there, if that has changed.
    pub(super) fn settle(&mut self) {
        match self.fault() {
            None => {
                self.scout.rest();
                self.standing.rise(self.now, &mut self.told);
            }
            Some(why) => {
                if self.known {
                    self.scout.hurry(&mut self.random);
                }
                // One that is new is not lost.
                if !why.is_empty() {
                    self.fall(&why);
                }
            }
        }
    }

    /// Why not all is there. Nothing, if it is on its way.
    fn fault(&self) -> Option<String> {
        if !self.known {
            return Some(self.scout.why.clone());
        }
        let listed = || self.servers().map(|(_, server)| server).filter(|server| server.listed);
        let down = listed().find(|server| !server.redis.is_up() && !server.why.is_empty());
        let why = match down {
            Some(Server { place, why, .. }) => format!("{place}: {why}"),
            None if !self.lacks.is_empty() => self.lacks.to_owned(),
            None if !self.ill.is_empty() => self.ill.clone(),
            None if self.places.are_incomplete() => "no master has a slot that is needed".to_owned(),
            None if listed().all(|server| server.redis.is_up() && server.redis.stands()) => return None,
            None => String::new(),
        };
        Some(why)
    }

    /// It is not up any more, or for another reason.
    pub(super) fn fall(&mut self, why: &str) {
        self.standing.fall(why, self.now, &mut self.told);
    }
}

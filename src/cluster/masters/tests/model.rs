//! Slots that move, servers that go and come, and connections that are cut at any moment: whatever is done in any order, subscriptions
//! come to be those that are wanted, where they belong, and nothing that is published is doubled, put in another order or lost uncounted.

use super::*;
use crate::base::rounds;
use crate::base::seeds::for_seeds;
use fastrand::Rng;
use std::collections::BTreeSet;

/// Channels, of each master some.
const CHANNELS: [&str; 5] = ["user1000", "bar", "foo", "{bar}2", "x"];
const PLACES: [&str; 4] = ["a", "b", "c", "d"];

struct Model {
    world: World,
    rng: Rng,
    wanted: BTreeSet<&'static str>,
    published: u64,
}

impl Model {
    /// One thing happens.
    fn step(&mut self) {
        let Self { world, rng, wanted, published } = self;
        let channel = CHANNELS[rng.usize(..CHANNELS.len())];
        let numbers: Vec<usize> = world.open.keys().copied().collect();
        let number = rng.choice(&numbers).copied().unwrap_or(0);
        match rng.u8(0..20) {
            0..=3 => {
                let payload = published.to_string();
                let kind = if rng.bool() { Subscription::Shard } else { Subscription::Channel };
                let volatile = rng.u8(..4) == 0;
                world.masters.publish(kind, channel.as_bytes(), payload.as_bytes(), volatile);
                *published += 1;
            }
            4 if rng.bool() => {
                world.listen(channel);
                wanted.insert(channel);
            }
            4 => {
                world.masters.unsubscribe(Subscription::Shard, channel.as_bytes());
                wanted.remove(channel);
            }
            5 if rng.bool() => {
                let slot = slots::slot(channel.as_bytes());
                let to = PLACES[rng.usize(..PLACES.len())];
                world.move_slot(slot, to);
            }
            6 if rng.u8(..3) == 0 => match rng.u8(..4) {
                0 => world.kill(PLACES[rng.usize(..PLACES.len())]),
                1 => world.servers.gone.clear(),
                2 => world.servers.ill = rng.bool(),
                _ => {
                    let (old, new) = (rng.usize(..PLACES.len()), rng.usize(..PLACES.len()));
                    world.servers.replace(PLACES[old], PLACES[new]);
                }
            },
            7 if rng.u8(..4) == 0 && world.open.remove(&number).is_some() => {
                world.masters.closed(number, "cut");
            }
            8 => {
                let time = rng.u64(0..300);
                world.pass(time);
            }
            9..=12 => world.send(number, rng.usize(0..200)),
            13..=16 => world.deliver(number, rng.usize(0..500)),
            // Now and then all is quiet for a while.
            17 if rng.u8(..12) == 0 => world.run_for(500),
            17 => world.pass(0),
            _ => {
                while world.hear_one() {
                    if rng.u8(0..8) == 0 {
                        break;
                    }
                }
                world.hang_up();
            }
        }
    }
}

/// The numbers that were published to each channel.
fn of_channel<'a>(world: &'a World, channel: &str) -> impl Iterator<Item = u64> + 'a {
    let channel = channel.to_owned();
    let all = world.servers.carried_out.iter();
    all.filter(move |(name, _)| *name == channel).map(|(_, payload)| payload.parse().unwrap())
}

#[test]
fn whatever_moves_it_comes_to_what_is_wanted() {
    let (mut moved, mut lost) = (0, 0);
    for_seeds(rounds(300) as u64, |rng| {
        let world = World::new("a:1,b:1,c:1", rng.u64(..));
        let mut model = Model { world, rng: rng.fork(), wanted: BTreeSet::new(), published: 0 };
        for _ in 0..rng.usize(1..600) {
            model.step();
        }
        let Model { mut world, wanted, published, .. } = model;
        world.servers.gone.clear();
        world.servers.ill = false;
        world.run_for(30_000);
        assert!(world.masters.is_up(), "{:?}", world.heard.last());
        for channel in CHANNELS {
            let owner = world.servers.owner(slots::slot(channel.as_bytes()));
            for place in PLACES {
                let listens = world.listening(place).iter().any(|name| name == channel);
                assert_eq!(listens, place == owner && wanted.contains(channel), "{channel} {place}");
            }
            // A channel of this name is published to in two ways, which have nothing to do with each other.
            assert!(
                of_channel(&world, channel).collect::<BTreeSet<_>>().len()
                    == of_channel(&world, channel).count()
            );
        }
        let ups = world.heard.iter().filter(|heard| heard.starts_with("up")).count();
        moved += ups.saturating_sub(1);
        let counters = world.masters.counters();
        let missing = published - world.servers.carried_out.len() as u64;
        assert_eq!(counters.published + counters.dropped, published, "{counters:?}");
        assert_eq!(counters.refused, 0);
        assert!(counters.dropped <= missing && missing <= counters.dropped + counters.lost, "{counters:?}");
        lost += counters.dropped;
        let places: BTreeSet<_> = world.open.values().map(|connection| connection.place.clone()).collect();
        assert!(places.len() <= 4 && world.open.len() <= 1 + 2 * 4, "{places:?}");
    });
    assert!(moved > rounds(300) / 4 && lost > rounds(300) as u64, "{moved} {lost}: nothing happens");
}

#[test]
fn what_one_says_over_a_channel_stays_in_order() {
    for_seeds(rounds(300) as u64, |rng| {
        let world = World::new("a:1", rng.u64(..));
        let mut model = Model { world, rng: rng.fork(), wanted: BTreeSet::new(), published: 0 };
        let channel = CHANNELS[rng.usize(..CHANNELS.len())];
        let kind = if rng.bool() { Subscription::Shard } else { Subscription::Channel };
        model.world.masters.subscribe(kind, channel.as_bytes());
        let mut said = 0;
        for _ in 0..rng.usize(1..600) {
            model.step();
            if rng.u8(..3) == 0 {
                model.world.masters.publish(
                    kind,
                    b"{foo}of one",
                    said.to_string().as_bytes(),
                    rng.u8(..4) == 0,
                );
                said += 1;
            }
        }
        model.world.servers.gone.clear();
        model.world.servers.ill = false;
        model.world.run_for(5_000);
        let numbers: Vec<u64> = of_channel(&model.world, "{foo}of one").collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    });
}

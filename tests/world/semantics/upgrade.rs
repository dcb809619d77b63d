//! Order and polls across an upgrade.

use super::*;

/// Emits a numbered message at step `at` and lets the world go on in steps; an upgrade is under way.
#[test]
fn order_holds_across_an_upgrade_at_every_interleaving() {
    for gap in 0..24 {
        for (seed, from_client) in [(1, false), (2, true)] {
            let mut world = World::seeded(Config::default(), seed);
            let ns = root(&world);
            let (a, socket) = world.joined(false);
            let mut sent = 0;
            let mut say = |world: &mut World| {
                world.say(Target::all(ns), &sent.to_string(), Delivery::Reliable);
                if from_client {
                    world.text(a, &format!("42[\"c\",{sent}]"));
                }
                sent += 1;
            };
            let mut started = false;
            for step in 0..60 {
                if step == 5 {
                    world.open_probe(a);
                    started = true;
                }
                // Something is said at one step, at every step, and at every third.
                if step == gap + 5 || (gap > 20 && step % (gap - 20) == 0) {
                    say(&mut world);
                }
                match step % 3 {
                    0 => world.turn(),
                    1 => world.clients[a].pump(&mut world.net, if gap % 2 == 0 { usize::MAX } else { 7 }),
                    _ => world.now += u64::from(started) * 10,
                }
            }
            say(&mut world);
            world.run(1_000);
            assert_eq!(world.clients[a].carrier, Carrier::WebSocket, "gap {gap}");
            let due: Vec<String> = (0..sent).map(|number| number.to_string()).collect();
            assert_eq!(world.words(a), due.join(" "), "gap {gap}");
            let from: Vec<String> = world
                .take_seen()
                .into_iter()
                .filter_map(|event| match event {
                    Seen::Message { args, .. } => Some(args),
                    _ => None,
                })
                .collect();
            let due: Vec<String> = (0..sent).map(|number| format!("[{number}]")).collect();
            assert_eq!(from, if from_client { due } else { vec![] }, "gap {gap}");
            assert_eq!(world.core.is_websocket(world.core.conn_of(socket).unwrap()), Ok(true));
            world.clients[a].leave(&mut world.net, Some(End::Fin));
            world.run(60_000);
            world.assert_empty(1);
        }
    }
}

#[test]
fn polls_are_answered_while_an_upgrade_lasts_and_it_ends_at_its_time() {
    let mut world = World::new(Config::default());
    let (a, socket) = world.joined(false);
    world.clients[a].finishes_upgrade = false;
    world.settle();
    let start = world.now;
    world.open_probe(a);
    world.clients[a].upgrading = false;
    world.run(350);
    let noops = world.clients[a].engine.iter().filter(|packet| *packet == "6").count();
    assert_eq!(noops, 4, "at once and every 100 ms");
    world.run(start + 9_999 - world.now);
    assert_eq!(world.clients[a].close_frame, None);
    world.run(1);
    assert_eq!(world.clients[a].close_frame, Some(None));
    assert_eq!(world.core.stats().counters.upgrades_failed, 1);
    world.tell(socket, "still here");
    world.settle();
    assert_eq!(world.words(a), "still here");
    // The next attempt may succeed.
    world.clients[a].probed = false;
    world.clients[a].close_frame = None;
    world.clients[a].finishes_upgrade = true;
    world.open_probe(a);
    world.run(200);
    assert_eq!(world.clients[a].carrier, Carrier::WebSocket);
}

//! Questions and their answers.

use super::*;

fn acks(seen: Vec<Seen>) -> Vec<String> {
    let line = |event| match event {
        Seen::Ack { args, remaining, .. } => Some(format!("{args} {remaining}")),
        Seen::AckEnd { missing, timed_out, .. } => Some(format!("end {missing} {timed_out}")),
        _ => None,
    };
    seen.into_iter().filter_map(line).collect()
}

#[test]
fn acks_one_many_late_forged_and_never() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let joined: Vec<_> = (0..3).map(|at| world.joined(at != 1)).collect();
    world.take_seen();
    let ask = |world: &mut World, target: Target<'_>, timeout| {
        let (receipt, ack) = world.core.emit_with_ack(target, Message::new("q", "[]"), timeout, 0).unwrap();
        world.settle();
        (receipt.recipients, ack)
    };
    let answer = |world: &mut World, at: usize, text: &str| {
        let id = world.clients[joined[at].0].inbox.last().unwrap().id.unwrap();
        world.text(joined[at].0, &format!("43{id}[\"{text}\"]"));
        world.settle();
    };
    // One.
    ask(&mut world, Target::sockets(ns, &[joined[0].1]), None);
    answer(&mut world, 0, "a");
    answer(&mut world, 0, "again");
    assert_eq!(acks(world.take_seen()), ["[\"a\"] 0"]);
    // Forged: nobody asked this one, or not this number.
    ask(&mut world, Target::sockets(ns, &[joined[0].1]), None);
    let id = world.clients[joined[0].0].inbox.last().unwrap().id.unwrap();
    world.text(joined[1].0, &format!("43{id}[\"forged\"]"));
    world.text(joined[0].0, "4318446744073709551615[]");
    world.text(joined[0].0, "43[]");
    world.settle();
    assert_eq!(acks(world.take_seen()), [""; 0]);
    assert_eq!(world.core.stats().counters.unknown_acks, 4);
    answer(&mut world, 0, "b");
    assert_eq!(acks(world.take_seen()), ["[\"b\"] 0"]);
    // Many, and then the time is up exactly.
    let (count, ack) = ask(&mut world, Target::all(ns), Some(500));
    assert_eq!((count, ack.is_some()), (3, true));
    answer(&mut world, 1, "1");
    answer(&mut world, 0, "0");
    world.run(499);
    assert_eq!(acks(world.take_seen()), ["[\"1\"] 2", "[\"0\"] 1"]);
    world.run(1);
    assert_eq!(acks(world.take_seen()), ["end 1 true"]);
    answer(&mut world, 2, "late");
    assert_eq!(acks(world.take_seen()), [""; 0]);
    assert_eq!(world.core.stats().pending_acks, 0);
    // A timeout of 0 ends at once, nobody is asked in vain.
    ask(&mut world, Target::all(ns), Some(0));
    assert_eq!(acks(world.take_seen()), ["end 3 true"]);
    assert_eq!(ask(&mut world, Target::rooms(ns, &["nobody"]), None), (0, None));
    // Who disconnects is missing, and ends it.
    ask(&mut world, Target::all(ns), None);
    answer(&mut world, 0, "x");
    world.text(joined[1].0, "41");
    world.settle();
    world.core.disconnect(joined[2].1, true).unwrap();
    world.settle();
    assert_eq!(acks(world.take_seen()), ["[\"x\"] 2", "end 2 false"]);
    assert_eq!(world.core.stats().pending_acks, 0);
}

#[test]
fn what_the_host_gave_with_a_question_comes_back_with_each_answer_and_its_end() {
    let mut world = World::new(Config::default());
    let ns = root(&world);
    let [a, b, c] = [true, false, true].map(|websocket| world.joined(websocket));
    world.take_seen();
    let ask = |world: &mut World, target: Target<'_>, timeout, context| {
        world.core.emit_with_ack(target, Message::new("q", "[]"), timeout, context).unwrap();
        world.settle();
    };
    ask(&mut world, Target::all(ns), Some(500), u64::MAX);
    ask(&mut world, Target::sockets(ns, &[c.1]), None, 7);
    ask(&mut world, Target::sockets(ns, &[b.1]), Some(0), 8);
    for (client, _) in [a, b] {
        let id = world.clients[client].inbox.iter().find_map(|packet| packet.id).unwrap();
        world.text(client, &format!("43{id}[]"));
    }
    world.run(500);
    world.text(c.0, "41");
    world.settle();
    let contexts = |seen: Vec<Seen>| {
        let of = |event| match event {
            Seen::Ack { context, .. } | Seen::AckEnd { context, .. } => Some(context),
            _ => None,
        };
        seen.into_iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(contexts(world.take_seen()), [8, u64::MAX, u64::MAX, u64::MAX, 7]);
}

#[test]
fn no_ack_number_is_used_twice_in_whatever_namespace() {
    let mut world = World::new(Config::default());
    let options = PatternOptions { remove_when_empty: true, ..PatternOptions::default() };
    world.core.add_pattern("/room-*", options).unwrap();
    let (a, _) = world.joined(true);
    let mut numbers = Vec::new();
    for nsp in ["/", "/room-1", "/room-2", "/room-1"] {
        let socket = if nsp == "/" { world.socket(a, "/").unwrap() } else { world.join_namespace(a, nsp) };
        let ns = world.core.namespace_of(socket).unwrap();
        world.core.emit_with_ack(Target::sockets(ns, &[socket]), Message::new("q", "[]"), None, 0).unwrap();
        world.settle();
        numbers.push(world.clients[a].inbox.last().unwrap().id.unwrap());
        world.take_seen();
        // What was asked before, and in another namespace, is not this question.
        for number in &numbers[..numbers.len() - 1] {
            let at = if nsp == "/" { "".into() } else { format!("{nsp},") };
            world.text(a, &format!("43{at}{number}[\"late\"]"));
        }
        world.settle();
        assert_eq!(acks(world.take_seen()), [""; 0], "{nsp}");
        if nsp != "/" {
            world.text(a, &format!("41{nsp},"));
            world.settle();
        }
    }
    assert_eq!(numbers.iter().collect::<std::collections::HashSet<_>>().len(), 4, "{numbers:?}");
}

#[test]
fn the_bound_on_pending_acks_is_that_of_the_recipients() {
    let mut world = World::new(limits(|limits| limits.max_pending_acks = 3));
    let ns = root(&world);
    let (_, sa) = world.joined(true);
    let (b, sb) = world.joined(true);
    world.core.join(sa, "a").unwrap();
    world.core.join(sb, "b").unwrap();
    let ask = |world: &mut World, room: &str| {
        world.core.emit_with_ack(Target::rooms(ns, &[room]), Message::new("q", "[]"), None, 0).map(|_| ())
    };
    for _ in 0..3 {
        ask(&mut world, "a").unwrap();
    }
    assert_eq!(reached(ask(&mut world, "a")), ("max_pending_acks", 3));
    ask(&mut world, "b").unwrap();
    world.settle();
    assert_eq!(world.clients[b].events().len(), 1);
    // Nobody gets what one of them may not be asked.
    let all = world.core.emit_with_ack(Target::all(ns), Message::new("q", "[]"), None, 0);
    assert_eq!(reached(all), ("max_pending_acks", 3));
    world.settle();
    assert_eq!(world.clients[b].events().len(), 1);
    let not_a = Target::all(ns).except_rooms(&["a"]);
    assert!(world.core.emit_with_ack(not_a, Message::new("q", "[]"), None, 0).is_ok());
    assert_eq!(world.core.stats().pending_acks, 5);
}

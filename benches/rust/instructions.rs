//! One tick, for an instruction counter to look at. `benches/README.md` has the command.

mod clients;
mod kernel;
mod world;

use clients::Clients;
use roomcast::router::Selection;
use world::{Order, World, targets};

/// Arguments in any order: how many members, how many emits, the name of a target or `mixed`, `shuffled`; or `flush`, `polling` or
/// `events` and how many clients; or `emit`, how many clients and how many emits to all of them, with `recovery` or without it; or
/// `restore`, how many clients and how many messages each of them has missed.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|w| w == word);
    let mut numbers = words.iter().filter_map(|word| word.parse::<u32>().ok());
    let (members, emits) = (numbers.next().unwrap_or(1_000).max(100), numbers.next().unwrap_or(64));
    if has("emit") || has("restore") {
        let mut clients = Clients::new(members as usize, false, has("recovery") || has("restore"));
        if has("emit") {
            // The first round grows the buffers.
            (0..emits).for_each(|_| clients.emit());
            clients.flush();
            measured_emits(&mut clients, emits);
            clients.flush();
            println!("{emits} emits to {members} clients");
        } else {
            clients.miss(emits as usize);
            let opened = clients.sends();
            let bytes = measured_restore(&mut clients);
            let sends = clients.sends() - opened;
            println!("{emits} messages to each of {members}: {bytes} bytes in {sends} sends");
        }
        return;
    }
    if has("flush") || has("polling") || has("events") {
        let mut clients = Clients::new(members as usize, has("polling"), false);
        for first in [true, false] {
            // The first round grows the buffers.
            clients.poll();
            clients.emit();
            let (connections, events) = match (first, !has("events")) {
                (true, _) if has("polling") => (clients.flush(), 0),
                (true, _) => (clients.flush(), clients.events()),
                (false, true) => (measured_flush(&mut clients), 0),
                (false, false) => (0, measured_events(&mut clients)),
            };
            println!("{connections} connections flushed, {events} events");
        }
        return;
    }

    let mut world = World::new(members, if has("shuffled") { Order::Shuffled } else { Order::Sorted });
    let all = targets(world.ns, members);
    let (_, target, reached) = all.iter().find(|(name, ..)| has(name)).unwrap_or(&all[0]);
    world.check(target, *reached);
    // The first tick grows the buffers; the counter is to see the second.
    tick(&mut world, target, emits, has("mixed"));
    println!("{} deliveries", measured(&mut world, target, emits, has("mixed")));
}

#[inline(never)]
fn measured(world: &mut World, target: &Selection<'_>, emits: u32, mixed: bool) -> usize {
    tick(world, target, emits, mixed)
}

#[inline(never)]
fn measured_flush(clients: &mut Clients) -> usize {
    clients.flush()
}

#[inline(never)]
fn measured_events(clients: &mut Clients) -> usize {
    clients.events()
}

#[inline(never)]
fn measured_emits(clients: &mut Clients, emits: u32) {
    (0..emits).for_each(|_| clients.emit());
}

#[inline(never)]
fn measured_restore(clients: &mut Clients) -> u64 {
    clients.come_back()
}

fn tick(world: &mut World, target: &Selection<'_>, emits: u32, mixed: bool) -> usize {
    if mixed { world.mixed_tick(target, emits) } else { world.tick(target, emits) }
}

//! One tick, for an instruction counter to look at. `benches/README.md` has the command.

mod world;

use world::{Order, World, targets};

fn main() {
    // Cargo passes flags such as `--bench`; numbers are ours.
    let numbers: Vec<u32> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let (members, emits) = (number(&numbers, 0, 1_000), number(&numbers, 1, 64));
    let kind = std::env::args().next_back().unwrap_or_default();
    let mut world = World::new(members.max(100), Order::Shuffled);
    let all = targets(world.ns, world.members);
    let (_, target, reached) = all.iter().find(|(name, ..)| *name == kind).unwrap_or(&all[0]);
    world.check(target, *reached);
    // The first tick grows the buffers; the counter is to see the second.
    world.tick(target, emits);
    let deliveries = measured(&mut world, || *target, emits, kind == "mixed");
    println!("{deliveries} deliveries");
}

fn number(numbers: &[u32], index: usize, otherwise: u32) -> u32 {
    numbers.get(index).copied().unwrap_or(otherwise)
}

#[inline(never)]
fn measured(
    world: &mut World,
    target: impl Fn() -> roomcast::route::Selection<'static>,
    emits: u32,
    mixed: bool,
) -> usize {
    if mixed { world.mixed_tick(&target(), emits) } else { world.tick(&target(), emits) }
}

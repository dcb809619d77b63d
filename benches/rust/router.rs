//! The router and the tick log: whole ticks, from the emits to the walk over what each connection gets.

mod world;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use world::{Order, World, targets};

const ROOMS: [u32; 4] = [100, 1_000, 10_000, 100_000];

fn ticks(criterion: &mut Criterion) {
    for (order, suffix) in [(Order::Sorted, ""), (Order::Shuffled, "_shuffled")] {
        for members in ROOMS {
            let mut world = World::new(members, order);
            for (name, target, reached) in targets(world.ns, members) {
                world.check(&target, reached);
                let mut group = criterion.benchmark_group(format!("{name}{suffix}"));
                for emits in [1, 64] {
                    group.throughput(Throughput::Elements(u64::from(reached) * u64::from(emits)));
                    let id = BenchmarkId::new(members.to_string(), emits);
                    group.bench_function(id, |bencher| bencher.iter(|| world.tick(&target, emits)));
                }
                group.finish();
            }
        }
    }
}

/// Emits to a room with emits to single members between them, so that no two messages follow on one another.
fn mixed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mixed");
    for members in ROOMS {
        let mut world = World::new(members, Order::Sorted);
        let (_, target, reached) = targets(world.ns, members)[0];
        world.check(&target, reached);
        group.throughput(Throughput::Elements(64 * u64::from(reached + 1)));
        group.bench_function(BenchmarkId::new(members.to_string(), 64), |bencher| {
            bencher.iter(|| world.mixed_tick(&target, 64));
        });
    }
}

/// A member leaves a room for another, where there are many: 1,000 such moves.
fn changes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("change");
    for members in ROOMS {
        let World { mut router, .. } = World::new(members, Order::Shuffled);
        let (mut leave, mut join) = ("left", "right");
        group.throughput(Throughput::Elements(1_000));
        group.bench_function(members.to_string(), |bencher| {
            bencher.iter(|| {
                for turn in 0..1_000 {
                    router.change(turn * 31 % members, &[leave], &[join], |_| {});
                }
                (leave, join) = (join, leave);
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(800))
        .sample_size(30);
    targets = ticks, mixed, changes
}
criterion_main!(benches);

//! What the router keeps, looked at from inside; what it does is tried in `hub`, with the tick log.

use super::{Router, Selection};

#[test]
fn a_worn_out_epoch_starts_over() {
    let mut router = Router::new();
    let ns = router.add_namespace();
    for member in 0..4 {
        router.add(member, ns, member);
        router.join(member, if member < 2 { "a" } else { "b" }, |_| {});
    }
    let rooms = Selection { except_members: &[2], ..Selection::union(ns, &["a", "b", "a"], &[]) };
    assert_eq!(router.select(&rooms, |_, _| {}), 3);
    router.stamps.wear_out();
    for _ in 0..4 {
        assert_eq!(router.select(&rooms, |_, _| {}), 3);
    }
}

#[test]
#[cfg_attr(miri, ignore = "10,000 members, whose memory is counted")]
fn a_room_that_shrinks_gives_memory_back() {
    let mut router = Router::new();
    let ns = router.add_namespace();
    for member in 0..10_000 {
        router.add(member, ns, member);
        router.join(member, "a", |_| {});
    }
    for member in 10..10_000 {
        router.remove(member, |_| {});
    }
    assert_eq!(router.members(ns, "a").collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    let key = router.namespaces[ns as usize].named("a").unwrap();
    assert!(router.graph.room(key).entries.capacity() <= 64);
}

//! Who is served under load, and how soon: links that flood, and a service that takes little at a time.

use crate::input::fill;
use crate::probe::{Bed, Heard, Order};
use roomcast::service::LoopOptions;
use std::io::Write;
use std::net::TcpStream;

const PIECE: usize = 1_024;

/// A loop in which a link's share of a turn is one piece, and `count` links that have much to say.
fn flooded(count: usize) -> (Bed, Vec<(TcpStream, usize)>) {
    let options = LoopOptions { read_budget: PIECE, receive_buffer: PIECE, ..LoopOptions::default() };
    let mut bed = Bed::with(&options);
    let mut hoses: Vec<_> = (0..count).map(|_| bed.connect()).collect();
    hoses.iter_mut().for_each(|(hose, _)| assert!(fill(hose, 200_000) > 100 * PIECE));
    (bed, hoses)
}

/// A turn in which the service has enough after one piece.
fn turn_of_one_piece(bed: &mut Bed) {
    bed.probe.enough = bed.probe.received_in_all() + 1;
    bed.turn();
}

#[test]
fn a_link_beside_four_that_flood_has_its_turn_although_the_service_is_full_each_time() {
    let (mut bed, _hoses) = flooded(4);
    let (mut client, link) = bed.connect();
    for round in 1..=10 {
        client.write_all(b"hello").unwrap();
        let mut turns = 0;
        while bed.probe.received(link) < round * 5 {
            turn_of_one_piece(&mut bed);
            turns += 1;
            assert!(turns <= 6, "four others come first, and no more");
        }
    }
}

#[test]
fn timers_run_although_the_service_is_full_each_time() {
    let (mut bed, hoses) = flooded(4);
    for _ in 0..5 {
        let heard = bed.inner.now();
        while bed.inner.now() == heard {
            std::hint::spin_loop();
        }
        let due = bed.inner.now();
        bed.probe.timer = Some(due);
        let before: Vec<_> = hoses.iter().map(|(_, link)| bed.probe.received(*link)).collect();
        for turn in 0.. {
            assert!(turn < 12, "one round to hear what was there before, and one for what came until then");
            turn_of_one_piece(&mut bed);
            if bed.probe.timer.is_none() {
                break;
            }
        }
        assert!(hoses.iter().zip(before).all(|((_, link), before)| bed.probe.received(*link) > before));
        assert!(matches!(bed.probe.heard.last(), Some(Heard::Timeout(at)) if *at >= due));
    }
}

#[test]
fn a_link_brings_its_share_of_events_and_the_rest_waits() {
    let options = LoopOptions {
        event_budget: 100,
        receive_buffer: 1_600,
        read_budget: 16_000,
        ..LoopOptions::default()
    };
    let mut bed = Bed::with(&options);
    bed.probe.event_bytes = 1;
    let (mut hose, link) = bed.connect();
    assert!(fill(&mut hose, 100_000) > 50_000);
    bed.turn();
    assert_eq!(bed.probe.received(link), 1_600, "nobody knew before that it is so dense");
    for turn in 1..=10 {
        bed.turn();
        assert_eq!(
            bed.probe.received(link),
            1_600 + turn * 200,
            "pieces of 100, until there are more than 100"
        );
    }
    // Without events it has its share of bytes again.
    bed.probe.event_bytes = 0;
    bed.turn();
    let sparse = bed.probe.received(link);
    bed.turn();
    assert_eq!(bed.probe.received(link) - sparse, 16_000);
}

#[test]
fn a_closed_link_does_not_keep_the_loop_busy_while_the_service_wants_nothing() {
    let (mut bed, hoses) = flooded(2);
    let (mut client, link) = bed.connect();
    bed.turn();
    bed.do_now(Order::Close(link));
    bed.probe.wants = false;
    bed.turn();
    assert_ne!(bed.inner.next_timeout(&bed.probe), Some(std::time::Duration::ZERO), "it would spin");
    // What the closed one sends is read and dropped all the same, and the others keep their places.
    client.write_all(b"dropped").unwrap();
    drop(client);
    while bed.inner.links() > 2 {
        bed.turn();
    }
    bed.probe.wants = true;
    let before = bed.probe.received_in_all();
    bed.turn();
    assert_eq!(bed.probe.received_in_all() - before, 2 * PIECE);
    drop(hoses);
}

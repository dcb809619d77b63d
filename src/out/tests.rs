//! The tick log against a list of frames for each connection.

use std::collections::BTreeMap;

use super::{Conn, Frame, TickLog};
use crate::base::errors::Error;
use crate::base::seeds::for_seeds;

const CONNS: u32 = 12;

fn append(log: &mut TickLog, text: &str) -> Frame {
    log.append(|bytes| bytes.extend_from_slice(text.as_bytes())).unwrap()
}

/// What was taken last.
fn read(log: &TickLog) -> String {
    assert!(!log.ranges().is_empty() && log.ranges().iter().all(|range| !range.is_empty()));
    log.ranges().iter().map(|&range| std::str::from_utf8(log.bytes(range)).unwrap()).collect()
}

fn take(log: &mut TickLog, conn: Conn) -> String {
    if log.take(conn) { read(log) } else { String::new() }
}

type Model = BTreeMap<Conn, Vec<Frame>>;

fn text(frames: &[Frame], written: &str) -> String {
    frames.iter().map(|frame| &written[frame.start as usize..frame.end as usize]).collect()
}

/// Pops up to `most` connections and compares what they get with the model.
fn pop(log: &mut TickLog, model: &mut Model, written: &str, most: usize) -> Vec<Conn> {
    let mut popped = Vec::new();
    for _ in 0..most {
        let Some(conn) = log.pop_dirty() else { break };
        assert_eq!(read(log), text(&model.remove(&conn).unwrap(), written));
        assert!(!log.take(conn));
        popped.push(conn);
    }
    popped
}

#[test]
fn random_calls_do_what_lists_of_frames_do() {
    for_seeds(if cfg!(miri) { 1 } else { 200 }, |rng| {
        let mut log = TickLog::new();
        for _tick in 0..if cfg!(miri) { 1 } else { 4 } {
            let (mut model, mut written, mut frames) = (Model::new(), String::new(), Vec::new());
            let (mut order, mut forgot) = (Vec::new(), false);
            for _ in 0..rng.usize(..120) {
                let conn = rng.u32(..CONNS);
                match rng.u8(..12) {
                    0..=6 => {
                        let new: String = (0..rng.usize(..4)).map(|_| rng.alphanumeric()).collect();
                        written.push_str(&new);
                        let frame = append(&mut log, &new);
                        frames.push(frame);
                        let absent = rng.u32(..CONNS * 2);
                        for conn in (0..CONNS).filter(|&conn| conn != absent && conn % 3 != absent % 5) {
                            log.deliver(conn, frame);
                            model.entry(conn).or_default().push(frame);
                            if !order.contains(&conn) {
                                order.push(conn);
                            }
                        }
                    }
                    7 => {
                        // Old frames may be delivered late, and more than once.
                        if let Some(&frame) = rng.choice(&frames) {
                            log.deliver(conn, frame);
                            model.entry(conn).or_default().push(frame);
                            if !order.contains(&conn) {
                                order.push(conn);
                            }
                        }
                    }
                    8..=10 => {
                        if let Some(&frame) = rng.choice(&frames) {
                            let owed = model.entry(conn).or_default();
                            let at = owed.iter().rposition(|&f| f == frame).filter(|_| !frame.is_empty());
                            assert_eq!(log.cut(conn, frame), at.is_some());
                            at.map(|at| owed.remove(at));
                        }
                    }
                    _ => match rng.u8(..8) {
                        0 => {
                            log.forget(conn);
                            model.remove(&conn);
                            forgot = true;
                        }
                        1 => {
                            let owed = model.remove(&conn).unwrap_or_default();
                            assert_eq!(take(&mut log, conn), text(&owed, &written));
                            forgot = true;
                        }
                        _ => drop(log.share()),
                    },
                }
            }
            assert_eq!((log.len(), log.is_empty()), (written.len(), written.is_empty()));
            if rng.bool() {
                // Some deliveries come while the output is already being taken.
                pop(&mut log, &mut model, &written, rng.usize(..8));
                written.push_str("late");
                let frame = append(&mut log, "late");
                for _ in 0..6 {
                    let conn = rng.u32(..CONNS);
                    log.deliver(conn, frame);
                    model.entry(conn).or_default().push(frame);
                }
                pop(&mut log, &mut model, &written, usize::MAX);
            } else if rng.bool() {
                let popped = pop(&mut log, &mut model, &written, usize::MAX);
                if !forgot {
                    order.retain(|conn| popped.contains(conn));
                    assert_eq!(popped, order);
                }
            } else {
                // What is not taken is dropped with the tick.
                model.clear();
            }
            assert!(model.values().all(|frames| text(frames, &written).is_empty()));
            log.restart();
            assert!(log.is_empty() && (0..CONNS).all(|conn| !log.take(conn)));
        }
    });
}

#[test]
fn messages_that_follow_are_one_range() {
    let mut log = TickLog::new();
    for _ in 0..64 {
        let frame = append(&mut log, "x");
        log.deliver(5, frame);
    }
    assert_eq!(log.pop_dirty(), Some(5));
    assert_eq!(log.ranges(), [Frame { start: 0, end: 64 }]);
    assert_eq!((log.pop_dirty(), log.link_bytes()), (None, 0));
}

#[test]
#[cfg_attr(miri, ignore = "64,000 deliveries, whose links are counted")]
fn connections_with_one_past_share_its_links() {
    let mut log = TickLog::new();
    for _ in 0..64 {
        append(&mut log, "for nobody");
        let frame = append(&mut log, "for all");
        (0..1_000).for_each(|conn| log.deliver(conn, frame));
    }
    assert_eq!(log.link_bytes(), 63 * 12);
    assert_eq!(take(&mut log, 999), "for all".repeat(64));
    assert_eq!(take(&mut log, 0), "for all".repeat(64));
}

#[test]
#[cfg_attr(miri, ignore = "100,000 replacements, whose cost is counted")]
fn a_latest_message_replaced_often_stays_cheap() {
    let mut log = TickLog::new();
    let first = append(&mut log, "first ");
    (0..100).for_each(|conn| log.deliver(conn, first));
    let mut frame = first;
    for round in 0..1_000 {
        let newer = append(&mut log, &format!("latest {round}"));
        for conn in 0..100 {
            log.cut(conn, frame);
            log.deliver(conn, newer);
        }
        frame = newer;
    }
    assert_eq!(log.link_bytes(), 0);
    assert_eq!(take(&mut log, 42), "latest 999");
    assert_eq!(std::iter::from_fn(|| log.pop_dirty()).count(), 99);
}

#[test]
fn a_key_may_be_used_again_within_the_tick() {
    let mut log = TickLog::new();
    let old = append(&mut log, "old");
    log.deliver(1, old);
    log.forget(1);
    let new = append(&mut log, "new");
    log.deliver(1, new);
    assert_eq!((log.pop_dirty(), read(&log)), (Some(1), "new".into()));
    assert_eq!(log.pop_dirty(), None);
}

#[test]
fn a_shared_segment_outlives_the_tick_and_what_is_appended_to_it() {
    let mut log = TickLog::new();
    let frame = append(&mut log, "kept");
    let segment = log.share();
    let more = append(&mut log, " and more");
    assert_eq!((log.bytes(frame), log.bytes(more)), (&b"kept"[..], &b" and more"[..]));
    let longer = log.share();
    log.restart();
    append(&mut log, "next");
    assert_eq!((&**segment, &**longer), (&b"kept"[..], &b"kept and more"[..]));
}

#[test]
fn a_log_that_would_grow_too_large_stays_as_it_was() {
    let mut log = TickLog::new();
    let frame = append(&mut log, "kept");
    let too_much = 1 << 31;
    // Zeroed pages are not touched, so this costs address space, not memory.
    let refused = log.append(|bytes| {
        let mut large = vec![0; too_much];
        large[..bytes.len()].copy_from_slice(bytes);
        *bytes = large;
    });
    assert_eq!(refused, Err(Error::TooLarge("")));
    assert_eq!((log.len(), log.bytes(frame)), (4, &b"kept"[..]));
    log.restart();
}

#[test]
fn bytes_of_another_tick_are_none() {
    let mut log = TickLog::new();
    let frame = append(&mut log, "gone");
    log.restart();
    assert_eq!(log.bytes(frame), b"");
    assert_eq!(log.bytes(Frame { start: 2, end: 1 }), b"");
}

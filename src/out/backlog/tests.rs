//! The queue of one connection: its order, its bound, its classes, and what it holds.

use super::*;
use crate::wire::ws::Opcode;

fn segment(text: &str) -> SharedPackets {
    SharedPackets { bytes: Arc::new(text.as_bytes().to_vec()), places: Arc::default() }
}

fn stretch(start: u32, end: u32) -> Frame {
    Frame { start, end }
}

fn push(backlog: &mut Backlog, text: &str, class: Class, bound: usize) -> Pushed {
    let segment = segment(text);
    backlog.push(&segment, stretch(0, text.len() as u32), 0, 0, class, bound)
}

fn text(backlog: &Backlog) -> String {
    let mut slices = Vec::new();
    backlog.slices(&mut slices);
    slices.iter().map(|slice| String::from_utf8_lossy(slice)).collect()
}

/// Texts that count for what they are.
fn word(text: &str) -> String {
    format!("{text:.<32}")
}

fn words(backlog: &Backlog) -> String {
    text(backlog).replace('.', "")
}

const LATEST: Class = Class::Latest { namespace: 1, key: 9 };

#[test]
fn bytes_leave_in_order_over_any_split() {
    let mut backlog = Backlog::default();
    for word in ["one", "two", "three"] {
        push(&mut backlog, word, Class::DropOldest, 100);
    }
    backlog.advance(4);
    assert_eq!(text(&backlog), "wothree");
    backlog.advance(7);
    assert!(backlog.is_empty());
    assert_eq!(text(&backlog), "");
}

#[test]
fn the_newest_of_a_key_replaces_the_one_that_waits() {
    let mut backlog = Backlog::default();
    push(&mut backlog, "a1", LATEST, 100);
    push(&mut backlog, "keep", Class::Keep, 100);
    assert_eq!(push(&mut backlog, "a2", LATEST, 100).replaced, 1);
    assert_eq!(text(&backlog), "keepa2");
    backlog.advance(5);
    assert_eq!(push(&mut backlog, "a3", LATEST, 100).replaced, 0);
    assert_eq!(text(&backlog), "2a3");
}

#[test]
#[cfg_attr(miri, ignore = "it counts; a few replacements are made by its neighbours")]
fn ten_thousand_replacements_leave_no_trace() {
    let mut backlog = Backlog::default();
    push(&mut backlog, "head", Class::Keep, 100);
    for _ in 0..10_000 {
        push(&mut backlog, "xy", LATEST, 100);
    }
    assert_eq!(text(&backlog), "headxy");
    assert!(backlog.chunks.len() < 200);
}

#[test]
#[cfg_attr(miri, ignore = "150,000 drops, whose cost is counted")]
fn a_drop_costs_the_same_however_much_waits_before_it() {
    for kept in [0, 10, 10_000] {
        let mut backlog = Backlog::default();
        // Each key is a chunk of its own, so these are really that many.
        for key in 0..kept {
            push(&mut backlog, "head", Class::Latest { namespace: 1, key }, usize::MAX);
        }
        let bound = backlog.len() + 16_000;
        for number in 0..50_000_u32 {
            let dropped = push(&mut backlog, &format!("{number:032}"), Class::DropOldest, bound).dropped;
            assert_eq!(dropped, u32::from(number >= 500), "{kept} {number}");
        }
        assert!(backlog.messages().last().unwrap().0.bytes.ends_with(b"00049999"));
        assert_eq!(backlog.len(), bound);
        // What is kept is looked at once for as many drops as there are chunks, when the holes are closed.
        assert!(backlog.steps < 4 * 50_000, "{} for {kept}", backlog.steps);
    }
}

#[test]
fn the_total_is_what_waits_in_all_and_goes_with_them() {
    let total = Total::default();
    let mut backlogs: Vec<_> = (0..3).map(|_| Backlog::new(total.clone())).collect();
    for step in 0..300_u64 {
        let backlog = &mut backlogs[step as usize % 3];
        let class = match step % 4 {
            0 => Class::Keep,
            1 => Class::Latest { namespace: 1, key: step % 7 },
            _ => Class::DropOldest,
        };
        let mut packet = SharedPackets::default();
        // Text is the same in both forms.
        let opcode = if step % 3 == 0 { Opcode::Text } else { Opcode::Binary };
        packet.writer().frame(opcode, step.to_string().as_bytes());
        backlog.push(&packet, packet.all(), 0, 0, class, 500);
        match step % 11 {
            3 => {
                let oldest = backlog.packets().next().map_or(0, |packet| packet.bytes.len());
                backlog.advance(oldest);
            }
            7 => backlog.rewrite(Form::TextFrames),
            _ => {}
        }
        assert_eq!(total.bytes(), backlogs.iter().map(Backlog::len).sum::<usize>(), "{step}");
    }
    for backlog in &mut backlogs {
        backlog.advance(backlog.bytes);
        assert_eq!(backlog.len(), 0);
        push(backlog, "rest", Class::Keep, 500);
    }
    assert_eq!(total.bytes(), 12);
    drop(backlogs);
    assert_eq!(total.bytes(), 0);
}

#[test]
fn what_is_gone_stays_gone_in_another_form() {
    for opcode in [Opcode::Text, Opcode::Binary] {
        for gone in 0..=3 {
            let mut backlog = Backlog::default();
            let mut packets = SharedPackets::default();
            (0..3_u8).for_each(|n| packets.writer().frame(opcode, &[b'a' + n]));
            backlog.push(&packets, packets.all(), 0, 0, Class::Keep, 100);
            let taken = backlog.packets().take(gone).map(|packet| packet.bytes.len()).sum();
            backlog.advance(taken);
            backlog.rewrite(Form::TextFrames);
            assert_eq!(backlog.packets().count(), 3 - gone, "{opcode:?}");
            let mut slices = Vec::new();
            backlog.slices(&mut slices);
            let left: usize = slices.iter().map(|slice| slice.len()).sum();
            assert_eq!(left, backlog.len(), "{opcode:?}, {gone} gone");
            backlog.advance(backlog.len());
            assert!(backlog.is_empty());
        }
    }
}

#[test]
fn what_is_partly_sent_is_not_dropped_and_the_next_is() {
    let mut backlog = Backlog::default();
    for text in ["one", "two", "three"] {
        push(&mut backlog, &word(text), Class::DropOldest, 97);
    }
    backlog.advance(1);
    assert_eq!(push(&mut backlog, &word("four"), Class::DropOldest, 95).dropped, 1);
    assert_eq!(words(&backlog), "nethreefour");
    backlog.advance(31);
    assert_eq!(push(&mut backlog, &word("five"), Class::DropOldest, 64).dropped, 1);
    assert_eq!(words(&backlog), "fourfive");
    push(&mut backlog, &word("keep"), Class::Keep, 64);
    push(&mut backlog, &word("keep"), Class::Keep, 64);
    assert_eq!((words(&backlog).as_str(), backlog.droppable.len()), ("keepkeep", 0));
}

#[test]
fn the_bound_closes_drops_or_makes_room_by_class() {
    let mut backlog = Backlog::default();
    push(&mut backlog, &word("old1"), Class::DropOldest, 64);
    push(&mut backlog, &word("old2"), Class::DropOldest, 64);
    let pushed = push(&mut backlog, &word("old3"), Class::DropOldest, 64);
    assert_eq!((pushed.dropped, pushed.overflow), (1, false));
    assert_eq!(words(&backlog), "old2old3");
    assert_eq!(push(&mut backlog, &word("kept"), Class::Keep, 64).dropped, 1);
    assert_eq!(words(&backlog), "old3kept");
    push(&mut backlog, &word("more"), Class::Keep, 64);
    assert!(push(&mut backlog, &word("over"), Class::Keep, 64).overflow);
    assert_eq!(push(&mut backlog, &word("gone"), Class::DropOldest, 64).dropped, 1);
}

#[test]
fn past_the_bound_the_newest_of_a_key_replaces_or_overflows() {
    let mut backlog = Backlog::default();
    push(&mut backlog, "a1", LATEST, 40);
    push(&mut backlog, &word("keep keep keep keep keep keep keep keep keep"), Class::Keep, 40);
    let pushed = push(&mut backlog, "a2", LATEST, 40);
    assert_eq!((pushed.replaced, pushed.dropped, pushed.overflow), (1, 0, false));
    assert!(text(&backlog).ends_with("keepa2"));
    assert!(push(&mut backlog, "b1", Class::Latest { namespace: 1, key: 8 }, 40).overflow);
}

#[test]
fn a_small_message_that_may_go_counts_for_more_until_it_has_gone() {
    for class in [Class::DropOldest, LATEST] {
        let mut backlog = Backlog::default();
        push(&mut backlog, "small", class, 1_000);
        push(&mut backlog, "kept", Class::Keep, 1_000);
        assert_eq!(backlog.len(), 36);
        backlog.advance(2);
        assert_eq!(backlog.len(), 34);
        backlog.advance(3);
        assert_eq!(backlog.len(), 4);
    }
}

#[test]
fn one_message_of_any_size_fits_an_empty_queue() {
    let mut backlog = Backlog::default();
    assert!(!push(&mut backlog, &"x".repeat(1_000), Class::Keep, 10).overflow);
    assert!(push(&mut backlog, "y", Class::Keep, 10).overflow);
}

#[test]
fn large_parts_share_their_segment_and_small_ones_do_not() {
    let big = segment(&"x".repeat(8_000));
    let mut backlog = Backlog::default();
    backlog.push(&big, stretch(0, 4_000), 0, 0, Class::Keep, 100_000);
    assert_eq!(Arc::strong_count(&big.bytes), 2);
    backlog.push(&big, stretch(4_000, 4_600), 0, 0, Class::Keep, 100_000);
    assert_eq!(Arc::strong_count(&big.bytes), 2);
    assert_eq!(backlog.len(), 4_600);
    backlog.advance(4_600);
    assert_eq!(Arc::strong_count(&big.bytes), 1);
}

#[test]
fn the_rest_of_a_large_part_is_shared_however_little_is_left() {
    let big = segment(&"x".repeat(1_000_000));
    for sent in [0, 10, 970_000, 999_999] {
        let mut backlog = Backlog::default();
        backlog.push(&big, stretch(0, 1_000_000), sent, 0, Class::Keep, 2_000_000);
        assert_eq!((backlog.len(), Arc::strong_count(&big.bytes)), (1_000_000 - sent, 2), "{sent}");
    }
    let mut backlog = Backlog::default();
    backlog.push(&big, stretch(0, 40_000), 100, 0, Class::Keep, 2_000_000);
    assert_eq!(Arc::strong_count(&big.bytes), 1);
}

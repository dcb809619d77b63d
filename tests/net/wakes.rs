//! Wakes from other threads.

use crate::probe::{Bed, Heard};
use std::sync::mpsc;
use std::thread;

#[test]
fn wakes_coalesce_and_end_a_wait() {
    let mut bed = Bed::new();
    bed.turn();
    let waker = bed.inner.waker();
    thread::spawn(move || (0..1_000).for_each(|_| waker.wake())).join().unwrap();
    bed.inner.turn(&mut bed.probe, None).unwrap();
    assert_eq!(bed.probe.heard, [Heard::Woken]);
    bed.turn();
    assert_eq!(bed.probe.heard, [Heard::Woken]);
}

#[test]
fn no_wake_is_lost() {
    const THREADS: usize = 4;
    const EACH: usize = 5_000;
    let mut bed = Bed::new();
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (sender, waker) = (sender.clone(), bed.inner.waker());
            thread::spawn(move || {
                for _ in 0..EACH {
                    sender.send(()).unwrap();
                    waker.wake();
                }
            })
        })
        .collect();
    let mut taken = 0;
    while taken < THREADS * EACH {
        // It would wait for ever if a wake were lost.
        bed.inner.turn(&mut bed.probe, None).unwrap();
        assert!(bed.probe.heard.drain(..).all(|heard| heard == Heard::Woken));
        taken += receiver.try_iter().count();
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_waker_outlives_its_loop() {
    let bed = Bed::new();
    let waker = bed.inner.waker();
    drop(bed);
    waker.wake();
}

//! The loop inside another loop, by its descriptor.

use crate::probe::{Bed, Order};
use roomcast::service::LoopOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Asks the system's poll, which is level-triggered, without waiting.
fn is_readable(bed: &Bed) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut descriptors = [PollFd::new(&bed.inner, PollFlags::IN)];
    poll(&mut descriptors, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
}

/// Turns as a foreign loop would, while there is something to do.
fn settle(bed: &mut Bed) {
    for _ in 0..100 {
        let timeout = bed.inner.next_timeout(&bed.probe);
        if timeout != Some(Duration::ZERO) && !is_readable(bed) {
            return;
        }
        assert!(is_readable(bed), "a timeout of zero, and a silent descriptor");
        bed.turn();
    }
    panic!("it never rests: {:?}", bed.probe);
}

#[test]
fn the_descriptor_tells_of_connections_and_bytes_and_then_rests() {
    let mut bed = Bed::new();
    bed.probe.echo = true;
    assert!(is_readable(&bed), "the first turn is owed");
    settle(&mut bed);
    let mut client = TcpStream::connect(bed.address).unwrap();
    assert!(is_readable(&bed));
    settle(&mut bed);
    assert_eq!(bed.probe.open.len(), 1);
    client.write_all(b"hello").unwrap();
    assert!(is_readable(&bed));
    settle(&mut bed);
    client.read_exact(&mut [0; 5]).unwrap();
    drop(client);
    assert!(is_readable(&bed));
    settle(&mut bed);
    assert!(bed.probe.open.is_empty());
    assert_eq!(bed.inner.next_timeout(&bed.probe), None);
}

#[test]
fn the_descriptor_stays_readable_while_input_is_left_over() {
    let options = LoopOptions { read_budget: 1_000, receive_buffer: 1_000, ..LoopOptions::default() };
    let mut bed = Bed::with(&options);
    let (mut client, link) = bed.connect();
    settle(&mut bed);
    client.write_all(&[1; 4_500]).unwrap();
    for turn in 1..=5 {
        assert!(is_readable(&bed));
        bed.turn();
        assert_eq!(bed.probe.received(link), (turn * 1_000).min(4_500));
    }
    settle(&mut bed);
}

#[test]
fn the_descriptor_stays_readable_while_connections_are_left_over() {
    let mut bed = Bed::with(&LoopOptions { accept_budget: 2, ..LoopOptions::default() });
    settle(&mut bed);
    let _clients: Vec<_> = (0..7).map(|_| TcpStream::connect(bed.address).unwrap()).collect();
    settle(&mut bed);
    assert_eq!(bed.probe.open.len(), 7);
}

#[test]
fn the_descriptor_stays_readable_while_the_host_has_events_to_drain() {
    let mut bed = Bed::new();
    settle(&mut bed);
    bed.probe.works = true;
    bed.turn();
    for _ in 0..5 {
        assert!(is_readable(&bed));
        assert_eq!(bed.inner.next_timeout(&bed.probe), Some(Duration::ZERO));
        bed.turn();
    }
    bed.probe.works = false;
    settle(&mut bed);
}

#[test]
fn work_between_turns_makes_the_descriptor_readable_once() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    settle(&mut bed);
    bed.order(Order::Send(link, b"emitted".to_vec()));
    bed.inner.arm();
    bed.inner.arm();
    assert!(is_readable(&bed));
    bed.turn();
    assert!(!is_readable(&bed));
    client.read_exact(&mut [0; 7]).unwrap();
}

#[test]
fn resuming_between_turns_makes_the_descriptor_readable() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    settle(&mut bed);
    bed.do_now(Order::Pause(link));
    client.write_all(b"later").unwrap();
    settle(&mut bed);
    assert_eq!(bed.probe.received(link), 0);
    bed.do_now(Order::Resume(link));
    assert!(is_readable(&bed));
    settle(&mut bed);
    assert_eq!(bed.probe.received(link), 5);
}

#[test]
fn timers_show_in_the_timeout() {
    let mut bed = Bed::new();
    settle(&mut bed);
    bed.probe.timer = Some(bed.inner.now() + 1_000_000);
    let timeout = bed.inner.next_timeout(&bed.probe).unwrap();
    assert!(timeout > Duration::ZERO && timeout <= Duration::from_secs(1_000));
    bed.probe.timer = Some(0);
    assert_eq!(bed.inner.next_timeout(&bed.probe), Some(Duration::ZERO));
    bed.turn();
    assert_eq!(bed.probe.timer, None);
}

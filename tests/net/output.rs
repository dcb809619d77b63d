//! Sending, a kernel that is full, and closing.

use crate::probe::{Bed, Heard, Order, reset};
use roomcast::service::{LoopOptions, Sent};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn what_the_kernel_cannot_take_goes_on_when_it_can() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    let data = noise(40_000_000);
    bed.do_now(Order::Send(link, data.clone()));
    assert!(matches!(bed.probe.sent[..], [(_, Sent::Part(count))] if count > 0 && count < data.len()));
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        all
    });
    bed.until(|probe| probe.sent.last() == Some(&(link, Sent::All)));
    assert!(bed.probe.has(Heard::Writable(link)));
    bed.do_now(Order::Close(link));
    bed.until_empty();
    assert!(reader.join().unwrap() == data);
}

#[test]
fn several_slices_arrive_as_one() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    let data = noise(30_000);
    // More of them than one system call takes.
    let slices = data.chunks(10).map(<[u8]>::to_vec).collect();
    bed.do_now(Order::Vectored(link, slices));
    bed.do_now(Order::Vectored(link, vec![Vec::new(), Vec::new()]));
    bed.do_now(Order::Vectored(link, Vec::new()));
    bed.do_now(Order::Send(link, Vec::new()));
    assert_eq!(bed.probe.sent, [(link, Sent::All); 4]);
    bed.do_now(Order::Close(link));
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    assert!(all == data);
}

#[test]
fn slices_that_the_kernel_cannot_take_are_counted_across_calls() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    let data = noise(40_000_000);
    bed.do_now(Order::Vectored(link, data.chunks(10_000).map(<[u8]>::to_vec).collect()));
    assert!(matches!(bed.probe.sent[..], [(_, Sent::Part(count))] if count > 0 && count < data.len()));
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        all
    });
    bed.until(|probe| probe.sent.last() == Some(&(link, Sent::All)));
    bed.do_now(Order::Close(link));
    assert!(reader.join().unwrap() == data);
}

#[test]
fn a_send_to_a_broken_connection_is_followed_by_its_end() {
    let mut bed = Bed::new();
    let (client, link) = bed.connect();
    reset(client);
    // The host flushes before the loop has looked.
    bed.do_now(Order::Send(link, b"x".to_vec()));
    assert_eq!(bed.probe.sent, [(link, Sent::Broken)]);
    assert_eq!(bed.probe.heard.last(), Some(&Heard::Closed(link, true)));
    bed.do_now(Order::Send(link, b"x".to_vec()));
    assert_eq!(bed.probe.sent.last(), Some(&(link, Sent::Broken)));
    assert_eq!(bed.inner.links(), 0);
}

#[test]
fn closing_delivers_everything_although_input_was_left_unread() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    bed.do_now(Order::Pause(link));
    client.write_all(&noise(300_000)).unwrap();
    bed.turn();
    bed.order(Order::Send(link, b"too much".to_vec()));
    bed.do_now(Order::Close(link));
    // A plain close would reset the connection here, and the client could lose the answer.
    client.write_all(&noise(300_000)).unwrap();
    bed.turn();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"too much");
    client.shutdown(Shutdown::Write).unwrap();
    bed.until_empty();
    assert!(!bed.probe.has(Heard::Closed(link, false)), "the service is done with a link it closed");
}

#[test]
fn a_closed_link_is_drained_while_the_service_wants_no_input() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    bed.probe.wants = false;
    client.write_all(b"unread").unwrap();
    bed.turn();
    bed.do_now(Order::Close(link));
    client.shutdown(Shutdown::Write).unwrap();
    bed.until_empty();
    assert_eq!(bed.probe.received_in_all(), 0);
}

#[test]
fn a_closed_link_does_not_wait_for_its_peer_for_ever() {
    let mut bed = Bed::with(&LoopOptions { linger: Duration::from_millis(1), ..LoopOptions::default() });
    let (mut client, link) = bed.connect();
    bed.do_now(Order::Close(link));
    bed.until_empty();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn aborting_resets() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    bed.do_now(Order::Abort(link));
    assert_eq!(bed.inner.links(), 0);
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(!bed.probe.has(Heard::Closed(link, true)));
}

#[test]
fn closing_twice_or_what_is_not_there_does_nothing() {
    let mut bed = Bed::new();
    let (_client, link) = bed.connect();
    bed.order(Order::Close(link));
    bed.order(Order::Close(link));
    bed.order(Order::Abort(77));
    bed.order(Order::Pause(77));
    bed.order(Order::Resume(77));
    bed.order(Order::Send(77, b"x".to_vec()));
    bed.do_now(Order::Close(77));
    assert_eq!(bed.probe.sent, [(77, Sent::Broken)]);
}

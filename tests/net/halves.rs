//! Peers that have ended their side: what is owed to them goes out first, and nothing is held that is not.

use crate::probe::{Bed, Heard, Order, reset};
use roomcast::service::{Owed, Sent};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

/// A client that has said something and ended its side, and the service owes it this.
fn half(bed: &mut Bed, owed: Owed) -> (TcpStream, usize) {
    let (mut client, link) = bed.connect();
    bed.probe.owed.insert(link, owed);
    client.write_all(b"last words").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    bed.until(|probe| probe.received(link) == 10);
    // The end is behind it, and is read in the same turn or, at the latest, when all that is there has been.
    for _ in 0..3 {
        bed.turn();
    }
    (client, link)
}

#[test]
fn a_link_stays_until_the_answer_is_out() {
    let mut bed = Bed::new();
    let (mut client, link) = half(&mut bed, Owed::Answers);
    assert!(!bed.probe.has(Heard::Closed(link, false)));
    // Nothing can be done but by the host: the loop may sleep, and its descriptor is silent.
    assert_eq!(bed.inner.next_timeout(&bed.probe), None);
    bed.order(Order::Send(link, b"answer".to_vec()));
    // A flush between two turns: the host may have more to say.
    bed.probe.owed.remove(&link);
    bed.inner.flush(&mut bed.probe);
    assert!(!bed.probe.has(Heard::Closed(link, false)));
    assert_eq!(bed.inner.next_timeout(&bed.probe), Some(Duration::ZERO), "a turn has something to do");
    bed.turn();
    assert!(bed.probe.has(Heard::Closed(link, false)));
    assert_eq!((bed.inner.links(), bed.inner.next_timeout(&bed.probe)), (0, None));
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"answer");
}

#[test]
fn output_that_the_kernel_has_not_taken_is_waited_for() {
    let mut bed = Bed::new();
    let (mut client, link) = half(&mut bed, Owed::Answers);
    bed.do_now(Order::Send(link, vec![b'x'; 40_000_000]));
    assert!(matches!(bed.probe.sent[..], [(_, Sent::Part(_))]));
    bed.probe.owed.remove(&link);
    bed.turn();
    assert!(!bed.probe.has(Heard::Closed(link, false)));
    assert_eq!(bed.inner.next_timeout(&bed.probe), None, "it is the peer's turn");
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        all.len()
    });
    bed.until(|probe| probe.has(Heard::Closed(link, false)));
    assert_eq!(bed.inner.links(), 0);
    assert_eq!(reader.join().unwrap(), 40_000_000);
}

#[test]
fn a_peer_that_is_gone_is_waited_for_no_longer() {
    let mut bed = Bed::new();
    let (client, link) = half(&mut bed, Owed::Answers);
    reset(client);
    bed.until(|probe| probe.has(Heard::Closed(link, true)));
    assert_eq!(bed.inner.links(), 0);
    bed.probe.heard.clear();
    // One that has closed both ways says so when something is sent to it.
    for owed in [Owed::Answers, Owed::Output] {
        let (client, link) = half(&mut bed, owed);
        drop(client);
        bed.order(Order::Send(link, b"answer".to_vec()));
        bed.until(|probe| probe.has(Heard::Closed(link, true)));
        assert_eq!(bed.inner.links(), 0);
        bed.probe.heard.clear();
    }
}

#[test]
fn the_service_may_close_what_is_held() {
    let mut bed = Bed::new();
    for order in [Order::Close, Order::Abort] {
        let (_client, link) = half(&mut bed, Owed::Answers);
        bed.do_now(order(link));
        assert_eq!(bed.inner.links(), 0);
        // Its key may be used again, and names another link then.
        bed.probe.owed.clear();
        let (_other, key) = bed.connect();
        assert_eq!(key, link);
        bed.turn();
        assert!(!bed.probe.has(Heard::Closed(key, false)));
        bed.do_now(Order::Abort(key));
        bed.probe.heard.clear();
    }
}

#[test]
fn a_loop_that_ends_takes_held_links_with_it() {
    let mut bed = Bed::new();
    let (mut client, _) = half(&mut bed, Owed::Answers);
    bed.inner.close_all();
    assert_eq!((bed.inner.links(), bed.inner.next_timeout(&bed.probe)), (0, None));
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

//! Accepting, reading, budgets, pauses and the ends of links.

use crate::probe::{Bed, Heard, Order, reset};
use roomcast::ListenOptions;
use roomcast::service::{Flow, LoopOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

fn small_budget() -> LoopOptions {
    LoopOptions { read_budget: 4_096, receive_buffer: 1_024, ..LoopOptions::default() }
}

/// Writes until the kernel takes no more. Returns how much it took.
pub(crate) fn fill(client: &mut TcpStream, most: usize) -> usize {
    client.set_nonblocking(true).unwrap();
    let mut total = 0;
    while total < most {
        match client.write(&[7; 16 * 1_024][..(most - total).min(16 * 1_024)]) {
            Ok(count) => total += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
    }
    client.set_nonblocking(false).unwrap();
    total
}

#[test]
fn echoes_and_hears_the_end() {
    let mut bed = Bed::new();
    bed.probe.echo = true;
    let (mut client, link) = bed.connect();
    client.write_all(b"hello").unwrap();
    bed.until(|probe| !probe.sent.is_empty());
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    drop(client);
    bed.until(|probe| probe.has(Heard::Closed(link, false)));
    assert_eq!(bed.inner.links(), 0);
}

#[test]
fn a_request_that_ends_its_side_is_answered_before_its_end_is_told() {
    let mut bed = Bed::new();
    bed.probe.echo = true;
    let (mut client, link) = bed.connect();
    client.write_all(b"request").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    bed.until(|probe| probe.has(Heard::Closed(link, false)));
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"request");
}

#[test]
fn serves_many_links_and_uses_their_keys_again() {
    let mut bed = Bed::with(&LoopOptions { accept_budget: 7, ..LoopOptions::default() });
    bed.probe.echo = true;
    for round in 0..2_u8 {
        let mut clients: Vec<_> = (0..300).map(|_| TcpStream::connect(bed.address).unwrap()).collect();
        for client in &mut clients {
            client.write_all(&[round; 10]).unwrap();
        }
        bed.until(|probe| {
            probe.received_in_all() == 3_000 && probe.sent.len() == 300 * (usize::from(round) + 1)
        });
        assert!(bed.probe.open.iter().eq(&(0..300).collect::<Vec<_>>()), "keys are dense");
        for client in &mut clients {
            let mut answer = [9; 10];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [round; 10]);
        }
        drop(clients);
        bed.until(|probe| probe.open.is_empty());
        assert_eq!(bed.inner.links(), 0);
        bed.probe.got.clear();
    }
}

#[test]
fn more_events_than_one_call_brings_are_all_heard_in_one_turn() {
    // However slow the machine is today.
    let hour = Duration::from_secs(3_600);
    let mut bed = Bed::with(&LoopOptions { step_time: hour, ..LoopOptions::default() });
    let mut clients: Vec<_> = (0..2_500).map(|_| bed.connect().0).collect();
    for client in &mut clients {
        client.write_all(b"x").unwrap();
    }
    // A timer that is due must come after all input.
    bed.probe.timer = Some(0);
    bed.turn();
    assert_eq!(bed.probe.received_in_all(), 2_500);
    assert!(matches!(bed.probe.heard.last(), Some(Heard::Timeout(_))));
}

#[test]
fn a_firehose_starves_nobody_and_nothing_is_forgotten() {
    let mut bed = Bed::with(&small_budget());
    let (mut hose, hose_link) = bed.connect();
    let mut others: Vec<_> = (0..10).map(|_| bed.connect()).collect();
    let total = fill(&mut hose, 200_000);
    for (client, _) in &mut others {
        client.write_all(b"small").unwrap();
    }
    // No edge comes after this: what is left over must be remembered.
    bed.turn();
    assert!(others.iter().all(|(_, link)| bed.probe.received(*link) == 5));
    assert_eq!(bed.probe.received(hose_link), 4_096);
    let mut turns = 1;
    while bed.probe.received(hose_link) < total {
        assert_eq!(bed.inner.next_timeout(&bed.probe), Some(Duration::ZERO));
        // It would wait for ever if it forgot.
        bed.inner.turn(&mut bed.probe, None).unwrap();
        turns += 1;
        assert!(bed.probe.received(hose_link) <= turns * 4_096);
    }
    bed.turn();
    assert_eq!(bed.inner.next_timeout(&bed.probe), None);
}

#[test]
fn a_turn_whose_time_is_up_leaves_the_rest_to_the_next_and_timers_wait_for_it() {
    let mut bed = Bed::with(&LoopOptions { step_time: Duration::ZERO, ..LoopOptions::default() });
    let mut clients: Vec<_> = (0..100).map(|_| bed.connect()).collect();
    for (client, _) in &mut clients {
        client.write_all(b"x").unwrap();
    }
    // Due after the millisecond up to which everything has been heard already.
    let heard = bed.inner.now();
    while bed.inner.now() == heard {
        std::hint::spin_loop();
    }
    bed.probe.timer = Some(bed.inner.now());
    // With no time at all, a turn reads 32 links.
    for read in [32, 64, 96, 100] {
        assert!(!bed.probe.heard.iter().any(|heard| matches!(heard, Heard::Timeout(_))), "input was left");
        assert_eq!(bed.inner.next_timeout(&bed.probe), Some(Duration::ZERO));
        bed.turn();
        assert_eq!(bed.probe.received_in_all(), read);
    }
    // In the order in which they came, and those that come meanwhile after them.
    let read = bed.probe.heard.iter().filter_map(|heard| match heard {
        Heard::Received(link, _) => Some(*link),
        _ => None,
    });
    assert_eq!(read.collect::<Vec<_>>().len(), 100);
    bed.until(|probe| probe.heard.iter().any(|heard| matches!(heard, Heard::Timeout(_))));
    assert_eq!(bed.inner.next_timeout(&bed.probe), None);
}

#[test]
fn input_waits_in_the_kernel_while_the_service_wants_none() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    bed.probe.wants = false;
    client.write_all(b"later").unwrap();
    let _waiting = TcpStream::connect(bed.address).unwrap();
    for _ in 0..3 {
        bed.turn();
    }
    assert_eq!(bed.probe.received_in_all(), 0);
    assert_eq!(bed.probe.open.len(), 1);
    assert_eq!(bed.inner.next_timeout(&bed.probe), None, "nothing can be done: no spinning");
    bed.probe.wants = true;
    bed.inner.turn(&mut bed.probe, None).unwrap();
    assert_eq!(bed.probe.got[&link], b"later");
    assert_eq!(bed.probe.open.len(), 2);
}

#[test]
fn a_service_that_has_enough_is_given_no_more() {
    let mut bed = Bed::with(&small_budget());
    let mut clients: Vec<_> = (0..8).map(|_| bed.connect().0).collect();
    for client in &mut clients {
        client.write_all(&[1; 3_000]).unwrap();
    }
    bed.probe.enough = 2_000;
    let due = bed.inner.now() + 1;
    bed.probe.timer = Some(due);
    while bed.inner.now() < due {
        std::hint::spin_loop();
    }
    bed.turn();
    assert_eq!(bed.probe.received_in_all(), 2_048);
    assert_eq!(bed.probe.timer, Some(due), "timers wait for the input that came before them");
    bed.probe.enough = usize::MAX;
    bed.until(|probe| probe.received_in_all() == 24_000);
    assert_eq!(bed.probe.timer, None);
    assert!(bed.probe.got.values().all(|got| got.len() == 3_000));
}

#[test]
fn a_paused_link_waits_and_the_others_go_on() {
    let mut bed = Bed::with(&small_budget());
    let (mut paused, paused_link) = bed.connect();
    let (mut other, other_link) = bed.connect();
    bed.probe.flow = Flow::Pause;
    paused.write_all(&[1; 5_000]).unwrap();
    bed.turn();
    assert_eq!(bed.probe.received(paused_link), 1_024);
    bed.probe.flow = Flow::Continue;
    paused.write_all(&[1; 5_000]).unwrap();
    other.write_all(&[2; 5_000]).unwrap();
    bed.until(|probe| probe.received(other_link) == 5_000);
    bed.turn();
    assert_eq!(bed.probe.received(paused_link), 1_024);
    assert_eq!(bed.inner.next_timeout(&bed.probe), None);
    bed.do_now(Order::Resume(paused_link));
    bed.until(|probe| probe.received(paused_link) == 10_000);

    // Paused from a flush while its input is left over.
    paused.write_all(&[1; 10_000]).unwrap();
    bed.turn();
    bed.do_now(Order::Pause(paused_link));
    let before = bed.probe.received(paused_link);
    for _ in 0..5 {
        bed.turn();
    }
    assert_eq!(bed.probe.received(paused_link), before);
    bed.do_now(Order::Resume(paused_link));
    bed.until(|probe| probe.received(paused_link) == 20_000);
}

#[test]
fn a_paused_link_hears_of_a_reset_at_once_and_of_an_end_later() {
    let mut bed = Bed::new();
    let (client, link) = bed.connect();
    bed.do_now(Order::Pause(link));
    reset(client);
    bed.until(|probe| probe.has(Heard::Closed(link, true)));

    let (mut client, link) = bed.connect();
    bed.do_now(Order::Pause(link));
    client.write_all(b"last").unwrap();
    drop(client);
    for _ in 0..3 {
        bed.turn();
    }
    assert!(bed.probe.open.contains(&link));
    bed.do_now(Order::Resume(link));
    bed.until(|probe| probe.has(Heard::Closed(link, false)));
    assert_eq!(bed.probe.got[&link], b"last");
}

#[test]
fn input_before_a_reset_is_delivered() {
    let mut bed = Bed::new();
    let (mut client, link) = bed.connect();
    client.write_all(b"last").unwrap();
    reset(client);
    bed.until(|probe| probe.has(Heard::Closed(link, true)));
    // Linux keeps what had arrived; other systems may drop it.
    if cfg!(target_os = "linux") {
        assert_eq!(bed.probe.got[&link], b"last");
    }
}

#[test]
fn a_key_is_not_used_again_in_the_turn_in_which_it_became_free() {
    let mut bed = Bed::new();
    let (first, first_link) = bed.connect();
    drop(first);
    let mut second = TcpStream::connect(bed.address).unwrap();
    second.write_all(b"second").unwrap();
    bed.until(|probe| probe.has(Heard::Closed(first_link, false)) && probe.received_in_all() == 6);
    let (mut third, third_link) = bed.connect();
    assert_eq!(third_link, first_link);
    third.write_all(b"third").unwrap();
    bed.until(|probe| probe.received_in_all() == 11);
    assert_eq!(bed.probe.got[&third_link], b"third");
}

#[test]
fn a_link_closed_while_its_input_is_left_over_is_not_read_again() {
    let mut bed = Bed::with(&small_budget());
    let (mut client, link) = bed.connect();
    client.write_all(&[1; 20_000]).unwrap();
    bed.turn();
    assert_eq!(bed.probe.received(link), 4_096);
    bed.do_now(Order::Abort(link));
    let (mut next, next_link) = bed.connect();
    assert_eq!(next_link, link, "the key is used again although the ready list had it");
    next.write_all(b"next").unwrap();
    bed.until(|probe| probe.received(next_link) == 4);
    assert_eq!(bed.probe.got[&next_link], b"next");
}

#[test]
fn a_refused_connection_is_closed_and_not_mentioned_again() {
    let mut bed = Bed::new();
    bed.probe.accepts = false;
    let (mut client, link) = bed.connect();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(bed.inner.links(), 0);
    assert_eq!(bed.probe.heard, [Heard::Opened(link)]);
}

#[test]
fn several_listeners_share_a_loop_and_close_together() {
    let mut bed = Bed::new();
    let second = bed.inner.listen("127.0.0.1:0".parse().unwrap(), &ListenOptions::default()).unwrap();
    let _one = bed.connect();
    let _two = TcpStream::connect(second).unwrap();
    bed.until(|probe| probe.open.len() == 2);
    bed.inner.close_listeners();
    assert_eq!(TcpStream::connect(bed.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(TcpStream::connect(second).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(bed.inner.links(), 2);
    let again = bed.inner.listen(second, &ListenOptions::default()).unwrap();
    assert_eq!(again, second, "the port is free for the next server at once");
    let _three = TcpStream::connect(again).unwrap();
    bed.until(|probe| probe.open.len() == 3);
    bed.inner.close_all();
    assert_eq!(bed.inner.links(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn loops_share_a_port_when_asked() {
    use roomcast::service::Loop;
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let mut first = Bed::listening(&LoopOptions::default(), &options);
    let mut second = Loop::new(&LoopOptions::default()).unwrap();
    assert_eq!(second.listen(first.address, &options).unwrap(), first.address);
    let mut probe = crate::probe::Probe::default();
    let _clients: Vec<_> = (0..64).map(|_| TcpStream::connect(first.address).unwrap()).collect();
    while first.probe.open.len() + probe.open.len() < 64 {
        first.turn();
        second.turn(&mut probe, Some(Duration::ZERO)).unwrap();
    }
    assert!(!first.probe.open.is_empty() && !probe.open.is_empty());
    let mut alone = Loop::new(&LoopOptions::default()).unwrap();
    assert_eq!(
        alone.listen(first.address, &ListenOptions::default()).unwrap_err().kind(),
        ErrorKind::AddrInUse
    );
}

#[test]
fn timers_come_when_they_are_due_and_not_before() {
    let mut bed = Bed::new();
    let due = bed.inner.now() + 30;
    bed.probe.timer = Some(due);
    bed.turn();
    if bed.inner.now() < due {
        assert!(bed.inner.next_timeout(&bed.probe).unwrap() <= Duration::from_millis(30));
    }
    while bed.probe.timer.is_some() {
        bed.inner.turn(&mut bed.probe, None).unwrap();
    }
    let [Heard::Timeout(at)] = bed.probe.heard[..] else { panic!("{:?}", bed.probe.heard) };
    assert!(at >= due);
}

#[test]
fn a_loop_may_move_to_another_thread() {
    let mut bed = Bed::new();
    std::thread::spawn(move || bed.turn()).join().unwrap();
}

//! Clients that send as much as the broker takes, beside others: nobody is starved, and timers go on.

use super::{COUNTS, limited, poll_until};
use crate::support::{Host, PATIENCE};
use roomcast::{Config, Event, Message};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Rounds of question and answer, and pings, of the client beside them.
const ROUNDS: usize = 20;

#[test]
fn beside_four_that_flood_a_client_is_answered_and_pinged_and_a_request_times_out() {
    for loops in COUNTS {
        let config = limited(loops, |limits| {
            // The host takes little at a time.
            limits.max_events = 64;
            limits.head_timeout = 50;
        });
        let mut host = Host::new(Config { ping_interval: 20, ping_timeout: 60_000, ..config });
        let address = host.address;
        let over = Arc::new(AtomicBool::new(false));
        let hoses: Vec<_> = (0..4)
            .map(|_| {
                let over = over.clone();
                host.join(move |mut it| {
                    while !over.load(Ordering::SeqCst) {
                        it.send("42[\"flood\"]");
                    }
                })
            })
            .collect();
        let (_, client) = host.join(|mut it| {
            let (mut answers, mut pings) = (0, 0);
            it.send("42[\"question\"]");
            while answers < ROUNDS || pings < ROUNDS {
                match it.read().as_str() {
                    "2" => {
                        pings += 1;
                        it.send("3");
                    }
                    _ => {
                        answers += 1;
                        it.send("42[\"question\"]");
                    }
                }
            }
        });
        let slow = thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET /socket.io/ HTTP/1.1\r\nHost: ").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let mut floods = 0;
        poll_until(&mut host, |broker, events| {
            for event in events.iter() {
                if let Event::Message { socket, name, .. } = event {
                    match name {
                        // It may be gone behind its last question.
                        "question" => drop(broker.send(socket, Message::new("answer", "[]"))),
                        _ => floods += 1,
                    }
                }
            }
            client.is_finished() && slow.is_finished()
        });
        client.join().unwrap();
        assert!(slow.join().unwrap().starts_with("HTTP/1.1 408"));
        assert!(floods > 64, "the flood went on");
        over.store(true, Ordering::SeqCst);
        poll_until(&mut host, |_, _| hoses.iter().all(|(_, hose)| hose.is_finished()));
    }
}

//! Readers over TLS that do not keep up: what each delivery class owes them, and that what is sealed is in order.

use super::*;
use roomcast::{Delivery, SocketId};

/// A client that reads nothing until it is told to, and then all there is until `end`.
struct Slow {
    socket: SocketId,
    go: std::sync::mpsc::Sender<()>,
    thread: thread::JoinHandle<Vec<String>>,
}

fn slow(host: &mut Host, trust: &Arc<ClientConfig>) -> Slow {
    let (address, trust) = (host.address, trust.clone());
    let (go, told) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let mut client = Client::connect(address, &trust);
        told.recv().unwrap();
        let mut heard = Vec::new();
        loop {
            let text = client.read();
            // Its number is enough.
            heard.push(text.chars().take(24).collect());
            if text.starts_with(r#"42["end""#) || !text.starts_with("42") {
                return heard;
            }
        }
    });
    let mut found = None;
    host.until(|_, events| {
        found = events.iter().find_map(|event| match event {
            Event::Connect { socket, .. } => Some(socket),
            _ => None,
        });
        found.is_some()
    });
    Slow { socket: found.unwrap(), go, thread }
}

fn finish(host: &mut Host, slow: Slow) -> Vec<String> {
    slow.go.send(()).unwrap();
    host.until(|_, _| slow.thread.is_finished());
    slow.thread.join().unwrap()
}

fn numbered(number: usize, size: usize) -> String {
    format!(r#"[{number},"{}"]"#, "x".repeat(size))
}

#[test]
fn everything_in_order_and_once_to_a_reader_that_stops() {
    let made = Made::new("localhost");
    let limits = Limits { max_backlog: 64 << 20, ..Limits::default() };
    for size in [10, 1_000, 100_000] {
        let mut host = secured(limited(0, limits.clone()), &made.tls());
        let trust = trusting(&[&made], None);
        let slow = slow(&mut host, &trust);
        let count = (20 << 20) / size.max(100);
        for number in 0..count {
            let args = numbered(number, size);
            host.broker.send(slow.socket, Message::new("m", &args)).unwrap();
            if number % 16 == 0 {
                host.broker.flush();
            }
        }
        host.broker.send(slow.socket, Message::new("end", "[]")).unwrap();
        let heard = finish(&mut host, slow);
        assert_eq!(heard.len(), count + 1);
        for (number, text) in heard[..count].iter().enumerate() {
            assert!(text.starts_with(&format!(r#"42["m",{number},""#)), "{text} is not {number}");
        }
    }
}

#[test]
fn volatile_latest_and_drop_oldest() {
    let made = Made::new("localhost");
    let mut host = secured(limited(0, Limits { max_backlog: 1 << 20, ..Limits::default() }), &made.tls());
    let trust = trusting(&[&made], None);
    let filled = |host: &mut Host, socket| {
        // Until the kernel takes no more.
        let args = numbered(0, 100_000);
        let mut rounds = 0;
        loop {
            let message = Message::new("fill", &args).delivery(Delivery::Volatile);
            let receipt = host.broker.send(socket, message).unwrap();
            host.broker.flush();
            rounds += 1;
            if receipt.is_some_and(|receipt| receipt.skipped > 0) {
                return rounds;
            }
            assert!(rounds < 10_000, "it takes all");
        }
    };
    let one = slow(&mut host, &trust);
    let rounds = filled(&mut host, one.socket);
    // The kernel may find some more room yet; what is said to have been skipped is what does not arrive.
    let mut skipped = 0;
    for number in 0..100 {
        let args = numbered(number, 10);
        let message = Message::new("v", &args).delivery(Delivery::Volatile);
        skipped += host.broker.send(one.socket, message).unwrap().map_or(0, |receipt| receipt.skipped);
        host.broker.send(one.socket, Message::new("l", &args).delivery(Delivery::Latest(7))).unwrap();
        host.broker.flush();
    }
    host.broker.send(one.socket, Message::new("end", "[]")).unwrap();
    let replaced = host.broker.stats().counters.replaced_latest;
    let heard = finish(&mut host, one);
    let of = |what: &str| heard.iter().filter(|text| text.starts_with(what)).count();
    assert_eq!((of(r#"42["fill""#), of(r#"42["v""#), of(r#"42["end""#)), (rounds - 1, 100 - skipped, 1));
    assert!(skipped > 0 && replaced > 0);
    assert_eq!(of(r#"42["l""#), 100 - replaced as usize);
    assert!(heard.contains(&r#"42["l",99,"xxxxxxxxxx"]"#.to_owned()), "the newest");

    let other = slow(&mut host, &trust);
    filled(&mut host, other.socket);
    for number in 0..1_000 {
        let args = numbered(number, 10_000);
        host.broker.send(other.socket, Message::new("d", &args).delivery(Delivery::DropOldest)).unwrap();
        host.broker.flush();
    }
    host.broker.send(other.socket, Message::new("end", "[]")).unwrap();
    let heard = finish(&mut host, other);
    let numbers: Vec<usize> = heard
        .iter()
        .filter_map(|text| text.strip_prefix(r#"42["d","#)?.split(',').next()?.parse().ok())
        .collect();
    assert!(numbers.is_sorted() && numbers.last() == Some(&999), "{numbers:?}");
    assert!(host.broker.stats().counters.dropped_oldest > 0);
}

#[test]
fn a_slow_consumer_is_closed() {
    let made = Made::new("localhost");
    let mut host = secured(limited(0, Limits { max_backlog: 1 << 20, ..Limits::default() }), &made.tls());
    let slow = slow(&mut host, &trusting(&[&made], None));
    let args = numbered(0, 100_000);
    while host.broker.stats().counters.slow_consumers == 0 {
        let _ = host.broker.send(slow.socket, Message::new("m", &args));
        host.broker.flush();
    }
    slow.go.send(()).unwrap();
    host.until(|_, _| slow.thread.is_finished());
    // It was cut in the middle.
    assert!(slow.thread.join().is_err());
}

//! The broker itself: what it refuses, its descriptor, its end.

use super::support::{Host, PATIENCE};
use super::{COUNTS, END, client_ends, config, crowd, limited, said, until_end};
use roomcast::{Broker, Config, Error, Event, Limits, Message, Target};
use std::collections::HashSet;

#[test]
fn what_is_wrong_with_a_call_of_another_thread_is_its_error() {
    for loops in COUNTS {
        let limits = |limits: &mut Limits| (limits.max_room_name, limits.max_json_depth) = (8, 8);
        let mut host = Host::new(limited(loops, limits));
        let (socket, client) = host.join(|mut client| until_end(&mut client));
        let ns = host.broker.find_namespace("/").unwrap();
        let remote = host.broker.remote();
        let emit = |message| remote.emit(Target::all(ns), message);
        for (text, at) in [("no array", 0), ("{}", 0), ("[1", 2), ("[[[[[[[[[1]]]]]]]]]", 8), ("", 0)] {
            assert_eq!(emit(Message::new("n", text)), Err(Error::BadJson(at)), "{text}");
        }
        assert_eq!(emit(Message::new("disconnect", "[]")), Err(Error::ReservedEvent));
        let placeholder = r#"[{"_placeholder":true,"num":7}]"#;
        assert_eq!(emit(Message::new("n", placeholder).attach(&[b"x"])), Err(Error::BadAttachments));
        for room in ["", "far too long"] {
            assert!(matches!(remote.join(socket, room), Err(Error::BadRoom(at)) if at.position().is_none()));
            let moved = remote.change_rooms(socket, &[], &["a", room]);
            assert!(matches!(moved, Err(Error::BadRoom(at)) if at.position() == Some(1)));
            assert_eq!(remote.leave(socket, room), Ok(()));
        }
        assert_eq!(said(remote.drain(0, "")), "per_second: it is 1 or more");
        assert_eq!(said(remote.drain(1, &"x".repeat(124))), "reason: it is at most 123 bytes");
        emit(END).unwrap();
        client_ends(&mut host, client);
        assert_eq!(host.broker.stats().counters.remote_failures, 0);
    }
}

#[test]
fn an_address_in_use_is_refused_although_loops_share_one() {
    for loops in COUNTS {
        let mut first = Broker::new(config(loops)).unwrap();
        let address = first.listen("127.0.0.1:0").unwrap();
        for other in COUNTS {
            let mut second = Broker::new(config(other)).unwrap();
            let refused = second.listen(address).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse, "{loops} loops, then {other}");
            assert!(refused.to_string().starts_with(&format!("{address}: ")), "{refused}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_spread_is_refused() {
    let invalid = |config| Broker::new(config).map(drop).map_err(|error| error.kind());
    assert_eq!(invalid(config(65)), Err(std::io::ErrorKind::InvalidInput));
    let generator = || Some("id".to_owned());
    let custom = Config { id_generator: Some(Box::new(generator)), ..config(2) };
    assert_eq!(invalid(custom), Err(std::io::ErrorKind::InvalidInput));
}

#[test]
fn the_end_tells_everybody_on_every_loop_and_it_may_begin_again() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        for _ in 0..2 {
            let clients = crowd(&mut host, |_, mut client| [client.read(), client.read()]);
            let ns = host.broker.find_namespace("/").unwrap();
            host.broker.emit(Target::all(ns), Message::new("last", "[]")).unwrap();
            host.broker.close(&mut host.events, PATIENCE).unwrap();
            let told: HashSet<_> = host
                .events
                .iter()
                .filter_map(|event| match event {
                    Event::Disconnect { socket, reason, .. } => Some((socket, reason.text())),
                    _ => None,
                })
                .collect();
            let expected = clients.iter().map(|(socket, _)| (*socket, "server shutting down")).collect();
            assert_eq!(told, expected, "with {loops} loops");
            for (_, client) in clients {
                let [last, close] = client.join().unwrap();
                assert_eq!(last, "42[\"last\"]");
                assert!(close.starts_with("Close"), "{close}");
            }
            assert!(std::net::TcpStream::connect(host.address).is_err(), "it listens no more");
            let stats = host.broker.stats();
            assert_eq!((stats.links, stats.connections, stats.sockets), (0, 0, 0));
            assert_eq!(host.broker.listen(host.address).unwrap(), host.address);
        }
    }
}

// On poll(2) there is no descriptor for another loop.

#[cfg(poll_descriptor)]
#[test]
fn the_descriptor_tells_of_the_loops_events_and_then_rests() {
    use std::time::Duration;
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let (socket, client) = host.join(|mut client| {
            client.send("42[\"hello\"]");
            client.read()
        });
        let mut heard = false;
        while !heard {
            assert!(host.readable(PATIENCE), "an event shows");
            host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
            heard = host.events.iter().any(|event| matches!(event, Event::Message { name: "hello", .. }));
        }
        host.settle();
        assert!(!host.readable(Duration::ZERO) && host.broker.next_timeout() != Some(Duration::ZERO));
        let remote = host.broker.remote();
        std::thread::spawn(move || remote.wake()).join().unwrap().unwrap();
        assert!(host.readable(PATIENCE), "another thread's call shows");
        host.settle();
        host.broker.send(socket, END).unwrap();
        host.until(|_, _| client.is_finished());
        assert_eq!(client.join().unwrap(), "42[\"end\"]");
    }
}

//! Many threads at once: who gets what is exact, each caller's order is kept, and an end in the middle of it is an end.

use super::support::Host;
use super::{COUNTS, MANY, crowd, finish, limited, until_end};
use roomcast::{Error, Message, Remote, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const THREADS: usize = 4;

/// Tries until there is room.
fn insist(mut call: impl FnMut() -> Result<(), Error>) {
    loop {
        match call() {
            Err(Error::Full) => thread::yield_now(),
            done => return done.unwrap(),
        }
    }
}

#[test]
fn a_million_calls_of_many_threads_reach_exactly_whom_they_name_in_each_callers_order() {
    // Each round is five calls, two of which one client of every loop's is to hear.
    const ROUNDS: usize = 50_000;
    for loops in COUNTS {
        let mut host = Host::new(limited(loops, |limits| limits.max_backlog = 1 << 30));
        let clients = crowd(&mut host, |_, mut client| until_end(&mut client));
        let sockets: Arc<Vec<_>> = Arc::new(clients.iter().map(|(socket, _)| *socket).collect());
        let ns = host.broker.find_namespace("/").unwrap();
        let writers: Vec<_> = (0..THREADS)
            .map(|caller| {
                let (remote, sockets) = (host.broker.remote(), sockets.clone());
                thread::spawn(move || {
                    let room = format!("of {caller}");
                    for round in 0..ROUNDS {
                        // A member of its own at a time, of the sockets that all callers share.
                        let socket = sockets[(caller + round * 7) % MANY];
                        let args = format!("[{caller},{round}]");
                        let say = |name| {
                            insist(|| remote.emit(Target::rooms(ns, &[&room]), Message::new(name, &args)))
                        };
                        insist(|| remote.join(socket, &room));
                        say("in");
                        insist(|| remote.leave(socket, &room));
                        say("out");
                        insist(|| remote.emit(Target::sockets(ns, &[socket]), Message::new("to", &args)));
                    }
                })
            })
            .collect();
        host.until_for(std::time::Duration::from_secs(120), |_, _| writers.iter().all(|it| it.is_finished()));
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        host.broker.poll(&mut host.events, Some(std::time::Duration::ZERO)).unwrap();
        host.broker.emit(Target::all(ns), Message::new("end", "[]")).unwrap();
        for (number, heard) in finish(&mut host, clients).into_iter().enumerate() {
            let mut of = vec![Vec::new(); THREADS];
            for text in heard {
                let (name, rest) = text["42[\"".len()..].split_once("\",").unwrap();
                let (caller, round) = rest.trim_end_matches(']').split_once(',').unwrap();
                of[caller.parse::<usize>().unwrap()].push((name.to_owned(), round.parse::<usize>().unwrap()));
            }
            for (caller, heard) in of.into_iter().enumerate() {
                let rounds = (0..ROUNDS).filter(|round| (caller + round * 7) % MANY == number);
                let expected = rounds.flat_map(|round| [("in".to_owned(), round), ("to".to_owned(), round)]);
                assert!(heard.into_iter().eq(expected), "client {number}, caller {caller}, {loops} loops");
            }
        }
        assert_eq!(host.broker.stats().counters.remote_failures, 0);
        assert_eq!(host.broker.stats().rooms, 0);
    }
}

#[test]
fn the_hosts_calls_wait_for_room_and_lose_nothing() {
    const COUNT: usize = 5_000;
    for loops in COUNTS {
        let mut host = Host::new(limited(loops, |limits| limits.remote_queue = 2));
        let clients = crowd(&mut host, |_, mut client| until_end(&mut client).len());
        let ns = host.broker.find_namespace("/").unwrap();
        for number in 0..COUNT {
            let args = format!("[{number}]");
            host.broker.emit(Target::all(ns), Message::new("n", &args)).unwrap();
        }
        host.broker.emit(Target::all(ns), Message::new("end", "[]")).unwrap();
        assert_eq!(finish(&mut host, clients), [COUNT; MANY], "with {loops} loops");
    }
}

#[test]
fn sockets_are_sent_away_by_several_threads_at_once() {
    for loops in COUNTS {
        let mut host = Host::new(limited(loops, |_| {}));
        let clients = crowd(&mut host, |_, mut client| {
            let heard = std::iter::from_fn(|| Some(client.read()).filter(|text| text != "41"));
            heard.filter(|text| text != "42[\"n\"]").collect::<Vec<_>>()
        });
        let ns = host.broker.find_namespace("/").unwrap();
        let sockets: Arc<Vec<_>> = Arc::new(clients.iter().map(|(socket, _)| *socket).collect());
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (remote, sockets) = (host.broker.remote(), sockets.clone());
                thread::spawn(move || {
                    for &socket in sockets.iter() {
                        insist(|| remote.join(socket, "r"));
                        insist(|| remote.emit(Target::rooms(ns, &["r"]), Message::new("n", "[]")));
                        insist(|| remote.disconnect(socket, false));
                    }
                })
            })
            .collect();
        host.until(|_, _| threads.iter().all(|thread| thread.is_finished()));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(finish(&mut host, clients).iter().all(Vec::is_empty), "nothing but the events and the end");
        host.until(|broker, _| broker.stats().sockets == 0);
        let stats = host.broker.stats();
        assert_eq!((stats.sockets, stats.rooms), (0, 0));
    }
}

#[test]
fn the_broker_may_be_dropped_while_others_call_it() {
    for loops in COUNTS {
        let mut host = Host::new(limited(loops, |limits| limits.remote_queue = 16));
        let clients = crowd(&mut host, |_, mut client| while client.is_there() {});
        let ns = host.broker.find_namespace("/").unwrap();
        let begun = Arc::new(AtomicBool::new(false));
        let call = move |remote: &Remote| remote.emit(Target::all(ns), Message::new("n", "[]").volatile());
        let callers: Vec<_> = (0..THREADS)
            .map(|_| {
                let (remote, begun) = (host.broker.remote(), begun.clone());
                thread::spawn(move || {
                    loop {
                        match call(&remote) {
                            Err(Error::Closed) => return (remote.wake(), call(&remote)),
                            Err(Error::Full) => thread::yield_now(),
                            done => begun.store(done.is_ok(), Ordering::SeqCst),
                        }
                    }
                })
            })
            .collect();
        host.until(|_, _| begun.load(Ordering::SeqCst));
        drop(host);
        for caller in callers {
            assert_eq!(caller.join().unwrap(), (Err(Error::Closed), Err(Error::Closed)), "{loops} loops");
        }
        for (_, client) in clients {
            client.join().unwrap();
        }
    }
}

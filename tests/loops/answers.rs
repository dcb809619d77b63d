//! Acknowledgements that come from many loops.

use super::support::Host;
use super::{COUNTS, END, MANY, config, crowd, finish, poll_until};
use roomcast::{Event, Message, Target};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Barrier, Mutex};

#[test]
fn acknowledgements_from_many_loops_are_counted_together() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        // Client 0 leaves instead of answering, client 1 waits for the time to run out.
        let clients = crowd(&mut host, |number, mut client| {
            let question = client.read();
            let ack = question.strip_suffix("[\"q\"]").unwrap().strip_prefix("42").unwrap().to_owned();
            match number {
                0 => client.send("41"),
                1 => {
                    client.read();
                }
                _ => {
                    client.send(&format!("43{ack}[{number}]"));
                    client.read();
                }
            }
        });
        let ns = host.broker.find_namespace("/").unwrap();
        let question = Message::new("q", "[]");
        let (receipt, ack) = host.broker.emit_with_ack(Target::all(ns), question, Some(1_500), 77).unwrap();
        assert_eq!(receipt.recipients, MANY, "with {loops} loops");
        let ack = ack.unwrap();
        let (mut left, mut answers, mut ends) = (Vec::new(), HashSet::new(), Vec::new());
        poll_until(&mut host, |_, events| {
            for event in events.iter() {
                match event {
                    Event::Ack { ack: id, args, remaining, context: 77, .. } if id == ack => {
                        assert!(answers.insert(args.to_owned()), "{args} twice");
                        left.push(remaining);
                    }
                    Event::AckEnd { ack: id, missing, timed_out, context: 77 } if id == ack => {
                        ends.push((missing, timed_out))
                    }
                    _ => {}
                }
            }
            !ends.is_empty()
        });
        assert_eq!(left, (2..MANY as u32).rev().collect::<Vec<_>>(), "with {loops} loops");
        assert_eq!(ends, [(2, true)], "with {loops} loops");
        assert_eq!(host.broker.stats().pending_acks, 0);
        host.broker.emit(Target::all(ns), END).unwrap();
        finish(&mut host, clients);
        let nobody = Target::rooms(ns, &["nobody"]);
        assert_eq!(host.broker.emit_with_ack(nobody, question, None, 0).unwrap().1, None);
    }
}

#[test]
fn a_late_answer_over_a_new_connection_settles_no_other_question() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        // Everybody is asked its own question, and answers all the others' in the name of a client that came back.
        let (questions, asked) = (Arc::new(Mutex::new(HashSet::new())), Arc::new(Barrier::new(MANY)));
        let clients = crowd(&mut host, move |_, mut client| {
            let question = client.read();
            let own = question.strip_suffix("[\"q\"]").unwrap().strip_prefix("42").unwrap().to_owned();
            assert!(questions.lock().unwrap().insert(own.clone()), "{own} was asked twice");
            asked.wait();
            let all: Vec<String> = questions.lock().unwrap().iter().cloned().collect();
            for number in all.iter().filter(|number| **number != own) {
                client.send(&format!("43{number}[\"late\"]"));
            }
            client.send(&format!("43{own}[\"mine\"]"));
            client.read();
        });
        let ns = host.broker.find_namespace("/").unwrap();
        let mut waiting = HashMap::new();
        let question = Message::new("q", "[]");
        for &(socket, _) in &clients {
            let (to, context) = ([socket], socket.to_bits());
            let asked = host.broker.emit_with_ack(Target::sockets(ns, &to), question, None, context);
            let (_, ack) = asked.unwrap();
            waiting.insert(ack.unwrap(), socket);
        }
        poll_until(&mut host, |_, events| {
            for event in events.iter() {
                if let Event::Ack { ack, socket, args, context, .. } = event {
                    assert_eq!(context, socket.to_bits());
                    assert_eq!(args, "[\"mine\"]", "with {loops} loops");
                    assert_eq!(waiting.remove(&ack), Some(socket));
                }
            }
            waiting.is_empty()
        });
        assert_eq!(host.broker.stats().counters.unknown_acks, (MANY * (MANY - 1)) as u64);
        host.broker.emit(Target::all(ns), END).unwrap();
        finish(&mut host, clients);
    }
}

#[test]
fn an_acknowledgement_that_everybody_gives_ends_with_the_last_one() {
    for loops in COUNTS {
        let mut host = Host::new(config(loops));
        let clients = crowd(&mut host, |_, mut client| {
            let ack = client.read().replace("[\"q\"]", "[]").replacen("42", "43", 1);
            client.send(&ack);
            client.read();
        });
        let ns = host.broker.find_namespace("/").unwrap();
        let (_, ack) = host.broker.emit_with_ack(Target::all(ns), Message::new("q", "[]"), None, 0).unwrap();
        let (mut left, mut ends) = (Vec::new(), 0);
        poll_until(&mut host, |_, events| {
            for event in events.iter() {
                match event {
                    Event::Ack { ack: id, remaining, .. } if Some(id) == ack => left.push(remaining),
                    Event::AckEnd { .. } => ends += 1,
                    _ => {}
                }
            }
            left.last() == Some(&0)
        });
        host.broker.emit(Target::all(ns), END).unwrap();
        finish(&mut host, clients);
        assert_eq!((left.len(), ends), (MANY, 0), "with {loops} loops");
    }
}

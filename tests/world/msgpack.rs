//! Clients with the msgpack parser beside those with the default one: what they hear is the same, over each transport, in each delivery
//! class, with recovery; and what they say is.

use crate::client::{Carrier, Out};
use crate::recovery::recovery;
use crate::world::{Seen, World, limits, root};
use roomcast::{Config, Delivery, Error, Message, NamespaceId, SocketId, Target};

fn world() -> World {
    World::new(Config { msgpack: true, ..Config::default() })
}

fn client(world: &mut World, msgpack: bool, websocket: bool) -> (usize, SocketId) {
    let at = world.client();
    world.clients[at].msgpack = msgpack;
    if websocket {
        world.open_websocket(at);
    } else {
        world.open_polling(at);
    }
    world.settle();
    let socket = world.join_namespace(at, "/");
    world.settle();
    (at, socket)
}

fn holders(count: usize) -> String {
    let holder = |n| format!("{{\"_placeholder\":true,\"num\":{n}}}");
    format!("[{}]", (0..count).map(holder).collect::<Vec<_>>().join(","))
}

fn emit(world: &mut World, ns: NamespaceId, number: usize, delivery: Delivery) {
    let attachments: Vec<Vec<u8>> = (0..number % 40).map(|n| vec![n as u8; number]).collect();
    let parts: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
    let args = format!("[{number},{}]", holders(parts.len()));
    let message = Message::new("m", &args).attach(&parts).delivery(delivery);
    world.core.emit(Target::all(ns), message).unwrap();
}

/// All that a client heard, as the host has said it: the data of each event, and its attachments.
fn heard(world: &World, at: usize) -> Vec<(String, Vec<Vec<u8>>)> {
    let events = world.clients[at].inbox.iter().filter(|packet| matches!(packet.kind, '2' | '5'));
    events.map(|packet| (packet.data.clone(), packet.attachments.clone())).collect()
}

#[test]
fn both_hear_the_same_in_the_same_order() {
    for seed in 0..6 {
        let mut world = World::seeded(Config { msgpack: true, ..Config::default() }, seed);
        world.splits = true;
        let ns = root(&world);
        let clients: Vec<(usize, SocketId)> =
            [(false, true), (true, true), (true, false), (true, true), (true, false), (false, false)]
                .into_iter()
                .map(|(msgpack, websocket)| client(&mut world, msgpack, websocket))
                .collect();
        world.clients[clients[3].0].room = 300;
        for number in 0..90 {
            emit(&mut world, ns, number, Delivery::Reliable);
            if number == 30 {
                // It goes on over a WebSocket; what waits for it goes with it.
                world.clients[clients[4].0].base64 = seed % 2 == 0;
                world.open_probe(clients[4].0);
            }
            match world.rng.u8(..3) {
                0 => world.turn(),
                1 => world.settle(),
                _ => {}
            }
        }
        world.run(1_000);
        assert_eq!(world.clients[clients[4].0].carrier, Carrier::WebSocket);
        let due = heard(&world, clients[0].0);
        assert_eq!(due.len(), 90);
        for (number, &(at, socket)) in clients.iter().enumerate() {
            assert!(heard(&world, at) == due, "client {number}");
            let conn = world.core.conn_of(socket).unwrap();
            assert_eq!(world.core.is_msgpack(conn), Ok(world.clients[at].msgpack), "client {number}");
        }
        assert_eq!(world.core.stats().queued_bytes, 0);
    }
}

#[test]
fn a_host_hears_the_same_from_both() {
    let mut world = world();
    for websocket in [true, false] {
        let mut said = Vec::new();
        for msgpack in [false, true] {
            let (at, socket) = client(&mut world, msgpack, websocket);
            world.take_seen();
            world.text(at, "42[\"plain\",{\"a\":[1.5,null,\"é\"]}]");
            world.text(at, "427[\"asks\",{\"_placeholder\":true,\"num\":0}]");
            world.text(
                at,
                "452-[\"bytes\",[{\"_placeholder\":true,\"num\":0}],{\"_placeholder\":true,\"num\":1}]",
            );
            for bytes in [b"one".to_vec(), Vec::new()] {
                world.clients[at].send(&mut world.net, Out::Binary(bytes));
            }
            world.settle();
            let heard = world.take_seen().into_iter().filter_map(|seen| match seen {
                Seen::Message { name, args, ack, attachments, .. } => {
                    Some((name, args, ack.is_some(), attachments))
                }
                _ => None,
            });
            said.push(heard.collect::<Vec<_>>());
            world.core.ack(socket, 7, &holders(1), &[b"back"]).unwrap();
            world.settle();
            let answer = world.clients[at].inbox.last().unwrap();
            assert_eq!((answer.kind, answer.id), ('6', Some(7)));
            assert_eq!((&*answer.data, &answer.attachments[..]), (&*holders(1), &[b"back".to_vec()][..]));
        }
        assert_eq!(said[0].len(), 3);
        assert_eq!(said[0], said[1]);
    }
}

#[test]
fn a_stalled_reader_gets_what_its_delivery_class_says() {
    for websocket in [true, false] {
        let mut world = World::new(Config { msgpack: true, ..limits(|limits| limits.max_backlog = 20_000) });
        let ns = root(&world);
        let (at, _) = client(&mut world, true, websocket);
        world.clients[at].room = 100;
        (world.clients[at].reads, world.clients[at].polls) = (false, false);
        for round in 0..60 {
            emit(&mut world, ns, 100 + round, Delivery::Latest(1));
            emit(&mut world, ns, 200 + round, Delivery::DropOldest);
            emit(&mut world, ns, 300 + round, Delivery::Volatile);
            world.turn();
        }
        (world.clients[at].reads, world.clients[at].polls) = (true, true);
        world.clients[at].room = usize::MAX;
        if !websocket {
            let World { clients, net, .. } = &mut world;
            clients[at].ask(net);
        }
        world.run(2_000);
        let counters = world.core.stats().counters;
        let lost = counters.replaced_latest + counters.dropped_oldest + counters.dropped_volatile;
        let heard = heard(&world, at);
        assert_eq!(heard.len() as u64 + lost, 180, "websocket: {websocket}");
        assert!(lost > 60 && counters.replaced_latest > 0 && counters.dropped_oldest > 0, "{lost}");
        // Each is whole.
        for (data, attachments) in &heard {
            let number: usize = data["[\"m\",".len()..].split(',').next().unwrap().parse().unwrap();
            assert_eq!(attachments.len(), number % 40);
            assert!(attachments.iter().all(|bytes| bytes.len() == number));
        }
        let last =
            |class: usize| heard.iter().any(|(data, _)| data.starts_with(&format!("[\"m\",{},", class + 59)));
        assert!(last(100) && last(200));
    }
}

#[test]
fn whoever_comes_back_is_told_what_it_missed() {
    for websocket in [true, false] {
        let mut world = world();
        let ns = world.core.add_namespace("/", recovery()).unwrap();
        let (at, _) = client(&mut world, true, websocket);
        emit(&mut world, ns, 1, Delivery::Reliable);
        world.settle();
        let (pid, offset) = (world.pid(at, "/"), world.offset(at, "/").unwrap());
        world.clients[at].leave(&mut world.net, Some(crate::net::End::Fin));
        world.settle();
        for number in 2..30 {
            emit(&mut world, ns, number, Delivery::Reliable);
        }
        world.run(10);
        let back = world.client();
        world.clients[back].msgpack = true;
        if websocket {
            world.open_websocket(back);
        } else {
            world.open_polling(back);
        }
        world.settle();
        world.text(back, &format!("40{{\"pid\":\"{pid}\",\"offset\":\"{offset}\"}}"));
        world.run(1_000);
        let numbers: Vec<usize> = heard(&world, back)
            .iter()
            .map(|(data, attachments)| {
                let number: usize = data["[\"m\",".len()..].split(',').next().unwrap().parse().unwrap();
                assert_eq!(attachments.len(), number % 40);
                number
            })
            .collect();
        assert_eq!(numbers, (2..30).collect::<Vec<_>>());
        assert_eq!(world.clients[back].inbox.last().unwrap().kind, '0', "its CONNECT comes last");
    }
}

#[test]
fn without_the_option_such_a_client_ends() {
    for websocket in [true, false] {
        let mut world = World::new(Config::default());
        let at = world.client();
        world.clients[at].msgpack = true;
        if websocket {
            world.open_websocket(at);
        } else {
            world.open_polling(at);
        }
        world.settle();
        world.text(at, "40");
        world.run(1_000);
        assert!(world.clients[at].over);
        assert_eq!(world.core.stats().counters.bad_packets, 1);
        assert_eq!(world.socket(at, "/"), None);
    }
}

#[test]
fn a_client_has_one_parser_from_its_first_word_on() {
    // What is no packet of the parser that it began with ends it.
    let connect = b"\x82\xa4type\x00\xa3nsp\xa1/";
    let packed_event = b"\x83\xa4type\x02\xa4data\x91\xa1a\xa3nsp\xa1/";
    for (msgpack, bad) in [
        (true, Out::Text("42[\"a\"]".into())),
        (true, Out::Binary(b"\x81".to_vec())),
        (true, Out::Binary(Vec::new())),
        (false, Out::Binary(packed_event.to_vec())),
        (false, Out::Binary(connect.to_vec())),
    ] {
        let mut world = world();
        let (at, _) = client(&mut world, msgpack, true);
        world.clients[at].msgpack = false;
        world.take_seen();
        world.clients[at].send(&mut world.net, bad.clone());
        world.run(1_000);
        assert!(world.clients[at].over, "{bad:?}");
        assert_eq!(world.core.stats().counters.bad_packets, 1, "{bad:?}");
        let seen = world.take_seen();
        assert!(seen.iter().any(|seen| matches!(seen, Seen::Disconnect { .. })), "{seen:?}");
    }
    // A first word that is none.
    for first in [&b"\x01"[..], b"", packed_event, b"\x82\xa4type\x00\xa3nsp\xa2/,"] {
        let mut world = world();
        let at = world.client();
        world.open_websocket(at);
        world.settle();
        world.clients[at].send(&mut world.net, Out::Binary(first.to_vec()));
        world.run(1_000);
        assert!(world.clients[at].over, "{first:?}");
        assert_eq!(world.core.stats().counters.bad_packets, 1, "{first:?}");
    }
}

#[test]
fn an_attachment_that_is_named_too_often_is_refused_where_it_would_be_written_so_often() {
    let args = format!("[{}]", vec!["{\"_placeholder\":true,\"num\":0}"; 50].join(","));
    let attachment = [0; 1_000];
    let parts: [&[u8]; 1] = [&attachment];
    for msgpack in [false, true] {
        let mut world = World::new(Config { msgpack, ..limits(|limits| limits.max_event_size = 40_000) });
        let ns = root(&world);
        let (_, socket) = world.joined(true);
        let result = world.core.emit(Target::all(ns), Message::new("m", &args).attach(&parts));
        let is_refused = |error: Option<Error>| matches!(error, Some(Error::TooLarge(_)));
        assert_eq!(is_refused(result.err()), msgpack);
        world.text(0, "427[\"asks\"]");
        world.settle();
        assert_eq!(is_refused(world.core.ack(socket, 7, &args, &parts).err()), msgpack);
    }
}

//! Connections that go back to the host and come again: a web server of the host's own behind the broker's port.

use crate::support::{Client, Host, PATIENCE};
use roomcast::{Broker, Config, Event, Events, Limits, Message, Resource};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;

fn config(loops: usize) -> Config {
    Config { loops, hand_back: true, health_path: Some("/health".into()), ..Config::default() }
}

/// One answer of a connection that stays open: its first line and its body.
fn answer(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let before = head.len();
        assert!(stream.read_line(&mut head).unwrap() > 0, "it has ended: {head:?}");
        if let Some(value) = head[before..].to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head.lines().next().unwrap().to_owned(), String::from_utf8(body).unwrap())
}

fn client(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

fn ask(client: &mut BufReader<TcpStream>, method: &str, path: &str, body: &str) -> (String, String) {
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}");
    client.get_mut().write_all(request.as_bytes()).unwrap();
    answer(client)
}

/// What the host got back: a connection, what was read of it, and where it comes from.
type Back = (OwnedFd, Vec<u8>, String);

/// Answers what is the host's by the path and the body that were asked with, and gives connections back as soon as a request is the
/// broker's: a web server in the small, which blocks. Ends with its client.
fn serve(host: &mut Host, client: thread::JoinHandle<()>) -> usize {
    let mut served = 0;
    host.events = Events::new();
    host.until(|broker, events| {
        let mut back: Vec<Back> = Vec::new();
        for event in events.iter() {
            match event {
                Event::Foreign { descriptor, bytes, peer } => {
                    back.push((descriptor.try_clone().unwrap(), bytes.to_vec(), peer.to_owned()));
                }
                Event::Message { socket, name, args, .. } => {
                    broker.send(socket, Message::new(name, args)).unwrap();
                }
                _ => {}
            }
        }
        for (fd, mut read, peer) in back {
            served += 1;
            let mut stream = TcpStream::from(fd);
            stream.set_nonblocking(false).unwrap();
            assert_eq!(peer, stream.peer_addr().unwrap().to_string());
            let text = String::from_utf8(read.clone()).unwrap();
            let (head, _) = text.split_once("\r\n\r\n").expect("a whole head");
            let length = head
                .split("Content-Length: ")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().parse::<usize>().unwrap());
            let whole = head.len() + 4 + length;
            while read.len() < whole {
                let mut piece = vec![0; whole - read.len()];
                let count = stream.read(&mut piece).unwrap();
                read.extend_from_slice(&piece[..count]);
            }
            let body = format!(
                "{} {}",
                head.split(' ').nth(1).unwrap(),
                String::from_utf8_lossy(&read[head.len() + 4..whole])
            );
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).unwrap();
            // Whatever comes next is for the broker to look at.
            broker.adopt(stream, &read[whole..], Some(peer.parse().unwrap())).unwrap();
        }
        client.is_finished()
    });
    client.join().unwrap();
    served
}

#[test]
fn requests_on_one_connection_alternate_between_the_broker_and_the_host() {
    for loops in [0, 1, 3] {
        let mut host = Host::new(config(loops));
        host.broker.serve("/page", Resource::new("text/plain", "ours")).unwrap();
        let address = host.address;
        let thread = thread::spawn(move || {
            let mut client = client(address);
            let own = client.get_ref().local_addr().unwrap();
            let mut sid = String::new();
            for round in 0..20 {
                assert_eq!(ask(&mut client, "GET", "/api", "").1, "/api ");
                let large = "x".repeat(100_000);
                assert_eq!(ask(&mut client, "POST", "/upload", &large).1, format!("/upload {large}"));
                if round == 0 {
                    let open = ask(&mut client, "GET", "/socket.io/?EIO=4&transport=polling", "").1;
                    sid = open.split('"').nth(3).unwrap().to_owned();
                }
                let path = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
                let said = if round == 0 { "40".to_owned() } else { format!(r#"42["m",{round}]"#) };
                assert_eq!(ask(&mut client, "POST", &path, &said).1, "ok");
                assert_eq!(ask(&mut client, "GET", "/page", "").1, "ours");
                assert!(ask(&mut client, "GET", "/health", "").1.contains("\"ok\""));
                let heard = ask(&mut client, "GET", &path, "").1;
                assert!(heard.starts_with(if round == 0 { "40{" } else { &said }), "{heard}");
            }
            assert_eq!(client.get_ref().local_addr().unwrap(), own, "it is one connection");
        });
        assert_eq!(serve(&mut host, thread), 40);
        let counters = host.broker.stats().counters;
        assert_eq!((counters.links_handed_back, counters.links_adopted), (40, 40));
    }
}

#[test]
fn what_is_sent_behind_a_request_goes_with_it() {
    let mut host = Host::new(config(0));
    let address = host.address;
    let thread = thread::spawn(move || {
        let mut client = client(address);
        // All at once, and the last one in two pieces.
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let shake = get("/socket.io/?EIO=4&transport=polling");
        let all =
            [get("/one"), shake.clone(), get("/two"), get("/three"), shake.clone(), get("/four")].concat();
        client.get_mut().write_all(&all.as_bytes()[..all.len() - 10]).unwrap();
        let expect = |client: &mut BufReader<TcpStream>, what: &str| {
            let (line, body) = answer(client);
            assert!(line.ends_with("200 OK") && body.contains(what), "{line} {body} {what}");
        };
        for what in ["/one ", "\"sid\"", "/two ", "/three ", "\"sid\""] {
            expect(&mut client, what);
        }
        client.get_mut().write_all(&all.as_bytes()[all.len() - 10..]).unwrap();
        expect(&mut client, "/four ");
    });
    assert_eq!(serve(&mut host, thread), 4);
}

#[test]
fn a_request_behind_a_poll_waits_for_its_answer() {
    let mut host = Host::new(config(0));
    let address = host.address;
    let thread = thread::spawn(move || {
        let mut polls = client(address);
        let open = ask(&mut polls, "GET", "/socket.io/?EIO=4&transport=polling", "").1;
        let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", open.split('"').nth(3).unwrap());
        // The poll hangs, and both a GET and a POST of the host's are behind it.
        let behind = "POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
        let both = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n{behind}");
        polls.get_mut().write_all(both.as_bytes()).unwrap();
        assert_eq!(ask(&mut client(address), "POST", &path, "40").1, "ok");
        assert!(answer(&mut polls).1.starts_with("40{"));
        assert_eq!(answer(&mut polls).1, "/api body");
    });
    assert_eq!(serve(&mut host, thread), 1);
}

#[test]
fn an_upgrade_for_another_path_is_the_hosts() {
    let mut host = Host::new(config(0));
    let address = host.address;
    let thread = thread::spawn(move || {
        let mut client = client(address);
        let upgrade = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        client.get_mut().write_all(upgrade.as_bytes()).unwrap();
        assert_eq!(answer(&mut client).1, "/ws ");
        // And one of ours goes on after that.
        let mut client = Client::over(client.into_inner());
        client.send(r#"42["m"]"#);
        assert_eq!(client.read(), r#"42["m"]"#);
    });
    assert_eq!(serve(&mut host, thread), 1);
}

/// How many descriptors the process has.
#[cfg(target_os = "linux")]
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn what_nobody_takes_is_closed() {
    for loops in [0, 3] {
        let mut host = Host::new(config(loops));
        let mut clients: Vec<_> = (0..50).map(|_| client(host.address)).collect();
        for client in &mut clients {
            client.get_mut().write_all(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        }
        let mut seen = 0;
        host.until(|_, events| {
            seen += events.iter().filter(|event| matches!(event, Event::Foreign { .. })).count();
            seen == 50
        });
        // The last of them with their batch.
        host.events = Events::new();
        for client in &mut clients {
            assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
        }
        assert_eq!(host.broker.stats().links, 0);
        // And those that are with the broker when it goes.
        for mut client in (0..50).map(|_| client(host.address)) {
            client.get_mut().write_all(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            clients.push(client);
        }
        host.until(|broker, _| broker.stats().counters.links_handed_back >= 60);
        drop(host);
        for client in &mut clients {
            assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
        }
    }
}

#[test]
fn a_host_that_does_not_drain_holds_so_many_and_no_more() {
    let limits = Limits { max_events: 8, ..Limits::default() };
    let mut host = Host::new(Config { limits, loops: 1, ..config(1) });
    let mut clients: Vec<_> = (0..100).map(|_| client(host.address)).collect();
    for client in &mut clients {
        client.get_mut().write_all(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    // What waits for the host: a batch that is on its way, and the one behind it.
    let handed = |broker: &Broker| broker.stats().counters.links_handed_back;
    // Each question is at least one turn of the loop.
    for _ in 0..1_000 {
        handed(&host.broker);
    }
    assert!(handed(&host.broker) <= 2 * 8 + 8, "{}", handed(&host.broker));
    let mut seen = 0;
    host.until(|_, events| {
        seen += events.iter().filter(|event| matches!(event, Event::Foreign { .. })).count();
        seen == 100
    });
}

#[test]
fn without_it_the_answer_is_404() {
    for loops in [0, 3] {
        let mut host = Host::new(Config { loops, ..Config::default() });
        let not_found = |host: &mut Host| {
            let line = host.with(|address| ask(&mut client(address), "GET", "/api", "").0);
            assert_eq!(line, "HTTP/1.1 404 Not Found");
        };
        not_found(&mut host);
        host.broker.set_hand_back(true).unwrap();
        let address = host.address;
        let thread =
            thread::spawn(move || assert_eq!(ask(&mut client(address), "GET", "/api", "").1, "/api "));
        assert_eq!(serve(&mut host, thread), 1);
        host.broker.set_hand_back(false).unwrap();
        not_found(&mut host);
    }
}

#[test]
fn a_client_that_has_ended_its_side_is_answered() {
    let mut host = Host::new(config(0));
    let address = host.address;
    let thread = thread::spawn(move || {
        let mut client = client(address);
        client.get_mut().write_all(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        client.get_ref().shutdown(Shutdown::Write).unwrap();
        assert_eq!(answer(&mut client).1, "/api ");
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    });
    assert_eq!(serve(&mut host, thread), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn many_requests_leave_no_descriptor() {
    let mut host = Host::new(config(0));
    let address = host.address;
    let round = |host: &mut Host, count: usize| {
        let thread = thread::spawn(move || {
            let mut keeps = client(address);
            for number in 0..count {
                assert_eq!(ask(&mut keeps, "GET", "/api", "").1, "/api ");
                if number % 10 == 0 {
                    assert_eq!(ask(&mut client(address), "GET", "/other", "").1, "/other ");
                }
            }
        });
        serve(host, thread);
        host.until(|broker, _| broker.stats().links == 0);
    };
    round(&mut host, 10);
    // Other tests of this program have some, too, at most as many as these.
    let before = descriptors();
    round(&mut host, 2_000);
    assert!(descriptors() < before + 1_000, "{} {before}", descriptors());
}

//! Its loops, its remote, its HTTP besides, its end.

use super::support::{Host, PATIENCE, get, post, request_bytes};
use roomcast::{Broker, Config, Error, Event, Limits, Message, Resource, Target};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

#[test]
fn threads_emit_through_remotes_and_each_keeps_its_order() {
    const THREADS: usize = 4;
    const EACH: usize = 1_000;
    let mut host = Host::new(Config::default());
    let (socket, reader) = host.join(|mut client| {
        let mut next = [0; THREADS];
        for _ in 0..THREADS * EACH {
            let text = client.read();
            let (thread, number) =
                text.trim_start_matches("42[\"n\",").trim_end_matches(']').split_once(',').unwrap();
            let thread: usize = thread.parse().unwrap();
            assert_eq!(number.parse(), Ok(next[thread]), "{text}");
            next[thread] += 1;
        }
        next
    });
    host.broker.join(socket, "r").unwrap();
    let namespace = host.broker.namespace_of(socket).unwrap();
    let writers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let remote = host.broker.remote();
            thread::spawn(move || {
                for number in 0..EACH {
                    let args = format!("[{thread},{number}]");
                    while remote.emit(Target::rooms(namespace, &["r"]), Message::new("n", &args))
                        == Err(Error::Full)
                    {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    host.until(|_, _| reader.is_finished());
    assert_eq!(reader.join().unwrap(), [EACH; THREADS]);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[test]
fn a_remote_says_full_and_closed() {
    let limits = Limits { remote_queue: 3, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..Config::default() });
    let remote = host.broker.remote();
    let namespace = host.broker.find_namespace("/").unwrap();
    let emit = || remote.emit(Target::all(namespace), Message::new("n", "[]"));
    assert_eq!([emit(), emit(), emit(), emit()], [Ok(()), Ok(()), Ok(()), Err(Error::Full)]);
    host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
    assert_eq!(emit(), Ok(()));
    drop(host);
    assert_eq!(emit(), Err(Error::Closed));
}

#[test]
fn a_remote_changes_rooms_and_disconnects() {
    let mut host = Host::new(Config::default());
    let (socket, client) = host.join(|mut client| [client.read(), client.read()]);
    let namespace = host.broker.namespace_of(socket).unwrap();
    let remote = host.broker.remote();
    thread::spawn(move || {
        remote.change_rooms(socket, &[], &["a", "b"]).unwrap();
        remote.leave(socket, "a").unwrap();
        remote.emit(Target::rooms(namespace, &["a"]), Message::new("n", "[1]")).unwrap();
        remote.emit(Target::rooms(namespace, &["b"]), Message::new("n", "[2]")).unwrap();
        remote.disconnect(socket, false).unwrap();
    })
    .join()
    .unwrap();
    host.until(|_, _| client.is_finished());
    assert_eq!(client.join().unwrap(), ["42[\"n\",2]", "41"]);
}

#[cfg(poll_descriptor)]
#[test]
fn a_foreign_loop_sleeps_on_the_descriptor_alone() {
    use std::time::Instant;
    let mut host = Host::new(Config::default());
    let (socket, client) = host.join(|mut client| client.read());
    host.settle();
    let namespace = host.broker.namespace_of(socket).unwrap();
    let sleep = host.broker.next_timeout().expect("a heartbeat is due");
    assert!(sleep > Duration::from_secs(1) && sleep <= Duration::from_secs(25), "{sleep:?}");
    assert!(!host.readable(Duration::ZERO), "nothing to do");
    host.broker.emit(Target::all(namespace), Message::new("n", "[]")).unwrap();
    assert!(host.readable(Duration::ZERO), "an emit between two polls wakes the loop");
    host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
    // A client is quick enough at times to read and leave within that poll.
    let has_left = host.events.iter().any(|event| matches!(event, Event::Disconnect { .. }));
    let end = Instant::now() + PATIENCE;
    while !client.is_finished() && Instant::now() < end {
        thread::yield_now();
    }
    assert_eq!(client.join().unwrap(), "42[\"n\"]");
    assert!(has_left || host.readable(PATIENCE), "the client's end shows");
    let remote = host.broker.remote();
    host.settle();
    thread::spawn(move || remote.wake());
    assert!(host.readable(PATIENCE), "another thread's call shows");
}

/// A client waits for its ping by a clock that does not stop: after a long pause the ping comes first.
#[test]
fn a_ping_that_fell_due_while_the_host_was_away_is_sent_when_it_is_back() {
    let mut host = Host::new(Config { ping_interval: 3_000, ..Config::default() });
    let (socket, client) = host.join(|mut client| [client.read(), client.read()]);
    thread::sleep(Duration::from_secs(4));
    host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
    let namespace = host.broker.namespace_of(socket).unwrap();
    host.broker.emit(Target::all(namespace), Message::new("n", "[]")).unwrap();
    host.until(|_, _| client.is_finished());
    assert_eq!(client.join().unwrap(), ["2", "42[\"n\"]"]);
}

#[test]
fn a_game_loop_polls_without_waiting() {
    let mut host = Host::new(Config::default());
    // With nothing to do, a wait would be for ever.
    for _ in 0..1_000 {
        host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
    }
    let (socket, client) = host.join(|mut client| (0..3).map(|_| client.read()).collect::<Vec<_>>());
    let namespace = host.broker.namespace_of(socket).unwrap();
    for tick in 0..3 {
        host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
        host.broker.emit(Target::all(namespace), Message::new("tick", &format!("[{tick}]"))).unwrap();
        host.broker.flush();
    }
    host.until(|_, _| client.is_finished());
    assert_eq!(client.join().unwrap(), ["42[\"tick\",0]", "42[\"tick\",1]", "42[\"tick\",2]"]);
}

#[test]
fn a_flood_of_emits_between_two_polls_is_flushed_on_the_way() {
    let limits = Limits { max_tick_bytes: 64 * 1024, ..Limits::default() };
    let mut host = Host::new(Config { limits, ..Config::default() });
    let (socket, client) =
        host.join(|mut client| (0..2_000).all(|n| client.read().starts_with(&format!("42[\"n\",{n},"))));
    let namespace = host.broker.namespace_of(socket).unwrap();
    let filler = "x".repeat(1_000);
    for n in 0..2_000 {
        host.broker.emit(Target::all(namespace), Message::new("n", &format!("[{n},\"{filler}\"]"))).unwrap();
    }
    assert!(host.broker.stats().counters.bytes_out > 64 * 1024, "no tick grows past its bound");
    host.until(|_, _| client.is_finished());
    assert!(client.join().unwrap());
}

#[test]
fn responses_from_memory_and_the_health_report() {
    let mut host = Host::new(Config { health_path: Some("/health".into()), ..Config::default() });
    let mut page = Resource::new("text/html; charset=utf-8", "<p>hi");
    page.headers.push(("X-Frame-Options".into(), "DENY".into()));
    host.broker.serve("/", page).unwrap();
    assert_eq!(host.broker.serve("/socket.io/", Resource::new("a/b", "")), Err(Error::BadPath));
    assert_eq!(host.broker.serve("x", Resource::new("a/b", "")), Err(Error::BadPath));
    let refused = host.broker.serve("/x", Resource::new("a\r\nb", ""));
    assert_eq!(refused, Err(Error::BadValue("content_type: it cannot be sent as a header")));
    let mut page = Resource::new("a/b", "");
    page.headers.push(("X".into(), "a\nb".into()));
    assert_eq!(
        host.broker.serve("/x", page),
        Err(Error::BadValue("headers: one of them cannot be sent, or is the answer's own"))
    );
    let (socket, client) = host.join(|mut client| client.read());
    host.broker.join(socket, "r").unwrap();

    let answer = host.with(|address| get(address, "/?any=query"));
    assert!(answer.starts_with(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Frame-Options: DENY\r\n"
    ));
    assert!(answer.ends_with("\r\n\r\n<p>hi"), "{answer}");
    assert!(host.with(|address| get(address, "/nothing")).starts_with("HTTP/1.1 404 "));

    let health = host.with(|address| get(address, "/health"));
    let report: serde_json::Value = serde_json::from_str(health.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    for (name, value) in [("status", "\"ok\""), ("connections", "1"), ("sockets", "1"), ("rooms", "1")] {
        assert_eq!(report[name].to_string(), value, "{name} in {report}");
    }
    assert!(report["uptime_ms"].is_u64() && report["counters"]["connections_opened"] == 1, "{report}");
    host.broker.disconnect(socket, true).unwrap();
    host.until(|_, _| client.is_finished());
    assert_eq!(client.join().unwrap(), "41");
}

#[test]
fn what_is_served_is_told_apart_and_chosen_by_what_the_client_takes() {
    let long = "hello ".repeat(1_000);
    let mut host = Host::new(Config::default());
    let mut script = Resource::new("text/javascript", long.clone());
    script.headers.push(("Cache-Control".into(), "no-cache".into()));
    script.encoded.push(("br".into(), b"short".to_vec()));
    host.broker.serve("/socket.io/socket.io.js", script).unwrap();
    let mut tagged = Resource::new("text/plain", "small");
    tagged.headers.push(("etag".into(), "W/\"mine\"".into()));
    host.broker.serve("/tagged", tagged).unwrap();
    let mut packed = Resource::new("a/b", "x");
    packed.headers.push(("content-encoding".into(), "gzip".into()));
    assert!(host.broker.serve("/packed", packed.clone()).is_ok());
    packed.encoded.push(("br".into(), Vec::new()));
    assert!(host.broker.serve("/packed", packed).is_err());
    assert!(host.broker.serve_encoded("/packed", "br", b"x").is_err());
    assert_eq!(host.broker.serve_encoded("/nothing", "br", b"x"), Err(Error::BadPath));
    assert!(host.broker.serve_encoded("/tagged", "lzw", b"x").is_err());

    let mut ask = |path: &'static str, headers: String| {
        let answer = host.with(move |address| {
            request_bytes(
                address,
                &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"),
            )
        });
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        (String::from_utf8(answer[..end].to_vec()).unwrap(), answer.len() - end - 4)
    };
    let header = |head: &str, name: &str| {
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
    };
    let script = "/socket.io/socket.io.js";
    let mut tags = Vec::new();
    for (takes, coding) in [
        ("", None),
        ("Accept-Encoding: identity, br;q=0.5\r\n", None),
        ("Accept-Encoding: gzip\r\n", Some("gzip")),
        ("Accept-Encoding: gzip, br\r\n", Some("br")),
        ("Accept-Encoding: gzip, br;q=0.9\r\n", Some("gzip")),
    ] {
        let (head, length) = ask(script, takes.into());
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(header(&head, "Content-Encoding").as_deref(), coding, "{takes}");
        assert_eq!(header(&head, "Vary").as_deref(), Some("Accept-Encoding"));
        assert_eq!(length, header(&head, "Content-Length").unwrap().parse::<usize>().unwrap());
        let tag = header(&head, "ETag").unwrap();
        let (again, length) = ask(script, format!("{takes}If-None-Match: \"x\", {tag}\r\n"));
        assert!(again.starts_with("HTTP/1.1 304 ") && length == 0, "{again}");
        assert_eq!(header(&again, "Content-Length"), None);
        assert_eq!(header(&again, "Cache-Control").as_deref(), Some("no-cache"));
        tags.push(tag);
    }
    assert_eq!(
        (tags[0] == tags[1], tags[2] == tags[4], tags[0] == tags[2], tags[2] == tags[3]),
        (true, true, false, false)
    );
    assert!(ask("/tagged", "If-None-Match: \"mine\"\r\n".into()).0.starts_with("HTTP/1.1 304 "));
    assert!(ask("/tagged", "If-None-Match: \"yours\"\r\n".into()).0.starts_with("HTTP/1.1 200 "));
    assert!(ask("/tagged", "If-None-Match: *\r\n".into()).0.starts_with("HTTP/1.1 304 "));
    // Not a file of the client's: the endpoint's.
    assert!(ask("/socket.io/other.js", String::new()).0.starts_with("HTTP/1.1 400 "));
}

#[test]
fn the_end_flushes_and_tells_everybody_and_the_port_is_free() {
    let mut host = Host::new(Config::default());
    let (socket, client) = host.join(|mut client| [client.read(), client.read()]);
    let namespace = host.broker.namespace_of(socket).unwrap();
    host.broker.emit(Target::all(namespace), Message::new("last", "[]")).unwrap();
    host.broker.close(&mut host.events, PATIENCE).unwrap();
    let reasons: Vec<_> = host
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Disconnect { socket, reason, .. } => Some((socket, reason.text())),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [(socket, "server shutting down")]);
    let [last, close] = client.join().unwrap();
    assert_eq!(last, "42[\"last\"]");
    assert!(close.starts_with("Close"), "{close}");
    assert!(TcpStream::connect(host.address).is_err(), "it listens no more");
    let stats = host.broker.stats();
    assert_eq!((stats.links, stats.connections, stats.sockets, stats.timers), (0, 0, 0, 0));
    // It may listen again, on the same port.
    assert_eq!(host.broker.listen(host.address).unwrap(), host.address);
    let (_, client) = host.join(|mut client| client.send("1"));
    host.until(|_, _| client.is_finished());
}

#[test]
fn an_end_without_end_waits_for_clients_alone() {
    for loops in [0, 2] {
        let mut host = Host::new(Config { loops, ..Config::default() });
        let (socket, client) = host.join(|mut client| client.read());
        host.broker.close(&mut host.events, Duration::MAX).unwrap();
        assert!(client.join().unwrap().starts_with("Close"));
        assert!(
            host.events
                .iter()
                .any(|event| matches!(event, Event::Disconnect { socket: left, .. } if left == socket))
        );
    }
}

#[test]
fn a_time_that_no_clients_timer_holds_is_refused() {
    const MOST: u64 = i32::MAX as u64;
    let made = |change: &dyn Fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        Broker::new(config).is_ok()
    };
    let fields: [fn(&mut Config) -> &mut u64; 10] = [
        |config| &mut config.ping_interval,
        |config| &mut config.ping_timeout,
        |config| &mut config.upgrade_timeout,
        |config| &mut config.connect_timeout,
        |config| &mut config.limits.head_timeout,
        |config| &mut config.limits.body_timeout,
        |config| &mut config.limits.answer_timeout,
        |config| &mut config.limits.idle_timeout,
        |config| &mut config.limits.close_timeout,
        |config| &mut config.limits.step_time,
    ];
    for (number, field) in fields.into_iter().enumerate() {
        // A client waits for an interval and a timeout in one.
        let most = match number {
            0 => MOST - Config::default().ping_timeout,
            1 => MOST - Config::default().ping_interval,
            _ => MOST,
        };
        assert!(made(&|config| *field(config) = most), "{number}");
        for more in [most + 1, u64::MAX] {
            assert!(!made(&|config| *field(config) = more), "{number}: {more}");
        }
    }
}

#[test]
fn a_poll_brings_sixteen_packets_and_the_next_one_the_rest() {
    let mut host = Host::new(Config::default());
    let open = host.with(|address| get(address, "/socket.io/?EIO=4&transport=polling"));
    let sid = open.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap();
    let session = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    let path = session.clone();
    assert!(host.with(move |address| post(address, &path, "40")).ends_with("\r\n\r\nok"));
    let namespace = host.broker.find_namespace("/").unwrap();
    for n in 0..40 {
        let binary: &[&[u8]] = &[b"\x01\x02\x03"];
        let args = format!("[{n},{{\"_placeholder\":true,\"num\":0}}]");
        let message = Message::new("n", &args).attach(binary);
        assert_eq!(
            host.broker.emit(Target::all(namespace), message).unwrap().map(|it| it.recipients),
            Some(1)
        );
    }
    let mut packets = Vec::new();
    for expected in [16, 16, 16, 16, 16, 1] {
        let path = session.clone();
        let answer = host.with(move |address| get(address, &path));
        let payload: Vec<_> =
            answer.split("\r\n\r\n").nth(1).unwrap().split('\u{1e}').map(str::to_owned).collect();
        assert_eq!(payload.len(), expected, "{payload:?}");
        packets.extend(payload);
    }
    assert!(packets[0].starts_with("40{\"sid\":"));
    for (n, pair) in packets[1..].chunks(2).enumerate() {
        assert_eq!(pair[0], format!("451-[\"n\",{n},{{\"_placeholder\":true,\"num\":0}}]"));
        assert_eq!(pair[1], "bAQID");
    }
}

#[test]
fn one_socket_is_sent_to_in_its_own_namespace() {
    let mut host = Host::new(Config::default());
    let (socket, client) = host.join(|mut client| [client.read(), client.read()]);
    assert_eq!(
        host.broker.send(socket, Message::new("you", "[1]")).unwrap().map(|it| it.recipients),
        Some(1)
    );
    assert_eq!(host.broker.send(socket, Message::new("connect", "[]")), Err(Error::ReservedEvent));
    host.broker.disconnect(socket, false).unwrap();
    assert_eq!(host.broker.send(socket, Message::new("you", "[2]")), Err(Error::Gone));
    host.until(|_, _| client.is_finished());
    assert_eq!(client.join().unwrap(), ["42[\"you\",1]", "41"]);
    assert_eq!(std::io::Error::from(Error::Gone).kind(), std::io::ErrorKind::InvalidInput);
}

//! Clients that are not rustls', and what is no client at all: no TLS, half a handshake, another protocol.

use super::*;
use roomcast::ListenOptions;
use std::process::{Command, Stdio};

#[test]
fn a_proxy_says_whose_it_is_before_tls() {
    let made = Made::new("localhost");
    for loops in COUNTS {
        let mut broker = Broker::new(Config { loops, ..Config::default() }).unwrap();
        let how = ListenOptions { proxy_protocol: true, ..ListenOptions::default() };
        let address = broker.listen_tls_with("127.0.0.1:0", &made.tls(), &how).unwrap();
        let mut host = Host { broker, events: Events::new(), address };
        let trust = trusting(&[&made], None);
        let header = b"PROXY TCP4 192.0.2.1 198.51.100.7 40332 443\r\n";
        // The header alone, with the beginning of what follows, and in two pieces.
        for (first, hello) in [(header.len(), 0), (header.len(), 1), (header.len(), usize::MAX), (7, 0)] {
            let trust = trust.clone();
            let ((), came) = beside(&mut host, move |address| {
                let mut stream = open(address, &trust);
                let mut sealed = Vec::new();
                while stream.conn.wants_write() {
                    stream.conn.write_tls(&mut sealed).unwrap();
                }
                let hello = hello.min(sealed.len());
                let begun = [&header[..first], &sealed[..hello]].concat();
                stream.sock.set_nodelay(true).unwrap();
                stream.sock.write_all(&begun).unwrap();
                stream.sock.write_all(&[&header[first..], &sealed[hello..]].concat()).unwrap();
                let url = "wss://localhost/socket.io/?EIO=4&transport=websocket";
                let (socket, _) = tungstenite::client(url, stream).unwrap();
                let mut client = Client(socket);
                assert!(client.read().starts_with("0{"));
                client.send("40");
                assert!(client.read().starts_with("40{"));
                // With loops, the host hears of it behind its client: it has when it answers.
                client.send(r#"42["m",1]"#);
                assert_eq!(client.read(), r#"42["m",1]"#);
            });
            assert_eq!(came.len(), 1);
        }
        let counters = host.broker.stats().counters;
        assert_eq!((counters.proxy_headers, counters.tls_handshakes), (4, 4));
        // Without one it is no TLS that is refused.
        let ((), _) = beside(&mut host, move |address| {
            let mut stream = open(address, &trust);
            assert!(
                stream.write_all(b"GET").and_then(|()| stream.flush()).is_err()
                    || stream.read(&mut [0]).is_err()
            );
        });
        until_counted(&mut host, |counters| counters.proxy_headers_malformed == 1);
    }
}

#[cfg(unix)]
#[test]
fn what_is_over_tls_is_not_handed_back() {
    let made = Made::new("localhost");
    let mut host = secured(Config { hand_back: true, ..Config::default() }, &made.tls());
    let trust = trusting(&[&made], None);
    let (answer, _) = beside(&mut host, move |address| {
        let mut stream = open(address, &trust);
        stream.write_all(b"GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert_eq!(host.broker.stats().counters.links_handed_back, 0);
}

#[test]
fn openssl_and_curl() {
    let made = Made::new("localhost");
    let mut host = secured(Config { health_path: Some("/health".into()), ..Config::default() }, &made.tls());
    let folder = std::env::temp_dir().join(format!("roomcast-tls-clients-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, made.certificate.pem()).unwrap();
    let address = host.address;
    let run = |host: &mut Host, program: &str, arguments: &[&str], input: &str| -> Option<(bool, String)> {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
            eprintln!("NOT TESTED: {program} is not installed");
            return None;
        };
        let input = input.to_owned();
        let done = beside(host, move |_| {
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(input.as_bytes()).unwrap();
            let mut said = String::new();
            child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            drop(stdin);
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            (child.wait().unwrap().success(), said)
        });
        Some(done.0)
    };
    let port = address.port().to_string();
    let ca = ca.to_str().unwrap();
    for (version, shown) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let to = format!("127.0.0.1:{port}");
        let arguments = [
            "s_client",
            "-connect",
            &to,
            "-servername",
            "localhost",
            "-CAfile",
            ca,
            "-verify_return_error",
            "-alpn",
            "http/1.1",
            "-ign_eof",
            version,
        ];
        let asked = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let Some((fine, said)) = run(&mut host, "openssl", &arguments, asked) else { break };
        assert!(fine && said.contains("HTTP/1.1 200 OK") && said.contains(shown), "{said}");
        assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
    }
    let to = format!("localhost:{port}:127.0.0.1");
    for version in ["--tlsv1.2", "--tlsv1.3"] {
        let health = format!("https://localhost:{port}/health");
        let polling = format!("https://localhost:{port}{POLLING}");
        let arguments = ["-sS", "--resolve", &to, "--cacert", ca, version, &health, &polling];
        let Some((fine, said)) = run(&mut host, "curl", &arguments, "") else { break };
        assert!(fine && said.contains("0{\"sid\":"), "{said}");
    }
    let plain = format!("http://127.0.0.1:{port}/health");
    if let Some((fine, said)) = run(&mut host, "curl", &["-sS", &plain], "") {
        assert!(!fine, "{said}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_no_tls_is_closed_and_counted() {
    let made = Made::new("localhost");
    for loops in COUNTS {
        let mut host = secured(Config { loops, ..Config::default() }, &made.tls());
        let answers = beside(&mut host, |address| {
            [
                &b"GET /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n"[..],
                &[0x16, 3, 1, 0xff, 0xff],
                &[0; 5],
                &[0xff; 70_000],
            ]
            .map(|bytes| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let _ = stream.write_all(bytes);
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer);
                answer
            })
        });
        assert!(answers.0.iter().all(|answer| answer.len() < 10), "an alert at most: {answers:?}");
        until_counted(&mut host, |counters| counters.tls_malformed == 4);
        // Who leaves, and who wants another protocol or none of our certificates.
        let address = host.address;
        drop(TcpStream::connect(address).unwrap());
        until_counted(&mut host, |counters| counters.tls_abandoned == 1);
        let mut other = (*trusting(&[&made], None)).clone();
        other.alpn_protocols = vec![b"h2".to_vec()];
        let distrusting = trusting(&[], None);
        beside(&mut host, move |address| {
            for config in [&Arc::new(other), &distrusting] {
                assert!(open(address, config).write_all(b"x").is_err());
            }
        });
        until_counted(&mut host, |counters| counters.tls_incompatible == 1 && counters.tls_refused == 1);
        host.until(|broker, _| broker.stats().links == 0);
    }
}

#[test]
fn handshakes_that_do_not_end_are_ended_and_keep_nobody_waiting() {
    let made = Made::new("localhost");
    for loops in COUNTS {
        // Under wine the one that goes on takes as long as a second beside the others.
        let tls_handshake_timeout = if cfg!(windows) { 10_000 } else { 1_000 };
        let limits = Limits { tls_handshake_timeout, tls_handshake_budget: 2, ..Limits::default() };
        let mut host = secured(limited(loops, limits), &made.tls());
        let trust = trusting(&[&made], None);
        let hello = {
            let name = ServerName::try_from("localhost").unwrap();
            let mut bytes = Vec::new();
            ClientConnection::new(trust.clone(), name).unwrap().write_tls(&mut bytes).unwrap();
            bytes
        };
        let address = host.address;
        // Some say nothing, some a part of the first flight, some all of it and nothing more.
        let open: Vec<_> = (0..200)
            .map(|number| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nonblocking(true).unwrap();
                stream.write_all(&hello[..number * hello.len() / 199]).unwrap();
                stream
            })
            .collect();
        beside(&mut host, move |address| {
            let mut client = Client::connect(address, &trust);
            client.send(r#"42["m"]"#);
            assert_eq!(client.read(), r#"42["m"]"#);
        });
        until_counted(&mut host, |counters| counters.tls_timed_out == 200);
        host.until(|broker, _| broker.stats().links == 0);
        drop(open);
    }
}

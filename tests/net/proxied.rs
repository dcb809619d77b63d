//! Links of proxies that say first whose they are: headers in pieces, none, and such as never end.

use crate::probe::{Bed, Heard};
use roomcast::service::{LoopOptions, ProxyFailure};
use roomcast::{ListenOptions, Peer};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

const TEXT: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.7 40332 443\r\n";

fn listening() -> ListenOptions {
    ListenOptions { proxy_protocol: true, ..ListenOptions::default() }
}

fn bed() -> Bed {
    Bed::listening(&LoopOptions::default(), &listening())
}

/// A binary header with this command and family, and what proxies tell besides.
fn binary(command: u8, family: u8, more: usize) -> Vec<u8> {
    let addresses: &[u8] = match family {
        0x11 => &[192, 0, 2, 1, 198, 51, 100, 7, 0x9d, 0x8c, 0x01, 0xbb],
        _ => b"",
    };
    let body = [addresses, &vec![4; more]].concat();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &(body.len() as u16).to_be_bytes(), &body].concat()
}

fn source() -> Option<Peer> {
    Some(([192, 0, 2, 1], 40332).into())
}

#[test]
fn a_header_may_come_in_any_two_pieces_and_with_what_follows_it() {
    for (header, source) in
        [(TEXT.to_vec(), source()), (binary(0x21, 0x11, 100), source()), (binary(0x20, 0x00, 0), None)]
    {
        let mut bed = bed();
        let whole = [&header[..], b"hello"].concat();
        for end in 0..=whole.len() {
            let (mut client, link) = bed.connect();
            client.write_all(&whole[..end]).unwrap();
            // What has come is read, as far as it has come.
            bed.turn();
            assert!(end >= header.len() || bed.probe.received(link) == 0);
            client.write_all(&whole[end..]).unwrap();
            bed.until(|probe| probe.received(link) == 5);
            assert!(bed.probe.has(Heard::Proxied(link, source.clone())), "{:?}", bed.probe.heard);
            assert_eq!(bed.probe.got[&link], b"hello");
            drop(client);
            bed.until_empty();
            bed.probe.heard.clear();
        }
    }
}

#[test]
fn a_header_may_come_byte_for_byte() {
    for header in [TEXT.to_vec(), binary(0x21, 0x11, 5)] {
        let mut bed = bed();
        let (mut client, link) = bed.connect();
        client.set_nodelay(true).unwrap();
        let (last, first) = header.split_last().unwrap();
        for byte in first {
            client.write_all(&[*byte]).unwrap();
            // A turn waits for the byte.
            bed.inner.turn(&mut bed.probe, Some(Duration::from_secs(60))).unwrap();
            assert!(!bed.probe.has(Heard::Proxied(link, source())));
        }
        client.write_all(&[*last]).unwrap();
        bed.until(|probe| probe.has(Heard::Proxied(link, source())));
        client.write_all(b"behind").unwrap();
        bed.until(|probe| probe.received(link) == 6);
    }
}

#[test]
fn what_follows_a_header_is_read_to_its_end() {
    let mut bed = bed();
    for ends in [false, true] {
        let (mut client, link) = bed.connect();
        client.write_all(&[TEXT, &[b'x'; 300_000]].concat()).unwrap();
        if ends {
            client.shutdown(Shutdown::Write).unwrap();
            bed.until(|probe| probe.has(Heard::Closed(link, false)));
        } else {
            bed.until(|probe| probe.received(link) == 300_000);
        }
        assert_eq!(bed.probe.received(link), 300_000);
        bed.probe.heard.clear();
    }
}

#[cfg(unix)]
#[test]
fn over_a_unix_socket() {
    let (mut bed, path) = (Bed::new(), crate::unix::path("proxied"));
    bed.inner.listen_unix(&path, &listening()).unwrap();
    let (mut client, link) = crate::unix::connect(&mut bed, &path);
    client.write_all(&[&binary(0x21, 0x11, 0)[..], b"hello"].concat()).unwrap();
    bed.until(|probe| probe.received(link) == 5);
    assert!(bed.probe.has(Heard::Proxied(link, source())));
    // It ends as any other.
    drop(client);
    bed.until(|probe| probe.has(Heard::Closed(link, false)));
}

#[test]
fn what_is_no_header_closes() {
    let mut bed = bed();
    let long = [&binary(0x21, 0x00, 2_033)[..], b"hello"].concat();
    for bytes in [
        &b"GET /socket.io/ HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01",
        &long,
        &[b"PROXY ", &[b'x'; 5_000][..]].concat(),
    ] {
        let (mut client, link) = bed.connect();
        client.write_all(bytes).unwrap();
        bed.until(|probe| probe.has(Heard::Closed(link, true)));
        assert!(bed.probe.has(Heard::ProxyFailed(link, ProxyFailure::Malformed)), "{:?}", bed.probe.heard);
        assert_eq!(bed.probe.received(link), 0);
        match client.read(&mut [0; 16]) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        bed.probe.heard.clear();
    }
    // A balancer that looks whether somebody listens, and one that is gone half-way.
    for bytes in [&b""[..], b"PROXY TC"] {
        let (mut client, link) = bed.connect();
        client.write_all(bytes).unwrap();
        drop(client);
        bed.until(|probe| probe.has(Heard::Closed(link, true)));
        assert!(bed.probe.has(Heard::ProxyFailed(link, ProxyFailure::Closed)), "{:?}", bed.probe.heard);
        bed.probe.heard.clear();
    }
}

#[test]
fn a_header_has_its_time() {
    let options = LoopOptions { header_timeout: Duration::from_millis(20), ..LoopOptions::default() };
    let mut bed = Bed::listening(&options, &listening());
    let (mut client, slow) = bed.connect();
    let (mut quick, fine) = bed.connect();
    client.write_all(b"PROXY ").unwrap();
    quick.write_all(TEXT).unwrap();
    bed.until(|probe| probe.has(Heard::Closed(slow, true)));
    assert!(bed.probe.has(Heard::ProxyFailed(slow, ProxyFailure::Timeout)), "{:?}", bed.probe.heard);
    // Whose header is there has all the time there is.
    quick.write_all(b"later").unwrap();
    bed.until(|probe| probe.received(fine) == 5);
}

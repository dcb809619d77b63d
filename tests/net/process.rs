//! What takes a process of its own: limits on descriptors, and signals.

use crate::probe::{Bed, Heard, Order, reset};
use roomcast::ListenOptions;
use roomcast::service::{LoopOptions, Sent};
use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;

const CHILD: &str = "ROOMCAST_TEST_CHILD";

/// Runs one test of this file in a process of its own, by way of a shell that sets it up.
fn in_child(setup: &str, test: &str) {
    let script = format!("{setup}; exec \"$0\" --exact {test} --nocapture");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{:?}\n{text}", output.status);
}

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

#[test]
fn without_descriptors_it_refuses_and_does_not_spin() {
    if !is_child() {
        return in_child("ulimit -n 40", "process::without_descriptors_it_refuses_and_does_not_spin");
    }
    let mut bed = Bed::new();
    // Clients and links share the limit. Clients go on until they cannot have any more.
    let mut clients = Vec::new();
    while let Ok(client) = TcpStream::connect(bed.address) {
        clients.push(client);
    }
    assert!(clients.len() > 10);
    bed.turn();
    assert_eq!(bed.inner.links(), 0, "there is not one descriptor left");
    assert_ne!(bed.inner.next_timeout(&bed.probe), Some(std::time::Duration::ZERO), "it would spin");
    // All of them were refused in that turn, one after the other by means of the reserve.
    for client in &mut clients {
        client.set_nonblocking(true).unwrap();
        let end = client.read(&mut [0]);
        assert!(matches!(&end, Ok(0)) || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    }
    // They leave, and others are served.
    clients.clear();
    let (mut client, link) = bed.connect();
    client.write_all(b"x").unwrap();
    bed.until(|probe| probe.received(link) == 1);
    assert!(bed.probe.heard.iter().any(|heard| matches!(heard, Heard::Opened(_))));
}

#[test]
fn a_broken_connection_raises_no_signal() {
    if !is_child() {
        return in_child(":", "process::a_broken_connection_raises_no_signal");
    }
    // Rust's own start-up ignores the signal; a host in C has the default, by which it dies.
    #[allow(unsafe_code)]
    // SAFETY: `SIG_DFL` is a valid disposition, and no other thread changes it.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    for (vectored, unix) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut bed = Bed::with(&LoopOptions::default());
        let link = if unix {
            let path = crate::unix::path("signal");
            bed.inner.listen_unix(&path, &ListenOptions::default()).unwrap();
            let (client, link) = crate::unix::connect(&mut bed, &path);
            bed.do_now(Order::Pause(link));
            drop(client);
            link
        } else {
            let (client, link) = bed.connect();
            bed.do_now(Order::Pause(link));
            // An end and then a reset: the error is EPIPE, which the signal comes with.
            client.shutdown(Shutdown::Write).unwrap();
            reset(client);
            link
        };
        bed.do_now(if vectored {
            Order::Vectored(link, vec![b"x".to_vec(), b"y".to_vec()])
        } else {
            Order::Send(link, b"x".to_vec())
        });
        assert_eq!(bed.probe.sent, [(link, Sent::Broken)]);
    }
}

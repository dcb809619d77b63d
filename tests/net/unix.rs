//! Unix sockets: links over them, the files they leave, and who may take whose place.

use crate::probe::{Bed, Heard, Order};
use roomcast::ListenOptions;
use roomcast::service::{LoopOptions, Sent};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

/// A path of one test's own, at which there is nothing.
pub(crate) fn path(test: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("roomcast-{}-{test}.sock", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

/// A new client and the key of its link.
pub(crate) fn connect(bed: &mut Bed, path: &Path) -> (UnixStream, usize) {
    let before = bed.probe.heard.len();
    let client = UnixStream::connect(path).unwrap();
    let opened = |heard: &Heard| if let Heard::Opened(link) = heard { Some(*link) } else { None };
    bed.until(|probe| probe.heard[before..].iter().any(|heard| opened(heard).is_some()));
    let link = bed.probe.heard[before..].iter().find_map(opened).unwrap();
    (client, link)
}

fn bed(test: &str) -> (Bed, PathBuf) {
    let (mut bed, path) = (Bed::new(), path(test));
    bed.inner.listen_unix(&path, &ListenOptions::default()).unwrap();
    (bed, path)
}

fn refused(path: &Path, options: &ListenOptions) -> ErrorKind {
    Bed::new().inner.listen_unix(path, options).unwrap_err().kind()
}

#[test]
fn what_is_sent_arrives_both_ways_and_in_pieces() {
    let (mut bed, path) = bed("both-ways");
    let (mut client, link) = connect(&mut bed, &path);
    client.write_all(b"there").unwrap();
    bed.until(|probe| probe.received(link) == 5);
    bed.do_now(Order::Vectored(link, vec![b"and".to_vec(), b" back".to_vec()]));
    let mut back = [0; 8];
    client.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"and back");
    // More than the kernel holds: the rest goes when the peer has read.
    bed.do_now(Order::Send(link, vec![b'x'; 40_000_000]));
    assert!(matches!(bed.probe.sent[..], [_, (_, Sent::Part(_))]), "{:?}", bed.probe.sent);
    let reader = thread::spawn(move || {
        let mut all = vec![0; 40_000_000];
        client.read_exact(&mut all).unwrap();
        (all.iter().all(|&byte| byte == b'x'), client)
    });
    bed.until(|probe| probe.pending.is_empty() && probe.orders.is_empty());
    let (same, mut client) = reader.join().unwrap();
    assert!(same);
    bed.do_now(Order::Close(link));
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    drop(client);
    bed.until_empty();
}

#[test]
fn an_end_is_told_behind_what_was_said() {
    let (mut bed, path) = bed("end");
    for half in [true, false] {
        let (mut client, link) = connect(&mut bed, &path);
        client.write_all(b"last words").unwrap();
        if half {
            client.shutdown(Shutdown::Write).unwrap();
        } else {
            drop(client);
        }
        bed.until(|probe| probe.has(Heard::Closed(link, false)));
        assert_eq!(bed.probe.received(link), 10);
        bed.probe.heard.clear();
    }
}

#[test]
fn what_a_peer_said_before_it_closed_is_read_when_its_link_goes_on() {
    let (mut bed, path) = bed("paused");
    let (mut client, link) = connect(&mut bed, &path);
    bed.do_now(Order::Pause(link));
    client.write_all(b"last words").unwrap();
    drop(client);
    // Another one is a sign that the end has been seen.
    connect(&mut bed, &path);
    bed.turn();
    assert!(bed.probe.open.contains(&link), "{:?}", bed.probe.heard);
    bed.order(Order::Resume(link));
    bed.until(|probe| probe.has(Heard::Closed(link, false)));
    assert_eq!(bed.probe.received(link), 10);
}

#[test]
fn a_socket_that_nobody_listens_on_is_replaced_and_nothing_else() {
    let path = path("stale");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "it stays behind");
    let keep = ListenOptions { replace_stale: false, ..ListenOptions::default() };
    assert_eq!(refused(&path, &keep), ErrorKind::AddrInUse);
    let mut first = Bed::new();
    first.inner.listen_unix(&path, &ListenOptions::default()).unwrap();
    connect(&mut first, &path);
    // Somebody is there: with room for more, and with none.
    assert_eq!(refused(&path, &ListenOptions::default()), ErrorKind::AddrInUse);
    drop(first);
    assert!(!path.exists(), "it is taken away");
    let full = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    full.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    full.listen(0).unwrap();
    let _waits = UnixStream::connect(&path).unwrap();
    assert_eq!(refused(&path, &ListenOptions::default()), ErrorKind::AddrInUse);
    drop(full);
    fs::remove_file(&path).unwrap();
    // What is no socket.
    fs::write(&path, "of somebody").unwrap();
    assert_eq!(refused(&path, &ListenOptions::default()), ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "of somebody");
    fs::remove_file(&path).unwrap();
    let elsewhere = path.with_extension("other");
    drop(UnixListener::bind(&elsewhere).unwrap());
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert_eq!(refused(&path, &ListenOptions::default()), ErrorKind::AddrInUse);
    assert!(elsewhere.symlink_metadata().unwrap().file_type().is_socket());
    fs::remove_file(&path).unwrap();
    fs::remove_file(&elsewhere).unwrap();
}

#[test]
fn of_those_who_begin_on_one_path_at_once_one_listens_and_is_reached() {
    const AT_ONCE: usize = 4;
    let path = path("at-once");
    for round in 0..200 {
        if round % 2 == 0 {
            drop(UnixListener::bind(&path).unwrap());
        }
        let (start, end) = (Barrier::new(AT_ONCE), Barrier::new(AT_ONCE));
        let one = || {
            let mut bed = Bed::new();
            start.wait();
            let outcome = bed.inner.listen_unix(&path, &ListenOptions::default());
            end.wait();
            match outcome {
                Ok(()) => {
                    connect(&mut bed, &path);
                    true
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::AddrInUse);
                    false
                }
            }
        };
        let listen = thread::scope(|scope| {
            let all: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).filter(|&listens| listens).count()
        });
        assert_eq!(listen, 1, "round {round}");
        assert!(!path.exists(), "it is taken away");
    }
    let lock = path.with_extension("sock.lock");
    assert!(!lock.exists(), "and what was beside it");
}

#[test]
fn its_own_file_is_taken_away_and_no_other() {
    let (mut first, path) = bed("own");
    first.inner.close_listeners();
    assert!(!path.exists());
    first.inner.listen_unix(&path, &ListenOptions::default()).unwrap();
    // Another server has put its own in the place.
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(first);
    assert!(path.exists() && UnixStream::connect(&path).is_ok());
    drop(other);
    fs::remove_file(&path).unwrap();
    fs::remove_file(&aside).unwrap();
}

#[test]
fn the_file_has_its_mode() {
    for mode in [0o600, 0o660, 0o666] {
        let path = path("mode");
        let mut bed = Bed::new();
        bed.inner
            .listen_unix(&path, &ListenOptions { mode: Some(mode), ..ListenOptions::default() })
            .unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
    }
}

#[test]
fn what_is_no_path_is_refused() {
    let long = "x".repeat(200);
    for bad in ["", "with\0nul", &long] {
        assert_eq!(refused(Path::new(bad), &ListenOptions::default()), ErrorKind::InvalidInput, "{bad:?}");
    }
    assert_eq!(refused(Path::new("/nowhere/at/all"), &ListenOptions::default()), ErrorKind::NotFound);
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_has_no_file() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let name = format!("roomcast-{}-abstract", std::process::id());
    let mut bed = Bed::with(&LoopOptions::default());
    bed.inner.listen_unix(format!("\0{name}"), &ListenOptions::default()).unwrap();
    let mut client = UnixStream::connect_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    client.write_all(b"x").unwrap();
    bed.until(|probe| probe.received_in_all() == 1);
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let link = *bed.probe.open.first().unwrap();
    bed.do_now(Order::Send(link, b"y".to_vec()));
    assert_eq!(client.read(&mut [0]).unwrap(), 1);
    assert_eq!(refused(Path::new(&format!("\0{name}")), &ListenOptions::default()), ErrorKind::AddrInUse);
}

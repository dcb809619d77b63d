//! What a link costs, and how it comes to be sent to. It must not need a peer that speaks.

use super::*;
use crate::net::bind;
use crate::net::listener::{Accepted, Listeners};
use mio::{Events, Poll};

#[test]
fn an_idle_link_costs_little() {
    // Debug builds of mio keep more than the descriptor in a stream.
    assert!(size_of::<Link>() - size_of::<Option<Stream>>() <= 16);
}

#[test]
fn accepted_connections_do_not_delay_small_sends() {
    let mut poll = Poll::new().unwrap();
    let mut listeners = Listeners::new();
    let (acceptor, address) =
        bind::tcp("127.0.0.1:0".parse().unwrap(), &bind::ListenOptions::default()).unwrap();
    listeners.add(acceptor, false, poll.registry(), usize::MAX).unwrap();
    let _client = std::net::TcpStream::connect(address).unwrap();
    poll.poll(&mut Events::with_capacity(1), None).unwrap();
    listeners.announce(0);
    let Accepted { stream, .. } = listeners.accept(Instant::now()).unwrap().unwrap();
    let mut links = Links::new(Duration::ZERO, 0, 0);
    let key = links.insert(stream, 0, poll.registry()).unwrap();
    let Some(Stream::Tcp(stream)) = &links.slab[key].stream else { panic!("it is no TCP") };
    assert!(stream.nodelay().unwrap());
}

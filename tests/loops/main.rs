//! The broker with loops of its own, over real sockets: what a host and its clients see must not depend on how many there are.

mod answers;
mod asks;
mod comer;
#[cfg(unix)]
mod dealt;
mod drains;
mod floods;
mod halves;
mod life;
mod members;
mod no_cluster;
mod races;
mod recovery;
mod recovery_storm;
mod restart;
mod sessions;
#[allow(dead_code)]
#[path = "../broker/support.rs"]
mod support;
mod targets;

use roomcast::{Broker, Config, Events, Limits, Message, SocketId};
use std::thread::JoinHandle;
use support::{Client, Host};

/// Everything is to hold for each of these; 0 is the host's own thread.
const COUNTS: [usize; 4] = [0, 1, 2, 4];

/// So many clients that the kernel hardly ever puts all of them on one loop.
const MANY: usize = 16;

const END: Message<'static> = Message::new("end", "[]");

fn said<T: std::fmt::Debug>(result: roomcast::Result<T>) -> String {
    result.unwrap_err().to_string()
}

/// It has heard nothing but the end.
fn client_ends(host: &mut Host, client: JoinHandle<Vec<String>>) {
    host.until(|_, _| client.is_finished());
    assert_eq!(client.join().unwrap(), [""; 0]);
}

/// However slow the machine is today, nobody is sent away for it.
fn config(loops: usize) -> Config {
    Config { loops, ping_interval: 600_000, upgrade_timeout: 600_000, ..Config::default() }
}

fn limited(loops: usize, limit: impl FnOnce(&mut Limits)) -> Config {
    let mut config = config(loops);
    limit(&mut config.limits);
    config
}

/// Starts `MANY` clients that do the same, each told its number, and waits for their sockets.
fn crowd<T: Send + 'static>(
    host: &mut Host,
    client: impl Fn(usize, Client) -> T + Clone + Send + 'static,
) -> Vec<(SocketId, JoinHandle<T>)> {
    (0..MANY)
        .map(|number| {
            let client = client.clone();
            host.join(move |it| client(number, it))
        })
        .collect()
}

/// Polls until `done` says so, and shows it each batch once.
fn poll_until(host: &mut Host, mut done: impl FnMut(&mut Broker, &Events) -> bool) {
    host.events = Events::new();
    host.until(|broker, events| done(broker, events));
}

/// Polls until all of them are done, and returns what they returned. What they are sent may be much, and a sanitizer slow.
fn finish<T>(host: &mut Host, clients: Vec<(SocketId, JoinHandle<T>)>) -> Vec<T> {
    host.until_for(6 * support::PATIENCE, |_, _| clients.iter().all(|(_, client)| client.is_finished()));
    clients.into_iter().map(|(_, client)| client.join().unwrap()).collect()
}

/// Reads until the event `end`, which is not among what is returned.
fn until_end(client: &mut Client) -> Vec<String> {
    std::iter::from_fn(|| Some(client.read()).filter(|text| text != "42[\"end\"]")).collect()
}

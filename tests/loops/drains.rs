//! Drains by the host and by other threads: each is told of once, by the last loop whose clients are gone.

use super::support::{Client, Host};
use super::{COUNTS, MANY, config, crowd, finish, poll_until};
use roomcast::{Broker, Event, Remote, Result};
use std::time::Duration;

/// Who asks for it.
#[derive(Clone, Copy)]
enum By {
    Host,
    Remote,
}

impl By {
    fn drain(self, broker: &mut Broker, remote: &Remote, per_second: u32) -> Result<()> {
        match self {
            By::Host => broker.drain(per_second, ""),
            By::Remote => remote.drain(per_second, ""),
        }
    }

    fn stop(self, broker: &mut Broker, remote: &Remote) {
        match self {
            By::Host => broker.stop_draining(),
            By::Remote => remote.stop_draining().unwrap(),
        }
    }
}

/// Polls until a drain is told of. More than one in a batch is one too many.
fn told(host: &mut Host) {
    poll_until(host, |_, events| {
        let told = events.iter().filter(|event| matches!(event, Event::Drained)).count();
        assert!(told <= 1);
        told == 1
    });
}

/// Nothing more is told of, and every loop has had some turns for it.
fn silent(host: &mut Host) {
    for _ in 0..4 {
        assert_eq!(host.broker.stats().connections, 0);
        host.broker.poll(&mut host.events, Some(Duration::ZERO)).unwrap();
        assert!(!host.events.iter().any(|event| matches!(event, Event::Drained)));
    }
}

fn leaves(_: usize, mut client: Client) {
    while client.is_there() {}
}

#[test]
fn each_drain_is_told_of_once() {
    for loops in COUNTS {
        for by in [By::Host, By::Remote] {
            let mut host = Host::new(config(loops));
            let remote = host.broker.remote();
            for _ in 0..3 {
                let clients = crowd(&mut host, leaves);
                by.drain(&mut host.broker, &remote, 1_000_000).unwrap();
                told(&mut host);
                finish(&mut host, clients);
                assert!(host.broker.is_draining());
                // Once more, with nobody left.
                by.drain(&mut host.broker, &remote, 1).unwrap();
                told(&mut host);
                silent(&mut host);
                by.stop(&mut host.broker, &remote);
                host.until(|broker, _| !broker.is_draining());
            }
        }
    }
}

#[test]
fn a_change_of_pace_is_no_drain_of_its_own() {
    for loops in COUNTS {
        for by in [By::Host, By::Remote] {
            let mut host = Host::new(config(loops));
            let remote = host.broker.remote();
            let clients = crowd(&mut host, leaves);
            // Each loop sends one client away at once, and then none for as long as this takes. Some have none left then.
            by.drain(&mut host.broker, &remote, 1).unwrap();
            host.until(|broker, _| broker.stats().connections < MANY);
            by.drain(&mut host.broker, &remote, 1_000_000).unwrap();
            told(&mut host);
            finish(&mut host, clients);
            silent(&mut host);
        }
    }
}

//! A node that asks sentinels, who say anything: it goes where one has said and nowhere else, publishes nothing to who is no master; and when
//! all are good, it finds its Redis. It must not know how it looks for it.

use super::input::Input;
use super::redis::{Connection, Servers, World, bulk, hello};
use roomcast::{ClusterFormat, SubscriptionMode};

const SENTINELS: [(&str, u16); 2] = [("s", 1), ("t", 2)];
const HOSTS: [&str; 8] = ["a", "b", "127.0.0.1", "::1", "", "x y", "é", "s"];
const PORTS: [&str; 8] = ["1", "6379", "65535", "0", "65536", "-1", "x", ""];

/// What everybody says, each of whatever it is asked.
#[derive(Default)]
struct Said {
    /// Where the Redis is, and the reply that says so.
    told: Option<(Vec<u8>, Vec<u8>)>,
    place: Vec<u8>,
    /// Where it was said to be last, which is where the node goes; unless something of no form was said by anybody.
    last: Option<(Vec<u8>, Vec<u8>)>,
    formless: bool,
    /// The roles in which sentinels and others answer, where they answer in form.
    roles: [&'static str; 2],
    hello: Option<Vec<u8>>,
    /// What others say to whatever else.
    other: Option<Vec<u8>>,
    gone: Option<u8>,
    /// They are good ones from now on.
    good: bool,
    published: usize,
}

fn is_sentinel(host: &str, port: u16) -> bool {
    SENTINELS.contains(&(host, port))
}

impl Servers for Said {
    fn takes(&mut self, host: &str, port: u16) -> bool {
        if !is_sentinel(host, port) && !self.formless {
            let (said, number) = self.last.as_ref().expect("nobody has told of a place");
            assert_eq!(said, host.as_bytes());
            assert_eq!(str::from_utf8(number).expect("a number").parse(), Ok(port));
        }
        match self.good {
            true => is_sentinel(host, port) || (host, port) == ("a", 6379),
            false => self.gone.is_none_or(|gone| host.bytes().next() != Some(gone)),
        }
    }

    fn answer(&mut self, on: &mut Connection, words: &[&[u8]]) -> Vec<u8> {
        let asks = is_sentinel(&on.host, on.port) && words[0] == b"SENTINEL";
        match (words[0], &self.hello, &self.other) {
            (b"HELLO", Some(hello), _) => hello.clone(),
            (b"HELLO", None, _) => {
                let role = self.roles[usize::from(!is_sentinel(&on.host, on.port))];
                on.is_replica = !is_sentinel(&on.host, on.port) && role != "master";
                hello(role)
            }
            _ if asks => {
                assert_eq!(words[1..], [&b"GET-MASTER-ADDR-BY-NAME"[..], b"name"]);
                self.last.clone_from(&self.told);
                self.place.clone()
            }
            (b"PUBLISH" | b"SPUBLISH" | b"XADD", ..) => {
                assert!(self.formless || !on.is_replica, "it publishes to a replica");
                self.published += 1;
                on.obey(words)
            }
            (_, _, Some(other)) => other.clone(),
            _ => on.obey(words),
        }
    }
}

impl Said {
    fn tell(&mut self, host: &[u8], port: &[u8]) {
        self.place = [b"*2\r\n", &*bulk(host), &bulk(port)].concat();
        self.told = Some((host.to_vec(), port.to_vec()));
    }

    /// The Redis is at `a`.
    fn be_good(&mut self) {
        self.tell(b"a", b"6379");
        self.roles = ["sentinel", "master"];
        self.good = true;
        (self.hello, self.other, self.gone) = (None, None, None);
    }
}

pub(crate) fn places(input: &[u8]) {
    let mut input = Input(input);
    let format = input.pick(&[
        ClusterFormat::PubSub,
        ClusterFormat::Sharded(SubscriptionMode::Dynamic),
        ClusterFormat::Streams,
        ClusterFormat::Python,
    ]);
    let mut said = Said::default();
    said.be_good();
    said.good = false;
    let mut world = World::new("redis+sentinel://s:1,t:2/0/name", format, said);
    world.play(&mut input, step);
    world.servers.be_good();
    world.comes_up();
    for Connection { host, port, .. } in world.open.values() {
        assert_eq!((&**host, *port), ("a", 6379));
    }
    assert!(world.open.len() <= 3, "{} connections", world.open.len());
    world.servers.published = 0;
    world.emit(false);
    world.turn();
    assert_eq!(world.servers.published, 4, "what is said once is published once");
}

fn step(world: &mut World<Said>, input: &mut Input<'_>) {
    let servers = &mut world.servers;
    match input.below(14) {
        0 => {
            (servers.place, servers.told) = (input.bytes().to_vec(), None);
            servers.formless = true;
        }
        1 | 2 => {
            let host = if input.flag() { input.bytes() } else { input.pick(&HOSTS).as_bytes() };
            let port = if input.flag() { input.bytes() } else { input.pick(&PORTS).as_bytes() };
            servers.tell(host, port);
        }
        3 => {
            let none =
                ["_\r\n", "*-1\r\n", "*0\r\n", "*1\r\n$1\r\na\r\n", "-ERR No such master\r\n", ":1\r\n"];
            (servers.place, servers.told) = (input.pick(&none).as_bytes().to_vec(), None);
        }
        4 => {
            servers.roles =
                [input.pick(&["sentinel", "master"]), input.pick(&["master", "slave", "sentinel"])]
        }
        5 => {
            servers.hello = input.flag().then(|| input.bytes().to_vec());
            servers.formless |= servers.hello.is_some();
        }
        6 => {
            servers.other = input.flag().then(|| input.bytes().to_vec());
            servers.formless |= servers.other.is_some();
        }
        7 => servers.gone = input.flag().then(|| input.byte()),
        8 => {
            let (which, bytes) = (input.below(256), input.bytes());
            servers.formless = true;
            world.receive(which, bytes);
        }
        9 => world.cut(input.below(256)),
        10 => world.emit(input.flag()),
        11 => world.ask(),
        _ => world.pass([0, 100, 1_000, 10_000][input.below(4)]),
    }
}

//! A loop with nothing but a bus, and a real Redis that is started, stopped and spoken to by the test. Without redis-server they
//! say so and pass, except where `CI` is set.

#[cfg(feature = "tls")]
mod secured;

use crate::base::Millis;
use crate::cluster::redis::{Published, Redis, RedisEvent, RedisOptions, Subscription, escape_glob};
use crate::engine::bus::Bus;
use crate::engine::service::{Flow, Output, Service};
use crate::host::peer::Peer;
use crate::net::{Loop, LoopOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// However slow the machine is: what does not happen within this does not happen.
const PATIENCE: Duration = Duration::from_secs(60);

struct Node {
    redis: Redis,
    heard: Vec<String>,
    /// There is no room for more.
    full: bool,
}

impl Service for Node {
    fn opened(&mut self, _: usize, _: Peer, _: Millis) -> bool {
        false
    }

    fn received(&mut self, _: usize, _: &mut [u8], _: Millis) -> Flow {
        Flow::Continue
    }

    fn closed(&mut self, _: usize, _: bool, _: Millis) {}

    fn writable(&mut self, _: usize) {}

    fn flush(&mut self, _: &mut impl Output, _: Millis) {}

    fn timeout(&mut self, _: Millis) {}

    fn next_timeout(&self) -> Option<Millis> {
        None
    }

    fn wants_input(&self) -> bool {
        !self.full
    }

    fn has_work(&self) -> bool {
        false
    }

    fn bus(&self) -> Option<&dyn Bus> {
        Some(&self.redis)
    }

    fn bus_mut(&mut self) -> Option<&mut dyn Bus> {
        Some(&mut self.redis)
    }

    fn bus_received(&mut self, _: Millis) {
        assert!(!self.full, "it was told that there is no room");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        while let Some(event) = self.redis.next() {
            self.heard.push(match event {
                RedisEvent::Up { lost } => format!("up{}", if lost.is_some() { " again" } else { "" }),
                RedisEvent::Down { why } => format!("down: {why}"),
                RedisEvent::Message { channel, payload, .. } => {
                    format!("{}: {}", text(channel), text(payload))
                }
                RedisEvent::Reply { token, reply } => format!("{token} = {reply:?}"),
                other => format!("{other:?}"),
            });
        }
    }
}

struct World {
    io: Loop,
    node: Node,
}

impl World {
    fn new(url: &str) -> Self {
        let options = RedisOptions::parse(url).unwrap();
        let node = Node { redis: Redis::new(&options, 7), heard: Vec::new(), full: false };
        Self { io: Loop::new(&LoopOptions::default()).unwrap(), node }
    }

    /// Turns until this is so.
    #[track_caller]
    fn until(&mut self, what: impl Fn(&Node) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !what(&self.node) {
            assert!(Instant::now() < end, "it does not come: {:?}", self.node.heard);
            self.io.turn(&mut self.node, Some(Duration::from_millis(100))).unwrap();
        }
    }

    /// Turns until this is heard; forgets what was heard before and it.
    #[track_caller]
    fn hear(&mut self, expected: &str) {
        self.until(|node| node.heard.iter().any(|heard| heard.starts_with(expected)));
        let at = self.node.heard.iter().position(|heard| heard.starts_with(expected)).unwrap();
        self.node.heard.drain(..=at);
    }

    fn publish(&mut self, payload: &str) -> Published {
        self.node.redis.publish(Subscription::Channel, b"c", payload.as_bytes(), false)
    }
}

/// A Redis of the test's own, in a folder of its own.
struct Server {
    folder: PathBuf,
    options: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// `None` if there is no redis-server.
    fn new(options: &[&str]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("roomcast-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { folder, options, process: None };
        if server.start() {
            return Some(server);
        }
        assert!(std::env::var_os("CI").is_none(), "redis-server is not installed");
        eprintln!("NOT TESTED: redis-server is not installed");
        None
    }

    fn start(&mut self) -> bool {
        let socket = self.folder.join("socket");
        let _ = std::fs::remove_file(&socket);
        let mut command = Command::new("redis-server");
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--unixsocket"]).arg(socket);
        command.arg("--dir").arg(&self.folder);
        if !self.options.iter().any(|option| option == "--port") {
            command.args(["--port", "0"]);
        }
        command.args(&self.options).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = command.spawn().ok();
        self.process.is_some()
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn url(&self, login: &str, more: &str) -> String {
        format!("unix://{login}{}/socket{more}", self.folder.display())
    }

    /// One command of somebody else, and the first line of its answer. Only when it listens.
    fn order(&self, words: &[&str]) -> String {
        let mut stream = UnixStream::connect(self.folder.join("socket")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut bytes = Vec::new();
        crate::wire::resp::command(&mut bytes, &words);
        stream.write_all(&bytes).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A node that listens to the channel `c` and is up. It waits for the Redis by itself.
fn up(server: &Server) -> World {
    let mut world = World::new(&server.url("", ""));
    world.node.redis.subscribe(Subscription::Channel, b"c");
    world.hear("up");
    world
}

#[test]
fn it_publishes_and_hears() {
    let Some(server) = Server::new(&[]) else { return };
    let mut world = World::new(&server.url("", "?db=3"));
    let pattern = escape_glob("a[1]#") + "*";
    world.node.redis.subscribe(Subscription::Pattern, pattern.as_bytes());
    world.node.redis.subscribe(Subscription::Shard, b"s");
    assert_eq!(world.node.redis.publish(Subscription::Channel, b"a[1]#", b"early", false), Published::Queued);
    world.hear("up");
    assert_eq!(
        world.node.redis.publish(Subscription::Channel, b"a1#", b"to somebody else", false),
        Published::Sent
    );
    assert_eq!(world.node.redis.post(&[b"SPUBLISH", b"s", b"to a shard"], false), Published::Sent);
    assert_eq!(
        world.node.redis.publish(Subscription::Channel, b"a[1]#room#", b"\xff", false),
        Published::Sent
    );
    world.node.redis.ask(&[b"PUBSUB", b"SHARDNUMSUB", b"s"], 5);
    world.until(|node| node.heard.iter().any(|heard| heard.starts_with("5 =")));
    world.until(|node| node.heard.iter().any(|heard| heard.starts_with("a[1]#room#")));
    // Whether it listened by the time that the first was published is open.
    let others = |heard: &&String| !heard.starts_with("5 =") && !heard.ends_with("early");
    let messages: Vec<_> = world.node.heard.iter().filter(others).collect();
    assert_eq!(messages, ["s: to a shard", "a[1]#room#: \u{fffd}"]);
}

#[test]
fn a_name_is_looked_up_and_each_of_its_addresses_tried() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // Where a name has an address of each family, one of them is refused.
    let Some(_server) = Server::new(&["--port", &port.to_string(), "--bind", "127.0.0.1"]) else { return };
    let mut world = World::new(&format!("redis://localhost:{port}"));
    world.node.redis.subscribe(Subscription::Channel, b"c");
    world.hear("up");
    world.publish("hello");
    world.hear("c: hello");
}

#[test]
fn what_cannot_be_reached_is_told() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, why) in [
        (format!("redis://127.0.0.1:{port}"), "down: it cannot be reached: "),
        ("redis://no.such.name.invalid".to_owned(), "down: nobody can look up no.such.name.invalid:6379: "),
        ("unix:///no/such/socket".to_owned(), "down: /no/such/socket cannot be reached: "),
    ] {
        let mut world = World::new(&url);
        world.hear(why);
        assert_eq!(world.publish("x"), Published::Queued);
        world.until(|node| node.redis.counters().failed > 3 && node.redis.counters().dropped == 1);
        assert_eq!(world.node.heard, [""; 0], "the reason has not changed");
    }
}

#[test]
fn a_password_and_a_user() {
    let Some(server) = Server::new(&["--requirepass", "p@ss"]) else { return };
    for (login, why) in [("", "down: NOAUTH"), (":no@", "down: WRONGPASS"), ("nobody:p@", "down: WRONGPASS")]
    {
        let mut world = World::new(&server.url(login, ""));
        world.until(|node| node.heard.iter().any(|heard| heard.starts_with(why)));
    }
    let mut world = World::new(&server.url(":p%40ss@", ""));
    world.hear("up");
    world.node.redis.ask(&[b"ACL", b"SETUSER", b"alice", b"on", b">pw", b"~*", b"&c", b"+@all"], 1);
    world.hear("1 = Text");
    // May hear a channel by its name, and no pattern of which it is a part.
    let mut alice = World::new(&server.url("alice:pw@", ""));
    alice.node.redis.subscribe(Subscription::Pattern, b"c*");
    alice.node.redis.subscribe(Subscription::Channel, b"c");
    alice.hear("Refused { kind: Pattern, name: [99, 42], why: \"NOPERM");
    alice.hear("up");
    alice.publish("hello");
    alice.hear("c: hello");
    alice.node.redis.publish(Subscription::Channel, b"d", b"x", false);
    alice.hear("Unpublished { why: \"NOPERM");
}

#[test]
fn a_redis_without_hello_is_spoken_to_as_before() {
    let Some(server) = Server::new(&["--rename-command", "HELLO", "", "--requirepass", "pw"]) else { return };
    let mut world = World::new(&server.url(":pw@", "?db=2"));
    world.node.redis.subscribe(Subscription::Channel, b"c");
    world.hear("up");
    world.publish("hello");
    world.hear("c: hello");
}

#[test]
fn a_redis_that_is_killed_and_comes_back_empty() {
    let Some(mut server) = Server::new(&[]) else { return };
    let mut world = up(&server);
    for round in 0..3 {
        server.kill();
        world.hear("down: ");
        assert_eq!(world.publish("volatile"), Published::Queued);
        assert!(server.start());
        world.hear("up again");
        world.publish(&format!("{round}"));
        world.hear(&format!("c: {round}"));
    }
}

#[test]
fn connections_that_are_killed_come_back() {
    let Some(server) = Server::new(&[]) else { return };
    let mut world = up(&server);
    for (round, kind) in ["pubsub", "normal", "pubsub"].into_iter().enumerate() {
        assert_eq!(server.order(&["CLIENT", "KILL", "TYPE", kind]), ":1", "{kind}");
        world.hear("down: ");
        world.hear("up again");
        world.publish(&format!("{round}"));
        world.hear(&format!("c: {round}"));
    }
}

#[test]
fn while_it_stands_still_nothing_waits_and_nothing_is_lost() {
    let Some(server) = Server::new(&[]) else { return };
    let mut world = up(&server);
    assert_eq!(server.order(&["CLIENT", "PAUSE", "500", "ALL"]), "+OK");
    for number in 0..100 {
        assert_eq!(world.publish(&format!("{number} {}", "x".repeat(10_000))), Published::Sent);
        world.io.flush(&mut world.node);
    }
    for number in 0..100 {
        world.until(|node| !node.heard.is_empty());
        assert!(world.node.heard.remove(0).starts_with(&format!("c: {number} x")));
    }
    assert_eq!(world.node.redis.counters().lost, 0);
}

#[test]
fn a_listener_that_does_not_keep_up_is_cut_and_hears_again() {
    let Some(server) = Server::new(&["--client-output-buffer-limit", "pubsub", "256kb", "0", "0"]) else {
        return;
    };
    let mut world = up(&server);
    let mut other = up(&server);
    world.node.full = true;
    world.io.turn(&mut world.node, Some(Duration::ZERO)).unwrap();
    // Until the kernel and the Redis hold no more.
    let payload = "x".repeat(100_000);
    let subscribed = || server.order(&["PUBLISH", "c", "x"]) == ":2";
    let end = Instant::now() + PATIENCE;
    while subscribed() {
        assert!(Instant::now() < end, "it is never cut");
        other.publish(&payload);
        let before = other.node.heard.len();
        other.until(|node| node.heard.len() > before);
        // It does not read, and is not asked to.
        world.io.turn(&mut world.node, Some(Duration::ZERO)).unwrap();
        assert_eq!(world.node.heard, [""; 0]);
    }
    world.node.full = false;
    world.hear("c: x");
    world.hear("down: ");
    world.hear("up again");
    world.publish("after");
    world.hear("c: after");
}

#[test]
fn a_loop_that_is_closed_leaves_and_comes_back() {
    let Some(server) = Server::new(&[]) else { return };
    let mut world = up(&server);
    world.io.close_all();
    let end = Instant::now() + PATIENCE;
    while server.order(&["PUBLISH", "c", "x"]) != ":0" {
        assert!(Instant::now() < end, "it is still there");
    }
    world.hear("down: it was closed from here");
    world.hear("up again");
}

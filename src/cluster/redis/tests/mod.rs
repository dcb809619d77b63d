//! A Redis whose every word is in the test, under a clock of its own. It must not wait for anything.

mod faults;
mod hostile;
mod model;
mod talk;

use super::*;
use crate::engine::bus::{Bus, Endpoint};
use crate::wire::resp::Reader;

const COMMANDS: usize = 0;
const LISTENER: usize = 1;
const READER: usize = 2;
const SENTINEL: usize = 3;

/// What HELLO is answered with.
const WELCOME: &str = "%2\r\n$5\r\nproto\r\n:3\r\n$4\r\nrole\r\n$6\r\nmaster\r\n";

/// The connections, and who opens them.
struct World {
    redis: Redis,
    now: Millis,
    /// Which are open, and what was sent over them since the last look.
    open: [Option<Reader>; 4],
}

impl World {
    fn new(url: &str) -> Self {
        let options = RedisOptions::parse(url).unwrap();
        Self { redis: Redis::new(&options, 1), now: 0, open: [None, None, None, None] }
    }

    /// One that is up, with a channel `c` that it listens to.
    fn up() -> Self {
        let mut world = Self::new("redis://h");
        world.redis.subscribe(Subscription::Channel, b"c");
        world.open();
        world.welcome();
        world.say(LISTENER, ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
        assert_eq!(world.said(LISTENER), ["SUBSCRIBE c"]);
        assert_eq!(world.heard(), ["up"]);
        world
    }

    /// Lets time pass without anything else.
    fn pass(&mut self, time: Millis) {
        self.now += time;
        self.redis.tick(self.now);
        while let Some(connection) = self.redis.hung_up() {
            self.open[connection] = None;
        }
    }

    /// Lets so much time pass that something is due; how much.
    fn pass_until_due(&mut self) -> Millis {
        self.redis.tick(self.now);
        let time = self.redis.next_timeout().expect("something is due").saturating_sub(self.now);
        self.pass(time);
        time
    }

    /// Opens what is to be opened.
    fn open(&mut self) -> Vec<usize> {
        self.pass(0);
        let mut opened = Vec::new();
        while let Some((connection, _)) = self.redis.dial() {
            assert!(self.open[connection].replace(Reader::new(1 << 30)).is_none(), "it is open already");
            self.redis.connected(connection);
            opened.push(connection);
        }
        opened
    }

    /// Opens what is to be opened, after whatever wait there is before that.
    fn reopen(&mut self) -> Vec<usize> {
        for _ in 0..100 {
            let opened = self.open();
            if !opened.is_empty() {
                return opened;
            }
            self.pass_until_due();
        }
        panic!("nothing is opened");
    }

    /// Answers the greetings of all that are open.
    fn welcome(&mut self) {
        for connection in [COMMANDS, LISTENER, READER, SENTINEL] {
            if self.open[connection].is_some() && self.said(connection) == ["HELLO 3 SETNAME roomcast"] {
                self.say_at_once(connection, WELCOME);
            }
        }
    }

    /// The commands that were sent, once.
    fn said(&mut self, connection: usize) -> Vec<String> {
        let output = self.redis.output(connection).to_vec();
        self.redis.sent(connection, output.len());
        let reader = self.open[connection].as_mut().expect("an open connection");
        reader.feed(&output);
        let mut said = Vec::new();
        while reader.advance().unwrap() {
            let Reply::List(words) = reader.reply() else { panic!("{:?}", reader.reply()) };
            let word = |word| match word {
                Reply::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => panic!("{other:?}"),
            };
            said.push(words.map(word).collect::<Vec<_>>().join(" "));
        }
        said
    }

    /// What the Redis says.
    fn say(&mut self, connection: usize, bytes: &str) {
        self.redis.received(connection, bytes.as_bytes());
        assert!(self.redis.has_news(), "the loop looks at what has come");
    }

    /// The same, where nothing comes of it that is told before what else was said.
    fn say_at_once(&mut self, connection: usize, bytes: &str) {
        self.say(connection, bytes);
        assert!(matches!(self.redis.look(), replies::Found::Nothing | replies::Found::Told));
    }

    fn close(&mut self, connection: usize, why: &str) {
        self.open[connection] = None;
        self.redis.closed(connection, why);
    }

    /// All that is heard, and the closing that comes of it.
    fn heard(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(event) = self.redis.next() {
            heard.push(text(&event));
        }
        self.pass(0);
        assert!(!self.redis.has_news());
        heard
    }
}

fn text(event: &RedisEvent<'_>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match event {
        RedisEvent::Up { lost: None } => "up".into(),
        RedisEvent::Up { lost: Some(time) } => format!("up after {time}"),
        RedisEvent::Down { why } => format!("down: {why}"),
        RedisEvent::Message { channel, pattern: None, payload } => {
            format!("{}: {}", text(channel), text(payload))
        }
        RedisEvent::Message { channel, pattern: Some(pattern), payload } => {
            format!("{} ({}): {}", text(channel), text(pattern), text(payload))
        }
        RedisEvent::Reply { token, reply } => format!("{token} = {}", shown(reply)),
        RedisEvent::Failed { token, why } => format!("{token} failed: {why}"),
        RedisEvent::Entry(entry) => format!("entry: {}", text(entry.field(b"k").unwrap_or_default())),
        RedisEvent::Refused { kind, name, why } => format!("{kind:?} {} refused: {why}", text(name)),
        RedisEvent::Unpublished { why } => format!("unpublished: {why}"),
    }
}

fn shown(reply: &Reply<'_>) -> String {
    match reply {
        Reply::Integer(number) => number.to_string(),
        Reply::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Reply::List(items) => format!("[{}]", items.map(|item| shown(&item)).collect::<Vec<_>>().join(" ")),
        other => format!("{other:?}"),
    }
}

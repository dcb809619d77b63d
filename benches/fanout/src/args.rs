//! The command line. Only parsing; defaults are the ones the README documents.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::rooms::Rooms;

const USAGE: &str = "usage: fanout --server ADDR:PORT [options]
  --protocol socketio|polling|raw
                           what the server speaks; polling: the publishers use WebSocket, all others long-polling;
                           raw is plain WebSocket, everybody in one room (socketio)
  --arena                  each connection is in 9 of 400 rooms and publishes in one, instead of one room for all
  --path PATH              request target (socketio: /socket.io/?EIO=4&transport=websocket, raw: /)
  --tls                    over TLS 1.3, with whatever certificate
  --pid PID,...            the server's processes, whose CPU time and memory are read
  --connections N          (100)
  --sources N              loopback source addresses 127.0.0.1 up to 127.0.0.N (one for each 20,000 connections)
  --opening N              handshakes under way at once (64)
  --drain SECONDS          how long the last messages may take to arrive (60)
  --syscalls               count the server's system calls with perf (slows it a little)
  --deflate                offer permessage-deflate, and send what can be compressed
  --compressed             the same messages, compressed by who publishes them: for a server that relays frames as they are
  --label TEXT             copied into the report
  --cell K=V,...           a load to run, may be repeated: size (64), window (1), publishers (1, in the arena all),
                           seconds (2), warmup (0.3), form (text or binary; count: the server counts it and nobody
                           receives; ack: its sender gets an acknowledgement), burst (messages of one publisher in one
                           write, 1), messages (instead of seconds), rate (messages a second; without it, a closed
                           loop, which count cannot be)";

/// What to do, as given on the command line.
#[derive(Debug)]
pub struct Args {
    pub server: SocketAddr,
    pub protocol: Protocol,
    pub path: String,
    pub rooms: Rooms,
    pub tls: bool,
    /// None if nothing is to be read.
    pub pids: Vec<u32>,
    pub connections: usize,
    pub sources: usize,
    pub opening: usize,
    pub drain: Duration,
    pub syscalls: bool,
    pub deflate: bool,
    pub compressed: bool,
    pub label: String,
    pub cells: Vec<Cell>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    SocketIo,
    Polling,
    Raw,
}

/// One load: its shape and how long it lasts.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Bytes of the event's string argument.
    pub size: usize,
    /// Messages in flight over all publishers; a slot frees when every recipient has the message.
    pub window: usize,
    /// The first so many connections publish, in turn.
    pub publishers: usize,
    pub duration: Duration,
    pub warmup: Duration,
    /// Ends after so many messages of each of its two phases, not by the clock. Only in a closed loop.
    pub messages: Option<u64>,
    /// Messages per second on a fixed schedule, whatever the server does; `window` is then ignored.
    pub rate: Option<f64>,
    /// So many messages of one publisher leave in one write, before it is the next one's turn.
    pub burst: usize,
    pub form: Form,
}

/// What a message is, and who hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text, for everybody else in the room.
    Text,
    /// An attachment, for everybody else in the room.
    Binary,
    /// A text that the server counts.
    Count,
    /// A text that the server counts and acknowledges to its sender.
    Ack,
}

impl Form {
    /// As on the command line and in the report.
    pub const NAMES: [(&str, Form); 4] =
        [("text", Form::Text), ("binary", Form::Binary), ("count", Form::Count), ("ack", Form::Ack)];

    pub fn name(self) -> &'static str {
        Form::NAMES.into_iter().find(|&(_, form)| form == self).map_or("", |(name, _)| name)
    }

    /// The other connections receive it.
    pub fn is_relayed(self) -> bool {
        matches!(self, Form::Text | Form::Binary)
    }
}

impl Args {
    pub fn from_env() -> Result<Args, String> {
        let (mut server, mut protocol, mut path, mut pids) = (None, Protocol::SocketIo, None, Vec::new());
        let (mut connections, mut sources, mut opening, mut drain) = (100, None, 64, 60.0);
        let (mut label, mut cells) = (String::new(), Vec::<Cell>::new());
        let (mut syscalls, mut rooms, mut tls, mut deflate, mut compressed) =
            (false, Rooms::One, false, false, false);
        let mut words = std::env::args().skip(1);
        while let Some(flag) = words.next() {
            match flag.as_str() {
                "--syscalls" => syscalls = true,
                "--arena" => rooms = Rooms::Arena,
                "--tls" => tls = true,
                "--deflate" => deflate = true,
                "--compressed" => compressed = true,
                _ => {}
            }
            if matches!(flag.as_str(), "--syscalls" | "--arena" | "--tls" | "--deflate" | "--compressed") {
                continue;
            }
            let value = words.next().ok_or(USAGE)?;
            match flag.as_str() {
                "--server" => server = Some(number(&flag, &value)?),
                "--protocol" => {
                    protocol = match value.as_str() {
                        "socketio" => Protocol::SocketIo,
                        "polling" => Protocol::Polling,
                        "raw" => Protocol::Raw,
                        _ => return Err(USAGE.into()),
                    }
                }
                "--path" => path = Some(value),
                "--pid" => {
                    pids = value.split(',').map(|pid| number(&flag, pid)).collect::<Result<_, _>>()?;
                }
                "--connections" => connections = number(&flag, &value)?,
                "--sources" => sources = Some(number(&flag, &value)?),
                "--opening" => opening = number(&flag, &value)?,
                "--drain" => drain = number(&flag, &value)?,
                "--label" => label = value,
                "--cell" => cells.push(Cell::parse(&value)?),
                _ => return Err(USAGE.into()),
            }
        }
        let path = path.unwrap_or_else(|| match protocol {
            Protocol::SocketIo | Protocol::Polling => "/socket.io/?EIO=4&transport=websocket".into(),
            Protocol::Raw => "/".into(),
        });
        for cell in cells.iter_mut().filter(|_| rooms == Rooms::Arena) {
            cell.publishers = connections;
        }
        if rooms == Rooms::Arena && cells.iter().any(|cell| cell.form != Form::Text) {
            return Err("the arena's messages are texts".into());
        }
        if cells.iter().any(|cell| cell.form == Form::Count && cell.rate.is_none()) {
            return Err("what nobody hears of needs a rate".into());
        }
        if let Some(cell) = cells.iter().find(|cell| cell.publishers > connections) {
            return Err(format!("{} publishers, but {connections} connections", cell.publishers));
        }
        if connections < 2 {
            return Err("at least two connections are needed: nobody hears itself".into());
        }
        Ok(Args {
            server: server.ok_or(USAGE)?,
            protocol,
            path,
            rooms,
            tls,
            pids,
            connections,
            sources: sources.unwrap_or(connections.div_ceil(20_000)).clamp(1, 254),
            opening,
            drain: Duration::from_secs_f64(drain),
            syscalls,
            deflate,
            compressed,
            label,
            cells,
        })
    }
}

impl Cell {
    fn parse(text: &str) -> Result<Cell, String> {
        let mut cell = Cell {
            size: 64,
            window: 1,
            publishers: 1,
            duration: Duration::from_secs(2),
            warmup: Duration::from_millis(300),
            messages: None,
            rate: None,
            burst: 1,
            form: Form::Text,
        };
        for pair in text.split(',') {
            let (key, value) = pair.split_once('=').ok_or(USAGE)?;
            match key {
                "size" => cell.size = number(key, value)?,
                "window" => cell.window = number(key, value)?,
                "publishers" => cell.publishers = number(key, value)?,
                "seconds" => cell.duration = Duration::from_secs_f64(number(key, value)?),
                "warmup" => cell.warmup = Duration::from_secs_f64(number(key, value)?),
                "messages" => cell.messages = Some(number(key, value)?),
                "form" => {
                    let named = Form::NAMES.into_iter().find(|(name, _)| *name == value);
                    cell.form = named.ok_or_else(|| format!("{value} is no form"))?.1;
                }
                "burst" => cell.burst = number(key, value)?,
                "rate" => cell.rate = Some(number(key, value)?),
                _ => return Err(USAGE.into()),
            }
        }
        if cell.size < crate::message::MIN_SIZE || cell.window.min(cell.publishers).min(cell.burst) == 0 {
            return Err(format!(
                "cell {text}: size at least {}, the others at least 1",
                crate::message::MIN_SIZE
            ));
        }
        Ok(cell)
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: {value} is not a value for it"))
}

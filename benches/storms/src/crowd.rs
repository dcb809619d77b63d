//! Many WebSocket clients on one thread: they connect, join the room, talk, listen, stop listening, and come back. It
//! must not know what a scenario wants of them.

use crate::Outcome;
use rustix::event::{Timespec, epoll};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

const UPGRADE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const MASK: [u8; 4] = [0x5a, 0x13, 0xc7, 0x2e];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Upgrading,
    Opening,
    Connecting,
    Joining,
    Ready,
    /// Answered with 503: to come again at a time.
    Refused(Instant),
    Gone,
}

/// What a client got.
#[derive(Debug)]
pub enum Got<'a> {
    Ready,
    Event(&'a str),
    Refused,
    /// The close code of the server, if it gave one.
    Closed(Option<u16>),
}

pub struct Client {
    stream: Option<TcpStream>,
    pub state: State,
    input: Vec<u8>,
    code: Option<u16>,
    /// With recovery, the private id of its session.
    pid: Option<String>,
}

pub struct Crowd {
    server: SocketAddr,
    poll: OwnedFd,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    pub clients: Vec<Client>,
    /// Bytes that the kernel holds of what a client does not read, about.
    receive: Option<usize>,
}

impl Crowd {
    pub fn new(server: SocketAddr, receive: Option<usize>) -> Outcome<Crowd> {
        Ok(Crowd {
            receive,
            server,
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(1_024),
            buffer: vec![0; 256 * 1_024],
            clients: Vec::new(),
        })
    }

    /// Adds a client that is on its way to the room.
    pub fn join(&mut self) -> Outcome<usize> {
        let (input, pid) = (Vec::new(), None);
        self.clients.push(Client { stream: None, state: State::Gone, input, code: None, pid });
        let at = self.clients.len() - 1;
        self.rejoin(at)?;
        Ok(at)
    }

    /// The network takes a client's connection away.
    pub fn cut(&mut self, at: usize) -> Outcome<()> {
        if let Some(stream) = self.clients[at].stream.take() {
            Socket::from(stream).set_linger(Some(Duration::ZERO))?;
        }
        self.clients[at].state = State::Gone;
        Ok(())
    }

    /// Connects a client that is gone anew; it asks for its session if it has one.
    pub fn rejoin(&mut self, at: usize) -> Outcome<()> {
        let stream = dial(self.server, at, self.receive, UPGRADE.as_bytes())?;
        stream.set_nonblocking(true)?;
        epoll::add(&self.poll, &stream, epoll::EventData::new_u64(at as u64), epoll::EventFlags::IN)?;
        let pid = self.clients[at].pid.take();
        self.clients[at] =
            Client { stream: Some(stream), state: State::Upgrading, input: Vec::new(), code: None, pid };
        Ok(())
    }

    /// A client reads no more; the server's kernel fills up.
    pub fn stop_reading(&mut self, at: usize) -> Outcome<()> {
        if let Some(stream) = &self.clients[at].stream {
            epoll::delete(&self.poll, stream)?;
        }
        Ok(())
    }

    pub fn ready(&self) -> usize {
        self.clients.iter().filter(|client| client.state == State::Ready).count()
    }

    pub fn say(&mut self, at: usize, text: &str) -> Outcome<()> {
        let mut frame = Vec::with_capacity(text.len() + 14);
        frame.push(0x81);
        match text.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length)?.to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(text.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        if let Some(stream) = &mut self.clients[at].stream {
            stream.write_all(&frame)?;
        }
        Ok(())
    }

    /// Waits once, at most until `until`, and tells `got` what came.
    pub fn wait(&mut self, until: Instant, mut got: impl FnMut(usize, Got<'_>, Instant)) -> Outcome<()> {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        self.events.clear();
        match epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut self.events), Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            other => other?,
        };
        for event in std::mem::take(&mut self.events) {
            self.read(event.data.u64() as usize, &mut got)?;
        }
        self.events.reserve(1_024);
        Ok(())
    }

    fn read(&mut self, at: usize, got: &mut impl FnMut(usize, Got<'_>, Instant)) -> Outcome<()> {
        let client = &mut self.clients[at];
        let Some(stream) = &mut client.stream else { return Ok(()) };
        let count = match stream.read(&mut self.buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(_) => 0,
        };
        let now = Instant::now();
        if count == 0 {
            let refused = matches!(client.state, State::Refused(_));
            client.stream = None;
            if !refused {
                client.state = State::Gone;
                got(at, Got::Closed(client.code), now);
            }
            return Ok(());
        }
        client.input.extend_from_slice(&self.buffer[..count]);
        let mut input = std::mem::take(&mut client.input);
        let mut used = 0;
        if client.state == State::Upgrading {
            let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else {
                client.input = input;
                return Ok(());
            };
            used = end + 4;
            let head = std::str::from_utf8(&input[..used])?;
            if head.starts_with("HTTP/1.1 503") {
                let seconds = head.lines().find_map(|line| line.strip_prefix("Retry-After: ")?.parse().ok());
                let seconds: u64 = seconds.ok_or("503 without Retry-After")?;
                client.state = State::Refused(now + Duration::from_secs(seconds));
                got(at, Got::Refused, now);
                return Ok(());
            }
            if !head.starts_with("HTTP/1.1 101") {
                return Err(head.to_owned().into());
            }
            client.state = State::Opening;
        }
        while let Some((opcode, start, end)) = frame(&input[used..]) {
            let payload = &input[used + start..used + end];
            used += end;
            if opcode == 8 {
                let client = &mut self.clients[at];
                client.code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                // The close handshake's other half: an empty frame.
                if let Some(stream) = &mut client.stream {
                    stream.write_all(&[0x88, 0x80, MASK[0], MASK[1], MASK[2], MASK[3]])?;
                }
                continue;
            }
            let text = std::str::from_utf8(payload)?;
            let client = &mut self.clients[at];
            let state = client.state;
            let (next, answer) = match (state, text.as_bytes()) {
                (_, b"2") => (state, Some("3".to_owned())),
                (State::Opening, [b'0', ..]) => {
                    let session = client.pid.as_ref().map(|pid| format!("40{{\"pid\":\"{pid}\"}}"));
                    (State::Connecting, session.or_else(|| Some("40".to_owned())))
                }
                (State::Connecting, [b'4', b'0', ..]) => {
                    let pid = text.split("\"pid\":\"").nth(1).and_then(|rest| rest.split('"').next());
                    let pid = pid.map(str::to_owned);
                    let is_back = pid.is_some() && pid == client.pid;
                    client.pid = pid;
                    // Whoever is back is in its room.
                    if is_back {
                        (State::Ready, None)
                    } else {
                        (State::Joining, Some(r#"420["join"]"#.to_owned()))
                    }
                }
                (State::Joining, [b'4', b'3', ..]) => (State::Ready, None),
                (_, [b'4', b'2', ..]) | (State::Ready, [b'4', b'3', ..]) => {
                    got(at, Got::Event(text), now);
                    (state, None)
                }
                _ => return Err(format!("{state:?}: {text}").into()),
            };
            self.clients[at].state = next;
            if state != next && next == State::Ready {
                got(at, Got::Ready, now);
            }
            if let Some(answer) = answer {
                self.say(at, &answer)?;
            }
        }
        input.drain(..used);
        self.clients[at].input = input;
        Ok(())
    }
}

/// A blocking connection that has sent `bytes`; it comes from one of several addresses, so that ports suffice.
pub fn dial(server: SocketAddr, at: usize, receive: Option<usize>, bytes: &[u8]) -> Outcome<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, 1 + (at % 4) as u8), 0)).into())?;
    if let Some(receive) = receive {
        socket.set_recv_buffer_size(receive)?;
    }
    socket.connect(&server.into())?;
    socket.set_tcp_nodelay(true)?;
    let mut stream: TcpStream = socket.into();
    stream.write_all(bytes)?;
    Ok(stream)
}

/// The first whole frame: its opcode and where its payload starts and ends.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let &[first, second, ..] = bytes else { return None };
    let (start, length) = match second {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        length => (2, u64::from(length)),
    };
    let end = start + length as usize;
    (bytes.len() >= end).then_some((first & 15, start, end))
}

pub const UPGRADE_REQUEST: &str = UPGRADE;

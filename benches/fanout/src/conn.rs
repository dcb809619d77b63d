//! One client connection: the handshakes up to the rooms, then events. Knows nothing of loads and checks.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use rustls::ClientConfig;
use socket2::{Domain, Socket, Type};

use crate::args::Protocol;
use crate::message::BINARY;
use crate::poll::{self, Poll};
use crate::stream::Stream;
use crate::tally::Delivery;

/// RFC 6455's own example. The benchmark needs no secret, and a bare server can then answer from a constant.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Any mask but zero, which a server could notice and skip.
const MASK: [u8; 4] = [0x5a, 0x13, 0xc7, 0x2e];
const TEXT: u8 = 1;
const BINARY_FRAME: u8 = 2;
const PING: u8 = 9;
const PONG: u8 = 10;
/// RSV1, in the first byte.
const DEFLATED: u8 = 0x40;

/// Reads compressed messages, each of which begins anew. Most connections get the same ones, so the last are remembered.
pub struct Inflater {
    state: Decompress,
    /// Messages as they came, and what they stand for, each in a place by its bytes.
    known: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Inflater {
    const PLACES: usize = 1024;
    const LONGEST: usize = 64 * 1024;

    pub fn new() -> Self {
        Self { state: Decompress::new(false), known: vec![Default::default(); Self::PLACES] }
    }

    fn read(&mut self, payload: &[u8]) -> io::Result<&[u8]> {
        // What tells messages apart may lie anywhere. The constant is Fibonacci hashing's.
        let hash = payload.chunks_exact(8).fold(0_u64, |hash, bytes| {
            let word = bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
            (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        let (deflated, text) = &mut self.known[(hash >> 32) as usize % Self::PLACES];
        if deflated != payload {
            deflated.clear();
            deflated.extend_from_slice(payload);
            deflated.extend_from_slice(&[0, 0, 0xff, 0xff]);
            text.clear();
            text.reserve(Self::LONGEST);
            self.state.reset(false);
            self.state.decompress_vec(deflated, text, FlushDecompress::Sync)?;
            text.shrink_to_fit();
            deflated.truncate(payload.len());
        }
        Ok(text)
    }
}

/// Compresses messages as roomcast does by default, each for itself.
pub struct Deflater {
    state: Compress,
    out: Vec<u8>,
}

impl Deflater {
    const LEVEL: u32 = 3;
    /// What a message ends with, which is not sent.
    const END: [u8; 4] = [0, 0, 0xff, 0xff];

    pub fn new() -> Self {
        Self { state: Compress::new(Compression::new(Self::LEVEL), false), out: Vec::new() }
    }

    pub fn compress(&mut self, text: &[u8]) -> io::Result<&[u8]> {
        self.out.clear();
        self.out.reserve(text.len() + 64);
        self.state.reset();
        self.state.compress_vec(text, &mut self.out, FlushCompress::Sync)?;
        self.out.strip_suffix(&Self::END).ok_or_else(|| fault("a message that does not get smaller"))
    }
}

pub struct Conn {
    /// None if it offers no compression.
    inflater: Option<Rc<RefCell<Inflater>>>,
    /// Bytes that have come.
    pub received: u64,
    stream: Stream,
    state: State,
    protocol: Protocol,
    /// What it joins.
    rooms: Vec<String>,
    /// How the session stands, on long-polling.
    poll: Option<Box<Poll>>,
    /// A binary event's packet has come, its attachment not.
    announced: bool,
    /// The beginning of a frame whose rest has not arrived.
    partial: Vec<u8>,
    /// What the kernel has not taken yet, besides what a publisher gathers before one flush.
    output: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Upgrade,
    Open,
    Connect,
    Join,
    Ready,
}

impl Conn {
    /// Connects from `source` and sends the first request. A plain WebSocket server has one room, which needs no joining,
    /// or is told which in a message: `rooms` is empty for the former.
    pub fn open(
        server: SocketAddr,
        source: Ipv4Addr,
        protocol: Protocol,
        path: &str,
        rooms: Vec<String>,
        inflater: Option<Rc<RefCell<Inflater>>>,
        tls: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Conn> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if !source.is_unspecified() {
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        // Loopback connects at once while the listen queue has room, and `--opening` keeps it so.
        socket.connect(&server.into())?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // Each message by itself, from whoever is asked: they can be told apart then, and most connections get the same ones.
        let offer = match inflater {
            None => "",
            Some(_) => {
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
            }
        };
        let poll = (protocol == Protocol::Polling).then(|| Box::new(Poll::new(server)));
        let request = poll.as_ref().map_or_else(
            || {
                format!(
                    "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{offer}\r\n"
                )
                .into_bytes()
            },
            |poll| poll.request(),
        );
        let state = if poll.is_some() { State::Open } else { State::Upgrade };
        let mut conn = Conn {
            inflater,
            received: 0,
            stream: Stream::new(socket.into(), tls)?,
            state,
            protocol,
            rooms,
            poll,
            announced: false,
            partial: Vec::new(),
            output: request,
        };
        conn.flush()?;
        Ok(conn)
    }

    pub fn stream(&self) -> &TcpStream {
        self.stream.tcp()
    }

    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Adds a packet to the output.
    pub fn queue(&mut self, text: &[u8]) {
        match &mut self.poll {
            None => self.queue_frame(TEXT, text),
            Some(poll) => poll.queue(text),
        }
    }

    /// Adds a packet that is compressed already, as if that had been agreed on; not on long-polling.
    pub fn queue_deflated(&mut self, bytes: &[u8]) {
        self.queue_frame(TEXT | DEFLATED, bytes);
    }

    /// Adds an attachment to the output; not on long-polling.
    pub fn queue_binary(&mut self, bytes: &[u8]) {
        self.queue_frame(BINARY_FRAME, bytes);
    }

    /// Writes what is queued. False when the kernel did not take all.
    pub fn flush(&mut self) -> io::Result<bool> {
        let mut written = 0;
        while written < self.output.len() {
            match self.stream.write(&self.output[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.drain(..written);
        match self.stream.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            done => done.map(|()| self.output.is_empty()),
        }
    }

    /// Reads what there is, or a buffer of it, and hands each event of the load to `event`.
    pub fn read(&mut self, buffer: &mut [u8], mut event: impl FnMut(Delivery<'_>)) -> io::Result<()> {
        while self.read_some(buffer, &mut event)? && self.stream.may_hold() {}
        // What was read may be answered, or have ended the handshake that output waited for.
        if !self.output.is_empty() {
            self.flush()?;
        }
        Ok(())
    }

    /// False if there was nothing.
    fn read_some(&mut self, buffer: &mut [u8], mut event: impl FnMut(Delivery<'_>)) -> io::Result<bool> {
        let count = match self.stream.read(buffer) {
            Ok(0) => return Err(fault("the server closed a connection")),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        self.received += count as u64;
        if self.partial.is_empty() {
            let used = self.consume(&buffer[..count], &mut event)?;
            self.partial.extend_from_slice(&buffer[used..count]);
        } else {
            let mut bytes = std::mem::take(&mut self.partial);
            bytes.extend_from_slice(&buffer[..count]);
            let used = self.consume(&bytes, &mut event)?;
            bytes.drain(..used);
            if !bytes.is_empty() {
                self.partial = bytes;
            }
        }
        Ok(true)
    }

    /// Handles every whole frame of `bytes`; returns how many bytes they took.
    fn consume(&mut self, bytes: &[u8], event: &mut impl FnMut(Delivery<'_>)) -> io::Result<usize> {
        if self.poll.is_some() {
            return self.consume_responses(bytes, event);
        }
        let mut used = 0;
        if self.state == State::Upgrade {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(0) };
            used = end + 4;
            self.upgraded(&String::from_utf8_lossy(&bytes[..used]))?;
        }
        let inflater = self.inflater.clone();
        let mut inflater = inflater.as_ref().map(|inflater| inflater.borrow_mut());
        while let Some((first, start, end)) = frame(&bytes[used..])? {
            let mut payload = &bytes[used + start..used + end];
            used += end;
            let opcode = first & 0x0f;
            if first & DEFLATED != 0 {
                payload = inflater
                    .as_mut()
                    .ok_or_else(|| fault("a compressed frame, not agreed on"))?
                    .read(payload)?;
            }
            match opcode {
                TEXT => self.packet(payload, event)?,
                BINARY_FRAME => self.attachment(payload, event)?,
                PING => self.queue_frame(PONG, payload),
                other => return Err(fault(&format!("unexpected frame with opcode {other}"))),
            }
        }
        Ok(used)
    }

    /// Handles every whole response of `bytes`, and asks for the next one.
    fn consume_responses(&mut self, bytes: &[u8], event: &mut impl FnMut(Delivery<'_>)) -> io::Result<usize> {
        let mut used = 0;
        while let Some((body, end)) = poll::response(&bytes[used..])? {
            for packet in
                body.split(|&byte| byte == poll::SEPARATOR).filter(|_| !body.eq_ignore_ascii_case(b"ok"))
            {
                match packet {
                    [b'b', attachment @ ..] => self.attachment(&poll::decoded(attachment)?, event)?,
                    packet => self.packet(packet, event)?,
                }
            }
            used += end;
            if let Some(poll) = &mut self.poll {
                self.output.extend_from_slice(&poll.request());
                poll.requested();
            }
        }
        Ok(used)
    }

    fn attachment(&mut self, bytes: &[u8], event: &mut impl FnMut(Delivery<'_>)) -> io::Result<()> {
        if !std::mem::take(&mut self.announced) {
            return Err(fault("an attachment without its packet"));
        }
        event(Delivery::Binary(bytes));
        Ok(())
    }

    fn upgraded(&mut self, head: &str) -> io::Result<()> {
        if !head.starts_with("HTTP/1.1 101") || !head.contains(ACCEPT) {
            return Err(fault(&format!("no upgrade: {head}")));
        }
        self.state = match self.protocol {
            Protocol::SocketIo | Protocol::Polling => State::Open,
            Protocol::Raw if self.rooms.is_empty() => State::Ready,
            Protocol::Raw => {
                self.queue(format!("+{}", self.rooms.join(" ")).as_bytes());
                State::Join
            }
        };
        Ok(())
    }

    /// An Engine.IO packet that is not an attachment.
    fn packet(&mut self, text: &[u8], event: &mut impl FnMut(Delivery<'_>)) -> io::Result<()> {
        if self.announced {
            return Err(fault("a packet between a binary event and its attachment"));
        }
        self.state = match (self.state, text) {
            (State::Ready, [b'4', b'2', ..]) => {
                event(Delivery::Text(text));
                State::Ready
            }
            (State::Ready, [b'4', b'3', ack @ ..]) => {
                event(answer(ack).ok_or_else(|| fault("an acknowledgement that is none"))?);
                State::Ready
            }
            (State::Ready, BINARY) => {
                self.announced = true;
                State::Ready
            }
            (state, b"2") => {
                self.queue(b"3");
                state
            }
            // A noop: the poll is ended for another reason than packets.
            (state, b"6") if self.poll.is_some() => state,
            (State::Open, [b'0', ..]) => {
                if let Some(poll) = &mut self.poll {
                    poll.opened(text)?;
                }
                self.queue(b"40");
                State::Connect
            }
            (State::Connect, [b'4', b'0', ..]) => {
                let join = match &self.rooms[..] {
                    [room] => format!("420[\"join\",{room:?}]"),
                    rooms => format!("420[\"rooms\",{rooms:?}]"),
                };
                self.queue(join.as_bytes());
                State::Join
            }
            (State::Join, [b'4', b'3', b'0', ..] | b"+") => {
                self.rooms = Vec::new();
                State::Ready
            }
            (state, text) => {
                return Err(fault(&format!(
                    "{state:?}: unexpected packet {}",
                    String::from_utf8_lossy(text)
                )));
            }
        };
        Ok(())
    }

    fn queue_frame(&mut self, first: u8, payload: &[u8]) {
        self.output.push(0x80 | first);
        match payload.len() {
            length @ 0..126 => self.output.push(0x80 | length as u8),
            length @ 126..65_536 => {
                self.output.push(0x80 | 126);
                self.output.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                self.output.push(0x80 | 127);
                self.output.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        self.output.extend_from_slice(&MASK);
        self.output.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
}

/// An acknowledgement without arguments, or the count that was asked for.
fn answer(text: &[u8]) -> Option<Delivery<'static>> {
    let (number, args) = std::str::from_utf8(text).ok()?.strip_suffix(']')?.split_once('[')?;
    match args {
        "" => Some(Delivery::Ack(number.parse().ok()?)),
        count => Some(Delivery::Counted(count.parse().ok()?)),
    }
}

/// The first frame of `bytes`, when it is there whole: its first byte and where its payload starts and ends.
fn frame(bytes: &[u8]) -> io::Result<Option<(u8, usize, usize)>> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    if first & 0xb0 != 0x80 || second & 0x80 != 0 {
        return Err(fault("a fragmented or masked frame"));
    }
    let (start, length) = match (second, bytes.get(2..4), bytes.get(2..10)) {
        (126, Some(length), _) => (4, u64::from(u16::from_be_bytes([length[0], length[1]]))),
        (127, _, Some(length)) => (10, length.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))),
        (126 | 127, ..) => return Ok(None),
        (length, ..) => (2, u64::from(length)),
    };
    let end = start + length as usize;
    Ok((bytes.len() >= end).then_some((first, start, end)))
}

fn fault(text: &str) -> io::Error {
    io::Error::other(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_whole_or_waited_for() {
        for length in [0usize, 1, 125, 126, 65_535, 65_536] {
            let mut bytes = vec![0x81];
            match length {
                0..126 => bytes.push(length as u8),
                126..65_536 => bytes.extend([&[126][..], &(length as u16).to_be_bytes()].concat()),
                _ => bytes.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
            }
            let start = bytes.len();
            bytes.resize(start + length, b'x');
            for cut in (0..bytes.len()).step_by(1 + length / 100) {
                assert_eq!(frame(&bytes[..cut]).unwrap(), None);
            }
            bytes.push(0x81);
            assert_eq!(frame(&bytes).unwrap(), Some((0x80 | TEXT, start, start + length)));
        }
    }
}

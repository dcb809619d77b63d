//! A WebSocket echo server on the crate's two lower floors, the codec and the event loop, without Engine.IO: for conformance
//! suites such as Autobahn's, and to show what a service on the loop looks like.
//!
//! Messages are compressed with clients that offer permessage-deflate.
//!
//! `cargo run --example echo_ws -- 9001`; port 0 takes a free one. It says where it listens on standard output.

use roomcast::Limits;
use roomcast::service::{Flow, Loop, LoopOptions, Output, Sent, Service};
use roomcast::wire::http::{self, Response};
use roomcast::wire::ws::{self, Decoder, Deflater, Deflation, Fault, Inflater, Message, Opcode};
use roomcast::{ListenOptions, Millis, Peer};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// Output that the kernel has not taken, past which a client is not read: one that only sends costs no more than
/// this and one message.
const MAX_UNSENT: usize = 256 * 1024;
/// How well messages are compressed: from 1, the fastest, to 9.
const LEVEL: u8 = 3;

fn main() -> io::Result<()> {
    let port = match std::env::args().nth(1).map(|port| port.parse()) {
        Some(Ok(port)) => port,
        None => 9001,
        Some(Err(_)) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: echo_ws [PORT]")),
    };
    serve(port, |address| println!("listening on {address}"))
}

/// Serves until something fails. `on_listening` is told the address.
pub(crate) fn serve(port: u16, on_listening: impl FnOnce(SocketAddr)) -> io::Result<()> {
    // Autobahn cuts its largest message into 65,536 fragments and ends it with an empty one.
    let limits = Limits { max_payload: 16 * 1024 * 1024, max_fragments: 65_537, ..Limits::default() };
    let mut event_loop = Loop::new(&LoopOptions::from(&limits))?;
    let compression = Compression::default();
    let mut echo = Echo { limits, compression, clients: Vec::new(), dirty: Vec::new() };
    on_listening(event_loop.listen((Ipv4Addr::LOCALHOST, port).into(), &ListenOptions::default())?);
    loop {
        event_loop.turn(&mut echo, None)?;
    }
}

struct Echo {
    limits: Limits,
    compression: Compression,
    /// By link.
    clients: Vec<Option<Client>>,
    /// Links that the next flush looks at.
    dirty: Vec<usize>,
}

/// One for all clients: each message is compressed by itself.
#[derive(Default)]
struct Compression {
    inflater: Inflater,
    /// Made when the first client needs it.
    deflater: Option<Deflater>,
    /// For clients that hold a small window.
    narrow: Option<Deflater>,
}

impl Compression {
    /// What reads the messages of clients that agreed on this, and what compresses them.
    fn of(&mut self, agreed: Deflation) -> (&mut Inflater, &mut Deflater) {
        let deflater = if agreed.is_narrow() { &mut self.narrow } else { &mut self.deflater };
        (&mut self.inflater, deflater.get_or_insert_with(|| agreed.deflater(LEVEL)))
    }
}

struct Client {
    phase: Phase,
    out: Vec<u8>,
    /// How much of `out` the kernel has taken.
    taken: usize,
}

enum Phase {
    /// The request's head so far.
    Head(Vec<u8>),
    Open(Decoder, Option<Deflation>),
    /// Nothing counts any more; the link is closed behind the last output.
    Over,
}

impl Service for Echo {
    fn opened(&mut self, link: usize, _: Peer, _: Millis) -> bool {
        if self.clients.len() <= link {
            self.clients.resize_with(link + 1, || None);
        }
        self.clients[link] = Some(Client { phase: Phase::Head(Vec::new()), out: Vec::new(), taken: 0 });
        true
    }

    fn received(&mut self, link: usize, bytes: &mut [u8], _: Millis) -> Flow {
        let Some(Some(client)) = self.clients.get_mut(link) else { return Flow::Pause };
        client.received(bytes, &self.limits, &mut self.compression);
        if !client.out.is_empty() {
            self.dirty.push(link);
        }
        if client.is_full() { Flow::Pause } else { Flow::Continue }
    }

    fn closed(&mut self, link: usize, _reset: bool, _: Millis) {
        self.clients[link] = None;
    }

    fn writable(&mut self, link: usize) {
        self.dirty.push(link);
    }

    fn flush(&mut self, out: &mut impl Output, _: Millis) {
        for link in self.dirty.drain(..) {
            let Some(Some(client)) = self.clients.get_mut(link) else { continue };
            match out.send(link, &client.out[client.taken..]) {
                Sent::All if matches!(client.phase, Phase::Over) => {
                    out.close(link);
                    self.clients[link] = None;
                    continue;
                }
                Sent::All => client.take_all(),
                Sent::Part(count) => client.take(count),
                Sent::Broken => continue,
            }
            if !client.is_full() {
                out.resume(link);
            }
        }
    }

    fn timeout(&mut self, _: Millis) {}

    fn next_timeout(&self) -> Option<Millis> {
        None
    }

    fn wants_input(&self) -> bool {
        true
    }

    fn has_work(&self) -> bool {
        false
    }
}

impl Client {
    fn received(&mut self, bytes: &mut [u8], limits: &Limits, compression: &mut Compression) {
        match &mut self.phase {
            Phase::Head(head) => {
                head.extend_from_slice(bytes);
                let mut head = std::mem::take(head);
                match answer(&head, limits, &mut self.out) {
                    Handshake::Unfinished => self.phase = Phase::Head(head),
                    Handshake::Refused => self.phase = Phase::Over,
                    Handshake::Done { length, agreed } => {
                        self.phase = Phase::Open(Decoder::new(), agreed);
                        self.received(&mut head[length..], limits, compression);
                    }
                }
            }
            Phase::Open(decoder, agreed) => {
                let compression = agreed.map(|agreed| compression.of(agreed));
                let end = match echo(decoder, bytes, limits, compression, &mut self.out) {
                    Ok(is_open) => !is_open,
                    Err(fault) => {
                        ws::close_frame(&mut self.out, fault.close_code(), "");
                        true
                    }
                };
                if end {
                    self.phase = Phase::Over;
                }
            }
            Phase::Over => {}
        }
    }

    /// There is no room for what else it may have to say, or no sense in it.
    fn is_full(&self) -> bool {
        matches!(self.phase, Phase::Over) || self.out.len() - self.taken > MAX_UNSENT
    }

    fn take_all(&mut self) {
        self.taken = 0;
        self.out.clear();
        self.out.shrink_to(MAX_UNSENT);
    }

    fn take(&mut self, count: usize) {
        self.taken += count;
        // Moving the rest down only when it is the smaller part costs each byte one move at most.
        if self.taken > self.out.len() / 2 {
            self.out.drain(..self.taken);
            self.taken = 0;
        }
    }
}

enum Handshake {
    Unfinished,
    Refused,
    /// The length of the head, and how messages may be compressed.
    Done {
        length: usize,
        agreed: Option<Deflation>,
    },
}

fn answer(head: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Handshake {
    let (request, length) = match http::parse_head(head, limits) {
        Ok(None) => return Handshake::Unfinished,
        Ok(Some(parsed)) => parsed,
        Err(error) => {
            Response::new(out, error.status()).body(b"", false);
            return Handshake::Refused;
        }
    };
    match request.websocket_key() {
        Ok(key) => {
            let agreed = request.deflation();
            let accept = http::accept_key(key);
            let mut response = http::switching_protocols(out, &accept);
            if let Some(agreed) = agreed {
                response = response.header("Sec-WebSocket-Extensions", agreed.answer());
            }
            response.upgraded();
            Handshake::Done { length, agreed }
        }
        Err(error) => {
            Response::new(out, error.status()).body(error.text().as_bytes(), false);
            Handshake::Refused
        }
    }
}

/// Answers the messages in `bytes`. False after a close frame.
fn echo(
    decoder: &mut Decoder,
    mut bytes: &mut [u8],
    limits: &Limits,
    compression: Option<(&mut Inflater, &mut Deflater)>,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let (mut inflater, mut deflater) = compression.unzip();
    loop {
        let (used, message) = decoder.read_deflated(bytes, limits, inflater.as_deref_mut())?;
        match message {
            None => return Ok(true),
            Some(Message::Text(text)) => send(out, Opcode::Text, text.as_bytes(), deflater.as_deref_mut()),
            Some(Message::Binary(payload)) => send(out, Opcode::Binary, payload, deflater.as_deref_mut()),
            Some(Message::Ping(payload)) => ws::frame(out, Opcode::Pong, payload),
            Some(Message::Pong(_)) => {}
            Some(Message::Close(Some(code), _)) => {
                ws::close_frame(out, code, "");
                return Ok(false);
            }
            Some(Message::Close(None, _)) => {
                ws::frame(out, Opcode::Close, b"");
                return Ok(false);
            }
        }
        bytes = &mut bytes[used..];
    }
}

/// Appends a message, compressed if the client takes it so and it gains by it.
fn send(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], deflater: Option<&mut Deflater>) {
    match deflater {
        Some(deflater) => ws::deflated_frame(out, opcode, payload, deflater),
        None => ws::frame(out, opcode, payload),
    }
}

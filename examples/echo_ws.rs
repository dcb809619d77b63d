//! A WebSocket echo server on the crate's two lower floors, the codec and the event loop, without Engine.IO: for conformance
//! suites such as Autobahn's, and to show what a service on the loop looks like.
//!
//! `cargo run --example echo_ws -- 9001`; port 0 takes a free one. It says where it listens on standard output.

use roomcast::Limits;
use roomcast::service::{Flow, Loop, LoopOptions, Output, Sent, Service};
use roomcast::wire::http::{self, Response};
use roomcast::wire::ws::{self, Decoder, Fault, Message, Opcode};
use roomcast::{ListenOptions, Millis, Peer};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// Output that the kernel has not taken, past which a client is not read: one that only sends costs no more than
/// this and one message.
const MAX_UNSENT: usize = 256 * 1024;

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
    let mut echo = Echo { limits, clients: Vec::new(), dirty: Vec::new() };
    on_listening(event_loop.listen((Ipv4Addr::LOCALHOST, port).into(), &ListenOptions::default())?);
    loop {
        event_loop.turn(&mut echo, None)?;
    }
}

struct Echo {
    limits: Limits,
    /// By link.
    clients: Vec<Option<Client>>,
    /// Links that the next flush looks at.
    dirty: Vec<usize>,
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
    Open(Decoder),
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
        client.received(bytes, &self.limits);
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
    fn received(&mut self, bytes: &mut [u8], limits: &Limits) {
        match &mut self.phase {
            Phase::Head(head) => {
                head.extend_from_slice(bytes);
                let mut head = std::mem::take(head);
                match answer(&head, limits, &mut self.out) {
                    Handshake::Unfinished => self.phase = Phase::Head(head),
                    Handshake::Refused => self.phase = Phase::Over,
                    Handshake::Done(length) => {
                        self.phase = Phase::Open(Decoder::new());
                        self.received(&mut head[length..], limits);
                    }
                }
            }
            Phase::Open(decoder) => {
                let end = match echo(decoder, bytes, limits, &mut self.out) {
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
    /// The length of the head.
    Done(usize),
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
            http::switching_protocols(out, &http::accept_key(key)).upgraded();
            Handshake::Done(length)
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
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    loop {
        let (used, message) = decoder.read(bytes, limits)?;
        match message {
            None => return Ok(true),
            Some(Message::Text(text)) => ws::frame(out, Opcode::Text, text.as_bytes()),
            Some(Message::Binary(payload)) => ws::frame(out, Opcode::Binary, payload),
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

//! A client: polling, WebSocket or one after the other, well behaved unless told otherwise. It knows the broker only by
//! the bytes it gets.

use crate::net::{End, Net};
use crate::parse::{self, Frame, Packet, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::VecDeque;

/// A message of Engine.IO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    Text(String),
    Binary(Vec<u8>),
}

/// One TCP connection of a client.
#[derive(Default, Debug)]
pub(crate) struct Wire {
    pub(crate) id: usize,
    pub(crate) input: Vec<u8>,
    /// A response is awaited.
    pub(crate) busy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    None,
    Polling,
    WebSocket,
}

pub(crate) struct Client {
    pub(crate) carrier: Carrier,
    pub(crate) sid: Option<String>,
    /// The WebSocket, or the probe.
    pub(crate) ws: Option<Wire>,
    pub(crate) ws_open: bool,
    pub(crate) poll: Option<Wire>,
    pub(crate) post: Option<Wire>,
    /// Not sent yet, over polling.
    pub(crate) outbox: VecDeque<Out>,
    /// Socket.IO packets in the order they came.
    pub(crate) inbox: Vec<Packet>,
    partial: Option<Packet>,
    /// Other Engine.IO packets, as text.
    pub(crate) engine: Vec<String>,
    /// Statuses of responses that were no polls' payloads.
    pub(crate) responses: Vec<Response>,
    pub(crate) close_frame: Option<Option<u16>>,
    /// The session is over, as far as the client can see.
    pub(crate) over: bool,
    pub(crate) answers_pings: bool,
    pub(crate) polls: bool,
    pub(crate) reads: bool,
    /// The poll that is answered next is the last one: the WebSocket is to take over.
    pub(crate) upgrading: bool,
    /// Sends `5` by itself when the last poll is answered.
    pub(crate) finishes_upgrade: bool,
    pub(crate) probed: bool,
    pub(crate) room: usize,
    /// Answers every event that asks for it.
    pub(crate) acks: bool,
    /// Asks for attachments as text on its WebSocket, and takes no others.
    pub(crate) base64: bool,
    /// Speaks Engine.IO 3: it sends the pings, and is in `/` without asking.
    pub(crate) old: bool,
    /// Has the msgpack parser: what it sends as text goes out as that has it, and what comes is read so.
    pub(crate) msgpack: bool,
    /// A packet that waits for its attachments before it is packed.
    pub(crate) packing: Option<(String, Vec<Vec<u8>>)>,
    /// Takes gzip, and offers permessage-deflate: with `Some(true)` for a window of 512 bytes.
    pub(crate) deflates: Option<bool>,
    /// It was agreed on: what it sends is compressed from then on.
    pub(crate) agreed: bool,
}

impl Client {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            carrier: Carrier::None,
            sid: None,
            ws: None,
            ws_open: false,
            poll: None,
            post: None,
            outbox: VecDeque::new(),
            inbox: Vec::new(),
            partial: None,
            engine: Vec::new(),
            responses: Vec::new(),
            close_frame: None,
            over: false,
            answers_pings: true,
            polls: true,
            reads: true,
            upgrading: false,
            finishes_upgrade: true,
            probed: false,
            room,
            acks: false,
            base64: false,
            old: false,
            msgpack: false,
            packing: None,
            deflates: None,
            agreed: false,
        }
    }

    pub(crate) fn wires(&self) -> impl Iterator<Item = &Wire> {
        [&self.ws, &self.poll, &self.post].into_iter().flatten()
    }

    // ---- what it sends ----

    pub(crate) fn send_text(&mut self, net: &mut Net, text: &str) {
        self.send(net, Out::Text(text.into()));
    }

    pub(crate) fn send(&mut self, net: &mut Net, out: Out) {
        let out = if self.msgpack { self.packed(out) } else { Some(out) };
        let Some(out) = out else { return };
        // Once the probe is under way, packets wait for the WebSocket.
        if self.carrier == Carrier::WebSocket {
            let mut bytes = Vec::new();
            let (opcode, payload) = match out {
                Out::Text(text) => (1, text.into_bytes()),
                // There it begins with its type.
                Out::Binary(payload) if self.old => (2, [b"\x04", &payload[..]].concat()),
                Out::Binary(payload) => (2, payload),
            };
            if self.agreed {
                parse::masked_deflated(opcode, &payload, &mut bytes);
            } else {
                parse::masked(opcode, &payload, &mut bytes);
            }
            if let Some(ws) = &self.ws {
                net.write(ws.id, &bytes);
            }
        } else {
            self.outbox.push_back(out);
            self.post_outbox(net);
        }
    }

    fn post_outbox(&mut self, net: &mut Net) {
        if self.carrier != Carrier::Polling || self.upgrading || self.outbox.is_empty() || self.over {
            return;
        }
        let (Some(post), Some(sid)) = (&mut self.post, &self.sid) else { return };
        if post.busy {
            return;
        }
        let mut body = Vec::new();
        let octets = self.old && !self.base64 && self.outbox.iter().any(|out| matches!(out, Out::Binary(_)));
        let written: Vec<Out> = if self.old { self.outbox.drain(..).collect() } else { Vec::new() };
        for out in &written {
            parse::write_old(out, octets, &mut body);
        }
        for out in self.outbox.drain(..) {
            if !body.is_empty() {
                body.push(0x1e);
            }
            match out {
                Out::Text(text) => body.extend(text.as_bytes()),
                Out::Binary(bytes) => {
                    body.push(b'b');
                    body.extend(STANDARD.encode(bytes).as_bytes());
                }
            }
        }
        post.busy = true;
        let head = format!(
            "POST /socket.io/?{}&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n",
            if self.old { "EIO=3" } else { "EIO=4" },
            if octets { "Content-Type: application/octet-stream\r\n" } else { "" },
            body.len()
        );
        net.write(post.id, head.as_bytes());
        net.write(post.id, &body);
    }

    pub(crate) fn ask(&mut self, net: &mut Net) {
        let version = self.version();
        let (Some(poll), Some(sid)) = (&mut self.poll, &self.sid) else { return };
        poll.busy = true;
        let accept = if self.deflates.is_some() { "Accept-Encoding: gzip\r\n" } else { "" };
        let get = format!(
            "GET /socket.io/?{version}&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\n{accept}\r\n"
        );
        net.write(poll.id, get.as_bytes());
    }

    /// What its requests say of itself.
    pub(crate) fn version(&self) -> &'static str {
        match (self.old, self.base64) {
            (false, _) => "EIO=4",
            (true, false) => "EIO=3",
            (true, true) => "EIO=3&b64=1",
        }
    }

    pub(crate) fn upgrade_request(&self) -> String {
        let sid = self.sid.as_ref().map(|sid| format!("&sid={sid}")).unwrap_or_default();
        let b64 = if self.base64 { "&b64=1" } else { "" };
        let version = if self.old { 3 } else { 4 };
        let offer = match self.deflates {
            None => "",
            Some(false) => "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
            Some(true) => "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n",
        };
        format!(
            "GET /socket.io/?EIO={version}&transport=websocket{sid}{b64} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n{offer}\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    }

    /// A raw frame on the WebSocket.
    pub(crate) fn frame(&mut self, net: &mut Net, opcode: u8, payload: &[u8]) {
        let mut bytes = Vec::new();
        parse::masked(opcode, payload, &mut bytes);
        if let Some(ws) = &self.ws {
            net.write(ws.id, &bytes);
        }
    }

    // ---- what it reads ----

    /// Reads what has come, at most `count` bytes from each connection, and reacts.
    pub(crate) fn pump(&mut self, net: &mut Net, count: usize) {
        if !self.reads {
            return;
        }
        self.pump_http(net, count, true);
        self.pump_http(net, count, false);
        self.pump_ws(net, count);
        if self.polls && self.carrier == Carrier::Polling && !self.over {
            if self.upgrading && self.probed {
                self.finish_upgrade(net);
            } else if self.poll.as_ref().is_some_and(|poll| !poll.busy) && self.sid.is_some() {
                self.ask(net);
            }
        }
        self.post_outbox(net);
        for slot in [&mut self.ws, &mut self.poll, &mut self.post] {
            if let Some(wire) = slot {
                let pipe = &net.pipes[wire.id];
                if pipe.server_end.is_some() && pipe.down.is_empty() {
                    net.end(wire.id, End::Fin);
                    *slot = None;
                }
            }
        }
        if self.ws.is_none() && self.carrier == Carrier::WebSocket {
            self.over = true;
        }
    }

    /// The switch, when no poll is on its way.
    pub(crate) fn finish_upgrade(&mut self, net: &mut Net) {
        if self.poll.as_ref().is_some_and(|poll| poll.busy)
            || self.post.as_ref().is_some_and(|post| post.busy)
        {
            return;
        }
        if self.finishes_upgrade && self.carrier == Carrier::Polling {
            self.frame(net, 1, b"5");
            self.carrier = Carrier::WebSocket;
            self.upgrading = false;
            for out in std::mem::take(&mut self.outbox) {
                self.send(net, out);
            }
        }
    }

    fn pump_http(&mut self, net: &mut Net, count: usize, poll: bool) {
        let slot = if poll { &mut self.poll } else { &mut self.post };
        let Some(mut wire) = slot.take() else { return };
        net.read(wire.id, count, &mut wire.input);
        while let Some(response) = parse::response(&mut wire.input) {
            wire.busy = false;
            let payload = poll
                && response.status == 200
                && response.header("content-type") == Some("text/plain; charset=UTF-8");
            if self.old
                && poll
                && response.status == 200
                && response.header("content-type") != Some("text/html")
            {
                let octets = response.header("content-type") == Some("application/octet-stream");
                assert!(!octets || !self.base64, "a binary payload for a client that takes none");
                for packet in parse::old_payload(&response.body, octets) {
                    match packet {
                        Out::Text(text) => self.text(net, &text),
                        Out::Binary(bytes) => self.binary(net, bytes),
                    }
                }
            } else if payload {
                let text = response.text().to_owned();
                for packet in text.split('\x1e') {
                    match packet.strip_prefix('b') {
                        Some(coded) => {
                            let bytes = STANDARD.decode(coded).expect("base64");
                            self.binary(net, bytes);
                        }
                        None => self.text(net, packet),
                    }
                }
            } else {
                if response.status != 200 && response.status != 413 {
                    self.over |= self.carrier == Carrier::Polling;
                }
                self.responses.push(response);
            }
        }
        let slot = if poll { &mut self.poll } else { &mut self.post };
        *slot = Some(wire);
    }

    fn pump_ws(&mut self, net: &mut Net, count: usize) {
        let Some(mut wire) = self.ws.take() else { return };
        net.read(wire.id, count, &mut wire.input);
        if !self.ws_open
            && let Some(response) = parse::response(&mut wire.input)
        {
            self.ws_open = response.status == 101;
            if self.ws_open {
                assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
                self.agreed = response.header("sec-websocket-extensions").is_some();
                assert!(!self.agreed || self.deflates.is_some(), "agreed on without an offer");
            }
            self.responses.push(response);
        }
        self.ws = Some(wire);
        if !self.ws_open {
            return;
        }
        let input = std::mem::take(&mut self.ws.as_mut().expect("just put back").input);
        let mut at = 0;
        while let Some(frame) = parse::frame(&input, &mut at, self.agreed) {
            assert!(self.close_frame.is_none(), "a frame behind the close frame");
            match frame {
                Frame::Text(text) if self.carrier == Carrier::Polling => {
                    assert_eq!(text, "3probe", "before the switch nothing else comes on the probe");
                    self.probed = true;
                }
                Frame::Text(text) => {
                    match text.strip_prefix(if self.old { "b4" } else { "b" }).filter(|_| self.base64) {
                        Some(coded) => self.binary(net, STANDARD.decode(coded).expect("base64")),
                        None => self.text(net, &text),
                    }
                }
                Frame::Binary(bytes) => {
                    assert!(!self.base64, "a binary frame for a client that takes none");
                    if self.old {
                        assert_eq!(bytes.first(), Some(&4), "a binary message says that it is one");
                    }
                    self.binary(net, bytes[usize::from(self.old)..].to_vec());
                }
                Frame::Close(code) => {
                    self.close_frame = Some(code);
                    self.over |= self.carrier == Carrier::WebSocket;
                    self.upgrading &= self.carrier == Carrier::WebSocket;
                    let echo: Vec<u8> = code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default();
                    self.frame(net, 8, &echo);
                }
                Frame::Ping(payload) => self.frame(net, 10, &payload),
                Frame::Pong(payload) => self.engine.push(format!("pong {}", payload.len())),
            }
        }
        if let Some(ws) = &mut self.ws {
            ws.input = input[at..].to_vec();
        }
    }

    fn text(&mut self, net: &mut Net, text: &str) {
        match text.as_bytes().first() {
            Some(b'0') => {
                let open: serde_json::Value = serde_json::from_str(&text[1..]).expect("JSON");
                self.sid = open["sid"].as_str().map(str::to_owned);
                self.engine.push(text.to_owned());
            }
            Some(b'4') => {
                assert!(self.partial.is_none(), "text where an attachment was due");
                assert!(!self.msgpack, "text for a client with the msgpack parser: {text}");
                let packet = Packet::parse(&text[1..]);
                if packet.missing > 0 {
                    self.partial = Some(packet);
                } else {
                    self.packet(net, packet);
                }
            }
            Some(b'2') => {
                assert!(!self.old, "a ping for a client that sends them");
                self.engine.push(text.to_owned());
                if self.answers_pings {
                    self.send_text(net, "3");
                }
            }
            Some(b'1') => {
                self.engine.push(text.to_owned());
                self.over = true;
            }
            _ => self.engine.push(text.to_owned()),
        }
    }

    fn binary(&mut self, net: &mut Net, bytes: Vec<u8>) {
        if self.msgpack {
            return self.unpack(net, &bytes);
        }
        let mut packet = self.partial.take().expect("an attachment that was announced");
        packet.attachments.push(bytes);
        packet.missing -= 1;
        if packet.missing > 0 {
            self.partial = Some(packet);
        } else {
            self.packet(net, packet);
        }
    }

    pub(crate) fn packet(&mut self, net: &mut Net, packet: Packet) {
        if self.acks
            && (packet.kind == '2' || packet.kind == '5')
            && let Some(id) = packet.id
        {
            let nsp = if packet.nsp == "/" { String::new() } else { format!("{},", packet.nsp) };
            self.send_text(net, &format!("43{nsp}{id}[\"yes\"]"));
        }
        self.inbox.push(packet);
    }

    // ---- how it goes ----

    pub(crate) fn leave(&mut self, net: &mut Net, end: Option<End>) {
        for wire in [self.ws.take(), self.poll.take(), self.post.take()].into_iter().flatten() {
            match end {
                Some(end) => net.end(wire.id, end),
                None => net.vanish(wire.id),
            }
        }
        self.over = true;
        self.carrier = Carrier::None;
    }

    pub(crate) fn may_upgrade(&self) -> bool {
        self.carrier == Carrier::Polling && self.ws.is_none() && !self.upgrading
    }
}

//! A tick as it is for clients with the msgpack parser: each Socket.IO packet with its attachments is encoded once, as one binary message,
//! and from those frames come the other forms. It must not depend on who gets it.

use super::deflated::{Compressed, Compression};
use super::form::{Form, Forms};
use super::packets::{Packet, Place, Run, SharedPackets};
use crate::wire::msgpack::packet;
use crate::wire::ws::Opcode;
use std::borrow::Cow;

/// A tick as far as somebody has needed it.
#[derive(Debug, Default)]
pub(super) struct Packed {
    frames: SharedPackets,
    forms: Forms,
    /// Reused by every message.
    message: Vec<u8>,
    /// Messages with attachments are compressed, too.
    binary: bool,
}

/// What is kept allocated from one message to the next, at most.
const KEPT: usize = 64 * 1024;

impl Packed {
    pub(super) fn new(compression: Compression) -> Self {
        // What is binary here is mostly text.
        let forms = Forms::new(Compression { binary: true, ..compression });
        Self { forms, binary: compression.binary, ..Self::default() }
    }

    /// All of a log of text packets in a form, made once for all who have it.
    pub(super) fn of(&mut self, form: Form, log: &[u8], places: &[Place]) -> &SharedPackets {
        if let Some(fresh) = Run::behind(log, places, self.frames.count()) {
            self.encode(fresh);
        }
        let Self { frames, forms, .. } = self;
        forms.of(form, &frames.bytes, &frames.places).unwrap_or(frames)
    }

    fn encode(&mut self, fresh: Run<'_>) {
        let Self { frames, message, binary, .. } = self;
        let mut out = frames.writer();
        let mut packets = fresh.packets().peekable();
        while let Some(text) = packets.next() {
            let mut attachments: Vec<Cow<'_, [u8]>> = Vec::new();
            let mut attached = Vec::new();
            while let Some(attachment) = packets.next_if(|packet| packet.attached) {
                attachments.push(attachment.payload.into());
                attached.push(attachment);
            }
            message.clear();
            if is_packed(text, &attachments, message) {
                out.plain = text.plain || !(*binary || attachments.is_empty());
                out.frame(Opcode::Binary, message);
                attached.iter().for_each(|&attachment| out.within(attachment));
            } else {
                // Engine.IO's own, or what the host sends behind the handshake.
                [text].iter().chain(&attached).for_each(|&packet| Form::WebSocket.append(packet, &mut out));
            }
        }
        message.shrink_to(KEPT);
    }

    /// What was compressed since this was asked last.
    pub(super) fn take_compressed(&mut self) -> Compressed {
        self.forms.take_compressed()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.frames.bytes.len()
    }

    /// A new tick begins.
    pub(super) fn restart(&mut self) {
        self.frames.restart();
        self.forms.restart();
    }
}

/// Encodes a packet with its attachments. False if it is none of Socket.IO's.
fn is_packed(text: Packet<'_>, attachments: &[Cow<'_, [u8]>], message: &mut Vec<u8>) -> bool {
    if text.opcode != Opcode::Text || text.attached {
        return false;
    }
    let text = text.payload.strip_prefix(b"4").and_then(|text| std::str::from_utf8(text).ok());
    text.is_some_and(|text| packet::encode(text, attachments, message).is_ok())
}

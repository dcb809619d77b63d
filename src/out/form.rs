//! How a packet looks to a connection, in every form there is, and a tick in each of them. It must not know who has which.

use super::TickLog;
use super::deflated::{Compressed, Compression, Deflated};
use super::packets::{Packet, Place, Run, SharedPackets, Writer};
use crate::wire::engineio::{self, SEPARATOR};
use crate::wire::ws::{self, Opcode};

#[cfg(test)]
mod tests;

/// How packets look to a connection. It has one form at a time, by what carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// WebSocket frames: as packets are written, and what the other forms are made of.
    WebSocket,
    /// WebSocket frames, of which those that gain by it are compressed (permessage-deflate). All that [`Form::WebSocket`] has may be sent,
    /// too.
    Deflated,
    /// The same for a client that holds a window of 512 bytes.
    NarrowDeflated,
    /// WebSocket frames for a client that takes no binary ones (`b64=1`): those become text, `b` and base64.
    TextFrames,
    /// Parts of a polling payload: each packet with a separator before it. Control frames are left out.
    Polling,
}

impl Form {
    /// The form in which packets wait. What the next poll would take goes out on a WebSocket if the client upgrades first.
    pub(crate) fn waiting(self) -> Self {
        match self {
            Form::WebSocket | Form::Polling => Form::WebSocket,
            Form::Deflated | Form::NarrowDeflated | Form::TextFrames => self,
        }
    }

    /// Whether what waits in one form may be sent as it is to whoever has this one.
    pub(super) fn takes(self, waiting: Self) -> bool {
        self.waiting() == waiting.waiting()
            || (self != Form::TextFrames && waiting.waiting() == Form::WebSocket)
    }

    /// Appends a packet in this form, and notes its place.
    pub(super) fn append(self, packet: Packet<'_>, out: &mut Writer<'_>) {
        out.rewritten(packet, |bytes| self.write(packet, bytes));
    }

    /// Appends a packet in this form. How many bytes stand before its payload.
    pub(crate) fn write(self, packet: Packet<'_>, out: &mut Vec<u8>) -> usize {
        let Packet { opcode, bytes, payload, .. } = packet;
        match (self, opcode) {
            (Form::TextFrames, Opcode::Binary) => {
                let start = out.len();
                ws::frame_header(out, Opcode::Text, engineio::base64_len(payload));
                let header = out.len().saturating_sub(start);
                engineio::write_base64(out, payload);
                header
            }
            (Form::WebSocket | Form::Deflated | Form::NarrowDeflated | Form::TextFrames, _) => {
                out.extend_from_slice(bytes);
                bytes.len().saturating_sub(payload.len())
            }
            (Form::Polling, Opcode::Text) => {
                out.push(SEPARATOR);
                out.extend_from_slice(payload);
                1
            }
            (Form::Polling, Opcode::Binary) => {
                out.push(SEPARATOR);
                engineio::write_base64(out, payload);
                1
            }
            (Form::Polling, Opcode::Close | Opcode::Ping | Opcode::Pong) => 0,
        }
    }
}

/// A tick in the forms that are not the log's own, each as far as somebody has needed it.
#[derive(Debug, Default)]
pub(super) struct Forms {
    text_frames: SharedPackets,
    polling: SharedPackets,
    deflated: Deflated,
    narrow: Deflated,
}

impl Forms {
    pub(super) fn new(compression: Compression) -> Self {
        let (deflated, narrow) = (Deflated::new(compression, 15), Deflated::new(compression, 9));
        Self { deflated, narrow, ..Self::default() }
    }

    /// All of the log in a form, made once for all who have it. None if it is the log's own.
    pub(super) fn of(&mut self, form: Form, log: &TickLog, places: &[Place]) -> Option<&SharedPackets> {
        let made = match form {
            Form::WebSocket => return None,
            Form::Deflated => return Some(self.deflated.made(log, places)),
            Form::NarrowDeflated => return Some(self.narrow.made(log, places)),
            Form::TextFrames => &mut self.text_frames,
            Form::Polling => &mut self.polling,
        };
        if let Some(fresh) = Run::behind(log.all(), places, made.count()) {
            let mut out = made.writer();
            fresh.packets().for_each(|packet| form.append(packet, &mut out));
        }
        Some(made)
    }

    /// What was compressed since this was asked last.
    pub(super) fn take_compressed(&mut self) -> Compressed {
        self.deflated.take_compressed().plus(self.narrow.take_compressed())
    }

    /// A new tick begins.
    pub(super) fn restart(&mut self) {
        self.text_frames.restart();
        self.polling.restart();
        self.deflated.restart();
        self.narrow.restart();
    }
}

//! How a packet looks to a connection, in every form there is, and a tick in each of them. It must not know who has which.

use super::deflated::{Compressed, Compression, Deflated};
use super::packets::{Packet, Place, Run, SharedPackets, Writer};
use crate::wire::engineio::{self, SEPARATOR, v3};
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
    /// WebSocket frames for a client of Engine.IO 3: binary ones begin with their type.
    WebSocket3,
    /// The same for one that takes no binary frames: those become text, `b4` and base64.
    TextFrames3,
    /// Parts of a text payload of Engine.IO 3: each packet with its length before it.
    Polling3,
    /// Parts of a binary payload of Engine.IO 3. A poll is answered so if it takes that, and if a packet for it is binary.
    BinaryPolling3,
}

impl Form {
    /// The form in which packets wait. What the next poll would take goes out on a WebSocket if the client upgrades first.
    pub(crate) fn waiting(self) -> Self {
        match self {
            Form::WebSocket | Form::Polling | Form::Polling3 | Form::BinaryPolling3 => Form::WebSocket,
            Form::Deflated | Form::NarrowDeflated | Form::TextFrames => self,
            Form::WebSocket3 | Form::TextFrames3 => self,
        }
    }

    /// Whether what waits in one form may be sent as it is to whoever has this one.
    pub(super) fn takes(self, waiting: Self) -> bool {
        self.waiting() == waiting.waiting() || (self.is_as_written() && waiting.waiting() == Form::WebSocket)
    }

    /// WebSocket frames that are those of the log, or may be.
    fn is_as_written(self) -> bool {
        matches!(self, Form::WebSocket | Form::Deflated | Form::NarrowDeflated)
    }

    /// Whether it is that of the log while no packet is binary.
    fn shares_text(self) -> bool {
        matches!(self, Form::TextFrames | Form::WebSocket3 | Form::TextFrames3)
    }

    /// Appends a packet in this form, and notes its place.
    pub(super) fn append(self, packet: Packet<'_>, out: &mut Writer<'_>) {
        out.rewritten(packet, |bytes| self.write(packet, bytes));
    }

    /// Appends a packet in this form. How many bytes stand before its payload.
    pub(crate) fn write(self, packet: Packet<'_>, out: &mut Vec<u8>) -> usize {
        let Packet { opcode, bytes, payload, .. } = packet;
        if bytes.is_empty() {
            // It is within the packet before it.
            return 0;
        }
        if self.is_as_written() || (self.shares_text() && opcode != Opcode::Binary) {
            out.extend_from_slice(bytes);
            return bytes.len().saturating_sub(payload.len());
        }
        let is_text = match opcode {
            Opcode::Text => true,
            Opcode::Binary => false,
            // No poll has control frames.
            Opcode::Close | Opcode::Ping | Opcode::Pong => return 0,
        };
        let start = out.len();
        let typed = payload.len().saturating_add(1);
        match self {
            // As they are, above, but for the one whose binary frames have a type.
            Form::WebSocket | Form::Deflated | Form::NarrowDeflated | Form::WebSocket3 => {
                ws::frame_header(out, Opcode::Binary, typed);
            }
            Form::TextFrames => ws::frame_header(out, Opcode::Text, engineio::base64_len(payload)),
            Form::TextFrames3 => ws::frame_header(out, Opcode::Text, v3::base64_len(payload)),
            Form::Polling => out.push(SEPARATOR),
            Form::Polling3 if is_text => v3::text_header(out, v3::units(payload)),
            Form::Polling3 => v3::text_header(out, v3::base64_len(payload)),
            Form::BinaryPolling3 => {
                v3::part_header(out, is_text, if is_text { payload.len() } else { typed })
            }
        }
        let header = out.len().saturating_sub(start);
        match self {
            _ if is_text => out.extend_from_slice(payload),
            Form::Polling | Form::TextFrames => engineio::write_base64(out, payload),
            Form::Polling3 | Form::TextFrames3 => v3::write_base64(out, payload),
            Form::WebSocket
            | Form::Deflated
            | Form::NarrowDeflated
            | Form::WebSocket3
            | Form::BinaryPolling3 => {
                out.push(v3::MESSAGE);
                out.extend_from_slice(payload);
            }
        }
        header
    }
}

/// A tick in the forms that are not the log's own, each as far as somebody has needed it.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// How many packets of the log were looked at for whether they are text.
    looked_at: usize,
    /// One of them is binary.
    binary: bool,
    text_frames: SharedPackets,
    polling: SharedPackets,
    deflated: Deflated,
    narrow: Deflated,
    /// Once somebody speaks Engine.IO 3.
    old: Option<Box<OldForms>>,
}

/// A tick in the forms of Engine.IO 3.
#[derive(Debug, Default)]
struct OldForms {
    frames: SharedPackets,
    text_frames: SharedPackets,
    polling: SharedPackets,
    binary_polling: SharedPackets,
}

impl Forms {
    pub(super) fn new(compression: Compression) -> Self {
        let (deflated, narrow) = (Deflated::new(compression, 15), Deflated::new(compression, 9));
        Self { deflated, narrow, ..Self::default() }
    }

    /// All of a log in a form, made once for all who have it. None if the log itself is that.
    pub(super) fn of(&mut self, form: Form, log: &[u8], places: &[Place]) -> Option<&SharedPackets> {
        if form.shares_text() && !self.has_binary(log, places) {
            return None;
        }
        let made = match form {
            Form::WebSocket => return None,
            Form::Deflated => return Some(self.deflated.made(log, places)),
            Form::NarrowDeflated => return Some(self.narrow.made(log, places)),
            Form::TextFrames => &mut self.text_frames,
            Form::Polling => &mut self.polling,
            Form::WebSocket3 => &mut self.old().frames,
            Form::TextFrames3 => &mut self.old().text_frames,
            Form::Polling3 => &mut self.old().polling,
            Form::BinaryPolling3 => &mut self.old().binary_polling,
        };
        if let Some(fresh) = Run::behind(log, places, made.count()) {
            let mut out = made.writer();
            fresh.packets().for_each(|packet| form.append(packet, &mut out));
        }
        Some(made)
    }

    fn old(&mut self) -> &mut OldForms {
        self.old.get_or_insert_default()
    }

    /// Whether a packet of the log is binary. Each is looked at once.
    fn has_binary(&mut self, log: &[u8], places: &[Place]) -> bool {
        if !self.binary
            && let Some(fresh) = Run::behind(log, places, self.looked_at)
        {
            self.binary = fresh.has_binary();
            self.looked_at = places.len();
        }
        self.binary
    }

    /// What was compressed since this was asked last.
    pub(super) fn take_compressed(&mut self) -> Compressed {
        self.deflated.take_compressed().plus(self.narrow.take_compressed())
    }

    /// A new tick begins.
    pub(super) fn restart(&mut self) {
        (self.looked_at, self.binary) = (0, false);
        self.text_frames.restart();
        self.polling.restart();
        self.deflated.restart();
        self.narrow.restart();
        if let Some(old) = &mut self.old {
            let OldForms { frames, text_frames, polling, binary_polling } = &mut **old;
            [frames, text_frames, polling, binary_polling].into_iter().for_each(SharedPackets::restart);
        }
    }
}

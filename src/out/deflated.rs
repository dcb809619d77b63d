//! A tick as it is for whoever takes compressed messages: each is compressed once, if it gains by it. It must not depend on who gets it.

use super::packets::{Packet, Place, Run, SharedPackets, Writer};
use crate::wire::deflate::{Coding, Deflater};
use crate::wire::ws::{self, Opcode};

/// What is compressed, and how well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compression {
    /// From 1, the fastest, to 9.
    pub(crate) level: u8,
    /// Bytes of the shortest message that is.
    pub(crate) threshold: usize,
    /// Attachments, too.
    pub(crate) binary: bool,
}

impl Default for Compression {
    fn default() -> Self {
        Self { level: 3, threshold: 1024, binary: false }
    }
}

/// How much was compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compressed {
    pub(crate) messages: u64,
    /// Their bytes before,
    pub(crate) before: u64,
    /// and after.
    pub(crate) after: u64,
}

impl Compressed {
    #[expect(clippy::arithmetic_side_effects, reason = "bytes that were in memory")]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            before: self.before + other.before,
            after: self.after + other.after,
        }
    }
}

/// A tick as far as somebody has needed it, for one size of window.
#[derive(Debug, Default)]
pub(super) struct Deflated {
    made: SharedPackets,
    /// None until there is something to compress: it takes 270 KB.
    deflater: Option<Box<Deflater>>,
    compression: Compression,
    window_bits: u8,
    compressed: Compressed,
}

impl Deflated {
    pub(super) fn new(compression: Compression, window_bits: u8) -> Self {
        Self { compression, window_bits, ..Self::default() }
    }

    /// All of the log.
    pub(super) fn made(&mut self, log: &[u8], places: &[Place]) -> &SharedPackets {
        if let Some(fresh) = Run::behind(log, places, self.made.count()) {
            let Self { made, deflater, compression, window_bits, compressed } = self;
            let mut out = made.writer();
            for packet in fresh.packets() {
                let deflater = compression.suits(packet).then(|| {
                    let new = || Box::new(Deflater::new(Coding::Message(*window_bits), compression.level));
                    deflater.get_or_insert_with(new)
                });
                match deflater.and_then(|deflater| deflater.compress(packet.payload)) {
                    Some(bytes) => {
                        let one = Compressed {
                            messages: 1,
                            before: packet.payload.len() as u64,
                            after: bytes.len() as u64,
                        };
                        *compressed = compressed.plus(one);
                        append(packet, bytes, &mut out);
                    }
                    None => out.packet(packet),
                }
            }
        }
        &self.made
    }

    pub(super) fn take_compressed(&mut self) -> Compressed {
        std::mem::take(&mut self.compressed)
    }

    pub(super) fn restart(&mut self) {
        self.made.restart();
    }
}

impl Compression {
    /// Whether it is tried with a packet.
    fn suits(self, packet: Packet<'_>) -> bool {
        let kind = match packet.opcode {
            Opcode::Text => true,
            Opcode::Binary => self.binary,
            Opcode::Close | Opcode::Ping | Opcode::Pong => false,
        };
        kind && !packet.plain && packet.payload.len() >= self.threshold
    }
}

/// Appends a packet of which this is the payload, compressed.
fn append(packet: Packet<'_>, bytes: &[u8], out: &mut Writer<'_>) {
    out.rewritten(packet, |frames| {
        let start = frames.len();
        ws::deflated_header(frames, packet.opcode, bytes.len());
        let header = frames.len().saturating_sub(start);
        frames.extend_from_slice(bytes);
        header
    });
}

//! Packets in a row, and where each of them lies. That is noted where a packet is written, so that nothing has to read our own
//! frames again. It must not know who gets them.

use super::Frame;
use super::log::restart;
use crate::wire::ws::{self, Opcode};
use std::iter;
use std::sync::Arc;

/// Where a packet lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    start: u32,
    /// So many bytes further its payload begins.
    header: u8,
    /// What it is, however it looks: one that goes out as base64 is binary still.
    opcode: Opcode,
    /// It is an attachment: the packet before it is of the same message.
    attached: bool,
    /// It is not to be compressed.
    plain: bool,
}

/// What is kept allocated from one tick to the next, at most: for the places of packets, and for bytes in a form.
pub(super) const KEPT_PLACES: usize = 64 * 1024;
const KEPT_BYTES: usize = 256 * 1024;

/// One packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) opcode: Opcode,
    /// It is of the same message as the packet before it.
    pub(crate) attached: bool,
    /// It is not to be compressed.
    pub(crate) plain: bool,
    /// All of it.
    pub(crate) bytes: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// Appends packets and notes their places.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    pub(super) places: &'a mut Vec<Place>,
    /// What follows is not to be compressed.
    pub(crate) plain: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>, places: &'a mut Vec<Place>) -> Self {
        Self { bytes, places, plain: false }
    }

    /// Appends a packet as a WebSocket frame: a message, or the beginning of one.
    pub(crate) fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        self.frame_of(opcode, payload, false);
    }

    /// Appends an attachment of the message before it.
    pub(crate) fn attachment(&mut self, payload: &[u8]) {
        self.frame_of(Opcode::Binary, payload, true);
    }

    fn frame_of(&mut self, opcode: Opcode, payload: &[u8], attached: bool) {
        let start = self.bytes.len();
        ws::frame_header(self.bytes, opcode, payload.len());
        let header = self.bytes.len().saturating_sub(start) as u8;
        self.note(Place { start: start as u32, header, opcode, attached, plain: self.plain });
        self.bytes.extend_from_slice(payload);
    }

    /// Appends a packet as it is.
    pub(super) fn packet(&mut self, packet: Packet<'_>) {
        self.rewritten(packet, |bytes| {
            bytes.extend_from_slice(packet.bytes);
            packet.bytes.len().saturating_sub(packet.payload.len())
        });
    }

    /// Appends packets as they are.
    pub(crate) fn run(&mut self, run: Run<'_>) {
        let from = self.bytes.len() as u32;
        self.places.extend(
            run.places.iter().map(|place| Place { start: from.saturating_add(run.offset(place)), ..*place }),
        );
        self.bytes.extend_from_slice(run.bytes);
    }

    /// Appends a packet as `write` does, which returns how many bytes it put before the payload.
    pub(super) fn rewritten(&mut self, packet: Packet<'_>, write: impl FnOnce(&mut Vec<u8>) -> usize) {
        let Packet { opcode, attached, plain, .. } = packet;
        let start = self.bytes.len() as u32;
        let header = write(self.bytes) as u8;
        self.note(Place { start, header, opcode, attached, plain });
    }

    /// Notes an attachment that is within the packet before it: it has no bytes of its own, but its place.
    pub(super) fn within(&mut self, attachment: Packet<'_>) {
        self.rewritten(attachment, |_| 0);
    }

    /// A tick that is too long for its places is refused, and they with it.
    fn note(&mut self, place: Place) {
        self.places.push(place);
    }
}

/// A stretch of bytes, and the packets that begin in it. The rest of one that began before it comes first, and is none of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) bytes: &'a [u8],
    places: &'a [Place],
    /// Where `bytes` begin, as `places` count.
    start: u32,
}

impl<'a> Run<'a> {
    /// What lies in `range` of `bytes`.
    pub(super) fn new(bytes: &'a [u8], places: &'a [Place], range: Frame) -> Self {
        Self {
            bytes: bytes.get(range.start as usize..range.end as usize).unwrap_or_default(),
            places: places.get(number(places, range.start)..number(places, range.end)).unwrap_or_default(),
            start: range.start,
        }
    }

    /// The packets of `bytes` from one on, by its number. None if there are none.
    pub(super) fn behind(bytes: &'a [u8], places: &'a [Place], number: usize) -> Option<Self> {
        let places = places.get(number..)?;
        let start = places.first()?.start;
        Some(Self { bytes: bytes.get(start as usize..).unwrap_or_default(), places, start })
    }

    /// Its packets, in order.
    pub(crate) fn packets(self) -> impl Iterator<Item = Packet<'a>> {
        let offset = move |place| self.offset(place) as usize;
        let ends = self.places.iter().skip(1).map(offset).chain(iter::once(self.bytes.len()));
        self.places.iter().zip(ends).map(move |(place, end)| {
            let bytes = self.bytes.get(offset(place)..end).unwrap_or_default();
            Packet {
                opcode: place.opcode,
                attached: place.attached,
                plain: place.plain,
                bytes,
                payload: bytes.get(place.header.into()..).unwrap_or_default(),
            }
        })
    }

    pub(super) fn count(self) -> usize {
        self.places.len()
    }

    /// Whether one of its packets is binary.
    pub(super) fn has_binary(self) -> bool {
        self.places.iter().any(|place| place.opcode == Opcode::Binary)
    }

    /// How many messages begin in it.
    pub(crate) fn messages(self) -> usize {
        self.places.iter().filter(|place| !place.attached).count()
    }

    /// Where its last message begins, counted from its first byte.
    pub(super) fn last_message(self) -> usize {
        let begun = self.places.iter().rfind(|place| !place.attached);
        begun.map_or(0, |place| self.offset(place) as usize)
    }

    fn offset(self, place: &Place) -> u32 {
        place.start.saturating_sub(self.start)
    }
}

/// How many packets begin before a byte.
fn number(places: &[Place], at: u32) -> usize {
    places.partition_point(|place| place.start < at)
}

/// Packets that live as long as somebody shares them: those of a tick, for the backlogs that hold a part of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedPackets {
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) places: Arc<Vec<Place>>,
}

impl SharedPackets {
    /// A copy.
    pub(super) fn of(run: Run<'_>) -> Self {
        let mut this = Self::default();
        this.writer().run(run);
        this
    }

    /// Appends to it. If it is shared, it is copied first.
    pub(super) fn writer(&mut self) -> Writer<'_> {
        Writer::new(Arc::make_mut(&mut self.bytes), Arc::make_mut(&mut self.places))
    }

    pub(super) fn run(&self, range: Frame) -> Run<'_> {
        Run::new(&self.bytes, &self.places, range)
    }

    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// Where the packets lie here that lie in `range` of the tick with these places.
    pub(super) fn range(&self, places: &[Place], range: Frame) -> Frame {
        let start = |at| match self.places.get(number(places, at)) {
            Some(place) => place.start,
            None => self.bytes.len() as u32,
        };
        Frame { start: start(range.start), end: start(range.end) }
    }

    /// The range that is all of it.
    pub(crate) fn all(&self) -> Frame {
        Frame { start: 0, end: self.bytes.len() as u32 }
    }

    pub(super) fn bytes(&self, range: Frame) -> &[u8] {
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// What it takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len().saturating_add(self.places.len().saturating_mul(size_of::<Place>()))
    }

    /// Begins anew, with what is left of its room.
    pub(super) fn restart(&mut self) {
        restart(&mut self.bytes, KEPT_BYTES);
        restart(&mut self.places, KEPT_PLACES);
    }
}

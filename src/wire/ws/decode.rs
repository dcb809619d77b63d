//! Client frames, however the stream cuts them. It must not copy a message that lies whole in the input, nor hold
//! memory that was announced but not received.

use super::encode::{DEFLATED, MAX_CONTROL};
use super::{Fault, Opcode};
use crate::base::limits::Limits;
use crate::wire::deflate::{InflateError, Inflater};
use std::ops::Range;

/// A message or a control frame from the client, unmasked and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// To be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// The answer to a ping, or unasked for.
    Pong(&'a [u8]),
    /// The client's close frame: nothing after it counts.
    Close(Option<u16>, &'a str),
}

impl Message<'_> {
    /// How long its payload is, but for a close code.
    pub(crate) fn len(&self) -> usize {
        match self {
            Message::Text(text) | Message::Close(_, text) => text.len(),
            Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        }
    }
}

/// Cuts a client's byte stream into messages. As large as one pointer until a frame is cut off or a message comes in
/// fragments.
#[derive(Debug, Default)]
pub struct Decoder {
    held: Option<Box<Held>>,
}

/// What outlives one call: an unfinished header, frame or message, or a message just handed out.
#[derive(Debug, Default)]
struct Held {
    /// The message's payload so far; behind it, that of a control frame which came between its fragments.
    bytes: Vec<u8>,
    /// How many of `bytes` are the message's.
    message: usize,
    /// How many of those are known to be UTF-8.
    valid: usize,
    /// The opcode of the unfinished message.
    opcode: Option<Opcode>,
    /// The message is compressed. It is held so until it is whole.
    deflated: bool,
    /// Frames of the unfinished message whose headers were seen.
    fragments: u32,
    /// The frame whose payload is cut off.
    frame: Option<Frame>,
    /// A header that is cut off.
    header: [u8; Frame::MAX_HEADER],
    header_len: usize,
    /// The last call lent out bytes that the next one drops.
    lent: bool,
    /// The stream is lost, for this reason.
    refused: Option<Fault>,
}

/// A finished message: what it is, whether it is compressed, and where it lies.
struct Ready {
    opcode: Opcode,
    deflated: bool,
    lies: Lies,
}

enum Lies {
    Input(Range<usize>),
    Held(Range<usize>),
}

#[expect(clippy::arithmetic_side_effects, reason = "places within the input, and the length of a header")]
impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads up to the end of the next message. Returns how many bytes of `input` it has used, and the message;
    /// `None` when all are used and more are needed. Call it until then: what a long message occupied is freed
    /// by the call after the one that returned it.
    ///
    /// The input is unmasked in place. After a fault the stream is lost: every later call returns the same fault.
    pub fn read<'a>(
        &'a mut self,
        input: &'a mut [u8],
        limits: &Limits,
    ) -> Result<(usize, Option<Message<'a>>), Fault> {
        self.read_deflated(input, limits, None)
    }

    /// The same, of a stream whose messages may be compressed if there is an `inflater`: if [`Deflation`](super::Deflation) was agreed on. What a
    /// compressed message stands for is bounded by [`Limits::max_payload`], too. One inflater is enough for all streams of a thread.
    pub fn read_deflated<'a>(
        &'a mut self,
        input: &'a mut [u8],
        limits: &Limits,
        inflater: Option<&'a mut Inflater>,
    ) -> Result<(usize, Option<Message<'a>>), Fault> {
        self.reclaim();
        let mut at = 0;
        let (Ready { opcode, deflated, lies }, len) =
            match self.next_message(input, &mut at, limits, inflater.is_some()) {
                Ok(Some(ready)) => (ready, at),
                Ok(None) => return Ok((at, None)),
                Err(fault) => return Err(self.refuse(fault)),
            };
        let inflater = inflater.filter(|_| deflated);
        let most = limits.max_payload;
        match lies {
            Lies::Input(place) => match message(opcode, input.get(place).unwrap_or_default(), inflater, most)
            {
                Ok(message) => Ok((len, Some(message))),
                Err(fault) => Err(self.refuse(fault)),
            },
            Lies::Held(place) => {
                let Held { bytes, refused, lent, .. } = &mut **self.held.get_or_insert_default();
                match message(opcode, bytes.get(place).unwrap_or_default(), inflater, most) {
                    Ok(message) => Ok((len, Some(message))),
                    Err(fault) => {
                        *lent = false;
                        Err(*refused.insert(fault))
                    }
                }
            }
        }
    }

    /// Where the next message lies, if it ends within the input. `at` is moved behind what was used.
    fn next_message(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
        limits: &Limits,
        may_deflate: bool,
    ) -> Result<Option<Ready>, Fault> {
        if let Some(fault) = self.held.as_ref().and_then(|held| held.refused) {
            return Err(fault);
        }
        loop {
            let Some(frame) = self.next_frame(input, at, limits, may_deflate)? else {
                *at = input.len();
                return Ok(None);
            };
            let rest = input.get_mut(*at..).unwrap_or_default();
            let complete = frame.left <= rest.len() as u64;
            let len = if complete { frame.left as usize } else { rest.len() };
            let payload = rest.get_mut(..len).unwrap_or_default();
            unmask(payload, frame.mask);
            let place = *at..*at + len;
            *at += len;
            if complete && let Some(opcode) = self.untouched_by(&frame) {
                return Ok(Some(Ready { opcode, deflated: frame.deflated, lies: Lies::Input(place) }));
            }
            match self.held.get_or_insert_default().take(frame, payload)? {
                Some(ready) => return Ok(Some(ready)),
                None if complete => continue,
                None => return Ok(None),
            }
        }
    }

    /// Gives the stream up, and what was held of it.
    fn refuse(&mut self, fault: Fault) -> Fault {
        self.held = Some(Box::new(Held { refused: Some(fault), ..Held::default() }));
        fault
    }

    /// Bytes received and held back.
    pub fn buffered(&self) -> usize {
        match &self.held {
            Some(held) if held.refused.is_none() => held.bytes.len().saturating_add(held.header_len),
            _ => 0,
        }
    }

    /// The memory it occupies besides itself; none when idle.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> Option<usize> {
        self.held.as_ref().map(|held| held.bytes.capacity())
    }

    /// Drops what the last call has lent out.
    fn reclaim(&mut self) {
        if let Some(held) = &mut self.held
            && held.lent
        {
            held.lent = false;
            held.bytes.truncate(held.message);
            if held.opcode.is_none() {
                self.held = None;
            }
        }
    }

    /// The frame whose payload comes next in the input; none when its header is not complete.
    fn next_frame(
        &mut self,
        input: &[u8],
        at: &mut usize,
        limits: &Limits,
        may_deflate: bool,
    ) -> Result<Option<Frame>, Fault> {
        let Some(held) = &mut self.held else {
            let parsed = Frame::parse(from(input, *at), None, limits, may_deflate)?;
            return Ok(self.take_header(input, at, parsed));
        };
        if let Some(frame) = held.frame.take() {
            return Ok(Some(frame));
        }
        if held.header_len == 0 {
            let parsed = Frame::parse(from(input, *at), Some(&**held), limits, may_deflate)?;
            return Ok(self.take_header(input, at, parsed));
        }
        while let Some(&byte) = input.get(*at) {
            // A header is complete at its longest, so there is always a place; a bound all the same.
            *held.header.get_mut(held.header_len).ok_or(Fault::Protocol)? = byte;
            held.header_len += 1;
            *at += 1;
            let header = held.header.get(..held.header_len).unwrap_or_default();
            if let Some((frame, _)) = Frame::parse(header, Some(&**held), limits, may_deflate)? {
                held.header_len = 0;
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn take_header(&mut self, input: &[u8], at: &mut usize, parsed: Option<(Frame, usize)>) -> Option<Frame> {
        if let Some((frame, len)) = parsed {
            *at += len;
            return Some(frame);
        }
        let rest = from(input, *at);
        if !rest.is_empty() {
            let held = self.held.get_or_insert_default();
            // What is longer than a header has parsed as one.
            if let Some(header) = held.header.get_mut(..rest.len()) {
                header.copy_from_slice(rest);
                held.header_len = rest.len();
            }
        }
        None
    }

    /// The opcode of a frame that is a message by itself, and of which nothing is held: it needs no copy.
    fn untouched_by(&mut self, frame: &Frame) -> Option<Opcode> {
        let opcode = frame.opcode.filter(|_| frame.fin)?;
        if let Some(held) = &self.held {
            let part_held =
                if opcode.is_control() { held.bytes.len() > held.message } else { held.opcode.is_some() };
            if part_held {
                return None;
            }
            if held.opcode.is_none() {
                self.held = None;
            }
        }
        Some(opcode)
    }
}

impl Held {
    /// Adds the next bytes of a frame's payload. Returns the message that ends with them.
    fn take(&mut self, frame: Frame, payload: &[u8]) -> Result<Option<Ready>, Fault> {
        let complete = frame.left == payload.len() as u64;
        let control = frame.opcode.filter(|opcode| opcode.is_control());
        if !payload.is_empty() || complete {
            self.bytes.extend_from_slice(payload);
            if control.is_none() {
                if self.opcode.is_none() {
                    (self.opcode, self.deflated) = (frame.opcode, frame.deflated);
                }
                self.message = self.bytes.len();
                self.check_text()?;
            }
        }
        if !complete {
            self.frame = Some(frame.after(payload.len()));
            return Ok(None);
        }
        if control.is_none() {
            self.fragments = self.fragments.saturating_add(1);
        }
        self.lent = frame.fin;
        let ready = |opcode, deflated, place| Ready { opcode, deflated, lies: Lies::Held(place) };
        Ok(match control {
            Some(opcode) => Some(ready(opcode, false, self.message..self.bytes.len())),
            None if frame.fin => {
                self.opcode.take().map(|opcode| ready(opcode, self.deflated, 0..self.message))
            }
            None => None,
        })
    }

    /// Fails at the first byte that no continuation can make right.
    fn check_text(&mut self) -> Result<(), Fault> {
        if self.opcode != Some(Opcode::Text) || self.deflated {
            return Ok(());
        }
        match std::str::from_utf8(from(&self.bytes, self.valid)) {
            Ok(_) => self.valid = self.bytes.len(),
            Err(error) if error.error_len().is_some() => return Err(Fault::InvalidPayload),
            Err(error) => self.valid = self.valid.saturating_add(error.valid_up_to()),
        }
        Ok(())
    }
}

/// A frame's header, and how much of its payload is still to come.
#[derive(Debug)]
struct Frame {
    /// None for a continuation.
    opcode: Option<Opcode>,
    fin: bool,
    /// The first of a message that is compressed.
    deflated: bool,
    mask: [u8; 4],
    left: u64,
}

impl Frame {
    const MAX_HEADER: usize = 14;

    /// Reads a header; none when it is not complete. Faults show as soon as the byte they are in.
    fn parse(
        bytes: &[u8],
        held: Option<&Held>,
        limits: &Limits,
        may_deflate: bool,
    ) -> Result<Option<(Self, usize)>, Fault> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let fin = first & 0x80 != 0;
        let under_way = held.is_some_and(|held| held.opcode.is_some());
        // A reserved bit means an extension: that the message is compressed, said once at its beginning, or one that was not agreed on.
        let deflated = may_deflate && matches!(first & 0x7f, 0x41 | 0x42);
        let bits = if deflated { first & !DEFLATED } else { first };
        let opcode = match bits & 0x7f {
            0 if under_way => None,
            bits => Some(Opcode::from_bits(bits).ok_or(Fault::Protocol)?),
        };
        let control = opcode.is_some_and(Opcode::is_control);
        if control && !fin || opcode.is_some() && !control && under_way {
            return Err(Fault::Protocol);
        }
        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let len = second & 0x7f;
        if second & 0x80 == 0
            || control && usize::from(len) > MAX_CONTROL
            || opcode == Some(Opcode::Close) && len == 1
        {
            return Err(Fault::Protocol);
        }
        let length = match len {
            126 => rest.split_first_chunk().map(|(len, rest)| (u16::from_be_bytes(*len).into(), rest)),
            127 => rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len), rest)),
            len => Some((len.into(), rest)),
        };
        let Some((left, rest)) = length else { return Ok(None) };
        if !control {
            let (received, fragments) = held.map_or((0, 0), |held| (held.message, held.fragments));
            let room = limits.max_payload.saturating_sub(received) as u64;
            if left > room || fragments >= limits.max_fragments {
                return Err(Fault::TooBig);
            }
        }
        let Some((&mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some((Frame { opcode, fin, deflated, mask, left }, bytes.len().saturating_sub(rest.len()))))
    }

    #[expect(
        clippy::arithmetic_side_effects,
        reason = "a part of a payload is no longer than what is left of it"
    )]
    fn after(mut self, len: usize) -> Self {
        self.left -= len as u64;
        self.mask.rotate_left(len % 4);
        self
    }
}

/// What lies behind this place.
fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// A message of this payload; with an `inflater`, compressed.
#[inline]
fn message<'a>(
    opcode: Opcode,
    payload: &'a [u8],
    inflater: Option<&'a mut Inflater>,
    most: usize,
) -> Result<Message<'a>, Fault> {
    let payload = match inflater {
        None => payload,
        Some(inflater) => inflater.message(payload, most).map_err(|error| match error {
            InflateError::Invalid => Fault::InvalidPayload,
            InflateError::TooBig => Fault::TooBig,
        })?,
    };
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Fault::InvalidPayload);
    Ok(match opcode {
        Opcode::Text => Message::Text(text(payload)?),
        Opcode::Binary => Message::Binary(payload),
        Opcode::Ping => Message::Ping(payload),
        Opcode::Pong => Message::Pong(payload),
        Opcode::Close => match payload.split_first_chunk() {
            None => Message::Close(None, ""),
            Some((code, reason)) => {
                let code = u16::from_be_bytes(*code);
                if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                    return Err(Fault::Protocol);
                }
                Message::Close(Some(code), text(reason)?)
            }
        },
    })
}

/// Eight bytes at a time; the compiler makes it more.
fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

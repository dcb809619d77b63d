//! Request bodies, however the stream cuts them. It must not hold bytes back, nor trust an announced length.

use super::{Body, is_field_byte, is_token};
use crate::base::limits::Limits;

/// Takes a request's body out of the stream.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// Bytes still to come of the body or of the chunk.
    left: u64,
    /// Bytes of content so far.
    received: u64,
    /// Bytes of chunk extensions, leading zeros and trailers so far.
    overhead: usize,
}

/// Where in the body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length,
    SizeStart,
    Size,
    Extension,
    SizeLf,
    Chunk,
    ChunkCr,
    ChunkLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
}

/// Why a body is refused. Where the next request begins is not known: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Longer than `max_payload`, or with more than `max_head_bytes` of extensions and trailers.
    TooLarge,
    /// Not in chunks as announced.
    Malformed,
}

impl BodyError {
    /// The status that answers it.
    pub fn status(self) -> u16 {
        match self {
            BodyError::TooLarge => 413,
            BodyError::Malformed => 400,
        }
    }

    /// For a line of the log.
    pub fn text(self) -> &'static str {
        match self {
            BodyError::TooLarge => "the body has more bytes than it may",
            BodyError::Malformed => "the body is not in chunks as announced",
        }
    }
}

impl BodyDecoder {
    /// At the body's first byte.
    pub fn new(body: Body) -> Self {
        let (state, left) = match body {
            Body::None => (State::Done, 0),
            Body::Length(length) => (State::Length, length),
            Body::Chunked => (State::SizeStart, 0),
        };
        Self { state, left, received: 0, overhead: 0 }
    }

    /// Appends to `out` what `input` has of the content. Returns how many bytes of `input` it has used, and whether
    /// the body ends with them; if not, all are used. A length above the limit fails as soon as it is announced, so
    /// call it with no input before anything has arrived.
    pub fn read(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        limits: &Limits,
    ) -> Result<(usize, bool), BodyError> {
        let mut at = 0;
        loop {
            if let State::Length | State::Chunk = self.state {
                let rest = input.get(at..).unwrap_or_default();
                at = at.saturating_add(self.copy(rest, out, limits.max_payload as u64)?);
            }
            if self.state == State::Done {
                return Ok((at, true));
            }
            let Some(&byte) = input.get(at) else { return Ok((at, false)) };
            at = at.saturating_add(1);
            self.state = self.step(byte)?;
            if self.overhead > limits.max_head_bytes {
                return Err(BodyError::TooLarge);
            }
        }
    }

    /// Content: as much as there is.
    fn copy(&mut self, input: &[u8], out: &mut Vec<u8>, max: u64) -> Result<usize, BodyError> {
        if self.left > max.saturating_sub(self.received) {
            return Err(BodyError::TooLarge);
        }
        let len = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        out.extend_from_slice(input.get(..len).unwrap_or_default());
        self.left = self.left.saturating_sub(len as u64);
        self.received = self.received.saturating_add(len as u64);
        if self.left == 0 {
            self.state = if self.state == State::Length { State::Done } else { State::ChunkCr };
        }
        Ok(len)
    }

    /// One byte of a chunk's frame or of a trailer.
    fn step(&mut self, byte: u8) -> Result<State, BodyError> {
        Ok(match (self.state, byte) {
            (State::SizeStart, _) => {
                self.left = hex(byte)?;
                State::Size
            }
            (State::Size, b'\r') => State::SizeLf,
            (State::Size, b';') => State::Extension,
            (State::Size, _) => {
                // Zeros in front do not change the size, so nothing else would bound them.
                self.overhead = self.overhead.saturating_add(usize::from(self.left == 0));
                let size = self.left.checked_mul(16).ok_or(BodyError::TooLarge)?;
                self.left = size | hex(byte)?;
                State::Size
            }
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, _) if is_field_byte(byte) => {
                self.overhead = self.overhead.saturating_add(1);
                State::Extension
            }
            (State::SizeLf, b'\n') if self.left == 0 => State::TrailerStart,
            (State::SizeLf, b'\n') => State::Chunk,
            (State::ChunkCr, b'\r') => State::ChunkLf,
            (State::ChunkLf, b'\n') => State::SizeStart,
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart | State::TrailerName, _) if is_token(byte) => {
                self.overhead = self.overhead.saturating_add(1);
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, _) if is_field_byte(byte) => {
                self.overhead = self.overhead.saturating_add(1);
                State::TrailerValue
            }
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(BodyError::Malformed),
        })
    }
}

fn hex(byte: u8) -> Result<u64, BodyError> {
    char::from(byte).to_digit(16).map(u64::from).ok_or(BodyError::Malformed)
}

//! Server frames: unmasked, never fragmented, in the shortest form. It must not check what it is given to send.

use super::{Deflater, Opcode};

const FIN: u8 = 0x80;
/// Set in the first byte of a message that is compressed (RFC 7692, 6): RSV1.
pub(super) const DEFLATED: u8 = 0x40;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
/// The longest payload of a control frame.
pub(super) const MAX_CONTROL: usize = 125;

/// Appends the header of a frame whose payload of `len` bytes the caller appends next.
pub fn frame_header(out: &mut Vec<u8>, opcode: Opcode, len: usize) {
    header(out, FIN | opcode as u8, len);
}

/// The same of one whose payload is compressed.
pub(crate) fn deflated_header(out: &mut Vec<u8>, opcode: Opcode, len: usize) {
    header(out, FIN | DEFLATED | opcode as u8, len);
}

fn header(out: &mut Vec<u8>, first: u8, len: usize) {
    if len <= MAX_CONTROL {
        out.extend_from_slice(&[first, len as u8]);
    } else if let Ok(len) = u16::try_from(len) {
        let [a, b] = len.to_be_bytes();
        out.extend_from_slice(&[first, LENGTH_16, a, b]);
    } else {
        let [a, b, c, d, e, f, g, h] = (len as u64).to_be_bytes();
        out.extend_from_slice(&[first, LENGTH_64, a, b, c, d, e, f, g, h]);
    }
}

/// How long the header of a frame is.
pub fn header_len(payload: usize) -> usize {
    match payload {
        0..=MAX_CONTROL => 2,
        _ if payload <= usize::from(u16::MAX) => 4,
        _ => 10,
    }
}

/// Appends a whole frame.
pub fn frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    frame_header(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

/// Appends a whole frame for a client with which [`Deflation`](super::Deflation) was agreed on: compressed, if it is a message and becomes a
/// tenth smaller at least.
pub fn deflated_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], deflater: &mut Deflater) {
    if !opcode.is_control()
        && let Some(payload) = deflater.compress(payload)
    {
        deflated_header(out, opcode, payload.len());
        out.extend_from_slice(payload);
    } else {
        frame(out, opcode, payload);
    }
}

/// Appends a close frame. A reason too long for a control frame is cut between two characters.
pub fn close_frame(out: &mut Vec<u8>, code: u16, reason: &str) {
    let mut len = reason.len().min(MAX_CONTROL - 2);
    while !reason.is_char_boundary(len) {
        len = len.saturating_sub(1);
    }
    frame_header(out, Opcode::Close, len.saturating_add(2));
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.get(..len).unwrap_or_default().as_bytes());
}

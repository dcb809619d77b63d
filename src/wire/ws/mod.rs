//! WebSocket frames (RFC 6455), the server's side: masked frames in, unmasked frames out. It must not know what the
//! messages mean, and does no I/O.

mod decode;
mod encode;
mod extension;
#[cfg(test)]
mod tests;

pub use super::deflate::{Deflater, Inflater};
pub use decode::{Decoder, Message};
pub(crate) use encode::deflated_header;
pub use encode::{close_frame, deflated_frame, frame, frame_header, header_len};
pub use extension::Deflation;

/// What a frame carries. A continuation has no opcode of its own: it goes on with the message's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A message that is UTF-8.
    Text = 1,
    /// A message of any bytes.
    Binary = 2,
    /// The end of the conversation, with an optional code and reason.
    Close = 8,
    /// Asks for a pong with the same payload.
    Ping = 9,
    /// Answers a ping, or is sent unasked.
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    /// Whether it may stand between the fragments of a message, and is bound to 125 bytes.
    pub fn is_control(self) -> bool {
        self as u8 >= Opcode::Close as u8
    }
}

/// Why a client's bytes cannot be gone on with. The connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes break the protocol.
    Protocol,
    /// A text or a close reason is not UTF-8, or what is said to be compressed is not: the payload is not what its type says.
    InvalidPayload,
    /// The message is longer, or in more fragments, than the limits allow.
    TooBig,
}

impl Fault {
    /// The code that the close frame gives for it.
    pub fn close_code(self) -> u16 {
        match self {
            Fault::Protocol => 1002,
            Fault::InvalidPayload => 1007,
            Fault::TooBig => 1009,
        }
    }
}

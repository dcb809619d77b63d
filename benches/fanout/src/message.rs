//! The bytes of a message, and the check that a delivery is those bytes. No I/O.
//!
//! A message is a Socket.IO event with one argument: `42["msg","<publisher>:<sequence>:<filler>"]`, or the same body as a
//! binary attachment. The plain WebSocket servers relay exactly these frames, so that every server puts the same ones on
//! the wire.
//!
//! What a server only counts is `42["count",...]`, with a number after 42 where it is to be acknowledged: `43<number>[]`.

/// The publisher's number, the sequence number and their colons.
pub const MIN_SIZE: usize = 14;
const HEAD: &[u8] = b"42[\"msg\",\"";
const TAIL: &[u8] = b"\"]";
/// The packet before the one attachment of a binary event.
pub const BINARY: &[u8] = b"451-[\"msg\",{\"_placeholder\":true,\"num\":0}]";
/// Asks how many messages the server has counted. The same number again and again is no concern of a server's.
pub const COUNTED: &[u8] = b"420[\"counted\"]";
const PATTERN: &[u8; 64] = b"the-quick-brown-fox_jumps.over+the-lazy-dog_0123456789=ABCDEFGHI";

/// Writes and checks messages of one size.
pub struct Codec {
    size: usize,
    /// A message takes a slice that begins at an offset of its own.
    filler: Vec<u8>,
    /// From how many offsets.
    offsets: usize,
}

/// What a delivery says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id {
    pub publisher: usize,
    pub sequence: u32,
}

impl Codec {
    pub fn new(size: usize) -> Codec {
        let filler = PATTERN.iter().copied().cycle().take(size + PATTERN.len()).collect();
        Codec { size, filler, offsets: PATTERN.len() }
    }

    /// Messages like the state of a game, which can be compressed, but not to nothing.
    pub fn of_state(size: usize) -> Codec {
        const OFFSETS: usize = 16_381;
        let mut filler = Vec::with_capacity(size + OFFSETS + 64);
        // A linear congruential generator; its numbers are no secret.
        let mut seed = 1_u32;
        let mut number = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % below
        };
        while filler.len() < size + OFFSETS {
            let (id, x, y, hp) = (number(1_000), number(4_096), number(4_096), number(100));
            filler.extend_from_slice(format!("{{'id':{id},'x':{x},'y':{y},'hp':{hp}}},").as_bytes());
        }
        Codec { size, filler, offsets: OFFSETS }
    }

    /// Appends the event as it is delivered, and as it is published to a server that only relays.
    pub fn write(&self, out: &mut Vec<u8>, id: Id) {
        out.extend_from_slice(HEAD);
        self.write_body(out, id);
        out.extend_from_slice(TAIL);
    }

    /// Appends the event by which a Socket.IO server is asked for it.
    pub fn write_request(&self, out: &mut Vec<u8>, room: Option<&str>, id: Id) {
        out.extend_from_slice(match room {
            None => b"42[\"pub\",\"",
            Some(_) => b"42[\"cell\",\"",
        });
        if let Some(room) = room {
            out.extend_from_slice(room.as_bytes());
            out.extend_from_slice(b"\",\"");
        }
        self.write_body(out, id);
        out.extend_from_slice(TAIL);
    }

    /// Appends the event that a server counts, with the number under which it is to be acknowledged, if it is.
    pub fn write_counted(&self, out: &mut Vec<u8>, ack: Option<u32>, id: Id) {
        out.extend_from_slice(b"42");
        if let Some(ack) = ack {
            out.extend_from_slice(ack.to_string().as_bytes());
        }
        out.extend_from_slice(b"[\"count\",\"");
        self.write_body(out, id);
        out.extend_from_slice(TAIL);
    }

    /// Appends what a text carries between its quotes, and a binary event as its attachment.
    pub fn write_body(&self, out: &mut Vec<u8>, id: Id) {
        digits(out, id.publisher as u32, 4);
        out.push(b':');
        digits(out, id.sequence, 8);
        out.push(b':');
        out.extend_from_slice(self.filler(&id));
    }

    /// The identity of a delivered event, or `None` when it is not byte for byte what was published.
    pub fn check(&self, text: &[u8]) -> Option<Id> {
        self.check_body(text.strip_prefix(HEAD)?.strip_suffix(TAIL)?)
    }

    /// The same for a delivered attachment.
    pub fn check_body(&self, body: &[u8]) -> Option<Id> {
        if body.len() != self.size || body[4] != b':' || body[13] != b':' {
            return None;
        }
        let id = Id { publisher: value(&body[..4])? as usize, sequence: value(&body[5..13])? };
        (&body[MIN_SIZE..] == self.filler(&id)).then_some(id)
    }

    /// Differs between neighbours, so that bytes of one message inside another are noticed.
    fn filler(&self, id: &Id) -> &[u8] {
        let offset = (id.sequence as usize * 7 + id.publisher) % self.offsets;
        &self.filler[offset..offset + self.size - MIN_SIZE]
    }
}

fn digits(out: &mut Vec<u8>, mut number: u32, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn value(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |sum, &digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed() {
        for size in [MIN_SIZE, 64, 1024] {
            let codec = Codec::new(size);
            let mut text = Vec::new();
            codec.write(&mut text, Id { publisher: 63, sequence: 1_234_567 });
            assert_eq!(text.len(), size + HEAD.len() + TAIL.len());
            assert_eq!(codec.check(&text), Some(Id { publisher: 63, sequence: 1_234_567 }));
            for index in 0..text.len() {
                let mut changed = text.clone();
                changed[index] ^= 0x80;
                assert_eq!(codec.check(&changed), None);
            }
            assert_eq!(codec.check(&text[..text.len() - 1]), None);
        }
    }
}

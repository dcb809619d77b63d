//! The text of a message, and the check that a delivery is that text. No I/O.
//!
//! A message is a Socket.IO event with one string: `42["msg","<publisher>:<sequence>:<filler>"]`. The plain
//! WebSocket servers relay exactly these bytes, so that every server puts the same frame on the wire.

/// The publisher's number, the sequence number and their colons.
pub const MIN_SIZE: usize = 14;
const HEAD: &[u8] = b"42[\"msg\",\"";
const TAIL: &[u8] = b"\"]";
const PATTERN: &[u8; 64] = b"the-quick-brown-fox_jumps.over+the-lazy-dog_0123456789=ABCDEFGHI";

/// Writes and checks messages of one size.
pub struct Codec {
    size: usize,
    /// The pattern repeated; a message takes a slice that begins at an offset of its own.
    filler: Vec<u8>,
}

/// What a delivery says it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Id {
    pub publisher: usize,
    pub sequence: u32,
}

impl Codec {
    pub fn new(size: usize) -> Codec {
        let filler = PATTERN.iter().copied().cycle().take(size + PATTERN.len()).collect();
        Codec { size, filler }
    }

    /// Appends the event as the publisher sends it: `name` is `pub` to a Socket.IO server, which emits `msg`,
    /// and `msg` to one that only relays.
    pub fn write(&self, out: &mut Vec<u8>, name: &str, id: &Id) {
        out.extend_from_slice(b"42[\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\",\"");
        digits(out, id.publisher as u32, 4);
        out.push(b':');
        digits(out, id.sequence, 8);
        out.push(b':');
        out.extend_from_slice(self.filler(id));
        out.extend_from_slice(TAIL);
    }

    /// The identity of a delivered message, or `None` when it is not byte for byte what was published.
    pub fn check(&self, text: &[u8]) -> Option<Id> {
        let body = text.strip_prefix(HEAD)?.strip_suffix(TAIL)?;
        if body.len() != self.size || body[4] != b':' || body[13] != b':' {
            return None;
        }
        let id = Id { publisher: value(&body[..4])? as usize, sequence: value(&body[5..13])? };
        (&body[MIN_SIZE..] == self.filler(&id)).then_some(id)
    }

    /// Differs between neighbours, so that bytes of one message inside another are noticed.
    fn filler(&self, id: &Id) -> &[u8] {
        let offset = (id.sequence as usize * 7 + id.publisher) % PATTERN.len();
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
            codec.write(&mut text, "msg", &Id { publisher: 63, sequence: 1_234_567 });
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

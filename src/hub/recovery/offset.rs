//! Offsets: what a client says about how far it has heard, `<incarnation>-<number>` with both in base 36. It must not know a
//! session: an offset is a position and no right to anything.

use super::Seq;
use crate::base::errors::{Error, Result};

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LETTERS: usize = 5;
/// Digits of the largest number.
const MOST: usize = 13;

/// Which life of which broker an offset is from. Those of another cannot be decoded, rather than being wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Incarnation([u8; LETTERS]);

impl Incarnation {
    pub(in crate::hub) fn random() -> Result<Self> {
        let mut raw = [0; 8];
        getrandom::fill(&mut raw).map_err(|_| Error::NoEntropy)?;
        let mut number = u64::from_le_bytes(raw);
        Ok(Self([(); LETTERS].map(|()| take_digit(&mut number))))
    }

    /// Puts an offset behind the arguments of the event that `packet` ends with.
    pub(in crate::hub) fn append(self, packet: &mut Vec<u8>, number: Seq) {
        // The event's array is never empty: its name comes first.
        if packet.pop() == Some(b']') {
            packet.extend_from_slice(b",\"");
            self.write(packet, number);
            packet.extend_from_slice(b"\"]");
        }
    }

    fn write(self, out: &mut Vec<u8>, number: Seq) {
        out.extend_from_slice(&self.0);
        out.push(b'-');
        let (mut digits, mut left, mut count) = ([b'0'; MOST], number, 0_usize);
        for digit in digits.iter_mut().rev() {
            *digit = take_digit(&mut left);
            count = count.saturating_add(1);
            if left == 0 {
                break;
            }
        }
        out.extend_from_slice(digits.get(MOST.saturating_sub(count)..).unwrap_or_default());
    }

    /// The position that an offset of this life names.
    pub(in crate::hub) fn decode(self, offset: &str) -> Option<Seq> {
        let number = offset.as_bytes().strip_prefix(&self.0)?.strip_prefix(b"-")?;
        // Exactly what was written: no sign, no capitals, no zeros in front.
        let digit = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
        let plain = number.iter().all(digit) && (number.len() == 1 || number.first() != Some(&b'0'));
        let text = std::str::from_utf8(number).ok().filter(|_| plain)?;
        Seq::from_str_radix(text, 36).ok()
    }
}

fn take_digit(number: &mut u64) -> u8 {
    let digit = DIGITS.get((*number % 36) as usize).copied().unwrap_or(b'0');
    *number /= 36;
    digit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_back_and_nothing_else_is() {
        let incarnation = Incarnation(*b"k3f9a");
        for number in [0, 1, 35, 36, 1_234_567, u64::MAX] {
            let mut packet = b"42[\"a\"]".to_vec();
            incarnation.append(&mut packet, number);
            let text = String::from_utf8(packet).unwrap();
            let offset = text.strip_prefix("42[\"a\",\"").unwrap().strip_suffix("\"]").unwrap();
            assert_eq!(incarnation.decode(offset), Some(number), "{offset}");
            assert_eq!(Incarnation(*b"k3f9b").decode(offset), None);
        }
        for wrong in
            ["", "k3f9a", "k3f9a-", "k3f9a-+1", "k3f9a-01", "k3f9a-1Z", "k3f9a-zzzzzzzzzzzzzzzz", "é3f9a-1"]
        {
            assert_eq!(incarnation.decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lives_differ() {
        assert_ne!(Incarnation::random().unwrap(), Incarnation::random().unwrap());
    }
}

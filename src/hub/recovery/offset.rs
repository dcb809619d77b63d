//! Offsets: what a client says about how far it has heard, `<incarnation>-<number>` with both in base 36. It must not know a
//! session: an offset is a position and no right to anything.

use super::Seq;
use super::session::Session;
use crate::base::errors::{Error, Result};
use std::collections::VecDeque;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LETTERS: usize = 5;
/// Digits of the largest number.
const MOST: usize = 13;

/// Lives before this one whose offsets are known: one for each restart. A client that has heard nothing for more of them gets a new
/// session.
const LIVES: usize = 64;

/// The offsets that a client may have, as far as this broker knows them: those that it gave out, and those that were given out by the
/// brokers whose sessions it has taken over.
///
/// Each process has an incarnation of its own, also behind an import: what its forerunner may have emitted after the export is
/// not known here, and its offset must not be taken for another message's.
#[derive(Debug)]
pub(in crate::hub) struct Offsets {
    own: Incarnation,
    /// The number that the next emit gets.
    next: Seq,
    /// The lives before, the oldest first, each with the number at which it ended for this one.
    before: VecDeque<(Incarnation, Seq)>,
}

impl Offsets {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { own: Incarnation::random()?, next: 1, before: VecDeque::new() })
    }

    /// The number that the next emit gets.
    pub(in crate::hub) fn next(&self) -> Seq {
        self.next
    }

    /// The next emit has got its number.
    pub(in crate::hub) fn take(&mut self) -> Seq {
        let number = self.next;
        self.next = number.saturating_add(1);
        number
    }

    /// Puts an offset behind the arguments of the event that `packet` ends with.
    pub(in crate::hub) fn append(&self, packet: &mut Vec<u8>, number: Seq) {
        self.own.append(packet, number);
    }

    /// Up to which emit the client of a session has heard all, by its offset; 0 if that is from before the session. `None` if it may
    /// have heard what is not known here.
    pub(in crate::hub) fn heard(&self, offset: &str, session: &Session) -> Option<Seq> {
        if let Some(number) = self.own.decode(offset) {
            return Some(number).filter(|&number| number < self.next);
        }
        // Whatever a session's client takes for an offset is one of this life: each text at the end of an event is, but for questions.
        // So one of another life is from before a session that began in this one, of which its client has heard nothing yet.
        if session.born > self.before.back().map_or(0, |&(_, end)| end) {
            return Some(0);
        }
        self.before.iter().find_map(|(life, end)| life.decode(offset).filter(|number| number < end))
    }

    /// All lives, the oldest first, each with the number at which it ended, or ends now.
    pub(in crate::hub) fn lives(&self) -> Vec<(Incarnation, Seq)> {
        self.before.iter().copied().chain([(self.own, self.next)]).collect()
    }

    /// Goes on behind others. Nothing was emitted yet.
    pub(in crate::hub) fn go_on(&mut self, lives: &[(Incarnation, Seq)]) -> Result<()> {
        let known = lives.get(lives.len().saturating_sub(LIVES)..).unwrap_or_default();
        self.before = known.iter().copied().collect();
        // One more, so that a session that begins now is not one that began last then.
        self.next = lives.last().map_or(self.next, |&(_, end)| end.saturating_add(1));
        while lives.iter().any(|&(life, _)| life == self.own) {
            self.own = Incarnation::random()?;
        }
        Ok(())
    }
}

/// Which life of which broker an offset is from. Those of another cannot be decoded, rather than being wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Incarnation([u8; LETTERS]);

impl Incarnation {
    fn random() -> Result<Self> {
        let mut raw = [0; 8];
        getrandom::fill(&mut raw).map_err(|_| Error::NoEntropy)?;
        let mut number = u64::from_le_bytes(raw);
        Ok(Self([(); LETTERS].map(|()| take_digit(&mut number))))
    }

    pub(super) fn letters(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn read(letters: [u8; LETTERS]) -> Option<Self> {
        letters.iter().all(|letter| DIGITS.contains(letter)).then_some(Self(letters))
    }

    /// Puts an offset behind the arguments of the event that `packet` ends with.
    fn append(self, packet: &mut Vec<u8>, number: Seq) {
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
    fn decode(self, offset: &str) -> Option<Seq> {
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
    use super::super::Point;
    use super::super::pids::Pids;
    use super::super::rooms::Rooms;
    use super::*;
    use crate::base::ids::Key;
    use crate::base::sid::IdSpace;

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

    fn text(offsets: &Offsets, number: Seq) -> String {
        let mut packet = b"42[\"a\"]".to_vec();
        offsets.append(&mut packet, number);
        String::from_utf8(packet[8..packet.len() - 2].to_vec()).unwrap()
    }

    #[test]
    fn an_offset_of_a_life_before_is_known_up_to_its_end() {
        let mut rooms = Rooms::default();
        let mut began = |born| {
            let pid = Pids::new(&IdSpace::whole()).make(Key { slot: 0, generation: 1 }).unwrap();
            Session::new(pid, Point { next: born, place: None }, &mut rooms)
        };
        let (old, new) = (began(11), began(12));
        let mut first = Offsets::new().unwrap();
        (0..10).for_each(|_| _ = first.take());
        let mut second = Offsets::new().unwrap();
        second.go_on(&first.lives()).unwrap();
        assert_eq!((first.next(), second.next()), (11, 12));
        // What is emitted behind the export is not known to who has imported it, although it gets there itself.
        let (before, behind) = (text(&first, 10), text(&first, first.next()));
        second.take();
        assert_eq!((second.heard(&before, &old), second.heard(&behind, &old)), (Some(10), None));
        assert_eq!((second.heard(&before, &new), second.heard(&behind, &new)), (Some(0), Some(0)));
        let (last, none) = (text(&second, 12), text(&second, 13));
        assert_eq!((second.heard(&last, &old), second.heard(&last, &new)), (Some(12), Some(12)));
        assert_eq!((second.heard(&none, &old), second.heard(&none, &new)), (None, None));
        let mut last = second;
        for _ in 1..LIVES {
            let mut next = Offsets::new().unwrap();
            next.go_on(&last.lives()).unwrap();
            last = next;
        }
        assert_eq!(last.heard(&before, &old), Some(10));
        let mut next = Offsets::new().unwrap();
        next.go_on(&last.lives()).unwrap();
        assert_eq!((next.heard(&before, &old), next.before.len()), (None, LIVES));
    }
}

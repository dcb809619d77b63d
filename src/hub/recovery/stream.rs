//! Offsets that are places in a Redis stream, where a cluster's nodes leave what they emit to each other: any of them can go on from
//! there. It must not know a socket, nor what is emitted.
//!
//! The place of what this node emits is known when the stream returns it, and what comes from other nodes has its place from the
//! beginning. So the output of a tick waits for the places of what it has emitted, for at most [`PATIENCE`]. Each message is told the
//! place up to which a client has heard all when it has heard the message: mostly its own, and if the stream has it behind others that
//! come later here, that of one before. So a client that goes to another node misses nothing, and hears nothing twice but what a cut
//! has divided there.

use super::Seq;
use crate::base::Millis;
use crate::base::ids::Key;
use crate::wire::cluster::session::EntryId;
use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;

/// Milliseconds for which output waits for its places. What waits longer is told the place before.
const PATIENCE: Millis = 200;
/// Room for a place: 13 digits of milliseconds, and 8 of a number among a millisecond's. For longer ones the last that fitted stands.
const ROOM: usize = 22;
/// What stands behind an event's arguments: a comma, the place in quotes, and white space up to here.
const WIDTH: usize = ROOM + 3;
/// Messages that have left without a place, and are remembered until they have it.
const LATE: usize = 16_384;

/// Where a message of the tick is in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Known(EntryId),
    /// It is that of the operation with this number, and not known yet.
    Awaited(u64),
    /// It has none, and gets none.
    None,
}

/// A message of the tick.
#[derive(Clone, Copy, Debug)]
struct Marked {
    /// The byte of the tick at which its offset begins.
    at: u32,
    place: Place,
    message: Logged,
}

/// Which message of which namespace's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Logged {
    pub(in crate::hub) namespace: Key,
    pub(in crate::hub) number: Seq,
}

/// What one hub knows of the stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// What is emitted gets there, as far as is known.
    up: bool,
    /// All up to here has been handed out, or is in this tick.
    position: EntryId,
    /// The same, before this tick.
    before: EntryId,
    /// The number of the operation that is being carried out; 0 for none that gets a place.
    ticket: u64,
    last_ticket: u64,
    /// The place of what another node has emitted and is being carried out.
    entry: Option<EntryId>,
    tick: Vec<Marked>,
    /// How many of them wait for their places, and until when.
    awaited: usize,
    until: Millis,
    /// Output was to leave when there were so many, of which so many still wait. What was emitted since is waited for no more: where somebody
    /// always emits, nothing would ever leave.
    sealed: Option<(usize, usize)>,
    /// It has not answered in time, and not since.
    stalls: bool,
    late: VecDeque<(u64, Logged)>,
    /// Messages that left without their place.
    pub(in crate::hub) unplaced: u64,
}

impl Stream {
    /// Whether what is emitted gets into the stream, as far as is known.
    pub(in crate::hub) fn is_up(&self) -> bool {
        self.up
    }

    pub(crate) fn set_up(&mut self, up: bool) {
        self.up = up;
        self.stalls = false;
        if !up {
            // Nobody knows whether they get there.
            self.give_up();
        }
    }

    /// All up to here has been handed out.
    pub(in crate::hub) fn position(&self) -> EntryId {
        self.position
    }

    /// The operation with this number is carried out from now on.
    pub(crate) fn set_ticket(&mut self, ticket: u64) {
        self.ticket = ticket;
        self.last_ticket = self.last_ticket.max(ticket);
    }

    /// One more operation, which nobody else has given a number.
    pub(crate) fn next_ticket(&mut self) {
        self.set_ticket(self.last_ticket.saturating_add(1));
    }

    /// The number of the last operation.
    pub(in crate::hub) fn last_ticket(&self) -> u64 {
        self.last_ticket
    }

    /// The number of the operation that is carried out, if what it emits gets into the stream.
    pub(crate) fn ticket(&self) -> Option<u64> {
        (self.up && self.entry.is_none() && self.ticket != 0).then_some(self.ticket)
    }

    /// What stands in the stream here is carried out from now on; all before it has been.
    pub(crate) fn begin_entry(&mut self, id: EntryId) {
        self.entry = Some(id);
    }

    pub(crate) fn end_entry(&mut self) {
        if let Some(id) = self.entry.take() {
            self.position = self.position.max(id);
        }
    }

    /// Puts an offset behind the arguments of the event that `packet` ends with: for now the place before it.
    pub(in crate::hub) fn append(&self, packet: &mut Vec<u8>) {
        // The event's array is never empty: its name comes first.
        if packet.pop() == Some(b']') {
            packet.push(b',');
            packet.extend_from_slice(&written(self.position));
            packet.push(b']');
        }
    }

    /// The event with such an offset ends at this byte of the tick, and is this one of a log. A `local` one goes to no other node.
    /// Returns its place, if that is known.
    pub(in crate::hub) fn note(
        &mut self,
        end: u32,
        message: Logged,
        local: bool,
        now: Millis,
    ) -> Option<EntryId> {
        if self.tick.is_empty() {
            self.before = self.position;
        }
        let place = match (self.entry, self.ticket().filter(|_| !local)) {
            (Some(id), _) => Place::Known(id),
            (None, Some(ticket)) => Place::Awaited(ticket),
            (None, None) => Place::None,
        };
        if let Place::Awaited(_) = place {
            if self.awaited == 0 {
                self.until = now.saturating_add(PATIENCE);
            }
            self.awaited = self.awaited.saturating_add(1);
        }
        // The event's end is a bracket.
        let at = end.saturating_sub(WIDTH as u32);
        self.tick.push(Marked { at, place, message });
        self.entry
    }

    /// A message of the tick that waits for its place is sent once more, and ends at this byte: it gets the same.
    pub(in crate::hub) fn note_again(&mut self, end: u32, number: Seq) {
        let Some(&marked) = self.tick.iter().find(|marked| marked.message.number == number) else { return };
        if let Place::Awaited(_) = marked.place {
            self.awaited = self.awaited.saturating_add(1);
            self.tick.push(Marked { at: end.saturating_sub(WIDTH as u32), ..marked });
        }
    }

    /// What this node has emitted has come back, and with it its place. Which message of which log that is, if it is one. Before all
    /// others is the place of what does not come.
    pub(in crate::hub) fn returned(&mut self, ticket: u64, id: EntryId) -> Option<Logged> {
        self.position = self.position.max(id);
        let place = Place::Awaited(ticket);
        let known = if id == EntryId::NONE { Place::None } else { Place::Known(id) };
        let mut message = None;
        for (at, marked) in self.tick.iter_mut().enumerate().filter(|(_, marked)| marked.place == place) {
            marked.place = known;
            message = Some(marked.message);
            self.awaited = self.awaited.saturating_sub(1);
            if let Some((_, left)) = self.sealed.as_mut().filter(|(many, _)| at < *many) {
                *left = left.saturating_sub(1);
            }
        }
        if known == Place::None {
            return None;
        }
        self.stalls = false;
        if message.is_some() {
            return message;
        }
        let late = self.late.iter().position(|&(late, _)| late == ticket)?;
        self.late.remove(late).map(|(_, message)| message)
    }

    /// Until when the output of the tick waits for places, if it does.
    pub(in crate::hub) fn waits_until(&self) -> Option<Millis> {
        (self.left() > 0 && !self.stalls).then_some(self.until)
    }

    /// Output is about to leave, and has to wait for what was emitted until now.
    pub(crate) fn seal(&mut self) {
        self.sealed.get_or_insert((self.tick.len(), self.awaited));
    }

    /// How many places the output waits for.
    fn left(&self) -> usize {
        self.sealed.map_or(self.awaited, |(_, left)| left)
    }

    /// The tick ends: calls `write` with each byte at which an offset begins, and the offset. What has no place by now gets the place
    /// before it.
    pub(in crate::hub) fn end_tick(&mut self, now: Millis, mut write: impl FnMut(u32, &[u8])) {
        if self.tick.is_empty() {
            return;
        }
        self.stalls |= self.left() > 0 && self.until <= now;
        if self.awaited > 0 {
            self.give_up();
        }
        self.sealed = None;
        let known = |marked: &Marked| match marked.place {
            Place::Known(id) => Some(id),
            Place::Awaited(_) | Place::None => None,
        };
        // Up to where a client has heard all of its namespace with a message: the last place that is before all of those that come behind
        // the message.
        let mut namespaces: BTreeMap<Key, (Vec<EntryId>, EntryId)> = BTreeMap::new();
        for marked in &self.tick {
            let (places, _) =
                namespaces.entry(marked.message.namespace).or_insert((Vec::new(), EntryId::END));
            places.extend(known(marked));
        }
        namespaces.values_mut().for_each(|(places, _)| places.sort_unstable());
        for marked in self.tick.iter().rev() {
            let Some((places, least)) = namespaces.get_mut(&marked.message.namespace) else { continue };
            let before = places.partition_point(|place| place < least);
            let heard = before.checked_sub(1).and_then(|at| places.get(at)).copied();
            write(marked.at, &written(heard.unwrap_or(self.before).max(self.before)));
            *least = (*least).min(known(marked).unwrap_or(EntryId::END));
        }
        self.tick.clear();
        self.tick.shrink_to(LATE);
    }

    /// What waits for its place leaves without.
    fn give_up(&mut self) {
        for marked in &mut self.tick {
            if let Place::Awaited(ticket) = marked.place {
                marked.place = Place::None;
                self.unplaced = self.unplaced.saturating_add(1);
                if self.late.len() == LATE {
                    self.late.pop_front();
                }
                self.late.push_back((ticket, marked.message));
            }
        }
        (self.awaited, self.sealed) = (0, None);
    }
}

/// Puts another place where the offset of an event stands.
pub(in crate::hub) fn replace(packet: &mut [u8], place: EntryId) {
    let at = packet.len().saturating_sub(WIDTH);
    if let Some(offset) = packet.get_mut(at..).and_then(|end| end.first_chunk_mut()) {
        *offset = written(place);
    }
}

/// An offset in quotes, with white space up to its width.
fn written(place: EntryId) -> [u8; ROOM + 2] {
    let mut text = [b' '; ROOM + 2];
    let mut rest = &mut text[..];
    let fits = write!(rest, "\"{place}\"").is_ok();
    if !fits {
        // Nobody has such a place: a client that says it begins anew.
        text = [b' '; ROOM + 2];
        let mut rest = &mut text[..];
        let _ = rest.write_all(b"\"-\"");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> EntryId {
        EntryId { time: 7, number }
    }

    fn message(number: Seq) -> Logged {
        Logged { namespace: Key { slot: 1, generation: 1 }, number }
    }

    /// A tick of events, each by the number of what another node has emitted, or 0 for one of this node's.
    struct World {
        stream: Stream,
        output: Vec<u8>,
        own: u64,
    }

    impl World {
        fn new() -> Self {
            let mut stream = Stream::default();
            stream.set_up(true);
            stream.begin_entry(id(10));
            stream.end_entry();
            Self { stream, output: Vec::new(), own: 0 }
        }

        fn emit(&mut self) -> u64 {
            self.stream.next_ticket();
            self.own += 1;
            self.event(false, 100 * self.own);
            self.own
        }

        fn event(&mut self, local: bool, now: Millis) {
            let mut packet = b"42[\"a\"]".to_vec();
            self.stream.append(&mut packet);
            self.output.extend(packet);
            self.stream.note(self.output.len() as u32, message(self.own), local, now);
        }

        fn hear(&mut self, number: u64) {
            self.stream.begin_entry(id(number));
            self.event(false, 0);
            self.stream.end_entry();
        }

        /// The offsets of the tick, as their numbers.
        fn flush(&mut self, now: Millis) -> Vec<u64> {
            let Self { stream, output, .. } = self;
            stream.end_tick(now, |at, text| output[at as usize..][..text.len()].copy_from_slice(text));
            let text = String::from_utf8(std::mem::take(output)).unwrap();
            let events = text.split("42").filter(|event| !event.is_empty());
            let offsets = events.map(|event| {
                let event: Vec<String> = serde_json::from_str(event).unwrap();
                EntryId::parse(event[1].as_bytes()).unwrap().number
            });
            offsets.collect()
        }
    }

    #[test]
    fn what_is_emitted_here_waits_for_its_place() {
        let mut world = World::new();
        let first = world.emit();
        let second = world.emit();
        assert_eq!(world.stream.waits_until(), Some(100 + PATIENCE));
        assert_eq!(world.stream.returned(first, id(11)), Some(message(1)));
        assert_eq!(world.stream.returned(99, id(12)), None, "of another namespace");
        assert!(world.stream.waits_until().is_some());
        assert_eq!(world.stream.returned(second, id(13)), Some(message(2)));
        assert_eq!((world.stream.waits_until(), world.flush(150)), (None, vec![11, 13]));
        assert_eq!((world.stream.position(), world.stream.unplaced), (id(13), 0));
        // What other nodes emit has its place.
        world.hear(14);
        world.event(true, 0);
        world.hear(15);
        assert_eq!((world.stream.waits_until(), world.flush(150)), (None, vec![14, 14, 15]));
    }

    #[test]
    fn what_crosses_is_told_the_place_up_to_which_all_was_heard() {
        let mut world = World::new();
        let own = world.emit();
        world.hear(11);
        let last = world.emit();
        world.hear(12);
        world.stream.returned(own, id(13));
        world.hear(14);
        world.stream.returned(last, id(15));
        // Here they are in the order 13 11 15 12 14.
        assert_eq!(world.flush(0), [10, 11, 11, 13, 15]);
    }

    #[test]
    fn output_waits_for_what_was_emitted_before_it_was_to_leave() {
        let mut world = World::new();
        let first = world.emit();
        world.stream.seal();
        let second = world.emit();
        world.stream.seal();
        assert!(world.stream.waits_until().is_some());
        world.stream.returned(first, id(11));
        assert_eq!((world.stream.waits_until(), world.flush(150)), (None, vec![11, 11]));
        assert_eq!(world.stream.unplaced, 1);
        assert_eq!(world.stream.returned(second, id(12)), Some(message(2)));
        world.emit();
        assert!(world.stream.waits_until().is_some(), "it did answer in time");
    }

    #[test]
    fn nothing_waits_for_a_stream_that_does_not_answer() {
        let mut world = World::new();
        let own = world.emit();
        let until = world.stream.waits_until().unwrap();
        world.hear(11);
        assert_eq!(world.flush(until), [10, 11]);
        assert_eq!(world.stream.unplaced, 1);
        // It has waited once, and does not for each that comes.
        let second = world.emit();
        assert_eq!(world.stream.waits_until(), None);
        assert_eq!(world.flush(until), [11]);
        // The place is known to the log, although no client has it.
        assert_eq!(world.stream.returned(own, id(12)), Some(message(1)));
        assert_eq!(world.stream.returned(second, id(13)), Some(message(2)));
        assert_eq!(world.stream.returned(second, id(13)), None);
        world.emit();
        assert!(world.stream.waits_until().is_some(), "it answers again");
        world.stream.set_up(false);
        assert_eq!((world.stream.waits_until(), world.flush(0)), (None, vec![13]));
        world.emit();
        assert_eq!((world.stream.waits_until(), world.flush(0)), (None, vec![13]));
    }

    #[test]
    fn a_place_without_room_is_nobodys() {
        let long = EntryId { time: u64::MAX, number: u64::MAX };
        assert_eq!(written(long)[..4], *b"\"-\" ");
        assert_eq!(written(id(1))[..7], *b"\"7-1\"  ");
        let longest = EntryId { time: 9_999_999_999_999, number: 99_999_999 };
        assert_eq!(written(longest).len(), longest.to_string().len() + 2);
    }
}

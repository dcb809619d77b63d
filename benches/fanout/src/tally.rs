//! What was sent, and which of it each connection has received: once, in order, unchanged, never its own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::histogram::Histogram;
use crate::message::{Codec, Id};
use crate::rooms::Rooms;

/// An event as it arrived.
#[derive(Clone, Copy, Debug)]
pub enum Delivery<'a> {
    /// The packet.
    Text(&'a [u8]),
    /// The attachment of a binary event whose packet was right.
    Binary(&'a [u8]),
    /// The acknowledgement of the message with this number.
    Ack(u32),
    /// How many messages the server has counted.
    Counted(u64),
}

pub struct Tally {
    pub codec: Codec,
    /// Since `begin`: messages sent, right deliveries, and their latencies.
    pub sent: u64,
    pub deliveries: u64,
    pub latency: Histogram,
    start: Instant,
    rooms: Rooms,
    /// Publishers in the widest cell: the row length of `expected`.
    width: usize,
    /// Next sequence number by connection and publisher.
    expected: Vec<u32>,
    publishers: Vec<Publisher>,
    in_flight: usize,
    /// Messages for the server alone, since it started, and how many of them it says it has counted.
    counted: (u64, u64),
    last: u64,
    faults: Faults,
}

#[derive(Clone, Default)]
struct Publisher {
    next: u32,
    /// Messages for the server alone; the next number to be acknowledged, and the next acknowledgement.
    own: u32,
    acks: (u32, u32),
    /// How many connections are to get what it publishes.
    audience: usize,
    /// Messages that somebody still waits for, oldest first.
    flights: VecDeque<Flight>,
}

#[derive(Clone)]
struct Flight {
    waiting: usize,
    sent: u64,
}

/// Deliveries that should not have been, over all cells.
#[derive(Default)]
struct Faults {
    repeated: u64,
    skipped: u64,
    to_sender: u64,
    /// To somebody who is not in the room.
    misrouted: u64,
    wrong: u64,
}

impl Tally {
    pub fn new(connections: usize, publishers: usize, rooms: Rooms) -> Tally {
        let audience = |publisher| (0..connections).filter(|&conn| rooms.reaches(publisher, conn)).count();
        let publisher = |index| Publisher { audience: audience(index), ..Publisher::default() };
        Tally {
            codec: Codec::new(crate::message::MIN_SIZE),
            sent: 0,
            deliveries: 0,
            latency: Histogram::new(),
            start: Instant::now(),
            rooms,
            width: publishers,
            expected: vec![0; connections * publishers],
            publishers: (0..publishers).map(publisher).collect(),
            in_flight: 0,
            counted: (0, 0),
            last: 0,
            faults: Faults::default(),
        }
    }

    /// Forgets the figures so far (the warm-up), not what is expected next.
    pub fn begin(&mut self) {
        (self.sent, self.deliveries) = (0, 0);
        self.latency.clear();
    }

    /// Nanoseconds on the clock that messages are stamped with.
    pub fn clock(&self, time: Instant) -> u64 {
        time.saturating_duration_since(self.start).as_nanos() as u64
    }

    pub fn last_arrival(&self) -> Instant {
        self.start + Duration::from_nanos(self.last)
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// A message of `publisher` leaves.
    pub fn depart(&mut self, publisher: usize, time: u64) -> Id {
        let from = &mut self.publishers[publisher];
        let id = Id { publisher, sequence: from.next };
        from.next += 1;
        self.sent += 1;
        if from.audience > 0 {
            from.flights.push_back(Flight { waiting: from.audience, sent: time });
            self.in_flight += 1;
        }
        id
    }

    /// A message of `publisher` leaves for the server alone, which acknowledges it or does not.
    pub fn depart_for_server(
        &mut self,
        publisher: usize,
        acknowledged: bool,
        time: u64,
    ) -> (Id, Option<u32>) {
        let from = &mut self.publishers[publisher];
        let (id, number) = (Id { publisher, sequence: from.own }, from.acks.0);
        from.own += 1;
        self.sent += 1;
        self.counted.0 += 1;
        if !acknowledged {
            return (id, None);
        }
        from.acks.0 += 1;
        from.flights.push_back(Flight { waiting: 1, sent: time });
        self.in_flight += 1;
        (id, Some(number))
    }

    /// How many messages for itself the server has not counted yet, as far as is known.
    pub fn uncounted(&self) -> u64 {
        self.counted.0 - self.counted.1
    }

    /// Connection `conn` received an event.
    pub fn arrive(&mut self, conn: usize, delivery: Delivery<'_>, time: u64) {
        let id = match delivery {
            Delivery::Text(text) => self.codec.check(text),
            Delivery::Binary(bytes) => self.codec.check_body(bytes),
            Delivery::Ack(number) => return self.acknowledged(conn, number, time),
            Delivery::Counted(count) => return self.counted_so_far(count, time),
        };
        let Some(Id { publisher, sequence }) = id else { return self.faults.wrong += 1 };
        let Some(from) = self.publishers.get_mut(publisher) else { return self.faults.wrong += 1 };
        if conn == publisher {
            return self.faults.to_sender += 1;
        }
        if !self.rooms.reaches(publisher, conn) {
            return self.faults.misrouted += 1;
        }
        let expected = &mut self.expected[conn * self.width + publisher];
        if sequence < *expected {
            return self.faults.repeated += 1;
        }
        self.faults.skipped += u64::from(sequence - *expected);
        *expected = sequence + 1;
        // Flights end in the order of their sequence numbers, so the oldest one's number tells the place.
        let oldest = from.next - from.flights.len() as u32;
        let place = sequence.checked_sub(oldest).map(|place| place as usize);
        let Some(flight) = place.and_then(|place| from.flights.get_mut(place)) else {
            return self.faults.wrong += 1;
        };
        flight.waiting = flight.waiting.saturating_sub(1);
        self.latency.record(time.saturating_sub(flight.sent), 1);
        self.deliveries += 1;
        self.last = time;
        while from.flights.front().is_some_and(|flight| flight.waiting == 0) {
            from.flights.pop_front();
            self.in_flight -= 1;
        }
    }

    /// Connection `conn` received an acknowledgement.
    fn acknowledged(&mut self, conn: usize, number: u32, time: u64) {
        let Some(from) = self.publishers.get_mut(conn) else { return self.faults.misrouted += 1 };
        let (end, next) = from.acks;
        if number < next {
            return self.faults.repeated += 1;
        }
        if number >= end {
            return self.faults.wrong += 1;
        }
        self.faults.skipped += u64::from(number - next);
        from.acks.1 = number + 1;
        if let Some(flight) = from.flights.pop_front() {
            self.latency.record(time.saturating_sub(flight.sent), 1);
            self.in_flight -= 1;
        }
    }

    /// The server says how many messages for itself it has counted since it started.
    fn counted_so_far(&mut self, count: u64, time: u64) {
        let (sent, before) = self.counted;
        if count < before || count > sent {
            return self.faults.wrong += 1;
        }
        self.deliveries += count - before;
        self.counted.1 = count;
        self.last = time;
    }

    pub fn faults(&self) -> Value {
        let Faults { repeated, skipped, to_sender, misrouted, wrong } = &self.faults;
        json!({ "repeated": repeated, "skipped": skipped, "to_sender": to_sender, "misrouted": misrouted,
                "wrong": wrong })
    }

    pub fn all_faults(&self) -> u64 {
        let Faults { repeated, skipped, to_sender, misrouted, wrong } = &self.faults;
        repeated + skipped + to_sender + misrouted + wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliver(tally: &mut Tally, conn: usize, publisher: usize, sequence: u32) {
        let mut text = Vec::new();
        tally.codec.write(&mut text, Id { publisher, sequence });
        tally.arrive(conn, Delivery::Text(&text), 5);
    }

    #[test]
    fn what_the_server_alone_gets_is_acknowledged_in_order_and_counted() {
        let mut tally = Tally::new(2, 2, Rooms::One);
        for acknowledged in [true, true, false, true] {
            tally.depart_for_server(1, acknowledged, 1);
        }
        assert_eq!((tally.in_flight(), tally.uncounted()), (3, 4));
        tally.arrive(1, Delivery::Ack(0), 5);
        tally.arrive(1, Delivery::Counted(3), 5);
        assert_eq!(
            (tally.in_flight(), tally.uncounted(), tally.deliveries, tally.all_faults()),
            (2, 1, 3, 0)
        );
        tally.arrive(1, Delivery::Ack(0), 5);
        tally.arrive(0, Delivery::Ack(0), 5);
        tally.arrive(1, Delivery::Ack(2), 5);
        tally.arrive(1, Delivery::Ack(3), 5);
        tally.arrive(1, Delivery::Counted(5), 5);
        let expected = json!({ "repeated": 1, "skipped": 1, "to_sender": 0, "misrouted": 0, "wrong": 3 });
        assert_eq!(tally.faults(), expected);
    }

    #[test]
    fn each_fault_is_counted() {
        let mut tally = Tally::new(3, 1, Rooms::One);
        (0..3).for_each(|_| {
            tally.depart(0, 1);
        });
        for sequence in [0, 1, 2] {
            deliver(&mut tally, 1, 0, sequence);
        }
        assert_eq!((tally.in_flight(), tally.all_faults(), tally.deliveries), (3, 0, 3));
        deliver(&mut tally, 2, 0, 0);
        assert_eq!((tally.in_flight(), tally.all_faults()), (2, 0));
        deliver(&mut tally, 2, 0, 0);
        deliver(&mut tally, 2, 0, 2);
        deliver(&mut tally, 0, 0, 1);
        deliver(&mut tally, 1, 0, 3);
        tally.arrive(1, Delivery::Text(b"42[\"msg\",\"junk\"]"), 5);
        let faults = tally.faults();
        let expected = json!({ "repeated": 1, "skipped": 1, "to_sender": 1, "misrouted": 0, "wrong": 2 });
        assert_eq!(faults, expected);
    }

    #[test]
    fn a_delivery_outside_the_room_is_a_fault() {
        let mut tally = Tally::new(1_000, 1_000, Rooms::Arena);
        tally.depart(0, 1);
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            (1..1_000).partition(|&conn| Rooms::Arena.reaches(0, conn));
        inside.iter().for_each(|&conn| deliver(&mut tally, conn, 0, 0));
        assert_eq!((tally.in_flight(), tally.all_faults()), (0, 0));
        deliver(&mut tally, outside[0], 0, 0);
        assert_eq!(tally.faults()["misrouted"], 1);
    }
}

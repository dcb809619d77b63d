//! Acknowledgements the host waits for: from one socket or from many, with a time limit. None outlives its sockets.

use super::Hub;
use super::Timer;
use super::message::{Message, Receipt, Target};
use super::place::Place;
use crate::base::Millis;
use crate::base::errors::Result;
use crate::base::ids::{AckId, Key, SocketId};
use crate::base::limits::fields;
use crate::base::refused::LimitError;
use crate::base::sid::IdSpace;
use crate::engine::Engine;
use crate::host::events::Kind;
use crate::host::stats::count;
use crate::wire::json;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The numbers that acknowledgements have on the wire. None is used twice in a broker's life, whatever namespace and loop it
/// is for: an answer that comes late, over a new connection, must not settle another question.
#[derive(Debug)]
pub(super) struct AckNumbers {
    next: u64,
    /// As many as there are loops, each of which counts from its own number.
    step: u64,
    waiting: HashMap<u64, Key>,
}

/// Numbers from here on are not whole any more in a client that keeps them as JavaScript does.
const NUMBERS: u64 = 1 << 53;

impl AckNumbers {
    pub(super) fn new(space: &IdSpace) -> Self {
        Self { next: space.number(), step: space.count(), waiting: HashMap::new() }
    }

    /// The next question is `key`'s.
    #[expect(clippy::arithmetic_side_effects, reason = "2^53 and the number of loops, of which there is one")]
    fn take(&mut self, key: Key) {
        self.waiting.insert(self.next, key);
        self.next += self.step;
        if self.next >= NUMBERS {
            self.next %= self.step;
        }
    }
}

/// One acknowledgement, however many are to answer.
#[derive(Debug)]
pub(super) struct PendingAck {
    /// Its number on the wire.
    number: u64,
    asker: Asker,
    waiting: Waiting,
    /// How many disconnected without an answer.
    lost: u32,
    /// Those of other nodes, if they are asked as well.
    abroad: Option<Abroad>,
}

/// Who is told of the answers.
#[derive(Debug)]
pub(crate) enum Asker {
    /// The host, by its own number. `abroad` if sockets of other nodes are asked, too: [`Hub::ack_abroad`] tells of them.
    Host { context: u64, abroad: bool },
    /// The host of another node, by its number for the question.
    Node { namespace: Box<str>, request: Box<str> },
}

/// What is known of those who are asked on other nodes.
#[derive(Debug, Default)]
struct Abroad {
    /// How many nodes are to say whom they ask, as soon as it is known.
    nodes: Option<u32>,
    /// How many have.
    counted: u32,
    clients: u32,
    answered: u32,
}

impl Abroad {
    /// How many have not answered; one more while nodes may have others.
    fn left(&self) -> u32 {
        let open = self.nodes.is_none_or(|nodes| self.counted < nodes);
        self.clients.saturating_sub(self.answered).saturating_add(open.into())
    }
}

/// What becomes known of those who are asked on other nodes.
#[derive(Debug)]
pub(crate) enum AbroadStep<'a> {
    /// So many nodes will say whom they ask.
    Nodes(u32),
    /// One of them asks so many.
    Count(u32),
    /// One of these has answered: the first of its values, with what the placeholders in it stand for.
    Answer(&'a str, &'a [&'a [u8]]),
}

/// An answer for another node's host: the first value.
#[derive(Debug)]
pub(crate) struct AnswerAbroad {
    pub(crate) namespace: Box<str>,
    pub(crate) request: Box<str>,
    pub(crate) value: Option<String>,
    pub(crate) attachments: Vec<Vec<u8>>,
}

impl PendingAck {
    /// How many have not answered, and never will in part.
    fn missing(&self) -> u32 {
        let abroad = self.abroad.as_ref().map_or(0, Abroad::left);
        self.waiting.len().saturating_add(self.lost).saturating_add(abroad)
    }

    /// Whether nobody is left who may answer.
    fn is_over(&self) -> bool {
        self.waiting.len() == 0 && self.abroad.as_ref().is_none_or(|abroad| abroad.left() == 0)
    }

    /// The host's own number.
    fn context(&self) -> u64 {
        match self.asker {
            Asker::Host { context, .. } => context,
            Asker::Node { .. } => 0,
        }
    }

    /// One of those who are to answer is gone.
    fn lose(&mut self, slot: u32) {
        if self.waiting.remove(slot) {
            self.lost = self.lost.saturating_add(1);
        }
    }
}

/// Who has yet to answer, by socket slot.
#[derive(Debug)]
enum Waiting {
    One(Option<u32>),
    Many(HashSet<u32>),
}

impl Waiting {
    fn len(&self) -> u32 {
        match self {
            Waiting::One(one) => u32::from(one.is_some()),
            Waiting::Many(many) => many.len() as u32,
        }
    }

    fn remove(&mut self, slot: u32) -> bool {
        match self {
            Waiting::One(one) => one.take_if(|other| *other == slot).is_some(),
            Waiting::Many(many) => many.remove(&slot),
        }
    }

    fn drain(self) -> Vec<u32> {
        match self {
            Waiting::One(one) => one.into_iter().collect(),
            Waiting::Many(many) => many.into_iter().collect(),
        }
    }
}

/// What one socket has yet to answer, in a stable order. Up to `Limits::max_pending_acks` are taken out one by one, in whatever
/// order the client or the clock likes: no list to search.
#[derive(Debug)]
pub(super) struct Owed<K = Key>(BTreeSet<K>);

impl<K> Default for Owed<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<K: Ord> Owed<K> {
    fn add(&mut self, key: K) {
        self.0.insert(key);
    }

    fn forget(&mut self, key: &K) {
        self.0.remove(key);
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl Hub {
    /// Emits an event and asks everyone who gets it for an acknowledgement, which come as
    /// [`Event::Ack`](crate::Event::Ack); if some never answer, [`Event::AckEnd`](crate::Event::AckEnd) ends it.
    pub(crate) fn emit_with_ack(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        message: Message<'_>,
        timeout: Option<Millis>,
        asker: Asker,
    ) -> Result<(Receipt, Option<AckId>)> {
        self.check_message(engine, &message)?;
        let number = self.ack_numbers.next;
        let mut members = Vec::new();
        self.check_ack_room(engine, &target)?;
        let receipt = self.deliver(engine, target, message, Some(number), |member| members.push(member))?;
        if engine.is_watched() {
            self.see_sent(engine, target.namespace, &message, &members);
        }
        let abroad = matches!(asker, Asker::Host { abroad: true, .. }).then(Abroad::default);
        if members.is_empty() && abroad.is_none() {
            return Ok((receipt, None));
        }
        let waiting = match members[..] {
            [one] => Waiting::One(Some(one)),
            _ => Waiting::Many(members.iter().copied().collect()),
        };
        let key = self.acks.insert(PendingAck { number, asker, waiting, lost: 0, abroad });
        for member in members {
            if let Some(socket) = self.sockets.at_mut(member) {
                socket.acks.add(key);
            }
        }
        self.ack_numbers.take(key);
        if timeout == Some(0) {
            count(&mut engine.counters.ack_timeouts, 1);
            self.end_ack(engine, key, true);
        } else if let Some(timeout) = timeout {
            self.timers.arm(Timer::Ack(key.slot), engine.now.saturating_add(timeout));
        }
        Ok((receipt, Some(AckId::new(key))))
    }

    /// Refuses an emit that would let a recipient owe too many answers, before anything is sent. It reads each
    /// recipient once, as the delivery behind it does, and only while so many answers are awaited in all that one may owe too many.
    fn check_ack_room(&mut self, engine: &Engine, target: &Target<'_>) -> Result<()> {
        let most = engine.config.limits.max_pending_acks as usize;
        if self.acks.len() < most {
            return Ok(());
        }
        let mut over = false;
        self.select(target, &[Place::Connected, Place::Asking], |sockets, member| {
            over |= sockets.at(member).is_some_and(|socket| socket.acks.len() >= most);
        })?;
        if over { Err(LimitError::new(&fields::max_pending_acks, most as u64).into()) } else { Ok(()) }
    }

    /// A client answers. An answer nobody waits for is ignored, as in the reference.
    pub(super) fn acknowledged<'a>(
        &mut self,
        engine: &mut Engine,
        socket: Key,
        number: u64,
        args: &str,
        attachments: impl Iterator<Item = &'a [u8]>,
    ) {
        let key = self.ack_numbers.waiting.get(&number).copied();
        let pending = key.and_then(|key| Some((key, self.acks.get_mut(key)?)));
        let Some((key, pending)) = pending.filter(|(_, pending)| match &pending.waiting {
            Waiting::One(one) => *one == Some(socket.slot),
            Waiting::Many(many) => many.contains(&socket.slot),
        }) else {
            count(&mut engine.counters.unknown_acks, 1);
            return;
        };
        pending.waiting.remove(socket.slot);
        let (over, missing, context) = (pending.is_over(), pending.missing(), pending.context());
        let for_node = match &pending.asker {
            Asker::Node { namespace, request } => Some((namespace.clone(), request.clone())),
            Asker::Host { .. } => None,
        };
        let mut tag = 0;
        if let Some(state) = self.sockets.get_mut(socket) {
            state.acks.forget(&key);
            tag = state.tag;
        }
        if let Some((namespace, request)) = for_node {
            let value = json::elements(args).next().map(str::to_owned);
            let attachments = attachments.map(<[u8]>::to_vec).collect();
            self.answers_abroad.push(AnswerAbroad { namespace, request, value, attachments });
        } else {
            let event = Kind::Ack(AckId::new(key), SocketId::new(socket), missing);
            engine.events.push(event).tag(tag).context(context).text(&[args]);
            for attachment in attachments {
                engine.events.bytes(attachment);
            }
        }
        if over {
            self.end_ack(engine, key, false);
        }
    }

    /// Something has become known of those who are asked on other nodes.
    pub(crate) fn ack_abroad(&mut self, engine: &mut Engine, ack: AckId, step: AbroadStep<'_>) {
        let Some(pending) = self.acks.get_mut(ack.key()) else {
            if matches!(step, AbroadStep::Answer(..)) {
                count(&mut engine.counters.unknown_acks, 1);
            }
            return;
        };
        let Some(abroad) = &mut pending.abroad else { return };
        match step {
            AbroadStep::Nodes(nodes) => abroad.nodes = Some(nodes),
            AbroadStep::Count(clients) => {
                abroad.counted = abroad.counted.saturating_add(1);
                abroad.clients = abroad.clients.saturating_add(clients);
            }
            AbroadStep::Answer(..) => abroad.answered = abroad.answered.saturating_add(1),
        }
        let (over, missing, context) = (pending.is_over(), pending.missing(), pending.context());
        if let AbroadStep::Answer(value, attachments) = step {
            let event = engine.events.push(Kind::RemoteAck(ack, missing)).context(context);
            event.text(&["[", value, "]"]);
            for attachment in attachments {
                event.bytes(attachment);
            }
        } else if over && missing == 0 {
            // Else its last answer was its end.
            engine.events.push(Kind::AckEnd(ack, 0, false)).context(context);
        }
        if over {
            self.end_ack(engine, ack.key(), false);
        }
    }

    /// Answers for other nodes since the last time.
    pub(crate) fn take_answers_abroad(&mut self) -> Vec<AnswerAbroad> {
        std::mem::take(&mut self.answers_abroad)
    }

    /// A socket is gone: it will answer nothing any more.
    pub(super) fn abandon_acks(&mut self, engine: &mut Engine, slot: u32, acks: Owed) {
        for key in acks.0 {
            let Some(pending) = self.acks.get_mut(key) else { continue };
            pending.lose(slot);
            if pending.is_over() {
                self.end_ack(engine, key, false);
            }
        }
    }

    /// An acknowledgement's time is up.
    pub(super) fn ack_timed_out(&mut self, engine: &mut Engine, slot: u32) {
        if let Some(key) = self.acks.key_at(slot) {
            count(&mut engine.counters.ack_timeouts, 1);
            self.end_ack(engine, key, true);
        }
    }

    fn end_ack(&mut self, engine: &mut Engine, key: Key, timed_out: bool) {
        let Some(pending) = self.acks.remove(key) else { return };
        self.timers.cancel(Timer::Ack(key.slot));
        self.ack_numbers.waiting.remove(&pending.number);
        let (missing, context) = (pending.missing(), pending.context());
        let for_host = matches!(pending.asker, Asker::Host { .. });
        for slot in pending.waiting.drain() {
            if let Some(socket) = self.sockets.at_mut(slot) {
                socket.acks.forget(&key);
            }
        }
        if missing > 0 && for_host {
            engine.events.push(Kind::AckEnd(AckId::new(key), missing, timed_out)).context(context);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::Limits;
    use std::cell::Cell;
    use std::cmp::Ordering;

    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// A key that counts how often one is looked at.
    #[derive(Eq)]
    struct Counted(u32);

    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other) == Ordering::Equal
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl Ord for Counted {
        fn cmp(&self, other: &Self) -> Ordering {
            STEPS.set(STEPS.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of questions, whose cost is counted")]
    fn an_answer_costs_the_same_in_whatever_order_they_come() {
        let most = Limits::default().max_pending_acks;
        let orders: [fn(u32, u32) -> u32; 3] =
            [|at, _| at, |at, most| most - 1 - at, |at, most| (at * 2_741) % most];
        for order in orders {
            let mut owed = Owed::default();
            (0..most).for_each(|number| owed.add(Counted(number)));
            STEPS.set(0);
            (0..most).for_each(|at| owed.forget(&Counted(order(at, most))));
            assert_eq!(owed.len(), 0);
            let each = STEPS.get() / u64::from(most);
            assert!(each <= 80, "{each} of {most} looked at for one answer");
        }
    }
}

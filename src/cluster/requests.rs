//! What this node has asked the others, until all have answered or the time is up. It must not know what their answers mean.

use crate::base::Millis;
use crate::base::timers::Timers;
use std::collections::{HashMap, VecDeque};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Which sockets there are on other nodes.
    Sockets,
    /// What the other nodes' hosts say to an event.
    Hosts,
    /// How many nodes there are: nobody else is asked.
    Nodes,
}

/// One question.
#[derive(Debug)]
struct Open {
    question: Question,
    /// The host's own number.
    context: u64,
    /// How many nodes are to answer, as soon as it is known.
    nodes: Option<u32>,
    answered: u32,
}

/// A question is over: the host's number, and how many nodes have not answered, if it is known how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) context: u64,
    pub(crate) missing: Option<u32>,
}

/// All questions that are not over.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: HashMap<u64, Open>,
    due: Timers<u64>,
    next: u64,
}

impl Requests {
    /// A question to which nodes may answer until `due`. Returns its number.
    pub(super) fn ask(&mut self, question: Question, context: u64, due: Millis) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.open.insert(self.next, Open { question, context, nodes: None, answered: 0 });
        self.due.arm(self.next, due);
        self.next
    }

    /// So many nodes are to answer a question. Whether it is over.
    pub(super) fn expect(&mut self, number: u64, nodes: u32) -> Option<Over> {
        self.open.get_mut(&number)?.nodes = Some(nodes);
        self.settle(number)
    }

    /// What a question that is not over asks, and the host's number for it.
    pub(super) fn question(&self, number: u64) -> Option<(Question, u64)> {
        self.open.get(&number).map(|open| (open.question, open.context))
    }

    /// One more node has answered. Whether the question is over.
    pub(super) fn answered(&mut self, number: u64) -> Option<Over> {
        let open = self.open.get_mut(&number)?;
        open.answered = open.answered.saturating_add(1);
        self.settle(number)
    }

    /// It will not be answered: nobody has heard it.
    pub(super) fn give_up(&mut self, number: u64) -> Option<Over> {
        self.due.cancel(number);
        let open = self.open.remove(&number)?;
        Some(Over {
            context: open.context,
            missing: open.nodes.map(|nodes| nodes.saturating_sub(open.answered)),
        })
    }

    fn settle(&mut self, number: u64) -> Option<Over> {
        let open = self.open.get(&number)?;
        if open.nodes.is_some_and(|nodes| open.answered >= nodes) { self.give_up(number) } else { None }
    }

    /// When the first of them is due.
    pub(super) fn next_timeout(&self) -> Option<Millis> {
        self.due.next()
    }

    /// The time of the first question that is due by now is up.
    pub(super) fn expire(&mut self, now: Millis) -> Option<Over> {
        let (_, number) = self.due.pop_due(now)?;
        self.give_up(number)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.open.len()
    }
}

/// What other nodes' hosts have asked this one's and have had no answer to. Those who wait for one give up by themselves, so the oldest
/// are forgotten when there are too many.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The number of the first.
    first: u64,
    /// The namespace, and what the other calls its question.
    list: VecDeque<Option<(Box<str>, Box<str>)>>,
}

/// So many are kept.
const KEPT: usize = 4_096;

impl Asked {
    /// The number of a question that came.
    pub(super) fn add(&mut self, namespace: &str, request: &str) -> u64 {
        if self.list.len() >= KEPT {
            self.list.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        self.list.push_back(Some((namespace.into(), request.into())));
        // From 1 on.
        self.first.wrapping_add(self.list.len() as u64)
    }

    /// A question that is answered now.
    pub(super) fn take(&mut self, number: u64) -> Option<(Box<str>, Box<str>)> {
        let at = number.checked_sub(self.first)?.checked_sub(1)?;
        self.list.get_mut(usize::try_from(at).ok()?)?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_over_when_all_have_answered_whichever_is_known_first() {
        let mut requests = Requests::default();
        let (first, second, third) = (
            requests.ask(Question::Hosts, 1, 50),
            requests.ask(Question::Hosts, 2, 50),
            requests.ask(Question::Hosts, 3, 50),
        );
        assert_eq!(requests.expect(first, 2), None);
        assert_eq!(requests.answered(first), None);
        assert_eq!(requests.answered(first), Some(Over { context: 1, missing: Some(0) }));
        assert_eq!(requests.answered(second), None);
        assert_eq!(requests.expect(second, 1), Some(Over { context: 2, missing: Some(0) }));
        assert_eq!(requests.expect(third, 0), Some(Over { context: 3, missing: Some(0) }), "alone");
        assert_eq!((requests.answered(third), requests.len(), requests.next_timeout()), (None, 0, None));
    }

    #[test]
    fn what_is_missing_is_told_when_the_time_is_up_as_far_as_it_is_known() {
        let mut requests = Requests::default();
        let (known, unknown) = (requests.ask(Question::Hosts, 1, 50), requests.ask(Question::Hosts, 2, 60));
        requests.expect(known, 3);
        requests.answered(known);
        requests.answered(unknown);
        assert_eq!((requests.next_timeout(), requests.expire(49)), (Some(50), None));
        assert_eq!(requests.expire(60), Some(Over { context: 1, missing: Some(2) }));
        assert_eq!(requests.expire(60), Some(Over { context: 2, missing: None }));
        assert_eq!((requests.expire(60), requests.question(known), requests.len()), (None, None, 0));
    }

    #[test]
    fn a_question_is_answered_once_and_the_oldest_are_forgotten() {
        let mut asked = Asked::default();
        let numbers: Vec<u64> = (0..KEPT + 2).map(|n| asked.add("/", &n.to_string())).collect();
        assert!(numbers.iter().all(|&number| number > 0));
        assert_eq!((asked.take(numbers[0]), asked.take(numbers[1]), asked.take(0)), (None, None, None));
        assert_eq!(asked.take(numbers[2]), Some(("/".into(), "2".into())));
        assert_eq!(asked.take(numbers[2]), None);
        assert_eq!(asked.take(numbers[KEPT + 1]), Some(("/".into(), (KEPT + 1).to_string().into())));
        assert_eq!(asked.take(numbers[KEPT + 1] + 1), None);
    }
}

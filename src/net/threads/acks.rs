//! Acknowledgements that several loops wait for, put together again for the host. It must not hold one that is over.

use crate::base::ids::AckId;
use crate::host::events::{Events, Kind};
use std::collections::HashMap;

/// Acknowledgements with recipients on more than one loop, by the handle that each of the loops has.
#[derive(Debug, Default)]
pub(super) struct Acks {
    groups: HashMap<AckId, Group>,
    /// Which group a loop's handle belongs to.
    parts: HashMap<AckId, AckId>,
}

#[derive(Debug)]
struct Group {
    parts: Vec<Part>,
    timed_out: bool,
}

#[derive(Debug)]
struct Part {
    id: AckId,
    /// How many have still to answer there, those that never will included.
    left: u32,
    open: bool,
}

impl Group {
    fn left(&self) -> u32 {
        self.parts.iter().map(|part| part.left).sum()
    }

    fn is_open(&self) -> bool {
        self.parts.iter().any(|part| part.open)
    }
}

impl Acks {
    /// Joins the acknowledgements of several loops, each with the number of its recipients. Returns the handle of them all.
    pub(super) fn join(&mut self, parts: Vec<(AckId, usize)>) -> Option<AckId> {
        let &(public, _) = parts.first()?;
        if parts.len() > 1 {
            for &(id, _) in &parts {
                self.parts.insert(id, public);
            }
            let part = |(id, left): (AckId, usize)| Part { id, left: left as u32, open: true };
            let group = Group { parts: parts.into_iter().map(part).collect(), timed_out: false };
            self.groups.insert(public, group);
        }
        Some(public)
    }

    /// Rewrites what loops report of their parts into what the host is to hear.
    pub(super) fn rewrite(&mut self, events: &mut Events) {
        if self.groups.is_empty() {
            return;
        }
        let mut ended = Vec::new();
        events.rewrite(|kind, _, context| {
            let (id, left) = match kind {
                Kind::Ack(id, _, left) | Kind::RemoteAck(id, left) => (id, left),
                Kind::AckEnd(id, missing, timed_out) => {
                    return match self.report(id, missing, true, timed_out) {
                        None => Some(kind),
                        Some((_, _, false)) => None,
                        Some((public, left, true)) => {
                            let timed_out = self.forget(public);
                            Some(Kind::AckEnd(public, left, timed_out))
                        }
                    };
                }
                _ => return Some(kind),
            };
            let Some((public, left, over)) = self.report(id, left, left == 0, false) else {
                return Some(kind);
            };
            // The last answer has come, but others are missing for good.
            if over && left > 0 {
                ended.push((public, context));
            } else if over {
                self.forget(public);
            }
            Some(match kind {
                Kind::Ack(_, socket, _) => Kind::Ack(public, socket, left),
                _ => Kind::RemoteAck(public, left),
            })
        });
        for (public, context) in ended {
            let left = self.groups.get(&public).map_or(0, Group::left);
            let timed_out = self.forget(public);
            events.push(Kind::AckEnd(public, left, timed_out)).context(context);
        }
    }

    /// Notes what a loop says of its part: the group's handle, how many are left in all, and whether it is over.
    fn report(&mut self, id: AckId, left: u32, over: bool, timed_out: bool) -> Option<(AckId, u32, bool)> {
        let public = *self.parts.get(&id)?;
        let group = self.groups.get_mut(&public)?;
        group.timed_out |= timed_out;
        if let Some(part) = group.parts.iter_mut().find(|part| part.id == id) {
            part.left = left;
            part.open = !over;
        }
        Some((public, group.left(), !group.is_open()))
    }

    /// Whether its time was up.
    fn forget(&mut self, public: AckId) -> bool {
        let Some(group) = self.groups.remove(&public) else { return false };
        for part in &group.parts {
            self.parts.remove(&part.id);
        }
        group.timed_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{Key, SocketId};
    use crate::host::events::Event;

    fn id(loop_number: usize) -> AckId {
        AckId::new(Key { slot: 1, generation: 1 }).on_loop(loop_number)
    }

    fn heard(acks: &mut Acks, kind: Kind) -> Vec<String> {
        let mut events = Events::new();
        events.push(kind).context(7).text(&["[]"]);
        acks.rewrite(&mut events);
        events
            .iter()
            .map(|event| match event {
                Event::Ack { ack, remaining, .. } => format!("{} ack {remaining}", ack == id(0)),
                Event::AckEnd { ack, missing, timed_out, context } => {
                    format!("{} end {missing} {timed_out} {context}", ack == id(0))
                }
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn counts_are_those_of_all_loops_and_the_end_comes_once() {
        let socket = SocketId::new(Key { slot: 0, generation: 1 });
        let mut acks = Acks::default();
        assert_eq!(acks.join(vec![(id(0), 2), (id(1), 1)]), Some(id(0)));
        assert_eq!(heard(&mut acks, Kind::Ack(id(0), socket, 1)), ["true ack 2"]);
        assert_eq!(heard(&mut acks, Kind::AckEnd(id(0), 1, true)), [] as [&str; 0]);
        assert_eq!(heard(&mut acks, Kind::Ack(id(1), socket, 0)), ["true ack 1", "true end 1 true 7"]);
        assert!(acks.groups.is_empty() && acks.parts.is_empty());

        acks.join(vec![(id(0), 1), (id(1), 1)]);
        assert_eq!(heard(&mut acks, Kind::Ack(id(1), socket, 0)), ["true ack 1"]);
        assert_eq!(heard(&mut acks, Kind::Ack(id(0), socket, 0)), ["true ack 0"]);
        assert!(acks.groups.is_empty() && acks.parts.is_empty());
    }
}

//! What the loops of one node of a cluster tell each other: what the first has heard, and which namespaces the others have. It must
//! not carry it out.

use super::queues::{Order, Queues};
use super::shard::Shard;
use crate::base::errors::{Error, Result};
use crate::broker::operations::Loops;
use crate::broker::{Core, Found};
use crate::hub::acks::AnswerAbroad;
use crate::hub::namespaces::NamespaceChange;
use crate::wire::cluster::Heard;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// One loop's way to the others.
pub(super) struct Others {
    number: usize,
    queues: Arc<Queues>,
    /// What did not fit into a queue yet. While there is any, a core keeps what it has.
    waiting: VecDeque<(Loops, Arc<dyn Order>)>,
}

/// What another node has said.
struct FromNode(Heard<'static>);

impl Order for FromNode {
    fn call(&self) -> &'static str {
        "another node's order"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        shard.core.carry_out_heard(&self.0);
        Ok(())
    }
}

impl Order for Mutex<Option<Found>> {
    fn call(&self) -> &'static str {
        "what another node asks for"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        self.lock().take().into_iter().for_each(|found| shard.core.add_found(found));
        Ok(())
    }
}

impl Order for AnswerAbroad {
    fn call(&self) -> &'static str {
        "an answer to another node"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        shard.core.send_answer(self.clone());
        Ok(())
    }
}

impl Order for NamespaceChange {
    fn call(&self) -> &'static str {
        "a namespace's coming or going"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        shard.core.note_namespace(self);
        Ok(())
    }
}

impl Others {
    pub(super) fn new(number: usize, queues: Arc<Queues>) -> Self {
        Self { number, queues, waiting: VecDeque::new() }
    }

    /// Tells the other loops what a core has for them. True if some of it has to wait until their queues have room again.
    pub(super) fn tell(&mut self, core: &mut Core) -> bool {
        if self.waiting.is_empty() && self.number == 0 {
            let order = |heard| (Loops::ALL.without(0), Arc::new(FromNode(heard)) as Arc<dyn Order>);
            self.waiting.extend(core.take_heard().into_iter().map(order));
        } else if self.number > 0 {
            let order = |change| (Loops::one(0), Arc::new(change) as Arc<dyn Order>);
            self.waiting.extend(core.namespace_changes().into_iter().map(order));
            let order = |found| (Loops::one(0), Arc::new(Mutex::new(Some(found))) as Arc<dyn Order>);
            self.waiting.extend(core.take_found().into_iter().map(order));
            let order = |answer| (Loops::one(0), Arc::new(answer) as Arc<dyn Order>);
            self.waiting.extend(core.take_answers().into_iter().map(order));
        }
        while let Some((loops, order)) = self.waiting.front() {
            if self.queues.send(*loops, order) == Err(Error::Full) {
                return true;
            }
            // A loop that has ended hears nothing, and its host learns why.
            self.waiting.pop_front();
        }
        false
    }
}

//! What the loops of one node of a cluster tell each other: what the first has heard, and which namespaces and rooms the others have. It must
//! not carry it out.

use super::queues::{Order, Queues};
use super::shard::Shard;
use crate::base::errors::{Error, Result};
use crate::broker::operations::Loops;
use crate::broker::{Core, News, Part};
use crate::host::cluster::OwnChannels;
use crate::hub::namespaces::NamespaceChange;
use crate::route::Followed;
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

/// What the first loop has heard.
struct Heard(News);

impl Order for Heard {
    fn call(&self) -> &'static str {
        "what another node has said"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        shard.core.learn(&self.0);
        Ok(())
    }
}

/// What one loop has to say to other nodes, until the first says it.
struct ForNodes(Mutex<Option<Part>>);

impl Order for ForNodes {
    fn call(&self) -> &'static str {
        "what is for another node"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        if let Some(part) = self.0.lock().take() {
            shard.core.say(part);
        }
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

/// Rooms that came or went on one loop.
struct RoomChanges(Vec<Followed>);

impl Order for RoomChanges {
    fn call(&self) -> &'static str {
        "rooms' coming or going"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        shard.core.note_rooms(&self.0);
        Ok(())
    }
}

/// The first loop listens to rooms.
struct Follow(OwnChannels);

impl Order for Follow {
    fn call(&self) -> &'static str {
        "the rooms to listen to"
    }

    fn run(&self, shard: &mut Shard) -> Result<()> {
        shard.core.follow_rooms(self.0);
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
            let follow = |own| (Loops::ALL.without(0), Arc::new(Follow(own)) as Arc<dyn Order>);
            self.waiting.extend(core.take_follow().map(follow));
            let order = |heard| (Loops::ALL.without(0), Arc::new(Heard(heard)) as Arc<dyn Order>);
            self.waiting.extend(core.take_heard().into_iter().map(order));
        } else if self.number > 0 {
            let order = |change| (Loops::one(0), Arc::new(change) as Arc<dyn Order>);
            self.waiting.extend(core.namespace_changes().into_iter().map(order));
            let changes = core.room_changes();
            if !changes.is_empty() {
                self.waiting.push_back((Loops::one(0), Arc::new(RoomChanges(changes))));
            }
            let order = |part| (Loops::one(0), Arc::new(ForNodes(Mutex::new(Some(part)))) as Arc<dyn Order>);
            self.waiting.extend(core.take_parts().into_iter().map(order));
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

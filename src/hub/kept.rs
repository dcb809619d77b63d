//! Emits on their way into the log: whom they are for, their offset, their bytes. It must not deliver anything.

use super::message::{Delivery, Message, Target};
use super::recovery::{Audience, Log, Logged, record};
use super::{Hub, Timer};
use crate::base::ids::{Key, SocketId};
use crate::base::timers::Timers;
use crate::engine::Engine;
use crate::out::Frame;
use crate::route::Whom;
use crate::wire::{json, ws};

/// What the buffer for a message is given back down to.
const KEPT_BYTES: usize = 64 * 1024;

/// The byte of the tick at which the packet of a message ends that has so many bytes, before its attachments.
pub(super) fn packet_end(message: Frame, packet: usize) -> u32 {
    // A message is a part of the tick, whose places are of 32 bits.
    message.start.saturating_add(packet.saturating_add(ws::header_len(packet)) as u32)
}

impl Hub {
    /// Puts the offset behind the event in `scratch`, which may also be of a namespace without a log. Whether it is to be kept, for
    /// somebody who is there or away.
    pub(super) fn mark(
        &mut self,
        engine: &mut Engine,
        target: &Target<'_>,
        delivery: Delivery,
        args: &str,
    ) -> bool {
        let logged = self.namespaces.get(target.namespace.key()).is_some_and(|home| home.log.is_some());
        if delivery == Delivery::Volatile || !logged {
            // A client takes whatever text is last in an event for its offset, the name of one without arguments too. Without a log it
            // is nothing but long, perhaps too long to be sent back.
            let rest = json::elements(args).rest();
            if rest.ends_with('"') || (rest.is_empty() && logged) {
                self.recovery.append_last(&mut engine.scratch);
            }
            return false;
        }
        let mut audience = std::mem::take(&mut self.recovery.audience);
        self.find_audience(target, &mut audience);
        let kept = audience.is_somebody();
        self.recovery.audience = audience;
        if kept {
            self.recovery.append_next(&mut engine.scratch);
        }
        kept
    }

    /// Keeps the event in `scratch`, which was marked and stands in this frame of the tick, with its attachments.
    pub(super) fn keep(&mut self, engine: &Engine, namespace: Key, frame: Frame, message: &Message<'_>) {
        let Message { attachments, delivery, .. } = *message;
        let Self { namespaces, recovery, timers, .. } = self;
        let Some(log) = namespaces.get_mut(namespace).and_then(|home| home.log.as_deref_mut()) else {
            return;
        };
        let key = match delivery {
            Delivery::Latest(key) => Some(key),
            Delivery::Reliable | Delivery::Volatile | Delivery::DropOldest => None,
        };
        let before = log.bytes();
        recovery.record.clear();
        record::write(&mut recovery.record, &engine.scratch, attachments);
        let number = recovery.offsets.take();
        log.push(&recovery.audience, &recovery.record, key, number, engine.now);
        recovery.record.shrink_to(KEPT_BYTES);
        if let Some(stream) = &mut recovery.stream {
            let (end, logged) = (packet_end(frame, engine.scratch.len()), Logged { namespace, number });
            if let Some(id) = stream.note(end, logged, message.is_local(), engine.now) {
                log.place(number, id);
            }
        }
        recovery.bytes = recovery.bytes.saturating_sub(before).saturating_add(log.bytes());
        Self::arm_log(timers, log, namespace.slot);
    }

    /// The log is looked at again when something in it is too old.
    pub(super) fn arm_log(timers: &mut Timers<Timer>, log: &mut Log, slot: u32) {
        if !log.armed
            && let Some(due) = log.due()
        {
            log.armed = true;
            timers.arm(Timer::Log(slot), due);
        }
    }

    /// Something in a log is too old.
    pub(super) fn log_is_due(&mut self, engine: &Engine, slot: u32) {
        let Self { namespaces, recovery, timers, .. } = self;
        let Some(log) = namespaces.at_mut(slot).and_then(|home| home.log.as_deref_mut()) else { return };
        let before = log.bytes();
        // The rest has its turn: nobody waits for it.
        log.prune(engine.now, 4_096);
        recovery.bytes = recovery.bytes.saturating_sub(before).saturating_add(log.bytes());
        let due = log.due();
        log.armed = due.is_some();
        if let Some(due) = due {
            timers.arm(Timer::Log(slot), due.max(engine.after(1)));
        }
    }

    fn find_audience(&self, target: &Target<'_>, audience: &mut Audience) {
        let namespace = target.namespace.key();
        audience.clear();
        let Some(log) = self.namespaces.get(namespace).and_then(|home| home.log.as_deref()) else { return };
        let socket = |key: Key| {
            let socket = self.sockets.get(key).filter(|socket| socket.namespace == namespace)?;
            Some(socket.session.as_ref()?.own)
        };
        let add = |rooms: &[&str], sockets: &[SocketId], out: &mut Vec<_>| {
            for room in rooms {
                out.extend(log.rooms.find(room));
                out.extend(self.owner(room).and_then(socket));
            }
            out.extend(sockets.iter().filter_map(|id| socket(id.key())));
        };
        match target.whom {
            Whom::Everyone => audience.everyone = log.has_sessions(),
            Whom::Some { rooms, members } => add(rooms, members, &mut audience.rooms),
        }
        add(target.except_rooms, target.except, &mut audience.except);
    }
}

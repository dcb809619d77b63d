//! Emits: checked, encoded once, and handed to each recipient as a stretch of the tick log. Nothing here may cost an
//! allocation for a recipient.

use super::Hub;
use super::message::{Delivery, Message, Receipt, Target};
use super::namespaces::Namespace;
use super::place::Place;
use super::sockets::Socket;
use crate::base::errors::{Error, Result};
use crate::base::ids::{Key, NamespaceId, SocketId};
use crate::base::limits::Limits;
use crate::base::slots::Slots;
use crate::engine::Engine;
use crate::host::stats::count;
use crate::out::backlog::Class;
use crate::route::{Member, Whom};
use crate::wire::msgpack::{self, packet};
use crate::wire::{json, socketio};

impl Hub {
    /// Emits an event to everyone in `target`, who are those that are in it now.
    pub(crate) fn emit(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        message: Message<'_>,
    ) -> Result<Receipt> {
        self.check_message(engine, &message)?;
        if engine.is_watched() {
            return self.emit_seen(engine, target, message);
        }
        self.deliver(engine, target, message, None, |_| {})
    }

    /// The same while somebody looks, who is told of each who gets it.
    #[cold]
    fn emit_seen(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        message: Message<'_>,
    ) -> Result<Receipt> {
        let mut members = Vec::new();
        let receipt = self.deliver(engine, target, message, None, |member| members.push(member))?;
        self.see_sent(engine, target.namespace, &message, &members);
        Ok(receipt)
    }

    /// Emits an event to one socket, in its own namespace.
    pub(crate) fn send(
        &mut self,
        engine: &mut Engine,
        socket: SocketId,
        message: Message<'_>,
    ) -> Result<Receipt> {
        let namespace = NamespaceId::new(self.socket(socket)?.namespace);
        self.emit(engine, Target::sockets(namespace, &[socket]), message)
    }

    /// Acknowledges an event that came with an ack number.
    pub(crate) fn ack(
        &mut self,
        engine: &mut Engine,
        socket: SocketId,
        ack: u64,
        args: &str,
        attachments: &[&[u8]],
    ) -> Result<()> {
        let state = self.socket(socket)?;
        if !state.is_connected() {
            return Err(Error::WrongState);
        }
        let (conn, namespace) = (state.conn, state.namespace);
        self.check_args(engine, args, attachments)?;
        let name = &self.namespaces.get(namespace).ok_or(Error::Gone)?.name;
        engine.scratch.clear();
        engine.scratch.push(b'4');
        socketio::write_ack(&mut engine.scratch, name, attachments.len(), ack, args);
        check_repeated(engine, args, attachments)?;
        let frame = engine.append(attachments, false)?;
        engine.outbox.log.deliver(conn.slot, frame);
        count(&mut engine.counters.deliveries, 1);
        Ok(())
    }

    pub(super) fn check_message(&self, engine: &Engine, message: &Message<'_>) -> Result<()> {
        check_message(message, &engine.config.limits)
    }

    fn check_args(&self, engine: &Engine, args: &str, attachments: &[&[u8]]) -> Result<()> {
        check_args(args, attachments, &engine.config.limits)
    }

    /// Encodes a message and hands it to everyone in `target`; tells `each` about every one who gets it.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "counts of recipients, and those skipped are some of them"
    )]
    pub(super) fn deliver(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        message: Message<'_>,
        ack: Option<u64>,
        mut each: impl FnMut(Member),
    ) -> Result<Receipt> {
        let Message { name, args, attachments, delivery, .. } = message;
        let namespace = self.namespaces.get(target.namespace.key()).ok_or(Error::Gone)?;
        let ns = namespace.route;
        // Slots are used again; a generation is one namespace's for good.
        let unique = target.namespace.key().generation;
        engine.scratch.clear();
        engine.scratch.push(b'4');
        socketio::write_event(&mut engine.scratch, &namespace.name, attachments.len(), ack, name, args);

        let marked = namespace.log.is_some() || self.recovery.spread;
        let kept = marked && ack.is_none() && self.mark(engine, &target, delivery, args);
        let asking = self.asking.total_members() > 0 && self.resolve(&target, Place::Asking);
        if !self.resolve(&target, Place::Connected) && !asking && !kept {
            return Ok(Receipt::default());
        }
        check_repeated(engine, args, attachments)?;
        let frame = engine.append(attachments, message.is_uncompressed())?;
        if kept {
            self.keep(engine, target.namespace.key(), frame, &message);
        }
        let Self { router, named: (members, except), .. } = self;
        let outbox = &mut engine.outbox;
        let selection = target.selection(ns, members, except);
        let (mut skipped, mut replaced) = (0, 0);
        let recipients = match delivery {
            Delivery::Reliable => router.select(&selection, |member, conn| {
                outbox.log.deliver(conn, frame);
                each(member);
            }),
            Delivery::DropOldest => {
                outbox.tag(frame, Class::DropOldest);
                router.select(&selection, |member, conn| {
                    outbox.log.deliver(conn, frame);
                    each(member);
                })
            }
            Delivery::Volatile => router.select(&selection, |member, conn| {
                if outbox.is_congested(conn) {
                    skipped += 1;
                } else {
                    outbox.log.deliver(conn, frame);
                    each(member);
                }
            }),
            Delivery::Latest(key) => {
                let recipients = router.select(&selection, |member, conn| {
                    if outbox.cut_older(conn, unique, key) {
                        replaced += 1;
                    }
                    outbox.log.deliver(conn, frame);
                    each(member);
                });
                outbox.tag(frame, Class::Latest { namespace: unique, key });
                recipients
            }
        };
        count(&mut engine.counters.emits, 1);
        count(&mut engine.counters.deliveries, (recipients - skipped) as u64);
        count(&mut engine.counters.dropped_volatile, skipped as u64);
        count(&mut engine.counters.replaced_latest, replaced);
        let receipt = Receipt { recipients, skipped };
        Ok(if asking { receipt.plus(self.hold(engine, &target, frame, delivery, each)) } else { receipt })
    }

    /// Shows those in `target` who are in one of these places.
    pub(super) fn select(
        &mut self,
        target: &Target<'_>,
        places: &[Place],
        mut each: impl FnMut(&Slots<Socket>, Member),
    ) -> Result<()> {
        let Namespace { route, asking, away, .. } = *self.namespace(target.namespace)?;
        for (place, ns) in [(Place::Connected, route), (Place::Asking, asking), (Place::Away, away)] {
            if places.contains(&place) && self.resolve(target, place) {
                let Self { router, asking, away, sockets, named: (members, except), .. } = self;
                let router = place.of(router, asking, away);
                router.select(&target.selection(ns, members, except), |member, _| each(sockets, member));
            }
        }
        Ok(())
    }

    /// Fills `named` with the sockets that a target names or excepts, directly or by their own rooms: with those that are
    /// in one place. False if nobody is left to get anything.
    pub(super) fn resolve(&mut self, target: &Target<'_>, place: Place) -> bool {
        let namespace = target.namespace.key();
        let (mut members, mut except) = std::mem::take(&mut self.named);
        let somebody = match target.whom {
            Whom::Everyone => true,
            Whom::Some { rooms, members: sockets } => {
                self.members_named(namespace, sockets, rooms, place, &mut members);
                !rooms.is_empty() || !members.is_empty()
            }
        };
        self.members_named(namespace, target.except, target.except_rooms, place, &mut except);
        self.named = (members, except);
        somebody
    }

    fn members_named(
        &self,
        namespace: Key,
        sockets: &[SocketId],
        rooms: &[&str],
        place: Place,
        out: &mut Vec<Member>,
    ) {
        out.clear();
        out.extend(sockets.iter().filter_map(|&id| self.member(id, place)));
        let owners = rooms.iter().filter_map(|room| self.owner_of_room(namespace, room, place));
        out.extend(owners.map(|key| key.slot));
    }

    fn member(&self, id: SocketId, place: Place) -> Option<Member> {
        let socket = self.sockets.get(id.key())?;
        (socket.life.place() == place).then(|| id.key().slot)
    }
}

/// Whether a message can be emitted at all.
pub(crate) fn check_message(message: &Message<'_>, limits: &Limits) -> Result<()> {
    if socketio::is_reserved(message.name) {
        return Err(Error::ReservedEvent);
    }
    let Message { args, attachments, .. } = *message;
    if message.is_checked && limits.max_json_depth >= msgpack::MAX_DEPTH {
        debug_assert_eq!(check_json(args, limits), Ok(()), "{args}");
        return check_places(args, attachments);
    }
    check_args(args, attachments, limits)
}

/// Whether a message stays what it is where each placeholder becomes its attachment: one attachment may be named many times.
fn check_repeated(engine: &Engine, args: &str, attachments: &[&[u8]]) -> Result<()> {
    let most = engine.config.limits.max_event_size;
    if engine.config.msgpack && !attachments.is_empty() && packet::repeated(args, attachments) > most {
        return Err(Error::TooLarge("attachments"));
    }
    Ok(())
}

/// Whether what a refusal is to tell the client is JSON.
pub(crate) fn check_data(data: &str, limits: &Limits) -> Result<()> {
    json::locate(data, limits.max_json_depth).map_err(|at| Error::BadData(byte(at)))
}

/// A place in a text, as an error carries it.
fn byte(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Whether arguments are a JSON array that fits its attachments.
pub(crate) fn check_args(args: &str, attachments: &[&[u8]], limits: &Limits) -> Result<()> {
    check_json(args, limits)?;
    check_places(args, attachments)
}

fn check_json(args: &str, limits: &Limits) -> Result<()> {
    if !args.starts_with('[') {
        return Err(Error::BadJson(0));
    }
    json::locate(args, limits.max_json_depth).map_err(|at| Error::BadJson(byte(at)))
}

/// Whether placeholders in JSON stand for attachments that are there.
fn check_places(args: &str, attachments: &[&[u8]]) -> Result<()> {
    if !attachments.is_empty() && socketio::placeholders(args, attachments.len() as u32).is_err() {
        return Err(Error::BadAttachments);
    }
    Ok(())
}

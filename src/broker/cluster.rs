//! A host's operations that other nodes of its cluster are to hear of. It must not know how nodes speak to each other, nor do what they
//! say.

mod hearing;
mod orders;

use super::among_cores::{News, Part};
use super::top::Top;
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::ids::{AckId, NamespaceId};
use crate::cluster::Ticket;
use crate::engine::Engine;
use crate::hub::acks::Asker;
use crate::hub::delivery;
use crate::hub::message::{Delivery, Message, Receipt, Target};
use crate::hub::namespaces::NamespaceChange;
use crate::route::{Followed, Whom};
use crate::wire::cluster::session::EntryId;
use crate::wire::cluster::{self, Flags, Opts, Packet};
use std::borrow::Cow;

impl Top {
    pub(super) fn emit(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        message: Message<'_>,
    ) -> Result<Receipt> {
        // Cores that carry it out together have been told its number.
        if let (Some(stream), true) = (self.hub.stream(), engine.config.loops <= 1) {
            stream.next_ticket();
        }
        let receipt = self.hub.emit(engine, target, message)?;
        if message.is_local() {
            return Ok(receipt);
        }
        let volatile = message.delivery == Delivery::Volatile;
        let broadcast = |opts| {
            let packet = packet(message.name, message.args, message.attachments);
            cluster::Message::Broadcast { packet, opts, request: None }
        };
        match self.hub.ticket(target.namespace).filter(|_| !volatile) {
            Some(number) => self.send_to_stream(engine, &target, number, broadcast),
            None => self.send(&target, volatile, |opts| {
                broadcast(Opts { flags: Flags { volatile, ..Flags::default() }, ..opts })
            }),
        }
        Ok(receipt)
    }

    /// Leaves what is emitted in the stream, where it has its place. Sockets that the target names by their handles may be with another
    /// node when they ask for it there, which knows them by their ids. What several cores carry out, the one that speaks for them says.
    fn send_to_stream<'a>(
        &mut self,
        engine: &Engine,
        target: &Target<'a>,
        number: u64,
        say: impl FnOnce(Opts<'a>) -> cluster::Message<'a>,
    ) {
        let owned = |sid: &str| Cow::Owned(sid.to_owned());
        let mut opts = elsewhere(target).unwrap_or_default();
        opts.except.extend(self.hub.sids_of(target.except).map(owned));
        let mut direct = false;
        if let Whom::Some { rooms, members } = target.whom {
            opts.rooms.extend(self.hub.sids_of(members).map(owned));
            direct = rooms.is_empty();
            if opts.rooms.is_empty() {
                return;
            }
        }
        let core = (direct && engine.config.loops > 1).then(|| self.hub.core());
        let ticket = Ticket { number, core };
        let Ok(namespace) = self.hub.namespace_name(target.namespace) else { return };
        if let Some(node) = &mut self.node {
            if !node.send(namespace, &say(opts), false, Some(ticket)) {
                self.not_sent(engine, ticket);
            }
        } else if direct {
            let (namespace, message) = (namespace.to_owned(), say(opts).into_owned());
            self.among.parts.push(Part::Emit { ticket, namespace, message });
        }
    }

    /// What was emitted does not get into the stream.
    fn not_sent(&mut self, engine: &Engine, ticket: Ticket) {
        self.hub.returned(ticket.number, EntryId::NONE);
        if engine.config.loops > 1 {
            self.among.heard.push(News::Returned { ticket, at: EntryId::NONE });
        }
    }

    pub(super) fn emit_with_ack(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        message: Message<'_>,
        timeout: Option<Millis>,
        context: u64,
    ) -> Result<(Receipt, Option<AckId>)> {
        let asks = !message.is_local() && timeout != Some(0);
        let node = self.node.as_ref().filter(|node| asks && node.can_ask());
        let abroad = node.and_then(|_| elsewhere(&target));
        // A node that stands still never says that it has nobody.
        let longest = engine.config.cluster.as_ref().map(|cluster| cluster.request_timeout);
        let timeout = if abroad.is_some() { timeout.or(longest) } else { timeout };
        let asker = Asker::Host { context, abroad: abroad.is_some() };
        let (receipt, ack) = self.hub.emit_with_ack(engine, target, message, timeout, asker)?;
        if let (Some(opts), Some(ack), Some(node)) = (abroad, ack, &mut self.node) {
            let flags = Flags { volatile: message.delivery == Delivery::Volatile, timeout, ..opts.flags };
            let packet = packet(message.name, message.args, message.attachments);
            let namespace = self.hub.namespace_name(target.namespace)?;
            let here = receipt.reached() > 0;
            node.ask_clients(namespace, packet, Opts { flags, ..opts }, ack.to_bits(), here);
        }
        Ok((receipt, ack))
    }

    pub(super) fn sockets_join(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        rooms: &[&str],
    ) -> Result<usize> {
        let joined = self.hub.sockets_join(engine, target, rooms)?;
        self.publish(&target, |opts| cluster::Message::Join { opts, rooms: lent(rooms) });
        Ok(joined)
    }

    pub(super) fn sockets_leave(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        rooms: &[&str],
    ) -> Result<usize> {
        let left = self.hub.sockets_leave(engine, target, rooms)?;
        self.publish(&target, |opts| cluster::Message::Leave { opts, rooms: lent(rooms) });
        Ok(left)
    }

    pub(super) fn disconnect_sockets(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        close: bool,
    ) -> Result<usize> {
        let gone = self.hub.disconnect_sockets(engine, target, close)?;
        self.publish(&target, |opts| cluster::Message::Disconnect { opts, close });
        Ok(gone)
    }

    /// Tells the hosts of the other nodes.
    pub(super) fn server_emit(
        &mut self,
        engine: &mut Engine,
        namespace: NamespaceId,
        name: &str,
        args: &str,
        attachments: &[&[u8]],
    ) -> Result<()> {
        check_cluster(engine)?;
        delivery::check_args(args, attachments, &engine.config.limits)?;
        let namespace = self.hub.namespace_name(namespace)?;
        let Some(node) = &mut self.node else { return Ok(()) };
        let packet = packet(name, args, attachments);
        node.publish(namespace, &cluster::Message::ServerEmit { packet, request: None });
        Ok(())
    }

    /// The same, and asks them for an answer.
    #[expect(clippy::too_many_arguments, reason = "a message, whom it asks, and for how long")]
    pub(super) fn ask_nodes(
        &mut self,
        engine: &mut Engine,
        namespace: NamespaceId,
        name: &str,
        args: &str,
        attachments: &[&[u8]],
        timeout: u64,
        context: u64,
    ) -> Result<()> {
        check_cluster(engine)?;
        delivery::check_args(args, attachments, &engine.config.limits)?;
        let namespace = self.hub.namespace_name(namespace)?;
        let Some(node) = &mut self.node else { return Ok(()) };
        node.ask_hosts(namespace, packet(name, args, attachments), context, engine.now, timeout);
        Ok(())
    }

    /// Answers what the host of another node has asked. Its answer is one value.
    pub(super) fn answer_node(
        &mut self,
        engine: &mut Engine,
        answer: u64,
        value: &str,
        attachments: &[&[u8]],
    ) -> Result<()> {
        check_cluster(engine)?;
        delivery::check_data(value, &engine.config.limits)?;
        let Some(node) = &mut self.node else { return Ok(()) };
        let attachments = attachments.iter().map(|&bytes| bytes.into()).collect();
        node.answer(answer, cluster::Value { json: value.into(), attachments })
    }

    /// Asks the other nodes for those of their sockets that a target selects.
    pub(super) fn fetch_remote_sockets(
        &mut self,
        engine: &mut Engine,
        target: Target<'_>,
        timeout: u64,
        context: u64,
    ) -> Result<()> {
        check_cluster(engine)?;
        let namespace = self.hub.namespace_name(target.namespace)?;
        let Some(node) = &mut self.node else { return Ok(()) };
        match elsewhere(&target) {
            Some(opts) => node.fetch(namespace, opts, context, engine.now, timeout),
            None => node.end(context),
        }
        Ok(())
    }

    /// Asks how many nodes have a namespace.
    pub(super) fn count_nodes(
        &mut self,
        engine: &mut Engine,
        namespace: NamespaceId,
        context: u64,
    ) -> Result<()> {
        check_cluster(engine)?;
        let namespace = self.hub.namespace_name(namespace)?;
        let Some(node) = &mut self.node else { return Ok(()) };
        node.count_nodes(namespace, context, engine.now);
        Ok(())
    }

    /// Tells the other nodes, if a target may find somebody there.
    fn publish<'a>(&mut self, target: &Target<'a>, say: impl FnOnce(Opts<'a>) -> cluster::Message<'a>) {
        self.send(target, false, say);
    }

    fn send<'a>(
        &mut self,
        target: &Target<'a>,
        volatile: bool,
        say: impl FnOnce(Opts<'a>) -> cluster::Message<'a>,
    ) {
        let Some(node) = &mut self.node else { return };
        let Some(opts) = elsewhere(target) else { return };
        // It was found a moment ago.
        if let Ok(namespace) = self.hub.namespace_name(target.namespace) {
            node.send(namespace, &say(opts), volatile, None);
        }
    }

    /// Tells the node of namespaces that came and went, and of rooms as far as it listens to them.
    pub(super) fn follow(&mut self) {
        let Self { hub, node: Some(node), among, .. } = self else { return };
        for change in hub.namespace_changes() {
            if change.made { node.namespace_made(&change.name) } else { node.namespace_gone(&change.name) }
        }
        if among.follow(node.follows()) {
            hub.follow_rooms(node.follows());
        }
        let changes = hub.room_changes();
        if !changes.is_empty() {
            node.rooms_changed(changes.iter().map(Followed::parts));
        }
    }

    /// Another of the broker's cores has rooms, or has them no more.
    pub(super) fn note_rooms(&mut self, changes: &[Followed]) {
        if let Some(node) = &mut self.node {
            node.rooms_changed(changes.iter().map(Followed::parts));
        }
    }

    /// Another of the broker's cores has a namespace, or has it no more: as long as it has, the node speaks of it.
    pub(super) fn note_namespace(&mut self, engine: &mut Engine, change: &NamespaceChange) {
        // Those that the host makes are everywhere, for good.
        match change {
            NamespaceChange { fleeting: false, .. } => {}
            NamespaceChange { name, made: true, .. } => self.hub.hold_namespace(engine, name),
            NamespaceChange { name, .. } => self.hub.release_namespace(engine, name),
        }
    }
}

/// What a target is to other nodes. `None` if it finds nobody there: sockets that it names by their handles are this node's.
fn elsewhere<'a>(target: &Target<'a>) -> Option<Opts<'a>> {
    let rooms = match target.whom {
        Whom::Everyone => &[],
        Whom::Some { rooms: [], .. } => return None,
        Whom::Some { rooms, .. } => rooms,
    };
    Some(Opts { rooms: lent(rooms), except: lent(target.except_rooms), flags: Flags::default() })
}

fn packet<'a>(name: &'a str, args: &'a str, attachments: &[&'a [u8]]) -> Packet<'a> {
    let attachments = attachments.iter().map(|&bytes| bytes.into()).collect();
    Packet { name: name.into(), args: args.into(), attachments }
}

fn check_cluster(engine: &Engine) -> Result<()> {
    if engine.config.cluster.is_some() { Ok(()) } else { Err(Error::NoCluster) }
}

fn lent<'a>(names: &[&'a str]) -> Vec<Cow<'a, str>> {
    names.iter().map(|&name| Cow::Borrowed(name)).collect()
}

//! What other nodes order and ask, done on this core as its host's own calls are. It must not tell anybody of it.

use crate::base::ids::NamespaceId;
use crate::broker::among_cores::{Found, What};
use crate::engine::Engine;
use crate::host::config::ClusterFormat;
use crate::host::stats::count;
use crate::hub::Hub;
use crate::hub::acks::Asker;
use crate::hub::message::{Message, Target};
use crate::wire::cluster::{self, Heard, Opts, Packet, RemoteSocket};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Does what another node has ordered, as far as it concerns this core; what it has found, if something was asked.
pub(super) fn carry_out(hub: &mut Hub, engine: &mut Engine, heard: &Heard<'_>) -> Option<Found> {
    let namespace = hub.find_namespace(&heard.namespace);
    if let Some((request, what)) = question(hub, engine, namespace, heard) {
        let (namespace, request) = (heard.namespace.to_string(), request.to_string());
        return Some(Found { namespace, request, what });
    }
    let namespace = namespace?;
    // What the host emits is counted, and this is not the host.
    let emits = engine.counters.emits;
    let outcome = match &heard.message {
        cluster::Message::Broadcast { packet, opts, request: None } => with_packet(packet, opts, |message| {
            with_target(namespace, opts, |target| hub.emit(engine, target, message).map(drop))
        }),
        cluster::Message::Join { opts, rooms } => with_target(namespace, opts, |target| {
            hub.sockets_join(engine, target, &borrowed(rooms)).map(drop)
        }),
        cluster::Message::Leave { opts, rooms } => with_target(namespace, opts, |target| {
            hub.sockets_leave(engine, target, &borrowed(rooms)).map(drop)
        }),
        cluster::Message::Disconnect { opts, close } => {
            with_target(namespace, opts, |target| hub.disconnect_sockets(engine, target, *close).map(drop))
        }
        _ => Ok(()),
    };
    engine.counters.emits = emits;
    if outcome.is_err() {
        count(&mut engine.counters.cluster_refused, 1);
    }
    None
}

/// What this core has to say to a question of another node, if it is one. A namespace that it does not have is empty.
fn question<'a>(
    hub: &mut Hub,
    engine: &mut Engine,
    namespace: Option<NamespaceId>,
    heard: &'a Heard<'_>,
) -> Option<(&'a str, What)> {
    Some(match &heard.message {
        cluster::Message::Fetch { request, opts } => {
            let found = |namespace| with_target(namespace, opts, |target| sockets(hub, engine, target));
            (request, What::Sockets(namespace.map(found).unwrap_or_default()))
        }
        cluster::Message::Ids { request, rooms } => {
            let opts = Opts { rooms: rooms.clone(), ..Opts::default() };
            let found = |namespace| with_target(namespace, &opts, |target| ids(hub, engine, target));
            (request, What::Ids(namespace.map(found).unwrap_or_default()))
        }
        cluster::Message::AllRooms { request } => {
            let found = namespace.map(|namespace| rooms(hub, engine, namespace));
            (request, What::Rooms(found.unwrap_or_default()))
        }
        cluster::Message::Broadcast { packet, opts, request: Some(request) } => {
            let asker = Asker::Node { namespace: (*heard.namespace).into(), request: (**request).into() };
            let python = engine.config.cluster.as_ref().is_some_and(|it| it.format == ClusterFormat::Python);
            // One of Node's that did not say for how long it waits does not wait; Python's wait as long as the client is there.
            let timeout = opts.flags.timeout.or(if python { None } else { Some(1) });
            let ask = |namespace| {
                with_packet(packet, opts, |message| {
                    with_target(namespace, opts, |target| {
                        hub.emit_with_ack(engine, target, message, timeout, asker)
                    })
                })
            };
            let asked = namespace.and_then(|namespace| ask(namespace).ok());
            let clients = asked.map_or(0, |(receipt, ack)| if ack.is_some() { receipt.reached() } else { 0 });
            (request, What::Clients(clients as u64))
        }
        _ => return None,
    })
}

/// The sockets that a target selects, as other nodes are told of them.
fn sockets(hub: &mut Hub, engine: &mut Engine, target: Target<'_>) -> Vec<RemoteSocket<'static>> {
    let Ok(sockets) = hub.fetch_sockets(engine, target) else { return Vec::new() };
    let sockets = sockets.filter_map(|socket| {
        let handshake = engine.conn_handshake(hub.conn_of(socket).ok()?).ok()?;
        let rooms = hub.rooms_of(socket).ok()?;
        Some(RemoteSocket {
            id: hub.socket_sid(socket).ok()?.to_owned().into(),
            handshake: handshake.to_json(Some(hub.auth(socket))).into(),
            rooms: rooms.map(|room| room.to_owned().into()).collect(),
            data: cluster::Value { json: "{}".into(), attachments: Vec::new() },
        })
    });
    sockets.collect()
}

/// The same by their ids alone.
fn ids(hub: &mut Hub, engine: &mut Engine, target: Target<'_>) -> Vec<String> {
    let Ok(sockets) = hub.fetch_sockets(engine, target) else { return Vec::new() };
    sockets.filter_map(|socket| hub.socket_sid(socket).ok().map(str::to_owned)).collect()
}

/// All rooms, those of sockets' own among them.
fn rooms(hub: &mut Hub, engine: &mut Engine, namespace: NamespaceId) -> BTreeSet<String> {
    let own = ids(hub, engine, Target::all(namespace));
    hub.rooms_in(namespace).into_iter().flatten().map(str::to_owned).chain(own).collect()
}

/// What another node emits, as a message of this one's.
fn with_packet<R>(packet: &Packet<'_>, opts: &Opts<'_>, act: impl FnOnce(Message<'_>) -> R) -> R {
    let attachments: Vec<&[u8]> = packet.attachments.iter().map(|bytes| &**bytes).collect();
    let message = Message::new(&packet.name, &packet.args).attach(&attachments).checked();
    act(if opts.flags.volatile { message.volatile() } else { message })
}

/// Nodes say "everybody" by naming no room.
fn with_target<R>(namespace: NamespaceId, opts: &Opts<'_>, act: impl FnOnce(Target<'_>) -> R) -> R {
    let (rooms, except) = (borrowed(&opts.rooms), borrowed(&opts.except));
    let target = if rooms.is_empty() { Target::all(namespace) } else { Target::rooms(namespace, &rooms) };
    act(target.except_rooms(&except))
}

fn borrowed<'a>(names: &'a [Cow<'_, str>]) -> Vec<&'a str> {
    names.iter().map(|name| &**name).collect()
}

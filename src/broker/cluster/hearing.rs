//! What other nodes say, handed to whom it concerns: the hub, the host, the broker's other cores. It must not do it itself.

use super::orders::carry_out;
use crate::base::ids::{AckId, NamespaceId};
use crate::broker::found::{Found, reply, send_answer};
use crate::broker::top::Top;
use crate::cluster::{ClientsStep, Incoming, Over};
use crate::engine::Engine;
use crate::host::events::Kind;
use crate::hub::acks::{AbroadStep, AnswerAbroad};
use crate::wire::cluster::{Heard, Packet};

/// What the broker's other cores have yet to be told may be so much before this one stops listening.
const AT_ONCE: usize = 64;

impl Top {
    /// Carries out what the other nodes have said, as far as there is room for what comes of it.
    pub(in crate::broker) fn hear(&mut self, engine: &mut Engine) {
        let Self { hub, node: Some(node), others, .. } = self else { return };
        let among_loops = engine.config.loops > 1;
        while engine.wants_input() && !engine.wants_flush() && others.heard.len() < AT_ONCE {
            let mut found = None;
            let more = node.hear(engine.now, |incoming| match incoming {
                Incoming::Broadcast(unread) => {
                    let nobody = |room| !among_loops && !hub.may_concern(unread.namespace, room);
                    if unread.room.is_some_and(nobody) {
                        return unread.ignore();
                    }
                    let Some(message) = unread.read() else { return };
                    carry_out(hub, engine, &message);
                    if among_loops {
                        others.heard.push(message.into_owned());
                    }
                }
                Incoming::Order(message) => {
                    found = carry_out(hub, engine, &message);
                    if among_loops {
                        others.heard.push(message.into_owned());
                    }
                }
                Incoming::Question { namespace, packet, answer } => {
                    let namespace = hub.find_namespace(namespace);
                    namespace
                        .into_iter()
                        .for_each(|namespace| tell_question(engine, namespace, packet, answer));
                }
                Incoming::Clients { question, step } => {
                    let Ok(ack) = AckId::from_bits(question) else { return };
                    match step {
                        ClientsStep::Nodes(nodes) => hub.ack_abroad(engine, ack, AbroadStep::Nodes(nodes)),
                        ClientsStep::Count(clients) => {
                            hub.ack_abroad(engine, ack, AbroadStep::Count(clients))
                        }
                        ClientsStep::Answer(value) => {
                            let attachments = value.iter().flat_map(|value| &value.attachments);
                            let attachments: Vec<&[u8]> = attachments.map(|bytes| &**bytes).collect();
                            let json = value.map_or("", |value| &*value.json);
                            hub.ack_abroad(engine, ack, AbroadStep::Answer(json, &attachments));
                        }
                    }
                }
                other => tell(engine, other),
            });
            if let Some(found) = found {
                others.gather(found, engine.config.loops).into_iter().for_each(|all| reply(node, all));
            }
            if !more {
                return;
            }
        }
    }

    /// What another core of the broker has found for another node.
    pub(in crate::broker) fn add_found(&mut self, engine: &Engine, found: Found) {
        let all = self.others.gather(found, engine.config.loops);
        if let (Some(node), Some(all)) = (&mut self.node, all) {
            reply(node, all);
        }
    }

    /// Sends on what clients have answered to the hosts of other nodes.
    pub(in crate::broker) fn send_answers(&mut self) {
        let answers = self.hub.take_answers_abroad();
        match &mut self.node {
            Some(node) => answers.into_iter().for_each(|answer| send_answer(node, answer)),
            None => self.others.answers.extend(answers),
        }
    }

    /// What a client of another core of the broker has answered to the host of another node.
    pub(in crate::broker) fn send_answer(&mut self, answer: AnswerAbroad) {
        self.node.iter_mut().for_each(|node| send_answer(node, answer.clone()));
    }

    /// Does what another node has ordered, for a core that does not speak for the broker.
    pub(in crate::broker) fn carry_out(&mut self, engine: &mut Engine, heard: &Heard<'_>) {
        self.others.found.extend(carry_out(&mut self.hub, engine, heard));
    }
}

/// Tells the host what the host of another node says.
fn tell_question(engine: &mut Engine, namespace: NamespaceId, packet: &Packet<'_>, answer: Option<u64>) {
    let event = engine.events.push(Kind::ServerEvent(namespace, answer));
    event.text(&[&packet.name]).text(&[&packet.args]);
    for attachment in &packet.attachments {
        event.bytes(attachment);
    }
}

/// Tells the host.
fn tell(engine: &mut Engine, incoming: Incoming<'_>) {
    let events = &mut engine.events;
    match incoming {
        Incoming::Up { lost } => {
            events.push(Kind::ClusterUp(lost));
        }
        Incoming::Down { reason } => {
            events.push(Kind::ClusterDown).text(&[reason]);
        }
        Incoming::Refused { reason } => {
            events.push(Kind::ClusterRefused).text(&[reason]);
        }
        Incoming::Nodes { context, count } => {
            events.push(Kind::Nodes(count)).context(context);
        }
        Incoming::Socket { context, socket } => {
            let event = events.push(Kind::RemoteSocket).context(context);
            event.text(&[&socket.id]).text(&[&socket.handshake]).text(&[&socket.data.json]);
            for room in &socket.rooms {
                event.text(&[room]);
            }
        }
        Incoming::Answer { context, value } => {
            let event = events.push(Kind::NodeAnswer).context(context);
            event.text(&[value.map_or("", |value| &value.json)]);
            for attachment in value.iter().flat_map(|value| &value.attachments) {
                event.bytes(attachment);
            }
        }
        Incoming::Over(Over { context, missing }) => {
            events.push(Kind::AnswersEnd(missing)).context(context);
        }
        Incoming::Broadcast(_)
        | Incoming::Order(_)
        | Incoming::Question { .. }
        | Incoming::Clients { .. } => {}
    }
}

//! What other nodes say, handed to whom it concerns: the hub, the host, the broker's other cores. It must not do it itself.

use super::orders::carry_out;
use crate::base::ids::AckId;
use crate::broker::among_cores::Part;
use crate::broker::top::Top;
use crate::cluster::{ClientsStep, ForHost, Incoming, Over};
use crate::engine::Engine;
use crate::host::events::Kind;
use crate::hub::Hub;
use crate::hub::acks::AbroadStep;
use crate::wire::cluster::Heard;

/// What the broker's other cores have yet to be told may be so much before this one stops listening.
const AT_ONCE: usize = 64;

impl Top {
    /// Carries out what the other nodes have said, as far as there is room for what comes of it.
    pub(in crate::broker) fn hear(&mut self, engine: &mut Engine) {
        let Self { hub, node: Some(node), among, .. } = self else { return };
        let cores = engine.config.loops;
        while engine.wants_input() && !engine.wants_flush() && among.heard.len() < AT_ONCE {
            let mut found = None;
            let mut order = |hub: &mut Hub, engine: &mut Engine, heard: Heard<'_>| {
                found = carry_out(hub, engine, &heard);
                if cores > 1 {
                    among.heard.push(heard.into_owned());
                }
            };
            let more = node.hear(engine.now, |incoming| match incoming {
                Incoming::Broadcast(unread) => {
                    let nobody = |room| cores <= 1 && !hub.may_concern(unread.namespace, room);
                    if unread.room.is_some_and(nobody) {
                        unread.ignore();
                    } else if let Some(heard) = unread.read() {
                        order(hub, engine, heard);
                    }
                }
                Incoming::Order(heard) => order(hub, engine, heard),
                Incoming::Clients { question, step } => {
                    if let Ok(ack) = AckId::from_bits(question) {
                        tell_hub(hub, engine, ack, step);
                    }
                }
                Incoming::ForHost(news) => tell_host(hub, engine, news),
            });
            if let Some(found) = found {
                among.say(node, Part::Found(found), cores);
            }
            if !more {
                return;
            }
        }
    }

    /// Sends on what clients have answered to the hosts of other nodes.
    pub(in crate::broker) fn send_answers(&mut self, engine: &Engine) {
        for answer in self.hub.take_answers_abroad() {
            self.say(engine, Part::Answer(answer));
        }
    }

    /// Says something to other nodes, or keeps it for the core that speaks for all.
    pub(in crate::broker) fn say(&mut self, engine: &Engine, part: Part) {
        match &mut self.node {
            Some(node) => self.among.say(node, part, engine.config.loops),
            None => self.among.parts.push(part),
        }
    }

    /// Does what another node has ordered, for a core that does not speak for the broker.
    pub(in crate::broker) fn carry_out(&mut self, engine: &mut Engine, heard: &Heard<'_>) {
        if let Some(found) = carry_out(&mut self.hub, engine, heard) {
            self.say(engine, Part::Found(found));
        }
    }
}

/// Tells the hub of clients of other nodes that are asked for acknowledgements.
fn tell_hub(hub: &mut Hub, engine: &mut Engine, ack: AckId, step: ClientsStep<'_>) {
    match step {
        ClientsStep::Nodes(nodes) => hub.ack_abroad(engine, ack, AbroadStep::Nodes(nodes)),
        ClientsStep::Count(clients) => hub.ack_abroad(engine, ack, AbroadStep::Count(clients)),
        ClientsStep::Answer(value) => {
            let attachments = value.iter().flat_map(|value| &value.attachments);
            let attachments: Vec<&[u8]> = attachments.map(|bytes| &**bytes).collect();
            let json = value.map_or("", |value| &*value.json);
            hub.ack_abroad(engine, ack, AbroadStep::Answer(json, &attachments));
        }
    }
}

fn tell_host(hub: &Hub, engine: &mut Engine, news: ForHost<'_>) {
    let events = &mut engine.events;
    match news {
        ForHost::Up { lost } => {
            events.push(Kind::ClusterUp(lost));
        }
        ForHost::Down { reason } => {
            events.push(Kind::ClusterDown).text(&[reason]);
        }
        ForHost::Refused { reason } => {
            events.push(Kind::ClusterRefused).text(&[reason]);
        }
        ForHost::Said { namespace, packet, answer } => {
            let Some(namespace) = hub.find_namespace(namespace) else { return };
            let event = events.push(Kind::ServerEvent(namespace, answer));
            event.text(&[&packet.name]).text(&[&packet.args]);
            for attachment in &packet.attachments {
                event.bytes(attachment);
            }
        }
        ForHost::Nodes { context, count } => {
            events.push(Kind::Nodes(count)).context(context);
        }
        ForHost::Socket { context, socket } => {
            let event = events.push(Kind::RemoteSocket).context(context);
            event.text(&[&socket.id]).text(&[&socket.handshake]).text(&[&socket.data.json]);
            for room in &socket.rooms {
                event.text(&[room]);
            }
        }
        ForHost::Answer { context, value } => {
            let event = events.push(Kind::NodeAnswer).context(context);
            event.text(&[value.map_or("", |value| &value.json)]);
            for attachment in value.iter().flat_map(|value| &value.attachments) {
                event.bytes(attachment);
            }
        }
        ForHost::Over(Over { context, missing }) => {
            events.push(Kind::AnswersEnd(missing)).context(context);
        }
    }
}

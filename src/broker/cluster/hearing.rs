//! What other nodes say, handed to whom it concerns: the hub, the host, the broker's other cores. It must not do it itself.

use super::orders::carry_out;
use crate::base::ids::AckId;
use crate::broker::among_cores::{Found, News, Part};
use crate::broker::top::Top;
use crate::cluster::{Asker, ClientsStep, ForHost, Incoming, Missed, Outcome, Over, Ticket};
use crate::engine::Engine;
use crate::host::events::Kind;
use crate::hub::Hub;
use crate::hub::acks::AbroadStep;
use crate::wire::cluster::Heard;
use crate::wire::cluster::session::{EntryId, SavedSession};

/// What the broker's other cores have yet to be told may be so much before this one stops listening.
const AT_ONCE: usize = 64;

impl Top {
    /// Carries out what the other nodes have said, as far as there is room for what comes of it.
    pub(in crate::broker) fn hear(&mut self, engine: &mut Engine) {
        let Self { hub, node: Some(node), among, .. } = self else { return };
        let cores = engine.config.loops;
        while engine.wants_input() && !engine.wants_flush() && among.heard.len() < AT_ONCE {
            // Of the closure: what this core has found, what the others are told, and a session that was asked for.
            let (mut found, mut news, mut fetched) = (None, None, None);
            let more = node.hear(engine.now, |incoming| match incoming {
                Incoming::Broadcast(unread) => {
                    let nobody = |room| cores <= 1 && !hub.may_concern(unread.namespace, room);
                    if unread.room.is_some_and(nobody) {
                        unread.ignore();
                    } else if let Some(heard) = unread.read() {
                        (found, news) = order(hub, engine, heard, None);
                    }
                }
                Incoming::Order { heard, at } => (found, news) = order(hub, engine, heard, at),
                Incoming::Returned { ticket, at } => {
                    returned(hub, ticket, at);
                    news = Some(News::Returned { ticket, at });
                }
                Incoming::Moved { sid } => {
                    hub.session_moved(engine, sid);
                    news = Some(News::Moved(sid.into()));
                }
                Incoming::Session(outcome) => fetched = Some(outcome),
                Incoming::Clients { question, step } => {
                    if let Ok(ack) = AckId::from_bits(question) {
                        tell_hub(hub, engine, ack, step);
                    }
                }
                Incoming::ForHost(told) => {
                    if let ForHost::Up { .. } | ForHost::Down { .. } = told {
                        let up = matches!(told, ForHost::Up { .. });
                        hub.set_stream_up(engine, up);
                        news = Some(News::Stream(up));
                    }
                    tell_host(hub, engine, told);
                }
            });
            if let Some(found) = found {
                among.say(engine, node, Part::Found(found));
            }
            match fetched {
                Some(Outcome::Left { asker, namespace, session }) => {
                    // Its node may hold on to it: it is gone from there.
                    node.publish_moved(&namespace, &session.sid);
                    session_left(hub, engine, asker, &session);
                    news = Some(News::Left { asker, session });
                }
                Some(Outcome::Missed { asker, missed }) => {
                    session_missed(hub, engine, asker, missed.as_deref());
                    news = Some(News::Missed { asker, missed });
                }
                None => {}
            }
            among.heard.extend(news.filter(|_| cores > 1));
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
            Some(node) => self.among.say(engine, node, part),
            None => self.among.parts.push(part),
        }
    }

    /// Sends on what is to be done with the sessions that all nodes know.
    pub(in crate::broker) fn send_session_orders(&mut self, engine: &Engine) {
        let core = self.hub.core();
        for order in self.hub.session_orders() {
            self.say(engine, Part::Session { core, order });
        }
    }

    /// Takes in what the core that speaks for the broker has heard.
    pub(in crate::broker) fn learn(&mut self, engine: &mut Engine, news: &News) {
        match news {
            News::Heard { heard, at } => {
                if let Some(found) = carry_out_at(&mut self.hub, engine, heard, *at) {
                    self.say(engine, Part::Found(found));
                }
            }
            News::Returned { ticket, at } => returned(&mut self.hub, *ticket, *at),
            News::Stream(up) => self.hub.set_stream_up(engine, *up),
            News::Moved(sid) => self.hub.session_moved(engine, sid),
            News::Left { asker, session } => session_left(&mut self.hub, engine, *asker, session),
            News::Missed { asker, missed } => {
                session_missed(&mut self.hub, engine, *asker, missed.as_deref());
            }
        }
    }
}

/// Does what another node has ordered; what this core has found, and what the others are told.
fn order(
    hub: &mut Hub,
    engine: &mut Engine,
    heard: Heard<'_>,
    at: Option<EntryId>,
) -> (Option<Found>, Option<News>) {
    let found = carry_out_at(hub, engine, &heard, at);
    let others = engine.config.loops > 1;
    (found, others.then(|| News::Heard { heard: Box::new(heard.into_owned()), at }))
}

/// Does what another node has ordered, as far as it concerns this core, and what it says is told with its place in the stream.
fn carry_out_at(hub: &mut Hub, engine: &mut Engine, heard: &Heard<'_>, at: Option<EntryId>) -> Option<Found> {
    if let (Some(stream), Some(at)) = (hub.stream(), at) {
        stream.begin_entry(at);
    }
    let found = carry_out(hub, engine, heard);
    if let (Some(stream), Some(_)) = (hub.stream(), at) {
        stream.end_entry();
    }
    found
}

/// What a core has emitted has its place in the stream.
fn returned(hub: &mut Hub, ticket: Ticket, at: EntryId) {
    let own = ticket.core.is_none_or(|core| core == hub.core());
    hub.returned(if own { ticket.number } else { 0 }, at);
}

/// What a core has asked for is its from now on; for the others it is gone.
fn session_left(hub: &mut Hub, engine: &mut Engine, asker: Asker, session: &SavedSession<'_>) {
    if asker.core == hub.core() {
        hub.session_left(engine, asker.number, session);
    } else {
        hub.session_moved(engine, &session.sid);
    }
}

/// What has become of it is for the core that has asked for it.
fn session_missed(hub: &mut Hub, engine: &mut Engine, asker: Asker, missed: Option<&[Missed]>) {
    if asker.core == hub.core() {
        hub.session_missed(engine, asker.number, missed);
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

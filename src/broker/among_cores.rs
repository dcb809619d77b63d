//! What the cores of one broker have for each other in a cluster, where one of them speaks for all. It must not look for any of it.

use crate::cluster::{Asker, HeardByCore, Missed, Node, Ticket, Wanted};
use crate::engine::Engine;
use crate::host::cluster::OwnChannels;
use crate::hub::abroad::SessionOrder;
use crate::hub::acks::AnswerAbroad;
use crate::wire::cluster::session::{EntryId, SavedSession};
use crate::wire::cluster::{Heard, Message, RemoteSocket, Value};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What one core has for the others.
#[derive(Debug, Default)]
pub(in crate::broker) struct AmongCores {
    /// Of the core that speaks: what it has heard.
    pub(in crate::broker) heard: Vec<News>,
    /// Of the others: what they have to say, in its order.
    pub(in crate::broker) parts: Vec<Part>,
    /// Of the core that speaks: what cores have found so far, and how many of them, by what was asked.
    gathered: HashMap<String, (Found, usize)>,
    /// Of the core that speaks: the rooms that it listens to.
    followed: OwnChannels,
    /// The same, until the others have been told.
    follow: Option<OwnChannels>,
}

/// What the core that speaks has heard.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// What another node has said, and where that stands in a stream, if it does.
    Heard { heard: Box<Heard<'static>>, at: Option<EntryId> },
    /// What this broker has left in the stream is there, at this place.
    Returned { ticket: Ticket, at: EntryId },
    /// What is emitted gets into the stream from now on, as far as is known; or does not.
    Stream(bool),
    /// A session is with another node from now on.
    Moved(Box<str>),
    /// A session that a core has asked for was left like this, and is that core's.
    Left { asker: Asker, session: Arc<SavedSession<'static>> },
    /// What its client has missed; `None` if nobody has left it, or that cannot be told.
    Missed { asker: Asker, missed: Option<Arc<[Missed]>> },
}

/// What one core has to say to other nodes.
#[derive(Debug)]
pub(crate) enum Part {
    /// What it has emitted to sockets that it alone has.
    Emit { ticket: Ticket, namespace: String, message: Message<'static> },
    /// What is to be done with the sessions that all nodes know.
    Session { core: usize, order: SessionOrder },
    /// To a question that all cores answer together.
    Found(Found),
    /// What one of its clients has answered.
    Answer(AnswerAbroad),
}

/// What another node asks for, as far as one core has it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) namespace: String,
    pub(super) request: String,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Sockets(Vec<RemoteSocket<'static>>),
    /// Of sockets that are named by their ids alone.
    Ids(Vec<String>),
    Rooms(BTreeSet<String>),
    /// So many clients have been asked.
    Clients(u64),
}

impl What {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Sockets(one), Self::Sockets(other)) => Self::Sockets([one, other].concat()),
            (Self::Ids(one), Self::Ids(other)) => Self::Ids([one, other].concat()),
            (Self::Rooms(one), Self::Rooms(other)) => Self::Rooms(one.into_iter().chain(other).collect()),
            (Self::Clients(one), Self::Clients(other)) => Self::Clients(one.saturating_add(other)),
            (one, _) => one,
        }
    }
}

impl AmongCores {
    /// The node listens to these rooms. True if that is new, and the cores are to tell it of them.
    pub(super) fn follow(&mut self, own: OwnChannels) -> bool {
        let new = own != self.followed;
        if new {
            (self.followed, self.follow) = (own, Some(own));
        }
        new
    }

    pub(super) fn take_follow(&mut self) -> Option<OwnChannels> {
        self.follow.take()
    }

    /// Has the node say one core's part, as soon as all of `cores` have theirs where they answer together.
    pub(super) fn say(&mut self, engine: &Engine, node: &mut Node, part: Part) {
        let cores = engine.config.loops;
        match part {
            Part::Emit { ticket, namespace, message } => {
                if !node.send(&namespace, &message, false, Some(ticket)) {
                    self.heard.push(News::Returned { ticket, at: EntryId::NONE });
                }
            }
            Part::Session { core, order } => order_session(engine, node, core, order),
            Part::Answer(answer) => send_answer(node, answer),
            Part::Found(found) => {
                self.gather(found, cores).into_iter().for_each(|all| reply(node, all));
            }
        }
    }

    /// Adds what one core has found. All of it, if that was the last of them.
    fn gather(&mut self, found: Found, cores: usize) -> Option<Found> {
        if cores <= 1 {
            return Some(found);
        }
        let request = found.request.clone();
        let (all, of) = match self.gathered.remove(&request) {
            Some((all, of)) => (Found { what: all.what.and(found.what), ..all }, of),
            None => (found, 0),
        };
        let of = of.saturating_add(1);
        if of >= cores {
            return Some(all);
        }
        self.gathered.insert(request, (all, of));
        None
    }
}

fn order_session(engine: &Engine, node: &mut Node, core: usize, order: SessionOrder) {
    match order {
        SessionOrder::Save { pid, value, window } => node.save_session(&pid, &value, window),
        SessionOrder::Forget { pid } => node.forget_session(&pid),
        SessionOrder::Fetch { number, namespace, pid, heard } => {
            let limits = &engine.config.limits;
            let (most, window) = (limits.max_backlog, limits.recovery_window);
            let wanted = Wanted { namespace, pid, heard, most, window };
            node.fetch_session(Asker { core, number }, wanted, engine.now);
        }
        SessionOrder::Taken { number, ticket, place } => {
            node.session_taken(Asker { core, number }, HeardByCore { ticket, place });
        }
        SessionOrder::Refused { number } => node.session_refused(Asker { core, number }),
    }
}

fn send_answer(node: &mut Node, answer: AnswerAbroad) {
    let AnswerAbroad { namespace, request, value, attachments } = answer;
    let attachments = attachments.into_iter().map(Cow::Owned).collect();
    let value = value.map(|json| Value { json: json.into(), attachments });
    node.publish(&namespace, &Message::AckReply { request: String::from(request).into(), value });
}

fn reply(node: &mut Node, all: Found) {
    let Found { namespace, request, what } = all;
    let request = request.into();
    let owned = |list: Vec<String>| list.into_iter().map(Cow::Owned).collect();
    let reply = match what {
        What::Sockets(sockets) => Message::FetchReply { request, sockets },
        What::Ids(ids) => Message::IdsReply { request, ids: owned(ids) },
        What::Rooms(rooms) => Message::AllRoomsReply { request, rooms: owned(rooms.into_iter().collect()) },
        What::Clients(clients) => Message::AckCount { request, clients },
    };
    node.publish(&namespace, &reply);
}

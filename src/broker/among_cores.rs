//! What the cores of one broker have for each other in a cluster, where one of them speaks for all. It must not look for any of it.

use crate::cluster::Node;
use crate::host::cluster::OwnChannels;
use crate::hub::acks::AnswerAbroad;
use crate::wire::cluster::{Heard, Message, RemoteSocket, Value};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// What one core has for the others.
#[derive(Debug, Default)]
pub(in crate::broker) struct AmongCores {
    /// Of the core that speaks: what it has heard.
    pub(in crate::broker) heard: Vec<Heard<'static>>,
    /// Of the others: what they have to say, in its order.
    pub(in crate::broker) parts: Vec<Part>,
    /// Of the core that speaks: what cores have found so far, and how many of them, by what was asked.
    gathered: HashMap<String, (Found, usize)>,
    /// Of the core that speaks: the rooms that it listens to.
    followed: OwnChannels,
    /// The same, until the others have been told.
    follow: Option<OwnChannels>,
}

/// What one core has to say to other nodes.
#[derive(Debug)]
pub(crate) enum Part {
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
    pub(super) fn say(&mut self, node: &mut Node, part: Part, cores: usize) {
        match part {
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

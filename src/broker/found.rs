//! What the cores of one broker have for each other, and what all of them find together for another node. It must not look for it.

use crate::cluster::Node;
use crate::hub::acks::AnswerAbroad;
use crate::wire::cluster::{self, Heard, RemoteSocket};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// What the cores of one broker have for each other.
#[derive(Debug, Default)]
pub(in crate::broker) struct Others {
    /// What the first has heard.
    pub(in crate::broker) heard: Vec<Heard<'static>>,
    /// What this one has found for another node.
    pub(in crate::broker) found: Vec<Found>,
    /// What its clients have answered to the hosts of other nodes.
    pub(in crate::broker) answers: Vec<AnswerAbroad>,
    /// What all have found so far, and how many of them, by what was asked.
    gathered: HashMap<String, (Found, usize)>,
}

/// What one core has to say to another node's question, which all cores answer together.
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

impl Others {
    /// Adds what one core has found. All of it, if that was the last of them.
    pub(super) fn gather(&mut self, found: Found, cores: usize) -> Option<Found> {
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

pub(super) fn send_answer(node: &mut Node, answer: AnswerAbroad) {
    let AnswerAbroad { namespace, request, value, attachments } = answer;
    let attachments = attachments.into_iter().map(Cow::Owned).collect();
    let value = value.map(|json| cluster::Value { json: json.into(), attachments });
    node.publish(&namespace, &cluster::Message::AckReply { request: String::from(request).into(), value });
}

pub(super) fn reply(node: &mut Node, all: Found) {
    let Found { namespace, request, what } = all;
    let request = request.into();
    let owned = |list: Vec<String>| list.into_iter().map(Cow::Owned).collect();
    let reply = match what {
        What::Sockets(sockets) => cluster::Message::FetchReply { request, sockets },
        What::Ids(ids) => cluster::Message::IdsReply { request, ids: owned(ids) },
        What::Rooms(rooms) => {
            cluster::Message::AllRoomsReply { request, rooms: owned(rooms.into_iter().collect()) }
        }
        What::Clients(clients) => cluster::Message::AckCount { request, clients },
    };
    node.publish(&namespace, &reply);
}

//! Sessions that nodes leave in Redis for each other: asked for, with what the stream has had since. It must not know whose they are.

use super::channels::Channels;
use super::redis::Entry;
use super::store::Store;
use crate::base::Millis;
use crate::wire::cluster::session::{EntryId, KEY, SavedSession};
use crate::wire::cluster::{self, Message, Packet};
use crate::wire::resp::Reply;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Numbers of questions from here on, up to those of clients', are about sessions.
pub(super) const FROM: u64 = 1 << 59;
/// So many are asked for at a time; the others wait.
const AT_ONCE: usize = 128;
/// Entries in one answer.
const PAGE: usize = 100;

/// Who asks for a session: one of the broker's cores, and its number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) core: usize,
    pub(crate) number: u64,
}

/// Which session is asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) namespace: String,
    pub(crate) pid: String,
    /// Up to where its client has heard all, if it says so.
    pub(crate) heard: Option<EntryId>,
    /// How many bytes of messages it may have missed.
    pub(crate) most: usize,
    /// For how long it is left in Redis.
    pub(crate) window: Millis,
}

/// What becomes known of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was left like this, and is this node's from now on. Who has asked says what of the stream it has heard by itself.
    Left { asker: Asker, namespace: String, session: Arc<SavedSession<'static>> },
    /// What its client has missed up to then. `None` if nobody has left it, or that cannot be told.
    Missed { asker: Asker, missed: Option<Arc<[Missed]>> },
}

/// An event, and its place in the stream.
pub(crate) type Missed = (EntryId, Packet<'static>);

/// Up to where one of the broker's cores has handed out by itself what was emitted, and so has what comes then for a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// What this broker has emitted, by the numbers of the operations.
    pub(crate) ticket: u64,
    /// What other nodes have.
    pub(crate) place: EntryId,
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The session itself, which nobody else gets then.
    Session,
    /// What the stream had last by then.
    Newest,
    /// Whether the stream still has what its client has heard last.
    Last,
    /// What the stream has behind that.
    Behind,
}

/// A session that is being fetched.
#[derive(Debug)]
struct Fetch {
    asker: Asker,
    wanted: Wanted,
    due: Millis,
    /// As Redis had it, until it is somebody's.
    value: Vec<u8>,
    session: Option<Arc<SavedSession<'static>>>,
    /// All up to here is known.
    place: EntryId,
    /// The last entry that there was when it was given out: whatever has become of it before is heard up to there.
    newest: Option<EntryId>,
    /// The stream has what was heard last.
    begins: bool,
    /// Whoever has asked has it.
    taken: Option<Heard>,
    /// Up to here nothing is left out; from then on something is that its client hears later.
    whole: Option<EntryId>,
    missed: Vec<Missed>,
    bytes: usize,
}

impl Fetch {
    /// It is there, nobody has been told, and all that was said before is heard by now.
    fn is_left(&self, here: EntryId) -> bool {
        let heard = self.newest.is_some_and(|newest| newest.max(self.place) <= here);
        self.session.is_some() && self.begins && !self.value.is_empty() && heard
    }
}

/// All sessions that are asked for.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    waiting: VecDeque<(Asker, Wanted, Millis)>,
    open: BTreeMap<u64, Fetch>,
    next: u64,
    told: VecDeque<Outcome>,
    scratch: Vec<u8>,
}

impl Sessions {
    /// Asks for one, and is done by `due`.
    pub(super) fn fetch(
        &mut self,
        redis: &mut Store,
        stream: &str,
        asker: Asker,
        wanted: Wanted,
        due: Millis,
    ) {
        self.waiting.push_back((asker, wanted, due));
        self.go_on(redis, stream);
    }

    /// What has become known.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        self.told.pop_front()
    }

    pub(super) fn has_news(&self) -> bool {
        !self.told.is_empty()
    }

    /// When the time of the first is up.
    pub(super) fn next_timeout(&self) -> Option<Millis> {
        let open = self.open.values().map(|fetch| fetch.due);
        open.chain(self.waiting.front().map(|&(.., due)| due)).min()
    }

    /// Gives up those whose time is up by now.
    pub(super) fn expire(&mut self, redis: &mut Store, stream: &str, now: Millis) {
        let over: Vec<u64> =
            self.open.iter().filter(|(_, fetch)| fetch.due <= now).map(|(&number, _)| number).collect();
        over.into_iter().for_each(|number| self.fail(redis, stream, number));
        while self.waiting.front().is_some_and(|&(.., due)| due <= now)
            && let Some((asker, ..)) = self.waiting.pop_front()
        {
            self.told.push_back(Outcome::Missed { asker, missed: None });
        }
    }

    fn go_on(&mut self, redis: &mut Store, stream: &str) {
        while self.open.len() < AT_ONCE
            && let Some((asker, wanted, due)) = self.waiting.pop_front()
        {
            let number = self.next;
            self.next = self.next.wrapping_add(1) % (FROM >> 3);
            let key = [KEY, &wanted.pid].concat();
            redis.ask(&[b"GETDEL", key.as_bytes()], token(number, Step::Session));
            let newest: [&[u8]; 6] = [b"XREVRANGE", stream.as_bytes(), b"+", b"-", b"COUNT", b"1"];
            redis.ask(&newest, token(number, Step::Newest));
            let begins = wanted.heard.is_some_and(|heard| ask_last(redis, stream, number, heard));
            let fetch = Fetch {
                asker,
                due,
                value: Vec::new(),
                session: None,
                place: wanted.heard.unwrap_or(EntryId::NONE),
                newest: None,
                begins,
                taken: None,
                whole: None,
                missed: Vec::new(),
                bytes: 0,
                wanted,
            };
            self.open.insert(number, fetch);
        }
    }

    /// An answer to one of the questions.
    pub(super) fn answered(
        &mut self,
        redis: &mut Store,
        channels: &Channels,
        token: u64,
        answer: Option<Answer>,
    ) {
        let stream = channels.stream().unwrap_or_default();
        let Some((number, step)) = question(token) else { return };
        let Some(fetch) = self.open.get_mut(&number) else { return };
        match (step, answer) {
            (Step::Session, Some(Answer::Session(value))) => {
                let Ok(session) = SavedSession::decode(&value) else {
                    return self.fail(redis, stream, number);
                };
                if fetch.wanted.heard.is_none() {
                    // It has heard nothing since it began, which only roomcast's nodes tell.
                    let Some(born) = session.born() else { return self.fail(redis, stream, number) };
                    fetch.place = born;
                    fetch.begins = ask_last(redis, stream, number, born);
                }
                (fetch.value, fetch.session) = (value, Some(Arc::new(session)));
            }
            (Step::Newest, Some(Answer::Entries(entries))) => {
                fetch.newest = Some(entries.first().map_or(EntryId::NONE, |entry| entry.id));
            }
            (Step::Last, Some(Answer::Entries(entries))) if !entries.is_empty() => fetch.begins = true,
            (Step::Behind, Some(Answer::Entries(entries))) => {
                let whole = entries.len() < PAGE;
                if !self.scan(channels, number, entries) {
                    self.fail(redis, stream, number);
                } else if whole {
                    self.end(redis, stream, number);
                } else {
                    self.ask_behind(redis, stream, number);
                }
            }
            _ => self.fail(redis, stream, number),
        }
    }

    /// The stream has been heard up to here: sessions can be told of that were given out before, and whose clients have heard no more. What
    /// these have heard elsewhere would come again otherwise, and that the session has moved before would be taken for its end.
    pub(super) fn reached(&mut self, here: Option<EntryId>) {
        let Some(here) = here.filter(|_| !self.open.is_empty()) else { return };
        for fetch in self.open.values_mut().filter(|fetch| fetch.is_left(here)) {
            let Some(session) = fetch.session.clone() else { continue };
            fetch.value = Vec::new();
            let (asker, namespace) = (fetch.asker, fetch.wanted.namespace.clone());
            self.told.push_back(Outcome::Left { asker, namespace, session });
        }
    }

    /// Whoever has asked has the session, and what comes from now on.
    pub(super) fn taken(&mut self, redis: &mut Store, stream: &str, asker: Asker, heard: Heard) {
        let found = self.open.iter_mut().find(|(_, fetch)| fetch.asker == asker);
        let Some((&number, fetch)) = found else { return };
        fetch.taken = Some(heard);
        // Whatever this node has emitted up to then is in the stream before this is asked.
        self.ask_behind(redis, stream, number);
    }

    /// Whoever has asked cannot have it.
    pub(super) fn refused(&mut self, redis: &mut Store, stream: &str, asker: Asker) {
        let found = self.open.iter().find(|(_, fetch)| fetch.asker == asker);
        if let Some((&number, _)) = found {
            self.fail(redis, stream, number);
        }
    }

    /// Looks at entries for what a session has missed. False if that is too much.
    fn scan(&mut self, channels: &Channels, number: u64, entries: Vec<Entry>) -> bool {
        let Self { open, scratch, .. } = self;
        let Some(fetch) = open.get_mut(&number) else { return true };
        let (Some(session), Some(taken)) = (&fetch.session, fetch.taken) else { return false };
        for entry in entries {
            let before = std::mem::replace(&mut fetch.place, entry.id);
            if entry.field(b"nsp") != Some(fetch.wanted.namespace.as_bytes()) {
                continue;
            }
            let told = match channels.is_own(&entry) {
                Some(Some(ticket)) => ticket.number <= taken.ticket,
                _ => entry.id <= taken.place,
            };
            if !told {
                fetch.whole.get_or_insert(before);
                continue;
            }
            scratch.clear();
            let heard = channels.decode_entry(&entry, scratch);
            if let Ok(cluster::Heard { message: Message::Broadcast { packet, opts, request: None }, .. }) =
                heard
                && !opts.flags.volatile
                && session.is_meant(&opts.rooms, &opts.except, entry.id)
            {
                fetch.bytes = fetch.bytes.saturating_add(packet.size());
                fetch.missed.push((fetch.whole.unwrap_or(entry.id), packet.into_owned()));
            }
        }
        fetch.bytes <= fetch.wanted.most
    }

    fn end(&mut self, redis: &mut Store, stream: &str, number: u64) {
        if let Some(Fetch { asker, missed, .. }) = self.open.remove(&number) {
            self.told.push_back(Outcome::Missed { asker, missed: Some(missed.into()) });
        }
        self.go_on(redis, stream);
    }

    /// It cannot be had. What Redis has given out is left there again, unless a core has been told of it.
    fn fail(&mut self, redis: &mut Store, stream: &str, number: u64) {
        let Some(Fetch { asker, wanted, value, .. }) = self.open.remove(&number) else { return };
        if !value.is_empty() {
            save(redis, &wanted.pid, &value, wanted.window);
        }
        self.told.push_back(Outcome::Missed { asker, missed: None });
        self.go_on(redis, stream);
    }

    /// Asks for what the stream has behind what is known.
    fn ask_behind(&self, redis: &mut Store, stream: &str, number: u64) {
        let place = self.open.get(&number).map_or(EntryId::NONE, |fetch| fetch.place);
        let next = match place.number.checked_add(1) {
            Some(number) => EntryId { number, ..place },
            None => EntryId { time: place.time.saturating_add(1), number: 0 },
        };
        let (next, page) = (next.to_string(), PAGE.to_string());
        let range: [&[u8]; 6] =
            [b"XRANGE", stream.as_bytes(), next.as_bytes(), b"+", b"COUNT", page.as_bytes()];
        redis.ask(&range, token(number, Step::Behind));
    }
}

/// What an answer says, as far as it may be one.
pub(super) enum Answer {
    Session(Vec<u8>),
    Entries(Vec<Entry>),
}

impl Answer {
    pub(super) fn of(reply: Reply<'_>) -> Option<Self> {
        match reply {
            Reply::Text(value) => Some(Self::Session(value.to_vec())),
            Reply::List(_) => Some(Self::Entries(Entry::all(reply).collect())),
            _ => None,
        }
    }
}

/// Leaves a session for a while.
pub(super) fn save(redis: &mut Store, pid: &str, value: &[u8], window: Millis) {
    let (key, window) = ([KEY, pid].concat(), window.to_string());
    redis.post(&[b"SET", key.as_bytes(), value, b"PX", window.as_bytes()]);
}

/// It is nobody's any more.
pub(super) fn forget(redis: &mut Store, pid: &str) {
    redis.post(&[b"DEL", [KEY, pid].concat().as_bytes()]);
}

/// Asks whether the stream still has what was heard last: all behind it is there then. True if that is nothing, as it was empty.
fn ask_last(redis: &mut Store, stream: &str, number: u64, heard: EntryId) -> bool {
    if heard == EntryId::NONE {
        return true;
    }
    let id = heard.to_string();
    redis.ask(&[b"XRANGE", stream.as_bytes(), id.as_bytes(), id.as_bytes()], token(number, Step::Last));
    false
}

fn token(number: u64, step: Step) -> u64 {
    let step = match step {
        Step::Session => 0,
        Step::Newest => 1,
        Step::Last => 2,
        Step::Behind => 3,
    };
    FROM | number << 2 | step
}

fn question(token: u64) -> Option<(u64, Step)> {
    let rest = token.checked_sub(FROM)?;
    let step = match rest & 3 {
        0 => Step::Session,
        1 => Step::Newest,
        2 => Step::Last,
        _ => Step::Behind,
    };
    Some((rest >> 2, step))
}

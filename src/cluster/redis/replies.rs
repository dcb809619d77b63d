//! What the replies of a Redis bring about. It must not trust that they are those which were to come.

use super::connection::{Awaited, Connection, LONG_WAIT, State};
use super::random::Random;
use super::refusal::{Refusal, words};
use super::streams::Streams;
use super::subscriptions::{Change, Subscription};
use super::{Redis, RedisEvent, Told};
use crate::wire::resp::{Fault, Reply};

/// A refusal, by its class and in words.
type Error = (Refusal, String);

/// What came of looking at what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no more.
    Nothing,
    /// Something was done, or is told.
    Told,
    /// The answer to a question, by its number.
    Reply(u64),
    /// A message to a subscription.
    Message,
}

/// The connections by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Commands,
    Listener,
    Reader,
    /// Open while it is not known where the Redis is.
    Sentinel,
}

/// What is said to one who listens.
enum Spoken<'a> {
    Message(RedisEvent<'a>),
    Changed(Subscription, bool, &'a [u8]),
    Pong,
    /// What nobody has asked for, and may be passed over.
    Other,
}

/// Whether a reply is a message, as far as shows at its beginning.
fn is_message(reply: Reply<'_>) -> bool {
    let (Reply::List(mut items) | Reply::Push(mut items)) = reply else { return false };
    let parts = items.len();
    match items.next() {
        Some(Reply::Text(b"message" | b"smessage")) => parts >= 3,
        Some(Reply::Text(b"pmessage")) => parts >= 4,
        _ => false,
    }
}

/// The message in a reply. Where there is something else than texts in it, it comes over no channel.
pub(super) fn message(reply: Reply<'_>) -> RedisEvent<'_> {
    match spoken(reply) {
        Some(Spoken::Message(message)) => message,
        _ => RedisEvent::Message { channel: &[], pattern: None, payload: &[] },
    }
}

/// `None` for what is no such thing, or an answer.
fn spoken(reply: Reply<'_>) -> Option<Spoken<'_>> {
    let (Reply::List(mut items) | Reply::Push(mut items)) = reply else { return None };
    let mut text = || match items.next() {
        Some(Reply::Text(text)) => Some(text),
        _ => None,
    };
    let Some(kind) = text() else { return matches!(reply, Reply::Push(_)).then_some(Spoken::Other) };
    let pattern = if kind == b"pmessage" { Some(text()?) } else { None };
    if matches!(kind, b"message" | b"pmessage" | b"smessage") {
        return Some(Spoken::Message(RedisEvent::Message { channel: text()?, pattern, payload: text()? }));
    }
    if let Some((kind, on)) = Subscription::confirmed(kind) {
        // There is no name where there was nothing to end.
        return Some(text().map_or(Spoken::Other, |name| Spoken::Changed(kind, on, name)));
    }
    match kind {
        b"pong" => Some(Spoken::Pong),
        _ if matches!(reply, Reply::Push(_)) => Some(Spoken::Other),
        _ => None,
    }
}

const UNASKED: &str = "it answers what it was not asked";
const ENDED: &str = "it has ended a subscription";

impl Redis {
    pub(super) fn connection_of(&self, which: Which) -> &Connection {
        match which {
            Which::Commands => &self.commands,
            Which::Listener => &self.listener,
            Which::Reader => &self.reader,
            Which::Sentinel => &self.sentinel,
        }
    }

    pub(super) fn connection(&mut self, which: Which) -> &mut Connection {
        match which {
            Which::Commands => &mut self.commands,
            Which::Listener => &mut self.listener,
            Which::Reader => &mut self.reader,
            Which::Sentinel => &mut self.sentinel,
        }
    }

    /// Looks at what was received, up to what is of interest to others.
    pub(super) fn look(&mut self) -> Found {
        for which in Which::ALL {
            while !self.connection(which).dry {
                let found = match self.connection(which).reader.advance() {
                    Ok(true) => match which {
                        Which::Commands => self.command_reply(),
                        Which::Listener => self.listener_reply(),
                        Which::Reader => self.reader_reply(),
                        Which::Sentinel => self.sentinel_reply(),
                    },
                    Ok(false) => {
                        self.run_dry(which);
                        Found::Told
                    }
                    Err(fault) => {
                        if which == Which::Reader && fault == Fault::TooBig && self.streams.too_big() {
                            self.counters.passed_over = self.counters.passed_over.saturating_add(1);
                        }
                        self.give_up(which, fault.text());
                        Found::Told
                    }
                };
                if found != Found::Told || !self.told.is_empty() {
                    return found;
                }
            }
        }
        Found::Nothing
    }

    fn run_dry(&mut self, which: Which) {
        let now = self.now;
        let connection = self.connection(which);
        connection.dry = true;
        connection.heard(now);
        if let State::Ending { why, .. } = &mut connection.state {
            let why = std::mem::take(why);
            self.lose(which, &why, false);
        }
    }

    /// What a reply is about, and the error if it is one. `None` if that is nothing: then the connection is given up.
    pub(super) fn answer(&mut self, which: Which) -> Option<(Awaited, Option<Error>)> {
        let connection = self.connection(which);
        let error = match connection.reader.reply() {
            Reply::Error(error) => Some((Refusal::of(error), words(error))),
            _ => None,
        };
        match connection.answered() {
            Some(awaited) => Some((awaited, error)),
            None => {
                // As when it has too many clients.
                let why = error.map_or(UNASKED.to_owned(), |(_, why)| why);
                self.give_up(which, &why);
                None
            }
        }
    }

    /// A reply on the connection for commands.
    fn command_reply(&mut self) -> Found {
        if matches!(self.commands.reader.reply(), Reply::Push(_)) {
            return Found::Told;
        }
        match self.answer(Which::Commands) {
            Some((Awaited::Ask(token), None)) => return Found::Reply(token),
            Some((Awaited::Ask(token), Some((refusal, why)))) => {
                self.told.push_back(Told::Failed(token, why.clone()));
                if self.is_elsewhere(&why) {
                    self.goes_astray(None, why);
                } else if refusal == Refusal::Transient {
                    self.give_up(Which::Commands, &why);
                }
            }
            Some((Awaited::Kept(post), Some((_, why)))) if self.is_elsewhere(&why) => {
                self.goes_astray(Some(post), why);
            }
            Some((Awaited::Posts(_) | Awaited::Kept(_), Some((refusal, why)))) => {
                self.counters.refused = self.counters.refused.saturating_add(1);
                if self.is_elsewhere(&why) {
                    self.goes_astray(None, why);
                } else if refusal == Refusal::Transient {
                    self.give_up(Which::Commands, &why);
                } else if !std::mem::replace(&mut self.unpublished_told, true) {
                    self.told.push_back(Told::Unpublished(why));
                }
            }
            Some((Awaited::Kept(post), None)) => self.carried_out(&post),
            Some((Awaited::Posts(_) | Awaited::Ping, _)) | None => {}
            Some((awaited, error)) => self.greeted(Which::Commands, &awaited, error),
        }
        Found::Told
    }

    /// A reply on the connection that listens.
    fn listener_reply(&mut self) -> Found {
        if is_message(self.listener.reader.reply()) {
            self.counters.heard = self.counters.heard.saturating_add(1);
            return Found::Message;
        }
        match spoken(self.listener.reader.reply()) {
            Some(Spoken::Changed(kind, on, name)) => {
                let awaited = self.listener.awaited.front();
                let asked = matches!(awaited, Some(Awaited::Change(it)) if (it.kind, it.on, &*it.name) == (kind, on, name));
                // Until it stands again, here or elsewhere, nothing of it is heard.
                let missed =
                    self.options.is_part && !on && !asked && self.subscriptions.is_wanted(kind, name);
                let next = self.subscriptions.confirm(kind, name, on);
                // One that was ended unasked, and given up, before the command to begin it came.
                let stray = asked && on && !self.subscriptions.has(kind, name);
                let next = next.or_else(|| stray.then(|| Change { kind, name: name.into(), on: false }));
                if asked {
                    self.listener.answered();
                }
                if missed {
                    self.fall(ENDED);
                }
                if let Some(change) = next {
                    self.send_change(change);
                }
                self.come_up();
                return Found::Told;
            }
            Some(Spoken::Message(_) | Spoken::Other) => return Found::Told,
            Some(Spoken::Pong) | None => {}
        }
        match self.answer(Which::Listener) {
            Some((Awaited::Ping, _)) | None => {}
            Some((Awaited::Change(change), Some((_, why)))) if self.is_elsewhere(&why) => {
                self.subscription_astray(&change, why);
            }
            Some((Awaited::Change(_), Some((Refusal::Transient, why)))) => {
                self.give_up(Which::Listener, &why)
            }
            Some((Awaited::Change(change), Some((_, why)))) => self.refused(change, why),
            Some((Awaited::Change(_), None)) => self.give_up(Which::Listener, UNASKED),
            Some((awaited, error)) => self.greeted(Which::Listener, &awaited, error),
        }
        Found::Told
    }

    /// A reply on the connection that reads streams.
    fn reader_reply(&mut self) -> Found {
        if matches!(self.reader.reader.reply(), Reply::Push(_)) {
            return Found::Told;
        }
        match self.answer(Which::Reader) {
            None | Some((Awaited::Ping, _)) => {}
            Some((Awaited::Newest(_) | Awaited::Read, Some((refusal, why)))) => {
                let elsewhere = self.is_elsewhere(&why);
                self.connection(Which::Reader).hang_up = true;
                self.lose(Which::Reader, &why, refusal != Refusal::Transient && !elsewhere);
                if elsewhere {
                    self.goes_astray(None, why);
                }
            }
            Some((Awaited::Newest(name), None)) => {
                self.streams.begin(&name, self.reader.reader.reply());
                self.read_on();
                self.come_up();
            }
            Some((Awaited::Read, None)) => {
                let Self { streams, reader, told, counters, .. } = self;
                streams.answered(reader.reader.reply(), |entry| {
                    counters.heard = counters.heard.saturating_add(1);
                    told.push_back(Told::Entry(entry));
                });
                self.read_on();
            }
            Some((awaited, error)) => self.greeted(Which::Reader, &awaited, error),
        }
        Found::Told
    }

    /// Asks for what streams have behind what they had, or first for what that is.
    fn read_on(&mut self) {
        match self.streams.unknown() {
            Some(name) => {
                self.reader.command(&Streams::ask_newest(name), Awaited::Newest(name.into()));
            }
            None => {
                let command = self.streams.read();
                let words: Vec<&[u8]> = command.iter().map(|word| &**word).collect();
                self.reader.command(&words, Awaited::Read);
            }
        }
    }

    fn refused(&mut self, change: Change, why: String) {
        // What cannot be ended is not there.
        if !change.on {
            if let Some(next) = self.subscriptions.confirm(change.kind, &change.name, false) {
                self.send_change(next);
            }
        } else {
            self.ask_again.get_or_insert(self.now.saturating_add(LONG_WAIT));
            if self.subscriptions.refuse(change.kind, &change.name) {
                self.told.push_back(Told::Refused(change, why));
            }
        }
        self.come_up();
    }

    /// An answer to what is said at the beginning of a connection.
    pub(super) fn greeted(&mut self, which: Which, awaited: &Awaited, error: Option<Error>) {
        let options = self.options_of(which);
        match (awaited, error) {
            (Awaited::Hello, Some((Refusal::Unavailable, _))) => {
                self.connection(which).begin_plainly(&options)
            }
            // A name is for people who look at the Redis; it does not need one.
            (Awaited::Name, _) => {}
            (_, Some((refusal, why))) => {
                // Whoever may not enter is not let in by asking again soon.
                let long = refusal != Refusal::Transient && *awaited != Awaited::Hello
                    || refusal == Refusal::Lasting;
                self.connection(which).hang_up = true;
                return self.lose(which, &why, long);
            }
            (Awaited::Hello, None) if !self.may_be_spoken_to(which) => {
                return self.give_up(which, "it is no master");
            }
            (Awaited::Hello, None) => {
                let connection = self.connection(which);
                connection.pushes = true;
                connection.select(&options);
            }
            _ => {}
        }
        if self.connection(which).awaited.is_empty() {
            self.ready(which);
        }
    }

    fn ready(&mut self, which: Which) {
        let now = self.now;
        let state = &mut self.connection(which).state;
        if *state != State::Greeting {
            // It is closed by now.
            return;
        }
        *state = State::Ready(now);
        match which {
            Which::Commands => {
                self.unpublished_told = false;
                for command in self.backlog.take() {
                    self.commands.post(&command);
                    self.counters.published = self.counters.published.saturating_add(1);
                }
            }
            Which::Listener => {
                for change in self.subscriptions.begin() {
                    self.send_change(change);
                }
            }
            Which::Reader => self.read_on(),
            Which::Sentinel => self.ask_sentinel(),
        }
        self.come_up();
    }

    /// Says so if all is there again.
    pub(super) fn come_up(&mut self) {
        if self.stands() {
            self.standing.rise(self.now, &mut self.told);
        }
    }

    /// Ends a connection from this side.
    pub(super) fn give_up(&mut self, which: Which, why: &str) {
        self.connection(which).hang_up = true;
        self.lose(which, why, false);
    }

    /// A connection is gone, or did not come about. `long`: somebody has to change something first.
    pub(super) fn lose(&mut self, which: Which, why: &str, long: bool) {
        let (options, now) = (self.options_of(which), self.now);
        self.counters.failed = self.counters.failed.saturating_add(1);
        // Each wait is another one.
        let mut random = Random::new(self.random.next());
        let awaited = std::mem::take(&mut self.connection(which).awaited);
        self.connection(which).lose(&options, &mut random, long, now);
        for awaited in awaited {
            match awaited {
                Awaited::Posts(count) => self.counters.lost = self.counters.lost.saturating_add(count),
                Awaited::Kept(post) => {
                    self.counters.lost = self.counters.lost.saturating_add(1);
                    // It may have been.
                    self.carried_out(&post);
                }
                Awaited::Ask(token) => self.told.push_back(Told::Failed(token, why.to_owned())),
                _ => {}
            }
        }
        if which == Which::Listener {
            self.subscriptions.forget();
            self.ask_again = None;
        }
        self.look_for_another(which);
        if self.needs(which) {
            self.fall(why);
        } else {
            // It may have been all that was missing.
            self.come_up();
        }
    }
}

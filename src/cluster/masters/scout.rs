//! Who has which slot of a Redis Cluster is asked of one of its servers at a time: from time to time, soon when something is amiss, and
//! of another one if it does not say. It must not do anything about it.

use crate::base::Millis;
use crate::cluster::redis::{Random, Redis, RedisCounters, RedisOptions, Step, Told};
use crate::engine::bus::{Bus, Endpoint};
use crate::wire::resp::Reply;

/// How often it is asked while nothing is amiss, in milliseconds: what moves without a word is noticed by then.
pub(super) const PERIOD: Millis = 5_000;
/// A server that does not say within this is not waited for.
pub(super) const PATIENCE: Millis = 2_000;
/// How soon after an answer it is asked again if something is amiss, and how much later in the end.
const SOON: (Millis, Millis) = (100, 1_000);
/// The first wait before another server is asked, once all were, and the longest.
const BACK_OFF: (Millis, Millis) = (50, 2_000);

const SLOTS: u64 = 0;
const STATE: u64 = 1;

/// What was heard.
pub(super) enum Scouted {
    Nothing,
    /// Something was done.
    Again,
    /// Who has which slot: [`Scout::reply`] lends it.
    Slots,
    /// Whether the cluster as a whole is well, as far as its server sees it.
    State(bool),
}

/// Who asks.
#[derive(Debug)]
pub(super) struct Scout {
    pub(super) redis: Redis,
    options: RedisOptions,
    /// Whom it asks.
    pub(super) place: Endpoint,
    /// Which of all it asks next, and since how many none has said anything.
    next: usize,
    failed: usize,
    /// When it is to ask, and whether it waits for the answer.
    due: Millis,
    asks: bool,
    /// By when its server is to be there, or to say it.
    patience: Option<Millis>,
    /// When it was answered last, and how often it has asked since all was well.
    answered: Millis,
    hurried: u32,
    /// Why the last one did not say.
    pub(super) why: String,
    /// Whoever opened its connection is to close it.
    pub(super) hang_up: bool,
    now: Millis,
    /// Those of connections that were left.
    counters: RedisCounters,
}

impl Scout {
    pub(super) fn new(options: &RedisOptions, place: Endpoint, random: &mut Random) -> Self {
        Self {
            redis: Redis::new(&options.of_server(place.clone()), random.next()),
            options: options.clone(),
            place,
            next: 0,
            failed: 0,
            due: 0,
            asks: false,
            patience: None,
            answered: 0,
            hurried: 0,
            why: String::new(),
            hang_up: false,
            now: 0,
            counters: RedisCounters::default(),
        }
    }

    /// Time has passed. Whether its server is to be left: it has not said anything for too long.
    pub(super) fn tick(&mut self, now: Millis) -> bool {
        self.now = self.now.max(now);
        if self.redis.is_up() && !self.asks && self.due <= self.now {
            self.asks = true;
            self.patience = None;
            self.redis.ask(&[b"CLUSTER", b"INFO"], STATE);
            self.redis.ask(&[b"CLUSTER", b"SLOTS"], SLOTS);
        }
        // What it has said is looked at first.
        if !self.waits() || self.redis.has_news() {
            return false;
        }
        let from = self.now.max(self.due);
        *self.patience.get_or_insert(from.saturating_add(PATIENCE)) <= self.now
    }

    /// When that has something to do.
    pub(super) fn next_timeout(&self) -> Option<Millis> {
        match self.waits() {
            false => Some(self.due),
            true if self.redis.has_news() => None,
            true => Some(self.patience.unwrap_or(0)),
        }
    }

    fn waits(&self) -> bool {
        self.asks || !self.redis.is_up()
    }

    /// Something is amiss: it asks soon.
    pub(super) fn hurry(&mut self, random: &mut Random) {
        if !self.waits() && self.due > self.answered.saturating_add(SOON.1) {
            self.due = self.soon(random);
        }
    }

    fn soon(&mut self, random: &mut Random) -> Millis {
        let whole = SOON.0.checked_shl(self.hurried.min(16)).unwrap_or(SOON.1).min(SOON.1);
        self.hurried = self.hurried.saturating_add(1);
        self.answered.saturating_add(random.around(whole)).max(self.now)
    }

    /// Nothing is amiss.
    pub(super) fn rest(&mut self) {
        self.hurried = 0;
    }

    /// This one knows better than whom it asks, unless it is asking by now.
    pub(super) fn go_to(&mut self, place: &Endpoint, random: &mut Random) {
        if self.place != *place && !self.waits() {
            let due = self.soon(random);
            self.leave(place.clone(), due, random);
        }
    }

    /// Asks another one of these, if there is one, as the last one was not well.
    pub(super) fn doubt(&mut self, all: &[Endpoint], random: &mut Random) {
        self.answered = self.now;
        let (place, due) = (self.another(all), self.soon(random));
        self.leave(place, due, random);
    }

    fn another(&mut self, all: &[Endpoint]) -> Endpoint {
        let others: Vec<&Endpoint> = all.iter().filter(|place| **place != self.place).collect();
        let place = others.get(self.next.checked_rem(others.len()).unwrap_or(0)).copied();
        self.next = self.next.wrapping_add(1);
        place.unwrap_or(&self.place).clone()
    }

    /// Asks another one of these, and later and later if it has asked all of them.
    pub(super) fn go_on(&mut self, all: &[Endpoint], why: &str, random: &mut Random) {
        why.clone_into(&mut self.why);
        let place = self.another(all);
        let rounds = self.failed.checked_div(all.len()).unwrap_or(0).min(16);
        self.failed = self.failed.saturating_add(1);
        let whole = BACK_OFF.0.checked_shl(rounds as u32).unwrap_or(BACK_OFF.1).min(BACK_OFF.1);
        let due = self.now.saturating_add(random.around(whole));
        self.leave(place, due, random);
    }

    fn leave(&mut self, place: Endpoint, due: Millis, random: &mut Random) {
        self.counters = self.counters();
        self.redis = Redis::new(&self.options.of_server(place.clone()), random.next());
        self.redis.open_later(due);
        (self.place, self.hang_up) = (place, true);
        (self.asks, self.due, self.patience) = (false, due, None);
    }

    /// What has come and gone so far.
    pub(super) fn counters(&self) -> RedisCounters {
        self.counters.and(&self.redis.counters())
    }

    /// Looks at what its server says.
    ///
    /// # Errors
    /// Why it does not say who has which slot.
    pub(super) fn look(&mut self) -> Result<Scouted, String> {
        Ok(match self.redis.step() {
            Step::Nothing => Scouted::Nothing,
            Step::Reply(SLOTS) => Scouted::Slots,
            // What is no such answer says nothing against it.
            Step::Reply(_) => Scouted::State(match self.redis.reply() {
                Reply::Text(info) => memchr::memmem::find(info, b"cluster_state:fail").is_none(),
                _ => true,
            }),
            Step::Told(Told::Failed(STATE, _)) => Scouted::State(true),
            Step::Told(Told::Down(why) | Told::Failed(_, why)) => return Err(why),
            Step::Told(_) | Step::Message => Scouted::Again,
        })
    }

    /// Who has which slot, as was found last.
    pub(super) fn reply(&self) -> Reply<'_> {
        self.redis.reply()
    }

    /// It has said so.
    pub(super) fn answered(&mut self, random: &mut Random) {
        (self.asks, self.failed, self.answered, self.patience) = (false, 0, self.now, None);
        self.due = self.now.saturating_add(random.around(PERIOD).max(SOON.1.saturating_add(1)));
        self.why.clear();
    }
}

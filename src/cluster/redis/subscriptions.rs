//! What is to be subscribed to, and what of it the Redis has confirmed. It must not send commands.

use std::collections::BTreeMap;

/// What a subscription names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// A channel.
    Channel,
    /// All channels that match a pattern; [`escape_glob`](super::escape_glob) makes a name a part of one.
    Pattern,
    /// A channel of the one shard of a Redis Cluster that its name belongs to.
    Shard,
}

impl Subscription {
    const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];

    /// The command whose messages it hears.
    pub(crate) fn publishes(self) -> &'static [u8] {
        if self == Self::Shard { b"SPUBLISH" } else { b"PUBLISH" }
    }

    /// The command that begins it, or ends it.
    pub(super) fn command(self, on: bool) -> &'static [u8] {
        match (self, on) {
            (Self::Channel, true) => b"SUBSCRIBE",
            (Self::Channel, false) => b"UNSUBSCRIBE",
            (Self::Pattern, true) => b"PSUBSCRIBE",
            (Self::Pattern, false) => b"PUNSUBSCRIBE",
            (Self::Shard, true) => b"SSUBSCRIBE",
            (Self::Shard, false) => b"SUNSUBSCRIBE",
        }
    }

    /// What a confirmation of this name is about.
    pub(super) fn confirmed(name: &[u8]) -> Option<(Self, bool)> {
        let commands = Self::ALL.into_iter().flat_map(|kind| [(kind, true), (kind, false)]);
        commands.into_iter().find(|(kind, on)| kind.command(*on).eq_ignore_ascii_case(name))
    }
}

/// One that is to be begun or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(super) kind: Subscription,
    pub(super) name: Box<[u8]>,
    pub(super) on: bool,
}

/// How far it has come with the Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is there, and nothing under way.
    Off,
    /// The command to begin it is under way.
    Beginning,
    On,
    /// The command to end it is under way.
    Ending,
    /// The Redis does not allow it.
    Refused,
    /// It belongs to another server of the Redis Cluster.
    Astray,
}

#[derive(Debug)]
struct Entry {
    wanted: bool,
    state: State,
    /// That it is refused has been told.
    told: bool,
}

/// All of one node. Of each name one command at most is under way, so that they are as many as the names and no more.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    by_kind: [BTreeMap<Box<[u8]>, Entry>; 3],
    /// Of how many the command to begin is under way.
    beginning: usize,
    /// How many belong elsewhere.
    astray: usize,
}

impl Subscriptions {
    fn names(&mut self, kind: Subscription) -> &mut BTreeMap<Box<[u8]>, Entry> {
        let [channels, patterns, shards] = &mut self.by_kind;
        match kind {
            Subscription::Channel => channels,
            Subscription::Pattern => patterns,
            Subscription::Shard => shards,
        }
    }

    /// Wants one, or no more. What is to be sent for it on a connection that is `ready`.
    pub(super) fn want(
        &mut self,
        kind: Subscription,
        name: &[u8],
        wanted: bool,
        ready: bool,
    ) -> Option<Change> {
        let names = self.names(kind);
        if let Some(entry) = names.get_mut(name) {
            entry.wanted = wanted;
        } else if wanted {
            names.insert(name.into(), Entry { wanted, state: State::Off, told: false });
        }
        self.go_on(kind, name, ready)
    }

    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.by_kind.iter().all(BTreeMap::is_empty)
    }

    /// Whether the Redis has answered all.
    pub(super) fn are_settled(&self) -> bool {
        self.beginning == 0 && self.astray == 0
    }

    /// What is to be sent on a new connection.
    pub(super) fn begin(&mut self) -> Vec<Change> {
        self.changes(|entry| entry.state == State::Off)
    }

    /// What is to be sent once more, as a rule may have changed.
    pub(super) fn begin_refused(&mut self) -> Vec<Change> {
        self.changes(|entry| entry.state == State::Refused)
    }

    /// What is to be sent once more, as it may belong here by now.
    pub(super) fn begin_astray(&mut self) -> Vec<Change> {
        self.astray = 0;
        self.changes(|entry| entry.state == State::Astray)
    }

    fn changes(&mut self, of: impl Fn(&Entry) -> bool) -> Vec<Change> {
        let mut changes = Vec::new();
        for (kind, names) in Subscription::ALL.into_iter().zip(&mut self.by_kind) {
            for (name, entry) in names.iter_mut().filter(|(_, entry)| entry.wanted && of(entry)) {
                entry.state = State::Beginning;
                changes.push(Change { kind, name: name.clone(), on: true });
            }
        }
        self.beginning = self.beginning.saturating_add(changes.len());
        changes
    }

    /// The Redis has done a change, asked to or not. What is to be sent next.
    pub(super) fn confirm(&mut self, kind: Subscription, name: &[u8], on: bool) -> Option<Change> {
        self.reach(kind, name, if on { State::On } else { State::Off });
        self.go_on(kind, name, true)
    }

    /// The Redis does not allow one. Whether that is to be told: it is wanted, and it was not told since the connection stands.
    pub(super) fn refuse(&mut self, kind: Subscription, name: &[u8]) -> bool {
        self.reach(kind, name, State::Refused);
        self.go_on(kind, name, true);
        let entry = self.names(kind).get_mut(name);
        entry.is_some_and(|entry| !std::mem::replace(&mut entry.told, true))
    }

    /// One belongs to another server. Whether it is wanted.
    pub(super) fn goes_astray(&mut self, kind: Subscription, name: &[u8]) -> bool {
        self.reach(kind, name, State::Astray);
        self.go_on(kind, name, true);
        self.is_wanted(kind, name)
    }

    /// Whether it is wanted, or was and is not at its end.
    pub(super) fn has(&mut self, kind: Subscription, name: &[u8]) -> bool {
        self.names(kind).contains_key(name)
    }

    /// Whether it is to stand.
    pub(super) fn is_wanted(&mut self, kind: Subscription, name: &[u8]) -> bool {
        self.names(kind).get(name).is_some_and(|entry| entry.wanted)
    }

    /// The connection is gone, and all that was on it.
    pub(super) fn forget(&mut self) {
        (self.beginning, self.astray) = (0, 0);
        for names in &mut self.by_kind {
            names.retain(|_, entry| {
                (entry.state, entry.told) = (State::Off, false);
                entry.wanted
            });
        }
    }

    fn reach(&mut self, kind: Subscription, name: &[u8], state: State) {
        let Some(entry) = self.names(kind).get_mut(name) else { return };
        let is_astray = state == State::Astray;
        let before = std::mem::replace(&mut entry.state, state);
        self.beginning = self.beginning.saturating_sub(usize::from(before == State::Beginning));
        self.astray = self.astray.saturating_sub(usize::from(before == State::Astray));
        self.astray = self.astray.saturating_add(usize::from(is_astray));
    }

    /// Sees to it that what is wanted comes about.
    fn go_on(&mut self, kind: Subscription, name: &[u8], ready: bool) -> Option<Change> {
        let names = self.names(kind);
        let entry = names.get_mut(name)?;
        let on = match (entry.state, entry.wanted) {
            (State::Off | State::Refused | State::Astray, false) => {
                let was_astray = entry.state == State::Astray;
                names.remove(name);
                self.astray = self.astray.saturating_sub(usize::from(was_astray));
                return None;
            }
            (State::Off, true) if ready => true,
            (State::On, false) if ready => false,
            _ => return None,
        };
        entry.state = if on { State::Beginning } else { State::Ending };
        self.beginning = self.beginning.saturating_add(usize::from(on));
        Some(Change { kind, name: name.into(), on })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Subscription::{Channel, Pattern};

    fn sent(change: Option<Change>) -> Option<bool> {
        change.map(|change| change.on)
    }

    #[test]
    fn one_command_of_a_name_is_under_way() {
        let mut all = Subscriptions::default();
        assert_eq!(sent(all.want(Channel, b"a", true, false)), None);
        assert_eq!(all.begin().len(), 1);
        assert!(!all.are_settled());
        // No more, and then yes again: while the first command is not answered nothing else is sent.
        assert_eq!(sent(all.want(Channel, b"a", false, true)), None);
        assert_eq!(sent(all.want(Channel, b"a", true, true)), None);
        assert_eq!(sent(all.want(Channel, b"a", false, true)), None);
        assert_eq!(sent(all.confirm(Channel, b"a", true)), Some(false));
        assert!(all.are_settled());
        assert_eq!(sent(all.want(Channel, b"a", true, true)), None);
        assert_eq!(sent(all.confirm(Channel, b"a", false)), Some(true));
        assert_eq!(sent(all.confirm(Channel, b"a", true)), None);
        // The Redis ends it by itself.
        assert_eq!(sent(all.confirm(Channel, b"a", false)), Some(true));
        assert_eq!(sent(all.want(Channel, b"a", false, true)), None);
        assert_eq!(sent(all.confirm(Channel, b"a", true)), Some(false));
        assert_eq!(sent(all.confirm(Channel, b"a", false)), None);
        assert!(all.is_empty() && all.are_settled());
    }

    #[test]
    fn what_is_refused_is_asked_for_again_when_told_to() {
        let mut all = Subscriptions::default();
        assert_eq!(sent(all.want(Pattern, b"a", true, true)), Some(true));
        assert!(all.refuse(Pattern, b"a") && all.are_settled());
        assert_eq!(sent(all.want(Pattern, b"a", true, true)), None);
        assert_eq!(all.begin().len(), 0);
        assert_eq!(all.begin_refused().len(), 1);
        assert!(!all.refuse(Pattern, b"a"), "it is known");
        all.forget();
        assert_eq!(all.begin().len(), 1);
        assert!(all.refuse(Pattern, b"a"));
        assert_eq!(all.begin_refused().len(), 1);
        assert_eq!(sent(all.want(Pattern, b"a", false, true)), None);
        assert!(!all.refuse(Pattern, b"a"));
        assert!(all.is_empty());
    }

    #[test]
    fn what_belongs_elsewhere_is_not_settled_until_it_is_left_or_begun_again() {
        let mut all = Subscriptions::default();
        all.want(Channel, b"a", true, true);
        all.want(Channel, b"b", true, true);
        all.want(Channel, b"c", true, true);
        for name in [b"a", b"b"] {
            assert!(all.goes_astray(Channel, name));
        }
        all.want(Channel, b"c", false, true);
        assert!(!all.goes_astray(Channel, b"c"), "nobody wants it any more");
        assert!(!all.are_settled());
        assert_eq!(sent(all.want(Channel, b"a", false, true)), None);
        assert!(!all.are_settled());
        assert_eq!(all.begin_astray(), [Change { kind: Channel, name: (*b"b").into(), on: true }]);
        assert!(!all.are_settled());
        all.confirm(Channel, b"b", true);
        assert!(all.are_settled());
        all.goes_astray(Channel, b"b");
        all.forget();
        assert!(all.are_settled());
        assert_eq!(all.begin().len(), 1);
    }

    #[test]
    fn a_channel_and_a_pattern_of_one_name_are_two() {
        let mut all = Subscriptions::default();
        all.want(Channel, b"a", true, true);
        all.want(Pattern, b"a", true, true);
        all.confirm(Channel, b"a", true);
        assert!(!all.are_settled());
        all.confirm(Pattern, b"a", true);
        assert!(all.are_settled());
        all.want(Channel, b"a", false, true);
        all.forget();
        assert_eq!(all.begin(), [Change { kind: Pattern, name: (*b"a").into(), on: true }]);
        // Nobody has asked for these.
        all.confirm(Channel, b"x", true);
        assert!(!all.refuse(Channel, b"y"));
        assert!(!all.are_settled());
    }

    #[test]
    fn confirmations_are_known_by_their_names() {
        assert_eq!(Subscription::confirmed(b"psubscribe"), Some((Pattern, true)));
        assert_eq!(Subscription::confirmed(b"sunsubscribe"), Some((Subscription::Shard, false)));
        assert_eq!(Subscription::confirmed(b"message"), None);
    }
}

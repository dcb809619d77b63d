//! What a node of a cluster listens to: namespaces, and rooms with channels of their own. It must not look at what is heard.

use super::channels::{Channels, Content, Listened};
use super::redis::Subscription;
use super::store::Store;
use std::collections::{BTreeSet, HashMap};

/// All that a node listens to.
#[derive(Debug, Default)]
pub(super) struct Listening {
    namespaces: BTreeSet<Box<str>>,
    /// By what was subscribed to.
    channels: HashMap<Box<[u8]>, Channel>,
}

/// A channel, or a pattern of channels.
#[derive(Debug)]
pub(super) struct Channel {
    kind: Subscription,
    pub(super) namespace: Box<str>,
    pub(super) content: Content,
    /// What stands before the name of a room.
    pub(super) stem: usize,
    /// How many want it.
    wanted: usize,
}

impl Listening {
    /// The channel of this name, or the pattern. `None` if Redis has yet to hear that it is wanted no more.
    pub(super) fn channel(&self, name: &[u8]) -> Option<&Channel> {
        self.channels.get(name)
    }

    /// Whether there is a namespace of this name.
    pub(super) fn has_namespace(&self, name: &[u8]) -> bool {
        std::str::from_utf8(name).is_ok_and(|name| self.namespaces.contains(name))
    }

    /// There is a namespace of this name from now on.
    pub(super) fn namespace_made(&mut self, redis: &mut Store, channels: &Channels, namespace: &str) {
        if self.namespaces.insert(namespace.into()) {
            channels.of_namespace(namespace, |listened| self.begin(redis, channels, namespace, listened));
        }
    }

    /// The namespace is gone.
    pub(super) fn namespace_gone(&mut self, redis: &mut Store, channels: &Channels, namespace: &str) {
        if self.namespaces.remove(namespace) {
            channels.of_namespace(namespace, |listened| self.end(redis, &listened));
        }
    }

    /// Rooms have come, or gone: a namespace, a room, and whether it has come.
    pub(super) fn rooms_changed<'a>(
        &mut self,
        redis: &mut Store,
        channels: &Channels,
        changes: impl Iterator<Item = (&'a str, &'a str, bool)> + Clone,
    ) {
        // Those that come are first: a room that has gone and come in between is listened to all the time.
        for (namespace, room, _) in changes.clone().filter(|&(_, _, made)| made) {
            self.begin(redis, channels, namespace, channels.of_room(namespace, room));
        }
        for (namespace, room, _) in changes.filter(|&(_, _, made)| !made) {
            self.end(redis, &channels.of_room(namespace, room));
        }
    }

    /// Listens to channels in place of patterns.
    pub(super) fn leave_patterns(&mut self, redis: &mut Store, channels: &Channels) {
        let patterns: Vec<_> = self.channels.extract_if(|_, it| it.kind == Subscription::Pattern).collect();
        for (name, Channel { namespace, .. }) in patterns {
            redis.unsubscribe(Subscription::Pattern, &name);
            self.begin(redis, channels, &namespace, channels.of_all_rooms(&namespace));
        }
    }

    /// Listens to something, for one more who wants it.
    fn begin(&mut self, redis: &mut Store, channels: &Channels, namespace: &str, listened: Listened) {
        let Listened { kind, name, content } = listened;
        if let Some(channel) = self.channels.get_mut(name.as_bytes()) {
            channel.wanted = channel.wanted.saturating_add(1);
            return;
        }
        redis.subscribe(kind, name.as_bytes());
        let stem = channels.stem(content, namespace);
        let channel = Channel { kind, namespace: namespace.into(), content, stem, wanted: 1 };
        self.channels.insert(name.into_bytes().into(), channel);
    }

    /// One less wants it.
    fn end(&mut self, redis: &mut Store, Listened { kind, name, .. }: &Listened) {
        let Some(channel) = self.channels.get_mut(name.as_bytes()) else { return };
        channel.wanted = channel.wanted.saturating_sub(1);
        if channel.wanted == 0 {
            redis.unsubscribe(*kind, name.as_bytes());
            self.channels.remove(name.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::redis::RedisOptions;
    use crate::host::cluster::{Cluster, ClusterFormat, SubscriptionMode};

    /// What a Redis that has answered nothing is told to listen to at once.
    fn world(format: ClusterFormat, room_channels: bool) -> (Store, Channels, Listening) {
        let options = Cluster { format, room_channels, prefix: "p".into(), ..Cluster::default() };
        let redis = Store::new(&RedisOptions::parse("redis://").unwrap(), 1);
        (redis, Channels::new(&options).unwrap(), Listening::default())
    }

    fn names(listening: &Listening, own: &str) -> Vec<(Subscription, String)> {
        let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap().replace(own, "OWN");
        let mut names: Vec<_> =
            listening.channels.iter().map(|(name, channel)| (channel.kind, text(name))).collect();
        names.sort_by(|one, other| one.1.cmp(&other.1));
        names
    }

    #[test]
    fn each_format_listens_to_its_channels() {
        use Subscription::{Channel, Pattern, Shard};
        let sharded = ClusterFormat::Sharded(SubscriptionMode::Static);
        for (format, room_channels, expected) in [
            (
                ClusterFormat::PubSub,
                false,
                &[
                    (Pattern, "p#/a\\*#*"),
                    (Channel, "p-request#/a*#"),
                    (Channel, "p-response#/a*#"),
                    (Channel, "p-response#/a*#OWN#"),
                ][..],
            ),
            (
                ClusterFormat::PubSub,
                true,
                &[
                    (Channel, "p#/a*#"),
                    (Channel, "p-request#/a*#"),
                    (Channel, "p-response#/a*#"),
                    (Channel, "p-response#/a*#OWN#"),
                ],
            ),
            (sharded, false, &[(Shard, "p#/a*#"), (Shard, "p#/a*#OWN#")]),
            (ClusterFormat::Python, false, &[(Channel, "p")]),
        ] {
            let (mut redis, channels, mut listening) = world(format, room_channels);
            listening.namespace_made(&mut redis, &channels, "/a*");
            listening.namespace_made(&mut redis, &channels, "/a*");
            let expected: Vec<_> = expected.iter().map(|&(kind, name)| (kind, name.to_owned())).collect();
            assert_eq!(names(&listening, &channels.uid), expected, "{format:?}");
            listening.namespace_made(&mut redis, &channels, "/b");
            listening.namespace_gone(&mut redis, &channels, "/b");
            assert_eq!(
                names(&listening, &channels.uid),
                expected,
                "{format:?}: what two share stays for one"
            );
            listening.namespace_gone(&mut redis, &channels, "/a*");
            listening.namespace_gone(&mut redis, &channels, "/never");
            assert_eq!(names(&listening, &channels.uid), []);
            assert!(redis.bus().next_timeout().is_some());
        }
    }

    #[test]
    fn a_room_is_listened_to_as_long_as_somebody_has_it() {
        let (mut redis, channels, mut listening) =
            world(ClusterFormat::Sharded(SubscriptionMode::Dynamic), false);
        let mut change = |changes: &[(&str, bool)]| {
            listening.rooms_changed(
                &mut redis,
                &channels,
                changes.iter().map(|&(room, made)| ("/", room, made)),
            );
            names(&listening, "OWN").into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(change(&[("r", true), ("s", true)]), ["p#/#r#", "p#/#s#"]);
        assert_eq!(change(&[("r", true), ("s", false)]), ["p#/#r#"], "of two cores");
        assert_eq!(change(&[("r", false)]), ["p#/#r#"]);
        // It goes and comes in one step, as when its last member moves on.
        assert_eq!(change(&[("r", false), ("r", true)]), ["p#/#r#"]);
        assert_eq!(change(&[("r", false), ("r", false)]), [""; 0]);
    }
}

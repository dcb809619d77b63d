//! What one server of a Redis Cluster does not take, since it belongs to another or the cluster cannot have it now. It must not know
//! which server that is.

use super::Redis;
use super::connection::{Awaited, Connection, State};
use super::post::Post;
use super::subscriptions::Change;
use crate::base::Millis;
use crate::engine::bus::Endpoint;

/// What has become of what a server did not take.
#[derive(Debug)]
pub(crate) enum Astray {
    /// It has not taken something.
    Left {
        /// What was to be published, if it was that, and is kept.
        post: Option<Post>,
        /// The slot, and to which server it belongs; an empty host is that of the one who says so.
        to: Option<(u16, Endpoint)>,
        /// In its own words.
        why: String,
    },
    /// It has taken the command of this number and lane, although it did not take one before it.
    Overtaken { lane: u16, number: u64 },
}

/// Whether an error means that somebody else would take it, or the same one later.
pub(super) fn is_astray(error: &str) -> bool {
    let code = error.split(' ').next().unwrap_or_default();
    matches!(code, "MOVED" | "ASK" | "CLUSTERDOWN" | "TRYAGAIN")
}

/// What `MOVED 3999 127.0.0.1:6381` says. Whoever answers with `ASK` still has the slot, and keeps what is new of it soon no more.
fn moved(error: &str) -> Option<(u16, Endpoint)> {
    let (slot, place) = error.strip_prefix("MOVED ")?.split_once(' ')?;
    let (host, port) = place.trim_end().rsplit_once(':')?;
    Some((slot.parse().ok()?, Endpoint::Tcp(host.to_owned(), port.parse().ok()?)))
}

impl Redis {
    /// Whether an answer says that something belongs elsewhere.
    pub(super) fn is_elsewhere(&self, why: &str) -> bool {
        self.options.is_part && is_astray(why)
    }

    /// A server has not taken something.
    pub(super) fn goes_astray(&mut self, post: Option<Post>, why: String) {
        if let Some(post) = &post {
            // It is not carried out, and will be counted where it is.
            self.counters.published = self.counters.published.saturating_sub(1);
            self.lanes_astray.insert(post.lane);
        }
        self.astray.push_back(Astray::Left { post, to: moved(&why), why });
    }

    /// A command has been carried out. If one before it came back, that one comes too late.
    pub(super) fn carried_out(&mut self, post: &Post) {
        if self.lanes_astray.remove(&post.lane) {
            self.astray.push_back(Astray::Overtaken { lane: post.lane, number: post.number });
        }
    }

    /// The next thing of that.
    pub(crate) fn take_astray(&mut self) -> Option<Astray> {
        self.astray.pop_front()
    }

    /// A server ends a subscription by itself, or does not begin it: it belongs to another one.
    pub(super) fn subscription_astray(&mut self, change: &Change, why: String) {
        if !change.on {
            // What cannot be ended is not there.
            self.subscriptions.confirm(change.kind, &change.name, false);
        } else if self.subscriptions.goes_astray(change.kind, &change.name) {
            self.fall(&why);
            self.goes_astray(None, why);
        }
        self.come_up();
    }

    /// Those that belonged elsewhere may belong here by now.
    pub(crate) fn subscribe_astray(&mut self) {
        if self.listener.is_ready() {
            for change in self.subscriptions.begin_astray() {
                self.send_change(change);
            }
        }
    }

    /// Publishes what is to be brought elsewhere if it does not belong here. Only where it is [ready](Self::takes_posts).
    pub(crate) fn hand_over(&mut self, post: Post) {
        self.counters.published = self.counters.published.saturating_add(1);
        self.commands.post_and_keep(post);
    }

    /// Whether commands can be sent, and there is room for them. `None` if there is no connection.
    pub(crate) fn takes_posts(&self) -> Option<bool> {
        self.commands.is_ready().then(|| self.commands.output().len() < super::MAX_OUTPUT)
    }

    /// What was published and is not answered: each that is kept, and `None` for others.
    pub(crate) fn posted(&self) -> impl Iterator<Item = Option<&Post>> {
        self.commands.awaited.iter().filter_map(|awaited| match awaited {
            Awaited::Kept(post) => Some(Some(post)),
            Awaited::Posts(_) => Some(None),
            _ => None,
        })
    }

    /// Does not open a connection for commands before this.
    pub(crate) fn open_later(&mut self, due: Millis) {
        self.commands.state = State::Waiting(due);
    }

    /// Reads a stream on behind this entry, or from now on.
    pub(crate) fn read_stream_behind(&mut self, name: &[u8], position: Option<Box<[u8]>>) {
        self.streams.add(name, position);
    }

    /// Reads a stream no more. The entry behind which it is to be read on.
    pub(crate) fn leave_stream(&mut self, name: &[u8]) -> Option<Box<[u8]>> {
        let position = self.streams.remove(name);
        if self.streams.is_empty() {
            self.reader = Connection::new(&self.options);
            self.reader.hang_up = true;
            self.come_up();
        }
        position
    }

    /// It is not up any more, or for another reason.
    pub(super) fn fall(&mut self, why: &str) {
        self.standing.fall(why, self.now, &mut self.told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_others() {
        for error in ["MOVED 1 a:1", "ASK 1 a:1", "CLUSTERDOWN Hash slot not served", "TRYAGAIN"] {
            assert!(is_astray(error), "{error}");
        }
        for error in ["ERR MOVED", "NOPERM", "", "MOVEDX"] {
            assert!(!is_astray(error), "{error}");
        }
        let place = |host: &str, port| Endpoint::Tcp(host.to_owned(), port);
        for (error, expected) in [
            ("MOVED 3999 127.0.0.1:6381", Some((3999, place("127.0.0.1", 6381)))),
            ("MOVED 0 ::1:7", Some((0, place("::1", 7)))),
            ("MOVED 1 :7 ", Some((1, place("", 7)))),
            ("MOVED 1 h:x", None),
            ("MOVED 1 h", None),
            ("MOVED 99999 h:1", None),
            ("MOVED", None),
            ("ASK 1 h:1", None),
        ] {
            assert_eq!(moved(error), expected, "{error}");
        }
    }
}

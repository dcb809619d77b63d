//! Where the messages of each format go, how they are written there, and what is listened to for them. It must not send anything.

use super::redis::{Entry, Subscription, escape_glob};
use crate::base::errors::{Error, Result};
use crate::host::cluster::{Cluster, ClusterFormat, OwnChannels, SubscriptionMode};
use crate::wire::cluster::nodes::{self, Format};
use crate::wire::cluster::pubsub::{self, Purpose};
use crate::wire::cluster::{Heard, Malformed, Message, Untold, python};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::{self, Write};

/// What comes over a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    PubSub(Purpose),
    /// All kinds of messages of the sharded format, or of the streams format.
    Nodes,
    Python,
}

/// Something to listen to.
#[derive(Debug)]
pub(super) struct Listened {
    pub(super) kind: Subscription,
    pub(super) name: String,
    pub(super) content: Content,
}

/// How a message goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To a channel to which the others listen in this way.
    Channel(Subscription),
    /// To the stream, as a message of this type.
    Stream(u64),
}

/// The field of an entry that says which operation it comes from. Others pass it over.
pub(super) const TICKET: &[u8] = b"ticket";

/// The field of an entry that disconnects a socket, as its session is with the node that says so from now on. Whatever holds on to it lets
/// it go without a word to the others.
pub(super) const MOVED: &[u8] = b"moved";

/// Which operation an entry comes from: its number, and the core that has carried it out if that was one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) number: u64,
    pub(crate) core: Option<usize>,
}

impl Ticket {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (number, core) = text.split_once('@').map_or((text, None), |(number, core)| (number, Some(core)));
        Some(Self { number: number.parse().ok()?, core: core.map(str::parse).transpose().ok()? })
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.core {
            Some(core) => write!(f, "{}@{core}", self.number),
            None => self.number.fmt(f),
        }
    }
}

/// The channels of one node.
#[derive(Debug)]
pub(super) struct Channels {
    format: ClusterFormat,
    prefix: String,
    max_message: usize,
    /// In place of a pattern, which a Redis may not allow.
    room_channels: bool,
    /// What the others know this node by.
    pub(super) uid: String,
}

impl Channels {
    /// # Errors
    /// [`Error::NoEntropy`].
    pub(super) fn new(options: &Cluster) -> Result<Self> {
        let uid = if options.write_only { "emitter".into() } else { random_uid(options.format)? };
        let default = if options.format == ClusterFormat::Python { "socketio" } else { "socket.io" };
        Ok(Self {
            format: options.format,
            prefix: if options.prefix.is_empty() { default.into() } else { options.prefix.clone() },
            max_message: options.max_message,
            room_channels: options.room_channels,
            uid,
        })
    }

    /// Calls `each` with all that is listened to for a namespace.
    pub(super) fn of_namespace(&self, namespace: &str, mut each: impl FnMut(Listened)) {
        match self.format {
            ClusterFormat::PubSub => {
                each(self.of_all_rooms(namespace));
                let mut listen = |name, purpose| {
                    each(Listened { kind: Subscription::Channel, name, content: Content::PubSub(purpose) })
                };
                for purpose in [Purpose::Requests, Purpose::Responses] {
                    listen(self.channel(purpose, namespace), purpose);
                }
                listen(self.channel_of(Purpose::Responses, namespace, &self.uid), Purpose::Responses);
            }
            ClusterFormat::Sharded(_) => {
                let mut listen =
                    |name| each(Listened { kind: Subscription::Shard, name, content: Content::Nodes });
                listen(self.channel(Purpose::Broadcasts, namespace));
                listen(self.channel_of(Purpose::Broadcasts, namespace, &self.uid));
            }
            ClusterFormat::Streams => {
                let mut listen =
                    |name| each(Listened { kind: Subscription::Channel, name, content: Content::Nodes });
                listen(self.channel(Purpose::Broadcasts, namespace));
                listen(self.channel_of(Purpose::Broadcasts, namespace, &self.uid));
            }
            ClusterFormat::Python => {
                let (kind, name) = (Subscription::Channel, self.prefix.clone());
                each(Listened { kind, name, content: Content::Python });
            }
        }
    }

    /// What is listened to for the broadcasts of the pub/sub format, but for those of rooms with channels of their own.
    pub(super) fn of_all_rooms(&self, namespace: &str) -> Listened {
        let name = self.channel(Purpose::Broadcasts, namespace);
        let (kind, name) = if self.room_channels {
            (Subscription::Channel, name)
        } else {
            (Subscription::Pattern, escape_glob(&name) + "*")
        };
        Listened { kind, name, content: Content::PubSub(Purpose::Broadcasts) }
    }

    /// Which rooms have channels of their own.
    pub(super) fn own_channels(&self) -> OwnChannels {
        match self.format {
            ClusterFormat::PubSub if self.room_channels => OwnChannels::RoomsAndSockets,
            ClusterFormat::Sharded(SubscriptionMode::Dynamic) => OwnChannels::Rooms,
            ClusterFormat::Sharded(SubscriptionMode::DynamicPrivate) => OwnChannels::RoomsAndSockets,
            _ => OwnChannels::None,
        }
    }

    /// What is listened to for a room that has a channel of its own.
    pub(super) fn of_room(&self, namespace: &str, room: &str) -> Listened {
        let name = self.channel_of(Purpose::Broadcasts, namespace, room);
        match self.format {
            ClusterFormat::PubSub => {
                let content = Content::PubSub(Purpose::Broadcasts);
                Listened { kind: Subscription::Channel, name, content }
            }
            _ => Listened { kind: Subscription::Shard, name, content: Content::Nodes },
        }
    }

    /// From now on each room has a channel of its own, in place of the pattern that `refused` is. False if it is none.
    pub(super) fn give_rooms_channels(&mut self, refused: Subscription) -> bool {
        let can = refused == Subscription::Pattern;
        self.room_channels |= can;
        can
    }

    /// How long the name of a channel is before that of a room.
    pub(super) fn stem(&self, content: Content, namespace: &str) -> usize {
        match content {
            Content::PubSub(purpose) => self.channel(purpose, namespace).len(),
            Content::Nodes | Content::Python => 0,
        }
    }

    /// How Redis is asked how many nodes listen to a namespace. `None` where it does not know.
    pub(super) fn count(&self, namespace: &str) -> Option<[Vec<u8>; 3]> {
        let (how, channel) = match self.format {
            ClusterFormat::PubSub => ("NUMSUB", self.channel(Purpose::Requests, namespace)),
            ClusterFormat::Streams => ("NUMSUB", self.channel(Purpose::Broadcasts, namespace)),
            ClusterFormat::Sharded(_) => ("SHARDNUMSUB", self.channel(Purpose::Broadcasts, namespace)),
            ClusterFormat::Python => return None,
        };
        Some([b"PUBSUB".into(), how.into(), channel.into()])
    }

    /// Writes a message about a namespace, and the name of the channel or the stream that it goes to.
    ///
    /// # Errors
    /// [`Untold`] if the format has no such message, or it would be too long.
    pub(super) fn write(
        &self,
        name: &mut String,
        payload: &mut Vec<u8>,
        namespace: &str,
        message: &Message<'_>,
    ) -> std::result::Result<Way, Untold> {
        let Self { prefix, uid, max_message: max, .. } = self;
        match self.format {
            ClusterFormat::PubSub => {
                match message {
                    // Nodes that have nobody in its one room need not read the rest.
                    Message::Broadcast { opts, request: None, .. } if opts.rooms.len() == 1 => {
                        let room = opts.rooms.first().map_or("", |room| room);
                        pubsub::channel_of(name, prefix, Purpose::Broadcasts, namespace, room);
                    }
                    _ => pubsub::channel(name, prefix, pubsub::purpose(message), namespace),
                }
                pubsub::encode(payload, uid, namespace, message, *max)?;
                Ok(Way::Channel(Subscription::Channel))
            }
            ClusterFormat::Sharded(mode) => {
                pubsub::channel(name, prefix, Purpose::Broadcasts, namespace);
                let room = match mode {
                    SubscriptionMode::Static => None,
                    SubscriptionMode::Dynamic => nodes::room_channel(message, false),
                    SubscriptionMode::DynamicPrivate => nodes::room_channel(message, true),
                };
                if let Some(of) = room.or_else(|| nodes::asker(message)) {
                    name.extend([of, "#"]);
                }
                nodes::encode(payload, Format::Sharded, uid, namespace, message, *max)?;
                Ok(Way::Channel(Subscription::Shard))
            }
            ClusterFormat::Streams if nodes::goes_to_stream(message) => {
                name.push_str(prefix);
                nodes::encode_entry(payload, message, *max).map(Way::Stream)
            }
            ClusterFormat::Streams => {
                pubsub::channel(name, prefix, Purpose::Broadcasts, namespace);
                if let Some(asker) = nodes::asker(message) {
                    name.extend([asker, "#"]);
                }
                nodes::encode(payload, Format::Streams, uid, namespace, message, *max)?;
                Ok(Way::Channel(Subscription::Channel))
            }
            ClusterFormat::Python => {
                name.push_str(prefix);
                python::encode(payload, uid, namespace, message, *max)?;
                Ok(Way::Channel(Subscription::Channel))
            }
        }
    }

    /// The messages that say in this format what one says in others.
    pub(super) fn each(&self, message: &Message<'_>, mut say: impl FnMut(&Message<'_>)) {
        match self.format {
            ClusterFormat::Python => python::each(message, say),
            _ => say(message),
        }
    }

    /// What came over a subscription, which may be that of one `namespace`. `None` if it is not for this node.
    pub(super) fn read<'a>(
        &self,
        content: Content,
        payload: &'a [u8],
        namespace: &'a str,
    ) -> std::result::Result<Option<Heard<'a>>, Malformed> {
        let own = match content {
            Content::PubSub(_) => begins_as_of(payload, &self.uid),
            Content::Nodes => ends_as_of(payload, &self.uid, namespace),
            Content::Python => false,
        };
        if own {
            return Ok(None);
        }
        let heard = match content {
            Content::PubSub(Purpose::Broadcasts) => pubsub::decode_broadcast(payload)?,
            Content::PubSub(Purpose::Requests) => pubsub::decode_request(payload, namespace)?,
            Content::PubSub(Purpose::Responses) => pubsub::decode_response(payload, namespace)?,
            Content::Nodes => {
                let mut heard = nodes::decode(payload)?;
                nodes::keep_asker(&mut heard);
                heard
            }
            // Its one channel is that of all namespaces.
            Content::Python => return python::decode(payload, &self.uid),
        };
        let is_own = heard.from.as_deref() == Some(&*self.uid);
        Ok((heard.namespace == namespace && !is_own).then_some(heard))
    }

    /// What an entry of the stream says, whoever has left it there. `scratch` may hold it.
    pub(super) fn decode_entry<'a>(
        &self,
        entry: &'a Entry,
        scratch: &'a mut Vec<u8>,
    ) -> std::result::Result<Heard<'a>, Malformed> {
        let field = |name: &[u8]| entry.field(name);
        let uid = field(b"uid").ok_or(Malformed)?;
        let (nsp, kind) = (field(b"nsp").ok_or(Malformed)?, field(b"type").ok_or(Malformed)?);
        nodes::decode_entry(uid, nsp, kind, field(b"data"), scratch)
    }

    /// The ticket of an entry, if it is this node's own and has one: by that who has left it knows it again.
    pub(super) fn is_own(&self, entry: &Entry) -> Option<Option<Ticket>> {
        let own = entry.field(b"uid") == Some(self.uid.as_bytes());
        own.then(|| entry.field(TICKET).and_then(Ticket::parse))
    }

    /// The stream that is read, if the format has one.
    pub(super) fn stream(&self) -> Option<&str> {
        (self.format == ClusterFormat::Streams).then_some(&self.prefix)
    }

    fn channel(&self, purpose: Purpose, namespace: &str) -> String {
        let mut name = String::new();
        pubsub::channel(&mut name, &self.prefix, purpose, namespace);
        name
    }

    fn channel_of(&self, purpose: Purpose, namespace: &str, of: &str) -> String {
        let mut name = String::new();
        pubsub::channel_of(&mut name, &self.prefix, purpose, namespace, of);
        name
    }
}

/// Whether a message of the pub/sub format is of the node with this uid. Redis returns to each node what it has said itself: that need
/// not be read to its end.
fn begins_as_of(message: &[u8], uid: &str) -> bool {
    let (length, rest) = match message {
        // JSON; a list in msgpack, and the head of a text; an object, its first key, and such a head.
        [b'{', b'"', b'u', b'i', b'd', b'"', b':', b'"', rest @ ..] => {
            (rest.iter().position(|&byte| byte == b'"'), rest)
        }
        [0x93, head @ 0xa0..=0xbf, rest @ ..]
        | [0x81..=0x8f, 0xa3, b'u', b'i', b'd', head @ 0xa0..=0xbf, rest @ ..] => {
            (Some(usize::from(head & 0x1f)), rest)
        }
        _ => return false,
    };
    length == Some(uid.len()) && rest.starts_with(uid.as_bytes())
}

/// The same for the other formats, as they write it where there are no attachments.
fn ends_as_of(message: &[u8], uid: &str, namespace: &str) -> bool {
    let tail = [b"\"uid\":\"", uid.as_bytes(), b"\",\"nsp\":\"", namespace.as_bytes(), b"\"}"];
    let rest = tail.iter().rev().try_fold(message, |rest, part| rest.strip_suffix(*part));
    rest.is_some()
}

/// What other nodes know one by: as long, and of such characters, as those of its format are.
fn random_uid(format: ClusterFormat) -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Error::NoEntropy)?;
    let (short, middle) = (random.get(..4).unwrap_or_default(), random.get(..8).unwrap_or_default());
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    Ok(match format {
        ClusterFormat::PubSub => URL_SAFE_NO_PAD.encode(short),
        ClusterFormat::Sharded(_) | ClusterFormat::Streams => hex(middle),
        ClusterFormat::Python => hex(&random),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::cluster::{Flags, Opts, Packet};

    #[test]
    fn what_a_node_has_said_itself_is_known_by_its_beginning() {
        let opts = || Opts { rooms: vec!["r".into()], except: Vec::new(), flags: Flags::default() };
        let packet = |attachments| Packet { name: "e".into(), args: "[1]".into(), attachments };
        let messages = [
            Message::Broadcast { packet: packet(vec![]), opts: opts(), request: None },
            Message::Broadcast { packet: packet(vec![]), opts: opts(), request: Some("q".into()) },
            Message::Join { opts: opts(), rooms: vec!["s".into()] },
        ];
        for format in [ClusterFormat::PubSub, ClusterFormat::Sharded(SubscriptionMode::Dynamic)] {
            let options = Cluster { format, ..Cluster::default() };
            let (own, other) = (Channels::new(&options).unwrap(), Channels::new(&options).unwrap());
            for message in &messages {
                let (mut name, mut payload) = Default::default();
                own.write(&mut name, &mut payload, "/", message).unwrap();
                let is_of = |uid: &str, bytes: &[u8]| match format {
                    ClusterFormat::PubSub => begins_as_of(bytes, uid),
                    _ => ends_as_of(bytes, uid, "/"),
                };
                assert!(is_of(&own.uid, &payload), "{message:?}");
                assert!(!is_of(&other.uid, &payload), "{message:?}");
                assert!(!is_of(&own.uid[1..], &payload) && !is_of("", &payload));
                assert!((0..8).all(|length| !is_of(&own.uid, &payload[..length])));
            }
        }
    }
}

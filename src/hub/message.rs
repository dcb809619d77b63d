//! What an emit takes: whom it reaches, what it says, how it may be delivered. Plain values; nothing here remembers.

use crate::base::ids::{NamespaceId, SocketId};
use crate::route::{self, Selection, Whom};

/// Whom an emit reaches: a union of rooms and sockets, or a whole namespace, minus rooms and sockets. A union of nothing
/// is nobody.
///
/// ```
/// # use roomcast::{Core, Message, NamespaceId, Result, SocketId, Target};
/// # fn example(broker: &mut Core, ns: NamespaceId, sender: SocketId) -> Result<()> {
/// broker.emit(Target::rooms(ns, &["lobby"]).except(&[sender]), Message::new("hello", "[]"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub(crate) namespace: NamespaceId,
    pub(crate) whom: Whom<&'a [&'a str], &'a [SocketId]>,
    pub(crate) except_rooms: &'a [&'a str],
    pub(crate) except: &'a [SocketId],
}

impl<'a> Target<'a> {
    /// Every socket of a namespace.
    pub const fn all(namespace: NamespaceId) -> Self {
        Self { namespace, whom: Whom::Everyone, except_rooms: &[], except: &[] }
    }

    /// The sockets that are in any of these rooms, each once. A socket's id is a room of its own.
    pub const fn rooms(namespace: NamespaceId, rooms: &'a [&'a str]) -> Self {
        Self::union(namespace, rooms, &[])
    }

    /// These sockets of a namespace; those that are gone or belong elsewhere are skipped.
    pub const fn sockets(namespace: NamespaceId, sockets: &'a [SocketId]) -> Self {
        Self::union(namespace, &[], sockets)
    }

    /// The members of these rooms, and these sockets, each once.
    pub const fn union(namespace: NamespaceId, rooms: &'a [&'a str], sockets: &'a [SocketId]) -> Self {
        Self { whom: Whom::Some { rooms, members: sockets }, ..Self::all(namespace) }
    }

    /// The same for the router; the members are those that sockets and own rooms stand for.
    pub(super) fn selection<'s>(
        &'s self,
        ns: route::Namespace,
        members: &'s [route::Member],
        except_members: &'s [route::Member],
    ) -> Selection<'s> {
        let whom = match self.whom {
            Whom::Everyone => Whom::Everyone,
            Whom::Some { rooms, .. } => Whom::Some { rooms, members },
        };
        Selection { ns, whom, except_rooms: self.except_rooms, except_members }
    }

    /// The same without these sockets, for example the sender.
    pub const fn except(self, sockets: &'a [SocketId]) -> Self {
        Self { except: sockets, ..self }
    }

    /// The same without the members of these rooms.
    pub const fn except_rooms(self, rooms: &'a [&'a str]) -> Self {
        Self { except_rooms: rooms, ..self }
    }
}

/// What may become of a message when a client does not keep up. The broker counts whatever it drops, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Queued up to `Limits::max_backlog`, past which the connection is closed as a slow consumer.
    #[default]
    Reliable,
    /// Skipped for a connection whose earlier output the kernel, or a poll, has not taken yet.
    Volatile,
    /// At most one unsent message of this key waits for a connection in this namespace: the newest. It always arrives:
    /// a key that is new to a full backlog closes the connection as a slow consumer.
    Latest(u64),
    /// Queued up to the bound; then the oldest message of this class goes.
    DropOldest,
}

/// Makes what a message may be asked for besides its delivery, on or off, of the list of that: a method that asks for it, whether it was
/// asked for, and the table of which C, C++ and Python have it (`make header`).
macro_rules! options {
    ($(#[doc = $doc:literal] $ask:ident, $is_asked:ident = $bit:literal;)+) => {
        impl Message<'_> {
            /// For `make header`: the name of each option, its bit, and what it does.
            #[doc(hidden)]
            pub const OPTIONS: &'static [(&'static str, u32, &'static str)] = &[$((stringify!($ask), $bit, $doc)),+];

            $(#[doc = $doc]
            pub const fn $ask(self) -> Self {
                Self { options: self.options | $bit, ..self }
            }

            pub(crate) const fn $is_asked(&self) -> bool {
                self.options & $bit != 0
            })+
        }
    };
}

options! {
    /// In a cluster it is for the sockets of this node alone.
    local, is_local = 1;
    /// It is sent as it is to clients that take compressed messages, for example as a secret stands in it beside what others wrote.
    uncompressed, is_uncompressed = 2;
}

/// An event to emit: its name, its arguments, its attachments, its delivery.
///
/// ```
/// # use roomcast::Message;
/// let message = Message::new("chat", r#"["hello", 1]"#).volatile();
/// # let _ = message;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub(crate) name: &'a str,
    pub(crate) args: &'a str,
    pub(crate) attachments: &'a [&'a [u8]],
    pub(crate) delivery: Delivery,
    /// Bits of those that are on.
    pub(crate) options: u32,
    /// The arguments [were checked](Self::checked) where they were read.
    pub(crate) is_checked: bool,
}

impl<'a> Message<'a> {
    /// `args` is the JSON array of the arguments; `"[]"` for none. It is checked when it is emitted.
    pub const fn new(name: &'a str, args: &'a str) -> Self {
        Self { name, args, attachments: &[], delivery: Delivery::Reliable, options: 0, is_checked: false }
    }

    /// The same with binary attachments: the arguments hold `{"_placeholder":true,"num":N}` where the attachment of
    /// that number belongs.
    pub const fn attach(self, attachments: &'a [&'a [u8]]) -> Self {
        Self { attachments, ..self }
    }

    /// The same with this delivery class.
    pub const fn delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// The same as [`Delivery::Volatile`].
    pub const fn volatile(self) -> Self {
        self.delivery(Delivery::Volatile)
    }

    /// The same as [`Delivery::Latest`].
    pub const fn latest(self, key: u64) -> Self {
        self.delivery(Delivery::Latest(key))
    }

    /// The same with these [options](Self::OPTIONS). `None` if one of them is none.
    #[cfg(feature = "capi")]
    pub(crate) fn with_options(self, options: u32) -> Option<Self> {
        let all = Self::OPTIONS.iter().fold(0, |all, &(_, bit, _)| all | bit);
        (options & !all == 0).then_some(Self { options, ..self })
    }

    /// The same with arguments that whoever has read them has checked: an array, as deep as
    /// [`MAX_DEPTH`](crate::wire::msgpack::MAX_DEPTH) at most.
    pub(crate) const fn checked(self) -> Self {
        Self { is_checked: true, ..self }
    }

    /// All but what it says, which borrows nothing.
    pub(crate) const fn manner(self) -> Message<'static> {
        Message { delivery: self.delivery, options: self.options, ..Message::new("", "") }
    }
}

/// What an emit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Sockets it was addressed to.
    pub recipients: usize,
    /// Of these, how many were skipped as the message is volatile and they had earlier output waiting.
    pub skipped: usize,
}

impl Receipt {
    /// Who got it.
    #[expect(clippy::arithmetic_side_effects, reason = "of the recipients")]
    pub(crate) fn reached(self) -> usize {
        self.recipients - self.skipped
    }

    /// What two loops did together.
    #[expect(clippy::arithmetic_side_effects, reason = "numbers of sockets in memory")]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { recipients: self.recipients + other.recipients, skipped: self.skipped + other.skipped }
    }
}

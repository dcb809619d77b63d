//! What operations are given: as a host lends it, as it is kept for another thread, and as it stands on one loop. It must not
//! change what is meant.

use super::{Handles, Loops};
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, NamespaceId, SocketId};
use crate::broker::Core;
use crate::broker::pages::Resource;
use crate::hub::message::{Message, Target};
use crate::hub::namespaces::{NamespaceOptions, PatternOptions};
use crate::route::Whom;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// An argument's type in a call, by its kind.
macro_rules! lent {
    (AckNumber) => { u64 };
    (Args) => { &str };
    (Blobs) => { &[&[u8]] };
    (Bytes) => { &[u8] };
    (Conn) => { ConnId };
    (Flag) => { bool };
    (MaybeText) => { Option<&str> };
    (Message) => { $crate::hub::message::Message<'_> };
    (Namespace) => { $crate::base::ids::NamespaceId };
    (NamespaceOptions) => { $crate::hub::namespaces::NamespaceOptions };
    (Number) => { u64 };
    (Pace) => { u32 };
    (PatternOptions) => { $crate::hub::namespaces::PatternOptions };
    (Resource) => { $crate::broker::Resource };
    (Socket) => { SocketId };
    (Status) => { u16 };
    (Target) => { $crate::hub::message::Target<'_> };
    (Text) => { &str };
    (Texts) => { &[&str] };
    (Timeout) => { Option<$crate::base::Millis> };
}
pub(crate) use lent;

/// The type in which it is kept.
macro_rules! owned {
    (Args) => { String };
    (Blobs) => { Vec<Vec<u8>> };
    (Bytes) => { Vec<u8> };
    (MaybeText) => { Option<String> };
    (Message) => { $crate::broker::operations::arguments::OwnedMessage };
    (Pace) => { $crate::broker::operations::arguments::Pace };
    (Target) => { $crate::broker::operations::arguments::OwnedTarget };
    (Text) => { String };
    (Texts) => { Vec<String> };
    ($kind:ident) => { $crate::broker::operations::arguments::lent!($kind) };
}
pub(crate) use owned;

/// An argument as it is kept.
pub(crate) trait Argument {
    /// As calls take it.
    type Lent<'a>;
    /// As it stands on one loop.
    type Here<'a>
    where
        Self: 'a;

    fn own(lent: Self::Lent<'_>) -> Self;

    /// `None` if nothing of it is there.
    ///
    /// # Errors
    /// [`Error::Gone`] if it is nowhere.
    fn here<'a>(&'a self, core: &Core, handles: &mut impl Handles) -> Result<Option<Self::Here<'a>>>;

    fn lend<'a>(here: &'a Self::Here<'_>) -> Self::Lent<'a>;

    /// The loops that it is about.
    fn loops(&self) -> Loops {
        Loops::ALL
    }

    /// The namespace that it names.
    fn namespace(&self) -> Option<NamespaceId> {
        None
    }
}

/// Kinds that mean the same everywhere, and are copied.
macro_rules! copied {
    ($($kind:ty)*) => {$(
        impl Argument for $kind {
            type Lent<'a> = Self;
            type Here<'a> = Self;

            fn own(lent: Self) -> Self {
                lent
            }

            fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<Self>> {
                Ok(Some(*self))
            }

            fn lend(here: &Self) -> Self {
                *here
            }
        }
    )*};
}

copied! { bool u16 u64 Option<Millis> NamespaceOptions PatternOptions }

impl Argument for String {
    type Lent<'a> = &'a str;
    type Here<'a> = &'a str;

    fn own(lent: &str) -> Self {
        lent.to_owned()
    }

    fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<&str>> {
        Ok(Some(self))
    }

    fn lend<'a>(here: &'a Self::Here<'_>) -> &'a str {
        here
    }
}

impl Argument for Vec<u8> {
    type Lent<'a> = &'a [u8];
    type Here<'a> = &'a [u8];

    fn own(lent: &[u8]) -> Self {
        lent.to_owned()
    }

    fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<&[u8]>> {
        Ok(Some(self))
    }

    fn lend<'a>(here: &'a Self::Here<'_>) -> &'a [u8] {
        here
    }
}

impl Argument for Option<String> {
    type Lent<'a> = Option<&'a str>;
    type Here<'a> = Option<&'a str>;

    fn own(lent: Option<&str>) -> Self {
        lent.map(str::to_owned)
    }

    fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<Option<&str>>> {
        Ok(Some(self.as_deref()))
    }

    fn lend<'a>(here: &'a Self::Here<'_>) -> Option<&'a str> {
        *here
    }
}

impl Argument for Vec<String> {
    type Lent<'a> = &'a [&'a str];
    type Here<'a> = Vec<&'a str>;

    fn own(lent: &[&str]) -> Self {
        lent.iter().map(|&text| text.to_owned()).collect()
    }

    fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<Vec<&str>>> {
        Ok(Some(texts(self)))
    }

    fn lend<'a>(here: &'a Self::Here<'_>) -> &'a [&'a str] {
        here
    }
}

impl Argument for Vec<Vec<u8>> {
    type Lent<'a> = &'a [&'a [u8]];
    type Here<'a> = Vec<&'a [u8]>;

    fn own(lent: &[&[u8]]) -> Self {
        lent.iter().map(|bytes| bytes.to_vec()).collect()
    }

    fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<Vec<&[u8]>>> {
        Ok(Some(self.iter().map(Vec::as_slice).collect()))
    }

    fn lend<'a>(here: &'a Self::Here<'_>) -> &'a [&'a [u8]] {
        here
    }
}

fn texts(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

impl Argument for Resource {
    type Lent<'a> = Self;
    type Here<'a> = &'a Self;

    fn own(lent: Self) -> Self {
        lent
    }

    fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<&Self>> {
        Ok(Some(self))
    }

    fn lend(here: &&Self) -> Self {
        (*here).clone()
    }
}

/// Handles that say on which loop they live.
macro_rules! on_a_loop {
    ($($kind:ident: $find:ident)*) => {$(
        impl Argument for $kind {
            type Lent<'a> = Self;
            type Here<'a> = Self;

            fn own(lent: Self) -> Self {
                lent
            }

            fn here(&self, _: &Core, handles: &mut impl Handles) -> Result<Option<Self>> {
                handles.$find(*self).map(Some).ok_or(Error::Gone)
            }

            fn lend(here: &Self) -> Self {
                *here
            }

            fn loops(&self) -> Loops {
                Loops::one(self.loop_number())
            }
        }
    )*};
}

on_a_loop! { SocketId: socket ConnId: conn }

impl Argument for NamespaceId {
    type Lent<'a> = Self;
    type Here<'a> = Self;

    fn own(lent: Self) -> Self {
        lent
    }

    fn here(&self, core: &Core, handles: &mut impl Handles) -> Result<Option<Self>> {
        handles.namespace(core, *self)
    }

    fn lend(here: &Self) -> Self {
        *here
    }

    fn namespace(&self) -> Option<NamespaceId> {
        Some(*self)
    }
}

/// How many a second, of all loops together.
#[derive(Debug)]
pub(crate) struct Pace {
    pub(crate) total: u32,
    /// The loops that have come to the end of what this is the pace of.
    pub(crate) done: Arc<AtomicU64>,
}

impl Argument for Pace {
    type Lent<'a> = u32;
    type Here<'a> = u32;

    fn own(total: u32) -> Self {
        Self { total, done: Arc::default() }
    }

    fn here(&self, core: &Core, handles: &mut impl Handles) -> Result<Option<u32>> {
        Ok(Some(handles.share(core, self)))
    }

    fn lend(here: &u32) -> u32 {
        *here
    }
}

/// A message that owns what it says.
#[derive(Debug)]
pub(crate) struct OwnedMessage {
    name: String,
    args: String,
    attachments: Vec<Vec<u8>>,
    manner: Message<'static>,
}

impl Argument for OwnedMessage {
    type Lent<'a> = Message<'a>;
    type Here<'a> = (&'a Self, Vec<&'a [u8]>);

    fn own(lent: Message<'_>) -> Self {
        Self {
            name: String::own(lent.name),
            args: String::own(lent.args),
            attachments: Argument::own(lent.attachments),
            manner: lent.manner(),
        }
    }

    fn here(&self, _: &Core, _: &mut impl Handles) -> Result<Option<(&Self, Vec<&[u8]>)>> {
        Ok(Some((self, self.attachments.iter().map(Vec::as_slice).collect())))
    }

    fn lend<'a>((message, attachments): &'a Self::Here<'_>) -> Message<'a> {
        Message { name: &message.name, args: &message.args, attachments, ..message.manner }
    }
}

/// A [`Target`] that owns what it names.
#[derive(Clone, Debug)]
pub(crate) struct OwnedTarget {
    namespace: NamespaceId,
    whom: Whom<Vec<String>, Vec<SocketId>>,
    except_rooms: Vec<String>,
    except: Vec<SocketId>,
}

/// The part of a target that is on one loop.
pub(crate) struct TargetHere<'a> {
    namespace: NamespaceId,
    whom: Whom<Vec<&'a str>, Vec<SocketId>>,
    except_rooms: Vec<&'a str>,
    except: Vec<SocketId>,
}

impl Argument for OwnedTarget {
    type Lent<'a> = Target<'a>;
    type Here<'a> = TargetHere<'a>;

    fn own(lent: Target<'_>) -> Self {
        Self {
            namespace: lent.namespace,
            whom: match lent.whom {
                Whom::Everyone => Whom::Everyone,
                Whom::Some { rooms, members } => {
                    Whom::Some { rooms: Argument::own(rooms), members: members.to_vec() }
                }
            },
            except_rooms: Argument::own(lent.except_rooms),
            except: lent.except.to_vec(),
        }
    }

    fn here(&self, core: &Core, handles: &mut impl Handles) -> Result<Option<TargetHere<'_>>> {
        let Some(namespace) = handles.namespace(core, self.namespace)? else { return Ok(None) };
        let here = |sockets: &[SocketId]| -> Vec<SocketId> {
            sockets.iter().filter_map(|&socket| handles.socket(socket)).collect()
        };
        let whom = match &self.whom {
            Whom::Everyone => Whom::Everyone,
            Whom::Some { rooms, members } => Whom::Some { rooms: texts(rooms), members: here(members) },
        };
        Ok(Some(TargetHere {
            namespace,
            whom,
            except_rooms: texts(&self.except_rooms),
            except: here(&self.except),
        }))
    }

    fn lend<'a>(here: &'a TargetHere<'_>) -> Target<'a> {
        let target = match &here.whom {
            Whom::Everyone => Target::all(here.namespace),
            Whom::Some { rooms, members } => Target::union(here.namespace, rooms, members),
        };
        target.except_rooms(&here.except_rooms).except(&here.except)
    }

    /// Those on which it may find somebody.
    fn loops(&self) -> Loops {
        match &self.whom {
            Whom::Some { rooms, members } if rooms.is_empty() => {
                members.iter().map(Argument::loops).reduce(Loops::and).unwrap_or(Loops::ALL)
            }
            _ => Loops::ALL,
        }
    }

    fn namespace(&self) -> Option<NamespaceId> {
        Some(self.namespace)
    }
}

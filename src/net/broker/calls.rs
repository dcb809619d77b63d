//! Everything a host can say to sockets and rooms, or ask about them: the table of operations as calls. It must not decide anything: the
//! core does, or the loops.

use super::{Broker, Driver};
use crate::base::errors::Result;
use crate::base::ids::{AckId, ConnId, NamespaceId, SocketId};
use crate::broker::Core;
use crate::broker::operations::arguments::lent;
use crate::broker::operations::{self, operations};
use crate::host::config::Config;
use crate::host::handshake::Handshake;
use crate::host::metrics::Metrics;
use crate::host::stats::Stats;
use crate::hub::message::Receipt;
use crate::net::shard::Shard;
use std::borrow::Cow;

/// One of two iterators over the same things.
enum Either<A, B> {
    One(A),
    Other(B),
}

impl<T, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Either<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            Either::One(one) => one.next(),
            Either::Other(other) => other.next(),
        }
    }
}

/// Where every change on the host's own loop passes: here the tick ends early when its output grows too large, and a foreign
/// loop learns that there will be something to send.
fn changing(shard: &mut Shard) -> &mut Core {
    shard.flush_if_due();
    if !shard.core.config().quiet_descriptor {
        shard.io.arm();
    }
    &mut shard.core
}

/// Answers by their shape: their type in a call, and how they come from the core (`near`) or from loops on threads (`far`).
macro_rules! answer {
    (type done) => { Result<()> };
    (type result($answer:ty)) => { Result<$answer> };
    (type sure($answer:ty)) => { $answer };
    (type each($answer:ty)) => { Result<impl Iterator<Item = $answer> + use<'_>> };
    (type texts) => { Result<impl Iterator<Item = Cow<'_, str>>> };
    (type text) => { Result<Cow<'_, str>> };
    (type handshake) => { Result<Handshake<'_>> };
    (type asked) => { Result<(Receipt, Option<AckId>)> };

    (near each $answer:expr) => { $answer.map(Either::One) };
    (near texts $answer:expr) => { $answer.map(|texts| Either::One(texts.map(Cow::Borrowed))) };
    (near text $answer:expr) => { $answer.map(Cow::Borrowed) };
    (near $shape:ident $answer:expr) => { $answer };

    (far sure $answer:expr, $threads:ident) => { $answer.unwrap_or_default() };
    (far each $answer:expr, $threads:ident) => { $answer.map(|all| Either::Other(all.into_iter())) };
    (far texts $answer:expr, $threads:ident) => { $answer.map(|all| Either::Other(all.into_iter().map(Cow::Owned))) };
    (far text $answer:expr, $threads:ident) => { $answer.map(Cow::Owned) };
    (far handshake $answer:expr, $threads:ident) => {
        $answer.map(|origin| Handshake::new(Cow::Owned(origin), &$threads.config.limits))
    };
    (far asked $answer:expr, $threads:ident) => { $answer.map(|asked| $threads.asked(asked)) };
    (far $shape:ident $answer:expr, $threads:ident) => { $answer };
}

/// The same for orders. What loops on threads will make of one is not known when the call returns.
macro_rules! outcome {
    (type result($answer:ty)) => { Result<Option<$answer>> };
    (type $shape:ident$(($answer:ty))?) => { answer!(type $shape$(($answer))?) };

    (near result $answer:expr) => { $answer.map(Some) };
    (near $shape:ident $answer:expr) => { $answer };

    (far result $queued:expr) => { $queued.map(|()| None) };
    (far sure $queued:expr) => { $queued.unwrap_or_default() };
    (far $shape:ident $queued:expr) => { $queued };
}

/// One row of the table as a call, by its mode.
macro_rules! call {
    (order $(#[$doc:meta])* $Type:ident $call:ident($($given:ident: $kind:ident),*) $shape:ident$(($answer:ty))?) => {
        $(#[$doc])*
        pub fn $call(&mut self $(, $given: lent!($kind))*) -> outcome!(type $shape$(($answer))?) {
            match &mut self.driver {
                Driver::Host(shard, _) => outcome!(near $shape changing(shard).$call($($given),*)),
                Driver::Threads(threads) => {
                    outcome!(far $shape threads.order(operations::$Type::new($($given,)* threads.rules())))
                }
            }
        }
    };
    (call $(#[$doc:meta])* $Type:ident $call:ident($($given:ident: $kind:ident),*) $shape:ident$(($answer:ty))?) => {
        $(#[$doc])*
        pub fn $call(&mut self $(, $given: lent!($kind))*) -> answer!(type $shape$(($answer))?) {
            match &mut self.driver {
                Driver::Host(shard, _) => answer!(near $shape changing(shard).$call($($given),*)),
                Driver::Threads(threads) => {
                    answer!(far $shape threads.ask(operations::$Type::new($($given,)* threads.rules())), threads)
                }
            }
        }
    };
    (ask $(#[$doc:meta])* $Type:ident $call:ident($($given:ident: $kind:ident),*) $shape:ident$(($answer:ty))?) => {
        $(#[$doc])*
        pub fn $call(&self $(, $given: lent!($kind))*) -> answer!(type $shape$(($answer))?) {
            match &self.driver {
                Driver::Host(shard, _) => answer!(near $shape shard.core.$call($($given),*)),
                Driver::Threads(threads) => {
                    answer!(far $shape threads.ask(operations::$Type::new($($given,)* threads.rules())), threads)
                }
            }
        }
    };
}

macro_rules! calls {
    ($($section:literal $($(#[$doc:meta])* $Type:ident: $mode:ident $owner:ident.$call:ident($($given:ident: $kind:ident),*)
        -> $shape:ident$(($answer:ty))?, to($whom:ident)$(, checked by $check:ident($($checked:ident),*))?;)*)*) => {$(
        #[doc = $section]
        impl Broker {$(
            call! { $mode $(#[$doc])* $Type $call($($given: $kind),*) $shape$(($answer))? }
        )*}
    )*};
}

operations!(calls);

/// # What all loops know alike
impl Broker {
    /// The namespace of this name, if it is there.
    pub fn find_namespace(&self, name: &str) -> Option<NamespaceId> {
        match &self.driver {
            Driver::Host(shard, _) => shard.core.find_namespace(name),
            Driver::Threads(threads) => threads.find_namespace(name),
        }
    }

    /// A namespace's name, with its slash.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the namespace is.
    pub fn namespace_name(&self, namespace: NamespaceId) -> Result<Cow<'_, str>> {
        match &self.driver {
            Driver::Host(shard, _) => shard.core.namespace_name(namespace).map(Cow::Borrowed),
            Driver::Threads(threads) => threads.namespace_name(namespace).map(Cow::Owned),
        }
    }

    /// All namespaces with their names, in a stable order.
    pub fn namespaces(&self) -> impl Iterator<Item = (NamespaceId, Cow<'_, str>)> {
        match &self.driver {
            Driver::Host(shard, _) => {
                Either::One(shard.core.namespaces().map(|(id, name)| (id, Cow::Borrowed(name))))
            }
            Driver::Threads(threads) => {
                Either::Other(threads.namespaces().into_iter().map(|(id, name)| (id, Cow::Owned(name))))
            }
        }
    }

    /// What the first request of a socket's client said.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the socket is.
    pub fn handshake(&self, socket: SocketId) -> Result<Handshake<'_>> {
        let conn = self.conn_of(socket)?;
        self.conn_handshake(conn)
    }

    /// The limits and choices the broker was made with.
    pub fn config(&self) -> &Config {
        match &self.driver {
            Driver::Host(shard, _) => shard.core.config(),
            Driver::Threads(threads) => &threads.config,
        }
    }
}

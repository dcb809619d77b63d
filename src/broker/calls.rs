//! The table of operations as calls of the core. It must not do anything itself: a row says whether the hub does, the engine, or what sits on top of it.

use super::Core;
use super::operations::arguments::lent;
use super::operations::operations;
use crate::base::errors::Result;
use crate::base::ids::{AckId, ConnId, NamespaceId, SocketId};
use crate::host::handshake::Handshake;
use crate::host::metrics::Metrics;
use crate::host::stats::Stats;
use crate::hub::message::Receipt;

/// What a call answers, by the shape of the answer.
macro_rules! answer {
    (done) => { Result<()> };
    (result($answer:ty)) => { Result<$answer> };
    (sure($answer:ty)) => { $answer };
    (each($answer:ty)) => { Result<impl Iterator<Item = $answer> + use<'_>> };
    (texts) => { Result<impl Iterator<Item = &str>> };
    (text) => { Result<&str> };
    (handshake) => { Result<Handshake<'_>> };
    (asked) => { Result<(Receipt, Option<AckId>)> };
}

/// One row of the table, by its mode and by who carries it out.
macro_rules! call {
    (ask $(#[$doc:meta])* $owner:ident.$call:ident($($given:ident: $kind:ident),*) $shape:ident$(($answer:ty))?) => {
        $(#[$doc])*
        pub fn $call(&self $(, $given: lent!($kind))*) -> answer!($shape$(($answer))?) {
            carry_out!(ask $owner.$call(self $(, $given)*))
        }
    };
    ($mode:ident $(#[$doc:meta])* $owner:ident.$call:ident($($given:ident: $kind:ident),*) $shape:ident$(($answer:ty))?) => {
        $(#[$doc])*
        pub fn $call(&mut self $(, $given: lent!($kind))*) -> answer!($shape$(($answer))?) {
            let answer = carry_out!(change $owner.$call(self $(, $given)*));
            self.settle();
            answer
        }
    };
}

macro_rules! carry_out {
    (ask hub.$call:ident($core:ident $(, $given:ident)*)) => { $core.top.hub.$call($($given),*) };
    (change hub.$call:ident($core:ident $(, $given:ident)*)) => {
        $core.top.hub.$call(&mut $core.engine $(, $given)*)
    };
    ($mode:ident engine.$call:ident($core:ident $(, $given:ident)*)) => { $core.engine.$call($($given),*) };
    (ask top.$call:ident($core:ident $(, $given:ident)*)) => { $core.top.$call(&$core.engine $(, $given)*) };
    (change top.$call:ident($core:ident $(, $given:ident)*)) => { $core.top.$call(&mut $core.engine $(, $given)*) };
}

macro_rules! calls {
    ($($section:literal $($(#[$doc:meta])* $Type:ident: $mode:ident $owner:ident.$call:ident($($given:ident: $kind:ident),*)
        -> $shape:ident$(($answer:ty))?, to($whom:ident)$(, checked by $check:ident($($checked:ident),*))?;)*)*) => {$(
        #[doc = $section]
        impl Core {$(
            call! { $mode $(#[$doc])* $owner.$call($($given: $kind),*) $shape$(($answer))? }
        )*}
    )*};
}

operations!(calls);

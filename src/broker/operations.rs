//! Everything a host can order or ask, as plain data made from one table. It must not know how an operation gets to where it is
//! carried out.
//!
//! [`table`] is read by whatever needs all of it: here it becomes a type for each operation, as plain data that another thread
//! can carry out; `net` makes the calls of the broker and of the remote from it, and a test holds the C interface
//! against it. A row says:
//!
//! ```text
//! Type: mode owner.call(argument: kind, ...) -> answer, to(whom), checked by check(argument, ...);
//! ```
//!
//! - The mode is `order` for what need not be waited for and every thread may say, `call` for a change whose answer is awaited,
//!   `ask` for a question.
//! - The owner carries it out: the `hub`, the `engine`, or the `top`, which is all that sits on the engine.
//! - The kinds of arguments are in [`arguments`], the shapes of answers in `answers`.
//! - It goes to the loop of a socket or a connection, to those on which a target may find somebody, or to all.
//! - What is wrong with it whatever the broker's state is found out by its check, before it is sent anywhere.

pub(crate) mod answers;
pub(crate) mod arguments;
mod checks;
mod table;

use super::Core;
use crate::base::errors::Result;
use crate::base::ids::{ConnId, NamespaceId, SocketId};
use crate::host::metrics::Metrics;
use crate::host::stats::Stats;
use crate::hub::message::Receipt;
use answers::Answer;
use arguments::{Argument, lent, owned};
pub(crate) use checks::Rules;
use std::fmt::Debug;
pub(crate) use table::operations;

/// A set of loops, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loops(u64);

impl Loops {
    pub(crate) const ALL: Self = Self(u64::MAX);

    pub(crate) fn one(number: usize) -> Self {
        Self(1 << number)
    }

    /// Those that are in either.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All of them but this one.
    pub(crate) fn without(self, number: usize) -> Self {
        Self(self.0 & !(1 << number))
    }

    pub(crate) fn has(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
    }

    /// Whether this is the first of them, which counts for all of them.
    pub(crate) fn is_led_by(self, number: usize) -> bool {
        self.0.trailing_zeros() as usize == number
    }
}

/// What handles mean on one loop, and what its host calls the things that the loop speaks of.
pub(crate) trait Handles {
    /// The loop's number.
    fn number(&self) -> usize;

    /// A socket as the loop has it, if that is where it lives.
    fn socket(&self, socket: SocketId) -> Option<SocketId>;

    /// A connection as the loop has it, if that is where it lives.
    fn conn(&self, conn: ConnId) -> Option<ConnId>;

    /// A namespace as the loop has it; `None` if it has nobody in it.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if no loop has it.
    fn namespace(&mut self, core: &Core, namespace: NamespaceId) -> Result<Option<NamespaceId>>;

    /// What the host calls a namespace of the loop's.
    ///
    /// # Errors
    /// [`Error::Gone`](crate::Error::Gone) if the loop has none such.
    fn namespace_out(&mut self, core: &Core, namespace: NamespaceId) -> Result<NamespaceId>;

    /// How many namespaces there are on all loops.
    fn namespace_count(&self, core: &Core) -> usize;

    /// The loop's share of a pace that all loops keep together.
    fn share(&mut self, core: &Core, pace: &arguments::Pace) -> u32;
}

/// One operation with what it was given.
pub(crate) trait Operation: Debug + Send + Sync + 'static {
    /// The call that makes it.
    const CALL: &'static str;
    type Answer: Answer;

    /// Where it goes.
    fn loops(&self) -> Loops;

    /// The namespace it is about, if it names one.
    fn namespace(&self) -> Option<NamespaceId>;

    /// Does it on one loop. `None` if nothing of what it is about is there.
    ///
    /// # Errors
    /// Those of the call.
    fn carry_out(&self, core: &mut Core, handles: &mut impl Handles) -> Result<Option<Self::Answer>>;
}

macro_rules! loops {
    ($of:ident, all) => {
        Loops::ALL
    };
    ($of:ident, $argument:ident) => {
        $of.$argument.loops()
    };
}

macro_rules! define {
    ($($section:literal $($(#[$doc:meta])* $Type:ident: $mode:ident $owner:ident.$call:ident($($given:ident: $kind:ident),*)
        -> $shape:ident$(($answer:ty))?, to($whom:ident)$(, checked by $check:ident($($checked:ident),*))?;)*)*) => {$($(
        #[doc = concat!("As [`Broker::", stringify!($call), "`](crate::Broker::", stringify!($call), ").")]
        #[derive(Debug)]
        pub(crate) struct $Type {
            $($given: owned!($kind),)*
        }

        impl $Type {
            /// # Errors
            /// What is wrong with it whatever the broker's state.
            pub(crate) fn new($($given: lent!($kind),)* rules: &Rules) -> Result<Self> {
                $(rules.$check($($checked),*)?;)?
                let _ = rules;
                Ok(Self { $($given: Argument::own($given)),* })
            }
        }

        impl Operation for $Type {
            const CALL: &'static str = stringify!($call);
            type Answer = answers::sent!(type $shape$(($answer))?);

            fn loops(&self) -> Loops {
                loops!(self, $whom)
            }

            fn namespace(&self) -> Option<NamespaceId> {
                None$(.or(self.$given.namespace()))*
            }

            fn carry_out(&self, core: &mut Core, handles: &mut impl Handles) -> Result<Option<Self::Answer>> {
                $(let Some($given) = self.$given.here(core, handles)? else { return Ok(None) };)*
                let answer = answers::sent!($shape core.$call($(<owned!($kind) as Argument>::lend(&$given)),*));
                answer.outward(core, handles).map(Some)
            }
        }
    )*)*};
}

operations!(define);

//! The handle for other threads: the orders of the table as calls that return when they are queued. It must not wait.

#[cfg(unix)]
mod adopting;

use super::Waker;
use super::queues::{Order, Queues};
use crate::base::errors::{Error, Result};
use crate::base::ids::{ConnId, SocketId};
#[cfg(feature = "capi")]
use crate::base::limits::Limits;
use crate::broker::operations::arguments::lent;
use crate::broker::operations::{self, Operation, operations};
use std::sync::{Arc, Weak};

/// What other threads hold to reach a broker: clone it freely, send it anywhere.
///
/// A call returns as soon as it is queued; the broker carries it out in its next poll, which it is woken for, or its loops
/// do in their next turn. The order of one caller is kept.
///
/// What is wrong with a call whatever the state of the broker is its error: see each. What shows only when it is carried out
/// (the socket or the namespace is gone, a limit was reached) cannot be returned any more: it is counted in
/// [`Counters::remote_failures`](crate::Counters::remote_failures), and logged as a warning. An emit to rooms in which nobody
/// is, or to sockets that are gone, is no failure.
#[derive(Clone, Debug)]
pub struct Remote {
    queues: Arc<Queues>,
    /// Wakes the thread that polls the broker.
    waker: Waker,
    /// Whether the broker is there.
    broker: Weak<()>,
}

impl Remote {
    pub(super) fn new(queues: Arc<Queues>, waker: Waker, broker: Weak<()>) -> Self {
        Self { queues, waker, broker }
    }

    /// What may be read of a connection before it comes here.
    #[cfg(feature = "capi")]
    pub(crate) fn limits(&self) -> &Limits {
        self.queues.limits()
    }

    fn order<O: Operation>(&self, operation: Result<O>) -> Result<()> {
        let operation = operation?;
        let loops = operation.loops();
        let order: Arc<dyn Order> = Arc::new(operation);
        self.queues.send(loops, &order)
    }

    /// Ends the broker's wait, or the next one if it does not wait: the host's own signal to itself.
    ///
    /// Safe in signal handlers where the system has epoll or kqueue: it takes no lock, allocates nothing and makes one system
    /// call at most.
    ///
    /// # Errors
    /// [`Error::Closed`] if the broker is gone, [`Error::Forked`] in a child of its process.
    pub fn wake(&self) -> Result<()> {
        self.queues.check_process()?;
        if self.broker.strong_count() == 0 {
            return Err(Error::Closed);
        }
        self.waker.wake();
        Ok(())
    }
}

/// One row of the table as a call, if every thread may say it.
macro_rules! call {
    (order $Type:ident $call:ident($($given:ident: $kind:ident),*)) => {
        #[doc = concat!("As [`Broker::", stringify!($call), "`](crate::Broker::", stringify!($call), "), from any thread.")]
        ///
        /// # Errors
        /// What is wrong with the arguments whatever the broker's state; [`Error::Full`] if the broker was not polled for a while,
        /// [`Error::Closed`] if it is gone, [`Error::Gone`] if a handle was made up, [`Error::Forked`] in a child of its process.
        pub fn $call(&self $(, $given: lent!($kind))*) -> Result<()> {
            self.order(operations::$Type::new($($given,)* self.queues.rules()))
        }
    };
    ($mode:ident $($row:tt)*) => {};
}

macro_rules! calls {
    ($($section:literal $($(#[$doc:meta])* $Type:ident: $mode:ident $owner:ident.$call:ident($($given:ident: $kind:ident),*)
        -> $shape:ident$(($answer:ty))?, to($whom:ident)$(, checked by $check:ident($($checked:ident),*))?;)*)*) => {
        /// # What every thread may order
        impl Remote {$($(
            call! { $mode $Type $call($($given: $kind),*) }
        )*)*}
    };
}

operations!(calls);

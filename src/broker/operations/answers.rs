//! What operations answer: how several loops' answers become one, with the handles that the host knows. It must not ask anybody.

use super::Handles;
use crate::base::errors::{Error, Result};
use crate::base::ids::{AckId, ConnId, NamespaceId, SocketId};
use crate::broker::Core;
use crate::host::handshake::Origin;
use crate::host::metrics::Metrics;
use crate::host::stats::Stats;
use crate::hub::message::Receipt;
use std::collections::HashSet;

/// Answers by their shape: the type in which a loop sends one, and what it makes of the core's.
///
/// - `done`: nothing but errors.
/// - `result(T)`: a value, or an error.
/// - `sure(T)`: a value in any case.
/// - `each(T)`: things one by one.
/// - `texts`, `text`, `handshake`: what the core lends.
/// - `asked`: what an emit did that asks for acknowledgements.
macro_rules! sent {
    (type done) => { () };
    (type result($answer:ty)) => { $answer };
    (type sure($answer:ty)) => { $answer };
    (type each($answer:ty)) => { Vec<$answer> };
    (type texts) => { Vec<String> };
    (type text) => { String };
    (type handshake) => { $crate::host::handshake::Origin };
    (type asked) => { $crate::broker::operations::answers::Asked };
    (done $answer:expr) => { $answer? };
    (result $answer:expr) => { $answer? };
    (sure $answer:expr) => { $answer };
    (each $answer:expr) => { $answer?.collect::<Vec<_>>() };
    (texts $answer:expr) => { $answer?.map(str::to_owned).collect::<Vec<_>>() };
    (text $answer:expr) => { $answer?.to_owned() };
    (handshake $answer:expr) => { $answer?.into_origin() };
    (asked $answer:expr) => { $crate::broker::operations::answers::Asked::from($answer?) };
}
pub(crate) use sent;

/// What a loop answers.
pub(crate) trait Answer: Sized + Send + 'static {
    /// Whether it tells what an emit did, which is counted once however many loops it goes to.
    const OF_AN_EMIT: bool = false;

    /// With the handles that the host knows.
    ///
    /// # Errors
    /// [`Error::Gone`] if it speaks of what is gone.
    fn outward(self, _: &Core, _: &mut impl Handles) -> Result<Self> {
        Ok(self)
    }

    /// What it is if none of the loops has anything of it.
    ///
    /// # Errors
    /// [`Error::Gone`] if there is no such answer.
    fn none() -> Result<Self>;

    /// One answer of two.
    fn merge(self, other: Self) -> Self;

    /// One answer of all loops that had anything of it. What goes wrong on one of them went wrong.
    ///
    /// # Errors
    /// The first one.
    fn gather(answers: Vec<Result<Self>>) -> Result<Self> {
        let answers = answers.into_iter().collect::<Result<Vec<_>>>()?;
        answers.into_iter().reduce(Self::merge).map_or_else(Self::none, Ok)
    }
}

/// Answers in which no handle is, that have a default.
macro_rules! plain {
    ($($answer:ty: |$one:ident, $other:ident| $merged:expr;)*) => {$(
        impl Answer for $answer {
            fn none() -> Result<Self> {
                Ok(Self::default())
            }

            fn merge(self, other: Self) -> Self {
                let ($one, $other) = (self, other);
                $merged
            }
        }
    )*};
}

plain! {
    (): |_one, _other| ();
    bool: |one, other| one | other;
    usize: |one, other| one.saturating_add(other);
    u64: |one, _other| one;
    Vec<u8>: |one, other| [one, other].concat();
    Vec<String>: |one, other| {
        let mut seen: HashSet<String> = HashSet::new();
        one.into_iter().chain(other).filter(|name| seen.insert(name.clone())).collect()
    };
}

impl Answer for Receipt {
    const OF_AN_EMIT: bool = true;

    fn none() -> Result<Self> {
        Ok(Self::default())
    }

    fn merge(self, other: Self) -> Self {
        self.plus(other)
    }
}

impl Answer for Stats {
    fn outward(self, core: &Core, handles: &mut impl Handles) -> Result<Self> {
        Ok(Self { namespaces: handles.namespace_count(core), ..self })
    }

    fn none() -> Result<Self> {
        Ok(Self::default())
    }

    fn merge(self, other: Self) -> Self {
        self.plus(&other)
    }
}

impl Answer for Metrics {
    fn outward(self, core: &Core, handles: &mut impl Handles) -> Result<Self> {
        Ok(Self { stats: self.stats.outward(core, handles)?, ..self })
    }

    fn none() -> Result<Self> {
        Ok(Self::default())
    }

    fn merge(self, other: Self) -> Self {
        self.plus(&other)
    }
}

/// Answers of the one loop that has the thing.
macro_rules! of_one {
    ($($answer:ty: |$it:ident, $core:ident, $handles:ident| $outward:expr;)*) => {$(
        impl Answer for $answer {
            fn outward(self, $core: &Core, $handles: &mut impl Handles) -> Result<Self> {
                let $it = self;
                Ok($outward)
            }

            fn none() -> Result<Self> {
                Err(Error::Gone)
            }

            fn merge(self, _: Self) -> Self {
                self
            }
        }
    )*};
}

of_one! {
    String: |it, _core, _handles| it;
    Origin: |it, _core, _handles| it;
    ConnId: |it, _core, handles| it.on_loop(handles.number());
    NamespaceId: |it, core, handles| handles.namespace_out(core, it)?;
}

impl Answer for Option<SocketId> {
    fn outward(self, _: &Core, handles: &mut impl Handles) -> Result<Self> {
        Ok(self.map(|socket| socket.on_loop(handles.number())))
    }

    fn none() -> Result<Self> {
        Ok(None)
    }

    fn merge(self, other: Self) -> Self {
        self.or(other)
    }
}

impl Answer for Vec<SocketId> {
    fn outward(self, _: &Core, handles: &mut impl Handles) -> Result<Self> {
        Ok(self.into_iter().map(|socket| socket.on_loop(handles.number())).collect())
    }

    fn none() -> Result<Self> {
        Ok(Vec::new())
    }

    fn merge(mut self, other: Self) -> Self {
        self.extend(other);
        self
    }
}

/// What became of an emit that asks for acknowledgements: on each loop a handle, and how many are to answer there.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) receipt: Receipt,
    pub(crate) parts: Vec<(AckId, usize)>,
}

impl From<(Receipt, Option<AckId>)> for Asked {
    fn from((receipt, ack): (Receipt, Option<AckId>)) -> Self {
        // In a cluster somebody else may have been asked, although nobody was here.
        let parts = ack.into_iter().map(|ack| (ack, receipt.reached().max(1))).collect();
        Self { receipt, parts }
    }
}

impl Answer for Asked {
    const OF_AN_EMIT: bool = true;

    fn outward(mut self, _: &Core, handles: &mut impl Handles) -> Result<Self> {
        self.parts.iter_mut().for_each(|(ack, _)| *ack = ack.on_loop(handles.number()));
        Ok(self)
    }

    fn none() -> Result<Self> {
        Ok(Self::default())
    }

    fn merge(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        Self { receipt: self.receipt.plus(other.receipt), ..self }
    }

    fn gather(answers: Vec<Result<Self>>) -> Result<Self> {
        let somebody = answers.iter().flatten().any(|asked| !asked.parts.is_empty());
        // Where somebody is asked already, those who could not be are as good as gone.
        let counts = |answer: &Result<Self>| answer.is_ok() || !somebody;
        let answers = answers.into_iter().filter(counts).collect::<Result<Vec<_>>>()?;
        answers.into_iter().reduce(Self::merge).map_or_else(Self::none, Ok)
    }
}

//! A command that is published in a Redis Cluster, which can be brought from one server to another. It must not be sent from here.

use crate::base::Millis;
use crate::wire::resp;

/// What one costs besides its bytes.
const OVERHEAD: usize = 64;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    /// They are in this order.
    pub(crate) number: u64,
    /// Those of one lane go one behind the other.
    pub(crate) lane: u16,
    /// It does not wait, whatever comes of it.
    pub(crate) is_volatile: bool,
    /// When it was to be sent first, if that is known.
    pub(crate) since: Option<Millis>,
    bytes: Box<[u8]>,
}

impl Post {
    /// A command, which is number `number` of all and goes behind those of the same lane.
    pub(crate) fn new(number: u64, lane: u16, command: &[&[u8]], is_volatile: bool) -> Self {
        let mut bytes = Vec::new();
        resp::command(&mut bytes, command);
        Self { number, lane, is_volatile, since: None, bytes: bytes.into() }
    }

    /// As it is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that it takes to keep it.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len().saturating_add(OVERHEAD)
    }
}

//! What could not be done for callers that had gone on by then: counted by call and error until the broker's owner asks, for
//! its log. It must not grow with their number.

use crate::base::errors::Error;
use parking_lot::Mutex;

/// One call and one error, and how often that came since the last time.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) call: &'static str,
    pub(crate) error: Error,
    pub(crate) times: u64,
}

/// Shared by all loops of a broker and its owner.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Vec<Failure>>);

impl Failures {
    pub(super) fn note(&self, call: &'static str, error: Error) {
        let mut list = self.0.lock();
        match list.iter_mut().find(|failure| failure.call == call && failure.error == error) {
            Some(failure) => failure.times += 1,
            None => list.push(Failure { call, error, times: 1 }),
        }
    }

    pub(super) fn take(&self) -> Vec<Failure> {
        std::mem::take(&mut self.0.lock())
    }
}

//! A build without compression: nothing is compressed, and nobody is told that it could be.

use super::{Coding, InflateError, Inflated};

/// Compresses messages, in builds with the feature `compression`.
#[derive(Debug)]
pub struct Deflater {}

impl Deflater {
    pub(crate) fn new(_coding: Coding, _level: u8) -> Self {
        Self {}
    }

    pub(crate) fn compress(&mut self, _bytes: &[u8]) -> Option<&[u8]> {
        None
    }
}

/// Reads compressed messages, in builds with the feature `compression`.
#[derive(Debug, Default)]
pub struct Inflater {}

impl Inflater {
    pub(crate) fn message(&mut self, _bytes: &[u8], _most: usize) -> Result<&[u8], InflateError> {
        Err(InflateError::Invalid)
    }

    pub(crate) fn take_inflated(&mut self) -> Inflated {
        Inflated::default()
    }
}

//! Reads what other languages have packed: numbers are little-endian, and nothing need be aligned. It must not believe a length.

use super::guard::{Fault, Outcome};
use crate::base::errors::Error;

/// What is left of a batch, or of a record in it.
pub(super) struct Reader<'a>(&'a [u8]);

const SHORT: Fault = Fault::value("", "the record ends before it does");

const BAD_SIZE: Fault =
    Fault::value("size", "it is a multiple of 8, and neither less than a record has nor more than there is");

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Outcome<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u16(&mut self) -> Outcome<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Outcome<usize> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    pub(super) fn u64(&mut self) -> Outcome<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self, len: usize) -> Outcome<&'a str> {
        std::str::from_utf8(self.take(len)?).map_err(|_| Error::BadUtf8.into())
    }

    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Does with each record what is to be done, until that fails. Returns how often it was done.
    pub(super) fn each(
        mut self,
        least: usize,
        mut act: impl FnMut(Reader<'a>) -> Outcome,
    ) -> (usize, Outcome) {
        let mut count = 0;
        while !self.0.is_empty() {
            if let Err(fault) = self.record(least).and_then(&mut act) {
                return (count, Err(fault.in_record(count)));
            }
            count += 1;
        }
        (count, Ok(()))
    }

    /// The next record, without its size, which is at least so many bytes.
    fn record(&mut self, least: usize) -> Outcome<Reader<'a>> {
        let (size, _) = self.0.split_first_chunk().ok_or(BAD_SIZE)?;
        let size = u32::from_le_bytes(*size) as usize;
        if size < least || !size.is_multiple_of(8) || size > self.0.len() {
            return Err(BAD_SIZE);
        }
        self.take(size).map(|record| Reader(&record[4..]))
    }

    /// Reads a list whose elements take at least `least` bytes each, so that no number makes it longer than the record.
    pub(super) fn many<T>(
        &mut self,
        count: usize,
        least: usize,
        read: impl Fn(&mut Self) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        if count > self.0.len() / least {
            return Err(SHORT);
        }
        (0..count).map(|nth| read(self).map_err(|fault| fault.nth(nth))).collect()
    }
}

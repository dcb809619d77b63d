//! What a broker exports, as bytes: one part for each of its loops, behind one another, each with a header and a checksum; and the
//! numbers, bytes and texts of which a part is made. It must not know what they mean.

use crate::base::unimported::ImportError;
use sha1::{Digest, Sha1};

const MAGIC: [u8; 8] = *b"roomcast";
/// Of what a part's header and body are. Another one is not read.
const VERSION: u32 = 1;
const CHECKSUM: usize = 20;
const HEADER: usize = size_of_val(&MAGIC) + 3 * size_of::<u32>() + size_of::<u64>() + CHECKSUM;

/// Of which loop a part is, and how many loops there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 0.
    pub number: u32,
    /// At least 1.
    pub count: u32,
}

/// A part while its body is written, behind the room for its header. Numbers are little endian.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Default for Writer {
    fn default() -> Self {
        Self(vec![0; HEADER])
    }
}

impl Writer {
    /// One byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A number of 32 bits.
    pub fn short(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A number of 64 bits.
    pub fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Bytes of which both sides know how many there are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes behind their number. Nothing that a broker keeps is longer than 32 bits can count.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.short(bytes.len() as u32);
        self.raw(bytes);
    }

    /// Things behind their number.
    pub fn list<T>(&mut self, list: &[T], mut one: impl FnMut(&mut Self, &T)) {
        self.short(list.len() as u32);
        list.iter().for_each(|thing| one(self, thing));
    }

    /// The whole part.
    pub fn part(self, place: Place) -> Vec<u8> {
        let Self(mut part) = self;
        let (room, body) = part.split_at_mut(HEADER);
        let mut header = Self(MAGIC.to_vec());
        header.short(VERSION);
        header.short(place.number);
        header.short(place.count);
        header.number(body.len() as u64);
        let checksum = checksum(&header.0, body);
        header.raw(&checksum);
        room.copy_from_slice(&header.0);
        part
    }
}

fn checksum(header: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    Sha1::new().chain_update(header).chain_update(body).finalize().into()
}

/// What has not been read yet.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

/// All that a reader reads is `None` where there is no such thing.
impl<'a> Reader<'a> {
    /// All of them.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes.
    pub fn raw<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.raw().map(|[byte]| byte)
    }

    /// A number of 32 bits.
    pub fn short(&mut self) -> Option<u32> {
        self.raw().map(u32::from_le_bytes)
    }

    /// A number of 64 bits.
    pub fn number(&mut self) -> Option<u64> {
        self.raw().map(u64::from_le_bytes)
    }

    /// Bytes behind their number.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.short()?;
        self.take(count.into())
    }

    /// The same of UTF-8.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// Things of which each takes at least one byte: however many are announced, no more is kept than what there is takes.
    pub fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut list = Vec::new();
        for _ in 0..self.short()? {
            list.push(one(self)?);
        }
        Some(list)
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }
}

/// The bodies of all parts, in the order of their loops, if they are those of a broker with so many loops.
///
/// # Errors
/// Why they are not.
pub fn bodies(data: &[u8], loops: u32) -> Result<Vec<&[u8]>, ImportError> {
    let mut reader = Reader(data);
    let mut bodies = Vec::new();
    while !reader.is_at_end() {
        let (place, body) = part(&mut reader)?;
        if place.count != loops {
            return Err(ImportError::Loops { exported: place.count, here: loops });
        }
        if place.number as usize != bodies.len() {
            return Err(ImportError::Damaged);
        }
        bodies.push(body);
    }
    if bodies.len() == loops as usize { Ok(bodies) } else { Err(ImportError::Damaged) }
}

fn part<'a>(reader: &mut Reader<'a>) -> Result<(Place, &'a [u8]), ImportError> {
    let whole = reader.0;
    if reader.raw() != Some(MAGIC) {
        return Err(ImportError::Damaged);
    }
    match reader.short() {
        Some(VERSION) => {}
        Some(version) => return Err(ImportError::Version(version)),
        None => return Err(ImportError::Damaged),
    }
    read_behind(reader, whole).ok_or(ImportError::Damaged)
}

/// A part from its version on, if its checksum is right. `whole` begins with its header.
fn read_behind<'a>(reader: &mut Reader<'a>, whole: &'a [u8]) -> Option<(Place, &'a [u8])> {
    let place = Place { number: reader.short()?, count: reader.short()? };
    let length = reader.number()?;
    let header = whole.get(..whole.len().checked_sub(reader.0.len())?)?;
    let expected = reader.raw()?;
    let body = reader.take(length)?;
    (checksum(header, body) == expected).then_some((place, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: u32, count: u32) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(7);
        writer.list(&["one", "two"], |writer, text| writer.bytes(text.as_bytes()));
        writer.number(u64::MAX);
        writer.part(Place { number, count })
    }

    #[test]
    fn what_is_written_is_read_back() {
        let data = [written(0, 2), written(1, 2)].concat();
        let bodies = bodies(&data, 2).unwrap();
        for body in bodies {
            let mut reader = Reader::new(body);
            assert_eq!(reader.byte(), Some(7));
            assert_eq!(reader.list(Reader::text), Some(vec!["one", "two"]));
            assert_eq!((reader.number(), reader.is_at_end()), (Some(u64::MAX), true));
            assert_eq!((reader.byte(), reader.text()), (None, None));
        }
    }

    #[test]
    fn nothing_else_is_read() {
        let data = written(0, 1);
        assert_eq!(bodies(&data, 1).map(|bodies| bodies.len()), Ok(1));
        assert_eq!(bodies(&data, 4), Err(ImportError::Loops { exported: 1, here: 4 }));
        assert_eq!(bodies(&[], 1), Err(ImportError::Damaged));
        assert_eq!(bodies(&written(1, 1), 1), Err(ImportError::Damaged));
        assert_eq!(bodies(&[&data[..], &data].concat(), 1), Err(ImportError::Damaged));
        for end in 0..data.len() {
            assert_eq!(bodies(&data[..end], 1), Err(ImportError::Damaged), "cut to {end} bytes");
        }
        for at in 0..data.len() {
            let mut other = data.clone();
            other[at] ^= 1;
            let expected = match at {
                8..12 => ImportError::Version(u32::from_le_bytes(other[8..12].try_into().unwrap())),
                _ => ImportError::Damaged,
            };
            assert_eq!(bodies(&other, 1), Err(expected), "byte {at} is another");
        }
    }

    #[test]
    fn a_list_takes_no_more_than_there_is() {
        let mut writer = Writer::default();
        writer.short(u32::MAX);
        writer.raw(&[1; 10]);
        assert_eq!(Reader::new(&writer.0[HEADER..]).list(Reader::byte), None);
    }
}

//! One token of msgpack after the other. It must not look for what is inside of an array or a map.

use super::Malformed;
use rmp::Marker;

/// A token: a whole value, or what begins one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::wire) enum Head<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Below 0, but from encoders that do not write the shortest form.
    Signed(i64),
    Float(f64),
    /// UTF-8, if it is right.
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// So many values follow.
    Array(u32),
    /// So many keys and values follow.
    Map(u32),
    /// Its type, and its bytes.
    Extension(i8, &'a [u8]),
}

/// Bytes of msgpack, and how far they are read.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Reader<'a>(pub(in crate::wire) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next token.
    #[inline]
    pub(in crate::wire) fn head(&mut self) -> Result<Head<'a>, Malformed> {
        // What most are.
        match self.0.split_first() {
            Some((&number @ 0x00..=0x7f, rest)) => {
                self.0 = rest;
                Ok(Head::Unsigned(number.into()))
            }
            Some((&short @ 0xa0..=0xbf, rest)) => {
                self.0 = rest;
                Ok(Head::Text(self.bytes(usize::from(short & 0x1f))?))
            }
            _ => self.any_head(),
        }
    }

    #[inline(never)]
    fn any_head(&mut self) -> Result<Head<'a>, Malformed> {
        let [first] = self.fixed()?;
        Ok(match Marker::from_u8(first) {
            Marker::FixPos(number) => Head::Unsigned(number.into()),
            Marker::FixNeg(number) => Head::Signed(number.into()),
            Marker::FixStr(length) => Head::Text(self.bytes(length.into())?),
            Marker::FixArray(count) => Head::Array(count.into()),
            Marker::FixMap(count) => Head::Map(count.into()),
            Marker::Null => Head::Nil,
            Marker::False => Head::Bool(false),
            Marker::True => Head::Bool(true),
            Marker::U8 => Head::Unsigned(u8::from_be_bytes(self.fixed()?).into()),
            Marker::U16 => Head::Unsigned(u16::from_be_bytes(self.fixed()?).into()),
            Marker::U32 => Head::Unsigned(u32::from_be_bytes(self.fixed()?).into()),
            Marker::U64 => Head::Unsigned(u64::from_be_bytes(self.fixed()?)),
            Marker::I8 => Head::Signed(i8::from_be_bytes(self.fixed()?).into()),
            Marker::I16 => Head::Signed(i16::from_be_bytes(self.fixed()?).into()),
            Marker::I32 => Head::Signed(i32::from_be_bytes(self.fixed()?).into()),
            Marker::I64 => Head::Signed(i64::from_be_bytes(self.fixed()?)),
            Marker::F32 => Head::Float(f32::from_be_bytes(self.fixed()?).into()),
            Marker::F64 => Head::Float(f64::from_be_bytes(self.fixed()?)),
            Marker::Str8 => Head::Text(self.counted::<1>()?),
            Marker::Str16 => Head::Text(self.counted::<2>()?),
            Marker::Str32 => Head::Text(self.counted::<4>()?),
            Marker::Bin8 => Head::Binary(self.counted::<1>()?),
            Marker::Bin16 => Head::Binary(self.counted::<2>()?),
            Marker::Bin32 => Head::Binary(self.counted::<4>()?),
            Marker::Array16 => Head::Array(self.count::<2>()?),
            Marker::Array32 => Head::Array(self.count::<4>()?),
            Marker::Map16 => Head::Map(self.count::<2>()?),
            Marker::Map32 => Head::Map(self.count::<4>()?),
            Marker::Ext8 => self.counted_extension::<1>()?,
            Marker::Ext16 => self.counted_extension::<2>()?,
            Marker::Ext32 => self.counted_extension::<4>()?,
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Reserved => return Err(Malformed),
        })
    }

    /// The next value as it stands.
    pub(in crate::wire) fn value(&mut self) -> Result<&'a [u8], Malformed> {
        let before = self.0;
        // A map of 2^32 pairs in each of 2^31 maps would fit.
        let mut due = 1u64;
        while due > 0 {
            due = due.saturating_sub(1);
            // What most values are, without a look at what they say.
            match self.0.split_first() {
                Some((0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0.., rest)) => self.0 = rest,
                Some((&short @ 0xa0..=0xbf, rest)) => {
                    self.0 = rest.get(usize::from(short & 0x1f)..).ok_or(Malformed)?;
                }
                _ => match self.head()? {
                    Head::Array(count) => due = due.saturating_add(count.into()),
                    Head::Map(count) => due = due.saturating_add(u64::from(count).saturating_mul(2)),
                    _ => {}
                },
            }
        }
        let length = before.len().saturating_sub(self.0.len());
        before.get(..length).ok_or(Malformed)
    }

    #[inline]
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }

    #[inline]
    fn count<const N: usize>(&mut self) -> Result<u32, Malformed> {
        let bytes: [u8; N] = self.fixed()?;
        Ok(bytes.iter().fold(0, |count, &byte| count << 8 | u32::from(byte)))
    }

    #[inline]
    fn counted<const N: usize>(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count::<N>()?;
        self.bytes(length as usize)
    }

    fn extension(&mut self, length: usize) -> Result<Head<'a>, Malformed> {
        let kind = i8::from_be_bytes(self.fixed()?);
        Ok(Head::Extension(kind, self.bytes(length)?))
    }

    fn counted_extension<const N: usize>(&mut self) -> Result<Head<'a>, Malformed> {
        let length = self.count::<N>()?;
        Ok(match self.extension(length as usize)? {
            // An `ArrayBuffer`, as notepack.io once wrote it.
            Head::Extension(0, bytes) => Head::Binary(bytes),
            other => other,
        })
    }
}

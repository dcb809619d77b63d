//! A value of a message, unread, in either of the formats that nodes use. It must not know what messages there are.

use super::Malformed;
use crate::wire::json;
use crate::wire::msgpack::{self, Head, Reader};
use std::borrow::Cow;

/// JSON that has been checked, without white space around it; or msgpack that is one value whose lengths are right.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    Json(&'a str),
    Msgpack(&'a [u8]),
}

/// What a message has around the deepest of its values.
const AROUND: u32 = 8;

impl<'a> Raw<'a> {
    /// A whole message: a JSON object if it begins as one.
    pub(super) fn message(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.first() == Some(&b'{') {
            return Self::json(std::str::from_utf8(bytes).map_err(|_| Malformed)?);
        }
        Self::msgpack(bytes)
    }

    pub(super) fn json(text: &'a str) -> Result<Self, Malformed> {
        json::validate(text, msgpack::MAX_DEPTH.saturating_add(AROUND))?;
        Ok(Self::Json(json::trim(text)))
    }

    pub(super) fn msgpack(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let value = reader.value()?;
        if reader.0.is_empty() { Ok(Self::Msgpack(value)) } else { Err(Malformed) }
    }

    /// `null`, nil, or not there.
    pub(super) fn is_nothing(self) -> bool {
        match self {
            Self::Json(text) => text == "null",
            Self::Msgpack(bytes) => Reader(bytes).head() == Ok(Head::Nil),
        }
    }

    pub(super) fn is_text(self) -> bool {
        match self {
            Self::Json(text) => text.starts_with('"'),
            Self::Msgpack(bytes) => matches!(Reader(bytes).head(), Ok(Head::Text(_))),
        }
    }

    pub(super) fn text(self) -> Result<Cow<'a, str>, Malformed> {
        match self {
            Self::Json(text) if json::is_string(text) => Ok(json::unescape(text)),
            Self::Json(_) => Err(Malformed),
            Self::Msgpack(bytes) => match Reader(bytes).head()? {
                Head::Text(text) => utf8(text),
                _ => Err(Malformed),
            },
        }
    }

    /// A text, or a number as JavaScript prints it: what event and room names may be.
    pub(super) fn name(self) -> Result<Cow<'a, str>, Malformed> {
        match self {
            Self::Json(text) => match text.as_bytes().first() {
                Some(b'"') => Ok(json::unescape(text)),
                Some(b'-' | b'0'..=b'9') => Ok(json::number_text(text)),
                _ => Err(Malformed),
            },
            Self::Msgpack(bytes) => match Reader(bytes).head()? {
                Head::Text(text) => utf8(text),
                Head::Float(number) if !number.is_finite() => Err(Malformed),
                Head::Unsigned(_) | Head::Signed(_) | Head::Float(_) => {
                    Ok(Cow::Owned(json::number_text(&self.value()?.json).into_owned()))
                }
                _ => Err(Malformed),
            },
        }
    }

    /// A number that is not below 0, without its fraction.
    pub(super) fn number(self) -> Result<u64, Malformed> {
        let whole = |number: f64| if number >= 0.0 { Ok(number as u64) } else { Err(Malformed) };
        match self {
            Self::Json(text) => match text.parse() {
                Ok(number) => Ok(number),
                Err(_) => whole(text.parse().map_err(|_| Malformed)?),
            },
            Self::Msgpack(bytes) => match Reader(bytes).head()? {
                Head::Unsigned(number) => Ok(number),
                Head::Signed(number) => number.try_into().map_err(|_| Malformed),
                Head::Float(number) => whole(number),
                _ => Err(Malformed),
            },
        }
    }

    pub(super) fn flag(self) -> Result<bool, Malformed> {
        match self {
            Self::Json("true") => Ok(true),
            Self::Json("false") => Ok(false),
            Self::Json(_) => Err(Malformed),
            Self::Msgpack(bytes) => match Reader(bytes).head()? {
                Head::Bool(flag) => Ok(flag),
                _ => Err(Malformed),
            },
        }
    }

    /// The values of an array.
    pub(super) fn items(self) -> Result<Items<'a>, Malformed> {
        match self {
            Self::Json(text) if text.starts_with('[') => Ok(Items::Json(json::elements(text))),
            Self::Json(_) => Err(Malformed),
            Self::Msgpack(bytes) => {
                let mut rest = Reader(bytes);
                let Head::Array(left) = rest.head()? else { return Err(Malformed) };
                Ok(Items::Msgpack { rest, left })
            }
        }
    }

    /// Gives `take` the keys of an object with their values, in their order.
    pub(super) fn fields(
        self,
        mut take: impl FnMut(&str, Raw<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self {
            Self::Json(text) if text.starts_with('{') => {
                json::members(text).try_for_each(|(key, value)| take(&key, Self::Json(value)))
            }
            Self::Json(_) => Err(Malformed),
            Self::Msgpack(bytes) => {
                let mut rest = Reader(bytes);
                let Head::Map(count) = rest.head()? else { return Err(Malformed) };
                for _ in 0..count {
                    let key = rest.head()?;
                    let value = Self::Msgpack(rest.value()?);
                    match key {
                        Head::Text(key) => take(&utf8(key)?, value)?,
                        // No field of a message is called by a number.
                        Head::Unsigned(_) | Head::Signed(_) => {}
                        _ => return Err(Malformed),
                    }
                }
                Ok(())
            }
        }
    }

    /// The value as JSON with attachments.
    pub(super) fn value(self) -> Result<super::Value<'a>, Malformed> {
        match self {
            Self::Json(json) => Ok(super::Value { json: Cow::Borrowed(json), attachments: Vec::new() }),
            Self::Msgpack(bytes) => {
                let (mut json, mut attachments) = (Vec::with_capacity(bytes.len()), Vec::new());
                msgpack::to_json(bytes, &mut json, &mut attachments)?;
                Ok(super::Value {
                    json: Cow::Owned(String::from_utf8(json).map_err(|_| Malformed)?),
                    attachments,
                })
            }
        }
    }
}

/// The values of an array, unread.
#[derive(Clone, Debug)]
pub(super) enum Items<'a> {
    Json(json::Elements<'a>),
    Msgpack { rest: Reader<'a>, left: u32 },
}

impl<'a> Iterator for Items<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        match self {
            Self::Json(elements) => elements.next().map(Raw::Json),
            Self::Msgpack { rest, left } => {
                *left = left.checked_sub(1)?;
                // It was checked as a part of the whole.
                rest.value().ok().map(Raw::Msgpack)
            }
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    Ok(Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| Malformed)?))
}

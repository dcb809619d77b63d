//! A value of a message, unread, in either of the formats that nodes use. It must not know what messages there are.

use super::Malformed;
use crate::wire::json::{self, Node, Nodes, Outline};
use crate::wire::msgpack::{self, Head, Reader};
use std::borrow::Cow;

/// JSON; or msgpack that is one value whose lengths are right.
#[derive(Debug)]
pub(super) enum Checked<'a> {
    Json(Outline<'a>),
    Msgpack(&'a [u8]),
}

/// What a message has around the deepest of its values.
const AROUND: u32 = 8;

impl<'a> Checked<'a> {
    /// A whole message: a JSON object if it begins as one.
    pub(super) fn message(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.first() == Some(&b'{') {
            return Self::json(std::str::from_utf8(bytes).map_err(|_| Malformed)?);
        }
        Self::msgpack(bytes)
    }

    pub(super) fn json(text: &'a str) -> Result<Self, Malformed> {
        Outline::of(text, msgpack::MAX_DEPTH.saturating_add(AROUND)).map(Self::Json)
    }

    pub(super) fn msgpack(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let value = reader.value()?;
        if reader.0.is_empty() { Ok(Self::Msgpack(value)) } else { Err(Malformed) }
    }

    /// The whole, unread.
    pub(super) fn raw(&self) -> Raw<'_, 'a> {
        match self {
            Self::Json(outline) => Raw::Json(outline.value()),
            Self::Msgpack(bytes) => Raw::Msgpack(bytes),
        }
    }
}

/// A value of what was checked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'o, 'a> {
    Json(Node<'o, 'a>),
    Msgpack(&'a [u8]),
}

/// A value of msgpack that is nothing.
const NIL: u8 = rmp::Marker::Null.to_u8();

impl<'o, 'a> Raw<'o, 'a> {
    /// `null`, nil, or not there.
    pub(super) fn is_nothing(self) -> bool {
        match self {
            Self::Json(node) => node.is_null(),
            Self::Msgpack(bytes) => bytes.first() == Some(&NIL),
        }
    }

    pub(super) fn is_text(self) -> bool {
        match self {
            Self::Json(node) => json::is_string(node.raw()),
            Self::Msgpack(bytes) => matches!(Reader(bytes).head(), Ok(Head::Text(_))),
        }
    }

    pub(super) fn text(self) -> Result<Cow<'a, str>, Malformed> {
        match self {
            Self::Json(node) => node.text().ok_or(Malformed),
            Self::Msgpack(bytes) => match Reader(bytes).head()? {
                Head::Text(text) => utf8(text),
                _ => Err(Malformed),
            },
        }
    }

    /// A text, or a number as JavaScript prints it: what event and room names may be.
    pub(super) fn name(self) -> Result<Cow<'a, str>, Malformed> {
        match self {
            Self::Json(node) => match node.raw().as_bytes().first() {
                Some(b'-' | b'0'..=b'9') => Ok(json::number_text(node.raw())),
                _ => node.text().ok_or(Malformed),
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
            Self::Json(node) => match node.raw().parse() {
                Ok(number) => Ok(number),
                Err(_) => whole(node.raw().parse().map_err(|_| Malformed)?),
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
            Self::Json(node) => match node.raw() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(Malformed),
            },
            Self::Msgpack(bytes) => match Reader(bytes).head()? {
                Head::Bool(flag) => Ok(flag),
                _ => Err(Malformed),
            },
        }
    }

    /// The values of an array.
    pub(super) fn items(self) -> Result<Items<'o, 'a>, Malformed> {
        match self {
            Self::Json(node) => node.items().map(Items::Json).ok_or(Malformed),
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
        mut take: impl FnMut(&[u8], Raw<'o, 'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self {
            Self::Json(node) => {
                node.members(|key, value| take(key.as_bytes(), Self::Json(value))).unwrap_or(Err(Malformed))
            }
            Self::Msgpack(bytes) => fields_of_next(&mut Reader(bytes), take),
        }
    }

    /// Whether JSON of it may be nested deeper than that of a host.
    pub(super) fn is_deep(self) -> bool {
        match self {
            Self::Json(node) => node.is_within_deeper(msgpack::MAX_DEPTH),
            // What is made of it has its own bound.
            Self::Msgpack(_) => false,
        }
    }

    /// The value as JSON with attachments.
    pub(super) fn value(self) -> Result<super::Value<'a>, Malformed> {
        match self {
            Self::Json(node) => Ok(super::Value { json: Cow::Borrowed(node.raw()), attachments: Vec::new() }),
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

/// The same with the map of msgpack that comes next.
pub(super) fn fields_of_next<'o, 'a: 'o>(
    rest: &mut Reader<'a>,
    mut take: impl FnMut(&[u8], Raw<'o, 'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let Head::Map(count) = rest.head()? else { return Err(Malformed) };
    for _ in 0..count {
        let key = rest.head()?;
        let value = Raw::Msgpack(rest.value()?);
        match key {
            Head::Text(key) => take(key, value)?,
            // No field of a message is called by a number.
            Head::Unsigned(_) | Head::Signed(_) => {}
            _ => return Err(Malformed),
        }
    }
    Ok(())
}

/// The values of an array, unread.
#[derive(Clone, Debug)]
pub(super) enum Items<'o, 'a> {
    Json(Nodes<'o, 'a>),
    Msgpack { rest: Reader<'a>, left: u32 },
}

impl<'o, 'a> Iterator for Items<'o, 'a> {
    type Item = Raw<'o, 'a>;

    fn next(&mut self) -> Option<Raw<'o, 'a>> {
        match self {
            Self::Json(nodes) => nodes.next().map(Raw::Json),
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

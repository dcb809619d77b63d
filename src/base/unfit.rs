//! Which field of a configuration does not do, and what it takes instead. It must not know a field, and must not allocate.

use std::fmt;
use std::ops::RangeInclusive;

/// A field, and what it takes.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    name: &'static str,
    takes: Takes,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Takes {
    /// A number from the one to the other.
    Range(u64, u64),
    /// What the words say of "it".
    Words(&'static str),
}

impl Field {
    /// One that takes a number from `least` to `most`. The name is that in C.
    pub(crate) const fn range(name: &'static str, least: u64, most: u64) -> Self {
        Self { name, takes: Takes::Range(least, most) }
    }

    /// One of which the words say what it takes.
    pub(crate) const fn words(name: &'static str, takes: &'static str) -> Self {
        Self { name, takes: Takes::Words(takes) }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a number is in the field's range.
    pub(crate) fn takes(&'static self, value: u64) -> Result<(), ConfigError> {
        match self.takes {
            Takes::Range(least, most) if !(least..=most).contains(&value) => Err(self.refuses(value)),
            _ => Ok(()),
        }
    }

    /// Whether the field's words are true.
    pub(crate) fn is(&'static self, fits: bool) -> Result<(), ConfigError> {
        if fits { Ok(()) } else { Err(self.refuses(0)) }
    }

    pub(crate) fn refuses(&'static self, value: u64) -> ConfigError {
        ConfigError { field: self, value: Value::Number(value) }
    }

    /// The same where there is more to say than that it does not do.
    pub(crate) fn refuses_as(&'static self, words: &'static &'static str) -> ConfigError {
        ConfigError { field: self, value: Value::Words(words) }
    }
}

/// A field of [`Config`](crate::Config) or [`Limits`](crate::Limits) with a value that cannot be worked with.
///
/// ```
/// # use roomcast::*;
/// let limits = Limits { max_headers: 3, ..Limits::default() };
/// let error = Core::new(Config { limits, ..Config::default() }, 0).err();
/// let Some(Error::BadConfig(error)) = error else { panic!("{error:?}") };
/// assert_eq!((error.field(), error.value(), error.range()), ("max_headers", Some(3), Some(8..=u64::MAX)));
/// assert_eq!(error.to_string(), "config.max_headers: 3 is out of range: it is 8 or more");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConfigError {
    field: &'static Field,
    value: Value,
}

/// What the field has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Value {
    Number(u64),
    /// Something of which these words say what is wrong with it.
    Words(&'static &'static str),
}

impl ConfigError {
    /// None.
    pub(crate) const NONE: Self = Self { field: const { &Field::words("", "") }, value: Value::Number(0) };

    /// The field's name, as in C: that of a cookie is `cookie_name`.
    pub const fn field(&self) -> &'static str {
        self.field.name
    }

    /// The number that is out of its range. `None` if the field is no number, or is at odds with another.
    pub const fn value(&self) -> Option<u64> {
        match (&self.field.takes, self.value) {
            (Takes::Range(..), Value::Number(value)) => Some(value),
            _ => None,
        }
    }

    /// The numbers that the field takes, if it is one.
    pub const fn range(&self) -> Option<RangeInclusive<u64>> {
        match self.field.takes {
            Takes::Range(least, most) => Some(least..=most),
            Takes::Words(_) => None,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field.name;
        let value = match self.value {
            Value::Number(value) => value,
            Value::Words(words) => return write!(f, "config.{field}: {words}"),
        };
        match self.field.takes {
            Takes::Range(least, u64::MAX) => {
                write!(f, "config.{field}: {value} is out of range: it is {least} or more")
            }
            Takes::Range(least, most) => {
                write!(f, "config.{field}: {value} is out of range: it is {least} to {most}")
            }
            Takes::Words(words) => write!(f, "config.{field}: {words}"),
        }
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

//! JSON as bytes: checking, slicing, escaping. It must not build values, recurse, or know what the JSON is for.

mod outline;
#[cfg(test)]
pub(super) mod tests;
mod text;
mod walk;

use std::borrow::Cow;

pub(in crate::wire) use outline::{Node, Nodes, Outline};
pub use text::{number_text, unescape, write_string};
pub(super) use text::{unescaped, write_unchecked};
use walk::{Nothing, Wrong, read, read_headed};
pub(super) use walk::{Stack, Token, Visit, walk};

/// The text breaks the format; the connection it came from is closed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Whether `text` is exactly one JSON value as `JSON.parse` takes it, with arrays and objects at most
/// `max_depth` deep.
pub fn validate(text: &str, max_depth: u32) -> Result<(), Malformed> {
    locate(text, max_depth).map_err(|_| Malformed)
}

/// As [`validate`], but says where the text goes wrong: at the first byte with which no JSON begins as it does until there.
pub fn locate(text: &str, max_depth: u32) -> Result<(), usize> {
    read(text, max_depth, &mut Nothing).map_err(|Wrong(place)| place)
}

/// Checks, as [`validate`] does, an array that begins with a string or a number: an event. Returns that element, and those behind it as
/// [`Elements::rest`] has them.
pub fn headed(array: &str, max_depth: u32) -> Result<(&str, &str), Malformed> {
    let (head, behind) = read_headed(array, max_depth).map_err(|Wrong(_)| Malformed)?;
    let rest = behind.and_then(|behind| trim(array.get(behind..)?).strip_suffix(']'));
    Ok((head, trim(rest.unwrap_or_default())))
}

/// Without the white space that JSON allows around a value.
pub fn trim(text: &str) -> &str {
    // On bytes: to look for characters costs more than all else that is done with a small packet.
    let is_value = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let bytes = text.as_bytes();
    let Some(start) = bytes.iter().position(is_value) else { return "" };
    let end = bytes.iter().rposition(is_value).unwrap_or(start);
    text.get(start..=end).unwrap_or_default()
}

/// Whether valid JSON is an object.
pub fn is_object(json: &str) -> bool {
    trim(json).starts_with('{')
}

/// Whether valid JSON is an array.
pub fn is_array(json: &str) -> bool {
    trim(json).starts_with('[')
}

/// Whether valid JSON is a string.
pub fn is_string(json: &str) -> bool {
    trim(json).starts_with('"')
}

/// The raw elements of a valid JSON array, without the white space around them.
///
/// Of anything else there are none.
pub fn elements(array: &str) -> Elements<'_> {
    let inside = trim(array).strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    Elements { rest: trim(inside.unwrap_or_default()) }
}

/// The raw value of this name in a valid JSON object: the last of several, as in JavaScript.
pub fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    members(object).filter(|(key, _)| key == name).map(|(_, value)| value).last()
}

/// The members of a valid JSON object, with their raw values: of equal keys all. Of anything else there are none.
pub fn members(object: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let inside = trim(object).strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    Elements { rest: trim(inside.unwrap_or_default()) }.filter_map(|member| {
        let end = string_end(member.as_bytes(), 1).saturating_add(1);
        let (key, value) = member.split_at_checked(end)?;
        Some((unescape(key), trim(value).strip_prefix(':').map(trim)?))
    })
}

/// Iterator over the raw elements of an array.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a str,
}

impl<'a> Elements<'a> {
    /// The elements not yet taken, with their commas, as they stand in the array.
    pub fn rest(&self) -> &'a str {
        self.rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = element_end(self.rest.as_bytes());
        // Always char boundaries: `end` is the text's end or at a comma.
        let element = self.rest.get(..end).unwrap_or_default();
        self.rest = trim(self.rest.get(end.saturating_add(1)..).unwrap_or_default());
        Some(trim(element))
    }
}

/// Where the first element of a valid, comma-separated list ends.
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, and a depth that is no larger")]
fn element_end(bytes: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at + 1),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// The position of the quote that ends a valid string whose first character is at `at`.
#[expect(clippy::arithmetic_side_effects, reason = "places in a text, two behind its end at most")]
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(rest) = bytes.get(at..) {
        at += text::plain_run(rest);
        if bytes.get(at) == Some(&b'"') {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

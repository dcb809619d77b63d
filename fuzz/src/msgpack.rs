//! msgpack against rmpv, and through JSON and back.

use rmpv::Value;
use roomcast::wire::{json, msgpack};
use std::borrow::Cow;

/// rmpv stops behind this depth; ours does at [`msgpack::MAX_DEPTH`].
const DEPTH: usize = 1_024;
const MAX: usize = 1 << 20;

type Attachments<'a> = Vec<Cow<'a, [u8]>>;

pub(crate) fn check(input: &[u8]) {
    match read(input) {
        Some((text, attachments)) => {
            assert!(json::validate(&text, msgpack::MAX_DEPTH).is_ok(), "{text}");
            let theirs = theirs(input).unwrap_or_else(|| panic!("{text} of {input:x?}"));
            let mut taken = 0;
            assert!(is(&theirs, &text, &attachments, &mut taken), "{text}: {theirs:?}");
            assert_eq!(taken, attachments.len());
            again(&text, &attachments);
        }
        // 0xc1 is nil to rmpv.
        None => assert!(input.contains(&0xc1) || theirs(input).is_none_or(|value| !fits(&value, 0))),
    }
    if let Ok(text) = std::str::from_utf8(input) {
        packed(text);
    }
}

fn read(bytes: &[u8]) -> Option<(String, Attachments<'_>)> {
    let (mut text, mut attachments) = (Vec::new(), Vec::new());
    msgpack::to_json(bytes, &mut text, &mut attachments).ok()?;
    Some((String::from_utf8(text).ok()?, attachments))
}

fn theirs(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = rmpv::decode::read_value_with_max_depth(&mut rest, DEPTH).ok()?;
    rest.is_empty().then_some(value)
}

/// Whether ours is to take it.
fn fits(value: &Value, depth: u32) -> bool {
    let deeper = depth < msgpack::MAX_DEPTH;
    match value {
        Value::String(text) => text.is_str(),
        Value::Array(items) => deeper && items.iter().all(|item| fits(item, depth + 1)),
        Value::Map(pairs) => {
            let is_key = |key: &Value| {
                matches!(key, Value::String(text) if text.is_str()) || key.is_i64() || key.is_u64()
            };
            deeper && pairs.iter().all(|(key, value)| is_key(key) && fits(value, depth + 1))
        }
        // Its type and its bytes are an array.
        Value::Ext(..) => deeper,
        _ => true,
    }
}

/// Whether JSON and attachments, of which some were taken, are this value.
fn is(value: &Value, text: &str, attachments: &Attachments<'_>, taken: &mut usize) -> bool {
    let mut bytes = |bytes: &[u8]| {
        let here = attachments.get(*taken).is_some_and(|attachment| **attachment == *bytes);
        let placeholder = format!("{{\"_placeholder\":true,\"num\":{taken}}}");
        *taken += 1;
        here && text == placeholder
    };
    match value {
        Value::Nil => text == "null",
        Value::Boolean(flag) => text == flag.to_string(),
        Value::Integer(number) => text == number.to_string(),
        Value::F32(number) => is_float(f64::from(*number), text),
        Value::F64(number) => is_float(*number, text),
        Value::String(string) => string.as_str().is_some_and(|string| json::unescape(text) == string),
        Value::Binary(binary) => bytes(binary),
        // Of 8 bytes it may be a time.
        Value::Ext(0, binary) if !matches!(binary.len(), 1 | 2 | 4 | 8 | 16) => bytes(binary),
        Value::Ext(kind, binary) => extension(text, *kind, binary, attachments, taken),
        Value::Array(items) => {
            json::is_array(text)
                && json::elements(text).count() == items.len()
                && items
                    .iter()
                    .zip(json::elements(text))
                    .all(|(item, text)| is(item, text, attachments, taken))
        }
        Value::Map(pairs) => {
            let key_is = |key: &Value, text: &str| match key.as_str() {
                Some(key) => text == key,
                None => text == key.to_string(),
            };
            json::is_object(text)
                && json::members(text).count() == pairs.len()
                && pairs.iter().zip(json::members(text)).all(|((key, value), (name, text))| {
                    key_is(key, &name) && is(value, text, attachments, taken)
                })
        }
    }
}

/// A time, nothing, or an extension that has no meaning: its type, and its bytes. Of type 0 it may be an `ArrayBuffer`: rmpv does not tell
/// whether its length was said.
fn extension(text: &str, kind: i8, binary: &[u8], attachments: &Attachments<'_>, taken: &mut usize) -> bool {
    if text == "null" || json::is_string(text) {
        return matches!(kind, 0 | -1);
    }
    let here = attachments.get(*taken).is_some_and(|attachment| **attachment == *binary);
    let placeholder = format!("{{\"_placeholder\":true,\"num\":{taken}}}");
    *taken += 1;
    here && (text == format!("[{kind},{placeholder}]") || (kind == 0 && text == placeholder))
}

fn is_float(number: f64, text: &str) -> bool {
    if number.is_finite() { text.parse() == Ok(number) } else { text == "null" }
}

/// What was read is written and read again as it is, unless some of it looks like a placeholder and is none.
fn again(text: &str, attachments: &Attachments<'_>) {
    if !attachments.is_empty() && text.matches("_placeholder").count() != attachments.len() {
        return;
    }
    let mut out = Vec::new();
    if msgpack::from_json(text, attachments, &mut out, MAX).is_ok() {
        assert_eq!(read(&out), Some((text.to_owned(), attachments.clone())), "{out:x?}");
    } else {
        assert!(out.len() > MAX, "{text}");
    }
}

/// JSON is written as what rmpv reads as the same.
fn packed(text: &str) {
    let mut out = Vec::new();
    let valid = json::validate(text, msgpack::MAX_DEPTH).is_ok();
    assert_eq!(msgpack::from_json(text, &[], &mut out, MAX).is_ok(), valid, "{text}");
    if valid {
        let (back, attachments) = read(&out).unwrap_or_else(|| panic!("{out:x?} of {text}"));
        assert!(attachments.is_empty());
        assert!(same(text, &back), "{back} of {text}");
        let value = theirs(&out).expect("it is msgpack");
        assert!(is(&value, &back, &attachments, &mut 0), "{value:?} of {text}");
    }
    // What placeholders may name.
    let attachments: Attachments<'_> = vec![Cow::Borrowed(b"A"), Cow::Borrowed(b"")];
    out.clear();
    assert_eq!(msgpack::from_json(text, &attachments, &mut out, MAX).is_ok(), valid, "{text}");
    assert!(!valid || theirs(&out).is_some());
}

/// Whether two texts of JSON are the same value, with numbers as JavaScript has them.
fn same(one: &str, other: &str) -> bool {
    let (one, other) = (json::trim(one), json::trim(other));
    match one.as_bytes().first() {
        Some(b'[') => {
            json::is_array(other)
                && json::elements(one).count() == json::elements(other).count()
                && json::elements(one).zip(json::elements(other)).all(|(one, other)| same(one, other))
        }
        Some(b'{') => {
            let (ones, others) = (json::members(one), json::members(other));
            json::is_object(other)
                && json::members(one).count() == json::members(other).count()
                && ones.zip(others).all(|((a, one), (b, other))| a == b && same(one, other))
        }
        Some(b'"') => json::is_string(other) && json::unescape(one) == json::unescape(other),
        Some(b't' | b'f' | b'n') => one == other,
        _ => match one.parse::<f64>() {
            Ok(number) if number.is_infinite() => other == "null",
            number => number == other.parse(),
        },
    }
}

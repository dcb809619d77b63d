//! Placeholders: the objects in a packet's JSON that stand for its attachments. It must not touch the attachments.

use super::super::json::{self, Malformed, Stack, Visit};

/// Whether every placeholder in valid JSON names one of `attachments`.
///
/// A placeholder is an object whose `_placeholder` is `true`, however the key is escaped; of equal keys the
/// last counts. Attachments that nothing names are allowed, as in the reference.
pub fn placeholders(json: &str, attachments: u32) -> Result<(), Malformed> {
    json::walk(json, u32::MAX, &mut Placeholders { attachments, open: Stack::new(), here: 0, key: 0 })
}

/// An object has `_placeholder: true`; the key that says so.
pub(in crate::wire) const MARKED: u8 = 1;
/// An object has a `num` that names an attachment; the key that says so.
pub(in crate::wire) const NUMBERED: u8 = 2;

struct Placeholders {
    attachments: u32,
    /// What is known of the objects around the innermost one.
    open: Stack,
    /// What is known of the innermost object.
    here: u8,
    /// Which of the two facts the next value decides, if any.
    key: u8,
}

impl Placeholders {
    fn decide(&mut self, fact: bool) {
        self.here = if fact { self.here | self.key } else { self.here & !self.key };
    }
}

impl Visit for Placeholders {
    fn open(&mut self, _bracket: u8) {
        self.decide(false);
        self.open.push(self.here);
        self.here = 0;
        self.key = 0;
    }

    fn close(&mut self) -> Result<(), Malformed> {
        if self.here == MARKED {
            return Err(Malformed);
        }
        self.here = self.open.pop().unwrap_or(0);
        self.key = 0;
        Ok(())
    }

    fn key(&mut self, raw: &str) {
        self.key = fact(raw);
    }

    fn scalar(&mut self, raw: &str) {
        match self.key {
            MARKED => self.decide(raw == "true"),
            NUMBERED => self.decide(attachment(raw, self.attachments).is_some()),
            _ => {}
        }
    }
}

/// Which fact about its object a raw key decides, or 0.
pub(in crate::wire) fn fact(key: &str) -> u8 {
    match key {
        "\"_placeholder\"" => MARKED,
        "\"num\"" => NUMBERED,
        _ if !key.contains('\\') => 0,
        _ => match &*json::unescape(key) {
            "_placeholder" => MARKED,
            "num" => NUMBERED,
            _ => 0,
        },
    }
}

/// The attachment that a scalar is the number of, in any form that JSON has for it: `1`, `1.0`, `10e-1`.
pub(in crate::wire) fn attachment(raw: &str, attachments: u32) -> Option<usize> {
    // What else `parse` takes, such as `inf`, is no JSON scalar.
    let number = raw.parse::<f64>().ok()?;
    let named = number.fract() == 0.0 && number >= 0.0 && number < f64::from(attachments);
    named.then_some(number as usize)
}

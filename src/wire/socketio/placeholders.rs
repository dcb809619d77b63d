//! Placeholders: the objects in a packet's JSON that stand for its attachments. It must not touch the attachments.

use super::super::json::{self, Malformed, Stack, Token, Visit};

/// Whether every placeholder in valid JSON names one of `attachments`.
///
/// A placeholder is an object whose `_placeholder` is `true`, however the key is escaped; of equal keys the
/// last counts. Attachments that nothing names are allowed, as in the reference.
pub fn placeholders(json: &str, attachments: u32) -> Result<(), Malformed> {
    each_placeholder(json, attachments, |_| {})
}

/// The same, and tells `each` about the attachment that a placeholder names.
pub(in crate::wire) fn each_placeholder(
    json: &str,
    attachments: u32,
    each: impl FnMut(usize),
) -> Result<(), Malformed> {
    let mut placeholders =
        Placeholders { attachments, open: Stack::new(), here: Here::default(), key: 0, each };
    json::walk(json, u32::MAX, &mut placeholders)
}

/// An object has `_placeholder: true`; the key that says so.
pub(in crate::wire) const MARKED: u8 = 1;
/// An object has a `num` that names an attachment; the key that says so.
pub(in crate::wire) const NUMBERED: u8 = 2;

/// What is known of an object: the two facts, and the attachment that it names.
#[derive(Clone, Copy, Default)]
struct Here {
    facts: u8,
    attachment: usize,
}

struct Placeholders<F> {
    attachments: u32,
    /// The objects around the innermost one.
    open: Stack<Here>,
    here: Here,
    /// Which of the two facts the next value decides, if any.
    key: u8,
    each: F,
}

impl<F> Placeholders<F> {
    fn decide(&mut self, fact: bool) {
        let facts = self.here.facts;
        self.here.facts = if fact { facts | self.key } else { facts & !self.key };
    }
}

impl<F: FnMut(usize)> Visit for Placeholders<F> {
    fn open(&mut self, _bracket: u8, _: usize) {
        self.decide(false);
        self.open.push(self.here);
        self.here = Here::default();
        self.key = 0;
    }

    fn close(&mut self, _: usize) -> Result<(), Malformed> {
        if self.here.facts == MARKED {
            return Err(Malformed);
        }
        if self.here.facts == MARKED | NUMBERED {
            (self.each)(self.here.attachment);
        }
        self.here = self.open.pop().unwrap_or_default();
        self.key = 0;
        Ok(())
    }

    fn key(&mut self, key: Token<'_>) {
        self.key = fact(key.raw());
    }

    fn scalar(&mut self, scalar: Token<'_>) {
        let raw = scalar.raw();
        match self.key {
            MARKED => self.decide(raw == "true"),
            NUMBERED => {
                let named = attachment(raw, self.attachments);
                self.here.attachment = named.unwrap_or(0);
                self.decide(named.is_some());
            }
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

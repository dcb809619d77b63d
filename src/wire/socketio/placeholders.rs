//! Placeholders: the objects in a packet's JSON that stand for its attachments. It must not touch the attachments.

use super::super::json::{self, Malformed, Stack, Visit};

/// Whether every placeholder in valid JSON names one of `attachments`.
///
/// A placeholder is an object whose `_placeholder` is `true`, however the key is escaped; of equal keys the
/// last counts. Attachments that nothing names are allowed, as in the reference.
pub fn placeholders(json: &str, attachments: u32) -> Result<(), Malformed> {
    json::walk(json, u32::MAX, &mut Placeholders { attachments, open: Stack::new(), here: 0, key: 0 })
}

/// The innermost object has `_placeholder: true`.
const MARKED: u8 = 1;
/// The innermost object has a `num` that names an attachment.
const NUMBERED: u8 = 2;

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
    fn open(&mut self) {
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
        self.key = match raw {
            "\"_placeholder\"" => MARKED,
            "\"num\"" => NUMBERED,
            _ if !raw.contains('\\') => 0,
            _ => match &*json::unescape(raw) {
                "_placeholder" => MARKED,
                "num" => NUMBERED,
                _ => 0,
            },
        };
    }

    fn scalar(&mut self, raw: &str) {
        match self.key {
            MARKED => self.decide(raw == "true"),
            NUMBERED => self.decide(names_attachment(raw, self.attachments)),
            _ => {}
        }
    }
}

/// Whether a scalar is the number of an attachment, in any form that JSON has for it: `1`, `1.0`, `10e-1`.
fn names_attachment(raw: &str, attachments: u32) -> bool {
    // What else `parse` takes, such as `inf`, is no JSON scalar.
    let Ok(number) = raw.parse::<f64>() else { return false };
    number.fract() == 0.0 && number >= 0.0 && number < f64::from(attachments)
}

//! Whether all that is to be there is there, since when it is not, and why: told when that changes. It must not find it out.

use super::Told;
use crate::base::Millis;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(crate) struct Standing {
    up: bool,
    down_since: Option<Millis>,
    /// Why it is down, as it was told.
    why: String,
}

impl Standing {
    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    /// Why nothing can be asked.
    pub(crate) fn why(&self) -> &str {
        if self.why.is_empty() { "there is no connection yet" } else { &self.why }
    }

    /// All is there.
    pub(crate) fn rise(&mut self, now: Millis, told: &mut VecDeque<Told>) {
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        self.why.clear();
        let lost = self.down_since.take().map(|since| now.saturating_sub(since));
        told.push_back(Told::Up(lost));
    }

    /// It is not up any more, or for another reason.
    pub(crate) fn fall(&mut self, why: &str, now: Millis, told: &mut VecDeque<Told>) {
        if std::mem::replace(&mut self.up, false) {
            self.down_since = Some(now);
        } else if self.why == why {
            return;
        }
        why.clone_into(&mut self.why);
        match told.back_mut() {
            // Nobody has heard the last reason: there is no need for two.
            Some(Told::Down(last)) => why.clone_into(last),
            _ => told.push_back(Told::Down(why.to_owned())),
        }
    }
}

//! Session ids: 20 characters nobody can guess, from which the broker finds its slot without a table. It must not
//! reveal how many sessions there are.

use super::errors::{Error, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::hash::{BuildHasher, RandomState};

const RAW: usize = 15;
const SLOT: usize = 4;

/// The text form of an id, as the reference makes them: 15 bytes in URL-safe base64.
pub(crate) type Sid = [u8; 20];

/// Makes ids and finds the slot inside one.
///
/// Eleven bytes (88 bits) come from the system's generator; the other four are the slot, masked by a keyed hash of
/// those eleven. Whoever looks a slot up still compares the whole id with the one that lives there.
#[derive(Debug)]
pub(crate) struct SidSource {
    space: IdSpace,
    pool: Box<[u8; 1_100]>,
    used: usize,
}

/// The ids that a source may make. With several loops each has a share of them, and any can tell from an id whose it is.
#[derive(Clone, Debug)]
pub(crate) struct IdSpace {
    mask: RandomState,
    number: u32,
    count: u32,
}

/// Slots within one share.
const SLOT_BITS: u32 = 26;

impl IdSpace {
    /// So many shares, each of which can read the others' ids.
    pub(crate) fn shares(count: usize) -> impl Iterator<Item = Self> {
        let mask = RandomState::new();
        (0..count).map(move |number| Self { mask: mask.clone(), number: number as u32, count: count as u32 })
    }

    /// All ids.
    pub(crate) fn whole() -> Self {
        Self { mask: RandomState::new(), number: 0, count: 1 }
    }

    /// Which share it is, from 0.
    pub(crate) fn number(&self) -> u64 {
        self.number.into()
    }

    /// How many shares there are.
    pub(crate) fn count(&self) -> u64 {
        self.count.into()
    }
}

impl SidSource {
    pub(crate) fn new(space: IdSpace) -> Self {
        Self { space, pool: Box::new([0; 1_100]), used: 1_100 }
    }

    /// What it makes its ids of.
    pub(crate) fn space(&self) -> &IdSpace {
        &self.space
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "the pool holds a hundred times what one id takes, and is filled anew at its end"
    )]
    pub(crate) fn make(&mut self, slot: u32) -> Result<Sid> {
        if self.used == self.pool.len() {
            getrandom::fill(&mut self.pool[..]).map_err(|_| Error::NoEntropy)?;
            self.used = 0;
        }
        let mut raw = [0; RAW];
        raw[SLOT..].copy_from_slice(&self.pool[self.used..self.used + RAW - SLOT]);
        self.used += RAW - SLOT;
        let masked = (self.space.number << SLOT_BITS | slot) ^ self.mask_of(&raw);
        raw[..SLOT].copy_from_slice(&masked.to_le_bytes());
        let mut sid = [0; 20];
        // 15 bytes are exactly 20 characters, so the slice is never too short.
        let _ = URL_SAFE_NO_PAD.encode_slice(raw, &mut sid);
        Ok(sid)
    }

    /// The slot an id would live in, if this source made it.
    pub(crate) fn slot(&self, sid: &str) -> Option<u32> {
        let place = self.place(sid)?;
        (place >> SLOT_BITS == self.space.number).then_some(place & ((1 << SLOT_BITS) - 1))
    }

    /// The number of the share an id would live in, if it is not this one.
    pub(crate) fn elsewhere(&self, sid: &str) -> Option<usize> {
        let space = self.place(sid)? >> SLOT_BITS;
        (space != self.space.number && space < self.space.count).then_some(space as usize)
    }

    fn place(&self, sid: &str) -> Option<u32> {
        let mut raw = [0; RAW];
        if sid.len() != 20 || URL_SAFE_NO_PAD.decode_slice(sid, &mut raw) != Ok(RAW) {
            return None;
        }
        let mut slot = [0; SLOT];
        slot.copy_from_slice(&raw[..SLOT]);
        Some(u32::from_le_bytes(slot) ^ self.mask_of(&raw))
    }

    fn mask_of(&self, raw: &[u8; RAW]) -> u32 {
        self.space.mask.hash_one(&raw[SLOT..]) as u32
    }
}

/// An id that another process has given out: as long as ours, and of the same characters.
pub(crate) fn foreign(text: &[u8]) -> Option<Sid> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    text.try_into().ok().filter(|sid: &Sid| sid.iter().all(plain))
}

/// An id as text; it is ASCII by construction.
pub(crate) fn text(sid: &Sid) -> &str {
    std::str::from_utf8(sid).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_id_leads_back_to_its_slot_and_none_repeats() {
        let mut source = SidSource::new(IdSpace::whole());
        let mut seen = HashSet::new();
        for slot in (0..crate::base::rounds(1_000) as u32).chain([(1 << SLOT_BITS) - 1]) {
            let sid = source.make(slot).unwrap();
            assert_eq!(source.slot(text(&sid)), Some(slot));
            assert!(seen.insert(sid));
        }
        let elsewhere = SidSource::new(IdSpace::whole());
        let sid = source.make(7).unwrap();
        assert_eq!(source.elsewhere(text(&sid)), None);
        assert_ne!(elsewhere.slot(text(&sid)), Some(7));
        assert_eq!(elsewhere.elsewhere(text(&sid)), None);
        assert_eq!(source.slot("short"), None);
        assert_eq!(source.slot("********************"), None);
    }

    #[test]
    fn an_id_tells_its_home_to_the_others() {
        let mut sources: Vec<_> = IdSpace::shares(3).map(SidSource::new).collect();
        let sid = sources[2].make(41).unwrap();
        assert_eq!(sources[2].slot(text(&sid)), Some(41));
        assert_eq!(sources[2].elsewhere(text(&sid)), None);
        assert_eq!(sources[0].slot(text(&sid)), None);
        assert_eq!(sources[0].elsewhere(text(&sid)), Some(2));
    }
}

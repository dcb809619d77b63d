//! Numbers that spread what many nodes would do at once. They need not be hard to guess.

/// splitmix64.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Not less than half of `whole`, and not more than it.
    pub(crate) fn around(&mut self, whole: u64) -> u64 {
        let half = whole / 2;
        half.saturating_add(self.next().checked_rem(half.saturating_add(1)).unwrap_or(0))
    }
}

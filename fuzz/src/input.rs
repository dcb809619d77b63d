//! Choices out of bytes. When they are used up, every choice is the first one.

/// What is left of an input.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let number = usize::from(self.byte());
        let number = if bound > 256 { number << 8 | usize::from(self.byte()) } else { number };
        number % bound
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// At most 255 bytes, as many as the first byte says.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    /// What is left, in pieces that it chooses by itself: the first byte seeds their lengths.
    pub(crate) fn pieces(&mut self) -> (&'a [u8], Vec<&'a [u8]>) {
        let mut state = u32::from(self.byte());
        let whole = self.0;
        let mut pieces = Vec::new();
        let mut rest = whole;
        while !rest.is_empty() {
            // A seed of 0 gives single bytes; others mix short and long ones.
            state = state.wrapping_mul(1_103_515_245).wrapping_add(u32::from(state != 0) * 12_345);
            let longest = if state >> 16 & 3 == 0 { rest.len() } else { 12 };
            let length = 1 + (state >> 18) as usize % longest;
            let (piece, tail) = rest.split_at(length.min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        self.0 = &[];
        (whole, pieces)
    }
}

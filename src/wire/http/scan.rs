//! Where a head that comes in pieces may end, found without reading any byte twice. It must not judge what it reads.

use crate::base::limits::Limits;
use memchr::memmem;

/// How far the head at the start of a buffer was looked through.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScan {
    /// Line ends before the request line.
    blank: usize,
    /// Bytes in which no end is.
    seen: usize,
    /// With so many bytes it is parsed without its end too, so that what can never become a request is refused.
    again: usize,
}

impl HeadScan {
    /// Whether a parser is to look at what has come: the head may be whole, is too long, or has doubled since. So all
    /// attempts together cost no more than a few, however the stream is cut.
    pub fn is_due(&mut self, buf: &[u8], limits: &Limits) -> bool {
        let rest = buf.get(self.blank..).unwrap_or_default();
        self.blank = self.blank.saturating_add(rest.iter().take_while(|byte| b"\r\n".contains(byte)).count());
        // An end that the last look has cut in two.
        let from = self.seen.saturating_sub(2).max(self.blank.saturating_sub(1));
        let rest = buf.get(from..).unwrap_or_default();
        let ends = memmem::find(rest, b"\n\r\n").is_some() || memmem::find(rest, b"\n\n").is_some();
        if !ends {
            self.seen = buf.len();
        }
        let due = ends || buf.len() >= self.again || buf.len() >= limits.max_head_bytes;
        if due {
            self.again = buf.len().saturating_mul(2);
        }
        due
    }
}

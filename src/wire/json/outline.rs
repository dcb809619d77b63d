//! JSON that was checked once, with a list of all that is in it: whoever looks for values within values reads none of it again. It must
//! not copy text.

use super::walk::{Token, Visit, walk};
use super::{Malformed, trim, unescape};
use std::borrow::Cow;

/// A key or a value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    end: u32,
    /// The number of what is behind it and all that it has inside. While an array or object is open, of that around it.
    next: u32,
    escaped: bool,
}

/// A checked text, with all keys and values in the order in which they begin.
#[derive(Debug)]
pub(in crate::wire) struct Outline<'a> {
    text: &'a str,
    entries: Vec<Entry>,
    depth: u32,
}

impl<'a> Outline<'a> {
    /// Checks a text as [`validate`](super::validate) does. One of 4 GiB is refused as well.
    pub(in crate::wire) fn of(text: &'a str, max_depth: u32) -> Result<Self, Malformed> {
        /// As many as most messages have.
        const ENOUGH: usize = 64;
        if u32::try_from(text.len()).is_err() {
            return Err(Malformed);
        }
        let entries = Vec::with_capacity(ENOUGH.min(text.len()));
        let mut list = List { entries, innermost: NONE, open: 0, depth: 0 };
        walk(text, max_depth, &mut list)?;
        Ok(Self { text, entries: list.entries, depth: list.depth })
    }

    /// The whole.
    pub(in crate::wire) fn value(&self) -> Node<'_, 'a> {
        Node { outline: self, number: 0 }
    }

    #[inline]
    fn entry(&self, number: u32) -> Option<Entry> {
        self.entries.get(number as usize).copied()
    }
}

/// Around the outermost one.
const NONE: u32 = u32::MAX;

struct List {
    entries: Vec<Entry>,
    /// The number of that which is open.
    innermost: u32,
    open: u32,
    depth: u32,
}

impl List {
    #[inline]
    fn add(&mut self, Token { place: (start, end), escaped, .. }: Token<'_>) {
        // They are places in a text of less than 4 GiB.
        let (start, end) = (start as u32, end as u32);
        let next = (self.entries.len() as u32).saturating_add(1);
        self.entries.push(Entry { start, end, next, escaped });
    }
}

impl Visit for List {
    fn open(&mut self, _bracket: u8, start: usize) {
        let number = self.entries.len() as u32;
        self.entries.push(Entry { start: start as u32, end: 0, next: self.innermost, escaped: false });
        self.innermost = number;
        self.open = self.open.saturating_add(1);
        self.depth = self.depth.max(self.open);
    }

    fn close(&mut self, behind: usize) -> Result<(), Malformed> {
        let number = self.entries.len() as u32;
        let entry = self.entries.get_mut(self.innermost as usize).ok_or(Malformed)?;
        entry.end = behind as u32;
        self.innermost = std::mem::replace(&mut entry.next, number);
        self.open = self.open.saturating_sub(1);
        Ok(())
    }

    fn key(&mut self, key: Token<'_>) {
        self.add(key);
    }

    fn string(&mut self, string: Token<'_>) {
        self.add(string);
    }

    fn scalar(&mut self, scalar: Token<'_>) {
        self.add(scalar);
    }
}

/// A value of a checked text.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Node<'o, 'a> {
    outline: &'o Outline<'a>,
    number: u32,
}

impl<'o, 'a> Node<'o, 'a> {
    /// The value as it stands, without white space around it.
    #[inline]
    pub(in crate::wire) fn raw(self) -> &'a str {
        let Some(Entry { start, end, .. }) = self.outline.entry(self.number) else { return "" };
        self.outline.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// What a string stands for. `None` if it is none.
    pub(in crate::wire) fn text(self) -> Option<Cow<'a, str>> {
        let Entry { start, end, escaped, .. } = self.outline.entry(self.number)?;
        let (start, end) = (start as usize, end as usize);
        if self.outline.text.as_bytes().get(start) != Some(&b'"') {
            return None;
        }
        if escaped {
            return Some(unescape(self.raw()));
        }
        self.outline.text.get(start.saturating_add(1)..end.saturating_sub(1)).map(Cow::Borrowed)
    }

    /// Whether it is `null`.
    #[inline]
    pub(in crate::wire) fn is_null(self) -> bool {
        let first = self.outline.entry(self.number).map(|entry| entry.start as usize);
        first.and_then(|first| self.outline.text.as_bytes().get(first)) == Some(&b'n')
    }

    /// The values of an array. `None` if it is none.
    pub(in crate::wire) fn items(self) -> Option<Nodes<'o, 'a>> {
        self.inside(b'[')
    }

    /// Gives `take` the keys of an object and their values, in their order. `None` if it is none.
    pub(in crate::wire) fn members<E>(
        self,
        mut take: impl FnMut(&str, Self) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let mut inside = self.inside(b'{')?;
        while let (Some(key), Some(value)) = (inside.next(), inside.next()) {
            if let Err(error) = take(&key.text().unwrap_or_default(), value) {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    /// Whether arrays and objects of the whole text that it is in are nested deeper.
    pub(in crate::wire) fn is_within_deeper(self, depth: u32) -> bool {
        self.outline.depth > depth
    }

    fn inside(self, bracket: u8) -> Option<Nodes<'o, 'a>> {
        let Self { outline, number } = self;
        let Entry { start, next, .. } = outline.entry(number)?;
        let begins = outline.text.as_bytes().get(start as usize) == Some(&bracket);
        begins.then(|| Nodes { outline, of: number, number: number.saturating_add(1), behind: next })
    }
}

/// The values in an array, or the keys and values in an object.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Nodes<'o, 'a> {
    outline: &'o Outline<'a>,
    /// Of what.
    of: u32,
    number: u32,
    /// The number of what is behind the last one.
    behind: u32,
}

impl<'a> Nodes<'_, 'a> {
    /// What has not been taken, with its commas, as it stands.
    pub(in crate::wire) fn rest(&self) -> &'a str {
        if self.number >= self.behind {
            return "";
        }
        let (Some(first), Some(around)) = (self.outline.entry(self.number), self.outline.entry(self.of))
        else {
            return "";
        };
        let end = around.end.saturating_sub(1) as usize;
        trim(self.outline.text.get(first.start as usize..end).unwrap_or_default())
    }
}

impl<'o, 'a> Iterator for Nodes<'o, 'a> {
    type Item = Node<'o, 'a>;

    #[inline]
    fn next(&mut self) -> Option<Node<'o, 'a>> {
        let Self { outline, number, behind, .. } = *self;
        if number >= behind {
            return None;
        }
        self.number = outline.entry(number)?.next;
        Some(Node { outline, number })
    }
}

//! Which messages of the tick may be dropped or replaced, by where they lie in the log. Most ticks have none, and then
//! this costs nothing.

use super::Frame;
use super::backlog::Class;
use std::collections::HashMap;

#[derive(Clone, Copy, Debug)]
struct Tag {
    frame: Frame,
    class: Class,
    /// The one before it with the same key.
    older: Option<u32>,
}

/// The tick's messages that are not of class [`Class::Keep`], in the order of the log.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    tags: Vec<Tag>,
    newest: HashMap<(u32, u64), u32>,
}

impl Tags {
    pub(crate) fn add(&mut self, frame: Frame, class: Class) {
        let mut older = None;
        if let Class::Latest { namespace, key } = class {
            older = self.newest.insert((namespace, key), self.tags.len() as u32);
        }
        self.tags.push(Tag { frame, class, older });
    }

    /// The tick's messages of a key, newest first.
    pub(crate) fn of_key(&self, namespace: u32, key: u64) -> impl Iterator<Item = Frame> + '_ {
        let mut next = self.newest.get(&(namespace, key)).copied();
        std::iter::from_fn(move || {
            let tag = self.tags.get(next? as usize)?;
            next = tag.older;
            Some(tag.frame)
        })
    }

    /// Cuts a range of the log into stretches of one class each, in order.
    pub(crate) fn pieces(&self, range: Frame) -> impl Iterator<Item = (Frame, Class)> + '_ {
        let mut at = range.start;
        let mut next = self.tags.partition_point(|tag| tag.frame.start < range.start);
        std::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let tag = self.tags.get(next).filter(|tag| tag.frame.start < range.end);
            match tag {
                Some(tag) if tag.frame.start == at => {
                    next = next.saturating_add(1);
                    at = tag.frame.end;
                    Some((tag.frame, tag.class))
                }
                tag => {
                    let end = tag.map_or(range.end, |tag| tag.frame.start);
                    let piece = Frame { start: at, end };
                    at = end;
                    Some((piece, Class::Keep))
                }
            }
        })
    }

    pub(crate) fn clear(&mut self) {
        if !self.tags.is_empty() {
            self.tags.clear();
            self.newest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(start: u32, end: u32) -> Frame {
        Frame { start, end }
    }

    #[test]
    fn a_range_is_cut_at_its_tags() {
        let mut tags = Tags::default();
        let latest = Class::Latest { namespace: 1, key: 7 };
        tags.add(frame(5, 10), Class::DropOldest);
        tags.add(frame(20, 30), latest);
        tags.add(frame(30, 40), latest);
        let pieces = |start, end| tags.pieces(frame(start, end)).collect::<Vec<_>>();
        assert_eq!(pieces(0, 5), [(frame(0, 5), Class::Keep)]);
        assert_eq!(
            pieces(5, 25),
            [(frame(5, 10), Class::DropOldest), (frame(10, 20), Class::Keep), (frame(20, 30), latest)]
        );
        assert_eq!(pieces(12, 50).len(), 4);
        assert_eq!(tags.of_key(1, 7).collect::<Vec<_>>(), [frame(30, 40), frame(20, 30)]);
        assert_eq!(tags.of_key(2, 7).count(), 0);
    }
}

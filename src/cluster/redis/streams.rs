//! Streams that are read: from where on, and how many entries at a time. It must not send commands.

use crate::wire::cluster::session::EntryId;
use crate::wire::resp::{Items, Reply};
use std::collections::BTreeMap;

/// Entries in one reply, at most: so many share what a question costs both sides.
const MOST: u32 = 256;

/// Milliseconds for which the Redis may wait for an entry.
const BLOCK: &[u8] = b"5000";

/// One entry of a stream: names of fields, each with its value behind it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place in the stream.
    pub(crate) id: EntryId,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Entry {
    fn of(id: EntryId, parts: Items<'_>) -> Self {
        let size = |part| if let Reply::Text(text) = part { text.len() } else { 0 };
        let size = parts.map(size).fold(0, usize::saturating_add);
        let (bytes, ends) = (Vec::with_capacity(size), Vec::with_capacity(parts.len()));
        let mut entry = Self { id, bytes, ends };
        for part in parts {
            if let Reply::Text(text) = part {
                entry.bytes.extend_from_slice(text);
            }
            entry.ends.push(entry.bytes.len());
        }
        entry
    }

    /// Those of a part of a stream: the answer to XRANGE. One that was deleted has no fields.
    pub(crate) fn all(reply: Reply<'_>) -> impl Iterator<Item = Self> {
        let entries = if let Reply::List(entries) = reply { Some(entries) } else { None };
        entries.into_iter().flatten().filter_map(|entry| {
            let Reply::List(mut parts) = entry else { return None };
            let (Some(Reply::Text(id)), Some(Reply::List(fields))) = (parts.next(), parts.next()) else {
                return None;
            };
            Some(Self::of(EntryId::parse(id)?, fields))
        })
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &[u8]) -> Option<&[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let mut parts = begins.zip(&self.ends).map(|(begin, &end)| self.bytes.get(begin..end));
        while let (Some(Some(field)), Some(value)) = (parts.next(), parts.next()) {
            if field == name {
                return value;
            }
        }
        None
    }
}

/// The command that appends an entry to a stream, which keeps the last `keep` or some more.
pub(crate) fn append<'a>(stream: &'a [u8], keep: &'a [u8], fields: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let head: [&[u8]; 6] = [b"XADD", stream, b"MAXLEN", b"~", keep, b"*"];
    [&head, fields].concat()
}

/// All streams that are read.
#[derive(Debug)]
pub(super) struct Streams {
    /// The id of the entry behind which each is read, as soon as it is known which was its last.
    positions: BTreeMap<Box<[u8]>, Option<Box<[u8]>>>,
    /// Entries in one reply.
    count: u32,
}

impl Default for Streams {
    fn default() -> Self {
        Self { positions: BTreeMap::new(), count: MOST }
    }
}

impl Streams {
    /// Reads one: behind this entry, if it was read before.
    pub(super) fn add(&mut self, name: &[u8], position: Option<Box<[u8]>>) {
        self.positions.entry(name.into()).or_insert(position);
    }

    /// Reads it no more. The entry behind which it is to be read on.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Box<[u8]>> {
        self.positions.remove(name).flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The place behind which a stream is read, if that is known.
    pub(super) fn position(&self, name: &[u8]) -> Option<EntryId> {
        EntryId::parse(self.positions.get(name)?.as_deref()?)
    }

    /// One of which it is not known from where on it is read.
    pub(super) fn unknown(&self) -> Option<&[u8]> {
        self.positions.iter().find(|(_, position)| position.is_none()).map(|(name, _)| &**name)
    }

    /// The command that asks for the last entry of a stream.
    pub(super) fn ask_newest(name: &[u8]) -> [&[u8]; 6] {
        [b"XREVRANGE", name, b"+", b"-", b"COUNT", b"1"]
    }

    /// Its answer. A stream that is empty, or not there, is read from its beginning.
    pub(super) fn begin(&mut self, name: &[u8], newest: Reply<'_>) {
        let entry = match newest {
            Reply::List(mut entries) => entries.next(),
            _ => None,
        };
        let id = match entry {
            Some(Reply::List(mut parts)) => parts.next(),
            _ => None,
        };
        let Some(position) = self.positions.get_mut(name) else { return };
        *position = match id {
            Some(Reply::Text(id)) => Some(id.into()),
            _ => Some((*b"0-0").into()),
        };
    }

    /// The command that waits for entries.
    pub(super) fn read(&self) -> Vec<Vec<u8>> {
        let count = self.count.to_string();
        let head: [&[u8]; 6] = [b"XREAD", b"COUNT", count.as_bytes(), b"BLOCK", BLOCK, b"STREAMS"];
        let names = self.positions.keys().map(|name| &**name);
        let ids = self.positions.values().map(|position| position.as_deref().unwrap_or(b"$"));
        head.into_iter().chain(names).chain(ids).map(<[u8]>::to_vec).collect()
    }

    /// Its answer: calls `each` with what has come, of all streams.
    pub(super) fn answered(&mut self, reply: Reply<'_>, mut each: impl FnMut(Entry)) {
        match reply {
            // RESP3: a name, and its entries behind it.
            Reply::Map(mut streams) => {
                while let (Some(name), Some(entries)) = (streams.next(), streams.next()) {
                    self.take(name, entries, &mut each);
                }
            }
            Reply::List(streams) => {
                for stream in streams {
                    if let Reply::List(mut pair) = stream
                        && let (Some(name), Some(entries)) = (pair.next(), pair.next())
                    {
                        self.take(name, entries, &mut each);
                    }
                }
            }
            _ => {}
        }
        self.count = self.count.saturating_mul(2).min(MOST);
    }

    fn take(&mut self, name: Reply<'_>, entries: Reply<'_>, each: &mut impl FnMut(Entry)) {
        let (Reply::Text(name), Reply::List(entries)) = (name, entries) else { return };
        let Some(position) = self.positions.get_mut(name) else { return };
        let mut last = None;
        for entry in entries {
            let Reply::List(mut parts) = entry else { continue };
            let (Some(Reply::Text(id)), fields) = (parts.next(), parts.next()) else { continue };
            last = Some(id);
            // One that was deleted has no fields.
            if let Some(Reply::List(fields)) = fields {
                each(Entry::of(EntryId::parse(id).unwrap_or_default(), fields));
            }
        }
        if let Some(last) = last {
            *position = Some(last.into());
        }
    }

    /// A reply was larger than may be: fewer entries come at a time, or what is too large by itself is passed over, with all that was behind
    /// it. True if it is.
    pub(super) fn too_big(&mut self) -> bool {
        let single = self.count == 1;
        self.count = 1;
        if single {
            self.positions.values_mut().for_each(|position| *position = None);
        }
        single
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::resp::Reader;

    fn with<R>(text: &str, act: impl FnOnce(Reply<'_>) -> R) -> R {
        let mut reader = Reader::new(10_000);
        reader.feed(text.as_bytes());
        assert_eq!(reader.advance(), Ok(true));
        act(reader.reply())
    }

    fn texts(command: Vec<Vec<u8>>) -> String {
        String::from_utf8(command.join(&b' ')).unwrap()
    }

    #[test]
    fn each_stream_is_read_behind_what_was_its_last() {
        let mut streams = Streams::default();
        streams.add(b"b", None);
        streams.add(b"a", None);
        assert_eq!(streams.unknown(), Some(&b"a"[..]));
        with("*1\r\n*2\r\n$3\r\n5-1\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n", |reply| streams.begin(b"a", reply));
        assert_eq!(streams.unknown(), Some(&b"b"[..]));
        with("*0\r\n", |reply| streams.begin(b"b", reply));
        assert_eq!(streams.unknown(), None);
        assert_eq!(texts(streams.read()), "XREAD COUNT 256 BLOCK 5000 STREAMS a b 5-1 0-0");
        let entry = "*2\r\n$3\r\n6-0\r\n*4\r\n$1\r\nk\r\n$1\r\nv\r\n$1\r\nl\r\n$0\r\n\r\n";
        for reply in
            [format!("%1\r\n$1\r\na\r\n*1\r\n{entry}"), format!("*1\r\n*2\r\n$1\r\na\r\n*1\r\n{entry}")]
        {
            let mut came = Vec::new();
            with(&reply, |reply| streams.answered(reply, |entry| came.push(entry)));
            let [entry] = &came[..] else { panic!("{came:?}") };
            let fields = [b"k", b"l", b"v"].map(|name| entry.field(name));
            assert_eq!(fields, [Some(&b"v"[..]), Some(b""), None]);
            assert_eq!(texts(streams.read()), "XREAD COUNT 256 BLOCK 5000 STREAMS a b 6-0 0-0");
        }
    }

    #[test]
    fn what_is_too_large_comes_alone_or_is_passed_over() {
        let mut streams = Streams::default();
        streams.add(b"a", None);
        streams.begin(b"a", Reply::Null);
        assert!(!streams.too_big());
        assert_eq!(texts(streams.read()), "XREAD COUNT 1 BLOCK 5000 STREAMS a 0-0");
        streams.answered(Reply::Null, |_| {});
        assert_eq!(texts(streams.read()), "XREAD COUNT 2 BLOCK 5000 STREAMS a 0-0");
        assert!(!streams.too_big() && streams.too_big());
        assert_eq!(streams.unknown(), Some(&b"a"[..]));
    }

    #[test]
    fn what_is_no_such_answer_is_nothing() {
        let mut streams = Streams::default();
        streams.add(b"a", None);
        for text in [
            "*1\r\n:1\r\n",
            "*1\r\n*1\r\n:1\r\n",
            "_\r\n",
            ":1\r\n",
            "%1\r\n$1\r\na\r\n*1\r\n*1\r\n:1\r\n",
            "%1\r\n$1\r\nb\r\n*0\r\n",
        ] {
            with(text, |reply| streams.answered(reply, |entry| panic!("{entry:?}")));
            with(text, |reply| streams.begin(b"a", reply));
            assert_eq!(streams.unknown(), None);
        }
    }
}

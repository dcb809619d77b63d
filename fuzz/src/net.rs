//! Links without sockets, as a loop would hand them to the core: what the kernel takes, how a peer ends. It holds the core
//! to the contract of `Service` and `Output`, and to what was promised to the peer. It must not choose anything.

use roomcast::service::{Output, Sent};
use std::io::IoSlice;

/// What tells a client its session's id.
const SID: &[u8] = b"0{\"sid\":\"";
const PID: &[u8] = b"\"pid\":\"";

/// One link that the core has.
#[derive(Default)]
pub(crate) struct Link {
    /// What the peer sent and the core has not read.
    pub(crate) unread: Vec<u8>,
    pub(crate) paused: bool,
    /// How many more bytes the kernel takes.
    pub(crate) room: usize,
    /// The kernel did not take all of the last send.
    pub(crate) blocked: bool,
    /// The peer has ended its side: noticed when all is read.
    pub(crate) ended: bool,
    /// The core was told that it has.
    half_told: bool,
    /// The peer has reset the connection.
    pub(crate) broken: bool,
    /// Some are promised that it is not.
    may_be_compressed: bool,
    asked: Option<Asks>,
    told: Told,
}

/// What a peer asks for with what it writes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Asks {
    /// It may be anything.
    Unknown,
    /// Nothing: it goes on with what it asked for.
    Frames,
    /// A whole request.
    This {
        /// No binary frames.
        base64: bool,
        /// Compressed frames, if it likes.
        deflate: bool,
        /// By a page that is not to be let in.
        barred: bool,
    },
}

/// What the kernel took.
#[derive(Default)]
struct Told {
    /// Of what is not over yet: all answers, or the head of a frame.
    bytes: Vec<u8>,
    /// They are frames of a WebSocket, which a page that is not let in never gets: text is asked for.
    frames: bool,
    /// Bytes until the next frame.
    skip: usize,
}

impl Link {
    /// A link that asked for different things is promised nothing. What was asked for stands once it is a WebSocket's, and
    /// frames before that are no request.
    pub(crate) fn asks(&mut self, asks: Asks) {
        if self.told.frames {
            return;
        }
        self.asked = Some(match (self.asked, asks) {
            (None, Asks::Frames) => Asks::Unknown,
            (None, asks) => asks,
            (Some(before), Asks::Frames) => before,
            (Some(before), asks) if before == asks => asks,
            _ => Asks::Unknown,
        });
    }

    /// The peer has ended its side, and all that came before has been read.
    fn has_ended(&self) -> bool {
        self.ended && self.unread.is_empty() && !self.paused
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Some(Asks::This { base64, deflate, barred }) = self.asked else { return };
        if base64 || barred || self.may_be_compressed {
            self.told.hear(bytes, Promise { base64, deflate, barred });
        }
    }
}

/// What a peer was promised by what it asked for.
#[derive(Clone, Copy)]
struct Promise {
    base64: bool,
    deflate: bool,
    barred: bool,
}

impl Promise {
    fn allows(self, opcode: u8) -> bool {
        let compressed = opcode & 0x40 != 0;
        match opcode & !0x40 {
            0x81 => !compressed || self.deflate,
            0x82 => !self.base64 && (!compressed || self.deflate),
            0x88..=0x8a => !compressed,
            _ => false,
        }
    }
}

impl Told {
    fn hear(&mut self, mut bytes: &[u8], promise: Promise) {
        if !self.frames {
            self.bytes.extend_from_slice(bytes);
            let find = |what: &[u8]| self.bytes.windows(what.len()).position(|window| window == what);
            let upgraded = find(b"HTTP/1.1 101 ");
            assert!(
                !promise.barred || upgraded.is_none() && find(SID).is_none(),
                "a page of another origin is let in"
            );
            let Some(upgraded) = upgraded else { return };
            let Some(end) = self.bytes[upgraded..].windows(4).position(|window| window == b"\r\n\r\n") else {
                return;
            };
            let rest = self.bytes.split_off(upgraded + end + 4);
            self.bytes.clear();
            self.frames = true;
            return self.hear(&rest, promise);
        }
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let Some((&first, rest)) = bytes.split_first() else { return };
            self.bytes.push(first);
            bytes = rest;
            self.skip = match *self.bytes.as_slice() {
                [opcode, length @ 0..126] => {
                    assert!(promise.allows(opcode), "no such frame was asked for: {opcode:x}");
                    length.into()
                }
                [_, 126, high, low] => u16::from_be_bytes([high, low]).into(),
                [opcode, length, ..] => {
                    assert!(
                        promise.allows(opcode) && opcode & 8 == 0 && length == 126,
                        "no such frame was asked for: {opcode:x} {length}"
                    );
                    continue;
                }
                _ => continue,
            };
            self.bytes.clear();
        }
    }
}

/// All links, by key.
#[derive(Default)]
pub(crate) struct Net {
    links: Vec<Option<Link>>,
    free: Vec<usize>,
    freed: Vec<usize>,
    /// Ids of sessions, as clients were told them.
    pub(crate) sids: Vec<String>,
    /// Private ids of sessions, by which a client gets them back.
    pub(crate) pids: Vec<String>,
    compresses: bool,
}

/// The text that begins behind a mark, up to its quote.
fn text_behind(mark: &[u8], bytes: &[u8]) -> Option<String> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    let rest = &bytes[at + mark.len()..];
    let end = rest.iter().position(|&byte| byte == b'"')?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

impl Net {
    /// The core compresses what it says to those who have offered to read that, or it never does.
    pub(crate) fn new(compresses: bool) -> Self {
        Self { compresses, ..Self::default() }
    }

    pub(crate) fn open(&mut self, room: usize) -> usize {
        let key = self.free.pop().unwrap_or(self.links.len());
        if key == self.links.len() {
            self.links.push(None);
        }
        self.links[key] = Some(Link { room, may_be_compressed: self.compresses, ..Link::default() });
        key
    }

    pub(crate) fn get(&mut self, key: usize) -> Option<&mut Link> {
        self.links.get_mut(key)?.as_mut()
    }

    pub(crate) fn keys(&self) -> Vec<usize> {
        (0..self.links.len()).filter(|&key| self.links[key].is_some()).collect()
    }

    /// The link is nobody's any more.
    pub(crate) fn release(&mut self, key: usize) {
        assert!(self.links[key].take().is_some(), "link {key} is given back twice");
        self.freed.push(key);
    }

    /// A link whose peer has ended its side, which the core has not been told.
    pub(crate) fn next_half(&mut self) -> Option<usize> {
        let links = self.links.iter_mut().enumerate();
        links.filter_map(|(key, link)| Some((key, link.as_mut()?))).find_map(|(key, link)| {
            (link.has_ended() && !std::mem::replace(&mut link.half_told, true)).then_some(key)
        })
    }

    /// A link whose end is to be told, and whether it broke: one that was ended in good order when nothing is owed to it.
    pub(crate) fn next_end(&self, owes: impl Fn(usize) -> bool) -> Option<(usize, bool)> {
        self.links.iter().enumerate().find_map(|(key, link)| {
            let link = link.as_ref()?;
            (link.broken || (link.has_ended() && !owes(key))).then_some((key, link.broken))
        })
    }

    /// Keys are used again only in a later turn.
    pub(crate) fn recycle(&mut self) {
        self.free.append(&mut self.freed);
    }

    fn listen_for_ids(&mut self, bytes: &[u8]) {
        self.sids.extend(text_behind(SID, bytes));
        self.pids.extend(text_behind(PID, bytes));
    }
}

impl Output for Net {
    fn send(&mut self, link: usize, bytes: &[u8]) -> Sent {
        self.listen_for_ids(bytes);
        let link = self.get(link).expect("output for a link that the core has");
        if link.broken {
            return Sent::Broken;
        }
        let count = bytes.len().min(link.room);
        link.room -= count;
        link.hear(&bytes[..count]);
        if count == bytes.len() {
            return Sent::All;
        }
        link.blocked = true;
        Sent::Part(count)
    }

    fn send_vectored(&mut self, link: usize, slices: &[IoSlice<'_>]) -> Sent {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.send(link, &bytes)
    }

    fn close(&mut self, link: usize) {
        // Two links of a connection may end together: what was told of the first is not sent when the second is told.
        if !self.freed.contains(&link) {
            self.release(link);
        }
    }

    fn abort(&mut self, link: usize) {
        self.close(link);
    }

    fn pause(&mut self, link: usize) {
        if let Some(link) = self.get(link) {
            link.paused = true;
        }
    }

    fn resume(&mut self, link: usize) {
        // What the core closed in the same flush may be named once more.
        if let Some(link) = self.get(link) {
            link.paused = false;
        }
    }
}

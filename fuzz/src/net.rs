//! Links without sockets, as a loop would hand them to the core: what the kernel takes, how a peer ends. It holds the core
//! to the contract of `Service` and `Output`, and must not know a protocol.

use roomcast::broker::service::{Output, Sent};
use std::io::IoSlice;

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
    /// The peer has reset the connection.
    pub(crate) broken: bool,
}

/// All links, by key.
#[derive(Default)]
pub(crate) struct Net {
    links: Vec<Option<Link>>,
    free: Vec<usize>,
    freed: Vec<usize>,
    /// Ids of sessions, as clients were told them.
    pub(crate) sids: Vec<String>,
}

impl Net {
    pub(crate) fn open(&mut self, room: usize) -> usize {
        let key = self.free.pop().unwrap_or(self.links.len());
        if key == self.links.len() {
            self.links.push(None);
        }
        self.links[key] = Some(Link { room, ..Link::default() });
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

    /// A link whose end is to be told, and whether it broke.
    pub(crate) fn next_end(&self) -> Option<(usize, bool)> {
        self.links.iter().enumerate().find_map(|(key, link)| {
            let link = link.as_ref()?;
            let ended = link.ended && link.unread.is_empty() && !link.paused;
            (link.broken || ended).then_some((key, link.broken))
        })
    }

    /// Keys are used again only in a later turn.
    pub(crate) fn recycle(&mut self) {
        self.free.append(&mut self.freed);
    }

    fn listen_for_sid(&mut self, bytes: &[u8]) {
        const BEFORE: &[u8] = b"0{\"sid\":\"";
        let Some(at) = bytes.windows(BEFORE.len()).position(|window| window == BEFORE) else { return };
        let rest = &bytes[at + BEFORE.len()..];
        if let Some(end) = rest.iter().position(|&byte| byte == b'"') {
            self.sids.push(String::from_utf8_lossy(&rest[..end]).into_owned());
        }
    }
}

impl Output for Net {
    fn send(&mut self, link: usize, bytes: &[u8]) -> Sent {
        self.listen_for_sid(bytes);
        let link = self.get(link).expect("output for a link that the core has");
        if link.broken {
            return Sent::Broken;
        }
        let count = bytes.len().min(link.room);
        link.room -= count;
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

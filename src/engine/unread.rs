//! What clients have sent and has yet to be read, as a little that is compressed may stand for much: each goes on in its turn. It must not
//! change the order of what one has sent, nor read on while the host has yet to take what there is.

use super::link::Link;
use super::service::{Flow, Output};
use super::{Engine, Upper};
use std::collections::{HashMap, VecDeque};

/// The links that wait, in their order, and what of each is unread. Some may be gone.
#[derive(Debug, Default)]
pub(super) struct Unread {
    queue: VecDeque<u32>,
    input: HashMap<u32, Vec<u8>>,
}

impl Unread {
    fn take(&mut self, link: u32) -> Vec<u8> {
        self.input.remove(&link).unwrap_or_default()
    }
}

impl Engine {
    /// Leaves what a link has sent for its next turn. Nothing more of it is read until then.
    pub(super) fn leave_unread(&mut self, link: u32, bytes: &[u8]) {
        if let Link::WebSocket(websocket) = self.link(link)
            && !bytes.is_empty()
        {
            if !std::mem::replace(&mut websocket.behind, true) {
                self.unread.queue.push_back(link);
                self.unread.input.remove(&link);
            }
            self.unread.input.entry(link).or_default().extend_from_slice(bytes);
        }
    }

    /// What a link has sent and was left unread, to be read elsewhere.
    pub(super) fn take_unread(&mut self, link: u32) -> Vec<u8> {
        let Link::WebSocket(websocket) = self.link(link) else { return Vec::new() };
        if std::mem::take(&mut websocket.behind) { self.unread.take(link) } else { Vec::new() }
    }

    /// Whether something is left that may be read now.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.queue.is_empty() && self.wants_input()
    }

    /// Reads on what the first of the links has sent that wait.
    pub(super) fn read_on(&mut self, out: &mut impl Output, upper: &mut impl Upper) {
        if !self.has_unread() {
            return;
        }
        let Some(link) = self.unread.queue.pop_front() else { return };
        let mut input = self.take_unread(link);
        if input.is_empty() {
            // It is gone, and so may be what it has left.
            self.unread.take(link);
            return;
        }
        self.websocket_received(link, &mut input, upper);
        self.tell(upper);
        if self.flow(link) == Flow::Continue && !matches!(self.link(link), Link::Free) {
            out.resume(link as usize);
        }
    }
}

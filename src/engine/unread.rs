//! What clients have sent and has yet to be read, as a little that is compressed may stand for much: each goes on in its turn. It must not
//! change the order of what one has sent, nor read on while the host has yet to take what there is.

use super::link::{Link, Unread};
use super::service::{Flow, Output};
use super::{Engine, Upper};

impl Engine {
    /// Leaves what a link has sent for its next turn. Nothing more of it is read until then.
    pub(super) fn leave_unread(&mut self, link: u32, bytes: &[u8]) {
        if let Link::WebSocket(websocket) = self.link(link)
            && !bytes.is_empty()
        {
            match &mut websocket.unread {
                Some(unread) => unread.0.extend_from_slice(bytes),
                None => {
                    websocket.unread = Some(Box::new(Unread(bytes.to_vec())));
                    self.unread.push_back(link);
                }
            }
        }
    }

    /// What a link has sent and was left unread, to be read now or elsewhere.
    pub(super) fn take_unread(&mut self, link: u32) -> Vec<u8> {
        let Link::WebSocket(websocket) = self.link(link) else { return Vec::new() };
        websocket.unread.take().map(|unread| unread.0).unwrap_or_default()
    }

    /// A link has come from another loop: what of it is unread is read here.
    pub(super) fn go_on_with_unread(&mut self, link: u32) {
        if matches!(self.link(link), Link::WebSocket(websocket) if websocket.unread.is_some()) {
            self.unread.push_back(link);
        }
    }

    /// Whether something is left that may be read now.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty() && self.wants_input()
    }

    /// Reads on what the first of the links has sent that wait. One that is gone, or whose unread was taken, does not wait.
    pub(super) fn read_on(&mut self, out: &mut impl Output, upper: &mut impl Upper) {
        while self.has_unread()
            && let Some(link) = self.unread.pop_front()
        {
            let mut input = self.take_unread(link);
            if input.is_empty() {
                continue;
            }
            self.websocket_received(link, &mut input, upper);
            self.tell(upper);
            if self.flow(link) == Flow::Continue && !matches!(self.link(link), Link::Free) {
                out.resume(link as usize);
            }
            return;
        }
    }
}

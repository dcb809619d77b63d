//! TCP connections that a core writes to, and what a client reads from them. It must not know who speaks.

use crate::engine::service::{Output, Parcel, Sent};
use fastrand::Rng;
use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;

/// A TCP connection.
#[derive(Default)]
pub(super) struct Pipe {
    /// The core that has it, and its key there. None while it is on its way, and when it is closed.
    pub(super) at: Option<(usize, usize)>,
    pub(super) up: Vec<u8>,
    pub(super) down: Vec<u8>,
    pub(super) paused: bool,
    /// The kernel has taken a part, and takes more again.
    pub(super) blocked: bool,
    /// The client has ended its side, or all of it.
    pub(super) fin: bool,
    pub(super) reset: bool,
    /// The broker has ended it.
    pub(super) over: bool,
}

/// From one core to another, in this order.
pub(super) type Mail = VecDeque<(Option<usize>, Parcel)>;

/// Where a core's output goes.
pub(super) struct Out<'a> {
    pub(super) pipes: &'a mut [Pipe],
    pub(super) keys: &'a mut HashMap<usize, usize>,
    pub(super) mail: &'a mut [Mail],
    pub(super) rng: &'a mut Rng,
}

impl Out<'_> {
    fn end(&mut self, link: usize) {
        if let Some(pipe) = self.keys.remove(&link) {
            (self.pipes[pipe].at, self.pipes[pipe].over) = (None, true);
        }
    }
}

impl Output for Out<'_> {
    fn send(&mut self, link: usize, bytes: &[u8]) -> Sent {
        let pipe = &mut self.pipes[self.keys[&link]];
        if pipe.reset {
            return Sent::Broken;
        }
        let most =
            if pipe.blocked || self.rng.u8(..10) == 0 { self.rng.usize(..=bytes.len()) } else { bytes.len() };
        pipe.down.extend_from_slice(&bytes[..most]);
        pipe.blocked = most < bytes.len();
        if pipe.blocked { Sent::Part(most) } else { Sent::All }
    }

    fn send_vectored(&mut self, link: usize, slices: &[IoSlice<'_>]) -> Sent {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.send(link, &bytes)
    }

    fn close(&mut self, link: usize) {
        self.end(link);
    }

    fn abort(&mut self, link: usize) {
        self.end(link);
    }

    fn hand_over(&mut self, link: Option<usize>, number: usize, parcel: Parcel) {
        let pipe = link.and_then(|link| self.keys.remove(&link));
        if let Some(pipe) = pipe {
            self.pipes[pipe].at = None;
        }
        self.mail[number].push_back((pipe, parcel));
    }

    fn pause(&mut self, link: usize) {
        self.set_paused(link, true);
    }

    fn resume(&mut self, link: usize) {
        self.set_paused(link, false);
    }
}

impl Out<'_> {
    fn set_paused(&mut self, link: usize, paused: bool) {
        // It may have been closed in this very flush.
        if let Some(&pipe) = self.keys.get(&link) {
            self.pipes[pipe].paused = paused;
        }
    }
}

/// The next answer to a request, if all of it is there: its status and its body.
pub(super) fn answer(down: &mut Vec<u8>) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(down).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length: usize = head.split_once("Content-Length: ")?.1.lines().next()?.parse().unwrap();
    let body = body.get(..length)?;
    down.drain(..head.len() + 4 + length);
    Some((head.split(' ').nth(1)?.parse().unwrap(), body.to_owned()))
}

/// The text frames that are there whole, and `close` for one that ends them. What comes before them is passed over.
pub(super) fn frames(down: &mut Vec<u8>) -> Vec<String> {
    if down.starts_with(b"HTTP/1.1 101") {
        let Some(at) = down.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Vec::new() };
        down.drain(..at + 4);
    } else if down.starts_with(b"H") {
        return Vec::new();
    }
    let mut found = Vec::new();
    while let [opcode, length, rest @ ..] = &down[..] {
        let (length, payload) = match (*length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(*high) << 8 | usize::from(*low), rest),
            (126.., _) => break,
            (length, rest) => (length.into(), rest),
        };
        let Some(payload) = payload.get(..length) else { break };
        match opcode {
            0x81 => found.push(String::from_utf8(payload.to_vec()).unwrap()),
            0x88 => found.push("close".to_owned()),
            _ => {}
        }
        let used = payload.as_ptr_range().end as usize - down.as_ptr() as usize;
        down.drain(..used);
    }
    found
}

//! A network without sockets: one pipe for each TCP connection, with kernel buffers of bounded size. It must not know a
//! protocol, and it holds the broker to the loop's contract.

use roomcast::service::{Output, Sent};
use std::collections::VecDeque;
use std::io::IoSlice;

/// One TCP connection, as both ends see it.
#[derive(Default)]
pub(crate) struct Pipe {
    /// The broker's key for it, while the broker has it.
    pub(crate) key: Option<usize>,
    /// What the client sent and the broker has not read.
    pub(crate) up: VecDeque<u8>,
    /// What the broker sent and the client has not read.
    pub(crate) down: VecDeque<u8>,
    /// The most that `down` holds.
    pub(crate) room: usize,
    pub(crate) paused: bool,
    blocked: bool,
    /// The client ended its side, or reset the connection.
    pub(crate) client_end: Option<End>,
    /// The broker closed or aborted it.
    pub(crate) server_end: Option<End>,
    /// The client has gone without a packet: nothing it sends or reads happens any more.
    pub(crate) client_gone: bool,
    told: bool,
    /// The broker knows that the client has ended its side.
    half_told: bool,
    used: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

impl Pipe {
    /// The broker has met the end of the client's side, and may have something for it before it is told.
    pub(crate) fn is_held(&self) -> bool {
        self.half_told && !self.told
    }
}

/// All connections.
#[derive(Default)]
pub(crate) struct Net {
    pub(crate) pipes: Vec<Pipe>,
    free: Vec<usize>,
    /// By the broker's key.
    keys: Vec<Option<usize>>,
    free_keys: Vec<usize>,
    freed: Vec<usize>,
    /// Pipes whose state a turn has to look at.
    pub(crate) busy: Vec<usize>,
    /// System calls of `send` and `send_vectored`.
    pub(crate) sends: u64,
}

impl Net {
    /// A new connection; `room` is how much the kernel holds of what the client does not read.
    pub(crate) fn open(&mut self, room: usize) -> (usize, usize) {
        let key = self.free_keys.pop().unwrap_or(self.keys.len());
        let id = self.free.pop().unwrap_or(self.pipes.len());
        if id == self.pipes.len() {
            self.pipes.push(Pipe::default());
        }
        if key == self.keys.len() {
            self.keys.push(None);
        }
        self.keys[key] = Some(id);
        self.pipes[id] = Pipe { key: Some(key), room, used: true, ..Pipe::default() };
        (id, key)
    }

    /// The broker has nothing to do with this key any more.
    fn release(&mut self, key: usize) {
        let id = self.keys[key].take().expect("a key in use");
        self.freed.push(key);
        self.pipes[id].key = None;
        self.collect(id);
    }

    pub(crate) fn refuse(&mut self, id: usize) {
        self.pipes[id].server_end = Some(End::Reset);
        let key = self.pipes[id].key.expect("a new key");
        self.release(key);
    }

    fn collect(&mut self, id: usize) {
        let pipe = &self.pipes[id];
        if pipe.used && pipe.key.is_none() && pipe.client_gone {
            self.pipes[id] = Pipe::default();
            self.free.push(id);
        }
    }

    /// Keys are used again only in a later turn.
    pub(crate) fn recycle(&mut self) {
        self.free_keys.append(&mut self.freed);
    }

    pub(crate) fn write(&mut self, id: usize, bytes: &[u8]) {
        let pipe = &mut self.pipes[id];
        if pipe.client_end.is_none() && pipe.server_end.is_none() {
            pipe.up.extend(bytes);
            self.busy.push(id);
        }
    }

    /// The client reads at most `count` bytes.
    pub(crate) fn read(&mut self, id: usize, count: usize, out: &mut Vec<u8>) {
        let pipe = &mut self.pipes[id];
        let count = count.min(pipe.down.len());
        out.extend(pipe.down.drain(..count));
        if count > 0 && pipe.blocked {
            self.busy.push(id);
        }
    }

    /// The client ends its side and will not look at this connection again.
    pub(crate) fn end(&mut self, id: usize, end: End) {
        let pipe = &mut self.pipes[id];
        if end == End::Reset {
            pipe.up.clear();
        }
        pipe.client_end = Some(end);
        pipe.client_gone = true;
        // A client that has closed reads no more, but its kernel does.
        pipe.room = usize::MAX;
        self.busy.push(id);
        self.collect(id);
    }

    /// The client ends its sending side and reads on.
    pub(crate) fn half_close(&mut self, id: usize) {
        self.pipes[id].client_end = Some(End::Fin);
        self.busy.push(id);
    }

    /// The end of the client's side, behind all that it said, if the broker has not met it.
    pub(crate) fn meets_end(&mut self, id: usize) -> bool {
        let pipe = &mut self.pipes[id];
        let there = pipe.client_end == Some(End::Fin) && pipe.up.is_empty() && !pipe.paused;
        there && !std::mem::replace(&mut pipe.half_told, true)
    }

    /// The client vanishes: no FIN, no reset, and its window stays as full as it is.
    pub(crate) fn vanish(&mut self, id: usize) {
        self.pipes[id].client_gone = true;
        self.collect(id);
    }

    /// Whether the broker may be told that it can send again.
    pub(crate) fn take_writable(&mut self, id: usize) -> Option<usize> {
        let pipe = &mut self.pipes[id];
        if pipe.blocked && pipe.down.len() < pipe.room && pipe.key.is_some() {
            pipe.blocked = false;
            return pipe.key;
        }
        None
    }

    /// The end the broker has not been told of, when all that came before has been read and it owes no answer to it.
    pub(crate) fn take_end(&mut self, id: usize, owes: impl Fn(usize) -> bool) -> Option<(usize, bool)> {
        let pipe = &mut self.pipes[id];
        let (key, end) = (pipe.key?, pipe.client_end?);
        if pipe.told || (end == End::Fin && (pipe.paused || !pipe.up.is_empty() || owes(key))) {
            return None;
        }
        pipe.told = true;
        self.release(key);
        Some((key, end == End::Reset))
    }

    /// The broker ends a link. The peer's end may have been told in this very turn; then that was it.
    fn server_end(&mut self, key: usize, end: End) {
        if self.freed.contains(&key) {
            return;
        }
        self.pipe(key).server_end = Some(end);
        self.release(key);
    }

    fn pipe(&mut self, key: usize) -> &mut Pipe {
        let id = self.keys.get(key).copied().flatten().expect("output for a link that is open");
        &mut self.pipes[id]
    }
}

impl Output for Net {
    fn send(&mut self, link: usize, bytes: &[u8]) -> Sent {
        self.sends += 1;
        let pipe = self.pipe(link);
        if pipe.client_end == Some(End::Reset) {
            return Sent::Broken;
        }
        let count = bytes.len().min(pipe.room.saturating_sub(pipe.down.len()));
        if pipe.client_end.is_none() || !pipe.client_gone {
            pipe.down.extend(&bytes[..count]);
        }
        if count == bytes.len() {
            return Sent::All;
        }
        pipe.blocked = true;
        Sent::Part(count)
    }

    fn send_vectored(&mut self, link: usize, slices: &[IoSlice<'_>]) -> Sent {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.send(link, &bytes)
    }

    fn close(&mut self, link: usize) {
        self.server_end(link, End::Fin);
    }

    fn abort(&mut self, link: usize) {
        self.server_end(link, End::Reset);
    }

    fn pause(&mut self, link: usize) {
        self.pipe(link).paused = true;
    }

    fn resume(&mut self, link: usize) {
        // What the broker closed in the same flush may be named once more.
        if let Some(id) = self.keys.get(link).copied().flatten() {
            self.pipes[id].paused = false;
            self.busy.push(id);
        }
    }
}

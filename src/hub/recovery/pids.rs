//! Private session ids: 128 bits that nobody can guess, and whose they are. It must not tell by its time how near a guess is.

use crate::base::errors::{Error, Result};
use crate::base::ids::Key;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A session's private id. Whoever has it can have the session.
#[derive(Clone, Copy)]
pub(in crate::hub) struct Pid([u8; 16]);

impl Pid {
    fn random() -> Result<Self> {
        let mut raw = [0; 16];
        getrandom::fill(&mut raw).map_err(|_| Error::NoEntropy)?;
        Ok(Self(raw))
    }

    /// As its client knows it: 22 characters.
    pub(in crate::hub) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut decoded = [0; 18];
        if text.len() != 22 || URL_SAFE_NO_PAD.decode_slice(text, &mut decoded) != Ok(16) {
            return None;
        }
        decoded.first_chunk().copied().map(Self)
    }

    /// Reads all of both, wherever they differ.
    fn is(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

impl std::fmt::Debug for Pid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pid(..)")
    }
}

/// The sockets that have a session, by a keyed hash of their private ids: how long a look-up takes depends on nothing that
/// a client could work towards.
#[derive(Debug, Default)]
pub(in crate::hub) struct Pids {
    hashes: RandomState,
    sockets: HashMap<u64, (Pid, Key)>,
}

impl Pids {
    /// A new one, which is `socket`'s.
    pub(in crate::hub) fn make(&mut self, socket: Key) -> Result<Pid> {
        loop {
            let pid = Pid::random()?;
            if let std::collections::hash_map::Entry::Vacant(place) =
                self.sockets.entry(self.hashes.hash_one(pid.0))
            {
                place.insert((pid, socket));
                return Ok(pid);
            }
        }
    }

    pub(in crate::hub) fn forget(&mut self, pid: Pid) {
        self.sockets.remove(&self.hashes.hash_one(pid.0));
    }

    /// Whose a private id is.
    pub(in crate::hub) fn find(&self, text: &str) -> Option<Key> {
        let pid = Pid::parse(text)?;
        let (found, socket) = self.sockets.get(&self.hashes.hash_one(pid.0))?;
        found.is(&pid).then_some(*socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_finds_its_socket_until_it_is_forgotten() {
        let mut pids = Pids::default();
        let (one, other) = (Key { slot: 1, generation: 1 }, Key { slot: 2, generation: 2 });
        let (first, second) = (pids.make(one).unwrap(), pids.make(other).unwrap());
        assert_eq!((pids.find(&first.text()), pids.find(&second.text())), (Some(one), Some(other)));
        let mut wrong = first.text().into_bytes();
        wrong[3] ^= 1;
        assert_eq!(pids.find(std::str::from_utf8(&wrong).unwrap()), None);
        for guess in ["", "short", "**********************", &"A".repeat(23)] {
            assert_eq!(pids.find(guess), None, "{guess}");
        }
        pids.forget(first);
        assert_eq!(pids.find(&first.text()), None);
    }
}

//! Private session ids: 128 bits that nobody can guess, whose they are, and on which loop. It must not tell by its time how near a
//! guess is.

use crate::base::errors::{Error, Result};
use crate::base::ids::Key;
use crate::base::sid::IdSpace;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A session's private id. Whoever has it can have the session.
#[derive(Clone, Copy)]
pub(in crate::hub) struct Pid {
    /// What its text stands for: the secret, and behind it, where there are several loops, the number of that on which the session began.
    /// That is no secret, and no right to anything. Behind its end there are zeros.
    bytes: [u8; LONGEST],
    length: u8,
}

const SECRET: usize = 16;
const LONGEST: usize = SECRET + 1;
/// The secret of a session that began on a server of Node's.
const NODES: usize = 15;

impl Pid {
    fn random(home: Option<u8>) -> Result<Self> {
        let mut secret = [0; SECRET];
        getrandom::fill(&mut secret).map_err(|_| Error::NoEntropy)?;
        Ok(Self::at(secret, home))
    }

    fn at(secret: [u8; SECRET], home: Option<u8>) -> Self {
        let mut bytes = [0; LONGEST];
        let length = SECRET.saturating_add(usize::from(home.is_some())) as u8;
        for (byte, from) in bytes.iter_mut().zip(secret.into_iter().chain(home)) {
            *byte = from;
        }
        Self { bytes, length }
    }

    pub(super) fn secret(&self) -> &[u8; SECRET] {
        self.bytes.first_chunk().unwrap_or(&[0; SECRET])
    }

    /// One that was another process's, and is of no loop yet.
    pub(super) fn of(secret: [u8; SECRET]) -> Self {
        Self::at(secret, None)
    }

    /// As its client knows it: 22 characters, or 23 with the number of a loop.
    pub(in crate::hub) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes.get(..usize::from(self.length)).unwrap_or_default())
    }

    /// Reads one of this process's, of another's, or of a server of Node's.
    pub(in crate::hub) fn parse(text: &str) -> Option<Self> {
        let mut decoded = [0; 18];
        if !(20..=23).contains(&text.len()) {
            return None;
        }
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut decoded).ok()?;
        let bytes = *decoded.first_chunk()?;
        (NODES..=LONGEST).contains(&length).then_some(Self { bytes, length: length as u8 })
    }

    fn home(&self) -> Option<u8> {
        self.bytes.last().copied().filter(|_| usize::from(self.length) == LONGEST)
    }

    /// Reads all of both, wherever they differ.
    fn is(&self, other: &Self) -> bool {
        let differs = |(one, other): (&u8, &u8)| one ^ other;
        self.bytes.iter().zip(&other.bytes).map(differs).fold(self.length ^ other.length, |all, it| all | it)
            == 0
    }
}

impl std::fmt::Debug for Pid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pid(..)")
    }
}

/// The sockets that have a session, by a keyed hash of their private ids: how long a look-up takes depends on nothing that
/// a client could work towards.
#[derive(Debug)]
pub(in crate::hub) struct Pids {
    /// Among how many loops they are, and which one this is.
    loops: u64,
    own: u64,
    hashes: RandomState,
    sockets: HashMap<u64, (Pid, Key)>,
}

impl Pids {
    /// `space` says on which of the loops they are.
    pub(in crate::hub) fn new(space: &IdSpace) -> Self {
        let (hashes, sockets) = Default::default();
        Self { loops: space.count(), own: space.number(), hashes, sockets }
    }

    fn home(&self) -> Option<u8> {
        // There are at most 64 loops.
        (self.loops > 1).then_some(self.own as u8)
    }

    /// The text of one that is nobody's: it says where its client is, and nothing else.
    pub(in crate::hub) fn place(&self) -> Result<String> {
        Ok(Pid::random(self.home())?.text())
    }

    /// The other loop that a private id names, if there is such a loop.
    pub(in crate::hub) fn elsewhere(&self, text: &str) -> Option<usize> {
        let home = u64::from(Pid::parse(text)?.home()?);
        (home != self.own && home < self.loops).then_some(home as usize)
    }

    /// A new one, which is `socket`'s.
    pub(in crate::hub) fn make(&mut self, socket: Key) -> Result<Pid> {
        loop {
            let pid = Pid::random(self.home())?;
            if let std::collections::hash_map::Entry::Vacant(place) = self.sockets.entry(self.hash(&pid)) {
                place.insert((pid, socket));
                return Ok(pid);
            }
        }
    }

    /// One that was another process's is `socket`'s now.
    pub(in crate::hub) fn adopt(&mut self, pid: Pid, socket: Key) -> Pid {
        let pid = Pid::at(*pid.secret(), self.home());
        self.take(pid, socket);
        pid
    }

    /// One that another node has given out is `socket`'s now.
    pub(in crate::hub) fn take(&mut self, pid: Pid, socket: Key) {
        self.sockets.insert(self.hash(&pid), (pid, socket));
    }

    fn hash(&self, pid: &Pid) -> u64 {
        self.hashes.hash_one(pid.bytes)
    }

    pub(in crate::hub) fn forget(&mut self, pid: Pid) {
        self.sockets.remove(&self.hash(&pid));
    }

    /// Whose a private id is.
    pub(in crate::hub) fn find(&self, text: &str) -> Option<Key> {
        let pid = Pid::parse(text)?;
        let (found, socket) = self.sockets.get(&self.hash(&pid))?;
        found.is(&pid).then_some(*socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_finds_its_socket_until_it_is_forgotten() {
        let mut pids = Pids::new(&IdSpace::whole());
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

    #[test]
    fn with_several_loops_a_pid_names_its_own_to_the_others() {
        let mut loops: Vec<_> = IdSpace::shares(3).map(|space| Pids::new(&space)).collect();
        let key = Key { slot: 1, generation: 1 };
        let (pid, place) = (loops[2].make(key).unwrap().text(), loops[2].place().unwrap());
        assert_eq!((pid.len(), loops[2].find(&pid), loops[0].find(&pid)), (23, Some(key), None));
        for text in [&pid, &place] {
            assert_eq!([0, 1, 2].map(|own| loops[own].elsewhere(text)), [Some(2), Some(2), None]);
        }
        assert_eq!(loops[2].find(&place), None);
        let alone = Pids::new(&IdSpace::whole());
        assert_eq!((alone.elsewhere(&pid), alone.place().unwrap().len()), (None, 22));
        let fewer: Vec<_> = IdSpace::shares(2).map(|space| Pids::new(&space).elsewhere(&pid)).collect();
        assert_eq!(fewer, [None, None], "there is no such loop");
        for wrong in ["", &pid[..21], &"é".repeat(11), &"*".repeat(23)] {
            assert_eq!(loops[0].elsewhere(wrong), None, "{wrong}");
        }
    }
}

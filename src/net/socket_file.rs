//! The file of a Unix socket that listens. It must not take away one that somebody else has put in its place.

use super::process::Process;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf, absolute};

/// Whoever begins to listen on a path has its lock meanwhile, a file beside it. A socket that is bound and does not listen yet looks
/// like one on which nobody listens any more; and of two who both see such a one, the second would take away what the first has
/// put in its place.
#[derive(Debug)]
pub(super) struct Start {
    lock: PathBuf,
    _file: File,
}

impl Start {
    /// Refused with `AddrInUse` while another broker begins there.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let mut lock = absolute(path)?.into_os_string();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        loop {
            let mut options = OpenOptions::new();
            // Where others may write, it may be anything.
            options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
            let file = options.write(true).create(true).truncate(false).open(&lock)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(io::Error::from_raw_os_error(libc::EADDRINUSE)),
                // A file system without locks: there it has to do without.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            // The one who had it before takes it away when done.
            let taken = file.metadata()?;
            if fs::symlink_metadata(&lock).is_ok_and(|found| is_same(&found, &taken)) {
                return Ok(Self { lock, _file: file });
            }
        }
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        // Still locked: whoever has opened it sees that it is another, or none.
        let _ = fs::remove_file(&self.lock);
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// A file that was made by binding a socket. It is removed with this, by the process that made it.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    number: u64,
    process: Process,
}

impl SocketFile {
    /// The one that was just made.
    pub(super) fn made(path: &Path) -> io::Result<Self> {
        // The host may go elsewhere.
        let path = absolute(path)?;
        let found = fs::symlink_metadata(&path)?;
        Ok(Self { path, device: found.dev(), number: found.ino(), process: Process::current() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn is_there(&self) -> bool {
        let found = fs::symlink_metadata(&self.path);
        found.is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.number))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.process.is_here() && self.is_there() {
            // It may not be ours to remove any more; the next broker sees that nobody answers on it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

//! The file of a Unix socket that listens. It must not take away one that somebody else has put in its place.

use super::process::Process;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf, absolute};

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

//! Keeps the process's signals away from the loops' threads: they are for the host's. It must not install a handler.

/// Blocks every signal on this thread.
#[cfg(unix)]
#[allow(unsafe_code)]
pub(super) fn block_all() {
    // SAFETY: a set of signals is plain bits, for which all bits zero are valid.
    let mut set = unsafe { std::mem::zeroed::<libc::sigset_t>() };
    // SAFETY: the pointer is to a set of our own.
    unsafe { libc::sigfillset(&mut set) };
    // SAFETY: it reads our set, and writes nowhere.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &set, std::ptr::null_mut()) };
}

/// There are none.
#[cfg(not(unix))]
pub(super) fn block_all() {}

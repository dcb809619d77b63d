//! The process around the loops: its signals are kept away from their threads, and a fork is noticed. It must not install a
//! handler of any kind.

/// The process that made something. What it made has threads and shares descriptors that a child of a fork lacks or must
/// not touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process(u32);

impl Process {
    /// This one.
    pub(super) fn current() -> Self {
        Self(current())
    }

    /// Whether this is still the process that made it. Safe in signal handlers.
    #[inline]
    pub(super) fn is_here(self) -> bool {
        self.0 == current()
    }
}

/// The number of this process, for the price of a load: kept in memory that the kernel clears in the child of a fork.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn current() -> u32 {
    use std::sync::atomic::Ordering;
    let Some(kept) = cleared_by_fork() else { return std::process::id() };
    match kept.load(Ordering::Relaxed) {
        0 => {
            let number = std::process::id();
            kept.store(number, Ordering::Relaxed);
            number
        }
        number => number,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn current() -> u32 {
    std::process::id()
}

/// A page of its own, for the life of the process; `None` if the kernel has no such memory. The first broker makes it, so no
/// signal handler does.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(unsafe_code)]
fn cleared_by_fork() -> Option<&'static std::sync::atomic::AtomicU32> {
    use std::sync::OnceLock;
    use std::sync::atomic::AtomicU32;
    static PAGE: OnceLock<Option<&AtomicU32>> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // Miri has none.
        if cfg!(miri) {
            return None;
        }
        const LENGTH: usize = size_of::<AtomicU32>();
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: the kernel chooses the place, so nothing that is there is replaced.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), LENGTH, access, kind, -1, 0) };
        if page == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the page is ours, and nobody has seen it yet.
        if unsafe { libc::madvise(page, LENGTH, libc::MADV_WIPEONFORK) } != 0 {
            // SAFETY: as above.
            unsafe { libc::munmap(page, LENGTH) };
            return None;
        }
        // SAFETY: a page is aligned, zeroed, and never unmapped from here on.
        Some(unsafe { &*page.cast::<AtomicU32>() })
    })
}

/// Blocks every signal on this thread.
#[cfg(unix)]
#[allow(unsafe_code)]
pub(super) fn block_signals() {
    // SAFETY: a set of signals is plain bits, for which all bits zero are valid.
    let mut set = unsafe { std::mem::zeroed::<libc::sigset_t>() };
    // SAFETY: the pointer is to a set of our own.
    unsafe { libc::sigfillset(&mut set) };
    // SAFETY: it reads our set, and writes nowhere.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &set, std::ptr::null_mut()) };
}

/// There are none.
#[cfg(not(unix))]
pub(super) fn block_signals() {}

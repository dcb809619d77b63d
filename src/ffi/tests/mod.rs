//! The boundary from the inside: what no C program can provoke.

mod operations;
mod panics;

use std::cell::Cell;

thread_local! {
    static PANIC: Cell<bool> = const { Cell::new(false) };
}

/// Called by every guarded call, where its body would begin.
pub(super) fn panic_if_asked() {
    if PANIC.take() {
        panic!("asked to");
    }
}

/// The next guarded call of this thread panics.
fn ask_for_panic() {
    PANIC.set(true);
}

/// Whether a panic was asked for that has not come.
fn asked_in_vain() -> bool {
    PANIC.take()
}

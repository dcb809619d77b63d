//! The boundary from the inside: what no C program can provoke.

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

//! The text of a panic that was caught. It must not panic itself.

use std::any::Any;

/// What it said.
pub(crate) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let panic = match panic.downcast::<&str>() {
        Ok(text) => return (*text).to_owned(),
        Err(panic) => panic,
    };
    panic.downcast::<String>().map_or_else(
        |panic| {
            // Whatever else it is, its destructor could panic again.
            std::mem::forget(panic);
            "no text".to_owned()
        },
        |text| *text,
    )
}

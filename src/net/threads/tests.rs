//! What becomes of a loop that ends in a bug.

use super::*;
use crate::broker::operations::Emit;
use crate::hub::message::{Message, Target};

#[test]
fn a_loop_that_ends_in_a_bug_hangs_nobody() {
    let limits = crate::base::limits::Limits { remote_queue: 4, ..crate::base::limits::Limits::default() };
    let mut threads =
        Threads::new(Config { loops: 2, limits, ..Config::default() }, 0, &Arc::default()).unwrap();
    let namespace = threads.names.find("/").unwrap();
    let alive = Arc::new(());
    let remote = threads.remote(Arc::downgrade(&alive));
    assert_eq!(
        threads.ask_each(Loops::one(1), |_| -> () { panic!("a bug, for this test") }),
        Err(Error::Panic)
    );
    // A signal may end a wait early; that is all that it can do.
    let error = loop {
        if let Err(error) = threads.turn(None, false) {
            break error;
        }
    };
    assert_eq!(error.get_ref().and_then(|inner| inner.downcast_ref()), Some(&Error::Panic), "{error}");
    for _ in 0..20 {
        let (target, message) = (Target::all(namespace), Message::new("n", "[]"));
        assert_eq!(threads.order(Emit::new(target, message, threads.rules())), Err(Error::Panic));
        assert_eq!(remote.emit(target, message), Err(Error::Closed));
    }
    assert!(
        threads.ask_each(Loops::one(0), |_| ()).is_ok(),
        "the other one goes on until the broker is dropped"
    );
}

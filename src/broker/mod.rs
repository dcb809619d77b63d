//! Floor 4: the broker itself, bytes and times in, bytes and events out. No I/O.

pub mod service;

//! How to use it, page by page; every program here is compiled by the tests. It must not hold code.
//!
//! 1. [`conversation`]: events in, emits out, and acknowledgements both ways.
//! 2. [`whom`]: rooms, targets, and what may be done to everybody whom a target selects.
//! 3. [`admission`]: namespaces that keep tenants apart, and who is let into them.
//! 4. [`delivery`]: what becomes of a message for a client that does not keep up.
//! 5. [`driving`]: whose loop it is, other threads, many cores, and the end.
//! 6. [`without_io`]: the core under a clock of your own, a protocol of your own on the loop, and the router alone.
//!
//! Whole programs that end by Ctrl-C and SIGTERM, run as a task of tokio and sit beside axum are in the repository's
//! `docs/RUST.md`; a host in C has `docs/EMBEDDING.md`.

pub mod admission;
pub mod conversation;
pub mod delivery;
pub mod driving;
pub mod whom;
pub mod without_io;

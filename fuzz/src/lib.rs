//! Everything that is tried with bytes nobody chose. One function for each target: it returns if all is well and panics
//! otherwise. The binaries of `fuzz_targets` and the test `tests/fuzz` call the same functions. It must not know who chose
//! the bytes.

mod admin;
mod client;
mod cluster;
mod core;
mod deflate;
mod host;
mod http;
mod import;
mod input;
mod json;
mod links;
mod msgpack;
mod net;
mod node;
mod packets;
mod peer;
mod proxy;
mod redis;
mod resp;
mod sentinels;
mod slots;
mod ws;

/// What is tried with one input.
pub type Target = fn(&[u8]);

/// All targets by name: the names of their binaries and of their folders of `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("ws", ws::frames),
    ("http", http::requests),
    ("query", http::query),
    ("engineio", packets::engineio),
    ("engineio3", packets::engineio3),
    ("socketio", packets::socketio),
    ("packed", packets::packed),
    ("json", json::check),
    ("core", core::world),
    ("host", host::operations),
    ("import", import::import),
    ("resp", resp::replies),
    ("msgpack", msgpack::check),
    ("cluster", cluster::messages),
    ("node", node::bus),
    ("deflate", deflate::messages),
    ("proxy", proxy::headers),
    ("links", links::links),
    ("admin", admin::commands),
    ("slots", slots::slots),
    ("sentinels", sentinels::places),
];

/// The target of this name.
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no target is called {name}")).1
}

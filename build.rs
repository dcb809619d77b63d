//! Tells the sources whether mio's poll is itself a descriptor, as epoll and kqueue are. It must do nothing else.

use std::env;

/// Where mio waits with poll(2), which has no descriptor of its own: its list.
const POLL2: [&str; 11] =
    ["aix", "cygwin", "espidf", "fuchsia", "haiku", "hermit", "horizon", "hurd", "nto", "nuttx", "vita"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(poll_descriptor)");
    let system = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // mio's own switch, by which it does the same everywhere.
    let forced = env::var_os("CARGO_CFG_MIO_UNSUPPORTED_FORCE_POLL_POLL").is_some();
    if env::var_os("CARGO_CFG_UNIX").is_some() && !forced && !POLL2.contains(&system.as_str()) {
        println!("cargo::rustc-cfg=poll_descriptor");
    }
}

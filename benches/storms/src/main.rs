//! Overload with figures: each scenario starts a server of its own, drives it over real sockets, checks that everybody who
//! should be served is, and prints a table. It judges service, never speed.

#[path = "../../fanout/src/histogram.rs"]
#[allow(dead_code)]
mod histogram;
#[path = "../../fanout/src/process.rs"]
#[allow(dead_code)]
mod process;

mod crowd;
mod scenarios;
mod server;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a scenario ends with.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut words = std::env::args().skip(1);
    let host = words.next().ok_or("usage: storms HOST [scenario ...]")?;
    let chosen: Vec<String> = words.collect();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    for (name, scenario) in scenarios::ALL {
        if chosen.is_empty() || chosen.iter().any(|one| one == name) {
            scenario(&host).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}

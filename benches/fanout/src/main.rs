//! The benchmark's load client. Connects, measures memory, then runs load cells one after another over
//! the same connections and prints one JSON line for each. It judges the deliveries, never the speed.

mod args;
mod conn;
mod histogram;
mod load;
mod message;
mod poll;
mod process;
mod rooms;
mod stream;
mod tally;

use std::error::Error;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() {
    if let Err(error) = run() {
        eprintln!("fanout: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args = args::Args::from_env()?;
    raise_descriptor_limit(args.connections as u64 + 64)?;
    let mut load = load::Load::connect(&args)?;
    for cell in &args.cells {
        load.run(cell)?;
    }
    load.finish()
}

/// Every connection is a descriptor, and the usual soft limit is 1,024.
fn raise_descriptor_limit(needed: u64) -> Result<(), Box<dyn Error>> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        return Err(format!("{needed} descriptors are needed, the hard limit is {:?}", limit.maximum).into());
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised)?;
    Ok(())
}

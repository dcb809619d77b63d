//! Whose loop it is, other threads, many cores, and the end. It must not hold code.
//!
//! | host | how |
//! |---|---|
//! | a server | `poll(&mut events, None)` in a loop |
//! | a game loop | `poll(&mut events, Some(Duration::ZERO))` each frame, then emit, then [`flush`](crate::Broker::flush) |
//! | another event loop | the broker's descriptor (`AsFd`) and [`next_timeout`](crate::Broker::next_timeout), whichever is ready first, then `poll` with zero |
//! | many cores | [`Config::loops`](crate::Config::loops): so many threads of the broker's own, behind the same calls |
//!
//! The bytes leave with the next poll or flush: one system call for each connection, however many messages there are.
//!
//! A broker is one thread's at a time. Others have a [`Remote`](crate::Remote), which carries orders, and wakes the broker for them:
//!
//! ```no_run
//! # use roomcast::*;
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let mut broker = Broker::new(Config { loops: 2, ..Config::default() })?;
//! broker.listen("127.0.0.1:3000")?;
//! let (remote, ns) = (broker.remote(), broker.find_namespace("/").expect("it is always there"));
//! std::thread::spawn(move || -> Result<()> {
//!     loop {
//!         std::thread::sleep(std::time::Duration::from_secs(1));
//!         remote.emit(Target::all(ns), Message::new("tick", "[]").volatile())?;
//!     }
//! });
//! # Ok(())
//! # }
//! ```
//!
//! With loops a call that changes something is queued, and what it did is not known when it returns: its answer is `None`, and what fails
//! then is counted and logged. Without them every answer is known at once.
//!
//! The library installs no signal handler, starts no thread unless asked, and logs nothing unless given a function
//! ([`set_log`](crate::Broker::set_log)).
//!
//! To end, [`close`](crate::Broker::close) tells every client and waits for at most a grace. Before a deploy,
//! [`drain`](crate::Broker::drain) sends them away at a pace, so that they do not all come back at once. In namespaces with recovery,
//! [`export_recovery`](crate::Broker::export_recovery) then hands their sessions to the next process, which takes them over with
//! [`import_recovery`](crate::Broker::import_recovery) before it listens.

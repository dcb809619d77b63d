//! The core under a clock of your own, a protocol of your own on the loop, and the router alone. It must not hold code.
//!
//! A [`Core`](crate::Core) is the broker without sockets, clock and threads: bytes and the time go in through
//! [`Service`](crate::service::Service), events and bytes come out. Any transport can drive it, and a test can drive a thousand clients through
//! an hour in a second.
//!
//! ```
//! use roomcast::service::{Output, Sent, Service};
//! use roomcast::{Config, Core, Event, Events};
//! use std::io::IoSlice;
//!
//! /// Where its output goes: here to a list.
//! struct Sink(Vec<u8>);
//!
//! impl Output for Sink {
//!     fn send(&mut self, _link: usize, bytes: &[u8]) -> Sent {
//!         self.0.extend_from_slice(bytes);
//!         Sent::All
//!     }
//!     fn send_vectored(&mut self, link: usize, slices: &[IoSlice<'_>]) -> Sent {
//!         slices.iter().for_each(|slice| drop(self.send(link, slice)));
//!         Sent::All
//!     }
//!     fn close(&mut self, _link: usize) {}
//!     fn abort(&mut self, _link: usize) {}
//!     fn pause(&mut self, _link: usize) {}
//!     fn resume(&mut self, _link: usize) {}
//! }
//!
//! let (mut core, mut sink) = (Core::new(Config::default(), 0)?, Sink(Vec::new()));
//! assert!(core.opened(0, ([127, 0, 0, 1], 4711).into(), 0));
//! let mut request = *b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
//! let _ = core.received(0, &mut request, 0);
//! core.flush(&mut sink, 0);
//! assert!(String::from_utf8_lossy(&sink.0).contains("\"pingInterval\":25000"));
//!
//! // Nobody joined a namespace in time.
//! let due = core.next_timeout().expect("a ping, at least");
//! core.timeout(due + 60_000);
//! let mut events = Events::new();
//! core.take_events(&mut events);
//! assert!(!events.iter().any(|event| matches!(event, Event::Connect { .. })));
//! # Ok::<(), roomcast::Error>(())
//! ```
//!
//! The other way round, [`Loop`](crate::service::Loop) drives any `Service` over TCP: `examples/echo_ws.rs` is a WebSocket server on it.
//! And a game that has its own transport takes the [`router`](crate::router) alone: who is in which room, and what each connection has
//! coming.

//! Events in, emits out, and acknowledgements both ways. It must not hold code.
//!
//! There are no callbacks: a turn of the loop fills a batch, the host goes through it and calls the broker.
//!
//! ```no_run
//! use roomcast::{AckId, Broker, Config, Event, Events, Message, Result, Target};
//!
//! fn handle(broker: &mut Broker, event: Event<'_>) -> Result<()> {
//!     match event {
//!         Event::Connect { socket, .. } => {
//!             broker.join(socket, "lobby")?;
//!             broker.send(socket, Message::new("welcome", r#"["to the lobby"]"#))?;
//!         }
//!         // What a client says goes to all others there, and it is told that it has.
//!         Event::Message { socket, namespace, name: "say", args, attachments, ack, .. } => {
//!             let attachments: Vec<&[u8]> = attachments.iter().collect();
//!             let message = Message::new("said", args).attach(&attachments);
//!             broker.emit(Target::rooms(namespace, &["lobby"]).except(&[socket]), message)?;
//!             if let Some(ack) = ack {
//!                 broker.ack(socket, ack, r#"["ok"]"#, &[])?;
//!             }
//!         }
//!         // A question to many: each answer is an event, with the number that the question was given.
//!         Event::Message { namespace, name: "ready?", .. } => {
//!             let question = Message::new("ready?", "[]");
//!             broker.emit_with_ack(Target::rooms(namespace, &["lobby"]), question, Some(5_000), 7)?;
//!         }
//!         Event::Ack { args, context: 7, remaining, .. } => println!("{args}, {remaining} to go"),
//!         Event::AckEnd { context: 7, missing, .. } => println!("{missing} said nothing"),
//!         _ => {}
//!     }
//!     Ok(())
//! }
//!
//! let mut broker = Broker::new(Config::default())?;
//! println!("listening on http://{}", broker.listen("127.0.0.1:3000")?);
//! let mut events = Events::new();
//! loop {
//!     broker.poll(&mut events, None)?;
//!     for event in events.iter() {
//!         if let Err(error) = handle(&mut broker, event) {
//!             eprintln!("{error}");
//!         }
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! - Arguments are the text of a JSON array, passed on as it came. Nothing is parsed that the host does not parse; what the host
//!   emits is checked, and [`Error::BadJson`](crate::Error::BadJson) says at which byte it is wrong.
//! - Attachments are bytes; in the arguments stands `{"_placeholder":true,"num":0}` where the first one belongs, as on the wire.
//! - Texts and bytes of an event are borrowed from the batch, which the next poll fills anew.
//! - A batch tells the past: a socket may be gone by the time its message is read. A call with its handle answers
//!   [`Error::Gone`](crate::Error::Gone), changes nothing, and can be ignored.
//! - A number of the host's own on a socket ([`set_tag`](crate::Broker::set_tag)) comes with each of its events: a place in an array, where
//!   a table would have to be searched otherwise.

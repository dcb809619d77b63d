//! The server of `benches/fanout`: relays `pub` from a member of room "r" to all others as `msg`. Takes a port.

use roomcast::{Broker, Config, Event, Events, Message, Target};

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".into());
    let mut broker = Broker::new(Config::default())?;
    let address = broker.listen(format!("0.0.0.0:{port}"))?;
    println!("listening on {address}");
    let mut events = Events::new();
    loop {
        broker.poll(&mut events, None)?;
        for event in events.iter() {
            let Event::Message { socket, namespace, name, args, ack, .. } = event else { continue };
            // A socket that left meanwhile is no concern of this loop.
            let _ = match name {
                "join" => broker.join(socket, "r").map(drop),
                "pub" => {
                    let message = Message::new("msg", args);
                    broker.emit(Target::rooms(namespace, &["r"]).except(&[socket]), message).map(drop)
                }
                _ => Ok(()),
            };
            if let Some(ack) = ack {
                let _ = broker.ack(socket, ack, "[]", &[]);
            }
        }
    }
}

//! The server of `benches/fanout`: relays `pub` from a member of room "r" to all others as `msg`. Takes a port, and
//! how many loops of its own the broker is to run: `fanout 3000 --loops 2`.

use roomcast::{Broker, Config, Event, Events, Message, Target};

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let port = args.first().map_or("3000", String::as_str);
    let loops = match args.get(1).map(String::as_str) {
        None => 0,
        Some("--loops") => args.get(2).and_then(|loops| loops.parse().ok()).expect("--loops takes a number"),
        Some(other) => panic!("{other} is no option"),
    };
    let mut broker = Broker::new(Config { loops, ..Config::default() })?;
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

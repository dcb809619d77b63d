//! The server of `benches/storms` and `tests/overload.mjs`: one room, an emit of each class, and a drain, all at a client's
//! word. Takes a port and `limit=value` pairs, and `recovery=1` for connection state recovery. Not for the public: any client may drain it.

use roomcast::{Broker, Config, Delivery, Event, Events, Message, NamespaceOptions, Target};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let port = words.next().unwrap_or_else(|| "0".into());
    let mut config = Config {
        health_path: Some("/health".into()),
        metrics_path: Some("/metrics".into()),
        ..Config::default()
    };
    let mut options = NamespaceOptions::default();
    for word in words {
        let (name, value) = word.split_once('=').ok_or("limit=value")?;
        let limits = &mut config.limits;
        match name {
            "recovery" => options.recovery = value == "1",
            "max_backlog" => limits.max_backlog = value.parse()?,
            "max_handshakes_per_second" => limits.max_handshakes_per_second = value.parse()?,
            "step_time" => limits.step_time = value.parse()?,
            "head_timeout" => limits.head_timeout = value.parse()?,
            "body_timeout" => limits.body_timeout = value.parse()?,
            "idle_timeout" => limits.idle_timeout = value.parse()?,
            "connect_timeout" => config.connect_timeout = value.parse()?,
            "upgrade_timeout" => config.upgrade_timeout = value.parse()?,
            "ping_interval" => config.ping_interval = value.parse()?,
            "ping_timeout" => config.ping_timeout = value.parse()?,
            _ => return Err(format!("no such limit: {name}").into()),
        }
    }
    let mut broker = Broker::new(config)?;
    broker.add_namespace("/", options)?;
    println!("listening on {}", broker.listen(format!("127.0.0.1:{port}"))?);
    let mut events = Events::new();
    loop {
        broker.poll(&mut events, None)?;
        for event in events.iter() {
            let Event::Message { socket, namespace, name, args, ack, .. } = event else {
                if let Event::Drained = event {
                    println!("drained");
                }
                continue;
            };
            let sender = [socket];
            let room = Target::rooms(namespace, &["r"]).except(&sender);
            let message = Message::new("msg", args);
            // A socket that left meanwhile is no concern of this loop.
            let done = match name {
                "join" => broker.join(socket, "r").map(drop),
                "pub" => broker.emit(room, message).map(drop),
                "volatile" => broker.emit(room, message.delivery(Delivery::Volatile)).map(drop),
                "latest" => broker.emit(room, message.latest(1)).map(drop),
                "oldest" => broker.emit(room, message.delivery(Delivery::DropOldest)).map(drop),
                "blast" => {
                    let (bytes,): (usize,) = serde_json::from_str(args)?;
                    let args = format!("[\"{}\"]", "x".repeat(bytes));
                    broker.emit(room, Message::new("blast", &args)).map(drop)
                }
                "drain" => {
                    let (per_second, reason): (u32, String) = serde_json::from_str(args)?;
                    broker.drain(per_second, &reason)
                }
                "stop_draining" => {
                    broker.stop_draining();
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err(error) = done {
                eprintln!("{name}: {error}");
            }
            if let Some(ack) = ack {
                let _ = broker.ack(socket, ack, "[]", &[]);
            }
        }
    }
}

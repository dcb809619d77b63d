//! The node of `benches/cluster/rooms` on roomcast: one room, what clients say to it, and what an emit costs this thread. Takes a Redis's
//! address, or nothing to be alone. Not for the public: any client may keep it busy.

use roomcast::{Broker, Cluster, Config, Event, Events, Message, NamespaceOptions, Target};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = std::env::args().nth(1).map(|url| Cluster { url, ..Cluster::default() });
    let mut broker = Broker::new(Config { cluster, ..Config::default() })?;
    broker.add_namespace("/", NamespaceOptions::default())?;
    println!("listening on {}", broker.listen("127.0.0.1:0")?);
    let mut events = Events::new();
    loop {
        broker.poll(&mut events, None)?;
        for event in events.iter() {
            let Event::Message { socket, namespace, name, args, .. } = event else { continue };
            match name {
                "join" => {
                    broker.join(socket, "r")?;
                    broker.send(socket, Message::new("joined", "[]"))?;
                }
                "pub" => {
                    broker.emit(Target::rooms(namespace, &["r"]), Message::new("msg", args))?;
                }
                // A room in which nobody is, here or elsewhere: what is left is the call, and what it has to say to the others.
                "burst" => {
                    let (count, text): (u32, String) = serde_json::from_str(args)?;
                    let args = format!("[0,\"{text}\"]");
                    let begin = Instant::now();
                    for _ in 0..count {
                        broker.emit(Target::rooms(namespace, &["nobody"]), Message::new("msg", &args))?;
                    }
                    let each = begin.elapsed().as_nanos() / u128::from(count);
                    broker.send(socket, Message::new("took", &format!("[{each}]")))?;
                }
                _ => {}
            }
        }
    }
}

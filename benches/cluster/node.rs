//! A node for the benchmark of clusters: whoever sends `say` with a count has the rest of its arguments emitted so often to the room `all`,
//! in which everybody is that asks to be. It must not do anything else: its peer is `node.mjs`.
//!   cluster_node REDIS_URL FORMAT

use roomcast::{
    Broker, Cluster, ClusterFormat, Config, Event, Events, Message, NamespaceOptions, SubscriptionMode,
    Target,
};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let [url, format] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("cluster_node REDIS_URL FORMAT".into());
    };
    let format = match &**format {
        "pubsub" => ClusterFormat::PubSub,
        "sharded" => ClusterFormat::Sharded(SubscriptionMode::Dynamic),
        "streams" => ClusterFormat::Streams,
        _ => return Err("there is no such format".into()),
    };
    let cluster = Some(Cluster { url: url.clone(), format, ..Cluster::default() });
    let mut broker = Broker::new(Config { cluster, ..Config::default() })?;
    let ns = broker.add_namespace("/", NamespaceOptions::default())?;
    println!("{}", broker.listen("127.0.0.1:0")?.port());
    let mut events = Events::default();
    loop {
        broker.poll(&mut events, None)?;
        for event in events.iter() {
            match event {
                Event::Connect { socket, auth, .. } if auth.contains("true") => {
                    broker.join(socket, "all")?;
                }
                Event::Message { name: "say", args, .. } => {
                    let (count, rest) = args[1..].split_once(',').ok_or("a count and what is said")?;
                    let rest = format!("[{rest}");
                    for _ in 0..count.parse()? {
                        broker.emit(Target::rooms(ns, &["all"]), Message::new("m", &rest))?;
                    }
                }
                _ => {}
            }
        }
    }
}

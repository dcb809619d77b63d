//! The server of `benches/fanout`: relays what a member of room "r" publishes to all others there. Takes a port, then `arena`
//! for a game's loop, in which what came in within a frame goes out at its end, `deflate` for compressed messages, `tls CERT KEY` to listen over TLS, or how
//! many loops of its own the broker is to run: `fanout 3000 --loops 2`. What comes in as "count" it only counts.

use roomcast::{Broker, Config, Event, Events, Message, NamespaceId, SocketId, Target};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(33);

fn main() -> std::io::Result<()> {
    let mut words = std::env::args().skip(1);
    let port = words.next().unwrap_or_else(|| "3000".into());
    let (mut arena, mut loops, mut per_message_deflate, mut secured) = (false, 0, false, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "arena" => arena = true,
            "deflate" => per_message_deflate = true,
            "tls" => secured = Some([words.next(), words.next()].map(|path| path.expect("tls CERT KEY"))),
            "--loops" => {
                loops = words.next().and_then(|loops| loops.parse().ok()).expect("--loops takes a number")
            }
            other => panic!("{other} is no option"),
        }
    }
    let mut broker = Broker::new(Config { loops, per_message_deflate, ..Config::default() })?;
    let address = format!("0.0.0.0:{port}");
    let address = match secured {
        None => broker.listen(address)?,
        #[cfg(feature = "tls")]
        Some([chain, key]) => {
            let [chain, key] = [std::fs::read(chain)?, std::fs::read(key)?];
            broker.listen_tls(address, &roomcast::TlsConfig::from_pem(&chain, &key)?)?
        }
        #[cfg(not(feature = "tls"))]
        Some(_) => panic!("built without the feature tls"),
    };
    println!("listening on {address}");

    let mut events = Events::new();
    let mut args = String::new();
    let mut frame = Instant::now();
    let mut count: u64 = 0;
    loop {
        if arena {
            frame = (frame + TICK).max(Instant::now());
            std::thread::sleep(frame - Instant::now());
            broker.poll(&mut events, Some(Duration::ZERO))?;
        } else {
            broker.poll(&mut events, None)?;
        }
        for event in events.iter() {
            let Event::Message { socket, namespace, name, args: given, attachments, ack, .. } = event else {
                continue;
            };
            match name {
                "count" => count += 1,
                "counted" => args = format!("[{count}]"),
                "join" | "rooms" => {
                    for room in quoted(given) {
                        let _ = broker.join(socket, room);
                    }
                }
                "pub" => relay(&mut broker, namespace, socket, "r", Message::new("msg", given)),
                "bin" => {
                    let parts: Vec<&[u8]> = attachments.iter().collect();
                    relay(&mut broker, namespace, socket, "r", Message::new("msg", given).attach(&parts));
                }
                // Two texts, the room and what to send there.
                "cell" => {
                    if let Some((room, rest)) =
                        given.strip_prefix("[\"").and_then(|given| given.split_once("\",\""))
                    {
                        args.clear();
                        args.extend(["[\"", rest]);
                        relay(&mut broker, namespace, socket, room, Message::new("msg", &args));
                    }
                }
                _ => {}
            }
            if let Some(ack) = ack {
                let reply = if name == "counted" { &args } else { "[]" };
                let _ = broker.ack(socket, ack, reply, &[]);
            }
        }
        if arena {
            broker.flush();
        }
    }
}

/// A socket that left meanwhile is no concern of this loop.
fn relay(broker: &mut Broker, namespace: NamespaceId, from: SocketId, room: &str, message: Message<'_>) {
    let _ = broker.emit(Target::rooms(namespace, &[room]).except(&[from]), message);
}

/// The texts of a JSON value whose texts have no escapes in them, as the benchmark's have not.
fn quoted(json: &str) -> impl Iterator<Item = &str> {
    json.split('"').skip(1).step_by(2)
}

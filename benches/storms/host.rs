//! The server of `benches/storms`, `tests/overload.mjs` and `tests/restart.mjs`: one room, an emit of each class, a drain, and an end,
//! all at a client's word; and a pulse, a number for everybody every so many milliseconds. Takes a port and `limit=value` pairs, and
//! `recovery=1` for connection state recovery. Not for the public: any client may drain it.

use roomcast::{Broker, Config, Delivery, Event, Events, Message, NamespaceOptions, Target};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let port = words.next().unwrap_or_else(|| "0".into());
    let mut config = Config {
        health_path: Some("/health".into()),
        metrics_path: Some("/metrics".into()),
        ..Config::default()
    };
    let mut options = NamespaceOptions::default();
    let (mut pulse, mut kept) = (None, None);
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
            "recovery_window" => limits.recovery_window = value.parse()?,
            "pulse" => pulse = Some(Duration::from_millis(value.parse()?)),
            // With recovery=1: this file is for the next process.
            "kept" => kept = Some(value.to_owned()),
            _ => return Err(format!("no such limit: {name}").into()),
        }
    }
    let mut broker = Broker::new(config)?;
    let root = broker.add_namespace("/", options)?;
    // The number of the next pulse comes first in the file.
    let mut number = 1_u64;
    if let Some(before) = kept.as_ref().and_then(|path| std::fs::read(path).ok()) {
        let (next, sessions) = before.split_first_chunk().ok_or("a number first")?;
        number = u64::from_le_bytes(*next);
        println!("imported {}", broker.import_recovery(sessions)?);
    }
    let mut due = Instant::now();
    println!("listening on {}", broker.listen(format!("127.0.0.1:{port}"))?);
    let mut events = Events::new();
    loop {
        broker.poll(&mut events, pulse.map(|_| due.saturating_duration_since(Instant::now())))?;
        if let Some(pulse) = pulse
            && due <= Instant::now()
        {
            broker.emit(Target::all(root), Message::new("pulse", &format!("[{number}]")))?;
            number += 1;
            due += pulse;
        }
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
                // What comes behind it in this batch is lost, as it is with a process.
                "hand_over" => {
                    let path = kept.ok_or("kept=FILE")?;
                    broker.close(&mut Events::new(), Duration::from_secs(5))?;
                    std::fs::write(path, [&number.to_le_bytes()[..], &broker.export_recovery()?].concat())?;
                    return Ok(());
                }
                "stop_pulse" => {
                    pulse = None;
                    broker
                        .emit(Target::all(namespace), Message::new("last", &format!("[{}]", number - 1)))
                        .map(drop)
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

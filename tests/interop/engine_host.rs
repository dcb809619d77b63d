//! An Engine.IO echo server: every message comes back as it went. Takes a port and the options as JSON, with the
//! reference's names.

use roomcast::{Broker, Config, Event, Events};
use serde_json::Value;

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let port = args.next().unwrap_or_else(|| "0".into());
    let options: Value =
        serde_json::from_str(&args.next().unwrap_or_else(|| "{}".into())).expect("options are JSON");
    let mut config = Config { engine_only: true, path: "/engine.io/".into(), ..Config::default() };
    let number = |name: &str, default: u64| options[name].as_u64().unwrap_or(default);
    config.ping_interval = number("pingInterval", config.ping_interval);
    config.ping_timeout = number("pingTimeout", config.ping_timeout);
    config.upgrade_timeout = number("upgradeTimeout", config.upgrade_timeout);
    config.limits.max_payload = number("maxPayload", config.limits.max_payload as u64) as usize;
    let mut broker = Broker::new(config)?;
    println!("listening on {}", broker.listen(format!("127.0.0.1:{port}"))?.port());
    let mut events = Events::new();
    loop {
        broker.poll(&mut events, None)?;
        for event in events.iter() {
            // A client that is gone by now needs no echo.
            let _ = match event {
                Event::Text { conn, text } => broker.send_message(conn, text),
                Event::Binary { conn, bytes } => broker.send_binary(conn, bytes),
                _ => Ok(()),
            };
        }
    }
}

//! HTTP links: what is read when, how answers look, and in which order they come. What a session is told stands elsewhere.

use crate::client::Wire;
use crate::parse::{self, Response};
use crate::world::World;
use roomcast::{Config, Resource};

impl World {
    /// Every whole response that this wire has got.
    fn answers(&mut self, wire: &mut Wire) -> Vec<Response> {
        self.settle();
        self.net.read(wire.id, usize::MAX, &mut wire.input);
        std::iter::from_fn(|| parse::response(&mut wire.input)).collect()
    }
}

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";

#[test]
fn a_protocol_that_nobody_speaks_is_offered_in_vain() {
    let config = || Config {
        health_path: Some("/health".into()),
        metrics_path: Some("/metrics".into()),
        ..Config::default()
    };
    let offers = [
        // curl --http2 and Java's HttpClient, the first with a list that is cut differently.
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
        "Connection: upgrade\r\nConnection: http2-settings\r\nUpgrade: h2c, TLS/1.0\r\nHTTP2-Settings:\r\n",
        "Connection: upgrade\r\nUpgrade:\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: websocket\r\n",
    ];
    for offer in offers {
        let mut world = World::new(config());
        world.core.serve("/page", Resource::new("text/html", "hello")).unwrap();
        let mut wire = world.raw(b"");
        for target in [HANDSHAKE, "/health", "/metrics", "/page"] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{offer}\r\n");
            world.net.write(wire.id, request.as_bytes());
            let answers = world.answers(&mut wire);
            assert_eq!(
                answers.iter().map(|answer| answer.status).collect::<Vec<_>>(),
                [200],
                "{offer} {target}"
            );
            assert_eq!(answers[0].header("connection"), Some("keep-alive"));
        }
        // A session's requests too, with a body.
        let mut polling = world.raw(format!("GET {HANDSHAKE} HTTP/1.1\r\nHost: x\r\n{offer}\r\n").as_bytes());
        let open = world.answers(&mut polling).remove(0);
        let sid = serde_json::from_str::<serde_json::Value>(&open.text()[1..]).unwrap()["sid"].clone();
        let post = format!(
            "POST {HANDSHAKE}&sid={} HTTP/1.1\r\nHost: x\r\n{offer}Content-Length: 2\r\n\r\n40",
            sid.as_str().unwrap()
        );
        world.net.write(polling.id, post.as_bytes());
        assert_eq!(world.answers(&mut polling)[0].text(), "ok", "{offer}");
    }
    // With WebSocket among the offers, that is what is chosen.
    let mut world = World::new(config());
    let mut wire = world.raw(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
          Upgrade: h2c, websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let answer = world.answers(&mut wire).remove(0);
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")));
}

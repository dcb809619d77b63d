//! The page, served by the broker itself from memory.

use roomcast::{Broker, Resource, Result};

/// Where npm puts the official client, under the repository.
const CLIENTS: &[&str] = &["examples/chat/node_modules", "tests/interop/node_modules", "node_modules"];

const LOCAL: &str = r#"<script src="/socket.io.js"></script>"#;
const CDN: &str = concat!(
    r#"<script src="https://cdn.jsdelivr.net/npm/socket.io-client@4.8.4/dist/socket.io.min.js" "#,
    r#"integrity="sha384-fBrXvbDtHoeKWJ/hcA6M+YGueiDW+h45I7V6F2kD1S8bOkrF9rZYPLVkCR6BLR/1" "#,
    r#"crossorigin="anonymous"></script>"#,
);
const POLICY: &str = "default-src 'self'; script-src 'self' https://cdn.jsdelivr.net; img-src 'self' data:";

pub(crate) fn serve(broker: &mut Broker) -> Result<()> {
    let client = CLIENTS.iter().find_map(|modules| {
        let root = env!("CARGO_MANIFEST_DIR");
        std::fs::read(format!("{root}/{modules}/socket.io-client/dist/socket.io.min.js")).ok()
    });
    let tag = if client.is_some() { LOCAL } else { CDN };
    if let Some(client) = client {
        broker.serve("/socket.io.js", Resource::new("text/javascript", client))?;
    } else {
        eprintln!(
            "no socket.io-client in {CLIENTS:?}: pages load it from cdn.jsdelivr.net (`make chat` fetches it with npm)"
        );
    }
    let html = include_str!("index.html").replace("<!-- the Socket.IO client -->", tag);
    let mut page = Resource::new("text/html; charset=utf-8", html);
    page.headers.push(("Content-Security-Policy".into(), POLICY.into()));
    broker.serve("/", page)?;
    broker.serve("/chat.css", Resource::new("text/css; charset=utf-8", include_str!("chat.css")))?;
    broker.serve("/chat.js", Resource::new("text/javascript; charset=utf-8", include_str!("chat.js")))
}

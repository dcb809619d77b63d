//! What the broker answers besides Socket.IO: the host's own in-memory responses, and the health report.

use crate::base::errors::{Error, Result};
use crate::engine::Engine;
use crate::host::metrics::Metrics;
use crate::wire::http::{self, Request};
use std::collections::HashMap;

/// A response held in memory, for a path of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resource {
    /// Value of `Content-Type`.
    pub content_type: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Resource {
    /// A response of this type with this body.
    pub fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { content_type: content_type.into(), headers: Vec::new(), body: body.into() }
    }
}

/// The host's responses by path.
#[derive(Default)]
pub(super) struct Pages(HashMap<Box<str>, Resource>);

impl Pages {
    pub(super) fn add(&mut self, path: &str, resource: Resource, engine: &Engine) -> Result<()> {
        if !path.starts_with('/') || engine.covers(path) || path.contains(['?', '#']) {
            return Err(Error::BadPath);
        }
        let fits =
            |(name, value): &(String, String)| http::is_header_name(name) && http::is_header_value(value);
        if !http::is_header_value(&resource.content_type) {
            return Err(Error::BadValue("content_type: it cannot be sent as a header"));
        }
        if !resource.headers.iter().all(fits) {
            return Err(Error::BadValue("headers: one of them cannot be sent"));
        }
        self.0.insert(path.into(), resource);
        Ok(())
    }

    /// Answers a request. `figures` are those of the whole broker.
    pub(super) fn answer(
        &self,
        engine: &mut Engine,
        link: u32,
        request: &Request<'_>,
        figures: impl FnOnce(&Engine) -> Metrics,
    ) {
        let path = request.path();
        let health = engine.config.health_path.as_deref() == Some(path);
        let metrics = engine.config.metrics_path.as_deref() == Some(path);
        match self.0.get(path) {
            None if !health && !metrics => engine.respond(link, 404, "", b""),
            _ if request.method != "GET" && request.method != "HEAD" => engine.respond(link, 405, "", b""),
            Some(page) => engine.respond_with(link, 200, &page.content_type, &page.headers, &page.body),
            None if health => {
                // A balancer that asks here sends no clients to a server that drains.
                let status = if engine.is_draining() { 503 } else { 200 };
                let report = health_report(&figures(engine));
                engine.respond(link, status, "application/json", report.as_bytes());
            }
            None => {
                let text = figures(engine).to_string();
                engine.respond(link, 200, Metrics::CONTENT_TYPE, text.as_bytes());
            }
        }
    }
}

fn health_report(metrics: &Metrics) -> String {
    let stats = &metrics.stats;
    let counters: serde_json::Map<_, _> =
        stats.counters.iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    serde_json::json!({
        "status": if stats.draining { "draining" } else { "ok" },
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_ms": metrics.uptime.as_millis() as u64,
        "links": stats.links,
        "connections": stats.connections,
        "sockets": stats.sockets,
        "namespaces": stats.namespaces,
        "rooms": stats.rooms,
        "pending_acks": stats.pending_acks,
        "queued_bytes": stats.queued_bytes,
        "counters": counters,
    })
    .to_string()
}

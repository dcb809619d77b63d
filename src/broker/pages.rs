//! What the broker answers besides Socket.IO: the host's own in-memory responses, and the health report.

use crate::base::errors::{Error, Result};
use crate::engine::Engine;
use crate::host::metrics::Metrics;
use crate::host::stats::count;
use crate::wire::deflate::{self, Coding, Deflater};
use crate::wire::http::{self, Request};
use std::cell::OnceCell;
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
pub(super) struct Pages(HashMap<Box<str>, Page>);

struct Page {
    resource: Resource,
    /// It may be compressed.
    varies: bool,
    /// Its headers and its body as gzip, made when the first client asks that takes it. `None` in it if that is not worth it.
    gzip: OnceCell<Option<Resource>>,
}

impl Pages {
    pub(super) fn add(&mut self, path: &str, mut resource: Resource, engine: &Engine) -> Result<()> {
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
        let encoded = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-encoding");
        let varies = deflate::AVAILABLE
            && engine.config.http_compression
            && resource.body.len() >= engine.config.compression_threshold
            && !resource.headers.iter().any(encoded);
        if varies {
            // Whoever keeps an answer for others has to know.
            resource.headers.push(("Vary".to_owned(), "Accept-Encoding".to_owned()));
        }
        self.0.insert(path.into(), Page { resource, varies, gzip: OnceCell::new() });
        Ok(())
    }

    /// Whether there is something at a path.
    pub(super) fn has(&self, engine: &Engine, path: &str) -> bool {
        let config = &engine.config;
        let reports = [&config.health_path, &config.metrics_path];
        self.0.contains_key(path) || reports.iter().any(|report| report.as_deref() == Some(path))
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
            Some(page) => {
                let Resource { content_type, headers, body } = page.for_whom(engine, request);
                engine.respond_with(link, 200, content_type, headers, body);
            }
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

impl Page {
    /// The response as this client takes it.
    fn for_whom(&self, engine: &mut Engine, request: &Request<'_>) -> &Resource {
        let Self { resource, varies, gzip } = self;
        if !varies || request.preferred_coding() != Some(Coding::Gzip) {
            return resource;
        }
        let Some(packed) = gzip.get_or_init(|| resource.packed(engine.config.compression_level)) else {
            return resource;
        };
        count(&mut engine.counters.compressed_answers, 1);
        packed
    }
}

impl Resource {
    /// The same as gzip, if it gains by it.
    fn packed(&self, level: u8) -> Option<Self> {
        let body = Deflater::new(Coding::Gzip, level).compress(&self.body)?.to_vec();
        let mut headers = self.headers.clone();
        headers.push(("Content-Encoding".to_owned(), Coding::Gzip.name().to_owned()));
        Some(Self { content_type: self.content_type.clone(), headers, body })
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

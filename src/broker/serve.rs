//! What the broker answers besides Socket.IO: the host's own in-memory responses, and the health report.

use super::core::Core;
use super::metrics::Metrics;
use crate::base::errors::{Error, Result};
use crate::wire::http::{self, Request};
use std::collections::HashMap;

/// The path of the endpoint, matched as a prefix.
#[derive(Debug)]
pub(super) struct Mount(Box<str>);

impl Mount {
    pub(super) fn new(path: &str, trailing_slash: bool) -> Self {
        let path = path.trim_end_matches('/');
        Self(if trailing_slash { format!("{path}/") } else { path.to_owned() }.into())
    }

    pub(super) fn covers(&self, path: &str) -> bool {
        path.starts_with(&*self.0)
    }
}

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

impl Core {
    /// Answers GET and HEAD for exactly this path. A second call replaces the first.
    ///
    /// # Errors
    /// [`Error::BadPath`] if it does not begin with a slash or lies under the Socket.IO path, [`Error::BadValue`] for a
    /// header that cannot be sent.
    pub fn serve(&mut self, path: &str, resource: Resource) -> Result<()> {
        if !path.starts_with('/') || self.mount.covers(path) || path.contains(['?', '#']) {
            return Err(Error::BadPath);
        }
        let fits =
            |(name, value): &(String, String)| http::is_header_name(name) && http::is_header_value(value);
        if !http::is_header_value(&resource.content_type) || !resource.headers.iter().all(fits) {
            return Err(Error::BadValue);
        }
        self.resources.insert(path.into(), resource);
        Ok(())
    }

    /// A request for a path that is not the endpoint's.
    pub(super) fn serve_request(&mut self, link: u32, request: &Request<'_>) {
        let path = request.path();
        let health = self.config.health_path.as_deref() == Some(path);
        let metrics = self.config.metrics_path.as_deref() == Some(path);
        let resources = std::mem::take(&mut self.resources);
        match resources.get(path) {
            _ if !health && !metrics && !resources.contains_key(path) => self.respond(link, 404, "", b""),
            _ if request.method != "GET" && request.method != "HEAD" => self.respond(link, 405, "", b""),
            Some(resource) => {
                self.respond_with(link, 200, &resource.content_type, &resource.headers, &resource.body)
            }
            None if health => {
                // A balancer that asks here sends no clients to a server that drains.
                let status = if self.is_draining() { 503 } else { 200 };
                let report = health_report(&self.reported());
                self.respond(link, status, "application/json", report.as_bytes());
            }
            None => {
                let text = self.reported().to_string();
                self.respond(link, 200, Metrics::CONTENT_TYPE, text.as_bytes());
            }
        }
        self.resources = resources;
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

/// The host's responses by path.
pub(super) type Resources = HashMap<Box<str>, Resource>;

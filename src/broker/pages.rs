//! What the broker answers besides Socket.IO: the host's own in-memory responses, and the health report.

use crate::base::errors::{Error, Result};
use crate::engine::Engine;
use crate::host::metrics::Metrics;
use crate::host::stats::count;
use crate::wire::deflate::{self, Coding, Deflater};
use crate::wire::http::{self, Request};
use std::cell::OnceCell;
use std::collections::HashMap;

/// A response held in memory, for a path of its own: a page, a script, a client's bundle.
///
/// Clients ask again for what they have kept: each response has an `ETag` made of its body, unless `headers` have one, and who shows that it has
/// it (`If-None-Match`) is answered with 304 and no body. Ranges are not served (RFC 9110, 14.2: a server may ignore them).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resource {
    /// Value of `Content-Type`.
    pub content_type: String,
    /// Further headers, such as `Cache-Control`; none of those that answers have by themselves (`Content-Length`, `Connection` and others).
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The same body in other codings, by their names in `Content-Encoding`: `br`, `gzip`. A client gets of those it likes best the shortest.
    /// Without `gzip` among them it is made when it is first asked for, unless [`Config::http_compression`](crate::Config::http_compression) is off.
    pub encoded: Vec<(String, Vec<u8>)>,
}

impl Resource {
    /// A response of this type with this body.
    pub fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            content_type: content_type.into(),
            headers: Vec::new(),
            body: body.into(),
            encoded: Vec::new(),
        }
    }

    fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }
}

/// The host's responses by path.
#[derive(Default)]
pub(super) struct Pages(HashMap<Box<str>, Page>);

/// What is answered at a path.
struct Page {
    content_type: String,
    plain: Variant,
    encoded: Vec<Variant>,
    /// The body as gzip, made when the first client asks that takes it; `None` in it if that is not worth it. Only of a page that has no
    /// such one, and is worth a try.
    gzip: Option<OnceCell<Option<Variant>>>,
}

/// A body in one coding, or in none, and the headers that go with it.
struct Variant {
    coding: &'static str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The codings that bodies can be handed over in, as they are registered.
const CODINGS: [&str; 4] = ["br", "gzip", "zstd", "deflate"];
const GZIP: &str = "gzip";
/// Of a body that is not encoded.
const IDENTITY: &str = "identity";

impl Pages {
    /// Puts a response at a path. A page under the endpoint's path is answered there, too, as the reference does with its client's files.
    pub(super) fn add(&mut self, path: &str, resource: Resource, engine: &Engine) -> Result<()> {
        if !path.starts_with('/') || engine.is_endpoint(path) || path.contains(['?', '#']) {
            return Err(Error::BadPath);
        }
        if !http::is_header_value(&resource.content_type) {
            return Err(Error::BadValue("content_type: it cannot be sent as a header"));
        }
        if !resource.headers.iter().all(|(name, value)| http::is_header(name, value)) {
            return Err(Error::BadValue("headers: one of them cannot be sent, or is the answer's own"));
        }
        if !resource.encoded.is_empty() && resource.has("content-encoding") {
            return Err(Error::BadValue("encoded: the body itself has a Content-Encoding"));
        }
        self.0.insert(path.into(), Page::new(resource, engine)?);
        Ok(())
    }

    /// Adds a coding to the response at a path.
    pub(super) fn add_encoded(&mut self, path: &str, coding: &str, body: &[u8]) -> Result<()> {
        let page = self.0.get_mut(path).ok_or(Error::BadPath)?;
        if page.plain.has("content-encoding") {
            return Err(Error::BadValue("encoding: the body itself has a Content-Encoding"));
        }
        page.encode(coding, body.to_vec())
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
            Some(page) => page.answer(engine, link, request),
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
    fn new(resource: Resource, engine: &Engine) -> Result<Self> {
        let may_be_packed = deflate::AVAILABLE
            && engine.config.http_compression
            && resource.body.len() >= engine.config.compression_threshold
            && !resource.has("content-encoding");
        let Resource { content_type, mut headers, body, encoded } = resource;
        if may_be_packed {
            vary(&mut headers);
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("etag")) {
            headers.push(("ETag".to_owned(), tag_of(&body)));
        }
        let mut page = Self {
            content_type,
            plain: Variant { coding: IDENTITY, headers, body },
            encoded: Vec::new(),
            gzip: may_be_packed.then(OnceCell::new),
        };
        encoded.into_iter().try_for_each(|(coding, body)| page.encode(&coding, body))?;
        Ok(page)
    }

    /// The same body, encoded by whoever serves it.
    fn encode(&mut self, coding: &str, body: Vec<u8>) -> Result<()> {
        let known = CODINGS.into_iter().find(|known| known.eq_ignore_ascii_case(coding));
        let coding = known.ok_or(Error::BadValue("encoding: it is none of br, gzip, zstd and deflate"))?;
        vary(&mut self.plain.headers);
        if coding == GZIP {
            self.gzip = None;
        }
        self.encoded.retain(|other| other.coding != coding);
        self.encoded.push(self.plain.encoded(coding, body));
        Ok(())
    }

    /// Answers with what this client likes best; with nothing but its tag if the client has it.
    fn answer(&self, engine: &mut Engine, link: u32, request: &Request<'_>) {
        let variant = self.for_whom(engine, request);
        if variant.coding != IDENTITY {
            count(&mut engine.counters.compressed_answers, 1);
        }
        let has_it = variant.tag().is_some_and(|tag| request.has_tag(tag));
        match has_it {
            true => engine.respond_with(link, 304, "", &variant.headers, b""),
            false => engine.respond_with(link, 200, &self.content_type, &variant.headers, &variant.body),
        }
    }

    fn for_whom(&self, engine: &Engine, request: &Request<'_>) -> &Variant {
        let made = self.gzip.as_ref().filter(|_| request.coding_weight(GZIP) > 0.0).and_then(|gzip| {
            gzip.get_or_init(|| {
                let body = Deflater::new(Coding::Gzip, engine.config.compression_level)
                    .compress(&self.plain.body)?
                    .to_vec();
                Some(self.plain.encoded(GZIP, body))
            })
            .as_ref()
        });
        let mut best = &self.plain;
        let mut most = request.coding_weight(IDENTITY);
        for variant in self.encoded.iter().chain(made) {
            let weight = request.coding_weight(variant.coding);
            if weight > most || (weight == most && weight > 0.0 && variant.body.len() < best.body.len()) {
                (best, most) = (variant, weight);
            }
        }
        best
    }
}

impl Variant {
    /// The same in a coding, with a tag of its own: what is strong tells bytes apart (RFC 9110, 8.8.3.3).
    fn encoded(&self, coding: &'static str, body: Vec<u8>) -> Self {
        let mut headers = self.headers.clone();
        for (name, value) in &mut headers {
            if name.eq_ignore_ascii_case("etag")
                && let Some(open) = value.strip_suffix('"')
            {
                *value = format!("{open}-{coding}\"");
            }
        }
        headers.push(("Content-Encoding".to_owned(), coding.to_owned()));
        Self { coding, headers, body }
    }

    fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }

    fn tag(&self) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(name, _)| name.eq_ignore_ascii_case("etag")).map(|(_, value)| value.as_str())
    }
}

/// Says that it depends on who asks: whoever keeps an answer for others has to know.
fn vary(headers: &mut Vec<(String, String)>) {
    let said = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("vary") && value.to_ascii_lowercase().contains("accept-encoding")
    };
    if !headers.iter().any(said) {
        headers.push(("Vary".to_owned(), "Accept-Encoding".to_owned()));
    }
}

/// A strong tag: the same for the same bytes in each process, so that many behind a balancer are one.
fn tag_of(body: &[u8]) -> String {
    format!("\"{}\"", http::digest(body))
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

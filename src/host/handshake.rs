//! What a client's first request said. It is kept as it came and read again when the host asks.

use super::peer::Peer;
use crate::base::date::Moment;
use crate::base::limits::Limits;
use crate::wire::http::{self, Request};
use std::borrow::Cow;

/// The request that opened a connection.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The request's head as it came, but with one line for each header.
    pub(crate) head: Box<[u8]>,
    pub(crate) peer: Peer,
    /// Milliseconds since 1970.
    pub(crate) issued: u64,
}

/// What a client's first request said: the reference's `socket.handshake`.
#[derive(Debug)]
pub struct Handshake<'a> {
    origin: Cow<'a, Origin>,
    /// Those that the request was read with.
    limits: &'a Limits,
}

impl<'a> Handshake<'a> {
    pub(crate) fn new(origin: Cow<'a, Origin>, limits: &'a Limits) -> Self {
        Self { origin, limits }
    }

    pub(crate) fn into_origin(self) -> Origin {
        self.origin.into_owned()
    }

    fn request(&self) -> Option<Request<'_>> {
        http::parse_head(&self.origin.head, self.limits).ok().flatten().map(|(request, _)| request)
    }

    /// The client's address; behind a proxy, the proxy's.
    pub fn address(&self) -> &Peer {
        &self.origin.peer
    }

    /// When the request came, in milliseconds since 1970.
    pub fn issued(&self) -> u64 {
        self.origin.issued
    }

    /// When the request came, as JavaScript writes a date: `Sun Nov 22 2026 23:15:04 GMT+0000 (Coordinated Universal
    /// Time)`.
    pub fn time(&self) -> String {
        let Moment { weekday, year, month, day, hour, minute, second } = Moment::new(self.origin.issued);
        format!(
            "{weekday} {month} {day:02} {year} {hour:02}:{minute:02}:{second:02} GMT+0000 (Coordinated Universal Time)"
        )
    }

    /// The request's target: path and query.
    pub fn url(&self) -> &str {
        self.request().map_or("", |request| request.target)
    }

    /// The query's parameters, decoded, in their order; `EIO` and `transport` are among them.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        http::query_pairs(self.request().map_or("", |request| request.query()))
    }

    /// The headers, in their order, as (name, value): one of each name. What came in several lines is joined as Node joins it,
    /// by `, ` and for `Cookie` by `; `; of those of which there can be only one (`Host`, `User-Agent`, `Authorization` and
    /// others) the first counts.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.request().into_iter().flat_map(|request| request.headers())
    }

    /// The header of this name, in any case; see [`headers`](Self::headers).
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.request().and_then(|request| request.header(name))
    }

    /// Whether the request came from a page, and so perhaps from another origin.
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
    }
}

//! What a client's first request said. It is kept as it came and read again when the host asks.

use crate::base::limits::Limits;
use crate::wire::http::{self, Request};
use std::borrow::Cow;
use std::net::SocketAddr;

/// The request that opened a connection.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The request's head, as it came.
    pub(crate) head: Box<[u8]>,
    pub(crate) peer: SocketAddr,
    /// Milliseconds since 1970.
    pub(crate) issued: u64,
}

/// What a client's first request said: the reference's `socket.handshake`.
#[derive(Debug)]
pub struct Handshake<'a> {
    origin: &'a Origin,
    request: Option<Request<'a>>,
}

impl<'a> Handshake<'a> {
    /// `limits` are those that the request was read with.
    pub(crate) fn new(origin: &'a Origin, limits: &Limits) -> Self {
        let request = http::parse_head(&origin.head, limits).ok().flatten();
        Self { origin, request: request.map(|(request, _)| request) }
    }

    /// The client's address; behind a proxy, the proxy's.
    pub fn address(&self) -> SocketAddr {
        self.origin.peer
    }

    /// When the request came, in milliseconds since 1970.
    pub fn issued(&self) -> u64 {
        self.origin.issued
    }

    /// The request's target: path and query.
    pub fn url(&self) -> &'a str {
        self.request.map_or("", |request| request.target)
    }

    /// The query's parameters, decoded, in their order; `EIO` and `transport` are among them.
    pub fn query(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        http::query_pairs(self.request.map_or("", |request| request.query()))
    }

    /// The headers, in their order, as (name, value).
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.request.into_iter().flat_map(|request| request.headers())
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.request.and_then(|request| request.header(name))
    }

    /// Whether the request came from a page, and so perhaps from another origin.
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
    }
}

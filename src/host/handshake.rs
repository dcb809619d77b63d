//! What a client's first request said. It is kept as it came and read again when the host asks.

use super::peer::Peer;
use super::tls::TlsInfo;
use crate::base::date::Moment;
use crate::base::limits::Limits;
use crate::wire::engineio::Version;
use crate::wire::http::{self, Request};
use crate::wire::json;
use std::borrow::Cow;
use std::sync::Arc;

/// The request that opened a connection.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The request's head as it came, but with one line for each header.
    pub(crate) head: Box<[u8]>,
    pub(crate) peer: Peer,
    /// If it came over TLS that ends here.
    pub(crate) tls: Option<Arc<TlsInfo>>,
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

    /// What is known of the TLS over which the request came: `None` without it, and behind a proxy that speaks TLS in this broker's place.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.origin.tls.as_deref()
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

    /// The version of Engine.IO that the client speaks: 4, or 3 if [`Config::allow_eio3`](crate::Config::allow_eio3) lets it in. The
    /// reference's `socket.conn.protocol`.
    pub fn protocol(&self) -> u32 {
        let named = self.query().filter(|(name, _)| name == "EIO").last();
        Version::of_query(named.as_ref().map_or("", |(_, value)| value)).number()
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

    /// All of it as a JSON object, as the reference's `socket.handshake` is, with the client's auth object if it is given.
    pub(crate) fn to_json(&self, auth: Option<&str>) -> String {
        let mut out = Vec::new();
        let mut member = |name: &str, value: &dyn Fn(&mut Vec<u8>)| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            json::write_string(&mut out, name);
            out.push(b':');
            value(&mut out);
        };
        let flag = |flag: bool| if flag { "true" } else { "false" };
        member("headers", &|out| {
            // As Node reads them: a byte is a character.
            let text = |value: &[u8]| value.iter().copied().map(char::from).collect::<String>();
            write_object(out, self.headers().map(|(name, value)| (name.to_ascii_lowercase(), text(value))));
        });
        member("time", &|out| json::write_string(out, &self.time()));
        member("address", &|out| {
            json::write_string(out, &self.address().ip().map_or_else(String::new, |ip| ip.to_string()))
        });
        member("xdomain", &|out| out.extend(flag(self.is_cross_domain()).as_bytes()));
        member("secure", &|out| out.extend(flag(self.tls().is_some()).as_bytes()));
        member("issued", &|out| out.extend(self.issued().to_string().as_bytes()));
        member("url", &|out| json::write_string(out, self.url()));
        member("query", &|out| {
            write_object(out, self.query().map(|(name, value)| (name.into_owned(), value.into_owned())));
        });
        if let Some(auth) = auth {
            member("auth", &|out| out.extend(auth.as_bytes()));
        }
        out.push(b'}');
        // All that was written is text.
        String::from_utf8(out).unwrap_or_default()
    }

    /// Whether the request came from a page, and so perhaps from another origin.
    pub fn is_cross_domain(&self) -> bool {
        self.header("origin").is_some()
    }
}

fn write_object(out: &mut Vec<u8>, members: impl Iterator<Item = (String, String)>) {
    out.push(b'{');
    for (at, (name, value)) in members.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::write_string(out, &name);
        out.push(b':');
        json::write_string(out, &value);
    }
    out.push(b'}');
}

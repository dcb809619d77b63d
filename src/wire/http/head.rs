//! Request heads. It must not allocate, and refuses whatever another reader of the same bytes might frame differently.

use crate::base::limits::Limits;
use httparse::Status;
use memchr::{memchr, memchr_iter};
use std::mem::MaybeUninit;

/// A parsed request head, borrowed from the bytes it was parsed from.
#[derive(Clone, Copy, Debug)]
pub struct Request<'b> {
    /// One of HTTP's own, in capitals.
    pub method: &'b str,
    /// As sent: a path with its query, `*`, or an absolute URL. ASCII.
    pub target: &'b str,
    /// False for HTTP/1.0.
    pub http11: bool,
    /// What follows the head.
    pub body: Body,
    /// The header lines, each with its CRLF, and the empty line.
    pub(super) lines: &'b [u8],
    /// There is an `Accept-Encoding`: most requests need not be looked through for it.
    pub(super) names_codings: bool,
}

/// How the request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks, the last one empty.
    Chunked,
}

/// Why a head is refused. The connection is closed behind the answer: where the next request begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// Not HTTP, or ambiguous.
    BadRequest,
    /// More bytes or headers than the limits allow.
    TooLarge,
    /// A transfer coding besides chunked.
    UnknownCoding,
    /// Neither HTTP/1.1 nor HTTP/1.0.
    UnknownVersion,
}

impl HeadError {
    /// The status that answers it.
    pub fn status(self) -> u16 {
        match self {
            HeadError::BadRequest | HeadError::UnknownVersion => 400,
            HeadError::TooLarge => 431,
            HeadError::UnknownCoding => 501,
        }
    }

    /// For a line of the log.
    pub fn text(self) -> &'static str {
        match self {
            HeadError::BadRequest => "not HTTP, or ambiguous",
            HeadError::TooLarge => "the head has more bytes or headers than it may",
            HeadError::UnknownCoding => "a transfer coding besides chunked",
            HeadError::UnknownVersion => "neither HTTP/1.1 nor HTTP/1.0",
        }
    }
}

/// Those of RFC 9110 and 5789. With any word taken for a method, the rest of a body that was framed wrongly would often
/// pass for a request.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// So many headers are parsed without an allocation.
const USUAL_HEADERS: usize = 100;

/// Parses the head at the start of `buf`. Returns the request and the length of its head, or `None` when more bytes
/// are needed.
pub fn parse_head<'b>(buf: &'b [u8], limits: &Limits) -> Result<Option<(Request<'b>, usize)>, HeadError> {
    let window = buf.get(..limits.max_head_bytes).unwrap_or(buf);
    let mut usual = [const { MaybeUninit::uninit() }; USUAL_HEADERS];
    let mut many = Vec::new();
    let scratch = match usual.get_mut(..limits.max_headers) {
        Some(scratch) => scratch,
        None => {
            many.resize_with(limits.max_headers, MaybeUninit::uninit);
            many.as_mut_slice()
        }
    };
    let mut parsed = httparse::Request::new(&mut []);
    let len = match parsed.parse_with_uninit_headers(window, scratch) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) if window.len() < limits.max_head_bytes => return Ok(None),
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLarge),
        Err(httparse::Error::Version) => return Err(HeadError::UnknownVersion),
        Err(_) => return Err(HeadError::BadRequest),
    };
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(HeadError::BadRequest);
    };
    // httparse takes a bare LF for a line's end; another reader might not.
    let head = window.get(..len).unwrap_or_default();
    let ends_bare = |at: usize| at.checked_sub(1).and_then(|before| head.get(before)) != Some(&b'\r');
    if memchr_iter(b'\n', head).any(ends_bare) || !METHODS.contains(&method) || !is_target(target) {
        return Err(HeadError::BadRequest);
    }
    let request_line = head.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let from_request = head.get(request_line..).unwrap_or_default();
    let lines = memchr(b'\n', from_request).and_then(|at| from_request.get(at.saturating_add(1)..));
    let lines = lines.unwrap_or_default();
    let mut request =
        Request { method, target, http11: version == 1, body: Body::None, lines, names_codings: false };
    (request.body, request.names_codings) = request.framing()?;
    Ok(Some((request, len)))
}

impl<'b> Request<'b> {
    /// Every header in order, names as sent, values trimmed.
    pub fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        fields(self.lines).filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
    }

    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.all(name).next()
    }

    /// The target up to its query.
    pub fn path(&self) -> &'b str {
        let resource = self.resource();
        resource.split_once('?').map_or(resource, |(path, _)| path)
    }

    /// What follows the `?`, not decoded; empty when there is none. See [`query_pairs`](super::query_pairs).
    pub fn query(&self) -> &'b str {
        self.resource().split_once('?').map_or("", |(_, query)| query)
    }

    /// Whether another request may follow on the same connection.
    pub fn keep_alive(&self) -> bool {
        !self.lists("connection", "close") && (self.http11 || self.lists("connection", "keep-alive"))
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub fn expects_continue(&self) -> bool {
        self.http11 && self.header("expect").is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    }

    fn resource(&self) -> &'b str {
        self.target.split_once('#').map_or(self.target, |(resource, _)| resource)
    }

    /// All headers of this name, in whatever case, in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        fields(self.lines)
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Whether a header that is a comma-separated list has this item.
    pub(super) fn lists(&self, name: &str, item: &str) -> bool {
        self.all(name).flat_map(items).any(|found| found.eq_ignore_ascii_case(item.as_bytes()))
    }

    /// Reads the framing, and refuses what would let a proxy in front of us see another request than we do. And whether there is an
    /// `Accept-Encoding`.
    fn framing(&self) -> Result<(Body, bool), HeadError> {
        let (mut hosts, mut length, mut codings, mut accepts) = (0, None, None, false);
        for (name, value) in fields(self.lines) {
            if name.eq_ignore_ascii_case(b"host") {
                hosts = 1u32.saturating_add(hosts);
            } else if name.eq_ignore_ascii_case(b"content-length") {
                if length.replace(decimal(value).ok_or(HeadError::BadRequest)?).is_some() {
                    return Err(HeadError::BadRequest);
                }
            } else if name.eq_ignore_ascii_case(b"accept-encoding") {
                accepts = true;
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") && codings.replace(value).is_some() {
                return Err(HeadError::BadRequest);
            }
        }
        if hosts > 1 || hosts == 0 && self.http11 {
            return Err(HeadError::BadRequest);
        }
        let body = match (length, codings) {
            (None, None) => Body::None,
            (Some(length), None) => Body::Length(length),
            (None, Some(codings)) if self.http11 => chunked_only(codings)?,
            _ => return Err(HeadError::BadRequest),
        };
        Ok((body, accepts))
    }
}

/// Splits lines that httparse has found well-formed.
fn fields(mut lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let end = memchr(b'\n', lines)?;
        let (line, rest) = (lines.get(..end)?, lines.get(end.saturating_add(1)..)?);
        let colon = memchr(b':', line)?;
        lines = rest;
        Some((line.get(..colon)?, line.get(colon.saturating_add(1)..)?.trim_ascii()))
    })
}

pub(super) fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

fn is_target(target: &str) -> bool {
    let form = target.starts_with('/')
        || target == "*"
        || target.split_once("://").is_some_and(|(scheme, _)| ["http", "https"].contains(&scheme));
    form && target.is_ascii()
}

/// Digits only: no sign, no list, no overflow.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn chunked_only(codings: &[u8]) -> Result<Body, HeadError> {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    if is_chunked(codings) {
        return Ok(Body::Chunked);
    }
    let chunked = items(codings).filter(|coding| is_chunked(coding)).count();
    let last = items(codings).last().is_some_and(is_chunked);
    // Only with chunked as the last coding, and only there, is the body's end known.
    Err(if last && chunked == 1 { HeadError::UnknownCoding } else { HeadError::BadRequest })
}

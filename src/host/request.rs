//! A request that the host has parsed. It must not answer it.

use crate::base::errors::{Error, Result};
use crate::base::limits::Limits;
use crate::wire::http;

/// A request whose head the host has parsed, as [`Broker::adopt_request`](crate::Broker::adopt_request) takes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParsedRequest<'a> {
    /// In capitals, for example `GET`.
    pub method: &'a str,
    /// The path with its query, as it came.
    pub target: &'a str,
    /// Names and values, in their order. Those that frame the body (`Content-Length`, `Transfer-Encoding`) have to be right.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// What was read behind the head: the beginning of the body, or all of it, and what came behind that.
    pub rest: &'a [u8],
}

impl ParsedRequest<'_> {
    /// The bytes that it was, or some that mean the same.
    #[cfg_attr(not(any(unix, feature = "capi")), expect(dead_code, reason = "only descriptors are adopted"))]
    pub(crate) fn bytes(&self, limits: &Limits) -> Result<Vec<u8>> {
        let refuse = |what: &'static str| Err(Error::BadValue(what));
        if !http::is_header_name(self.method) {
            return refuse("method: it is none");
        }
        if self.target.is_empty() || !self.target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("target: it is a path with its query, as it came");
        }
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in self.headers {
            if !http::is_header_name(name) || !http::is_header_value(value) {
                return refuse("headers: one of them cannot be sent");
            }
            http::header(&mut head, name, value);
        }
        head.extend_from_slice(b"\r\n");
        if head.len() > limits.max_head_bytes {
            return Err(Error::TooLarge("headers: they are larger than max_head_bytes"));
        }
        head.extend_from_slice(self.rest);
        Ok(head)
    }
}

//! Cross-origin response headers: which, in which order, is what Node's `cors` package answers as Socket.IO uses it. It
//! must not decide whether a request is served: that a browser refuses is the browser's business.

use crate::base::open::Open;
use crate::wire::http;

mod origin;
#[cfg(test)]
mod tests;

pub use origin::{Origin, is_own};

/// What the broker tells browsers about requests from other origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Who may read the responses.
    pub origin: Origin,
    /// Methods, separated by commas. Empty: none are named.
    pub methods: String,
    /// Headers that a request may have, separated by commas. None: those it asks for.
    pub allowed_headers: Option<String>,
    /// Headers of the response that a script may see, separated by commas. Empty: none are named.
    pub exposed_headers: String,
    /// Whether cookies and authorisation may be sent along.
    pub credentials: bool,
    /// Seconds for which a browser may remember the answer to a preflight request.
    pub max_age: Option<u64>,
    /// The status that answers a preflight request.
    pub options_success_status: u16,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origin: Origin::Any,
            methods: "GET,HEAD,PUT,PATCH,POST,DELETE".into(),
            allowed_headers: None,
            exposed_headers: String::new(),
            credentials: false,
            max_age: None,
            options_success_status: 204,
            open: Open::default(),
        }
    }
}

impl Cors {
    /// Appends the header lines that answer an OPTIONS request with these `Origin` and
    /// `Access-Control-Request-Headers`. The status is `options_success_status`, the body empty.
    pub fn preflight(&self, out: &mut Vec<u8>, origin: Option<&[u8]>, request_headers: Option<&[u8]>) {
        let reflects_headers = self.allowed_headers.is_none();
        self.allow_origin(out, origin, reflects_headers);
        self.allow_credentials(out);
        line(out, "Access-Control-Allow-Methods", self.methods.as_bytes());
        if reflects_headers && self.origin == Origin::Any {
            line(out, "Vary", b"Access-Control-Request-Headers");
        }
        let headers = self.allowed_headers.as_ref().map(String::as_bytes).or(request_headers);
        line(out, "Access-Control-Allow-Headers", headers.unwrap_or_default());
        if let Some(seconds) = self.max_age {
            line(out, "Access-Control-Max-Age", seconds.to_string().as_bytes());
        }
        self.expose_headers(out);
    }

    /// Appends the header lines of every other response, refusals included, to a request with this `Origin`.
    pub fn actual(&self, out: &mut Vec<u8>, origin: Option<&[u8]>) {
        self.allow_origin(out, origin, false);
        self.allow_credentials(out);
        self.expose_headers(out);
    }

    fn allow_origin(&self, out: &mut Vec<u8>, origin: Option<&[u8]>, varies_by_headers: bool) {
        let origin = origin.unwrap_or_default();
        let allowed = match &self.origin {
            Origin::Any => return line(out, "Access-Control-Allow-Origin", b"*"),
            Origin::Fixed(fixed) => fixed.as_bytes(),
            Origin::List(_) if !self.origin.allows(origin) => b"",
            Origin::List(_) | Origin::Reflect => origin,
        };
        line(out, "Access-Control-Allow-Origin", allowed);
        let varies: &[u8] =
            if varies_by_headers { b"Origin, Access-Control-Request-Headers" } else { b"Origin" };
        line(out, "Vary", varies);
    }

    fn allow_credentials(&self, out: &mut Vec<u8>) {
        if self.credentials {
            line(out, "Access-Control-Allow-Credentials", b"true");
        }
    }

    fn expose_headers(&self, out: &mut Vec<u8>) {
        line(out, "Access-Control-Expose-Headers", self.exposed_headers.as_bytes());
    }
}

/// A header without a value is not sent.
fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if !value.is_empty() {
        http::header(out, name, value);
    }
}

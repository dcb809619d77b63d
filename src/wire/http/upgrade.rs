//! The request by which a client asks for a WebSocket. It must not answer it, nor look at what is no part of the handshake.

use super::head::items;
use super::{Request, coding, is_token};
use crate::wire::deflate::{self, Coding};
use crate::wire::ws::Deflation;

/// Why an upgrade is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeError {
    /// Not a GET.
    Method,
    /// No key, several, or not 16 bytes in base64.
    Key,
    /// No version, or none that is spoken here. The answer names those that are, in `Sec-WebSocket-Version`.
    Version,
    /// The subprotocols are not a list of different names.
    Subprotocol,
}

impl UpgradeError {
    /// The versions for the header that answers [`UpgradeError::Version`].
    pub const VERSIONS: &'static str = "13, 8";

    /// The status that answers it.
    pub fn status(self) -> u16 {
        if self == UpgradeError::Method { 405 } else { 400 }
    }

    /// The body that answers it, as the reference's.
    pub fn text(self) -> &'static str {
        match self {
            UpgradeError::Method => "Invalid HTTP method",
            UpgradeError::Key => "Missing or invalid Sec-WebSocket-Key header",
            UpgradeError::Version => "Missing or invalid Sec-WebSocket-Version header",
            UpgradeError::Subprotocol => "Invalid Sec-WebSocket-Protocol header",
        }
    }
}

impl<'b> Request<'b> {
    /// Whether the client asks to go on as a WebSocket. An offer of other protocols alone changes nothing about the request
    /// (RFC 9110, 7.8). See [`websocket_key`](Self::websocket_key).
    pub fn is_upgrade(&self) -> bool {
        self.http11 && self.lists("connection", "upgrade") && self.lists("upgrade", "websocket")
    }

    /// Checks a request that [`is_upgrade`](Self::is_upgrade) in the reference's order and returns the key to be accepted.
    pub fn websocket_key(&self) -> Result<&'b [u8], UpgradeError> {
        if self.method != "GET" {
            return Err(UpgradeError::Method);
        }
        let key = self.only("sec-websocket-key").filter(|key| is_key(key)).ok_or(UpgradeError::Key)?;
        if !matches!(self.only("sec-websocket-version"), Some(b"13" | b"8")) {
            return Err(UpgradeError::Version);
        }
        let mut names: Vec<&[u8]> = self.all("sec-websocket-protocol").flat_map(items).collect();
        names.sort_unstable();
        let twice = names.iter().zip(names.iter().skip(1)).any(|(one, next)| one == next);
        if twice || !names.iter().all(|name| is_name(name)) {
            return Err(UpgradeError::Subprotocol);
        }
        Ok(key)
    }

    /// The first of the subprotocols offered.
    pub fn subprotocol(&self) -> Option<&'b [u8]> {
        self.all("sec-websocket-protocol").flat_map(items).next()
    }

    /// What of the client's offers to compress messages can be agreed on. None in a build without the feature `compression`.
    pub fn deflation(&self) -> Option<Deflation> {
        if deflate::AVAILABLE { Deflation::agree(self.all("sec-websocket-extensions")) } else { None }
    }

    /// What of gzip and deflate the client likes best in an answer.
    pub(crate) fn preferred_coding(&self) -> Option<Coding> {
        if self.names_codings { coding::preferred(self.all("accept-encoding")) } else { None }
    }

    /// How well the client likes an answer in this coding, from 0 to 1: 0 as well if it does not say.
    pub(crate) fn coding_weight(&self, coding: &str) -> f32 {
        coding::weight_of(self.all("accept-encoding"), coding)
    }

    /// Whether the client has what is tagged so (`If-None-Match`, RFC 9110, 13.1.2): weak or strong is the same there.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        fn opaque(tag: &[u8]) -> &[u8] {
            tag.strip_prefix(b"W/").unwrap_or(tag)
        }
        let mut shown = self.all("if-none-match").flat_map(items);
        shown.any(|one| one == b"*" || opaque(one) == opaque(tag.as_bytes()))
    }

    /// The header of this name, if there is exactly one.
    fn only(&self, name: &str) -> Option<&'b [u8]> {
        let mut found = self.all(name);
        found.next().filter(|_| found.next().is_none())
    }
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().copied().all(is_token)
}

/// 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    key.len() == 24 && key.ends_with(b"==") && key.iter().take(22).all(is_digit)
}

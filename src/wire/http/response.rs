//! Response heads, appended to a buffer in the order of the calls, and the WebSocket handshake's answer. It must not let
//! a value end its line.

use crate::wire::decimal;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha1::{Digest, Sha1};

/// The interim answer to a client that waits before it sends its body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A response that is being written: headers in order, then one of the methods that end it.
#[must_use = "a head without its end is no response"]
#[derive(Debug)]
pub struct Response<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Response<'o> {
    /// Begins a response.
    pub fn new(out: &'o mut Vec<u8>, status: u16) -> Self {
        out.extend_from_slice(b"HTTP/1.1 ");
        decimal::write(out, status.into());
        out.push(b' ');
        out.extend_from_slice(reason(status).as_bytes());
        out.extend_from_slice(b"\r\n");
        Self { out }
    }

    /// Adds a header.
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        header(self.out, name, value.as_ref());
        self
    }

    /// Adds whole lines that somebody else writes, such as [`Cors`](crate::wire::cors::Cors).
    pub fn lines(self, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        write(self.out);
        self
    }

    /// Ends the head of a response whose body of this length the caller appends next.
    pub fn head(self, content_length: usize, keep_alive: bool) {
        self.out.extend_from_slice(b"Content-Length: ");
        decimal::write(self.out, content_length as u64);
        self.out.extend_from_slice(b"\r\n");
        self.bodiless(keep_alive);
    }

    /// Ends a response that has no body by its status.
    pub fn bodiless(self, keep_alive: bool) {
        let connection: &[u8] = if keep_alive { b"keep-alive" } else { b"close" };
        self.out.extend_from_slice(b"Connection: ");
        self.out.extend_from_slice(connection);
        self.out.extend_from_slice(b"\r\n\r\n");
    }

    /// Ends the response with its body.
    pub fn body(self, body: &[u8], keep_alive: bool) {
        let Self { out } = self;
        Response { out: &mut *out }.head(body.len(), keep_alive);
        out.extend_from_slice(body);
    }

    /// Ends a head after which another protocol begins.
    pub fn upgraded(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Begins the answer that accepts a WebSocket; further headers may follow before [`Response::upgraded`].
pub fn switching_protocols<'o>(out: &'o mut Vec<u8>, accept: &[u8; 28]) -> Response<'o> {
    Response::new(out, 101)
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Accept", accept)
}

/// The answer to a client's `Sec-WebSocket-Key`, which [`Request::websocket_key`](super::Request::websocket_key) has
/// checked.
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    let digest = Sha1::new_with_prefix(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    let mut accept = [0; 28];
    // Twenty bytes are twenty-eight digits, so there is no error to report.
    let _ = STANDARD.encode_slice(digest, &mut accept);
    accept
}

/// Says shortly which bytes these are: the beginning of their SHA-1, 96 bits, as base64 for names.
pub(crate) fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha1::digest(bytes).get(..12).unwrap_or_default())
}

/// Appends a header line. What would end the line early is left out.
pub fn header(out: &mut Vec<u8>, name: &str, value: impl AsRef<[u8]>) {
    let value = value.as_ref();
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    match memchr::memchr3(b'\r', b'\n', 0, value) {
        None => out.extend_from_slice(value),
        Some(_) => out.extend(value.iter().filter(|byte| !b"\r\n\0".contains(byte))),
    }
    out.extend_from_slice(b"\r\n");
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Payload Too Large",
        418 => "I'm a Teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // The client goes by the number.
        _ => "",
    }
}

//! Long-polling: the requests of one session, one after another on one connection, and the responses. It must not know what
//! the packets mean.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Between the packets of a payload.
pub const SEPARATOR: u8 = 0x1e;
const PATH: &str = "/socket.io/?EIO=4&transport=polling";

/// One session. A request is under way at all times: a POST when there is something to say, else a GET.
pub struct Poll {
    server: SocketAddr,
    /// Empty until the session is open.
    sid: String,
    /// The payload of the next POST.
    waiting: Vec<u8>,
}

impl Poll {
    pub fn new(server: SocketAddr) -> Poll {
        Poll { server, sid: String::new(), waiting: Vec::new() }
    }

    /// Takes the session id from the open packet.
    pub fn opened(&mut self, packet: &[u8]) -> io::Result<()> {
        let handshake: serde_json::Value = serde_json::from_slice(&packet[1..])?;
        let sid = handshake["sid"].as_str().ok_or_else(|| io::Error::other("no sid in the handshake"))?;
        self.sid = format!("&sid={sid}");
        Ok(())
    }

    pub fn queue(&mut self, packet: &[u8]) {
        if !self.waiting.is_empty() {
            self.waiting.push(SEPARATOR);
        }
        self.waiting.extend_from_slice(packet);
    }

    /// The next request; `requested` follows when it is sent.
    pub fn request(&self) -> Vec<u8> {
        let Poll { server, sid, waiting } = self;
        if waiting.is_empty() {
            return format!("GET {PATH}{sid} HTTP/1.1\r\nHost: {server}\r\n\r\n").into_bytes();
        }
        let head = format!(
            "POST {PATH}{sid} HTTP/1.1\r\nHost: {server}\r\nContent-Type: text/plain; charset=UTF-8\r\n\
             Content-Length: {}\r\n\r\n",
            waiting.len()
        );
        [head.as_bytes(), waiting].concat()
    }

    pub fn requested(&mut self) {
        self.waiting.clear();
    }
}

/// The body of the first response of `bytes`, when it is there whole, and where the response ends.
pub fn response(bytes: &[u8]) -> io::Result<Option<(Cow<'_, [u8]>, usize)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&bytes[..end]);
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(format!("not 200: {head}")));
    }
    let start = end + 4;
    let value = |wanted: &str| {
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim()).next()
    };
    if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        let chunked = dechunked(&bytes[start..])?;
        return Ok(chunked.map(|(body, length)| (Cow::Owned(body), start + length)));
    }
    let length = value("content-length").and_then(|length| length.parse::<usize>().ok());
    let Some(length) = length else {
        return Err(io::Error::other(format!("a response without a length: {head}")));
    };
    Ok(bytes.get(start..start + length).map(|body| (Cow::Borrowed(body), start + length)))
}

/// A chunked body without its framing, when it is there whole, and where it ends.
fn dechunked(bytes: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = find(&bytes[at..], b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&bytes[at..at + line]).map_err(io::Error::other)?;
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        at += line + 2;
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The bytes of an attachment.
pub fn decoded(text: &[u8]) -> io::Result<Vec<u8>> {
    STANDARD.decode(text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_whole_or_waited_for() {
        for framed in [
            "content-length: 5\r\nX: y\r\n\r\n42[1]",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n42\r\n3\r\n[1]\r\n0\r\n\r\n",
        ] {
            let one = format!("HTTP/1.1 200 OK\r\n{framed}");
            let two = format!("{one}HTTP/1.1 200 OK\r\n");
            for cut in 0..one.len() {
                assert_eq!(response(&one.as_bytes()[..cut]).unwrap(), None);
            }
            let whole = response(two.as_bytes()).unwrap();
            assert_eq!(whole, Some((Cow::Borrowed(&b"42[1]"[..]), one.len())));
        }
        assert!(response(b"HTTP/1.1 400 Bad Request\r\n\r\n").is_err());
        assert!(response(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

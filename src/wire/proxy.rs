//! The header of the PROXY protocol, versions 1 and 2, which tells whose connection a proxy has passed on. It must not take what goes on
//! for longer than a header does.

use proxy_header::{Error, ParseConfig, ProxyHeader};
use std::net::SocketAddr;

/// The most bytes that one may have. Addresses take 232 at most; the rest is what else proxies tell, which is passed over.
pub(crate) const MAX: usize = 2_048;

const TEXT: &[u8] = b"PROXY ";
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The most bytes that one in text has, with the end of its line.
const MAX_TEXT: usize = 107;
/// A binary header has this many bytes before those that it counts itself, the number last.
const FIXED: usize = 16;

/// It is no such header.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// A header.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the connection comes from; `None` if it is the proxy's own, or if it does not say.
    pub source: Option<SocketAddr>,
    /// How many bytes it has.
    pub length: usize,
}

/// The header at the front, or `None` if there is not enough of it yet. What cannot become one is refused as early as that shows.
///
/// # Errors
/// [`Malformed`].
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let may_begin = |start: &[u8]| bytes.iter().zip(start).all(|(byte, due)| byte == due);
    if !may_begin(TEXT) && !may_begin(BINARY) {
        return Err(Malformed);
    }
    // A binary one is looked at when it is whole, and no further: the crate would take a short one for the beginning of a longer one.
    let (mut header, mut whole) = (bytes, false);
    if may_begin(BINARY) {
        let Some(&[high, low]) = bytes.get(FIXED.saturating_sub(2)..FIXED) else { return Ok(None) };
        let length = FIXED.saturating_add(u16::from_be_bytes([high, low]).into());
        if length > MAX {
            return Err(Malformed);
        }
        let Some(all) = bytes.get(..length) else { return Ok(None) };
        (header, whole) = (all, true);
    }
    let what = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    match ProxyHeader::parse(header, what) {
        // In pieces it is too long before its end is seen: so it is in one.
        Ok((_, length)) if !whole && length > MAX_TEXT => Err(Malformed),
        Ok((header, length)) => {
            Ok(Some(Header { source: header.proxied_address().map(|it| it.source), length }))
        }
        Err(Error::BufferTooShort) if !whole => Ok(None),
        Err(_) => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seeds::for_seeds;

    /// A binary header with this command, family, and body.
    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        [BINARY, &[command, family], &(body.len() as u16).to_be_bytes(), body].concat()
    }

    fn v4(body: &[u8]) -> Vec<u8> {
        [&[192, 0, 2, 1, 198, 51, 100, 7, 0x9d, 0x8c, 0x01, 0xbb], body].concat()
    }

    fn v6() -> Vec<u8> {
        let (from, to): (std::net::Ipv6Addr, std::net::Ipv6Addr) =
            ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        [&from.octets()[..], &to.octets(), &[0x9d, 0x8c, 0x01, 0xbb]].concat()
    }

    fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
        let text = |line: &str| format!("PROXY {line}\r\n").into_bytes();
        vec![
            (text("TCP4 192.0.2.1 198.51.100.7 40332 443"), Some("192.0.2.1:40332")),
            (text("TCP6 2001:db8::1 2001:db8::2 40332 443"), Some("[2001:db8::1]:40332")),
            (text("UNKNOWN"), None),
            (text("UNKNOWN whatever it is"), None),
            (binary(0x21, 0x11, &v4(b"")), Some("192.0.2.1:40332")),
            (binary(0x21, 0x11, &v4(&[4, 0, 1, 0])), Some("192.0.2.1:40332")),
            (binary(0x21, 0x11, &v4(&[4; MAX - FIXED - 12])), Some("192.0.2.1:40332")),
            (binary(0x21, 0x21, &v6()), Some("[2001:db8::1]:40332")),
            (binary(0x21, 0x31, &[0; 216]), None),
            (binary(0x21, 0x00, b""), None),
            (binary(0x20, 0x00, b""), None),
            (binary(0x20, 0x11, &v4(b"")), None),
        ]
    }

    #[test]
    fn a_header_is_found_at_its_last_byte_and_what_follows_is_left() {
        for (header, source) in headers() {
            let source = source.map(|text| text.parse().unwrap());
            for end in 0..header.len() {
                assert_eq!(parse(&header[..end]), Ok(None), "{header:?} {end}");
            }
            let found = Ok(Some(Header { source, length: header.len() }));
            assert_eq!(parse(&header), found);
            assert_eq!(parse(&[&header[..], b"GET / HTTP/1.1\r\n"].concat()), found);
        }
    }

    /// The longest line that there may be, and one byte more: in one piece as in two.
    #[test]
    fn a_line_is_as_long_in_one_piece_as_in_two() {
        let line = |length: usize| format!("PROXY UNKNOWN{}\r\n", "x".repeat(length - 15)).into_bytes();
        let longest = line(MAX_TEXT);
        assert_eq!(parse(&longest[..MAX_TEXT - 1]), Ok(None));
        assert_eq!(parse(&longest), Ok(Some(Header { source: None, length: MAX_TEXT })));
        let longer = line(MAX_TEXT + 1);
        assert_eq!(parse(&longer[..MAX_TEXT]), Err(Malformed));
        assert_eq!(parse(&longer), Err(Malformed));
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = format!("PROXY UNKNOWN {}", "x".repeat(200));
        for bytes in [
            b"GET /socket.io/".to_vec(),
            b"G".to_vec(),
            b"\x16\x03\x01".to_vec(),
            b"PROXY\tTCP4 1.1.1.1 2.2.2.2 1 2\r\n".to_vec(),
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 66000\r\n".to_vec(),
            b"PROXY TCP4 ::1 ::2 1 2\r\n".to_vec(),
            b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n".to_vec(),
            long.into_bytes(),
            b"\r\n\r\nG".to_vec(),
            // Another version, another command, too short for its family, and too long.
            binary(0x11, 0x11, &v4(b"")),
            binary(0x22, 0x11, &v4(b"")),
            binary(0x21, 0x11, &[0; 11]),
            binary(0x21, 0x21, &v4(b"")),
            binary(0x21, 0x11, &v4(&[4; MAX]))[..FIXED].to_vec(),
        ] {
            assert_eq!(parse(&bytes), Err(Malformed), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn nothing_breaks_it() {
        for_seeds(if cfg!(miri) { 20 } else { 20_000 }, |random| {
            let (mut bytes, _) = headers().swap_remove(random.usize(..12));
            for _ in 0..random.usize(..4) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(..=bytes.len()));
            if let Ok(Some(header)) = parse(&bytes) {
                assert!(header.length <= bytes.len());
            }
        });
    }
}

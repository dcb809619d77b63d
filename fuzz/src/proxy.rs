//! Headers of the PROXY protocol: seen at their last byte and not before, however they come; what follows is not looked at; and the address
//! is the one that the bytes say, by a second reading.

use roomcast::wire::proxy::{Header, Malformed, parse};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// No header is longer.
const MOST: usize = 2_048;

pub(crate) fn headers(input: &[u8]) {
    let whole = parse(input);
    let mut decided = None;
    for end in 0..=input.len() {
        let found = parse(&input[..end]);
        match (&decided, &found) {
            (None, Ok(None)) => assert!(end < MOST, "{end} bytes, and no end"),
            (None, _) => {
                if let Ok(Some(header)) = &found {
                    assert_eq!(header.length, end, "found behind its end");
                }
                decided = Some(found);
            }
            (Some(before), now) => assert_eq!(before, now, "{end} bytes of {}", input.escape_ascii()),
        }
    }
    assert_eq!(decided.unwrap_or(Ok(None)), whole);
    if let Ok(Some(Header { source: Some(source), length })) = whole {
        let header = &input[..length];
        let said = if header.starts_with(b"PROXY") { said_as_text(header) } else { said_in_binary(header) };
        assert_eq!(said, Some(source), "{}", header.escape_ascii());
    }
    assert!(whole == Err(Malformed) || b"PROXY \r\n".contains(input.first().unwrap_or(&b'P')));
}

fn said_as_text(header: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(header).ok()?.strip_suffix("\r\n")?;
    let words: Vec<&str> = text.split(' ').collect();
    let [_, family, from, to, from_port, to_port] = words[..] else { return None };
    let (from, to): (IpAddr, IpAddr) = (from.parse().ok()?, to.parse().ok()?);
    let _: u16 = to_port.parse().ok()?;
    let fits = match family {
        "TCP4" => from.is_ipv4() && to.is_ipv4(),
        "TCP6" => from.is_ipv6() && to.is_ipv6(),
        _ => false,
    };
    fits.then_some(SocketAddr::new(from, from_port.parse().ok()?))
}

fn said_in_binary(header: &[u8]) -> Option<SocketAddr> {
    assert_eq!(header[12], 0x21, "the other command says of no client");
    let body = &header[16..];
    let port = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    Some(match header[13] >> 4 {
        1 => (Ipv4Addr::from(<[u8; 4]>::try_from(&body[..4]).ok()?), port(8)).into(),
        2 => (Ipv6Addr::from(<[u8; 16]>::try_from(&body[..16]).ok()?), port(32)).into(),
        _ => return None,
    })
}

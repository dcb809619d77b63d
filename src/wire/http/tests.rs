//! Requests right and wrong, against what Node 20's http server answered to the same bytes, and however the stream is cut.

use super::*;
use crate::base::limits::Limits;

fn parse(bytes: &[u8]) -> Result<Option<(Request<'_>, usize)>, HeadError> {
    parse_head(bytes, &Limits::default())
}

fn request(bytes: &[u8]) -> (Request<'_>, usize) {
    parse(bytes).unwrap().unwrap()
}

/// The status of the refusal; 200 for none.
fn status(bytes: &[u8]) -> u16 {
    match parse(bytes) {
        Ok(Some((request, len))) => {
            let mut out = Vec::new();
            match BodyDecoder::new(request.body).read(&bytes[len..], &mut out, &Limits::default()) {
                Ok((_, true)) => 200,
                Ok((_, false)) => panic!("the body should be whole: {:?}", String::from_utf8_lossy(bytes)),
                Err(error) => error.status(),
            }
        }
        Ok(None) => panic!("the head should be whole: {:?}", String::from_utf8_lossy(bytes)),
        Err(error) => error.status(),
    }
}

/// The whole request with these lines behind its `Host`, and a body.
fn post(lines: &str, body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}").into()
}

fn chunked(body: &str) -> Vec<u8> {
    post("Transfer-Encoding: chunked", body)
}

#[test]
fn a_browsers_request() {
    let bytes = b"GET /socket.io/?EIO=4&transport=polling#x HTTP/1.1\r\nHost: localhost:3000\r\n\
        Connection: keep-alive\r\nAccept: */*\r\nOrigin:  http://a.example \t\r\nX-Empty:\r\n\r\nrest";
    let (request, len) = request(bytes);
    assert_eq!(&bytes[len..], b"rest");
    assert_eq!((request.method, request.http11, request.body), ("GET", true, Body::None));
    assert_eq!(request.path(), "/socket.io/");
    assert_eq!(request.query(), "EIO=4&transport=polling");
    assert_eq!(request.header("origin"), Some(&b"http://a.example"[..]));
    assert_eq!(request.header("ORIGIN"), request.header("Origin"));
    assert_eq!(request.header("x-empty"), Some(&b""[..]));
    assert_eq!(request.header("x"), None);
    let names: Vec<_> = request.headers().map(|(name, _)| name).collect();
    assert_eq!(names, ["Host", "Connection", "Accept", "Origin", "X-Empty"]);
    assert!(request.keep_alive() && !request.is_upgrade() && !request.expects_continue());
    assert_eq!(self::request(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").0.query(), "");
}

#[test]
fn heads_cut_anywhere() {
    let bytes = b"\r\nPOST /p?q HTTP/1.1\r\nHost: a\r\nX: \xe9\tb\r\nContent-Length: 3\r\n\r\nabcGET";
    let (_, len) = request(bytes);
    assert_eq!(&bytes[len..], b"abcGET");
    for cut in 0..len {
        assert!(matches!(parse(&bytes[..cut]), Ok(None)), "cut at {cut}");
    }
    for cut in len..bytes.len() {
        assert_eq!(request(&bytes[..cut]).1, len);
    }
    // What cannot become a request is refused before its end.
    assert_eq!(parse(b"\x16\x03\x01").unwrap_err(), HeadError::BadRequest);
    assert_eq!(parse(b"GET / HTTP/1.1\r\nHost: a\r\nX : ").unwrap_err(), HeadError::BadRequest);
}

#[test]
fn pipelined_requests() {
    let stream = [
        &post("Content-Length: 3", "abc")[..],
        b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        &chunked("2\r\nde\r\n0\r\n\r\n"),
        b"\r\nGET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ]
    .concat();
    let mut rest = &stream[..];
    let (mut targets, mut bodies) = (Vec::new(), Vec::new());
    while let Some((request, len)) = parse(rest).unwrap() {
        rest = &rest[len..];
        targets.push(request.target);
        let mut body = Vec::new();
        let (used, done) = BodyDecoder::new(request.body).read(rest, &mut body, &Limits::default()).unwrap();
        assert!(done);
        rest = &rest[used..];
        bodies.push(String::from_utf8(body).unwrap());
        assert_eq!(request.keep_alive(), request.target != "/4");
    }
    assert_eq!(targets, ["/", "/2", "/", "/4"]);
    assert_eq!(bodies, ["abc", "", "de", ""]);
    assert!(rest.is_empty());
}

/// Bytes, what Node answers, what we answer: never laxer.
#[test]
fn heads_against_node() {
    let get = |rest: &str| format!("GET / HTTP/1.1\r\n{rest}\r\n\r\n").into_bytes();
    let line = |line: &str| format!("{line}\r\nHost: a\r\n\r\n").into_bytes();
    let cases: &[(Vec<u8>, u16, u16)] = &[
        (line("GET / HTTP/1.1"), 200, 200),
        (get("X: y"), 400, 400), // no Host
        (b"GET / HTTP/1.0\r\n\r\n".into(), 200, 200),
        (get("Host:"), 200, 200),
        (get("Host: a\r\nHost: b"), 200, 400), // RFC 9112, 3.2
        (line("GET / HTTP/1.2"), 400, 400),
        (line("GET / HTTP/2.0"), 200, 400),
        (line("GET / HTTQ/1.1"), 400, 400),
        (b"GET /\r\n\r\n".into(), 200, 400), // HTTP/0.9
        (b"GET / HTTP/1.1\nHost: a\n\n".into(), 400, 400),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n".into(), 400, 400),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".into(), 200, 200),
        (line("OPTIONS * HTTP/1.1"), 200, 200),
        (line("GET http://x/y?z HTTP/1.1"), 200, 200),
        (line("GET HTTP/1.1"), 400, 400),
        (line("get / HTTP/1.1"), 400, 400),
        (line("FOO / HTTP/1.1"), 400, 400),
        (line("PROPFIND / HTTP/1.1"), 200, 400),
        (line("CONNECT a:1 HTTP/1.1"), 400, 400), // Node closes without a word
        (line("GET foo HTTP/1.1"), 400, 400),
        (line("GET javascript://x HTTP/1.1"), 200, 400),
        (line("GET /é HTTP/1.1"), 400, 400),
        (line("GET /a#b HTTP/1.1"), 200, 200),
        (line("GET  / HTTP/1.1"), 200, 400),
        (get("Host : a"), 400, 400),
        (get("Host: a\r\nX: a\r\n b"), 400, 400), // folded
        (get(" Host: a"), 400, 400),
        (get("Host: a\r\nX: a\x01b"), 400, 400),
        (get("Host: a\r\nX: a\0b"), 400, 400),
        (get("Host: a\r\nX: a\rb"), 400, 400),
        (get("Host: a\r\nX: a\x7fb"), 400, 400),
        (get("Host: a\r\n: x"), 400, 400),
        (get("Host: a\r\nfoo"), 400, 400),
        (get("Host: a\r\nX:\ta\tb\t"), 200, 200),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\xff\r\n\r\n".into(), 200, 200),
    ];
    for (bytes, node, ours) in cases {
        assert!(*node == 200 || *ours != 200);
        assert_eq!(status(bytes), *ours, "{:?}", String::from_utf8_lossy(bytes));
    }
}

/// Lines, body, what Node answers, what we answer.
#[test]
fn framing_against_node() {
    let hello = "3\r\nabc\r\n0\r\n\r\n";
    let cases = [
        ("X: y", "", 200, 200),
        ("Content-Length: 3", "abc", 200, 200),
        ("Content-Length: 0003", "abc", 200, 200),
        ("Content-Length: 3 ", "abc", 200, 200),
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400, 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3", "0\r\n\r\n", 400, 400),
        ("Content-Length: 3\r\nContent-Length: 3", "abc", 400, 400),
        ("Content-Length: 3\r\nContent-Length: 4", "abc", 400, 400),
        ("Content-Length: 3, 3", "abc", 400, 400),
        ("Content-Length: 3 3", "abc", 400, 400),
        ("Content-Length: +3", "abc", 400, 400),
        ("Content-Length: -3", "abc", 400, 400),
        ("Content-Length: 0x3", "abc", 400, 400),
        ("Content-Length: ", "abc", 400, 400),
        ("Content-Length: 99999999999999999999999", "abc", 400, 400),
        ("Content-Length: 18446744073709551615", "abc", 200, 413),
        ("Transfer-Encoding: chunked", hello, 200, 200),
        ("Transfer-Encoding: CHUNKED", hello, 200, 200),
        ("transfer-encoding:chunked", hello, 200, 200),
        ("Transfer-Encoding: gzip", hello, 400, 400),
        ("Transfer-Encoding: identity", hello, 400, 400),
        ("Transfer-Encoding: xchunked", hello, 400, 400),
        ("Transfer-Encoding: \x0bchunked", hello, 400, 400),
        ("Transfer-Encoding:", hello, 400, 400),
        ("Transfer-Encoding: chunked, gzip", hello, 400, 400),
        ("Transfer-Encoding: chunked, chunked", hello, 400, 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", hello, 400, 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", hello, 400, 400),
        ("Transfer-Encoding: gzip, chunked", hello, 200, 501), // Node hands out the gzip
    ];
    for (lines, body, node, ours) in cases {
        assert!(node == 200 || ours != 200, "{lines:?}");
        assert_eq!(status(&post(lines, body)), ours, "{lines:?}");
    }
    // HTTP/1.0 has no chunks; Node takes them.
    assert_eq!(status(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
}

/// Chunked bodies, what Node answers, what we answer.
#[test]
fn chunks_against_node() {
    let cases = [
        ("3;a=b;c=\"d\"\r\nabc\r\n0;x\r\nT: 1\r\n\r\n", 200, 200),
        ("00000000000000000000003\r\nabc\r\n0\r\n\r\n", 200, 200),
        ("3;a=\x01\r\nabc\r\n0\r\n\r\n", 400, 400),
        ("3;a\nabc\r\n0\r\n\r\n", 400, 400),
        ("3\nabc\n0\n\n", 400, 400),
        ("3 \r\nabc\r\n0\r\n\r\n", 400, 400),
        (" 3\r\nabc\r\n0\r\n\r\n", 400, 400),
        ("0x3\r\nabc\r\n0\r\n\r\n", 400, 400),
        ("\r\nabc\r\n0\r\n\r\n", 400, 400),
        ("-1\r\nabc\r\n0\r\n\r\n", 400, 400),
        ("3\r\nabcd\r\n0\r\n\r\n", 400, 400),
        ("3\r\nabc\n0\r\n\r\n", 400, 400),
        ("3\r\nab\r\n\r\n0\r\n\r\n", 400, 400),
        ("3\rabc\r\n0\r\n\r\n", 400, 400),
        ("0\r\nfoo\r\n\r\n", 400, 400),
        ("0\r\n x: y\r\n\r\n", 400, 400),
        ("0\r\nx: \0\r\n\r\n", 400, 400),
        ("0\r\nx: y\n\r\n", 400, 400),
        ("0\r\n\rx", 400, 400),
        ("fffffffffffffffff\r\nabc", 400, 413),
    ];
    for (body, node, ours) in cases {
        assert!(node == 200 || ours != 200, "{body:?}");
        assert_eq!(status(&chunked(body)), ours, "{body:?}");
    }
    // What extensions and trailers say is not looked at, so it can do no harm; Node refuses these.
    assert_eq!(status(&chunked("3;a?b\r\nabc\r\n0;\r\nContent-Length: 5\r\n\r\n")), 200);
    // Larger than max_payload, which Node does not know.
    assert_eq!(status(&chunked("f4241\r\n")), 413);
    assert_eq!(status(&chunked(&format!("3;{}\r\nabc\r\n0\r\n\r\n", "a".repeat(20_000)))), 413);
    assert_eq!(status(&chunked(&format!("{}3\r\nabc\r\n0\r\n\r\n", "0".repeat(20_000)))), 413);
    assert_eq!(status(&chunked(&format!("0\r\nx: {}\r\n\r\n", "a".repeat(20_000)))), 413);
    // Together they may not exceed it, either.
    assert_eq!(status(&chunked(&format!("{}0\r\n\r\n", "1;aaaaaaa\r\nx\r\n".repeat(2_500)))), 413);
    assert_eq!(
        status(&chunked(&format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(crate::base::rounds(100_000))))),
        200
    );
}

#[test]
fn head_limits() {
    let limits = Limits::default();
    let head = |len: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(len - frame))
    };
    assert_eq!(status(head(limits.max_head_bytes).as_bytes()), 200);
    assert_eq!(status(head(limits.max_head_bytes + 1).as_bytes()), 431);
    assert_eq!(status(&head(20_000).as_bytes()[..limits.max_head_bytes]), 431);
    assert!(matches!(parse(&head(20_000).as_bytes()[..limits.max_head_bytes - 1]), Ok(None)));
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(17_000)).as_bytes()), 431);
    // What lies behind the head does not count.
    assert_eq!(status(format!("{}{}", head(100), "x".repeat(20_000)).as_bytes()), 200);

    let headers = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x:\r\n".repeat(count - 1));
    assert_eq!(status(headers(limits.max_headers).as_bytes()), 200);
    assert_eq!(status(headers(limits.max_headers + 1).as_bytes()), 431);
    for max_headers in [8, 99, 101, 1000] {
        let limits = Limits { max_headers, ..Limits::default() };
        assert!(matches!(parse_head(headers(max_headers).as_bytes(), &limits), Ok(Some(_))));
        let error = parse_head(headers(max_headers + 1).as_bytes(), &limits).unwrap_err();
        assert_eq!(error, HeadError::TooLarge);
    }
}

/// Reads a body in pieces; what follows it must be left.
fn read_body<'a>(
    body: Body,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
) -> Result<(Vec<u8>, usize, bool), BodyError> {
    let mut decoder = BodyDecoder::new(body);
    let (mut out, mut total) = (Vec::new(), 0);
    for piece in pieces {
        let (used, done) = decoder.read(piece, &mut out, limits)?;
        total += used;
        if done {
            return Ok((out, total, true));
        }
        assert_eq!(used, piece.len());
    }
    Ok((out, total, false))
}

#[test]
fn bodies_cut_anywhere() {
    let limits = Limits::default();
    let content: Vec<u8> = (0..=255).chain("κόσμε\r\n0\r\n\r\n".bytes()).collect();
    let mut chunks = b"5;x=y\r\n".to_vec();
    chunks.extend(&content[..5]);
    chunks.extend(format!("\r\n0{:X}\r\n", content.len() - 5).bytes());
    chunks.extend(&content[5..]);
    chunks.extend(b"\r\n000;z\r\nTrailer: a b\r\nOther:\r\n\r\n");
    for (body, stream) in [(Body::Chunked, chunks), (Body::Length(content.len() as u64), content.clone())] {
        let len = stream.len();
        let stream = [&stream[..], b"GET / HTTP/1.1\r\n"].concat();
        let expected = Ok((content.clone(), len, true));
        assert_eq!(read_body(body, [&stream[..]], &limits), expected);
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(read_body(body, stream.chunks(size), &limits), expected, "in pieces of {size}");
        }
        for first in (0..len).step_by(if cfg!(miri) { 7 } else { 1 }) {
            let (head, tail) = stream.split_at(first);
            assert_eq!(read_body(body, [head, tail], &limits), expected, "cut at {first}");
            assert_eq!(read_body(body, [head], &limits).map(|(_, _, done)| done), Ok(false));
            let (mid, tail) = tail.split_at(tail.len() / 2);
            assert_eq!(read_body(body, [head, mid, tail], &limits), expected, "cut at {first}");
        }
    }
    assert_eq!(read_body(Body::None, [&b"GET"[..]], &limits), Ok((vec![], 0, true)));
    assert_eq!(read_body(Body::Length(0), [&b"GET"[..]], &limits), Ok((vec![], 0, true)));
    assert_eq!(read_body(Body::Length(0), [&b""[..]], &limits), Ok((vec![], 0, true)));
}

#[test]
fn body_limit() {
    let limits = Limits { max_payload: 10, ..Limits::default() };
    let length = |length| read_body(Body::Length(length), [&b""[..]], &limits).map(|read| read.2);
    assert_eq!(length(10), Ok(false));
    assert_eq!(length(11), Err(BodyError::TooLarge));
    assert_eq!(length(u64::MAX), Err(BodyError::TooLarge));
    let chunks =
        |bytes: &str| read_body(Body::Chunked, bytes.as_bytes().chunks(1), &limits).map(|read| read.0);
    assert_eq!(chunks("4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n"), Ok(b"abcdefghij".into()));
    // As soon as the size is known, and not before.
    assert_eq!(chunks("4\r\nabcd\r\n7\r"), Ok(b"abcd".into()));
    assert_eq!(chunks("4\r\nabcd\r\n7\r\n"), Err(BodyError::TooLarge));
    assert_eq!(chunks("ffffffffffffffff\r\n"), Err(BodyError::TooLarge));
}

#[test]
fn connection_header() {
    let keep_alive = |version: &str, lines: &str| {
        request(format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n").as_bytes()).0.keep_alive()
    };
    assert!(keep_alive("1.1", ""));
    assert!(!keep_alive("1.1", "Connection: close\r\n"));
    assert!(!keep_alive("1.1", "Connection: foo, Close\r\n"));
    assert!(!keep_alive("1.1", "Connection: keep-alive, close\r\n"));
    assert!(!keep_alive("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
    assert!(!keep_alive("1.0", ""));
    assert!(keep_alive("1.0", "Connection: Keep-Alive\r\n"));
}

#[test]
fn expect_header() {
    let expects = |line: &str, lines: &str| {
        request(format!("{line}\r\nHost: a\r\n{lines}\r\n").as_bytes()).0.expects_continue()
    };
    assert!(expects("POST / HTTP/1.1", "Expect: 100-Continue\r\n"));
    assert!(!expects("POST / HTTP/1.1", "Expect: foo\r\n"));
    assert!(!expects("POST / HTTP/1.0", "Expect: 100-continue\r\n"));
}

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";

#[test]
fn websocket_handshake() {
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{UPGRADE}{KEY}{VERSION}\r\n");
    let (request, _) = request(bytes.as_bytes());
    assert!(request.is_upgrade());
    let mut out = Vec::new();
    switching_protocols(&mut out, &accept_key(request.websocket_key().unwrap()))
        .lines(|out| out.extend_from_slice(b"Vary: Origin\r\n"))
        .upgraded();
    // The example of RFC 6455, 1.3, and the reference's order.
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nVary: Origin\r\n\r\n"
    );
}

#[test]
fn refused_handshakes() {
    let key = |line: &str, lines: &[&str]| {
        let bytes = format!("{line}\r\nHost: a\r\n{}\r\n", lines.concat());
        let (request, _) = request(bytes.as_bytes());
        (request.is_upgrade(), request.websocket_key().map(<[u8]>::len))
    };
    let get = "GET / HTTP/1.1";
    assert_eq!(key(get, &[UPGRADE, KEY, VERSION]), (true, Ok(24)));
    assert_eq!(key(get, &[UPGRADE, KEY, "Sec-WebSocket-Version: 8\r\n"]), (true, Ok(24)));
    assert_eq!(key("POST / HTTP/1.1", &[UPGRADE, KEY, VERSION]), (true, Err(UpgradeError::Method)));
    assert_eq!(key(get, &["Upgrade: websocket\r\n", KEY, VERSION]), (false, Ok(24)));
    // Any other offer is none.
    for other in
        ["", "Upgrade:\r\n", "Upgrade: h2c\r\n", "Upgrade: websocket/13\r\n", "Upgrade: websockets\r\n"]
    {
        assert!(!key(get, &["Connection: Upgrade, HTTP2-Settings\r\n", other, KEY, VERSION]).0, "{other}");
    }
    let both = "Connection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n";
    assert_eq!(key(get, &[both, KEY, VERSION]), (true, Ok(24)));
    // RFC 9110, 7.8: in HTTP/1.0 it is to be ignored.
    assert!(!key("GET / HTTP/1.0", &[UPGRADE, KEY, VERSION]).0);
    let no_version = key(get, &[UPGRADE, KEY]).1.unwrap_err();
    assert_eq!((no_version, no_version.status()), (UpgradeError::Version, 400));
    assert_eq!(key(get, &[UPGRADE, KEY, "Sec-WebSocket-Version: 14\r\n"]).1, Err(UpgradeError::Version));
    assert_eq!(key(get, &[UPGRADE, VERSION]).1, Err(UpgradeError::Key));
    for bad in [
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j!Q==",
        "dGhlIHNhbXBsZSBub25jZQaa",
        "dGhlIHNhbXBsZSBub25jZWE9PQ==",
    ] {
        let line = format!("Sec-WebSocket-Key: {bad}\r\n");
        assert_eq!(key(get, &[UPGRADE, &line, VERSION]).1, Err(UpgradeError::Key), "{bad}");
    }
    assert_eq!(UpgradeError::Method.status(), 405);
    // As the reference's WebSocket server, "ws" 8.18, has it.
    assert_eq!(key(get, &[UPGRADE, KEY, KEY, VERSION]).1, Err(UpgradeError::Key));
    assert_eq!(key(get, &[UPGRADE, KEY, VERSION, VERSION]).1, Err(UpgradeError::Version));
    for (offer, fits) in [
        ("a", true),
        ("a,b", true),
        ("a\t,  b", true),
        ("a\r\nSec-WebSocket-Protocol: b", true),
        ("", false),
        ("a, ", false),
        (",a", false),
        ("a,,b", false),
        ("a,a", false),
        ("b,a\r\nSec-WebSocket-Protocol: b", false),
        ("a b", false),
        ("a;x", false),
    ] {
        let line = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        let expected = if fits { Ok(24) } else { Err(UpgradeError::Subprotocol) };
        assert_eq!(key(get, &[UPGRADE, KEY, VERSION, &line]).1, expected, "{offer:?}");
    }
}

/// Queries and what Node's `URLSearchParams` makes of them.
#[test]
fn queries() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("", &[]),
        ("EIO=4&transport=polling", &[("EIO", "4"), ("transport", "polling")]),
        ("a&&b=&=c&=", &[("a", ""), ("b", ""), ("", "c"), ("", "")]),
        ("a=b=c&a=d", &[("a", "b=c"), ("a", "d")]),
        ("a+b=c+d%2B%20", &[("a b", "c d+ ")]),
        ("%e2%82%ac=%E2%82%AC", &[("€", "€")]),
        ("a=%&b=%4&c=%zz&d=%%41", &[("a", "%"), ("b", "%4"), ("c", "%zz"), ("d", "%A")]),
        ("a=%ff%C3&b=%00", &[("a", "\u{fffd}\u{fffd}"), ("b", "\0")]),
        ("%26=%3D", &[("&", "=")]),
    ];
    for (query, expected) in cases {
        let found: Vec<_> = query_pairs(query).collect();
        let found: Vec<_> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(found, *expected, "{query}");
    }
}

#[test]
fn responses() {
    let mut out = Vec::new();
    Response::new(&mut out, 200)
        .header("Content-Type", "text/plain; charset=UTF-8")
        .header("cache-control", "no-store")
        .body(b"40", true);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\ncache-control: no-store\r\n\
        Content-Length: 2\r\nConnection: keep-alive\r\n\r\n40"
    );
    let mut out = Vec::new();
    Response::new(&mut out, 431).head(0, false);
    assert_eq!(
        out,
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    // A value cannot end its line.
    let mut out = Vec::new();
    Response::new(&mut out, 299).header("X", "a\r\nSet-Cookie: b\0").body(b"", false);
    assert_eq!(out, b"HTTP/1.1 299 \r\nX: aSet-Cookie: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

/// Random bytes and random damage: nothing panics, and a longer input never turns a refusal into a request.
#[test]
fn damaged_requests() {
    let whole = [
        &post("Transfer-Encoding: chunked\r\nConnection: x", "3;a\r\nabc\r\n0\r\nT: u\r\n\r\n")[..],
        &post("Content-Length: 3", "abc"),
    ]
    .concat();
    let mut state = 1u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..crate::base::rounds(5_000) {
        let mut bytes = whole.clone();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] ^= 1 << next(8),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\r\n :;0,\xff"[next(8)]),
            }
        }
        let end = parse(&bytes);
        for cut in (0..bytes.len()).step_by(if cfg!(miri) { 31 } else { 1 }) {
            match parse(&bytes[..cut]) {
                Ok(None) => {}
                Ok(Some((_, len))) => assert_eq!(end.as_ref().unwrap().as_ref().unwrap().1, len),
                Err(_) => assert!(end.is_err()),
            }
        }
        if let Ok(Some((request, len))) = end {
            let whole = read_body(request.body, [&bytes[len..]], &Limits::default());
            assert_eq!(read_body(request.body, bytes[len..].chunks(1), &Limits::default()), whole);
        }
    }
}

/// What Node 20 makes of two lines `name: 1` and `NAME: 2`.
#[test]
fn lines_of_one_name_are_joined() {
    let first = "age authorization content-type etag expires from if-modified-since if-unmodified-since last-modified \
        location max-forwards proxy-authorization referer retry-after server user-agent";
    let joined =
        "x-forwarded-for origin accept date via x sec-websocket-protocol if-match accept-encoding te";
    let expected = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut cases: Vec<_> = first.split_whitespace().map(|name| expected(name, "1")).collect();
    cases.extend(joined.split_whitespace().map(|name| expected(name, "1, 2")));
    cases.push(expected("cookie", "1; 2"));
    let mut lines: String = cases.iter().map(|(name, _)| format!("{name}:1\r\n")).collect();
    lines.extend(cases.iter().map(|(name, _)| format!("{}: \t2 \r\n", name.to_ascii_uppercase())));
    let head = format!("GET /?x HTTP/1.1\r\nHost:a\r\nX-Empty:\r\n{lines}X-Empty:1\r\n\r\n");
    let whole = join_lines(head.as_bytes(), &request(head.as_bytes()).0);
    let (again, length) = request(&whole);
    assert_eq!((again.target, length), ("/?x", whole.len()));
    let mut found = again.headers().map(|(name, value)| expected(name, std::str::from_utf8(value).unwrap()));
    assert_eq!(found.next(), Some(expected("Host", "a")));
    assert_eq!(found.next(), Some(expected("X-Empty", ", 1")));
    assert_eq!(found.collect::<Vec<_>>(), cases);
    // With nothing to join nothing changes, and nothing ever grows: it is parsed again within the same limits.
    assert_eq!(join_lines(&whole, &request(&whole).0), whole);
    for lines in ["A:\r\na:\r\nb:1\r\n", "a:\r\nA: \r\na:\r\n"] {
        let head = format!("GET / HTTP/1.1\r\nHost:a\r\n{lines}\r\n");
        assert!(join_lines(head.as_bytes(), &request(head.as_bytes()).0).len() < head.len());
    }
}

/// A head byte by byte: a parser looks at it each time it has doubled, and whenever it may be whole.
#[test]
#[cfg_attr(miri, ignore = "16,000 looks at heads, which are counted")]
fn a_head_in_pieces_is_parsed_a_few_times_only() {
    let limits = Limits::default();
    let blank = "\r\n".repeat(3_000);
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(16_000));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: \r\n".repeat(90));
    let bare = "GET / HTTP/1.1\nHost: a\n\n".to_owned();
    for head in [long, format!("{blank}{many}"), many, blank, bare] {
        let head = head.as_bytes();
        for step in [1, 2, 3, 1_000] {
            let (mut scan, mut looks) = (HeadScan::default(), 0);
            for end in (step..head.len()).step_by(step).chain([head.len()]) {
                let due = scan.is_due(&head[..end], &limits);
                looks += usize::from(due);
                assert!(due || !matches!(parse(&head[..end]), Ok(Some(_))), "a whole head of {end} is due");
            }
            assert!(looks <= 18, "{looks} looks at {} bytes in steps of {step}", head.len());
            // It stays due, for whoever has to leave it for now.
            assert!(scan.is_due(head, &limits) || !matches!(parse(head), Ok(Some(_))));
        }
    }
}

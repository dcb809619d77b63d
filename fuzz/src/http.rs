//! Requests as a stream: heads and bodies, however it is cut; what is read from a head; query strings; and the header
//! lines that are written from what a client said.

use super::input::Input;
use roomcast::Limits;
use roomcast::cors::{Cors, Origin};
use roomcast::wire::http::{self, BodyDecoder, BodyError, HeadError, Request};

/// A request, or the end of the stream's sense.
#[derive(Debug, PartialEq)]
enum Seen {
    Request { method: String, target: String, headers: Vec<(String, Vec<u8>)>, facts: String, length: usize },
    Body(Vec<u8>),
    BadHead(HeadError),
    BadBody(BodyError),
}

pub(crate) fn requests(input: &[u8]) {
    let mut input = Input(input);
    let limits = Limits {
        max_head_bytes: input.pick(&[16 * 1024, 256, 300]),
        max_headers: input.pick(&[100, 8]),
        max_payload: input.pick(&[1_000_000, 1, 20]),
        ..Limits::default()
    };
    let (whole, pieces) = input.pieces();
    let expected = read(&[whole], &limits);
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    for split in [pieces, single] {
        assert_eq!(read(&split, &limits), expected, "{:?} in pieces", String::from_utf8_lossy(whole));
    }
}

/// What a server reads from these pieces, one after the other.
fn read(pieces: &[&[u8]], limits: &Limits) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut held = Vec::new();
    let mut body: Option<(BodyDecoder, Vec<u8>)> = None;
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            let used = match &mut body {
                None => match http::parse_head(&held, limits) {
                    Ok(None) => break,
                    Ok(Some((request, length))) => {
                        seen.push(describe(&request, length));
                        body = Some((BodyDecoder::new(request.body), Vec::new()));
                        length
                    }
                    Err(error) => {
                        seen.push(Seen::BadHead(error));
                        return seen;
                    }
                },
                Some((decoder, content)) => match decoder.read(&held, content, limits) {
                    Ok((used, end)) => {
                        assert!(content.len() <= limits.max_payload, "{} bytes of a body", content.len());
                        if !end {
                            assert_eq!(used, held.len(), "an unfinished body uses all there is");
                            held.clear();
                            break;
                        }
                        seen.push(Seen::Body(std::mem::take(content)));
                        body = None;
                        used
                    }
                    Err(error) => {
                        seen.push(Seen::BadBody(error));
                        return seen;
                    }
                },
            };
            held.drain(..used);
            if held.is_empty() && body.is_none() {
                break;
            }
        }
    }
    seen
}

fn describe(request: &Request<'_>, length: usize) -> Seen {
    let headers: Vec<_> = request.headers().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    for (name, value) in &headers {
        let same = |(other, _): &&(String, Vec<u8>)| other.eq_ignore_ascii_case(name);
        let first = headers.iter().find(same).map(|(_, value)| value.as_slice());
        assert_eq!(request.header(&name.to_uppercase()), first);
        assert!(http::is_header_name(name) && !value.contains(&b'\n') && !value.contains(&b'\r'));
    }
    assert!(request.target.starts_with(request.path()) || request.path().is_empty());
    let _ = http::query_pairs(request.query()).count();
    answer(request);
    let facts = format!(
        "{} {:?} {} {} {} {:?} {:?} {:?}",
        request.http11,
        request.body,
        request.keep_alive(),
        request.expects_continue(),
        request.is_upgrade(),
        request.websocket_key(),
        request.path(),
        request.query(),
    );
    Seen::Request { method: request.method.into(), target: request.target.into(), headers, facts, length }
}

/// What a client says comes back in some header lines: they have to be lines that a reader finds well-formed.
fn answer(request: &Request<'_>) {
    for origin in [Origin::Any, Origin::Reflect, Origin::List(vec!["https://a.example".into()])] {
        let cors = Cors { origin, credentials: true, ..Cors::default() };
        let mut out = b"GET / HTTP/1.1\r\nHost: x\r\n".to_vec();
        cors.preflight(&mut out, request.header("origin"), request.header("access-control-request-headers"));
        cors.actual(&mut out, request.header("origin"));
        out.extend_from_slice(b"\r\n");
        let limits = Limits { max_head_bytes: 1 << 20, ..Limits::default() };
        match http::parse_head(&out, &limits) {
            Ok(Some((_, length))) => assert_eq!(length, out.len(), "the answer is one head"),
            other => panic!("{other:?} for {:?}", String::from_utf8_lossy(&out)),
        }
    }
}

/// Query strings: pairs are read one by one, and every byte survives its encoding.
pub(crate) fn query(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let owned = |text: &str| -> Vec<(String, String)> {
        http::query_pairs(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    };
    let all = owned(&text);
    for at in text.match_indices('&').map(|(at, _)| at) {
        let (first, rest) = (owned(&text[..at]), owned(&text[at + 1..]));
        assert_eq!([first, rest].concat(), all, "{text:?} cut at {at}");
    }
    let encoded: String = input.iter().map(|byte| format!("%{byte:02x}")).collect();
    let expected = vec![(encoded_name(input), String::new())];
    assert_eq!(owned(&encoded), if input.is_empty() { Vec::new() } else { expected });
}

fn encoded_name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

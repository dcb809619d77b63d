//! RFC 6455 rule by rule, after the case list of the Autobahn test suite (the numbers in comments are its). Every stream
//! is fed whole, cut in two at every byte, byte by byte and at random; the outcome must not differ.

use super::*;
use crate::base::limits::Limits;

/// A message with its bytes, so that outcomes can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    Fault(Fault),
}

use Seen::{Binary, Close, Ping, Pong, Text};

impl From<Message<'_>> for Seen {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Text(text.into()),
            Message::Binary(bytes) => Binary(bytes.into()),
            Message::Ping(bytes) => Ping(bytes.into()),
            Message::Pong(bytes) => Pong(bytes.into()),
            Message::Close(code, reason) => Close(code, reason.into()),
        }
    }
}

fn limits(max_payload: usize, max_fragments: u32) -> Limits {
    Limits { max_payload, max_fragments, ..Limits::default() }
}

/// Feeds the pieces in turn, until a fault.
fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Vec<Seen> {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        loop {
            match decoder.read(rest, limits) {
                Err(fault) => {
                    assert_refuses_for_good(decoder, fault, limits);
                    seen.push(Seen::Fault(fault));
                    return seen;
                }
                Ok((used, Some(message))) => {
                    seen.push(message.into());
                    rest = &mut rest[used..];
                }
                Ok((used, None)) => {
                    assert_eq!(used, rest.len(), "all input is used when more is needed");
                    break;
                }
            }
        }
    }
    seen
}

/// A peer goes on sending whatever we think of it: every byte, however it comes, gets the same refusal.
fn assert_refuses_for_good(mut decoder: Decoder, fault: Fault, limits: &Limits) {
    for piece in [&[][..], &[0], &[0x81], &[0x80, 1, 2, 3], &client(FIN | TEXT, b"hello"), &[0; 40]] {
        let cuts = [piece.len().max(1), 1];
        for &cut in &cuts[..if cfg!(miri) { 1 } else { 2 }] {
            for part in piece.chunks(cut).chain([&[][..]]) {
                assert_eq!(
                    decoder.read(&mut part.to_vec(), limits),
                    Err(fault),
                    "after a fault: {part:02x?}"
                );
            }
        }
    }
    assert_eq!(decoder.buffered(), 0, "nothing is held for a stream that is lost");
}

/// The outcome of a stream, which no way of cutting it may change.
fn outcome(stream: &[u8], limits: &Limits) -> Vec<Seen> {
    let whole = feed([stream], limits);
    assert_eq!(feed(stream.chunks(1), limits), whole, "byte by byte");
    // Long streams: around the ends, where the headers are, and here and there.
    let (places, near, sizes) = if cfg!(miri) { (2, 2, &[7][..]) } else { (64, 20, &[3, 7, 997, 1460][..]) };
    let step = stream.len() / places + 1;
    for at in (0..stream.len()).filter(|at| at % step == 0 || *at < near || stream.len() - at < near) {
        let (head, tail) = stream.split_at(at);
        assert_eq!(feed([head, tail], limits), whole, "cut at {at}");
    }
    for &size in sizes {
        assert_eq!(feed(stream.chunks(size), limits), whole, "in pieces of {size}");
    }
    whole
}

fn check(stream: &[u8], expected: &[Seen]) {
    let outcome = outcome(stream, &limits(1 << 24, 100_000));
    // Not assert_eq: payloads may be megabytes.
    assert!(outcome == expected, "expected {:.300?}\ngot {:.300?}", expected, outcome);
}

fn check_fault(stream: &[u8], before: &[Seen], fault: Fault) {
    check(stream, &[before, &[Seen::Fault(fault)]].concat());
}

/// A client frame, `first` being FIN, the reserved bits and the opcode.
fn client(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

const CONT: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const FIN: u8 = 0x80;

fn text(text: &str) -> Vec<u8> {
    client(FIN | TEXT, text.as_bytes())
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    client(CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// One message cut into fragments of a size, with something between them.
fn fragments(opcode: u8, payload: &[u8], size: usize, between: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let count = payload.len().div_ceil(size);
    for (i, part) in payload.chunks(size).enumerate() {
        let first = if i == 0 { opcode } else { CONT };
        let fin = if i + 1 == count { FIN } else { 0 };
        out.extend(client(first | fin, part));
        if fin == 0 {
            out.extend(between);
        }
    }
    out
}

/// Deterministic bytes.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[test]
fn idle_decoders_are_small() {
    assert!(size_of::<Decoder>() <= 32);
    assert_eq!(Decoder::new().buffered(), 0);
}

// 1.1, 1.2
#[test]
fn sizes() {
    for len in [0, 1, 7, 8, 9, 125, 126, 127, 128, 65_535, 65_536, 70_000] {
        if cfg!(miri) && len > 128 {
            break;
        }
        check(&client(FIN | TEXT, &vec![b'*'; len]), &[Text("*".repeat(len))]);
        check(&client(FIN | BINARY, &vec![0xfe; len]), &[Binary(vec![0xfe; len])]);
    }
    check(&[text("a"), text(""), text("b")].concat(), &[Text("a".into()), Text("".into()), Text("b".into())]);
}

// The reference takes lengths that are not in their shortest form, too.
#[test]
fn padded_lengths() {
    check(&[0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'x'], &[Text("x".into())]);
    check(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, b'x'], &[Text("x".into())]);
}

// 2.1 to 2.11
#[test]
fn pings_and_pongs() {
    check(&client(PING, b""), &[Ping(vec![])]);
    check(&client(PING, b"Hello, world!"), &[Ping(b"Hello, world!".into())]);
    check(
        &client(PING, &[0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff]),
        &[Ping(vec![0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff])],
    );
    check(&client(PING, &[0xfe; 125]), &[Ping(vec![0xfe; 125])]);
    check_fault(&client(PING, &[0xfe; 126]), &[], Fault::Protocol);
    check(&client(PONG, b""), &[Pong(vec![])]);
    check(&client(PONG, b"unsolicited"), &[Pong(b"unsolicited".into())]);
    check(&[client(PONG, b"a"), client(PING, b"b")].concat(), &[Pong(b"a".into()), Ping(b"b".into())]);
    let (stream, seen): (Vec<_>, Vec<_>) = (0..10u8).map(|i| (client(PING, &[i]), Ping(vec![i]))).unzip();
    check(&stream.concat(), &seen);
}

// 3.1 to 3.7
#[test]
fn reserved_bits() {
    for rsv in 1..8u8 {
        for opcode in [TEXT, BINARY, CONT, CLOSE & 0xf, PING & 0xf, PONG & 0xf] {
            let stream = [text("x"), client(FIN | rsv << 4 | opcode, b"yy"), client(PING, b"")].concat();
            check_fault(&stream, &[Text("x".into())], Fault::Protocol);
        }
        // The first byte is enough.
        assert_eq!(feed([&[FIN | rsv << 4 | TEXT][..]], &Limits::default()), [Seen::Fault(Fault::Protocol)]);
    }
}

// 4.1, 4.2
#[test]
fn unknown_opcodes() {
    for opcode in (3..8).chain(11..16) {
        for payload in [&b""[..], b"x"] {
            let stream = [text("x"), client(FIN | opcode, payload), client(PING, b"")].concat();
            check_fault(&stream, &[Text("x".into())], Fault::Protocol);
        }
    }
}

#[test]
fn client_frames_are_masked() {
    check_fault(&[0x81, 1, b'x'], &[], Fault::Protocol);
    check_fault(&[PING, 0], &[], Fault::Protocol);
    check(&[0x81, 0x81, 0, 0, 0, 0, b'x'], &[Text("x".into())]);
}

// 5.1, 5.2
#[test]
fn control_frames_are_not_fragmented() {
    for opcode in [CLOSE, PING, PONG] {
        let stream = [client(opcode & 0xf, b"fr"), client(FIN | CONT, b"ag")].concat();
        check_fault(&stream, &[], Fault::Protocol);
    }
}

// 5.3 to 5.8, 5.19, 5.20
#[test]
fn fragmentation() {
    let two = [client(TEXT, b"fragment1"), client(FIN | CONT, b"fragment2")].concat();
    check(&two, &[Text("fragment1fragment2".into())]);
    let ping = client(PING, b"ping");
    let stream = [client(TEXT, b"fragment1"), ping.clone(), client(FIN | CONT, b"fragment2")].concat();
    check(&stream, &[Ping(b"ping".into()), Text("fragment1fragment2".into())]);
    let stream = [
        client(TEXT, b"fragment1"),
        client(CONT, b"fragment2"),
        ping.clone(),
        client(CONT, b"fragment3"),
        client(CONT, b"fragment4"),
        client(PING, b"ping 2"),
        client(FIN | CONT, b"fragment5"),
        text("next"),
    ]
    .concat();
    check(
        &stream,
        &[
            Ping(b"ping".into()),
            Ping(b"ping 2".into()),
            Text("fragment1fragment2fragment3fragment4fragment5".into()),
            Text("next".into()),
        ],
    );
    // A close ends the conversation in the middle of a message.
    check(&[client(TEXT, b"a"), close(1000, b"")].concat(), &[Close(Some(1000), "".into())]);
}

// 5.9 to 5.14
#[test]
fn continuation_of_nothing() {
    for fin in [0, FIN] {
        check_fault(&[client(fin | CONT, b"non-continuation"), text("x")].concat(), &[], Fault::Protocol);
        let stream = [two_fragments(), client(fin | CONT, b"x")].concat();
        check_fault(&stream, &[Binary(b"ab".into())], Fault::Protocol);
    }
}

fn two_fragments() -> Vec<u8> {
    [client(BINARY, b"a"), client(FIN | CONT, b"b")].concat()
}

// 5.15 to 5.18
#[test]
fn new_message_within_a_message() {
    for first in [TEXT, BINARY, FIN | TEXT, FIN | BINARY] {
        check_fault(&[client(TEXT, b"a"), client(first, b"b")].concat(), &[], Fault::Protocol);
        check_fault(&[client(BINARY, b""), client(first, b"b")].concat(), &[], Fault::Protocol);
    }
}

// 6.1
#[test]
fn empty_fragments() {
    check(&[client(TEXT, b""), client(CONT, b""), client(FIN | CONT, b"")].concat(), &[Text("".into())]);
    let stream = [client(TEXT, b""), client(CONT, b"middle"), client(FIN | CONT, b"")].concat();
    check(&stream, &[Text("middle".into())]);
}

const GREEK: &str = "Hello-µ@ßöäüàá-UTF-8!! κόσμε \u{10ffff}\u{10000}\u{ffff}\u{fffe}\u{d7ff}\u{e000}\u{0}";

// 6.2, 6.5 to 6.9, 6.11, 6.13, 6.15, 6.17, 6.22, 6.23
#[test]
fn valid_utf8() {
    check(&text(GREEK), &[Text(GREEK.into())]);
    for size in 1..GREEK.len() {
        let expected = [Text(GREEK.into())];
        check(&fragments(TEXT, GREEK.as_bytes(), size, b""), &expected);
    }
    let pinged = fragments(TEXT, GREEK.as_bytes(), 1, &client(PING, "µ".as_bytes()));
    let mut expected = vec![Ping("µ".into()); GREEK.len() - 1];
    expected.push(Text(GREEK.into()));
    check(&pinged, &expected);
    // The ends of every length, the noncharacters and the replacement character.
    let ends =
        "\u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{1fffe}\u{1ffff}\u{10fffe}\u{10ffff}\u{fffd}";
    for character in ends.chars() {
        check(&text(&character.to_string()), &[Text(character.into())]);
    }
}

// 6.3, 6.10, 6.12, 6.14, 6.16, 6.18 to 6.21
const INVALID: &[&[u8]] = &[
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", // 6.3.1
    b"\xf8\x88\x80\x80\x80",                                           // five bytes
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf", // above U+10FFFF
    b"\xf4\x90\x80\x80",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    b"\x80", // continuation bytes alone
    b"\xbf",
    b"\x80\xbf",
    b"\x80\xbf\x80\xbf\x80\xbf",
    b"\xc0 \xc1 ", // first bytes alone
    b"\xe0 \xe1 \xef ",
    b"\xf0 \xf1 \xf7 ",
    b"\xf8 \xfb ",
    b"\xfc \xfd ",
    b"\xc0", // last bytes missing
    b"\xe0\x80",
    b"\xe2\x82",
    b"\xf0\x80\x80",
    b"\xf0\x9f\x98",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xfe", // in no sequence
    b"\xff",
    b"\xfe\xfe\xff\xff",
    b"\xc0\xaf", // longer than need be
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xf8\x80\x80\x80\xaf",
    b"\xfc\x80\x80\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xed\xa0\x80", // surrogates
    b"\xed\xad\xbf",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbe\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
];

#[test]
fn invalid_utf8() {
    let around = if cfg!(miri) { 10 } else { 200 };
    for bad in INVALID {
        check_fault(&client(FIN | TEXT, bad), &[], Fault::InvalidPayload);
        let long = [&b"a".repeat(around)[..], *bad, &b"z".repeat(around)[..]].concat();
        // At the end of a whole text even a sequence cut off is wrong; with more behind it, all of them are.
        check_fault(&client(FIN | TEXT, &long), &[], Fault::InvalidPayload);
        for size in [1, 2, 3, around + 1, 2 * around - 1] {
            check_fault(&fragments(TEXT, &long, size, b""), &[], Fault::InvalidPayload);
        }
        // Any bytes make a binary message.
        check(&client(FIN | BINARY, bad), &[Binary(bad.to_vec())]);
        check(&fragments(BINARY, &long, 7, b""), &[Binary(long.clone())]);
    }
}

// 6.4
#[test]
fn invalid_utf8_fails_at_once() {
    // The third byte cannot follow, whatever comes.
    let bad = b"\xce\xba\xf4\x90\x80\x80 and more that is not sent";
    let frame = client(FIN | TEXT, bad);
    let header = frame.len() - bad.len();
    assert_eq!(feed([&frame[..header + 3]], &Limits::default()), []);
    assert_eq!(feed([&frame[..header + 4]], &Limits::default()), [Seen::Fault(Fault::InvalidPayload)]);
    // In a fragment, before the message ends and before what follows is looked at.
    let stream = [client(TEXT, b"ok"), client(CONT, b"\xed\xa0"), client(PING, b"")].concat();
    check_fault(&stream, &[], Fault::InvalidPayload);
    // A sequence that is only unfinished waits for the rest.
    let stream = [client(TEXT, b"\xf0\x9f"), client(PING, b""), client(FIN | CONT, b"\x98\x80")].concat();
    check(&stream, &[Ping(vec![]), Text("😀".into())]);
}

// 7.1, 7.3
#[test]
fn close_payloads() {
    check(&client(CLOSE, b""), &[Close(None, "".into())]);
    check_fault(&client(CLOSE, b"\x03"), &[], Fault::Protocol);
    check(&close(1000, b""), &[Close(Some(1000), "".into())]);
    check(&close(1000, "Hello µ".as_bytes()), &[Close(Some(1000), "Hello µ".into())]);
    check(&close(1000, &[b'*'; 123]), &[Close(Some(1000), "*".repeat(123))]);
    check_fault(&close(1000, &[b'*'; 124]), &[], Fault::Protocol);
    check(&[text("Hello"), close(1000, b"")].concat(), &[Text("Hello".into()), Close(Some(1000), "".into())]);
}

// 7.5
#[test]
fn close_reasons_are_utf8() {
    for bad in INVALID {
        check_fault(&close(1000, bad), &[], Fault::InvalidPayload);
    }
}

// 7.7, 7.9, 7.13
#[test]
fn close_codes() {
    for code in (0..=u16::MAX).step_by(if cfg!(miri) { 499 } else { 1 }) {
        let stream = close(code, b"why");
        let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let expected = if valid { Close(Some(code), "why".into()) } else { Seen::Fault(Fault::Protocol) };
        assert_eq!(feed([&stream[..]], &Limits::default()), [expected]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        check_fault(&close(code, b""), &[], Fault::Protocol);
    }
}

// 9.1 to 9.6
#[test]
#[cfg_attr(miri, ignore = "a hundred thousand bytes, cut anywhere; shorter fragments are its neighbours")]
fn large_messages() {
    let mut next = noise(9);
    let bytes: Vec<u8> = (0..1 << 16).map(|_| next() as u8).collect();
    let ascii: String = bytes.iter().map(|byte| char::from(byte & 0x7f)).collect();
    check(&client(FIN | BINARY, &bytes), &[Binary(bytes.clone())]);
    check(&text(&ascii), &[Text(ascii.clone())]);
    for size in [64, 4096, 65_536] {
        check(&fragments(BINARY, &bytes, size, b""), &[Binary(bytes.clone())]);
        check(&fragments(TEXT, ascii.as_bytes(), size, b""), &[Text(ascii.clone())]);
    }
}

// 10.1: a text of 65,536 bytes in fragments of 1,300.
#[test]
#[cfg_attr(miri, ignore = "65,536 bytes, cut anywhere; shorter fragments are its neighbours")]
fn automatic_fragments() {
    check(&fragments(TEXT, &[b'*'; 65_536], 1300, b""), &[Text("*".repeat(65_536))]);
}

#[test]
fn size_limit() {
    let limits = limits(300, 100_000);
    let big = [Seen::Fault(Fault::TooBig)];
    assert_eq!(outcome(&client(FIN | BINARY, &[1; 300]), &limits), [Binary(vec![1; 300])]);
    assert_eq!(outcome(&client(FIN | BINARY, &[1; 301]), &limits), big);
    assert_eq!(
        outcome(&fragments(BINARY, &[1; 300], 7, &client(PONG, b"p")), &limits).pop(),
        Some(Binary(vec![1; 300]))
    );
    assert_eq!(outcome(&fragments(BINARY, &[1; 301], 7, b""), &limits), big);
    // The limit is a message's: the next one may be as long.
    let twice = [client(FIN | TEXT, &[b'a'; 300]), fragments(TEXT, &[b'a'; 300], 100, b"")].concat();
    assert_eq!(outcome(&twice, &limits).len(), 2);
    // The header is enough, without mask or payload.
    assert_eq!(feed([&[0x82, 0xfe, 1, 45][..]], &limits), big);
    assert_eq!(feed([&[0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255][..]], &limits), big);
    // A limit below a control frame's size does not concern it.
    assert_eq!(outcome(&client(PING, &[1; 125]), &self::limits(1, 1)), [Ping(vec![1; 125])]);
}

#[test]
fn fragment_limit() {
    let limits = limits(300, 3);
    let pong = client(PONG, b"");
    assert_eq!(outcome(&fragments(BINARY, &[1; 3], 1, &pong), &limits).pop(), Some(Binary(vec![1; 3])));
    assert_eq!(outcome(&fragments(BINARY, &[1; 4], 1, b""), &limits), [Seen::Fault(Fault::TooBig)]);
    let empty = [client(TEXT, b""), client(CONT, b""), client(CONT, b""), client(CONT, b"")].concat();
    assert_eq!(outcome(&empty, &limits), [Seen::Fault(Fault::TooBig)]);
    assert_eq!(outcome(&two_fragments().repeat(5), &limits).len(), 5);
}

#[test]
fn a_whole_frame_is_lent_not_copied() {
    let mut stream = [text("hello"), client(PING, b"p")].concat();
    let place = stream.as_ptr_range();
    let mut decoder = Decoder::new();
    let (used, message) = decoder.read(&mut stream, &Limits::default()).unwrap();
    let Some(Message::Text(hello)) = message else { panic!() };
    assert!(place.contains(&hello.as_ptr()));
    let (_, message) = decoder.read(&mut stream[used..], &Limits::default()).unwrap();
    let Some(Message::Ping(ping)) = message else { panic!() };
    assert!(place.contains(&ping.as_ptr()));
    assert_eq!(decoder.buffered(), 0);
    // Nor when its header came before.
    let mut stream = text("hello");
    let (head, tail) = stream.split_at_mut(3);
    assert_eq!(decoder.read(head, &Limits::default()), Ok((3, None)));
    assert_eq!(decoder.buffered(), 3);
    let place = tail.as_ptr_range();
    let (_, message) = decoder.read(tail, &Limits::default()).unwrap();
    let Some(Message::Text(hello)) = message else { panic!() };
    assert!(place.contains(&hello.as_ptr()));
    assert_eq!(decoder.buffered(), 0);
    assert!(decoder.capacity().is_none());
}

#[test]
fn memory_grows_with_what_arrives() {
    let limits = limits(1 << 30, 10);
    let mut decoder = Decoder::new();
    let mut header = [0x82, 0xff, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    decoder.read(&mut header, &limits).unwrap();
    assert_eq!(decoder.capacity(), Some(0));
    for received in 1..100 {
        decoder.read(&mut [7; 1000], &limits).unwrap();
        assert_eq!(decoder.buffered(), received * 1000);
        assert!(decoder.capacity() <= Some(received * 2000));
    }
    // And is gone with the call after the message.
    let mut decoder = Decoder::new();
    let mut stream = fragments(BINARY, &[1; 1000], 100, b"");
    assert_eq!(decoder.read(&mut stream, &limits), Ok((1060, Some(Message::Binary(&[1; 1000])))));
    assert_eq!(decoder.buffered(), 1000);
    assert_eq!(decoder.read(&mut [], &limits), Ok((0, None)));
    assert!(decoder.capacity().is_none());
}

/// Streams of random frames, right and wrong, cut at random.
#[test]
fn random_streams_and_cuts() {
    for seed in 0..if cfg!(miri) { 4 } else { 400 } {
        let mut next = noise(seed);
        let mut stream = Vec::new();
        for _ in 0..next() % 12 {
            let opcode = [CONT, TEXT, BINARY, CLOSE & 0xf, PING & 0xf, PONG & 0xf][(next() % 6) as usize];
            let fin = if opcode > 2 || !next().is_multiple_of(3) { FIN } else { 0 };
            let len = [0, 1, 2, 5, 60, 125, 126, 300][(next() % 8) as usize];
            let payload: String =
                std::iter::repeat_with(|| ['a', 'µ', '\u{ffff}', '😀'][(next() % 4) as usize])
                    .take(len)
                    .collect();
            let mut frame = client(fin | opcode, &payload.as_bytes()[..len]);
            if next().is_multiple_of(40) {
                let at = next() as usize % frame.len();
                frame[at] ^= 1 << (next() % 8);
            }
            stream.extend(frame);
        }
        let limits = limits(1000, 5);
        let whole = outcome(&stream, &limits);
        for _ in 0..20 {
            let mut pieces = Vec::new();
            let mut rest = &stream[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((next() as usize % 200).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            assert_eq!(feed(pieces, &limits), whole, "seed {seed}");
        }
    }
}

#[test]
fn server_frames() {
    let bytes = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    assert_eq!(bytes(&|out| frame(out, Opcode::Text, b"Hello")), b"\x81\x05Hello");
    assert_eq!(bytes(&|out| frame(out, Opcode::Ping, b"")), b"\x89\x00");
    assert_eq!(bytes(&|out| frame_header(out, Opcode::Binary, 125)), b"\x82\x7d");
    assert_eq!(bytes(&|out| frame_header(out, Opcode::Binary, 126)), b"\x82\x7e\x00\x7e");
    assert_eq!(bytes(&|out| frame_header(out, Opcode::Binary, 65_535)), b"\x82\x7e\xff\xff");
    assert_eq!(bytes(&|out| frame_header(out, Opcode::Text, 65_536)), b"\x81\x7f\0\0\0\0\0\x01\0\0");
    assert_eq!(bytes(&|out| close_frame(out, 1009, "")), b"\x88\x02\x03\xf1");
    let long = bytes(&|out| close_frame(out, 1000, &"µ".repeat(100)));
    assert_eq!(long[..4], [0x88, 124, 0x03, 0xe8]);
    assert_eq!(long[4..], *"µ".repeat(61).as_bytes());
}

#[test]
fn fault_codes() {
    assert_eq!(
        [Fault::Protocol, Fault::InvalidPayload, Fault::TooBig].map(Fault::close_code),
        [1002, 1007, 1009]
    );
}

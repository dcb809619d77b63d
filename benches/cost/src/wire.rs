//! The decoders by themselves.

use super::{Case, Work, frame, repeated};
use roomcast::Limits;
use roomcast::wire::engineio::{jsonp, v3};
use roomcast::wire::http::{self, BodyDecoder};
use roomcast::wire::resp::{Reader, Reply};
use roomcast::wire::{engineio, json, socketio, ws};
use std::hint::black_box;

pub(super) const CASES: &[Case] = &[
    Case { name: "WebSocket: empty binary frames", make: |size| frames(&frame(0x82, b""), size), bound: 50 },
    Case {
        name: "WebSocket: empty frames, byte by byte",
        make: |size| bytewise(&frame(0x82, b""), size),
        bound: 300,
    },
    Case { name: "WebSocket: fragments of one byte", make: |size| fragments(size), bound: 55 },
    Case {
        name: "WebSocket: a long text, byte by byte",
        make: |size| bytewise(&frame(0x81, &repeated("\u{20ac}".as_bytes(), size - 20)), size),
        bound: 600,
    },
    Case { name: "HTTP: header lines of three bytes", make: |size| heads("a:\r\n", 95, size), bound: 260 },
    Case { name: "HTTP: the shortest requests", make: |size| heads("", 0, size), bound: 140 },
    Case { name: "HTTP: chunks of one byte", make: chunks, bound: 60 },
    Case { name: "query: `&a`", make: |size| query("&a", size), bound: 220 },
    Case { name: "query: `%e2%82%ac`", make: |size| query("%e2%82%ac", size), bound: 35 },
    Case { name: "Engine.IO: empty messages", make: |size| payload("4\u{1e}", size), bound: 85 },
    Case { name: "Engine.IO: base64 of three bytes", make: |size| payload("bAQID\u{1e}", size), bound: 170 },
    Case {
        name: "Engine.IO: base64 in the other alphabet, broken",
        make: |size| payload("b-_\n-_\u{1e}", size),
        bound: 280,
    },
    Case { name: "Engine.IO 3: empty messages", make: |size| payload3("1:4", size), bound: 100 },
    Case { name: "Engine.IO 3: long lengths", make: |size| payload3("000000000:", size), bound: 100 },
    Case {
        name: "Engine.IO 3: characters of two code units",
        make: |size| payload3("2:😀", size),
        bound: 100,
    },
    Case { name: "Engine.IO 3: one long message of them", make: long3, bound: 100 },
    Case { name: "Engine.IO 3: binary", make: parts3, bound: 100 },
    Case { name: "Engine.IO 3: line ends in a form", make: |size| form3("\\n", size), bound: 200 },
    Case { name: "JSON: `0,`", make: |size| value("0,", size), bound: 60 },
    Case { name: "JSON: `[],`", make: |size| value("[],", size), bound: 70 },
    Case { name: "JSON: empty strings", make: |size| value("\"\",", size), bound: 75 },
    Case { name: "JSON: escapes", make: |size| value("\"\\u0041\\n\",", size), bound: 40 },
    Case { name: "JSON: objects of one key", make: |size| value("{\"\":0},", size), bound: 60 },
    Case {
        name: "JSON: as deep as allowed",
        make: |size| value(&format!("{}{},", "[".repeat(500), "]".repeat(500)), size),
        bound: 80,
    },
    Case {
        name: "Socket.IO: an event of many arguments",
        make: |size| packet("2[\"a\",", "0,", size),
        bound: 60,
    },
    Case { name: "Socket.IO: a name of escapes", make: name, bound: 170 },
    Case {
        name: "Socket.IO: an event of placeholders",
        make: |size| packet("51-[\"a\",", "{\"_placeholder\":true,\"num\":0},", size),
        bound: 70,
    },
    Case { name: "Socket.IO: the shortest events", make: events, bound: 370 },
    Case {
        name: "Redis: the shortest replies",
        make: |size| replies(&repeated(b"_\r\n", size), size),
        bound: 230,
    },
    Case {
        name: "Redis: lists as deep as allowed",
        make: |size| replies(&repeated(&[&b"*1\r\n".repeat(7)[..], b"*0\r\n"].concat(), size), size),
        bound: 260,
    },
    Case { name: "Redis: one list of many, byte by byte", make: |size| replies(&list(size), 1), bound: 600 },
    Case { name: "Redis: one text, byte by byte", make: |size| replies(&bulk(size), 1), bound: 700 },
];

fn read_all(decoder: &mut ws::Decoder, input: &mut [u8], limits: &Limits) {
    let mut at = 0;
    while let Ok((used, Some(message))) = decoder.read(&mut input[at..], limits) {
        black_box(message);
        at += used;
    }
}

fn frames(part: &[u8], size: usize) -> (usize, Work) {
    let mut input = repeated(part, size);
    (input.len(), Box::new(move || read_all(&mut ws::Decoder::new(), &mut input, &Limits::default())))
}

fn bytewise(part: &[u8], size: usize) -> (usize, Work) {
    let mut input = repeated(part, size);
    let work = move || {
        let (mut decoder, limits) = (ws::Decoder::new(), Limits::default());
        for byte in input.chunks_mut(1) {
            read_all(&mut decoder, byte, &limits);
        }
    };
    (size / part.len().min(size) * part.len(), Box::new(work))
}

/// Messages of as many fragments as are allowed, with a ping between each two.
fn fragments(size: usize) -> (usize, Work) {
    let mut message = frame(0x01, b"a");
    for _ in 0..1_000 {
        message.extend(frame(0x89, b""));
        message.extend(frame(0x00, b"a"));
    }
    message.extend(frame(0x80, b"a"));
    frames(&message, size)
}

fn heads(line: &str, lines: usize, size: usize) -> (usize, Work) {
    let head = format!("GET / HTTP/1.1\r\nHost:\r\n{}\r\n", line.repeat(lines));
    let input = repeated(head.as_bytes(), size);
    let work = move || {
        let (mut at, limits) = (0, Limits::default());
        while let Ok(Some((request, used))) = http::parse_head(&input[at..], &limits) {
            black_box((request.keep_alive(), request.is_upgrade(), request.header("origin")));
            at += used;
        }
        assert_eq!(at, input.len());
    };
    (size / head.len() * head.len(), Box::new(work))
}

fn chunks(size: usize) -> (usize, Work) {
    let input = repeated(b"1\r\na\r\n", size);
    let work = move || {
        let mut out = Vec::new();
        let read = BodyDecoder::new(http::Body::Chunked).read(&input, &mut out, &Limits::default());
        assert_eq!(read, Ok((input.len(), false)));
        black_box(out);
    };
    (size / 6 * 6, Box::new(work))
}

fn text(part: &str, size: usize) -> String {
    part.repeat(size / part.len())
}

fn query(part: &str, size: usize) -> (usize, Work) {
    let query = text(part, size);
    (query.len(), Box::new(move || _ = black_box(http::query_pairs(&query).count())))
}

fn payload(part: &str, size: usize) -> (usize, Work) {
    let body = text(part, size);
    (body.len(), Box::new(move || _ = black_box(engineio::payload(&body).count())))
}

/// How many packets a text payload of Engine.IO 3 has.
fn count3(body: &str) -> usize {
    let mut rest = body;
    let mut count = 0;
    while let Ok((packet, behind)) = v3::first_packet(rest) {
        count += usize::from(v3::text_packet(packet).is_ok());
        rest = behind;
    }
    assert!(rest.is_empty(), "a good payload");
    count
}

fn payload3(part: &str, size: usize) -> (usize, Work) {
    let body = text(part, size);
    (body.len(), Box::new(move || _ = black_box(count3(black_box(&body)))))
}

fn long3(size: usize) -> (usize, Work) {
    let message = format!("4{}", text("😀", size));
    let body = format!("{}:{message}", v3::units(message.as_bytes()));
    (body.len(), Box::new(move || assert_eq!(count3(black_box(&body)), 1)))
}

fn parts3(size: usize) -> (usize, Work) {
    let body = b"\x01\x01\xff\x04".repeat(size / 4);
    let work = move || {
        let mut rest = black_box(&body[..]);
        while let Ok((part, behind)) = v3::first_part(rest) {
            black_box(part);
            rest = behind;
        }
        assert!(rest.is_empty(), "a good payload");
    };
    (size, Box::new(work))
}

fn form3(part: &str, size: usize) -> (usize, Work) {
    let form = format!("d={}", text(part, size));
    (form.len(), Box::new(move || assert!(jsonp::read_form(black_box(&form)).is_ok())))
}

fn value(part: &str, size: usize) -> (usize, Work) {
    let value = format!("[{}0]", text(part, size));
    (value.len(), Box::new(move || assert!(json::validate(black_box(&value), 512).is_ok())))
}

fn decode(text: &str, limits: &Limits) {
    let packet = socketio::decode(black_box(text), limits).expect("a good packet");
    black_box(packet.event());
}

fn packet(head: &str, part: &str, size: usize) -> (usize, Work) {
    let text = format!("{head}{}0]", text(part, size));
    (text.len(), Box::new(move || decode(&text, &Limits::default())))
}

fn name(size: usize) -> (usize, Work) {
    let text = format!("2[\"{}\"]", text("\\u0041", size));
    (text.len(), Box::new(move || decode(&text, &Limits::default())))
}

fn events(size: usize) -> (usize, Work) {
    let event = "2[1]";
    let work = move || (0..size / event.len()).for_each(|_| decode(event, &Limits::default()));
    (size / event.len() * event.len(), Box::new(work))
}

fn list(size: usize) -> Vec<u8> {
    [format!("*{}\r\n", repeated(b":1\r\n", size).len() / 4).as_bytes(), &repeated(b":1\r\n", size)].concat()
}

fn bulk(size: usize) -> Vec<u8> {
    [format!("${size}\r\n").as_bytes(), &vec![b'x'; size], b"\r\n"].concat()
}

/// Read in pieces of so many bytes; each reply is looked at as a whole.
fn replies(input: &[u8], piece: usize) -> (usize, Work) {
    fn look(reply: Reply<'_>) -> usize {
        match reply {
            Reply::List(items) => items.map(look).sum(),
            _ => 1,
        }
    }
    let (input, length) = (input.to_vec(), input.len());
    let work = move || {
        let mut reader = Reader::new(usize::MAX);
        for piece in input.chunks(piece) {
            reader.feed(piece);
            while reader.advance() == Ok(true) {
                black_box(look(reader.reply()));
            }
        }
        assert_eq!(reader.buffered(), 0);
    };
    (length, Box::new(work))
}

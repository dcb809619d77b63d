//! What another node of a cluster can say.

use super::{Case, Work, repeated};
use roomcast::wire::cluster::{nodes, pubsub, python};
use roomcast::wire::msgpack;
use std::borrow::Cow;
use std::hint::black_box;

pub(super) const CASES: &[Case] = &[
    Case { name: "msgpack: nothing, many times", make: |size| value(b"\xc0", size), bound: 130 },
    Case { name: "msgpack: empty arrays", make: |size| value(b"\x90", size), bound: 130 },
    Case {
        name: "msgpack: control characters",
        make: |size| value(b"\xa8\0\0\0\0\0\0\0\0", size),
        bound: 110,
    },
    Case {
        name: "msgpack: floats",
        make: |size| value(b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", size),
        bound: 120,
    },
    Case { name: "msgpack: times", make: |size| value(b"\xd6\xff\x38\x6d\x43\x80", size), bound: 700 },
    Case { name: "msgpack: maps of one key", make: |size| value(b"\x81\xa0\xc0", size), bound: 170 },
    Case { name: "msgpack: as deep as allowed", make: deep, bound: 190 },
    Case { name: "msgpack from JSON: `[],`", make: |size| json("[],", &[], size), bound: 140 },
    Case { name: "msgpack from JSON: `1e1,`", make: |size| json("1e1,", &[], size), bound: 210 },
    Case { name: "msgpack from JSON: escapes", make: |size| json("\"\\u0041\\n\",", &[], size), bound: 170 },
    Case {
        name: "msgpack from JSON: placeholders",
        make: |size| json("{\"_placeholder\":true,\"num\":0},", &[Cow::Borrowed(b"a")], size),
        bound: 80,
    },
    Case {
        name: "cluster: a broadcast of many arguments",
        make: |size| broadcast(&array(b"\xa0", size), b"\x90"),
        bound: 400,
    },
    Case {
        name: "cluster: a broadcast to rooms without a name",
        make: |size| broadcast(b"\x91\xa0", &array(b"\xa0", size)),
        bound: 400,
    },
    Case {
        name: "cluster: sockets of nothing but an id",
        make: |size| {
            let head = r#"{"type":8,"nsp":"/","data":{"requestId":"r","sockets":["#;
            cluster(head, r#"{"id":""},"#, r#"{"id":""}]}}"#, size)
        },
        bound: 270,
    },
    Case {
        name: "cluster: an emit of many arguments",
        make: |size| {
            let head = r#"{"type":3,"nsp":"/","data":{"opts":{},"packet":{"type":2,"data":["e""#;
            cluster(head, ",0", "]}}}", size)
        },
        bound: 130,
    },
    Case {
        name: "cluster: fields that nobody knows",
        make: |size| cluster(r#"{"type":1,"#, r#""":0,"#, r#""nsp":"/"}"#, size),
        bound: 190,
    },
    Case { name: "cluster: attachments of Python", make: attachments, bound: 360 },
];

/// An array of the same value again and again.
fn array(part: &[u8], size: usize) -> Vec<u8> {
    let items = repeated(part, size);
    let count = (items.len() / part.len()) as u32;
    [&b"\xdd"[..], &count.to_be_bytes(), &items].concat()
}

fn value(part: &[u8], size: usize) -> (usize, Work) {
    let bytes = array(part, size);
    let length = bytes.len();
    let work = move || {
        let (mut text, mut attachments) = (Vec::new(), Vec::new());
        msgpack::to_json(black_box(&bytes), &mut text, &mut attachments).expect("good msgpack");
        black_box((text, attachments));
    };
    (length, Box::new(work))
}

fn deep(size: usize) -> (usize, Work) {
    let most = msgpack::MAX_DEPTH as usize - 1;
    value(&[&[0x91].repeat(most - 1)[..], b"\x90"].concat(), size)
}

fn json(part: &str, attachments: &'static [Cow<'static, [u8]>], size: usize) -> (usize, Work) {
    let text = format!("[{}0]", part.repeat(size / part.len()));
    let length = text.len();
    let work = move || {
        let mut out = Vec::new();
        msgpack::from_json(black_box(&text), attachments, &mut out, usize::MAX).expect("good JSON");
        black_box(out);
    };
    (length, Box::new(work))
}

/// A broadcast in the format of pub/sub, of these arguments, to these rooms.
fn broadcast(args: &[u8], rooms: &[u8]) -> (usize, Work) {
    let head = b"\x93\xa1u\x82\xa4type\x02\xa4data";
    let bytes = [&head[..], args, b"\x81\xa5rooms", rooms].concat();
    let length = bytes.len();
    let work = move || {
        black_box(pubsub::decode_broadcast(black_box(&bytes)).expect("a good broadcast"));
    };
    (length, Box::new(work))
}

/// A message in JSON, again and again `part` between its head and its end.
fn cluster(head: &str, part: &str, end: &str, size: usize) -> (usize, Work) {
    let text = [head, &part.repeat(size / part.len()), end].concat();
    let length = text.len();
    let work = move || {
        black_box(nodes::decode(black_box(text.as_bytes())).expect("a good message"));
    };
    (length, Box::new(work))
}

/// As many attachments as are allowed, and then messages of them.
fn attachments(size: usize) -> (usize, Work) {
    let one = format!(
        r#"{{"method":"emit","event":"e","data":[[]{}],"binary":true}}"#,
        ",\"\"".repeat(msgpack::MAX_ATTACHMENTS / 4)
    );
    let count = (size / one.len()).max(1);
    let length = one.len() * count;
    let work = move || {
        for _ in 0..count {
            black_box(python::decode(black_box(one.as_bytes()), "own").expect("a good message"));
        }
    };
    (length, Box::new(work))
}

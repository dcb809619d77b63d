//! What a message of a cluster's bus costs: said, and read.

use criterion::{Criterion, criterion_group, criterion_main};
use roomcast::wire::cluster::nodes::{self, Format};
use roomcast::wire::cluster::{Heard, Message, Opts, Packet, pubsub};
use std::hint::black_box;

const MAX: usize = 1 << 20;

/// About 200 bytes of arguments, as a game or a chat has them.
const ARGS: &str = r#"[{"id":123456,"from":"somebody","text":"What a fine evening to be out, is it not?","at":1795780800123,"position":[12.5,-3.25,101.75],"flags":{"quiet":false,"pinned":true},"reply":null,"tags":["a","b"]}]"#;

fn emit(room: &str) -> Message<'_> {
    Message::Broadcast {
        packet: Packet { name: "message".into(), args: ARGS.into(), attachments: Vec::new() },
        opts: Opts { rooms: vec![room.into()], ..Opts::default() },
        request: None,
    }
}

fn bus(c: &mut Criterion) {
    let message = emit("room");
    let mut out = Vec::with_capacity(1_000);
    c.bench_function("bus/pubsub/encode", |b| {
        b.iter(|| {
            out.clear();
            pubsub::encode(&mut out, "abcdef", "/", black_box(&message), MAX)
        })
    });
    c.bench_function("bus/pubsub/decode", |b| {
        b.iter(|| pubsub::decode_broadcast(black_box(&out)).map(|it| drop(black_box(it))))
    });
    c.bench_function("bus/sharded/encode", |b| {
        b.iter(|| {
            out.clear();
            nodes::encode(&mut out, Format::Sharded, "0123456789abcdef", "/", black_box(&message), MAX)
        })
    });
    c.bench_function("bus/sharded/decode", |b| {
        b.iter(|| nodes::decode(black_box(&out)).map(|it: Heard<'_>| drop(black_box(it))))
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(800))
        .sample_size(30);
    targets = bus
}
criterion_main!(benches);

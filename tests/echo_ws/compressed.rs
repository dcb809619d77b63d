//! Autobahn's cases 12 and 13, by their definition: messages of each length and kind, whole and in fragments, after each of its offers. There,
//! each is sent 1,000 times; here `ECHO_MESSAGES` times, or 3.

use crate::{BINARY, FIN, Raw, TEXT, frame};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

const RSV1: u8 = 0x40;

/// Lengths of messages, and of their fragments if they are cut.
const SIZES: [(usize, usize); 18] = [
    (16, 0),
    (64, 0),
    (256, 0),
    (1_024, 0),
    (4_096, 0),
    (8_192, 0),
    (16_384, 0),
    (32_768, 0),
    (65_536, 0),
    (131_072, 0),
    (8_192, 256),
    (16_384, 256),
    (32_768, 256),
    (65_536, 256),
    (131_072, 256),
    (131_072, 1_024),
    (131_072, 4_096),
    (131_072, 32_768),
];

/// What is sent: like large JSON, like a picture, like prose, like a page, and what cannot be compressed.
fn data(kind: usize, length: usize, seed: u64) -> (u8, Vec<u8>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let words = ["und", "der", "Faust", "Geist", "nicht", "\u{fc}ber", "Welt", "ich"];
    let mut out = Vec::with_capacity(length + 64);
    while out.len() < length {
        match kind {
            0 => out.extend(
                format!("{{\"id\":{},\"tags\":[\"a\",\"b\"],\"x\":{}}},", rng.u16(..), rng.u8(..))
                    .into_bytes(),
            ),
            1 => out.push(rng.u8(100..116)),
            2 => out.extend(format!("{} ", rng.choice(words).unwrap()).into_bytes()),
            3 => out.extend(format!("<p class=\"c{}\">{}</p>\n", rng.u8(..9), rng.u32(..)).into_bytes()),
            _ => out.push(rng.u8(..)),
        }
    }
    out.truncate(length);
    (if matches!(kind, 0 | 3) { TEXT } else { BINARY }, out)
}

/// A compressor and a reader, as a client has agreed on them: here they keep nothing from message to message.
struct Codec {
    deflate: Compress,
    inflate: Decompress,
}

impl Codec {
    fn new(client_bits: u8) -> Self {
        let deflate = Compress::new_with_window_bits(Compression::new(6), false, client_bits);
        Self { deflate, inflate: Decompress::new(false) }
    }

    fn deflated(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(message.len() + 1_000);
        self.deflate.reset();
        self.deflate.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
        assert_eq!(self.deflate.total_in(), message.len() as u64);
        out.truncate(out.len() - 4);
        out
    }

    fn inflated(&mut self, message: &[u8], length: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(length + 64);
        self.inflate.reset(false);
        let message = [message, &[0, 0, 0xff, 0xff]].concat();
        self.inflate.decompress_vec(&message, &mut out, FlushDecompress::Sync).unwrap();
        out
    }
}

fn play(offer: &str, agreed: &str, client_bits: u8, kind: usize) {
    let times = std::env::var("ECHO_MESSAGES").map_or(3, |times| times.parse().expect("a number"));
    for (length, fragment) in SIZES {
        let (mut raw, head) = Raw::with(&format!("Sec-WebSocket-Extensions: {offer}\r\n"));
        let answer = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        assert_eq!(answer, Some(agreed), "{offer}");
        let mut codec = Codec::new(client_bits);
        for seed in 0..times {
            let (opcode, message) = data(kind, length, seed);
            let payload = codec.deflated(&message);
            let cut = if fragment == 0 { payload.len() } else { fragment };
            let count = payload.chunks(cut).len();
            for (at, part) in payload.chunks(cut).enumerate() {
                let first = if at == 0 { RSV1 | opcode } else { 0 };
                let last = if at + 1 == count { FIN } else { 0 };
                raw.send(&frame(first | last, part));
            }
            let (first, got) = raw.read();
            assert_eq!(first & !RSV1, FIN | opcode);
            let got = if first & RSV1 != 0 { codec.inflated(&got, length) } else { got };
            assert!(got == message, "{offer}: {length} bytes of kind {kind}, seed {seed}");
            // It is not sent longer than it came, nor longer than need be.
            assert!(first & RSV1 != 0 || kind == 4 || length < 300, "{length} bytes were not compressed");
        }
    }
}

const RESETS: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[test]
fn case_12_messages_of_every_length_and_kind() {
    for kind in 0..5 {
        play("permessage-deflate", RESETS, 15, kind);
    }
}

#[test]
fn case_13_every_offer() {
    let narrow = format!("{RESETS}; server_max_window_bits=9");
    let wide = format!("{RESETS}; server_max_window_bits=15");
    for (offer, agreed) in [
        ("permessage-deflate; client_no_context_takeover; client_max_window_bits", RESETS),
        ("permessage-deflate; server_no_context_takeover; client_max_window_bits", RESETS),
        ("permessage-deflate; client_max_window_bits; server_max_window_bits=9", &narrow),
        ("permessage-deflate; client_max_window_bits; server_max_window_bits=15", &wide),
        (
            "permessage-deflate; server_no_context_takeover; client_max_window_bits; server_max_window_bits=9",
            &narrow,
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_max_window_bits; server_max_window_bits=15",
            &wide,
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_max_window_bits; server_max_window_bits=9, \
             permessage-deflate; server_no_context_takeover; client_max_window_bits, permessage-deflate; client_max_window_bits",
            &narrow,
        ),
    ] {
        // It may compress with a smaller window than it said.
        for client_bits in [9, 15] {
            play(offer, agreed, client_bits, 0);
        }
    }
}

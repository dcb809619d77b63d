//! Compressed messages, against flate2's own reader: a stream of frames means the same however it is cut, no message stands for more than is
//! taken, and what is compressed here is read elsewhere, with the window that was agreed on.

use super::input::Input;
use super::ws::{Seen, read};
use flate2::read::DeflateDecoder;
use flate2::{Decompress, FlushDecompress};
use roomcast::Limits;
use roomcast::wire::http;
use roomcast::wire::ws::{self, Decoder, Deflation, Fault, Inflater, Message, Opcode};
use std::io::Read;

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The same, and an end, without which flate2 takes no stream for whole.
const END: [u8; 6] = [0, 0, 0xff, 0xff, 3, 0];

/// The first byte chooses what is tried with the rest.
pub(crate) fn messages(input: &[u8]) {
    let mut input = Input(input);
    match input.below(4) {
        0 => frames(&mut input),
        1 => message(&mut input),
        2 => compressed(&mut input),
        _ => offer(input.0),
    }
}

fn frames(input: &mut Input<'_>) {
    let limits = Limits {
        max_payload: input.pick(&[1_000_000, 1, 16, 126, 1_000, 70_000]),
        max_fragments: input.pick(&[1_024, 1, 2, 5]),
        ..Limits::default()
    };
    let (whole, pieces) = input.pieces();
    let (expected, fault) = read(&[whole], &limits, Some(&mut Inflater::default()));
    for seen in &expected {
        if let Seen::Binary(bytes) = seen {
            assert!(bytes.len() <= limits.max_payload, "{} bytes", bytes.len());
        }
    }
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    // One that has read other things before.
    let mut inflater = Inflater::default();
    for split in [pieces, single] {
        let (seen, found) = read(&split, &limits, Some(&mut inflater));
        assert_eq!(seen, expected, "messages of {split:?}");
        assert_eq!(found, fault, "the fault of {split:?}");
    }
}

/// What flate2 makes of a compressed message: its bytes, and whether it ended with a final block. At most one byte more than `most`.
fn inflated(bytes: &[u8], most: usize) -> Option<(Vec<u8>, bool)> {
    let bytes = [bytes, &END].concat();
    let mut decoder = DeflateDecoder::new(&*bytes);
    let mut out = Vec::new();
    (&mut decoder).take(most as u64 + 1).read_to_end(&mut out).ok()?;
    let is_final = out.len() <= most && decoder.total_in() < bytes.len() as u64;
    Some((out, is_final))
}

fn message(input: &mut Input<'_>) {
    let most = input.pick(&[100_000, 0, 1, 100, 4_096, 4_097]);
    let limits = Limits { max_payload: most.max(input.0.len()), ..Limits::default() };
    let payload = if input.0.is_empty() { &[0][..] } else { input.0 };
    let most = limits.max_payload;
    let mut bytes = vec![0xc2, 0xff];
    bytes.extend((input.0.len() as u64).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(input.0);
    let (mut decoder, mut inflater) = (Decoder::new(), Inflater::default());
    let read = match decoder.read_deflated(&mut bytes, &limits, Some(&mut inflater)) {
        Ok((_, Some(Message::Binary(bytes)))) => Ok(bytes.to_vec()),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => Err(fault),
    };
    match inflated(payload, most) {
        Some((expected, _)) if expected.len() > most => assert_eq!(read, Err(Fault::TooBig)),
        // What comes behind a final block is a beginning.
        Some((expected, true)) => assert!(read.is_err() || read.unwrap().starts_with(&expected)),
        Some((expected, false)) => assert_eq!(read, Ok(expected)),
        // Broken, or cut off.
        None => assert!(read.is_err(), "taken: {payload:02x?}"),
    }
}

fn agreed(offer: &[u8]) -> Option<Deflation> {
    let head = [b"GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Extensions: ", offer, b"\r\n\r\n"].concat();
    let Ok(Some((request, _))) = http::parse_head(&head, &Limits::default()) else { return None };
    request.deflation()
}

fn compressed(input: &mut Input<'_>) {
    let narrow = input.flag();
    let level = 1 + input.below(9) as u8;
    let times = input.pick(&[1, 2, 30]);
    let offer =
        if narrow { &b"permessage-deflate; server_max_window_bits=9"[..] } else { b"permessage-deflate" };
    let mut deflater = agreed(offer).expect("a good offer").deflater(level);
    for text in [input.0.repeat(times), input.0.to_vec()] {
        let mut out = Vec::new();
        ws::deflated_frame(&mut out, Opcode::Binary, &text, &mut deflater);
        if out[0] & 0x40 == 0 {
            assert!(out.ends_with(&text) && out.len() == ws::header_len(text.len()) + text.len());
            continue;
        }
        let header = match out[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let payload = &out[header..];
        assert!(payload.len() * 10 <= text.len() * 9, "{} of {}", payload.len(), text.len());
        // Piece by piece, so that the reader has but its window to look back into.
        let payload = [payload, &TAIL].concat();
        let mut reader = Decompress::new_with_window_bits(false, if narrow { 9 } else { 15 });
        let (mut plain, mut piece) = (Vec::<u8>::new(), [0; 64]);
        loop {
            let (used, made) = (reader.total_in() as usize, reader.total_out());
            let status = reader.decompress(&payload[used..], &mut piece, FlushDecompress::Sync);
            status.expect("what was compressed here");
            let made = (reader.total_out() - made) as usize;
            plain.extend(&piece[..made]);
            if made == 0 && reader.total_in() as usize == payload.len() {
                break;
            }
        }
        assert!(plain == text, "{} bytes of {}", plain.len(), text.len());
    }
}

/// Whatever is offered, what is answered is a subset of it.
fn offer(bytes: &[u8]) {
    let Some(agreed) = agreed(bytes) else { return };
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    assert!(text.contains("permessage-deflate"), "{text}");
    let answer = agreed.answer();
    assert!(answer.starts_with("permessage-deflate; server_no_context_takeover; client_no_context_takeover"));
    // A window is answered only where one was asked for (RFC 7692, 7.1.2.1).
    assert!(!answer.contains("window") || text.contains("server_max_window_bits"), "{answer} to {text}");
    assert!(!agreed.is_narrow() || answer.ends_with("; server_max_window_bits=9"));
}

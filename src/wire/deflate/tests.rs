//! DEFLATE against itself, against what other compressors make, and against what is none.

use super::*;
use crate::base::seeds::for_seeds;
use flate2::{Compress, Compression, FlushCompress};

/// Text as games and chats send it.
fn state(rng: &mut fastrand::Rng, len: usize) -> Vec<u8> {
    let mut text = String::from("4[\"state\",[");
    while text.len() < len {
        text += &format!("{{\"id\":{},\"x\":{},\"y\":{}}},", rng.u16(..), rng.u16(..), rng.u8(..));
    }
    text.truncate(len);
    text.into_bytes()
}

#[test]
fn what_is_compressed_is_read_again_and_by_itself() {
    for_seeds(if cfg!(miri) { 1 } else { 40 }, |rng| {
        let bits = *rng.choice(&[9, 15]).unwrap();
        let (mut deflater, mut inflater) =
            (Deflater::new(Coding::Message(bits), rng.u8(1..=9)), Inflater::default());
        for _ in 0..8 {
            let len = rng.usize(1..if cfg!(miri) { 400 } else { 40_000 });
            let text = state(rng, len);
            if let Some(made) = deflater.compress(&text) {
                assert!(made.len() <= text.len() - text.len().div_ceil(10));
                assert_eq!(inflater.message(made, text.len()), Ok(&*text));
                assert_eq!(inflater.message(made, text.len() - 1), Err(InflateError::TooBig));
                // Another that has read nothing before reads it, too.
                assert_eq!(Inflater::default().message(made, text.len()), Ok(&*text));
            } else {
                assert!(text.len() < 400, "{} bytes of text gain nothing", text.len());
            }
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "a megabyte of noise, at each level")]
fn what_gains_nothing_is_left_alone() {
    let mut rng = fastrand::Rng::with_seed(1);
    let noise: Vec<u8> = (0..65_536).map(|_| rng.u8(..)).collect();
    let text = state(&mut rng, 5_000);
    for (bits, level) in [9, 15].into_iter().flat_map(|bits| (1..=9).map(move |level| (bits, level))) {
        let mut deflater = Deflater::new(Coding::Message(bits), level);
        for bytes in [&b""[..], b"4", b"4[\"a\"]", &noise] {
            assert_eq!(deflater.compress(bytes), None);
            // And spoils nothing.
            let made = deflater.compress(&text).unwrap();
            assert_eq!(Inflater::default().message(made, 5_000), Ok(&*text), "{bits} {level}");
        }
    }
}

#[test]
fn a_body_is_gzip_or_zlib() {
    let text = state(&mut fastrand::Rng::with_seed(2), 5_000);
    let read = |decoder: &mut dyn std::io::Read| {
        let mut out = Vec::new();
        decoder.read_to_end(&mut out).unwrap();
        out
    };
    let mut gzip = Deflater::new(Coding::Gzip, 3);
    let mut zlib = Deflater::new(Coding::Zlib, 3);
    for _ in 0..2 {
        let packed = gzip.compress(&text).unwrap();
        assert_eq!(read(&mut flate2::read::GzDecoder::new(packed)), text);
        let packed = zlib.compress(&text).unwrap();
        assert_eq!(read(&mut flate2::read::ZlibDecoder::new(packed)), text);
    }
}

/// A message of another compressor, in blocks that end as `flush` says.
fn made_with(text: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 1_000);
    let mut state = Compress::new_with_window_bits(Compression::new(6), false, 15);
    for part in text.chunks(text.len() / 3 + 1) {
        state.compress_vec(part, &mut out, flush).unwrap();
    }
    state.compress_vec(&[], &mut out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
    out.truncate(out.len() - 4);
    out
}

#[test]
fn whatever_a_client_makes_is_read() {
    let text = state(&mut fastrand::Rng::with_seed(3), 10_000);
    let mut inflater = Inflater::default();
    for flush in [FlushCompress::None, FlushCompress::Partial, FlushCompress::Sync, FlushCompress::Full] {
        assert_eq!(inflater.message(&made_with(&text, flush), 10_000), Ok(&*text));
    }
    // RFC 7692, 7.2.3.1 to 7.2.3.6.
    for (bytes, said) in [
        (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], "Hello"),
        (&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], "Hello"),
        (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], "Hello"),
        (&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], "Hello"),
        (&[0x00], ""),
        (&[], ""),
    ] {
        assert_eq!(inflater.message(bytes, 5), Ok(said.as_bytes()), "{bytes:02x?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "64 MB, which are compressed first")]
fn a_bomb_takes_no_more_than_is_taken() {
    let mut out = Vec::with_capacity(1 << 20);
    let mut state = Compress::new_with_window_bits(Compression::new(9), false, 15);
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        state.compress_vec(&zeros, &mut out, FlushCompress::None).unwrap();
    }
    state.compress_vec(&[], &mut out, FlushCompress::Sync).unwrap();
    assert!(out.len() < 70_000, "{}", out.len());
    let mut inflater = Inflater::default();
    assert_eq!(inflater.message(&out, 1_000_000), Err(InflateError::TooBig));
    assert!(inflater.capacity() <= 2_000_000, "{}", inflater.capacity());
    // The next message is none the worse for it, and what the last one took is given back.
    assert_eq!(inflater.message(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], 5), Ok(&b"Hello"[..]));
    assert!(inflater.capacity() <= 256 * 1024, "{}", inflater.capacity());
    // Ends without end.
    assert_eq!(inflater.message(&[0x03, 0x00].repeat(100_000), 5), Err(InflateError::Invalid));
}

#[test]
fn whatever_comes_is_read_or_refused() {
    for_seeds(if cfg!(miri) { 2 } else { 2_000 }, |rng| {
        let mut inflater = Inflater::default();
        for _ in 0..8 {
            let len = rng.usize(0..400);
            let mut bytes = if rng.bool() {
                made_with(&state(rng, len + 40), FlushCompress::Sync)
            } else {
                (0..len).map(|_| rng.u8(..)).collect()
            };
            for _ in 0..rng.usize(0..3) {
                if let Some(byte) =
                    bytes.len().checked_sub(1).and_then(|last| bytes.get_mut(rng.usize(..=last)))
                {
                    *byte ^= 1 << rng.u8(..8);
                }
            }
            bytes.truncate(rng.usize(..=bytes.len()));
            let most = rng.usize(0..2_000);
            if let Ok(message) = inflater.message(&bytes, most) {
                assert!(message.len() <= most);
            }
        }
    });
}

#[test]
fn a_message_that_is_cut_off_is_none() {
    let text = state(&mut fastrand::Rng::with_seed(4), 3_000);
    let mut inflater = Inflater::default();
    for level in [0, 1, 9] {
        let mut whole = Vec::with_capacity(4_000);
        let mut state = Compress::new_with_window_bits(Compression::new(level), false, 15);
        state.compress_vec(&text, &mut whole, FlushCompress::Sync).unwrap();
        whole.truncate(whole.len() - 4);
        assert_eq!(inflater.message(&whole, 3_000), Ok(&*text));
        let mut read = 0;
        for cut in (1..whole.len()).step_by(if cfg!(miri) { 499 } else { 1 }) {
            read += usize::from(inflater.message(&whole[..cut], 3_000).is_ok());
        }
        // What ends the message stands at its end, but for what looks like it by chance: four bytes that are to come.
        assert!(read <= 2, "level {level}: {read} cuts of {}", whole.len());
    }
    // One that ends with a final block is whole with it, and with the byte that RFC 7692 (7.2.3.4) adds.
    let mut whole = Vec::with_capacity(4_000);
    let mut state = Compress::new_with_window_bits(Compression::new(6), false, 15);
    state.compress_vec(&text, &mut whole, FlushCompress::Finish).unwrap();
    assert_eq!(inflater.message(&whole, 3_000), Ok(&*text));
    assert_eq!(inflater.message(&[&*whole, &[0]].concat(), 3_000), Ok(&*text));
    assert!(inflater.message(&whole[..whole.len() - 1], 3_000).is_err());
}

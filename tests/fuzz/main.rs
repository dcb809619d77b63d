//! The fuzz targets with a stable compiler: every input of the corpus, and a bounded number of changes to them, from a
//! seed that is printed. `make fuzz` goes on from the same corpus for as long as you like.

// Some make their links by pairs of Unix sockets.
#![cfg(unix)]

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library of its own for libFuzzer")]
mod targets;

use fastrand::Rng;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// The most bytes of an input.
const LONGEST: usize = 4_096;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .map(|files| files.flatten().map(|file| file.path()).collect())
        .unwrap_or_default();
    // The order of a folder is chance; that of the tries is not to be.
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a readable corpus")).collect()
}

/// One input made from others, as a fuzzer does it.
fn mutate(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = match rng.choice(corpus) {
        Some(base) if rng.u8(..) > 8 => base.clone(),
        _ => (0..rng.usize(..200)).map(|_| rng.u8(..)).collect(),
    };
    for _ in 0..1 << rng.u32(0..5) {
        let at = rng.usize(..=input.len());
        let end = (at + rng.usize(1..=16)).min(input.len());
        match rng.u8(0..8) {
            0 if at < input.len() => input[at] ^= 1 << rng.u8(0..8),
            1 if at < input.len() => input[at] = rng.u8(..),
            2 if at < input.len() => {
                input[at] = *rng.choice(b"\"\\[]{},:/0149-e\r\n; \x1e\x00\xff\x80\x81").unwrap()
            }
            3 => drop(input.drain(at..end)),
            4 => input.insert(at, rng.u8(..)),
            5 => {
                let copy = input[at..end].to_vec();
                let to = rng.usize(..=input.len());
                input.splice(to..to, copy);
            }
            6 => {
                let other = rng.choice(corpus).map_or(&[][..], Vec::as_slice);
                let from = rng.usize(..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => input.truncate(at.max(1)),
        }
    }
    input.truncate(LONGEST);
    input
}

fn run(name: &str, tries: u64) {
    let number = |variable: &str| std::env::var(variable).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("FUZZ_SEED").unwrap_or(0x5eed);
    let tries: u64 = number("FUZZ_TRIES").unwrap_or(tries);
    println!("{name}: FUZZ_SEED={seed} FUZZ_TRIES={tries}");
    let target = targets::target(name);
    let corpus = corpus(name);
    let mut rng = Rng::with_seed(seed);
    let mutated = (0..tries).map(|_| mutate(&mut rng, &corpus));
    for input in corpus.iter().cloned().chain(mutated) {
        if fails(target, &input) {
            let input = shrink(target, input);
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.crash"));
            fs::write(&file, &input).expect("a place to write to");
            println!(
                "{name}: FUZZ_SEED={seed}, the input of {} bytes is in {}: {input:?}",
                input.len(),
                file.display()
            );
            // Once more, for its message and where it came from.
            target(&input);
        }
    }
}

fn fails(target: targets::Target, input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| target(input))).is_err()
}

/// What is left of an input when every piece that the failure does not need is taken out.
fn shrink(target: targets::Target, mut input: Vec<u8>) -> Vec<u8> {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut length = input.len();
    while length > 0 {
        let mut at = 0;
        let before = input.len();
        while at < input.len() {
            let end = (at + length).min(input.len());
            let less = [&input[..at], &input[end..]].concat();
            if fails(target, &less) {
                input = less;
            } else {
                at = end;
            }
        }
        if input.len() == before {
            length /= 2;
        }
    }
    std::panic::set_hook(loud);
    input
}

macro_rules! tried {
    ($($name:ident $tries:literal)*) => {
        $(#[test] fn $name() { run(stringify!($name), $tries); })*

        #[test]
        fn every_target_is_tried() {
            let names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

// Inputs for each target, besides its corpus; `FUZZ_TRIES` sets another number. A few seconds each.
tried! {
    ws 20_000
    http 20_000
    query 20_000
    engineio 20_000
    engineio3 20_000
    socketio 40_000
    packed 40_000
    json 40_000
    core 20_000
    host 500
    import 20_000
    resp 40_000
    msgpack 40_000
    cluster 40_000
    node 5_000
    deflate 20_000
    proxy 20_000
    links 500
    admin 500
    slots 2_000
    sentinels 5_000
}

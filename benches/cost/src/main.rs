//! The worst inputs that are known for each decoder and for each thing a peer can ask for, worked off once each, for an
//! instruction counter to look at. It must not know what was counted: `run.sh` does.

mod cluster;
mod core;
#[path = "../../rust/kernel.rs"]
mod kernel;
mod wire;

/// One thing that a peer can send: what it is, how many bytes of it, and what it is worked off by.
struct Case {
    name: &'static str,
    /// Makes about this many bytes, sets everything up, and returns the bytes and the work.
    make: fn(usize) -> (usize, Work),
    /// Instructions for each byte that it may cost. Half as much again as was counted, twice as much through the core.
    bound: u64,
}

type Work = Box<dyn FnMut()>;

/// The counter is on in here, and only in here. Its figures are written out each time this returns.
#[inline(never)]
fn measured(work: &mut Work) {
    work();
}

/// Sizes in bytes: what costs more for each byte of the larger grows faster than its input.
const SIZES: [usize; 2] = [8_000, 32_000];

fn main() {
    for case in wire::CASES.iter().chain(cluster::CASES).chain(core::CASES) {
        for size in SIZES {
            let (bytes, mut work) = (case.make)(size);
            measured(&mut work);
            println!("{}\t{bytes}\t{}", case.name, case.bound);
        }
    }
}

/// `part` again and again, up to about `size` bytes.
fn repeated(part: &[u8], size: usize) -> Vec<u8> {
    part.repeat((size / part.len()).max(1))
}

/// A client's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..65_536 => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend([1, 2, 3, 4]);
    out.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

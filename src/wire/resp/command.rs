//! A command as bytes. It must not know which there are.

use crate::wire::decimal;

/// Writes a command: its name and its arguments, any bytes.
pub fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    length(out, b'*', words.len());
    for word in words {
        length(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn length(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    decimal::write(out, number as u64);
    out.extend_from_slice(b"\r\n");
}

//! HTTP/1.1 as far as Engine.IO needs it: request heads and bodies in, response heads out, the WebSocket handshake. It
//! must not know which paths or parameters mean something. Strict where two readers of one stream might disagree.

mod body;
mod coding;
mod head;
mod join;
mod query;
mod response;
mod scan;
#[cfg(test)]
mod tests;
mod upgrade;

pub use body::{BodyDecoder, BodyError};
pub use head::{Body, HeadError, Request, parse_head};
pub use join::join_lines;
pub use query::query_pairs;
pub(crate) use response::digest;
pub use response::{CONTINUE, Response, accept_key, header, switching_protocols};
pub use scan::HeadScan;
pub use upgrade::UpgradeError;

/// `!#$%&'*+-.^_|~`, the backtick, digits and letters: what names are made of.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a header's value.
fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether this can stand as a header's name.
pub fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token)
}

/// Whether answers have a header of this name by themselves: one of somebody else's would make two of it, or be about another body
/// or connection than is there.
pub fn is_own_header(name: &str) -> bool {
    const OWN: [&str; 10] = [
        "Connection",
        "Content-Length",
        "Content-Type",
        "Keep-Alive",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Protocol",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ];
    OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Whether a host may have this line in an answer.
pub fn is_header(name: &str, value: &str) -> bool {
    is_header_name(name) && !is_own_header(name) && is_header_value(value)
}

/// Whether this can stand as a header's value.
pub fn is_header_value(value: impl AsRef<[u8]>) -> bool {
    value.as_ref().iter().all(|&byte| is_field_byte(byte))
}

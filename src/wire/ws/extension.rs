//! permessage-deflate as it is agreed on (RFC 7692, 7.1): of a client's offers the first that can be met. It must not refuse a handshake:
//! what is not understood is not agreed on.

use crate::wire::deflate::{Coding, Deflater};

/// permessage-deflate as it was agreed on with a client (RFC 7692): see [`Request::deflation`](crate::wire::http::Request::deflation). Both
/// sides compress each message by itself, so that what one client gets may be sent to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflation {
    window: Window,
}

/// The window that the client holds for what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    /// 32 KiB, about which nothing was said.
    Unsaid,
    /// 32 KiB, which has to be said.
    Wide,
    /// Less. It gets what is made for the smallest there is, 512 bytes.
    Narrow,
}

impl Deflation {
    /// What of the client's offers is agreed on, by its `Sec-WebSocket-Extensions` headers, in their order.
    pub(crate) fn agree<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        headers.flat_map(|header| split(header, b',')).find_map(accept)
    }

    /// The value of the `Sec-WebSocket-Extensions` header that says so in the answer.
    pub fn answer(self) -> &'static str {
        match self.window {
            Window::Unsaid => "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            Window::Wide => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"
            }
            Window::Narrow => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9"
            }
        }
    }

    /// What compresses messages for whoever has agreed on the same: for all who are [narrow](Self::is_narrow), or for all who are not. `level`
    /// is from 1, the fastest, to 9.
    pub fn deflater(self, level: u8) -> Deflater {
        Deflater::new(Coding::Message(if self.is_narrow() { 9 } else { 15 }), level)
    }

    /// The client reads only what was made with the smallest window, of 512 bytes.
    pub fn is_narrow(self) -> bool {
        self.window == Window::Narrow
    }
}

/// One offer: none if it is of another extension, has a parameter that is unknown, wrong or given twice, or asks for what there is not.
fn accept(offer: &[u8]) -> Option<Deflation> {
    let mut parts = split(offer, b';');
    if !parts.next()?.eq_ignore_ascii_case(b"permessage-deflate") {
        return None;
    }
    let (mut server_resets, mut client_resets, mut client_bits, mut bits) = (false, false, false, None);
    for part in parts {
        let (name, value) = parameter(part)?;
        let seen = match name {
            b"server_no_context_takeover" if value.is_none() => std::mem::replace(&mut server_resets, true),
            b"client_no_context_takeover" if value.is_none() => std::mem::replace(&mut client_resets, true),
            b"client_max_window_bits" if value.is_none_or(|value| window_bits(value).is_some()) => {
                std::mem::replace(&mut client_bits, true)
            }
            b"server_max_window_bits" => bits.replace(window_bits(value?)?).is_some(),
            _ => return None,
        };
        if seen {
            return None;
        }
    }
    let window = match bits {
        None => Window::Unsaid,
        Some(15) => Window::Wide,
        // zlib makes none that is smaller.
        Some(8) => return None,
        Some(_) => Window::Narrow,
    };
    Some(Deflation { window })
}

/// A parameter's name, and its value, which may be in quotes.
fn parameter(part: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let Some(at) = memchr::memchr(b'=', part) else { return Some((part, None)) };
    let (name, value) = (part.get(..at)?, part.get(at.saturating_add(1)..)?.trim_ascii());
    let value = match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    };
    Some((name.trim_ascii(), Some(value)))
}

/// From 8 to 15, without a zero before it.
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit & 0x0f),
        [b'1', digit @ b'0'..=b'5'] => Some(10_u8.saturating_add(digit & 0x0f)),
        _ => None,
    }
}

/// Cuts a header's value at a separator that is not in quotes.
fn split(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    list.split(move |&byte| {
        let is_escaped = escaped;
        escaped = quoted && !is_escaped && byte == b'\\';
        quoted ^= byte == b'"' && !is_escaped;
        byte == separator && !quoted
    })
    .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_client_s_offers_the_first_that_can_be_met() {
        const PLAIN: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        let with = |window: &str| Some(format!("{PLAIN}{window}"));
        for (offers, answer) in [
            // Firefox, and Chromium.
            ("permessage-deflate", with("")),
            ("permessage-deflate; client_max_window_bits", with("")),
            ("permessage-deflate; client_max_window_bits=10", with("")),
            ("permessage-deflate; client_max_window_bits=\"10\"", with("")),
            ("Permessage-Deflate;server_no_context_takeover;client_no_context_takeover", with("")),
            ("permessage-deflate; server_max_window_bits=15", with("; server_max_window_bits=15")),
            ("permessage-deflate; server_max_window_bits=14", with("; server_max_window_bits=9")),
            ("permessage-deflate; server_max_window_bits = 9", with("; server_max_window_bits=9")),
            ("permessage-deflate; server_max_window_bits=8", None),
            ("permessage-deflate; server_max_window_bits=16", None),
            ("permessage-deflate; server_max_window_bits=09", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits=\"\"", None),
            ("permessage-deflate; client_max_window_bits=7", None),
            ("permessage-deflate; client_max_window_bits=", None),
            ("permessage-deflate; server_no_context_takeover=true", None),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
            ("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", None),
            ("permessage-deflate; unknown", None),
            ("permessage-deflate;", None),
            ("permessage-deflate; unknown, permessage-deflate", with("")),
            (
                "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10, permessage-deflate",
                with("; server_max_window_bits=9"),
            ),
            ("permessage-bzip2, x-webkit-deflate-frame, permessage-deflate", with("")),
            ("other; quoted=\"a, permessage-deflate\"", None),
            ("other; quoted=\"a\\\", permessage-deflate\", permessage-deflate", with("")),
            ("", None),
            (",;,=\"", None),
        ] {
            let agreed = Deflation::agree([offers.as_bytes()].into_iter());
            assert_eq!(agreed.map(|agreed| agreed.answer().to_owned()), answer, "{offers}");
        }
        let two = [&b"permessage-deflate; no"[..], b"permessage-deflate"];
        assert!(Deflation::agree(two.into_iter()).is_some());
    }
}

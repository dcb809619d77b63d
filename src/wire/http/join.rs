//! Header lines of one name made one, as Node does it. It must not change what a name or a value says.

use super::Request;
use std::cmp::Ordering;

/// Of these there can be only one: the first counts. Node's list; others that may not come twice are refused before.
const SINGLE: [&str; 18] = [
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "referer",
    "retry-after",
    "server",
    "user-agent",
];

/// The head of a request, with at most one line for each name, never longer than before: cookies are joined by `; `, other
/// values by `, `.
pub fn join_lines(head: &[u8], request: &Request<'_>) -> Vec<u8> {
    let mut fields: Vec<_> = request.headers().enumerate().collect();
    fields.sort_by(|(_, (a, _)), (_, (b, _))| in_any_case(a, b));
    let same = |(_, (a, _)): &(usize, (&str, &[u8])), (_, (b, _)): &(usize, (&str, &[u8]))| {
        a.eq_ignore_ascii_case(b)
    };
    let mut groups: Vec<_> = fields.chunk_by(same).collect();
    if groups.len() == fields.len() {
        return head.into();
    }
    groups.sort_by_key(|group| group.first().map(|&(at, _)| at));
    let begin = head.len().saturating_sub(request.lines.len());
    let mut out = head.get(..begin).unwrap_or_default().to_vec();
    for group in groups {
        let [(_, (name, first)), more @ ..] = group else { continue };
        let is = |other: &&str| name.eq_ignore_ascii_case(other);
        out.extend([name.as_bytes(), b":", first].concat());
        if !SINGLE.iter().any(is) {
            let separator: &[u8] = if is(&"cookie") { b"; " } else { b", " };
            more.iter().for_each(|(_, (_, value))| out.extend([separator, value].concat()));
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn in_any_case(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.len().cmp(&b.len()).then_with(|| a.bytes().map(lower).cmp(b.bytes().map(lower)))
}

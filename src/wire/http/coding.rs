//! What a client takes compressed, by its `Accept-Encoding`, as the reference's `negotiator` reads it (RFC 9110, 12.5.3). It must not compress
//! anything.

use super::head::items;
use crate::wire::deflate::Coding;

/// How well a coding is liked: its weight, whether it was named, and the place of what it was liked by.
#[derive(Clone, Copy, Debug)]
struct Liking {
    weight: f32,
    named: bool,
    place: usize,
}

/// The coding that is liked most, of those that there are. None if none of them is.
pub(super) fn preferred<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Option<Coding> {
    let (mut gzip, mut deflate) = (None, None);
    for (place, item) in headers.flat_map(items).enumerate() {
        let mut parts = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let Some(name) = parts.next() else { continue };
        let weight = parts.find_map(|part| part.strip_prefix(b"q=")).map_or(1.0, weight);
        let any = name == b"*";
        for (coding, liking) in [(&b"gzip"[..], &mut gzip), (b"deflate", &mut deflate)] {
            let named = name.eq_ignore_ascii_case(coding);
            if named || any {
                let this = Liking { weight, named, place };
                if liking.is_none_or(|best: Liking| (this.named, this.weight) >= (best.named, best.weight)) {
                    *liking = Some(this);
                }
            }
        }
    }
    let liked = |liking: Option<Liking>| liking.filter(|liking| liking.weight > 0.0);
    match (liked(gzip), liked(deflate)) {
        (None, None) => None,
        (Some(_), None) => Some(Coding::Gzip),
        (None, Some(_)) => Some(Coding::Zlib),
        (Some(gzip), Some(deflate)) => {
            let less = (gzip.weight, gzip.named) < (deflate.weight, deflate.named);
            let same = (gzip.weight, gzip.named) == (deflate.weight, deflate.named);
            Some(if less || (same && deflate.place < gzip.place) { Coding::Zlib } else { Coding::Gzip })
        }
    }
}

/// How well a coding is liked: by its name, else by `*`; 0 if it is not, or not named.
pub(super) fn weight_of<'a>(headers: impl Iterator<Item = &'a [u8]>, coding: &str) -> f32 {
    let (mut by_name, mut by_any) = (None, None);
    for item in headers.flat_map(items) {
        let mut parts = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let Some(name) = parts.next() else { continue };
        let weight = parts.find_map(|part| part.strip_prefix(b"q=")).map_or(1.0, weight);
        if name.eq_ignore_ascii_case(coding.as_bytes()) {
            by_name = Some(weight);
        } else if name == b"*" {
            by_any = Some(weight);
        }
    }
    by_name.or(by_any).unwrap_or(0.0)
}

fn weight(text: &[u8]) -> f32 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_counts_before_what_is_not() {
        for (header, coding, liked) in [
            ("gzip, br;q=0.5", "br", 0.5),
            ("gzip, br;q=0.5", "GZIP", 1.0),
            ("gzip, br;q=0.5", "zstd", 0.0),
            ("*;q=0.2, br;q=0", "br", 0.0),
            ("br;q=0, *;q=0.2", "gzip", 0.2),
            ("identity", "identity", 1.0),
            ("gzip", "identity", 0.0),
            ("", "identity", 0.0),
            ("gzip;q=x", "gzip", 0.0),
        ] {
            assert_eq!(weight_of([header.as_bytes()].into_iter(), coding), liked, "{header}: {coding}");
        }
    }

    /// What `negotiator` 0.6.3 prefers of gzip and deflate.
    #[test]
    fn the_reference_s_choice() {
        for (header, chosen) in [
            ("gzip", Some(Coding::Gzip)),
            ("deflate", Some(Coding::Zlib)),
            ("gzip, deflate, br", Some(Coding::Gzip)),
            ("deflate, gzip", Some(Coding::Zlib)),
            ("GZip", Some(Coding::Gzip)),
            ("gzip;q=0.5, deflate;q=0.8", Some(Coding::Zlib)),
            ("gzip;q=0, deflate", Some(Coding::Zlib)),
            ("gzip; q=0", None),
            ("*", Some(Coding::Gzip)),
            ("*;q=0.1, deflate", Some(Coding::Zlib)),
            ("gzip;q=0, *", Some(Coding::Zlib)),
            ("*;q=0", None),
            ("deflate;q=0.5, *", Some(Coding::Gzip)),
            ("br", None),
            ("identity", None),
            ("", None),
            ("gzip;q=nonsense", None),
            ("gzip;level=9;q=0.3", Some(Coding::Gzip)),
            ("gzip;q=0.2, gzip;q=0.9, deflate;q=0.5", Some(Coding::Gzip)),
        ] {
            assert_eq!(preferred([header.as_bytes()].into_iter()), chosen, "{header}");
        }
        assert_eq!(preferred([&b"br"[..], b"gzip"].into_iter()), Some(Coding::Gzip));
    }
}

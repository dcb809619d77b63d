//! Origins of pages: which of them a list allows, and which is the server's own. It must not know what becomes of the others.

/// Who may read the responses from another origin; with [`Config::check_origin`](crate::Config::check_origin), also who may
/// connect at all.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Origin {
    /// Everybody: `*`. Browsers refuse it together with credentials.
    #[default]
    Any,
    /// One origin, named in every response: `https://example.com`, with its port unless that is the scheme's own.
    Fixed(String),
    /// These origins; each is told only of itself.
    ///
    /// `https://*.example.com` stands for every name below `example.com`, however deep (`https://a.example.com`,
    /// `https://a.b.example.com`), but not for `https://example.com` itself, nor for another scheme or port. A `*` has no
    /// other place, and nothing follows the name or port, not even a slash: else the broker is not made, and the error is
    /// [`Error::BadConfig`](crate::Error::BadConfig).
    List(Vec<String>),
    /// Whoever asks.
    Reflect,
}

impl Origin {
    /// Whether a page of this origin is meant.
    pub fn allows(&self, origin: &[u8]) -> bool {
        match self {
            Origin::Any | Origin::Reflect => true,
            Origin::Fixed(fixed) => fixed.as_bytes().eq_ignore_ascii_case(origin),
            Origin::List(list) => list.iter().any(|allowed| stands_for(allowed.as_bytes(), origin)),
        }
    }

    /// Whether all that it names can be an origin, or a pattern where that may stand.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Origin::Any | Origin::Reflect => true,
            Origin::Fixed(fixed) => !fixed.contains('*') && is_origin(fixed),
            Origin::List(list) => list.iter().all(|allowed| is_origin(allowed)),
        }
    }
}

/// Whether a page of this origin comes from the very host that the request is for. The scheme is not compared: behind a proxy
/// that speaks TLS it is not known here.
pub fn is_own(origin: &[u8], host: &[u8]) -> bool {
    let Some((scheme, authority)) = split(origin) else { return false };
    let port: &[u8] = match scheme {
        b"http" => b":80",
        b"https" => b":443",
        // An app's page, as in capacitor://localhost, is on no host.
        _ => return false,
    };
    let bare = |authority: &'_ [u8]| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
}

fn split(origin: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memmem::find(origin, b"://")?;
    Some((origin.get(..at)?, origin.get(at.checked_add(3)?..)?))
}

fn stands_for(allowed: &[u8], origin: &[u8]) -> bool {
    let Some((scheme, suffix)) =
        split(allowed).and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix(b"*")?)))
    else {
        return allowed.eq_ignore_ascii_case(origin);
    };
    let Some((its_scheme, authority)) = split(origin) else { return false };
    let Some((labels, end)) =
        authority.len().checked_sub(suffix.len()).and_then(|at| authority.split_at_checked(at))
    else {
        return false;
    };
    its_scheme.eq_ignore_ascii_case(scheme)
        && end.eq_ignore_ascii_case(suffix)
        && labels.split(|&byte| byte == b'.').all(is_label)
}

fn is_label(label: &[u8]) -> bool {
    !label.is_empty() && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a browser could send it as the origin of a page, or it is a pattern of such. `file://` has no name.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return text == "null" };
    let name = authority.strip_prefix("*.").unwrap_or(authority);
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/*?#@".contains(&byte));
    !scheme.is_empty() && plain(scheme) && plain(name) && (name.len() == authority.len() || !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(origins: &[&str]) -> Origin {
        Origin::List(origins.iter().map(|&origin| origin.into()).collect())
    }

    #[test]
    fn a_pattern_stands_for_every_name_below_and_nothing_else() {
        let pattern = list(&["https://*.example.com", "http://*.local:8080"]);
        for origin in [
            "https://a.example.com",
            "https://a.b.c.example.com",
            "https://xn--mgba.example.com",
            "https://A.EXAMPLE.com",
            "http://x.local:8080",
        ] {
            assert!(pattern.allows(origin.as_bytes()), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://a.example.com.evil.net",
            "https://evilexample.com",
            "https://evil.net/.example.com",
            "https://evil.net#.example.com",
            "https://user@a.example.com",
            "https://evil.net:80.example.com",
            "a.example.com",
            "https://*.example.com",
            "http://x.local",
            "http://x.local:80808080",
            "null",
            "",
        ] {
            assert!(!pattern.allows(origin.as_bytes()), "{origin}");
        }
    }

    #[test]
    fn origins_are_compared_whole() {
        for allowed in [list(&["https://a.example"]), Origin::Fixed("https://a.example".into())] {
            assert!(allowed.allows(b"https://a.example") && allowed.allows(b"https://A.example"));
            for other in
                ["https://a.example:444", "https://a.example.org", "http://a.example", "https://a", ""]
            {
                assert!(!allowed.allows(other.as_bytes()), "{other}");
            }
        }
        assert!(!list(&[]).allows(b"https://a.example"));
        assert!(Origin::Any.allows(b"x") && Origin::Reflect.allows(b"null"));
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for sound in [
            "null",
            "file://",
            "https://a.example",
            "http://[::1]:80",
            "capacitor://localhost",
            "https://*.a",
        ] {
            assert!(list(&[sound]).is_sound(), "{sound}");
        }
        for unsound in [
            "",
            "*",
            "a.example",
            "https://a.example/",
            "https://a.example/path",
            "https://*",
            "https://*.",
            "https://a.*.example",
            "https://a*.example",
            "*://a.example",
            "https://a example",
            "://a",
        ] {
            assert!(!list(&[unsound]).is_sound(), "{unsound}");
        }
        assert!(!Origin::Fixed("https://*.example.com".into()).is_sound());
    }

    #[test]
    fn the_own_host() {
        for (origin, host) in [
            ("http://localhost:3000", "localhost:3000"),
            ("https://chat.example", "chat.example"),
            ("https://chat.example", "Chat.Example:443"),
            ("http://chat.example", "chat.example:80"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert!(is_own(origin.as_bytes(), host.as_bytes()), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://localhost:3000", "localhost"),
            ("http://localhost", "localhost:3000"),
            ("https://chat.example", "chat.example:80"),
            ("https://chat.example", "evil.example"),
            ("capacitor://localhost", "localhost"),
            ("null", "null"),
            ("http://", ""),
            ("", ""),
        ] {
            assert!(!is_own(origin.as_bytes(), host.as_bytes()), "{origin} {host}");
        }
    }
}

//! The cookie that carries a connection's id. It must not say anything that a browser would throw away.

use crate::base::open::Open;
use crate::base::unfit::ConfigError;
use crate::wire::http;

/// The name and attributes of the cookie that carries the connection's id, written as Node's `cookie` package writes them. A
/// browser throws a cookie away whose attributes do not fit together: such a configuration is refused with
/// [`Error::BadConfig`](crate::Error::BadConfig).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Name; `io` by default.
    pub name: String,
    /// `Path` attribute; `None` leaves it out. `/` by default.
    pub path: Option<String>,
    /// `HttpOnly` attribute: no script sees it. On by default.
    pub http_only: bool,
    /// `SameSite` attribute: `Strict`, `Lax` or `None`, in any case; the option's `None` leaves it out. `Lax` by default.
    /// `None` needs `secure`.
    pub same_site: Option<String>,
    /// `Secure` attribute: browsers send it over TLS alone. Off by default.
    pub secure: bool,
    /// `Max-Age` attribute, in seconds; `None`, the default, leaves it out, and the cookie goes with the browser's session.
    pub max_age: Option<u64>,
    /// `Domain` attribute: the name below which it is sent too; `None`, the default, leaves it out, and it is the host's alone.
    pub domain: Option<String>,
    /// `Partitioned` attribute: one for each page that embeds this one. Needs `secure`. Off by default.
    pub partitioned: bool,
    #[doc(hidden)]
    pub open: Open,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: "io".into(),
            path: Some("/".into()),
            http_only: true,
            same_site: Some("Lax".into()),
            secure: false,
            max_age: None,
            domain: None,
            partitioned: false,
            open: Open::default(),
        }
    }
}

impl Cookie {
    pub(crate) fn line(&self, id: &str) -> String {
        let mut line = format!("{}={id}", self.name);
        let mut attribute = |name: &str, value: &str| {
            line.push_str("; ");
            line.push_str(name);
            line.push_str(value);
        };
        if let Some(seconds) = self.max_age {
            attribute("Max-Age=", &seconds.to_string());
        }
        if let Some(domain) = &self.domain {
            attribute("Domain=", domain);
        }
        if let Some(path) = &self.path {
            attribute("Path=", path);
        }
        if self.http_only {
            attribute("HttpOnly", "");
        }
        if self.secure {
            attribute("Secure", "");
        }
        if self.partitioned {
            attribute("Partitioned", "");
        }
        if let Some(same_site) = self.same_site() {
            attribute("SameSite=", same_site);
        }
        line
    }

    /// The attribute as it is written.
    fn same_site(&self) -> Option<&'static str> {
        let same_site = self.same_site.as_ref()?;
        ["Strict", "Lax", "None"].into_iter().find(|known| known.eq_ignore_ascii_case(same_site))
    }

    /// Refuses the first field that cannot be worked with.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let path = |path: &String| path.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';');
        let for_tls = self.partitioned || self.same_site() == Some("None");
        fields::NAME.is(http::is_header_name(&self.name))?;
        fields::PATH.is(self.path.as_ref().is_none_or(path))?;
        fields::SAME_SITE.is(self.same_site.is_none() || self.same_site().is_some())?;
        fields::DOMAIN.is(self.domain.as_deref().is_none_or(is_domain))?;
        fields::SECURE.is(self.secure || !for_tls)
    }
}

/// What each field takes.
mod fields {
    use crate::base::unfit::Field;

    pub(crate) static NAME: Field =
        Field::words("cookie_name", "it is no token, which a cookie's name has to be");
    pub(crate) static PATH: Field =
        Field::words("cookie_path", "it has a character that ends it, or is not ASCII");
    pub(crate) static SAME_SITE: Field =
        Field::words("cookie_same_site", "it is none of Strict, Lax and None");
    pub(crate) static DOMAIN: Field = Field::words("cookie_domain", "it is not a host's name");
    pub(crate) static SECURE: Field = Field::words(
        "cookie_secure",
        "it is off, but browsers drop a cookie that is partitioned, or of SameSite None, without it",
    );
}

/// A host's name, with or without a dot before it.
fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.strip_prefix('.').unwrap_or(name).split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_throw_away_is_refused_by_name() {
        let field = |cookie: &Cookie| cookie.check().err().map(|error| error.field());
        let unfit = |change: fn(&mut Cookie)| {
            let mut cookie = Cookie::default();
            change(&mut cookie);
            field(&cookie)
        };
        assert_eq!(unfit(|_| {}), None);
        assert_eq!(unfit(|cookie| cookie.name = "a b".into()), Some("cookie_name"));
        for path in ["/; Domain=x", "/\n", "/é"] {
            let cookie = Cookie { path: Some(path.into()), ..Cookie::default() };
            assert_eq!(field(&cookie), Some("cookie_path"), "{path:?}");
        }
        for same_site in ["", "Loose", "Lax; Secure", "strict "] {
            let cookie = Cookie { same_site: Some(same_site.into()), ..Cookie::default() };
            assert_eq!(field(&cookie), Some("cookie_same_site"), "{same_site:?}");
        }
        for domain in ["", ".", "a..b", "-a", "a-", "a.example/", "a.example:80", "a;b", &"a".repeat(64)] {
            let cookie = Cookie { domain: Some(domain.into()), ..Cookie::default() };
            assert_eq!(field(&cookie), Some("cookie_domain"), "{domain:?}");
        }
        for domain in ["example.com", ".example.com", "localhost", "xn--mgba.a1"] {
            let cookie = Cookie { domain: Some(domain.into()), ..Cookie::default() };
            assert_eq!(field(&cookie), None, "{domain:?}");
        }
        assert_eq!(unfit(|cookie| cookie.same_site = Some("none".into())), Some("cookie_secure"));
        assert_eq!(unfit(|cookie| cookie.partitioned = true), Some("cookie_secure"));
        let secure =
            Cookie { secure: true, same_site: Some("NONE".into()), partitioned: true, ..Cookie::default() };
        assert_eq!(field(&secure), None);
    }
}

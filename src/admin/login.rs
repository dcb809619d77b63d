//! Who may look: names and passwords, the sessions of those who have logged in, and how often somebody may try. It must not grow with
//! what peers send.

use crate::host::peer::Address;
use crate::wire::json;
use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Logins of one address that may fail in a minute.
const TRIES: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses whose failures are counted; all others of that minute share one count.
const MAX_ADDRESSES: usize = 1_024;
/// Sessions that are known, the newest.
const MAX_SESSIONS: usize = 1_000;

/// What becomes of a login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// It has a session.
    Known,
    /// It has a name and a password that fit.
    Fits,
    Refused(&'static str),
}

/// What is known of those who log in.
#[derive(Debug, Default)]
pub(super) struct Door {
    sessions: VecDeque<String>,
    /// Since when failures are counted, and those of each address; `None` is all that have no count of their own.
    since: Option<Instant>,
    failures: HashMap<Option<Address>, u32>,
}

impl Door {
    /// Looks at the auth object of somebody from this address.
    pub(super) fn knock(
        &mut self,
        logins: &[(String, String)],
        auth: &str,
        from: Address,
        now: Instant,
    ) -> Login {
        let text = |name| json::member(auth, name).filter(|value| json::is_string(value)).map(json::unescape);
        if text("sessionId").is_some_and(|id| self.sessions.iter().any(|known| *known == *id)) {
            return Login::Known;
        }
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= MINUTE) {
            self.since = Some(now);
            self.failures.clear();
        }
        let counts = self.failures.len() < MAX_ADDRESSES || self.failures.contains_key(&Some(from));
        let whose = counts.then_some(from);
        if self.failures.get(&whose).is_some_and(|&failures| failures >= TRIES) {
            return Login::Refused("too many tries");
        }
        let (name, password) = (text("username"), text("password"));
        if let (Some(name), Some(password)) = (&name, &password) {
            // All are looked at, whoever fits.
            let fits = logins
                .iter()
                .fold(false, |fits, login| fits | (is_same(name, &login.0) & is_same(password, &login.1)));
            if fits {
                return Login::Fits;
            }
        }
        if name.is_some() || password.is_some() {
            // A page without a login asks for none; only a wrong one is a try.
            let failures = self.failures.entry(whose).or_default();
            *failures = failures.saturating_add(1);
        }
        Login::Refused("invalid credentials")
    }

    /// A new session; none if the system has no random numbers.
    pub(super) fn open(&mut self) -> Option<&str> {
        let mut raw = [0; 16];
        getrandom::fill(&mut raw).ok()?;
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.pop_front();
        }
        self.sessions.push_back(format!("{:032x}", u128::from_be_bytes(raw)));
        self.sessions.back().map(String::as_str)
    }
}

/// Whether two texts are the same, in a time that depends on the length of the given one alone.
fn is_same(given: &str, wanted: &str) -> bool {
    let wanted = wanted.as_bytes();
    let differ = given.bytes().enumerate().fold(given.len() ^ wanted.len(), |differ, (at, byte)| {
        let other = wanted.get(at).copied().unwrap_or(!byte);
        black_box(differ | usize::from(byte ^ other))
    });
    black_box(differ) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn from(ip: [u8; 4]) -> Address {
        Some(IpAddr::from(ip)).into()
    }

    fn logins() -> Vec<(String, String)> {
        vec![("admin".into(), "secret".into()), ("böb".into(), "\"".into())]
    }

    #[test]
    fn a_name_with_its_own_password_fits_and_nothing_else() {
        let mut door = Door::default();
        let now = Instant::now();
        let mut knock = |auth: &str, last| door.knock(&logins(), auth, from([1, 1, 1, last]), now);
        assert_eq!(knock(r#"{"username":"admin","password":"secret"}"#, 1), Login::Fits);
        assert_eq!(knock(r#"{"username":"b\u00f6b","password":"\""}"#, 1), Login::Fits);
        for (last, wrong) in [
            r#"{"username":"admin","password":"\""}"#,
            r#"{"username":"admin","password":"secre"}"#,
            r#"{"username":"admin","password":"secret\u0000"}"#,
            r#"{"username":"","password":""}"#,
            r#"{"username":["admin"],"password":"secret"}"#,
            r#"{"username":"admin"}"#,
            r#"{"sessionId":""}"#,
            "{}",
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(knock(wrong, last as u8), Login::Refused("invalid credentials"), "{wrong}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "a thousand sessions, which are counted")]
    fn a_session_is_good_until_there_are_many_newer_ones() {
        let (mut door, now) = (Door::default(), Instant::now());
        let first = door.open().unwrap().to_owned();
        let auth = format!(r#"{{"sessionId":"{first}"}}"#);
        assert_eq!(door.knock(&logins(), &auth, from([1; 4]), now), Login::Known);
        for _ in 0..MAX_SESSIONS {
            assert_ne!(door.open().unwrap(), first);
        }
        assert_eq!(door.knock(&logins(), &auth, from([1; 4]), now), Login::Refused("invalid credentials"));
        assert_eq!(door.sessions.len(), MAX_SESSIONS);
    }

    #[test]
    fn failures_are_counted_by_address_and_forgotten_after_a_minute() {
        let (mut door, now) = (Door::default(), Instant::now());
        let (good, bad) =
            (r#"{"username":"admin","password":"secret"}"#, r#"{"username":"admin","password":"x"}"#);
        for _ in 0..TRIES {
            assert_eq!(door.knock(&logins(), bad, from([1; 4]), now), Login::Refused("invalid credentials"));
        }
        assert_eq!(door.knock(&logins(), good, from([1; 4]), now), Login::Refused("too many tries"));
        assert_eq!(door.knock(&logins(), good, from([2; 4]), now), Login::Fits, "another address is free");
        let session = format!(r#"{{"sessionId":"{}"}}"#, door.open().unwrap());
        assert_eq!(door.knock(&logins(), &session, from([1; 4]), now), Login::Known);
        assert_eq!(door.knock(&logins(), good, from([1; 4]), now + MINUTE), Login::Fits);
    }

    #[test]
    #[cfg_attr(miri, ignore = "5,000 addresses, which are counted")]
    fn addresses_past_the_bound_share_one_count() {
        let (mut door, now) = (Door::default(), Instant::now());
        let bad = r#"{"username":"admin","password":"x"}"#;
        for number in 0..5_000_u32 {
            let address = Address::V4(number);
            let outcome = door.knock(&logins(), bad, address, now);
            let refused = number as usize >= MAX_ADDRESSES + TRIES as usize;
            assert_eq!(outcome == Login::Refused("too many tries"), refused, "{number}");
        }
        assert_eq!(door.failures.len(), MAX_ADDRESSES + 1);
    }
}

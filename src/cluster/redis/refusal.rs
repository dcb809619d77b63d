//! What is to be done about an error that a Redis answers with. It must not do it.

/// What helps against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A new connection, soon: to the same Redis, which is busy with itself, or to another one of the same name.
    Transient,
    /// Somebody who changes a password, a rule or an address.
    Lasting,
    /// It does not know the command, or does not let everybody use it: another one may do.
    Unavailable,
    /// It is about this command alone.
    Other,
}

impl Refusal {
    /// The class of an error, by its first word.
    pub(super) fn of(error: &[u8]) -> Self {
        let code = error.split(|&byte| byte == b' ').next().unwrap_or_default();
        match code {
            // READONLY and MASTERDOWN come from one that is no master any more: the name may lead elsewhere by now.
            b"LOADING" | b"MASTERDOWN" | b"READONLY" | b"CLUSTERDOWN" | b"BUSY" | b"TRYAGAIN" => {
                Self::Transient
            }
            b"NOAUTH" | b"WRONGPASS" | b"MOVED" | b"ASK" => Self::Lasting,
            b"NOPROTO" | b"NOPERM" => Self::Unavailable,
            _ if error.starts_with(b"ERR unknown command") => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// An error as a text for people: no control characters, and not without end.
pub(super) fn words(error: &[u8]) -> String {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(error.get(..MOST).unwrap_or(error));
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_redis() {
        for (error, class) in [
            ("LOADING Redis is loading the dataset in memory", Refusal::Transient),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                Refusal::Transient,
            ),
            ("READONLY You can't write against a read only replica.", Refusal::Transient),
            ("CLUSTERDOWN The cluster is down", Refusal::Transient),
            ("BUSY Redis is busy running a script.", Refusal::Transient),
            ("NOAUTH Authentication required.", Refusal::Lasting),
            ("WRONGPASS invalid username-password pair or user is disabled.", Refusal::Lasting),
            ("MOVED 3999 127.0.0.1:6381", Refusal::Lasting),
            ("ASK 3999 127.0.0.1:6381", Refusal::Lasting),
            ("NOPERM this user has no permissions to access one of the channels", Refusal::Unavailable),
            ("NOPROTO unsupported protocol version", Refusal::Unavailable),
            ("ERR unknown command 'psubscribe'", Refusal::Unavailable),
            ("ERR unknown command `HELLO`, with args beginning with: `3`", Refusal::Unavailable),
            ("ERR max number of clients reached", Refusal::Other),
            ("", Refusal::Other),
        ] {
            assert_eq!(Refusal::of(error.as_bytes()), class, "{error}");
        }
    }

    #[test]
    fn their_words_are_fit_for_a_log() {
        assert_eq!(words(b"ERR \x1b[1m\xff no"), "ERR  [1m\u{fffd} no");
        assert_eq!(words(&[b'x'; 1_000]).len(), 200);
    }
}

//! What an observer is told beside the host: lines of the admin interface's protocol, in the order of what happened, while somebody
//! looks. It must not grow without bound, nor cost anything while nobody does.

use crate::base::ids::SocketId;
use crate::wire::json;

/// Bytes of sights that wait for the host to come by.
const MAX_WAITING: usize = 1024 * 1024;
/// Bytes of an event's arguments that are shown; of longer ones it is said how long they are.
const MAX_SHOWN: usize = 16 * 1024;

/// What a core tells about itself.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    /// The namespace of those who look: its own messages are not told of.
    pub(crate) namespace: Box<str>,
    /// Somebody looks at what happens.
    pub(crate) all: bool,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Sight {
    /// A socket is in the namespace of those who look.
    Entered(SocketId),
    /// Something to be told to those who look: an event's name, and its arguments but for the time, which is last.
    Told(&'static str, String),
}

/// Those that have happened since the last time.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    list: Vec<Sight>,
    bytes: usize,
}

impl Sights {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A socket is in the namespace of those who look.
    pub(crate) fn entered(&mut self, socket: SocketId) {
        self.list.push(Sight::Entered(socket));
    }

    /// Whether there is room for more.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < MAX_WAITING
    }

    /// Something happened. False if there is no room for it, which is for the caller to count.
    pub(crate) fn tell(&mut self, name: &'static str, args: String) -> bool {
        let fits = self.has_room();
        if fits {
            self.bytes = self.bytes.saturating_add(args.len()).saturating_add(size_of::<Sight>());
            self.list.push(Sight::Told(name, args));
        }
        fits
    }

    /// Takes what there is.
    pub(crate) fn take(&mut self) -> Vec<Sight> {
        self.bytes = 0;
        std::mem::take(&mut self.list)
    }

    /// Puts those of another batch behind these. Each loop has its own bound.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.list.append(&mut other.list);
        other.bytes = 0;
    }

    /// Handles as the host has them.
    pub(crate) fn rewrite(&mut self, f: impl Fn(SocketId) -> SocketId) {
        for sight in &mut self.list {
            if let Sight::Entered(socket) = sight {
                *socket = f(*socket);
            }
        }
    }
}

/// Arguments that are strings, as JSON without the brackets.
pub(crate) fn strings(texts: &[&str]) -> String {
    let mut out = Vec::new();
    for text in texts {
        if !out.is_empty() {
            out.push(b',');
        }
        json::write_string(&mut out, text);
    }
    // All that was written is text.
    String::from_utf8(out).unwrap_or_default()
}

/// An event as the interface shows it: its name and its arguments in one array. Placeholders of attachments stay as they are.
pub(crate) fn event(name: &str, args: &str) -> String {
    let inside = json::trim(args).strip_prefix('[').and_then(|args| args.strip_suffix(']'));
    let name = strings(&[name]);
    match inside.map(json::trim).unwrap_or_default() {
        "" => format!("[{name}]"),
        args if args.len() > MAX_SHOWN => format!("[{name},\"({} bytes)\"]", args.len()),
        args => format!("[{name},{args}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_array_and_a_long_one_says_how_long_it_is() {
        assert_eq!(event("a\"", "[]"), r#"["a\""]"#);
        assert_eq!(event("a", " [ 1, {\"b\":2} ] "), r#"["a",1, {"b":2}]"#);
        let long = format!("[\"{}\"]", "x".repeat(MAX_SHOWN));
        assert_eq!(event("a", &long), format!("[\"a\",\"({} bytes)\"]", MAX_SHOWN + 2));
    }

    #[test]
    #[cfg_attr(miri, ignore = "100,000 words, which are counted")]
    fn what_waits_for_a_host_that_does_not_come_is_bounded() {
        let mut sights = Sights::default();
        let told = (0..100_000).filter(|_| sights.tell("room_joined", "x".repeat(1_000))).count();
        assert!((500..=MAX_WAITING / 1_000 + 1).contains(&told), "{told}");
        assert_eq!(sights.take().len(), told);
        assert!(sights.tell("room_joined", String::new()), "there is room again");
    }
}

//! The slots of a Redis Cluster: which one a name belongs to, and which server has it. It must not ask anybody.

use crate::engine::bus::Endpoint;
use crate::wire::resp::Reply;

/// As many as every Redis Cluster has.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a channel or a key.
pub(super) fn slot(name: &[u8]) -> u16 {
    crc16(tag(name)) & (SLOTS - 1)
}

/// What stands in the first braces, so that several names can be of one slot; the whole name if that is nothing.
fn tag(name: &[u8]) -> &[u8] {
    let tagged = || {
        let open = memchr::memchr(b'{', name)?;
        let (_, behind) = name.split_at_checked(open)?;
        let behind = behind.strip_prefix(b"{")?;
        let (tag, _) = behind.split_at_checked(memchr::memchr(b'}', behind)?)?;
        Some(tag).filter(|tag| !tag.is_empty())
    };
    tagged().unwrap_or(name)
}

/// CRC-16 of XMODEM: four bits at a time, as names are short.
fn crc16(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 16] = [
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b,
        0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
    ];
    let step = |crc: u16, four: u8| {
        let index = usize::from(crc >> 12 ^ u16::from(four)) & 15;
        crc << 4 ^ TABLE.get(index).copied().unwrap_or_default()
    };
    bytes.iter().fold(0, |crc, &byte| step(step(crc, byte >> 4), byte & 15))
}

/// Which server has which slot, by the servers' numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slots(Box<[u8]>);

impl Slots {
    /// Nobody has any.
    const NOBODY: u8 = u8::MAX;

    pub(super) fn new() -> Self {
        Self(vec![Self::NOBODY; usize::from(SLOTS)].into())
    }

    /// Who has it.
    pub(super) fn owner(&self, slot: u16) -> Option<usize> {
        let owner = self.0.get(usize::from(slot)).copied().filter(|&owner| owner != Self::NOBODY)?;
        Some(usize::from(owner))
    }

    pub(super) fn give(&mut self, slot: u16, owner: usize) {
        if let (Some(slot), Ok(owner)) = (self.0.get_mut(usize::from(slot)), u8::try_from(owner)) {
            *slot = owner;
        }
    }
}

/// Slots that lie one behind the other, and who has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) master: Endpoint,
}

/// The answer to `CLUSTER SLOTS` of the server at `asked`, which may leave its own host out. `None` if it is no such answer.
pub(super) fn ranges(reply: Reply<'_>, asked: &Endpoint) -> Option<Vec<Range>> {
    let Reply::List(ranges) = reply else { return None };
    if ranges.len() > usize::from(SLOTS) {
        return None;
    }
    ranges.map(|range| self::range(range, asked)).collect()
}

fn range(reply: Reply<'_>, asked: &Endpoint) -> Option<Range> {
    let Reply::List(mut parts) = reply else { return None };
    let (Reply::Integer(first), Reply::Integer(last)) = (parts.next()?, parts.next()?) else { return None };
    let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
    let Reply::List(mut master) = parts.next()? else { return None };
    let host = match master.next()? {
        Reply::Text(host) => std::str::from_utf8(host).ok()?,
        Reply::Null => "",
        _ => return None,
    };
    let Reply::Integer(port) = master.next()? else { return None };
    let port = u16::try_from(port).ok().filter(|&port| port > 0)?;
    let master = beside(asked, host, port);
    (first <= last && last < SLOTS).then_some(Range { first, last, master })
}

/// A server as another one tells of it, which leaves the host out, or writes `?`, where it is its own or not known to it.
pub(super) fn beside(asked: &Endpoint, host: &str, port: u16) -> Endpoint {
    match asked {
        Endpoint::Tcp(own, _) if matches!(host, "" | "?") => Endpoint::Tcp(own.clone(), port),
        _ => Endpoint::Tcp(host.to_owned(), port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::resp::Reader;

    #[test]
    fn the_slots_of_names() {
        // The vectors of the specification, and what a Redis says of others (CLUSTER KEYSLOT).
        for (name, expected) in [
            ("123456789", 12_739),
            ("", 0),
            ("foo", 12_182),
            ("bar", 5_061),
            ("user1000", 3_443),
            ("{user1000}.following", 3_443),
            ("{user1000}.followers", 3_443),
            ("socket.io", 9_972),
            ("socket.io#/#", 13_868),
        ] {
            assert_eq!(slot(name.as_bytes()), expected, "{name}");
        }
        for (name, tag) in [
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("}a{b}", "b"),
            ("a{b", "a{b"),
            ("{", "{"),
        ] {
            assert_eq!(super::tag(name.as_bytes()), tag.as_bytes(), "{name}");
        }
    }

    #[test]
    fn slots_have_owners() {
        let mut slots = Slots::new();
        assert_eq!(slots.owner(5), None);
        slots.give(5, 3);
        slots.give(SLOTS, 3);
        slots.give(6, 255);
        slots.give(6, 256);
        assert_eq!([slots.owner(5), slots.owner(6), slots.owner(SLOTS)], [Some(3), None, None]);
    }

    fn read(text: &str) -> Option<Vec<(u16, u16, String)>> {
        let mut reader = Reader::new(100_000);
        reader.feed(text.as_bytes());
        assert_eq!(reader.advance(), Ok(true));
        let ranges = ranges(reader.reply(), &Endpoint::Tcp("asked".into(), 7))?;
        Some(ranges.into_iter().map(|it| (it.first, it.last, it.master.to_string())).collect())
    }

    #[test]
    fn the_answer_to_cluster_slots() {
        let master = "*3\r\n$1\r\na\r\n:7000\r\n$2\r\nid\r\n";
        let replica = "*4\r\n$1\r\nb\r\n:7001\r\n$2\r\nid\r\n*0\r\n";
        assert_eq!(
            read(&format!(
                "*4\r\n*4\r\n:0\r\n:9\r\n{master}{replica}*3\r\n:10\r\n:10\r\n*2\r\n_\r\n:1\r\n*3\r\n:11\r\n:12\r\n*2\r\n$0\r\n\r\n:2\r\n*3\r\n:13\r\n:16383\r\n*2\r\n$1\r\n?\r\n:3\r\n"
            )),
            Some(vec![
                (0, 9, "a:7000".into()),
                (10, 10, "asked:1".into()),
                (11, 12, "asked:2".into()),
                (13, 16_383, "asked:3".into())
            ])
        );
        assert_eq!(read("*0\r\n"), Some(vec![]));
        for text in [
            "_\r\n".to_owned(),
            ":1\r\n".to_owned(),
            "*1\r\n:1\r\n".to_owned(),
            format!("*1\r\n*3\r\n:5\r\n:4\r\n{master}"),
            format!("*1\r\n*3\r\n:0\r\n:16384\r\n{master}"),
            format!("*1\r\n*3\r\n:-1\r\n:4\r\n{master}"),
            "*1\r\n*2\r\n:0\r\n:4\r\n".to_owned(),
            "*1\r\n*3\r\n:0\r\n:4\r\n*0\r\n".to_owned(),
            "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\na\r\n:0\r\n".to_owned(),
            "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n$1\r\na\r\n:99999\r\n".to_owned(),
            "*1\r\n*3\r\n:0\r\n:4\r\n*2\r\n:1\r\n:1\r\n".to_owned(),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }
}

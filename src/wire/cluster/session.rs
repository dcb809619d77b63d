//! A session as the streams adapter leaves it in Redis for other nodes, and places in a stream. It must not know who asks for one.

use super::raw::{Checked, Raw};
use super::write::Writer;
use super::{MAX_ROOMS, Malformed, Untold};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

/// Before a session's private id: the key that it is kept under.
pub(crate) const KEY: &str = "sio:session:";

/// The place of an entry in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// Milliseconds since 1970, as Redis has them.
    pub time: u64,
    /// Which of that millisecond's it is.
    pub number: u64,
}

impl EntryId {
    /// Before all others.
    pub(crate) const NONE: Self = Self { time: 0, number: 0 };
    /// Behind all others.
    pub(crate) const END: Self = Self { time: u64::MAX, number: u64::MAX };

    /// Reads `1795654215658-3`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (time, number) = std::str::from_utf8(text).ok()?.split_once('-')?;
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(time) || !plain(number) {
            return None;
        }
        Some(Self { time: time.parse().ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time, self.number)
    }
}

/// A stay in a room: what went to it behind `from` was for the session, up to `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay<'a> {
    /// The room.
    pub room: Cow<'a, str>,
    /// The last entry before it.
    pub from: EntryId,
    /// The last entry in it; [`EntryId::END`] while it goes on.
    pub until: EntryId,
}

/// What is kept of a session whose connection has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedSession<'a> {
    /// The socket's id.
    pub sid: Cow<'a, str>,
    /// The id by which its client asks for it.
    pub pid: Cow<'a, str>,
    /// The rooms it is in, its own among them.
    pub rooms: Vec<Cow<'a, str>>,
    /// When it was in which: only roomcast's nodes say so, others go by `rooms`.
    pub stays: Vec<Stay<'a>>,
    /// The host's number. Only roomcast's nodes have one.
    pub tag: u64,
}

impl SavedSession<'_> {
    /// Whether something that went to `rooms`, or to everybody if they are none, was for it: what stands at a place in the stream.
    pub fn is_meant(&self, rooms: &[Cow<'_, str>], except: &[Cow<'_, str>], at: EntryId) -> bool {
        let in_one_of = |rooms: &[Cow<'_, str>]| {
            if self.stays.is_empty() {
                return self.rooms.iter().any(|room| rooms.contains(room));
            }
            self.stays.iter().any(|stay| stay.from < at && at <= stay.until && rooms.contains(&stay.room))
        };
        let begun = self.born().is_none_or(|born| born < at);
        begun && (rooms.is_empty() || in_one_of(rooms)) && !in_one_of(except)
    }

    /// The last entry before it began, if that is known.
    pub fn born(&self) -> Option<EntryId> {
        self.stays.iter().find(|stay| stay.room == self.sid).map(|stay| stay.from)
    }

    /// Appends it as Node's adapter writes it: msgpack in base64. The fields that Node does not know come last.
    ///
    /// # Errors
    /// [`Untold`] if it would be longer than `max`.
    pub fn encode(&self, out: &mut Vec<u8>, max: usize) -> Result<(), Untold> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, false, max.saturating_mul(3) / 4);
        writer.object(6);
        writer.key("sid").text(&self.sid);
        writer.key("pid").text(&self.pid);
        writer.key("rooms").names(&self.rooms);
        writer.key("data").object(0);
        writer.key("tag").text(&self.tag.to_string());
        writer.key("stays").list(self.stays.len());
        for Stay { room, from, until } in &self.stays {
            writer.list(3);
            writer.text(room);
            writer.text(&from.to_string());
            writer.text(&if *until == EntryId::END { String::new() } else { until.to_string() });
        }
        writer.end()?;
        let mut text = String::new();
        STANDARD.encode_string(&bytes, &mut text);
        // Writing to a Vec cannot fail.
        let _ = out.write_all(text.as_bytes());
        Ok(())
    }

    /// Reads one that Node's adapter has written, or this crate.
    pub fn decode(text: &[u8]) -> Result<SavedSession<'static>, Malformed> {
        let bytes = STANDARD.decode(text).map_err(|_| Malformed)?;
        let mut session = SavedSession::default();
        Checked::msgpack(&bytes)?.raw().fields(|key, value| {
            match key {
                b"sid" => session.sid = owned(value.text()?),
                b"pid" => session.pid = owned(value.text()?),
                b"rooms" => session.rooms = listed(value, |room| Ok(owned(room.name()?)))?,
                b"tag" => session.tag = value.text()?.parse().map_err(|_| Malformed)?,
                b"stays" => session.stays = listed(value, stay)?,
                _ => {}
            }
            Ok(())
        })?;
        if session.sid.is_empty() || session.pid.is_empty() { Err(Malformed) } else { Ok(session) }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn listed<T>(
    value: Raw<'_, '_>,
    read: impl Fn(Raw<'_, '_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut list = Vec::new();
    for item in value.items()? {
        if list.len() == MAX_ROOMS {
            return Err(Malformed);
        }
        list.push(read(item)?);
    }
    Ok(list)
}

fn stay(value: Raw<'_, '_>) -> Result<Stay<'static>, Malformed> {
    let mut parts = value.items()?;
    let mut text = || parts.next().ok_or(Malformed)?.text();
    let (room, from, until) = (owned(text()?), text()?, text()?);
    let place = |text: &str| EntryId::parse(text.as_bytes()).ok_or(Malformed);
    Ok(Stay {
        room,
        from: place(&from)?,
        until: if until.is_empty() { EntryId::END } else { place(&until)? },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> EntryId {
        EntryId { time: 1_795_654_215_658, number }
    }

    #[test]
    fn places_are_read_back_and_are_in_their_order() {
        for id in [EntryId::NONE, at(3), EntryId::END] {
            assert_eq!(EntryId::parse(id.to_string().as_bytes()), Some(id));
        }
        assert_eq!(EntryId::parse(b"01795654215658-003"), Some(at(3)));
        assert!(at(9) < at(10) && at(10) < EntryId { time: 1_795_654_215_659, number: 0 });
        for wrong in
            ["", "1", "-", "1-", "-1", "+1-1", "1--1", "1-1-1", "1-x", "99999999999999999999-1", "é-1"]
        {
            assert_eq!(EntryId::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_session_is_read_back() {
        let stay = |room: &'static str, from, until| Stay { room: room.into(), from: at(from), until };
        let session = SavedSession {
            sid: "s".repeat(20).into(),
            pid: "p".into(),
            rooms: vec!["s".repeat(20).into(), "é".into()],
            stays: vec![stay("r", 1, at(4)), stay("é", 2, EntryId::END)],
            tag: u64::MAX,
        };
        let mut text = Vec::new();
        session.encode(&mut text, 10_000).unwrap();
        assert_eq!(SavedSession::decode(&text), Ok(session.clone()));
        assert_eq!(session.encode(&mut Vec::new(), 100), Err(Untold));
        for cut in (0..text.len()).step_by(if cfg!(miri) { 37 } else { 1 }) {
            let _ = SavedSession::decode(&text[..cut]);
        }
    }

    #[test]
    fn a_session_of_nodes_is_read() {
        // As `@socket.io/redis-streams-adapter` 0.3.1 wrote it.
        let text = "hKNzaWS0YUJjRGVGZ0hpSmtMbU5vUHFSc1SjcGlktGFiY2RlZmdoaWprbG1ub3BxcnN0pXJvb21zkrRhQmNEZUZnSGlKa0xtTm9QcVJzVKRyb29tpGRhdGGBpHVzZXKhYQ==";
        let session = SavedSession::decode(text.as_bytes()).unwrap();
        assert_eq!((&*session.sid, &*session.pid), ("aBcDeFgHiJkLmNoPqRsT", "abcdefghijklmnopqrst"));
        assert_eq!((session.rooms, session.tag), (vec!["aBcDeFgHiJkLmNoPqRsT".into(), "room".into()], 0));
    }

    #[test]
    fn what_was_meant_for_a_session_goes_by_when_it_was_in_which_room() {
        let one = |room: &str| vec![Cow::Owned(room.to_owned())];
        let mut session = SavedSession {
            sid: "me".into(),
            rooms: vec!["me".into(), "r".into()],
            ..SavedSession::default()
        };
        // Node's says nothing but its rooms.
        assert!(session.is_meant(&[], &[], at(1)) && session.is_meant(&one("r"), &[], at(1)));
        assert!(!session.is_meant(&one("q"), &[], at(1)) && !session.is_meant(&[], &one("me"), at(1)));
        let stay = |room: &'static str, from, until| Stay { room: room.into(), from: at(from), until };
        session.stays = vec![stay("me", 2, EntryId::END), stay("q", 3, at(5)), stay("r", 4, EntryId::END)];
        let meant = |rooms: &[Cow<'_, str>], except: &[Cow<'_, str>]| -> Vec<u64> {
            (1..9).filter(|&number| session.is_meant(rooms, except, at(number))).collect()
        };
        assert_eq!(meant(&[], &[]), [3, 4, 5, 6, 7, 8]);
        assert_eq!((meant(&one("q"), &[]), meant(&one("r"), &[])), (vec![4, 5], vec![5, 6, 7, 8]));
        assert_eq!((meant(&[], &one("q")), meant(&one("me"), &one("r"))), (vec![3, 6, 7, 8], vec![3, 4]));
        assert_eq!(meant(&one("other"), &[]), [0; 0]);
        assert_eq!(session.born(), Some(at(2)));
    }
}

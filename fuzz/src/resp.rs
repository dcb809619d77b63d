//! Replies of a Redis: however the stream is cut, the same replies and the same fault, after which nothing is read; and what another
//! reader makes of them is the same.

use super::input::Input;
use redis_protocol::resp2::types::OwnedFrame as Frame2;
use redis_protocol::resp3::types::OwnedFrame as Frame3;
use roomcast::wire::resp::{Fault, MAX_DEPTH, Reader, Reply, command};

/// A reply that outlives the input.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Null,
    Boolean(bool),
    Integer(i64),
    /// By its bits: one that is no number is equal to itself.
    Double(u64),
    Number(Vec<u8>),
    Text(Vec<u8>),
    Error(Vec<u8>),
    List(Vec<Seen>),
    Map(Vec<Seen>),
    Push(Vec<Seen>),
}

impl Seen {
    fn new(reply: Reply<'_>) -> Self {
        match reply {
            Reply::Null => Seen::Null,
            Reply::Boolean(it) => Seen::Boolean(it),
            Reply::Integer(it) => Seen::Integer(it),
            Reply::Double(it) => Seen::Double(it.to_bits()),
            Reply::Number(it) => Seen::Number(it.into()),
            Reply::Text(it) => Seen::Text(it.into()),
            Reply::Error(it) => Seen::Error(it.into()),
            Reply::List(items) => Seen::List(Self::all(items)),
            Reply::Map(items) => Seen::Map(Self::all(items)),
            Reply::Push(items) => Seen::Push(Self::all(items)),
        }
    }

    fn all<'a>(items: impl ExactSizeIterator<Item = Reply<'a>>) -> Vec<Self> {
        let count = items.len();
        let all: Vec<Self> = items.map(Self::new).collect();
        assert_eq!(all.len(), count, "elements are there as many as were announced");
        all
    }

    fn depth(&self) -> usize {
        match self {
            Seen::List(items) | Seen::Map(items) | Seen::Push(items) => {
                1 + items.iter().map(Self::depth).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
}

/// The first bytes choose the bound and the pieces; the rest is the stream.
pub(crate) fn replies(input: &[u8]) {
    let mut input = Input(input);
    let bound = input.pick(&[1_000_000, 1, 16, 126, 1_000, 70_000]);
    let (whole, pieces) = input.pieces();
    let (expected, fault) = read(&[whole], bound);
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    for split in [pieces, single] {
        let (seen, found) = read(&split, bound);
        assert_eq!(seen, expected, "replies of {split:?}");
        assert_eq!(found, fault, "the fault of {split:?}");
    }
    compare(whole);
    commands(whole);
}

/// All replies of a stream and its fault. Behind a fault the stream goes on, for the reader to refuse.
fn read(pieces: &[&[u8]], bound: usize) -> (Vec<Seen>, Option<Fault>) {
    let mut reader = Reader::new(bound);
    let (mut seen, mut fault) = (Vec::new(), None);
    for piece in pieces {
        reader.feed(piece);
        loop {
            match reader.advance() {
                Ok(_) if fault.is_some() => panic!("a refused stream is read on"),
                Ok(true) => seen.push(Seen::new(reader.reply())),
                Ok(false) => break,
                Err(error) => {
                    assert_eq!(*fault.get_or_insert(error), error, "the first fault stays");
                    break;
                }
            }
        }
        assert!(reader.buffered() <= bound, "holds {}", reader.buffered());
    }
    assert!(seen.iter().all(|reply| reply.depth() <= MAX_DEPTH));
    (seen, fault)
}

/// Each reply by itself, as another reader sees it.
fn compare(stream: &[u8]) {
    let mut reader = Reader::new(usize::MAX);
    reader.feed(stream);
    loop {
        let rest = &stream[stream.len() - reader.buffered()..];
        match reader.advance() {
            Ok(true) => {
                let reply = &rest[..rest.len() - reader.buffered()];
                let seen = Seen::new(reader.reply());
                same(reply, theirs2(reply), &seen);
                same(reply, theirs3(reply), &seen);
            }
            // It is not whole for them either.
            Ok(false) => {
                assert!(!matches!(theirs2(rest), Theirs::Whole(..)), "{rest:?}");
                assert!(!matches!(theirs3(rest), Theirs::Whole(..)), "{rest:?}");
                return;
            }
            Err(_) => return,
        }
    }
}

/// What the other reader says. It refuses some of what we take: errors that are no UTF-8, keys that it cannot hash.
enum Theirs {
    Whole(Option<Seen>, usize),
    Part,
    Refused,
}

fn same(reply: &[u8], theirs: Theirs, ours: &Seen) {
    match theirs {
        Theirs::Refused => {}
        Theirs::Part => panic!("a part for them: {reply:?}"),
        Theirs::Whole(seen, length) => {
            assert_eq!(length, reply.len(), "{reply:?}");
            if let Some(seen) = seen {
                assert_eq!(seen, *ours, "{reply:?}");
            }
        }
    }
}

fn theirs2(bytes: &[u8]) -> Theirs {
    fn seen(frame: Frame2) -> Seen {
        match frame {
            Frame2::SimpleString(it) | Frame2::BulkString(it) => Seen::Text(it),
            Frame2::Error(it) => Seen::Error(it.into_bytes()),
            Frame2::Integer(it) => Seen::Integer(it),
            Frame2::Array(items) => Seen::List(items.into_iter().map(seen).collect()),
            Frame2::Null => Seen::Null,
        }
    }
    match redis_protocol::resp2::decode::decode(bytes) {
        Ok(Some((frame, length))) => Theirs::Whole(Some(seen(frame)), length),
        Ok(None) => Theirs::Part,
        Err(_) => Theirs::Refused,
    }
}

fn theirs3(bytes: &[u8]) -> Theirs {
    /// `None` for what it keeps without its order.
    fn seen(frame: Frame3) -> Option<Seen> {
        let all = |items: Vec<Frame3>| items.into_iter().map(seen).collect::<Option<Vec<Seen>>>();
        Some(match frame {
            Frame3::BlobString { data, .. }
            | Frame3::SimpleString { data, .. }
            | Frame3::VerbatimString { data, .. } => Seen::Text(data),
            Frame3::BlobError { data, .. } => Seen::Error(data),
            Frame3::SimpleError { data, .. } => Seen::Error(data.into_bytes()),
            Frame3::Boolean { data, .. } => Seen::Boolean(data),
            Frame3::Null => Seen::Null,
            Frame3::Number { data, .. } => Seen::Integer(data),
            Frame3::Double { data, .. } => Seen::Double(data.to_bits()),
            Frame3::BigNumber { data, .. } => Seen::Number(data),
            Frame3::Array { data, .. } => Seen::List(all(data)?),
            Frame3::Push { data, .. } => Seen::Push(all(data)?),
            _ => return None,
        })
    }
    match redis_protocol::resp3::decode::complete::decode(bytes) {
        Ok(Some((frame, length))) => Theirs::Whole(seen(frame), length),
        Ok(None) => Theirs::Part,
        Err(_) => Theirs::Refused,
    }
}

/// A command of any words is read as the list of them.
fn commands(words: &[u8]) {
    let words: Vec<&[u8]> = words.split(|&byte| byte == b' ').collect();
    let mut bytes = Vec::new();
    command(&mut bytes, &words);
    let mut reader = Reader::new(usize::MAX);
    reader.feed(&bytes);
    assert_eq!(reader.advance(), Ok(true));
    let expected = words.iter().map(|&word| Seen::Text(word.into())).collect();
    assert_eq!(Seen::new(reader.reply()), Seen::List(expected));
    assert_eq!(reader.buffered(), 0);
}

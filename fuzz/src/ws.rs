//! Frames from a client: however the stream is cut, the same messages and the same fault, after which nothing is read.

use super::input::Input;
use roomcast::Limits;
use roomcast::wire::ws::{Decoder, Fault, Inflater, Message};

/// A message that outlives the input.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Seen {
    fn new(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Seen::Text(text.into()),
            Message::Binary(bytes) => Seen::Binary(bytes.into()),
            Message::Ping(bytes) => Seen::Ping(bytes.into()),
            Message::Pong(bytes) => Seen::Pong(bytes.into()),
            Message::Close(code, reason) => Seen::Close(code, reason.into()),
        }
    }
}

/// The first bytes choose the limits and the pieces; the rest is the stream.
pub(crate) fn frames(input: &[u8]) {
    let mut input = Input(input);
    let limits = Limits {
        max_payload: input.pick(&[1_000_000, 1, 16, 126, 1_000, 70_000]),
        max_fragments: input.pick(&[1_024, 1, 2, 5]),
        ..Limits::default()
    };
    let (whole, pieces) = input.pieces();
    let (expected, fault) = read(&[whole], &limits, None);
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    for split in [pieces, single] {
        let (seen, found) = read(&split, &limits, None);
        assert_eq!(seen, expected, "messages of {split:?}");
        assert_eq!(found, fault, "the fault of {split:?}");
    }
}

/// All messages of a stream and its fault. Behind a fault the stream goes on, for the decoder to refuse.
pub(crate) fn read(
    pieces: &[&[u8]],
    limits: &Limits,
    mut inflater: Option<&mut Inflater>,
) -> (Vec<Seen>, Option<Fault>) {
    let mut decoder = Decoder::new();
    let (mut seen, mut fault) = (Vec::new(), None);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            let left = piece.len() - at;
            let read = decoder.read_deflated(&mut piece[at..], limits, inflater.as_deref_mut());
            let read = read.map(|(used, message)| (used, message.map(Seen::new)));
            match read {
                Ok(_) if fault.is_some() => panic!("a refused stream is read on"),
                Ok((used, Some(message))) => {
                    at += used;
                    seen.push(message);
                }
                Ok((used, None)) => {
                    assert_eq!(used, left, "all is used when more is needed");
                    break;
                }
                Err(error) => {
                    assert_eq!(*fault.get_or_insert(error), error, "the first fault stays");
                    break;
                }
            }
        }
        // A message, a control frame between its fragments, a header.
        assert!(decoder.buffered() <= limits.max_payload + 125 + 14, "holds {}", decoder.buffered());
    }
    (seen, fault)
}

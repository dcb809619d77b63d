//! Frames from a client: however the stream is cut, the same messages and the same fault, after which nothing is read.

use super::input::Input;
use roomcast::Limits;
use roomcast::wire::engineio::{self, SEPARATOR};
use roomcast::wire::ws::{self, Decoder, Fault, Message, Opcode};

/// A message that outlives the input.
#[derive(Debug, PartialEq)]
enum Seen {
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
    let (expected, fault) = read(&[whole], &limits);
    let single: Vec<&[u8]> = whole.chunks(1).collect();
    for split in [pieces, single] {
        let (seen, found) = read(&split, &limits);
        assert_eq!(seen, expected, "messages of {split:?}");
        assert_eq!(found, fault, "the fault of {split:?}");
    }
    echo(&expected);
}

/// All messages of a stream and its fault. Behind a fault the stream goes on, for the decoder to refuse.
fn read(pieces: &[&[u8]], limits: &Limits) -> (Vec<Seen>, Option<Fault>) {
    let mut decoder = Decoder::new();
    let (mut seen, mut fault) = (Vec::new(), None);
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            let left = piece.len() - at;
            let read = decoder.read(&mut piece[at..], limits);
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

/// What the server would write for the same messages, read again; and as a polling payload.
fn echo(messages: &[Seen]) {
    let mut bytes = Vec::new();
    let mut data = Vec::new();
    for message in messages {
        match message {
            Seen::Text(text) => {
                ws::frame(&mut bytes, Opcode::Text, text.as_bytes());
                data.push((Opcode::Text, text.as_bytes()));
            }
            Seen::Binary(binary) => {
                ws::frame(&mut bytes, Opcode::Binary, binary);
                data.push((Opcode::Binary, binary));
            }
            Seen::Ping(payload) => ws::frame(&mut bytes, Opcode::Pong, payload),
            Seen::Pong(payload) => ws::frame(&mut bytes, Opcode::Ping, payload),
            Seen::Close(code, reason) => ws::close_frame(&mut bytes, code.unwrap_or(1000), reason),
        }
    }
    let all: Vec<_> = ws::frames(&bytes).collect();
    assert_eq!(all.len(), messages.len(), "every frame is found again");
    let found: Vec<_> = all.iter().filter(|(_, opcode, _)| !opcode.is_control()).collect();
    assert!(found.iter().map(|(_, opcode, payload)| (*opcode, *payload)).eq(data.iter().copied()));
    let mut payload = Vec::new();
    engineio::transcode_frames(&bytes, &mut payload);
    let plain = data.iter().all(|(opcode, bytes)| *opcode == Opcode::Binary || !bytes.contains(&SEPARATOR));
    assert_eq!(payload.is_empty(), data.is_empty());
    if plain && !data.is_empty() {
        let text = std::str::from_utf8(&payload[1..]).expect("texts and base64");
        assert_eq!(text.split(char::from(SEPARATOR)).count(), data.len());
    }
}

//! Every form against the packets it was made of, read by others than those who write.

use super::*;
use crate::base::seeds::for_seeds;
use crate::out::{Frame, Outbox};
use crate::wire::engineio::Packet as Decoded;
use crate::wire::engineio::{decode_text, payload};

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Control(u8, Vec<u8>),
}

fn text(packet: &str) -> Seen {
    match decode_text(packet).unwrap() {
        Decoded::Binary(bytes) => Seen::Binary(bytes),
        _ => Seen::Text(packet.to_owned()),
    }
}

/// Reads frames of a server.
fn frames(mut bytes: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let [first, len, rest @ ..] = bytes {
        let (len, rest) = match len {
            126 => (u16::from_be_bytes(rest[..2].try_into().unwrap()).into(), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            len => (usize::from(*len), rest),
        };
        let payload = &rest[..len];
        seen.push(match first & 0x0f {
            1 => text(std::str::from_utf8(payload).unwrap()),
            2 => Seen::Binary(payload.to_vec()),
            opcode => Seen::Control(opcode, payload.to_vec()),
        });
        bytes = &rest[len..];
    }
    seen
}

fn read(form: Form, bytes: &[u8]) -> Vec<Seen> {
    match (form, bytes.split_first()) {
        (Form::WebSocket | Form::TextFrames, _) => frames(bytes),
        (Form::Polling, None) => Vec::new(),
        (Form::Polling, Some((separator, body))) => {
            assert_eq!(*separator, SEPARATOR);
            let body = std::str::from_utf8(body).unwrap();
            assert!(payload(body).all(|packet| packet.is_ok()));
            body.split(char::from(SEPARATOR)).map(text).collect()
        }
    }
}

fn packet(rng: &mut fastrand::Rng) -> (Opcode, Vec<u8>) {
    let len = rng.choice([0, 1, 2, 3, 20, 93, 94, 125, 126, 1_000, 49_150, 65_535, 65_536]).unwrap();
    match rng.u8(..8) {
        0 => (Opcode::Close, b"\x03\xe8bye".to_vec()),
        1 => (Opcode::Pong, vec![7; len.min(125)]),
        2..=4 => (Opcode::Binary, (0..len).map(|_| rng.u8(..)).collect()),
        _ => (Opcode::Text, format!("4{}", "x".repeat(len)).into_bytes()),
    }
}

#[test]
fn every_form_says_the_same() {
    for_seeds(if cfg!(miri) { 1 } else { 60 }, |rng| {
        let mut outbox = Outbox::default();
        for _tick in 0..2 {
            let mut all: Vec<(Frame, Seen)> = Vec::new();
            for _ in 0..rng.usize(1..20) {
                let (opcode, payload) = packet(rng);
                let frame = outbox.append(|out| out.frame(opcode, &payload)).unwrap();
                all.push((
                    frame,
                    match opcode {
                        Opcode::Text => Seen::Text(String::from_utf8(payload).unwrap()),
                        Opcode::Binary => Seen::Binary(payload),
                        _ => Seen::Control(opcode as u8, payload),
                    },
                ));
                // Some of them, in some form, while the tick goes on.
                let from = rng.usize(..all.len());
                let until = rng.usize(from..all.len());
                let ranges = [
                    Frame { start: all[from].0.start, end: all[until].0.end },
                    Frame { start: all[until].0.end, end: frame.end },
                ];
                let ranges = &ranges[..1 + usize::from(until + 1 < all.len())];
                let form = *rng.choice(&[Form::WebSocket, Form::TextFrames, Form::Polling]).unwrap();
                let share = outbox.in_form(form, ranges);
                let mut bytes = Vec::new();
                share.write(&mut bytes);
                assert_eq!(bytes.len(), share.len());
                if form == Form::TextFrames {
                    let binary = all[from..].iter().any(|(_, seen)| matches!(seen, Seen::Binary(_)));
                    assert_eq!(binary, bytes.len() != ranges.iter().map(|range| range.len()).sum::<usize>());
                }
                let expected = all[from..].iter().map(|(_, seen)| seen.clone());
                let polled = |seen: &Seen| form != Form::Polling || !matches!(seen, Seen::Control(..));
                assert_eq!(read(form, &bytes), expected.filter(polled).collect::<Vec<_>>(), "{form:?}");
            }
            outbox.restart();
        }
    });
}

#[test]
fn a_form_is_made_once_and_goes_on_where_it_ended() {
    let (mut log, mut places, mut forms) = (TickLog::new(), Vec::new(), Forms::default());
    for count in 1..4 {
        log.append(|bytes| Writer { bytes, places: &mut places }.frame(Opcode::Binary, b"bytes")).unwrap();
        for _ in 0..2 {
            let made = forms.of(Form::Polling, &log, &places).unwrap();
            assert_eq!(**made.bytes, b"\x1ebYnl0ZXM=".repeat(count));
        }
        assert_eq!((forms.polling.count(), forms.text_frames.count()), (count, 0));
    }
    forms.restart();
    assert_eq!(forms.polling.count(), 0);
}

//! Every form against the packets it was made of, read by others than those who write.

use super::*;
use crate::base::seeds::for_seeds;
use crate::out::{Frame, Outbox, Terms, TickLog};
use crate::wire::deflate::Inflater;
use crate::wire::engineio::Packet as Decoded;
use crate::wire::engineio::v3::Part;
use crate::wire::engineio::{Version, decode, payload};
use crate::wire::msgpack::packet;
use crate::wire::socketio::Parser;
use std::borrow::Cow;

const FORMS: [Form; 9] = [
    Form::WebSocket,
    Form::Deflated,
    Form::NarrowDeflated,
    Form::TextFrames,
    Form::Polling,
    Form::WebSocket3,
    Form::TextFrames3,
    Form::Polling3,
    Form::BinaryPolling3,
];

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Control(u8, Vec<u8>),
}

fn text(version: Version, packet: &str) -> Seen {
    match decode(version, packet).unwrap() {
        Decoded::Binary(bytes) => Seen::Binary(bytes),
        _ => Seen::Text(packet.to_owned()),
    }
}

/// Reads frames of a server.
fn frames(version: Version, mut bytes: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let [first, len, rest @ ..] = bytes {
        let (len, rest) = match len {
            126 => (u16::from_be_bytes(rest[..2].try_into().unwrap()).into(), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            len => (usize::from(*len), rest),
        };
        let mut inflater = Inflater::default();
        let payload = match first & 0x40 {
            0 => &rest[..len],
            _ => inflater.message(&rest[..len], 1 << 20).unwrap(),
        };
        seen.push(match first & 0x0f {
            1 => text(version, std::str::from_utf8(payload).unwrap()),
            2 if version == Version::V3 => Seen::Binary(v3::binary_packet(payload).unwrap().to_vec()),
            2 => Seen::Binary(payload.to_vec()),
            opcode => Seen::Control(opcode, payload.to_vec()),
        });
        bytes = &rest[len..];
    }
    seen
}

fn read(form: Form, bytes: &[u8]) -> Vec<Seen> {
    match (form, bytes.split_first()) {
        (Form::WebSocket3 | Form::TextFrames3, _) => frames(Version::V3, bytes),
        (Form::Polling3, _) => {
            let mut seen = Vec::new();
            let mut rest = std::str::from_utf8(bytes).unwrap();
            while !rest.is_empty() {
                let (packet, behind) = v3::first_packet(rest).unwrap();
                seen.push(text(Version::V3, packet));
                rest = behind;
            }
            seen
        }
        (Form::BinaryPolling3, _) => {
            let mut seen = Vec::new();
            let mut rest = bytes;
            while !rest.is_empty() {
                let (part, behind) = v3::first_part(rest).unwrap();
                seen.push(match part {
                    Part::Text(packet) => text(Version::V3, packet),
                    Part::Binary(packet) => Seen::Binary(v3::binary_packet(packet).unwrap().to_vec()),
                });
                rest = behind;
            }
            seen
        }
        (Form::Polling, None) => Vec::new(),
        (Form::Polling, Some((separator, body))) => {
            assert_eq!(*separator, SEPARATOR);
            let body = std::str::from_utf8(body).unwrap();
            assert!(payload(body).all(|packet| packet.is_ok()));
            body.split(char::from(SEPARATOR)).map(|packet| text(Version::V4, packet)).collect()
        }
        _ => frames(Version::V4, bytes),
    }
}

fn any_packet(rng: &mut fastrand::Rng) -> (Opcode, Vec<u8>) {
    let len = rng.choice([0, 1, 2, 3, 20, 93, 94, 125, 126, 1_000, 49_150, 65_535, 65_536]).unwrap();
    match rng.u8(..8) {
        0 => (Opcode::Close, b"\x03\xe8bye".to_vec()),
        1 => (Opcode::Pong, vec![7; len.min(125)]),
        2..=4 => (Opcode::Binary, (0..len).map(|_| rng.u8(..)).collect()),
        _ => (Opcode::Text, format!("4{}", "x".repeat(len)).into_bytes()),
    }
}

const POLLING: [Form; 3] = [Form::Polling, Form::Polling3, Form::BinaryPolling3];

#[test]
fn what_is_the_same_in_two_forms_is_shared() {
    let (mut log, mut places, mut forms) = (TickLog::new(), Vec::new(), Forms::default());
    for (opcode, shared) in
        [(Opcode::Text, true), (Opcode::Text, true), (Opcode::Binary, false), (Opcode::Text, false)]
    {
        log.append(|bytes| Writer::new(bytes, &mut places).frame(opcode, b"4x")).unwrap();
        for form in [Form::TextFrames, Form::WebSocket3, Form::TextFrames3] {
            assert_eq!(forms.of(form, log.all(), &places).is_none(), shared, "{form:?}");
        }
    }
    forms.restart();
    assert!(forms.of(Form::WebSocket3, &[], &[]).is_none());
}

#[test]
fn every_form_says_the_same() {
    for_seeds(if cfg!(miri) { 1 } else { 60 }, |rng| {
        let mut outbox = Outbox::new(Compression { level: 1, threshold: 60, binary: rng.bool() });
        for _tick in 0..2 {
            let mut all: Vec<(Frame, Seen)> = Vec::new();
            for _ in 0..rng.usize(1..20) {
                let (opcode, payload) = any_packet(rng);
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
                let form = *rng.choice(&FORMS).unwrap();
                let share = outbox.in_form(Parser::Text, form, ranges);
                let mut bytes = Vec::new();
                share.write(&mut bytes);
                assert_eq!(bytes.len(), share.len());
                if form == Form::TextFrames {
                    let binary = all[from..].iter().any(|(_, seen)| matches!(seen, Seen::Binary(_)));
                    assert_eq!(binary, bytes.len() != ranges.iter().map(|range| range.len()).sum::<usize>());
                }
                let expected = all[from..].iter().map(|(_, seen)| seen.clone());
                let polled = |seen: &Seen| !POLLING.contains(&form) || !matches!(seen, Seen::Control(..));
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
        log.append(|bytes| Writer::new(bytes, &mut places).frame(Opcode::Binary, b"bytes")).unwrap();
        for _ in 0..2 {
            let made = forms.of(Form::Polling, log.all(), &places).unwrap();
            assert_eq!(**made.bytes, b"\x1ebYnl0ZXM=".repeat(count));
        }
        assert_eq!((forms.polling.count(), forms.text_frames.count()), (count, 0));
    }
    forms.restart();
    assert_eq!(forms.polling.count(), 0);
}

#[test]
#[cfg(feature = "compression")]
fn a_message_is_compressed_once_if_it_gains_and_may_be() {
    let mut outbox = Outbox::new(Compression { level: 3, threshold: 100, binary: false });
    let long = "4[\"state\",\"".to_owned() + &"abc".repeat(100) + "\"]";
    let noise: Vec<u8> = std::iter::repeat_with({
        let mut rng = fastrand::Rng::with_seed(7);
        move || rng.u8(b' '..0x7f)
    })
    .take(300)
    .collect();
    let mut add = |opcode, payload: &[u8], plain| {
        outbox
            .append(|out| {
                out.plain = plain;
                out.frame(opcode, payload);
            })
            .unwrap()
    };
    let gains = add(Opcode::Text, long.as_bytes(), false);
    let others = [
        add(Opcode::Text, long.as_bytes(), true),
        add(Opcode::Text, b"4[\"short\"]", false),
        add(Opcode::Text, &noise, false),
        add(Opcode::Binary, &[7; 500], false),
        add(Opcode::Ping, &[7; 120], false),
    ];
    for _recipient in 0..3 {
        for form in [Form::Deflated, Form::NarrowDeflated] {
            let ranges = [gains];
            let share = outbox.in_form(Parser::Text, form, &ranges);
            assert!(share.len() < 60 && share.bytes(share.ranges[0])[0] == 0xc1);
            for other in others {
                assert_eq!(outbox.in_form(Parser::Text, form, &[other]).len(), other.len());
            }
        }
    }
    let Compressed { messages, before, after } = outbox.take_compressed();
    assert_eq!((messages, before), (2, 2 * long.len() as u64));
    assert!(after < 100);
}

fn event(number: usize, attachments: usize) -> (String, Vec<Vec<u8>>) {
    let holder = |n| format!(",{{\"_placeholder\":true,\"num\":{n}}}");
    let holders: String = (0..attachments).map(holder).collect();
    let kind = if attachments == 0 { "2".to_owned() } else { format!("5{attachments}-") };
    (
        format!("4{kind}[\"e\",{number}{holders}]"),
        (0..attachments).map(|n| vec![n as u8; number % 200]).collect(),
    )
}

/// A packet as the msgpack parser has it.
fn packed(text: &str, attachments: &[Vec<u8>]) -> Seen {
    let attachments: Vec<Cow<'_, [u8]>> = attachments.iter().map(Into::into).collect();
    let mut bytes = Vec::new();
    packet::encode(&text[1..], &attachments, &mut bytes).unwrap();
    Seen::Binary(bytes)
}

#[test]
fn with_the_msgpack_parser_a_message_is_one_packet_in_every_form() {
    for_seeds(if cfg!(miri) { 1 } else { 40 }, |rng| {
        let mut outbox = Outbox::default();
        for _tick in 0..2 {
            let mut all: Vec<(Frame, Seen)> = Vec::new();
            for number in 0..rng.usize(1..20) {
                let (frame, seen) = match rng.u8(..5) {
                    // The engine's own, and what is none of Socket.IO's.
                    0 => {
                        let own = *rng.choice(&["2", "6", "4hello", "45[\"no count\"]"]).unwrap();
                        let frame = outbox.append(|out| out.frame(Opcode::Text, own.as_bytes())).unwrap();
                        (frame, Seen::Text(own.to_owned()))
                    }
                    1 => {
                        let frame = outbox.append(|out| out.frame(Opcode::Binary, b"as it is")).unwrap();
                        (frame, Seen::Binary(b"as it is".to_vec()))
                    }
                    _ => {
                        let (text, attachments) = event(number, *rng.choice(&[0, 0, 1, 2, 20]).unwrap());
                        let write = |out: &mut Writer<'_>| {
                            out.frame(Opcode::Text, text.as_bytes());
                            attachments.iter().for_each(|bytes| out.attachment(bytes));
                        };
                        (outbox.append(write).unwrap(), packed(&text, &attachments))
                    }
                };
                all.push((frame, seen));
                let from = rng.usize(..all.len());
                let ranges = [Frame { start: all[from].0.start, end: frame.end }];
                for form in [Form::WebSocket, Form::TextFrames, Form::Polling] {
                    let share = outbox.in_form(Parser::Msgpack, form, &ranges);
                    let mut bytes = Vec::new();
                    share.write(&mut bytes);
                    let expected: Vec<Seen> = all[from..].iter().map(|(_, seen)| seen.clone()).collect();
                    assert_eq!(read(form, &bytes), expected, "{form:?}");
                }
                // Others have it as it was.
                let share = outbox.in_form(Parser::Text, Form::WebSocket, &ranges);
                assert_eq!(share.len(), ranges[0].len());
            }
            // What waits is whole messages: those within others are not there for a poll to take.
            let terms =
                Terms { parser: Parser::Msgpack, form: Form::Polling, closing: false, bound: 1 << 30 };
            for (frame, _) in &all {
                outbox.keep(7, &[*frame], 0, terms);
            }
            let waiting: Vec<Seen> = outbox
                .backlog(7)
                .unwrap()
                .packets()
                .map(|packet| match packet.opcode {
                    Opcode::Text => Seen::Text(String::from_utf8(packet.payload.to_vec()).unwrap()),
                    _ => Seen::Binary(packet.payload.to_vec()),
                })
                .collect();
            assert_eq!(waiting, all.iter().map(|(_, seen)| seen.clone()).collect::<Vec<_>>());
            outbox.close_backlog(7);
            outbox.restart();
        }
    });
}

#[test]
fn it_is_made_once_for_all_and_for_nobody_else() {
    let mut outbox = Outbox::default();
    let (text, attachments) = event(5, 2);
    let write = |out: &mut Writer<'_>| {
        out.frame(Opcode::Text, text.as_bytes());
        attachments.iter().for_each(|bytes| out.attachment(bytes));
    };
    let range = [outbox.append(write).unwrap()];
    outbox.in_form(Parser::Text, Form::Polling, &range);
    assert_eq!(outbox.packed_bytes(), 0);
    let len = outbox.in_form(Parser::Msgpack, Form::WebSocket, &range).len();
    for form in [Form::WebSocket, Form::TextFrames, Form::Polling, Form::WebSocket] {
        outbox.in_form(Parser::Msgpack, form, &range);
        assert_eq!(outbox.packed_bytes(), len);
    }
    outbox.restart();
    assert_eq!(outbox.packed_bytes(), 0);
}

//! What the nodes of a cluster say, in every format: what was read, said again and read again is the same.

use super::input::Input;
use roomcast::wire::cluster::nodes::{self, Format};
use roomcast::wire::cluster::{
    Heard, MAX_ROOMS, MAX_SOCKETS, Malformed, Message, Packet, Untold, pubsub, python,
};
use roomcast::wire::{json, msgpack, socketio};

const MAX: usize = 1 << 20;
/// What a message's values may have around them, beside what msgpack may have.
const DEPTH: u32 = msgpack::MAX_DEPTH + 8;

/// Which of the formats, and what of it.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Broadcast,
    Request,
    Response,
    Sharded,
    Streams,
    Entry,
    Python,
}

const KINDS: [Kind; 7] =
    [Kind::Broadcast, Kind::Request, Kind::Response, Kind::Sharded, Kind::Streams, Kind::Entry, Kind::Python];

pub(crate) fn messages(input: &[u8]) {
    let mut input = Input(input);
    let kind = input.pick(&KINDS);
    let number = [input.byte() % 14];
    let number: &[u8] = if matches!(kind, Kind::Entry) { &number } else { &[0] };
    let Ok(first) = read(kind, number[0], input.0) else { return };
    check(&first);
    let Ok(second) = say(kind, &first).map(|(number, bytes)| said(kind, number, &bytes, &first)) else {
        return;
    };
    if let Some(packet) = packet(&second.message)
        && socketio::placeholders(&packet.args, packet.attachments.len() as u32).is_err()
    {
        return;
    }
    // JSON of any form has one form after it was msgpack: it is the second that has to be the same again.
    let (number, bytes) = say(kind, &second).unwrap_or_else(|_| panic!("{kind:?}: {second:?} of {first:?}"));
    assert_eq!(said(kind, number, &bytes, &second), second, "{kind:?}: of {first:?}");
}

fn said(kind: Kind, number: u8, bytes: &[u8], of: &Heard<'_>) -> Heard<'static> {
    let again = read(kind, number, bytes).unwrap_or_else(|_| panic!("{kind:?}: {bytes:?} of {of:?}"));
    check(&again);
    again
}

fn read(kind: Kind, number: u8, bytes: &[u8]) -> Result<Heard<'static>, Malformed> {
    let heard = match kind {
        Kind::Broadcast => pubsub::decode_broadcast(bytes),
        Kind::Request => pubsub::decode_request(bytes, "/n"),
        Kind::Response => pubsub::decode_response(bytes, "/n"),
        Kind::Sharded | Kind::Streams => nodes::decode(bytes),
        Kind::Entry => {
            let mut scratch = Vec::new();
            let number = number.to_string();
            let read = nodes::decode_entry(b"u", b"/n", number.as_bytes(), Some(bytes), &mut scratch);
            return read.map(Heard::into_owned);
        }
        Kind::Python => {
            python::decode(bytes, "own").and_then(|heard| heard.ok_or(Malformed)).map(|mut heard| {
                // Whoever says it again has a number of their own.
                if let Message::Broadcast { request, .. } = &mut heard.message
                    && let Some(request) = request.take()
                {
                    assert_eq!(json::elements(&request).count(), 4, "{request}");
                }
                heard
            })
        }
    };
    heard.map(Heard::into_owned)
}

/// The same again, and its type if that stands outside of it.
fn say(kind: Kind, heard: &Heard<'_>) -> Result<(u8, Vec<u8>), Untold> {
    let mut out = Vec::new();
    let uid = heard.from.as_deref().unwrap_or("u");
    let (namespace, message) = (&*heard.namespace, &heard.message);
    let mut number = 0;
    match kind {
        Kind::Broadcast | Kind::Request | Kind::Response => {
            pubsub::encode(&mut out, uid, namespace, message, MAX)?;
        }
        Kind::Sharded => nodes::encode(&mut out, Format::Sharded, uid, namespace, &answering(message), MAX)?,
        Kind::Streams => nodes::encode(&mut out, Format::Streams, uid, namespace, &answering(message), MAX)?,
        Kind::Entry => number = nodes::encode_entry(&mut out, message, MAX)? as u8,
        Kind::Python => {
            python::encode(&mut out, uid, namespace, message, MAX)?;
            // An answer is for whoever has asked.
            if matches!(message, Message::AckReply { .. }) {
                return Err(Untold);
            }
        }
    }
    assert!(out.len() <= MAX);
    Ok((number, out))
}

/// An answer as a node gives it: its question is named with who has asked it, which is not said.
fn answering<'m>(message: &Message<'m>) -> Message<'m> {
    let mut message = message.clone();
    if let Message::FetchReply { request, .. }
    | Message::ServerEmitReply { request, .. }
    | Message::AckCount { request, .. }
    | Message::AckReply { request, .. } = &mut message
    {
        *request = format!("asker#{request}").into();
    }
    message
}

fn packet<'m>(message: &'m Message<'_>) -> Option<&'m Packet<'m>> {
    match message {
        Message::Broadcast { packet, .. } | Message::ServerEmit { packet, .. } => Some(packet),
        _ => None,
    }
}

/// What others rely on.
fn check(heard: &Heard<'_>) {
    if let Some(Packet { args, attachments, .. }) = packet(&heard.message) {
        // Whoever emits them does not check them again.
        assert!(json::is_array(args) && json::validate(args, msgpack::MAX_DEPTH).is_ok(), "{heard:?}");
        assert!(attachments.len() <= msgpack::MAX_ATTACHMENTS);
    }
    match &heard.message {
        Message::Broadcast { opts, .. }
        | Message::Join { opts, .. }
        | Message::Leave { opts, .. }
        | Message::Disconnect { opts, .. }
        | Message::Fetch { opts, .. } => {
            assert!(opts.rooms.len() <= MAX_ROOMS && opts.except.len() <= MAX_ROOMS)
        }
        Message::FetchReply { sockets, .. } => {
            assert!(sockets.len() <= MAX_SOCKETS);
            for socket in sockets {
                assert!(
                    json::is_object(&socket.handshake) && json::validate(&socket.data.json, DEPTH).is_ok()
                );
            }
        }
        Message::ServerEmitReply { value: Some(value), .. }
        | Message::AckReply { value: Some(value), .. } => {
            assert!(json::validate(&value.json, DEPTH).is_ok(), "{heard:?}");
        }
        _ => {}
    }
}

//! Socket.IO packets of the msgpack parser (`socket.io-msgpack-parser`): each is one binary message, a map. They are read into the text
//! form's parts, and written from the text form. It must not know which namespaces exist or what a connection has joined.
//!
//! The reference takes some packets that no client writes and that are refused here: those that its default parser refuses, such as one of
//! a reserved event or of a name that is neither text nor number, more attachments than `max_attachments`, a namespace that begins with no
//! slash or has a comma, a negative id, bytes in what a client says of itself with CONNECT, texts that are not UTF-8, and keys that are
//! neither texts nor integers. Besides, an object in data with bytes that looks like a placeholder and is none: the host could not tell.
//! `nil` for data or an id is none at all, as Python's client writes it, and so is `undefined`; the reference refuses `nil`.

use super::read::{Head, Reader};
use super::to_json::{Bounds, append_within};
use super::{Malformed, write};
use crate::base::limits::Limits;
use crate::wire::socketio::placeholders::each_placeholder;
use crate::wire::socketio::{self, Kind, Packet};
use std::borrow::Cow;

/// The first numbers that are not exact in JavaScript, and so no types or ids.
const END: f64 = 9_007_199_254_740_992.0;

/// A packet as it came, its data as JSON.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    kind: Kind,
    namespace: &'a str,
    id: Option<u64>,
    data: String,
    /// The bytes in its data, in the order of their placeholders.
    pub attachments: Vec<Cow<'a, [u8]>>,
}

impl Received<'_> {
    /// The packet, refused for everything that is wrong in it by itself.
    pub fn packet(&self, limits: &Limits) -> Result<Packet<'_>, Malformed> {
        let attachments = self.attachments.len() as u32;
        Packet::of(self.kind, self.namespace, self.id, attachments, &self.data, limits)
    }
}

/// Reads one packet, and nothing after it.
pub fn decode<'a>(message: &'a [u8], limits: &Limits) -> Result<Received<'a>, Malformed> {
    let mut reader = Reader(message);
    let Head::Map(fields) = reader.head()? else { return Err(Malformed) };
    let (mut kind, mut namespace, mut id, mut data) = (None, None, None, None);
    for _ in 0..fields {
        // Of equal keys the last counts, as in JavaScript.
        match reader.head()? {
            Head::Text(b"type") => kind = Some(reader.value()?),
            Head::Text(b"nsp") => namespace = Some(reader.value()?),
            Head::Text(b"id") => id = Some(reader.value()?),
            Head::Text(b"data") => data = Some(reader.value()?),
            // Clients say more, such as whether it may be compressed.
            Head::Text(_) | Head::Unsigned(_) | Head::Signed(_) => drop(reader.value()?),
            _ => return Err(Malformed),
        }
    }
    if !reader.0.is_empty() {
        return Err(Malformed);
    }
    // `nil`, or `undefined` as socket.io-msgpack-parser has it.
    let is_said = |value: &&[u8]| !matches!(**value, [0xc0] | [0xd4, 0, _]);
    let mut received = Received {
        kind: Kind::Connect,
        namespace: namespace_of(namespace.ok_or(Malformed)?)?,
        id: id.filter(is_said).map(number).transpose()?,
        data: String::new(),
        attachments: Vec::new(),
    };
    if let Some(data) = data.filter(is_said) {
        received.read_data(data, limits)?;
    }
    received.kind = match (number(kind.ok_or(Malformed)?)?, received.attachments.len()) {
        (0, 0) => Kind::Connect,
        (1, 0) => Kind::Disconnect,
        (2, 0) => Kind::Event,
        (2, _) => Kind::BinaryEvent,
        (3, 0) => Kind::Ack,
        (3, _) => Kind::BinaryAck,
        (4, 0) => Kind::ConnectError,
        _ => return Err(Malformed),
    };
    // In text these can be without data.
    let is_empty = received.data.is_empty();
    match received.kind {
        Kind::Event | Kind::Ack | Kind::ConnectError if is_empty => Err(Malformed),
        _ => Ok(received),
    }
}

impl<'a> Received<'a> {
    fn read_data(&mut self, data: &'a [u8], limits: &Limits) -> Result<(), Malformed> {
        let bounds = Bounds {
            depth: limits.max_json_depth,
            attachments: limits.max_attachments as usize,
            bytes: limits.max_event_size,
        };
        let mut json = Vec::with_capacity(data.len());
        append_within(&mut Reader(data), &mut json, &mut self.attachments, bounds)?;
        self.data = String::from_utf8(json).map_err(|_| Malformed)?;
        let bytes = self.attachments.iter().map(|bytes| bytes.len());
        if bytes.fold(self.data.len(), usize::saturating_add) > limits.max_event_size {
            return Err(Malformed);
        }
        if self.attachments.is_empty() {
            return Ok(());
        }
        let known = self.attachments.len();
        let mut found = 0usize;
        each_placeholder(&self.data, known as u32, |_| found = found.saturating_add(1))?;
        if found == known { Ok(()) } else { Err(Malformed) }
    }
}

/// Whole and not negative, in whichever form.
fn number(value: &[u8]) -> Result<u64, Malformed> {
    match Reader(value).head()? {
        Head::Unsigned(number) => Ok(number),
        Head::Signed(number) => number.try_into().map_err(|_| Malformed),
        Head::Float(number) if number.fract() == 0.0 && (0.0..END).contains(&number) => Ok(number as u64),
        _ => Err(Malformed),
    }
}

/// One that the text form can say as well.
fn namespace_of(value: &[u8]) -> Result<&str, Malformed> {
    let Head::Text(name) = Reader(value).head()? else { return Err(Malformed) };
    let name = std::str::from_utf8(name).map_err(|_| Malformed)?;
    if name.starts_with('/') && !name.contains(',') { Ok(name) } else { Err(Malformed) }
}

/// Appends a packet that stands in its text form, with its attachments: the keys in the order in which the reference has them.
///
/// The reference has `nsp` before `data` where it refuses a namespace that nobody has made, and before `id` where it asks a room for
/// acknowledgements: the order says nothing to a reader.
pub fn encode(text: &str, attachments: &[Cow<'_, [u8]>], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let packet = socketio::cut(text)?;
    let kind = match packet.kind {
        Kind::Connect => 0,
        Kind::Disconnect => 1,
        Kind::Event | Kind::BinaryEvent => 2,
        Kind::Ack | Kind::BinaryAck => 3,
        Kind::ConnectError => 4,
    };
    let has_data = !packet.data.is_empty();
    let fields = [true, true, has_data, packet.id.is_some()].into_iter().filter(|&is| is).count();
    write::map(out, fields as u32);
    let id = |out: &mut Vec<u8>| {
        if let Some(id) = packet.id {
            write::text(out, "id");
            write::number(out, id);
        }
    };
    if kind == 3 {
        id(out);
    }
    write::text(out, "type");
    write::number(out, kind);
    if has_data {
        write::text(out, "data");
        write::from_own(packet.data, attachments, out)?;
    }
    if kind != 3 {
        id(out);
    }
    write::text(out, "nsp");
    write::text(out, packet.nsp);
    Ok(())
}

/// How many bytes more than its attachments have valid JSON takes as msgpack, as it names some of them several times.
pub fn repeated(json: &str, attachments: &[&[u8]]) -> usize {
    let mut named = 0usize;
    let each = |attachment: usize| {
        named = named.saturating_add(attachments.get(attachment).map_or(0, |bytes| bytes.len()));
    };
    // What is wrong in it is found elsewhere.
    let _ = each_placeholder(json, attachments.len() as u32, each);
    named.saturating_sub(attachments.iter().map(|bytes| bytes.len()).sum())
}

//! Socket.IO v5 packets in their text form. It must not know which namespaces exist or what a connection has joined.

use std::borrow::Cow;

pub use super::json::Malformed;
use super::{decimal, json};
use crate::base::limits::Limits;

pub(super) mod placeholders;
#[cfg(test)]
mod tests;

pub use placeholders::placeholders;

/// How a client writes its packets, and wants to read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parser {
    /// As text, with binary messages behind it: what clients do unless they are told otherwise.
    #[default]
    Text,
    /// Each as one binary message (`socket.io-msgpack-parser`).
    Msgpack,
}

/// Event names that Socket.IO keeps for itself.
pub const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Joins a namespace, or confirms it.
    Connect,
    /// Leaves a namespace.
    Disconnect,
    /// An event.
    Event,
    /// The answer to an event.
    Ack,
    /// Refuses to let a client join a namespace.
    ConnectError,
    /// An event whose attachments follow.
    BinaryEvent,
    /// An answer whose attachments follow.
    BinaryAck,
}

/// A packet, cut from its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub kind: Kind,
    /// The namespace, with its slash and, if the client wrote one, its query string.
    pub nsp: &'a str,
    /// The number the answer to an event carries.
    pub id: Option<u64>,
    /// How many binary messages follow that belong to it.
    pub attachments: u32,
    /// The JSON, without white space around it. Empty if there is none, which only CONNECT, DISCONNECT and
    /// CONNECT_ERROR can have: an ACK without data is given as `[]`.
    pub data: &'a str,
    /// An event's name, and its raw arguments.
    event: (Cow<'a, str>, &'a str),
}

/// Reads one packet and refuses it for everything that is wrong in it by itself.
///
/// The reference takes some texts that no client writes and that are refused here: an event without data, an
/// attachment count that is not plain digits (`+1`, `1e1`), white space between the digits of an id, an id of
/// more than 64 bits. White space where an id may stand is skipped, where the reference reads it as 0.
pub fn decode<'a>(text: &'a str, limits: &Limits) -> Result<Packet<'a>, Malformed> {
    let mut packet = cut(text)?;
    let binary = matches!(packet.kind, Kind::BinaryEvent | Kind::BinaryAck);
    if binary && (packet.attachments == 0 || packet.attachments > limits.max_attachments) {
        return Err(Malformed);
    }
    packet.check_data(limits)?;
    Ok(packet)
}

/// The parts of a packet, of which only how they stand behind one another is checked.
#[inline(always)]
pub(in crate::wire) fn cut(text: &str) -> Result<Packet<'_>, Malformed> {
    let kind = match text.as_bytes().first() {
        Some(b'0') => Kind::Connect,
        Some(b'1') => Kind::Disconnect,
        Some(b'2') => Kind::Event,
        Some(b'3') => Kind::Ack,
        Some(b'4') => Kind::ConnectError,
        Some(b'5') => Kind::BinaryEvent,
        Some(b'6') => Kind::BinaryAck,
        _ => return Err(Malformed),
    };
    let mut rest = text.get(1..).ok_or(Malformed)?;
    let mut attachments = 0;
    if let Kind::BinaryEvent | Kind::BinaryAck = kind {
        let (count, tail) = rest.split_once('-').ok_or(Malformed)?;
        attachments = number(count)?.try_into().map_err(|_| Malformed)?;
        rest = tail;
    }
    let mut nsp = "/";
    if rest.starts_with('/') {
        (nsp, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, rest) = rest.split_at(digits);
    let id = if id.is_empty() { None } else { Some(number(id)?) };
    let data = json::trim(rest);
    Ok(Packet { kind, nsp, id, attachments, data, event: (Cow::Borrowed(""), "") })
}

/// Decimal digits only, unlike `str::parse`, which also takes a plus sign.
fn number(text: &str) -> Result<u64, Malformed> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Malformed);
    }
    text.parse().map_err(|_| Malformed)
}

impl<'a> Packet<'a> {
    /// A packet of these parts, if that is what they are.
    pub(in crate::wire) fn of(
        kind: Kind,
        nsp: &'a str,
        id: Option<u64>,
        attachments: u32,
        data: &'a str,
        limits: &Limits,
    ) -> Result<Self, Malformed> {
        let mut packet = Packet { kind, nsp, id, attachments, data, event: (Cow::Borrowed(""), "") };
        packet.check_data(limits)?;
        Ok(packet)
    }

    /// Checks the data, and finds the event in it. In place: a packet is too large to be handed on at every message.
    fn check_data(&mut self, limits: &Limits) -> Result<(), Malformed> {
        if self.data.is_empty() {
            match self.kind {
                Kind::Ack | Kind::BinaryAck => self.data = "[]",
                Kind::BinaryEvent => return Err(Malformed),
                Kind::Connect | Kind::Disconnect | Kind::ConnectError | Kind::Event => {}
            }
            return Ok(());
        }
        // There is no white space around it.
        let first = self.data.as_bytes().first();
        let allowed = match self.kind {
            Kind::Connect => first == Some(&b'{'),
            Kind::Disconnect => false,
            Kind::ConnectError => matches!(first, Some(b'{' | b'"')),
            Kind::Event | Kind::Ack | Kind::BinaryEvent | Kind::BinaryAck => first == Some(&b'['),
        };
        if !allowed {
            return Err(Malformed);
        }
        match self.kind {
            Kind::Event | Kind::BinaryEvent => {
                let (name, args) = json::headed(self.data, limits.max_json_depth)?;
                let name = if name.starts_with('"') { json::unescape(name) } else { json::number_text(name) };
                if is_reserved(&name) {
                    return Err(Malformed);
                }
                self.event = (name, args);
            }
            _ => json::validate(self.data, limits.max_json_depth)?,
        }
        if self.attachments > 0 {
            placeholders(self.data, self.attachments)?;
        }
        Ok(())
    }

    /// An event's name and its raw arguments with their commas but no brackets: empty, or `1,{"a":2}`.
    ///
    /// A number as name is given as JavaScript prints it.
    pub fn event(&self) -> (&str, &'a str) {
        (&self.event.0, self.event.1)
    }
}

/// Whether Socket.IO keeps this event name for itself.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Appends the packet that confirms a namespace; `pid` is the session's private id, where it can be recovered.
pub fn write_connect(out: &mut Vec<u8>, nsp: &str, sid: &str, pid: Option<&str>) {
    head(out, b'0', 0, nsp, None);
    out.extend_from_slice(b"{\"sid\":");
    json::write_string(out, sid);
    if let Some(pid) = pid {
        out.extend_from_slice(b",\"pid\":");
        json::write_string(out, pid);
    }
    out.push(b'}');
}

/// Appends the packet that refuses a namespace; `data` is valid JSON.
pub fn write_connect_error(out: &mut Vec<u8>, nsp: &str, message: &str, data: Option<&str>) {
    head(out, b'4', 0, nsp, None);
    out.extend_from_slice(b"{\"message\":");
    json::write_string(out, message);
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data.as_bytes());
    }
    out.push(b'}');
}

/// Appends the packet that confirms a namespace to a client of Socket.IO 2.
pub fn write_old_connect(out: &mut Vec<u8>, nsp: &str) {
    head(out, b'0', 0, nsp, None);
}

/// Appends the packet by which a host refuses a namespace to a client of Socket.IO 2: its `data`, valid JSON, if that is anything in
/// JavaScript, or its message.
pub fn write_old_error(out: &mut Vec<u8>, nsp: &str, message: &str, data: Option<&str>) {
    head(out, b'4', 0, nsp, None);
    let data = data.map(json::trim).filter(|data| !is_falsy(data));
    match data {
        Some(data) => out.extend_from_slice(data.as_bytes()),
        None => json::write_string(out, message),
    }
}

/// Whether JavaScript takes a value for false.
fn is_falsy(value: &str) -> bool {
    match value {
        "null" | "false" | "\"\"" => true,
        number => number.parse() == Ok(0.0),
    }
}

/// Appends the packet that ends a client's stay in a namespace.
pub fn write_disconnect(out: &mut Vec<u8>, nsp: &str) {
    head(out, b'1', 0, nsp, None);
}

/// Appends an event; `args` is a valid JSON array.
pub fn write_event(
    out: &mut Vec<u8>,
    nsp: &str,
    attachments: usize,
    id: Option<u64>,
    name: &str,
    args: &str,
) {
    head(out, if attachments == 0 { b'2' } else { b'5' }, attachments, nsp, id);
    out.push(b'[');
    json::write_string(out, name);
    let rest = json::elements(args).rest();
    if !rest.is_empty() {
        out.push(b',');
        out.extend_from_slice(rest.as_bytes());
    }
    out.push(b']');
}

/// Appends the answer to an event; `args` is a valid JSON array.
pub fn write_ack(out: &mut Vec<u8>, nsp: &str, attachments: usize, id: u64, args: &str) {
    head(out, if attachments == 0 { b'3' } else { b'6' }, attachments, nsp, Some(id));
    out.extend_from_slice(args.as_bytes());
}

/// Type, attachment count, namespace and id. The main namespace has no name on the wire.
fn head(out: &mut Vec<u8>, kind: u8, attachments: usize, nsp: &str, id: Option<u64>) {
    out.push(kind);
    if attachments > 0 {
        decimal::write(out, attachments as u64);
        out.push(b'-');
    }
    if nsp != "/" {
        out.extend_from_slice(nsp.as_bytes());
        out.push(b',');
    }
    if let Some(id) = id {
        decimal::write(out, id);
    }
}

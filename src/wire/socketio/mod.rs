//! Socket.IO v5 packets in their text form. It must not know which namespaces exist or what a connection has joined.

use std::borrow::Cow;
use std::io::Write as _;

use super::json;
pub use super::json::Malformed;
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
    let packet = cut(text)?;
    let binary = matches!(packet.kind, Kind::BinaryEvent | Kind::BinaryAck);
    if binary && (packet.attachments == 0 || packet.attachments > limits.max_attachments) {
        return Err(Malformed);
    }
    packet.with_checked_data(limits)
}

/// The parts of a packet, of which only how they stand behind one another is checked.
#[inline]
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
        attachments = decimal(count)?.try_into().map_err(|_| Malformed)?;
        rest = tail;
    }
    let mut nsp = "/";
    if rest.starts_with('/') {
        (nsp, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, rest) = rest.split_at(digits);
    let id = if id.is_empty() { None } else { Some(decimal(id)?) };
    let data = json::trim(rest);
    Ok(Packet { kind, nsp, id, attachments, data, event: (Cow::Borrowed(""), "") })
}

/// Decimal digits only, unlike `str::parse`, which also takes a plus sign.
fn decimal(text: &str) -> Result<u64, Malformed> {
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
        Packet { kind, nsp, id, attachments, data, event: (Cow::Borrowed(""), "") }.with_checked_data(limits)
    }

    fn with_checked_data(mut self, limits: &Limits) -> Result<Self, Malformed> {
        if self.data.is_empty() {
            match self.kind {
                Kind::Ack | Kind::BinaryAck => self.data = "[]",
                Kind::BinaryEvent => return Err(Malformed),
                Kind::Connect | Kind::Disconnect | Kind::ConnectError | Kind::Event => {}
            }
            return Ok(self);
        }
        let allowed = match self.kind {
            Kind::Connect => json::is_object(self.data),
            Kind::Disconnect => false,
            Kind::ConnectError => json::is_object(self.data) || json::is_string(self.data),
            Kind::Event | Kind::Ack | Kind::BinaryEvent | Kind::BinaryAck => json::is_array(self.data),
        };
        if !allowed {
            return Err(Malformed);
        }
        json::validate(self.data, limits.max_json_depth)?;
        if let Kind::Event | Kind::BinaryEvent = self.kind {
            let mut items = json::elements(self.data);
            let name = items.next().and_then(event_name).ok_or(Malformed)?;
            if is_reserved(&name) {
                return Err(Malformed);
            }
            self.event = (name, items.rest());
        }
        if self.attachments > 0 {
            placeholders(self.data, self.attachments)?;
        }
        Ok(self)
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

/// The name in an event's first item, if it is a string or a number.
fn event_name(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => Some(json::unescape(raw)),
        b'-' | b'0'..=b'9' => Some(json::number_text(raw)),
        _ => None,
    }
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
    // Writing to a Vec cannot fail.
    if attachments > 0 {
        let _ = write!(out, "{attachments}-");
    }
    if nsp != "/" {
        out.extend_from_slice(nsp.as_bytes());
        out.push(b',');
    }
    if let Some(id) = id {
        let _ = write!(out, "{id}");
    }
}

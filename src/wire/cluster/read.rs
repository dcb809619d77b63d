//! What the messages of all formats have in common, read. It must not know where in a message it stands.

use super::raw::{Raw, fields_of_next};
use super::{Flags, MAX_LISTED, MAX_ROOMS, MAX_SOCKETS, Malformed, Opts, Packet, RemoteSocket, Value};
use crate::wire::json;
use crate::wire::msgpack::{self, Head, MAX_ATTACHMENTS, MAX_DEPTH, Reader};
use std::borrow::Cow;

/// The fields that messages have, unread: of equal ones the last. Where nothing is there, or `null`, a field is `None`.
#[derive(Default)]
pub(super) struct Fields<'o, 'a> {
    pub(super) kind: Option<Raw<'o, 'a>>,
    pub(super) uid: Option<Raw<'o, 'a>>,
    pub(super) request: Option<Raw<'o, 'a>>,
    pub(super) opts: Option<Raw<'o, 'a>>,
    pub(super) rooms: Option<Raw<'o, 'a>>,
    pub(super) close: Option<Raw<'o, 'a>>,
    /// This one may be `null`.
    pub(super) data: Option<Raw<'o, 'a>>,
    /// And this one.
    pub(super) packet: Option<Raw<'o, 'a>>,
    pub(super) sockets: Option<Raw<'o, 'a>>,
    pub(super) clients: Option<Raw<'o, 'a>>,
    pub(super) namespace: Option<Raw<'o, 'a>>,
    pub(super) sid: Option<Raw<'o, 'a>>,
    pub(super) room: Option<Raw<'o, 'a>>,
}

impl<'o, 'a> Fields<'o, 'a> {
    pub(super) fn of(message: Raw<'o, 'a>) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        message.fields(|key, value| fields.take(key, value))?;
        Ok(fields)
    }

    fn take(&mut self, key: &[u8], value: Raw<'o, 'a>) -> Result<(), Malformed> {
        let field = match key {
            b"data" => &mut self.data,
            b"packet" => &mut self.packet,
            _ if value.is_nothing() => return Ok(()),
            b"type" => &mut self.kind,
            b"uid" => &mut self.uid,
            b"requestId" => &mut self.request,
            b"opts" => &mut self.opts,
            b"rooms" => &mut self.rooms,
            b"close" => &mut self.close,
            b"sockets" => &mut self.sockets,
            b"clientCount" => &mut self.clients,
            b"nsp" => &mut self.namespace,
            b"sid" => &mut self.sid,
            b"room" => &mut self.room,
            _ => return Ok(()),
        };
        *field = Some(value);
        Ok(())
    }

    /// By which the answer finds who has asked.
    pub(super) fn request(&self) -> Result<Cow<'a, str>, Malformed> {
        self.request.ok_or(Malformed)?.text()
    }

    pub(super) fn maybe_request(&self) -> Result<Option<Cow<'a, str>>, Malformed> {
        self.request.map(Raw::text).transpose()
    }

    /// Whom it is about, which has to be said: nobody means everybody.
    pub(super) fn opts(&self) -> Result<Opts<'a>, Malformed> {
        opts(self.opts.ok_or(Malformed)?)
    }

    pub(super) fn rooms(&self) -> Result<Vec<Cow<'a, str>>, Malformed> {
        names(self.rooms.ok_or(Malformed)?)
    }

    pub(super) fn close(&self) -> Result<bool, Malformed> {
        self.close.map_or(Ok(false), Raw::flag)
    }

    /// The event in `packet`, and the namespace if it is in there.
    pub(super) fn packet(&self) -> Result<(Packet<'a>, Option<Cow<'a, str>>), Malformed> {
        let fields = Fields::of(self.packet.ok_or(Malformed)?)?;
        check_event(fields.kind)?;
        Ok((event(fields.data.ok_or(Malformed)?)?, fields.namespace.map(Raw::text).transpose()?))
    }

    pub(super) fn sockets(&self) -> Result<Vec<RemoteSocket<'a>>, Malformed> {
        sockets(self.sockets.ok_or(Malformed)?)
    }

    pub(super) fn clients(&self) -> Result<u64, Malformed> {
        self.clients.ok_or(Malformed)?.number()
    }
}

/// At most `most` of an array's values, each read by `read`.
fn list<'o, 'a, T>(
    array: Raw<'o, 'a>,
    most: usize,
    mut read: impl FnMut(Raw<'o, 'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut list = Vec::new();
    for item in array.items()? {
        if list.len() >= most {
            return Err(Malformed);
        }
        list.push(read(item)?);
    }
    Ok(list)
}

pub(super) fn names<'a>(array: Raw<'_, 'a>) -> Result<Vec<Cow<'a, str>>, Malformed> {
    list(array, MAX_ROOMS, Raw::name)
}

/// All that a node has.
pub(super) fn listed<'a>(array: Raw<'_, 'a>) -> Result<Vec<Cow<'a, str>>, Malformed> {
    list(array, MAX_LISTED, Raw::name)
}

pub(super) fn opts<'a>(object: Raw<'_, 'a>) -> Result<Opts<'a>, Malformed> {
    let mut opts = Opts::default();
    object.fields(|key, value| take_opt(&mut opts, key, value))?;
    Ok(opts)
}

/// The same of the map of msgpack that comes next.
pub(super) fn next_opts<'a>(reader: &mut Reader<'a>) -> Result<Opts<'a>, Malformed> {
    let mut opts = Opts::default();
    fields_of_next(reader, |key, value| take_opt(&mut opts, key, value))?;
    Ok(opts)
}

fn take_opt<'a>(opts: &mut Opts<'a>, key: &[u8], value: Raw<'_, 'a>) -> Result<(), Malformed> {
    match key {
        _ if value.is_nothing() => {}
        b"rooms" => opts.rooms = names(value)?,
        b"except" => opts.except = names(value)?,
        b"flags" => opts.flags = flags(value)?,
        _ => {}
    }
    Ok(())
}

fn flags(object: Raw<'_, '_>) -> Result<Flags, Malformed> {
    let mut flags = Flags::default();
    object.fields(|key, value| {
        match key {
            _ if value.is_nothing() => {}
            b"volatile" => flags.volatile = value.flag()?,
            b"compress" => flags.compress = Some(value.flag()?),
            b"timeout" => flags.timeout = Some(value.number()?),
            b"expectSingleResponse" => flags.expect_single_response = value.flag()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(flags)
}

/// Whether a packet's type is that of an event.
fn check_event(kind: Option<Raw<'_, '_>>) -> Result<(), Malformed> {
    /// An event, and what old nodes call one with attachments.
    const EVENTS: [u64; 2] = [2, 5];
    if EVENTS.contains(&kind.ok_or(Malformed)?.number()?) { Ok(()) } else { Err(Malformed) }
}

/// A packet of msgpack that comes next, which is an event, and its namespace if it has one. It is read in one go.
pub(super) fn next_packet<'a>(
    reader: &mut Reader<'a>,
) -> Result<(Packet<'a>, Option<Cow<'a, str>>), Malformed> {
    let Head::Map(count) = reader.head()? else { return Err(Malformed) };
    let (mut kind, mut event, mut namespace) = (None, None, None);
    for _ in 0..count {
        match reader.head()? {
            Head::Text(b"type") => kind = Some(Raw::Msgpack(reader.value()?)),
            Head::Text(b"data") => event = Some(next_event(reader)?),
            Head::Text(b"nsp") => namespace = Some(Raw::Msgpack(reader.value()?)),
            Head::Text(_) | Head::Unsigned(_) | Head::Signed(_) => _ = reader.value()?,
            _ => return Err(Malformed),
        }
    }
    check_event(kind)?;
    let namespace = namespace.filter(|namespace| !namespace.is_nothing()).map(Raw::text);
    Ok((event.ok_or(Malformed)?, namespace.transpose()?))
}

/// An array of a name and arguments, which are no deeper than those of a host.
pub(super) fn event<'a>(array: Raw<'_, 'a>) -> Result<Packet<'a>, Malformed> {
    let node = match array {
        Raw::Json(node) => node,
        Raw::Msgpack(bytes) => return next_event(&mut Reader(bytes)),
    };
    let mut items = node.items().ok_or(Malformed)?;
    let name = items.next().map(Raw::Json).ok_or(Malformed)?.name()?;
    let args = ["[", items.rest(), "]"].concat();
    check_depth(array, &args)?;
    Ok(Packet { name, args: Cow::Owned(args), attachments: Vec::new() })
}

/// Bytes that most arguments do not have.
const ENOUGH: usize = 1_024;

/// The same of msgpack that comes next.
fn next_event<'a>(reader: &mut Reader<'a>) -> Result<Packet<'a>, Malformed> {
    let Head::Array(count @ 1..) = reader.head()? else { return Err(Malformed) };
    let name = Raw::Msgpack(reader.value()?).name()?;
    // A message may say its arguments many times.
    let mut args = Vec::with_capacity(reader.0.len().min(ENOUGH));
    let mut attachments = Vec::new();
    args.push(b'[');
    for number in 1..count {
        if number > 1 {
            args.push(b',');
        }
        msgpack::append_argument(reader, &mut args, &mut attachments)?;
    }
    args.push(b']');
    let args = String::from_utf8(args).map_err(|_| Malformed)?;
    Ok(Packet { name, args: Cow::Owned(args), attachments })
}

/// Refuses arguments that are deeper than those of a host. They are of this value.
pub(super) fn check_depth(of: Raw<'_, '_>, args: &str) -> Result<(), Malformed> {
    if of.is_deep() { json::validate(args, MAX_DEPTH) } else { Ok(()) }
}

fn sockets<'a>(array: Raw<'_, 'a>) -> Result<Vec<RemoteSocket<'a>>, Malformed> {
    let mut attachments = 0usize;
    list(array, MAX_SOCKETS, |object| {
        let socket = socket(object)?;
        attachments = attachments.saturating_add(socket.data.attachments.len());
        if attachments > MAX_ATTACHMENTS { Err(Malformed) } else { Ok(socket) }
    })
}

fn socket<'a>(object: Raw<'_, 'a>) -> Result<RemoteSocket<'a>, Malformed> {
    let nothing = || Value { json: Cow::Borrowed("{}"), attachments: Vec::new() };
    let (mut id, mut handshake, mut rooms, mut data) = (None, nothing(), Vec::new(), nothing());
    object.fields(|key, value| {
        match key {
            _ if value.is_nothing() => {}
            b"id" => id = Some(value.text()?),
            b"handshake" => handshake = value.value()?,
            b"rooms" => rooms = names(value)?,
            b"data" => data = value.value()?,
            _ => {}
        }
        Ok(())
    })?;
    // Hosts read it as an object; bytes in it would have nowhere to be.
    if !handshake.json.starts_with('{') || !handshake.attachments.is_empty() {
        return Err(Malformed);
    }
    Ok(RemoteSocket { id: id.ok_or(Malformed)?, handshake: handshake.json, rooms, data })
}

//! What the messages of all formats have in common, read. It must not know where in a message it stands.

use super::raw::{Items, Raw};
use super::{Flags, MAX_LISTED, MAX_ROOMS, MAX_SOCKETS, Malformed, Opts, Packet, RemoteSocket, Value};
use crate::wire::msgpack::{self, MAX_ATTACHMENTS};
use std::borrow::Cow;

/// The fields that messages have, unread: of equal ones the last. Where nothing is there, or `null`, a field is `None`.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) kind: Option<Raw<'a>>,
    pub(super) uid: Option<Raw<'a>>,
    pub(super) request: Option<Raw<'a>>,
    pub(super) opts: Option<Raw<'a>>,
    pub(super) rooms: Option<Raw<'a>>,
    pub(super) close: Option<Raw<'a>>,
    /// This one may be `null`.
    pub(super) data: Option<Raw<'a>>,
    /// And this one.
    pub(super) packet: Option<Raw<'a>>,
    pub(super) sockets: Option<Raw<'a>>,
    pub(super) clients: Option<Raw<'a>>,
    pub(super) namespace: Option<Raw<'a>>,
    pub(super) sid: Option<Raw<'a>>,
    pub(super) room: Option<Raw<'a>>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: Raw<'a>) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        message.fields(|key, value| {
            let field = match key {
                "data" => &mut fields.data,
                "packet" => &mut fields.packet,
                _ if value.is_nothing() => return Ok(()),
                "type" => &mut fields.kind,
                "uid" => &mut fields.uid,
                "requestId" => &mut fields.request,
                "opts" => &mut fields.opts,
                "rooms" => &mut fields.rooms,
                "close" => &mut fields.close,
                "sockets" => &mut fields.sockets,
                "clientCount" => &mut fields.clients,
                "nsp" => &mut fields.namespace,
                "sid" => &mut fields.sid,
                "room" => &mut fields.room,
                _ => return Ok(()),
            };
            *field = Some(value);
            Ok(())
        })?;
        Ok(fields)
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
        packet(self.packet.ok_or(Malformed)?)
    }

    pub(super) fn sockets(&self) -> Result<Vec<RemoteSocket<'a>>, Malformed> {
        sockets(self.sockets.ok_or(Malformed)?)
    }

    pub(super) fn clients(&self) -> Result<u64, Malformed> {
        self.clients.ok_or(Malformed)?.number()
    }
}

/// At most `most` of an array's values, each read by `read`.
fn list<'a, T>(
    array: Raw<'a>,
    most: usize,
    mut read: impl FnMut(Raw<'a>) -> Result<T, Malformed>,
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

pub(super) fn names(array: Raw<'_>) -> Result<Vec<Cow<'_, str>>, Malformed> {
    list(array, MAX_ROOMS, Raw::name)
}

/// All that a node has.
pub(super) fn listed(array: Raw<'_>) -> Result<Vec<Cow<'_, str>>, Malformed> {
    list(array, MAX_LISTED, Raw::name)
}

pub(super) fn opts(object: Raw<'_>) -> Result<Opts<'_>, Malformed> {
    let mut opts = Opts::default();
    object.fields(|key, value| {
        match key {
            _ if value.is_nothing() => {}
            "rooms" => opts.rooms = names(value)?,
            "except" => opts.except = names(value)?,
            "flags" => opts.flags = flags(value)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(opts)
}

fn flags(object: Raw<'_>) -> Result<Flags, Malformed> {
    let mut flags = Flags::default();
    object.fields(|key, value| {
        match key {
            _ if value.is_nothing() => {}
            "volatile" => flags.volatile = value.flag()?,
            "compress" => flags.compress = Some(value.flag()?),
            "timeout" => flags.timeout = Some(value.number()?),
            "expectSingleResponse" => flags.expect_single_response = value.flag()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(flags)
}

/// A packet that is an event, and its namespace if it has one.
pub(super) fn packet(object: Raw<'_>) -> Result<(Packet<'_>, Option<Cow<'_, str>>), Malformed> {
    /// An event, and what old nodes call one with attachments.
    const EVENTS: [u64; 2] = [2, 5];
    let fields = Fields::of(object)?;
    if !EVENTS.contains(&fields.kind.ok_or(Malformed)?.number()?) {
        return Err(Malformed);
    }
    Ok((event(fields.data.ok_or(Malformed)?)?, fields.namespace.map(Raw::text).transpose()?))
}

/// An array of a name and arguments.
pub(super) fn event(array: Raw<'_>) -> Result<Packet<'_>, Malformed> {
    let mut items = array.items()?;
    let name = items.next().ok_or(Malformed)?.name()?;
    let (args, attachments) = match items {
        Items::Json(rest) => (["[", rest.rest(), "]"].concat(), Vec::new()),
        Items::Msgpack { mut rest, left } => {
            let mut args = Vec::with_capacity(rest.0.len().saturating_add(16));
            let mut attachments = Vec::new();
            args.push(b'[');
            for number in 0..left {
                if number > 0 {
                    args.push(b',');
                }
                msgpack::append(&mut rest, &mut args, &mut attachments)?;
            }
            args.push(b']');
            (String::from_utf8(args).map_err(|_| Malformed)?, attachments)
        }
    };
    Ok(Packet { name, args: Cow::Owned(args), attachments })
}

fn sockets(array: Raw<'_>) -> Result<Vec<RemoteSocket<'_>>, Malformed> {
    let mut attachments = 0usize;
    list(array, MAX_SOCKETS, |object| {
        let socket = socket(object)?;
        attachments = attachments.saturating_add(socket.data.attachments.len());
        if attachments > MAX_ATTACHMENTS { Err(Malformed) } else { Ok(socket) }
    })
}

fn socket(object: Raw<'_>) -> Result<RemoteSocket<'_>, Malformed> {
    let nothing = || Value { json: Cow::Borrowed("{}"), attachments: Vec::new() };
    let (mut id, mut handshake, mut rooms, mut data) = (None, nothing(), Vec::new(), nothing());
    object.fields(|key, value| {
        match key {
            _ if value.is_nothing() => {}
            "id" => id = Some(value.text()?),
            "handshake" => handshake = value.value()?,
            "rooms" => rooms = names(value)?,
            "data" => data = value.value()?,
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

//! The format of python-socketio's `RedisManager` and `AsyncRedisManager`: JSON on one channel. Pickles, which its versions before 5.14
//! wrote, are not read. It must not know who is connected.
//!
//! It knows sockets where the others know rooms: an order is about one socket, and what is excepted from an emit are sockets, so that
//! nodes in Python send to excepted rooms nevertheless. Nobody asks and nobody counts. Of the values of an acknowledgement the first is
//! read and written, as the other formats have it.

use super::raw::{Checked, Raw};
use super::write::Writer;
use super::{Heard, Malformed, Message, Opts, Packet, Untold, read};
use crate::wire::json;
use crate::wire::msgpack::MAX_ATTACHMENTS;
use crate::wire::socketio;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// What a message says, to the node `own`: `None` if it is this node's own, or an answer for another one.
///
/// The number of an emit whose acknowledgement is wanted is JSON, which says whom the answer is for; [`encode`] takes it apart again.
pub fn decode<'a>(bytes: &'a [u8], own: &str) -> Result<Option<Heard<'a>>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
    let message = Checked::json(text)?;
    let fields = Fields::of(message.raw())?;
    let method = fields.method.ok_or(Malformed)?.text()?;
    let from = fields.host.map(Raw::text).transpose()?;
    let is_own = from.as_deref() == Some(own);
    if is_own != (method == "callback") {
        return Ok(None);
    }
    let name = |field: Option<Raw<'_, 'a>>| Ok(vec![field.ok_or(Malformed)?.name()?]);
    let about = |field| Ok(Opts { rooms: name(field)?, ..Opts::default() });
    let message = match &*method {
        "emit" => emit(&fields)?,
        "callback" => Message::AckReply {
            request: fields.id.ok_or(Malformed)?.name()?,
            value: fields.args.ok_or(Malformed)?.items()?.next().map(Raw::value).transpose()?,
        },
        "disconnect" => Message::Disconnect { opts: about(fields.sid)?, close: false },
        "enter_room" => Message::Join { opts: about(fields.sid)?, rooms: name(fields.room)? },
        "leave_room" => Message::Leave { opts: about(fields.sid)?, rooms: name(fields.room)? },
        "close_room" => Message::Leave { opts: about(fields.room)?, rooms: name(fields.room)? },
        _ => Message::Other,
    };
    let namespace = fields.namespace.map_or(Ok(Cow::Borrowed("/")), Raw::text)?;
    Ok(Some(Heard { from, namespace, message, done: None }))
}

/// Calls `say` with the orders, each about one socket and one room, that say together what `message` says, or with it itself. What nobody
/// would answer, and what nobody counts, is not said.
pub fn each(message: &Message<'_>, mut say: impl FnMut(&Message<'_>)) {
    let about = |name: &Cow<'_, str>| Opts { rooms: vec![Cow::Owned(name.to_string())], ..Opts::default() };
    let one = |name: &Cow<'_, str>| vec![Cow::Owned(name.to_string())];
    match message {
        Message::AckCount { .. } => {}
        // All who are in a room leave it.
        Message::Leave { opts, rooms } if opts.except.is_empty() && opts.rooms == *rooms => {
            rooms.iter().for_each(|room| say(&Message::Leave { opts: about(room), rooms: one(room) }));
        }
        Message::Join { opts, rooms } | Message::Leave { opts, rooms }
            if opts.except.is_empty() && !opts.rooms.is_empty() =>
        {
            let joins = matches!(message, Message::Join { .. });
            for (name, room) in opts.rooms.iter().flat_map(|name| rooms.iter().map(move |room| (name, room)))
            {
                let (opts, rooms) = (about(name), one(room));
                say(&if joins { Message::Join { opts, rooms } } else { Message::Leave { opts, rooms } });
            }
        }
        Message::Disconnect { opts, close } if opts.except.is_empty() => {
            opts.rooms.iter().for_each(|name| say(&Message::Disconnect { opts: about(name), close: *close }));
        }
        message => say(message),
    }
}

/// The fields of a message, unread. Where `null` is, a field is `None`.
#[derive(Default)]
struct Fields<'o, 'a> {
    method: Option<Raw<'o, 'a>>,
    event: Option<Raw<'o, 'a>>,
    data: Option<Raw<'o, 'a>>,
    binary: Option<Raw<'o, 'a>>,
    namespace: Option<Raw<'o, 'a>>,
    room: Option<Raw<'o, 'a>>,
    skip: Option<Raw<'o, 'a>>,
    callback: Option<Raw<'o, 'a>>,
    host: Option<Raw<'o, 'a>>,
    sid: Option<Raw<'o, 'a>>,
    id: Option<Raw<'o, 'a>>,
    args: Option<Raw<'o, 'a>>,
}

impl<'o, 'a> Fields<'o, 'a> {
    fn of(message: Raw<'o, 'a>) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        message.fields(|key, value| {
            let field = match key {
                b"method" => &mut fields.method,
                b"event" => &mut fields.event,
                b"data" => &mut fields.data,
                b"binary" => &mut fields.binary,
                b"namespace" => &mut fields.namespace,
                b"room" => &mut fields.room,
                b"skip_sid" => &mut fields.skip,
                b"callback" => &mut fields.callback,
                b"host_id" => &mut fields.host,
                b"sid" => &mut fields.sid,
                b"id" => &mut fields.id,
                b"args" => &mut fields.args,
                _ => return Ok(()),
            };
            *field = if value.is_nothing() { None } else { Some(value) };
            Ok(())
        })?;
        Ok(fields)
    }
}

fn emit<'a>(fields: &Fields<'_, 'a>) -> Result<Message<'a>, Malformed> {
    let mut data = fields.data.ok_or(Malformed)?;
    let mut attachments = Vec::new();
    if fields.binary.map_or(Ok(false), Raw::flag)? {
        let mut items = data.items()?;
        data = items.next().ok_or(Malformed)?;
        for item in items {
            if attachments.len() >= MAX_ATTACHMENTS {
                return Err(Malformed);
            }
            let bytes = STANDARD.decode(item.text()?.as_bytes()).map_err(|_| Malformed)?;
            attachments.push(Cow::Owned(bytes));
        }
    }
    let args = data.value()?.json;
    read::check_depth(data, &args)?;
    let args = match &*args {
        args if !json::is_array(args) => return Err(Malformed),
        // Nothing is no argument in Python.
        args if json::elements(args).eq(["null"]) => Cow::Borrowed("[]"),
        _ => args,
    };
    // Its bytes are in the order of their placeholders.
    socketio::placeholders(&args, attachments.len() as u32)?;
    let packet = Packet { name: fields.event.ok_or(Malformed)?.name()?, args, attachments };
    let rooms = some_names(fields.room)?;
    // Everybody is `None`; an empty list is nobody.
    if fields.room.is_some() && rooms.is_empty() {
        return Err(Malformed);
    }
    let opts = Opts { rooms, except: some_names(fields.skip)?, ..Opts::default() };
    let request = fields.callback.map(|callback| asked(fields.host, callback)).transpose()?;
    Ok(Message::Broadcast { packet, opts, request })
}

/// None, one, or a list.
fn some_names<'a>(names: Option<Raw<'_, 'a>>) -> Result<Vec<Cow<'a, str>>, Malformed> {
    match names {
        None => Ok(Vec::new()),
        Some(name) if name.items().is_err() => Ok(vec![name.name()?]),
        Some(names) => read::names(names),
    }
}

/// Who has asked, and their `callback`: a room, a namespace and a number.
fn asked<'a>(host: Option<Raw<'_, 'a>>, callback: Raw<'_, 'a>) -> Result<Cow<'a, str>, Malformed> {
    let callback = callback.value()?.json;
    if !json::is_array(&callback) || json::elements(&callback).count() != PARTS - 1 {
        return Err(Malformed);
    }
    let host = host.ok_or(Malformed)?.value()?.json;
    Ok(Cow::Owned(["[", &host, ",", json::elements(&callback).rest(), "]"].concat()))
}

/// Of the number of an emit whose acknowledgement is wanted.
const PARTS: usize = 4;

/// Appends a message as the node `own` says it about `namespace`. An order is about one room, which nodes in Python take for a socket.
/// An acknowledgement may be wanted of an emit to one room.
///
/// # Errors
/// [`Untold`] if it would be longer than `max`, or the format has no such message. What was appended is of no use then.
pub fn encode(
    out: &mut Vec<u8>,
    own: &str,
    namespace: &str,
    message: &Message<'_>,
    max: usize,
) -> Result<(), Untold> {
    let mut writer = Writer::new(out, true, max);
    writer.object(0);
    let mut order = |method: &str, opts: &Opts<'_>, room: Option<&str>| {
        let [sid] = &opts.rooms[..] else { return Err(Untold) };
        if !opts.except.is_empty() {
            return Err(Untold);
        }
        writer.key("method").text(method);
        if method != "close_room" {
            writer.key("sid").text(sid);
        }
        if let Some(room) = room {
            writer.key("room").text(room);
        }
        writer.key("namespace").text(namespace);
        writer.key("host_id").text(own);
        Ok(())
    };
    match message {
        Message::Broadcast { packet, opts, request } => {
            write_emit(&mut writer, namespace, packet, opts, request.as_deref())?;
            writer.key("host_id").text(own);
        }
        Message::Join { opts, rooms } => {
            let [room] = &rooms[..] else { return Err(Untold) };
            order("enter_room", opts, Some(room))?;
        }
        Message::Leave { opts, rooms } if opts.rooms == *rooms => {
            order("close_room", opts, rooms.first().map(|room| &**room))?;
        }
        Message::Leave { opts, rooms } => {
            let [room] = &rooms[..] else { return Err(Untold) };
            order("leave_room", opts, Some(room))?;
        }
        Message::Disconnect { opts, .. } => order("disconnect", opts, None)?,
        Message::AckReply { request, value } => {
            let mut asked = json::elements(request);
            writer.key("method").text("callback");
            for key in ["host_id", "sid", "namespace", "id"] {
                writer.key(key).json(asked.next().ok_or(Untold)?, &[])?;
            }
            writer.key("args").list(1);
            match value {
                // JSON in Python has no bytes.
                Some(value) if !value.is_plain() => return Err(Untold),
                Some(value) => writer.value(value)?,
                None => {}
            }
            writer.end_list();
        }
        _ => return Err(Untold),
    }
    writer.end_object();
    writer.end()
}

fn write_emit(
    writer: &mut Writer<'_>,
    namespace: &str,
    packet: &Packet<'_>,
    opts: &Opts<'_>,
    request: Option<&str>,
) -> Result<(), Untold> {
    let Packet { name, args, attachments } = packet;
    writer.key("method").text("emit");
    writer.key("event").text(name);
    writer.key("data");
    if attachments.is_empty() {
        writer.json(args, &[])?;
    } else {
        writer.list(0);
        writer.item();
        writer.json(args, &[])?;
        for bytes in attachments {
            writer.item();
            writer.text(&STANDARD.encode(bytes));
        }
        writer.end_list();
    }
    writer.key("binary").flag(!attachments.is_empty());
    writer.key("namespace").text(namespace);
    for (key, names) in [("room", &opts.rooms), ("skip_sid", &opts.except)] {
        match &names[..] {
            [] => writer.key(key).json("null", &[])?,
            [name] => writer.key(key).text(name),
            names => writer.key(key).names(names),
        }
    }
    writer.key("callback");
    match (request, &opts.rooms[..]) {
        (None, _) => writer.json("null", &[])?,
        (Some(request), [room]) => {
            writer.list(0);
            for part in [room, namespace, request] {
                writer.item();
                writer.text(part);
            }
            writer.end_list();
        }
        (Some(_), _) => return Err(Untold),
    }
    Ok(())
}

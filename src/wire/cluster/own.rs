//! Messages that outlive the bytes they were read from. It must not change them.

use super::{Heard, Message, Opts, Packet, RemoteSocket, Value};
use std::borrow::Cow;

type Text<'a> = Cow<'a, str>;

fn text(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

fn texts(list: Vec<Text<'_>>) -> Vec<Text<'static>> {
    list.into_iter().map(text).collect()
}

fn attachments(list: Vec<Cow<'_, [u8]>>) -> Vec<Cow<'static, [u8]>> {
    list.into_iter().map(|bytes| Cow::Owned(bytes.into_owned())).collect()
}

fn opts(Opts { rooms, except, flags }: Opts<'_>) -> Opts<'static> {
    Opts { rooms: texts(rooms), except: texts(except), flags }
}

fn packet(packet: Packet<'_>) -> Packet<'static> {
    let Packet { name, args, attachments: list } = packet;
    Packet { name: text(name), args: text(args), attachments: attachments(list) }
}

fn value(Value { json, attachments: list }: Value<'_>) -> Value<'static> {
    Value { json: text(json), attachments: attachments(list) }
}

fn socket(RemoteSocket { id, handshake, rooms, data }: RemoteSocket<'_>) -> RemoteSocket<'static> {
    RemoteSocket { id: text(id), handshake: text(handshake), rooms: texts(rooms), data: value(data) }
}

impl Packet<'_> {
    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Packet<'static> {
        packet(self)
    }
}

impl Message<'_> {
    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Self::Broadcast { packet: event, opts: whom, request } => {
                Message::Broadcast { packet: packet(event), opts: opts(whom), request: request.map(text) }
            }
            Self::Join { opts: whom, rooms } => Message::Join { opts: opts(whom), rooms: texts(rooms) },
            Self::Leave { opts: whom, rooms } => Message::Leave { opts: opts(whom), rooms: texts(rooms) },
            Self::Disconnect { opts: whom, close } => Message::Disconnect { opts: opts(whom), close },
            Self::Fetch { request, opts: whom } => {
                Message::Fetch { request: text(request), opts: opts(whom) }
            }
            Self::FetchReply { request, sockets } => Message::FetchReply {
                request: text(request),
                sockets: sockets.into_iter().map(socket).collect(),
            },
            Self::Ids { request, rooms } => Message::Ids { request: text(request), rooms: texts(rooms) },
            Self::IdsReply { request, ids } => Message::IdsReply { request: text(request), ids: texts(ids) },
            Self::AllRooms { request } => Message::AllRooms { request: text(request) },
            Self::AllRoomsReply { request, rooms } => {
                Message::AllRoomsReply { request: text(request), rooms: texts(rooms) }
            }
            Self::ServerEmit { packet: event, request } => {
                Message::ServerEmit { packet: packet(event), request: request.map(text) }
            }
            Self::ServerEmitReply { request, value: answer } => {
                Message::ServerEmitReply { request: text(request), value: answer.map(value) }
            }
            Self::AckCount { request, clients } => Message::AckCount { request: text(request), clients },
            Self::AckReply { request, value: answer } => {
                Message::AckReply { request: text(request), value: answer.map(value) }
            }
            Self::Done { request } => Message::Done { request: text(request) },
            Self::Other => Message::Other,
        }
    }
}

impl Heard<'_> {
    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Heard<'static> {
        Heard {
            from: self.from.map(text),
            namespace: text(self.namespace),
            message: self.message.into_owned(),
            done: self.done.map(text),
        }
    }
}

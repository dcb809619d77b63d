//! Socket.IO packets from a client: which socket they are for, and what they mean there. A packet that does not fit
//! ends the connection, as in the reference.

use super::Hub;
use super::Timer;
use super::clients::{Assembly, Binary};
use super::eio3;
use crate::base::ids::{ConnId, Key, NamespaceId, SocketId};
use crate::engine::{Ending, Engine};
use crate::host::events::Kind;
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::wire::msgpack::packet;
use crate::wire::socketio::{self, Kind as PacketKind, Packet, Parser};

impl Hub {
    /// A text message.
    pub(crate) fn text(&mut self, engine: &mut Engine, conn: Key, text: &str) {
        let Some(state) = self.clients.get_mut(conn) else { return };
        let Binary::Unexpected = state.binary else { return self.malformed(engine, conn) };
        match socketio::decode(text, &engine.config.limits) {
            Ok(packet) if packet.attachments > 0 => {
                if text.len() > engine.config.limits.max_event_size {
                    return self.malformed(engine, conn);
                }
                state.binary = Binary::Attachment(Box::new(Assembly {
                    packet: text.into(),
                    missing: packet.attachments,
                    size: text.len(),
                    attachments: Vec::new(),
                }));
                let due = engine.now.saturating_add(engine.config.limits.attachment_timeout);
                self.timers.arm(Timer::Assembly(conn.slot), due);
            }
            Ok(packet) => self.packet::<&[u8]>(engine, conn, &packet, &[]),
            Err(_) => self.malformed(engine, conn),
        }
    }

    /// A binary message: an attachment of the packet before it, or a packet of its own.
    pub(crate) fn binary(&mut self, engine: &mut Engine, conn: Key, bytes: &[u8]) {
        let Some(state) = self.clients.get_mut(conn) else { return };
        let Binary::Attachment(assembly) = &mut state.binary else { return self.packed(engine, conn, bytes) };
        assembly.size = assembly.size.saturating_add(bytes.len());
        if assembly.size > engine.config.limits.max_event_size {
            return self.malformed(engine, conn);
        }
        assembly.attachments.push(bytes.into());
        assembly.missing = assembly.missing.saturating_sub(1);
        if assembly.missing > 0 {
            return;
        }
        let Binary::Attachment(assembly) = std::mem::take(&mut state.binary) else { return };
        self.timers.cancel(Timer::Assembly(conn.slot));
        // It was decoded once before; that it is decoded again costs less than keeping its parts apart.
        match socketio::decode(&assembly.packet, &engine.config.limits) {
            Ok(packet) => self.packet(engine, conn, &packet, &assembly.attachments),
            Err(_) => self.malformed(engine, conn),
        }
    }

    /// A packet of the msgpack parser. Which parser a client has is told by how it asks for its first namespace.
    fn packed(&mut self, engine: &mut Engine, conn: Key, bytes: &[u8]) {
        let Some(state) = self.clients.get(conn) else { return };
        let is_packer = match state.binary {
            Binary::Packet => true,
            // It may have come from another loop.
            _ => engine.is_msgpack(ConnId::new(conn)) == Ok(true),
        };
        let may_begin = engine.config.msgpack && state.is_new();
        if !(is_packer || may_begin) || bytes.len() > engine.config.limits.max_event_size {
            return self.malformed(engine, conn);
        }
        let Ok(received) = packet::decode(bytes, &engine.config.limits) else {
            return self.malformed(engine, conn);
        };
        match received.packet(&engine.config.limits) {
            Ok(packet) => {
                if packet.kind == PacketKind::Connect {
                    engine.set_parser(conn, Parser::Msgpack);
                }
                if let Some(state) = self.clients.get_mut(conn) {
                    state.binary = Binary::Packet;
                }
                self.packet(engine, conn, &packet, &received.attachments);
            }
            Err(_) => self.malformed(engine, conn),
        }
    }

    fn packet<A: AsRef<[u8]>>(
        &mut self,
        engine: &mut Engine,
        conn: Key,
        packet: &Packet<'_>,
        attachments: &[A],
    ) {
        if packet.kind == PacketKind::Connect && self.goes_elsewhere(engine, conn, packet) {
            return;
        }
        let (nsp, query) = eio3::namespace(engine, conn, packet.nsp);
        let (joined, waiting) = self.socket_of(conn, nsp);
        match (packet.kind, joined) {
            // Stock clients ask twice when a socket is opened by hand on a manager that is connected; one answer is enough.
            (PacketKind::Connect, None) if waiting => {}
            (PacketKind::Connect, Some(_)) => {}
            (PacketKind::Connect, None) if let Some(query) = query => {
                self.connect(engine, conn, nsp, &eio3::auth(query));
            }
            (PacketKind::Connect, None) => {
                let auth = if packet.data.is_empty() { "{}" } else { packet.data };
                self.connect(engine, conn, nsp, auth);
            }
            (PacketKind::Event | PacketKind::BinaryEvent, Some(socket)) => {
                self.event(engine, socket, packet, attachments)
            }
            (PacketKind::Ack | PacketKind::BinaryAck, Some(socket)) => {
                count(&mut engine.counters.messages_in, 1);
                if let Some(number) = packet.id {
                    let attachments = attachments.iter().map(AsRef::as_ref);
                    self.acknowledged(engine, socket, number, packet.data, attachments);
                } else {
                    count(&mut engine.counters.unknown_acks, 1);
                }
            }
            (PacketKind::Disconnect, Some(socket)) => {
                self.remove_socket(engine, socket, Reason::ClientNamespaceDisconnect, None);
            }
            (kind, None)
                if kind != PacketKind::Connect
                    && kind != PacketKind::ConnectError
                    && self.has_left(conn, nsp) =>
            {
                // It was on its way when the socket left.
            }
            _ => self.out_of_place(engine, conn),
        }
    }

    fn event<A: AsRef<[u8]>>(
        &mut self,
        engine: &mut Engine,
        socket: Key,
        packet: &Packet<'_>,
        attachments: &[A],
    ) {
        let Some(state) = self.sockets.get(socket).filter(|_| !packet.data.is_empty()) else { return };
        let kind = Kind::Message(SocketId::new(socket), NamespaceId::new(state.namespace), packet.id);
        let tag = state.tag;
        let (name, rest) = packet.event();
        count(&mut engine.counters.messages_in, 1);
        if engine.is_watched() {
            self.see_received(engine, socket, name, rest);
        }
        engine.events.push(kind).tag(tag).text(&[name]).text(&["[", rest, "]"]);
        for attachment in attachments {
            engine.events.bytes(attachment.as_ref());
        }
    }

    /// The socket of a connection in a namespace, and whether one waits there, for the host's decision or for other nodes.
    #[inline]
    fn socket_of(&self, conn: Key, namespace: &str) -> (Option<Key>, bool) {
        let Some(state) = self.clients.get(conn) else { return (None, false) };
        let named = |&key: &Key| self.namespaces.get(key).is_some_and(|home| &*home.name == namespace);
        if state.abroad.iter().any(named) {
            return (None, true);
        }
        for &key in &state.sockets {
            let Some(socket) = self.sockets.get(key) else { continue };
            if self.namespaces.get(socket.namespace).is_some_and(|home| &*home.name == namespace) {
                return if socket.is_connected() { (Some(key), false) } else { (None, true) };
            }
        }
        (None, false)
    }

    /// Whether a connection was in this namespace before and is no more.
    fn has_left(&self, conn: Key, namespace: &str) -> bool {
        self.clients.get(conn).is_some_and(|conn| conn.left.iter().any(|name| &**name == namespace))
    }

    /// A packet does not fit the state of its connection, which ends. The reference gives the reason of whichever comes
    /// first: the transport's end, if the client can be told at once, or the server's.
    fn out_of_place(&mut self, engine: &mut Engine, conn: Key) {
        count(&mut engine.counters.bad_packets, 1);
        let reason =
            if engine.is_between_polls(conn) { Reason::ForcedServerClose } else { Reason::ForcedClose };
        engine.close_conn(conn, reason, Ending::Orderly);
    }

    /// A packet cannot be parsed: its connection's sockets hear of it, and it ends.
    pub(super) fn malformed(&mut self, engine: &mut Engine, conn: Key) {
        count(&mut engine.counters.bad_packets, 1);
        let sockets = self.clients.get(conn).map(|conn| conn.sockets.clone()).unwrap_or_default();
        for key in sockets {
            if let Some(socket) = self.sockets.get(key).filter(|socket| socket.is_connected()) {
                let namespace = NamespaceId::new(socket.namespace);
                self.log_unparsable(engine, key);
                engine.events.push(Kind::ProtocolError(SocketId::new(key), namespace)).tag(socket.tag);
            }
        }
        engine.close_conn(conn, Reason::ForcedClose, Ending::Orderly);
    }
}

//! Socket.IO packets from a client: which socket they are for, and what they mean there. A packet that does not fit
//! ends the connection, as in the reference.

use super::core::{Core, Ending};
use super::events::Kind;
use super::stats::count;
use crate::base::ids::{ConnId, Key, NamespaceId, SocketId};
use crate::session::conn::{Assembly, Transport};
use crate::session::reason::Reason;
use crate::session::timers::Timer;
use crate::wire::socketio::{self, Kind as PacketKind, Packet};

impl Core {
    /// A text message.
    pub(super) fn text_message(&mut self, conn: Key, text: &str) {
        if self.config.engine_only {
            count(&mut self.counters.messages_in, 1);
            self.events.push(Kind::Text(ConnId::new(conn))).text(&[text]);
            return;
        }
        let Some(state) = self.conns.get_mut(conn) else { return };
        if state.assembly.is_some() {
            return self.malformed(conn);
        }
        match socketio::decode(text, &self.config.limits) {
            Ok(packet) if packet.attachments > 0 => {
                if text.len() > self.config.limits.max_event_size {
                    return self.malformed(conn);
                }
                state.assembly = Some(Box::new(Assembly {
                    packet: text.into(),
                    missing: packet.attachments,
                    size: text.len(),
                    attachments: Vec::new(),
                }));
                let due = self.now.saturating_add(self.config.limits.attachment_timeout);
                self.timers.arm(Timer::Assembly(conn.slot), due);
            }
            Ok(packet) => self.packet(conn, &packet, None),
            Err(_) => self.malformed(conn),
        }
    }

    /// A binary message: an attachment of the packet before it.
    pub(super) fn binary_message(&mut self, conn: Key, bytes: &[u8]) {
        if self.config.engine_only {
            count(&mut self.counters.messages_in, 1);
            self.events.push(Kind::Binary(ConnId::new(conn))).bytes(bytes);
            return;
        }
        let Some(state) = self.conns.get_mut(conn) else { return };
        let Some(assembly) = &mut state.assembly else { return self.malformed(conn) };
        assembly.size = assembly.size.saturating_add(bytes.len());
        if assembly.size > self.config.limits.max_event_size {
            return self.malformed(conn);
        }
        assembly.attachments.push(bytes.into());
        assembly.missing = assembly.missing.saturating_sub(1);
        if assembly.missing > 0 {
            return;
        }
        let Some(assembly) = state.assembly.take() else { return };
        self.timers.cancel(Timer::Assembly(conn.slot));
        // It was decoded once before; that it is decoded again costs less than keeping its parts apart.
        match socketio::decode(&assembly.packet, &self.config.limits) {
            Ok(packet) => self.packet(conn, &packet, Some(&assembly)),
            Err(_) => self.malformed(conn),
        }
    }

    fn packet(&mut self, conn: Key, packet: &Packet<'_>, assembly: Option<&Assembly>) {
        let (joined, waiting) = self.socket_of(conn, packet.nsp);
        match (packet.kind, joined) {
            // Stock clients ask twice when a socket is opened by hand on a manager that is connected; one answer is enough.
            (PacketKind::Connect, None) if waiting => {}
            (PacketKind::Connect, Some(_)) => {}
            (PacketKind::Connect, None) => {
                let auth = if packet.data.is_empty() { "{}" } else { packet.data };
                self.connect(conn, packet.nsp, auth);
            }
            (PacketKind::Event | PacketKind::BinaryEvent, Some(socket)) => {
                self.event(socket, packet, assembly)
            }
            (PacketKind::Ack | PacketKind::BinaryAck, Some(socket)) => {
                count(&mut self.counters.messages_in, 1);
                let attachments = assembly.into_iter().flat_map(|assembly| &assembly.attachments);
                if let Some(number) = packet.id {
                    self.acknowledged(socket, number, packet.data, attachments.map(|it| &**it));
                } else {
                    count(&mut self.counters.unknown_acks, 1);
                }
            }
            (PacketKind::Disconnect, Some(socket)) => {
                self.remove_socket(socket, Reason::ClientNamespaceDisconnect);
            }
            (kind, None)
                if kind != PacketKind::Connect
                    && kind != PacketKind::ConnectError
                    && self.has_left(conn, packet.nsp) =>
            {
                // It was on its way when the socket left.
            }
            _ => self.out_of_place(conn),
        }
    }

    fn event(&mut self, socket: Key, packet: &Packet<'_>, assembly: Option<&Assembly>) {
        let Some(state) = self.sockets.get(socket).filter(|_| !packet.data.is_empty()) else { return };
        let kind = Kind::Message(SocketId::new(socket), NamespaceId::new(state.namespace), packet.id);
        let tag = state.tag;
        let (name, rest) = packet.event();
        count(&mut self.counters.messages_in, 1);
        self.events.push(kind).tag(tag).text(&[name]).text(&["[", rest, "]"]);
        for attachment in assembly.into_iter().flat_map(|assembly| &assembly.attachments) {
            self.events.bytes(attachment);
        }
    }

    /// The socket of a connection in a namespace, and whether one waits there for the host's decision.
    fn socket_of(&self, conn: Key, namespace: &str) -> (Option<Key>, bool) {
        let Some(state) = self.conns.get(conn) else { return (None, false) };
        for &key in &state.sockets {
            let Some(socket) = self.sockets.get(key) else { continue };
            if self.namespaces.get(socket.namespace).is_some_and(|home| &*home.name == namespace) {
                return if socket.connected { (Some(key), false) } else { (None, true) };
            }
        }
        (None, false)
    }

    /// Whether a connection was in this namespace before and is no more.
    fn has_left(&self, conn: Key, namespace: &str) -> bool {
        self.conns.get(conn).is_some_and(|conn| conn.left.iter().any(|name| &**name == namespace))
    }

    /// A packet does not fit the state of its connection, which ends. The reference gives the reason of whichever comes
    /// first: the transport's end, if the client can be told at once, or the server's.
    fn out_of_place(&mut self, conn: Key) {
        count(&mut self.counters.bad_packets, 1);
        let between_polls = match self.conns.get(conn).map(|conn| conn.transport) {
            Some(Transport::Polling { poll, .. }) => poll.is_none(),
            _ => false,
        };
        let reason = if between_polls { Reason::ForcedServerClose } else { Reason::ForcedClose };
        self.close_conn(conn, reason, Ending::Orderly);
    }

    /// A packet cannot be parsed: its connection's sockets hear of it, and it ends.
    pub(super) fn malformed(&mut self, conn: Key) {
        count(&mut self.counters.bad_packets, 1);
        let sockets = self.conns.get(conn).map(|conn| conn.sockets.clone()).unwrap_or_default();
        for key in sockets {
            if let Some(socket) = self.sockets.get(key).filter(|socket| socket.connected) {
                let namespace = NamespaceId::new(socket.namespace);
                self.log_unparsable(key);
                self.events.push(Kind::ProtocolError(SocketId::new(key), namespace)).tag(socket.tag);
            }
        }
        self.close_conn(conn, Reason::ForcedClose, Ending::Orderly);
    }
}

//! What a client with the msgpack parser says and hears. It must not know what carries it.

use crate::client::{Client, Out};
use crate::net::Net;
use crate::parse::Packet;
use roomcast::Limits;
use roomcast::wire::msgpack::packet as msgpack;
use roomcast::wire::socketio::{self, Kind};
use std::borrow::Cow;

impl Client {
    /// What is sent in place of it by a client with the msgpack parser. None while attachments are due.
    pub(crate) fn packed(&mut self, out: Out) -> Option<Out> {
        let (text, attachments) = match (out, self.packing.take()) {
            (Out::Text(text), _) => (text, Vec::new()),
            (Out::Binary(bytes), Some((text, mut attachments))) => {
                attachments.push(bytes);
                (text, attachments)
            }
            (out, None) => return Some(out),
        };
        let packet = text.strip_prefix('4').map(|text| socketio::decode(text, &Limits::default()));
        // What is no packet goes out as it is.
        let Some(Ok(packet)) = packet else { return Some(Out::Text(text)) };
        if attachments.len() < packet.attachments as usize {
            self.packing = Some((text, attachments));
            return None;
        }
        let attachments: Vec<Cow<'_, [u8]>> = attachments.iter().map(Into::into).collect();
        let mut bytes = Vec::new();
        msgpack::encode(&text[1..], &attachments, &mut bytes).expect("a packet");
        Some(Out::Binary(bytes))
    }

    pub(crate) fn unpack(&mut self, net: &mut Net, bytes: &[u8]) {
        let limits = Limits { max_event_size: usize::MAX, max_attachments: u32::MAX, ..Limits::default() };
        let received = msgpack::decode(bytes, &limits).expect("a packet of msgpack");
        let packet = received.packet(&limits).expect("a packet");
        let kind = match packet.kind {
            Kind::Connect => '0',
            Kind::Disconnect => '1',
            Kind::Event => '2',
            Kind::Ack => '3',
            Kind::ConnectError => '4',
            Kind::BinaryEvent => '5',
            Kind::BinaryAck => '6',
        };
        let packet = Packet {
            kind,
            nsp: packet.nsp.to_owned(),
            id: packet.id,
            data: packet.data.to_owned(),
            missing: 0,
            attachments: received.attachments.iter().map(|bytes| bytes.to_vec()).collect(),
        };
        self.packet(net, packet);
    }
}

//! What a client has heard so far. It must not change it.

use crate::client::Client;
use crate::parse::Packet;

impl Client {
    /// Whether one of its sockets has, or had, this id.
    pub(crate) fn has_sid(&self, sid: &str) -> bool {
        let known = |packet: &Packet| match self.old {
            true => self.socket_id(&packet.nsp).is_some_and(|own| own == sid),
            false => packet.data.contains(sid),
        };
        self.inbox.iter().any(|packet| packet.kind == '0' && known(packet))
    }

    /// The id of its socket in a namespace, as it was told it last or, in Engine.IO 3, as it makes it up.
    pub(crate) fn socket_id(&self, nsp: &str) -> Option<String> {
        let reply = self.inbox.iter().rfind(|packet| packet.kind == '0' && packet.nsp == nsp)?;
        match (self.old, nsp) {
            (false, _) => reply.json()["sid"].as_str().map(str::to_owned),
            (true, "/") => self.sid.clone(),
            (true, _) => Some(format!("{nsp}#{}", self.sid.as_ref()?)),
        }
    }

    /// What events said, as (namespace, arguments with the name).
    pub(crate) fn events(&self) -> Vec<(&str, &str)> {
        let events = self.inbox.iter().filter(|packet| packet.kind == '2' || packet.kind == '5');
        events.map(|packet| (&*packet.nsp, &*packet.data)).collect()
    }

    /// The data of everything that came in a namespace, with its type in front.
    pub(crate) fn heard(&self, nsp: &str) -> Vec<String> {
        let packets = self.inbox.iter().filter(|packet| packet.nsp == nsp && packet.kind != '0');
        packets.map(|packet| format!("{}{}", packet.kind, packet.data)).collect()
    }
}

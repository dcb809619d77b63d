//! What clients of Socket.IO 2 have otherwise, who come by Engine.IO 3: they are in `/` without having asked, ask for namespaces with
//! queries, and make up the ids of their sockets. It must not know what carries them.

use super::Hub;
use super::sockets::Socket;
use crate::base::ids::Key;
use crate::base::sid;
use crate::engine::Engine;
use crate::wire::engineio::Version;
use crate::wire::json;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// The ids that such clients know their sockets by: that of their session, with the namespace before it unless that is `/`.
#[derive(Debug, Default)]
pub(super) struct OldIds {
    by_slot: HashMap<u32, Arc<str>>,
    owners: HashMap<Arc<str>, Key>,
}

impl OldIds {
    fn add(&mut self, key: Key, id: Arc<str>) {
        self.owners.insert(Arc::clone(&id), key);
        self.by_slot.insert(key.slot, id);
    }

    /// A socket is gone.
    pub(super) fn remove(&mut self, key: Key) {
        if let Some(id) = self.by_slot.remove(&key.slot) {
            self.owners.remove(&id);
        }
    }

    /// The socket with this id.
    pub(super) fn owner(&self, id: &str) -> Option<Key> {
        self.owners.get(id).copied()
    }

    /// The id of a socket as its client knows it, whichever protocol it speaks.
    pub(super) fn id<'a>(&'a self, key: Key, socket: &'a Socket) -> &'a str {
        match self.by_slot.get(&key.slot) {
            Some(id) => id,
            None => sid::text(&socket.sid),
        }
    }
}

impl Hub {
    /// The id of a socket as its client knows it.
    pub(super) fn id_of<'a>(&'a self, key: Key, socket: &'a Socket) -> &'a str {
        self.old_ids.id(key, socket)
    }

    /// A socket has come whose client may be one that makes up its id.
    pub(super) fn note_old_id(&mut self, engine: &Engine, key: Key) {
        let Some(socket) = self.sockets.get(key) else { return };
        if engine.version(socket.conn) == Version::V4 {
            return;
        }
        let (Some(home), Some(own)) = (self.namespaces.get(socket.namespace), engine.sid(socket.conn)) else {
            return;
        };
        let id = if &*home.name == "/" { own.into() } else { format!("{}#{own}", home.name).into() };
        self.old_ids.add(key, id);
    }

    /// A client that is in `/` without having asked.
    pub(super) fn connect_unasked(&mut self, engine: &mut Engine, conn: Key) {
        if engine.version(conn) == Version::V3 {
            self.connect(engine, conn, "/", "{}");
        }
    }
}

/// The namespace that a packet of a client names, and what it asks for it with, if that stands there as a query.
///
/// The reference reads it as the path of a URL: what is not ASCII, or a space, it percent-encodes, and then finds no namespace of that
/// name. Here the name is as it was written.
pub(super) fn namespace<'a>(engine: &Engine, conn: Key, named: &'a str) -> (&'a str, Option<&'a str>) {
    if named.len() < 2 || engine.version(conn) == Version::V4 {
        return (named, None);
    }
    let named = named.split_once('#').map_or(named, |(before, _)| before);
    let (name, query) = named.split_once('?').unwrap_or((named, ""));
    (name, Some(query))
}

/// A query as the object that later clients send in its place. Of several values of a name the last one counts.
pub(super) fn auth(query: &str) -> String {
    let mut members: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    let mut places = HashMap::new();
    for (name, value) in crate::wire::http::query_pairs(query) {
        let place = *places.entry(name.clone()).or_insert(members.len());
        match members.get_mut(place) {
            Some(member) => member.1 = value,
            None => members.push((name, value)),
        }
    }
    let mut out = vec![b'{'];
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::write_string(&mut out, name);
        out.push(b':');
        json::write_string(&mut out, value);
    }
    out.push(b'}');
    // All that was written is text.
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::auth;

    /// As Node's `Object.fromEntries(new URL(name, "https://socket.io").searchParams)` prints them.
    #[test]
    fn a_query_becomes_an_object() {
        assert_eq!(auth(""), "{}");
        assert_eq!(auth("token=x"), r#"{"token":"x"}"#);
        assert_eq!(auth("a=1&b=%C3%A9+%26&a=%222%22&c"), r#"{"a":"\"2\"","b":"é &","c":""}"#);
        assert_eq!(auth("a==&&=b&%=%zz"), r#"{"a":"=","":"b","%":"%zz"}"#);
    }
}

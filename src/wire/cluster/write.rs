//! What the messages of all formats have in common, written: in JSON, or in msgpack. It must not know where in a message it stands.

use super::{Flags, Opts, Packet, RemoteSocket, Untold, Value};
use crate::wire::msgpack;
use crate::wire::{decimal, json};
use std::borrow::Cow;

/// A message while it is written. What begins must end, and have as many fields or items as it was said to have.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    in_json: bool,
    /// How long `out` may become.
    max: usize,
}

impl<'o> Writer<'o> {
    /// A message of at most `max` bytes behind what is in `out`.
    pub(super) fn new(out: &'o mut Vec<u8>, in_json: bool, max: usize) -> Self {
        let max = max.saturating_add(out.len());
        Self { out, in_json, max }
    }

    /// Whether all of it may be sent.
    pub(super) fn end(self) -> Result<(), Untold> {
        if self.out.len() <= self.max { Ok(()) } else { Err(Untold) }
    }

    pub(super) fn object(&mut self, fields: u32) {
        if self.in_json { self.out.push(b'{') } else { msgpack::map(self.out, fields) }
    }

    pub(super) fn end_object(&mut self) {
        if self.in_json {
            self.out.push(b'}');
        }
    }

    pub(super) fn list(&mut self, items: usize) {
        // Longer ones do not fit into a message.
        if self.in_json { self.out.push(b'[') } else { msgpack::list(self.out, items as u32) }
    }

    pub(super) fn end_list(&mut self) {
        if self.in_json {
            self.out.push(b']');
        }
    }

    /// Before each item of a list.
    pub(super) fn item(&mut self) {
        if self.in_json && self.out.last() != Some(&b'[') {
            self.out.push(b',');
        }
    }

    /// Before a field's value. Nothing in it needs an escape.
    pub(super) fn key(&mut self, key: &str) -> &mut Self {
        if self.in_json {
            if self.out.last() != Some(&b'{') {
                self.out.push(b',');
            }
            self.out.push(b'"');
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(b"\":");
        } else {
            msgpack::text(self.out, key);
        }
        self
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.in_json { json::write_string(self.out, text) } else { msgpack::text(self.out, text) }
    }

    pub(super) fn number(&mut self, number: u64) {
        if self.in_json {
            decimal::write(self.out, number);
        } else {
            msgpack::number(self.out, number);
        }
    }

    pub(super) fn flag(&mut self, flag: bool) {
        if self.in_json {
            self.out.extend_from_slice(if flag { b"true" } else { b"false" });
        } else {
            msgpack::flag(self.out, flag);
        }
    }

    pub(super) fn names(&mut self, names: &[Cow<'_, str>]) {
        self.list(names.len());
        for name in names {
            self.item();
            self.text(name);
        }
        self.end_list();
    }

    /// JSON, which has no attachments where it stays JSON.
    pub(super) fn json(&mut self, json: &str, attachments: &[Cow<'_, [u8]>]) -> Result<(), Untold> {
        if self.in_json {
            self.out.extend_from_slice(json.as_bytes());
            return Ok(());
        }
        msgpack::from_json(json, attachments, self.out, self.max).map_err(|_| Untold)
    }

    pub(super) fn value(&mut self, value: &Value<'_>) -> Result<(), Untold> {
        self.json(&value.json, &value.attachments)
    }

    /// An array of a name and arguments.
    pub(super) fn event(&mut self, packet: &Packet<'_>) -> Result<(), Untold> {
        let Packet { name, args, attachments } = packet;
        if self.in_json {
            self.out.push(b'[');
            self.text(name);
            let rest = json::elements(args).rest();
            if !rest.is_empty() {
                self.out.push(b',');
                self.out.extend_from_slice(rest.as_bytes());
            }
            self.out.push(b']');
            return Ok(());
        }
        msgpack::from_event(name, args, attachments, self.out, self.max).map_err(|_| Untold)
    }

    /// A packet that is an event, with its namespace if it is said in there.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, namespace: Option<&str>) -> Result<(), Untold> {
        self.object(if namespace.is_some() { 3 } else { 2 });
        self.key("type").number(2);
        self.key("data").event(packet)?;
        if let Some(namespace) = namespace {
            self.key("nsp").text(namespace);
        }
        self.end_object();
        Ok(())
    }

    /// Whom it is about.
    pub(super) fn whom(&mut self, opts: &Opts<'_>) {
        self.object(2);
        self.key("rooms").names(&opts.rooms);
        self.key("except").names(&opts.except);
        self.end_object();
    }

    /// Whom it is about, and how it is delivered.
    pub(super) fn opts(&mut self, opts: &Opts<'_>) {
        self.object(3);
        self.key("rooms").names(&opts.rooms);
        self.key("except").names(&opts.except);
        self.key("flags").flags(opts.flags);
        self.end_object();
    }

    fn flags(&mut self, flags: Flags) {
        let Flags { volatile, compress, timeout, expect_single_response } = flags;
        let set = [volatile, compress.is_some(), timeout.is_some(), expect_single_response];
        self.object(set.iter().map(|&set| u32::from(set)).sum());
        if volatile {
            self.key("volatile").flag(true);
        }
        if let Some(compress) = compress {
            self.key("compress").flag(compress);
        }
        if let Some(timeout) = timeout {
            self.key("timeout").number(timeout);
        }
        if expect_single_response {
            self.key("expectSingleResponse").flag(true);
        }
        self.end_object();
    }

    pub(super) fn sockets(&mut self, sockets: &[RemoteSocket<'_>]) -> Result<(), Untold> {
        self.list(sockets.len());
        for RemoteSocket { id, handshake, rooms, data } in sockets {
            self.item();
            self.object(4);
            self.key("id").text(id);
            self.key("handshake").json(handshake, &[])?;
            self.key("rooms").names(rooms);
            self.key("data").value(data)?;
            self.end_object();
        }
        self.end_list();
        Ok(())
    }
}

//! What sessions of Engine.IO 3 have otherwise: the client's pings, payloads with lengths, answers that are scripts. It must not know
//! what a message contains.

use super::conn::Timer;
use super::endpoint::Query;
use super::{Ending, Engine, Upper};
use crate::base::Millis;
use crate::base::ids::Key;
use crate::host::reason::Reason;
use crate::out::Form;
use crate::wire::engineio::v3::{self, Part};
use crate::wire::engineio::{Malformed, Packet, Version, jsonp};

impl Query {
    pub(super) fn version(&self) -> Version {
        Version::of_query(&self.version)
    }

    /// The form of the polling that it asks for.
    pub(super) fn polling_form(&self) -> Form {
        match self.version() {
            Version::V4 => Form::Polling,
            Version::V3 if self.base64 || self.callback.is_some() => Form::Polling3,
            Version::V3 => Form::BinaryPolling3,
        }
    }
}

impl Engine {
    /// Whether clients of the version that a handshake names are let in.
    pub(super) fn speaks(&self, query: &Query) -> bool {
        query.version() == Version::V4 || self.config.allow_eio3
    }

    /// Whether a handshake is that of a page which polls by `<script>` elements, while pages are asked for their origin. Browsers do not
    /// say it then, and send cookies.
    pub(super) fn has_no_origin(&self, query: &Query) -> bool {
        self.config.check_origin
            && self.config.allow_eio3
            && query.version() == Version::V3
            && query.callback.is_some()
    }

    /// When a client has sent no ping for too long that sends none from now on.
    pub(super) fn after_no_ping(&self) -> Millis {
        self.after(self.config.ping_interval.saturating_add(self.config.ping_timeout))
    }

    /// A ping, which is answered; or a pong, where heartbeats go the other way.
    pub(super) fn old_beat(&mut self, key: Key, packet: &Packet<'_>) {
        if !matches!(packet, Packet::Ping(_)) {
            return self.close_conn(key, Reason::TransportError, Ending::Final);
        }
        self.timers.arm(Timer::Heartbeat(key.slot), self.after_no_ping());
        self.send_text(key, "3");
    }

    /// Packets that came in one POST, up to the first malformed one.
    pub(super) fn old_payload(&mut self, key: Key, body: &[u8], binary: bool, upper: &mut impl Upper) {
        let read = match binary {
            true => self.binary_payload(key, body, upper),
            false => self.text_payload(key, body, upper),
        };
        if read.is_err() {
            self.unparsable(key);
        }
    }

    fn text_payload(&mut self, key: Key, body: &[u8], upper: &mut impl Upper) -> Result<(), Malformed> {
        // As in the reference, what is not UTF-8 is replaced, not refused.
        let body = String::from_utf8_lossy(body);
        let is_form = self.conns.get(key).is_some_and(|conn| conn.callback.is_some());
        let body = if is_form { jsonp::read_form(&body)?.into() } else { body };
        let mut rest = &*body;
        if rest.is_empty() {
            return Err(Malformed);
        }
        while !rest.is_empty() && self.is_open(key) {
            let (packet, behind) = v3::first_packet(rest)?;
            if !packet.is_empty() {
                self.text_packet(key, packet, upper);
            }
            rest = behind;
        }
        Ok(())
    }

    fn binary_payload(&mut self, key: Key, body: &[u8], upper: &mut impl Upper) -> Result<(), Malformed> {
        let mut rest = body;
        while !rest.is_empty() && self.is_open(key) {
            let (part, behind) = v3::first_part(rest)?;
            match part {
                Part::Text(packet) => self.text_packet(key, packet, upper),
                Part::Binary(packet) => self.binary_packet(key, packet, upper),
            }
            rest = behind;
        }
        Ok(())
    }

    fn is_open(&self, key: Key) -> bool {
        self.conns.get(key).is_some_and(|conn| conn.is_open())
    }

    /// Answers the open poll of a connection, if there is one, with nothing.
    pub(super) fn answer_with_noop(&mut self, key: Key) {
        if let Some(version) = self.conns.get(key).map(|conn| conn.version) {
            self.answer_poll(key, version.noop());
        }
    }

    /// A payload, which is text then, as it goes to a client that polls by `<script>` elements.
    pub(super) fn script(&self, key: Key, payload: &[u8]) -> Option<Vec<u8>> {
        let callback = self.conns.get(key)?.callback.as_deref()?;
        let mut script = Vec::new();
        jsonp::write_call(&mut script, callback, std::str::from_utf8(payload).unwrap_or_default());
        Some(script)
    }
}

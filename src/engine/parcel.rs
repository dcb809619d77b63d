//! What one loop gives to another: a link between two requests, a connection that goes where its client's session is, or that one has
//! ended. It must not do anything with it.

use super::conn::Conn;
use super::link::WebSocket;
use crate::base::Millis;
use crate::host::peer::Peer;
use crate::host::tls::TlsInfo;
use crate::wire::ws::Opcode;
use std::sync::Arc;

/// What a service gives to the same service on another loop, by [`Output::hand_over`](crate::service::Output::hand_over). It alone knows
/// what is in it.
#[derive(Debug)]
pub struct Parcel(pub(super) Given);

#[derive(Debug)]
pub(super) enum Given {
    /// With a link on which the next request is for a session of that loop: what was sent and nobody has used yet. Or with one that comes
    /// from elsewhere.
    Link { peer: Peer, tls: Option<Arc<TlsInfo>>, input: Vec<u8>, adopted: bool },
    /// A connection; with a link, if it has a WebSocket.
    Conn(Box<Moving>),
    /// The connection of this id, which came from there, is over.
    Over(Box<str>),
}

impl Parcel {
    /// With a link that somebody else has accepted, and has read this of.
    #[cfg(unix)]
    pub(crate) fn of_adopted(peer: Peer, input: Vec<u8>) -> Self {
        Self(Given::Link { peer, tls: None, input, adopted: true })
    }

    /// With a link on which nothing has been said yet.
    pub(crate) fn of_new_link(peer: Peer) -> Self {
        Self(Given::Link { peer, tls: None, input: Vec::new(), adopted: false })
    }
}

/// A connection between two loops. Times are from now on: each loop has a clock of its own.
#[derive(Debug)]
pub(super) struct Moving {
    pub(super) conn: Conn,
    /// What carries it, or may come to. What the connection has coming is in its output.
    pub(super) websocket: Option<WebSocket>,
    /// What it has coming, over polling.
    pub(super) queued: Vec<(Opcode, Box<[u8]>)>,
    pub(super) heartbeat: Option<Millis>,
    pub(super) upgrade: Option<Millis>,
    pub(super) upgrade_poll: Option<Millis>,
}

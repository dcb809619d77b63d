//! What a host may call, for many loops: changes are told to the loops they concern, questions are asked of them. What can be
//! checked without asking is checked here, so that it is known at once.

use super::Fleet;
use crate::base::Millis;
use crate::base::errors::{Error, Result};
use crate::base::ids::{AckId, ConnId, NamespaceId, SocketId};
use crate::broker::delivery::{check_args, check_message};
use crate::broker::message::{Message, Receipt, Target};
use crate::broker::metrics::Metrics;
use crate::broker::namespaces::normal;
use crate::broker::stats::Stats;
use crate::broker::{NamespaceOptions, PatternOptions, Resource};
use crate::net::remote::{Command, Envelope, Loops};
use crate::net::seat::Seat;
use crate::session::handshake::Handshake;
use crate::wire::json;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

impl Fleet {
    // ---- changes ----

    pub(in crate::net) fn emit(&self, target: Target<'_>, message: Message<'_>) -> Result<Receipt> {
        let (loops, command) = Command::emit(target.into(), message, &self.config.limits)?;
        self.check_namespace(target.namespace)?;
        self.send(loops, command)?;
        Ok(Receipt::default())
    }

    pub(in crate::net) fn send_to(&self, socket: SocketId, message: Message<'_>) -> Result<Receipt> {
        check_message(&message, &self.config.limits)?;
        let message = crate::net::remote::OwnedMessage::from(message);
        self.tell_home(socket, "send", move |core, socket| {
            let attachments: Vec<&[u8]> = message.attachments.iter().map(Vec::as_slice).collect();
            core.send(socket, message.borrow(&attachments)).map(drop)
        })?;
        Ok(Receipt::default())
    }

    pub(in crate::net) fn ack(
        &self,
        socket: SocketId,
        ack: u64,
        args: &str,
        attachments: &[&[u8]],
    ) -> Result<()> {
        check_args(args, attachments, &self.config.limits)?;
        let args = args.to_owned();
        let attachments: Vec<Vec<u8>> = attachments.iter().map(|bytes| bytes.to_vec()).collect();
        self.tell_home(socket, "ack", move |core, socket| {
            let attachments: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
            core.ack(socket, ack, &args, &attachments)
        })
    }

    pub(in crate::net) fn change_rooms(
        &self,
        socket: SocketId,
        leave: &[&str],
        join: &[&str],
    ) -> Result<usize> {
        let (loops, command) = Command::change_rooms(socket, leave, join, &self.config.limits)?;
        self.send(loops, command).map(|()| 0)
    }

    pub(in crate::net) fn leave_all(&self, socket: SocketId) -> Result<()> {
        self.tell_home(socket, "leave_all", |core, socket| core.leave_all(socket))
    }

    pub(in crate::net) fn disconnect(&self, socket: SocketId, close: bool) -> Result<()> {
        self.send(Loops::of(socket), || Command::Disconnect { socket, close })
    }

    pub(in crate::net) fn set_tag(&self, socket: SocketId, tag: u64) -> Result<()> {
        self.tell_home(socket, "set_tag", move |core, socket| core.set_tag(socket, tag))
    }

    pub(in crate::net) fn accept(&self, socket: SocketId) -> Result<()> {
        self.tell_home(socket, "accept", |core, socket| core.accept(socket))
    }

    pub(in crate::net) fn reject(&self, socket: SocketId, message: &str, data: Option<&str>) -> Result<()> {
        if let Some(data) = data {
            json::validate(data, self.config.limits.max_json_depth).map_err(|_| Error::BadData)?;
        }
        let (message, data) = (message.to_owned(), data.map(str::to_owned));
        self.tell_home(socket, "reject", move |core, socket| core.reject(socket, &message, data.as_deref()))
    }

    pub(in crate::net) fn allow(&self, conn: ConnId) -> Result<()> {
        let local = conn.local();
        self.tell(conn.loop_number(), "allow", move |core| core.allow(local))
    }

    pub(in crate::net) fn refuse(&self, conn: ConnId, message: &str) -> Result<()> {
        let (local, message) = (conn.local(), message.to_owned());
        self.tell(conn.loop_number(), "refuse", move |core| core.refuse(local, &message))
    }

    pub(in crate::net) fn close_connection(&self, conn: ConnId) -> Result<()> {
        let local = conn.local();
        self.tell(conn.loop_number(), "close_connection", move |core| core.close_connection(local))
    }

    pub(in crate::net) fn send_message(&self, conn: ConnId, text: &str) -> Result<()> {
        self.check_engine()?;
        let (local, text) = (conn.local(), text.to_owned());
        self.tell(conn.loop_number(), "send_message", move |core| core.send_message(local, &text))
    }

    pub(in crate::net) fn send_binary(&self, conn: ConnId, bytes: &[u8]) -> Result<()> {
        self.check_engine()?;
        let (local, bytes) = (conn.local(), bytes.to_owned());
        self.tell(conn.loop_number(), "send_binary", move |core| core.send_binary(local, &bytes))
    }

    fn check_engine(&self) -> Result<()> {
        if self.config.engine_only { Ok(()) } else { Err(Error::WrongState) }
    }

    pub(in crate::net) fn drain(&self, per_second: u32, reason: &str) -> Result<()> {
        self.send(Loops::ALL, Command::drain(per_second, reason)?)
    }

    pub(in crate::net) fn stop_draining(&self) {
        // Loops that have ended take nobody in.
        let _ = self.send(Loops::ALL, || Command::StopDraining);
    }

    // ---- questions ----

    pub(in crate::net) fn emit_with_ack(
        &mut self,
        target: Target<'_>,
        message: Message<'_>,
        timeout: Option<Millis>,
    ) -> Result<(Receipt, Option<AckId>)> {
        check_message(&message, &self.config.limits)?;
        self.check_namespace(target.namespace)?;
        let envelope = Arc::new(Envelope { target: target.into(), message: message.into() });
        let answers = self.ask_all(move |seat: &mut Seat| {
            let message = &envelope.message;
            let attachments: Vec<&[u8]> = message.attachments.iter().map(Vec::as_slice).collect();
            let message = message.borrow(&attachments);
            let asked =
                seat.with_target(&envelope, |core, target| core.emit_with_ack(target, message, timeout));
            let number = seat.ids.number();
            asked
                .unwrap_or(Ok(Default::default()))
                .map(|(receipt, ack)| (receipt, ack.map(|ack| ack.on_loop(number))))
        })?;
        let (mut total, mut parts, mut failed) = (Receipt::default(), Vec::new(), None);
        for answer in answers {
            match answer {
                Ok((receipt, ack)) => {
                    total.recipients += receipt.recipients;
                    total.skipped += receipt.skipped;
                    parts.extend(ack.map(|ack| (ack, receipt.recipients - receipt.skipped)));
                }
                Err(error) => failed = Some(error),
            }
        }
        match (failed, self.acks.join(parts)) {
            (Some(error), None) => Err(error),
            // Somebody is asked already: those who could not be are as good as gone.
            (_, ack) => Ok((total, ack)),
        }
    }

    pub(in crate::net) fn add_namespace(&self, name: &str, options: NamespaceOptions) -> Result<NamespaceId> {
        let name = normal(name)?.into_owned();
        let answers = self.ask_all(move |seat| {
            let local = seat.core.add_namespace(&name, options)?;
            seat.ids.namespace_out(&seat.core, local)
        })?;
        answers.into_iter().reduce(Result::and).unwrap_or(Err(Error::Closed))
    }

    pub(in crate::net) fn add_pattern(&self, glob: &str, options: PatternOptions) -> Result<()> {
        let glob = glob.to_owned();
        let answers = self.ask_all(move |seat| seat.core.add_pattern(&glob, options))?;
        answers.into_iter().collect()
    }

    pub(in crate::net) fn serve(&self, path: &str, resource: Resource) -> Result<()> {
        let path = path.to_owned();
        let answers = self.ask_all(move |seat| seat.core.serve(&path, resource.clone()))?;
        answers.into_iter().collect()
    }

    pub(in crate::net) fn find_namespace(&self, name: &str) -> Option<NamespaceId> {
        self.names.find(&normal(name).ok()?)
    }

    pub(in crate::net) fn namespace_name(&self, namespace: NamespaceId) -> Result<String> {
        self.names.name(namespace).map(String::from).ok_or(Error::Gone)
    }

    pub(in crate::net) fn namespaces(&self) -> Vec<(NamespaceId, String)> {
        self.names.list().into_iter().map(|(id, name)| (id, name.into())).collect()
    }

    pub(in crate::net) fn members(&self, namespace: NamespaceId, room: &str) -> Result<Vec<SocketId>> {
        self.check_namespace(namespace)?;
        let room = room.to_owned();
        self.sockets(move |seat| match seat.ids.namespace_in(&seat.core, namespace)? {
            Some(local) => Ok(seat.core.members(local, &room)?.collect()),
            None => Ok(Vec::new()),
        })
    }

    pub(in crate::net) fn sockets_in(&self, namespace: NamespaceId) -> Result<Vec<SocketId>> {
        self.check_namespace(namespace)?;
        self.sockets(move |seat| match seat.ids.namespace_in(&seat.core, namespace)? {
            Some(local) => Ok(seat.core.sockets_in(local)?.collect()),
            None => Ok(Vec::new()),
        })
    }

    fn sockets(
        &self,
        of: impl Fn(&mut Seat) -> Result<Vec<SocketId>> + Send + Sync + 'static,
    ) -> Result<Vec<SocketId>> {
        let answers = self.ask_all(move |seat| {
            let number = seat.ids.number();
            // A namespace may end while it is asked about.
            let here = of(seat).unwrap_or_default();
            here.into_iter().map(|socket| socket.on_loop(number)).collect::<Vec<_>>()
        })?;
        Ok(answers.concat())
    }

    pub(in crate::net) fn rooms_in(&self, namespace: NamespaceId) -> Result<Vec<String>> {
        self.check_namespace(namespace)?;
        let answers = self.ask_all(move |seat| match seat.ids.namespace_in(&seat.core, namespace) {
            Ok(Some(local)) => {
                seat.core.rooms_in(local).map(|rooms| rooms.map(str::to_owned).collect()).unwrap_or_default()
            }
            _ => Vec::new(),
        })?;
        let mut seen = HashSet::new();
        let mut rooms = answers.concat();
        rooms.retain(|room| seen.insert(room.clone()));
        Ok(rooms)
    }

    pub(in crate::net) fn is_member(&self, socket: SocketId, room: &str) -> Result<bool> {
        let (local, room) = (socket.local(), room.to_owned());
        self.ask(socket.loop_number(), move |seat| seat.core.is_member(local, &room))?
    }

    pub(in crate::net) fn rooms_of(&self, socket: SocketId) -> Result<Vec<String>> {
        let local = socket.local();
        self.ask(socket.loop_number(), move |seat| {
            Ok(seat.core.rooms_of(local)?.map(str::to_owned).collect::<Vec<_>>())
        })?
    }

    pub(in crate::net) fn socket_sid(&self, socket: SocketId) -> Result<String> {
        let local = socket.local();
        self.ask(socket.loop_number(), move |seat| seat.core.socket_sid(local).map(str::to_owned))?
    }

    pub(in crate::net) fn find_socket(&self, id: &str) -> Option<SocketId> {
        let id = id.to_owned();
        let answers = self.ask_all(move |seat| {
            let number = seat.ids.number();
            seat.core.find_socket(&id).map(|socket| socket.on_loop(number))
        });
        answers.ok()?.into_iter().flatten().next()
    }

    pub(in crate::net) fn namespace_of(&self, socket: SocketId) -> Result<NamespaceId> {
        let local = socket.local();
        self.ask(socket.loop_number(), move |seat| {
            let namespace = seat.core.namespace_of(local)?;
            seat.ids.namespace_out(&seat.core, namespace)
        })?
    }

    pub(in crate::net) fn tag(&self, socket: SocketId) -> Result<u64> {
        let local = socket.local();
        self.ask(socket.loop_number(), move |seat| seat.core.tag(local))?
    }

    pub(in crate::net) fn conn_of(&self, socket: SocketId) -> Result<ConnId> {
        let (local, number) = (socket.local(), socket.loop_number());
        self.ask(number, move |seat| seat.core.conn_of(local).map(|conn| conn.on_loop(number)))?
    }

    pub(in crate::net) fn is_websocket(&self, conn: ConnId) -> Result<bool> {
        let local = conn.local();
        self.ask(conn.loop_number(), move |seat| seat.core.is_websocket(local))?
    }

    pub(in crate::net) fn queued_bytes(&self, socket: SocketId) -> Result<usize> {
        let local = socket.local();
        self.ask(socket.loop_number(), move |seat| seat.core.queued_bytes(local))?
    }

    pub(in crate::net) fn conn_handshake(&self, conn: ConnId) -> Result<Handshake<'_>> {
        let local = conn.local();
        let origin = self.ask(conn.loop_number(), move |seat| seat.core.origin(local).cloned())??;
        Ok(Handshake::new(Cow::Owned(origin), &self.config.limits))
    }

    pub(in crate::net) fn is_draining(&self) -> bool {
        let answers = self.ask_all(|seat| seat.core.is_draining());
        answers.unwrap_or_default().contains(&true)
    }

    pub(in crate::net) fn metrics(&self) -> Metrics {
        let answers = self.ask_all(|seat| seat.core.metrics()).unwrap_or_default();
        let total = answers.into_iter().reduce(|total, metrics| total.plus(&metrics)).unwrap_or_default();
        Metrics { stats: Stats { namespaces: self.names.list().len(), ..total.stats }, ..total }
    }

    pub(in crate::net) fn stats(&self) -> Stats {
        let answers = self.ask_all(|seat| seat.core.stats()).unwrap_or_default();
        let total = answers.iter().fold(Stats::default(), |total, stats| total.plus(stats));
        Stats { namespaces: self.names.list().len(), ..total }
    }
}

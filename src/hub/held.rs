//! What is emitted to sockets that the host has yet to let in: it waits, and leaves behind the CONNECT. It must not keep more for a
//! session than its backlog may hold.

use super::Hub;
use super::clients::Clients;
use super::message::{Delivery, Receipt, Target};
use super::place::Place;
use super::sockets::{Life, Socket};
use crate::base::ids::Key;
use crate::base::slots::Slots;
use crate::engine::{Ending, Engine};
use crate::host::reason::Reason;
use crate::host::stats::count;
use crate::out::Frame;
use crate::out::backlog::{Backlog, Class};
use crate::route::Member;

impl Hub {
    /// Keeps a message that was framed for those in `target` who are asking; tells `each` about every one who will get it.
    #[expect(clippy::arithmetic_side_effects, reason = "counts of recipients")]
    pub(super) fn hold(
        &mut self,
        engine: &mut Engine,
        target: &Target<'_>,
        frame: Frame,
        delivery: Delivery,
        mut each: impl FnMut(Member),
    ) -> Receipt {
        let mut receipt = Receipt::default();
        let Ok(namespace) = self.namespace(target.namespace) else { return receipt };
        let ns = namespace.asking;
        if !self.resolve(target, Place::Asking) {
            return receipt;
        }
        let class = match delivery {
            Delivery::Reliable => Some(Class::Keep),
            Delivery::DropOldest => Some(Class::DropOldest),
            Delivery::Latest(key) => {
                Some(Class::Latest { namespace: target.namespace.key().generation, key })
            }
            // What waits is not volatile.
            Delivery::Volatile => None,
        };
        let Self { asking, sockets, clients, named: (members, except), .. } = self;
        let mut message = None;
        let mut overflown = Vec::new();
        asking.select(&target.selection(ns, members, except), |member, _| {
            receipt.recipients += 1;
            let Some(class) = class else {
                receipt.skipped += 1;
                return;
            };
            let message = message.get_or_insert_with(|| engine.outbox.copy(frame));
            let bound =
                engine.config.limits.max_backlog.saturating_sub(held_beside(sockets, clients, member));
            let Some(Socket { conn, life: Life::Asking(held), .. }) = sockets.at_mut(member) else { return };
            let backlog = held.get_or_insert_with(|| Box::new(engine.outbox.new_backlog()));
            let pushed = backlog.push(message, message.all(), 0, 0, class, bound);
            count(&mut engine.counters.replaced_latest, pushed.replaced.into());
            count(&mut engine.counters.dropped_oldest, pushed.dropped.into());
            if pushed.overflow {
                overflown.push(*conn);
            }
            each(member);
        });
        count(&mut engine.counters.dropped_volatile, receipt.skipped as u64);
        for conn in overflown {
            count(&mut engine.counters.slow_consumers, 1);
            engine.close_conn(conn, Reason::SlowConsumer, Ending::Abrupt);
        }
        receipt
    }

    /// Sends what has waited for a socket that was let in.
    pub(super) fn release(engine: &mut Engine, conn: Key, held: &Backlog) {
        for (packets, class) in held.messages() {
            count(&mut engine.counters.deliveries, packets.messages() as u64);
            engine.send_run(conn, packets, class);
        }
    }
}

/// Bytes held for the other sockets of a session.
fn held_beside(sockets: &Slots<Socket>, clients: &Clients, member: Member) -> usize {
    let Some(client) = sockets.at(member).and_then(|socket| clients.get(socket.conn)) else { return 0 };
    let others = client.sockets.iter().filter(|other| other.slot != member);
    others.filter_map(|&other| sockets.get(other)).map(Socket::held_bytes).sum()
}

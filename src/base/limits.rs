//! Every numeric limit, with its default and its reason: the one table. Nothing outside it may bound what a peer sends.

use super::open::Open;
use super::unfit::{ConfigError, Field};

/// The longest time, in milliseconds, that a client's timer holds: 31 bits, some 24 days. In a browser, a longer one is due at
/// once.
pub(crate) const MAX_TIME: u64 = i32::MAX as u64;

macro_rules! define {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:expr, $min:expr $(, $max:expr)?;)*) => {
        /// What a peer may make the broker hold, and for how long.
        ///
        /// Every field has a safe default; change those you know better and pass the whole in
        /// [`Config`](crate::Config). Times are at most 2,147,483,647 milliseconds, some 24 days.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])* pub $name: $type,)*
            #[doc(hidden)]
            pub open: Open,
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* open: Open::default() }
            }
        }

        impl Limits {
            /// Refuses the first field with a value too small for the broker to work at all, or too large to count with.
            pub(crate) fn check(&self) -> Result<(), ConfigError> {
                $(fields::$name.takes(self.$name as u64)?;)*
                Ok(())
            }

            /// Limits that follow from others, where they were left alone.
            pub(crate) fn settle(&mut self) {
                if self.max_event_size == Self::default().max_event_size {
                    self.max_event_size = self.max_event_size.max(self.max_payload.saturating_mul(4));
                }
                if self.max_fragments == Self::default().max_fragments {
                    let most = u32::try_from(self.max_payload / 1_000).unwrap_or(u32::MAX);
                    self.max_fragments = self.max_fragments.max(most);
                }
                if self.max_backlog == Self::default().max_backlog {
                    self.max_backlog = self.max_backlog.max(self.max_payload.saturating_mul(4));
                }
            }

            /// The table as (name, default, first line of the reason), for the documentation.
            pub const TABLE: &'static [(&'static str, u64, &'static str)] = &[
                $((stringify!($name), $default as u64, concat!($($doc),*)),)*
            ];
        }

        /// What each takes.
        #[allow(non_upper_case_globals)]
        pub(crate) mod fields {
            use super::*;

            $(pub(crate) static $name: Field =
                Field::range(stringify!($name), $min, [$($max,)? <$type>::MAX as u64][0]);)*
        }
    };
}

/// Hands the table to the macro named: a row for each limit, with its documentation, its type, its default, the least it takes, and the most
/// if that is not its type's.
macro_rules! limits {
    ($then:ident) => {
        $then! {
            /// Bytes of one message from a client: a POST body, a WebSocket message however fragmented. An event with its
            /// attachments is several messages. The reference's `maxHttpBufferSize`.
            max_payload: usize = 1_000_000, 1;
            /// Bytes of a request's head: request line and headers together. Node's `maxHeaderSize`.
            max_head_bytes: usize = 16 * 1024, 256;
            /// Headers of one request.
            max_headers: usize = 100, 8;
            /// Milliseconds from the first byte of a request to the end of its head.
            head_timeout: u64 = 10_000, 1, MAX_TIME;
            /// Milliseconds from the end of a request's head to the end of its body.
            body_timeout: u64 = 30_000, 1, MAX_TIME;
            /// Milliseconds a client may leave an answer unread, counted anew whenever it reads some of it.
            answer_timeout: u64 = 30_000, 1, MAX_TIME;
            /// Milliseconds an HTTP connection may be open with no request on it. Longer than a proxy or balancer in front keeps its own,
            /// mostly 60 s: who closes first does not send a request into a connection that is just being closed.
            idle_timeout: u64 = 75_000, 1, MAX_TIME;
            /// Milliseconds a WebSocket upgrade for a path nobody serves is left open. The reference's
            /// `destroyUpgradeTimeout`.
            destroy_upgrade_timeout: u64 = 1_000, 0, MAX_TIME;
            /// Milliseconds a closing connection may take for its last bytes and its close handshake.
            close_timeout: u64 = 5_000, 1, MAX_TIME;
            /// Fragments of one WebSocket message: bounds the bookkeeping, which tiny fragments would swell. Left at its default it
            /// grows to one for each 1,000 bytes of `max_payload`; browsers cut at 131,000.
            max_fragments: u32 = 1_024, 1;
            /// Attachments of one binary event. The reference's `maxAttachments`.
            max_attachments: u32 = 10, 0;
            /// Bytes of one event from a client, or of one acknowledgement, with its attachments; a larger one ends its connection as one
            /// that cannot be parsed does. Left at its default it grows to four times `max_payload`. The reference has no such bound.
            max_event_size: usize = 4_000_000, 1;
            /// Milliseconds from an event that has attachments to the last of them; then its connection ends as for one that cannot be
            /// parsed. The reference waits for ever.
            attachment_timeout: u64 = 60_000, 1, MAX_TIME;
            /// Depth of nested arrays and objects in a client's JSON.
            max_json_depth: u32 = 512, 8;
            /// Bytes of a namespace name from a client; a longer one is refused as an unknown one is.
            max_namespace_name: usize = 512, 1;
            /// Namespaces one connection may be in, or wait for, at a time; one more is refused with `Too many namespaces`.
            max_namespaces_per_connection: u32 = 64, 1;
            /// Namespaces that one connection may bring to life by patterns within a minute; one more is refused with `Too many
            /// namespaces`. 0 sets no bound.
            max_new_namespaces_per_minute: u32 = 100, 0;
            /// Namespaces in all, those made from patterns included.
            max_namespaces: u32 = 100_000, 1;
            /// Bytes of a room name.
            max_room_name: usize = 16 * 1024, 1;
            /// Rooms one socket may be in.
            max_rooms_per_socket: u32 = 65_536, 1;
            /// Bytes of the names of all rooms that one socket is in: 64 for each, if there are as many as there may be.
            max_room_bytes: usize = 4 * 1024 * 1024, 1;
            /// Acknowledgements the host may wait for from one socket.
            max_pending_acks: u32 = 4_096, 1;
            /// TCP connections at a time; more are closed as they are accepted, and counted.
            max_links: u32 = 1_000_000, 1;
            /// Milliseconds from accepting a TCP connection to the end of its TLS handshake, if there is one.
            tls_handshake_timeout: u64 = 10_000, 1, MAX_TIME;
            /// Reads from TCP connections whose TLS handshake is not over, in one turn of the loop: each may cost a tenth of a
            /// millisecond.
            tls_handshake_budget: u32 = 32, 1;
            /// Connections at a time, those whose handshake the host has yet to allow included; more handshakes are answered with 503,
            /// and counted. Exact over all loops.
            max_connections: u32 = 1_000_000, 1;
            /// Connections at a time from one address; more handshakes are answered with 429, and counted. 0 sets no bound. Of IPv6 a
            /// network of 64 bits is one address. Behind proxies it needs `Config::trusted_proxies`.
            max_connections_per_address: u32 = 0, 0;
            /// Output queued for one connection that the kernel has not taken, in bytes. A message is accepted while
            /// less than this is queued before it; past that its delivery class decides. Left at its default it grows to four
            /// times `max_payload`, so that a client which is sent its largest messages back is not taken for a slow one.
            max_backlog: usize = 4 * 1024 * 1024, 1;
            /// Packets of one poll response; what is left waits for the next poll. Python's client refuses more than 16. To a client that
            /// has come back to its session all goes at once.
            max_poll_packets: usize = 16, 1;
            /// Bytes the output of one tick may reach before the tick is flushed early.
            max_tick_bytes: usize = 1024 * 1024, 4_096;
            /// Bytes of events waiting for the host; past that the broker stops reading until they are drained.
            max_event_bytes: usize = 4 * 1024 * 1024, 1;
            /// Events waiting for the host; past that the broker stops reading until they are drained.
            max_events: usize = 16_384, 1;
            /// Bytes read from one connection in one turn of the loop, so that a firehose starves nobody.
            read_budget: usize = 256 * 1024, 4_096;
            /// TCP connections accepted in one turn of the loop.
            accept_budget: u32 = 256, 1;
            /// Commands from other threads that may wait for the next poll.
            remote_queue: usize = 16_384, 1;
            /// Milliseconds of one turn of the loop that go to reading: what has not been read by then is read first in the next
            /// turn, so that a storm of clients does not hold up what the others are to be sent. 0 reads a few and goes on.
            step_time: u64 = 10, 0, MAX_TIME;
            /// New sessions let in each second; 0 sets no bound. More are answered with 503 and `Retry-After`, and counted. What
            /// clients do that are in already is not bounded by this.
            max_handshakes_per_second: u32 = 0, 0;
            /// New sessions that may come at once, ahead of `max_handshakes_per_second`; 0 is one second's worth.
            handshake_burst: u32 = 0, 0;
            /// New sessions from one address let in each second; more are answered with 429 and `Retry-After`, and counted. 0 sets no
            /// bound. Addresses are as for `max_connections_per_address`.
            max_handshakes_per_address: u32 = 0, 0;
            /// Milliseconds for which a socket of a namespace with recovery is waited for after its connection has ended.
            recovery_window: u64 = 120_000, 1, MAX_TIME;
            /// Bytes that each namespace with recovery keeps of what was emitted in it, for those who come back; the oldest goes first.
            /// With several loops each of them keeps so much, of what went to its own clients.
            recovery_log_bytes: usize = 16 * 1024 * 1024, 1;
            /// Sockets that may be away at a time, over all namespaces; past that the one that has been away the longest is waited for no
            /// more. 0: none.
            recovery_sessions: u32 = 65_536, 0;
        }
    };
}
#[cfg(feature = "capi")]
pub(crate) use limits;

limits!(define);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_their_own_check() {
        assert_eq!(Limits::default().check(), Ok(()));
        let limits = Limits { max_payload: 0, ..Limits::default() };
        assert_eq!(limits.check(), Err(fields::max_payload.refuses(0)));
    }

    #[test]
    fn limits_that_follow_from_others() {
        let settled = |max_payload, max_fragments| {
            let mut limits = Limits { max_payload, max_fragments, ..Limits::default() };
            limits.settle();
            limits.max_fragments
        };
        let default = Limits::default().max_fragments;
        assert_eq!(settled(1_000_000, default), 1_024);
        // A browser's fragments are larger than that by far.
        assert_eq!(settled(256 << 20, default), 268_435);
        assert_eq!(settled(usize::MAX, default), u32::MAX);
        assert_eq!(settled(256 << 20, 7), 7);
    }
}

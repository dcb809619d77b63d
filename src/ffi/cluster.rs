//! What nodes of a cluster say to each other, as the host names it. It must not know a configuration.

use super::guard::{Fault, Outcome};
use crate::host::config::{ClusterFormat, SubscriptionMode};

/// What `createAdapter` of Node's `@socket.io/redis-adapter` and its emitter say.
pub const ROOMCAST_CLUSTER_PUBSUB: u32 = 1;
/// The same, where this node listens to a channel for each room, and each socket, that it has, in place of a pattern for all that a
/// namespace may have: it does not hear then what is for others. It is as good as chosen from when Redis has refused the pattern, which
/// needs a rule of its own. Other nodes need not do so.
pub const ROOMCAST_CLUSTER_PUBSUB_ROOMS: u32 = 2;
/// What `createShardedAdapter` of the same package says, for Redis from 7 on, in its mode `dynamic`: a room that is not a socket's own
/// has a channel of its own.
pub const ROOMCAST_CLUSTER_SHARDED: u32 = 3;
/// The same in its mode `static`: no room has one.
pub const ROOMCAST_CLUSTER_SHARDED_STATIC: u32 = 4;
/// The same in its mode `dynamic-private`: all have, those of sockets too.
pub const ROOMCAST_CLUSTER_SHARDED_PRIVATE: u32 = 5;
/// What `createAdapter` of Node's `@socket.io/redis-streams-adapter` 0.3 and its emitter say: it stays in Redis for a while, and a node that
/// has lost its connection hears it afterwards.
pub const ROOMCAST_CLUSTER_STREAMS: u32 = 6;
/// What `RedisManager` of python-socketio says: emits, and orders about one socket or a whole room. There is nothing in it that asks other
/// nodes, or speaks to their hosts.
pub const ROOMCAST_CLUSTER_PYTHON: u32 = 7;

pub(super) fn format(value: u32) -> Outcome<ClusterFormat> {
    Ok(match value {
        ROOMCAST_CLUSTER_PUBSUB | ROOMCAST_CLUSTER_PUBSUB_ROOMS => ClusterFormat::PubSub,
        ROOMCAST_CLUSTER_SHARDED => ClusterFormat::Sharded(SubscriptionMode::Dynamic),
        ROOMCAST_CLUSTER_SHARDED_STATIC => ClusterFormat::Sharded(SubscriptionMode::Static),
        ROOMCAST_CLUSTER_SHARDED_PRIVATE => ClusterFormat::Sharded(SubscriptionMode::DynamicPrivate),
        ROOMCAST_CLUSTER_STREAMS => ClusterFormat::Streams,
        ROOMCAST_CLUSTER_PYTHON => ClusterFormat::Python,
        _ => return Err(Fault::value("config.cluster_format", "it is one of ROOMCAST_CLUSTER_")),
    })
}
